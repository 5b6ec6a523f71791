//! The signals that ask the program to stop, for `ops::stop`. Which signals end nothing is
//! `ignored_signals`'s.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::ignored_signals::is_hangup_ignored;
pub use super::ignored_signals::take_the_harmless;
use crate::domain::Caught;

/// The limit on CPU time, which repeats every second.
const CPU_TIME: i32 = 24;

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// The terminal went away, as when a remote session breaks. None if whoever started the program
    /// wants that to end nothing, as nohup does.
    hangup: Option<Signal>,
    cpu_time: Signal,
}

/// Begins to take the signals, and hands them on as they come. Call it inside the runtime.
///
/// # Errors
/// As of the system.
pub fn listen() -> std::io::Result<UnboundedReceiver<Caught>> {
    let mut signals = Signals::new()?;
    let (to_operation, heard) = unbounded_channel();
    tokio::spawn(async move { while to_operation.send(signals.next().await).is_ok() {} });
    Ok(heard)
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        let hangup = if is_hangup_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
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
