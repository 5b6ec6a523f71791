//! A store whose file is damaged in the middle of a campaign: bits that flip and files that are cut
//! off, at random by seed, in one process. Most damage is refused before anything is sent. What is
//! not noticed may change nothing that matters: no device outside the list is scanned, none twice,
//! none is lost, and the report agrees with the server. `FLEETSWEEP_SEEDS=1000` plays so many
//! cases, and `FLEETSWEEP_SEED` one of them again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fleetsweep::clock::{Clock, SystemClock};
use fleetsweep::defender::{ScanApi, ScanOrder};
use fleetsweep::domain::{
    Campaign, DeviceId, Ending, NewRow, Outcome, Quota, Row, State, Timing, Verdict,
};
use fleetsweep::engine::{self, Settings, StopLevel};
use fleetsweep::store::sqlite::SqliteStore;
use fleetsweep::store::{Claim, ClaimAnswer, Store, StoreError};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::kit::fake_server::{Behaviour, Existing, FakeServer, Script};
use crate::kit::older::THIRD_SCHEMA;
use crate::kit::store as store_kit;
use crate::kit::support::{campaign_of, device};

const DEVICES: u64 = 60;

/// Cases that every run plays.
const CASES: u64 = 250;

type Server = FakeServer<SystemClock>;

