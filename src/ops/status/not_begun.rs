//! What kept runs from beginning since the latest one of their series, or at all: who only asks how
//! it stands would take the night before for the last one, or nothing for a quiet week. `nights`
//! tells of all nights.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, ToSpan};

use crate::clock::{local_now, wall_clock};
use crate::domain::service::id_of;
use crate::domain::text::printable;
use crate::domain::{
    Campaign, CampaignFilter, CampaignName, FailedStart, SeriesName, StartOf, Target,
};
use crate::ops::campaigns::is_whose;
use crate::ops::context::Commands;
use crate::ops::failed_starts::{FailedStarts, tenant_of};
use crate::ops::failure::Failure;
use crate::report::human::wrapped;
use crate::report::standing::because;
use crate::report::{Document, jsonl};
use crate::store::Store;

/// Days after which nobody asks about it any more.
const LATELY: i64 = 8;

/// Which are meant.
#[derive(Clone, Copy, Default)]
pub(crate) struct StartsMeant<'a> {
    /// Those of this campaign.
    pub(crate) campaign: Option<&'a CampaignName>,
    /// Those of this series.
    pub(crate) series: Option<&'a SeriesName>,
    /// Those in these tenants; none are all.
    pub(crate) tenants: &'a [Target],
}

/// A start that came to nothing, and after which none began.
pub(crate) struct Latest {
    pub(crate) start: FailedStart,
    /// There is more than one tenant to tell of.
    is_of_several: bool,
    /// Another run of its series began on its day, before it.
    pub(crate) is_another: bool,
}

/// The same for people.
pub(crate) struct NotBegun {
    latest: Latest,
    tenant_name: Option<String>,
    /// The command that tells of all nights.
    nights: String,
}

/// The latest of each series, or campaign, in each tenant, unless a run began after it, for people.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(crate) async fn read<S: Store>(
    commands: &Commands,
    store: &S,
    meant: StartsMeant<'_>,
) -> Result<Vec<NotBegun>, Failure> {
    let told = |latest: Latest| NotBegun {
        tenant_name: commands.tenant_name(&latest.start.target),
        nights: commands.of_store("status --nights"),
        latest,
    };
    Ok(latest(store, meant).await?.into_iter().map(told).collect())
}

/// The latest of each series, or campaign, in each tenant, unless a run began after it; the latest
/// of all come first.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(crate) async fn latest<S: Store>(
    store: &S,
    meant: StartsMeant<'_>,
) -> Result<Vec<Latest>, Failure> {
    let today = local_now().date();
    let starts = FailedStarts::since(store, today.saturating_sub(LATELY.days())).await?;
    let mut latest: BTreeMap<(&StartOf, String), &FailedStart> = BTreeMap::new();
    for one in starts.all().iter().filter(|one| meant.has(one)) {
        latest.insert((&one.of, id_of(&one.target.tenant)), one);
    }
    if latest.is_empty() {
        return Ok(Vec::new());
    }
    let since = wall_clock().checked_sub(SignedDuration::from_hours(24 * (LATELY + 1))).ok();
    let lately = CampaignFilter { not_over_before: since, ..CampaignFilter::default() };
    let mut of_tenant: BTreeMap<String, Vec<Campaign>> = BTreeMap::new();
    for campaign in store.select(&lately).await? {
        of_tenant.entry(id_of(&campaign.order.target.tenant)).or_default().push(campaign);
    }
    let with_starts = latest.keys().map(|(_, tenant)| tenant);
    let is_of_several = with_starts.chain(of_tenant.keys()).collect::<BTreeSet<_>>().len() > 1;
    let stands = |start: &FailedStart| {
        let own: Vec<&Campaign> = match tenant_of(start) {
            Some(tenant) => of_tenant.get(&id_of(tenant)).into_iter().flatten().collect(),
            None => of_tenant.values().flatten().collect(),
        };
        if own.iter().any(|one| is_made_up_for(start, one)) {
            return None;
        }
        let day = |one: &&Campaign| start.series()?.day_of(&one.name);
        let is_another = own.iter().any(|one| day(one) == Some(start.day));
        Some(Latest { start: start.clone(), is_of_several, is_another })
    };
    let mut all: Vec<Latest> = latest.into_values().filter_map(stands).collect();
    all.sort_by_key(|one| Reverse(one.start.at));
    Ok(all)
}

/// Whether this campaign of the same tenant is what a start was to begin, or came after it in its
/// place.
fn is_made_up_for(start: &FailedStart, campaign: &Campaign) -> bool {
    let is_later = campaign.opened_at >= start.at;
    match &start.of {
        StartOf::Series(series) => is_later && series.has(&campaign.name),
        // Whoever tries again may give it another name; a night is no such try.
        StartOf::Campaign(name) => {
            is_later && SeriesName::of(&campaign.name).is_none() || campaign.name == *name
        }
    }
}

impl StartsMeant<'_> {
    fn has(&self, start: &FailedStart) -> bool {
        let Self { campaign, series, tenants } = self;
        let is_of = match (&start.of, campaign, series) {
            (StartOf::Campaign(own), Some(name), _) => own == *name,
            (StartOf::Series(_), Some(_), _) => false,
            (StartOf::Series(own), None, Some(series)) => own == *series,
            (StartOf::Campaign(own), None, Some(series)) => series.has(own),
            (_, None, None) => true,
        };
        is_of && (tenants.is_empty() || tenants.iter().any(|one| is_whose(&start.target, one)))
    }
}

impl NotBegun {
    /// What it is, in a sentence.
    pub(crate) fn sentence(&self) -> String {
        let Self { latest: Latest { start, is_of_several, is_another }, tenant_name, .. } = self;
        let FailedStart { of, day, why, exit_code, .. } = start;
        let tenant = tenant_name.as_deref().or(tenant_of(start).filter(|_| *is_of_several));
        let tenant = tenant.map(|name| format!(" for {}", printable(name))).unwrap_or_default();
        let (of, why) = (of.name(), because(&printable(why)));
        let day = day.strftime("%a %Y-%m-%d");
        match is_another {
            true => format!(
                "Another run of {of} did not begin{tenant} on {day} (exit code {exit_code}){why}."
            ),
            false => format!("No run of {of} began{tenant} on {day} (exit code {exit_code}){why}."),
        }
    }
}

impl Document for NotBegun {
    fn text(&self) -> String {
        let told = match self.latest.start.of {
            StartOf::Series(_) => format!(" `{}` tells of all nights.", self.nights),
            StartOf::Campaign(_) => String::new(),
        };
        wrapped(&format!("! {}{told}", self.sentence()), 2)
    }

    fn json(&self) -> String {
        let Self { latest: Latest { start, .. }, tenant_name, .. } = self;
        let (series, campaign) = match &start.of {
            StartOf::Series(series) => (Some(series), None),
            StartOf::Campaign(campaign) => (None, Some(campaign)),
        };
        jsonl::line(&serde_json::json!({
            "v": 1, "type": "not_begun", "series": series, "campaign": campaign,
            "tenant": tenant_of(start), "tenant_name": tenant_name,
            "date": start.day.to_string(), "at": start.at, "why": start.why,
            "exit_code": start.exit_code, "by": start.by, "host": start.host,
        }))
    }
}
