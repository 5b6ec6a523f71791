//! The picture that tells most: calls of each minute against the limit of a minute, calls of the
//! last hour against that of an hour, why nothing left in between, and what is to come.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::axis::{CountAxis, LEFT, RIGHT, TimeAxis, WIDTH};
use super::bands::{Band, BandKind};
use super::hatch::{Area, Hatch};
use super::minutes::Grid;
use super::short;
use crate::domain::Minute;
use crate::report::human::count;

/// Bars at most; longer times share one.
const BARS: usize = 480;

const TOP: f64 = 40.0;
const MINUTES_END: f64 = 162.0;
const HOURS_BEGIN: f64 = 204.0;
const BOTTOM: f64 = 278.0;

/// What the picture is made of.
#[derive(Clone, Debug)]
pub struct CallsPicture {
    /// Where it begins.
    pub from: Timestamp,
    /// Where it ends.
    pub to: Timestamp,
    /// Now; `None` if everything is over.
    pub now: Option<Timestamp>,
    /// The minutes in which calls left.
    pub minutes: Vec<Minute>,
    /// Calls to come: those of the rest of this minute, then those of each minute after it.
    pub ahead: Vec<u64>,
    /// Why nothing left.
    pub bands: Vec<Band>,
    /// The limit of a minute, if there is one.
    pub per_minute: Option<u64>,
    /// The limit of an hour, if there is one.
    pub per_hour: Option<u64>,
    /// The zone of its times.
    pub zone: TimeZone,
}

/// Several minutes that share a bar.
struct Bar {
    from: i64,
    to: i64,
    /// Calls a minute, as a mean.
    calls: f64,
    /// The most calls of an hour that ended in it.
    in_hour: u64,
    ahead: bool,
}

impl CallsPicture {
    /// The picture in words, for those who do not see it.
    pub fn words(&self) -> String {
        let sum: u64 = self.minutes.iter().map(|minute| minute.calls).sum();
        let limit = |limit: Option<u64>, of: &str| {
            limit.map_or_else(String::new, |limit| {
                format!(" against the limit of {} {of}", count(limit))
            })
        };
        let [from, to] = [self.from, self.to].map(|at| {
            at.to_zoned_datetime(self.zone.clone()).strftime("%a %-d %b %H:%M").to_string()
        });
        format!(
            "Calls of each minute{}, and calls of the last hour{}, from {from} to {to}: {} calls \
             so far.",
            limit(self.per_minute, "a minute"),
            limit(self.per_hour, "an hour"),
            count(sum),
        )
    }

    /// The picture.
    pub fn svg(&self) -> Markup {
        let time = TimeAxis::new(self.from, self.to, self.zone.clone());
        let bars = self.bars();
        let most = bars.iter().map(|bar| bar.calls.ceil() as u64).max().unwrap_or(0);
        let by_minute = axis(MINUTES_END, TOP, self.per_minute, most);
        let most = bars.iter().map(|bar| bar.in_hour).max().unwrap_or(0);
        let by_hour = axis(BOTTOM, HOURS_BEGIN, self.per_hour, most);
        let height = BOTTOM + 26.0;
        html! {
            svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(self.words()) {
                @for band in &self.bands { (self.band(&time, band)) }
                (by_minute.draw(halves(by_minute.most)))
                (by_hour.draw(halves(by_hour.most)))
                path class="cbar" d=(columns(&bars, false, &time, &by_minute)) {}
                path class="cfore" d=(columns(&bars, true, &time, &by_minute)) {}
                path class="hour" d=(area(&bars, &time, &by_hour)) {}
                path class="hourf" d=(line_ahead(&bars, &time, &by_hour)) {}
                (by_minute.limit(self.per_minute, &named(self.per_minute, "min")))
                (by_hour.limit(self.per_hour, &named(self.per_hour, "h")))
                text class="b" x=(short(LEFT)) y="14" { "Calls of each minute" }
                text class="b" x=(short(LEFT)) y=(short(HOURS_BEGIN - 14.0)) {
                    "Calls of the last hour"
                }
                path class="axis" d=(format!("M{LEFT} {MINUTES_END}H{RIGHT}")) {}
                (time.draw(BOTTOM))
                @if let Some(now) = self.now { (self.now_line(&time, now)) }
            }
        }
    }

