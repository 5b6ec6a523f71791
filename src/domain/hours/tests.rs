//! Windows against a walk through the minutes of nights when the clocks change, and how they are
//! read and shown.

use proptest::prelude::*;

use super::*;

/// Rules of zones as POSIX writes them, so that no test reads a file.
const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
const NEW_YORK: &str = "EST5EDT,M3.2.0,M11.1.0";

fn zone(posix: &str) -> TimeZone {
    TimeZone::posix(posix).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn hours(windows: &[&str], last_order: Option<&str>, posix: &str) -> Hours {
    let windows = windows.iter().map(|text| text.parse().unwrap()).collect();
    let last_order = last_order.map(|text| time_of(clock_time(text).unwrap()));
    Hours::new(windows, last_order, zone(posix)).unwrap()
}

/// A change of the clocks, written down from the calendars of both places and not asked of the
/// library that is tested: the moment, and the hours from UTC before and after it.
struct Change {
    posix: &'static str,
    moment: &'static str,
    before: i64,
    after: i64,
}

const CHANGES: [Change; 4] = [
    Change { posix: BERLIN, moment: "2026-03-29T01:00Z", before: 1, after: 2 },
    Change { posix: BERLIN, moment: "2026-10-25T01:00Z", before: 2, after: 1 },
    Change { posix: NEW_YORK, moment: "2026-03-08T07:00Z", before: -5, after: -4 },
    Change { posix: NEW_YORK, moment: "2026-11-01T06:00Z", before: -4, after: -5 },
];

/// Minutes around a change: a day and a half before and after it.
const AROUND: i64 = 36 * 60;

impl Change {
    /// The minutes around the change, each with whether orders may leave, by a clock on the wall:
    /// a window is open while the latest time that the clock has shown lies in it.
    fn walk(&self, windows: &[Window], last_order: Option<Time>) -> Vec<(Timestamp, bool)> {
        let change = at(self.moment).as_second() / 60;
        let mut latest = i64::MIN;
        let minutes = change - AROUND..change + AROUND;
        let walked = minutes.map(|minute| {
            let hours = if minute < change { self.before } else { self.after };
            latest = latest.max(minute + hours * 60);
            let open = windows.iter().any(|window| is_in(window, last_order, latest));
            (Timestamp::from_second(minute * 60).unwrap(), open)
        });
        walked.collect()
    }
}

/// Whether a time on the wall, in minutes since 1970, lies in a window that began that day or the
/// day before. 1970 began on a Thursday.
fn is_in(window: &Window, last_order: Option<Time>, wall: i64) -> bool {
    let day = wall.div_euclid(i64::from(DAY));
    [day, day - 1].into_iter().any(|day| {
        let weekday = (day + 3).rem_euclid(7);
        let weekday = jiff::civil::Weekday::from_monday_zero_offset(weekday as i8).unwrap();
        let minute = wall - day * i64::from(DAY);
        let mut ends = i64::from(window.ends);
        if let Some(last) = last_order.map(|time| i64::from(minutes_of(time))) {
            let last = [last, last + i64::from(DAY)]
                .into_iter()
                .find(|last| i64::from(window.begins) < *last && *last <= i64::from(window.ends));
            ends = last.unwrap_or(ends);
        }
        window.days.has(weekday) && i64::from(window.begins) <= minute && minute < ends
    })
}

/// Compares the hours with the walk at every minute but those of the first day, whose windows may
/// have begun before the walk.
fn assert_as_walked(change: &Change, hours: &Hours) {
    let walked = change.walk(&hours.windows, hours.last_order);
    let mut next_open = None;
    let mut next_shut = None;
    for (moment, open) in walked.iter().rev().take(walked.len() - DAY as usize) {
        let about = || format!("{hours} at {moment}, {}", change.posix);
        assert_eq!(hours.is_open(*moment), *open, "{}", about());
        *(if *open { &mut next_open } else { &mut next_shut }) = Some(*moment);
        if let Some(next) = next_open {
            assert_eq!(hours.opens_next(*moment), Some(next), "{}", about());
        }
        let closes = hours.closes(*moment);
        assert_eq!(closes.is_some(), *open, "{}", about());
        if let (Some(closes), Some(next)) = (closes, next_shut) {
            assert_eq!(closes, next, "{}", about());
        }
    }
}

fn days() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "", "Mon-Fri ", "Sat,Sun ", "Sun ", "Fri-Mon ", "Sat "])
}

