//! Whole campaigns of the real binary over real HTTP: the main job, faults, interrupts, kills, and
//! two runners at once. Report and ledger must agree row by row.

use std::collections::BTreeMap;
use std::time::Duration;

use fleetsweep::emulator::{Emulator, Ledger, Operation};
use rustix::process::{Pid, Signal, kill_process};

use super::{Place, beside, emulate, flat, json_lines, over_limit, report, run, start, wait};
use crate::kit::child::through;

/// Every accepted row has exactly one action of the campaign at the server, and no other row has
/// one.
pub(crate) fn assert_honest(rows: &[BTreeMap<String, String>], ledger: &Ledger, campaign: &str) {
    assert!(ledger.accepted_twice.is_empty(), "twice: {:?}", ledger.accepted_twice);
    let mark = format!("[fleetsweep {campaign}/");
    let ours = ledger.entries.iter().filter(|entry| {
        entry.accepted && entry.comment.as_deref().is_some_and(|text| text.starts_with(&mark))
    });
    let at_server: BTreeMap<&str, Option<&str>> =
        ours.map(|entry| (entry.device.as_deref().unwrap(), entry.action_id.as_deref())).collect();
    for row in rows {
        let id = row["device_id"].as_str();
        match row["outcome"].as_str() {
            "accepted" => {
                assert_eq!(at_server[id], Some(row["action_id"].as_str()), "{row:?}");
            }
            "unknown" => {}
            _ => assert!(!at_server.contains_key(id), "the server started {row:?}"),
        }
    }
    let accepted = rows.iter().filter(|row| row["outcome"] == "accepted").count();
    let unknown = rows.iter().filter(|row| row["outcome"] == "unknown").count();
    assert!(accepted <= at_server.len() && at_server.len() <= accepted + unknown);
}

pub(crate) fn assert_within_limits(emulator: &Emulator) {
    let ledger = emulator.ledger();
    let mut over = over_limit(&ledger);
    over.retain(|peak| peak.operation != Operation::Token);
    assert!(over.is_empty(), "{over:?}");
}

