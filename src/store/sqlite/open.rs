//! Opening a store's file: whose it is, whether it is whole, its schema, and the settings that
//! make a commit durable. Nothing is written before all questions are answered.

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};

use super::fault::{self, Fault};
use super::migrations::MIGRATIONS;
use super::writer::Work;
use super::{files, log, sql};
use crate::domain::Stamp;
use crate::store::{Result, StoreError};

/// What marks a SQLite file as ours ("FLSW"; PRAGMA application_id, sqlite.org/pragma.html).
const APPLICATION_ID: i64 = 0x464c_5357;

/// The oldest SQLite whose write-ahead log does not damage a file when it is reset (3.7.0 to 3.51.2
/// can; fixed in 3.51.3).
const OLDEST: [u32; 3] = [3, 51, 3];

/// How long a lock is waited for.
const BUSY: Duration = Duration::from_secs(5);

/// How often a lock is waited for before a store that is being opened is called out of reach:
/// SQLite gives no turns, and another process that writes all the time can be ahead each time.
const BUSY_WAITS: u32 = 3;

/// Connections that read: more of them than there are processors only wait for one another.
const READERS: u32 = 4;

/// How long a question waits for one of them. Many questions at a time are no store that is out of
/// reach, so it is long.
const FREE_WITHIN: Duration = Duration::from_secs(120);

/// How old a draft may get: nobody is still typing.
const DRAFT_LIVES: SignedDuration = SignedDuration::from_hours(24);

/// How long the journal keeps a call: longer than any window that somebody may want to keep.
const CALLS_LIVE: Duration = Duration::from_secs(90 * 24 * 3600);

const OPENING: &str = "opening the store";

/// What a look at a file found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// Nothing yet: it may become a store.
    Empty,
    /// A store with the schema of this version.
    Current,
    /// A store with an older schema.
    Older,
}

/// When a commit reaches the disk. Only `Full` keeps a claim when the power goes; the other is a
/// known mistake, which tests play to show that it would be caught.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Syncing {
    /// Before it is answered.
    #[default]
    Full,
    /// When the log is written back, which can be hours later.
    #[cfg(feature = "testing")]
    AtCheckpoint,
}

impl Syncing {
    fn option(self) -> SqliteSynchronous {
        match self {
            Syncing::Full => SqliteSynchronous::Full,
            #[cfg(feature = "testing")]
            Syncing::AtCheckpoint => SqliteSynchronous::Normal,
        }
    }
}

/// Opens the file for writing, and makes it if there is none.
pub(super) async fn for_writing(path: &Path, syncing: Syncing) -> Result<SqliteConnection> {
    files::prepare(path)?;
    if files::length(path)?.is_some_and(|length| length > 0) {
        whole_log(path).await?;
        inspect(path, true).await?;
        files::mend_side_files(path);
    }
    let options = options(path).synchronous(syncing.option());
    let mut conn = options.connect().await.map_err(|error| refused(path, error.into()))?;
    let mut waits = 1;
    let set_up = loop {
        match set_up(path, &mut conn, syncing).await {
            // What was begun is undone, and whoever has the lock may write without a pause.
            Err(Fault::Sql(error)) if fault::is_busy(&error) && waits < BUSY_WAITS => waits += 1,
            ended => break ended,
        }
    };
    let ready = match set_up {
        Ok(()) => files::flush_folder(path).map_err(Fault::Store),
        Err(fault) => Err(fault),
    };
    match ready {
        Ok(()) => Ok(conn),
        Err(fault) => Err(give_up(path, conn, fault)),
    }
}

/// Lets go of a connection after a fault, and tells it. Closing one after a fault of the disk would
/// write the log back: it would call fsync once more on pages that the failed one marked clean, and
/// take its success for the truth. So such a connection is left as it is until the process ends.
fn give_up(path: &Path, conn: SqliteConnection, fault: Fault) -> StoreError {
    if matches!(&fault, Fault::Sql(error) if fault::is_of_the_disk(error)) {
        std::mem::forget(conn);
    }
    refused(path, fault)
}

/// Whether there is a store of this version to read. Nothing is created.
pub(super) async fn is_readable(path: &Path) -> Result<bool> {
    if files::length(path)?.is_none_or(|length| length == 0) {
        return Ok(false);
    }
    files::usable(path)?;
    match inspect(path, false).await? {
        Found::Empty => Ok(false),
        Found::Current => Ok(true),
        Found::Older => Err(StoreError::Older(path.display().to_string())),
    }
}

/// Connections that only read.
pub(super) fn readers(path: &Path) -> SqlitePool {
    // Idle connections hold no snapshot, and a local file needs no ping before each use.
    let pool = SqlitePoolOptions::new().max_connections(READERS).test_before_acquire(false);
    let pool = pool.acquire_timeout(FREE_WITHIN);
    // They go through rows once, or look up a few: pages that were read are of little use again.
    pool.connect_lazy_with(options(path).read_only(true).pragma("cache_size", "-4000"))
}

