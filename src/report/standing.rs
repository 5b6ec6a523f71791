//! The first sentences about a campaign: where it stands, why no order of it leaves now, and when
//! the next one does. They are the same wherever somebody looks: on a terminal, on a page, in a
//! report. Pure words; the values are read elsewhere.

mod ended;
mod held;

use std::fmt;
use std::time::Duration;

use jiff::{Timestamp, ZonedDateTime};

use super::human::{
    and_attention, and_taken_back, capital, clock, clock_exact, count, counted, duration,
    needing_attention,
};
use crate::domain::text::printable;
pub(super) use ended::how_it_ended;
pub use ended::{because, taking_back_left};

use crate::domain::{
    Campaign, CampaignName, Doing, Exit, LastRun, NotBegun, Quota, Rest, Seen, SeriesName, Tally,
    Timing,
};

/// From how much on it is told that it takes longer than the limits alone ask for.
const LATE: Duration = Duration::from_secs(5 * 60);

/// What the first sentences go by.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The campaign.
    pub campaign: &'a Campaign,
    /// What it does now.
    pub doing: Doing,
    /// It was ended by the next run of its series, which goes on with what waited.
    pub followed: bool,
    /// Where its rows stand.
    pub tally: &'a Tally,
    /// How many calls count against each limit now.
    pub used: &'a [(Quota, u64)],
    /// Those of these limits that are other campaigns' on its budget.
    pub lower: &'a [(Quota, CampaignName)],
    /// When it would be done by its limits and windows alone, from its beginning on.
    pub by_limits: Option<Timestamp>,
    /// The command that goes on with it.
    pub go_on: &'a str,
    /// Now.
    pub now: &'a ZonedDateTime,
}

/// How a sentence is meant: what a colour may underline, and never says alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// It stands still, and somebody has to do something.
    Stopped,
    /// Somebody should look.
    Attention,
    /// It goes on.
    Runs,
    /// It waits, or is over; nobody has to do anything.
    Idle,
    /// It is done and well.
    Good,
}

/// The first sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstSentences {
    /// How they are meant.
    pub tone: Tone,
    /// What it does, as a sentence of a word or two: `Running.`
    pub doing: String,
    /// How far it is, and when it is done.
    pub stands: String,
    /// Whether orders leave now: `No order leaves now, and that is right:`
    pub leaves: &'static str,
    /// Why, when the next one leaves, and what somebody has to do.
    pub why: String,
}

impl fmt::Display for FirstSentences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tone: _, doing, stands, leaves, why } = self;
        let mut parts = [doing, stands, *leaves, why].into_iter().filter(|part| !part.is_empty());
        f.write_str(parts.next().map_or("", |part| part))?;
        parts.try_for_each(|part| write!(f, " {part}"))
    }
}

/// Why no order leaves, and what that means.
struct Why {
    tone: Tone,
    leaves: &'static str,
    why: String,
}

/// How a sentence begins where nothing is wrong.
const RIGHT: &str = "No order leaves now, and that is right:";
/// Where it goes on by itself, and nobody meant it so.
const NOW: &str = "No order leaves now:";
/// Where it goes on when somebody does something.
const STILL: &str = "No order leaves:";

