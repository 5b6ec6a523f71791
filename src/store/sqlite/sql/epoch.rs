//! SQL of what tells one truth from another: a file that took the place of another one may have
//! forgotten calls that were made. What follows from that is decided elsewhere.

use std::time::Duration;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::checksum;
use crate::domain::Stamp;
use crate::store::columns::unsigned;
use crate::store::sqlite::fault::Fault;

/// The number of the present epoch; 0 is the first, which has no row.
macro_rules! present_epoch {
    () => {
        "(SELECT coalesce(max(number), 0) FROM epoch)"
    };
}
pub(super) use present_epoch;

/// Begins a new epoch: nothing is claimed before this moment.
pub(in super::super) async fn begin_epoch(
    conn: &mut SqliteConnection,
    free_at: Stamp,
) -> Result<(), Fault> {
    let before = sqlx::query(concat!("SELECT ", present_epoch!(), " AS number"));
    let number: i64 = before.fetch_one(&mut *conn).await?.try_get("number")?;
    let free_at = free_at.max(self::free_at(conn).await?);
    let number = number.saturating_add(1);
    let sql = "DELETE FROM epoch; INSERT INTO epoch (number, free_at, sum) VALUES (?, ?, ?)";
    let sum = checksum::of_epoch(number, free_at);
    sqlx::query(sql).bind(number).bind(free_at.0).bind(sum).execute(conn).await?;
    Ok(())
}

/// The columns that `free_at_of` reads, of the present epoch `e`.
macro_rules! epoch_columns {
    () => {
        "e.number AS epoch_number, e.free_at AS free_at, e.sum AS epoch_sum"
    };
}
pub(super) use epoch_columns;

/// Joins the present epoch as `e` to what is asked for, which is there without one too.
macro_rules! with_epoch {
    () => {
        " LEFT JOIN epoch e ON TRUE "
    };
}
pub(super) use with_epoch;

/// Before when nothing is claimed.
async fn free_at(conn: &mut SqliteConnection) -> Result<Stamp, Fault> {
    let sql = concat!("SELECT ", epoch_columns!(), " FROM epoch e");
    let row = sqlx::query(sql).fetch_optional(conn).await?;
    row.map_or(Ok(Stamp::ZERO), |row| free_at_of(&row))
}

/// Before when nothing is claimed, if that matches its checksum.
pub(super) fn free_at_of(row: &SqliteRow) -> Result<Stamp, Fault> {
    let Some(number) = row.try_get::<Option<i64>, _>("epoch_number")? else {
        return Ok(Stamp::ZERO);
    };
    let free_at = Stamp(row.try_get("free_at")?);
    let sum = checksum::of_epoch(number, free_at);
    checksum::check(row.try_get("epoch_sum")?, sum, || "the epoch of the store".to_owned())?;
    Ok(free_at)
}

/// The longest window of a quota that a campaign which is open goes by.
pub(in super::super) async fn longest_window(
    conn: &mut SqliteConnection,
) -> Result<Option<Duration>, Fault> {
    let sql = "SELECT max(q.window_ns) FROM quota q JOIN campaign c ON c.id = q.campaign \
               WHERE c.state = 'open'";
    let longest: Option<i64> = sqlx::query_scalar(sql).fetch_one(conn).await?;
    Ok(longest.map(unsigned).transpose()?.map(Duration::from_nanos))
}
