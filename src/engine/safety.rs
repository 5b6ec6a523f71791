//! The rules that stop a campaign before it does harm: a list of the wrong tenant, a missing
//! permission, a server that fails. Counts are those of one run; what was asked twice counts once.

use crate::domain::{Stop, Verdict};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Refusal;

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

    #[test]
    fn ten_repeats_or_a_tenth_of_all_calls_are_allowed() {
        assert_eq!(repeats_allowed(0), 10);
        assert_eq!(repeats_allowed(1000), 100);
    }
}
