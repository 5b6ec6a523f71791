//! A server in the process, on the engine's own clock, for virtual time: it counts arrivals, creates
//! actions, is slow, and loses answers. It judges nothing; the tests read its ledger.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use fleetsweep::clock::Clock;
use fleetsweep::defender::{ActionQuery, ListReply, NextPage, ScanApi, ScanOrder, SignInError};
use fleetsweep::domain::action::SCAN_ACTION;
use fleetsweep::domain::{Action, Answer, Body, DeviceId, Reply, Stamp};
use jiff::Timestamp;

use crate::support::micros_since;

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

/// What the server saw.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// When each scan call arrived, in microseconds since the server's start.
    pub(crate) arrivals: Vec<i64>,
    /// When each left the client, likewise.
    pub(crate) sent: Vec<i64>,
    /// Actions that were created for each device.
    pub(crate) actions: BTreeMap<DeviceId, Vec<Action>>,
    /// Calls to the list.
    pub(crate) lists: u64,
}

impl Ledger {
    pub(crate) fn accepted_twice(&self) -> usize {
        self.actions.values().filter(|actions| actions.len() > 1).count()
    }
}

/// The server.
pub(crate) struct FakeServer<C> {
    clock: C,
    start: Stamp,
    behaviour: Behaviour,
    inner: Mutex<(fastrand::Rng, Ledger)>,
}

impl<C: Clock> FakeServer<C> {
    pub(crate) fn new(clock: C, behaviour: Behaviour, seed: u64) -> Self {
        let start = clock.now();
        let inner = Mutex::new((fastrand::Rng::with_seed(seed), Ledger::default()));
        Self { clock, start, behaviour, inner }
    }

    pub(crate) fn ledger<T>(&self, read: impl FnOnce(&Ledger) -> T) -> T {
        read(&self.inner.lock().unwrap().1)
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

    /// The server works on a call that arrives `after` from now: it creates an action, or finds one.
    fn arrive(&self, ledger: &mut Ledger, order: &ScanOrder, after: Duration) -> Body {
        ledger.sent.push(micros_since(&self.clock, self.start));
        ledger.arrivals.push(ledger.sent[ledger.sent.len() - 1] + after.as_micros() as i64);
        let number = ledger.arrivals.len();
        let actions = ledger.actions.entry(order.device).or_default();
        if actions.is_empty() {
            actions.push(Action {
                id: format!("action-{number}"),
                device: Some(order.device),
                kind: Some(SCAN_ACTION.to_owned()),
                scope: Some(order.scan_type.api_name().to_owned()),
                status: Some("Pending".to_owned()),
                comment: Some(order.comment.clone()),
                created: Some(self.server_time(after)),
                ..Action::default()
            });
        }
        Body::Action(Box::new(actions[0].clone()))
    }
}

impl<C: Clock> ScanApi for FakeServer<C> {
    async fn ready(&self) -> Result<(), SignInError> {
        Ok(())
    }

    async fn token_refused(&self) {}

    async fn scan(&self, order: &ScanOrder) -> Reply {
        let (latency, lost, body) = {
            let (rng, ledger) = &mut *self.inner.lock().unwrap();
            let lost = rng.f64() < self.behaviour.time_out_share;
            // A lost call can reach the server up to a minute after it was sent, when its sender has
            // long given up.
            let latency = if lost { Duration::from_secs(60) } else { self.latency(rng) };
            let after = latency.mul_f64(rng.f64());
            (latency, lost, self.arrive(ledger, order, after))
        };
        let now = self.clock.now();
        if lost {
            self.clock.sleep_until(now.plus(Duration::from_secs(30))).await;
            return Reply::NoAnswer { why: "no answer in 30 s".to_owned() };
        }
        self.clock.sleep_until(now.plus(latency)).await;
        let date = Some(self.server_time(Duration::ZERO));
        Reply::Answer(Answer { status: 201, date, retry_after: None, body })
    }

    async fn actions(&self, query: &ActionQuery, _next: Option<&NextPage>) -> ListReply {
        let date = Some(self.server_time(Duration::ZERO));
        let (_, ledger) = &mut *self.inner.lock().unwrap();
        ledger.lists += 1;
        let wanted = |action: &&Action| match query {
            ActionQuery::OfDevices(devices) => {
                action.device.is_some_and(|device| devices.contains(&device))
            }
            ActionQuery::Open => action.is_open(),
            ActionQuery::CreatedSince(since) => action.created.is_some_and(|at| at >= *since),
        };
        // An action that has not arrived yet is not in the list.
        let there = |action: &&Action| action.created <= date;
        let all = ledger.actions.values().flatten();
        let actions = all.filter(wanted).filter(there).cloned().collect();
        ListReply::Page { actions, next: None, date }
    }
}
