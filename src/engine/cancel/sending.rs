//! Asking for each cancellation: a slot of the budget for cancelling, one call, its verdict, and
//! what the list says of those whose answer does not tell. One loop owns the state; tasks send and
//! settle. It prints nothing.
//!
//! ```text
//!   gate -> token, slot -> task: send, settle, write the row -> loop
//!   all asked: the list says of what is not clear: cancelled | ended | refused | asked again
//! ```

mod judge;
mod unclear;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};

use super::Target;
use crate::clock::Clock;
use crate::defender::{CancelApi, SignInError};
use crate::domain::cancel::{Cause, Progress};
use crate::domain::event::{HoldReason, Note};
use crate::domain::forecast::{CallRate, LATENCY, Outlook};
use crate::domain::refusals::{self, Answers, Refused};
use crate::domain::verdict::cancel_verdict;
use crate::domain::{
    BudgetState, CallId, Campaign, Cancellation, Operation, Pace, Quota, Reply, Stamp, Stop,
    Timing, Verdict,
};
use crate::engine::StopLevel;
use crate::engine::throttle::{Heard, Throttles};
use crate::gate::Gate;
use crate::store::{Hold, NotYet, ReadAnswer, ReadSettlement, Store, StoreError};
use unclear::Unclear;

/// What there is to do, and how fast.
#[derive(Debug)]
pub struct Job<S, A> {
    /// The store whose journal the calls go into.
    pub store: Arc<S>,
    /// The client.
    pub api: Arc<A>,
    /// The campaign.
    pub campaign: Campaign,
    /// Why its actions are cancelled.
    pub cause: Cause,
    /// The quotas that are kept on the budget for cancelling, and on that for reading.
    pub quotas: Vec<Quota>,
    /// The pace that spreads bursts.
    pub pace: Option<Pace>,
    /// Calls in flight at most.
    pub concurrency: usize,
    /// Every duration.
    pub timing: Timing,
    /// Time between two snapshots; zero for none.
    pub progress_every: Duration,
}

/// What is told while it goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// How far it is.
    Progress(Box<Progress>),
    /// Something that is told once.
    Note(Note),
}

/// How it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cancelled {
    /// Actions that were cancelled.
    pub cancelled: u64,
    /// Those that had ended before they could be.
    pub ended: u64,
    /// Those that the server did not cancel, by status and code, with how many and a message.
    pub refused: BTreeMap<(u16, Option<String>), (u64, Option<String>)>,
    /// Those of which nobody can say whether they are.
    pub unknown: u64,
    /// Those that were not asked for, or not to an end, when it stopped.
    pub left: u64,
    /// Calls that cancel.
    pub calls: u64,
    /// How many of them were answered with 429.
    pub throttled: u64,
    /// What stopped it, if anything did.
    pub stop: Option<Stop>,
}

impl Cancelled {
    /// Actions that the server did not cancel.
    pub fn refused(&self) -> u64 {
        self.refused.values().map(|(some, _)| some).sum()
    }

    /// All that were left before it could tell more.
    pub fn left_at_once(targets: u64) -> Self {
        Self { left: targets, stop: Some(Stop::SecondSignal), ..Self::default() }
    }
}

/// Cancels these actions, each once as far as the answers tell, and says how that went. What it was
/// that a lost answer said, the list is asked afterwards; asking twice does no harm.
///
/// # Errors
/// `StoreError` if the store fails: nothing is sent that is not in it.
pub async fn run<S: Store, A: CancelApi>(
    job: Job<S, A>,
    targets: Vec<Target>,
    stop: watch::Receiver<StopLevel>,
    told: mpsc::Sender<Told>,
) -> Result<Cancelled, StoreError> {
    let now = job.store.clock().now();
    let item = |target| Item { target, asks: 0, doubted: false };
    let mut sending = Sending {
        gate: Gate::new(&job.quotas, job.pace, now),
        all: targets.len() as u64,
        waiting: targets.into_iter().map(item).collect(),
        job: Arc::new(job),
        tasks: JoinSet::new(),
        unclear: Vec::new(),
        report: Cancelled::default(),
        state: State { next_call: now, next_progress: now, ..State::default() },
        stop,
        told,
    };
    let ran = sending.run().await;
    sending.tasks.shutdown().await;
    ran.map(|()| sending.finished())
}

/// An action that is to be asked for.
#[derive(Debug)]
struct Item {
    target: Target,
    /// How often it was asked for with an answer, or a silence, that used a try up.
    asks: u8,
    /// A call for it was sent whose answer did not settle it.
    doubted: bool,
}

/// What became of one call.
struct Asked {
    item: Item,
    claimed_at: Stamp,
    verdict: Verdict,
    refused: Option<Refused>,
    took: Duration,
    /// The budget after it.
    budget: BudgetState,
    /// This machine was too late to send it.
    late: bool,
}

