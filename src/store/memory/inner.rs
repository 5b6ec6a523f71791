//! All that a store in memory holds, and what the campaigns on a budget mean for one another. Rows
//! are `campaign`'s.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

use super::campaign::Held;
use super::journal::{Budget, Call, Whose};
use super::missing::unknown_campaign;
use crate::domain::minute::{MINUTES_KEPT, minute_of};
use crate::domain::settle::CallRecord;
use crate::domain::{
    BudgetKey, CallId, Campaign, CampaignFilter, CampaignId, CampaignState, FailedStart, LastRun,
    Look, Minute, Opening, Operation, Priority, Quota, Stamp, Target, Timing, Usage,
};
use crate::store::Result;

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) next_id: i64,
    pub(super) held: BTreeMap<CampaignId, Held>,
    pub(super) budgets: BTreeMap<BudgetKey, Budget>,
    pub(super) calls: BTreeMap<CallId, Call>,
    /// The ids of tenants, by service and domain.
    pub(super) tenants: BTreeMap<(String, String), String>,
    /// The starts that came to nothing.
    pub(super) failed_starts: Vec<FailedStart>,
    /// When each process said last that it lives.
    pub(super) processes: BTreeMap<String, Timestamp>,
    #[cfg(feature = "testing")]
    pub(super) stamping: super::Stamping,
}

impl Inner {
    pub(super) fn id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn held(&mut self, id: CampaignId) -> Result<&mut Held> {
        self.held.get_mut(&id).ok_or_else(unknown_campaign)
    }

    pub(super) fn campaign(&self, id: CampaignId) -> Result<&Campaign> {
        self.held.get(&id).and_then(|held| held.campaign.as_ref()).ok_or_else(unknown_campaign)
    }

    /// What the journal says of a budget: at most so many of its latest calls.
    pub(super) fn usage(&self, budget: &BudgetKey, latest: usize, now: Stamp) -> Usage {
        let quotas = self.quotas(budget, None, now);
        match self.budgets.get(budget) {
            None => Usage { quotas, ..Usage::default() },
            Some(budget) => Usage {
                seen_by: budget.latest().take(latest).collect(),
                state: budget.state,
                quotas,
            },
        }
    }

    /// Keeps a start that came to nothing.
    pub(super) fn note_failed_start(&mut self, start: FailedStart) {
        let all = &mut self.failed_starts;
        all.retain(|one| one.day >= start.kept_since() && !start.replaces(one));
        all.push(start);
    }

    /// Those from this day on, the earliest first.
    pub(super) fn failed_starts_since(&self, since: Date) -> Vec<FailedStart> {
        let mut all = self.failed_starts.clone();
        all.retain(|one| one.day >= since);
        all.sort_by_key(|one| (one.day, one.at));
        all
    }

    /// The campaign that has the name of this one in the same tenant.
    pub(super) fn same_name(&self, opening: &Opening) -> Option<&Campaign> {
        let budget = |target: &Target| target.budget(Operation::Scan);
        self.held.values().filter_map(|held| held.campaign.as_ref()).find(|one| {
            one.name == opening.name && budget(&one.order.target) == budget(&opening.order.target)
        })
    }

    /// A campaign with its runs as their processes last said that they live.
    pub(super) fn with_processes(&self, mut campaign: Campaign) -> Campaign {
        if let Some(run) = &mut campaign.last_run {
            run.seen_with(&self.processes);
        }
        campaign
    }

    /// A confirmed campaign.
    pub(super) fn confirmed(&self, id: CampaignId) -> Option<Campaign> {
        self.campaign(id).ok().map(|campaign| self.with_processes(campaign.clone()))
    }

    /// The confirmed campaigns that are meant, the latest first.
    pub(super) fn select(&self, filter: &CampaignFilter) -> Vec<Campaign> {
        let all = self.held.values().rev().filter_map(|held| held.campaign.as_ref());
        let meant = all.filter(|campaign| filter.fits(campaign));
        let meant = meant.take(filter.latest.unwrap_or(usize::MAX)).cloned();
        meant.map(|campaign| self.with_processes(campaign)).collect()
    }

