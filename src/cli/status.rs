//! `status`: how far, how fast, until when. It only reads, also while a runner writes, or is dead.

use std::time::Duration;

use jiff::{Timestamp, ZonedDateTime};

use super::args::StatusArgs;
use super::coverage::coverage;
use super::failure::Failure;
use super::find::any_campaign;
use super::plans::used;
use super::say;
use super::stores::{self, Place};
use crate::clock::{Clock, local_now};
use crate::domain::event::WaveShown;
use crate::domain::forecast::Outlook;
use crate::domain::quota::api_quotas;
use crate::domain::text::printable;
use crate::domain::{Operation, PaceKind, Priority, Quota, Tally, Timing};
use crate::engine::waves::shown;
use crate::report::progress::text::wave;
use crate::report::{human, jsonl};
use crate::store::{Campaign, CampaignState, Store};

/// The latest calls that are looked at: more than any quota of the API holds.
const LATEST: usize = 10_000;

/// Runs `status` and returns the exit code.
///
/// # Errors
/// `Failure` with its exit code.
pub(super) async fn status(args: StatusArgs) -> Result<u8, Failure> {
    let place = Place::durable(args.store.as_ref())?;
    let store = stores::open_to_read(&place).await?;
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
    finish_in: Option<Duration>,
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
        let quotas = if usage.quotas.is_empty() { api_quotas() } else { usage.quotas };
        let wave = match campaign.state {
            CampaignState::Open => shown(store, &campaign, &tally).await?,
            CampaignState::Finished => None,
        };
        let (wave, pauses) = wave.map_or((None, Vec::new()), |(wave, all)| (Some(wave), all));
        let now = store.clock().now();
        let used = used(&quotas, &usage.seen_by, now);
        let outlook = Outlook {
            pace: PaceKind::Fast.pace(&quotas),
            quotas,
            timing: Timing::default(),
            concurrency: 16,
            latency: Duration::from_millis(200),
            seen_by: usage.seen_by,
            budget: usage.state,
            now,
            hours: None,
            pauses,
        };
        let finish_in = outlook.forecast(tally.queued).map(|forecast| forecast.last_answer);
        let before = before(&campaign, all);
        Ok(Self { campaign, tally, calls, used, finish_in, before, wave })
    }

    fn json(&self) -> String {
        let Self { campaign, tally, .. } = self;
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
                serde_json::json!({ "limit": quota.to_string(), "calls": calls })
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
            "running": campaign.last_run.as_ref().is_some_and(|run| {
                run.is_alive(local_now().timestamp(), &Timing::default())
            }),
            "last_call_at": campaign.last_call_at,
            "finish_in_s": self.finish_in.map(|left| left.as_secs_f64()),
        }))
    }

    fn text(&self, now: &ZonedDateTime) -> String {
        let Self { campaign, tally, .. } = self;
        let emulated = if campaign.emulated { "EMULATED " } else { "" };
        let high = campaign.priority == Priority::High;
        let priority = if high { ", priority high" } else { "" };
        let mut lines = vec![format!(
            "{emulated}{}: {}{priority}, {} of {} devices done",
            campaign.name,
            state(campaign),
            human::count(tally.devices_done()),
            human::count(tally.devices()),
        )];
        lines.push(format!(
            "  {} scan, tenant {}, \"{}\", since {}",
            campaign.order.scan_type,
            printable(&campaign.order.target.tenant),
            printable(&campaign.order.text()),
            human::moment(&campaign.opened_at.to_zoned_datetime(now.time_zone().clone())),
        ));
        let ended = tally.by_name().into_iter().filter(|(_, rows)| *rows > 0);
        let ended: Vec<String> =
            ended.map(|(name, rows)| format!("{} {name}", human::count(rows))).collect();
        if !ended.is_empty() {
            lines.push(format!("  {}", ended.join(", ")));
        }
        if tally.open() > 0 {
            lines.push(format!(
                "  open: {} waiting, {} sent, {} not known",
                human::count(tally.queued),
                human::count(tally.claimed),
                human::count(tally.doubtful),
            ));
            let used = self.used.iter().map(|(quota, calls)| {
                format!("{} of {}", human::count(*calls), human::quota(quota))
            });
            let used: Vec<String> = used.collect();
            lines.push(format!("  limits used: {}", used.join(", ")));
            lines.extend(self.before.iter().map(|name| {
                format!(
                    "  waits for campaign {name} (priority high) while a runner is at work on it"
                )
            }));
            lines.extend(self.wave_text(now));
            lines.extend(self.run_text(now));
        }
        lines.join("\n")
    }

    /// How its present wave stands, if another one follows.
    fn wave_text(&self, now: &ZonedDateTime) -> Option<String> {
        let text = match &self.campaign.wave_failed {
            Some(failure) => {
                format!("{}; `resume` asks before it goes on", printable(&failure.to_string()))
            }
            None => wave(self.wave.as_ref()?, now),
        };
        Some(human::wrapped(&format!("  {text}"), 4))
    }

    /// Whether somebody works on it, or why nobody does, and what to do next.
    fn run_text(&self, now: &ZonedDateTime) -> Vec<String> {
        let Self { campaign, .. } = self;
        let at = |at: Timestamp| human::moment(&at.to_zoned_datetime(now.time_zone().clone()));
        let left = self.finish_in.map(human::duration);
        let left = left.map(|left| format!("; {left} to the last call")).unwrap_or_default();
        let resume = format!("fleetsweep resume {}", campaign.name);
        let ended = campaign.last_run.as_ref().map(|run| run.ended.as_ref());
        if campaign.called_off {
            let told = "  cancelled: nothing more is ordered; to find out what became of the rest:";
            return vec![told.to_owned(), format!("    {resume}")];
        }
        if campaign.paused {
            let goes_on = format!("  paused; to go on{left}:");
            return vec![goes_on, format!("    {resume}")];
        }
        let line = |text: String| human::wrapped(&printable(&text), 4);
        match ended {
            Some(Some(end)) => vec![
                line(format!("  stopped {}, exit code {}: {}", at(end.at), end.exit_code, end.why)),
                format!("  to go on{left}:"),
                format!("    {}", printable(end.resume.as_ref().unwrap_or(&resume))),
            ],
            began => {
                let began = began.and(campaign.last_run.as_ref()).map(|run| at(run.began_at));
                let began = began.unwrap_or_else(|| "not yet".to_owned());
                let call = campaign.last_call_at.map_or_else(|| "none yet".to_owned(), at);
                let run = campaign.last_run.as_ref();
                if run.is_some_and(|run| run.is_alive(now.timestamp(), &Timing::default())) {
                    return vec![line(format!(
                        "  runs now, begun: {began}; last call: {call}{left}"
                    ))];
                }
                let seen = run.and_then(|run| run.seen_at).map(at);
                let seen = seen.map(|at| format!("; last seen at work: {at}")).unwrap_or_default();
                vec![
                    line(format!("  last begun: {began}; last call: {call}{seen}{left}")),
                    "  no run is seen at work; it was killed, or not begun; to go on:".to_owned(),
                    format!("    {resume}"),
                ]
            }
        }
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
