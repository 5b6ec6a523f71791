//! What a budget remembers beside its journal: pauses after a 429, the probe that ends one, the
//! spacing of calls after it, and limits that the server named. Pure; the columns of a store's
//! budget row are exactly this value, so that every runner keeps the same pause. The quotas
//! themselves are `window`'s.

use std::time::Duration;

use super::named::NamedLimits;
use super::quota::Quota;
use super::timing::{Stamp, Timing};

/// Server faults in a row that open the breaker.
pub const FAULTS_MAX: u32 = 5;

/// Whether a pause is over: after one, a single call probes before the others go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Probe {
    /// No pause; calls flow.
    #[default]
    Off,
    /// The next call is the probe.
    Due,
    /// A probe is under way; others wait for its answer, at the longest until this moment.
    InFlight(Stamp),
}

impl Probe {
    /// The stricter of two: a probe under way is waited for, and the later one for longer.
    fn merged(self, other: Self) -> Self {
        match (self, other) {
            (Probe::InFlight(one), Probe::InFlight(other)) => Probe::InFlight(one.max(other)),
            (Probe::InFlight(until), _) | (_, Probe::InFlight(until)) => Probe::InFlight(until),
            (Probe::Due, _) | (_, Probe::Due) => Probe::Due,
            (Probe::Off, Probe::Off) => Probe::Off,
        }
    }
}

/// The state of a budget that outlives a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BudgetState {
    /// Nothing is claimed before this moment.
    pub not_before: Stamp,
    /// When the present pause was ordered.
    pub paused_at: Stamp,
    /// Where the probe stands.
    pub probe: Probe,
    /// Least time between two claims.
    pub spacing: Duration,
    /// When the last call was claimed.
    pub last_claim: Stamp,
    /// Pauses in a row without a success between them.
    pub streak: u32,
    /// Server faults and missing answers in a row.
    pub faults: u32,
    /// Limits that the server named.
    pub named: NamedLimits,
}

impl BudgetState {
    /// The earliest moment at which this state allows a claim.
    pub fn earliest(&self) -> Stamp {
        let spaced = match self.spacing {
            Duration::ZERO => Stamp::ZERO,
            spacing => self.last_claim.plus(spacing),
        };
        let probed = match self.probe {
            Probe::InFlight(until) => until,
            Probe::Off | Probe::Due => Stamp::ZERO,
        };
        self.not_before.max(spaced).max(probed)
    }

    /// A call was claimed at `now`.
    pub fn on_claim(&mut self, now: Stamp, timing: &Timing) {
        self.last_claim = now;
        if self.probe != Probe::Off {
            self.probe = Probe::InFlight(now.plus(timing.horizon()));
        }
    }

    /// This state as it will be when the calls that are being claimed have passed: while calls are
    /// spaced or a probe is due, only one of them can.
    #[must_use]
    pub fn with_pending(mut self, pending: usize, now: Stamp, timing: &Timing) -> Self {
        if pending > 0 {
            self.on_claim(now, timing);
        }
        self
    }

    /// A 429 arrived for a call claimed at `claimed_at`; `wait` is what the server asked for. One
    /// volley is one pause: answers to calls claimed before the pause lengthen it only by a time of
    /// their own.
    pub fn on_throttled(
        &mut self,
        now: Stamp,
        claimed_at: Stamp,
        wait: Option<Duration>,
        timing: &Timing,
    ) {
        // Also when its answer comes so late that the pause is over.
        let same_volley = claimed_at < self.paused_at;
        if same_volley {
            if let Some(wait) = wait {
                self.not_before = self.not_before.max(now.plus(bounded(wait, timing)));
            }
            return;
        }
        let pause = wait.map_or_else(|| self.own_pause(timing), |wait| bounded(wait, timing));
        self.not_before = self.not_before.max(now.plus(pause));
        self.spacing = (self.spacing * 2).clamp(timing.spacing_floor, timing.spacing_ceiling);
        self.pause(now);
    }

