//! Machine actions: what they are, how they age, and how they look in JSON. Nothing here knows
//! HTTP. Source: Microsoft's page "MachineAction resource type", and bodies that users published.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Config;
use super::clock::{Moment, stamp};
use super::dice::{self, Dice};
use super::reply::Object;

/// The type of every action that the emulator makes.
pub(super) const SCAN: &str = "RunAntiVirusScan";

/// The states of an action, in the API's spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    InProgress,
    Succeeded,
    Failed,
    TimeOut,
    Cancelled,
}

impl Status {
    /// Whether the action still keeps others of its type from its device.
    pub(super) fn open(self) -> bool {
        matches!(self, Status::Pending | Status::InProgress)
    }

    /// The API's word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Status::Pending => "Pending",
            Status::InProgress => "InProgress",
            Status::Succeeded => "Succeeded",
            Status::Failed => "Failed",
            Status::TimeOut => "TimeOut",
            Status::Cancelled => "Cancelled",
        }
    }
}

/// One action. Times ending in `_us` are microseconds since the start, negative before it.
#[derive(Clone, Debug)]
pub(super) struct Action {
    pub(super) id: String,
    pub(super) device: String,
    pub(super) requestor: String,
    pub(super) comment: Option<String>,
    pub(super) scope: String,
    /// UTC of the creation, in ticks of 100 ns.
    pub(super) created: i64,
    pub(super) created_us: i64,
    pub(super) begins_us: i64,
    pub(super) ends_us: i64,
    pub(super) end: Status,
    pub(super) visible_us: i64,
    pub(super) cancelled: Option<Cancellation>,
}

/// Who cancelled an action, when and why.
#[derive(Clone, Debug)]
pub(super) struct Cancellation {
    pub(super) at_us: i64,
    pub(super) requestor: String,
    pub(super) comment: Option<String>,
}

impl Action {
    /// The state at a moment.
    pub(super) fn status(&self, now_us: i64) -> Status {
        match self.cancelled {
            Some(_) => Status::Cancelled,
            None if now_us < self.begins_us => Status::Pending,
            None if now_us < self.ends_us => Status::InProgress,
            None => self.end,
        }
    }

    /// When the state at a moment was reached, in ticks of 100 ns.
    pub(super) fn updated(&self, now_us: i64) -> i64 {
        let since = match (self.status(now_us), &self.cancelled) {
            (_, Some(cancelled)) => cancelled.at_us,
            (Status::Pending, None) => self.created_us,
            (Status::InProgress, None) => self.begins_us,
            (_, None) => self.ends_us,
        };
        self.created + (since - self.created_us) * 10
    }

    /// The body for this action at a moment; with a context it is an entity of its own.
    pub(super) fn body(&self, now_us: i64, context: Option<String>) -> Object {
        let updated = stamp(self.updated(now_us));
        let cancelled = self.cancelled.as_ref();
        let fields = [
            ("id", json!(self.id)),
            ("type", json!(SCAN)),
            ("title", Value::Null),
            ("requestor", json!(self.requestor)),
            ("requestorComment", json!(self.comment)),
            ("status", json!(self.status(now_us).word())),
            ("machineId", json!(self.device)),
            ("computerDnsName", json!(super::machines::dns_name(&self.device))),
            ("creationDateTimeUtc", json!(stamp(self.created))),
            ("lastUpdateDateTimeUtc", json!(updated)),
            ("cancellationRequestor", json!(cancelled.map(|by| &by.requestor))),
            ("cancellationComment", json!(cancelled.and_then(|by| by.comment.as_ref()))),
            ("cancellationDateTimeUtc", json!(cancelled.map(|_| updated))),
            ("errorHResult", json!(0)),
            ("scope", json!(self.scope)),
            ("externalId", Value::Null),
            ("requestSource", json!("PublicApi")),
            ("relatedFileInfo", Value::Null),
            ("commands", json!([])),
            ("troubleshootInfo", Value::Null),
        ];
        Object::entity(context, fields)
    }
}

/// What a new action is made of.
pub(super) struct Order<'a> {
    pub(super) device: &'a str,
    pub(super) requestor: &'a str,
    pub(super) comment: Option<String>,
    pub(super) scope: &'a str,
}

impl Order<'_> {
    /// The new action, created at `now`; its id and its ages come from the hash.
    pub(super) fn placed(self, config: &Config, now: Moment, hash: u64) -> Action {
        let mut dice = Dice::new(hash);
        let (ages, lag_ms) = (&config.scenario.actions, config.scenario.list.lag_ms);
        let us = |seconds: f64| (seconds / config.speed * 1e6) as i64;
        let scan_s = if self.scope == "Full" { ages.full_s } else { ages.quick_s };
        let begins_us = now.micros() + us(ages.pending_s * dice.between(0.5, 1.5));
        let ends = [(ages.failed_share, Status::Failed), (ages.timeout_share, Status::TimeOut)];
        let end = dice::pick(dice.unit(), ends).unwrap_or(Status::Succeeded);
        Action {
            id: dice::guid(hash),
            device: self.device.to_owned(),
            requestor: self.requestor.to_owned(),
            comment: self.comment,
            scope: self.scope.to_owned(),
            created: now.utc_ticks() + (hash % 10) as i64,
            created_us: now.micros(),
            begins_us,
            ends_us: begins_us + us(scan_s * dice.between(0.5, 1.5)),
            end,
            visible_us: now.micros() + us(lag_ms / 1000.0),
            cancelled: None,
        }
    }
}

/// Every action, in the order in which they were stored, and which one is open on which device.
#[derive(Debug, Default)]
pub(super) struct Register {
    all: Vec<Action>,
    by_id: BTreeMap<String, usize>,
    /// The latest action of a device; only the latest can be open.
    latest: BTreeMap<String, usize>,
}

impl Register {
    /// Every action.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Action> {
        self.all.iter()
    }

    /// The action of that id.
    pub(super) fn get(&self, id: &str) -> Option<&Action> {
        self.all.get(*self.by_id.get(id)?)
    }

    /// The action of that id, to be changed.
    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Action> {
        self.all.get_mut(*self.by_id.get(id)?)
    }

    /// The action that is open on a device.
    pub(super) fn open_on(&self, device: &str, now_us: i64) -> Option<&Action> {
        let action = self.all.get(*self.latest.get(device)?)?;
        if action.status(now_us).open() { Some(action) } else { None }
    }

    /// Whether there ever was an action on a device.
    pub(super) fn touched(&self, device: &str) -> bool {
        self.latest.contains_key(device)
    }

    /// Stores an action.
    pub(super) fn add(&mut self, action: Action) {
        let index = self.all.len();
        self.by_id.insert(action.id.clone(), index);
        self.latest.insert(action.device.clone(), index);
        self.all.push(action);
    }
}
