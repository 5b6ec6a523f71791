//! `follow`, and the same after a run: looks every few minutes how far the ordered scans are, until
//! all have ended, the time is over or a signal comes. What `Succeeded` means is the API's to say;
//! it is not said here.

use std::time::Duration;

use jiff::ZonedDateTime;

use super::campaigns::{KeptCampaign, Meant, any_campaign_in};
use super::context::Context;
use super::destination::{Destination, same_target};
use super::failure::Failure;
use super::happenings::followed as has_next_run;
use super::kept;
use super::limits::Speed;
use super::lists::{Wanted, failure_of, forbidden_by_token, lists};
use super::process::who_works;
use super::run::reports::Reports;
use super::stop::Stopping;
use super::stores::{self, Place};
use crate::clock::{Clock, local_now};
use crate::defender::Inventory;
use crate::domain::request::{
    AfterRequest, ConnectRequest, EmulatorRequest, FollowRequest, Said, SpeedRequest,
};
use crate::domain::text::printable;
use crate::domain::{Campaign, CampaignName, Exit, Outcome};
use crate::engine::follow::{Followed, look};
use crate::engine::lists::{ListEnd, Patience};
use crate::report::to_do::scans_failed;
use crate::report::{Document, human, jsonl};
use crate::store::Store;

/// How long the one look that a run ends with may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Time between two looks after a run, unless another one is asked for.
const EVERY: Duration = Duration::from_secs(300);

/// How often and how long is looked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    /// Time between two looks.
    every: Duration,
    /// All in all; `None` for as long as it takes.
    length: Option<Duration>,
}

impl Watch {
    /// What was asked for after a run. Returns `None` if following was not.
    pub(super) fn after(asked: &AfterRequest, speed: &Speed) -> Option<Self> {
        if !asked.follow {
            return None;
        }
        let every = asked.follow_every.map_or(EVERY / speed.time_scale.max(1), |every| every.0);
        Some(Self { every, length: asked.follow_for.map(|length| length.0) })
    }
}

/// Follows the ordered scans of a campaign to their end.
///
/// # Errors
/// `Failure` of its kind.
pub async fn follow(
    cx: &Context<'_>,
    request: FollowRequest,
    settings: ConnectRequest,
) -> Result<Exit, Failure> {
    let place = Place::durable(cx.store)?;
    let whose = request.connect.clone().or(settings.clone());
    let meant = Meant { name: request.campaign.as_ref(), whose, reads: true };
    let KeptCampaign { campaign, begun } = any_campaign_in(cx, &place, &meant).await?;
    if campaign.emulated {
        return Err(Failure::usage(
            format!("campaign {} ran against the emulator", campaign.name),
            "its scans went with the emulator, so there is nothing to follow",
            "with `scan --follow` they are followed while the emulator is there",
        ));
    }
    let connect = kept::connection(cx, request.connect, settings, begun.as_ref())?;
    let destination = Destination::new(cx, &connect, &EmulatorRequest::default())?;
    let speed = destination.speed(cx, &SpeedRequest::default(), &local_now())?;
    let destination = destination.identified(cx, speed.timing).await?;
    same_target(&campaign, &destination, "followed")?;
    let reports = Reports::going_on_with(&request.output, &campaign)?.proposing(cx.commands);
    let store = stores::open(&place, speed.timing, Some((&campaign.name, cx.commands))).await?;
    let (api, _) = destination.connect(cx, &speed).await?;
    let after = AfterRequest { follow: true, ..request.after };
    let watch = Watch::after(&after, &speed).unwrap_or(Watch { every: EVERY, length: None });
    let mut stopping = cx.stop.listen()?;
    let following = Following { cx, store: &store, api: &api, speed: &speed, beside: true };
    cx.ui.say(&format!(
        "Looking every {} how far the ordered scans of {} are; Ctrl-C ends that.",
        human::duration(watch.every),
        campaign.name
    ));
    let followed = following.to_the_end(watch, &campaign, &mut stopping).await;
    let written = match &followed {
        Ok(_) => reports.write(&store, &campaign).await.map(drop),
        Err(_) => Ok(()),
    };
    if let Ok(Some(followed)) = &followed
        && written.is_ok()
        && let Some(told) = badly(cx, &campaign.name, followed, &reports)
    {
        cx.say(&told);
    }
    if let Ok(None) = &followed {
        say_not_ended(cx, &campaign.name);
    }
    let exit = match followed {
        Ok(ended) => open_still(cx, &store, &campaign).await.map(|open| {
            open.iter().for_each(|told| cx.say(told));
            match ended {
                Some(followed) if open.is_none() => exit(&followed),
                _ => Exit::Stopped,
            }
        }),
        Err(failure) => Err(failure),
    };
    stores::close(&store, exit.and_then(|exit| written.map(|()| exit))).await
}

