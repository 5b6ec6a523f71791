//! Messages about runs, to a stand-in of each service over real HTTP and to a command: what they
//! get, and that nothing of them changes a run.

use std::os::unix::fs::PermissionsExt;

use fleetsweep::emulator::{self, Config, Emulator, Limit, Scenario};
use serde_json::Value;

use super::{Place, Said, beside, json_lines, run};
use crate::kit::canned::{Act, Canned, close};

async fn emulator() -> Emulator {
    let scenario = Scenario::from_toml("[devices]\nbusy_share = 0.0\n").unwrap();
    let limits = vec![Limit { calls: 1_000, window: std::time::Duration::from_secs(1) }];
    let config = Config { scenario, limits, speed: 3_000.0, seed: 7, ..Config::default() };
    emulator::start(config, "127.0.0.1:0".parse().unwrap()).await.unwrap()
}

/// A settings file that tells these services of everything, each at its address.
fn settings(place: &Place, services: &[(&str, String)]) {
    let mut text = String::new();
    for (number, (kind, address)) in services.iter().enumerate() {
        let file = format!("url-{number}");
        std::fs::write(place.path(&file), format!("{address}\n")).unwrap();
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(place.path(&file), private).unwrap();
        text += &format!("[[notify]]\nkind = \"{kind}\"\nurl-file = \"{file}\"\non = \"all\"\n");
    }
    std::fs::write(place.path("config.toml"), text).unwrap();
}

async fn scan(place: &Place, emulator: &Emulator, args: &[&str]) -> Said {
    let usual = [
        "scan",
        "--type=quick",
        "--comment=secret-words",
        "--ticket=CHG1",
        "--limit=1000/1s",
        "--store=sqlite:s.db",
        "--report=r.csv",
        "--config=config.toml",
    ];
    let command = place.towards(emulator, &[&usual[..], args].concat());
    beside(move || run(command)).await
}

/// The bodies of requests, and the lines that they begin with.
fn posts(server: &Canned) -> Vec<(String, String)> {
    let of = |request: String| {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    };
    server.seen().into_iter().map(of).collect()
}

