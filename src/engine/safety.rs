//! The rules that stop a campaign before it does harm: too many failures, a server that fails.
//! Counts are those of one run. What stops it for refusals that are all the same is
//! `domain::refusals`.

use std::collections::BTreeMap;

use crate::domain::rollout::is_failure;
use crate::domain::{Life, MaxFailures, State, Stop};

/// Answers after which a share means something.
const SHARE_ANSWERS: u64 = 50;

/// Repeats that are always allowed.
const REPEATS_FLOOR: u64 = 10;

/// How many repeats after doubt or a 404 this many calls allow: ten, or a tenth.
pub(super) fn repeats_allowed(calls: u64) -> u64 {
    (calls / 10).max(REPEATS_FLOOR)
}

/// What the user reads when so many of the calls of a run were repeats, which are used up.
pub(super) fn repeats_spent(repeats: u64, calls: u64) -> String {
    format!(
        "{repeats} of the {calls} calls of this run were repeats, after faults, lost answers or \
         404, and with one more they would be over a tenth, and over {REPEATS_FLOOR}; the server \
         or the network fails, or devices are unknown, too often to go on blindly"
    )
}

/// The results of a run, for `--max-failures`. Only what is final counts, so that the figures are
/// those of the report: a 404 that is asked once more, or doubt, is no result yet. A list of which
/// many devices are unknown is stopped by `domain::refusals`.
#[derive(Debug, Default)]
pub(super) struct Results {
    all: u64,
    failures: BTreeMap<&'static str, u64>,
}

impl Results {
    /// Counts what a device's answer, or a look into the list, made of it.
    pub(super) fn count(&mut self, before: Life, after: Life) {
        if let (false, State::Done(outcome)) = (before.has_ended(), after.state) {
            self.all += 1;
            if is_failure(outcome) {
                *self.failures.entry(outcome.name()).or_default() += 1;
            }
        }
    }

    /// Whether to stop. A share needs enough results to mean something; a count means itself.
    pub(super) fn verdict(&self, most: Option<MaxFailures>) -> Option<Stop> {
        let most = most?;
        let failed: u64 = self.failures.values().sum();
        let enough = matches!(most, MaxFailures::Count(_)) || self.all >= SHARE_ANSWERS;
        if !enough || !most.is_reached(failed, self.all) {
            return None;
        }
        let causes =
            self.failures.iter().map(|(what, some)| format!("{some} {}", what.replace('_', " ")));
        let causes = causes.collect::<Vec<_>>().join(", ");
        Some(Stop::Failures(format!(
            "{failed} of {} results of this run are failures: {causes}; {most} or more is too \
             many",
            self.all
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Outcome, Rank, Stamp};

    fn queued() -> Life {
        Life { state: State::Queued(Stamp::ZERO), ..Life::draft() }
    }

    /// Counts devices that ended so.
    fn ended(results: &mut Results, count: u64, outcome: Outcome) {
        (0..count).for_each(|_| {
            let done = Life { state: State::Done(outcome), ..queued() };
            results.count(queued(), done);
            // What has ended is not counted again when more becomes known of it.
            results.count(done, done);
        });
    }

    #[test]
    fn a_share_of_failures_stops_from_fifty_results_on_and_a_count_at_once() {
        let share = Some(MaxFailures::Share(500));
        let mut results = Results::default();
        ended(&mut results, 46, Outcome::Accepted);
        ended(&mut results, 3, Outcome::Rejected);
        assert_eq!(results.verdict(share), None, "49 results say too little");
        assert_eq!(results.verdict(None), None);
        assert!(matches!(results.verdict(Some(MaxFailures::Count(3))), Some(Stop::Failures(_))));
        ended(&mut results, 1, Outcome::AlreadyInProgress { covered: false });
        let Some(Stop::Failures(why)) = results.verdict(share) else { panic!("3 of 50 are 6%") };
        assert_eq!(
            why,
            "3 of 50 results of this run are failures: 3 rejected; 5% or more is too many"
        );
        ended(&mut results, 11, Outcome::Accepted);
        assert_eq!(results.verdict(share), None, "3 of 61 are less than 5%");
        ended(&mut results, 1, Outcome::Unknown);
        assert!(results.verdict(share).is_some(), "4 of 62");
    }

    #[test]
    fn a_404_is_no_failure_before_it_is_final() {
        let most = Some(MaxFailures::Count(1));
        let asked_once_more = Life { tries: 1, rank: Rank::Last, ..queued() };
        let mut results = Results::default();
        results.count(queued(), asked_once_more);
        assert_eq!((results.all, results.verdict(most)), (0, None));
        // The report has a row that failed from here on.
        results.count(asked_once_more, Life { state: State::Done(Outcome::NotFound), ..queued() });
        let Some(Stop::Failures(why)) = results.verdict(most) else { panic!("one is too many") };
        assert!(why.starts_with("1 of 1 results of this run are failures: 1 not found"), "{why}");
        // One that was there after all never was a failure.
        let mut passing = Results::default();
        passing.count(queued(), asked_once_more);
        ended(&mut passing, 1, Outcome::Accepted);
        assert_eq!((passing.all, passing.verdict(most)), (1, None));
    }

    #[test]
    fn ten_repeats_or_a_tenth_of_all_calls_are_allowed() {
        assert_eq!(repeats_allowed(0), 10);
        assert_eq!(repeats_allowed(1000), 100);
    }
}
