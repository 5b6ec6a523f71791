//! The store in memory: for `--dry-run`, for tests in virtual time, and as the model that the
//! durable stores are compared with. It forgets everything with the process.

mod campaign;
mod inner;
mod journal;
mod missing;
#[cfg(feature = "testing")]
mod stamping;
mod waves;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard};

use jiff::Timestamp;
use jiff::civil::Date;

use super::{Claim, ClaimAnswer, NotYet, ReadAnswer, ReadSettlement, Result, Store, StoreError};
use crate::clock::Clock;
use crate::domain::hold::{BeforeTheLimit, Decided, not_yet};
use crate::domain::lifecycle::LifeEvent;
use crate::domain::service::{id_of, service_of};
use crate::domain::settle::{self, CallRecord, Settlement};
use crate::domain::{
    Action, Begun, BudgetKey, BudgetState, CallId, CalledOff, Campaign, CampaignFilter, CampaignId,
    Cancellation, FailedStart, Finding, Happening, Judged, LastRun, Look, LookUp, Minute, NewRow,
    NotedHappening, Opened, Opening, Operation, Priority, Quota, Row, Seq, Settled, Stamp, Tally,
    Timing, Usage, Verdict, WaveStand,
};
use campaign::Held;
use inner::Inner;
use journal::{Budget, Whose};
use missing::{unknown_call, unknown_campaign};
#[cfg(feature = "testing")]
pub use stamping::Stamping;

/// A store in memory.
#[derive(Debug)]
pub struct MemoryStore<C> {
    clock: C,
    timing: Timing,
    inner: Mutex<Inner>,
}

impl<C: Clock> MemoryStore<C> {
    /// An empty store.
    pub fn new(clock: C, timing: Timing) -> Self {
        Self { clock, timing, inner: Mutex::default() }
    }

