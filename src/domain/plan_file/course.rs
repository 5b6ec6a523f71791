//! Who goes first, in which waves, and what stops it, as a plan file says it and compares it. How
//! it is found out from what was typed is the command line's.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Words, yes_or_no};
use crate::domain::campaign::Differences;
use crate::domain::{DeviceId, MaxFailures};
use sha2::{Digest as _, Sha256};

/// Who goes first, in which waves, and what stops it. The default is what a plan is that says
/// nothing of it: a list in its own order, in one wave that nothing stops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Course {
    /// The devices that go before all others; nothing if none do.
    pub first: Option<First>,
    /// `--order`: `file`, `last-seen` or `value`.
    pub order: String,
    /// `--priority`: `normal` or `high`.
    pub priority: String,
    /// `--expire-pending`.
    pub expire_pending: bool,
    /// Who the canary is; nothing if there is none.
    pub canary: Option<Canary>,
    /// `--waves`: sizes as they were typed, without the rest.
    pub waves: Vec<u64>,
    /// `--wave-wait`; nothing if there are no waves.
    pub wave_wait: Option<String>,
    /// Devices of each wave but the last, as the list was dealt, the canary first.
    pub dealt: Vec<u64>,
    /// The first of these waves is the canary.
    pub begins_with_canary: bool,
    /// `hash_in_order` over the devices of the list, where it is their order that decides who is
    /// in which wave.
    pub rows_hash: Option<String>,
    /// `--max-failures`.
    pub max_failures: Option<MaxFailures>,
}

/// Devices that go before all others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct First {
    /// Absolute paths of their lists.
    pub lists: Vec<String>,
    /// How many they are.
    pub devices: u64,
    /// `hash_in_order` over them.
    pub ids_hash: String,
}

/// Who the canary is, and how long it is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// `--canary`: at most so many devices.
    pub most: Option<u64>,
    /// Who they are.
    pub who: Who,
    /// `--canary-wait`, after `--time-scale`.
    pub wait: String,
}

/// A rule that chooses a canary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Who {
    /// Those that are asked first in any case.
    First,
    /// By lot.
    Drawn {
        /// The seed, which draws the same devices again from the same set.
        seed: u64,
    },
    /// Those with a tag.
    Tagged {
        /// The tag.
        tag: String,
    },
    /// Those of a list.
    Listed {
        /// Its absolute path.
        file: String,
        /// `campaign::hash_of_ids` over its ids.
        ids_hash: String,
    },
}

impl Default for Course {
    fn default() -> Self {
        Self {
            first: None,
            order: "file".to_owned(),
            priority: "normal".to_owned(),
            expire_pending: false,
            canary: None,
            waves: Vec::new(),
            wave_wait: None,
            dealt: Vec::new(),
            begins_with_canary: false,
            rows_hash: None,
            max_failures: None,
        }
    }
}

impl Course {
    pub(super) fn compare_with(&self, now: &Self, found: &mut Differences) {
        // Every field is named, so that none that is added can be forgotten here.
        let Self {
            first,
            order,
            priority,
            expire_pending,
            canary,
            waves,
            wave_wait,
            dealt,
            begins_with_canary,
            rows_hash,
            max_failures,
        } = self;
        compare_first(first.as_ref(), now.first.as_ref(), found);
        found.compare("--order", order, &now.order);
        found.compare("priority", priority, &now.priority);
        found.compare(
            "what waits is cancelled at the end",
            yes_or_no(*expire_pending),
            yes_or_no(now.expire_pending),
        );
        compare_canary(canary.as_ref(), now.canary.as_ref(), found);
        found.compare("--waves", &sizes(waves), &sizes(&now.waves));
        let none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
        found.compare("wait after each wave", &none(wave_wait), &none(&now.wave_wait));
        // What was typed otherwise is told above, and deals otherwise.
        if *waves == now.waves && canary.as_ref().map(who) == now.canary.as_ref().map(who) {
            found.compare("devices of the waves", &sizes(dealt), &sizes(&now.dealt));
            found.compare(
                "the first wave is the canary",
                yes_or_no(*begins_with_canary),
                yes_or_no(now.begins_with_canary),
            );
        }
        // Where the order goes by something else now, or the waves are other ones, that is told.
        let same = *dealt == now.dealt && *order == now.order;
        if same && rows_hash.is_some() && *rows_hash != now.rows_hash {
            let what = "the order of the rows, which decides who is in which wave";
            found.push(format!("{what}: not the one that was planned"));
        }
        let most = |most: Option<MaxFailures>| most.map_or("none".to_owned(), |it| it.to_string());
        found.compare("--max-failures", &most(*max_failures), &most(now.max_failures));
    }
}

/// What of a canary decides how many it is.
fn who(canary: &Canary) -> (Option<u64>, &Who) {
    (canary.most, &canary.who)
}

/// The lists may be elsewhere: what counts is what is in them.
fn compare_first(then: Option<&First>, now: Option<&First>, found: &mut Differences) {
    let devices = |first: Option<&First>| first.map_or(0, |first| first.devices);
    let hash = |first: Option<&First>| first.map(|first| first.ids_hash.clone());
    if hash(then) == hash(now) {
        return;
    }
    let (then, now) = (devices(then), devices(now));
    let same = if then == now { " (not the same ones, or in another order)" } else { "" };
    found.push(format!("devices of --first: {then} planned, {now} now{same}"));
}

fn compare_canary(then: Option<&Canary>, now: Option<&Canary>, found: &mut Differences) {
    let (Some(Canary { most, who, wait }), Some(now)) = (then, now) else {
        let shown =
            |canary: Option<&Canary>| canary.map_or_else(|| "none".to_owned(), ToString::to_string);
        return found.compare("canary", &shown(then), &shown(now));
    };
    found.compare("devices of the canary", &at_most(*most), &at_most(now.most));
    match (who, &now.who) {
        (Who::Listed { file: _, ids_hash }, Who::Listed { file: _, ids_hash: hash }) => {
            if ids_hash != hash {
                found.push("the ids of --canary-file: not the ones that were planned".to_owned());
            }
        }
        (then, now) => found.compare("who the canary is", then, now),
    }
    found.compare("wait after the canary", wait, &now.wait);
}

fn at_most(most: Option<u64>) -> String {
    most.map_or_else(|| "all".to_owned(), |most| most.to_string())
}

fn sizes(sizes: &[u64]) -> String {
    let sizes: Vec<String> = sizes.iter().map(u64::to_string).collect();
    Words(&sizes).to_string()
}

impl fmt::Display for Canary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, wait {}", at_most(self.most), self.who, self.wait)
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::First => f.write_str("the first of the list"),
            Who::Drawn { seed } => write!(f, "drawn with seed {seed}"),
            Who::Tagged { tag } => write!(f, "tag {tag}"),
            Who::Listed { file, ids_hash: _ } => write!(f, "the list {file}"),
        }
    }
}

/// SHA-256 over ids in the order in which they are given.
pub fn hash_in_order(ids: impl IntoIterator<Item = DeviceId>) -> String {
    let mut hash = Sha256::new();
    for id in ids {
        hash.update(id.as_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
