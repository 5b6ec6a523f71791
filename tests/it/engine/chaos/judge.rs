//! The invariants, checked after every operation of the store and every event of the server: what
//! the store says is compared with what the server did. It draws nothing and changes nothing.

use std::fmt::{self, Debug};
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use fleetsweep::clock::Clock;
use fleetsweep::domain::lifecycle::{BUSY_ASKS_MAX, TRIES_MAX};
use fleetsweep::domain::{Action, CampaignId, Quota, Stamp};
use tokio::sync::Notify;

use super::*;
use crate::kit::fake_server::Ledger;

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) invariant: &'static str,
    what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

/// The judge of one world.
pub(super) struct Judge<S> {
    store: Arc<Watched<S>>,
    server: Arc<FakeServer<TokioClock>>,
    campaign: CampaignId,
    quotas: Vec<Quota>,
    send_by: Duration,
    clock: TokioClock,
    suspended: Mutex<Duration>,
    known: Mutex<Known>,
    /// Told of the first violation.
    pub(super) alarm: Notify,
}

#[derive(Default)]
struct Known {
    rows: Vec<Row>,
    steps: u64,
    /// Tasks that may be alive.
    tasks: usize,
    found: Vec<Violation>,
    trace: Option<Vec<String>>,
    seen: BTreeMap<&'static str, u64>,
}

/// The result of an operation that never waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => unreachable!("a store in virtual time never waits"),
    }
}

/// Moments that the fullest of the windows around the latest one holds.
fn most_around_the_latest(moments: &[i64], window: Duration) -> usize {
    let Some(latest) = moments.last() else { return 0 };
    let width = window.as_micros() as i64;
    let near = moments.iter().copied().filter(|at| (at - latest).abs() < width);
    most_in_any_window(&near.collect::<Vec<_>>(), window)
}

impl<S: Beneath> Judge<S> {
    /// Looks at each operation of this store and each event of this server from now on.
    pub(super) fn watch(world: &World<S>, campaign: &Campaign, plan: Plan) -> Arc<Self> {
        let (store, server) = (world.store.clone(), world.server.clone());
        let rows = at_once(store.inside().rows(campaign.id, 0, usize::MAX)).unwrap();
        let trace = plan.traced.then(Vec::new);
        let timing = world.settings.timing;
        let judge = Arc::new(Self {
            store: store.clone(),
            server: server.clone(),
            campaign: campaign.id,
            quotas: world.settings.quotas.clone(),
            send_by: timing.horizon() - timing.send_within,
            clock: world.clock,
            suspended: Mutex::default(),
            known: Mutex::new(Known { rows, trace, ..Known::default() }),
            alarm: Notify::new(),
        });
        let (of_store, of_server) = (judge.clone(), judge.clone());
        store.observe(Box::new(move |name, result| of_store.operation(name, result)));
        server.observe(Box::new(move |name, device| of_server.event(name, device)));
        judge
    }

    pub(super) fn expect_tasks(&self, most: usize) {
        self.known.lock().unwrap().tasks = most;
    }

    pub(super) fn say(&self, invariant: &'static str, what: String) {
        self.known.lock().unwrap().say(invariant, what);
        self.alarm.notify_one();
    }

    /// Time that the machine was awake.
    pub(super) fn awake(&self) -> Duration {
        self.clock.elapsed().saturating_sub(*self.suspended.lock().unwrap())
    }

    /// The machine sleeps for so long: time goes on, here and at the server, and nobody runs.
    pub(super) async fn suspend(&self, time: Duration) {
        *self.suspended.lock().unwrap() += time;
        tokio::time::advance(time).await;
    }

    /// A line of the trace, if there is one.
    pub(super) fn trace(&self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.known.lock().unwrap().trace {
            trace.push(line());
        }
    }

    /// What happened so far that a seed is to show, and how often.
    pub(super) fn count(&self, what: &'static str) {
        *self.known.lock().unwrap().seen.entry(what).or_default() += 1;
    }

