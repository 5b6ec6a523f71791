//! What waves mean for a plan: who the canary is, how large each wave is and when it begins, and
//! how many failures end it. It is handed the figures and computes none.

use std::time::Duration;

use jiff::ZonedDateTime;
use serde::Serialize;

use super::human::{count, counted, duration, field, moment};
use super::jsonl::object;
use crate::domain::MaxFailures;
use crate::domain::canary::CanaryRule;
use crate::domain::text::printable;

/// Waves that the text names.
const SHOWN: usize = 10;

/// The waves of a plan that are still to come; none if it has only one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Waves {
    /// The present one and those after it.
    pub waves: Vec<Wave>,
    /// Who the canary is, unless it was chosen before.
    pub canary: Option<Canary>,
    /// From how many failures on the run stops, if that was asked for.
    pub max_failures: Option<MaxFailures>,
}

/// One wave.
#[derive(Clone, Debug, PartialEq)]
pub struct Wave {
    /// What it is called.
    pub name: String,
    /// Its devices.
    pub devices: u64,
    /// When it begins, as far as it can be foreseen; `None` for one that has begun.
    pub begins: Option<ZonedDateTime>,
    /// How long is waited after it; `None` after the last one.
    pub wait: Option<Duration>,
}

/// Which devices are the canary.
#[derive(Clone, Debug, PartialEq)]
pub struct Canary {
    /// The rule that chose them.
    pub rule: CanaryRule,
    /// How many there are.
    pub devices: u64,
    /// How many were asked for, if a number was given.
    pub wanted: Option<u64>,
}

impl Waves {
    /// Lines for a plan.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (number, wave) in self.waves.iter().take(SHOWN).enumerate() {
            let is_canary = number == 0 && self.canary.is_some();
            let option = if is_canary { "--canary-wait" } else { "--wave-wait" };
            lines.push(field(if number == 0 { "waves" } else { "" }, &wave.text(option)));
        }
        let more = self.waves.len().saturating_sub(SHOWN);
        if more > 0 {
            lines.push(field("", &format!("and {}", counted(more as u64, "more wave"))));
        }
        if let Some(canary) = &self.canary {
            lines.push(field("canary", &canary.text()));
        }
        let run = self.max_failures.map(|most| match most {
            MaxFailures::Share(_) => format!("{most} or more of at least 50 results stop the run"),
            MaxFailures::Count(most) => format!("{} or more stop the run", count(most)),
        });
        let mut rules = Vec::new();
        if !self.waves.is_empty() {
            rules.push(match self.of_a_wave() {
                MaxFailures::Share(_) => format!("{} or more of a wave stop it", self.of_a_wave()),
                MaxFailures::Count(most) => format!("{} or more in a wave stop it", count(most)),
            });
        }
        rules.extend(run);
        if !rules.is_empty() {
            lines.push(field("failures", &rules.join("; ")));
        }
        lines
    }

    /// What programs read of them. Returns `None` if there is only one wave.
    pub(super) fn json(&self) -> Option<impl Serialize> {
        if self.waves.is_empty() {
            return None;
        }
        Some(object! {
            list: self.waves.iter().map(Wave::json).collect::<Vec<_>>(),
            canary: self.canary.as_ref().map(Canary::json),
            max_failures: self.of_a_wave().to_string(),
        })
    }

    fn of_a_wave(&self) -> MaxFailures {
        self.max_failures.unwrap_or(MaxFailures::OF_A_WAVE)
    }
}

impl Wave {
    /// `option` sets how long is waited after it.
    fn text(&self, option: &str) -> String {
        let begins = match &self.begins {
            Some(at) => moment(at),
            None => "has begun".to_owned(),
        };
        let judged = match self.wait {
            Some(wait) if wait.is_zero() => "; judged when it is over".to_owned(),
            Some(wait) => format!("; judged {} after it is over ({option})", duration(wait)),
            None => String::new(),
        };
        let devices = counted(self.devices, "device");
        format!("{}: {devices}, {begins}{judged}", self.name)
    }

    fn json(&self) -> impl Serialize {
        object! {
            name: &self.name,
            devices: self.devices,
            begins_at: self.begins.as_ref().map(ZonedDateTime::timestamp),
            wait_s: self.wait.map(|wait| wait.as_secs_f64()),
        }
    }
}

impl Canary {
    fn text(&self) -> String {
        let some = counted(self.devices, "device");
        let who = match &self.rule {
            CanaryRule::First => format!("the first {some} in the order of the list"),
            CanaryRule::Drawn(seed) => {
                format!("{some}, drawn at random; the same again with --canary-seed {seed}")
            }
            CanaryRule::Tagged(tag) => format!("{some} with the tag `{}`", printable(tag)),
            CanaryRule::Listed(file) => format!("{some} of {}", printable(file)),
        };
        match self.wanted.filter(|wanted| *wanted > self.devices) {
            Some(wanted) => format!("{who}; {} were asked for, no more were found", count(wanted)),
            None => who,
        }
    }

    fn json(&self) -> impl Serialize {
        let (rule, seed, tag, file) = match &self.rule {
            CanaryRule::First => ("first", None, None, None),
            CanaryRule::Drawn(seed) => ("random", Some(*seed), None, None),
            CanaryRule::Tagged(tag) => ("tag", None, Some(tag.as_str()), None),
            CanaryRule::Listed(file) => ("file", None, None, Some(file.as_str())),
        };
        object! {
            rule: rule,
            devices: self.devices,
            wanted: self.wanted,
            seed: seed,
            tag: tag,
            file: file,
        }
    }
}
