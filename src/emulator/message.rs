//! What goes in and out of the emulated world: requests, plans and answers as plain values, without
//! any HTTP library, so that tests on virtual time can drive the world as the server does.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::play::Play;

/// What a call asks for, as limits see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Starting a scan.
    Scan,
    /// Cancelling an action.
    Cancel,
    /// Reading actions or machines.
    Read,
    /// Asking for a token.
    Token,
    /// Anything that the API does not have.
    Unknown,
}

/// One request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// The path as sent, still percent-encoded.
    pub path: String,
    /// What follows the question mark, as sent; empty if there is none.
    pub query: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// A GET of a path, which may have a query.
    pub fn get(target: &str) -> Request {
        Request::new("GET", target, Vec::new())
    }

    /// A POST to a path.
    pub fn post(target: &str, body: impl Into<Vec<u8>>) -> Request {
        Request::new("POST", target, body.into())
    }

    /// The call that starts a scan; `scan_type` is `Quick` or `Full`.
    pub fn scan(device: &str, comment: &str, scan_type: &str) -> Request {
        let body = serde_json::json!({ "Comment": comment, "ScanType": scan_type }).to_string();
        Request::post(&format!("/api/machines/{device}/runAntiVirusScan"), body)
    }

    /// This request with this token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Request {
        Request { authorization: Some(format!("Bearer {token}")), ..self }
    }

    fn new(method: &str, target: &str, body: Vec<u8>) -> Request {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            authorization: None,
            body,
        }
    }
}

/// What was drawn for one call before it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// From the first byte until the service counts and processes the call.
    pub before: Duration,
    /// From then until the answer is sent.
    pub after: Duration,
    /// What the call meets.
    pub play: Play,
    /// Seeds what is drawn at the arrival.
    pub(super) draw: u64,
}

/// What happens to a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The whole answer is sent.
    #[default]
    None,
    /// Nothing was processed and no answer is ever sent; the connection stays open.
    TimeOutBeforeProcessing,
    /// The call was processed and no answer is ever sent; the connection stays open.
    TimeOutAfterProcessing,
    /// Nothing was processed, the connection is cut without an answer.
    CutBeforeProcessing,
    /// The call was processed, the connection is cut without an answer.
    CutAfterProcessing,
    /// The call was processed, the connection is cut after so many bytes of the answer.
    CutMidHead(usize),
    /// The call was processed, the connection is cut after so many bytes of the answer's body.
    CutMidBody(usize),
}

impl Fault {
    /// Whether the call was lost before it had an effect.
    pub fn before_processing(self) -> bool {
        matches!(self, Fault::TimeOutBeforeProcessing | Fault::CutBeforeProcessing)
    }

    /// Whether no answer is ever sent and the connection stays open.
    pub fn times_out(self) -> bool {
        matches!(self, Fault::TimeOutBeforeProcessing | Fault::TimeOutAfterProcessing)
    }
}

/// What the service answers, and what becomes of the answer on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, `Date` among them.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// From the arrival until it is sent.
    pub after: Duration,
    /// What happens to it on its way.
    pub fault: Fault,
}

impl Answer {
    /// The value of a header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}
