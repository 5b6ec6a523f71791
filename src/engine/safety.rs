//! The rules that stop a campaign before it does harm: a list of the wrong tenant, a missing
//! permission, a server that fails. Counts are those of one run; what was asked twice counts once.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::rollout::is_failure;
use crate::domain::{Life, MaxFailures, Outcome, State, Stop, Verdict};
use crate::store::Seq;

/// Answers after which "all of them" means something.
const FIRST_ANSWERS: u64 = 20;

/// Answers after which a share means something.
const SHARE_ANSWERS: u64 = 50;

/// Repeats that are always allowed.
const REPEATS_FLOOR: u64 = 10;

/// How many repeats after doubt or a 404 this many calls allow: ten, or a tenth.
pub(super) fn repeats_allowed(calls: u64) -> u64 {
    (calls / 10).max(REPEATS_FLOOR)
}

/// What the user reads when repeats are used up.
pub(super) fn repeats_spent(repeats: u64) -> String {
    format!(
        "{repeats} calls had to be repeated, which is more than a tenth of all; the server or the \
         network fails too often to go on blindly"
    )
}

/// Counts of first answers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answers {
    all: u64,
    forbidden: u64,
    not_found: u64,
}

impl Answers {
    /// Counts an answer that says something about its device.
    pub(super) fn count(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Forbidden(_) => self.forbidden += 1,
            Verdict::NotFound(_) => self.not_found += 1,
            Verdict::Accepted { .. } | Verdict::Busy { .. } | Verdict::Rejected(_) => {}
            Verdict::Unauthorized(_)
            | Verdict::Throttled { .. }
            | Verdict::Doubtful { .. }
            | Verdict::NeverLeft { .. } => return,
        }
        self.all += 1;
    }

    /// Whether every answer that says something about its device was 403.
    pub(super) fn all_forbidden(&self) -> bool {
        self.forbidden == self.all
    }

    /// Whether to stop.
    pub(super) fn verdict(&self) -> Option<Stop> {
        let enough = self.all >= FIRST_ANSWERS;
        if enough && self.all_forbidden() {
            return Some(Stop::SignIn(format!(
                "all of the first {} answers are 403: this application may not start scans \
                 (it needs Machine.Scan, with admin consent), this user may not (role `Active \
                 remediation actions`, and device groups), or the token is for another audience",
                self.all
            )));
        }
        let all_missing = enough && self.not_found == self.all;
        let many_missing = self.all >= SHARE_ANSWERS && self.not_found * 5 > self.all;
        (all_missing || many_missing).then(|| {
            Stop::Safety(format!(
                "{} of {} devices are unknown to this tenant: wrong tenant or stale list?",
                self.not_found, self.all
            ))
        })
    }
}

/// The results of a run, for `--max-failures`. A 404 counts as it comes, though the device is asked
/// once more at the end: that would be too late to stop for it.
#[derive(Debug, Default)]
pub(super) struct Results {
    all: u64,
    failures: BTreeMap<&'static str, u64>,
    /// Devices whose first 404 is counted already.
    missing: BTreeSet<Seq>,
}

impl Results {
    /// Counts what a device's answer, or a look into the list, made of it.
    pub(super) fn count(&mut self, seq: Seq, before: Life, after: Life, verdict: Option<&Verdict>) {
        let ended = |life: Life| match life.state {
            State::Done(outcome) => Some(outcome),
            _ => None,
        };
        match (ended(before), ended(after), verdict) {
            (None, Some(outcome), _) => {
                let counted = self.missing.remove(&seq);
                if counted {
                    self.take_back(Outcome::NotFound);
                }
                self.add(outcome);
            }
            (None, None, Some(Verdict::NotFound(_))) if self.missing.insert(seq) => {
                self.add(Outcome::NotFound);
            }
            _ => {}
        }
    }

    fn add(&mut self, outcome: Outcome) {
        self.all += 1;
        if is_failure(outcome) {
            *self.failures.entry(outcome.name()).or_default() += 1;
        }
    }

    fn take_back(&mut self, outcome: Outcome) {
        self.all -= 1;
        if let Some(failures) = self.failures.get_mut(outcome.name()) {
            *failures -= 1;
        }
    }

