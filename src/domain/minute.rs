//! The minutes of a campaign: how fast its orders left, for who asks later. Nothing goes by them.

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde::Serialize;

/// How many minutes are kept of a campaign: two weeks of orders without rest, at 2 MB at most. Then
/// the oldest are forgotten; the campaign's counts stay.
pub const MINUTES_KEPT: usize = 20_000;

/// One minute in which scan calls of a campaign were claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Minute {
    /// When it began.
    pub at: Timestamp,
    /// Calls that left in it, or may have.
    pub calls: u64,
    /// How many of them were accepted by their own answers.
    pub accepted: u64,
    /// How many of them were answered with 429.
    pub throttled: u64,
}

/// The beginning of the minute of this moment.
pub fn minute_of(moment: Timestamp) -> Timestamp {
    let down = TimestampRound::new().smallest(Unit::Minute).mode(RoundMode::Floor);
    moment.round(down).unwrap_or(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_belongs_to_the_minute_that_began_before_it() {
        let minute = |text: &str| minute_of(text.parse().unwrap()).to_string();
        assert_eq!(minute("2026-11-26T22:14:59.999999999Z"), "2026-11-26T22:14:00Z");
        assert_eq!(minute("2026-11-26T22:15:00Z"), "2026-11-26T22:15:00Z");
    }
}
