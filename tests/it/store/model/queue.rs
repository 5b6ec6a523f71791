//! Steps of the model about order: waves, turns, and campaigns that go before others.

use fleetsweep::domain::{CampaignId, Priority};
use fleetsweep::store::{Hold, Store};

use super::{Both, World};
use crate::kit::store::Kept;

impl<D: Kept> World<D> {
    /// Changes the priority of a campaign, lets a runner of each be at work, and asks for all.
    pub(super) async fn urge(&mut self) -> &'static str {
        let id = self.any_campaign();
        let priority = if self.rng.u32(0..3) > 0 { Priority::High } else { Priority::Normal };
        self.model.set_priority(id.model, priority).await.unwrap();
        self.other.store().set_priority(id.kept, priority).await.unwrap();
        let mut yields = false;
        for (id, _) in &self.campaigns {
            self.model.engage(id.model).await.unwrap();
            self.other.store().engage(id.kept).await.unwrap();
        }
        for (id, _) in &self.campaigns {
            let peek = self.model.peek(id.model, 0).await.unwrap();
            let same = self.other.store().peek(id.kept, 0).await.unwrap();
            assert_eq!(same.map_err(|no| self.as_model(no)), peek, "{:#?}", self.log);
            yields |= peek.is_err_and(|no| matches!(no.hold, Hold::Priority(_)));
        }
        if yields { "yielded" } else { "urged" }
    }

    /// Moves every campaign on to its next wave that may be moved; now and then from a wave where
    /// it does not stand.
    pub(super) async fn open_wave(&mut self) -> &'static str {
        let mut moved = false;
        for (id, _) in &self.campaigns {
            let open = self.model.wave_open(id.model).await.unwrap();
            assert_eq!(
                self.other.store().wave_open(id.kept).await.unwrap(),
                open,
                "{:#?}",
                self.log
            );
            let all = self.model.campaigns().await.unwrap();
            let here = all.iter().find(|one| one.id == id.model).unwrap().wave;
            let from = if self.rng.u32(0..4) > 0 { here } else { self.rng.u32(0..3) };
            let model = self.model.open_wave(id.model, from).await.unwrap();
            assert_eq!(self.other.store().open_wave(id.kept, from).await.unwrap(), model);
            moved |= model;
        }
        if moved { "opened a wave" } else { "nothing" }
    }

    /// Deals a draft into waves now and then; its rows bring turns of their own.
    pub(super) async fn order(&mut self, draft: Both<CampaignId>) {
        if self.rng.bool() {
            let sizes: Vec<u64> = (0..self.rng.u32(0..5)).map(|_| self.rng.u64(0..3)).collect();
            self.model.lay_waves(draft.model, &sizes).await.unwrap();
            self.other.store().lay_waves(draft.kept, &sizes).await.unwrap();
        }
    }
}
