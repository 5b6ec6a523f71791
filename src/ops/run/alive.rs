//! A run's sign of life in its store, for who asks from elsewhere: as long as its process lives,
//! whether it orders, waits, writes its report or follows its scans.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::clock::{Clock, local_now, wall_clock};
use crate::domain::event::{HoldReason, Snapshot};
use crate::domain::{CampaignId, LastRun, Timing};
use crate::report::progress::text;
use crate::store::Store;

/// Says again and again that a run lives, until it is dropped.
pub(crate) struct SignOfLife {
    task: JoinHandle<()>,
    shown: Arc<Mutex<Shown>>,
    /// It begins or ends to wait, which is said at once.
    news: Arc<Notify>,
}

/// What a run says of itself beside.
#[derive(Clone, Debug, Default)]
struct Shown {
    waits: Option<String>,
    held_by: Option<String>,
    hold: Option<HoldReason>,
    next_order_at: Option<Timestamp>,
    done_by: Option<Timestamp>,
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
        let news = Arc::new(Notify::new());
        let (every, now_shown, heard) = (timing.sign_of_life(), shown.clone(), news.clone());
        let task = tokio::spawn(async move {
            let mut next = interval(every);
            next.set_missed_tick_behavior(MissedTickBehavior::Delay);
            next.reset();
            let mut passed_over = false;
            loop {
                let is_news = tokio::select! {
                    _ = next.tick() => false,
                    () = heard.notified() => true,
                };
                let shown = lock(&now_shown).clone();
                // One that waits has little to say, and each time is a write.
                passed_over = !is_news && shown.waits.is_some() && !passed_over;
                if passed_over {
                    continue;
                }
                let Shown { waits, held_by, hold, next_order_at, done_by } = shown;
                let seen_at = Some(store.clock().shared_utc());
                let run = LastRun {
                    seen_at,
                    waits,
                    held_by,
                    hold,
                    next_order_at,
                    done_by,
                    ..run.clone()
                };
                // A store that fails is told by the run itself.
                store.note_run(campaign, run).await.ok();
                // Each time is a write, and news can come in a row.
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
            _ => snapshot.finish_in,
        };
        let done_by = foreseen.and_then(after);
        let now = Shown { waits, held_by, hold: hold.cloned(), next_order_at, done_by };
        let mut shown = lock(&self.shown);
        let is_news = shown.waits != now.waits;
        *shown = now;
        if is_news {
            self.news.notify_one();
        }
    }

    /// What the run waits for or foresees is over.
    pub(crate) fn show_nothing(&self) {
        *lock(&self.shown) = Shown::default();
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
