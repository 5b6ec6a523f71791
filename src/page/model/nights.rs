//! The runs of a series, a day each: what they ordered, how they ended, on which days none began.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{ToSpan, ZonedDateTime};

use crate::domain::{
    Campaign, CampaignFilter, CampaignState, Doing, Exit, Outcome, SeriesName, Tally,
};
use crate::ops::failure::Failure;
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
    pub(in crate::page) now: ZonedDateTime,
}

/// A day of a series.
pub(in crate::page) struct Day {
    pub(in crate::page) date: Date,
    /// It lies between the first run of the series and today.
    pub(in crate::page) counts: bool,
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
            let (tone, series, weeks) = (Tone::Idle, None, Vec::new());
            return Ok(Self { all, series, weeks, first, tone, now });
        };
        let meant = CampaignFilter::default().of_series(&series);
        let mut by_day: BTreeMap<Date, Vec<Night>> = BTreeMap::new();
        let since = monday_before(now.date(), WEEKS - 1);
        for campaign in store.select(&meant).await? {
            let Some(day) = series.day_of(&campaign.name).filter(|day| *day >= since) else {
                continue;
            };
            let tally = store.tally(campaign.id).await?;
            by_day.entry(day).or_default().push(night(campaign, &tally, &now));
        }
        let (first, tone) = first(&by_day);
        let weeks = weeks(by_day, since, now.date());
        Ok(Self { all, series: Some(series), weeks, first, tone, now })
    }
}

fn monday_before(day: Date, weeks: i64) -> Date {
    let back = i64::from(day.weekday().to_monday_zero_offset()) + 7 * weeks;
    day.checked_sub(back.days()).unwrap_or(day)
}

fn weeks(mut by_day: BTreeMap<Date, Vec<Night>>, since: Date, today: Date) -> Vec<Vec<Day>> {
    let begun = by_day.keys().next().copied().unwrap_or(today);
    let mut days = since.series(1.day()).take(7 * WEEKS as usize).map(|date| {
        let mut runs = by_day.remove(&date).unwrap_or_default();
        runs.truncate(A_DAY);
        Day { date, counts: date >= begun && date <= today, runs }
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

fn night(campaign: Campaign, tally: &Tally, now: &ZonedDateTime) -> Night {
    let doing = Doing::of(&campaign, now.timestamp());
    let covered = Outcome::ALL.into_iter().filter(|outcome| outcome.covers());
    let ordered = covered.map(|outcome| tally.of(outcome)).sum();
    let ended = campaign.last_run.as_ref().and_then(|run| run.ended.as_ref());
    let code = ended.map(|end| end.exit_code);
    let (tone, word) = match doing {
        Doing::Running | Doing::Waiting => (Tone::Runs, doing.word()),
        Doing::Killed => (Tone::Stopped, doing.word()),
        _ if code == Some(Exit::Safety.code()) => (Tone::Stopped, "stopped by a rule"),
        _ if code == Some(Exit::SignIn.code()) => (Tone::Stopped, "sign-in failed"),
        Doing::Finished | Doing::Cancelled if tally.needs_attention() => {
            (Tone::Attention, "needs attention")
        }
        Doing::Finished => (Tone::Good, "finished"),
        Doing::Stopped if code == Some(Exit::Done.code()) => (Tone::Good, "as planned"),
        Doing::Stopped | Doing::Paused => (Tone::Attention, doing.word()),
        Doing::Cancelled | Doing::ForWorker | Doing::NotBegun => (Tone::Idle, doing.word()),
    };
    let is_open = campaign.state == CampaignState::Open;
    let word = if is_open && tone == Tone::Good {
        format!("{word}, {} left", count(tally.open()))
    } else {
        word.to_owned()
    };
    Night { tone, word, ordered, devices: tally.devices(), campaign }
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
        let weeks = weeks(BTreeMap::new(), since, today);
        assert_eq!(weeks.len(), 1, "those before the first run are left out");
        let counting: Vec<_> = weeks[0].iter().map(|day| day.counts).collect();
        assert_eq!(counting, [false, false, false, true, false, false, false]);
    }
}
