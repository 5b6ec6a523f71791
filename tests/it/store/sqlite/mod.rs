//! What only the SQLite store does: its file, what it refuses, durability, several processes on one
//! file, the clock over restarts of the machine, commits in groups.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use fleetsweep::clock::{Clock, ManualClock, SystemClock};
use fleetsweep::domain::lifecycle::Found;
use fleetsweep::domain::{
    CampaignId, Finding, LookUp, Operation, Outcome, Rank, Stamp, State, Timing, Verdict,
};
use fleetsweep::store::sqlite::{Boot, SqliteStore};
use fleetsweep::store::{ClaimAnswer, Store, StoreError};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tempfile::TempDir;

use crate::kit::store::*;

mod hosts;
mod idle;
mod moments;
mod older;
#[cfg(unix)]
mod rights;
mod rollout;

fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("new").join("store.db");
    (folder, path)
}

async fn open(path: &Path, clock: &ManualClock) -> SqliteStore<ManualClock> {
    SqliteStore::open_with_clock(path, Timing::default(), clock.clone()).await.unwrap()
}

/// Why a file cannot be a store.
async fn refusal_of(path: &Path) -> String {
    match SqliteStore::open(path, Timing::default()).await {
        Err(StoreError::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// A connection beside the store.
async fn raw(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::from_str("sqlite:").unwrap().filename(path);
    options.create_if_missing(true).connect().await.unwrap()
}

pub(crate) async fn run(path: &Path, sql: &str) {
    let mut conn = raw(path).await;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

#[tokio::test]
async fn another_programs_database_is_refused_and_not_touched() {
    let (folder, _) = place();
    let path = folder.path().join("theirs.db");
    run(&path, "CREATE TABLE bookmark (url TEXT)").await;
    let before = fs::read(&path).unwrap();
    assert!(refusal_of(&path).await.contains("is not a store of fleetsweep"));
    assert_eq!(fs::read(&path).unwrap(), before);
    assert!(SqliteStore::open_read_only(&path, Timing::default()).await.is_err());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_not_touched() {
    let (folder, _) = place();
    let path = folder.path().join("devices.csv");
    let text = "DeviceId\n".repeat(5_000);
    fs::write(&path, &text).unwrap();
    assert!(refusal_of(&path).await.contains("is not a store of fleetsweep"));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn an_empty_file_becomes_a_store() {
    let (folder, _) = place();
    let path = folder.path().join("empty.db");
    fs::write(&path, "").unwrap();
    assert!(SqliteStore::open_read_only(&path, Timing::default()).await.unwrap().is_none());
    let store = SqliteStore::open(&path, Timing::default()).await.unwrap();
    assert!(store.campaigns().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_store_of_a_newer_version_is_refused() {
    let (_folder, path) = place();
    SqliteStore::open(&path, Timing::default()).await.unwrap().close().await.unwrap();
    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
                 execution_time) VALUES (9999, 'later', 1, x'00', 0)";
    run(&path, later).await;
    let why = refusal_of(&path).await;
    assert!(why.contains("newer version") && why.contains("9999"), "{why}");
    assert!(SqliteStore::open_read_only(&path, Timing::default()).await.is_err());
}

#[tokio::test]
async fn a_store_that_was_cut_off_or_overwritten_is_refused_and_kept() {
    let (_folder, path) = place();
    let store = open(&path, &ManualClock::default()).await;
    campaign(&store, 0..2000, opening("c", &["100/1m"])).await;
    store.close().await.unwrap();
    let whole = fs::read(&path).unwrap();

    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let why = refusal_of(&path).await;
    assert!(why.contains("damaged") && why.contains("restore a copy"), "{why}");
    assert_eq!(fs::read(&path).unwrap().len(), whole.len() / 2);

    let mut flipped = whole.clone();
    flipped[4096 * 3..4096 * 6].fill(0x5a);
    fs::write(&path, &flipped).unwrap();
    assert!(refusal_of(&path).await.contains("damaged"));
    assert_eq!(fs::read(&path).unwrap(), flipped);

    fs::write(&path, "").unwrap();
    fs::write(path.with_file_name("store.db-wal"), "left over").unwrap();
    assert!(refusal_of(&path).await.contains("cut off"));
}

#[tokio::test]
async fn a_place_where_nothing_can_be_written_is_refused() {
    let (folder, _) = place();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    assert!(refusal_of(&file.join("below").join("store.db")).await.contains("cannot be made"));
    assert!(refusal_of(folder.path()).await.contains("is not a file"));
}

#[tokio::test]
async fn commits_are_synchronised_in_full_and_logged_ahead() {
    // The writer asserts synchronous=FULL for itself before it begins; the log is the file's own.
    let (_folder, path) = place();
    let store = SqliteStore::open(&path, Timing::default()).await.unwrap();
    let mut conn = raw(&path).await;
    let mode: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut conn).await.unwrap();
    assert_eq!(mode, "wal");
    let id: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut conn).await.unwrap();
    assert_eq!(id, 0x464c_5357);
    drop(store);
}

#[tokio::test]
async fn what_was_answered_is_there_after_the_process_went_away() {
    let (_folder, path) = place();
    let clock = ManualClock::default();
    let store = open(&path, &clock).await;
    let id = campaign(&store, 0..3, opening("c", &["2/1m"])).await;
    let first = claim(&store, id).await;
    let second = claim(&store, id).await;
    settle(&store, second.call, accepted(clock.utc())).await;
    let rows = store.rows(id, 0, 9).await.unwrap();
    // No close: the process just went away.
    drop(store);
    let store = open(&path, &clock).await;
    assert_eq!(store.rows(id, 0, 9).await.unwrap(), rows);
    not_yet(&store, id).await;
    clock.advance(Timing::default().horizon());
    assert_eq!(store.expire(id).await.unwrap(), 1);
    let late = settlement(accepted(clock.utc()), clock.utc());
    let settled = store.settle(first.call, late).await.unwrap();
    assert_eq!(settled.after.state, State::Done(Outcome::Accepted));
}

#[tokio::test]
async fn two_stores_on_one_file_keep_one_limit_and_never_take_the_same_device() {
    let (_folder, path) = place();
    let clock = ManualClock::default();
    let one = Arc::new(open(&path, &clock).await);
    let two = Arc::new(open(&path, &clock).await);
    let id = campaign(&*one, 0..100, opening("c", &["30/1m"])).await;
    let runners: Vec<_> = (0..40)
        .map(|runner| {
            let store = Arc::clone(if runner % 2 == 0 { &one } else { &two });
            tokio::spawn(async move {
                let first = store.claim(id, true).await.unwrap();
                [first, store.claim(id, true).await.unwrap()]
            })
        })
        .collect();
    let mut devices = Vec::new();
    for runner in runners {
        for answer in runner.await.unwrap() {
            if let ClaimAnswer::Call(claim) = answer {
                devices.push(claim.device);
            }
        }
    }
    assert_eq!(devices.len(), 30);
    devices.sort_unstable();
    devices.dedup();
    assert_eq!(devices.len(), 30);
    assert_eq!(two.calls(id).await.unwrap(), 30);
    assert!(one.commits() > 1 && two.commits() > 1);
}

#[tokio::test]
async fn two_processes_may_make_the_same_store_at_once() {
    let (_folder, path) = place();
    let opening = |path: PathBuf| {
        tokio::spawn(async move { SqliteStore::open(&path, Timing::default()).await })
    };
    let [one, two, three] = [(); 3].map(|()| opening(path.clone()));
    for opened in [one, two, three] {
        let store = opened.await.unwrap().unwrap();
        assert!(store.campaigns().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_waits_together_is_committed_together() {
    let (_folder, path) = place();
    let store = open(&path, &ManualClock::default()).await;
    let store = Arc::new(store);
    let id = campaign(&*store, 0..64, opening("c", &["1000/1m"])).await;
    let before = store.commits();
    let claims: Vec<_> = (0..64)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { claim(&*store, id).await.seq })
        })
        .collect();
    let mut seqs = Vec::new();
    for claim in claims {
        seqs.push(claim.await.unwrap());
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=64).collect::<Vec<_>>());
    let commits = store.commits() - before;
    assert!(commits <= 3, "{commits} commits for 64 claims on one thread");
}

#[tokio::test]
async fn an_operation_that_fails_undoes_itself_and_not_its_neighbours() {
    let (_folder, path) = place();
    let store = open(&path, &ManualClock::default()).await;
    let id = campaign(&store, 0..3, opening("c", &["100/1m"])).await;
    let doubted = claim(&store, id).await;
    settle(&store, doubted.call, doubtful()).await;
    let (device, attempt) = (doubted.device, 1);
    let look_up = |seq| {
        let arrives_by = Stamp::ZERO;
        LookUp { seq, device, attempt, unseen: false, by_id: false, looks: 0, arrives_by }
    };
    let found = |seq| Finding { look_up: look_up(seq), found: Found::Ours, action: None };
    let before = store.commits();
    // The second of these fails after its first finding was written.
    let (one, failed, two) = tokio::join!(
        store.claim(id, true),
        store.looked_up(id, vec![found(1), found(77)]),
        store.claim(id, true),
    );
    assert!(matches!(failed, Err(StoreError::Broken(_))), "{failed:?}");
    let ClaimAnswer::Call(one) = one.unwrap() else { panic!() };
    let ClaimAnswer::Call(two) = two.unwrap() else { panic!() };
    assert_eq!((one.seq, two.seq, store.commits() - before), (2, 3, 1));
    let rows = store.rows(id, 0, 9).await.unwrap();
    assert!(matches!(rows[0].life.state, State::Doubtful { .. }), "{:?}", rows[0]);
    assert!(matches!(rows[1].life.state, State::Claimed(_)));
    assert_eq!(store.recount(id).await.unwrap(), store.tally(id).await.unwrap());
}

#[tokio::test]
async fn a_second_row_with_the_same_device_is_never_asked() {
    let (_folder, path) = place();
    let store = open(&path, &ManualClock::default()).await;
    let draft = store.draft().await.unwrap();
    // The reader of lists lets no such list through; this is the guard behind it.
    store.append(draft, vec![row(1), row(1)]).await.unwrap();
    store.open(draft, opening("c", &["100/1m"])).await.unwrap();
    claim(&store, draft).await;
    let second = store.claim(draft, true).await;
    assert!(matches!(second, Err(StoreError::Broken(_))), "{second:?}");
    assert_eq!(store.calls(draft).await.unwrap(), 1);
    assert_eq!(store.recount(draft).await.unwrap(), store.tally(draft).await.unwrap());
}

#[tokio::test]
async fn a_store_held_by_another_process_says_so_and_goes_on_later() {
    let (_folder, path) = place();
    let store = open(&path, &ManualClock::default()).await;
    let mut other = raw(&path).await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let error = store.draft().await.unwrap_err();
    assert!(matches!(error, StoreError::OutOfReach { .. }), "{error:?}");
    let error = error.to_string();
    assert!(error.contains("another process holds the store"), "{error}");
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    store.draft().await.unwrap();
}

#[tokio::test]
async fn a_store_that_failed_writes_nothing_more() {
    let (_folder, path) = place();
    let store = open(&path, &ManualClock::default()).await;
    let id = campaign(&store, 0..3, opening("c", &["100/1m"])).await;
    run(&path, "ALTER TABLE call RENAME TO gone").await;
    let error = store.claim(id, true).await.unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }), "{error}");
    run(&path, "ALTER TABLE gone RENAME TO call").await;
    let error = store.claim(id, true).await.unwrap_err().to_string();
    assert!(error.contains("failed before and writes nothing more"), "{error}");
    assert_eq!(store.tally(id).await.unwrap().queued, 3);
    let store = open(&path, &ManualClock::default()).await;
    claim(&store, id).await;
}

#[tokio::test]
async fn a_draft_that_nobody_confirmed_is_gone_after_a_day() {
    let (_folder, path) = place();
    let clock = ManualClock::default();
    let store = open(&path, &clock).await;
    let old = store.draft().await.unwrap();
    store.append(old, rows(0..5)).await.unwrap();
    let kept = campaign(&store, 0..5, opening("c", &["1/1m"])).await;
    clock.advance(SECOND * 3600 * 23);
    let young = store.draft().await.unwrap();
    drop(store);
    clock.advance(SECOND * 3600 * 2);
    let store = open(&path, &clock).await;
    assert!(store.tally(old).await.is_err());
    assert!(store.tally(young).await.is_ok());
    assert_eq!(store.rows(kept, 0, 9).await.unwrap().len(), 5);
    assert_eq!(store.recount(old).await.unwrap().rows(), 0);
    assert_ne!(store.draft().await.unwrap(), old, "a key is never used twice");
}

#[tokio::test]
async fn a_store_opened_for_reading_shows_everything_and_changes_nothing() {
    let (_folder, path) = place();
    let none = SqliteStore::open_read_only(&path, Timing::default()).await.unwrap();
    assert!(none.is_none() && !path.parent().unwrap().exists());
    let store = SqliteStore::open(&path, Timing::default()).await.unwrap();
    let open = opening("c", &["1/1m"]);
    let id = campaign(&store, 0..3, open.clone()).await;
    claim(&store, id).await;
    for closed in [false, true] {
        if closed {
            store.close().await.unwrap();
        }
        let reader = SqliteStore::open_read_only(&path, Timing::default()).await.unwrap().unwrap();
        assert_eq!(reader.named(&open.name).await.unwrap()[0].id, id);
        assert_eq!(reader.rows(id, 0, 9).await.unwrap().len(), 3);
        assert!(reader.peek(id, 0).await.unwrap().is_err());
        let budget = open.order.target.budget(Operation::Scan);
        assert_eq!(reader.usage(&budget, 9).await.unwrap().seen_by.len(), 1);
        let error = reader.claim(id, true).await.unwrap_err().to_string();
        assert!(error.contains("opened for reading alone"), "{error}");
        reader.close().await.unwrap();
    }
}

/// The offset that a clock must have, between what it has at least and at most.
fn offset_of(clock: SystemClock) -> std::ops::RangeInclusive<i64> {
    let before = SystemClock::boot_time_us();
    let now = clock.now().0;
    now - SystemClock::boot_time_us()..=now - before
}

#[tokio::test]
async fn the_clock_is_kept_within_a_boot_and_never_runs_back_over_one() {
    let (_folder, path) = place();
    let boot = |id: &str, boot_us, wall_us| Boot { id: id.to_owned(), boot_us, wall_us };
    let wall = 1_795_000_000_000_000;
    // What is claimed is stamped by the machine's own clock.
    let up = SystemClock::boot_time_us();
    let open = async |boot: &Boot| {
        SqliteStore::open_on_boot(&path, Timing::default(), boot).await.unwrap()
    };
    let store = open(&boot("one", up, wall)).await;
    assert!(offset_of(*store.clock()).contains(&(wall - up)));
    let id = campaign(&store, 0..9, opening("c", &["5/1m"])).await;
    let claimed = claim(&store, id).await;
    settle(&store, claim(&store, id).await.call, doubtful()).await;
    settle(&store, claim(&store, id).await.call, accepted(store.clock().utc())).await;
    let budget = opening("c", &[]).order.target.budget(Operation::Scan);
    let seen = store.usage(&budget, 9).await.unwrap().seen_by;
    let last = *seen.last().unwrap();
    store.close().await.unwrap();

    // The wall clock was set, and set back: the same start of the machine keeps its offset.
    let later = SystemClock::boot_time_us();
    let store = open(&boot("one", later, wall + 3_600_000_000)).await;
    assert!(offset_of(*store.clock()).contains(&(wall - up)));
    store.close().await.unwrap();

    // A new start with a wall clock that is behind goes on from the last stamp, and not from a
    // horizon that lies in the future.
    let store = open(&boot("two", 1_000_000, 17)).await;
    let offset = last.0 + 1 - 1_000_000;
    assert!(offset_of(*store.clock()).contains(&offset), "{claimed:?} {seen:?}");
    store.close().await.unwrap();

    // The first machine again, with its old offset long overtaken.
    let store = open(&boot("one", 10_000_000, 18)).await;
    assert!(offset_of(*store.clock()).contains(&(last.0 + 1 - 10_000_000)));
    assert!(last > Stamp(wall));
}

#[tokio::test]
async fn a_clock_of_the_machine_that_runs_backwards_is_that_of_a_new_start() {
    let (_folder, path) = place();
    let boot = |boot_us, wall_us| Boot { id: "one name for all".to_owned(), boot_us, wall_us };
    let (up, wall) = (SystemClock::boot_time_us(), SystemClock::wall_us());
    let open = async |boot: &Boot| {
        SqliteStore::open_on_boot(&path, Timing::default(), boot).await.unwrap()
    };
    let store = open(&boot(up, wall)).await;
    let id = campaign(&store, 0..9, opening("c", &["5/1m"])).await;
    settle(&store, claim(&store, id).await.call, accepted(store.clock().utc())).await;
    let budget = opening("c", &[]).order.target.budget(Operation::Scan);
    let last = *store.usage(&budget, 9).await.unwrap().seen_by.last().unwrap();
    store.close().await.unwrap();

    // The machine has been up for five seconds, which is all that is certain to have passed since
    // the call: it is no clock that reads an hour or a month less.
    for boot_us in [5_000_000, 9_000_000] {
        let store = open(&boot(boot_us, wall + 60_000_000)).await;
        let offset = offset_of(*store.clock());
        assert!(offset.contains(&(last.0 + 1)), "{offset:?} {last:?}");
        store.close().await.unwrap();
    }
}
