//! The engine: it runs one campaign to its end or to a stop. One loop owns the state; tasks claim,
//! send and settle, and tell the loop how that went. It is the only place that spawns. It knows
//! the API and the store by their traits alone, writes no report and prints nothing.
//!
//! ```text
//!   store says a slot is due -> gate gives a pass -> task: token, claim, send, settle -> loop
//!   every few seconds: expired claims -> doubtful -> list of actions -> ended or queued again
//! ```

pub mod cancel;
mod door;
pub mod follow;
pub mod history;
mod hold;
pub mod lists;
mod look_up;
mod order;
mod refusals;
mod safety;
mod state;
mod telling;
mod throttle;
pub mod waves;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinError, JoinSet};

use crate::clock::Clock;
use crate::defender::ScanApi;
use crate::domain::event::{Event, HoldReason, Note};
use crate::domain::{Campaign, Ending, Hours, Pace, Quota, Stamp, Stop, Timing};
use crate::gate::Gate;
use crate::store::{Store, StoreError};
use door::Door;
use look_up::LookUpEnd;
use order::OrderEnd;
use refusals::Refusals;
use state::{Idle, State};
use throttle::Heard;
use waves::{JudgeEnd, Wave};

/// How a campaign is run by this runner.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Calls in flight at most.
    pub concurrency: usize,
    /// The quotas that this runner keeps.
    pub quotas: Vec<Quota>,
    /// The pace that spreads bursts.
    pub pace: Option<Pace>,
    /// Whether governor stands in front of the store. Only tests take it out, to show that the
    /// limit holds without it.
    pub gate: bool,
    /// Every duration.
    pub timing: Timing,
    /// No order after this moment.
    pub until: Option<Stamp>,
    /// No order outside of these; asked again before each order, since the wall clock can step.
    pub hours: Option<Hours>,
    /// Time between two snapshots; zero for none.
    pub progress_every: Duration,
}

/// How far the user wants to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopLevel {
    /// Go on.
    #[default]
    Run,
    /// Order no more, and let the calls in flight finish.
    Soft,
    /// Leave at once.
    Now,
}

/// What a run was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// How it ended.
    pub ending: Ending,
    /// Scan calls that it made; those that certainly never left are none.
    pub calls: u64,
    /// How many of their answers were 429.
    pub throttled: u64,
    /// Cells that the gate gave out, over all its limiters: what refusals cost shows here.
    pub cells: u64,
}

impl Ran {
    /// A run that was left before it could tell more.
    pub fn left() -> Self {
        Self { ending: Ending::Stopped(Stop::SecondSignal), calls: 0, throttled: 0, cells: 0 }
    }
}

/// Runs a campaign until every row has its outcome, or until something stops it. Its waits and its
/// rules about failures are those of `campaign.rollout`.
///
/// # Errors
/// `StoreError` if the store fails: nothing is sent that is not in it.
pub async fn run<S: Store, A: ScanApi>(
    store: Arc<S>,
    api: Arc<A>,
    campaign: Campaign,
    settings: Settings,
    stop: watch::Receiver<StopLevel>,
    events: mpsc::Sender<Event>,
) -> Result<Ran, StoreError> {
    store.join(campaign.id, settings.quotas.clone()).await?;
    let now = store.clock().now();
    let gate = settings.gate.then(|| Gate::new(&settings.quotas, settings.pace, now));
    let (timing, counts, hours) = (settings.timing, Counts::default(), settings.hours.clone());
    let refusals = Refusals::of(&*store, campaign.id).await?;
    let (results, unread) = (Mutex::default(), Mutex::default());
    let shared =
        Shared { store, api, campaign, timing, hours, started: now, counts, results, unread };
    let mut engine = Engine {
        shared: Arc::new(shared),
        state: State::new(now, refusals),
        settings,
        gate,
        tasks: JoinSet::new(),
        look_up: None,
        wave: Wave::default(),
        stop,
        events,
    };
    let ending = engine.run().await;
    engine.tasks.shutdown().await;
    let calls = engine.shared.counts.calls();
    let cells = engine.gate.as_ref().map_or(0, Gate::cells);
    Ok(Ran { ending: ending?, calls, throttled: engine.state.throttled, cells })
}

/// What the loop shares with its tasks.
struct Shared<S, A> {
    store: Arc<S>,
    api: Arc<A>,
    campaign: Campaign,
    timing: Timing,
    hours: Option<Hours>,
    /// When this run began.
    started: Stamp,
    counts: Counts,
    results: Mutex<safety::Results>,
    /// 429s of the list of actions that people were not told about yet.
    unread: Mutex<Vec<Heard>>,
}

/// Counts that must be right at once, and not only when a task has ended.
#[derive(Debug, Default)]
struct Counts {
    /// Orders whose claim is not known to have passed or not.
    claiming: AtomicUsize,
    /// Calls whose slot is taken and whose answer is not written yet.
    sending: AtomicUsize,
    /// Calls that left, or may have.
    calls: AtomicU64,
    repeats: AtomicU64,
    /// Answers of this run that led, or may lead, to a repeat.
    doubts: AtomicU64,
    /// The run is stopping: what is not claimed yet is not claimed any more.
    halted: AtomicBool,
    /// The server gave a comment of ours back as it was sent.
    comments_kept: AtomicBool,
}

