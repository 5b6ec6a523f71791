//! Why a campaign is not run here, though it is open: in sentences for who reads them, and kept in
//! the store for who asks elsewhere how the campaign stands.

use crate::clock::Clock;
use crate::domain::{Campaign, Exit, Happened, LastRun, RunEnd};
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::happenings::note;
use crate::ops::run::begin::begun_here;
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
    let resume = resume(cx, campaign);
    let next = if for_workers {
        format!("what is open of it waits; fix that, and a worker goes on, or run `{resume}`")
    } else {
        format!("what is open of it waits; fix that, then run `{resume}`")
    };
    Failure { next, ..failure }
}

/// Keeps that a run of it could not begin, and why.
pub(super) async fn keep<S: Store>(
    cx: &Context<'_>,
    store: &S,
    campaign: &Campaign,
    for_workers: bool,
    failure: &Failure,
) {
    let at = store.clock().utc();
    let Ok(begun) = begun_here(cx, store, at) else { return };
    let (why, exit_code) = (format!("{}: {}", failure.what, failure.why), failure.kind.code());
    let (before, resume) = (None, Some(resume(cx, campaign)));
    let end = RunEnd { at, why: why.clone(), exit_code, before, resume, for_workers };
    let last = campaign.last_run.as_ref();
    let run = LastRun {
        ended: Some(end),
        // Those of the run before are where they were.
        reports: last.map_or_else(Vec::new, |last| last.reports.clone()),
        coverage: last.and_then(|last| last.coverage),
        ..begun
    };
    // Who waits for a store that is out of reach tells of that.
    if store.note_run(campaign.id, run).await.is_ok() {
        note(cx, store, campaign.id, Happened::RunEnded { why, exit_code }).await;
    }
}
