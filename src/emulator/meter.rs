//! Counts calls at their arrival, per operation and application, over sliding and over fixed
//! windows, and says which call is over a limit. It does not decide what is answered.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use super::message::Operation;
use super::scenario::Enforce;

/// The most calls that one application made in one operation, in windows of one length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Peak {
    /// The operation that the calls asked for.
    pub operation: Operation,
    /// Tenant id and application id, with a slash between them.
    pub account: String,
    /// The limit: so many calls in one window.
    pub calls: u32,
    /// The length of the window in microseconds, already divided by the speed.
    pub window_us: i64,
    /// The most calls in any half-open window `[t, t + window)`, refused ones included.
    pub sliding_max: u64,
    /// The most calls in any window that starts at a multiple of its length after the start.
    pub fixed_max: u64,
}

/// A call that is over a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OverLimit {
    /// The limit's number of calls.
    pub(super) calls: u32,
    /// The limit's window in microseconds.
    pub(super) window_us: i64,
    /// Microseconds until a call would pass, if no other is made.
    pub(super) wait_us: i64,
    /// The caller's own calls alone are over the limit; else strangers used it up.
    pub(super) excess: bool,
}

/// How limits are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// The kind of window.
    pub(super) enforce: Enforce,
    /// Calls that were refused count as well.
    pub(super) count_refused: bool,
    /// Microseconds between two calls of strangers on the same application; zero: there are none.
    pub(super) others_gap_us: i64,
}

/// All windows of all accounts.
#[derive(Debug)]
pub(super) struct Meter {
    limits: Vec<(u32, i64)>,
    gauges: BTreeMap<(usize, Operation), Vec<Gauge>>,
    latest: i64,
}

impl Meter {
    /// A meter for limits of so many calls in so many microseconds.
    pub(super) fn new(limits: Vec<(u32, i64)>) -> Meter {
        Meter { limits, gauges: BTreeMap::new(), latest: i64::MIN }
    }

    /// Counts one call at `now`, and says whether it is over a limit (the one that lasts longest).
    pub(super) fn arrive(
        &mut self,
        account: usize,
        operation: Operation,
        now: i64,
        rule: Rule,
    ) -> Option<OverLimit> {
        // Two-pointer counting needs arrivals in order; the world's callers hold its lock.
        self.latest = self.latest.max(now);
        let now = self.latest;
        let limits = &self.limits;
        let gauges = self
            .gauges
            .entry((account, operation))
            .or_insert_with(|| limits.iter().map(|&(calls, us)| Gauge::new(calls, us)).collect());
        let refusal = gauges
            .iter_mut()
            .filter_map(|gauge| {
                gauge.observe(now);
                gauge.judge(now, rule)
            })
            .max_by_key(|refusal| refusal.wait_us);
        if refusal.is_none() || rule.count_refused {
            gauges.iter_mut().for_each(|gauge| gauge.count(now));
        }
        refusal
    }

    /// What every account called at most, in order of account and operation.
    pub(super) fn peaks(&self, accounts: &[String]) -> Vec<Peak> {
        let mut peaks = Vec::new();
        for ((account, operation), gauges) in &self.gauges {
            peaks.extend(gauges.iter().map(|gauge| Peak {
                operation: *operation,
                account: accounts.get(*account).cloned().unwrap_or_default(),
                calls: gauge.calls,
                window_us: gauge.window_us,
                sliding_max: gauge.seen.sliding_max,
                fixed_max: gauge.seen.fixed_max,
            }));
        }
        peaks
    }
}

/// One limit of one account and operation.
#[derive(Debug)]
struct Gauge {
    calls: u32,
    window_us: i64,
    /// Every call, for the ledger.
    seen: Count,
    /// The calls that the limit is kept on.
    counted: Count,
}

/// Calls in the sliding and in the fixed window that end now.
#[derive(Debug, Default)]
struct Count {
    recent: VecDeque<i64>,
    sliding_max: u64,
    fixed_index: i64,
    fixed: u64,
    fixed_max: u64,
}

impl Count {
    /// Forgets what is out of both windows at `now`.
    fn advance(&mut self, now: i64, window: i64) {
        // A call exactly one window old is outside: windows are half-open.
        while self.recent.front().is_some_and(|&at| now - at >= window) {
            self.recent.pop_front();
        }
        let index = now.div_euclid(window);
        if index != self.fixed_index {
            self.fixed_index = index;
            self.fixed = 0;
        }
    }

    fn push(&mut self, now: i64, window: i64) {
        self.advance(now, window);
        self.recent.push_back(now);
        self.fixed += 1;
        self.sliding_max = self.sliding_max.max(self.recent.len() as u64);
        self.fixed_max = self.fixed_max.max(self.fixed);
    }
}

impl Gauge {
    fn new(calls: u32, window_us: i64) -> Gauge {
        let window_us = window_us.max(1);
        Gauge { calls, window_us, seen: Count::default(), counted: Count::default() }
    }

    fn observe(&mut self, now: i64) {
        self.seen.push(now, self.window_us);
    }

    fn count(&mut self, now: i64) {
        self.counted.push(now, self.window_us);
    }

