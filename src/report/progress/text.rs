//! The words of progress, as pure functions of a snapshot or a note and the present moment. Where
//! and when they are shown is `progress`'.

use std::time::Duration;

use jiff::{SignedDuration, ZonedDateTime};

use crate::domain::cancel::CancelProgress;
use crate::domain::event::{HoldReason, Note, Snapshot, WaveShown};
use crate::domain::hold::FORGOTTEN;
use crate::domain::refusal::means_the_right;
use crate::domain::text::printable;
use crate::domain::{Operation, Outcome, Stop, Tally};
use crate::report::human::{clock, clock_exact, count, counted, duration, quota, used_of};
use crate::report::stops::stop_reason;

/// All of a snapshot in one line.
pub fn line(snapshot: &Snapshot, now: &ZonedDateTime) -> String {
    let mut parts = vec![format!("{}{}", done(&snapshot.tally), outcomes(&snapshot.tally))];
    parts.extend(snapshot.wave.as_ref().map(|shown| wave(shown, now)));
    parts.extend([limits(snapshot), finish(snapshot, now)]);
    parts.join("; ")
}

/// A wave that another one follows: `the canary: 20 of 20 done, waits until 22:40 CET, then 11,980
/// more`.
pub fn wave(wave: &WaveShown, now: &ZonedDateTime) -> String {
    let WaveShown { name, devices, done, wait, then } = wave;
    let until = wait.and_then(|wait| after(now, wait));
    let until = until.map(|at| format!(", waits until {}", clock(&at, now))).unwrap_or_default();
    let (name, devices, done, then) =
        (printable(name), count(*devices), count(*done), count(*then));
    format!("{name}: {done} of {devices} done{until}, then {then} more")
}

/// How far: `4,210 of 12,000 devices`.
pub fn done(tally: &Tally) -> String {
    format!("{} of {}", count(tally.devices_done()), counted(tally.devices(), "device"))
}

/// What became of those that are done, after a colon; empty if none is.
pub fn outcomes(tally: &Tally) -> String {
    let aside = [Outcome::BadRow, Outcome::Duplicate, Outcome::Skipped].map(Outcome::name);
    let named = tally.by_name();
    let mut parts: Vec<String> = named
        .iter()
        .filter(|(name, rows)| *rows > 0 && !aside.contains(name))
        .map(|(name, rows)| rows_of(tally, name, *rows, false))
        .collect();
    if tally.doubtful > 0 {
        parts.push(format!("{} not known, being looked up", count(tally.doubtful)));
    }
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
}

/// How the rows of a campaign stand that are open, with how many do.
pub fn open(tally: &Tally) -> impl Iterator<Item = (u64, &'static str)> {
    let all = [
        (tally.draft + tally.queued, "waiting for their turn"),
        (tally.claimed, "sent or about to be, answer not in yet"),
        (tally.doubtful, "sent, answer not known yet"),
    ];
    all.into_iter().filter(|(rows, _)| *rows > 0)
}

/// Rows of an outcome: `60 already in progress (30 of them not covered)`, `200 accepted (23 of them
/// with a failed scan)`. Before the campaign has finished it is looked up still which are covered.
pub fn rows_of(tally: &Tally, name: &str, rows: u64, finished: bool) -> String {
    let kinds = [
        (
            Outcome::AlreadyInProgress { covered: false },
            if finished { "not covered" } else { "not known to be covered" },
        ),
        (Outcome::Cancelled { taken_back: false }, "expired"),
        (Outcome::ScanFailed, "with a failed scan"),
    ];
    let kind = kinds.into_iter().find(|(outcome, _)| outcome.name() == name);
    let aside = match kind.map(|(outcome, what)| (tally.of(outcome), what)) {
        Some((some, what)) if some > 0 && some == rows => format!(" ({what})"),
        Some((some, what)) if some > 0 => format!(" ({} of them {what})", count(some)),
        _ => String::new(),
    };
    format!("{} {}{aside}", count(rows), name.replace('_', " "))
}

/// The calls that count against the limits now.
pub fn limits(snapshot: &Snapshot) -> String {
    let mut text = if snapshot.used.is_empty() {
        counted(snapshot.calls, "call")
    } else {
        format!("calls {}", used_of(&snapshot.used, &[]))
    };
    if snapshot.in_flight > 0 {
        text.push_str(&format!(", {} in flight", count(snapshot.in_flight as u64)));
    }
    if snapshot.throttled > 0 {
        text.push_str(&format!(", {} answered with 429", count(snapshot.throttled)));
    }
    text
}

