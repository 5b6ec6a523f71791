//! Lists of devices, read as a stream: CSV, bare lists and JSON become one [`Row`] for every row of
//! the input, good or bad. It sends nothing, stores nothing and knows nothing of campaigns; memory
//! grows only with the set of ids in [`Seen`].
//!
//! What kind of list it is follows from its content, never from the name of the file.

mod blocks;
mod cell;
mod columns;
mod dates;
mod device;
mod element;
mod error;
mod facts;
mod feed;
mod footer;
mod json;
mod lines;
mod meaning;
mod node;
mod row;
mod seen;
mod shape;
mod sink;
mod source;
mod table;

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use crate::domain::{DeviceId, TenantId};

pub use error::{Fault, IntakeError};
pub use row::{Column, Row, RowError, RowKind, RowProblem};
pub use seen::{Place, Seen};
use shape::Shape;

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
    /// The tenant of the run, if it is known: rows that name another one are not its own.
    pub tenant: Option<TenantId>,
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
        Self { column: None, max_rows: DEFAULT_MAX_ROWS, names: None, tenant: None }
    }
}

/// What was read from one source; `rows` is always the sum of the four counts after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSummary {
    /// Rows, without header, blank lines and comments.
    pub rows: u64,
    /// Rows with an id that this run had not seen before.
    pub devices: u64,
    /// Rows with an id that this run had seen before.
    pub duplicates: u64,
    /// Rows without a usable id.
    pub bad: u64,
    /// Rows that name another tenant than the one of the run.
    pub foreign: u64,
    /// The header or the number of the column that the ids were taken from.
    pub column_used: String,
    /// What kind of list it was, in words for people.
    pub format: &'static str,
}

/// Reads one source and hands every row to `emit` in the order of the input.
///
/// `seen` is shared by all sources of a run, so that duplicates are found across files. When `emit`
/// breaks, reading stops and the summary covers what was read until then. JSON rows carry the line
/// on which their element begins.
///
/// # Errors
/// An error refuses the whole source: the rows that were emitted before it are void, and so is
/// `seen`. Some faults, such as a list of nothing but GUIDs, are known only at the end.
pub fn read<R: Read>(
    source_name: &str,
    reader: R,
    options: &Options,
    seen: &mut Seen,
    emit: &mut dyn FnMut(Row) -> ControlFlow<()>,
) -> Result<SourceSummary, IntakeError> {
    seen.begin(source_name);
    let mut sink = sink::Sink::new(options, seen, emit);
    read_source(reader, &mut sink).map_err(|fault| IntakeError::new(source_name, fault))
}

/// Opens the file of a list.
///
/// # Errors
/// When there is no such file, when it is a directory, and when it cannot be opened.
pub fn open(path: &Path) -> Result<File, IntakeError> {
    let refuse = |fault| IntakeError::new(&path.to_string_lossy(), fault);
    let file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => refuse(Fault::NotFound),
        _ => refuse(Fault::Io(error)),
    })?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(refuse(Fault::Directory)),
        Ok(_) => Ok(file),
        Err(error) => Err(refuse(Fault::Io(error))),
    }
}

fn read_source<R: Read>(reader: R, sink: &mut sink::Sink<'_>) -> Result<SourceSummary, Fault> {
    let text = source::open(reader)?;
    let (column_used, format) = match text.json {
        true => json::read(text.reader, sink)?,
        false => {
            let mut lines = lines::Lines::new(text);
            match shape::of(&lines.preview()?, sink.options) {
                Shape::Blocks => blocks::read(lines, sink)?,
                Shape::Table { delimiter, form, start } => {
                    table::read(feed::Feed::new(lines, form, start), delimiter, sink)?
                }
            }
        }
    };
    sink.finish(column_used, format)
}
