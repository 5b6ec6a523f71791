//! How runs ended that are at work no more, as parts of sentences. What they mean for a campaign is
//! `standing`'s.

use jiff::Timestamp;

use crate::domain::text::printable;
use crate::domain::{CameTo, LastRun};

/// That taking back what was ordered came to no end, with these words for times of an end and of a
/// last sign of life, and what goes on with it.
pub fn taking_back_left(
    left: &LastRun,
    ended_at: impl Fn(Timestamp) -> String,
    seen_at: impl Fn(Timestamp) -> String,
) -> String {
    let by = format!("{} on {}", printable(&left.by), printable(&left.host));
    let again = left.again.as_ref();
    let again = again.map_or_else(String::new, |again| format!(" `{again}` goes on."));
    match &left.ended {
        Some(end) => {
            let (at, why) = (ended_at(end.at), because(&printable(&end.why)));
            format!("taking back what was ordered ({by}) stopped {at}{why}.{again}")
        }
        None => {
            let seen = left.seen_at.map_or_else(String::new, seen_at);
            format!(
                "taking back what was ordered ({by}) was killed, or its machine went down; last \
                 seen at work {seen}.{again}"
            )
        }
    }
}

/// How the run of a campaign ended that the next one took over, as a part of a sentence, with these
/// words for times. Returns `None` if that was planned.
pub(in crate::report) fn how_it_ended(
    run: &LastRun,
    at: impl Fn(Timestamp) -> String,
) -> Option<String> {
    match (CameTo::of(run), &run.ended) {
        (CameTo::AsPlanned, _) => None,
        _ if run.not_begun.is_some() => {
            let not_begun = run.not_begun.as_ref()?;
            let (at, why, code) = (at(not_begun.at), &not_begun.why, not_begun.exit_code);
            Some(format!("no run of it could begin {at} (exit code {code}): {}", printable(why)))
        }
        (_, Some(end)) => {
            let (at, why, code) = (at(end.at), printable(&end.why), end.exit_code);
            Some(format!("its own run stopped {at} with exit code {code}{}", because(&why)))
        }
        (_, None) => {
            let seen = run.seen_at.map(|seen| format!("; last seen at work {}", at(seen)));
            let seen = seen.unwrap_or_default();
            Some(format!("its own run was killed, or its machine went down{seen}"))
        }
    }
}

/// A reason behind what it is the reason of: `, by a signal`, `: its time is over`.
pub fn because(why: &str) -> String {
    let joint = if why.starts_with("by ") || why.starts_with("before ") { "," } else { ":" };
    format!("{joint} {why}")
}
