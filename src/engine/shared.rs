//! What the tasks of one campaign's run share: scans, look-ups and judgements of waves. It decides
//! nothing.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::pump::{Counts, ThrottledCall};
use super::safety::{Results, repeats_allowed};
use crate::domain::{Campaign, DeviceId, Hours, Life, Stamp, Stop, Timing};
use crate::store::Claim;

/// What the tasks of a run share.
pub(super) struct Shared<S, A> {
    pub(super) store: Arc<S>,
    pub(super) api: Arc<A>,
    pub(super) campaign: Campaign,
    pub(super) timing: Timing,
    /// No order outside of these.
    pub(super) hours: Option<Hours>,
    /// When this run began.
    pub(super) started: Stamp,
    pub(super) counts: Arc<Counts>,
    pub(super) repeats: Repeats,
    /// Devices that earlier runs of the series were refused: to ask such a one again is no repeat
    /// that says something of the server.
    pub(super) refused_before: Arc<BTreeSet<DeviceId>>,
    /// The server gave a comment of ours back as it was sent.
    pub(super) comments_kept: AtomicBool,
    pub(super) results: Mutex<Results>,
    /// 429s of the list of actions that people were not told about yet.
    pub(super) unread: Mutex<Vec<ThrottledCall>>,
}

/// Repeats of this run, and what led to them.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    pub(super) made: AtomicU64,
    /// Answers of this run that led, or may lead, to a repeat.
    pub(super) doubts: AtomicU64,
}

impl<S, A> Shared<S, A> {
    /// Repeats that the rule still allows. Only those count that answers of this run led to: what
    /// another runner left behind, or met, is not this server's fault now.
    pub(super) fn repeats_left(&self) -> u64 {
        let doubts = self.repeats.doubts.load(Ordering::SeqCst);
        let caused = self.repeats.made.load(Ordering::SeqCst).min(doubts);
        repeats_allowed(self.counts.calls()).saturating_sub(caused)
    }

    /// Whether a call is a repeat that the rule counts.
    pub(super) fn is_counted_repeat(&self, claim: &Claim) -> bool {
        claim.repeat && !self.refused_before.contains(&claim.device)
    }

    /// Counts a result, and lets nothing more be claimed if there are too many failures among them.
    /// It is done where the result is written, so that only calls in flight go beyond that.
    pub(super) fn note_result(&self, before: Life, after: Life) {
        if self.campaign.rollout.max_failures.is_none() {
            return;
        }
        // A panic stops the run in any case.
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        results.count(before, after);
        if results.verdict(self.campaign.rollout.max_failures).is_some() {
            self.counts.halt();
        }
    }

    /// Why to stop, if too many results of this run are failures.
    pub(super) fn too_many_failures(&self) -> Option<Stop> {
        let results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        results.verdict(self.campaign.rollout.max_failures)
    }

    /// The 429s of the list of actions that nobody was told about yet.
    pub(super) fn unread(&self) -> MutexGuard<'_, Vec<ThrottledCall>> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
