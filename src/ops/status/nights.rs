//! `status --nights`: the runs of series, a line a night, also for nights on which none began.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan, ZonedDateTime};

use crate::clock::local_now;
use crate::domain::happening::{HAPPENINGS_KEPT, Happened};
use crate::domain::rhythm::{TO_BEGIN, days_between, is_due};
use crate::domain::service::id_of;
use crate::domain::text::printable;
use crate::domain::{
    Campaign, CampaignFilter, Doing, FailedStart, Outcome, SeriesName, Target, Window,
};
use crate::ops::campaigns::is_whose;
use crate::ops::context::Context;
use crate::ops::failed_starts::{FailedStarts, is_in};
use crate::ops::failure::Failure;
use crate::ops::happenings::followed;
use crate::ops::process::looked_at;
use crate::report::human::{counted, wrapped};
use crate::report::series::SeriesRun;
use crate::report::standing::because;
use crate::report::{Document, jsonl};
use crate::store::Store;

/// Nights that are told of.
const NIGHTS: i64 = 35;

/// The runs of one series in one tenant.
pub(super) struct Nights {
    series: SeriesName,
    tenant: String,
    /// What people call the tenant: its profile, if it has one.
    tenant_name: Option<String>,
    /// The windows of the latest run; none if they are not known.
    windows: Vec<Window>,
    /// Each night from the first run that is told of to today, the latest first.
    nights: Vec<(Date, Vec<SeriesRun>)>,
    /// What kept a run from beginning on a night without one, where that is known.
    refused: Vec<FailedStart>,
}

/// A tenant that was asked about, and in which no run began.
pub(super) struct NoNights {
    pub(super) series: Option<SeriesName>,
    pub(super) tenant: String,
    pub(super) tenant_name: Option<String>,
}

/// The nights of every series, or of this one, in these tenants; none are all.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(super) async fn read<S: Store>(
    cx: &Context<'_>,
    store: &S,
    series: Option<&SeriesName>,
    tenants: &[Target],
) -> Result<Vec<Nights>, Failure> {
    let now = local_now();
    let today = now.date();
    let since = today.checked_sub((NIGHTS - 1).days()).unwrap_or(today);
    let all = CampaignFilter::default();
    let all = series.map_or(all.clone(), |series| all.of_series(series));
    let mut of_series: BTreeMap<(SeriesName, String), Vec<SeriesRun>> = BTreeMap::new();
    let mut days: BTreeMap<SeriesName, Vec<(String, Date)>> = BTreeMap::new();
    for campaign in store.select(&all).await? {
        let Some(own) = SeriesName::of(&campaign.name) else { continue };
        let target = &campaign.order.target;
        let Some(day) = own.day_of(&campaign.name).filter(|day| *day >= since) else { continue };
        if series.is_some_and(|series| *series != own) {
            continue;
        }
        days.entry(own.clone()).or_default().push((target.tenant.clone(), day));
        if !tenants.is_empty() && !tenants.iter().any(|one| is_whose(target, one)) {
            continue;
        }
        let key = (own, campaign.order.target.tenant.clone());
        let run = series_run(store, day, campaign, &now).await?;
        of_series.entry(key).or_default().push(run);
    }
    let mut refused = refused(store, &days, series, (since, today)).await?;
    refused
        .retain(|one| tenants.is_empty() || tenants.iter().any(|own| is_whose(&one.target, own)));
    for one in &refused {
        let Some(own) = one.series() else { continue };
        let is_own = |(series, tenant): &(SeriesName, String)| series == own && is_in(one, tenant);
        if !of_series.keys().any(is_own) {
            of_series.insert((own.clone(), one.target.tenant.clone()), Vec::new());
        }
    }
    let begun = latest_nights(&of_series, today);
    let mut all = Vec::new();
    for ((series, tenant), runs) in of_series {
        let windows = match runs.first() {
            Some(latest) => windows_of(store, &latest.campaign).await?,
            None => Vec::new(),
        };
        let last =
            runs.iter().max_by_key(|run| run.day).map(|run| (run.day, run.campaign.opened_at));
        let begun = begun.get(&series).copied();
        let missed =
            begun.filter(|night| last.is_some_and(|last| is_missed(*night, last, &windows, &now)));
        let is_own = |one: &&FailedStart| one.series() == Some(&series) && is_in(one, &tenant);
        let refused: Vec<FailedStart> = refused.iter().filter(is_own).cloned().collect();
        let missed = missed.max(refused.last().map(|one| one.day));
        let target = runs.first().map(|run| &run.campaign.order.target);
        let target = target.or(refused.first().map(|one| &one.target));
        let tenant_name = target.and_then(|target| cx.commands.tenant_name(target));
        let may_begin = |night| last.is_some_and(|last| may_begin_still(night, last, &now));
        let first = refused.first().map(|one| one.day);
        let nights = match runs.is_empty() {
            // Its windows are not known, so neither are other nights that it missed.
            true => refused.iter().rev().map(|one| (one.day, Vec::new())).collect(),
            false => by_night(runs, today, first, missed, may_begin),
        };
        all.push(Nights { series, tenant, tenant_name, windows, nights, refused });
    }
    Ok(all)
}

