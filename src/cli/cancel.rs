//! `cancel`: takes a campaign's orders back. First nothing more of it is ordered, then each action
//! of its own that is open is cancelled, and nothing else. With `--queue-only` nobody is called.

use std::sync::Arc;
use std::time::Duration;

use super::args::{CancelArgs, EmulatorArgs};
use super::cancelling::{Cancelling, done};
use super::confirm::confirm_cancel;
use super::connect::Destination;
use super::failure::Failure;
use super::find::any_campaign_in;
use super::plans;
use super::reports::Reports;
use super::resume::same_target;
use super::say;
use super::settings;
use super::stopping::Stopping;
use super::stores::{self, Place};
use crate::clock::{Clock, local_now};
use crate::defender::CancelApi;
use crate::domain::cancel::Cause;
use crate::domain::quota::used;
use crate::domain::{Campaign, CampaignState, Ending, Operation, Tally, Timing};
use crate::engine::cancel::{Cancelled, Survey};
use crate::report::cancels::{Actions, CancelPlan, CancelSummary};
use crate::report::human;
use crate::store::Store;

/// How often the answers to calls in flight are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Runs `cancel` and returns the exit code.
///
/// # Errors
/// `Failure` with its exit code.
pub(super) async fn cancel(args: CancelArgs) -> Result<u8, Failure> {
    let place = Place::durable(args.output.store.as_ref())?;
    let campaign = any_campaign_in(&place, args.campaign.as_ref()).await?;
    if args.queue_only {
        let reports = reports(&args, &campaign)?;
        let store = stores::open(&place, Timing::default(), Some(&campaign.name)).await?;
        let code = queue_only(&args, &store, &campaign, reports).await;
        return stores::close(&store, code).await;
    }
    if campaign.emulated {
        return Err(Failure::usage(
            format!("campaign {} ran against the emulator", campaign.name),
            "its actions went with the emulator, so there is nothing to cancel",
            "with --queue-only nothing more of it is ordered",
        ));
    }
    let destination = Destination::new(&args.connect, &EmulatorArgs::default())?;
    let speed = settings::speed(&args.speed.of_a_run(), destination.loopback(), &local_now())?;
    let speed = speed.going_on_with(&campaign);
    let destination = destination.identified(speed.timing).await?;
    same_target(&campaign, &destination, "cancelled")?;
    let reports = reports(&args, &campaign)?;
    let store = Arc::new(stores::open(&place, speed.timing, Some(&campaign.name)).await?);
    let (api, _) = destination.connect(&speed).await?;
    let api = Arc::new(api);
    let with = Cancelling { store: &store, api: &api, speed: &speed, cause: Cause::Command };
    let code = Whole { args: &args, with, reports }.run(&campaign).await;
    stores::close(&store, code).await
}

/// Where the reports go, tried before anything is cancelled; nothing in a dry run.
fn reports(args: &CancelArgs, campaign: &Campaign) -> Result<Option<Reports>, Failure> {
    (!args.dry_run).then(|| Reports::going_on_with(&args.output, campaign)).transpose()
}

/// Devices of which it is not known what became of their order.
fn outstanding(tally: &Tally) -> u64 {
    tally.claimed + tally.doubtful
}

fn print(json: bool, text: &str, line: &str) -> Result<(), Failure> {
    say::note(text);
    if json { say::data(line) } else { Ok(()) }
}

fn plan(args: &CancelArgs, campaign: &Campaign, tally: &Tally) -> CancelPlan {
    CancelPlan {
        campaign: campaign.name.clone(),
        target: campaign.order.target.clone(),
        emulated: campaign.emulated,
        dry_run: args.dry_run,
        waiting: (!args.keep_queue).then_some(tally.queued),
        outstanding: outstanding(tally),
        actions: None,
        pending_only: args.pending_only,
        used: Vec::new(),
        named: Vec::new(),
        calls: None,
    }
}

