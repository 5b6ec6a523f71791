//! The same command typed twice: where nobody looks at the plan, it does not scan the same devices
//! a second time.

use fleetsweep::emulator::Operation;

use super::campaigns::accepted;
use super::{Place, Said, at_terminal, beside, emulate, flat, json_lines, quiet, run, start};

const AGAIN: &str = "has these very devices";

/// What was said, in one line.
fn told(said: &Said) -> String {
    let whole = format!("{} {}", said.out, said.err);
    flat(&whole)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_is_started_again_unasked_begins_no_second_campaign_of_the_same_list() {
    let emulator = emulate("quiet", &[(100, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(20);
    let scan = |more: &[&str]| {
        let words = ["scan", "list.txt", "--type=full", "--comment=test", "--limit=100/1s"];
        let command = place.towards(&emulator, &[&words[..], more].concat());
        beside(move || run(command))
    };
    let first = scan(&["--approve-max=20", "--json"]).await;
    assert_eq!(first.code, 0, "{}", first.err);
    let name = json_lines(&first.out)[0]["campaign"].as_str().unwrap().to_owned();
    let again = scan(&["--approve-max=20"]).await;
    assert_eq!(again.code, 6, "{}", again.err);
    let why = told(&again);
    assert!(why.contains(&format!("campaign {name} {AGAIN}")), "{why}");
    assert!(!why.contains("fleetsweep retry"), "nothing of it is left uncovered: {why}");
    assert!(why.contains("--campaign NAME"), "{why}");
    assert_eq!(emulator.ledger().accepted, 20);
    let tried = || {
        let words = ["scan", "list.txt", "--type=full", "--comment=test", "--emulator"];
        let mut command = place.fleetsweep(&words);
        command.args(["--scenario=quiet", "--store=sqlite:try.db", "--approve-max=20"]);
        beside(move || run(command))
    };
    for _ in 0..2 {
        let said = tried().await;
        assert_eq!(said.code, 0, "each fleet of the emulator is another one: {}", said.err);
    }
    // Without a terminal it is not confirmed either, and what is proposed is not to confirm it.
    let unasked = scan(&[]).await;
    assert_eq!(unasked.code, 6, "{}", unasked.err);
    assert!(told(&unasked).contains("next: to scan all of them again give the new campaign a"));
    // Who has given it a name hears what is missing then.
    let unasked = scan(&["--campaign=third"]).await;
    assert_eq!(unasked.code, 6, "{}", unasked.err);
    assert!(told(&unasked).contains("--approve-max 20"), "{}", unasked.err);
    // A plan can be looked at, another type is another scan, and a name says that it is meant.
    for more in [&["--dry-run"][..], &["--type=quick", "--dry-run"]] {
        let words = ["scan", "list.txt", "--comment=test"];
        let kind = if more.len() == 1 { &["--type=full"][..] } else { &[] };
        let command = place.towards(&emulator, &[&words[..], kind, more].concat());
        let said = beside(move || run(command)).await;
        assert_eq!(said.code, 0, "{}", said.err);
        assert_eq!(told(&said).contains("these very devices"), more.len() == 1, "{}", said.out);
    }
    let named = scan(&["--approve-max=20", "--campaign=second"]).await;
    assert!([0, 3].contains(&named.code), "{}", named.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_campaign_of_the_same_list_is_to_be_gone_on_with_and_a_person_may_begin_another() {
    let emulator = emulate("calm", &[(20, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(60);
    let words = ["scan", "list.txt", "--type=full", "--comment=test", "--no-check"];
    let first = [&words[..], &["--approve-max=60", "--limit=20/1s", "--campaign=c1"]].concat();
    let mut child = start(place.towards(&emulator, &first));
    accepted(&emulator, 5).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let before = quiet(&emulator).await;
    let unasked = place.towards(&emulator, &[&words[..], &["--approve-max=60"]].concat());
    let said = beside(move || run(unasked)).await;
    assert_eq!(said.code, 6, "{}", said.err);
    let why = told(&said);
    assert!(why.contains(&format!("campaign c1 {AGAIN}")), "{why}");
    assert!(why.contains("`fleetsweep resume c1` goes on with it"), "{why}");
    assert_eq!(quiet(&emulator).await, before, "nothing was ordered");
    let asked = [&words[..], &["--limit=100/1s", "--report=r.csv"]].concat();
    let asked = place.towards(&emulator, &asked);
    let said = beside(move || at_terminal(&asked, &["60"])).await;
    assert!([0, 3].contains(&said.code), "{}", said.out);
    assert!(emulator.ledger().count(Operation::Scan) > 60, "somebody typed the number");
    // However many have them, the plan has one warning.
    let dry = run(place.towards(&emulator, &[&words[..], &["--dry-run"]].concat()));
    let plan = told(&dry);
    assert_eq!(plan.matches("these very devices").count(), 1, "{plan}");
    assert!(plan.contains("; another campaign has them too"), "{plan}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_that_ordered_nothing_or_was_cancelled_stands_in_nobodys_way() {
    let emulator = emulate("quiet", &[(100, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(5);
    let words = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=5"];
    let none = place.towards(&emulator, &[&words[..], &["--campaign=c1", "--detach"]].concat());
    let said = beside(move || run(none)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let off = run(place.fleetsweep(&["cancel", "c1", "--queue-only", "--approve-max=5"]));
    assert_eq!(off.code, 0, "{}", off.err);
    let command = place.towards(&emulator, &words);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(!told(&said).contains("these very devices"), "{}", said.err);
}
