//! What several tests share: small lists, campaigns in a store, and counting calls in windows.

use std::sync::Arc;
use std::time::Duration;

use fleetsweep::clock::Clock;
use fleetsweep::domain::{
    BusyPolicy, Campaign, DeviceId, Life, NewRow, Opened, Opening, Order, Priority, Quota, Rollout,
    ScanType, Target, campaign::hash_of_ids,
};
use fleetsweep::store::Store;

/// An HTTP client of the tests' own. What they call is on this machine, whatever proxy it has.
pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// The n-th device of every test.
pub(crate) fn device(n: u64) -> DeviceId {
    let mut bytes = [0xd0; 20];
    bytes[12..].copy_from_slice(&n.to_be_bytes());
    DeviceId::from_bytes(bytes)
}

/// Where test campaigns go.
pub(crate) fn target() -> Target {
    Target {
        api_origin: "http://127.0.0.1:1".to_owned(),
        tenant: "11111111-2222-3333-4444-555555555555".to_owned(),
        application: "66666666-7777-8888-9999-000000000000".to_owned(),
        cloud: "test".to_owned(),
    }
}

/// Opens a campaign of this many devices.
pub(crate) async fn campaign<S: Store>(
    store: &Arc<S>,
    name: &str,
    devices: std::ops::Range<u64>,
    quotas: &[Quota],
    busy: BusyPolicy,
) -> Campaign {
    opened(store, name, devices, quotas, (busy, Vec::new(), Rollout::default())).await
}

/// The same with rows behind the devices that ended when they were read.
pub(crate) async fn campaign_of<S: Store>(
    store: &Arc<S>,
    name: &str,
    devices: std::ops::Range<u64>,
    quotas: &[Quota],
    aside: Vec<NewRow>,
) -> Campaign {
    opened(store, name, devices, quotas, (BusyPolicy::Report, aside, Rollout::default())).await
}

/// The same in waves.
pub(crate) async fn campaign_in_waves<S: Store>(
    store: &Arc<S>,
    name: &str,
    devices: std::ops::Range<u64>,
    quotas: &[Quota],
    rollout: Rollout,
) -> Campaign {
    opened(store, name, devices, quotas, (BusyPolicy::Report, Vec::new(), rollout)).await
}

/// A campaign whose calls go to this address.
pub(crate) async fn campaign_at<S: Store>(
    store: &Arc<S>,
    api_origin: &str,
    name: &str,
    devices: std::ops::Range<u64>,
    quotas: &[Quota],
) -> Campaign {
    let target = Target { api_origin: api_origin.to_owned(), ..target() };
    let how = (BusyPolicy::Report, Vec::new(), Rollout::default());
    opened_at(store, target, name, devices, quotas, how).await
}

async fn opened<S: Store>(
    store: &Arc<S>,
    name: &str,
    devices: std::ops::Range<u64>,
    quotas: &[Quota],
    how: (BusyPolicy, Vec<NewRow>, Rollout),
) -> Campaign {
    opened_at(store, target(), name, devices, quotas, how).await
}

async fn opened_at<S: Store>(
    store: &Arc<S>,
    target: Target,
    name: &str,
    devices: std::ops::Range<u64>,
    quotas: &[Quota],
    (busy, aside, rollout): (BusyPolicy, Vec<NewRow>, Rollout),
) -> Campaign {
    let draft = store.draft().await.unwrap();
    let rows = devices.clone().map(|n| NewRow {
        line: n + 2,
        device: Some(device(n)),
        name: None,
        input_text: None,
        facts: Default::default(),
        life: Life::draft(),
        reason: None,
        turn: 0,
        wave: 0,
    });
    store.append(draft, rows.chain(aside).collect()).await.unwrap();
    if !rollout.sizes.is_empty() {
        store.lay_waves(draft, &rollout.sizes).await.unwrap();
    }
    let order = Order {
        target,
        scan_type: ScanType::Full,
        comment: "test run".to_owned(),
        ticket: None,
        ids_hash: hash_of_ids(devices.map(device)),
    };
    let name: fleetsweep::domain::CampaignName = name.parse().unwrap();
    let opening = Opening {
        name: name.clone(),
        order,
        mark_bits: 42,
        busy,
        emulated: false,
        quotas: quotas.to_vec(),
        priority: Priority::default(),
        rollout,
        begun: Default::default(),
    };
    let opened = store.open(draft, opening).await.unwrap();
    assert!(matches!(opened, Opened::New(_)), "{opened:?}");
    store.named(&name).await.unwrap().pop().expect("it was just opened")
}

/// The most moments (in microseconds) that any half-open window of this length holds.
pub(crate) fn most_in_any_window(moments: &[i64], window: Duration) -> usize {
    let mut sorted = moments.to_vec();
    sorted.sort_unstable();
    let width = i64::try_from(window.as_micros()).unwrap();
    let mut first = 0;
    let mut most = 0;
    for (at, moment) in sorted.iter().enumerate() {
        while sorted[first] + width <= *moment {
            first += 1;
        }
        most = most.max(at - first + 1);
    }
    most
}

/// Microseconds of a clock since a moment.
pub(crate) fn micros_since<C: Clock>(clock: &C, start: fleetsweep::domain::Stamp) -> i64 {
    i64::try_from(clock.now().since(start).as_micros()).unwrap()
}
