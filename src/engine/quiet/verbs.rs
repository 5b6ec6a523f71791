//! The verbs of the store as all engines of one process ask them: which are answered from what is
//! known, which make a campaign's answers forgotten, and which are handed on. When an answer still
//! holds is not said here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::QuietStore;
use super::known::{Asked, Standing};
use crate::domain::settle::Settlement;
use crate::domain::{
    Action, Begun, BudgetKey, BudgetState, CallId, CalledOff, Campaign, CampaignFilter, CampaignId,
    Cancellation, FailedStart, Finding, Happening, Judged, LastRun, Look, LookUp, Minute, NewRow,
    NotedHappening, Opened, Opening, Priority, Quota, Row, RowFilter, Seq, Settled, Stamp, Tally,
    Usage, WaveStand,
};
use crate::store::{ClaimAnswer, NotYet, ReadAnswer, ReadSettlement, Result, Store};

/// Verbs that are handed on as they are.
macro_rules! handed_on {
    ($($verb:ident($($name:ident: $type:ty),*) -> $answer:ty;)*) => {$(
        async fn $verb(&self, $($name: $type),*) -> Result<$answer> {
            self.store.$verb($($name),*).await
        }
    )*};
}

/// Verbs that may change the campaign that they name.
macro_rules! changing {
    ($($verb:ident($($name:ident: $type:ty),*) -> $answer:ty;)*) => {$(
        async fn $verb(&self, campaign: CampaignId $(, $name: $type)*) -> Result<$answer> {
            let _change = self.change(Some(campaign));
            self.store.$verb(campaign $(, $name)*).await
        }
    )*};
}

impl<S: Store> Store for QuietStore<S> {
    type Clock = S::Clock;

    fn clock(&self) -> &S::Clock {
        self.store.clock()
    }

    fn place(&self) -> String {
        self.store.place()
    }

    fn is_asked_again(&self, again: bool) {
        self.store.is_asked_again(again);
    }

    async fn campaign(&self, campaign: CampaignId) -> Result<Option<Campaign>> {
        if let Some(there) = self.again(campaign, |answers| &answers.campaign) {
            // A pause may have come and gone between two looks.
            let is_paused = self.looked(campaign, |_, look| look.is_paused);
            if is_paused == Some(there.paused) {
                return Ok(Some(there));
            }
        }
        let keep = |standing: &mut Standing, Asked { answer, at }: Asked<Option<Campaign>>| {
            standing.answers.campaign = answer.map(|answer| Asked { answer, at });
        };
        self.ask(campaign, self.store.campaign(campaign), keep).await
    }

    async fn tally(&self, campaign: CampaignId) -> Result<Tally> {
        if let Some(tally) = self.again(campaign, |answers| &answers.tally) {
            return Ok(tally);
        }
        let keep = |standing: &mut Standing, asked| standing.answers.tally = Some(asked);
        self.ask(campaign, self.store.tally(campaign), keep).await
    }

    async fn peek(
        &self,
        campaign: CampaignId,
        pending: usize,
    ) -> Result<std::result::Result<(), NotYet>> {
        if let Some(no) = self.not_yet(campaign, pending) {
            return Ok(Err(no));
        }
        if self.has_reopened(campaign, pending) {
            return Ok(Ok(()));
        }
        // The claim itself says that there is no device.
        if self.idle(campaign, true).or_else(|| self.idle(campaign, false)).is_some() {
            return Ok(Ok(()));
        }
        let keep = |standing: &mut Standing, Asked { answer, at }: Asked<_>| {
            let no = std::result::Result::<(), NotYet>::err(answer);
            standing.told(pending, no, at);
        };
        self.ask(campaign, self.store.peek(campaign, pending), keep).await
    }

    async fn claim(&self, campaign: CampaignId, allow_repeat: bool) -> Result<ClaimAnswer> {
        if let Some(wake) = self.idle(campaign, allow_repeat) {
            return Ok(ClaimAnswer::Idle { wake, repeats_only: false });
        }
        let (at, changes) = (self.now(), self.changes(campaign));
        // Whether it changes anything is known afterwards, or not at all.
        let mut change = self.change(Some(campaign));
        let answer = self.store.claim(campaign, allow_repeat).await?;
        match &answer {
            ClaimAnswer::Call(claim) => {
                self.known().calls.insert(claim.call, campaign);
            }
            ClaimAnswer::NotYet(no) => {
                change.campaign = None;
                let mut known = self.known();
                if let Some(standing) = known.campaigns.get_mut(&campaign)
                    && Some(standing.changes) == changes
                {
                    // It is told again, so that who asks first does not come here for nothing.
                    standing.told(0, Some(*no), at);
                }
            }
            ClaimAnswer::Idle { wake, repeats_only } => {
                let mut known = self.known();
                if let Some(standing) = known.campaigns.get_mut(&campaign)
                    && Some(standing.changes) == changes
                    && !repeats_only
                {
                    // Of a campaign that was called off, devices ended by it.
                    standing.changed();
                    standing.answers.idle = Some(Asked { answer: (allow_repeat, *wake), at });
                    change.campaign = None;
                }
            }
        }
        Ok(answer)
    }

    async fn settle(&self, call: CallId, settlement: Settlement) -> Result<Settled> {
        let campaign = self.known().calls.get(&call).copied();
        let _change = self.change(campaign);
        let settled = self.store.settle(call, settlement).await?;
        self.known().calls.remove(&call);
        Ok(settled)
    }

