//! What an exit code means for one run, with what was skipped beside it.

use super::Summary;
use crate::domain::{Exit, Outcome};
use crate::report::human::{count, counted};

impl Summary {
    /// What the exit code means for this run.
    pub(super) fn meaning(&self) -> &'static str {
        let skipped = self.skipped.total() > 0;
        let scans_failed = self.tally.of(Outcome::ScanFailed);
        match self.exit {
            Exit::Done if self.planned => {
                "its time was over as planned, the rest is the next run's"
            }
            Exit::Attention if self.planned => {
                "its time was over as planned; it is not 0 since some devices are not covered"
            }
            Exit::Attention if self.nothing && self.tally.rows() == 0 => {
                "nothing was ordered: no device of the tenant is one that was asked for"
            }
            Exit::Attention if self.nothing => "nothing was ordered",
            Exit::Attention if scans_failed > 0 && self.tally.uncovered() == scans_failed => {
                "every device is accepted or covered, but some scans failed, timed out or were \
                 cancelled"
            }
            Exit::Attention if scans_failed == 0 => {
                "finished, but not every device is accepted or covered"
            }
            Exit::Done if skipped && self.tally.devices() == 0 => {
                "nothing was to be ordered, as asked for"
            }
            Exit::Done if skipped => "every other device is accepted or covered",
            exit => exit.meaning(),
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
