//! Report files: what stands in them, byte for byte, and what they are never written over.

use std::fs;
use std::path::{Path, PathBuf};

use fleetsweep::domain::Row;
use fleetsweep::domain::{
    CampaignName, Detail, Life, Outcome, Rank, ScanType, Stamp, State, text::printable,
};
use fleetsweep::report::record::COLUMNS;
use fleetsweep::report::{ReportHead, ReportWriter, check_writable};
use proptest::prelude::*;

use crate::kit::support::device;

fn name(text: &str) -> CampaignName {
    text.parse().unwrap()
}

fn head() -> ReportHead {
    ReportHead {
        campaign: name("night-1"),
        tenant: "11111111-2222-3333-4444-555555555555".to_owned(),
        scan_type: ScanType::Full,
        emulated: false,
        ticket: "=CHG0031337".parse().ok(),
        comment: "c".to_owned(),
        handed_on: false,
        called_off: false,
        cancel_left: None,
        portal: None,
        story: None,
    }
}

fn life(state: State) -> Life {
    Life { state, attempt: 1, ..Life::draft() }
}

fn row(line: u64, life: Life) -> Row {
    Row {
        seq: 1,
        turn: 0,
        wave: 0,
        line,
        device: Some(device(line)),
        name: Some(format!("pc-{line}.example.com")),
        input_text: None,
        life,
        detail: Detail::default(),
    }
}

/// A row of every kind.
fn rows() -> Vec<Row> {
    let done = |outcome| life(State::Done(outcome));
    let busy = |covered| done(Outcome::AlreadyInProgress { covered });
    let at = |text: &str| Some(text.parse().unwrap());
    let doubtful = State::Doubtful { looks: 1, look_at: Stamp(9), busy: false };
    let waiting = Life { attempt: 0, ..life(State::Queued(Stamp::ZERO)) };
    let mut all = vec![
        row(2, done(Outcome::Accepted)),
        row(3, busy(true)),
        row(4, busy(false)),
        row(5, Life { unseen: true, ..busy(false) }),
        row(6, done(Outcome::Rejected)),
        row(7, done(Outcome::NotFound)),
        row(8, done(Outcome::Failed)),
        row(9, done(Outcome::Unknown)),
        row(10, Life { attempt: 0, ..done(Outcome::NotAttempted) }),
        row(11, Life::ended(Outcome::BadRow)),
        row(12, Life::ended(Outcome::Duplicate)),
        row(13, Life::ended(Outcome::Skipped)),
        row(14, waiting),
        row(15, Life { rank: Rank::Again, busy_asks: 1, ..life(State::Queued(Stamp(7))) }),
        row(16, Life { rank: Rank::Again, doubted: true, ..life(State::Queued(Stamp(7))) }),
        row(17, Life { rank: Rank::Last, ..life(State::Queued(Stamp(7))) }),
        row(18, life(State::Claimed(Stamp(7)))),
        row(19, life(doubtful)),
    ];
    all[0].detail = Detail {
        action_id: Some("a1b2".into()),
        action_scope: Some("Full".into()),
        action_status: Some("Pending".into()),
        action_status_at: at("2026-11-24T13:00:01.5Z"),
        action_requestor: Some("app".into()),
        action_created_at: at("2026-11-24T13:00:00.1234567Z"),
        http_status: Some(201),
        first_sent_at: at("2026-11-24T12:59:59Z"),
        answered_at: at("2026-11-24T14:00:01+01:00"),
        ..Detail::default()
    };
    all[4].detail = Detail {
        http_status: Some(400),
        error_code: Some("OsPlatformNotSupported".into()),
        message: Some("not here, \"sorry\"\nbye".into()),
        server_correlation_id: Some("t-1".into()),
        ..Detail::default()
    };
    all[9] = Row {
        device: None,
        name: None,
        input_text: Some("=HYPERLINK(\"http://x\")".into()),
        ..all[9].clone()
    };
    all[9].detail.reason = Some("line 11, column `Id`: not a Defender machine id".into());
    all[10].detail.reason = Some("the same device as line 2".into());
    all
}

fn written(ending: &str, head: &ReportHead, rows: &[Row]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("report.{ending}"));
    write(&path, head, rows);
    assert_eq!(names_in(folder.path()), [path.file_name().unwrap().to_str().unwrap()]);
    fs::read_to_string(&path).unwrap()
}

