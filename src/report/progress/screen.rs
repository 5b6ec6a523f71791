//! Where bars are drawn: a terminal on which nothing can fail. The library that draws takes an
//! error of the terminal for one that cannot be, and panics; but terminals go away in the middle of
//! a run, when a window is closed or a connection breaks. What cannot be written is dropped, so
//! that nothing piles up either.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressDrawTarget, TermLike};

use crate::system::terminal::{self, Stream};

/// Redraws a second at most.
const HERTZ: u8 = 20;

/// What is written to, by bars and by lines.
pub(super) type Out = Arc<Mutex<Box<dyn Write + Send>>>;

/// What a screen must know of its terminal.
#[derive(Clone, Copy)]
pub struct Look {
    /// Columns and rows.
    pub size: fn() -> (u16, u16),
    /// Whether the program is in the foreground of its terminal. In the background the terminal
    /// belongs to somebody else, whose lines the bars would overwrite.
    pub is_in_front: fn() -> bool,
    /// Whether the program would be stopped if it wrote there now.
    pub stops_writers: fn() -> bool,
}

impl Look {
    /// That of standard error.
    pub fn stderr() -> Self {
        Self {
            // That of old terminals where it does not say.
            size: || terminal::size(Stream::Err).unwrap_or((80, 24)),
            is_in_front: || terminal::is_in_front(Stream::Err),
            stops_writers: || terminal::stops_writers(Stream::Err),
        }
    }
}

/// A terminal that drops what it cannot show.
#[derive(Clone)]
pub(super) struct Screen(Arc<Inner>);

struct Inner {
    out: Out,
    look: Look,
    /// What was drawn since the last flush.
    frame: Mutex<Vec<u8>>,
    in_front: AtomicBool,
}

impl Screen {
    pub(super) fn new(out: Out, look: Look) -> Self {
        let in_front = AtomicBool::new(true);
        Self(Arc::new(Inner { out, look, frame: Mutex::default(), in_front }))
    }

    /// A target that knows of no bars that were drawn before.
    pub(super) fn target(&self) -> ProgressDrawTarget {
        ProgressDrawTarget::term_like_with_hz(Box::new(self.clone()), HERTZ)
    }

    /// Whether bars may be drawn now, and whether that has just come back.
    pub(super) fn in_front(&self) -> (bool, bool) {
        let now = (self.0.look.is_in_front)();
        let before = self.0.in_front.swap(now, Ordering::SeqCst);
        (now, now && !before)
    }

    /// Whether text may be written now.
    pub(super) fn takes_text(&self) -> bool {
        !(self.0.look.stops_writers)()
    }

    fn draw(&self, bytes: impl fmt::Display) -> io::Result<()> {
        // A frame in memory takes what it is given.
        drop(write!(self.frame(), "{bytes}"));
        Ok(())
    }

    fn frame(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.frame.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Screen")
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        (self.0.look.size)().0
    }

    fn height(&self) -> u16 {
        (self.0.look.size)().1
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        if n > 0 { self.draw(format_args!("\x1b[{n}A")) } else { Ok(()) }
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        if n > 0 { self.draw(format_args!("\x1b[{n}B")) } else { Ok(()) }
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        if n > 0 { self.draw(format_args!("\x1b[{n}C")) } else { Ok(()) }
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        if n > 0 { self.draw(format_args!("\x1b[{n}D")) } else { Ok(()) }
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.draw(format_args!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.draw(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.draw("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        let frame = std::mem::take(&mut *self.frame());
        if !frame.is_empty() && self.0.in_front.load(Ordering::SeqCst) {
            let mut out = self.0.out.lock().unwrap_or_else(PoisonError::into_inner);
            // A frame that nobody sees is not worth more.
            drop(out.write_all(&frame).and_then(|()| out.flush()));
        }
        Ok(())
    }
}
