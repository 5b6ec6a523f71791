//! The end of a run, as text and as JSON: what became of the devices, what it took, and what to do
//! next. Accepted means ordered; no line says that a device was scanned.

mod actions;
mod exit;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::advice::counted_as;
use super::document::Document;
use super::human::{and_attention, and_taken_back, count, counted, duration, wrapped};
use super::jsonl::{self, counts, object};
use super::progress::text::{open, rows_of};
use super::record::ReportHead;
use super::stops::{CANCELLED, HANDED_ON, before_resuming, stop_json, stopped_by};
use super::to_do::ToDo;
use super::totals::Group;
use crate::domain::action::has_ended;
use crate::domain::text::printable;
use crate::domain::{Caught, Ending, Exit, Outcome, Rest, SeriesName, Skipped, Stop, Tally};
use actions::actions_text;

/// Time without answers that is worth a word.
const LOST: Duration = Duration::from_secs(1);

/// The same however long the run was, which may have waited for its window for hours.
const LOST_FOR_LONG: Duration = Duration::from_secs(5 * 60);

/// What the end of a run tells.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The campaign.
    pub head: ReportHead,
    /// How the run ended.
    pub ending: Ending,
    /// The signal that stopped it, or came while it ended.
    pub caught: Option<Caught>,
    /// It stopped when and as the plan of a series foresaw: the next run goes on.
    pub planned: bool,
    /// Somebody cancelled the campaign meanwhile, or before.
    pub cancelled: bool,
    /// The next run of its series took over what was left of it, while this one was taken for dead.
    pub handed_on: bool,
    /// It is paused: nothing of it is ordered, and no next run of its series begins.
    pub paused: bool,
    /// Runners of other processes that are at work on the campaign.
    pub others: usize,
    /// Where the rows stand.
    pub tally: Tally,
    /// Failures by code, the most frequent first.
    pub groups: Vec<Group>,
    /// The rows that were skipped, and why.
    pub skipped: Skipped,
    /// Devices were named and nothing of them was ordered, which nobody asked for.
    pub nothing: bool,
    /// The statuses of the ordered actions as last seen, with how many have them.
    pub actions: Vec<(String, u64)>,
    /// Scan calls of this run.
    pub calls: u64,
    /// Those of all runs of its campaign so far.
    pub campaign_calls: u64,
    /// How many of them were answered with 429.
    pub throttled: u64,
    /// How long the run took.
    pub duration: Duration,
    /// How long of that the API, or the sign-in before it, gave no answer of use.
    pub in_vain: Duration,
    /// The rule of `--max-failures` was met when nothing was left to stop: its figures.
    pub rule_met: Option<String>,
    /// The command that goes on with what is open; `None` if there is none.
    pub resume: Option<String>,
    /// The command that orders again what it left uncovered; `None` if its store was temporary.
    pub retry: Option<String>,
    /// The command that tells how the ordered scans end, likewise.
    pub follow: Option<String>,
    /// Where the reports are.
    pub reports: Vec<PathBuf>,
    /// How it ends.
    pub exit: Exit,
}

impl Document for Summary {
    fn text(&self) -> String {
        let mut lines = vec![wrapped(&self.first_line(), 2)];
        if self.head.emulated {
            let text = "EMULATED: it ran against the emulator; no real device was asked.";
            lines.push(wrapped(text, 2));
        }
        if let Some(others) = self.others_text() {
            lines.push(wrapped(&others, 2));
        }
        if let Some(figures) = &self.rule_met {
            let text = format!("Nothing was left for --max-failures to stop: {figures}.");
            lines.push(wrapped(&text, 2));
        }
        self.push_counts(&mut lines);
        self.push_effort(&mut lines);
        self.push_to_do(&mut lines);
        for path in &self.reports {
            lines.push(format!("Report: {}", printable(&path.display().to_string())));
        }
        let skipped = self.skipped_text().map(|text| format!("; {text}")).unwrap_or_default();
        let (code, meaning) = (self.exit.code(), self.meaning());
        lines.push(wrapped(&format!("Exit code {code}: {meaning}{skipped}."), 2));
        lines.join("\n")
    }

    fn line(&self) -> String {
        let finished = self.ending == Ending::Finished;
        let rows = self.tally.by_name().into_iter().filter(|(_, rows)| *rows > 0);
        let mut parts: Vec<String> =
            rows.map(|(name, rows)| rows_of(&self.tally, name, rows, finished)).collect();
        if self.tally.open() > 0 {
            parts.push(format!("{} open", count(self.tally.open())));
        }
        let calls = format!("{} in {}", counted(self.calls, "call"), duration(self.duration));
        let (rows, exit) = (parts.join(", "), self.exit.code());
        format!("{} {rows}; {calls}; exit code {exit}.", self.first_line())
    }

