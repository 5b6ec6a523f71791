//! What holds a call back, as a value that says when and why: what people decided about a campaign
//! comes first, then the limit. What the journal holds is handed in by the store.

use std::fmt;

use super::quota::Quota;
use super::record::CampaignId;
use super::timing::{Stamp, Timing};
use super::window;
use super::{BudgetState, Operation};

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
    /// The store itself is out of reach.
    Store,
    /// The store may have forgotten calls, as after a failover or a restore.
    Forgotten,
}

/// Why nothing is ordered for a while after a failover or a restore.
pub const FORGOTTEN: &str =
    "waiting until calls that the store may have forgotten in a failover or restore are over";

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
            Hold::Store => f.write_str("waiting for the store"),
            Hold::Forgotten => f.write_str(FORGOTTEN),
        }
    }
}

/// What people decided about a campaign, as far as its claims go by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// Somebody called it off.
    pub called_off: bool,
    /// Somebody paused it.
    pub paused: bool,
    /// The campaign of high priority that it yields to now.
    pub ahead: Option<CampaignId>,
    /// The store may have forgotten calls of it: the list of actions is asked about each device
    /// that waits before it is ordered.
    pub forgotten: bool,
}

/// What is said to a claim before the limit is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeforeTheLimit {
    /// It needs no slot: it only ends what waits.
    NeedsNoSlot,
    /// No.
    NotYet(NotYet),
    /// The limit decides.
    AskTheLimit,
}

impl Decided {
    /// What is said to a claim for this operation. Looks at the list of actions go on whatever was
    /// decided: they find out what became of orders that have left.
    pub fn answer(&self, operation: Operation, now: Stamp, timing: &Timing) -> BeforeTheLimit {
        let not_yet = |hold| BeforeTheLimit::NotYet(NotYet { at: now.plus(timing.poll), hold });
        if operation != Operation::Scan {
            return BeforeTheLimit::AskTheLimit;
        }
        if self.called_off {
            return BeforeTheLimit::NeedsNoSlot;
        }
        if self.paused {
            return not_yet(Hold::User);
        }
        match self.ahead {
            Some(ahead) => not_yet(Hold::Priority(ahead)),
            None => BeforeTheLimit::AskTheLimit,
        }
    }
}

/// What holds one more call after `pending` others that are being claimed, given the rule's answer
/// and the budget's: the later of the two. Returns `None` if nothing does.
pub fn not_yet(
    quotas: &[Quota],
    timing: &Timing,
    nth_latest: &[Option<Stamp>],
    budget: &BudgetState,
    pending: usize,
    now: Stamp,
) -> Option<NotYet> {
    let budget = budget.with_pending(pending, now, timing);
    let by_budget = NotYet { at: budget.earliest(), hold: Hold::Pause };
    let holding = match window::decisive(quotas, timing, nth_latest) {
        Some((at, quota)) if at >= by_budget.at => NotYet { at, hold: Hold::Quota(quota) },
        _ => by_budget,
    };
    if holding.at > now { Some(holding) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_that_is_called_off_ends_before_it_is_paused_and_is_paused_before_it_yields() {
        let (now, timing) = (Stamp(5), Timing::default());
        let ahead = Some(CampaignId(7));
        let scan = |called_off, paused, ahead| {
            let decided = Decided { called_off, paused, ahead, forgotten: false };
            match decided.answer(Operation::Scan, now, &timing) {
                BeforeTheLimit::NotYet(no) => {
                    assert_eq!(no.at, now.plus(timing.poll));
                    Some(no.hold)
                }
                BeforeTheLimit::NeedsNoSlot => {
                    assert!(called_off);
                    None
                }
                BeforeTheLimit::AskTheLimit => {
                    assert!(!called_off);
                    None
                }
            }
        };
        assert_eq!(scan(true, true, ahead), None);
        assert_eq!(scan(false, true, ahead), Some(Hold::User));
        assert_eq!(scan(false, false, ahead), Some(Hold::Priority(CampaignId(7))));
        assert_eq!(scan(false, false, None), None);
        let decided = Decided { called_off: true, paused: true, ahead, forgotten: true };
        let read = decided.answer(Operation::Read, now, &timing);
        assert_eq!(read, BeforeTheLimit::AskTheLimit, "orders that left are found out about");
    }
}
