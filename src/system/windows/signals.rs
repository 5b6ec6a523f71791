//! What asks the program to stop: Ctrl-C, Ctrl-Break, a window that is closed, a user who logs off,
//! a machine that is shut down. The task scheduler's "End" asks nothing: it kills.

use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlLogoff, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close,
    ctrl_logoff, ctrl_shutdown,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::domain::Caught;

struct Signals {
    interrupt: CtrlC,
    stop: CtrlBreak,
    close: CtrlClose,
    log_off: CtrlLogoff,
    shut_down: CtrlShutdown,
}

/// Begins to take them, and hands them on as they come. Call it inside the runtime.
///
/// # Errors
/// As of the system.
pub fn listen() -> std::io::Result<UnboundedReceiver<Caught>> {
    let mut signals = Signals {
        interrupt: ctrl_c()?,
        stop: ctrl_break()?,
        close: ctrl_close()?,
        log_off: ctrl_logoff()?,
        shut_down: ctrl_shutdown()?,
    };
    let (to_operation, heard) = unbounded_channel();
    tokio::spawn(async move { while to_operation.send(signals.next().await).is_ok() {} });
    Ok(heard)
}

impl Signals {
    async fn next(&mut self) -> Caught {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => Caught::Interrupt,
            _ = self.stop.recv() => Caught::Terminate,
            // Windows kills the program some five seconds later.
            _ = self.close.recv() => Caught::Ending,
            _ = self.log_off.recv() => Caught::Ending,
            _ = self.shut_down.recv() => Caught::Ending,
        }
    }
}

/// Nothing: there are none that ask for nothing.
pub fn take_the_harmless() {}
