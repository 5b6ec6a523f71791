//! A durable store as it is seen from virtual time: each verb runs on threads whose time is real,
//! while that of whoever asks stands still, so no verb waits. It decides nothing and hands each
//! verb on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use fleetsweep::clock::{Clock, ManualClock};
use fleetsweep::domain::bounded_clock::{Moment, Reading};
use fleetsweep::domain::settle::Settlement;
use fleetsweep::domain::{
    Action, Begun, BudgetKey, BudgetState, CallId, CalledOff, Campaign, CampaignFilter, CampaignId,
    Cancellation, FailedStart, Finding, Happening, Judged, LastRun, Look, LookUp, Minute, NewRow,
    NotedHappening, Opened, Opening, Priority, Quota, Row, RowFilter, Seq, Settled, Stamp, Tally,
    Usage, WaveStand,
};
use fleetsweep::store::postgres::SharedClock;
use fleetsweep::store::{ClaimAnswer, NotYet, ReadAnswer, ReadSettlement, Result, Store};
use jiff::Timestamp;
use jiff::civil::Date;
use tokio::runtime::Handle;

use super::watched_clock::WatchedClock;

/// A clock that shows what it is set to.
#[derive(Clone)]
pub(crate) struct ShownClock {
    shown: Arc<Mutex<(Stamp, Timestamp)>>,
}

impl Default for ShownClock {
    fn default() -> Self {
        let clock = ManualClock::default();
        Self { shown: Arc::new(Mutex::new((clock.now(), clock.utc()))) }
    }
}

impl Clock for ShownClock {
    fn now(&self) -> Stamp {
        self.shown.lock().unwrap().0
    }

    fn utc(&self) -> Timestamp {
        self.shown.lock().unwrap().1
    }

    async fn sleep_until(&self, _: Stamp) {
        std::future::pending().await
    }
}

impl SharedClock for ShownClock {
    fn is_new(&self) -> bool {
        false
    }

    fn begin(&self, _: Reading) {}

    fn take(&self, _: Reading, _: Stamp) -> Moment {
        Moment { now: self.now(), correction_us: None }
    }
}

/// A store apart from whoever asks it.
pub(crate) struct Apart<S> {
    store: S,
    shown: ShownClock,
    clock: WatchedClock,
    threads: Handle,
}

impl<S: Store> Apart<S> {
    /// This store, which goes by the clock that is shown, for those who go by the other.
    pub(crate) fn new(store: S, shown: ShownClock, clock: WatchedClock, threads: Handle) -> Self {
        Self { store, shown, clock, threads }
    }

    fn done<T: Send>(&self, verb: impl Future<Output = T> + Send) -> T {
        *self.shown.shown.lock().unwrap() = (self.clock.now(), self.clock.utc());
        std::thread::scope(|scope| scope.spawn(|| self.threads.block_on(verb)).join()).unwrap()
    }
}

/// Each verb, handed on.
macro_rules! handed_on {
    ($(fn $verb:ident($($arg:ident: $type:ty),*) -> $answer:ty;)*) => {
        $(async fn $verb(&self, $($arg: $type),*) -> Result<$answer> {
            self.done(self.store.$verb($($arg),*))
        })*
    };
}

impl<S: Store> Store for Apart<S> {
    type Clock = WatchedClock;

    fn clock(&self) -> &WatchedClock {
        &self.clock
    }

    fn place(&self) -> String {
        self.store.place()
    }

    fleetsweep::each_verb!(handed_on);
}
