//! The store as a run sees it: one that is out of reach for a while is waited for, and that is told
//! once. It decides nothing about devices, and repeats only what the store says was not done.
//!
//! `StoreError::OutOfReach` promises that nothing of the verb was done, so that asking again
//! neither takes a second slot nor writes an answer twice. A verb whose outcome is not known fails
//! with another error, which is not waited for. Slots that were taken before stay counted: they are
//! in the journal, and an answer that waits here only makes its call look unanswered for longer.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use tokio::sync::watch;

use super::stop::StopLevel;
use crate::clock::Clock;
use crate::domain::event::Note;
use crate::domain::settle::Settlement;
use crate::domain::{
    Action, Begun, BudgetKey, BudgetState, CallId, CalledOff, Campaign, CampaignFilter, CampaignId,
    Cancellation, FailedStart, Finding, Happening, Judged, LastRun, Look, LookUp, Minute, NewRow,
    NotedHappening, Opened, Opening, Priority, Quota, Row, Seq, Settled, Stamp, Tally, Timing,
    Usage, WaveStand,
};
use crate::store::{
    AsksAgain, ClaimAnswer, Hold, NotYet, ReadAnswer, ReadSettlement, Result, Store, StoreError,
};

/// How long a write may take before people are told. Not scaled: disks and other programs are not.
/// A store that is locked says so earlier, also to a write that stands behind another one: SQLite's
/// writer waits ten seconds for each.
const SLOW: Duration = Duration::from_secs(25);

/// A store that is waited for.
pub struct PatientStore<S: Store> {
    store: Arc<S>,
    timing: Timing,
    stop: watch::Receiver<StopLevel>,
    tell: Box<dyn Fn(Note) + Send + Sync>,
    away: Mutex<Away>,
    _asks_again: AsksAgain<S>,
}

/// What is out of reach now.
#[derive(Debug, Default)]
struct Away {
    /// Verbs that are waiting.
    waiting: usize,
    /// Since when questions for the limit fail, and since when claims do. They do not wait.
    peeks: Option<Stamp>,
    claims: Option<Stamp>,
    told: bool,
}

/// Which questions do not wait, so that the loop goes on looking at its stop, its hours and its
/// end.
#[derive(Clone, Copy)]
enum Once {
    Peek,
    Claim,
}

impl Away {
    fn since(&mut self, once: Once) -> &mut Option<Stamp> {
        match once {
            Once::Peek => &mut self.peeks,
            Once::Claim => &mut self.claims,
        }
    }
}

impl<S: Store> PatientStore<S> {
    /// Over this store, for who stops in this way. A time out of reach is told in two notes.
    pub fn new(
        store: Arc<S>,
        timing: Timing,
        stop: watch::Receiver<StopLevel>,
        tell: impl Fn(Note) + Send + Sync + 'static,
    ) -> Self {
        let asks_again = AsksAgain::new(store.clone());
        let (tell, away) = (Box::new(tell), Mutex::default());
        Self { store, timing, stop, tell, away, _asks_again: asks_again }
    }

    /// Asks until the store answers, for as long as a run waits. Who is told to stop waits no
    /// longer than an answer of the server may take.
    async fn ask<T, F>(&self, slow: bool, mut verb: impl FnMut() -> F + Send) -> Result<T>
    where
        T: Send,
        F: Future<Output = Result<T>> + Send,
    {
        let (clock, mut stop) = (self.store.clock(), self.stop.clone());
        let began = clock.now();
        let mut pause = self.timing.reconnect_floor;
        let mut waiting = Waiting { store: self, counted: false };
        loop {
            let answer = if slow { waiting.watch(verb()).await } else { verb().await };
            let cause = match answer {
                Err(StoreError::OutOfReach { cause, .. }) if !self.is_too_long(began) => cause,
                answer => {
                    waiting.ended(!matches!(answer, Err(StoreError::OutOfReach { .. })));
                    return answer;
                }
            };
            waiting.count(cause);
            tokio::select! {
                Ok(()) = stop.changed() => {}
                () = clock.sleep_until(clock.now().plus(pause)) => {}
            }
            pause = (pause * 2).min(self.timing.poll);
        }
    }

