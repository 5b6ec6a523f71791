//! The CSV form of a report: RFC 4180 with LF as line end, in UTF-8. LF and not CRLF, since every
//! spreadsheet reads it and line tools would keep a CR at the end of the last column. No byte order
//! mark, which would become a part of the first column's name.

use std::borrow::Cow;
use std::io::{self, Write};

use super::record::{COLUMNS, Record, ReportHead, Value, record};
use crate::domain::Row;
use crate::domain::text::printable;

/// Writes records as CSV.
pub(super) struct CsvRows<W: Write> {
    inner: csv::Writer<W>,
}

impl<W: Write> CsvRows<W> {
    /// Writes the header.
    pub(super) fn new(out: W) -> io::Result<Self> {
        let mut inner = writer(out);
        inner.write_record(COLUMNS)?;
        Ok(Self { inner })
    }

    /// Writes one row.
    pub(super) fn row(&mut self, record: &Record<'_>) -> io::Result<()> {
        for value in record {
            self.inner.write_field(field(value).as_bytes())?;
        }
        self.inner.write_record(None::<&[u8]>)?;
        Ok(())
    }

    /// Flushes and gives the output back.
    pub(super) fn into_inner(self) -> io::Result<W> {
        self.inner.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

/// The header of a report, for whoever sends it in pieces.
pub fn header() -> Vec<u8> {
    CsvRows::new(Vec::new()).and_then(CsvRows::into_inner).expect(MEMORY)
}

/// These rows as they stand behind that header.
pub fn lines(rows: &[Row], head: &ReportHead) -> Vec<u8> {
    let mut csv = CsvRows { inner: writer(Vec::new()) };
    rows.iter().try_for_each(|row| csv.row(&record(row, head))).expect(MEMORY);
    csv.into_inner().expect(MEMORY)
}

const MEMORY: &str = "memory takes any text";

fn writer<W: Write>(out: W) -> csv::Writer<W> {
    csv::WriterBuilder::new()
        .terminator(csv::Terminator::Any(b'\n'))
        .quote_style(csv::QuoteStyle::Necessary)
        .from_writer(out)
}

fn field<'a>(value: &'a Value<'_>) -> Cow<'a, str> {
    match value {
        Value::Empty => Cow::Borrowed(""),
        Value::Text(text) => Cow::Owned(inert(printable(text))),
        Value::Number(number) => Cow::Owned(number.to_string()),
        // In UTC; a spreadsheet takes RFC 3339 for text, and loses what is below a second.
        Value::Time(at) => Cow::Owned(at.strftime("%Y-%m-%d %H:%M:%S").to_string()),
    }
}

/// The text with an apostrophe before it if a spreadsheet could run it. White space before the sign
/// does not help, since some programs trim it; full-width signs count too (OWASP, CSV Injection
/// page). Tab, CR, LF and NUL cannot stand first any more: `printable` has escaped them.
pub(super) fn inert(text: String) -> String {
    let first = text.trim_start().chars().next();
    let runs = first.is_some_and(|first| "=+-@＝＋－＠".contains(first));
    if runs { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_could_run_begins_with_an_apostrophe() {
        let shown = |text: &str| field(&Value::Text(text.into())).into_owned();
        assert_eq!(shown("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(shown("+1"), "'+1");
        assert_eq!(shown("-1"), "'-1");
        assert_eq!(shown("@SUM(A1)"), "'@SUM(A1)");
        assert_eq!(shown(" \u{a0}=1"), "' \u{a0}=1");
        assert_eq!(shown("＝1"), "'＝1");
        assert_eq!(shown("\t=1"), "\\u{9}=1");
        assert_eq!(shown("PC-1=a"), "PC-1=a");
    }
}
