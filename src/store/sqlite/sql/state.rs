//! How the state of a row and what is known beside stand in the file. It runs no SQL.

use super::values::parsed;
use crate::domain::{BusyPolicy, Detail, Outcome, Stamp, Stands, State};
use crate::store::sqlite::fault::{Fault, broken};

/// The names of all states, as they stand in `device_row` and in `tally`.
pub(super) fn state_names() -> impl Iterator<Item = &'static str> {
    let ended = Outcome::ALL.into_iter().map(|outcome| state_name(State::Done(outcome)));
    ["draft", "queued", "claimed", "doubtful"].into_iter().chain(ended)
}

/// The names of the states in which rows stand so.
pub(super) fn states_that_stand(stands: Stands) -> Vec<&'static str> {
    let none = Stamp::ZERO;
    let looked = State::Doubtful { looks: 0, look_at: none, busy: false };
    let open = [State::Draft, State::Queued(none), State::Claimed(none), looked];
    let all = open.into_iter().chain(Outcome::ALL.map(State::Done));
    all.filter(|state| stands.has(*state)).map(state_name).collect()
}

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

/// The name of a state, as it stands in the file.
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

/// What is known beside, as it stands in the file. Returns `None` if nothing is known.
pub(super) fn detail_text(detail: &Detail) -> Option<String> {
    if *detail == Detail::default() {
        return None;
    }
    Some(serde_json::to_string(detail).expect("a value of texts and numbers is JSON"))
}

/// What is known beside.
pub(super) fn detail_of(text: Option<&str>) -> Result<Detail, Fault> {
    let Some(text) = text else { return Ok(Detail::default()) };
    serde_json::from_str(text).map_err(|error| broken(format!("a detail cannot be read: {error}")))
}

/// What is done with busy devices.
pub(super) fn busy_of(name: &str) -> Result<BusyPolicy, Fault> {
    let all = [BusyPolicy::Report, BusyPolicy::Retry];
    parsed(name, |name| all.into_iter().find(|one| one.name() == name))
}
