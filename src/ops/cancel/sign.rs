//! A sign in the store that somebody takes a campaign's orders back, for as long as that takes: who
//! looks elsewhere would find it finished.

use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::{Campaign, LastRun, RunEnd, Timing};
use crate::engine::QuietStore;
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::run::begin::{begun_here, random_id};
use crate::report::cancels::CancelSummary;
use crate::store::Store;

/// The sign, until it is ended.
pub(super) struct CancellingSign<'a, S> {
    store: &'a Arc<S>,
    campaign: &'a Campaign,
    run: LastRun,
    /// It says that this process lives, and its run with it.
    alive: Arc<QuietStore<S>>,
}

impl<'a, S: Store> CancellingSign<'a, S> {
    /// Begins. Returns `None` for a campaign of which no run began, which is ended at once, and
    /// where the store does not take the sign: it only tells, and holds nothing up. `again` is the
    /// command that goes on with what is left if this process is killed.
    pub(super) async fn begin(
        cx: &Context<'_>,
        store: &'a Arc<S>,
        campaign: &'a Campaign,
        timing: &Timing,
        again: String,
    ) -> Option<Self> {
        campaign.last_run.as_ref()?;
        let begun = begun_here(cx, &**store, store.clock().utc()).ok()?;
        let alive = QuietStore::new(store.clone(), random_id().ok()?, *timing);
        let (process, again) = (alive.process().to_owned(), Some(again));
        let run = LastRun { cancels: true, process, again, ..begun };
        store.note_run(campaign.id, run.clone()).await.ok()?;
        Some(Self { store, campaign, run, alive })
    }

    /// Ends. It stays where something was left.
    pub(super) async fn end(self, ended: &Result<CancelSummary, Failure>) {
        let Self { store, campaign, run, alive } = self;
        drop(alive);
        let at = store.clock().utc();
        let (exit, left) = match ended {
            Ok(summary) => (summary.exit, summary.left()),
            Err(failure) => (failure.kind, Some(failure.what.clone())),
        };
        let resume = if left.is_some() { run.again.clone() } else { None };
        let why = left.unwrap_or_default();
        let exit_code = exit.code();
        let end = RunEnd { at, why, exit_code, before: None, resume, for_workers: false };
        let seen_at = Some(store.clock().shared_utc());
        let ended = LastRun { ended: Some(end), seen_at, ..run };
        if let Err(error) = store.note_run(campaign.id, ended).await {
            tracing::debug!(%error, "the end of cancelling could not be noted");
        }
    }
}
