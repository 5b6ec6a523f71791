//! Feeds a CSV parser one physical line at a time, so that the line of every record is known, a
//! quote that is never closed is found, and a record stays within bounds. It does not split cells.

use std::io::{self, BufRead, Read};

use super::error::Fault;
use super::limits::{MAX_LINE, MAX_SKIPPED};
use super::lines::Lines;
use super::rule::is_rule;
use super::shape::Form;

/// The longest record that is taken, in bytes; only quoted line breaks make one longer than a line.
pub(super) const MAX_RECORD: usize = 4 * MAX_LINE;

/// A reader that hands out no byte of a line before the parser has used up the line before it.
///
/// The parser asks for more within a record only while a quote is open. That is what tells records
/// from lines here, without a second opinion on what a quote is.
pub(super) struct Feed<R: BufRead> {
    lines: Lines<R>,
    form: Form,
    /// Lines before this one are titles.
    start: u64,
    /// The current line as the parser gets it, where that is not as it stands in the text.
    formed: Vec<u8>,
    /// How much of the current line was handed out.
    position: usize,
    /// Whether lines that begin with `#` are comments.
    pub(super) comments: bool,
    record_line: u64,
    record_lines: u64,
    record_bytes: usize,
    skipped: u64,
    fault: Option<Fault>,
}

impl<R: BufRead> Feed<R> {
    pub(super) fn new(lines: Lines<R>, form: Form, start: u64) -> Self {
        Self {
            lines,
            form,
            start,
            formed: Vec::new(),
            position: 0,
            comments: true,
            record_line: 0,
            record_lines: 0,
            record_bytes: 0,
            skipped: 0,
            fault: None,
        }
    }

    /// How its lines become lines with delimiters.
    pub(super) fn form(&self) -> &Form {
        &self.form
    }

    /// To be called before the parser is asked for a record.
    pub(super) fn begin_record(&mut self) {
        self.record_lines = 0;
        self.record_bytes = 0;
    }

    /// The line on which the current record begins, counted from 1.
    pub(super) fn record_line(&self) -> u64 {
        self.record_line
    }

    /// Whether the current record has line breaks in it.
    pub(super) fn is_multiline(&self) -> bool {
        self.record_lines > 1
    }

    /// Whether the text, which was read to its end, stops within a line.
    pub(super) fn has_open_end(&self) -> bool {
        self.lines.has_open_end()
    }

    /// What ended the reading, if it was not the end of the text.
    pub(super) fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }

    /// Counts something that is no row; too many of them are a fault.
    pub(super) fn count_skipped(&mut self) -> Result<(), Fault> {
        self.skipped += 1;
        if self.skipped > MAX_SKIPPED { Err(Fault::TooManySkipped) } else { Ok(()) }
    }

    fn advance(&mut self) -> Result<bool, Fault> {
        loop {
            if !self.lines.advance()? {
                // Every line ends with LF here, so a record that wants more has an open quote.
                return match self.record_lines {
                    0 => Ok(false),
                    _ => Err(Fault::OpenQuote { line: self.record_line }),
                };
            }
            if self.record_lines == 0 {
                if self.is_no_row() {
                    self.count_skipped()?;
                    continue;
                }
                self.record_line = self.lines.number();
            }
            self.record_lines += 1;
            self.record_bytes += self.lines.current().len();
            self.formed.clear();
            self.form.apply(self.lines.current(), &mut self.formed);
            if self.record_bytes > MAX_RECORD {
                return Err(Fault::OpenQuote { line: self.record_line });
            }
            self.position = 0;
            return Ok(true);
        }
    }

    fn is_no_row(&self) -> bool {
        let text = self.lines.current().trim_ascii_start();
        text.is_empty()
            || self.lines.number() < self.start
            || self.comments && text[0] == b'#'
            || is_rule(text)
    }

    /// The current line as the parser gets it.
    fn current(&self) -> &[u8] {
        if self.form.is_as_it_stands() { self.lines.current() } else { &self.formed }
    }
}

impl<R: BufRead> Read for Feed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.current().len() || self.record_lines == 0 {
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return Ok(0),
                Err(fault) => {
                    self.fault = Some(fault);
                    return Err(io::Error::other("the feed has a fault"));
                }
            }
        }
        let rest = &self.current()[self.position..];
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.position += count;
        Ok(count)
    }
}
