//! Plans as files: written, approved by their digest, run exactly so, and refused where anything
//! differs. The emulator's ledger says whether an order left.

mod course;
mod fleet;
mod written;

use std::fs;

use fleetsweep::domain::FileDigest;
use fleetsweep::emulator::{self, Emulator, Operation};
use serde_json::Value;

use super::campaigns::assert_honest;
use super::{Place, Said, beside, emulate, flat, json_lines, report, run};
use crate::kit::support::device;

const SCAN: [&str; 5] = ["scan", "list.txt", "--type=full", "--comment=nightly", "--ticket=CHG1"];

async fn said(place: &Place, emulator: &Emulator, args: &[&str]) -> Said {
    let command = place.towards(emulator, args);
    beside(move || run(command)).await
}

fn orders(emulator: &Emulator) -> usize {
    emulator.ledger().count(Operation::Scan)
}

/// The digest of a plan file.
fn digest(place: &Place, name: &str) -> String {
    FileDigest::of(&fs::read(place.path(name)).unwrap()).to_string()
}

/// Writes a plan of `list.txt` with these options.
async fn plan(place: &Place, emulator: &Emulator, more: &[&str]) -> Value {
    let out = ["--dry-run", "--plan-out=plan.json", "--force"];
    let made = said(place, emulator, &[&SCAN[..], &out, more].concat()).await;
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(made.out.contains(&digest(place, "plan.json")), "{}", made.out);
    serde_json::from_slice(&fs::read(place.path("plan.json")).unwrap()).unwrap()
}

/// Runs the plan as it was approved, with this typed beside.
fn approved<'a>(approve: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["scan", "--plan=plan.json", approve, "--report=r.csv", "--force"], more].concat()
}

/// What a refusal says that differs.
fn differs(refused: &Said) -> Vec<String> {
    let why = refused.err.lines().find_map(|line| line.trim().strip_prefix("why: what differs: "));
    why.map(|why| why.split("; ").map(str::to_owned).collect()).unwrap_or_default()
}

