//! Whether a report may be written to a path: asked before the first call, so that a campaign of
//! hours does not end without its report. It writes nothing that stays.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::error::ReportError;
use super::file::{Format, ReportKind, Temporary, folder_of, refuse_kind};
use super::mark::marked_by;
use super::record::COLUMNS;
use super::xlsx::properties;
use crate::domain::CampaignName;
use crate::domain::service::id_of;
use crate::domain::text::printable;

/// As much of a file as is read to find out whose it is.
const HEAD_BYTES: u64 = 1 << 20;

/// Whose report it is.
#[derive(Clone, Copy, Debug)]
pub struct ReportOwner<'a> {
    /// The campaign.
    pub campaign: &'a CampaignName,
    /// Its tenant, if that is known: campaigns of several tenants may have one name.
    pub tenant: Option<&'a str>,
}

impl<'a> From<&'a CampaignName> for ReportOwner<'a> {
    fn from(campaign: &'a CampaignName) -> Self {
        Self { campaign, tenant: None }
    }
}

/// Whether this campaign's report may be written to `path`. A file that is there must be empty or a
/// report of the same campaign, unless `force` is set; links and what is no file are refused
/// always.
///
/// # Errors
/// `ReportError`, whose sentence says what, why and what to do.
pub fn check_writable<'a>(
    path: &Path,
    owner: impl Into<ReportOwner<'a>>,
    force: bool,
) -> Result<(), ReportError> {
    let kind = ReportKind::of(path)?;
    let folder = folder_of(path);
    match fs::metadata(&folder) {
        Ok(there) if there.is_dir() => {}
        Ok(_) => return Err(ReportError::folder(path, &io::ErrorKind::NotADirectory.into())),
        Err(error) => return Err(ReportError::folder(path, &error)),
    }
    if refuse_kind(path)? && !force {
        refuse_foreign(path, kind, owner.into())?;
    }
    // A trial, since nothing else tells for sure: rights, quotas, read-only file systems.
    Temporary::beside(path).map(drop)
}

fn refuse_foreign(
    path: &Path,
    kind: ReportKind,
    owner: ReportOwner<'_>,
) -> Result<(), ReportError> {
    let unreadable =
        |error: io::Error| ReportError::foreign(path, format!("it cannot be read ({error})"));
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.len() == 0 {
        return Ok(());
    }
    if kind == ReportKind::Workbook {
        return refuse_another(path, properties(file).and_then(|text| owner_of(&text)), owner);
    }
    let head = BufReader::new(file.take(HEAD_BYTES));
    let found = match kind {
        ReportKind::Workbook => None,
        ReportKind::Rows(Format::Csv) => owner_in_csv(head),
        ReportKind::Rows(Format::JsonLines) => owner_in_json(head),
        ReportKind::Html | ReportKind::Markdown => owner_in_text(head),
    };
    refuse_another(path, found, owner)
}

fn refuse_another(
    path: &Path,
    found: Option<Found>,
    owner: ReportOwner<'_>,
) -> Result<(), ReportError> {
    let Some(Found { campaign, tenant }) = found else {
        return Err(ReportError::foreign(path, "it is not a report of fleetsweep"));
    };
    let shown = |text: &str| printable(&crate::domain::text::cut(text, 80));
    let told = format!("it is the report of campaign `{}`", shown(&campaign));
    if campaign != owner.campaign.as_str() {
        return Err(ReportError::foreign(path, told));
    }
    let is_another = |own: &&str| !tenant.is_empty() && id_of(own) != id_of(&tenant);
    match owner.tenant.filter(is_another) {
        Some(_) => {
            Err(ReportError::foreign(path, format!("{told} of tenant `{}`", shown(&tenant))))
        }
        None => Ok(()),
    }
}

/// Whose report a file is.
struct Found {
    campaign: String,
    tenant: String,
}

/// What the first data row says, if the file begins like a report.
fn owner_in_csv(head: impl Read) -> Option<Found> {
    let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(head);
    let header = rows.headers().ok()?.clone();
    // Columns are only ever appended, so a newer report begins with ours too.
    let ours = header.iter().zip(COLUMNS).all(|(there, ours)| there == ours);
    if !ours {
        return None;
    }
    let first = rows.records().next()?.ok()?;
    let cell = |column: &str| {
        let at = COLUMNS.iter().position(|name| *name == column)?;
        first.get(at).map(str::to_owned)
    };
    Some(Found { campaign: cell("campaign")?, tenant: cell("tenant").unwrap_or_default() })
}

fn owner_in_text(mut head: impl Read) -> Option<Found> {
    let mut bytes = Vec::new();
    head.read_to_end(&mut bytes).ok()?;
    owner_of(&String::from_utf8_lossy(&bytes))
}

fn owner_of(text: &str) -> Option<Found> {
    let (campaign, tenant) = marked_by(text)?;
    Some(Found { campaign, tenant })
}

fn owner_in_json(mut head: impl BufRead) -> Option<Found> {
    let mut line = String::new();
    head.read_line(&mut line).ok()?;
    let row: serde_json::Value = serde_json::from_str(&line).ok()?;
    row.get("outcome")?;
    let text = |key: &str| row.get(key)?.as_str().map(str::to_owned);
    Some(Found { campaign: text("campaign")?, tenant: text("tenant").unwrap_or_default() })
}
