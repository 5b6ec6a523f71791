//! Letting go of the rows of campaigns that ended long ago.

use jiff::Timestamp;

use super::known::{known, set};
use super::rows::is_open;
use crate::domain::CampaignId;
use crate::store::tables::{CampaignChange, Done, Tables};

pub(super) async fn prune<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    before: Timestamp,
) -> Done<T, Option<u64>> {
    let there = known(tables, campaign).await?;
    let now = tables.utc();
    if !there.may_be_pruned(before, now) {
        return Ok(None);
    }
    // A campaign that is finished has neither; rows that somebody waits for are never removed.
    if is_open(tables, campaign).await? {
        return Ok(None);
    }
    set(tables, campaign, CampaignChange::PrunedAt(now)).await?;
    tables.remove_happenings(campaign).await?;
    Ok(Some(tables.remove_rows(campaign).await?))
}
