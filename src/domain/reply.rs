//! What came back from one scan call, before anybody judges it. `verdict` judges.

use std::time::Duration;

use jiff::Timestamp;

use super::action::Action;

/// What came back from one request.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// A whole response.
    Answer(Answer),
    /// The request may have left, and no whole response came.
    NoAnswer {
        /// What happened, as a sentence fragment.
        why: String,
    },
    /// Not a byte of the request can have left.
    NeverLeft {
        /// What happened, as a sentence fragment.
        why: String,
    },
}

impl Reply {
    /// Of a call whose slot came too late to send it: see `Timing::is_late`.
    pub fn too_late() -> Self {
        Reply::NeverLeft { why: "it could not be sent in time after its slot was taken".to_owned() }
    }
}

/// A whole response.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The server's `Date`.
    pub date: Option<Timestamp>,
    /// What the `Retry-After` header asked for, from now.
    pub retry_after: Option<Duration>,
    /// The body, read.
    pub body: Body,
}

/// The body of a response.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A machine action.
    Action(Box<Action>),
    /// The API's error envelope, or the gateway's.
    Error(ErrorBody),
    /// Anything else: empty, HTML, JSON of another shape, too large. The text says which.
    Other(String),
}

/// `{"error": {"code", "message", "target"}}` (Common REST API error codes page).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorBody {
    /// The error's code, such as `ResourceNotFound`.
    pub code: String,
    /// Free text that can change.
    pub message: String,
    /// The id that support asks for.
    pub target: Option<String>,
}
