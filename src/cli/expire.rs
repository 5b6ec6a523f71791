//! `--expire-pending`: when the window of a run closes, or its time is over, the scans of the
//! campaign that still wait for their device are cancelled, so that what slept through the night
//! does not start in the morning. It orders nothing, and goes on after the window has closed.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::cancelling::{Cancelling, done};
use super::failure::Failure;
use super::plans;
use super::say;
use super::settings::Speed;
use super::stopping::Stopping;
use super::stores::{self, Place};
use crate::clock::{Clock, local_now};
use crate::defender::{CancelApi, Inventory};
use crate::domain::cancel::Cause;
use crate::domain::forecast::Outlook;
use crate::domain::{Campaign, Ending, Hours, Operation, Outcome, Stop, Target};
use crate::engine::cancel::{Cancelled, Survey};
use crate::report::cancels::Done;
use crate::report::human;
use crate::report::plan::Expire;
use crate::store::Store;

/// Polls between two looks whether anything waits still, while the close is waited for: 5 minutes.
const POLLS: u32 = 60;

/// Whether the flag can be: something must say when scans expire.
///
/// # Errors
/// `Failure` says what is missing.
pub(super) fn check(speed: &Speed, now: Timestamp) -> Result<(), Failure> {
    let closes = |hours: &Hours| {
        let opening = hours.to_their_ends().opening(now);
        opening.is_none_or(|opening| opening.closes < Timestamp::MAX)
    };
    let ends = speed.until.is_some() || speed.hours.as_ref().is_some_and(closes);
    if ends || !speed.expire_pending {
        return Ok(());
    }
    let why = match speed.hours {
        Some(_) => "the window never closes, so nothing says when waiting scans are cancelled",
        None => "nothing says when waiting scans are to be cancelled",
    };
    Err(Failure::usage(
        "--expire-pending needs --window or --until",
        why,
        "add --window \"22:00-06:00\", or --until 06:00",
    ))
}

/// What expiring scans is forecast from.
pub(super) struct Planned {
    outlook: Outlook,
    /// Scans that were ordered before and may wait still.
    earlier: u64,
}

impl Planned {
    /// With what a store knows; nothing if no scans are to expire.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read.
    pub(super) async fn of_store<S: Store>(
        store: &S,
        target: &Target,
        speed: &Speed,
        campaign: Option<&Campaign>,
    ) -> Result<Option<Self>, Failure> {
        if !speed.expire_pending {
            return Ok(None);
        }
        let budget = target.budget(Operation::Cancel);
        let usage = store.usage(&budget, plans::most_calls(speed)).await?;
        let outlook = plans::outlook(speed, usage, store.clock().now());
        let earlier = match campaign {
            Some(campaign) => store.tally(campaign.id).await?.of(Outcome::Accepted),
            None => 0,
        };
        Ok(Some(Self { outlook: at_any_time(outlook), earlier }))
    }

    /// The same for a dry run.
    ///
    /// # Errors
    /// `Failure` if the store is there and cannot be read.
    pub(super) async fn of_place(
        place: Option<&Place>,
        target: &Target,
        speed: &Speed,
    ) -> Result<Option<Self>, Failure> {
        if !speed.expire_pending {
            return Ok(None);
        }
        let budget = target.budget(Operation::Cancel);
        let (usage, now, _) = stores::usage_of(place, speed, &budget).await?;
        let outlook = at_any_time(plans::outlook(speed, usage, now));
        Ok(Some(Self { outlook, earlier: 0 }))
    }

    /// What the plan says, given how many devices are ordered until then at most.
    pub(super) fn expire(&self, fits: u64) -> Expire {
        let most = fits.saturating_add(self.earlier);
        let takes = self.outlook.forecast(most).map(|forecast| forecast.last_call);
        Expire { most, takes: takes.unwrap_or_default() }
    }
}

/// Cancelling is no order, so no window holds it.
fn at_any_time(outlook: Outlook) -> Outlook {
    Outlook { hours: None, ..outlook }
}

/// What is left when scans were to expire: nothing, or the exit code of a run that has nothing else
/// left to do.
pub(super) type Left = Option<u8>;

/// A run that may have to expire its scans.
pub(super) struct Expiring<'a, S, A> {
    /// The store.
    pub store: &'a Arc<S>,
    /// The client.
    pub api: &'a Arc<A>,
    /// Limits, pace and times.
    pub speed: &'a Speed,
    /// When the run began.
    pub began_at: Timestamp,
    /// Summary as JSON.
    pub json: bool,
}

