//! SQL of the processes that live, each of which says so for all its runs.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::values::{at, get, time};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::session::Session;

/// How long a process that is gone is remembered; its runs are dead long before.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

/// Keeps when this process was seen last. One that is new makes those go that are long gone.
pub(in super::super) async fn set_process(
    conn: &Session,
    process: &str,
    seen_at: Timestamp,
) -> Result<(), Fault> {
    const UPDATE: &str = "UPDATE process SET seen_at = $2 WHERE id = $1";
    const INSERT: &str = "INSERT INTO process (id, seen_at) VALUES ($1, $2)";
    const DROP: &str = "DELETE FROM process WHERE id = $1";
    if conn.execute(UPDATE, &[&process, &at(seen_at)]).await? > 0 {
        return Ok(());
    }
    for (id, seen) in processes(conn).await? {
        if seen_at.duration_since(seen).abs() > REMEMBERED {
            conn.execute(DROP, &[&id]).await?;
        }
    }
    conn.execute(INSERT, &[&process, &at(seen_at)]).await?;
    Ok(())
}

/// When each process was seen last.
pub(in super::super) async fn processes(
    conn: &Session,
) -> Result<BTreeMap<String, Timestamp>, Fault> {
    let rows = conn.query("SELECT id, seen_at FROM process", &[]).await?;
    rows.iter().map(|row| Ok((get(row, "id")?, time(row, "seen_at")?))).collect()
}
