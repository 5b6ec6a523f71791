//! Lists in lines: CSV with commas, semicolons or tabs, with or without a header, down to one bare
//! id a line. What the columns mean is decided in `columns`.

use std::io::BufRead;
use std::ops::ControlFlow;

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::Options;
use super::cell;
use super::columns::{self, Layout};
use super::error::Fault;
use super::facts::note;
use super::feed::{Feed, MAX_RECORD};
use super::lines::MAX_LINE;
use super::row::RowProblem;
use super::sink::{Entry, Sink};
use super::source::Text;
use crate::domain::Facts;

/// How many rows show which column holds the ids.
const SAMPLE_ROWS: usize = 100;
/// At most this much is kept to choose the columns, in bytes and beyond the last record.
const SAMPLE_BYTES: usize = 4 * MAX_RECORD;

/// The delimiters that are tried, the likeliest first, and what a list with them is called.
const DELIMITERS: [(u8, &str); 3] =
    [(b',', "comma-separated"), (b';', "semicolon-separated"), (b'\t', "tab-separated")];

/// Reads a table to its end; returns the column that was used and the name of the format.
pub(super) fn read<R: BufRead>(
    text: Text<R>,
    sink: &mut Sink<'_>,
) -> Result<(String, &'static str), Fault> {
    let mut feed = Feed::new(text);
    let delimiter = delimiter(&mut feed, sink.options.column.as_deref())?;
    let mut table = Table::new(feed, delimiter);
    let mut first = ByteRecord::new();
    let Some(first_line) = table.next(&mut first)? else {
        return Err(Fault::Empty { header: false });
    };
    let one_column = first.len() == 1;
    // A row of a real table may begin with `#`; in a bare list that is a comment.
    table.csv.get_mut().comments = one_column || !columns::is_known_header(&first);
    let sample = table.sample()?;
    let layout = layout(&first, &sample, sink.options)?;
    let format = match (layout.has_header, one_column) {
        (_, true) => "one column",
        (true, false) => DELIMITERS.iter().find(|(d, _)| *d == delimiter).map_or("", |(_, n)| n),
        (false, false) => "columns without a header",
    };
    let column_used = layout.id_column.label();
    if layout.has_header {
        refuse_swallowed(&first, first_line, None)?;
    } else if sink.row(&layout, first_line, &first)?.is_break() {
        return Ok((column_used, format));
    }
    for (line, record) in &sample {
        if sink.row(&layout, *line, record)?.is_break() {
            return Ok((column_used, format));
        }
    }
    let mut record = first;
    while let Some(line) = table.next(&mut record)? {
        if table.csv.get_ref().is_multiline() {
            refuse_swallowed(&record, line, Some(layout.id))?;
        }
        if sink.row(&layout, line, &record)?.is_break() {
            break;
        }
    }
    match sink.rows() {
        0 => Err(Fault::Empty { header: layout.has_header }),
        _ => Ok((column_used, format)),
    }
}

type Sample = Vec<(u64, ByteRecord)>;

fn layout(first: &ByteRecord, sample: &Sample, options: &Options) -> Result<Layout, Fault> {
    let records: Vec<&ByteRecord> = sample.iter().map(|(_, record)| record).collect();
    let wanted = options.column.as_deref();
    let layout = columns::choose(first, &records, wanted, options.names.is_some())?;
    for (line, record) in sample {
        refuse_swallowed(record, *line, Some(layout.id))?;
    }
    Ok(layout)
}

/// A cell with line breaks and an id in it has most likely swallowed a row, because a quote is
/// missing. A device would be lost without a word, so the list is refused.
fn refuse_swallowed(record: &ByteRecord, line: u64, id: Option<usize>) -> Result<(), Fault> {
    let swallowed = record.iter().enumerate().any(|(index, text)| {
        let is_the_id = Some(index) == id && cell::parse(&String::from_utf8_lossy(text)).is_ok();
        text.contains(&b'\n') && !is_the_id && cell::holds_an_id(text)
    });
    if swallowed { Err(Fault::OpenQuote { line }) } else { Ok(()) }
}

/// A CSV parser that knows the lines of its records.
struct Table<R: BufRead> {
    csv: Reader<Feed<R>>,
}

impl<R: BufRead> Table<R> {
    fn new(feed: Feed<R>, delimiter: u8) -> Self {
        let csv = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(MAX_LINE + 1)
            .from_reader(feed);
        Self { csv }
    }

