//! What an operation shows, as people and as programs read it, whatever it is.

use super::cancels::{CancelPlan, CancelSummary, Done};
use super::coverage::Covered;
use super::plan::Plan;
use super::summary::Summary;
use crate::domain::CampaignName;

/// A result as people and as programs read it.
pub trait Document {
    /// For people: lines without a line end at their end.
    fn text(&self) -> String;

    /// For programs: one JSON object of one line, without a line end.
    fn json(&self) -> String;
}

macro_rules! documents {
    ($($of:ty),*) => {$(
        impl Document for $of {
            fn text(&self) -> String {
                <$of>::text(self)
            }

            fn json(&self) -> String {
                <$of>::json(self)
            }
        }
    )*};
}
documents!(Plan, Summary, CancelPlan, CancelSummary, Covered);

/// What became of scans that were to expire.
pub struct Expired {
    /// The campaign that ordered them.
    pub campaign: CampaignName,
    /// What became of them.
    pub done: Done,
}

impl Document for Expired {
    fn text(&self) -> String {
        self.done.expired_text()
    }

    fn json(&self) -> String {
        self.done.expired_json(&self.campaign)
    }
}
