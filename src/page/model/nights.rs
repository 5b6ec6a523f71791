//! The runs of a series, a day each: what they ordered, how they ended, on which days none began.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, ZonedDateTime};

use super::coverage::Runs;
use crate::domain::rhythm::is_due;
use crate::domain::service::id_of;
use crate::domain::text::printable;
use crate::domain::{Campaign, CampaignFilter, FailedStart, SeriesName, Window};
use crate::ops::failed_starts::{FailedStarts, tenant_of};
use crate::ops::failure::Failure;
use crate::ops::status::{is_missed, may_begin_still, series_run, windows_of};
use crate::page::query::Query;
use crate::report::series::{SeriesRun, first_sentences};
use crate::report::standing::Tone;
use crate::store::Store;

/// Weeks that are shown.
const WEEKS: i64 = 6;
/// Days within which a tenant had a run, or is not among those of the series any more.
const LATELY: i64 = 8;
/// Runs of a day that are shown.
const A_DAY: usize = 4;

/// The runs of a series.
pub(in crate::page) struct NightsView {
    /// All series of the store.
    pub(in crate::page) all: Vec<SeriesName>,
    /// The one that is shown, if there is any.
    pub(in crate::page) series: Option<SeriesName>,
    /// Its runs, a week each, from Monday on; a day without one is empty.
    pub(in crate::page) weeks: Vec<Vec<Day>>,
    /// How they are, all in all.
    pub(in crate::page) first: String,
    pub(in crate::page) tone: Tone,
    /// They are of several tenants.
    pub(in crate::page) is_of_several: bool,
    /// Its campaigns, and when each of them was last over.
    pub(in crate::page) runs: Runs,
    pub(in crate::page) now: ZonedDateTime,
    /// Its run may begin still, and so may those of later days: today's, and in the first hours
    /// after midnight that of the day before.
    pub(in crate::page) may_begin: Date,
}

/// A day of a series.
pub(in crate::page) struct Day {
    pub(in crate::page) date: Date,
    /// It lies between the first run of the series, or the first that was refused, and today.
    pub(in crate::page) counts: bool,
    /// No window of the series begins on it; `None` if its windows are not known.
    pub(in crate::page) is_off: Option<bool>,
    /// What kept runs from beginning on it, as far as that is known: the tenant of each, unless
    /// nobody said it, and why.
    pub(in crate::page) refused: Vec<(Option<String>, String)>,
    pub(in crate::page) runs: Vec<SeriesRun>,
    /// Runs of it that are not shown.
    pub(in crate::page) more: usize,
}

impl NightsView {
    /// Reads them.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read.
    pub(in crate::page) async fn read<S: Store>(
        store: &S,
        query: &Query,
        now: ZonedDateTime,
    ) -> Result<Self, Failure> {
        let asked = query.get("series").and_then(|series| series.parse::<SeriesName>().ok());
        let campaigns = store.campaigns().await?;
        let monday = monday_before(now.date(), WEEKS - 1);
        let starts = FailedStarts::since(store, monday).await?;
        let of = |campaign: &Campaign| SeriesName::of(&campaign.name);
        let refused = starts.all().iter().rev().filter_map(FailedStart::series);
        let all: BTreeSet<SeriesName> =
            campaigns.iter().filter_map(of).chain(refused.clone().cloned()).collect();
        let latest = campaigns.iter().find_map(of).or(refused.clone().next().cloned());
        let all: Vec<SeriesName> = all.into_iter().collect();
        let Some(series) = asked.or(latest) else {
            let first = "No campaign of this store is of a series.".to_owned();
            let (tone, series, weeks, runs) = (Tone::Idle, None, Vec::new(), Vec::new());
            let (may_begin, is_of_several) = (now.date(), false);
            return Ok(Self {
                all,
                series,
                weeks,
                first,
                tone,
                is_of_several,
                runs,
                now,
                may_begin,
            });
        };
        let meant = CampaignFilter::default().of_series(&series);
        let mut latest: Vec<SeriesRun> = Vec::new();
        let mut runs = Vec::new();
        for campaign in store.select(&meant).await? {
            let ended = campaign.last_run.as_ref().and_then(|run| run.ended.as_ref());
            runs.push((campaign.id, campaign.finished_at.or(ended.map(|end| end.at))));
            let Some(day) = series.day_of(&campaign.name).filter(|day| *day >= monday) else {
                continue;
            };
            latest.push(series_run(store, day, campaign, &now).await?);
        }
        let windows = match latest.first() {
            Some(run) => windows_of(store, &run.campaign).await?,
            None => Vec::new(),
        };
        // By their days, not by when they were opened: a run may be begun late.
        latest.sort_by_key(|run| std::cmp::Reverse(run.day));
        let all_runs: Vec<&SeriesRun> = latest.iter().collect();
        let days = all_runs.iter().map(|run| (run.campaign.order.target.tenant.clone(), run.day));
        let refused = starts.without_run(&series, &days.collect::<Vec<_>>(), now.date());
        let last = latest.first().map(|run| (run.day, run.campaign.opened_at));
        let may_begin = first_to_begin(last, &now);
        let mut missed = missed(&latest, &windows, may_begin);
        let nobody_had_one = |day: &Date| all_runs.iter().all(|run| run.day != *day);
        missed.extend(refused.iter().map(|one| one.day).filter(nobody_had_one));
        let missed: Vec<Date> = missed.into_iter().collect();
        let (mut first, mut tone) = first_sentences(&all_runs, &missed);
        if let Some(told) = not_begun(store, &latest, &refused, &now).await? {
            first.push_str(&told);
            tone = tone.min(Tone::Attention);
        }
        let tenants = latest.iter().map(|run| id_of(&run.campaign.order.target.tenant));
        let is_of_several = tenants.collect::<BTreeSet<_>>().len() > 1;
        let weeks = weeks(latest, &windows, &refused, monday, now.date());
        let series = Some(series);
        Ok(Self { all, series, weeks, first, tone, is_of_several, runs, now, may_begin })
    }
}

