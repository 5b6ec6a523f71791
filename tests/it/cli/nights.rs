//! Nights that follow one another: what is due, what earlier orders cover, series and their
//! coverage. The emulator's ledger judges what was ordered.

use std::collections::BTreeSet;

use fleetsweep::emulator::{self, Config, Emulator, Limit, Scenario};

use rustix::process::{Pid, Signal, kill_process};

use super::campaigns::accepted;
use super::{Place, Said, beside, emulate, flat, json_lines, report, run, start, until, wait};
use crate::kit::support::device;

/// An emulator on which this share of the actions fails a moment after they were created.
async fn failing(share: f64) -> Emulator {
    let text = format!(
        "[devices]\nbusy_share = 0.0\n[actions]\nfailed_share = {share}\ntimeout_share = 0.0\n"
    );
    playing(&text).await
}

/// An emulator that plays this, and whose days are some half a minute long.
async fn playing(text: &str) -> Emulator {
    let scenario = Scenario::from_toml(text).unwrap();
    let limits = vec![Limit { calls: 1_000, window: std::time::Duration::from_secs(1) }];
    let config = Config { scenario, limits, speed: 3_000.0, seed: 7, ..Config::default() };
    emulator::start(config, "127.0.0.1:0".parse().unwrap()).await.unwrap()
}

/// A list of these devices.
fn list(place: &Place, name: &str, devices: std::ops::Range<u64>) {
    let ids: Vec<String> = devices.map(|n| device(n).to_string()).collect();
    std::fs::write(place.path(name), ids.join("\n")).unwrap();
}

async fn scan(place: &Place, emulator: &Emulator, args: &[&str]) -> Said {
    let usual = ["--comment=test", "--approve-max=1000", "--limit=1000/1s", "--json"];
    let command = place.towards(emulator, &[&["scan"], args, &usual[..]].concat());
    beside(move || run(command)).await
}

