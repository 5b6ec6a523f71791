//! What all tasks of a store in PostgreSQL share, and one try of a verb: how a transaction is
//! begun, locked, dated and committed. How often a verb is tried is said here too; the verbs are
//! `store::verbs`'.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Object, Pool, PoolError, Timeouts};

use super::address::Address;
use super::clock::SharedClock;
use super::epoch::{self, Witness};
use super::fault::{Fault, Remedy};
use super::gather::Gathering;
use super::session::{Session, Sessions, refuse_poolers};
use super::sql::{self, BEGIN};
use super::transaction::{Shared, Transaction};
use crate::domain::Timing;
use crate::store::tables::Subject;
use crate::store::verbs::Work;
use crate::store::{Result, StoreError};

type Done<T> = std::result::Result<T, Fault>;

/// Connections of one process: one budget is written by one transaction at a time, and a server has
/// a process for each.
const CONNECTIONS: usize = 8;

/// How long a verb waits for one of them.
const FREE_WITHIN: Duration = Duration::from_secs(30);

/// How often a transaction that was undone is run again.
const AGAIN: u32 = 5;

/// How long a server that is away is waited for in a verb, where nobody asks again by himself: as
/// long as a failover takes. Tries themselves come on top.
const WAITED_FOR: Duration = Duration::from_secs(30);

/// First pause before a server that is away is asked about a COMMIT again, and the longest one.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How often a verb was tried, and how long a server that is away was waited for.
#[derive(Debug, Default)]
pub(super) struct Tried {
    times: u32,
    waited: Duration,
}

/// What all tasks of a store share.
#[derive(Debug)]
pub(super) struct Inner<C> {
    pub(super) pool: Pool<Sessions>,
    pub(super) place: String,
    pub(super) synchronous: bool,
    pub(super) shared: Shared<C>,
    pub(super) witness: Witness,
    /// Writes that wait to be carried together.
    pub(super) gathering: Gathering<C>,
    /// The last call of this process, by its number.
    pub(super) calls: AtomicI64,
    /// A commit was acknowledged before the standby had it.
    pub(super) is_alone: AtomicBool,
    pub(super) is_closed: AtomicBool,
    /// How many ask again by themselves what is out of reach.
    pub(super) asking_again: AtomicUsize,
    /// A known mistake, which tests play: a COMMIT of unknown outcome is taken for lost.
    #[cfg(feature = "testing")]
    pub(super) takes_unknown_for_lost: AtomicBool,
}

impl<C: SharedClock> Inner<C> {
    pub(super) fn over(address: Address, timing: Timing, clock: C) -> Done<Self> {
        let (place, synchronous) = (address.to_string(), address.synchronous);
        let timeouts = Timeouts { wait: Some(FREE_WITHIN), create: None, recycle: None };
        let pool = Pool::builder(Sessions { address }).max_size(CONNECTIONS).timeouts(timeouts);
        let pool = pool.runtime(Runtime::Tokio1).build();
        let pool = pool.map_err(|error| Fault::NoConnection(error.to_string()))?;
        let (is_alone, is_closed) = (AtomicBool::new(false), AtomicBool::new(false));
        let (witness, calls) = (Witness::default(), AtomicI64::new(0));
        let asking_again = AtomicUsize::new(0);
        let shared = Shared { clock, timing, runner: 0 };
        Ok(Self {
            pool,
            place,
            synchronous,
            shared,
            witness,
            gathering: Gathering::default(),
            calls,
            is_alone,
            is_closed,
            asking_again,
            #[cfg(feature = "testing")]
            takes_unknown_for_lost: AtomicBool::new(false),
        })
    }