/// The store of a campaign that was killed half-way, and what the server had done by then.
struct Ground {
    /// The files as a killed process leaves them, by their ending, and as a clean end does.
    killed: Vec<(&'static str, Vec<u8>)>,
    closed: Vec<(&'static str, Vec<u8>)>,
    campaign: Campaign,
    /// Devices that the server had accepted.
    accepted: Vec<DeviceId>,
}

/// Calls that were claimed before the kill are given up soon; later ones have time on a slow
/// machine.
fn timing(before: bool) -> Timing {
    let quick = Timing::default().scaled(2_000);
    if before {
        return quick;
    }
    let seconds = Duration::from_secs;
    let (send_within, request_timeout, first_contact) = (seconds(20), seconds(20), seconds(60));
    let poll = Duration::from_millis(20);
    Timing { send_within, request_timeout, first_contact, poll, ..quick }
}

fn quotas() -> Vec<Quota> {
    vec!["100000/1s".parse().unwrap()]
}

fn read_all(path: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let read = |ending| Some((ending, fs::read(beside(path, ending)).ok()?));
    ["", "-wal", "-shm"].into_iter().filter_map(read).collect()
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}

impl Ground {
    /// Half of the half-way is in the file, the rest in the log.
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("store.db");
        let mut accepted = Vec::new();
        let store = Arc::new(SqliteStore::open(&path, timing(true)).await.unwrap());
        let aside = [
            NewRow { device: None, ..store_kit::ended_row(900, Outcome::BadRow, "no id") },
            store_kit::ended_row(0, Outcome::Duplicate, "the same device as line 2"),
        ];
        let campaign = campaign_of(&store, "c", 0..DEVICES, &quotas(), aside.to_vec()).await;
        for _ in 0..18 {
            call(&store, &campaign, &mut accepted).await;
        }
        store.close().await.unwrap();
        let store = Arc::new(SqliteStore::open(&path, timing(true)).await.unwrap());
        // It is damaged in its place: what follows for a copy would hide what damage does.
        crate::store::sqlite::run(&path, "DELETE FROM place").await;
        for _ in 0..22 {
            call(&store, &campaign, &mut accepted).await;
        }
        // The last commit is a claim whose call the server has seen.
        let last = claimed(&store, &campaign).await;
        accepted.push(last.device);
        let killed = read_all(&path);
        store.close().await.unwrap();
        let closed = read_all(&path);
        assert_eq!((killed.len(), closed.len()), (3, 1));
        Self { killed, closed, campaign, accepted }
    }

    /// The server as it was when the runner was killed.
    async fn server(&self) -> Arc<Server> {
        let script = Script { existing: Existing::Doubled, ..Script::default() };
        let clock = SystemClock::with_offset(0);
        let server = FakeServer::scripted(clock, Behaviour::constant(Duration::ZERO), 1, script);
        for device in &self.accepted {
            let comment = self.campaign.mark().comment(&self.campaign.order.comment);
            let scan_type = self.campaign.order.scan_type;
            server.scan(&ScanOrder { device: *device, scan_type, comment }).await;
        }
        Arc::new(server)
    }
}

async fn claimed(store: &SqliteStore, campaign: &Campaign) -> Claim {
    match store.claim(campaign.id, true).await.unwrap() {
        ClaimAnswer::Call(claim) => claim,
        other => panic!("{other:?}"),
    }
}

/// One call of every kind in turn.
async fn call(store: &SqliteStore, campaign: &Campaign, accepted: &mut Vec<DeviceId>) {
    let claim = claimed(store, campaign).await;
    let (worked, verdict): (bool, Option<Verdict>) = match claim.seq % 6 {
        0 | 1 => (true, Some(store_kit::accepted(store.clock().utc()))),
        2 => (false, Some(Verdict::Rejected(store_kit::refusal(400, "OsPlatformNotSupported")))),
        3 => (true, Some(store_kit::doubtful())),
        4 => (true, None),
        _ if claim.attempt == 1 => (false, Some(store_kit::never_left())),
        _ => (false, Some(store_kit::doubtful())),
    };
    if worked {
        accepted.push(claim.device);
    }
    if let Some(verdict) = verdict {
        store_kit::settle(store, claim.call, verdict).await;
    }
}

/// Damages one of the files, as the seed says; what was done.
fn damage(files: &mut [(&'static str, Vec<u8>)], rng: &mut fastrand::Rng) -> String {
    // The index is made anew by whoever opens the store first; it is damaged less often.
    let file = match files.len() {
        1 => 0,
        _ => [0, 0, 0, 0, 1, 1, 1, 1, 1, 2][rng.usize(0..10)],
    };
    let (ending, bytes) = &mut files[file];
    let at = rng.usize(0..bytes.len());
    let what = match rng.u8(0..10) {
        0..=5 => {
            let bit = 1 << rng.u8(0..8);
            bytes[at] ^= bit;
            format!("bit {bit:#x}")
        }
        6 => {
            bytes[at] = rng.u8(..);
            "a byte".to_owned()
        }
        7 => {
            let end = bytes.len().min(at + rng.usize(1..64));
            bytes[at..end].fill_with(|| rng.u8(..));
            "a few bytes".to_owned()
        }
        8 => {
            let sector = at / 512 * 512;
            bytes[sector..sector + 512].fill(0);
            "a sector of zeros".to_owned()
        }
        _ => {
            bytes.truncate(at);
            "cut off".to_owned()
        }
    };
    format!("store.db{ending} at {at}: {what}")
}

/// How a case ended.
#[derive(Debug)]
enum End {
    /// Nothing was damaged that anybody reads.
    Finished,
    /// Told before any call.
    Refused(String),
    /// Told after calls were made.
    Stopped(String),
    /// The files are those of a store without any campaign; nothing was sent.
    Gone,
}

/// Goes on with the campaign in these files.
async fn go_on(path: &Path, name: &Campaign, server: &Arc<Server>) -> Result<End, StoreError> {
    let store = Arc::new(SqliteStore::open(path, timing(false)).await?);
    let Some(campaign) = store.named(&name.name).await?.pop() else { return Ok(End::Gone) };
    let settings = Settings {
        concurrency: 4,
        quotas: quotas(),
        pace: None,
        timing: timing(false),
        until: None,
        hours: None,
        progress_every: Duration::ZERO,
    };
    let (_stop, stopped) = watch::channel(StopLevel::Run);
    let (events, _watcher) = mpsc::channel(1);
    let id = campaign.id;
    let run = engine::run(store.clone(), server.clone(), campaign, settings, stopped, events);
    let ran = tokio::time::timeout(Duration::from_secs(120), run).await.expect("it is stuck")?;
    assert_eq!(ran.ending, Ending::Finished);
    let rows = store.rows(id, 0, usize::MAX).await?;
    store.close().await?;
    assert_honest(&rows, server);
    Ok(End::Finished)
}

/// Nothing is lost, and the report says what the server did.
fn assert_honest(rows: &[Row], server: &Server) {
    assert_eq!(rows.len() as u64, DEVICES + 2);
    let at_server: BTreeSet<DeviceId> =
        server.ledger(|ledger| ledger.actions.keys().copied().collect());
    for row in rows {
        let accepted = row.life.state == State::Done(Outcome::Accepted);
        assert!(matches!(row.life.state, State::Done(_)), "lost: {row:?}");
        let device = row.device.filter(|_| row.life.attempt > 0);
        let there = device.is_some_and(|device| at_server.contains(&device));
        assert_eq!(there, accepted, "{row:?}");
    }
}

/// What the judge saw after the campaign went on in these files.
struct Judged {
    end: End,
    /// Calls for devices that are not of the list.
    outside: usize,
    /// Devices with two actions of the campaign.
    twice: usize,
}

async fn judge(ground: &Ground, files: &[(&'static str, Vec<u8>)]) -> Judged {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    for (ending, bytes) in files {
        fs::write(beside(&path, ending), bytes).unwrap();
    }
    let server = ground.server().await;
    let before = server.ledger(|ledger| ledger.asked.len());
    let end = go_on(&path, &ground.campaign, &server).await;
    server.ledger(|ledger| {
        let listed: BTreeSet<DeviceId> = (0..DEVICES).map(device).collect();
        let outside = ledger.asked.iter().filter(|id| !listed.contains(id)).count();
        let end = match end {
            Ok(end) => end,
            Err(error) if ledger.asked.len() > before => End::Stopped(error.to_string()),
            Err(error) => End::Refused(error.to_string()),
        };
        Judged { end, outside, twice: ledger.accepted_twice() }
    })
}

/// What a case did, and how it ended.
async fn play(ground: &Ground, seed: u64) -> (String, End) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut files = if rng.u8(0..3) == 0 { ground.closed.clone() } else { ground.killed.clone() };
    let what = damage(&mut files, &mut rng);
    let Judged { end, outside, twice } = judge(ground, &files).await;
    assert_eq!(outside, 0, "{what}: a device that is not of the list was scanned");
    assert_eq!(twice, 0, "{what}: a device was scanned twice");
    if let End::Refused(why) | End::Stopped(why) = &end {
        assert!(!why.contains("panicked"), "{what}: {why}");
    }
    (what, end)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_damaged_no_wrong_device_is_scanned_and_none_twice() {
    let ground = Arc::new(Ground::new().await);
    let one = std::env::var("FLEETSWEEP_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    let many = std::env::var("FLEETSWEEP_SEEDS").ok().and_then(|many| many.parse().ok());
    let seeds = one.map_or(0..many.unwrap_or(CASES), |seed| seed..seed + 1);
    let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
    let mut cases = JoinSet::new();
    let mut waiting = seeds.clone();
    loop {
        while cases.len() < 6
            && let Some(seed) = waiting.next()
        {
            let ground = ground.clone();
            cases.spawn(async move { (seed, Box::pin(play(&ground, seed)).await) });
        }
        let Some(case) = cases.join_next().await else { break };
        let (seed, (what, end)) = case.expect("a case failed; FLEETSWEEP_SEED plays one again");
        if one.is_some() {
            println!("{seed}: {what}: {end:?}");
        }
        let name = match &end {
            End::Finished => "changed nothing that matters",
            End::Refused(_) => "refused before any call",
            End::Stopped(_) => "stopped after calls",
            End::Gone => "no campaign left",
        };
        if let End::Stopped(why) = &end {
            println!("{seed}: {what}: told late: {why}");
        }
        *ends.entry(name).or_default() += 1;
    }
    println!("{} cases: {ends:?}", seeds.end - seeds.start);
    assert_eq!(ends.get("stopped after calls"), None, "a bad file was not noticed in time");
}

/// Changes the closed store as damage would, by a statement, and goes on.
async fn changed(ground: &Ground, sql: &str) -> End {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    fs::write(&path, &ground.closed[0].1).unwrap();
    let options = SqliteConnectOptions::new().filename(&path);
    let mut conn = options.connect().await.unwrap();
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    assert!(done.rows_affected() > 0, "{sql}");
    conn.close().await.unwrap();
    judge(ground, &read_all(&path)).await.end
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_damaged_row_says_is_noticed_before_any_call() {
    let ground = Ground::new().await;
    let queued = "WHERE id = (SELECT max(id) FROM device_row WHERE state = 'queued')";
    let doubtful = "WHERE id = (SELECT max(id) FROM device_row WHERE state = 'doubtful')";
    for (sql, told) in [
        (format!("UPDATE device_row SET device = x'{}' {queued}", "ab".repeat(20)), "row 60"),
        (format!("UPDATE device_row SET tries = 2 {queued}"), "row 60"),
        (format!("UPDATE device_row SET looks = 2 {doubtful}"), "checksum"),
        (format!("UPDATE device_row SET at = at + 9000000000 {doubtful}"), "checksum"),
        (format!("UPDATE device_row SET detail = 'x' {doubtful}"), "cannot be read"),
        (format!("DELETE FROM device_row {doubtful}"), "is gone"),
        ("DELETE FROM device_row WHERE state = 'duplicate'".to_owned(), "do not match its counts"),
        ("UPDATE tally SET rows = rows + 1 WHERE state = 'accepted'".to_owned(), "counts"),
        ("UPDATE budget SET calls = calls - 1 WHERE calls > 0".to_owned(), "instead of"),
        ("UPDATE budget SET not_before = 1 WHERE operation = 'scan'".to_owned(), "budget 1"),
        ("DELETE FROM call WHERE id = 3".to_owned(), "instead of"),
        ("UPDATE campaign SET mark_bits = mark_bits + 1".to_owned(), "campaign 1"),
        ("UPDATE campaign SET scan_budget = read_budget".to_owned(), "campaign 1"),
        ("UPDATE campaign SET comments_changed = 1".to_owned(), "what campaign 1 learnt"),
        ("UPDATE clock SET offset_us = offset_us + 1".to_owned(), "the clock of the store"),
        ("UPDATE clock SET boot_id = 'x'".to_owned(), "the clock of the store"),
        (
            "INSERT INTO place (path, device, inode, sum) VALUES ('p', 1, 1, 1)".to_owned(),
            "the place of the store",
        ),
    ] {
        match changed(&ground, &sql).await {
            End::Refused(why) => assert!(why.contains(told), "{sql}: {why}"),
            other => panic!("{sql}: {other:?}"),
        }
    }
}

/// Negative control: without the index beside it, a log that was cut off passes for a shorter one.
/// The claims in it are forgotten, and the judge sees devices scanned twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_cut_off_is_noticed_and_a_store_that_does_not_look_is_caught() {
    let ground = Ground::new().await;
    let mut files = ground.killed.clone();
    let half = files[1].1.len() / 2;
    files[1].1.truncate(half);
    let noticed = judge(&ground, &files).await;
    assert!(
        matches!(&noticed.end, End::Refused(why) if why.contains("its log ends before a commit")),
        "{:?}",
        noticed.end
    );
    files.truncate(2);
    let blind = judge(&ground, &files).await;
    println!("a store that does not look: {} devices twice, {:?}", blind.twice, blind.end);
    assert!(blind.twice > 0, "the judge would not notice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_from_before_there_were_checksums_gets_them_and_goes_on() {
    let ground = Ground::new().await;
    let first = "ALTER TABLE device_row DROP COLUMN sum; ALTER TABLE budget DROP COLUMN sum; \
                 ALTER TABLE campaign DROP COLUMN sum; ALTER TABLE campaign DROP COLUMN notes_sum; \
                 ALTER TABLE campaign DROP COLUMN quota_sum; \
                 ALTER TABLE clock DROP COLUMN sum; PRAGMA user_version = 0; \
                 ALTER TABLE device_row DROP COLUMN arrives_by; \
                 ALTER TABLE campaign DROP COLUMN last_run; \
                 ALTER TABLE campaign DROP COLUMN last_call_at; \
                 DELETE FROM _sqlx_migrations WHERE version > 1";
    let older = format!("{THIRD_SCHEMA}; {first}");
    let end = changed(&ground, &older).await;
    assert!(matches!(end, End::Finished), "{end:?}");
}
