//! One call that cancels an action: its slot on the budget for cancelling, its request, its
//! verdict, and what it writes.

use std::time::Duration;

use super::job::Job;
use super::survey::OpenAction;
use crate::defender::CancelApi;
use crate::domain::settle::Settlement;
use crate::domain::verdict::cancel_verdict;
use crate::domain::{BudgetState, CallId, Cancellation, Operation, Reply, Verdict};
use crate::engine::pump::{Caller, Claimed, Unclaimed};
use crate::store::{ReadAnswer, ReadSettlement, Result, Store};

/// An action that is to be asked for.
#[derive(Debug)]
pub(crate) struct Item {
    pub(super) action: OpenAction,
    /// How often it was asked for with an answer, or a silence, that used a try up.
    pub(super) asks: u8,
    /// A call for it was sent whose answer did not settle it.
    pub(super) doubted: bool,
}

/// An action whose call has its slot.
pub(crate) struct CancelClaim {
    pub(super) item: Item,
    call: CallId,
}

impl<S: Store, A: CancelApi> Caller for Job<S, A> {
    type Store = S;
    type Api = A;
    type Item = Item;
    type Claim = CancelClaim;
    type Settled = ();

    const OPERATION: Operation = Operation::Cancel;
    const CLAIMS: usize = 1;

    fn store(&self) -> &S {
        &self.store
    }

    fn api(&self) -> &A {
        &self.api
    }

    async fn claim(&self, item: Item) -> Result<Claimed<Self>> {
        let budget = self.campaign.order.target.budget(Operation::Cancel);
        Ok(match self.store.claim_on(&budget, self.rate.quotas.clone()).await? {
            ReadAnswer::Call(call, claimed_at) => {
                Claimed::Call(claimed_at, CancelClaim { item, call })
            }
            ReadAnswer::NotYet(no) => Claimed::No(item, Unclaimed::NotYet(no)),
        })
    }

    async fn send(&self, claim: &CancelClaim) -> Reply {
        let comment = self.cause.comment(&self.campaign.mark());
        self.api.cancel(&claim.item.action.id, &comment).await
    }

    fn judge(&self, claim: &CancelClaim, reply: &Reply, _took: Duration) -> Verdict {
        cancel_verdict(reply, &claim.item.action.id)
    }

    /// Writes the row of what was cancelled, too.
    async fn settle(
        &self,
        claim: &CancelClaim,
        settlement: Settlement,
    ) -> Result<(BudgetState, ())> {
        let verdict = settlement.verdict;
        let read = ReadSettlement::needed(Some(verdict.clone()));
        let budget = self.store.settle_read(claim.call, read).await?;
        if let Verdict::Accepted { action, .. } = verdict {
            let seq = claim.item.action.seq;
            let done = Cancellation { seq, action: *action, cause: self.cause };
            self.store.note_cancelled(self.campaign.id, vec![done]).await?;
        }
        Ok((budget, ()))
    }
}
