//! What of a finished campaign can be ordered again, by the names that `retry` knows. Which of it
//! `retry` takes by itself, and what is left alone, is its own.

use super::action::has_ended_badly;
use super::outcome::Outcome;

/// Devices that can be ordered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retried {
    /// Those that ended so.
    Ended(Outcome),
    /// Those whose scan was ordered, and failed, timed out or was cancelled on the device, as it
    /// was last seen.
    ScanFailed,
}

impl Retried {
    /// All of them.
    pub const ALL: [Self; 8] = {
        let [a, b, c, d, e, f, g] = Outcome::RETRIED;
        [
            Self::Ended(a),
            Self::Ended(b),
            Self::Ended(c),
            Self::Ended(d),
            Self::Ended(e),
            Self::Ended(f),
            Self::Ended(g),
            Self::ScanFailed,
        ]
    };

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ended(outcome) => outcome.name(),
            Self::ScanFailed => "scan_failed",
        }
    }

    /// What has this name, written with `_` or `-`.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.replace('-', "_");
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// Whether it is a device that ended so, whose action was last seen with this status.
    pub fn takes(self, outcome: Outcome, action_status: Option<&str>) -> bool {
        match self {
            Self::Ended(ended) => ended == outcome,
            Self::ScanFailed => {
                outcome == Outcome::Accepted && action_status.is_some_and(has_ended_badly)
            }
        }
    }
}
