//! Ordering again what a campaign left uncovered, as a campaign of its own. It only makes the list
//! and the order; planning, confirming and running are those of `scan`.

use std::collections::BTreeSet;

use super::campaigns::{Meant, any_campaign};
use super::connection::target_of;
use super::context::Context;
use super::failure::Failure;
use super::scan::scan_again;
use super::stores::{self, Place};
use crate::domain::request::{ListedDevice, RetryRequest, Said, ScanRequest};
use crate::domain::{Campaign, CampaignName, CampaignState, Exit, Operation, Outcome, State};
use crate::store::{Store, StoreError};

/// Campaigns that may follow one another under one name.
const MOST: u32 = 10_000;

/// Orders again what a campaign left uncovered.
///
/// # Errors
/// `Failure` of its kind.
pub async fn retry(
    cx: &Context<'_>,
    request: RetryRequest,
    settings: ScanRequest,
) -> Result<Exit, Failure> {
    let place = Place::durable(cx.store)?;
    let store = stores::open_to_read(&place).await?;
    let whose = request.scan.run.connect.clone().or(settings.run.connect.clone());
    let meant = Meant { name: request.campaign.as_ref(), whose };
    let campaign = any_campaign(cx, &store, &meant).await?;
    if campaign.state == CampaignState::Open {
        let resume = cx.commands.going_on(&campaign.name);
        return Err(Failure::refused(
            format!("campaign {} is not finished", campaign.name),
            "some of its devices are open, and would be ordered twice",
            format!("run `{resume}` first"),
        ));
    }
    same_tenant(&request.scan, &settings, &campaign)?;
    let wanted = wanted(&request)?;
    let ids = uncovered(&store, &campaign, &wanted).await?;
    if ids.is_empty() {
        let status = cx.commands.of_store(&format!("status {}", campaign.name));
        return Err(Failure::usage(
            "there is nothing to order again",
            format!("no device of {} ended as {}", campaign.name, listed(&wanted)),
            format!("see `{status}`"),
        ));
    }
    let name = next_name(&store, &campaign).await?;
    store.close().await?;
    let as_before = ScanRequest {
        ids,
        campaign: Some(name),
        scan_type: Some(campaign.order.scan_type),
        comment: Some(campaign.order.comment.clone()),
        ticket: campaign.order.ticket.clone(),
        ..ScanRequest::default()
    };
    scan_again(cx, request.scan.or(as_before), settings, Some(&campaign)).await
}

/// What is said of the tenant must be the campaign's, before anybody signs in; what only the token
/// says, `scan` compares.
fn same_tenant(
    request: &ScanRequest,
    settings: &ScanRequest,
    campaign: &Campaign,
) -> Result<(), Failure> {
    if campaign.emulated || request.run.emulator.emulator {
        return Ok(());
    }
    let (now, _) = target_of(&request.run.connect.clone().or(settings.run.connect.clone()))?;
    let then = &campaign.order.target;
    let differs = |now: &str, then: &str| !now.is_empty() && !now.contains('.') && now != then;
    if differs(&now.tenant, &then.tenant) || differs(&now.application, &then.application) {
        return Err(Failure::refused(
            format!("campaign {} is not ordered again", campaign.name),
            format!("it was of tenant {}, application {}", then.tenant, then.application),
            "use the settings that it was started with",
        ));
    }
    Ok(())
}

/// Which outcomes are ordered again: those that were named, or all that can be.
fn wanted(request: &RetryRequest) -> Result<Vec<Outcome>, Failure> {
    let all = Outcome::RETRIED;
    if request.outcomes.is_empty() {
        return Ok(all.to_vec());
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
    request.outcomes.iter().map(named).collect()
}

fn listed(outcomes: &[Outcome]) -> String {
    let names: BTreeSet<&str> = outcomes.iter().map(|one| one.name()).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// The devices of a campaign that ended so.
async fn uncovered<S: Store>(
    store: &S,
    campaign: &Campaign,
    wanted: &[Outcome],
) -> Result<Vec<ListedDevice>, Failure> {
    let mut devices = Vec::new();
    let rows = store.each_row(campaign.id, |row| {
        if let (State::Done(outcome), Some(id)) = (row.life.state, row.device)
            && wanted.contains(&outcome)
        {
            devices.push(ListedDevice { id, name: row.name });
        }
        Ok::<(), StoreError>(())
    });
    rows.await?;
    Ok(devices)
}

/// The name of the campaign, with what round it is.
async fn next_name<S: Store>(store: &S, first: &Campaign) -> Result<CampaignName, Failure> {
    let (text, budget) = (first.name.as_str(), first.order.target.budget(Operation::Scan));
    let stem = text.rsplit_once("-retry").filter(|(_, n)| n.parse::<u32>().is_ok());
    let stem = stem.map_or(text, |(stem, _)| stem);
    for round in 1..MOST {
        let round = format!("-retry{round}");
        let room = CampaignName::MAX - round.len();
        let name = format!("{}{round}", &stem[..stem.len().min(room)]);
        let Ok(name) = name.parse() else { break };
        if store.find(&name, &budget).await?.is_none() {
            return Ok(name);
        }
    }
    Err(Failure::usage(
        "no name is left for another round",
        format!("{text} was ordered again too often"),
        "export a fresh list, and order it with `fleetsweep scan`",
    ))
}
