//! What the loop knows between two turns, and how answers change it. Nothing here waits.

use std::time::Duration;

use jiff::Timestamp;

use super::Engine;
use super::look_up::LookUpEnd;
use super::order::Settlement;
use super::refusals::Refusals;
use super::throttle::{Heard, Throttles};
use crate::defender::{ScanApi, SignInError};
use crate::domain::event::{HoldReason, Note};
use crate::domain::forecast::LATENCY;
use crate::domain::lifecycle;
use crate::domain::{
    CampaignId, CampaignName, LookUp, Operation, Refusal, Stamp, Stop, Timing, Verdict,
};
use crate::store::Store;

/// The shortest rest before the store is asked again after it had nothing to do.
pub(super) const BREATH: Duration = Duration::from_millis(10);

/// Calls in a row that may be late before the campaign waits as it does for a network.
const LATE_MOST: u32 = 20;

/// Busy devices whose action is unknown are looked up together once there are this many.
const UNSEEN_BATCH: usize = 50;

/// What the loop knows.
#[derive(Debug)]
pub(super) struct State {
    /// Orders that are not over.
    pub(super) in_flight: usize,
    /// No order before this moment.
    pub(super) next_order: Stamp,
    /// What holds the next order.
    pub(super) hold: Option<HoldReason>,
    /// The campaign of high priority that this one waits for, or waited for last.
    pub(super) ahead: Option<(CampaignId, CampaignName)>,
    /// The store had no device to ask.
    pub(super) idle: Option<Idle>,
    pub(super) next_tick: Stamp,
    pub(super) next_progress: Stamp,
    pub(super) next_look_up: Stamp,
    pub(super) stop: Option<Stop>,
    /// When the window closes that was open in this run.
    pub(super) entered: Option<Timestamp>,
    pub(super) throttled: u64,
    pub(super) list_forbidden: bool,
    /// How long answers take, smoothed, for the forecast.
    pub(super) latency: Duration,
    /// What this run was refused, and what was told of it.
    pub(super) refusals: Refusals,
    unreachable: Option<Unreachable>,
    /// Calls in a row that this machine was too late to send.
    late: u32,
    /// A whole answer of the API came in this run.
    reached: bool,
    /// When the token was refused; a refusal of a call claimed later stops the campaign.
    token_refused: Option<Stamp>,
    unseen_since: Option<Stamp>,
    list_failing_since: Option<Stamp>,
    told_scans: Throttles,
    told_reads: Throttles,
    pub(super) told_changed: bool,
    told_list: bool,
}

/// The store had no device to ask, and one order at a time asks again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Idle {
    /// When it said so.
    pub(super) since: Stamp,
    /// When it is asked again.
    pub(super) until: Stamp,
}

#[derive(Clone, Copy, Debug)]
struct Unreachable {
    since: Stamp,
    wait: Duration,
}

impl State {
    pub(super) fn new(now: Stamp, refusals: Refusals) -> Self {
        Self {
            in_flight: 0,
            next_order: now,
            hold: None,
            ahead: None,
            idle: None,
            next_tick: now,
            next_progress: now,
            next_look_up: now,
            stop: None,
            entered: None,
            throttled: 0,
            list_forbidden: false,
            latency: LATENCY,
            refusals,
            unreachable: None,
            late: 0,
            reached: false,
            token_refused: None,
            unseen_since: None,
            list_failing_since: None,
            told_scans: Throttles::default(),
            told_reads: Throttles::default(),
            told_changed: false,
            told_list: false,
        }
    }

    /// Whether the API can be reached, as far as is known.
    pub(super) fn can_reach(&self) -> bool {
        self.unreachable.is_none()
    }

    /// Orders that may be under way together. While the API is out of reach one order probes.
    pub(super) fn most_in_flight(&self, concurrency: usize) -> usize {
        if self.unreachable.is_some() { 1 } else { concurrency }
    }

    /// Whether another order may be started now.
    pub(super) fn may_order(&self, now: Stamp, concurrency: usize) -> bool {
        let most = self.most_in_flight(concurrency);
        let idle = self.idle.is_some_and(|idle| idle.until > now);
        self.stop.is_none() && !idle && self.in_flight < most && self.next_order <= now
    }

    /// Which of these to look up now: doubtful devices at once, ten at a time in one page; busy
    /// ones whose action is unknown together, so that one page serves many.
    pub(super) fn worth_asking(
        &mut self,
        due: Vec<LookUp>,
        now: Stamp,
        timing: &Timing,
    ) -> Option<Vec<LookUp>> {
        let (unseen, doubtful): (Vec<_>, Vec<_>) = due.into_iter().partition(|one| one.unseen);
        if !doubtful.is_empty() {
            return Some(doubtful);
        }
        if unseen.is_empty() {
            self.unseen_since = None;
            return None;
        }
        let since = *self.unseen_since.get_or_insert(now);
        let waited = now.since(since) >= timing.look_up_after[2];
        let ask = waited || unseen.len() >= UNSEEN_BATCH || self.idle.is_some();
        ask.then_some(unseen)
    }

    /// There may be a device to ask again.
    pub(super) fn ask_again(&mut self, now: Stamp) {
        if let Some(idle) = &mut self.idle {
            idle.until = now;
        }
    }

    /// A call for one device is over: it was claimed after the store had been idle, or it is to be
    /// asked again.
    fn stir(&mut self, settlement: &Settlement, now: Stamp) {
        if self.idle.is_some_and(|idle| settlement.claim.claimed_at > idle.since) {
            self.idle = None;
        } else if matches!(settlement.settled.after.state, lifecycle::State::Queued(_)) {
            self.ask_again(now);
        }
    }

