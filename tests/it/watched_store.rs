//! A store in memory that is watched: it counts what the engine asks, notices an engine that turns
//! without moving on, and can die in the middle of an operation. It decides nothing else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use fleetsweep::clock::{Clock, TokioClock};
use fleetsweep::domain::{BudgetKey, CampaignName, Quota, Settlement, Stamp, Tally, Timing};
use fleetsweep::store::memory::MemoryStore;
use fleetsweep::store::{
    CallId, Campaign, CampaignId, ClaimAnswer, Finding, LookUp, NewRow, NotYet, Opened, Opening,
    ReadAnswer, ReadSettlement, Result, Row, Seq, Settled, Store, Usage,
};
use jiff::Timestamp;
use tokio::sync::Notify;

/// No engine needs this many questions at one and the same moment.
const MOST_AT_ONCE: u64 = 5_000;

/// A clock that notices who waits for the past again and again.
#[derive(Clone)]
pub(crate) struct WatchedClock {
    inner: TokioClock,
    past: Arc<Mutex<(Stamp, u64)>>,
}

impl Clock for WatchedClock {
    fn now(&self) -> Stamp {
        self.inner.now()
    }

    fn utc(&self) -> Timestamp {
        self.inner.utc()
    }

    async fn sleep_until(&self, at: Stamp) {
        let now = self.now();
        if at <= now {
            let mut past = self.past.lock().unwrap();
            *past = if past.0 == now { (now, past.1 + 1) } else { (now, 1) };
            assert!(past.1 < MOST_AT_ONCE, "the engine waits for the past");
        }
        self.inner.sleep_until(at).await;
    }
}

/// The store.
pub(crate) struct Watched {
    inner: MemoryStore<WatchedClock>,
    watch: Mutex<Watch>,
    /// Told when the store dies.
    pub(crate) died: Notify,
}

#[derive(Default)]
struct Watch {
    all: u64,
    /// Questions in each minute.
    minutes: BTreeMap<i64, u64>,
    moment: (Stamp, u64),
    /// The operations left until the store dies, and whether the last one still takes effect.
    dies_after: Option<(u64, bool)>,
}

impl Watched {
    pub(crate) fn new(clock: TokioClock, timing: Timing) -> Self {
        let clock = WatchedClock { inner: clock, past: Arc::default() };
        let inner = MemoryStore::new(clock, timing);
        Self { inner, watch: Mutex::default(), died: Notify::new() }
    }

    /// The store answers so many operations more, and then no more until it is revived.
    pub(crate) fn dies_after(&self, operations: Option<u64>, in_effect: bool) {
        self.watch.lock().unwrap().dies_after = operations.map(|left| (left, in_effect));
    }

    /// The most questions that any minute saw.
    pub(crate) fn busiest_minute(&self) -> u64 {
        self.watch.lock().unwrap().minutes.values().copied().max().unwrap_or(0)
    }

    /// Questions in all.
    pub(crate) fn questions(&self) -> u64 {
        self.watch.lock().unwrap().all
    }

    fn count(&self) {
        let now = self.inner.clock().now();
        let mut watch = self.watch.lock().unwrap();
        watch.all += 1;
        *watch.minutes.entry(now.0 / 60_000_000).or_default() += 1;
        let (at, count) = watch.moment;
        watch.moment = if at == now { (at, count + 1) } else { (now, 1) };
        assert!(watch.moment.1 < MOST_AT_ONCE, "the engine turns without moving on");
    }

    /// Counts, and dies before the operation or after it.
    async fn gate<T>(&self, operation: impl Future<Output = T>) -> T {
        self.count();
        let dying = {
            let mut watch = self.watch.lock().unwrap();
            match &mut watch.dies_after {
                None => None,
                Some((0, in_effect)) => Some(std::mem::take(in_effect)),
                Some((left, _)) => {
                    *left -= 1;
                    None
                }
            }
        };
        let Some(in_effect) = dying else { return operation.await };
        if in_effect {
            let _lost = operation.await;
        }
        self.died.notify_one();
        std::future::pending().await
    }
}

impl Store for Watched {
    type Clock = WatchedClock;

    fn clock(&self) -> &WatchedClock {
        self.inner.clock()
    }
    fn place(&self) -> String {
        self.inner.place()
    }
    async fn draft(&self) -> Result<CampaignId> {
        self.inner.draft().await
    }
    async fn append(&self, draft: CampaignId, rows: Vec<NewRow>) -> Result<()> {
        self.inner.append(draft, rows).await
    }
    async fn open(&self, draft: CampaignId, opening: Opening) -> Result<Opened> {
        self.inner.open(draft, opening).await
    }
    async fn discard(&self, draft: CampaignId) -> Result<()> {
        self.inner.discard(draft).await
    }
    async fn join(&self, campaign: CampaignId, quotas: Vec<Quota>) -> Result<()> {
        self.inner.join(campaign, quotas).await
    }
    async fn find(&self, name: &CampaignName) -> Result<Option<Campaign>> {
        self.inner.find(name).await
    }
    async fn campaigns(&self) -> Result<Vec<Campaign>> {
        self.inner.campaigns().await
    }
    async fn tally(&self, campaign: CampaignId) -> Result<Tally> {
        self.inner.tally(campaign).await
    }
    async fn rows(&self, campaign: CampaignId, after: Seq, limit: usize) -> Result<Vec<Row>> {
        self.inner.rows(campaign, after, limit).await
    }
    async fn peek(
        &self,
        campaign: CampaignId,
        pending: usize,
    ) -> Result<std::result::Result<(), NotYet>> {
        self.gate(self.inner.peek(campaign, pending)).await
    }
    async fn claim(&self, campaign: CampaignId, allow_repeat: bool) -> Result<ClaimAnswer> {
        self.gate(self.inner.claim(campaign, allow_repeat)).await
    }
    async fn settle(&self, call: CallId, settlement: Settlement) -> Result<Settled> {
        self.gate(self.inner.settle(call, settlement)).await
    }
    async fn claim_read(&self, campaign: CampaignId) -> Result<ReadAnswer> {
        self.gate(self.inner.claim_read(campaign)).await
    }
    async fn claim_read_on(&self, budget: &BudgetKey, quotas: Vec<Quota>) -> Result<ReadAnswer> {
        self.gate(self.inner.claim_read_on(budget, quotas)).await
    }
    async fn settle_read(&self, call: CallId, settlement: ReadSettlement) -> Result<()> {
        self.gate(self.inner.settle_read(call, settlement)).await
    }
    async fn expire(&self, campaign: CampaignId) -> Result<u64> {
        self.gate(self.inner.expire(campaign)).await
    }
    async fn to_look_up(&self, campaign: CampaignId, limit: usize) -> Result<Vec<LookUp>> {
        self.gate(self.inner.to_look_up(campaign, limit)).await
    }
    async fn looked_up(
        &self,
        campaign: CampaignId,
        findings: Vec<Finding>,
    ) -> Result<Vec<Settled>> {
        self.gate(self.inner.looked_up(campaign, findings)).await
    }
    async fn finish(&self, campaign: CampaignId) -> Result<bool> {
        self.gate(self.inner.finish(campaign)).await
    }
    async fn usage(&self, budget: &BudgetKey, latest: usize) -> Result<Usage> {
        self.inner.usage(budget, latest).await
    }
    async fn calls(&self, campaign: CampaignId) -> Result<u64> {
        self.inner.calls(campaign).await
    }
}
