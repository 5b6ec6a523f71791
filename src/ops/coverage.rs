//! How much of a fleet has had a scan, for `status --coverage` and for the page. It only reads the
//! store, and all of its rows, so whoever shows it again keeps it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::campaigns::is_whose;
use super::context::Context;
use super::failure::Failure;
use crate::clock::local_now;
use crate::domain::history::{Ages, LOOKED_BACK};
use crate::domain::{
    Campaign, CampaignFilter, CampaignId, CampaignState, DeviceId, SeriesName, Target,
};
use crate::engine::history::{Fleet, History, Whose, a_run};
use crate::report::coverage::Covered;
use crate::store::Store;

/// Devices that have waited longest, as far as they are named.
const WAITED: usize = 20;

/// Within which time every device should have had an order.
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

/// The latest runs whose mean is the rate.
const RUNS: usize = 7;

/// What is known of a fleet.
pub(crate) struct FleetCoverage {
    /// The figures.
    pub(crate) covered: Covered,
    /// Devices without any order that does, which the server refused.
    pub(crate) refused: u64,
    /// Those without one within 7 days that have waited longest, the longest first.
    pub(crate) waited: Vec<Waiting>,
    /// The campaign whose list is the fleet, or the latest of several.
    pub(crate) latest: CampaignId,
}

/// A device that waits for its next order.
pub(crate) struct Waiting {
    pub(crate) device: DeviceId,
    /// When the latest scan was ordered that does; `None` if that was too long ago or never.
    pub(crate) ordered: Option<Timestamp>,
}

/// Tells the coverage of each tenant's fleet, or of those that are meant.
///
/// # Errors
/// `Failure` if there is nothing to tell, or if the store cannot be read.
pub(super) async fn coverage<S: Store>(
    cx: &Context<'_>,
    series: Option<&SeriesName>,
    said: &[Target],
    store: &S,
) -> Result<(), Failure> {
    let mut left = campaigns_of(store, series).await?;
    let is_meant = |one: &Campaign| said.iter().any(|said| is_whose(&one.order.target, said));
    left.retain(|one| said.is_empty() || is_meant(one));
    if left.is_empty() {
        return Err(nothing(cx, series, !said.is_empty()));
    }
    while !left.is_empty() {
        let whose = whose(&left[0]);
        let (own, others) = left.into_iter().partition(|one| whose.owns(one));
        left = others;
        let covered = read(store, series, &own).await?.covered;
        let tenant_name = cx.commands.tenant_name(&covered.target);
        cx.ui.show(&Covered { tenant_name, ..covered })?;
    }
    Ok(())
}

async fn campaigns_of<S: Store>(
    store: &S,
    series: Option<&SeriesName>,
) -> Result<Vec<Campaign>, Failure> {
    let all = CampaignFilter::default();
    let meant = series.map_or(all.clone(), |series| all.of_series(series));
    let mut campaigns = store.select(&meant).await?;
    campaigns.retain(|one| series.is_none_or(|series| series.has(&one.name)));
    Ok(campaigns)
}

/// Reads every row of the fleet's campaigns within the time that is looked back. Returns `None` if
/// there is no campaign.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(crate) async fn fleet_coverage<S: Store>(
    store: &S,
    series: Option<&SeriesName>,
) -> Result<Option<FleetCoverage>, Failure> {
    let campaigns = of_one_fleet(campaigns_of(store, series).await?);
    if campaigns.is_empty() {
        return Ok(None);
    }
    read(store, series, &campaigns).await.map(Some)
}

/// How much of the fleet of a campaign's series is covered, by the age of orders. Returns `None`
/// for a campaign of no series.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(super) async fn ages<S: Store>(
    store: &S,
    campaign: &Campaign,
) -> Result<Option<Ages>, Failure> {
    let Some(series) = SeriesName::of(&campaign.name) else { return Ok(None) };
    let mut campaigns = campaigns_of(store, Some(&series)).await?;
    // The same series of another tenant is another fleet.
    campaigns.retain(|one| one.order.target.tenant == campaign.order.target.tenant);
    let campaigns = of_one_fleet(campaigns);
    if campaigns.is_empty() {
        return Ok(None);
    }
    let FleetCoverage { covered, .. } = read(store, Some(&series), &campaigns).await?;
    Ok(Some(covered.coverage.ages(covered.at.timestamp())))
}