impl Counts {
    fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    fn repeats(&self) -> u64 {
        self.repeats.load(Ordering::SeqCst)
    }

    fn sending(&self) -> usize {
        self.sending.load(Ordering::SeqCst)
    }

    fn claiming(&self) -> usize {
        self.claiming.load(Ordering::SeqCst)
    }
}

enum Finished {
    Order(Box<Result<OrderEnd, StoreError>>),
    LookUp(Result<LookUpEnd, StoreError>),
    Judged(Result<JudgeEnd, StoreError>),
}

struct Engine<S, A> {
    shared: Arc<Shared<S, A>>,
    settings: Settings,
    gate: Option<Gate>,
    state: State,
    tasks: JoinSet<Finished>,
    look_up: Option<AbortHandle>,
    wave: Wave,
    stop: watch::Receiver<StopLevel>,
    events: mpsc::Sender<Event>,
}

impl<S: Store, A: ScanApi> Engine<S, A> {
    async fn run(&mut self) -> Result<Ending, StoreError> {
        loop {
            self.heed_stop();
            if self.state.stop == Some(Stop::SecondSignal) {
                self.put_back().await?;
                return Ok(Ending::Stopped(Stop::SecondSignal));
            }
            self.tick().await?;
            self.order().await?;
            self.heed_wave().await?;
            if let Some(ending) = self.ending().await? {
                self.progress().await?;
                return Ok(ending);
            }
            let wake = self.wake();
            let clock = self.shared.store.clock().clone();
            tokio::select! {
                biased;
                Ok(()) = self.stop.changed() => {}
                Some(done) = self.tasks.join_next() => self.finished(done)?,
                () = clock.sleep_until(wake) => {}
            }
        }
    }

    fn now(&self) -> Stamp {
        self.shared.store.clock().now()
    }

    fn heed_stop(&mut self) {
        let level = *self.stop.borrow_and_update();
        let over = self.settings.until.is_some_and(|until| until <= self.now());
        if let Some(stop) = self.shared.too_many_failures() {
            self.halt(stop);
        }
        match level {
            StopLevel::Now => self.state.stop = Some(Stop::SecondSignal),
            StopLevel::Soft => self.halt(Stop::Signal),
            StopLevel::Run if over => self.halt(Stop::Time),
            StopLevel::Run => self.heed_hours(),
        }
    }

    /// Orders no more; the first reason counts.
    fn halt(&mut self, stop: Stop) {
        if self.state.stop.is_none() {
            // Who caught a signal has told it at once.
            if stop != Stop::Signal {
                // An order that has no slot yet is no call, and none is sent for it any more.
                self.note(Note::Stopping(self.shared.counts.sending()));
            }
            self.state.stop = Some(stop);
            self.shared.counts.halted.store(true, Ordering::SeqCst);
            let judging = self.wave.judging.take();
            self.look_up.take().into_iter().chain(judging).for_each(|task| task.abort());
        }
    }

    /// What happens every few seconds: expired claims, look-ups, a snapshot.
    async fn tick(&mut self) -> Result<(), StoreError> {
        let now = self.now();
        if !self.settings.progress_every.is_zero() && self.state.next_progress <= now {
            self.state.next_progress = now.plus(self.settings.progress_every);
            self.progress().await?;
        }
        if self.state.next_tick > now || self.state.stop.is_some() {
            return Ok(());
        }
        self.state.next_tick = now.plus(self.settings.timing.poll);
        self.engage().await?;
        self.wave.look = true;
        let expired = self.shared.store.expire(self.shared.campaign.id).await?;
        if expired > 0 {
            self.state.ask_again(now);
        }
        if self.look_up.is_none() && self.state.next_look_up <= now {
            let due = self.shared.store.to_look_up(self.shared.campaign.id, look_up::MOST).await?;
            if let Some(batch) = self.state.worth_asking(due, now, &self.settings.timing) {
                let task = look_up::run(self.shared.clone(), batch, self.state.list_forbidden);
                let spawned = self.tasks.spawn(async move { Finished::LookUp(task.await) });
                self.look_up = Some(spawned);
            }
        }
        Ok(())
    }

