//! Actions whose answer does not tell whether they are cancelled: the list of actions says it.
//! Those that it shows open after a lost answer are asked for again, at most twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::call::Item;
use super::job::Job;
use super::survey::OpenAction;
use crate::clock::Clock;
use crate::defender::{ActionQuery, CancelApi};
use crate::domain::cancel::Cancelled;
use crate::domain::cancel::Standing;
use crate::domain::{Action, Cancellation, Operation, Refusal};
use crate::engine::follow::all_of;
use crate::engine::lists::{ListEnd, Lists, Patience, Slots};
use crate::engine::pages::BY_ID;
use crate::store::{Result, Store};

/// How often an action is asked for at most whose answers were lost: once, and twice again.
const ASKS_MAX: u8 = 3;

/// What the list says of the actions that are not clear, by their ids; `None` if it cannot be read.
pub(super) type Listed = Option<BTreeMap<String, Action>>;

/// Why it is not clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The answer was lost, or settles nothing.
    Doubt,
    /// The server refused: it may have ended before, or been cancelled by a call whose answer was
    /// lost.
    Refused(Refusal),
}

/// An action that was asked for without a clear answer.
pub(super) struct Unclear {
    pub(super) item: Item,
    pub(super) why: Why,
}

/// What the list says of these actions, after as long as it may take to show a change.
pub(super) async fn listed<S: Store, A: CancelApi>(
    job: Arc<Job<S, A>>,
    actions: Vec<OpenAction>,
) -> Result<Listed> {
    let clock = job.store.clock();
    clock.sleep_until(clock.now().plus(job.rate.timing.poll)).await;
    let lists = Lists {
        store: &*job.store,
        api: &*job.api,
        slots: Slots::Budget(
            job.campaign.order.target.budget(Operation::Read),
            job.rate.quotas.clone(),
        ),
        timing: job.rate.timing,
        patience: Patience::needed(job.rate.timing.max_wait),
    };
    let query = if actions.len() <= BY_ID {
        ActionQuery::OfDevices(actions.iter().map(|one| one.device).collect())
    } else {
        all_of(&job.campaign)
    };
    let sought: BTreeSet<String> = actions.into_iter().map(|one| one.id).collect();
    let mut found = BTreeMap::new();
    let take = |action: Action| {
        if sought.contains(&action.id) {
            found.entry(action.id.clone()).or_insert(action);
        }
    };
    let listed = lists.scans(&query, take).await?;
    if listed.end != ListEnd::Whole {
        tracing::warn!(end = ?listed.end, "the list could not be asked what was cancelled");
        return Ok(None);
    }
    Ok(Some(found))
}

/// What became of an action after a look into the list.
pub(super) enum Cleared {
    /// It is counted.
    Counted,
    /// It is asked for again.
    Again(Item),
    /// It is left, since no more is asked for.
    Left,
}

impl Unclear {
    /// Clears an action up with what the list says, writes and counts it.
    pub(super) async fn clear_up<S: Store, A>(
        self,
        job: &Job<S, A>,
        listed: &Listed,
        done: &mut Cancelled,
        stopped: bool,
    ) -> Result<Cleared> {
        let open = &self.item.action;
        let action = listed.as_ref().and_then(|listed| listed.get(&open.id));
        let standing = action.map(|action| job.campaign.own().standing(action, open.device));
        match (standing, action) {
            (Some(standing @ (Standing::Cancelled(_) | Standing::Ended)), Some(action)) => {
                self.when_over(action.clone(), standing, job, done).await?;
                Ok(Cleared::Counted)
            }
            (standing, _) => Ok(self.when_not_over(standing.is_some(), done, stopped)),
        }
    }

    /// It has ended: by this program if its cancellation says so, or says nothing after a call of
    /// ours that may have done it.
    async fn when_over<S: Store, A>(
        self,
        action: Action,
        standing: Standing,
        job: &Job<S, A>,
        done: &mut Cancelled,
    ) -> Result<()> {
        let seq = self.item.action.seq;
        let silent = action.cancel_comment.as_deref().is_none_or(|text| text.trim().is_empty());
        let cause = match standing {
            Standing::Cancelled(cause) => Some(cause),
            _ if action.is_cancelled() && silent && self.item.doubted => Some(job.cause),
            _ => None,
        };
        match cause {
            Some(cause) => {
                let ours = Cancellation { seq, action, cause };
                job.store.note_cancelled(job.campaign.id, vec![ours]).await?;
                done.cancelled += 1;
            }
            None => {
                job.store.note_actions(job.campaign.id, vec![(seq, action)]).await?;
                done.ended += 1;
            }
        }
        Ok(())
    }

    /// The list shows it open, or does not show it. A refusal after a lost answer may be one of
    /// what that call did, which only the list could tell.
    fn when_not_over(self, listed: bool, done: &mut Cancelled, stopped: bool) -> Cleared {
        match self.why {
            Why::Refused(refusal) if listed || !self.item.doubted => done.count_refused(refusal),
            Why::Doubt if stopped => return Cleared::Left,
            Why::Doubt if self.item.asks < ASKS_MAX => return Cleared::Again(self.item),
            Why::Refused(_) | Why::Doubt => done.unknown += 1,
        }
        Cleared::Counted
    }
}