fn window() -> impl Strategy<Value = Window> {
    // Most begin or end in the hours that are skipped or come twice.
    let minute = || prop_oneof![1 => 0..DAY, 4 => 60..180_i32];
    (days(), minute(), minute()).prop_filter_map("no length", |(days, begins, ends)| {
        let text = format!(
            "{days}{:02}:{:02}-{:02}:{:02}",
            begins / 60,
            begins % 60,
            ends / 60,
            ends % 60
        );
        text.parse().ok()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn around_every_change_of_the_clocks_windows_are_open_as_a_walk_by_the_wall_clock_says(
        windows in prop::collection::vec(window(), 1..3),
        last in prop::option::of(0..DAY),
    ) {
        let last = last.map(time_of);
        for change in &CHANGES {
            let hours = |last| Hours::new(windows.clone(), last, zone(change.posix));
            assert_as_walked(change, &hours(last).or_else(|_| hours(None)).unwrap());
        }
    }
}

#[test]
fn a_night_has_seven_hours_in_spring_and_nine_in_autumn() {
    let nights = hours(&["22:00-06:00"], None, BERLIN);
    let length = |evening: &str| {
        let opening = nights.opening(at(evening)).unwrap();
        opening.closes.duration_since(opening.opens).as_hours()
    };
    assert_eq!(length("2026-03-27T21:00Z"), 8);
    assert_eq!(length("2026-03-28T21:00Z"), 7);
    assert_eq!(length("2026-10-24T20:00Z"), 9);
    assert_eq!(length("2026-10-25T21:00Z"), 8);
}

#[test]
fn a_window_that_begins_in_the_skipped_hour_begins_where_the_clock_goes_on() {
    let late = hours(&["02:30-05:00"], None, BERLIN);
    let opening = late.opening(at("2026-03-29T00:00Z")).unwrap();
    assert_eq!(
        opening,
        OpenSpan { opens: at("2026-03-29T01:00Z"), closes: at("2026-03-29T03:00Z") }
    );
    // One that lies in it as a whole is left out that night.
    let within = hours(&["02:10-02:50"], None, BERLIN);
    let opening = within.opening(at("2026-03-28T12:00Z")).unwrap();
    assert_eq!(opening.opens, at("2026-03-30T00:10Z"));
}

#[test]
fn a_window_that_ends_in_the_repeated_hour_ends_once_and_one_that_holds_it_is_longer() {
    let ends = hours(&["22:00-02:30"], None, BERLIN);
    assert_eq!(ends.closes(at("2026-10-24T23:00Z")), Some(at("2026-10-25T00:30Z")));
    assert!(!ends.is_open(at("2026-10-25T01:15Z")), "it shows 02:15 for the second time");
    let holds = hours(&["01:00-04:00"], None, BERLIN);
    assert_eq!(holds.closes(at("2026-10-24T23:00Z")), Some(at("2026-10-25T03:00Z")));
}

#[test]
fn days_are_those_on_which_a_window_begins() {
    let nights = hours(&["Fri 22:00-06:00"], None, BERLIN);
    // 2026-11-27 is a Friday.
    assert!(nights.is_open(at("2026-11-28T04:59Z")));
    assert!(!nights.is_open(at("2026-11-28T05:00Z")));
    assert!(!nights.is_open(at("2026-11-28T21:30Z")));
    assert_eq!(nights.opens_next(at("2026-11-28T05:00Z")), Some(at("2026-12-04T21:00Z")));
}

#[test]
fn no_order_leaves_after_the_last_one_and_windows_that_touch_are_one() {
    let nights = hours(&["22:00-06:00"], Some("03:00"), BERLIN);
    let opening = nights.opening(at("2026-11-24T12:00Z")).unwrap();
    assert_eq!(
        opening,
        OpenSpan { opens: at("2026-11-24T21:00Z"), closes: at("2026-11-25T02:00Z") }
    );
    let weekend = hours(&["Fri 22:00-24:00", "Sat,Sun 00:00-24:00"], None, BERLIN);
    let opening = weekend.opening(at("2026-11-27T12:00Z")).unwrap();
    assert_eq!(
        opening,
        OpenSpan { opens: at("2026-11-27T21:00Z"), closes: at("2026-11-29T23:00Z") }
    );
    let always = hours(&["00:00-24:00"], None, BERLIN);
    assert_eq!(always.closes(at("2026-11-27T12:00Z")), Some(Timestamp::MAX));
    let wrong =
        Hours::new(vec!["22:00-06:00".parse().unwrap()], Some(time_of(12 * 60)), zone(BERLIN));
    assert_eq!(wrong.unwrap_err(), "it lies outside of 22:00-06:00");
}

#[test]
fn a_window_goes_on_to_its_end_after_its_last_order() {
    let hours = hours(&["22:00-06:00"], Some("03:00"), "UTC0");
    let after_it = at("2026-11-25T04:00Z");
    assert_eq!(hours.closes(after_it), None);
    assert_eq!(hours.to_their_ends().closes(after_it), Some(at("2026-11-25T06:00Z")));
    assert_eq!(hours.to_their_ends().closes(at("2026-11-25T06:00Z")), None);
}

#[test]
fn windows_are_shown_as_they_are_written_and_what_is_none_is_told() {
    for text in ["22:00-06:00", "Mon-Fri 22:00-06:00", "Sat,Sun 00:00-24:00", "Sun 01:00-02:30"] {
        assert_eq!(text.parse::<Window>().unwrap().to_string(), text);
    }
    let until_midnight: Window = "22:00-00:00".parse().unwrap();
    assert_eq!(until_midnight, "22:00-24:00".parse().unwrap());
    assert_eq!(until_midnight.to_string(), "22:00-24:00");
    let berlin = hours(&["22:00-06:00", "Sat 12:00-18:00"], Some("03:00"), BERLIN);
    assert_eq!(berlin.to_string(), "22:00-06:00 and Sat 12:00-18:00, last order 03:00");
    let wrong = [
        "",
        "22:00",
        "22-06",
        "22:00-25:00",
        "24:00-06:00",
        "22:00-22:00",
        "00:00-00:00",
        "Mo 22:00-06:00",
        "2:00-3:00",
    ];
    for text in wrong {
        assert!(!text.parse::<Window>().unwrap_err().is_empty(), "{text}");
    }
}

#[test]
fn before_its_start_nothing_is_open_and_from_then_on_the_windows_are_what_they_were() {
    let start = at("2026-11-24T21:30Z");
    let any = Hours::from_moment(start, zone(BERLIN));
    let opening = any.opening(at("2026-11-20T00:00Z")).unwrap();
    assert_eq!((opening.opens, opening.closes), (start, Timestamp::MAX));
    assert!(!any.is_open(at("2026-11-24T21:29:59Z")) && any.is_open(start));
    let windows = hours(&["22:00-06:00"], Some("03:00"), BERLIN);
    let late = windows.clone().not_before(start);
    let first = late.opening(at("2026-11-20T22:00Z")).unwrap();
    assert_eq!((first.opens, first.closes), (start, at("2026-11-25T02:00Z")));
    for hour in 0..72 {
        let then = start.checked_add(jiff::SignedDuration::from_hours(hour)).unwrap();
        assert_eq!(late.opening(then), windows.opening(then), "{then}");
    }
    // A start between two windows waits for the next one.
    let between = windows.not_before(at("2026-11-24T12:00Z"));
    assert_eq!(between.opens_next(at("2026-11-23T22:00Z")), Some(at("2026-11-24T21:00Z")));
}

#[test]
fn spaces_and_long_dashes_change_no_window() {
    for text in ["22:00 - 06:00", "22:00–06:00", " 22:00 —06:00 "] {
        assert_eq!(text.parse::<Window>().unwrap().to_string(), "22:00-06:00", "{text}");
    }
    let days: Window = "Mon - Fri 22:00 - 06:00".parse().unwrap();
    assert_eq!(days.to_string(), "Mon-Fri 22:00-06:00");
    for text in ["22:00 06:00", "22:00 - ", "- 06:00", "22:00 -- 06:00"] {
        assert!(text.parse::<Window>().is_err(), "{text}");
    }
}
