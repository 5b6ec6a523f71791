//! The write-ahead log before SQLite reads it. SQLite takes the first frame that does not match its
//! checksum for the end of the log and forgets all commits behind it without a word; a claim that
//! is forgotten is ordered twice. This tells such damage from a commit that a power cut tore. It
//! changes nothing, and the format is SQLite's own (fileformat2.html, section 4).

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

const HEADER: usize = 32;
const FRAME: usize = 24;

/// The magic number of a log whose checksums read words in little-endian order; one more is big.
const MAGIC: u32 = 0x377f_0682;

/// What is wrong with the log in this file; nothing if it is whole, empty or not there.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn damage(path: &Path) -> io::Result<Option<String>> {
    match File::open(path) {
        Ok(file) => read(BufReader::with_capacity(1 << 20, file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The two running sums of a log, each word read in the order that its magic number says.
#[derive(Clone, Copy)]
struct Sums {
    little: bool,
    sums: [u32; 2],
}

impl Sums {
    fn add(&mut self, bytes: &[u8]) {
        let word = |at: usize| {
            let word: [u8; 4] = std::array::from_fn(|i| bytes[at + i]);
            if self.little { u32::from_le_bytes(word) } else { u32::from_be_bytes(word) }
        };
        let [mut one, mut two] = self.sums;
        for at in (0..bytes.len() / 8 * 8).step_by(8) {
            one = one.wrapping_add(word(at)).wrapping_add(two);
            two = two.wrapping_add(word(at + 4)).wrapping_add(one);
        }
        self.sums = [one, two];
    }

    /// Whether the eight bytes are these sums.
    fn are(&self, bytes: &[u8]) -> bool {
        [number(bytes, 0), number(bytes, 4)] == self.sums
    }
}

fn read(mut log: impl Read) -> io::Result<Option<String>> {
    let mut header = [0; HEADER];
    // A log without a whole header, or with one that was never written, holds no commit.
    if !fill(&mut log, &mut header)? || header == [0; HEADER] {
        return Ok(None);
    }
    let magic = number(&header, 0);
    let mut sums = Sums { little: magic == MAGIC, sums: [0, 0] };
    sums.add(&header[..24]);
    let page = number(&header, 8) as usize;
    if magic & !1 != MAGIC || !sums.are(&header[24..]) || !(512..=65_536).contains(&page) {
        return Ok(Some("the head of its log does not match its checksum".to_owned()));
    }
    let mut frame = vec![0; FRAME + page];
    let (mut at, mut broken) = (0_u64, None);
    // Frames of this log behind the first broken one, and how many of them end a commit.
    let (mut commits, mut behind_commit) = (0, false);
    while fill(&mut log, &mut frame)? {
        at += 1;
        let ours = frame[8..16] == header[16..24];
        if broken.is_none() {
            sums.add(&frame[..8]);
            sums.add(&frame[FRAME..]);
            if ours && sums.are(&frame[16..24]) {
                continue;
            }
            broken = Some(at);
        }
        behind_commit |= ours && commits > 0;
        commits += u32::from(ours && number(&frame, 4) > 0);
    }
    // A power cut can tear the last commit and no other: each is on the disk before the next
    // begins.
    let lost = behind_commit || commits > 1;
    Ok(broken.filter(|_| lost).map(|at| {
        format!(
            "frame {at} of its log does not match its checksum, and there are commits behind it"
        )
    }))
}

/// Fills the buffer; false at the end of the file, whole or not.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(std::array::from_fn(|i| bytes[at + i]))
}