/// In how many tenants no run of the latest night began after their last one, and why as far as
/// that is known. Returns `None` if there is none.
async fn not_begun<S: Store>(
    store: &S,
    runs: &[SeriesRun],
    refused: &[FailedStart],
    now: &ZonedDateTime,
) -> Result<Option<String>, Failure> {
    let today = now.date();
    let lately = today.checked_sub(LATELY.days()).unwrap_or(today);
    let mut nights: BTreeSet<Date> = runs.iter().map(|run| run.day).collect();
    nights.extend(refused.iter().map(|one| one.day));
    nights.retain(|day| (lately..=today).contains(day));
    // Of a tenant in which none ever began there is no last one.
    let own = |one: &FailedStart| (id_of(&one.target.tenant), None);
    let mut last: BTreeMap<String, Option<&SeriesRun>> =
        refused.iter().filter(|one| one.day >= lately).map(own).collect();
    for run in runs.iter().filter(|run| run.day >= lately) {
        let last = last.entry(id_of(&run.campaign.order.target.tenant)).or_default();
        if last.is_none_or(|last| run.day > last.day) {
            *last = Some(run);
        }
    }
    let mut missed: BTreeMap<Date, BTreeSet<&String>> = BTreeMap::new();
    // The windows are read of those alone that can have missed one.
    for (tenant, run) in &last {
        if nights.last().is_none_or(|night| run.is_some_and(|run| run.day >= *night)) {
            continue;
        }
        let windows = match run {
            Some(run) => windows_of(store, &run.campaign).await?,
            None => Vec::new(),
        };
        let is_missed = |night: Date| {
            let is_due = |run: &SeriesRun| {
                is_missed(night, (run.day, run.campaign.opened_at), &windows, now)
            };
            let mut own = refused.iter().filter(|one| id_of(&one.target.tenant) == *tenant);
            let is_refused = own.any(|one| one.day == night);
            is_refused && run.is_none_or(|run| night > run.day) || run.is_some_and(is_due)
        };
        for night in nights.iter().filter(|night| is_missed(**night)) {
            missed.entry(*night).or_default().insert(tenant);
        }
    }
    let Some((night, tenants)) = missed.pop_last() else { return Ok(None) };
    let is_one =
        |one: &&FailedStart| one.day == night && tenants.contains(&id_of(&one.target.tenant));
    let why = refused.iter().find(is_one).map(why_not);
    let day = night.strftime("%A %-d %B");
    Ok(Some(match (tenants.len(), last.len(), why) {
        (1, 1, None) => return Ok(None),
        (1, 1, Some(why)) => format!(" On {day} no run began: {why}."),
        (some, all, None) => format!(" In {some} of {all} tenants no run began on {day}."),
        (some, all, Some(why)) => {
            let one = if some == 1 { "" } else { "; in one of them" };
            format!(" In {some} of {all} tenants no run began on {day}{one}: {why}.")
        }
    }))
}

