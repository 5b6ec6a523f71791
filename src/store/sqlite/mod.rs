//! The store in one SQLite file: the default, for any number of processes on one host. One task
//! writes (`writer`), a pool reads. It decides nothing: the rule, the life of a device and what an
//! answer writes are `domain`'s; all SQL is in `sql`.

mod boot;
mod cancel;
mod fault;
mod files;
mod log;
mod open;
mod opening;
mod ops;
mod place;
mod sql;
mod usage;
mod waves;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::{Connection, Sqlite, SqliteConnection, SqlitePool};

pub use boot::Boot;
pub use open::Syncing;

use super::{ClaimAnswer, NotYet, ReadAnswer, ReadSettlement, Result, Store, StoreError};
use crate::clock::{Clock, SystemClock};
use crate::domain::service::{id_of, service_of};
use crate::domain::settle::Settlement;
use crate::domain::{
    Action, BudgetKey, BudgetState, CallId, CalledOff, Campaign, CampaignId, CampaignName,
    Cancellation, Finding, Judged, LastRun, LookUp, NewRow, Opened, Opening, Operation, Priority,
    Quota, Row, Seq, Settled, Stamp, Tally, Timing, Usage, WaveStand,
};
use fault::Fault;
use writer::{Work, Writer};

/// A store in a SQLite file.
#[derive(Debug)]
pub struct SqliteStore<C = SystemClock> {
    path: PathBuf,
    shared: Arc<Shared<C>>,
    readers: SqlitePool,
    /// Nothing in a store that is only read.
    writer: Option<Writer>,
}

/// What the verbs need beside the database.
#[derive(Debug)]
struct Shared<C> {
    clock: C,
    timing: Timing,
    /// The start of the machine that the clock belongs to, where the store keeps its offset.
    boot: Option<String>,
}

impl<C: Clock> SqliteStore<C> {
    /// Opens the store in this file on a clock of the caller's, for tests.
    ///
    /// # Errors
    /// As `open`.
    pub async fn open_with_clock(path: impl AsRef<Path>, timing: Timing, clock: C) -> Result<Self> {
        let path = files::real(path.as_ref());
        let conn = open::for_writing(&path, Syncing::Full).await?;
        Self::over(&path, conn, Shared { clock, timing, boot: None }).await
    }

    /// Opens the store at this start of the machine on a clock that is made from the offset that
    /// the store keeps for it.
    ///
    /// # Errors
    /// As `open`.
    pub async fn open_with_offset(
        path: impl AsRef<Path>,
        timing: Timing,
        boot: &Boot,
        clock: impl FnOnce(i64) -> C,
    ) -> Result<Self> {
        Self::open_as(path.as_ref(), timing, boot.clone(), Syncing::Full, clock).await
    }

    async fn open_as(
        path: &Path,
        timing: Timing,
        boot: Boot,
        syncing: Syncing,
        clock: impl FnOnce(i64) -> C,
    ) -> Result<Self> {
        let path = files::real(path);
        let conn = open::for_writing(&path, syncing).await?;
        let (file, id) = (files::real(&path), boot.id.clone());
        let settled = open::alone(&path, conn, move |conn| {
            Box::pin(async move {
                place::settle(conn, &file).await?;
                boot::settle_offset(conn, &boot).await
            })
        });
        let (conn, offset) = settled.await?;
        let shared = Shared { clock: clock(offset), timing, boot: Some(id) };
        Self::over(&path, conn, shared).await
    }

    async fn over(path: &Path, conn: SqliteConnection, shared: Shared<C>) -> Result<Self> {
        let (now, stamp) = (shared.clock.utc(), shared.clock.now());
        let tidy = open::alone(path, conn, move |conn| {
            Box::pin(async move { open::drop_what_is_old(conn, now, stamp).await })
        });
        let (conn, ()) = tidy.await?;
        let shared = Arc::new(shared);
        let readers = open::readers(path);
        let writer = Some(Writer::start(conn));
        Ok(Self { path: path.to_owned(), shared, readers, writer })
    }

    /// Writes everything back into the one file and lets go of it. Verbs that come later fail. A
    /// store that is not closed loses nothing.
    ///
    /// # Errors
    /// `Failed` if the disk fails; what was answered before is durable all the same.
    pub async fn close(&self) -> Result<()> {
        self.readers.close().await;
        match &self.writer {
            Some(writer) => writer.close().await,
            None => Ok(()),
        }
    }

