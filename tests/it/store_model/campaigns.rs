//! Campaigns by what is asked of them: the same ones in both, with all that is known of them.

use std::time::Duration;

use fleetsweep::clock::Clock;
use fleetsweep::domain::{CampaignFilter, Operation};
use fleetsweep::store::Store;

use super::World;

impl World {
    pub(super) async fn compare_selections(&self, place: &str) {
        for filter in self.filters() {
            let mut sqlite = self.sqlite.select(&filter).await.unwrap();
            let model = self.model.select(&filter).await.unwrap();
            for (one, same) in sqlite.iter_mut().zip(&model) {
                let (id, _) = self.campaigns.iter().find(|(id, _)| id.model == same.id).unwrap();
                assert_eq!(one.id, id.sqlite, "{place}");
                one.id = same.id;
            }
            assert_eq!(sqlite, model, "{filter:?}, {place}");
        }
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
            CampaignFilter { name_begins: begins, latest: Some(2), ..all.clone() },
            CampaignFilter { not_over_before: moment, latest: Some(3), ..all },
        ]
    }
}
