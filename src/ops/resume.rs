//! Going on with an open campaign. What is in flight at a runner that is gone becomes known when
//! its horizon has passed; nothing is asked twice.

use std::sync::Arc;

use super::campaigns::{Meant, open_campaign};
use super::context::Context;
use super::destination::{Destination, EMULATED, same_target};
use super::failure::{Failure, Reason};
use super::follow::Watch;
use super::happenings::note;
use super::kept::{self, GoingOn};
use super::limits::Speed;
use super::not_begun::keep;
use super::plan::forecast::Expiry;
use super::process::who_works;
use super::run::Run;
use super::run::reports::Reports;
use super::stores::{self, Place};
use super::waves::deal;
use super::work::hand_over;
use crate::clock::{Clock, local_now};
use crate::defender::{HttpApi, Origin};
use crate::domain::request::{ConnectRequest, ResumeRequest, RunRequest, Said};
use crate::domain::service::{id_of, service_of};
use crate::domain::text::printable;
use crate::domain::{Begun, Campaign, CampaignName, Exit, Happened};
use crate::report::human::{count, counted, moment};
use crate::store::Store;

/// Goes on with a campaign, as it was begun but for what is said anew.
///
/// # Errors
/// `Failure` of its kind.
pub async fn resume(
    cx: &Context<'_>,
    request: ResumeRequest,
    settings: RunRequest,
) -> Result<Exit, Failure> {
    let place = Place::durable(cx.store)?;
    let mut whose = request.run.connect.clone().or(settings.connect.clone());
    if request.run.emulator.emulator {
        whose = ConnectRequest { tenant: Some(EMULATED.to_owned()), ..ConnectRequest::default() };
    }
    let meant = Meant { name: request.campaign.as_ref(), whose, reads: false };
    let (campaign, begun) = named(cx, &place, &meant).await?;
    if request.run.connect.api_url.is_none()
        && let Some(told) = other_address(&campaign, &settings.connect)
    {
        cx.say(&told);
    }
    let going_on = kept::going_on(cx, request.run.clone(), settings, begun, &campaign)?;
    let asked = &going_on.run;
    if campaign.emulated && !asked.emulator.emulator {
        return Err(Failure::usage(
            format!("campaign {} ran against the emulator", campaign.name),
            "it has no tenant that it could go on with",
            "add --emulator, and --store if it was given",
        ));
    }
    let destination = Destination::new(cx, &asked.connect, &asked.emulator)?;
    let speed = destination.speed(cx, &asked.speed, &local_now())?;
    let speed = if going_on.begun.is_some() { speed } else { speed.going_on_with(&campaign) };
    if let Some(until) = &speed.until {
        // A time of day that has passed means the one of tomorrow.
        cx.say(&format!("No order leaves after {} (--until).", moment(until)));
    }
    let destination = match destination.identified(cx, speed.timing).await {
        Ok(destination) => destination,
        Err(failure) => {
            let store = stores::open(&place, speed.timing, None).await?;
            let failure = not_begun(cx, &store, &campaign, failure).await;
            return stores::close(&store, Err(failure)).await;
        }
    };
    same_target(&campaign, &destination, "resumed")?;
    let reports = Reports::going_on_with(&asked.output, &campaign)?.proposing(cx.commands);
    let named = Some((&campaign.name, cx.commands));
    let store = Arc::new(stores::open(&place, speed.timing, named).await?);
    destination.note_tenant(&*store).await?;
    let ResumeRequest { approve_max, detach, .. } = request;
    let resumed = Resumed { cx, going_on: &going_on, speed, reports, approve_max, detach };
    let exit = resumed.go_on(&store, campaign, destination).await;
    stores::close(&store, exit).await
}

/// That the settings of its tenant have another address of the API than the campaign keeps.
fn other_address(campaign: &Campaign, settings: &ConnectRequest) -> Option<String> {
    let target = &campaign.order.target;
    let is_own = settings.tenant.as_ref().is_none_or(|one| id_of(one) == id_of(&target.tenant));
    let here = Origin::parse(settings.api_url.as_deref()?).ok()?.to_string();
    if campaign.emulated || !is_own || service_of(&here) == service_of(&target.api_origin) {
        return None;
    }
    Some(format!(
        "Note: {} goes on at {}, as it was begun, though the settings have the API at {} now. To \
         order there, cancel it and begin another.",
        campaign.name,
        printable(&target.api_origin),
        printable(&here)
    ))
}

