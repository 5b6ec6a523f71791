//! Scenarios: what the emulated service is like. A scenario is a value read from TOML; every field
//! has a default, and the defaults together are a service on which nothing ever goes wrong.

use serde::{Deserialize, Serialize};

use super::play::Play;

/// A whole scenario. Shares are between 0 and 1; durations say their unit in the name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// How long answers take.
    pub latency: Latency,
    /// What the devices are like.
    pub devices: Devices,
    /// What the inventory says of them.
    pub machines: Machines,
    /// What becomes of an action.
    pub actions: Actions,
    /// What goes wrong between client and service.
    pub faults: Faults,
    /// A time in which nothing is answered as it should be.
    pub outage: Outage,
    /// How limits are kept and told.
    pub throttle: Throttle,
    /// What the service does to a scan's comment.
    pub comment: CommentChange,
    /// How actions and machines are listed.
    pub list: List,
    /// Tokens.
    pub token: Tokens,
    /// How far the service's clock is ahead of the real one, in seconds.
    pub clock_skew_s: i64,
    /// Devices whose scan calls are answered in a fixed order, and after that as any other.
    pub script: Vec<Script>,
}

/// How long answers take: a log-normal body and an even tail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Latency {
    /// Half of the answers take at most so many milliseconds.
    pub median_ms: f64,
    /// Standard deviation of the logarithm.
    pub spread: f64,
    /// The share of answers in the tail.
    pub tail_share: f64,
    /// The shortest answer of the tail, in milliseconds.
    pub tail_min_ms: f64,
    /// The longest answer of the tail, in milliseconds.
    pub tail_max_ms: f64,
    /// The share of calls that are never answered.
    pub timeout_share: f64,
    /// The share of those that were processed all the same.
    pub timeout_processed_share: f64,
}

/// What the devices are like. Every id of 40 hexadecimal characters is a device; its class is drawn
/// from the seed and its id. The shares of the classes must not add up to more than 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Devices {
    /// How many devices `GET /api/machines` lists.
    pub fleet_size: u64,
    /// A scan that a stranger ordered before the start is running.
    pub busy_share: f64,
    /// The share of those scans that are quick ones; the others are full.
    pub scope_quick_share: f64,
    /// How old those scans are at the start, in seconds, at most.
    pub busy_age_s: f64,
    /// How long after the start they end, in seconds.
    pub busy_for_s: f64,
    /// How a scan call on a device with an open scan is answered.
    pub busy_form: BusyForm,
    /// 404 always.
    pub not_found_share: f64,
    /// 404 once, then as any other.
    pub transient_not_found_share: f64,
    /// 400 `OsPlatformNotSupported`.
    pub unsupported_share: f64,
    /// 400 `ClientVersionNotSupported`.
    pub client_version_share: f64,
    /// 403 for this device alone.
    pub forbidden_share: f64,
    /// The share of new actions whose answer has no machine id and no name yet.
    pub null_machine_share: f64,
}

/// What the inventory says of the machines. It is drawn apart from their classes, so that a scan
/// call answers as it would without this part. The shares of systems must not add up to more than
/// 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Machines {
    /// Not seen for more than a week.
    pub inactive_share: f64,
    /// Could be onboarded, and is not.
    pub not_onboarded_share: f64,
    /// Merged into another record.
    pub merged_share: f64,
    /// Excluded on purpose.
    pub excluded_share: f64,
    /// Of high value.
    pub high_value_share: f64,
    /// Shares its name with another record, as after a reinstallation.
    pub shared_name_share: f64,
    /// A system of phones: iOS, Android.
    pub mobile_share: f64,
    /// Seen on the network alone: no platform, not supported.
    pub discovered_share: f64,
    /// A system that is too old: Windows 7, Windows 10 1703.
    pub old_windows_share: f64,
    /// A system whose client is too old: Ubuntu with 101.98.30.
    pub old_client_share: f64,
    /// The names of device groups; each machine is in one of them.
    pub groups: Vec<String>,
    /// Tags; each machine has one of them.
    pub tags: Vec<String>,
}

/// The forms in which a scan call on a device with an open scan is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BusyForm {
    /// 400 with code and message.
    #[default]
    BadRequest,
    /// 400 with a general code; only the message says why.
    MessageOnly,
    /// 400 with the code; the message says nothing.
    CodeOnly,
    /// 201 with the action that is open.
    Created,
    /// 200 with the action that is open.
    Ok,
    /// Any of the others, by device and call.
    Mixed,
}

/// What becomes of an action. Durations are divided by the speed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Actions {
    /// Seconds until an action is in progress, give or take half.
    pub pending_s: f64,
    /// Seconds that a quick scan takes after that, give or take half.
    pub quick_s: f64,
    /// Seconds that a full scan takes after that, give or take half.
    pub full_s: f64,
    /// The share that ends as `Failed`.
    pub failed_share: f64,
    /// The share that ends as `TimeOut`.
    pub timeout_share: f64,
    /// Calls that cancel are answered with 403 whatever the token's roles are.
    pub cancel_forbidden: bool,
    /// The share of open actions that cannot be cancelled: 400.
    pub cancel_refused_share: f64,
}