/// How far cancelling is, in one line.
pub fn cancelling(progress: &CancelProgress, now: &ZonedDateTime) -> String {
    format!("{}; {}", cancelled(progress), until(progress, now))
}

/// How much is cancelled: `310 of 1,500 scans cancelled, 4 had ended`.
pub fn cancelled(progress: &CancelProgress) -> String {
    let mut text =
        format!("{} of {} cancelled", count(progress.cancelled), counted(progress.all, "scan"));
    let more = [
        (progress.ended, "had ended"),
        (progress.refused, "refused"),
        (progress.unclear, "not clear yet"),
        (progress.in_flight, "in flight"),
        (progress.throttled, "answers with 429"),
    ];
    for (some, what) in more.into_iter().filter(|(some, _)| *some > 0) {
        text.push_str(&format!(", {} {what}", count(some)));
    }
    text
}

/// When the last cancellation is likely to be answered, and what holds the next one back.
pub fn until(progress: &CancelProgress, now: &ZonedDateTime) -> String {
    ending(progress.finish_in, progress.hold.as_ref(), now)
        .unwrap_or_else(|| "waiting for the last answers".to_owned())
}

/// When the last answer is likely to be in, as a clock time, and what holds the orders back.
pub fn finish(snapshot: &Snapshot, now: &ZonedDateTime) -> String {
    // What holds an order back is no news where none is left: what is open is looked up.
    let is_out_of_reach =
        |hold: &&HoldReason| matches!(hold, HoldReason::Network | HoldReason::Store);
    let orders = snapshot.tally.queued + snapshot.tally.draft > 0;
    let held = snapshot.hold.as_ref().filter(|hold| orders || is_out_of_reach(hold));
    let stops = snapshot.stops_in.and_then(|left| Some((left, after(now, left)?)));
    if let Some((left, at)) = stops {
        let why = held.map_or_else(String::new, |one| format!("; {}", hold(one, now)));
        let (at, left) = (clock(&at, now), duration(left));
        return format!("stops at {at} (in {left}), before all are ordered{why}");
    }
    let ending = ending(snapshot.finish_in.filter(|_| orders), held, now);
    ending.unwrap_or_else(|| {
        let open = snapshot.tally.open() > 0;
        if open { "waiting for the last answers" } else { "all orders are answered" }.to_owned()
    })
}

fn ending(
    finish_in: Option<Duration>,
    held: Option<&HoldReason>,
    now: &ZonedDateTime,
) -> Option<String> {
    let finish_in = match held {
        // Nobody can say when it goes on.
        Some(hold) if hold.is_open_ended() => None,
        _ => finish_in,
    };
    let why = held.map(|one| hold(one, now));
    let end = finish_in.and_then(|left| Some((left, after(now, left)?)));
    match (end, why) {
        (Some((left, at)), Some(why)) => {
            Some(format!("done about {} (in {}, {why})", clock(&at, now), duration(left)))
        }
        (Some((left, at)), None) => {
            Some(format!("done about {} (in {})", clock(&at, now), duration(left)))
        }
        (None, why) => why,
    }
}

/// What holds the next order back, as a part of a sentence.
pub fn hold(hold: &HoldReason, now: &ZonedDateTime) -> String {
    match hold {
        HoldReason::Quota(limit) => format!("limited by {}", quota(limit)),
        HoldReason::Pause => "paused by the server".to_owned(),
        HoldReason::Faults => "waiting, since the last calls got no answer of use".to_owned(),
        HoldReason::User => "paused by `fleetsweep pause`".to_owned(),
        HoldReason::Priority(name) => format!("waits for campaign {name}"),
        HoldReason::Network => "waiting for the network".to_owned(),
        HoldReason::SignIn => "waiting for the sign-in service to answer".to_owned(),
        HoldReason::Answers => "waiting for the server to answer".to_owned(),
        HoldReason::Store => "waiting for the store".to_owned(),
        HoldReason::Forgotten => FORGOTTEN.to_owned(),
        HoldReason::Pace => "spreading the calls".to_owned(),
        HoldReason::Window => "waiting for the window to open".to_owned(),
        HoldReason::Start(at) => {
            let at = at.to_zoned_datetime(now.time_zone().clone());
            format!("waiting for its start at {}", clock(&at, now))
        }
        HoldReason::Wave => "waiting before the next wave".to_owned(),
    }
}