    /// An empty store that stamps calls in another way: a negative control.
    #[cfg(feature = "testing")]
    pub fn with_stamping(clock: C, timing: Timing, stamping: Stamping) -> Self {
        let inner = Inner { stamping, ..Inner::default() };
        Self { clock, timing, inner: Mutex::new(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic inside leaves no half-written row behind that a reader could take for whole,
        // since the process stops on it; tests that go on see what the panic left.
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn refuses(
        &self,
        inner: &Inner,
        campaign: CampaignId,
        operation: Operation,
        pending: usize,
    ) -> Result<Option<NotYet>> {
        let named = inner.campaign(campaign)?;
        let Campaign { called_off, paused, .. } = *named;
        let now = self.clock.now();
        let ahead = inner.ahead_of(named, now);
        let decided = Decided { called_off, paused, ahead, forgotten: false };
        match decided.answer(operation, now, &self.timing) {
            BeforeTheLimit::NeedsNoSlot => return Ok(None),
            BeforeTheLimit::NotYet(no) => return Ok(Some(no)),
            BeforeTheLimit::AskTheLimit => {}
        }
        let key = named.order.target.budget(operation);
        let quotas = inner.quotas(&key, Some(campaign), self.clock.now());
        Ok(self.refuses_on(inner, &key, &quotas, pending))
    }

    fn refuses_on(
        &self,
        inner: &Inner,
        key: &BudgetKey,
        quotas: &[Quota],
        pending: usize,
    ) -> Option<NotYet> {
        let empty = Budget::default();
        let budget = inner.budgets.get(key).unwrap_or(&empty);
        let nth: Vec<_> = quotas.iter().map(|quota| budget.nth(quota, pending)).collect();
        let now = self.clock.now();
        not_yet(quotas, &self.timing, &nth, &budget.state, pending, now)
    }
}

impl<C: Clock> Store for MemoryStore<C> {
    type Clock = C;

    fn clock(&self) -> &C {
        &self.clock
    }

    fn place(&self) -> String {
        "memory".to_owned()
    }

    async fn draft(&self) -> Result<CampaignId> {
        let mut inner = self.lock();
        let id = CampaignId(inner.id());
        inner.held.insert(id, Held::default());
        Ok(id)
    }

    async fn append(&self, draft: CampaignId, rows: Vec<NewRow>) -> Result<()> {
        let mut inner = self.lock();
        let held = inner.held(draft)?;
        rows.into_iter().for_each(|row| held.append(row.storable()));
        Ok(())
    }

    async fn lay_chosen(&self, draft: CampaignId, chosen: &[Seq], sizes: &[u64]) -> Result<()> {
        self.lock().held(draft)?.lay_waves(chosen, sizes)
    }

    async fn open(&self, draft: CampaignId, opening: Opening) -> Result<Opened> {
        let mut inner = self.lock();
        if let Some(there) = inner.same_name(&opening) {
            let answer = there.meets(&opening);
            inner.held.remove(&draft);
            return Ok(answer);
        }
        let opened_at = self.clock.utc();
        let begun = NotedHappening { id: inner.id(), happening: opening.happening(opened_at) };
        let held = inner.held(draft)?;
        held.open(draft, opening, opened_at)?;
        held.note(begun);
        Ok(Opened::New(draft))
    }

    async fn discard(&self, draft: CampaignId) -> Result<()> {
        let mut inner = self.lock();
        if inner.held.get(&draft).is_some_and(|held| held.campaign.is_none()) {
            inner.held.remove(&draft);
        }
        Ok(())
    }

    async fn join(&self, campaign: CampaignId, quotas: Vec<Quota>) -> Result<()> {
        self.lock().held(campaign)?.join(&quotas).ok_or_else(unknown_campaign)
    }

    async fn campaign(&self, campaign: CampaignId) -> Result<Option<Campaign>> {
        Ok(self.lock().confirmed(campaign))
    }

    async fn select(&self, filter: &CampaignFilter) -> Result<Vec<Campaign>> {
        Ok(self.lock().select(filter))
    }

    async fn tally(&self, campaign: CampaignId) -> Result<Tally> {
        Ok(self.lock().held(campaign)?.tally.clone())
    }

    async fn rows(&self, campaign: CampaignId, after: Seq, limit: usize) -> Result<Vec<Row>> {
        let mut inner = self.lock();
        let start = usize::try_from(after).unwrap_or(0);
        Ok(inner.held(campaign)?.kept_rows()?.iter().skip(start).take(limit).cloned().collect())
    }

    async fn asked(&self, campaign: CampaignId, after: Seq, limit: usize) -> Result<Vec<Row>> {
        let mut inner = self.lock();
        let start = usize::try_from(after).unwrap_or(0);
        let rows = inner.held(campaign)?.kept_rows()?.iter().skip(start);
        Ok(rows.filter(|row| row.life.attempt > 0).take(limit).cloned().collect())
    }

    async fn peek(
        &self,
        campaign: CampaignId,
        pending: usize,
    ) -> Result<std::result::Result<(), NotYet>> {
        let refusal = self.refuses(&self.lock(), campaign, Operation::Scan, pending)?;
        Ok(refusal.map_or(Ok(()), Err))
    }

    async fn claim(&self, campaign: CampaignId, allow_repeat: bool) -> Result<ClaimAnswer> {
        let mut inner = self.lock();
        if let Some(not_yet) = self.refuses(&inner, campaign, Operation::Scan, 0)? {
            return Ok(ClaimAnswer::NotYet(not_yet));
        }
        let now = self.clock.now();
        let Some(seq) = inner.held(campaign)?.next_device(now, allow_repeat)? else {
            let (wake, repeats_only) = inner.held(campaign)?.wake(now);
            return Ok(ClaimAnswer::Idle { wake, repeats_only });
        };
        let timing = self.timing;
        let held = inner.held(campaign)?;
        let until = now.plus(timing.horizon());
        let after = held.change(seq, LifeEvent::Claimed(until), &timing)?;
        held.called(self.clock.utc());
        let device = held.row(seq)?.device;
        let device =
            device.ok_or_else(|| StoreError::Broken("a queued row has no device".into()))?;
        let record = CallRecord { attempt: after.attempt, claimed_at: now };
        let budget = inner.campaign(campaign)?.order.target.budget(Operation::Scan);
        let whose = Whose { campaign: Some(campaign), seq: Some(seq) };
        let call = inner.enter(whose, budget, record, self.clock.utc(), &timing);
        Ok(ClaimAnswer::Call(Claim {
            call,
            seq,
            device,
            attempt: after.attempt,
            claimed_at: now,
            repeat: after.is_repeat(),
        }))
    }

    async fn settle(&self, call: CallId, settlement: Settlement) -> Result<Settled> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let now = self.clock.now();
        let journal = inner.calls.get_mut(&call).ok_or_else(|| unknown_call(call))?;
        let budget = inner.budgets.entry(journal.budget.clone()).or_default();
        let held = journal.campaign.and_then(|campaign| inner.held.get_mut(&campaign));
        let held = held.ok_or_else(unknown_campaign)?;
        let seq = journal.seq.ok_or_else(|| unknown_call(call))?;
        let (settled, seen_by) =
            held.settle(seq, journal.record, &settlement, &mut budget.state, now, &self.timing)?;
        journal.verdict = Some(settlement.verdict.name());
        #[cfg(feature = "testing")]
        let seen_by = inner.stamping.settled(seen_by, now);
        if let Some(seen_by) = seen_by {
            budget.move_seen(call, &mut journal.seen_by, seen_by);
        }
        Ok(settled)
    }

    async fn claim_read(&self, campaign: CampaignId) -> Result<ReadAnswer> {
        let mut inner = self.lock();
        if let Some(not_yet) = self.refuses(&inner, campaign, Operation::Read, 0)? {
            return Ok(ReadAnswer::NotYet(not_yet));
        }
        let now = self.clock.now();
        let record = CallRecord { attempt: 0, claimed_at: now };
        let budget = inner.campaign(campaign)?.order.target.budget(Operation::Read);
        let whose = Whose { campaign: Some(campaign), seq: None };
        let call = inner.enter(whose, budget, record, self.clock.utc(), &self.timing);
        Ok(ReadAnswer::Call(call, now))
    }

    async fn claim_on(&self, budget: &BudgetKey, quotas: Vec<Quota>) -> Result<ReadAnswer> {
        let mut inner = self.lock();
        let theirs = inner.quotas(budget, None, self.clock.now());
        let all: BTreeSet<Quota> = theirs.into_iter().chain(quotas).collect();
        let all: Vec<Quota> = all.into_iter().collect();
        if let Some(not_yet) = self.refuses_on(&inner, budget, &all, 0) {
            return Ok(ReadAnswer::NotYet(not_yet));
        }
        let now = self.clock.now();
        let record = CallRecord { attempt: 0, claimed_at: now };
        let (whose, budget) = (Whose::default(), budget.clone());
        let call = inner.enter(whose, budget, record, self.clock.utc(), &self.timing);
        Ok(ReadAnswer::Call(call, now))
    }

    async fn settle_read(&self, call: CallId, settlement: ReadSettlement) -> Result<BudgetState> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let now = self.clock.now();
        let journal = inner.calls.get_mut(&call).ok_or_else(|| unknown_call(call))?;
        let budget = inner.budgets.entry(journal.budget.clone()).or_default();
        let claimed_at = journal.record.claimed_at;
        let verdict = settlement.verdict.as_ref();
        journal.verdict = Some(verdict.map_or("page", Verdict::name));
        let (state, optional) = (&mut budget.state, settlement.optional);
        let seen_by = settle::settle_read(state, verdict, optional, claimed_at, now, &self.timing);
        #[cfg(feature = "testing")]
        let seen_by = inner.stamping.settled(seen_by, now);
        if let Some(seen_by) = seen_by {
            budget.move_seen(call, &mut journal.seen_by, seen_by);
        }
        Ok(budget.state)
    }

    async fn expire(&self, campaign: CampaignId) -> Result<u64> {
        let now = self.clock.now();
        self.lock().held(campaign)?.expire(now, &self.timing)
    }

    async fn in_flight_until(&self, campaign: CampaignId) -> Result<Option<Stamp>> {
        Ok(self.lock().held(campaign)?.last_claim_ends())
    }

    async fn to_look_up(&self, campaign: CampaignId, limit: usize) -> Result<Vec<LookUp>> {
        let now = self.clock.now();
        self.lock().held(campaign)?.to_look_up(now, limit)
    }

    async fn looked_up(
        &self,
        campaign: CampaignId,
        findings: Vec<Finding>,
    ) -> Result<Vec<Settled>> {
        let (now, utc) = (self.clock.now(), self.clock.utc());
        let mut inner = self.lock();
        let held = inner.held(campaign)?;
        let found = findings.into_iter();
        found.map(|finding| held.found(&finding, now, utc, &self.timing)).collect()
    }

    async fn note_contact(&self, campaign: CampaignId, date: Timestamp) -> Result<()> {
        let now = self.clock.now();
        self.lock().held(campaign)?.note_contact(date, now, &self.timing)
    }

    async fn reopen(&self, campaign: CampaignId, refused: Vec<(Seq, u32)>) -> Result<u64> {
        self.lock().held(campaign)?.reopen(&refused)
    }

    async fn note_actions(&self, campaign: CampaignId, seen: Vec<(Seq, Action)>) -> Result<u64> {
        let utc = self.clock.utc();
        self.lock().held(campaign)?.note_actions(&seen, utc)
    }

    async fn set_paused(&self, campaign: CampaignId, paused: bool) -> Result<()> {
        self.lock().held(campaign)?.confirmed()?.paused = paused;
        Ok(())
    }

    async fn set_priority(&self, campaign: CampaignId, priority: Priority) -> Result<()> {
        self.lock().held(campaign)?.confirmed()?.priority = priority;
        Ok(())
    }

    async fn engage(&self, campaign: CampaignId) -> Result<()> {
        let until = self.clock.now().plus(self.timing.engaged_for());
        let mut inner = self.lock();
        let held = inner.held(campaign)?;
        if held.campaign.as_ref().ok_or_else(unknown_campaign)?.priority == Priority::High {
            held.engaged_until = until;
        }
        Ok(())
    }

    async fn wave_open(&self, campaign: CampaignId) -> Result<u64> {
        self.lock().held(campaign)?.wave_open()
    }

    async fn end_wave(&self, campaign: CampaignId) -> Result<WaveStand> {
        let now = self.clock.now();
        self.lock().held(campaign)?.end_wave(now)
    }

    async fn judge_wave(&self, campaign: CampaignId, wave: u32, judged: Judged) -> Result<bool> {
        self.lock().held(campaign)?.judge_wave(wave, judged)
    }

    async fn open_wave(&self, campaign: CampaignId, from: u32) -> Result<bool> {
        self.lock().held(campaign)?.open_wave(from)
    }

    async fn call_off(&self, campaign: CampaignId) -> Result<CalledOff> {
        let utc = self.clock.utc();
        self.lock().held(campaign)?.end_with(LifeEvent::CalledOff, utc)
    }

    async fn hand_on(&self, campaign: CampaignId) -> Result<CalledOff> {
        self.lock().held(campaign)?.end_with(LifeEvent::HandedOn, self.clock.utc())
    }

    async fn note_cancelled(&self, campaign: CampaignId, done: Vec<Cancellation>) -> Result<u64> {
        let utc = self.clock.utc();
        self.lock().held(campaign)?.note_cancelled(&done, utc)
    }

    async fn note_run(&self, campaign: CampaignId, run: LastRun) -> Result<()> {
        self.lock().note_run(campaign, run, &self.timing)
    }

    async fn pulse(&self, process: &str, campaigns: &[CampaignId]) -> Result<Vec<Look>> {
        let (now, seen_at) = (self.clock.now(), self.clock.shared_utc());
        Ok(self.lock().pulse(process, seen_at, campaigns, now))
    }

    async fn finish(&self, campaign: CampaignId) -> Result<bool> {
        let utc = self.clock.utc();
        self.lock().held(campaign)?.finish(utc)
    }

    async fn prune(&self, campaign: CampaignId, before: Timestamp) -> Result<Option<u64>> {
        let utc = self.clock.utc();
        self.lock().held(campaign)?.prune(before, utc)
    }

    async fn usage(&self, budget: &BudgetKey, latest: usize) -> Result<Usage> {
        Ok(self.lock().usage(budget, latest, self.clock.now()))
    }

    async fn results(&self, budget: &BudgetKey) -> Result<BTreeMap<String, u64>> {
        Ok(self.lock().results(budget))
    }

    async fn note_tenant(&self, service: &str, domain: &str, tenant: &str) -> Result<()> {
        let name = (service_of(service), id_of(domain));
        self.lock().tenants.insert(name, id_of(tenant));
        Ok(())
    }

    async fn note_failed_starts(&self, starts: Vec<FailedStart>) -> Result<()> {
        let mut inner = self.lock();
        starts.into_iter().for_each(|start| inner.note_failed_start(start.storable()));
        Ok(())
    }

    async fn failed_starts(&self, since: Date) -> Result<Vec<FailedStart>> {
        Ok(self.lock().failed_starts_since(since))
    }

    async fn begun(&self, campaign: CampaignId) -> Result<Option<Begun>> {
        let mut inner = self.lock();
        inner.campaign(campaign)?;
        Ok(inner.held(campaign)?.begun.clone())
    }

    async fn set_begun(&self, campaign: CampaignId, begun: Begun) -> Result<()> {
        let mut inner = self.lock();
        inner.campaign(campaign)?;
        inner.held(campaign)?.begun = Some(begun);
        Ok(())
    }

    async fn note_happening(&self, campaign: CampaignId, happening: Happening) -> Result<()> {
        let mut inner = self.lock();
        inner.campaign(campaign)?;
        let id = inner.id();
        inner.held(campaign)?.note(NotedHappening { id, happening });
        Ok(())
    }

    async fn happenings(
        &self,
        campaign: CampaignId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<NotedHappening>> {
        let mut inner = self.lock();
        let Ok(held) = inner.held(campaign) else { return Ok(Vec::new()) };
        let later = held.happenings.iter().filter(|one| one.id > after);
        Ok(later.take(limit).cloned().collect())
    }

    async fn minutes(&self, campaign: CampaignId) -> Result<Vec<Minute>> {
        Ok(self.lock().minutes(campaign))
    }

    async fn tenant_named(&self, service: &str, domain: &str) -> Result<Option<String>> {
        let name = (service_of(service), id_of(domain));
        Ok(self.lock().tenants.get(&name).cloned())
    }

    async fn calls(&self, campaign: CampaignId) -> Result<u64> {
        Ok(self.lock().held(campaign)?.calls)
    }
}
