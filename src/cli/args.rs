//! What the user typed, as it was typed. Nothing is checked here beyond its form; `settings` turns
//! it into what the program runs on.

mod after;
mod campaign;
mod cancel;
mod common;
mod due;
mod headings;
mod hours;
mod machines;
mod order;
mod plan_file;
mod profiles;
mod requests;
mod scan;
mod schedule;
mod serve;
mod status;
mod tools;
mod typed;
mod values;
mod waves;
mod words;
mod work;

use std::path::PathBuf;

use clap::builder::StringValueParser;
use clap::{Args, Parser, Subcommand};

use crate::cli::topics::TOPICS;
use crate::domain::request::{Length, OrNone};
use crate::domain::{
    BusyPolicy, CampaignName, Cloud, Exit, MaxFailures, PaceKind, Priority, Quota, ScanType,
    SignInKind,
};
use crate::emulator::Scenario;
use crate::report::human::wrapped;
use crate::system::shell;
pub use after::AfterArgs;
pub use campaign::{FollowArgs, PauseArgs, PruneArgs, RetryArgs, WhoseArgs};
pub use cancel::CancelArgs;
pub(crate) use common::Common;
pub use due::DueArgs;
pub use hours::HoursArgs;
pub use machines::MachineArgs;
pub use order::OrderArgs;
pub use plan_file::PlanFileArgs;
pub use profiles::{ProfilesArgs, Tenants};
pub(super) use requests::SettingsArgs;
pub use scan::ScanArgs;
pub use schedule::ScheduleArgs;
pub use serve::ServeArgs;
pub use status::StatusArgs;
pub use tools::{
    CompletionsArgs, ConsentUrlArgs, DoctorArgs, EmulateArgs, HelpArgs, InitArgs, ManArgs,
};
use typed::typed;
pub(super) use values::sign_in_kind;
use values::{BUSY, PACES, TYPES, all, auth, busy, cloud, pace, percent, priority, scan_type};
pub use waves::WaveArgs;
use words::words;
pub use work::WorkArgs;

/// Starts Microsoft Defender antivirus scans on a whole fleet, as fast as the API's limits allow
/// and never faster, and says for every device what became of it.
#[derive(Debug, Parser)]
#[command(name = "fleetsweep", version, max_term_width = 80, disable_help_subcommand = true)]
#[command(after_help = topics(), after_long_help = long_end())]
#[command(mut_subcommands(|command| headings::arranged(examples(command))))]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Settings file [env: FLEETSWEEP_CONFIG]
    ///
    /// [default: fleetsweep/config.toml in your folder for settings]
    #[arg(long, global = true, value_name = "PATH", hide_short_help = true)]
    pub config: Option<PathBuf>,

    /// Show the whole plan; log more (-vv every call)
    ///
    /// The log goes to standard error; -vvv writes everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

const EXAMPLES: &str = "Examples:
  How long would it take? Nothing is sent:
    fleetsweep scan devices.csv --type full --comment \"INC 4711\" --dry-run
  Order the scans; asks for confirmation first:
    fleetsweep scan devices.csv --type full --comment \"INC 4711\"
  Go on after Ctrl-C, a window that closed or a crash:
    fleetsweep resume
  Try it without a tenant; nothing leaves this machine:
    fleetsweep scan devices.csv --type quick --comment \"try it\" --emulator";

/// The topics of `help`, for the end of the program's own help.
fn topics() -> String {
    let names: Vec<&str> = TOPICS.iter().map(|topic| topic.name).collect();
    let topics = format!("Topics: {}", names.join(", "));
    let more = "`fleetsweep help NAME` tells about a topic or a command.";
    format!("{}\n{}", wrapped(&topics, 8), wrapped(more, 0))
}

/// The end of the program's help in full.
fn long_end() -> String {
    format!("{EXAMPLES}\n\n{}\n\n{}", exit_codes(), topics())
}

/// A command whose help has its examples as the shells of this system take them.
fn examples(command: clap::Command) -> clap::Command {
    match command.get_after_long_help().map(ToString::to_string) {
        Some(text) => command.after_long_help(shell::example(&text)),
        None => command,
    }
}

