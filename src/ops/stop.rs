//! How far an operation is to stop, as its face says: first no more orders, then leaving at once.
//! Signals raise it on a terminal; where they come from, and which of them there are, is the
//! face's. What stopping does to orders is the engine's.

use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Sleep, sleep};

use super::failure::Failure;
use super::ui::Ui;
use crate::clock::SystemClock;
use crate::domain::Caught;
use crate::engine::StopLevel;

/// How long the engine may take to leave at once. It takes longer only if the store holds it.
const GRACE: Duration = Duration::from_secs(2);

/// How long after a hangup another signal says the same again: a session that ends sends its
/// processes both.
const ONE_END: Duration = Duration::from_secs(1);

/// How long after a SIGTERM another one says the same again: who ends a group of processes, as
/// `timeout` does, sends it to the process and to the group.
const ONE_CALL: Duration = Duration::from_millis(250);

/// Begins to listen for what asks an operation to stop.
pub type Listen = Box<dyn FnOnce() -> std::io::Result<UnboundedReceiver<Caught>> + Send>;

/// What asks an operation to stop. It is listened to from the first operation that can stop in
/// parts; before that the program ends by a signal as every program does.
pub struct Stop(Mutex<Source>);

enum Source {
    /// Nobody has listened yet.
    Quiet(Listen),
    /// Nobody listens now; what comes meanwhile is heard by the next who does.
    Idle(UnboundedReceiver<Caught>),
    /// Somebody listens, or nobody can.
    Taken,
}

/// What there is to heed.
pub enum Heard {
    /// A signal, and the level that it raises.
    Level(StopLevel),
    /// An operation that was told to leave at once has not left.
    Overdue,
}

impl Stop {
    /// One that is listened to in this way.
    pub fn new(listen: Listen) -> Self {
        Self(Mutex::new(Source::Quiet(listen)))
    }

    /// Begins to listen, or goes on with it.
    ///
    /// # Errors
    /// `Failure` if signals cannot be received.
    pub fn listen(&self) -> Result<Stopping<'_>, Failure> {
        let source = std::mem::replace(&mut *self.lock(), Source::Taken);
        let signals = match source {
            Source::Idle(signals) => Some(signals),
            Source::Quiet(listen) => Some(
                listen().map_err(|error| Failure::defect("signals cannot be received", error))?,
            ),
            Source::Taken => None,
        };
        Ok(Stopping { stop: self, signals, stage: Stage::default(), leaves: None })
    }

    fn lock(&self) -> MutexGuard<'_, Source> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An operation that listens, and how far it is told to stop.
pub struct Stopping<'a> {
    stop: &'a Stop,
    /// There until this is dropped.
    signals: Option<UnboundedReceiver<Caught>>,
    stage: Stage,
    /// Ends when an operation that was told to leave at once should have left.
    leaves: Option<Pin<Box<Sleep>>>,
}

/// How far an operation was told to stop, and by what first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stage {
    level: StopLevel,
    caught: Option<Caught>,
    /// When the terminal went away, in microseconds.
    hung_up_at: Option<i64>,
    /// When it was told to end by a SIGTERM, in microseconds.
    terminated_at: Option<i64>,
}

impl Stage {
    /// What a signal at this moment makes of it. Returns `None` if it says nothing new. A terminal
    /// that goes away asks for the soft end, however often it says so: nobody sits there to repeat
    /// it.
    fn after(self, caught: Caught, now_us: i64) -> Option<Self> {
        let gentle = matches!(caught, Caught::Hangup | Caught::CpuTime);
        let within = |at: Option<i64>, time: Duration| {
            let since = at.map(|at| now_us.saturating_sub(at).unsigned_abs());
            since.is_some_and(|since| u128::from(since) < time.as_micros())
        };
        let again = within(self.hung_up_at, ONE_END) || within(self.terminated_at, ONE_CALL);
        let same = gentle || (caught == Caught::Terminate && again);
        let level = match self.level {
            // There is no time for answers: Windows kills the program in five seconds.
            _ if caught == Caught::Ending => StopLevel::Now,
            StopLevel::Run => StopLevel::Soft,
            StopLevel::Soft | StopLevel::Now if same => return None,
            StopLevel::Soft | StopLevel::Now => StopLevel::Now,
        };
        let at =
            |one: Caught, before: Option<i64>| if caught == one { Some(now_us) } else { before };
        let hung_up_at = at(Caught::Hangup, self.hung_up_at);
        let terminated_at = at(Caught::Terminate, self.terminated_at);
        Some(Self { level, caught: self.caught.or(Some(caught)), hung_up_at, terminated_at })
    }
}

