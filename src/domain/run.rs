//! The runs of a campaign as its store remembers them: how the latest one goes, which others are at
//! work beside it, and by what signal one was told to stop. Whether a run still lives is told by
//! how long ago it said so.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Timing;
use super::event::HoldReason;
use super::exit::Exit;
use super::history::Ages;
use super::spelling::worded;

/// Runs beside the latest one that are remembered.
const BESIDE_MOST: usize = 64;

/// Where others on its machine find a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessPlace {
    /// The start of the machine, and the numbering of processes in it.
    pub machine: String,
    /// Its number.
    pub pid: u32,
    /// When it was started, in the system's ticks: numbers are given again.
    pub started: u64,
}

/// Whether the process of a run is seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seen {
    /// That cannot be told: it is another machine's, or nobody looked.
    #[default]
    Unknown,
    /// It lives.
    Lives,
    /// It is gone.
    Gone,
}

/// How the latest run of a campaign went, for who asks later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// What tells it from the other runs of its campaign; empty for one of an older version.
    #[serde(default)]
    pub id: String,
    /// When it began.
    pub began_at: Timestamp,
    /// How it ended; `None` while it runs, and after it was killed.
    pub ended: Option<RunEnd>,
    /// When it last said that it runs, by itself or through its process.
    #[serde(default)]
    pub seen_at: Option<Timestamp>,
    /// The process that it is a part of, which says about every `Timing::sign_of_life` that it
    /// lives with all its runs; empty for a run that says so itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub process: String,
    /// Where its reports are, as absolute paths.
    #[serde(default)]
    pub reports: Vec<String>,
    /// The user who began it; empty for one of an older version.
    #[serde(default)]
    pub by: String,
    /// The machine that it runs on; empty for one of an older version.
    #[serde(default)]
    pub host: String,
    /// Where its process is found on that machine, if the system told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_at: Option<ProcessPlace>,
    /// It orders nothing, but cancels what was ordered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancels: bool,
    /// The whole command that goes on with what it leaves, known before it ends; of one that
    /// cancels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<String>,
    /// Whether who read this sees its process.
    #[serde(skip)]
    pub seen_now: Seen,
    /// What it waited for when it was last seen, in words; `None` while it orders.
    #[serde(default)]
    pub waits: Option<String>,
    /// What held its next order when it was last seen, in words: what it waited for, or a limit.
    #[serde(default)]
    pub held_by: Option<String>,
    /// The same as a value; `None` in a store of an older version.
    #[serde(default)]
    pub hold: Option<HoldReason>,
    /// When its next order was to leave, as it saw that itself, if something held it.
    #[serde(default)]
    pub next_order_at: Option<Timestamp>,
    /// When its last answer was likely to be in, as it saw that itself.
    #[serde(default)]
    pub done_by: Option<Timestamp>,
    /// When its time was to be over or its window to close, if that comes before the last order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stops_at: Option<Timestamp>,
    /// How much of the fleet of its series was covered when it ended, if it is one of a series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Ages>,
    /// That none could begin after it, and why, if that was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_begun: Option<NotBegun>,
    /// Runs of other processes that were at work when this was written, and those that ended since
    /// this one began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<LastRun>,
}

impl LastRun {
    /// One that begins now.
    pub fn begun(at: Timestamp) -> Self {
        Self { began_at: at, ..Self::default() }
    }

    /// This run, if it hands its campaign over to the workers, and does nothing else.
    #[must_use]
    pub fn handed_over(self, resume: String) -> Self {
        let (at, why) = (self.began_at, "it was handed over to the workers".to_owned());
        let (before, resume) = (None, Some(resume));
        let end = RunEnd { at, why, exit_code: 0, before, resume, for_workers: true };
        Self { ended: Some(end), ..self }
    }

    /// Whether it waits for a worker to go on with it.
    pub fn is_for_workers(&self) -> bool {
        self.ended.as_ref().is_some_and(|end| end.for_workers)
    }

    /// Whether somebody has to mend something before anybody can go on with it.
    pub fn needs_mending(&self) -> bool {
        let wrong = [Exit::Failed, Exit::Usage, Exit::Refused, Exit::SignIn].map(Exit::code);
        let ended = self.ended.as_ref().is_some_and(|end| wrong.contains(&end.exit_code));
        ended || self.not_begun.is_some()
    }

