//! Figures of limits: what counts against them now, and what came of all calls. The journal is
//! pruned, so that counts of calls are kept beside it and never fall.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::domain::quota::{api_quotas, duration_text, used};
use crate::domain::{BudgetKey, Campaign, Operation, Quota};
use crate::ops::failure::Failure;
use crate::report::metrics::{Metrics, Sample, seconds};
use crate::store::Store;

/// The latest calls that are looked at: more than any quota of the API holds.
const LATEST: usize = 10_000;

/// What one operation of one application may call and has called.
struct Figures {
    key: BudgetKey,
    used: Vec<(Quota, u64)>,
    /// Until when the server paused it, if it did.
    paused_until: Option<Timestamp>,
    results: BTreeMap<String, u64>,
}

/// Adds them, for the budgets of these campaigns on which anything was called.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(super) async fn add<S: Store>(
    store: &S,
    campaigns: &[&Campaign],
    now: Timestamp,
    metrics: &Metrics,
) -> Result<(), Failure> {
    let mut keys: Vec<BudgetKey> = campaigns
        .iter()
        .flat_map(|one| Operation::ALL.map(|operation| one.order.target.budget(operation)))
        .collect();
    keys.sort();
    keys.dedup();
    let mut all = Vec::new();
    for key in keys {
        all.extend(figures(store, key, now).await?);
    }
    limits(&all, metrics);
    results(&all, metrics);
    Ok(())
}

async fn figures<S: Store>(
    store: &S,
    key: BudgetKey,
    now: Timestamp,
) -> Result<Option<Figures>, Failure> {
    let (usage, results) = (store.usage(&key, LATEST).await?, store.results(&key).await?);
    if results.is_empty() && usage.seen_by.is_empty() {
        return Ok(None);
    }
    let stamp = store.clock().now();
    let quotas = if usage.quotas.is_empty() { api_quotas() } else { usage.quotas };
    let pause = usage.state.earliest();
    let left = SignedDuration::try_from(pause.since(stamp)).unwrap_or(SignedDuration::MAX);
    let paused_until = if pause > stamp { now.checked_add(left).ok() } else { None };
    let used = used(&quotas, &usage.seen_by, stamp);
    Ok(Some(Figures { key, used, paused_until, results }))
}

fn limits(all: &[Figures], metrics: &Metrics) {
    let windows: Vec<Vec<String>> = all
        .iter()
        .map(|one| one.used.iter().map(|(quota, _)| duration_text(quota.window)).collect())
        .collect();
    let figures = |value: &dyn Fn(Quota, u64) -> f64| -> Vec<Sample<'_>> {
        std::iter::zip(all, &windows)
            .flat_map(|(one, windows)| {
                let of_window = std::iter::zip(&one.used, windows);
                of_window.map(|((quota, used), window)| {
                    let [tenant, application, operation] = labels(one);
                    let labels = [tenant, application, operation, ("window", window.as_str())];
                    Sample::new(&labels, value(*quota, *used))
                })
            })
            .collect()
    };
    let help = "Calls that count against a limit now.";
    metrics.gauge("budget_calls", help, &figures(&|_, used| used as f64));
    let limits = figures(&|quota, _| f64::from(quota.calls.get()));
    metrics.gauge("budget_limit_calls", "The limit.", &limits);
    let paused = |one| Sample::new(&labels(one), one.paused_until.map_or(0.0, seconds));
    let paused: Vec<_> = all.iter().map(paused).collect();
    let help = "Until when the server paused the calls; 0 if it did not.";
    metrics.gauge("budget_paused_until_timestamp_seconds", help, &paused);
}

fn results(all: &[Figures], metrics: &Metrics) {
    let samples: Vec<_> = all
        .iter()
        .flat_map(|one| {
            one.results.iter().map(|(result, calls)| {
                // Applications are added together.
                let [tenant, _, operation] = labels(one);
                Sample::new(&[tenant, operation, ("result", result)], *calls as f64)
            })
        })
        .collect();
    let help = "Calls by what came back; never_left is no call.";
    metrics.counter("calls_total", help, &samples);
}

fn labels(one: &Figures) -> [(&'static str, &str); 3] {
    let BudgetKey { api_origin: _, tenant, application, operation } = &one.key;
    [("tenant", tenant), ("application", application), ("operation", operation.name())]
}
