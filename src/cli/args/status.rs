//! What the user typed for `status`.

use clap::Args;

use super::WhoseArgs;
use crate::domain::{CampaignName, SeriesName};

/// `status`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  fleetsweep status
  fleetsweep status full-2026-11-24-k3x9qa --json
  fleetsweep status --watch
  fleetsweep status --nights
  fleetsweep status --coverage --series nightly")]
pub struct StatusArgs {
    /// The campaign, or how its name begins; the open and the latest ones if left out
    #[arg(value_name = "CAMPAIGN")]
    pub campaign: Option<CampaignName>,

    /// Whose campaign is meant.
    #[command(flatten)]
    pub whose: WhoseArgs,

    /// All campaigns, also those that ended long ago: without it, and without --json, the open ones
    /// and the latest 50 are told of
    #[arg(long, conflicts_with = "campaign")]
    pub all: bool,

    /// How many devices had a scan ordered within 7 and 30 days, which has waited longest, and how
    /// many nights the rest takes
    #[arg(long, conflicts_with = "campaign")]
    pub coverage: bool,

    /// Draw it anew every two seconds until Ctrl-C, on a terminal
    #[arg(short, long, conflicts_with_all = ["json", "coverage", "all_profiles", "profiles"])]
    pub watch: bool,

    /// The runs of each series, a line a night, also for nights on which none began
    #[arg(long, conflicts_with_all = ["campaign", "all", "coverage", "watch"])]
    pub nights: bool,

    /// Only the campaigns of this series
    #[arg(long, value_name = "NAME", conflicts_with = "campaign")]
    pub series: Option<SeriesName>,

    /// Where campaigns and calls are kept, as sqlite:PATH or postgres://... [env: FLEETSWEEP_STORE]
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,

    /// Print JSON lines
    #[arg(long)]
    pub json: bool,
}