    fn bars(&self) -> Vec<Bar> {
        let behind = Grid::of(&self.minutes, self.now.unwrap_or(self.to));
        let past = behind.calls.len();
        let grid = behind.with(&self.ahead);
        let step = grid.calls.len().div_ceil(BARS).max(1);
        let mut bars = Vec::new();
        for from in (0..grid.calls.len()).step_by(step) {
            let to = (from + step).min(grid.calls.len());
            let sum: u64 = grid.calls[from..to].iter().sum();
            bars.push(Bar {
                from: grid.second(from),
                to: grid.second(to),
                calls: sum as f64 / (to - from) as f64,
                in_hour: grid.in_hour[from..to].iter().copied().max().unwrap_or(0),
                ahead: from >= past,
            });
        }
        bars
    }

    fn band(&self, time: &TimeAxis, band: &Band) -> Markup {
        let (x, end) = (time.x(band.from), time.x(band.to));
        let area = Area { x, y: TOP, width: (end - x).max(1.0), height: BOTTOM - TOP };
        let (class, hatch, apart) = look(band.kind);
        html! {
            g {
                title { (band.words(&self.zone)) }
                rect class=(format!("band {class}")) x=(short(area.x)) y=(short(area.y))
                    width=(short(area.width)) height=(short(area.height)) {}
                path class=(format!("hatch {class}")) d=(hatch.path(area, apart)) {}
            }
        }
    }

    fn now_line(&self, time: &TimeAxis, now: Timestamp) -> Markup {
        let x = time.x(now);
        let clock = now.to_zoned_datetime(self.zone.clone()).strftime("%H:%M").to_string();
        // The words stand on the side where there is room.
        let (at, anchor) = if x < RIGHT - 90.0 { (x + 4.0, "start") } else { (x - 4.0, "end") };
        html! {
            path class="now" d=(format!("M{} 24V{BOTTOM}", short(x))) {}
            text class="b" x=(short(at)) y="32" text-anchor=(anchor) { "now " (clock) }
        }
    }
}

/// What a band looks like, in the picture and in its legend.
fn look(kind: BandKind) -> (&'static str, Hatch, f64) {
    match kind {
        BandKind::Limit => ("limited", Hatch::Rising, 12.0),
        BandKind::Server => ("server", Hatch::Falling, 8.0),
        BandKind::Wait => ("waits", Hatch::Dots, 12.0),
        BandKind::Nobody => ("nobody", Hatch::Across, 10.0),
    }
}

/// What the bands of a picture mean: a sample of each kind that there is, and its words.
pub fn legend(bands: &[Band]) -> Markup {
    let kinds: std::collections::BTreeSet<BandKind> = bands.iter().map(|band| band.kind).collect();
    let sample = Area { x: 0.0, y: 0.0, width: 22.0, height: 12.0 };
    html! {
        @for kind in kinds {
            @let (class, hatch, _) = look(kind);
            span class="sw" {
                svg viewBox="0 0 22 12" width="22" height="12" aria-hidden="true" {
                    rect class=(format!("band {class}")) width="22" height="12" {}
                    path class=(format!("hatch {class}")) d=(hatch.path(sample, 5.0)) {}
                }
            }
            @match kind {
                BandKind::Limit => "limit of an hour used up ",
                BandKind::Server => "paused by the server, or out of reach ",
                BandKind::Wait => "waited for its window, a wave or somebody ",
                BandKind::Nobody => "no run at work ",
            }
        }
    }
}

/// A little room above the limit or the most, whichever is more.
fn axis(bottom: f64, top: f64, limit: Option<u64>, most: u64) -> CountAxis {
    let most = limit.unwrap_or(0).max(most).max(1);
    CountAxis { bottom, top: top + (bottom - top) * 0.1, most }
}