fn paused(operation: Operation, wait: Duration, now: &ZonedDateTime) -> String {
    let what = match operation {
        Operation::Scan | Operation::Cancel => "Paused by the server",
        Operation::Read => "Reading the list of actions is paused by the server",
    };
    let until = until_in(now, wait);
    format!("{what} for {}{until}; it goes on by itself", duration(wait))
}

fn stopping(operation: Operation, calls: usize, stop: &Stop) -> String {
    let what = match operation {
        Operation::Scan | Operation::Read => "no more orders",
        Operation::Cancel => "nothing more is cancelled",
    };
    let (calls, why) = (counted(calls as u64, "call"), stop_reason(stop));
    format!("Stopping ({why}): {what}; {calls} still in flight")
}

fn useless(operation: Operation, why: &str) -> String {
    let next = match operation {
        Operation::Scan => "whether it ordered anything is looked up",
        Operation::Cancel => "whether it cancelled anything is looked up",
        Operation::Read => "it is asked again",
    };
    format!("An answer that cannot be used: {}; {next}", printable(why))
}

/// A note as a sentence.
pub fn note(note: &Note, now: &ZonedDateTime) -> String {
    match note {
        Note::OthersCall => {
            "Note: a 429 that the calls of this store do not explain: most likely another program, \
             or a run with another store, uses this application; leave it room with --leave"
                .to_owned()
        }
        Note::Paused(operation, wait) => paused(*operation, *wait, now),
        Note::LimitNamed(limit) => format!(
            "Note: the server allows {} here, as its answer with 429 says; this lower limit is \
             kept from now on",
            quota(limit)
        ),
        Note::CommentsChanged => "Note: the server changes comments; actions are told apart by id \
                                  and time instead"
            .to_owned(),
        Note::Waiting(why) => format!(
            "Waiting for the network, nothing is lost: {}; it goes on by itself",
            printable(why)
        ),
        Note::Reached => "The API can be reached again; going on".to_owned(),
        Note::StoreAway(cause) => format!(
            "The store cannot be written: {}; waiting, nothing more is ordered meanwhile",
            printable(cause)
        ),
        Note::StoreBack => "The store can be written again; going on".to_owned(),
        Note::Forgotten(wait) => forgotten(*wait, now),
        Note::ListForbidden(said) => {
            let right = if means_the_right(said.code.as_deref()) {
                "; Machine.Read.All would allow it"
            } else {
                ""
            };
            format!(
                "Note: the list of actions may not be read ({}{right}); lost answers stay unknown",
                said.words()
            )
        }
        Note::Refused { words, again } => {
            let again = if *again { "; the device is asked once more later" } else { "" };
            format!("Refused by the server: {}{again}", printable(words))
        }
        Note::Useless(operation, why) => useless(*operation, why),
        Note::ListFailed(why) => {
            format!("The list of actions could not be read ({}); it is asked again", printable(why))
        }
        Note::WaveOver(wave, wait) => {
            let (wave, until) = (capital(&printable(wave)), until_in(now, *wait));
            format!("{wave} is over; it is judged in {}{until}", duration(*wait))
        }
        Note::WavePassed(figures) => {
            format!("{}; the next wave begins", capital(&printable(figures)))
        }
        Note::Stopping(operation, calls, stop) => stopping(*operation, *calls, stop),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// `, until 14:03:20 CET`, with its date on another day; empty beyond the calendar.
fn forgotten(wait: Duration, now: &ZonedDateTime) -> String {
    format!(
        "The store may have forgotten calls in a failover or restore: nothing is ordered for \
         {}{}, when they are certainly over; it goes on by itself",
        duration(wait),
        until_in(now, wait)
    )
}

fn until_in(now: &ZonedDateTime, wait: Duration) -> String {
    let at = after(now, wait);
    at.map(|at| format!(", until {}", clock_exact(&at, now))).unwrap_or_default()
}

fn after(now: &ZonedDateTime, wait: Duration) -> Option<ZonedDateTime> {
    now.checked_add(SignedDuration::try_from(wait).ok()?).ok()
}