/// Takes up the campaign of one of several tenants, which is then run beside the others, and
/// returns the client with which it was signed in. Returns `None` if nothing is left to be done
/// for it: its run goes on, or it was handed over.
///
/// # Errors
/// `Failure` of its kind.
pub(super) async fn take_up<S: Store>(
    cx: &Context<'_>,
    store: &Arc<S>,
    campaign: Campaign,
    request: &ResumeRequest,
    settings: RunRequest,
) -> Result<Option<Arc<HttpApi>>, Failure> {
    let begun = store.begun(campaign.id).await?;
    let going_on = kept::going_on(cx, request.run.clone(), settings, begun, &campaign)?;
    let asked = &going_on.run;
    let destination = Destination::new(cx, &asked.connect, &asked.emulator)?;
    let speed = destination.speed(cx, &asked.speed, &local_now())?;
    let destination = match destination.identified(cx, speed.timing).await {
        Ok(destination) => destination,
        Err(failure) => return Err(not_begun(cx, &**store, &campaign, failure).await),
    };
    same_target(&campaign, &destination, "resumed")?;
    destination.note_tenant(&**store).await?;
    if already_at_work(cx, &**store, &campaign, &speed, &going_on).await?.is_some() {
        return Ok(None);
    }
    let (api, _) = match destination.connect(cx, &speed).await {
        Ok(connected) => connected,
        Err(failure) => return Err(not_begun(cx, &**store, &campaign, failure).await),
    };
    let campaign = allowed(cx, &**store, campaign, request.approve_max).await?;
    going_on.tell_and_keep(cx, &**store, campaign.id, &speed).await?;
    if request.detach {
        hand_over(cx, &**store, &campaign).await?;
        return Ok(None);
    }
    Ok(Some(Arc::new(api)))
}

/// A campaign that is gone on with.
struct Resumed<'a> {
    cx: &'a Context<'a>,
    going_on: &'a GoingOn,
    speed: Speed,
    reports: Reports,
    approve_max: Option<u64>,
    /// A worker is to run it.
    detach: bool,
}

impl Resumed<'_> {
    async fn go_on<S: Store>(
        self,
        store: &Arc<S>,
        campaign: Campaign,
        destination: Destination,
    ) -> Result<Exit, Failure> {
        let Self { cx, going_on, speed, reports, approve_max, detach } = self;
        if let Some(exit) = already_at_work(cx, &**store, &campaign, &speed, going_on).await? {
            return Ok(exit);
        }
        // Nothing is changed for a run that cannot sign in.
        let (api, emulator) = match destination.connect(cx, &speed).await {
            Ok(connected) => connected,
            Err(failure) => return Err(not_begun(cx, &**store, &campaign, failure).await),
        };
        let campaign = allowed(cx, &**store, campaign, approve_max).await?;
        let asked = &going_on.run;
        going_on.tell_and_keep(cx, &**store, campaign.id, &speed).await?;
        if detach {
            return hand_over(cx, &**store, &campaign).await;
        }
        let campaign = going_on.ruled(campaign);
        let tally = store.tally(campaign.id).await?;
        let order = &campaign.order;
        cx.ui.say(&format!(
            "Going on with {}: {} scan, tenant {}, \"{}\"; {} of {} done.",
            campaign.name,
            order.scan_type,
            printable(&order.target.tenant),
            printable(&order.text()),
            count(tally.devices_done()),
            counted(tally.devices(), "device")
        ));
        let target = &campaign.order.target;
        if let Some(expiry) = Expiry::of(Some(&**store), target, &speed, Some(&campaign)).await? {
            cx.say(&expiry.expire(tally.open()).sentence());
        }
        let resume = match &going_on.begun {
            Some(_) => Some(cx.commands.going_on(&campaign.name)),
            None => cx.commands.resume(&campaign.name, asked),
        };
        let run = Run {
            cx,
            store: store.clone(),
            api: Arc::new(api),
            follow: Watch::after(&asked.after, &speed),
            speed,
            reports,
            resume,
            foreseen: None,
            series: false,
            on_finish: asked.after.on_finish.clone(),
            on_event: asked.after.on_event.clone(),
            worker: false,
            beside: None,
        };
        let exit = run.run(campaign).await;
        if let Some(emulator) = emulator {
            emulator.shutdown().await;
        }
        exit
    }
}

