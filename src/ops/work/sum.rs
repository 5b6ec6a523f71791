//! How far the campaigns of one process are together: what is said now and then, since a line for
//! each of many would bury what happens.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::{CampaignId, Rest, Tally};
use crate::report::human::{count, counted};

/// How far each campaign is, as it told last.
#[derive(Default)]
pub(super) struct Sum(Mutex<BTreeMap<CampaignId, Share>>);

/// What one campaign adds.
#[derive(Clone, Copy, Default)]
struct Share {
    done: u64,
    devices: u64,
}

impl Sum {
    /// Takes in how far a campaign is. Its devices count on when it has ended: what is said tells
    /// of all that the process had to do.
    pub(super) fn note(&self, campaign: CampaignId, tally: &Tally) {
        // What was never asked is not done.
        let (done, devices) = (tally.asked(Rest::Own), tally.devices());
        self.shares().insert(campaign, Share { done, devices });
    }

    /// What a campaign did is told elsewhere from now on.
    pub(super) fn forget(&self, campaign: CampaignId) {
        self.shares().remove(&campaign);
    }

    /// A sentence of all of them, of which so many are at work; `None` while none is.
    pub(super) fn told(&self, at_work: u64) -> Option<String> {
        let shares = self.shares();
        if at_work == 0 {
            return None;
        }
        let done = shares.values().map(|share| share.done).sum();
        let devices = counted(shares.values().map(|share| share.devices).sum(), "device");
        Some(format!(
            "{} at work: {} of {devices} done.",
            counted(at_work, "campaign"),
            count(done)
        ))
    }

    fn shares(&self) -> MutexGuard<'_, BTreeMap<CampaignId, Share>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Outcome, State};

    fn tally(open: u64, accepted: u64) -> Tally {
        let mut tally = Tally { queued: open, ..Tally::default() };
        tally.add(State::Done(Outcome::Accepted), accepted);
        tally
    }

    #[test]
    fn what_ended_counts_on_unless_it_is_forgotten_and_nothing_is_said_when_none_is_at_work() {
        let [first, second] = [1, 2].map(CampaignId);
        let sum = Sum::default();
        sum.note(first, &tally(900, 100));
        sum.note(second, &tally(240, 10));
        assert_eq!(sum.told(0), None);
        sum.note(second, &tally(230, 20));
        assert_eq!(sum.told(2).unwrap(), "2 campaigns at work: 120 of 1,250 devices done.");
        assert_eq!(sum.told(1).unwrap(), "1 campaign at work: 120 of 1,250 devices done.");
        sum.forget(second);
        assert_eq!(sum.told(1).unwrap(), "1 campaign at work: 100 of 1,000 devices done.");
    }

    #[test]
    fn what_was_cancelled_before_it_was_asked_is_not_done() {
        let sum = Sum::default();
        let mut cancelled = tally(0, 7);
        cancelled.add(State::Done(Outcome::NotAttempted), 3);
        sum.note(CampaignId(1), &cancelled);
        assert_eq!(sum.told(1).unwrap(), "1 campaign at work: 7 of 10 devices done.");
    }
}
