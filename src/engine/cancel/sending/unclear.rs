//! Actions whose answer does not tell whether they are cancelled: the list of actions says it.
//! Those that it shows open after a lost answer are asked for again, at most twice.

use std::collections::{BTreeMap, BTreeSet};

use super::{Item, Sending};
use crate::clock::Clock;
use crate::defender::{ActionQuery, CancelApi};
use crate::domain::cancel::Standing;
use crate::domain::{Action, Cancellation, Operation, Refusal, Stop};
use crate::engine::StopLevel;
use crate::engine::cancel::own;
use crate::engine::follow::all_of;
use crate::engine::lists::{ListEnd, Lists, Patience};
use crate::store::{Store, StoreError};

/// How often an action is asked for at most whose answers were lost: once, and twice again.
const ASKS_MAX: u8 = 3;

/// Devices that the list is asked about by their ids; a longer filter would make a long URL.
const BY_ID: usize = 10;

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

impl<S: Store, A: CancelApi> Sending<S, A> {
    /// Asks the list about all that is not clear, after as long as it may take to show a change.
    pub(super) async fn look(&mut self) -> Result<(), StoreError> {
        let clock = self.job.store.clock().clone();
        let at = clock.now().plus(self.job.timing.poll);
        let listed = tokio::select! {
            biased;
            () = left_at_once(&mut self.stop) => {
                self.state.stop = Some(Stop::SecondSignal);
                return Ok(());
            }
            listed = async {
                clock.sleep_until(at).await;
                listed(&self.job, &self.unclear).await
            } => listed?,
        };
        let own = own(&self.job.campaign);
        for unclear in std::mem::take(&mut self.unclear) {
            let target = &unclear.item.target;
            let action = listed.as_ref().and_then(|listed| listed.get(&target.id));
            let standing = action.map(|action| own.standing(action, target.device));
            match (standing, action) {
                (Some(Standing::Cancelled(_) | Standing::Ended), Some(action)) => {
                    self.has_ended(unclear, action.clone(), standing).await?;
                }
                (standing, _) => self.is_not_over(unclear, standing.is_some()),
            }
        }
        Ok(())
    }

    /// It has ended: by this program if its cancellation says so, or says nothing after a call of
    /// ours that may have done it.
    async fn has_ended(
        &mut self,
        unclear: Unclear,
        action: Action,
        standing: Option<Standing>,
    ) -> Result<(), StoreError> {
        let seq = unclear.item.target.seq;
        let silent = action.cancel_comment.as_deref().is_none_or(|text| text.trim().is_empty());
        let by_us = matches!(standing, Some(Standing::Cancelled(_)))
            || (action.is_cancelled() && silent && unclear.item.doubted);
        let (store, campaign) = (&self.job.store, self.job.campaign.id);
        if by_us {
            let cause = match standing {
                Some(Standing::Cancelled(cause)) => cause,
                _ => self.job.cause,
            };
            store.note_cancelled(campaign, vec![Cancellation { seq, action, cause }]).await?;
            self.report.cancelled += 1;
        } else {
            store.note_actions(campaign, vec![(seq, action)]).await?;
            self.report.ended += 1;
        }
        Ok(())
    }

    /// The list shows it open, or does not show it. A refusal after a lost answer may be one of
    /// what that call did, which only the list could tell.
    fn is_not_over(&mut self, unclear: Unclear, listed: bool) {
        let Unclear { item, why } = unclear;
        match why {
            Why::Refused(refusal) if listed || !item.doubted => {
                self.refuse(refusal.status, refusal.code, refusal.message);
            }
            Why::Refused(_) => self.report.unknown += 1,
            Why::Doubt if self.state.stop.is_some() => {}
            Why::Doubt if item.asks < ASKS_MAX => self.waiting.push_back(item),
            Why::Doubt => self.report.unknown += 1,
        }
    }
}

/// Waits until the user wants to leave at once.
async fn left_at_once(stop: &mut tokio::sync::watch::Receiver<StopLevel>) {
    if stop.wait_for(|level| *level == StopLevel::Now).await.is_err() {
        // Nobody is there to say so any more.
        std::future::pending::<()>().await;
    }
}

/// What the list says of these actions, by their ids; nothing if it cannot be read.
async fn listed<S: Store, A: CancelApi>(
    job: &super::Job<S, A>,
    unclear: &[Unclear],
) -> Result<Option<BTreeMap<String, Action>>, StoreError> {
    let lists = Lists {
        store: &*job.store,
        api: &*job.api,
        budget: job.campaign.order.target.budget(Operation::Read),
        quotas: job.quotas.clone(),
        timing: job.timing,
        patience: Patience::needed(job.timing.max_wait),
    };
    let query = if unclear.len() <= BY_ID {
        ActionQuery::OfDevices(unclear.iter().map(|one| one.item.target.device).collect())
    } else {
        all_of(&job.campaign)
    };
    let sought: BTreeSet<&str> = unclear.iter().map(|one| one.item.target.id.as_str()).collect();
    let mut found = BTreeMap::new();
    let take = |action: Action| {
        if sought.contains(action.id.as_str()) {
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
