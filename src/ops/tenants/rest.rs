//! The rows of a list of several tenants that no campaign has: those of tenants that could not be
//! planned, and those that belong to no profile. They stand in no store; a file of their own tells
//! what became of them, so that no device of the list is lost without a word.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::Tenant;
use super::list::Split;
use super::planned::Planned;
use crate::domain::request::{OutputRequest, ScanRequest};
use crate::domain::text::printable;
use crate::domain::{Campaign, CampaignName, Exit, Facts, Life, OnlyOf, Outcome, Row};
use crate::intake::Options;
use crate::ops::campaigns::{is_whose, said_of};
use crate::ops::context::Context;
use crate::ops::failure::{Failure, Reason};
use crate::ops::plan::{listing, side_list};
use crate::ops::run::reports::Reports;
use crate::ops::standings::not_done;
use crate::report::ReportHead;
use crate::store::Store;

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
    /// Rows that belong to no profile are told too.
    pub(super) strangers: bool,
}

/// What is told of a row: whose it is, how it ended, and why.
type Told = (String, Outcome, String);

impl Rest {
    /// The rows of the list that are in none of these campaigns. Those that belong to no
    /// profile are told where all profiles are meant: else the others have tenants of their own.
    pub(super) fn of(
        tenants: &[Tenant],
        requests: &[Result<ScanRequest, Failure>],
        planned: &BTreeMap<usize, Planned>,
        before: &BTreeMap<usize, Campaign>,
        strangers: bool,
    ) -> Self {
        let mut rest = Self { planned: Vec::new(), not_planned: Vec::new(), strangers };
        for (at, planned) in planned {
            let Some(own) = requests[*at].as_ref().ok().and_then(|one| one.only_of.clone()) else {
                continue;
            };
            match planned {
                Ok(_) => rest.planned.push(own),
                // What another list of that name ordered is told, and its rows are not these.
                Err(failure) if before.contains_key(at) && !is_another(failure) => {
                    rest.planned.push(own);
                }
                Err(failure) => {
                    let (profile, tenant) =
                        (tenants[*at].name.clone(), tenants[*at].said().to_owned());
                    let why = not_done(failure).why;
                    rest.not_planned.push(NotPlanned { profile, tenant, own, why });
                }
            }
        }
        rest
    }

    /// It, if there is any; else it is said of a file of such rows that it is an earlier command's.
    pub(super) fn or_none(self, cx: &Context<'_>, split: &Split, file: &Path) -> Option<Self> {
        if !self.not_planned.is_empty() || split.lost > 0 {
            return Some(self);
        }
        if !self.planned.is_empty() && file.exists() {
            cx.say(&format!(
                "Note: {} is of an earlier command; each row of this list is in a campaign now.",
                printable(&file.display().to_string())
            ));
        }
        None
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
            let mut writing = reports.begin(&head)?;
            let mut rows = 0;
            listing::each_row(&sources, &options, |facts, row_of| {
                let Some((tenant, outcome, why)) = self.told(facts) else {
                    return ControlFlow::Continue(());
                };
                rows += 1;
                let row = Row { seq: rows, ..row_of(Life::ended(outcome), why) };
                writing.row_of(&ReportHead { tenant, ..head.clone() }, &row);
                ControlFlow::Continue(())
            })?;
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

/// Whether the campaign of the name is one of another list.
fn is_another(failure: &Failure) -> bool {
    failure.kind == Exit::Refused && failure.reason != Reason::Finished
}

/// The campaigns of this name that tenants have already of which none could be planned now.
pub(super) async fn there_already<S: Store>(
    store: &S,
    name: &CampaignName,
    tenants: &[Tenant],
    planned: &BTreeMap<usize, Planned>,
) -> Result<BTreeMap<usize, Campaign>, Failure> {
    let all = store.named(name).await?;
    let mut there = BTreeMap::new();
    for at in planned.iter().filter(|(_, planned)| planned.is_err()).map(|(at, _)| *at) {
        let said = said_of(store, &tenants[at].connect).await?;
        let own = all.iter().find(|one| is_whose(&one.order.target, &said));
        there.extend(own.map(|one| (at, one.clone())));
    }
    Ok(there)
}
