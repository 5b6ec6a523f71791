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
pub(super) struct Budgets(BTreeMap<BudgetKey, Shared>);

/// What the campaigns on one budget have in common.
pub(super) struct Shared {
    /// What its journal says.
    pub(super) usage: Usage,
    /// Those of them that are open.
    pub(super) open: Vec<Campaign>,
}

impl Budgets {
    /// What the campaigns on the budget of this one have in common.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read.
    pub(super) async fn of<S: Store>(
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
