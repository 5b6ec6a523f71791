//! `completions` and `man`: what shells and the manual know of the command line, made from the same
//! definition that parses it.

use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::cli::args::{Cli, CompletionsArgs, ManArgs, exit_codes};
use crate::cli::terminal::say;
use crate::domain::Exit;
use crate::ops::failure::Failure;

/// Prints the script for a shell, and returns the exit code.
///
/// # Errors
/// `Failure` if standard output cannot be written.
pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "fleetsweep", &mut script);
    say::data(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Done)
}

/// Writes a page for the program and each command, and returns the exit code.
///
/// # Errors
/// `Failure` if a page cannot be written.
pub(super) fn pages(args: &ManArgs) -> Result<Exit, Failure> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let shown = program.get_subcommands().filter(|command| !command.is_hide_set());
    let all = std::iter::once(&program).chain(shown);
    all.cloned().try_for_each(|command| write(command, &args.folder)).map_err(|error| {
        let what = format!("the pages cannot be written into {}", args.folder.display());
        let next = "name a folder that is there and that you can write to";
        Failure::failed(what, error, next)
    })?;
    say::note(&format!("The manual pages are in {}.", args.folder.display()));
    Ok(Exit::Done)
}

/// Writes the page of one command. Examples and exit codes are tables: their lines stay.
fn write(command: Command, folder: &Path) -> io::Result<()> {
    let examples = command.get_before_help().map(ToString::to_string);
    let has_commands = command.get_subcommands().next().is_some();
    let page = Man::new(command);
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    if has_commands {
        page.render_subcommands_section(&mut text)?;
    }
    if let Some(examples) = examples {
        text.extend(table("EXAMPLES", &examples).bytes());
    }
    text.extend(table("EXIT STATUS", &exit_codes()).bytes());
    std::fs::write(folder.join(page.get_filename()), text)
}

/// A section whose lines are not filled, without the heading that the text itself begins with.
fn table(name: &str, text: &str) -> String {
    let lines = text.lines().filter(|line| !matches!(*line, "Examples:" | "Exit codes:"));
    let lines = lines.map(|line| {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        // A line that begins so would be a request.
        let request = line.starts_with(['.', '\'']);
        if request { format!("\\&{line}") } else { line }
    });
    let lines: Vec<String> = lines.collect();
    format!(".SH \"{name}\"\n.nf\n{}\n.fi\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_table_stay_as_they_are() {
        let text = table("EXAMPLES", "Examples:\n  a --b \\\n.c\n'd");
        let lines = "  a \\-\\-b \\e\n\\&.c\n\\&'d";
        assert_eq!(text, format!(".SH \"EXAMPLES\"\n.nf\n{lines}\n.fi\n"));
    }
}
