//! What the user typed for a campaign that was begun before: pause, follow, retry. Nothing is
//! checked here beyond its form.

use clap::Args;

use super::*;
use crate::domain::request::{ConnectRequest, Wait};
use crate::domain::{Outcome, Ticket};
use crate::ops::tenants::TenantsMeant;

/// `pause`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  fleetsweep pause
  fleetsweep pause full-2026-11-24-k3x9qa")]
pub struct PauseArgs {
    /// The campaign; may be left out if only one is open
    #[arg(value_name = "CAMPAIGN")]
    pub campaign: Option<CampaignName>,

    /// Whose campaign is meant.
    #[command(flatten)]
    pub whose: WhoseArgs,

    /// Where campaigns and calls are kept, as sqlite:PATH or postgres://... [env: FLEETSWEEP_STORE]
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
}

/// Whose campaign is meant, for commands that sign in nowhere.
#[derive(Clone, Debug, Default, Args)]
pub struct WhoseArgs {
    /// Tenant of the campaign, where campaigns of several have its name [env: AZURE_TENANT_ID]
    #[arg(long, value_name = "GUID|DOMAIN")]
    pub tenant: Option<String>,

    /// Application of the campaign, likewise [env: AZURE_CLIENT_ID]
    #[arg(long, value_name = "GUID")]
    pub client_id: Option<String>,

    /// The campaigns of that name of every profile of the settings file
    #[arg(long, conflicts_with_all = ["profiles", "tenant", "client_id"])]
    pub all_profiles: bool,

    /// Those of each profile with such a name; * stands for anything; repeatable
    #[arg(short, long, alias = "profile", value_name = "PATTERN")]
    #[arg(conflicts_with_all = ["tenant", "client_id"])]
    pub profiles: Vec<String>,
}

impl WhoseArgs {
    /// Which tenants are meant, given what the settings say of each; `None` if it is one.
    pub(in crate::cli) fn meant(&self, profiles: Vec<ConnectRequest>) -> Option<TenantsMeant> {
        if profiles.is_empty() {
            return None;
        }
        Some(TenantsMeant { connects: profiles, all: self.all_profiles })
    }
}

/// A time of which `prune` itself says how long it has to be.
fn older_than(text: &str) -> Result<Wait, String> {
    text.parse().map_err(|_| "write a time of at least 90d with its unit, such as 180d".to_owned())
}

/// `prune`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  fleetsweep prune --older-than 90d --dry-run
  fleetsweep prune --older-than 180d")]
pub struct PruneArgs {
    /// Remove the rows of campaigns that ended this long ago, 90d at least: their names, comments
    /// and counts stay, and all that --due and --coverage look back on; no report can be written of
    /// them any more
    #[arg(long, value_name = "TIME", value_parser = older_than)]
    pub older_than: Wait,

    /// Tell what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Where campaigns and calls are kept, as sqlite:PATH or postgres://... [env: FLEETSWEEP_STORE]
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,

    /// Print a JSON line
    #[arg(long)]
    pub json: bool,
}

/// `follow`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  fleetsweep follow
  fleetsweep follow full-2026-11-24-k3x9qa --follow-for 4h --every 10m")]
pub struct FollowArgs {
    /// The campaign; may be left out if there is only one, or only one is open
    #[arg(value_name = "CAMPAIGN")]
    pub campaign: Option<CampaignName>,

    /// Stop looking after this long, such as 4h
    #[arg(long, value_name = "TIME")]
    pub follow_for: Option<Length>,

    /// Time between two looks; each costs one call for 10,000 scans
    #[arg(long, alias = "follow-every", value_name = "TIME", default_value = "5m")]
    pub every: Length,

    /// Where state and reports go.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Where the API is and who calls it.
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `retry`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  fleetsweep retry full-2026-11-24-k3x9qa --dry-run
  fleetsweep retry full-2026-11-24-k3x9qa
  fleetsweep retry full-2026-11-24-k3x9qa --outcome already_in_progress")]
pub struct RetryArgs {
    /// The campaign; may be left out if there is only one
    #[arg(value_name = "CAMPAIGN")]
    pub campaign: Option<CampaignName>,

    /// Devices that ended so; repeatable [default: whatever left them uncovered]
    ///
    /// One of rejected, not_found, failed, unknown, not_attempted, cancelled, already_in_progress;
    /// expired: cancelled, since not begun in time; scan_failed: the scan was ordered, and failed,
    /// timed out or was cancelled on the device. By default all but what
    /// `fleetsweep cancel` took back.
    #[arg(long = "outcome", value_name = "OUTCOME", hide_possible_values = true,
        value_parser = words(text(), Outcome::RETRIED.map(Outcome::distinct_name)))]
    pub outcomes: Vec<String>,

    /// Type of the scan [default: the campaign's]
    #[arg(long = "type", value_name = "quick|full", hide_possible_values = true,
        value_parser = words(scan_type, TYPES))]
    pub scan_type: Option<ScanType>,

    /// Why [default: the campaign's comment]
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,

    /// Number of the change request or incident [default: the campaign's]
    #[arg(long, value_name = "TEXT")]
    pub ticket: Option<Ticket>,

    /// Name of the new campaign [default: CAMPAIGN-retry1, and so on]
    #[arg(long, value_name = "NAME", help_heading = "Options")]
    pub name: Option<CampaignName>,

    /// Show the plan and order nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Go without asking if the plan has at most N devices
    #[arg(long, value_name = "N")]
    pub approve_max: Option<u64>,

    /// Plan and ask, then leave the campaign to `fleetsweep work`, on this host or another one
    #[arg(long, conflicts_with_all = ["dry_run", "emulator", "start_at", "max_duration"])]
    pub detach: bool,

    /// A canary and waves.
    #[command(flatten)]
    pub waves: WaveArgs,
    /// How it is run.
    #[command(flatten)]
    pub run: RunArgs,
}