    /// A 429 named this limit: it is kept beside all others from now on.
    pub fn on_named(&mut self, limit: Quota, now: Stamp, timing: &Timing) {
        self.named.hear(limit, now, timing);
    }

    /// A whole answer other than a 429 and a server fault arrived for a call claimed at
    /// `claimed_at`.
    pub fn on_answered(&mut self, claimed_at: Stamp, timing: &Timing) {
        if claimed_at < self.paused_at {
            return;
        }
        self.probe = Probe::Off;
        self.streak = 0;
        self.faults = 0;
        self.spacing = self.spacing * 95 / 100;
        if self.spacing < timing.spacing_drop {
            self.spacing = Duration::ZERO;
        }
    }

    /// A server fault, or no answer at all, for a call claimed at `claimed_at`. A row of them, or
    /// one for the probe, is a reason to pause: the list must not be burnt on a server that fails.
    pub fn on_fault(&mut self, now: Stamp, claimed_at: Stamp, timing: &Timing) {
        if claimed_at < self.paused_at {
            return;
        }
        self.faults = self.faults.saturating_add(1);
        if self.faults >= FAULTS_MAX || self.probe != Probe::Off {
            let pause = doubled(timing.breaker_floor, self.streak).min(timing.breaker_ceiling);
            self.not_before = self.not_before.max(now.plus(pause));
            self.pause(now);
        }
    }

    /// A call claimed at `claimed_at` never left: if it was the probe, the next call is the probe.
    pub fn on_never_left(&mut self, claimed_at: Stamp) {
        if claimed_at >= self.paused_at && matches!(self.probe, Probe::InFlight(_)) {
            self.probe = Probe::Due;
        }
    }

    /// What is left when two budgets turn out to be one: of everything the stricter.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        Self {
            not_before: self.not_before.max(other.not_before),
            paused_at: self.paused_at.max(other.paused_at),
            probe: self.probe.merged(other.probe),
            spacing: self.spacing.max(other.spacing),
            last_claim: self.last_claim.max(other.last_claim),
            streak: self.streak.max(other.streak),
            faults: self.faults.max(other.faults),
            named: self.named.merged(other.named),
        }
    }

    fn own_pause(&self, timing: &Timing) -> Duration {
        doubled(timing.throttle_floor, self.streak).min(timing.throttle_ceiling)
    }

    fn pause(&mut self, now: Stamp) {
        self.paused_at = now;
        self.probe = Probe::Due;
        self.streak = self.streak.saturating_add(1);
    }
}

fn doubled(floor: Duration, times: u32) -> Duration {
    floor.saturating_mul(2u32.saturating_pow(times.min(16)))
}

