//! Where the messages of a process go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::channel::Channel;
use crate::report::message::Message;

/// Where messages go beside the command of a run.
#[derive(Debug, Default)]
pub struct Channels {
    pub(super) all: Vec<Arc<Channel>>,
    has_begun: AtomicBool,
    /// What the next run tells first.
    held: Mutex<Vec<Message>>,
}

impl Channels {
    /// These.
    pub fn new(all: Vec<Channel>) -> Self {
        Self { all: all.into_iter().map(Arc::new).collect(), ..Self::default() }
    }

    /// A run began in this process, or is left to a worker: from now on it tells how it goes.
    pub(in crate::ops) fn run_began(&self) {
        self.has_begun.store(true, Ordering::SeqCst);
    }

    /// Whether a run began in this process.
    pub(in crate::ops) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::SeqCst)
    }

    /// Keeps a message for the run that is about to begin.
    pub(in crate::ops) fn hold(&self, message: Message) {
        self.held().push(message);
    }

    /// The messages that were kept, for who tells them now.
    pub(in crate::ops) fn take_held(&self) -> Vec<Message> {
        std::mem::take(&mut *self.held())
    }

    fn held(&self) -> MutexGuard<'_, Vec<Message>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
