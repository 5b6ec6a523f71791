//! How a device or a row ended, and how a whole campaign ended. Only names and what follows from
//! them; `lifecycle` decides which one it is.

use super::Exit;
use std::fmt;

/// How a row ended in a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The server created our action. That is an order, not yet a scan.
    Accepted,
    /// The server created our action, and the scan failed, timed out or was cancelled on its device
    /// by somebody else, as it was last seen.
    ScanFailed,
    /// A scan was already in progress: somebody's, or an older one.
    AlreadyInProgress {
        /// Whether that scan is of the asked type or wider and recent enough to do.
        covered: bool,
    },
    /// The server refuses this device.
    Rejected,
    /// The server does not know this device, asked twice.
    NotFound,
    /// Its tries came to nothing and no action of ours exists, or the action had failed already
    /// when the server told of it.
    Failed,
    /// A call was sent and nobody can say what became of it.
    Unknown,
    /// It was never ordered and never will be in this campaign.
    NotAttempted,
    /// The server created our action, and this program cancelled it before it had ended.
    Cancelled {
        /// Whether somebody took it back with `fleetsweep cancel`; otherwise its window or its time
        /// was over, and a scan is wanted still.
        taken_back: bool,
    },
    /// The row holds no device.
    BadRow,
    /// The device stands in an earlier row.
    Duplicate,
    /// It is not ordered, as the plan said.
    Skipped,
}

impl Outcome {
    /// Every outcome, in the order of reports.
    pub const ALL: [Outcome; 14] = [
        Outcome::Accepted,
        Outcome::ScanFailed,
        Outcome::AlreadyInProgress { covered: true },
        Outcome::AlreadyInProgress { covered: false },
        Outcome::Rejected,
        Outcome::NotFound,
        Outcome::Failed,
        Outcome::Unknown,
        Outcome::NotAttempted,
        Outcome::Cancelled { taken_back: true },
        Outcome::Cancelled { taken_back: false },
        Outcome::BadRow,
        Outcome::Duplicate,
        Outcome::Skipped,
    ];

    /// The outcomes that `retry` takes: all that leave a device uncovered but a bad row,
    /// which holds no device.
    pub const RETRIED: [Outcome; 9] = [
        Outcome::ScanFailed,
        Outcome::Rejected,
        Outcome::NotFound,
        Outcome::Failed,
        Outcome::Unknown,
        Outcome::NotAttempted,
        Outcome::Cancelled { taken_back: true },
        Outcome::Cancelled { taken_back: false },
        Outcome::AlreadyInProgress { covered: false },
    ];

    /// The word of reports. A scan that failed was accepted; how it ended stands beside that.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Accepted | Outcome::ScanFailed => "accepted",
            Outcome::AlreadyInProgress { .. } => "already_in_progress",
            Outcome::Rejected => "rejected",
            Outcome::NotFound => "not_found",
            Outcome::Failed => "failed",
            Outcome::Unknown => "unknown",
            Outcome::NotAttempted => "not_attempted",
            Outcome::Cancelled { .. } => "cancelled",
            Outcome::BadRow => "bad_row",
            Outcome::Duplicate => "duplicate",
            Outcome::Skipped => "skipped",
        }
    }

    /// The word for it where what is ordered again is told from what is not, though reports have
    /// one word for both: in `retry`, on pages, in metrics.
    pub const fn distinct_name(self) -> &'static str {
        match self {
            Outcome::ScanFailed => "scan_failed",
            Outcome::Cancelled { taken_back: false } => "expired",
            other => other.name(),
        }
    }

    /// The outcomes that `retry` takes by this word, written with `_` or `-`.
    pub fn distinct_named(word: &str) -> Vec<Outcome> {
        let word = word.replace('-', "_");
        let is_meant = |one: &Outcome| {
            one.distinct_name() == word || (one.name() == word && *one != Outcome::ScanFailed)
        };
        Self::RETRIED.into_iter().filter(is_meant).collect()
    }

    /// Whether the device has, or is about to have, the scan that was asked for.
    pub fn covers(self) -> bool {
        matches!(self, Outcome::Accepted | Outcome::AlreadyInProgress { covered: true })
    }

    /// Whether a scan was ordered that nobody here took back, however it went there.
    pub fn is_ordered(self) -> bool {
        matches!(self, Outcome::Accepted | Outcome::ScanFailed)
    }

    /// Whether the row has an action of its campaign, which the list of actions tells of.
    pub fn has_action(self) -> bool {
        self.is_ordered() || matches!(self, Outcome::Cancelled { .. })
    }

    /// Whether it leaves a device without the scan that was asked for: it makes exit code 3. Rows
    /// that were skipped do not, unless nothing at all was ordered (`Skipped::may_leave_nothing`).
    /// Whether somebody has to look at them is `Rest`'s to say.
    pub fn leaves_uncovered(self) -> bool {
        !self.covers() && !matches!(self, Outcome::Duplicate | Outcome::Skipped)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a campaign stopped with work left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A signal, with calls in flight finished.
    Signal,
    /// A second signal: left at once.
    SecondSignal,
    /// `--until` or `--max-duration`.
    Time,
    /// The window in which orders may leave closed.
    Window,
    /// The API could not be reached for `Timing::max_wait`.
    Unreachable(String),
    /// The API was never reached.
    NeverReached(String),
    /// The list of actions could not be read, so some devices are still not known.
    ListUnreadable(String),
    /// Sign-in failed or the permission is missing.
    SignIn(String),
    /// A safety rule: wrong tenant or stale list.
    Safety(String),
    /// The safety rule of refusals: so many are the same that the fault is not the devices'.
    Refused(String),
    /// The safety rule of repeats: server or network fail too often to go on blindly.
    Repeats(String),
    /// Too many results of the run were failures (`--max-failures`).
    Failures(String),
    /// Too many devices of a wave failed; nothing after it was ordered.
    Wave(String),
}

