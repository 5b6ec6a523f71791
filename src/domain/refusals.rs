//! Refusals: what one is about, and when so many are the same that the fault is not the devices'.
//! One rule for every status, so that a list is never used up by one fault. Pure; what it counts,
//! and what a stop puts back, is the engine's.
//!
//! | all the same                          | first 20 answers    | 200 in a row        |
//! |---------------------------------------|---------------------|---------------------|
//! | a documented refusal of one device    | goes on             | stops, exit 4       |
//! | 403 that can mean the right is missing| stops, exit 7       | stops, exit 7       |
//! | 404 with the API's code               | stops, exit 4       | stops, exit 4       |
//! | any other refusal                     | stops, exit 4 (1)   | stops, exit 4       |
//! | a page or text that is not the API's  | stops, exit 4       | stops, exit 4       |
//!
//! (1) Not if an earlier run of the campaign stopped for that very refusal: somebody has read it
//! and went on. More than a fifth of at least 50 answers that are 404 stop it as well.

use std::collections::BTreeSet;

use super::outcome::Stop;
use super::refusal::{Refusal, WORDS_MAX, means_the_right};
use super::reply::{Body, Reply};
use super::text::{cut, printable};
use super::verdict::Verdict;

/// Answers after which "all of them" means something.
pub const FIRST_ANSWERS: u64 = 20;

/// Equal refusals in a row that stop a run at any time.
pub const IN_A_ROW: u64 = 200;

/// Answers after which a share means something.
const SHARE_ANSWERS: u64 = 50;

/// Codes of the documented refusals that are about one device ("Common REST API error codes" page):
/// its system, its version, or what its owner allows to be done with it. Many devices of one kind
/// may stand first in a list.
const OF_A_DEVICE: [&str; 4] = [
    "DisallowedOperation",
    "DisabledFeature",
    "OsPlatformNotSupported",
    "ClientVersionNotSupported",
];

/// What a refusal is about, as far as its status and code tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// This device.
    Device,
    /// The right of this application or user, at all or for this device.
    Right,
    /// The server does not know the device.
    Missing,
    /// Not told: the device, the request, or all requests.
    Open,
    /// What answered is not the API, or does not speak as it does.
    Page,
}

/// What refusals are told apart by: status, and code without its case.
pub type Kind = (u16, Option<String>);

/// A whole answer that orders nothing, or from which nobody can say whether it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What it is about.
    pub about: About,
    /// What it is told apart by.
    pub kind: Kind,
    /// The server's own words, cut and safe to show.
    pub words: String,
}

/// The kind of a refusal with this status and code.
pub fn kind(status: u16, code: Option<&str>) -> Kind {
    (status, code.map(|code| cut(code.trim(), WORDS_MAX).to_ascii_lowercase()))
}

/// What a refusal of an order is about.
fn about(refusal: &Refusal) -> About {
    let code = refusal.code.as_deref();
    let known = code.is_some_and(|code| OF_A_DEVICE.iter().any(|one| same(one, code)));
    match refusal.status {
        403 if means_the_right(code) => About::Right,
        404 if code.is_some() => About::Missing,
        400 | 403 | 409 | 422 if known => About::Device,
        _ => About::Open,
    }
}

/// Whether a device that was refused with this code is refused each time: its operating system
/// takes no such order, whatever its owner does ("Common REST API error codes" page). A client that
/// is too old can be brought up to date.
pub fn is_for_good(code: Option<&str>) -> bool {
    code.is_some_and(|code| same("OsPlatformNotSupported", code))
}

fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other.trim())
}

/// What a reply refuses; `None` if it orders, or says nothing of the order: a fault of the server
/// passes, and what was lost is looked up.
pub fn refused(reply: &Reply, verdict: &Verdict) -> Option<Refused> {
    match verdict {
        Verdict::Rejected(refusal) | Verdict::Forbidden(refusal) | Verdict::NotFound(refusal) => {
            Some(Refused {
                about: about(refusal),
                kind: kind(refusal.status, refusal.code.as_deref()),
                words: refusal.words(),
            })
        }
        Verdict::Doubtful { why, status: Some(status) } if *status < 500 && *status != 408 => {
            let Reply::Answer(answer) = reply else { return None };
            // An action that does not say whose it is can still be found in the list.
            if let Body::Action(_) = answer.body {
                return None;
            }
            Some(Refused { about: About::Page, kind: (*status, None), words: printable(why) })
        }
        _ => None,
    }
}

