//! Why a campaign is not run here, though it is open: in sentences for who reads them, and kept in
//! the store for who asks elsewhere how the campaign stands.

use crate::clock::Clock;
use crate::domain::news::News;
use crate::domain::{Campaign, CampaignState, Exit, Happened, LastRun, NotBegun, Timing};
use crate::ops::context::Context;
use crate::ops::failure::{Failure, Reason};
use crate::ops::happenings::note;
use crate::ops::messages::{Teller, message};
use crate::ops::run::reports::head;
use crate::report::message::Message;
use crate::store::Store;

/// The command that goes on with a campaign.
pub(super) fn resume(cx: &Context<'_>, campaign: &Campaign) -> String {
    cx.commands.of_campaign(&format!("resume {}", campaign.name))
}

/// An older version began it.
pub(super) fn not_kept(cx: &Context<'_>, campaign: &Campaign) -> Failure {
    Failure::new(
        Exit::Stopped,
        "a worker does not run it",
        "an older version began it, and kept no windows and no rules of it",
        format!("go on with it by hand: {}", resume(cx, campaign)),
    )
}

/// What its time is divided by is not what the worker's is.
pub(super) fn other_scale(cx: &Context<'_>, campaign: &Campaign, its: u32) -> Failure {
    Failure::new(
        Exit::Stopped,
        "this worker does not run it",
        format!("its time is divided by {its} (--time-scale), this worker's is not"),
        format!("start a worker with that --time-scale, or {}", resume(cx, campaign)),
    )
}

/// This failure to sign in, of a campaign of which devices may have been ordered before.
pub(super) fn waits(
    cx: &Context<'_>,
    campaign: &Campaign,
    for_workers: bool,
    failure: Failure,
) -> Failure {
    if failure.reason != Reason::NoSignIn {
        return failure;
    }
    let resume = resume(cx, campaign);
    let next = if for_workers {
        format!("what is open of it waits; fix that, and a worker goes on, or run `{resume}`")
    } else {
        format!("what is open of it waits; fix that, then run `{resume}`")
    };
    Failure { next, ..failure }
}

/// Keeps that no run of a campaign could begin, and why, as long as nobody else runs it. How its
/// last run ended, and who may take it, stay as they are. Returns whether that is news: the words
/// of a service for the same failure can differ each time.
pub(super) async fn keep<S: Store>(
    cx: &Context<'_>,
    store: &S,
    taken: &Campaign,
    failure: &Failure,
) -> bool {
    let is_that = |last: &&LastRun| taken.last_run.as_ref().is_some_and(|run| run.id == last.id);
    let Ok(Some(campaign)) = store.campaign(taken.id).await else { return false };
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

/// Tells those who are told of the campaign's runs that none could begin, where that is news.
pub(super) async fn tell(
    cx: &Context<'_>,
    campaign: &Campaign,
    failure: &Failure,
    on_event: Option<&str>,
) {
    let mut teller = Teller::begin(cx.channels, cx.ui, on_event);
    if teller.is_silent() {
        return;
    }
    let Failure { what, why, kind, .. } = failure;
    let say = format!("No run of {} began: {what}: {why}.", campaign.name);
    teller.tell(Message {
        head: Some(head(&campaign.name, &campaign.order, campaign.emulated)),
        tenant_name: cx.commands.tenant_name(&campaign.order.target),
        next: Some(resume(cx, campaign)),
        ..message(News::NotBegun, say, *kind, &cx.host.user, &cx.host.name)
    });
    teller.end().await;
}
