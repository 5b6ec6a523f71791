//! Writes that wait to be carried together, each with the answer that it gets. How they are carried
//! is `carry`'s; what they do is not known here.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::fault::Fault;
use super::transaction::Transaction;
use crate::store::tables::Subject;
use crate::store::verbs::Work;
use crate::store::{Result, StoreError};

/// Transactions that carry writes at a time: while one is committed, the next one is filled.
const LANES: usize = 2;

/// Writes in one transaction at most, so that a claim is not late when it is committed.
const MOST: usize = 32;

/// What waits to be carried.
pub(super) struct Gathering<C> {
    line: Arc<Mutex<Line<C>>>,
}

/// Those that wait, and how many carry: both change together, so that nothing waits while nobody
/// carries.
struct Line<C> {
    waiting: VecDeque<Box<dyn Write<C>>>,
    carriers: usize,
}

/// How the transaction ended that carried a write.
pub(super) enum Outcome {
    /// It took place.
    Done,
    /// It certainly did not.
    Undone,
    /// It certainly did not, since the server is away; why.
    Away(String),
    /// Nobody knows, and why.
    Unknown(String),
}

/// A write whose type of answer is hidden.
pub(super) trait Write<C>: Send {
    /// What it is about.
    fn subject(&self) -> &Subject;
    /// Runs it, and keeps its answer.
    fn run<'t>(&'t mut self, tables: &'t mut Transaction<'_, C>) -> Work<'t, (), Fault>;
    /// Gives the answer, now that the transaction has ended.
    fn end(self: Box<Self>, outcome: &Outcome);
}

/// A write.
pub(super) struct One<W, R> {
    pub(super) what: &'static str,
    pub(super) subject: Subject,
    pub(super) work: W,
    pub(super) answer: Option<R>,
    pub(super) reply: oneshot::Sender<Carried<R>>,
}

/// The answer to a write, if it was carried; `None` if it is to be tried on its own.
pub(super) type Carried<R> = Option<Result<R>>;

impl<C> Default for Gathering<C> {
    fn default() -> Self {
        let line = Line { waiting: VecDeque::new(), carriers: 0 };
        Self { line: Arc::new(Mutex::new(line)) }
    }
}

impl<C> fmt::Debug for Gathering<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gathering").finish_non_exhaustive()
    }
}

impl<C: 'static> Gathering<C> {
    /// Has a write carried by `carry`, alone or with others, and waits for its answer. Who carries
    /// is a task of its own, since others wait for it too, whoever began it stops waiting or not.
    pub(super) async fn carried<R, F>(
        &self,
        what: &'static str,
        write: Box<dyn Write<C>>,
        answer: oneshot::Receiver<Carried<R>>,
        carry: impl Fn(Vec<Box<dyn Write<C>>>) -> F + Send + 'static,
    ) -> Carried<R>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if lock(&self.line).joined_by(write) {
            tokio::spawn(carry_on(self.line.clone(), carry));
        }
        answer.await.unwrap_or_else(|_| Some(Err(lost(what))))
    }
}

impl<C> Line<C> {
    /// Takes in one more, and returns whether it needs one more who carries.
    fn joined_by(&mut self, write: Box<dyn Write<C>>) -> bool {
        self.waiting.push_back(write);
        let needs = self.carriers < LANES;
        self.carriers += usize::from(needs);
        needs
    }

    /// Those that go together next. Returns `None` if none waits, and whoever asks carries no more.
    fn next(&mut self) -> Option<Vec<Box<dyn Write<C>>>> {
        let many = self.waiting.len().min(MOST);
        if many == 0 {
            self.carriers -= 1;
            return None;
        }
        Some(self.waiting.drain(..many).collect())
    }
}

/// Carries what waits until nothing does.
async fn carry_on<C: 'static, F>(
    line: Arc<Mutex<Line<C>>>,
    carry: impl Fn(Vec<Box<dyn Write<C>>>) -> F + Send,
) where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let Some(batch) = lock(&line).next() else { return };
        // A mistake in one transaction ends neither those behind it nor this.
        if let Err(error) = tokio::spawn(carry(batch)).await {
            tracing::error!(%error, "a transaction was interrupted");
        }
    }
}

fn lock<C>(line: &Mutex<Line<C>>) -> MutexGuard<'_, Line<C>> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<C, W, R> Write<C> for One<W, R>
where
    R: Send + 'static,
    W: for<'t, 'c> FnOnce(&'t mut Transaction<'c, C>) -> Work<'t, R, Fault> + Clone + Send,
{
    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn run<'t>(&'t mut self, tables: &'t mut Transaction<'_, C>) -> Work<'t, (), Fault> {
        let work = self.work.clone();
        let answer = &mut self.answer;
        let run = work(tables);
        Box::pin(async move {
            *answer = Some(run.await?);
            Ok(())
        })
    }

    fn end(self: Box<Self>, outcome: &Outcome) {
        let carried = match (outcome, self.answer) {
            (Outcome::Done, Some(answer)) => Some(Ok(answer)),
            (Outcome::Done | Outcome::Undone, _) => None,
            (Outcome::Away(why), _) => {
                let (what, why) = (self.what, why.clone());
                Some(Err(StoreError::OutOfReach { what, cause: "it cannot be reached", why }))
            }
            (Outcome::Unknown(why), _) => {
                Some(Err(StoreError::Failed { what: self.what, why: why.clone() }))
            }
        };
        // Who stopped waiting is told nothing; what was committed stands.
        self.reply.send(carried).ok();
    }
}

