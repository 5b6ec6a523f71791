//! `resume`: goes on with an open campaign. What is in flight at a runner that is gone becomes
//! known when its horizon has passed; nothing is asked twice.

use std::sync::Arc;

use super::again::resume_command;
use super::args::ResumeArgs;
use super::connect::Destination;
use super::expire::Planned;
use super::failure::Failure;
use super::find::open_campaign;
use super::follow::Watch;
use super::reports::Reports;
use super::run::Run;
use super::say;
use super::stores::{self, Place};
use super::waves;
use crate::clock::local_now;
use crate::domain::Campaign;
use crate::report::human;
use crate::store::Store;

/// Runs `resume` and returns the exit code.
///
/// # Errors
/// `Failure` with its exit code.
pub(super) async fn resume(args: ResumeArgs) -> Result<u8, Failure> {
    let place = Place::durable(args.run.output.store.as_ref())?;
    let campaign = named(&args, &place).await?;
    if campaign.emulated && !args.run.emulator.emulator {
        return Err(Failure::usage(
            format!("campaign {} ran against the emulator", campaign.name),
            "it has no tenant that it could go on with",
            "add --emulator, and --store if it was given",
        ));
    }
    let destination = Destination::new(&args.run.connect, &args.run.emulator)?;
    let speed = destination.speed(&args.run.speed, &local_now())?.going_on_with(&campaign);
    let destination = destination.identified(speed.timing).await?;
    same_target(&campaign, &destination, "resumed")?;
    let reports = Reports::going_on_with(&args.run.output, &campaign)?;
    let store = Arc::new(stores::open(&place, speed.timing, Some(&campaign.name)).await?);
    stores::note_tenant(&*store, &destination).await?;
    // Nothing is changed for a run that cannot sign in.
    let (api, emulator) = match destination.connect(&speed).await {
        Ok(connected) => connected,
        Err(failure) => return stores::close(&store, Err(failure)).await,
    };
    if let Err(failure) = waves::allow(&*store, &campaign, args.approve_max).await {
        return stores::close(&store, Err(failure)).await;
    }
    if campaign.paused {
        let resume = format!("fleetsweep resume {}", campaign.name);
        store.set_paused(campaign.id, false).await.map_err(|error| {
            Failure::from(error).of_campaign(&campaign.name, None, Some(&resume))
        })?;
    }
    if campaign.called_off {
        say::note(&format!("{} was cancelled: nothing more of it is ordered.", campaign.name));
    }
    let campaign = waves::with_rules(campaign, args.run.rules.max_failures);
    let tally = store.tally(campaign.id).await?;
    say::note(&format!(
        "Going on with {}: {} of {} devices are done.",
        campaign.name,
        tally.devices_done(),
        tally.devices()
    ));
    let target = &campaign.order.target;
    if let Some(expire) = Planned::of_store(&*store, target, &speed, Some(&campaign)).await? {
        say::note(&human::wrapped(&expire.expire(tally.open()).sentence(), 2));
    }
    let resume = resume_command(&campaign.name, &args.run);
    let follow = Watch::after(&args.run.after, &speed);
    let (json, on_finish) = (args.run.output.json, args.run.after.on_finish);
    let api = Arc::new(api);
    let run = Run {
        store: store.clone(),
        api,
        speed,
        reports,
        resume,
        foreseen: None,
        series: false,
        json,
        on_finish,
        follow,
    };
    let code = run.run(campaign).await;
    if let Some(emulator) = emulator {
        emulator.shutdown().await;
    }
    stores::close(&store, code).await
}

/// The campaign that is gone on with. Looking first makes no store where there is none.
async fn named(args: &ResumeArgs, place: &Place) -> Result<Campaign, Failure> {
    let named = args.campaign.as_ref();
    let store = stores::open_to_read(place).await;
    // A store that is not there is the user's slip; one that fails may hold this campaign.
    let store = store.map_err(|failure| match named {
        Some(name) if failure.code == 1 => {
            let resume = format!("fleetsweep resume {name}");
            failure.of_campaign(name, None, Some(&resume))
        }
        _ => failure,
    })?;
    let campaign = open_campaign(&store, named).await?;
    // The log is looked at only while this process does not hold it.
    store.close().await?;
    Ok(campaign)
}

/// One tenant's campaign must never go to another one.
pub(super) fn same_target(
    campaign: &Campaign,
    destination: &Destination,
    what: &str,
) -> Result<(), Failure> {
    let mut now = campaign.order.clone();
    now.target = destination.target();
    let differs = campaign.differences(&now, destination.emulated());
    if differs.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        6,
        format!("campaign {} is not {what}", campaign.name),
        format!("these settings are another tenant's or application's: {}", differs.join("; ")),
        "use the settings that it was started with",
    ))
}
