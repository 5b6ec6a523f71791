//! Cancelling a campaign's actions while signals and progress are heeded: what `cancel` and a run
//! that expires its waiting scans share. Which actions and why is theirs to say.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::defender::CancelApi;
use crate::domain::Campaign;
use crate::domain::cancel::{Cancelled, Cause, Spared};
use crate::engine::StopLevel;
use crate::engine::cancel::{self, Job, OpenAction, Survey};
use crate::engine::lists::Patience;
use crate::ops::failure::Failure;
use crate::ops::limits::Speed;
use crate::ops::lists::{Wanted, failure_of, forbidden_by_token, lists};
use crate::ops::stop::{Heard, Stopping};
use crate::ops::ui::Ui;
use crate::store::Store;

/// Events that may wait for the watcher; it misses some rather than hold the calls up.
const EVENTS: usize = 256;

/// Looks that are made at most where the list does not show an action yet.
const LOOKS: u32 = 3;

/// Who cancels, and how fast.
pub(crate) struct Cancelling<'a, S, A> {
    /// Its face.
    pub ui: &'a dyn Ui,
    /// The store.
    pub store: &'a Arc<S>,
    /// The client.
    pub api: &'a Arc<A>,
    /// Limits, pace and times.
    pub speed: &'a Speed,
    /// Why.
    pub cause: Cause,
}

impl<S: Store, A: CancelApi> Cancelling<'_, S, A> {
    /// Looks where the actions of a campaign stand, and writes nothing.
    ///
    /// # Errors
    /// `Failure` if the store fails, or if the list cannot be read.
    pub(crate) async fn survey(&self, campaign: &Campaign) -> Result<Survey, Failure> {
        let patience = Patience::needed(self.speed.timing.max_wait);
        let target = &campaign.order.target;
        let lists = lists(&**self.store, &**self.api, target, self.speed, patience);
        let end = match forbidden_by_token(self.api.as_ref()).await {
            Some(end) => end,
            None => match cancel::survey(&lists, campaign).await? {
                Ok(survey) => return Ok(survey),
                Err(end) => end,
            },
        };
        Err(failure_of(Wanted::Cancelling, &end).unwrap_or_else(read_all_the_same))
    }

    /// As `survey`, but after orders that may be too new for the list, and writes what it says.
    ///
    /// # Errors
    /// As `survey`.
    pub(crate) async fn settled_survey(&self, campaign: &Campaign) -> Result<Survey, Failure> {
        let clock = self.store.clock();
        let mut looks = 1;
        loop {
            let survey = self.survey(campaign).await?;
            if looks >= LOOKS || !survey.spared.contains_key(&Spared::NotListed) {
                survey.write(&**self.store, campaign).await?;
                return Ok(survey);
            }
            looks += 1;
            clock.sleep_until(clock.now().plus(self.speed.timing.poll)).await;
        }
    }

    /// Cancels these, until all are asked for or a signal stops it.
    ///
    /// # Errors
    /// `Failure` if the store fails.
    pub(crate) async fn send(
        &self,
        campaign: &Campaign,
        targets: Vec<OpenAction>,
        stopping: &mut Stopping<'_>,
    ) -> Result<Cancelled, Failure> {
        if targets.is_empty() {
            return Ok(Cancelled::default());
        }
        let all = targets.len() as u64;
        let mut view = self.ui.progress();
        let job = Job {
            store: self.store.clone(),
            api: self.api.clone(),
            campaign: campaign.clone(),
            cause: self.cause,
            rate: self.speed.rate(),
            progress_every: view.every(),
        };
        let (to_engine, stop) = watch::channel(StopLevel::Run);
        let (to_view, mut events) = mpsc::channel(EVENTS);
        let engine = cancel::run(job, targets, stop, to_view);
        tokio::pin!(engine);
        let ran = loop {
            tokio::select! {
                biased;
                heard = stopping.heard() => match heard {
                    Heard::Level(level) => {
                        to_engine.send_replace(level);
                        view.warn(match level {
                            StopLevel::Now => "Leaving at once.",
                            StopLevel::Run | StopLevel::Soft => {
                                "Stopping: nothing more is cancelled; calls in flight finish (35 s \
                                 at most). Ctrl-C again leaves at once."
                            }
                        });
                    }
                    // The store holds it up; what was sent, the list tells the next command.
                    Heard::Overdue => break Ok(Cancelled::left_at_once(all)),
                },
                ran = &mut engine => break ran,
                Some(told) = events.recv() => view.cancelling(&told),
            }
        };
        view.end();
        ran.map_err(Failure::from)
    }
}

fn read_all_the_same() -> Failure {
    Failure::defect("cancelling ended", "a list that was read was called unread")
}
