//! `cancel`: takes a campaign's orders back. First nothing more of it is ordered, then each action
//! of its own that is open is cancelled, and nothing else. With `--queue-only` nobody is called.

pub(in crate::ops) mod sending;

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, local_now};
use crate::defender::CancelApi;
use crate::domain::cancel::Cause;
use crate::domain::quota::used;
use crate::domain::request::{
    CancelRequest, ConnectRequest, EmulatorRequest, RunRequest, Said, SpeedRequest,
};
use crate::domain::{Campaign, CampaignState, Ending, Exit, Happened, Operation, Tally, Timing};
use crate::engine::cancel::{Cancelled, Survey};
use crate::ops::campaigns::{Found, Meant, any_campaign_in};
use crate::ops::cancel::sending::{Cancelling, done};
use crate::ops::context::Context;
use crate::ops::destination::{Destination, same_target};
use crate::ops::failure::Failure;
use crate::ops::happenings::note;
use crate::ops::kept;
use crate::ops::limits::most_calls;
use crate::ops::plan::approve::confirm_cancel;
use crate::ops::plan::forecast;
use crate::ops::run::reports::Reports;
use crate::ops::stores::{self, Place};
use crate::report::cancels::{Actions, CancelPlan, CancelSummary};
use crate::report::human;
use crate::store::Store;

/// How often the answers to calls in flight are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Cancels what a campaign ordered.
///
/// # Errors
/// `Failure` of its kind.
pub async fn cancel(
    cx: &Context<'_>,
    request: CancelRequest,
    settings: RunRequest,
) -> Result<Exit, Failure> {
    let place = Place::durable(cx.store)?;
    let whose = request.connect.clone().or(settings.connect.clone());
    let meant = Meant { name: request.campaign.as_ref(), whose };
    let Found { campaign, begun } = any_campaign_in(cx, &place, &meant).await?;
    let named = Some((&campaign.name, cx.commands));
    if request.queue_only {
        let reports = reports(&request, &campaign)?;
        let store = stores::open(&place, Timing::default(), named).await?;
        let exit = queue_only(cx, &request, &store, &campaign, reports).await;
        return stores::close(&store, exit).await;
    }
    if campaign.emulated {
        return Err(Failure::usage(
            format!("campaign {} ran against the emulator", campaign.name),
            "its actions went with the emulator, so there is nothing to cancel",
            "with --queue-only nothing more of it is ordered",
        ));
    }
    let begun = begun.as_ref();
    // Who has set up another tenant or application may mean another campaign of this name, and a
    // cancellation cannot be undone: the settings are taken at their word, and refused below.
    let whose = ConnectRequest {
        tenant: settings.connect.tenant.clone(),
        client_id: settings.connect.client_id.clone(),
        ..ConnectRequest::default()
    };
    let typed = request.connect.clone().or(whose);
    let connect = kept::connection(cx, typed, settings.connect, begun)?;
    // Its limits are those of the campaign, unless others are typed.
    let asked = request.speed.clone().or(match begun.map(|begun| &begun.request.run.speed) {
        Some(kept) => SpeedRequest {
            concurrency: kept.concurrency,
            time_scale: kept.time_scale,
            max_wait: kept.max_wait,
            ..SpeedRequest::default()
        },
        None => settings.speed,
    });
    let destination = Destination::new(cx, &connect, &EmulatorRequest::default())?;
    let speed = destination.speed(cx, &asked, &local_now())?.going_on_with(&campaign);
    let destination = destination.identified(cx, speed.timing).await?;
    same_target(&campaign, &destination, "cancelled")?;
    let reports = reports(&request, &campaign)?;
    let store = Arc::new(stores::open(&place, speed.timing, named).await?);
    let (api, _) = destination.connect(cx, &speed).await?;
    let api = Arc::new(api);
    let (store_, speed) = (&store, &speed);
    let with = Cancelling { ui: cx.ui, store: store_, api: &api, speed, cause: Cause::Command };
    let exit = Whole { cx, request: &request, with, reports }.run(&campaign).await;
    stores::close(&store, exit).await
}

/// Where the reports go, tried before anything is cancelled. Returns `None` in a dry run.
fn reports(request: &CancelRequest, campaign: &Campaign) -> Result<Option<Reports>, Failure> {
    if request.dry_run {
        return Ok(None);
    }
    Reports::going_on_with(&request.output, campaign).map(Some)
}

