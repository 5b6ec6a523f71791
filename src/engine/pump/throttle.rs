//! What people are told of answers with 429, on whichever budget: each pause once, a limit that the
//! server named once, and that others call only where neither explains the answer. It holds
//! nothing back: that is the budget's.

use crate::domain::event::Note;
use crate::domain::forecast::CallRate;
use crate::domain::named::as_counted;
use crate::domain::{BudgetState, Operation, Quota, Stamp, Verdict};

/// A 429, and the budget after it.
#[derive(Clone, Debug)]
pub(crate) struct ThrottledCall {
    /// What was called.
    pub(crate) operation: Operation,
    /// When the call was claimed.
    pub(crate) claimed_at: Stamp,
    /// The limit that the server named, as it named it.
    pub(crate) named: Option<Quota>,
    /// The budget.
    pub(crate) budget: BudgetState,
}

impl ThrottledCall {
    /// Returns `None` if the verdict is another one.
    pub(crate) fn of(
        operation: Operation,
        claimed_at: Stamp,
        verdict: &Verdict,
        budget: BudgetState,
    ) -> Option<Self> {
        let is_429 = matches!(verdict, Verdict::Throttled { .. });
        if !is_429 {
            return None;
        }
        Some(Self { operation, claimed_at, named: verdict.named_limit(), budget })
    }
}

/// What was told of the 429s on one budget.
#[derive(Debug, Default)]
pub(crate) struct Throttles {
    /// When the pause was ordered that people were told about last.
    told_pause: Stamp,
    told_limits: Vec<Quota>,
    told_others: bool,
}

impl Throttles {
    /// What is new to people in a 429 for a runner that calls at this rate.
    pub(crate) fn news(&mut self, heard: &ThrottledCall, rate: &CallRate, now: Stamp) -> Vec<Note> {
        let mut notes = Vec::new();
        let ThrottledCall { operation, claimed_at, named, budget } = heard;
        let named = named.map(|limit| as_counted(limit, &rate.timing));
        // One that our own quotas imply is nothing that we did not keep.
        let lower = named.filter(|limit| !rate.quotas.iter().any(|own| own.within(limit)));
        let news = lower.filter(|limit| budget.named.was_news(limit, *claimed_at));
        if let Some(limit) = news {
            if !self.told_limits.contains(&limit) {
                self.told_limits.push(limit);
                notes.push(Note::LimitNamed(limit));
            }
        } else if !std::mem::replace(&mut self.told_others, true) {
            // The rule never calls into a full quota, so somebody else calls too.
            notes.push(Note::OthersCall);
        }
        let until = budget.not_before;
        if until > now && self.told_pause < budget.paused_at {
            self.told_pause = budget.paused_at;
            notes.push(Note::Paused(*operation, until.since(now)));
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::Timing;
    use crate::domain::quota::api_quotas;

    fn at(seconds: u64) -> Stamp {
        Stamp::ZERO.plus(Duration::from_secs(seconds))
    }

    /// A 429 for a call that was claimed then; the budget takes it in as a store would.
    fn heard(
        budget: &mut BudgetState,
        claimed: u64,
        now: u64,
        named: Option<&str>,
    ) -> ThrottledCall {
        let (timing, wait) = (Timing::default(), Some(Duration::from_secs(5)));
        let named = named.map(|text| text.parse().unwrap());
        if let Some(limit) = named {
            budget.on_named(limit, at(now), &timing);
        }
        budget.on_throttled(at(now), at(claimed), wait, &timing);
        ThrottledCall {
            operation: Operation::Scan,
            claimed_at: at(claimed),
            named,
            budget: *budget,
        }
    }

    fn news(told: &mut Throttles, heard: &ThrottledCall, now: u64) -> Vec<Note> {
        let timing = Timing::default();
        let rate = CallRate { quotas: api_quotas(), pace: None, concurrency: 16, timing };
        told.news(heard, &rate, at(now))
    }

    #[test]
    fn a_named_limit_is_told_once_and_blames_nobody_for_the_rest_of_its_volley() {
        let (mut told, mut budget) = (Throttles::default(), BudgetState::default());
        let limit = "30/1m".parse().unwrap();
        let paused = Note::Paused(Operation::Scan, Duration::from_secs(5));
        let first = heard(&mut budget, 9, 10, Some("30/1m"));
        assert_eq!(news(&mut told, &first, 10), [Note::LimitNamed(limit), paused.clone()]);
        let same_volley = heard(&mut budget, 9, 11, Some("30/1m"));
        assert_eq!(news(&mut told, &same_volley, 11), []);
        // It was kept when this one left: somebody else calls.
        let later = heard(&mut budget, 80, 81, Some("30/1m"));
        assert_eq!(news(&mut told, &later, 81), [Note::OthersCall, paused.clone()]);
        let again = heard(&mut budget, 90, 91, Some("30/1m"));
        assert_eq!(news(&mut told, &again, 91), [paused]);
    }

    #[test]
    fn a_429_that_names_our_own_limit_or_none_means_that_others_call() {
        for named in [None, Some("100/1m"), Some("1500/1h"), Some("2000/1h")] {
            let (mut told, mut budget) = (Throttles::default(), BudgetState::default());
            let notes = news(&mut told, &heard(&mut budget, 9, 10, named), 10);
            assert_eq!(notes[0], Note::OthersCall, "{named:?}");
            assert!(matches!(notes[1..], [Note::Paused(..)]));
        }
    }
}
