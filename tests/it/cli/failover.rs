//! The program on a pair of PostgreSQL servers whose primary is lost: it goes on at the standby by
//! itself, at once where every commit was there, and after a quarantine where some were not.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use fleetsweep::clock::SystemClock;
use fleetsweep::emulator::Emulator;

use super::campaigns::{accepted, assert_within_limits};
use super::{Place, beside, emulate, flat, json_lines, report, run, start, wait};
use crate::kit::pair::Pair;

const DEVICES: u64 = 150;

/// A campaign under way whose store is in a pair of servers.
struct Scene {
    place: Arc<Place>,
    emulator: Arc<Emulator>,
    url: String,
}

impl Scene {
    async fn on(url: String) -> Self {
        // The emulator divides its windows by its speed.
        let emulator = emulate("quiet", &[(30, 60.0), (100, 300.0)], 60.0).await;
        let (place, emulator) = (Arc::new(Place::new()), Arc::new(emulator));
        place.list(DEVICES);
        Self { place, emulator, url }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.place.towards(&self.emulator, words);
        command.env("FLEETSWEEP_STORE", &self.url);
        command
    }

    fn scan(&self) -> Command {
        let words = ["scan", "list.txt", "--type=full", "--comment=x", "--campaign=c"];
        let scale = ["--time-scale=60", "--limit=30/1s", "--limit=100/5s", "--approve-max=150"];
        self.command(&[&words[..], &scale[..], &["--report=r.csv"]].concat())
    }

    async fn told(&self, words: &[&str]) -> String {
        let command = self.command(words);
        flat(&beside(move || run(command)).await.out)
    }

    /// Nothing was lost, ordered twice or over the limit, as the server counts.
    fn assert_sound(&self) {
        let ledger = self.emulator.ledger();
        assert!(ledger.accepted_twice.is_empty(), "{:?}", ledger.accepted_twice);
        assert_eq!(ledger.accepted, DEVICES);
        assert_within_limits(&self.emulator);
        let rows = report(&self.place.path("r.csv"));
        assert_eq!(rows.len() as u64, DEVICES);
        assert!(rows.iter().all(|row| row["outcome"] == "accepted"), "{rows:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_that_may_have_forgotten_calls_it_says_so_waits_and_goes_on() {
    let pair = beside(|| Arc::new(Pair::asynchronous())).await;
    let scene = Scene::on(pair.url()).await;
    let told = scene.told(&["doctor"]).await;
    assert!(told.contains("an asynchronous standby: a failover may forget calls"), "{told}");
    let scan = start(scene.scan());
    accepted(&scene.emulator, 20).await;
    pair.cut_off().await;
    accepted(&scene.emulator, 40).await;
    let failing = pair.clone();
    beside(move || failing.fail_over()).await;
    let mut told = String::new();
    for _ in 0..100 {
        let command = scene.command(&["status", "c"]);
        told = flat(&beside(move || run(command)).await.out);
        if told.contains("forgotten") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(told.contains("the store may have forgotten calls in a failover"), "{told}");
    let said = beside(move || wait(scan)).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let told = flat(&said.err);
    assert!(told.contains("The store may have forgotten calls in a failover or restore"), "{told}");
    assert!(told.contains("it goes on by itself"), "{told}");
    scene.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_that_lost_nothing_it_goes_on_by_itself_within_a_minute() {
    let pair = Arc::new(Pair::synchronous().await);
    let scene = Scene::on(pair.url()).await;
    let told = scene.told(&["doctor"]).await;
    assert!(told.contains("a synchronous standby; add durability=synchronous"), "{told}");
    let scene = Scene { url: format!("{}?durability=synchronous", scene.url), ..scene };
    let told = scene.told(&["doctor"]).await;
    assert!(told.contains("a synchronous standby: a failover loses nothing"), "{told}");
    let scan = start(scene.scan());
    accepted(&scene.emulator, 20).await;
    pair.is_durable().await;
    let before = scene.emulator.ledger().accepted;
    assert!(before < DEVICES, "it was over before");
    let failing = pair.clone();
    beside(move || failing.fail_over()).await;
    let (since, before) = (SystemClock::boot_time_us(), scene.emulator.ledger().accepted);
    accepted(&scene.emulator, before + 1).await;
    let took = Duration::from_micros((SystemClock::boot_time_us() - since) as u64);
    println!("the next order {took:.1?} after the failover");
    assert!(took < Duration::from_secs(60), "{took:?}");
    let said = beside(move || wait(scan)).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(!flat(&said.err).contains("forgotten"), "{}", said.err);
    scene.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_tells_that_there_is_one_server_and_nothing_follows_it() {
    let server = beside(|| crate::kit::postgres::Server::start("")).await;
    let scene = Scene::on(server.url("postgres")).await;
    let command = scene.command(&["doctor", "--json"]);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 0, "{}", said.out);
    let all = json_lines(&said.out);
    let found = |line: &&serde_json::Value| line.to_string().contains("one server: what it holds");
    assert!(all.iter().any(|line| found(&line)), "{}", said.out);
}
