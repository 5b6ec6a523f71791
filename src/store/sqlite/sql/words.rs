//! How states and details of rows stand in the database, and back. What happens to rows is not
//! here.

use super::parsed;
use crate::domain::{Detail, Outcome, Stamp, State};
use crate::store::sqlite::fault::{Fault, broken};

/// The state that these columns hold.
pub(super) fn state_of(name: &str, at: i64, looks: u8, busy: bool) -> Result<State, Fault> {
    let at = Stamp(at);
    parsed(name, |name| match name {
        "draft" => Some(State::Draft),
        "queued" => Some(State::Queued(at)),
        "claimed" => Some(State::Claimed(at)),
        "doubtful" => Some(State::Doubtful { looks, look_at: at, busy }),
        "covered" => Some(State::Done(Outcome::AlreadyInProgress { covered: true })),
        "already_in_progress" => Some(State::Done(Outcome::AlreadyInProgress { covered: false })),
        _ => Outcome::ALL.into_iter().find(|one| one.name() == name).map(State::Done),
    })
}

/// What a row keeps of a state beside its name.
pub(super) fn stored(state: State) -> (Stamp, u8, bool) {
    match state {
        State::Queued(at) | State::Claimed(at) => (at, 0, false),
        State::Doubtful { looks, look_at, busy } => (look_at, looks, busy),
        State::Draft | State::Done(_) => (Stamp::ZERO, 0, false),
    }
}

pub(super) fn state_name(state: State) -> &'static str {
    match state {
        State::Draft => "draft",
        State::Queued(_) => "queued",
        State::Claimed(_) => "claimed",
        State::Doubtful { .. } => "doubtful",
        State::Done(Outcome::AlreadyInProgress { covered: true }) => "covered",
        State::Done(outcome) => outcome.name(),
    }
}

pub(super) fn detail_text(detail: &Detail) -> Option<String> {
    let told = *detail != Detail::default();
    told.then(|| serde_json::to_string(detail).expect("a value of texts and numbers is JSON"))
}

pub(super) fn detail_of(text: Option<&str>) -> Result<Detail, Fault> {
    let Some(text) = text else { return Ok(Detail::default()) };
    serde_json::from_str(text).map_err(|error| broken(format!("a detail cannot be read: {error}")))
}
