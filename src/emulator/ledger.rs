//! The ledger: what really arrived at the emulator and what became of it. It is the judge of what a
//! client says about itself, so it is written at the arrival and never changed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::message::{Fault, Operation};
use super::meter::Peak;

/// One call that arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Microseconds since the start.
    pub at_us: i64,
    /// Milliseconds since 1970-01-01 UTC, on the service's clock.
    pub utc_ms: i64,
    /// What it asked for.
    pub operation: Operation,
    /// The machine id in the path, as sent.
    pub device: Option<String>,
    /// The comment of a call that scans or cancels, as sent.
    pub comment: Option<String>,
    /// The status of the answer, unless there was none; a cut answer has one.
    pub status: Option<u16>,
    /// The action that the answer is about; of a call that cancels, the one in its path.
    pub action_id: Option<String>,
    /// The call created that action.
    pub accepted: bool,
    /// The call cancelled that action.
    pub cancelled: bool,
    /// The call was not lost before the service looked at it.
    pub processed: bool,
    /// The whole answer was sent.
    pub answered: bool,
    /// What happened to the connection.
    pub fault: Fault,
    /// Why it was answered with 429, if it was.
    pub throttled: Option<Throttled>,
}

/// Why a call was answered with 429.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Throttled {
    /// The caller's own calls were over a limit.
    Excess,
    /// The scenario played it: at random, by script, or by strangers on the same application.
    Scenario,
}

/// A copy of the ledger, with its sums.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// The calls in the order of their arrival.
    pub entries: Vec<Entry>,
    /// The most calls in any window, per operation, application and limit.
    pub peaks: Vec<Peak>,
    /// Scan calls that created an action.
    pub accepted: u64,
    /// Devices on which two or more actions were created, with their number.
    pub accepted_twice: BTreeMap<String, u64>,
    /// Answers with 429 because of the caller's own calls.
    pub throttled_by_excess: u64,
    /// Answers with 429 that the scenario played.
    pub throttled_by_scenario: u64,
}

impl Ledger {
    /// The ledger of these calls.
    pub(super) fn of(entries: &[Entry], peaks: Vec<Peak>) -> Ledger {
        let mut per_device: BTreeMap<&str, u64> = BTreeMap::new();
        for device in entries.iter().filter(|e| e.accepted).filter_map(|e| e.device.as_deref()) {
            *per_device.entry(device).or_default() += 1;
        }
        let throttled = |why| entries.iter().filter(|e| e.throttled == Some(why)).count() as u64;
        Ledger {
            accepted: per_device.values().sum(),
            accepted_twice: per_device
                .into_iter()
                .filter(|&(_, count)| count > 1)
                .map(|(device, count)| (device.to_owned(), count))
                .collect(),
            throttled_by_excess: throttled(Throttled::Excess),
            throttled_by_scenario: throttled(Throttled::Scenario),
            entries: entries.to_vec(),
            peaks,
        }
    }

    /// The most calls of an operation in any half-open window that belongs to the limit of so many
    /// calls, over all applications.
    pub fn sliding_max(&self, operation: Operation, calls: u32) -> u64 {
        let of = |p: &&Peak| p.operation == operation && p.calls == calls;
        self.peaks.iter().filter(of).map(|p| p.sliding_max).max().unwrap_or(0)
    }

    /// How many calls of an operation arrived.
    pub fn count(&self, operation: Operation) -> usize {
        self.entries.iter().filter(|e| e.operation == operation).count()
    }

    /// The actions that calls cancelled, by their ids.
    pub fn cancelled(&self) -> BTreeSet<&str> {
        let done = self.entries.iter().filter(|entry| entry.cancelled);
        done.filter_map(|entry| entry.action_id.as_deref()).collect()
    }
}
