//! What the run of a campaign adds to the loop: which device is due, look-ups, waves, hours and
//! priority, and when all of it is over.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;

use super::hours::SendingHours;
use super::look_up::{self, LookUpEnd};
use super::look_ups::LookUps;
use super::priority::Ahead;
use super::progress::snapshot;
use super::pump::{Done, Flow, Unclaimed, Work};
use super::refusals::Refusals;
use super::safety::repeats_spent;
use super::scan::NextDevice;
use super::shared::Shared;
use super::stop::StopLevel;
use super::waves::{JudgeEnd, Wave, judge};
use crate::defender::ScanApi;
use crate::domain::event::{HoldReason, Note, Snapshot};
use crate::domain::{Stamp, State, Stop, Verdict};
use crate::store::{Result, Store};

/// The shortest rest before the store is asked again after it had nothing to do.
const BREATH: Duration = Duration::from_millis(10);

/// The run of one campaign.
pub(super) struct CampaignWork<S, A> {
    shared: Arc<Shared<S, A>>,
    /// No order after this moment.
    until: Option<Stamp>,
    rest: Option<Rest>,
    ahead: Ahead,
    look_ups: LookUps,
    wave: Wave,
    refusals: Refusals,
    /// When the window closes that was open in this run.
    entered: Option<Timestamp>,
    told_changed: bool,
    asides: JoinSet<Result<Aside>>,
    finished: bool,
}

/// The store had no device to ask, and one order at a time asks again.
#[derive(Clone, Copy, Debug)]
struct Rest {
    /// When it said so.
    since: Stamp,
    /// When it is asked again.
    until: Stamp,
}

/// What other tasks come back with.
pub(super) enum Aside {
    LookUp(LookUpEnd),
    Judged(JudgeEnd),
}

impl<S: Store, A: ScanApi> CampaignWork<S, A> {
    /// A run that has not begun.
    pub(super) fn new(shared: Arc<Shared<S, A>>, refusals: Refusals, until: Option<Stamp>) -> Self {
        Self {
            shared,
            until,
            rest: None,
            ahead: Ahead::default(),
            look_ups: LookUps::default(),
            wave: Wave::default(),
            refusals,
            entered: None,
            told_changed: false,
            asides: JoinSet::new(),
            finished: false,
        }
    }

    /// Whether every row has its outcome.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// There may be a device to ask again.
    fn ask_again(&mut self, now: Stamp) {
        if let Some(rest) = &mut self.rest {
            rest.until = now;
        }
    }

    /// The store has no device to ask.
    fn idle(&mut self, wake: Option<Stamp>, flow: &Flow<Snapshot>) {
        let now = flow.now;
        // What is due already waits for the list; another runner can be earlier.
        let later = now.plus(flow.rate.timing.poll);
        let until = match wake {
            Some(at) if at > now => at.min(later),
            _ => later,
        };
        self.rest = Some(Rest { since: now, until });
        self.wave.look = true;
    }

    /// Looks whether the present wave is over, and has it judged if it is.
    async fn check_wave(&mut self, flow: &mut Flow<Snapshot>) -> Result<()> {
        // A limit that holds the next order must not hide that there is none in this wave.
        let held = flow.next_call > flow.now || !self.shared.is_in_hours();
        let rests = self.rest.is_some() || held;
        if !rests || self.look_ups.task.is_some() || flow.stop.is_some() {
            return Ok(());
        }
        if let Some(over) = self.wave.check(&self.shared, flow).await? {
            // A scan that was ordered just now has nothing to tell.
            let looks = over.was_waited_for && !self.look_ups.forbidden;
            let judge = judge(self.shared.clone(), over.wave, looks);
            let judging = self.asides.spawn(async move { judge.await.map(Aside::Judged) });
            self.wave.judging = Some(judging);
        }
        Ok(())
    }

