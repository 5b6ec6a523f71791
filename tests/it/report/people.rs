//! Reports that people open: one file each, without a clock and without anything that runs.

use std::path::Path;

use fleetsweep::domain::cancel::Cause;
use fleetsweep::domain::happening::{Happened, Happening};
use fleetsweep::domain::{Detail, Life, Minute, Outcome, Row, ScanType};
use fleetsweep::report::story::Story;
use fleetsweep::report::{ReportHead, ReportWriter, check_writable};
use jiff::Timestamp;

use crate::kit::support::device;

fn at(text: &str) -> Timestamp {
    format!("2026-11-24T{text}:00Z").parse().unwrap()
}

fn head() -> ReportHead {
    let happened = |when, what| Happening {
        at: at(when),
        what,
        by: "<b>weber</b>".to_owned(),
        host: "jump-01".to_owned(),
    };
    let minute = |when, calls| Minute { at: at(when), calls, accepted: calls, throttled: 1 };
    let story = Story {
        opened_at: at("22:36"),
        finished_at: Some(at("22:50")),
        ended: None,
        last_call_at: Some(at("22:41")),
        calls: 7,
        quotas: vec!["100/1m".parse().unwrap(), "1500/1h".parse().unwrap()],
        minutes: vec![minute("22:36", 3), minute("22:40", 4)],
        happenings: vec![happened("22:36", Happened::Begun), happened("22:50", Happened::Finished)],
        zone: jiff::tz::TimeZone::UTC,
        store: " --store sqlite:x.db".to_owned(),
    };
    ReportHead {
        campaign: "inc-4711".parse().unwrap(),
        tenant: "Contoso <i>|`".to_owned(),
        scan_type: ScanType::Full,
        emulated: false,
        ticket: "INC4711".parse().ok(),
        comment: "\"><script>alert(1)</script>".to_owned(),
        handed_on: false,
        called_off: false,
        cancel_left: None,
        portal: None,
        story: Some(Box::new(story)),
    }
}

fn row(line: u64, outcome: Outcome) -> Row {
    let rejected = outcome == Outcome::Rejected;
    let text = |text: &str| rejected.then(|| text.to_owned());
    Row {
        seq: line as i64,
        line,
        device: Some(device(line)),
        name: Some("\"><img src=x onerror=alert(2)>|`".to_owned()),
        input_text: None,
        life: Life::ended(outcome),
        detail: Detail {
            error_code: text("OsPlatformNotSupported"),
            message: text("iOS isn't | supported <here>"),
            ..Detail::default()
        },
        turn: 0,
        wave: 0,
    }
}

fn written(path: &Path, rows: u64) -> String {
    let mut writer = ReportWriter::create(path, head()).unwrap();
    writer.row(&row(1, Outcome::Accepted)).unwrap();
    writer.row(&row(2, Outcome::AlreadyInProgress { covered: true })).unwrap();
    (3..3 + rows).for_each(|line| writer.row(&row(line, Outcome::Rejected)).unwrap());
    writer.finish().unwrap();
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_report_to_open_runs_nothing_asks_nobody_and_is_the_same_bytes_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.html");
    let html = written(&path, 3);
    assert_eq!(html, written(&path, 3));
    for bad in ["<script", "<img", "<i>", "<b>weber", "http://", "https://", "url(", "@import"] {
        assert!(!html.contains(bad), "{bad}: {html}");
    }
    let policy = "default-src 'none'; style-src 'sha256-";
    assert!(html.replace("&#39;", "'").contains(policy), "{html}");
    let first = "40.0 % of 5 devices ordered or covered; 3 rows need attention.";
    assert!(html.contains(first), "{html}");
    assert!(!html.contains("<pattern"), "a printed page would be forty times as large");
}

#[test]
fn rows_that_the_next_night_asks_again_need_nobody_and_keep_what_is_known_of_a_lost_answer() {
    let folder = tempfile::tempdir().unwrap();
    let told = |name: &str| {
        let path = folder.path().join(name);
        let head = ReportHead { handed_on: true, called_off: true, ..head() };
        let mut writer = ReportWriter::create(&path, head).unwrap();
        writer.row(&row(1, Outcome::NotAttempted)).unwrap();
        let mut lost = row(2, Outcome::Failed);
        lost.detail.reason = Some("the answer was lost".to_owned());
        writer.row(&lost).unwrap();
        writer.row(&row(3, Outcome::NotFound)).unwrap();
        writer.finish().unwrap();
        std::fs::read_to_string(&path).unwrap()
    };
    for name in ["r.html", "r.md"] {
        assert!(told(name).contains("; 1 row needs attention"), "the one that is gone: {name}");
    }
    let csv = told("r.csv");
    let again = "the answer was lost; handed on: the next run of its series asks it once more";
    assert!(csv.contains(again), "{csv}");
}