    async fn page(
        &self,
        campaign: CampaignId,
        attempt: u32,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Row>> {
        let what = "reading rows";
        let mut conn = self.reader(what).await?;
        let read = async {
            let rows = sql::rows(&mut conn, campaign, attempt, after, limit).await?;
            if rows.is_empty() && !sql::exists(&mut conn, campaign).await? {
                return Err(ops::unknown_campaign());
            }
            Ok(rows)
        };
        read.await.map_err(|fault| told(what, fault))
    }

    /// Commits so far by this process; several verbs share one.
    pub fn commits(&self) -> u64 {
        self.writer.as_ref().map_or(0, Writer::commits)
    }

    /// Where a campaign's rows stand, counted one by one: what `tally` must always equal.
    ///
    /// # Errors
    /// As every verb.
    pub async fn recount(&self, campaign: CampaignId) -> Result<Tally> {
        let what = "counting rows";
        sql::counted(&mut *self.reader(what).await?, campaign).await.map_err(|f| told(what, f))
    }

    /// Whether all that the next call would go by is whole. It looks at every row, so a runner asks
    /// once, and in a snapshot that holds nobody up.
    async fn audit(&self, campaign: CampaignId) -> Result<()> {
        let what = "checking the campaign";
        let mut conn = self.reader(what).await?;
        let whole = async {
            let mut snapshot = conn.begin().await?;
            sql::audit(&mut snapshot, campaign).await?;
            Ok(snapshot.rollback().await?)
        };
        whole.await.map_err(|fault| told(what, fault))
    }

    async fn reader(&self, what: &'static str) -> Result<PoolConnection<Sqlite>> {
        self.readers.acquire().await.map_err(|error| told(what, Fault::Sql(error)))
    }

    async fn write<T, F>(&self, what: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Arc<Shared<C>>, &'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
    {
        let Some(writer) = &self.writer else {
            return Err(StoreError::Refused(format!(
                "{} was opened for reading alone; nothing was changed",
                self.path.display()
            )));
        };
        let shared = Arc::clone(&self.shared);
        writer.run(what, move |conn| work(shared, conn)).await
    }
}

impl<C: Clock> Store for SqliteStore<C> {
    type Clock = C;

    fn clock(&self) -> &C {
        &self.shared.clock
    }

    fn place(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    async fn draft(&self) -> Result<CampaignId> {
        self.write("beginning a draft", |shared, conn| {
            Box::pin(async move { sql::insert_draft(conn, shared.clock.utc()).await })
        })
        .await
    }

    async fn append(&self, draft: CampaignId, rows: Vec<NewRow>) -> Result<()> {
        self.write("appending rows", move |_, conn| {
            Box::pin(async move { ops::append(conn, draft, &rows).await })
        })
        .await
    }

    async fn lay_chosen(&self, draft: CampaignId, chosen: &[Seq], sizes: &[u64]) -> Result<()> {
        let (chosen, sizes) = (chosen.to_vec(), sizes.to_vec());
        self.write("dealing a list into waves", move |_, conn| {
            Box::pin(async move { waves::lay_waves(conn, draft, &chosen, &sizes).await })
        })
        .await
    }

    async fn open(&self, draft: CampaignId, opening: Opening) -> Result<Opened> {
        self.write("confirming a campaign", move |shared, conn| {
            Box::pin(async move { ops::open(conn, &shared, draft, &opening).await })
        })
        .await
    }

    async fn discard(&self, draft: CampaignId) -> Result<()> {
        self.write("deleting a draft", move |_, conn| {
            Box::pin(async move { sql::delete_draft(conn, draft).await })
        })
        .await
    }

    async fn join(&self, campaign: CampaignId, quotas: Vec<Quota>) -> Result<()> {
        self.audit(campaign).await?;
        self.write("joining a campaign", move |_, conn| {
            Box::pin(async move { ops::join(conn, campaign, &quotas).await })
        })
        .await
    }

    async fn find(&self, name: &CampaignName) -> Result<Option<Campaign>> {
        let what = "looking for a campaign";
        sql::find(&mut *self.reader(what).await?, name).await.map_err(|fault| told(what, fault))
    }

    async fn campaigns(&self) -> Result<Vec<Campaign>> {
        let what = "listing campaigns";
        sql::campaigns(&mut *self.reader(what).await?).await.map_err(|fault| told(what, fault))
    }

    async fn tally(&self, campaign: CampaignId) -> Result<Tally> {
        let what = "counting rows";
        let tally = ops::tally(&mut *self.reader(what).await?, campaign).await;
        tally.map_err(|fault| told(what, fault))
    }

    async fn rows(&self, campaign: CampaignId, after: Seq, limit: usize) -> Result<Vec<Row>> {
        self.page(campaign, 0, after, limit).await
    }

    async fn asked(&self, campaign: CampaignId, after: Seq, limit: usize) -> Result<Vec<Row>> {
        self.page(campaign, 1, after, limit).await
    }

    async fn peek(
        &self,
        campaign: CampaignId,
        pending: usize,
    ) -> Result<std::result::Result<(), NotYet>> {
        let what = "asking for the limit";
        let mut conn = self.reader(what).await?;
        let scan = Operation::Scan;
        let asked = ops::refusal(&mut conn, &self.shared, campaign, scan, pending).await;
        let (_, refusal) = asked.map_err(|fault| told(what, fault))?;
        Ok(refusal.map_or(Ok(()), Err))
    }

    async fn claim(&self, campaign: CampaignId, allow_repeat: bool) -> Result<ClaimAnswer> {
        self.write("claiming a device", move |shared, conn| {
            Box::pin(async move { ops::claim(conn, &shared, campaign, allow_repeat).await })
        })
        .await
    }

    async fn settle(&self, call: CallId, settlement: Settlement) -> Result<Settled> {
        self.write("writing an answer", move |shared, conn| {
            Box::pin(async move { ops::settle(conn, &shared, call, &settlement).await })
        })
        .await
    }

    async fn claim_read(&self, campaign: CampaignId) -> Result<ReadAnswer> {
        self.write("claiming a look at the list of actions", move |shared, conn| {
            Box::pin(async move { ops::claim_read(conn, &shared, campaign).await })
        })
        .await
    }

    async fn claim_on(&self, budget: &BudgetKey, quotas: Vec<Quota>) -> Result<ReadAnswer> {
        let budget = budget.clone();
        self.write("claiming a call", move |shared, conn| {
            Box::pin(async move { ops::claim_on(conn, &shared, &budget, &quotas).await })
        })
        .await
    }

    async fn settle_read(&self, call: CallId, settlement: ReadSettlement) -> Result<BudgetState> {
        self.write("writing a look at the list of actions", move |shared, conn| {
            Box::pin(async move { ops::settle_read(conn, &shared, call, &settlement).await })
        })
        .await
    }

    async fn expire(&self, campaign: CampaignId) -> Result<u64> {
        self.write("giving up late answers", move |shared, conn| {
            Box::pin(async move { ops::expire(conn, &shared, campaign).await })
        })
        .await
    }

    async fn in_flight_until(&self, campaign: CampaignId) -> Result<Option<Stamp>> {
        let what = "looking for calls in flight";
        let until = sql::last_claim_ends(&mut *self.reader(what).await?, campaign).await;
        until.map_err(|fault| told(what, fault))
    }

    async fn to_look_up(&self, campaign: CampaignId, limit: usize) -> Result<Vec<LookUp>> {
        let what = "looking for doubtful devices";
        let now = self.shared.clock.now();
        let due = sql::to_look_up(&mut *self.reader(what).await?, campaign, now, limit).await;
        due.map_err(|fault| told(what, fault))
    }

    async fn looked_up(
        &self,
        campaign: CampaignId,
        findings: Vec<Finding>,
    ) -> Result<Vec<Settled>> {
        self.write("writing what was looked up", move |shared, conn| {
            Box::pin(async move { ops::looked_up(conn, &shared, campaign, &findings).await })
        })
        .await
    }

    async fn reopen(&self, campaign: CampaignId, refused: Vec<(Seq, u32)>) -> Result<u64> {
        self.write("queueing devices again", move |shared, conn| {
            Box::pin(async move { ops::reopen(conn, &shared, campaign, &refused).await })
        })
        .await
    }

    async fn note_actions(&self, campaign: CampaignId, seen: Vec<(Seq, Action)>) -> Result<u64> {
        self.write("noting how far scans are", move |shared, conn| {
            Box::pin(async move { ops::note_actions(conn, &shared, campaign, &seen).await })
        })
        .await
    }

    async fn set_paused(&self, campaign: CampaignId, paused: bool) -> Result<()> {
        self.write("pausing a campaign", move |_, conn| {
            Box::pin(async move { sql::set_paused(conn, campaign, paused).await })
        })
        .await
    }

    async fn set_priority(&self, campaign: CampaignId, priority: Priority) -> Result<()> {
        self.write("setting a campaign's priority", move |_, conn| {
            Box::pin(async move { sql::set_priority(conn, campaign, priority).await })
        })
        .await
    }

    async fn engage(&self, campaign: CampaignId) -> Result<()> {
        self.write("telling that a runner is at work", move |shared, conn| {
            Box::pin(async move { waves::engage(conn, &shared, campaign).await })
        })
        .await
    }

    async fn wave_open(&self, campaign: CampaignId) -> Result<u64> {
        let what = "counting what a wave has open";
        let open = waves::wave_open(&mut *self.reader(what).await?, campaign).await;
        open.map_err(|fault| told(what, fault))
    }

    async fn end_wave(&self, campaign: CampaignId) -> Result<WaveStand> {
        self.write("looking whether a wave is over", move |shared, conn| {
            Box::pin(async move { waves::end_wave(conn, &shared, campaign).await })
        })
        .await
    }

    async fn judge_wave(&self, campaign: CampaignId, wave: u32, judged: Judged) -> Result<bool> {
        self.write("judging a wave", move |_, conn| {
            Box::pin(async move { waves::judge_wave(conn, campaign, wave, &judged).await })
        })
        .await
    }

    async fn open_wave(&self, campaign: CampaignId, from: u32) -> Result<bool> {
        self.write("opening a wave", move |_, conn| {
            Box::pin(async move { waves::open_wave(conn, campaign, from).await })
        })
        .await
    }

    async fn call_off(&self, campaign: CampaignId) -> Result<CalledOff> {
        self.write("calling a campaign off", move |shared, conn| {
            Box::pin(async move { cancel::call_off(conn, &shared, campaign).await })
        })
        .await
    }

    async fn note_cancelled(&self, campaign: CampaignId, done: Vec<Cancellation>) -> Result<u64> {
        self.write("noting what was cancelled", move |shared, conn| {
            Box::pin(async move { cancel::note_cancelled(conn, &shared, campaign, &done).await })
        })
        .await
    }

    async fn note_run(&self, campaign: CampaignId, run: LastRun) -> Result<()> {
        self.write("noting how a run went", move |shared, conn| {
            Box::pin(async move { sql::note_run(conn, campaign, run, &shared.timing).await })
        })
        .await
    }

    async fn finish(&self, campaign: CampaignId) -> Result<bool> {
        self.write("finishing a campaign", move |shared, conn| {
            Box::pin(async move { ops::finish(conn, &shared, campaign).await })
        })
        .await
    }

    async fn usage(&self, budget: &BudgetKey, latest: usize) -> Result<Usage> {
        let what = "reading the journal";
        let mut conn = self.reader(what).await?;
        let usage = usage::read(&mut conn, budget, latest, self.shared.clock.now()).await;
        usage.map_err(|fault| told(what, fault))
    }

    async fn note_tenant(&self, service: &str, domain: &str, tenant: &str) -> Result<()> {
        let name = [service_of(service), id_of(domain), id_of(tenant)];
        self.write("writing a tenant's id", move |_, conn| {
            Box::pin(async move { sql::set_tenant_name(conn, &name).await })
        })
        .await
    }

    async fn tenant_named(&self, service: &str, domain: &str) -> Result<Option<String>> {
        let what = "looking for a tenant's id";
        let (service, domain) = (service_of(service), id_of(domain));
        let found = sql::tenant_named(&mut *self.reader(what).await?, &service, &domain).await;
        found.map_err(|fault| told(what, fault))
    }

    async fn calls(&self, campaign: CampaignId) -> Result<u64> {
        let what = "counting calls";
        let calls = sql::calls(&mut *self.reader(what).await?, campaign).await;
        let calls = calls.and_then(|calls| calls.ok_or_else(ops::unknown_campaign));
        calls.map_err(|fault| told(what, fault))
    }
}

fn told(what: &'static str, fault: Fault) -> StoreError {
    fault.into_store(what)
}
