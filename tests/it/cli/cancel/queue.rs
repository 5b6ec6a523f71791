//! Cancelling while a campaign runs, and what it left in doubt: its queue, the orders on their way,
//! and those of a runner that was killed.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_cancelled_stops_its_runner_and_calls_nobody() {
    let emulator = emulate(SLOW, &[(20, 1.0)]).await;
    let place = Place::new();
    place.list(300);
    let args = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=300"];
    let more = ["--campaign=c", "--limit=20/1s", "--report=c.csv", "--no-check"];
    let child = start(place.towards(&emulator, &[&args[..], &more[..]].concat()));
    accepted(&emulator, 30).await;
    let queue_only = ["cancel", "c", "--queue-only"];
    let said = run(place.fleetsweep(&queue_only));
    assert_eq!(said.code, 6, "{}", said.err);
    let said = run(place.fleetsweep(&[&queue_only[..], &["--dry-run"]].concat()));
    assert_eq!(said.code, 0, "{}", said.err);
    // It needs no settings of the tenant, since nobody is called.
    let said = run(place.fleetsweep(&[&queue_only[..], &["--approve-max=300", "--json"]].concat()));
    assert!([0, 5].contains(&said.code), "{}", said.err);
    let calls = emulator.ledger().count(Operation::Scan);
    let taken = json_lines(&said.out)[1]["queue_cancelled"].as_u64().unwrap();
    let said = beside(move || wait(child)).await;
    assert_eq!(said.code, 3, "{}", said.err);
    let after = emulator.ledger().count(Operation::Scan);
    // Those that were claimed a moment before were on their way.
    assert!(after <= calls + 16, "{calls} calls, then {after}");
    let rows = report(&place.path("c.csv"));
    let never = rows.iter().filter(|row| row["outcome"] == "not_attempted");
    assert!(
        never.clone().all(|row| row["reason"] == "its campaign was ended before it was ordered")
    );
    assert_eq!(never.count() as u64, taken);
    let ordered = rows.iter().filter(|row| row["outcome"] == "accepted").count() as u64;
    assert_eq!(ordered + taken, 300);
    assert_eq!(emulator.ledger().accepted, ordered);
    assert_eq!(emulator.ledger().count(Operation::Cancel), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_under_way_is_stopped_and_what_it_started_is_cancelled() {
    let slow = format!("{SLOW}\n[latency]\nmedian_ms = 700");
    let emulator = emulate(&slow, &[(20, 1.0)]).await;
    let place = Place::new();
    let stranger = Stranger::at(&emulator).await;
    place.list(300);
    let args = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=300"];
    let more = ["--campaign=c", "--limit=20/1s", "--report=c.csv", "--no-check"];
    let hears = ["--on-event=cat >>events.jsonl"];
    let child = start(place.towards(&emulator, &[&args[..], &more[..], &hears].concat()));
    accepted(&emulator, 30).await;
    let said = cancel(&place, &emulator, &["c", "--approve-max=300", "--json"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let lines = json_lines(&said.out);
    let (plan, summary) = (&lines[0], &lines[1]);
    assert_eq!(plan["orders_on"], true, "whoever reads the plan knows: {plan}");
    let list = stranger.list().await;
    let open = list.values().filter(|one| text(one, "status") != "Cancelled").count();
    assert_eq!(open, 0, "what was on its way is cancelled too: {summary}");
    let ended = beside(move || wait(child)).await;
    assert_eq!(ended.code, 3, "{}", ended.err);
    let ordered = emulator.ledger().accepted;
    assert_eq!(summary["cancelled"], ordered);
    assert_eq!(summary["queue_cancelled"].as_u64().unwrap() + ordered, 300);
    assert_eq!(assert_report_equals_list(&place, &stranger, "c").await as u64, ordered);
    let status = run(place.fleetsweep(&["status", "c", "--json"]));
    assert_eq!(json_lines(&status.out)[0]["cancelled"], true);
    assert_within_limits(&emulator);
    // Its run and `cancel` end at about the same time; what became of all is in the latter's.
    let events = json_lines(&std::fs::read_to_string(place.path("events.jsonl")).unwrap());
    let told: Vec<_> = events.iter().filter(|one| one["event"] != "started").collect();
    assert!(told.iter().all(|one| one["event"] == "cancelled"), "{events:?}");
    let [of_cancel] = told.iter().filter(|one| one["run"] == "").collect::<Vec<_>>()[..] else {
        panic!("{events:?}");
    };
    assert_eq!(told.len(), 2, "{events:?}");
    assert_eq!(of_cancel["outcomes"]["cancelled"], ordered, "{of_cancel}");
    assert_eq!(of_cancel["outcomes"].get("accepted"), None, "{of_cancel}");
    assert_eq!((&of_cancel["exit_code"], &of_cancel["attention"]), (&0.into(), &false.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_in_doubt_are_not_touched_and_resume_finds_them_out_without_ordering() {
    // Answers take long, so that the kill leaves calls without one.
    let slow = format!("{SLOW}\n[latency]\nmedian_ms = 800");
    let emulator = emulate(&slow, &[(1_000, 1.0)]).await;
    let place = Place::new();
    let stranger = Stranger::at(&emulator).await;
    place.list(40);
    let args = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=40"];
    let more = ["--campaign=c", "--limit=10/1s", "--report=c.csv", "--no-check", "--time-scale=5"];
    let mut child = start(place.towards(&emulator, &[&args[..], &more[..]].concat()));
    accepted(&emulator, 8).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let said = cancel(&place, &emulator, &["c", "--approve-max=40", "--time-scale=5"]).await;
    assert_eq!(said.code, 5, "{}", said.err);
    assert!(said.err.contains("    fleetsweep resume c"), "{}", said.err);
    let ordered = emulator.ledger().accepted;
    let resume = ["resume", "c", "--time-scale=5", "--report=c.csv"];
    let command = place.towards(&emulator, &resume);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 3, "{}", said.err);
    assert!(said.err.contains("was cancelled: nothing more of it is ordered"), "{}", said.err);
    assert_eq!(emulator.ledger().accepted, ordered, "nothing was ordered");
    let said = cancel(&place, &emulator, &["c", "--approve-max=40", "--time-scale=5"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let list = stranger.list().await;
    assert!(list.values().all(|one| text(one, "status") == "Cancelled"));
    assert_eq!(assert_report_equals_list(&place, &stranger, "c").await as u64, ordered);
}
