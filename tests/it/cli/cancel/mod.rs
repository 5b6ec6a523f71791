//! `cancel`: what a campaign ordered is taken back, its own actions and nothing else. The judge is
//! the emulator: its ledger and its list of actions.

mod expire;
mod kit;
mod queue;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fleetsweep::emulator::{Emulator, Operation};
use rustix::process::{Pid, Signal, kill_process};

use super::campaigns::{accepted, assert_within_limits};
use super::{Place, Said, at_terminal, beside, flat, json_lines, report, run, start, until, wait};
use crate::kit::support::device;
use kit::*;

const SLOW: &str = "[actions]\npending_s = 100000\nfull_s = 100000";

/// How many scans run.
fn running(list: &BTreeMap<String, serde_json::Value>) -> usize {
    list.values().filter(|one| text(one, "status") == "InProgress").count()
}

/// After 2 to 6 seconds a scan runs, and goes on for a day.
const MIXED: &str = "[actions]\npending_s = 4\nfull_s = 100000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_the_open_actions_of_the_campaign_are_cancelled_and_nobody_elses() {
    let emulator = emulate(MIXED, &[(1_000, 1.0)]).await;
    let place = Place::new();
    let stranger = Stranger::at(&emulator).await;
    // Somebody scans one of our devices already, and takes another over after our order.
    let before = stranger.scan(2).await;
    order(&place, &emulator, "c", 40).await;
    let rows = report(&place.path("c.csv"));
    assert_eq!(rows[2]["outcome"], "already_in_progress");
    stranger.cancel(&rows[5]["action_id"]).await;
    let after = stranger.scan(5).await;
    let elsewhere = stranger.scan(900).await;
    let others: BTreeSet<String> = [before, after, elsewhere].into();
    // Another campaign of the same application.
    let other: Vec<String> = (100..110).map(|n| device(n).to_string()).collect();
    std::fs::write(place.path("other.txt"), other.join("\n")).unwrap();
    let args = ["scan", "other.txt", "--type=full", "--comment=test", "--approve-max=10"];
    let more = ["--campaign=d", "--limit=1000/1s", "--report=d.csv", "--no-check"];
    let command = place.towards(&emulator, &[&args[..], &more[..]].concat());
    assert_eq!(beside(move || run(command)).await.code, 0);
    until("some run", async || running(&stranger.list().await) > 0).await;

    let said = cancel(&place, &emulator, &["c", "--dry-run", "--json"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(emulator.ledger().count(Operation::Cancel), 1, "that of the stranger");
    let plan = &json_lines(&said.out)[0];
    assert_eq!(plan["to_cancel"], 38, "{plan}");
    assert_eq!(plan["orders_on"], false, "{plan}");
    let open = plan["pending"].as_u64().unwrap() + plan["in_progress"].as_u64().unwrap();
    assert_eq!((open, &plan["ended"]), (38, &1.into()), "{plan}");
    assert!(said.err.lines().all(|line| line.chars().count() <= 80), "{}", said.err);

    let said = cancel(&place, &emulator, &["c", "--approve-max=38", "--json"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let lines = json_lines(&said.out);
    assert_eq!((&lines[1]["type"], &lines[1]["cancelled"]), (&"cancel_summary".into(), &38.into()));
    let list = stranger.list().await;
    let ours: BTreeSet<String> =
        of_campaign(&list, "c").keys().map(|id| (*id).to_owned()).collect();
    let mut expected = ours.clone();
    assert!(expected.remove(&rows[5]["action_id"]), "somebody else cancelled that one");
    assert_eq!(cancelled_by(&emulator, "c"), expected);
    for (id, action) in &list {
        let open = ["Pending", "InProgress"].contains(&text(action, "status"));
        assert_eq!(open, !ours.contains(id), "{action}");
    }
    assert!(others.iter().all(|id| list.contains_key(id)));
    let cancelled = assert_report_equals_list(&place, &stranger, "c").await;
    assert_eq!(cancelled, 38);
    let rows = report(&place.path("c.csv"));
    assert_eq!((&*rows[5]["outcome"], &*rows[5]["action_status"]), ("accepted", "Cancelled"));
    assert!(rows[0]["reason"].contains("cancelled by `fleetsweep cancel`"), "{:?}", rows[0]);
    // Nothing is left to do, and the second time says so without asking.
    let said = cancel(&place, &emulator, &["c"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("there is nothing to cancel"), "{}", said.err);
    assert_eq!(emulator.ledger().count(Operation::Cancel), 39);
    assert_within_limits(&emulator);
    // What was taken back can be ordered again by name.
    let said = run(place.towards(&emulator, &["retry", "c", "--outcome=cancelled", "--dry-run"]));
    assert!(said.out.contains("38 devices"), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_goes_on_status_says_so_and_retry_leaves_what_was_cancelled_alone() {
    let emulator = emulate(SLOW, &[(1_000, 1.0)]).await;
    let place = Place::new();
    order(&place, &emulator, "c", 40).await;
    let status = || json_lines(&run(place.fleetsweep(&["status", "c", "--json"])).out);
    assert_eq!(status()[0]["doing"], "finished");
    let args = ["cancel", "c", "--approve-max=40", "--limit=10/1s", "--report=c.csv"];
    let child = start(place.towards(&emulator, &args));
    until("some are cancelled", async || emulator.ledger().count(Operation::Cancel) > 4).await;
    assert_eq!(status()[0]["doing"], "cancelling");
    let told = run(place.fleetsweep(&["status", "c"])).out.replace("\n ", "");
    assert!(told.contains("`fleetsweep cancel` ("), "{told}");
    let said = run(place.towards(&emulator, &["retry", "c", "--dry-run"]));
    assert_eq!(said.code, 6, "{}", said.err);
    assert!(said.err.contains("campaign c is being cancelled"), "{}", said.err);
    let said = beside(move || wait(child)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    // What somebody took back needs nobody.
    assert_eq!(status()[0]["doing"], "cancelled");
    let told = flat(&run(place.fleetsweep(&["status", "c"])).out);
    assert!(told.contains("it was cancelled") && told.contains("40 taken back"), "{told}");
    assert!(!told.contains("attention") && !told.contains("failed"), "{told}");
    assert_eq!(status()[0]["last_run"]["ended"]["exit_code"], 0, "that of its run");
    let said = run(place.towards(&emulator, &["retry", "c", "--dry-run"]));
    assert_eq!(said.code, 2, "{}", said.err);
    let told = flat(&said.err);
    assert!(told.contains("40 devices were taken back; --outcome cancelled orders"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_can_be_left_alone() {
    let emulator = emulate(MIXED, &[(1_000, 1.0)]).await;
    let place = Place::new();
    let stranger = Stranger::at(&emulator).await;
    order(&place, &emulator, "c", 40).await;
    until("some run", async || running(&stranger.list().await) > 0).await;
    let said = cancel(&place, &emulator, &["--pending-only", "--approve-max=40", "--json"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let lines = json_lines(&said.out);
    let list = stranger.list().await;
    let running = running(&list) as u64;
    let cancelled = lines[1]["cancelled"].as_u64().unwrap();
    assert!(cancelled > 0 && running > 0, "{}", said.out);
    assert_eq!(cancelled + running, 40, "{}", said.out);
    let at_plan = lines[0]["in_progress"].as_u64().unwrap();
    assert!(running >= at_plan, "{running} run, {at_plan} ran: none of them was cancelled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_the_same_command_goes_on_with_what_is_open() {
    let emulator = emulate(SLOW, &[(1_000, 1.0)]).await;
    let place = Place::new();
    let stranger = Stranger::at(&emulator).await;
    order(&place, &emulator, "c", 80).await;
    let args = ["cancel", "c", "--approve-max=80", "--limit=20/1s"];
    for until in [12, 30, 55] {
        let mut child = start(place.towards(&emulator, &args));
        cancels(&emulator, until).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let told = run(place.fleetsweep(&["status", "c"])).out;
        let told = flat(&told);
        assert!(told.contains("was killed"), "{told}");
        assert!(told.contains("`fleetsweep cancel c"), "{told}");
        assert!(told.starts_with("c: not all cancelled, "), "{told}");
        // Nothing is left to be ordered, but scans are left that nobody took back.
        for args in [["resume", "c"].as_slice(), &["resume"]] {
            let said = run(place.towards(&emulator, args));
            let told = flat(&said.err);
            assert_eq!(said.code, 6, "{told}");
            assert!(told.contains("was killed on the way"), "{told}");
            assert!(told.contains("`fleetsweep cancel c"), "{told}");
        }
        assert_reports_say_it(&place);
    }
    let said = cancel(&place, &emulator, &["c", "--approve-max=80", "--limit=20/1s"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(cancelled_by(&emulator, "c").len(), 80);
    assert_eq!(assert_report_equals_list(&place, &stranger, "c").await, 80);
    let ledger = emulator.ledger();
    let refused = ledger.entries.iter().filter(|entry| entry.status == Some(400)).count();
    assert!(refused <= 6, "{refused} were asked for though the list showed them cancelled");
    let peak = ledger.peaks.iter().find(|peak| peak.operation == Operation::Cancel).unwrap();
    println!("80 cancelled over 3 kills; at most {} calls in a second", peak.sliding_max);
    assert!(peak.sliding_max <= 20, "{peak:?}");
}

/// Who reads the reports in the morning sees that a command that cancels was killed.
fn assert_reports_say_it(place: &Place) {
    for name in ["k.csv", "k.md", "k.html"] {
        let said = run(place.fleetsweep(&["report", "c", "--force", &format!("--report={name}")]));
        assert_eq!(said.code, 0, "{}", said.err);
    }
    let [md, html] =
        ["k.md", "k.html"].map(|name| std::fs::read_to_string(place.path(name)).unwrap());
    assert!(md.contains("`fleetsweep cancel c") && html.contains("<code>fleetsweep cancel c"));
    assert!(!html.contains('`'), "{html}");
    for text in [md, html] {
        assert!(text.contains("Taking back what was ordered ("), "{text}");
        assert!(text.contains(") was killed, or its machine went down; last seen"), "{text}");
    }
    let rows = report(&place.path("k.csv"));
    let left = rows.iter().filter(|row| row["reason"].contains("and not cancelled yet"));
    assert!(left.clone().count() > 0 && left.clone().all(|row| row["outcome"] == "accepted"));
}

/// Waits until this many calls that cancel have arrived.
async fn cancels(emulator: &Emulator, count: usize) {
    until("calls that cancel", async || emulator.ledger().count(Operation::Cancel) >= count).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_lets_calls_in_flight_finish_and_names_the_command_that_goes_on() {
    let emulator = emulate(SLOW, &[(1_000, 1.0)]).await;
    let place = Place::new();
    let stranger = Stranger::at(&emulator).await;
    order(&place, &emulator, "c", 60).await;
    let args = ["cancel", "c", "--approve-max=60", "--limit=10/1s", "--json"];
    let child = start(place.towards(&emulator, &args));
    cancels(&emulator, 15).await;
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let said = beside(move || wait(child)).await;
    assert_eq!(said.code, 5, "{}", said.err);
    assert!(said.err.contains("    fleetsweep cancel c"), "{}", said.err);
    let summary = &json_lines(&said.out)[1];
    let (done, left) = (summary["cancelled"].as_u64().unwrap(), summary["left"].as_u64().unwrap());
    assert_eq!(done + left, 60, "{summary}");
    assert_eq!(cancelled_by(&emulator, "c").len() as u64, done);
    assert_eq!(assert_report_equals_list(&place, &stranger, "c").await as u64, done);
    // Who looks later sees that scans are left, though every row of the campaign is done.
    for args in [["status", "c"].as_slice(), &["status"]] {
        let told = flat(&run(place.fleetsweep(args)).out);
        assert!(told.contains(&format!("not cancelled yet: {left} scans")), "{told}");
        assert!(told.contains("`fleetsweep cancel c"), "{told}");
    }
    let child = start(place.towards(&emulator, &args));
    cancels(&emulator, done as usize + 8).await;
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let said = beside(move || wait(child)).await;
    assert!([5, 130].contains(&said.code), "{}: {}", said.code, said.err);
    let said = cancel(&place, &emulator, &["c", "--approve-max=60", "--limit=100/1s"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(cancelled_by(&emulator, "c").len(), 60);
    let told = &json_lines(&run(place.fleetsweep(&["status", "c", "--json"])).out)[0];
    assert_eq!(told["cancelling_stopped"], serde_json::Value::Null, "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_right_is_exit_7_whether_to_cancel_or_to_read() {
    let emulator = emulate(&format!("{SLOW}\ncancel_forbidden = true"), &[(1_000, 1.0)]).await;
    let place = Place::new();
    order(&place, &emulator, "c", 30).await;
    let said = cancel(&place, &emulator, &["c", "--approve-max=30"]).await;
    assert_eq!(said.code, 7, "{}", said.err);
    assert!(said.err.contains("may not cancel actions"), "{}", said.err);
    let calls = emulator.ledger().count(Operation::Cancel);
    assert!((20..36).contains(&calls), "{calls}");
    assert!(report(&place.path("c.csv")).iter().all(|row| row["outcome"] == "accepted"));
    let scan_only = format!("{SLOW}\n[token]\nroles = [\"Machine.Scan\"]");
    let emulator = emulate(&scan_only, &[(1_000, 1.0)]).await;
    let place = Place::new();
    order(&place, &emulator, "c", 3).await;
    let said = cancel(&place, &emulator, &["c", "--approve-max=3"]).await;
    assert_eq!(said.code, 7, "{}", said.err);
    assert!(said.err.contains("Machine.Read.All"), "{}", said.err);
    assert_eq!(emulator.ledger().count(Operation::Cancel), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn some_that_the_server_does_not_cancel_are_exit_3_with_its_words() {
    let emulator = emulate(&format!("{SLOW}\ncancel_refused_share = 0.2"), &[(1_000, 1.0)]).await;
    let place = Place::new();
    let stranger = Stranger::at(&emulator).await;
    order(&place, &emulator, "c", 40).await;
    let args = ["c", "--approve-max=40", "--time-scale=10", "--json"];
    let said = cancel(&place, &emulator, &args).await;
    assert_eq!(said.code, 3, "{}", said.err);
    assert!(said.err.contains("refused: HTTP 400, BadRequest: The action cannot"));
    let summary = &json_lines(&said.out)[1];
    let (done, refused) = (summary["cancelled"].as_u64(), summary["refused"].as_u64());
    assert_eq!(done.unwrap() + refused.unwrap(), 40, "{summary}");
    assert!(refused > Some(0), "{summary}");
    assert_eq!(assert_report_equals_list(&place, &stranger, "c").await as u64, done.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_lost_answers_and_429s_the_report_says_what_the_list_says() {
    let faults = "[faults]\non = [\"cancel\"]\ncut_after_share = 0.15\ncut_before_share = 0.15\n\
                  error_500_share = 0.05\nerror_500_after_share = 0.05\nwrong_json_share = 0.05\n\
                  html_share = 0.05\n[throttle]\nrandom_share = 0.03\nrandom_wait_s = 1";
    let emulator = emulate(&format!("{SLOW}\n{faults}"), &[(1_000, 1.0)]).await;
    let place = Place::new();
    let stranger = Stranger::at(&emulator).await;
    order(&place, &emulator, "c", 40).await;
    let args = ["c", "--approve-max=40", "--time-scale=20", "--json"];
    let said = cancel(&place, &emulator, &args).await;
    assert!([0, 3].contains(&said.code), "{}", said.err);
    let summary = &json_lines(&said.out)[1];
    println!("40 with lost answers: {summary}");
    let cancelled = assert_report_equals_list(&place, &stranger, "c").await;
    let said_so = summary["cancelled"].as_u64().unwrap();
    assert_eq!(said_so as usize, cancelled, "{summary}");
    let unknown = summary["unknown"].as_u64().unwrap();
    assert_eq!(said_so + unknown, 40, "{summary}");
    let asked = emulator.ledger();
    let asked = asked
        .entries
        .iter()
        .filter(|entry| entry.operation == Operation::Cancel && entry.throttled.is_none());
    let mut asks: BTreeMap<&str, u32> = BTreeMap::new();
    let ids: Vec<String> = asked.filter_map(|entry| entry.action_id.clone()).collect();
    ids.iter().for_each(|id| *asks.entry(id).or_default() += 1);
    assert!(asks.values().all(|asks| *asks <= 3), "asked again at most twice: {asks:?}");
    assert!(asks.values().any(|asks| *asks > 1), "no answer was lost before it was worked on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_cancelled_unless_the_name_or_the_number_is_typed() {
    let emulator = emulate(SLOW, &[(1_000, 1.0)]).await;
    let place = Place::new();
    order(&place, &emulator, "c", 12).await;
    let said = cancel(&place, &emulator, &["c"]).await;
    assert_eq!(said.code, 6, "{}", said.err);
    assert!(said.err.contains("there is no terminal to ask on"), "{}", said.err);
    assert!(said.err.contains("--approve-max 12"), "{}", said.err);
    let said = cancel(&place, &emulator, &["c", "--approve-max=11"]).await;
    assert_eq!(said.code, 6, "{}", said.err);
    // Who says yes is asked once more.
    for typed in [&["d"][..], &["13"], &[""], &["yes", "yes"]] {
        let said = typing(&place, &emulator, typed).await;
        assert_eq!(said.code, 6, "{typed:?}: {}", said.out);
        let told = flat(&said.out);
        let place = "tenant 11111111-2222-3333-4444-555555555555, API http://127.";
        assert!(told.contains(place) && told.contains("which is not Microsoft's"), "{told}");
    }
    assert_eq!(emulator.ledger().count(Operation::Cancel), 0);
    let said = typing(&place, &emulator, &["12"]).await;
    assert_eq!(said.code, 0, "{}", said.out);
    assert_eq!(cancelled_by(&emulator, "c").len(), 12);
    order(&place, &emulator, "e", 12).await;
    let command = place.towards(&emulator, &["cancel", "e", "--report=e.csv"]);
    let said = beside(move || at_terminal(&command, &["e"])).await;
    assert_eq!(said.code, 0, "{}", said.out);
    assert_eq!(cancelled_by(&emulator, "e").len(), 12);
}

async fn typing(place: &Place, emulator: &Emulator, typed: &'static [&str]) -> Said {
    let command = place.towards(emulator, &["cancel", "c"]);
    beside(move || at_terminal(&command, typed)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_settings_of_another_tenant_cancel_nothing() {
    let emulator = emulate(SLOW, &[(1_000, 1.0)]).await;
    let place = Place::new();
    order(&place, &emulator, "c", 5).await;
    let before = emulator.ledger().entries.len();
    for (name, value) in [
        ("AZURE_TENANT_ID", "99999999-2222-3333-4444-555555555555"),
        ("AZURE_CLIENT_ID", "99999999-7777-8888-9999-000000000000"),
    ] {
        let mut command = place.towards(&emulator, &["cancel", "c", "--approve-max=5"]);
        command.env(name, value);
        let said = beside(move || run(command)).await;
        assert_eq!(said.code, 6, "{}", said.err);
        assert!(said.err.contains("campaign c is not cancelled"), "{}", said.err);
    }
    assert_eq!(emulator.ledger().entries.len(), before, "nobody was called");
}