fn json(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_service_hears_of_the_begin_and_the_end_in_its_own_form_and_no_address_is_told() {
    let (emulator, place) = (emulator().await, Place::new());
    place.list(3);
    let server = Canned::always(close(200, "ok")).await;
    let at = |path: &str| format!("{}/{path}/canary-key", server.origin());
    let services = ["teams", "slack", "healthchecks", "json"].map(|kind| (kind, at(kind)));
    settings(&place, &services);
    let said = scan(&place, &emulator, &["list.txt", "--approve-max=9", "--campaign=night"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let posts = posts(&server);
    let of = |kind: &str| -> Vec<(String, String)> {
        let path = format!("POST /{kind}/canary-key");
        posts.iter().filter(|(line, _)| line.starts_with(&path)).cloned().collect()
    };
    assert_eq!(posts.len(), 8, "{posts:?}");
    let events: Vec<Value> = of("json").iter().map(|(_, body)| json(body)).collect();
    assert_eq!(events[0]["event"], "started");
    assert_eq!(events[0]["say"], "A quick scan of 3 devices has begun.");
    let end = &events[1];
    assert_eq!((&end["event"], &end["attention"]), (&"finished".into(), &false.into()));
    assert_eq!((&end["exit_code"], &end["campaign"]), (&0.into(), &"night".into()));
    assert_eq!((&end["devices"], &end["outcomes"]["accepted"]), (&3.into(), &3.into()));
    assert_eq!(end["already_in_progress"]["not_covered"], 0);
    let card = json(&of("teams")[1].1);
    let card = &card["attachments"][0]["content"]["body"];
    assert_eq!(card[0]["text"], "fleetsweep: finished");
    assert_eq!(card[1]["inlines"][0]["text"], end["say"]);
    assert_eq!(json(&of("slack")[1].1)["blocks"][0]["text"]["type"], "plain_text");
    let signs = of("healthchecks");
    let sign = |at: usize| signs[at].0.split(['?', ' ']).nth(1).unwrap().to_owned();
    assert_eq!(sign(0), "/healthchecks/canary-key/start");
    assert_eq!(sign(1), "/healthchecks/canary-key/0");
    let id = |at: usize| signs[at].0.split("rid=").nth(1).unwrap().to_owned();
    assert_eq!(id(0), id(1));
    // Neither addresses nor devices nor comments go anywhere.
    let database =
        String::from_utf8_lossy(&std::fs::read(place.path("s.db")).unwrap()).into_owned();
    for told in [&said.out, &said.err, &database] {
        assert!(!told.contains("canary-key"), "an address is told");
    }
    let device = crate::kit::support::device(1).to_string();
    for (_, body) in &posts {
        assert!(!body.contains(&device) && !body.contains("secret-words"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_that_hang_refuse_or_are_not_there_change_neither_exit_code_nor_report() {
    let (emulator, place) = (emulator().await, Place::new());
    place.list(3);
    std::fs::write(place.path("config.toml"), "").unwrap();
    let alone = ["list.txt", "--approve-max=9", "--campaign=alone"];
    let alone = scan(&place, &emulator, &alone).await;
    let outcomes = |place: &Place| {
        let text = std::fs::read_to_string(place.path("r.csv")).unwrap();
        let lines = text.lines().skip(1).map(|line| line.split(',').nth(3).unwrap().to_owned());
        lines.collect::<Vec<_>>()
    };
    let expected = outcomes(&place);
    let (hangs, refuses, moved) = (
        Canned::always(Act::Hang(Vec::new())).await,
        Canned::always(close(403, "no canary-key")).await,
        Canned::always(Act::Close(
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/canary-key\r\n\r\n".to_vec(),
        ))
        .await,
    );
    let gone = "http://127.0.0.1:1/canary-key".to_owned();
    let services = [
        ("teams", format!("{}/canary-key", hangs.origin())),
        ("slack", format!("{}/canary-key", refuses.origin())),
        ("json", format!("{}/canary-key", moved.origin())),
        ("healthchecks", gone),
    ];
    settings(&place, &services);
    std::fs::remove_file(place.path("r.csv")).unwrap();
    let args = ["list.txt", "--approve-max=9", "--campaign=told", "--on-event=exit 9"];
    let said = scan(&place, &emulator, &args).await;
    assert_eq!((said.code, outcomes(&place)), (alone.code, expected), "{}", said.err);
    for told in [
        "to slack was not delivered: the server answered 403",
        "to json was not delivered: the server answered 302",
        "to healthchecks was not delivered: no connection could be made",
        "messages were not delivered in time: teams",
        "the command of --on-event failed with exit code 9",
    ] {
        assert!(said.err.contains(told), "{told}: {}", said.err);
    }
    assert!(!said.err.contains("canary-key"), "{}", said.err);
    assert_eq!(refuses.seen().len(), 2, "what is refused is not tried again");
    std::fs::remove_file(place.path("r.csv")).unwrap();
    // What cannot be set up is told before, and the night goes on without it.
    std::fs::set_permissions(place.path("url-0"), std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::write(place.path("url-1"), "https://user:canary-key@slack.example\n").unwrap();
    std::fs::remove_file(place.path("url-2")).unwrap();
    std::fs::remove_file(place.path("url-3")).unwrap();
    let said = scan(&place, &emulator, &["list.txt", "--approve-max=9", "--campaign=open"]).await;
    assert_eq!(said.code, alone.code, "{}", said.err);
    for kind in ["teams", "slack", "json", "healthchecks"] {
        assert!(said.err.contains(&format!("no messages go to {kind}")), "{}", said.err);
    }
    assert!(!said.err.contains("canary-key"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_night_that_did_not_begin_is_told_and_what_somebody_types_is_not() {
    let (emulator, place) = (emulator().await, Place::new());
    let server = Canned::always(close(200, "ok")).await;
    settings(&place, &[("healthchecks", format!("{}/key", server.origin()))]);
    let typed = scan(&place, &emulator, &["missing.txt"]).await;
    assert_eq!((typed.code, server.seen().len()), (2, 0), "{}", typed.err);
    let night = scan(&place, &emulator, &["missing.txt", "--approve-max=9"]).await;
    assert_eq!(night.code, 2, "{}", night.err);
    let told = posts(&server);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].0.starts_with("POST /key/2?rid="), "{told:?}");
    assert!(told[0].1.contains("No run began"), "{told:?}");
    // Who has many of them must know which one.
    let due = ["missing.txt", "--approve-max=9", "--due=7d", "--series=nightly"];
    assert_eq!(scan(&place, &emulator, &due).await.code, 2);
    let told = posts(&server);
    assert!(told[1].1.contains("No run of series nightly began"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_of_on_event_gets_each_event_as_a_line() {
    let (emulator, place) = (emulator().await, Place::new());
    place.list(3);
    std::fs::write(place.path("config.toml"), "").unwrap();
    let args = [
        "list.txt",
        "--approve-max=9",
        "--canary=1",
        "--canary-wait=0s",
        "--on-event=cat >>events.jsonl",
    ];
    let said = scan(&place, &emulator, &args).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let lines = json_lines(&std::fs::read_to_string(place.path("events.jsonl")).unwrap());
    let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["started", "wave_judged", "finished"]);
    assert!(lines.iter().all(|line| line["ticket"] == "CHG1" && line["type"] == "event"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_waits_for_its_start_does_not_say_that_its_scan_has_begun() {
    let (emulator, place) = (emulator().await, Place::new());
    place.list(3);
    std::fs::write(place.path("config.toml"), "").unwrap();
    let soon = fleetsweep::clock::wall_clock() + jiff::SignedDuration::from_secs(3);
    let soon = format!("--start-at={soon:.0}");
    let hears = ["list.txt", "--approve-max=9", "--on-event=cat >>events.jsonl", &soon];
    let said = scan(&place, &emulator, &hears).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let events = json_lines(&std::fs::read_to_string(place.path("events.jsonl")).unwrap());
    let say = events[0]["say"].as_str().unwrap();
    assert!(say.starts_with("A quick scan of 3 devices waits: no order leaves before "), "{say}");
}
