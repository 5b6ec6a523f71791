//! What pages and reports cost on a store with 100,000 devices: bytes, CPU time and memory of the
//! program. A page may have 60 KB and take 100 ms, a report to open 1 MB, a workbook 3 s and 30 MiB
//! of memory beside the program's own code. More than that fails.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use fleetsweep::clock::Clock;
use fleetsweep::domain::settle::Settlement;
use fleetsweep::domain::{Action, CampaignId, LastRun, Opening, Timing, Verdict};
use fleetsweep::store::sqlite::SqliteStore;
use fleetsweep::store::{ClaimAnswer, Store};
use tempfile::TempDir;
use tokio::runtime::Runtime;

mod kit;

use kit::{opening, row};

const DEVICES: u32 = 100_000;
/// Rows handed over at once, as the intake does.
const BATCH: u32 = 5_000;
/// Devices that are done.
const DONE: u64 = 60_000;
/// Limits that hold nothing back.
const LIMITS: [&str; 2] = ["100000/1m", "1000000/1h"];
/// Callers at once.
const CALLERS: u64 = 64;
/// How often each page is asked for.
const TIMES: u32 = 20;
/// Ticks of a second, as the kernel counts CPU time for people (`sysconf(_SC_CLK_TCK)`).
const TICKS: f64 = 100.0;

const MOST_BYTES: usize = 60_000;
const MOST_CPU_MS: f64 = 100.0;
/// Of a report.
const MOST_REPORT: u64 = 1_000_000;
const MOST_WORKBOOK_MS: f64 = 3_000.0;
const MOST_WORKBOOK_KIB: u64 = 30 * 1_024;

/// The pages.
const PAGES: [&str; 10] = [
    "/",
    "/c/1/bench-2026-11-26",
    "/c/1/bench-2026-11-26/devices",
    "/c/1/bench-2026-11-26/devices?outcome=attention",
    "/c/1/bench-2026-11-26/devices?q=nobody",
    "/c/1/bench-2026-11-26/devices?after=90000",
    "/c/1/bench-2026-11-26/devices/50000",
    "/nights",
    "/limits",
    "/tenants",
];

fn main() {
    let runtime = Runtime::new().expect("threads can be started");
    let folder = TempDir::new().expect("a temporary folder can be made");
    let path = folder.path().join("store.db");
    runtime.block_on(fill(&path));
    let mut served = Served::start(&path);
    let mut failed = runtime.block_on(measure(&served));
    served.child.kill().ok();
    served.child.wait().ok();
    for kind in ["html", "md", "xlsx", "csv"] {
        failed |= report(&path, kind);
    }
    assert!(!failed, "something costs more than it may");
}