fn write(path: &Path, head: &ReportHead, rows: &[Row]) {
    let mut writer = ReportWriter::create(path, head.clone()).unwrap();
    for row in rows {
        writer.row(row).unwrap();
    }
    writer.finish().unwrap();
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn every_kind_of_row_stands_in_the_csv() {
    insta::assert_snapshot!("report-csv", written("csv", &head(), &rows()));
}

#[test]
fn every_kind_of_row_stands_in_the_json_lines() {
    insta::assert_snapshot!("report-jsonl", written("jsonl", &head(), &rows()));
}

#[test]
fn both_formats_have_the_same_fields_in_the_same_order() {
    let csv = written("CSV", &head(), &rows());
    assert_eq!(csv.lines().next().unwrap(), COLUMNS.join(","));
    let json = written("ndjson", &head(), &rows());
    assert_eq!(json.lines().count(), rows().len());
    for line in json.lines() {
        let mut rest = line;
        for column in COLUMNS {
            let (_, after) = rest.split_once(&format!("\"{column}\":")).unwrap();
            rest = after;
        }
    }
}

#[test]
fn every_row_of_an_emulated_campaign_says_so() {
    let head = ReportHead { emulated: true, ..head() };
    let csv = written("csv", &head, &rows());
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let reasons: Vec<String> = reader.records().map(|row| row.unwrap()[4].to_owned()).collect();
    assert_eq!(reasons.len(), rows().len());
    assert!(reasons.iter().all(|reason| reason.starts_with("EMULATED: ")), "{reasons:?}");
}

#[test]
fn writing_twice_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.csv");
    write(&path, &head(), &rows());
    let first = fs::read(&path).unwrap();
    write(&path, &head(), &rows());
    assert_eq!(fs::read(&path).unwrap(), first);
}

#[cfg(unix)]
#[test]
fn strangers_cannot_read_a_report_also_after_it_was_written_twice() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.csv");
    for _ in 0..2 {
        write(&path, &head(), &rows());
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o137, 0, "{mode:o}");
    }
}

#[test]
fn until_the_end_the_old_report_stays_and_a_writer_that_is_dropped_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.csv");
    fs::write(&path, "old").unwrap();
    let mut writer = ReportWriter::create(&path, head()).unwrap();
    writer.row(&rows()[0]).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    drop(writer);
    assert_eq!(names_in(folder.path()), ["r.csv"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
}

#[test]
fn two_writers_of_one_report_do_not_meet_and_the_last_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.csv");
    let early = ReportWriter::create(&path, head()).unwrap();
    write(&path, &head(), &rows());
    early.finish().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", COLUMNS.join(",")));
    assert_eq!(names_in(folder.path()), ["r.csv"]);
}

#[cfg(windows)]
#[test]
fn a_report_that_a_program_holds_open_stays_as_it_is_and_the_user_is_told_to_close_it() {
    use std::os::windows::fs::OpenOptionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.csv");
    write(&path, &head(), &rows());
    let old = fs::read(&path).unwrap();
    // As Excel opens it: others may read, and nothing else (`FILE_SHARE_READ`).
    let excel = fs::OpenOptions::new().read(true).write(true).share_mode(1).open(&path).unwrap();
    let writer = ReportWriter::create(&path, head()).unwrap();
    let why = writer.finish().unwrap_err().to_string();
    assert!(why.contains("another program has it open") && why.contains("close it"), "{why}");
    assert_eq!(fs::read(&path).unwrap(), old);
    assert_eq!(names_in(folder.path()), ["r.csv"]);
    // One that lets go of it after a moment is waited for.
    let writer = ReportWriter::create(&path, head()).unwrap();
    let moment = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(600));
        drop(excel);
    });
    writer.finish().unwrap();
    moment.join().unwrap();
    assert_ne!(fs::read(&path).unwrap(), old);
}

#[cfg(unix)]
#[test]
fn a_link_is_never_followed_nor_replaced_not_even_by_force() {
    let folder = tempfile::tempdir().unwrap();
    let [victim, link] = ["victim", "r.csv"].map(|name| folder.path().join(name));
    fs::write(&victim, "keep").unwrap();
    // One that appears while the report is being written is found at its end.
    let late = ReportWriter::create(&link, head()).unwrap();
    std::os::unix::fs::symlink(&victim, &link).unwrap();
    assert!(late.finish().unwrap_err().to_string().contains("a symbolic link"));
    for force in [false, true] {
        let refused = check_writable(&link, &name("night-1"), force).unwrap_err().to_string();
        assert!(refused.contains("a symbolic link"), "{refused}");
    }
    assert!(ReportWriter::create(&link, head()).is_err());
    assert_eq!(fs::read_to_string(&victim).unwrap(), "keep");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(names_in(folder.path()), ["r.csv", "victim"]);
}

