//! `--expire-pending`: when the window of a run closes, or its time is over, the scans of the
//! campaign that still wait for their device are cancelled, so that what slept through the night
//! does not start in the morning. It orders nothing, and goes on after the window has closed.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::{Clock, local_now};
use crate::defender::CancelApi;
use crate::domain::cancel::Cause;
use crate::domain::{Campaign, Ending, Exit, Stop};
use crate::ops::cancel::sending::Cancelling;
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::limits::Speed;
use crate::ops::lists::check_expiry_rights;
use crate::ops::stop::Stopping;
use crate::report::cancels::{Done, Expired};
use crate::report::human;
use crate::report::stops::stop_text;
use crate::store::Store;

/// Polls between two looks whether anything waits still, while the close is waited for: 5 minutes.
const POLLS: u32 = 60;

/// What is left when scans were to expire: nothing, or how a run ends that has nothing else left to
/// do.
pub(super) type Left = Option<Exit>;

/// A run that may have to expire its scans.
pub(super) struct Expiring<'a, S, A> {
    /// What surrounds it.
    pub cx: &'a Context<'a>,
    /// The store.
    pub store: &'a Arc<S>,
    /// The client.
    pub api: &'a Arc<A>,
    /// Limits, pace and times.
    pub speed: &'a Speed,
    /// When the run began.
    pub began_at: Timestamp,
}

