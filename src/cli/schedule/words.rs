//! The command line of a schedule, word by word: which words are values, which of these are paths.
//! It knows the options from the definition that parses them, and quotes nothing.

use clap::{Arg, Command, CommandFactory, ValueHint};

use crate::cli::args::Cli;

/// One part of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// The command, a switch, or the end of options.
    Plain(String),
    /// A value, with its flag if it has one.
    Value(Value),
}

/// A value of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    /// The flag as it was typed, such as `--report`.
    pub flag: Option<String>,
    /// Flag and value are one word.
    pub joined: bool,
    /// Its name in the definition of the command line.
    pub id: String,
    /// It is a path.
    pub is_path: bool,
    /// What was typed.
    pub text: String,
}

impl Word {
    /// The words that a shell hands over, with this in the place of the value.
    pub(super) fn with(&self, text: &str) -> Vec<String> {
        match self {
            Word::Plain(word) => vec![word.clone()],
            Word::Value(Value { flag: Some(flag), joined: true, .. }) => {
                vec![format!("{flag}={text}")]
            }
            Word::Value(Value { flag: Some(flag), .. }) => vec![flag.clone(), text.to_owned()],
            Word::Value(_) => vec![text.to_owned()],
        }
    }

    /// The value, if it is one.
    pub(super) fn value(&self) -> Option<&Value> {
        match self {
            Word::Plain(_) => None,
            Word::Value(value) => Some(value),
        }
    }
}

/// The words of a command line that the program's own parser has taken.
pub(super) fn read(typed: &[String]) -> Vec<Word> {
    let mut cli = Cli::command();
    cli.build();
    let mut command = &cli;
    let mut positional = 0;
    let mut only_values = false;
    let mut words = Vec::new();
    let mut typed = typed.iter();
    while let Some(word) = typed.next() {
        if only_values || !word.starts_with('-') || word == "-" {
            if let Some(chosen) = command.find_subcommand(word) {
                command = chosen;
                words.push(Word::Plain(word.clone()));
                continue;
            }
            let arg = command.get_positionals().nth(positional);
            let many =
                arg.is_some_and(|arg| arg.get_num_args().is_some_and(|n| n.max_values() > 1));
            positional += usize::from(!many && positional + 1 < command.get_positionals().count());
            words.push(value(arg, None, false, word));
            continue;
        }
        only_values = word == "--";
        if !word.starts_with("--") {
            words.extend(short(command, word, || typed.next().map(String::as_str)));
            continue;
        }
        let (flag, joined) = match word.split_once('=') {
            Some((flag, text)) => (flag, Some(text)),
            None => (word.as_str(), None),
        };
        let arg = flag.strip_prefix("--").and_then(|long| option(command, long));
        let text = match (arg, joined) {
            (Some(_), Some(text)) => Some(text),
            (Some(_), None) => typed.next().map(String::as_str),
            (None, _) => None,
        };
        match text {
            Some(text) => words.push(value(arg, Some(flag), joined.is_some(), text)),
            None => words.push(Word::Plain(word.clone())),
        }
    }
    words
}

/// What a word of short flags says, with each value behind the long form of its flag, which tells
/// people what it is: `-nt full` is `-n --type full`.
fn short<'a>(
    command: &Command,
    word: &'a str,
    mut next: impl FnMut() -> Option<&'a str>,
) -> Vec<Word> {
    let mut words = Vec::new();
    for (at, letter) in word.char_indices().skip(1) {
        let arg = command.get_arguments().find(|arg| arg.get_short() == Some(letter));
        let Some(arg) = arg.filter(|arg| arg.get_action().takes_values()) else {
            words.push(Word::Plain(format!("-{letter}")));
            continue;
        };
        let rest = &word[at + letter.len_utf8()..];
        let text = match rest.strip_prefix('=').unwrap_or(rest) {
            "" => next(),
            text => Some(text),
        };
        let flag = arg.get_long().map_or(format!("-{letter}"), |long| format!("--{long}"));
        words.push(value(Some(arg), Some(&flag), false, text.unwrap_or_default()));
        break;
    }
    words
}

/// The option of this name that takes a value.
fn option<'a>(command: &'a Command, long: &str) -> Option<&'a Arg> {
    command
        .get_arguments()
        .find(|arg| arg.get_long() == Some(long) && arg.get_action().takes_values())
}

fn value(arg: Option<&Arg>, flag: Option<&str>, joined: bool, text: &str) -> Word {
    let id = arg.map(|arg| arg.get_id().as_str().to_owned()).unwrap_or_default();
    let is_path = arg.is_some_and(|arg| arg.get_value_hint() == ValueHint::AnyPath)
        || (id == "scenario" && text.ends_with(".toml"));
    Word::Value(Value { flag: flag.map(str::to_owned), joined, id, is_path, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(line: &[&str]) -> Vec<Word> {
        read(&line.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn paths_are_told_from_other_values_and_every_word_comes_back_as_it_was() {
        let line = [
            "-v",
            "--config",
            "c.toml",
            "scan",
            "--comment",
            "list.csv",
            "list.csv",
            "--report=r.csv",
            "--dry-run",
            "--until",
            "06:00",
            "--",
            "--odd.csv",
        ];
        let words = read_line(&line);
        let paths = words.iter().filter_map(Word::value).filter(|one| one.is_path);
        let paths: Vec<_> = paths.map(|one| (one.id.as_str(), one.text.as_str())).collect();
        assert_eq!(
            paths,
            [
                ("config", "c.toml"),
                ("devices", "list.csv"),
                ("reports", "r.csv"),
                ("devices", "--odd.csv")
            ]
        );
        let again: Vec<String> = words
            .iter()
            .flat_map(|word| word.with(word.value().map_or("", |value| &value.text)))
            .collect();
        assert_eq!(again, line);
    }

    #[test]
    fn short_flags_keep_their_values_which_are_no_lists() {
        let line = ["scan", "list.csv", "-p", "prod", "-tfull", "-c=nightly", "-n", "-nv", "-"];
        let words = read_line(&line);
        let lists = words.iter().filter_map(Word::value).filter(|one| one.id == "devices");
        assert_eq!(lists.map(|one| one.text.as_str()).collect::<Vec<_>>(), ["list.csv", "-"]);
        let again: Vec<String> = words
            .iter()
            .flat_map(|word| word.with(word.value().map_or("", |value| &value.text)))
            .collect();
        let long = [
            "scan",
            "list.csv",
            "--profile",
            "prod",
            "--type",
            "full",
            "--comment",
            "nightly",
            "-n",
            "-n",
            "-v",
            "-",
        ];
        assert_eq!(again, long);
    }
}
