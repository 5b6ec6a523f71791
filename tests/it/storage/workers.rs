//! Four workers on one PostgreSQL server with the campaigns of eight tenants: workers are killed at
//! random, the server crashes, a worker's network is cut for a while, and one is killed whose
//! connections the server goes on believing in. Each tenant's server judges. The short storm runs
//! always; the long one (600 devices for each tenant, cuts of 30 s) by
//! `FLEETSWEEP_STORM=long cargo test --locked --test it workers:: -- --nocapture`.

use std::collections::BTreeMap;
use std::fs::File;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use fleetsweep::clock::SystemClock;
use fleetsweep::emulator::Operation;
use rustix::process::{Pid, Signal, kill_process};
use tokio::runtime::Handle;

use super::runners::{asked_again, scans};
use crate::cli::campaigns::{assert_honest, assert_within_limits};
use crate::kit::postgres::Server;
use crate::kit::program::{beside, report};
use crate::kit::provider::Provider;
use crate::kit::wire::Wire;

const WORKERS: usize = 4;
const TENANTS: usize = 8;

/// Which of ten throws begin what: the server crashes, a network is cut, a worker is killed.
const CRASH: u8 = 0;
const CUT: u8 = 2;
const KILL: u8 = 4;

/// How many seconds of a tenant's time go by in one. A slot is given up if its call cannot leave
/// within five of them, for which a busy machine needs a quarter of a second.
const SCALE: f64 = 20.0;

/// How hard a storm is.
#[derive(Clone, Copy)]
struct Storm {
    /// Devices of each tenant.
    devices: u64,
    /// How long workers are disturbed.
    lasts: Duration,
    /// How long a network is cut.
    cut: Duration,
    /// How much more than that a storm may take.
    calm: Duration,
    seed: u64,
}

/// What was done to the workers.
#[derive(Debug, Default)]
struct Done {
    kills: u32,
    /// Crashes of the store's server.
    crashes: u32,
    /// Networks that were cut.
    cuts: u32,
    /// Kills of a worker whose network was cut.
    half_open: u32,
    /// Ends of workers by themselves, by exit code.
    ended: BTreeMap<i32, u32>,
}

/// A worker's place on the floor.
struct Worker {
    child: Child,
    wire: Wire,
    /// When its network is mended.
    cut_until: Option<i64>,
}

/// Those who work, and what is done to them.
struct Floor {
    storm: Storm,
    provider: Arc<Provider>,
    server: Arc<Server>,
    handle: Handle,
    rng: fastrand::Rng,
    /// What is done first, so that however short a storm is and however slow this machine, it has
    /// something of everything.
    first: Vec<u8>,
    workers: Vec<Worker>,
    done: Done,
}

impl Floor {
    async fn new(storm: Storm, provider: Arc<Provider>, server: Arc<Server>) -> Self {
        let mut workers = Vec::new();
        for n in 0..WORKERS {
            let wire = Wire::before(&server).await;
            let child = begin(&provider, n, &wire);
            workers.push(Worker { child, wire, cut_until: None });
        }
        let rng = fastrand::Rng::with_seed(storm.seed);
        let handle = Handle::current();
        let first = vec![KILL, CUT, CRASH];
        Self { storm, provider, server, handle, rng, first, workers, done: Done::default() }
    }

    /// Disturbs them as long as the storm lasts, and waits until nothing is open.
    fn ride(mut self) -> Done {
        let began = SystemClock::boot_time_us();
        let end = began + self.storm.lasts.as_micros() as i64;
        let late = end + self.storm.calm.as_micros() as i64;
        loop {
            self.mend();
            self.replace_the_fallen();
            let now = SystemClock::boot_time_us();
            let goes_on = now < end || !self.first.is_empty();
            if !goes_on && self.open_campaigns() == 0 {
                break;
            }
            assert!(now < late, "it does not end: {:?}\n{}", self.done, self.logs());
            if goes_on {
                std::thread::sleep(Duration::from_millis(self.rng.u64(200..1_200)));
                self.disturb();
            } else {
                std::thread::sleep(Duration::from_millis(200));
            }
        }
        self.send_home();
        std::mem::take(&mut self.done)
    }

    fn log(&self, n: usize) -> String {
        std::fs::read_to_string(self.provider.place.path(&format!("worker-{n}.log"))).unwrap()
    }

    fn logs(&self) -> String {
        (0..WORKERS).map(|n| format!("worker {n}:\n{}", self.log(n))).collect()
    }

    /// Networks whose time is over work again.
    fn mend(&mut self) {
        let now = SystemClock::boot_time_us();
        for worker in &mut self.workers {
            if worker.cut_until.is_some_and(|until| until <= now) {
                worker.wire.speaks_again();
                worker.cut_until = None;
            }
        }
    }

    /// A worker that ended by itself is started again, as systemd would.
    fn replace_the_fallen(&mut self) {
        for n in 0..WORKERS {
            let Some(status) = self.workers[n].child.try_wait().unwrap() else { continue };
            let times = self.done.ended.entry(status.code().unwrap_or(-1)).or_default();
            *times += 1;
            assert!(*times < 40, "it ends again and again: {}", self.log(n));
            self.start(n);
        }
    }

    fn start(&mut self, n: usize) {
        self.workers[n].child = begin(&self.provider, n, &self.workers[n].wire);
    }

    fn kill(&mut self, n: usize) {
        self.workers[n].child.kill().unwrap();
        self.workers[n].child.wait().unwrap();
        self.start(n);
    }