/// The exit codes, as help and manual tell them.
pub(super) fn exit_codes() -> String {
    let mut text = "Exit codes:".to_owned();
    for exit in Exit::ALL {
        let line = format!("  {:<4} {}", exit.code(), exit.help());
        text.push('\n');
        text += &wrapped(&line, 7);
    }
    text
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Order a scan on every device of a list: plan, confirm, run, report.
    #[command(mut_args(|arg| match arg.get_id().as_str() {
        "all_profiles" | "profiles" => arg.conflicts_with_all(["emulator", "plan", "plan_out"]),
        _ => arg,
    }))]
    Scan(Box<Tenants<ScanArgs>>),
    /// Go on with a campaign that was stopped or killed.
    #[command(mut_args(|arg| match arg.get_id().as_str() {
        "all_profiles" | "profiles" => arg.conflicts_with("emulator"),
        _ => arg,
    }))]
    Resume(Box<Tenants<ResumeArgs>>),
    /// Run whatever is open, of many tenants, until Ctrl-C.
    Work(Box<WorkArgs>),
    /// How far, how fast, until when; without a name: all campaigns.
    Status(StatusArgs),
    /// Show the campaigns in a browser, read only.
    Serve(ServeArgs),
    /// Write a campaign's report again.
    #[command(mut_arg("json", |json| json.help("Print the paths of the reports as JSON lines")))]
    Report(ReportArgs),
    /// Hold a campaign, from any terminal; `resume` goes on.
    Pause(PauseArgs),
    /// Remove the rows of campaigns that ended long ago.
    Prune(PruneArgs),
    /// Cancel what a campaign ordered, and order no more of it.
    Cancel(Box<Tenants<CancelArgs>>),
    /// Follow the ordered scans until they have ended.
    Follow(Box<FollowArgs>),
    /// Order again what a finished campaign left uncovered.
    #[command(mut_args(|arg| match arg.get_id().as_str() {
        "all_profiles" | "profiles" => arg.conflicts_with("emulator"),
        _ => arg,
    }))]
    Retry(Box<Tenants<RetryArgs>>),
    /// List the tenant's devices: a table, or lines that `scan` reads.
    Devices(Box<DevicesArgs>),
    /// Check settings, network, clock, sign-in, rights and store.
    #[command(mut_args(|arg| {
        // Settings of a run, which are taken so that a command line can be checked as it is.
        let of_a_run = SpeedArgs::WHEN.contains(&arg.get_id().as_str());
        if of_a_run { arg.hide(true) } else { arg }
    }))]
    Doctor(Box<DoctorArgs>),
    /// Print the link for the consent of a customer's administrator.
    ConsentUrl(Box<ConsentUrlArgs>),
    /// Print a timer that starts scans every night.
    Schedule(ScheduleArgs),
    /// Run the API's emulator on a loopback address until Ctrl-C.
    Emulate(EmulateArgs),
    /// Write a tenant's settings into the settings file.
    Init(InitArgs),
    /// Tell about a topic or a command.
    Help(HelpArgs),
    /// Print a script that completes commands and options in a shell.
    Completions(CompletionsArgs),
    /// Write the manual pages, one for each command.
    Man(ManArgs),
}

typed! {
    /// Where the API is and who calls it. Secrets are never flags: AZURE_CLIENT_SECRET, or a file.
    ConnectArgs => ConnectRequest {
        /// Tenant, by its name in the settings file [env: FLEETSWEEP_PROFILE]
        #[arg(short, long, value_name = "NAME")]
        profile: Option<String>,

        /// Tenant id, or one of its domains [env: AZURE_TENANT_ID]
        #[arg(long, value_name = "GUID|DOMAIN")]
        tenant: Option<String>,

        /// Application (client) id [env: AZURE_CLIENT_ID]
        #[arg(long, value_name = "GUID")]
        client_id: Option<String>,

        /// How to sign in: secret, certificate, managed-identity, federated-identity (a managed
        /// identity vouches for the application, which may be in many tenants), workload,
        /// azure-cli, device-code or token-file; found from the environment if only one is there
        /// [env: FLEETSWEEP_AUTH]
        #[arg(long, value_name = "KIND", hide_possible_values = true,
            value_parser = words(text(), SignInKind::ALL.map(SignInKind::name)))]
        auth: Option<String> => auth,

        /// File with the client secret
        ///
        /// It must be readable by you alone. Without it the systemd credential client-secret or
        /// AZURE_CLIENT_SECRET is used [env: FLEETSWEEP_CLIENT_SECRET_FILE]
        #[arg(long, value_name = "PATH")]
        client_secret_file: Option<PathBuf>,

        /// Generic credential in the Credential Manager of Windows that holds the client secret,
        /// by its name [env: FLEETSWEEP_CLIENT_SECRET_CREDENTIAL]
        #[arg(long, value_name = "NAME")]
        client_secret_credential: Option<String>,

        /// PEM file with a certificate and its RSA key, readable by you alone
        /// [env: AZURE_CLIENT_CERTIFICATE_PATH]
        #[arg(long, value_name = "PATH")]
        client_certificate: Option<PathBuf>,

        /// File that holds an access token, readable by you alone; read again at each renewal
        /// [env: FLEETSWEEP_TOKEN_FILE]
        #[arg(long, value_name = "PATH")]
        token_file: Option<PathBuf>,

        /// Client id of the user-assigned managed identity that vouches for the application, where
        /// this machine has several [env: FLEETSWEEP_IDENTITY_CLIENT_ID]
        #[arg(long, value_name = "GUID")]
        identity_client_id: Option<String>,

        /// Microsoft cloud: commercial, gcc, gcc-high, dod, or a region of the commercial one such
        /// as commercial-eu (us, eu, uk, au, swa, ina, aea) [env: FLEETSWEEP_CLOUD]
        #[arg(long, value_name = "NAME", hide_possible_values = true,
            value_parser = words(text(), Cloud::ALL.map(Cloud::name)))]
        cloud: Option<String> => cloud,

        /// Other address of the API; plain http for loopback alone [env: FLEETSWEEP_API_URL]
        #[arg(long, value_name = "URL")]
        api_url: Option<String>,

        /// Other address to sign in at [env: FLEETSWEEP_LOGIN_URL, AZURE_AUTHORITY_HOST]
        #[arg(long, value_name = "URL")]
        login_url: Option<String>,

        /// More certificate authorities, as a PEM file [env: FLEETSWEEP_CA_FILE]
        #[arg(long, value_name = "PATH")]
        ca_file: Option<PathBuf>,
    }
}

