//! The rows of one campaign in memory, with the indexes that claims, look-ups and waking need. The
//! journal and the budgets are the parent's.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::missing::unknown_campaign;
use crate::domain::campaign::BusyPolicy;
use crate::domain::happening::HAPPENINGS_KEPT;
use crate::domain::lifecycle::{self, LifeEvent};
use crate::domain::settle::{self, CallRecord, Judging, Rows, Settlement};
use crate::domain::{
    Action, Begun, BudgetState, CalledOff, Campaign, CampaignId, CampaignState, Cancellation,
    Finding, Happened, Life, LookUp, NewRow, NotedHappening, Opening, Quota, Rank, Row, ScanType,
    Seq, Settled, Stamp, State, Tally, Timing, Verdict,
};
use crate::store::{Result, StoreError};

/// The place of a waiting device: wave, rank, whether it is a repeat, turn, input order.
type Place = (u32, Rank, bool, i64, Seq);

/// A draft or a campaign.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) campaign: Option<Campaign>,
    pub(super) rows: Vec<Row>,
    pub(super) calls: u64,
    pub(super) begun: Option<Begun>,
    pub(super) happenings: Vec<NotedHappening>,
    pub(super) tally: Tally,
    /// Until when a runner is at work on it, if its priority is high.
    pub(super) engaged_until: Stamp,
    /// Waiting devices that may be asked at once, in their order.
    ready: BTreeSet<Place>,
    /// Waiting devices that may not be asked before a moment.
    later: BTreeSet<(Stamp, Seq)>,
    /// Claims by the end of their horizon.
    claimed: BTreeSet<(Stamp, Seq)>,
    /// Doubtful devices by their next look-up.
    doubtful: BTreeSet<(Stamp, Seq)>,
    /// Busy devices whose action is unknown.
    unseen: BTreeSet<Seq>,
}

impl Held {
    pub(super) fn append(&mut self, row: NewRow) {
        let seq = self.rows.len() as Seq + 1;
        self.tally.add(row.life.state, 1);
        let detail = row.detail();
        self.rows.push(Row {
            seq,
            line: row.line,
            device: row.device,
            name: row.name,
            input_text: row.input_text,
            life: row.life,
            detail,
            turn: row.turn,
            wave: row.wave,
        });
    }

    /// Sets the quotas of the runners; nothing if this is a draft.
    pub(super) fn join(&mut self, quotas: &[Quota]) -> Option<()> {
        let all: BTreeSet<Quota> = quotas.iter().copied().collect();
        self.campaign.as_mut()?.quotas = all.into_iter().collect();
        Some(())
    }

    pub(super) fn open(
        &mut self,
        id: CampaignId,
        opening: Opening,
        opened_at: Timestamp,
    ) -> Result<()> {
        self.begun = Some(opening.begun.clone());
        self.campaign = Some(Campaign::opened(id, opening, opened_at));
        let timing = Timing::default();
        for seq in 1..=self.rows.len() as Seq {
            if self.row(seq)?.life.state == State::Draft {
                self.change(seq, LifeEvent::Opened, &timing)?;
            }
        }
        Ok(())
    }

    /// Notes what happened, that it is finished once, and not of one that was called off; of too
    /// much, the oldest but the first makes room.
    pub(super) fn note(&mut self, happening: NotedHappening) {
        let finished = |one: &NotedHappening| one.happening.what == Happened::Finished;
        let called_off = self.campaign.as_ref().is_some_and(|campaign| campaign.called_off);
        if finished(&happening) && (called_off || self.happenings.iter().any(finished)) {
            return;
        }
        self.happenings.push(happening);
        if self.happenings.len() > HAPPENINGS_KEPT {
            self.happenings.remove(1);
        }
    }

    pub(super) fn row(&self, seq: Seq) -> Result<&Row> {
        usize::try_from(seq - 1)
            .ok()
            .and_then(|at| self.rows.get(at))
            .ok_or_else(|| StoreError::Broken(format!("row {seq} vanished")))
    }

    /// The next device of the present wave to ask, in the order of claims.
    pub(super) fn next_device(&mut self, now: Stamp, allow_repeat: bool) -> Result<Option<Seq>> {
        if self.campaign.as_ref().is_some_and(|campaign| campaign.called_off) {
            return self.end_waiting(LifeEvent::CalledOff).map(|_| None);
        }
        while let Some((at, seq)) = self.later.first().copied().filter(|(at, _)| *at <= now) {
            self.later.remove(&(at, seq));
            self.ready.insert(self.place(seq, self.rows[seq as usize - 1].life));
        }
        let mut ready = self.ready_now();
        Ok(ready.find(|(_, _, repeat, ..)| allow_repeat || !repeat).map(|(.., seq)| *seq))
    }

