//! A clock that several machines share: the wall clock of the database's server, held within what
//! this machine's own clock allows. Pure; the readings come in as values.
//!
//! A wall clock steps: somebody sets it, a virtual machine is moved, another server takes over. A
//! step forward would free every slot at once, a step back would hold them for as long. So a
//! reading counts only within two lines that begin at the first reading and run a little slower and
//! a little faster than this machine's own clock (`CLOCK_BOOTTIME`). A later reading can bring the
//! lines closer together, never farther apart. Whatever the server's clock says, the time between
//! two claims of one machine is therefore right to within `DRIFT`, which twice (two machines that
//! drift apart) is well within the guard of a quota's window.

use super::timing::Stamp;

/// How far a machine's own clock may run fast or slow, in millionths.
const DRIFT: i64 = 200;

/// A reading that is this far outside the lines is a step, in microseconds: half of the guard.
const STEP_US: i64 = 50_000;

/// What the server's clock said, between two looks at this machine's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What the server's clock said, with the correction that all machines share.
    pub said: Stamp,
    /// This machine's own clock before it was asked, in microseconds.
    pub asked_us: i64,
    /// This machine's own clock when the answer was there.
    pub answered_us: i64,
}

/// What a reading comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Now.
    pub now: Stamp,
    /// By how much the shared correction has to change for the server's clock to be right again,
    /// in microseconds; `None` unless it stepped.
    pub correction_us: Option<i64>,
}

/// The lines between which the shared clock runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundedClock {
    slowest: Line,
    fastest: Line,
    /// The latest moment that it gave.
    latest: Stamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    at: Stamp,
    own_us: i64,
}

impl Line {
    /// Where the line is by then, if it runs by so many millionths faster than the own clock.
    fn at(self, own_us: i64, drift: i64) -> Stamp {
        let passed = own_us.saturating_sub(self.own_us);
        // What has passed twice over is a thousand years away.
        let more = passed.saturating_mul(drift) / 1_000_000;
        Stamp(self.at.0.saturating_add(passed).saturating_add(more))
    }
}

impl BoundedClock {
    /// The clock whose first reading this is.
    pub fn beginning_with(first: Reading) -> Self {
        let Reading { said, asked_us, answered_us } = first;
        Self {
            slowest: Line { at: said, own_us: answered_us },
            fastest: Line { at: said, own_us: asked_us },
            latest: Stamp::ZERO,
        }
    }

    /// The latest that it can be by this moment of the own clock, and never before a moment that
    /// was given: readings that contradict each other can let the lines cross.
    pub fn estimate(&self, own_us: i64) -> Stamp {
        let lines = self.fastest.at(own_us, DRIFT).max(self.slowest.at(own_us, -DRIFT));
        lines.max(self.latest)
    }