    /// Whether it runs now, as far as can be told: it has not ended, said so lately, and its
    /// process is not known to be gone.
    pub fn is_alive(&self, now: Timestamp, timing: &Timing) -> bool {
        let lately = now.duration_since(self.seen()).unsigned_abs() < timing.alive_for();
        self.ended.is_none() && self.seen_now != Seen::Gone && lately
    }

    /// Takes in when processes last said that they live: with them, their runs do.
    pub fn seen_with(&mut self, processes: &BTreeMap<String, Timestamp>) {
        self.beside.iter_mut().for_each(|run| run.seen_with(processes));
        if self.ended.is_none() {
            self.seen_at = self.seen_at.max(processes.get(&self.process).copied());
        }
    }

    /// How many of these runs run now outside of this process, which knows of its own.
    pub fn alive_elsewhere(&self, process: &str, now: Timestamp, timing: &Timing) -> usize {
        let is_here = |one: &&Self| !process.is_empty() && one.process == process;
        self.ordering().filter(|one| !is_here(one) && one.is_alive(now, timing)).count()
    }

    /// When the last of these runs is known to be dead unless it says that it lives, if any lives.
    pub fn known_dead_in(&self, now: Timestamp, timing: &Timing) -> Option<Duration> {
        let alive = self.ordering().filter(|one| one.is_alive(now, timing));
        let passed = |one: &Self| now.duration_since(one.seen()).unsigned_abs();
        alive.map(|one| timing.alive_for().saturating_sub(passed(one))).max()
    }

    /// How many of these runs run now, but for the one of this id.
    pub fn alive_but(&self, id: &str, now: Timestamp, timing: &Timing) -> usize {
        let alive = self.ordering().filter(|one| one.id != id && one.is_alive(now, timing));
        alive.count()
    }

    /// This run and those beside it, but for those that cancel.
    fn ordering(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.beside).filter(|one| !one.cancels)
    }

    /// Who took back what was ordered and did not come to an end, if nobody went on with that.
    pub fn cancelling_left(&self, now: Timestamp, timing: &Timing) -> Option<&Self> {
        self.beside.iter().find(|one| one.cancels && !one.is_alive(now, timing))
    }

    /// Who takes back what was ordered, if somebody does so now.
    pub fn cancelling(&self, now: Timestamp, timing: &Timing) -> Option<&Self> {
        self.beside.iter().find(|one| one.cancels && one.is_alive(now, timing))
    }

    /// Who began the run that is at work and where, as a part of a sentence; empty if that is not
    /// known.
    pub fn at_work(&self, now: Timestamp, timing: &Timing) -> String {
        let is_known = |one: &&Self| one.is_alive(now, timing) && !one.host.is_empty();
        let mut alive = self.ordering().filter(is_known);
        match alive.next() {
            Some(run) => format!(" (of {} on {})", run.by, run.host),
            None => String::new(),
        }
    }

    /// What a store keeps after this run said how it goes, given what it kept before. A run that
    /// ended does not hide another one that is at work.
    #[must_use]
    pub fn noted_after(mut self, before: Option<Self>, timing: &Timing) -> Self {
        let now = self.seen();
        if self.cancels {
            return self.noted_beside(before, timing);
        }
        let mut others = Vec::new();
        if let Some(last) = &before
            && self.ended.is_none()
            && last.has_ended(&self.id)
        {
            // A sign of life that was under way when the run ended comes too late.
            return last.clone();
        }
        if let Some(mut last) = before {
            others = std::mem::take(&mut last.beside);
            others.insert(0, last);
        }
        others.retain(|one| one.id != self.id);
        let (mut cancel, others): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|one| one.cancels);
        let (mut alive, mut ended): (Vec<_>, Vec<_>) = others
            .into_iter()
            .filter(|one| one.ended.is_some() || one.is_alive(now, timing))
            .partition(|one| one.ended.is_none());
        alive.sort_by_key(|one| std::cmp::Reverse(one.seen()));
        if self.ended.is_some() {
            if alive.is_empty() {
                self.beside = cancel;
                return self;
            }
            let latest = alive.remove(0);
            ended.insert(0, std::mem::replace(&mut self, latest));
        }
        // What ended before this run began is no news of it.
        ended.retain(|one| one.ended.as_ref().is_some_and(|end| end.at >= self.began_at));
        alive.append(&mut ended);
        alive.append(&mut cancel);
        alive.truncate(BESIDE_MOST);
        alive.iter_mut().for_each(|one| one.beside.clear());
        self.beside = alive;
        self
    }

    /// What a store keeps after one that cancels said how it goes: how the campaign's own run went
    /// stays the first. One that left something is kept until another one goes on with that.
    fn noted_beside(self, before: Option<Self>, timing: &Timing) -> Self {
        let Some(mut last) = before else { return self };
        let now = self.seen();
        let is_over = |one: &Self| one.cancels && !one.is_alive(now, timing);
        last.beside.retain(|one| one.id != self.id && !is_over(one));
        if self.ended.as_ref().is_none_or(|end| end.resume.is_some()) {
            last.beside.insert(0, self);
            last.beside.truncate(BESIDE_MOST);
        }
        last
    }

    /// Whether this run, or one beside it, is that one and has ended.
    fn has_ended(&self, id: &str) -> bool {
        let is_that = |one: &Self| !id.is_empty() && one.id == id && one.ended.is_some();
        is_that(self) || self.beside.iter().any(is_that)
    }

    /// When it ended, or when it last said that it runs, if it did either.
    pub fn over_at(&self) -> Option<Timestamp> {
        self.ended.as_ref().map(|end| end.at).or(self.seen_at)
    }

    fn seen(&self) -> Timestamp {
        self.seen_at.unwrap_or(self.began_at)
    }
}

