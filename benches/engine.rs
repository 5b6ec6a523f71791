//! The program's own cost, in devices for each second of real time: the whole engine in virtual
//! time with the store in memory; and the whole program over real HTTP to the emulator with a real
//! SQLite file, beside a bare loop of the same HTTP client against the same emulator. The API
//! allows less than one device in two seconds, so that this says how much of a machine a campaign
//! takes, and not how long it lasts.

// The tests' own server and campaigns, of which this needs a part.
#[path = "../tests/it/kit/fake_server/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod fake_server;
#[path = "../tests/it/kit/support.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod support;

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fleetsweep::clock::{SystemClock, TokioClock, wall_clock};
use fleetsweep::defender::{
    Credential, HttpApi, HttpSettings, Origin, ScanApi, SignIn, SignInSettings,
};
use fleetsweep::domain::cloud::DEFAULT_AUDIENCE;
use fleetsweep::domain::quota::api_quotas;
use fleetsweep::domain::{BusyPolicy, Campaign, Ending, PaceKind, Timing};
use fleetsweep::emulator::{self, Config, Emulator, Limit};
use fleetsweep::engine::{self, Settings, StopLevel};
use fleetsweep::store::Store;
use fleetsweep::store::memory::MemoryStore;
use fleetsweep::store::sqlite::SqliteStore;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

use fake_server::{Behaviour, FakeServer};

const DEVICES: u64 = 10_000;

/// Devices of one campaign over HTTP.
const OVER_HTTP: u64 = 4_000;

/// Calls in flight over HTTP.
const IN_FLIGHT: usize = 32;

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
        timing,
        until: None,
        hours: None,
        progress_every: Duration::ZERO,
    };
    run(store, server.clone(), campaign, settings).await;
    assert_eq!(server.ledger(|ledger| ledger.actions.len() as u64), DEVICES);
}

async fn run<S: Store, A: ScanApi>(
    store: Arc<S>,
    api: Arc<A>,
    campaign: Campaign,
    settings: Settings,
) {
    let (_stop, stopped) = watch::channel(StopLevel::Run);
    let (events, _watcher) = mpsc::channel(1);
    let ran = engine::run(store, api, campaign, settings, stopped, events);
    assert_eq!(ran.await.unwrap().ending, Ending::Finished);
}

/// An emulator that does whatever it is asked, at once.
async fn emulate() -> Emulator {
    let limits = vec![Limit { calls: u32::MAX, window: Duration::from_secs(1) }];
    let config = Config { limits, ..Config::named("quiet").unwrap() };
    emulator::start(config, "127.0.0.1:0".parse().unwrap()).await.unwrap()
}

/// A campaign of the whole program: sign-in, SQLite, engine, client. Returns what it took.
async fn over_http(emulator: &Emulator) -> Duration {
    let timing = Timing::default();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Arc::new(SqliteStore::open(&path, timing).await.unwrap());
    let origin = || Origin::parse(&emulator.base_url()).unwrap();
    let target = support::target();
    let sign_in = SignIn::new(SignInSettings {
        login_origin: origin(),
        tenant: target.tenant,
        application: target.application,
        audience: DEFAULT_AUDIENCE.to_owned(),
        credential: Credential::ClientSecret(emulator::DEFAULT_SECRET.into()),
        timing,
        ca_file: None,
    });
    let settings = HttpSettings {
        api_origin: origin(),
        timing,
        ca_file: None,
        tokens: Box::new(sign_in.unwrap()),
        now: Box::new(wall_clock),
    };
    let api = Arc::new(HttpApi::new(settings).unwrap());
    let quotas = vec!["1000000/1s".parse().unwrap()];
    let campaign =
        support::campaign(&store, "bench", 0..OVER_HTTP, &quotas, BusyPolicy::Report).await;
    let settings = Settings {
        concurrency: IN_FLIGHT,
        pace: None,
        quotas,
        timing,
        until: None,
        hours: None,
        progress_every: Duration::ZERO,
    };
    let start = SystemClock::boot_time_us();
    run(store, api, campaign, settings).await;
    since(start)
}

/// The same calls by a bare client, which keeps no limit and writes nothing down.
async fn bare(emulator: &Emulator) -> Duration {
    let client = reqwest::Client::new();
    let target = support::target();
    let url = format!("{}/{}/oauth2/v2.0/token", emulator.base_url(), target.tenant);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &target.application),
        ("client_secret", emulator::DEFAULT_SECRET),
        ("scope", DEFAULT_AUDIENCE),
    ];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let content = ("content-type", "application/x-www-form-urlencoded");
    let answer = client.post(url).header(content.0, content.1).body(form).send().await.unwrap();
    let token: serde_json::Value = answer.json().await.unwrap();
    let token = Arc::new(token["access_token"].as_str().unwrap().to_owned());
    let base = format!("{}/api/machines", emulator.base_url());
    let start = SystemClock::boot_time_us();
    let workers: Vec<_> = (0..IN_FLIGHT as u64)
        .map(|first| {
            let (client, base, token) = (client.clone(), base.clone(), token.clone());
            tokio::spawn(async move {
                for n in (first..OVER_HTTP).step_by(IN_FLIGHT) {
                    let url = format!("{base}/{}/runAntiVirusScan", support::device(n));
                    let body = serde_json::json!({"Comment": "bench", "ScanType": "Full"});
                    let call = client.post(url).bearer_auth(&*token).json(&body);
                    let answer = call.send().await.unwrap();
                    assert_eq!(answer.status(), 201);
                    answer.bytes().await.unwrap();
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    since(start)
}

fn since(start_us: i64) -> Duration {
    Duration::from_micros((SystemClock::boot_time_us() - start_us).unsigned_abs())
}

fn http_bench(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("over_http");
    group.sample_size(10).throughput(Throughput::Elements(OVER_HTTP));
    for whole in [true, false] {
        let name = if whole { "whole_program" } else { "bare_client" };
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                let once = async || {
                    // An emulator of its own, so that no device is busy yet.
                    let emulator = emulate().await;
                    let took =
                        if whole { over_http(&emulator).await } else { bare(&emulator).await };
                    assert_eq!(emulator.ledger().accepted, OVER_HTTP);
                    emulator.shutdown().await;
                    took
                };
                (0..times).map(|_| runtime.block_on(once())).sum()
            });
        });
    }
    group.finish();
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
    targets = engine_bench, http_bench
}
criterion_main!(benches);
