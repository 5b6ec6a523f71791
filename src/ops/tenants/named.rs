//! Commands about the campaigns of one name of several tenants: each acts on each tenant's own
//! campaign. A tenant that has none of that name is told, and is no failure.

use std::sync::Arc;

use super::files::{Files, OverAll};
use super::{Tenant, TenantsMeant};
use crate::domain::request::{
    PauseRequest, ReportRequest, ResumeRequest, RunRequest, StatusRequest,
};
use crate::domain::text::printable;
use crate::domain::{Campaign, CampaignFilter, CampaignName, CampaignState, Exit, Timing};
use crate::ops::campaigns::{begun_so, is_whose, said_of};
use crate::ops::context::{Commands, Context};
use crate::ops::coverage::coverage;
use crate::ops::failure::Failure;
use crate::ops::pause::hold;
use crate::ops::resume::take_up;
use crate::ops::run::reports::Reports;
use crate::ops::standings::{Standing, table};
use crate::ops::status::{StartsMeant, nights_of, runs_not_begun, status_of};
use crate::ops::stores::{self, Place};
use crate::ops::work::{Ended, Named, ToRun, Together, alone};
use crate::report::human::{counted, first_of};
use crate::store::Store;
use crate::store::any::OpenedStore;

/// Tenants without a campaign that are named.
const SHOWN: usize = 10;

/// A tenant's campaign.
pub(super) struct Own {
    pub(super) tenant: Tenant,
    pub(super) campaign: Campaign,
}

/// The campaigns of one name.
pub(super) struct Found {
    pub(super) name: CampaignName,
    pub(super) own: Vec<Own>,
    /// All profiles of the settings are meant.
    pub(super) are_all: bool,
}

impl Found {
    /// Those of these tenants with this name, or with the only name that an open one of them has.
    pub(super) async fn of<S: Store>(
        cx: &Context<'_>,
        store: &S,
        name: Option<&CampaignName>,
        meant: TenantsMeant,
    ) -> Result<Self, Failure> {
        let (tenants, are_all) = (Tenant::all(meant.connects), meant.all);
        let all = match name {
            Some(name) => match store.named(name).await? {
                none if none.is_empty() => begun_so(store, name).await?,
                all => all,
            },
            None => store.select(&CampaignFilter::open()).await?,
        };
        let (mut own, mut without) = (Vec::new(), Vec::new());
        for tenant in tenants {
            let said = said_of(store, &tenant.connect).await?;
            let mut its = all.iter().filter(|one| is_whose(&one.order.target, &said)).peekable();
            if its.peek().is_none() {
                without.push(printable(&tenant.name));
            }
            own.extend(its.map(|one| Own { tenant: tenant.clone(), campaign: one.clone() }));
        }
        let Some(first) = own.first().map(|own| own.campaign.name.clone()) else {
            return Err(none(cx, name));
        };
        if let Some(other) = own.iter().find(|own| own.campaign.name != first) {
            return Err(Failure::usage(
                "campaigns of several names are open",
                format!("no name is given, and these fit: {first}, {}", other.campaign.name),
                "name one of them",
            ));
        }
        if !without.is_empty() {
            let tenants = counted(without.len() as u64, "tenant");
            let have = if without.len() == 1 { "has" } else { "have" };
            let names = first_of(&without, SHOWN, "tenant");
            let open = if name.is_none() { "open " } else { "" };
            cx.say(&format!("{tenants} of these {have} no {open}campaign {first}: {names}."));
        }
        Ok(Self { name: first, own, are_all })
    }
}

fn none(cx: &Context<'_>, name: Option<&CampaignName>) -> Failure {
    let what = match name {
        Some(name) => format!("there is no campaign {name} of these tenants"),
        None => "there is no open campaign of these tenants".to_owned(),
    };
    let next = format!("`{}` lists the campaigns", cx.commands.of_store("status"));
    Failure::usage(what, "the store holds none of theirs", next)
}

