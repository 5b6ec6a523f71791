//! `report`: rows on standard output, and a report that is opened.

use super::{EMULATED_SCAN, Place, run};

const STORE: &str = "--store=sqlite:s.db";

fn campaign(place: &Place, more: &[&str]) -> super::Said {
    place.list(3);
    run(place.fleetsweep(&[&EMULATED_SCAN[..], &[STORE, "--campaign=c"], more].concat()))
}

#[test]
fn a_dash_writes_the_rows_to_standard_output_alone_and_all_else_to_standard_error() {
    let place = Place::new();
    let ran = campaign(&place, &["--report=-", "--report=r.csv"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let file = std::fs::read_to_string(place.path("r.csv")).unwrap();
    assert_eq!(ran.out, file, "once, at the end");
    assert!(ran.err.contains("3  accepted: scan ordered"), "{}", ran.err);
    let again = run(place.fleetsweep(&["report", "c", "--report=-", STORE]));
    assert_eq!((again.code, &again.out), (0, &file), "{}", again.err);
    let both = run(place.fleetsweep(&["report", "c", "--report=-", "--json", STORE]));
    assert_eq!(both.code, 2, "{}", both.err);
    assert!(both.err.contains("both write to standard output"), "{}", both.err);
    // A spreadsheet reads such a time as a time.
    let mut rows = csv::Reader::from_reader(file.as_bytes());
    let at = rows.headers().unwrap().iter().position(|name| name == "first_sent_at").unwrap();
    for row in rows.records() {
        let time = row.unwrap()[at].to_owned();
        assert_eq!(time.len(), "2026-11-24 22:36:05".len(), "{time}");
        assert!(time.parse::<jiff::civil::DateTime>().is_ok() && time.contains(' '), "{time}");
    }
}

#[test]
fn a_report_is_opened_by_the_program_of_the_desktop_and_without_one_it_is_told_where_it_is() {
    let place = Place::new();
    assert_eq!(campaign(&place, &["--report=r.csv"]).code, 0);
    let open = ["report", "c", "--open", STORE];
    std::fs::create_dir(place.path("bin")).unwrap();
    let opening = || {
        let mut command = place.fleetsweep(&open);
        command.env("PATH", place.path("bin"));
        run(command)
    };
    let alone = opening();
    assert_eq!(alone.code, 0, "{}", alone.err);
    assert_eq!(alone.out, "fleetsweep-c.html\n");
    assert!(alone.err.contains("the report is written, and cannot be opened"), "{}", alone.err);
    let script = format!("#!/bin/sh\nprintf %s \"$1\" >'{}'\n", place.path("opened").display());
    std::fs::write(place.path("bin/xdg-open"), script).unwrap();
    let runs = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(place.path("bin/xdg-open"), runs).unwrap();
    let opened = opening();
    assert_eq!((opened.code, opened.err.as_str()), (0, ""));
    assert_eq!(std::fs::read_to_string(place.path("opened")).unwrap(), "fleetsweep-c.html");
}
