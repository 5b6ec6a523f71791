//! `status`: how far, how fast, until when. It only reads, also while a runner writes, or is dead.

mod words;

use std::collections::BTreeSet;
use std::time::Duration;

use super::args::StatusArgs;
use super::coverage::coverage;
use super::failure::Failure;
use super::find::any_campaign;
use super::say;
use super::stores::{self, Place};
use crate::clock::{Clock, local_now, wall_clock};
use crate::domain::event::WaveShown;
use crate::domain::forecast::{CallRate, Outlook};
use crate::domain::quota::{api_quotas, used};
use crate::domain::{Campaign, CampaignState, Operation, PaceKind, Quota, Tally, Timing};
use crate::engine::waves::shown;
use crate::report::{human, jsonl};
use crate::store::Store;
use words::Doing;

/// The latest calls that are looked at: more than any quota of the API holds.
const LATEST: usize = 10_000;

/// Runs `status` and returns the exit code.
///
/// # Errors
/// `Failure` with its exit code.
pub(super) async fn status(args: StatusArgs) -> Result<u8, Failure> {
    let place = Place::durable(args.store.as_ref())?;
    let store = stores::open_to_read(&place).await?;
    if let Some(warning) = place.warning() {
        say::note(&human::wrapped(&format!("Warning: {warning}"), 2));
    }
    if args.coverage {
        coverage(&args, &store).await?;
        return Ok(0);
    }
    let all = store.campaigns().await?;
    let mut campaigns = match &args.campaign {
        Some(name) => vec![any_campaign(&store, Some(name)).await?],
        None => all.clone(),
    };
    campaigns.retain(|one| args.series.as_ref().is_none_or(|series| series.has(&one.name)));
    if campaigns.is_empty() && !args.json {
        say::data(&format!("No campaigns in {}.", store.place()))?;
    }
    for campaign in campaigns {
        let standing = Standing::read(&store, campaign, &all).await?;
        if args.json {
            say::data(&standing.json())?;
        } else {
            say::data(&standing.text(&local_now()))?;
        }
    }
    Ok(0)
}

/// Where one campaign stands.
struct Standing {
    campaign: Campaign,
    tally: Tally,
    calls: u64,
    used: Vec<(Quota, u64)>,
    /// Limits that the server named, lower than its own.
    named: Vec<Quota>,
    /// What it does now.
    doing: Doing,
    /// How long the calls that are left take, if nothing else holds them.
    calls_take: Option<Duration>,
    /// Open campaigns of high priority that this one yields to.
    before: Vec<String>,
    /// Its present wave, if another one follows.
    wave: Option<WaveShown>,
}

impl Standing {
    async fn read<S: Store>(
        store: &S,
        campaign: Campaign,
        all: &[Campaign],
    ) -> Result<Self, Failure> {
        let tally = store.tally(campaign.id).await?;
        let calls = store.calls(campaign.id).await?;
        let budget = campaign.order.target.budget(Operation::Scan);
        let usage = store.usage(&budget, LATEST).await?;
        // Those that it was started with, and what the server named since.
        let own = match campaign.quotas.is_empty() {
            true => api_quotas(),
            false => campaign.quotas.clone(),
        };
        let now = store.clock().now();
        let named = usage.state.named.lowering(&own, now);
        let mine: BTreeSet<Quota> = own.iter().chain(&named).copied().collect();
        let mine: Vec<Quota> = mine.into_iter().collect();
        let wave = match campaign.state {
            CampaignState::Open => shown(store, &campaign, &tally).await?,
            CampaignState::Finished => None,
        };
        let (wave, pauses) = wave.map_or((None, Vec::new()), |(wave, all)| (Some(wave), all));
        let used = used(&mine, &usage.seen_by, now);
        let rate = CallRate {
            pace: PaceKind::Fast.pace(&own),
            quotas: mine,
            concurrency: 16,
            timing: Timing::default(),
        };
        // Whoever shares the budget keeps the others' quotas too.
        let outlook = Outlook { pauses, ..Outlook::new(usage, rate, now) };
        let calls_take = outlook.forecast(tally.queued).map(|forecast| forecast.last_answer);
        let before = before(&campaign, all);
        let doing = Doing::of(&campaign, wall_clock());
        Ok(Self { campaign, tally, calls, used, named, doing, calls_take, before, wave })
    }

