//! Output that nobody reads, or that cannot be written: an honest exit code, and never a panic.

use std::fs::File;
use std::process::{Command, Stdio};

use super::{SCAN, by_shell, run, server};
use crate::kit::program::{Place, beside, report};

/// A store with a finished campaign `c`.
async fn finished() -> Place {
    let place = Place::new();
    let emulator = server(&place).await;
    let command = place.towards(&emulator, &SCAN);
    assert_eq!(beside(move || run(command)).await.code, 3);
    place
}

/// Commands whose standard output is what they are for.
const DATA: [&[&str]; 10] = [
    &["status"],
    &["status", "--json"],
    &["status", "c"],
    &["report", "c", "--report=again.csv", "--force"],
    &["report", "c", "--report=again.csv", "--force", "--json"],
    &["completions", "bash"],
    &["schedule", "--cron", "--at=22:00", "--", "scan", "list.txt", "--type=full", "--comment=x"],
    &["--help"],
    &["--version"],
    &["help"],
];

/// The exit code, and what was said, with this as standard output.
fn with_output(place: &Place, args: &[&str], out: impl Into<Stdio>) -> (i32, String) {
    let mut command: Command = place.fleetsweep(args);
    command.stdout(out).stderr(Stdio::piped());
    let ended = command.spawn().unwrap().wait_with_output().unwrap();
    (ended.status.code().unwrap_or(-1), String::from_utf8(ended.stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_that_cannot_be_written_is_an_error_and_data_that_nobody_reads_is_none() {
    let place = finished().await;
    for args in DATA {
        let (usual, told) = with_output(&place, args, Stdio::null());
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (unread, said) = with_output(&place, args, writer);
        assert_eq!(unread, usual, "{args:?}: {said} {told}");
        assert!(!said.contains("panicked"), "{args:?}: {said}");
        if usual != 0 {
            // A command that says why it fails on standard error needs no standard output.
            continue;
        }
        let full = File::options().write(true).open("/dev/full").unwrap();
        let (code, said) = with_output(&place, args, full);
        assert_eq!(code, 1, "{args:?}: {said}");
        assert!(said.contains("standard output cannot be written"), "{args:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_needs_nobody_who_reads_what_it_says() {
    let place = Place::new();
    let emulator = server(&place).await;
    let mut command = place.towards(&emulator, &SCAN);
    let full = File::options().write(true).open("/dev/full").unwrap();
    command.stdout(Stdio::null()).stderr(full);
    let code = beside(move || command.status().unwrap().code()).await;
    assert_eq!(code, Some(3));
    assert_eq!(report(&place.path("r.csv")).len(), 200);
    // A summary that was asked for and cannot be written is told, and the end is kept all the same.
    let other = ["--campaign=d", "--report=d.csv", "--json"];
    let script = "exec \"$@\" >/dev/full";
    let mut args = SCAN.to_vec();
    args.retain(|arg| !arg.starts_with("--campaign") && !arg.starts_with("--report"));
    let command = by_shell(&place.towards(&emulator, &[&args[..], &other].concat()), script);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("standard output cannot be written"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_may_not_grow_is_an_error_and_not_the_end_of_the_process() {
    let place = Place::new();
    let emulator = server(&place).await;
    let command = by_shell(&place.towards(&emulator, &SCAN), "ulimit -f 600; exec \"$@\"");
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("error: "), "{}", said.err);
}
