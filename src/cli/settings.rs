//! From what the user typed and the environment to what the program runs on: checked, in one place.
//! Flags win over the environment. It opens nothing; `auth` reads the files of secrets for it.

use std::collections::BTreeSet;
use std::env;
use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::Time;
use jiff::{Timestamp, ZonedDateTime};

use super::args::{ConnectArgs, PaceArg, SpeedArgs};
use super::auth;
use super::descriptors;
use super::expire;
use super::failure::Failure;
use super::hours::{hours, unknown_zone};
use crate::clock::unreadable_zone;
use crate::defender::{Cloud, Credential, Origin, SignInKind};

use crate::domain::quota::api_quotas;
use crate::domain::service::{is_domain, unbraced};
use crate::domain::text::printable;
use crate::domain::{Campaign, Hours, Pace, PaceKind, Priority, Quota, Target, Timing};

/// A connection to a tenant.
#[derive(Clone)]
pub(super) struct Connection {
    /// Who and where, as the campaign keeps it.
    pub target: Target,
    /// Where the API is.
    pub api: Origin,
    /// Where to sign in.
    pub login: Origin,
    /// Whom the token is for.
    pub audience: String,
    /// What proves who we are.
    pub credential: Credential,
    /// More certificate authorities.
    pub ca_file: Option<PathBuf>,
}

/// Limits, pace and times of a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Speed {
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
    /// The same as it was typed: it is kept from then on.
    pub new_priority: Option<Priority>,
    /// Cancel what still waits when these are over, or the time is.
    pub expire_pending: bool,
}

impl Speed {
    /// How long a run that starts at this moment may order. The moment is asked for again when a
    /// run starts, since a long list or an open question must not push the end out.
    pub(super) fn stops_in(&self, start: Timestamp) -> Option<Duration> {
        let from_start =
            |at: Timestamp| Duration::try_from(at.duration_since(start)).unwrap_or_default();
        let left = self.until.as_ref().map(|until| from_start(until.timestamp()));
        // A run that waits for its start has not begun.
        let waits = self.hours.as_ref().and_then(Hours::start).map(from_start).unwrap_or_default();
        left.into_iter().chain(self.max_duration.map(|length| waits + length)).min()
    }

    /// The same for a campaign that was opened before: its limits and its priority stay unless
    /// others are asked for.
    pub(super) fn going_on_with(mut self, campaign: &Campaign) -> Self {
        self.priority = self.new_priority.unwrap_or(campaign.priority);
        if self.limited || campaign.quotas.is_empty() {
            return self;
        }
        let quotas = campaign.quotas.clone();
        Self { pace: self.pace_kind.pace(&quotas), quotas, ..self }
    }
}

/// Reads the connection to a tenant from flags and the environment. Tenant and application of the
/// target are empty where the token is to say them.
///
/// # Errors
/// `Failure` names the setting that is missing or wrong.
pub(super) fn connection(args: &ConnectArgs) -> Result<Connection, Failure> {
    let (target, api) = planned_target(args)?;
    let kind = auth::kind(args)?;
    if kind.is_none_or(SignInKind::is_bound) {
        if target.tenant.is_empty() {
            return Err(missing("tenant", "--tenant", "AZURE_TENANT_ID"));
        }
        if target.application.is_empty() {
            return Err(missing("application", "--client-id", "AZURE_CLIENT_ID"));
        }
    }
    check_ids(&target, &api)?;
    let credential = auth::credential_of(kind.ok_or_else(auth::none_given)?, args, &target)?;
    let cloud = cloud(args)?;
    let login = setting(args.login_url.as_ref(), "FLEETSWEEP_LOGIN_URL")
        .or_else(|| variable("AZURE_AUTHORITY_HOST"));
    let login = match login {
        Some(url) => origin(&url, "--login-url")?,
        None => cloud.login_origin(),
    };
    let ca_file =
        args.ca_file.clone().or_else(|| variable("FLEETSWEEP_CA_FILE").map(PathBuf::from));
    Ok(Connection { target, audience: cloud.audience(), api, login, credential, ca_file })
}

/// Ids that cannot be right are told before anybody confirms a plan, not by the sign-in after it.
pub(super) fn check_ids(target: &Target, api: &Origin) -> Result<(), Failure> {
    if api.is_loopback() {
        return Ok(());
    }
    let (tenant, application) = (&target.tenant, &target.application);
    let wrong = |what: &str, id: &str, form: &str, next: &str| {
        let why = format!("`{}` is no {form}", printable(id));
        Failure::usage(format!("the {what} cannot be right"), why, next)
    };
    if !tenant.is_empty() && !is_guid(tenant) && !is_domain(tenant) {
        let next = "copy the Directory (tenant) ID from the application's overview page";
        return Err(wrong("tenant", tenant, "GUID and no domain name", next));
    }
    if !application.is_empty() && !is_guid(application) {
        let next = "copy the Application (client) ID from the application's overview page";
        return Err(wrong("application", application, "GUID", next));
    }
    Ok(())
}