    pub(super) fn result(&self) -> Played {
        let mut known = self.known.lock().unwrap();
        let known = std::mem::take(&mut *known);
        let mut seen = known.seen;
        self.server.ledger(|ledger| {
            seen.extend(ledger.kinds.iter().map(|(kind, calls)| (*kind, *calls)));
            seen.insert("list 403", ledger.lists_forbidden);
        });
        Played { steps: known.steps, found: known.found, trace: known.trace, seen }
    }

    fn operation(&self, name: &'static str, result: &dyn Debug) {
        let mut known = self.known.lock().unwrap();
        let known = &mut *known;
        known.steps += 1;
        if let Some(trace) = &mut known.trace {
            let at = self.store.inside().clock().now();
            trace.push(format!("{} {name} {result:?}", at.0));
        }
        self.sums(known, name);
        if matches!(name, "claim" | "settle" | "looked_up" | "expire") {
            self.rows(known);
        }
        self.horizons(known, name);
        self.tasks(known);
        if !known.found.is_empty() {
            self.alarm.notify_one();
        }
    }

    fn event(&self, name: &'static str, device: Option<DeviceId>) {
        let mut known = self.known.lock().unwrap();
        let known = &mut *known;
        known.steps += 1;
        let now = self.store.inside().clock().now();
        if let Some(trace) = &mut known.trace {
            trace.push(format!("{} {name} {device:?}", now.0));
        }
        self.server.ledger(|ledger| match (name, device) {
            ("scan", Some(device)) => {
                self.arrival(known, ledger, device, now);
                self.limit(known, &ledger.arrivals, "scan calls");
            }
            ("list", _) => self.limit(known, &ledger.list_calls, "calls to the list"),
            _ => {}
        });
        if !known.found.is_empty() {
            self.alarm.notify_one();
        }
    }

    /// I1: rows are open or ended, and the sums agree.
    fn sums(&self, known: &mut Known, name: &str) {
        let tally = at_once(self.store.inside().tally(self.campaign)).unwrap();
        let rows = known.rows.len() as u64;
        if tally.rows() != rows || tally.open() + tally.done() != rows {
            known.say("I1", format!("{} of {rows} rows after {name}: {tally:?}", tally.rows()));
        }
    }

    /// I1, I5, I6: each row moves on as it may, and says what the server did.
    fn rows(&self, known: &mut Known) {
        let rows = at_once(self.store.inside().rows(self.campaign, 0, usize::MAX)).unwrap();
        let tally = at_once(self.store.inside().tally(self.campaign)).unwrap();
        let before = std::mem::replace(&mut known.rows, rows);
        let mut counted = Tally::default();
        self.server.ledger(|ledger| {
            for (before, row) in before.iter().zip(known.rows.clone()) {
                counted.add(row.life.state, 1);
                if before.life == row.life && before.detail == row.detail {
                    continue;
                }
                if let Some(what) = undone(before, &row) {
                    known.say("I1", format!("{what}: {before:?} became {row:?}"));
                }
                if row.life.tries > TRIES_MAX || row.life.busy_asks > BUSY_ASKS_MAX {
                    known.say("I6", format!("more tries than there are: {row:?}"));
                }
                if let Some(what) = dishonest(&row, ledger) {
                    known.say("I5", format!("{what}: {row:?}"));
                }
                known.note(before.life.state, row.life.state);
            }
        });
        if counted != tally {
            known.say("I1", format!("the rows sum up to {counted:?}, the counts to {tally:?}"));
        }
    }

    /// I1: no claim outlives its horizon when a runner has looked.
    fn horizons(&self, known: &mut Known, name: &str) {
        let now = self.store.inside().clock().now();
        let past = |row: &&Row| matches!(row.life.state, State::Claimed(until) if until <= now);
        if name == "expire"
            && let Some(row) = known.rows.iter().find(past)
        {
            let what = format!("a claim of a dead runner is forgotten: {row:?}");
            known.say("I1", what);
        }
    }

    /// I6: tasks are bounded by runners and their concurrency.
    fn tasks(&self, known: &mut Known) {
        let alive = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        if alive > known.tasks {
            known.say("I6", format!("{alive} tasks where {} may be", known.tasks));
        }
    }

