//! How the limits that the server named stand in a budget's row. It runs no SQL.

use crate::domain::{NamedLimit, NamedLimits};
use crate::store::sqlite::fault::{Fault, broken};

/// The limits that the server named, as they stand in the file. Returns `None` if there are none.
pub(super) fn named_text(named: &NamedLimits) -> Option<String> {
    let all: Vec<&NamedLimit> = named.iter().collect();
    if all.is_empty() {
        return None;
    }
    Some(serde_json::to_string(&all).expect("values of numbers are JSON"))
}

/// Reads what `named_text` wrote.
pub(super) fn named_of(text: Option<&str>) -> Result<NamedLimits, Fault> {
    let Some(text) = text else { return Ok(NamedLimits::default()) };
    let all: Vec<NamedLimit> = serde_json::from_str(text)
        .map_err(|error| broken(format!("the server's limits cannot be read: {error}")))?;
    Ok(all.into_iter().collect())
}
