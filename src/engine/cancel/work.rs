//! Asking for each cancellation once, and once more where an answer does not tell: what an answer
//! means for its action, when the list is asked, and when all of it is over.
//!
//! ```text
//!   pump -> call: token, slot, send, settle, write the row -> judge
//!   all asked: the list says of what is not clear: cancelled | ended | refused | asked again
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::call::Item;
use super::job::Job;
use super::survey::OpenAction;
use super::unclear::{Cleared, Listed, Unclear, Why, listed};
use crate::clock::Clock;
use crate::defender::CancelApi;
use crate::domain::cancel::CancelProgress;
use crate::domain::cancel::Cancelled;
use crate::domain::event::Event;
use crate::domain::refusals::Answers;
use crate::domain::{Operation, Stamp, Stop, Verdict};
use crate::engine::patient::PatientStore;
use crate::engine::progress::outlook;
use crate::engine::pump::{Answer, Counts, Done, Flow, Pump, Unclaimed, Watching, Work};
use crate::engine::stop::StopLevel;
use crate::store::{Result, Store};

/// What is told while it goes on.
pub type Told = Event<CancelProgress>;

/// Cancels these actions, each once as far as the answers tell, and says how that went. What it was
/// that a lost answer said, the list is asked afterwards; asking twice does no harm.
///
/// # Errors
/// `StoreError` if the store fails: nothing is sent that is not in it.
pub async fn run<S: Store, A: CancelApi>(
    job: Job<S, A>,
    actions: Vec<OpenAction>,
    stop: watch::Receiver<StopLevel>,
    events: mpsc::Sender<Told>,
) -> Result<Cancelled> {
    let (rate, counts) = (job.rate.clone(), Arc::<Counts>::default());
    let to_watcher = events.clone();
    let tell = move |note| drop(to_watcher.try_send(Event::Note(note)));
    let Job { store, api, campaign, cause, progress_every, .. } = job;
    let store = Arc::new(PatientStore::new(store, rate.timing, stop.clone(), tell));
    let job = Job { store, api, campaign, cause, rate: rate.clone(), progress_every };
    let watching = Watching { events, progress_every: job.progress_every };
    let item = |action| Item { action, asks: 0, doubted: false };
    let work = CancelWork {
        job: Arc::new(job),
        all: actions.len() as u64,
        waiting: actions.into_iter().map(item).collect(),
        unclear: Vec::new(),
        done: Cancelled::default(),
        answers: Answers::default(),
        looks: JoinSet::new(),
    };
    let mut pump = Pump::new(work, rate, counts, stop, watching);
    // The list of these actions has been read.
    pump.flow.has_been_reached();
    pump.run().await?;
    let Pump { work, flow, .. } = pump;
    Ok(work.ended(&flow))
}

/// Cancelling the actions of one campaign.
struct CancelWork<S, A> {
    job: Arc<Job<S, A>>,
    all: u64,
    /// Those that are to be asked for, the next one first.
    waiting: VecDeque<Item>,
    /// Those that were asked for without a clear answer.
    unclear: Vec<Unclear>,
    done: Cancelled,
    answers: Answers,
    /// The look into the list that is under way.
    looks: JoinSet<Result<Listed>>,
}

impl<S: Store, A: CancelApi> CancelWork<S, A> {
    /// Counts what answers have in common, and stops where they are all the same refusal.
    fn count(&mut self, answer: &Answer, flow: &mut Flow<CancelProgress>) {
        if flow.stop.is_none() {
            match &answer.refused {
                // That an action is over already, or is not known, is about that action.
                Some(refused) if matches!(refused.kind.0, 400 | 404 | 409) => self.answers.fine(),
                Some(refused) => {
                    self.answers.refused(refused);
                    flow.tell_refusal(refused, &self.answers, false);
                }
                None if matches!(answer.verdict, Verdict::Accepted { .. }) => self.answers.fine(),
                None => {}
            }
        }
        let pages = flow.check_use(answer, &self.answers);
        for stop in pages.into_iter().chain(self.answers.verdict()) {
            flow.halt(to_cancel(stop));
        }
    }

    fn unclear(&mut self, item: Item, why: Why) {
        let asks = item.asks + 1;
        let doubted = item.doubted || why == Why::Doubt;
        self.unclear.push(Unclear { item: Item { asks, doubted, ..item }, why });
    }