/// Removes drafts that nobody confirmed, and calls that no limit can ask for any more.
pub(super) async fn drop_what_is_old(
    conn: &mut SqliteConnection,
    now: Timestamp,
    stamp: Stamp,
) -> std::result::Result<(), Fault> {
    sql::prune(conn, stamp.minus(CALLS_LIVE)).await?;
    let Ok(moment) = now.checked_sub(DRAFT_LIVES) else { return Ok(()) };
    for draft in sql::drafts_before(conn, moment).await? {
        sql::delete_draft(conn, draft).await?;
    }
    Ok(())
}

/// Writes the file anew without its free pages, on a connection of its own, which fails alone.
pub(super) async fn compact(path: &Path) -> Result<()> {
    let options = options(path);
    let mut conn = options.connect().await.map_err(|error| refused(path, error.into()))?;
    match sql::vacuum(&mut conn).await {
        Ok(()) => conn.close().await.map_err(|error| refused(path, error.into())),
        Err(error) => Err(give_up(path, conn, error.into())),
    }
}

/// Runs something in a transaction of its own, before the writer begins.
pub(super) async fn alone<T>(
    path: &Path,
    mut conn: SqliteConnection,
    work: impl for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T>,
) -> Result<(SqliteConnection, T)> {
    let done = match sql::begin_immediate(&mut conn).await {
        Ok(()) => work(&mut conn).await,
        Err(error) => Err(error.into()),
    };
    let done = match done {
        Ok(done) => sql::commit(&mut conn).await.map(|()| done).map_err(Fault::from),
        Err(fault) => Err(fault),
    };
    match done {
        Ok(done) => Ok((conn, done)),
        Err(fault) => Err(give_up(path, conn, fault)),
    }
}