/// Whether what waits could be told when its time is over, as the token at hand says.
///
/// # Errors
/// `Failure` if the application may not read what waits.
pub(super) fn check_rights<A: Inventory>(speed: &Speed, api: &A) -> Result<(), Failure> {
    if !speed.expire_pending || api.may_read() != Some(false) {
        return Ok(());
    }
    Err(Failure::new(
        7,
        "nothing was ordered: --expire-pending cannot be kept",
        "the application may not read the list of actions (Machine.Read.All is missing), so nobody \
         could tell what waits still when the window closes",
        "grant Machine.Read.All (application permission, with admin consent), or leave \
         --expire-pending out",
    ))
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
        check_rights(self.speed, &**self.api)
    }

    /// Cancels what waits still, if the run ended as it must for that: its window closed or its
    /// time is over, or it is finished and waits for that moment here.
    pub(super) async fn expire(
        &self,
        campaign: &Campaign,
        ending: &Ending,
        stopping: &mut Stopping,
    ) -> Left {
        let ordered = self.store.tally(campaign.id).await.map(|tally| tally.of(Outcome::Accepted));
        if !self.speed.expire_pending || ordered.is_ok_and(|scans| scans == 0) {
            return None;
        }
        let cause = match ending {
            Ending::Stopped(Stop::Time) => Cause::TimeOver,
            // The last order may leave long before its window closes.
            Ending::Finished | Ending::Stopped(Stop::Window) => {
                match self.wait(campaign, stopping).await {
                    Some(cause) => cause,
                    None => return self.not_expired(campaign, "a signal ended the waiting", 5),
                }
            }
            Ending::Stopped(_) => return self.not_expired(campaign, "the run stopped before", 5),
        };
        match self.cancel(campaign, cause, stopping).await {
            Ok(left) => left,
            Err(failure) => self.not_expired(campaign, &failure.why, failure.code),
        }
    }

    fn not_expired(&self, campaign: &Campaign, why: &str, code: u8) -> Left {
        let name = &campaign.name;
        say::note(&human::wrapped(
            &format!(
                "Warning: scans that wait for their device were not cancelled: {why}. To do it: \
                 `fleetsweep cancel {name} --pending-only --keep-queue`"
            ),
            2,
        ));
        Some(code)
    }

    async fn cancel(
        &self,
        campaign: &Campaign,
        cause: Cause,
        stopping: &mut Stopping,
    ) -> Result<Left, Failure> {
        let Self { store, api, speed, .. } = *self;
        let with = Cancelling { store, api, speed, cause };
        let Some(survey) = stopping.unless_told(with.settled_survey(campaign)).await else {
            return Ok(self.not_expired(campaign, "a signal came first", 5));
        };
        let survey = survey?;
        let pending = survey.pending.len() as u64;
        say::note(&human::wrapped(
            &format!(
                "Cancelling {} of {} that still {} for the device; nothing is ordered meanwhile.",
                human::counted(pending, "scan"),
                campaign.name,
                if pending == 1 { "waits" } else { "wait" }
            ),
            2,
        ));
        let cancelled = with.send(campaign, survey.pending.clone(), stopping).await?;
        if let Err(failure) = self.tell(campaign, &cancelled, &survey) {
            // What is cancelled is cancelled.
            say::note(&failure.to_string());
            return Ok(Some(failure.code));
        }
        Ok(match &cancelled.stop {
            Some(stop) => {
                let code = Ending::Stopped(stop.clone()).exit_code(false);
                self.not_expired(campaign, &crate::report::summary::stop_text(stop), code)
            }
            None if cancelled.refused() + cancelled.unknown + survey.not_touched() > 0 => Some(3),
            None => None,
        })
    }

    fn tell(
        &self,
        campaign: &Campaign,
        cancelled: &Cancelled,
        survey: &Survey,
    ) -> Result<(), Failure> {
        let spared = survey.spared.iter().map(|(why, some)| (*why, *some)).collect();
        let done: Done = done(cancelled, spared);
        say::note(&done.expired_text());
        if self.json { say::data(&done.expired_json(&campaign.name)) } else { Ok(()) }
    }

    /// Waits for the moment at which scans expire, or until none waits any more; why they expire
    /// then. Nothing if a signal came.
    async fn wait(&self, campaign: &Campaign, stopping: &mut Stopping) -> Option<Cause> {
        let store = self.store;
        let (mut told, every) = (false, self.speed.timing.poll * POLLS);
        loop {
            let at = store.clock().utc();
            let Some((closes, cause)) = self.closes(at) else { return Some(Cause::WindowClosed) };
            let left = Duration::try_from(closes.duration_since(at)).unwrap_or_default();
            if left.is_zero() {
                return Some(cause);
            }
            match stopping.unless_told(self.waiting(campaign, cause)).await? {
                Some(0) => return Some(cause),
                waiting if !told => self.tell_waiting(waiting, closes),
                _ => {}
            }
            told = true;
            let clock = store.clock();
            let wake = clock.now().plus(left.min(every));
            stopping.unless_told(clock.sleep_until(wake)).await?;
        }
    }

    /// How many scans wait; nothing if that cannot be read now.
    async fn waiting(&self, campaign: &Campaign, cause: Cause) -> Option<usize> {
        let Self { store, api, speed, .. } = *self;
        let with = Cancelling { store, api, speed, cause };
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
        say::note(&human::wrapped(
            &format!(
                "No more orders leave; {how_many} may wait for the device still. What waits at \
                 {at} is cancelled then; Ctrl-C ends the waiting."
            ),
            2,
        ));
    }

    /// When scans expire, and as what; nothing if that has passed, as outside of the window.
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
