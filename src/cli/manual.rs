//! `completions` and `man`: what shells and the manual know of the command line, made from the same
//! definition that parses it.

use clap::CommandFactory;

use super::args::{Cli, CompletionsArgs, ManArgs};
use super::failure::Failure;
use super::say;

/// Prints the script for a shell, and returns the exit code.
///
/// # Errors
/// `Failure` if standard output cannot be written.
pub(super) fn completions(args: &CompletionsArgs) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "fleetsweep", &mut script);
    say::data(String::from_utf8_lossy(&script).trim_end())?;
    Ok(0)
}

/// Writes a page for the program and each command, and returns the exit code.
///
/// # Errors
/// `Failure` if a page cannot be written.
pub(super) fn pages(args: &ManArgs) -> Result<u8, Failure> {
    clap_mangen::generate_to(Cli::command(), &args.folder).map_err(|error| {
        let what = format!("the pages cannot be written into {}", args.folder.display());
        let next = "name a folder that is there and that you can write to";
        Failure::new(1, what, error.to_string(), next)
    })?;
    say::note(&format!("The manual pages are in {}.", args.folder.display()));
    Ok(0)
}
