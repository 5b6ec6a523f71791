//! SQL of the server, of who works on the store, and of what tells one truth from another.

use super::values::{get, stamp, unsigned};
use crate::domain::Stamp;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::session::Session;

/// Begins a transaction that writes. The level is said in each, since a role or a database may have
/// another one by default: in a snapshot that is older than its lock a claim would see too few
/// calls.
pub(in super::super) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/// What a transaction reads once it has its lock.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Said {
    /// The server's clock, with the correction that all hosts share.
    pub(in super::super) now: Stamp,
    /// That correction, in microseconds.
    pub(in super::super) offset_us: i64,
    /// The server's process that said so.
    pub(in super::super) backend: i32,
}

/// Which truth the store is.
#[derive(Clone, Debug)]
pub(in super::super) struct Epoch {
    /// How often it may have forgotten something.
    pub(in super::super) number: i64,
    /// The server and its timeline; empty before the first.
    pub(in super::super) server: String,
    /// Commits were on a standby before they were acknowledged.
    pub(in super::super) durable: bool,
}

/// What the server's clock says.
pub(in super::super) async fn said(conn: &Session) -> Result<Said, Fault> {
    const SQL: &str = "SELECT \
        offset_us + (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now, offset_us, \
        pg_backend_pid() AS backend FROM epoch";
    let row = conn.query_one(SQL, &[]).await?;
    let (offset_us, backend) = (get(&row, "offset_us")?, get(&row, "backend")?);
    Ok(Said { now: stamp(&row, "now")?, offset_us, backend })
}

/// Changes the correction of the server's clock, unless somebody else has done it.
pub(in super::super) async fn correct(
    conn: &Session,
    offset_us: i64,
    by_us: i64,
) -> Result<(), Fault> {
    const SQL: &str = "UPDATE epoch SET offset_us = offset_us + $2 WHERE offset_us = $1";
    conn.execute(SQL, &[&offset_us, &by_us]).await?;
    Ok(())
}

/// The latest moment that anybody wrote, and whether a runner was at work since this moment.
pub(in super::super) async fn last_seen(
    conn: &Session,
    since: Stamp,
) -> Result<(Stamp, bool), Fault> {
    const SQL: &str = "SELECT greatest((SELECT max(last_now) FROM budget), 0) AS last, \
        EXISTS (SELECT 1 FROM runner WHERE seen >= $1) AS alive";
    let row = conn.query_one(SQL, &[&since.0]).await?;
    Ok((stamp(&row, "last")?, get(&row, "alive")?))
}

/// Which truth the store is. Whoever writes locks it.
pub(in super::super) async fn epoch(conn: &Session, lock: bool) -> Result<Epoch, Fault> {
    const SQL: &str = "SELECT number, server, durable FROM epoch";
    const LOCKED: &str = "SELECT number, server, durable FROM epoch FOR UPDATE";
    let row = conn.query_one(if lock { LOCKED } else { SQL }, &[]).await?;
    let (number, server) = (get(&row, "number")?, get(&row, "server")?);
    Ok(Epoch { number, server, durable: get(&row, "durable")? })
}

/// Until when nothing is claimed, and since when that is so.
pub(in super::super) async fn set_epoch(
    conn: &Session,
    number: i64,
    server: &str,
    free_at: Option<Stamp>,
) -> Result<(), Fault> {
    const SQL: &str = "UPDATE epoch SET number = $1, server = $2, \
        free_at = greatest(free_at, $3), began_at = clock_timestamp(), durable = false";
    let free_at = free_at.map_or(0, |at| at.0);
    conn.execute(SQL, &[&number, &server, &free_at]).await?;
    Ok(())
}

/// The longest window of a quota that anybody set, in nanoseconds.
pub(in super::super) async fn longest_window_ns(conn: &Session) -> Result<Option<u64>, Fault> {
    const SQL: &str = "SELECT coalesce(max(q.window_ns), -1) AS longest FROM quota q \
        JOIN campaign c ON c.id = q.campaign WHERE c.state = 'open'";
    let row = conn.query_one(SQL, &[]).await?;
    let longest: i64 = get(&row, "longest")?;
    Ok(u64::try_from(longest).ok())
}

/// The server and its timeline, as far as it tells them.
pub(in super::super) async fn server(conn: &Session) -> Result<String, Fault> {
    const SQL: &str = "SELECT (SELECT system_identifier FROM pg_control_system())::text || '/' \
        || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS server";
    match conn.query_one(SQL, &[]).await {
        Ok(row) => get(&row, "server"),
        // Some hosted servers do not tell; then only what a runner remembers of its own commits
        // shows that some were forgotten.
        Err(Fault::Sql(error)) if error.as_db_error().is_some() => Ok("not told".to_owned()),
        Err(fault) => Err(fault),
    }
}