/// Tells where the campaigns of a name stand: a line for each tenant. Without a name all campaigns
/// of these tenants are told of, as those of the store are without tenants.
///
/// # Errors
/// `Failure` of its kind.
pub async fn status(
    cx: &Context<'_>,
    request: StatusRequest,
    meant: TenantsMeant,
) -> Result<Exit, Failure> {
    let place = Place::durable(cx.store)?;
    let store = stores::open_to_read(&place).await?;
    let mut tenants = Vec::new();
    for connect in &meant.connects {
        tenants.push(said_of(&store, connect).await?);
    }
    if request.campaign.is_none() {
        if request.coverage {
            coverage(cx, request.series.as_ref(), &tenants, &store).await?;
            return Ok(Exit::Done);
        }
        if request.nights {
            return nights_of(cx, &request, &store, &tenants).await;
        }
        status_of(cx, &request, &store, &tenants).await?;
        return Ok(Exit::Done);
    }
    let campaign = request.campaign.as_ref();
    let meant_starts = StartsMeant { campaign, series: None, tenants: &tenants };
    let not_begun = runs_not_begun(cx.commands, &store, meant_starts).await?;
    not_begun.iter().try_for_each(|one| cx.ui.show(one))?;
    let found = match Found::of(cx, &store, campaign, meant).await {
        // Why there is none has been told.
        Err(_) if !not_begun.is_empty() => return Ok(Exit::Done),
        found => found?,
    };
    let standing = |own: Own| {
        let Own { tenant, campaign } = own;
        Standing::of(tenant.name, campaign, None)
    };
    let all: Vec<Standing> = found.own.into_iter().map(standing).collect();
    let (name, timing) = (&found.name, &Timing::default());
    cx.ui.show(&table(&store, name, &all, timing, cx.commands, found.are_all).await?)?;
    Ok(Exit::Done)
}

/// Holds the campaigns of a name.
///
/// # Errors
/// `Failure` of its kind.
pub async fn pause(
    cx: &Context<'_>,
    request: PauseRequest,
    meant: TenantsMeant,
) -> Result<Exit, Failure> {
    let place = Place::durable(cx.store)?;
    // Looking first makes no store where there is none.
    stores::open_to_go_on(&place).await?.close().await?;
    let store = stores::open(&place, Timing::default(), None).await?;
    let held = async {
        let found = Found::of(cx, &store, request.campaign.as_ref(), meant).await?;
        for Own { tenant, campaign } in found.own {
            if campaign.state == CampaignState::Open {
                let commands = commands(cx, &tenant, &campaign);
                let ui = Named::of_tenant(cx.ui, &tenant.name);
                hold(&Context { ui: &ui, commands: &commands, ..*cx }, &store, &campaign).await?;
            }
        }
        Ok(Exit::Done)
    };
    let held = held.await;
    stores::close(&store, held).await
}

/// Goes on with the campaigns of a name, beside each other.
///
/// # Errors
/// `Failure` of its kind.
pub async fn resume(
    cx: &Context<'_>,
    request: ResumeRequest,
    settings: RunRequest,
    meant: TenantsMeant,
) -> Result<Exit, Failure> {
    let place = Place::durable(cx.store)?;
    let (name, scale) = (request.campaign.clone(), request.run.speed.time_scale);
    let (store, found, time_scale) = open_and_find(cx, &place, name.as_ref(), scale, meant).await?;
    let store = Arc::new(store);
    let timing = Timing::default().scaled(time_scale);
    let resuming = Resuming { cx, request, settings, time_scale, timing };
    let exit = resuming.run(&store, found).await;
    stores::close(&store, exit).await
}

/// Opens the store for commands that go on with the campaigns of a name, making none where there is
/// none, and finds these; with what durations are divided by, as was said or as they were begun.
///
/// # Errors
/// `Failure` if there is no such campaign, or if the store cannot be used.
pub(super) async fn open_and_find(
    cx: &Context<'_>,
    place: &Place,
    name: Option<&CampaignName>,
    scale: Option<u32>,
    meant: TenantsMeant,
) -> Result<(OpenedStore, Found, u32), Failure> {
    let store = stores::open_to_go_on(place).await?;
    let looked = async {
        let found = Found::of(cx, &store, name, meant).await?;
        let begun = match found.own.first() {
            Some(own) => store.begun(own.campaign.id).await?,
            None => None,
        };
        Ok::<_, Failure>((found, begun))
    };
    let looked = looked.await;
    // The log is looked at only while this process does not hold it.
    store.close().await?;
    let (found, begun) = looked?;
    let kept = begun.and_then(|begun| begun.request.run.speed.time_scale);
    let scale = scale.or(kept).unwrap_or(1);
    let named = Some((&found.name, cx.commands));
    let store = stores::open(place, Timing::default().scaled(scale), named).await?;
    Ok((store, found, scale))
}

/// Campaigns that are gone on with.
struct Resuming<'a> {
    cx: &'a Context<'a>,
    request: ResumeRequest,
    settings: RunRequest,
    time_scale: u32,
    timing: Timing,
}