    /// Keeps how a run goes, after what is kept and the processes that live.
    pub(super) fn note_run(&mut self, id: CampaignId, run: LastRun, timing: &Timing) -> Result<()> {
        let before = self.with_processes(self.campaign(id)?.clone()).last_run;
        let campaign = self.held(id)?.confirmed()?;
        campaign.last_run = Some(run.noted_after(before, timing));
        Ok(())
    }

    /// Keeps that a process lives, and looks at these campaigns.
    pub(super) fn pulse(
        &mut self,
        process: &str,
        seen_at: Timestamp,
        campaigns: &[CampaignId],
        now: Stamp,
    ) -> Vec<Look> {
        self.processes.insert(process.to_owned(), seen_at);
        campaigns.iter().filter_map(|campaign| self.look(*campaign, now)).collect()
    }

    /// How a campaign stands now.
    pub(super) fn look(&self, id: CampaignId, now: Stamp) -> Option<Look> {
        let held = self.held.get(&id)?;
        let there = held.campaign.as_ref()?;
        let budget = self.budgets.get(&there.order.target.budget(Operation::Scan));
        let pauses = budget.map(|budget| budget.state.not_before).unwrap_or_default();
        let ahead = self.ahead_of(there, now);
        let Campaign { state, paused, called_off, priority, wave, wave_over, .. } = there;
        let people = (state, paused, called_off, priority, ahead, pauses);
        let wave = (wave, wave_over, there.wave_failed.is_some());
        let stands = format!("{people:?} {wave:?} {:?} {}", held.tally, held.calls);
        let (has_expired, looks_up, is_due) = held.moments(now);
        let is_high = *priority == Priority::High;
        Some(Look {
            campaign: id,
            stands,
            is_paused: *paused,
            is_behind: ahead.is_some(),
            is_high,
            has_expired,
            looks_up,
            is_due,
        })
    }

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
        if campaign.priority == Priority::High {
            return None;
        }
        let ahead = self.held.values().find(goes_before)?;
        ahead.campaign.as_ref().map(|campaign| campaign.id)
    }

    /// Writes a call into the journal, with its slot counted until the horizon.
    pub(super) fn enter(
        &mut self,
        whose: Whose,
        budget: BudgetKey,
        record: CallRecord,
        claimed_utc: Timestamp,
        timing: &Timing,
    ) -> CallId {
        let seen_by = record.claimed_at.plus(timing.horizon());
        #[cfg(feature = "testing")]
        let seen_by = self.stamping.claimed(record.claimed_at, seen_by);
        let call = CallId(self.id());
        let entry = self.budgets.entry(budget.clone()).or_default();
        entry.enter(seen_by, call);
        entry.state.on_claim(record.claimed_at, timing);
        let Whose { campaign, seq } = whose;
        let entered = Call { campaign, budget, seq, record, seen_by, claimed_utc, verdict: None };
        self.calls.insert(call, entered);
        call
    }

    /// How many calls of a budget had which result. One that is not settled is waited for.
    pub(super) fn results(&self, budget: &BudgetKey) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        let ours = self.calls.values().filter(|call| call.budget == *budget);
        for verdict in ours.filter_map(|call| call.verdict) {
            *all.entry(verdict.to_owned()).or_default() += 1;
        }
        all
    }

    /// The minutes in which scan calls of a campaign were claimed.
    pub(super) fn minutes(&self, campaign: CampaignId) -> Vec<Minute> {
        let mut all: BTreeMap<Timestamp, Minute> = BTreeMap::new();
        for call in self.calls.values() {
            let is_its_own = call.campaign == Some(campaign) && call.seq.is_some();
            if !is_its_own || call.verdict == Some("never_left") {
                continue;
            }
            let at = minute_of(call.claimed_utc);
            let first = Minute { at, calls: 0, accepted: 0, throttled: 0 };
            let minute = all.entry(at).or_insert(first);
            minute.calls += 1;
            minute.accepted += u64::from(call.verdict == Some("accepted"));
            minute.throttled += u64::from(call.verdict == Some("throttled"));
        }
        let too_many = all.len().saturating_sub(MINUTES_KEPT);
        all.into_values().skip(too_many).collect()
    }
}
