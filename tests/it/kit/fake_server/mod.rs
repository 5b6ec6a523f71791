//! A server in the process, on the engine's own clock, for virtual time: it counts arrivals,
//! creates actions, is slow, loses answers, and fails as its script says. It judges nothing; the
//! tests read its ledger.

mod cancels;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use fleetsweep::clock::Clock;
use fleetsweep::defender::{
    ActionQuery, ListPage, ListReply, NextPage, ScanApi, ScanOrder, SignInError,
};
use fleetsweep::domain::action::SCAN_ACTION;
use fleetsweep::domain::{Action, Answer, Body, DeviceId, ErrorBody, Reply, Stamp};
use jiff::Timestamp;

use super::support::micros_since;

/// How the server behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Behaviour {
    /// Median of the log-normal latency; zero for the constant `tail`.
    pub(crate) median: Duration,
    /// Share of answers that take up to `tail`.
    pub(crate) tail_share: f64,
    pub(crate) tail: Duration,
    /// Share of calls that get no answer, though the server works on them.
    pub(crate) time_out_share: f64,
}

impl Behaviour {
    /// Log-normal with a median of 200 ms, tails of 5 s, and 0.2 % time-outs.
    pub(crate) fn rough() -> Self {
        Self {
            median: Duration::from_millis(200),
            tail_share: 0.02,
            tail: Duration::from_secs(5),
            time_out_share: 0.002,
        }
    }

    /// Every answer takes this long.
    pub(crate) fn constant(latency: Duration) -> Self {
        Self { median: Duration::ZERO, tail_share: 1.0, tail: latency, time_out_share: 0.0 }
    }
}

/// A scan call, as a script sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    /// Which device, as `support::device` numbers them.
    pub(crate) device: u64,
    /// How often this device has been asked, this call included.
    pub(crate) nth: usize,
    /// How many scan calls there were, this one included.
    pub(crate) call: usize,
    /// Time since the server's start.
    pub(crate) at: Duration,
    /// The number of the token, from 1.
    pub(crate) token: u64,
}

/// What the server does with a scan call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act {
    /// Works on it: 201.
    Serve,
    /// Refuses it with this status, code and message.
    Refuse(u16, &'static str, &'static str),
    /// Something that is not the API answers with this status and a page.
    Page(u16),
    /// Works on it, and the action is in this state at once; whether its answer arrives.
    Over { status: &'static str, answered: bool },
    /// 429 with this Retry-After.
    Throttle(Option<Duration>),
    /// 500; worked on or not.
    Fault { worked: bool },
    /// No answer in 30 s; worked on or not.
    NoAnswer { worked: bool },
    /// The connection fails at once.
    NeverLeft,
}

impl Act {
    pub(crate) const UNSUPPORTED: Act = Act::Refuse(400, "OsPlatformNotSupported", "not this OS");
    pub(crate) const MISSING: Act = Act::Refuse(404, "ResourceNotFound", "no such machine");
    pub(crate) const FORBIDDEN: Act = Act::Refuse(403, "Forbidden", "missing role");
    pub(crate) const UNAUTHORIZED: Act = Act::Refuse(401, "Unauthorized", "token expired");
    pub(crate) const BUSY: Act = Act::Refuse(400, "ActiveRequestAlreadyExists", "in progress");

    fn kind(&self) -> &'static str {
        match self {
            Act::Serve | Act::Over { answered: true, .. } => "served",
            Act::Over { .. } => "cut",
            Act::Page(_) => "page",
            Act::Refuse(401, ..) => "401",
            Act::Refuse(..) => "refused",
            Act::Throttle(_) => "429",
            Act::Fault { .. } => "5xx",
            Act::NoAnswer { .. } => "cut",
            Act::NeverLeft => "never left",
        }
    }
}

/// What the server does with a call to the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListAct {
    Serve,
    Forbid,
    Fail,
    Throttle,
}

/// What a second order for a device with an action gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// 201 with the action that is there.
    Returned,
    /// 400 `ActiveRequestAlreadyExists`.
    Busy,
    /// Another action: nothing at the server keeps an engine from ordering twice.
    Doubled,
}

type Rule<I, O> = Box<dyn Fn(I) -> O + Send + Sync>;

