//! What a campaign keeps of what it was begun with: whoever goes on with it needs a credential and
//! nothing else. What is said anew holds from then on, and is told; settings and environment never
//! override what was kept, but for where a credential is.

use jiff::Timestamp;

use super::context::{Context, Credentials};
use super::failure::Failure;
use super::happenings::note;
use super::limits::Speed;
use super::waves::deal;
use crate::clock::{Clock, local_now, wall_clock, zone_rule};
use crate::domain::request::{ConnectRequest, OrNone, RunRequest, Said, ScanRequest, SpeedRequest};
use crate::domain::text::printable;
use crate::domain::{Begun, Campaign, CampaignId, Happened, Hours, Rollout};
use crate::report::human;
use crate::store::{Store, StoreError};

/// What is kept of a request with which a campaign begins: not what is one run's alone, and with
/// the zone of its windows said, since another host may have another one.
pub(super) fn begun(cx: &Context<'_>, request: &ScanRequest, speed: &Speed) -> Begun {
    let mut request = request.clone();
    request.ids.clear();
    (request.dry_run, request.approve_max, request.detach) = (false, None, false);
    request.plan_file = Default::default();
    request.run = kept(request.run, speed);
    Begun { request, by: cx.host.user.clone(), host: cx.host.name.clone() }
}

/// What is kept of how a campaign is run.
pub(super) fn kept(mut run: RunRequest, speed: &Speed) -> RunRequest {
    run = with_moments(run, speed);
    run.speed.max_duration = None;
    let hours = &mut run.speed.hours;
    if hours.tz.is_none()
        && hours.windows.as_ref().is_some_and(|windows| !windows.is_empty())
        && let Some(zone) = speed.hours.as_ref().map(Hours::zone)
        && !zone.is_unknown()
    {
        // `hours` has refused a zone that has neither.
        hours.tz = zone.iana_name().map(str::to_owned).or_else(zone_rule);
    }
    if let Some([]) = hours.windows.as_deref() {
        (hours.tz, hours.last_order) = (None, None);
    }
    run.output.force = false;
    run
}

/// A time of day means the next such time, and must not mean a later one on the day after.
fn with_moments(mut run: RunRequest, speed: &Speed) -> RunRequest {
    let start = speed.hours.as_ref().and_then(Hours::start);
    run.speed.hours.start_at = start.map(|start| OrNone::Is(start.to_string()));
    if let Some(until) = &speed.until {
        run.speed.until = Some(OrNone::Is(until.timestamp().to_string()));
    }
    run
}

/// The command that goes on with a campaign now.
///
/// # Errors
/// `StoreError` if the store cannot be read.
pub(super) async fn going_on_now<S: Store>(
    cx: &Context<'_>,
    store: &S,
    campaign: &Campaign,
) -> Result<String, StoreError> {
    Ok(resume_now(&cx.commands.going_on(&campaign.name), is_over(store, campaign).await?))
}

/// Whether the moment until which a campaign was to order has come. One that was called off orders
/// nothing more at whatever time.
pub(super) async fn is_over<S: Store>(store: &S, campaign: &Campaign) -> Result<bool, StoreError> {
    if campaign.called_off {
        return Ok(false);
    }
    let begun = store.begun(campaign.id).await?;
    Ok(begun.is_some_and(|begun| begun.is_over(store.clock().shared_utc())))
}

/// The command that goes on with a campaign: where the time until which it was to order has passed,
/// it must say another one.
pub(crate) fn resume_now(resume: &str, is_over: bool) -> String {
    let is_said = resume.contains(" --until ");
    format!("{resume}{}", if is_over && !is_said { " --until none" } else { "" })
}

/// How a campaign is run by who goes on with it.
pub(crate) struct GoingOn {
    /// How it is run, with what was kept of it.
    pub run: RunRequest,
    /// What was kept; `None` of a campaign of a version that did not keep it.
    pub begun: Option<Begun>,
}

