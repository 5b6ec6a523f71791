//! The "no" of a store, which is a value that says when and why. The rule behind it is
//! `domain::window`'s; the stores hand in what their journal holds.

use std::fmt;

use crate::domain::{Admission, BudgetState, CampaignId, Quota, Stamp};

/// What holds a claim back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// This quota is used up.
    Quota(Quota),
    /// A pause after a 429 or a row of faults, its probe, or the spacing after it.
    Pause,
    /// Somebody paused the campaign.
    User,
    /// This campaign goes before it: see `Store::set_priority`.
    Priority(CampaignId),
}

/// A "no" of the limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotYet {
    /// Not before this moment; an answer can make it earlier.
    pub at: Stamp,
    /// Why.
    pub hold: Hold,
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hold::Quota(quota) => write!(f, "limited by {quota}"),
            Hold::Pause => f.write_str("paused by the server"),
            Hold::User => f.write_str("paused by `fleetsweep pause`"),
            Hold::Priority(_) => f.write_str("another campaign goes before it"),
        }
    }
}

/// What a claim on a campaign that somebody paused is told.
pub(crate) fn paused(now: Stamp, timing: &crate::domain::Timing) -> NotYet {
    NotYet { at: now.plus(timing.poll), hold: Hold::User }
}

/// What a claim is told on a campaign that yields to another one.
pub(crate) fn yields(to: CampaignId, now: Stamp, timing: &crate::domain::Timing) -> NotYet {
    NotYet { at: now.plus(timing.poll), hold: Hold::Priority(to) }
}

/// What holds one more call after `pending` others that are being claimed, given the rule's answer
/// and the budget's: the later of the two. `Pass` is `None`.
pub(crate) fn not_yet(
    quotas: &[Quota],
    timing: &crate::domain::Timing,
    nth_latest: &[Option<Stamp>],
    budget: &BudgetState,
    pending: usize,
    now: Stamp,
) -> Option<NotYet> {
    let budget = budget.with_pending(pending, now, timing);
    let by_quota = crate::domain::window::earliest(quotas, timing, nth_latest);
    let earliest = by_quota.max(budget.earliest());
    let Admission::NotBefore(at) = crate::domain::window::admit(earliest, now) else { return None };
    let hold = match crate::domain::window::holding(quotas, timing, nth_latest) {
        Some(quota) if by_quota == earliest => Hold::Quota(quota),
        _ => Hold::Pause,
    };
    Some(NotYet { at, hold })
}
