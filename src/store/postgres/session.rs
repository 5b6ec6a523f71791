//! One connection to PostgreSQL: how it is made, what is checked of the server before it is
//! believed, and statements that are prepared once. What is asked is `sql`'s.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use futures_util::future::join_all;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::Address;
use super::fault::{self, Fault, Remedy};
use crate::store::StoreError;

/// The oldest server that the statements are written for.
const OLDEST: i32 = 150_000;

/// What every session goes by. Time-outs are the server's second guard beside the deadline of each
/// verb: a connection that went black would keep the lock of a budget for ever.
const SETTINGS: &str = "SET search_path = fleetsweep; SET TimeZone = 'UTC'; SET jit = off; \
    SET lock_timeout = '10s'; SET statement_timeout = '60s'; \
    SET idle_in_transaction_session_timeout = '10s'; SET client_encoding = 'UTF8'";

/// How long a statement may take before its connection is given up.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

/// The same for one that goes through a whole list, of a million devices on a slow disk. A network
/// that is dead is noticed earlier, by the system (`address`).
const LONG: Duration = Duration::from_secs(600);

/// How long making a connection may take before the server counts as away.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Values of a statement.
pub(super) type Values<'v> = &'v [&'v (dyn ToSql + Sync)];

/// One connection.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    messages: JoinHandle<()>,
    prepared: Mutex<BTreeMap<&'static str, Statement>>,
    /// The server's process that serves it.
    pub(super) backend: i32,
    /// The key of its row among those who write; `None` before its first transaction.
    pub(super) writer: Option<i64>,
    /// The number of its last transaction.
    pub(super) last: i64,
    /// It was checked that nothing was forgotten.
    pub(super) is_checked: bool,
    /// A commit was acknowledged before the standby had it.
    is_alone: Arc<AtomicBool>,
    /// A transaction was begun and its end was not told: nobody else may go on in it.
    is_busy: AtomicBool,
}

impl Drop for Session {
    fn drop(&mut self) {
        // A task that waits for a dead network would wait for as long as the kernel does.
        self.messages.abort();
    }
}

impl Session {
    /// Runs statements without values; their answers are dropped.
    pub(super) async fn simple(&self, sql: &str) -> Result<(), Fault> {
        if sql.starts_with("BEGIN") {
            self.is_busy.store(true, Ordering::Relaxed);
        }
        within(ANSWERED_WITHIN, self.client.batch_execute(sql)).await?;
        if sql == "COMMIT" || sql == "ROLLBACK" {
            self.is_busy.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The rows of a query.
    pub(super) async fn query(
        &self,
        sql: &'static str,
        values: Values<'_>,
    ) -> Result<Vec<Row>, Fault> {
        let statement = self.prepare(sql).await?;
        within(ANSWERED_WITHIN, self.client.query(&statement, values)).await
    }

    /// The one row of a query.
    pub(super) async fn query_one(
        &self,
        sql: &'static str,
        values: Values<'_>,
    ) -> Result<Row, Fault> {
        let statement = self.prepare(sql).await?;
        within(ANSWERED_WITHIN, self.client.query_one(&statement, values)).await
    }

    /// The row of a query, if there is one.
    pub(super) async fn query_opt(
        &self,
        sql: &'static str,
        values: Values<'_>,
    ) -> Result<Option<Row>, Fault> {
        let statement = self.prepare(sql).await?;
        within(ANSWERED_WITHIN, self.client.query_opt(&statement, values)).await
    }

    /// Runs a statement; how many rows it changed.
    pub(super) async fn execute(
        &self,
        sql: &'static str,
        values: Values<'_>,
    ) -> Result<u64, Fault> {
        let statement = self.prepare(sql).await?;
        within(ANSWERED_WITHIN, self.client.execute(&statement, values)).await
    }

    /// Runs a statement that goes through a whole list, in a transaction; how many rows it changed.
    pub(super) async fn execute_long(
        &self,
        sql: &'static str,
        values: Values<'_>,
    ) -> Result<u64, Fault> {
        let statement = self.prepare(sql).await?;
        self.simple("SET LOCAL statement_timeout = '10min'").await?;
        within(LONG, self.client.execute(&statement, values)).await
    }

    /// Runs statements that bring a whole store up to date, for as long as that takes.
    pub(super) async fn migrate(&self, sql: &str) -> Result<(), Fault> {
        self.simple("SET LOCAL statement_timeout = '10min'").await?;
        within(LONG, self.client.batch_execute(sql)).await
    }

    /// Runs statements that are sent together; how many rows each changed.
    pub(super) async fn execute_all(
        &self,
        all: &[(Statement, Vec<&(dyn ToSql + Sync)>)],
    ) -> Result<Vec<u64>, Fault> {
        let sent = all
            .iter()
            .map(|(statement, values)| self.client.execute_raw(statement, values.iter().copied()));
        // All are sent before the first is answered, and each has its answer.
        let answers = async { join_all(sent).await.into_iter().collect() };
        within(ANSWERED_WITHIN, answers).await
    }

    /// A statement that is prepared once for each connection.
    pub(super) async fn prepare(&self, sql: &'static str) -> Result<Statement, Fault> {
        let known = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = within(ANSWERED_WITHIN, self.client.prepare(sql)).await?;
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        prepared.insert(sql, statement.clone());
        Ok(statement)
    }

    /// Whether a commit was acknowledged before the standby had it, since this was last asked.
    pub(super) fn was_alone(&self) -> bool {
        self.is_alone.swap(false, Ordering::Relaxed)
    }
}

/// Waits so long for the server. A connection on which it did not answer is in the middle of
/// something, and used no more.
async fn within<T>(
    longest: Duration,
    asked: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Fault> {
    match tokio::time::timeout(longest, asked).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Fault::TimedOut),
    }
}

/// Makes connections and throws away broken ones.
#[derive(Debug)]
pub(super) struct Sessions {
    pub(super) address: Address,
}

impl managed::Manager for Sessions {
    type Type = Session;
    type Error = Fault;

