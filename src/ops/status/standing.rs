//! Where one campaign stands, read from its store. The words for it are `words`'s.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{Timestamp, ZonedDateTime};

use super::budgets::{Budgets, Shared};
use crate::clock::{Clock, local_now, wall_clock};
use crate::defender::Origin;
use crate::domain::event::WaveShown;
use crate::domain::forecast::{CallRate, Outlook};
use crate::domain::happening::HAPPENINGS_KEPT;
use crate::domain::quota::{api_quotas, used};
use crate::domain::request::SpeedRequest;
use crate::domain::{
    Begun, BudgetState, Campaign, CampaignName, CampaignState, Doing, Happening, Hours, LastRun,
    Minute, Outcome, Quota, Row, Stamp, Tally, Timing,
};
use crate::engine::waves::shown;
use crate::ops::context::Commands;
use crate::ops::failure::Failure;
use crate::ops::happenings::{followed, ordered_again};
use crate::ops::kept::resume_now;
use crate::ops::limits::{Speed, Towards};
use crate::ops::process::looked_at;
use crate::report::jsonl;
use crate::report::standing::Standing;
use crate::report::totals::{Group, Totals};
use crate::store::{Store, StoreError};

/// Where one campaign stands.
pub(crate) struct CampaignStatus {
    pub(crate) campaign: Campaign,
    /// What it was begun with, if that was kept.
    pub(crate) begun: Option<Begun>,
    pub(crate) tally: Tally,
    pub(crate) calls: u64,
    pub(crate) used: Vec<(Quota, u64)>,
    /// Limits that the server named, lower than its own.
    pub(crate) named: Vec<Quota>,
    /// What it does now.
    pub(crate) doing: Doing,
    /// What a forecast starts from: its limits and what counts against them, its pace, its waves,
    /// and its windows.
    pub(crate) outlook: Outlook,
    /// When this was read, by the clock of the store.
    pub(super) read_at: Timestamp,
    /// How long the calls that are left take, if nothing else holds them.
    pub(crate) calls_take: Option<Duration>,
    /// Its windows, if it has any.
    pub(crate) hours: Option<Hours>,
    /// How long it takes until they are answered, if they leave in its windows alone.
    pub(crate) in_hours: Option<Duration>,
    /// Open campaigns of high priority that this one yields to.
    pub(crate) before: Vec<String>,
    /// Limits of other open campaigns on its budget that are lower than its own, and hold it too.
    pub(crate) lower: Vec<(Quota, CampaignName)>,
    /// The next run of its series ended it, and goes on with what waited in it.
    pub(crate) followed: bool,
    /// Its present wave, if another one follows.
    pub(crate) wave: Option<WaveShown>,
    /// The command that goes on with it.
    pub(super) go_on: String,
    /// What happened in it; `None` where many campaigns are told of.
    pub(crate) happenings: Option<Vec<Happening>>,
    /// How many orders left in each minute, likewise.
    pub(crate) minutes: Option<Vec<Minute>>,
    /// Why rows of a finished campaign are not covered, likewise.
    pub(super) groups: Option<Vec<Group>>,
    /// The command that orders these again.
    pub(super) retry: String,
    /// The latest campaign that was begun for that, and the command that tells of it.
    pub(super) ordered_again: Option<(CampaignName, String)>,
}

