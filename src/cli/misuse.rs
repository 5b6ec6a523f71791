//! What the user reads when the command line cannot be parsed: what, why, and what to do next, as
//! for every other failure. Help and the version are not failures and are printed as they are.

use std::fmt::Write as _;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::args::Cli;
use super::failure::Failure;

/// Parses the command line of this process.
///
/// # Errors
/// The exit code, after the help, the version or the failure was printed.
pub fn parse() -> Result<Cli, u8> {
    Cli::try_parse().map_err(|error| {
        if !error.use_stderr()
            || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            // Whoever closed the pipe has read enough of the help.
            error.print().ok();
            return code;
        }
        let failure = explained(&error);
        let json = std::env::args_os().any(|arg| arg == "--json");
        super::tell(&failure, json)
    })
}

fn explained(error: &clap::Error) -> Failure {
    let said = error.to_string();
    let said = said.strip_prefix("error: ").unwrap_or(&said);
    // The first paragraph says what is wrong; usage and hints follow.
    let said = said.split("\n\n").next().unwrap_or(said).trim();
    if error.kind() == ErrorKind::MissingRequiredArgument {
        return missing(&strings(error, ContextKind::InvalidArg));
    }
    let (what, why) = match error.kind() {
        ErrorKind::ArgumentConflict => (said, "the two exclude each other"),
        ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand => (said, "there is no such one"),
        _ => said.split_once(": ").unwrap_or((said, "it stands without what belongs to it")),
    };
    let mut next = String::new();
    for kind in [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand] {
        for name in strings(error, kind) {
            write!(next, "did you mean `{name}`? else ").unwrap_or_default();
        }
    }
    if next.is_empty() && error.kind() == ErrorKind::ArgumentConflict {
        next += "leave one of them out, or ";
    }
    Failure::usage(one_line(what), one_line(why), format!("{next}see `{}`", help()))
}

fn missing(args: &[String]) -> Failure {
    let why = |arg: &String| {
        if arg.starts_with("--comment") {
            "the API wants a comment with every scan, and the portal shows it"
        } else if arg.starts_with("--type") {
            "a full scan takes hours and a quick one minutes, so nothing is chosen for you"
        } else if arg.starts_with("<DEVICES>") {
            "without a list there is nothing to scan"
        } else {
            "the command needs it"
        }
    };
    let next = |arg: &String| match arg.split([' ', '<']).next() {
        Some("--comment") => "--comment \"Incident 4711\"".to_owned(),
        Some("--type") => "--type quick or --type full".to_owned(),
        _ if arg.starts_with("<DEVICES>") => {
            "a file with device ids, or - for standard input".into()
        }
        _ => arg.clone(),
    };
    let whys: Vec<&str> = args.iter().map(why).collect();
    let nexts: Vec<String> = args.iter().map(next).collect();
    Failure::usage(
        format!("the command line lacks {}", args.join(" and ")),
        whys.join("; "),
        format!("add {}; for all options see `{}`", nexts.join(" and "), help()),
    )
}

/// The help of the subcommand that was typed, if there is one of that name.
fn help() -> String {
    let known = <Cli as clap::CommandFactory>::command();
    let typed = std::env::args().skip(1).find(|arg| known.find_subcommand(arg).is_some());
    typed.map_or_else(|| "fleetsweep --help".to_owned(), |name| format!("fleetsweep {name} --help"))
}

fn strings(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(one)) => vec![one.clone()],
        Some(ContextValue::Strings(all)) => all.clone(),
        _ => Vec::new(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
