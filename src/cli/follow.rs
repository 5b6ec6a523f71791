//! `follow`, and the same after a run: looks every few minutes how far the ordered scans are, until
//! all have ended, the time is over or a signal comes. What `Succeeded` means is the API's to say;
//! it is not said here.

use std::time::Duration;

use super::args::{AfterArgs, FollowArgs, SpeedArgs};
use super::connect::Destination;
use super::failure::Failure;
use super::find::any_campaign_in;
use super::reports::Reports;
use super::resume::same_target;
use super::say;
use super::settings::{self, Speed};
use super::stopping::Stopping;
use super::stores::{self, Place};
use super::tenant::{failure_of, forbidden_by_token, lists};
use crate::clock::{Clock, local_now};
use crate::defender::Inventory;
use crate::domain::action::has_ended_badly;
use crate::domain::text::printable;
use crate::domain::{Campaign, Outcome, Tally};
use crate::engine::follow::{Followed, look};
use crate::engine::lists::{ListEnd, Patience};
use crate::report::{human, jsonl};
use crate::store::Store;

/// How long the one look that a run ends with may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Time between two looks after a run, unless another one is asked for.
const EVERY: Duration = Duration::from_secs(300);

/// How often and how long is looked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    /// Time between two looks.
    every: Duration,
    /// All in all; nothing for as long as it takes.
    length: Option<Duration>,
}

impl Watch {
    /// What was asked for after a run; nothing if following was not.
    pub(super) fn after(args: &AfterArgs, speed: &Speed) -> Option<Self> {
        let every = args.follow_every.unwrap_or_else(|| EVERY / speed.time_scale.max(1));
        args.follow.then_some(Self { every, length: args.follow_for })
    }
}

/// Runs `follow` and returns the exit code.
///
/// # Errors
/// `Failure` with its exit code.
pub(super) async fn follow(args: FollowArgs) -> Result<u8, Failure> {
    let place = Place::durable(args.output.store.as_ref())?;
    let campaign = any_campaign_in(&place, args.campaign.as_ref()).await?;
    let emulator = super::args::EmulatorArgs::default();
    let destination = Destination::new(&args.connect, &emulator)?;
    let speed = settings::speed(&SpeedArgs::of_the_api(), destination.loopback(), &local_now())?;
    let destination = destination.identified(speed.timing).await?;
    same_target(&campaign, &destination, "followed")?;
    let reports = Reports::going_on_with(&args.output, &campaign)?;
    let store = stores::open(&place, speed.timing, Some(&campaign.name)).await?;
    let (api, _) = destination.connect(&speed).await?;
    let watch = Watch { every: args.every, length: args.follow_for };
    let mut stopping = Stopping::new()?;
    let tell = |campaign: &Campaign, followed: &Followed| {
        say::data(&match args.output.json {
            true => json(campaign, followed),
            false => text(campaign, followed),
        })
    };
    let followed = to_the_end(watch, &store, &api, &campaign, &speed, &mut stopping, tell).await;
    let code = followed.map(|ended| ended.map_or(5, |followed| code(&followed)));
    let written = match &code {
        Ok(_) => reports.write(&store, &campaign).await.map(drop),
        Err(_) => Ok(()),
    };
    stores::close(&store, code.and_then(|code| written.map(|()| code))).await
}

