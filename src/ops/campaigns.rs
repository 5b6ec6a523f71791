//! Finding the campaign that a command is about: by its name and tenant, or the only one that fits.
//! Where several fit, none is guessed.

use super::connection::target_of;
use super::context::Context;
use super::failure::Failure;
use super::happenings::followed;
use super::named_tenant::{NamedTenant, name_of};
use super::process::looked_at;
use super::stores::{self, Place};
use crate::clock::Clock;
use crate::domain::request::ConnectRequest;
use crate::domain::service::{id_of, service_of};
use crate::domain::text::printable;
use crate::domain::{
    Begun, BudgetKey, Campaign, CampaignFilter, CampaignName, CampaignState, LastRun, Operation,
    Rest, Target, Timing,
};
use crate::store::{Store, StoreError};
use crate::system::shell;

/// As many campaigns are named where several fit.
const NAMED: usize = 20;

/// Which campaign a command is about.
pub(super) struct Meant<'a> {
    /// Its name; without one it must be the only one that fits.
    pub name: Option<&'a CampaignName>,
    /// Whose it is, where campaigns of several tenants have that name: what was typed, or else what
    /// settings say.
    pub whose: ConnectRequest,
    /// The command only reads it: of several, one that is open is the one that people look at.
    pub reads: bool,
}

/// The campaign of this name, or the only one that is open.
///
/// # Errors
/// `Failure` if there is none, or if several fit; it lists them.
pub(super) async fn open_campaign<S: Store>(
    cx: &Context<'_>,
    store: &S,
    meant: &Meant<'_>,
) -> Result<Campaign, Failure> {
    let campaign = match meant.name {
        Some(name) => named(cx, store, name, &meant.whose).await?,
        None => {
            let open = open_ones(store).await?;
            if open.is_empty()
                && let Some(failure) = any_cancelling_left(cx, store).await?
            {
                return Err(failure);
            }
            let next = format!("`{}` lists all campaigns", cx.commands.of_store("status"));
            only(open, "open campaign", &next)?
        }
    };
    let is_followed = followed(store, &campaign).await?;
    if campaign.state == CampaignState::Finished || is_followed {
        let name = &campaign.name;
        let how = how_it_is_over(&campaign);
        let now = store.clock().shared_utc();
        let last = looked_at(campaign.clone()).last_run;
        if let Some(left) =
            last.as_ref().and_then(|run| run.cancelling_left(now, &Timing::default()))
        {
            return Err(cancelling_left(cx, name, how, left));
        }
        if is_followed {
            return Err(Failure::refused(
                format!("campaign {name} is over"),
                "the next run of its series took over what waited in it",
                format!("`{}` tells of that run", cx.commands.of_store("status --nights")),
            ));
        }
        let rest = Rest::of(campaign.called_off, false);
        let again = store.tally(campaign.id).await?.again(rest).command(name).map(|command| {
            let again = cx.commands.of_campaign(&command);
            format!("; `{again}` orders again what it left uncovered")
        });
        let again = again.unwrap_or_default();
        return Err(Failure::refused(
            format!("campaign {name} {how}"),
            "every row has its outcome, so there is nothing to go on with",
            format!("see `{}`{again}", cx.commands.of_store(&format!("report {name}"))),
        ));
    }
    Ok(campaign)
}

/// The campaigns that are open; the next run of its series goes on with what waited in others.
async fn open_ones<S: Store>(store: &S) -> Result<Vec<Campaign>, Failure> {
    let mut open = Vec::new();
    for one in store.select(&CampaignFilter::open()).await? {
        if !followed(store, &one).await? {
            open.push(one);
        }
    }
    Ok(open)
}

/// Nothing waits in any campaign, but who took back the orders of the latest of them that somebody
/// took back did not come to an end.
async fn any_cancelling_left<S: Store>(
    cx: &Context<'_>,
    store: &S,
) -> Result<Option<Failure>, StoreError> {
    let latest = CampaignFilter { latest: Some(NAMED), ..CampaignFilter::default() };
    let now = store.clock().shared_utc();
    let found = store.select(&latest).await?.into_iter().map(looked_at).find_map(|one| {
        let left = one.last_run.as_ref()?.cancelling_left(now, &Timing::default())?;
        Some(cancelling_left(cx, &one.name, how_it_is_over(&one), left))
    });
    Ok(found)
}

fn how_it_is_over(campaign: &Campaign) -> &'static str {
    if campaign.called_off { "was cancelled" } else { "is finished" }
}

/// Nothing waits in the campaign, but who took its orders back did not come to an end.
fn cancelling_left(cx: &Context<'_>, name: &CampaignName, how: &str, left: &LastRun) -> Failure {
    let again = cx.commands.of_campaign(&format!("cancel {name}"));
    let again = left.again.clone().unwrap_or(again);
    let ended = if left.ended.is_some() { "stopped" } else { "was killed" };
    Failure::refused(
        format!("campaign {name} {how}, and taking back what it ordered {ended} on the way"),
        "nothing of it waits to be ordered; scans that it ordered may be left",
        format!("`{again}` goes on with taking them back"),
    )
}