#[derive(Default)]
struct State {
    in_flight: usize,
    next_call: Stamp,
    next_progress: Stamp,
    hold: Option<HoldReason>,
    /// Since when the API cannot be reached, and how long is waited for it now.
    unreachable: Option<(Stamp, Duration)>,
    /// When the token was refused; a refusal of a call claimed later ends it.
    token_refused: Option<Stamp>,
    /// Since when no answer is of use, and how many of those there were.
    useless: Option<(Stamp, u32)>,
    answers: Answers,
    /// When answers of no use were told last.
    told_useless: Option<Stamp>,
    latency: Option<Duration>,
    told: Throttles,
    stop: Option<Stop>,
}

struct Sending<S, A> {
    job: Arc<Job<S, A>>,
    gate: Gate,
    all: u64,
    waiting: VecDeque<Item>,
    tasks: JoinSet<Result<Asked, StoreError>>,
    unclear: Vec<Unclear>,
    report: Cancelled,
    state: State,
    stop: watch::Receiver<StopLevel>,
    told: mpsc::Sender<Told>,
}

/// What a question for a slot came to.
enum Slot {
    Call(CallId, Stamp),
    NotYet(NotYet),
    SignIn(SignInError),
}

impl<S: Store, A: CancelApi> Sending<S, A> {
    async fn run(&mut self) -> Result<(), StoreError> {
        loop {
            self.ask_all().await?;
            if self.unclear.is_empty() || self.state.stop == Some(Stop::SecondSignal) {
                return Ok(());
            }
            self.look().await?;
            if self.waiting.is_empty() || self.state.stop.is_some() {
                return Ok(());
            }
        }
    }

    /// Asks for all that wait, until nothing is in flight.
    async fn ask_all(&mut self) -> Result<(), StoreError> {
        loop {
            self.heed_stop();
            if self.state.stop == Some(Stop::SecondSignal) {
                return Ok(());
            }
            self.progress().await?;
            let over = self.waiting.is_empty() || self.state.stop.is_some();
            if over && self.state.in_flight == 0 {
                return Ok(());
            }
            let now = self.now();
            if !over && self.may_call(now) && self.gate_opens(now) {
                self.next_call(now).await?;
                continue;
            }
            let wake = self.wake(over);
            let clock = self.job.store.clock().clone();
            tokio::select! {
                biased;
                Ok(()) = self.stop.changed() => {}
                Some(done) = self.tasks.join_next() => self.finish(done)?,
                () = clock.sleep_until(wake) => {}
            }
        }
    }

    fn now(&self) -> Stamp {
        self.job.store.clock().now()
    }

    fn heed_stop(&mut self) {
        let level = *self.stop.borrow_and_update();
        match level {
            StopLevel::Run => {}
            StopLevel::Soft => self.halt(Stop::Signal),
            StopLevel::Now => self.state.stop = Some(Stop::SecondSignal),
        }
    }

    /// Asks for nothing more; the first reason counts.
    fn halt(&mut self, stop: Stop) {
        self.state.stop.get_or_insert(stop);
    }

    fn may_call(&self, now: Stamp) -> bool {
        let most = if self.state.unreachable.is_some() { 1 } else { self.job.concurrency };
        self.state.in_flight < most && self.state.next_call <= now
    }

    fn gate_opens(&mut self, now: Stamp) -> bool {
        let Err(at) = self.gate.check(now) else { return true };
        self.state.hold = Some(HoldReason::Pace);
        self.state.next_call = at;
        false
    }

    fn wake(&self, over: bool) -> Stamp {
        let poll = self.now().plus(self.job.timing.poll);
        let mut wake = if over || self.state.next_call <= self.now() {
            poll
        } else {
            self.state.next_call.min(poll)
        };
        if !self.job.progress_every.is_zero() {
            wake = wake.min(self.state.next_progress);
        }
        wake
    }

    /// Takes a slot and starts its call. Only one slot is asked for at a time, and a signal does
    /// not wait for it: a slot that nobody uses any more stays counted, which costs only time.
    async fn next_call(&mut self, now: Stamp) -> Result<(), StoreError> {
        let slot = tokio::select! {
            biased;
            Ok(()) = self.stop.changed() => {
                self.gate.give_back();
                return Ok(());
            }
            slot = slot(&self.job) => slot?,
        };
        match slot {
            Slot::Call(call, claimed_at) => {
                let Some(item) = self.waiting.pop_front() else { return Ok(()) };
                self.state.in_flight += 1;
                self.report.calls += 1;
                self.tasks.spawn(ask(self.job.clone(), item, call, claimed_at));
            }
            Slot::NotYet(no) => {
                self.gate.give_back();
                self.state.hold = Some(match no.hold {
                    Hold::Quota(quota) => HoldReason::Quota(quota),
                    _ if self.state.useless.is_some() => HoldReason::Faults,
                    Hold::Pause | Hold::User | Hold::Priority(_) => HoldReason::Pause,
                });
                // An answer can open a slot earlier, also one to another process.
                self.state.next_call = no.at.min(now.plus(self.job.timing.poll));
            }
            Slot::SignIn(SignInError::Refused(why)) => {
                self.gate.give_back();
                self.halt(Stop::SignIn(why));
            }
            Slot::SignIn(SignInError::Unavailable(why)) => {
                self.gate.give_back();
                self.out_of_reach(why);
            }
        }
        Ok(())
    }