impl CampaignStatus {
    /// Reads it, from `budgets` as far as it was read before.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read.
    pub(crate) async fn read<S: Store>(
        store: &S,
        campaign: Campaign,
        budgets: &mut Budgets,
    ) -> Result<Self, Failure> {
        let campaign = looked_at(campaign);
        let tally = store.tally(campaign.id).await?;
        let calls = store.calls(campaign.id).await?;
        let Shared { usage, open } = budgets.of(store, &campaign).await?;
        // Those that it was started with, and what the server named since.
        let own = if campaign.quotas.is_empty() { api_quotas() } else { campaign.quotas.clone() };
        let now = store.clock().now();
        let named = usage.state.named.lowering(&own, now);
        let lower = lower(&campaign, &own, open);
        let others = lower.iter().map(|(quota, _)| quota);
        let mine: BTreeSet<Quota> = own.iter().chain(&named).chain(others).copied().collect();
        let mine: Vec<Quota> = mine.into_iter().collect();
        let wave = match campaign.state {
            CampaignState::Open => shown(store, &campaign, &tally).await?,
            CampaignState::Finished => None,
        };
        let (wave, pauses) = wave.map_or((None, Vec::new()), |(wave, all)| (Some(wave), all));
        let used = used(&mine, &usage.seen_by, now);
        let begun = store.begun(campaign.id).await?;
        let speed = speed(&campaign, begun.as_ref());
        let rate = CallRate {
            pace: speed.pace_kind.pace(&own),
            quotas: mine,
            concurrency: speed.concurrency,
            timing: speed.timing,
        };
        let hours = speed.hours.filter(|hours| !hours.windows().is_empty());
        // Whoever shares the budget keeps the others' quotas too.
        let outlook = Outlook { pauses, ..Outlook::new(usage.clone(), rate, now) };
        let takes =
            |outlook: &Outlook| outlook.forecast(tally.queued).map(|forecast| forecast.last_answer);
        let calls_take = takes(&outlook);
        let outlook =
            Outlook { hours: hours.clone().map(|hours| (hours, wall_clock())), ..outlook };
        let in_hours = if hours.is_some() { takes(&outlook) } else { None };
        let before = before(&campaign, open);
        let read_at = store.clock().shared_utc();
        let doing = Doing::of(&campaign, read_at);
        let followed = followed(store, &campaign).await?;
        let go_on = format!("fleetsweep resume {}", campaign.name);
        let retry = format!("fleetsweep retry {}", campaign.name);
        Ok(Self {
            go_on,
            followed,
            campaign,
            begun,
            tally,
            calls,
            used,
            named,
            doing,
            outlook,
            read_at,
            calls_take,
            hours,
            in_hours,
            before,
            lower,
            wave,
            happenings: None,
            minutes: None,
            groups: None,
            retry,
            ordered_again: None,
        })
    }

    /// Reads what happened in it and how fast its orders left, too.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read.
    pub(crate) async fn with_story<S: Store>(self, store: &S) -> Result<Self, Failure> {
        let all = store.happenings(self.campaign.id, 0, HAPPENINGS_KEPT).await?;
        let happenings = Some(all.into_iter().map(|one| one.happening).collect());
        let minutes = Some(store.minutes(self.campaign.id).await?);
        Ok(Self { happenings, minutes, ..self })
    }

    /// Finds in its story which campaign orders again what it left.
    pub(super) fn with_what_follows(self, commands: &Commands) -> Self {
        let again = ordered_again(self.happenings.iter().flatten()).cloned();
        let ordered_again = again.map(|again| {
            let status = commands.of_store(&format!("status {again}"));
            (again, status)
        });
        Self { ordered_again, ..self }
    }

    /// Reads which rows of a finished campaign came to no scan and why, for which it reads all of
    /// them.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read.
    pub(super) async fn with_failures<S: Store>(self, store: &S) -> Result<Self, Failure> {
        let has_some = self.tally.uncovered() > 0;
        if !self.doing.is_over() || !has_some || self.campaign.pruned_at.is_some() {
            return Ok(self);
        }
        let mut totals = Totals::default();
        let count = |row: Row| {
            totals.add(&row);
            Ok::<(), StoreError>(())
        };
        store.each_row(self.campaign.id, count).await?;
        Ok(Self { groups: Some(totals.groups()), ..self })
    }

    /// Who began to take back what it ordered and did not come to an end, if nobody goes on with
    /// that.
    pub(super) fn cancelling_left(&self) -> Option<&LastRun> {
        let run = self.campaign.last_run.as_ref()?;
        run.cancelling_left(self.read_at, &Timing::default())
    }

