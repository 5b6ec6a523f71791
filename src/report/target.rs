//! Whether a report may be written to a path: asked before the first call, so that a campaign of
//! hours does not end without its report. It writes nothing that stays.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::error::ReportError;
use super::file::{Format, Temporary, folder_of, refuse_kind};
use super::record::COLUMNS;
use crate::domain::CampaignName;
use crate::domain::text::printable;

/// As much of a file as is read to find out whose it is.
const HEAD_BYTES: u64 = 1 << 20;

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