impl Resuming<'_> {
    async fn run<S: Store>(self, store: &Arc<S>, found: Found) -> Result<Exit, Failure> {
        let Self { cx, request, settings, time_scale, timing } = self;
        let tenants: Vec<Tenant> = found.own.iter().map(|own| own.tenant.clone()).collect();
        let files = Files::of(&request.run.output, &found.name, &tenants)?;
        files.check(&found.name)?;
        let own_files = !request.run.output.reports.is_empty();
        let all: Vec<Campaign> = found.own.iter().map(|own| own.campaign.clone()).collect();
        let (mut standings, mut to_run, mut of) = (Vec::new(), Vec::new(), Vec::new());
        for Own { tenant, campaign } in found.own {
            if campaign.state == CampaignState::Finished {
                standings.push(Standing::ended_before(&**store, tenant.name, campaign).await?);
                continue;
            }
            let commands = commands(cx, &tenant, &campaign);
            let ui = Named::of_tenant(cx.ui, &tenant.name);
            let own = Context { ui: &ui, commands: &commands, ..*cx };
            let mut settings = settings.clone();
            settings.connect = tenant.connect.clone();
            let (id, mut request) = (campaign.id, request.clone());
            if own_files {
                // One file is never written for two of them.
                request.run.output.reports = files.of_tenant(&tenant);
            }
            match take_up(&own, store, campaign.clone(), &request, settings).await {
                Ok(Some(api)) => {
                    to_run.push(ToRun { campaign, foreseen: None, api: Some(api) });
                    of.push((id, tenant));
                }
                Ok(None) => standings.push(Standing::of(tenant.name, campaign, None)),
                Err(failure) => {
                    standings.push(Standing::not_run(tenant.name, campaign, &failure));
                }
            }
        }
        if request.detach {
            files.tell_of_workers(cx, &found.name, standings.len());
        }
        let together = Together {
            store: store.clone(),
            tenants: of.iter().map(|(_, tenant)| tenant.connect.clone()).collect(),
            time_scale,
            alone: alone(&request.run),
        };
        for Ended { campaign, exit } in together.run(cx, to_run).await? {
            let tenant = of.iter().find(|(id, _)| *id == campaign.id);
            let profile = tenant.map(|(_, tenant)| tenant.name.clone()).unwrap_or_default();
            standings.push(Standing::after(profile, campaign, exit));
        }
        standings.sort_by(|one, two| one.profile.cmp(&two.profile));
        let mut end =
            table(&**store, &found.name, &standings, &timing, cx.commands, found.are_all).await?;
        let written = files.write(cx, &**store, &all).await;
        let failed = written.as_ref().err().map_or(Exit::Done, |failure| failure.kind);
        let exit = end.exit.unwrap_or(Exit::Done).worse_of(failed);
        end.exit = Some(exit);
        OverAll::tell(&written, &mut end);
        cx.ui.show(&end)?;
        written.map(|_| exit)
    }
}

/// Writes the reports of the campaigns of a name again: one for each tenant, and those over all.
///
/// # Errors
/// `Failure` of its kind.
pub async fn report(
    cx: &Context<'_>,
    request: ReportRequest,
    meant: TenantsMeant,
) -> Result<Exit, Failure> {
    let place = Place::durable(cx.store)?;
    let store = stores::open_to_read(&place).await?;
    let found = Found::of(cx, &store, request.campaign.as_ref(), meant).await?;
    let tenants: Vec<Tenant> = found.own.iter().map(|own| own.tenant.clone()).collect();
    let mut files = Files::of(&request.output, &found.name, &tenants)?;
    files.make_folders()?;
    let mut written = Vec::new();
    for Own { tenant, campaign } in &found.own {
        let mut output = request.output.clone();
        output.reports = files.of_tenant(tenant);
        let reports = Reports::of(&output, campaign)?.proposing(cx.commands);
        reports.write(&store, campaign).await?;
        written.extend(output.reports.iter().map(|path| printable(&path.to_string_lossy())));
    }
    let all = first_of(&written, SHOWN, "file");
    cx.ui.say(&format!("Written, of one tenant each: {all}"));
    let campaigns: Vec<Campaign> = found.own.into_iter().map(|own| own.campaign).collect();
    let OverAll { paths, of_some } = files.write(cx, &store, &campaigns).await?;
    let names: Vec<String> = tenants.iter().map(|tenant| printable(&tenant.name)).collect();
    let whose = if of_some { first_of(&names, SHOWN, "tenant") } else { "all tenants".to_owned() };
    for path in paths {
        cx.ui.say(&format!("Written, of {whose}: {}", printable(&path)));
    }
    Ok(Exit::Done)
}

pub(super) fn commands(cx: &Context<'_>, tenant: &Tenant, campaign: &Campaign) -> Commands {
    let profile = tenant.connect.profile.as_deref();
    cx.commands.of_tenant(profile, &campaign.order.target.tenant)
}
