//! What the user typed, as it was typed. Nothing is checked here beyond its form; `settings` turns
//! it into what the program runs on.

mod after;
mod cancel;
mod change;
mod due;
mod hours;
mod later;
mod machines;
mod order;
mod priority;
mod requests;
mod schedule;
mod status;
mod tools;
mod waves;
mod words;

use std::path::PathBuf;

use clap::builder::StringValueParser;
use clap::{Args, Parser, Subcommand};

use crate::domain::preflight::Group;
use crate::domain::request::{Length, OrNone};
use crate::domain::{BusyPolicy, CampaignName, Cloud, Exit, PaceKind, Quota, ScanType, SignInKind};
use crate::emulator::Scenario;
pub use after::AfterArgs;
pub use cancel::CancelArgs;
pub use change::ChangeArgs;
pub use due::DueArgs;
pub use hours::HoursArgs;
pub use later::{FollowArgs, PauseArgs, PruneArgs, RetryArgs, WhoseArgs};
pub use machines::MachineArgs;
pub use order::OrderArgs;
pub use priority::PriorityArgs;
pub(super) use requests::{SettingsArgs, sign_in_kind};
pub use schedule::ScheduleArgs;
pub use status::StatusArgs;
pub use tools::{CompletionsArgs, DoctorArgs, EmulateArgs, ManArgs};
pub use waves::{RuleArgs, WaveArgs};
use words::words;

/// The types of a scan.
const TYPES: [&str; 2] = ["quick", "full"];

/// How bursts are spread.
const PACES: [&str; 2] = ["fast", "even"];

/// What is done with busy devices.
const BUSY: [&str; 2] = ["report", "retry"];

/// Starts Microsoft Defender antivirus scans on a whole fleet, as fast as the API's limits allow
/// and never faster, and says for every device what became of it.
#[derive(Debug, Parser)]
#[command(name = "fleetsweep", version, max_term_width = 80, disable_help_subcommand = true)]
#[command(before_help = EXAMPLES, after_help = exit_codes())]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Settings file [env: FLEETSWEEP_CONFIG]
    /// [default: fleetsweep/config.toml in your folder for settings]
    #[arg(long, global = true, value_name = "PATH")]
    pub config: Option<PathBuf>,

    /// Log more to standard error: -v what happens, -vv every call, -vvv everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

const EXAMPLES: &str = "Examples:
  fleetsweep scan devices.csv --type full --comment \"Incident 4711\" --dry-run
  fleetsweep scan devices.csv --type full --comment \"Incident 4711\"
  fleetsweep resume
  fleetsweep scan devices.csv --type quick --comment \"try it\" --emulator";

const SCAN_EXAMPLES: &str = "Examples:
  How long would it take, and is the list all right? Nothing is sent:
    fleetsweep scan devices.csv --type full --comment \"INC 4711\" --dry-run
  Order the scans, asking for confirmation first:
    fleetsweep scan devices.csv --type full --comment \"INC 4711\"
  From a timer, without asking, at most 15,000 devices, until six:
    fleetsweep scan devices.csv --type full --comment nightly \\
      --approve-max 15000 --until 06:00
  Those that were hit before all others:
    fleetsweep scan fleet.csv --first hit.csv --type full --comment \"INC 4711\"
  An incident, while a night run orders on the same limits:
    fleetsweep scan hit.csv --type full --comment \"INC 4711\" --priority high
  For a change request: the plan as a file, then exactly that at night:
    fleetsweep scan devices.csv --type full --comment nightly \\
      --ticket CHG0031337 --dry-run --check --plan-out plan.json
    fleetsweep scan --plan plan.json --approve-plan sha256:...
  Begin at ten, and follow the scans to their end for the morning's summary:
    fleetsweep scan devices.csv --type full --comment nightly \\
      --start-at 22:00 --follow
  Twenty devices first; the others half an hour later, if those did well:
    fleetsweep scan devices.csv --type full --comment \"INC 4711\" --canary 20
  Some rows of an export, with its header and all its columns:
    grep -e \"Device ID\" -e Berlin export.csv | \\
      fleetsweep scan - --type quick --comment check
  Try it without a tenant; nothing leaves this machine:
    fleetsweep scan devices.csv --type quick --comment \"try it\" --emulator";

