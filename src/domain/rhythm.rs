//! When the next run of a series should have begun, as far as its runs so far tell: nobody says in
//! the store when its timer starts it. What single nights came to is `status`'.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Unit};

use super::hours::Window;

/// How much later than usual a run may begin, summer time included.
pub const TO_BEGIN: SignedDuration = SignedDuration::from_mins(90);

/// Days after which the weekdays of the runs tell more than the windows.
const LEARNED: i64 = 13;

/// Runs whose time of day counts.
const LATEST: usize = 5;

/// Days without a run after which a rhythm begins anew.
const BREAK: i64 = 14;

/// Days for which a single run tells when the next one is due.
const ALONE: i64 = 8;

/// When the next run should have begun. `runs` are those that are known, each with the day that
/// its name tells and when it was opened; `windows` are those of the latest one, none if it has
/// none.
///
/// Of two weeks and more the weekdays count on which a run began in most of the weeks; a series
/// that has none of these, such as a fortnightly one, has no rhythm that could be told. Before that
/// it is as many days as between its runs so far, and on a day on which a window begins if there
/// are windows. A single run of more than a week ago, as of a monthly series, tells nothing. It
/// goes by days: a second run of a day makes up for the first.
pub fn next_due(
    runs: &[(Date, Timestamp)],
    windows: &[Window],
    now: Timestamp,
) -> Option<Timestamp> {
    let days: BTreeSet<Date> = runs.iter().map(|(day, _)| *day).collect();
    let days = since_the_last_break(&days);
    let (first, last) = (*days.first()?, *days.last()?);
    if first == last && now.duration_since(midnight(last)?) > SignedDuration::from_hours(24 * ALONE)
    {
        return None;
    }
    let next = if days_between(first, last) >= LEARNED {
        let usual = usual_weekdays(&days, first, last);
        let is_usual = |day: &Date| usual.contains(&day.weekday().to_monday_zero_offset());
        last.series(1.day()).skip(1).take(7).find(is_usual)?
    } else {
        let gaps = days.iter().zip(days.iter().skip(1));
        let fewest = gaps.map(|(one, next)| days_between(*one, *next)).min().unwrap_or(1);
        let from = last.checked_add(fewest.days()).ok()?;
        from.series(1.day()).take(7).find(|day| is_due(windows, *day) != Some(false))?
    };
    let mut latest = runs.to_vec();
    latest.sort_unstable();
    // One that was begun by hand in the afternoon, to wait for its window, makes none late.
    let since_midnight = latest
        .iter()
        .rev()
        .take(LATEST)
        .filter_map(|(day, opened_at)| Some(opened_at.duration_since(midnight(*day)?)));
    midnight(next)?.checked_add(since_midnight.max()? + TO_BEGIN).ok()
}

/// The days after the last time that none began for long: what was so before is no rhythm now.
fn since_the_last_break(days: &BTreeSet<Date>) -> BTreeSet<Date> {
    let pairs = days.iter().zip(days.iter().skip(1));
    let mut breaks = pairs.filter(|(one, next)| days_between(**one, **next) > BREAK);
    match breaks.next_back() {
        Some((_, after)) => days.range(*after..).copied().collect(),
        None => days.clone(),
    }
}

/// Whether one of these windows begins on a day. Returns `None` if none is known.
pub fn is_due(windows: &[Window], day: Date) -> Option<bool> {
    let begins = || windows.iter().any(|window| window.days().has(day.weekday()));
    (!windows.is_empty()).then(begins)
}

/// The days from one day to a later one.
pub fn days_between(one: Date, next: Date) -> i64 {
    one.until((Unit::Day, next)).map_or(0, |days| i64::from(days.get_days()))
}

/// The weekdays, from 0 for Monday on, on which a run began in most of these weeks.
fn usual_weekdays(days: &BTreeSet<Date>, first: Date, last: Date) -> BTreeSet<i8> {
    let number = |day: Date| day.weekday().to_monday_zero_offset();
    let mut passed: BTreeMap<i8, usize> = BTreeMap::new();
    let all = first.series(1.day()).take_while(|day| *day <= last);
    all.for_each(|day| *passed.entry(number(day)).or_default() += 1);
    let begun = |weekday: i8| days.iter().filter(|day| number(**day) == weekday).count();
    // The first and the last of them would always speak for their own weekdays.
    let is_usual = |(weekday, passed): &(i8, usize)| begun(*weekday) * 2 > *passed + 1;
    passed.into_iter().filter(is_usual).map(|(weekday, _)| weekday).collect()
}

