//! What the pre-flight found, as the part of the plan that tells it: the groups of devices with
//! what is done about each, counts, and what was not checked. It judges no device.

use std::time::Duration;

use serde_json::{Value, json};

use super::human::{count, counted, duration, field};
use super::jsonl::counts;
use crate::domain::not_understood::Field;
use crate::domain::preflight::{Decision, Group};
use crate::domain::text::{cut, printable};

/// Systems and device groups that the text shows.
const SHOWN: usize = 6;

/// Less than this is no saving.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// One group of devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which.
    pub group: Group,
    /// Its devices: of a group that is skipped those that it skips, else those that are ordered.
    pub devices: u64,
    /// What is done with them.
    pub decision: Decision,
    /// What skipping them saves.
    pub saves: Option<Duration>,
}

/// A word of a list or of the inventory that is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotUnderstood {
    /// What it is about.
    pub field: Field,
    /// The word, as it came.
    pub word: String,
    /// The devices that are ordered all the same.
    pub devices: u64,
}

/// What the pre-flight found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The groups that have devices.
    pub groups: Vec<Found>,
    /// To the last call if nothing were skipped.
    pub without: Option<Duration>,
    /// Systems of the devices that are ordered, the most frequent first.
    pub systems: Vec<(String, u64)>,
    /// Their device groups, likewise.
    pub device_groups: Vec<(String, u64)>,
    /// Words that are not understood, so that nothing follows from them.
    pub not_understood: Vec<NotUnderstood>,
    /// Machines in the tenant's inventory, and the calls that read it and the open scans.
    pub inventory: Option<(u64, u64)>,
    /// What was not checked, and why.
    pub not_checked: Vec<String>,
}

impl Checked {
    /// Rows that are skipped.
    pub fn skipped(&self) -> u64 {
        let skipped = |found: &&Found| matches!(found.decision, Decision::Skip(_));
        self.groups.iter().filter(skipped).map(|found| found.devices).sum()
    }

    pub(super) fn lines(&self, takes: Option<Duration>) -> Vec<String> {
        let mut lines = Vec::new();
        let mut push = |name: &str, text: &str| lines.push(field(name, text));
        if let Some((machines, calls)) = self.inventory {
            let read = counted(calls, "call");
            push("checked", &format!("{} of the tenant, in {read}", counted(machines, "record")));
        }
        for found in &self.groups {
            let (name, what) = (found.group.name(), found.group.what());
            let head = match found.decision {
                Decision::Skip(_) => "skipped",
                Decision::Last => "go last",
                // They overlap, and each is a part of the list.
                Decision::Send => "including",
            };
            let saves = found.saves.filter(|saves| *saves >= WORTH_TELLING);
            let saves = saves.map(|saves| format!("; saves {}", duration(saves)));
            let saves = saves.unwrap_or_default();
            push(head, &format!("{} {name}: {what}{saves}", count(found.devices)));
        }
        if let (Some(without), Some(takes)) = (self.without, takes)
            && without.saturating_sub(takes) >= WORTH_TELLING
        {
            let saved = duration(without - takes);
            push(
                "saved",
                &format!("{saved}: with all devices it would take {}", duration(without)),
            );
        }
        for line in self.not_understood_lines() {
            push("words", &line);
        }
        for (name, list) in [("systems", &self.systems), ("groups", &self.device_groups)] {
            // One that is not told says nothing.
            if list.len() > 1 || list.iter().any(|(name, _)| name != UNKNOWN) {
                push(name, &most(list));
            }
        }
        for line in &self.not_checked {
            push("not checked", &printable(line));
        }
        lines
    }

    /// The same in few lines: each kind of group is one, and what decides nothing is left out.
    pub(super) fn folded(&self) -> Vec<String> {
        let of = |is_meant: fn(Decision) -> bool| {
            let found = self.groups.iter().filter(|found| is_meant(found.decision));
            let found =
                found.map(|found| format!("{} {}", count(found.devices), found.group.name()));
            found.collect::<Vec<_>>().join(", ")
        };
        let skipped = of(|decision| matches!(decision, Decision::Skip(_)));
        let last = of(|decision| decision == Decision::Last);
        // They are ordered, and whoever confirms that should know.
        let included = of(|decision| decision == Decision::Send);
        let groups = [("skipped", skipped), ("go last", last), ("including", included)];
        let groups = groups.iter().filter(|(_, text)| !text.is_empty());
        let mut lines: Vec<String> = groups.map(|(name, text)| field(name, text)).collect();
        lines.extend(self.not_understood_lines().iter().map(|line| field("words", line)));
        lines.extend(self.not_checked.iter().map(|line| field("not checked", &printable(line))));
        lines
    }

    /// One line for each field with words that are not understood.
    fn not_understood_lines(&self) -> Vec<String> {
        let fields = self.not_understood.chunk_by(|one, next| one.field == next.field);
        let line = |words: &[NotUnderstood]| {
            let shown = words.iter().take(SHOWN).map(|one| {
                let word = printable(&cut(&one.word, 40));
                format!("`{word}` {}", counted(one.devices, "device"))
            });
            let shown = shown.collect::<Vec<_>>().join(", ");
            let rest = words.get(SHOWN..).unwrap_or_default();
            let more = match rest.len() {
                0 => String::new(),
                words => {
                    let devices: u64 = rest.iter().map(|one| one.devices).sum();
                    format!(", {} in {words} more words", counted(devices, "device"))
                }
            };
            let what = words.first().map_or("", |one| one.field.what());
            format!("{what} not understood: {shown}{more}, ordered")
        };
        fields.map(line).collect()
    }

    /// The fields of the plan's JSON.
    pub(super) fn json(&self) -> Value {
        let groups = self.groups.iter().map(|found| {
            json!({
                "name": found.group.name(),
                "devices": found.devices,
                "action": match found.decision {
                    Decision::Skip(_) => "skip",
                    Decision::Last => "last",
                    Decision::Send => "send",
                },
                "saves_s": found.saves.map(|saves| saves.as_secs_f64()),
            })
        });
        let of = |list: &[(String, u64)]| {
            counts(list.iter().map(|(name, devices)| (name.as_str(), *devices)))
        };
        json!({
            "groups": groups.collect::<Vec<_>>(),
            "systems": of(&self.systems),
            "device_groups": of(&self.device_groups),
            "not_understood": self.not_understood.iter().map(|one| json!({
                "field": one.field.what(),
                "word": one.word,
                "devices": one.devices,
            })).collect::<Vec<_>>(),
            "duration_without_s": self.without.map(|without| without.as_secs_f64()),
            "inventory": self.inventory.map(|(machines, _)| machines),
            "calls": self.inventory.map_or(0, |(_, calls)| calls),
            "not_checked": self.not_checked,
        })
    }
}

/// What stands for a system or a group that is not told.
pub const UNKNOWN: &str = "not told";

fn most(list: &[(String, u64)]) -> String {
    let shown = list.iter().take(SHOWN);
    let shown = shown.map(|(name, some)| format!("{} {}", count(*some), printable(&cut(name, 40))));
    let mut text = shown.collect::<Vec<_>>().join(", ");
    let rest = list.get(SHOWN..).unwrap_or_default();
    if !rest.is_empty() {
        let devices: u64 = rest.iter().map(|(_, some)| some).sum();
        text.push_str(&format!(", {} in {} more", count(devices), rest.len()));
    }
    text
}