/// What goes wrong, and when.
pub(crate) struct Script {
    pub(crate) scan: Rule<Ask, Act>,
    /// What becomes of a call that cancels: the number of the call, from 1, and how often its
    /// action was asked for, this call included.
    pub(crate) cancel: Rule<(usize, usize), Act>,
    pub(crate) list: Rule<Duration, ListAct>,
    pub(crate) sign_in: Rule<Duration, Result<(), SignInError>>,
    /// How long a sign-in takes.
    pub(crate) sign_in_takes: Duration,
    pub(crate) list_takes: Duration,
    /// How late the list shows an action.
    pub(crate) list_lag: Duration,
    pub(crate) existing: Existing,
    /// What the server makes of a comment.
    pub(crate) comment: fn(&str) -> String,
    pub(crate) page: usize,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            scan: Box::new(|_| Act::Serve),
            cancel: Box::new(|_| Act::Serve),
            list: Box::new(|_| ListAct::Serve),
            sign_in: Box::new(|_| Ok(())),
            sign_in_takes: Duration::ZERO,
            list_takes: Duration::ZERO,
            list_lag: Duration::ZERO,
            existing: Existing::Returned,
            comment: str::to_owned,
            page: 10_000,
        }
    }
}

impl Script {
    /// A script for scan calls; the list takes a while, and nothing keeps the engine from doubles.
    pub(crate) fn scan(rule: impl Fn(Ask) -> Act + Send + Sync + 'static) -> Self {
        Self {
            scan: Box::new(rule),
            list_takes: Duration::from_millis(300),
            existing: Existing::Doubled,
            ..Self::default()
        }
    }
}

/// What the server saw.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// When each scan call arrived, in microseconds since the server's start.
    pub(crate) arrivals: Vec<i64>,
    /// When each left the client, likewise.
    pub(crate) sent: Vec<i64>,
    /// How often each device was asked.
    asks: BTreeMap<DeviceId, usize>,
    /// Which device each was for.
    pub(crate) asked: Vec<DeviceId>,
    /// Actions that were created for each device.
    pub(crate) actions: BTreeMap<DeviceId, Vec<Action>>,
    /// Calls to the list, likewise in microseconds.
    pub(crate) list_calls: Vec<i64>,
    /// What it saw of calls that cancel.
    pub(crate) cancels: cancels::Cancels,
    /// Calls to the list.
    pub(crate) lists: u64,
    /// How many of them were answered with 403.
    pub(crate) lists_forbidden: u64,
    /// Devices whose answer used nothing up: 401, 429, or the call never left.
    pub(crate) not_now: BTreeMap<DeviceId, usize>,
    /// What happened to scan calls, by kind.
    pub(crate) kinds: BTreeMap<&'static str, u64>,
    /// Tokens that were fetched.
    pub(crate) sign_ins: u64,
    /// Whether the token at hand can be used.
    token_good: bool,
    /// Tokens that a call was refused with.
    refused: BTreeSet<u64>,
}

impl Ledger {
    /// Devices with more than one action of this mark's campaign.
    pub(crate) fn accepted_twice(&self) -> usize {
        let ours = |action: &&Action| action.requestor.is_none();
        self.actions.values().filter(|all| all.iter().filter(ours).count() > 1).count()
    }

    /// Scan calls for this device.
    pub(crate) fn asks_of(&self, device: DeviceId) -> usize {
        self.asks.get(&device).copied().unwrap_or(0)
    }
}

/// The server.
pub(crate) struct FakeServer<C> {
    clock: C,
    start: Stamp,
    behaviour: Behaviour,
    script: Script,
    inner: Mutex<(fastrand::Rng, Ledger)>,
    observer: OnceLock<Observer>,
    by_id: OnceLock<cancels::ById>,
}

