//! From a reply to a verdict: the table of the design, as one pure function. What a verdict does
//! to a device is `lifecycle`'s.

use std::time::Duration;

use jiff::Timestamp;

use super::action::{Action, CommentSays};
use super::campaign::{Mark, ScanType};
use super::device::DeviceId;
use super::named::{clock_time, limit_in, whole};
use super::quota::Quota;
use super::refusal::{Refusal, means_the_right};
use super::reply::{Answer, Body, ErrorBody, Reply};
use super::text::{cut, printable};
use super::timing::Timing;

/// What was asked, as far as the verdict depends on it.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The device of the call.
    pub device: DeviceId,
    /// The type of the scan.
    pub scan_type: ScanType,
    /// The campaign's mark.
    pub mark: &'a Mark,
    /// The user's comment, without the mark.
    pub comment: &'a str,
    /// From the first byte of the request to the end of its answer.
    pub took: Duration,
}

/// What a reply means.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// A new action of ours.
    Accepted {
        /// The action.
        action: Box<Action>,
        /// The HTTP status.
        status: u16,
        /// The server changed the comment that we sent.
        comment_changed: bool,
    },
    /// A scan was in progress already.
    Busy {
        /// That scan, if the answer tells it.
        action: Option<Box<Action>>,
        /// The answer.
        refusal: Refusal,
    },
    /// Refused, and certainly not ordered: this device, or the request.
    Rejected(Refusal),
    /// A 403 that can mean that the right is missing, for this device or at all.
    Forbidden(Refusal),
    /// The server does not know the device.
    NotFound(Refusal),
    /// The token is not taken.
    Unauthorized(Refusal),
    /// The limit of the server.
    Throttled {
        /// How long the server asks to wait, if it says so in any way.
        wait: Option<Duration>,
        /// The answer.
        refusal: Refusal,
    },
    /// The request left, and nobody can say what became of it.
    Doubtful {
        /// What happened.
        why: String,
        /// The HTTP status of a whole answer that settles nothing.
        status: Option<u16>,
    },
    /// The request certainly never left.
    NeverLeft {
        /// What happened.
        why: String,
    },
}

impl Verdict {
    /// A short name for journals.
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Accepted { .. } => "accepted",
            Verdict::Busy { .. } => "busy",
            Verdict::Rejected(_) => "rejected",
            Verdict::Forbidden(_) => "forbidden",
            Verdict::NotFound(_) => "not_found",
            Verdict::Unauthorized(_) => "unauthorized",
            Verdict::Throttled { .. } => "throttled",
            Verdict::Doubtful { .. } => "doubtful",
            Verdict::NeverLeft { .. } => "never_left",
        }
    }

    /// The limit that a 429 named in the API's words, as it named it. What has no code is not the
    /// API's error: a page of something in between must not slow a budget down for a day.
    pub fn named_limit(&self) -> Option<Quota> {
        match self {
            Verdict::Throttled { refusal, .. } if refusal.code.is_some() => {
                limit_in(refusal.message.as_deref()?)
            }
            _ => None,
        }
    }

    /// The HTTP status behind it, if a whole answer came.
    pub fn status(&self) -> Option<u16> {
        match self {
            Verdict::Accepted { status, .. } => Some(*status),
            Verdict::Busy { refusal, .. }
            | Verdict::Throttled { refusal, .. }
            | Verdict::Rejected(refusal)
            | Verdict::Forbidden(refusal)
            | Verdict::NotFound(refusal)
            | Verdict::Unauthorized(refusal) => Some(refusal.status),
            Verdict::Doubtful { status, .. } => *status,
            Verdict::NeverLeft { .. } => None,
        }
    }
}

/// Judges a reply.
pub fn verdict(reply: &Reply, asked: &Asked<'_>, timing: &Timing) -> Verdict {
    match reply {
        Reply::Answer(answer) => judge(answer, asked, timing),
        Reply::NoAnswer { .. } | Reply::NeverLeft { .. } => call_verdict(reply),
    }
}

/// Judges a reply of a list that is not a page. A refusal of the question is an answer, whoever
/// gives it and in whatever words: the server is well, and asking again says the same.
pub fn list_verdict(reply: &Reply) -> Verdict {
    match (call_verdict(reply), reply) {
        (Verdict::Doubtful { status: Some(404), why }, Reply::Answer(answer)) => {
            Verdict::NotFound(refusal_in_words(answer, why))
        }
        // 408 and 425 ask for the same question again, and 499 tells of time that was up.
        (Verdict::Doubtful { status: Some(status), why }, Reply::Answer(answer))
            if (400..500).contains(&status) && !matches!(status, 408 | 425 | 499) =>
        {
            Verdict::Rejected(refusal_in_words(answer, why))
        }
        (verdict, _) => verdict,
    }
}

