//! The gate: governor in the process, in front of the store. It spreads bursts, keeps both quotas
//! as a first limit in memory, and mirrors the budget's pauses. It is no part of the proof that
//! the limit holds: that is `domain::window` over the journal; take the gate out and the limit
//! still holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota as Cells, RateLimiter};

use crate::domain::{Pace, Quota, Stamp};

/// The gate of one process on one budget.
#[derive(Debug)]
pub struct Gate {
    clock: HandClock,
    origin: Stamp,
    limiters: Vec<Limiter>,
    hold: Stamp,
    /// Passes that were given out and came back unused. governor cannot take a cell back, so the
    /// gate hands out the same pass again.
    unused: usize,
    cells: u64,
}

#[derive(Debug)]
struct Limiter {
    governor: RateLimiter<NotKeyed, InMemoryState, HandClock, NoOpMiddleware<Nanos>>,
    /// This limiter has given its cell to the pass that another one still refuses.
    given: bool,
    /// It refused, and need not be asked before this moment.
    not_before: Stamp,
}

impl Gate {
    /// A gate for these quotas and this pace, beginning at `now`.
    pub fn new(quotas: &[Quota], pace: Option<Pace>, now: Stamp) -> Self {
        let clock = HandClock::default();
        let paced =
            pace.and_then(|pace| Some(Cells::with_period(pace.interval)?.allow_burst(pace.burst)));
        let limits = quotas.iter().filter_map(|quota| {
            let period = quota.window / quota.calls.get();
            Some(Cells::with_period(period)?.allow_burst(quota.calls))
        });
        let limiters = paced
            .into_iter()
            .chain(limits)
            .map(|cells| Limiter {
                governor: RateLimiter::direct_with_clock(cells, clock.clone()),
                given: false,
                not_before: Stamp::ZERO,
            })
            .collect();
        Self { clock, origin: now, limiters, hold: Stamp::ZERO, unused: 0, cells: 0 }
    }

    /// Asks for a pass. Ask only when the store says that a slot is due.
    ///
    /// # Errors
    /// The moment before which there is no pass; asking earlier costs nothing.
    pub fn check(&mut self, now: Stamp) -> Result<(), Stamp> {
        if self.hold > now {
            return Err(self.hold);
        }
        if self.unused > 0 {
            self.unused -= 1;
            return Ok(());
        }
        let elapsed = now.since(self.origin);
        self.clock.set(elapsed);
        for limiter in self.limiters.iter_mut().filter(|limiter| !limiter.given) {
            if limiter.not_before > now {
                return Err(limiter.not_before);
            }
            match limiter.governor.check() {
                Ok(()) => {
                    limiter.given = true;
                    self.cells += 1;
                }
                Err(refusal) => {
                    let wait = refusal.wait_time_from(Nanos::from(elapsed));
                    // Rounded up, since stamps are coarser than governor's nanoseconds.
                    let micros = wait.as_nanos().div_ceil(1000);
                    let micros = u64::try_from(micros).unwrap_or(u64::MAX);
                    limiter.not_before = now.plus(Duration::from_micros(micros));
                    return Err(limiter.not_before);
                }
            }
        }
        self.limiters.iter_mut().for_each(|limiter| limiter.given = false);
        Ok(())
    }

    /// A pass was not used, since the store had no slot or no device after all.
    pub fn give_back(&mut self) {
        self.unused += 1;
    }

    /// Nothing passes before this moment: the budget's pause.
    pub fn hold(&mut self, until: Stamp) {
        self.hold = self.hold.max(until);
    }

    /// Cells that governor has given out, over all its limiters.
    pub fn cells(&self) -> u64 {
        self.cells
    }
}

/// governor's clock, set by hand before each question, so that the gate has the store's time and
/// tests can pause it. governor's own clock drifts by 15 to 83 ppm and does not pause.
#[derive(Clone, Debug, Default)]
struct HandClock(Arc<AtomicU64>);

impl HandClock {
    fn set(&self, elapsed: Duration) {
        let nanos = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_max(nanos, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PaceKind;
    use crate::domain::quota::api_quotas;

    const START: Stamp = Stamp(1_000_000_000);

    /// The moments, in milliseconds, at which a caller that waits as told gets its passes.
    fn moments(gate: &mut Gate, calls: usize) -> Vec<u128> {
        let mut now = START;
        let mut at = Vec::new();
        while at.len() < calls {
            match gate.check(now) {
                Ok(()) => at.push(now.since(START).as_millis()),
                Err(until) => {
                    assert!(until > now, "a refusal names a later moment");
                    now = until;
                }
            }
        }
        at
    }

    #[test]
    fn a_tenth_leaves_at_once_and_then_one_each_hundred_milliseconds() {
        let quotas = api_quotas();
        let mut gate = Gate::new(&quotas, PaceKind::Fast.pace(&quotas), START);
        let at = moments(&mut gate, 13);
        assert_eq!(at, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 200, 300]);
    }

    #[test]
    fn the_even_pace_is_one_each_2400_milliseconds() {
        let quotas = api_quotas();
        let mut gate = Gate::new(&quotas, PaceKind::Even.pace(&quotas), START);
        assert_eq!(moments(&mut gate, 4), [0, 2400, 4800, 7200]);
    }

    #[test]
    fn the_gate_alone_lets_nearly_twice_the_quota_through_in_a_window() {
        let quotas = ["100/1m".parse().unwrap()];
        let mut gate = Gate::new(&quotas, None, START);
        let first_minute = moments(&mut gate, 300).into_iter().filter(|at| *at < 60_000).count();
        assert_eq!(first_minute, 199);
    }

    #[test]
    fn refusals_cost_no_cell_however_often_they_are_polled() {
        let quotas = api_quotas();
        let mut gate = Gate::new(&quotas, PaceKind::Fast.pace(&quotas), START);
        let _ = moments(&mut gate, 10);
        let before = gate.cells();
        for poll in 0..1000 {
            assert!(gate.check(START.plus(Duration::from_micros(poll))).is_err());
        }
        assert_eq!(gate.cells(), before);
        // A pass that the store could not use is handed out again and takes no new cell.
        let later = START.plus(Duration::from_millis(100));
        assert_eq!(gate.check(later), Ok(()));
        let taken = gate.cells();
        for _ in 0..1000 {
            gate.give_back();
            assert_eq!(gate.check(later), Ok(()));
        }
        assert_eq!(gate.cells(), taken);
        assert!(gate.check(later).is_err());
    }

    #[test]
    fn a_hold_stops_everything_until_its_moment() {
        let mut gate = Gate::new(&api_quotas(), None, START);
        let until = START.plus(Duration::from_secs(30));
        gate.hold(until);
        gate.hold(START);
        assert_eq!(gate.check(START), Err(until));
        assert_eq!(gate.check(until), Ok(()));
    }
}
