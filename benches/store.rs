//! How fast the SQLite store is: claim and settle with few and with many devices, by many callers
//! at once, and appending a list. The quotas are lifted, as only the store is measured.

use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use fleetsweep::clock::{Clock, SystemClock};
use fleetsweep::domain::settle::Settlement;
use fleetsweep::domain::{Action, CampaignId, NewRow, Opening, Timing, Verdict};
use fleetsweep::store::sqlite::SqliteStore;
use fleetsweep::store::{ClaimAnswer, Store};
use tempfile::TempDir;
use tokio::runtime::Runtime;

mod kit;

use kit::opening;

/// Callers at once.
const CALLERS: u64 = 64;

/// Rows handed over at once, as the intake does.
const BATCH: u32 = 5_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    claims(&mut criterion);
    lists(&mut criterion);
    checks(&mut criterion);
    criterion.final_summary();
}

fn claims(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("claim_and_settle");
    group.sample_size(10).throughput(Throughput::Elements(1));
    for devices in [1_000, 1_000_000] {
        let runtime = Runtime::new().expect("threads can be started");
        let folder = TempDir::new().expect("a temporary folder can be made");
        let store = runtime.block_on(async { Arc::new(open(&folder).await) });
        // The first campaign is there before anything is timed, or criterion would think that one
        // pair takes as long as a million rows.
        let mut campaigns = 1;
        let mut left = u64::from(devices);
        let mut campaign = runtime.block_on(opened(&store, campaigns, devices));
        group.bench_function(BenchmarkId::from_parameter(devices), |bencher| {
            bencher.iter_custom(|pairs| {
                let mut took = Duration::ZERO;
                let mut todo = pairs;
                while todo > 0 {
                    if left == 0 {
                        campaigns += 1;
                        campaign = runtime.block_on(opened(&store, campaigns, devices));
                        left = u64::from(devices);
                    }
                    let now = todo.min(left);
                    took += runtime.block_on(work_off(&store, campaign, now));
                    (todo, left) = (todo - now, left - now);
                }
                took
            });
        });
    }
    group.finish();
}

fn lists(criterion: &mut Criterion) {
    let devices = 100_000;
    let mut group = criterion.benchmark_group("append");
    group.sample_size(10).throughput(Throughput::Elements(u64::from(devices)));
    let runtime = Runtime::new().expect("threads can be started");
    group.bench_function(BenchmarkId::from_parameter(devices), |bencher| {
        bencher.iter_custom(|times| {
            let mut took = Duration::ZERO;
            for _ in 0..times {
                let folder = TempDir::new().expect("a temporary folder can be made");
                took += runtime.block_on(async {
                    let store = open(&folder).await;
                    let start = SystemClock::boot_time_us();
                    append(&store, devices).await;
                    since(start)
                });
            }
            took
        });
    });
    group.finish();
}

/// What a runner looks at before its first call: the file as a file, and every row of the campaign.
fn checks(criterion: &mut Criterion) {
    let devices = 1_000_000;
    let mut group = criterion.benchmark_group("before_the_first_call");
    group.sample_size(10);
    let runtime = Runtime::new().expect("threads can be started");
    let folder = TempDir::new().expect("a temporary folder can be made");
    let campaign = runtime.block_on(async {
        let store = Arc::new(open(&folder).await);
        let campaign = opened(&store, 1, devices).await;
        // A journal as long as a day's.
        work_off(&store, campaign, 36_000).await;
        store.close().await.expect("it can be closed");
        campaign
    });
    group.bench_function(BenchmarkId::new("open", devices), |bencher| {
        bencher.iter(|| runtime.block_on(open(&folder)));
    });
    let store = runtime.block_on(open(&folder));
    let quotas = vec!["1000000/1s".parse().expect("it is a quota")];
    group.bench_function(BenchmarkId::new("join", devices), |bencher| {
        bencher.iter(|| runtime.block_on(store.join(campaign, quotas.clone())));
    });
    group.finish();
}

async fn open(folder: &TempDir) -> SqliteStore<SystemClock> {
    let path = folder.path().join("store.db");
    SqliteStore::open(path, Timing::default()).await.expect("a new store can be made")
}

async fn append(store: &SqliteStore, devices: u32) -> CampaignId {
    let draft = store.draft().await.expect("a draft can be begun");
    for first in (0..devices).step_by(BATCH as usize) {
        let rows = (first..devices.min(first + BATCH)).map(row).collect();
        store.append(draft, rows).await.expect("rows can be appended");
    }
    draft
}

async fn opened(store: &SqliteStore, number: u32, devices: u32) -> CampaignId {
    let draft = append(store, devices).await;
    let opening = Opening { emulated: true, ..opening(&format!("bench-{number}")) };
    store.open(draft, opening).await.expect("a draft can be confirmed");
    draft
}

/// Claims and settles so many devices with `CALLERS` at once.
async fn work_off(store: &Arc<SqliteStore>, campaign: CampaignId, pairs: u64) -> Duration {
    let start = SystemClock::boot_time_us();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let share = pairs / CALLERS + u64::from(caller < pairs % CALLERS);
            let store = Arc::clone(store);
            tokio::spawn(async move {
                for _ in 0..share {
                    pair(&store, campaign).await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("no caller panics");
    }
    since(start)
}

fn since(start_us: i64) -> Duration {
    Duration::from_micros((SystemClock::boot_time_us() - start_us).unsigned_abs())
}

async fn pair(store: &SqliteStore, campaign: CampaignId) {
    let ClaimAnswer::Call(claim) = store.claim(campaign, true).await.expect("it can be claimed")
    else {
        panic!("the quotas are lifted and devices are left");
    };
    let utc = store.clock().utc();
    let action = Action { id: "2e9da30d-27f6-4208".to_owned(), ..Action::default() };
    let verdict =
        Verdict::Accepted { action: Box::new(action), status: 201, comment_changed: false };
    let took = Duration::from_millis(200);
    let settlement =
        Settlement { verdict, server_date: Some(utc), took, sent_at: utc, over_at: utc };
    store.settle(claim.call, settlement).await.expect("it can be settled");
}

fn row(number: u32) -> NewRow {
    NewRow { turn: i64::from(number % 3), ..kit::row(number) }
}