fn approve(place: &Place) -> String {
    format!("--approve-plan={}", digest(place, "plan.json"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approved_plan_runs_exactly_that_without_asking_and_only_once() {
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(20);
    let more = ["--limit=500/1s", "--limit=90000/1h", "--busy=retry", "--pace=even", "--skip=busy"];
    let file = plan(&place, &emulator, &more).await;
    assert_eq!((&file["v"], &file["type"]), (&2.into(), &"plan_file".into()));
    assert_eq!((&file["list"]["rows"], &file["list"]["devices"]), (&20.into(), &20.into()));
    assert_eq!(file["order"]["ticket"], "CHG1");
    assert_eq!(file["order"]["target"]["api_origin"], emulator.base_url());
    assert_eq!(file["request"]["run"]["speed"]["limits"][0], "500/1s");
    let text = fs::read_to_string(place.path("plan.json")).unwrap();
    assert!(!text.contains(emulator::DEFAULT_SECRET), "{text}");
    // In another folder, from another process, with nothing of it typed again.
    let approve = approve(&place);
    fs::create_dir(place.path("else")).unwrap();
    let mut command = place.towards(&emulator, &["scan", "--plan=../plan.json", &approve]);
    command.current_dir(place.path("else")).args(["--json", "--report=../r.csv"]);
    let ran = beside(move || run(command)).await;
    assert!([0, 3].contains(&ran.code), "{}", ran.err);
    assert!(ran.err.contains("as it was approved"), "{}", ran.err);
    let lines = json_lines(&ran.out);
    let name = file["campaign"].as_str().unwrap();
    assert_eq!((&lines[0]["campaign"], &lines[1]["ticket"]), (&name.into(), &"CHG1".into()));
    assert_eq!(lines[0]["quota_used"][0]["limit"], 500);
    let rows = report(&place.path("r.csv"));
    assert!(rows.len() == 20 && rows.iter().all(|row| row["ticket"] == "CHG1"));
    assert_honest(&rows, &emulator.ledger(), name);
    let text = format!("[fleetsweep {name}/");
    let ledger = emulator.ledger();
    let comments = ledger.entries.iter().filter_map(|entry| entry.comment.as_deref());
    let ours: Vec<&str> = comments.filter(|comment| comment.starts_with(&text)).collect();
    assert!(ours.len() >= 20 && ours.iter().all(|text| text.ends_with("] [CHG1] nightly")));
    let status = run(place.fleetsweep(&["status", "--json"]));
    assert_eq!(json_lines(&status.out)[0]["ticket"], "CHG1");
    assert!(run(place.fleetsweep(&["status"])).out.contains("[CHG1] nightly"));
    // The same plan again is the same campaign again, and that is finished.
    let before = orders(&emulator);
    let again = said(&place, &emulator, &approved(&approve, &[])).await;
    assert_eq!((again.code, orders(&emulator)), (6, before), "{}", again.err);
    assert!(again.err.contains("it is this one, and it is finished"), "{}", again.err);
    // Another name beside the plan is refused; a new plan is what goes.
    let told = flat(&again.err);
    assert!(told.contains("make a new plan with --plan-out and another --campaign"), "{told}");
    let renamed = said(&place, &emulator, &approved(&approve, &["--campaign=second"])).await;
    assert_eq!((renamed.code, orders(&emulator)), (6, before), "{}", renamed.err);
    plan(&place, &emulator, &["--no-check", "--campaign=second"]).await;
    let approve = self::approve(&place);
    let second = said(&place, &emulator, &approved(&approve, &[])).await;
    assert!([0, 3].contains(&second.code), "{}", second.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_typed_otherwise_than_planned_is_refused_before_the_first_order() {
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(20);
    plan(&place, &emulator, &["--no-check"]).await;
    let approve = approve(&place);
    let cases: Vec<(&[&str], &str)> = vec![
        (&["--type=quick"], "type: `full` planned, `quick` now"),
        (&["--comment=other"], "comment: `nightly` planned, `other` now"),
        (&["--ticket=CHG2"], "ticket: `CHG1` planned, `CHG2` now"),
        (&["--campaign=other"], "campaign: `full-"),
        (&["--tenant=22222222-2222-3333-4444-555555555555"], "tenant: `11111111-"),
        (&["--client-id=77777777-7777-8888-9999-000000000000"], "application: `66666666-"),
        (&["--cloud=gcc"], "cloud: `commercial` planned, `gcc` now"),
        (&["--busy=retry"], "busy devices: `report` planned, `retry` now"),
        (&["--skip=server"], "--skip: `none` planned, `server` now"),
        (&["--keep=mobile"], "--keep: `none` planned, `mobile` now"),
        (&["--limit=50/1m"], "limits: `100/min, 1500/h` planned, `50/min, 1500/h` now"),
        (&["--leave=25%"], "limits: `100/min, 1500/h` planned, `75/min, 1125/h` now"),
        (&["--pace=even"], "pace: `fast` planned, `even` now"),
        (&["--window=00:00-24:00"], "windows: `none` planned, `00:00-24:00` now"),
        (&["--until=23:59"], "until: `none` planned, `23:59` now"),
        (&["--max-duration=5h"], "at most: `none` planned, `5h` now"),
        (&["--skip-bad-rows"], "bad rows are passed over: `no` planned, `yes` now"),
        (&["--check"], "the tenant's inventory is asked: `no` planned, `yes` now"),
    ];
    for (more, sentence) in cases {
        let refused = said(&place, &emulator, &approved(&approve, more)).await;
        assert_eq!(refused.code, 6, "{more:?}: {}", refused.err);
        let differs = differs(&refused);
        assert!(differs.len() == 1 && differs[0].starts_with(sentence), "{more:?}: {differs:?}");
    }
    // Another server, with the same tenant and application.
    let other = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let refused = said(&place, &other, &approved(&approve, &[])).await;
    assert_eq!(refused.code, 6, "{}", refused.err);
    assert!(refused.err.contains("API: `http://127.0.0.1:"), "{}", refused.err);
    assert_eq!((orders(&emulator), orders(&other)), (0, 0));
    // And what is typed as planned is not.
    let same = ["--type=full", "--comment=nightly", "--busy=report", "--limit=1500/1h"];
    let same = [&same[..], &["--limit=100/1m", "--pace=fast", "list.txt"]].concat();
    let ran = said(&place, &emulator, &approved(&approve, &same)).await;
    assert!([0, 3].contains(&ran.code), "{}", ran.err);
    assert!(orders(&emulator) >= 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_changed_is_refused_with_how_many_more_or_fewer() {
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(20);
    let whole = fs::read_to_string(place.path("list.txt")).unwrap();
    plan(&place, &emulator, &["--no-check"]).await;
    let approve = approve(&place);
    let first = whole.lines().next().unwrap();
    let cases = [
        (format!("{whole}\n{}\n", device(99)), "20 planned, 21 now (1 more)"),
        (whole.replace(&format!("{first}\n"), ""), "20 planned, 19 now (1 fewer)"),
        (whole.replace(first, &device(99).to_string()), "(as many, but not the same ones)"),
        (format!("{whole}\n{first}\n"), "duplicates: `0` planned, `1` now"),
    ];
    for (list, sentence) in &cases {
        fs::write(place.path("list.txt"), list).unwrap();
        let refused = said(&place, &emulator, &approved(&approve, &[])).await;
        assert_eq!(refused.code, 6, "{}", refused.err);
        let differs = differs(&refused);
        assert!(differs.iter().any(|one| one.contains(sentence)), "{sentence}: {differs:?}");
    }
    assert_eq!(orders(&emulator), 0);
    // The order of the rows, and where the list is, decide nothing.
    let mut turned: Vec<&str> = whole.lines().collect();
    turned.reverse();
    fs::write(place.path("other.txt"), turned.join("\n")).unwrap();
    let ran = said(&place, &emulator, &approved(&approve, &["other.txt"])).await;
    assert!([0, 3].contains(&ran.code), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_file_that_changed_or_is_none_is_refused_with_both_digests() {
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(5);
    plan(&place, &emulator, &["--no-check"]).await;
    let (approve, whole) = (approve(&place), fs::read(place.path("plan.json")).unwrap());
    let text = String::from_utf8(whole.clone()).unwrap();
    for (from, to) in [("\"full\"", "\"quick\""), ("CHG1", "CHG2"), ("\n", "\r\n"), ("}", "} ")] {
        fs::write(place.path("plan.json"), text.replacen(from, to, 1)).unwrap();
        let refused = said(&place, &emulator, &approved(&approve, &[])).await;
        assert_eq!(refused.code, 6, "{}", refused.err);
        let now = digest(&place, "plan.json");
        assert!(refused.err.contains(&now) && refused.err.contains(&approve[15..]), "{now}");
    }
    // Whatever was approved, it must be a plan that this version understands.
    let field = text.replacen("\"emulated\"", "\"first\": [],\n  \"emulated\"", 1);
    let version = text.replacen("\"v\": 2", "\"v\": 1", 1);
    for none in ["", "{}", "[]", "ordered\n", &text[..text.len() / 2], &field, &version] {
        fs::write(place.path("plan.json"), none).unwrap();
        let approve = self::approve(&place);
        let refused = said(&place, &emulator, &approved(&approve, &[])).await;
        assert_eq!(refused.code, 2, "{none}: {}", refused.err);
    }
    let short = approved("--approve-plan=sha256:1234", &[]);
    assert_eq!(said(&place, &emulator, &short).await.code, 2);
    assert_eq!(orders(&emulator), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_nobody_approved_is_asked_about_as_usual() {
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(5);
    plan(&place, &emulator, &["--no-check"]).await;
    let asked = said(&place, &emulator, &["scan", "--plan=plan.json"]).await;
    assert_eq!(asked.code, 6, "{}", asked.err);
    let words = flat(&asked.err);
    let digest = digest(&place, "plan.json");
    assert!(words.contains(&format!("add --approve-plan {digest}")), "{}", asked.err);
    let number = said(&place, &emulator, &["scan", "--plan=plan.json", "--approve-max=9"]).await;
    assert_eq!(number.code, 2, "{}", number.err);
    let alone = format!("--approve-plan={digest}");
    let alone = [&SCAN[..], &[&alone]].concat();
    assert_eq!(said(&place, &emulator, &alone).await.code, 2);
    assert_eq!(orders(&emulator), 0);
    // Would it still run? The dry run compares, and orders nothing.
    let dry = ["scan", "--plan=plan.json", "--dry-run"];
    assert_eq!(said(&place, &emulator, &dry).await.code, 0);
    place.list(6);
    let dry = said(&place, &emulator, &dry).await;
    assert_eq!((dry.code, orders(&emulator)), (6, 0), "{}", dry.err);
    assert!(dry.err.contains("(1 more)"), "{}", dry.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_that_began_on_the_planned_devices_since_is_refused_with_what_goes_on() {
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(20);
    let scan = |name: &'static str| [&SCAN[..], &[name, "--approve-max=20"]].concat();
    plan(&place, &emulator, &["--campaign=planned"]).await;
    let approve = approve(&place);
    let since = said(&place, &emulator, &scan("--campaign=since")).await;
    assert!([0, 3].contains(&since.code), "{}", since.err);
    let ordered = orders(&emulator);
    let refused = said(&place, &emulator, &approved(&approve, &[])).await;
    assert_eq!((refused.code, orders(&emulator)), (6, ordered), "{}", refused.err);
    let told = flat(&refused.err);
    assert!(told.contains("campaign since has the devices of the approved plan"), "{told}");
    let left = since.code == 3;
    assert_eq!(told.contains("retry since"), left, "{told}");
    assert!(told.contains("make a new plan and have it approved"), "{told}");
    // A plan that tells of it may be carried out.
    plan(&place, &emulator, &["--campaign=planned"]).await;
    let anew = said(&place, &emulator, &approved(&self::approve(&place), &[])).await;
    assert!([0, 3].contains(&anew.code), "{}", anew.err);
}
