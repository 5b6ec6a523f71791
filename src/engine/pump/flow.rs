//! The flow of calls: how many are in flight, when the next one may leave, what holds it, what
//! stops all of them, and what watchers are told. What answers do to it stands in `answers`.
//! Nothing here waits or sends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use super::call::{Caller, Unclaimed};
use super::counts::Counts;
use super::network::Network;
use super::throttle::Throttles;
use crate::domain::event::{Event, HoldReason, Note};
use crate::domain::forecast::{CallRate, LATENCY};
use crate::domain::refusals::Kind;
use crate::domain::{Operation, Stamp, Stop};
use crate::gate::Gate;
use crate::store::{Hold, NotYet};

/// How calls flow, and what there is to tell of it: `P` is what a snapshot holds.
pub(crate) struct Flow<P> {
    /// The moment of this turn of the loop.
    pub(crate) now: Stamp,
    /// Calls that are not over.
    pub(crate) in_flight: usize,
    /// When the latest call began or was over.
    pub(super) moved_at: Stamp,
    /// No call before this moment.
    pub(crate) next_call: Stamp,
    /// When the work looks around next.
    pub(crate) next_tick: Stamp,
    /// What holds the next call.
    pub(crate) hold: Option<HoldReason>,
    /// Until when it is held, if that is known; `next_call` can be earlier, to look again.
    pub(crate) held_until: Option<Stamp>,
    /// Why nothing more is called for; the first reason counts.
    pub(crate) stop: Option<Stop>,
    /// Answers with 429.
    pub(crate) throttled: u64,
    /// How long answers take, smoothed, for the forecast.
    pub(crate) latency: Duration,
    /// How fast this runner calls.
    pub(crate) rate: CallRate,
    /// What the tasks count.
    pub(crate) counts: Arc<Counts>,
    pub(super) operation: Operation,
    /// How many calls may ask for a slot at once.
    claims: usize,
    /// Only tests take it out, to show that the limit holds without it.
    pub(crate) gate: Option<Gate>,
    pub(super) network: Network,
    /// When the token was refused; a refusal of a call claimed later stops the run.
    pub(super) token_refused: Option<Stamp>,
    pub(super) useless: Option<Useless>,
    pub(super) throttles: Throttles,
    /// It was told that the store may have forgotten calls.
    told_forgotten: bool,
    /// When each kind of refusal was told last.
    pub(super) refusals_told: BTreeMap<Kind, Stamp>,
    events: mpsc::Sender<Event<P>>,
}

/// A row of answers that are of no use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Useless {
    pub(super) since: Stamp,
    pub(super) answers: u32,
    pub(super) told: Option<Stamp>,
}

impl<P> Flow<P> {
    /// A flow in which nothing has been called yet, behind a gate.
    pub(super) fn new<C: Caller>(
        rate: CallRate,
        counts: Arc<Counts>,
        events: mpsc::Sender<Event<P>>,
        now: Stamp,
    ) -> Self {
        Self {
            now,
            in_flight: 0,
            moved_at: now,
            next_call: now,
            next_tick: now,
            hold: None,
            held_until: None,
            stop: None,
            throttled: 0,
            latency: LATENCY,
            gate: Some(Gate::new(&rate.quotas, rate.pace, now)),
            rate,
            counts,
            operation: C::OPERATION,
            claims: C::CLAIMS,
            network: Network::default(),
            token_refused: None,
            useless: None,
            throttles: Throttles::default(),
            told_forgotten: false,
            refusals_told: BTreeMap::new(),
            events,
        }
    }

    /// The API is known to be there, since it has answered this process before.
    pub(crate) fn has_been_reached(&mut self) {
        self.network.reached = true;
    }

    /// Calls for nothing more; the first reason counts.
    pub(crate) fn halt(&mut self, stop: Stop) {
        if self.stop.is_none() {
            // Who caught a signal has told it at once.
            if stop != Stop::Signal {
                // What has no slot yet is no call, and none is sent for it any more.
                let sending = self.counts.sending.load(Ordering::SeqCst);
                self.note(Note::Stopping(self.operation, sending, stop.clone()));
            }
            self.stop = Some(stop);
            self.counts.halt();
        }
    }

