//! All SQL of this store, and how its rows become values: nothing outside this folder knows a
//! column. Here are transactions, the file's own settings and the clock; the rest lies by table.
//! No rule is decided here.

mod audit;
mod called_off;
mod campaign;
mod checksum;
mod device;
mod journal;
mod named;
mod one_name;
mod prune;
mod queue;
mod state;

use jiff::Timestamp;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Encode, Row as _, Sqlite, SqliteConnection, Type};

use super::fault::{Fault, broken};

pub(super) use audit::audit;
pub(super) use called_off::{end_waiting, set_called_off, waiting};
pub(super) use campaign::*;
pub(super) use device::*;
pub(super) use journal::*;
pub(super) use named::with_named;
pub(super) use one_name::{set_tenant_name, tenant_named, unite_budgets};
pub(super) use prune::prune;
pub(super) use queue::*;

/// Several statements that are sent to the database as one, since each round trip costs as much as
/// the statement itself. They run in order; every `?` takes the next value.
#[derive(Default)]
pub(super) struct Script {
    sql: String,
    values: SqliteArguments,
    rows: u64,
}

impl Script {
    /// Adds a statement that changes exactly so many rows.
    fn add(&mut self, sql: &'static str, rows: u64) -> &mut Self {
        self.sql.push_str(sql);
        self.sql.push_str(";\n");
        self.rows += rows;
        self
    }

    fn bind<'v, T: Encode<'v, Sqlite> + Type<Sqlite>>(
        &mut self,
        value: T,
    ) -> Result<&mut Self, Fault> {
        self.values.add(value).map_err(sqlx::Error::Encode)?;
        Ok(self)
    }

    /// Runs all of it; returns the key of the row that was inserted last.
    ///
    /// # Errors
    /// `Broken` if another number of rows was changed: a row was not in the state that was read.
    pub(super) async fn run(self, conn: &mut SqliteConnection) -> Result<i64, Fault> {
        // Only constants of this module are ever joined.
        let query = sqlx::query_with(AssertSqlSafe(self.sql), self.values);
        let done = query.execute(conn).await?;
        if done.rows_affected() != self.rows {
            let changed = done.rows_affected();
            return Err(broken(format!("{changed} rows changed instead of {}", self.rows)));
        }
        Ok(done.last_insert_rowid())
    }
}

async fn execute(conn: &mut SqliteConnection, sql: &'static str) -> sqlx::Result<()> {
    sqlx::query(sql).execute(conn).await.map(drop)
}

/// Begins a transaction with the lock for writing.
pub(super) async fn begin_immediate(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    execute(conn, "BEGIN IMMEDIATE").await
}

/// Begins a transaction with the lock for writing, and the first operation of a batch in it.
pub(super) async fn begin_batch(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    execute(conn, "BEGIN IMMEDIATE; SAVEPOINT operation").await
}

/// Keeps an operation and begins the next.
pub(super) async fn next_operation(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    execute(conn, "RELEASE operation; SAVEPOINT operation").await
}

/// Undoes an operation and nothing else; the next one may take its place.
pub(super) async fn undo_operation(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    execute(conn, "ROLLBACK TO operation").await
}

/// Commits, the last operation included; with `synchronous=FULL` it returns after the fsync.
pub(super) async fn commit(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    execute(conn, "COMMIT").await
}

/// Undoes the transaction.
pub(super) async fn rollback(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    execute(conn, "ROLLBACK").await
}

/// Writes the log back into the file and empties it.
pub(super) async fn checkpoint(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    execute(conn, "PRAGMA wal_checkpoint(TRUNCATE)").await
}

/// SQLite's version.
pub(super) async fn library_version(conn: &mut SqliteConnection) -> sqlx::Result<String> {
    sqlx::query_scalar("SELECT sqlite_version()").fetch_one(conn).await
}

/// Whose file it is: our constant, or zero where nobody said.
pub(super) async fn application_id(conn: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("PRAGMA application_id").fetch_one(conn).await
}

