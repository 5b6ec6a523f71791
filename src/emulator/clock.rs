//! The emulator's time: a moment that is handed to the world as a value, and the system clock that
//! the HTTP server reads it from. The world itself never reads a clock.

#![expect(clippy::disallowed_methods, reason = "this is where clocks are read")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// One moment, on two clocks: one that only goes forward, for limits and ages, and one that people
/// read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Time since the emulator started.
    pub mono: Duration,
    /// Milliseconds since 1970-01-01 UTC.
    pub utc_ms: i64,
}

impl Moment {
    /// Whole microseconds since the emulator started.
    pub fn micros(self) -> i64 {
        i64::try_from(self.mono.as_micros()).unwrap_or(i64::MAX)
    }

    /// UTC in ticks of 100 ns since 1970, the resolution of the API's stamps.
    pub(super) fn utc_ticks(self) -> i64 {
        self.utc_ms.saturating_mul(10_000).saturating_add((self.micros() % 1000) * 10)
    }

    /// This moment with the wall clock moved by so many seconds.
    pub(super) fn skewed(self, seconds: i64) -> Moment {
        Moment { utc_ms: self.utc_ms.saturating_add(seconds.saturating_mul(1000)), ..self }
    }
}

/// Writes ticks of 100 ns since 1970 as the API does, with seven digits after the second.
pub(super) fn stamp(ticks: i64) -> String {
    let seconds = ticks.div_euclid(10_000_000);
    let fraction = ticks.rem_euclid(10_000_000);
    let whole = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    format!("{}.{fraction:07}Z", whole.strftime("%Y-%m-%dT%H:%M:%S"))
}

/// Writes milliseconds since 1970 as an HTTP date, to the second.
pub(super) fn http_date(utc_ms: i64) -> String {
    let whole = jiff::Timestamp::from_second(utc_ms.div_euclid(1000)).unwrap_or_default();
    whole.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The system's clock, from the start of one emulator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub(super) fn start() -> Clock {
        Clock { started: Instant::now() }
    }

    /// The moment that it is now.
    pub(super) fn now(&self) -> Moment {
        let utc = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment {
            mono: self.started.elapsed(),
            utc_ms: i64::try_from(utc.as_millis()).unwrap_or(i64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_have_seven_digits_and_dates_are_http_dates() {
        let ticks = 16_576_367_596_103_056;
        assert_eq!(stamp(ticks), "2022-07-12T14:39:19.6103056Z");
        assert_eq!(stamp(ticks - 6_103_056), "2022-07-12T14:39:19.0000000Z");
        assert_eq!(http_date(784_111_777_999), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
