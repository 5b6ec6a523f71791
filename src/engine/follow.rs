//! Follows the actions that a campaign ordered to their end: one list for all of them at each look.
//! An order is not a scan, and what the API says of an action is passed on as it says it.

use std::collections::BTreeMap;

use super::lists::{ListEnd, Lists};
use super::pages::created_since;
use super::rows::SeenActions;
use crate::defender::{ActionQuery, Inventory};
use crate::domain::action::{has_ended, has_ended_badly};
use crate::domain::cancel::{Own, Standing};
use crate::domain::{Action, Campaign, DeviceId, Outcome, Seq, State};
use crate::store::{Store, StoreError};

/// Where the ordered actions stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// How many have each status, in the API's own words; those that none was told of as `Unknown`.
    pub statuses: BTreeMap<String, u64>,
    /// How many have not ended, as far as is known.
    pub open: u64,
    /// How many failed, timed out or were cancelled on their devices. Those that fleetsweep
    /// cancelled are not among them.
    pub failed: u64,
    /// Calls to the list that this look took.
    pub calls: u64,
}

/// Looks once; or why the list could not be read.
///
/// # Errors
/// `StoreError` if the store fails.
pub async fn look<S: Store, A: Inventory>(
    lists: &Lists<'_, S, A>,
    campaign: &Campaign,
) -> Result<Result<Followed, ListEnd>, StoreError> {
    let mut ordered = FollowedActions::read(lists.store, campaign).await?;
    let mut calls = 0;
    if ordered.is_any_open() {
        let listed = lists.scans(&all_of(campaign), |action| ordered.take(action)).await?;
        calls = listed.calls;
        if listed.end != ListEnd::Whole {
            return Ok(Err(listed.end));
        }
        ordered.write(lists.store, campaign).await?;
    }
    let (open, failed) = (ordered.count_open(), ordered.count_failed());
    Ok(Ok(Followed { open, failed, statuses: ordered.told(), calls }))
}

/// The question for a list that shows every action of a campaign.
pub(super) fn all_of(campaign: &Campaign) -> ActionQuery {
    created_since(campaign.notes.first_contact.unwrap_or(campaign.opened_at))
}

/// The actions that a campaign ordered.
pub(super) struct FollowedActions {
    /// What makes an action the campaign's own.
    own: Own,
    /// Those that had not ended, by their ids.
    open: BTreeMap<String, OpenScan>,
    /// Those that had ended, by their status.
    ended: BTreeMap<String, u64>,
    /// How many of these failed.
    failed: u64,
    /// What a list showed of those that had not ended.
    seen: SeenActions,
}

/// A scan that had not ended.
struct OpenScan {
    seq: Seq,
    device: Option<DeviceId>,
    /// What was told of it last.
    status: String,
    /// This program cancelled it.
    taken_back: bool,
}

impl FollowedActions {
    pub(super) async fn read<S: Store>(store: &S, campaign: &Campaign) -> Result<Self, StoreError> {
        let mut ordered = Self {
            own: campaign.own(),
            open: BTreeMap::new(),
            ended: BTreeMap::new(),
            failed: 0,
            seen: SeenActions::default(),
        };
        let take = store.each_row(campaign.id, |row| {
            if let State::Done(outcome) = row.life.state
                && outcome.has_action()
            {
                let status = row.detail.action_status.unwrap_or_else(|| "Unknown".to_owned());
                ordered.failed += u64::from(outcome == Outcome::ScanFailed);
                match row.detail.action_id {
                    Some(id) if !has_ended(&status) => {
                        let (seq, device) = (row.seq, row.device);
                        let open = OpenScan { seq, device, status, taken_back: false };
                        ordered.open.insert(id, open);
                    }
                    _ => *ordered.ended.entry(status).or_default() += 1,
                }
            }
            Ok::<(), StoreError>(())
        });
        take.await?;
        Ok(ordered)
    }

    /// Whether a list can tell anything new.
    pub(super) fn is_any_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Takes in an action of a list, if it is one of these.
    pub(super) fn take(&mut self, action: Action) {
        let Some(open) = self.open.get_mut(&action.id) else { return };
        if let Some(status) = &action.status {
            open.status.clone_from(status);
        }
        let standing = open.device.map(|device| self.own.standing(&action, device));
        open.taken_back |= matches!(standing, Some(Standing::Cancelled(_)));
        self.seen.take(open.seq, action, standing);
    }

    /// Writes what a list showed, once it was read to its end.
    pub(super) async fn write<S: Store>(
        &mut self,
        store: &S,
        campaign: &Campaign,
    ) -> Result<(), StoreError> {
        std::mem::take(&mut self.seen).write(store, campaign.id).await
    }

    fn count_open(&self) -> u64 {
        self.open.values().filter(|open| !has_ended(&open.status)).count() as u64
    }

    /// What was cancelled by fleetsweep had ended before this look.
    fn count_failed(&self) -> u64 {
        let failed =
            self.open.values().filter(|open| !open.taken_back && has_ended_badly(&open.status));
        self.failed + failed.count() as u64
    }

    fn told(self) -> BTreeMap<String, u64> {
        let mut told = self.ended;
        for open in self.open.into_values() {
            *told.entry(open.status).or_default() += 1;
        }
        told
    }
}
