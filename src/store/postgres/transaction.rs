//! The rows of a store in PostgreSQL as the verbs see them. Each of these is a statement or a few
//! of `sql`; nothing is decided here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use jiff::civil::Date;

use super::fault::Fault;
use super::session::Session;
use super::sql;
use crate::clock::Clock;
use crate::domain::{
    Begun, BudgetKey, CallId, Campaign, CampaignFilter, CampaignId, FailedStart, Happening, Look,
    LookUp, Minute, NewRow, NotedHappening, Opening, Operation, Quota, Row, RowFilter, Seq, Stamp,
    Tally, Timing,
};
use crate::store::tables::{
    Budget, BudgetId, Call, CampaignBudgets, CampaignChange, Claiming, Device, NewCall, Nth, Page,
    ReadCall, RowChange, Settling, Tables, TenantName, Wake,
};

/// What the verbs need beside the database.
#[derive(Debug)]
pub(super) struct Shared<C> {
    pub(super) clock: C,
    pub(super) timing: Timing,
    /// The key of this process; zero in a store that is only read.
    pub(super) runner: i64,
}

/// One transaction that writes, or one verb that reads.
#[derive(Debug)]
pub struct Transaction<'c, C> {
    pub(super) session: &'c Session,
    pub(super) shared: &'c Shared<C>,
    /// Its moment, which was read under its lock; of a verb that reads, about now.
    pub(super) now: Stamp,
    /// How many calls this process has written.
    pub(super) calls: &'c AtomicI64,
}

type Done<T> = Result<T, Fault>;