/// Looks until all have ended, and gives what was seen then; nothing if the time or a signal ended
/// it earlier.
async fn to_the_end<S: Store, A: Inventory>(
    watch: Watch,
    store: &S,
    api: &A,
    campaign: &Campaign,
    speed: &Speed,
    stopping: &mut Stopping,
    tell: impl Fn(&Campaign, &Followed) -> Result<(), Failure>,
) -> Result<Option<Followed>, Failure> {
    let patience = Patience::needed(speed.timing.max_wait);
    let lists = lists(store, api, &campaign.order.target, speed, patience);
    let clock = store.clock();
    let ends = watch.length.map(|length| clock.now().plus(length));
    loop {
        let campaign = store.find(&campaign.name).await?.unwrap_or_else(|| campaign.clone());
        if let Some(end) = forbidden_by_token(api).await {
            return Err(failure_of(&end).unwrap_or_else(nothing_wrong));
        }
        let Some(looked) = stopping.unless_told(look(&lists, &campaign)).await else {
            return Ok(None);
        };
        match looked? {
            Ok(followed) => {
                tell(&campaign, &followed)?;
                if followed.open == 0 {
                    return Ok(Some(followed));
                }
            }
            Err(ListEnd::Failed(why) | ListEnd::Late(why)) => {
                say::note(&format!("Looking again later: {why}"))
            }
            Err(end) => return Err(failure_of(&end).unwrap_or_else(nothing_wrong)),
        }
        let next = clock.now().plus(watch.every);
        if ends.is_some_and(|ends| ends < next) {
            return Ok(None);
        }
        if stopping.unless_told(clock.sleep_until(next)).await.is_none() {
            return Ok(None);
        }
    }
}

/// After a run: the same with each look told on standard error. What hinders it is told too, and
/// is no fault of the campaign.
pub(super) async fn after_run<S: Store, A: Inventory>(
    watch: Watch,
    store: &S,
    api: &A,
    campaign: &Campaign,
    speed: &Speed,
    stopping: &mut Stopping,
    as_json: bool,
) {
    say::note("Following the ordered scans to their end; Ctrl-C ends the following alone.");
    let tell = |campaign: &Campaign, followed: &Followed| {
        say::note(&text(campaign, followed));
        if as_json { say::data(&json(campaign, followed)) } else { Ok(()) }
    };
    match to_the_end(watch, store, api, campaign, speed, stopping, tell).await {
        Ok(Some(_)) => {}
        Ok(None) => {
            let goes_on = format!("fleetsweep follow {}", campaign.name);
            say::note(&format!("Not all of them have ended; `{goes_on}` looks again."));
        }
        Err(failure) => {
            let told = format!("Warning: the scans are not followed: {}", failure.why);
            say::note(&human::wrapped(&printable(&told), 2));
        }
    }
}

/// The look at the end of a run; it only makes the report fresher, so what hinders it is no fault.
pub(super) async fn once<S: Store, A: Inventory>(
    store: &S,
    api: &A,
    campaign: &Campaign,
    speed: &Speed,
) {
    let patience = Patience::optional(store.clock().now(), PATIENCE);
    let lists = lists(store, api, &campaign.order.target, speed, patience);
    let ordered = |tally: Tally| tally.of(Outcome::Accepted) > 0;
    if api.may_read() == Some(true) && store.tally(campaign.id).await.is_ok_and(ordered) {
        let looked = look(&lists, campaign).await;
        tracing::debug!(?looked, "looked how far the ordered scans are");
    }
}

fn json(campaign: &Campaign, followed: &Followed) -> String {
    jsonl::line(&serde_json::json!({
        "v": 1, "type": "follow", "campaign": campaign.name, "open": followed.open,
        "actions": followed.statuses, "calls": followed.calls,
    }))
}

fn text(campaign: &Campaign, followed: &Followed) -> String {
    let told = followed.statuses.iter();
    let told = told.map(|(status, rows)| format!("{} {}", human::count(*rows), printable(status)));
    let told: Vec<String> = told.collect();
    let now = human::clock(&local_now(), &local_now());
    let told = if told.is_empty() { "no scan was ordered".to_owned() } else { told.join(", ") };
    human::wrapped(&format!("{now} {}: {told}", campaign.name), 4)
}

/// All that was ordered has ended: whether any of it did not end well.
fn code(followed: &Followed) -> u8 {
    if followed.statuses.keys().any(|status| has_ended_badly(status)) { 3 } else { 0 }
}

fn nothing_wrong() -> Failure {
    let next = "report this as a defect";
    Failure::new(1, "following ended", "a list that was read was called unread", next)
}
