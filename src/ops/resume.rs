//! Going on with an open campaign. What is in flight at a runner that is gone becomes known when
//! its horizon has passed; nothing is asked twice.

use std::sync::Arc;

use super::campaigns::open_campaign;
use super::context::Context;
use super::destination::{Destination, same_target};
use super::failure::Failure;
use super::follow::Watch;
use super::plan::forecast::Expiry;
use super::run::Run;
use super::run::reports::Reports;
use super::stores::{self, Place};
use super::waves::deal;
use crate::clock::local_now;
use crate::domain::request::{ResumeRequest, RunRequest, Said};
use crate::domain::{Campaign, CampaignName, Exit};
use crate::report::human;
use crate::store::Store;

/// Goes on with a campaign.
///
/// # Errors
/// `Failure` of its kind.
pub async fn resume(
    cx: &Context<'_>,
    request: ResumeRequest,
    settings: RunRequest,
) -> Result<Exit, Failure> {
    let place = Place::durable(cx.store)?;
    let campaign = named(cx, &place, request.campaign.as_ref()).await?;
    let asked = request.run.or(settings);
    if campaign.emulated && !asked.emulator.emulator {
        return Err(Failure::usage(
            format!("campaign {} ran against the emulator", campaign.name),
            "it has no tenant that it could go on with",
            "add --emulator, and --store if it was given",
        ));
    }
    let destination = Destination::new(cx, &asked.connect, &asked.emulator)?;
    let speed = destination.speed(cx, &asked.speed, &local_now())?.going_on_with(&campaign);
    let destination = destination.identified(cx, speed.timing).await?;
    same_target(&campaign, &destination, "resumed")?;
    let reports = Reports::going_on_with(&asked.output, &campaign)?;
    let named = Some((&campaign.name, cx.commands));
    let store = Arc::new(stores::open(&place, speed.timing, named).await?);
    destination.note_tenant(&*store).await?;
    // Nothing is changed for a run that cannot sign in.
    let (api, emulator) = match destination.connect(cx, &speed).await {
        Ok(connected) => connected,
        Err(failure) => return stores::close(&store, Err(failure)).await,
    };
    let campaign = match allowed(cx, &*store, campaign, request.approve_max).await {
        Ok(campaign) => campaign,
        Err(failure) => return stores::close(&store, Err(failure)).await,
    };
    let most = asked.max_failures.as_ref().and_then(|most| most.as_ref().copied());
    let campaign = deal::with_rules(campaign, most);
    let tally = store.tally(campaign.id).await?;
    cx.ui.say(&format!(
        "Going on with {}: {} of {} devices are done.",
        campaign.name,
        tally.devices_done(),
        tally.devices()
    ));
    let target = &campaign.order.target;
    if let Some(expiry) = Expiry::of(Some(&*store), target, &speed, Some(&campaign)).await? {
        cx.ui.say(&human::wrapped(&expiry.expire(tally.open()).sentence(), 2));
    }
    let run = Run {
        cx,
        store: store.clone(),
        api: Arc::new(api),
        follow: Watch::after(&asked.after, &speed),
        speed,
        reports,
        resume: cx.commands.resume(&campaign.name, &asked),
        foreseen: None,
        series: false,
        on_finish: asked.after.on_finish.clone(),
    };
    let exit = run.run(campaign).await;
    if let Some(emulator) = emulator {
        emulator.shutdown().await;
    }
    stores::close(&store, exit).await
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
        let resume = cx.commands.of_campaign(&format!("resume {}", campaign.name));
        store.set_paused(campaign.id, false).await.map_err(|error| {
            Failure::from(error).of_campaign(&campaign.name, None, Some(&resume))
        })?;
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
    named: Option<&CampaignName>,
) -> Result<Campaign, Failure> {
    // A store that is not there is the user's slip; one that fails may hold this campaign.
    let store = stores::open_to_read(place).await.map_err(|failure| match named {
        Some(name) if failure.kind == Exit::Failed => {
            let resume = cx.commands.of_campaign(&format!("resume {name}"));
            failure.of_campaign(name, None, Some(&resume))
        }
        _ => failure,
    })?;
    let campaign = open_campaign(cx, &store, named).await?;
    // The log is looked at only while this process does not hold it.
    store.close().await?;
    Ok(campaign)
}
