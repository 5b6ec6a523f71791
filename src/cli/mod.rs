//! The command line: what was typed becomes a request, and an operation carries it out with the
//! terminal as its face. Nothing about scans is decided here.

pub mod args;
mod commands;
pub mod complete;
mod manual;
mod nearest;
pub mod parse;
mod proposals;
mod schedule;
mod settings;
mod terminal;
mod topics;

use args::Common;
pub use parse::Parsed;
use terminal::{log, say, view};

use crate::clock::unreadable_zone;
use crate::domain::Exit;
use crate::domain::text::printable;
use crate::ops::failure::Failure;
pub use crate::system::stack::with_room;
use crate::system::{open_files, signals};

/// Runs a command and returns its exit code; a failure is printed here and nowhere else.
pub async fn run(parsed: Parsed) -> u8 {
    log::start(parsed.cli.verbose, view::log_writer());
    signals::take_the_harmless();
    let Common { is_a_run, shows_times, json, .. } = parsed.cli.command.common();
    if is_a_run {
        say::never_stop();
    }
    open_files::raise();
    say::fit_the_terminal();
    if shows_times && let Some(zone) = unreadable_zone() {
        let zone = printable(&zone);
        say::note(&format!("Warning: {zone} cannot be read: times are shown in UTC."));
    }
    let ended = commands::run(parsed).await;
    ended.map_or_else(|failure| say::failure(&failure, json), Exit::code)
}

/// Says that the system gives the program no threads or no timer, and returns the exit code.
pub fn no_runtime(error: &std::io::Error) -> u8 {
    let next = "check the limits on open files and processes (ulimit -a), then try again";
    let what = "the program cannot start";
    say::failure(&Failure::failed(what, error, next), false)
}