    /// The devices of the present wave that may be asked, as far as is noticed.
    fn ready_now(&self) -> impl Iterator<Item = &Place> {
        let wave = self.wave();
        let from = (wave, Rank::First, false, i64::MIN, 0);
        self.ready.range(from..).take_while(move |place| place.0 == wave)
    }

    /// Whether a device of the present wave may be asked at this moment.
    pub(super) fn has_due(&self, now: Stamp) -> bool {
        let mut due = self.later.iter().take_while(|(at, _)| *at <= now);
        let is_now = |(_, seq): &(Stamp, Seq)| self.rows[*seq as usize - 1].wave == self.wave();
        self.ready_now().next().is_some() || due.any(is_now)
    }

    fn place(&self, seq: Seq, life: Life) -> Place {
        let row = &self.rows[seq as usize - 1];
        (row.wave, life.rank, life.is_repeat(), row.turn, seq)
    }

    /// When something can happen next, and whether only repeats could be asked now.
    pub(super) fn wake(&self, now: Stamp) -> (Option<Stamp>, bool) {
        let first = |set: &BTreeSet<(Stamp, Seq)>| set.first().map(|(at, _)| *at);
        let moments = [first(&self.later), first(&self.claimed), first(&self.doubtful)];
        let unseen = if self.unseen.is_empty() { None } else { Some(now) };
        let wake = moments.into_iter().flatten().chain(unseen).min();
        (wake, self.ready_now().next().is_some())
    }

    /// What its moment has come for: claims beyond their horizon, look-ups, devices that waited.
    pub(super) fn moments(&self, now: Stamp) -> (bool, bool, bool) {
        let is_due = |set: &BTreeSet<(Stamp, Seq)>| set.first().is_some_and(|(at, _)| *at <= now);
        let looks_up = is_due(&self.doubtful) || !self.unseen.is_empty();
        (is_due(&self.claimed), looks_up, is_due(&self.later))
    }

    /// Moves one device on.
    pub(super) fn change(&mut self, seq: Seq, event: LifeEvent, timing: &Timing) -> Result<Life> {
        let life = self.row(seq)?.life;
        let after = lifecycle::next(life, event, self.busy(), timing)
            .map_err(|illegal| StoreError::Broken(illegal.to_string()))?;
        self.replace(seq, after)?;
        Ok(after)
    }

    pub(super) fn settle(
        &mut self,
        seq: Seq,
        call: CallRecord,
        settlement: &Settlement,
        budget: &mut BudgetState,
        now: Stamp,
        timing: &Timing,
    ) -> Result<(Settled, Option<Stamp>)> {
        let judging = Judging { scan_type: self.scan_type(), busy: self.busy() };
        let row = self.row(seq)?;
        let (before, mut life, mut detail) = (row.life, row.life, row.detail.clone());
        let known = self.confirmed()?.notes.first_contact;
        let since = match (known, settlement.server_date) {
            (None, Some(_)) => self.first_claim(now, timing).min(call.claimed_at),
            _ => call.claimed_at,
        };
        let notes = &mut self.confirmed()?.notes;
        settle::note_server(notes, settlement, now.since(since), timing);
        let rows = Rows { life: &mut life, detail: &mut detail, budget: &mut *budget };
        let seen_by = settle::settle(call, settlement, judging, now, timing, rows);
        self.replace(seq, life)?;
        self.rows[seq as usize - 1].detail = detail;
        if let Verdict::NeverLeft { .. } = settlement.verdict {
            // It was no call.
            self.calls = self.calls.saturating_sub(1);
        }
        Ok((Settled { before, after: life, budget: *budget }, seen_by))
    }

    pub(super) fn expire(&mut self, now: Stamp, timing: &Timing) -> Result<u64> {
        let due = |at: &Stamp| *at <= now;
        let expired: Vec<Seq> =
            self.claimed.iter().take_while(|(at, _)| due(at)).map(|(_, seq)| *seq).collect();
        for seq in &expired {
            self.change(*seq, LifeEvent::Expired { now }, timing)?;
        }
        Ok(expired.len() as u64)
    }

    /// When the horizon of the last outstanding call ends.
    pub(super) fn last_claim_ends(&self) -> Option<Stamp> {
        self.claimed.last().map(|(at, _)| *at)
    }

