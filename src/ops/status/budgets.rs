//! What campaigns on one budget have in common. It is read once, however many there are, so that a
//! store with thousands of campaigns is told of in time.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::domain::{BudgetKey, Campaign, CampaignFilter, Operation, Usage};
use crate::ops::failure::Failure;
use crate::store::Store;

/// The latest calls that are looked at: more than any quota of the API holds.
const LATEST: usize = 10_000;

/// What is known of the budgets so far.
#[derive(Default)]
pub(crate) struct Budgets(BTreeMap<BudgetKey, Shared>);

/// What the campaigns on one budget have in common.
pub(crate) struct Shared {
    /// What its journal says.
    pub(crate) usage: Usage,
    /// Those of them that are open.
    pub(crate) open: Vec<Campaign>,
}

impl Budgets {
    /// What the campaigns on the budget of this one have in common.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read.
    pub(crate) async fn of<S: Store>(
        &mut self,
        store: &S,
        campaign: &Campaign,
    ) -> Result<&Shared, Failure> {
        Ok(match self.0.entry(campaign.order.target.budget(Operation::Scan)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let usage = store.usage(new.key(), LATEST).await?;
                let open = store.select(&CampaignFilter::open_on(new.key())).await?;
                new.insert(Shared { usage, open })
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::domain::{
        BusyPolicy, Opened, Opening, Order, Priority, Rollout, ScanType, Target, Timing,
    };
    use crate::store::memory::MemoryStore;

    async fn open(store: &impl Store, name: &str, application: &str) -> Campaign {
        let draft = store.draft().await.unwrap();
        let opening = Opening {
            name: name.parse().unwrap(),
            order: Order {
                target: Target {
                    api_origin: "https://api.example".to_owned(),
                    tenant: "t".to_owned(),
                    application: application.to_owned(),
                    cloud: "commercial".to_owned(),
                },
                scan_type: ScanType::Full,
                comment: "c".to_owned(),
                ticket: None,
                ids_hash: String::new(),
            },
            mark_bits: 1,
            busy: BusyPolicy::Report,
            emulated: false,
            quotas: Vec::new(),
            priority: Priority::default(),
            rollout: Rollout::default(),
            begun: Default::default(),
        };
        assert_eq!(store.open(draft, opening).await.unwrap(), Opened::New(draft));
        store.campaign(draft).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_budget_is_read_once_for_all_its_campaigns() {
        let store = MemoryStore::new(ManualClock::default(), Timing::default());
        let one = open(&store, "one", "a").await;
        let mut budgets = Budgets::default();
        assert_eq!(budgets.of(&store, &one).await.unwrap().open.len(), 1);
        // What comes later would be seen if it were read again.
        let two = open(&store, "two", "a").await;
        assert_eq!(budgets.of(&store, &two).await.unwrap().open.len(), 1);
        let other = open(&store, "three", "b").await;
        assert_eq!(budgets.of(&store, &other).await.unwrap().open[0].name, other.name);
        assert_eq!(Budgets::default().of(&store, &two).await.unwrap().open.len(), 2);
    }
}