/// The latest night of each series up to today, in whatever tenant.
fn latest_nights(
    of_series: &BTreeMap<(SeriesName, String), Vec<SeriesRun>>,
    today: Date,
) -> BTreeMap<SeriesName, Date> {
    let mut latest: BTreeMap<SeriesName, Date> = BTreeMap::new();
    for ((series, _), runs) in of_series {
        for day in runs.iter().map(|run| run.day).filter(|day| *day <= today) {
            let night = latest.entry(series.clone()).or_insert(day);
            *night = day.max(*night);
        }
    }
    latest
}

/// Starts of all series, or of this one, on whose days no run of it began in their tenant; these
/// are the runs of each, with their tenants.
async fn refused<S: Store>(
    store: &S,
    runs: &BTreeMap<SeriesName, Vec<(String, Date)>>,
    series: Option<&SeriesName>,
    (since, today): (Date, Date),
) -> Result<Vec<FailedStart>, Failure> {
    let starts = FailedStarts::since(store, since).await?;
    let all = starts.all().iter().filter_map(FailedStart::series);
    let all: BTreeSet<&SeriesName> =
        all.filter(|own| series.is_none_or(|series| series == *own)).collect();
    let none = Vec::new();
    let refused = |series: &&SeriesName| {
        starts.without_run(series, runs.get(*series).unwrap_or(&none), today)
    };
    Ok(all.iter().flat_map(refused).collect())
}

/// Whether a tenant missed a night of its series that began in others. Its last run, with these
/// windows, was of that day: the night is missed if it is due, and would have begun by now had it
/// begun at the same time of day.
pub(crate) fn is_missed(
    night: Date,
    last: (Date, Timestamp),
    windows: &[Window],
    now: &ZonedDateTime,
) -> bool {
    last.0 < night && is_due(windows, night) != Some(false) && !may_begin_still(night, last, now)
}

/// When the run of a night is to have begun, if it begins at the time of day of the last run, which
/// was of that day.
fn expected(night: Date, (day, opened_at): (Date, Timestamp)) -> Timestamp {
    let later = SignedDuration::from_hours(24 * days_between(day, night)) + TO_BEGIN;
    opened_at.checked_add(later).unwrap_or(Timestamp::MAX)
}

/// Whether the run of a night may begin still, if it begins at the time of day of the last run,
/// which was of that day.
pub(crate) fn may_begin_still(night: Date, last: (Date, Timestamp), now: &ZonedDateTime) -> bool {
    now.timestamp() < expected(night, last)
}