#[test]
fn a_report_over_several_tenants_says_whose_each_row_is_that_needs_attention() {
    let folder = tempfile::tempdir().unwrap();
    let told = |tenants: &[&str]| {
        let path = folder.path().join("all.html");
        let of = |tenant: &str| ReportHead { tenant: tenant.to_owned(), ..head() };
        let mut writer = ReportWriter::create(&path, of(tenants[0])).unwrap();
        for tenant in tenants {
            writer.turn_to(of(tenant));
            writer.row(&row(1, Outcome::Failed)).unwrap();
        }
        writer.turn_to(of("2 tenants"));
        writer.finish().unwrap();
        std::fs::read_to_string(&path).unwrap()
    };
    let several = told(&["bravo.example", "delta.example"]);
    for tenant in ["bravo.example", "delta.example"] {
        assert!(several.contains(&format!("<bdi>{tenant}</bdi>")), "{several}");
    }
    assert!(several.contains(r#"<th scope="col">Tenant</th>"#), "{several}");
    let one = told(&["bravo.example"]);
    assert!(!one.contains(r#"<th scope="col">Tenant</th>"#), "{one}");
}

#[test]
fn rows_that_were_taken_back_need_nobody_and_rows_that_were_skipped_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let told = |called_off: bool, name: &str| {
        let path = folder.path().join(name);
        let head = ReportHead { called_off, ..head() };
        let mut writer = ReportWriter::create(&path, head).unwrap();
        writer.row(&row(1, Outcome::Accepted)).unwrap();
        for (line, reason) in [(2, Cause::Command), (3, Cause::WindowClosed)] {
            let taken_back = reason.takes_back();
            let mut row = row(line, Outcome::Cancelled { taken_back });
            row.detail.reason = Some(reason.reason().to_owned());
            writer.row(&row).unwrap();
        }
        writer.row(&row(4, Outcome::NotAttempted)).unwrap();
        writer.row(&row(5, Outcome::Skipped)).unwrap();
        writer.finish().unwrap();
        std::fs::read_to_string(&path).unwrap()
    };
    for name in ["r.html", "r.md"] {
        let first = "25.0 % of 4 devices ordered or covered; 1 row needs attention; 2 taken back; \
                     1 row of the list skipped";
        let text = told(true, name);
        assert!(text.contains(first), "{text}");
        assert!(text.contains("taken back before it was ordered; again:"), "{text}");
        let first = "2 rows need attention; 1 taken back; 1 row of the list skipped";
        assert!(told(false, name).contains(first), "a campaign that nobody called off");
    }
}

#[test]
fn a_report_to_open_holds_no_more_rows_than_anybody_reads_and_counts_all() {
    let folder = tempfile::tempdir().unwrap();
    let html = written(&folder.path().join("r.html"), 2_500);
    assert_eq!(html.matches("<b>OsPlatformNotSupported</b>").count(), 2_000);
    let kind = "<td class=\"n\">2,500</td>";
    let kinds = html.split_once("<h2>What went wrong</h2>").unwrap().1;
    assert!(kinds.contains(kind), "and once as a kind");
    assert!(html.contains("The first 2,000; 500 more stand in the other reports."));
    assert!(html.contains("2,500 rows need attention"));
    assert!(html.len() <= 1_000_000, "{} bytes", html.len());
}

#[test]
fn a_report_to_open_stays_below_a_megabyte_whatever_the_names_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.html");
    let mut writer = ReportWriter::create(&path, head()).unwrap();
    for line in 1..=2_000 {
        let name = Some("\"".repeat(200));
        writer.row(&Row { name, ..row(line, Outcome::Rejected) }).unwrap();
    }
    writer.finish().unwrap();
    let html = std::fs::read_to_string(&path).unwrap();
    assert!(html.len() <= 1_000_000, "{} bytes", html.len());
    let shown = html.matches("<b>OsPlatformNotSupported</b>").count();
    let more = 2_000 - shown;
    assert!(html.contains(&format!("The first {shown}; 1,{:03} more stand in", more - 1_000)));
}

#[test]
fn a_report_for_a_ticket_is_one_screen_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.md");
    let text = written(&path, 3);
    assert_eq!(text, written(&path, 3));
    insta::assert_snapshot!(text);
}

#[test]
fn a_report_for_people_is_known_again_and_anothers_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["r.html", "r.md"] {
        let path = folder.path().join(name);
        written(&path, 1);
        let (own, other) = ("inc-4711".parse().unwrap(), "inc-4712".parse().unwrap());
        check_writable(&path, &own, false).unwrap();
        let refused = check_writable(&path, &other, false).unwrap_err().to_string();
        assert!(refused.contains("the report of campaign `inc-4711`"), "{refused}");
        let tenant = Some("other");
        let owner = fleetsweep::report::ReportOwner { campaign: &own, tenant };
        assert!(check_writable(&path, owner, false).is_err());
        std::fs::write(&path, "# my notes").unwrap();
        assert!(check_writable(&path, &own, false).is_err());
    }
}
