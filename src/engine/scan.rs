//! One order of a scan: its device and slot, its request, its verdict, and what it writes. When one
//! is due is the campaign's to say.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::pump::{Caller, Claimed, Done, Unclaimed};
use super::shared::Shared;
use crate::defender::{ScanApi, ScanOrder};
use crate::domain::settle::Settlement;
use crate::domain::verdict::{Asked, verdict};
use crate::domain::{BudgetState, Operation, Reply, Settled, Verdict};
use crate::store::{Claim, ClaimAnswer, Result, Store};

/// An order of a scan that is settled.
pub(super) type DoneScan<S, A> = Done<Shared<S, A>>;

/// An order of which the store says for which device it is.
pub(super) struct NextDevice {
    /// The device may be one that was called before.
    pub(super) allow_repeat: bool,
}

impl<S: Store, A: ScanApi> Caller for Shared<S, A> {
    type Store = S;
    type Api = A;
    type Item = NextDevice;
    type Claim = Claim;
    type Settled = Settled;

    const OPERATION: Operation = Operation::Scan;
    /// The store is asked before whether a slot is due.
    const CLAIMS: usize = usize::MAX;

    fn store(&self) -> &S {
        &self.store
    }

    fn api(&self) -> &A {
        &self.api
    }

    fn is_open(&self) -> bool {
        self.is_in_hours()
    }

    async fn claim(&self, next: NextDevice) -> Result<Claimed<Self>> {
        let no = match self.store.claim(self.campaign.id, next.allow_repeat).await? {
            ClaimAnswer::Call(claim) => {
                let counted = u64::from(self.is_counted_repeat(&claim));
                self.repeats.made.fetch_add(counted, Ordering::SeqCst);
                return Ok(Claimed::Call(claim.claimed_at, claim));
            }
            ClaimAnswer::NotYet(no) => Unclaimed::NotYet(no),
            ClaimAnswer::Idle { wake, repeats_only } => Unclaimed::Idle { wake, repeats_only },
        };
        Ok(Claimed::No(next, no))
    }

    async fn send(&self, claim: &Claim) -> Reply {
        let order = &self.campaign.order;
        let comment = self.campaign.mark().comment(&order.text());
        let scan_type = order.scan_type;
        self.api.scan(&ScanOrder { device: claim.device, scan_type, comment }).await
    }

    fn judge(&self, claim: &Claim, reply: &Reply, took: Duration) -> Verdict {
        let (mark, text) = (self.campaign.mark(), self.campaign.order.text());
        let asked = Asked {
            device: claim.device,
            scan_type: self.campaign.order.scan_type,
            mark: &mark,
            comment: &text,
            took,
        };
        verdict(reply, &asked, &self.timing)
    }

    async fn settle(
        &self,
        claim: &Claim,
        settlement: Settlement,
    ) -> Result<(BudgetState, Settled)> {
        match settlement.verdict {
            Verdict::Accepted { comment_changed: false, .. } => {
                self.comments_kept.store(true, Ordering::SeqCst);
            }
            Verdict::NotFound(_) if self.refused_before.contains(&claim.device) => {}
            Verdict::Doubtful { .. } | Verdict::NotFound(_) => {
                self.repeats.doubts.fetch_add(1, Ordering::SeqCst);
            }
            // It uses nothing up.
            Verdict::Unauthorized(_) | Verdict::Throttled { .. } | Verdict::NeverLeft { .. } => {
                let counted = u64::from(self.is_counted_repeat(claim));
                self.repeats.made.fetch_sub(counted, Ordering::SeqCst);
            }
            _ => {}
        }
        let settled = self.store.settle(claim.call, settlement).await?;
        self.note_result(settled.before, settled.after);
        Ok((settled.budget, settled))
    }
}