/// Whether it has the form of a GUID: hex digits in groups of 8, 4, 4, 4 and 12.
pub(super) fn is_guid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Who and where, as far as flags and the environment say; a tenant or an application that is not
/// given is empty.
///
/// # Errors
/// `Failure` names the setting that is wrong.
pub(super) fn planned_target(args: &ConnectArgs) -> Result<(Target, Origin), Failure> {
    let cloud = cloud(args)?;
    let api = match setting(args.api_url.as_ref(), "FLEETSWEEP_API_URL") {
        Some(url) => origin(&url, "--api-url")?,
        None => cloud.api_origin(),
    };
    let target = Target {
        api_origin: api.to_string(),
        tenant: id(args.tenant.as_ref(), "AZURE_TENANT_ID"),
        application: id(args.client_id.as_ref(), "AZURE_CLIENT_ID"),
        cloud: cloud.name().to_owned(),
    };
    Ok((target, api))
}

/// An id as the sign-in service takes it; some tools print it in braces.
fn id(flag: Option<&String>, name: &str) -> String {
    unbraced(&setting(flag, name).unwrap_or_default()).to_owned()
}

/// Reads limits, pace and times. `loopback` says that the API is on this machine, where alone
/// limits can be raised and time can be scaled.
///
/// # Errors
/// `Failure` names what cannot be, and what can.
pub(super) fn speed(
    args: &SpeedArgs,
    loopback: bool,
    now: &ZonedDateTime,
) -> Result<Speed, Failure> {
    if args.time_scale > 1 && !loopback {
        return Err(Failure::usage(
            "--time-scale is for a loopback address alone",
            "it divides the API's limits, which a real tenant keeps",
            "leave --time-scale out, or use --emulator",
        ));
    }
    let own: Vec<Quota> =
        api_quotas().into_iter().map(|quota| quota.scaled(args.time_scale)).collect();
    let quotas = quotas(own, &args.limits, loopback)?;
    let leave = args.leave.unwrap_or(0);
    let quotas: Vec<Quota> = quotas.into_iter().map(|quota| quota.leaving(leave)).collect();
    let kind = match args.pace {
        Some(PaceArg::Even) => PaceKind::Even,
        Some(PaceArg::Fast) | None => PaceKind::Fast,
    };
    let hours = hours(&args.hours, now)?;
    let begins = begins(hours.as_ref(), now);
    let until = args.until.as_deref().map(|text| until(text, &begins)).transpose()?;
    let mut timing = Timing::default().scaled(args.time_scale);
    timing.max_wait = args.max_wait.unwrap_or(timing.max_wait);
    let speed = Speed {
        pace_kind: kind,
        pace: kind.pace(&quotas),
        limited: !args.limits.is_empty() || args.leave.is_some(),
        quotas,
        concurrency: usize::from(args.concurrency),
        timing,
        time_scale: args.time_scale,
        max_duration: args.max_duration,
        until,
        hours,
        priority: args.priority.priority.unwrap_or_default(),
        new_priority: args.priority.priority,
        expire_pending: args.hours.expire_pending,
    };
    expire::check(&speed, now.timestamp())?;
    descriptors::check(speed.concurrency, loopback)?;
    Ok(speed)
}

/// A flag, or else an environment variable that is not empty.
pub(super) fn setting(flag: Option<&String>, name: &str) -> Option<String> {
    flag.cloned().or_else(|| variable(name))
}

/// An environment variable that is not empty.
pub(super) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

fn missing(what: &str, flag: &str, name: &str) -> Failure {
    Failure::usage(
        format!("no {what} is given"),
        format!("neither {flag} nor {name} is set"),
        format!(
            "set {name}, or try the program without a tenant: add --emulator to a `scan` command"
        ),
    )
}

fn cloud(args: &ConnectArgs) -> Result<Cloud, Failure> {
    let Some(name) = setting(args.cloud.as_ref(), "FLEETSWEEP_CLOUD") else {
        return Ok(Cloud::default());
    };
    Cloud::named(&name).ok_or_else(|| {
        let known: Vec<&str> = Cloud::all().map(Cloud::name).collect();
        Failure::usage(
            format!("there is no cloud `{name}`"),
            "--cloud or FLEETSWEEP_CLOUD names it",
            format!("use one of {}", known.join(", ")),
        )
    })
}

fn origin(url: &str, flag: &str) -> Result<Origin, Failure> {
    Origin::parse(url).map_err(|error| {
        Failure::usage(
            format!("the address of {flag} cannot be used"),
            error.to_string(),
            "give scheme and host alone, such as https://api.security.microsoft.com",
        )
    })
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
}