    async fn create(&self) -> Result<Session, Fault> {
        match tokio::time::timeout(CONNECT_WITHIN, self.connect()).await {
            Ok(made) => made,
            Err(_) => Err(Fault::TimedOut),
        }
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<Fault> {
        if session.client.is_closed() || session.is_busy.load(Ordering::Relaxed) {
            return Err(RecycleError::message("it is closed, or in a transaction"));
        }
        Ok(())
    }
}

impl Sessions {
    async fn connect(&self) -> Result<Session, Fault> {
        let tls = MakeRustlsConnect::new(self.tls()?);
        let connected = self.address.config.connect(tls).await;
        let (client, mut connection) = connected.map_err(|error| self.unreachable(error))?;
        let is_alone = Arc::new(AtomicBool::new(false));
        let alone = Arc::clone(&is_alone);
        let messages = tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notice(notice) = message {
                    tracing::warn!(%notice, "PostgreSQL");
                    // A wait for the standby that somebody cancelled: the commit is on one server.
                    alone.fetch_or(notice.code().code() == "01000", Ordering::Relaxed);
                }
            }
        });
        let prepared = Mutex::default();
        let (writer, last, is_checked) = (None, 0, false);
        let is_busy = AtomicBool::new(false);
        let mut session = Session {
            client,
            messages,
            prepared,
            backend: 0,
            writer,
            last,
            is_checked,
            is_alone,
            is_busy,
        };
        session.backend = check(&session, self.address.is_near()).await?;
        Ok(session)
    }

    fn unreachable(&self, error: tokio_postgres::Error) -> Fault {
        let why = format!("{}: {}", self.address, fault::in_words(&error));
        match Fault::from(error).remedy() {
            // A role, a password, a database or a certificate that is not as it must be.
            Remedy::GiveUp => Fault::Store(StoreError::Refused(why)),
            Remedy::Again | Remedy::Wait(_) => Fault::NoConnection(why),
        }
    }

    /// What proves who the server is: the same library and the same certificates as for the API.
    fn tls(&self) -> Result<ClientConfig, Fault> {
        let refused = |what: String| Fault::Store(StoreError::Refused(what));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| refused(error.to_string()))?;
        let Some(file) = &self.address.root_certificates else {
            let verified = builder.with_platform_verifier();
            let verified = verified.map_err(|error| refused(error.to_string()))?;
            return Ok(verified.with_no_client_auth());
        };
        let unusable = |why: String| {
            refused(format!("the certificates in {} cannot be used: {why}", file.display()))
        };
        let mut roots = RootCertStore::empty();
        let read = CertificateDer::pem_file_iter(file).map_err(|error| unusable(error.to_string()));
        for certificate in read? {
            let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
            roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
        }
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

