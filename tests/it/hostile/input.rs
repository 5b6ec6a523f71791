//! Lists without end and lists that are no lists, given to the real binary: it stops reading early,
//! in bounded memory, says what is wrong on which line, and calls nobody. What the reader makes of
//! each form of list is tested with the intake.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::kit::canned::{Canned, close};
use crate::kit::child::tool;
use crate::kit::program::{Place, Said, beside, wait};
use crate::kit::support::device;

/// The most that a program may hold while it reads a list, in KiB.
const MOST_MEMORY_KIB: u64 = 150 * 1024;

/// More than the program may take of a list that it refuses for its first lines.
const MOST_TAKEN: usize = 16 << 20;

/// How one list ended.
struct Ended {
    said: Said,
    taken: usize,
    memory_kib: u64,
}

/// The greatest size of a process so far; nothing once it has ended.
fn greatest_size(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse().ok()
}

/// Feeds pieces to standard input until the program has had enough, or there are no more.
fn feed(mut command: Command, mut pieces: impl Iterator<Item = Vec<u8>> + Send + 'static) -> Ended {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || {
        let mut taken = 0;
        // A closed pipe is how the program says that it has read enough.
        while let Some(piece) = pieces.next().filter(|piece| input.write_all(piece).is_ok()) {
            taken += piece.len();
        }
        taken
    });
    let mut memory_kib = 0;
    while child.try_wait().unwrap().is_none() {
        memory_kib = greatest_size(&child).unwrap_or(0).max(memory_kib);
        std::thread::sleep(Duration::from_millis(2));
    }
    let said = wait(child);
    Ended { said, taken: feeder.join().unwrap(), memory_kib }
}

fn scan(place: &Place, server: &Canned, list: &str, more: &[&str]) -> Command {
    let origin = server.origin();
    let urls = [format!("--api-url={origin}"), format!("--login-url={origin}")];
    let mut command = place.fleetsweep(&["scan", list, "--type=full", "--comment=x"]);
    command.args(["--approve-max=10000000", "--tenant=t", "--client-id=c"]).args(urls).args(more);
    command.env("AZURE_CLIENT_SECRET", "secret");
    command
}

/// A piece of at least 64 KiB, over and over, behind a beginning.
fn endless(start: &str, piece: &[u8]) -> impl Iterator<Item = Vec<u8>> + Send + use<> {
    let piece = piece.repeat((1 << 16) / piece.len() + 1);
    std::iter::once(start.as_bytes().to_vec()).chain(std::iter::repeat(piece))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_list_is_refused_early_in_bounded_memory_and_nobody_is_called() {
    let server = Canned::always(close(500, "")).await;
    let place = Place::new();
    let id = device(1).to_string();
    let header = "Device ID,Device Name\n";
    let cases: [(&str, &str, &[u8]); 10] = [
        ("zeros", "", b"\0"),
        ("zeros below a header", header, b"\0"),
        ("one line", header, b"a"),
        ("one line of ids", "", id.as_bytes()),
        ("blank lines", "", b"\n"),
        ("comments", "", b"# nothing\n"),
        ("a quote that is never closed", "Device ID,Device Name\nx,\"", b"y\n"),
        ("one JSON text", "[{\"id\":\"", b"y"),
        ("JSON that only opens", "", b"["),
        ("UTF-16 without a line end", "", b"a\0"),
    ];
    let mut told = String::new();
    for (name, start, piece) in cases {
        let (command, pieces) = (scan(&place, &server, "-", &[]), endless(start, piece));
        let ended = beside(move || feed(command, pieces)).await;
        assert_eq!(ended.said.code, 2, "{name}: {}", ended.said.err);
        assert!(ended.taken <= MOST_TAKEN, "{name}: {} bytes were taken", ended.taken);
        assert!(ended.memory_kib <= MOST_MEMORY_KIB, "{name}: {} KiB", ended.memory_kib);
        told += &format!("## {name}\n{}\n\n", ended.said.err.trim_end());
    }
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("hostile-lists", told);
    });
    assert_eq!(server.seen(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_rows_than_the_flag_allows_are_refused_in_bounded_memory() {
    let server = Canned::always(close(500, "")).await;
    let place = Place::new();
    let most: u64 = if std::env::var_os("FLEETSWEEP_SWEEP").is_some() { 1_000_000 } else { 20_000 };
    let flag = format!("--max-rows={most}");
    let command = scan(&place, &server, "-", &[&flag, "--dry-run"]);
    let ids = (0..).map(|from| {
        (from * 1_000..(from + 1) * 1_000).map(|n| format!("{}\n", device(n))).collect::<String>()
    });
    let ended = beside(move || feed(command, ids.map(String::into_bytes))).await;
    println!("{most} rows: {} KiB, {} bytes taken", ended.memory_kib, ended.taken);
    assert_eq!(ended.said.code, 2, "{}", ended.said.err);
    assert!(ended.said.err.contains("--max-rows"), "{}", ended.said.err);
    let rows = usize::try_from(most).unwrap();
    assert!(ended.taken <= rows * 41 + MOST_TAKEN, "{} bytes were taken", ended.taken);
    assert!(ended.memory_kib <= MOST_MEMORY_KIB, "{} KiB", ended.memory_kib);
    assert_eq!(server.seen(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_file_of_lines_is_refused_and_nobody_is_called() {
    let server = Canned::always(close(500, "")).await;
    let place = Place::new();
    std::fs::create_dir(place.path("folder")).unwrap();
    for list in ["/dev/zero", "/dev/urandom", "/dev/null", "folder", "/proc/self/mem"] {
        let command = scan(&place, &server, list, &[]);
        let ended = beside(move || feed(command, std::iter::empty())).await;
        assert_eq!(ended.said.code, 2, "{list}: {}", ended.said.err);
        assert!(ended.said.err.contains(" next: "), "{list}: {}", ended.said.err);
        assert!(ended.memory_kib <= MOST_MEMORY_KIB, "{list}: {} KiB", ended.memory_kib);
    }
    assert_eq!(server.seen(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_measure_of_memory_sees_a_program_that_keeps_all_it_reads() {
    // The control: a shell that reads the same stream into a variable.
    let mut shell = tool("sh");
    shell.args(["-c", "x=$(head -c 200000000 | tr '\\000' a); test -n \"$x\""]);
    let ended = beside(move || feed(shell, endless("", b"a"))).await;
    assert!(ended.memory_kib > MOST_MEMORY_KIB, "{} KiB", ended.memory_kib);
    assert!(ended.taken > MOST_TAKEN);
}