/// Devices of which it is not known what became of their order.
fn outstanding(tally: &Tally) -> u64 {
    tally.claimed + tally.doubtful
}

fn plan(request: &CancelRequest, campaign: &Campaign, tally: &Tally) -> CancelPlan {
    CancelPlan {
        campaign: campaign.name.clone(),
        target: campaign.order.target.clone(),
        emulated: campaign.emulated,
        dry_run: request.dry_run,
        waiting: (!request.keep_queue).then_some(tally.queued),
        outstanding: outstanding(tally),
        actions: None,
        pending_only: request.pending_only,
        used: Vec::new(),
        named: Vec::new(),
        calls: None,
    }
}

async fn queue_only<S: Store>(
    cx: &Context<'_>,
    request: &CancelRequest,
    store: &S,
    campaign: &Campaign,
    reports: Option<Reports>,
) -> Result<Exit, Failure> {
    let plan = plan(request, campaign, &store.tally(campaign.id).await?);
    cx.ui.show(&plan)?;
    let Some(reports) = reports else { return Ok(Exit::Done) };
    let devices = ("waiting devices", plan.concerned());
    let most = request.approve_max;
    if devices.1 > 0 {
        confirm_cancel(cx, &plan.headline(), &campaign.name, devices, devices.1, most).await?;
    }
    let start = store.clock().now();
    let called_off = call_off(store, campaign).await?;
    let what = Happened::Cancelled { devices: called_off, scans: 0 };
    note(cx, store, campaign.id, what).await;
    reports.write(store, campaign).await?;
    let tally = store.tally(campaign.id).await?;
    let left = outstanding(&tally);
    let summary = CancelSummary {
        campaign: campaign.name.clone(),
        tenant: campaign.order.target.tenant.clone(),
        queue: Some(called_off),
        outstanding: left,
        actions: None,
        duration: store.clock().now().since(start),
        again: if left > 0 { Some(resume(cx, campaign)) } else { None },
        reports: reports.paths(),
        exit: if left > 0 { Exit::Stopped } else { Exit::Done },
    };
    cx.ui.show(&summary)?;
    Ok(summary.exit)
}

/// Takes the waiting devices out of the queue; how many.
async fn call_off<S: Store>(store: &S, campaign: &Campaign) -> Result<u64, Failure> {
    if campaign.state == CampaignState::Finished {
        return Ok(0);
    }
    Ok(store.call_off(campaign.id).await?.ended)
}

/// The whole of it: the queue, and then the actions.
struct Whole<'a, S, A> {
    cx: &'a Context<'a>,
    request: &'a CancelRequest,
    with: Cancelling<'a, S, A>,
    reports: Option<Reports>,
}

