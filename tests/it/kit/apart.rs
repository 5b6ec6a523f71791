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
    Cancellation, Finding, Happening, Judged, LastRun, LookUp, Minute, NewRow, NotedHappening,
    Opened, Opening, Priority, Quota, Row, RowFilter, Seq, Settled, Stamp, Tally, Usage, WaveStand,
};
use fleetsweep::store::postgres::SharedClock;
use fleetsweep::store::{ClaimAnswer, NotYet, ReadAnswer, ReadSettlement, Result, Store};
use jiff::Timestamp;
use tokio::runtime::Handle;

use super::watched_store::WatchedClock;

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

    handed_on! {
        fn draft() -> CampaignId;
        fn append(draft: CampaignId, rows: Vec<NewRow>) -> ();
        fn lay_chosen(draft: CampaignId, chosen: &[Seq], sizes: &[u64]) -> ();
        fn open(draft: CampaignId, opening: Opening) -> Opened;
        fn discard(draft: CampaignId) -> ();
        fn join(campaign: CampaignId, quotas: Vec<Quota>) -> ();
        fn campaign(campaign: CampaignId) -> Option<Campaign>;
        fn select(filter: &CampaignFilter) -> Vec<Campaign>;
        fn tally(campaign: CampaignId) -> Tally;
        fn rows(campaign: CampaignId, after: Seq, limit: usize) -> Vec<Row>;
        fn matching(campaign: CampaignId, filter: &RowFilter, after: Seq, limit: usize) -> Vec<Row>;
        fn asked(campaign: CampaignId, after: Seq, limit: usize) -> Vec<Row>;
        fn peek(campaign: CampaignId, pending: usize) -> std::result::Result<(), NotYet>;
        fn claim(campaign: CampaignId, allow_repeat: bool) -> ClaimAnswer;
        fn settle(call: CallId, settlement: Settlement) -> Settled;
        fn claim_read(campaign: CampaignId) -> ReadAnswer;
        fn claim_on(budget: &BudgetKey, quotas: Vec<Quota>) -> ReadAnswer;
        fn settle_read(call: CallId, settlement: ReadSettlement) -> BudgetState;
        fn expire(campaign: CampaignId) -> u64;
        fn in_flight_until(campaign: CampaignId) -> Option<Stamp>;
        fn to_look_up(campaign: CampaignId, limit: usize) -> Vec<LookUp>;
        fn looked_up(campaign: CampaignId, findings: Vec<Finding>) -> Vec<Settled>;
        fn reopen(campaign: CampaignId, refused: Vec<(Seq, u32)>) -> u64;
        fn set_paused(campaign: CampaignId, paused: bool) -> ();
        fn begun(campaign: CampaignId) -> Option<Begun>;
        fn set_begun(campaign: CampaignId, begun: Begun) -> ();
        fn note_happening(campaign: CampaignId, happening: Happening) -> ();
        fn happenings(campaign: CampaignId, after: i64, limit: usize) -> Vec<NotedHappening>;
        fn minutes(campaign: CampaignId) -> Vec<Minute>;
        fn set_priority(campaign: CampaignId, priority: Priority) -> ();
        fn engage(campaign: CampaignId) -> ();
        fn wave_open(campaign: CampaignId) -> u64;
        fn end_wave(campaign: CampaignId) -> WaveStand;
        fn judge_wave(campaign: CampaignId, wave: u32, judged: Judged) -> bool;
        fn open_wave(campaign: CampaignId, from: u32) -> bool;
        fn call_off(campaign: CampaignId) -> CalledOff;
        fn note_cancelled(campaign: CampaignId, done: Vec<Cancellation>) -> u64;
        fn note_run(campaign: CampaignId, run: LastRun) -> ();
        fn note_actions(campaign: CampaignId, seen: Vec<(Seq, Action)>) -> u64;
        fn finish(campaign: CampaignId) -> bool;
        fn prune(campaign: CampaignId, before: Timestamp) -> Option<u64>;
        fn usage(budget: &BudgetKey, latest: usize) -> Usage;
        fn results(budget: &BudgetKey) -> BTreeMap<String, u64>;
        fn note_tenant(service: &str, domain: &str, tenant: &str) -> ();
        fn tenant_named(service: &str, domain: &str) -> Option<String>;
        fn calls(campaign: CampaignId) -> u64;
    }
}
