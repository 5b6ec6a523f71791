//! What holds the orders of a run back, and how a run makes others wait. A campaign of high
//! priority says in the store, again and again, that a runner is at work on it; those of normal
//! priority are told so by the store's refusals, and which one it is.

use super::{Engine, Shared};
use crate::defender::ScanApi;
use crate::domain::Stamp;
use crate::domain::event::HoldReason;
use crate::store::{Hold, NotYet, Store, StoreError};

impl<S: Store, A: ScanApi> Engine<S, A> {
    /// Says that this runner is at work, as long as it could order. Whether the campaign is of high
    /// priority the store knows, where somebody may have changed it meanwhile. A runner that dies,
    /// stops, waits for its window or for the network says so no more, and the others go on when
    /// its last word is `Timing::engaged_for` old.
    pub(super) async fn engage(&self) -> Result<(), StoreError> {
        let Shared { store, campaign, .. } = &*self.shared;
        match self.state.can_reach() && self.shared.is_open() {
            true => store.engage(campaign.id).await,
            false => Ok(()),
        }
    }

    /// Learns the name of the campaign that this one waits for, if it waits for one.
    pub(super) async fn learn(&mut self, no: NotYet) -> Result<(), StoreError> {
        let Hold::Priority(id) = no.hold else { return Ok(()) };
        if self.state.ahead.as_ref().is_none_or(|(known, _)| *known != id) {
            let there = self.shared.store.campaign(id).await?;
            self.state.ahead = there.map(|there| (id, there.name));
        }
        Ok(())
    }

    /// The store said no.
    pub(super) fn not_yet(&mut self, no: NotYet, now: Stamp) {
        self.state.hold = match no.hold {
            Hold::Quota(quota) => Some(HoldReason::Quota(quota)),
            Hold::Pause if self.state.refusals.are_useless() => Some(HoldReason::Faults),
            Hold::Pause => Some(HoldReason::Pause),
            Hold::User => Some(HoldReason::User),
            Hold::Priority(id) => {
                let ahead = self.state.ahead.as_ref().filter(|(known, _)| *known == id);
                ahead.map(|(_, name)| HoldReason::Priority(name.clone()))
            }
        };
        // An answer to another runner can open a slot earlier, so the store is asked now and then.
        self.state.next_order = no.at.min(now.plus(self.settings.timing.poll));
    }
}
