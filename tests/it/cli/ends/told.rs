//! What `status` and summaries tell of runs that ended, or did not: killed ones, one of two, paused
//! and cancelled ones.

use std::time::Duration;

use rustix::process::Signal;

use super::{SCAN, accepted, send, server, start, status, until_begun, wait};
use crate::kit::program::{Place, beside, emulate, flat, json_lines, run, until};

/// A limit that keeps a campaign of 200 devices busy for longer than any test.
fn slow<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut args = SCAN.to_vec();
    args.retain(|arg| !arg.starts_with("--limit"));
    args.extend(["--limit=10/1m", "--limit=60/1h", "--no-check"]);
    args.extend(more);
    args
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_was_killed_on_this_machine_is_called_so_at_once() {
    let place = Place::new();
    let emulator = server(&place).await;
    let mut child = start(place.towards(&emulator, &slow(&[])));
    accepted(&emulator, 5).await;
    let (json, words) = status(&place);
    assert_eq!((&json["running"], &json["runners"]), (&true.into(), &1.into()));
    assert!(words.starts_with("c: running, "), "{words}");
    child.kill().unwrap();
    child.wait().unwrap();
    let (json, words) = status(&place);
    assert_eq!((&json["doing"], &json["running"]), (&"killed".into(), &false.into()));
    assert_eq!(json["finish_in_s"], serde_json::Value::Null);
    assert!(words.starts_with("c: killed, "), "{words}");
    assert!(words.contains("its run was killed: its process is gone"), "{words}");
    assert!(words.contains("fleetsweep resume c"), "{words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_lives_is_called_so_for_as_long_as_it_lives() {
    let place = Place::new();
    let emulator = server(&place).await;
    // It waits for its start: nothing but its sign of life is written.
    let child = start(place.towards(&emulator, &slow(&["--start-at=2100-01-01T00:00:00Z"])));
    until_begun(&place).await;
    until("waiting", async || status(&place).0["doing"] == "waiting").await;
    // Longer than a run that says nothing is taken for one that lives: that time is the subject.
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(9)).await;
        let (json, words) = status(&place);
        assert_eq!((&json["doing"], &json["running"]), (&"waiting".into(), &true.into()));
        assert!(words.contains("runs now, waiting for its start at"), "{words}");
    }
    send(&child, Signal::TERM);
    assert_eq!(beside(move || wait(child)).await.code, 5);
    assert!(status(&place).1.contains("(SIGTERM: somebody ended the process)"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runner_that_stops_says_that_another_one_goes_on_and_so_does_status() {
    let place = Place::new();
    let emulator = server(&place).await;
    let first = start(place.towards(&emulator, &slow(&[])));
    accepted(&emulator, 3).await;
    let second = start(place.towards(&emulator, &slow(&[])));
    until("two runners", async || status(&place).0["runners"] == 2).await;
    send(&first, Signal::INT);
    let said = beside(move || wait(first)).await;
    assert_eq!(said.code, 5, "{}", said.err);
    let words = flat(&said.err);
    assert!(words.contains("Another process is still running this campaign"), "{words}");
    assert!(!words.contains("fleetsweep retry"), "{words}");
    let (json, words) = status(&place);
    assert_eq!((&json["doing"], &json["runners"]), (&"running".into(), &1.into()), "{words}");
    assert!(words.contains("another run stopped"), "{words}");
    assert!(words.contains("exit code 5, by a signal (SIGINT: Ctrl-C)"), "{words}");
    send(&second, Signal::INT);
    let said = beside(move || wait(second)).await;
    assert!(!said.err.contains("Another runner"), "{}", said.err);
    let (json, words) = status(&place);
    assert_eq!((&json["doing"], &json["runners"]), (&"stopped".into(), &0.into()), "{words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_campaign_has_no_end_in_sight_and_a_cancelled_one_says_who_ended_it() {
    let place = Place::new();
    let emulator = server(&place).await;
    let child = start(place.towards(&emulator, &slow(&[])));
    accepted(&emulator, 3).await;
    assert_eq!(run(place.fleetsweep(&["pause", "c"])).code, 0);
    let (json, words) = status(&place);
    assert_eq!((&json["doing"], &json["finish_in_s"]), (&"paused".into(), &().into()));
    assert!(words.starts_with("c: paused, "), "{words}");
    assert!(words.contains("a run waits for that"), "{words}");
    assert!(!words.contains("done about"), "{words}");
    // A run that ends meanwhile says so, though the campaign stays paused.
    send(&child, Signal::TERM);
    assert_eq!(beside(move || wait(child)).await.code, 5);
    let (_, words) = status(&place);
    assert!(words.starts_with("c: paused, ") && words.contains("stopped "), "{words}");
    assert!(words.contains("exit code 5, by a signal (SIGTERM"), "{words}");

    let child = start(place.towards(&emulator, &["resume", "c", "--json"]));
    accepted(&emulator, 5).await;
    let cancel = ["cancel", "c", "--queue-only", "--approve-max=200"];
    let cancelled = run(place.fleetsweep(&cancel));
    assert!([0, 5].contains(&cancelled.code), "{}", cancelled.err);
    let said = beside(move || wait(child)).await;
    assert_eq!(said.code, 3, "{}", said.err);
    let words = flat(&said.err);
    assert!(words.contains("is finished: cancelled by `fleetsweep cancel`; "), "{words}");
    let summary = json_lines(&said.out).pop().unwrap();
    assert_eq!(summary["cancelled"], true, "{summary}");
    let (json, words) = status(&place);
    let left = json["outcomes"]["not_attempted"].as_u64().unwrap();
    assert!(left > 0, "{json}");
    let done = format!("c: cancelled, {} of 200 devices done, {left} not attempted", 200 - left);
    assert!(words.starts_with(&done), "{words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_command_after_a_stop_by_a_rule_says_so_before_it_goes_on() {
    let place = Place::new();
    // Enough of them are new to the second run, however many were in flight at the first one's end.
    place.list(100);
    // No device of the list is known there, which stops a run at its twentieth.
    let emulator = emulate("stale_list", &[(40, 1.0), (1_000, 60.0)], 1.0).await;
    let args = [&SCAN[..], &["--no-check", "--json"]].concat();
    let scan = async || {
        let command = place.towards(&emulator, &args);
        let said = beside(move || run(command)).await;
        assert_eq!(said.code, 4, "{}", said.err);
        json_lines(&said.out)[0]["warnings"].to_string()
    };
    assert!(!scan().await.contains("its last run"), "none was there");
    let again = scan().await;
    let told = "its last run stopped by a safety rule (20 of 20 devices are unknown to this tenant";
    assert!(again.contains(told) && again.contains("only if that is cleared up"), "{again}");
}
