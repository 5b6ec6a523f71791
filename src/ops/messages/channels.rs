//! Where the messages of a process go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::channel::Channel;

/// Where messages go beside the command of a run.
#[derive(Debug, Default)]
pub struct Channels {
    pub(super) all: Vec<Arc<Channel>>,
    has_begun: AtomicBool,
}

impl Channels {
    /// These.
    pub fn new(all: Vec<Channel>) -> Self {
        Self { all: all.into_iter().map(Arc::new).collect(), has_begun: AtomicBool::new(false) }
    }

    /// A run began in this process: from now on it tells itself how it goes.
    pub(in crate::ops) fn run_began(&self) {
        self.has_begun.store(true, Ordering::SeqCst);
    }

    /// Whether a run began in this process.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::SeqCst)
    }
}