    /// The command that goes on with it, `otherwise` where its last run did not say it.
    pub(crate) fn resume(&self, otherwise: &str) -> String {
        let ended = self.campaign.last_run.as_ref().and_then(|run| run.ended.as_ref());
        let said = ended.and_then(|end| end.resume.as_deref());
        resume_now(said.unwrap_or(otherwise), self.is_over())
    }

    /// Whether nothing more is ordered by what it was begun with, since that time has passed.
    pub(super) fn is_over(&self) -> bool {
        let begun = self.begun.as_ref().filter(|_| !self.campaign.called_off);
        begun.is_some_and(|begun| begun.is_over(self.read_at))
    }

    /// What a forecast would have started from when it was begun, had nobody called before.
    pub(crate) fn outlook_at_its_begin(&self) -> Outlook {
        /// Far from the begin of a clock, where windows would be cut.
        const THEN: Stamp = Stamp(1 << 60);
        let Self { campaign, tally, outlook, hours, .. } = self;
        let (first, _) = campaign.rollout.sizes_at(0, tally.devices());
        Outlook {
            seen_by: Vec::new(),
            budget: BudgetState::default(),
            now: THEN,
            hours: hours.clone().map(|hours| (hours, campaign.opened_at)),
            pauses: campaign.rollout.pauses(0, first, None),
            ..outlook.clone()
        }
    }

    /// What its first sentences go by. `by_limits` is when it would have been done by its limits
    /// and windows alone, `go_on` the command that goes on with it.
    pub(crate) fn standing<'a>(
        &'a self,
        by_limits: Option<Timestamp>,
        go_on: &'a str,
        now: &'a ZonedDateTime,
    ) -> Standing<'a> {
        let Self { campaign, doing, followed, tally, used, lower, .. } = self;
        let (doing, followed) = (*doing, *followed);
        Standing { campaign, doing, followed, tally, used, lower, by_limits, go_on, now }
    }

    /// When the last answer is likely to be in. Returns `None` for a campaign that stands still. A
    /// run that knows its window says so itself.
    fn finish_in(&self) -> Option<Duration> {
        let run = self.campaign.last_run.as_ref()?;
        match self.doing {
            Doing::Running | Doing::Waiting => {
                Duration::try_from(run.done_by?.duration_since(wall_clock())).ok()
            }
            _ => None,
        }
    }

    /// The rule about failures by which it is run: as was said last.
    fn max_failures(&self) -> Option<String> {
        let begun = self.campaign.rollout.max_failures.map(|most| most.to_string());
        let Some(kept) = &self.begun else { return begun };
        let most = kept.request.run.max_failures.as_ref()?;
        most.as_ref().map(ToString::to_string)
    }

    /// The zone of its windows: the name, or the rule that was kept.
    fn zone(&self) -> Option<&str> {
        let hours = self.hours.as_ref()?;
        let kept =
            self.begun.as_ref().and_then(|begun| begun.request.run.speed.hours.tz.as_deref());
        hours.zone().iana_name().or(kept)
    }

    pub(super) fn to_json(&self) -> String {
        let Self { campaign, tally, .. } = self;
        let (run, now) = (campaign.last_run.as_ref(), self.read_at);
        let outcomes = tally.by_name().into_iter().filter(|(_, rows)| *rows > 0);
        let mut status = serde_json::json!({
            "v": 1,
            "type": "status",
            "campaign": campaign.name,
            "state": campaign.state,
            "tenant": campaign.order.target.tenant,
            "scan_type": campaign.order.scan_type,
            "comment": campaign.order.comment,
            "ticket": campaign.order.ticket,
            "emulated": campaign.emulated,
            "begun_by": self.begun.as_ref().map(|begun| &begun.by),
            "begun_on": self.begun.as_ref().map(|begun| &begun.host),
            "opened_at": campaign.opened_at,
            "finished_at": campaign.finished_at,
            "pruned_at": campaign.pruned_at,
            "rows": tally.rows(),
            "devices": tally.devices(),
            "done": self.asked(),
            "open": tally.open(),
            "waiting": tally.queued,
            "sent": tally.claimed,
            "not_known": tally.doubtful,
            "outcomes": jsonl::counts(outcomes),
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
            "cancelled": campaign.called_off && !self.followed,
            "last_run": campaign.last_run,
            "doing": if self.followed { self.does() } else { self.doing.word() }.replace(' ', "_"),
            "running": run.is_some_and(|run| run.is_alive(now, &Timing::default())),
            "runners": run.map_or(0, |run| run.alive_but("", now, &Timing::default())),
            "limits": campaign.quotas.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "windows": self.hours.iter().flat_map(|hours| hours.windows())
                .map(ToString::to_string).collect::<Vec<_>>(),
            "zone": self.zone(),
            "max_failures": self.max_failures(),
            "calls_take_s": self.calls_take.map(|time| time.as_secs_f64()),
            "in_windows_s": self.in_hours.map(|time| time.as_secs_f64()),
            "last_call_at": campaign.last_call_at,
            "finish_in_s": self.finish_in().map(|left| left.as_secs_f64()),
        });
        self.tell_story(&mut status);
        jsonl::line(&status)
    }

    /// What holds the next order and until when, what happened, and how fast orders left.
    fn tell_story(&self, status: &mut serde_json::Value) {
        let mut last = None;
        if let Doing::Running | Doing::Waiting = self.doing {
            last = self.campaign.last_run.as_ref();
        }
        let lower = self.lower.iter().map(
            |(quota, name)| serde_json::json!({ "limit": quota.to_string(), "campaign": name }),
        );
        status["lower_limits"] = lower.collect();
        status["handed_on"] = serde_json::json!(self.handed_on());
        status["cancelling_stopped"] = serde_json::json!(self.cancelling_left());
        status["held_by"] = serde_json::json!(last.and_then(|last| last.held_by.as_ref()));
        status["next_order_at"] = serde_json::json!(last.and_then(|last| last.next_order_at));
        status["failures"] = serde_json::json!(
            self.groups.as_ref().map(|all| { all.iter().map(Group::json).collect::<Vec<_>>() })
        );
        status["scans_failed"] = serde_json::json!(self.tally.of(Outcome::ScanFailed));
        status["happenings"] = serde_json::json!(self.happenings);
        status["minutes"] = serde_json::json!(self.minutes);
    }
}