    /// When its oldest call was claimed whose answer is not known; now if there is none.
    fn first_claim(&self, now: Stamp, timing: &Timing) -> Stamp {
        let claimed = self.claimed.first().map(|(at, _)| *at);
        let rows = self.doubtful.iter().map(|(_, seq)| self.rows[*seq as usize - 1].life);
        let doubtful = rows.map(|life| life.arrives_by).filter(|at| *at > Stamp::ZERO);
        let ends = claimed.into_iter().chain(doubtful).min();
        ends.map_or(now, |ends| ends.minus(timing.horizon()))
    }

    pub(super) fn note_contact(
        &mut self,
        date: Timestamp,
        now: Stamp,
        timing: &Timing,
    ) -> Result<()> {
        let since = self.first_claim(now, timing);
        settle::note_contact(&mut self.confirmed()?.notes, date, now.since(since), timing);
        Ok(())
    }

    pub(super) fn to_look_up(&self, now: Stamp, limit: usize) -> Result<Vec<LookUp>> {
        let doubtful = self.doubtful.iter().take_while(|(at, _)| *at <= now).map(|(_, seq)| *seq);
        let seqs = doubtful.chain(self.unseen.iter().copied()).take(limit);
        seqs.map(|seq| {
            let row = self.row(seq)?;
            let device = row.device.ok_or_else(|| StoreError::Broken("no device".to_owned()))?;
            let life = row.life;
            let (attempt, unseen, by_id) = (life.attempt, life.unseen, life.asks_by_id());
            let (looks, arrives_by) = (life.looks(), life.arrives_by);
            Ok(LookUp { seq, device, attempt, unseen, by_id, looks, arrives_by })
        })
        .collect()
    }

    pub(super) fn found(
        &mut self,
        finding: &Finding,
        now: Stamp,
        utc: Timestamp,
        timing: &Timing,
    ) -> Result<Settled> {
        let LookUp { seq, attempt, unseen, looks, .. } = finding.look_up;
        let before = self.row(seq)?.life;
        let event = settle::look_up_event(unseen, attempt, finding.found, now);
        let after = lifecycle::next(before, event, self.busy(), timing);
        let Some(after) = after.ok().filter(|_| settle::is_current(before, looks, finding.found))
        else {
            return Ok(Settled { before, after: before, budget: BudgetState::default() });
        };
        self.replace(seq, after)?;
        // Of a device that was not ordered there is nothing to tell.
        if after.has_ended() || !before.may_be_forgotten() {
            let detail = &mut self.rows[seq as usize - 1].detail;
            settle::note_look_up(detail, before, finding.found, finding.action.as_ref(), utc);
        }
        Ok(Settled { before, after, budget: BudgetState::default() })
    }

    /// Counts a call that was claimed now.
    pub(super) fn called(&mut self, utc: Timestamp) {
        self.calls += 1;
        if let Some(campaign) = &mut self.campaign {
            campaign.last_call_at = Some(utc);
        }
    }

    pub(super) fn reopen(&mut self, refused: &[(Seq, u32)]) -> Result<u64> {
        let mut reopened = 0;
        for (seq, attempt) in refused {
            let event = LifeEvent::Reopened { attempt: *attempt };
            let life = self.row(*seq)?.life;
            if let Ok(after) = lifecycle::next(life, event, self.busy(), &Timing::default()) {
                // What went on to the next wave since must not wait for one that is over.
                let wave = self.wave();
                let row = &mut self.rows[*seq as usize - 1];
                row.wave = row.wave.max(wave);
                self.replace(*seq, after)?;
                reopened += 1;
            }
        }
        if reopened > 0
            && let Some(campaign) = &mut self.campaign
        {
            campaign.wave_over = None;
        }
        Ok(reopened)
    }

    pub(super) fn note_actions(&mut self, seen: &[(Seq, Action)], utc: Timestamp) -> Result<u64> {
        let mut noted = 0;
        for (seq, action) in seen {
            let life = self.row(*seq)?.life;
            let detail = &mut self.rows[*seq as usize - 1].detail;
            if settle::note_progress(detail, action, utc) {
                let event = settle::told_event(detail);
                let after = lifecycle::next(life, event, self.busy(), &Timing::default());
                self.replace(*seq, after.unwrap_or(life))?;
                noted += 1;
            }
        }
        Ok(noted)
    }

    /// The campaign, once it is confirmed.
    pub(super) fn confirmed(&mut self) -> Result<&mut Campaign> {
        self.campaign.as_mut().ok_or_else(unknown_campaign)
    }

