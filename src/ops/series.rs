//! A series: runs that follow one another by one command line, each a campaign of its own. It names
//! them, and it ends the one before; what is ordered is `scan`'s.

mod night;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::ZonedDateTime;
use tokio::sync::{mpsc, watch};

use crate::clock::{Clock, local_now, wall_clock};
use crate::defender::Inventory;
use crate::domain::happening::HAPPENINGS_KEPT;
use crate::domain::news::News;
use crate::domain::request::ScanRequest;
use crate::domain::rollout::WaveFailure;
use crate::domain::series::RUNS;
use crate::domain::service::id_of;
use crate::domain::text::printable;
use crate::domain::{
    CalledOff, CameTo, Campaign, CampaignFilter, CampaignName, Ending, Exit, Happened, LastRun,
    MaxFailures, Operation, SeriesName, Target,
};
use crate::engine::{self, Settings, StopLevel};
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::happenings::note;
use crate::ops::kept::going_on_now;
use crate::ops::limits::Speed;
use crate::ops::process::looked_at;
use crate::ops::run::reports::{self, Reports};
use crate::ops::stores::{self, Place};
use crate::report::human;
use crate::report::message::{Message, Sought};
use crate::store::{Store, StoreError};

pub(super) use night::Night;

/// The name of a run: the one that was found for it, or of a series the first that is free.
///
/// # Errors
/// `Failure` if the store cannot be read, or if no name is left.
pub(super) async fn free_name(
    request: &ScanRequest,
    name: CampaignName,
    target: &Target,
    place: Option<&Place>,
    now: &ZonedDateTime,
) -> Result<CampaignName, Failure> {
    // The runs of several tenants have one name, which was found for all of them.
    let (Some(series), None) = (&request.due.series, &request.campaign) else { return Ok(name) };
    let Some(place) = place.filter(|place| place.exists()) else { return Ok(name) };
    let store = stores::open_to_read(place).await?;
    let budget = target.budget(Operation::Scan);
    for name in series.names(now.date()) {
        if store.find(&name, &budget).await?.is_none() {
            store.close().await?;
            return Ok(name);
        }
    }
    Err(none_left(series))
}

fn none_left(series: &SeriesName) -> Failure {
    Failure::usage(
        "no name is left for a run of this series today",
        format!("{series} ran {RUNS} times today"),
        "give another name with --series",
    )
}

/// The name of the runs of several tenants: the first of the series that no campaign in this store
/// has.
///
/// # Errors
/// `Failure` if the store cannot be read, or if no name is left.
pub(super) async fn name_for_all<S: Store>(
    store: &S,
    series: &SeriesName,
    now: &ZonedDateTime,
) -> Result<CampaignName, Failure> {
    for name in series.names(now.date()) {
        if store.named(&name).await?.is_empty() {
            return Ok(name);
        }
    }
    Err(none_left(series))
}

/// The campaigns of the series that are open still, which this run ends before it begins.
///
/// # Errors
/// `Failure` if one of them is at work, was paused or is to be looked at first: then nothing is
/// ordered.
pub(super) async fn open_ones<S: Store>(
    cx: &Context<'_>,
    store: &S,
    request: &ScanRequest,
    target: &Target,
    speed: &Speed,
) -> Result<Vec<Campaign>, Failure> {
    let Some(series) = &request.due.series else { return Ok(Vec::new()) };
    let all = left_open(store, series, target).await?;
    for one in &all {
        // Whether its run is there still or not: somebody holds it on purpose.
        if one.paused && !one.called_off {
            let name = &one.name;
            return Err(Failure::new(
                Exit::Stopped,
                format!("nothing was ordered: {name} of this series is paused"),
                "somebody ran `fleetsweep pause`",
                format!(
                    "go on with `{}`, or end it: `{}`",
                    going_on_now(cx, store, one).await?,
                    cx.commands.of_campaign(&format!("cancel --queue-only {name}"))
                ),
            ));
        }
        // One that was opened a moment ago has not said yet that it runs.
        let opened = LastRun::begun(one.opened_at);
        if one
            .last_run
            .as_ref()
            .unwrap_or(&opened)
            .is_alive(store.clock().shared_utc(), &speed.timing)
        {
            return Err(at_work(cx, &one.name));
        }
        if one.called_off {
            // It orders nothing more: only what became of its last orders is not known yet.
            continue;
        }
        if let Some(failure) = &one.wave_failed {
            let resume = going_on_now(cx, store, one).await?;
            return Err(wave_failed(cx, &one.name, failure, &resume));
        }
        if request.run.max_failures.is_none()
            && let Some(StoppedBy { why, most: Some(most) }) = stopped_by(store, one).await?
        {
            return Err(drops_the_rule(cx, &one.name, &why, most));
        }
    }
    Ok(all)
}

