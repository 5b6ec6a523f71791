//! Moments and durations of the limiter, as values. It reads no clock: `crate::clock` does.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment of the store's clock, in microseconds. Only differences of stamps of one clock mean
/// anything; what people read is a separate UTC time.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Stamp(pub i64);

impl Stamp {
    /// Before every call: the `seen_by` of a call that certainly never left.
    pub const ZERO: Stamp = Stamp(0);

    /// This moment and a duration more; saturates.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Stamp {
        Stamp(self.0.saturating_add(micros(duration)))
    }

    /// This moment less a duration; saturates.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Stamp {
        Stamp(self.0.saturating_sub(micros(duration)))
    }

    /// The time from `earlier` to this moment; zero if `earlier` is the later one.
    #[must_use]
    pub fn since(self, earlier: Stamp) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0).max(0).unsigned_abs())
    }

    /// The first moment after this one that is a multiple of a time, so that all who do something
    /// at that interval do it together: a process that wakes up once for a thousand costs a part of
    /// one that wakes up a thousand times.
    #[must_use]
    pub fn next_beat(self, every: Duration) -> Stamp {
        let every = micros(every).max(1);
        Stamp(self.0.saturating_sub(self.0.rem_euclid(every)).saturating_add(every))
    }
}

/// How often the list of actions is asked about a device whose answer is missing.
pub const LOOKS: usize = 3;

