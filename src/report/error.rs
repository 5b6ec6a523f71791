//! Why a report cannot be written, in sentences that say what to do. Whether one may be written is
//! asked in `target`.

use std::io;
use std::path::Path;

use crate::domain::text::{in_words, printable};

/// Why a report cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The ending names no format.
    #[error(
        "the report `{0}` has no known format: its ending must be .csv, .jsonl or .ndjson for JSON \
         lines, .xlsx for spreadsheets, .html to be opened, or .md for a ticket"
    )]
    Ending(String),
    /// The folder is missing, is no folder or cannot be written to.
    #[error("the report `{path}` cannot be written: {why}")]
    Folder {
        /// The path, escaped.
        path: String,
        /// What is wrong with it, or what the system said.
        why: String,
    },
    /// Something other than a plain file has that name.
    #[error(
        "the report `{path}` cannot be written: it is {kind}, and reports are written to plain \
         files alone"
    )]
    Kind {
        /// The path, escaped.
        path: String,
        /// What it is, with its article.
        kind: &'static str,
    },
    /// The file is not this campaign's report.
    #[error("the report `{path}` is not overwritten: {found}")]
    Foreign {
        /// The path, escaped.
        path: String,
        /// What it holds instead.
        found: String,
    },
    /// Writing failed.
    #[error("the report `{path}` could not be written: {why}")]
    Write {
        /// The path, escaped.
        path: String,
        /// What the system said.
        why: String,
    },
}

impl ReportError {
    /// What to do next.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Ending(_) | Self::Kind { .. } => "name another file with --report",
            Self::Folder { .. } => {
                "create the folder, get the right to write in it, or name another file with \
                 --report"
            }
            Self::Foreign { .. } => {
                "name another file with --report, or add --force to overwrite this one"
            }
            Self::Write { .. } => {
                "the store holds everything: fix the cause, then run `fleetsweep report`"
            }
        }
    }

    pub(super) fn ending(path: &Path) -> Self {
        Self::Ending(shown(path))
    }

    pub(super) fn folder(path: &Path, error: &io::Error) -> Self {
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let folder = folder.unwrap_or(Path::new("."));
        let why = match error.kind() {
            // Some folders are there and take no file, which the system tells in the same words.
            io::ErrorKind::NotFound if !folder.exists() => {
                format!("there is no folder `{}`", shown(folder))
            }
            io::ErrorKind::NotADirectory => format!("`{}` is no folder", shown(folder)),
            _ => in_words(error),
        };
        Self::Folder { path: shown(path), why }
    }

    pub(super) fn write(path: &Path, error: &io::Error) -> Self {
        Self::Write { path: shown(path), why: in_words(error) }
    }

    pub(super) fn foreign(path: &Path, found: impl Into<String>) -> Self {
        Self::Foreign { path: shown(path), found: found.into() }
    }
}

/// The path as a message shows it.
pub(super) fn shown(path: &Path) -> String {
    printable(&path.display().to_string())
}