    /// Asks once: whether the store cannot be reached now, and when it is worth another question.
    async fn ask_once<T>(
        &self,
        once: Once,
        answer: impl Future<Output = Result<T>> + Send,
    ) -> Result<std::result::Result<T, NotYet>> {
        let answer = answer.await;
        let now = self.store.clock().now();
        match answer {
            Err(StoreError::OutOfReach { what, cause, why }) => {
                let since = *self.away().since(once).get_or_insert(now);
                if self.is_too_long(since) {
                    return Err(StoreError::OutOfReach { what, cause, why });
                }
                self.tell_away(cause);
                let at = now.plus(self.timing.reconnect_floor);
                Ok(Err(NotYet { at, hold: Hold::Store }))
            }
            answer => {
                *self.away().since(once) = None;
                self.tell_back();
                answer.map(Ok)
            }
        }
    }

    fn is_too_long(&self, since: Stamp) -> bool {
        let longest = match *self.stop.borrow() {
            StopLevel::Run => self.timing.max_wait,
            StopLevel::Soft | StopLevel::Now => {
                self.timing.max_wait.min(self.timing.request_timeout)
            }
        };
        self.store.clock().now().since(since) >= longest
    }

    fn tell_away(&self, cause: &str) {
        if !std::mem::replace(&mut self.away().told, true) {
            (self.tell)(Note::StoreAway(cause.to_owned()));
        }
    }

    fn tell_back(&self) {
        let mut away = self.away();
        let here = away.waiting == 0 && away.peeks.is_none() && away.claims.is_none();
        if here && std::mem::take(&mut away.told) {
            (self.tell)(Note::StoreBack);
        }
    }

    fn away(&self) -> MutexGuard<'_, Away> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A verb that waits, or may come to wait; it does so no more when this is dropped.
struct Waiting<'a, S: Store> {
    store: &'a PatientStore<S>,
    counted: bool,
}

impl<S: Store> Waiting<'_, S> {
    fn count(&mut self, cause: &str) {
        if !std::mem::replace(&mut self.counted, true) {
            self.store.away().waiting += 1;
        }
        self.store.tell_away(cause);
    }

    /// Tells people of an answer that takes long.
    async fn watch<T>(&mut self, answer: impl Future<Output = T> + Send) -> T {
        let clock = self.store.store.clock();
        let mut answer = std::pin::pin!(answer);
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            () = clock.sleep_until(clock.now().plus(SLOW)) => {}
        }
        self.count("it does not answer");
        answer.await
    }

    fn ended(mut self, reached: bool) {
        if std::mem::take(&mut self.counted) {
            self.store.away().waiting -= 1;
            if reached {
                self.store.tell_back();
            }
        }
    }
}

impl<S: Store> Drop for Waiting<'_, S> {
    fn drop(&mut self) {
        if self.counted {
            self.store.away.lock().unwrap_or_else(PoisonError::into_inner).waiting -= 1;
        }
    }
}

/// Verbs that are asked until they are answered; of writes it is told if that takes long.
macro_rules! asked_again {
    ($($slow:literal $verb:ident($($name:ident: $type:ty),*) -> $answer:ty;)*) => {$(
        async fn $verb(&self, $($name: $type),*) -> Result<$answer> {
            self.ask($slow, || self.store.$verb($(Clone::clone(&$name)),*)).await
        }
    )*};
}

impl<S: Store> Store for PatientStore<S> {
    type Clock = S::Clock;

    fn clock(&self) -> &S::Clock {
        self.store.clock()
    }

    fn place(&self) -> String {
        self.store.place()
    }

    async fn peek(
        &self,
        campaign: CampaignId,
        pending: usize,
    ) -> Result<std::result::Result<(), NotYet>> {
        let peek = self.store.peek(campaign, pending);
        Ok(self.ask_once(Once::Peek, peek).await?.unwrap_or_else(Err))
    }

    async fn claim(&self, campaign: CampaignId, allow_repeat: bool) -> Result<ClaimAnswer> {
        let claim = self.store.claim(campaign, allow_repeat);
        Ok(self.ask_once(Once::Claim, claim).await?.unwrap_or_else(ClaimAnswer::NotYet))
    }

