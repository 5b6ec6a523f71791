//! Telling where campaigns stand: how far, how fast, until when. It only reads, also while a runner
//! writes, or is dead.

mod budgets;
mod nights;
mod not_begun;
mod standing;
mod table;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;

use super::campaigns::{is_whose, named, said_of};
use super::context::Context;
use super::coverage::coverage;
use super::failure::Failure;
use super::stores::{self, Place};
use crate::domain::request::{ConnectRequest, Said, StatusRequest};
use crate::domain::{Campaign, CampaignFilter, CampaignId, CampaignName, Exit, Target};
use crate::report::Document;
use crate::store::Store;
pub(crate) use budgets::Budgets;
use nights::NoNights;
pub(crate) use nights::{is_missed, may_begin_still, series_run, windows_of};
use not_begun::NotBegun;
pub(crate) use not_begun::{
    Latest, StartsMeant, latest as latest_not_begun, read as runs_not_begun,
};
pub(crate) use standing::CampaignStatus;
use table::{More, Table};

/// Time between two looks of who watches.
const WATCH: Duration = Duration::from_secs(2);

/// What is asked for, and what settings say beside.
#[derive(Clone, Copy)]
struct Asked<'a> {
    request: &'a StatusRequest,
    settings: &'a ConnectRequest,
    /// The tenants whose campaigns are told of; none are all.
    tenants: &'a [Target],
}

/// Tells where campaigns stand.
///
/// # Errors
/// `Failure` of its kind.
pub async fn status(
    cx: &Context<'_>,
    request: StatusRequest,
    settings: ConnectRequest,
) -> Result<Exit, Failure> {
    let asked = Asked { request: &request, settings: &settings, tenants: &[] };
    let place = Place::durable(cx.store)?;
    let store = stores::open_to_read(&place).await?;
    if let Some(warning) = place.warning() {
        cx.say(&format!("Warning: {warning}"));
    }
    let mut tenants = Vec::new();
    if (request.coverage || request.nights) && is_said(&request.whose) {
        tenants.push(said_of(&store, &request.whose).await?);
    }
    if request.coverage {
        coverage(cx, request.series.as_ref(), &tenants, &store).await?;
        return Ok(Exit::Done);
    }
    if request.nights {
        return nights_of(cx, &request, &store, &tenants).await;
    }
    if request.watch {
        return watch(cx, &store, &asked).await;
    }
    tell(cx, &store, &asked, &mut |document| cx.ui.show(document)).await?;
    Ok(Exit::Done)
}

/// Tells where the campaigns of some tenants stand, whatever their names.
///
/// # Errors
/// `Failure` of its kind.
pub(super) async fn status_of<S: Store>(
    cx: &Context<'_>,
    request: &StatusRequest,
    store: &S,
    tenants: &[Target],
) -> Result<(), Failure> {
    let asked = Asked { request, settings: &ConnectRequest::default(), tenants };
    tell(cx, store, &asked, &mut |document| cx.ui.show(document)).await
}

/// Tells of the nights of series in some tenants; none are all.
///
/// # Errors
/// `Failure` of its kind.
pub(super) async fn nights_of<S: Store>(
    cx: &Context<'_>,
    request: &StatusRequest,
    store: &S,
    tenants: &[Target],
) -> Result<Exit, Failure> {
    let all = nights::read(cx, store, request.series.as_ref(), tenants).await?;
    if all.is_empty() {
        let what = "there are no nights to tell of";
        let of = if tenants.is_empty() { "" } else { " in these tenants" };
        let why = format!("no run of a series began{of} within five weeks");
        let next = "begin one with `scan --series NAME`, or see `fleetsweep status`";
        return Err(Failure::usage(what, why, next));
    }
    all.iter().try_for_each(|nights| cx.ui.show(nights))?;
    let is_missing =
        |one: &&Target| !one.tenant.is_empty() && !all.iter().any(|nights| nights.is_of(one));
    for target in tenants.iter().filter(is_missing) {
        let (tenant, tenant_name) = (target.tenant.clone(), cx.commands.tenant_name(target));
        cx.ui.show(&NoNights { series: request.series.clone(), tenant, tenant_name })?;
    }
    Ok(Exit::Done)
}

/// Tells it anew until a signal, which is how it is meant to end.
async fn watch<S: Store>(cx: &Context<'_>, store: &S, asked: &Asked<'_>) -> Result<Exit, Failure> {
    let mut stopping = cx.stop.listen()?;
    let mut before = None;
    loop {
        let mut texts = Vec::new();
        let mut take = |document: &dyn Document| {
            texts.push(document.text());
            Ok(())
        };
        tell(cx, store, asked, &mut take).await?;
        texts.retain(|text| !text.is_empty());
        let text = texts.join("\n");
        if before.as_ref() != Some(&text) {
            cx.ui.redraw(&text, before.is_none())?;
            before = Some(text);
        }
        if stopping.unless_stopped(sleep(WATCH)).await.is_none() {
            return Ok(Exit::Done);
        }
    }
}

/// What is told, where it goes.
type Show<'a> = dyn FnMut(&dyn Document) -> Result<(), Failure> + Send + 'a;