async fn queue_only<S: Store>(
    args: &CancelArgs,
    store: &S,
    campaign: &Campaign,
    reports: Option<Reports>,
) -> Result<u8, Failure> {
    let plan = plan(args, campaign, &store.tally(campaign.id).await?);
    print(args.output.json, &plan.text(), &plan.json())?;
    let Some(reports) = reports else { return Ok(0) };
    let devices = ("waiting devices", plan.concerned());
    let most = args.approve_max;
    if devices.1 > 0 {
        confirm_cancel(&plan.headline(), &campaign.name, devices, devices.1, most).await?;
    }
    let start = store.clock().now();
    let called_off = call_off(store, campaign).await?;
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
        again: (left > 0).then(|| format!("fleetsweep resume {}", campaign.name)),
        reports: reports.paths(),
        exit_code: if left > 0 { 5 } else { 0 },
    };
    print(args.output.json, &summary.text(), &summary.json())?;
    Ok(summary.exit_code)
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
    args: &'a CancelArgs,
    with: Cancelling<'a, S, A>,
    reports: Option<Reports>,
}

impl<S: Store, A: CancelApi> Whole<'_, S, A> {
    async fn run(&self, campaign: &Campaign) -> Result<u8, Failure> {
        let Self { args, with, reports } = self;
        let store = &**with.store;
        let survey = with.survey(campaign).await?;
        let plan = self.plan(campaign, &survey).await?;
        print(args.output.json, &plan.text(), &plan.json())?;
        let Some(reports) = reports else { return Ok(0) };
        if plan.concerned() > 0 {
            let number = match plan.to_cancel() {
                0 => ("devices concerned", plan.concerned()),
                scans => ("scans", scans),
            };
            let (headline, most) = (plan.headline(), args.approve_max);
            confirm_cancel(&headline, &campaign.name, number, plan.concerned(), most).await?;
        }
        let start = store.clock().now();
        let mut stopping = Stopping::new()?;
        let queue = match args.keep_queue {
            true => None,
            false => Some(call_off(store, campaign).await?),
        };
        let open = async {
            self.wait_for_answers(campaign).await?;
            // The answers may have told something about the server.
            let campaign = store.find(&campaign.name).await?.unwrap_or_else(|| campaign.clone());
            Ok::<_, Failure>((with.settled_survey(&campaign).await?, campaign))
        };
        let Some(open) = stopping.unless_told(open).await else {
            let stop = Some(crate::domain::Stop::Signal);
            let left = Cancelled { left: plan.to_cancel(), stop, ..Cancelled::default() };
            return self.end(campaign, reports, queue, (left, survey), start).await;
        };
        let (survey, campaign) = open?;
        let mut targets = survey.pending.clone();
        if !args.pending_only {
            targets.extend(survey.in_progress.iter().cloned());
        }
        let cancelled = with.send(&campaign, targets, &mut stopping).await?;
        self.end(&campaign, reports, queue, (cancelled, survey), start).await
    }

    async fn plan(&self, campaign: &Campaign, survey: &Survey) -> Result<CancelPlan, Failure> {
        let Cancelling { store, speed, .. } = &self.with;
        let base = plan(self.args, campaign, &store.tally(campaign.id).await?);
        let actions = Actions {
            pending: survey.pending.len() as u64,
            in_progress: survey.in_progress.len() as u64,
            ended: survey.ended,
            cancelled: survey.cancelled,
            spared: survey.spared.iter().map(|(why, some)| (*why, *some)).collect(),
        };
        let plan = CancelPlan { actions: Some(actions), ..base };
        let budget = campaign.order.target.budget(Operation::Cancel);
        let usage = store.usage(&budget, plans::most_calls(speed)).await?;
        let outlook = plans::outlook(speed, usage, store.clock().now());
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
                say::note(&human::wrapped(
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
    ) -> Result<u8, Failure> {
        let store = &**self.with.store;
        reports.write(store, campaign).await?;
        let tally = store.tally(campaign.id).await?;
        let left = outstanding(&tally);
        let exit_code = code(&cancelled, survey.not_touched(), left);
        let name = &campaign.name;
        let again = match (&cancelled.stop, left) {
            (Some(_), _) => Some(format!("fleetsweep cancel {name}")),
            (None, 0) => None,
            (None, _) => Some(format!("fleetsweep resume {name}")),
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
            exit_code,
        };
        print(self.args.output.json, &summary.text(), &summary.json())?;
        Ok(exit_code)
    }
}

/// What stopped it comes first, then what the server did not cancel, then what is not known.
fn code(cancelled: &Cancelled, not_touched: u64, outstanding: u64) -> u8 {
    match &cancelled.stop {
        Some(stop) => Ending::Stopped(stop.clone()).exit_code(false),
        None if cancelled.refused() + cancelled.unknown + not_touched > 0 => 3,
        None if outstanding > 0 => 5,
        None => 0,
    }
}
