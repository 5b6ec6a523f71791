//! Parsing the command line, and what the user reads when that fails: what, why, and what to do
//! next, as for every other failure. Help and the version are no failures and are printed as they
//! are.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches, Parser};

use super::args::{Cli, SettingsArgs};
use super::nearest::nearest_name;
use super::settings::config::{Settings, Source, Typed};
use super::terminal::say;
use crate::domain::request::{ConnectRequest, ScanRequest};
use crate::ops::failure::Failure;
use crate::report::human::listed;

/// Options that mean nothing without another one: the option, and what it needs. clap's own
/// `requires` is not asked: it forgives a missing option that could not stand beside others on the
/// line, so `--scenario` beside a tenant would be a real scan for somebody who means to rehearse.
const NEEDS: [(&str, &str); 11] = [
    ("approve_plan", "plan"),
    ("canary_random", "canary"),
    ("canary_seed", "canary"),
    ("follow_every", "follow"),
    ("follow_for", "follow"),
    ("force", "output"),
    ("last_order", "windows"),
    ("scenario", "emulator"),
    ("seed", "emulator"),
    ("strict_names", "names"),
    ("wave_wait", "waves"),
];

/// A command line, and what holds where it says nothing.
#[derive(Debug)]
pub struct Parsed {
    /// What was typed.
    pub cli: Cli,
    /// Where settings come from, for people.
    pub(super) settings: Settings,
    /// What the settings file and the environment say.
    pub(super) defaults: ScanRequest,
    /// The store that they name.
    pub(super) store: Option<String>,
    /// What they say of each tenant, where several profiles are meant.
    pub(super) tenants: Vec<ConnectRequest>,
}

/// Parses the command line of this process.
///
/// # Errors
/// The exit code, after the help, the version or the failure was printed.
pub fn parse() -> Result<Parsed, u8> {
    let typed: Vec<OsString> = std::env::args_os().collect();
    read(&typed).map_err(|refusal| match refusal {
        Refusal::Words(error) => refused(&error),
        Refusal::Settings(failure) => told(&failure),
    })
}

/// Parses the words after the program of a command line that another process is to have.
///
/// # Errors
/// `Failure` as that process would give it.
pub(super) fn read_other(words: &[String]) -> Result<Parsed, Failure> {
    let program = std::iter::once("fleetsweep".to_owned());
    let typed: Vec<OsString> = program.chain(words.iter().cloned()).map(OsString::from).collect();
    read(&typed).map_err(|refusal| match refusal {
        Refusal::Words(error) if error.use_stderr() => explained(&error, words.iter().cloned()),
        Refusal::Words(_) => Failure::usage(
            "the command line only shows help",
            "it holds --help or --version, with which nothing is done",
            "leave that out",
        ),
        Refusal::Settings(failure) => failure,
    })
}

/// Why a command line is not taken.
enum Refusal {
    /// Its words, or a request for help.
    Words(clap::Error),
    /// The settings file or the environment.
    Settings(Failure),
}

fn read(typed: &[OsString]) -> Result<Parsed, Refusal> {
    let mut whole = Cli::command();
    let matches = whole.try_get_matches_from_mut(typed).map_err(Refusal::Words)?;
    let command = matches.subcommand_name().and_then(|name| whole.find_subcommand(name));
    let of_command = matches.subcommand().map_or(&matches, |(_, of)| of);
    let typed = Typed { command: command.unwrap_or(&whole), matches: of_command };
    let settings = Settings::read(&typed).map_err(Refusal::Settings)?;
    let defaults = said_by(&settings)?;
    let mut tenants = Vec::new();
    for profile in Settings::of_profiles(&typed).map_err(Refusal::Settings)? {
        let said = said_by(&profile)?.request().map_err(Refusal::Settings)?;
        tenants.push(said.run.connect);
    }
    if let Some(command) = command {
        lacks_what_it_needs(command, of_command).map_err(Refusal::Words)?;
    }
    let cli = Cli::from_arg_matches(&matches).map_err(Refusal::Words)?;
    let store = defaults.store.clone();
    let defaults = defaults.request().map_err(Refusal::Settings)?;
    Ok(Parsed { cli, settings, defaults, store, tenants })
}

/// What the settings file and the environment say, by the parsers of flags.
fn said_by(settings: &Settings) -> Result<SettingsArgs, Refusal> {
    SettingsArgs::try_parse_from(settings.flags())
        .map_err(|error| Refusal::Settings(in_file(&error, settings)))
}