/// Tables, indexes and the like in the file.
pub(super) async fn objects(conn: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT count(*) FROM sqlite_master").fetch_one(conn).await
}

/// Makes the file ours. The number is `open::APPLICATION_ID`; a pragma takes no parameter.
pub(super) async fn set_application_id(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    execute(conn, "PRAGMA application_id = 1179407191").await
}

/// Turns the write-ahead log on; returns the mode that is in force.
pub(super) async fn use_wal(conn: &mut SqliteConnection) -> sqlx::Result<String> {
    // The mode is answered before the change is committed, so one row is not the end of it.
    let mut modes = sqlx::query_scalar("PRAGMA journal_mode = WAL").fetch_all(conn).await?;
    modes.pop().ok_or(sqlx::Error::RowNotFound)
}

/// How commits are synchronised: 2 is FULL.
pub(super) async fn synchronous(conn: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("PRAGMA synchronous").fetch_one(conn).await
}

/// What is wrong with the file; nothing if it is whole. Unlike `quick_check` it also compares every
/// index with its table: the rule reads the journal through an index alone.
pub(super) async fn integrity_check(conn: &mut SqliteConnection) -> sqlx::Result<Option<String>> {
    let said: String = sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(conn).await?;
    Ok((said != "ok").then_some(said))
}

/// Whether tables and columns are those that the last migration left: a name that is damaged is
/// otherwise noticed by the statement that uses it, which may be one that follows a call.
pub(super) async fn is_schema_whole(conn: &mut SqliteConnection) -> sqlx::Result<bool> {
    let kept: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *conn).await?;
    Ok(kept == schema_sum(conn).await?)
}

/// Keeps the checksum of the schema in the file's head.
pub(super) async fn keep_schema_sum(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    let sum = schema_sum(conn).await?;
    // A pragma takes no parameter; it is a number.
    let sql = AssertSqlSafe(format!("PRAGMA user_version = {sum}"));
    sqlx::query(sql).execute(conn).await.map(drop)
}

async fn schema_sum(conn: &mut SqliteConnection) -> sqlx::Result<i64> {
    let sql = "SELECT json_group_array(json_array(name, columns)) FROM (SELECT m.name, \
               (SELECT json_group_array(json_array(c.name, c.type, c.\"notnull\", c.pk, c.hidden)) \
                FROM pragma_table_xinfo(m.name) c) AS columns \
               FROM sqlite_master m WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' \
               ORDER BY m.name)";
    let columns: String = sqlx::query_scalar(sql).fetch_one(conn).await?;
    Ok(checksum::of_schema(&columns))
}

/// The newest migration that was applied; nothing before the first.
pub(super) async fn schema_version(conn: &mut SqliteConnection) -> sqlx::Result<Option<i64>> {
    let table = "SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'";
    let there: i64 = sqlx::query_scalar(table).fetch_one(&mut *conn).await?;
    if there == 0 {
        return Ok(None);
    }
    sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(conn).await
}