impl Stopping<'_> {
    /// How far it has come.
    pub fn level(&self) -> StopLevel {
        self.stage.level
    }

    /// The signal that raised the level first.
    pub fn caught(&self) -> Option<Caught> {
        self.stage.caught
    }

    /// Waits for the next signal, or for the time to be up after the last one.
    pub async fn heard(&mut self) -> Heard {
        loop {
            let leaves = async {
                match &mut self.leaves {
                    Some(leaves) => leaves.await,
                    None => std::future::pending().await,
                }
            };
            let next = async {
                match &mut self.signals {
                    Some(signals) => match signals.recv().await {
                        Some(caught) => caught,
                        // Nobody can ask any more.
                        None => std::future::pending().await,
                    },
                    None => std::future::pending().await,
                }
            };
            let caught = tokio::select! {
                biased;
                caught = next => caught,
                () = leaves => return Heard::Overdue,
            };
            let Some(stage) = self.stage.after(caught, SystemClock::boot_time_us()) else {
                continue;
            };
            self.stage = stage;
            if stage.level == StopLevel::Now && self.leaves.is_none() {
                self.leaves = Some(Box::pin(sleep(GRACE)));
            }
            return Heard::Level(stage.level);
        }
    }

    /// Does something that any signal ends.
    pub async fn unless_stopped<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            _ = self.heard() => None,
            done = work => Some(done),
        }
    }

    /// Waits for the next signal, whatever it raises.
    pub async fn signal(&mut self) {
        while let Heard::Overdue = self.heard().await {
            // The run has left; only signals count now.
            self.leaves = None;
        }
    }

    /// Does what comes after a run, unless a signal says to leave at once.
    pub async fn unless_left<T>(
        &mut self,
        ui: &dyn Ui,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                heard = self.heard() => match heard {
                    Heard::Level(StopLevel::Now) => return None,
                    Heard::Level(StopLevel::Run | StopLevel::Soft) => {
                        ui.say("The report is being written; Ctrl-C again leaves at once.");
                    }
                    // The run has left; its report may take longer.
                    Heard::Overdue => self.leaves = None,
                },
                done = &mut work => return Some(done),
            }
        }
    }
}

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        if let Some(signals) = self.signals.take() {
            *self.stop.lock() = Source::Idle(signals);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    /// The level after these signals, each with its moment in tenths of a second.
    fn level(signals: &[(Caught, i64)]) -> StopLevel {
        let mut stage = Stage::default();
        for (caught, at) in signals {
            stage = stage.after(*caught, at * SECOND / 10).unwrap_or(stage);
        }
        stage.level
    }

    #[test]
    fn a_terminal_that_goes_away_asks_for_the_soft_end_however_often_it_says_so() {
        use Caught::{CpuTime, Hangup, Interrupt, Terminate};
        assert_eq!(level(&[(Hangup, 0)]), StopLevel::Soft);
        assert_eq!(level(&[(Hangup, 0), (Hangup, 0), (Hangup, 900)]), StopLevel::Soft);
        assert_eq!(level(&[(Interrupt, 0), (Hangup, 5)]), StopLevel::Soft);
        assert_eq!(level(&[(CpuTime, 0), (CpuTime, 10), (CpuTime, 20)]), StopLevel::Soft);
        // A session that ends sends both, in whatever order.
        assert_eq!(level(&[(Hangup, 0), (Terminate, 1)]), StopLevel::Soft);
        assert_eq!(level(&[(Terminate, 0), (Hangup, 1)]), StopLevel::Soft);
    }

    #[test]
    fn whoever_asks_twice_is_left_at_once() {
        use Caught::{Hangup, Interrupt, Terminate};
        assert_eq!(level(&[(Interrupt, 0), (Interrupt, 1)]), StopLevel::Now);
        assert_eq!(level(&[(Terminate, 0), (Terminate, 3)]), StopLevel::Now);
        assert_eq!(level(&[(Hangup, 0), (Interrupt, 1)]), StopLevel::Now);
        assert_eq!(level(&[(Hangup, 0), (Terminate, 20)]), StopLevel::Now);
        // Windows gives no time for answers when it ends the session.
        assert_eq!(level(&[(Caught::Ending, 0)]), StopLevel::Now);
    }

    #[test]
    fn whoever_ends_a_process_and_its_group_asks_once() {
        use Caught::{Interrupt, Terminate};
        assert_eq!(level(&[(Terminate, 0), (Terminate, 0), (Terminate, 1)]), StopLevel::Soft);
        assert_eq!(level(&[(Terminate, 0), (Terminate, 0), (Terminate, 4)]), StopLevel::Now);
        assert_eq!(level(&[(Interrupt, 0), (Terminate, 0)]), StopLevel::Now);
    }

    #[test]
    fn the_first_signal_is_the_one_that_is_told() {
        let first = Stage::default().after(Caught::Hangup, 0).unwrap();
        let second = first.after(Caught::Interrupt, 0).unwrap();
        assert_eq!((second.caught, second.level), (Some(Caught::Hangup), StopLevel::Now));
    }
}