#[test]
fn only_this_campaigns_own_report_or_an_empty_file_is_overwritten_without_force() {
    let folder = tempfile::tempdir().unwrap();
    let own = name("night-1");
    for ending in ["csv", "jsonl"] {
        let path = folder.path().join(format!("r.{ending}"));
        check_writable(&path, &own, false).unwrap();
        fs::write(&path, "").unwrap();
        check_writable(&path, &own, false).unwrap();
        write(&path, &head(), &rows());
        check_writable(&path, &own, false).unwrap();
        let other = check_writable(&path, &name("night-2"), false).unwrap_err().to_string();
        assert!(other.contains("the report of campaign `night-1`"), "{other}");
        check_writable(&path, &name("night-2"), true).unwrap();
        for foreign in ["Device ID,Name\n1,2\n", "[{\"campaign\":\"night-1\"}]", "\u{0}\u{ff}"] {
            fs::write(&path, foreign).unwrap();
            let refused = check_writable(&path, &own, false).unwrap_err().to_string();
            assert!(refused.contains("is not a report of fleetsweep"), "{refused}");
        }
    }
    assert_eq!(names_in(folder.path()), ["r.csv", "r.jsonl"]);
}

#[test]
fn what_cannot_be_written_is_refused_with_what_why_and_what_next() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    fs::create_dir(folder.path().join("r.csv")).unwrap();
    let here = |name: &str| folder.path().join(name);
    let paths = [
        here("r.txt"),
        here("report"),
        here("missing/r.csv"),
        here("file/r.csv"),
        here("r.csv"),
        // Nobody, not even root, can create a file there.
        PathBuf::from("/proc/fleetsweep-report.csv"),
    ];
    let told: Vec<String> = paths
        .iter()
        .map(|path| {
            let error = check_writable(path, &name("c"), false).unwrap_err().to_string();
            error.replace(folder.path().to_str().unwrap(), "FOLDER")
        })
        .collect();
    insta::assert_snapshot!("report-refusals", told.join("\n"));
}

/// Text that likes to be a formula, an escape sequence or a broken line.
pub(crate) fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "=",
            "+",
            "-",
            "@",
            "\t",
            "\r",
            "\n",
            "\0",
            "'",
            "\"",
            ",",
            ";",
            " ",
            "\u{a0}",
            "＝",
            "\u{1b}[2J",
            "\u{9b}",
            "\u{7f}",
            "\u{202e}",
            "\u{feff}",
            "\u{2028}",
            "\\u{9}",
            "1+1",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn nasty_row() -> impl Strategy<Value = Row> {
    let text = || prop::option::of(nasty());
    (any::<u64>(), [text(), text(), text(), text(), text(), text()], [text(), text(), text()])
        .prop_map(|(line, [name, input_text, reason, id, scope, status], rest)| {
            let [requestor, error_code, message] = rest;
            let detail = Detail {
                reason,
                action_id: id,
                action_scope: scope,
                action_status: status,
                action_requestor: requestor,
                server_correlation_id: message.clone(),
                error_code,
                message,
                ..Detail::default()
            };
            let life = Life::ended(Outcome::BadRow);
            Row { seq: 1, turn: 0, wave: 0, line, device: None, name, input_text, life, detail }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands in a list or an answer, no spreadsheet runs it and no line is forged.
    #[test]
    fn any_text_is_inert_in_the_csv_and_reads_back(
        rows in prop::collection::vec(nasty_row(), 1..4), tenant in nasty(),
    ) {
        let head = ReportHead { tenant, ..head() };
        let csv = written("csv", &head, &rows);
        prop_assert!(csv.chars().all(|c| c == '\n' || !c.is_control()));
        prop_assert_eq!(csv.lines().count(), rows.len() + 1);
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let read: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(read.len(), rows.len());
        for (read, row) in read.iter().zip(&rows) {
            for field in read {
                prop_assert!(!field.trim_start().starts_with(['=', '+', '-', '@', '＝']));
            }
            let name = printable(row.name.as_deref().unwrap_or_default());
            let guarded = format!("'{name}");
            prop_assert!([name, guarded].iter().any(|may| may == &read[2]));
        }
    }

    /// JSON lines give every text back unchanged, and steer no terminal.
    #[test]
    fn any_text_reads_back_unchanged_from_the_json_lines(
        rows in prop::collection::vec(nasty_row(), 1..4),
    ) {
        let json = written("jsonl", &head(), &rows);
        prop_assert!(json.chars().all(|c| c == '\n' || printable(&c.to_string()) == c.to_string()));
        prop_assert_eq!(json.lines().count(), rows.len());
        for (line, row) in json.lines().zip(&rows) {
            let read: serde_json::Value = serde_json::from_str(line).unwrap();
            prop_assert_eq!(read["device_name"].as_str(), row.name.as_deref());
            prop_assert_eq!(read["message"].as_str(), row.detail.message.as_deref());
            prop_assert_eq!(read["input_text"].as_str(), row.input_text.as_deref());
        }
    }
}
