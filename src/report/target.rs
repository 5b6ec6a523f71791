//! Whether a report may be written to a path: asked before the first call, so that a campaign of
//! hours does not end without its report. It writes nothing that stays.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::file::{Format, Temporary};
use super::record::COLUMNS;
use crate::domain::CampaignName;
use crate::domain::text::printable;

/// As much of a file as is read to find out whose it is.
const HEAD_BYTES: u64 = 1 << 20;

/// Why a report cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The ending names no format.
    #[error(
        "the report `{0}` has no known format: its ending must be .csv, or .jsonl or .ndjson for \
         JSON lines; give another name with --report"
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
         the store: mend the cause, then write it again with `fleetsweep report`"
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

    fn foreign(path: &Path, found: impl Into<String>) -> Self {
        Self::Foreign { path: shown(path), found: found.into() }
    }
}

/// Whether this campaign's report may be written to `path`. A file that is there must be empty or a
/// report of the same campaign, unless `force` is set; links and what is no file are refused
/// always.
///
/// # Errors
/// `ReportError`, whose sentence says what, why and what to do.
pub fn check_writable(
    path: &Path,
    campaign: &CampaignName,
    force: bool,
) -> Result<(), ReportError> {
    let format = Format::of(path)?;
    let folder = folder_of(path);
    match fs::metadata(&folder) {
        Ok(there) if there.is_dir() => {}
        Ok(_) => return Err(ReportError::folder(path, &io::ErrorKind::NotADirectory.into())),
        Err(error) => return Err(ReportError::folder(path, &error)),
    }
    if refuse_kind(path)? && !force {
        refuse_foreign(path, format, campaign)?;
    }
    // A trial, since nothing else tells for sure: rights, quotas, read-only file systems.
    Temporary::beside(path).map(drop)
}

/// The folder that holds the path.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Refuses a path that holds anything but a plain file; whether there is one.
pub(super) fn refuse_kind(path: &Path) -> Result<bool, ReportError> {
    let kind = match fs::symlink_metadata(path) {
        Ok(there) if there.is_file() => return Ok(true),
        Ok(there) if there.is_symlink() => "a symbolic link",
        Ok(there) if there.is_dir() => "a folder",
        Ok(_) => "a device, a pipe or a socket",
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(ReportError::folder(path, &error)),
    };
    Err(ReportError::Kind { path: shown(path), kind })
}

fn refuse_foreign(path: &Path, format: Format, campaign: &CampaignName) -> Result<(), ReportError> {
    let unreadable =
        |error: io::Error| ReportError::foreign(path, format!("it cannot be read ({error})"));
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.len() == 0 {
        return Ok(());
    }
    let head = BufReader::new(file.take(HEAD_BYTES));
    let found = match format {
        Format::Csv => campaign_of_csv(head),
        Format::JsonLines => campaign_of_json(head),
    };
    match found {
        Some(found) if found == campaign.as_str() => Ok(()),
        Some(found) => {
            let found = printable(&crate::domain::text::cut(&found, 80));
            Err(ReportError::foreign(path, format!("it is the report of campaign `{found}`")))
        }
        None => Err(ReportError::foreign(path, "it is not a report of fleetsweep")),
    }
}

/// The campaign in the first data row, if the file begins like a report.
fn campaign_of_csv(head: impl Read) -> Option<String> {
    let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(head);
    let header = rows.headers().ok()?.clone();
    // Columns are only ever appended, so a newer report begins with ours too.
    let ours = header.iter().zip(COLUMNS).all(|(there, ours)| there == ours);
    let at = COLUMNS.iter().position(|name| *name == "campaign")?;
    let first = rows.records().next()?.ok()?;
    first.get(at).filter(|_| ours).map(str::to_owned)
}

fn campaign_of_json(mut head: impl BufRead) -> Option<String> {
    let mut line = String::new();
    head.read_line(&mut line).ok()?;
    let row: serde_json::Value = serde_json::from_str(&line).ok()?;
    row.get("outcome")?;
    row.get("campaign")?.as_str().map(str::to_owned)
}

fn shown(path: &Path) -> String {
    printable(&path.display().to_string())
}
