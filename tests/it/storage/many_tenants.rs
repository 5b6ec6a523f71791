//! One worker with a thousand tenants: whether it keeps up with the sum of their limits, what it
//! costs, and what it costs while all of them wait; and how soon another host goes on for one that
//! died. They take minutes and the whole machine, so they are run by hand, and want a program as
//! fast as the one that is used: `main.rs` says how. That nothing is lost or doubled is shown by
//! `workers` too, under faults.

use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use fleetsweep::clock::SystemClock;
use fleetsweep::emulator::Operation;
use rustix::process::{Pid, Signal, kill_process};

use crate::cli::campaigns::assert_within_limits;
use crate::kit::postgres::Server;
use crate::kit::program::{beside, until};
use crate::kit::provider::Provider;

const TENANTS: usize = 1_000;

/// Devices of each tenant.
const DEVICES: u64 = 20;

/// Between two calls of a tenant: 1,500 an hour, without the bursts that real limits allow.
const SPACING: (u32, f64) = (1, 2.4);

/// What a process has used.
#[derive(Clone, Copy, Debug)]
struct Used {
    /// Of one core, in seconds.
    cpu: f64,
    /// Now, and at most so far, in MiB.
    memory: [f64; 2],
}

impl Used {
    /// Returns `None` if it has ended.
    fn by(child: &Child) -> Option<Self> {
        let read = |what: &str| std::fs::read_to_string(format!("/proc/{}/{what}", child.id()));
        let (stat, status) = (read("stat").ok()?, read("status").ok()?);
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<f64>().ok()
        };
        // Its name comes before, in parentheses; hundredths of a second in its own code and in the
        // system's.
        let after: Vec<&str> = stat.rsplit(") ").next()?.split(' ').collect();
        let ticks = |n: usize| after[n].parse::<f64>().unwrap();
        let memory = [kib("VmRSS:")? / 1024.0, kib("VmHWM:")? / 1024.0];
        Some(Self { cpu: (ticks(11) + ticks(12)) / 100.0, memory })
    }
}

/// The campaigns of so many tenants, handed over to whoever works.
async fn handed_over(tenants: usize, spacing: (u32, f64), store: Option<&Server>) -> Provider {
    let provider = Provider::with_limits(tenants, &[spacing]).await;
    let provider = match store {
        Some(server) => provider.over(server.url("postgres")),
        None => provider,
    };
    let names: Vec<String> = (0..tenants).map(|n| format!("cust-{n}")).collect();
    let rows = names.iter().flat_map(|tenant| (0..DEVICES).map(|n| (n, tenant.as_str())));
    provider.list(&rows.collect::<Vec<_>>());
    let limit = format!("--limit={}/{}ms", spacing.0, spacing.1 * 1_000.0);
    let approve = format!("--approve-max={}", DEVICES * tenants as u64);
    let scan = ["scan", "list.csv", "--type=full", "--comment=test", "--campaign=storm"];
    // A look at each inventory would wait for these limits too.
    let how = ["--all-profiles", "--detach", "--no-check", &limit, &approve];
    let said = provider.run(provider.command(&[&scan[..], &how].concat())).await;
    assert_eq!(said.code, 0, "{}", said.err);
    provider
}