    /// A call that was claimed then got an answer. Whether that ends a time out of reach; the
    /// answer to a call that left before it does not.
    fn reached(&mut self, claimed_at: Stamp) -> bool {
        self.reached = true;
        self.unreachable.take_if(|waiting| waiting.since <= claimed_at).is_some()
    }
}

impl<S: Store, A: ScanApi> Engine<S, A> {
    pub(super) fn settled(&mut self, settlement: &Settlement, now: Stamp) {
        let state = &mut self.state;
        state.stir(settlement, now);
        state.late = if settlement.late { state.late + 1 } else { 0 };
        if let Verdict::NeverLeft { why } = &settlement.verdict {
            if settlement.late && state.late < LATE_MOST {
                // A machine that slept or is busy says nothing about the network.
                return;
            }
            let why = why.clone();
            return self.out_of_reach(why, now);
        }
        let reached = state.reached(settlement.claim.claimed_at);
        if state.unreachable.is_none() {
            state.hold = None;
            state.next_order = now;
        }
        if reached {
            self.note(Note::Reached);
        }
        let state = &mut self.state;
        state.latency = (state.latency * 15 + settlement.took) / 16;
        self.pause(settlement, now);
        self.token(settlement, now);
        self.judge(settlement, now);
    }

    /// Mirrors the budget's pause in the gate, and tells people about it once.
    fn pause(&mut self, settlement: &Settlement, now: Stamp) {
        let until = settlement.settled.budget.not_before;
        if let Some(gate) = &mut self.gate {
            gate.hold(until);
        }
        let (claimed_at, budget) = (settlement.claim.claimed_at, settlement.settled.budget);
        let heard = Heard::of(Operation::Scan, claimed_at, &settlement.verdict, budget);
        if let Some(heard) = heard {
            self.state.throttled += 1;
            let (quotas, timing) = (&self.settings.quotas, &self.settings.timing);
            let news = self.state.told_scans.news(&heard, quotas, timing, now);
            news.into_iter().for_each(|note| self.note(note));
        }
    }

    /// Tells people of the 429s that the list of actions answered with; whether there were any.
    pub(super) fn told_reads(&mut self, now: Stamp) -> bool {
        let unread = std::mem::take(&mut *self.shared.unread());
        for heard in &unread {
            let (quotas, timing) = (&self.settings.quotas, &self.settings.timing);
            let news = self.state.told_reads.news(heard, quotas, timing, now);
            news.into_iter().for_each(|note| self.note(note));
        }
        !unread.is_empty()
    }

    fn token(&mut self, settlement: &Settlement, now: Stamp) {
        match (&settlement.verdict, self.state.token_refused) {
            (Verdict::Unauthorized(refusal), Some(since))
                if settlement.claim.claimed_at > since =>
            {
                let said = refusal.message.as_deref().unwrap_or("no reason given");
                self.halt(Stop::SignIn(format!(
                    "the API refuses the token (401: {said}), also after a fresh sign-in"
                )));
            }
            (Verdict::Unauthorized(_), None) => self.state.token_refused = Some(now),
            (Verdict::Unauthorized(_), Some(_)) | (Verdict::Doubtful { .. }, _) => {}
            _ => self.state.token_refused = None,
        }
    }

    pub(super) fn sign_in_failed(&mut self, error: SignInError, now: Stamp) {
        match error {
            SignInError::Refused(why) => self.halt(Stop::SignIn(why)),
            SignInError::Unavailable(why) => self.out_of_reach(why, now),
        }
    }

    /// Nothing left: the campaign waits, and stops in the end.
    fn out_of_reach(&mut self, why: String, now: Stamp) {
        let timing = self.settings.timing;
        let first = self.state.unreachable.is_none();
        let before = self.state.unreachable;
        let waiting = match before {
            None => Unreachable { since: now, wait: timing.reconnect_floor },
            // Several calls of one volley fail together; the wait grows once for each probe.
            Some(waiting) if self.state.in_flight > 0 => waiting,
            Some(waiting) => {
                let wait = (waiting.wait * 2).min(timing.reconnect_ceiling);
                Unreachable { wait, ..waiting }
            }
        };
        self.state.unreachable = Some(waiting);
        self.state.hold = Some(HoldReason::Network);
        self.state.next_order = now.plus(waiting.wait);
        let waited = now.since(waiting.since);
        if !self.state.reached && waited >= timing.first_contact {
            self.halt(Stop::NeverReached(why));
        } else if waited >= timing.max_wait {
            self.halt(Stop::Unreachable(why));
        } else if first {
            self.note(Note::Waiting(why));
        }
    }

    /// The list may not be read, which is told once.
    pub(super) fn list_forbidden(&mut self, said: Option<Refusal>) {
        let Some(said) = said else { return };
        if !std::mem::replace(&mut self.state.list_forbidden, true) {
            self.note(Note::ListForbidden(said));
        }
    }

    pub(super) fn look_up_ended(&mut self, end: LookUpEnd) {
        let now = self.now();
        let throttled = self.told_reads(now);
        self.state.unseen_since = None;
        match end {
            LookUpEnd::Done { forbidden } => {
                self.state.ask_again(now);
                self.state.next_order = self.state.next_order.min(now);
                self.state.list_failing_since = None;
                self.state.next_tick = now;
                self.list_forbidden(forbidden);
            }
            LookUpEnd::Failed(why) => {
                let timing = self.settings.timing;
                let since = *self.state.list_failing_since.get_or_insert(now);
                self.state.next_look_up = now.plus(timing.look_up_after[0]);
                if now.since(since) >= timing.max_wait && self.state.idle.is_some() {
                    self.halt(Stop::ListUnreadable(why));
                } else if !throttled && !std::mem::replace(&mut self.state.told_list, true) {
                    self.note(Note::ListFailed(why));
                }
            }
        }
    }
}