fn monday_before(day: Date, weeks: i64) -> Date {
    let back = i64::from(day.weekday().to_monday_zero_offset()) + 7 * weeks;
    day.checked_sub(back.days()).unwrap_or(day)
}

/// Why no run began, as a part of a sentence.
fn why_not(one: &FailedStart) -> String {
    format!("{} (exit code {})", printable(&one.why), one.exit_code)
}

/// The first day whose run may begin still, by when the last one began.
fn first_to_begin(last: Option<(Date, Timestamp)>, now: &ZonedDateTime) -> Date {
    let yesterday = now.date().yesterday().ok();
    let waits = |day: &Date| last.is_some_and(|last| may_begin_still(*day, last, now));
    yesterday.filter(waits).unwrap_or_else(|| now.date())
}

/// The days before this one on which a window began and no run did, from the first run on.
fn missed(runs: &[SeriesRun], windows: &[Window], before: Date) -> BTreeSet<Date> {
    let begun: BTreeSet<Date> = runs.iter().map(|run| run.day).collect();
    let first = begun.first().copied().unwrap_or(before);
    let days = first.series(1.day()).take_while(|day| *day < before);
    days.filter(|day| !begun.contains(day) && is_due(windows, *day) == Some(true)).collect()
}

fn weeks(
    runs: Vec<SeriesRun>,
    windows: &[Window],
    refused: &[FailedStart],
    since: Date,
    today: Date,
) -> Vec<Vec<Day>> {
    let mut by_day: BTreeMap<Date, Vec<SeriesRun>> = BTreeMap::new();
    for run in runs {
        by_day.entry(run.day).or_default().push(run);
    }
    let first = by_day.keys().next().copied().into_iter();
    let begun = first.chain(refused.iter().map(|one| one.day)).min().unwrap_or(today);
    let mut days = since.series(1.day()).take(7 * WEEKS as usize).map(|date| {
        let mut runs = by_day.remove(&date).unwrap_or_default();
        let more = runs.len().saturating_sub(A_DAY);
        // Those that need somebody are among those that are shown.
        runs.sort_by_key(SeriesRun::tone);
        runs.truncate(A_DAY);
        let is_off = is_due(windows, date).map(|is_due| !is_due);
        let here = refused.iter().filter(|one| one.day == date);
        let refused = here.map(|one| (tenant_of(one).map(id_of), why_not(one))).collect();
        Day { date, counts: date >= begun && date <= today, is_off, refused, runs, more }
    });
    let mut weeks = Vec::new();
    for _ in 0..WEEKS {
        let week: Vec<Day> = days.by_ref().take(7).collect();
        if !weeks.is_empty() || week.iter().any(|day| day.counts) {
            weeks.push(week);
        }
    }
    weeks
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn weeks_begin_on_monday_and_days_before_the_first_run_say_nothing() {
        let today: Date = "2026-11-26".parse().unwrap();
        let since = monday_before(today, WEEKS - 1);
        assert_eq!(since.to_string(), "2026-10-19");
        let weeks = weeks(Vec::new(), &[], &[], since, today);
        assert_eq!(weeks.len(), 1, "those before the first run are left out");
        let counting: Vec<_> = weeks[0].iter().map(|day| day.counts).collect();
        assert_eq!(counting, [false, false, false, true, false, false, false]);
    }

    #[test]
    fn after_midnight_the_run_of_the_day_before_may_begin_still_for_a_while() {
        let last = ("2026-11-25".parse().unwrap(), "2026-11-25T23:30Z".parse().unwrap());
        let at = |now: &str| {
            let now: Timestamp = now.parse().unwrap();
            first_to_begin(Some(last), &now.to_zoned_datetime(TimeZone::UTC)).to_string()
        };
        assert_eq!(at("2026-11-26T23:59Z"), "2026-11-26");
        assert_eq!(at("2026-11-27T00:59Z"), "2026-11-26");
        assert_eq!(at("2026-11-27T01:00Z"), "2026-11-27");
    }
}
