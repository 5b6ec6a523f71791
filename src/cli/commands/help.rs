//! `help`: a topic, a command, or what there is.

use std::io;

use clap::CommandFactory;

use crate::cli::args::{Cli, HelpArgs};
use crate::cli::manual::on_screen;
use crate::cli::nearest::nearest_name;
use crate::cli::terminal::say;
use crate::cli::topics::{TOPICS, Topic};
use crate::domain::Exit;
use crate::domain::text::printable;
use crate::ops::failure::Failure;
use crate::report::human::WIDTH;
use crate::system::terminal::{Stream, size};

/// Prints it, and returns the exit code.
///
/// # Errors
/// `Failure` if there is no such topic or command, or if standard output cannot be written.
pub(super) fn help(args: &HelpArgs) -> Result<Exit, Failure> {
    let subject = args.subject.as_deref();
    if let Some(topic) = subject.and_then(Topic::named) {
        let is_bold = say::is_coloured(&io::stdout());
        say::data(on_screen(topic, columns(), is_bold).trim_end())?;
        return Ok(Exit::Done);
    }
    let mut program = Cli::command();
    if let Some(word) = subject
        && program.find_subcommand(word).is_none()
    {
        return Err(unknown(&program, word));
    }
    let words = ["fleetsweep"].into_iter().chain(subject).chain(["--help"]);
    match program.try_get_matches_from_mut(words) {
        Err(help) => say::printed(help.print()).map(|()| Exit::Done),
        Ok(_) => Ok(Exit::Done),
    }
}

/// The width of the text: the terminal's, as far as lines stay easy to read.
fn columns() -> usize {
    size(Stream::Out).map_or(WIDTH, |(columns, _)| usize::from(columns).clamp(20, WIDTH))
}

fn unknown(program: &clap::Command, word: &str) -> Failure {
    let commands = program.get_subcommands().map(clap::Command::get_name);
    let known = commands.chain(TOPICS.iter().map(|topic| topic.name));
    let meant = nearest_name(word, known);
    let guess = meant.map_or(String::new(), |name| format!("did you mean `{name}`? else "));
    Failure::usage(
        format!("there is no help about `{}`", printable(word)),
        "it is neither a command nor a topic",
        format!("{guess}see `fleetsweep help` for all of them"),
    )
}
