//! `retry`: a further campaign of what another one left uncovered. It only makes the list and the
//! order; planning, confirming and running are those of `scan`.

use std::collections::BTreeSet;

use clap::Parser;
use tempfile::NamedTempFile;

use super::args::{Cli, Command, RetryArgs, ScanArgs};
use super::failure::Failure;
use super::find::any_campaign;
use super::scan;
use super::settings;
use super::stores::{self, Place};
use crate::domain::{Campaign, CampaignName, CampaignState, Outcome, State};
use crate::store::Store;

/// Campaigns that may follow one another under one name.
const MOST: u32 = 10_000;

/// Runs `retry` and returns the exit code.
///
/// # Errors
/// `Failure` with its exit code.
pub(super) async fn retry(args: RetryArgs) -> Result<u8, Failure> {
    let place = Place::durable(args.run.output.store.as_ref())?;
    let store = stores::open_to_read(&place).await?;
    let campaign = any_campaign(&store, args.campaign.as_ref()).await?;
    if campaign.state == CampaignState::Open {
        return Err(Failure::new(
            6,
            format!("campaign {} is not finished", campaign.name),
            "some of its devices are open, and would be ordered twice",
            format!("run `fleetsweep resume {}` first", campaign.name),
        ));
    }
    same_tenant(&args, &campaign)?;
    let wanted = wanted(&args)?;
    let (file, devices) = uncovered(&store, &campaign, &wanted).await?;
    if devices == 0 {
        return Err(Failure::usage(
            "there is nothing to order again",
            format!("no device of {} ended as {}", campaign.name, listed(&wanted)),
            format!("see `fleetsweep status {}`", campaign.name),
        ));
    }
    let name = next_name(&store, &campaign.name).await?;
    store.close().await?;
    scan::scan(scan_args(args, &campaign, name, &file)).await
}

/// What the settings say of the tenant must be the campaign's, before anybody signs in; what only
/// the token says, `scan` compares.
fn same_tenant(args: &RetryArgs, campaign: &Campaign) -> Result<(), Failure> {
    if campaign.emulated || args.run.emulator.emulator {
        return Ok(());
    }
    let (now, _) = settings::planned_target(&args.run.connect)?;
    let then = &campaign.order.target;
    let differs = |now: &str, then: &str| !now.is_empty() && !now.contains('.') && now != then;
    if differs(&now.tenant, &then.tenant) || differs(&now.application, &then.application) {
        return Err(Failure::new(
            6,
            format!("campaign {} is not ordered again", campaign.name),
            format!("it was of tenant {}, application {}", then.tenant, then.application),
            "use the settings that it was started with",
        ));
    }
    Ok(())
}

/// Which outcomes are ordered again: those that were named, or all that need attention. Bad rows
/// hold no device.
fn wanted(args: &RetryArgs) -> Result<Vec<Outcome>, Failure> {
    let all: Vec<Outcome> = Outcome::ALL
        .into_iter()
        .filter(|one| one.needs_attention() && *one != Outcome::BadRow)
        .collect();
    if args.outcomes.is_empty() {
        return Ok(all);
    }
    let named = |name: &String| {
        all.iter().copied().find(|one| one.name() == name.replace('-', "_")).ok_or_else(|| {
            Failure::usage(
                format!("`{name}` is no outcome that can be ordered again"),
                "it is covered, holds no device, or is no outcome",
                format!("use one of {}", listed(&all)),
            )
        })
    };
    args.outcomes.iter().map(named).collect()
}

fn listed(outcomes: &[Outcome]) -> String {
    let names: BTreeSet<&str> = outcomes.iter().map(|one| one.name()).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// The list of a campaign's devices that ended so, as a file that goes with its value.
async fn uncovered<S: Store>(
    store: &S,
    campaign: &Campaign,
    wanted: &[Outcome],
) -> Result<(NamedTempFile, u64), Failure> {
    let file = tempfile::Builder::new().prefix("fleetsweep-retry-").suffix(".csv").tempfile();
    let mut list = csv::Writer::from_writer(file.map_err(|error| not_kept(&error))?);
    let mut devices = 0;
    let mut write = |cells: [&str; 2]| list.write_record(cells).map_err(|error| not_kept(&error));
    write(["Device ID", "Device Name"])?;
    let rows = store.each_row(campaign.id, |row| match (row.life.state, row.device) {
        (State::Done(outcome), Some(device)) if wanted.contains(&outcome) => {
            devices += 1;
            write([&device.to_string(), row.name.as_deref().unwrap_or_default()])
        }
        _ => Ok(()),
    });
    rows.await?;
    let file = list.into_inner().map_err(|error| not_kept(error.error()))?;
    Ok((file, devices))
}

fn not_kept(error: &dyn std::error::Error) -> Failure {
    let next = "check the folder for temporary files (TMPDIR)";
    Failure::new(1, "the list cannot be kept", error.to_string(), next)
}

/// The name of the campaign, with what round it is.
async fn next_name<S: Store>(store: &S, first: &CampaignName) -> Result<CampaignName, Failure> {
    let text = first.as_str();
    let stem = text.rsplit_once("-retry").filter(|(_, n)| n.parse::<u32>().is_ok());
    let stem = stem.map_or(text, |(stem, _)| stem);
    for round in 1..MOST {
        let round = format!("-retry{round}");
        let room = CampaignName::MAX - round.len();
        let name = format!("{}{round}", &stem[..stem.len().min(room)]);
        let Ok(name) = name.parse() else { break };
        if store.find(&name).await?.is_none() {
            return Ok(name);
        }
    }
    Err(Failure::usage(
        "no name is left for another round",
        format!("{text} was ordered again too often"),
        "export a fresh list, and order it with `fleetsweep scan`",
    ))
}

/// What `scan` is asked to do.
fn scan_args(
    args: RetryArgs,
    campaign: &Campaign,
    name: CampaignName,
    list: &NamedTempFile,
) -> ScanArgs {
    let scan_type = args.scan_type.unwrap_or(campaign.order.scan_type).to_string();
    let comment = args.comment.as_ref().unwrap_or(&campaign.order.comment);
    let comment = format!("--comment={comment}");
    let typed = ["fleetsweep", "scan", "-", "--type", &scan_type, &comment];
    let Command::Scan(mut scan) = Cli::parse_from(typed).command else {
        unreachable!("this line names `scan`")
    };
    scan.devices = vec![list.path().to_owned()];
    scan.campaign = Some(args.name.unwrap_or(name));
    scan.change.ticket = args.ticket.or_else(|| campaign.order.ticket.clone());
    scan.dry_run = args.dry_run;
    scan.approve_max = args.approve_max;
    scan.waves = args.waves;
    scan.run = args.run;
    scan.again = Some(Box::new(campaign.clone()));
    *scan
}
