//! `completions` and `man`: what shells and the manual know of the command line, made from the same
//! definition that parses it.

use std::io;
use std::path::Path;

use clap::CommandFactory;

use crate::cli::args::{Cli, CompletionsArgs, ManArgs};
use crate::cli::complete::registration;
use crate::cli::manual::{page, topic_page};
use crate::cli::terminal::say;
use crate::cli::topics::TOPICS;
use crate::domain::Exit;
use crate::domain::text::in_words;
use crate::ops::failure::Failure;

/// Prints the script for a shell, and returns the exit code.
///
/// # Errors
/// `Failure` if standard output cannot be written.
pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let script = registration(args.shell).map_err(|error| {
        let what = format!("there is no completion for {}", args.shell);
        Failure::failed(what, error, "see `fleetsweep completions --help` for the shells")
    })?;
    say::data(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Done)
}

/// Writes a page for the program, each command and each topic, and returns the exit code.
///
/// # Errors
/// `Failure` if a page cannot be written.
pub(super) fn pages(args: &ManArgs) -> Result<Exit, Failure> {
    write(&args.folder).map_err(|error| {
        let what = format!("the pages cannot be written into {}", args.folder.display());
        let next = "name a folder that is there and that you can write to";
        Failure::failed(what, in_words(&error), next)
    })?;
    say::note(&format!("The manual pages are in {}.", args.folder.display()));
    Ok(Exit::Done)
}

fn write(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut program = Cli::command();
    program.build();
    let shown = program.get_subcommands().filter(|command| !command.is_hide_set());
    for command in std::iter::once(&program).chain(shown) {
        let (name, text) = page(command.clone())?;
        std::fs::write(folder.join(name), text)?;
    }
    TOPICS.into_iter().try_for_each(|topic| {
        std::fs::write(folder.join(format!("fleetsweep-{}.7", topic.name)), topic_page(topic))
    })
}
