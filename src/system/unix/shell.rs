//! How the user's shell reads words back that the program prints.

use crate::domain::text::printable;

/// A word as a POSIX shell takes it.
pub fn word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", printable(word).replace('\'', r"'\''"))
}

/// An example of help, as it was written: for a POSIX shell.
pub fn example(text: &str) -> String {
    text.to_owned()
}