    /// I2: the attempt is durable before its first byte, in time, and there is no second action.
    fn arrival(&self, known: &mut Known, ledger: &Ledger, device: DeviceId, now: Stamp) {
        let row = row_of(&known.rows, device);
        let claimed = match row.life.state {
            State::Claimed(until) => until.since(now) >= self.send_by,
            _ => false,
        };
        if !claimed {
            let what = format!("a call leaves that is not claimed, or too late: {row:?}");
            known.say("I2", what);
        }
        let ours = actions(ledger, device).iter().filter(|action| is_ours(action)).count();
        if ours > 1 {
            known.say("I2", format!("{ours} actions of this campaign for {device}"));
        }
        let free = ledger.not_now.get(&device).copied().unwrap_or(0);
        let most = free + usize::from(TRIES_MAX) + usize::from(BUSY_ASKS_MAX);
        if ledger.asks_of(device) > most {
            known.say("I6", format!("{} calls for {device}", ledger.asks_of(device)));
        }
    }

    /// I3: the limit in every window, as the server counts.
    fn limit(&self, known: &mut Known, moments: &[i64], what: &str) {
        for quota in &self.quotas {
            let most = most_around_the_latest(moments, quota.window);
            if most > quota.calls.get() as usize {
                known.say("I3", format!("{most} {what} where {quota} is allowed"));
            }
        }
    }
}

impl Known {
    fn say(&mut self, invariant: &'static str, what: String) {
        if self.found.len() < 20 {
            self.found.push(Violation { invariant, what });
        }
    }

    fn note(&mut self, before: State, after: State) {
        let what = match (before, after) {
            (State::Claimed(_), State::Doubtful { .. }) => "became doubtful",
            (State::Doubtful { .. }, State::Done(Outcome::Accepted)) => "doubt settled as ours",
            (State::Doubtful { .. }, State::Queued(_)) => "queued again after doubt",
            (State::Doubtful { .. }, State::Done(_)) => "doubt ended otherwise",
            (State::Done(Outcome::Rejected), State::Queued(_)) => "put back by a stop",
            _ => return,
        };
        *self.seen.entry(what).or_default() += 1;
    }
}

fn actions(ledger: &Ledger, device: DeviceId) -> &[Action] {
    ledger.actions.get(&device).map_or(&[], Vec::as_slice)
}

/// Actions of others have a requestor here.
fn is_ours(action: &Action) -> bool {
    action.requestor.is_none()
}

/// What is wrong with this step of a life, if anything is.
fn undone(before: &Row, after: &Row) -> Option<&'static str> {
    // A right that is missing is no device's fault: a stop by the sign-in puts such devices back.
    let no_right = before.detail.http_status == Some(403)
        && before.life.state == State::Done(Outcome::Rejected)
        && matches!(after.life.state, State::Queued(_))
        && after.life.was_reopened();
    let (before, after) = (&before.life, &after.life);
    let busy = before.state.is_busy() && after.state.is_busy();
    if matches!(before.state, State::Done(_)) && before.state != after.state && !busy && !no_right {
        return Some("an outcome was taken back");
    }
    (after.attempt < before.attempt).then_some("an attempt was forgotten")
}

/// What a row says that the server does not know of, if it does.
fn dishonest(row: &Row, ledger: &Ledger) -> Option<&'static str> {
    let State::Done(outcome) = row.life.state else { return None };
    let all = actions(ledger, row.device?);
    let named = row.detail.action_id.as_ref().map(|id| all.iter().find(|one| one.id == *id));
    match outcome {
        Outcome::Accepted => match named {
            Some(Some(action)) if is_ours(action) => None,
            Some(Some(_)) => Some("somebody else's action is called ours"),
            Some(None) => Some("the action does not exist"),
            None => Some("accepted without an action"),
        },
        // Only without the permission to look may an action of ours be unknown.
        Outcome::Unknown => {
            (ledger.lists_forbidden == 0).then_some("unknown, though the list could be read")
        }
        _ if all.iter().any(is_ours) => Some("the report denies an action"),
        Outcome::AlreadyInProgress { covered } => {
            let wide = |action: &Action| action.scope.as_deref() == Some("Full");
            (covered && !all.iter().any(wide)).then_some("nothing covers it")
        }
        _ => None,
    }
}