/// The runs of each night from the first one, or the first that was refused, to today, the latest
/// first. One night was missed. The last ones without a run are left out while theirs may begin
/// still.
fn by_night(
    runs: Vec<SeriesRun>,
    today: Date,
    refused: Option<Date>,
    missed: Option<Date>,
    may_begin: impl Fn(Date) -> bool,
) -> Vec<(Date, Vec<SeriesRun>)> {
    let mut by_day: BTreeMap<Date, Vec<SeriesRun>> = BTreeMap::new();
    for run in runs {
        by_day.entry(run.day).or_default().push(run);
    }
    let (first, last) = (by_day.keys().next().copied(), by_day.keys().next_back().copied());
    let first = first.into_iter().chain(refused).min();
    let last = last.unwrap_or(today).max(today).max(missed.unwrap_or(today));
    let days = first.unwrap_or(today).series(1.day()).take_while(|day| *day <= last);
    let mut nights: Vec<_> =
        days.map(|day| (day, by_day.remove(&day).unwrap_or_default())).collect();
    // Tonight's run may still come, and after midnight that of the day before.
    while nights.last().is_some_and(|(day, runs)| {
        runs.is_empty() && Some(*day) != missed && (*day >= today || may_begin(*day))
    }) {
        nights.pop();
    }
    nights.reverse();
    nights
}

/// How a run of a series stands, which its name says to be of this day.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(crate) async fn series_run<S: Store>(
    store: &S,
    day: Date,
    campaign: Campaign,
    now: &ZonedDateTime,
) -> Result<SeriesRun, Failure> {
    let campaign = looked_at(campaign);
    let tally = store.tally(campaign.id).await?;
    let doing = Doing::of(&campaign, now.timestamp());
    let followed = followed(store, &campaign).await?;
    let run = SeriesRun { day, campaign, tally, doing, followed, first_end: None };
    let first_end = match run.gone_on_at(now.time_zone()) {
        Some(_) => first_end(store, &run.campaign).await?,
        None => None,
    };
    Ok(SeriesRun { first_end, ..run })
}

/// Why the first run of a campaign ended, if that is known still; one that was killed has no end.
async fn first_end<S: Store>(store: &S, campaign: &Campaign) -> Result<Option<String>, Failure> {
    let (mut is_whole, mut runs) = (false, 0);
    for one in store.happenings(campaign.id, 0, HAPPENINGS_KEPT).await? {
        match one.happening.what {
            Happened::Begun => is_whole = true,
            Happened::RunBegun => runs += 1,
            Happened::RunEnded { why, .. } => return Ok((is_whole && runs == 1).then_some(why)),
            _ => {}
        }
    }
    Ok(None)
}

/// The windows in which a campaign orders, as it was begun; none if they are not known.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(crate) async fn windows_of<S: Store>(
    store: &S,
    campaign: &Campaign,
) -> Result<Vec<Window>, Failure> {
    let begun = store.begun(campaign.id).await?;
    Ok(begun.and_then(|begun| begun.request.run.speed.hours.windows).unwrap_or_default())
}

impl Nights {
    /// Whether they are those of this tenant.
    pub(super) fn is_of(&self, target: &Target) -> bool {
        id_of(&self.tenant) == id_of(&target.tenant)
    }

    /// What kept a run from beginning on a day.
    fn refused_on(&self, day: Date) -> Option<&FailedStart> {
        self.refused.iter().find(|one| one.day == day)
    }
}

impl Document for Nights {
    fn text(&self) -> String {
        let runs = self.nights.iter().map(|(_, runs)| runs.len() as u64).sum();
        let tenant = printable(self.tenant_name.as_ref().unwrap_or(&self.tenant));
        let head = format!("{}, tenant {tenant}: {}", self.series, counted(runs, "run"));
        let (mut lines, zone) = (vec![head], local_now());
        for (date, runs) in &self.nights {
            let day = date.strftime("%a %Y-%m-%d");
            if runs.is_empty() {
                let is_off = is_due(&self.windows, *date) == Some(false);
                let why = match self.refused_on(*date) {
                    Some(FailedStart { why, exit_code, .. }) => {
                        format!("no run began{} (exit code {exit_code})", because(&printable(why)))
                    }
                    None if is_off => "no window".to_owned(),
                    None => "no run began".to_owned(),
                };
                lines.push(wrapped(&format!("  {day}  {why}"), 4));
            }
            for run in runs {
                // Several runs of one night are told apart.
                let which = match runs.len() {
                    1 => String::new(),
                    _ => format!(" ({})", run.campaign.name),
                };
                let told = run.told(zone.time_zone());
                let line = format!("  {day}  {:>25}  {told}{which}", run.amount());
                lines.push(wrapped(&line, 4));
            }
        }
        lines.join("\n")
    }

