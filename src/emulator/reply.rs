//! The forms of what the service says: success bodies, error bodies, the two bodies of a 429. Which
//! one is said when is decided elsewhere. Sources: Microsoft's pages "Common REST API error codes"
//! and "Resource types of machine actions", and bodies that users published.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::clock::{Moment, http_date};
use super::dice;
use super::ledger::Throttled;
use super::meter::OverLimit;
use super::scenario::RetryAfter;

/// Status, headers and body, before the common headers are added.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// The action that the reply is about.
    pub(super) action_id: Option<String>,
    /// The call created that action.
    pub(super) created: bool,
    /// The call cancelled the action in its path.
    pub(super) cancelled: bool,
    /// Why it is a 429, if it is.
    pub(super) throttled: Option<Throttled>,
}

/// A JSON object, whose fields are sent in this order.
pub(super) struct Object(pub(super) Vec<(&'static str, Value)>);

impl Object {
    /// An entity; with a context it stands by itself, and else in a list.
    pub(super) fn entity<const N: usize>(
        context: Option<String>,
        fields: [(&'static str, Value); N],
    ) -> Self {
        let context = context.map(|context| ("@odata.context", context.into()));
        Self(context.into_iter().chain(fields).collect())
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl Reply {
    /// A JSON body.
    pub(super) fn json(status: u16, body: &impl Serialize) -> Reply {
        let body = serde_json::to_vec(body).expect("plain values with text keys are JSON");
        Reply {
            status,
            headers: vec![("content-type", "application/json; odata.metadata=minimal".into())],
            body,
            ..Reply::default()
        }
    }

    /// The API's error body; `draw` makes the correlation id.
    pub(super) fn error(status: u16, code: &str, message: &str, draw: u64) -> Reply {
        let target = dice::guid(draw ^ 0x7a67);
        let error = json!({ "code": code, "message": message, "target": target });
        Reply::json(status, &json!({ "error": error }))
    }

    /// No body.
    pub(super) fn empty(status: u16) -> Reply {
        Reply { status, ..Reply::default() }
    }

    /// The gateway's 404, which has another form.
    pub(super) fn gateway_not_found() -> Reply {
        let fields = vec![("statusCode", 404.into()), ("message", "Resource not found".into())];
        Reply::json(404, &Object(fields))
    }

    /// A machine that is not known.
    pub(super) fn machine_not_found(id: &str, draw: u64) -> Reply {
        Reply::error(404, "ResourceNotFound", &format!("Machine {id} was not found"), draw)
    }

    /// A page of HTML, as a portal or a proxy answers.
    pub(super) fn html(status: u16) -> Reply {
        let page = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Sign in to \
                    the network</h1><p>Your session has ended.</p></body></html>\n";
        let headers = vec![("content-type", "text/html; charset=utf-8".into())];
        Reply { status, headers, body: page.into(), ..Reply::default() }
    }

    /// A redirect to another path of the same origin.
    pub(super) fn redirect() -> Reply {
        let headers = vec![("location", "/emulator/elsewhere".into())];
        Reply { headers, ..Reply::empty(302) }
    }

    /// This reply with one more header.
    pub(super) fn with(mut self, name: &'static str, value: String) -> Reply {
        self.headers.push((name, value));
        self
    }
}

/// A 429 for a refusal, told in that form.
pub(super) fn throttled(refusal: OverLimit, form: RetryAfter, now: Moment, draw: u64) -> Reply {
    // A wait that has begun a second lasts until its end.
    let wait_s = (refusal.wait_us + 999_999).div_euclid(1_000_000);
    let form = match form {
        RetryAfter::Mixed => {
            let forms = [
                RetryAfter::Seconds,
                RetryAfter::Date,
                RetryAfter::Message,
                RetryAfter::None,
                RetryAfter::Bare,
            ];
            forms[(dice::mix(draw ^ 0x429) % 5) as usize]
        }
        form => form,
    };
    let window = period(refusal.window_us);
    let short = format!("API calls quota exceeded! maximum allowed {} per {window}", refusal.calls);
    let long = format!(
        "API calls quota exceeded! Maximum allowed {} per {window} for the key \
         Destination+TenantID+AppID. You can send requests again in {wait_s} seconds.",
        refusal.calls
    );
    match form {
        RetryAfter::Seconds | RetryAfter::Mixed => {
            Reply::error(429, "429", &long, draw).with("retry-after", wait_s.to_string())
        }
        RetryAfter::Date => {
            // A date has whole seconds, so a started second is a whole one more.
            let at = http_date(now.utc_ms + (wait_s + 1) * 1000);
            Reply::error(429, "429", &short, draw).with("retry-after", at)
        }
        RetryAfter::Message => Reply::error(429, "429", &long, draw),
        RetryAfter::None => Reply::error(429, "429", &short, draw),
        RetryAfter::Bare => Reply::empty(429),
    }
}

/// A window as the API writes it, in whole seconds and never zero.
fn period(window_us: i64) -> String {
    let (seconds, fraction) = (window_us / 1_000_000, window_us % 1_000_000);
    let whole = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction == 0 { whole } else { format!("{whole}.{fraction:06}0") }
}
