//! Runs and the processes that they are parts of: how a run goes, and which process lives. A
//! process says for all its runs that they live, in one row.

use jiff::Timestamp;

use super::known::{set, unknown_campaign};
use crate::domain::{Campaign, CampaignFilter, CampaignId, LastRun, Look};
use crate::store::tables::{CampaignChange, Done, Tables};

/// A campaign, with its runs as their processes last said that they live.
pub(super) async fn campaign<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
) -> Done<T, Option<Campaign>> {
    let Some(found) = tables.campaign(campaign).await? else { return Ok(None) };
    Ok(with_processes(tables, vec![found]).await?.pop())
}

/// The campaigns that are meant, with their runs as their processes last said that they live.
pub(super) async fn campaigns<T: Tables>(
    tables: &mut T,
    filter: &CampaignFilter,
) -> Done<T, Vec<Campaign>> {
    let found = tables.campaigns(filter).await?;
    with_processes(tables, found).await
}

async fn with_processes<T: Tables>(
    tables: &mut T,
    mut found: Vec<Campaign>,
) -> Done<T, Vec<Campaign>> {
    if found.iter().any(|campaign| campaign.last_run.is_some()) {
        let processes = tables.processes().await?;
        let runs = found.iter_mut().filter_map(|campaign| campaign.last_run.as_mut());
        runs.for_each(|run| run.seen_with(&processes));
    }
    Ok(found)
}

pub(super) async fn note_run<T: Tables>(
    tables: &mut T,
    id: CampaignId,
    run: LastRun,
) -> Done<T, ()> {
    let before = campaign(tables, id).await?.ok_or_else(unknown_campaign)?.last_run;
    let run = run.noted_after(before, tables.timing());
    set(tables, id, CampaignChange::LastRun(Box::new(run))).await
}

pub(super) async fn pulse<T: Tables>(
    tables: &mut T,
    process: &str,
    campaigns: &[CampaignId],
    at: Timestamp,
) -> Done<T, Vec<Look>> {
    tables.set_process(process, at).await?;
    if campaigns.is_empty() {
        return Ok(Vec::new());
    }
    let now = tables.now();
    tables.looks(campaigns, now).await
}