/// The campaigns of this series in this tenant that are open still, with what their processes do.
async fn left_open<S: Store>(
    store: &S,
    series: &SeriesName,
    target: &Target,
) -> Result<Vec<Campaign>, StoreError> {
    let mut all = store.select(&CampaignFilter::open().of_series(series)).await?;
    // Other tenants have series of that name of their own.
    let own = id_of(&target.tenant);
    all.retain(|one| series.has(&one.name) && id_of(&one.order.target.tenant) == own);
    Ok(all.into_iter().map(looked_at).collect())
}

/// What stopped a run that a rule stopped.
struct StoppedBy {
    /// Why, as a part of a sentence.
    why: String,
    /// The failures after which it was to stop, if it was begun with that.
    most: Option<MaxFailures>,
}

/// What stopped the last run of this campaign, if a rule did.
async fn stopped_by<S: Store>(store: &S, one: &Campaign) -> Result<Option<StoppedBy>, StoreError> {
    let Some(run) = one.last_run.as_ref().filter(|run| CameTo::of_its_end(run) == CameTo::Rule)
    else {
        return Ok(None);
    };
    let kept = store.begun(one.id).await?;
    let most = match kept {
        Some(kept) => kept.request.run.most_failures(),
        None => one.rollout.max_failures,
    };
    let why = run.ended.as_ref().map(|end| end.why.clone()).unwrap_or_default();
    Ok(Some(StoppedBy { why, most }))
}

/// What whoever confirms the next run of a series must know of the runs that it ends: a rule
/// stopped them, and what they left comes with this one.
///
/// # Errors
/// `StoreError` if the store cannot be read.
pub(super) async fn warnings<S: Store>(
    cx: &Context<'_>,
    store: &S,
    request: &ScanRequest,
    target: &Target,
) -> Result<Vec<String>, StoreError> {
    let Some(series) = &request.due.series else { return Ok(Vec::new()) };
    let mut warnings = Vec::new();
    for one in left_open(store, series, target).await? {
        if one.called_off {
            continue;
        }
        let Some(StoppedBy { why, .. }) = stopped_by(store, &one).await? else { continue };
        let (name, left) = (&one.name, store.tally(one.id).await?.open());
        warnings.push(format!(
            "the run before, {name}, stopped {why}; {} that it left {} with this run; see \
             `{}` before you go on",
            human::counted(left, "device"),
            if left == 1 { "comes" } else { "come" },
            cx.commands.of_store(&format!("report {name}")),
        ));
    }
    Ok(warnings)
}

/// A wave failed, and nobody has looked: its devices come with no other run either.
fn wave_failed(
    cx: &Context<'_>,
    name: &CampaignName,
    failure: &WaveFailure,
    resume: &str,
) -> Failure {
    Failure::new(
        Exit::Safety,
        format!("nothing was ordered: a wave of {name} of this series failed"),
        failure,
        format!(
            "see `{}` for what failed; then go on with `{resume}`, which asks once more, or end it \
             so that the next run begins anew: `{}`",
            cx.commands.of_store(&format!("report {name}")),
            cx.commands.of_campaign(&format!("cancel --queue-only {name}"))
        ),
    )
}

/// A rule stopped the run before; one without the rule would order the rest all the same.
fn drops_the_rule(cx: &Context<'_>, name: &CampaignName, why: &str, most: MaxFailures) -> Failure {
    Failure::new(
        Exit::Safety,
        format!("nothing was ordered: a rule stopped {name} of this series"),
        format!(
            "it stopped {why}; it was begun with --max-failures {most}, and this run says nothing \
             of that"
        ),
        format!(
            "see `{}`; then add --max-failures {most} again, or --max-failures none to go on \
             without that rule",
            cx.commands.of_store(&format!("report {name}")),
        ),
    )
}

/// A run while the last one still works joins nothing and orders nothing.
pub(super) fn at_work(cx: &Context<'_>, last: &CampaignName) -> Failure {
    Failure::new(
        Exit::Stopped,
        format!("nothing was ordered: {last} of this series is still running"),
        "its run was seen at work within the last 20 seconds",
        format!(
            "see `{}`; the next run of the series comes after it; if it was killed just now, try \
             again in half a minute",
            cx.commands.of_store(&format!("status {last}"))
        ),
    )
}

