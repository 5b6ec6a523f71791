//! Columns as values of ours. It runs no SQL.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::store::sqlite::fault::{Fault, broken};

/// A column that holds a count or another number that is never negative.
pub(super) fn unsigned<T: TryFrom<i64>>(row: &SqliteRow, column: &str) -> Result<T, Fault> {
    let value: i64 = row.try_get(column)?;
    T::try_from(value).map_err(|_| broken(format!("the number {value} is out of range")))
}

/// A column of text that one of our types reads.
pub(super) fn parsed<T>(text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Fault> {
    parse(text).ok_or_else(|| broken(format!("`{text}` is not a value of this version")))
}

/// A moment for people.
pub(super) fn time(text: &str) -> Result<Timestamp, Fault> {
    parsed(text, |text| text.parse().ok())
}

/// A value that stands as JSON; `None` where there is none.
pub(super) fn json_of<T: serde::de::DeserializeOwned>(
    text: Option<&str>,
) -> Result<Option<T>, Fault> {
    text.map(|text| parsed(text, |text| serde_json::from_str(text).ok())).transpose()
}

/// A value as JSON.
pub(super) fn json_text<T: serde::Serialize + ?Sized>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| broken(error.to_string()))
}

/// A number as SQLite keeps it; one that is too large is the largest.
pub(super) fn signed<T: TryInto<i64>>(number: T) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
