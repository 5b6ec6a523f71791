//! Scenarios: what the emulated service is like. A scenario is a value read from TOML; every field
//! has a default, and the defaults together are a service on which nothing ever goes wrong.

use serde::{Deserialize, Serialize};

use super::message::Operation;
use super::play::Play;

/// The most entries that the API puts on a page (page "List machine actions API").
pub(super) const MAX_PAGE: usize = 10_000;

/// Defines a part of a scenario: each of its fields can be left out of the TOML, and then has its
/// default.
macro_rules! part {
    ($(#[$outer:meta])* $name:ident {
        $($(#[$inner:meta])* $field:ident: $type:ty = $default:expr,)*
    }) => {
        $(#[$outer])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[$inner])* pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }
    };
}

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

part! {
    /// How long answers take: a log-normal body and an even tail.
    Latency {
        /// Half of the answers take at most so many milliseconds.
        median_ms: f64 = 0.0,
        /// Standard deviation of the logarithm.
        spread: f64 = 0.4,
        /// The share of answers in the tail.
        tail_share: f64 = 0.0,
        /// The shortest answer of the tail, in milliseconds.
        tail_min_ms: f64 = 0.0,
        /// The longest answer of the tail, in milliseconds.
        tail_max_ms: f64 = 0.0,
        /// The share of calls that are never answered.
        timeout_share: f64 = 0.0,
        /// The share of those that were processed all the same.
        timeout_processed_share: f64 = 0.5,
    }
}

part! {
    /// What the devices are like. Every id of 40 hexadecimal characters is a device; its class is
    /// drawn from the seed and its id. The shares of the classes must not add up to more than 1.
    Devices {
        /// How many devices `GET /api/machines` lists.
        fleet_size: u64 = 100,
        /// A scan that a stranger ordered before the start is running.
        busy_share: f64 = 0.0,
        /// The share of those scans that are quick ones; the others are full.
        scope_quick_share: f64 = 0.5,
        /// How old those scans are at the start, in seconds, at most.
        busy_age_s: f64 = 7200.0,
        /// How long after the start they end, in seconds.
        busy_for_s: f64 = 259_200.0,
        /// How a scan call on a device with an open scan is answered.
        busy_form: BusyForm = BusyForm::BadRequest,
        /// 404 always.
        not_found_share: f64 = 0.0,
        /// 404 once, then as any other.
        transient_not_found_share: f64 = 0.0,
        /// 400 `OsPlatformNotSupported`.
        unsupported_share: f64 = 0.0,
        /// 400 `ClientVersionNotSupported`.
        client_version_share: f64 = 0.0,
        /// 403 for this device alone.
        forbidden_share: f64 = 0.0,
        /// The share of new actions whose answer has no machine id and no name yet.
        null_machine_share: f64 = 0.0,
    }
}

part! {
    /// What the inventory says of the machines. It is drawn apart from their classes, so that a
    /// scan call answers as it would without this part. The shares of systems must not add up to
    /// more than 1.
    Machines {
        /// Not seen for more than a week.
        inactive_share: f64 = 0.05,
        /// Could be onboarded, and is not.
        not_onboarded_share: f64 = 0.0,
        /// Merged into another record.
        merged_share: f64 = 0.0,
        /// Excluded on purpose.
        excluded_share: f64 = 0.0,
        /// Of high value.
        high_value_share: f64 = 0.0,
        /// Shares its name with another record, as after a reinstallation.
        shared_name_share: f64 = 0.0,
        /// A system of phones: iOS, Android.
        mobile_share: f64 = 0.0,
        /// Seen on the network alone: no platform, not supported.
        discovered_share: f64 = 0.0,
        /// A system that is too old: Windows 7, Windows 10 1703.
        old_windows_share: f64 = 0.0,
        /// A system whose client is too old: Ubuntu with 101.98.30.
        old_client_share: f64 = 0.0,
        /// The names of device groups; each machine is in one of them.
        groups: Vec<String> = Vec::new(),
        /// Tags; each machine has one of them.
        tags: Vec<String> = Vec::new(),
    }
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

part! {
    /// What becomes of an action. Durations are divided by the speed.
    Actions {
        /// Seconds until an action is in progress, give or take half.
        pending_s: f64 = 20.0,
        /// Seconds that a quick scan takes after that, give or take half.
        quick_s: f64 = 35.0,
        /// Seconds that a full scan takes after that, give or take half.
        full_s: f64 = 3600.0,
        /// The share that ends as `Failed`.
        failed_share: f64 = 0.0,
        /// The share that ends as `TimeOut`.
        timeout_share: f64 = 0.0,
        /// Calls that cancel are answered with 403 whatever the token's roles are.
        cancel_forbidden: bool = false,
        /// The share of open actions that cannot be cancelled: 400.
        cancel_refused_share: f64 = 0.0,
    }
}

part! {
    /// What goes wrong between client and service, in shares of the calls.
    Faults {
        /// The operations on which faults happen.
        on: Vec<Operation> = vec![Operation::Scan, Operation::Cancel, Operation::Read],
        /// 500 without processing.
        error_500_share: f64 = 0.0,
        /// 500 although the call was processed.
        error_500_after_share: f64 = 0.0,
        /// 503 without processing.
        error_503_share: f64 = 0.0,
        /// The connection is cut and nothing was processed.
        cut_before_share: f64 = 0.0,
        /// The call is processed, then the connection is cut before the first byte.
        cut_after_share: f64 = 0.0,
        /// The call is processed, then the connection is cut within the head of the answer.
        cut_mid_head_share: f64 = 0.0,
        /// The call is processed, then the connection is cut within the body of the answer.
        cut_mid_body_share: f64 = 0.0,
        /// 200 with a page of HTML, without processing.
        html_share: f64 = 0.0,
        /// The call is processed, the body is no JSON.
        wrong_json_share: f64 = 0.0,
        /// The call is processed, the body is empty.
        empty_share: f64 = 0.0,
        /// 302 to another path, without processing.
        redirect_share: f64 = 0.0,
        /// 201 with the action of another device, without processing.
        other_device_share: f64 = 0.0,
    }
}

part! {
    /// A time in which every call of the API fails. Durations are divided by the speed.
    Outage {
        /// Seconds after the start at which it begins.
        from_s: f64 = 0.0,
        /// Seconds that it lasts; 0: there is none.
        for_s: f64 = 0.0,
        /// What every call meets.
        play: Play = Play::ServerError(503),
    }
}

part! {
    /// How limits are kept and told.
    Throttle {
        /// The kind of window.
        enforce: Enforce = Enforce::Sliding,
        /// How a 429 says when to come back.
        retry_after: RetryAfter = RetryAfter::Seconds,
        /// Calls that were refused count as well.
        count_refused: bool = false,
        /// The share of calls that meet a 429 for no reason.
        random_share: f64 = 0.0,
        /// The wait that those name, and those of a script, in seconds.
        random_wait_s: u32 = 5,
        /// Calls in an hour that strangers make on the same application, evenly (times the speed).
        others_per_hour: u32 = 0,
    }
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

part! {
    /// How actions and machines are listed.
    List {
        /// Milliseconds until a new action can be read (divided by the speed).
        lag_ms: f64 = 0.0,
        /// The most entries on a page; the API's own figure is 10,000.
        page_size: usize = MAX_PAGE,
        /// Reads are answered with 403 whatever the token's roles are.
        forbidden: bool = false,
    }
}

part! {
    /// Tokens.
    Tokens {
        /// Seconds that a token is good for. They are real seconds whatever the speed.
        lifetime_s: f64 = 3599.0,
        /// The application roles in the token.
        roles: Vec<String> = vec!["Machine.Scan".into(), "Machine.Read.All".into()],
        /// The rights of a signed-in user in the token of a user.
        scopes: Vec<String> = vec!["Machine.Scan".into(), "Machine.Read".into()],
        /// How often a client asks for a user's token before the user has entered the code.
        code_after_polls: u32 = 1,
        /// The AADSTS number with which every token request is refused; 0: none is.
        error: u32 = 0,
        /// Seconds after the start at which `error` begins (divided by the speed).
        error_from_s: f64 = 0.0,
        /// The share of token requests that are refused as if the secret were wrong.
        reject_share: f64 = 0.0,
        /// The share of token requests that meet a 500.
        error_500_share: f64 = 0.0,
        /// The share of calls that meet a 401 although their token is good.
        unauthorized_share: f64 = 0.0,
    }
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
