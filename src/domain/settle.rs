//! What an answer writes, as one pure function over the rows that a store hands in: the call, the
//! device, the budget and the campaign. Both stores settle through it, so that they cannot differ.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::action::{Action, has_ended, has_ended_badly};
use super::budget::BudgetState;
use super::campaign::{BusyPolicy, ScanType};
use super::cancel::Cause;
use super::facts::KeptFacts;
use super::lifecycle::{self, Answered, Found, Life, LifeEvent, Rank};
use super::named::as_counted;
use super::refusal::Refusal;
use super::timing::{Stamp, Timing};
use super::verdict::{Verdict, earliest_of};

/// What the report tells of a device beside its outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    /// Why the outcome is what it is, where its name alone does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How the row came to its device, where its text alone does not say it. No answer changes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What was known of the device when it was planned. No answer changes it.
    #[serde(skip_serializing_if = "KeptFacts::is_empty")]
    pub facts: KeptFacts,
    /// The id of the action: ours, or the one that was in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_id: Option<String>,
    /// Its scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_scope: Option<String>,
    /// Its status when it was last seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_status: Option<String>,
    /// When that status was first seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_status_at: Option<Timestamp>,
    /// Who asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_requestor: Option<String>,
    /// When the server created it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_created_at: Option<Timestamp>,
    /// The HTTP status of the last whole answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The API's error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// The API's message, or what happened to the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The id that support asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_correlation_id: Option<String>,
    /// When the first call for this device was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_sent_at: Option<Timestamp>,
    /// When the last whole answer arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
}

/// What a campaign remembers about its server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerNotes {
    /// The server's time before which no action of this campaign can have been created.
    pub first_contact: Option<Timestamp>,
    /// The server changes the comments that it is sent.
    pub comments_changed: bool,
}

/// A call that is to be settled, as the journal holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// The attempt that it was.
    pub attempt: u32,
    /// When it was claimed.
    pub claimed_at: Stamp,
}

/// What the engine knows when a call is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// What the reply means.
    pub verdict: Verdict,
    /// The server's `Date`, if a whole answer came.
    pub server_date: Option<Timestamp>,
    /// From the first byte of the request to the end of its answer.
    pub took: Duration,
    /// When the request was sent, for people.
    pub sent_at: Timestamp,
    /// When it was over, for people.
    pub over_at: Timestamp,
}

/// How a campaign judges its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judging {
    /// The type that was asked for.
    pub scan_type: ScanType,
    /// What is done with busy devices.
    pub busy: BusyPolicy,
}

/// The rows that settling reads and changes.
#[derive(Debug)]
pub struct Rows<'a> {
    /// The device's life; left as it is when the answer is that of an older attempt.
    pub life: &'a mut Life,
    /// What the report tells of the device.
    pub detail: &'a mut Detail,
    /// The budget's pauses.
    pub budget: &'a mut BudgetState,
}

/// Settles a call. Returns its new `seen_by`, or `None` if the horizon stays: now for a whole
/// answer, zero for a call that never left.
pub fn settle(
    call: CallRecord,
    settlement: &Settlement,
    judging: Judging,
    now: Stamp,
    timing: &Timing,
    rows: Rows<'_>,
) -> Option<Stamp> {
    let Rows { life, detail, budget } = rows;
    let verdict = &settlement.verdict;
    pace(budget, verdict, call.claimed_at, now, timing);
    let answer = answered(verdict, settlement.server_date, judging, now, timing);
    let event = LifeEvent::Answered { attempt: call.attempt, answer, now };
    if let Ok(next) = lifecycle::next(*life, event, judging.busy, timing) {
        let unseen = matches!(verdict, Verdict::Busy { action: None, .. });
        *life = Life { unseen: unseen && next.state.is_busy(), ..next };
        describe(detail, settlement);
    }
    seen_by(verdict, now)
}

/// Settles a call to a list, which has only its budget: `None` is a page. A fault that an optional
/// read met is no reason to pause: those that need a list would wait for one that nobody needed.
pub fn settle_read(
    budget: &mut BudgetState,
    verdict: Option<&Verdict>,
    optional: bool,
    claimed_at: Stamp,
    now: Stamp,
    timing: &Timing,
) -> Option<Stamp> {
    match verdict {
        Some(verdict @ Verdict::Doubtful { .. }) if optional => {
            // If it was the probe, the next call is.
            budget.on_never_left(claimed_at);
            seen_by(verdict, now)
        }
        Some(verdict) => {
            pace(budget, verdict, claimed_at, now, timing);
            seen_by(verdict, now)
        }
        None => {
            budget.on_answered(claimed_at, timing);
            Some(now)
        }
    }
}

/// What a finding does to its device: a doubtful one is settled by it, a busy one learns what is in
/// its way.
pub fn look_up_event(unseen: bool, attempt: u32, found: Found, now: Stamp) -> LifeEvent {
    if unseen {
        LifeEvent::Seen { covered: matches!(found, Found::NotOurs { covered: true }) }
    } else {
        LifeEvent::LookedUp { attempt, found, now }
    }
}

