//! The points at which a run can be disturbed: what an undisturbed run does, sorted into series in
//! which strace can count. strace counts each thread's calls on its own, so all calls of a series
//! must come from one thread; a call that fits no series fails the test.

use std::collections::BTreeMap;
use std::path::Path;

use super::strace::{Injection, Line, OWN, lines, traced};
use super::{Scene, beside};

/// Every call that writes, makes durable, sends, receives, or changes names of files.
const CALLS: &str = "write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync,sendto,sendmsg,\
                     recvfrom,recvmsg,read,readv,ftruncate,fallocate,rename,renameat,renameat2,\
                     unlink,unlinkat";

/// What a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum About {
    /// The database and its side files.
    Store,
    /// The folder that holds the database.
    StoreFolder,
    /// The report under its temporary name.
    Report,
    /// The folder that holds the report.
    ReportFolder,
    /// Standard error, behind a redirection.
    Terminal,
    /// The server.
    Network,
    /// Another thread that waits: nothing outside the process sees it. Any thread may come first.
    WakeUp,
}

/// Calls of one kind that one thread makes.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) about: About,
    pub(crate) call: String,
    pub(crate) count: usize,
    paths: Vec<String>,
}

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) series: Series,
    /// Which, from 1.
    pub(crate) at: usize,
}

impl Point {
    /// What strace is told for it.
    pub(crate) fn inject(&self, effect: &str, and_on: bool, folder: &Path) -> Injection {
        let folder = folder.canonicalize().unwrap();
        let absolute = |path: &String| match path.as_str() {
            OWN | EVENT => path.clone(),
            path => folder.join(path).to_str().unwrap().trim_end_matches('/').to_owned(),
        };
        let when = if and_on { format!("{}+", self.at) } else { self.at.to_string() };
        Injection {
            call: self.series.call.clone(),
            paths: self.series.paths.iter().map(absolute).collect(),
            effect: effect.to_owned(),
            when,
        }
    }

    pub(crate) fn name(&self) -> String {
        let Series { about, call, count, .. } = &self.series;
        format!("{call} {} of {count} on {about:?}", self.at)
    }
}

const EVENT: &str = "anon_inode:[eventfd]";

/// All points of an undisturbed run.
pub(crate) async fn of_a_run() -> Vec<Point> {
    let scene = Scene::new().await;
    let scan = scene.scan();
    let done = beside(move || traced(&scan, CALLS, &[])).await;
    assert_eq!(done.code, Some(0), "{}", done.err);
    scene.judge().unwrap();
    of_a_trace(&done.trace, &scene.place.path("").canonicalize().unwrap())
}

/// All points of a trace, in series.
pub(crate) fn of_a_trace(trace: &str, folder: &Path) -> Vec<Point> {
    let folder = folder.to_str().unwrap().trim_end_matches('/');
    let mut all: BTreeMap<(About, &str, &str), BTreeMap<u32, usize>> = BTreeMap::new();
    let lines = lines(trace);
    for line in lines.iter().filter(|line| !line.resumed) {
        if let Some(about) = about(line, folder) {
            // Whoever closes the database last removes its log, and that need not be its writer.
            let removed = about == About::Store && line.call == "unlink";
            let file = if removed { line.path() } else { "" };
            *all.entry((about, line.call, file)).or_default().entry(line.thread).or_default() += 1;
        }
    }
    let series = all.into_iter().map(|((about, call, file), threads)| {
        assert!(
            threads.len() == 1 || about == About::WakeUp,
            "several threads call {call} on {about:?} ({threads:?}), where strace cannot count"
        );
        let count = threads.into_values().max().unwrap_or(0);
        Series {
            about,
            call: call.to_owned(),
            count,
            paths: if file.is_empty() { paths(about) } else { vec![file.to_owned()] },
        }
    });
    let points = |series: Series| (1..=series.count).map(move |at| (series.clone(), at));
    series.flat_map(points).map(|(series, at)| Point { series, at }).collect()
}

fn about(line: &Line<'_>, folder: &str) -> Option<About> {
    let path = line.path();
    let inside = path.strip_prefix(folder).unwrap_or(path).trim_start_matches("./");
    let inside = inside.trim_start_matches('/');
    let reads = matches!(line.call, "read" | "readv");
    match inside {
        _ if path.starts_with("socket:") => Some(About::Network),
        // Lists, certificates, /proc: nothing is received from anybody.
        _ if reads => None,
        EVENT => Some(About::WakeUp),
        "store" => Some(About::StoreFolder),
        "" => Some(About::ReportFolder),
        "err.txt" => Some(About::Terminal),
        _ if inside.starts_with("store/s.db") => Some(About::Store),
        _ if inside.starts_with(".r.csv.") => Some(About::Report),
        _ => panic!("no series holds this call: {line:?}"),
    }
}

fn paths(about: About) -> Vec<String> {
    let paths: &[&str] = match about {
        About::Store => &["store/s.db", "store/s.db-wal", "store/s.db-shm", "store/s.db-journal"],
        About::StoreFolder => &["store"],
        About::Report => &[OWN],
        About::ReportFolder => &[""],
        About::Terminal => &["err.txt"],
        // Sockets have no names; nothing but sockets is called in these ways.
        About::Network => &[],
        About::WakeUp => &[EVENT],
    };
    paths.iter().map(|path| (*path).to_owned()).collect()
}
