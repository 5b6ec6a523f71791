//! What a process does beside the verbs for as long as it has a store: it says that it lives, and
//! removes what nobody can ask for any more. Nothing waits for it.

use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::SignedDuration;

use super::clock::SharedClock;
use super::epoch;
use super::fault::Fault;
use super::inner::Inner;
use super::session::Session;
use super::sql::{self, BEGIN};
use crate::clock::Clock;
use crate::domain::Stamp;
use crate::store::tables::Subject;

type Done<T> = Result<T, Fault>;

/// Time between two signs of life of a process.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// How long a process that is gone, its connections and calls that no limit can ask for are kept.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long a draft that nobody confirmed is kept.
const DRAFT_LIVES: SignedDuration = SignedDuration::from_hours(24);

/// Time between two looks for what is old: some thousands of calls of each budget go in one.
const DROP_EVERY: u32 = 720;

/// Says that a process lives for as long as its store is there, and removes what is old once an
/// hour: a worker may run for months.
pub(super) async fn show_life<C: SharedClock>(store: Weak<Inner<C>>) {
    for round in 1_u32.. {
        tokio::time::sleep(SIGN_OF_LIFE).await;
        let Some(inner) = store.upgrade() else { return };
        if inner.is_closed.load(Ordering::SeqCst) {
            return;
        }
        if let Err(fault) = inner.sign_of_life().await {
            tracing::debug!(?fault, "no sign of life could be written");
        } else if round.is_multiple_of(DROP_EVERY) {
            let dropped = async {
                let session = inner.session().await?;
                drop_what_is_old(&session, &inner.shared.clock).await
            };
            if let Err(fault) = dropped.await {
                tracing::debug!(?fault, "what is old stays for an hour more");
            }
        }
    }
}

/// Removes drafts that nobody confirmed, calls that no limit can ask for, and processes that are
/// gone. If somebody else does it, they do.
pub(super) async fn drop_what_is_old(session: &Session, clock: &impl Clock) -> Done<()> {
    let before = clock.now().minus(KEPT);
    sql::remove_runners(session, before, None).await?;
    if let Ok(moment) = clock.utc().checked_sub(DRAFT_LIVES) {
        for draft in sql::drafts_before(session, moment).await? {
            session.simple(BEGIN).await?;
            sql::lock(session, &Subject::Draft(draft)).await?;
            sql::delete_draft(session, draft).await?;
            session.simple("COMMIT").await?;
        }
    }
    for budget in sql::budgets(session).await? {
        session.simple(BEGIN).await?;
        sql::lock_budget(session, budget).await?;
        sql::prune_calls(session, budget, before).await?;
        session.simple("COMMIT").await?;
    }
    Ok(())
}

impl<C: SharedClock> Inner<C> {
    /// Says that this process lives, and whether commits are safe on a standby.
    async fn sign_of_life(&self) -> Done<()> {
        let session = self.session().await?;
        let (last, _) = sql::last_seen(&session, Stamp::ZERO).await?;
        session.simple(BEGIN).await?;
        let (moment, offset_us) = epoch::moment(&session, &self.shared.clock, last).await?;
        sql::seen(&session, self.shared.runner, moment.now).await?;
        if let Some(by_us) = moment.correction_us {
            sql::correct(&session, offset_us, by_us).await?;
        }
        let set = sql::settings(&session).await?;
        let alone = self.is_alone.swap(false, Ordering::Relaxed);
        let durable = self.synchronous && set.fsync && !set.standbys.is_empty() && !alone;
        sql::set_durable(&session, durable).await?;
        session.simple("COMMIT").await
    }
}
