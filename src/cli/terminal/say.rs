//! Writing to standard output and standard error. A reader that goes away must not end a campaign,
//! as the standard macros would: they panic where a pipe is closed or a disk is full.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};

use crate::ops::failure::Failure;
use crate::report::human::{columns, show_on, wrapped, wrapped_to};
use crate::report::painted;
use crate::system::terminal::{Stream, size, stops_writers, went_away};

/// Whether the program is a run, which must not be stopped for what it writes.
static IS_RUN: AtomicBool = AtomicBool::new(false);

/// From now on nothing is written to a terminal that would stop the program for it: one whose user
/// wants no output from the background (`stty tostop`).
pub(crate) fn never_stop() {
    IS_RUN.store(true, Ordering::SeqCst);
}

fn is_let(stream: Stream) -> bool {
    !IS_RUN.load(Ordering::SeqCst) || !stops_writers(stream)
}

/// Makes texts as wide as the terminal that shows them, if one does.
pub(crate) fn fit_the_terminal() {
    if let Some((columns, _)) = size(Stream::Err).or_else(|| size(Stream::Out)) {
        show_on(usize::from(columns));
    }
}

/// Whether text there may be coloured: it is a terminal that can, and its user wants it
/// (`NO_COLOR`, `CLICOLOR` and `CLICOLOR_FORCE` are heeded).
pub(crate) fn is_coloured(stream: &impl RawStream) -> bool {
    AutoStream::choice(stream) != ColorChoice::Never
}

/// Writes what was asked for to standard output, as a document for people.
///
/// # Errors
/// As of `data`.
pub(crate) fn answer(text: &str) -> Result<(), Failure> {
    data(&document_for(&io::stdout(), text))
}

/// Writes a document for people to standard error.
pub(crate) fn show(text: &str) {
    note(&document_for(&io::stderr(), text));
}

fn document_for(stream: &impl RawStream, text: &str) -> String {
    if is_coloured(stream) { painted::document(text) } else { text.to_owned() }
}

/// Writes a line of data to standard output. A reader that has read enough is no failure.
///
/// # Errors
/// `Failure` if the data cannot be written, as on a full disk.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    bytes(format!("{text}\n").as_bytes())
}

/// Writes data as it is to standard output. A reader that has read enough is no failure.
///
/// # Errors
/// `Failure` if the data cannot be written, as on a full disk.
pub(crate) fn bytes(data: &[u8]) -> Result<(), Failure> {
    if !is_let(Stream::Out) {
        return Ok(());
    }
    printed(written(&mut io::stdout().lock(), data))
}

/// Draws a text from the top of the terminal on, over what was drawn there before, as far as it
/// fits.
///
/// # Errors
/// `Failure` if standard output is no terminal, or cannot be written.
pub(crate) fn redraw(text: &str, is_first: bool) -> Result<(), Failure> {
    const HOME: &str = "\x1b[H";
    const CLEAR_BELOW: &str = "\x1b[J";
    const CLEAR_BEHIND: &str = "\x1b[K";
    if !io::stdout().is_terminal() {
        return Err(Failure::usage(
            "there is nothing to watch on",
            "standard output is no terminal, on which something could be drawn anew",
            "run `fleetsweep status` without --watch, with --json for programs; or let \
             `fleetsweep resume --on-event` tell what happens",
        ));
    }
    let rows = size(Stream::Out).map_or(24, |(_, rows)| usize::from(rows));
    let text = document_for(&io::stdout(), text);
    let lines: String =
        text.lines().take(rows.max(2) - 1).map(|line| format!("{line}{CLEAR_BEHIND}\n")).collect();
    let begin = if is_first { format!("{HOME}{CLEAR_BELOW}") } else { HOME.to_owned() };
    bytes(format!("{begin}{lines}{CLEAR_BELOW}").as_bytes())
}

/// What became of something that was written to standard output.
///
/// # Errors
/// `Failure` if it could not be written, though somebody reads it.
pub(crate) fn printed(done: io::Result<()>) -> Result<(), Failure> {
    match done {
        Err(error) if !is_unread(&error) => {
            let next = "free space where standard output goes, then run `fleetsweep status`";
            Err(Failure::failed("standard output cannot be written", error, next))
        }
        _ => Ok(()),
    }
}

/// Whether nobody reads standard output any more: a pipe that was closed, or a terminal that went
/// away, of which the system says the same as of a broken disk.
pub(crate) fn is_unread(error: &io::Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe || went_away(error)
}

/// Writes a line for people to standard error. Who does not read it misses it.
pub(crate) fn note(text: &str) {
    if is_let(Stream::Err) {
        written(&mut io::stderr().lock(), format!("{text}\n").as_bytes()).ok();
    }
}

/// Writes a sentence for people to standard error: on a terminal in lines that are broken between
/// words, elsewhere on one.
pub(crate) fn told(text: &str) {
    note(&if io::stderr().is_terminal() { by_words(text) } else { text.to_owned() });
}

/// A line for people, for standard output or for standard error: on a terminal broken between
/// words, elsewhere as it is.
pub(crate) fn fitting(line: &str, is_answer: bool) -> String {
    let shows = if is_answer { io::stdout().is_terminal() } else { io::stderr().is_terminal() };
    if shows { by_words(line) } else { line.to_owned() }
}

/// The text in lines as wide as the terminal, each broken between words.
pub(crate) fn by_words(text: &str) -> String {
    let line = |line: &str| {
        let indent = line.len() - line.trim_start_matches(' ').len();
        wrapped(line, indent + 2)
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn written(to: &mut impl Write, data: &[u8]) -> io::Result<()> {
    to.write_all(data)?;
    to.flush()
}

/// Says why the program ends and returns its exit code.
pub(crate) fn failure(failure: &Failure, json: bool) -> u8 {
    if json {
        // What cannot be written is told below in any case.
        data(&failure.json()).ok();
    }
    let mut text = failure.to_string();
    // What reads a pipe finds each of the three on a line of its own.
    if io::stderr().is_terminal() {
        let lines = text.lines().map(|line| wrapped_to(line, 7, columns()));
        text = lines.collect::<Vec<_>>().join("\n");
    }
    note(&if is_coloured(&io::stderr()) { painted::failure(&text) } else { text });
    failure.kind.code()
}
