//! What is known of a run that is over.

use std::time::Duration;

use super::expire::Left;
use crate::domain::{Caught, Exit};
use crate::engine::Ran;
use crate::ops::failure::Failure;
use crate::report::summary::Summary;
use crate::report::totals::Totals;

/// A run that is over.
pub(super) struct Over {
    pub(super) summary: Summary,
    /// Why it ended, as a part of a sentence.
    pub(super) why: String,
    pub(super) exit: Result<Exit, Failure>,
    /// A worker may go on with it.
    pub(super) for_workers: bool,
}

/// How a run ended, as its store keeps it.
pub(super) struct KeptEnd {
    pub(super) why: String,
    /// What to do before somebody goes on.
    pub(super) before: Option<String>,
    pub(super) exit: Exit,
    pub(super) for_workers: bool,
}

/// A run that has ended, before that is told.
pub(super) struct Ended {
    pub(super) ran: Ran,
    pub(super) written: Result<Totals, Failure>,
    pub(super) calls_before: u64,
    pub(super) took: Duration,
    /// How long the API gave no answer of use.
    pub(super) in_vain: Duration,
    pub(super) left: Left,
    pub(super) caught: Option<Caught>,
}
