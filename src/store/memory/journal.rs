//! The journal in memory: the calls of each budget, and what the campaigns on a budget mean for one
//! another. Rows are `campaign`'s.

use std::collections::BTreeSet;

use super::Inner;
use super::campaign::Held;
use crate::domain::settle::CallRecord;
use crate::domain::{
    BudgetKey, BudgetState, CallId, Campaign, CampaignId, CampaignState, Operation, Priority,
    Quota, Seq, Stamp, Timing,
};

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

impl Inner {
    /// All quotas of all open campaigns on this budget, and those that the server named: together
    /// they are the strictest setting. A runner that has not noticed yet that its campaign is
    /// finished keeps that one's too. None has any for cancelling: how fast it is to order says
    /// nothing about how fast to take that back.
    pub(super) fn quotas(
        &self,
        key: &BudgetKey,
        asking: Option<CampaignId>,
        now: Stamp,
    ) -> Vec<Quota> {
        let budget = self.budgets.get(key);
        let named = budget.into_iter().flat_map(|budget| budget.state.named.in_force(now));
        if key.operation == Operation::Cancel {
            return named.collect::<BTreeSet<Quota>>().into_iter().collect();
        }
        let campaigns = self.held.values().filter_map(|held| held.campaign.as_ref());
        let open = campaigns.filter(|campaign| {
            (campaign.state == CampaignState::Open || Some(campaign.id) == asking)
                && campaign.order.target.budget(key.operation) == *key
        });
        let open = open.flat_map(|one| one.quotas.iter().copied());
        let all: BTreeSet<Quota> = open.chain(named).collect();
        all.into_iter().collect()
    }

    /// The campaign of high priority that this one yields to now, if there is one.
    pub(super) fn ahead_of(&self, campaign: &Campaign, now: Stamp) -> Option<CampaignId> {
        let budget = campaign.order.target.budget(Operation::Scan);
        let goes_before = |held: &&Held| {
            let at_work = held.engaged_until > now && held.has_due(now);
            at_work
                && held.campaign.as_ref().is_some_and(|one| {
                    let open = one.state == CampaignState::Open && !one.paused;
                    let high = one.priority == Priority::High && one.id != campaign.id;
                    open && high && one.order.target.budget(Operation::Scan) == budget
                })
        };
        let yields = campaign.priority == Priority::Normal;
        let ahead = self.held.values().filter(|_| yields).find(goes_before)?;
        ahead.campaign.as_ref().map(|campaign| campaign.id)
    }

    /// Writes a call into the journal, with its slot counted until the horizon.
    pub(super) fn enter(
        &mut self,
        (campaign, seq): (Option<CampaignId>, Option<Seq>),
        budget: BudgetKey,
        record: CallRecord,
        seen_by: Stamp,
        timing: &Timing,
    ) -> CallId {
        let call = CallId(self.id());
        let entry = self.budgets.entry(budget.clone()).or_default();
        entry.seen.insert((seen_by, call));
        entry.state.on_claim(record.claimed_at, timing);
        self.calls.insert(call, Call { campaign, budget, seq, record, seen_by });
        call
    }
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
