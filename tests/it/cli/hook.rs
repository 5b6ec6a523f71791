//! `--on-finish`: what the command gets, and that it cannot change how a run ended.

use std::process::Command;

use super::{EMULATED_SCAN, Place, json_lines, run};

fn scan(place: &Place, more: &[&str]) -> Command {
    place.fleetsweep(&[&EMULATED_SCAN[..], &["--report=r.csv"], more].concat())
}

#[test]
fn the_command_gets_the_summary_after_the_report_and_none_of_our_secrets() {
    let place = Place::new();
    place.list(3);
    let script = "cat >summary.json; wc -l <r.csv >rows; env >environment; echo to-people";
    let on_finish = ["--json", "--on-finish", script];
    let mut command = scan(&place, &on_finish);
    command.env("AZURE_CLIENT_SECRET", "canary-secret").env("CREDENTIALS_DIRECTORY", "/canary");
    command.env("PATH", std::env::var("PATH").unwrap()).env("OWN_TOKEN", "the-command's-own");
    let said = run(command);
    assert_eq!(said.code, 0, "{}", said.err);
    let summary = std::fs::read_to_string(place.path("summary.json")).unwrap();
    assert_eq!(json_lines(&summary)[0], json_lines(&said.out)[1]);
    assert_eq!(json_lines(&said.out).len(), 2, "standard output is data: {}", said.out);
    assert!(said.err.contains("to-people"), "{}", said.err);
    assert_eq!(std::fs::read_to_string(place.path("rows")).unwrap().trim(), "4");
    let environment = std::fs::read_to_string(place.path("environment")).unwrap();
    assert!(!environment.contains("canary"), "{environment}");
    assert!(environment.contains("the-command's-own"), "{environment}");
}

#[test]
fn a_command_that_fails_is_told_and_the_exit_code_stays() {
    let place = Place::new();
    place.list(3);
    let said = run(scan(&place, &["--on-finish=exit 9"]));
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("--on-finish failed with exit code 9"), "{}", said.err);
    std::fs::remove_file(place.path("r.csv")).unwrap();
    let slow = ["--limit=1/1h", "--max-duration=1s", "--on-finish=cat >summary.json; exit 1"];
    let said = run(scan(&place, &slow));
    assert_eq!(said.code, 5, "{}", said.err);
    let summary = std::fs::read_to_string(place.path("summary.json")).unwrap();
    assert_eq!(json_lines(&summary)[0]["exit_code"], 5);
}
