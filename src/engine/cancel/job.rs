//! What there is to cancel, and how fast.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::Campaign;
use crate::domain::cancel::Cause;
use crate::domain::forecast::CallRate;

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