/// How a run of a campaign ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every row has its outcome.
    Finished,
    /// Work is left; `resume` goes on with it.
    Stopped(Stop),
}

impl Ending {
    /// Whether a worker goes on with it later without asking anybody: what stopped it passes, and
    /// was neither a rule nor an end that somebody set.
    pub fn goes_on_unasked(&self) -> bool {
        match self {
            Ending::Finished => false,
            Ending::Stopped(stop) => matches!(
                stop,
                Stop::Signal
                    | Stop::SecondSignal
                    | Stop::Window
                    | Stop::Unreachable(_)
                    | Stop::NeverReached(_)
                    | Stop::ListUnreadable(_)
                    | Stop::SignIn(_)
            ),
        }
    }

    /// How it ends, given whether a device is left uncovered.
    pub fn exit(&self, uncovered: bool) -> Exit {
        match self {
            Ending::Finished if uncovered => Exit::Attention,
            Ending::Finished => Exit::Done,
            Ending::Stopped(stop) => match stop {
                Stop::SecondSignal => Exit::LeftAtOnce,
                Stop::NeverReached(_) => Exit::Failed,
                Stop::SignIn(_) => Exit::SignIn,
                Stop::Safety(_)
                | Stop::Refused(_)
                | Stop::Repeats(_)
                | Stop::Failures(_)
                | Stop::Wave(_) => Exit::Safety,
                Stop::Signal
                | Stop::Time
                | Stop::Window
                | Stop::Unreachable(_)
                | Stop::ListUnreadable(_) => Exit::Stopped,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_rows_leave_nothing_uncovered_and_a_bad_row_and_a_failed_scan_do() {
        let need: Vec<_> = Outcome::ALL.into_iter().filter(|o| o.leaves_uncovered()).collect();
        assert_eq!(
            need.iter().map(|o| o.name()).collect::<Vec<_>>(),
            [
                "accepted",
                "already_in_progress",
                "rejected",
                "not_found",
                "failed",
                "unknown",
                "not_attempted",
                "cancelled",
                "cancelled",
                "bad_row"
            ]
        );
    }

    #[test]
    fn all_that_is_uncovered_can_be_ordered_again_but_bad_rows() {
        let need = Outcome::ALL.into_iter().filter(|one| one.leaves_uncovered());
        let mut need: Vec<Outcome> = need.filter(|one| *one != Outcome::BadRow).collect();
        let mut retried = Outcome::RETRIED;
        need.sort();
        retried.sort();
        assert_eq!(retried[..], need);
    }

    #[test]
    fn retry_knows_a_failed_scan_and_what_expired_by_words_of_their_own() {
        let cancelled = [true, false].map(|taken_back| Outcome::Cancelled { taken_back });
        assert_eq!(Outcome::distinct_named("scan-failed"), [Outcome::ScanFailed]);
        assert_eq!(Outcome::distinct_named("cancelled"), cancelled, "so the report calls both");
        assert_eq!(Outcome::distinct_named("expired"), cancelled[1..]);
        let busy = Outcome::AlreadyInProgress { covered: false };
        assert_eq!(Outcome::distinct_named("already_in_progress"), [busy]);
        assert_eq!(Outcome::distinct_named("accepted"), []);
    }

    #[test]
    fn each_ending_has_the_exit_code_of_the_table() {
        let why = || String::from("why");
        let codes = [
            Ending::Finished.exit(false),
            Ending::Finished.exit(true),
            Ending::Stopped(Stop::Signal).exit(true),
            Ending::Stopped(Stop::SecondSignal).exit(false),
            Ending::Stopped(Stop::Time).exit(false),
            Ending::Stopped(Stop::Window).exit(false),
            Ending::Stopped(Stop::Unreachable(why())).exit(false),
            Ending::Stopped(Stop::NeverReached(why())).exit(false),
            Ending::Stopped(Stop::SignIn(why())).exit(false),
            Ending::Stopped(Stop::Safety(why())).exit(false),
            Ending::Stopped(Stop::Refused(why())).exit(true),
            Ending::Stopped(Stop::Failures(why())).exit(true),
            Ending::Stopped(Stop::Wave(why())).exit(true),
        ];
        assert_eq!(codes.map(Exit::code), [0, 3, 5, 130, 5, 5, 5, 1, 7, 4, 4, 4, 4]);
    }
}
