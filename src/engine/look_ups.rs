//! When the list of actions is asked about devices, and what its answers and its silence do to the
//! run. How it is asked is `look_up`'s.

use std::sync::Arc;

use tokio::task::AbortHandle;

use super::look_up::{LookUpEnd, MOST};
use super::pump::{Flow, Throttles};
use super::shared::Shared;
use crate::domain::event::{Note, Snapshot};
use crate::domain::{LookUp, Refusal, Stamp, Stop, Timing};
use crate::store::{Result, Store};

/// Busy devices whose action is unknown are looked up together once there are this many.
const UNSEEN_BATCH: usize = 50;

/// What the loop knows of looking devices up.
#[derive(Debug, Default)]
pub(super) struct LookUps {
    /// The one that is under way.
    pub(super) task: Option<AbortHandle>,
    /// The list may not be read.
    pub(super) forbidden: bool,
    /// None before this moment.
    next: Stamp,
    unseen_since: Option<Stamp>,
    failing_since: Option<Stamp>,
    told_failing: bool,
    throttles: Throttles,
}

impl LookUps {
    /// The devices to look up now, if there are any worth a question. `idle` is whether nothing
    /// else is to be done.
    pub(super) async fn due<S: Store, A>(
        &mut self,
        shared: &Arc<Shared<S, A>>,
        idle: bool,
        now: Stamp,
    ) -> Result<Option<Vec<LookUp>>> {
        if self.task.is_some() || self.next > now {
            return Ok(None);
        }
        let due = shared.store.to_look_up(shared.campaign.id, MOST).await?;
        Ok(self.worth_asking(due, idle, now, &shared.timing))
    }

    /// Doubtful devices at once, ten at a time in one page; busy ones whose action is unknown
    /// together, so that one page serves many.
    fn worth_asking(
        &mut self,
        due: Vec<LookUp>,
        idle: bool,
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
        if waited || unseen.len() >= UNSEEN_BATCH || idle { Some(unseen) } else { None }
    }

    /// One has ended. `idle` is whether nothing else is to be done.
    pub(super) fn ended<S, A>(
        &mut self,
        end: LookUpEnd,
        shared: &Shared<S, A>,
        flow: &mut Flow<Snapshot>,
        idle: bool,
    ) {
        let now = flow.now;
        self.task = None;
        let throttled = self.tell_throttled(shared, flow);
        self.unseen_since = None;
        match end {
            LookUpEnd::Done { forbidden } => {
                flow.next_call = flow.next_call.min(now);
                flow.next_tick = now;
                self.failing_since = None;
                self.forbid(forbidden, flow);
            }
            LookUpEnd::Failed(why) => {
                let timing = flow.rate.timing;
                let since = *self.failing_since.get_or_insert(now);
                self.next = now.plus(timing.look_up_after[0]);
                if now.since(since) >= timing.max_wait && idle {
                    flow.halt(Stop::ListUnreadable(why));
                } else if !throttled && !std::mem::replace(&mut self.told_failing, true) {
                    flow.note(Note::ListFailed(why));
                }
            }
        }
    }

    /// Tells people of the 429s that the list of actions answered with; whether there were any.
    pub(super) fn tell_throttled<S, A>(
        &mut self,
        shared: &Shared<S, A>,
        flow: &Flow<Snapshot>,
    ) -> bool {
        let unread = std::mem::take(&mut *shared.unread());
        for heard in &unread {
            let news = self.throttles.news(heard, &flow.rate, flow.now);
            news.into_iter().for_each(|note| flow.note(note));
        }
        !unread.is_empty()
    }

    /// The list may not be read if the server said so, which is told once.
    pub(super) fn forbid(&mut self, said: Option<Refusal>, flow: &Flow<Snapshot>) {
        if let Some(said) = said
            && !std::mem::replace(&mut self.forbidden, true)
        {
            flow.note(Note::ListForbidden(said));
        }
    }
}