/// How many devices of a campaign have no outcome, and what goes on with them. Returns `None` if
/// all have one.
async fn open_still<S: Store>(
    cx: &Context<'_>,
    store: &S,
    campaign: &Campaign,
) -> Result<Option<String>, Failure> {
    let open = match store.tally(campaign.id).await?.open() {
        0 => return Ok(None),
        some => human::counted(some, "device"),
    };
    let there = store.campaign(campaign.id).await?.unwrap_or_else(|| campaign.clone());
    let name = &there.name;
    if has_next_run(store, &there).await? {
        let told = "the next run of its series has what waited";
        return Ok(Some(format!("Open still in {name}: {open}; {told}.")));
    }
    let resume = kept::going_on_now(cx, store, &there).await?;
    Ok(Some(match there.called_off {
        true => format!("It is not known yet what became of {open}; `{resume}` finds out."),
        false => format!("Open still in {name}: {open}; if nobody runs it, `{resume}` goes on."),
    }))
}

/// That the following stopped before the scans ended, or before all were ordered.
fn say_not_ended(cx: &Context<'_>, campaign: &CampaignName) {
    let goes_on = cx.commands.of_campaign(&format!("follow {campaign}"));
    cx.ui.say(&format!("Following them stopped; `{goes_on}` looks again."));
}

/// What is needed to look how far scans are.
pub(super) struct Following<'a, S, A> {
    /// What surrounds it.
    pub cx: &'a Context<'a>,
    /// The store.
    pub store: &'a S,
    /// The client.
    pub api: &'a A,
    /// Limits, pace and times.
    pub speed: &'a Speed,
    /// It follows beside a run, which may order more.
    pub beside: bool,
}

