//! Nights that the next one took over, and what is told of them next morning: one story in the
//! reports, in `status`, in the list of nights and for programs.

use fleetsweep::emulator::{self, Config, Emulator, Limit, Operation, Scenario};
use serde_json::Value;

use super::campaigns::accepted;
use super::{Place, Said, beside, flat, json_lines, report, run, start, wait};

/// An emulator that does not know this share of the devices.
async fn not_knowing(share: f64) -> Emulator {
    let text = format!("[devices]\nbusy_share = 0.0\nnot_found_share = {share}\n");
    let scenario = Scenario::from_toml(&text).unwrap();
    let limits = vec![Limit { calls: 1_000, window: std::time::Duration::from_secs(1) }];
    let config = Config { scenario, limits, seed: 7, ..Config::default() };
    emulator::start(config, "127.0.0.1:0".parse().unwrap()).await.unwrap()
}

async fn night(place: &Place, emulator: &Emulator, args: &[&str]) -> Said {
    let usual = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=1000"];
    let more = ["--limit=1000/1s", "--json", "--no-check", "--series=n", "--due=7d"];
    let command = place.towards(emulator, &[&usual[..], &more, args].concat());
    beside(move || run(command)).await
}

fn nights(place: &Place) -> (String, Vec<Value>) {
    let told = run(place.fleetsweep(&["status", "--nights"])).out;
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    (flat(&told), json_lines(&run(place.fleetsweep(&["status", "--nights", "--json"])).out))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_the_next_night_asks_again_is_handed_on_and_not_called_gone() {
    let emulator = not_knowing(0.5).await;
    let place = Place::new();
    place.list(400);
    let reports = ["--report={campaign}.csv"];
    let first = night(&place, &emulator, &reports).await;
    assert_eq!(first.code, 4, "half of them are unknown: {}", first.err);
    assert!(!flat(&first.err).contains("? ("), "no bracket within another: {}", first.err);
    let summary = json_lines(&first.out).pop().unwrap();
    let name = summary["campaign"].as_str().unwrap();
    assert!(summary["calls"].as_u64() > summary["outcomes"]["accepted"].as_u64(), "{summary}");
    let accepted = summary["outcomes"]["accepted"].as_u64().unwrap();
    let next = night(&place, &emulator, &reports).await;
    assert_eq!(next.code, 4, "{}", next.err);

    let rows = report(&place.path(&format!("{name}.csv")));
    let (mut again, mut never) = (0, 0);
    for row in rows.iter().filter(|row| row["outcome"] != "accepted") {
        assert_eq!(row["outcome"], "not_attempted", "{row:?}");
        match (&*row["reason"], &*row["http_status"]) {
            ("handed on: the next run of its series asks it once more", "404") => again += 1,
            ("handed on: the next run of its series has it", "") => never += 1,
            other => panic!("{other:?}"),
        }
    }
    let left = 400 - accepted;
    assert!(again > 10 && again + never == left, "{again} + {never} of {left}");
    run(place.fleetsweep(&["report", name, "--report=n.md"]));
    let ticket = std::fs::read_to_string(place.path("n.md")).unwrap();
    assert!(ticket.contains("0 rows need attention"), "{ticket}");
    let gone = format!("{again} not found");
    assert!(!ticket.contains("| not found |") && !ticket.contains(&gone), "{ticket}");
    let status = flat(&run(place.fleetsweep(&["status", name])).out);
    let done = format!("{name}: handed on, {accepted} of 400 devices done, {left} handed on");
    assert!(status.starts_with(&done), "{status}");
    assert!(!status.contains("attention") && !status.contains(&gone), "{status}");
    let status = json_lines(&run(place.fleetsweep(&["status", name, "--json"])).out).remove(0);
    assert_eq!((&status["done"], &status["handed_on"]), (&accepted.into(), &left.into()));
    assert_eq!(status["cancelled"], false, "{status}");
    let said = run(place.towards(&emulator, &["resume", name]));
    assert!(flat(&said.err).contains("the next run of its series took over what waited in it"));
    let (told, lines) = nights(&place);
    assert!(told.contains(&format!("{accepted} of 400 ordered stopped by a safety rule (")));
    assert!(told.contains(&format!(", {left} handed on")), "{told}");
    let line = lines.iter().find(|line| line["campaign"] == name).unwrap();
    assert_eq!((&line["left"], &line["attention"]), (&left.into(), &0.into()), "{line}");
    assert_eq!((&line["stands"], &line["followed"]), (&"stopped_by_a_rule".into(), &true.into()));
    // What was not known to the server comes last in the next night, and does not stop it at once.
    let next = json_lines(&next.out).pop().unwrap();
    assert!(next["outcomes"]["accepted"].as_u64() > Some(10), "{next}");
    let retry = run(place.towards(&emulator, &["retry", name, "--dry-run"]));
    assert_eq!(retry.code, 2, "{}", retry.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_night_of_which_only_scans_of_others_are_unseen_ends_with_the_next_one() {
    let text = "[devices]\nbusy_share = 0.5\nnot_found_share = 0.0\n";
    let scenario = Scenario::from_toml(text).unwrap();
    let limits = vec![Limit { calls: 1_000, window: std::time::Duration::from_secs(1) }];
    let config = Config { scenario, limits, seed: 7, ..Config::default() };
    let emulator = emulator::start(config, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let place = Place::new();
    place.list(100);
    let night = |more: &[&str]| {
        let usual = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=100"];
        let how = ["--json", "--no-check", "--series=n", "--due=7d", "--time-scale=20"];
        place.towards(&emulator, &[&usual[..], &how, more].concat())
    };
    let mut killed = start(night(&["--limit=5/1s"]));
    accepted(&emulator, 6).await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    let status = |name: &str| json_lines(&run(place.fleetsweep(&["status", name, "--json"])).out);
    let (_, lines) = nights(&place);
    let first = lines[0]["campaign"].as_str().unwrap().to_owned();
    let busy = |of: &Value| of["outcomes"]["already_in_progress"].as_u64();
    let stands = status(&first).remove(0);
    assert!(busy(&stands) > Some(0), "some of its devices were busy: {stands}");
    // A run that said nothing for a second counts as dead at this scale.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let command = night(&["--limit=40/1s"]);
    let second = beside(move || run(command)).await;
    assert!([0, 3].contains(&second.code), "{}", second.err);
    let warnings = |said: &Said| json_lines(&said.out)[0]["warnings"].to_string();
    assert!(!warnings(&second).contains("keeps 5/1s"), "it is ended: {}", warnings(&second));
    assert!(flat(&second.err).contains("whose run was killed, is ended"), "{}", second.err);
    assert_eq!(status(&first)[0]["state"], "finished", "what was unseen is looked up");
    // Nobody's later command tells another story of it, and no later night ends it again.
    let (told, _) = nights(&place);
    assert!(told.contains("killed (last seen at work"), "{told}");
    let resumed = run(place.towards(&emulator, &["resume", &first]));
    assert_eq!(resumed.code, 6, "{}", resumed.err);
    assert!(flat(&resumed.err).contains("took over what waited in it"), "{}", resumed.err);
    let command = night(&["--limit=40/1s"]);
    let third = beside(move || run(command)).await;
    assert!(!third.err.contains("is ended"), "{}", third.err);
    let (told, _) = nights(&place);
    assert!(told.contains("killed (last seen at work") && !told.contains("cancel"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_night_in_which_nothing_was_due_is_not_told_as_orders() {
    let emulator = not_knowing(0.0).await;
    let place = Place::new();
    place.list(30);
    for _ in 0..2 {
        let said = night(&place, &emulator, &[]).await;
        assert_eq!(said.code, 0, "{}", said.err);
    }
    let (told, lines) = nights(&place);
    assert!(told.contains("nothing to order finished, 30 skipped (n-"), "{told}");
    assert!(told.contains("30 of 30 ordered finished (n-"), "{told}");
    let counts = |line: &Value| ["devices", "ordered", "skipped"].map(|name| line[name].clone());
    let counts: Vec<_> = lines.iter().map(counts).collect();
    let [none, all] = [[0, 0, 30], [30, 30, 0]].map(|all: [u64; 3]| all.map(Value::from));
    assert!(counts.contains(&none) && counts.contains(&all), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_two_processes_on_one_campaign_counts_the_calls_that_are_its_own() {
    let emulator = not_knowing(0.0).await;
    let place = Place::new();
    place.list(60);
    let usual = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=60"];
    let more = ["--limit=10/1s", "--json", "--no-check", "--campaign=c"];
    let first = start(place.towards(&emulator, &[&usual[..], &more].concat()));
    accepted(&emulator, 10).await;
    let second = start(place.towards(&emulator, &["resume", "c", "--json", "--report=2.csv"]));
    let both = [first, second].map(|child| beside(move || wait(child)));
    let mut sums = (0, 0);
    for said in both {
        let said = said.await;
        let summary = json_lines(&said.out).pop().unwrap();
        let (own, all) = (&summary["calls"], &summary["campaign_calls"]);
        sums = (sums.0 + own.as_u64().unwrap(), sums.1.max(all.as_u64().unwrap()));
        let told = flat(&said.err);
        let words = format!("{own} calls of this run in ");
        assert!(told.contains(&words) && told.contains(" of all runs of the campaign"), "{told}");
    }
    assert_eq!(sums, (60, 60), "{}", emulator.ledger().count(Operation::Scan));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_night_that_finds_the_one_before_paused_says_so_while_its_run_waits_still() {
    let emulator = not_knowing(0.0).await;
    let place = Place::new();
    place.list(60);
    let night = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=60"];
    let night = [&night[..], &["--limit=5/1s", "--no-check", "--series=n", "--due=7d"]].concat();
    let mut first = start(place.towards(&emulator, &night));
    accepted(&emulator, 3).await;
    assert_eq!(run(place.fleetsweep(&["pause"])).code, 0);
    let second = place.towards(&emulator, &night);
    let second = beside(move || run(second)).await;
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(second.code, 5, "{}", second.err);
    let told = flat(&second.err);
    assert!(told.contains("of this series is paused") && told.contains("resume n-"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_night_that_somebody_went_on_with_later_keeps_how_its_own_run_ended() {
    let emulator = not_knowing(0.0).await;
    for is_killed in [false, true] {
        let place = Place::new();
        place.list(60);
        let now = fleetsweep::clock::wall_clock().to_zoned_datetime(jiff::tz::TimeZone::UTC);
        let day = now.date().saturating_sub(jiff::ToSpan::days(4));
        let name = format!("n-{day}");
        let campaign = format!("--campaign={name}");
        let words = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=60"];
        let more = ["--no-check", "--limit=5/30s", &campaign];
        let length = if is_killed { "--max-duration=1h" } else { "--max-duration=2s" };
        let before = emulator.ledger().accepted;
        let first = place.towards(&emulator, &[&words[..], &more, &[length]].concat());
        let mut first = start(first);
        if is_killed {
            accepted(&emulator, before + 5).await;
            first.kill().unwrap();
            first.wait().unwrap();
        } else {
            assert_eq!(beside(move || wait(first)).await.code, 5);
        }
        let resume = place.towards(&emulator, &["resume", &name, "--max-duration=1s"]);
        let said = beside(move || run(resume)).await;
        assert_eq!(said.code, 5, "{}", said.err);
        let (told, _) = nights(&place);
        let own = told.contains("; the night's own run stopped: its time is over");
        assert_eq!(own, !is_killed, "{told}");
        assert!(told.contains(" a run that began "), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_nobody_could_sign_in_after_it_does_not_clear_up_what_a_rule_stopped() {
    let scenario = Scenario::from_toml("[devices]\nunsupported_share = 0.5\n").unwrap();
    let limits = vec![Limit { calls: 1_000, window: std::time::Duration::from_secs(1) }];
    let config = Config { scenario, limits, seed: 7, ..Config::default() };
    let emulator = emulator::start(config, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let place = Place::new();
    place.list(200);
    let stopped = night(&place, &emulator, &["--max-failures=10", "--concurrency=2"]).await;
    assert_eq!(stopped.code, 4, "{}", stopped.err);
    let mut resume = place.towards(&emulator, &["resume"]);
    resume.env("AZURE_CLIENT_SECRET", "another secret");
    let said = beside(move || run(resume)).await;
    assert_eq!(said.code, 7, "{}", said.err);
    let name = json_lines(&stopped.out)[0]["campaign"].as_str().unwrap().to_owned();
    for (args, before) in
        [(&["status"][..], "stopped "), (&["status", &name], "Its last run had stopped ")]
    {
        let told = flat(&run(place.fleetsweep(args)).out);
        assert!(told.contains("no run of it could begin"), "{told}");
        assert!(told.contains(before) && told.contains("10 of "), "{told}");
    }
    let orders = emulator.ledger().count(Operation::Scan);
    let next = night(&place, &emulator, &[]).await;
    assert_eq!(next.code, 4, "{}", next.err);
    assert!(flat(&next.err).contains("a rule stopped"), "{}", next.err);
    assert_eq!(emulator.ledger().count(Operation::Scan), orders);
}
