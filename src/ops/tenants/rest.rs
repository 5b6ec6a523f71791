//! The rows of a list of several tenants that no campaign has: those of tenants that could not be
//! planned, and those that are nobody's. They stand in no store; a file of their own tells what
//! became of them, so that no device of the list is lost without a word.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::list::Split;
use crate::domain::request::OutputRequest;
use crate::domain::text::printable;
use crate::domain::{CampaignName, Facts, Life, OnlyOf, Outcome, Row};
use crate::intake::Options;
use crate::ops::failure::Failure;
use crate::ops::plan::{listing, side_list};
use crate::ops::run::reports::Reports;
use crate::report::ReportHead;

/// Why the rows of a tenant are in no campaign.
pub(super) struct NotPlanned {
    /// Its profile.
    pub(super) profile: String,
    /// Its id or domain, as its profile says it.
    pub(super) tenant: String,
    /// Its own rows.
    pub(super) own: OnlyOf,
    /// Why it was not planned.
    pub(super) why: String,
}

/// The rows that no campaign has.
pub(super) struct Rest {
    /// The tenants that were planned.
    pub(super) planned: Vec<OnlyOf>,
    pub(super) not_planned: Vec<NotPlanned>,
    /// Rows that are nobody's are told too, and not only those of tenants that are meant.
    pub(super) strangers: bool,
}

/// What is told of a row: whose it is, how it ended, and why.
type Told = (String, Outcome, String);

impl Rest {
    /// Whether there is any.
    pub(super) fn is_none(&self, split: &Split) -> bool {
        self.not_planned.is_empty() && split.lost == 0
    }

    /// Writes them as a report, beside the report over all; how many there are.
    ///
    /// # Errors
    /// `Failure` if the list cannot be read again, or the file not be written.
    pub(super) async fn write(
        self,
        path: PathBuf,
        sources: Vec<PathBuf>,
        options: Options,
        head: ReportHead,
    ) -> Result<u64, Failure> {
        let output = OutputRequest { reports: vec![path], ..OutputRequest::default() };
        let reports = Reports::new(&output, &head.campaign, None)?;
        side_list::apart(move || {
            let mut writing = reports.begin(head.clone())?;
            let (mut rows, mut failed) = (0, None);
            listing::each_row(&sources, &options, |facts, row_of| {
                let Some((tenant, outcome, why)) = self.told(facts) else {
                    return ControlFlow::Continue(());
                };
                rows += 1;
                let row = Row { seq: rows, ..row_of(Life::ended(outcome), why) };
                let head = ReportHead { tenant, ..head.clone() };
                match writing.row_of(head, &row) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(failure) => {
                        failed = Some(failure);
                        ControlFlow::Break(())
                    }
                }
            })?;
            failed.map_or(Ok(()), Err)?;
            writing.finish()?;
            Ok(rows.unsigned_abs())
        })
        .await
    }

    /// What is told of a row with these facts. Returns `None` if a campaign has it, or if it is
    /// none that was meant.
    fn told(&self, facts: &Facts) -> Option<Told> {
        if self.planned.iter().any(|own| own.has(facts)) {
            return None;
        }
        if let Some(one) = self.not_planned.iter().find(|one| one.own.has(facts)) {
            let why = format!("not ordered, profile {}: {}", one.profile, one.why);
            return Some((one.tenant.clone(), Outcome::NotAttempted, why));
        }
        if !self.strangers {
            return None;
        }
        let named = facts.tenancy.told().map(|id| id.to_string());
        let named = named.or_else(|| facts.tenant_name.clone());
        let why = match &named {
            Some(name) => format!("no profile is of the tenant {}", printable(name)),
            None => "the row names no tenant".to_owned(),
        };
        Some((named.unwrap_or_default(), Outcome::BadRow, why))
    }
}

/// Where they stand, beside the report over all.
pub(super) fn path_beside(over_all: Option<&Path>, campaign: &CampaignName) -> PathBuf {
    let name = format!("fleetsweep-{campaign}-not-ordered.csv");
    match over_all.and_then(|path| path.file_stem()?.to_str()) {
        Some(stem) => {
            over_all.unwrap_or(Path::new("")).with_file_name(format!("{stem}-not-ordered.csv"))
        }
        None => PathBuf::from(name),
    }
}
