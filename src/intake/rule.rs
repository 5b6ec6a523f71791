//! Lines that only draw a line, between a header and its rows or around a table. What shape of list
//! they are a sign of is told in `shape`.

/// Whether a line only draws a line: `---`, `|---|:--:|`, `+----+`, `├──┼──┤`.
pub(super) fn is_rule(line: &[u8]) -> bool {
    // Nearly no line begins so, and this is asked of all.
    if !matches!(line.first(), Some(b'-' | b'=' | b'+' | b'|' | b':' | b' ' | 0xe2)) {
        return false;
    }
    let Ok(text) = std::str::from_utf8(line) else { return false };
    let mut strokes = 0;
    for c in text.trim().chars() {
        match c {
            '-' | '=' | '\u{2500}'..='\u{257f}' => strokes += 1,
            '+' | '|' | ':' | ',' | ';' | ' ' | '\t' => {}
            _ => return false,
        }
    }
    strokes > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_strokes_is_told_from_a_row() {
        for rule in ["---", " ---+---", "|---|:--:|", "+----+", "├──┼──┤", "------;-----", "===="]
        {
            assert!(is_rule(rule.as_bytes()), "{rule}");
        }
        for row in ["-", "|  |  |", "--x--", "- a", "", "-- 5"] {
            assert!(!is_rule(row.as_bytes()), "{row}");
        }
    }
}
