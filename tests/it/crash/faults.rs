//! A disk that is full or fails, at each write and fsync of a run of three devices, once and from
//! then on. The run stops before the next order and says so, or goes on where the fault did no
//! harm; when the disk is well again the campaign ends with nothing lost and nothing ordered
//! twice.

use super::points::{About, Point, of_a_run};
use super::strace::{Traced, injected, lines};
use super::{Scene, all, beside, each};

/// A fault, and whether it stays.
#[derive(Clone, Copy, Debug)]
struct Fault {
    error: &'static str,
    stays: bool,
}

const FAULTS: [Fault; 4] = [
    Fault { error: "ENOSPC", stays: false },
    Fault { error: "ENOSPC", stays: true },
    Fault { error: "EIO", stays: false },
    Fault { error: "EIO", stays: true },
];

/// What the run that met the fault must have said and done.
fn judge_failed(traced: &Traced, point: &Point) -> Result<(), String> {
    if traced.killed {
        return Err("it was killed".to_owned());
    }
    let code = traced.code.unwrap_or(-1);
    if point.series.about == About::Terminal {
        // What cannot be shown is missed, and the campaign goes on.
        return if code == 0 { Ok(()) } else { Err(format!("exit {code}: {}", traced.err)) };
    }
    let clear = ["error: ", "  why: ", " next: "].iter().all(|part| traced.err.contains(part));
    match code {
        0 => Ok(()),
        1 if clear => Ok(()),
        _ => Err(format!("exit {code}: {}", traced.err)),
    }
}

/// After a failed fsync of the store nothing of it is synced again: the kernel has marked the pages
/// clean, and a second one would report a success that never was.
fn no_second_fsync(traced: &Traced, point: &Point) -> Result<(), String> {
    let is_sync = matches!(point.series.call.as_str(), "fsync" | "fdatasync");
    if !is_sync || point.series.about != About::Store {
        return Ok(());
    }
    let all = lines(&traced.trace);
    let Some(failed) = all.iter().position(|line| injected_at(line.result)) else { return Ok(()) };
    let path = all[failed].path();
    // While the file is being made there is nothing in it, and undoing that syncs it as empty.
    if !all[..failed].iter().any(|line| line.path().ends_with("-wal")) {
        return Ok(());
    }
    let again = all[failed + 1..]
        .iter()
        .find(|line| line.call == all[failed].call && line.path() == path && !line.resumed);
    again.map_or(Ok(()), |line| Err(format!("synced again after a failed sync: {line:?}")))
}

fn injected_at(result: Option<&str>) -> bool {
    result.is_some_and(|result| result.contains("INJECTED"))
}

/// Plays a fault at a point; whether it happened, and what is wrong.
async fn failed_once((point, fault): (Point, Fault)) -> (bool, Option<String>) {
    let scene = Scene::new().await;
    let effect = format!("error={}", fault.error);
    let injection = point.inject(&effect, fault.stays, &scene.place.path(""));
    let mut scan = scene.scan();
    // A disk that is full is waited for.
    scan.arg("--max-wait=2s");
    let met = beside(move || injected(&scan, &injection, ",pwrite64")).await;
    let happened = met.trace.contains("(INJECTED)");
    let judged = match judge_failed(&met, &point).and_then(|()| no_second_fsync(&met, &point)) {
        Ok(()) => match scene.journal_holds_every_call().await {
            Ok(()) => beside(move || scene.finish(false).and_then(|()| scene.judge())).await,
            wrong => wrong,
        },
        wrong => wrong,
    };
    let name = format!("{fault:?} at {}", point.name());
    (happened, judged.err().map(|why| format!("{name}: {why}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_or_failing_disk_at_any_write_or_fsync_stops_clearly_and_loses_nothing() {
    let points = of_a_run().await;
    let of_disk = |point: &&Point| {
        let about = point.series.about;
        matches!(about, About::Store | About::StoreFolder | About::Report | About::ReportFolder)
            || about == About::Terminal
    };
    let writes = |point: &&Point| !point.series.call.starts_with("unlink");
    let asked: Vec<(Point, Fault)> = points
        .iter()
        .filter(of_disk)
        .filter(writes)
        .enumerate()
        .flat_map(|(at, point)| {
            // One of the four at each second point, so that all of them are met in each series.
            let these = FAULTS
                .iter()
                .enumerate()
                .filter(move |(kind, _)| all() || (at % 2 == 0 && at / 2 % FAULTS.len() == *kind));
            these.map(|(_, fault)| (point.clone(), *fault))
        })
        .collect();
    let count = asked.len();
    let done = each(asked, failed_once).await;
    let happened = done.iter().filter(|(happened, _)| *happened).count();
    let wrong: Vec<String> = done.into_iter().filter_map(|(_, why)| why).collect();
    println!("{happened} faults in {count} runs, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(happened * 20 >= count * 19, "only {happened} of {count} happened");
}
