//! The journal in memory: the calls of each budget. What the campaigns on a budget mean for one
//! another is `inner`'s.

use jiff::Timestamp;

use crate::domain::settle::CallRecord;
use crate::domain::{BudgetKey, BudgetState, CallId, CampaignId, Quota, Seq, Stamp};

/// The journal of one budget, as far as the rule needs it.
#[derive(Debug, Default)]
pub(super) struct Budget {
    /// When each call counts as seen by the server, the earliest first. It changes near its end,
    /// and is asked for a place in it far more often.
    seen: Vec<(Stamp, CallId)>,
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
    pub(super) claimed_utc: Timestamp,
    /// The name of the latest verdict.
    pub(super) verdict: Option<&'static str>,
}

impl Budget {
    /// The L-th largest `seen_by` when `pending` more calls are thought to be on top.
    pub(super) fn nth(&self, quota: &Quota, pending: usize) -> Option<Stamp> {
        let calls = (quota.calls.get() as usize).saturating_sub(pending).max(1);
        let skip = self.seen.len().checked_sub(calls)?;
        self.seen.get(skip).map(|(at, _)| *at)
    }

    /// The latest moments at which calls count as seen, the last one first.
    pub(super) fn latest(&self) -> impl Iterator<Item = Stamp> {
        self.seen.iter().rev().map(|(at, _)| *at)
    }

    pub(super) fn enter(&mut self, at: Stamp, call: CallId) {
        if let Err(place) = self.seen.binary_search(&(at, call)) {
            self.seen.insert(place, (at, call));
        }
    }

    pub(super) fn move_seen(&mut self, call: CallId, from: &mut Stamp, to: Stamp) {
        if let Ok(place) = self.seen.binary_search(&(*from, call)) {
            self.seen.remove(place);
        }
        if to > Stamp::ZERO {
            self.enter(to, call);
        }
        *from = to;
    }
}

/// Whose call it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Whose {
    /// Its campaign, if it belongs to one.
    pub(super) campaign: Option<CampaignId>,
    /// The row that it asks for, if it is an order.
    pub(super) seq: Option<Seq>,
}
