//! Why a report cannot be written, in sentences that say what to do. Whether one may be written is
//! asked in `target`.

use std::io;
use std::path::Path;

use crate::domain::text::printable;

/// Why a report cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The ending names no format.
    #[error(
        "the report `{0}` has no known format: its ending must be .csv, .jsonl or .ndjson for JSON \
         lines, .xlsx for spreadsheets, .html to be opened, or .md for a ticket; give another name \
         with --report"
    )]
    Ending(String),
    /// The folder is missing, is no folder or cannot be written to.
    #[error(
        "the report `{path}` cannot be written: {why}; create the folder, get the right to write \
         in it, or give another place with --report"
    )]
    Folder {
        /// The path, escaped.
        path: String,
        /// What the system said.
        why: String,
    },
    /// Something other than a plain file has that name.
    #[error(
        "the report `{path}` cannot be written: it is {kind}, and reports are written to plain \
         files alone; give another name with --report"
    )]
    Kind {
        /// The path, escaped.
        path: String,
        /// What it is, with its article.
        kind: &'static str,
    },
    /// The file is not this campaign's report.
    #[error(
        "the report `{path}` is not overwritten: {found}; give another name with --report, or add \
         --force to overwrite it"
    )]
    Foreign {
        /// The path, escaped.
        path: String,
        /// What it holds instead.
        found: String,
    },
    /// Writing failed.
    #[error(
        "the report `{path}` could not be written: {why}; what became of the devices is safe in \
         the store: fix the cause, then write it again with `fleetsweep report`"
    )]
    Write {
        /// The path, escaped.
        path: String,
        /// What the system said.
        why: String,
    },
}

impl ReportError {
    pub(super) fn ending(path: &Path) -> Self {
        Self::Ending(shown(path))
    }

    pub(super) fn folder(path: &Path, error: &io::Error) -> Self {
        Self::Folder { path: shown(path), why: error.to_string() }
    }

    pub(super) fn write(path: &Path, error: &io::Error) -> Self {
        Self::Write { path: shown(path), why: error.to_string() }
    }

    pub(super) fn foreign(path: &Path, found: impl Into<String>) -> Self {
        Self::Foreign { path: shown(path), found: found.into() }
    }
}

/// The path as a message shows it.
pub(super) fn shown(path: &Path) -> String {
    printable(&path.display().to_string())
}