/// What goes wrong between client and service, in shares of the calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// The operations on which faults happen.
    pub on: Vec<super::message::Operation>,
    /// 500 without processing.
    pub error_500_share: f64,
    /// 500 although the call was processed.
    pub error_500_after_share: f64,
    /// 503 without processing.
    pub error_503_share: f64,
    /// The connection is cut and nothing was processed.
    pub cut_before_share: f64,
    /// The call is processed, then the connection is cut before the first byte.
    pub cut_after_share: f64,
    /// The call is processed, then the connection is cut within the head of the answer.
    pub cut_mid_head_share: f64,
    /// The call is processed, then the connection is cut within the body of the answer.
    pub cut_mid_body_share: f64,
    /// 200 with a page of HTML, without processing.
    pub html_share: f64,
    /// The call is processed, the body is no JSON.
    pub wrong_json_share: f64,
    /// The call is processed, the body is empty.
    pub empty_share: f64,
    /// 302 to another path, without processing.
    pub redirect_share: f64,
    /// 201 with the action of another device, without processing.
    pub other_device_share: f64,
}

/// A time in which every call of the API fails. Durations are divided by the speed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outage {
    /// Seconds after the start at which it begins.
    pub from_s: f64,
    /// Seconds that it lasts; 0: there is none.
    pub for_s: f64,
    /// What every call meets.
    pub play: Play,
}

/// How limits are kept and told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Throttle {
    /// The kind of window.
    pub enforce: Enforce,
    /// How a 429 says when to come back.
    pub retry_after: RetryAfter,
    /// Calls that were refused count as well.
    pub count_refused: bool,
    /// The share of calls that meet a 429 for no reason.
    pub random_share: f64,
    /// The wait that those name, and those of a script, in seconds.
    pub random_wait_s: u32,
    /// Calls in an hour that strangers make on the same application, evenly (times the speed).
    pub others_per_hour: u32,
}

/// The windows on which limits are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforce {
    /// At most the limit in any half-open window.
    #[default]
    Sliding,
    /// At most the limit in each of the windows that follow each other from the start.
    Fixed,
    /// Limits are counted but not kept.
    None,
}

/// How a 429 says when to come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// Header in seconds, and the message says it too.
    #[default]
    Seconds,
    /// Header as a date; the message names only the window.
    Date,
    /// No header; the message says it.
    Message,
    /// No header; the message names only the window.
    None,
    /// No header and no body.
    Bare,
    /// Any of the others, by call.
    Mixed,
}

/// How actions and machines are listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct List {
    /// Milliseconds until a new action can be read (divided by the speed).
    pub lag_ms: f64,
    /// The most entries on a page; the API's own figure is 10,000.
    pub page_size: usize,
    /// Reads are answered with 403 whatever the token's roles are.
    pub forbidden: bool,
}

/// Tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tokens {
    /// Seconds that a token is good for. They are real seconds whatever the speed.
    pub lifetime_s: f64,
    /// The application roles in the token.
    pub roles: Vec<String>,
    /// The rights of a signed-in user in the token of a user.
    pub scopes: Vec<String>,
    /// How often a client asks for a user's token before the user has entered the code.
    pub code_after_polls: u32,
    /// The AADSTS number with which every token request is refused; 0: none is.
    pub error: u32,
    /// Seconds after the start at which `error` begins (divided by the speed).
    pub error_from_s: f64,
    /// The share of token requests that are refused as if the secret were wrong.
    pub reject_share: f64,
    /// The share of token requests that meet a 500.
    pub error_500_share: f64,
    /// The share of calls that meet a 401 although their token is good.
    pub unauthorized_share: f64,
}

/// One scripted device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Its machine id.
    pub device: String,
    /// What its scan calls meet, in order: see [`Play`] for the words.
    pub answers: Vec<Play>,
}

/// What the service does to a scan's comment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CommentChange {
    /// `keep`: nothing.
    #[default]
    Keep,
    /// `drop`: the action has no comment.
    Drop,
    /// `cut:NN`: it keeps the first NN characters.
    Cut(usize),
    /// `strip_brackets`: square brackets are taken out.
    StripBrackets,
}

impl CommentChange {
    /// The comment as the service keeps it.
    pub(super) fn apply(self, comment: &str) -> Option<String> {
        match self {
            CommentChange::Keep => Some(comment.to_owned()),
            CommentChange::Drop => None,
            CommentChange::Cut(length) => Some(comment.chars().take(length).collect()),
            CommentChange::StripBrackets => Some(comment.replace(['[', ']'], "")),
        }
    }
}

impl TryFrom<String> for CommentChange {
    type Error = String;

    fn try_from(word: String) -> Result<CommentChange, String> {
        match word.as_str() {
            "keep" => Ok(CommentChange::Keep),
            "drop" => Ok(CommentChange::Drop),
            "strip_brackets" => Ok(CommentChange::StripBrackets),
            _ => word.strip_prefix("cut:").and_then(|n| n.parse().ok()).map_or_else(
                || Err(format!("comment is keep, drop, cut:NN or strip_brackets, not {word:?}")),
                |length| Ok(CommentChange::Cut(length)),
            ),
        }
    }
}

impl From<CommentChange> for String {
    fn from(change: CommentChange) -> String {
        match change {
            CommentChange::Keep => "keep".into(),
            CommentChange::Drop => "drop".into(),
            CommentChange::Cut(length) => format!("cut:{length}"),
            CommentChange::StripBrackets => "strip_brackets".into(),
        }
    }
}
