//! `follow`: looks every few minutes how far the ordered scans are, until all have ended, the time
//! is over or a signal comes. What `Succeeded` means is the API's to say; it is not said here.

use std::time::Duration;

use super::args::{FollowArgs, SpeedArgs};
use super::connect::Destination;
use super::failure::Failure;
use super::find::any_campaign;
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
use crate::domain::{Outcome, Tally};
use crate::engine::follow::{Followed, look};
use crate::engine::lists::ListEnd;
use crate::report::{human, jsonl};
use crate::store::{Campaign, Store};

/// How long the one look that a run ends with may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs `follow` and returns the exit code.
///
/// # Errors
/// `Failure` with its exit code.
pub(super) async fn follow(args: FollowArgs) -> Result<u8, Failure> {
    let place = Place::durable(args.output.store.as_ref())?;
    let campaign = {
        let store = stores::open_to_read(&place).await?;
        let campaign = any_campaign(&store, args.campaign.as_ref()).await?;
        store.close().await?;
        campaign
    };
    let emulator = super::args::EmulatorArgs::default();
    let destination = Destination::new(&args.connect, &emulator)?;
    let speed = settings::speed(&SpeedArgs::of_the_api(), destination.loopback(), &local_now())?;
    let destination = destination.identified(speed.timing).await?;
    same_target(&campaign, &destination, "followed")?;
    let reports = Reports::going_on_with(&args.output, &campaign)?;
    let store = stores::open(&place, speed.timing, Some(&campaign.name)).await?;
    let (api, _) = destination.connect(&speed).await?;
    let followed = go(&args, &store, &api, &campaign, &speed).await;
    let written = match &followed {
        Ok(_) => reports.write(&store, &campaign).await.map(drop),
        Err(_) => Ok(()),
    };
    stores::close(&store, followed.and_then(|code| written.map(|()| code))).await
}

async fn go<S: Store, A: Inventory>(
    args: &FollowArgs,
    store: &S,
    api: &A,
    campaign: &Campaign,
    speed: &Speed,
) -> Result<u8, Failure> {
    let lists = lists(store, api, &campaign.order.target, speed, speed.timing.max_wait);
    let mut stopping = Stopping::new()?;
    let clock = store.clock();
    let ends = args.follow_for.map(|length| clock.now().plus(length));
    loop {
        let campaign = store.find(&campaign.name).await?.unwrap_or_else(|| campaign.clone());
        if let Some(end) = forbidden_by_token(api).await {
            return Err(failure_of(&end).unwrap_or_else(nothing_wrong));
        }
        let Some(looked) = stopping.unless_told(look(&lists, &campaign)).await else {
            return Ok(5);
        };
        match looked? {
            Ok(followed) => {
                tell(&campaign, &followed, args.output.json)?;
                if followed.open == 0 {
                    return Ok(code(&followed));
                }
            }
            Err(ListEnd::Failed(why)) => say::note(&format!("Looking again later: {why}")),
            Err(end) => return Err(failure_of(&end).unwrap_or_else(nothing_wrong)),
        }
        let next = clock.now().plus(args.every);
        if ends.is_some_and(|ends| ends < next) {
            return Ok(5);
        }
        if stopping.unless_told(clock.sleep_until(next)).await.is_none() {
            return Ok(5);
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
    let lists = lists(store, api, &campaign.order.target, speed, PATIENCE);
    let ordered = |tally: Tally| tally.of(Outcome::Accepted) > 0;
    if api.may_read() == Some(true) && store.tally(campaign.id).await.is_ok_and(ordered) {
        let looked = tokio::time::timeout(PATIENCE, look(&lists, campaign)).await;
        tracing::debug!(?looked, "looked how far the ordered scans are");
    }
}

fn tell(campaign: &Campaign, followed: &Followed, json: bool) -> Result<(), Failure> {
    if json {
        return say::data(&jsonl::line(&serde_json::json!({
            "v": 1, "type": "follow", "campaign": campaign.name, "open": followed.open,
            "actions": followed.statuses, "calls": followed.calls,
        })));
    }
    let told = followed.statuses.iter();
    let told = told.map(|(status, rows)| format!("{} {}", human::count(*rows), printable(status)));
    let told: Vec<String> = told.collect();
    let now = human::clock(&local_now(), &local_now());
    let told = if told.is_empty() { "no scan was ordered".to_owned() } else { told.join(", ") };
    say::data(&human::wrapped(&format!("{now} {}: {told}", campaign.name), 4))
}

/// All that was ordered has ended: whether any of it did not end well.
fn code(followed: &Followed) -> u8 {
    if followed.statuses.keys().any(|status| has_ended_badly(status)) { 3 } else { 0 }
}

fn nothing_wrong() -> Failure {
    let next = "report this as a defect";
    Failure::new(1, "following ended", "a list that was read was called unread", next)
}