impl GoingOn {
    /// What is otherwise than it was kept, in the user's words.
    pub(super) fn changes(&self, speed: &Speed) -> Vec<String> {
        match &self.begun {
            Some(begun) => changes(&begun.request.run, &self.with_moments(begun, speed)),
            None => Vec::new(),
        }
    }

    /// Whether this run is to go otherwise than by what was kept alone, as far as that is known.
    pub(super) fn is_otherwise(&self, speed: &Speed) -> bool {
        let Some(begun) = &self.begun else { return false };
        let now = self.with_moments(begun, speed);
        let RunRequest { connect, emulator, .. } = now.clone();
        RunRequest { connect, emulator, ..begun.request.run.clone() } != now
    }

    /// How it is run. The same time of day is no other end, whatever day it means now.
    fn with_moments(&self, begun: &Begun, speed: &Speed) -> RunRequest {
        let mut run = with_moments(self.run.clone(), speed);
        if self.run.speed.until == begun.request.run.speed.until {
            run.speed.until.clone_from(&self.run.speed.until);
        }
        run
    }

    /// The campaign as this run is to treat it: what was kept of the rule about failures holds as a
    /// whole; of one that kept nothing, what was asked for now, or else what it was begun with.
    pub(super) fn ruled(&self, campaign: Campaign) -> Campaign {
        let most = self.run.most_failures();
        if self.begun.is_none() {
            return deal::with_rules(campaign, most);
        }
        Campaign { rollout: Rollout { max_failures: most, ..campaign.rollout }, ..campaign }
    }

    /// Tells what is otherwise than it was kept, and keeps it so from now on; or tells that nothing
    /// was kept.
    ///
    /// # Errors
    /// `StoreError` if the store fails.
    pub(super) async fn tell_and_keep<S: Store>(
        &self,
        cx: &Context<'_>,
        store: &S,
        campaign: CampaignId,
        speed: &Speed,
    ) -> Result<(), StoreError> {
        if self.begun.is_none() {
            cx.say(
                "An older version began this campaign, and kept no windows and no rules of it: \
                 those of this command line hold.",
            );
            return Ok(());
        }
        let changes = self.changes(speed);
        if changes.is_empty() {
            return Ok(());
        }
        cx.say(&format!("Changed, from now on: {}.", printable(&changes.join("; "))));
        self.keep(cx, store, campaign, speed).await
    }

    /// Keeps what is otherwise than it was kept.
    ///
    /// # Errors
    /// `StoreError` if the store fails.
    pub(super) async fn keep<S: Store>(
        &self,
        cx: &Context<'_>,
        store: &S,
        campaign: CampaignId,
        speed: &Speed,
    ) -> Result<(), StoreError> {
        let changes = self.changes(speed);
        let Some(begun) = &self.begun else { return Ok(()) };
        if changes.is_empty() {
            return Ok(());
        }
        let run = kept(self.run.clone(), speed);
        let run = RunRequest { connect: begun.request.run.connect.clone(), ..run };
        let request = ScanRequest { run, ..begun.request.clone() };
        store.set_begun(campaign, Begun { request, ..begun.clone() }).await?;
        note(cx, store, campaign, Happened::Changed { changes }).await;
        Ok(())
    }
}

/// How a campaign is run by who goes on with it: as was said now, else as it was begun, else, of a
/// campaign that did not keep that, as settings say.
///
/// # Errors
/// `Failure` if two settings say different things about the sign-in, or if the time at which it was
/// to stop has passed.
pub(super) fn going_on(
    cx: &Context<'_>,
    typed: RunRequest,
    settings: RunRequest,
    begun: Option<Begun>,
    campaign: &Campaign,
) -> Result<GoingOn, Failure> {
    let Some(mut there) = begun else {
        return Ok(GoingOn { run: typed.or(settings), begun: None });
    };
    there.request.run.speed.hours.forget_past_start(wall_clock());
    forget_what_says_nothing(&mut there.request.run.speed);
    if campaign.called_off {
        // It orders nothing more, at whatever time; what became of its orders is found out.
        there.request.run.speed.until = None;
    }
    let kept = there.request.run.clone();
    let connect = connect(cx.credentials, &typed.connect, &settings.connect, &kept.connect)?;
    let mut run = typed.or(kept);
    run.connect = connect;
    forget_what_says_nothing(&mut run.speed);
    if there.request.run.speed.until == run.speed.until && there.is_over(wall_clock()) {
        return Err(over(cx, campaign, &there));
    }
    Ok(GoingOn { run, begun: Some(there) })
}