    /// Calls it off, where devices that wait end by this event.
    pub(super) fn end_with(&mut self, event: LifeEvent, utc: Timestamp) -> Result<CalledOff> {
        let campaign = self.confirmed()?;
        campaign.called_off = true;
        let ended = self.end_waiting(event)?;
        let finished = self.finish(utc)?;
        Ok(CalledOff { ended, open: self.tally.open(), finished })
    }

    /// Ends every device that waits; how many.
    fn end_waiting(&mut self, event: LifeEvent) -> Result<u64> {
        let ready = self.ready.iter().map(|(.., seq)| *seq);
        let waiting: Vec<Seq> = ready.chain(self.later.iter().map(|(_, seq)| *seq)).collect();
        for seq in &waiting {
            let after = self.change(*seq, event, &Timing::default())?;
            settle::note_called_off(&mut self.rows[*seq as usize - 1].detail, &after);
        }
        Ok(waiting.len() as u64)
    }

    pub(super) fn note_cancelled(&mut self, done: &[Cancellation], utc: Timestamp) -> Result<u64> {
        let mut noted = 0;
        for Cancellation { seq, action, cause } in done {
            let life = self.row(*seq)?.life;
            let event = LifeEvent::Cancelled { taken_back: cause.takes_back() };
            let after = lifecycle::next(life, event, self.busy(), &Timing::default());
            let detail = &mut self.rows[*seq as usize - 1].detail;
            if let Ok(after) = after
                && settle::note_cancelled(detail, action, *cause, utc)
            {
                self.replace(*seq, after)?;
                noted += 1;
            }
        }
        Ok(noted)
    }

    pub(super) fn finish(&mut self, utc: Timestamp) -> Result<bool> {
        let open = self.tally.open() > 0 || !self.unseen.is_empty();
        let campaign = self.confirmed()?;
        if !open && campaign.state == CampaignState::Open {
            campaign.state = CampaignState::Finished;
            campaign.finished_at = Some(utc);
        }
        Ok(!open)
    }

    /// The rows, unless they are gone.
    pub(super) fn kept_rows(&self) -> Result<&[Row]> {
        match &self.campaign {
            Some(Campaign { name, pruned_at: Some(at), .. }) => {
                Err(StoreError::Gone { name: name.clone(), at: *at })
            }
            _ => Ok(&self.rows),
        }
    }

    pub(super) fn prune(&mut self, before: Timestamp, utc: Timestamp) -> Result<Option<u64>> {
        let campaign = self.campaign.as_mut().ok_or_else(unknown_campaign)?;
        if !campaign.may_be_pruned(before, utc) || self.tally.open() > 0 || !self.unseen.is_empty()
        {
            return Ok(None);
        }
        campaign.pruned_at = Some(utc);
        self.happenings.clear();
        Ok(Some(std::mem::take(&mut self.rows).len() as u64))
    }

    fn busy(&self) -> BusyPolicy {
        self.campaign.as_ref().map_or(BusyPolicy::Report, |campaign| campaign.busy)
    }

    fn scan_type(&self) -> ScanType {
        self.campaign.as_ref().map_or(ScanType::Full, |campaign| campaign.order.scan_type)
    }

    fn replace(&mut self, seq: Seq, after: Life) -> Result<()> {
        let before = self.row(seq)?.life;
        self.unindex(seq, before);
        self.index(seq, after);
        self.tally.shift(before.state, after.state);
        self.rows[seq as usize - 1].life = after;
        Ok(())
    }

    fn index(&mut self, seq: Seq, life: Life) {
        match life.state {
            State::Queued(Stamp::ZERO) => {
                self.ready.insert(self.place(seq, life));
            }
            State::Queued(at) => {
                self.later.insert((at, seq));
            }
            State::Claimed(until) => {
                self.claimed.insert((until, seq));
            }
            State::Doubtful { look_at, .. } => {
                self.doubtful.insert((look_at, seq));
            }
            State::Done(_) if life.unseen => {
                self.unseen.insert(seq);
            }
            State::Draft | State::Done(_) => {}
        }
    }

    fn unindex(&mut self, seq: Seq, life: Life) {
        self.ready.remove(&self.place(seq, life));
        self.unseen.remove(&seq);
        match life.state {
            State::Queued(at) => self.later.remove(&(at, seq)),
            State::Claimed(until) => self.claimed.remove(&(until, seq)),
            State::Doubtful { look_at, .. } => self.doubtful.remove(&(look_at, seq)),
            State::Draft | State::Done(_) => false,
        };
    }
}