/// Writes a report, and returns whether it costs more than it may.
fn report(store: &Path, kind: &str) -> bool {
    let file = store.with_file_name(format!("report.{kind}"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleetsweep"));
    command.args(["report", "bench-2026-11-26", "--store"]);
    command.arg(format!("sqlite:{}", store.display())).arg("--report").arg(&file);
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program can be started");
    // CPU time only grows, so that the last look before its end tells it.
    let (mut cpu, mut memory) = (0.0, 0);
    loop {
        let ended = child.try_wait().expect("it can be waited for");
        if ended.is_some() {
            break;
        }
        (cpu, memory) = (cpu_ms(child.id()).max(cpu), memory_kib(child.id()).max(memory));
        std::thread::sleep(Duration::from_millis(2));
    }
    let bytes = std::fs::metadata(&file).expect("it was written").len();
    println!("{:<50} {bytes:>8} {cpu:>10.1} {memory:>8} KiB", format!("report.{kind}"));
    match kind {
        "html" => bytes > MOST_REPORT,
        "xlsx" => cpu > MOST_WORKBOOK_MS || memory > MOST_WORKBOOK_KIB,
        _ => false,
    }
}

/// CPU time of a process so far, in milliseconds; 0 if it is over.
fn cpu_ms(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Behind the name in brackets: user and system time are the 12th and the 13th field.
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) * 1_000.0 / TICKS
}

/// The memory of a process that no file stands behind, in KiB; 0 if it is over.
fn memory_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let words = line.and_then(|line| line.split_whitespace().next());
    words.and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

/// The program that serves, its link and its port.
struct Served {
    child: Child,
    link: String,
}

impl Served {
    fn start(path: &Path) -> Self {
        let store = format!("sqlite:{}", path.display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleetsweep"));
        command.args(["serve", "--listen=127.0.0.1:0", "--store", &store]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program can be started");
        let mut link = String::new();
        let out = child.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut link).expect("it prints its link");
        Self { child, link: link.trim().to_owned() }
    }
}

async fn measure(served: &Served) -> bool {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = client.build().expect("a client can be built");
    let first = client.get(&served.link).send().await.expect("the link works");
    let cookie = first.headers().get("set-cookie").and_then(|cookie| cookie.to_str().ok());
    let cookie = cookie.and_then(|cookie| cookie.split(';').next()).expect("a session").to_owned();
    let origin = served.link.split("/?").next().expect("it has an origin");
    let mut failed = false;
    println!("{:<50} {:>8} {:>10}", "page", "bytes", "CPU ms");
    for page in PAGES {
        let mut bytes = 0;
        let ask = async || {
            let asked = client.get(format!("{origin}{page}")).header("cookie", &cookie);
            let answer = asked.send().await.expect("it answers");
            assert!(answer.status().is_success(), "{page}: {}", answer.status());
            answer.bytes().await.expect("it has a body").len()
        };
        // What is kept for later is read beside the first request.
        ask().await;
        tokio::time::sleep(Duration::from_secs(if page == "/nights" { 20 } else { 0 })).await;
        let before = cpu_ms(served.child.id());
        for _ in 0..TIMES {
            bytes = ask().await;
        }
        let cpu = (cpu_ms(served.child.id()) - before) / f64::from(TIMES);
        println!("{page:<50} {bytes:>8} {cpu:>10.1}");
        failed |= bytes > MOST_BYTES || cpu > MOST_CPU_MS;
    }
    failed
}

async fn fill(path: &Path) {
    let store = SqliteStore::open(path, Timing::default()).await.expect("a store can be made");
    let store = Arc::new(store);
    let draft = store.draft().await.expect("a draft can be begun");
    for first in (0..DEVICES).step_by(BATCH as usize) {
        let rows = (first..first + BATCH).map(row).collect();
        store.append(draft, rows).await.expect("rows can be appended");
    }
    // Both kinds of limit, as the API has them, so that each page draws its picture of calls.
    let quotas = LIMITS.map(|limit| limit.parse().expect("it is a quota")).to_vec();
    let opening = Opening { quotas, ..opening("bench-2026-11-26") };
    store.open(draft, opening).await.expect("a draft can be confirmed");
    let now = store.clock().utc();
    let run = LastRun { seen_at: Some(now), ..LastRun::begun(now) };
    store.note_run(draft, run).await.expect("it can be noted");
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for _ in 0..DONE / CALLERS {
                    order(&store, draft).await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("no caller panics");
    }
    store.close().await.expect("it can be closed");
}

async fn order(store: &SqliteStore, campaign: CampaignId) {
    let ClaimAnswer::Call(claim) = store.claim(campaign, true).await.expect("it can be claimed")
    else {
        panic!("the quotas are lifted and devices are left");
    };
    let utc = store.clock().utc();
    let refusal = fleetsweep::domain::Refusal {
        status: 400,
        code: Some("OsPlatformNotSupported".to_owned()),
        message: Some("the platform of this device is not supported".to_owned()),
        target: None,
    };
    let verdict = if claim.seq % 50 == 0 {
        Verdict::Rejected(refusal)
    } else {
        let action = Box::new(Action { id: format!("{:036}", claim.seq), ..Action::default() });
        Verdict::Accepted { action, status: 201, comment_changed: false }
    };
    let took = Duration::from_millis(200);
    let settlement =
        Settlement { verdict, server_date: Some(utc), took, sent_at: utc, over_at: utc };
    store.settle(claim.call, settlement).await.expect("it can be settled");
}
