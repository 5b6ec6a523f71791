//! What a run says of itself in its store, for who asks from elsewhere: what it waits for, when it
//! orders next, when it is done. That it lives, its process says for all its runs.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::clock::{Clock, local_now, wall_clock};
use crate::domain::event::{HoldReason, Snapshot};
use crate::domain::{CampaignId, LastRun, Timing};
use crate::report::progress::text;
use crate::store::Store;

/// Forecasts that differ by less are the same.
const SAME: SignedDuration = SignedDuration::from_secs(5);

/// An order that leaves within this is about to leave, whenever exactly: who asks is told so also a
/// little after the moment that was said. It is the time between two snapshots of a worker's run.
const ABOUT_TO_LEAVE: SignedDuration = SignedDuration::from_secs(10);

/// Says what a run waits for and foresees whenever that changes, until it is dropped.
pub(crate) struct SignOfLife {
    task: JoinHandle<()>,
    shown: Arc<Mutex<Shown>>,
    news: Arc<News>,
}

/// What there is to say.
#[derive(Default)]
struct News {
    /// It begins or ends to wait, which is said at once.
    urgent: Notify,
    /// Another moment, or another limit, which is said by and by.
    other: Notify,
}

/// What a run says of itself beside.
#[derive(Clone, Debug, Default)]
struct Shown {
    waits: Option<String>,
    held_by: Option<String>,
    hold: Option<HoldReason>,
    next_order_at: Option<Timestamp>,
    done_by: Option<Timestamp>,
    stops_at: Option<Timestamp>,
}

impl SignOfLife {
    /// Begins, for a run that has said once that it began.
    pub(crate) fn begin<S: Store>(
        store: Arc<S>,
        campaign: CampaignId,
        run: LastRun,
        timing: &Timing,
    ) -> Self {
        let shown = Arc::new(Mutex::new(Shown::default()));
        let news = Arc::new(News::default());
        let (every, now_shown, heard) = (timing.sign_of_life(), shown.clone(), news.clone());
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = heard.urgent.notified() => {}
                    () = heard.other.notified() => {
                        // Each time is a write, and limits come and go in a row.
                        timeout(every, heard.urgent.notified()).await.ok();
                    }
                }
                let Shown { waits, held_by, hold, next_order_at, done_by, stops_at } =
                    lock(&now_shown).clone();
                let seen_at = Some(store.clock().shared_utc());
                let run = LastRun {
                    seen_at,
                    waits,
                    held_by,
                    hold,
                    next_order_at,
                    done_by,
                    stops_at,
                    ..run.clone()
                };
                // A store that fails is told by the run itself.
                store.note_run(campaign, run).await.ok();
                sleep(every / 5).await;
            }
        });
        Self { task, shown, news }
    }

    /// Takes in how far the run is.
    pub(crate) fn show(&self, snapshot: &Snapshot) {
        let hold = snapshot.hold.as_ref();
        let held_by = hold.map(|hold| text::hold(hold, &local_now()));
        let waits = if hold.is_some_and(HoldReason::is_a_wait) { held_by.clone() } else { None };
        let after = |left| wall_clock().checked_add(left).ok();
        let next_order_at: Option<Timestamp> = snapshot.next_order.and_then(after);
        let foreseen = match hold {
            Some(hold) if hold.is_open_ended() => None,
            // The run is over before all are done.
            _ if snapshot.stops_in.is_some() => None,
            _ => snapshot.finish_in,
        };
        let done_by = foreseen.and_then(after);
        let stops_at = snapshot.stops_in.and_then(after);
        let now = Shown { waits, held_by, hold: hold.cloned(), next_order_at, done_by, stops_at };
        let mut shown = lock(&self.shown);
        if shown.waits != now.waits {
            self.news.urgent.notify_one();
        } else if shown.differs(&now, wall_clock()) {
            self.news.other.notify_one();
        } else {
            // What was said is what is compared, so that small steps add up.
            return;
        }
        *shown = now;
    }

    /// What the run waits for or foresees is over.
    pub(crate) fn show_nothing(&self) {
        *lock(&self.shown) = Shown::default();
    }
}

impl Shown {
    /// Whether there is news at this moment in another state of the same wait.
    fn differs(&self, now: &Self, at: Timestamp) -> bool {
        let is_soon = |next: Option<Timestamp>| {
            next.is_some_and(|next| next.duration_since(at) <= ABOUT_TO_LEAVE)
        };
        let both_soon = is_soon(self.next_order_at) && is_soon(now.next_order_at);
        let moved = |before: Option<Timestamp>, now: Option<Timestamp>| match (before, now) {
            (Some(before), Some(now)) => now.duration_since(before).abs() > SAME,
            (before, now) => before.is_some() != now.is_some(),
        };
        self.hold != now.hold
            || (!both_soon && moved(self.next_order_at, now.next_order_at))
            || moved(self.done_by, now.done_by)
            || moved(self.stops_at, now.stops_at)
    }
}

impl Drop for SignOfLife {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(shown: &Mutex<Shown>) -> std::sync::MutexGuard<'_, Shown> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_that_leave_every_few_seconds_are_no_news_and_one_that_is_far_away_is() {
        let now: Timestamp = "2026-11-28T06:00:00Z".parse().unwrap();
        let next = |seconds| {
            let at = now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
            Shown { next_order_at: Some(at), ..Shown::default() }
        };
        // What was said a while ago has passed, and says that an order leaves at any moment.
        for said in [-60, -8, 0, 9] {
            assert!(!next(said).differs(&next(2), now), "{said} s");
            assert!(next(said).differs(&next(600), now), "{said} s");
            assert!(next(said).differs(&Shown::default(), now), "{said} s");
        }
        assert!(next(600).differs(&next(2), now) && next(600).differs(&next(590), now));
        assert!(!next(600).differs(&next(597), now));
    }
}