/// The exit codes, as help and manual tell them.
pub(super) fn exit_codes() -> String {
    let mut text = "Exit codes:".to_owned();
    for exit in Exit::ALL {
        let line = format!("  {:<4} {}", exit.code(), exit.help());
        text.push('\n');
        text += &crate::report::human::wrapped(&line, 7);
    }
    text
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Order a scan on every device of a list: plan, confirm, run, report.
    Scan(Box<ScanArgs>),
    /// Go on with a campaign that was stopped or killed.
    Resume(Box<ResumeArgs>),
    /// How far, how fast, until when; without a name: all campaigns.
    Status(StatusArgs),
    /// Write a campaign's report again.
    #[command(mut_arg("json", |json| json.help("Print the paths of the reports as JSON lines")))]
    Report(ReportArgs),
    /// Hold a campaign, from any terminal; `resume` goes on.
    Pause(PauseArgs),
    /// Remove the rows of campaigns that ended long ago.
    Prune(PruneArgs),
    /// Cancel what a campaign ordered, and order no more of it.
    Cancel(Box<CancelArgs>),
    /// Follow the ordered scans until they have ended.
    Follow(Box<FollowArgs>),
    /// Order again what a finished campaign left uncovered.
    Retry(Box<RetryArgs>),
    /// List the tenant's devices as CSV or JSON lines that `scan` reads.
    Devices(Box<DevicesArgs>),
    /// Check settings, network, clock, sign-in, rights and store.
    #[command(mut_args(|arg| {
        // Settings of a run, which are taken so that a command line can be checked as it is.
        let of_a_run = SpeedArgs::WHEN.contains(&arg.get_id().as_str());
        if of_a_run { arg.hide(true) } else { arg }
    }))]
    Doctor(Box<DoctorArgs>),
    /// Print a timer that starts scans every night.
    Schedule(ScheduleArgs),
    /// Run the API's emulator on a loopback address until Ctrl-C.
    Emulate(EmulateArgs),
    /// Print a script that completes commands and options in a shell.
    Completions(CompletionsArgs),
    /// Write the manual pages, one for each command.
    Man(ManArgs),
}

/// Where the API is and who calls it. Secrets are never flags: AZURE_CLIENT_SECRET, or a file.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Tenant and sign-in")]
pub struct ConnectArgs {
    /// Tenant's settings in the settings file [env: FLEETSWEEP_PROFILE]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,

    /// Tenant id, or one of its domains [env: AZURE_TENANT_ID]
    #[arg(long, value_name = "GUID|DOMAIN")]
    pub tenant: Option<String>,

    /// Application (client) id [env: AZURE_CLIENT_ID]
    #[arg(long, value_name = "GUID")]
    pub client_id: Option<String>,

    /// How to sign in: secret, certificate, managed-identity, workload, azure-cli, device-code or
    /// token-file; found from the environment if only one is there [env: FLEETSWEEP_AUTH]
    #[arg(long, value_name = "KIND", hide_possible_values = true,
        value_parser = words(text(), SignInKind::ALL.map(SignInKind::name)))]
    pub auth: Option<String>,

    /// File that holds the client secret, readable by you alone; else the systemd credential
    /// client-secret or AZURE_CLIENT_SECRET is used [env: FLEETSWEEP_CLIENT_SECRET_FILE]
    #[arg(long, value_name = "PATH")]
    pub client_secret_file: Option<PathBuf>,

    /// PEM file with a certificate and its RSA key, readable by you alone
    /// [env: AZURE_CLIENT_CERTIFICATE_PATH]
    #[arg(long, value_name = "PATH")]
    pub client_certificate: Option<PathBuf>,

    /// File that holds an access token, readable by you alone; read again at each renewal
    /// [env: FLEETSWEEP_TOKEN_FILE]
    #[arg(long, value_name = "PATH")]
    pub token_file: Option<PathBuf>,

    /// Microsoft cloud: commercial, gcc, gcc-high, dod, or a region of the commercial one such as
    /// commercial-eu (us, eu, uk, au, swa, ina, aea) [env: FLEETSWEEP_CLOUD]
    #[arg(long, value_name = "NAME", hide_possible_values = true,
        value_parser = words(text(), Cloud::all().map(Cloud::name)))]
    pub cloud: Option<String>,

    /// Other address of the API; plain http for loopback alone [env: FLEETSWEEP_API_URL]
    #[arg(long, value_name = "URL")]
    pub api_url: Option<String>,

    /// Other address to sign in at [env: FLEETSWEEP_LOGIN_URL, AZURE_AUTHORITY_HOST]
    #[arg(long, value_name = "URL")]
    pub login_url: Option<String>,

    /// More certificate authorities, as a PEM file [env: FLEETSWEEP_CA_FILE]
    #[arg(long, value_name = "PATH")]
    pub ca_file: Option<PathBuf>,
}

/// The embedded emulator.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Emulator")]
pub struct EmulatorArgs {
    /// Run against an embedded emulator on loopback; nothing leaves this machine
    #[arg(long, conflicts_with_all = ["profile", "tenant", "client_id", "auth",
        "client_secret_file", "client_certificate", "token_file", "cloud", "api_url", "login_url",
        "ca_file"])]
    pub emulator: bool,

    /// What the emulator plays: a name such as calm or faults, or a TOML file
    #[arg(long, value_name = "NAME", hide_possible_values = true,
        value_parser = words(text(), Scenario::names()))]
    pub scenario: Option<String>,

    /// Seed of everything that the emulator draws
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