/// Refuses options without those that they need.
fn lacks_what_it_needs(command: &Command, matches: &ArgMatches) -> Result<(), clap::Error> {
    let argument = |id: &str| command.get_arguments().find(|argument| argument.get_id() == id);
    let given = |id: &str| {
        !matches!(matches.value_source(id), None | Some(clap::parser::ValueSource::DefaultValue))
    };
    for (option, needed) in NEEDS {
        if let (Some(alone), Some(missing)) = (argument(option), argument(needed))
            && given(option)
            && !given(needed)
        {
            let mut error = clap::Error::new(ErrorKind::MissingRequiredArgument);
            let named = |argument: &clap::Arg| {
                let long = argument.get_long().map(|long| format!("--{long}"));
                ContextValue::Strings(vec![long.unwrap_or_else(|| argument.to_string())])
            };
            error.insert(ContextKind::InvalidArg, named(missing));
            error.insert(ContextKind::PriorArg, named(alone));
            return Err(error);
        }
    }
    Ok(())
}

/// A value of the settings file or the environment that no flag could have.
fn in_file(error: &clap::Error, settings: &Settings) -> Failure {
    let failure = explained(error, std::env::args().skip(1));
    let flag = strings(error, ContextKind::InvalidArg).join(" ");
    let of_flag = settings.all.iter().find(|one| flag.starts_with(&format!("--{} ", one.name)));
    let place = match of_flag.map(|one| &one.source) {
        Some(Source::Environment(variable)) => format!("the variable {variable}"),
        _ => {
            let path = settings.path.as_deref().unwrap_or(Path::new(""));
            format!("the settings file {}", path.display())
        }
    };
    let next = format!("fix that value in {place}");
    Failure::usage(format!("{place}: {}", failure.what), failure.why, next)
}

fn told(failure: &Failure) -> u8 {
    say::failure(failure, std::env::args_os().any(|arg| arg == "--json"))
}

fn refused(error: &clap::Error) -> u8 {
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let code = u8::try_from(error.exit_code()).unwrap_or(2);
        return match say::printed(error.print()) {
            Ok(()) => code,
            Err(failure) => told(&failure),
        };
    }
    told(&explained(error, std::env::args().skip(1)))
}

fn explained(error: &clap::Error, words: impl Iterator<Item = String>) -> Failure {
    let words: Vec<String> = words.collect();
    if let Some(failure) = before_its_command(error, &words) {
        return failure;
    }
    let help = help(&words);
    if let Some(failure) = without_a_question(error, &words, &help) {
        return failure;
    }
    let said = error.to_string();
    let said = said.strip_prefix("error: ").unwrap_or(&said);
    // The first paragraph says what is wrong; usage and hints follow.
    let said = said.split("\n\n").next().unwrap_or(said).trim();
    if error.kind() == ErrorKind::MissingRequiredArgument {
        return missing(error, &help);
    }
    let known = strings(error, ContextKind::ValidValue);
    if !known.is_empty() {
        let what = said.lines().next().unwrap_or(said);
        let why = format!("write {}", listed(&known, "or"));
        return Failure::usage(one_line(what), why, format!("see `{help}`"));
    }
    let (what, why) = match error.kind() {
        ErrorKind::ArgumentConflict if said.contains("multiple times") => {
            (said, "it can be given once")
        }
        ErrorKind::ArgumentConflict => (said, "the two exclude each other"),
        ErrorKind::InvalidSubcommand => (said, "there is no such command"),
        ErrorKind::UnknownArgument if said.contains("'-") => (said, "there is no such option"),
        ErrorKind::UnknownArgument => (said, "the command takes no more words"),
        _ => said.split_once(": ").unwrap_or((said, "it stands without what belongs to it")),
    };
    let mut next = String::new();
    let program = Cli::command();
    let commands = || program.get_subcommands().map(Command::get_name);
    let typed = strings(error, ContextKind::InvalidSubcommand);
    let command = typed.first().and_then(|word| nearest_name(word, commands()));
    let options = strings(error, ContextKind::SuggestedArg);
    for name in options.iter().map(String::as_str).chain(command) {
        write!(next, "did you mean `{name}`? else ").unwrap_or_default();
    }
    if next.is_empty() && error.kind() == ErrorKind::ArgumentConflict {
        next += "leave one of them out, or ";
    }
    Failure::usage(one_line(what), one_line(why), format!("{next}see `{help}`"))
}

/// An option of the command that `schedule` starts, typed where those of `schedule` itself are.
fn before_its_command(error: &clap::Error, words: &[String]) -> Option<Failure> {
    let unknown = strings(error, ContextKind::InvalidArg);
    let name = unknown.first()?.strip_prefix("--")?.split(['=', ' ']).next()?;
    let known = Cli::command();
    let of_scan = known.find_subcommand("scan")?;
    let is_known = of_scan.get_arguments().any(|arg| arg.get_long() == Some(name));
    let command = typed(&known, words);
    if error.kind() != ErrorKind::UnknownArgument
        || !is_known
        || command.is_none_or(|command| command.get_name() != "schedule")
    {
        return None;
    }
    Some(Failure::usage(
        format!("--{name} is no option of `schedule`"),
        "it belongs to the command line that the timer starts",
        format!("write it after the --, such as: -- scan LIST --{name} ..."),
    ))
}

