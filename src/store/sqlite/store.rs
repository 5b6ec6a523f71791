//! The store in one SQLite file: one task writes (`writer`), a pool reads. How a file is opened is
//! `opening`'s; the verbs are `store::verbs`'.

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::{Connection, Sqlite, SqlitePool};

use super::fault::Fault;
use super::open;
use super::space::Space;
use super::sql;
use super::transaction::{Shared, Transaction};
use super::writer::Writer;
use crate::clock::{Clock, SystemClock};
use crate::domain::CampaignId;
use crate::store::tables::Subject;
use crate::store::task;
use crate::store::verbs::{Database, Work};
use crate::store::{Result, StoreError};

/// A store in a SQLite file.
#[derive(Debug)]
pub struct SqliteStore<C = SystemClock> {
    pub(super) path: PathBuf,
    pub(super) shared: Arc<Shared<C>>,
    pub(super) readers: SqlitePool,
    /// Nothing in a store that is only read.
    pub(super) writer: Option<Writer>,
}

impl<C: Clock> SqliteStore<C> {
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

    /// Commits so far by this process; several verbs share one.
    pub fn commits(&self) -> u64 {
        self.writer.as_ref().map_or(0, Writer::commits)
    }

    /// Where a campaign's rows stand, counted one by one: what `tally` must always equal.
    ///
    /// # Errors
    /// As every verb.
    #[cfg(feature = "testing")]
    pub async fn recount(&self, campaign: CampaignId) -> Result<crate::domain::Tally> {
        let what = "counting rows";
        sql::counted(&mut *self.reader(what).await?, campaign).await.map_err(|f| told(what, f))
    }

    /// How large the file is, and how much of it is free for what comes.
    ///
    /// # Errors
    /// As every verb.
    pub async fn space(&self) -> Result<Space> {
        let what = "measuring the store";
        sql::space(&mut *self.reader(what).await?).await.map_err(|error| told(what, error.into()))
    }

    /// Gives the free space in the file back to the disk. It writes the whole file anew, in one
    /// commit that is there or is not, whatever happens meanwhile; who else writes waits for it.
    ///
    /// # Errors
    /// `Failed` if somebody else writes, or if there is no room for the copy; then nothing changed.
    pub async fn compact(&self) -> Result<()> {
        open::compact(&self.path).await
    }

    async fn reader(&self, what: &'static str) -> Result<PoolConnection<Sqlite>> {
        reader(&self.readers, what).await
    }
}

async fn reader(readers: &SqlitePool, what: &'static str) -> Result<PoolConnection<Sqlite>> {
    readers.acquire().await.map_err(|error| told(what, Fault::Sql(error)))
}

impl<C: Clock> Database for SqliteStore<C> {
    type Clock = C;
    type Fault = Fault;
    type Tables<'c> = Transaction<'c, C>;

    fn clock(&self) -> &C {
        &self.shared.clock
    }

    fn place(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    fn is_asked_again(&self, again: bool) {
        if let Some(writer) = &self.writer {
            writer.is_asked_again(again);
        }
    }

    async fn read<R, W>(&self, what: &'static str, work: W) -> Result<R>
    where
        R: Send + 'static,
        W: for<'t, 'c> FnOnce(&'t mut Transaction<'c, C>) -> Work<'t, R, Fault>
            + Clone
            + Send
            + 'static,
    {
        let (readers, shared) = (self.readers.clone(), Arc::clone(&self.shared));
        task::run(what, async move {
            let mut conn = reader(&readers, what).await?;
            let mut tables = Transaction { conn: &mut conn, shared: &shared };
            work(&mut tables).await.map_err(|fault| told(what, fault))
        })
        .await
    }

    /// One task writes, so that nobody need lock anything.
    async fn write<R, W>(&self, what: &'static str, _: Subject, work: W) -> Result<R>
    where
        R: Send + 'static,
        W: for<'t, 'c> FnOnce(&'t mut Transaction<'c, C>) -> Work<'t, R, Fault>
            + Clone
            + Send
            + 'static,
    {
        let Some(writer) = &self.writer else {
            return Err(StoreError::Refused(format!(
                "{} was opened for reading alone; nothing was changed",
                self.path.display()
            )));
        };
        let shared = Arc::clone(&self.shared);
        let run = writer.run(what, move |conn| {
            Box::pin(async move {
                let mut tables = Transaction { conn, shared: &shared };
                work(&mut tables).await
            })
        });
        run.await
    }

    /// It reads in a snapshot that holds nobody up.
    async fn check(&self, campaign: CampaignId) -> Result<()> {
        let what = "checking the campaign";
        let mut conn = self.reader(what).await?;
        let whole = async {
            let mut snapshot = conn.begin().await?;
            sql::audit(&mut snapshot, campaign).await?;
            Ok(snapshot.rollback().await?)
        };
        whole.await.map_err(|fault| told(what, fault))
    }
}

/// The error for the caller who was doing `what`.
pub(super) fn told(what: &'static str, fault: Fault) -> StoreError {
    fault.into_store(what)
}