    fn json(&self) -> String {
        let covered = |covered| self.tally.of(Outcome::AlreadyInProgress { covered });
        let (ending, stop) = match &self.ending {
            Ending::Finished => ("finished", None),
            Ending::Stopped(stop) => ("stopped", Some(stop_json(stop, self.caught))),
        };
        let actions = self.actions.iter().map(|(status, rows)| (status.as_str(), *rows));
        jsonl::line(&object! {
            v: 1,
            r#type: "summary",
            campaign: &self.head.campaign,
            tenant: &self.head.tenant,
            scan_type: self.head.scan_type,
            ticket: &self.head.ticket,
            emulated: self.head.emulated,
            ending: ending,
            stop: stop,
            planned: self.planned,
            cancelled: self.cancelled,
            handed_on: self.handed_on,
            paused: self.paused,
            other_runners: self.others,
            rows: self.tally.rows(),
            devices: self.tally.devices(),
            open: self.tally.open(),
            outcomes: counts(self.tally.by_name()),
            scans_failed: self.tally.of(Outcome::ScanFailed),
            skipped: counts(self.skipped.by_name()),
            nothing_ordered: self.nothing,
            already_in_progress: json!({"covered": covered(true), "not_covered": covered(false)}),
            actions: counts(actions),
            failures: self.groups.iter().map(Group::json).collect::<Vec<_>>(),
            calls: self.calls,
            campaign_calls: self.campaign_calls,
            throttled: self.throttled,
            rule_met: &self.rule_met,
            duration_s: self.duration.as_secs_f64(),
            without_answers_s: self.in_vain.as_secs_f64(),
            reports: shown(&self.reports),
            exit_code: self.exit.code(),
        })
    }
}

impl Summary {
    /// Whose what was not ordered is.
    fn rest(&self) -> Rest {
        Rest::of(self.cancelled, self.handed_on)
    }

    /// Why the run ended, as a part of a sentence.
    pub fn why(&self) -> String {
        match &self.ending {
            // The second signal came when no more calls were waited for.
            Ending::Stopped(stop @ Stop::Signal) if self.exit == Exit::LeftAtOnce => {
                format!("{}, and left at once by a second one", stopped_by(stop, self.caught))
            }
            Ending::Finished if self.handed_on => HANDED_ON.to_owned(),
            Ending::Finished if self.cancelled => CANCELLED.to_owned(),
            Ending::Finished => "every row has its outcome".to_owned(),
            Ending::Stopped(stop) if self.handed_on => {
                format!("{}; {HANDED_ON}", stopped_by(stop, self.caught))
            }
            Ending::Stopped(stop) if self.cancelled => {
                format!("{}; {CANCELLED}", stopped_by(stop, self.caught))
            }
            Ending::Stopped(stop @ (Stop::Time | Stop::Window)) if self.paused => {
                format!("{}; it was paused", stopped_by(stop, self.caught))
            }
            Ending::Stopped(stop @ (Stop::Time | Stop::Window)) => {
                stopped_by(stop, self.caught) + &self.in_vain_text()
            }
            Ending::Stopped(stop) => stopped_by(stop, self.caught),
        }
    }

    /// How much of its time was lost, where that is a twentieth of it, or some minutes: who reads
    /// only that it is over would think that the window is too short.
    fn in_vain_text(&self) -> String {
        let is_much = self.in_vain >= LOST_FOR_LONG || self.in_vain * 20 >= self.duration;
        if self.in_vain < LOST || !is_much {
            return String::new();
        }
        let lost = duration(self.in_vain);
        format!("; for {lost} of it the API gave no answer of use")
    }

    fn first_line(&self) -> String {
        let name = &self.head.campaign;
        let rest = self.rest();
        match &self.ending {
            Ending::Finished if self.nothing && self.tally.uncovered() == 0 => {
                format!("Campaign {name} is finished: nothing was ordered.")
            }
            Ending::Finished => {
                let by = match (self.handed_on, self.cancelled) {
                    (true, _) => format!(": {HANDED_ON}"),
                    (false, true) => format!(": {CANCELLED}"),
                    (false, false) => String::new(),
                };
                let beside = and_attention(self.tally.attention(rest))
                    + &and_taken_back(self.tally.taken_back(rest));
                format!("Campaign {name} is finished{by}{beside}.")
            }
            Ending::Stopped(_) if self.planned => {
                let (open, why) = (counted(self.tally.open(), "device"), self.why());
                format!("Campaign {name} stopped as planned: {why}; {open} left.")
            }
            Ending::Stopped(_) => format!("Campaign {name} stopped: {}.", self.why()),
        }
    }

    /// Who believes that everything stopped must know of those that go on.
    fn others_text(&self) -> Option<String> {
        let name = &self.head.campaign;
        let (work, goes) = match self.others {
            0 => return None,
            1 => ("Another process is still running".to_owned(), "goes"),
            some => (format!("{some} other processes are still running"), "go"),
        };
        if self.ending == Ending::Finished {
            return None;
        }
        Some(format!(
            "{work} this campaign and {goes} on ordering; `fleetsweep pause {name}` holds all \
             of them."
        ))
    }

