//! What was ordered before: reads the campaigns of a store, and the actions of a tenant, for what
//! they say of each device. What that means is `domain::history`'s; it changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::lists::{Listed, Lists};
use crate::defender::{ActionQuery, Inventory};
use crate::domain::action::has_ended_badly;
use crate::domain::history::{Coverage, Earlier, LOOKED_BACK, Past};
use crate::domain::{Action, DeviceId, Outcome, ScanType, State};
use crate::store::{Campaign, Row, Store, StoreError};

/// Rows that are read at once.
const PAGE: usize = 1_000;

/// Whose campaigns count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose {
    /// The tenant's id; those of all tenants if it is not known.
    pub tenant: Option<String>,
    /// They ran against the embedded emulator.
    pub emulated: bool,
}

/// What is known of the devices that were asked before.
#[derive(Clone, Debug)]
pub struct History {
    wanted: ScanType,
    now: Timestamp,
    past: BTreeMap<DeviceId, Past>,
    /// Actions that ended badly, as the tenant says: a store may not know yet.
    ended_badly: BTreeSet<String>,
}

impl Whose {
    /// Whether a campaign is one of them.
    pub fn owns(&self, campaign: &Campaign) -> bool {
        let theirs = &campaign.order.target.tenant;
        campaign.emulated == self.emulated
            && self.tenant.as_ref().is_none_or(|tenant| tenant.eq_ignore_ascii_case(theirs))
    }
}

impl History {
    /// Nothing yet, for a scan of this type.
    pub fn new(wanted: ScanType, now: Timestamp) -> Self {
        Self { wanted, now, past: BTreeMap::new(), ended_badly: BTreeSet::new() }
    }

    /// Takes in what the tenant's actions of this time say; or how the list could not be read, and
    /// then only a part, or nothing, was taken in. It comes before `read_store`, which believes it.
    ///
    /// # Errors
    /// `StoreError` if the journal cannot be kept.
    pub async fn read_tenant<S: Store, A: Inventory>(
        &mut self,
        lists: &Lists<'_, S, A>,
        within: Duration,
    ) -> Result<Listed, StoreError> {
        let since = self.since(within);
        let take = |action: Action| self.take_action(&action);
        lists.scans(&ActionQuery::CreatedSince(since), take).await
    }

    /// Takes in what the campaigns of a store say.
    ///
    /// # Errors
    /// `StoreError` if it cannot be read.
    pub async fn read_store<S: Store>(
        &mut self,
        store: &S,
        whose: &Whose,
    ) -> Result<(), StoreError> {
        let since = self.since(LOOKED_BACK);
        for campaign in store.campaigns().await? {
            let ended = campaign.finished_at.unwrap_or(Timestamp::MAX);
            if whose.owns(&campaign) && ended >= since {
                self.read_campaign(store, &campaign).await?;
            }
        }
        Ok(())
    }

    async fn read_campaign<S: Store>(
        &mut self,
        store: &S,
        campaign: &Campaign,
    ) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let rows = store.asked(campaign.id, after, PAGE).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.seq;
            rows.iter().for_each(|row| self.take_row(campaign.order.scan_type, row));
        }
    }

    fn take_row(&mut self, asked: ScanType, row: &Row) {
        let outcome = match row.life.state {
            State::Done(outcome) => Some(outcome),
            _ => None,
        };
        let earlier = Earlier::of_row(asked, outcome, &row.detail);
        if let (Some(device), Some(mut earlier)) = (row.device, earlier) {
            let id = row.detail.action_id.as_ref();
            if id.is_some_and(|id| self.ended_badly.contains(id)) {
                earlier.scope = None;
            }
            self.past.entry(device).or_default().take(&earlier, self.wanted);
        }
    }

    fn take_action(&mut self, action: &Action) {
        if action.status.as_deref().is_some_and(has_ended_badly) {
            self.ended_badly.insert(action.id.clone());
        }
        if let (Some(device), Some(earlier)) = (action.device, Earlier::of_action(action)) {
            self.past.entry(device).or_default().take(&earlier, self.wanted);
        }
    }

    fn since(&self, within: Duration) -> Timestamp {
        self.now.checked_sub(within).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// When it was read: what is recent is so before this moment.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// What is known of one device.
    pub fn of(&self, device: DeviceId) -> Past {
        self.past.get(&device).copied().unwrap_or_default()
    }

    /// How much of a fleet is covered, as far as this knows.
    pub fn coverage(&self, fleet: impl IntoIterator<Item = DeviceId>) -> Coverage {
        let mut coverage = Coverage::default();
        fleet.into_iter().for_each(|device| coverage.add(device, &self.of(device), self.now));
        coverage
    }
}

/// The devices that a campaign named, those that were left out on purpose included.
///
/// # Errors
/// `StoreError` if the store cannot be read.
pub async fn fleet<S: Store>(
    store: &S,
    campaign: &Campaign,
) -> Result<BTreeSet<DeviceId>, StoreError> {
    let mut fleet = BTreeSet::new();
    let take = store.each_row(campaign.id, |row| {
        fleet.extend(row.device);
        Ok::<(), StoreError>(())
    });
    take.await?;
    Ok(fleet)
}

/// How many devices were ordered in one run, as the mean of these campaigns; nothing without one.
///
/// # Errors
/// `StoreError` if the store cannot be read.
pub async fn a_run<S: Store>(store: &S, campaigns: &[Campaign]) -> Result<Option<u64>, StoreError> {
    let mut ordered = 0;
    for campaign in campaigns {
        ordered += store.tally(campaign.id).await?.of(Outcome::Accepted);
    }
    Ok(ordered.checked_div(campaigns.len() as u64))
}