fn signal(child: &std::process::Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Waits until the server has accepted this many scans.
pub(crate) async fn accepted(emulator: &Emulator, count: u64) {
    for _ in 0..3000 {
        if emulator.ledger().accepted >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the server never accepted {count} scans: {}", emulator.ledger().accepted);
}

#[test]
fn the_main_job_scans_the_portal_export_and_reports_every_row() {
    let place = Place::new();
    let export = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/portal-export-250.csv");
    let args = [
        "scan",
        export,
        "--type=quick",
        "--comment=first try",
        "--emulator",
        "--limit=100/1s",
        "--limit=200/3s",
        "--approve-max=250",
        "--json",
        "--report=r.csv",
        "--report=r.jsonl",
    ];
    let said = run(place.fleetsweep(&args));
    assert_eq!(said.code, 3, "{}", said.err);
    let lines = json_lines(&said.out);
    assert_eq!((&lines[0]["type"], &lines[1]["type"]), (&"plan".into(), &"summary".into()));
    let outcomes = lines[1]["outcomes"].as_object().unwrap();
    let sum: u64 = outcomes.values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(sum, 250, "{outcomes:?}");
    assert_eq!(lines[1]["exit_code"], 3);
    let rows = report(&place.path("r.csv"));
    assert_eq!(rows.len(), 250);
    assert!(rows.iter().all(|row| row["reason"].contains("EMULATED")));
    assert!(said.err.contains("EMULATED"));
    let json = std::fs::read_to_string(place.path("r.jsonl")).unwrap();
    assert_eq!(json_lines(&json).len(), 250);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_faults_report_and_ledger_agree_row_by_row_and_no_429_is_our_fault() {
    let emulator = emulate("faults", &[(100, 60.0), (1500, 3600.0)], 10.0).await;
    let place = Place::new();
    place.list(600);
    let args = [
        "scan",
        "list.txt",
        "--type=full",
        "--comment=test",
        "--approve-max=600",
        "--time-scale=10",
        "--campaign=faulty",
        "--report=r.csv",
    ];
    let command = place.towards(&emulator, &args);
    let mut said = beside(move || run(command)).await;
    // The rule against too many repeats may stop it; a person looks and goes on.
    let mut resumed = 0;
    while matches!(said.code, 4 | 5) && resumed < 5 {
        resumed += 1;
        let args = ["resume", "faulty", "--time-scale=10", "--report=r.csv"];
        let command = place.towards(&emulator, &args);
        said = beside(move || run(command)).await;
    }
    assert_eq!(said.code, 3, "{}", said.err);
    let rows = report(&place.path("r.csv"));
    assert_eq!(rows.len(), 600);
    let ledger = emulator.ledger();
    assert_honest(&rows, &ledger, "faulty");
    assert_eq!(ledger.throttled_by_excess, 0);
    assert_within_limits(&emulator);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_campaign_finishes_its_calls_and_resume_does_the_rest() {
    for sent in [Signal::INT, Signal::TERM, Signal::HUP] {
        stops_and_goes_on(sent).await;
    }
}

async fn stops_and_goes_on(sent: Signal) {
    let emulator = emulate("calm", &[(50, 1.0), (1000, 60.0)], 1.0).await;
    let place = Place::new();
    place.list(200);
    let limits = ["--limit=50/1s", "--limit=1000/60s", "--campaign=stopped", "--report=r.csv"];
    let args = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=200"];
    let command = place.towards(&emulator, &[&args[..], &limits[..]].concat());
    // Whoever runs the tests may have had it ignored, as nohup does.
    let child = start(through("env", &["--default-signal=HUP"], &command));
    accepted(&emulator, 20).await;
    signal(&child, sent);
    let said = beside(move || wait(child)).await;
    assert_eq!(said.code, 5, "{sent:?}: {}", said.err);
    assert!(said.err.contains("fleetsweep resume stopped"), "{}", said.err);
    let rows = report(&place.path("r.csv"));
    assert_eq!(rows.len(), 200);
    assert!(rows.iter().any(|row| row["outcome"] == "open"));
    let status = run(place.fleetsweep(&["status"])).out;
    let status = flat(&status);
    let name = match sent {
        Signal::INT => "SIGINT: Ctrl-C",
        Signal::TERM => "SIGTERM: somebody ended the process",
        _ => "SIGHUP: its terminal was closed",
    };
    assert!(status.contains(&format!("exit code 5, by a signal ({name})")), "{status}");
    assert!(status.starts_with("stopped: stopped, "), "{status}");
    assert!(status.ends_with("fleetsweep resume stopped"), "{status}");
    let done = emulator.ledger().count(Operation::Scan);
    assert!(done < 200, "{done}");
    // As it says: limits and reports are kept.
    let command = place.towards(&emulator, &["resume", "stopped"]);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 3, "{}", said.err);
    assert_honest(&report(&place.path("r.csv")), &emulator.ledger(), "stopped");
    assert_within_limits(&emulator);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_stays_with_its_campaign_until_another_one_is_asked_for() {
    let emulator = emulate("quiet", &[(100, 60.0)], 1.0).await;
    let place = Place::new();
    place.list(10);
    let quotas = |place: &Place| {
        let said = run(place.fleetsweep(&["status", "--json"]));
        json_lines(&said.out)[0]["quota_used"].to_string()
    };
    let scan = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=10"];
    let args = [&scan[..], &["--limit=7/1h", "--max-duration=1s", "--report=r.csv"]].concat();
    let command = place.towards(&emulator, &args);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 5, "{}", said.err);
    assert!(quotas(&place).contains("7/h"), "{}", quotas(&place));
    let command = place.towards(&emulator, &["resume", "--max-duration=1s", "--report=r.csv"]);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 5, "{}", said.err);
    assert!(quotas(&place).contains("7/h"), "{}", quotas(&place));
    let more = ["resume", "--limit=100/1m", "--report=r.csv"];
    let command = place.towards(&emulator, &more);
    let said = beside(move || run(command)).await;
    assert_eq!((said.code, emulator.ledger().accepted), (0, 10), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_nothing_is_lost_and_nothing_is_ordered_twice() {
    let emulator = emulate("calm", &[(50, 1.0), (1000, 60.0)], 1.0).await;
    let place = Place::new();
    place.list(200);
    // The horizon of 65 s becomes 3 s.
    let speed = ["--limit=50/1s", "--limit=1000/60s", "--time-scale=20", "--report=r.csv"];
    let scan = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=200"];
    let name = ["--campaign=killed"];
    let mut kills = 0;
    for until in [10, 30, 60, 90, 120] {
        // The same command with the same name goes on with the same campaign.
        let args = [&scan[..], &name[..], &speed[..]].concat();
        let mut child = start(place.towards(&emulator, &args));
        accepted(&emulator, until).await;
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    let command = place.towards(&emulator, &[&["resume", "killed"], &speed[..]].concat());
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 3, "{} kills: {}", kills, said.err);
    let rows = report(&place.path("r.csv"));
    assert_eq!(rows.len(), 200);
    assert!(rows.iter().all(|row| row["outcome"] != "unknown" && row["outcome"] != "open"));
    assert_honest(&rows, &emulator.ledger(), "killed");
    assert_within_limits(&emulator);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_terminals_on_one_campaign_share_the_work_and_the_limit() {
    let emulator = emulate("calm", &[(50, 1.0), (1000, 60.0)], 1.0).await;
    let place = Place::new();
    place.list(200);
    let args = [
        "scan",
        "list.txt",
        "--type=full",
        "--comment=test",
        "--approve-max=200",
        "--limit=50/1s",
        "--limit=1000/60s",
        "--campaign=shared",
    ];
    let mut first = place.towards(&emulator, &args);
    first.arg("--report=a.csv");
    let first = start(first);
    accepted(&emulator, 5).await;
    let mut second = place.towards(&emulator, &args);
    second.arg("--report=b.csv");
    let second = start(second);
    let (first, second) = beside(move || (wait(first), wait(second))).await;
    assert_eq!((first.code, second.code), (3, 3), "{}\n{}", first.err, second.err);
    let (a, b) = (report(&place.path("a.csv")), report(&place.path("b.csv")));
    assert_eq!(a.len(), 200);
    // The later one may have looked once more how far the scans are.
    let settled = |rows: &[BTreeMap<String, String>]| -> Vec<BTreeMap<String, String>> {
        let mut rows = rows.to_vec();
        rows.iter_mut().for_each(|row| row.retain(|name, _| !name.starts_with("action_status")));
        rows
    };
    assert_eq!(settled(&a), settled(&b), "one campaign, one report");
    assert_honest(&a, &emulator.ledger(), "shared");
    assert_within_limits(&emulator);
}

#[test]
fn a_campaign_name_that_is_taken_is_exit_6_and_says_what_differs() {
    let place = Place::new();
    place.list(5);
    let args = |comment: &'static str| {
        vec![
            "scan",
            "list.txt",
            "--type=quick",
            comment,
            "--emulator",
            "--scenario=quiet",
            "--approve-max=5",
            "--campaign=once",
            "--store=sqlite:store.db",
        ]
    };
    assert_eq!(run(place.fleetsweep(&args("--comment=one"))).code, 0);
    let said = run(place.fleetsweep(&args("--comment=two")));
    assert_eq!(said.code, 6);
    assert!(said.err.contains("`one` there, `two` now"), "{}", said.err);
    let said = run(place.fleetsweep(&args("--comment=one")));
    assert_eq!(said.code, 6);
    assert!(said.err.contains("finished"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_cannot_be_written_at_the_end_hides_no_summary() {
    let emulator = emulate("quiet", &[(50, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(100);
    std::fs::create_dir(place.path("out")).unwrap();
    let args = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=100"];
    let more = ["--limit=50/1s", "--campaign=blind", "--report=out/r.csv", "--json"];
    let child = start(place.towards(&emulator, &[&args[..], &more[..]].concat()));
    accepted(&emulator, 10).await;
    std::fs::remove_dir_all(place.path("out")).unwrap();
    let said = beside(move || wait(child)).await;
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("100  accepted: scan ordered"), "{}", said.err);
    assert!(said.err.contains("run `fleetsweep report blind`"), "{}", said.err);
    assert_eq!(json_lines(&said.out)[1]["exit_code"], 1);
    let said = run(place.fleetsweep(&["report", "blind", "--report=r.csv"]));
    assert_eq!((said.code, report(&place.path("r.csv")).len()), (0, 100), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_names_the_campaign_that_holds_it_and_a_list_is_never_replaced_by_its_report() {
    let emulator = emulate("quiet", &[(100, 60.0)], 1.0).await;
    let place = Place::new();
    place.list(10);
    let scan = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=10"];
    let slow = ["--campaign=slow", "--limit=3/1h", "--max-duration=1s", "--report=r.csv"];
    let command = place.towards(&emulator, &[&scan[..], &slow[..]].concat());
    assert_eq!(beside(move || run(command)).await.code, 5);
    let other = ["--campaign=other", "--max-duration=1s", "--report=o.csv"];
    let command = place.towards(&emulator, &[&scan[..], &other[..]].concat());
    let said = beside(move || run(command)).await;
    assert!(said.err.contains("the open campaign slow keeps 3/h"), "{}", said.err);
    let again = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=2"];
    let command = place.towards(&emulator, &[&again[..], &slow[..]].concat());
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 6, "{}", said.err);
    assert!(said.err.contains("more than --approve-max 2"), "{}", said.err);
    std::fs::copy(place.path("list.txt"), place.path("list.csv")).unwrap();
    let over = ["scan", "list.csv", "--type=full", "--comment=x", "--report=./list.csv", "--force"];
    let said = run(place.fleetsweep(&[&over[..], &["--emulator"]].concat()));
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("the report would replace the list"), "{}", said.err);
}
