//! The emulated service as one plain value: requests go in with the moment at which they arrive,
//! and answers come out. It knows no clock, no socket and no task, so tests drive it on virtual
//! time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::actions::Register;
use super::clock::{Moment, http_date};
use super::dice;
use super::ledger::{Entry, Ledger, Throttled};
use super::machines::{self, Class};
use super::message::{Answer, Fault, Operation, Plan, Request};
use super::meter::{Meter, OverLimit, Rule};
use super::play::Play;
use super::reply::{Reply, throttled};
use super::route::Route;
use super::scenario::RetryAfter;
use super::token::{Desk, Grant, Rights, TokenCall};
use super::{Config, ConfigError};

/// The emulated service.
#[derive(Debug)]
pub struct World {
    pub(super) config: Config,
    pub(super) base: String,
    pub(super) desk: Desk,
    pub(super) actions: Register,
    /// How often each thing was asked, which is what draws depend on.
    pub(super) asked: BTreeMap<String, u64>,
    pub(super) scripts: BTreeMap<String, VecDeque<Play>>,
    /// Devices that were not found once and are from now on.
    pub(super) found: BTreeSet<String>,
    /// The strangers' scans on the listed machines are in the register.
    pub(super) fleet_is_ready: bool,
    meter: Meter,
    entries: Vec<Entry>,
}

/// What is known about a call while it is answered.
pub(super) struct Call<'a> {
    pub(super) now: Moment,
    pub(super) request: &'a Request,
    pub(super) play: &'a Play,
    pub(super) draw: u64,
}

impl World {
    /// A new world.
    ///
    /// # Errors
    /// [`ConfigError`] if the settings make no sense.
    pub fn new(config: Config) -> Result<World, ConfigError> {
        config.check()?;
        let limits = config.limits.iter().map(|limit| {
            let us = limit.window.as_secs_f64() / config.speed * 1e6;
            (limit.calls, us.round() as i64)
        });
        let scripts = config.scenario.script.iter().map(|script| {
            (script.device.to_ascii_lowercase(), script.answers.iter().cloned().collect())
        });
        Ok(World {
            meter: Meter::new(limits.collect()),
            scripts: scripts.collect(),
            desk: Desk::new(config.apps.clone()),
            base: "http://emulator.invalid".into(),
            actions: Register::default(),
            asked: BTreeMap::new(),
            found: BTreeSet::new(),
            fleet_is_ready: false,
            entries: Vec::new(),
            config,
        })
    }

    /// Sets the origin that links in answers begin with.
    pub fn set_base_url(&mut self, base: &str) {
        base.trim_end_matches('/').clone_into(&mut self.base);
    }

    /// Plans a request and lets it arrive at once, whatever its latency is.
    pub fn answer(&mut self, now: Moment, request: &Request) -> Answer {
        let plan = self.plan(now, request);
        self.arrive(now, request, &plan)
    }

    /// The request arrives: it is counted, entered into the ledger, and processed unless its plan
    /// says that it was lost. Arrivals must come in the order of their moments.
    pub fn arrive(&mut self, now: Moment, request: &Request, plan: &Plan) -> Answer {
        let now = now.skewed(self.config.scenario.clock_skew_s);
        let route = Route::of(request);
        let call = Call { now, request, play: &plan.play, draw: plan.draw };
        let lost = fault(&plan.play, 0, plan.draw).before_processing();
        let refusal = self.count(&call, route.operation());
        let mut reply = Reply::default();
        if !lost {
            reply = self.respond(&call, &route, refusal).unwrap_or_else(|refused| refused);
        }
        let fault = fault(&plan.play, reply.body.len(), plan.draw);
        self.entries.push(entry(&call, &route, &mut reply, fault));
        reply.headers.push(("date", http_date(now.utc_ms)));
        reply.headers.push(("server", "fleetsweep-emulator".into()));
        let Reply { status, headers, body, .. } = reply;
        Answer { status, headers, body, after: plan.after, fault }
    }

    /// An application's token that is good from `now`, without a call.
    #[cfg(feature = "testing")]
    pub fn issue_token(&mut self, now: Moment, tenant: &str, app: &str) -> String {
        let rights = Rights::Roles(self.config.scenario.token.roles.clone());
        self.issue(now, tenant, app, rights)
    }

    /// A user's token for that application, without a call.
    #[cfg(feature = "testing")]
    pub fn issue_user_token(&mut self, now: Moment, tenant: &str, app: &str) -> String {
        let rights = Rights::Scopes(self.config.scenario.token.scopes.clone());
        self.issue(now, tenant, app, rights)
    }

    #[cfg(feature = "testing")]
    fn issue(&mut self, now: Moment, tenant: &str, app: &str, rights: Rights) -> String {
        let draw = dice::hash(self.config.seed, &["issued", tenant, app]);
        let asked = TokenCall { now, tenant, rules: &self.config.scenario.token, draw };
        self.desk.issue(asked, app, "https://api.securitycenter.microsoft.com", rights)
    }

