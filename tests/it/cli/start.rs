//! `--start-at`: what the plan says of it, what a run does until then, and what is refused.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use fleetsweep::clock::wall_clock;
use fleetsweep::emulator::Operation;
use jiff::{SignedDuration, Timestamp};
use rustix::process::{Pid, Signal, kill_process};

use super::ends::until_begun;
use super::{Place, beside, emulate, flat, json_lines, run, sent, start, wait};

const SCAN: [&str; 5] = ["scan", "list.txt", "--type=quick", "--comment=x", "--approve-max=100"];

fn from_now(seconds: i64) -> Timestamp {
    wall_clock() + SignedDuration::from_secs(seconds)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_waits_for_its_start_and_no_order_reaches_the_server_before_it() {
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(20);
    let at = from_now(8);
    let start_at = format!("--start-at={at}");
    let more = ["--limit=1000/1s", "--report=r.jsonl", "--no-check", "--json", &start_at];
    let command = place.towards(&emulator, &[&SCAN[..], &more].concat());
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let plan = &json_lines(&said.out)[0];
    let starts: Timestamp = plan["starts_at"].as_str().unwrap().parse().unwrap();
    assert!(starts.duration_since(at).abs() < SignedDuration::from_millis(1), "{starts} {at}");
    assert_eq!(plan["start_at"], at.to_string());
    let words = flat(&said.err);
    assert!(words.contains("; the run waits until then"), "{}", said.err);
    assert!(
        words.contains("waits for that too, unless --start-at says something else"),
        "{}",
        said.err
    );
    assert!(words.contains("waiting for its start at ") || words.contains("0 of 20"), "{words}");
    let first = sent(&place.path("r.jsonl")).into_iter().min();
    assert!(first.unwrap() >= at, "{first:?} is before {at}");
    assert_eq!(emulator.ledger().accepted, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_ends_the_waiting_and_resume_waits_for_the_same_start_until_none_is_typed() {
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(5);
    let more = ["--campaign=c", "--limit=1000/1s", "--report=r.csv", "--no-check"];
    let start_at = ["--start-at=2100-01-01T00:00:00Z"];
    let mut child = start(place.towards(&emulator, &[&SCAN[..], &more, &start_at].concat()));
    let child = beside(move || {
        let mut told = String::new();
        let mut lines = BufReader::new(child.stderr.as_mut().unwrap());
        while !told.contains("It starts at ") {
            assert!(lines.read_line(&mut told).unwrap() > 0, "{told}");
        }
        child
    })
    .await;
    until_begun(&place).await;
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let said = beside(move || wait(child)).await;
    assert_eq!(said.code, 5, "{}", said.err);
    assert_eq!(emulator.ledger().count(Operation::Scan), 0);
    let again = ["resume", "c", "--max-duration=1s"];
    // The time that a run may take begins with its start, so this one waits until it is told, and
    // longer than it may take: that time is the subject.
    let child = start(place.towards(&emulator, &again));
    until_begun(&place).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let waited = beside(move || wait(child)).await;
    assert_eq!((waited.code, emulator.ledger().count(Operation::Scan)), (5, 0), "{}", waited.err);
    // That time of day comes once: it is kept as a moment, whatever the campaign waited.
    let command = place.towards(&emulator, &["resume", "c", "--start-at=none"]);
    let said = beside(move || run(command)).await;
    assert_eq!((said.code, emulator.ledger().accepted), (0, 5), "{}", said.err);
    let words = flat(&said.err);
    assert!(words.contains("start none instead of "), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_has_come_and_its_zone_stand_in_no_resumes_way() {
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(5);
    let start_at = format!("--start-at={}", from_now(2));
    let more = ["--campaign=c", "--limit=1/60s", "--no-check", "--tz=Etc/UTC", &start_at];
    let child = start(place.towards(&emulator, &[&SCAN[..], &more].concat()));
    super::campaigns::accepted(&emulator, 1).await;
    assert_eq!(run(place.fleetsweep(&["pause", "c"])).code, 0);
    // Nothing is typed, so that its run goes on as it was begun.
    let command = place.towards(&emulator, &["resume", "c"]);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(flat(&said.err).contains("no second one is begun"), "{}", said.err);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(beside(move || wait(child)).await.code, 5);
}

#[test]
fn starts_that_cannot_be_are_refused_and_a_plan_counts_from_its_start() {
    let place = Place::new();
    place.list(2_000);
    let dry = |more: &[&str]| {
        run(place.fleetsweep(&[&SCAN[..], &["--emulator", "--dry-run", "--json"], more].concat()))
    };
    let late = format!("--start-at={}", from_now(-120));
    for (more, why) in [
        (vec![late.as_str()], "that moment has passed"),
        (vec!["--start-at=soon"], "it is no time of day"),
        (vec!["--start-at=22:00", "--tz=Mars/Base"], "there is no time zone"),
        (vec!["--tz=Europe/Berlin"], "--tz has no times"),
        (vec!["--start-at=2100-01-01T22:00:00Z", "--until=2100-01-01T21:00:00Z"], "--start-at"),
    ] {
        let refused = dry(&more);
        assert_eq!(refused.code, 2, "{more:?}: {}", refused.err);
        assert!(refused.err.contains(why), "{more:?}: {}", refused.err);
    }
    // 1,500 leave in the first hour, and the time begins with the start.
    let more = ["--start-at=2100-01-01T22:00:00Z", "--max-duration=1h"];
    let said = dry(&more);
    let plan = &json_lines(&said.out)[0];
    assert_eq!((said.code, &plan["fits"]), (0, &1_500.into()), "{}", said.err);
    assert_eq!(plan["until"], "2100-01-01T23:00:00Z");
    assert_eq!(plan["window"], serde_json::Value::Null);
    assert!(plan["last_call_at"].as_str().unwrap().starts_with("2100-01-01T23:0"), "{plan}");
    // A time of day ends the night that begins with the start.
    let night = ["--start-at=2100-01-01T22:00:00Z", "--until=06:00"];
    assert_eq!(json_lines(&dry(&night).out)[0]["until"], "2100-01-02T06:00:00Z");
    let just_now = format!("--start-at={}", from_now(-30));
    assert_eq!(dry(&[&just_now]).code, 0);
}
