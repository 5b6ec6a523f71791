//! Bytes to text: refuses what is plainly no list, and decodes UTF-8 and UTF-16 as a stream. What
//! the text means is left to the readers of tables and JSON.

use std::io::{BufRead, BufReader, Chain, Cursor, Read};

use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};

use super::error::{Fault, LIST_INSTEAD};

/// How much is looked at before anything is decoded, in bytes.
const HEAD: u64 = 1024;
/// The buffer for decoded text, in bytes.
const BUFFER: usize = 64 * 1024;

type Decoder<R> = DecodeReaderBytes<Chain<Cursor<Vec<u8>>, R>, Vec<u8>>;

/// A source as UTF-8 text.
pub(super) struct Text<R: BufRead> {
    pub(super) reader: R,
    /// Whether it was decoded, so that U+FFFD stands for what could not be.
    pub(super) decoded: bool,
    /// Whether it is JSON.
    pub(super) json: bool,
}

/// Begins a source: looks at its first bytes and sets the decoder accordingly.
pub(super) fn open<R: Read>(mut reader: R) -> Result<Text<impl BufRead>, Fault> {
    let mut head = Vec::new();
    reader.by_ref().take(HEAD).read_to_end(&mut head)?;
    refuse_containers(&head)?;
    let utf16_mark = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    let guessed = if utf16_mark { None } else { unmarked_utf16(&head) };
    if let Some(mark) = guessed {
        head.splice(0..0, mark);
    } else if !utf16_mark && head.contains(&0) {
        let line = 1 + head.iter().take_while(|byte| **byte != 0).filter(|b| **b == b'\n').count();
        return Err(Fault::Binary { line: line as u64 });
    }
    let mut decoder: Decoder<R> = DecodeReaderBytesBuilder::new()
        .utf8_passthru(true)
        .strip_bom(true)
        .build_with_buffer(Cursor::new(head).chain(reader), vec![0; BUFFER])?;
    // A single read may give only the few bytes in which the decoder looked for a mark.
    let mut start = Vec::new();
    decoder.by_ref().take(HEAD).read_to_end(&mut start)?;
    let json = is_json(&start);
    let reader = BufReader::with_capacity(BUFFER, Cursor::new(start).chain(decoder));
    Ok(Text { reader, decoded: utf16_mark || guessed.is_some(), json })
}

/// Whether the text is JSON: it begins with `[`, or with `{` before a string or another brace,
/// since a bare list may begin with a GUID in braces.
fn is_json(mut start: &[u8]) -> bool {
    while let Some(rest) = start.strip_prefix(b"\xef\xbb\xbf") {
        start = rest;
    }
    let mut significant = start.iter().filter(|byte| !byte.is_ascii_whitespace());
    match significant.next() {
        Some(b'[') => true,
        Some(b'{') => matches!(significant.next(), None | Some(b'"' | b'}')),
        _ => false,
    }
}

fn refuse_containers(head: &[u8]) -> Result<(), Fault> {
    const EXPORT: &str = "open it, save the sheet as CSV, and name that file";
    const EITHER: &str = "open the workbook and save the sheet as CSV, or unpack the archive, and \
                          name that file";
    const UNPACK: &str = "unpack it, and name the list inside";
    const EXPORT_CSV: &str = "export it as CSV, and name that file";
    const AS_TEXT: &str = "save it as plain text (.txt), an id on each line, and name that file";
    const OTHER: &str = LIST_INSTEAD;
    const KINDS: [(&[u8], &str, &str); 17] = [
        (b"PK\x03\x04", "an Excel workbook (.xlsx) or a zip archive", EITHER),
        (b"PK\x05\x06", "an empty zip archive", UNPACK),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)", EXPORT),
        (b"\x1f\x8b", "a gzip file", UNPACK),
        (b"BZh", "a bzip2 file", UNPACK),
        (b"\xfd7zXZ", "an xz file", UNPACK),
        (b"\x28\xb5\x2f\xfd", "a zstd file", UNPACK),
        (b"%PDF", "a PDF file", OTHER),
        (b"{\\rtf", "a document (.rtf)", AS_TEXT),
        (b"\x89PNG", "a picture (.png)", OTHER),
        (b"\xff\xd8\xff", "a picture (.jpg)", OTHER),
        (b"GIF8", "a picture (.gif)", OTHER),
        (b"SQLite format 3", "a database (SQLite)", EXPORT_CSV),
        (b"7z\xbc\xaf", "a 7-Zip archive", UNPACK),
        (b"PAR1", "a Parquet file", EXPORT_CSV),
        (
            b"Obj\x01",
            "an Avro file, as Event Hubs writes it",
            "take the JSON out of its bodies, and name that file",
        ),
        (b"<", "a web page or XML", OTHER),
    ];
    let start = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    match KINDS.into_iter().find(|(magic, _, _)| start.starts_with(magic)) {
        Some((_, kind, remedy)) => Err(Fault::Container { kind, remedy }),
        None => Ok(()),
    }
}

/// The byte order mark that UTF-16 without one should have: text that begins with two ASCII
/// characters shows in which half of each pair the zeros are.
fn unmarked_utf16(head: &[u8]) -> Option<[u8; 2]> {
    match head {
        [a, 0, b, 0, ..] if *a != 0 && *b != 0 => Some(*b"\xff\xfe"),
        [0, a, 0, b, ..] if *a != 0 && *b != 0 => Some(*b"\xfe\xff"),
        _ => None,
    }
}