/// Whether a finding may change its device: that nothing was found says something only about the
/// look that it was made for, since the looks must lie their waits apart.
pub fn is_current(life: Life, looks: u8, found: Found) -> bool {
    life.looks() == looks || !matches!(found, Found::NotOurs { .. })
}

/// Writes how far an action of ours is, if it is the one that the row ordered and has moved on;
/// whether it has. A look that says nothing new changes nothing, so that whoever writes the report
/// writes the same; nor does one that began before the action ended, and is told after another one
/// that saw it end.
pub fn note_progress(detail: &mut Detail, action: &Action, at: Timestamp) -> bool {
    let ours = detail.action_id.as_ref() == Some(&action.id);
    let is_over = |status: &Option<String>| status.as_deref().is_some_and(has_ended);
    let is_late = is_over(&detail.action_status) && !is_over(&action.status);
    let has_moved = action.status.is_some() && detail.action_status != action.status;
    let news = ours && has_moved && !is_late;
    if news {
        detail.action_status.clone_from(&action.status);
        detail.action_status_at = Some(at);
    }
    news
}

/// What it does to a row that the list of actions told something new of its scan, which this says.
pub fn told_event(detail: &Detail) -> LifeEvent {
    LifeEvent::Told { failed: detail.action_status.as_deref().is_some_and(has_ended_badly) }
}

/// Writes that a row's action was cancelled by this program, if it is the one that the row ordered;
/// whether it is.
pub fn note_cancelled(detail: &mut Detail, action: &Action, cause: Cause, at: Timestamp) -> bool {
    let ours = detail.action_id.as_ref() == Some(&action.id);
    if ours {
        note_progress(detail, action, at);
        detail.reason = Some(cause.reason().to_owned());
    }
    ours
}

/// Writes why a waiting device is not ordered any more, by what is known of it.
pub fn note_called_off(detail: &mut Detail, after: &Life) {
    let reason = if after.busy_asks > 0 {
        "its campaign was ended before it was asked again: a scan was already in progress"
    } else if after.doubted {
        "its campaign was ended before it was asked again: the answer was lost, and the list of \
         actions shows no scan of this campaign"
    } else if after.rank == Rank::Last {
        "its campaign was ended before it was asked once more: the API did not know the device"
    } else {
        "its campaign was ended before it was ordered"
    };
    detail.reason = Some(reason.to_owned());
}

/// Writes what the list of actions said about a doubtful or busy device, given how that stood
/// before. An action of somebody else is told where it is what was in the way; a device of which an
/// answer was lost has none but its own.
pub fn note_look_up(
    detail: &mut Detail,
    before: Life,
    found: Found,
    action: Option<&Action>,
    at: Timestamp,
) {
    let busy = before.is_busy();
    if !busy {
        forget_action(detail);
    }
    if let Some(action) = action
        && (busy || matches!(found, Found::Ours | Found::OursFailed))
    {
        note_action(detail, action, at);
    }
    let reason = match found {
        Found::Ours => "found in the list of actions after its answer was lost",
        Found::OursFailed => {
            "found in the list of actions after its answer was lost; it is over without a scan"
        }
        Found::NotOurs { .. } if !busy && action.is_some() => {
            "the answer was lost, and the list of actions shows no scan of this campaign, but one \
             that is not its own"
        }
        Found::NotOurs { .. } if !busy => {
            "the answer was lost, and the list of actions shows no scan of this campaign"
        }
        Found::NotOurs { covered: true } => "a scan that is wide enough is in progress or recent",
        Found::NotOurs { covered: false } if action.is_some() => {
            "the scan in progress does not do what was asked"
        }
        Found::NotOurs { covered: false } => {
            "a scan was in progress when it was asked; the list of actions shows none that is open \
             now"
        }
        Found::Forbidden if busy => {
            "a scan was already in progress; this application may not read which one"
        }
        Found::Forbidden => {
            "the answer was lost, and this application may not read the list of actions"
        }
    };
    detail.reason = Some(reason.to_owned());
}

fn pace(
    budget: &mut BudgetState,
    verdict: &Verdict,
    claimed_at: Stamp,
    now: Stamp,
    timing: &Timing,
) {
    match verdict {
        Verdict::Throttled { wait, .. } => {
            if let Some(limit) = verdict.named_limit() {
                budget.on_named(as_counted(limit, timing), now, timing);
            }
            budget.on_throttled(now, claimed_at, *wait, timing);
        }
        // A success that cannot be read is no fault of the server; a proxy's redirect or page is.
        Verdict::Doubtful { status, .. } if status.is_none_or(|status| status >= 300) => {
            budget.on_fault(now, claimed_at, timing);
        }
        Verdict::NeverLeft { .. } => budget.on_never_left(claimed_at),
        _ => budget.on_answered(claimed_at, timing),
    }
}

