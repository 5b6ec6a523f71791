//! `cancel` over several tenants: each tenant's campaign of a name is taken back as `cancel` takes
//! back one, at the same time and after one question for all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::agreement::Agreement;
use super::files::Files;
use super::named::{Found, Own, commands, open_and_find};
use super::{Tenant, TenantsMeant};
use crate::domain::request::{CancelRequest, RunRequest};
use crate::domain::{Caught, Exit};
use crate::engine::StopLevel;
use crate::ops::campaigns::KeptCampaign;
use crate::ops::cancel::prepare;
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::plan::approve::confirm_cancel_of_all;
use crate::ops::run::reports::Reports;
use crate::ops::standings::not_done;
use crate::ops::stop::{Heard, Stop};
use crate::ops::stores::{self, Place};
use crate::ops::work::Named;
use crate::report::cancels::CancelPlan;
use crate::report::tenants::{CancelledTenant, OfTenant, TenantsCancel};
use crate::store::Store;

/// Tenants whose lists of actions are read at the same time.
const AT_ONCE: usize = 8;

/// Cancels what the campaigns of a name ordered.
///
/// # Errors
/// `Failure` if nothing can be planned, or if nobody confirms.
pub async fn cancel(
    cx: &Context<'_>,
    request: CancelRequest,
    settings: RunRequest,
    meant: TenantsMeant,
) -> Result<Exit, Failure> {
    if !request.output.reports.is_empty() {
        let why = "each tenant's report is written where it was";
        return Err(Failure::usage("--report is for one tenant", why, "leave it out"));
    }
    let place = Place::durable(cx.store)?;
    let (name, scale) = (request.campaign.clone(), request.speed.time_scale);
    let (store, found, _) = open_and_find(cx, &place, name.as_ref(), scale, meant).await?;
    let store = Arc::new(store);
    let exit = async {
        let tenants: Vec<Tenant> = found.own.iter().map(|own| own.tenant.clone()).collect();
        let mut files = Files::of(&request.output, &found.name, &tenants)?;
        if !request.dry_run && lack_reports(cx, &*store, &found).await? {
            files.make_folders()?;
        }
        let all = All { cx, request, settings, found, files };
        let exit = all.cancel(&store).await;
        // Where nobody confirmed, nothing stands in it.
        all.files.unmake_folders();
        exit
    };
    let exit = exit.await;
    stores::close(&store, exit).await
}

/// The campaigns of all tenants.
struct All<'a> {
    cx: &'a Context<'a>,
    request: CancelRequest,
    settings: RunRequest,
    found: Found,
    /// Where the reports go of those that have none yet.
    files: Files,
}

/// How each ended, by the place of its tenant.
type Ended = BTreeMap<usize, Result<Exit, Failure>>;