    /// The next record that is not blank, with the line on which it begins.
    fn next(&mut self, record: &mut ByteRecord) -> Result<Option<u64>, Fault> {
        loop {
            self.csv.get_mut().begin_record();
            match self.csv.read_byte_record(record) {
                Ok(false) => return Ok(None),
                Ok(true) if record.iter().all(|text| text.trim_ascii().is_empty()) => {
                    self.csv.get_mut().count_skipped()?;
                }
                Ok(true) => return Ok(Some(self.csv.get_ref().record_line())),
                Err(error) => {
                    let fault = self.csv.get_mut().take_fault();
                    return Err(fault.unwrap_or_else(|| Fault::Io(error.into())));
                }
            }
        }
    }

    fn sample(&mut self) -> Result<Sample, Fault> {
        let mut sample = Vec::new();
        let mut bytes = 0;
        while sample.len() < SAMPLE_ROWS && bytes < SAMPLE_BYTES {
            let mut record = ByteRecord::new();
            let Some(line) = self.next(&mut record)? else { break };
            bytes += record.as_slice().len();
            sample.push((line, record));
        }
        Ok(sample)
    }
}

impl Sink<'_> {
    fn row(
        &mut self,
        layout: &Layout,
        line: u64,
        record: &ByteRecord,
    ) -> Result<ControlFlow<()>, Fault> {
        let text = record.get(layout.id).map(String::from_utf8_lossy);
        let name = layout.name.and_then(|index| record.get(index)).map(String::from_utf8_lossy);
        let mut facts = Facts::default();
        for (index, fact) in &layout.facts {
            if let Some(text) = record.get(*index) {
                note(&mut facts, *fact, &String::from_utf8_lossy(text));
            }
        }
        let entry = Entry {
            line,
            column: &layout.id_column,
            text: text.as_deref().unwrap_or_default(),
            name: name.as_deref(),
            facts: &facts,
        };
        if text.is_none() {
            return self.refuse(&entry, RowProblem::Missing { cells: record.len() });
        }
        if has_other_ids(record, layout) && cell::parse(entry.text).is_ok() {
            return self.refuse(&entry, RowProblem::SeveralIds);
        }
        self.take(&entry)
    }
}

fn has_other_ids(record: &ByteRecord, layout: &Layout) -> bool {
    let cells = record.iter().enumerate().skip(layout.known);
    let mut others = cells.filter(|(index, _)| *index != layout.id);
    others.any(|(_, text)| cell::parse(&String::from_utf8_lossy(text)).is_ok())
}

/// Finds the delimiter by the first line: the one that sets an id or a known header apart, else the
/// one that occurs most.
fn delimiter<R: BufRead>(feed: &mut Feed<R>, wanted: Option<&str>) -> Result<u8, Fault> {
    // Excel keeps the delimiter in a first line of its own.
    if let Some(delimiter) = excel_delimiter(feed.peek()?) {
        feed.skip_peeked();
        return Ok(delimiter);
    }
    let line = feed.peek()?;
    let wanted = wanted.map(columns::normalised);
    let score = |delimiter: u8| {
        let mut parser =
            ReaderBuilder::new().delimiter(delimiter).has_headers(false).from_reader(line);
        let mut record = ByteRecord::new();
        let parsed = parser.read_byte_record(&mut record).unwrap_or(false);
        let fits = |text: &[u8]| {
            let text = String::from_utf8_lossy(text);
            columns::id_rank(&text).is_some()
                || cell::is_entry(&text)
                || wanted.as_ref().is_some_and(|wanted| columns::is_header(&text, wanted))
        };
        (parsed && record.iter().any(fits), record.len())
    };
    let scored = DELIMITERS.iter().rev().map(|(delimiter, _)| (score(*delimiter), *delimiter));
    // Of equal scores `max_by_key` keeps the last, which is the likeliest of the reversed order.
    Ok(scored.max_by_key(|(score, _)| *score).map_or(b',', |(_, delimiter)| delimiter))
}

fn excel_delimiter(line: &[u8]) -> Option<u8> {
    match line.trim_ascii_end() {
        // A tab is trimmed away as white space.
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'='] => line.get(4).copied(),
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter] => Some(*delimiter),
        _ => None,
    }
    .filter(|delimiter| DELIMITERS.iter().any(|(known, _)| known == delimiter))
}