/// Refuses servers that are called PostgreSQL and promise less, and what stands between. Returns
/// the server's process that serves the session.
async fn check(session: &Session, is_near: bool) -> Result<i32, Fault> {
    const WHICH: &str = "SELECT version() AS version, \
        current_setting('server_version_num')::int AS number, \
        current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit";
    const STILL: &str = "SELECT current_setting('search_path') = 'fleetsweep' AS still, \
        pg_backend_pid() AS pid";
    let refused = |what: String| Err(Fault::Store(StoreError::Refused(what)));
    let which = session.query_one(WHICH, &[]).await?;
    let version: String = which.try_get("version")?;
    if let Some(told) = other_engine(&version) {
        return refused(told);
    }
    if which.try_get::<_, i32>("number")? < OLDEST {
        return refused(format!("{version} is too old: PostgreSQL 15 or newer is needed"));
    }
    if !is_near && which.try_get::<_, &str>("fsync")? == "off" {
        return refused(
            "fsync is off on the server, so that a crash of it forgets calls: set fsync = on"
                .to_owned(),
        );
    }
    session.simple(SETTINGS).await?;
    // `remote_apply` waits for more than `on`, the others for less.
    if which.try_get::<_, &str>("commit")? != "remote_apply" {
        session.simple("SET synchronous_commit = on").await?;
    }
    let first = session.query_one(STILL, &[]).await?;
    let second = session.query_one(STILL, &[]).await?;
    let (one, other): (i32, i32) = (first.try_get("pid")?, second.try_get("pid")?);
    if one != other || !second.try_get::<_, bool>("still")? {
        return Err(Fault::Store(fault::pooled()));
    }
    Ok(one)
}

/// Refuses a pooler that gives each transaction another session, which two of one client show: they
/// share one on the server, or the first has lost its own while the second is in a transaction.
pub(super) async fn refuse_poolers(first: &Session, second: &Session) -> Result<(), Fault> {
    const BACKEND: &str = "SELECT pg_backend_pid() AS pid";
    second.simple("BEGIN").await?;
    let served_by: i32 = first.query_one(BACKEND, &[]).await?.try_get("pid")?;
    second.simple("ROLLBACK").await?;
    if served_by != first.backend || first.backend == second.backend {
        return Err(Fault::Store(fault::pooled()));
    }
    Ok(())
}

/// What is told of an engine that speaks PostgreSQL's language and keeps other promises.
fn other_engine(version: &str) -> Option<String> {
    let (name, why) = if version.contains("CockroachDB") {
        ("CockroachDB", "its nodes go by clocks of their own, up to half a second apart")
    } else if version.contains("-YB-") || version.contains("Yugabyte") {
        ("YugabyteDB", "it reads from snapshots where READ COMMITTED was asked for")
    } else {
        return None;
    };
    Some(format!(
        "{name} cannot hold the store: {why}, so the limit would not hold; use PostgreSQL 15 or \
         newer"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_that_only_look_like_postgresql_are_refused_by_name() {
        let cockroach = "CockroachDB CCL v24.1.0 (x86_64-pc-linux-gnu, built 2024/05/15)";
        assert!(other_engine(cockroach).unwrap().contains("CockroachDB cannot hold"));
        let yugabyte = "PostgreSQL 15.2-YB-2025.2.0.0-b0 on x86_64-pc-linux-gnu";
        assert!(other_engine(yugabyte).unwrap().contains("YugabyteDB cannot hold"));
        let ours = "PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu";
        assert_eq!(other_engine(ours), None);
    }
}