/// That no run could begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotBegun {
    /// Since when.
    pub at: Timestamp,
    /// Why, as a part of a sentence.
    pub why: String,
    /// What to do, likewise.
    pub next: String,
    /// What that is worth as an exit code.
    pub exit_code: u8,
    /// The user who tried it.
    pub by: String,
    /// The machine on which it was tried.
    pub host: String,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnd {
    /// When.
    pub at: Timestamp,
    /// Why, as a part of a sentence.
    pub why: String,
    /// The exit code of its program.
    pub exit_code: u8,
    /// What to do before that goes on; `None` if it went as planned, or if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The whole command that goes on, if anything can.
    pub resume: Option<String>,
    /// A worker may go on with the campaign: it was handed over, or a worker left it so.
    #[serde(default)]
    pub for_workers: bool,
}

worded! {
    /// The signal that told a run to stop.
    Caught {
        /// Ctrl-C.
        Interrupt = "SIGINT",
        /// What a service manager sends.
        Terminate = "SIGTERM",
        /// The terminal went away.
        Hangup = "SIGHUP",
        /// The limit on CPU time.
        CpuTime = "SIGXCPU",
        /// The window, the session or the machine ends, on Windows: the program is killed within
        /// some five seconds.
        Ending = "CTRL_CLOSE",
    }
}

