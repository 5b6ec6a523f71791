//! The one place that turns a row and its campaign into the named fields of a report. Order and
//! names are a contract: columns are only ever appended. How a field is written is the formats'.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;

use super::outcomes::Proposed;
use super::story::Story;
use crate::domain::action::has_ended;
use crate::domain::{
    CampaignName, Life, Outcome, Rank, Rest, Row, ScanType, Stands, State, Ticket,
};

/// The names of the fields, in order.
pub const COLUMNS: [&str; 25] = [
    "line",
    "device_id",
    "device_name",
    "outcome",
    "reason",
    "scan_type",
    "action_id",
    "action_scope",
    "action_status",
    "action_status_at",
    "action_requestor",
    "action_created_at",
    "http_status",
    "error_code",
    "message",
    "server_correlation_id",
    "attempts",
    "first_sent_at",
    "answered_at",
    "input_text",
    "campaign",
    "tenant",
    "ticket",
    "comment",
    "portal_link",
];

/// The word in the `outcome` field of a row that has not ended.
pub const OPEN: &str = "open";

/// What begins the reason of every row of a campaign that ran against the emulator.
pub const EMULATED: &str = "EMULATED";

/// The reason of a row that waited in a run of a series when the next one began.
const HANDED_ON: &str = "handed on: the next run of its series has it";
/// The same of one that was asked in it, and had no answer that was its last.
const ASKED_AGAIN: &str = "handed on: the next run of its series asks it once more";

/// The reason of a row whose scan was ordered, where taking that back came to no end.
const MAY_BE_LEFT: &str = "scan ordered, and not cancelled yet: `fleetsweep cancel` came to no end";

/// What all rows of a report share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportHead {
    /// The campaign.
    pub campaign: CampaignName,
    /// Its tenant.
    pub tenant: String,
    /// The type that was asked for.
    pub scan_type: ScanType,
    /// It ran against the embedded emulator.
    pub emulated: bool,
    /// The ticket that it was ordered for.
    pub ticket: Option<Ticket>,
    /// The user's comment.
    pub comment: String,
    /// The next run of its series took over what waited in it.
    pub handed_on: bool,
    /// It was called off: by somebody, or by the next run of its series.
    pub called_off: bool,
    /// That taking back what it ordered came to no end, and what goes on with that.
    pub cancel_left: Option<String>,
    /// Where the portal shows devices, if the cloud has one: the id follows.
    pub portal: Option<&'static str>,
    /// What happened, for reports that tell it; the rows do without.
    pub story: Option<Box<Story>>,
}

impl ReportHead {
    /// What becomes of its rows that were not brought to a scan.
    pub fn rest(&self) -> Rest {
        Rest::of(self.called_off, self.handed_on)
    }

    /// What commands are about that its reports propose.
    pub(super) fn proposed(&self) -> Proposed<'_> {
        let store = self.story.as_ref().map_or("", |story| &story.store);
        Proposed { campaign: &self.campaign, store }
    }

    /// Why it did not come to its end by itself, in parts of which the last may not be cut.
    pub(super) fn ended_early(&self) -> Option<(String, String)> {
        match &self.cancel_left {
            Some(left) => Some((String::new(), left.clone())),
            None => self.story.as_ref()?.ended_early(),
        }
    }
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value<'a> {
    /// Nothing is known.
    Empty,
    /// Text as it came: not escaped in any way.
    Text(Cow<'a, str>),
    /// A number.
    Number(u64),
    /// A moment, written as RFC 3339 in UTC.
    Time(Timestamp),
}

/// The values of a row, in the order of `COLUMNS`.
pub type Record<'a> = [Value<'a>; COLUMNS.len()];

/// The fields of a row.
pub fn record<'a>(row: &'a Row, head: &'a ReportHead) -> Record<'a> {
    let detail = &row.detail;
    [
        Value::Number(row.line),
        row.device.map_or(Value::Empty, |device| Value::Text(Cow::Owned(device.to_string()))),
        text(row.name.as_ref()),
        fixed(outcome(row.life.state)),
        reason(row, head).map_or(Value::Empty, Value::Text),
        Value::Text(Cow::Owned(head.scan_type.to_string())),
        text(detail.action_id.as_ref()),
        text(detail.action_scope.as_ref()),
        text(detail.action_status.as_ref()),
        time(detail.action_status_at),
        text(detail.action_requestor.as_ref()),
        time(detail.action_created_at),
        detail.http_status.map_or(Value::Empty, |status| Value::Number(u64::from(status))),
        text(detail.error_code.as_ref()),
        text(detail.message.as_ref()),
        text(detail.server_correlation_id.as_ref()),
        Value::Number(u64::from(row.life.attempt)),
        time(detail.first_sent_at),
        time(detail.answered_at),
        text(row.input_text.as_ref()),
        fixed(head.campaign.as_str()),
        fixed(&head.tenant),
        head.ticket.as_ref().map_or(Value::Empty, |ticket| fixed(ticket.as_str())),
        fixed(&head.comment),
        match (head.portal, row.device) {
            (Some(portal), Some(device)) => Value::Text(Cow::Owned(format!("{portal}{device}"))),
            _ => Value::Empty,
        },
    ]
}

/// Where a row in this state stands.
pub fn stands_of(state: State) -> Stands {
    match state {
        State::Done(outcome) => Stands::Ended(outcome),
        State::Draft | State::Queued(_) => Stands::Waiting,
        State::Claimed(_) => Stands::Sent,
        State::Doubtful { .. } => Stands::NotKnown,
    }
}

