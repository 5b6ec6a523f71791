//! `follow`: ordered scans are looked at until they have ended, by one list for all of them.

use fleetsweep::emulator::Operation;

use super::{Place, beside, emulate, json_lines, report, run};

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
    assert_eq!(said.code, if bad.count() > 0 { 3 } else { 0 });
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
