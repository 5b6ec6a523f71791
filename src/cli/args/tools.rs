//! What the user typed for the commands around a campaign: `doctor`, `emulate`, `init`, `help`,
//! `completions` and `man`. Nothing is checked here beyond its form.

use std::net::SocketAddr;

use clap::Args;

use super::*;

/// `doctor`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  fleetsweep doctor
  fleetsweep doctor --profile prod --json
  fleetsweep doctor --all-profiles
  fleetsweep doctor --settings")]
pub struct DoctorArgs {
    /// Show every setting, its value and where it comes from, and check nothing
    #[arg(long, conflicts_with_all = ["all_profiles", "profiles"])]
    pub settings: bool,

    /// Several tenants, a line for each.
    #[command(flatten)]
    pub several: ProfilesArgs,

    /// JSON lines on standard output
    #[arg(long)]
    pub json: bool,

    /// Where campaigns and calls are kept, as sqlite:PATH or postgres://... [env: FLEETSWEEP_STORE]
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,

    /// Where the API is and who calls it.
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// Limits, for what is shown of them.
    #[command(flatten)]
    pub speed: SpeedArgs,
}

/// `consent-url`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  fleetsweep consent-url --profile customer-a
  fleetsweep consent-url --client-id 66666666-7777-8888-9999-000000000000
  fleetsweep consent-url --all-profiles")]
pub struct ConsentUrlArgs {
    /// Print JSON lines
    #[arg(long)]
    pub json: bool,

    /// Several tenants: the profile's name stands before its link.
    #[command(flatten)]
    pub several: ProfilesArgs,
    /// Whose the link is, and for which application; without a tenant it is for whoever opens it.
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `emulate`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  fleetsweep emulate --listen 127.0.0.1:8080 --scenario faults --speed 10")]
pub struct EmulateArgs {
    /// Loopback address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// What it plays: a name such as calm or faults, or a TOML file
    #[arg(long, value_name = "NAME", default_value = "calm", hide_possible_values = true,
        value_parser = words(text(), Scenario::names()))]
    pub scenario: String,

    /// Divide limit windows and the durations of actions by this
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    pub speed: f64,

    /// Seed of everything that is drawn
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Limits of the API that it plays
    #[arg(long = "limit", value_name = "CALLS/TIME")]
    pub limits: Vec<Quota>,
}

/// `init`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  fleetsweep init
  fleetsweep init --profile prod --tenant contoso.com \\
    --client-id 66666666-7777-8888-9999-000000000000 \\
    --client-secret-file ~/.fleetsweep-secret
  fleetsweep init --auth managed-identity --tenant contoso.com
  fleetsweep init --schema > fleetsweep.schema.json")]
pub struct InitArgs {
    /// Name of the profile in the settings file
    #[arg(long = "profile", id = "new_profile", value_name = "NAME", default_value = "prod")]
    pub name: String,

    /// Tenant id, or one of its domains; asked for if it is left out
    #[arg(long = "tenant", id = "new_tenant", value_name = "GUID|DOMAIN")]
    pub tenant: Option<String>,

    /// Way to sign in, as `fleetsweep help sign-in` lists them; asked for if it is left out
    #[arg(long = "auth", id = "new_auth", value_name = "KIND",
        hide_possible_values = true,
        value_parser = words(text(), SignInKind::ALL.map(SignInKind::name)))]
    pub auth: Option<String>,

    /// Application (client) id; asked for if it is left out and the way to sign in needs it
    #[arg(long = "client-id", id = "new_client_id", value_name = "GUID")]
    pub client_id: Option<String>,

    /// File with the client secret, the certificate or the token; asked for if it is left out and
    /// the way to sign in needs one
    #[arg(
        long = "file",
        id = "new_file",
        value_name = "PATH",
        visible_alias = "client-secret-file"
    )]
    pub file: Option<String>,

    /// Other address of the API, as of the emulator or a gateway; plain http for loopback alone
    #[arg(long = "api-url", id = "new_api_url", value_name = "URL")]
    pub api_url: Option<String>,

    /// Other address to sign in at
    #[arg(long = "login-url", id = "new_login_url", value_name = "URL")]
    pub login_url: Option<String>,

    /// Print the JSON schema of the settings file and do nothing else, for an editor that checks
    /// what is typed
    #[arg(long, conflicts_with_all = ["new_tenant", "new_auth", "new_client_id", "new_file",
        "new_api_url", "new_login_url"])]
    pub schema: bool,
}

/// `help`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  fleetsweep help nights
  fleetsweep help scan")]
pub struct HelpArgs {
    /// A topic or a command; all of them are listed if it is left out
    #[arg(value_name = "TOPIC|COMMAND", hide_possible_values = true,
        value_parser = words(text(), TOPICS.map(|topic| topic.name)))]
    pub subject: Option<String>,
}

/// `completions`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  fleetsweep completions bash > /etc/bash_completion.d/fleetsweep
  fleetsweep completions zsh > ~/.zfunc/_fleetsweep")]
pub struct CompletionsArgs {
    /// The shell: bash, elvish, fish, powershell or zsh
    #[arg(value_name = "SHELL", hide_possible_values = true)]
    pub shell: clap_complete::Shell,
}

/// `man`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  fleetsweep man /usr/local/share/man/man1
  fleetsweep man . && man ./fleetsweep-scan.1")]
pub struct ManArgs {
    /// Folder to write the pages into
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
}