/// Notes what an answer tells of its server. The oldest call of the campaign whose answer is not
/// known was claimed `ago`.
pub fn note_server(
    notes: &mut ServerNotes,
    settlement: &Settlement,
    ago: Duration,
    timing: &Timing,
) {
    if let Some(date) = settlement.server_date {
        note_contact(notes, date, ago, timing);
    }
    if let Verdict::Accepted { comment_changed: true, .. } = settlement.verdict {
        notes.comments_changed = true;
    }
}

/// The same of the server's time alone. The oldest call gives the bound, not the one that was
/// answered: what was ordered before the first answer of any kind is older than that.
pub fn note_contact(notes: &mut ServerNotes, date: Timestamp, ago: Duration, timing: &Timing) {
    if notes.first_contact.is_none() {
        notes.first_contact = earliest_of(date, ago, timing);
    }
}

fn answered(
    verdict: &Verdict,
    server_date: Option<Timestamp>,
    judging: Judging,
    now: Stamp,
    timing: &Timing,
) -> Answered {
    match verdict {
        Verdict::Accepted { action, .. } if action.has_failed() => Answered::Failed,
        Verdict::Accepted { .. } => Answered::Accepted,
        Verdict::Busy { action, .. } => Answered::Busy {
            covered: action
                .as_ref()
                .is_some_and(|action| action.covers(judging.scan_type, server_date, timing)),
        },
        Verdict::Rejected(_) | Verdict::Forbidden(_) => Answered::Rejected,
        Verdict::NotFound(_) => Answered::NotFound,
        Verdict::Unauthorized(_) | Verdict::Throttled { .. } | Verdict::NeverLeft { .. } => {
            Answered::NotNow(now)
        }
        Verdict::Doubtful { .. } => Answered::Doubtful,
    }
}

fn seen_by(verdict: &Verdict, now: Stamp) -> Option<Stamp> {
    match verdict {
        Verdict::NeverLeft { .. } => Some(Stamp::ZERO),
        Verdict::Doubtful { status: None, .. } => None,
        _ => Some(now),
    }
}

fn describe(detail: &mut Detail, settlement: &Settlement) {
    let whole = settlement.verdict.status().is_some();
    if !matches!(settlement.verdict, Verdict::NeverLeft { .. }) {
        detail.first_sent_at.get_or_insert(settlement.sent_at);
    }
    if whole {
        detail.answered_at = Some(settlement.over_at);
        detail.http_status = settlement.verdict.status();
    }
    match &settlement.verdict {
        Verdict::Accepted { action, .. } => {
            clear_error(detail);
            note_action(detail, action, settlement.over_at);
            if action.has_failed() {
                detail.reason = Some(
                    "a scan was ordered, and the answer says that it is over without one"
                        .to_owned(),
                );
            }
        }
        Verdict::Busy { action, refusal } => {
            note_refusal(detail, refusal);
            if let Some(action) = action {
                note_action(detail, action, settlement.over_at);
            }
            detail.reason = Some("a scan was already in progress".to_owned());
        }
        Verdict::Forbidden(refusal) => {
            note_refusal(detail, refusal);
            detail.reason = Some(
                "no permission for this device: it may lie outside the device groups of this user \
                 or application"
                    .to_owned(),
            );
        }
        Verdict::Rejected(refusal)
        | Verdict::NotFound(refusal)
        | Verdict::Unauthorized(refusal)
        | Verdict::Throttled { refusal, .. } => note_refusal(detail, refusal),
        Verdict::Doubtful { why, .. } => {
            // An action that was in the way of an earlier attempt says nothing about this one.
            forget_action(detail);
            detail.message = Some(why.clone());
        }
        Verdict::NeverLeft { why } => detail.message = Some(why.clone()),
    }
}

fn clear_error(detail: &mut Detail) {
    detail.reason = None;
    detail.error_code = None;
    detail.message = None;
    detail.server_correlation_id = None;
}

fn note_refusal(detail: &mut Detail, refusal: &Refusal) {
    // An action that was in the way of an earlier attempt says nothing about this answer.
    let Detail { http_status, note, facts, first_sent_at, answered_at, .. } =
        std::mem::take(detail);
    *detail = Detail { note, facts, first_sent_at, answered_at, http_status, ..Detail::default() };
    detail.error_code.clone_from(&refusal.code);
    detail.message.clone_from(&refusal.message);
    detail.server_correlation_id.clone_from(&refusal.target);
}

fn forget_action(detail: &mut Detail) {
    detail.action_id = None;
    detail.action_scope = None;
    detail.action_status = None;
    detail.action_status_at = None;
    detail.action_requestor = None;
    detail.action_created_at = None;
}

fn note_action(detail: &mut Detail, action: &Action, at: Timestamp) {
    detail.action_id = Some(action.id.clone());
    detail.action_scope.clone_from(&action.scope);
    detail.action_status.clone_from(&action.status);
    detail.action_status_at = action.status.as_ref().map(|_| at);
    detail.action_requestor.clone_from(&action.requestor);
    detail.action_created_at = action.created;
}