impl Standing<'_> {
    /// The first sentences.
    pub fn first_sentences(&self) -> FirstSentences {
        let Why { tone, leaves, why } = self.why();
        let doing = if self.followed { "ended" } else { self.doing.word() };
        FirstSentences {
            tone,
            doing: format!("{}.", capital(doing)),
            stands: self.stands(),
            leaves,
            why,
        }
    }

    /// How far it is, in percent of its devices; a device that was never asked is not done.
    pub fn percent(&self) -> u64 {
        let devices = self.tally.devices();
        (self.done() * 100).checked_div(devices).unwrap_or(100)
    }

    /// Devices that were asked and are done.
    pub fn done(&self) -> u64 {
        self.tally.asked(self.rest())
    }

    /// Rows that need somebody's attention.
    pub fn attention(&self) -> u64 {
        self.tally.attention(self.rest())
    }

    /// Rows that somebody took back.
    pub fn taken_back(&self) -> u64 {
        self.tally.taken_back(self.rest())
    }

    fn rest(&self) -> Rest {
        Rest::of(self.campaign.called_off, self.followed)
    }

    fn stands(&self) -> String {
        let done = format!(
            "{} of {} done ({} %).",
            count(self.done()),
            counted(self.tally.devices(), "device"),
            self.percent()
        );
        let run = self.campaign.last_run.as_ref();
        match self.doing {
            Doing::Finished | Doing::Cancelled => match self.campaign.finished_at {
                Some(at) => format!("{done} It ended {}.", self.clock(at)),
                None => done,
            },
            Doing::Running | Doing::Waiting => {
                let later = |at: &Timestamp| *at > self.now.timestamp();
                let done_by = run.and_then(|run| run.done_by).filter(later);
                let stops_at = run.and_then(|run| run.stops_at).filter(later);
                match (stops_at, done_by) {
                    (Some(at), _) => {
                        format!("{done} It stops {} before all are ordered.", self.clock(at))
                    }
                    (None, Some(at)) => format!("{done} {}", self.done_by(at)),
                    (None, None) => done,
                }
            }
            _ => done,
        }
    }

    fn done_by(&self, at: Timestamp) -> String {
        let later = self.by_limits.map(|best| between(best, at)).filter(|late| *late >= LATE);
        let later = later.map_or_else(String::new, |late| {
            format!("; {} later than its limits alone ask for", duration(minutes(late)))
        });
        let left = duration(minutes(between(self.now.timestamp(), at)));
        let at = clock(&at.to_zoned_datetime(self.now.time_zone().clone()), self.now);
        format!("All done about {at}, in {left}{later}.")
    }

    fn why(&self) -> Why {
        let run = self.campaign.last_run.as_ref();
        let say = |tone, leaves, why: String| Why { tone, leaves, why };
        let go_on = format!("`{}` goes on.", self.go_on);
        if let Some(why) = self.cancelling_left().filter(|_| self.doing.is_over()) {
            return say(Tone::Stopped, "Nothing more is ordered:", why);
        }
        match self.doing {
            Doing::Finished => self.finished(),
            Doing::Cancelled if self.followed => {
                let beside = and_attention(self.attention());
                let why =
                    format!("what waited in it goes on with the next run of its series{beside}.");
                let how = run.and_then(|run| how_it_ended(run, |at| self.clock(at)));
                let how = how.map_or_else(String::new, |how| format!(" {}.", capital(&how)));
                say(Tone::Idle, "Nothing more is ordered here:", format!("{why}{how}"))
            }
            Doing::Cancelling => {
                let now = self.now.timestamp();
                let by = run.and_then(|run| run.cancelling(now, &Timing::default()));
                let by = by.map_or_else(String::new, |one| {
                    format!(" ({} on {})", printable(&one.by), printable(&one.host))
                });
                let why = format!("`fleetsweep cancel`{by} is taking back what was ordered.");
                say(Tone::Attention, "Nothing more is ordered:", why)
            }
            Doing::Cancelled => self.cancelled(),
            Doing::Paused => {
                let beside = self.beside_the_pause(run);
                let why = format!("somebody paused it by `fleetsweep pause`. {beside}{go_on}");
                say(Tone::Attention, STILL, why)
            }
            Doing::NotBegun => say(Tone::Idle, STILL, format!("no run of it has begun. {go_on}")),
            Doing::ForWorker => {
                let why = format!("it waits for a worker (`fleetsweep work`). Without one {go_on}");
                say(Tone::Idle, STILL, why)
            }
            Doing::Stopped => self.stopped(run),
            Doing::Killed => {
                let seen = run.and_then(|run| run.seen_at).map_or_else(String::new, |at| {
                    let host = run.map(|run| printable(&run.host)).unwrap_or_default();
                    let on = if host.is_empty() { host } else { format!(" on {host}") };
                    format!("; last seen at work{on} {}", self.exact(at))
                });
                let why = match run {
                    Some(run) if run.seen_now == Seen::Gone => {
                        "nobody works on it. Its run was killed"
                    }
                    _ => "nobody works on it. Its run was killed, or its machine went down",
                };
                say(Tone::Stopped, STILL, format!("{why}{seen}. {go_on}{}", self.next_of_series()))
            }
            Doing::Running | Doing::Waiting => match run {
                Some(run) => self.held(run),
                None => say(Tone::Runs, "", String::new()),
            },
        }
    }

    /// That somebody began to take back what it ordered and did not come to an end, and what goes
    /// on with that.
    pub fn cancelling_left(&self) -> Option<String> {
        let run = self.campaign.last_run.as_ref()?;
        let left = run.cancelling_left(self.now.timestamp(), &Timing::default())?;
        Some(taking_back_left(left, |at| self.clock(at), |at| self.exact(at)))
    }

    fn cancelled(&self) -> Why {
        let open = match self.tally.open() {
            0 => String::new(),
            some => format!("; it is not known yet what became of {}", count(some)),
        };
        let beside = and_attention(self.attention()) + &and_taken_back(self.taken_back());
        let why = format!("it was cancelled{beside}{open}.");
        let tone = if self.attention() > 0 { Tone::Attention } else { Tone::Idle };
        Why { tone, leaves: "Nothing more is ordered:", why }
    }

    fn finished(&self) -> Why {
        let why = match self.attention() {
            // A night in which nothing was due is a good one; a list that somebody gave is not.
            0 if self.tally.devices() == 0
                && self.tally.rows() > 0
                && SeriesName::of(&self.campaign.name).is_none() =>
            {
                "No device was ordered: each row was skipped; its report says why.".to_owned()
            }
            0 => {
                let back = and_taken_back(self.taken_back());
                let why = format!("Nothing is left to order{back}.");
                return Why { tone: Tone::Good, leaves: "", why };
            }
            some => format!("{}.", needing_attention(some)),
        };
        Why { tone: Tone::Attention, leaves: "", why }
    }

    fn stopped(&self, run: Option<&LastRun>) -> Why {
        if let Some(not_begun) = run.and_then(|run| run.not_begun.as_ref()) {
            let NotBegun { at, why, next, exit_code, by, host } = not_begun;
            let (at, why) = (self.clock(*at), printable(why));
            let (by, host) = (printable(by), printable(host));
            let next = capital(&printable(next));
            let before = self.stopped_before(run);
            let why = format!(
                "no run of it could begin {at} ({by} on {host}; exit code {exit_code}): {why}. \
                 {next}.{before}"
            );
            return Why { tone: Tone::Stopped, leaves: STILL, why };
        }
        let Some(end) = run.and_then(|run| run.ended.as_ref()) else {
            return Why { tone: Tone::Idle, leaves: "", why: String::new() };
        };
        let (at, why) = (self.clock(end.at), printable(&end.why));
        if end.exit_code == Exit::Done.code() {
            let why = format!("its run ended as planned {at}, since {why}.");
            return Why { tone: Tone::Idle, leaves: RIGHT, why };
        }
        // What stops a run otherwise than planned has a code of its own.
        if end.exit_code == Exit::Attention.code() {
            let rows = counted(self.tally.uncovered(), "row");
            let why = format!("its run ended as planned {at}, since {why}; not covered: {rows}.");
            return Why { tone: Tone::Idle, leaves: RIGHT, why };
        }
        let tone =
            if end.exit_code == Exit::Stopped.code() { Tone::Attention } else { Tone::Stopped };
        let go_on = self.go_on;
        let go_on = match &end.before {
            Some(before) if end.for_workers => {
                let before = capital(&printable(before));
                format!("{before}: a worker tries again by itself; without one: `{go_on}`")
            }
            Some(before) => format!("{}: `{go_on}`", capital(&printable(before))),
            None => format!("`{go_on}` goes on"),
        };
        let code = end.exit_code;
        let why = because(&why);
        // A worker does something, and a rule may keep the next run from beginning.
        let is_open = !end.for_workers && code != Exit::Safety.code();
        let is_told = self.campaign.wave_failed.is_some() || is_open;
        let next = if is_told { self.next_of_series() } else { String::new() };
        let why = format!("its run stopped {at} with exit code {code}{why}. {go_on}.{next}");
        Why { tone, leaves: STILL, why }
    }

    /// What stopped its last run, where none could begin after it: that is not cleared up.
    fn stopped_before(&self, run: Option<&LastRun>) -> String {
        let end = run.and_then(|run| run.ended.as_ref());
        let Some(end) = end.filter(|end| end.exit_code == Exit::Safety.code()) else {
            return String::new();
        };
        let (at, code, why) = (self.clock(end.at), end.exit_code, because(&printable(&end.why)));
        format!(" Its last run had stopped {at} with exit code {code}{why}.")
    }

    /// What its series does if nobody does anything, as a sentence; empty if it is of none.
    fn next_of_series(&self) -> String {
        let next = match self.campaign.wave_failed {
            Some(_) => self.no_run_begins(),
            None => SeriesName::of(&self.campaign.name).map(|series| {
                format!("If nobody does anything, the next run of {series} goes on with it.")
            }),
        };
        next.map_or_else(String::new, |next| format!(" {next}"))
    }

    /// That its series waits for it. Returns `None` if it is of none.
    fn no_run_begins(&self) -> Option<String> {
        let series = SeriesName::of(&self.campaign.name)?;
        Some(format!("Until it goes on or is cancelled no run of {series} begins."))
    }

    fn clock(&self, at: Timestamp) -> String {
        on_or_at(clock(&at.to_zoned_datetime(self.now.time_zone().clone()), self.now))
    }

    fn exact(&self, at: Timestamp) -> String {
        on_or_at(clock_exact(&at.to_zoned_datetime(self.now.time_zone().clone()), self.now))
    }
}

/// `at 14:20 CET`, and `on Wed 25 Nov 14:20 CET` with its day.
fn on_or_at(clock: String) -> String {
    let before = if clock.starts_with(|c: char| c.is_ascii_alphabetic()) { "on" } else { "at" };
    format!("{before} {clock}")
}

/// `1 answer is`, `3 answers are`.
fn are(number: u64, noun: &str) -> String {
    let verb = if number == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(number, noun))
}

/// From one moment to a later one; zero if it is none.
fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// In whole minutes, as far as it has any.
fn minutes(time: Duration) -> Duration {
    let seconds = time.as_secs();
    let rounded = if seconds < 120 { seconds } else { (seconds + 30) / 60 * 60 };
    Duration::from_secs(rounded)
}

#[cfg(test)]
pub(super) mod tests;
