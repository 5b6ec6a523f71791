//! Two processes of the real binary on one store: a night run, and an incident that goes before it.
//! The emulator's ledger judges.

use std::time::Duration;

use fleetsweep::emulator::{Emulator, Operation};

use super::campaigns::{accepted, assert_honest, assert_within_limits};
use super::{Place, Said, beside, emulate, flat, json_lines, report, run, start, wait};
use crate::kit::support::device;

/// What all times are divided by, here and at the server.
const SCALE: f64 = 20.0;

const NIGHT: u64 = 320;

/// Calls that may be under way when the incident begins.
const IN_FLIGHT: usize = 16;

fn lists(place: &Place) {
    for (name, devices) in [("night.txt", 0..NIGHT), ("incident.txt", 1_000..1_080)] {
        let ids: Vec<String> = devices.map(|n| device(n).to_string()).collect();
        std::fs::write(place.path(name), ids.join("\n")).unwrap();
    }
}

fn scan<'a>(campaign: &'a str, list: &'a str, report: &'a str) -> Vec<&'a str> {
    let fixed = ["--type=quick", "--comment=x", "--approve-max=400", "--no-check", "--json"];
    let run = ["--time-scale=20", "--campaign", campaign, "--report", report];
    [&["scan", list][..], &fixed, &run].concat()
}

/// When the orders of each campaign arrived, in seconds since the start: the night run's, then the
/// incident's.
fn arrivals(emulator: &Emulator) -> [Vec<f64>; 2] {
    let entries = emulator.ledger().entries;
    let scans = entries.iter().filter(|entry| entry.operation == Operation::Scan);
    let of = |name: &str| {
        let mark = format!("[fleetsweep {name}/");
        let its = scans.clone().filter(|entry| entry.comment.as_ref().unwrap().starts_with(&mark));
        its.map(|entry| entry.at_us as f64 / 1e6).collect()
    };
    [of("night"), of("incident")]
}

async fn status(place: &Place, emulator: &Emulator, name: &str) -> (serde_json::Value, String) {
    let json = place.towards(emulator, &["status", name, "--json"]);
    let text = place.towards(emulator, &["status", name]);
    let (json, text) = beside(move || (run(json), run(text))).await;
    (json_lines(&json.out).remove(0), text.out)
}

/// Starts the night run, and the incident once a third of it is ordered.
async fn begun(place: &Place, emulator: &Emulator) -> [std::process::Child; 2] {
    lists(place);
    let night = start(place.towards(emulator, &scan("night", "night.txt", "n.csv")));
    accepted(emulator, 110).await;
    let incident = [scan("incident", "incident.txt", "i.csv"), vec!["--priority=high"]].concat();
    [night, start(place.towards(emulator, &incident))]
}

/// Waits until so many orders of the incident have arrived.
async fn ordered_of_incident(emulator: &Emulator, orders: usize) {
    for _ in 0..4_000 {
        if arrivals(emulator)[1].len() >= orders {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the incident never ordered {orders} scans");
}

/// The emulator plays a few devices that are gone or take no scan.
fn is_finished(said: &Said) -> bool {
    matches!(said.code, 0 | 3)
}

async fn ended(child: std::process::Child) -> Said {
    beside(move || wait(child)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_orders_of_an_incident_go_before_those_of_a_night_run() {
    let emulator = emulate("calm", &[(100, 60.0), (1500, 3600.0)], SCALE).await;
    let place = Place::new();
    let [night, incident] = begun(&place, &emulator).await;
    ordered_of_incident(&emulator, 5).await;
    let (json, text) = status(&place, &emulator, "night").await;
    let dry = [scan("third", "night.txt", "t.csv"), vec!["--dry-run"]].concat();
    let dry = place.towards(&emulator, &dry);
    let dry = beside(move || run(dry)).await;
    let incident = ended(incident).await;
    let night = ended(night).await;
    assert!(is_finished(&incident) && is_finished(&night), "{}{}", incident.err, night.err);
    let [nightly, hit] = arrivals(&emulator);
    let (first, last) = (hit[0], *hit.last().unwrap());
    let meanwhile = nightly.iter().filter(|at| (first..last).contains(*at)).count();
    println!(
        "the incident's {} orders took {:.2} s, {meanwhile} of the night run among them; the night \
         run ended {:.2} s later",
        hit.len(),
        last - first,
        nightly.last().unwrap() - last
    );
    assert!(nightly.len() as u64 >= NIGHT && hit.len() >= 80, "a few are asked twice");
    assert!(meanwhile <= IN_FLIGHT, "{meanwhile} orders of the night run in between");
    assert!(*nightly.last().unwrap() > last);
    assert_eq!(json["waits_for"][0], "incident", "{json}");
    assert!(text.contains("waits for campaign incident (priority high)"), "{text}");
    let words = flat(&dry.err);
    assert!(words.contains("campaign incident (priority high) goes before this one"), "{words}");
    assert!(incident.err.contains("priority     high: "), "{}", incident.err);
    assert_eq!(json_lines(&incident.out)[0]["priority"], "high");
    for (name, file) in [("night", "n.csv"), ("incident", "i.csv")] {
        assert_honest(&report(&place.path(file)), &emulator.ledger(), name);
    }
    assert_eq!(emulator.ledger().throttled_by_excess, 0);
    assert_within_limits(&emulator);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_incident_holds_the_night_run_no_longer_and_resume_keeps_its_priority() {
    let emulator = emulate("calm", &[(100, 60.0), (1500, 3600.0)], SCALE).await;
    let place = Place::new();
    let [night, mut incident] = begun(&place, &emulator).await;
    ordered_of_incident(&emulator, 30).await;
    incident.kill().unwrap();
    let killed = emulator.ledger().entries.last().unwrap().at_us as f64 / 1e6;
    beside(move || incident.wait().unwrap()).await;
    let night = ended(night).await;
    assert!(is_finished(&night), "{}", night.err);
    let [nightly, hit] = arrivals(&emulator);
    let next = nightly.iter().find(|at| **at > killed).unwrap() - killed;
    println!("the night run goes on {next:.2} s after the death, with time {SCALE} times as fast");
    // Three looks at the store and one of its own are a second; a slot may be as late as a window.
    assert!(next < 1.0 + 3.0 + 1.0, "{next}");
    assert!(hit.len() < 80, "it died on the way");
    let (json, _) = status(&place, &emulator, "incident").await;
    assert_eq!((&json["priority"], &json["state"]), (&"high".into(), &"open".into()));
    let args = ["resume", "incident", "--time-scale=20", "--priority=urgent"];
    let refused = place.towards(&emulator, &args);
    let refused = beside(move || run(refused)).await;
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("write normal or high"), "{}", refused.err);
    let args = ["resume", "incident", "--time-scale=20", "--report=i.csv"];
    let resumed = place.towards(&emulator, &args);
    let resumed = beside(move || run(resumed)).await;
    assert!(is_finished(&resumed), "{}", resumed.err);
    assert_honest(&report(&place.path("i.csv")), &emulator.ledger(), "incident");
    assert_within_limits(&emulator);
}
