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
mod header;
mod json;
mod limits;
mod lines;
mod meaning;
mod node;
mod options;
mod row;
mod rule;
mod seen;
mod shape;
mod sink;
mod source;
mod table;

use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

pub use error::{Fault, IntakeError};
pub use options::{DEFAULT_MAX_ROWS, NameAnswer, Names, Options};
pub use row::{Column, Row, RowError, RowKind, RowProblem};
pub use seen::{Place, Seen};
use shape::Shape;
use sink::Sink;
pub use sink::SourceSummary;

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
    let mut sink = Sink::new(options, seen, emit);
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
        // Windows calls it a lack of rights.
        _ if path.is_dir() => refuse(Fault::Directory),
        _ => refuse(Fault::Io(error)),
    })?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(refuse(Fault::Directory)),
        Ok(_) => Ok(file),
        Err(error) => Err(refuse(Fault::Io(error))),
    }
}

fn read_source<R: Read>(reader: R, sink: &mut Sink<'_>) -> Result<SourceSummary, Fault> {
    let text = source::open(reader)?;
    let (column_used, format) = if text.json {
        json::read(text.reader, sink)?
    } else {
        let mut lines = lines::Lines::new(text);
        match shape::of(&lines.preview()?, sink.options) {
            Shape::Blocks => blocks::read(lines, sink)?,
            Shape::Table { delimiter, form, start } => {
                table::read(feed::Feed::new(lines, form, start), delimiter, sink)?
            }
        }
    };
    sink.finish(column_used, format)
}
