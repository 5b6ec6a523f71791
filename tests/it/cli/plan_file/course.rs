//! Who goes first, in which waves and what stops it, as an approved plan fixes it: nothing of it is
//! typed again, and whatever is typed or written otherwise is refused before the first order.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use fleetsweep::emulator::{Emulator, Operation};
use serde_json::Value;

use super::{SCAN, approve, approved, differs, orders, plan, said};
use crate::cli::campaigns::accepted;
use crate::kit::program::{Place, beside, emulate, json_lines, quiet, refusing, run, start};
use crate::kit::support::device;

/// One order at a time, so that orders arrive as they were claimed.
const ONE: &str = "--concurrency=1";

const FAST: &str = "--limit=1000/1s";

/// A list with the value of each device: that of even numbers is high.
fn valued(place: &Place, numbers: impl Iterator<Item = u64>) {
    let mut text = "Device ID,Device value,OS Platform\n".to_owned();
    for number in numbers {
        let value = if number % 2 == 0 { "High" } else { "Low" };
        writeln!(text, "{},{value},Windows11", device(number)).unwrap();
    }
    fs::write(place.path("list.txt"), text).unwrap();
}

fn ids(place: &Place, name: &str, numbers: &[u64]) {
    let ids: Vec<String> = numbers.iter().map(|number| device(*number).to_string()).collect();
    fs::write(place.path(name), ids.join("\n")).unwrap();
}