    fn judged(&mut self, end: JudgeEnd, flow: &mut Flow<Snapshot>) {
        match end {
            JudgeEnd::Failed(failure) => return flow.halt(Stop::Wave(failure.to_string())),
            JudgeEnd::Unread(why) => return self.wave.unread(why, flow),
            JudgeEnd::Moved => {}
            JudgeEnd::Passed { figures, forbidden } => {
                self.look_ups.forbid(forbidden, flow);
                flow.note(Note::WavePassed(figures));
            }
        }
        self.wave.moved();
        self.rest = None;
    }

    /// Puts back what was refused alike: the fault may not be the devices', so none ended by it.
    async fn put_back(&mut self, stop: Option<&Stop>) -> Result<()> {
        let refused = self.refusals.take_back(stop);
        if !refused.is_empty() {
            self.shared.store.reopen(self.shared.campaign.id, refused).await?;
        }
        Ok(())
    }
}

impl<S: Store, A: ScanApi> Work for CampaignWork<S, A> {
    type Caller = Shared<S, A>;
    type Progress = Snapshot;
    type Aside = Aside;

    fn caller(&self) -> &Arc<Shared<S, A>> {
        &self.shared
    }

    fn check_stop(&mut self, flow: &mut Flow<Snapshot>, level: StopLevel) {
        if let Some(stop) = self.shared.too_many_failures() {
            flow.halt(stop);
        }
        if level != StopLevel::Run {
            return;
        }
        if self.until.is_some_and(|until| until <= flow.now) {
            flow.halt(Stop::Time);
        } else if let Some(stop) = self.shared.window_closed(&mut self.entered) {
            flow.halt(stop);
        }
    }

    fn stopped(&mut self) {
        let judging = self.wave.judging.take();
        self.look_ups.task.take().into_iter().chain(judging).for_each(|task| task.abort());
    }

    /// Expired claims, and look-ups.
    async fn tick(&mut self, flow: &mut Flow<Snapshot>) -> Result<()> {
        let now = flow.now;
        self.shared.engage(flow.can_reach()).await?;
        self.wave.look = true;
        let expired = self.shared.store.expire(self.shared.campaign.id).await?;
        if expired > 0 {
            self.ask_again(now);
        }
        let idle = self.rest.is_some();
        if let Some(batch) = self.look_ups.due(&self.shared, idle, now).await? {
            let task = look_up::run(self.shared.clone(), batch, self.look_ups.forbidden);
            let spawned = self.asides.spawn(async move { task.await.map(Aside::LookUp) });
            self.look_ups.task = Some(spawned);
        }
        Ok(())
    }

    async fn is_due(&mut self, flow: &mut Flow<Snapshot>) -> Result<bool> {
        let now = flow.now;
        if self.rest.is_some_and(|rest| rest.until > now) {
            return Ok(false);
        }
        if self.wave.waits(now) {
            flow.holds(HoldReason::Wave, self.wave.until);
            return Ok(false);
        }
        if !self.shared.is_in_hours() {
            let until = match self.shared.sending_hours() {
                SendingHours::Shut(left) if left < Duration::MAX => Some(now.plus(left)),
                _ => None,
            };
            flow.holds(self.shared.shut_by(), until);
            return Ok(false);
        }
        let pending = flow.counts.claiming();
        let Err(no) = self.shared.store.peek(self.shared.campaign.id, pending).await? else {
            return Ok(true);
        };
        self.ahead.find(no, &*self.shared.store).await?;
        flow.not_yet(no);
        self.ahead.tell(no, flow);
        Ok(false)
    }

    fn take(&mut self, flow: &Flow<Snapshot>) -> Option<NextDevice> {
        if let Some(rest) = &mut self.rest {
            rest.until = flow.now.plus(BREATH);
        }
        let pending = flow.counts.claiming() as u64;
        Some(NextDevice { allow_repeat: self.shared.repeats_left() > pending })
    }