/// Starts a worker; what it says goes to this file.
fn begin(provider: &Provider, more: &[&str], log: &str) -> Child {
    let mut command = provider.command(&[&["work", "--all-profiles"], more].concat());
    let log = std::fs::File::create(provider.place.path(log)).unwrap();
    command.stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

async fn keeps_up(store: Option<&Server>) {
    let provider = handed_over(TENANTS, SPACING, store).await;
    let mut worker = begin(&provider, &["--until-idle"], "worker.log");
    let mut used = Used::by(&worker).unwrap();
    let exit = loop {
        if let Some(exit) = worker.try_wait().unwrap() {
            break exit;
        }
        used = Used::by(&worker).unwrap_or(used);
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert!(exit.success(), "{exit}");
    assert_eq!(provider.all_ordered(), DEVICES * TENANTS as u64);
    let mut times: Vec<i64> = Vec::new();
    // Of each tenant, its first.
    let mut begun: Vec<i64> = Vec::new();
    for emulator in &provider.emulators {
        assert_within_limits(emulator);
        let ledger = emulator.ledger();
        assert!(ledger.accepted_twice.is_empty());
        let calls = ledger.entries.iter().filter(|call| call.operation == Operation::Scan);
        let own: Vec<i64> = calls.map(|call| call.utc_ms).collect();
        begun.extend(own.iter().min());
        times.extend(own);
    }
    let seconds =
        |times: &[i64]| (times.iter().max().unwrap() - times.iter().min().unwrap()) as f64 / 1e3;
    let (took, begun) = (seconds(&times), seconds(&begun));
    let share = SPACING.1 * (DEVICES - 1) as f64 / took;
    let Used { cpu, memory: [_, most] } = used;
    println!(
        "{TENANTS} tenants: {} calls in {took:.1} s, {:.1} % of the optimum; the last one began \
         {begun:.1} s after the first; {cpu:.1} s of one core, {most:.0} MiB",
        times.len(),
        share * 100.0,
    );
    assert!(share >= 0.95, "{share}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes minutes and the machine: see main.rs"]
async fn one_worker_uses_the_limits_of_a_thousand_tenants_on_one_host() {
    keeps_up(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes minutes and the machine: see main.rs"]
async fn one_worker_uses_the_limits_of_a_thousand_tenants_over_postgresql() {
    let server = beside(|| Server::start("")).await;
    keeps_up(Some(&server)).await;
}

async fn costs_nothing(store: Option<&Server>) {
    // One call of each, and then nothing for an hour.
    let provider = handed_over(TENANTS, (1, 3_600.0), store).await;
    let mut worker = begin(&provider, &[], "worker.log");
    while provider.all_ordered() < TENANTS as u64 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(worker.try_wait().unwrap().is_none(), "it ended");
    }
    let minute = Duration::from_secs(60);
    tokio::time::sleep(minute).await;
    let before = Used::by(&worker).unwrap();
    tokio::time::sleep(minute * 2).await;
    let after = Used::by(&worker).unwrap();
    kill_process(Pid::from_child(&worker), Signal::TERM).unwrap();
    beside(move || worker.wait().unwrap()).await;
    let core = (after.cpu - before.cpu) / (minute * 2).as_secs_f64();
    let [memory, most] = after.memory;
    println!("{TENANTS} that wait: {core:.4} of a core, {memory:.0} MiB, at most {most:.0} MiB");
    assert!(core < 0.02 && memory < 150.0, "{core} of a core, {memory} MiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes minutes and the machine: see main.rs"]
async fn a_thousand_campaigns_that_wait_cost_next_to_nothing_on_one_host() {
    costs_nothing(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes minutes and the machine: see main.rs"]
async fn a_thousand_campaigns_that_wait_cost_next_to_nothing_over_postgresql() {
    let server = beside(|| Server::start("")).await;
    costs_nothing(Some(&server)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes a minute: see main.rs"]
async fn another_host_goes_on_within_twenty_seconds_after_one_died() {
    const EIGHT: usize = 8;
    let server = beside(|| Server::start("")).await;
    let provider = Arc::new(handed_over(EIGHT, (1, 6.0), Some(&server)).await);
    let mut first = begin(&provider, &[], "first.log");
    until("all are at work", async || provider.all_ordered() >= EIGHT as u64 * 2).await;
    let mut other = begin(&provider, &["--until-idle"], "other.log");
    // It looks around, and finds that all is being worked on.
    tokio::time::sleep(Duration::from_secs(7)).await;
    first.kill().unwrap();
    first.wait().unwrap();
    let (died_at, before) = (SystemClock::boot_time_us(), provider.all_ordered());
    until("another host goes on", async || provider.all_ordered() > before + 1).await;
    let after_s = (SystemClock::boot_time_us() - died_at) as f64 / 1e6;
    println!("another host goes on {after_s:.1} s after one died");
    assert!(after_s < 20.5, "{after_s}");
    let ended = beside(move || other.wait().unwrap()).await;
    assert!(matches!(ended.code(), Some(0 | 3)), "{ended}");
    for emulator in &provider.emulators {
        assert_within_limits(emulator);
        let ledger = emulator.ledger();
        assert!(ledger.accepted_twice.is_empty(), "{:?}", ledger.accepted_twice);
        // What was in flight when the host died may be of unknown outcome.
        assert!(ledger.accepted >= DEVICES - 1, "{}", ledger.accepted);
    }
}
