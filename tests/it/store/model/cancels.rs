//! Steps of the model about taking back: campaigns that are called off, actions that are cancelled.

use fleetsweep::clock::Clock;
use fleetsweep::domain::cancel::Cause;
use fleetsweep::domain::{Action, Cancellation, Row};
use fleetsweep::store::Store;

use super::World;
use crate::kit::store::{Kept, action};

impl<D: Kept> World<D> {
    /// Calls a campaign off.
    pub(super) async fn call_off(&mut self) -> &'static str {
        let id = self.any_campaign();
        let model = self.model.call_off(id.model).await.unwrap();
        let kept = self.other.store().call_off(id.kept).await.unwrap();
        assert_eq!(kept, model, "{:#?}", self.log);
        "called off"
    }

    /// Cancels the action of some row, or one that it did not order.
    pub(super) async fn cancel(&mut self) -> &'static str {
        let id = self.any_campaign();
        let rows = self.model.rows(id.model, 0, 99).await.unwrap();
        let utc = self.clock.utc();
        let cancelled = |row: &Row| {
            let own = row.detail.action_id.clone().unwrap_or_default();
            let action = Action { id: own, ..action("Full", "Cancelled", utc) };
            Cancellation { seq: row.seq, action, cause: Cause::Command }
        };
        let mut done: Vec<Cancellation> =
            rows.iter().filter(|_| self.rng.bool()).map(cancelled).collect();
        done.extend(done.first().cloned());
        let model = self.model.note_cancelled(id.model, done.clone()).await.unwrap();
        let kept = self.other.store().note_cancelled(id.kept, done).await.unwrap();
        assert_eq!(kept, model, "{:#?}", self.log);
        if model > 0 { "cancelled" } else { "nothing" }
    }
}
