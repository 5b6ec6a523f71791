//! From the limits, the pace and the times that were asked for to those that a run keeps, checked
//! in one place. It reads no settings and opens nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::Time;
use jiff::{Timestamp, ZonedDateTime};

use super::failure::Failure;
use super::hours::{hours, unknown_zone, zone};
use crate::clock::unreadable_zone;
use crate::domain::forecast::CallRate;
use crate::domain::quota::api_quotas;
use crate::domain::request::SpeedRequest;
use crate::domain::{Campaign, Hours, Pace, PaceKind, Priority, Quota, Timing};

/// Calls in flight at most, unless another number is asked for.
pub const CONCURRENCY: u16 = 16;

/// Limits, pace and times of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Speed {
    /// The quotas that are kept.
    pub quotas: Vec<Quota>,
    /// The user asked for other limits than the API's.
    pub limited: bool,
    /// How bursts are spread.
    pub pace_kind: PaceKind,
    /// The pace inside the quotas.
    pub pace: Option<Pace>,
    /// Calls in flight at most.
    pub concurrency: usize,
    /// Every duration.
    pub timing: Timing,
    /// What durations and windows are divided by.
    pub time_scale: u32,
    /// Order nothing after this long from the start of the run.
    pub max_duration: Option<Duration>,
    /// Order nothing after this moment.
    pub until: Option<ZonedDateTime>,
    /// Order nothing outside of these.
    pub hours: Option<Hours>,
    /// Whether the campaign goes before others.
    pub priority: Priority,
    /// The priority that was typed, if one was: it is kept from then on.
    pub new_priority: Option<Priority>,
    /// Cancel what still waits when these are over, or the time is.
    pub expire_pending: bool,
}

impl Speed {
    /// How fast a run calls.
    pub fn rate(&self) -> CallRate {
        CallRate {
            quotas: self.quotas.clone(),
            pace: self.pace,
            concurrency: self.concurrency,
            timing: self.timing,
        }
    }

    /// How long a run that starts at this moment may order. The moment is asked for again when a
    /// run starts, since a long list or an open question must not push the end out.
    pub fn stops_in(&self, start: Timestamp) -> Option<Duration> {
        let from_start =
            |at: Timestamp| Duration::try_from(at.duration_since(start)).unwrap_or_default();
        let left = self.until.as_ref().map(|until| from_start(until.timestamp()));
        // A run that waits for its start has not begun.
        let waits = self.hours.as_ref().and_then(Hours::start).map(from_start).unwrap_or_default();
        left.into_iter().chain(self.max_duration.map(|length| waits + length)).min()
    }

    /// As it is for a campaign that was opened before: its limits and its priority stay unless
    /// others are asked for.
    pub fn going_on_with(mut self, campaign: &Campaign) -> Self {
        self.priority = self.new_priority.unwrap_or(campaign.priority);
        if self.limited || campaign.quotas.is_empty() {
            return self;
        }
        let quotas = campaign.quotas.clone();
        Self { pace: self.pace_kind.pace(&quotas), quotas, ..self }
    }
}

/// Where a run calls, as far as that decides about its limits.
#[derive(Clone, Copy, Debug)]
pub struct Towards {
    /// The API is on this machine, where alone limits can be raised and time can be scaled.
    pub loopback: bool,
    /// How many files and connections the process may have open, if that is limited.
    pub open_files: Option<u64>,
}

