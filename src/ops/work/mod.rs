//! `work`: one process that runs whatever campaigns are open, of all tenants that it can sign in
//! to: those that were handed over, and those whose process or host died. Which those are is
//! `Campaign::may_be_taken`'s to say; how one is run is `run`'s. Claims need no lease, so two
//! workers on one campaign are safe, and only wasteful.

mod campaign;
mod face;
mod floor;
mod hand_over;
mod not_run;
mod sum;
mod tenants;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::Context;
use super::failure::Failure;
use super::metrics;
use super::standings::{Standing, table};
use super::stores::{self, Place};
use super::ui::Service;
use crate::domain::request::{ConnectRequest, RunRequest, WorkRequest};
use crate::domain::{CampaignName, Exit, Timing};
use crate::store::Store;
pub(super) use campaign::ToRun;
use campaign::Worker;
pub(super) use face::Named;
pub(super) use floor::Ended;
use floor::{Ends, Floor, Takes};
pub(super) use hand_over::hand_over;
use tenants::Tenants;

/// Runs open campaigns until a signal, or until nothing is open that could be run here. The exit is
/// the worst of the campaigns'.
///
/// # Errors
/// `Failure` if the store cannot be used.
pub async fn work(cx: &Context<'_>, request: WorkRequest) -> Result<Exit, Failure> {
    let place = Place::durable(cx.store)?;
    request.metrics.as_deref().map_or(Ok(()), metrics::file::check)?;
    let time_scale = request.time_scale.unwrap_or(1);
    let timing = Timing::default().scaled(time_scale);
    let mut stopping = cx.stop.listen()?;
    let store = Arc::new(stores::open(&place, timing, None).await?);
    let tenants = Tenants::known(&*store, request.tenants).await?;
    cx.ui.say(&format!("Working on the open campaigns of {tenants}, in the store {place}."));
    cx.ui.service(&Service::Ready);
    let worker = Worker::new(store.clone(), tenants, time_scale)?;
    let takes = if request.until_idle { Takes::UntilIdle } else { Takes::Whatever };
    let floor = Floor { cx, worker: &worker, timing, takes };
    let file = request.metrics.as_deref();
    let ended = tokio::select! {
        ended = floor.run(&mut stopping, Vec::new()) => ended,
        never = metrics::file::keep(&*store, file, timing.report_every) => match never {},
    };
    if let Some(file) = file {
        metrics::file::write(&*store, file).await;
    }
    let exit = match ended {
        Ok(Ends { worst, each }) => {
            let tell = tell_each(cx, &*store, &worker, each, &timing);
            // Each campaign has told its own end.
            if let Some(Err(failure)) = stopping.unless_stopped(tell).await {
                cx.say(&format!("Warning: {}: {}", failure.what, failure.why));
            }
            Ok(worst)
        }
        Err(failure) => Err(failure),
    };
    stores::close(&store, exit).await
}

/// A table for each name that several tenants' campaigns have, with a line for each tenant.
async fn tell_each<S: Store>(
    cx: &Context<'_>,
    store: &S,
    worker: &Worker<S>,
    each: Vec<Ended>,
    timing: &Timing,
) -> Result<(), Failure> {
    let mut of: BTreeMap<CampaignName, BTreeMap<String, Standing>> = BTreeMap::new();
    for Ended { campaign, exit } in each {
        let profile = worker.profile(&campaign).unwrap_or(&campaign.order.target.tenant).to_owned();
        let tenants = of.entry(campaign.name.clone()).or_default();
        tenants.insert(profile.clone(), Standing::after(profile, campaign, exit));
    }
    for (name, tenants) in of.into_iter().filter(|(_, tenants)| tenants.len() > 1) {
        let all: Vec<Standing> = tenants.into_values().collect();
        cx.ui.show(&table(store, &name, &all, timing, cx.commands, false).await?)?;
    }
    Ok(())
}

/// How campaigns are run beside each other that this process began or goes on with.
pub(super) struct Together<S> {
    /// The store of all of them.
    pub store: Arc<S>,
    /// What is said of each tenant.
    pub tenants: Vec<ConnectRequest>,
    /// What durations and windows are divided by.
    pub time_scale: u32,
    /// What holds for this run alone, and is not kept with the campaigns.
    pub alone: RunRequest,
}

impl<S: Store> Together<S> {
    /// Runs these campaigns beside each other until each has ended, or a signal ends all.
    ///
    /// # Errors
    /// `Failure` if the settings of a tenant are wrong, or if signals cannot be received.
    pub(super) async fn run(
        self,
        cx: &Context<'_>,
        campaigns: Vec<ToRun>,
    ) -> Result<Vec<Ended>, Failure> {
        let Self { store, tenants, time_scale, alone } = self;
        let tenants = Tenants::known(&*store, tenants).await?;
        let mut worker = Worker::new(store, tenants, time_scale)?.for_itself(alone);
        campaigns.iter().for_each(|one| worker.expect(one));
        let timing = Timing::default().scaled(time_scale);
        let floor = Floor { cx, worker: &worker, timing, takes: Takes::Nothing };
        let mut stopping = cx.stop.listen()?;
        let campaigns = campaigns.into_iter().map(|one| one.campaign).collect();
        Ok(floor.run(&mut stopping, campaigns).await?.each)
    }
}

/// What holds for this run alone, and is not kept with the campaigns.
pub(super) fn alone(run: &RunRequest) -> RunRequest {
    let mut alone = RunRequest::default();
    alone.speed.max_duration = run.speed.max_duration;
    alone.speed.hours.start_at = run.speed.hours.start_at.clone();
    if alone.speed.hours.start_at.is_some() {
        alone.speed.hours.tz = run.speed.hours.tz.clone();
    }
    alone.output.force = run.output.force;
    alone
}