/// How safe commits are, as the server is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Settings {
    /// Standbys that a commit waits for.
    pub(in super::super) standbys: String,
    /// Whether a commit waits for the disk.
    pub(in super::super) fsync: bool,
    /// How many servers are fed from this one.
    pub(in super::super) followers: u64,
    /// Whether pages have checksums.
    pub(in super::super) checksums: bool,
    /// The server's version.
    pub(in super::super) version: String,
}

/// How safe commits are.
pub(in super::super) async fn settings(conn: &Session) -> Result<Settings, Fault> {
    const SQL: &str = "SELECT current_setting('synchronous_standby_names') AS standbys, \
        current_setting('fsync')::boolean AS fsync, \
        current_setting('data_checksums')::boolean AS checksums, \
        current_setting('server_version') AS version, \
        (SELECT count(*) FROM pg_stat_replication) AS followers";
    let row = conn.query_one(SQL, &[]).await?;
    Ok(Settings {
        standbys: get(&row, "standbys")?,
        fsync: get(&row, "fsync")?,
        followers: unsigned(&row, "followers")?,
        checksums: get(&row, "checksums")?,
        version: get(&row, "version")?,
    })
}

/// Writes whether commits are on a standby before they are acknowledged.
pub(in super::super) async fn set_durable(conn: &Session, durable: bool) -> Result<(), Fault> {
    const SQL: &str = "UPDATE epoch SET durable = $1 WHERE durable <> $1";
    conn.execute(SQL, &[&durable]).await?;
    Ok(())
}

/// Registers a process; its key.
pub(in super::super) async fn add_runner(
    conn: &Session,
    host: &str,
    now: Stamp,
) -> Result<i64, Fault> {
    const SQL: &str = "INSERT INTO runner (host, pid, version, seen) VALUES ($1, $2, $3, $4) \
        RETURNING id";
    let pid = i64::from(std::process::id());
    let version = env!("CARGO_PKG_VERSION");
    get(&conn.query_one(SQL, &[&host, &pid, &version, &now.0]).await?, "id")
}

/// Writes that a process is at work.
pub(in super::super) async fn seen(conn: &Session, runner: i64, now: Stamp) -> Result<(), Fault> {
    const SQL: &str = "UPDATE runner SET seen = greatest(seen, $2) WHERE id = $1";
    conn.execute(SQL, &[&runner, &now.0]).await?;
    Ok(())
}

/// Removes processes that were last at work before this moment, and one that ends.
pub(in super::super) async fn remove_runners(
    conn: &Session,
    before: Stamp,
    own: Option<i64>,
) -> Result<(), Fault> {
    const WRITERS: &str = "DELETE FROM writer WHERE runner = $2 \
        OR NOT EXISTS (SELECT 1 FROM runner WHERE runner.id = writer.runner AND seen >= $1)";
    const RUNNERS: &str = "DELETE FROM runner WHERE seen < $1 OR id = $2";
    conn.execute(WRITERS, &[&before.0, &own]).await?;
    conn.execute(RUNNERS, &[&before.0, &own]).await?;
    Ok(())
}

/// Registers a connection that writes; its key.
pub(in super::super) async fn add_writer(conn: &Session, runner: i64) -> Result<i64, Fault> {
    const SQL: &str = "INSERT INTO writer (runner) VALUES ($1) RETURNING id";
    get(&conn.query_one(SQL, &[&runner]).await?, "id")
}

/// Writes the number of a connection's transaction, in that transaction.
pub(in super::super) async fn number(conn: &Session, writer: i64, n: i64) -> Result<(), Fault> {
    const SQL: &str = "UPDATE writer SET done = $2 WHERE id = $1";
    conn.execute(SQL, &[&writer, &n]).await?;
    Ok(())
}

/// The number of the last transaction that a connection committed. It waits for one that is not
/// over, so that a COMMIT which is still on its way is not taken for lost.
pub(in super::super) async fn committed(conn: &Session, writer: i64) -> Result<i64, Fault> {
    const SQL: &str = "SELECT done FROM writer WHERE id = $1 FOR UPDATE";
    let row = conn.query_opt(SQL, &[&writer]).await?;
    row.map_or(Ok(0), |row| get(&row, "done"))
}

/// Whether each of these transactions is there.
pub(in super::super) async fn are_there(
    conn: &Session,
    commits: &[(i64, i64)],
) -> Result<bool, Fault> {
    const SQL: &str = "SELECT NOT EXISTS (SELECT 1 FROM unnest($1::bigint[], $2::bigint[]) \
        AS own (id, n) WHERE NOT EXISTS (SELECT 1 FROM writer \
        WHERE writer.id = own.id AND writer.done >= own.n)) AS there";
    let (writers, numbers): (Vec<i64>, Vec<i64>) = commits.iter().copied().unzip();
    get(&conn.query_one(SQL, &[&writers, &numbers]).await?, "there")
}