/// Nothing, a half and all of it.
fn halves(most: u64) -> Vec<u64> {
    if most < 2 { vec![0, most] } else { vec![0, most / 2, most] }
}

fn named(limit: Option<u64>, of: &str) -> String {
    limit.map_or_else(String::new, |limit| format!("limit {}/{of}", count(limit)))
}

const STRING: &str = "a String takes any text";

fn columns(bars: &[Bar], ahead: bool, time: &TimeAxis, axis: &CountAxis) -> String {
    let mut path = String::new();
    for bar in bars.iter().filter(|bar| bar.ahead == ahead && bar.calls > 0.0) {
        let (x, end) = (time.x_of(bar.from), time.x_of(bar.to));
        let width = ((end - x) * 0.9).max(0.4);
        let (x, y, width) = (short(x), short(axis.y(bar.calls)), short(width));
        write!(path, "M{x} {bottom}V{y}h{width}V{bottom}z", bottom = short(axis.bottom))
            .expect(STRING);
    }
    path
}

fn area(bars: &[Bar], time: &TimeAxis, axis: &CountAxis) -> String {
    let behind: Vec<&Bar> = bars.iter().filter(|bar| !bar.ahead).collect();
    let (Some(first), Some(last)) = (behind.first(), behind.last()) else { return String::new() };
    let mut path = format!("M{} {}", short(time.x_of(first.from)), short(axis.bottom));
    for bar in &behind {
        let (x, y) = (short(time.x_of(bar.to)), short(axis.y(bar.in_hour as f64)));
        write!(path, "L{x} {y}").expect(STRING);
    }
    write!(path, "L{} {}z", short(time.x_of(last.to)), short(axis.bottom)).expect(STRING);
    path
}

fn line_ahead(bars: &[Bar], time: &TimeAxis, axis: &CountAxis) -> String {
    let mut path = String::new();
    for bar in bars.iter().filter(|bar| bar.ahead) {
        let begin = if path.is_empty() { 'M' } else { 'L' };
        let (x, y) = (short(time.x_of(bar.to)), short(axis.y(bar.in_hour as f64)));
        write!(path, "{begin}{x} {y}").expect(STRING);
    }
    path
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn picture(minutes: i64, ahead: usize) -> CallsPicture {
        let from: Timestamp = "2026-11-24T21:36:00Z".parse().unwrap();
        let at = |minute: i64| from + SignedDuration::from_mins(minute);
        let minute = |number| Minute { at: at(number), calls: 25, accepted: 25, throttled: 0 };
        let band = |kind, begin, end| Band {
            kind,
            from: at(begin),
            to: at(end),
            why: "the \"server\" <paused>".to_owned(),
        };
        CallsPicture {
            from,
            to: at(minutes + ahead as i64),
            now: Some(at(minutes)),
            minutes: (0..minutes).map(minute).collect(),
            ahead: vec![25; ahead],
            bands: vec![band(BandKind::Limit, 3, 7), band(BandKind::Server, 9, 11)],
            per_minute: Some(100),
            per_hour: Some(1500),
            zone: TimeZone::UTC,
        }
    }

    #[test]
    fn a_picture_of_a_few_minutes_shows_each_and_says_the_same_in_words() {
        let svg = picture(12, 4).svg().into_string();
        insta::assert_snapshot!(svg.replace("><", ">\n<"));
    }

    #[test]
    fn a_picture_of_weeks_is_no_larger_than_one_of_a_night() {
        for minutes in [1, 540, 20_000] {
            let svg = picture(minutes, 480).svg().into_string();
            assert!(svg.len() < 30_000, "{minutes}: {} bytes", svg.len());
        }
        let empty = CallsPicture { minutes: Vec::new(), now: None, ..picture(0, 0) };
        assert!(!empty.svg().into_string().contains("NaN"));
    }
}
