//! Ends that nobody asked for: terminals that go away, signals, runs in the background, and output
//! that nobody reads. None of them ends a run in another way than Ctrl-C does, or at all.

mod output;
mod told;

use std::fs::File;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fleetsweep::emulator::Emulator;
use rustix::process::{Pid, Signal, kill_process};

use super::campaigns::{accepted, assert_honest, assert_within_limits};
use super::{Place, beside, emulate, flat, json_lines, report, run, start, until, wait};
use crate::kit::child::{around, line, through};

/// Resets what whoever runs the tests may have had ignored, as nohup and shells do.
const AS_USUAL: [&str; 3] = ["env", "--default-signal=HUP,INT,TERM,USR1,USR2,ALRM", "--"];

/// A scan of 200 devices at 40 a second, with more arguments.
const SCAN: [&str; 9] = [
    "scan",
    "list.txt",
    "--type=full",
    "--comment=test",
    "--approve-max=200",
    "--limit=40/1s",
    "--limit=1000/60s",
    "--campaign=c",
    "--report=r.csv",
];

async fn server(place: &Place) -> Emulator {
    place.list(200);
    emulate("calm", &[(40, 1.0), (1_000, 60.0)], 1.0).await
}

/// The same command run by a shell script, in which `"$@"` stands for it, with three words of
/// `AS_USUAL` in front that can be shifted away.
fn by_shell(command: &Command, script: &str) -> Command {
    through("sh", &[&["-c", script, "sh"], &AS_USUAL[..]].concat(), command)
}