    async fn claim_read(&self, campaign: CampaignId) -> Result<ReadAnswer> {
        let claim = self.store.claim_read(campaign);
        Ok(self.ask_once(Once::Claim, claim).await?.unwrap_or_else(ReadAnswer::NotYet))
    }

    async fn claim_on(&self, budget: &BudgetKey, quotas: Vec<Quota>) -> Result<ReadAnswer> {
        let claim = self.store.claim_on(budget, quotas);
        Ok(self.ask_once(Once::Claim, claim).await?.unwrap_or_else(ReadAnswer::NotYet))
    }

    asked_again! {
        true settle(call: CallId, settlement: Settlement) -> Settled;
        true settle_read(call: CallId, settlement: ReadSettlement) -> BudgetState;
        true expire(campaign: CampaignId) -> u64;
        true looked_up(campaign: CampaignId, findings: Vec<Finding>) -> Vec<Settled>;
        true note_contact(campaign: CampaignId, date: Timestamp) -> ();
        true reopen(campaign: CampaignId, refused: Vec<(Seq, u32)>) -> u64;
        true note_actions(campaign: CampaignId, seen: Vec<(Seq, Action)>) -> u64;
        true engage(campaign: CampaignId) -> ();
        true end_wave(campaign: CampaignId) -> WaveStand;
        true judge_wave(campaign: CampaignId, wave: u32, judged: Judged) -> bool;
        true open_wave(campaign: CampaignId, from: u32) -> bool;
        true call_off(campaign: CampaignId) -> CalledOff;
        true hand_on(campaign: CampaignId) -> CalledOff;
        true note_cancelled(campaign: CampaignId, done: Vec<Cancellation>) -> u64;
        true note_run(campaign: CampaignId, run: LastRun) -> ();
        true pulse(process: &str, campaigns: &[CampaignId]) -> Vec<Look>;
        true finish(campaign: CampaignId) -> bool;
        true set_paused(campaign: CampaignId, paused: bool) -> ();
        true set_priority(campaign: CampaignId, priority: Priority) -> ();
        true set_begun(campaign: CampaignId, begun: Begun) -> ();
        true note_happening(campaign: CampaignId, happening: Happening) -> ();
        true note_failed_starts(starts: Vec<FailedStart>) -> ();
        true note_tenant(service: &str, domain: &str, tenant: &str) -> ();
        // These look at or write many rows, and take their time.
        false draft() -> CampaignId;
        false append(draft: CampaignId, rows: Vec<NewRow>) -> ();
        false lay_chosen(draft: CampaignId, chosen: &[Seq], sizes: &[u64]) -> ();
        false open(draft: CampaignId, opening: Opening) -> Opened;
        false discard(draft: CampaignId) -> ();
        false join(campaign: CampaignId, quotas: Vec<Quota>) -> ();
        false prune(campaign: CampaignId, before: Timestamp) -> Option<u64>;
        // These only read.
        false campaign(campaign: CampaignId) -> Option<Campaign>;
        false select(filter: &CampaignFilter) -> Vec<Campaign>;
        false tally(campaign: CampaignId) -> Tally;
        false rows(campaign: CampaignId, after: Seq, limit: usize) -> Vec<Row>;
        false asked(campaign: CampaignId, after: Seq, limit: usize) -> Vec<Row>;
        false in_flight_until(campaign: CampaignId) -> Option<Stamp>;
        false to_look_up(campaign: CampaignId, limit: usize) -> Vec<LookUp>;
        false wave_open(campaign: CampaignId) -> u64;
        false usage(budget: &BudgetKey, latest: usize) -> Usage;
        false results(budget: &BudgetKey) -> BTreeMap<String, u64>;
        false begun(campaign: CampaignId) -> Option<Begun>;
        false happenings(campaign: CampaignId, after: i64, limit: usize) -> Vec<NotedHappening>;
        false minutes(campaign: CampaignId) -> Vec<Minute>;
        false failed_starts(since: Date) -> Vec<FailedStart>;
        false tenant_named(service: &str, domain: &str) -> Option<String>;
        false calls(campaign: CampaignId) -> u64;
    }
}