/// What other programs call going on without a question, typed at a command that asks one.
fn without_a_question(error: &clap::Error, words: &[String], help: &str) -> Option<Failure> {
    let unknown = strings(error, ContextKind::InvalidArg);
    let name = unknown.first()?;
    let is_meant = matches!(name.as_str(), "--yes" | "-y" | "--assume-yes" | "--no-confirm");
    let known = Cli::command();
    let command = typed(&known, words)?;
    let asks = command.get_arguments().any(|arg| arg.get_long() == Some("approve-max"));
    (error.kind() == ErrorKind::UnknownArgument && is_meant && asks).then(|| {
        Failure::usage(
            format!("there is no {name}"),
            "what is done to a whole fleet is confirmed with a number, so a wrong list stops it",
            format!("write --approve-max and how many you expect at most; see `{help}`"),
        )
    })
}

fn missing(error: &clap::Error, help: &str) -> Failure {
    let args = strings(error, ContextKind::InvalidArg);
    if let [alone] = &strings(error, ContextKind::PriorArg)[..] {
        let needed = listed(&args, "and");
        return Failure::usage(
            format!("{alone} means nothing without {needed}"),
            format!("it only says more about {needed}"),
            format!("add {needed}, or leave {alone} out; for all options see `{help}`"),
        );
    }
    let why = |arg: &String| {
        if arg.starts_with("--comment") {
            "the API wants a comment with every scan, and the portal shows it"
        } else if arg.starts_with("--type") {
            "a full scan takes hours and a quick one minutes, so nothing is chosen for you"
        } else if arg.starts_with("<DEVICES>") {
            "without a list there is nothing to scan"
        } else if arg.starts_with("<COMMAND>") {
            "a timer starts a command"
        } else {
            "there is no default for it"
        }
    };
    let next = |arg: &String| match arg.split([' ', '<']).next() {
        Some("--comment") => "--comment \"Incident 4711\"".to_owned(),
        Some("--type") => "--type quick or --type full".to_owned(),
        _ if arg.starts_with("<DEVICES>") => {
            "a file with device ids, or - for standard input".into()
        }
        _ if arg.starts_with("<COMMAND>") => "after --, the command that it starts".into(),
        _ if arg.starts_with('<') => {
            let choices: Vec<&str> = arg.trim_matches(['<', '>']).split('|').collect();
            format!("one of {}", listed(&choices, "or"))
        }
        _ => arg.clone(),
    };
    let mut whys: Vec<&str> = args.iter().map(why).collect();
    whys.dedup();
    let nexts: Vec<String> = args.iter().map(next).collect();
    Failure::usage(
        format!("the command line lacks {}", listed(&args, "and")),
        whys.join("; "),
        format!("add {}; for all options see `{help}`", listed(&nexts, "and")),
    )
}

/// The subcommand that was typed, if there is one of that name.
fn typed<'k>(known: &'k Command, words: &[String]) -> Option<&'k Command> {
    words.iter().find_map(|word| known.find_subcommand(word))
}

/// The help of the subcommand that was typed, or else of the program.
fn help(words: &[String]) -> String {
    let known = Cli::command();
    let of = |command: &Command| format!("fleetsweep {} --help", command.get_name());
    typed(&known, words).map_or_else(|| "fleetsweep --help".to_owned(), of)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(words: &str) -> bool {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        read_other(&words).is_err()
    }

    #[test]
    fn every_option_that_needs_another_is_one_of_a_command_that_has_both() {
        let whole = Cli::command();
        for (option, needed) in NEEDS {
            let has = |command: &Command, id: &str| {
                command.get_arguments().any(|argument| argument.get_id() == id)
            };
            let both = |command: &&Command| has(command, option) && has(command, needed);
            assert!(whole.get_subcommands().any(|command| both(&command)), "{option}");
        }
    }

    #[test]
    fn an_option_is_refused_without_the_one_that_it_needs_whatever_stands_beside_it() {
        let scan = "scan list.csv --type quick --comment x";
        let tenant = "--tenant 00000000-0000-0000-0000-000000000001";
        for alone in ["--scenario calm", "--seed 3"] {
            assert!(refused(&format!("{scan} {alone}")));
            assert!(
                refused(&format!("{scan} {tenant} {alone}")),
                "beside what excludes --emulator"
            );
            assert!(!refused(&format!("{scan} --emulator {alone}")));
        }
        let digest = format!("--approve-plan sha256:{}", "0".repeat(64));
        assert!(refused(&format!("{scan} --approve-max 3 {digest}")));
        assert!(refused(&format!("{scan} --no-check --strict-names")));
    }
}