typed! {
    /// The embedded emulator.
    EmulatorArgs => EmulatorRequest {
        /// Run against the embedded emulator; nothing leaves this machine
        #[arg(long, conflicts_with_all = ["profile", "tenant", "client_id", "auth",
            "client_secret_file", "client_secret_credential", "client_certificate", "token_file",
            "identity_client_id", "cloud", "api_url", "login_url", "ca_file"])]
        emulator: bool,

        /// What the emulator plays: a name such as calm or faults, or a TOML file
        #[arg(long, value_name = "NAME", hide_possible_values = true,
            value_parser = words(text(), Scenario::names()))]
        scenario: Option<String>,

        /// Seed of everything that the emulator draws
        #[arg(long, value_name = "N")]
        seed: Option<u64>,
    }
}

typed! {
    /// How fast, and until when.
    SpeedArgs => SpeedRequest {
        /// Lower a limit, such as 50/1m; repeatable. The API's own are 100/1m and 1500/1h; only
        /// towards a loopback address can a limit be higher
        #[arg(long = "limit", value_name = "CALLS/TIME")]
        limits: Vec<OrNone<Quota>> => all,

        /// Leave room for other tools that use the same application, such as 25%
        #[arg(long, value_name = "PERCENT", value_parser = percent)]
        leave: Option<u8>,

        /// fast: as early as the limits allow; even: spread over the longest limit [default: fast]
        #[arg(long, value_parser = words(pace, PACES), hide_possible_values = true)]
        pace: Option<PaceKind>,

        /// Calls in flight at most [default: 16]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
        concurrency: Option<u16>,

        /// Divide the windows of the API's limits and the program's own waits by N, and nothing
        /// that is typed, such as --limit; towards a loopback address alone [default: 1]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
        time_scale: Option<u32>,

        /// Order nothing after this time of day, such as 06:00, or this moment (RFC 3339)
        #[arg(long, value_name = "TIME")]
        until: Option<OrNone<String>>,

        /// Order nothing after this long, such as 5h30m; in this run alone
        #[arg(long, value_name = "TIME")]
        max_duration: Option<OrNone<Length>>,

        /// How long to wait for an API that cannot be reached, once it was, or for the store
        #[arg(long, value_name = "TIME")]
        max_wait: Option<Length>,

        /// When orders may leave.
        #[command(flatten)]
        hours: HoursArgs => HoursArgs::request,

        /// high: campaigns of normal priority that share its limits wait while this one has a
        /// device to order; kept with the campaign until another is given [default: normal]
        #[arg(long, value_name = "normal|high", value_parser = priority)]
        priority: Option<Priority>,
    }
}

impl SpeedArgs {
    /// The arguments that say when a run orders, and which goes first.
    const WHEN: [&str; 8] = [
        "until",
        "max_duration",
        "windows",
        "tz",
        "last_order",
        "start_at",
        "expire_pending",
        "priority",
    ];
}