/// Told of each event: its name, and the device that it is about.
type Observer = Box<dyn Fn(&'static str, Option<DeviceId>) + Send + Sync>;

impl<C: Clock> FakeServer<C> {
    pub(crate) fn new(clock: C, behaviour: Behaviour, seed: u64) -> Self {
        Self::scripted(clock, behaviour, seed, Script::default())
    }

    pub(crate) fn scripted(clock: C, behaviour: Behaviour, seed: u64, script: Script) -> Self {
        let start = clock.now();
        let ledger = Ledger { token_good: true, sign_ins: 1, ..Ledger::default() };
        let inner = Mutex::new((fastrand::Rng::with_seed(seed), ledger));
        let (observer, by_id) = (OnceLock::new(), OnceLock::new());
        Self { clock, start, behaviour, script, inner, observer, by_id }
    }

    pub(crate) fn ledger<T>(&self, read: impl FnOnce(&Ledger) -> T) -> T {
        read(&self.inner.lock().unwrap().1)
    }

    /// Has each event looked at: a scan call that arrives, its answer, a look at the list.
    pub(crate) fn observe(&self, observer: Observer) {
        assert!(self.observer.set(observer).is_ok(), "one observer");
    }

    fn tell(&self, event: &'static str, device: Option<DeviceId>) {
        if let Some(observer) = self.observer.get() {
            observer(event, device);
        }
    }

    /// An action of somebody else, created this long ago.
    pub(crate) fn put_foreign(&self, device: DeviceId, scope: &str, status: &str, age: Duration) {
        let (_, ledger) = &mut *self.inner.lock().unwrap();
        let created = self.clock.utc().checked_sub(age).unwrap();
        let action = Action {
            id: format!("foreign-{device}"),
            device: Some(device),
            kind: Some(SCAN_ACTION.to_owned()),
            scope: Some(scope.to_owned()),
            status: Some(status.to_owned()),
            requestor: Some("helpdesk".to_owned()),
            comment: Some((self.script.comment)("Weekly scan")),
            created: Some(created),
            ..Action::default()
        };
        ledger.actions.entry(device).or_default().push(action);
    }

    fn latency(&self, rng: &mut fastrand::Rng) -> Duration {
        let Behaviour { median, tail_share, tail, .. } = self.behaviour;
        if median.is_zero() {
            return tail;
        }
        if rng.f64() < tail_share {
            return Duration::from_secs(1) + tail.mul_f64(rng.f64() * 0.8);
        }
        // Box and Muller: two uniform draws make a normal one.
        let normal =
            (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos();
        median.mul_f64((0.5 * normal).exp()).min(tail)
    }

    fn server_time(&self, after: Duration) -> Timestamp {
        self.clock.utc().checked_add(after).unwrap()
    }

    fn at(&self) -> Duration {
        self.clock.now().since(self.start)
    }

    /// The server counts a call that arrives `after` from now.
    fn count(&self, ledger: &mut Ledger, order: &ScanOrder, after: Duration) -> Ask {
        ledger.sent.push(micros_since(&self.clock, self.start));
        ledger.arrivals.push(ledger.sent[ledger.sent.len() - 1] + after.as_micros() as i64);
        ledger.asked.push(order.device);
        *ledger.asks.entry(order.device).or_default() += 1;
        let number = order.device.as_bytes()[12..].try_into().map(u64::from_be_bytes);
        Ask {
            device: number.unwrap(),
            nth: ledger.asks_of(order.device),
            call: ledger.asked.len(),
            at: self.at(),
            token: ledger.sign_ins,
        }
    }

    /// The server works on a call that arrives `after` from now: it creates an action, or finds
    /// one.
    fn work(&self, ledger: &mut Ledger, order: &ScanOrder, after: Duration) -> (u16, Body) {
        let number = ledger.arrivals.len();
        let actions = ledger.actions.entry(order.device).or_default();
        if actions.is_empty() || self.script.existing == Existing::Doubled {
            actions.insert(
                0,
                Action {
                    id: format!("action-{number}"),
                    device: Some(order.device),
                    kind: Some(SCAN_ACTION.to_owned()),
                    scope: Some(order.scan_type.api_name().to_owned()),
                    status: Some("Pending".to_owned()),
                    comment: Some((self.script.comment)(&order.comment)),
                    created: Some(self.server_time(after)),
                    ..Action::default()
                },
            );
        } else if self.script.existing == Existing::Busy {
            return (400, error("ActiveRequestAlreadyExists", "in progress"));
        }
        (201, Body::Action(Box::new(actions[0].clone())))
    }

    /// What a call gets: how long until then, its status and body, and a Retry-After. No status is
    /// no answer, and no time is a call that never left.
    fn judge(&self, order: &ScanOrder) -> Option<Scripted> {
        let (rng, ledger) = &mut *self.inner.lock().unwrap();
        let lost = rng.f64() < self.behaviour.time_out_share;
        // A lost call can reach the server up to a minute after it was sent, when its sender has
        // long given up.
        let latency = if lost { Duration::from_secs(60) } else { self.latency(rng) };
        let after = latency.mul_f64(rng.f64());
        let ask = self.count(ledger, order, after);
        let act = if lost { Act::NoAnswer { worked: true } } else { (self.script.scan)(ask) };
        let time_out = Duration::from_secs(30);
        *ledger.kinds.entry(act.kind()).or_default() += 1;
        if matches!(act.kind(), "401" | "429" | "never left") {
            *ledger.not_now.entry(order.device).or_default() += 1;
        }
        Some(match act {
            Act::Serve => (latency, Some(self.work(ledger, order, after)), None),
            Act::Refuse(status, code, message) => {
                if status == 401 {
                    ledger.refused.insert(ask.token);
                }
                (latency, Some((status, error(code, message))), None)
            }
            Act::Page(status) => (latency, Some((status, page())), None),
            Act::Over { status, answered } => {
                self.work(ledger, order, after);
                let actions = ledger.actions.entry(order.device).or_default();
                actions[0].status = Some(status.to_owned());
                let body = Body::Action(Box::new(actions[0].clone()));
                if answered { (latency, Some((201, body)), None) } else { (time_out, None, None) }
            }
            Act::Throttle(wait) => (latency, Some((429, error("TooManyRequests", "slow"))), wait),
            Act::Fault { worked } => {
                let _ = worked.then(|| self.work(ledger, order, after));
                (latency, Some((500, error("InternalServerError", "oops"))), None)
            }
            Act::NoAnswer { worked } => {
                let _ = worked.then(|| self.work(ledger, order, after));
                (time_out, None, None)
            }
            Act::NeverLeft => {
                ledger.sent.pop();
                ledger.arrivals.pop();
                return None;
            }
        })
    }
}

/// A page as the client reads it.
fn page() -> Body {
    Body::Other("an HTML page: a proxy answers in the API's place; it says: Blocked".to_owned())
}

fn error(code: &str, message: &str) -> Body {
    let (code, message) = (code.to_owned(), message.to_owned());
    Body::Error(ErrorBody { code, message, target: None })
}

impl<C: Clock> ScanApi for FakeServer<C> {
    async fn ready(&self) -> Result<(), SignInError> {
        if self.ledger(|ledger| ledger.token_good) {
            return (self.script.sign_in)(self.at());
        }
        self.clock.sleep_until(self.clock.now().plus(self.script.sign_in_takes)).await;
        (self.script.sign_in)(self.at())?;
        let (_, ledger) = &mut *self.inner.lock().unwrap();
        if !ledger.token_good {
            ledger.token_good = true;
            ledger.sign_ins += 1;
        }
        Ok(())
    }

    async fn token_refused(&self) {
        let (_, ledger) = &mut *self.inner.lock().unwrap();
        if ledger.refused.contains(&ledger.sign_ins) {
            ledger.token_good = false;
        }
    }

    async fn scan(&self, order: &ScanOrder) -> Reply {
        let now = self.clock.now();
        let judged = self.judge(order);
        self.tell("scan", Some(order.device));
        let Some((takes, answer, retry_after)) = judged else {
            return Reply::NeverLeft { why: "connection refused".to_owned() };
        };
        self.clock.sleep_until(now.plus(takes)).await;
        let date = Some(self.server_time(Duration::ZERO));
        self.tell("answer", Some(order.device));
        match answer {
            Some((status, body)) => Reply::Answer(Answer { status, date, retry_after, body }),
            None => Reply::NoAnswer { why: "no answer in 30 s".to_owned() },
        }
    }

    async fn actions(&self, query: &ActionQuery, next: Option<&NextPage>) -> ListReply<Action> {
        let now = self.clock.now();
        self.inner.lock().unwrap().1.list_calls.push(micros_since(&self.clock, self.start));
        self.tell("list", None);
        self.clock.sleep_until(now.plus(self.script.list_takes)).await;
        let date = Some(self.server_time(Duration::ZERO));
        let (_, ledger) = &mut *self.inner.lock().unwrap();
        ledger.lists += 1;
        let refused =
            |status, body| Err(Reply::Answer(Answer { status, date, retry_after: None, body }));
        match (self.script.list)(self.at()) {
            ListAct::Serve => {}
            ListAct::Forbid => {
                ledger.lists_forbidden += 1;
                return refused(403, error("Forbidden", "missing role"));
            }
            ListAct::Fail => return refused(503, error("ServiceUnavailable", "later")),
            ListAct::Throttle => return refused(429, error("TooManyRequests", "slow")),
        }
        let wanted: Vec<&Action> = match query {
            ActionQuery::OfDevices(devices) => {
                let devices: BTreeSet<&DeviceId> = devices.iter().collect();
                let there = devices.into_iter().filter_map(|device| ledger.actions.get(device));
                there.flatten().collect()
            }
            ActionQuery::Open => {
                ledger.actions.values().flatten().filter(|action| action.is_open()).collect()
            }
            ActionQuery::CreatedSince(since) => {
                let young = |action: &&Action| action.created.is_some_and(|at| at >= *since);
                ledger.actions.values().flatten().filter(young).collect()
            }
        };
        // An action that has not arrived yet is not in the list.
        let shown = date.and_then(|date| date.checked_sub(self.script.list_lag).ok());
        let from: usize = next.map_or(0, |next| next.0.parse().unwrap());
        let all: Vec<&Action> =
            wanted.into_iter().filter(|action| action.created <= shown).collect();
        let end = (from + self.script.page).min(all.len());
        let actions = all[from.min(end)..end].iter().map(|action| (*action).clone()).collect();
        let next = (end < all.len()).then(|| NextPage(end.to_string()));
        Ok(ListPage { items: actions, next, date })
    }
}

/// A scripted answer: how long it takes, status and body if one comes, and what it asks to wait.
type Scripted = (Duration, Option<(u16, Body)>, Option<Duration>);