/// How many migrations were applied; they need not have come in the order of their numbers.
pub(super) async fn migrations(conn: &mut SqliteConnection) -> sqlx::Result<i64> {
    if schema_version(conn).await?.is_none() {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations").fetch_one(conn).await
}

/// Writes the checksums into a store of the first schema, which had none.
pub(super) async fn add_checksums(conn: &mut SqliteConnection) -> Result<(), Fault> {
    device::add_checksums(conn).await?;
    journal::add_checksums(conn).await?;
    campaign::add_checksums(conn).await?;
    let clocks = "SELECT boot_id, offset_us FROM clock";
    if let Some(row) = sqlx::query(clocks).fetch_optional(&mut *conn).await? {
        set_clock_offset(conn, row.try_get(0)?, row.try_get(1)?).await?;
    }
    Ok(())
}

/// The offset of the clock for this start of the machine.
pub(super) async fn clock_offset(
    conn: &mut SqliteConnection,
    boot_id: &str,
) -> Result<Option<i64>, Fault> {
    // There is one row at most; one whose id is damaged must not pass for that of another start.
    let Some(row) =
        sqlx::query("SELECT boot_id, offset_us, sum FROM clock").fetch_optional(conn).await?
    else {
        return Ok(None);
    };
    let (there, offset): (&str, i64) = (row.try_get(0)?, row.try_get(1)?);
    let sum = checksum::of_clock(there, offset);
    checksum::check(row.try_get(2)?, sum, || "the clock of the store".to_owned())?;
    Ok((there == boot_id).then_some(offset))
}

/// Keeps the offset of this start, and no other.
pub(super) async fn set_clock_offset(
    conn: &mut SqliteConnection,
    boot_id: &str,
    offset_us: i64,
) -> sqlx::Result<()> {
    let sql = "DELETE FROM clock; INSERT INTO clock (boot_id, offset_us, sum) VALUES (?, ?, ?)";
    let sum = checksum::of_clock(boot_id, offset_us);
    sqlx::query(sql).bind(boot_id).bind(offset_us).bind(sum).execute(conn).await.map(drop)
}

/// Which start of the machine the store's clock belongs to now; nothing before the first.
pub(super) async fn clock_owner(conn: &mut SqliteConnection) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("SELECT boot_id FROM clock").fetch_optional(conn).await
}

/// Where the store's file was when it was last opened for writing: its path, device and inode.
pub(super) async fn kept_place(
    conn: &mut SqliteConnection,
) -> Result<Option<(String, i64, i64)>, Fault> {
    let sql = "SELECT path, device, inode, sum FROM place";
    let Some(row) = sqlx::query(sql).fetch_optional(conn).await? else { return Ok(None) };
    let place: (String, i64, i64) =
        (row.try_get("path")?, row.try_get("device")?, row.try_get("inode")?);
    let sum = checksum::of_place(&place.0, place.1, place.2);
    checksum::check(row.try_get("sum")?, sum, || "the place of the store".to_owned())?;
    Ok(Some(place))
}

/// Keeps where the store's file is.
pub(super) async fn keep_place(
    conn: &mut SqliteConnection,
    path: &str,
    device: i64,
    inode: i64,
) -> sqlx::Result<()> {
    let sql = "DELETE FROM place; \
               INSERT INTO place (path, device, inode, sum) VALUES (?, ?, ?, ?)";
    let sum = checksum::of_place(path, device, inode);
    let query = sqlx::query(sql).bind(path).bind(device).bind(inode).bind(sum);
    query.execute(conn).await.map(drop)
}

/// The latest moment that the journal has seen, and the wall clock then; nothing without a call.
/// `seen_by` is no such moment: it may lie in the future.
pub(super) async fn last_moment(
    conn: &mut SqliteConnection,
) -> Result<Option<(i64, Timestamp)>, Fault> {
    let sql = "SELECT max(max(claimed_at, coalesce(settled_at, 0))), \
               max(max(claimed_utc, coalesce(over_utc, ''))) FROM call";
    let row = sqlx::query(sql).fetch_one(conn).await?;
    let (Some(stamp), Some(utc)) = (row.try_get(0)?, row.try_get::<Option<&str>, _>(1)?) else {
        return Ok(None);
    };
    Ok(Some((stamp, parsed(utc, |text| text.parse().ok())?)))
}

/// A column that holds a count or another number that is never negative.
fn unsigned<T: TryFrom<i64>>(row: &SqliteRow, at: usize) -> Result<T, Fault> {
    let value: i64 = row.try_get(at)?;
    T::try_from(value).map_err(|_| broken(format!("the number {value} is out of range")))
}

/// A column of text that one of our types reads.
fn parsed<T>(text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Fault> {
    parse(text).ok_or_else(|| broken(format!("`{text}` is not a value of this version")))
}