    /// Starts as many orders as store, gate and concurrency allow now.
    async fn order(&mut self) -> Result<(), StoreError> {
        loop {
            let now = self.now();
            if !self.state.may_order(now, self.settings.concurrency) {
                return Ok(());
            }
            if self.wave.waits(now) {
                self.state.hold = Some(HoldReason::Wave);
                return Ok(());
            }
            if !self.shared.is_open() {
                self.state.hold = Some(self.shared.shut_by());
                return Ok(());
            }
            let pending = self.shared.counts.claiming();
            let campaign = self.shared.campaign.id;
            if let Err(not_yet) = self.shared.store.peek(campaign, pending).await? {
                self.learn(not_yet).await?;
                self.not_yet(not_yet, now);
                return Ok(());
            }
            if let Some(gate) = &mut self.gate
                && let Err(at) = gate.check(now)
            {
                self.state.hold = Some(HoldReason::Pace);
                self.state.next_order = at;
                return Ok(());
            }
            let allow_repeat = self.repeats_left() > pending as u64;
            self.shared.counts.claiming.fetch_add(1, Ordering::SeqCst);
            self.state.in_flight += 1;
            if let Some(idle) = &mut self.state.idle {
                idle.until = now.plus(state::BREATH);
            }
            let task = order::run(self.shared.clone(), allow_repeat);
            self.tasks.spawn(async move { Finished::Order(Box::new(task.await)) });
        }
    }

    /// Repeats that the rule still allows. Only those count that answers of this run led to: what
    /// another runner left behind, or met, is not this server's fault now.
    fn repeats_left(&self) -> u64 {
        let counts = &self.shared.counts;
        let caused = counts.repeats().min(counts.doubts.load(Ordering::SeqCst));
        safety::repeats_allowed(counts.calls()).saturating_sub(caused)
    }

    fn finished(&mut self, done: Result<Finished, JoinError>) -> Result<(), StoreError> {
        match done {
            Ok(Finished::Order(end)) => {
                self.state.in_flight -= 1;
                self.order_ended((*end)?);
            }
            Ok(Finished::LookUp(end)) => {
                self.look_up = None;
                self.look_up_ended(end?);
            }
            Ok(Finished::Judged(end)) => {
                self.wave.judging = None;
                self.told_reads(self.now());
                self.judged(end?);
            }
            Err(error) if error.is_cancelled() => {}
            Err(error) => return Err(StoreError::Broken(format!("a task panicked: {error}"))),
        }
        Ok(())
    }

    fn order_ended(&mut self, end: OrderEnd) {
        let now = self.now();
        match end {
            OrderEnd::SignIn(error) => {
                self.give_back();
                self.sign_in_failed(error, now);
            }
            OrderEnd::NotYet(not_yet) => {
                self.give_back();
                self.not_yet(not_yet, now);
            }
            OrderEnd::Idle { wake, repeats_only } => {
                self.give_back();
                if repeats_only && self.repeats_left() == 0 {
                    let repeats = self.shared.counts.repeats();
                    self.halt(Stop::Repeats(safety::repeats_spent(repeats)));
                } else if !repeats_only || self.state.in_flight > 0 {
                    // What is due already waits for the list; another runner can be earlier.
                    let later = now.plus(self.settings.timing.poll);
                    let wake = wake.filter(|at| *at > now);
                    let until = wake.map_or(later, |at| at.min(later));
                    self.state.idle = Some(Idle { since: now, until });
                    self.wave.look = true;
                }
            }
            OrderEnd::Settled(settled) => self.settled(&settled, now),
        }
    }

    fn give_back(&mut self) {
        if let Some(gate) = &mut self.gate {
            gate.give_back();
        }
    }

    fn wake(&self) -> Stamp {
        let state = &self.state;
        let mut wake = state.next_tick;
        if state.stop.is_some() {
            wake = self.now().plus(self.settings.timing.poll);
        } else if let Some(until) = self.wave.until {
            wake = wake.min(until);
        } else if let Door::Shut(left) = self.shared.door() {
            wake = wake.min(self.now().plus(left));
        } else if state.in_flight < state.most_in_flight(self.settings.concurrency) {
            let order = match state.idle {
                Some(idle) => idle.until.max(state.next_order),
                None => state.next_order,
            };
            wake = wake.min(order);
        }
        if let Door::Open(left) = self.shared.door() {
            wake = wake.min(self.now().plus(left));
        }
        if let Some(until) = self.settings.until.filter(|_| state.stop.is_none()) {
            wake = wake.min(until);
        }
        if !self.settings.progress_every.is_zero() {
            wake = wake.min(state.next_progress);
        }
        wake
    }

    /// Puts back what was refused alike: the fault may not be the devices', so none ended by it.
    async fn put_back(&mut self) -> Result<(), StoreError> {
        let refused = self.state.refusals.take_back(self.state.stop.as_ref());
        if !refused.is_empty() {
            self.shared.store.reopen(self.shared.campaign.id, refused).await?;
        }
        Ok(())
    }

    /// Whether the run is over: stopped with nothing in flight, or nothing left to do.
    async fn ending(&mut self) -> Result<Option<Ending>, StoreError> {
        if self.state.in_flight > 0 {
            return Ok(None);
        }
        let stopped = self.state.stop.clone();
        let busy = self.look_up.is_some() || self.wave.judging.is_some();
        if stopped.is_none() && (self.state.idle.is_none() || busy) {
            return Ok(None);
        }
        self.put_back().await?;
        if self.shared.store.finish(self.shared.campaign.id).await? {
            return Ok(Some(Ending::Finished));
        }
        Ok(stopped.map(Ending::Stopped))
    }
}
