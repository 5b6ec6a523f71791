//! A store over any database: each verb of `Store`, as a transaction that reads or one that writes.
//! What a verb does in it stands beside this file.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::database::Database;
use super::known::{known, set, tally};
use super::{alive, cancel, claims, drafts, journal, prune, rows, waves};
use crate::clock::Clock;
use crate::domain::hold::NotYet;
use crate::domain::service::{id_of, service_of};
use crate::domain::{
    Action, Begun, BudgetKey, BudgetState, CallId, CalledOff, Campaign, CampaignFilter, CampaignId,
    Cancellation, FailedStart, Finding, Happening, Judged, LastRun, Look, LookUp, Minute, NewRow,
    NotedHappening, Opened, Opening, Priority, Quota, Row, RowFilter, Seq, Settled, Settlement,
    Stamp, Tally, Usage, WaveStand,
};
use crate::store::tables::{CampaignChange, Page, Subject, Tables, TenantName};
use crate::store::{ClaimAnswer, ReadAnswer, ReadSettlement, Result, Store};

impl<D: Database> Store for D {
    type Clock = D::Clock;

    fn clock(&self) -> &D::Clock {
        Database::clock(self)
    }

    fn place(&self) -> String {
        Database::place(self)
    }

    fn is_asked_again(&self, again: bool) {
        Database::is_asked_again(self, again);
    }

    async fn draft(&self) -> Result<CampaignId> {
        self.write("beginning a draft", Subject::Alone, |tables| Box::pin(tables.insert_draft()))
            .await
    }

    async fn append(&self, draft: CampaignId, rows: Vec<NewRow>) -> Result<()> {
        let rows: Vec<NewRow> = rows.into_iter().map(NewRow::storable).collect();
        self.write("appending rows", Subject::Draft(draft), move |tables| {
            Box::pin(async move { drafts::append(tables, draft, &rows).await })
        })
        .await
    }

    async fn lay_chosen(&self, draft: CampaignId, chosen: &[Seq], sizes: &[u64]) -> Result<()> {
        let (chosen, sizes) = (chosen.to_vec(), sizes.to_vec());
        self.write("dealing a list into waves", Subject::Draft(draft), move |tables| {
            Box::pin(async move { drafts::lay_waves(tables, draft, &chosen, &sizes).await })
        })
        .await
    }

    async fn open(&self, draft: CampaignId, opening: Opening) -> Result<Opened> {
        self.write("confirming a campaign", Subject::Draft(draft), move |tables| {
            Box::pin(async move { drafts::open(tables, draft, &opening).await })
        })
        .await
    }

    async fn discard(&self, draft: CampaignId) -> Result<()> {
        self.write("deleting a draft", Subject::Draft(draft), move |tables| {
            Box::pin(tables.delete_draft(draft))
        })
        .await
    }

    async fn join(&self, campaign: CampaignId, quotas: Vec<Quota>) -> Result<()> {
        self.check(campaign).await?;
        self.write("joining a campaign", Subject::Campaign(campaign), move |tables| {
            Box::pin(async move { drafts::join(tables, campaign, &quotas).await })
        })
        .await
    }

    async fn campaign(&self, campaign: CampaignId) -> Result<Option<Campaign>> {
        let what = "looking for a campaign";
        self.read(what, move |tables| Box::pin(alive::campaign(tables, campaign))).await
    }

    async fn select(&self, filter: &CampaignFilter) -> Result<Vec<Campaign>> {
        let filter = filter.clone();
        self.read("listing campaigns", move |tables| {
            Box::pin(async move { alive::campaigns(tables, &filter).await })
        })
        .await
    }

    async fn tally(&self, campaign: CampaignId) -> Result<Tally> {
        self.read("counting rows", move |tables| Box::pin(tally(tables, campaign))).await
    }

    async fn rows(&self, campaign: CampaignId, after: Seq, limit: usize) -> Result<Vec<Row>> {
        let page = Page { after, limit, attempts: 0 };
        self.read("reading rows", move |tables| Box::pin(rows::rows(tables, campaign, page))).await
    }

