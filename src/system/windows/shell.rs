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
    fn what_powershell_would_replace_stands_in_its_own_quotes() {
        assert_eq!(word("cost $5"), "'cost $5'");
        assert_eq!(word("a\"b's"), "'a\"b''s'");
    }
}
