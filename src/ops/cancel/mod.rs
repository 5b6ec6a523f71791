//! `cancel`: takes a campaign's orders back. First nothing more of it is ordered, then each action
//! of its own that is open is cancelled, and nothing else. With `--queue-only` no call is made.

mod gone;
mod message;
pub(crate) mod sending;
mod sign;

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, local_now};
use crate::defender::{CancelApi, HttpApi};
use crate::domain::cancel::{Cancelled, Cause};
use crate::domain::quota::used;
use crate::domain::request::{CancelRequest, EmulatorRequest, RunRequest, Said, SpeedRequest};
use crate::domain::text::printable;
use crate::domain::{
    Begun, Campaign, CampaignName, CampaignState, Ending, Exit, Happened, Operation, Outcome,
    Stamp, Stop, Tally, Timing,
};
use crate::engine::cancel::Survey;
use crate::ops::campaigns::{KeptCampaign, Meant, any_campaign_in};
use crate::ops::cancel::gone::Gone;
use crate::ops::cancel::sending::Cancelling;
use crate::ops::cancel::sign::CancellingSign;
use crate::ops::context::Context;
use crate::ops::destination::{Destination, same_target};
use crate::ops::failure::Failure;
use crate::ops::happenings::note;
use crate::ops::kept;
use crate::ops::limits::Speed;
use crate::ops::limits::most_calls;
use crate::ops::plan::approve::{Beside, CancelApprover};
use crate::ops::plan::forecast;
use crate::ops::process::who_works;
use crate::ops::run::reports::Reports;
use crate::ops::stop::Stopping;
use crate::ops::stores::{self, Place};
use crate::report::cancels::{Actions, CancelPlan, CancelSummary, Done};
use crate::report::human;
use crate::store::{Store, StoreError};

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
    let meant = Meant { name: request.campaign.as_ref(), whose, reads: false };
    let kept = any_campaign_in(cx, &place, &meant).await?;
    let approver = Beside { cx, approve_max: request.approve_max, named: true };
    let prepared = prepare(cx, &request, settings, &kept).await?;
    let KeptCampaign { campaign, .. } = kept;
    let named = Some((&campaign.name, cx.commands));
    let store = Arc::new(stores::open(&place, prepared.timing(), named).await?);
    let exit = prepared.cancel(cx, &request, &store, &campaign, &approver).await;
    stores::close(&store, exit).await
}

/// What was found out before anything is done.
pub(super) struct Prepared {
    reports: Option<Reports>,
    /// With what actions are cancelled; `None` if only the queue is concerned.
    with: Option<(Destination, Speed)>,
}

/// Finds out how a campaign is cancelled, and refuses what cannot be.
///
/// # Errors
/// `Failure` of its kind.
pub(super) async fn prepare(
    cx: &Context<'_>,
    request: &CancelRequest,
    settings: RunRequest,
    KeptCampaign { campaign, begun }: &KeptCampaign,
) -> Result<Prepared, Failure> {
    if request.queue_only {
        let reports = reports(cx, request, campaign, begun.as_ref())?;
        return Ok(Prepared { reports, with: None });
    }
    if campaign.emulated {
        return Err(Failure::usage(
            format!("campaign {} ran against the emulator", campaign.name),
            "its actions went with the emulator, so there is nothing to cancel",
            "with --queue-only nothing more of it is ordered",
        ));
    }
    let begun = begun.as_ref();
    // A cancellation cannot be undone: what is set up of another tenant is refused below.
    let connect = kept::own_connection(cx, request.connect.clone(), settings.connect, begun)?;
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
    let speed = destination.speed(cx, &asked, &local_now())?.going_on_with(campaign);
    let destination = destination.identified(cx, speed.timing).await?;
    same_target(campaign, &destination, "cancelled")?;
    let reports = reports(cx, request, campaign, begun)?;
    Ok(Prepared { reports, with: Some((destination, speed)) })
}

impl Prepared {
    /// The durations of its store.
    fn timing(&self) -> Timing {
        self.with.as_ref().map_or_else(Timing::default, |(_, speed)| speed.timing)
    }

