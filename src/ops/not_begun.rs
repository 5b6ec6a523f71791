//! Keeps in the store why no run of a campaign could begin, for who asks elsewhere how the campaign
//! stands. The words for who runs it are those of the failure.

use crate::clock::Clock;
use crate::domain::{Campaign, CampaignState, Happened, LastRun, NotBegun, Timing};
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::happenings::note;
use crate::ops::process::looked_at;
use crate::store::Store;

/// Keeps that no run of a campaign could begin, and why, as long as nobody else runs it. How its
/// last run ended, and who may take it, stay as they are. Returns whether that is news: the words
/// of a service for the same failure can differ each time.
pub(super) async fn keep<S: Store>(
    cx: &Context<'_>,
    store: &S,
    taken: &Campaign,
    failure: &Failure,
) -> bool {
    // A run that was killed a moment ago passes for one at work where nobody looks.
    let taken = looked_at(taken.clone());
    let is_that = |last: &&LastRun| taken.last_run.as_ref().is_some_and(|run| run.id == last.id);
    let Ok(Some(campaign)) = store.campaign(taken.id).await else { return false };
    let campaign = looked_at(campaign);
    let is_open = campaign.state == CampaignState::Open;
    let last = campaign.last_run.as_ref().filter(is_that).filter(|_| is_open);
    let Some(last) = last else { return false };
    let now = store.clock().shared_utc();
    let (why, exit_code) = (format!("{}: {}", failure.what, failure.why), failure.kind.code());
    let is_known = last.not_begun.as_ref().is_some_and(|one| one.why == why);
    if is_known || last.alive_but("", now, &Timing::default()) > 0 {
        return false;
    }
    let not_begun = NotBegun {
        at: store.clock().utc(),
        why: why.clone(),
        next: failure.next.clone(),
        exit_code,
        by: cx.host.user.clone(),
        host: cx.host.name.clone(),
    };
    let run = LastRun { not_begun: Some(not_begun), ..last.clone() };
    // Who waits for a store that is out of reach tells of that.
    let before = last.not_begun.as_ref().map(|one| one.exit_code);
    let is_kept = store.note_run(taken.id, run).await.is_ok();
    if is_kept {
        note(cx, store, taken.id, Happened::NotBegun { why, exit_code }).await;
    }
    is_kept && before != Some(exit_code)
}
