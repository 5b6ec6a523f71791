//! What a report for people tells beside its rows: from when to when, how fast orders left, what
//! happened. There is no clock in it, so that two reports of one store are the same bytes.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::human::moment;
use super::picture::burn::{BurnDown, so_far};
use super::picture::{CallsPicture, bands};
use super::standing::{because, how_it_ended};
use crate::domain::{Happened, Happening, LastRun, Minute, Quota, Rest, Tally};

/// What happened in a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// When it was confirmed.
    pub opened_at: Timestamp,
    /// When its last row ended.
    pub finished_at: Option<Timestamp>,
    /// Why it is not finished, or how it was ended before its time.
    pub ended: Option<EndedEarly>,
    /// When its latest call was claimed.
    pub last_call_at: Option<Timestamp>,
    /// Calls that left.
    pub calls: u64,
    /// The limits that it kept.
    pub quotas: Vec<Quota>,
    /// The minutes in which they left.
    pub minutes: Vec<Minute>,
    /// What happened, in the order of time.
    pub happenings: Vec<Happening>,
    /// The zone of its times.
    pub zone: TimeZone,
    /// The option by which commands name its store, with a space before it; empty for the usual
    /// one.
    pub store: String,
}

/// Why a campaign did not come to its end by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndedEarly {
    /// Its run stopped with work left.
    Stopped {
        /// Why.
        why: String,
        /// What to do before somebody goes on.
        before: Option<String>,
    },
    /// Somebody cancelled it.
    Cancelled,
    /// The next run of its series took over what waited in it, after its own run, if there was one.
    HandedOn(Option<Box<LastRun>>),
}

/// The pictures of a campaign that is over, or stands still as far as its report knows.
pub(super) struct Pictures {
    pub(super) calls: CallsPicture,
    pub(super) left: BurnDown,
}

impl Story {
    /// The last moment of which it tells.
    pub(super) fn end(&self) -> Timestamp {
        let happened = self.happenings.last().map(|last| last.at);
        let ended = match &self.ended {
            // When the next run took over what was left is no part of it.
            Some(EndedEarly::HandedOn(run)) => [run.as_ref().and_then(|run| run.over_at()), None],
            _ => [self.finished_at, happened],
        };
        let all = ended.into_iter().chain([self.last_call_at]);
        all.flatten().fold(self.opened_at, Timestamp::max)
    }

    /// Whose the rows are that it was ended with.
    fn rest(&self) -> Rest {
        match &self.ended {
            Some(EndedEarly::HandedOn(_)) => Rest::HandedOn,
            Some(EndedEarly::Cancelled) => Rest::TakenBack,
            Some(EndedEarly::Stopped { .. }) | None => Rest::Own,
        }
    }

    /// Answers with 429.
    pub(super) fn throttled(&self) -> u64 {
        self.minutes.iter().map(|minute| minute.throttled).sum()
    }

    /// Why it did not come to its end by itself, in parts of which the last may not be cut: what
    /// a server said, and what to do.
    pub(super) fn ended_early(&self) -> Option<(String, String)> {
        let at = |at: Timestamp| moment(&at.to_zoned_datetime(self.zone.clone()));
        Some(match self.ended.as_ref()? {
            EndedEarly::Stopped { why, before } => {
                let before = before.as_ref().map(|before| format!("; what to do: {before}"));
                let stopped = if because(why).starts_with(',') { "stopped " } else { "" };
                (
                    format!("Not finished: {stopped}{why}"),
                    format!("{}.", before.unwrap_or_default()),
                )
            }
            EndedEarly::Cancelled => {
                let is_that = |one: &&Happening| matches!(one.what, Happened::Cancelled { .. });
                let by = self.happenings.iter().rev().find(is_that).map(|one| {
                    let who = match one.host.as_str() {
                        "" => String::new(),
                        host => format!(" by {} on {host}", one.by),
                    };
                    format!(", {}{who}", at(one.at))
                });
                let told = format!("Cancelled by `fleetsweep cancel`{}", by.unwrap_or_default());
                (told, ".".to_owned())
            }
            EndedEarly::HandedOn(run) => {
                let how = run.as_ref().and_then(|run| how_it_ended(run, at));
                let next = "the next run of its series has what was left.";
                match how {
                    Some(how) => (how, format!("; {next}")),
                    None => (String::new(), next.to_owned()),
                }
            }
        })
    }

    pub(super) fn pictures(&self, tally: &Tally) -> Pictures {
        let Self { minutes, happenings, zone, .. } = self;
        let first = minutes.first().map_or(self.opened_at, |first| first.at);
        let (from, end) = (self.opened_at.min(first), self.end());
        // The bar of the last minute is as wide as the others.
        let minute = SignedDuration::from_secs(60);
        let called = minutes.last().and_then(|last| last.at.checked_add(minute).ok());
        let to = called.map_or(end, |called| called.max(end));
        let limit = |seconds| {
            let of_window = self.quotas.iter().filter(|quota| quota.window.as_secs() == seconds);
            of_window.map(|quota| u64::from(quota.calls.get())).min()
        };
        let calls = CallsPicture {
            from,
            to,
            now: None,
            minutes: minutes.clone(),
            ahead: Vec::new(),
            bands: bands(happenings, minutes, limit(3_600), (from, end)),
            per_minute: limit(60),
            per_hour: limit(3_600),
            zone: zone.clone(),
        };
        let left = BurnDown {
            from,
            to,
            now: None,
            devices: tally.devices(),
            so_far: so_far(tally.asked(self.rest()), tally.devices(), minutes, from, to),
            ahead: Vec::new(),
            by_limits: Vec::new(),
            zone: zone.clone(),
        };
        Pictures { calls, left }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Outcome, RunEnd, State};

    #[test]
    fn a_night_that_was_handed_on_lasts_as_long_as_its_own_run_and_what_it_left_stays_left() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (why, before, resume) = ("its window closed".to_owned(), None, None);
        let closed = at("2026-11-25T05:00:00Z");
        let end = RunEnd { at: closed, why, exit_code: 0, before, resume, for_workers: false };
        let opened_at = at("2026-11-24T21:00:00Z");
        let run = LastRun { ended: Some(end), ..LastRun::begun(opened_at) };
        let next = at("2026-11-25T21:00:00Z");
        let one = Story {
            opened_at,
            finished_at: Some(next),
            ended: Some(EndedEarly::HandedOn(Some(Box::new(run)))),
            last_call_at: Some(at("2026-11-24T21:00:30Z")),
            calls: 10,
            quotas: Vec::new(),
            minutes: vec![Minute { at: opened_at, calls: 10, accepted: 10, throttled: 0 }],
            happenings: Vec::new(),
            zone: TimeZone::UTC,
            store: String::new(),
        };
        let mut tally = Tally::default();
        tally.add(State::Done(Outcome::Accepted), 10);
        tally.add(State::Done(Outcome::NotAttempted), 5);
        let left = |story: &Story| story.pictures(&tally).left.so_far.last().unwrap().devices;
        assert_eq!((one.end(), left(&one)), (closed, 5));
        // One that nobody took over is told until its last row.
        let alone = Story { ended: None, ..one };
        assert_eq!((alone.end(), left(&alone)), (next, 5));
    }
}