    fn json(&self) -> String {
        let lines = self.nights.iter().flat_map(|(day, runs)| {
            let none = serde_json::json!({
                "v": 1, "type": "night", "series": self.series, "tenant": self.tenant,
                "tenant_name": self.tenant_name,
                "date": day.to_string(), "campaign": null, "due": is_due(&self.windows, *day),
                "why": self.refused_on(*day).map(|one| &one.why),
                "exit_code": self.refused_on(*day).map(|one| one.exit_code),
            });
            let none = if runs.is_empty() { Some(none) } else { None };
            none.into_iter().chain(runs.iter().map(|run| {
                let last = run.campaign.last_run.as_ref();
                let doing = if run.followed { "handed on" } else { run.doing.word() };
                serde_json::json!({
                    "v": 1, "type": "night", "series": self.series, "tenant": self.tenant,
                "tenant_name": self.tenant_name,
                    "date": day.to_string(), "campaign": run.campaign.name,
                    "doing": doing.replace(' ', "_"),
                    "stands": run.night().word().replace([' ', '-'], "_"),
                    "why": last.and_then(|last| last.ended.as_ref()).map(|end| &end.why),
                    "devices": run.tally.devices(), "ordered": run.ordered(),
                    "covered": run.covered(), "skipped": run.tally.of(Outcome::Skipped),
                    "attention": run.attention(),
                    "open": run.tally.open(), "left": run.left(), "followed": run.followed,
                    "exit_code": run.exit_code(),
                    "began_at": last.map(|last| last.began_at),
                    "seen_at": last.and_then(|last| last.seen_at),
                    "ended_at": last.and_then(|last| last.ended.as_ref()).map(|end| end.at),
                })
            }))
        });
        lines.map(|line| jsonl::line(&line)).collect::<Vec<_>>().join("\n")
    }
}

impl Document for NoNights {
    fn text(&self) -> String {
        let of = self.series.as_ref().map_or("a series".to_owned(), ToString::to_string);
        let tenant = printable(self.tenant_name.as_ref().unwrap_or(&self.tenant));
        format!("tenant {tenant}: no run of {of} began within five weeks")
    }

    fn json(&self) -> String {
        let Self { series, tenant, tenant_name } = self;
        jsonl::line(&serde_json::json!({
            "v": 1, "type": "night", "series": series, "tenant": tenant,
            "tenant_name": tenant_name, "date": null, "campaign": null,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_is_missed_that_is_due_and_would_have_begun_by_now() {
        let windows: Vec<Window> = vec!["Mon-Fri 22:00-06:00".parse().unwrap()];
        let last = ("2026-11-26".parse().unwrap(), "2026-11-26T21:00Z".parse().unwrap());
        let is_missed_at = |night: &str, now: &str| {
            let now = now.parse::<Timestamp>().unwrap().to_zoned_datetime(jiff::tz::TimeZone::UTC);
            is_missed(night.parse().unwrap(), last, &windows, &now)
        };
        assert!(is_missed_at("2026-11-27", "2026-11-27T22:30Z"));
        // Others may begin hours earlier, and summer time may end.
        assert!(!is_missed_at("2026-11-27", "2026-11-27T22:29Z"));
        assert!(!is_missed_at("2026-11-26", "2026-11-27T22:30Z"), "it has that one");
        assert!(!is_missed_at("2026-11-28", "2026-11-28T22:30Z"), "a Saturday");
    }
}