/// Ends the runs before this one: what waits there is this one's, and what became of calls whose
/// answers were lost is found out.
///
/// # Errors
/// `Failure` if the store fails.
pub(super) async fn end<S: Store, A: Inventory>(
    cx: &Context<'_>,
    store: &Arc<S>,
    api: Arc<A>,
    ones: Vec<Campaign>,
    speed: &Speed,
) -> Result<(), Failure> {
    for one in ones {
        let is_known = is_over(&**store, &one).await?;
        if !is_known {
            hold_killed(cx, &**store, &one).await?;
        }
        let CalledOff { ended, open, finished } = store.hand_on(one.id).await?;
        if !is_known {
            note(cx, &**store, one.id, Happened::Followed { devices: ended }).await;
            tell_end(cx, &**store, &one, ended).await?;
        }
        if !finished {
            let what = match open {
                0 => "devices of it that other scans were under way on".to_owned(),
                some => format!("{} of it", human::counted(some, "order")),
            };
            cx.ui.say(&format!("{}: finding out what became of {what}.", one.name));
            find_out(cx, store.clone(), api.clone(), one.clone(), speed).await?;
        }
        // Its report says what became of its devices, and not that they wait. One that cannot be
        // written holds up no night: `fleetsweep report` writes it at any time.
        if let Some(reports) = Reports::of_last_run(&one) {
            let one = store.campaign(one.id).await?.unwrap_or(one);
            let written = reports.proposing(cx.commands).write(&**store, &one).await;
            tracing::debug!(campaign = %one.name, ok = written.is_ok(), "rewrote the last report");
        }
    }
    Ok(())
}

/// Whether it was ended before, by an earlier run of the series or by somebody, and is open for
/// what could not be found out then.
async fn is_over<S: Store>(store: &S, one: &Campaign) -> Result<bool, Failure> {
    if !one.called_off {
        return Ok(false);
    }
    let all = store.happenings(one.id, 0, HAPPENINGS_KEPT).await?;
    // A run that was killed while it ended this one had not said so yet.
    Ok(all.iter().any(|one| {
        matches!(one.happening.what, Happened::Followed { .. } | Happened::Cancelled { .. })
    }))
}

/// Says that a run is ended, how it had ended itself, and how many of its devices come with this
/// one.
async fn tell_end<S: Store>(
    cx: &Context<'_>,
    store: &S,
    one: &Campaign,
    devices: u64,
) -> Result<(), StoreError> {
    let rule = stopped_by(store, one).await?;
    let was_killed = one.last_run.as_ref().is_some_and(|run| run.ended.is_none());
    let how = rule.map(|rule| format!(", which stopped {},", printable(&rule.why)));
    let how = how.or(was_killed.then(|| ", whose run was killed,".to_owned()));
    cx.say(&format!(
        "{}{} is ended; {} that waited there {} with this run.",
        one.name,
        how.unwrap_or_default(),
        human::counted(devices, "device"),
        if devices == 1 { "comes" } else { "come" },
    ));
    Ok(())
}

/// A run that was killed told nobody: this one does.
async fn hold_killed<S: Store>(
    cx: &Context<'_>,
    store: &S,
    one: &Campaign,
) -> Result<(), StoreError> {
    let Some(run) = one.last_run.as_ref().filter(|run| run.ended.is_none()) else {
        return Ok(());
    };
    let tally = store.tally(one.id).await?;
    let zone = local_now().time_zone().clone();
    let seen = run.seen_at.map(|at| human::moment(&at.to_zoned_datetime(zone)));
    let seen = seen.map(|at| format!("; last seen at work {at}")).unwrap_or_default();
    let (left, come) = (tally.open(), if tally.open() == 1 { "comes" } else { "come" });
    cx.channels.hold(Message {
        news: News::Killed,
        attention: true,
        say: format!(
            "The run of {} was killed, or its machine went down{seen}. {} that it left {come} with \
             the next run, which begins now.",
            one.name,
            human::counted(left, "device"),
        ),
        at: wall_clock(),
        head: Some(reports::head(&one.name, &one.order, one.emulated)),
        sought: Sought::default(),
        tenant_name: cx.commands.tenant_name(&one.order.target),
        tally: Some(tally),
        finish_at: None,
        exit_code: None,
        reports: run.reports.iter().map(PathBuf::from).collect(),
        next: None,
        by: run.by.clone(),
        host: run.host.clone(),
        run: run.id.clone(),
    });
    Ok(())
}

/// Looks for what is not known of a campaign in which nothing waits, for a while at most.
async fn find_out<S: Store, A: Inventory>(
    cx: &Context<'_>,
    store: Arc<S>,
    api: Arc<A>,
    campaign: Campaign,
    speed: &Speed,
) -> Result<(), Failure> {
    let now = store.clock().now();
    let settings = Settings {
        concurrency: 1,
        quotas: campaign.quotas.clone(),
        pace: speed.pace,
        timing: speed.timing,
        until: Some(now.plus(speed.timing.known_within())),
        hours: None,
        progress_every: Duration::ZERO,
    };
    let (name, (_go_on, stop)) = (campaign.name.clone(), watch::channel(StopLevel::Run));
    // Nobody watches it: what it finds is in the store.
    let (events, _) = mpsc::channel(1);
    let ran = engine::run(store, api, campaign, settings, stop, events).await?;
    if ran.ending != Ending::Finished {
        cx.say(&format!(
            "What became of some devices of {name} is not known still; the next run looks again."
        ));
    }
    Ok(())
}