/// How fast, and until when.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Speed")]
pub struct SpeedArgs {
    /// Lower a limit, such as 50/1m; repeatable. The API's own are 100/1m and 1500/1h; only towards
    /// a loopback address can a limit be higher
    #[arg(long = "limit", value_name = "CALLS/TIME")]
    pub limits: Vec<OrNone<Quota>>,

    /// Leave room for other tools that use the same application, such as 25%
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub leave: Option<u8>,

    /// fast: as early as the limits allow; even: spread over the longest limit [default: fast]
    #[arg(long, value_parser = words(pace, PACES), hide_possible_values = true)]
    pub pace: Option<PaceKind>,

    /// Calls in flight at most [default: 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub concurrency: Option<u16>,

    /// Divide every duration and limit window by N; towards a loopback address alone [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub time_scale: Option<u32>,

    /// Order nothing after this time of day, such as 06:00, or this moment (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub until: Option<OrNone<String>>,

    /// Order nothing after this long, such as 5h30m; in this run alone
    #[arg(long, value_name = "TIME")]
    pub max_duration: Option<OrNone<Length>>,

    /// How long to wait for an API that cannot be reached, once it was, or for the store
    #[arg(long, value_name = "TIME")]
    pub max_wait: Option<Length>,

    /// When orders may leave.
    #[command(flatten)]
    pub hours: HoursArgs,

    /// Which campaign goes before others.
    #[command(flatten)]
    pub priority: PriorityArgs,
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
#[command(next_help_heading = "State and output")]
pub struct OutputArgs {
    /// Where campaigns and calls are kept, as sqlite:PATH [env: FLEETSWEEP_STORE]
    /// [default: /var/lib/fleetsweep if it is writable, else your state folder]
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,

    /// Report file, its format by its ending (.csv, .jsonl), with {campaign} for the name;
    /// repeatable
    /// [default: fleetsweep-CAMPAIGN.csv here]
    #[arg(long = "report", value_name = "FILE")]
    pub reports: Vec<PathBuf>,

    /// Overwrite a report file that is not this campaign's, or the file of --plan-out
    #[arg(long)]
    pub force: bool,

    /// Print the plan and the summary as JSON lines on standard output
    #[arg(long)]
    pub json: bool,
}

/// How a campaign is run, whichever command runs it.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// How fast, and until when.
    #[command(flatten)]
    pub speed: SpeedArgs,
    /// What stops it.
    #[command(flatten)]
    pub rules: RuleArgs,
    /// Where state and reports go.
    #[command(flatten)]
    pub output: OutputArgs,
    /// After the run.
    #[command(flatten)]
    pub after: AfterArgs,
    /// Where the API is and who calls it.
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// The embedded emulator.
    #[command(flatten)]
    pub emulator: EmulatorArgs,
}

/// `scan`.
#[derive(Debug, Args)]
#[command(before_help = SCAN_EXAMPLES)]
#[command(override_usage = "fleetsweep scan --type quick|full --comment <TEXT> [OPTIONS] \
    <DEVICES>...\n       fleetsweep scan --plan <FILE> --approve-plan <DIGEST> [OPTIONS]")]
pub struct ScanArgs {
    /// Files with device ids (portal export, CSV, JSON, plain list), or - for standard input
    #[arg(value_name = "DEVICES", required_unless_present_any = ["from_tenant", "plan"])]
    pub devices: Vec<PathBuf>,

    /// Scan the tenant's own devices instead of a list; the filters below choose among them
    #[arg(long, conflicts_with_all = ["devices", "names", "column"])]
    pub from_tenant: bool,

