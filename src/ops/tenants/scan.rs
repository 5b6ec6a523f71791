//! `scan` over several tenants: each is planned by itself, in its own tenant or by its own rows of
//! a list; then one question is asked for all, and their campaigns run beside each other. A tenant
//! that cannot be planned stops alone, and is told in the plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::ZonedDateTime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::agreement::Agreement;
use super::files::{Files, OverAll};
use super::list::{Split, split};
use super::named::commands;
use super::parts::Parts;
use super::planned::{
    Planned, Start, all_have_finished, has_finished, not_begun, planned_of, refused,
    refused_beside, refused_in_all, unplanned, worst,
};
use super::rest::{Rest, path_beside, there_already};
use super::{Tenant, TenantsMeant, refuse_twins};
use crate::clock::local_now;
use crate::domain::request::{Said, ScanRequest};
use crate::domain::{Campaign, CampaignId, CampaignName, Exit, OnlyOf, StartOf, Target, Timing};
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::messages::not_begun_of;
use crate::ops::plan::approve::confirm;
use crate::ops::plan::naming::{check_comment, name_of, scan_type};
use crate::ops::plan::source::{check_source, needs_tenant};
use crate::ops::scan::{OpenCampaign, open_one};
use crate::ops::series::{Night, name_for_all};
use crate::ops::standings::{Standing, not_done, table};
use crate::ops::stores::{self, Place, with_tenant_id_of};
use crate::ops::work::{Ended, Named, ToRun, Together, alone, hand_over};
use crate::report::Document;
use crate::report::plan::Plan;
use crate::report::tenants::{OfTenant, PlannedTenant, TenantsPlan};
use crate::store::Store;

/// Tenants that are planned at the same time: each may read an inventory of some 10 MB.
const AT_ONCE: usize = 16;

/// Orders scans in several tenants, or shows what would be ordered.
///
/// # Errors
/// `Failure` if nothing can be planned, or if nobody confirms.
pub async fn scan(
    cx: &Context<'_>,
    request: ScanRequest,
    settings: ScanRequest,
    meant: TenantsMeant,
) -> Result<Exit, Failure> {
    let tenants = Tenant::all(meant.connects);
    order(cx, request.or(settings), tenants, meant.all, None).await
}

/// What is ordered again of each tenant.
pub(super) struct OrderedAgain {
    /// The campaign that left it uncovered.
    pub(super) campaign: Campaign,
    /// The order of what it left, or why there is none.
    pub(super) request: Result<ScanRequest, Failure>,
}

/// Orders scans in these tenants, by their lists or again; `knows_all` says that they are all that
/// the settings know.
///
/// # Errors
/// As of `scan`.
pub(super) async fn order(
    cx: &Context<'_>,
    request: ScanRequest,
    tenants: Vec<Tenant>,
    knows_all: bool,
    again: Option<Vec<OrderedAgain>>,
) -> Result<Exit, Failure> {
    refuse_twins(&tenants)?;
    check_source(&request)?;
    let place = Place::durable(cx.store)?;
    let speed = &request.run.speed;
    let mut timing = Timing::default().scaled(speed.time_scale.unwrap_or(1));
    timing.max_wait = speed.max_wait.map_or(timing.max_wait, |wait| wait.0);
    let asks_tenants = request.check || needs_tenant(&request);
    let store = if request.dry_run && !(asks_tenants && place.exists()) {
        stores::open_if_there(Some(&place)).await?
    } else {
        Some(stores::open(&place, timing, None).await?)
    };
    let store = store.map(Arc::new);
    let all = All { cx, request, tenants, knows_all, again, place: &place, timing };
    let exit = all.scan(store.as_ref()).await;
    match store {
        Some(store) => stores::close(&store, exit).await,
        None => exit,
    }
}

/// All tenants of one command.
struct All<'a> {
    cx: &'a Context<'a>,
    request: ScanRequest,
    tenants: Vec<Tenant>,
    /// They are all that there are.
    knows_all: bool,
    /// What is ordered again of each, where no list is read.
    again: Option<Vec<OrderedAgain>>,
    place: &'a Place,
    timing: Timing,
}

