//! Rows that count other rows, as tools and people put them under a table: `(3 rows)`, `Total: 57`.

use csv::ByteRecord;

use super::columns;

/// Words of which one makes a row with a number a count.
const COUNTS: [&str; 12] = [
    "total", "totals", "count", "row", "rows", "record", "records", "sum", "gesamt", "summe",
    "anzahl", "zeilen",
];

/// Words that may stand beside.
const BESIDE: [&str; 17] = [
    "affected", "selected", "returned", "found", "in", "of", "set", "sec", "grand", "number",
    "the", "device", "devices", "machine", "machines", "results", "entries",
];

/// Whether a row holds nothing but a count. No id and no name of a computer can look so: neither
/// has white space in it.
pub(super) fn is_footer(record: &ByteRecord) -> bool {
    let text: Vec<String> = columns::texts(record).map(|text| text.trim().to_lowercase()).collect();
    let text = text.join(" ");
    let around = |c: char| matches!(c, '(' | ')' | ':' | '=' | '.' | ',' | '"' | ';');
    let words = || text.split_whitespace().map(|word| word.trim_matches(around));
    let words = || words().filter(|word| !word.is_empty());
    let is_number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    let is_known = |word: &str| {
        word.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',')) && is_number(word)
            || COUNTS.contains(&word)
            || BESIDE.contains(&word)
    };
    words().any(|word| COUNTS.contains(&word)) && words().any(is_number) && words().all(is_known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_under_a_table_is_told_from_a_row() {
        for row in [
            vec!["(3 rows)"],
            vec!["(1 row affected)"],
            vec!["57 rows in set (0.01 sec)"],
            vec!["Total: 57"],
            vec!["Total", "", "1,057"],
            vec!["Total devices:", "57"],
            vec!["Anzahl: 5"],
        ] {
            assert!(is_footer(&ByteRecord::from(row.clone())), "{row:?}");
        }
        for row in [
            vec!["total-5"],
            vec!["TOTAL5", "pc"],
            vec!["device 7"],
            vec!["57"],
            vec!["Total"],
            vec!["rows 5 pc-7"],
            vec!["Total: 57", "pc-7"],
            vec!["", ""],
        ] {
            assert!(!is_footer(&ByteRecord::from(row.clone())), "{row:?}");
        }
    }
}
