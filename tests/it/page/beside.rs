//! A page that somebody looks at beside a run: it writes nothing, and takes no lock that a run
//! would wait for. Seen by the system calls of the real program, since the clock says nothing on a
//! busy machine.

use std::process::Command;

use super::kit::{Page, STORE, campaign};
use crate::crash::strace::{Line, lines};
use crate::kit::child::through;
use crate::kit::program::{Place, emulate, run, start, until};

/// What changes a file, or says that it is on the disk.
const WRITES: &str = "pwrite64,pwritev,write,writev,ftruncate,fallocate,fsync,fdatasync,unlink,\
                      rename,renameat,renameat2,unlinkat";

/// The bytes of a log's index that a writer and whoever writes the log back lock ("Locking bytes"
/// of sqlite.org/walformat.html).
const WRITER_LOCKS: [&str; 2] = ["l_start=120,", "l_start=121,"];

const PAGES: [&str; 6] =
    ["/", "/c/2/c", "/c/1/night-1/devices?q=a", "/nights", "/limits", "/tenants"];

/// The page under strace, which lets go of it: the process that is started is the page itself.
fn traced(serve: &Command) -> Command {
    let calls = format!("trace={WRITES},openat,fcntl");
    through("strace", &["-D", "-f", "-y", "-o", "trace.txt", "-e", &calls, "--"], serve)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_beside_a_run_writes_nothing_and_takes_no_lock_that_the_run_waits_for() {
    let place = Place::new();
    campaign(&place, "night-1");
    place.list(600);
    let emulator = emulate("quiet", &[(100, 1.0)], 1.0).await;
    let scan = ["scan", "list.txt", "--type=quick", "--comment=x", "--approve-max=600"];
    let scan = [&scan[..], &["--campaign=c", "--limit=10/1s", STORE]].concat();
    let mut run_of_it = start(place.towards(&emulator, &scan));
    let status = || run(place.fleetsweep(&["status", "c", STORE])).out;
    until("it orders", async || status().contains("running")).await;
    let page = Page::by(traced(&place.fleetsweep(&["serve", "--listen=127.0.0.1:0", STORE]))).await;
    for path in [PAGES, PAGES].concat() {
        assert_eq!(page.get(path).await.status, 200, "{path}");
    }
    drop(page);
    assert!(status().contains("running"), "it was looked at while it ran");
    run_of_it.kill().unwrap();
    run_of_it.wait().unwrap();
    let whole = || std::fs::read_to_string(place.path("trace.txt")).unwrap_or_default();
    until("the trace is whole", async || whole().contains("+++ killed by SIGKILL +++")).await;
    let trace = whole();
    let of_store = |line: &&Line<'_>| line.args.contains("page.db");
    let all: Vec<Line<'_>> = lines(&trace);
    let of_store: Vec<&Line<'_>> = all.iter().filter(of_store).collect();
    let locks = of_store.iter().filter(|line| line.call == "fcntl").count();
    assert!(locks > 2 * PAGES.len(), "it was looked at: {locks}");
    for line in of_store {
        match line.call {
            // SQLite opens a log and its index so for readers too; the index is memory that all
            // share, in which readers note what they read.
            "openat" if line.args.contains("page.db-") => {}
            "openat" => assert!(line.args.contains("O_RDONLY"), "{line:?}"),
            "fcntl" => {
                let is_writers = WRITER_LOCKS.iter().any(|lock| line.args.contains(lock));
                assert!(!(is_writers && line.args.contains("F_WRLCK")), "{line:?}");
            }
            _ => panic!("it writes: {line:?}"),
        }
    }
}