/// Where state and reports go.
#[derive(Clone, Debug, Default, Args)]
pub struct OutputArgs {
    /// Where campaigns and calls are kept, as sqlite:PATH or postgres://... [env: FLEETSWEEP_STORE]
    /// [default: /var/lib/fleetsweep if it is writable, else your state folder]
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,

    /// Report file, format by its ending; repeatable
    ///
    /// Endings are .csv, .jsonl, .xlsx for spreadsheets, .html to be opened and .md for a ticket; -
    /// writes CSV to standard output, at the end. {campaign} stands for the campaign's name, and
    /// with {tenant} it is one file for each of several tenants
    /// [default: fleetsweep-CAMPAIGN.csv here]
    #[arg(long = "report", value_name = "FILE")]
    pub reports: Vec<PathBuf>,

    /// Overwrite a report file that is not this campaign's, or the file of --plan-out
    #[arg(long)]
    pub force: bool,

    /// Print the plan and the summary as JSON lines on standard output
    #[arg(long)]
    pub json: bool,

    /// Keep metrics of the store in this file (.prom), which the textfile collector of Prometheus'
    /// node_exporter reads; see `fleetsweep help monitoring`
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,
}

typed! {
    /// How a campaign is run, whichever command runs it.
    RunArgs => RunRequest {
        /// How fast, and until when.
        #[command(flatten)]
        speed: SpeedArgs => SpeedArgs::request,
        /// Stop (exit 4) when so many were rejected, not found, failed or are unknown: a share such
        /// as 5%, of at least 50 results of this run, or a number. It also judges a canary and each
        /// wave, there with the scans that failed [default: 5% of a wave; none of a run]
        #[arg(long, value_name = "SHARE|N")]
        max_failures: Option<OrNone<MaxFailures>>,
        /// Where state and reports go.
        #[command(flatten)]
        output: OutputArgs => OutputArgs::request,
        /// After the run.
        #[command(flatten)]
        after: AfterArgs => AfterArgs::request,
        /// Where the API is and who calls it.
        #[command(flatten)]
        connect: ConnectArgs => ConnectArgs::request,
        /// The embedded emulator.
        #[command(flatten)]
        emulator: EmulatorArgs => EmulatorArgs::request,
    }
}

typed! {
    /// `resume`.
    #[command(after_long_help = "Examples:
  fleetsweep resume
  fleetsweep resume full-2026-11-24-k3x9qa --until 06:00")]
    ResumeArgs => ResumeRequest {
        /// The campaign; may be left out if only one is open
        #[arg(value_name = "CAMPAIGN")]
        campaign: Option<CampaignName>,

        /// Go on after a wave that failed without asking, if at most N devices are left
        #[arg(long, value_name = "N")]
        approve_max: Option<u64>,

        /// Leave it to `fleetsweep work`, on this host or another one
        #[arg(long, conflicts_with_all = ["emulator", "start_at", "max_duration"])]
        detach: bool,

        /// How it is run.
        #[command(flatten)]
        run: RunArgs => RunArgs::request,
    }
}

/// `report`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  fleetsweep report
  fleetsweep report full-2026-11-24-k3x9qa --report all.jsonl --report all.csv")]
pub struct ReportArgs {
    /// The campaign; may be left out if there is only one, or only one is open
    #[arg(value_name = "CAMPAIGN")]
    pub campaign: Option<CampaignName>,
    /// Whose campaign is meant.
    #[command(flatten)]
    pub whose: WhoseArgs,
    /// Open the report once it is written: fleetsweep-CAMPAIGN.html, unless --report names others
    #[arg(long)]
    pub open: bool,
    /// Where state and reports go.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `devices`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  fleetsweep devices > devices.csv
  fleetsweep devices --os windows-server --group Berlin --output servers.csv
  fleetsweep devices --tag pilot --json | fleetsweep scan - --type quick \\
    --comment pilot")]
pub struct DevicesArgs {
    /// Write to this file instead of standard output, its format by its ending (.csv, .jsonl)
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Overwrite the file
    #[arg(long)]
    pub force: bool,

    /// JSON lines instead of CSV
    #[arg(long)]
    pub json: bool,

    /// Where calls are kept, as sqlite:PATH or postgres://... [env: FLEETSWEEP_STORE]
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,

    /// Which of the tenant's devices.
    #[command(flatten)]
    pub machines: MachineArgs,
    /// Where the API is and who calls it.
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// The embedded emulator.
    #[command(flatten)]
    pub emulator: EmulatorArgs,
}

/// Any text.
fn text() -> StringValueParser {
    StringValueParser::new()
}
