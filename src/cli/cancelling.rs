//! Cancelling a campaign's actions while signals and progress are heeded: what `cancel` and a run
//! that expires its waiting scans share. Which actions and why is theirs to say.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::failure::Failure;
use super::settings::Speed;
use super::stopping::{Heard, Stopping};
use super::tenant::lists;
use super::view::View;
use crate::clock::Clock;
use crate::defender::CancelApi;
use crate::domain::Campaign;
use crate::domain::cancel::{Cause, Spared};
use crate::engine::StopLevel;
use crate::engine::cancel::{self, Cancelled, Job, Survey, Target};
use crate::engine::lists::{ListEnd, Patience};
use crate::report::cancels::{Done, Refused};
use crate::store::Store;

/// Events that may wait for the watcher; it misses some rather than hold the calls up.
const EVENTS: usize = 256;

/// Looks that are made at most where the list does not show an action yet.
const LOOKS: u32 = 3;

/// The permission that reading the list needs.
const RIGHT: &str = "Machine.Read.All";

/// Who cancels, and how fast.
pub(super) struct Cancelling<'a, S, A> {
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
    pub(super) async fn survey(&self, campaign: &Campaign) -> Result<Survey, Failure> {
        let patience = Patience::needed(self.speed.timing.max_wait);
        let target = &campaign.order.target;
        let lists = lists(&**self.store, &**self.api, target, self.speed, patience);
        self.api.ready().await.map_err(|error| unreadable(&ListEnd::SignIn(error)))?;
        if self.api.may_read() == Some(false) {
            let why = format!("the token does not hold {RIGHT}");
            return Err(unreadable(&ListEnd::Forbidden(why)));
        }
        cancel::survey(&lists, campaign).await?.map_err(|end| unreadable(&end))
    }

    /// The same after orders that may be too new for the list, and writes what it says.
    ///
    /// # Errors
    /// As `survey`.
    pub(super) async fn settled_survey(&self, campaign: &Campaign) -> Result<Survey, Failure> {
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
    pub(super) async fn send(
        &self,
        campaign: &Campaign,
        targets: Vec<Target>,
        stopping: &mut Stopping,
    ) -> Result<Cancelled, Failure> {
        if targets.is_empty() {
            return Ok(Cancelled::default());
        }
        let all = targets.len() as u64;
        let mut view = View::new();
        let job = Job {
            store: self.store.clone(),
            api: self.api.clone(),
            campaign: campaign.clone(),
            cause: self.cause,
            quotas: self.speed.quotas.clone(),
            pace: self.speed.pace,
            concurrency: self.speed.concurrency,
            timing: self.speed.timing,
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

/// How it went, for people and programs.
pub(super) fn done(cancelled: &Cancelled, spared: Vec<(Spared, u64)>) -> Done {
    let refused = cancelled.refused.iter().map(|((status, code), (rows, message))| Refused {
        status: *status,
        code: code.clone(),
        rows: *rows,
        message: message.clone(),
    });
    Done {
        cancelled: cancelled.cancelled,
        ended: cancelled.ended,
        refused: refused.collect(),
        unknown: cancelled.unknown,
        left: cancelled.left,
        spared,
        calls: cancelled.calls,
        throttled: cancelled.throttled,
        stop: cancelled.stop.clone(),
    }
}

/// Without the list nobody can say what is open and whose it is, so nothing is cancelled.
fn unreadable(end: &ListEnd) -> Failure {
    let what = "nothing was cancelled: the list of actions cannot be read";
    let later = "run the same command again later";
    match end {
        ListEnd::Forbidden(said) => Failure::new(
            7,
            what,
            format!("only the list tells what is open and whose it is: {said}"),
            format!(
                "grant {RIGHT} (application permission, with admin consent), or cancel in the \
                 Action center of the Defender portal"
            ),
        ),
        ListEnd::SignIn(crate::defender::SignInError::Refused(why)) => {
            let next = "mend the sign-in, then run the same command again";
            Failure::new(7, what, why.clone(), next)
        }
        ListEnd::SignIn(error) => Failure::new(1, what, error.to_string(), later),
        ListEnd::Rejected(why) | ListEnd::Failed(why) | ListEnd::Late(why) => {
            Failure::new(1, what, why.clone(), later)
        }
        ListEnd::Whole => Failure::new(1, what, "it was read", "report this as a defect"),
    }
}