impl<S: Store, A: CancelApi> Whole<'_, S, A> {
    async fn run(&self, campaign: &Campaign) -> Result<Exit, Failure> {
        let Self { cx, request, with, reports } = self;
        let store = &**with.store;
        let survey = with.survey(campaign).await?;
        let plan = self.plan(campaign, &survey).await?;
        cx.ui.show(&plan)?;
        let Some(reports) = reports else { return Ok(Exit::Done) };
        if plan.concerned() > 0 {
            let number = match plan.to_cancel() {
                0 => ("devices concerned", plan.concerned()),
                scans => ("scans", scans),
            };
            let (headline, most) = (plan.headline(), request.approve_max);
            confirm_cancel(cx, &headline, &campaign.name, number, plan.concerned(), most).await?;
        }
        let start = store.clock().now();
        let mut stopping = cx.stop.listen()?;
        let queue = match request.keep_queue {
            true => None,
            false => Some(call_off(store, campaign).await?),
        };
        let open = async {
            self.wait_for_answers(campaign).await?;
            // The answers may have told something about the server.
            let campaign = store.campaign(campaign.id).await?.unwrap_or_else(|| campaign.clone());
            Ok::<_, Failure>((with.settled_survey(&campaign).await?, campaign))
        };
        let Some(open) = stopping.unless_stopped(open).await else {
            let stop = Some(crate::domain::Stop::Signal);
            let left = Cancelled { left: plan.to_cancel(), stop, ..Cancelled::default() };
            return self.end(campaign, reports, queue, (left, survey), start).await;
        };
        let (survey, campaign) = open?;
        let mut targets = survey.pending.clone();
        if !request.pending_only {
            targets.extend(survey.in_progress.iter().cloned());
        }
        let cancelled = with.send(&campaign, targets, &mut stopping).await?;
        self.end(&campaign, reports, queue, (cancelled, survey), start).await
    }

    async fn plan(&self, campaign: &Campaign, survey: &Survey) -> Result<CancelPlan, Failure> {
        let Cancelling { store, speed, .. } = &self.with;
        let base = plan(self.request, campaign, &store.tally(campaign.id).await?);
        let actions = Actions {
            pending: survey.pending.len() as u64,
            in_progress: survey.in_progress.len() as u64,
            ended: survey.ended,
            cancelled: survey.cancelled,
            spared: survey.spared.iter().map(|(why, some)| (*why, *some)).collect(),
        };
        let plan = CancelPlan { actions: Some(actions), ..base };
        let budget = campaign.order.target.budget(Operation::Cancel);
        let usage = store.usage(&budget, most_calls(speed)).await?;
        let outlook = forecast::outlook(speed, usage, store.clock().now());
        let now = local_now();
        let calls = outlook.forecast(plan.to_cancel()).map(|forecast| {
            let last = now.checked_add(forecast.last_call).unwrap_or_else(|_| now.clone());
            (forecast.last_call, last)
        });
        let used = used(&outlook.quotas, &outlook.seen_by, outlook.now);
        let named = outlook.budget.named.lowering(&speed.quotas, outlook.now);
        Ok(CancelPlan { used, named, calls, ..plan })
    }

    /// Orders that were on their way when the queue was emptied: once they are answered, their
    /// actions can be cancelled too. Those of a runner that is gone stay in doubt.
    async fn wait_for_answers(&self, campaign: &Campaign) -> Result<(), Failure> {
        let store = self.with.store;
        let mut told = false;
        while let Some(until) = store.in_flight_until(campaign.id).await? {
            let now = store.clock().now();
            if until <= now {
                return Ok(());
            }
            if !std::mem::replace(&mut told, true) {
                let claimed = store.tally(campaign.id).await?.claimed;
                let left = human::duration(until.since(now));
                self.cx.ui.say(&human::wrapped(
                    &format!(
                        "Waiting for the answers to {} on their way ({left} at most), so that \
                         what they started is cancelled too.",
                        human::counted(claimed, "order")
                    ),
                    2,
                ));
            }
            store.clock().sleep_until(until.min(now.plus(LOOK_EVERY))).await;
        }
        Ok(())
    }

    async fn end(
        &self,
        campaign: &Campaign,
        reports: &Reports,
        queue: Option<u64>,
        (cancelled, survey): (Cancelled, Survey),
        start: crate::domain::Stamp,
    ) -> Result<Exit, Failure> {
        let store = &**self.with.store;
        let (devices, scans) = (queue.unwrap_or(0), cancelled.cancelled);
        note(self.cx, store, campaign.id, Happened::Cancelled { devices, scans }).await;
        reports.write(store, campaign).await?;
        let tally = store.tally(campaign.id).await?;
        let left = outstanding(&tally);
        let exit = exit(&cancelled, survey.not_touched(), left);
        let name = &campaign.name;
        let again = match (&cancelled.stop, left) {
            (Some(_), _) => Some(self.cx.commands.of_campaign(&format!("cancel {name}"))),
            (None, 0) => None,
            (None, _) => Some(resume(self.cx, campaign)),
        };
        let spared = survey.spared.iter().map(|(why, some)| (*why, *some)).collect();
        let summary = CancelSummary {
            campaign: name.clone(),
            tenant: campaign.order.target.tenant.clone(),
            queue,
            outstanding: left,
            actions: Some(done(&cancelled, spared)),
            duration: store.clock().now().since(start),
            again,
            reports: reports.paths(),
            exit,
        };
        self.cx.ui.show(&summary)?;
        Ok(exit)
    }
}

fn resume(cx: &Context<'_>, campaign: &Campaign) -> String {
    cx.commands.of_campaign(&format!("resume {}", campaign.name))
}

/// What stopped it comes first, then what the server did not cancel, then what is not known.
fn exit(cancelled: &Cancelled, not_touched: u64, outstanding: u64) -> Exit {
    match &cancelled.stop {
        Some(stop) => Ending::Stopped(stop.clone()).exit(false),
        None if cancelled.refused() + cancelled.unknown + not_touched > 0 => Exit::Attention,
        None if outstanding > 0 => Exit::Stopped,
        None => Exit::Done,
    }
}
