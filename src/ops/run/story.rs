//! What a run meets while it goes on, noted in its store beside it and in its order. What begins
//! and ends a run is noted by the run itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::in_vain::InVain;
use super::telling::Telling;
use crate::clock::Clock;
use crate::domain::event::{Event, HoldReason, Note};
use crate::domain::happening::Needed;
use crate::domain::{CampaignId, Ending, Happened, Happening, LastRun, Stop, Timing};
use crate::store::{Store, StoreError};

/// What one run may note of what it meets: a storm of 429 is told by its first pauses.
const MOST: usize = 100;

/// How it ended has its place beside.
const ENDING: usize = 1;

/// How long the end of a run waits for what is not noted yet.
const END: Duration = Duration::from_secs(2);

/// Notes what a run meets, until it is dropped.
pub(super) struct Story<'t, S> {
    store: Arc<S>,
    run: LastRun,
    queue: Option<mpsc::Sender<Happening>>,
    task: JoinHandle<()>,
    left: usize,
    /// It waits for its window.
    is_shut: bool,
    in_vain: InVain,
    /// Hears of the same events, for who does not look into the store.
    telling: &'t mut Telling,
}

impl<'t, S: Store> Story<'t, S> {
    /// Begins with nothing.
    pub(super) fn begin(
        store: Arc<S>,
        campaign: CampaignId,
        run: &LastRun,
        timing: &Timing,
        telling: &'t mut Telling,
    ) -> Self {
        let (queue, mut met) = mpsc::channel::<Happening>(MOST + ENDING);
        let (to, pause) = (store.clone(), timing.poll);
        let task = tokio::spawn(async move {
            while let Some(happening) = met.recv().await {
                // That the store was away can be noted when it is back.
                while let Err(StoreError::OutOfReach { .. }) =
                    to.note_happening(campaign, happening.clone()).await
                {
                    sleep(pause).await;
                }
            }
        });
        let (run, queue) = (run.clone(), Some(queue));
        let in_vain = InVain::default();
        Self { store, run, queue, task, left: MOST, is_shut: false, in_vain, telling }
    }

    /// Takes in what the run tells.
    pub(super) fn hear(&mut self, event: &Event) {
        let now = self.store.clock().now();
        self.telling.hear(event, now);
        self.in_vain.hear(event, now);
        match event {
            Event::Progress(snapshot) => {
                let was_shut = std::mem::replace(
                    &mut self.is_shut,
                    matches!(snapshot.hold, Some(HoldReason::Window | HoldReason::Start(_))),
                );
                if was_shut && !self.is_shut {
                    self.note(Happened::WindowOpened);
                }
            }
            Event::Note(note) => {
                if let Some(what) = self.of_note(note) {
                    self.note(what);
                }
            }
        }
    }

    /// How long no answer of use came, all in all.
    pub(super) fn in_vain(&self) -> Duration {
        self.in_vain.until(self.store.clock().now())
    }

    fn of_note(&self, note: &Note) -> Option<Happened> {
        let away = |needed, why: &String| Happened::OutOfReach { needed, why: why.clone() };
        Some(match note {
            Note::Paused(operation, wait) => {
                let until = self.store.clock().utc().checked_add(*wait).ok()?;
                Happened::ServerPaused { operation: *operation, until }
            }
            Note::Waiting(why) => away(Needed::Api, why),
            Note::Reached => Happened::Reached { needed: Needed::Api },
            Note::StoreAway(why) => away(Needed::Store, why),
            Note::StoreBack => Happened::Reached { needed: Needed::Store },
            Note::WaveOver(wave, _) => Happened::WaveOver { wave: wave.clone() },
            Note::WavePassed(figures) => {
                Happened::WaveJudged { passed: true, figures: figures.clone() }
            }
            Note::OthersCall
            | Note::LimitNamed(_)
            | Note::CommentsChanged
            | Note::Forgotten(_)
            | Note::ListForbidden(_)
            | Note::ListFailed(_)
            | Note::Refused { .. }
            | Note::Useless(..)
            | Note::Stopping(..) => return None,
        })
    }

    fn note(&mut self, what: Happened) {
        let Some(left) = self.left.checked_sub(1) else { return };
        self.left = left;
        let (by, host) = (self.run.by.clone(), self.run.host.clone());
        let happening = Happening { at: self.store.clock().utc(), what, by, host };
        if let Some(queue) = &self.queue {
            queue.try_send(happening).ok();
        }
    }

    /// Notes what the end of the orders means for the campaign, and waits a little until all is
    /// noted.
    pub(super) async fn end(mut self, ending: &Ending) {
        self.left += ENDING;
        match ending {
            Ending::Finished => self.note(Happened::Finished),
            Ending::Stopped(Stop::Window) => self.note(Happened::WindowClosed),
            Ending::Stopped(Stop::Wave(figures)) => {
                self.note(Happened::WaveJudged { passed: false, figures: figures.clone() });
            }
            Ending::Stopped(_) => {}
        }
        self.queue = None;
        timeout(END, &mut self.task).await.ok();
    }
}

impl<S> Drop for Story<'_, S> {
    fn drop(&mut self) {
        self.task.abort();
    }
}
