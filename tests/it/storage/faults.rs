//! A store that cannot be written or that is somebody else's, under the real binary: a full disk, a
//! folder and a file that may not be written, a lock that another process keeps, a newer version's,
//! a foreign and a damaged file. Each is told before any call, with how far the campaign is and the
//! command that goes on. The small disk is a tmpfs where one may be mounted, and else a limit on
//! the size of files.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use fleetsweep::emulator::{Emulator, Operation};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::cli::campaigns::{accepted, assert_honest, assert_within_limits};
use crate::kit::child::{through, tool};
use crate::kit::program::{Place, Said, beside, emulate, report, run, start, wait};

const LIMITS: [&str; 2] = ["--limit=50/1s", "--limit=1000/60s"];

const DEVICES: u64 = 200;

async fn server() -> Emulator {
    emulate("calm", &[(50, 1.0), (1_000, 60.0)], 1.0).await
}

fn calls(emulator: &Emulator) -> usize {
    emulator.ledger().count(Operation::Scan)
}

/// The command that begins the campaign, or goes on with it.
fn command(place: &Place, emulator: &Emulator, begin: bool, store: &str) -> Command {
    let scan = ["scan", "list.txt", "--type=full", "--comment=test", "--campaign=half"];
    let approve = format!("--approve-max={DEVICES}");
    let what = if begin { [&scan[..], &[&approve]].concat() } else { vec!["resume", "half"] };
    let mut command = place.towards(emulator, &what);
    // The horizon of 65 s becomes 3 s.
    command.args(LIMITS).args(["--report=r.csv", "--time-scale=20"]);
    command.arg(format!("--store=sqlite:{store}"));
    command
}

async fn go(command: Command) -> Said {
    beside(move || run(command)).await
}

/// A campaign of which some devices are done, in `folder/store.db`, and its emulator.
async fn half_way(place: &Place) -> Emulator {
    let emulator = server().await;
    place.list(DEVICES);
    let child = start(command(place, &emulator, true, "folder/store.db"));
    accepted(&emulator, 20).await;
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let said = beside(move || wait(child)).await;
    assert_eq!(said.code, 5, "{}", said.err);
    emulator
}

/// Goes on when the fault is mended: everything is done once, and told as it was.
async fn assert_goes_on(place: &Place, emulator: &Emulator, store: &str) {
    let said = go(command(place, emulator, false, store)).await;
    assert_eq!(said.code, 3, "{}", said.err);
    let rows = report(&place.path("r.csv"));
    assert_eq!(rows.len() as u64, DEVICES);
    assert!(rows.iter().all(|row| row["outcome"] != "open"), "lost");
    assert_honest(&rows, &emulator.ledger(), "half");
    assert_within_limits(emulator);
}

/// A fault of the store: exit 1, the cause, and the command that goes on; and no call.
async fn assert_told(said: &Said, emulator: &Emulator, before: usize, why: &str) {
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains(why), "{}", said.err);
    assert!(said.err.contains("fleetsweep resume half"), "{}", said.err);
    assert_eq!(calls(emulator), before, "a call was made: {}", said.err);
}

