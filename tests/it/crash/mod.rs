//! Kill -9, faults of the disk, and the order of what reaches it: the real binary under strace,
//! towards an emulator in this process whose ledger judges. Every fourth kill, every third kill
//! within a recovery and one of four faults at each second point run always;
//! `FLEETSWEEP_SWEEP=all` runs all of them. Without strace or the right to trace the tests fail.

mod faults;
mod kills;
mod order;
mod points;
pub(crate) mod strace;

use std::collections::BTreeMap;
use std::future::Future;
use std::process::Command;
use std::sync::Arc;

use fleetsweep::emulator::{self, Config, Emulator, Ledger, Operation, Scenario};
use fleetsweep::store::Store;
use fleetsweep::store::sqlite::SqliteStore;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::kit::program::{Place, Said, beside, report, run};

/// The devices of every run.
const DEVICES: u64 = 3;

/// The horizon of 65 s becomes one of about 1 s.
const SCALE: &str = "--time-scale=60";

/// Runs that go on at once: most of their time they wait for a horizon.
const AT_ONCE: usize = 6;

/// Whether every point is asked for, rather than a part of them.
fn all() -> bool {
    std::env::var("FLEETSWEEP_SWEEP").is_ok_and(|what| what == "all")
}

/// One campaign: its folder, and a server of its own.
struct Scene {
    place: Place,
    emulator: Emulator,
}

impl Scene {
    /// Actions end at once, so that the server orders a second scan for whoever asks for one: the
    /// program alone must see to it that there is none.
    async fn new() -> Self {
        let actions = "[actions]\npending_s = 0.0\nquick_s = 0.0\nfull_s = 0.0\n";
        let scenario = Scenario::from_toml(actions).unwrap();
        let config = Config { scenario, speed: 60.0, ..Config::default() };
        let emulator = emulator::start(config, "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let place = Place::new();
        place.list(DEVICES);
        Self { place, emulator }
    }

    fn program(&self, args: &[&str]) -> Command {
        let mut program = self.place.towards(&self.emulator, args);
        program.env("FLEETSWEEP_ONE_THREAD", "1");
        program
    }

    /// The run that is disturbed. Its orders go one by one, so that it makes the same calls in the
    /// same order each time.
    fn scan(&self) -> Command {
        let devices = DEVICES.to_string();
        let approve = format!("--approve-max={devices}");
        let scan = ["scan", "list.txt", "--type=full", "--comment=test", &approve];
        self.program(&[&scan[..], &["--campaign=crash", "--concurrency=1"], &OPTIONS].concat())
    }

    fn resume(&self) -> Command {
        self.program(&[&["resume", "crash", "--concurrency=1"], &OPTIONS[..]].concat())
    }

    /// Goes on until the campaign is finished, with `resume` or with the same command.
    fn finish(&self, by_resume: bool) -> Result<(), String> {
        let said = if by_resume { run(self.resume()) } else { run(self.scan()) };
        // Killed before it was confirmed, there is nothing that could be resumed.
        let said = if by_resume && said.code == 2 { run(self.scan()) } else { said };
        match said.code {
            0 => Ok(()),
            6 if said.err.contains("finished") => {
                let args = ["report", "crash", "--store=sqlite:store/s.db", "--report=r.csv"];
                let said = run(self.program(&args));
                if said.code == 0 { Ok(()) } else { Err(told("report", &said)) }
            }
            _ => Err(told("the restart", &said)),
        }
    }

    /// None lost, none twice, and the report agrees with the ledger.
    fn judge(&self) -> Result<(), String> {
        let ledger = self.emulator.ledger();
        let rows = report(&self.place.path("r.csv"));
        judge(&rows, &ledger)
    }

    /// No scan call arrived that the journal does not hold.
    async fn journal_holds_every_call(&self) -> Result<(), String> {
        let arrived = self.emulator.ledger().count(Operation::Scan) as u64;
        let path = self.place.path("store/s.db");
        let mut known = 0;
        if let Ok(Some(store)) = SqliteStore::open_read_only(path, Default::default()).await
            && let Some(campaign) = store.named(&"crash".parse().unwrap()).await.unwrap().pop()
        {
            known = store.calls(campaign.id).await.unwrap();
        }
        let held = arrived <= known;
        held.then_some(()).ok_or_else(|| format!("{arrived} calls arrived, {known} are known"))
    }
}

/// What every run is given.
const OPTIONS: [&str; 3] = [SCALE, "--store=sqlite:store/s.db", "--report=r.csv"];

fn told(what: &str, said: &Said) -> String {
    format!("{what} ended with {}: {}{}", said.code, said.out, said.err)
}

fn judge(rows: &[BTreeMap<String, String>], ledger: &Ledger) -> Result<(), String> {
    if !ledger.accepted_twice.is_empty() {
        return Err(format!("ordered twice: {:?}", ledger.accepted_twice));
    }
    if ledger.accepted != DEVICES || rows.len() as u64 != DEVICES {
        let lines = rows.len();
        return Err(format!("lost: {} of {DEVICES} ordered, {lines} rows", ledger.accepted));
    }
    let accepted = ledger.entries.iter().filter(|entry| entry.accepted);
    let at_server: BTreeMap<_, _> =
        accepted.map(|entry| (entry.device.as_deref(), entry.action_id.as_deref())).collect();
    let agrees = |row: &BTreeMap<String, String>| {
        let action = at_server.get(&Some(row["device_id"].as_str())).copied().flatten();
        row["outcome"] == "accepted" && action == Some(row["action_id"].as_str())
    };
    match rows.iter().find(|row| !agrees(row)) {
        Some(row) => Err(format!("the report disagrees with the server: {row:?}")),
        None => Ok(()),
    }
}

/// Runs something for each of many, several at once, and hands back what each came to, in order.
async fn each<P, T, F, Fut>(points: Vec<P>, run: F) -> Vec<T>
where
    P: Send + 'static,
    T: Send + 'static,
    F: Fn(P) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = T> + Send,
{
    let (run, slots) = (Arc::new(run), Arc::new(Semaphore::new(AT_ONCE)));
    let mut tasks = JoinSet::new();
    for (at, point) in points.into_iter().enumerate() {
        let (run, slots) = (run.clone(), slots.clone());
        tasks.spawn(async move {
            let _slot = slots.acquire().await.unwrap();
            (at, run(point).await)
        });
    }
    let done: BTreeMap<usize, T> = tasks.join_all().await.into_iter().collect();
    done.into_values().collect()
}
