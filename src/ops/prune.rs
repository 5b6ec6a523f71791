//! `prune`: lets go of the rows of campaigns that ended long ago, so that a store that runs every
//! night stops growing. What may go is the domain's; each campaign goes as a whole or not at all.

use std::time::Duration;

use jiff::Timestamp;

use super::context::Context;
use super::failure::Failure;
use super::stores::{self, Place};
use crate::clock::{Clock, wall_clock};
use crate::domain::history::LOOKED_BACK;
use crate::domain::{Campaign, CampaignFilter, Exit, Timing};
use crate::report::pruned::{Gone, Pruned};
use crate::store::Store;
use crate::store::any::{AnyStore, OpenedStore};

/// Removes the rows of all campaigns that ended so long ago, or tells what that would be.
///
/// # Errors
/// `Failure` of its kind.
pub async fn prune(cx: &Context<'_>, older_than: Duration, dry_run: bool) -> Result<Exit, Failure> {
    if older_than < LOOKED_BACK {
        return Err(Failure::usage(
            "campaigns of the last 90 days are kept",
            "--due, --series and `status --coverage` look back on them",
            "write --older-than 90d, or more",
        ));
    }
    let before = wall_clock().checked_sub(older_than).unwrap_or(Timestamp::MIN);
    // People read it, and nothing ends by less than a second.
    let before = Timestamp::from_second(before.as_second()).unwrap_or(before);
    let place = Place::durable(cx.store)?;
    // Where there is no store, none is made.
    let store = stores::open_to_read(&place).await?;
    let filter =
        CampaignFilter { with_rows_over_before: Some(before), ..CampaignFilter::default() };
    let meant = store.select(&filter).await?;
    if dry_run || meant.is_empty() {
        let mut gone = Vec::new();
        for campaign in &meant {
            gone.push(Gone::of(campaign, store.tally(campaign.id).await?.rows()));
        }
        store.close().await?;
        cx.ui.show(&Pruned { dry_run, before, gone, given_back: None })?;
        return Ok(Exit::Done);
    }
    store.close().await?;
    let store = stores::open(&place, Timing::default(), None).await?;
    let pruned = remove(&store, &meant, before).await;
    let pruned = stores::close(&store, pruned).await?;
    cx.ui.show(&pruned)?;
    Ok(Exit::Done)
}

async fn remove(
    store: &OpenedStore,
    meant: &[Campaign],
    before: Timestamp,
) -> Result<Pruned, Failure> {
    let mut gone = Vec::new();
    for campaign in meant.iter().rev() {
        if let Some(rows) = store.prune(campaign.id, before).await? {
            gone.push(Gone::of(campaign, rows));
        }
    }
    let given_back = give_back(store).await?;
    Ok(Pruned { dry_run: false, before, gone, given_back })
}

/// Gives free space back to the disk, if there is much of it and nobody is at work; how many bytes.
/// What is not given back is used by the campaigns that come.
async fn give_back(store: &OpenedStore) -> Result<Option<u64>, Failure> {
    // A server gives its space back by itself.
    let AnyStore::Sqlite(file) = store.kind() else { return Ok(None) };
    let space = file.space().await?;
    let now = store.clock().utc();
    let works = |campaign: &Campaign| {
        campaign.last_run.as_ref().is_some_and(|run| run.is_alive(now, &Timing::default()))
    };
    // A runner would wait for as long as the file is written.
    let open = store.select(&CampaignFilter::open()).await?;
    if space.free < space.bytes / 4 || open.iter().any(works) {
        return Ok(None);
    }
    if let Err(error) = file.compact().await {
        // The rows are gone all the same, and the file is as it was.
        tracing::warn!(%error, "the free space of the store was not given back");
        return Ok(None);
    }
    Ok(Some(space.bytes.saturating_sub(file.space().await?.bytes)))
}