impl Speed {
    /// Resolves what was asked for.
    ///
    /// # Errors
    /// `Failure` names what cannot be, and what can.
    pub fn of(
        asked: &SpeedRequest,
        towards: Towards,
        now: &ZonedDateTime,
    ) -> Result<Self, Failure> {
        let time_scale = asked.time_scale.unwrap_or(1);
        if time_scale > 1 && !towards.loopback {
            return Err(Failure::usage(
                "--time-scale is for a loopback address alone",
                "it divides the API's limits, which a real tenant keeps",
                "leave --time-scale out, or use --emulator",
            ));
        }
        let limits = asked.limits.as_deref().unwrap_or_default();
        let own: Vec<Quota> =
            api_quotas().into_iter().map(|quota| quota.scaled(time_scale)).collect();
        let quotas = quotas(own, limits, towards.loopback)?;
        let leave = asked.leave.unwrap_or(0);
        let quotas: Vec<Quota> = quotas.into_iter().map(|quota| quota.leaving(leave)).collect();
        let pace_kind = asked.pace.unwrap_or_default();
        let hours = hours(&asked.hours, now, asked.until.is_some())?;
        let begins = begins(hours.as_ref(), now);
        let until = asked.until.as_ref().and_then(|until| until.as_ref());
        // Whoever names a zone means it for every time of day of the command.
        let begins = match &asked.hours.tz {
            Some(tz) if until.is_some() => begins.with_time_zone(zone(tz)?),
            _ => begins,
        };
        let until = until.map(|text| self::until(text, &begins)).transpose()?;
        let mut timing = Timing::default().scaled(time_scale);
        timing.max_wait = asked.max_wait.map_or(timing.max_wait, |wait| wait.0);
        let max_duration = asked.max_duration.as_ref().and_then(|length| length.as_ref());
        let speed = Self {
            pace_kind,
            pace: pace_kind.pace(&quotas),
            limited: asked.limits.is_some() || asked.leave.is_some(),
            quotas,
            concurrency: usize::from(asked.concurrency.unwrap_or(CONCURRENCY)),
            timing,
            time_scale,
            max_duration: max_duration.map(|length| length.0),
            until,
            hours,
            priority: asked.priority.unwrap_or_default(),
            new_priority: asked.priority,
            expire_pending: asked.hours.expire_pending,
        };
        check_expiry(&speed, now.timestamp())?;
        check_open_files(speed.concurrency, towards)?;
        Ok(speed)
    }
}

/// How many of the latest calls decide about the next ones.
pub fn most_calls(speed: &Speed) -> usize {
    // Other campaigns on the budget keep the API's own quotas at most.
    let ours = speed.quotas.iter().map(|quota| quota.calls.get() as usize).max();
    ours.unwrap_or(0).max(1_500)
}

/// Whether the flag can be: something must say when scans expire.
///
/// # Errors
/// `Failure` says what is missing.
fn check_expiry(speed: &Speed, now: Timestamp) -> Result<(), Failure> {
    let closes = |hours: &Hours| {
        let opening = hours.to_their_ends().opening(now);
        opening.is_none_or(|opening| opening.closes < Timestamp::MAX)
    };
    let ends = speed.until.is_some() || speed.hours.as_ref().is_some_and(closes);
    if ends || !speed.expire_pending {
        return Ok(());
    }
    let why = match speed.hours {
        Some(_) => "the window never closes, so nothing says when waiting scans are cancelled",
        None => "nothing says when waiting scans are to be cancelled",
    };
    Err(Failure::usage(
        "--expire-pending needs --window or --until",
        why,
        "add --window \"22:00-06:00\", or --until 06:00",
    ))
}

/// What a run has open beside its calls: the store's connections with their logs, the timers, the
/// reports and the standard streams (27 were counted), and some to spare.
const BESIDE: u64 = 32;

/// Refuses a run that would fail in its middle for want of files. Towards this machine a call may
/// need the other end of its connection as well.
///
/// # Errors
/// `Failure` says how many are allowed and needed.
fn check_open_files(concurrency: usize, towards: Towards) -> Result<(), Failure> {
    let Some(allowed) = towards.open_files else { return Ok(()) };
    let needed = open_files_needed(concurrency, towards.loopback);
    if allowed >= needed {
        return Ok(());
    }
    Err(Failure::usage(
        format!("this process may open {allowed} files, and {concurrency} calls at once need more"),
        format!("calls, store and reports need {needed}"),
        format!("raise the limit (`ulimit -n {needed}`), or lower --concurrency"),
    ))
}

fn open_files_needed(concurrency: usize, loopback: bool) -> u64 {
    let each = if loopback { 2 } else { 1 };
    BESIDE + each * concurrency as u64
}

fn quotas(own: Vec<Quota>, asked: &[Quota], loopback: bool) -> Result<Vec<Quota>, Failure> {
    if asked.is_empty() {
        return Ok(own);
    }
    if loopback {
        return Ok(beside(own, asked));
    }
    if let Some(wide) =
        asked.iter().find(|one| own.iter().any(|api| one != &api && api.within(one)))
    {
        let shown: Vec<String> = own.iter().map(Quota::to_string).collect();
        return Err(Failure::usage(
            format!("the limit {wide} is above the API's own"),
            format!("the API allows {}, and nothing raises that", shown.join(" and ")),
            "give a lower limit, or leave --limit out",
        ));
    }
    // A limit for the same window takes the place of the API's, the others stand beside it.
    let kept = own.into_iter().filter(|api| asked.iter().all(|one| one.window != api.window));
    Ok(kept.chain(asked.iter().copied()).collect())
}

