//! What of a finished campaign can be ordered again, by the names that `retry` knows. Which of it
//! `retry` takes by itself, and what it leaves alone, is decided there.

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
    pub const ALL: [Self; 9] = {
        let [a, b, c, d, e, f, g, h] = Outcome::RETRIED;
        [
            Self::Ended(a),
            Self::Ended(b),
            Self::Ended(c),
            Self::Ended(d),
            Self::Ended(e),
            Self::Ended(f),
            Self::Ended(g),
            Self::Ended(h),
            Self::ScanFailed,
        ]
    };

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ended(Outcome::Cancelled { taken_back: false }) => "expired",
            Self::Ended(outcome) => outcome.name(),
            Self::ScanFailed => "scan_failed",
        }
    }

    /// All that have this name, or this outcome in the report, written with `_` or `-`.
    pub fn named(name: &str) -> Vec<Self> {
        let name = name.replace('-', "_");
        let is_meant = |one: &Self| match one {
            Self::Ended(outcome) => one.name() == name || outcome.name() == name,
            Self::ScanFailed => one.name() == name,
        };
        Self::ALL.into_iter().filter(is_meant).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_device_is_of_one_kind_at_most_and_a_scan_failed_only_if_it_was_ordered_and_stands() {
        for outcome in Outcome::ALL {
            for status in [None, Some("Pending"), Some("Succeeded"), Some("TimeOut")] {
                let of = Retried::ALL.into_iter().filter(|kind| kind.takes(outcome, status));
                assert!(of.count() <= 1, "{outcome:?} {status:?}");
            }
        }
        let failed = |outcome, status| Retried::ScanFailed.takes(outcome, Some(status));
        for status in ["Failed", "TimeOut", "Cancelled"] {
            assert!(failed(Outcome::Accepted, status));
            for taken_back in [true, false] {
                assert!(!failed(Outcome::Cancelled { taken_back }, status), "it was fleetsweep");
            }
        }
        assert!(!failed(Outcome::Accepted, "Succeeded") && !failed(Outcome::Accepted, "Pending"));
        assert_eq!(Retried::named("scan-failed"), [Retried::ScanFailed]);
        let cancelled =
            [true, false].map(|taken_back| Retried::Ended(Outcome::Cancelled { taken_back }));
        assert_eq!(Retried::named("cancelled"), cancelled, "so the report calls both");
        assert_eq!(Retried::named("expired"), cancelled[1..]);
        assert_eq!(Retried::named("accepted"), []);
    }
}
