//! When it is done: devices left so far, what is foreseen, and what its limits alone would have
//! asked for from its beginning on.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::axis::{CountAxis, LEFT, RIGHT, TimeAxis, WIDTH};
use super::short;
use crate::domain::Minute;
use crate::report::human::count;

const TOP: f64 = 40.0;
const BOTTOM: f64 = 212.0;
/// Points of a line at most.
const POINTS: usize = 300;

/// Devices that were left at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Left {
    /// When.
    pub at: Timestamp,
    /// How many.
    pub devices: u64,
}

/// Rows of the table of each line at most.
const ROWS: usize = 24;

/// What the picture is made of.
#[derive(Clone, Debug)]
pub struct BurnDown {
    /// Where it begins.
    pub from: Timestamp,
    /// Where it ends.
    pub to: Timestamp,
    /// Now; `None` if everything is over.
    pub now: Option<Timestamp>,
    /// All devices.
    pub devices: u64,
    /// What was left so far, in the order of time.
    pub so_far: Vec<Left>,
    /// What is foreseen, from now on.
    pub ahead: Vec<Left>,
    /// What the limits and windows alone would have asked for.
    pub by_limits: Vec<Left>,
    /// The zone of its times.
    pub zone: TimeZone,
}

impl BurnDown {
    /// The picture in words, for those who do not see it.
    pub fn words(&self) -> String {
        let left = self.so_far.last().map_or(self.devices, |left| left.devices);
        let devices = count(self.devices);
        let mut text = match left {
            0 => format!("All {devices} devices are done"),
            some => format!("{} of {devices} devices are not done", count(some)),
        };
        if let Some(end) = self.ahead.last() {
            write!(text, "; foreseen end {}", self.clock(end.at)).expect(STRING);
        }
        if let Some(end) = self.by_limits.last() {
            write!(text, "; by its limits alone {}", self.clock(end.at)).expect(STRING);
        }
        text + "."
    }

    /// The picture as a table: when, in words, how many are not done, and whether that is foreseen.
    pub fn rows(&self) -> Vec<(String, u64, bool)> {
        let so_far = sampled(&self.so_far).map(|left| (left, false));
        let rows = so_far.chain(sampled(&self.ahead).map(|left| (left, true)));
        rows.map(|(left, foreseen)| (self.clock(left.at), left.devices, foreseen)).collect()
    }

    /// The picture.
    pub fn svg(&self) -> Markup {
        let time = TimeAxis::new(self.from, self.to, self.zone.clone());
        let axis = CountAxis { bottom: BOTTOM, top: TOP, most: self.devices };
        let quarters = [0, self.devices / 4, self.devices / 2, self.devices * 3 / 4, self.devices];
        let marks: std::collections::BTreeSet<u64> = quarters.into_iter().collect();
        let height = BOTTOM + 26.0;
        html! {
            svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(self.words()) {
                (axis.draw(marks))
                path class="plan" d=(line(&self.by_limits, &time, &axis)) {}
                path class="fore" d=(line(&self.ahead, &time, &axis)) {}
                path class="act" d=(line(&self.so_far, &time, &axis)) {}
                (time.draw(BOTTOM))
                @if let Some(end) = self.by_limits.last() {
                    (self.end_line(&time, end.at, "by its limits", 16.0, "t2"))
                }
                @if let Some(end) = self.ahead.last() {
                    (self.end_line(&time, end.at, "expected", 32.0, "b"))
                }
                @if let Some(now) = self.now {
                    path class="now" d=(format!("M{} {TOP}V{BOTTOM}", short(time.x(now)))) {}
                }
            }
        }
    }

    fn end_line(&self, time: &TimeAxis, at: Timestamp, what: &str, y: f64, class: &str) -> Markup {
        let x = time.x(at);
        let (text, anchor) = if x > LEFT + 160.0 { (x, "end") } else { (x, "start") };
        html! {
            path class="axis" d=(format!("M{} {}V{BOTTOM}", short(x), short(y + 4.0))) {}
            text class=(class) x=(short(text.min(RIGHT))) y=(short(y)) text-anchor=(anchor) {
                (what) " " (self.clock(at))
            }
        }
    }