impl fmt::Display for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self {
            Caught::Interrupt => "Ctrl-C",
            Caught::Terminate => "somebody ended the process",
            Caught::Hangup => "its terminal was closed",
            Caught::CpuTime => "its CPU time is used up",
            Caught::Ending => "its window, session or machine ended",
        };
        write!(f, "{}: {why}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-24T{text}Z").parse().unwrap()
    }

    fn run(id: &str, began: &str, seen: &str) -> LastRun {
        let seen_at = Some(at(seen));
        LastRun { id: id.to_owned(), seen_at, ..LastRun::begun(at(began)) }
    }

    fn ended(run: LastRun, when: &str) -> LastRun {
        let (why, before, resume) = (String::new(), None, None);
        let end = RunEnd { at: at(when), why, exit_code: 5, before, resume, for_workers: false };
        LastRun { ended: Some(end), seen_at: Some(at(when)), ..run }
    }

    fn noted(all: &[LastRun]) -> LastRun {
        let timing = Timing::default();
        let mut kept = None;
        for run in all {
            kept = Some(run.clone().noted_after(kept, &timing));
        }
        kept.unwrap()
    }

    fn beside(run: &LastRun) -> Vec<&str> {
        run.beside.iter().map(|one| one.id.as_str()).collect()
    }

    #[test]
    fn a_run_is_alive_while_it_says_so_and_no_longer() {
        let timing = Timing::default();
        let fresh = LastRun::begun(at("22:00:00"));
        assert!(fresh.is_alive(at("22:00:19"), &timing));
        assert!(!fresh.is_alive(at("22:00:20"), &timing));
        let seen = run("a", "22:00:00", "23:00:00");
        assert!(seen.is_alive(at("23:00:19"), &timing));
        assert!(!ended(seen.clone(), "23:00:01").is_alive(at("23:00:02"), &timing));
        // A wall clock that was set back far.
        assert!(!seen.is_alive(at("21:00:00"), &timing));
    }

    #[test]
    fn a_run_that_says_so_in_time_is_never_taken_for_dead() {
        let timing = Timing::default();
        for scale in [1, 10, 60, 1_000] {
            let timing = timing.scaled(scale);
            // Two signs of life may be lost, or late.
            assert!(timing.sign_of_life() * 3 < timing.alive_for(), "{scale}");
            // One that waits says so half as often, and may be late by as long.
            assert!(timing.sign_of_life() * 2 * 2 <= timing.alive_for(), "{scale}");
        }
    }

    #[test]
    fn a_run_lives_as_long_as_its_process_says_so_unless_it_ended() {
        let timing = Timing::default();
        let of = |run: LastRun| LastRun { process: "p".to_owned(), ..run };
        let processes = BTreeMap::from([("p".to_owned(), at("23:00:00"))]);
        let mut one = of(run("a", "22:00:00", "22:00:00"));
        one.beside = vec![of(run("b", "22:00:00", "22:00:00")), run("c", "22:00:00", "22:00:00")];
        one.seen_with(&processes);
        let now = at("23:00:19");
        assert_eq!(one.alive_but("", now, &timing), 2, "the third belongs to no process");
        assert_eq!(one.alive_elsewhere("p", now, &timing), 0, "a process knows of its own runs");
        assert_eq!(one.known_dead_in(now, &timing), Some(Duration::from_secs(1)));
        assert_eq!(one.known_dead_in(at("23:00:20"), &timing), None);
        let mut over = of(ended(run("a", "22:00:00", "22:00:00"), "22:30:00"));
        over.seen_with(&processes);
        assert_eq!(over.seen_at, Some(at("22:30:00")), "what ended is not seen any more");
    }

    #[test]
    fn a_run_that_stops_does_not_hide_another_one_that_is_at_work() {
        let first = run("first", "22:00:00", "22:10:00");
        let second = run("second", "22:05:00", "22:10:02");
        let stopped = ended(first.clone(), "22:10:05");
        let kept = noted(&[first.clone(), second.clone(), stopped.clone()]);
        assert_eq!((kept.id.as_str(), beside(&kept)), ("second", vec!["first"]));
        assert_eq!(kept.beside[0].ended, stopped.ended);
        let alive = |id: &str| kept.alive_but(id, at("22:10:06"), &Timing::default());
        assert_eq!((alive("first"), alive("second")), (1, 0));
        // When the other one ends too, the latest end is what is told.
        let over = ended(second, "22:20:00");
        let kept = noted(&[kept, over]);
        assert_eq!((kept.id.as_str(), beside(&kept)), ("second", vec![]));
    }

    #[test]
    fn a_killed_run_is_forgotten_beside_one_that_works_and_what_ended_before_it_too() {
        let killed = run("killed", "21:00:00", "21:00:30");
        let old = ended(run("old", "20:00:00", "20:10:00"), "20:10:00");
        let now = run("now", "22:00:00", "22:00:00");
        assert_eq!(beside(&noted(&[killed.clone(), now.clone()])), Vec::<&str>::new());
        assert_eq!(beside(&noted(&[old, now.clone()])), Vec::<&str>::new());
        // One that was only held up for a while comes back.
        let back = LastRun { seen_at: Some(at("22:00:05")), ..killed };
        assert_eq!(beside(&noted(&[now, back])), ["now"]);
    }

    #[test]
    fn one_that_cancels_stands_beside_the_run_of_its_campaign_and_is_no_run_of_it() {
        let timing = Timing::default();
        let over = ended(run("over", "22:00:00", "22:10:00"), "22:10:00");
        let cancels = LastRun { cancels: true, ..run("cancels", "22:20:00", "22:20:00") };
        let kept = noted(&[over.clone(), cancels.clone()]);
        assert_eq!((kept.id.as_str(), &kept.ended), ("over", &over.ended));
        let of =
            |kept: &LastRun, when| kept.cancelling(at(when), &timing).map(|one| one.id.clone());
        assert_eq!(of(&kept, "22:20:05").as_deref(), Some("cancels"));
        assert_eq!(of(&kept, "22:21:00"), None, "it says nothing any more");
        assert_eq!(kept.alive_but("", at("22:20:05"), &timing), 0);
        // A run that goes on meanwhile, and its end, leave it as it is.
        let again = run("again", "22:20:01", "22:20:06");
        let both = noted(&[over.clone(), cancels.clone(), again.clone()]);
        assert_eq!((both.id.as_str(), beside(&both)), ("again", vec!["cancels"]));
        let both = ended(again, "22:20:08").noted_after(Some(both), &timing);
        assert_eq!((both.id.as_str(), of(&both, "22:20:09").is_some()), ("again", true));
        // Its own end takes it away, unless it leaves something.
        let end = ended(cancels.clone(), "22:20:30").noted_after(Some(kept.clone()), &timing);
        assert_eq!((end.id.as_str(), beside(&end)), ("over", vec![]));
        let left = |kept: &LastRun, when| kept.cancelling_left(at(when), &timing).is_some();
        let mut leaves = ended(cancels, "22:20:30");
        leaves.ended.as_mut().unwrap().resume = Some("fleetsweep cancel a".to_owned());
        let stopped = leaves.noted_after(Some(kept.clone()), &timing);
        assert_eq!((beside(&stopped), left(&stopped, "22:20:31")), (vec!["cancels"], true));
        // A killed one too, also after a run that looked at the answers.
        assert!(!left(&kept, "22:20:05") && left(&kept, "22:21:00"));
        let looked = run("looked", "22:30:00", "22:30:00").noted_after(Some(kept), &timing);
        assert!(left(&looked, "22:30:01"));
        // Whoever goes on takes its place.
        let on = LastRun { cancels: true, ..run("on", "22:40:00", "22:40:00") };
        let on = on.noted_after(Some(stopped), &timing);
        assert_eq!((beside(&on), left(&on, "22:40:01")), (vec!["on"], false));
    }

    #[test]
    fn a_run_whose_process_is_gone_is_not_alive_however_lately_it_said_so() {
        let gone = LastRun { seen_now: Seen::Gone, ..run("a", "22:00:00", "22:00:10") };
        assert!(!gone.is_alive(at("22:00:11"), &Timing::default()));
        let lives = LastRun { seen_now: Seen::Lives, ..gone };
        assert!(lives.is_alive(at("22:00:11"), &Timing::default()));
    }

    #[test]
    fn a_run_that_says_again_how_it_goes_is_the_same_one() {
        let first = run("a", "22:00:00", "22:00:00");
        let again = run("a", "22:00:00", "22:00:05");
        let other = run("b", "22:00:01", "22:00:06");
        let kept = noted(&[first, again, other.clone(), run("a", "22:00:00", "22:00:10")]);
        assert_eq!((kept.id.as_str(), beside(&kept)), ("a", vec!["b"]));
        assert_eq!(kept.beside, [other]);
        // A sign of life that was under way when the run ended wakes nobody up.
        let end = ended(run("a", "22:00:00", "22:00:10"), "22:00:12");
        let late = noted(&[end.clone(), run("a", "22:00:00", "22:00:13")]);
        assert_eq!(late, end);
        let many = (0..500).map(|n| run(&n.to_string(), "22:00:00", "22:00:01"));
        assert_eq!(noted(&many.collect::<Vec<_>>()).beside.len(), BESIDE_MOST);
    }
}