fn outcome(state: State) -> &'static str {
    match state {
        State::Done(outcome) => outcome.name(),
        State::Draft | State::Queued(_) | State::Claimed(_) | State::Doubtful { .. } => OPEN,
    }
}

/// What the server said of a row, where that is why the row stands so: not of one that was ordered,
/// whatever its order had to go through.
pub fn said(row: &Row) -> Option<&str> {
    let is_ordered = matches!(row.life.state, State::Done(outcome) if outcome.has_action());
    row.detail.message.as_deref().filter(|_| !is_ordered)
}

/// Why a row stands as it does. Returns `None` if its outcome says all.
pub fn reason<'a>(row: &'a Row, head: &ReportHead) -> Option<Cow<'a, str>> {
    let why = match row.life.state {
        State::Done(outcome) if head.rest().is_handed_on(outcome) => {
            let so_far = ended(outcome, &row.life, row.detail.reason.as_deref());
            Some(handed_on(outcome, row.life.attempt, so_far.unwrap_or_default()))
        }
        State::Done(Outcome::Accepted) if may_be_left(row, head) => Some(MAY_BE_LEFT.into()),
        State::Done(outcome) => ended(outcome, &row.life, row.detail.reason.as_deref()),
        // A draft is not reported; should one be, it is a row that waits.
        State::Draft | State::Queued(_) => Some(Cow::Borrowed(waiting(&row.life))),
        // A claim is durable before its call leaves, so a row that was left here by a crash may not
        // have been sent.
        State::Claimed(_) => Some("sent or about to be, answer not in yet".into()),
        State::Doubtful { .. } => {
            Some("sent, answer not known: the list of actions is being asked".into())
        }
    };
    let why = match (why, row.detail.note.as_deref()) {
        (Some(why), Some(note)) => Some(format!("{why}; {note}").into()),
        (why, note) => why.or(note.map(Cow::Borrowed)),
    };
    match (head.emulated, why) {
        (false, why) => why,
        (true, None) => Some(EMULATED.into()),
        (true, Some(why)) => Some(format!("{EMULATED}: {why}").into()),
    }
}

/// What is known of a call whose answer was lost stays told.
fn handed_on(outcome: Outcome, attempt: u32, so_far: Cow<'_, str>) -> Cow<'_, str> {
    match (outcome, attempt) {
        (Outcome::Failed, _) => format!("{so_far}; {ASKED_AGAIN}").into(),
        (_, 0) => HANDED_ON.into(),
        _ => ASKED_AGAIN.into(),
    }
}

/// Whether its scan may still be taken back by a command that came to no end.
fn may_be_left(row: &Row, head: &ReportHead) -> bool {
    head.cancel_left.is_some() && !row.detail.action_status.as_deref().is_some_and(has_ended)
}

fn waiting(life: &Life) -> &'static str {
    match life.rank {
        Rank::First => "waiting for its turn",
        Rank::Late => "waiting for its turn, among the devices that come last",
        Rank::Again if life.busy_asks > 0 => {
            "waiting to be asked again: a scan was already in progress"
        }
        Rank::Again if life.was_reopened() => {
            "waiting to be asked once more: a run stopped since too many were refused this way"
        }
        Rank::Again => "waiting to be asked again: the last try came to nothing",
        Rank::Last => "waiting to be asked once more: the API did not know the device",
    }
}

/// What the store knows goes first; an outcome that a reader must act on is never without a reason.
fn ended<'a>(outcome: Outcome, life: &Life, known: Option<&'a str>) -> Option<Cow<'a, str>> {
    let or = |otherwise: &'static str| Some(Cow::Borrowed(known.unwrap_or(otherwise)));
    match outcome {
        // An order and not a scan, which its name cannot say.
        Outcome::Accepted => or("scan ordered"),
        Outcome::ScanFailed => {
            let known = known.map(|known| format!("; {known}")).unwrap_or_default();
            Some(format!("a scan was ordered, and is over without one{known}").into())
        }
        Outcome::AlreadyInProgress { covered: true } => {
            let why = known.unwrap_or("a scan that is wide enough was already in progress");
            Some(format!("covered: {why}").into())
        }
        Outcome::AlreadyInProgress { covered: false } if life.unseen => {
            Some("not covered: a scan was already in progress; which one is not known".into())
        }
        Outcome::AlreadyInProgress { covered: false } => {
            let why = known.unwrap_or("a scan was already in progress");
            Some(format!("not covered: {why}").into())
        }
        Outcome::Rejected => or("the API refuses this device"),
        Outcome::NotFound => or("the API does not know this device in this tenant"),
        Outcome::Failed => or("every try came to nothing, and no scan of this campaign exists"),
        Outcome::Unknown => or("sent, and nobody can say what became of it"),
        Outcome::NotAttempted => or("not ordered in this campaign"),
        Outcome::Cancelled { .. } => or("its scan was ordered, and then cancelled by fleetsweep"),
        Outcome::BadRow => or("the row holds no Defender machine id"),
        Outcome::Duplicate => or("the device stands in an earlier row"),
        Outcome::Skipped => or("skipped on purpose"),
    }
}

fn text(text: Option<&String>) -> Value<'_> {
    text.map_or(Value::Empty, |text| fixed(text))
}

fn fixed(text: &str) -> Value<'_> {
    Value::Text(Cow::Borrowed(text))
}

fn time(at: Option<Timestamp>) -> Value<'static> {
    at.map_or(Value::Empty, Value::Time)
}
