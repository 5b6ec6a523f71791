//! The runs of a series, a day each: what they ordered, how they ended, on which days none began.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{ToSpan, ZonedDateTime};

use super::coverage::Runs;
use crate::domain::{Campaign, CampaignFilter, Doing, Exit, Outcome, SeriesName, Tally, Window};
use crate::ops::failure::Failure;
use crate::ops::status::followed;
use crate::page::query::Query;
use crate::report::human::{count, counted};
use crate::report::standing::Tone;
use crate::store::Store;

/// Weeks that are shown.
const WEEKS: i64 = 6;
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
    /// Its campaigns, and when each of them was last over.
    pub(in crate::page) runs: Runs,
    pub(in crate::page) now: ZonedDateTime,
}

/// A day of a series.
pub(in crate::page) struct Day {
    pub(in crate::page) date: Date,
    /// It lies between the first run of the series and today.
    pub(in crate::page) counts: bool,
    /// No window of the series begins on it; `None` if its windows are not known.
    pub(in crate::page) is_off: Option<bool>,
    pub(in crate::page) runs: Vec<Night>,
}

/// A run of a series.
pub(in crate::page) struct Night {
    pub(in crate::page) campaign: Campaign,
    pub(in crate::page) tone: Tone,
    /// How it ended, in a few words.
    pub(in crate::page) word: String,
    /// Devices that it ordered a scan for, or found covered.
    pub(in crate::page) ordered: u64,
    pub(in crate::page) devices: u64,
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
        let of = |campaign: &Campaign| SeriesName::of(&campaign.name);
        let latest = campaigns.iter().find_map(of);
        let names: BTreeSet<String> =
            campaigns.iter().filter_map(of).map(|series| series.to_string()).collect();
        let all = names.iter().filter_map(|name| name.parse().ok()).collect();
        let Some(series) = asked.or(latest) else {
            let first = "No campaign of this store is of a series.".to_owned();
            let (tone, series, weeks, runs) = (Tone::Idle, None, Vec::new(), Vec::new());
            return Ok(Self { all, series, weeks, first, tone, runs, now });
        };
        let meant = CampaignFilter::default().of_series(&series);
        let mut by_day: BTreeMap<Date, Vec<Night>> = BTreeMap::new();
        let since = monday_before(now.date(), WEEKS - 1);
        let mut windows = None;
        let mut runs = Vec::new();
        for campaign in store.select(&meant).await? {
            let ended = campaign.last_run.as_ref().and_then(|run| run.ended.as_ref());
            runs.push((campaign.id, campaign.finished_at.or(ended.map(|end| end.at))));
            let Some(day) = series.day_of(&campaign.name).filter(|day| *day >= since) else {
                continue;
            };
            if windows.is_none() {
                windows = Some(windows_of(store, &campaign).await?);
            }
            let tally = store.tally(campaign.id).await?;
            let followed = followed(store, &campaign).await?;
            by_day.entry(day).or_default().push(night(campaign, &tally, followed, &now));
        }
        let (first, tone) = first(&by_day);
        let weeks = weeks(by_day, &windows.unwrap_or_default(), since, now.date());
        let missed = missed(&weeks, now.date());
        let tone = if missed.is_empty() { tone } else { tone.min(Tone::Attention) };
        let first = first + &missed;
        Ok(Self { all, series: Some(series), weeks, first, tone, runs, now })
    }
}

fn monday_before(day: Date, weeks: i64) -> Date {
    let back = i64::from(day.weekday().to_monday_zero_offset()) + 7 * weeks;
    day.checked_sub(back.days()).unwrap_or(day)
}

/// The windows in which the runs of a series order, as the latest one was begun.
async fn windows_of<S: Store>(store: &S, campaign: &Campaign) -> Result<Vec<Window>, Failure> {
    let begun = store.begun(campaign.id).await?;
    Ok(begun.and_then(|begun| begun.request.run.speed.hours.windows).unwrap_or_default())
}

/// The days on which a window began and no run did, as far as the windows are known.
fn missed(weeks: &[Vec<Day>], today: Date) -> String {
    let days = weeks.iter().flatten();
    let is_missed = |day: &&Day| {
        day.counts && day.runs.is_empty() && day.is_off == Some(false) && day.date < today
    };
    let missed: Vec<String> =
        days.filter(is_missed).map(|day| day.date.strftime("%-d %b").to_string()).collect();
    match &missed[..] {
        [] => String::new(),
        [one] => format!(" No run began on {one}."),
        some => {
            let latest = some[some.len().saturating_sub(5)..].join(", ");
            format!(" No run began on {} days, the latest {latest}.", count(some.len() as u64))
        }
    }
}

