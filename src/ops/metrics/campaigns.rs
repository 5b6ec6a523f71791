//! Figures of campaigns: where their rows stand, when they end, who is at work on them, and what
//! holds them. A name belongs to its tenant, so each figure has both.

use jiff::{SignedDuration, Timestamp};

use crate::domain::{Campaign, CampaignState, Doing, SeriesName};
use crate::ops::failure::Failure;
use crate::ops::status::{Budgets, CampaignStatus};
use crate::report::metrics::{Metrics, Sample, seconds};
use crate::report::picture::bar::stands;
use crate::store::Store;

/// Adds them.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(super) async fn add<S: Store>(
    store: &S,
    campaigns: &[&Campaign],
    now: Timestamp,
    metrics: &Metrics,
) -> Result<(), Failure> {
    let mut budgets = Budgets::default();
    let mut open = Vec::new();
    let mut devices = Vec::new();
    for campaign in campaigns {
        let tally = if campaign.state == CampaignState::Open {
            let whole = Campaign::clone(campaign);
            let status = CampaignStatus::read(store, whole, &mut budgets).await?;
            let tally = status.tally.clone();
            open.push(status);
            tally
        } else {
            store.tally(campaign.id).await?
        };
        devices.extend(stands(&tally).into_iter().map(|(stands, rows)| {
            let [name, tenant] = labels(campaign);
            Sample::new(&[name, tenant, ("outcome", stands.word())], rows as f64)
        }));
    }
    infos(campaigns, metrics);
    metrics.gauge("campaign_devices", "Rows of a campaign by where they stand.", &devices);
    plans(&open, metrics);
    runs(campaigns, now, metrics);
    Ok(())
}

fn infos(campaigns: &[&Campaign], metrics: &Metrics) {
    let series = |one: &Campaign| SeriesName::of(&one.name).map(|series| series.to_string());
    let all: Vec<_> = campaigns.iter().map(|one| series(one).unwrap_or_default()).collect();
    let infos: Vec<_> = std::iter::zip(campaigns, &all)
        .map(|(one, series)| {
            let order = &one.order;
            let state = match one.state {
                CampaignState::Open if one.paused => "paused",
                CampaignState::Open => "open",
                CampaignState::Finished => "finished",
            };
            let [name, tenant] = labels(one);
            let labels = [
                name,
                tenant,
                ("series", series.as_str()),
                ("scan_type", order.scan_type.name()),
                ("ticket", order.ticket.as_ref().map_or("", |ticket| ticket.as_str())),
                ("priority", one.priority.name()),
                ("state", state),
            ];
            Sample::new(&labels, 1.0)
        })
        .collect();
    let help = "A campaign that is open or paused, or ended within 7 days; always 1.";
    metrics.gauge("campaign_info", help, &infos);
}

fn plans(open: &[CampaignStatus], metrics: &Metrics) {
    let planned = open.iter().filter_map(|status| {
        let takes = status.outlook_at_its_begin().forecast(status.tally.devices())?.last_answer;
        let takes = SignedDuration::try_from(takes).ok()?;
        let at = status.campaign.opened_at.checked_add(takes).ok()?;
        Some(Sample::new(&labels(&status.campaign), seconds(at)))
    });
    let help = "When an open campaign would have been done by its limits and windows alone.";
    let planned: Vec<_> = planned.collect();
    metrics.gauge("campaign_plan_finish_timestamp_seconds", help, &planned);
}

fn runs(campaigns: &[&Campaign], now: Timestamp, metrics: &Metrics) {
    let figures = |value: &dyn Fn(&Campaign) -> Option<Timestamp>| -> Vec<Sample<'_>> {
        let known = campaigns.iter().filter_map(|one| Some((one, value(one)?)));
        known.map(|(one, at)| Sample::new(&labels(one), seconds(at))).collect()
    };
    let is_at_work =
        |one: &Campaign| matches!(Doing::of(one, now), Doing::Running | Doing::Waiting);
    let finish = figures(&|one| {
        if is_at_work(one) { one.last_run.as_ref()?.done_by } else { None }
    });
    let help = "When the last order of a campaign at work is expected to be answered.";
    metrics.gauge("campaign_finish_timestamp_seconds", help, &finish);
    // A run that has ended is not missed by anybody.
    let seen = figures(&|one| {
        let run = one.last_run.as_ref()?;
        if run.ended.is_none() { run.seen_at } else { None }
    });
    let help = "When the runner of a campaign last said that it is at work; none if it ended.";
    metrics.gauge("campaign_runner_seen_timestamp_seconds", help, &seen);
    let called = figures(&|one| one.last_call_at);
    let help = "When the last order of a campaign left.";
    metrics.gauge("campaign_last_call_timestamp_seconds", help, &called);
    let holds = campaigns.iter().filter(|one| is_at_work(one)).filter_map(|one| {
        let hold = one.last_run.as_ref()?.hold.as_ref()?;
        let [name, tenant] = labels(one);
        Some(Sample::new(&[name, tenant, ("reason", hold.word())], 1.0))
    });
    let help = "What holds the next order back now; 1 for the one that does.";
    metrics.gauge("campaign_hold", help, &holds.collect::<Vec<_>>());
}

fn labels(campaign: &Campaign) -> [(&'static str, &str); 2] {
    [("campaign", campaign.name.as_str()), ("tenant", &campaign.order.target.tenant)]
}