    /// Cancels the campaign, once that is approved.
    ///
    /// # Errors
    /// `Failure` of its kind.
    pub(super) async fn cancel<S: Store>(
        self,
        cx: &Context<'_>,
        request: &CancelRequest,
        store: &Arc<S>,
        campaign: &Campaign,
        approver: &dyn CancelApprover,
    ) -> Result<Exit, Failure> {
        let Self { reports, with } = self;
        let Some((destination, speed)) = with else {
            let with = None::<Cancelling<'_, S, HttpApi>>;
            let cancel = Cancel { cx, request, store: &**store, with, reports, approver };
            return cancel.run(campaign).await;
        };
        let (api, _) = destination.connect(cx, &speed).await?;
        let (api, cause) = (Arc::new(api), Cause::Command);
        let with = Some(Cancelling { ui: cx.ui, store, api: &api, speed: &speed, cause });
        Cancel { cx, request, store: &**store, with, reports, approver }.run(campaign).await
    }
}

/// Where the reports go, tried before anything is cancelled. Returns `None` in a dry run.
fn reports(
    cx: &Context<'_>,
    request: &CancelRequest,
    campaign: &Campaign,
    begun: Option<&Begun>,
) -> Result<Option<Reports>, Failure> {
    if request.dry_run {
        return Ok(None);
    }
    let mut output = request.output.clone();
    if output.reports.is_empty() {
        output.reports = Reports::kept(cx, campaign, begun);
    }
    Reports::of(&output, campaign).map(|reports| Some(reports.proposing(cx.commands)))
}

/// Devices of which it is not known what became of their order.
fn outstanding(tally: &Tally) -> u64 {
    tally.claimed + tally.doubtful
}

/// Takes the waiting devices out of the queue; how many.
async fn call_off<S: Store>(store: &S, campaign: &Campaign) -> Result<u64, Failure> {
    if campaign.state == CampaignState::Finished {
        return Ok(0);
    }
    Ok(store.call_off(campaign.id).await?.ended)
}

/// A campaign's orders that are taken back: the queue, and then the actions.
struct Cancel<'a, S, A> {
    cx: &'a Context<'a>,
    request: &'a CancelRequest,
    store: &'a S,
    /// How its actions are cancelled; `None` if only the queue is concerned.
    with: Option<Cancelling<'a, S, A>>,
    /// Where the reports go; `None` in a dry run.
    reports: Option<Reports>,
    /// Who says whether it is done.
    approver: &'a dyn CancelApprover,
}

/// What somebody said yes to.
struct Confirmed<'a, S, A> {
    with: &'a Cancelling<'a, S, A>,
    survey: Survey,
    /// Actions that are to be cancelled.
    actions: u64,
}

/// What was done so far.
struct SoFar<'a> {
    reports: &'a Reports,
    start: Stamp,
    /// Devices that left the queue.
    queue: Option<u64>,
}

