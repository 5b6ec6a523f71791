//! A store in memory that is watched: it counts what the engine asks, notices an engine that turns
//! without moving on, can be slow, can die in the middle of an operation, shows each operation to
//! an observer, and can make known mistakes. It decides nothing else.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use fleetsweep::clock::{Clock, TokioClock};
use fleetsweep::domain::lifecycle::Found;
use fleetsweep::domain::{
    Action, Begun, BudgetKey, BudgetState, CallId, CalledOff, Campaign, CampaignFilter, CampaignId,
    Cancellation, FailedStart, Finding, Happening, Judged, LastRun, Look, LookUp, Minute, NewRow,
    NotedHappening as Noted, Opened, Opening, Priority, Quota, Row, Seq, Settled, Settlement,
    Stamp, Tally, Timing, Usage, Verdict, WaveStand,
};
use fleetsweep::store::memory::{MemoryStore, Stamping};
use fleetsweep::store::{
    ClaimAnswer, NotYet, ReadAnswer, ReadSettlement, Result, Store, StoreError,
};
use jiff::Timestamp;
use jiff::civil::Date;
use tokio::sync::Notify;

use super::away::Away;
use super::mistake::Mistake;
use super::watched_clock::{MOST_AT_ONCE, WatchedClock};

/// What the last operation was, for one who looks at each: its name and its result.
pub(crate) type Observer = Box<dyn Fn(&'static str, &dyn Debug) + Send + Sync>;

/// A store on this clock, beneath all watching.
pub(crate) trait Beneath: Store<Clock = WatchedClock> {}

impl<S: Store<Clock = WatchedClock>> Beneath for S {}

/// The store, as one process sees it.
pub(crate) struct Watched<S = MemoryStore<WatchedClock>> {
    inner: Arc<S>,
    watch: Arc<Mutex<Watch>>,
    /// Questions of every kind.
    every: Arc<AtomicU64>,
    observer: Arc<OnceLock<Observer>>,
    mistake: Mistake,
    fate: Mutex<Fate>,
    /// Told when the store dies.
    pub(crate) died: Notify,
}

#[derive(Default)]
struct Watch {
    all: u64,
    /// Questions in each minute.
    minutes: BTreeMap<i64, u64>,
    moment: (Stamp, u64),
}

/// What this process meets.
#[derive(Default)]
struct Fate {
    /// The operations left until the store dies, and whether the last one still takes effect.
    dies_after: Option<(u64, bool)>,
    /// How many of a thousand operations are slow, up to how long, and the dice.
    slow: Option<(u32, Duration, fastrand::Rng)>,
    /// From when until when it is out of reach.
    away: Option<Away>,
}

impl Watched {
    pub(crate) fn new(clock: TokioClock, timing: Timing) -> Self {
        Self::broken(clock, timing, Stamping::Proven, Mistake::None)
    }

    /// A store with a known mistake, or that stamps calls in another way.
    pub(crate) fn broken(
        clock: TokioClock,
        timing: Timing,
        stamping: Stamping,
        mistake: Mistake,
    ) -> Self {
        let inner = MemoryStore::with_stamping(WatchedClock::new(clock), timing, stamping);
        Self::over(inner, mistake)
    }
}

impl<S: Beneath> Watched<S> {
    /// This store, watched, with a known mistake or none.
    pub(crate) fn over(inner: S, mistake: Mistake) -> Self {
        Self {
            inner: Arc::new(inner),
            watch: Arc::default(),
            every: Arc::default(),
            observer: Arc::default(),
            mistake,
            fate: Mutex::default(),
            died: Notify::new(),
        }
    }

    /// The same store, as another process sees it.
    pub(crate) fn for_another(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            watch: self.watch.clone(),
            every: self.every.clone(),
            observer: self.observer.clone(),
            mistake: self.mistake,
            fate: Mutex::default(),
            died: Notify::new(),
        }
    }

    /// What lies in the store, past all watching.
    pub(crate) fn inside(&self) -> &Arc<S> {
        &self.inner
    }

    /// Has each operation looked at, in every process.
    pub(crate) fn observe(&self, observer: Observer) {
        assert!(self.observer.set(observer).is_ok(), "one observer");
    }

    /// The store answers this process so many operations more, and then no more until revived.
    pub(crate) fn dies_after(&self, operations: Option<u64>, in_effect: bool) {
        self.fate.lock().unwrap().dies_after = operations.map(|left| (left, in_effect));
    }

    /// So many of a thousand operations of this process take up to this long.
    pub(crate) fn slows(&self, per_thousand: u32, most: Duration, dice: fastrand::Rng) {
        self.fate.lock().unwrap().slow = Some((per_thousand, most, dice));
    }

    /// From one moment after now to another nothing that this process asks is done.
    pub(crate) fn is_away(&self, from: Duration, until: Duration) {
        self.holds_up(from, until, false);
    }

    /// From one moment after now to another another program holds the lock for writing.
    pub(crate) fn is_locked(&self, from: Duration, until: Duration) {
        self.holds_up(from, until, true);
    }

    fn holds_up(&self, from: Duration, until: Duration, is_read: bool) {
        let now = self.inner.clock().now();
        let away = Away { from: now.plus(from), until: now.plus(until), is_read };
        self.fate.lock().unwrap().away = Some(away);
    }

    /// The most questions that any minute saw.
    pub(crate) fn busiest_minute(&self) -> u64 {
        self.watch.lock().unwrap().minutes.values().copied().max().unwrap_or(0)
    }

    /// Questions in all.
    pub(crate) fn questions(&self) -> u64 {
        self.watch.lock().unwrap().all
    }

    /// Questions in all, also those that no engine asks again and again.
    pub(crate) fn every_question(&self) -> u64 {
        self.every.load(Ordering::SeqCst)
    }

    /// What lies in the store, for a question that is counted and nothing else.
    fn counted(&self) -> &S {
        self.every.fetch_add(1, Ordering::SeqCst);
        &self.inner
    }

    fn count(&self) {
        self.every.fetch_add(1, Ordering::SeqCst);
        let now = self.inner.clock().now();
        let mut watch = self.watch.lock().unwrap();
        watch.all += 1;
        *watch.minutes.entry(now.0 / 60_000_000).or_default() += 1;
        let (at, count) = watch.moment;
        watch.moment = if at == now { (at, count + 1) } else { (now, 1) };
        assert!(watch.moment.1 < MOST_AT_ONCE, "the engine turns without moving on");
    }

    /// Whether the process dies of this operation, and whether it takes effect then.
    fn dying(&self) -> Option<bool> {
        match &mut self.fate.lock().unwrap().dies_after {
            None => None,
            Some((0, in_effect)) => Some(std::mem::take(in_effect)),
            Some((left, _)) => {
                *left -= 1;
                None
            }
        }
    }

    /// How long an operation waits before it takes effect, and its result afterwards.
    fn slowness(&self) -> (Duration, Duration) {
        let Some((share, most, dice)) = &mut self.fate.lock().unwrap().slow else {
            return Default::default();
        };
        if dice.u32(0..1_000) >= *share {
            return Default::default();
        }
        let slow = most.mul_f64(dice.f64());
        if dice.bool() { (slow, Duration::ZERO) } else { (Duration::ZERO, slow) }
    }

    /// Counts, is slow, and dies before the operation or after it.
    async fn gate<T: Debug>(
        &self,
        name: &'static str,
        operation: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.count();
        let (away, now) = (self.fate.lock().unwrap().away, self.inner.clock().now());
        if away.is_some_and(|away| away.holds_up(name, now)) {
            let (cause, why) = ("the disk is full", "the disk is full (as played)".to_owned());
            return Err(StoreError::OutOfReach { what: name, cause, why });
        }
        let dying = self.dying();
        let (before, after) = self.slowness();
        if !before.is_zero() {
            tokio::time::sleep(before).await;
        }
        if dying != Some(false) {
            let result = operation.await;
            if let Some(observer) = self.observer.get() {
                observer(name, &result);
            }
            if dying.is_none() {
                if !after.is_zero() {
                    tokio::time::sleep(after).await;
                }
                return result;
            }
        }
        self.died.notify_one();
        std::future::pending().await
    }

    /// A settlement as this program would write it.
    fn mistaken(&self, mut settlement: Settlement) -> Settlement {
        settlement.verdict = match (self.mistake, settlement.verdict) {
            (Mistake::SilenceIsNeverLeft, Verdict::Doubtful { why, status: None }) => {
                Verdict::NeverLeft { why }
            }
            (Mistake::AnyActionIsOurs, Verdict::Busy { action: Some(action), .. }) => {
                Verdict::Accepted { action, status: 201, comment_changed: false }
            }
            (_, verdict) => verdict,
        };
        if self.mistake == Mistake::ForgetsContact {
            settlement.server_date = None;
        }
        settlement
    }

    /// A finding as this program would write it.
    fn misread(&self, mut finding: Finding) -> Finding {
        finding.found = match (self.mistake, finding.found) {
            (Mistake::NeverLooks, Found::Ours) => Found::NotOurs { covered: false },
            (Mistake::UnknownIsAccepted, Found::Forbidden) => Found::Ours,
            (_, found) => found,
        };
        finding
    }
}