/// The same command on a terminal of its own, where a script runs it, and the file `screen` gets
/// what is shown. When this child is killed, the terminal is gone.
fn on_a_terminal(place: &Place, command: &Command, script: &str) -> Child {
    let script = format!("set -- {} {}\n{script}\n", AS_USUAL.join(" "), line(command));
    std::fs::write(place.path("on-terminal.sh"), script).unwrap();
    let mut terminal = around(AS_USUAL[0], command);
    terminal.args([
        AS_USUAL[1],
        "script",
        "-q",
        "-f",
        "-e",
        "-c",
        "exec sh on-terminal.sh",
        "/dev/null",
    ]);
    terminal.env("TERM", "xterm").env("SHELL", "/bin/sh").stdin(Stdio::piped());
    let screen = File::create(place.path("screen")).unwrap();
    terminal.stdout(screen.try_clone().unwrap()).stderr(screen);
    terminal.spawn().unwrap()
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// The exit code that a script on a terminal wrote into the file `code`.
async fn code(place: &Place) -> String {
    for _ in 0..6_000 {
        if let Ok(code) = std::fs::read_to_string(place.path("code"))
            && code.ends_with('\n')
        {
            return code.trim().to_owned();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never ended; shown: {}", shown(place));
}

fn shown(place: &Place) -> String {
    let bytes = std::fs::read(place.path("screen")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn status(place: &Place) -> (serde_json::Value, String) {
    let json = run(place.fleetsweep(&["status", "--json"]));
    let words = run(place.fleetsweep(&["status"])).out;
    let words = flat(&words);
    (json_lines(&json.out)[0].clone(), words)
}

/// A job in the foreground, whose end is written by a shell beside it that outlives the terminal.
const IN_FRONT: &str = "set -m; ( trap : HUP; \"$@\"; echo $? >code ); true";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_goes_away_ends_a_run_as_ctrl_c_does() {
    let place = Place::new();
    let emulator = server(&place).await;
    let mut terminal = on_a_terminal(&place, &place.towards(&emulator, &SCAN), IN_FRONT);
    accepted(&emulator, 20).await;
    // The bars are there, and something writes to them all the time.
    until("bars", async || shown(&place).contains('\u{1b}')).await;
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    assert_eq!(code(&place).await, "5", "{}", shown(&place));
    assert!(shown(&place).contains('\u{1b}'), "no bars: {}", shown(&place));
    let rows = report(&place.path("r.csv"));
    assert_eq!(rows.len(), 200);
    let (json, words) = status(&place);
    assert_eq!((&json["sent"], &json["not_known"]), (&0.into(), &0.into()), "a call was cut");
    assert!(json["open"].as_u64().unwrap() > 0, "{json}");
    let stopped = "exit code 5, by a signal (SIGHUP: its terminal was closed)";
    assert!(words.contains(stopped), "{words}");
    assert!(words.starts_with("c: stopped, "), "{words}");
    assert_honest(&rows, &emulator.ledger(), "c");
    assert_within_limits(&emulator);
    let command = place.towards(&emulator, &["resume", "--limit=40/1s", "--limit=1000/60s"]);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 3, "{}", said.err);
    assert_honest(&report(&place.path("r.csv")), &emulator.ledger(), "c");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_goes_away_without_a_word_ends_nothing() {
    let place = Place::new();
    let emulator = server(&place).await;
    let script = "trap '' HUP; \"$@\"; echo $? >code";
    let command = place.towards(&emulator, &SCAN);
    // What is ignored here must stay so, and nothing resets it.
    let script = script.replace("\"$@\"", "shift 3; \"$@\"");
    let mut terminal = on_a_terminal(&place, &command, &script);
    accepted(&emulator, 20).await;
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    assert_eq!(code(&place).await, "3", "{}", shown(&place));
    let rows = report(&place.path("r.csv"));
    assert!(rows.iter().all(|row| row["outcome"] != "open"));
    assert_honest(&rows, &emulator.ledger(), "c");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hangup_that_was_ignored_at_the_start_stays_ignored() {
    for (first, script) in
        [("nohup", "shift 3; exec nohup \"$@\""), ("trap", "shift 3; trap '' HUP; exec \"$@\"")]
    {
        let place = Place::new();
        let emulator = server(&place).await;
        let child = start(by_shell(&place.towards(&emulator, &SCAN), script));
        accepted(&emulator, 20).await;
        for _ in 0..3 {
            send(&child, Signal::HUP);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let said = beside(move || wait(child)).await;
        assert_eq!(said.code, 3, "{first}: {}", said.err);
        let rows = report(&place.path("r.csv"));
        assert!(rows.iter().all(|row| row["outcome"] != "open"), "{first}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hangup_that_was_ignored_ends_neither_the_waiting_for_a_start_nor_resume() {
    let place = Place::new();
    let emulator = server(&place).await;
    let ignoring = "shift 3; trap '' HUP; exec \"$@\"";
    let later = [&SCAN[..], &["--start-at=2100-01-01T00:00:00Z", "--max-duration=1s"]].concat();
    let child = start(by_shell(&place.towards(&emulator, &later), ignoring));
    until_begun(&place).await;
    send(&child, Signal::HUP);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(status(&place).0["running"], true);
    // SIGTERM is heeded all the same.
    send(&child, Signal::TERM);
    assert_eq!(beside(move || wait(child)).await.code, 5);
    let resume = ["resume", "c", "--start-at=none", "--limit=40/1s", "--limit=1000/60s"];
    let child = start(by_shell(&place.towards(&emulator, &resume), ignoring));
    accepted(&emulator, 20).await;
    send(&child, Signal::HUP);
    let said = beside(move || wait(child)).await;
    assert_eq!(said.code, 3, "{}", said.err);
}

/// Waits until a run has said in the store that it began.
pub(crate) async fn until_begun(place: &Place) {
    let status = || run(place.fleetsweep(&["status", "--json"])).out;
    until("a run began", async || status().contains("\"running\":true")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hangups_in_a_row_are_one_request_to_stop() {
    let place = Place::new();
    let emulator = server(&place).await;
    let command = place.towards(&emulator, &SCAN);
    let child = start(by_shell(&command, "exec \"$@\""));
    accepted(&emulator, 20).await;
    for signal in [Signal::HUP, Signal::CONT, Signal::HUP, Signal::TERM, Signal::HUP] {
        send(&child, signal);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let said = beside(move || wait(child)).await;
    assert_eq!(said.code, 5, "{}", said.err);
    assert_eq!(status(&place).0["not_known"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_ends_a_process_and_its_group_asks_for_one_end() {
    let place = Place::new();
    let emulator = server(&place).await;
    let child = start(by_shell(&place.towards(&emulator, &SCAN), "exec \"$@\""));
    accepted(&emulator, 20).await;
    for _ in 0..2 {
        send(&child, Signal::TERM);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let said = beside(move || wait(child)).await;
    assert_eq!((said.code, &status(&place).0["not_known"]), (5, &0.into()), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_that_ask_for_no_end_end_nothing() {
    let place = Place::new();
    let emulator = server(&place).await;
    let child = start(by_shell(&place.towards(&emulator, &SCAN), "exec \"$@\""));
    accepted(&emulator, 10).await;
    let harmless = [
        Signal::USR1,
        Signal::USR2,
        Signal::PIPE,
        Signal::ALARM,
        Signal::VTALARM,
        Signal::PROF,
        Signal::IO,
        Signal::WINCH,
        Signal::CONT,
    ];
    for signal in harmless {
        send(&child, signal);
    }
    let said = beside(move || wait(child)).await;
    assert_eq!(said.code, 3, "{}", said.err);
    assert_honest(&report(&place.path("r.csv")), &emulator.ledger(), "c");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_in_the_background_of_its_terminal_is_not_stopped_and_draws_no_bars() {
    for tostop in ["", "stty tostop; "] {
        let place = Place::new();
        let emulator = server(&place).await;
        let script = format!("set -m; {tostop}\"$@\" & wait $!; echo $? >code");
        let mut command = place.towards(&emulator, &SCAN);
        // What is left to steer a terminal are bars.
        command.env("NO_COLOR", "1");
        let mut terminal = on_a_terminal(&place, &command, &script);
        assert_eq!(code(&place).await, "3", "{tostop}: {}", shown(&place));
        terminal.wait().unwrap();
        let shown = shown(&place);
        assert!(!shown.contains('\u{1b}'), "{shown}");
        // Who wants nothing from the background on the terminal gets nothing.
        assert_eq!(shown.contains("Report: r.csv"), tostop.is_empty(), "{shown}");
        assert_honest(&report(&place.path("r.csv")), &emulator.ledger(), "c");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_background_nobody_is_asked_and_at_the_question_a_hangup_is_no_answer() {
    let place = Place::new();
    let emulator = server(&place).await;
    let unconfirmed: Vec<&str> =
        SCAN.iter().copied().filter(|arg| !arg.starts_with("--approve")).collect();
    let command = place.towards(&emulator, &unconfirmed);
    let script = "set -m; \"$@\" & wait $!; echo $? >code";
    on_a_terminal(&place, &command, script).wait().unwrap();
    assert_eq!(code(&place).await, "6", "{}", shown(&place));
    let words = flat(&shown(&place));
    assert!(words.contains("it runs in the background of its terminal"), "{words}");
    assert!(words.contains("add --approve-max 200"), "{words}");
    std::fs::remove_file(place.path("code")).unwrap();
    let mut terminal = on_a_terminal(&place, &command, IN_FRONT);
    let asked = async || shown(&place).contains("Type the number of devices");
    until("it asks", asked).await;
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    assert_eq!(code(&place).await, "6", "{}", shown(&place));
    assert_eq!(emulator.ledger().accepted, 0);
    // In the foreground the question can be answered.
    std::fs::remove_file(place.path("code")).unwrap();
    let mut terminal = on_a_terminal(&place, &command, IN_FRONT);
    let mut keyboard = terminal.stdin.take().unwrap();
    // What is typed before it is no answer, neither a wrong one nor a right one.
    keyboard.write_all(b"7\n").unwrap();
    until("it asks", asked).await;
    keyboard.write_all(b"200\n").unwrap();
    assert_eq!(code(&place).await, "3", "{}", shown(&place));
    terminal.kill().unwrap();
    terminal.wait().unwrap();
}