fn midnight(day: Date) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::Weekday;

    use super::*;

    /// Runs of these days, each opened so many minutes after its midnight.
    fn runs(days: &[&str], minutes: i64) -> Vec<(Date, Timestamp)> {
        let run = |day: &&str| {
            let day: Date = day.parse().unwrap();
            let opened_at = midnight(day).unwrap() + SignedDuration::from_mins(minutes);
            (day, opened_at)
        };
        days.iter().map(run).collect()
    }

    fn due(runs: &[(Date, Timestamp)], windows: &[&str]) -> Option<String> {
        let windows: Vec<Window> = windows.iter().map(|one| one.parse().unwrap()).collect();
        let now = runs.iter().map(|(_, opened_at)| *opened_at).max().unwrap_or_default();
        next_due(runs, &windows, now).map(|at| at.to_string())
    }

    /// Every so many days from one day on, on these weekdays.
    fn each(since: &str, many: usize, on: &[Weekday]) -> Vec<String> {
        let since: Date = since.parse().unwrap();
        let days = since.series(1.day()).filter(|day| on.contains(&day.weekday()));
        days.take(many).map(|day| day.to_string()).collect()
    }

    #[test]
    fn a_new_series_is_due_on_the_next_day_on_which_a_window_begins() {
        let week = ["Mon-Fri 22:00-06:00"];
        let evening = 21 * 60;
        let thursday = runs(&["2026-11-26"], evening);
        assert_eq!(due(&thursday, &week).unwrap(), "2026-11-27T22:30:00Z");
        let friday = runs(&["2026-11-27"], evening);
        assert_eq!(due(&friday, &week).unwrap(), "2026-11-30T22:30:00Z", "over the weekend");
        assert_eq!(due(&friday, &[]).unwrap(), "2026-11-28T22:30:00Z");
        assert_eq!(due(&[], &week), None);
    }

    #[test]
    fn after_two_weeks_the_weekdays_of_its_runs_count() {
        use Weekday::{Friday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
        let of = |days: &[String], minutes| {
            runs(&days.iter().map(String::as_str).collect::<Vec<_>>(), minutes)
        };
        let all_days = ["22:00-06:00"];
        // One a week, whatever its windows are; one more by hand changes nothing.
        let mut weekly = each("2026-11-01", 4, &[Sunday]);
        assert_eq!(due(&of(&weekly, 60), &all_days).unwrap(), "2026-11-29T02:30:00Z");
        weekly.push("2026-11-23".to_owned());
        assert_eq!(due(&of(&weekly, 60), &all_days).unwrap(), "2026-11-29T02:30:00Z");
        // Begun after midnight, so that their names tell the day after that of the window.
        let nights = each("2026-11-03", 15, &[Tuesday, Wednesday, Thursday, Friday, Saturday]);
        assert_eq!(nights.last().unwrap(), "2026-11-21", "a Saturday");
        let told = due(&of(&nights, 30), &["Mon-Fri 22:00-06:00"]).unwrap();
        assert_eq!(told, "2026-11-24T02:00:00Z", "a Tuesday");
        // One more by hand in the third week, when a weekday has passed but a few times.
        let mut young = each("2026-11-01", 3, &[Sunday]);
        young.push("2026-11-16".to_owned());
        assert_eq!(due(&of(&young, 60), &all_days).unwrap(), "2026-11-22T02:30:00Z");
        // A fortnightly one is due on no weekday.
        let fortnightly = ["2026-11-01", "2026-11-15", "2026-11-29"].map(str::to_owned);
        assert_eq!(due(&of(&fortnightly, 60), &all_days), None);
        assert_eq!(due(&of(&fortnightly[..2], 60), &all_days), None);
    }

    #[test]
    fn before_two_weeks_it_is_as_many_days_as_between_its_runs() {
        let weekly = runs(&["2026-11-01", "2026-11-08"], 60);
        assert_eq!(due(&weekly, &[]).unwrap(), "2026-11-15T02:30:00Z");
        assert_eq!(due(&weekly, &["22:00-06:00"]).unwrap(), "2026-11-15T02:30:00Z");
    }

    #[test]
    fn after_a_long_break_its_rhythm_begins_anew() {
        let nights = ["2026-10-26", "2026-10-27", "2026-10-28", "2026-11-23", "2026-11-24"];
        assert_eq!(due(&runs(&nights, 60), &[]).unwrap(), "2026-11-25T02:30:00Z");
        // A monthly one: nothing is said any more a week after its only run that is known.
        let monthly = runs(&["2026-10-25", "2026-11-24"], 60);
        let at = |day: &str| next_due(&monthly, &[], format!("{day}T12:00:00Z").parse().unwrap());
        assert!(at("2026-11-26").is_some());
        assert_eq!(at("2026-12-03"), None);
    }

    #[test]
    fn a_run_that_was_begun_by_hand_earlier_makes_the_next_one_not_late() {
        let mut all = runs(&["2026-11-24", "2026-11-25"], 21 * 60);
        all.extend(runs(&["2026-11-26"], 14 * 60));
        assert_eq!(due(&all, &[]).unwrap(), "2026-11-27T22:30:00Z");
    }
}
