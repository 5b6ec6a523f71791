//! Lists of devices as people have them, read through the public interface: every file of
//! `fixtures/intake` against its snapshot, and properties of all lists.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{Cursor, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use fleetsweep::domain::DeviceId;
use fleetsweep::domain::text::printable;
use fleetsweep::intake::{self, Fault, IntakeError, Options, Row, RowKind, Seen, SourceSummary};

mod forms;

/// Fixtures that are read with `--column`.
const WISHES: [(&str, &str); 6] = [
    ("guids-beside-ids.csv", "aadDeviceId"),
    ("json-wanted-field.json", "defender_id"),
    ("own-report-wanted.csv", "device_id"),
    ("wanted-column.csv", "asset_ref"),
    ("wanted-column-missing.csv", "Defender ID"),
    ("wanted-column-number.csv", "2"),
];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn read_all(
    name: &str,
    reader: impl Read,
    options: &Options,
    seen: &mut Seen,
) -> (Vec<Row>, Result<SourceSummary, IntakeError>) {
    let mut rows = Vec::new();
    let result = intake::read(name, reader, options, seen, &mut |row| {
        rows.push(row);
        ControlFlow::Continue(())
    });
    (rows, result)
}

fn read_bytes(bytes: &[u8]) -> (Vec<Row>, Result<SourceSummary, IntakeError>) {
    read_all("list", bytes, &Options::default(), &mut Seen::new())
}

fn fault(bytes: &[u8]) -> Fault {
    read_bytes(bytes).1.expect_err("the list is refused").fault
}

fn devices(rows: &[Row]) -> Vec<DeviceId> {
    let device = |row: &Row| match row.kind {
        RowKind::Device(id) => Some(id),
        _ => None,
    };
    rows.iter().filter_map(device).collect()
}

fn described(rows: &[Row], result: &Result<SourceSummary, IntakeError>) -> String {
    let mut text = match result {
        Ok(s) => format!(
            "{}, column {}: {} rows = {} devices + {} duplicates + {} bad\n",
            s.format, s.column_used, s.rows, s.devices, s.duplicates, s.bad
        ),
        Err(error) => return format!("refused: {error}\n"),
    };
    for row in rows {
        let name = printable(row.device_name.as_deref().unwrap_or("-"));
        let line = row.line;
        match &row.kind {
            RowKind::Device(id) => writeln!(text, "{line}: {id} {name}"),
            RowKind::Duplicate { of, first } => {
                writeln!(text, "{line}: {of} {name} again, first at line {}", first.line)
            }
            RowKind::Foreign(_) => writeln!(text, "{line}: {name} of another tenant"),
            RowKind::Bad(error) => writeln!(text, "{line}: {name} bad: {error}"),
        }
        .expect("a String takes any text");
    }
    text
}

#[test]
fn every_fixture_reads_as_its_snapshot_says() {
    let folder = fixtures().join("intake");
    let files: BTreeSet<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(files.len() >= 40, "only {} fixtures", files.len());
    let wishes = BTreeMap::from(WISHES);
    for file in &files {
        let column = wishes.get(file.as_str()).map(|wish| wish.to_string());
        let options = Options { column, ..Options::default() };
        let reader = intake::open(&folder.join(file)).unwrap();
        let (rows, result) = read_all(file, reader, &options, &mut Seen::new());
        assert!(
            result.as_ref().is_ok_and(|summary| agrees(summary, &rows)) || result.is_err(),
            "{file}: the sums do not agree"
        );
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(format!("intake-{file}"), described(&rows, &result));
        });
    }
}

#[test]
fn every_snapshot_belongs_to_a_fixture() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/intake/snapshots");
    for entry in std::fs::read_dir(here).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let fixture = name.strip_prefix("intake-").and_then(|name| name.strip_suffix(".snap"));
        if let Some(fixture) = fixture {
            assert!(fixtures().join("intake").join(fixture).exists(), "{name} is left over");
        }
    }
}

#[test]
fn the_portal_exports_of_both_eras_read_without_a_bad_row() {
    for (file, devices) in [("portal-export-250.csv", 250), ("portal-export-2023.csv", 25)] {
        let reader = intake::open(&fixtures().join(file)).unwrap();
        let (rows, result) = read_all(file, reader, &Options::default(), &mut Seen::new());
        let summary = result.unwrap();
        assert_eq!((summary.rows, summary.devices, summary.bad), (devices, devices, 0), "{file}");
        assert_eq!(summary.column_used, "Device ID");
        assert!(rows.iter().all(|row| row.device_name.is_some()));
    }
}

#[test]
fn a_duplicate_in_a_second_file_names_the_first_file_and_line() {
    let id = hex(&[7; 20]);
    let mut seen = Seen::new();
    let options = Options::default();
    let first = format!("DeviceId\n\n{id}\n");
    assert!(read_all("a.csv", first.as_bytes(), &options, &mut seen).1.is_ok());
    let (rows, result) = read_all("b.csv", id.as_bytes(), &options, &mut seen);
    assert_eq!(result.unwrap().duplicates, 1);
    let RowKind::Duplicate { first, .. } = &rows[0].kind else { panic!("{rows:?}") };
    assert_eq!((&*first.source, first.line), ("a.csv", 3));
}

