//! The journal in memory: the calls of each budget. What the campaigns on a budget mean for one
//! another is `inner`'s.

use std::collections::BTreeSet;

use crate::domain::settle::CallRecord;
use crate::domain::{BudgetKey, BudgetState, CallId, CampaignId, Quota, Seq, Stamp};

/// The journal of one budget, as far as the rule needs it.
#[derive(Debug, Default)]
pub(super) struct Budget {
    pub(super) seen: BTreeSet<(Stamp, CallId)>,
    pub(super) state: BudgetState,
}

#[derive(Debug)]
pub(super) struct Call {
    /// Nothing for a call that belongs to no campaign.
    pub(super) campaign: Option<CampaignId>,
    pub(super) budget: BudgetKey,
    pub(super) seq: Option<Seq>,
    pub(super) record: CallRecord,
    pub(super) seen_by: Stamp,
}

impl Budget {
    /// The L-th largest `seen_by` when `pending` more calls are thought to be on top.
    pub(super) fn nth(&self, quota: &Quota, pending: usize) -> Option<Stamp> {
        let calls = (quota.calls.get() as usize).saturating_sub(pending).max(1);
        let skip = self.seen.len().checked_sub(calls)?;
        let found = if skip < calls {
            self.seen.iter().nth(skip)
        } else {
            self.seen.iter().rev().nth(calls - 1)
        };
        found.map(|(at, _)| *at)
    }

    pub(super) fn move_seen(&mut self, call: CallId, from: &mut Stamp, to: Stamp) {
        self.seen.remove(&(*from, call));
        if to > Stamp::ZERO {
            self.seen.insert((to, call));
        }
        *from = to;
    }
}
