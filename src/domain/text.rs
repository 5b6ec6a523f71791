//! Making foreign text safe to show. It does not quote for CSV, JSON or HTML: the writers do.

/// The text with every control character, bidirectional control and line separator written as an
/// escape, so that no name, comment or message from a file or the network can move a cursor, forge a
/// line or turn text around.
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) { safe.extend(c.escape_unicode()) } else { safe.push(c) }
    }
    safe
}

fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || c == '\u{feff}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_escaped_and_the_rest_is_kept() {
        assert_eq!(printable("a\u{1b}[2J\r\nb"), "a\\u{1b}[2J\\u{d}\\u{a}b");
        assert_eq!(printable("\u{9b}x\u{202e}y\u{2028}"), "\\u{9b}x\\u{202e}y\\u{2028}");
        assert_eq!(printable("Gerät №1 日本"), "Gerät №1 日本");
    }
}
