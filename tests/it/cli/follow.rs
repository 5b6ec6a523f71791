//! `follow`: ordered scans are looked at until they have ended, by one list for all of them.

use std::io::{BufRead, BufReader};

use fleetsweep::emulator::{self, Config, Emulator, Limit, Operation, Scenario};
use rustix::process::{Pid, Signal, kill_process};

use super::{Place, beside, emulate, json_lines, report, run, start, wait};

const SCAN: [&str; 5] = ["scan", "list.txt", "--type=full", "--comment=test", "--no-check"];

/// An emulator whose limits are wide and whose hour takes seconds; some scans fail.
async fn hasty(failed: &str, pending_s: u32) -> Emulator {
    let text = format!("[actions]\npending_s = {pending_s}.0\n{failed}\n");
    let limits = vec![Limit { calls: 100_000, window: std::time::Duration::from_secs(1) }];
    let scenario = Scenario::from_toml(&text).unwrap();
    let config = Config { scenario, limits, speed: 400.0, seed: 7, ..Config::default() };
    emulator::start(config, "127.0.0.1:0".parse().unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ordered_scans_are_followed_to_their_end_in_one_call_a_look() {
    // What takes an hour there takes seconds here.
    let emulator = emulate("quiet", &[(1_000, 1.0)], 400.0).await;
    let place = Place::new();
    place.list(300);
    let args = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=300"];
    let more = ["--campaign=c", "--limit=1000/1s", "--report=r.csv", "--no-check"];
    let command = place.towards(&emulator, &[&args[..], &more[..]].concat());
    let said = beside(move || run(command)).await;
    assert!([0, 3].contains(&said.code), "{}", said.err);
    let accepted = emulator.ledger().accepted;
    let before = emulator.ledger().count(Operation::Read);
    let command = place.towards(&emulator, &["follow", "c", "--every=1s", "--json"]);
    let said = beside(move || run(command)).await;
    assert!([0, 3].contains(&said.code), "{}{}", said.out, said.err);
    let looks = json_lines(&said.out);
    let calls = emulator.ledger().count(Operation::Read) - before;
    println!("{accepted} scans followed to their end in {} looks, {calls} calls", looks.len());
    assert!(looks.len() >= 2 && calls <= looks.len(), "{calls} calls: {}", said.out);
    let last = looks.last().unwrap();
    assert_eq!(last["open"], 0);
    let told: u64 = last["actions"].as_object().unwrap().values().filter_map(|n| n.as_u64()).sum();
    assert_eq!(told, accepted);
    // The report is the one of the campaign, and holds what was seen last.
    let rows = report(&place.path("r.csv"));
    let ended = ["Succeeded", "Failed", "TimeOut", "Cancelled"];
    for row in rows.iter().filter(|row| row["outcome"] == "accepted") {
        assert!(ended.contains(&row["action_status"].as_str()), "{row:?}");
        assert!(!row["action_status_at"].is_empty(), "{row:?}");
    }
    let bad = rows.iter().filter(|row| ["Failed", "TimeOut"].contains(&&*row["action_status"]));
    let bad = bad.count();
    assert_eq!(said.code, if bad > 0 { 3 } else { 0 });
    // Which they are and what to do about them is told here.
    let told = format!("{bad} scans failed, timed out or were cancelled on their devices");
    assert_eq!(super::flat(&said.err).contains(&told), bad > 1, "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scans_that_fail_on_their_devices_are_told_where_one_looks_and_ordered_again() {
    let emulator = hasty("failed_share = 0.5", 40).await;
    let place = Place::new();
    place.list(40);
    let more = ["--approve-max=40", "--campaign=c", "--limit=1000/1s", "--report=r.csv"];
    let command = place.towards(&emulator, &[&SCAN[..], &more].concat());
    let said = beside(move || run(command)).await;
    assert!([0, 3].contains(&said.code), "{}", said.err);
    let command = place.towards(&emulator, &["follow", "c", "--every=1s"]);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 3, "{}", said.err);
    let told = super::flat(&said.err);
    assert!(told.contains(" scans failed, timed out or were cancelled on their devices"), "{told}");
    assert!(told.contains("r.csv tells which"), "{told}");
    assert!(told.contains("`fleetsweep retry c --outcome scan_failed`"), "{told}");
    let rows = report(&place.path("r.csv"));
    let failed = rows.iter().filter(|row| ["Failed", "TimeOut"].contains(&&*row["action_status"]));
    let failed: Vec<String> = failed.map(|row| row["device_id"].clone()).collect();
    let command = place.towards(&emulator, &["status", "c", "--json"]);
    let said = beside(move || run(command)).await;
    assert_eq!(json_lines(&said.out)[0]["scans_failed"], failed.len());
    let command = place.towards(&emulator, &["status", "c"]);
    let said = super::flat(&beside(move || run(command)).await.out);
    let attention = format!("{} rows need attention.", failed.len());
    assert!(said.contains(&attention), "{said}");
    assert!(!said.contains("Nothing is left to order"), "{said}");
    assert!(said.contains("on their devices: again: `fleetsweep retry c --outcome"), "{said}");
    // Who names another outcome does not mean them, and is told of them.
    let command = place.towards(&emulator, &["retry", "c", "--outcome=failed", "--approve-max=40"]);
    let said = beside(move || run(command)).await;
    let hint = format!("{} devices with --outcome scan_failed", failed.len());
    assert!(super::flat(&said.err).contains(&hint), "{}", said.err);
    let command = place.towards(&emulator, &["retry", "c", "--outcome=scan-failed", "--dry-run"]);
    let said = beside(move || run(command)).await;
    let told = format!("To be ordered again from c: {} whose scan failed", failed.len());
    assert!(super::flat(&said.err).contains(&told), "{}", said.err);
    let again = ["retry", "c", "--approve-max=40", "--report=again.csv"];
    let command = place.towards(&emulator, &again);
    let said = beside(move || run(command)).await;
    assert!(super::flat(&said.err).contains(&told), "{}", said.err);
    let again = report(&place.path("again.csv"));
    let again: Vec<String> = again.iter().map(|row| row["device_id"].clone()).collect();
    assert_eq!(again, failed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_follows_a_campaign_that_is_half_ordered_is_told_of_the_rest() {
    let emulator = hasty("", 2).await;
    let place = Place::new();
    place.list(8);
    let more = ["--approve-max=8", "--campaign=c", "--limit=5/20s", "--max-duration=2s"];
    let command = place.towards(&emulator, &[&SCAN[..], &more].concat());
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 5, "{}", said.err);
    let command = place.towards(&emulator, &["follow", "c", "--every=1s"]);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 5, "{}", said.err);
    let told = super::flat(&said.err);
    assert!(told.contains("Open still in c: ") && told.contains("if nobody runs it"), "{told}");
    assert!(told.contains("`fleetsweep resume c"), "{told}");
}

#[test]
fn a_rehearsal_is_neither_followed_nor_ordered_again_in_a_tenant() {
    let place = Place::new();
    place.list(3);
    let more = ["--approve-max=3", "--campaign=c", "--emulator", "--store=sqlite:r.db"];
    let scan = [&SCAN[..4], &more].concat();
    assert!([0, 3].contains(&run(place.fleetsweep(&scan)).code));
    for (command, code) in [("retry", 6), ("follow", 2)] {
        let said = run(place.fleetsweep(&[command, "c", "--store=sqlite:r.db"]));
        let told = super::flat(&said.err);
        assert_eq!(said.code, code, "{command}: {told}");
        assert!(told.contains("campaign c ran against the emulator"), "{command}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn following_ends_with_its_time_and_needs_the_right_to_read() {
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(5);
    let args = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=5"];
    let more = ["--campaign=c", "--limit=1000/1s", "--report=r.csv", "--no-check"];
    let command = place.towards(&emulator, &[&args[..], &more[..]].concat());
    beside(move || run(command)).await;
    let command = place.towards(&emulator, &["follow", "--every=1s", "--follow-for=2s"]);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 5, "{}{}", said.out, said.err);
    assert!(said.err.contains("Looking every 1 s"), "{}", said.err);
    assert!(said.out.contains("Pending") || said.out.contains("InProgress"), "{}", said.out);
    let emulator = emulate("scan_only", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(5);
    let command = place.towards(&emulator, &[&args[..], &more[..]].concat());
    let said = beside(move || run(command)).await;
    assert!([0, 3].contains(&said.code), "{}", said.err);
    let command = place.towards(&emulator, &["follow"]);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 7, "{}", said.err);
    assert!(said.err.contains("Machine.Read.All"), "{}", said.err);
}

/// A campaign of this many devices, run and followed by one command: what it said, and how many
/// calls to the list it took.
async fn scan_and_follow(place: &Place, emulator: &Emulator, devices: u64) -> (super::Said, usize) {
    place.list(devices);
    let most = format!("--approve-max={devices}");
    let more = ["--campaign=c", "--limit=100000/1s", "--report=r.csv", "--follow", "--json", &most];
    let looks = ["--limit=10000000/1h", "--follow-every=2s", "--concurrency=64"];
    let command = place.towards(emulator, &[&SCAN[..], &more[..], &looks].concat());
    let said = beside(move || run(command)).await;
    (said, emulator.ledger().count(Operation::Read))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_that_follows_ends_with_its_last_scan_and_sums_them_up() {
    let emulator = hasty("failed_share = 0.1", 400).await;
    let place = Place::new();
    let (said, calls) = scan_and_follow(&place, &emulator, 300).await;
    let lines = json_lines(&said.out);
    let kinds: Vec<&str> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    let looks = kinds.iter().filter(|kind| **kind == "follow").count();
    assert_eq!((kinds[0], kinds[kinds.len() - 1]), ("plan", "summary"), "{kinds:?}");
    assert!(looks >= 2 && calls <= looks, "{calls} calls in {looks} looks");
    let summary = lines.last().unwrap();
    assert_eq!(summary["outcomes"]["accepted"], 300, "{}", said.err);
    let failed = summary["actions"]["Failed"].as_u64().unwrap();
    assert_eq!(summary["actions"]["Succeeded"], 300 - failed);
    // As `follow` itself: a scan that failed is exit code 3, though its order was accepted.
    assert_eq!((said.code, &summary["exit_code"]), (3, &3.into()), "{}", said.err);
    assert!(failed > 0 && said.err.contains("but some scans failed"), "{}", said.err);
    // Whatever ended badly is counted apart from what ended.
    let ends = format!("0 waiting, 0 running, {} ended, {failed} failed", 300 - failed);
    assert!(said.err.contains(&ends), "{}", said.err);
    let rows = report(&place.path("r.csv"));
    let shown = rows.iter().filter(|row| row["action_status"] == "Failed").count();
    assert_eq!(shown as u64, failed);
    super::campaigns::assert_honest(&rows, &emulator.ledger(), "c");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_while_following_ends_that_alone_and_the_campaign_keeps_its_exit_code() {
    let emulator = hasty("", 400_000).await;
    let place = Place::new();
    place.list(20);
    let more = ["--campaign=c", "--limit=100000/1s", "--report=r.csv", "--follow", "--json"];
    let more = [&more[..], &["--approve-max=20"]].concat();
    let mut child = start(place.towards(&emulator, &[&SCAN[..], &more[..]].concat()));
    let (child, told) = beside(move || {
        let mut told = String::new();
        let mut lines = BufReader::new(child.stderr.as_mut().unwrap());
        while !told.contains("20 Pending") {
            assert!(lines.read_line(&mut told).unwrap() > 0, "{told}");
        }
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        (child, told)
    })
    .await;
    assert!(told.contains("Following the ordered scans"), "{told}");
    let said = beside(move || wait(child)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("`fleetsweep follow c` looks again"), "{}", said.err);
    assert!(said.err.contains("20 waiting, 0 running, 0 ended"), "{}", said.err);
    assert_eq!(json_lines(&said.out).last().unwrap()["type"], "summary");
    let rows = report(&place.path("r.csv"));
    assert!(rows.iter().all(|row| row["action_status"] == "Pending"));
    let status = run(place.fleetsweep(&["status", "--json"]));
    assert_eq!(json_lines(&status.out)[0]["state"], "finished");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scans_that_cannot_be_followed_are_told_and_change_no_exit_code() {
    let emulator = emulate("scan_only", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    let (said, calls) = scan_and_follow(&place, &emulator, 5).await;
    assert_eq!((said.code, calls), (0, 0), "{}", said.err);
    assert!(said.err.contains("Warning: the scans are not followed"), "{}", said.err);
    assert!(said.err.contains("Machine.Read.All"), "{}", said.err);
    place.list(2);
    let refused = run(place.fleetsweep(&[&SCAN[..], &["--emulator", "--follow-for=4h"]].concat()));
    assert_eq!(refused.code, 2, "{}", refused.err);
}

/// In full size, as the README says it: 10,000 scans take one call a look, and two are allowed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_scans_are_followed_to_their_end_with_at_most_two_calls_a_look() {
    let emulator = hasty("failed_share = 0.01\ntimeout_share = 0.005", 1_500).await;
    let place = Place::new();
    let (said, calls) = scan_and_follow(&place, &emulator, 10_000).await;
    let lines = json_lines(&said.out);
    let looks: Vec<_> = lines.iter().filter(|line| line["type"] == "follow").collect();
    println!("{} looks, {calls} calls to the list; the summary:\n{}", looks.len(), said.err);
    assert!(looks.iter().all(|look| look["calls"].as_u64().unwrap() <= 2), "{looks:?}");
    assert!(looks.len() >= 2 && calls <= 2 * looks.len(), "{calls} in {} looks", looks.len());
    let actions = lines.last().unwrap()["actions"].as_object().unwrap();
    let ended: u64 = actions.values().map(|rows| rows.as_u64().unwrap()).sum();
    assert_eq!((ended, looks.last().unwrap()["open"].as_u64()), (10_000, Some(0)), "{actions:?}");
    assert_eq!(emulator.ledger().accepted, 10_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_its_time_ended_follows_what_it_ordered_and_so_does_the_one_that_goes_on() {
    let emulator = hasty("", 400).await;
    let place = Place::new();
    place.list(8);
    let follow = ["--follow", "--follow-every=1s", "--json"];
    let more = ["--campaign=c", "--limit=1/1s", "--report=r.csv", "--approve-max=8"];
    let stop = ["--max-duration=3s"];
    let command = place.towards(&emulator, &[&SCAN[..], &more, &stop, &follow].concat());
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 5, "{}", said.err);
    let lines = json_lines(&said.out);
    let (looks, summary) = (lines.len() - 2, lines.last().unwrap());
    let ordered = summary["outcomes"]["accepted"].as_u64().unwrap();
    assert!(looks > 0 && ordered > 0 && ordered < 8, "{}", said.err);
    assert_eq!(summary["actions"]["Succeeded"], ordered, "{}", said.err);
    let again = said.err.lines().find(|line| line.starts_with("    fleetsweep resume")).unwrap();
    assert_eq!(again.trim(), "fleetsweep resume c", "that it follows is kept");
    let resume = ["resume", "c", "--limit=1000/1s", "--json"];
    let command = place.towards(&emulator, &resume);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let summary = json_lines(&said.out).pop().unwrap();
    assert_eq!((&summary["open"], &summary["actions"]["Succeeded"]), (&0.into(), &8.into()));
}