    /// What a device is like in this scenario.
    pub fn class_of(&self, device: &str) -> Class {
        machines::class(
            self.config.seed,
            &device.to_ascii_lowercase(),
            &self.config.scenario.devices,
        )
    }

    /// The ids of the machines that the service lists, in order.
    pub fn fleet(&self) -> impl Iterator<Item = String> + use<> {
        let seed = self.config.seed;
        (0..self.config.scenario.devices.fleet_size).map(move |index| dice::machine_id(seed, index))
    }

    /// A copy of the ledger. Its cost grows with the number of calls; see also [`World::entries`].
    pub fn ledger(&self) -> Ledger {
        Ledger::of(&self.entries, self.meter.peaks(&self.desk.accounts))
    }

    /// The ledger's sums without its entries.
    pub fn summary(&self) -> Ledger {
        Ledger { entries: Vec::new(), ..self.ledger() }
    }

    /// How many calls were planned; those that are not in the ledger yet are on their way.
    #[cfg(feature = "testing")]
    pub fn planned(&self) -> u64 {
        self.asked.values().sum()
    }

    /// The calls that arrived, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Counts a call for its limits, and says whether it is over one.
    fn count(&mut self, call: &Call<'_>, operation: Operation) -> Option<OverLimit> {
        if matches!(operation, Operation::Token | Operation::Unknown) {
            return None;
        }
        let throttle = &self.config.scenario.throttle;
        let gap_s = 3600.0 / f64::from(throttle.others_per_hour) / self.config.speed;
        let rule = Rule {
            enforce: throttle.enforce,
            count_refused: throttle.count_refused,
            others_gap_us: if gap_s.is_finite() { (gap_s * 1e6) as i64 } else { 0 },
        };
        let grant = self.desk.grant(call.request.authorization.as_deref());
        let account = grant.map_or(0, |grant| grant.account);
        self.meter.arrive(account, operation, call.now.micros(), rule)
    }

    /// What is answered; an answer before the call is processed comes as an error.
    fn respond(
        &mut self,
        call: &Call<'_>,
        route: &Route,
        refusal: Option<OverLimit>,
    ) -> Result<Reply, Reply> {
        match call.play {
            Play::ServerError(status) => return Err(Reply::empty(*status)),
            Play::Html => return Err(Reply::html(200)),
            Play::Redirect => return Err(Reply::redirect()),
            Play::GatewayNotFound => return Err(Reply::gateway_not_found()),
            _ => {}
        }
        match route {
            Route::Unknown => return Err(Reply::gateway_not_found()),
            Route::Token(tenant) => {
                let rules = &self.config.scenario.token;
                let from_us = (rules.error_from_s / self.config.speed * 1e6) as i64;
                let fails = rules.error != 0 && call.now.micros() >= from_us;
                let failing = if fails { Some(rules.error) } else { None };
                let asked = TokenCall { now: call.now, tenant, rules, draw: call.draw };
                return Ok(self.desk.answer(asked, &call.request.body, failing));
            }
            Route::DeviceCode(tenant) => {
                return Ok(self.desk.code(call.now, tenant, &call.request.body, call.draw));
            }
            _ => {}
        }
        let grant = self.sign_in(call)?;
        self.throttle(call, refusal)?;
        self.allow(call, route.operation(), &grant)?;
        let reply = self.process(call, route, &grant).unwrap_or_else(|refused| refused);
        Ok(spoil(reply, call.play))
    }

    /// Who calls; a 401 if the token is not good.
    fn sign_in(&self, call: &Call<'_>) -> Result<Grant, Reply> {
        let share = self.config.scenario.token.unauthorized_share;
        let unlucky = dice::unit(dice::mix(call.draw ^ 0x401)) < share;
        let reason = match self.desk.grant(call.request.authorization.as_deref()) {
            _ if unlucky || *call.play == Play::Unauthorized => "The token was revoked",
            None => "The token is missing or not valid",
            Some(grant) if grant.expires_us <= call.now.micros() => "The token has expired",
            Some(grant) => return Ok(grant.clone()),
        };
        let message = format!("Unauthorized request - reason of failure: {reason}");
        Err(Reply::error(401, "Unauthorized", &message, call.draw))
    }

    /// A 429, if this call meets one.
    fn throttle(&self, call: &Call<'_>, refusal: Option<OverLimit>) -> Result<(), Reply> {
        let throttle = &self.config.scenario.throttle;
        let unlucky = dice::unit(dice::mix(call.draw ^ 0x429)) < throttle.random_share;
        let played = matches!(call.play, Play::Throttled | Play::ThrottledRaw(_)) || unlucky;
        let refusal = match refusal {
            Some(refusal) => refusal,
            None if played => self.invented(throttle.random_wait_s),
            None => return Ok(()),
        };
        let why = if refusal.excess { Throttled::Excess } else { Throttled::Scenario };
        let reply = match call.play {
            Play::ThrottledRaw(value) => {
                let reply = throttled(refusal, RetryAfter::None, call.now, call.draw);
                if value.is_empty() { reply } else { reply.with("retry-after", value.clone()) }
            }
            _ => throttled(refusal, throttle.retry_after, call.now, call.draw),
        };
        Err(Reply { throttled: Some(why), ..reply })
    }

