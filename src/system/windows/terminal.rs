//! Terminals: their size, and asking a question. Any process of a console may write to it.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};

use terminal_size::{Height, Width, terminal_size_of};

use super::win32;
pub use crate::system::values::Stream;

/// Columns and rows of the terminal there. Returns `None` if there is none, or if it does not say.
pub fn size(stream: Stream) -> Option<(u16, u16)> {
    let size = match stream {
        Stream::Out => terminal_size_of(io::stdout()),
        Stream::Err => terminal_size_of(io::stderr()),
    };
    size.map(|(Width(columns), Height(rows))| (columns, rows))
}

/// Whether a terminal is there: no process of it is in the background.
pub fn is_in_front(stream: Stream) -> bool {
    match stream {
        Stream::Out => io::stdout().is_terminal(),
        Stream::Err => io::stderr().is_terminal(),
    }
}

/// `false`: no terminal stops who writes to it.
pub fn stops_writers(_stream: Stream) -> bool {
    false
}

/// `false`: a terminal that goes away is a pipe that is closed.
pub fn went_away(_error: &io::Error) -> bool {
    false
}

/// Nothing: a console shows no `^C`.
#[derive(Debug)]
pub struct NoCaret(());

impl NoCaret {
    /// Does nothing.
    pub fn begin() -> Self {
        Self(())
    }
}

/// The console at which somebody can be asked, also where the three streams lead elsewhere.
#[derive(Debug)]
pub struct Console {
    input: File,
    output: File,
}

impl Console {
    /// Opens it.
    ///
    /// # Errors
    /// As of the system, if there is none.
    pub fn open() -> io::Result<Self> {
        let open = |name| OpenOptions::new().read(true).write(true).open(name);
        Ok(Self { input: open("CONIN$")?, output: open("CONOUT$")? })
    }

    /// `false`: no process of a console is in the background.
    pub fn is_in_background(&self) -> bool {
        false
    }

    /// Forgets what was typed and not yet read.
    ///
    /// # Errors
    /// As of the system.
    pub fn forget_what_was_typed(&self) -> io::Result<()> {
        win32::flush_console(&self.input)
    }

    /// Where it is written to.
    pub fn output(&self) -> &File {
        &self.output
    }

    /// Where what is typed is read from.
    pub fn input(&self) -> &File {
        &self.input
    }
}