    async fn expire(&self, campaign: CampaignId) -> Result<u64> {
        if self.looked(campaign, |_, look| look.has_expired) == Some(false) {
            return Ok(0);
        }
        let mut change = self.change(Some(campaign));
        let expired = self.store.expire(campaign).await?;
        if expired == 0 {
            change.campaign = None;
        }
        Ok(expired)
    }

    async fn to_look_up(&self, campaign: CampaignId, limit: usize) -> Result<Vec<LookUp>> {
        if self.looked(campaign, |_, look| look.looks_up) == Some(false) {
            return Ok(Vec::new());
        }
        self.store.to_look_up(campaign, limit).await
    }

    async fn engage(&self, campaign: CampaignId) -> Result<()> {
        if self.looked(campaign, |_, look| look.is_high) == Some(false) {
            return Ok(());
        }
        self.store.engage(campaign).await
    }

    async fn finish(&self, campaign: CampaignId) -> Result<bool> {
        if self.again(campaign, |answers| &answers.open).is_some() {
            return Ok(false);
        }
        let keep = |standing: &mut Standing, Asked { answer, at }: Asked<bool>| {
            standing.answers.open = if answer { None } else { Some(Asked { answer: (), at }) };
        };
        self.ask(campaign, self.store.finish(campaign), keep).await
    }

    async fn wave_open(&self, campaign: CampaignId) -> Result<u64> {
        if let Some(open) = self.again(campaign, |answers| &answers.wave_open) {
            return Ok(open);
        }
        let keep = |standing: &mut Standing, asked| standing.answers.wave_open = Some(asked);
        self.ask(campaign, self.store.wave_open(campaign), keep).await
    }

    async fn end_wave(&self, campaign: CampaignId) -> Result<WaveStand> {
        if let Some(stand) = self.again(campaign, |answers| &answers.wave) {
            return Ok(stand);
        }
        let keep = |standing: &mut Standing, asked| standing.answers.wave = Some(asked);
        self.ask(campaign, self.store.end_wave(campaign), keep).await
    }

    async fn usage(&self, budget: &BudgetKey, latest: usize) -> Result<Usage> {
        let (now, longest) = (self.now(), self.longest());
        let before = self.known().usages.get(budget).cloned().unwrap_or_default();
        if let Some(Asked { answer: (then, answer), at }) = before.usage
            && then == latest
            && now.since(at) < longest
        {
            return Ok(answer);
        }
        let answer = self.store.usage(budget, latest).await?;
        let mut known = self.known();
        let held = known.usages.entry(budget.clone()).or_default();
        if held.changes == before.changes {
            held.usage = Some(Asked { answer: (latest, answer.clone()), at: now });
        }
        Ok(answer)
    }

    async fn lay_chosen(&self, draft: CampaignId, chosen: &[Seq], sizes: &[u64]) -> Result<()> {
        self.store.lay_chosen(draft, chosen, sizes).await
    }

    changing! {
        looked_up(findings: Vec<Finding>) -> Vec<Settled>;
        note_contact(date: Timestamp) -> ();
        reopen(refused: Vec<(Seq, u32)>) -> u64;
        set_paused(paused: bool) -> ();
        set_priority(priority: Priority) -> ();
        judge_wave(wave: u32, judged: Judged) -> bool;
        open_wave(from: u32) -> bool;
        call_off() -> CalledOff;
        hand_on() -> CalledOff;
        note_cancelled(done: Vec<Cancellation>) -> u64;
        note_actions(seen: Vec<(Seq, Action)>) -> u64;
        join(quotas: Vec<Quota>) -> ();
        prune(before: Timestamp) -> Option<u64>;
    }

    handed_on! {
        draft() -> CampaignId;
        append(draft: CampaignId, rows: Vec<NewRow>) -> ();
        open(draft: CampaignId, opening: Opening) -> Opened;
        discard(draft: CampaignId) -> ();
        select(filter: &CampaignFilter) -> Vec<Campaign>;
        rows(campaign: CampaignId, after: Seq, limit: usize) -> Vec<Row>;
        matching(campaign: CampaignId, filter: &RowFilter, after: Seq, limit: usize) -> Vec<Row>;
        asked(campaign: CampaignId, after: Seq, limit: usize) -> Vec<Row>;
        claim_read(campaign: CampaignId) -> ReadAnswer;
        claim_on(budget: &BudgetKey, quotas: Vec<Quota>) -> ReadAnswer;
        settle_read(call: CallId, settlement: ReadSettlement) -> BudgetState;
        in_flight_until(campaign: CampaignId) -> Option<Stamp>;
        begun(campaign: CampaignId) -> Option<Begun>;
        set_begun(campaign: CampaignId, begun: Begun) -> ();
        note_happening(campaign: CampaignId, happening: Happening) -> ();
        happenings(campaign: CampaignId, after: i64, limit: usize) -> Vec<NotedHappening>;
        minutes(campaign: CampaignId) -> Vec<Minute>;
        results(budget: &BudgetKey) -> BTreeMap<String, u64>;
        note_run(campaign: CampaignId, run: LastRun) -> ();
        pulse(process: &str, campaigns: &[CampaignId]) -> Vec<Look>;
        note_failed_starts(starts: Vec<FailedStart>) -> ();
        failed_starts(since: Date) -> Vec<FailedStart>;
        note_tenant(service: &str, domain: &str, tenant: &str) -> ();
        tenant_named(service: &str, domain: &str) -> Option<String>;
        calls(campaign: CampaignId) -> u64;
    }
}