    /// When the last answer is likely to be in; nothing of a campaign that stands still. A run that
    /// knows its window says so itself.
    fn finish_in(&self) -> Option<Duration> {
        let run = self.campaign.last_run.as_ref()?;
        match self.doing {
            Doing::Running | Doing::Waiting => {
                Duration::try_from(run.done_by?.duration_since(wall_clock())).ok()
            }
            _ => None,
        }
    }

    fn json(&self) -> String {
        let Self { campaign, tally, .. } = self;
        let (run, now) = (campaign.last_run.as_ref(), wall_clock());
        let outcomes: serde_json::Map<_, _> = tally
            .by_name()
            .into_iter()
            .filter(|(_, rows)| *rows > 0)
            .map(|(name, rows)| (name.to_owned(), rows.into()))
            .collect();
        jsonl::line(&serde_json::json!({
            "v": 1,
            "type": "status",
            "campaign": campaign.name,
            "state": state(campaign),
            "tenant": campaign.order.target.tenant,
            "scan_type": campaign.order.scan_type,
            "comment": campaign.order.comment,
            "ticket": campaign.order.ticket,
            "emulated": campaign.emulated,
            "opened_at": campaign.opened_at,
            "finished_at": campaign.finished_at,
            "rows": tally.rows(),
            "devices": tally.devices(),
            "done": tally.devices_done(),
            "open": tally.open(),
            "waiting": tally.queued,
            "sent": tally.claimed,
            "not_known": tally.doubtful,
            "outcomes": outcomes,
            "calls": self.calls,
            "quota_used": self.used.iter().map(|(quota, calls)| {
                serde_json::json!({
                    "limit": quota.to_string(),
                    "calls": calls,
                    "named_by_server": self.named.contains(quota),
                })
            }).collect::<Vec<_>>(),
            "wave": self.wave.as_ref().map(|wave| serde_json::json!({
                "name": wave.name,
                "devices": wave.devices,
                "done": wave.done,
                "wait_s": wave.wait.map(|wait| wait.as_secs_f64()),
                "then": wave.then,
                "failed": campaign.wave_failed.as_ref().map(ToString::to_string),
            })),
            "paused": campaign.paused,
            "priority": campaign.priority.name(),
            "waits_for": self.before,
            "cancelled": campaign.called_off,
            "last_run": campaign.last_run,
            "doing": self.doing.word().replace(' ', "_"),
            "running": run.is_some_and(|run| run.is_alive(now, &Timing::default())),
            "runners": run.map_or(0, |run| run.alive_but("", now, &Timing::default())),
            "last_call_at": campaign.last_call_at,
            "finish_in_s": self.finish_in().map(|left| left.as_secs_f64()),
        }))
    }
}

/// The open campaigns of high priority that this one yields to while they have a runner.
fn before(campaign: &Campaign, all: &[Campaign]) -> Vec<String> {
    let budget = |one: &Campaign| one.order.target.budget(Operation::Scan);
    let open = |one: &&Campaign| one.state == CampaignState::Open && !one.paused;
    let before = all.iter().filter(open).filter(|one| {
        campaign.state == CampaignState::Open
            && one.priority > campaign.priority
            && budget(one) == budget(campaign)
    });
    before.map(|one| one.name.to_string()).collect()
}

fn state(campaign: &Campaign) -> &'static str {
    match campaign.state {
        CampaignState::Open => "open",
        CampaignState::Finished => "finished",
    }
}