fn plan(said: &Said) -> (u64, u64) {
    let plan = &json_lines(&said.out)[0];
    (plan["devices"].as_u64().unwrap(), plan["skipped"].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_ordered_within_the_time_of_due_is_left_out_and_the_report_says_since_when() {
    let emulator = failing(0.0).await;
    let place = Place::new();
    list(&place, "some.txt", 0..40);
    list(&place, "all.txt", 0..60);
    let first = scan(&place, &emulator, &["some.txt", "--type=full", "--campaign=first"]).await;
    assert_eq!(first.code, 0, "{}", first.err);
    // Nothing is sent for the plan, which the store alone gives.
    let before = emulator.ledger().entries.len();
    let dry = ["all.txt", "--type=full", "--dry-run", "--due=7d", "-v"];
    let dry = scan(&place, &emulator, &dry).await;
    assert_eq!((plan(&dry), dry.code), ((20, 40), 0), "{}", dry.err);
    assert!(
        dry.err.contains("skipped      40 recent: a scan that covers it was ordered"),
        "{}",
        dry.err
    );
    assert_eq!(emulator.ledger().entries.len(), before);
    let due = ["all.txt", "--type=full", "--due=7d", "--campaign=due", "--report=due.csv"];
    let due = scan(&place, &emulator, &due).await;
    assert_eq!((plan(&due), due.code), ((20, 40), 0), "{}", due.err);
    let rows = report(&place.path("due.csv"));
    for (n, row) in rows.iter().enumerate() {
        let outcome = if n < 40 { "skipped" } else { "accepted" };
        assert_eq!(row["outcome"], outcome, "{row:?}");
        let recent = "recent: a scan that covers it was ordered at 20";
        assert_eq!(row["reason"].starts_with(recent), n < 40, "{row:?}");
        assert!(!row["reason"].contains('.'), "people read whole seconds: {row:?}");
    }
    assert_eq!(emulator.ledger().accepted, 60);
    assert!(emulator.ledger().accepted_twice.is_empty());
    // A quick scan is no full one, and a full one does for a quick one.
    list(&place, "new.txt", 60..70);
    scan(&place, &emulator, &["new.txt", "--type=quick", "--campaign=quick"]).await;
    list(&place, "all.txt", 0..70);
    let of = async |kind, time| {
        let args = ["all.txt", kind, time, "--dry-run"];
        plan(&scan(&place, &emulator, &args).await)
    };
    assert_eq!(of("--type=full", "--due=7d").await, (10, 60));
    assert_eq!(of("--type=quick", "--due=7d").await, (0, 70));
    let long_ago = async || of("--type=full", "--due=1s").await == (70, 0);
    until("it was longer ago than a second", long_ago).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_failed_does_not_count_and_one_of_somebody_else_does() {
    let emulator = failing(0.5).await;
    let (ours, theirs) = (Place::new(), Place::new());
    list(&theirs, "some.txt", 0..40);
    scan(&theirs, &emulator, &["some.txt", "--type=full", "--campaign=theirs"]).await;
    // Until all have ended, some of them badly.
    let command = theirs.towards(&emulator, &["follow", "--every=1s", "--json"]);
    let followed = beside(move || run(command)).await;
    let last = json_lines(&followed.out).pop().unwrap();
    let failed = last["actions"]["Failed"].as_u64().unwrap();
    assert!(last["open"] == 0 && failed > 5 && failed < 35, "{last}");
    list(&ours, "all.txt", 0..50);
    let due = ["all.txt", "--type=full", "--due=7d", "--dry-run"];
    // Our store knows of none, and nothing but the tenant does.
    let said = scan(&ours, &emulator, &due).await;
    assert_eq!(plan(&said), (50, 0), "{}", said.err);
    let not_asked = "scans that others ordered in the tenant within the time of --due";
    let flat = flat(&said.err);
    assert!(flat.contains(not_asked), "{}", said.err);
    let checked = [&due[..], &["--check"]].concat();
    let said = scan(&ours, &emulator, &checked).await;
    assert_eq!(plan(&said), (10 + failed, 40 - failed), "{}", said.err);
    // The store of those who ordered them says the same, since it was followed.
    list(&theirs, "all.txt", 0..50);
    let said = scan(&theirs, &emulator, &due).await;
    assert_eq!(plan(&said), (10 + failed, 40 - failed), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_run_of_a_series_is_a_campaign_of_its_own_and_coverage_counts_them_together() {
    let emulator = failing(0.0).await;
    let place = Place::new();
    list(&place, "all.txt", 0..60);
    let night =
        ["all.txt", "--type=full", "--series=nightly", "--due=7d", "--report={campaign}.csv"];
    let mut names = BTreeSet::new();
    let today = || fleetsweep::clock::wall_clock().to_string()[..10].to_owned();
    let began = today();
    for _ in 0..3 {
        let said = scan(&place, &emulator, &night).await;
        assert_eq!(said.code, 0, "{}", said.err);
        let summary = json_lines(&said.out).pop().unwrap();
        let name = summary["campaign"].as_str().unwrap().to_owned();
        assert_eq!(report(&place.path(&format!("{name}.csv"))).len(), 60);
        names.insert(name);
    }
    // Midnight can come between them.
    let days = [began, today()];
    let of_today =
        |name: &String| days.iter().any(|day| name.starts_with(&format!("nightly-{day}")));
    assert!(names.len() == 3 && names.iter().all(of_today), "{names:?}");
    assert_eq!(emulator.ledger().accepted, 60, "the second and the third had nothing to order");
    let coverage = ["status", "--coverage", "--series=nightly"];
    let told = run(place.fleetsweep(&[&coverage[..], &["--json"]].concat()));
    assert_eq!(told.code, 0, "{}", told.err);
    let told = &json_lines(&told.out)[0];
    assert_eq!((&told["devices"], &told["within_7d"]["ordered"]), (&60.into(), &60.into()));
    assert_eq!((&told["never"], &told["devices_a_run"]), (&0.into(), &60.into()));
    let text = run(place.fleetsweep(&coverage));
    assert!(text.out.contains("60 ordered (100.0 %)"), "{}", text.out);
    assert!(text.out.lines().all(|line| line.chars().count() <= 80), "{}", text.out);
    let none = run(place.fleetsweep(&["status", "--coverage", "--series=other"]));
    assert_eq!(none.code, 2, "{}", none.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_a_series_leaves_one_that_works_alone_and_ends_one_that_was_killed() {
    let emulator = emulate("calm", &[(40, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(120);
    let night = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=120"];
    // That an order of the first run reached nobody is known here in ten seconds and not in three
    // minutes.
    let more = ["--limit=20/1s", "--no-check", "--series=n", "--due=7d", "--time-scale=20"];
    let night = [&night[..], &more[..]].concat();
    let mut first = start(place.towards(&emulator, &night));
    accepted(&emulator, 30).await;
    let second = place.towards(&emulator, &night);
    let second = beside(move || run(second)).await;
    assert_eq!(second.code, 5, "{}", second.err);
    assert!(second.err.contains("of this series is still running"), "{}", second.err);
    let running = run(place.fleetsweep(&["status", "--series=n"]));
    assert!(running.out.contains("runs now, begun:"), "{}", running.out);
    first.kill().unwrap();
    first.wait().unwrap();
    let at_work = || run(place.fleetsweep(&["status", "--series=n"])).out.contains("runs now");
    until("it is taken for killed", async || !at_work()).await;
    let hears = ["--json", "--on-event=cat >>events.jsonl"];
    let third = place.towards(&emulator, &[&night[..], &hears].concat());
    let third = beside(move || run(third)).await;
    assert!([0, 3].contains(&third.code), "{}", third.err);
    let told = flat(&third.err);
    assert!(told.contains(", whose run was killed, is ended; "), "{told}");
    assert!(told.contains("that waited there come with this run"), "{told}");
    assert!(emulator.ledger().accepted_twice.is_empty());
    let told = run(place.fleetsweep(&["status", "--series=n", "--json"]));
    let told = json_lines(&told.out);
    assert_eq!(told.len(), 2, "{told:?}");
    for campaign in &told {
        assert_eq!((&campaign["state"], &campaign["open"]), (&"finished".into(), &0.into()));
    }
    let ended = |outcome: &str| -> u64 {
        told.iter().filter_map(|campaign| campaign["outcomes"][outcome].as_u64()).sum()
    };
    assert_eq!(ended("accepted"), emulator.ledger().accepted, "{told:?}");
    // That it was killed is told for good.
    let nights = run(place.fleetsweep(&["status", "--nights"])).out;
    assert!(flat(&nights).contains("killed (last seen at work "), "{nights}");
    // Who waits for news of it hears it from the run that took it over, once and first.
    let events = json_lines(&std::fs::read_to_string(place.path("events.jsonl")).unwrap());
    let killed: Vec<_> = events.iter().filter(|one| one["event"] == "killed").collect();
    assert_eq!((killed.len(), &events[0]["event"]), (1, &"killed".into()), "{events:?}");
    assert_eq!(killed[0]["attention"], true, "{events:?}");
    assert!(killed[0]["say"].as_str().unwrap().contains("; last seen at work "), "{events:?}");
    // What the third run has is not to be ordered again by way of the first one.
    let first = told.iter().find(|one| one["outcomes"]["not_attempted"].as_u64() > Some(0));
    let first = first.unwrap()["campaign"].as_str().unwrap();
    let said = run(place.fleetsweep(&["report", first, "--report=first.csv"]));
    assert_eq!(said.code, 0, "{}", said.err);
    let said = run(place.fleetsweep(&["report", first, "--report=first.md"]));
    assert_eq!(said.code, 0, "{}", said.err);
    let [csv, ticket] =
        ["first.csv", "first.md"].map(|name| std::fs::read_to_string(place.path(name)).unwrap());
    assert!(csv.contains("handed on: the next run of its series has it"), "{csv}");
    assert_eq!(killed[0]["campaign"].as_str(), Some(first));
    assert!(!csv.contains("was ended before it was ordered"), "{csv}");
    assert!(ticket.contains("nothing: the next run of the series has them"), "{ticket}");
    let attention = ticket.split("covered; ").nth(1).unwrap().split(' ').next().unwrap();
    let attention = attention.parse::<usize>().unwrap();
    assert!(attention < 10, "those are not counted: {ticket}");
    // What each such order would be refused for is not ordered again either.
    let others = attention - csv.matches(",OsPlatformNotSupported,").count();
    let told = flat(&run(place.fleetsweep(&["status", first])).out);
    assert!(told.contains("Its own run was killed"), "{told}");
    for args in [["retry", first].as_slice(), &["retry", first, "--outcome=not_attempted"]] {
        let said = run(place.towards(&emulator, &[args, &["--dry-run"]].concat()));
        let told = flat(&said.err);
        assert_eq!(said.code == 2, args.len() == 3 || others == 0, "{told}");
        assert!(told.contains("handed on to the next run of the series"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_that_closes_as_the_plan_foresaw_is_exit_0_in_a_series_and_the_next_run_goes_on() {
    let emulator = failing(0.0).await;
    let place = Place::new();
    place.list(60);
    let (window, zone) = super::windows::closes_in(16);
    let night =
        ["list.txt", "--type=full", "--series=n", "--due=7d", "--limit=5/30s", "--no-check"];
    let comment = ["--comment=test", "--approve-max=1000", "--json", &window];
    let mut command = place.towards(&emulator, &[&["scan"], &night[..], &comment[..]].concat());
    command.env("TZ", zone);
    let closed = beside(move || run(command)).await;
    assert_eq!(closed.code, 0, "{}", closed.err);
    assert!(closed.err.contains("stopped as planned: its window closed"), "{}", closed.err);
    assert!(closed.err.contains("The next run of the series begins with what is left."));
    let summary = json_lines(&closed.out).pop().unwrap();
    assert_eq!((&summary["planned"], &summary["stop"]["kind"]), (&true.into(), &"window".into()));
    let (before, left) = (emulator.ledger().accepted, summary["open"].as_u64().unwrap());
    assert_eq!((before, left), (5, 55), "{summary}");
    let name = summary["campaign"].as_str().unwrap();
    let said = run(place.fleetsweep(&["report", name, "--report=w.md"]));
    assert_eq!(said.code, 0, "{}", said.err);
    let ticket = std::fs::read_to_string(place.path("w.md")).unwrap();
    assert!(ticket.contains("Not finished: its window closed"), "{ticket}");
    let next = scan(&place, &emulator, &night[..4]).await;
    assert_eq!((next.code, plan(&next)), (0, (left, before)), "{}", next.err);
    // Its plan counts on the limits of its own run, and not on those of the one that it ends.
    let limits = |said: &Said| json_lines(&said.out)[0]["quota_used"].to_string();
    let five = [&closed, &next].map(|said| limits(said).contains("\"limit\":5,"));
    assert_eq!(five, [true, false], "{}", limits(&next));
    assert_eq!(emulator.ledger().accepted, 60);
    assert!(emulator.ledger().accepted_twice.is_empty());
}

/// An emulator that refuses this share of the devices.
pub(super) async fn refusing(share: f64) -> Emulator {
    playing(&format!("[devices]\nunsupported_share = {share}")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_night_after_one_that_a_rule_stopped_says_so_and_drops_the_rule_only_if_that_is_typed() {
    let emulator = refusing(0.5).await;
    let place = Place::new();
    place.list(400);
    let night = ["list.txt", "--type=full", "--series=n", "--no-check", "--concurrency=2"];
    let ruled = [&night[..], &["--max-failures=10"]].concat();
    let stopped = scan(&place, &emulator, &ruled).await;
    assert_eq!(stopped.code, 4, "{}", stopped.err);
    let name = json_lines(&stopped.out)[0]["campaign"].as_str().unwrap().to_owned();
    let calls = emulator.ledger().count(emulator::Operation::Scan);
    let refused = scan(&place, &emulator, &night).await;
    assert_eq!(refused.code, 4, "{}", refused.err);
    let told = flat(&refused.err);
    assert!(told.contains(&format!("a rule stopped {name} of this series")), "{told}");
    assert!(told.contains("--max-failures 10") && told.contains("--max-failures none"), "{told}");
    assert_eq!(emulator.ledger().count(emulator::Operation::Scan), calls);
    // The plan says it before anything is confirmed, and in a dry run.
    let dry = scan(&place, &emulator, &[&ruled[..], &["--dry-run"]].concat()).await;
    let warnings = json_lines(&dry.out)[0]["warnings"].to_string();
    assert!(
        warnings.contains(&format!("the run before, {name}, stopped by a safety rule (10 of ")),
        "{warnings}"
    );
    let next = scan(&place, &emulator, &[&night[..], &["--max-failures=none"]].concat()).await;
    let told = flat(&next.err);
    assert!(told.contains(&format!("{name}, which stopped by a safety rule (10 of ")), "{told}");
    assert!(told.contains("that waited there come with this run"), "{told}");
    assert!(emulator.ledger().count(emulator::Operation::Scan) > calls + 300, "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_night_follows_one_of_which_a_wave_failed_until_somebody_has_looked() {
    let emulator = refusing(1.0).await;
    let place = Place::new();
    place.list(40);
    let night = ["list.txt", "--type=full", "--series=n", "--no-check", "--max-failures=5%"];
    let canary = [&night[..], &["--canary=6", "--canary-wait=1s"]].concat();
    let failed = scan(&place, &emulator, &canary).await;
    assert_eq!(failed.code, 4, "{}", failed.err);
    let name = json_lines(&failed.out)[0]["campaign"].as_str().unwrap().to_owned();
    for night in [&night[..], &canary] {
        let next = scan(&place, &emulator, night).await;
        assert_eq!(next.code, 4, "{}", next.err);
        assert!(flat(&next.err).contains(&format!("a wave of {name} of this series failed")));
    }
    assert_eq!(emulator.ledger().count(emulator::Operation::Scan), 6);
    // The repair that is printed is one: the next night begins anew, with its canary.
    let cancel = place.towards(&emulator, &["cancel", "--queue-only", &name, "--approve-max=40"]);
    let cancelled = beside(move || run(cancel)).await;
    assert!([0, 3].contains(&cancelled.code), "{}", cancelled.err);
    let next = scan(&place, &emulator, &canary).await;
    assert_eq!(next.code, 4, "its own canary fails: {}", next.err);
    assert_eq!(emulator.ledger().count(emulator::Operation::Scan), 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_that_every_night_is_refused_stop_no_night_once_all_others_are_covered() {
    let text = "[devices]\nbusy_share = 0.0\nnot_found_share = 0.08\n";
    let emulator = playing(text).await;
    let place = Place::new();
    list(&place, "fleet.txt", 0..400);
    let night = [
        "fleet.txt",
        "--type=full",
        "--series=nightly",
        "--due=6d12h",
        "--no-check",
        "--time-scale=60",
    ];
    let first = scan(&place, &emulator, &night).await;
    assert_eq!(first.code, 3, "{}", first.err);
    for _ in 0..2 {
        let next = scan(&place, &emulator, &night).await;
        let (devices, skipped) = plan(&next);
        assert!((20..50).contains(&devices) && devices + skipped == 400, "{devices}");
        assert_eq!(next.code, 3, "those that are gone are told again: {}", next.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_night_that_was_refused_is_among_the_nights_with_why_and_is_told_at_once() {
    let emulator = failing(0.0).await;
    let place = Place::new();
    place.list(20);
    let night = ["list.txt", "--type=full", "--no-check", "--on-event=cat >>events.jsonl"];
    // The night before, which has something left and is held on purpose.
    // The programs of the tests are in UTC, wherever the tests are.
    let now = fleetsweep::clock::wall_clock().to_zoned_datetime(jiff::tz::TimeZone::UTC);
    let yesterday = now.date().yesterday().unwrap();
    let before = format!("--campaign=n-{yesterday}");
    let short = ["--limit=5/30s", "--max-duration=2s"];
    let comment = ["scan", "--comment=test", "--approve-max=20"];
    let first = [&comment[..], &night, &[&before], &short].concat();
    let first = place.towards(&emulator, &first);
    assert_eq!(beside(move || run(first)).await.code, 5);
    let paused = run(place.fleetsweep(&["pause"])).err;
    assert!(flat(&paused).contains("No run of the series n begins until"), "{paused}");
    let standing = run(place.fleetsweep(&["status", &before["--campaign=".len()..]])).out;
    assert!(flat(&standing).contains("cancelled no run of n begins"), "{standing}");
    let tonight = || place.towards(&emulator, &[&comment[..], &night, &["--series=n"]].concat());
    let nights = || run(place.fleetsweep(&["status", "--nights"])).out;
    // Neither what fails in a rehearsal is a night, nor what somebody sits before.
    let attended = ["scan", "list.txt", "--type=full", "--comment=test", "--series=n"];
    for (more, code) in [(&["--dry-run", "--approve-max=3", "--until=nine"][..], 2), (&[], 5)] {
        let command = place.towards(&emulator, &[&attended[..], more].concat());
        assert_eq!(beside(move || run(command)).await.code, code);
    }
    assert!(!nights().contains("no run began"), "{}", nights());
    let second = tonight();
    let second = beside(move || run(second)).await;
    assert_eq!(second.code, 5, "{}", second.err);
    let why = format!("n-{yesterday} of this series is paused");
    assert!(flat(&nights()).contains(&format!("no run began: {why}")), "{}", nights());
    // Who only asks how it stands does not take the night before for the last one.
    let plain = flat(&run(place.fleetsweep(&["status"])).out);
    assert!(plain.contains("! No run of n began on ") && plain.contains(&why), "{plain}");
    let events = json_lines(&std::fs::read_to_string(place.path("events.jsonl")).unwrap());
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["series"]), (&"not_begun".into(), &"n".into()), "{last}");
    assert!(last["say"].as_str().unwrap().contains(&why) && !last["tenant"].is_null(), "{last}");
    // The story of the run before it has that too.
    let story = run(place.fleetsweep(&["status", &format!("n-{yesterday}")])).out;
    let told =
        |story: &str| flat(story).matches("a run of its series could not begin on 20").count();
    assert_eq!(told(&story), 1, "{story}");
    // As often as a timer tries, it stands there once a day.
    let third = tonight();
    assert_eq!(beside(move || run(third)).await.code, 5);
    let story = run(place.fleetsweep(&["status", &format!("n-{yesterday}")])).out;
    assert_eq!(told(&story), 1, "{story}");
    let soon = fleetsweep::clock::wall_clock() + jiff::SignedDuration::from_secs(2);
    let resume = format!("--start-at={soon:.0}");
    let resume = ["resume", &format!("n-{yesterday}"), &resume, "--max-duration=none"];
    let resume = place.towards(&emulator, &[&resume[..], &["--limit=500/1s"]].concat());
    let said = beside(move || run(resume)).await;
    assert!(flat(&said.err).contains("no run of the series n begins"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_was_taken_for_dead_and_lives_says_who_has_the_rest_and_blames_nobody() {
    let emulator = emulate("calm", &[(40, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(60);
    let night = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=60"];
    let more = ["--limit=5/1s", "--no-check", "--series=n", "--due=7d", "--time-scale=20"];
    let night = [&night[..], &more[..]].concat();
    let hears = ["--on-event=cat >>events.jsonl", "--report=first.csv"];
    let first = start(place.towards(&emulator, &[&night[..], &hears].concat()));
    accepted(&emulator, 5).await;
    let at_work = || run(place.fleetsweep(&["status", "--series=n"])).out.contains("runs now");
    let second = loop {
        kill_process(Pid::from_child(&first), Signal::STOP).unwrap();
        until("it is taken for dead", async || !at_work()).await;
        let second = place.towards(&emulator, &[&night[..], &["--limit=500/1s"]].concat());
        let second = beside(move || run(second)).await;
        if !second.err.contains("another process holds the store") {
            break second;
        }
        // It was stopped in the middle of a write, with the lock.
        kill_process(Pid::from_child(&first), Signal::CONT).unwrap();
        until("it is seen again", async || at_work()).await;
    };
    assert!([0, 3].contains(&second.code), "{}", second.err);
    kill_process(Pid::from_child(&first), Signal::CONT).unwrap();
    let first = beside(move || wait(first)).await;
    assert!(first.err.contains("the next run of its series took over"), "{}", first.err);
    assert!(!first.err.contains("--outcome not_attempted"), "{}", first.err);
    let nights = run(place.fleetsweep(&["status", "--nights"])).out;
    let told = [first.err, nights, std::fs::read_to_string(place.path("events.jsonl")).unwrap()];
    assert!(!told.iter().any(|text| text.contains("fleetsweep cancel")), "{told:?}");
    assert!(!told[2].contains("\"cancelled\""), "{told:?}");
    assert!(emulator.ledger().accepted_twice.is_empty());
}