/// The answers of a run, as they come.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// Refusals for which an earlier run of the campaign stopped.
    known: BTreeSet<Kind>,
    all: u64,
    missing: u64,
    /// The refusal that the latest answers have in common, and how many they are.
    row: Option<(Refused, u64)>,
}

impl Answers {
    /// Those of a run that goes on after a stop for these.
    pub fn after(known: BTreeSet<Kind>) -> Self {
        Self { known, ..Self::default() }
    }

    /// Counts an answer that refuses nothing.
    pub fn fine(&mut self) {
        self.all += 1;
        self.row = None;
    }

    /// Counts a refusal.
    pub fn refused(&mut self, refused: &Refused) {
        self.all += 1;
        self.missing += u64::from(refused.kind.0 == 404);
        match &mut self.row {
            Some((row, some)) if row.kind == refused.kind && row.about == refused.about => {
                *some += 1;
            }
            row => *row = Some((refused.clone(), 1)),
        }
    }

    /// Whether a refusal is the one that the latest answers have in common.
    pub fn is_alike(&self, refused: &Refused) -> bool {
        let row = self.row.as_ref();
        row.is_some_and(|(row, _)| row.kind == refused.kind && row.about == refused.about)
    }

    /// How many of the latest answers are the same refusal.
    pub fn in_a_row(&self) -> u64 {
        self.row.as_ref().map_or(0, |(_, some)| *some)
    }

    /// Whether all answers so far are the same refusal.
    pub fn are_all_alike(&self) -> bool {
        self.in_a_row() == self.all
    }

    /// Whether all answers so far are of one page or text that is not the API's.
    pub fn are_only_pages(&self) -> bool {
        let row = self.row.as_ref();
        self.are_all_alike() && row.is_some_and(|(row, _)| row.about == About::Page)
    }

    /// Whether the latest answers say that the right to scan is missing.
    pub fn are_of_a_missing_right(&self) -> bool {
        self.row.as_ref().is_some_and(|(row, _)| row.about == About::Right)
    }

    /// Whether to stop.
    pub fn verdict(&self) -> Option<Stop> {
        if let Some((row, some)) = &self.row {
            let first = *some == self.all && self.all >= FIRST_ANSWERS;
            let stops = match row.about {
                About::Device => false,
                About::Open => first && !self.known.contains(&row.kind),
                About::Right | About::Missing | About::Page => first,
            };
            // Somebody has seen this refusal of devices and gone on: more of them are no news.
            let seen = row.about == About::Device && self.known.contains(&row.kind);
            if stops || (*some >= IN_A_ROW && !seen) {
                return self.stop();
            }
        }
        let many = self.all >= SHARE_ANSWERS && self.missing * 5 > self.all;
        if many { Some(Stop::Safety(self.stale("The latest says"))) } else { None }
    }

    /// The stop where most devices are unknown and something else ends the run before there are
    /// enough answers for a verdict: it would be told for a fault of the server.
    pub fn mostly_missing(&self) -> Option<Stop> {
        let most = self.missing * 2 > self.all;
        if most { Some(Stop::Safety(self.stale("The latest says"))) } else { None }
    }

    /// The stop for the refusal that the latest answers have in common, in the server's words.
    pub fn stop(&self) -> Option<Stop> {
        let (row, some) = self.row.as_ref()?;
        let which = if *some == self.all { "all of the first" } else { "the last" };
        let words = &row.words;
        let (code, status) = (row.kind.1.is_some(), row.kind.0);
        Some(match row.about {
            About::Right => Stop::SignIn(format!(
                "{which} {some} answers are 403, in the server's words: {words}. This application \
                 may not start scans: it needs Machine.Scan, with admin consent; or this user may \
                 not: the role `Active remediation actions` and the device groups are needed; or \
                 the token is for another audience"
            )),
            About::Missing => Stop::Safety(self.stale("The server says")),
            About::Open if status == 410 || (status == 404 && !code) => Stop::Refused(format!(
                "{which} {some} answers are the same: {words}. The address of the API is wrong, \
                 or it is not there any more"
            )),
            About::Device | About::Open => {
                Stop::Refused(format!("{which} {some} answers are the same refusal: {words}"))
            }
            About::Page => Stop::Refused(format!("{which} {some} answers are the same: {words}")),
        })
    }

    fn stale(&self, who: &str) -> String {
        let words = self.row.as_ref().filter(|(row, _)| row.kind.0 == 404);
        let words = words.map(|(row, _)| format!(" {who}: {}", row.words)).unwrap_or_default();
        format!(
            "{} of {} devices are unknown to this tenant: wrong tenant or stale list?{words}",
            self.missing, self.all
        )
    }
}

#[cfg(test)]
mod tests;
