//! The write-ahead log before SQLite reads it. SQLite takes the first frame that does not match its
//! checksum for the end of the log and forgets all commits behind it without a word; a claim that
//! is forgotten is ordered twice. This tells such damage from a commit that a power cut tore. It
//! changes nothing, and the formats are SQLite's own (fileformat2.html, section 4; walformat.html,
//! section 2).

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

use crate::system::files::would_lose_locks;

const HEADER: usize = 32;
const FRAME: usize = 24;

/// The length of the header of the log's index, of which there are two copies.
const INDEX: usize = 48;

/// The magic number of a log whose checksums read words in little-endian order; one more is big.
const MAGIC: u32 = 0x377f_0682;

/// What is wrong with the log in this file; nothing if it is whole, empty or not there. The index
/// beside it, which a process that was killed leaves behind, says how long the log must be at
/// least: it is written after the log is on the disk.
///
/// # Errors
/// If a file cannot be read.
pub(super) fn damage(log: &Path, index: &Path) -> io::Result<Option<String>> {
    // The index comes first: a log that somebody writes meanwhile only grows.
    let least = if would_lose_locks(index) { None } else { least(index)? };
    match File::open(log) {
        Ok(file) => read(BufReader::with_capacity(1 << 20, file), least),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(least.map(cut_off)),
        Err(error) => Err(error),
    }
}

/// The log that an index is about: its two salts, and how many frames are committed.
#[derive(Clone, Copy)]
struct Least {
    salts: [u8; 8],
    frames: u64,
}

fn least(index: &Path) -> io::Result<Option<Least>> {
    let mut copies = [0; 2 * INDEX];
    let mut file = match File::open(index) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !fill(&mut file, &mut copies)? {
        return Ok(None);
    }
    let (one, two) = copies.split_at(INDEX);
    // Copies that differ were being written; SQLite makes such an index anew.
    let frames = u32::from_ne_bytes(std::array::from_fn(|i| one[16 + i]));
    let usable = one == two && one[12] == 1 && frames > 0;
    let salts = std::array::from_fn(|i| one[32 + i]);
    Ok(usable.then_some(Least { salts, frames: frames.into() }))
}

fn cut_off(_: Least) -> String {
    "its log ends before a commit that was made; if it is a copy that was restored, remove the \
     file that ends in -shm"
        .to_owned()
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

fn read(mut log: impl Read, least: Option<Least>) -> io::Result<Option<String>> {
    let mut header = [0; HEADER];
    // A log without a whole header, or with one that was never written, holds no commit.
    if !fill(&mut log, &mut header)? || header == [0; HEADER] {
        return Ok(least.map(cut_off));
    }
    let magic = number(&header, 0);
    let mut sums = Sums { little: magic == MAGIC, sums: [0, 0] };
    sums.add(&header[..24]);
    let page = number(&header, 8) as usize;
    if magic & !1 != MAGIC || !sums.are(&header[24..]) || !(512..=65_536).contains(&page) {
        return Ok(Some("the head of its log does not match its checksum".to_owned()));
    }
    let mut frame = vec![0; FRAME + page];
    let (mut at, mut whole, mut broken) = (0_u64, 0_u64, None);
    // Frames of this log behind the first broken one, and how many of them end a commit.
    let (mut commits, mut behind_commit) = (0, false);
    while fill(&mut log, &mut frame)? {
        at += 1;
        let ours = frame[8..16] == header[16..24];
        if broken.is_none() {
            sums.add(&frame[..8]);
            sums.add(&frame[FRAME..]);
            if ours && sums.are(&frame[16..24]) {
                whole = at;
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
    if let Some(at) = broken.filter(|_| lost) {
        return Ok(Some(format!(
            "frame {at} of its log does not match its checksum, and there are commits behind it"
        )));
    }
    let cut = least.filter(|least| header[16..24] == least.salts && whole < least.frames);
    Ok(cut.map(cut_off))
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
