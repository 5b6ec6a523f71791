//! How a run makes others wait, and which one it waits for. A campaign of high priority says in the
//! store, again and again, that a runner is at work on it; those of normal priority are told so by
//! the store's refusals.

use super::pump::Flow;
use super::shared::Shared;
use crate::domain::event::{HoldReason, Snapshot};
use crate::domain::{CampaignId, CampaignName};
use crate::store::{Hold, NotYet, Result, Store};

/// The campaign of high priority that a run waits for, or waited for last.
#[derive(Debug, Default)]
pub(super) struct Ahead(Option<(CampaignId, CampaignName)>);

impl<S: Store, A> Shared<S, A> {
    /// Says that this runner is at work, as long as it could order. Whether the campaign is of high
    /// priority the store knows, where somebody may have changed it meanwhile. A runner that dies,
    /// stops, waits for its window or for the network says so no more, and the others go on when
    /// its last word is `Timing::engaged_for` old.
    pub(super) async fn engage(&self, can_reach: bool) -> Result<()> {
        if can_reach && self.is_in_hours() {
            self.store.engage(self.campaign.id).await?;
        }
        Ok(())
    }
}

impl Ahead {
    /// Finds out the name of the campaign that this one waits for, if it waits for one.
    pub(super) async fn find<S: Store>(&mut self, no: NotYet, store: &S) -> Result<()> {
        let Hold::Priority(id) = no.hold else { return Ok(()) };
        if self.0.as_ref().is_none_or(|(known, _)| *known != id) {
            let there = store.campaign(id).await?;
            self.0 = there.map(|there| (id, there.name));
        }
        Ok(())
    }

    /// Tells which campaign holds the next order, if it is one whose name is known.
    pub(super) fn tell(&self, no: NotYet, flow: &mut Flow<Snapshot>) {
        if let (Hold::Priority(id), Some((known, name))) = (no.hold, &self.0)
            && *known == id
        {
            flow.hold = Some(HoldReason::Priority(name.clone()));
        }
    }
}
