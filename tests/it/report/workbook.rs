//! Reports for spreadsheets, read back by another hand: types of cells, hostile and foreign text,
//! and that two of one store are the same bytes.

use std::io::Cursor;

use calamine::{Data, Reader, Xlsx};
use fleetsweep::domain::settle::Detail;
use fleetsweep::domain::{CampaignName, DeviceId, Life, Outcome, Row, ScanType, State};
use fleetsweep::report::record::COLUMNS;
use fleetsweep::report::{ReportHead, ReportWriter, check_writable};

/// Names that would run, be markup or turn the text, and names of people elsewhere.
const NAMES: [&str; 8] = [
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "\"><script>alert(1)</script>&amp;",
    "a\u{202e}exe.fdp\u{1}\u{0}",
    "http://evil.example",
    "Zürich-Ä-ß",
    "東京-端末",
    "الرياض",
];

fn head(comment: &str) -> ReportHead {
    ReportHead {
        campaign: "night".parse().unwrap(),
        tenant: "contoso.example".to_owned(),
        scan_type: ScanType::Full,
        emulated: false,
        ticket: "CHG1".parse().ok(),
        comment: comment.to_owned(),
        handed_on: false,
        called_off: false,
        cancel_left: None,
        portal: Some("https://security.microsoft.com/machines/"),
        story: None,
    }
}

fn rows() -> Vec<Row> {
    let row = |(line, name): (u64, &str)| Row {
        seq: line as i64,
        line,
        device: Some(DeviceId::from_bytes([line as u8; 20])),
        name: Some(name.to_owned()),
        input_text: Some("x".repeat(40_000)),
        turn: 0,
        wave: 0,
        life: Life { attempt: 1, ..Life::ended(Outcome::Accepted) },
        detail: Detail {
            http_status: Some(201),
            first_sent_at: "2026-11-24T22:36:05.987654321Z".parse().ok(),
            ..Detail::default()
        },
    };
    (2_u64..).zip(NAMES).map(row).collect()
}

fn written(ending: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("r.{ending}"));
    let mut writer = ReportWriter::create(&path, head("=1+1")).unwrap();
    rows().iter().for_each(|row| writer.row(row).unwrap());
    writer.finish().unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else stays");
    std::fs::read(path).unwrap()
}

#[test]
fn cells_have_types_and_every_text_stays_text_in_whatever_language() {
    assert!(matches!(rows()[0].life.state, State::Done(Outcome::Accepted)));
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(written("xlsx"))).unwrap();
    assert_eq!(book.sheet_names(), ["devices"]);
    let formulas = book.worksheet_formula("devices").unwrap();
    assert_eq!(formulas.used_cells().count(), 0, "nothing runs");
    let sheet = book.worksheet_range("devices").unwrap();
    let cell = |row: u32, column: &str| {
        let at = COLUMNS.iter().position(|name| *name == column).unwrap();
        sheet.get_value((row, at as u32)).cloned().unwrap_or(Data::Empty)
    };
    for (at, name) in (0..).zip(COLUMNS) {
        assert_eq!(sheet.get_value((0, at)), Some(&Data::String(name.to_owned())));
    }
    assert_eq!(cell(1, "line"), Data::Float(2.0));
    assert_eq!(cell(1, "http_status"), Data::Float(201.0));
    let Data::DateTime(at) = cell(1, "first_sent_at") else { panic!("no time") };
    // Days since the beginning of 1900, as spreadsheets count them.
    let expected = 46_350.0 + f64::from(22 * 3_600 + 36 * 60 + 5) / 86_400.0;
    assert!((at.as_f64() - expected).abs() < 1e-6, "{at:?}");
    assert_eq!(cell(1, "answered_at"), Data::Empty);
    assert_eq!(cell(1, "comment"), Data::String("=1+1".to_owned()));
    for (row, name) in (1..).zip(NAMES) {
        let Data::String(shown) = cell(row, "device_name") else { panic!("{name} is no text") };
        if name.contains('\u{202e}') {
            assert_eq!(shown, "a\\u{202e}exe.fdp\\u{1}\\u{0}");
        } else {
            assert_eq!(shown, name);
        }
        let Data::String(long) = cell(row, "input_text") else { panic!("no text") };
        assert_eq!(long.chars().count(), 32_767, "no cell holds more");
    }
}

#[test]
fn two_reports_of_the_same_rows_are_the_same_bytes_in_every_format() {
    for ending in ["csv", "jsonl", "xlsx", "md", "html"] {
        let first = written(ending);
        // The times in an archive have two seconds.
        std::thread::sleep(std::time::Duration::from_millis(2_100));
        assert!(first == written(ending), "{ending}");
    }
}

#[test]
fn a_workbook_is_known_as_the_report_of_its_campaign_and_another_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.xlsx");
    std::fs::write(&path, written("xlsx")).unwrap();
    let name = |text: &str| text.parse::<CampaignName>().unwrap();
    check_writable(&path, &name("night"), false).unwrap();
    let other = check_writable(&path, &name("other"), false).unwrap_err().to_string();
    assert!(other.contains("it is the report of campaign `night`"), "{other}");
    check_writable(&path, &name("other"), true).unwrap();
    std::fs::write(&path, "PK\u{3}\u{4} no workbook").unwrap();
    let foreign = check_writable(&path, &name("night"), false).unwrap_err().to_string();
    assert!(foreign.contains("it is not a report of fleetsweep"), "{foreign}");
}