async fn tell<S: Store>(
    cx: &Context<'_>,
    store: &S,
    asked: &Asked<'_>,
    show: &mut Show<'_>,
) -> Result<(), Failure> {
    let Asked { request, settings, tenants } = *asked;
    let names = &cx.commands.tenants;
    let not_begun = not_begun_of(cx, store, asked).await?;
    let mut campaigns = match (&request.campaign, &request.series) {
        (Some(name), _) => {
            let whose = request.whose.clone().or(settings.clone());
            let all = match meant(cx, store, name, &whose).await {
                // Why there is none is told.
                Err(_) if !not_begun.is_empty() => Vec::new(),
                all => all?,
            };
            of_said(store, all, &request.whose).await?
        }
        (None, Some(series)) => store.select(&CampaignFilter::default().of_series(series)).await?,
        (None, None) if request.all => store.campaigns().await?,
        (None, None) => open_and_latest(store).await?,
    };
    campaigns.retain(|one| request.series.as_ref().is_none_or(|series| series.has(&one.name)));
    let is_bounded = request.campaign.is_none() && request.series.is_none() && !request.all;
    let left_out = is_bounded && campaigns.len() >= LATEST;
    let is_theirs = |one: &Campaign| tenants.iter().any(|own| is_whose(&one.order.target, own));
    campaigns.retain(|one| tenants.is_empty() || is_theirs(one));
    if campaigns.is_empty() && (request.campaign.is_none() || not_begun.is_empty()) {
        let of = if tenants.is_empty() { "" } else { " of these tenants" };
        show(&Nothing { of, store: store.place() })?;
    }
    let (mut budgets, mut all) = (Budgets::default(), Vec::new());
    let mut of_name = BTreeMap::<CampaignName, usize>::new();
    for campaign in &campaigns {
        *of_name.entry(campaign.name.clone()).or_default() += 1;
    }
    for campaign in campaigns {
        let commands = cx.commands.told_apart(names, &campaign, of_name[&campaign.name] > 1);
        let resume = commands.going_on(&campaign.name);
        let retry = commands.of_campaign(&format!("retry {}", campaign.name));
        let status = CampaignStatus::read(store, campaign, &mut budgets).await?;
        all.push(CampaignStatus { go_on: status.resume(&resume), retry, ..status });
    }
    not_begun.iter().try_for_each(|one| show(one))?;
    if all.len() > 1 {
        show(&Table { all, names })?;
        show(&More { command: cx.commands.of_store("status NAME") })?;
    } else {
        for standing in all {
            let standing = match request.campaign {
                Some(_) if request.watch => standing.with_story(store).await?,
                Some(_) => {
                    let standing = standing.with_story(store).await?;
                    standing.with_failures(store).await?.with_what_follows(cx.commands)
                }
                None => standing,
            };
            show(&standing)?;
        }
    }
    if left_out {
        show(&Older { all: cx.commands.of_store("status --all") })?;
    }
    Ok(())
}

/// The runs of what is asked for that did not begin.
async fn not_begun_of<S: Store>(
    cx: &Context<'_>,
    store: &S,
    Asked { request, tenants, .. }: &Asked<'_>,
) -> Result<Vec<NotBegun>, Failure> {
    let (campaign, series) = (request.campaign.as_ref(), request.series.as_ref());
    let typed = is_said(&request.whose) && tenants.is_empty();
    let said = if typed { Some(said_of(store, &request.whose).await?) } else { None };
    let tenants = said.as_ref().map_or(*tenants, std::slice::from_ref);
    runs_not_begun(cx.commands, store, StartsMeant { campaign, series, tenants }).await
}

/// The campaign of this name, or else those whose names begin so.
///
/// # Errors
/// `Failure` if there is none, or if the store cannot be read.
async fn meant<S: Store>(
    cx: &Context<'_>,
    store: &S,
    name: &CampaignName,
    whose: &ConnectRequest,
) -> Result<Vec<Campaign>, Failure> {
    if store.named(name).await?.is_empty() {
        let begins = Some(name.to_string());
        let filter = CampaignFilter { name_begins: begins, ..CampaignFilter::default() };
        let all = store.select(&filter).await?;
        if !all.is_empty() {
            return Ok(all);
        }
    }
    Ok(vec![named(cx, store, name, whose).await?])
}

/// Whether a tenant or an application was typed.
fn is_said(typed: &ConnectRequest) -> bool {
    typed.tenant.is_some() || typed.client_id.is_some()
}

/// Those of the tenant and the application that were typed, if any were.
async fn of_said<S: Store>(
    store: &S,
    mut all: Vec<Campaign>,
    typed: &ConnectRequest,
) -> Result<Vec<Campaign>, Failure> {
    if is_said(typed) {
        let said = said_of(store, typed).await?;
        all.retain(|one| is_whose(&one.order.target, &said));
    }
    Ok(all)
}

/// Finished campaigns that are told of, unless all are asked for.
pub(crate) const LATEST: usize = 50;

/// The campaigns that are open, and the latest ones, the latest first.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(crate) async fn open_and_latest<S: Store>(store: &S) -> Result<Vec<Campaign>, Failure> {
    let latest = CampaignFilter { latest: Some(LATEST), ..CampaignFilter::default() };
    let mut all = store.select(&latest).await?;
    if all.len() == LATEST {
        let oldest = all.last().map_or(CampaignId(0), |campaign| campaign.id);
        let open = store.select(&CampaignFilter::open()).await?;
        all.extend(open.into_iter().filter(|campaign| campaign.id < oldest));
    }
    Ok(all)
}

/// There are more campaigns than were told of; programs are told of all.
struct Older {
    all: String,
}

impl Document for Older {
    fn text(&self) -> String {
        format!("Older campaigns that are finished are not told of; `{}` does.", self.all)
    }

    fn json(&self) -> String {
        String::new()
    }
}

/// There is no campaign to tell of, which programs see by themselves.
struct Nothing {
    of: &'static str,
    store: String,
}

impl Document for Nothing {
    fn text(&self) -> String {
        format!("No campaigns{} in {}.", self.of, self.store)
    }

    fn json(&self) -> String {
        String::new()
    }
}