impl All<'_> {
    async fn cancel<S: Store>(&self, store: &Arc<S>) -> Result<Exit, Failure> {
        let Self { cx, request, found, .. } = self;
        let (waits, mut waiting) = unbounded_channel();
        let agreement = Agreement::new(AT_ONCE, request.approve_max.is_none(), waits);
        let (mut cancels, mut signals) = (FuturesUnordered::new(), Vec::new());
        for (at, own) in found.own.iter().enumerate() {
            let (signal, heard) = unbounded_channel();
            signals.push(signal);
            let stop = Stop::new(Box::new(move || Ok(heard)));
            cancels.push(self.one(at, own, stop, &agreement, store));
        }
        let (mut waits, mut ended) = (BTreeSet::new(), Ended::new());
        while waits.len() + ended.len() < found.own.len() {
            tokio::select! {
                biased;
                Some(at) = waiting.recv() => {
                    waits.insert(at);
                }
                Some((at, exit)) = cancels.next() => {
                    ended.insert(at, exit);
                }
            }
        }
        let plan = self.plan(&agreement.plans(), &ended);
        cx.ui.show(&plan)?;
        if !waits.is_empty() {
            let (headline, most) = (plan.headline(), request.approve_max);
            let (name, concerned) = (found.name.as_str(), plan.concerned());
            let confirmed = match concerned {
                0 => Ok(()),
                _ => confirm_cancel_of_all(cx, name, headline, concerned, most).await,
            };
            agreement.answer(confirmed.is_ok());
            confirmed?;
            let mut stopping = cx.stop.listen()?;
            while !cancels.is_empty() {
                tokio::select! {
                    biased;
                    heard = stopping.heard(), if stopping.level() != StopLevel::Now => {
                        if let Heard::Level(_) = heard {
                            tell(&signals, stopping.caught().unwrap_or(Caught::Interrupt));
                        }
                    }
                    Some((at, exit)) = cancels.next() => {
                        ended.insert(at, exit);
                    }
                }
            }
        }
        Ok(self.worst(&ended))
    }

    async fn one<S: Store>(
        &self,
        at: usize,
        own: &Own,
        stop: Stop,
        agreement: &Agreement<CancelPlan>,
        store: &Arc<S>,
    ) -> (usize, Result<Exit, Failure>) {
        let seat = agreement.place_of(at).await;
        let Own { tenant, campaign } = own;
        let (ui, commands) =
            (Named::of_tenant(self.cx.ui, &tenant.name), commands(self.cx, tenant, campaign));
        let cx = Context { ui: &ui, stop: &stop, commands: &commands, ..*self.cx };
        let settings = RunRequest { connect: tenant.connect.clone(), ..self.settings.clone() };
        let cancelled = async {
            let begun = store.begun(campaign.id).await?;
            let kept = KeptCampaign { campaign: campaign.clone(), begun };
            let mut request = self.request.clone();
            if Reports::kept(&cx, campaign, kept.begun.as_ref()).is_empty() {
                // One file is never written for two of them.
                request.output.reports = self.files.of_tenant(tenant);
            }
            let prepared = prepare(&cx, &request, settings, &kept).await?;
            prepared.cancel(&cx, &request, store, campaign, &seat).await
        };
        (at, cancelled.await)
    }

    fn plan(&self, plans: &BTreeMap<usize, CancelPlan>, ended: &Ended) -> TenantsCancel {
        let tenants = self.found.own.iter().enumerate().map(|(at, own)| {
            let told = match (ended.get(&at), plans.get(&at)) {
                (Some(Err(failure)), _) => Err(not_done(failure)),
                (_, plan) => Ok(plan.map(planned_of).unwrap_or_default()),
            };
            OfTenant { profile: own.tenant.name.clone(), told }
        });
        TenantsCancel {
            campaign: self.found.name.clone(),
            tenants: tenants.collect(),
            dry_run: self.request.dry_run,
        }
    }

    /// Tells what failed, and returns the worst of all.
    fn worst(&self, ended: &Ended) -> Exit {
        let exit = |(at, exit): (&usize, &Result<Exit, Failure>)| match exit {
            Ok(exit) => *exit,
            Err(failure) => {
                let profile = &self.found.own[*at].tenant.name;
                let Failure { what, why, next, .. } = failure;
                self.cx.ui.say(&format!("{profile}: {what}: {why}; {next}"));
                failure.kind
            }
        };
        ended.iter().map(exit).fold(Exit::Done, Exit::worse_of)
    }
}

/// Whether it is not known of one of them where its report is.
async fn lack_reports<S: Store>(
    cx: &Context<'_>,
    store: &S,
    found: &Found,
) -> Result<bool, Failure> {
    for Own { campaign, .. } in &found.own {
        let begun = store.begun(campaign.id).await?;
        if Reports::kept(cx, campaign, begun.as_ref()).is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn planned_of(plan: &CancelPlan) -> CancelledTenant {
    let waiting = plan.waiting.unwrap_or_default();
    CancelledTenant { scans: plan.to_cancel(), waiting, concerned: plan.concerned() }
}

fn tell(signals: &[UnboundedSender<Caught>], caught: Caught) {
    // One that ended meanwhile hears nothing any more.
    for signal in signals {
        signal.send(caught).ok();
    }
}