/// Judges a reply that is neither a page nor an action.
fn call_verdict(reply: &Reply) -> Verdict {
    match reply {
        Reply::NoAnswer { why } => Verdict::Doubtful { why: why.clone(), status: None },
        Reply::NeverLeft { why } => Verdict::NeverLeft { why: why.clone() },
        Reply::Answer(answer) => match answer.status {
            401 => Verdict::Unauthorized(refusal_of(answer)),
            403 if said_by_api(answer) => forbidden(refusal_of(answer)),
            429 => Verdict::Throttled { wait: wait_of(answer), refusal: refusal_of(answer) },
            410 if is_refusal(answer) => Verdict::Rejected(refusal_of(answer)),
            _ => unusable(answer),
        },
    }
}

/// Judges the reply to a call that cancels the action with this id. A success counts only if it
/// says of this very action that it is cancelled now; what else it may mean, the list tells.
pub fn cancel_verdict(reply: &Reply, id: &str) -> Verdict {
    let Reply::Answer(answer) = reply else { return call_verdict(reply) };
    match (answer.status, &answer.body) {
        (200 | 201, Body::Action(action)) if action.id == id && action.is_cancelled() => {
            let action = action.clone();
            Verdict::Accepted { action, status: answer.status, comment_changed: false }
        }
        (200 | 201, Body::Action(action)) if action.id == id => {
            let status = printable(action.status.as_deref().unwrap_or("without a status"));
            let why = format!("the answer says that the action is {}", cut(&status, WHY_MAX));
            Verdict::Doubtful { why, status: Some(answer.status) }
        }
        // "Not in a final state" is what can be cancelled (Cancel machine action API page).
        (400 | 409, Body::Error(_)) => Verdict::Rejected(refusal_of(answer)),
        (404, _) if said_by_api(answer) => Verdict::NotFound(refusal_of(answer)),
        (403 | 429, _) => call_verdict(reply),
        _ if is_refusal(answer) && answer.status != 401 => Verdict::Rejected(refusal_of(answer)),
        _ => call_verdict(reply),
    }
}

fn judge(answer: &Answer, asked: &Asked<'_>, timing: &Timing) -> Verdict {
    let refusal = refusal_of(answer);
    match answer.status {
        200 | 201 => success(answer, asked, timing),
        400 | 409 if says_busy(answer) => Verdict::Busy { action: None, refusal },
        401 => Verdict::Unauthorized(refusal),
        403 if said_by_api(answer) => forbidden(refusal),
        404 if said_by_api(answer) => Verdict::NotFound(refusal),
        429 => Verdict::Throttled { wait: wait_of(answer), refusal },
        _ if is_refusal(answer) => Verdict::Rejected(refusal),
        _ => unusable(answer),
    }
}

/// A 403 means that a right is missing only where no code names another reason.
fn forbidden(refusal: Refusal) -> Verdict {
    if means_the_right(refusal.code.as_deref()) {
        Verdict::Forbidden(refusal)
    } else {
        Verdict::Rejected(refusal)
    }
}

/// Whether an answer certainly ordered nothing. Some statuses say so by themselves, since nobody
/// works on such a request: its method, its address or its size is refused, or the proxy wants to
/// know who asks. Of the others of 400 to 499 the API's own words are needed, since a proxy can put
/// a page of its own in the place of any answer; 408 and 499 tell of time that was up.
fn is_refusal(answer: &Answer) -> bool {
    match (answer.status, &answer.body) {
        (_, Body::Action(_)) | (408 | 499, _) => false,
        (405 | 407 | 410 | 411 | 413..=415 | 417 | 426 | 431, _) => true,
        (400..=499, Body::Error(_)) => true,
        _ => false,
    }
}

/// A 403 or 404 counts only if the API or its gateway says it; a proxy's page proves nothing.
fn said_by_api(answer: &Answer) -> bool {
    match &answer.body {
        Body::Error(_) => true,
        Body::Other(what) => what == EMPTY_BODY,
        Body::Action(_) => false,
    }
}

/// Characters of the API's own words in a sentence of ours.
const WHY_MAX: usize = 200;

/// How `Body::Other` names an empty body.
pub const EMPTY_BODY: &str = "an empty body";

