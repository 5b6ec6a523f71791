//! The axes of pictures: time along, with marks at round local times, and counts upward.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::short;
use crate::report::human::count;

/// The width of every picture, in its own units.
pub(super) const WIDTH: f64 = 1000.0;
/// Where the axes begin, right of their numbers.
pub(super) const LEFT: f64 = 56.0;
/// Where they end.
pub(super) const RIGHT: f64 = 992.0;

/// Marks along the time at most.
const TICKS: i64 = 9;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The distances that marks may have, in seconds.
const STEPS: [i64; 14] = [
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
];

/// Time along.
#[derive(Clone, Debug)]
pub(super) struct TimeAxis {
    from: i64,
    to: i64,
    zone: TimeZone,
}

/// A mark on it.
struct Tick {
    x: f64,
    label: String,
}

impl TimeAxis {
    /// From one moment to a later one; a minute at least.
    pub(super) fn new(from: Timestamp, to: Timestamp, zone: TimeZone) -> Self {
        let (from, to) = (from.as_second(), to.as_second());
        Self { from, to: to.max(from + MINUTE), zone }
    }

    /// Where a moment is; at an end if it is beyond that.
    pub(super) fn x(&self, at: Timestamp) -> f64 {
        self.x_of(at.as_second())
    }

    pub(super) fn x_of(&self, second: i64) -> f64 {
        let part = (second.clamp(self.from, self.to) - self.from) as f64;
        LEFT + (RIGHT - LEFT) * part / (self.to - self.from) as f64
    }

    fn ticks(&self) -> Vec<Tick> {
        let span = self.to - self.from;
        let fits = |step: &&i64| span / **step <= TICKS;
        let step = STEPS.iter().find(fits).copied().unwrap_or((span / TICKS / DAY + 1) * DAY);
        let begin = Timestamp::from_second(self.from).unwrap_or_default();
        let offset = i64::from(self.zone.to_offset(begin).seconds());
        let local = self.from + offset;
        let first = (local + step - 1).div_euclid(step) * step - offset;
        let mut ticks = Vec::new();
        for second in (first..=self.to).step_by(usize::try_from(step).unwrap_or(1)) {
            let at = Timestamp::from_second(second).unwrap_or_default();
            let at = at.to_zoned_datetime(self.zone.clone());
            let midnight = at.hour() == 0 && at.minute() == 0;
            let form = if step >= DAY || midnight { "%-d %b" } else { "%H:%M" };
            ticks.push(Tick { x: self.x_of(second), label: at.strftime(form).to_string() });
        }
        ticks
    }

    /// The axis at this height, with its marks.
    pub(super) fn draw(&self, y: f64) -> Markup {
        html! {
            path class="axis" d=(format!("M{} {}H{}", short(LEFT), short(y), short(RIGHT))) {}
            @for tick in self.ticks() {
                path class="axis" d=(format!("M{} {}v4", short(tick.x), short(y))) {}
                text class="t2" x=(short(tick.x)) y=(short(y + 17.0)) text-anchor="middle" {
                    (tick.label)
                }
            }
        }
    }
}

/// Counts upward, from a line to a height.
#[derive(Clone, Copy, Debug)]
pub(super) struct CountAxis {
    /// Where nothing is.
    pub(super) bottom: f64,
    /// Where the most is.
    pub(super) top: f64,
    /// The most.
    pub(super) most: u64,
}

impl CountAxis {
    /// Where a count is.
    pub(super) fn y(&self, count: f64) -> f64 {
        let part = (count / self.most.max(1) as f64).clamp(0.0, 1.0);
        self.bottom - (self.bottom - self.top) * part
    }

    /// Lines at these counts, with their numbers.
    pub(super) fn draw(&self, at: impl IntoIterator<Item = u64>) -> Markup {
        html! {
            @for number in at {
                @let y = self.y(number as f64);
                path class="grid" d=(format!("M{} {}H{}", short(LEFT), short(y), short(RIGHT))) {}
                text class="t2" x=(short(LEFT - 6.0)) y=(short(y + 4.0)) text-anchor="end" {
                    (count(number))
                }
            }
        }
    }

    /// A limit, if it lies on the axis: a dashed line and its name.
    pub(super) fn limit(&self, limit: Option<u64>, name: &str) -> Markup {
        html! {
            @if let Some(limit) = limit {
                @let y = self.y(limit as f64);
                path class="lim" d=(format!("M{} {}H{}", short(LEFT), short(y), short(RIGHT))) {}
                text class="tlim" x=(short(RIGHT)) y=(short(y - 5.0)) text-anchor="end" { (name) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stand_at_round_local_times_and_never_too_many() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let labels = |from: &str, to: &str, zone: &TimeZone| {
            let axis = TimeAxis::new(at(from), at(to), zone.clone());
            axis.ticks().into_iter().map(|tick| tick.label).collect::<Vec<_>>().join(" ")
        };
        let kathmandu = TimeZone::posix("<+0545>-5:45").unwrap();
        let night = ("2026-11-24T21:36:00Z", "2026-11-25T06:24:00Z");
        assert_eq!(
            labels(night.0, night.1, &TimeZone::UTC),
            "22:00 23:00 25 Nov 01:00 02:00 03:00 04:00 05:00 06:00"
        );
        let local = "04:00 05:00 06:00 07:00 08:00 09:00 10:00 11:00 12:00";
        assert_eq!(labels(night.0, night.1, &kathmandu), local);
        let short = labels(night.0, "2026-11-24T21:39:30Z", &TimeZone::UTC);
        assert_eq!(short, "21:36 21:37 21:38 21:39");
        for days in [1, 9, 90, 900] {
            let to = Timestamp::from_second(at(night.0).as_second() + days * DAY).unwrap();
            let axis = TimeAxis::new(at(night.0), to, TimeZone::UTC);
            assert!((3..=10).contains(&axis.ticks().len()), "{days}");
        }
    }
}