    /// Takes a reading. No moment is before `last`, the latest that anybody wrote.
    pub fn take(&mut self, reading: Reading, last: Stamp) -> Moment {
        let Reading { said, asked_us, answered_us } = reading;
        let slowest = self.slowest.at(asked_us, -DRIFT);
        let fastest = self.fastest.at(answered_us, DRIFT).max(slowest);
        let within = said.clamp(slowest, fastest);
        if within == said {
            let lines = Self::beginning_with(reading);
            if lines.slowest.at(answered_us, -DRIFT) > self.slowest.at(answered_us, -DRIFT) {
                self.slowest = lines.slowest;
            }
            if lines.fastest.at(answered_us, DRIFT) < self.fastest.at(answered_us, DRIFT) {
                self.fastest = lines.fastest;
            }
        }
        let off = within.0.saturating_sub(said.0);
        let correction_us = if off.abs() > STEP_US { Some(off) } else { None };
        let now = within.max(last);
        self.latest = self.latest.max(now);
        Moment { now, correction_us }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_700_000_000_000_000;
    const HOUR: i64 = 3_600_000_000;

    fn reading(said: i64, own: i64) -> Reading {
        Reading { said: Stamp(said), asked_us: own, answered_us: own + 1_000 }
    }

    fn begun() -> BoundedClock {
        BoundedClock::beginning_with(reading(START, 0))
    }

    #[test]
    fn a_step_forward_by_two_hours_passes_nothing_and_is_corrected_for_all() {
        let mut clock = begun();
        let own = 10_000_000;
        let moment = clock.take(reading(START + own + 2 * HOUR, own), Stamp::ZERO);
        let passed = moment.now.since(Stamp(START));
        assert!(passed <= Duration::from_micros(10_000_000 + 2_000 + 3_001), "{passed:?}");
        let correction = moment.correction_us.unwrap();
        let corrected = START + own + 2 * HOUR + correction;
        assert_eq!(Stamp(corrected), moment.now, "whoever comes now reads the same");
        // With the correction the server's clock is believed again.
        let next = clock.take(reading(corrected + 1_000_000, own + 1_000_000), moment.now);
        assert_eq!(next, Moment { now: Stamp(corrected + 1_000_000), correction_us: None });
    }

    #[test]
    fn after_a_step_back_time_goes_on() {
        let mut clock = begun();
        let own = 10_000_000;
        let moment = clock.take(reading(START - 2 * HOUR, own), Stamp(START));
        assert!(moment.now.since(Stamp(START)) > Duration::from_millis(9_990), "{moment:?}");
        assert!(moment.correction_us.unwrap() > 2 * HOUR);
    }

    #[test]
    fn nothing_is_before_what_somebody_wrote() {
        let later = Stamp(START + HOUR);
        assert_eq!(begun().take(reading(START + 5, 5), later).now, later);
    }

    #[test]
    fn no_estimate_is_before_a_moment_that_was_given_though_readings_contradict_each_other() {
        let read = |said: i64, own: i64, took: i64| Reading {
            said: Stamp(START + said),
            asked_us: own,
            answered_us: own + took,
        };
        // How long after the one before, by how much the server's clock is off, how long it took.
        let seen = [
            (4_567_392, 0, 47_625),
            (7_699_491, 0, 23_033),
            (2_741_583, 136_937_472 >> 15, 3_625),
            (3_025_557, 0, 7_421),
            (8_971_786, 13_500_416 >> 10, 11_385),
            (7_418_256, 9_242, 5_959),
            (8_124_892, -152_465 >> 4, 13_181),
            (7_050_683, 84_054_016 >> 11, 34_714),
            (7_077_786, 0, 42_036),
            (6_669_589, 271_204_352 >> 13, 31_757),
            (8_249, -1_651_507_201 >> 17, 0),
        ];
        let (mut clock, mut own, mut last) = (begun(), 0, Stamp::ZERO);
        for (wait, off, took) in seen {
            own += wait;
            last = clock.take(read(own + off, own, took), last).now;
            own += took;
            assert!(clock.estimate(own) >= last, "{last:?} after {own}");
        }
    }

    proptest! {
        /// Whatever the server's clock says, the time of one machine runs within its own drift.
        #[test]
        fn time_runs_at_the_pace_of_the_own_clock_whatever_the_server_says(
            said in prop::collection::vec((0_i64..10_000_000, any::<i32>(), 0_i64..50_000), 1..60)
        ) {
            let mut clock = begun();
            let (mut own, mut last) = (0, Stamp::ZERO);
            for (wait, off, took) in said {
                own += wait;
                // Small lies as well as large ones.
                let off = i64::from(off) >> (wait % 24);
                let said = Stamp(START + own + off);
                let reading = Reading { said, asked_us: own, answered_us: own + took };
                let now = clock.take(reading, last).now;
                let earliest = START + own - own * DRIFT / 1_000_000 - 1_001;
                let latest = START + own + took + (own + took) * DRIFT / 1_000_000 + 1;
                prop_assert!(now >= last);
                prop_assert!(now.0 >= earliest && now.0 <= latest, "{now:?}: {earliest} {latest}");
                prop_assert!(clock.estimate(own + took) >= now);
                (own, last) = (own + took, now);
            }
        }

        /// A server whose clock is right is believed to the microsecond.
        #[test]
        fn a_clock_that_is_right_is_believed(
            waits in prop::collection::vec((0_i64..600_000_000, 0_i64..9_000), 1..40),
            drift in -DRIFT..=DRIFT,
        ) {
            let mut clock = begun();
            let mut own = 1_000;
            for (wait, took) in waits {
                own += wait;
                let said = Stamp(START + own + own * drift / 1_000_000);
                let reading = Reading { said, asked_us: own, answered_us: own + took };
                let moment = clock.take(reading, Stamp::ZERO);
                prop_assert!(moment.now.0.abs_diff(said.0) <= 2, "{moment:?} for {said:?}");
                prop_assert_eq!(moment.correction_us, None);
                own += took;
            }
        }
    }
}