fn success(answer: &Answer, asked: &Asked<'_>, timing: &Timing) -> Verdict {
    let Body::Action(action) = &answer.body else { return unusable(answer) };
    let busy = || Verdict::Busy { action: Some(action.clone()), refusal: refusal_of(answer) };
    let accepted = |comment_changed| {
        let other_scope = action.scan_type().is_some_and(|scope| scope != asked.scan_type);
        if other_scope {
            return busy();
        }
        Verdict::Accepted { action: action.clone(), status: answer.status, comment_changed }
    };
    if !action.is_scan_of(asked.device) {
        let why = "the answer is about another device or another kind of action".to_owned();
        return Verdict::Doubtful { why, status: Some(answer.status) };
    }
    match action.comment_says(asked.mark, asked.comment) {
        CommentSays::Ours => accepted(false),
        CommentSays::NotOurs => busy(),
        CommentSays::Nothing | CommentSays::Altered => {
            match is_new(answer, action, asked, timing) {
                Some(true) => accepted(true),
                Some(false) => busy(),
                None => {
                    let why =
                        "the answer does not say whose action it is, or since when".to_owned();
                    Verdict::Doubtful { why, status: Some(answer.status) }
                }
            }
        }
    }
}

/// Whether the action was created by this call: not earlier than the answer's `Date` less the
/// call's duration less two seconds. Both times are the server's; ours is never compared with
/// them.
fn is_new(answer: &Answer, action: &Action, asked: &Asked<'_>, timing: &Timing) -> Option<bool> {
    let earliest = earliest_of(answer.date?, asked.took, timing)?;
    Some(action.created? >= earliest)
}

/// The earliest server time at which a call that took this long and was answered at `date` can have
/// been worked on.
pub fn earliest_of(date: Timestamp, took: Duration, timing: &Timing) -> Option<Timestamp> {
    date.checked_sub(took.checked_add(timing.server_slack)?).ok()
}

/// The latest server time at which a call can have been worked on that had arrived at least `ago`
/// before the server said that it was `date`. `None` if `ago` is zero: it may be on its way.
pub fn latest_of(date: Timestamp, ago: Duration, timing: &Timing) -> Option<Timestamp> {
    if ago.is_zero() {
        return None;
    }
    date.checked_sub(ago).ok()?.checked_add(timing.server_slack).ok()
}

fn says_busy(answer: &Answer) -> bool {
    let Body::Error(error) = &answer.body else { return false };
    let message = error.message.to_ascii_lowercase();
    error.code.eq_ignore_ascii_case("ActiveRequestAlreadyExists")
        || message.contains("already in progress")
        || message.contains("pending machine action")
}

fn unusable(answer: &Answer) -> Verdict {
    let what = match &answer.body {
        Body::Action(_) => "an action".to_owned(),
        Body::Error(ErrorBody { code, message, .. }) => {
            let said = [code, message].into_iter().filter(|text| !text.is_empty());
            let said = said.map(|text| printable(&cut(text, WHY_MAX))).collect::<Vec<_>>();
            if said.is_empty() { "an error without words".to_owned() } else { said.join(": ") }
        }
        Body::Other(what) => what.clone(),
    };
    let why = format!("HTTP {} with {what}", answer.status);
    Verdict::Doubtful { why, status: Some(answer.status) }
}

fn refusal_of(answer: &Answer) -> Refusal {
    let mut refusal = Refusal { status: answer.status, ..Refusal::default() };
    if let Body::Error(error) = &answer.body {
        refusal.code = Some(error.code.clone()).filter(|code| !code.is_empty());
        refusal.message = Some(error.message.clone()).filter(|message| !message.is_empty());
        refusal.target = error.target.clone();
    } else if let Body::Other(what) = &answer.body
        && what != EMPTY_BODY
    {
        refusal.message = Some(what.clone());
    }
    refusal
}

/// The refusal of an answer, in our own words where the answer has none.
fn refusal_in_words(answer: &Answer, why: String) -> Refusal {
    let refusal = refusal_of(answer);
    let is_error = matches!(answer.body, Body::Error(_));
    if is_error && (refusal.code.is_some() || refusal.message.is_some()) {
        return refusal;
    }
    Refusal { message: Some(why), ..refusal }
}

/// How long a 429 asks to wait: Retry-After, else the "in N seconds" of its message, else the
/// window that the message names ("maximum allowed 1500 per 01:00:00").
pub fn wait_of(answer: &Answer) -> Option<Duration> {
    if answer.retry_after.is_some() {
        return answer.retry_after;
    }
    let Body::Error(error) = &answer.body else { return None };
    seconds_in(&error.message).or_else(|| window_in(&error.message))
}

fn seconds_in(message: &str) -> Option<Duration> {
    let words: Vec<&str> = message.split_whitespace().collect();
    words.windows(3).find_map(|words| match words {
        ["in", number, unit] if unit.starts_with("second") => {
            whole(number).map(Duration::from_secs)
        }
        _ => None,
    })
}

fn window_in(message: &str) -> Option<Duration> {
    let words: Vec<&str> = message.split_whitespace().collect();
    words.windows(2).find_map(|words| match words {
        ["per", clock] => clock_time(clock),
        _ => None,
    })
}
