//! What an exit code means, for the program and for one run, with what was skipped beside it.

use super::Summary;
use crate::report::human::{count, counted};

impl Summary {
    /// What the exit code means for this run.
    pub(super) fn meaning(&self) -> &'static str {
        let skipped = self.skipped.total() > 0;
        match self.exit_code {
            0 if self.planned => "its time was over as planned, the rest is the next run's",
            3 if self.planned => {
                "its time was over as planned; it is not 0 since some rows need attention"
            }
            3 if self.nothing && self.tally.rows() == 0 => {
                "nothing was ordered: no device of the tenant is one that was asked for"
            }
            3 if self.nothing => "nothing was ordered",
            3 if !self.tally.needs_attention() => {
                "every device is accepted or covered, but some scans failed, timed out or were \
                 cancelled"
            }
            0 if skipped && self.tally.devices() == 0 => "nothing was to be ordered, as asked for",
            0 if skipped => "every other device is accepted or covered",
            code => exit_meaning(code),
        }
    }

    /// How many devices of the list were skipped and why, if any were.
    pub(super) fn skipped_text(&self) -> Option<String> {
        let skipped = self.skipped.total();
        if skipped == 0 {
            return None;
        }
        let all = counted(self.tally.devices() + skipped, "device");
        let were = if skipped == 1 { "was" } else { "were" };
        let groups = self.skipped.by_name().into_iter();
        let groups: Vec<String> =
            groups.map(|(name, rows)| format!("{} {name}", count(rows))).collect();
        let groups = groups.join(", ");
        Some(format!("{} of the {all} of the list {were} skipped: {groups}", count(skipped)))
    }
}

/// What an exit code of the program means, as a sentence without its full stop.
pub fn exit_meaning(code: u8) -> &'static str {
    match code {
        0 => "every device is accepted or covered",
        1 => "an internal or I/O error, or the API was never reached",
        2 => "wrong usage or bad input",
        3 => "finished, but not every device is accepted or covered",
        4 => "stopped by a safety rule",
        5 => "stopped with work left",
        6 => "not confirmed, not what was planned, or another campaign has that name",
        7 => "sign-in or permission",
        130 => "left at once by a second Ctrl-C",
        _ => "not a code of this program",
    }
}
