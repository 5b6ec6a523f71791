//! What one look at a campaign that waits tells: whether anything changed, and what its moment has
//! come for. What a runner does then, it asks by the verbs of its own.

use super::record::CampaignId;

/// How a campaign stands, as a runner that waits needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The campaign.
    pub campaign: CampaignId,
    /// All by which its questions are answered, beside time and the calls of others on its budget,
    /// as a text that only means: if it is the same as before, nothing changed. It is its state,
    /// its pauses, its wave, its counts, its calls, what goes before it, and the pauses of its
    /// budget.
    pub stands: String,
    /// Somebody paused it. Together with the next it tells whether an answer of that kind is still
    /// true: what was answered may have come and gone between two looks that say the same.
    pub is_paused: bool,
    /// Another campaign of its budget goes before it.
    pub is_behind: bool,
    /// It goes before others, so that a runner of it says that it is at work.
    pub is_high: bool,
    /// A call's answer is late beyond its horizon.
    pub has_expired: bool,
    /// A device is due to be looked up.
    pub looks_up: bool,
    /// A device that waited for its moment may be asked now.
    pub is_due: bool,
}
