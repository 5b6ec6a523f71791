//! What was ordered before: reads the campaigns of a store, and the actions of a tenant, for what
//! they say of each device. What that means is `domain::history`'s; it changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::lists::{Listed, Lists};
use super::rows::each_asked;
use crate::defender::{ActionQuery, Inventory};
use crate::domain::action::has_ended_badly;
use crate::domain::history::{Coverage, Earlier, LOOKED_BACK, Past};
use crate::domain::preflight::Group;
use crate::domain::{Action, Campaign, CampaignFilter, DeviceId, Outcome, Row, ScanType, State};
use crate::store::{Result, Store, StoreError};

/// Two moments of one device that are closer are of one order: of its answer, and the server's.
const SAME_ORDER: SignedDuration = SignedDuration::from_mins(2);

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
    /// Orders of the store that cover nothing, by their moments.
    came_to_nothing: BTreeSet<(DeviceId, Timestamp)>,
    /// Devices of whose latest order only a plan knew.
    by_others: BTreeSet<DeviceId>,
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
        Self {
            wanted,
            now,
            past: BTreeMap::new(),
            ended_badly: BTreeSet::new(),
            came_to_nothing: BTreeSet::new(),
            by_others: BTreeSet::new(),
        }
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
    ) -> Result<Listed> {
        let since = self.since(within);
        let take = |action: Action| self.take_action(&action);
        lists.scans(&ActionQuery::CreatedSince(since), take).await
    }

    /// Takes in what the campaigns of a store say.
    ///
    /// # Errors
    /// `StoreError` if it cannot be read.
    pub async fn read_store<S: Store>(&mut self, store: &S, whose: &Whose) -> Result<()> {
        let not_over_before = Some(self.since(LOOKED_BACK));
        let recent = CampaignFilter { not_over_before, ..CampaignFilter::default() };
        for campaign in store.select(&recent).await? {
            if whose.owns(&campaign) {
                self.read_campaign(store, &campaign).await?;
            }
        }
        Ok(())
    }

    async fn read_campaign<S: Store>(&mut self, store: &S, campaign: &Campaign) -> Result<()> {
        let asked = campaign.order.scan_type;
        each_asked(store, campaign.id, |row| self.take_row(asked, &row)).await
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
            if earlier.scope.is_none() {
                let moments = [Some(earlier.at), row.detail.action_created_at];
                let moments = moments.into_iter().flatten().map(|at| (device, at));
                self.came_to_nothing.extend(moments);
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

    /// Takes in what the reason of a row says that was skipped since a scan was ordered that does:
    /// for a plan that asked the tenant that may be somebody else's. It comes after `read_store`.
    fn take_recent(&mut self, asked: ScanType, device: DeviceId, reason: Option<&str>) {
        let words = reason.unwrap_or_default().split_whitespace();
        let Some(at) = words.filter_map(|word| word.parse::<Timestamp>().ok()).next() else {
            return;
        };
        if self.came_to_nothing.contains(&(device, at)) {
            return;
        }
        let earlier = Earlier { at, scope: Some(asked), succeeded: false, refused: false };
        let past = self.past.entry(device).or_default();
        let before = past.ordered;
        past.take(&earlier, self.wanted);
        // The server's moment of an order of ours is not quite the one that we kept.
        let same = before.is_some_and(|own| at.duration_since(own).abs() < SAME_ORDER);
        if past.ordered != before && !same {
            self.by_others.insert(device);
        }
    }

    /// Of how many of these devices the latest order is one that only a plan knew of.
    pub fn by_others(&self, fleet: impl IntoIterator<Item = DeviceId>) -> u64 {
        fleet.into_iter().filter(|device| self.by_others.contains(device)).count() as u64
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

/// The devices of lists, as far as a scan can be ordered for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    /// Each once, those of `cannot` included; none of another tenant.
    pub devices: BTreeSet<DeviceId>,
    /// Those that a plan skipped because nothing there can scan.
    pub cannot: BTreeMap<DeviceId, Group>,
}

impl Fleet {
    /// Takes in the devices that a campaign named, and what its plan knew of earlier orders.
    ///
    /// # Errors
    /// `StoreError` if the store cannot be read.
    pub async fn read<S: Store>(
        &mut self,
        store: &S,
        campaign: &Campaign,
        history: &mut History,
    ) -> Result<()> {
        let asked = campaign.order.scan_type;
        let take = store.each_row(campaign.id, |row| {
            let Some(device) = row.device else { return Ok::<(), StoreError>(()) };
            let skipped = row.life.state == State::Done(Outcome::Skipped);
            let reason = if skipped { row.detail.reason.as_deref() } else { None };
            match reason.and_then(Group::of_reason) {
                Some(Group::OtherTenant) => return Ok(()),
                Some(Group::Recent) => history.take_recent(asked, device, reason),
                Some(group) if group.cannot_scan() => {
                    self.cannot.insert(device, group);
                }
                _ if row.life.state == State::Done(Outcome::Duplicate) => {}
                // One list says that it can.
                _ => {
                    self.cannot.remove(&device);
                }
            }
            self.devices.insert(device);
            Ok(())
        });
        take.await
    }
}

/// How many devices are ordered in one run, as the mean of the latest of these campaigns that had
/// any to order, and of how many; `None` if none had. They come with the latest first.
///
/// # Errors
/// `StoreError` if the store cannot be read.
pub async fn a_run<S: Store>(
    store: &S,
    campaigns: &[Campaign],
    most: usize,
) -> Result<Option<(u64, usize)>> {
    let (mut ordered, mut runs) = (0_u64, 0);
    for campaign in campaigns {
        if runs == most {
            break;
        }
        let tally = store.tally(campaign.id).await?;
        // A night on which nothing was due says nothing of how many a night takes.
        if tally.devices() > 0 {
            ordered += tally.ordered();
            runs += 1;
        }
    }
    let mean = ordered.checked_div(runs as u64);
    Ok(mean.map(|mean| (if ordered > 0 { mean.max(1) } else { 0 }, runs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_only_a_plan_knew_of_counts_unless_it_is_known_to_have_failed() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let device = |n| DeviceId::from_bytes([n; 20]);
        let mut history = History::new(ScanType::Full, at("2026-11-26T00:00:00Z"));
        let told =
            |when: &str| format!("recent: a scan that covers it was ordered at {when} (--due)");
        let when = "2026-11-20T01:02:03.123456Z";
        history.take_recent(ScanType::Full, device(1), Some(&told(when)));
        assert_eq!(history.of(device(1)).ordered, Some(at(when)));
        history.take_recent(ScanType::Quick, device(2), Some(&told(when)));
        assert_eq!(history.of(device(2)).ordered, None, "a quick scan is no full one");
        history.take_recent(ScanType::Full, device(3), Some("recent: who knows when"));
        assert_eq!(history.of(device(3)).ordered, None);
        history.came_to_nothing.insert((device(4), at(when)));
        history.take_recent(ScanType::Full, device(4), Some(&told(when)));
        assert_eq!(history.of(device(4)).ordered, None, "it failed since");
        let scope = Some(ScanType::Full);
        let own = Earlier { at: at(when), scope, succeeded: false, refused: false };
        history.past.entry(device(5)).or_default().take(&own, ScanType::Full);
        history.take_recent(ScanType::Full, device(5), Some(&told("2026-11-20T01:02:09Z")));
        let fleet = [1, 2, 3, 4, 5].map(device);
        assert_eq!(history.by_others(fleet), 1, "of an own order, as the server dates it");
    }
}