    /// Whether to stop. A share needs enough results to mean something; a count means itself.
    pub(super) fn verdict(&self, most: Option<MaxFailures>) -> Option<Stop> {
        let most = most?;
        let failed: u64 = self.failures.values().sum();
        let enough = matches!(most, MaxFailures::Count(_)) || self.all >= SHARE_ANSWERS;
        (enough && most.is_reached(failed, self.all)).then(|| {
            let causes = self.failures.iter().filter(|(_, some)| **some > 0);
            let causes = causes.map(|(what, some)| format!("{some} {}", what.replace('_', " ")));
            let causes = causes.collect::<Vec<_>>().join(", ");
            Stop::Failures(format!(
                "{failed} of {} results of this run are failures ({causes}); {most} or more is \
                 too many",
                self.all
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Refusal, Stamp};

    fn answers(forbidden: u64, not_found: u64, rejected: u64) -> Answers {
        let mut answers = Answers::default();
        let refusal = Refusal::default;
        (0..forbidden).for_each(|_| answers.count(&Verdict::Forbidden(refusal())));
        (0..not_found).for_each(|_| answers.count(&Verdict::NotFound(refusal())));
        (0..rejected).for_each(|_| answers.count(&Verdict::Rejected(refusal())));
        answers
    }

    #[test]
    fn twenty_answers_of_403_stop_and_one_other_answer_does_not() {
        assert_eq!(answers(19, 0, 0).verdict(), None);
        assert!(matches!(answers(20, 0, 0).verdict(), Some(Stop::SignIn(_))));
        assert_eq!(answers(20, 0, 1).verdict(), None);
    }

    #[test]
    fn twenty_of_404_or_more_than_a_fifth_of_fifty_stop() {
        assert_eq!(answers(0, 19, 0).verdict(), None);
        assert!(matches!(answers(0, 20, 0).verdict(), Some(Stop::Safety(_))));
        assert_eq!(answers(0, 10, 40).verdict(), None);
        assert!(matches!(answers(0, 11, 39).verdict(), Some(Stop::Safety(_))));
    }

    fn queued() -> Life {
        Life { state: State::Queued(Stamp::ZERO), ..Life::draft() }
    }

    /// Counts devices that ended so, numbered from `first` on.
    fn ended(results: &mut Results, first: Seq, count: Seq, outcome: Outcome) {
        (first..first + count).for_each(|seq| {
            let done = Life { state: State::Done(outcome), ..queued() };
            results.count(seq, queued(), done, None);
            // What has ended is not counted again when more becomes known of it.
            results.count(seq, done, done, None);
        });
    }

    #[test]
    fn a_share_of_failures_stops_from_fifty_results_on_and_a_count_at_once() {
        let share = Some(MaxFailures::Share(500));
        let mut results = Results::default();
        ended(&mut results, 0, 46, Outcome::Accepted);
        ended(&mut results, 100, 3, Outcome::Rejected);
        assert_eq!(results.verdict(share), None, "49 results say too little");
        assert_eq!(results.verdict(None), None);
        assert!(matches!(results.verdict(Some(MaxFailures::Count(3))), Some(Stop::Failures(_))));
        ended(&mut results, 200, 1, Outcome::AlreadyInProgress { covered: false });
        let Some(Stop::Failures(why)) = results.verdict(share) else { panic!("3 of 50 are 6%") };
        assert_eq!(
            why,
            "3 of 50 results of this run are failures (3 rejected); 5% or more is too many"
        );
        ended(&mut results, 300, 11, Outcome::Accepted);
        assert_eq!(results.verdict(share), None, "3 of 61 are less than 5%");
        ended(&mut results, 400, 1, Outcome::Unknown);
        assert!(results.verdict(share).is_some(), "4 of 62");
    }

    #[test]
    fn a_404_counts_at_its_first_answer_once_and_not_if_the_second_one_is_another() {
        let missing = Verdict::NotFound(Refusal::default());
        let mut results = Results::default();
        for seq in 0..60 {
            results.count(seq, queued(), queued(), Some(&missing));
        }
        let most = Some(MaxFailures::Count(60));
        assert!(results.verdict(most).is_some());
        ended(&mut results, 0, 60, Outcome::NotFound);
        assert_eq!((results.all, results.failures["not_found"]), (60, 60));
        // A later run counts what it meets itself.
        let mut later = Results::default();
        ended(&mut later, 0, 1, Outcome::NotFound);
        assert_eq!((later.all, later.failures["not_found"]), (1, 1));
        let mut passing = Results::default();
        passing.count(7, queued(), queued(), Some(&missing));
        passing.count(7, queued(), queued(), Some(&Verdict::NeverLeft { why: String::new() }));
        ended(&mut passing, 7, 1, Outcome::Accepted);
        assert_eq!((passing.all, passing.failures["not_found"]), (1, 0));
        // Doubt is no result before it is settled.
        let mut doubt = Results::default();
        doubt.count(1, queued(), queued(), None);
        assert_eq!(doubt.all, 0);
    }

    #[test]
    fn ten_repeats_or_a_tenth_of_all_calls_are_allowed() {
        assert_eq!(repeats_allowed(0), 10);
        assert_eq!(repeats_allowed(1000), 100);
    }
}
