//! The minutes of a campaign on an even grid, for pictures and their tables: calls of each minute,
//! and calls of the hour that ends with it. Nothing is drawn here.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::Minute;

/// Seconds of a minute.
const MINUTE: i64 = 60;
/// Minutes of an hour.
const HOUR: usize = 60;

/// Minutes without a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// When the first one begins, in seconds.
    pub(super) from: i64,
    /// Calls that left in each.
    pub(super) calls: Vec<u64>,
    /// Calls of the hour that ends with each, itself among them.
    pub(super) in_hour: Vec<u64>,
}

impl Grid {
    /// The minutes up to this moment, with none where nothing left.
    pub(super) fn of(minutes: &[Minute], to: Timestamp) -> Self {
        let second = |at: Timestamp| at.as_second().div_euclid(MINUTE) * MINUTE;
        let Some(first) = minutes.first() else {
            return Self { from: second(to), calls: Vec::new(), in_hour: Vec::new() };
        };
        let (from, last) = (second(first.at), minutes.last().map_or(first.at, |one| one.at));
        let many = (second(to.max(last)) - from) / MINUTE + 1;
        let mut calls = vec![0; usize::try_from(many).unwrap_or_default()];
        for minute in minutes {
            let at = usize::try_from((second(minute.at) - from) / MINUTE);
            if let Some(slot) = at.ok().and_then(|at| calls.get_mut(at)) {
                *slot += minute.calls;
            }
        }
        let mut in_hour = Vec::with_capacity(calls.len());
        let mut sum = 0;
        for at in 0..calls.len() {
            sum += calls[at];
            sum -= at.checked_sub(HOUR).map_or(0, |gone| calls[gone]);
            in_hour.push(sum);
        }
        Self { from, calls, in_hour }
    }

    /// Adds what is forecast behind it: what leaves in the rest of its last minute, and in each
    /// minute after that. The bar of the last minute stays as it is, since that is over in part.
    pub(super) fn with(mut self, ahead: &[u64]) -> Self {
        let (rest, later) = match (ahead.split_first(), self.calls.is_empty()) {
            (Some((rest, later)), false) => (*rest, later),
            _ => (0, ahead),
        };
        let (last, mut sum) = (self.calls.len(), self.in_hour.last().copied().unwrap_or(0) + rest);
        for calls in later {
            let gone = self.calls.len().checked_sub(HOUR);
            let rest = if gone.is_some_and(|gone| gone + 1 == last) { rest } else { 0 };
            sum += calls;
            sum -= gone.map_or(0, |gone| self.calls[gone]) + rest;
            self.calls.push(*calls);
            self.in_hour.push(sum);
        }
        self
    }

    /// The moment at which the minute at this place begins, in seconds.
    pub(super) fn second(&self, at: usize) -> i64 {
        self.from + i64::try_from(at).unwrap_or(i64::MAX / MINUTE) * MINUTE
    }
}

/// A row of the table that says what the picture of calls says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// When it begins, in words.
    pub from: String,
    /// Calls that left in it.
    pub calls: u64,
    /// How many of them were accepted by their own answers.
    pub accepted: u64,
    /// How many of them were answered with 429.
    pub throttled: u64,
}

/// Rows of the table at most: of hours, or else of days.
const ROWS: usize = 72;

/// The minutes summed up by the hour in this zone, or by the day where those would be too many; the
/// latest ones.
pub fn spans(minutes: &[Minute], zone: &TimeZone) -> Vec<Span> {
    let by_hour = summed(minutes, zone, "%a %-d %b %H:00");
    if by_hour.len() <= ROWS {
        return by_hour;
    }
    let mut by_day = summed(minutes, zone, "%a %-d %b %Y");
    by_day.split_off(by_day.len().saturating_sub(ROWS))
}

fn summed(minutes: &[Minute], zone: &TimeZone, form: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for Minute { at, calls, accepted, throttled } in minutes {
        let from = at.to_zoned_datetime(zone.clone()).strftime(form).to_string();
        if spans.last().is_none_or(|span| span.from != from) {
            spans.push(Span { from, calls: 0, accepted: 0, throttled: 0 });
        }
        let Some(span) = spans.last_mut() else { continue };
        span.calls += calls;
        span.accepted += accepted;
        span.throttled += throttled;
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(at: &str, calls: u64) -> Minute {
        Minute { at: at.parse().unwrap(), calls, accepted: calls, throttled: 0 }
    }

    #[test]
    fn an_hour_ends_with_its_own_minute_and_begins_behind_the_one_an_hour_before() {
        let all = [minute("2026-11-26T22:00:00Z", 7), minute("2026-11-26T22:02:00Z", 5)];
        let grid = Grid::of(&all, "2026-11-26T23:03:30Z".parse().unwrap());
        assert_eq!((grid.calls.len(), &grid.calls[..3]), (64, &[7, 0, 5][..]));
        assert_eq!((grid.in_hour[59], grid.in_hour[60], grid.in_hour[62]), (12, 5, 0));
        // One call in the rest of the last minute, three in the next one, four in the one after it.
        let ahead: Vec<u64> = [1, 3, 4].into_iter().chain([0; 60]).collect();
        let grid = grid.with(&ahead);
        assert_eq!((grid.calls[63], grid.calls[64], grid.calls[65]), (0, 3, 4));
        assert_eq!((grid.in_hour[64], grid.in_hour[65]), (4, 8));
        assert_eq!((grid.in_hour[122], grid.in_hour[123], grid.in_hour[124]), (8, 7, 4));
        let none_yet = Grid::of(&[], "2026-11-26T23:03:30Z".parse().unwrap()).with(&[1, 3]);
        assert_eq!(none_yet.calls, [1, 3]);
    }

    #[test]
    fn a_table_has_hours_and_of_a_long_run_days() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let night = [minute("2026-11-26T22:59:00Z", 7), minute("2026-11-26T23:00:00Z", 5)];
        let rows = spans(&night, &zone);
        let told: Vec<_> = rows.iter().map(|row| (row.from.as_str(), row.calls)).collect();
        assert_eq!(told, [("Thu 26 Nov 23:00", 7), ("Fri 27 Nov 00:00", 5)]);
        let long: Vec<Minute> = (0..100)
            .map(|hour| {
                let at = night[0].at + jiff::SignedDuration::from_hours(hour);
                Minute { at, ..night[0] }
            })
            .collect();
        assert_eq!(spans(&long, &zone).len(), 6);
    }
}
