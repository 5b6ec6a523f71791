//! Columns of PostgreSQL as values of ours, by their names. It runs no SQL.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::domain::Stamp;
use crate::store::columns;
use crate::store::postgres::fault::{Fault, broken};

/// A column.
pub(super) fn get<'r, T: FromSql<'r>>(row: &'r Row, column: &str) -> Result<T, Fault> {
    row.try_get(column).map_err(|error| broken(format!("`{column}` cannot be read: {error}")))
}

/// A column that holds a count or another number that is never negative.
pub(super) fn unsigned<T: TryFrom<i64>>(row: &Row, column: &str) -> Result<T, Fault> {
    Ok(columns::unsigned(get(row, column)?)?)
}

/// A column that holds a moment of the limiter.
pub(super) fn stamp(row: &Row, column: &str) -> Result<Stamp, Fault> {
    Ok(Stamp(get(row, column)?))
}

/// A column that holds a moment for people.
pub(super) fn time(row: &Row, column: &str) -> Result<Timestamp, Fault> {
    let time = optional_time(row, column)?;
    time.ok_or_else(|| broken(format!("`{column}` has no moment")))
}

/// A column that holds a moment for people, or none.
pub(super) fn optional_time(row: &Row, column: &str) -> Result<Option<Timestamp>, Fault> {
    let time: Option<SystemTime> = get(row, column)?;
    let read = |time: SystemTime| {
        let since = time.duration_since(UNIX_EPOCH).ok()?;
        Timestamp::from_microsecond(i64::try_from(since.as_micros()).ok()?).ok()
    };
    let unreadable = || broken(format!("`{column}` is no moment of ours"));
    time.map(|time| read(time).ok_or_else(unreadable)).transpose()
}

/// A moment for people as a parameter, within what PostgreSQL holds.
pub(super) fn at(time: Timestamp) -> SystemTime {
    let since = time.as_microsecond().max(0).unsigned_abs();
    UNIX_EPOCH + Duration::from_micros(since)
}