    /// A connection to a server that was not yet compared with the truth that the store knows.
    pub(super) async fn connect(&self) -> Done<Object<Sessions>> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(fault) => fault,
            PoolError::Closed => Fault::Store(StoreError::Failed {
                what: "asking the store",
                why: "the store is closed".to_owned(),
            }),
            PoolError::Timeout(_) => {
                Fault::NoConnection("all connections to it are in use".to_owned())
            }
            PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                Fault::NoConnection("no connection can be made".to_owned())
            }
        })
    }

    /// The first connection, after a look at what stands between this process and the server.
    pub(super) async fn first(&self) -> Done<Object<Sessions>> {
        let (first, second) = (self.connect().await?, self.connect().await?);
        refuse_poolers(&first, &second).await?;
        Ok(first)
    }

    /// A connection.
    pub(super) async fn session(&self) -> Done<Object<Sessions>> {
        let mut session = self.connect().await?;
        if !session.is_checked {
            if self.shared.runner != 0 {
                epoch::check(&session, &self.shared.clock, &self.shared.timing, &self.witness)
                    .await?;
            }
            session.is_checked = true;
        }
        Ok(session)
    }

    /// After a fault that left nothing behind: returns if it is worth one more try, since others
    /// were in the way, since a connection was used that had died, or since the server may come
    /// back and nobody else asks again.
    pub(super) async fn once_more(
        &self,
        what: &'static str,
        tried: &mut Tried,
        fault: Fault,
    ) -> Result<()> {
        let Tried { times, waited } = tried;
        let asks_once = self.asking_again.load(Ordering::Relaxed) == 0;
        match fault.remedy() {
            Remedy::Again if *times < AGAIN => {
                let pause = Duration::from_millis(fastrand::u64(1..20 << *times));
                tokio::time::sleep(pause).await;
            }
            Remedy::Wait(_) if *times == 0 && matches!(fault, Fault::Sql(_)) => {
                // A server that was started again has dropped all of them.
                self.pool.retain(|_, _| false);
            }
            Remedy::Wait(_) if asks_once && *waited < WAITED_FOR => {
                let pause = ASK_AGAIN.0 * 2_u32.pow((*times).min(5));
                tokio::time::sleep(pause).await;
                *waited += pause;
            }
            _ => return Err(fault.into_store(what)),
        }
        *times += 1;
        Ok(())
    }

    pub(super) async fn read_once<R, W>(&self, work: W) -> Done<R>
    where
        W: for<'t, 'c> FnOnce(&'t mut Transaction<'c, C>) -> Work<'t, R, Fault> + Send,
    {
        let session = self.session().await?;
        let now = self.shared.clock.now();
        let (shared, calls) = (&self.shared, &self.calls);
        let done = work(&mut Transaction { session: &session, shared, now, calls }).await;
        if matches!(done, Err(Fault::TimedOut)) {
            drop(Object::take(session));
        }
        done
    }

    pub(super) async fn write_once<R, W>(&self, subject: &Subject, work: W) -> Done<R>
    where
        W: for<'t, 'c> FnOnce(&'t mut Transaction<'c, C>) -> Work<'t, R, Fault> + Send,
    {
        let mut session = self.session().await?;
        match self.transact(&mut session, subject, work).await {
            Ok(answer) => {
                self.commit(session).await?;
                Ok(answer)
            }
            Err(fault) => {
                self.undo(session, &fault).await;
                Err(fault)
            }
        }
    }

    /// Undoes a transaction after this fault in it.
    pub(super) async fn undo(&self, session: Object<Sessions>, fault: &Fault) {
        let silent = matches!(fault, Fault::TimedOut);
        if silent || session.simple("ROLLBACK").await.is_err() {
            drop(Object::take(session));
        }
    }

    /// Begins a transaction, and writes its number.
    pub(super) async fn begin(&self, session: &mut Session) -> Done<()> {
        let writer = match session.writer {
            Some(writer) => writer,
            None => *session.writer.insert(sql::add_writer(session, self.shared.runner).await?),
        };
        session.last += 1;
        session.simple(BEGIN).await?;
        sql::number(session, writer, session.last).await
    }

    /// Corrects the server's clock for all, if it stepped.
    pub(super) async fn correct(
        &self,
        session: &Session,
        offset_us: i64,
        correction_us: Option<i64>,
    ) -> Done<()> {
        if let Some(by_us) = correction_us {
            tracing::warn!(by_us, "the server's clock stepped");
            sql::correct(session, offset_us, by_us).await?;
        }
        Ok(())
    }

    /// All of a transaction but its end.
    async fn transact<R, W>(&self, session: &mut Session, subject: &Subject, work: W) -> Done<R>
    where
        W: for<'t, 'c> FnOnce(&'t mut Transaction<'c, C>) -> Work<'t, R, Fault> + Send,
    {
        self.begin(session).await?;
        let last = sql::lock(session, subject).await?;
        let (moment, offset_us) = epoch::moment(session, &self.shared.clock, last).await?;
        let (shared, calls) = (&self.shared, &self.calls);
        let mut tables = Transaction { session, shared, now: moment.now, calls };
        let answer = work(&mut tables).await?;
        self.correct(session, offset_us, moment.correction_us).await?;
        Ok(answer)
    }

    /// Commits; `Ok` if the transaction took place, and an error if it certainly did not.
    pub(super) async fn commit(&self, session: Object<Sessions>) -> Done<()> {
        let (writer, n) = (session.writer.unwrap_or_default(), session.last);
        match session.simple("COMMIT").await {
            Ok(()) => {
                self.is_alone.fetch_or(session.was_alone(), Ordering::Relaxed);
                self.witness.remember(writer, n);
                return Ok(());
            }
            Err(fault) if !matches!(fault.remedy(), Remedy::Wait(_)) => return Err(fault),
            Err(_) => drop(Object::take(session)),
        }
        if self.took_place(writer, n).await? {
            self.witness.remember(writer, n);
            return Ok(());
        }
        Err(Fault::NoConnection("the connection was lost before the commit".to_owned()))
    }

    /// Finds out whether a transaction took place whose end nobody told.
    async fn took_place(&self, writer: i64, n: i64) -> Done<bool> {
        #[cfg(feature = "testing")]
        if self.takes_unknown_for_lost.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let (mut pause, mut waited) = (ASK_AGAIN.0, Duration::ZERO);
        loop {
            let asked = async {
                let session = self.session().await?;
                sql::committed(&session, writer).await
            };
            let fault = match asked.await {
                Ok(done) => return Ok(done >= n),
                Err(fault) => fault,
            };
            if fault.remedy() == Remedy::GiveUp || waited > self.shared.timing.max_wait {
                return Err(Fault::Store(StoreError::Failed {
                    what: "committing",
                    why: format!(
                        "the server was lost before it told whether it did: {}",
                        fault.into_store("asking whether a commit took place")
                    ),
                }));
            }
            tokio::time::sleep(pause).await;
            waited += pause;
            pause = (pause * 2).min(ASK_AGAIN.1);
        }
    }
}