impl All<'_> {
    async fn scan<S: Store>(mut self, store: Option<&Arc<S>>) -> Result<Exit, Failure> {
        let began = local_now();
        let parts = self.prepared(store.map(|store| &**store)).await;
        let night = Night::of(&self.request, &began).zip(store);
        if let (Err(failure), Some((night, store))) = (&parts, night) {
            refused_in_all(self.cx, night, &**store, &self.tenants, failure).await;
        }
        let parts = parts?;
        let (waits, waiting) = unbounded_channel();
        let (asks, named) = (self.request.approve_max.is_none(), self.request.campaign.is_some());
        let agreement = Agreement::new(AT_ONCE, asks, waits).of_named(named);
        let planned = self.plan(&parts, &agreement, waiting, store).await;
        match (night, store, &planned) {
            (Some((night, store)), ..) => {
                refused(self.cx, night, &**store, &self.tenants, &planned).await;
            }
            (None, Some(store), Ok(planned)) => {
                let of = match &self.request.due.series {
                    Some(series) => StartOf::Series(series.clone()),
                    None => StartOf::Campaign(parts.name.clone()),
                };
                let start = Start { of, day: began.date(), request: &self.request };
                refused_beside(self.cx, start, &**store, &self.tenants, planned).await;
            }
            _ => {}
        }
        if planned.as_ref().is_ok_and(|planned| planned.values().any(Result::is_ok)) {
            return match store {
                Some(store) if !self.request.dry_run => self.run(parts, planned?, store).await,
                _ => Ok(worst(&planned?, &parts.split)),
            };
        }
        parts.files.unmake_folders();
        Ok(worst(&planned?, &parts.split))
    }

    /// What is asked of each tenant, with the folders of the reports there.
    async fn prepared<S: Store>(&mut self, store: Option<&S>) -> Result<Parts, Failure> {
        let mut parts = self.parts(store).await?;
        if !self.request.dry_run {
            parts.files.make_folders()?;
            parts.files.check(&parts.name)?;
        }
        Ok(parts)
    }

    /// What is asked of each tenant; those of which a list has no rows are left out.
    async fn parts<S: Store>(&mut self, store: Option<&S>) -> Result<Parts, Failure> {
        let now = local_now();
        let name = self.name(store, &now).await?;
        check_comment(&self.request, &name)?;
        if let Some(again) = &self.again {
            let files = Files::of(&self.request.run.output, &name, &self.tenants)?;
            let requests =
                again.iter().zip(&self.tenants).map(|(OrderedAgain { request, .. }, tenant)| {
                    let mut request = request.clone()?;
                    request.run.output.reports = files.of_tenant(tenant);
                    Ok(request)
                });
            return Ok(Parts {
                requests: requests.collect(),
                name,
                split: Split::default(),
                files,
            });
        }
        let mut owns = Vec::with_capacity(self.tenants.len());
        for tenant in &self.tenants {
            let id = id_in(store, tenant).await?;
            owns.push(tenant.own_rows(id.as_deref()));
        }
        let mut split = Split::default();
        if !self.request.from_tenant {
            split = self::split(&self.request, &self.tenants, &owns, self.knows_all).await?;
            let mut rows = split.rows.iter();
            self.tenants.retain(|_| rows.next().is_some_and(|rows| *rows > 0));
            let mut rows = split.rows.iter();
            owns.retain(|_| rows.next().is_some_and(|rows| *rows > 0));
        }
        let files = Files::of(&self.request.run.output, &name, &self.tenants)?;
        let each = self.tenants.iter().zip(owns);
        let requests = each.map(|(tenant, own)| Ok(self.request_of(tenant, own, &name, &files)));
        Ok(Parts { requests: requests.collect(), name, split, files })
    }

    fn request_of(
        &self,
        tenant: &Tenant,
        own: OnlyOf,
        name: &CampaignName,
        files: &Files,
    ) -> ScanRequest {
        let mut request = self.request.clone();
        request.campaign = Some(name.clone());
        request.only_of = if request.from_tenant { None } else { Some(own) };
        request.run.connect = tenant.connect.clone();
        request.run.output.reports = files.of_tenant(tenant);
        request
    }

    /// One name for all campaigns.
    async fn name<S: Store>(
        &self,
        store: Option<&S>,
        now: &ZonedDateTime,
    ) -> Result<CampaignName, Failure> {
        match (&self.request.due.series, store) {
            (Some(series), Some(store)) => name_for_all(store, series, now).await,
            _ => name_of(&self.request, now),
        }
    }

    /// Plans all tenants, has the whole approved, and opens their campaigns.
    async fn plan<S: Store>(
        &self,
        parts: &Parts,
        agreement: &Agreement<Plan>,
        mut waiting: UnboundedReceiver<usize>,
        store: Option<&Arc<S>>,
    ) -> Result<BTreeMap<usize, Planned>, Failure> {
        let plan = |(at, request)| self.plan_one(at, request, agreement, store);
        let mut plannings: FuturesUnordered<_> =
            parts.requests.iter().enumerate().map(plan).collect();
        let mut waits = BTreeSet::new();
        let mut ended: BTreeMap<usize, Planned> = BTreeMap::new();
        while waits.len() + ended.len() < parts.requests.len() {
            tokio::select! {
                biased;
                Some(at) = waiting.recv() => {
                    waits.insert(at);
                }
                Some((at, planned)) = plannings.next() => {
                    ended.insert(at, planned);
                }
            }
        }
        let plan = self.whole(parts, agreement, &ended)?;
        for planned in agreement.plans().values() {
            self.cx.ui.show(&ForPrograms(planned))?;
        }
        self.cx.ui.show(&plan)?;
        if !waits.is_empty() {
            let confirmed = self.confirmed(&plan).await;
            agreement.answer(confirmed.is_ok());
            // Those that were not confirmed take their drafts back.
            while let Some((at, planned)) = plannings.next().await {
                ended.insert(at, planned);
            }
            confirmed?;
        }
        Ok(ended)
    }

    async fn plan_one<S: Store>(
        &self,
        at: usize,
        request: &Result<ScanRequest, Failure>,
        agreement: &Agreement<Plan>,
        store: Option<&Arc<S>>,
    ) -> (usize, Planned) {
        let tenant = &self.tenants[at];
        let request = match request {
            Ok(request) => request,
            Err(failure) => return (at, Err(failure.clone())),
        };
        let again = self.again.as_ref().map(|again| &again[at].campaign);
        let seat = agreement.place_of(at).await;
        let ui = Named::of_tenant(self.cx.ui, &tenant.name);
        let commands = self.cx.commands.of_tenant(tenant.connect.profile.as_deref(), "");
        let cx = Context { ui: &ui, commands: &commands, ..*self.cx };
        (at, open_one(&cx, request, again, &seat, self.place, store).await)
    }

    /// The plan of all tenants.
    fn whole(
        &self,
        parts: &Parts,
        agreement: &Agreement<Plan>,
        ended: &BTreeMap<usize, Planned>,
    ) -> Result<TenantsPlan, Failure> {
        let plans = agreement.plans();
        // What has finished is no failure beside others.
        let alone = ended.len() == self.tenants.len() && all_have_finished(ended);
        let is_over = |failure: &Failure| !alone && has_finished(failure);
        let tenants = self.tenants.iter().enumerate().map(|(at, tenant)| {
            let told = match (ended.get(&at), plans.get(&at)) {
                (Some(Err(failure)), _) if is_over(failure) => {
                    Ok(PlannedTenant { finished: true, ..PlannedTenant::default() })
                }
                (Some(Err(failure)), _) => Err(not_done(failure)),
                (_, Some(plan)) => Ok(planned_of(plan)),
                // It is neither at an end nor has it a plan: nothing was planned.
                (_, None) => Ok(PlannedTenant::default()),
            };
            OfTenant { profile: tenant.name.clone(), told }
        });
        Ok(TenantsPlan {
            campaign: parts.name.clone(),
            scan_type: scan_type(&self.request)?,
            tenants: tenants.collect(),
            notes: parts.split.notes.clone(),
            dry_run: self.request.dry_run,
        })
    }

    async fn confirmed(&self, plan: &TenantsPlan) -> Result<(), Failure> {
        let devices = plan.devices();
        if devices == 0 {
            return Ok(());
        }
        let most = self.request.approve_max;
        confirm(self.cx, &plan.headline(), devices, most, false).await.map(drop)
    }

    /// Runs the campaigns that were opened, or leaves them to the workers.
    async fn run<S: Store>(
        self,
        parts: Parts,
        planned: BTreeMap<usize, Planned>,
        store: &Arc<S>,
    ) -> Result<Exit, Failure> {
        let Self { cx, request, tenants, timing, knows_all, .. } = self;
        let lost = if parts.split.lost > 0 { Exit::Attention } else { Exit::Done };
        let before = there_already(&**store, &parts.name, &tenants, &planned).await?;
        let rest = Rest::of(&tenants, &parts.requests, &planned, &before, knows_all);
        let beside = path_beside(parts.files.first_of_all(), &parts.name);
        let rest = rest.or_none(cx, &parts.split, &beside);
        let not_begun = not_begun(&request, &tenants, &planned);
        let on_event = request.run.after.on_event.as_deref();
        let (mut standings, mut to_run) = (Vec::new(), Vec::new());
        let mut of = BTreeMap::new();
        for (at, planned) in planned {
            match planned {
                Ok(Some(OpenCampaign { campaign, foreseen, api })) => {
                    of.insert(campaign.id, at);
                    to_run.push(ToRun { campaign, foreseen, api: Some(api) });
                }
                Ok(None) => {}
                Err(failure) => {
                    let standing = unplanned(&**store, &tenants[at], failure, before.get(&at));
                    standings.push((at, standing.await?));
                }
            }
        }
        let not_ordered = match rest.zip(to_run.first()) {
            Some((rest, first)) => parts.write_rest(cx, rest, &request, &first.campaign).await,
            None => None,
        };
        if request.detach {
            hand_over_all(cx, &tenants, &of, &**store, &to_run).await?;
            parts.files.tell_of_workers(cx, &parts.name, to_run.len());
            not_begun_of(cx, &parts.name, &not_begun, on_event).await;
            let exits = standings.iter().filter_map(|(_, one)| one.exit());
            return Ok(exits.fold(lost, Exit::worse_of));
        }
        let together = Together {
            store: store.clone(),
            tenants: tenants.iter().map(|tenant| tenant.connect.clone()).collect(),
            time_scale: request.run.speed.time_scale.unwrap_or(1),
            alone: alone(&request.run),
        };
        let ended = together.run(cx, to_run).await?;
        not_begun_of(cx, &parts.name, &not_begun, on_event).await;
        // A report over all keeps what an earlier run of the same command wrote into it.
        let mut campaigns: Vec<(usize, Campaign)> = before.into_iter().collect();
        for Ended { campaign, exit } in ended {
            let at = of[&campaign.id];
            campaigns.push((at, campaign.clone()));
            standings.push((at, Standing::after(tenants[at].name.clone(), campaign, exit)));
        }
        standings.sort_by_key(|(at, _)| *at);
        campaigns.sort_by_key(|(at, _)| *at);
        let standings: Vec<Standing> = standings.into_iter().map(|(_, one)| one).collect();
        let campaigns: Vec<_> = campaigns.into_iter().map(|(_, one)| one).collect();
        let (name, commands) = (&parts.name, cx.commands);
        let mut end = table(&**store, name, &standings, &timing, commands, knows_all).await?;
        let written = parts.files.write(cx, &**store, &campaigns).await;
        end.not_ordered = not_ordered;
        let exit = end.exit.unwrap_or(Exit::Done).worse_of(lost);
        let exit = exit.worse_of(written.as_ref().err().map_or(Exit::Done, |failure| failure.kind));
        OverAll::tell(&written, &mut end);
        end.exit = Some(exit);
        cx.ui.show(&end)?;
        written.map(|_| exit)
    }
}