impl<C: Clock> Tables for Transaction<'_, C> {
    type Fault = Fault;

    fn now(&self) -> Stamp {
        self.now
    }

    fn utc(&self) -> Timestamp {
        self.shared.clock.utc()
    }

    fn timing(&self) -> &Timing {
        &self.shared.timing
    }

    async fn insert_draft(&mut self) -> Done<CampaignId> {
        let now = self.utc();
        sql::insert_draft(self.session, now).await
    }

    async fn draft_rows(&mut self, draft: CampaignId) -> Done<Option<i64>> {
        sql::draft_rows(self.session, draft).await
    }

    async fn append(&mut self, draft: CampaignId, there: i64, rows: &[NewRow]) -> Done<()> {
        sql::append(self.session, draft, there, rows).await
    }

    async fn lay_waves(&mut self, draft: CampaignId, chosen: &[Seq], sizes: &[u64]) -> Done<()> {
        sql::lay_waves(self.session, draft, chosen, sizes).await
    }

    async fn confirm(
        &mut self,
        draft: CampaignId,
        opening: &Opening,
        budgets: CampaignBudgets,
    ) -> Done<()> {
        let now = self.utc();
        sql::confirm(self.session, draft, opening, budgets, now).await
    }

    async fn queue_drafts(&mut self, campaign: CampaignId) -> Done<()> {
        sql::queue_drafts(self.session, campaign).await
    }

    async fn delete_draft(&mut self, draft: CampaignId) -> Done<()> {
        sql::delete_draft(self.session, draft).await
    }

    async fn campaign(&mut self, campaign: CampaignId) -> Done<Option<Campaign>> {
        sql::campaign(self.session, campaign).await
    }

    async fn campaigns(&mut self, filter: &CampaignFilter) -> Done<Vec<Campaign>> {
        sql::campaigns(self.session, filter).await
    }

    async fn set(&mut self, campaign: CampaignId, change: CampaignChange) -> Done<bool> {
        sql::set(self.session, campaign, change).await
    }

    async fn set_quotas(&mut self, campaign: CampaignId, quotas: &[Quota]) -> Done<()> {
        sql::set_quotas(self.session, campaign, quotas).await
    }

    async fn set_process(&mut self, process: &str, seen_at: Timestamp) -> Done<()> {
        sql::set_process(self.session, process, seen_at).await
    }

    async fn processes(&mut self) -> Done<BTreeMap<String, Timestamp>> {
        sql::processes(self.session).await
    }

    async fn looks(&mut self, campaigns: &[CampaignId], now: Stamp) -> Done<Vec<Look>> {
        sql::looks(self.session, campaigns, now).await
    }

    async fn tally(&mut self, campaign: CampaignId) -> Done<Option<Tally>> {
        sql::tally(self.session, campaign).await
    }

    async fn calls(&mut self, campaign: CampaignId) -> Done<Option<u64>> {
        sql::calls(self.session, campaign).await
    }

    async fn row(&mut self, campaign: CampaignId, seq: Seq) -> Done<Option<Device>> {
        sql::device(self.session, campaign, seq).await
    }

    async fn rows(&mut self, campaign: CampaignId, page: Page) -> Done<Vec<Row>> {
        sql::rows(self.session, campaign, page).await
    }

    async fn matching(
        &mut self,
        campaign: CampaignId,
        filter: &RowFilter,
        page: Page,
    ) -> Done<Vec<Row>> {
        sql::matching(self.session, campaign, filter, page).await
    }

    async fn waiting(&mut self, campaign: CampaignId, after: Seq) -> Done<Vec<Device>> {
        sql::waiting(self.session, campaign, after).await
    }

    async fn expired(&mut self, campaign: CampaignId, now: Stamp) -> Done<Vec<Device>> {
        sql::expired(self.session, campaign, now).await
    }

    async fn to_look_up(
        &mut self,
        campaign: CampaignId,
        limit: usize,
        now: Stamp,
    ) -> Done<Vec<LookUp>> {
        sql::to_look_up(self.session, campaign, now, limit).await
    }

    async fn has_unseen(&mut self, campaign: CampaignId) -> Done<bool> {
        sql::has_unseen(self.session, campaign).await
    }

    async fn last_claim_ends(&mut self, campaign: CampaignId) -> Done<Option<Stamp>> {
        sql::last_claim_ends(self.session, campaign).await
    }

    async fn first_claim_ends(&mut self, campaign: CampaignId) -> Done<Option<Stamp>> {
        sql::first_claim_ends(self.session, campaign).await
    }

    async fn remove_rows(&mut self, campaign: CampaignId) -> Done<u64> {
        sql::remove_rows(self.session, campaign).await
    }

    async fn change(&mut self, campaign: CampaignId, change: RowChange) -> Done<()> {
        sql::change(self.session, campaign, &change).await
    }

    async fn change_waiting(&mut self, campaign: CampaignId, changes: &[RowChange]) -> Done<()> {
        sql::change_waiting(self.session, campaign, changes).await
    }

    async fn promote(&mut self, campaign: CampaignId, now: Stamp) -> Done<()> {
        sql::promote(self.session, campaign, now).await
    }

    async fn next_device(
        &mut self,
        campaign: CampaignId,
        wave: u32,
        allow_repeat: bool,
    ) -> Done<Option<Device>> {
        sql::next_device(self.session, campaign, wave, allow_repeat).await
    }

    async fn wake(&mut self, campaign: CampaignId, wave: u32, now: Stamp) -> Done<Wake> {
        sql::wake(self.session, campaign, wave, now).await
    }

    async fn open_in_wave(&mut self, campaign: CampaignId, wave: u32) -> Done<u64> {
        sql::open_in_wave(self.session, campaign, wave).await
    }

    async fn is_wave_open(&mut self, campaign: CampaignId, wave: u32) -> Done<bool> {
        sql::is_wave_open(self.session, campaign, wave).await
    }

    async fn bring_forward(&mut self, campaign: CampaignId, seq: Seq, wave: u32) -> Done<()> {
        sql::bring_forward(self.session, campaign, seq, wave).await
    }

    async fn budget_id(&mut self, budget: &BudgetKey) -> Done<BudgetId> {
        sql::budget_id(self.session, budget).await
    }

    async fn budget(&mut self, budget: &BudgetKey) -> Done<Option<Budget>> {
        sql::budget(self.session, budget).await
    }

    async fn claiming(
        &mut self,
        campaign: CampaignId,
        operation: Operation,
        now: Stamp,
    ) -> Done<Option<Claiming>> {
        sql::claiming(self.session, campaign, operation, now).await
    }

    async fn nth_latest(&mut self, budget: BudgetId, places: &[Nth]) -> Done<Vec<Option<Stamp>>> {
        sql::nth_latest(self.session, budget, places).await
    }

    async fn latest(&mut self, budget: BudgetId, limit: usize) -> Done<Vec<Stamp>> {
        sql::latest(self.session, budget, limit).await
    }

    async fn results(
        &mut self,
        budget: BudgetId,
        waited_for_since: Stamp,
    ) -> Done<BTreeMap<String, u64>> {
        sql::results(self.session, budget, waited_for_since).await
    }

    async fn enter(&mut self, call: NewCall) -> Done<CallId> {
        // The key is this process's to choose, so that it knows it whatever is answered.
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let id = CallId((self.shared.runner << 32) | number);
        sql::enter(self.session, id, &call).await?;
        Ok(id)
    }

    async fn call(&mut self, call: CallId) -> Done<Option<Call>> {
        sql::call(self.session, call).await
    }

    async fn read_call(&mut self, call: CallId) -> Done<Option<ReadCall>> {
        sql::read_call(self.session, call).await
    }

    async fn may_lack_calls(&mut self) -> Done<bool> {
        Ok(sql::epoch(self.session, false).await?.number > 0)
    }

    async fn settle(&mut self, settling: Settling) -> Done<()> {
        sql::settle(self.session, &settling).await
    }

    async fn set_begun(&mut self, campaign: CampaignId, begun: &Begun) -> Done<()> {
        sql::set_begun(self.session, campaign, begun).await
    }

    async fn begun(&mut self, campaign: CampaignId) -> Done<Option<Begun>> {
        sql::begun(self.session, campaign).await
    }

    async fn note_happening(&mut self, campaign: CampaignId, happening: &Happening) -> Done<()> {
        sql::note_happening(self.session, campaign, happening).await
    }

    async fn happenings(
        &mut self,
        campaign: CampaignId,
        after: i64,
        limit: usize,
    ) -> Done<Vec<NotedHappening>> {
        sql::happenings(self.session, campaign, after, limit).await
    }

    async fn remove_happenings(&mut self, campaign: CampaignId) -> Done<()> {
        sql::remove_happenings(self.session, campaign).await
    }

    async fn set_failed_start(&mut self, start: &FailedStart) -> Done<()> {
        sql::set_failed_start(self.session, start).await
    }

    async fn failed_starts(&mut self, since: Date) -> Done<Vec<FailedStart>> {
        sql::failed_starts(self.session, since).await
    }

    async fn remove_failed_starts(&mut self, before: Date) -> Done<()> {
        sql::remove_failed_starts(self.session, before).await
    }

    async fn minutes(&mut self, campaign: CampaignId) -> Done<Vec<Minute>> {
        sql::minutes(self.session, campaign).await
    }

    async fn set_tenant_name(&mut self, name: &TenantName) -> Done<()> {
        sql::set_tenant_name(self.session, name).await
    }

    async fn tenant_named(&mut self, service: &str, domain: &str) -> Done<Option<String>> {
        sql::tenant_named(self.session, service, domain).await
    }
}
