//! Which actions of a campaign there are to cancel, by one list for all of them. It writes what the
//! list says, and cancels nothing.

use std::collections::BTreeMap;

use crate::defender::Inventory;
use crate::domain::action::has_ended;
use crate::domain::cancel::{Own, Spared, Standing};
use crate::domain::{Action, Campaign, DeviceId, Outcome, Seq, State};
use crate::engine::follow::all_of;
use crate::engine::lists::{ListEnd, Lists};
use crate::engine::rows::SeenActions;
use crate::store::{Store, StoreError};

/// An action that has not ended, and can be cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAction {
    /// The row that ordered it.
    pub seq: Seq,
    /// Its id.
    pub id: String,
    /// Its device.
    pub device: DeviceId,
}

/// Where the actions that a campaign ordered stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survey {
    /// Those that wait for their device.
    pub pending: Vec<OpenAction>,
    /// Those that run.
    pub in_progress: Vec<OpenAction>,
    /// How many ended by themselves, or by somebody else.
    pub ended: u64,
    /// How many this program cancelled before.
    pub cancelled: u64,
    /// How many are not touched, and why.
    pub spared: BTreeMap<Spared, u64>,
    /// Calls to the list that this look took.
    pub calls: u64,
    /// What the list says of them.
    seen: SeenActions,
}

/// Looks which actions of a campaign there are to cancel, or says why the list could not be read.
/// It writes nothing: see `Survey::write`.
///
/// # Errors
/// `StoreError` if the store fails.
pub async fn survey<S: Store, A: Inventory>(
    lists: &Lists<'_, S, A>,
    campaign: &Campaign,
) -> Result<Result<Survey, ListEnd>, StoreError> {
    let own = campaign.own();
    let mut ordered = SoughtActions::read(lists.store, campaign).await?;
    let mut survey = Survey { cancelled: ordered.cancelled, ..Survey::default() };
    survey.ended = ordered.ended;
    if ordered.is_sought() {
        let take = |action: Action| ordered.take(&own, action, &mut survey);
        let listed = lists.scans(&all_of(campaign), take).await?;
        survey.calls = listed.calls;
        if listed.end != ListEnd::Whole {
            return Ok(Err(listed.end));
        }
    }
    ordered.count_unlisted(&mut survey);
    Ok(Ok(survey))
}

impl Survey {
    /// Writes what the list said: how far the actions are, and which of them this program had
    /// cancelled before it could write that.
    ///
    /// # Errors
    /// `StoreError` if the store fails.
    pub async fn write<S: Store>(&self, store: &S, campaign: &Campaign) -> Result<(), StoreError> {
        self.seen.write(store, campaign.id).await
    }

    /// How many are not touched though they have not ended, as far as is known.
    pub fn not_touched(&self) -> u64 {
        self.spared.values().sum()
    }
}

/// The rows of a campaign whose order was accepted.
#[derive(Default)]
struct SoughtActions {
    /// Those to look for, by the ids of their actions: they may be open, or were cancelled by
    /// somebody. A server that gives one id for two devices must not hide one of them.
    sought: BTreeMap<String, Vec<SoughtAction>>,
    /// Those of which nothing tells which action they ordered.
    nameless: u64,
    ended: u64,
    cancelled: u64,
}

/// A row whose action is looked for.
struct SoughtAction {
    seq: Seq,
    device: DeviceId,
    /// It was told to be cancelled before, by whomever.
    cancelled: bool,
}

impl SoughtActions {
    async fn read<S: Store>(store: &S, campaign: &Campaign) -> Result<Self, StoreError> {
        let mut ordered = Self::default();
        let take = store.each_row(campaign.id, |row| {
            match (row.life.state, row.device) {
                (State::Done(outcome), Some(device)) if outcome.is_ordered() => {
                    let (id, status) = (row.detail.action_id, row.detail.action_status);
                    ordered.add(row.seq, device, id.unwrap_or_default(), status);
                }
                (State::Done(Outcome::Cancelled { .. }), _) => ordered.cancelled += 1,
                _ => {}
            }
            Ok::<(), StoreError>(())
        });
        take.await?;
        Ok(ordered)
    }

    fn add(&mut self, seq: Seq, device: DeviceId, id: String, status: Option<String>) {
        let told = Action { status, ..Action::default() };
        // One that was cancelled may have been by this program, before it was killed.
        let ended = told.status.as_deref().is_some_and(has_ended) && !told.is_cancelled();
        if ended {
            self.ended += 1;
        } else if id.is_empty() {
            self.nameless += 1;
        } else {
            self.sought.entry(id).or_default().push(SoughtAction {
                seq,
                device,
                cancelled: told.is_cancelled(),
            });
        }
    }

    fn is_sought(&self) -> bool {
        !self.sought.is_empty()
    }

    /// Takes an action off the list. One that comes twice, as a list does whose pages shift, counts
    /// once.
    fn take(&mut self, own: &Own, action: Action, survey: &mut Survey) {
        for SoughtAction { seq, device, .. } in self.sought.remove(&action.id).unwrap_or_default() {
            let open = || OpenAction { seq, id: action.id.clone(), device };
            let standing = own.standing(&action, device);
            match standing {
                Standing::Pending => survey.pending.push(open()),
                Standing::InProgress => survey.in_progress.push(open()),
                Standing::Ended => survey.ended += 1,
                Standing::Cancelled(_) => survey.cancelled += 1,
                Standing::Spared(why) => *survey.spared.entry(why).or_default() += 1,
            }
            survey.seen.take(seq, action.clone(), Some(standing));
        }
    }

    fn count_unlisted(&self, survey: &mut Survey) {
        let mut unlisted = 0;
        for one in self.sought.values().flatten() {
            // What has ended stays ended, also where the list is too short to show it.
            let count = if one.cancelled { &mut survey.ended } else { &mut unlisted };
            *count += 1;
        }
        for (why, some) in [(Spared::NotListed, unlisted), (Spared::OddId, self.nameless)] {
            if some > 0 {
                *survey.spared.entry(why).or_default() += some;
            }
        }
    }
}
