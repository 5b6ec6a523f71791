//! What the summary tells beyond the tally, counted while a report is written: failures by error
//! code, and where the ordered actions stand. Its memory is bounded, whatever a server answers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::human::count;
use crate::domain::preflight;
use crate::domain::text::{cut, printable};
use crate::domain::{Outcome, Row, Skipped, State};

/// Kinds of failure that are told apart; rows of further kinds are counted under their outcome.
const KINDS_MAX: usize = 1_000;

/// Characters of an example message that are kept.
const MESSAGE_MAX: usize = 300;

/// Rows that failed in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Their outcome.
    pub outcome: Outcome,
    /// The API's error code, or of a scan that failed the status of its action, if there was one.
    pub code: Option<String>,
    /// How many there are.
    pub rows: u64,
    /// The message of the first one, not escaped.
    pub message: Option<String>,
    /// Others have other messages.
    pub differ: bool,
}

impl Group {
    /// It as programs read it.
    pub fn json(&self) -> Value {
        let is_status = self.outcome == Outcome::ScanFailed;
        json!({
            "outcome": self.outcome.distinct_name(),
            "error_code": self.code.as_ref().filter(|_| !is_status),
            "action_status": self.code.as_ref().filter(|_| is_status),
            "rows": self.rows,
            "message": self.message,
        })
    }

    /// What stands before the message, behind what names the group: it may be one row's alone.
    pub(super) fn joint(&self) -> &'static str {
        if self.differ { ", such as: " } else { ": " }
    }
}

/// What is counted of rows that failed in the same way.
#[derive(Clone, Debug, Default)]
struct Kind {
    rows: u64,
    message: Option<String>,
    differ: bool,
}

/// Counts over the rows of a report.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    kinds: BTreeMap<(Outcome, Option<String>), Kind>,
    actions: BTreeMap<String, u64>,
    skipped: Skipped,
}

impl Totals {
    /// Counts one row.
    pub fn add(&mut self, row: &Row) {
        let State::Done(outcome) = row.life.state else { return };
        self.add_action(row);
        if outcome == Outcome::Skipped {
            self.skipped.add(row.detail.reason.as_deref());
        }
        if !outcome.leaves_uncovered() {
            return;
        }
        let code = match outcome {
            Outcome::ScanFailed => &row.detail.action_status,
            _ => &row.detail.error_code,
        };
        let mut kind = (outcome, code.clone());
        if self.kinds.len() >= KINDS_MAX && !self.kinds.contains_key(&kind) {
            kind.1 = None;
        }
        // What an order had to go through says nothing of how its scan went.
        let said = row.detail.message.as_ref().or(row.detail.reason.as_ref());
        let message = said
            .filter(|_| outcome != Outcome::ScanFailed)
            .map(|message| cut(message, MESSAGE_MAX));
        let kind = self.kinds.entry(kind).or_default();
        kind.differ |= kind.rows > 0 && kind.message != message;
        kind.rows += 1;
        kind.message = kind.message.take().or(message);
    }

    /// Counts where the ordered action of one row stands.
    pub(super) fn add_action(&mut self, row: &Row) {
        if let State::Done(outcome) = row.life.state
            && outcome.has_action()
            && let Some(status) = &row.detail.action_status
            && (self.actions.len() < KINDS_MAX || self.actions.contains_key(status))
        {
            *self.actions.entry(status.clone()).or_default() += 1;
        }
    }

    /// The failures, the most frequent first; equally frequent ones in the order of reports.
    pub fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = self
            .kinds
            .iter()
            .map(|((outcome, code), kind)| Group {
                outcome: *outcome,
                code: code.clone(),
                rows: kind.rows,
                message: kind.message.clone(),
                differ: kind.differ,
            })
            .collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.rows));
        groups
    }

    /// The rows that were skipped.
    pub fn skipped(&self) -> &Skipped {
        &self.skipped
    }

    /// What is told beside the outcomes, a sentence each: why rows were skipped, and how far the
    /// ordered scans are; commands stand in backticks.
    pub(super) fn beside(&self) -> Vec<String> {
        let of = |all: Vec<(String, u64)>| {
            all.iter().map(|(name, rows)| format!("{} {name}", count(*rows))).collect::<Vec<_>>()
        };
        let mut told = Vec::new();
        let skipped = self.skipped.by_name();
        if !skipped.is_empty() {
            let by_name = skipped.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect();
            told.push(format!("Skipped: {}.", of(by_name).join(", ")));
        }
        if skipped.iter().any(|(name, _)| *name == preflight::Group::NotOnboarded.name()) {
            let text = "A device that is not onboarded is not protected and cannot be scanned: \
                        onboard it.";
            told.push(text.to_owned());
        }
        if !self.actions.is_empty() {
            let actions = self
                .actions()
                .into_iter()
                .map(|(name, rows)| (printable(&name).replace('`', "'"), rows));
            told.push(format!("Scans when last seen: {}.", of(actions.collect()).join(", ")));
        }
        told
    }

    /// The statuses of the ordered actions as last seen, with how many have them.
    pub fn actions(&self) -> Vec<(String, u64)> {
        self.actions.iter().map(|(status, rows)| (status.clone(), *rows)).collect()
    }
}
