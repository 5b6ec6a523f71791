//! Noting what happened in a campaign, for who asks later. It holds nothing up: what cannot be
//! noted is missing from the story, and nothing else.

use super::context::Context;
use crate::clock::Clock;
use crate::domain::{CampaignId, Happened, Happening};
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
