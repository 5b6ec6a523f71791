//! Physical lines of text, each of bounded length, whatever ends them: LF, CRLF or CR. It knows
//! nothing of cells and quotes.

use std::io::{self, BufRead};

use super::error::Fault;
use super::source::Text;

/// The longest line that is taken, in bytes of UTF-8.
pub(super) const MAX_LINE: usize = 64 * 1024;

/// Reads one line after the other into one buffer.
pub(super) struct Lines<R: BufRead> {
    text: Text<R>,
    current: Vec<u8>,
    number: u64,
    /// The last line ended with CR; an LF right after it belongs to it.
    after_cr: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(text: Text<R>) -> Self {
        Self { text, current: Vec::new(), number: 0, after_cr: false }
    }

    /// The number of the current line, counted from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The current line, ended with one LF.
    pub(super) fn current(&self) -> &[u8] {
        &self.current
    }

    /// Goes to the next line; false at the end of the text.
    pub(super) fn advance(&mut self) -> Result<bool, Fault> {
        self.current.clear();
        self.number += 1;
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
                return Err(too_long(&self.current, part, self.number));
            }
            self.current.extend_from_slice(part);
            let used = part.len() + usize::from(end.is_some());
            self.after_cr = end.is_some_and(|end| chunk[end] == b'\r');
            self.text.reader.consume(used);
            if end.is_some() {
                return self.checked();
            }
        }
        if self.current.is_empty() { Ok(false) } else { self.checked() }
    }

    fn checked(&mut self) -> Result<bool, Fault> {
        let line = self.number;
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
