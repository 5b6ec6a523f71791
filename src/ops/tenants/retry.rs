//! `retry` over several tenants: what the campaigns of one name left uncovered is ordered again, as
//! a campaign of one name in each tenant. Planning, confirming and running are those of `scan`.

use super::named::{Found, Own, commands};
use super::scan::{OrderedAgain, order};
use super::{Tenant, TenantsMeant};
use crate::domain::request::{RetryRequest, Said, ScanRequest};
use crate::domain::text::printable;
use crate::domain::{Campaign, CampaignName, Exit};
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::retry::{Again, Nothing, next_name};
use crate::ops::stores::{self, Place};
use crate::ops::work::Named;
use crate::report::human::first_of;
use crate::store::{Store, StoreError};

/// Tenants without anything to order again that are named.
const SHOWN: usize = 10;

/// Orders again what the campaigns of a name left uncovered.
///
/// # Errors
/// `Failure` if nothing can be planned, or if nobody confirms.
pub async fn retry(
    cx: &Context<'_>,
    request: RetryRequest,
    settings: ScanRequest,
    meant: TenantsMeant,
) -> Result<Exit, Failure> {
    let Some(first) = &request.campaign else {
        return Err(Failure::usage(
            "no campaign is named",
            "each tenant has campaigns of its own, and those of one name are meant",
            format!("name one; `{}` lists them", cx.commands.of_store("status")),
        ));
    };
    let place = Place::durable(cx.store)?;
    let store = stores::open_to_read(&place).await?;
    let found = Found::of(cx, &store, Some(first), meant).await?;
    let are_all = found.are_all;
    let campaigns: Vec<&Campaign> = found.own.iter().map(|own| &own.campaign).collect();
    let name = match &request.scan.campaign {
        Some(name) => name.clone(),
        None => next_name(&store, &found.name, &campaigns).await?,
    };
    let Each { tenants, again, nothing } =
        each(cx, &store, &request, &settings, &name, found).await?;
    store.close().await?;
    let Some(one) = again.iter().find_map(|again| again.request.as_ref().ok()) else {
        return Err(none(cx, &again, nothing, first));
    };
    // What is one for all of them is told of the first.
    let shared = ScanRequest {
        campaign: Some(name),
        scan_type: one.scan_type,
        comment: one.comment.clone(),
        ..request.scan.or(settings)
    };
    refuse_several_types(&again)?;
    order(cx, shared, tenants, are_all, Some(again)).await
}

/// What is ordered again.
struct Each {
    /// The tenants that have something left, or of which that is not known.
    tenants: Vec<Tenant>,
    /// What is ordered again of each of them.
    again: Vec<OrderedAgain>,
    /// Why nothing is of the others, if there are any.
    nothing: Option<Nothing>,
}

/// What is ordered again of each tenant that has something left, or why that is not known.
async fn each<S: Store>(
    cx: &Context<'_>,
    store: &S,
    request: &RetryRequest,
    settings: &ScanRequest,
    name: &CampaignName,
    found: Found,
) -> Result<Each, Failure> {
    let (mut tenants, mut again, mut without) = (Vec::new(), Vec::new(), Vec::new());
    let mut nothing: Option<Nothing> = None;
    for Own { tenant, campaign } in found.own {
        let ui = Named::of_tenant(cx.ui, &tenant.name);
        let commands = commands(cx, &tenant, &campaign);
        let cx = Context { ui: &ui, commands: &commands, ..*cx };
        let mut settings = settings.clone();
        settings.run.connect = tenant.connect.clone();
        let scan = match campaign.pruned_at {
            Some(at) => Err(StoreError::Gone { name: campaign.name.clone(), at }.into()),
            None => {
                let own = Again { name, request, campaign: &campaign };
                own.scan(&cx, store, &mut settings).await
            }
        };
        let request = match scan {
            Ok(Ok(scan)) => Ok(scan.or(settings)),
            Ok(Err(none)) => {
                without.push(printable(&tenant.name));
                nothing = Some(match nothing {
                    Some(before) => before.and(none),
                    None => none,
                });
                continue;
            }
            Err(failure) => Err(failure),
        };
        tenants.push(tenant);
        again.push(OrderedAgain { campaign, request });
    }
    if !without.is_empty() {
        let names = first_of(&without, SHOWN, "tenant");
        cx.say(&format!("Nothing is ordered again of {names}."));
    }
    Ok(Each { tenants, again, nothing })
}

/// Why nothing is ordered again: the first reason, or that nothing is left.
fn none(
    cx: &Context<'_>,
    again: &[OrderedAgain],
    nothing: Option<Nothing>,
    name: &CampaignName,
) -> Failure {
    let status = cx.commands.of_campaign(&format!("status {name} --all-profiles"));
    let whose = format!("{name} of these tenants");
    match (again.iter().find_map(|again| again.request.as_ref().err()), nothing) {
        (Some(failure), _) => failure.clone(),
        (None, Some(nothing)) => nothing.failure(&whose, &status),
        (None, None) => Failure::usage(
            "there is nothing to order again",
            format!("there is no campaign {whose}"),
            format!("see `{status}`"),
        ),
    }
}

fn refuse_several_types(again: &[OrderedAgain]) -> Result<(), Failure> {
    let mut types = again.iter().filter_map(|again| again.request.as_ref().ok()?.scan_type);
    let first = types.next();
    if types.all(|one| Some(one) == first) {
        return Ok(());
    }
    Err(Failure::usage(
        "the scans to order again are not of one type",
        "some tenants' campaigns of that name are full scans, and others are quick scans",
        "say which with --type, or name tenants of one type with --profiles",
    ))
}
