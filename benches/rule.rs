//! What the limit costs: the rule alone, a claim with its settling in the store in memory, and a
//! question to the gate. It measures no disk, no network and no waiting; a durable store adds its
//! commits.

// The tests' own way to open a campaign, of which this needs a part.
#[path = "../tests/it/kit/support.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod support;

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use fleetsweep::clock::{Clock, ManualClock};
use fleetsweep::domain::quota::api_quotas;
use fleetsweep::domain::settle::Settlement;
use fleetsweep::domain::{
    BusyPolicy, CampaignId, PaceKind, Refusal, Stamp, Timing, Verdict, window,
};
use fleetsweep::gate::Gate;
use fleetsweep::store::memory::MemoryStore;
use fleetsweep::store::{ClaimAnswer, Store};

/// An hour's quota, so that the journal is full all the time.
const CALLS: u64 = 1_500;

/// Far enough apart that no claim is refused.
const APART: Duration = Duration::from_secs(3);

/// The memory store never waits, so that no runtime is needed and none is measured.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the store in memory does not wait"),
    }
}

type Ready = (Arc<MemoryStore<ManualClock>>, ManualClock, CampaignId);

/// Asks, claims and settles as a runner does, one call after the other.
fn orders((store, clock, campaign): &Ready) {
    for _ in 0..CALLS {
        clock.advance(APART);
        at_once(store.peek(*campaign, 0)).unwrap().expect("a slot is due");
        let ClaimAnswer::Call(claim) = at_once(store.claim(*campaign, false)).unwrap() else {
            unreachable!("a slot and a device are there")
        };
        let settlement = Settlement {
            verdict: Verdict::Rejected(Refusal::default()),
            server_date: None,
            took: Duration::ZERO,
            sent_at: clock.utc(),
            over_at: clock.utc(),
        };
        black_box(at_once(store.settle(claim.call, settlement)).unwrap());
    }
}

/// A store with a campaign of this many devices, and an hour's calls in its journal.
fn ready(devices: u64) -> Ready {
    let clock = ManualClock::default();
    let store = Arc::new(MemoryStore::new(clock.clone(), Timing::default()));
    let quotas = api_quotas();
    let opened = support::campaign(&store, "bench", 0..devices, &quotas, BusyPolicy::Report);
    let ready = (store.clone(), clock, at_once(opened).id);
    orders(&ready);
    ready
}

fn rule(criterion: &mut Criterion) {
    let (quotas, timing) = (api_quotas(), Timing::default());
    let stamps = [Some(Stamp(1_000_000)), Some(Stamp(2_000_000))];
    criterion.bench_function("rule/earliest", |bencher| {
        bencher.iter(|| window::earliest(black_box(&quotas), &timing, black_box(&stamps)));
    });
}

fn store(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rule/peek_claim_settle");
    group.sample_size(10).throughput(Throughput::Elements(CALLS));
    for devices in [2 * CALLS, 100_000] {
        group.bench_function(format!("of_{devices}"), |bencher| {
            bencher.iter_batched_ref(
                || ready(devices),
                |ready| orders(ready),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn gate(criterion: &mut Criterion) {
    let quotas = api_quotas();
    let start = Stamp(1_000_000_000);
    criterion.bench_function("rule/gate_pass", |bencher| {
        let mut gate = Gate::new(&quotas, PaceKind::Fast.pace(&quotas), start);
        let mut now = start;
        bencher.iter(|| {
            now = now.plus(APART);
            gate.check(now).expect("cells grow faster than they are taken");
        });
    });
    criterion.bench_function("rule/gate_refusal", |bencher| {
        let mut gate = Gate::new(&quotas, PaceKind::Fast.pace(&quotas), start);
        while gate.check(start).is_ok() {}
        bencher.iter(|| black_box(gate.check(start)));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = rule, store, gate
}
criterion_main!(benches);
