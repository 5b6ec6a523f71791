//! Follows the actions that a campaign ordered to their end: one list for all of them at each look.
//! An order is not a scan, and what the API says of an action is passed on as it says it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::lists::{ListEnd, Lists};
use crate::defender::{ActionQuery, Inventory};
use crate::domain::action::has_ended;
use crate::domain::{Action, Outcome, State};
use crate::store::{Campaign, Seq, Store, StoreError};

/// Actions that are written together.
const PAGE: usize = 1_000;

/// How much further back than the first contact is asked: clocks of a service's machines differ.
const MARGIN: Duration = Duration::from_secs(3600);

/// Where the ordered actions stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// How many have each status, in the API's own words; those that none was told of as `Unknown`.
    pub statuses: BTreeMap<String, u64>,
    /// How many have not ended, as far as is known.
    pub open: u64,
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
    let mut ordered = Ordered::read(lists.store, campaign).await?;
    let mut calls = 0;
    if !ordered.open.is_empty() {
        let since = since(campaign);
        let mut seen = Vec::new();
        let take = |action: Action| {
            if let Some((seq, _)) = ordered.open.get(&action.id) {
                seen.push((*seq, action));
            }
        };
        let query = ActionQuery::CreatedSince(since);
        let listed = lists.scans(&query, take).await?;
        calls = listed.calls;
        if listed.end != ListEnd::Whole {
            return Ok(Err(listed.end));
        }
        for part in seen.chunks(PAGE) {
            lists.store.note_actions(campaign.id, part.to_vec()).await?;
        }
        for (_, action) in seen {
            ordered.move_on(action);
        }
    }
    Ok(Ok(Followed { open: ordered.count_open(), statuses: ordered.told(), calls }))
}

/// The server's time from which on the list shows every action of a campaign.
pub(super) fn since(campaign: &Campaign) -> Timestamp {
    let since = campaign.notes.first_contact.unwrap_or(campaign.opened_at);
    since.checked_sub(MARGIN).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The actions that a campaign ordered.
#[derive(Default)]
struct Ordered {
    /// Those that had not ended, by their ids, with their row and what was told of them last.
    open: BTreeMap<String, (Seq, String)>,
    /// Those that had ended, by their status.
    ended: BTreeMap<String, u64>,
}

impl Ordered {
    async fn read<S: Store>(store: &S, campaign: &Campaign) -> Result<Self, StoreError> {
        let mut ordered = Self::default();
        let take = store.each_row(campaign.id, |row| {
            let ordered_one = [Outcome::Accepted, Outcome::Cancelled].map(State::Done);
            if ordered_one.contains(&row.life.state) {
                let status = row.detail.action_status.unwrap_or_else(|| "Unknown".to_owned());
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

    fn move_on(&mut self, action: Action) {
        if let (Some((_, last)), Some(status)) = (self.open.get_mut(&action.id), action.status) {
            *last = status;
        }
    }

    fn count_open(&self) -> u64 {
        self.open.values().filter(|(_, status)| !has_ended(status)).count() as u64
    }

    fn told(self) -> BTreeMap<String, u64> {
        let mut told = self.ended;
        for (_, status) in self.open.into_values() {
            *told.entry(status).or_default() += 1;
        }
        told
    }
}