/// Forgets what has lost its meaning with a window, an end or a start that was taken away or has
/// come.
fn forget_what_says_nothing(speed: &mut SpeedRequest) {
    if speed.hours.start().is_none() {
        speed.hours.start_at = None;
    }
    if speed.hours.windows.as_ref().is_some_and(Vec::is_empty) {
        // Where no window is left, nothing is left for a last order to say.
        speed.hours.last_order = None;
        if speed.until.as_ref().is_none_or(|until| until.as_ref().is_none()) {
            // Nothing says any more when what waits is to be cancelled.
            speed.hours.expire_pending = false;
        }
    }
    speed.forget_zone_of_nothing();
}

fn over(cx: &Context<'_>, campaign: &Campaign, begun: &Begun) -> Failure {
    let name = &campaign.name;
    let resume = cx.commands.going_on(name);
    let until = begun.until().map(moment_here).unwrap_or_default();
    Failure::refused(
        format!("campaign {name} is not gone on with: its time is over"),
        format!("it was to order until {until} (--until), which has passed"),
        format!("say until when it may order now: `{resume} --until 06:00`, or `--until none`"),
    )
}

/// Where the API is and who calls it, for a command about a campaign that was begun with `kept`.
///
/// # Errors
/// `Failure` if two settings say different things about the sign-in.
pub(super) fn connection(
    cx: &Context<'_>,
    typed: ConnectRequest,
    settings: ConnectRequest,
    kept: Option<&Begun>,
) -> Result<ConnectRequest, Failure> {
    match kept {
        Some(begun) => connect(cx.credentials, &typed, &settings, &begun.request.run.connect),
        None => Ok(typed.or(settings)),
    }
}

/// As `connection`, for a command that must not reach a campaign of the same name elsewhere: who
/// has set up another tenant or application in the environment may mean another campaign, and is
/// taken at their word. A profile of the settings file is chosen for all commands, and says nothing
/// of this campaign.
///
/// # Errors
/// As `connection`.
pub(super) fn own_connection(
    cx: &Context<'_>,
    typed: ConnectRequest,
    settings: ConnectRequest,
    kept: Option<&Begun>,
) -> Result<ConnectRequest, Failure> {
    let mut whose = ConnectRequest::default();
    if settings.profile.is_none() || typed.profile.is_some() {
        (whose.tenant, whose.client_id) = (settings.tenant.clone(), settings.client_id.clone());
    }
    connection(cx, typed.or(whose), settings, kept)
}

/// Where the API is and who calls it. Settings say where a credential is, and nothing else: of the
/// same tenant and application, and in the place of what was kept of that.
fn connect(
    credentials: &dyn Credentials,
    typed: &ConnectRequest,
    settings: &ConnectRequest,
    kept: &ConnectRequest,
) -> Result<ConnectRequest, Failure> {
    let same = |here: &Option<String>, there: &Option<String>| match (here, there) {
        (Some(here), Some(there)) => here.eq_ignore_ascii_case(there),
        _ => true,
    };
    let fits = same(&settings.tenant, &kept.tenant) && same(&settings.client_id, &kept.client_id);
    let mut here = credential_of(typed);
    if fits {
        here = here.or(credential_of(settings));
    }
    let profile = if fits { settings.profile.clone() } else { None };
    let there = ConnectRequest { profile, ..kept.clone() };
    let rest = typed.clone().or(ConnectRequest { ca_file: settings.ca_file.clone(), ..there });
    // What is found here signs in, whatever kind it is; else what it was begun with.
    let here = match credentials.kind(&here)? {
        Some(kind) => ConnectRequest { auth: Some(kind), ..here },
        None => credential_of(kept),
    };
    let ConnectRequest {
        auth,
        client_secret_file,
        client_secret_credential,
        client_certificate,
        token_file,
        identity_client_id,
        ..
    } = here;
    Ok(ConnectRequest {
        auth,
        client_secret_file,
        client_secret_credential,
        client_certificate,
        token_file,
        identity_client_id,
        ..rest
    })
}

