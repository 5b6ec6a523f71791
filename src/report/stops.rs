//! Why a run stopped and what to do about it, in words and in JSON.

use serde_json::{Value, json};

use crate::domain::text::printable;
use crate::domain::{Caught, Stop};

/// That somebody called the campaign off, as a part of a sentence.
pub(super) const CANCELLED: &str = "cancelled by `fleetsweep cancel`";

/// That the next run of the series did not wait for it, as a part of a sentence.
pub(super) const HANDED_ON: &str = "the next run of its series took over what was left";

/// Why a run stopped, as a part of a sentence, with the signal if it was one.
pub(super) fn stopped_by(stop: &Stop, caught: Option<Caught>) -> String {
    match (stop, caught) {
        (Stop::Signal, Some(caught)) => format!("by a signal ({caught})"),
        _ => stop_text(stop),
    }
}

/// Why a run stopped, as a part of a sentence.
pub fn stop_text(stop: &Stop) -> String {
    let why = stop_reason(stop);
    match stop {
        Stop::Time | Stop::Window => format!("{why}; no order was sent after it"),
        _ => why,
    }
}

/// The same while calls may be in flight still.
pub fn stop_reason(stop: &Stop) -> String {
    match stop {
        Stop::Signal => "by a signal".into(),
        Stop::SecondSignal => {
            "left at once by a second signal; what was in flight is looked up by `resume`".into()
        }
        Stop::Time => "its time is over".into(),
        Stop::Window => "its window closed".into(),
        Stop::Unreachable(why) => {
            format!("the API could not be used any more ({})", printable(why))
        }
        Stop::NeverReached(why) => format!("the API was never reached ({})", printable(why)),
        Stop::ListUnreadable(why) => {
            format!("the list of actions could not be read ({})", printable(why))
        }
        Stop::SignIn(why) => format!("sign-in or permission ({})", printable(why)),
        Stop::Safety(why) | Stop::Refused(why) | Stop::Repeats(why) | Stop::Failures(why) => {
            format!("by a safety rule ({})", printable(why))
        }
        Stop::Wave(why) => format!("before its next wave ({})", printable(why)),
    }
}

/// What to do before somebody goes on after this stop, as a part of a sentence.
pub fn before_resuming(stop: &Stop) -> &'static str {
    match stop {
        Stop::Signal | Stop::SecondSignal | Stop::Time => "go on with what is left",
        Stop::Window => "go on with what is left when the window opens again",
        Stop::Unreachable(_) | Stop::NeverReached(_) => {
            "check network, proxy and the address of the API, then go on"
        }
        Stop::ListUnreadable(_) => {
            "some devices are not known yet; when the list of actions can be read, go on"
        }
        Stop::SignIn(_) => {
            "check tenant, application, its secret and the permission Machine.Scan, then go on"
        }
        Stop::Safety(_) => "check tenant and list; only if both are right, go on",
        Stop::Refused(_) => {
            "fix what the server names, then go on; devices that it refused this way wait behind \
             the others and are asked once more"
        }
        Stop::Repeats(_) => {
            "see in the report what the server answered; when it works again, go on"
        }
        Stop::Failures(_) => {
            "see in the report what failed; if the others are to be ordered all the same, go on \
             (with another --max-failures, if need be)"
        }
        Stop::Wave(_) => {
            "see in the report what failed; if the others are to be ordered all the same, go on, \
             which asks once more"
        }
    }
}

pub(super) fn stop_json(stop: &Stop, caught: Option<Caught>) -> Value {
    let caught = caught.map(|caught| caught.name().to_owned());
    let (kind, why) = match stop {
        Stop::Signal => ("signal", caught.as_ref()),
        Stop::SecondSignal => ("second_signal", None),
        Stop::Time => ("time", None),
        Stop::Window => ("window", None),
        Stop::Unreachable(why) => ("unreachable", Some(why)),
        Stop::NeverReached(why) => ("never_reached", Some(why)),
        Stop::ListUnreadable(why) => ("list_unreadable", Some(why)),
        Stop::SignIn(why) => ("sign_in", Some(why)),
        Stop::Safety(why) => ("safety", Some(why)),
        Stop::Refused(why) => ("refused", Some(why)),
        Stop::Repeats(why) => ("repeats", Some(why)),
        Stop::Failures(why) => ("failures", Some(why)),
        Stop::Wave(why) => ("wave", Some(why)),
    };
    json!({"kind": kind, "why": why})
}
