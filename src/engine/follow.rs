//! Follows the actions that a campaign ordered to their end: one list for all of them at each look.
//! An order is not a scan, and what the API says of an action is passed on as it says it.

use std::collections::BTreeMap;

use super::lists::{ListEnd, Lists};
use super::pages::created_since;
use super::rows::note_actions;
use crate::defender::{ActionQuery, Inventory};
use crate::domain::action::{has_ended, has_ended_badly};
use crate::domain::{Action, Campaign, Outcome, Seq, State};
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
#[derive(Default)]
pub(super) struct FollowedActions {
    /// Those that had not ended, by their ids, with their row and what was told of them last.
    open: BTreeMap<String, (Seq, String)>,
    /// Those that had ended, by their status.
    ended: BTreeMap<String, u64>,
    /// How many of these failed.
    failed: u64,
    /// What a list showed of those that had not ended.
    seen: Vec<(Seq, Action)>,
}

impl FollowedActions {
    pub(super) async fn read<S: Store>(store: &S, campaign: &Campaign) -> Result<Self, StoreError> {
        let mut ordered = Self::default();
        let take = store.each_row(campaign.id, |row| {
            if let State::Done(outcome) = row.life.state
                && outcome.has_action()
            {
                let status = row.detail.action_status.unwrap_or_else(|| "Unknown".to_owned());
                ordered.failed += u64::from(outcome == Outcome::ScanFailed);
                match row.detail.action_id {
                    Some(id) if !has_ended(&status) => {
                        ordered.open.insert(id, (row.seq, status));
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
        if let Some((seq, _)) = self.open.get(&action.id) {
            self.seen.push((*seq, action));
        }
    }

    /// Writes what a list showed, once it was read to its end.
    pub(super) async fn write<S: Store>(
        &mut self,
        store: &S,
        campaign: &Campaign,
    ) -> Result<(), StoreError> {
        note_actions(store, campaign.id, &self.seen).await?;
        for (_, action) in std::mem::take(&mut self.seen) {
            let known = self.open.get_mut(&action.id);
            if let (Some((_, last)), Some(status)) = (known, action.status) {
                *last = status;
            }
        }
        Ok(())
    }

    fn count_open(&self) -> u64 {
        self.open.values().filter(|(_, status)| !has_ended(status)).count() as u64
    }

    /// What was cancelled by fleetsweep had ended before this look.
    fn count_failed(&self) -> u64 {
        let failed = self.open.values().filter(|(_, status)| has_ended_badly(status));
        self.failed + failed.count() as u64
    }

    fn told(self) -> BTreeMap<String, u64> {
        let mut told = self.ended;
        for (_, status) in self.open.into_values() {
            *told.entry(status).or_default() += 1;
        }
        told
    }
}
