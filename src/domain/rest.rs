//! Whose the rows are that a campaign was ended with: what somebody took back on purpose, and what
//! the next run of its series has, needs nobody in it.

use super::outcome::Outcome;

/// What becomes of rows that a campaign did not bring to a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rest {
    /// Each of them is somebody's to look at, but what was cancelled on purpose.
    #[default]
    Own,
    /// Somebody called the campaign off: what was never ordered in it was taken back.
    TakenBack,
    /// The next run of its series has what was not ordered in it.
    HandedOn,
}

impl Rest {
    /// That of a campaign that was called off or not, by the next run of its series or by somebody.
    pub fn of(called_off: bool, handed_on: bool) -> Self {
        match (called_off, handed_on) {
            (_, true) => Self::HandedOn,
            (true, false) => Self::TakenBack,
            (false, false) => Self::Own,
        }
    }

    /// Whether somebody took rows back that ended so. What expired by itself is wanted still.
    pub fn is_taken_back(self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Cancelled { taken_back } => taken_back,
            Outcome::NotAttempted => self == Self::TakenBack,
            _ => false,
        }
    }

    /// Whether the next run of its series has the rows that ended so.
    pub fn is_handed_on(self, outcome: Outcome) -> bool {
        // What a lost answer left is ordered there too.
        self == Self::HandedOn && matches!(outcome, Outcome::NotAttempted | Outcome::Failed)
    }

    /// Whether rows that ended so need somebody's attention.
    pub fn needs_attention(self, outcome: Outcome) -> bool {
        outcome.leaves_uncovered() && !self.is_handed_on(outcome) && !self.is_taken_back(outcome)
    }
}