    fn unclaimed(&mut self, _: NextDevice, why: Unclaimed, flow: &mut Flow<Snapshot>) {
        match why {
            Unclaimed::SignIn(_) => {}
            Unclaimed::NotYet(no) => self.ahead.tell(no, flow),
            Unclaimed::Idle { repeats_only: true, .. } if self.shared.repeats_left() == 0 => {
                let repeats = self.shared.repeats.made.load(Ordering::SeqCst);
                let calls = self.shared.counts.calls();
                let stop = self.refusals.mostly_missing();
                flow.halt(stop.unwrap_or_else(|| Stop::Repeats(repeats_spent(repeats, calls))));
            }
            Unclaimed::Idle { wake, repeats_only } => {
                if !repeats_only || flow.in_flight > 0 {
                    self.idle(wake, flow);
                }
            }
        }
    }

    fn judge(&mut self, done: Done<Shared<S, A>>, flow: &mut Flow<Snapshot>) {
        if self.rest.is_some_and(|rest| done.answer.claimed_at > rest.since) {
            self.rest = None;
        } else if matches!(done.settled.after.state, State::Queued(_)) {
            self.ask_again(flow.now);
        }
        if let Verdict::NeverLeft { .. } = done.answer.verdict {
            return;
        }
        if let Verdict::Accepted { comment_changed: true, .. } = done.answer.verdict
            && !std::mem::replace(&mut self.told_changed, true)
        {
            flow.note(Note::CommentsChanged);
        }
        self.refusals.judge(&done, flow);
    }

    fn asides(&mut self) -> &mut JoinSet<Result<Aside>> {
        &mut self.asides
    }

    async fn aside_ended(&mut self, aside: Aside, flow: &mut Flow<Snapshot>) -> Result<()> {
        match aside {
            Aside::LookUp(end) => {
                let idle = self.rest.is_some();
                if let LookUpEnd::Done { .. } = end {
                    self.ask_again(flow.now);
                }
                self.look_ups.ended(end, &self.shared, flow, idle);
            }
            Aside::Judged(end) => {
                self.wave.judging = None;
                self.look_ups.tell_throttled(&self.shared, flow);
                self.judged(end, flow);
            }
        }
        Ok(())
    }

    fn due_at(&self, now: Stamp) -> Option<Stamp> {
        if let Some(until) = self.wave.until {
            return Some(until);
        }
        match (self.shared.sending_hours(), self.rest) {
            (SendingHours::Shut(left), _) => Some(now.plus(left)),
            (SendingHours::Open(_), Some(rest)) => Some(rest.until),
            (SendingHours::Open(_), None) => Some(now),
        }
    }

    fn wake_by(&self, flow: &Flow<Snapshot>) -> Option<Stamp> {
        if flow.stop.is_some() {
            return None;
        }
        let (SendingHours::Open(left) | SendingHours::Shut(left)) = self.shared.sending_hours();
        let hours = Some(flow.now.plus(left));
        self.until.into_iter().chain(self.wave.until).chain(hours).min()
    }

    async fn is_over(&mut self, flow: &mut Flow<Snapshot>) -> Result<bool> {
        self.check_wave(flow).await?;
        if flow.stop.is_some() {
            self.stopped();
        }
        let busy = self.look_ups.task.is_some() || self.wave.judging.is_some();
        if flow.stop.is_none() && (self.rest.is_none() || busy) {
            return Ok(false);
        }
        self.put_back(flow.stop.as_ref()).await?;
        self.finished = self.shared.store.finish(self.shared.campaign.id).await?;
        Ok(self.finished || flow.stop.is_some())
    }

    async fn leave(&mut self, flow: &Flow<Snapshot>) -> Result<()> {
        self.put_back(flow.stop.as_ref()).await
    }

    async fn progress(&self, flow: &Flow<Snapshot>) -> Result<Snapshot> {
        snapshot(&*self.shared, flow, self.until).await
    }
}