/// The campaign of this name, or the only one that there is, or the only open one if that does no
/// harm to another one; with its rows.
///
/// # Errors
/// `Failure` if there is none, or if several fit, which it lists, or if its rows were pruned.
pub(super) async fn any_campaign<S: Store>(
    cx: &Context<'_>,
    store: &S,
    meant: &Meant<'_>,
) -> Result<Campaign, Failure> {
    let campaign = match meant.name {
        Some(name) => named(cx, store, name, &meant.whose).await?,
        None => {
            let latest = CampaignFilter { latest: Some(NAMED + 1), ..CampaignFilter::default() };
            let mut fit = store.select(&latest).await?;
            if meant.reads
                && fit.len() > 1
                && let Ok(said) = said_of(store, &meant.whose).await
            {
                let mut open = open_ones(store).await?;
                open.retain(|one| is_whose(&one.order.target, &said));
                fit = if open.len() == 1 { open } else { fit };
            }
            only(fit, "campaign", "start one with `fleetsweep scan`")?
        }
    };
    match campaign.pruned_at {
        Some(at) => Err(StoreError::Gone { name: campaign.name, at }.into()),
        None => Ok(campaign),
    }
}

/// A campaign, and what it was begun with, if that was kept.
pub(super) struct KeptCampaign {
    /// The campaign.
    pub campaign: Campaign,
    /// What it was begun with.
    pub begun: Option<Begun>,
}

/// The campaign of this name, or the only one, in a store that is opened for that alone and let go
/// of again: a command that will write opens it anew, and makes none where there is none.
///
/// # Errors
/// As `any_campaign`, or if the store cannot be read.
pub(super) async fn any_campaign_in(
    cx: &Context<'_>,
    place: &Place,
    meant: &Meant<'_>,
) -> Result<KeptCampaign, Failure> {
    let store = stores::open_to_go_on(place).await?;
    let campaign = any_campaign(cx, &store, meant).await?;
    let begun = store.begun(campaign.id).await?;
    store.close().await?;
    Ok(KeptCampaign { campaign, begun })
}

/// The campaigns that one of this name meets: the open ones on its budget, and its own.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(super) async fn beside<S: Store>(
    store: &S,
    budget: &BudgetKey,
    name: &CampaignName,
) -> Result<Vec<Campaign>, Failure> {
    let mut all = store.select(&CampaignFilter::open_on(budget)).await?;
    if let Some(own) = store.find(name, budget).await?
        && all.iter().all(|one| one.id != own.id)
    {
        all.push(own);
    }
    Ok(all)
}

/// The campaign of this name; where several tenants have one of it, that of `whose` tenant.
///
/// # Errors
/// `Failure` if there is none, or if nothing says which one is meant.
pub(super) async fn named<S: Store>(
    cx: &Context<'_>,
    store: &S,
    name: &CampaignName,
    whose: &ConnectRequest,
) -> Result<Campaign, Failure> {
    let mut all = store.named(name).await?;
    if all.is_empty() {
        all = begun_so(store, name).await?;
    }
    if let [first, _, ..] = &all[..] {
        let name = &first.name.clone();
        return one_of(cx, store, name, all, whose).await;
    }
    all.pop().ok_or_else(|| {
        Failure::usage(
            format!("there is no campaign {name}"),
            format!("the store at {} does not know it", store.place()),
            format!(
                "`{}` lists the campaigns; another store is named with --store",
                cx.commands.of_store("status")
            ),
        )
    })
}

/// The campaigns of the only name that begins so; none if no name does.
///
/// # Errors
/// `Failure` if several names do; it lists them.
pub(super) async fn begun_so<S: Store>(
    store: &S,
    begin: &CampaignName,
) -> Result<Vec<Campaign>, Failure> {
    let begins = Some(begin.to_string());
    let all =
        store.select(&CampaignFilter { name_begins: begins, ..CampaignFilter::default() }).await?;
    let mut names: Vec<&CampaignName> = all.iter().map(|one| &one.name).collect();
    names.sort();
    names.dedup();
    if names.len() > 1 {
        let shown: Vec<String> = names.iter().take(NAMED).map(|name| name.to_string()).collect();
        let more = if names.len() > NAMED { ", ..." } else { "" };
        return Err(Failure::usage(
            format!("there is no campaign {begin}"),
            format!("several names begin so: {}{more}", shown.join(", ")),
            "type more of the name",
        ));
    }
    Ok(all)
}