/// Who carried a write is gone without a word of it: it may have been committed.
fn lost(what: &'static str) -> StoreError {
    let why = "it was interrupted before it was known whether it took place".to_owned();
    StoreError::Failed { what, why }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;
    use tokio::task::JoinHandle;

    use super::*;
    use crate::clock::ManualClock;

    type Writes = Gathering<ManualClock>;

    /// A write whose answer is there before it is carried.
    struct Known;

    impl Write<ManualClock> for One<Known, u64> {
        fn subject(&self) -> &Subject {
            &self.subject
        }

        fn run<'t>(&'t mut self, _: &'t mut Transaction<'_, ManualClock>) -> Work<'t, (), Fault> {
            unreachable!("nothing is run here")
        }

        fn end(self: Box<Self>, outcome: &Outcome) {
            assert!(matches!(outcome, Outcome::Done));
            self.reply.send(Some(Ok(self.answer.unwrap()))).ok();
        }
    }

    /// Asks for a write with this answer, which is carried once that is told, or not at all.
    fn asked(
        writes: &Arc<Writes>,
        answer: u64,
        commit: &Arc<Notify>,
        carried: &Arc<AtomicUsize>,
    ) -> JoinHandle<Carried<u64>> {
        let (writes, commit, carried) = (writes.clone(), commit.clone(), carried.clone());
        tokio::spawn(async move {
            let (reply, told) = oneshot::channel();
            let (what, subject, answer) = ("writing", Subject::Alone, Some(answer));
            let one = One { what, subject, work: Known, answer, reply };
            let carry = move |batch: Vec<Box<dyn Write<ManualClock>>>| {
                let (commit, carried) = (commit.clone(), carried.clone());
                async move {
                    commit.notified().await;
                    carried.fetch_add(batch.len(), Ordering::SeqCst);
                    assert!(batch.len() < 3, "a mistake of the program");
                    batch.into_iter().for_each(|write| write.end(&Outcome::Done));
                }
            };
            writes.carried(what, Box::new(one), told, carry).await
        })
    }

    /// Lets all tasks go on until they wait.
    async fn settle() {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_stops_waiting_leaves_those_who_wait_with_him_their_answers() {
        let (writes, commit, carried) = (Arc::default(), Arc::default(), Arc::default());
        // They are under way alone; what comes meanwhile goes together.
        let mut alone = Vec::new();
        for n in [1, 2] {
            alone.push(asked(&writes, n, &commit, &carried));
            settle().await;
        }
        let first = asked(&writes, 3, &commit, &carried);
        let second = asked(&writes, 4, &commit, &carried);
        settle().await;
        commit.notify_one();
        settle().await;
        assert_eq!(carried.load(Ordering::SeqCst), 1, "the two are on their way now");
        // The one whose turn it would be to carry them, were no task made for that.
        alone.remove(0).abort();
        settle().await;
        for _ in 0..2 {
            commit.notify_one();
            settle().await;
        }
        for (one, n) in [(first, 3), (second, 4), (alone.remove(0), 2)] {
            let answer = one.await.unwrap();
            assert!(matches!(answer, Some(Ok(answer)) if answer == n), "it took place");
        }
        assert_eq!(carried.load(Ordering::SeqCst), 4, "what was asked for is done once");
    }

    #[tokio::test]
    async fn a_write_whose_carrier_was_lost_is_not_taken_for_one_that_was_not_done() {
        let (writes, commit, carried) = (Arc::default(), Arc::default(), Arc::default());
        let mut alone = Vec::new();
        for n in [1, 2] {
            alone.push(asked(&writes, n, &commit, &carried));
            settle().await;
        }
        let lost = [3, 4, 5].map(|n| asked(&writes, n, &commit, &carried));
        settle().await;
        for _ in 0..3 {
            commit.notify_one();
            settle().await;
        }
        for one in lost {
            let told = one.await.unwrap();
            assert!(matches!(&told, Some(Err(StoreError::Failed { .. }))), "{told:?}");
        }
        for one in alone {
            assert!(matches!(one.await.unwrap(), Some(Ok(_))), "others had their own carriers");
        }
        let next = asked(&writes, 6, &commit, &carried);
        settle().await;
        commit.notify_one();
        assert!(matches!(next.await.unwrap(), Some(Ok(6))), "the next one is carried");
    }
}
