//! `--canary`, `--waves` and `--max-failures` of the real binary: what the plan tells, what is
//! ordered before a wave is judged and after it failed, and what a kill and `resume` change.

use std::collections::BTreeSet;
use std::time::Duration;

use fleetsweep::emulator::{self, Config, Emulator, Limit, Operation, Scenario};
use serde_json::Value;

use super::campaigns::{accepted, assert_honest};
use super::{
    Place, Said, at_terminal, beside, emulate, flat, json_lines, refusing, report, run, sent,
    start, until,
};
use crate::kit::support::device;

const SCAN: [&str; 6] =
    ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=500", "--no-check"];

const FAST: [&str; 4] = ["--limit=1000/1s", "--campaign=c", "--report=r.csv", "--report=r.jsonl"];

pub(super) async fn scan(place: &Place, emulator: &Emulator, more: &[&str]) -> Said {
    let command = place.towards(emulator, &[&SCAN[..], &FAST, more].concat());
    beside(move || run(command)).await
}

async fn resume(place: &Place, emulator: &Emulator, more: &[&str]) -> Said {
    let args =
        [&["resume", "c", "--limit=1000/1s", "--report=r.csv", "--report=r.jsonl"][..], more]
            .concat();
    let command = place.towards(emulator, &args);
    beside(move || run(command)).await
}

/// The devices that the server was asked to scan.
pub(super) fn asked(emulator: &Emulator) -> BTreeSet<String> {
    let entries = emulator.ledger().entries;
    let scans = entries.into_iter().filter(|entry| entry.operation == Operation::Scan);
    scans.filter_map(|entry| entry.device).collect()
}

