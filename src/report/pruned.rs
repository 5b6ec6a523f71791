//! What was pruned, as text and as JSON. It is handed the figures.

use jiff::Timestamp;
use serde_json::json;

use super::human::{counted, wrapped};
use super::{Document, jsonl};
use crate::domain::{Campaign, CampaignName};

/// What was pruned, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// Nothing was removed yet.
    pub dry_run: bool,
    /// Before which moment the campaigns ended.
    pub before: Timestamp,
    /// The campaigns.
    pub gone: Vec<Gone>,
    /// How many bytes the disk got back; `None` if the store keeps its size and its free space.
    pub given_back: Option<u64>,
}

/// One campaign whose rows are gone, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Its name.
    pub campaign: CampaignName,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// How many rows it had.
    pub rows: u64,
}

impl Gone {
    /// Of this campaign, with so many rows.
    pub fn of(campaign: &Campaign, rows: u64) -> Self {
        Self { campaign: campaign.name.clone(), finished_at: campaign.finished_at, rows }
    }
}

impl Document for Pruned {
    fn text(&self) -> String {
        let Self { dry_run, before, gone, given_back } = self;
        let Some(last) = gone.last() else {
            return wrapped(&format!("No campaign that ended before {before} has rows left."), 2);
        };
        let rows = counted(gone.iter().map(|one| one.rows).sum(), "row");
        let campaigns = counted(gone.len() as u64, "campaign");
        let names = match gone.as_slice() {
            [only] => only.campaign.to_string(),
            all => format!("{} to {}", all[0].campaign, last.campaign),
        };
        let done = if *dry_run { "Would remove" } else { "Removed" };
        let mut text = format!(
            "{done} {rows} of {campaigns} that ended before {before}: {names}. Their names, \
             comments and counts stay, and all that --due and --coverage look back on."
        );
        if *dry_run {
            text.push_str(
                " `fleetsweep report NAME` writes a report of one now, and cannot afterwards.",
            );
        } else if let Some(bytes) = given_back {
            let megabytes = bytes.div_ceil(1_000_000);
            text.push_str(&format!(" The file is smaller by {megabytes} MB."));
        } else {
            text.push_str(" The file keeps its size, and what is free in it is used again.");
        }
        wrapped(&text, 2)
    }

    fn json(&self) -> String {
        jsonl::line(&json!({
            "v": 1,
            "type": "pruned",
            "dry_run": self.dry_run,
            "ended_before": self.before,
            "campaigns": self.gone.iter().map(|one| json!({
                "campaign": one.campaign,
                "finished_at": one.finished_at,
                "rows": one.rows,
            })).collect::<Vec<_>>(),
            "bytes_given_back": self.given_back,
        }))
    }
}
