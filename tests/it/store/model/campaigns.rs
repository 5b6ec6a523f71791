//! Campaigns by what is asked of them: the same ones in both, with all that is known of them.

use std::time::Duration;

use fleetsweep::clock::Clock;
use fleetsweep::domain::history::LOOKED_BACK;
use fleetsweep::domain::{CampaignFilter, Operation, Row};
use fleetsweep::store::{Store, StoreError};
use jiff::Timestamp;

use super::World;
use crate::kit::store::Kept;

impl<D: Kept> World<D> {
    pub(super) async fn compare_selections(&self, place: &str) {
        for filter in self.filters() {
            let mut kept = self.other.store().select(&filter).await.unwrap();
            let model = self.model.select(&filter).await.unwrap();
            for (one, same) in kept.iter_mut().zip(&model) {
                let (id, _) = self.campaigns.iter().find(|(id, _)| id.model == same.id).unwrap();
                assert_eq!(one.id, id.kept, "{place}");
                one.id = same.id;
            }
            assert_eq!(kept, model, "{filter:?}, {place}");
        }
    }

    /// Long after the last step, lets go of what may go, in both; how many campaigns.
    pub(super) async fn prune_all(&mut self) -> usize {
        let (early, late) = (self.clock.utc(), LOOKED_BACK + Duration::from_secs(60));
        self.clock.advance(late);
        let mut pruned = 0;
        for (id, _) in &self.campaigns {
            let before = if self.rng.u32(0..4) == 0 { early } else { Timestamp::MAX };
            let model = self.model.prune(id.model, before).await.unwrap();
            assert_eq!(self.other.store().prune(id.kept, before).await.unwrap(), model);
            let rows = self.model.rows(id.model, 0, 99).await;
            let same = self.other.store().rows(id.kept, 0, 99).await;
            assert_eq!(rows.is_err(), model.is_some());
            match (rows, same) {
                (Ok(rows), Ok(same)) => assert_eq!(same, rows),
                (rows, same) => {
                    let told = |rows: Result<Vec<Row>, StoreError>| rows.unwrap_err().to_string();
                    assert_eq!(told(same), told(rows));
                }
            }
            let tally = self.model.tally(id.model).await.unwrap();
            assert_eq!(self.other.store().tally(id.kept).await.unwrap(), tally);
            pruned += usize::from(model.is_some());
        }
        self.compare_selections("after pruning").await;
        pruned
    }

    /// All campaigns, and some of each kind that can be asked for.
    fn filters(&self) -> Vec<CampaignFilter> {
        let all = CampaignFilter::default();
        let (_, opening) = &self.campaigns[self.campaigns.len() - 1];
        let begins = Some(opening.name.as_str()[..1].to_owned());
        let moment = self.clock.utc().checked_sub(Duration::from_micros(300_001_500)).ok();
        vec![
            all.clone(),
            CampaignFilter::open_on(&opening.order.target.budget(Operation::Scan)),
            CampaignFilter::named(&opening.name),
            CampaignFilter::named_on(&opening.name, &opening.order.target.budget(Operation::Scan)),
            CampaignFilter { name_begins: begins, latest: Some(2), ..all.clone() },
            CampaignFilter { not_over_before: moment, latest: Some(3), ..all },
        ]
    }
}
