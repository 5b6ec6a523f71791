//! Terminals: their size, who may write on one, and asking a question.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{FileType, fstat};
use rustix::io::Errno;
use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, Termios, isatty, tcflush, tcgetattr, tcgetpgrp,
    tcgetwinsize, tcsetattr,
};

pub use crate::system::values::Stream;

fn with<T>(stream: Stream, ask: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
    match stream {
        Stream::Out => ask(io::stdout().as_fd()),
        Stream::Err => ask(io::stderr().as_fd()),
    }
}

/// Columns and rows of the terminal there. Returns `None` if there is none, or if it does not say.
pub fn size(stream: Stream) -> Option<(u16, u16)> {
    let size = with(stream, |terminal| tcgetwinsize(terminal)).ok()?;
    if size.ws_col > 0 && size.ws_row > 0 { Some((size.ws_col, size.ws_row)) } else { None }
}

/// Whether a terminal is there of which this program is in the foreground. One that is not the
/// controlling terminal has no foreground, and one that went away has nothing to show.
pub fn is_in_front(stream: Stream) -> bool {
    match with(stream, |terminal| tcgetpgrp(terminal)) {
        Ok(front) => front == getpgrp(),
        Err(Errno::IO) => false,
        Err(_) => with(stream, |terminal| isatty(terminal)),
    }
}

/// Whether the terminal there stops this program for writing to it: in the background, where its
/// user wants no output from there (TOSTOP, see termios(3)).
pub fn stops_writers(stream: Stream) -> bool {
    let is_behind =
        with(stream, |terminal| tcgetpgrp(terminal)).is_ok_and(|front| front != getpgrp());
    let stops = |set: Termios| set.local_modes.contains(LocalModes::TOSTOP);
    is_behind && with(stream, |terminal| tcgetattr(terminal)).is_ok_and(stops)
}

/// Whether an error of standard output says that its terminal went away: the system says the same
/// of a broken disk.
pub fn went_away(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::IO.raw_os_error())
        && fstat(io::stdout())
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_char_device())
}

/// Keeps the terminal of standard error from showing `^C`, which would tear what is drawn there, as
/// long as it lives. In the background the terminal is set for somebody else, and setting it would
/// stop the program.
#[derive(Debug)]
pub struct NoCaret(Option<Termios>);

impl NoCaret {
    /// From now on, if that terminal is there.
    pub fn begin() -> Self {
        let before = if is_in_front(Stream::Err) { tcgetattr(io::stderr()).ok() } else { None };
        if let Some(mut now) = before.clone() {
            now.local_modes.remove(LocalModes::ECHOCTL);
            // A terminal that refuses shows what it always shows.
            tcsetattr(io::stderr(), OptionalActions::Now, &now).ok();
        }
        Self(before)
    }
}

impl Drop for NoCaret {
    fn drop(&mut self) {
        if let Some(before) = &self.0
            && is_in_front(Stream::Err)
        {
            tcsetattr(io::stderr(), OptionalActions::Now, before).ok();
        }
    }
}

/// The terminal at which somebody can be asked, also where the three streams lead elsewhere.
#[derive(Debug)]
pub struct Console(File);

impl Console {
    /// Opens it.
    ///
    /// # Errors
    /// As of the system, if there is none.
    pub fn open() -> io::Result<Self> {
        OpenOptions::new().read(true).write(true).open("/dev/tty").map(Self)
    }

    /// Whether somebody else is asked there now.
    pub fn is_in_background(&self) -> bool {
        tcgetpgrp(&self.0).is_ok_and(|front| front != getpgrp())
    }

    /// Forgets what was typed and not yet read.
    ///
    /// # Errors
    /// As of the system.
    pub fn forget_what_was_typed(&self) -> io::Result<()> {
        Ok(tcflush(&self.0, QueueSelector::IFlush)?)
    }

    /// Where it is written to.
    pub fn output(&self) -> &File {
        &self.0
    }

    /// Where what is typed is read from.
    pub fn input(&self) -> &File {
        &self.0
    }
}
