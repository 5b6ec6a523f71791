//! Columns of SQLite as values of ours. It runs no SQL.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::store::columns::{self, parsed};
use crate::store::sqlite::fault::Fault;

/// A column that holds a count or another number that is never negative.
pub(super) fn unsigned<T: TryFrom<i64>>(row: &SqliteRow, column: &str) -> Result<T, Fault> {
    Ok(columns::unsigned(row.try_get(column)?)?)
}

/// A moment for people.
pub(super) fn time(text: &str) -> Result<Timestamp, Fault> {
    Ok(parsed(text, |text| text.parse().ok())?)
}