    /// Type of the scan
    #[arg(long = "type", value_name = "quick|full", hide_possible_values = true,
        value_parser = words(scan_type, TYPES), required_unless_present = "plan")]
    pub scan_type: Option<ScanType>,

    /// Why: stands in every action, where the portal shows it
    #[arg(long, value_name = "TEXT", required_unless_present = "plan")]
    pub comment: Option<String>,

    /// Show the plan and order nothing; nothing at all is sent, unless --check, --names or
    /// --from-tenant ask the tenant
    #[arg(long)]
    pub dry_run: bool,

    /// Name of the campaign; the same command with the same name goes on with it
    /// [default: TYPE-DATE-xxxxxx]
    #[arg(long, value_name = "NAME")]
    pub campaign: Option<CampaignName>,

    /// Go without asking if the plan has at most N devices
    #[arg(long, value_name = "N")]
    pub approve_max: Option<u64>,

    /// The list may hold device names: look them up in the tenant. Of several records with one name
    /// the onboarded one that was seen last is taken, and the report says so
    #[arg(long)]
    pub names: bool,

    /// Refuse a name that several records share
    #[arg(long)]
    pub strict_names: bool,

    /// Order devices of this group though they would be skipped or come last; repeatable: merged,
    /// mobile, network, iot, old-windows, not-onboarded, recent, restricted, inactive
    #[arg(long, value_name = "GROUP", hide_possible_values = true,
        value_parser = words(group, groups()))]
    pub keep: Vec<Group>,

    /// Skip devices of this group; repeatable: those of --keep, and excluded (from vulnerability
    /// management), busy, old-client, not-listed, unknown-os, server, high-value
    #[arg(long, value_name = "GROUP", hide_possible_values = true,
        value_parser = words(group, groups()))]
    pub skip: Vec<Group>,

    /// Read the tenant's inventory and the scans that run there in a dry run or with --emulator
    /// too; else they are read anyway, for 10 s at most (3 s with --priority high), and with this
    /// for a minute (10 s)
    #[arg(long, conflicts_with = "no_check")]
    pub check: bool,

    /// Do not read them, only what the list itself says
    #[arg(long, conflicts_with_all = ["names", "from_tenant"])]
    pub no_check: bool,

    /// Header of the column that holds the ids
    #[arg(long, value_name = "NAME")]
    pub column: Option<String>,

    /// Go on although some rows hold no id; they stand in the report
    #[arg(long)]
    pub skip_bad_rows: bool,

    /// Rows that a list may have [default: 5000000]
    #[arg(long, value_name = "N")]
    pub max_rows: Option<u64>,

    /// Devices whose scan is already in progress: report them, or ask again after an hour, at most
    /// three times [default: report]
    #[arg(long, value_parser = words(busy, BUSY), hide_possible_values = true)]
    pub busy: Option<BusyPolicy>,

    /// The change request.
    #[command(flatten)]
    pub change: ChangeArgs,
    /// Which of the tenant's devices.
    #[command(flatten)]
    pub machines: MachineArgs,
    /// A canary and waves.
    #[command(flatten)]
    pub waves: WaveArgs,
    /// Night after night.
    #[command(flatten)]
    pub due: DueArgs,
    /// Who goes first.
    #[command(flatten)]
    pub order: OrderArgs,
    /// How it is run.
    #[command(flatten)]
    pub run: RunArgs,
}

/// `resume`.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  fleetsweep resume
  fleetsweep resume full-2026-11-24-k3x9qa --until 06:00")]
pub struct ResumeArgs {
    /// The campaign; may be left out if only one is open
    #[arg(value_name = "CAMPAIGN")]
    pub campaign: Option<CampaignName>,

    /// Go on after a wave that failed without asking, if at most N devices are left
    #[arg(long, value_name = "N")]
    pub approve_max: Option<u64>,

    /// How it is run.
    #[command(flatten)]
    pub run: RunArgs,
}

/// `report`.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  fleetsweep report
  fleetsweep report full-2026-11-24-k3x9qa --report all.jsonl --report all.csv")]
pub struct ReportArgs {
    /// The campaign; may be left out if there is only one
    #[arg(value_name = "CAMPAIGN")]
    pub campaign: Option<CampaignName>,
    /// Whose campaign is meant.
    #[command(flatten)]
    pub whose: WhoseArgs,
    /// Where state and reports go.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `devices`.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
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

    /// Where calls are kept, as sqlite:PATH [env: FLEETSWEEP_STORE]
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

fn scan_type(text: &str) -> Result<ScanType, String> {
    text.parse().map_err(|()| "write quick or full".to_owned())
}

fn group(text: &str) -> Result<Group, String> {
    Group::named(text)
        .ok_or_else(|| format!("write one of {}", groups().collect::<Vec<_>>().join(", ")))
}

/// The groups of which the user may say what is done with them.
fn groups() -> impl Iterator<Item = &'static str> {
    Group::ALL.into_iter().filter(|group| group.is_the_users()).map(Group::name)
}

fn pace(text: &str) -> Result<PaceKind, String> {
    let all = [PaceKind::Fast, PaceKind::Even];
    all.into_iter().find(|one| one.name() == text).ok_or_else(|| "write fast or even".to_owned())
}

fn busy(text: &str) -> Result<BusyPolicy, String> {
    let all = [BusyPolicy::Report, BusyPolicy::Retry];
    let one = all.into_iter().find(|one| one.name() == text);
    one.ok_or_else(|| "write report or retry".to_owned())
}

fn percent(text: &str) -> Result<u8, String> {
    let number = text.trim_end_matches('%').parse().ok().filter(|percent| *percent < 100);
    number.ok_or_else(|| "write a share from 0% to 99%".to_owned())
}
