//! What there is to cancel, how fast, and how that went.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::cancel::Cause;
use crate::domain::forecast::CallRate;
use crate::domain::{Campaign, Refusal, Stop};

/// Kinds of refusal that are told apart; others of a status are counted together.
const KINDS_MAX: usize = 50;

/// Whose actions are cancelled, and how fast.
#[derive(Debug)]
pub struct Job<S, A> {
    /// The store whose journal the calls go into.
    pub store: Arc<S>,
    /// The client.
    pub api: Arc<A>,
    /// The campaign.
    pub campaign: Campaign,
    /// Why its actions are cancelled.
    pub cause: Cause,
    /// How fast; its quotas are kept on the budget for cancelling, and on that for reading.
    pub rate: CallRate,
    /// Time between two snapshots; zero for none.
    pub progress_every: Duration,
}

/// How it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cancelled {
    /// Actions that were cancelled.
    pub cancelled: u64,
    /// Those that had ended before they could be.
    pub ended: u64,
    /// Those that the server did not cancel, by status and code, with how many and a message.
    pub refused: BTreeMap<(u16, Option<String>), (u64, Option<String>)>,
    /// Those of which nobody can say whether they are.
    pub unknown: u64,
    /// Those that were not asked for, or not to an end, when it stopped.
    pub left: u64,
    /// Calls that cancel.
    pub calls: u64,
    /// How many of them were answered with 429.
    pub throttled: u64,
    /// What stopped it, if anything did.
    pub stop: Option<Stop>,
}

impl Cancelled {
    /// Actions that the server did not cancel.
    pub fn refused(&self) -> u64 {
        self.refused.values().map(|(some, _)| some).sum()
    }

    /// All that were left before it could tell more.
    pub fn left_at_once(targets: u64) -> Self {
        Self { left: targets, stop: Some(Stop::SecondSignal), ..Self::default() }
    }

    /// Counts an action that the server did not cancel.
    pub(super) fn count_refused(&mut self, refusal: Refusal) {
        let mut kind = (refusal.status, refusal.code);
        if self.refused.len() >= KINDS_MAX && !self.refused.contains_key(&kind) {
            kind.1 = None;
        }
        let (some, example) = self.refused.entry(kind).or_default();
        *some += 1;
        if example.is_none() {
            *example = refusal.message;
        }
    }
}
