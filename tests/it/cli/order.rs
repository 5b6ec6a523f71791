//! The order of a list with the real binary: who goes first, judged by the emulator's ledger, and
//! which wishes are refused before anything is ordered.

use std::fmt::Write as _;
use std::path::PathBuf;

use fleetsweep::emulator::{self, Config, Emulator, Operation, Scenario};

use super::{Place, Said, beside, emulate, flat, json_lines, run};
use crate::kit::support::device;

const SCAN: [&str; 5] = ["scan", "list.csv", "--type=quick", "--comment=x", "--approve-max=500"];

/// One order at a time, so that orders arrive as they were claimed.
const ONE: &str = "--concurrency=1";

/// A list with what the portal knows: the value and the last report of each device.
fn list(place: &Place, rows: &[(u64, &str, &str)]) {
    let mut text = "Device ID,Device value,Last device update,OS Platform\n".to_owned();
    for (number, value, seen) in rows {
        writeln!(text, "{},{value},{seen},Windows11", device(*number)).unwrap();
    }
    std::fs::write(place.path("list.csv"), text).unwrap();
}

fn plain(place: &Place, name: &str, numbers: &[u64]) -> PathBuf {
    let ids: Vec<String> = numbers.iter().map(|number| device(*number).to_string()).collect();
    std::fs::write(place.path(name), ids.join("\n")).unwrap();
    place.path(name)
}

/// The devices in the order in which their orders arrived.
fn ordered(emulator: &Emulator) -> Vec<u64> {
    let entries = emulator.ledger().entries;
    let scans = entries.iter().filter(|entry| entry.operation == Operation::Scan);
    let number = |id: &String| (0..1_000).find(|n| device(*n).to_string() == *id).unwrap();
    scans.filter_map(|entry| entry.device.as_ref()).map(number).collect()
}

async fn said(place: &Place, emulator: &Emulator, args: &[&str]) -> Said {
    let command = place.towards(emulator, &[&SCAN[..], args].concat());
    beside(move || run(command)).await
}

/// An emulator that lets nobody read the inventory.
async fn closed() -> Emulator {
    let scenario = Scenario::from_toml("[token]\nroles = [\"Machine.Scan\"]").unwrap();
    let config = Config { scenario, seed: 7, ..Config::default() };
    emulator::start(config, "127.0.0.1:0".parse().unwrap()).await.unwrap()
}