    async fn asked(&self, campaign: CampaignId, after: Seq, limit: usize) -> Result<Vec<Row>> {
        let page = Page { after, limit, attempts: 1 };
        self.read("reading rows", move |tables| Box::pin(rows::rows(tables, campaign, page))).await
    }

    async fn matching(
        &self,
        campaign: CampaignId,
        filter: &RowFilter,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Row>> {
        let (page, filter) = (Page { after, limit, attempts: 0 }, filter.clone());
        self.read("looking for rows", move |tables| {
            Box::pin(async move { rows::matching(tables, campaign, &filter, page).await })
        })
        .await
    }

    async fn peek(
        &self,
        campaign: CampaignId,
        pending: usize,
    ) -> Result<std::result::Result<(), NotYet>> {
        let what = "asking for the limit";
        let peek = self.read(what, move |tables| Box::pin(claims::peek(tables, campaign, pending)));
        Ok(peek.await?.map_or(Ok(()), Err))
    }

    async fn claim(&self, campaign: CampaignId, allow_repeat: bool) -> Result<ClaimAnswer> {
        self.write("claiming a device", Subject::Campaign(campaign), move |tables| {
            Box::pin(claims::claim(tables, campaign, allow_repeat))
        })
        .await
    }

    async fn settle(&self, call: CallId, settlement: Settlement) -> Result<Settled> {
        self.write("writing an answer", Subject::Call(call), move |tables| {
            Box::pin(async move { journal::settle(tables, call, &settlement).await })
        })
        .await
    }

    async fn claim_read(&self, campaign: CampaignId) -> Result<ReadAnswer> {
        self.write(
            "claiming a look at the list of actions",
            Subject::Looks(campaign),
            move |tables| Box::pin(claims::claim_read(tables, campaign)),
        )
        .await
    }

    async fn claim_on(&self, budget: &BudgetKey, quotas: Vec<Quota>) -> Result<ReadAnswer> {
        let budget = budget.clone();
        self.write("claiming a call", Subject::Budget(budget.clone()), move |tables| {
            Box::pin(async move { claims::claim_on(tables, &budget, &quotas).await })
        })
        .await
    }

    async fn settle_read(&self, call: CallId, settlement: ReadSettlement) -> Result<BudgetState> {
        self.write("writing a look at the list of actions", Subject::Call(call), move |tables| {
            Box::pin(async move { journal::settle_read(tables, call, &settlement).await })
        })
        .await
    }

    async fn expire(&self, campaign: CampaignId) -> Result<u64> {
        // What an idle run asks every few seconds is read, and neither waits for who writes nor
        // makes others wait.
        let what = "giving up late answers";
        let is_due = self.read(what, move |tables| Box::pin(rows::has_expired(tables, campaign)));
        if !is_due.await? {
            return Ok(0);
        }
        self.write(what, Subject::Campaign(campaign), move |tables| {
            Box::pin(rows::expire(tables, campaign))
        })
        .await
    }

    async fn in_flight_until(&self, campaign: CampaignId) -> Result<Option<Stamp>> {
        self.read("looking for calls in flight", move |tables| {
            Box::pin(tables.last_claim_ends(campaign))
        })
        .await
    }

    async fn to_look_up(&self, campaign: CampaignId, limit: usize) -> Result<Vec<LookUp>> {
        self.read("looking for doubtful devices", move |tables| {
            let now = tables.now();
            Box::pin(tables.to_look_up(campaign, limit, now))
        })
        .await
    }

    async fn looked_up(
        &self,
        campaign: CampaignId,
        findings: Vec<Finding>,
    ) -> Result<Vec<Settled>> {
        self.write("writing what was looked up", Subject::Campaign(campaign), move |tables| {
            Box::pin(async move { rows::looked_up(tables, campaign, &findings).await })
        })
        .await
    }

    async fn note_contact(&self, campaign: CampaignId, date: Timestamp) -> Result<()> {
        self.write("noting the server's time", Subject::Campaign(campaign), move |tables| {
            Box::pin(rows::note_contact(tables, campaign, date))
        })
        .await
    }

    async fn reopen(&self, campaign: CampaignId, refused: Vec<(Seq, u32)>) -> Result<u64> {
        self.write("queueing devices again", Subject::Campaign(campaign), move |tables| {
            Box::pin(async move { rows::reopen(tables, campaign, &refused).await })
        })
        .await
    }

    async fn note_actions(&self, campaign: CampaignId, seen: Vec<(Seq, Action)>) -> Result<u64> {
        self.write("noting how far scans are", Subject::Campaign(campaign), move |tables| {
            Box::pin(async move { rows::note_actions(tables, campaign, &seen).await })
        })
        .await
    }

    async fn set_paused(&self, campaign: CampaignId, paused: bool) -> Result<()> {
        self.write("pausing a campaign", Subject::Campaign(campaign), move |tables| {
            Box::pin(set(tables, campaign, CampaignChange::Paused(paused)))
        })
        .await
    }

    async fn set_priority(&self, campaign: CampaignId, priority: Priority) -> Result<()> {
        self.write("setting a campaign's priority", Subject::Campaign(campaign), move |tables| {
            Box::pin(set(tables, campaign, CampaignChange::Priority(priority)))
        })
        .await
    }

    async fn engage(&self, campaign: CampaignId) -> Result<()> {
        let what = "telling that a runner is at work";
        let there = self.read(what, move |tables| Box::pin(known(tables, campaign))).await?;
        if there.priority == Priority::Normal {
            // One of normal priority makes nobody wait.
            return Ok(());
        }
        self.write(what, Subject::Campaign(campaign), move |tables| {
            Box::pin(waves::engage(tables, campaign))
        })
        .await
    }

    async fn wave_open(&self, campaign: CampaignId) -> Result<u64> {
        self.read("counting what a wave has open", move |tables| {
            Box::pin(waves::wave_open(tables, campaign))
        })
        .await
    }

    async fn end_wave(&self, campaign: CampaignId) -> Result<WaveStand> {
        let what = "looking whether a wave is over";
        let stand = self.read(what, move |tables| Box::pin(waves::stand(tables, campaign))).await?;
        if let Some(stand) = stand {
            return Ok(stand);
        }
        self.write(what, Subject::Campaign(campaign), move |tables| {
            Box::pin(waves::end_wave(tables, campaign))
        })
        .await
    }

    async fn judge_wave(&self, campaign: CampaignId, wave: u32, judged: Judged) -> Result<bool> {
        self.write("judging a wave", Subject::Campaign(campaign), move |tables| {
            Box::pin(waves::judge_wave(tables, campaign, wave, judged))
        })
        .await
    }

    async fn open_wave(&self, campaign: CampaignId, from: u32) -> Result<bool> {
        self.write("opening a wave", Subject::Campaign(campaign), move |tables| {
            Box::pin(waves::open_wave(tables, campaign, from))
        })
        .await
    }

    async fn call_off(&self, campaign: CampaignId) -> Result<CalledOff> {
        self.write("calling a campaign off", Subject::Campaign(campaign), move |tables| {
            Box::pin(cancel::call_off(tables, campaign))
        })
        .await
    }

    async fn hand_on(&self, campaign: CampaignId) -> Result<CalledOff> {
        self.write("handing a campaign on", Subject::Campaign(campaign), move |tables| {
            Box::pin(cancel::hand_on(tables, campaign))
        })
        .await
    }

    async fn note_cancelled(&self, campaign: CampaignId, done: Vec<Cancellation>) -> Result<u64> {
        self.write("noting what was cancelled", Subject::Campaign(campaign), move |tables| {
            Box::pin(async move { cancel::note_cancelled(tables, campaign, &done).await })
        })
        .await
    }

    async fn note_run(&self, campaign: CampaignId, run: LastRun) -> Result<()> {
        self.write("noting how a run went", Subject::Campaign(campaign), move |tables| {
            Box::pin(alive::note_run(tables, campaign, run))
        })
        .await
    }

    async fn pulse(&self, process: &str, campaigns: &[CampaignId]) -> Result<Vec<Look>> {
        let (process, campaigns) = (process.to_owned(), campaigns.to_vec());
        let at = Database::clock(self).shared_utc();
        self.write("telling that a process lives", Subject::Alone, move |tables| {
            Box::pin(async move { alive::pulse(tables, &process, &campaigns, at).await })
        })
        .await
    }

    async fn finish(&self, campaign: CampaignId) -> Result<bool> {
        let what = "finishing a campaign";
        if self.read(what, move |tables| Box::pin(rows::is_open(tables, campaign))).await? {
            return Ok(false);
        }
        self.write(what, Subject::Campaign(campaign), move |tables| {
            Box::pin(rows::finish(tables, campaign))
        })
        .await
    }

    async fn prune(&self, campaign: CampaignId, before: Timestamp) -> Result<Option<u64>> {
        self.write("pruning a campaign", Subject::Campaign(campaign), move |tables| {
            Box::pin(prune::prune(tables, campaign, before))
        })
        .await
    }

    async fn usage(&self, budget: &BudgetKey, latest: usize) -> Result<Usage> {
        let budget = budget.clone();
        self.read("reading the journal", move |tables| {
            Box::pin(async move { journal::usage(tables, &budget, latest).await })
        })
        .await
    }

    async fn results(&self, budget: &BudgetKey) -> Result<BTreeMap<String, u64>> {
        let budget = budget.clone();
        self.read("counting calls by their results", move |tables| {
            Box::pin(async move { journal::results(tables, &budget).await })
        })
        .await
    }

    async fn note_tenant(&self, service: &str, domain: &str, tenant: &str) -> Result<()> {
        let (service, domain) = (service_of(service), id_of(domain));
        let name = TenantName { service, domain, tenant: id_of(tenant) };
        self.write("writing a tenant's id", Subject::Alone, move |tables| {
            Box::pin(async move { tables.set_tenant_name(&name).await })
        })
        .await
    }

    async fn note_failed_starts(&self, starts: Vec<FailedStart>) -> Result<()> {
        let starts: Vec<FailedStart> = starts.into_iter().map(FailedStart::storable).collect();
        self.write("writing that starts came to nothing", Subject::Alone, move |tables| {
            Box::pin(async move { rows::note_failed_starts(tables, &starts).await })
        })
        .await
    }

    async fn failed_starts(&self, since: Date) -> Result<Vec<FailedStart>> {
        self.read("reading the starts that came to nothing", move |tables| {
            Box::pin(tables.failed_starts(since))
        })
        .await
    }

    async fn begun(&self, campaign: CampaignId) -> Result<Option<Begun>> {
        self.read("reading what a campaign was begun with", move |tables| {
            Box::pin(tables.begun(campaign))
        })
        .await
    }

    async fn set_begun(&self, campaign: CampaignId, begun: Begun) -> Result<()> {
        self.write(
            "writing what a campaign is run with",
            Subject::Campaign(campaign),
            move |tables| {
                Box::pin(async move {
                    known(tables, campaign).await?;
                    tables.set_begun(campaign, &begun).await
                })
            },
        )
        .await
    }

    async fn note_happening(&self, campaign: CampaignId, happening: Happening) -> Result<()> {
        self.write("noting what happened", Subject::Campaign(campaign), move |tables| {
            Box::pin(async move { rows::note_happening(tables, campaign, &happening).await })
        })
        .await
    }

    async fn happenings(
        &self,
        campaign: CampaignId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<NotedHappening>> {
        self.read("reading what happened", move |tables| {
            Box::pin(tables.happenings(campaign, after, limit))
        })
        .await
    }

    async fn minutes(&self, campaign: CampaignId) -> Result<Vec<Minute>> {
        self.read("reading the minutes of a campaign", move |tables| {
            Box::pin(tables.minutes(campaign))
        })
        .await
    }

    async fn tenant_named(&self, service: &str, domain: &str) -> Result<Option<String>> {
        let (service, domain) = (service_of(service), id_of(domain));
        self.read("looking for a tenant's id", move |tables| {
            Box::pin(async move { tables.tenant_named(&service, &domain).await })
        })
        .await
    }

    async fn calls(&self, campaign: CampaignId) -> Result<u64> {
        self.read("counting calls", move |tables| Box::pin(rows::calls(tables, campaign))).await
    }
}
