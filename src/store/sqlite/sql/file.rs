//! The file as a file: whose it is, whether it is whole, its schema, how commits reach the disk.

use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use super::checksum;
use crate::store::sqlite::space::Space;

/// SQLite's version.
pub(in super::super) async fn library_version(conn: &mut SqliteConnection) -> sqlx::Result<String> {
    sqlx::query_scalar("SELECT sqlite_version()").fetch_one(conn).await
}

/// Whose file it is: our constant, or zero where nobody said.
pub(in super::super) async fn application_id(conn: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("PRAGMA application_id").fetch_one(conn).await
}

/// Tables, indexes and the like in the file.
pub(in super::super) async fn objects(conn: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT count(*) FROM sqlite_master").fetch_one(conn).await
}

/// Makes the file ours. The number is `open::APPLICATION_ID`; a pragma takes no parameter.
pub(in super::super) async fn set_application_id(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    let sql = "PRAGMA application_id = 1179407191";
    sqlx::query(sql).execute(conn).await.map(drop)
}

/// Turns the write-ahead log on; returns the mode that is in force.
pub(in super::super) async fn use_wal(conn: &mut SqliteConnection) -> sqlx::Result<String> {
    // The mode is answered before the change is committed, so one row is not the end of it.
    let mut modes = sqlx::query_scalar("PRAGMA journal_mode = WAL").fetch_all(conn).await?;
    modes.pop().ok_or(sqlx::Error::RowNotFound)
}

/// How commits are synchronised: 2 is FULL.
pub(in super::super) async fn synchronous(conn: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("PRAGMA synchronous").fetch_one(conn).await
}

/// What is wrong with the file. Returns `None` if it is whole. Unlike `quick_check` it also
/// compares every index with its table: the rule reads the journal through an index alone.
pub(in super::super) async fn integrity_check(
    conn: &mut SqliteConnection,
) -> sqlx::Result<Option<String>> {
    let said: String = sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(conn).await?;
    Ok(if said == "ok" { None } else { Some(said) })
}

/// Whether tables and columns are those that the last migration left: a name that is damaged is
/// otherwise noticed by the statement that uses it, which may be one that follows a call.
pub(in super::super) async fn is_schema_whole(conn: &mut SqliteConnection) -> sqlx::Result<bool> {
    let kept: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *conn).await?;
    Ok(kept == schema_sum(conn).await?)
}

/// Keeps the checksum of the schema in the file's head.
pub(in super::super) async fn keep_schema_sum(conn: &mut SqliteConnection) -> sqlx::Result<()> {
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

/// The newest migration that was applied. Returns `None` before the first.
pub(in super::super) async fn schema_version(
    conn: &mut SqliteConnection,
) -> sqlx::Result<Option<i64>> {
    let table = "SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'";
    let there: i64 = sqlx::query_scalar(table).fetch_one(&mut *conn).await?;
    if there == 0 {
        return Ok(None);
    }
    sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(conn).await
}

/// How many migrations were applied; they need not have come in the order of their numbers.
pub(in super::super) async fn migrations(conn: &mut SqliteConnection) -> sqlx::Result<i64> {
    if schema_version(conn).await?.is_none() {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations").fetch_one(conn).await
}

/// How large the file is, and how much of it is free.
pub(in super::super) async fn space(conn: &mut SqliteConnection) -> sqlx::Result<Space> {
    let sql = "SELECT page_count * page_size AS bytes, freelist_count * page_size AS free \
               FROM pragma_page_count, pragma_page_size, pragma_freelist_count";
    let row = sqlx::query(sql).fetch_one(conn).await?;
    let bytes = |column| Ok::<_, sqlx::Error>(row.try_get::<i64, _>(column)?.unsigned_abs());
    Ok(Space { bytes: bytes("bytes")?, free: bytes("free")? })
}

/// Writes the file anew without its free pages.
pub(in super::super) async fn vacuum(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::query("VACUUM").execute(conn).await.map(drop)
}
