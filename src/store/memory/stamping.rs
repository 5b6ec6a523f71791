//! When a call counts as seen by the server: the proven way, and known mistakes that tests play.
//! The rule itself is `domain::window`'s.

use crate::domain::Stamp;

/// When a call counts as seen by the server. Only `Proven` keeps the limit; the others are known
/// mistakes, which tests play to show that they would be caught.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stamping {
    /// At its answer; without one, at the horizon.
    #[default]
    Proven,
    /// At its claim, whenever it arrives.
    AtClaim,
    /// At its answer; without one, at the time-out, though the server can see it later.
    AtTimeOut,
    /// Never, so that only the gate limits.
    Never,
}

impl Stamping {
    /// What a claimed call's `seen_by` is.
    pub(super) fn claimed(self, now: Stamp, until: Stamp) -> Stamp {
        match self {
            Stamping::AtClaim => now,
            Stamping::Never => Stamp::ZERO,
            Stamping::Proven | Stamping::AtTimeOut => until,
        }
    }

    /// What a settled call's `seen_by` becomes, given what the proven way says.
    pub(super) fn settled(self, proven: Option<Stamp>, now: Stamp) -> Option<Stamp> {
        match self {
            Stamping::Proven => proven,
            Stamping::AtClaim => proven.filter(|at| *at == Stamp::ZERO),
            Stamping::AtTimeOut => proven.or(Some(now)),
            Stamping::Never => None,
        }
    }
}