/// Refuses a log that lost commits. Another process can begin the log anew while it is read, so
/// what looks like damage is looked at again.
async fn whole_log(path: &Path) -> Result<()> {
    let (log, index) = (files::side_file(path, "-wal"), files::side_file(path, "-shm"));
    for last in [false, false, true] {
        let found = log::damage(&log, &index).map_err(|error| StoreError::Failed {
            what: OPENING,
            why: format!("{} cannot be read: {error}", log.display()),
        })?;
        let Some(what) = found else { return Ok(()) };
        if last {
            return Err(damaged(path, &what));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Looks at a file without writing it.
async fn inspect(path: &Path, whole: bool) -> Result<Found> {
    let options = options(path).read_only(true);
    let mut conn = match options.connect().await {
        Ok(conn) => conn,
        Err(error) => return cut_off(path, error),
    };
    let found = examine(path, &mut conn, whole).await;
    // It only read: there is nothing that closing could lose.
    conn.close().await.ok();
    found
}

async fn examine(path: &Path, conn: &mut SqliteConnection, whole: bool) -> Result<Found> {
    let wrong = |error: sqlx::Error| refused(path, error.into());
    check_library(&sql::library_version(conn).await.map_err(wrong)?)?;
    let id = match sql::application_id(conn).await {
        Ok(id) => id,
        Err(error) => return cut_off(path, error),
    };
    if id != APPLICATION_ID {
        let empty = id == 0 && sql::objects(conn).await.map_err(wrong)? == 0;
        return if empty { Ok(Found::Empty) } else { Err(foreign(path)) };
    }
    if whole && let Some(what) = sql::integrity_check(conn).await.map_err(wrong)? {
        return Err(damaged(path, &what));
    }
    let ours = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    match sql::schema_version(conn).await.map_err(wrong)? {
        None => Ok(Found::Empty),
        Some(there) if there > ours => Err(StoreError::Refused(format!(
            "{} was written by a newer version of fleetsweep (schema {there}, this one knows \
             {ours})",
            path.display()
        ))),
        Some(there) if there < ours => Ok(Found::Older),
        Some(_) if lacks_a_migration(conn).await.map_err(wrong)? => Ok(Found::Older),
        Some(_) if whole && !sql::is_schema_whole(conn).await.map_err(wrong)? => {
            Err(damaged(path, "its tables are not those that this version made"))
        }
        Some(_) => Ok(Found::Current),
    }
}

/// Whether a migration of this version was not applied, though a later one was.
async fn lacks_a_migration(conn: &mut SqliteConnection) -> sqlx::Result<bool> {
    Ok(sql::migrations(conn).await? < MIGRATIONS.iter().count() as i64)
}

/// What a file is that cannot be read without undoing something first. If its first transaction was
/// cut off, whoever opens it for writing undoes that; a store keeps a log from its second page on,
/// and never a journal.
fn cut_off(path: &Path, error: sqlx::Error) -> Result<Found> {
    if !fault::is_cut_off(&error) {
        return Err(refused(path, error.into()));
    }
    if is_one_page(path)? { Ok(Found::Empty) } else { Err(foreign(path)) }
}

/// Whether a file holds no more than the mark of a store.
fn is_one_page(path: &Path) -> Result<bool> {
    Ok(files::length(path)?.is_some_and(|length| length <= 4096))
}

async fn set_up(
    path: &Path,
    conn: &mut SqliteConnection,
    syncing: Syncing,
) -> std::result::Result<(), Fault> {
    check_library(&sql::library_version(conn).await?)?;
    if sql::application_id(conn).await? != APPLICATION_ID {
        // What was undone a moment ago can have been another program's.
        if sql::objects(conn).await? > 0 {
            return Err(Fault::Store(foreign(path)));
        }
        // The mark goes into the file itself, before there is a log that could be left behind.
        sql::set_application_id(conn).await?;
    }
    use_wal(conn).await?;
    let synchronous = sql::synchronous(conn).await?;
    if syncing == Syncing::Full && synchronous != 2 {
        return Err(refusal(format!(
            "{} cannot be made durable: SQLite says synchronous={synchronous} instead of FULL",
            path.display()
        )));
    }
    let mut changing = conn.begin_with("BEGIN IMMEDIATE").await?;
    let before = sql::schema_version(&mut changing).await?;
    let applied = sql::migrations(&mut changing).await?;
    migrate(&mut changing).await?;
    if before == Some(1) {
        sql::add_checksums(&mut changing).await?;
    }
    if applied != sql::migrations(&mut changing).await? {
        // An older version knew one service by several names.
        sql::unite_budgets(&mut changing).await?;
        sql::keep_schema_sum(&mut changing).await?;
    }
    Ok(changing.commit().await?)
}

/// Brings the schema up to date. It is what sqlx's `run` does on a connection; `run` itself yields
/// a future that the compiler does not let change threads.
async fn migrate(conn: &mut SqliteConnection) -> std::result::Result<(), Fault> {
    MIGRATIONS.run_direct(None, conn, false).await.map_err(fault::of_migration)
}

/// Turns the log on. While another process does the same, SQLite says "busy" without waiting.
async fn use_wal(conn: &mut SqliteConnection) -> std::result::Result<(), Fault> {
    let pause = Duration::from_millis(50);
    let mut waited = Duration::ZERO;
    let mode = loop {
        match sql::use_wal(conn).await {
            Err(error) if fault::is_busy(&error) && waited < BUSY => {
                tokio::time::sleep(pause).await;
                waited += pause;
            }
            answer => break answer?,
        }
    };
    if mode == "wal" {
        return Ok(());
    }
    Err(refusal(format!(
        "SQLite cannot keep its log here (journal_mode={mode}); put the store on a local disk"
    )))
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(BUSY)
        .synchronous(Syncing::Full.option())
        // Rows refer to each other by keys that one transaction makes; checking them on each of a
        // million rows costs more than it finds.
        .foreign_keys(false)
        .pragma("cache_size", "-32000")
        .pragma("journal_size_limit", "67108864")
        .disable_statement_logging()
}

fn check_library(version: &str) -> Result<()> {
    let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    if numbers.as_slice() >= OLDEST.as_slice() {
        return Ok(());
    }
    Err(StoreError::Refused(format!(
        "this program was built with SQLite {version}, which can damage a store; build it with \
         3.51.3 or newer"
    )))
}

fn refused(path: &Path, fault: Fault) -> StoreError {
    match fault {
        Fault::Sql(error) if fault::is_not_a_database(&error) => foreign(path),
        Fault::Sql(error) if fault::is_damage(&error) => damaged(path, &error.to_string()),
        Fault::Sql(error) => StoreError::Failed {
            what: OPENING,
            why: format!("{}: {}", path.display(), fault::in_words(&error)),
        },
        Fault::Store(error) => error,
    }
}

fn refusal(why: String) -> Fault {
    Fault::Store(StoreError::Refused(why))
}

fn foreign(path: &Path) -> StoreError {
    StoreError::Refused(format!(
        "{} is not a store of fleetsweep, and it was not touched",
        path.display()
    ))
}

fn damaged(path: &Path, what: &str) -> StoreError {
    StoreError::Refused(format!(
        "{} is damaged ({what}) and was not changed; keep it, and restore a copy of it with its \
         -wal file",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sqlite_that_can_damage_a_store_is_refused() {
        for good in ["3.51.3", "3.52.0", "4.0.0", "3.51.10"] {
            assert!(check_library(good).is_ok(), "{good}");
        }
        for bad in ["3.51.2", "3.45.0", "3.9.99", "", "x"] {
            assert!(check_library(bad).is_err(), "{bad}");
        }
    }
}