/// This failure to sign in, of a campaign of which devices may have been ordered before. It is kept
/// with the campaign, so that whoever asks how it stands does not try the same.
async fn not_begun<S: Store>(
    cx: &Context<'_>,
    store: &S,
    campaign: &Campaign,
    failure: Failure,
) -> Failure {
    if failure.reason != Reason::NoSignIn {
        return failure;
    }
    let resume = cx.commands.going_on(&campaign.name);
    let next = format!("nothing more was ordered; fix that, then run `{resume}`");
    let failure = Failure { next, ..failure };
    keep(cx, store, campaign, &failure).await;
    failure
}

/// Whether somebody else works on the campaign: that is told. One that was paused with its run
/// still there needs no second run: the pause is taken back, and that run goes on.
async fn already_at_work<S: Store>(
    cx: &Context<'_>,
    store: &S,
    campaign: &Campaign,
    speed: &Speed,
    going_on: &GoingOn,
) -> Result<Option<Exit>, Failure> {
    let now = store.clock().shared_utc();
    let Some(who) = who_works(campaign, now, &speed.timing) else { return Ok(None) };
    let name = &campaign.name;
    if campaign.paused && campaign.wave_failed.is_none() {
        if going_on.is_otherwise(speed) {
            return Err(reaches_no_run(cx, name, &who));
        }
        store.set_paused(campaign.id, false).await?;
        note(cx, store, campaign.id, Happened::WentOn).await;
        cx.say(&format!(
            "{name} is not paused any more: its run{who} goes on, and no second one is begun. \
             To watch it: `{}`",
            cx.commands.of_store(&format!("status {name} --watch"))
        ));
        return Ok(Some(Exit::Done));
    }
    cx.say(&format!("A run of {name} is at work already{who}; this one works beside it."));
    Ok(None)
}

/// A run that is at work goes by what it was begun with: what is typed now would be lost.
fn reaches_no_run(cx: &Context<'_>, name: &CampaignName, who: &str) -> Failure {
    let resume = cx.commands.going_on(name);
    Failure::refused(
        format!("nothing was changed: {name} is paused still"),
        format!(
            "its run{who} waits and would go on as it was begun: what is typed of how to run it \
             would not reach that run"
        ),
        format!(
            "`{resume}` alone takes the pause back; to run it in another way end that run first, \
             with Ctrl-C or SIGTERM, and then type this again"
        ),
    )
}

/// Takes back what held the campaign: a wave that failed, if somebody has looked, and a pause.
async fn allowed<S: Store>(
    cx: &Context<'_>,
    store: &S,
    campaign: Campaign,
    approve_max: Option<u64>,
) -> Result<Campaign, Failure> {
    deal::allow(cx, store, &campaign, approve_max).await?;
    if campaign.paused {
        let resume = cx.commands.going_on(&campaign.name);
        store.set_paused(campaign.id, false).await.map_err(|error| {
            Failure::from(error).of_campaign(&campaign.name, None, Some(&resume))
        })?;
        note(cx, store, campaign.id, Happened::WentOn).await;
    }
    if campaign.called_off {
        cx.ui.say(&format!("{} was cancelled: nothing more of it is ordered.", campaign.name));
    }
    Ok(campaign)
}

/// The campaign that is gone on with. Looking first makes no store where there is none.
async fn named(
    cx: &Context<'_>,
    place: &Place,
    meant: &Meant<'_>,
) -> Result<(Campaign, Option<Begun>), Failure> {
    // A store that is not there is the user's slip; one that fails may hold this campaign.
    let store = stores::open_to_go_on(place).await.map_err(|failure| match meant.name {
        Some(name) if failure.kind == Exit::Failed => {
            let resume = cx.commands.going_on(name);
            failure.of_campaign(name, None, Some(&resume))
        }
        _ => failure,
    })?;
    let campaign = open_campaign(cx, &store, meant).await?;
    let begun = store.begun(campaign.id).await?;
    // The log is looked at only while this process does not hold it.
    store.close().await?;
    Ok((campaign, begun))
}