/// The devices in the order in which their orders arrived.
fn ordered(emulator: &Emulator) -> Vec<u64> {
    let entries = emulator.ledger().entries;
    let scans = entries.iter().filter(|entry| entry.operation == Operation::Scan);
    let number = |id: &String| (0..1_000).find(|n| device(*n).to_string() == *id).unwrap();
    scans.filter_map(|entry| entry.device.as_ref()).map(number).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_alone_orders_who_goes_first_in_its_waves_from_any_folder() {
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    valued(&place, 0..20);
    ids(&place, "first.txt", &[17, 4]);
    ids(&place, "canary.txt", &[3, 12]);
    let who = ["--first=first.txt", "--order=value", "--priority=high"];
    let waves = ["--canary-file=canary.txt", "--canary-wait=1s", "--waves=6,rest"];
    let rules = ["--wave-wait=1s", "--max-failures=90%", "--due=7d", "--no-check", FAST];
    let file = plan(&place, &emulator, &[&who[..], &waves, &rules].concat()).await;
    let (request, found) = (&file["request"], &file["found"]);
    assert_eq!(request["order"]["by"], "value");
    assert_eq!(request["run"]["speed"]["priority"], "high");
    assert_eq!((&found["first"], &request["waves"]["canary_wait"]), (&2.into(), &"1s".into()));
    assert_eq!(found["dealt"], serde_json::json!([2, 6]));
    let first = place.path("first.txt").canonicalize().unwrap();
    let told = request["order"]["first"][0].as_str().unwrap();
    assert_eq!(fs::canonicalize(told).unwrap(), first);
    let approve = approve(&place);
    fs::create_dir(place.path("else")).unwrap();
    let words = ["scan", "--plan=../plan.json", &approve, ONE, "--json", "--report=../r.csv"];
    let mut command = place.towards(&emulator, &words);
    command.current_dir(place.path("else"));
    let ran = beside(move || run(command)).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    // The canary; six by --first and the value; the others.
    let even = |from: u64| (from..20).step_by(2).filter(|n| ![4, 12].contains(n));
    let odd = (1..20).step_by(2).filter(|n| ![3, 17].contains(n));
    let meant: Vec<u64> = [12, 3, 17, 4].into_iter().chain(even(0)).chain(odd).collect();
    assert_eq!(ordered(&emulator), meant);
    let ran = json_lines(&ran.out);
    assert_eq!(ran[0]["max_failures"], "90%");
    assert_eq!(ran[0]["waves"]["list"][1]["devices"], 6);
    let status = run(place.fleetsweep(&["status", "--json"]));
    assert_eq!(json_lines(&status.out)[0]["priority"], "high");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_course_than_planned_is_refused_with_what_differs_and_no_scan_call() {
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    valued(&place, 0..20);
    ids(&place, "first.txt", &[17, 4]);
    let course = ["--first=first.txt", "--canary=5", "--waves=6,rest", "--max-failures=90%"];
    // A wait that is short, so that a difference that nobody sees ends as a run.
    let more = ["--canary-wait=1s", "--no-check", FAST];
    plan(&place, &emulator, &[&course[..], &more].concat()).await;
    let approve = approve(&place);
    ids(&place, "other.txt", &[4]);
    ids(&place, "same.txt", &[17, 4]);
    let hours = ["--expire-pending", "--until=23:59"];
    let cases: Vec<(&[&str], &[&str])> = vec![
        (&["--canary=4"], &["devices of the canary: `5` planned, `4` now"]),
        (
            &["--canary=5", "--canary-seed=1"],
            &["who the canary is: `the first of the list` planned, `drawn with seed 1` now"],
        ),
        (&["--canary-wait=2s"], &["wait after the canary: `1s` planned, `2s` now"]),
        (&["--waves=7,rest"], &["--waves: `6` planned, `7` now"]),
        (&["--waves=6", "--wave-wait=1s"], &["wait after each wave: `0s` planned, `1s` now"]),
        (&["--max-failures=10"], &["--max-failures: `90%` planned, `10` now"]),
        (&["--first=other.txt"], &["devices of --first: 2 planned, 1 now"]),
        (&["--order=value"], &["--order: `file` planned, `value` now"]),
        (&["--priority=high"], &["priority: `normal` planned, `high` now"]),
        (&["--due=7d"], &["--due: `none` planned, `168h` now"]),
        (
            &hours,
            &[
                "until: `none` planned, `23:59` now",
                "what waits is cancelled at the end: `no` planned, `yes` now",
            ],
        ),
    ];
    for (more, sentences) in cases {
        let refused = said(&place, &emulator, &approved(&approve, more)).await;
        assert_eq!(refused.code, 6, "{more:?}: {}", refused.err);
        assert_eq!(differs(&refused), sentences, "{more:?}");
    }
    // The same paths, and something else in them.
    ids(&place, "first.txt", &[4, 17]);
    let refused = said(&place, &emulator, &approved(&approve, &[])).await;
    assert_eq!(refused.code, 6, "{}", refused.err);
    let order = "devices of --first: 2 planned, 2 now (not the same ones, or in another order)";
    assert_eq!(differs(&refused), [order]);
    ids(&place, "first.txt", &[17, 4]);
    valued(&place, (0..20).rev());
    let refused = said(&place, &emulator, &approved(&approve, &[])).await;
    assert_eq!(refused.code, 6, "{}", refused.err);
    assert!(differs(&refused)[0].starts_with("the order of the rows"), "{}", refused.err);
    valued(&place, 0..20);
    let series = said(&place, &emulator, &approved(&approve, &["--series=nightly"])).await;
    assert_eq!(series.code, 2, "{}", series.err);
    let out = ["--dry-run", "--plan-out=other.json", "--series=nightly"];
    let series = said(&place, &emulator, &[&SCAN[..], &out].concat()).await;
    assert_eq!((series.code, orders(&emulator)), (2, 0), "{}", series.err);
    // What is typed as planned is the plan, and so is the same list elsewhere.
    let same = ["--canary=5", "--max-failures=90%", "--first=same.txt", "--dry-run"];
    let same = said(&place, &emulator, &approved(&approve, &same)).await;
    assert_eq!(same.code, 0, "{}", same.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_of_a_plan_is_drawn_again_with_the_seed_of_the_plan() {
    let emulator = refusing().await;
    let place = Place::new();
    place.list(200);
    let drawn = ["--canary=6", "--canary-random", "--canary-wait=0s", "--no-check", FAST];
    let file = plan(&place, &emulator, &drawn).await;
    let seed = file["request"]["waves"]["canary_seed"].as_u64().unwrap();
    let approve = approve(&place);
    // Who types that it is to be drawn gets those that were drawn for the plan.
    let again = approved(&approve, &["--canary=6", "--canary-random", "--dry-run", "--json"]);
    let again = said(&place, &emulator, &again).await;
    assert_eq!(again.code, 0, "{}", again.err);
    let told: Value = json_lines(&again.out).remove(0);
    assert_eq!(told["waves"]["canary"]["seed"], seed);
    let other = format!("--canary-seed={}", seed + 1);
    let refused = said(&place, &emulator, &approved(&approve, &["--canary=6", &other])).await;
    assert_eq!((refused.code, orders(&emulator)), (6, 0), "{}", refused.err);
    let ran = said(&place, &emulator, &approved(&approve, &[])).await;
    assert_eq!(ran.code, 4, "the canary failed: {}", ran.err);
    let mut lots: Vec<u64> = (0..200).collect();
    lots.sort_by_key(|n| fleetsweep::domain::rollout::lot(seed, device(*n)));
    let meant: BTreeSet<u64> = lots[..6].iter().copied().collect();
    assert_eq!(ordered(&emulator).into_iter().collect::<BTreeSet<_>>(), meant);
}

#[test]
fn what_a_plan_cancels_at_its_end_need_not_be_typed_again() {
    let place = Place::new();
    place.list(5);
    let emulated = ["--emulator", "--scenario=quiet", FAST];
    let out = ["--dry-run", "--plan-out=plan.json", "--expire-pending", "--until=23:59"];
    let made = run(place.fleetsweep(&[&SCAN[..], &emulated, &out].concat()));
    assert_eq!(made.code, 0, "{}", made.err);
    let file: Value = serde_json::from_slice(&fs::read(place.path("plan.json")).unwrap()).unwrap();
    assert_eq!(file["request"]["run"]["speed"]["hours"]["expire_pending"], true);
    let approve = approve(&place);
    let dry = [&approved(&approve, &emulated)[..], &["--dry-run"]].concat();
    let dry = run(place.fleetsweep(&dry));
    assert_eq!(dry.code, 0, "{}", dry.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_that_was_begun_on_another_course_is_not_gone_on_with_by_the_plan() {
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(60);
    ids(&place, "first.txt", &[50, 4]);
    let slow = ["--no-check", "--limit=20/1s", "--time-scale=10"];
    let planned = ["--first=first.txt", "--waves=40,rest", "--max-failures=90%"];
    let file = plan(&place, &emulator, &[&planned[..], &slow].concat()).await;
    let approve = approve(&place);
    let name = format!("--campaign={}", file["campaign"].as_str().unwrap());
    // The same devices under the same name, but in their own order and in one wave.
    let other = [&SCAN[..], &slow, &["--approve-max=60", &name]].concat();
    let mut child = start(place.towards(&emulator, &other));
    accepted(&emulator, 3).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let before = quiet(&emulator).await;
    let refused = said(&place, &emulator, &approved(&approve, &[])).await;
    assert_eq!((refused.code, orders(&emulator)), (6, before), "{}", refused.err);
    let sentences =
        ["devices of --first: 2 planned, 0 now", "devices of the waves: `40` planned, `none` now"];
    assert_eq!(differs(&refused), sentences, "{}", refused.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approved_plan_with_waves_that_was_killed_goes_on_by_the_same_command() {
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(60);
    ids(&place, "first.txt", &[50, 4]);
    let slow = ["--no-check", "--limit=20/1s", "--time-scale=10"];
    let planned = ["--first=first.txt", "--canary=30", "--canary-wait=0s", "--max-failures=90%"];
    plan(&place, &emulator, &[&planned[..], &slow].concat()).await;
    let approve = approve(&place);
    let mut child = start(place.towards(&emulator, &approved(&approve, &[])));
    accepted(&emulator, 10).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let ran = said(&place, &emulator, &approved(&approve, &[])).await;
    assert!([0, 3].contains(&ran.code), "{}", ran.err);
    let asked: BTreeSet<u64> = ordered(&emulator).into_iter().collect();
    assert_eq!(asked, (0..60).collect());
}
