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
}

/// How often the list of actions is asked about a device whose answer is missing.
pub const LOOKS: usize = 3;

/// Every duration that the program goes by, in one place, so that `--time-scale` can divide them
/// all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// From the claim to the first byte of the request; a call that is later is not sent.
    pub send_within: Duration,
    /// Time to open a connection.
    pub connect_timeout: Duration,
    /// Time for a whole request, from its first byte to the end of its answer.
    pub request_timeout: Duration,
    /// How long after the time-out sent bytes may still reach the server.
    pub linger: Duration,
    /// The fixed part of the guard that every quota's window is widened by.
    pub guard: Duration,
    /// Waits before the list of actions is asked about a device whose answer is missing.
    pub look_up_after: [Duration; LOOKS],
    /// Longest time between two looks at the store while waiting for a slot.
    pub poll: Duration,
    /// First pause after a 429 that names no time; doubles with each.
    pub throttle_floor: Duration,
    /// Longest pause after a 429 that names no time.
    pub throttle_ceiling: Duration,
    /// Least spacing of calls after a 429.
    pub spacing_floor: Duration,
    /// Greatest spacing of calls after repeated 429s.
    pub spacing_ceiling: Duration,
    /// Spacing below this is dropped.
    pub spacing_drop: Duration,
    /// A Retry-After beyond this is not waited for as a whole: see `Timing::retry_after_cap`.
    pub retry_after_longest: Duration,
    /// What is waited instead of a longer Retry-After, before one call probes.
    pub retry_after_cap: Duration,
    /// How long a limit is kept after the server named it last. Not scaled: a scaled day would be
    /// over within a run.
    pub named_for: Duration,
    /// What all that is scaled was divided by.
    pub time_scale: u32,
    /// First wait after the API could not be reached; doubles up to `reconnect_ceiling`.
    pub reconnect_floor: Duration,
    /// Longest wait between two tries to reach the API.
    pub reconnect_ceiling: Duration,
    /// How long a campaign that has never reached the API goes on trying.
    pub first_contact: Duration,
    /// How long a campaign that has reached the API before waits for it.
    pub max_wait: Duration,
    /// Wait before a busy device is asked again under `--busy retry`.
    pub busy_retry: Duration,
    /// How old an action that is not in progress may be and still cover a device. Not scaled: it is
    /// compared with the server's own times.
    pub covers_for: Duration,
    /// Slack when a server's time is compared with its `Date`, which has whole seconds. Not scaled.
    pub server_slack: Duration,
    /// Time between two writings of the report while a campaign runs.
    pub report_every: Duration,
    /// First pause after a row of server faults; doubles up to `breaker_ceiling`.
    pub breaker_floor: Duration,
    /// Longest pause between two probes of a failing server.
    pub breaker_ceiling: Duration,
    /// How long reads that no order needs may take before the first order, all together.
    pub optional_reads: Duration,
    /// The same before the orders of an incident, which go before everything else.
    pub urgent_reads: Duration,
    /// How long something lasts before people are told what they wait for. Not scaled: they read
    /// no faster.
    pub told_after: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            send_within: seconds(5),
            connect_timeout: seconds(10),
            request_timeout: seconds(30),
            linger: seconds(30),
            guard: Duration::from_millis(100),
            look_up_after: [seconds(10), seconds(30), seconds(90)],
            poll: seconds(5),
            throttle_floor: seconds(1),
            throttle_ceiling: seconds(60),
            spacing_floor: Duration::from_millis(500),
            spacing_ceiling: seconds(60),
            spacing_drop: Duration::from_millis(100),
            retry_after_longest: seconds(24 * 3600),
            retry_after_cap: seconds(3600),
            named_for: seconds(24 * 3600),
            time_scale: 1,
            reconnect_floor: seconds(1),
            reconnect_ceiling: seconds(30),
            first_contact: seconds(60),
            max_wait: seconds(3600),
            busy_retry: seconds(3600),
            covers_for: seconds(24 * 3600),
            server_slack: seconds(2),
            report_every: seconds(30),
            breaker_floor: seconds(30),
            breaker_ceiling: seconds(600),
            optional_reads: seconds(10),
            urgent_reads: seconds(3),
            told_after: seconds(1),
        }
    }
}

impl Timing {
    /// The same with every duration of the client divided by `scale` (`--time-scale`, for tests
    /// against a loopback address); what is compared with the server's own times stays.
    #[must_use]
    pub fn scaled(self, scale: u32) -> Self {
        let by = |duration: Duration| duration / scale.max(1);
        Self {
            send_within: by(self.send_within),
            connect_timeout: by(self.connect_timeout),
            request_timeout: by(self.request_timeout),
            linger: by(self.linger),
            guard: by(self.guard),
            look_up_after: self.look_up_after.map(by),
            poll: by(self.poll),
            throttle_floor: by(self.throttle_floor),
            throttle_ceiling: by(self.throttle_ceiling),
            spacing_floor: by(self.spacing_floor),
            spacing_ceiling: by(self.spacing_ceiling),
            spacing_drop: by(self.spacing_drop),
            retry_after_longest: self.retry_after_longest,
            retry_after_cap: by(self.retry_after_cap),
            named_for: self.named_for,
            time_scale: self.time_scale.saturating_mul(scale.max(1)),
            reconnect_floor: by(self.reconnect_floor),
            reconnect_ceiling: by(self.reconnect_ceiling),
            first_contact: by(self.first_contact),
            max_wait: by(self.max_wait),
            busy_retry: by(self.busy_retry),
            covers_for: self.covers_for,
            server_slack: self.server_slack,
            report_every: by(self.report_every),
            breaker_floor: by(self.breaker_floor),
            breaker_ceiling: by(self.breaker_ceiling),
            optional_reads: by(self.optional_reads),
            urgent_reads: by(self.urgent_reads),
            told_after: self.told_after,
        }
    }

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
    fn stamps_saturate_and_never_go_negative_in_a_difference() {
        assert_eq!(Stamp(i64::MAX).plus(Duration::from_secs(1)), Stamp(i64::MAX));
        assert_eq!(Stamp(5).since(Stamp(9)), Duration::ZERO);
        assert_eq!(Stamp(5).plus(Duration::MAX), Stamp(i64::MAX));
    }
}