    /// Whether one more call at `now` is over this limit.
    fn judge(&mut self, now: i64, rule: Rule) -> Option<OverLimit> {
        self.counted.advance(now, self.window_us);
        let window_start = match rule.enforce {
            Enforce::None => return None,
            Enforce::Sliding => now - self.window_us,
            Enforce::Fixed => now.div_euclid(self.window_us) * self.window_us,
        };
        let own = match rule.enforce {
            Enforce::Fixed => self.counted.fixed,
            _ => self.counted.recent.len() as u64,
        };
        let others =
            strangers(now, rule.others_gap_us) - strangers(window_start, rule.others_gap_us);
        let limit = u64::from(self.calls);
        if own + others < limit {
            return None;
        }
        let free_at = match rule.enforce {
            Enforce::Fixed => window_start + self.window_us,
            _ => self.next_free(now, limit) + self.window_us,
        };
        Some(OverLimit {
            calls: self.calls,
            window_us: self.window_us,
            wait_us: (free_at - now).max(1),
            excess: own >= limit,
        })
    }

    /// The arrival after whose end of life a call would pass again.
    fn next_free(&self, now: i64, limit: u64) -> i64 {
        let own = self.counted.recent.len() as u64;
        let index = usize::try_from(own.saturating_sub(limit)).unwrap_or(0);
        self.counted.recent.get(index).copied().unwrap_or(now)
    }
}

/// How many calls strangers made up to a moment, at an even pace from the start.
fn strangers(until: i64, gap: i64) -> u64 {
    if gap <= 0 { 0 } else { u64::try_from(until.div_euclid(gap)).unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const OPEN: Rule = Rule { enforce: Enforce::None, count_refused: false, others_gap_us: 0 };

    fn max_of(times: &[i64], window: i64) -> (u64, u64) {
        let mut meter = Meter::new(vec![(100, window)]);
        for &at in times {
            assert_eq!(meter.arrive(0, Operation::Scan, at, OPEN), None);
        }
        let peak = &meter.peaks(&["t/a".into()])[0];
        (peak.sliding_max, peak.fixed_max)
    }

    #[test]
    fn two_calls_exactly_one_window_apart_never_share_a_window() {
        assert_eq!(max_of(&[0, 60 * SECOND], 60 * SECOND).0, 1);
        assert_eq!(max_of(&[1, 60 * SECOND], 60 * SECOND).0, 2);
    }

    #[test]
    fn a_burst_over_the_border_of_fixed_windows_shows_only_in_the_sliding_one() {
        let times: Vec<i64> = (0..20).map(|i| 59 * SECOND + i * SECOND / 10).collect();
        assert_eq!(max_of(&times, 60 * SECOND), (20, 10));
    }

    #[test]
    fn the_maximum_equals_a_count_by_brute_force() {
        let mut rng = fastrand::Rng::with_seed(5);
        for _ in 0..50 {
            let window = rng.i64(1..50);
            let mut times: Vec<i64> = (0..80).map(|_| rng.i64(0..400)).collect();
            times.sort_unstable();
            let brute = times
                .iter()
                .map(|&s| times.iter().filter(|&&t| t >= s && t < s + window).count() as u64)
                .max();
            assert_eq!(Some(max_of(&times, window).0), brute);
        }
    }

    #[test]
    fn a_sliding_limit_refuses_the_call_over_it_and_frees_it_on_the_edge() {
        let rule = Rule { enforce: Enforce::Sliding, ..OPEN };
        let mut meter = Meter::new(vec![(2, 10)]);
        assert_eq!(meter.arrive(0, Operation::Scan, 0, rule), None);
        assert_eq!(meter.arrive(0, Operation::Scan, 5, rule), None);
        let refusal = meter.arrive(0, Operation::Scan, 9, rule).map(|r| (r.wait_us, r.excess));
        assert_eq!(refusal, Some((1, true)));
        assert_eq!(meter.arrive(0, Operation::Read, 9, rule), None, "another operation");
        assert_eq!(meter.arrive(1, Operation::Scan, 9, rule), None, "another application");
        assert_eq!(meter.arrive(0, Operation::Scan, 10, rule), None);
    }

    #[test]
    fn refused_calls_count_only_where_the_rule_says_so() {
        for (count_refused, passes) in [(false, true), (true, false)] {
            let rule = Rule { enforce: Enforce::Sliding, count_refused, others_gap_us: 0 };
            let mut meter = Meter::new(vec![(1, 10)]);
            assert_eq!(meter.arrive(0, Operation::Scan, 0, rule), None);
            assert!(meter.arrive(0, Operation::Scan, 9, rule).is_some());
            assert_eq!(meter.arrive(0, Operation::Scan, 12, rule).is_none(), passes);
        }
    }

    #[test]
    fn calls_of_strangers_use_the_limit_up_and_are_not_called_excess() {
        let rule = Rule { enforce: Enforce::Sliding, count_refused: false, others_gap_us: 2 };
        let mut meter = Meter::new(vec![(5, 10)]);
        let refusal = meter.arrive(0, Operation::Scan, 100, rule);
        assert_eq!(refusal.map(|r| r.excess), Some(false));
        assert_eq!(meter.peaks(&[])[0].sliding_max, 1, "strangers are not the caller's calls");
    }
}
