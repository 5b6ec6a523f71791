//! One store that is reached by several ways: under other names, as a copy, from containers with
//! clocks of their own, by a program that knew an older schema. The limit holds on the sum, or the
//! way is refused. Damage and restarts are not played here.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fleetsweep::clock::{Clock, ManualClock};
use fleetsweep::domain::{CampaignId, Operation, Timing};
use fleetsweep::store::sqlite::{Boot, SqliteStore};
use fleetsweep::store::{ClaimAnswer, Hold, ReadAnswer, Store, StoreError};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

use crate::kit::store::{accepted, campaign, horizon, opening, reopens, settle};
use crate::kit::support::most_in_any_window;

const SECOND: u64 = 1_000_000;

fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().canonicalize().unwrap().join("store.db");
    (folder, path)
}

async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, Timing::default()).await.unwrap()
}

async fn refusal_of(path: &Path) -> String {
    match SqliteStore::open(path, Timing::default()).await {
        Err(StoreError::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// Claims and answers until the limit says no; how many calls that were.
async fn use_up<C: Clock>(store: &SqliteStore<C>, campaign: CampaignId) -> usize {
    let mut calls = 0;
    while let ClaimAnswer::Call(claim) = store.claim(campaign, true).await.unwrap() {
        settle(store, claim.call, accepted(store.clock().utc())).await;
        calls += 1;
    }
    calls
}

#[tokio::test]
async fn a_symbolic_link_to_a_store_is_the_store() {
    let (folder, path) = place();
    let store = open(&path).await;
    let id = campaign(&store, 0..20, opening("c", &["5/1h"])).await;
    let link = folder.path().join("link.db");
    symlink(&path, &link).unwrap();
    let linked = open(&link).await;
    assert_eq!(linked.place(), store.place());
    assert_eq!(use_up(&linked, id).await, 5);
    assert_eq!(use_up(&store, id).await, 0, "calls under the link count");
    let read = SqliteStore::open_read_only(&link, Timing::default()).await.unwrap().unwrap();
    assert_eq!(read.tally(id).await.unwrap(), store.tally(id).await.unwrap());
}

#[tokio::test]
async fn a_store_with_a_second_name_is_refused_under_both_until_one_is_gone() {
    let (folder, path) = place();
    open(&path).await.close().await.unwrap();
    let second = folder.path().join("second.db");
    fs::hard_link(&path, &second).unwrap();
    for name in [&path, &second] {
        let why = refusal_of(name).await;
        assert!(why.contains("has 2 names (hard links)"), "{why}");
    }
    let read = SqliteStore::open_read_only(&second, Timing::default()).await;
    assert!(matches!(read, Err(StoreError::Refused(_))), "{read:?}");
    fs::remove_file(&second).unwrap();
    open(&path).await.close().await.unwrap();
}

#[tokio::test]
async fn a_copy_is_refused_as_long_as_its_original_is_in_its_place() {
    let (folder, path) = place();
    let store = open(&path).await;
    let id = campaign(&store, 0..20, opening("c", &["5/1h"])).await;
    assert_eq!(use_up(&store, id).await, 5);
    // Copied while it is in use, with its log.
    let copy = folder.path().join("copy.db");
    for ending in ["", "-wal"] {
        let [from, to] = [&path, &copy].map(|path| format!("{}{ending}", path.display()));
        fs::copy(from, to).unwrap();
    }
    let why = refusal_of(&copy).await;
    assert!(why.contains("is a copy of") && why.contains("which is still there"), "{why}");
    let read = SqliteStore::open_read_only(&copy, Timing::default()).await.unwrap().unwrap();
    assert_eq!(read.calls(id).await.unwrap(), 5, "a copy may be looked at");
    drop(read);
    store.close().await.unwrap();
    // Moved, a store stays what it is.
    let moved = folder.path().join("moved.db");
    fs::rename(&path, &moved).unwrap();
    open(&moved).await.close().await.unwrap();
    fs::rename(&moved, &path).unwrap();
    open(&path).await.close().await.unwrap();
    // A copy may take the place of an original that is gone, as a backup does.
    fs::remove_file(&path).unwrap();
    let store = open(&copy).await;
    assert_eq!(use_up(&store, id).await, 0, "it brings its journal along");
    store.close().await.unwrap();
    fs::rename(&copy, &path).unwrap();
    open(&path).await.close().await.unwrap();
}

#[tokio::test]
async fn a_backup_that_is_restored_orders_nothing_until_what_it_forgot_is_over_and_looked_up() {
    let (folder, path) = place();
    let clock = ManualClock::default();
    let now = clock.now().0.unsigned_abs() / SECOND;
    let boot = machine("one", 3_600, now);
    let open = async || {
        let clock = clock.clone();
        SqliteStore::open_with_offset(&path, Timing::default(), &boot, |_| clock).await.unwrap()
    };
    let store = open().await;
    let id = campaign(&store, 0..20, opening("c", &["5/1m"])).await;
    store.close().await.unwrap();
    let backup = folder.path().join("backup.db");
    fs::copy(&path, &backup).unwrap();
    // Moved and opened again, it is what it was.
    let moved = folder.path().join("moved.db");
    fs::rename(&path, &moved).unwrap();
    fs::rename(&moved, &path).unwrap();
    let store = open().await;
    assert_eq!(use_up(&store, id).await, 5);
    store.close().await.unwrap();
    // The backup knows nothing of these five.
    fs::remove_file(&path).unwrap();
    fs::copy(&backup, &path).unwrap();
    let store = open().await;
    assert_eq!(store.calls(id).await.unwrap(), 0);
    let ClaimAnswer::NotYet(no) = store.claim(id, true).await.unwrap() else { panic!() };
    assert_eq!(no.hold, Hold::Forgotten);
    let whole = horizon() + reopens("5/1m");
    assert_eq!(no.at.since(clock.now()), whole);
    let budget = opening("c", &[]).order.target.budget(Operation::Read);
    let read = store.claim_on(&budget, Vec::new()).await.unwrap();
    assert!(matches!(read, ReadAnswer::NotYet(_)), "{read:?}");
    store.close().await.unwrap();
    let store = open().await;
    clock.advance(whole);
    // It may have forgotten any of them, so the list of actions is asked before they are ordered.
    let first = store.claim(id, true).await.unwrap();
    assert!(matches!(first, ClaimAnswer::Idle { wake: Some(_), .. }), "{first:?}");
    assert_eq!(store.to_look_up(id, 99).await.unwrap().len(), 20);
    assert_eq!(store.tally(id).await.unwrap(), store.recount(id).await.unwrap());
    // What is planned now has nothing to be forgotten.
    let other = campaign(&store, 20..22, opening("d", &["5/1m"])).await;
    assert_eq!(use_up(&store, other).await, 2);
}

/// A machine or a container that has been up for `up` seconds at the moment `now`.
fn machine(id: &str, up: u64, now: u64) -> Boot {
    let [boot_us, wall_us] = [up, now].map(|seconds| (seconds * SECOND).cast_signed());
    Boot { id: id.to_owned(), boot_us, wall_us }
}

/// Two containers with clocks of their own call in turn: the older one, the younger one after 50 s,
/// and the older one again after 61 s more. When the calls were, and why the last were refused.
async fn in_turn(fenced: bool) -> (Vec<i64>, Option<StoreError>) {
    let (_folder, path) = place();
    let timing = Timing::default();
    let clock = ManualClock::default();
    let now = clock.now().0.unsigned_abs() / SECOND;
    let old = machine("old", 3_600, now);
    let old_clock = clock.clone();
    let store = SqliteStore::open_with_offset(&path, timing, &old, |_| old_clock).await.unwrap();
    let id = campaign(&store, 0..40, opening("c", &["5/1m"])).await;
    let mut calls = vec![0; use_up(&store, id).await];
    clock.advance(Duration::from_secs(50));

    // The young one has been up for a second: more than that is not certain to have passed.
    let young = ManualClock::default();
    let boot = machine("young", 1, now + 50);
    let begun = young.clone();
    let second = SqliteStore::open_with_offset(&path, timing, &boot, move |offset| {
        let stamp = Duration::from_micros((offset + SECOND.cast_signed()).unsigned_abs());
        begun.advance(stamp - Duration::from_micros(begun.now().0.unsigned_abs()));
        begun
    });
    let second = second.await.unwrap();
    assert_eq!(use_up(&second, id).await, 0, "the young one waits");
    for clock in [&clock, &young] {
        clock.advance(Duration::from_secs(61));
    }
    calls.extend(vec![111_000_000; use_up(&second, id).await]);

    let first = if fenced {
        store
    } else {
        // Negative control: a store that does not ask whose the clock is.
        SqliteStore::open_with_clock(&path, timing, clock.clone()).await.unwrap()
    };
    let mut at = 111_000_000;
    loop {
        match first.claim(id, true).await {
            Ok(ClaimAnswer::Call(claim)) => {
                settle(&first, claim.call, accepted(clock.utc())).await;
                calls.push(at);
            }
            Ok(_) if at < 160_000_000 => {
                clock.advance(Duration::from_secs(1));
                at += 1_000_000;
            }
            Ok(_) => return (calls, None),
            Err(error) => return (calls, Some(error)),
        }
    }
}

#[tokio::test]
async fn of_two_containers_with_clocks_of_their_own_the_latest_has_the_store() {
    let (calls, refused) = in_turn(true).await;
    assert_eq!(calls.len(), 10);
    assert!(most_in_any_window(&calls, Duration::from_secs(60)) <= 5);
    let why = refused.unwrap().to_string();
    assert!(why.contains("a container with a clock of its own"), "{why}");
}

#[tokio::test]
async fn two_clocks_on_one_store_that_are_not_kept_apart_exceed_the_limit() {
    let (calls, refused) = in_turn(false).await;
    assert!(refused.is_none());
    assert!(most_in_any_window(&calls, Duration::from_secs(60)) > 5, "{calls:?}");
}

#[tokio::test]
async fn a_program_of_an_older_schema_takes_no_slot_after_the_store_was_brought_up_to_date() {
    let (_folder, path) = place();
    let store = open(&path).await;
    let id = campaign(&store, 0..3, opening("c", &["5/1m"])).await;
    let mut conn = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    // As version 0.1.0 writes a call.
    let older = "INSERT INTO call (budget, campaign, seq, attempt, claimed_at, seen_by, \
                 claimed_utc) VALUES (1, 1, 0, 1, 0, 0, '')";
    let error = sqlx::query(older).execute(&mut conn).await.unwrap_err().to_string();
    assert!(error.contains("a newer version of fleetsweep"), "{error}");
    conn.close().await.unwrap();
    let budget = opening("c", &[]).order.target.budget(Operation::Scan);
    assert!(store.usage(&budget, 9).await.unwrap().seen_by.is_empty());
    assert_eq!(use_up(&store, id).await, 3);
}