    fn clock(&self, at: Timestamp) -> String {
        let at = at.to_zoned_datetime(self.zone.clone());
        let first = self.from.to_zoned_datetime(self.zone.clone());
        let form = if at.date() == first.date() { "%H:%M" } else { "%a %-d %b %H:%M" };
        at.strftime(form).to_string()
    }
}

/// Devices that were left so far, of a campaign of whose devices so many are done: they ended as
/// its calls left, of which some had to be repeated. What was handed on or taken back is left, too.
pub fn so_far(
    done: u64,
    devices: u64,
    minutes: &[Minute],
    from: Timestamp,
    end: Timestamp,
) -> Vec<Left> {
    let all: u64 = minutes.iter().map(|minute| minute.calls).sum();
    let mut points = vec![Left { at: from, devices }];
    let mut calls = 0;
    for minute in minutes {
        calls += minute.calls;
        let ended = u128::from(done) * u128::from(calls) / u128::from(all.max(1));
        let at = minute.at.checked_add(SignedDuration::from_secs(60)).unwrap_or(minute.at);
        let left = devices.saturating_sub(u64::try_from(ended).unwrap_or(u64::MAX));
        points.push(Left { at: at.min(end), devices: left });
    }
    points.push(Left { at: end, devices: devices - done });
    points
}

const STRING: &str = "a String takes any text";

/// A line through some of the points, the first and the last among them.
fn line(points: &[Left], time: &TimeAxis, axis: &CountAxis) -> String {
    let step = points.len().div_ceil(POINTS).max(1);
    let last = points.len().saturating_sub(1);
    let shown = points.iter().enumerate().filter(|(at, _)| at % step == 0 || *at == last);
    let mut path = String::new();
    for (_, left) in shown {
        let begin = if path.is_empty() { 'M' } else { 'L' };
        let (x, y) = (short(time.x(left.at)), short(axis.y(left.devices as f64)));
        write!(path, "{begin}{x} {y}").expect(STRING);
    }
    path
}

/// As many of these as a table shows, the last among them.
fn sampled(points: &[Left]) -> impl Iterator<Item = &Left> {
    let step = points.len().div_ceil(ROWS).max(1);
    let last = points.len().saturating_sub(1);
    points
        .iter()
        .enumerate()
        .filter(move |(at, _)| (last - at).is_multiple_of(step))
        .map(|(_, left)| left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_all_three_lines_however_long_they_are() {
        let from: Timestamp = "2026-11-24T21:36:00Z".parse().unwrap();
        let at = |minute: i64| from + SignedDuration::from_mins(minute);
        let points = |from: i64, to: i64| {
            (from..=to)
                .map(|one| Left { at: at(one), devices: 12_000 - one as u64 })
                .collect::<Vec<_>>()
        };
        let picture = BurnDown {
            from,
            to: at(9_000),
            now: Some(at(4_000)),
            devices: 12_000,
            so_far: points(0, 4_000),
            ahead: points(4_000, 9_000),
            by_limits: points(0, 8_000),
            zone: TimeZone::UTC,
        };
        let svg = picture.svg().into_string();
        assert!(svg.len() < 20_000, "{}", svg.len());
        assert_eq!(
            picture.words(),
            "8,000 of 12,000 devices are not done; foreseen end Tue 1 Dec 03:36; by its limits \
             alone Mon 30 Nov 10:56."
        );
        assert!(svg.contains("expected Tue 1 Dec 03:36"), "{svg}");
        let rows = picture.rows();
        let told = |foreseen: bool| rows.iter().filter(move |row| row.2 == foreseen);
        assert!(told(false).count() <= ROWS && told(true).count() <= ROWS, "{rows:?}");
        assert_eq!(told(false).next_back().map(|row| row.1), Some(8_000));
        assert_eq!(told(true).next_back().unwrap().0, "Tue 1 Dec 03:36");
        let none = BurnDown {
            so_far: Vec::new(),
            ahead: Vec::new(),
            by_limits: Vec::new(),
            devices: 0,
            now: None,
            ..picture
        };
        assert!(!none.svg().into_string().contains("NaN") && none.rows().is_empty());
    }
}