/// A Retry-After of more than a day is more likely a mistake than a wish: one long window is waited
/// and then one call probes.
fn bounded(wait: Duration, timing: &Timing) -> Duration {
    if wait > timing.retry_after_longest { timing.retry_after_cap } else { wait }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Stamp {
        Stamp::ZERO.plus(SECOND * u32::try_from(seconds).unwrap())
    }

    #[test]
    fn a_volley_of_429_is_one_pause_and_one_probe_ends_it() {
        let timing = Timing::default();
        let mut budget = BudgetState::default();
        budget.on_claim(at(9), &timing);
        budget.on_throttled(at(10), at(9), Some(SECOND * 30), &timing);
        assert_eq!(budget.earliest(), at(40));
        // The rest of the volley: no time of its own, a shorter one, a longer one.
        budget.on_throttled(at(11), at(9), None, &timing);
        budget.on_throttled(at(11), at(9), Some(SECOND), &timing);
        assert_eq!(budget.earliest(), at(40));
        assert_eq!(budget.spacing, SECOND / 2);
        budget.on_throttled(at(11), at(9), Some(SECOND * 40), &timing);
        assert_eq!(budget.earliest(), at(51));
        // The probe holds the others until its answer.
        budget.on_claim(at(51), &timing);
        assert_eq!(budget.earliest(), at(51).plus(timing.horizon()));
        budget.on_answered(at(51), &timing);
        assert_eq!(budget.probe, Probe::Off);
        assert_eq!(budget.earliest(), at(51).plus(SECOND * 475 / 1000));
    }

    #[test]
    fn without_a_time_the_pause_doubles_from_one_second_to_a_minute() {
        let timing = Timing::default();
        let mut budget = BudgetState::default();
        let mut now = at(100);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            budget.on_claim(now, &timing);
            budget.on_throttled(now, now, None, &timing);
            pauses.push(budget.not_before.since(now).as_secs());
            now = budget.earliest().max(budget.not_before).plus(SECOND * 100);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn an_absurd_retry_after_waits_one_long_window_and_then_probes() {
        let timing = Timing::default();
        let mut budget = BudgetState::default();
        budget.on_throttled(at(10), at(9), Some(Duration::from_secs(u64::MAX)), &timing);
        assert_eq!(budget.not_before, at(10 + 3600));
    }

    #[test]
    fn a_probe_that_never_left_is_asked_again_and_an_old_answer_ends_no_pause() {
        let timing = Timing::default();
        let mut budget = BudgetState::default();
        budget.on_throttled(at(10), at(9), Some(SECOND), &timing);
        budget.on_answered(at(8), &timing);
        assert_eq!(budget.probe, Probe::Due);
        budget.on_claim(at(12), &timing);
        budget.on_never_left(at(12));
        assert_eq!(budget.probe, Probe::Due);
        assert!(budget.earliest() <= at(13));
    }

    #[test]
    fn a_row_of_faults_pauses_and_a_failed_probe_pauses_longer() {
        let timing = Timing::default();
        let mut budget = BudgetState::default();
        for second in 1..=4 {
            budget.on_fault(at(second), at(second), &timing);
        }
        assert_eq!(budget.earliest(), Stamp::ZERO);
        budget.on_fault(at(5), at(5), &timing);
        assert_eq!(budget.earliest(), at(35));
        // Calls of the same volley change nothing; the probe's own fault doubles the pause.
        budget.on_fault(at(6), at(4), &timing);
        budget.on_claim(at(35), &timing);
        budget.on_fault(at(36), at(35), &timing);
        assert_eq!((budget.not_before, budget.probe), (at(96), Probe::Due));
        budget.on_claim(at(96), &timing);
        budget.on_answered(at(96), &timing);
        assert_eq!((budget.earliest(), budget.faults), (at(96), 0));
    }

    #[test]
    fn of_two_budgets_that_become_one_the_stricter_pause_stays() {
        let paused = BudgetState {
            not_before: at(90),
            paused_at: at(10),
            probe: Probe::Due,
            streak: 3,
            ..BudgetState::default()
        };
        let spaced = BudgetState {
            not_before: at(20),
            paused_at: at(15),
            probe: Probe::InFlight(at(80)),
            spacing: SECOND,
            last_claim: at(15),
            faults: 2,
            ..BudgetState::default()
        };
        for merged in [paused.merged(spaced), spaced.merged(paused)] {
            assert_eq!((merged.not_before, merged.paused_at), (at(90), at(15)));
            assert_eq!((merged.probe, merged.spacing), (Probe::InFlight(at(80)), SECOND));
            assert_eq!((merged.last_claim, merged.streak, merged.faults), (at(15), 3, 2));
            assert!(merged.earliest() >= paused.earliest().max(spaced.earliest()));
        }
    }

    #[test]
    fn spacing_relaxes_with_each_success_until_it_is_dropped() {
        let timing = Timing::default();
        let mut budget = BudgetState { spacing: SECOND / 2, ..BudgetState::default() };
        let successes = (0..100)
            .take_while(|_| {
                budget.on_answered(at(1), &timing);
                budget.spacing > Duration::ZERO
            })
            .count();
        assert_eq!(successes, 31);
    }
}