/// A file system of a megabyte, gone with this value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mounted(at: &Path) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=1m", "none"];
        let done = tool("mount").args(mount).arg(at).output().ok()?;
        done.status.success().then(|| Self(at.to_owned()))
    }

    fn grow(&self) {
        let mut mount = tool("mount");
        assert!(mount.args(["-o", "remount,size=100m"]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        tool("umount").arg(&self.0).status().ok();
    }
}

/// The same command where no file may grow beyond a size.
fn limited(command: &Command) -> Command {
    // Blocks are of 512 bytes in dash and of 1,024 in bash: half a megabyte or a whole one.
    through("sh", &["-c", "trap '' XFSZ; ulimit -f 1024; exec \"$0\" \"$@\""], command)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_waited_for_then_stops_the_campaign_and_more_space_goes_on_with_it() {
    let place = Place::new();
    match SmallDisk::mounted(&place.path("disk")) {
        Some(disk) => full(place, Some(disk)).await,
        None => println!("no tmpfs may be mounted here: a limit on files alone is played"),
    }
    full(Place::new(), None).await;
}

async fn full(place: Place, disk: Option<SmallDisk>) {
    let emulator = server().await;
    place.list(DEVICES);
    let mut first = command(&place, &emulator, true, "disk/store.db");
    first.arg("--max-wait=2s");
    let first = if disk.is_some() { first } else { limited(&first) };
    let said = go(first).await;
    assert_eq!(said.code, 1, "{}", said.err);
    let told = ["the disk is full", "the disk failed"].iter().any(|why| said.err.contains(why));
    let count = |text: &str| said.err.matches(text).count();
    // A write that needs no more room, as where the log begins anew, passes; the next does not.
    let (away, back) =
        (count("The store cannot be written: "), count("The store can be written again"));
    assert_eq!(away, back + 1, "{}", said.err);
    assert_eq!(count("::writer"), 0, "the fault is told, not logged as well: {}", said.err);
    assert!(told && said.err.contains("of 200 devices are done"), "{}", said.err);
    assert!(said.err.contains("fleetsweep resume half"), "{}", said.err);
    assert!((1..DEVICES as usize).contains(&calls(&emulator)), "{}", said.err);
    println!("{}", said.err.lines().filter(|line| line.contains("error:")).collect::<String>());
    if let Some(disk) = &disk {
        disk.grow();
    }
    assert_goes_on(&place, &emulator, "disk/store.db").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_for_a_while_ends_no_run_and_loses_no_answer() {
    let place = Place::new();
    let Some(disk) = SmallDisk::mounted(&place.path("disk")) else {
        return println!("no tmpfs may be mounted here: played with a store that is locked alone");
    };
    let emulator = server().await;
    place.list(DEVICES);
    let child = start(command(&place, &emulator, true, "disk/store.db"));
    accepted(&emulator, 1).await;
    let before = loop {
        let calls = calls(&emulator);
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        if self::calls(&emulator) == calls {
            break calls;
        }
    };
    assert!(before < DEVICES as usize, "the disk was large enough");
    disk.grow();
    let said = beside(move || wait(child)).await;
    assert_waited(&place, &emulator, &said, "the disk is full").await;
}

/// A run that waited for its store has done everything once, and told of it once.
async fn assert_waited(place: &Place, emulator: &Emulator, said: &Said, cause: &str) {
    assert_eq!(said.code, 3, "{}", said.err);
    let told = |text: &str| said.err.matches(text).count();
    let away = format!("The store cannot be written: {cause}; waiting, nothing more is ordered");
    assert_eq!((told(&away), told("The store can be written again")), (1, 1), "{}", said.err);
    let rows = report(&place.path("r.csv"));
    assert_honest(&rows, &emulator.ledger(), "half");
    assert!(rows.iter().all(|row| row["outcome"] != "open"), "lost");
    assert_within_limits(emulator);
}

/// The same command without the rights of root over files.
pub(crate) fn without_rights(command: &Command) -> Command {
    if rustix::process::geteuid().is_root() {
        through("setpriv", &["--bounding-set=-dac_override,-dac_read_search", "--"], command)
    } else {
        through("env", &[], command)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_or_a_file_that_may_not_be_written_is_told_before_any_call() {
    let place = Place::new();
    let emulator = half_way(&place).await;
    let before = calls(&emulator);
    let mode = |name: &str, mode| {
        fs::set_permissions(place.path(name), Permissions::from_mode(mode)).unwrap();
    };
    let again = || without_rights(&command(&place, &emulator, false, "folder/store.db"));
    mode("folder", 0o500);
    assert_told(&go(again()).await, &emulator, before, "may not be written").await;
    mode("folder", 0o700);
    mode("folder/store.db", 0o400);
    let said = go(again()).await;
    assert_told(&said, &emulator, before, "the store may not be written").await;
    assert!(said.err.contains("of 200 devices are done"), "{}", said.err);
    mode("folder/store.db", 0o600);
    assert_goes_on(&place, &emulator, "folder/store.db").await;
}

async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

async fn change(path: &Path, sql: &str) {
    let mut conn = raw(path).await;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_another_process_holds_is_waited_for_and_then_told() {
    let place = Place::new();
    let emulator = half_way(&place).await;
    let before = calls(&emulator);
    let mut holder = raw(&place.path("folder/store.db")).await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut holder).await.unwrap();
    let said = go(command(&place, &emulator, false, "folder/store.db")).await;
    assert_told(&said, &emulator, before, "another process holds the store").await;
    assert!(said.err.contains("of 200 devices are done"), "{}", said.err);
    holder.close().await.unwrap();
    assert_goes_on(&place, &emulator, "folder/store.db").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_outlasts_every_time_out_in_the_middle_of_a_run_loses_no_answer() {
    let place = Place::new();
    let emulator = half_way(&place).await;
    let child = start(command(&place, &emulator, false, "folder/store.db"));
    accepted(&emulator, 60).await;
    let mut holder = raw(&place.path("folder/store.db")).await;
    sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut holder).await.unwrap();
    // Longer than SQLite and the writer wait, also for a write that stands behind another one.
    tokio::time::sleep(std::time::Duration::from_secs(24)).await;
    assert!(calls(&emulator) < DEVICES as usize, "it went on without its store");
    holder.close().await.unwrap();
    let said = beside(move || wait(child)).await;
    assert_waited(&place, &emulator, &said, "another program holds it").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_a_newer_and_a_foreign_store_are_told_before_any_call() {
    let place = Place::new();
    let emulator = half_way(&place).await;
    let before = calls(&emulator);
    let path = place.path("folder/store.db");
    let whole = fs::read(&path).unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
                 execution_time) VALUES (9999, 'later', 1, x'00', 0)";
    let row = "UPDATE device_row SET device = randomblob(20) WHERE state = 'queued'";
    let index = "PRAGMA writable_schema = ON; DELETE FROM sqlite_master WHERE name = 'row_ready'";
    let foreign = "PRAGMA application_id = 7";
    for (sql, why, counted) in [
        (row, "does not match its checksum", true),
        (index, "is damaged", true),
        (newer, "newer version", false),
        (foreign, "is not a store of fleetsweep", false),
    ] {
        change(&path, sql).await;
        let said = go(command(&place, &emulator, false, "folder/store.db")).await;
        assert_told(&said, &emulator, before, why).await;
        assert_eq!(said.err.contains("of 200 devices are done"), counted, "{}", said.err);
        fs::write(&path, &whole).unwrap();
    }
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let said = go(command(&place, &emulator, false, "folder/store.db")).await;
    assert_told(&said, &emulator, before, "damaged").await;
    fs::write(&path, &whole).unwrap();
    assert_goes_on(&place, &emulator, "folder/store.db").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resume_after_a_kill_says_until_when_it_waits_for_the_calls_in_flight() {
    let place = Place::new();
    // Answers take long, so that calls are in flight at the kill.
    let emulator = server().await;
    place.list(DEVICES);
    let mut child = start(command(&place, &emulator, true, "folder/store.db"));
    accepted(&emulator, 20).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let path = place.path("folder/store.db");
    let mut conn = raw(&path).await;
    let claimed = "SELECT count(*) FROM device_row WHERE state = 'claimed'";
    let claimed: u64 = sqlx::query_scalar(claimed).fetch_one(&mut conn).await.unwrap();
    drop(conn);
    let said = go(command(&place, &emulator, false, "folder/store.db")).await;
    assert_eq!(said.code, 3, "{}", said.err);
    let line = said.err.lines().find(|line| line.contains("runner is gone"));
    match claimed {
        0 => assert_eq!(line, None),
        1 => assert!(line.is_some_and(|line| line.starts_with("1 call ")), "{}", said.err),
        some => {
            let line = line.expect("it says that it waits");
            assert!(line.starts_with(&format!("{some} calls ")), "{line}");
            assert!(line.contains("UTC (") && line.contains(" s at most)"), "{line}");
        }
    }
    println!("{claimed} in flight: {line:?}");
    assert_honest(&report(&place.path("r.csv")), &emulator.ledger(), "half");
}