#[test]
fn an_endless_line_is_refused_by_its_number_and_read_no_further() {
    let mut endless = CountingReader { reader: std::io::repeat(b'a'), bytes: 0 };
    let head = Cursor::new(format!("DeviceId\n{}\n", hex(&[1; 20])).into_bytes());
    let options = Options::default();
    let (_, result) = read_all("-", head.chain(&mut endless), &options, &mut Seen::new());
    assert!(matches!(result.unwrap_err().fault, Fault::LineTooLong { line: 3 }));
    assert!(endless.bytes < 1 << 20, "{} bytes read", endless.bytes);
}

#[test]
fn endless_zeros_blank_lines_quotes_and_elements_are_refused() {
    let read = |start: &str, endless: &'static [u8]| {
        let reader = Cursor::new(start.to_owned().into_bytes()).chain(Repeat(endless, 0));
        read_all("-", reader, &Options::default(), &mut Seen::new()).1.unwrap_err().fault
    };
    assert!(matches!(read("", b"\0"), Fault::Binary { line: 1 }));
    assert!(matches!(read("", b"\n"), Fault::TooManySkipped));
    assert!(matches!(read("", b",,\n"), Fault::TooManySkipped));
    assert!(matches!(read("", b"# x\n"), Fault::TooManySkipped));
    assert!(matches!(read("id,name\na,\"", b"x\n"), Fault::OpenQuote { line: 2 }));
    assert!(matches!(read("[\n{\"id\":\"", b"x"), Fault::JsonElementTooLarge { line: 2 }));
    assert!(matches!(read("[\n", b"["), Fault::JsonElementTooLarge { line: 2 }));
    assert!(matches!(read("{\"id\":", b"{\"a\":"), Fault::JsonElementTooLarge { line: 1 }));
}

#[test]
fn an_incident_with_all_of_its_alerts_is_read_and_one_without_an_end_is_refused() {
    let alert = |n: u32| {
        let devices: Vec<_> = (0..20)
            .map(|k| serde_json::json!({ "mdatpDeviceId": hex(&[(k + n % 7) as u8; 20]) }))
            .collect();
        serde_json::json!({ "alertId": n, "description": "x".repeat(500), "devices": devices })
    };
    let alerts: Vec<_> = (0..700).map(alert).collect();
    let incident = serde_json::json!([{ "incidentId": 1, "alerts": alerts }]).to_string();
    assert!(incident.len() > 1_000_000, "{}", incident.len());
    let (rows, result) = read_bytes(incident.as_bytes());
    assert_eq!((result.unwrap().devices, rows.len()), (26, 14_000));
    // As the only object it is read part by part, so that it may be of any size.
    let many: Vec<_> = (0..3_000).map(alert).collect();
    let alone = serde_json::json!({ "incidentId": 1, "alerts": many }).to_string();
    assert!(alone.len() > 4_000_000, "{}", alone.len());
    assert_eq!(read_bytes(alone.as_bytes()).1.unwrap().rows, 60_000);
    assert!(matches!(
        fault(format!("[{{\"alerts\":[{}]}}]", "{\"a\":1},".repeat(300_000)).as_bytes()),
        Fault::JsonElementTooLarge { line: 1 }
    ));
    let fields = "\"id\":\"x\",\"value\":[{}],".repeat(600);
    assert!(matches!(
        fault(format!("{{{fields}\"a\":1}}").as_bytes()),
        Fault::JsonElementTooLarge { line: 1 }
    ));
}

#[test]
fn a_line_of_exactly_the_limit_is_read() {
    let padded = |length: usize| format!("{},{}", hex(&[1; 20]), "x".repeat(length - 41));
    let (rows, result) = read_bytes(padded(64 * 1024).as_bytes());
    assert_eq!((rows.len(), result.is_ok()), (1, true));
    assert!(matches!(fault(padded(64 * 1024 + 1).as_bytes()), Fault::LineTooLong { line: 1 }));
}

#[test]
fn the_row_limit_holds_over_all_files_of_a_run() {
    let mut seen = Seen::new();
    let options = Options { max_rows: 3, ..Options::default() };
    let list = |n: u8| (0..2).map(|k| hex(&[n + k; 20]) + "\n").collect::<String>();
    assert!(read_all("a", list(0).as_bytes(), &options, &mut seen).1.is_ok());
    let (rows, result) = read_all("b", list(2).as_bytes(), &options, &mut seen);
    assert_eq!(rows.len(), 1);
    assert!(matches!(result.unwrap_err().fault, Fault::TooManyRows { limit: 3 }));
}