/// Where the credential is, and of which kind.
fn credential_of(connect: &ConnectRequest) -> ConnectRequest {
    ConnectRequest {
        auth: connect.auth,
        client_secret_file: connect.client_secret_file.clone(),
        client_secret_credential: connect.client_secret_credential.clone(),
        client_certificate: connect.client_certificate.clone(),
        token_file: connect.token_file.clone(),
        identity_client_id: connect.identity_client_id.clone(),
        ..ConnectRequest::default()
    }
}

/// What is otherwise now than it was kept, in words that people read.
pub(super) fn changes(then: &RunRequest, now: &RunRequest) -> Vec<String> {
    let (then, now) = (shown(then), shown(now));
    let changed = then.into_iter().zip(now).filter(|((_, then), (_, now))| then != now);
    let told = changed.map(|((what, then), (_, now))| format!("{what} {now} instead of {then}"));
    told.collect()
}

/// What people read of how a campaign is run, each with its name.
fn shown(run: &RunRequest) -> Vec<(&'static str, String)> {
    // Every field is named, so that none that is added can be forgotten here.
    let RunRequest { speed, max_failures, output: _, after, connect: _, emulator: _ } = run;
    let SpeedRequest {
        limits,
        leave,
        pace,
        concurrency,
        time_scale,
        until: _,
        max_duration: _,
        max_wait,
        hours,
        priority,
    } = speed;
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let windows = all(hours.windows.iter().flatten(), "none");
    // Without a window there is nothing for a zone to say.
    let zone = if windows == "none" { None } else { hours.tz.as_ref() };
    let clock = |at: i32| format!("{:02}:{:02}", at / 60, at % 60);
    let moment = |text: &str| text.parse::<Timestamp>().map_or(text.to_owned(), moment_here);
    let until = speed.until.as_ref().and_then(OrNone::as_ref);
    vec![
        ("limit", all(limits.iter().flatten(), "the API's own")),
        ("leave", one(leave.map(|percent| format!("{percent}%")), "0%")),
        ("pace", pace.unwrap_or_default().name().to_owned()),
        ("calls in flight", one(concurrency.as_ref(), "16")),
        ("time scale", one(time_scale.as_ref(), "1")),
        ("until", one(until.map(|text| moment(text)), "none")),
        ("longest wait", one(max_wait.as_ref(), "1h")),
        ("start", one(hours.start().map(moment), "none")),
        ("window", windows),
        ("zone", one(zone, "the system's")),
        ("last order", one(hours.last_order.map(clock), "none")),
        ("expire pending", yes(hours.expire_pending)),
        ("priority", priority.unwrap_or_default().name().to_owned()),
        ("max failures", one(max_failures.as_ref(), "none")),
        ("on finish", one(after.on_finish.as_ref(), "nothing")),
        ("on event", one(after.on_event.as_ref(), "nothing")),
        ("follow", yes(after.follow)),
    ]
}

/// A moment as the clock shows it here.
fn moment_here(at: Timestamp) -> String {
    human::moment(&at.to_zoned_datetime(local_now().time_zone().clone()))
}

fn one(value: Option<impl ToString>, default: &str) -> String {
    value.map_or_else(|| default.to_owned(), |value| value.to_string())
}

fn all(values: impl Iterator<Item = impl ToString>, default: &str) -> String {
    let texts: Vec<String> = values.map(|one| one.to_string()).collect();
    if texts.is_empty() { default.to_owned() } else { texts.join(", ") }
}
