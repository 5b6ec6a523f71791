//! Physical lines of text, each of bounded length, whatever ends them: LF, CRLF or CR. It knows
//! nothing of cells and quotes.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use super::error::Fault;
use super::limits::MAX_LINE;
use super::source::Text;

/// How much is looked at to see what kind of list a text is.
const PREVIEW_LINES: usize = 64;
const PREVIEW_BYTES: usize = 4 * MAX_LINE;

/// Reads one line after the other into one buffer.
pub(super) struct Lines<R: BufRead> {
    text: Text<R>,
    current: Vec<u8>,
    number: u64,
    /// Lines that were read to see what the text is, and are still to be gone through.
    ahead: VecDeque<Vec<u8>>,
    /// The text has no further line than those ahead.
    ended: bool,
    /// Nothing ends the last line of the text.
    open_end: bool,
    /// The last line ended with CR; an LF right after it belongs to it.
    after_cr: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(text: Text<R>) -> Self {
        let (current, ahead) = (Vec::new(), VecDeque::new());
        Self { text, current, number: 0, ahead, ended: false, open_end: false, after_cr: false }
    }

    /// The first lines of the text with their numbers; they are gone through as if nobody had
    /// looked.
    pub(super) fn preview(&mut self) -> Result<Vec<(u64, String)>, Fault> {
        let mut bytes = 0;
        while self.ahead.len() < PREVIEW_LINES && bytes < PREVIEW_BYTES && !self.ended {
            let number = self.number + self.ahead.len() as u64 + 1;
            if self.read(number)? {
                bytes += self.current.len();
                self.ahead.push_back(std::mem::take(&mut self.current));
            }
        }
        let text = |line: &Vec<u8>| String::from_utf8_lossy(line).trim_end().to_owned();
        Ok((self.number + 1..).zip(self.ahead.iter().map(text)).collect())
    }

    /// The number of the current line, counted from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Whether the text, which was read to its end, stops within a line.
    pub(super) fn has_open_end(&self) -> bool {
        self.open_end
    }

    /// The current line, ended with one LF.
    pub(super) fn current(&self) -> &[u8] {
        &self.current
    }

    /// Goes to the next line; false at the end of the text.
    pub(super) fn advance(&mut self) -> Result<bool, Fault> {
        self.number += 1;
        match self.ahead.pop_front() {
            Some(line) => {
                self.current = line;
                Ok(true)
            }
            None if self.ended => {
                self.current.clear();
                Ok(false)
            }
            None => self.read(self.number),
        }
    }

    /// Reads the line that has this number; false at the end of the text.
    fn read(&mut self, number: u64) -> Result<bool, Fault> {
        self.current.clear();
        loop {
            let chunk = match self.text.reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            if chunk.is_empty() {
                break;
            }
            if std::mem::take(&mut self.after_cr) && chunk[0] == b'\n' {
                self.text.reader.consume(1);
                continue;
            }
            let end = line_end(chunk);
            let part = &chunk[..end.unwrap_or(chunk.len())];
            if self.current.len() + part.len() > MAX_LINE {
                return Err(too_long(&self.current, part, number));
            }
            self.current.extend_from_slice(part);
            let used = part.len() + usize::from(end.is_some());
            self.after_cr = end.is_some_and(|end| chunk[end] == b'\r');
            self.text.reader.consume(used);
            if end.is_some() {
                return self.checked(number);
            }
        }
        self.ended = true;
        self.open_end = !self.current.is_empty();
        if self.open_end { self.checked(number) } else { Ok(false) }
    }

    fn checked(&mut self, line: u64) -> Result<bool, Fault> {
        if self.current.contains(&0) {
            return Err(Fault::Binary { line });
        }
        let text = std::str::from_utf8(&self.current).map_err(|_| Fault::NotText { line })?;
        // Not every U+FFFD is ours, but a text that has one was damaged on its way here.
        if self.text.decoded && text.contains('\u{fffd}') {
            return Err(Fault::NotText { line });
        }
        self.current.push(b'\n');
        Ok(true)
    }
}

/// Looks at 32 bytes at once, which the compiler turns into vector instructions.
fn line_end(chunk: &[u8]) -> Option<usize> {
    let ends = |byte: &u8| (*byte == b'\n') | (*byte == b'\r');
    let mut start = 0;
    for block in chunk.chunks_exact(32) {
        if block.iter().fold(false, |any, byte| any | ends(byte)) {
            break;
        }
        start += 32;
    }
    chunk[start..].iter().position(ends).map(|position| start + position)
}

fn too_long(current: &[u8], part: &[u8], line: u64) -> Fault {
    if current.contains(&0) || part.contains(&0) {
        Fault::Binary { line }
    } else {
        Fault::LineTooLong { line }
    }
}