/// Leaves these campaigns to the workers, each `of` one of the tenants.
async fn hand_over_all<S: Store>(
    cx: &Context<'_>,
    tenants: &[Tenant],
    of: &BTreeMap<CampaignId, usize>,
    store: &S,
    to_run: &[ToRun],
) -> Result<(), Failure> {
    for ToRun { campaign, .. } in to_run {
        hand_over_of(cx, &tenants[of[&campaign.id]], store, campaign).await?;
    }
    Ok(())
}

/// Leaves the campaign of a tenant to the workers.
async fn hand_over_of<S: Store>(
    cx: &Context<'_>,
    tenant: &Tenant,
    store: &S,
    campaign: &Campaign,
) -> Result<Exit, Failure> {
    let ui = Named::of_tenant(cx.ui, &tenant.name);
    let commands = commands(cx, tenant, campaign);
    hand_over(&Context { ui: &ui, commands: &commands, ..*cx }, store, campaign).await
}

/// The id of a tenant that its profile names by a domain, if the store knows it.
async fn id_in<S: Store>(store: Option<&S>, tenant: &Tenant) -> Result<Option<String>, Failure> {
    let Some(store) = store else { return Ok(None) };
    let said = crate::ops::connection::target_of(&tenant.connect)?;
    let Target { tenant, .. } = with_tenant_id_of(store, said.0).await?;
    Ok(Some(tenant))
}

/// The plan of one tenant, which people read as a line of the table.
struct ForPrograms<'a>(&'a Plan);

impl Document for ForPrograms<'_> {
    fn text(&self) -> String {
        String::new()
    }

    fn details(&self) -> String {
        self.0.details()
    }

    fn json(&self) -> String {
        self.0.json()
    }
}