fn weeks(
    mut by_day: BTreeMap<Date, Vec<Night>>,
    windows: &[Window],
    since: Date,
    today: Date,
) -> Vec<Vec<Day>> {
    let begun = by_day.keys().next().copied().unwrap_or(today);
    let mut days = since.series(1.day()).take(7 * WEEKS as usize).map(|date| {
        let mut runs = by_day.remove(&date).unwrap_or_default();
        runs.truncate(A_DAY);
        let begins = windows.iter().any(|window| window.days().has(date.weekday()));
        let is_off = if windows.is_empty() { None } else { Some(!begins) };
        Day { date, counts: date >= begun && date <= today, is_off, runs }
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

fn night(campaign: Campaign, tally: &Tally, followed: bool, now: &ZonedDateTime) -> Night {
    let doing = Doing::of(&campaign, now.timestamp());
    let ended = campaign.last_run.as_ref().and_then(|run| run.ended.as_ref());
    let code = ended.map(|end| end.exit_code);
    let left = if followed { tally.of(Outcome::NotAttempted) } else { tally.open() };
    let is_over = matches!(doing, Doing::Finished | Doing::Cancelled);
    let (tone, word) = match doing {
        Doing::Running | Doing::Waiting => (Tone::Runs, doing.word()),
        Doing::Killed => (Tone::Stopped, doing.word()),
        _ if code == Some(Exit::Safety.code()) => (Tone::Stopped, "stopped by a rule"),
        _ if code == Some(Exit::SignIn.code()) => (Tone::Stopped, "sign-in failed"),
        _ if is_over && needs_attention(tally, followed) => (Tone::Attention, "needs attention"),
        Doing::Cancelled if followed => (Tone::Good, "as planned"),
        Doing::Finished => (Tone::Good, "finished"),
        Doing::Stopped if code == Some(Exit::Done.code()) => (Tone::Good, "as planned"),
        Doing::Stopped | Doing::Paused => (Tone::Attention, doing.word()),
        Doing::Cancelled | Doing::ForWorker | Doing::NotBegun => (Tone::Idle, doing.word()),
    };
    let word = if left > 0 && tone == Tone::Good {
        format!("{word}, {} left", count(left))
    } else {
        word.to_owned()
    };
    Night { tone, word, ordered: tally.covered(), devices: tally.devices(), campaign }
}

/// Whether somebody should look at its rows. What was not asked is the next run's, if there is one.
fn needs_attention(tally: &Tally, followed: bool) -> bool {
    let mut bad = Outcome::ALL.into_iter().filter(|outcome| outcome.needs_attention());
    let is_next = |outcome| followed && outcome == Outcome::NotAttempted;
    bad.any(|outcome| tally.of(outcome) > 0 && !is_next(outcome))
}

/// How the nights are, all in all.
fn first(by_day: &BTreeMap<Date, Vec<Night>>) -> (String, Tone) {
    let Some((day, latest)) = by_day.iter().next_back() else {
        return ("No run of this series within six weeks.".to_owned(), Tone::Attention);
    };
    let Some(latest) = latest.first() else { return (String::new(), Tone::Idle) };
    let runs: Vec<&Night> = by_day.values().flatten().collect();
    let bad = runs.iter().filter(|night| night.tone <= Tone::Attention).count() as u64;
    let mut text = format!(
        "The latest run, of {}, ordered {} of {}: {}.",
        day.strftime("%A %-d %B"),
        count(latest.ordered),
        counted(latest.devices, "device"),
        latest.word
    );
    let verb = if bad == 1 { "needs" } else { "need" };
    text.push_str(&format!(
        " Of {} within six weeks {} {verb} a look.",
        counted(runs.len() as u64, "run"),
        count(bad)
    ));
    (text, latest.tone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_monday_and_days_before_the_first_run_say_nothing() {
        let today: Date = "2026-11-26".parse().unwrap();
        let since = monday_before(today, WEEKS - 1);
        assert_eq!(since.to_string(), "2026-10-19");
        let weeks = weeks(BTreeMap::new(), &[], since, today);
        assert_eq!(weeks.len(), 1, "those before the first run are left out");
        let counting: Vec<_> = weeks[0].iter().map(|day| day.counts).collect();
        assert_eq!(counting, [false, false, false, true, false, false, false]);
    }

    #[test]
    fn a_day_without_a_window_is_missed_by_nobody_and_one_with_a_window_is_told() {
        let day = |date: &str, is_off| Day {
            date: date.parse().unwrap(),
            counts: true,
            is_off,
            runs: Vec::new(),
        };
        let today = "2026-11-26".parse().unwrap();
        let told = |days| missed(&[days], today);
        assert_eq!(told(vec![day("2026-11-21", Some(true)), day("2026-11-26", Some(false))]), "");
        assert_eq!(told(vec![day("2026-11-24", None)]), "", "nobody knows when it was to run");
        let two = vec![day("2026-11-23", Some(false)), day("2026-11-24", Some(false))];
        assert_eq!(told(two), " No run began on 2 days, the latest 23 Nov, 24 Nov.");
    }
}