    fn ended(self, flow: &Flow<CancelProgress>) -> Cancelled {
        let Cancelled { cancelled, ended, unknown, .. } = self.done;
        let settled = cancelled + ended + self.done.refused() + unknown;
        let (calls, throttled) = (flow.counts.calls(), flow.throttled);
        // What is in flight when it is left at once is not known; all the rest was not asked for.
        let left = self.all.saturating_sub(settled);
        let stop = flow.stop.clone().or_else(|| self.missing_right());
        Cancelled { left, calls, throttled, stop, ..self.done }
    }

    /// Why it was in vain, if every answer that said something about its action was a 403 that can
    /// mean that the right is missing.
    fn missing_right(&self) -> Option<Stop> {
        match self.answers.stop() {
            Some(stop @ Stop::SignIn(_)) if self.answers.are_all_alike() => Some(to_cancel(stop)),
            _ => None,
        }
    }
}

impl<S: Store, A: CancelApi> Work for CancelWork<S, A> {
    type Caller = Job<S, A>;
    type Progress = CancelProgress;
    type Aside = Listed;

    fn caller(&self) -> &Arc<Job<S, A>> {
        &self.job
    }

    async fn is_due(&mut self, _flow: &mut Flow<CancelProgress>) -> Result<bool> {
        Ok(!self.waiting.is_empty())
    }

    fn take(&mut self, _flow: &Flow<CancelProgress>) -> Option<Item> {
        self.waiting.pop_front()
    }

    fn unclaimed(&mut self, item: Item, _why: Unclaimed, _flow: &mut Flow<CancelProgress>) {
        self.waiting.push_front(item);
    }

    fn judge(&mut self, done: Done<Job<S, A>>, flow: &mut Flow<CancelProgress>) {
        let Done { claim, answer, .. } = done;
        let item = claim.item;
        if let Verdict::NeverLeft { .. } = answer.verdict {
            self.waiting.push_front(item);
            return;
        }
        self.count(&answer, flow);
        match answer.verdict {
            Verdict::Accepted { .. } => self.done.cancelled += 1,
            Verdict::Throttled { .. } | Verdict::Unauthorized(_) | Verdict::NeverLeft { .. } => {
                self.waiting.push_front(item);
            }
            Verdict::Doubtful { .. } => self.unclear(item, Why::Doubt),
            Verdict::Forbidden(refusal)
            | Verdict::Rejected(refusal)
            | Verdict::NotFound(refusal)
            | Verdict::Busy { refusal, .. } => self.unclear(item, Why::Refused(refusal)),
        }
    }

    fn asides(&mut self) -> &mut JoinSet<Result<Listed>> {
        &mut self.looks
    }

    async fn aside_ended(&mut self, listed: Listed, flow: &mut Flow<CancelProgress>) -> Result<()> {
        let stopped = flow.stop.is_some();
        for unclear in std::mem::take(&mut self.unclear) {
            let cleared = unclear.clear_up(&self.job, &listed, &mut self.done, stopped).await?;
            if let Cleared::Again(item) = cleared {
                self.waiting.push_back(item);
            }
        }
        Ok(())
    }

    fn due_at(&self, now: Stamp) -> Option<Stamp> {
        if self.waiting.is_empty() { None } else { Some(now) }
    }

    /// Has the list asked about all that is not clear, once nothing else waits.
    async fn is_over(&mut self, flow: &mut Flow<CancelProgress>) -> Result<bool> {
        let all_asked = self.waiting.is_empty() || flow.stop.is_some();
        if !self.looks.is_empty() || !all_asked {
            return Ok(false);
        }
        if self.unclear.is_empty() {
            return Ok(true);
        }
        let actions = self.unclear.iter().map(|one| one.item.action.clone()).collect();
        self.looks.spawn(listed(self.job.clone(), actions));
        Ok(false)
    }

    async fn progress(&self, flow: &Flow<CancelProgress>) -> Result<CancelProgress> {
        let budget = self.job.campaign.order.target.budget(Operation::Cancel);
        let outlook = outlook(&*self.job.store, &budget, flow).await?;
        let left = self.waiting.len() as u64;
        Ok(CancelProgress {
            all: self.all,
            cancelled: self.done.cancelled,
            ended: self.done.ended,
            refused: self.done.refused(),
            unclear: self.unclear.len() as u64,
            in_flight: flow.in_flight as u64,
            throttled: flow.throttled,
            hold: flow.held_by(self.job.store.clock().now()),
            finish_in: outlook.forecast(left).map(|forecast| forecast.last_answer),
        })
    }
}

/// A stop in the words of who cancels.
fn to_cancel(stop: Stop) -> Stop {
    match stop {
        Stop::SignIn(why) => {
            Stop::SignIn(why.replace("may not start scans", "may not cancel actions"))
        }
        other => other,
    }
}