    fn finish(
        &mut self,
        done: Result<Result<Asked, StoreError>, JoinError>,
    ) -> Result<(), StoreError> {
        let asked = match done {
            Ok(asked) => asked?,
            Err(error) if error.is_cancelled() => return Ok(()),
            Err(error) => return Err(StoreError::Broken(format!("a task panicked: {error}"))),
        };
        self.state.in_flight -= 1;
        let Asked { item, claimed_at, verdict, refused, took, budget, late } = asked;
        self.gate.hold(budget.not_before);
        if let Verdict::NeverLeft { why } = verdict {
            self.report.calls -= 1;
            self.waiting.push_front(item);
            if !late {
                self.out_of_reach(why);
            }
            return Ok(());
        }
        self.reached(claimed_at, took);
        if let Some(heard) = Heard::of(Operation::Cancel, claimed_at, &verdict, budget) {
            self.throttled(&heard);
        }
        self.judge(item, claimed_at, verdict, refused.as_ref());
        Ok(())
    }

    async fn progress(&mut self) -> Result<(), StoreError> {
        let now = self.now();
        if self.job.progress_every.is_zero() || self.state.next_progress > now {
            return Ok(());
        }
        self.state.next_progress = now.plus(self.job.progress_every);
        let Job { store, campaign, quotas, timing, pace, concurrency, .. } = &*self.job;
        let key = campaign.order.target.budget(Operation::Cancel);
        let most = quotas.iter().map(|quota| quota.calls.get() as usize).max();
        let usage = store.usage(&key, most.unwrap_or(0)).await?;
        let left = self.waiting.len() as u64;
        let rate = CallRate {
            quotas: quotas.clone(),
            pace: *pace,
            concurrency: *concurrency,
            timing: *timing,
        };
        let latency = self.state.latency.unwrap_or(LATENCY);
        let outlook = Outlook { latency, ..Outlook::new(usage, rate, now) };
        let progress = Progress {
            all: self.all,
            cancelled: self.report.cancelled,
            ended: self.report.ended,
            refused: self.report.refused(),
            unclear: self.unclear.len() as u64,
            in_flight: self.state.in_flight as u64,
            throttled: self.report.throttled,
            hold: self.state.hold.clone(),
            finish_in: outlook.forecast(left).map(|forecast| forecast.last_answer),
        };
        self.tell(Told::Progress(Box::new(progress)));
        Ok(())
    }

    fn note(&self, note: Note) {
        self.tell(Told::Note(note));
    }

    /// Who does not keep up misses some.
    fn tell(&self, told: Told) {
        drop(self.told.try_send(told));
    }

    fn finished(mut self) -> Cancelled {
        let settled =
            self.report.cancelled + self.report.ended + self.report.refused() + self.report.unknown;
        // What is in flight when it is left at once is not known; all the rest was not asked for.
        self.report.left = self.all.saturating_sub(settled);
        if self.state.stop.is_none() {
            self.heed_rights();
        }
        Cancelled { stop: self.state.stop, ..self.report }
    }
}

/// The token, and then a slot; the token first, so that nothing comes between slot and call.
async fn slot<S: Store, A: CancelApi>(job: &Job<S, A>) -> Result<Slot, StoreError> {
    if let Err(error) = job.api.ready().await {
        return Ok(Slot::SignIn(error));
    }
    let budget = job.campaign.order.target.budget(Operation::Cancel);
    Ok(match job.store.claim_on(&budget, job.quotas.clone()).await? {
        ReadAnswer::Call(call, claimed_at) => Slot::Call(call, claimed_at),
        ReadAnswer::NotYet(no) => Slot::NotYet(no),
    })
}

/// One call: sent, settled, and its row written.
async fn ask<S: Store, A: CancelApi>(
    job: Arc<Job<S, A>>,
    item: Item,
    call: CallId,
    claimed_at: Stamp,
) -> Result<Asked, StoreError> {
    let Job { store, api, campaign, cause, timing, .. } = &*job;
    let start = store.clock().now();
    let late = timing.is_late(claimed_at, start);
    let reply = match late {
        true => Reply::too_late(),
        false => api.cancel(&item.target.id, &cause.comment(&campaign.mark())).await,
    };
    let took = store.clock().now().since(start);
    let verdict = cancel_verdict(&reply, &item.target.id);
    if let Verdict::Unauthorized(_) = verdict {
        api.token_refused().await;
    }
    let settlement = ReadSettlement::needed(Some(verdict.clone()));
    let budget = store.settle_read(call, settlement).await?;
    if let Verdict::Accepted { action, .. } = &verdict {
        let (seq, action) = (item.target.seq, (**action).clone());
        let done = Cancellation { seq, action, cause: *cause };
        store.note_cancelled(campaign.id, vec![done]).await?;
    }
    let refused = refusals::refused(&reply, &verdict);
    Ok(Asked { item, claimed_at, verdict, refused, took, budget, late })
}