    /// The refusal of a call that is over no limit.
    fn invented(&self, wait_s: u32) -> OverLimit {
        let first = self.config.limits.first();
        let window = first.map_or(Duration::from_secs(60), |limit| limit.window);
        OverLimit {
            calls: first.map_or(100, |limit| limit.calls),
            window_us: (window.as_secs_f64() / self.config.speed * 1e6) as i64,
            wait_us: i64::from(wait_s) * 1_000_000,
            excess: false,
        }
    }

    /// A 403 if the application lacks the role for the operation.
    fn allow(&self, call: &Call<'_>, operation: Operation, grant: &Grant) -> Result<(), Reply> {
        // Sources: the permission tables of the pages "Run antivirus scan API", "Cancel machine
        // action API" and "List machine actions API".
        let accepted: &[&str] = match operation {
            Operation::Scan => &["Machine.Scan"],
            Operation::Cancel => &[
                "Machine.Scan",
                "Machine.Isolate",
                "Machine.CollectForensics",
                "Machine.RestrictExecution",
                "Machine.Offboard",
                "Machine.StopAndQuarantine",
                "Machine.LiveResponse",
            ],
            _ => match grant.rights {
                Rights::Roles(_) => &["Machine.Read.All", "Machine.ReadWrite.All"],
                Rights::Scopes(_) => &["Machine.Read", "Machine.ReadWrite"],
            },
        };
        let has_role = grant.rights.names().iter().any(|role| accepted.contains(&role.as_str()));
        let scenario = &self.config.scenario;
        let closed = match operation {
            Operation::Read => scenario.list.forbidden,
            Operation::Cancel => scenario.actions.cancel_forbidden,
            _ => false,
        };
        if has_role && !closed && *call.play != Play::Forbidden {
            return Ok(());
        }
        let message = format!(
            "Missing application roles. API required roles: {}, application roles: {}.",
            accepted.join(","),
            grant.rights.names().join(",")
        );
        Err(Reply::error(403, "Forbidden", &message, call.draw))
    }
}

/// What a play does to the connection; what is not said is drawn.
fn fault(play: &Play, body: usize, draw: u64) -> Fault {
    let below = |limit: usize| (dice::mix(draw ^ 0xc07) % limit.max(1) as u64) as usize;
    match play {
        Play::TimeOutBefore => Fault::TimeOutBeforeProcessing,
        Play::TimeOut => Fault::TimeOutAfterProcessing,
        Play::CutBefore => Fault::CutBeforeProcessing,
        Play::CutAfter => Fault::CutAfterProcessing,
        Play::CutHead(bytes) => Fault::CutMidHead(bytes.unwrap_or(1 + below(60))),
        // An answer without a body is whole after its head, so it is cut there.
        Play::CutBody(_) if body == 0 => Fault::CutMidHead(1 + below(60)),
        Play::CutBody(bytes) => Fault::CutMidBody(bytes.unwrap_or(below(body)).min(body - 1)),
        _ => Fault::None,
    }
}

/// What a play makes of an answer after the call was processed.
fn spoil(mut reply: Reply, play: &Play) -> Reply {
    match play {
        Play::ServerErrorAfter(status) => {
            reply.status = *status;
            reply.body.clear();
        }
        Play::WrongJson => reply.body.truncate(reply.body.len() / 2),
        Play::Empty => reply.body.clear(),
        Play::Huge => reply.body.resize(reply.body.len() + (4 << 20), b' '),
        _ => {}
    }
    reply
}

fn entry(call: &Call<'_>, route: &Route, reply: &mut Reply, fault: Fault) -> Entry {
    let comment = || {
        let body: serde_json::Value = serde_json::from_slice(&call.request.body).ok()?;
        Some(body.get("Comment")?.as_str()?.to_owned())
    };
    Entry {
        at_us: call.now.micros(),
        utc_ms: call.now.utc_ms,
        operation: route.operation(),
        device: route.device().map(str::to_owned),
        comment: match route {
            Route::Scan(_) | Route::Cancel(_) => comment(),
            _ => None,
        },
        status: Some(reply.status).filter(|status| *status != 0),
        action_id: match route {
            Route::Cancel(id) => Some(id.clone()),
            _ => reply.action_id.take(),
        },
        accepted: reply.created,
        cancelled: reply.cancelled,
        processed: !fault.before_processing(),
        answered: fault == Fault::None,
        fault,
        throttled: reply.throttled,
    }
}
