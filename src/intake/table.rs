//! Lists in lines: CSV of any delimiter and printed tables, with or without a header, down to one
//! bare id a line. What the columns mean is decided in `columns`, what stands between them in
//! `shape`.

use std::io::BufRead;
use std::ops::ControlFlow;

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::cell;
use super::columns::{self, Layout};
use super::error::Fault;
use super::facts::note;
use super::feed::{Feed, MAX_RECORD};
use super::footer::is_footer;
use super::header;
use super::limits::MAX_LINE;
use super::options::Options;
use super::row::RowProblem;
use super::sink::{Entry, Sink};
use crate::domain::text::cut;
use crate::domain::{DeviceId, Facts};

/// How many rows show which column holds the ids.
const SAMPLE_ROWS: usize = 100;
/// At most this much is kept to choose the columns, in bytes and beyond the last record.
const SAMPLE_BYTES: usize = 4 * MAX_RECORD;
/// Characters of a campaign's name that a message shows.
const CAMPAIGN: usize = 100;

/// Reads a table to its end; returns the column that was used and the name of the format.
pub(super) fn read<R: BufRead>(
    feed: Feed<R>,
    delimiter: u8,
    sink: &mut Sink<'_>,
) -> Result<(String, &'static str), Fault> {
    let printed = feed.form().name(delimiter);
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
        (true, false) => printed,
        (false, false) => "columns without a header",
    };
    let column_used = layout.id_column.label();
    if layout.has_header {
        refuse_swallowed(&first, first_line, None)?;
        refuse_report(&first, &sample, sink.options)?;
    }
    sink.guessed = layout.guessed.then(|| layout.id_column.to_string());
    let mut rows = Rows { layout, header: first.clone(), whole: 0, short: Vec::new() };
    let stopped = rows.take_all(&mut table, first_line, first, sample, sink)?;
    if !stopped {
        sink.cut_off = rows.cut_off(&table);
    }
    match sink.rows() {
        0 if !stopped => Err(Fault::Empty { header: rows.layout.has_header }),
        _ => Ok((column_used, format)),
    }
}

/// The rows of a table, with what their columns are for.
struct Rows {
    layout: Layout,
    header: ByteRecord,
    /// Rows with as many cells as the header.
    whole: u64,
    /// The lines of the first rows with fewer.
    short: Vec<u64>,
}

impl Rows {
    /// Takes all rows; true if the caller had enough before the end.
    fn take_all<R: BufRead>(
        &mut self,
        table: &mut Table<R>,
        first_line: u64,
        first: ByteRecord,
        sample: Sample,
        sink: &mut Sink<'_>,
    ) -> Result<bool, Fault> {
        if !self.layout.has_header && self.take(table, first_line, &first, sink)?.is_break() {
            return Ok(true);
        }
        for (line, record) in &sample {
            if self.take(table, *line, record, sink)?.is_break() {
                return Ok(true);
            }
        }
        let mut record = first;
        while let Some(line) = table.next(&mut record)? {
            if table.csv.get_ref().is_multiline() {
                refuse_swallowed(&record, line, Some(self.layout.id))?;
            }
            if self.take(table, line, &record, sink)?.is_break() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes one row, unless it is a header or a count of rows: those belong to no device.
    fn take<R: BufRead>(
        &mut self,
        table: &mut Table<R>,
        line: u64,
        record: &ByteRecord,
        sink: &mut Sink<'_>,
    ) -> Result<ControlFlow<()>, Fault> {
        let id = record.get(self.layout.id).unwrap_or_default();
        if cell::parse(&String::from_utf8_lossy(id)).is_err() {
            let is_known_header = self.layout.has_header && *record == self.header;
            let mut again = None;
            if !is_known_header {
                again = columns::again(record, sink.options.column.as_deref());
            }
            if is_known_header || again.is_some() || is_footer(record) {
                table.csv.get_mut().count_skipped()?;
                if let Some(layout) = again {
                    self.layout = layout;
                    self.header = record.clone();
                }
                return Ok(ControlFlow::Continue(()));
            }
        }
        if record.len() >= self.header.len() {
            self.whole += 1;
        } else if self.short.len() < 2 {
            self.short.push(line);
        }
        sink.row(&self.layout, line, record)
    }

    /// The line on which the text stops within its last row, if each row before it has all cells.
    fn cut_off<R: BufRead>(&self, table: &Table<R>) -> Option<u64> {
        let feed = table.csv.get_ref();
        match self.short[..] {
            [line]
                if self.layout.has_header
                    && self.whole > 0
                    && line == feed.record_line()
                    && feed.has_open_end() =>
            {
                Some(line)
            }
            _ => None,
        }
    }
}

/// Refuses fleetsweep's own report, unless the user says where its ids are: most of its devices
/// have had their scan, and the others are `retry`'s.
fn refuse_report(first: &ByteRecord, sample: &Sample, options: &Options) -> Result<(), Fault> {
    let headers: Vec<_> = columns::texts(first).collect();
    if options.column.is_some() || !header::are_of_our_report(headers.iter().map(|h| &**h)) {
        return Ok(());
    }
    let place = headers.iter().position(|header| header::is_header(header, "campaign"));
    let campaign = place.and_then(|place| {
        let names = sample.iter().filter_map(|(_, record)| record.get(place));
        let name = names.map(String::from_utf8_lossy).find(|name| !name.trim().is_empty())?;
        Some(cut(cell::trim(&name), CAMPAIGN))
    });
    Err(Fault::OwnReport { campaign })
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
        let is_the_id = Some(index) == id && cell::holds_ids(&String::from_utf8_lossy(text));
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
            // What was printed for people quotes nothing.
            .quoting(feed.form().is_as_it_stands())
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
            facts,
        };
        if text.is_none() {
            return self.refuse(entry, RowProblem::Missing { cells: record.len() });
        }
        if has_other_ids(record, layout, entry.text) && cell::holds_ids(entry.text) {
            return self.refuse(entry, RowProblem::SeveralIds);
        }
        self.take(entry)
    }
}

/// Whether an id other than those in `taken` stands where nobody would take it, also among other
/// text.
fn has_other_ids(record: &ByteRecord, layout: &Layout, taken: &str) -> bool {
    let cells = record.iter().enumerate().skip(layout.known);
    // Most cells are shorter than an id.
    let mut others =
        cells.filter(|(index, text)| *index != layout.id && text.len() >= DeviceId::DIGITS);
    others.any(|(_, text)| {
        let text = String::from_utf8_lossy(text);
        let text = cell::bare(&text);
        cell::ids_within(&text).any(|id| cell::ids_within(&cell::bare(taken)).all(|own| own != id))
    })
}