impl<S: Beneath> Store for Watched<S> {
    type Clock = WatchedClock;

    fn clock(&self) -> &WatchedClock {
        self.inner.clock()
    }
    fn place(&self) -> String {
        self.inner.place()
    }
    async fn draft(&self) -> Result<CampaignId> {
        self.counted().draft().await
    }
    async fn append(&self, draft: CampaignId, rows: Vec<NewRow>) -> Result<()> {
        self.counted().append(draft, rows).await
    }
    async fn lay_chosen(&self, draft: CampaignId, chosen: &[Seq], sizes: &[u64]) -> Result<()> {
        if self.mistake == Mistake::ClaimsBeyondTheWave {
            return Ok(());
        }
        self.inner.lay_chosen(draft, chosen, sizes).await
    }
    async fn open(&self, draft: CampaignId, opening: Opening) -> Result<Opened> {
        self.counted().open(draft, opening).await
    }
    async fn discard(&self, draft: CampaignId) -> Result<()> {
        self.counted().discard(draft).await
    }
    async fn join(&self, campaign: CampaignId, quotas: Vec<Quota>) -> Result<()> {
        self.counted().join(campaign, quotas).await
    }
    async fn campaign(&self, campaign: CampaignId) -> Result<Option<Campaign>> {
        self.counted().campaign(campaign).await
    }
    async fn select(&self, filter: &CampaignFilter) -> Result<Vec<Campaign>> {
        self.counted().select(filter).await
    }
    async fn tally(&self, campaign: CampaignId) -> Result<Tally> {
        self.counted().tally(campaign).await
    }
    async fn rows(&self, campaign: CampaignId, after: Seq, limit: usize) -> Result<Vec<Row>> {
        self.counted().rows(campaign, after, limit).await
    }
    async fn asked(&self, campaign: CampaignId, after: Seq, limit: usize) -> Result<Vec<Row>> {
        self.counted().asked(campaign, after, limit).await
    }
    async fn peek(
        &self,
        campaign: CampaignId,
        pending: usize,
    ) -> Result<std::result::Result<(), NotYet>> {
        self.gate("peek", self.inner.peek(campaign, pending)).await
    }
    async fn claim(&self, campaign: CampaignId, allow_repeat: bool) -> Result<ClaimAnswer> {
        self.gate("claim", self.inner.claim(campaign, allow_repeat)).await
    }
    async fn settle(&self, call: CallId, settlement: Settlement) -> Result<Settled> {
        self.gate("settle", self.inner.settle(call, self.mistaken(settlement))).await
    }
    async fn claim_read(&self, campaign: CampaignId) -> Result<ReadAnswer> {
        self.gate("claim_read", self.inner.claim_read(campaign)).await
    }
    async fn claim_on(&self, budget: &BudgetKey, quotas: Vec<Quota>) -> Result<ReadAnswer> {
        self.gate("claim_on", self.inner.claim_on(budget, quotas)).await
    }
    async fn settle_read(&self, call: CallId, settlement: ReadSettlement) -> Result<BudgetState> {
        self.gate("settle_read", self.inner.settle_read(call, settlement)).await
    }
    async fn expire(&self, campaign: CampaignId) -> Result<u64> {
        let forgets = self.mistake == Mistake::ForgetsClaims;
        let expire = async || if forgets { Ok(0) } else { self.inner.expire(campaign).await };
        self.gate("expire", expire()).await
    }
    async fn in_flight_until(&self, campaign: CampaignId) -> Result<Option<Stamp>> {
        self.counted().in_flight_until(campaign).await
    }
    async fn to_look_up(&self, campaign: CampaignId, limit: usize) -> Result<Vec<LookUp>> {
        self.gate("to_look_up", self.inner.to_look_up(campaign, limit)).await
    }
    async fn looked_up(
        &self,
        campaign: CampaignId,
        findings: Vec<Finding>,
    ) -> Result<Vec<Settled>> {
        let findings = findings.into_iter().map(|finding| self.misread(finding)).collect();
        self.gate("looked_up", self.inner.looked_up(campaign, findings)).await
    }
    async fn note_contact(&self, campaign: CampaignId, date: Timestamp) -> Result<()> {
        let forgets = self.mistake == Mistake::ForgetsContact;
        let note =
            async || if forgets { Ok(()) } else { self.inner.note_contact(campaign, date).await };
        self.gate("note_contact", note()).await
    }
    async fn reopen(&self, campaign: CampaignId, refused: Vec<(Seq, u32)>) -> Result<u64> {
        self.gate("reopen", self.inner.reopen(campaign, refused)).await
    }
    async fn note_actions(&self, campaign: CampaignId, seen: Vec<(Seq, Action)>) -> Result<u64> {
        self.counted().note_actions(campaign, seen).await
    }
    async fn set_paused(&self, campaign: CampaignId, paused: bool) -> Result<()> {
        self.counted().set_paused(campaign, paused).await
    }
    async fn set_priority(&self, campaign: CampaignId, priority: Priority) -> Result<()> {
        self.counted().set_priority(campaign, priority).await
    }
    async fn engage(&self, campaign: CampaignId) -> Result<()> {
        self.gate("engage", self.inner.engage(campaign)).await
    }
    async fn wave_open(&self, campaign: CampaignId) -> Result<u64> {
        self.gate("wave_open", self.inner.wave_open(campaign)).await
    }
    async fn end_wave(&self, campaign: CampaignId) -> Result<WaveStand> {
        self.gate("end_wave", self.inner.end_wave(campaign)).await
    }
    async fn judge_wave(&self, campaign: CampaignId, wave: u32, judged: Judged) -> Result<bool> {
        let opens = self.mistake == Mistake::OpensWithoutJudging;
        let judge = async || match opens {
            true => self.inner.open_wave(campaign, wave).await.map(|_| false),
            false => self.inner.judge_wave(campaign, wave, judged).await,
        };
        self.gate("judge_wave", judge()).await
    }
    async fn open_wave(&self, campaign: CampaignId, from: u32) -> Result<bool> {
        self.gate("open_wave", self.inner.open_wave(campaign, from)).await
    }
    async fn call_off(&self, campaign: CampaignId) -> Result<CalledOff> {
        self.gate("call_off", self.inner.call_off(campaign)).await
    }
    async fn hand_on(&self, campaign: CampaignId) -> Result<CalledOff> {
        self.gate("hand_on", self.inner.hand_on(campaign)).await
    }
    async fn note_cancelled(&self, campaign: CampaignId, done: Vec<Cancellation>) -> Result<u64> {
        self.gate("note_cancelled", self.inner.note_cancelled(campaign, done)).await
    }
    async fn note_run(&self, campaign: CampaignId, run: LastRun) -> Result<()> {
        self.counted().note_run(campaign, run).await
    }
    async fn pulse(&self, process: &str, campaigns: &[CampaignId]) -> Result<Vec<Look>> {
        self.gate("pulse", self.inner.pulse(process, campaigns)).await
    }
    async fn finish(&self, campaign: CampaignId) -> Result<bool> {
        let early = self.mistake == Mistake::FinishesEarly;
        let finish = async || self.inner.finish(campaign).await.map(|finished| finished || early);
        self.gate("finish", finish()).await
    }
    async fn prune(&self, campaign: CampaignId, before: Timestamp) -> Result<Option<u64>> {
        self.counted().prune(campaign, before).await
    }
    async fn usage(&self, budget: &BudgetKey, latest: usize) -> Result<Usage> {
        self.counted().usage(budget, latest).await
    }
    async fn note_tenant(&self, service: &str, domain: &str, tenant: &str) -> Result<()> {
        self.counted().note_tenant(service, domain, tenant).await
    }
    async fn note_failed_starts(&self, starts: Vec<FailedStart>) -> Result<()> {
        self.counted().note_failed_starts(starts).await
    }
    async fn failed_starts(&self, since: Date) -> Result<Vec<FailedStart>> {
        self.counted().failed_starts(since).await
    }
    async fn begun(&self, campaign: CampaignId) -> Result<Option<Begun>> {
        self.counted().begun(campaign).await
    }
    async fn note_happening(&self, campaign: CampaignId, happening: Happening) -> Result<()> {
        self.counted().note_happening(campaign, happening).await
    }
    async fn happenings(&self, id: CampaignId, after: i64, n: usize) -> Result<Vec<Noted>> {
        self.counted().happenings(id, after, n).await
    }

    async fn minutes(&self, campaign: CampaignId) -> Result<Vec<Minute>> {
        self.counted().minutes(campaign).await
    }

    async fn results(&self, budget: &BudgetKey) -> Result<BTreeMap<String, u64>> {
        self.inner.results(budget).await
    }

    async fn set_begun(&self, campaign: CampaignId, begun: Begun) -> Result<()> {
        self.counted().set_begun(campaign, begun).await
    }
    async fn tenant_named(&self, service: &str, domain: &str) -> Result<Option<String>> {
        self.counted().tenant_named(service, domain).await
    }
    async fn calls(&self, campaign: CampaignId) -> Result<u64> {
        self.counted().calls(campaign).await
    }
}