    fn disturb(&mut self) {
        let n = self.rng.usize(0..WORKERS);
        let dice = self.first.pop().unwrap_or_else(|| self.rng.u8(0..10));
        match dice {
            CRASH..CUT => {
                self.server.stop();
                std::thread::sleep(Duration::from_millis(self.rng.u64(0..500)));
                self.server.resume();
                self.done.crashes += 1;
            }
            CUT..KILL if self.workers[n].cut_until.is_none() => {
                self.workers[n].wire.falls_silent();
                let cut = self.storm.cut.as_micros() as i64;
                self.workers[n].cut_until = Some(SystemClock::boot_time_us() + cut);
                self.done.cuts += 1;
                if self.rng.bool() {
                    self.kill(n);
                    self.done.half_open += 1;
                }
            }
            _ => {
                self.kill(n);
                self.done.kills += 1;
            }
        }
    }

    fn open_campaigns(&self) -> i64 {
        let sql = "SELECT count(*) FROM fleetsweep.campaign WHERE state = 'open'";
        let asked = async { self.server.connect("postgres").await.query_one(sql, &[]).await };
        self.handle.block_on(asked).unwrap().get(0)
    }

    /// Whoever has nothing to do ends when it is told to.
    fn send_home(&mut self) {
        for worker in &mut self.workers {
            worker.wire.speaks_again();
            kill_process(Pid::from_child(&worker.child), Signal::TERM).unwrap();
        }
        for worker in &mut self.workers {
            worker.child.wait().unwrap();
        }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            worker.child.kill().ok();
            worker.child.wait().ok();
        }
    }
}

/// Starts a worker that reaches the store by this wire.
fn begin(provider: &Provider, n: usize, wire: &Wire) -> Child {
    let scale = format!("--time-scale={SCALE}");
    let mut command = provider.command(&["work", "--all-profiles", &scale]);
    command.env("FLEETSWEEP_STORE", wire.url("postgres"));
    let log = provider.place.path(&format!("worker-{n}.log"));
    let log = File::options().create(true).append(true).open(log).unwrap();
    command.stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

/// The storm that was asked for.
fn storm() -> Storm {
    let seconds = Duration::from_secs;
    if std::env::var("FLEETSWEEP_STORM").is_ok_and(|how| how == "long") {
        let (lasts, cut, calm) = (seconds(150), seconds(30), seconds(240));
        return Storm { devices: 600, lasts, cut, calm, seed: 1 };
    }
    let (lasts, cut, calm) = (seconds(8), seconds(2), seconds(480));
    Storm { devices: 25, lasts, cut, calm, seed: 1 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_over_four_workers_and_eight_tenants_loses_doubles_and_exceeds_nothing() {
    let storm = storm();
    let server = beside(|| Arc::new(Server::start(""))).await;
    // The emulators divide their windows by their speed.
    let limits = [(20, SCALE), (300, 60.0 * SCALE)];
    let provider = Provider::of_worlds(TENANTS, "calm", &limits, SCALE).await;
    let provider = Arc::new(provider.over(server.url("postgres")));
    let tenants: Vec<String> = (0..TENANTS).map(|n| format!("cust-{n}")).collect();
    let rows = tenants.iter().flat_map(|tenant| (0..storm.devices).map(|n| (n, tenant.as_str())));
    provider.list(&rows.collect::<Vec<_>>());
    let scan = ["scan", "list.csv", "--type=full", "--comment=test", "--campaign=storm"];
    let scale = format!("--time-scale={SCALE}");
    let how = ["--all-profiles", "--detach", &scale, "--limit=20/1s", "--limit=300/60s"];
    let approve = format!("--approve-max={}", storm.devices * TENANTS as u64);
    let said = provider.run(provider.command(&[&scan[..], &how, &[&approve]].concat())).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let floor = Floor::new(storm, provider.clone(), server.clone()).await;
    let done = beside(move || floor.ride()).await;
    println!("{WORKERS} workers, {TENANTS} tenants with {} devices each, {done:?}", storm.devices);
    assert!(done.kills > 0 && done.crashes > 0 && done.cuts > 0, "{done:?}");
    let said = provider.run(provider.command(&["report", "storm", "--all-profiles"])).await;
    assert!([0, 3].contains(&said.code), "{}", said.err);
    for n in 0..TENANTS {
        assert_sound(&provider, n, storm.devices);
    }
}

/// Nothing of a tenant was lost, ordered twice or over the limit, as its server counts.
fn assert_sound(provider: &Provider, n: usize, devices: u64) {
    let file = format!("fleetsweep-storm/cust-{n}.csv");
    let rows = report(&provider.place.path(&file));
    assert_eq!(rows.len() as u64, devices);
    assert!(rows.iter().all(|row| row["outcome"] != "open"), "lost");
    let emulator = &provider.emulators[n];
    let ledger = emulator.ledger();
    assert_honest(&rows, &ledger, "storm");
    assert_within_limits(emulator);
    assert!(asked_again(&ledger).is_empty(), "{:?}", asked_again(&ledger));
    let of = |outcome: &str| rows.iter().filter(|row| row["outcome"] == outcome).count();
    let peaks = ledger.peaks.iter().filter(|peak| peak.operation == Operation::Scan);
    let most: Vec<_> =
        peaks.map(|peak| format!("{} of {}", peak.sliding_max, peak.calls)).collect();
    println!(
        "cust-{n}: {} calls, {} accepted, {} unknown, at most {}",
        scans(&ledger).count(),
        of("accepted"),
        of("unknown"),
        most.join(" and "),
    );
}
