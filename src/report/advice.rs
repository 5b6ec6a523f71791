//! The words for outcomes, and what somebody can do about rows that ended so. How many there are is
//! the summary's, the page's and the report's.

use crate::domain::Outcome;

/// An outcome in the list of counts.
pub fn told(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted: scan ordered",
        Outcome::ScanFailed => "accepted, and the scan failed, timed out or was cancelled there",
        Outcome::AlreadyInProgress { covered: true } => "already in progress, covered by that scan",
        Outcome::AlreadyInProgress { covered: false } => {
            "already in progress, not covered: narrower, old or not known"
        }
        Outcome::Unknown => "unknown: answer lost, and the list of actions may not be read",
        Outcome::Cancelled { taken_back: false } => "expired: cancelled, since not begun in time",
        other => short(other),
    }
}

/// The same for so many rows.
pub(super) fn counted_as(outcome: Outcome, rows: u64) -> &'static str {
    match (outcome, rows) {
        (_, 1) => told(outcome),
        (Outcome::BadRow, _) => "bad rows",
        (Outcome::Duplicate, _) => "duplicates",
        _ => told(outcome),
    }
}

/// An outcome in a few words.
pub fn short(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::ScanFailed => "scan failed",
        Outcome::AlreadyInProgress { covered: true } => "already in progress, covered",
        Outcome::AlreadyInProgress { covered: false } => "already in progress, not covered",
        Outcome::Rejected => "rejected",
        Outcome::NotFound => "not found",
        Outcome::Failed => "failed",
        Outcome::Unknown => "unknown",
        Outcome::NotAttempted => "not attempted",
        Outcome::Cancelled { taken_back: true } => "cancelled",
        Outcome::Cancelled { taken_back: false } => "expired",
        Outcome::BadRow => "bad row",
        Outcome::Duplicate => "duplicate",
        Outcome::Skipped => "skipped",
    }
}

/// What somebody can do about rows that ended so.
pub fn advice(outcome: Outcome) -> &'static str {
    match outcome {
        // By its outcome, since `retry` alone orders all that are not covered.
        Outcome::AlreadyInProgress { .. } => {
            "again later: `fleetsweep retry --outcome already_in_progress`"
        }
        Outcome::ScanFailed => "again: `fleetsweep retry --outcome scan_failed`",
        Outcome::Rejected => "the report says why; fix that, or leave them out",
        Outcome::NotFound => "not in this tenant, or offboarded: fix the list",
        Outcome::Failed => {
            "no scan of them is on its way; again: `fleetsweep retry --outcome failed`"
        }
        Outcome::Unknown => "see the portal before ordering again; Machine.Read.All avoids this",
        Outcome::NotAttempted => "see the report, then `fleetsweep retry --outcome not_attempted`",
        Outcome::Cancelled { taken_back: true } => {
            "taken back: nothing to do; to order them again: \
             `fleetsweep retry --outcome cancelled`"
        }
        Outcome::Cancelled { taken_back: false } => {
            "cancelled, since not begun in time; again: `fleetsweep retry --outcome expired`"
        }
        Outcome::BadRow => "fix these lines of the list, then order them",
        Outcome::Skipped => "nothing, if the reasons are right",
        Outcome::Accepted | Outcome::Duplicate => "nothing",
    }
}

/// What somebody can do about rows that were never ordered in a campaign that was cancelled.
pub(super) const TAKEN_BACK: &str =
    "taken back before it was ordered; again: `fleetsweep retry --outcome not_attempted`";

/// The advice while the campaign is open, when only `resume` goes on with it.
pub(super) fn advice_before_the_end(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::AlreadyInProgress { .. } => "order them again when the campaign is finished",
        Outcome::Failed => "no scan was ordered; order them again when the campaign is finished",
        Outcome::ScanFailed => "order them again when the campaign is finished",
        Outcome::NotAttempted => "see the report",
        Outcome::Cancelled { taken_back: true } => "taken back: nothing to do",
        Outcome::Cancelled { taken_back: false } => {
            "cancelled, since not begun in time; order them again when the campaign is finished"
        }
        other => advice(other),
    }
}