/// A last report so many hours ago: what was not seen for a week is ordered last.
fn ago(hours: i64) -> String {
    (fleetsweep::clock::wall_clock() - jiff::SignedDuration::from_hours(hours)).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_devices_of_first_are_ordered_before_all_others_in_their_own_order() {
    let emulator = closed().await;
    let place = Place::new();
    let recent = ago(1);
    let rows: Vec<_> = (0..20).map(|n| (n, "", recent.as_str())).collect();
    list(&place, &rows);
    plain(&place, "first.txt", &[17, 3, 17, 12]);
    plain(&place, "second.txt", &[9, 3]);
    let args = [ONE, "--first=first.txt", "--first=second.txt", "--json", "--report=r.csv"];
    let ran = said(&place, &emulator, &args).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let rest = (0..20).filter(|n| ![17, 3, 12, 9].contains(n));
    assert_eq!(ordered(&emulator), [17, 3, 12, 9].into_iter().chain(rest).collect::<Vec<_>>());
    assert!(ran.err.contains("the 3 devices of first.txt: last order at "), "{}", ran.err);
    assert!(ran.err.contains("the 1 device of second.txt: last order at "), "{}", ran.err);
    let order = &json_lines(&ran.out)[0]["order"];
    assert_eq!((&order["by"], &order["unknown"]), (&"file".into(), &0.into()));
    assert_eq!(
        (&order["first"][0]["devices"], &order["first"][1]["devices"]),
        (&3.into(), &1.into())
    );
    let ids = super::report(&place.path("r.csv")).into_iter().map(|row| row["device_id"].clone());
    let input: Vec<String> = (0..20).map(|n| device(n).to_string()).collect();
    assert_eq!(ids.collect::<Vec<_>>(), input, "the report keeps the order of the list");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_device_goes_first_though_it_has_not_been_seen_for_long() {
    let emulator = closed().await;
    let place = Place::new();
    let old = "2020-01-01T00:00:00Z";
    list(&place, &[(0, "", old), (1, "", &ago(1)), (2, "", old), (3, "", "")]);
    plain(&place, "first.txt", &[2]);
    let ran = said(&place, &emulator, &[ONE, "--first=first.txt"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ordered(&emulator), [2, 1, 3, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_is_ordered_by_what_its_own_columns_say() {
    let place = Place::new();
    let (one, two, three) = (ago(23), ago(22), ago(21));
    list(
        &place,
        &[(0, "Low", &one), (1, "", ""), (2, "High", &three), (3, "Normal", &two), (4, "high", "")],
    );
    plain(&place, "first.txt", &[3]);
    let known = |unknown: &str, text: &Said| {
        let words = flat(&text.err);
        assert!(words.contains(unknown), "{}", text.err);
    };
    let emulator = closed().await;
    let ran = said(&place, &emulator, &[ONE, "--order=value"]).await;
    assert_eq!(ordered(&emulator), [2, 4, 3, 0, 1], "{}", ran.err);
    known("the value of 1 device is not known: they come last", &ran);
    let emulator = closed().await;
    let ran = said(&place, &emulator, &[ONE, "--order=last-seen", "--first=first.txt"]).await;
    assert_eq!(ordered(&emulator), [3, 2, 0, 1, 4], "{}", ran.err);
    known("the last report of 2 devices is not known: they come last", &ran);
    let emulator = closed().await;
    said(&place, &emulator, &[ONE]).await;
    assert_eq!(ordered(&emulator), [0, 1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tenants_inventory_tells_what_the_list_does_not() {
    let emulator = emulate("calm", &[(100, 60.0)], 1.0).await;
    let place = Place::new();
    let command = place.towards(&emulator, &["devices", "--json"]);
    let machines = json_lines(&beside(move || run(command)).await.out);
    let active = machines.iter().filter(|one| one["healthStatus"] == "Active").take(30);
    let active: Vec<_> = active.collect();
    assert_eq!(active.len(), 30);
    let id = |one: &serde_json::Value| one["id"].as_str().unwrap().to_owned();
    let ids: Vec<String> = active.iter().map(|one| id(one)).collect();
    std::fs::write(place.path("list.csv"), ids.join("\n")).unwrap();
    let ran = said(&place, &emulator, &[ONE, "--order=last-seen", "--json"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let entries = emulator.ledger().entries;
    let scans = entries.iter().filter(|entry| entry.operation == Operation::Scan);
    let asked: Vec<String> = scans.filter_map(|entry| entry.device.clone()).collect();
    let seen = |id: &String| {
        let one = active.iter().find(|one| one["id"] == **id).unwrap();
        one["lastSeen"].as_str().unwrap()[..19].to_owned()
    };
    let times: Vec<String> = asked.iter().map(seen).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
    assert_ne!(asked, ids, "the list's own order was another one");
    assert_eq!(json_lines(&ran.out)[0]["order"]["unknown"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_cannot_be_kept_is_refused_before_anything_is_ordered() {
    let emulator = closed().await;
    let place = Place::new();
    list(&place, &[(0, "", ""), (1, "", "")]);
    plain(&place, "other.txt", &[1, 8, 7]);
    let bad = format!("{}\n82f42fca-e931-4f03-b54c-47af94bd394d\n", device(0));
    std::fs::write(place.path("bad.txt"), bad).unwrap();
    let missing = device(8).to_string();
    for (args, why) in [
        (
            &["--first=other.txt"][..],
            &[
                "2 of the 3 devices of --first are not in the list",
                "line 2 of other.txt",
                missing.as_str(),
                "DEVICES other.txt",
            ][..],
        ),
        (&["--first=bad.txt"], &["1 row holds no device in bad.txt", "line 2"]),
        (&["--first=none.txt"], &["none.txt", "no such file"]),
        (&["--first=-"], &["--first reads no standard input"]),
        (&["--first=list.csv", "--report=list.csv", "--force"], &["replace the list"]),
        (&["--order=last-seen"], &["of no device of the list the last report is known", "--check"]),
        (&["--order=value"], &["of no device of the list the value is known", "Device value"]),
        (&["--order=age"], &["write file, last-seen or value"]),
    ] {
        for dry in [&[][..], &["--dry-run"]] {
            let refused = said(&place, &emulator, &[args, dry].concat()).await;
            assert_eq!(refused.code, 2, "{args:?}: {}", refused.err);
            let words = flat(&refused.err);
            for why in why {
                assert!(words.contains(why), "{args:?}: {why}: {}", refused.err);
            }
        }
    }
    assert!(ordered(&emulator).is_empty());
    // Named as a list too, the devices are added to it.
    let both = ["other.txt", "--first=other.txt", ONE];
    let ran = said(&place, &emulator, &both).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ordered(&emulator), [1, 8, 7, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_that_goes_on_keeps_the_order_that_it_began_with() {
    let emulator = emulate("calm", &[(2, 60.0)], 1.0).await;
    let place = Place::new();
    let recent = ago(1);
    let rows: Vec<_> = (0..4).map(|n| (n, "", recent.as_str())).collect();
    list(&place, &rows);
    plain(&place, "first.txt", &[3]);
    let begun = [ONE, "--campaign=c", "--limit=2/1m", "--max-duration=3s", "--no-check"];
    let ran = said(&place, &emulator, &[&begun[..], &["--first=first.txt"]].concat()).await;
    assert_eq!(ran.code, 5, "{}", ran.err);
    plain(&place, "first.txt", &[77]);
    let again = [&begun[..], &["--first=first.txt", "--order=value", "--json"]].concat();
    let ran = said(&place, &emulator, &again).await;
    assert_eq!(ran.code, 5, "{}", ran.err);
    let words = flat(&ran.err);
    assert!(words.contains("as it was fixed when the campaign began"), "{}", ran.err);
    assert_eq!(json_lines(&ran.out)[0]["order"]["fixed_before"], true);
    assert_eq!(ordered(&emulator), [3, 0]);
}
