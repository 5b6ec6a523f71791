//! Noting what happened in a campaign, for who asks later, and asking for it. Noting holds nothing
//! up: what cannot be noted is missing from the story, and nothing else.

use super::context::Context;
use super::failure::Failure;
use crate::clock::Clock;
use crate::domain::happening::HAPPENINGS_KEPT;
use crate::domain::{Campaign, CampaignId, CampaignName, Happened, Happening, SeriesName};
use crate::store::Store;

/// Notes what happened now, by the doing of who started this process.
pub(super) async fn note<S: Store>(
    cx: &Context<'_>,
    store: &S,
    campaign: CampaignId,
    what: Happened,
) {
    let (by, host) = (cx.host.user.clone(), cx.host.name.clone());
    let happening = Happening { at: store.clock().utc(), what, by, host };
    if let Err(error) = store.note_happening(campaign, happening).await {
        tracing::warn!(%error, "what happened could not be noted");
    }
}

/// The latest campaign that was begun to order again what was left uncovered.
pub(super) fn ordered_again<'a>(
    all: impl DoubleEndedIterator<Item = &'a Happening>,
) -> Option<&'a CampaignName> {
    all.rev().find_map(|one| match &one.what {
        Happened::OrderedAgain { campaign } => Some(campaign),
        _ => None,
    })
}

/// Whether the next run of its series ended this campaign.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(crate) async fn followed<S: Store>(store: &S, campaign: &Campaign) -> Result<bool, Failure> {
    if !campaign.called_off || SeriesName::of(&campaign.name).is_none() {
        return Ok(false);
    }
    let all = store.happenings(campaign.id, 0, HAPPENINGS_KEPT).await?;
    Ok(all.iter().any(|one| matches!(one.happening.what, Happened::Followed { .. })))
}
