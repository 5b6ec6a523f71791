//! How writes that wait are carried together: one transaction locks the budgets of all of them,
//! runs them, and commits once. Each has its own answer, and none before the commit.
//!
//! Who comes while few transactions are under way is carried alone at once, so that nobody waits
//! for company; what comes meanwhile goes together in the next one. Writes on one budget run one
//! after the other, each seeing what the one before it wrote, as they would in transactions of
//! their own; those on different budgets share no row, and their statements are sent together.
//! Budgets are locked in the order of their keys, so that no two transactions wait for each other.
//! If anything goes wrong before the commit, nothing was done, and each is tried on its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::try_join_all;
use tokio::sync::oneshot;

use super::clock::SharedClock;
use super::fault::Fault;
use super::gather::{Carried, One, Outcome, Write};
use super::inner::Inner;
use super::session::Session;
use super::transaction::Transaction;
use super::{epoch, sql};
use crate::store::tables::Subject;
use crate::store::verbs::Work;

impl<C: SharedClock> Inner<C> {
    /// Has a write carried with others that wait. Returns `None` if it was not, and nothing was
    /// done.
    pub(super) async fn gathered<R, W>(
        self: &Arc<Self>,
        what: &'static str,
        subject: &Subject,
        work: W,
    ) -> Carried<R>
    where
        R: Send + 'static,
        W: for<'t, 'c> FnOnce(&'t mut Transaction<'c, C>) -> Work<'t, R, Fault>
            + Clone
            + Send
            + 'static,
    {
        let (Subject::Campaign(_) | Subject::Looks(_) | Subject::Call(_)) = subject else {
            return None;
        };
        let (reply, answer) = oneshot::channel();
        let one = One { what, subject: subject.clone(), work, answer: None, reply };
        let inner = Arc::clone(self);
        let carry = move |batch| {
            let inner = Arc::clone(&inner);
            async move { inner.carry(batch).await }
        };
        self.gathering.carried(what, Box::new(one), answer, carry).await
    }

    async fn carry(&self, mut batch: Vec<Box<dyn Write<C>>>) {
        let outcome = self.try_together(&mut batch).await;
        batch.into_iter().for_each(|write| write.end(&outcome));
    }

    async fn try_together(&self, batch: &mut [Box<dyn Write<C>>]) -> Outcome {
        // Who is tried alone says what is the matter.
        let Ok(mut session) = self.session().await else { return Outcome::Undone };
        if let Err(fault) = self.run_all(&mut session, batch).await {
            self.undo(session, &fault).await;
            return Outcome::Undone;
        }
        match self.commit(session).await {
            Ok(()) => Outcome::Done,
            Err(Fault::Store(error)) => Outcome::Unknown(error.to_string()),
            // Who asks again by himself is told so, and asks.
            Err(Fault::NoConnection(why)) if self.asking_again.load(Ordering::Relaxed) > 0 => {
                Outcome::Away(why)
            }
            Err(_) => Outcome::Undone,
        }
    }

    /// All of a transaction but its end.
    async fn run_all(
        &self,
        session: &mut Session,
        batch: &mut [Box<dyn Write<C>>],
    ) -> std::result::Result<(), Fault> {
        self.begin(session).await?;
        let mut by_budget: BTreeMap<Option<i64>, Vec<&mut Box<dyn Write<C>>>> = BTreeMap::new();
        let last = if let [one] = batch {
            let last = sql::lock(session, one.subject()).await?;
            by_budget.insert(None, vec![one]);
            last
        } else {
            let subjects: Vec<&Subject> = batch.iter().map(|write| write.subject()).collect();
            let (budgets, last) = sql::lock_all(session, &subjects).await?;
            for (write, budget) in batch.iter_mut().zip(budgets) {
                by_budget.entry(budget).or_default().push(write);
            }
            last
        };
        let (moment, offset_us) = epoch::moment(session, &self.shared.clock, last).await?;
        let (shared, calls, now) = (&self.shared, &self.calls, moment.now);
        let session = &*session;
        let runs = by_budget.into_values().map(|writes| async move {
            for write in writes {
                write.run(&mut Transaction { session, shared, now, calls }).await?;
            }
            Ok::<(), Fault>(())
        });
        try_join_all(runs).await?;
        self.correct(session, offset_us, moment.correction_us).await
    }
}