    /// Whether the API can be reached, as far as is known.
    pub(crate) fn can_reach(&self) -> bool {
        self.network.is_up()
    }

    /// Cells that the gate gave out, over all its limiters.
    pub(crate) fn cells(&self) -> u64 {
        self.gate.as_ref().map_or(0, Gate::cells)
    }

    /// Whether one more call may be under way. While the API is out of reach one call probes.
    pub(super) fn has_room(&self) -> bool {
        let most = if self.network.is_up() { self.rate.concurrency } else { 1 };
        self.in_flight < most && self.counts.claiming() < self.claims
    }

    /// Whether another call may be begun now, as far as the flow tells.
    pub(super) fn may_call(&self) -> bool {
        self.stop.is_none() && self.next_call <= self.now && self.has_room()
    }

    /// Whether the gate gives a pass now.
    pub(super) fn passes_gate(&mut self) -> bool {
        let Some(Err(at)) = self.gate.as_mut().map(|gate| gate.check(self.now)) else {
            return true;
        };
        self.holds(HoldReason::Pace, Some(at));
        self.next_call = at;
        false
    }

    /// A call got no slot.
    pub(super) fn unclaimed(&mut self, why: &Unclaimed) {
        if let Some(gate) = &mut self.gate {
            gate.give_back();
        }
        match why {
            Unclaimed::SignIn(error) => self.sign_in_failed(error),
            Unclaimed::NotYet(no) => self.not_yet(*no),
            Unclaimed::Idle { .. } => {}
        }
    }

    /// Something holds the next call.
    pub(crate) fn holds(&mut self, reason: HoldReason, until: Option<Stamp>) {
        self.hold = Some(reason);
        self.held_until = until;
    }

    /// What holds the next call, for who watches: that nothing comes of those under way, if that
    /// has been so for a while and nothing but their limit is known to hold it.
    pub(crate) fn held_by(&self, now: Stamp) -> Option<HoldReason> {
        let silence = self.rate.timing.silence;
        let is_silent = self.in_flight > 0 && now.since(self.moved_at) >= silence;
        // Where the limit holds the next one longer than that, it is the limit.
        let is_limit = self.held_until.is_some_and(|until| until > now.plus(silence));
        let is_usual = match self.hold {
            None => true,
            Some(HoldReason::Pace | HoldReason::Quota(_)) => !is_limit,
            Some(_) => false,
        };
        let some = |count: &AtomicUsize| is_silent && is_usual && count.load(Ordering::SeqCst) > 0;
        if some(&self.counts.unanswered) {
            Some(HoldReason::Answers)
        } else if some(&self.counts.signing_in) {
            Some(HoldReason::SignIn)
        } else {
            self.hold.clone()
        }
    }

    /// The store said no. Which campaign goes before this one is not known here.
    pub(crate) fn not_yet(&mut self, no: NotYet) {
        let is_forgotten = no.hold == Hold::Forgotten;
        if is_forgotten && !std::mem::replace(&mut self.told_forgotten, true) {
            self.note(Note::Forgotten(no.at.since(self.now)));
        }
        self.hold = match no.hold {
            Hold::Quota(quota) => Some(HoldReason::Quota(quota)),
            Hold::Pause if self.useless.is_some() => Some(HoldReason::Faults),
            Hold::Pause => Some(HoldReason::Pause),
            Hold::User => Some(HoldReason::User),
            Hold::Priority(_) => None,
            Hold::Store => Some(HoldReason::Store),
            Hold::Forgotten => Some(HoldReason::Forgotten),
        };
        self.held_until = match no.hold {
            Hold::Quota(_) | Hold::Pause | Hold::Forgotten => Some(no.at),
            // Nobody can say when it goes on.
            Hold::User | Hold::Priority(_) | Hold::Store => None,
        };
        // An answer can open a slot earlier, also one to another runner: looked at with all else
        // that is looked at, so that a campaign that waits wakes up once.
        self.next_call = no.at.min(self.now.next_beat(self.rate.timing.poll));
    }

    /// Tells something once.
    pub(crate) fn note(&self, note: Note) {
        self.tell(Event::Note(note));
    }

    /// Events are for watchers: one who does not keep up misses some, and the run goes on.
    pub(super) fn tell(&self, event: Event<P>) {
        drop(self.events.try_send(event));
    }
}