/// The one that is meant of several campaigns of one name.
async fn one_of<S: Store>(
    cx: &Context<'_>,
    store: &S,
    name: &CampaignName,
    all: Vec<Campaign>,
    whose: &ConnectRequest,
) -> Result<Campaign, Failure> {
    let said = said_of(store, whose).await?;
    let service = if whose.cloud.is_some() || whose.api_url.is_some() {
        Some(service_of(&said.api_origin))
    } else {
        None
    };
    let fits = |one: &&Campaign| {
        let target = &one.order.target;
        is_whose(target, &said)
            && service.as_ref().is_none_or(|service| *service == service_of(&target.api_origin))
    };
    let fit: Vec<&Campaign> = all.iter().filter(fits).collect();
    if let [one] = fit[..] {
        cx.commands.tell_apart(whose_options(one, &all, &[]));
        return Ok(one.clone());
    }
    let names = &cx.commands.tenants;
    let told: Vec<String> = all.iter().map(|one| whose_words(one, names)).collect();
    let such_as = whose_options(&all[0], &all, names);
    let why = match fit.len() {
        0 => "none is of the tenant and application that are set here",
        _ => "nothing says which one is meant",
    };
    Err(Failure::usage(
        format!("there are {} campaigns {name}", all.len()),
        format!("{why}: {}", told.join("; ")),
        format!("say whose is meant, such as{such_as}, or all of them with --all-profiles"),
    ))
}

/// Whose campaigns these settings mean: with the id of a tenant that is given by its domain, as far
/// as the store knows it.
///
/// # Errors
/// `Failure` if a setting is wrong, or if the store cannot be read.
pub(super) async fn said_of<S: Store>(
    store: &S,
    whose: &ConnectRequest,
) -> Result<Target, Failure> {
    Ok(stores::with_tenant_id_of(store, target_of(whose)?.0).await?)
}

/// Whether a target is of the tenant and the application that were said; what was not is empty, and
/// leaves it open.
pub(super) fn is_whose(target: &Target, said: &Target) -> bool {
    let fits = |said: &str, there: &str| said.is_empty() || id_of(said) == id_of(there);
    fits(&said.tenant, &target.tenant) && fits(&said.application, &target.application)
}

fn whose_words(campaign: &Campaign, names: &[NamedTenant]) -> String {
    let Target { tenant, application, cloud, .. } = &campaign.order.target;
    let profile = name_of(names, tenant).map(|name| format!("profile {}, ", printable(name)));
    let (tenant, application) = (printable(tenant), printable(application));
    let cloud = printable(cloud);
    let profile = profile.unwrap_or_default();
    format!("one of {profile}tenant {tenant}, application {application} ({cloud})")
}

/// The options that tell a campaign from the others of its name: a profile, if one of these names
/// says enough. One tenant has several of a name where several applications ordered them.
fn whose_options(one: &Campaign, all: &[Campaign], names: &[NamedTenant]) -> String {
    let Target { tenant, application, .. } = &one.order.target;
    let own_tenant = |other: &&Campaign| id_of(&other.order.target.tenant) == id_of(tenant);
    let shared = all.iter().filter(own_tenant).count();
    if let (1, Some(profile)) = (shared, name_of(names, tenant)) {
        return format!(" --profile {}", shell::word(profile));
    }
    let mut options = format!(" --tenant {}", shell::word(tenant));
    if shared > 1 {
        options.push_str(&format!(" --client-id {}", shell::word(application)));
    }
    options
}

/// Lets the commands that are proposed from now on say whose campaign is meant, if campaigns of
/// other tenants have the name of one of this target too.
///
/// # Errors
/// `StoreError` if the store fails.
pub(super) async fn tell_apart<S: Store>(
    cx: &Context<'_>,
    store: &S,
    name: &CampaignName,
    target: &Target,
) -> Result<(), StoreError> {
    let budget = |target: &Target| target.budget(Operation::Scan);
    let mut others = store.named(name).await?;
    others.retain(|one| budget(&one.order.target) != budget(target));
    if let Some(other) = others.first() {
        let mut own = other.clone();
        own.order.target = target.clone();
        others.push(own.clone());
        cx.commands.tell_apart(whose_options(&own, &others, &[]));
    }
    Ok(())
}

fn only(mut fit: Vec<Campaign>, what: &str, if_none: &str) -> Result<Campaign, Failure> {
    if fit.len() > 1 {
        fit.sort_by_key(|one| !one.may_order());
        let are_mixed = fit.iter().any(Campaign::may_order) && !fit.iter().all(Campaign::may_order);
        let told = |one: &Campaign| match are_mixed && one.may_order() {
            true => format!("{} (open)", one.name),
            false => one.name.to_string(),
        };
        let names: Vec<String> = fit.iter().take(NAMED).map(told).collect();
        let (how_many, more) = match fit.len() {
            some if some > NAMED => (format!("more than {NAMED}"), ", ..."),
            some => (some.to_string(), ""),
        };
        return Err(Failure::usage(
            format!("there are {how_many} {what}s"),
            format!("no name is given, and these fit: {}{more}", names.join(", ")),
            "name one of them",
        ));
    }
    fit.pop().ok_or_else(|| {
        Failure::usage(format!("there is no {what}"), "the store holds none", if_none)
    })
}