/// The coverage of the fleet of these campaigns, the latest first; there is at least one.
async fn read<S: Store>(
    store: &S,
    series: Option<&SeriesName>,
    campaigns: &[Campaign],
) -> Result<FleetCoverage, Failure> {
    let latest = &campaigns[0];
    let whose = whose(latest);
    let now = local_now();
    let mut history = History::new(latest.order.scan_type, now.timestamp());
    history.read_store(store, &whose).await?;
    let since = now.timestamp().checked_sub(LOOKED_BACK).unwrap_or(Timestamp::UNIX_EPOCH);
    // A list of the series is the whole fleet; other lists are parts of it.
    let lists = if series.is_some() { 1 } else { campaigns.len() };
    let mut fleet = Fleet::default();
    let mut others = Fleet::default();
    for (at, campaign) in campaigns.iter().enumerate().filter(|(_, one)| one.opened_at >= since) {
        // Every plan knew of earlier orders, also where its list is not the fleet.
        let of = if at < lists { &mut fleet } else { &mut others };
        of.read(store, campaign, &mut history).await?;
    }
    let is_apart = |device: &DeviceId| {
        fleet.cannot.contains_key(device) && history.of(*device).ordered.is_none()
    };
    let mut cannot_scan = BTreeMap::new();
    for (_, group) in fleet.cannot.iter().filter(|(device, _)| is_apart(device)) {
        *cannot_scan.entry(*group).or_default() += 1;
    }
    let devices: Vec<DeviceId> =
        fleet.devices.iter().filter(|device| !is_apart(device)).copied().collect();
    let over = |one: &&Campaign| {
        let ended = one.last_run.as_ref().is_some_and(|run| run.ended.is_some());
        ended || one.state == CampaignState::Finished
    };
    let over: Vec<Campaign> = campaigns.iter().filter(over).cloned().collect();
    let (refused, waited) = longest(&history, &devices);
    let covered = Covered {
        series: series.map(ToString::to_string),
        target: latest.order.target.clone(),
        tenant_name: None,
        emulated: latest.emulated,
        scan_type: latest.order.scan_type,
        coverage: history.coverage(devices.iter().copied()),
        by_others: history.by_others(devices),
        cannot_scan,
        a_run: a_run(store, &over, RUNS).await?,
        at: now,
    };
    Ok(FleetCoverage { covered, refused, waited, latest: latest.id })
}

/// How many devices have nothing but refusals, and which have waited longest.
fn longest(history: &History, devices: &[DeviceId]) -> (u64, Vec<Waiting>) {
    let mut refused = 0;
    let mut all: Vec<Waiting> = Vec::new();
    for device in devices.iter().copied() {
        let past = history.of(device);
        refused += u64::from(past.ordered.is_none() && past.refused.is_some());
        if !past.is_recent(WEEK, history.now()) {
            all.push(Waiting { device, ordered: past.ordered });
        }
    }
    all.sort_by_key(|one| (one.ordered, one.device));
    all.truncate(WAITED);
    (refused, all)
}

/// The campaigns of the fleet that the latest one is about, the latest first.
fn of_one_fleet(mut campaigns: Vec<Campaign>) -> Vec<Campaign> {
    if let Some(whose) = campaigns.first().map(whose) {
        campaigns.retain(|one| whose.owns(one));
    }
    campaigns
}

fn whose(campaign: &Campaign) -> Whose {
    let tenant = Some(campaign.order.target.tenant.clone());
    Whose { tenant, emulated: campaign.emulated }
}

fn nothing(cx: &Context<'_>, series: Option<&SeriesName>, of_some: bool) -> Failure {
    let whose = if of_some { " of the tenants that are meant" } else { "" };
    let why = match series {
        Some(series) => format!("no campaign of the series {series}{whose} is in the store"),
        None => format!("no campaign{whose} is in the store"),
    };
    let status = cx.commands.of_store("status");
    let next = format!("see `{status}` for the campaigns, or name their store with --store");
    Failure::usage("there is no coverage to tell", why, next)
}
