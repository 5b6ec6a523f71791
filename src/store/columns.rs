//! How values stand in the columns of a store, for every database. It runs no SQL and knows no
//! database: what cannot be read is a store that contradicts itself.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use super::StoreError;
use crate::domain::{
    BusyPolicy, Detail, NamedLimit, NamedLimits, Outcome, Probe, Quota, Rank, Stamp, Stands, State,
};

type Read<T> = Result<T, StoreError>;

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
pub(super) fn state_of(name: &str, at: i64, looks: u8, busy: bool) -> Read<State> {
    let at = Stamp(at);
    parsed(name, |name| match name {
        "draft" => Some(State::Draft),
        "queued" => Some(State::Queued(at)),
        "claimed" => Some(State::Claimed(at)),
        "doubtful" => Some(State::Doubtful { looks, look_at: at, busy }),
        "covered" => Some(State::Done(Outcome::AlreadyInProgress { covered: true })),
        "already_in_progress" => Some(State::Done(Outcome::AlreadyInProgress { covered: false })),
        "scan_failed" => Some(State::Done(Outcome::ScanFailed)),
        "expired" => Some(State::Done(Outcome::Cancelled { taken_back: false })),
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

/// The name of a state.
pub(super) fn state_name(state: State) -> &'static str {
    match state {
        State::Draft => "draft",
        State::Queued(_) => "queued",
        State::Claimed(_) => "claimed",
        State::Doubtful { .. } => "doubtful",
        State::Done(Outcome::AlreadyInProgress { covered: true }) => "covered",
        State::Done(Outcome::ScanFailed) => "scan_failed",
        State::Done(Outcome::Cancelled { taken_back: false }) => "expired",
        State::Done(outcome) => outcome.name(),
    }
}

/// The rank that this number stands for.
pub(super) fn rank_of(rank: i64) -> Read<Rank> {
    let all = [Rank::First, Rank::Late, Rank::Again, Rank::Last];
    let found = all.into_iter().find(|one| *one as i64 == rank);
    found.ok_or_else(|| broken(format!("there is no rank {rank}")))
}

/// Where the probe of a budget stands.
pub(super) fn probe_of(name: &str, until: Stamp) -> Read<Probe> {
    parsed(name, |name| match name {
        "off" => Some(Probe::Off),
        "due" => Some(Probe::Due),
        "in_flight" => Some(Probe::InFlight(until)),
        _ => None,
    })
}

/// What a budget keeps of its probe: its name, and until when it is under way.
pub(super) fn probe_columns(probe: Probe) -> (&'static str, Stamp) {
    match probe {
        Probe::Off => ("off", Stamp::ZERO),
        Probe::Due => ("due", Stamp::ZERO),
        Probe::InFlight(until) => ("in_flight", until),
    }
}

/// What is known beside a row, as JSON; `None` if that is nothing.
pub(super) fn detail_text(detail: &Detail) -> Option<String> {
    if *detail == Detail::default() {
        return None;
    }
    Some(serde_json::to_string(detail).expect("a value of texts and numbers is JSON"))
}

/// Reads what `detail_text` wrote.
pub(super) fn detail_of(text: Option<&str>) -> Read<Detail> {
    let Some(text) = text else { return Ok(Detail::default()) };
    serde_json::from_str(text).map_err(|error| broken(format!("a detail cannot be read: {error}")))
}

/// What is done with busy devices.
pub(super) fn busy_of(name: &str) -> Read<BusyPolicy> {
    let all = [BusyPolicy::Report, BusyPolicy::Retry];
    parsed(name, |name| all.into_iter().find(|one| one.name() == name))
}

/// The limits that the server named, as JSON; `None` if there are none.
pub(super) fn named_text(named: &NamedLimits) -> Option<String> {
    let all: Vec<&NamedLimit> = named.iter().collect();
    if all.is_empty() {
        return None;
    }
    Some(serde_json::to_string(&all).expect("values of numbers are JSON"))
}

/// Reads what `named_text` wrote.
pub(super) fn named_of(text: Option<&str>) -> Read<NamedLimits> {
    let Some(text) = text else { return Ok(NamedLimits::default()) };
    let all: Vec<NamedLimit> = serde_json::from_str(text)
        .map_err(|error| broken(format!("the server's limits cannot be read: {error}")))?;
    Ok(all.into_iter().collect())
}

/// Quotas that are listed as a JSON array of pairs of calls and nanoseconds, each once and in
/// ascending order.
pub(super) fn quotas_of(text: &str) -> Read<Vec<Quota>> {
    let pairs: Vec<(u32, u64)> = serde_json::from_str(text)
        .map_err(|error| broken(format!("the quotas cannot be read: {error}")))?;
    let quota = |(calls, window): (u32, u64)| {
        let calls = NonZeroU32::new(calls).ok_or_else(|| broken("a quota of no calls"))?;
        Ok(Quota { calls, window: Duration::from_nanos(window) })
    };
    let all: BTreeSet<Quota> = pairs.into_iter().map(quota).collect::<Read<_>>()?;
    Ok(all.into_iter().collect())
}

/// The window of a quota in nanoseconds.
pub(super) fn window_ns(quota: &Quota) -> i64 {
    signed(quota.window.as_nanos())
}

/// A text that one of our types reads.
pub(super) fn parsed<T>(text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Read<T> {
    parse(text).ok_or_else(|| broken(format!("`{text}` is not a value of this version")))
}

/// A value that stands as JSON; `None` where there is none.
pub(super) fn json_of<T: serde::de::DeserializeOwned>(text: Option<&str>) -> Read<Option<T>> {
    text.map(|text| parsed(text, |text| serde_json::from_str(text).ok())).transpose()
}

/// A value as JSON.
pub(super) fn json_text<T: serde::Serialize + ?Sized>(value: &T) -> Read<String> {
    serde_json::to_string(value).map_err(|error| broken(error.to_string()))
}

/// A number that is never negative.
pub(super) fn unsigned<T: TryFrom<i64>>(value: i64) -> Read<T> {
    T::try_from(value).map_err(|_| broken(format!("the number {value} is out of range")))
}

/// A number as a column keeps it; one that is too large is the largest.
pub(super) fn signed<T: TryInto<i64>>(number: T) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

fn broken(what: impl Into<String>) -> StoreError {
    StoreError::Broken(what.into())
}
