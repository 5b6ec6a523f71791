//! The store in PostgreSQL, as its callers have it: how it is opened, and how its verbs are tried.
//! The verbs are `store::verbs`'; one try is `inner`'s.
//!
//! A transaction locks one budget's row before it reads anything, and reads the clock after that:
//! what is read with the lock, in one statement, would come from before it. Each transaction writes
//! its number into the row of its connection. If the answer to a COMMIT is lost, the row is asked
//! once the old transaction is over; so every verb is done once or not at all, and its caller
//! knows.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::address::Address;
use super::clock::{ServerClock, SharedClock};
use super::epoch::{self, Durability};
use super::fault::Fault;
use super::inner::{Inner, Tried};
use super::migrate::{self, Schema};
use super::sql;
use super::transaction::Transaction;
use super::upkeep::{drop_what_is_old, show_life};
use crate::domain::{CampaignId, Stamp, Timing};
use crate::store::tables::Subject;
use crate::store::task;
use crate::store::verbs::{Database, Work};
use crate::store::{Result, StoreError};
use crate::system::host;

/// A store in PostgreSQL.
#[derive(Debug)]
pub struct PostgresStore<C: SharedClock = ServerClock> {
    inner: Arc<Inner<C>>,
}

impl PostgresStore<ServerClock> {
    /// Opens the store, and makes its schema if it is missing.
    ///
    /// # Errors
    /// `Refused` if the server cannot hold a store, `OutOfReach` if it cannot be reached.
    pub async fn open(address: Address, timing: Timing) -> Result<Self> {
        Self::open_with_clock(address, timing, ServerClock::default()).await
    }

    /// Opens a store that is there for reading alone: every writing verb is refused, and nothing is
    /// created. Returns `None` if there is no store yet.
    ///
    /// # Errors
    /// As `open`.
    pub async fn open_read_only(address: Address, timing: Timing) -> Result<Option<Self>> {
        let what = "opening the store";
        let clock = ServerClock::default();
        let inner = Inner::over(address, timing, clock).map_err(|fault| told(what, fault))?;
        let shown = inner.place.clone();
        let opened = async {
            let session = inner.first().await?;
            let schema = migrate::found(&session).await?;
            if schema == Schema::Current {
                epoch::begin_clock(&session, &inner.shared.clock).await?;
            }
            Ok(schema)
        };
        match opened.await.map_err(|fault| told(what, fault))? {
            Schema::None => Ok(None),
            Schema::Older => Err(StoreError::Older(shown)),
            Schema::Current => Ok(Some(Self { inner: Arc::new(inner) })),
        }
    }
}

impl<C: SharedClock> PostgresStore<C> {
    /// Opens the store on a clock of the caller's, for tests.
    ///
    /// # Errors
    /// As `open`.
    pub async fn open_with_clock(address: Address, timing: Timing, clock: C) -> Result<Self> {
        let what = "opening the store";
        let opened = async {
            let mut inner = Inner::over(address, timing, clock)?;
            let session = inner.first().await?;
            if migrate::found(&session).await? != Schema::Current {
                migrate::migrate(&session).await?;
            }
            epoch::begin_clock(&session, &inner.shared.clock).await?;
            epoch::check(&session, &inner.shared.clock, &inner.shared.timing, &inner.witness)
                .await?;
            let now = inner.shared.clock.now();
            inner.shared.runner = sql::add_runner(&session, &host::name(), now).await?;
            drop_what_is_old(&session, &inner.shared.clock).await?;
            Ok(Arc::new(inner))
        };
        let inner = opened.await.map_err(|fault| told(what, fault))?;
        tokio::spawn(show_life(Arc::downgrade(&inner)));
        Ok(Self { inner })
    }

    /// Lets go of the store. Verbs that come later fail. A store that is not closed loses nothing.
    ///
    /// # Errors
    /// None that matter: what was answered before is durable.
    pub async fn close(&self) -> Result<()> {
        let inner = &self.inner;
        if !inner.is_closed.swap(true, Ordering::SeqCst)
            && inner.shared.runner != 0
            && let Ok(session) = inner.session().await
        {
            let gone = sql::remove_runners(&session, Stamp::ZERO, Some(inner.shared.runner));
            if let Err(fault) = gone.await {
                tracing::debug!(?fault, "the process stays registered for a while");
            }
        }
        inner.pool.close();
        Ok(())
    }

    /// Where a campaign's rows stand, counted one by one: what `tally` must always equal.
    ///
    /// # Errors
    /// As every verb.
    #[cfg(feature = "testing")]
    pub async fn recount(&self, campaign: CampaignId) -> Result<crate::domain::Tally> {
        let what = "counting rows";
        let counted = async { sql::counted(&*self.inner.session().await?, campaign).await };
        counted.await.map_err(|fault| told(what, fault))
    }

    /// From now on makes a known mistake: a COMMIT whose answer is lost is taken for one that did
    /// not take place.
    #[cfg(feature = "testing")]
    pub fn take_unknown_commits_for_lost(&self) {
        self.inner.takes_unknown_for_lost.store(true, Ordering::Relaxed);
    }

    /// How safe what is committed is, as the server is set.
    ///
    /// # Errors
    /// As every verb.
    pub async fn durability(&self) -> Result<Durability> {
        let what = "asking the server";
        let (inner, declared) = (&self.inner, self.inner.synchronous);
        let found = async { epoch::durability(&*inner.session().await?, declared).await };
        found.await.map_err(|fault| told(what, fault))
    }
}

impl<C: SharedClock> Database for PostgresStore<C> {
    type Clock = C;
    type Fault = Fault;
    type Tables<'c> = Transaction<'c, C>;

    fn clock(&self) -> &C {
        &self.inner.shared.clock
    }

    fn place(&self) -> String {
        self.inner.place.clone()
    }

    fn is_asked_again(&self, again: bool) {
        if again {
            self.inner.asking_again.fetch_add(1, Ordering::Relaxed);
        } else {
            self.inner.asking_again.fetch_sub(1, Ordering::Relaxed);
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
        let inner = Arc::clone(&self.inner);
        task::run(what, async move {
            let mut tried = Tried::default();
            loop {
                match inner.read_once(work.clone()).await {
                    Ok(answer) => return Ok(answer),
                    Err(fault) => inner.once_more(what, &mut tried, fault).await?,
                }
            }
        })
        .await
    }

    async fn write<R, W>(&self, what: &'static str, subject: Subject, work: W) -> Result<R>
    where
        R: Send + 'static,
        W: for<'t, 'c> FnOnce(&'t mut Transaction<'c, C>) -> Work<'t, R, Fault>
            + Clone
            + Send
            + 'static,
    {
        let inner = Arc::clone(&self.inner);
        if inner.is_closed.load(Ordering::SeqCst) {
            return Err(StoreError::Failed { what, why: "the store is closed".to_owned() });
        }
        if inner.shared.runner == 0 {
            let why = format!("{} was opened for reading alone; nothing was changed", inner.place);
            return Err(StoreError::Refused(why));
        }
        task::run(what, async move {
            if let Some(carried) = inner.gathered(what, &subject, work.clone()).await {
                return carried;
            }
            let mut tried = Tried::default();
            loop {
                match inner.write_once(&subject, work.clone()).await {
                    Ok(answer) => return Ok(answer),
                    Err(fault) => inner.once_more(what, &mut tried, fault).await?,
                }
            }
        })
        .await
    }

    /// The server checks its pages itself.
    async fn check(&self, _: CampaignId) -> Result<()> {
        Ok(())
    }
}

fn told(what: &'static str, fault: Fault) -> StoreError {
    fault.into_store(what)
}
