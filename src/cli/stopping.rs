//! How far the user wants a run to stop, as signals raise it: first no more orders, then leaving at
//! once. What that does to orders is the engine's.

use std::pin::Pin;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Sleep, sleep};

use super::failure::Failure;
use super::say;
use crate::engine::StopLevel;

/// How long the engine may take to leave at once. It takes longer only if the store holds it.
const GRACE: Duration = Duration::from_secs(2);

/// What there is to heed.
pub(super) enum Heard {
    /// A signal, and the level that it raises.
    Level(StopLevel),
    /// A run that was told to leave at once has not left.
    Overdue,
}

/// The signals of a run, and how far they have raised the level.
pub(super) struct Stopping {
    interrupt: Signal,
    terminate: Signal,
    /// The terminal went away, as when a remote session breaks.
    hangup: Signal,
    level: StopLevel,
    /// Ends when a run that was told to leave at once should have left.
    leaves: Option<Pin<Box<Sleep>>>,
}

impl Stopping {
    /// Begins to listen.
    ///
    /// # Errors
    /// `Failure` if signals cannot be received.
    pub(super) fn new() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                let next = "report this as a defect";
                Failure::new(1, "signals cannot be received", error.to_string(), next)
            })
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
            level: StopLevel::Run,
            leaves: None,
        })
    }

    /// Waits for the next signal, or for the time to be up after the last one.
    pub(super) async fn heard(&mut self) -> Heard {
        let leaves = async {
            match &mut self.leaves {
                Some(leaves) => leaves.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
            () = leaves => return Heard::Overdue,
        }
        self.level = match self.level {
            StopLevel::Run => StopLevel::Soft,
            StopLevel::Soft | StopLevel::Now => StopLevel::Now,
        };
        if self.level == StopLevel::Now && self.leaves.is_none() {
            self.leaves = Some(Box::pin(sleep(GRACE)));
        }
        Heard::Level(self.level)
    }

    /// Does something that any signal ends.
    pub(super) async fn unless_told<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            _ = self.heard() => None,
            done = work => Some(done),
        }
    }

    /// Waits for the next signal, whatever it raises.
    pub(super) async fn signal(&mut self) {
        while let Heard::Overdue = self.heard().await {
            // The run has left; only signals count now.
            self.leaves = None;
        }
    }

    /// Does what comes after a run, unless a signal says to leave at once.
    pub(super) async fn unless_left<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                heard = self.heard() => match heard {
                    Heard::Level(StopLevel::Now) => return None,
                    Heard::Level(StopLevel::Run | StopLevel::Soft) => {
                        say::note("The report is being written; Ctrl-C again leaves at once.");
                    }
                    // The run has left; its report may take longer.
                    Heard::Overdue => self.leaves = None,
                },
                done = &mut work => return Some(done),
            }
        }
    }
}