/// Towards this machine limits may be raised and their windows be of any length, so a limit takes
/// the place of the one whose window it comes nearest to: the shorter one up to that, else the
/// longer one. What nothing was said of is kept.
fn beside(own: Vec<Quota>, asked: &[Quota]) -> Vec<Quota> {
    let shortest = own.iter().map(|quota| quota.window).min().unwrap_or_default();
    let is_short = |quota: &Quota| quota.window <= shortest;
    let kept = own.into_iter().filter(|api| asked.iter().all(|one| is_short(one) != is_short(api)));
    let all: BTreeSet<Quota> = kept.chain(asked.iter().copied()).collect();
    all.into_iter().collect()
}

/// When a run begins that is started now.
fn begins(hours: Option<&Hours>, now: &ZonedDateTime) -> ZonedDateTime {
    let start = hours.and_then(Hours::start).filter(|start| *start > now.timestamp());
    start.map_or_else(|| now.clone(), |at| at.to_zoned_datetime(now.time_zone().clone()))
}

/// A time of day is the next one in local time; a whole moment is taken as it is.
fn until(text: &str, now: &ZonedDateTime) -> Result<ZonedDateTime, Failure> {
    let wrong = |why: &str| {
        Failure::usage(
            format!("--until {text} cannot be used"),
            why.to_owned(),
            "write a time of day such as 06:00, or a moment such as 2026-11-25T06:00:00+01:00",
        )
    };
    if let Ok(moment) = text.parse::<Timestamp>() {
        let moment = moment.to_zoned_datetime(now.time_zone().clone());
        let late = "that moment has passed, or comes before --start-at";
        return if moment > *now { Ok(moment) } else { Err(wrong(late)) };
    }
    let time: Time = text.parse().map_err(|_| wrong("it is no time of day"))?;
    if now.time_zone().is_unknown() {
        return Err(unknown_zone(&format!("--until {text}"), unreadable_zone()));
    }
    let at =
        |date: jiff::civil::Date| date.to_datetime(time).to_zoned_datetime(now.time_zone().clone());
    let today = at(now.date()).map_err(|error| wrong(&error.to_string()))?;
    if today > *now {
        return Ok(today);
    }
    let tomorrow = now.date().tomorrow().map_err(|error| wrong(&error.to_string()))?;
    at(tomorrow).map_err(|error| wrong(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::OrNone;

    /// The limits that are kept when these are given towards loopback at this scale of time.
    fn kept(scale: u32, asked: &[&str]) -> Vec<String> {
        let own = api_quotas().into_iter().map(|quota| quota.scaled(scale)).collect();
        let asked: Vec<Quota> = asked.iter().map(|text| text.parse().unwrap()).collect();
        quotas(own, &asked, true).unwrap().iter().map(Quota::to_string).collect()
    }

    #[test]
    fn towards_loopback_a_limit_that_was_not_named_is_kept() {
        assert_eq!(kept(1, &["50/1m"]), ["50/min", "1500/h"]);
        assert_eq!(kept(1, &["2000/1m"]), ["1500/h", "2000/min"]);
        assert_eq!(kept(1, &["700/1h"]), ["100/min", "700/h"]);
        assert_eq!(kept(1, &["50/1m", "700/1h"]), ["50/min", "700/h"]);
        assert_eq!(kept(1, &["100/5s", "200/15s"]), ["100/5s", "200/15s", "1500/h"]);
        assert_eq!(kept(60, &["20/1s"]), ["20/1s", "1500/min"]);
        assert_eq!(kept(60, &["1000/1m"]), ["100/1s", "1000/min"]);
        assert_eq!(kept(10, &[]), ["100/6s", "1500/6min"]);
    }

    #[test]
    fn an_end_is_in_the_zone_that_is_named_for_the_command() {
        let now: ZonedDateTime = "2026-11-28T10:00:00+00:00[UTC]".parse().unwrap();
        let asked = |tz: Option<&str>| {
            let until = Some(OrNone::Is("21:00".to_owned()));
            let mut asked = SpeedRequest { until, ..SpeedRequest::default() };
            asked.hours.tz = tz.map(str::to_owned);
            let towards = Towards { loopback: false, open_files: None };
            Speed::of(&asked, towards, &now).unwrap().until.unwrap().timestamp().to_string()
        };
        assert_eq!(asked(None), "2026-11-28T21:00:00Z");
        assert_eq!(asked(Some("Europe/Berlin")), "2026-11-28T20:00:00Z");
    }

    #[test]
    fn the_default_fits_into_64_files_and_a_call_to_this_machine_counts_twice() {
        assert_eq!(open_files_needed(16, false), 48);
        assert_eq!(open_files_needed(16, true), 64);
    }
}