    fn push_counts(&self, lines: &mut Vec<String>) {
        lines.push(wrapped(
            &format!(
                "{} scan, tenant {}{}, {}:",
                self.head.scan_type.api_name(),
                printable(&self.head.tenant),
                self.head.ticket.as_ref().map(|one| format!(", ticket {one}")).unwrap_or_default(),
                counted(self.tally.rows(), "row")
            ),
            2,
        ));
        let mut push = |rows: u64, what: &str| {
            if rows > 0 {
                lines.push(wrapped(&format!("{:>11}  {what}", count(rows)), 13));
            }
        };
        for outcome in Outcome::ALL {
            push(self.tally.of(outcome), counted_as(outcome, self.tally.of(outcome)));
        }
        open(&self.tally).for_each(|(rows, how)| push(rows, &format!("open: {how}")));
    }

    fn push_effort(&self, lines: &mut Vec<String>) {
        let took = duration(self.duration);
        let throttled = match self.throttled {
            0 => String::new(),
            some => format!("; {} answered with 429", count(some)),
        };
        let (calls, all) = (self.calls, self.campaign_calls);
        let of = if all > calls { " of this run" } else { "" };
        let all = if all > calls {
            format!("; {} of all runs of the campaign", count(all))
        } else {
            "".into()
        };
        lines.push(wrapped(
            &format!("{}{of} in {took}{throttled}{all}.", counted(calls, "call")),
            2,
        ));
        if self.tally.ordered() > 0 {
            let has_begun = |(status, _): &(String, u64)| !status.eq_ignore_ascii_case("Pending");
            let still = match self.actions.iter().any(has_begun) {
                true => "",
                false => ": each device still has to do it",
            };
            let goes_on = self.actions.iter().any(|(status, _)| !has_ended(status));
            // Where something is to be done, that comes first.
            let is_well = self.ending == Ending::Finished && self.tally.uncovered() == 0;
            let follow = match self.follow.as_deref().filter(|_| goes_on && is_well) {
                Some(follow) => format!(" `{follow}` tells how the scans end."),
                None => String::new(),
            };
            let text = format!("Accepted means ordered, not scanned{still}.{follow}");
            lines.push(wrapped(&text, 2));
        }
        if let Some(actions) = actions_text(&self.actions) {
            lines.push(wrapped(&actions, 2));
        }
    }

    /// What to do before somebody goes on; `None` if it went as planned.
    pub fn before(&self) -> Option<String> {
        match &self.ending {
            Ending::Stopped(stop) if !self.planned => {
                let series = SeriesName::of(&self.head.campaign).filter(|_| self.paused);
                let before = before_resuming(stop);
                Some(match series {
                    Some(series) => format!(
                        "it is paused, and until that ends no run of {series} begins; {before}"
                    ),
                    None if self.paused => format!("it is paused; {before}"),
                    None => before.to_owned(),
                })
            }
            _ => None,
        }
    }

    /// What somebody can do about the rows.
    fn to_do(&self) -> ToDo<'_> {
        let Self { retry, tally, groups, .. } = self;
        let finished = self.ending == Ending::Finished;
        let rest = self.rest();
        ToDo { retry: retry.as_deref(), tally, groups, finished, rest }
    }

    /// What the next run of its series does with what is left, if nobody does anything.
    fn next_of_series(&self) -> Option<String> {
        let name = &self.head.campaign;
        let series =
            SeriesName::of(name).filter(|_| !self.paused && !self.cancelled && !self.handed_on)?;
        match &self.ending {
            // It does not begin before somebody looked.
            Ending::Stopped(Stop::Wave(_)) | Ending::Finished => None,
            Ending::Stopped(Stop::Time | Stop::Window) => {
                Some(format!("  if nobody does, the next run of {series} goes on with it"))
            }
            Ending::Stopped(_) => Some(format!(
                "  if nobody does, the next run of {series} goes on with it; `fleetsweep pause \
                 {name}` keeps it from that"
            )),
        }
    }

    fn push_to_do(&self, lines: &mut Vec<String>) {
        let before = lines.len();
        if self.planned {
            let text = "  The next run of the series begins with what is left.";
            lines.push(text.into());
        } else if matches!(self.ending, Ending::Stopped(_)) {
            match &self.resume {
                Some(command) => {
                    let before = self.before().unwrap_or_default();
                    lines.push(wrapped(&format!("  {before}:"), 4));
                    lines.push(format!("    {}", printable(command)));
                    lines.extend(self.next_of_series().map(|text| wrapped(&text, 4)));
                }
                None => {
                    let text = "  its store was temporary and is gone, so that nothing goes on \
                                with it: run the same command again";
                    lines.push(wrapped(text, 4));
                }
            }
        }
        lines.extend(self.to_do().lines(2));
        if self.nothing && self.skipped.can_be_kept() {
            let text = "  the report says why each device was skipped; `--keep GROUP` orders it \
                        all the same";
            lines.push(wrapped(text, 4));
        }
        if lines.len() > before {
            lines.insert(before, "What to do:".into());
        }
    }
}

/// Paths as programs read them.
pub(super) fn shown(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}