#[test]
fn reading_stops_where_the_caller_says() {
    let list: String = (0..200).map(|n| hex(&[n; 20]) + "\n").collect();
    let dump = format!("[{}]", vec![format!("\"{}\"", hex(&[1; 20])); 200].join(","));
    for text in [list, dump] {
        for stop_after in [1, 50, 150] {
            let mut rows = 0;
            let summary = intake::read(
                "-",
                text.as_bytes(),
                &Options::default(),
                &mut Seen::new(),
                &mut |_| {
                    rows += 1;
                    if rows == stop_after {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                },
            );
            assert_eq!((summary.unwrap().rows, rows), (stop_after, stop_after));
        }
    }
}

#[test]
fn a_file_that_cannot_be_opened_says_why() {
    let refused = |path: &str| intake::open(&fixtures().join(path)).unwrap_err();
    assert!(matches!(refused("intake").fault, Fault::Directory));
    let missing = refused("no-such.csv");
    assert!(matches!(missing.fault, Fault::NotFound));
    assert!(missing.to_string().ends_with("no-such.csv: there is no such file"));
}

#[test]
fn a_read_error_is_not_the_end_of_the_list() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let id = hex(&[1; 20]);
    let table = (0..300).map(|_| id.clone() + "\n").collect::<String>();
    for start in [table, format!("[\"{id}\""), String::new()] {
        let reader = Cursor::new(start.into_bytes()).chain(Broken);
        let result = read_all("-", reader, &Options::default(), &mut Seen::new()).1;
        let error = result.unwrap_err();
        assert!(error.to_string().contains("the disk is gone"), "{error}");
    }
}

/// Counts what is read from an endless source.
struct CountingReader<R> {
    reader: R,
    bytes: usize,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.reader.read(out)?;
        self.bytes += count;
        Ok(count)
    }
}

/// The same bytes without end.
struct Repeat(&'static [u8], usize);

impl Read for Repeat {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        for byte in out.iter_mut() {
            *byte = self.0[self.1 % self.0.len()];
            self.1 += 1;
        }
        Ok(out.len())
    }
}

fn hex(bytes: &[u8; 20]) -> String {
    DeviceId::from_bytes(*bytes).to_string()
}

fn agrees(summary: &SourceSummary, rows: &[Row]) -> bool {
    summary.rows == rows.len() as u64
        && summary.rows == summary.devices + summary.duplicates + summary.bad
}

#[test]
fn a_list_that_stops_within_its_last_row_is_told_from_one_with_short_rows() {
    let id = |n: u32| format!("{n:040x}");
    let whole = format!("Device ID,Device Name,Domain\n{},a,x\n{},b,x\n", id(1), id(2));
    let cut_off = |text: &str| read_bytes(text.as_bytes()).1.unwrap().cut_off;
    assert_eq!(cut_off(&whole), None);
    assert_eq!(cut_off(whole.trim_end()), None, "an end without a line end alone says nothing");
    assert_eq!(cut_off(&format!("{whole}{}", id(3))), Some(4));
    assert_eq!(cut_off(&format!("{whole}{},c", id(3))), Some(4));
    // Somebody left the last cells out, in this row or in others as well.
    assert_eq!(cut_off(&format!("{whole}{}\n", id(3))), None);
    assert_eq!(cut_off(&format!("{whole}{},c\n{},d", id(3), id(4))), None);
    assert_eq!(cut_off(&format!("{}\n{}", id(1), id(2))), None, "a bare list");
    assert_eq!(cut_off(&format!("Device ID,Device Name\n{}", id(1))), None, "the only row");
    for footer in ["(3 rows affected)", ",,"] {
        assert_eq!(cut_off(&format!("{whole}{}\n{footer}", id(3))), None, "{footer}");
    }
}

#[test]
fn a_column_is_called_guessed_where_only_its_values_say_that_it_holds_ids() {
    let id = "0123456789abcdef0123456789abcdef01234567";
    let guessed = |header: &str| {
        let list = format!("{header},owner\n{id},a\n");
        read_bytes(list.as_bytes()).1.map(|summary| summary.guessed)
    };
    assert_eq!(guessed("Reference").unwrap().as_deref(), Some("column \"Reference\""));
    for device in ["Device ID", "Device-ID", "Defender ID", "machine"] {
        assert_eq!(guessed(device).unwrap(), None, "{device}");
    }
    for hash in ["SHA1", "sha", "File hash", "Digest", "Certificate fingerprint"] {
        let refused = guessed(hash).unwrap_err().to_string();
        assert!(refused.contains("no column holds Defender machine ids"), "{refused}");
    }
    let column = Some("Reference".to_owned());
    let options = Options { column, ..Options::default() };
    let list = format!("Reference,owner\n{id},a\n");
    let (_, summary) = read_all("list", list.as_bytes(), &options, &mut Seen::new());
    assert_eq!(summary.unwrap().guessed, None, "the user said so");
}
