//! The words of `status`: whether a campaign runs, waits, is paused, stopped, was killed or is
//! over, and what to do next.

use jiff::{Timestamp, ZonedDateTime};

use super::standing::CampaignStatus;
use crate::clock::local_now;
use crate::domain::text::printable;
use crate::domain::{
    CampaignState, Doing, LastRun, Night, Outcome, Priority, Quota, Rest, RunEnd, Seen, Timing,
};
use crate::report::progress::text::{open, rows_of, wave};
use crate::report::standing::{Tone, because};
use crate::report::to_do::ToDo;
use crate::report::{Document, happenings, human};

/// Happenings that people are told; programs are told all.
const LAST: usize = 5;

impl Document for CampaignStatus {
    fn text(&self) -> String {
        self.words(&local_now())
    }

    fn json(&self) -> String {
        self.to_json()
    }
}

impl CampaignStatus {
    /// What it does, in a word or two. Nobody cancelled what the next run of a series took over.
    pub(crate) fn does(&self) -> &'static str {
        match self.cancelling_left() {
            _ if self.followed => "handed on",
            Some(_) if self.doing.is_over() => "not all cancelled",
            _ => self.doing.word(),
        }
    }

    fn words(&self, now: &ZonedDateTime) -> String {
        let mut lines = vec![human::wrapped(&self.headline(), 2)];
        let Self { campaign, tally, .. } = self;
        // Of one campaign it is told whole, of many in short.
        let standing = self.standing(None, &self.go_on, now);
        let first = standing.first_sentences();
        if self.happenings.is_some() {
            let said = format!("{} {}", first.leaves, first.why);
            lines.push(human::wrapped(&format!("  {}", said.trim_start()), 2));
        }
        let left = standing.cancelling_left();
        lines.extend(
            left.filter(|left| self.happenings.is_none() || *left != first.why)
                .map(|left| line(&left)),
        );
        lines.push(line(&format!(
            "{} scan, tenant {}, \"{}\", since {}{}",
            campaign.order.scan_type,
            campaign.order.target.tenant,
            campaign.order.text(),
            moment(campaign.opened_at, now),
            self.by(),
        )));
        let ended = self.ended();
        if !ended.is_empty() {
            lines.push(line(&ended.join(", ")));
        }
        if tally.open() > 0 {
            let open = open(tally).map(|(rows, how)| format!("{} {how}", human::count(rows)));
            lines.push(line(&format!("open: {}", open.collect::<Vec<_>>().join("; "))));
            lines.push(line(&format!("limits used: {}", human::used_of(&self.used, &self.named))));
            lines.extend(self.lower.iter().map(|(quota, name)| {
                line(&format!(
                    "{} is the limit of the open campaign {name}, and holds this one too until \
                     that one is over",
                    human::quota(quota)
                ))
            }));
            lines.extend(self.before.iter().map(|name| {
                line(&format!(
                    "waits for campaign {name} (priority high) while a runner is at work on it"
                ))
            }));
            lines.extend(self.wave_text(now));
        }
        // Without an open row it is not looked up yet what was in the way of some.
        if tally.open() > 0 || campaign.state == CampaignState::Open {
            lines.extend(self.run_text(now));
        }
        lines.extend(self.to_do());
        let all = self.happenings.as_deref().unwrap_or_default();
        let last = &all[all.len().saturating_sub(LAST)..];
        if !last.is_empty() {
            lines.push("  what happened last:".to_owned());
            lines.extend(last.iter().map(|one| happenings::line(one, now)));
        }
        lines.join("\n")
    }

    /// Its rows that have ended, by how; those that the next run of its series has together.
    fn ended(&self) -> Vec<String> {
        let (tally, rest) = (&self.tally, self.rest());
        let is_here = |name: &str| {
            !Outcome::ALL.into_iter().any(|one| one.name() == name && rest.is_handed_on(one))
        };
        let named = tally.by_name().into_iter().filter(|(name, rows)| *rows > 0 && is_here(name));
        let finished = self.campaign.state == CampaignState::Finished;
        let mut ended: Vec<String> =
            named.map(|(name, rows)| rows_of(tally, name, rows, finished)).collect();
        if self.handed_on() > 0 {
            ended.push(format!("{} handed on to the next run", human::count(self.handed_on())));
        }
        ended
    }

    pub(super) fn rest(&self) -> Rest {
        Rest::of(self.campaign.called_off, self.followed)
    }

    /// How people are to take it at a glance, where its first sentences are meant so: rows that
    /// need somebody do so too where it ended as its plan foresaw.
    pub(crate) fn at_a_glance(&self, tone: Tone) -> Tone {
        let last = self.campaign.last_run.as_ref();
        let is_planned = match self.doing {
            Doing::Cancelled => {
                self.followed && Night::of(self.doing, last, true) == Night::AsPlanned
            }
            doing => doing == Doing::Stopped && tone == Tone::Idle,
        };
        if is_planned && self.attention() > 0 { Tone::Attention } else { tone }
    }

    /// Rows that need somebody's attention.
    pub(crate) fn attention(&self) -> u64 {
        self.tally.attention(self.rest())
    }

    /// Devices that the next run of its series has.
    pub(crate) fn handed_on(&self) -> u64 {
        self.tally.handed_on(self.rest())
    }

    /// Its own limits and those that the server named, with what counts against them.
    pub(crate) fn own_limits(&self) -> Vec<(Quota, u64)> {
        let is_anothers = |quota: &Quota| self.lower.iter().any(|(other, _)| other == quota);
        self.used.iter().filter(|(quota, _)| !is_anothers(quota)).copied().collect()
    }

    /// Devices that were asked and are done.
    pub(crate) fn asked(&self) -> u64 {
        self.tally.asked(self.rest())
    }

    /// What somebody can do about the rows of a finished campaign, and where its report is.
    fn to_do(&self) -> Vec<String> {
        let Some(groups) = self.groups.as_deref() else { return Vec::new() };
        let rest = self.rest();
        let to_do = ToDo {
            retry: Some(&self.retry),
            tally: &self.tally,
            groups,
            finished: self.campaign.state == CampaignState::Finished,
            rest,
        };
        let to_do = to_do.lines(4);
        if to_do.is_empty() {
            return to_do;
        }
        let again = self.ordered_again.as_ref().map(|(again, status)| {
            line(&format!("  {again} was begun to order these again: see `{status}` first"))
        });
        let to_do = [again.into_iter().collect(), to_do].concat();
        let reports = self.campaign.last_run.iter().flat_map(|run| &run.reports);
        let reports = reports.map(|path| line(&format!("report: {path}")));
        [vec!["  what to do:".to_owned()], to_do, reports.collect()].concat()
    }

    /// The campaign, what it does, and how far it is. A device that was never asked is not done.
    fn headline(&self) -> String {
        let Self { campaign, tally, .. } = self;
        let emulated = if campaign.emulated { "EMULATED " } else { "" };
        let high = campaign.priority == Priority::High;
        let priority = if high { ", priority high" } else { "" };
        let aside = match (tally.of(Outcome::NotAttempted), self.handed_on()) {
            (0, 0) => String::new(),
            (some, 0) => format!(", {} not attempted", human::count(some)),
            (_, some) => format!(", {} handed on", human::count(some)),
        };
        format!(
            "{emulated}{}: {}{priority}, {} of {} devices done{aside}",
            campaign.name,
            self.does(),
            human::count(self.asked()),
            human::count(tally.devices()),
        )
    }

    /// Who began it and where, if that is known.
    fn by(&self) -> String {
        match &self.begun {
            Some(begun) if !begun.host.is_empty() => {
                format!(", by {} on {}", begun.by, begun.host)
            }
            _ => String::new(),
        }
    }

    /// How its present wave stands, if another one follows.
    fn wave_text(&self, now: &ZonedDateTime) -> Option<String> {
        let text = match &self.campaign.wave_failed {
            Some(failure) => {
                format!("{}; `resume` asks before it goes on", printable(&failure.to_string()))
            }
            None => wave(self.wave.as_ref()?, now),
        };
        Some(human::wrapped(&format!("  {text}"), 4))
    }

    /// Why no run of it could begin, where the first sentences do not tell it.
    fn not_begun_text(&self, run: &LastRun, now: &ZonedDateTime) -> Vec<String> {
        let Some(one) = run.not_begun.as_ref().filter(|_| self.happenings.is_none()) else {
            return Vec::new();
        };
        let (at, code, why) = (moment(one.at, now), one.exit_code, because(&one.why));
        let told = format!("no run of it could begin {at} (exit code {code}){why}");
        vec![line(&told), line(&format!("what to do: {}", one.next))]
    }

    /// Who works on it, or why nobody does, and what to do next.
    fn run_text(&self, now: &ZonedDateTime) -> Vec<String> {
        let Self { campaign, go_on: resume, .. } = self;
        let command = |command: &str| format!("    {}", printable(command));
        let run = campaign.last_run.as_ref();
        let mut lines = Vec::new();
        if self.doing == Doing::Cancelling {
            return lines;
        }
        if self.followed {
            let told = "handed on: what waited in it goes on with the next run of its series";
            return vec![line(told)];
        }
        if self.doing == Doing::Cancelled {
            let told = "  cancelled: nothing more is ordered; to find out what became of the rest:";
            return vec![told.to_owned(), command(resume)];
        }
        if self.doing == Doing::Paused {
            lines.push("  paused by `fleetsweep pause`: nothing is ordered; to go on:".to_owned());
            lines.push(command(resume));
        }
        let Some(run) = run else {
            lines.push("  no run of it has begun; to go on:".to_owned());
            lines.push(command(resume));
            return lines;
        };
        let alive = run.is_alive(self.read_at, &Timing::default());
        lines.extend(self.not_begun_text(run, now));
        match &run.ended {
            Some(end) => {
                // The first sentences have told it, with what to do.
                let is_told = self.happenings.is_some() && self.doing == Doing::Stopped;
                if !is_told {
                    lines.push(line(&stopped("stopped", end, now)));
                }
                if self.doing == Doing::ForWorker {
                    lines.push(if self.is_over() {
                        "  its time is over (--until); to go on:".to_owned()
                    } else {
                        "  a worker (`fleetsweep work`) goes on; without one:".to_owned()
                    });
                    lines.push(command(resume));
                } else if self.doing != Doing::Paused {
                    if let Some(before) = end.before.as_ref().filter(|_| !is_told) {
                        lines.push(line(&format!("what to do: {before}")));
                    }
                    lines.push(line(&format!("to go on{}:", self.calls_left())));
                    lines.push(command(resume));
                }
            }
            None if alive => lines.extend(self.alive_text(run, now)),
            None => {
                let seen = run.seen_at.map_or_else(|| "never".to_owned(), |at| moment(at, now));
                let killed = match run.seen_now {
                    Seen::Gone => "its run was killed: its process is gone",
                    _ => "no run is seen at work: it was killed, or its machine went down",
                };
                lines.push(line(&format!(
                    "{killed}; begun: {}; last seen at work: {seen}; last call: {}",
                    moment(run.began_at, now),
                    self.last_call(now),
                )));
                if self.doing != Doing::Paused {
                    lines.push(line(&format!("to go on{}:", self.calls_left())));
                    lines.push(command(resume));
                }
            }
        }
        lines
    }

    /// A run that is at work, and those beside it.
    fn alive_text(&self, run: &LastRun, now: &ZonedDateTime) -> Vec<String> {
        let doing = match (&run.waits, self.doing) {
            (_, Doing::Paused) => "a run waits for that".to_owned(),
            (Some(waits), _) => format!("runs now, {}", printable(waits)),
            (None, _) => match &run.held_by {
                Some(held_by) => format!("runs now, {}", printable(held_by)),
                None => "runs now".to_owned(),
            },
        };
        let next = run.next_order_at.filter(|at| *at > now.timestamp());
        let next = match next {
            Some(at) if self.doing != Doing::Paused => {
                format!("; next order about {}", human::clock(&zoned(at, now), now))
            }
            _ => String::new(),
        };
        let clock = |at| human::clock(&zoned(at, now), now);
        let end = match (run.stops_at, run.done_by) {
            _ if self.doing == Doing::Paused => String::new(),
            (Some(at), _) => format!("; stops at {}, before all are ordered", clock(at)),
            (None, Some(at)) => format!("; done about {}", clock(at)),
            (None, None) => String::new(),
        };
        // Of another machine only its signs tell that it lives.
        let sign = match (run.seen_now, run.seen_at) {
            (Seen::Unknown, Some(at)) => {
                let ago = human::duration(self.read_at.duration_since(at).unsigned_abs());
                let host = printable(&run.host);
                format!(
                    "; last sign of life: {ago} ago{}{host}",
                    if host.is_empty() { "" } else { " on " }
                )
            }
            _ => String::new(),
        };
        let begun = moment(run.began_at, now);
        let mut lines = vec![line(&format!(
            "{doing}, begun: {begun}; last call: {}{next}{end}{sign}",
            self.last_call(now)
        ))];
        match run.alive_but(&run.id, self.read_at, &Timing::default()) {
            0 => {}
            1 => lines.push("  another run of it is at work beside that one".to_owned()),
            some => lines.push(format!("  {some} other runs of it are at work beside that one")),
        }
        let others = run.beside.iter().filter(|one| !one.cancels);
        let ended = others.filter_map(|one| one.ended.as_ref());
        lines.extend(ended.map(|end| line(&stopped("another run stopped", end, now))));
        lines
    }

    fn last_call(&self, now: &ZonedDateTime) -> String {
        self.campaign.last_call_at.map_or_else(|| "none yet".to_owned(), |at| moment(at, now))
    }

    /// How long the calls take that are left, once somebody goes on.
    fn calls_left(&self) -> String {
        let Some(left) = self.calls_take else { return String::new() };
        let calls = format!(", which takes {}", human::duration(left));
        match (&self.hours, self.in_hours) {
            (Some(hours), Some(left)) => {
                let left = human::duration(left);
                format!("{calls}, spread over {left} by its hours {hours}")
            }
            _ => calls,
        }
    }
}

fn stopped(what: &str, end: &RunEnd, now: &ZonedDateTime) -> String {
    format!("{what} {}, exit code {}{}", moment(end.at, now), end.exit_code, because(&end.why))
}

fn line(text: &str) -> String {
    human::wrapped(&format!("  {}", printable(text)), 4)
}

fn moment(at: Timestamp, now: &ZonedDateTime) -> String {
    human::moment(&zoned(at, now))
}

fn zoned(at: Timestamp, now: &ZonedDateTime) -> ZonedDateTime {
    at.to_zoned_datetime(now.time_zone().clone())
}
