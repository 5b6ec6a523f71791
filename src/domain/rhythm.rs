//! When the next run of a series should have begun, as far as its runs so far tell: nobody says in
//! the store when its timer starts it. Who looks back at single nights asks `status`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::hours::Window;

/// How much later than usual a run may begin, summer time included.
const TO_BEGIN: SignedDuration = SignedDuration::from_mins(90);

/// Days after which the weekdays of the runs tell more than the windows.
const LEARNED: i64 = 13;

/// Runs whose time of day counts.
const LATEST: usize = 5;

/// When the next run should have begun. `runs` are those that are known, each with the day that
/// its name tells and when it was opened; `windows` are those of the latest one, none if it has
/// none.
///
/// Of two weeks and more the weekdays count on which a run began in at least half of the weeks; a
/// series that has none of these, such as a monthly one, has no rhythm that could be told. Before
/// that the next day counts on which a window begins, or the next day if there are no windows. It
/// goes by days: a second run of a day makes up for the first.
pub fn next_due(runs: &[(Date, Timestamp)], windows: &[Window]) -> Option<Timestamp> {
    let days: BTreeSet<Date> = runs.iter().map(|(day, _)| *day).collect();
    let (first, last) = (*days.first()?, *days.last()?);
    let is_learned = first.checked_add(LEARNED.days()).is_ok_and(|learned| learned <= last);
    let usual = is_learned.then(|| usual_weekdays(&days, first, last));
    let is_due = |day: &Date| match &usual {
        Some(usual) => usual.contains(&day.weekday().to_monday_zero_offset()),
        None => windows.is_empty() || windows.iter().any(|one| one.days().has(day.weekday())),
    };
    let next = last.series(1.day()).skip(1).take(7).find(is_due)?;
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

/// The weekdays, from 0 for Monday on, on which a run began in at least half of these weeks.
fn usual_weekdays(days: &BTreeSet<Date>, first: Date, last: Date) -> BTreeSet<i8> {
    let number = |day: Date| day.weekday().to_monday_zero_offset();
    let mut passed: BTreeMap<i8, usize> = BTreeMap::new();
    let all = first.series(1.day()).take_while(|day| *day <= last);
    all.for_each(|day| *passed.entry(number(day)).or_default() += 1);
    let begun = |weekday: i8| days.iter().filter(|day| number(**day) == weekday).count();
    let is_usual = |(weekday, passed): &(i8, usize)| begun(*weekday) * 2 >= *passed;
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
        next_due(runs, &windows).map(|at| at.to_string())
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
        // A monthly one has no weekday.
        let monthly = ["2026-10-25", "2026-11-24"].map(str::to_owned);
        assert_eq!(due(&of(&monthly, 60), &all_days), None);
    }

    #[test]
    fn a_run_that_was_begun_by_hand_earlier_makes_the_next_one_not_late() {
        let mut all = runs(&["2026-11-24", "2026-11-25"], 21 * 60);
        all.extend(runs(&["2026-11-26"], 14 * 60));
        assert_eq!(due(&all, &[]).unwrap(), "2026-11-27T22:30:00Z");
    }
}
