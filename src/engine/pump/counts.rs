//! What the loop and its tasks count together.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::{Notify, watch};

/// Counts that must be right at once, and not only when a task has ended.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Calls of which it is not known yet whether they get a slot.
    pub(super) claiming: AtomicUsize,
    /// Calls that wait for their answer.
    pub(super) unanswered: AtomicUsize,
    /// Calls that wait for a token.
    pub(super) signing_in: AtomicUsize,
    /// Calls whose slot is taken and whose answer is not written yet.
    pub(super) sending: AtomicUsize,
    /// Calls that left, or may have.
    pub(super) calls: AtomicU64,
    /// The run is stopping: what has no slot yet gets none any more.
    halted: watch::Sender<bool>,
    /// Another call can ask for a slot, after as many asked as may ask at once.
    pub(super) claim_ended: Notify,
}

impl Counts {
    /// Calls that left, or may have.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Calls of which it is not known yet whether they get a slot.
    pub(crate) fn claiming(&self) -> usize {
        self.claiming.load(Ordering::SeqCst)
    }

    /// From now on no call gets a slot.
    pub(crate) fn halt(&self) {
        self.halted.send_replace(true);
    }

    /// Whether calls get no slot any more.
    pub(super) fn is_halted(&self) -> bool {
        *self.halted.borrow()
    }

    /// Waits until calls get no slot any more.
    pub(super) async fn halted(&self) {
        // The sender lives as long as this waits.
        self.halted.subscribe().wait_for(|halted| *halted).await.ok();
    }
}