pub(super) fn devices(numbers: std::ops::Range<u64>) -> BTreeSet<String> {
    numbers.map(|n| device(n).to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rest_is_ordered_after_a_canary_that_did_well_and_not_before_its_wait() {
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(40);
    let more = ["--canary=5", "--canary-wait=2s", "--max-failures=90%", "--json"];
    let said = scan(&place, &emulator, &more).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let rows = report(&place.path("r.csv"));
    assert_honest(&rows, &emulator.ledger(), "c");
    let sent = sent(&place.path("r.jsonl"));
    let (canary, rest) = sent.split_at(5);
    let waited = rest.iter().min().unwrap().duration_since(*canary.iter().max().unwrap());
    println!("the canary's last order was {waited:?} before the next one");
    assert!(waited.as_millis() >= 2_000, "{waited:?}");
    assert!(said.err.contains("The canary is over; it is judged in 2 s"), "{}", said.err);
    let looked = "0 of 5 devices of the canary failed; 5 of their scans have not ended";
    assert!(said.err.contains(looked), "{}", said.err);
    let plan = &json_lines(&said.out)[0];
    assert_eq!(plan["waves"]["list"][0]["devices"], 5);
    assert_eq!(plan["waves"]["list"][1]["devices"], 35);
    assert_eq!(plan["max_failures"], "90%");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_that_fails_is_exit_4_and_only_who_has_looked_goes_on() {
    let emulator = refusing().await;
    let place = Place::new();
    place.list(40);
    let more = ["--canary=6", "--canary-wait=1s", "--json"];
    let said = scan(&place, &emulator, &more).await;
    assert_eq!(said.code, 4, "{}", said.err);
    assert_eq!(asked(&emulator), devices(0..6));
    let figures = "6 of 6 devices of the canary failed: 6 rejected; 5% or more is too many";
    let summary = &json_lines(&said.out)[1];
    assert_eq!((&summary["stop"]["kind"], &summary["open"]), (&"wave".into(), &34.into()));
    assert_eq!(summary["stop"]["why"], figures);
    assert!(said.err.contains("fleetsweep resume c"), "{}", said.err);
    let status = run(place.fleetsweep(&["status", "c"])).out;
    let status = flat(&status);
    assert!(status.contains(figures) && status.contains("asks before it goes on"), "{status}");
    // Neither the same command again, as a timer gives it, nor `resume` goes on by itself.
    let said = scan(&place, &emulator, &more).await;
    assert_eq!(said.code, 6, "{}", said.err);
    assert!(said.err.contains("a wave of it failed") && said.err.contains(figures), "{}", said.err);
    let said = resume(&place, &emulator, &[]).await;
    assert_eq!(said.code, 6, "{}", said.err);
    assert!(said.err.contains("--approve-max 34"), "{}", said.err);
    let said = resume(&place, &emulator, &["--approve-max=33"]).await;
    assert_eq!(said.code, 6, "{}", said.err);
    assert_eq!(asked(&emulator), devices(0..6));
    let said = resume(&place, &emulator, &["--approve-max=34"]).await;
    assert_eq!(said.code, 7, "every answer is 403: {}", said.err);
    assert!(asked(&emulator).len() > 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_that_was_killed_goes_on_and_is_not_begun_anew() {
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(30);
    let more = ["--canary=5", "--canary-wait=6s", "--max-failures=90%"];
    let mut child = start(place.towards(&emulator, &[&SCAN[..], &FAST, &more].concat()));
    accepted(&emulator, 5).await;
    let status = |place: &Place| {
        let said = run(place.fleetsweep(&["status", "c", "--json"]));
        json_lines(&said.out).remove(0)
    };
    let waits = || status(&place)["wave"]["wait_s"].clone();
    until("the wait begins", async || !waits().is_null()).await;
    let left = waits();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(left.as_f64().is_some_and(|left| left > 1.0 && left <= 6.0), "{left}");
    let text = run(place.fleetsweep(&["status", "c"])).out;
    assert!(text.contains("the canary: 5 of 5 done, waits until "), "{text}");
    assert!(text.contains("then 25 more"), "{text}");
    assert_eq!(asked(&emulator), devices(0..5));
    let goes_on = async || waits().as_f64().unwrap() < left.as_f64().unwrap() - 1.0;
    until("the wait goes on without a process", goes_on).await;
    let said = resume(&place, &emulator, &[]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(asked(&emulator), devices(0..30));
    let rows = report(&place.path("r.csv"));
    let sent = sent(&place.path("r.jsonl"));
    let (canary, rest) = sent.split_at(5);
    let waited = rest.iter().min().unwrap().duration_since(*canary.iter().max().unwrap());
    assert!(waited.as_millis() >= 6_000, "{waited:?}");
    assert_honest(&rows, &emulator.ledger(), "c");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_failures_stop_a_run_and_resume_counts_anew() {
    // Every second device has a system that cannot be scanned.
    let scenario = Scenario::from_toml("[devices]\nunsupported_share = 0.5").unwrap();
    let limits = vec![Limit { calls: 1_000, window: Duration::from_secs(1) }];
    let config = Config { scenario, limits, seed: 7, ..Config::default() };
    let emulator = emulator::start(config, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let place = Place::new();
    place.list(400);
    let said = scan(&place, &emulator, &["--max-failures=10", "--concurrency=2", "--json"]).await;
    assert_eq!(said.code, 4, "{}", said.err);
    let summary = &json_lines(&said.out)[1];
    assert_eq!(summary["stop"]["kind"], "failures", "{summary}");
    let why = summary["stop"]["why"].as_str().unwrap();
    assert!(why.starts_with("10 of ") && why.ends_with("10 or more is too many"), "{why}");
    let results: usize = why.split(' ').nth(2).unwrap().parse().unwrap();
    let calls = emulator.ledger().count(Operation::Scan);
    assert!(calls <= results + 2, "{calls} calls for {results} results");
    assert!(summary["open"].as_u64().unwrap() > 300, "{summary}");
    // What the stop counts has failed in the report too, and what was in flight on top.
    let failed = summary["outcomes"]["rejected"].as_u64().unwrap();
    assert!((10..=12).contains(&failed), "{summary}");
    // It holds for `resume` as it was given, and another one can be given.
    let said = resume(&place, &emulator, &["--concurrency=2"]).await;
    assert_eq!(said.code, 4, "{}", said.err);
    assert!(emulator.ledger().count(Operation::Scan) > calls);
    let said = resume(&place, &emulator, &["--max-failures=100%"]).await;
    assert!(!said.err.contains("100% or more"), "{}", said.err);
}

/// A plan as text and as JSON.
pub(super) fn plan(place: &Place, more: &[&str]) -> (String, Value) {
    let args = [&["scan", "--type=full", "--comment=x", "--dry-run", "--json"][..], more].concat();
    let said = run(place.fleetsweep(&[&args[..], &["--emulator"]].concat()));
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.lines().all(|line| line.chars().count() <= 80), "{}", said.err);
    let text = flat(&said.err);
    (text, json_lines(&said.out).remove(0))
}

#[test]
fn the_plan_tells_each_wave_who_the_canary_is_and_how_much_longer_it_takes() {
    let place = Place::new();
    let list = place.list(2_000);
    let (_, plain) = plan(&place, &[&list]);
    assert!(plain["waves"].is_null() && plain["max_failures"].is_null(), "{plain}");
    let waves = ["--canary=20", "--waves=100,300,rest", "--wave-wait=10m", "--max-failures=2.5%"];
    let (text, json) = plan(&place, &[&[list.as_str()][..], &waves].concat());
    let sizes = json["waves"]["list"].as_array().unwrap();
    let sizes: Vec<_> = sizes.iter().map(|wave| wave["devices"].as_u64().unwrap()).collect();
    assert_eq!(sizes, [20, 100, 300, 1_580]);
    assert_eq!(json["waves"]["max_failures"], "2.5%");
    let begins = |wave: usize| -> jiff::Timestamp {
        json["waves"]["list"][wave]["begins_at"].as_str().unwrap().parse().unwrap()
    };
    assert_eq!(begins(0).to_string(), json["starts_at"].as_str().unwrap());
    let gaps = [0, 1, 2].map(|wave| begins(wave + 1).duration_since(begins(wave)).as_secs());
    assert!((1_800..1_810).contains(&gaps[0]), "{gaps:?}");
    assert!((605..620).contains(&gaps[1]) && (725..740).contains(&gaps[2]), "{gaps:?}");
    let longer = json["duration_s"].as_f64().unwrap() - plain["duration_s"].as_f64().unwrap();
    assert!(longer > 100.0, "the waits make it longer: {longer}");
    assert!(text.contains("waves the canary: 20 devices, "), "{text}");
    let judged = "; judged 30 min after it is over (--canary-wait) wave 2 of 4: 100 devices, ";
    assert!(text.contains(judged), "{text}");
    assert!(text.contains("canary the first 20 devices in the order of the list"), "{text}");
    assert!(text.contains("2.5% or more of a wave stop it; 2.5% or more of at least 50"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_terminal_no_canary_is_proposed() {
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(200);
    let args = ["scan", "list.txt", "--type=full", "--comment=test", "--no-check"];
    let command = place.towards(&emulator, &args);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 6, "{}", said.err);
    assert!(!said.err.contains("canary"), "{}", said.err);
    assert!(emulator.ledger().entries.iter().all(|entry| entry.operation != Operation::Scan));
}

/// Runs the program on a terminal of its own, types these lines, and gives what it showed.
fn on_a_terminal(place: &Place, emulator: &Emulator, more: &[&str], typed: &str) -> (i32, String) {
    let args = [&["scan", "list.txt", "--type=full", "--comment=x", "--no-check"][..], more];
    let inner = place.towards(emulator, &args.concat());
    let said = at_terminal(&inner, &typed.lines().collect::<Vec<_>>());
    (said.code, said.out)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_terminal_a_canary_is_proposed_planned_when_it_is_typed_and_confirmed_by_number() {
    let emulator = std::sync::Arc::new(refusing().await);
    let ask = async |count: u64, more: &'static [&'static str], typed: &'static str| {
        let emulator = emulator.clone();
        let place = Place::new();
        place.list(count);
        beside(move || on_a_terminal(&place, &emulator, more, typed)).await
    };
    // A yes orders nothing, however often, and neither does the word of the proposal alone.
    let (code, shown) = ask(150, &[], "yes\nyes\n").await;
    assert_eq!(code, 6, "{shown}");
    assert!(shown.contains("Type `canary` to have it planned"), "{shown}");
    assert!(asked(&emulator).is_empty());
    let (code, shown) = ask(150, &[], "canary\nno\n").await;
    assert_eq!(code, 6, "{shown}");
    assert!(shown.contains("the first 20 devices in the order of the list"), "{shown}");
    assert_eq!(shown.matches("Type `canary`").count(), 1, "{shown}");
    assert!(asked(&emulator).is_empty());
    // Few devices, quick scans and who has chosen already are asked as ever.
    for more in [&["--canary=30"][..], &["--waves=30,rest"], &["--type=quick"]] {
        let more: &'static [&'static str] = more;
        let args = if more[0] == "--type=quick" { &["--emulator"][..] } else { more };
        let (_, shown) = ask(150, args, "no\n").await;
        assert!(!shown.contains("Type `canary`"), "{shown}");
    }
    let (_, shown) = ask(100, &[], "no\n").await;
    assert!(!shown.contains("Type `canary`"), "{shown}");
    assert!(asked(&emulator).is_empty());
    let (code, shown) = ask(150, &[], "canary\n150\n").await;
    assert_eq!(code, 7, "all of the first 20 are 403: {shown}");
    assert_eq!(asked(&emulator), devices(0..20));
}

#[test]
fn options_that_cannot_be_are_refused_with_what_to_write() {
    let place = Place::new();
    let list = place.list(30);
    std::fs::write(place.path("others.txt"), format!("{}\n{}", device(3), device(77))).unwrap();
    std::fs::write(place.path("bad.txt"), format!("{}\nnot an id\n", device(3))).unwrap();
    let cases: &[(&str, &[&str])] = &[
        ("no device", &["--canary=0"]),
        ("a wait without a canary", &["--canary-wait=5m"]),
        ("a wait without its unit", &["--canary=5", "--canary-wait=5"]),
        ("a seed without a number", &["--canary-seed=5"]),
        ("two rules", &["--canary=5", "--canary-random", "--canary-tag=x"]),
        ("a wave wait without waves", &["--canary=5", "--wave-wait=5m"]),
        ("the rest is not last", &["--waves=10,rest,20"]),
        ("no size", &["--waves=rest"]),
        ("no share", &["--max-failures=0%"]),
        ("no number", &["--max-failures=some"]),
        ("a tag that nobody has", &["--canary-tag=pilot"]),
        ("a device that is not in the list", &["--canary-file=others.txt"]),
        ("a list with a bad row", &["--canary-file=bad.txt"]),
        ("standard input", &["--canary-file=-"]),
    ];
    let mut table = String::new();
    for (name, more) in cases {
        let args = ["scan", &list, "--type=full", "--comment=x", "--emulator", "--approve-max=50"];
        let said = run(place.fleetsweep(&[&args[..], *more].concat()));
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{name}: {}", said.err);
        let error = said.err.split("error: ").last().unwrap();
        table += &format!("## {name}\nerror: {}\n\n", error.trim_end());
    }
    insta::assert_snapshot!(table);
    let timer = ["schedule", "--cron", "--", "resume", "c", "--approve-max=5", "--emulator"];
    let said = run(place.fleetsweep(&timer));
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("a timer has not looked"), "{}", said.err);
}