impl<S: Store, A: Inventory> Following<'_, S, A> {
    /// Looks until all have ended, and returns what was seen then. Returns `None` if the time or a
    /// signal ended it earlier.
    async fn to_the_end(
        &self,
        watch: Watch,
        campaign: &Campaign,
        stopping: &mut Stopping<'_>,
    ) -> Result<Option<Followed>, Failure> {
        let Self { cx, store, api, speed, .. } = self;
        let patience = Patience::needed(speed.timing.max_wait);
        let lists = lists(*store, *api, &campaign.order.target, speed, patience);
        let clock = store.clock();
        let ends = watch.length.map(|length| clock.now().plus(length));
        loop {
            let campaign = store.campaign(campaign.id).await?.unwrap_or_else(|| campaign.clone());
            // A look can take longer than the signs of a run reach.
            let now = clock.shared_utc();
            let is_ordering = self.beside && who_works(&campaign, now, &speed.timing).is_some();
            if let Some(end) = forbidden_by_token(*api).await {
                return Err(failed(&end));
            }
            let Some(looked) = stopping.unless_stopped(look(&lists, &campaign)).await else {
                return Ok(None);
            };
            match looked? {
                Ok(followed) => {
                    let open = followed.open;
                    let look = LookResult { campaign: campaign.name, at: local_now(), followed };
                    cx.ui.show(&look)?;
                    if open == 0 && !is_ordering {
                        return Ok(Some(look.followed));
                    }
                }
                Err(ListEnd::Failed(why) | ListEnd::Late(why)) => {
                    cx.ui.say(&format!("Looking again later: {why}"));
                }
                Err(end) => return Err(failed(&end)),
            }
            let next = clock.now().plus(watch.every);
            if ends.is_some_and(|ends| ends < next) {
                return Ok(None);
            }
            if stopping.unless_stopped(clock.sleep_until(next)).await.is_none() {
                return Ok(None);
            }
        }
    }

    /// Follows the scans after a run. What hinders it is told, and is no fault of the campaign.
    pub(super) async fn after_run(
        &self,
        watch: Watch,
        campaign: &Campaign,
        stopping: &mut Stopping<'_>,
    ) {
        let cx = self.cx;
        cx.ui.say("Following the ordered scans to their end; Ctrl-C ends the following alone.");
        match self.to_the_end(watch, campaign, stopping).await {
            Ok(Some(_)) => {}
            Ok(None) => say_not_ended(cx, &campaign.name),
            Err(failure) => {
                let told = format!("Warning: the scans are not followed: {}", failure.why);
                cx.say(&printable(&told));
            }
        }
    }

    /// Looks once at the end of a run. It only makes the report fresher, so what hinders it is no
    /// fault.
    pub(super) async fn once(&self, campaign: &Campaign) {
        let Self { store, api, speed, .. } = self;
        let patience = Patience::optional(store.clock().now(), PATIENCE);
        let lists = lists(*store, *api, &campaign.order.target, speed, patience);
        if api.may_read() == Some(true)
            && store.tally(campaign.id).await.is_ok_and(|tally| tally.ordered() > 0)
        {
            let looked = look(&lists, campaign).await;
            tracing::debug!(?looked, "looked how far the ordered scans are");
        }
    }
}

/// One look how far the ordered scans are.
struct LookResult {
    campaign: CampaignName,
    at: ZonedDateTime,
    followed: Followed,
}

impl Document for LookResult {
    fn json(&self) -> String {
        let Followed { open, statuses, calls, .. } = &self.followed;
        jsonl::line(&serde_json::json!({
            "v": 1, "type": "follow", "campaign": self.campaign, "open": open,
            "actions": statuses, "calls": calls,
        }))
    }

    fn text(&self) -> String {
        let told = self.followed.statuses.iter();
        let told =
            told.map(|(status, rows)| format!("{} {}", human::count(*rows), printable(status)));
        let told: Vec<String> = told.collect();
        let now = human::clock(&self.at, &self.at);
        let told = if told.is_empty() { "no scan was ordered".to_owned() } else { told.join(", ") };
        human::wrapped(&format!("{now} {}: {told}", self.campaign), 4)
    }
}

/// All that was ordered has ended: whether any of it did not end well.
fn exit(followed: &Followed) -> Exit {
    if followed.failed > 0 { Exit::Attention } else { Exit::Done }
}

/// Which scans did not end well, and what to do about them. Returns `None` if there are none.
fn badly(
    cx: &Context<'_>,
    campaign: &CampaignName,
    followed: &Followed,
    reports: &Reports,
) -> Option<String> {
    if followed.failed == 0 {
        return None;
    }
    let which = match reports.paths().first() {
        Some(path) => format!("`action_status` in {} tells which", path.display()),
        None => {
            let report = cx.commands.of_store(&format!("report {campaign} --report scans.csv"));
            format!("`{report}` writes which, in `action_status`")
        }
    };
    let again = format!("retry {campaign} --outcome {}", Outcome::ScanFailed.distinct_name());
    let again = cx.commands.of_campaign(&again);
    Some(format!(
        "{}: {}. `{again}` orders them again.",
        scans_failed(followed.failed),
        printable(&which)
    ))
}

fn failed(end: &ListEnd) -> Failure {
    failure_of(Wanted::Reading, end).unwrap_or_else(|| {
        Failure::defect("following ended", "a list that was read was called unread")
    })
}
