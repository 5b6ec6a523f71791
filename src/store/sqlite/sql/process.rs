//! SQL of the processes that live, each of which says so for all its runs.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use sqlx::{Row as _, SqliteConnection};

use super::values::time;
use crate::store::sqlite::fault::Fault;

/// How long a process that is gone is remembered; its runs are dead long before.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

/// Keeps when this process was seen last. One that is new makes those go that are long gone.
pub(in super::super) async fn set_process(
    conn: &mut SqliteConnection,
    process: &str,
    seen_at: Timestamp,
) -> Result<(), Fault> {
    let sql = "UPDATE process SET seen_at = ?2 WHERE id = ?1";
    let update = sqlx::query(sql).bind(process).bind(seen_at.to_string());
    if update.execute(&mut *conn).await?.rows_affected() > 0 {
        return Ok(());
    }
    for (id, seen) in processes(conn).await? {
        if seen_at.duration_since(seen).abs() > REMEMBERED {
            sqlx::query("DELETE FROM process WHERE id = ?").bind(id).execute(&mut *conn).await?;
        }
    }
    let sql = "INSERT INTO process (id, seen_at) VALUES (?, ?)";
    sqlx::query(sql).bind(process).bind(seen_at.to_string()).execute(conn).await?;
    Ok(())
}

/// When each process was seen last.
pub(in super::super) async fn processes(
    conn: &mut SqliteConnection,
) -> Result<BTreeMap<String, Timestamp>, Fault> {
    let rows = sqlx::query("SELECT id, seen_at FROM process").fetch_all(conn).await?;
    rows.iter().map(|row| Ok((row.try_get("id")?, time(row.try_get("seen_at")?)?))).collect()
}