impl<S: Store, A: CancelApi> Cancel<'_, S, A> {
    async fn run(&self, campaign: &Campaign) -> Result<Exit, Failure> {
        let Self { cx, request, store, with, reports, approver } = self;
        let survey = match with {
            Some(with) => Some(with.survey(campaign).await?),
            None => None,
        };
        let plan = self.plan(campaign, survey.as_ref()).await?;
        approver.show(&plan)?;
        let Some(reports) = reports else { return Ok(Exit::Done) };
        approver.approve(&plan).await?;
        let start = store.clock().now();
        let Some((with, survey)) = with.as_ref().zip(survey) else {
            let queue = call_off(*store, campaign).await;
            let so_far = queue.map(|queue| SoFar { reports, start, queue: Some(queue) });
            let ended = match so_far {
                Ok(so_far) => self.end(campaign, so_far, None).await,
                Err(failure) => Err(failure),
            };
            message::tell(cx, *store, campaign, &ended).await;
            return ended.map(|summary| summary.exit);
        };
        let mut stopping = cx.stop.listen()?;
        let (timing, again) = (&with.speed.timing, self.again(&campaign.name));
        let sign = CancellingSign::begin(cx, with.store, campaign, timing, again).await;
        let so_far = SoFar { reports, start, queue: None };
        let to_cancel = Confirmed { with, survey, actions: plan.to_cancel() };
        let ended = self.take_back(campaign, to_cancel, so_far, &mut stopping).await;
        if let Some(sign) = sign {
            sign.end(&ended).await;
        }
        // What it leads to may want to go on with the campaign, so that this is over first.
        if !request.keep_queue {
            let told = message::tell(cx, *store, campaign, &ended);
            stopping.unless_left(cx.ui, told).await;
        }
        ended.map(|summary| summary.exit)
    }

    /// Empties the queue and cancels the actions.
    async fn take_back(
        &self,
        campaign: &Campaign,
        Confirmed { with, survey, actions }: Confirmed<'_, S, A>,
        so_far: SoFar<'_>,
        stopping: &mut Stopping<'_>,
    ) -> Result<CancelSummary, Failure> {
        let Self { request, store, .. } = self;
        let queue = if request.keep_queue { None } else { Some(call_off(*store, campaign).await?) };
        let so_far = SoFar { queue, ..so_far };
        let open = async {
            self.wait_for_answers(campaign).await?;
            // The answers may have told something about the server.
            let campaign = store.campaign(campaign.id).await?.unwrap_or_else(|| campaign.clone());
            Ok::<_, Failure>((with.settled_survey(&campaign).await?, campaign))
        };
        let Some(open) = stopping.unless_stopped(open).await else {
            let stop = Some(Stop::Signal);
            let went = Cancelled { left: actions, stop, ..Cancelled::default() };
            let done = Done { went, began: 0, spared: survey.spared };
            return self.end(campaign, so_far, Some(done)).await;
        };
        let confirmed = survey;
        let (survey, campaign) = open?;
        let gone = Gone::between(&confirmed, &survey, request.pending_only);
        let mut targets = survey.pending;
        if !request.pending_only {
            targets.extend(survey.in_progress);
        }
        let mut went = with.send(&campaign, targets, stopping).await?;
        went.ended += gone.ended;
        if !request.keep_queue && campaign.state == CampaignState::Finished {
            self.call_off_finished(&campaign).await;
        }
        let done = Done { went, began: gone.began, spared: survey.spared };
        self.end(&campaign, so_far, Some(done)).await
    }

    /// Calls a finished campaign off of which nothing that was ordered stands, since all of it was
    /// taken back: nobody has to look at that.
    async fn call_off_finished(&self, campaign: &Campaign) {
        let done = async {
            let tally = self.store.tally(campaign.id).await?;
            let of = |taken_back| tally.of(Outcome::Cancelled { taken_back });
            if of(true) > 0 && tally.ordered() + of(false) == 0 {
                self.store.call_off(campaign.id).await?;
            }
            Ok::<(), StoreError>(())
        };
        if let Err(error) = done.await {
            let told = format!("Warning: that all was taken back is not kept: {error}");
            self.cx.say(&printable(&told));
        }
    }

    async fn plan(
        &self,
        campaign: &Campaign,
        survey: Option<&Survey>,
    ) -> Result<CancelPlan, Failure> {
        let Self { store, request, with, .. } = self;
        let tally = store.tally(campaign.id).await?;
        let plan = CancelPlan {
            campaign: campaign.name.clone(),
            target: campaign.order.target.clone(),
            emulated: campaign.emulated,
            dry_run: request.dry_run,
            orders_on: self.orders_on(campaign).await?,
            waiting: if request.keep_queue { None } else { Some(tally.queued) },
            outstanding: outstanding(&tally),
            actions: survey.map(|survey| Actions {
                pending: survey.pending.len() as u64,
                in_progress: survey.in_progress.len() as u64,
                ended: survey.ended,
                cancelled: survey.cancelled,
                spared: survey.spared.clone(),
            }),
            pending_only: request.pending_only,
            used: Vec::new(),
            named: Vec::new(),
            calls: None,
        };
        let Some(Cancelling { speed, .. }) = with else { return Ok(plan) };
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

    /// That a run of it is at work, which orders on while somebody reads what is planned.
    async fn orders_on(&self, campaign: &Campaign) -> Result<Option<String>, Failure> {
        let Self { cx, store, request, with, .. } = self;
        let Some(there) = store.campaign(campaign.id).await? else { return Ok(None) };
        let timing = with.as_ref().map_or_else(Timing::default, |with| with.speed.timing);
        let who = who_works(&there, store.clock().shared_utc(), &timing);
        let Some(who) = who.filter(|_| !there.paused && !there.called_off) else {
            return Ok(None);
        };
        let who = printable(&who);
        let until = if request.keep_queue {
            "all the while"
        } else if request.dry_run {
            "until somebody cancels it"
        } else {
            "until you confirm"
        };
        let pause = cx.commands.of_store(&format!("pause {}", there.name));
        Ok(Some(format!("a run of it{who} orders on {until}; `{pause}` holds it at once")))
    }

    /// Orders that were on their way when the queue was emptied: once they are answered, their
    /// actions can be cancelled too. Those of a runner that is gone stay in doubt.
    async fn wait_for_answers(&self, campaign: &Campaign) -> Result<(), Failure> {
        let store = self.store;
        let mut told = false;
        while let Some(until) = store.in_flight_until(campaign.id).await? {
            let now = store.clock().now();
            if until <= now {
                return Ok(());
            }
            if !std::mem::replace(&mut told, true) {
                let claimed = store.tally(campaign.id).await?.claimed;
                let left = human::duration(until.since(now));
                self.cx.say(&format!(
                    "Waiting for the answers to {} on their way ({left} at most), so that \
                     what they started is cancelled too.",
                    human::counted(claimed, "order")
                ));
            }
            store.clock().sleep_until(until.min(now.plus(LOOK_EVERY))).await;
        }
        Ok(())
    }

    /// The same command, whole, which goes on with what is left.
    fn again(&self, name: &CampaignName) -> String {
        let CancelRequest { queue_only, keep_queue, pending_only, .. } = self.request;
        let options = [
            (queue_only, " --queue-only"),
            (keep_queue, " --keep-queue"),
            (pending_only, " --pending-only"),
        ];
        let typed = options.iter().filter(|(is_typed, _)| **is_typed).map(|(_, option)| *option);
        let command = format!("cancel {name}{}", typed.collect::<String>());
        self.cx.commands.of_campaign(&command)
    }

    async fn end(
        &self,
        campaign: &Campaign,
        so_far: SoFar<'_>,
        actions: Option<Done>,
    ) -> Result<CancelSummary, Failure> {
        let Self { cx, store, .. } = self;
        let SoFar { reports, start, queue } = so_far;
        let (devices, scans) =
            (queue.unwrap_or(0), actions.as_ref().map_or(0, |done| done.went.cancelled));
        note(cx, *store, campaign.id, Happened::Cancelled { devices, scans }).await;
        reports.write(*store, campaign).await?;
        let left = outstanding(&store.tally(campaign.id).await?);
        let stopped = actions.as_ref().is_some_and(|done| done.went.stop.is_some());
        let name = &campaign.name;
        let summary = CancelSummary {
            campaign: name.clone(),
            tenant: campaign.order.target.tenant.clone(),
            queue,
            outstanding: left,
            duration: store.clock().now().since(start),
            again: match left {
                _ if stopped => Some(self.again(name)),
                0 => None,
                _ => Some(cx.commands.going_on(name)),
            },
            reports: reports.paths(),
            exit: exit(actions.as_ref(), left),
            actions,
        };
        cx.ui.show(&summary)?;
        Ok(summary)
    }
}

/// What stopped it comes first, then what the server did not cancel, then what is not known.
fn exit(actions: Option<&Done>, outstanding: u64) -> Exit {
    let rest = if outstanding > 0 { Exit::Stopped } else { Exit::Done };
    let Some(Done { went, began: _, spared }) = actions else { return rest };
    match &went.stop {
        Some(stop) => Ending::Stopped(stop.clone()).exit(false),
        None if went.refused() + went.unknown + spared.values().sum::<u64>() > 0 => Exit::Attention,
        None => rest,
    }
}
