//! What the user typed for `scan`: which devices, why, and whether anybody is asked. How a campaign
//! is run stands beside it, since other commands run one too.

use std::path::PathBuf;

use super::typed::typed;
use super::values::{BUSY, TYPES, busy, group, groups, scan_type};
use super::words::words;
use super::{DueArgs, MachineArgs, OrderArgs, PlanFileArgs, RunArgs, WaveArgs};
use crate::domain::preflight::Group;
use crate::domain::{BusyPolicy, CampaignName, ScanType, Ticket};

/// The end of the help of `scan` on one screen.
const SCAN_MORE: &str = "Example: fleetsweep scan devices.csv -t full -c \"INC 4711\" --dry-run";

const SCAN_EXAMPLES: &str = "Examples:
  How long would it take, and is the list all right? Nothing is sent:
    fleetsweep scan devices.csv --type full --comment \"INC 4711\" --dry-run
  Order the scans, asking for confirmation first:
    fleetsweep scan devices.csv --type full --comment \"INC 4711\"
  Twenty devices first; the others half an hour later, if those did well:
    fleetsweep scan devices.csv --type full --comment \"INC 4711\" --canary 20
  From a timer, without asking, at most 15,000 devices, until six; each night
  goes on with what is left:
    fleetsweep scan devices.csv --type full --comment nightly \\
      --series nightly --due 6d12h --approve-max 15000 --until 06:00
  The devices that were hit before all others:
    fleetsweep scan fleet.csv --first hit.csv --type full --comment \"INC 4711\"
  An incident, while a nightly run orders on the same limits:
    fleetsweep scan hit.csv --type full --comment \"INC 4711\" --priority high
  For a change request: the plan as a file, then exactly that at night:
    fleetsweep scan devices.csv --type full --comment nightly \\
      --ticket CHG0031337 --dry-run --check --plan-out plan.json
    fleetsweep scan --plan plan.json --approve-plan sha256:...
  Begin at ten, and follow the scans to their end for the morning's summary:
    fleetsweep scan devices.csv --type full --comment nightly \\
      --start-at 22:00 --follow
  The devices of all customers, one campaign and one report for each:
    fleetsweep scan --all-profiles --from-tenant --type quick --comment weekly
  Some rows of an export, with its header and all its columns:
    grep -e \"Device ID\" -e Berlin export.csv | \\
      fleetsweep scan - --type quick --comment check
  Try it without a tenant; nothing leaves this machine:
    fleetsweep scan devices.csv --type quick --comment \"try it\" --emulator";

typed! {
    /// `scan`.
    #[command(after_help = SCAN_MORE, after_long_help = SCAN_EXAMPLES)]
    #[command(override_usage = "fleetsweep scan --type quick|full --comment <TEXT> [OPTIONS] \
    <DEVICES>...\n       fleetsweep scan --plan <FILE> --approve-plan <DIGEST> [OPTIONS]")]
    ScanArgs => ScanRequest {
        /// Files with device ids, or - for standard input
        ///
        /// Portal and hunting exports, CSV, JSON and plain lists are read; see `fleetsweep help
        /// lists`
        #[arg(value_name = "DEVICES", required_unless_present_any = ["from_tenant", "plan"])]
        devices: Vec<PathBuf>,

        /// Scan the tenant's own devices instead of a list; the filters below choose among them
        #[arg(long, conflicts_with_all = ["devices", "names", "column"])]
        from_tenant: bool,

        /// Type of the scan
        #[arg(short = 't', long = "type", value_name = "quick|full", hide_possible_values = true,
            value_parser = words(scan_type, TYPES), required_unless_present = "plan")]
        scan_type: Option<ScanType>,

        /// Why; the portal shows it with every scan
        #[arg(short, long, value_name = "TEXT", required_unless_present = "plan")]
        comment: Option<String>,

        /// Show the plan and order nothing
        ///
        /// Nothing at all is sent, unless --check, --names or --from-tenant ask the tenant
        #[arg(short = 'n', long)]
        dry_run: bool,

        /// Name of the campaign; the same command with the same name goes on with it
        /// [default: TYPE-DATE-xxxxxx]
        #[arg(long, value_name = "NAME")]
        campaign: Option<CampaignName>,

        /// Go without asking if the plan has at most N devices
        #[arg(long, value_name = "N")]
        approve_max: Option<u64>,

        /// Plan and ask, then leave the campaign to `fleetsweep work`, on this host or another one
        #[arg(long, conflicts_with_all = ["dry_run", "emulator", "start_at", "max_duration"])]
        detach: bool,

        /// The list may hold device names: look them up in the tenant. Of several records with one
        /// name the onboarded one that was seen last is taken, and the report says so
        #[arg(long)]
        names: bool,

        /// Refuse a name that several records share
        #[arg(long)]
        strict_names: bool,

        /// Order devices of this group though they would be skipped or come last; repeatable:
        /// merged, mobile, network, iot, old-windows, not-onboarded, recent, restricted, inactive
        #[arg(long, value_name = "GROUP", hide_possible_values = true,
            value_parser = words(group, groups()))]
        keep: Vec<Group>,

        /// Skip devices of this group; repeatable: those of --keep, and excluded (from
        /// vulnerability management), busy, old-client, not-listed, unknown-os, server, high-value
        #[arg(long, value_name = "GROUP", hide_possible_values = true,
            value_parser = words(group, groups()))]
        skip: Vec<Group>,

        /// Read the tenant's inventory and the scans that run there in a dry run or with --emulator
        /// too; else they are read anyway, for 10 s at most (3 s with --priority high), and with
        /// this for a minute (10 s)
        #[arg(long, conflicts_with = "no_check")]
        check: bool,

        /// Do not read them, only what the list itself says
        #[arg(long, conflicts_with_all = ["names", "from_tenant"])]
        no_check: bool,

        /// Header of the column that holds the ids
        #[arg(long, value_name = "NAME")]
        column: Option<String>,

        /// Go on although some rows hold no id, which stand in the report, or the list was cut off
        #[arg(long)]
        skip_bad_rows: bool,

        /// Rows that a list may have [default: 5000000]
        #[arg(long, value_name = "N")]
        max_rows: Option<u64>,

        /// Devices whose scan is already in progress: report them, or ask again after an hour, at
        /// most three times [default: report]
        #[arg(long, value_parser = words(busy, BUSY), hide_possible_values = true)]
        busy: Option<BusyPolicy>,

        /// Number of the change request or incident; it stands in every action's comment, in the
        /// report and in what status tells
        #[arg(long, value_name = "TEXT")]
        ticket: Option<Ticket>,
        /// The plan as a file.
        #[command(flatten)]
        plan_file: PlanFileArgs => PlanFileArgs::request,
        /// Which of the tenant's devices.
        #[command(flatten)]
        machines: MachineArgs => MachineArgs::request,
        /// A canary and waves.
        #[command(flatten)]
        waves: WaveArgs => WaveArgs::request,
        /// Night after night.
        #[command(flatten)]
        due: DueArgs => DueArgs::request,
        /// Who goes first.
        #[command(flatten)]
        order: OrderArgs => OrderArgs::request,
        /// How it is run.
        #[command(flatten)]
        run: RunArgs => RunArgs::request,
        ..Default::default()
    }
}
