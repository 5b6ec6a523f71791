//! What the user typed for `cancel`. Nothing is checked here beyond its form.

use super::*;

typed! {
    /// `cancel`.
    #[command(after_long_help = "Examples:
  What would be cancelled, and how long would it take?
    fleetsweep cancel full-2026-11-24-k3x9qa --dry-run
  Order nothing more, and cancel what waits or runs:
    fleetsweep cancel full-2026-11-24-k3x9qa
  Only order nothing more; no call is made:
    fleetsweep cancel full-2026-11-24-k3x9qa --queue-only
  From a script, at most 500 devices:
    fleetsweep cancel full-2026-11-24-k3x9qa --approve-max 500 --json")]
    CancelArgs => CancelRequest {
        /// The campaign; may be left out if there is only one
        #[arg(value_name = "CAMPAIGN")]
        campaign: Option<CampaignName>,

        /// Take the waiting devices out of the queue and call nobody; scans that were ordered go on
        #[arg(long)]
        queue_only: bool,

        /// Leave the waiting devices in the queue
        #[arg(long, conflicts_with = "queue_only")]
        keep_queue: bool,

        /// Cancel only what waits for its device, and leave what runs alone
        #[arg(long, conflicts_with = "queue_only")]
        pending_only: bool,

        /// Show the plan and cancel nothing; the list of actions is read
        #[arg(long)]
        dry_run: bool,

        /// Go without asking if at most N devices are concerned: scans to cancel, waiting devices,
        /// and orders on their way
        #[arg(long, value_name = "N")]
        approve_max: Option<u64>,

        /// Other limits than those of the campaign.
        #[command(flatten)]
        speed: CancelSpeedArgs => CancelSpeedArgs::request,
        /// Where state and reports go.
        #[command(flatten)]
        output: OutputArgs => OutputArgs::request,
        /// Where the API is and who calls it.
        #[command(flatten)]
        connect: ConnectArgs => ConnectArgs::request,
    }
}

typed! {
    /// How fast. Cancelling has limits of its own, as high as those of scans.
    CancelSpeedArgs => SpeedRequest {
        /// Lower a limit, such as 50/1m; repeatable. The API's own are 100/1m and 1500/1h; only
        /// towards a loopback address can a limit be higher [default: those of the campaign]
        #[arg(long = "limit", value_name = "CALLS/TIME")]
        limits: Vec<OrNone<Quota>> => super::values::all,

        /// Leave room for other tools that use the same application, such as 25%
        #[arg(long, value_name = "PERCENT", value_parser = percent)]
        leave: Option<u8>,

        /// Calls in flight at most [default: 16]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
        concurrency: Option<u16>,

        /// Divide the windows of the API's limits and the program's own waits by N, and nothing
        /// that is typed, such as --limit; towards a loopback address alone [default: 1]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
        time_scale: Option<u32>,

        /// How long to wait for an API that cannot be reached
        #[arg(long, value_name = "TIME")]
        max_wait: Option<Length>,
        ..Default::default()
    }
}
