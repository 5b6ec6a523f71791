//! A PostgreSQL server of the test run's own: one for all tests, in a folder that goes with it,
//! with a database for each test. It ends when the test run does, however that ends. No server on
//! this machine is a failure and no reason to skip.

use std::io::{BufRead, BufReader};
#[cfg(unix)]
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use fleetsweep::clock::ManualClock;
use fleetsweep::domain::Timing;
use fleetsweep::store::postgres::{Address, PostgresStore};
use tokio::sync::OnceCell;

use super::child::tool;

/// Makes a server in the folder $2 with the programs in $1 and runs it until standard input ends.
/// Nobody but its own user may run a server, so root becomes that one.
const RUN: &str = r#"set -eu
bin=$1 dir=$2 options=$3
as() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
    else
        "$@"
    fi
}
[ "$(id -u)" != 0 ] || chown postgres "$dir"
cd "$dir"
as "$bin/initdb" -D "$dir/data" -U fleetsweep -A trust -E UTF8 --locale=C.UTF-8 \
    --no-instructions --no-sync >"$dir/made" 2>&1 || { cat "$dir/made"; exit 1; }
as "$bin/pg_ctl" -D "$dir/data" -w -t 600 -s -l "$dir/log" \
    -o "-k $dir -c listen_addresses= -c max_connections=500 $options" start ||
    { cat "$dir/log"; exit 1; }
echo ready
cat >/dev/null
as "$bin/pg_ctl" -D "$dir/data" -s -m immediate stop 2>/dev/null || true
rm -rf "$dir"
"#;

/// A server.
pub(crate) struct Server {
    /// Where its socket and its data are.
    pub(crate) folder: PathBuf,
    runs: Option<Child>,
}

impl Server {
    /// Starts one with these settings.
    pub(crate) fn start(options: &str) -> Self {
        Self::run(folder(), options, tool("sh"))
    }

    /// Starts one whose wall clock can be set: `set_clock`.
    pub(crate) fn with_own_clock() -> Self {
        let folder = folder();
        let mut shell = tool("sh");
        let known: Vec<_> = shell.get_envs().map(|(name, _)| name.to_owned()).collect();
        for name in known.iter().filter(|name| name.to_string_lossy().starts_with("FAKETIME")) {
            shell.env_remove(name);
        }
        shell.env("LD_PRELOAD", faketime()).env("FAKETIME_NO_CACHE", "1");
        shell.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        shell.env("FAKETIME_TIMESTAMP_FILE", folder.join("clock"));
        std::fs::write(folder.join("clock"), "+0").unwrap();
        Self::run(folder, "-c fsync=off", shell)
    }

    /// Sets the wall clock of a server that has its own, to so many seconds ahead of the machine's.
    pub(crate) fn set_clock(&self, ahead_s: i64) {
        std::fs::write(self.folder.join("clock"), format!("{ahead_s:+}")).unwrap();
    }

    fn run(folder: PathBuf, options: &str, mut command: Command) -> Self {
        command.args(["-c", RUN, "sh"]).arg(programs()).arg(&folder).arg(options);
        // A Ctrl-C to the test run is none to the server, which would lose its folder.
        #[cfg(unix)]
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut runs = command.spawn().unwrap();
        let mut told = String::new();
        let mut lines = BufReader::new(runs.stdout.take().unwrap());
        while lines.read_line(&mut told).unwrap() > 0 && !told.ends_with("ready\n") {}
        assert!(told.ends_with("ready\n"), "no PostgreSQL server was started: {told}");
        Self { folder, runs: Some(runs) }
    }

    /// A standby that follows this one until it is told not to.
    pub(crate) fn standby(&self) -> Self {
        let folder = folder();
        let mut own = tool("chown");
        if is_root() {
            assert!(own.arg("postgres").arg(&folder).status().unwrap().success());
        }
        let standby = Self { folder, runs: None };
        // A copy of what was shut down is whole, and not every package of a server has
        // pg_basebackup.
        self.control(&["-m", "fast", "stop"]);
        let primary = self.folder.display();
        let make = format!(
            "cp -R {primary}/data {own}/data && cd {own}/data && touch standby.signal && \
             echo \"primary_conninfo = 'host={primary} user=fleetsweep'\" >>postgresql.auto.conf",
            own = standby.folder.display()
        );
        let mut copy = standby.as_its_user(PathBuf::from("sh"));
        assert!(copy.args(["-c", &make]).status().unwrap().success());
        self.resume();
        standby.resume();
        standby
    }

    /// Takes over.
    pub(crate) fn promote(&self) {
        self.control(&["promote"]);
    }

    /// The URL of a database on it.
    pub(crate) fn url(&self, database: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://fleetsweep@{folder}:5432/{database}")
    }

