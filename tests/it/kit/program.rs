//! The real program in a folder of its own, started, disturbed and waited for; and the emulator
//! that it is sent to.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use fleetsweep::emulator::{self, Config, Emulator, Ledger, Limit, Operation, Peak, Scenario};

use super::child::{around, child, line};
use super::support::device;

/// A quick scan of `list.txt`, with three devices at most, at the embedded emulator.
pub(crate) const EMULATED_SCAN: [&str; 7] = [
    "scan",
    "list.txt",
    "--type=quick",
    "--comment=x",
    "--approve-max=3",
    "--emulator",
    "--scenario=quiet",
];

/// A folder of its own for one test: home, store, lists and reports.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program in this folder, which is its home too.
    pub(crate) fn fleetsweep(&self, args: &[&str]) -> Command {
        let mut command = child(env!("CARGO_BIN_EXE_fleetsweep"));
        command.args(args).current_dir(self.folder.path()).env("HOME", self.folder.path());
        // The user's own place for the store, also where this machine has one of a service, whose
        // campaigns are none of a test's business.
        command.env("STATE_DIRECTORY", self.path(".local/state/fleetsweep"));
        command
    }

    /// The same, towards an emulator.
    pub(crate) fn towards(&self, emulator: &Emulator, args: &[&str]) -> Command {
        let url = emulator.base_url();
        let mut command = self.fleetsweep(args);
        command
            .env("AZURE_TENANT_ID", "11111111-2222-3333-4444-555555555555")
            .env("AZURE_CLIENT_ID", "66666666-7777-8888-9999-000000000000")
            .env("AZURE_CLIENT_SECRET", emulator::DEFAULT_SECRET)
            .env("FLEETSWEEP_API_URL", &url)
            .env("FLEETSWEEP_LOGIN_URL", &url);
        command
    }

    /// A plain list of the first `count` devices of all tests.
    pub(crate) fn list(&self, count: u64) -> String {
        let ids: Vec<String> = (0..count).map(|n| device(n).to_string()).collect();
        std::fs::write(self.path("list.txt"), ids.join("\n")).unwrap();
        "list.txt".to_owned()
    }
}

/// What a finished program said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs a program to its end.
pub(crate) fn run(mut command: Command) -> Said {
    said(command.output().unwrap())
}

/// Starts a program that a test will disturb.
pub(crate) fn start(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for a started program.
pub(crate) fn wait(mut child: Child) -> Said {
    // Both pipes are short; standard error is read first, since progress goes there.
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    Said { code: child.wait().unwrap().code().unwrap_or(-1), out, err }
}

/// A text on one line, however it was wrapped.
pub(crate) fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The objects of `--json`.
pub(crate) fn json_lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The rows of a CSV report as maps from column to field.
pub(crate) fn report(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().collect::<Result<_, _>>().unwrap()
}

/// When the devices of a report in JSON lines were asked, in their order: a CSV has whole seconds.
pub(crate) fn sent(path: &Path) -> Vec<jiff::Timestamp> {
    let rows = std::fs::read_to_string(path).unwrap();
    let rows = rows.lines().map(|row| serde_json::from_str::<serde_json::Value>(row).unwrap());
    rows.map(|row| row["first_sent_at"].as_str().unwrap().parse().unwrap()).collect()
}

/// An emulator that answers 403 to every order of an application that holds the right to scan.
pub(crate) async fn refusing() -> Emulator {
    let scenario = "[latency]\nmedian_ms = 60\n[devices]\nforbidden_share = 1.0\n";
    let scenario = Scenario::from_toml(scenario).unwrap();
    let limits = vec![Limit { calls: 1_000, window: Duration::from_secs(1) }];
    let config = Config { scenario, limits, seed: 7, ..Config::default() };
    emulator::start(config, "127.0.0.1:0".parse().unwrap()).await.unwrap()
}

/// An emulator in this process.
pub(crate) async fn emulate(scenario: &str, limits: &[(u32, f64)], speed: f64) -> Emulator {
    let limits = limits
        .iter()
        .map(|(calls, seconds)| Limit { calls: *calls, window: Duration::from_secs_f64(*seconds) });
    let config = Config {
        scenario: Scenario::named(scenario).unwrap(),
        limits: limits.collect(),
        speed,
        seed: 7,
        ..Config::default()
    };
    emulator::start(config, "127.0.0.1:0".parse().unwrap()).await.unwrap()
}

/// The limits that the calls to an emulator went over, in any sliding window.
pub(crate) fn over_limit(ledger: &Ledger) -> Vec<&Peak> {
    ledger.peaks.iter().filter(|peak| peak.sliding_max > u64::from(peak.calls)).collect()
}

/// Asks again and again until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..1_200 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never came to this: {what}");
}

/// The calls that order scans, once none has come for a second.
pub(crate) async fn quiet(emulator: &Emulator) -> usize {
    loop {
        let before = emulator.ledger().count(Operation::Scan);
        tokio::time::sleep(Duration::from_secs(1)).await;
        if emulator.ledger().count(Operation::Scan) == before {
            return before;
        }
    }
}

/// Runs blocking work beside the emulator.
pub(crate) async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// How the questions of the program end.
const QUESTIONS: [&[u8]; 7] = [
    b" to start: ",
    b" to cancel: ",
    b" to change it: ",
    b"Tenant: ",
    b"Way to sign in: ",
    b"Application: ",
    b"File: ",
];

/// Runs a program on a terminal of its own, and types one of these at each of its questions: not
/// before, since what was typed before a question is no answer to it. At one for which there is no
/// answer left it types Ctrl-D, which ends the input.
pub(crate) fn at_terminal(command: &Command, answers: &[&str]) -> Said {
    // `script` is of util-linux, and gives a program a terminal.
    let mut outer = around("script", command);
    outer.args(["-qec", &line(command), "/dev/null"]).env("TERM", "dumb").env("SHELL", "/bin/sh");
    outer.stdin(Stdio::piped());
    let mut child = start(outer);
    let (mut keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut shown, mut answers) = (Vec::new(), answers.iter());
    let mut bytes = [0; 4_096];
    while let read @ 1.. = screen.read(&mut bytes).unwrap() {
        shown.extend_from_slice(&bytes[..read]);
        if QUESTIONS.iter().any(|end| shown.ends_with(end)) {
            match answers.next() {
                Some(answer) => writeln!(keyboard, "{answer}").unwrap(),
                None => keyboard.write_all(b"\x04").unwrap(),
            }
        }
    }
    // The keyboard stays until the end, which would be typed too.
    let Said { code, err, .. } = said(child.wait_with_output().unwrap());
    drop(keyboard);
    Said { code, out: String::from_utf8_lossy(&shown).into_owned(), err }
}
