//! The same seeds with the store in a file and in PostgreSQL, each beneath the same judge. A verb
//! costs milliseconds there, and the judge reads all rows after each, so few are played;
//! `FLEETSWEEP_DURABLE_SEEDS=200 cargo test --locked --test it chaos::durable -- --nocapture` plays
//! so many.

use fleetsweep::store::postgres::{Address, PostgresStore};
use fleetsweep::store::sqlite::SqliteStore;
use tokio::runtime::Handle;

use super::*;
use crate::kit::apart::{Apart, ShownClock};
use crate::kit::mistake::Mistake;
use crate::kit::postgres::database;

/// Plays the first seeds, each on a store that is made on the clock that is shown.
fn seeds_over<S: Store>(usual: u64, name: &str, make: impl Fn(ShownClock, u64, &Handle) -> S) {
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    let threads = threads.worker_threads(1).enable_all().build().unwrap();
    let seeds = number("FLEETSWEEP_DURABLE_SEEDS").unwrap_or(usual);
    let mut steps = 0;
    for seed in 0..seeds {
        let shown = ShownClock::default();
        let store = make(shown.clone(), seed, threads.handle());
        let played = in_virtual_time(storm_over(seed, store, shown, threads.handle().clone()));
        let found: Vec<String> = played.found.iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "{name}: seed {seed} breaks {}", found.join("\n"));
        steps += played.steps;
    }
    println!("{name}: {seeds} seeds, {steps} steps checked");
    assert!(steps > 0);
}

async fn storm_over<S: Store>(seed: u64, store: S, shown: ShownClock, threads: Handle) -> Played {
    let mut rng = fastrand::Rng::with_seed(seed);
    let plan = Plan::default();
    let weather = Arc::new(Weather::new(&mut rng, plan));
    let World { clock, server, settings, gate, .. } = weather.world(seed, &mut rng, plan);
    let store = Apart::new(store, shown, WatchedClock::new(clock), threads);
    let store = Arc::new(Watched::over(store, Mistake::None));
    ride(World { clock, store, server, settings, gate }, &weather, plan, rng).await
}

#[test]
fn whatever_fails_and_crashes_with_the_store_in_a_file_nothing_is_lost_doubled_or_misreported() {
    let folder = tempfile::tempdir().unwrap();
    seeds_over(3, "sqlite", |clock, seed, threads| {
        let path = folder.path().join(format!("{seed}.db"));
        let opened = SqliteStore::open_with_clock(path, Timing::default(), clock);
        threads.block_on(opened).unwrap()
    });
}

#[test]
fn whatever_fails_and_crashes_with_the_store_in_postgresql_nothing_is_lost_doubled_or_misreported()
{
    seeds_over(2, "postgresql", |clock, _, threads| {
        threads.block_on(async {
            let address = Address::parse(&database().await).unwrap();
            PostgresStore::open_with_clock(address, Timing::default(), clock).await.unwrap()
        })
    });
}
