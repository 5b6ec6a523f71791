//! What reaches the disk before what leaves: in a trace of a whole run, the log of the store is
//! made durable between the claim's write and the first byte of its request, for every request.
//! Only this shows that a power cut forgets no call; a kill does not, since the page cache
//! outlives a process.

use fleetsweep::domain::quota::api_quotas;
use fleetsweep::domain::{BusyPolicy, Timing};
use fleetsweep::store::sqlite::{SqliteStore, Syncing};
use fleetsweep::store::{ClaimAnswer, Store};
use std::sync::Arc;

use super::strace::{Line, lines, traced};
use super::{DEVICES, Scene, beside};
use crate::kit::support;

/// Calls that order themselves: writes of the log, what makes them durable, and what leaves.
const CALLS: &str = "pwrite64,pwritev,fdatasync,fsync,sendto,sendmsg,write,writev";

/// Says for each request that carries a scan order whether all that was written to the log before
/// it was durable when its first byte left.
fn durable_sends(trace: &str) -> Vec<bool> {
    let (mut unsynced, mut sends) = (false, Vec::new());
    for line in lines(trace).iter().filter(|line| !line.resumed) {
        let log = line.path().ends_with("s.db-wal");
        match line.call {
            "pwrite64" | "pwritev" if log => unsynced = true,
            "fdatasync" | "fsync" if log => unsynced = false,
            _ if is_order(line) => sends.push(!unsynced),
            _ => {}
        }
    }
    sends
}

/// A scan order's first bytes; in a control, the marker that stands for them.
fn is_order(line: &Line<'_>) -> bool {
    let data = line.args;
    matches!(line.call, "sendto" | "sendmsg" | "write" | "writev")
        && (data.contains("runAntiVirusScan") || data.contains(MARKER))
}

const MARKER: &str = "an order leaves now";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_claim_is_on_the_disk_before_the_first_byte_of_its_request_leaves() {
    let scene = Scene::new().await;
    let scan = scene.scan();
    let done = beside(move || traced(&scan, CALLS, &["-s", "400"])).await;
    assert_eq!(done.code, Some(0), "{}", done.err);
    scene.judge().unwrap();
    let sends = durable_sends(&done.trace);
    println!("{} sends, {} of them durable", sends.len(), sends.iter().filter(|ok| **ok).count());
    assert_eq!(sends.len() as u64, DEVICES, "{}", done.trace);
    assert!(sends.iter().all(|durable| *durable), "{sends:?}");
}

/// Run by the next test in a process of its own, which names a folder: claims without a network,
/// with a marker on standard error in each request's place.
#[tokio::test]
async fn a_child_claims_with_the_syncing_that_its_parent_asks_for() {
    let Ok(how) = std::env::var("FLEETSWEEP_CHILD_SYNCING") else { return };
    let syncing = if how == "full" { Syncing::Full } else { Syncing::AtCheckpoint };
    let opened = SqliteStore::open_with_syncing("store/s.db", Timing::default(), syncing).await;
    let store = Arc::new(opened.unwrap());
    let quotas = api_quotas();
    let campaign =
        support::campaign(&store, "child", 0..DEVICES, &quotas, BusyPolicy::Report).await;
    for _ in 0..DEVICES {
        let claimed = store.claim(campaign.id, false).await.unwrap();
        assert!(matches!(claimed, ClaimAnswer::Call(_)), "{claimed:?}");
        // The macro would write through the test runner's capture.
        std::io::Write::write_all(&mut std::io::stderr(), MARKER.as_bytes()).unwrap();
    }
}

#[tokio::test]
async fn a_store_that_syncs_at_its_checkpoints_alone_is_caught_by_the_same_reading() {
    let mut shares = Vec::new();
    for how in ["full", "at checkpoint"] {
        let scene = Scene::new().await;
        std::fs::create_dir(scene.place.path("store")).unwrap();
        let test = "crash::order::a_child_claims_with_the_syncing_that_its_parent_asks_for";
        let mut child = crate::kit::child::again(test);
        child.current_dir(scene.place.path(""));
        child.env("FLEETSWEEP_CHILD_SYNCING", how).env("HOME", scene.place.path(""));
        let done = beside(move || traced(&child, CALLS, &["-s", "400"])).await;
        assert_eq!(done.code, Some(0), "{}", done.err);
        let sends = durable_sends(&done.trace);
        shares.push((sends.iter().filter(|ok| **ok).count(), sends.len()));
    }
    println!("durable of all, with full syncing and without: {shares:?}");
    let all = usize::try_from(DEVICES).unwrap();
    assert_eq!(shares, [(all, all), (0, all)]);
}