    /// A connection to a database on it, for what no store does.
    pub(crate) async fn connect(&self, database: &str) -> tokio_postgres::Client {
        let config: tokio_postgres::Config = self.url(database).parse().unwrap();
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// Runs one of PostgreSQL's programs as the server's user.
    pub(crate) fn program(&self, name: &str) -> Command {
        self.as_its_user(programs().join(name))
    }

    /// Runs a program as the server's user, in its folder.
    pub(crate) fn as_its_user(&self, path: PathBuf) -> Command {
        let mut command = if is_root() {
            let mut command = tool("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]);
            command.arg(path);
            command
        } else {
            tool(path)
        };
        command.current_dir(&self.folder);
        command
    }

    /// Ends it at once, as a power cut would, and starts it again.
    pub(crate) fn crash_and_restart(&self) {
        self.stop();
        self.resume();
    }

    /// Ends it at once, as a power cut would.
    pub(crate) fn stop(&self) {
        self.control(&["-m", "immediate", "stop"]);
    }

    /// Starts it again as it was started.
    pub(crate) fn resume(&self) {
        // A standby takes no fewer connections than its primary.
        let folder = self.folder.display();
        let options = format!("-k {folder} -c listen_addresses= -c max_connections=500");
        self.control(&["-o", &options, "start"]);
    }

    fn control(&self, args: &[&str]) {
        let mut command = self.program("pg_ctl");
        let log = self.folder.join("log");
        // A machine that is busy with other tests may take long over either.
        command.arg("-D").arg(self.folder.join("data")).args(["-w", "-t", "600", "-s", "-l"]);
        command.arg(&log).args(args);
        let status = command.status().unwrap();
        let log = || std::fs::read_to_string(&log).unwrap_or_default();
        assert!(status.success(), "{args:?}: {status}\n{}", log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        match self.runs.take() {
            Some(mut runs) => {
                drop(runs.stdin.take());
                runs.wait().ok();
            }
            None => {
                let mut stop = self.program("pg_ctl");
                stop.arg("-D").arg(self.folder.join("data")).args([
                    "-s",
                    "-m",
                    "immediate",
                    "stop",
                ]);
                stop.status().ok();
                std::fs::remove_dir_all(&self.folder).ok();
            }
        }
    }
}

/// A folder whose path is short enough for a socket on every system, whatever TMPDIR is.
fn folder() -> PathBuf {
    tempfile::Builder::new().prefix("fs-pg-").tempdir_in("/tmp").unwrap().keep()
}

/// The library that sets the clock of a program.
fn faketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut all = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    all.find(|library| library.exists()).expect("there is no faketime: apt-get install -y faketime")
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(windows)]
fn is_root() -> bool {
    false
}

/// Where PostgreSQL's programs are: `FLEETSWEEP_TEST_POSTGRES` names the folder of another version.
pub(crate) fn programs() -> PathBuf {
    if let Some(named) = std::env::var_os("FLEETSWEEP_TEST_POSTGRES") {
        return PathBuf::from(named);
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut installed: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    installed.sort();
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let found: Vec<PathBuf> = std::env::split_paths(&on_path).chain(installed).collect();
    let is_one = |folder: &&PathBuf| Path::new(folder).join("initdb").exists();
    let newest = found.iter().rfind(is_one).cloned();
    newest.expect("there is no PostgreSQL server: apt-get install -y postgresql")
}

/// The server of this test run.
pub(crate) fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    // What is on the disk after a power cut is asked elsewhere.
    SERVER.get_or_init(|| Server::start("-c fsync=off -c full_page_writes=off"))
}

/// The URL of a new database on it, with the schema of a store.
pub(crate) async fn database() -> String {
    static MADE: OnceCell<()> = OnceCell::const_new();
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let server = server();
    MADE.get_or_init(async || {
        let client = server.connect("postgres").await;
        client.batch_execute("CREATE DATABASE migrated").await.unwrap();
        open_at(&server.url("migrated"), &ManualClock::default()).await.close().await.unwrap();
    })
    .await;
    let client = server.connect("postgres").await;
    let name = format!("t{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let make = format!("CREATE DATABASE {name} TEMPLATE migrated");
    // Those who made the schema may not be gone yet.
    while let Err(error) = client.batch_execute(&make).await {
        assert_eq!(error.code().map(|code| code.code()), Some("55006"), "{error:?}");
        tokio::task::yield_now().await;
    }
    server.url(&name)
}

/// The store at this URL on a clock of the test's.
pub(crate) async fn open_at(url: &str, clock: &ManualClock) -> PostgresStore<ManualClock> {
    let address = Address::parse(url).unwrap();
    let timing = Timing::default();
    PostgresStore::open_with_clock(address, timing, clock.clone()).await.unwrap()
}
