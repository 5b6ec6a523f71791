//! The rule: whether a call may be claimed now, or not before when. Written once, pure; the stores
//! hand it what their journal says. It does not pace (`gate`) and does not pause (`budget`).
//!
//! Proof that no half-open window W at the server holds more than L calls. Take any L + 1 calls and
//! let c be the one claimed last. At c's claim at most L - 1 of the others had `seen_by` later than
//! now - W', so at least one had been counted by now - W' (its `seen_by` is never earlier than the
//! moment at which the server counts it). c is counted after its claim, so these two are W' > W
//! apart. The argument needs that claims of one budget happen one after another, that `now` is read
//! inside the claim, and that the claim is durable before the first byte leaves.

use super::quota::Quota;
use super::timing::{Stamp, Timing};

/// The earliest moment that the quotas allow; see `decisive`.
pub fn earliest(quotas: &[Quota], timing: &Timing, nth_latest: &[Option<Stamp>]) -> Stamp {
    decisive(quotas, timing, nth_latest).map_or(Stamp::ZERO, |(opens, _)| opens)
}

/// The quota whose window opens last, and when. Returns `None` if no window is full. `nth_latest`
/// holds, for each quota in order, the L-th largest `seen_by` of the budget's calls, or `None` if
/// there are fewer than L calls.
pub fn decisive(
    quotas: &[Quota],
    timing: &Timing,
    nth_latest: &[Option<Stamp>],
) -> Option<(Stamp, Quota)> {
    debug_assert_eq!(quotas.len(), nth_latest.len(), "one stamp for each quota");
    quotas
        .iter()
        .zip(nth_latest)
        .filter_map(|(quota, nth)| nth.map(|at| (at.plus(quota.reopens_after(timing)), *quota)))
        .max_by_key(|(opens, _)| *opens)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn nth(seen: &[Stamp], quotas: &[Quota]) -> Vec<Option<Stamp>> {
        let mut sorted = seen.to_vec();
        sorted.sort_by(|a, b| b.cmp(a));
        quotas.iter().map(|q| sorted.get(q.calls.get() as usize - 1).copied()).collect()
    }

    /// The most calls that any half-open window of this length holds.
    fn most(mut at: Vec<i64>, window: Duration) -> usize {
        at.sort_unstable();
        let width = i64::try_from(window.as_micros()).unwrap();
        (0..at.len())
            .map(|i| at[i..].iter().take_while(|t| **t < at[i] + width).count())
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn a_full_window_reopens_with_its_guard_and_names_the_quota_that_holds() {
        let quotas = ["2/10s".parse().unwrap(), "3/1m".parse().unwrap()];
        let timing = Timing::default();
        let seen = [Stamp(1_000_000), Stamp(2_000_000)];
        let stamps = nth(&seen, &quotas);
        assert_eq!(stamps, [Some(Stamp(1_000_000)), None]);
        let due = earliest(&quotas, &timing, &stamps);
        assert_eq!(due, Stamp(1_000_000 + 10_000_000 + 10_000 + 100_000));
        assert_eq!(decisive(&quotas, &timing, &stamps), Some((due, quotas[0])));
        assert_eq!(decisive(&quotas, &timing, &[None, None]), None);
    }

    proptest! {
        /// Whatever the latencies, a schedule that follows the rule keeps every window.
        #[test]
        fn no_window_ever_holds_more_than_its_quota(
            small in 1u32..6, large in 1u32..12,
            calls in prop::collection::vec((0u64..3_000, 0u64..4_000), 1..60),
        ) {
            let quotas: Vec<Quota> = vec![
                format!("{small}/1s").parse().unwrap(),
                format!("{large}/5s").parse().unwrap(),
            ];
            let timing = Timing::default();
            let (mut now, mut seen, mut arrived) = (Stamp(1), Vec::new(), Vec::new());
            for (idle_ms, latency_ms) in calls {
                now = now.plus(Duration::from_millis(idle_ms));
                let due = earliest(&quotas, &timing, &nth(&seen, &quotas));
                now = now.max(due);
                // The server counts the call somewhere between the claim and its answer.
                arrived.push(now.plus(Duration::from_millis(latency_ms / 2)).0);
                seen.push(now.plus(Duration::from_millis(latency_ms)));
            }
            for quota in &quotas {
                prop_assert!(most(arrived.clone(), quota.window) <= quota.calls.get() as usize);
            }
        }
    }
}