/// How it is run by who goes on with it: as it was begun, or by the defaults if that was not kept.
fn speed(campaign: &Campaign, begun: Option<&Begun>) -> Speed {
    let asked = begun.map(|begun| begun.request.run.speed.clone()).unwrap_or_default();
    let origin = Origin::parse(&campaign.order.target.api_origin);
    let loopback = campaign.emulated || origin.is_ok_and(|origin| origin.is_loopback());
    let towards = Towards { loopback, open_files: None };
    // A moment that has passed says nothing of the next run.
    let mut asked = SpeedRequest { until: None, max_duration: None, ..asked };
    let now = local_now();
    asked.hours.forget_past_start(now.timestamp());
    asked.forget_zone_of_nothing();
    let speed = Speed::of(&asked, towards, &now);
    let speed = speed.or_else(|_| Speed::of(&SpeedRequest::default(), towards, &now));
    speed.expect("the API's own limits can be kept")
}

/// The limits of other open campaigns on its budget that hold this one too, if it is open.
fn lower(campaign: &Campaign, own: &[Quota], open: &[Campaign]) -> Vec<(Quota, CampaignName)> {
    let others = open.iter().filter(|one| campaign.may_order() && one.id != campaign.id);
    let of = |one: &Campaign| {
        let name = one.name.clone();
        one.limits_below(own).into_iter().map(move |quota| (quota, name.clone()))
    };
    others.flat_map(of).collect()
}

/// Those of the open campaigns on its budget that this one yields to while they have a runner.
fn before(campaign: &Campaign, open: &[Campaign]) -> Vec<String> {
    let before = open.iter().filter(|one| {
        campaign.state == CampaignState::Open && one.priority > campaign.priority && !one.paused
    });
    before.map(|one| one.name.to_string()).collect()
}
