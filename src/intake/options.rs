//! What the user says about a list. Readers go by it; nothing here reads.

use std::fmt;
use std::sync::Arc;

use crate::domain::{DeviceId, OnlyOf};

/// How many rows a run takes unless the user raises it.
pub const DEFAULT_MAX_ROWS: u64 = 1_000_000;

/// What the user may say about a list.
#[derive(Clone, Debug)]
pub struct Options {
    /// The column that holds the id: a header, whatever its case, spaces or underscores, or the
    /// number of a column, counted from 1. Without it the column is found.
    pub column: Option<String>,
    /// The most rows that all sources of one run may have together.
    pub max_rows: u64,
    /// Where names are looked up, if the list may hold them in the place of ids.
    pub names: Option<Names>,
    /// The tenant of the run, as far as it is known: rows that name another one are not its own.
    pub own: OnlyOf,
    /// The rows that are taken of a list of several tenants; all if it is of one.
    pub only_of: Option<OnlyOf>,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameAnswer {
    /// This device, and what the report is to say about how it was found.
    Device(DeviceId, Option<String>),
    /// Nothing; and the name that is most like it.
    Unknown(Option<String>),
    /// So many records, and which one is meant is not told.
    Ambiguous(usize),
}

/// Where names are looked up.
#[derive(Clone)]
pub struct Names(pub Arc<dyn Fn(&str) -> NameAnswer + Send + Sync>);

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            column: None,
            max_rows: DEFAULT_MAX_ROWS,
            names: None,
            own: OnlyOf::default(),
            only_of: None,
        }
    }
}
