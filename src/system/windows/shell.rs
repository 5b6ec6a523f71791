//! How the user's shell reads words back that the program prints: PowerShell, and cmd as far as
//! both agree ("About Quoting Rules" and "Parsing C command-line arguments" in Microsoft's
//! documentation).

use crate::domain::text::printable;

/// A word as PowerShell takes it; cmd takes it too, unless it holds a quotation mark, `$`, a
/// backtick or `%`, which the two read differently.
pub fn word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || r"-_./\:=+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let word = printable(word);
    if word.contains(['"', '$', '`']) {
        return format!("'{}'", word.replace('\'', "''"));
    }
    // The program's own arguments take a backslash before a quotation mark for an escape.
    let end = word.len() - word.trim_end_matches('\\').len();
    format!("\"{word}{}\"", "\\".repeat(end))
}

/// What is said otherwise in the examples of help.
const IN_POWERSHELL: [(&str, &str); 8] = [
    (" \\\n", " `\n"),
    ("~/", "$HOME/"),
    (
        "grep -e \"Device ID\" -e Berlin export.csv",
        "Select-String 'Device ID','Berlin' export.csv | % Line",
    ),
    ("by systemd; prints both units:\n    fleetsweep schedule --systemd", IN_A_TASK),
    ("/srv/fleet.csv", r"C:\scans\fleet.csv"),
    ("fleetsweep completions bash > /etc/bash_completion.d/fleetsweep", COMPLETION),
    ("\n  fleetsweep completions zsh > $HOME/.zfunc/_fleetsweep", ""),
    ("for WSL:", "or as a task:"),
];

const IN_A_TASK: &str = "by a task; prints its XML:\n    fleetsweep schedule --windows";

/// For the file that `$PROFILE` names.
const COMPLETION: &str = "fleetsweep completions powershell | Out-String | Invoke-Expression";

/// An example of help, which was written for a POSIX shell, as PowerShell takes it.
pub fn example(text: &str) -> String {
    let text = text.to_owned();
    IN_POWERSHELL.iter().fold(text, |text, (posix, here)| text.replace(posix, here))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_in_powershell_and_in_cmd() {
        assert_eq!(word(r"C:\scans\night.csv"), r"C:\scans\night.csv");
        assert_eq!(word(r"C:\Program Files\x\"), r#""C:\Program Files\x\\""#);
        assert_eq!(word(r"\\server\share\a,b"), r#""\\server\share\a,b""#);
        assert_eq!(word(""), r#""""#);
        assert_eq!(word("it's"), r#""it's""#);
    }

    #[test]
    fn an_example_goes_over_lines_as_powershell_reads_them() {
        assert_eq!(example("a \\\n  b"), "a `\n  b");
        assert_eq!(
            example("--file ~/x -- scan /srv/fleet.csv"),
            r"--file $HOME/x -- scan C:\scans\fleet.csv"
        );
    }

    #[test]
    fn what_powershell_would_replace_stands_in_its_own_quotes() {
        assert_eq!(word("cost $5"), "'cost $5'");
        assert_eq!(word("a\"b's"), "'a\"b''s'");
    }
}
