//! Text from outside made safe to show: control characters escaped, long text cut. It does not
//! quote for CSV, HTML or a shell; whoever writes such a format does that.

use std::fmt::{Display, Write as _};

/// The text with every character that could move a cursor, forge a line or turn the reading
/// direction written as `\u{..}`: C0, DEL, C1, line and paragraph separators, bidirectional
/// controls, and the invisible U+200B, U+2060 and U+FEFF.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unsafe(character) {
            write!(shown, "\\u{{{:x}}}", u32::from(character)).expect("a String takes any text");
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The first `limit` characters of the text; where something was left out, the last of them is `…`.
pub fn cut(text: &str, limit: usize) -> String {
    // A text of at most `limit` bytes cannot have more characters; this spares counting them.
    if text.len() <= limit || text.chars().nth(limit).is_none() {
        return text.to_owned();
    }
    text.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}

/// The same, without a part of a word before the `…`, if a word ends in the second half.
pub fn cut_at_a_word(text: &str, limit: usize) -> String {
    let short = cut(text, limit);
    if short.len() == text.len() {
        return short;
    }
    match short.rfind(' ').filter(|at| *at > short.len() / 2) {
        Some(at) => format!("{} …", &short[..at]),
        None => short,
    }
}

/// What the system says of a failure, as a part of a sentence: without the number that stands for
/// it, and not as a sentence of its own.
pub fn in_words(error: impl Display) -> String {
    let words = without_number(error.to_string());
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// A text without the number that stands in it for a failure of the system.
pub fn without_number(text: String) -> String {
    let parts = text.split_once(" (os error ");
    match parts.and_then(|(before, rest)| Some((before, rest.split_once(')')?.1))) {
        Some((before, after)) => format!("{before}{after}"),
        None => text,
    }
}

/// The text as every store can hold it: PostgreSQL keeps no U+0000, so U+FFFD stands in its place,
/// in every store alike.
pub fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// The text as far as no server changes it that respects its letters: in small ones, without white
/// space and invisible characters. For comparing what was sent with what came back.
pub fn squeezed(text: &str) -> String {
    let kept = text.chars().filter(|c| !c.is_whitespace() && !is_unsafe(*c));
    kept.flat_map(char::to_lowercase).collect()
}

fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
        )
}

/// Whether it has the form of a GUID: hex digits in groups of 8, 4, 4, 4 and 12.
pub fn is_guid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_escaped_and_the_rest_is_left() {
        assert_eq!(printable("Büro-PC 7 “日本” 👩‍💻"), "Büro-PC 7 “日本” 👩‍💻");
        assert_eq!(printable("a\u{1b}[2Jb\r\n\t\0"), "a\\u{1b}[2Jb\\u{d}\\u{a}\\u{9}\\u{0}");
        assert_eq!(printable("\u{7f}\u{9b}31m"), "\\u{7f}\\u{9b}31m");
        assert_eq!(printable("\u{202e}fdp.exe\u{2066}"), "\\u{202e}fdp.exe\\u{2066}");
        assert_eq!(printable("\u{2028}\u{2029}\u{feff}"), "\\u{2028}\\u{2029}\\u{feff}");
    }

    #[test]
    fn a_failure_of_the_system_is_told_without_its_number() {
        let gone = in_words("No such file or directory (os error 2)");
        assert_eq!(gone, "no such file or directory");
        assert_eq!(in_words("the disk is gone"), "the disk is gone");
        assert_eq!(in_words(""), "");
        let within = "a.db cannot be read (Is a directory (os error 21)), so it is not safe";
        let told = without_number(within.to_owned());
        assert_eq!(told, "a.db cannot be read (Is a directory), so it is not safe");
    }

    #[test]
    fn a_squeezed_text_keeps_its_letters_alone() {
        assert_eq!(squeezed(" [Fleet\u{a0}Sweep C/0A]\r\n\u{200b}x"), "[fleetsweepc/0a]x");
    }

    #[test]
    fn a_cut_text_has_the_limit_and_says_that_it_was_cut() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(cut("abc", 0), "…");
    }
}