/// Defines the durations with their values, and what `--time-scale` does to each: `scaled` divides
/// it, `each` divides all of several, `fixed` leaves it.
macro_rules! durations {
    ($(#[$outer:meta])* $name:ident {
        $($(#[$inner:meta])* $field:ident: $type:ty = $how:ident $value:expr,)*
    }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name {
            $($(#[$inner])* pub $field: $type,)*
            /// What all that is scaled was divided by.
            pub time_scale: u32,
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $value,)* time_scale: 1 }
            }
        }

        impl $name {
            /// These with every duration of the client divided by `scale` (`--time-scale`, for
            /// tests against a loopback address); what is compared with the server's own times
            /// stays.
            #[must_use]
            pub fn scaled(self, scale: u32) -> Self {
                let scale = scale.max(1);
                Self {
                    $($field: durations!(@$how self.$field, scale),)*
                    time_scale: self.time_scale.saturating_mul(scale),
                }
            }
        }
    };
    (@scaled $duration:expr, $scale:ident) => { $duration / $scale };
    (@each $durations:expr, $scale:ident) => { $durations.map(|duration| duration / $scale) };
    (@fixed $duration:expr, $scale:ident) => { $duration };
}

const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

const fn milliseconds(number: u64) -> Duration {
    Duration::from_millis(number)
}

durations! {
    /// Every duration that the program goes by, in one place, so that `--time-scale` can divide
    /// them all.
    Timing {
        /// From the claim to the first byte of the request; a call that is later is not sent.
        send_within: Duration = scaled seconds(5),
        /// Time to open a connection.
        connect_timeout: Duration = scaled seconds(10),
        /// Time for a whole request, from its first byte to the end of its answer.
        request_timeout: Duration = scaled seconds(30),
        /// How long after the time-out sent bytes may still reach the server.
        linger: Duration = scaled seconds(30),
        /// The fixed part of the guard that every quota's window is widened by.
        guard: Duration = scaled milliseconds(100),
        /// Waits before the list of actions is asked about a device whose answer is missing.
        look_up_after: [Duration; LOOKS] = each [seconds(10), seconds(30), seconds(90)],
        /// Longest time between two looks at the store while waiting for a slot.
        poll: Duration = scaled seconds(5),
        /// First pause after a 429 that names no time; doubles with each.
        throttle_floor: Duration = scaled seconds(1),
        /// Longest pause after a 429 that names no time.
        throttle_ceiling: Duration = scaled seconds(60),
        /// Least spacing of calls after a 429.
        spacing_floor: Duration = scaled milliseconds(500),
        /// Greatest spacing of calls after repeated 429s.
        spacing_ceiling: Duration = scaled seconds(60),
        /// Spacing below this is dropped.
        spacing_drop: Duration = scaled milliseconds(100),
        /// A Retry-After beyond this is not waited for as a whole: see `Timing::retry_after_cap`.
        retry_after_longest: Duration = fixed seconds(24 * 3600),
        /// What is waited instead of a longer Retry-After, before one call probes.
        retry_after_cap: Duration = scaled seconds(3600),
        /// How long a limit is kept after the server named it last. A scaled day would be over
        /// within a run.
        named_for: Duration = fixed seconds(24 * 3600),
        /// First wait after the API could not be reached; doubles up to `reconnect_ceiling`.
        reconnect_floor: Duration = scaled seconds(1),
        /// Longest wait between two tries to reach the API.
        reconnect_ceiling: Duration = scaled seconds(30),
        /// How long calls are under way of which nothing comes before that is what holds the next.
        silence: Duration = scaled seconds(10),
        /// How long a campaign that has never reached the API goes on trying.
        first_contact: Duration = scaled seconds(60),
        /// How long a campaign that has reached the API before waits for it.
        max_wait: Duration = scaled seconds(3600),
        /// Wait before a busy device is asked again under `--busy retry`.
        busy_retry: Duration = scaled seconds(3600),
        /// How old an action that is not in progress may be and still cover a device. It is
        /// compared with the server's own times.
        covers_for: Duration = fixed seconds(24 * 3600),
        /// Slack when a server's time is compared with its `Date`, which has whole seconds.
        server_slack: Duration = fixed seconds(2),
        /// Time between two writings of the report while a campaign runs.
        report_every: Duration = scaled seconds(30),
        /// First pause after a row of server faults; doubles up to `breaker_ceiling`.
        breaker_floor: Duration = scaled seconds(30),
        /// Longest pause between two probes of a failing server.
        breaker_ceiling: Duration = scaled seconds(600),
        /// How long reads that no order needs may take before the first order, all together.
        optional_reads: Duration = scaled seconds(10),
        /// And before the orders of an incident, which go before everything else.
        urgent_reads: Duration = scaled seconds(3),
        /// How long something lasts before people are told what they wait for. They read no faster
        /// where time is scaled.
        told_after: Duration = fixed seconds(1),
    }
}

impl Timing {
    /// Whether a call that was claimed then is too late to be sent now: the server could count it
    /// after its horizon.
    pub fn is_late(&self, claimed_at: Stamp, now: Stamp) -> bool {
        now.since(claimed_at) > self.send_within
    }

    /// How long the word of a runner holds that it is at work on its campaign: it says so at each
    /// look at the store, of which two may fail. When it dies, those that yield to its campaign go
    /// on after this long.
    pub fn engaged_for(&self) -> Duration {
        self.poll * 3
    }

    /// How often a run says in its store that it lives. Not much below a second, however the rest
    /// is scaled: each time is a write.
    pub fn sign_of_life(&self) -> Duration {
        self.poll.max(Duration::from_millis(500))
    }

    /// How long after its last sign of life a run is taken for alive: 20 s. Two signs in a row may
    /// be late.
    pub fn alive_for(&self) -> Duration {
        (self.poll * 4).max(Duration::from_secs(3))
    }

    /// The longest time from a claim to the moment at which the server can have counted its call:
    /// send within + whole request + linger. A call with no answer is counted until then.
    pub fn horizon(&self) -> Duration {
        self.send_within + self.request_timeout + self.linger
    }

    /// The longest time from a claim to the moment at which it is known what became of a call that
    /// has no answer, where the list of actions can be read: each look comes after the one before.
    pub fn known_within(&self) -> Duration {
        // Each look is begun at a look at the store, and waits for its answer.
        let looks = (self.request_timeout + self.poll) * LOOKS as u32;
        self.horizon() + self.poll + self.look_up_after.iter().sum::<Duration>() + looks
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_horizon_is_sending_request_and_linger_together() {
        assert_eq!(Timing::default().horizon(), Duration::from_secs(65));
        assert_eq!(Timing::default().scaled(10).horizon(), Duration::from_millis(6_500));
    }

    #[test]
    fn what_is_compared_with_the_servers_times_or_read_by_people_is_not_scaled() {
        let (whole, tenth) = (Timing::default(), Timing::default().scaled(10));
        let fixed = |timing: Timing| {
            let Timing { covers_for, server_slack, named_for, .. } = timing;
            [covers_for, server_slack, named_for, timing.retry_after_longest, timing.told_after]
        };
        assert_eq!(fixed(tenth), fixed(whole));
        assert_eq!(tenth.look_up_after, whole.look_up_after.map(|wait| wait / 10));
        assert_eq!((tenth.poll, tenth.time_scale), (whole.poll / 10, 10));
        assert_eq!(tenth.scaled(0), tenth, "nothing is divided by zero");
    }

    #[test]
    fn whoever_does_something_every_five_seconds_does_it_at_the_same_moments() {
        let five = Duration::from_secs(5);
        for at in [10_000_000, 10_000_001, 14_999_999] {
            assert_eq!(Stamp(at).next_beat(five), Stamp(15_000_000), "after {at}");
        }
        assert_eq!(Stamp(-1).next_beat(five), Stamp(0));
        assert_eq!(Stamp(7).next_beat(Duration::ZERO), Stamp(8), "it is always later");
        assert_eq!(Stamp(i64::MAX).next_beat(five), Stamp(i64::MAX));
    }

    #[test]
    fn stamps_saturate_and_never_go_negative_in_a_difference() {
        assert_eq!(Stamp(i64::MAX).plus(Duration::from_secs(1)), Stamp(i64::MAX));
        assert_eq!(Stamp(5).since(Stamp(9)), Duration::ZERO);
        assert_eq!(Stamp(5).plus(Duration::MAX), Stamp(i64::MAX));
    }
}
