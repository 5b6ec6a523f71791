//! The rows of a SQLite store as the verbs see them. Each of these is one statement or one script
//! of `sql`; nothing is decided here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use sqlx::SqliteConnection;

use super::fault::Fault;
use super::{boot, sql};
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
    /// The start of the machine that the clock belongs to, where the store keeps its offset.
    pub(super) boot: Option<String>,
}

/// One operation on one connection, the writer's or a reader's.
#[derive(Debug)]
pub struct Transaction<'c, C> {
    pub(super) conn: &'c mut SqliteConnection,
    pub(super) shared: &'c Shared<C>,
}

type Done<T> = Result<T, Fault>;

impl<C: Clock> Tables for Transaction<'_, C> {
    type Fault = Fault;

    fn now(&self) -> Stamp {
        self.shared.clock.now()
    }

    fn utc(&self) -> Timestamp {
        self.shared.clock.utc()
    }

    fn timing(&self) -> &Timing {
        &self.shared.timing
    }

    async fn insert_draft(&mut self) -> Done<CampaignId> {
        let now = self.utc();
        sql::insert_draft(self.conn, now).await
    }

    async fn draft_rows(&mut self, draft: CampaignId) -> Done<Option<i64>> {
        sql::draft_rows(self.conn, draft).await
    }

    async fn append(&mut self, draft: CampaignId, there: i64, rows: &[NewRow]) -> Done<()> {
        sql::append(self.conn, draft, there, rows).await
    }

    async fn lay_waves(&mut self, draft: CampaignId, chosen: &[Seq], sizes: &[u64]) -> Done<()> {
        sql::lay_waves(self.conn, draft, chosen, sizes).await
    }

    async fn confirm(
        &mut self,
        draft: CampaignId,
        opening: &Opening,
        budgets: CampaignBudgets,
    ) -> Done<()> {
        let now = self.utc();
        sql::confirm(self.conn, draft, opening, budgets, now).await
    }

    async fn queue_drafts(&mut self, campaign: CampaignId) -> Done<()> {
        sql::queue_drafts(self.conn, campaign).await
    }

    async fn delete_draft(&mut self, draft: CampaignId) -> Done<()> {
        sql::delete_draft(self.conn, draft).await
    }

    async fn campaign(&mut self, campaign: CampaignId) -> Done<Option<Campaign>> {
        sql::campaign(self.conn, campaign).await
    }

    async fn campaigns(&mut self, filter: &CampaignFilter) -> Done<Vec<Campaign>> {
        sql::campaigns(self.conn, filter).await
    }

    async fn set(&mut self, campaign: CampaignId, change: CampaignChange) -> Done<bool> {
        sql::set(self.conn, campaign, change).await
    }

    async fn set_quotas(&mut self, campaign: CampaignId, quotas: &[Quota]) -> Done<()> {
        sql::set_quotas(self.conn, campaign, quotas).await
    }

    async fn set_process(&mut self, process: &str, seen_at: Timestamp) -> Done<()> {
        sql::set_process(self.conn, process, seen_at).await
    }

    async fn processes(&mut self) -> Done<BTreeMap<String, Timestamp>> {
        sql::processes(self.conn).await
    }

    async fn looks(&mut self, campaigns: &[CampaignId], now: Stamp) -> Done<Vec<Look>> {
        sql::looks(self.conn, campaigns, now).await
    }

    async fn tally(&mut self, campaign: CampaignId) -> Done<Option<Tally>> {
        sql::tally(self.conn, campaign).await
    }

    async fn calls(&mut self, campaign: CampaignId) -> Done<Option<u64>> {
        sql::calls(self.conn, campaign).await
    }

    async fn row(&mut self, campaign: CampaignId, seq: Seq) -> Done<Option<Device>> {
        sql::device(self.conn, campaign, seq).await
    }

    async fn rows(&mut self, campaign: CampaignId, page: Page) -> Done<Vec<Row>> {
        sql::rows(self.conn, campaign, page).await
    }

    async fn matching(
        &mut self,
        campaign: CampaignId,
        filter: &RowFilter,
        page: Page,
    ) -> Done<Vec<Row>> {
        sql::matching(self.conn, campaign, filter, page).await
    }

    async fn waiting(&mut self, campaign: CampaignId, after: Seq) -> Done<Vec<Device>> {
        sql::waiting(self.conn, campaign, after).await
    }

    async fn expired(&mut self, campaign: CampaignId, now: Stamp) -> Done<Vec<Device>> {
        sql::expired(self.conn, campaign, now).await
    }

    async fn to_look_up(
        &mut self,
        campaign: CampaignId,
        limit: usize,
        now: Stamp,
    ) -> Done<Vec<LookUp>> {
        sql::to_look_up(self.conn, campaign, now, limit).await
    }

    async fn has_unseen(&mut self, campaign: CampaignId) -> Done<bool> {
        sql::has_unseen(self.conn, campaign).await
    }

    async fn last_claim_ends(&mut self, campaign: CampaignId) -> Done<Option<Stamp>> {
        sql::last_claim_ends(self.conn, campaign).await
    }

    async fn first_claim_ends(&mut self, campaign: CampaignId) -> Done<Option<Stamp>> {
        sql::first_claim_ends(self.conn, campaign).await
    }

    async fn remove_rows(&mut self, campaign: CampaignId) -> Done<u64> {
        sql::remove_rows(self.conn, campaign).await
    }

    async fn change(&mut self, campaign: CampaignId, change: RowChange) -> Done<()> {
        sql::change(self.conn, campaign, &change).await
    }

    async fn change_waiting(&mut self, campaign: CampaignId, changes: &[RowChange]) -> Done<()> {
        sql::change_waiting(self.conn, campaign, changes).await
    }

    async fn promote(&mut self, campaign: CampaignId, now: Stamp) -> Done<()> {
        sql::promote(self.conn, campaign, now).await
    }

    async fn next_device(
        &mut self,
        campaign: CampaignId,
        wave: u32,
        allow_repeat: bool,
    ) -> Done<Option<Device>> {
        sql::next_device(self.conn, campaign, wave, allow_repeat).await
    }

    async fn wake(&mut self, campaign: CampaignId, wave: u32, now: Stamp) -> Done<Wake> {
        sql::wake(self.conn, campaign, wave, now).await
    }

    async fn open_in_wave(&mut self, campaign: CampaignId, wave: u32) -> Done<u64> {
        sql::open_in_wave(self.conn, campaign, wave).await
    }

    async fn is_wave_open(&mut self, campaign: CampaignId, wave: u32) -> Done<bool> {
        sql::is_wave_open(self.conn, campaign, wave).await
    }

    async fn bring_forward(&mut self, campaign: CampaignId, seq: Seq, wave: u32) -> Done<()> {
        sql::bring_forward(self.conn, campaign, seq, wave).await
    }

    async fn budget_id(&mut self, budget: &BudgetKey) -> Done<BudgetId> {
        sql::budget_id(self.conn, budget).await
    }

    async fn budget(&mut self, budget: &BudgetKey) -> Done<Option<Budget>> {
        sql::budget(self.conn, budget).await
    }

    async fn claiming(
        &mut self,
        campaign: CampaignId,
        operation: Operation,
        now: Stamp,
    ) -> Done<Option<Claiming>> {
        sql::claiming(self.conn, campaign, operation, now).await
    }

    async fn nth_latest(&mut self, budget: BudgetId, places: &[Nth]) -> Done<Vec<Option<Stamp>>> {
        sql::nth_latest(self.conn, budget, places).await
    }

    async fn latest(&mut self, budget: BudgetId, limit: usize) -> Done<Vec<Stamp>> {
        sql::latest(self.conn, budget, limit).await
    }

    async fn results(
        &mut self,
        budget: BudgetId,
        waited_for_since: Stamp,
    ) -> Done<BTreeMap<String, u64>> {
        sql::results(self.conn, budget, waited_for_since).await
    }

    async fn enter(&mut self, call: NewCall) -> Done<CallId> {
        let own = self.shared.boot.as_deref();
        match (sql::enter(self.conn, &call, own).await, own) {
            // Nothing was entered; whose clock it is tells why.
            (Err(fault), Some(own)) => {
                boot::still_owns_the_clock(self.conn, own).await?;
                Err(fault)
            }
            (entered, _) => entered,
        }
    }

    async fn call(&mut self, call: CallId) -> Done<Option<Call>> {
        sql::call(self.conn, call).await
    }

    async fn read_call(&mut self, call: CallId) -> Done<Option<ReadCall>> {
        sql::read_call(self.conn, call).await
    }

    async fn may_lack_calls(&mut self) -> Done<bool> {
        // Nobody restores a file under a process that has it open.
        Ok(false)
    }

    async fn settle(&mut self, settling: Settling) -> Done<()> {
        sql::settle(self.conn, &settling).await
    }

    async fn set_begun(&mut self, campaign: CampaignId, begun: &Begun) -> Done<()> {
        sql::set_begun(self.conn, campaign, begun).await
    }

    async fn begun(&mut self, campaign: CampaignId) -> Done<Option<Begun>> {
        sql::begun(self.conn, campaign).await
    }

    async fn note_happening(&mut self, campaign: CampaignId, happening: &Happening) -> Done<()> {
        sql::note_happening(self.conn, campaign, happening).await
    }

    async fn happenings(
        &mut self,
        campaign: CampaignId,
        after: i64,
        limit: usize,
    ) -> Done<Vec<NotedHappening>> {
        sql::happenings(self.conn, campaign, after, limit).await
    }

    async fn remove_happenings(&mut self, campaign: CampaignId) -> Done<()> {
        sql::remove_happenings(self.conn, campaign).await
    }

    async fn set_failed_start(&mut self, start: &FailedStart) -> Done<()> {
        sql::set_failed_start(self.conn, start).await
    }

    async fn failed_starts(&mut self, since: Date) -> Done<Vec<FailedStart>> {
        sql::failed_starts(self.conn, since).await
    }

    async fn remove_failed_starts(&mut self, before: Date) -> Done<()> {
        sql::remove_failed_starts(self.conn, before).await
    }

    async fn minutes(&mut self, campaign: CampaignId) -> Done<Vec<Minute>> {
        sql::minutes(self.conn, campaign).await
    }

    async fn set_tenant_name(&mut self, name: &TenantName) -> Done<()> {
        sql::set_tenant_name(self.conn, name).await
    }

    async fn tenant_named(&mut self, service: &str, domain: &str) -> Done<Option<String>> {
        sql::tenant_named(self.conn, service, domain).await
    }
}