impl<S: Store, A: CancelApi> Expiring<'_, S, A> {
    /// Whether it could be done, before anything is ordered.
    ///
    /// # Errors
    /// `Failure` if the application may not read what waits.
    pub(super) async fn check_rights(&self) -> Result<(), Failure> {
        if self.api.ready().await.is_err() {
            // The run itself tells that nobody signs in.
            return Ok(());
        }
        check_expiry_rights(self.speed, &**self.api)
    }

    /// Cancels what waits still, if the run ended as it must for that: its window closed or its
    /// time is over, or it is finished and waits for that moment here.
    pub(super) async fn expire(
        &self,
        campaign: &Campaign,
        ending: &Ending,
        stopping: &mut Stopping<'_>,
    ) -> Left {
        let ordered = self.store.tally(campaign.id).await.map(|tally| tally.ordered());
        if !self.speed.expire_pending || ordered.is_ok_and(|scans| scans == 0) {
            return None;
        }
        let cause = match ending {
            Ending::Stopped(Stop::Time) => Cause::TimeOver,
            // The last order may leave long before its window closes.
            Ending::Finished | Ending::Stopped(Stop::Window) => {
                match self.wait(campaign, stopping).await {
                    Some(cause) => cause,
                    None => {
                        return self.not_expired(
                            campaign,
                            "a signal ended the waiting",
                            Exit::Stopped,
                        );
                    }
                }
            }
            Ending::Stopped(_) => {
                return self.not_expired(campaign, "the run stopped before", Exit::Stopped);
            }
        };
        match self.cancel(campaign, cause, stopping).await {
            Ok(left) => left,
            Err(failure) => self.not_expired(campaign, &failure.why, failure.kind),
        }
    }

    fn not_expired(&self, campaign: &Campaign, why: &str, exit: Exit) -> Left {
        let name = &campaign.name;
        self.cx.say(&format!(
            "Warning: scans that wait for their device were not cancelled: {why}. To do it: \
             `{}`",
            self.cx.commands.of_campaign(&format!("cancel {name} --pending-only --keep-queue"))
        ));
        Some(exit)
    }

    async fn cancel(
        &self,
        campaign: &Campaign,
        cause: Cause,
        stopping: &mut Stopping<'_>,
    ) -> Result<Left, Failure> {
        let Self { cx, store, api, speed, .. } = *self;
        let with = Cancelling { ui: cx.ui, store, api, speed, cause };
        let Some(survey) = stopping.unless_stopped(with.settled_survey(campaign)).await else {
            return Ok(self.not_expired(campaign, "a signal came first", Exit::Stopped));
        };
        let survey = survey?;
        let pending = survey.pending.len() as u64;
        self.cx.say(&format!(
            "Cancelling {} of {} that still {} for the device; nothing is ordered meanwhile.",
            human::counted(pending, "scan"),
            campaign.name,
            if pending == 1 { "waits" } else { "wait" }
        ));
        let went = with.send(campaign, survey.pending, stopping).await?;
        let refused = went.refused() + went.unknown + survey.spared.values().sum::<u64>();
        let stop = went.stop.clone();
        let done = Done { went, began: 0, spared: survey.spared };
        if let Err(failure) = cx.ui.show(&Expired { campaign: campaign.name.clone(), done }) {
            // What is cancelled is cancelled.
            cx.ui.say(&failure.to_string());
            return Ok(Some(failure.kind));
        }
        Ok(match stop {
            Some(stop) => {
                let why = stop_text(&stop);
                self.not_expired(campaign, &why, Ending::Stopped(stop).exit(false))
            }
            None if refused > 0 => Some(Exit::Attention),
            None => None,
        })
    }

    /// Waits for the moment at which scans expire, or until none waits any more; why they expire
    /// then. Returns `None` if a signal came.
    async fn wait(&self, campaign: &Campaign, stopping: &mut Stopping<'_>) -> Option<Cause> {
        let store = self.store;
        let (mut told, every) = (false, self.speed.timing.poll * POLLS);
        loop {
            let at = store.clock().utc();
            let Some((closes, cause)) = self.closes(at) else { return Some(Cause::WindowClosed) };
            let left = Duration::try_from(closes.duration_since(at)).unwrap_or_default();
            if left.is_zero() {
                return Some(cause);
            }
            match stopping.unless_stopped(self.waiting(campaign, cause)).await? {
                Some(0) => return Some(cause),
                waiting if !told => self.tell_waiting(waiting, closes),
                _ => {}
            }
            told = true;
            let clock = store.clock();
            let wake = clock.now().plus(left.min(every));
            stopping.unless_stopped(clock.sleep_until(wake)).await?;
        }
    }

    /// How many scans wait. Returns `None` if that cannot be read now.
    async fn waiting(&self, campaign: &Campaign, cause: Cause) -> Option<usize> {
        let Self { cx, store, api, speed, .. } = *self;
        let with = Cancelling { ui: cx.ui, store, api, speed, cause };
        let survey = with.survey(campaign).await.ok()?;
        survey.write(&**store, campaign).await.ok()?;
        // One that the list does not show yet may wait too.
        let unseen = usize::try_from(survey.not_touched()).unwrap_or(usize::MAX);
        Some(survey.pending.len().saturating_add(unseen))
    }

    fn tell_waiting(&self, waiting: Option<usize>, closes: Timestamp) {
        let now = local_now();
        let at = human::clock(&closes.to_zoned_datetime(now.time_zone().clone()), &now);
        let how_many = match waiting {
            Some(some) => human::counted(some as u64, "scan"),
            None => "scans".to_owned(),
        };
        self.cx.say(&format!(
            "No more orders leave; {how_many} may wait for the device still. What waits at \
             {at} is cancelled then; Ctrl-C ends the waiting."
        ));
    }

    /// When scans expire, and as what. Returns `None` if that has passed, as outside of the window.
    fn closes(&self, at: Timestamp) -> Option<(Timestamp, Cause)> {
        let speed = self.speed;
        let over =
            speed.stops_in(self.began_at).and_then(|left| self.began_at.checked_add(left).ok());
        let over = over.map(|over| (over, Cause::TimeOver));
        let Some(hours) = &speed.hours else { return over };
        let window = hours.to_their_ends().closes(at)?;
        let window = Some((window, Cause::WindowClosed));
        window.into_iter().chain(over).min_by_key(|(at, _)| *at)
    }
}
