//! How far the campaigns of one process are together: what is said now and then, since a line for
//! each of many would bury what happens.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::{CampaignId, Tally};
use crate::report::human::{count, counted};

/// How far each campaign is, as it told last.
#[derive(Default)]
pub(super) struct Sum(Mutex<BTreeMap<CampaignId, Share>>);

/// What one campaign adds.
#[derive(Clone, Copy, Default)]
struct Share {
    done: u64,
    devices: u64,
    ended: bool,
}

impl Sum {
    /// Takes in how far a campaign is.
    pub(super) fn note(&self, campaign: CampaignId, tally: &Tally) {
        let (done, devices) = (tally.devices_done(), tally.devices());
        self.shares().insert(campaign, Share { done, devices, ended: false });
    }

    /// A campaign is not at work any more. Its devices count on: what is said tells of all that the
    /// process had to do.
    pub(super) fn ended(&self, campaign: CampaignId) {
        if let Some(share) = self.shares().get_mut(&campaign) {
            share.ended = true;
        }
    }

    /// A campaign is not at work any more, and what it did is told elsewhere.
    pub(super) fn forget(&self, campaign: CampaignId) {
        self.shares().remove(&campaign);
    }

    /// A sentence of all of them; `None` while none is at work.
    pub(super) fn told(&self) -> Option<String> {
        let shares = self.shares();
        let at_work = shares.values().filter(|share| !share.ended).count() as u64;
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
        assert_eq!(sum.told(), None);
        sum.note(first, &tally(900, 100));
        sum.note(second, &tally(240, 10));
        sum.note(second, &tally(230, 20));
        assert_eq!(sum.told().unwrap(), "2 campaigns at work: 120 of 1,250 devices done.");
        sum.ended(second);
        assert_eq!(sum.told().unwrap(), "1 campaign at work: 120 of 1,250 devices done.");
        sum.forget(second);
        assert_eq!(sum.told().unwrap(), "1 campaign at work: 100 of 1,000 devices done.");
        sum.ended(first);
        assert_eq!(sum.told(), None);
    }
}
