//! Colour and bold on texts that were made without them: a help for the eye that adds nothing. What
//! is told stands in the words alone, so that a file, a pipe and a blind reader miss nothing.

use anstyle::{AnsiColor, Style};

use super::advice::told;
use crate::domain::{Doing, Exit, Outcome};

const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const CARE: Style = AnsiColor::Yellow.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const COMMAND: Style = AnsiColor::Cyan.on_default();

/// What an operation shows: its first line is what the rest is about.
pub fn document(text: &str) -> String {
    let mut lines = text.lines();
    let first = lines.next().map(|line| styled(BOLD, line));
    first.into_iter().chain(lines.map(line)).collect::<Vec<_>>().join("\n")
}

/// A failure: what happened, why, and what to do next.
pub fn failure(text: &str) -> String {
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// How the first words of a line are shown, with how many bytes they have.
fn beginning(line: &str) -> Option<(usize, Style)> {
    let labels = [
        ("error:", BAD.bold()),
        ("  why:", BOLD),
        (" next:", BOLD),
        ("Warning:", CARE.bold()),
        ("What to do:", BOLD),
        ("Report:", BOLD),
    ];
    let label = labels.into_iter().find(|(label, _)| line.starts_with(label));
    if let Some((label, style)) = label {
        return Some((label.len(), style));
    }
    if let Some(code) = line.strip_prefix("Exit code ") {
        let digits = code.len() - code.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let style = of_exit(code[..digits].parse().ok()?);
        return Some((line.len() - code.len() + digits, style.bold()));
    }
    None
}

fn of_exit(code: u8) -> Style {
    match code {
        code if code == Exit::Done.code() => GOOD,
        code if code == Exit::Attention.code() || code == Exit::Stopped.code() => CARE,
        _ => BAD,
    }
}

/// The style of a line of a table, of outcomes or of campaigns.
fn of_row(line: &str) -> Option<Style> {
    let row = line.strip_prefix("  ")?.trim_start();
    let word = row.trim_start_matches(|c: char| c.is_ascii_digit() || c == ',').trim_start();
    if word.len() == row.len() {
        return None;
    }
    let outcome = Outcome::ALL.into_iter().find(|outcome| word.starts_with(told(*outcome)))?;
    Some(match outcome {
        outcome if outcome.covers() => GOOD,
        outcome if outcome.leaves_uncovered() => BAD,
        _ => CARE,
    })
}

fn of_campaign(doing: Doing) -> Style {
    match doing {
        Doing::Finished | Doing::Running | Doing::Waiting | Doing::ForWorker => GOOD,
        Doing::Paused | Doing::Cancelling | Doing::Cancelled | Doing::Stopped | Doing::NotBegun => {
            CARE
        }
        Doing::Killed => BAD,
    }
}

/// The word of a table of campaigns that says what one does, where it stands in the line.
fn doing(line: &str) -> Option<(usize, &'static str, Style)> {
    let (name, rest) = line.split_once("  ")?;
    let word = rest.trim_start();
    let at = line.len() - word.len();
    let doing = Doing::ALL
        .into_iter()
        .find(|doing| word.strip_prefix(doing.word()).is_some_and(|rest| rest.starts_with("  ")))?;
    (!name.contains(' ')).then_some((at, doing.word(), of_campaign(doing)))
}

fn line(line: &str) -> String {
    if let Some(style) = of_row(line) {
        return styled(style, line);
    }
    if let Some((at, word, style)) = doing(line) {
        let (before, rest) = line.split_at(at);
        return format!("{before}{}{}", styled(style, word), &rest[word.len()..]);
    }
    match beginning(line) {
        Some((length, style)) => {
            let (label, rest) = line.split_at(length);
            styled(style, label) + &with_commands(rest)
        }
        None => with_commands(line),
    }
}

/// A text whose commands, which stand in backticks, can be told from its words.
fn with_commands(text: &str) -> String {
    let parts = text.split('`').collect::<Vec<_>>();
    if parts.len().is_multiple_of(2) {
        return text.to_owned();
    }
    let part = |(at, part): (usize, &&str)| match at % 2 {
        1 => format!("`{}`", styled(COMMAND, part)),
        _ => (*part).to_owned(),
    };
    parts.iter().enumerate().map(part).collect()
}

fn styled(style: Style, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{style}{text}{style:#}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            plain += before;
            rest = after.split_once('m').unwrap().1;
        }
        plain + rest
    }

    #[test]
    fn paint_changes_no_word_of_what_is_told() {
        let text = "QUICK scan on 3 devices\n  list         3 rows\nWarning: one `thing` too many\n\
                    \u{20}       242  accepted: scan ordered\n          5  rejected\n\
                    a-name  paused  3 of 4  75 %\nWhat to do:\n  run `fleetsweep resume x`\n\
                    an odd ` tick\nExit code 3: it is so.";
        let painted = document(text);
        assert_eq!(plain(&painted), text);
        assert!(painted.starts_with("\u{1b}[1mQUICK scan on 3 devices"), "{painted:?}");
        assert!(painted.contains("\u{1b}[32m        242  accepted"), "{painted:?}");
        assert!(painted.contains("\u{1b}[31m          5  rejected"), "{painted:?}");
        assert!(painted.contains("\u{1b}[33mpaused"), "{painted:?}");
        assert!(painted.contains("`\u{1b}[36mfleetsweep resume x\u{1b}[0m`"), "{painted:?}");
        assert!(painted.contains("\u{1b}[33mExit code 3"), "{painted:?}");
    }

    #[test]
    fn a_failure_has_its_three_labels_told_from_its_words() {
        let text = "error: what\n  why: because\n next: run `x`";
        assert_eq!(plain(&failure(text)), text);
        assert_eq!(failure(text).matches("\u{1b}[1m").count(), 3, "{:?}", failure(text));
    }
}
