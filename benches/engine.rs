//! The program's own cost: the whole engine in virtual time with the store in memory, in devices
//! for each second of real time. The API allows less than one device in two seconds, so that this
//! says how much of a machine a campaign takes, and not how long it lasts.

// The tests' own server and campaigns, of which this needs a part.
#[path = "../tests/it/fake_server.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod fake_server;
#[path = "../tests/it/support.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod support;

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fleetsweep::clock::TokioClock;
use fleetsweep::domain::quota::api_quotas;
use fleetsweep::domain::{BusyPolicy, Ending, PaceKind, Timing};
use fleetsweep::engine::{self, Settings, StopLevel};
use fleetsweep::store::memory::MemoryStore;
use tokio::sync::{mpsc, watch};

use fake_server::{Behaviour, FakeServer};

const DEVICES: u64 = 10_000;

async fn campaign() {
    let clock = TokioClock::new();
    let timing = Timing::default();
    let store = Arc::new(MemoryStore::new(clock, timing));
    let server = Arc::new(FakeServer::new(clock, Behaviour::rough(), 1));
    let quotas = api_quotas();
    let campaign =
        support::campaign(&store, "bench", 0..DEVICES, &quotas, BusyPolicy::Report).await;
    let settings = Settings {
        concurrency: 16,
        pace: PaceKind::Fast.pace(&quotas),
        quotas,
        gate: true,
        timing,
        until: None,
        progress_every: Duration::ZERO,
    };
    let (_stop, stopped) = watch::channel(StopLevel::Run);
    let (events, _watcher) = mpsc::channel(1);
    let ran = engine::run(store, server.clone(), campaign, settings, stopped, events);
    assert_eq!(ran.await.unwrap().ending, Ending::Finished);
    assert_eq!(server.ledger(|ledger| ledger.actions.len() as u64), DEVICES);
}

fn engine_bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine");
    group.sample_size(10).throughput(Throughput::Elements(DEVICES));
    group.bench_function("virtual_campaign", |bencher| {
        bencher.iter(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap();
            runtime.block_on(campaign());
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(10));
    targets = engine_bench
}
criterion_main!(benches);
