//! The wall clock of the real binary is set while it runs: seconds, hours and years, forward and
//! back, and between a kill and the next start. A small library before the C library moves that
//! clock and no other, as `date -s` would; it is built with the C compiler that the build needs.

use std::path::PathBuf;
use std::process::Command;

use fleetsweep::emulator::Emulator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Row};

use crate::cli::campaigns::{accepted, assert_honest, assert_within_limits};
use crate::kit::child::tool;
use crate::kit::program::{Place, beside, emulate, report, start, wait};

const HOUR: i64 = 3_600;
const YEAR: i64 = 8_766 * HOUR;

const DEVICES: u64 = 160;

/// The library, built into this place.
fn library(place: &Place) -> PathBuf {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/storage/wall.c");
    let library = place.path("wall.so");
    let cc = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut build = tool(cc);
    build.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source);
    assert!(build.status().expect("a C compiler is needed").success());
    library
}

fn set(place: &Place, seconds: i64) {
    // Renamed into place, so that no reader sees half a number.
    std::fs::write(place.path("wall.new"), seconds.to_string()).unwrap();
    std::fs::rename(place.path("wall.new"), place.path("wall")).unwrap();
}

fn runner(place: &Place, emulator: &Emulator, library: &PathBuf, args: &[&str]) -> Command {
    let mut command = place.towards(emulator, args);
    command.args(["--limit=20/1s", "--limit=1000/60s", "--time-scale=20", "--report=r.csv"]);
    command.arg("--store=sqlite:store.db");
    command.env("LD_PRELOAD", library).env("WALL_SECONDS", place.path("wall"));
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setting_the_wall_clock_while_it_runs_exceeds_and_loses_nothing() {
    let emulator = emulate("calm", &[(20, 1.0), (1_000, 60.0)], 1.0).await;
    let place = Place::new();
    place.list(DEVICES);
    let library = library(&place);
    let scan = ["scan", "list.txt", "--type=full", "--comment=test", "--campaign=walls"];
    let approve = format!("--approve-max={DEVICES}");
    set(&place, 0);
    let first = runner(&place, &emulator, &library, &[&scan[..], &[&approve]].concat());
    let mut child = start(first);
    let steps = [2, -2, HOUR, -HOUR, 10 * YEAR, -10 * YEAR, 0, 30 * HOUR];
    for (step, done) in steps.into_iter().zip((10..).step_by(15)) {
        accepted(&emulator, done).await;
        set(&place, step);
        if step.abs() > YEAR {
            // Also over a kill: the next runner begins under another wall clock.
            child.kill().unwrap();
            child.wait().unwrap();
            child = start(runner(&place, &emulator, &library, &["resume", "walls"]));
        }
    }
    let said = beside(move || wait(child)).await;
    assert_eq!(said.code, 3, "{}", said.err);
    let rows = report(&place.path("r.csv"));
    assert_eq!(rows.len() as u64, DEVICES);
    assert!(rows.iter().all(|row| row["outcome"] != "open"), "lost");
    assert_honest(&rows, &emulator.ledger(), "walls");
    assert_within_limits(&emulator);
    assert_was_set(&place).await;
}

/// The steps were felt: the journal's times for people lie years apart, its stamps a minute.
async fn assert_was_set(place: &Place) {
    let options = SqliteConnectOptions::new().filename(place.path("store.db"));
    let mut conn = options.connect().await.unwrap();
    let sql = "SELECT min(claimed_utc), max(claimed_utc), max(claimed_at) - min(claimed_at) \
               FROM call";
    let row = sqlx::query(sql).fetch_one(&mut conn).await.unwrap();
    let [first, last] = [0, 1].map(|at| row.get::<String, _>(at));
    let by_store = row.get::<i64, _>(2) / 1_000_000;
    println!("calls from {first} to {last}, {by_store} s by the store's clock");
    let year = |text: &str| text[..4].parse::<i32>().unwrap();
    assert!(year(&last) - year(&first) >= 19, "{first} {last}");
    conn.close().await.unwrap();
}
