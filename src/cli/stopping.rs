//! How far the user wants a run to stop, as signals raise it: first no more orders, then leaving at
//! once. What that does to orders is the engine's. Which signals end nothing is `unasked`'s.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Sleep, sleep};

use super::failure::Failure;
use super::say;
use super::unasked::is_hangup_ignored;
use crate::clock::SystemClock;
use crate::domain::Caught;
use crate::engine::StopLevel;

/// How long the engine may take to leave at once. It takes longer only if the store holds it.
const GRACE: Duration = Duration::from_secs(2);

/// How long after a hangup another signal says the same again: a session that ends sends its
/// processes both.
const ONE_END: Duration = Duration::from_secs(1);

/// The limit on CPU time, which repeats every second.
const CPU_TIME: i32 = 24;

/// What there is to heed.
pub(super) enum Heard {
    /// A signal, and the level that it raises.
    Level(StopLevel),
    /// A run that was told to leave at once has not left.
    Overdue,
}

/// Those that are listened to. A signal that comes while nobody listens is heard by the next who
/// does, since the program has told the system that it takes them.
static SIGNALS: Mutex<Option<Signals>> = Mutex::new(None);

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// The terminal went away, as when a remote session breaks; nothing if whoever started the
    /// program wants that to end nothing, as nohup does.
    hangup: Option<Signal>,
    cpu_time: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let hangup = match is_hangup_ignored() {
            true => None,
            false => Some(signal(SignalKind::hangup())?),
        };
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup,
            cpu_time: signal(SignalKind::from_raw(CPU_TIME))?,
        })
    }

    async fn next(&mut self) -> Caught {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => Caught::Interrupt,
            _ = self.terminate.recv() => Caught::Terminate,
            _ = hangup => Caught::Hangup,
            _ = self.cpu_time.recv() => Caught::CpuTime,
        }
    }
}

/// The signals of a run, and how far they have raised the level.
pub(super) struct Stopping {
    /// There until this is dropped.
    signals: Option<Signals>,
    stage: Stage,
    /// Ends when a run that was told to leave at once should have left.
    leaves: Option<Pin<Box<Sleep>>>,
}

/// How far a run was told to stop, and by what first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stage {
    level: StopLevel,
    caught: Option<Caught>,
    /// When the terminal went away, in microseconds.
    hung_up_at: Option<i64>,
}

impl Stage {
    /// What a signal at this moment makes of it; nothing if it says nothing new. A terminal that
    /// goes away asks for the soft end, however often it says so: nobody sits there to repeat it.
    fn after(self, caught: Caught, now_us: i64) -> Option<Self> {
        let gentle = matches!(caught, Caught::Hangup | Caught::CpuTime);
        let since = self.hung_up_at.map(|at| now_us.saturating_sub(at).unsigned_abs());
        let one_end = since.is_some_and(|since| since < ONE_END.as_micros() as u64);
        let same = gentle || (caught == Caught::Terminate && one_end);
        let level = match self.level {
            StopLevel::Run => StopLevel::Soft,
            StopLevel::Soft | StopLevel::Now if same => return None,
            StopLevel::Soft | StopLevel::Now => StopLevel::Now,
        };
        let hung_up_at = match caught {
            Caught::Hangup => Some(now_us),
            _ => self.hung_up_at,
        };
        Some(Self { level, caught: self.caught.or(Some(caught)), hung_up_at })
    }
}

impl Stopping {
    /// Begins to listen.
    ///
    /// # Errors
    /// `Failure` if signals cannot be received.
    pub(super) fn new() -> Result<Self, Failure> {
        let known = SIGNALS.lock().unwrap_or_else(PoisonError::into_inner).take();
        let signals = match known {
            Some(signals) => signals,
            None => Signals::listen().map_err(|error| {
                let next = "report this as a defect";
                Failure::new(1, "signals cannot be received", error.to_string(), next)
            })?,
        };
        Ok(Self { signals: Some(signals), stage: Stage::default(), leaves: None })
    }

    /// How far it has come.
    pub(super) fn level(&self) -> StopLevel {
        self.stage.level
    }

    /// The signal that raised the level first.
    pub(super) fn caught(&self) -> Option<Caught> {
        self.stage.caught
    }

    /// Waits for the next signal, or for the time to be up after the last one.
    pub(super) async fn heard(&mut self) -> Heard {
        loop {
            let leaves = async {
                match &mut self.leaves {
                    Some(leaves) => leaves.await,
                    None => std::future::pending().await,
                }
            };
            let next = async {
                match &mut self.signals {
                    Some(signals) => signals.next().await,
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

impl Drop for Stopping {
    fn drop(&mut self) {
        *SIGNALS.lock().unwrap_or_else(PoisonError::into_inner) = self.signals.take();
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
        assert_eq!(level(&[(Terminate, 0), (Terminate, 1)]), StopLevel::Now);
        assert_eq!(level(&[(Hangup, 0), (Interrupt, 1)]), StopLevel::Now);
        assert_eq!(level(&[(Hangup, 0), (Terminate, 20)]), StopLevel::Now);
    }

    #[test]
    fn the_first_signal_is_the_one_that_is_told() {
        let first = Stage::default().after(Caught::Hangup, 0).unwrap();
        let second = first.after(Caught::Interrupt, 0).unwrap();
        assert_eq!((second.caught, second.level), (Some(Caught::Hangup), StopLevel::Now));
    }
}
