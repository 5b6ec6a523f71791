//! What a campaign keeps of what it was begun with, and what has to be typed to change it. The
//! window is one that is shut, so that no order leaves, unless a test says otherwise.

use rustix::process::{Pid, Signal, kill_process};

use super::windows::from_now;
use super::{Place, Said, flat, json_lines, run, start, until, wait};
use crate::kit::older::FIFTEENTH_SCHEMA;

fn signal(child: &std::process::Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// A run of a campaign that keeps all that can be kept, in a store of its own.
fn begun() -> (Place, Said, String) {
    let place = Place::new();
    place.list(5);
    let window = format!("{}-{}", from_now(120), from_now(180));
    let windows = format!("--window={window}");
    let args = [
        "scan",
        "list.txt",
        "--type=quick",
        "--comment=x",
        "--campaign=c",
        "--approve-max=5",
        "--emulator",
        "--store=sqlite:s.db",
        "--max-duration=1s",
        "--tz=Etc/UTC",
        "--limit=20/1s",
        "--leave=10%",
        "--pace=even",
        "--concurrency=3",
        "--max-failures=7%",
        "--expire-pending",
        "--priority=high",
        "--report=r.csv",
        "--on-finish=cat >hook.json",
        "--follow",
        "--follow-every=1s",
        &windows,
    ];
    let mut command = place.fleetsweep(&args);
    command.env("LOGNAME", "alice");
    let said = run(command);
    assert_eq!(said.code, 5, "{}", said.err);
    (place, said, window)
}

/// Goes on with the campaign by the bare command and these words, as somebody else.
fn goes_on(place: &Place, more: &[&str]) -> Said {
    let bare = ["resume", "c", "--store=sqlite:s.db", "--max-duration=1s"];
    let mut command = place.fleetsweep(&[&bare[..], more].concat());
    command.env("LOGNAME", "bob");
    run(command)
}

fn kept(place: &Place) -> serde_json::Value {
    let said = run(place.fleetsweep(&["status", "c", "--store=sqlite:s.db", "--json"]));
    json_lines(&said.out).remove(0)
}

fn assert_as_begun(status: &serde_json::Value, window: &str) {
    assert_eq!(status["limits"], serde_json::json!(["18/1s", "1350/h"]), "{status}");
    assert_eq!(status["windows"], serde_json::json!([window]), "{status}");
    assert_eq!((&status["zone"], &status["max_failures"]), (&"Etc/UTC".into(), &"7%".into()));
    assert_eq!((&status["begun_by"], &status["priority"]), (&"alice".into(), &"high".into()));
}

#[test]
fn a_bare_resume_of_somebody_else_keeps_windows_limits_rules_reports_and_hook() {
    let (place, said, window) = begun();
    let again = said.err.lines().find(|line| line.starts_with("    fleetsweep resume")).unwrap();
    assert_eq!(again.trim(), "fleetsweep resume c --store sqlite:s.db");
    assert_as_begun(&kept(&place), &window);
    for file in ["r.csv", "hook.json"] {
        std::fs::remove_file(place.path(file)).unwrap();
    }
    // Settings and environment never override what a campaign was begun with.
    std::fs::write(place.path("c.toml"), "limit = \"1000/1s\"\npace = \"fast\"\n").unwrap();
    let said = goes_on(&place, &["--config=c.toml"]);
    assert_eq!(said.code, 5, "{}", said.err);
    assert!(said.err.contains("until then no order leaves"), "{}", said.err);
    assert!(!said.err.contains("Changed"), "{}", said.err);
    assert!(said.err.contains("Following the ordered scans"), "{}", said.err);
    assert_as_begun(&kept(&place), &window);
    assert!(place.path("r.csv").exists() && place.path("hook.json").exists(), "{}", said.err);
    let last = &kept(&place)["last_run"];
    assert_eq!(last["by"], "bob", "{last}");
}

#[tokio::test]
async fn what_a_campaign_keeps_outlives_a_run_that_is_killed() {
    let (place, _, window) = begun();
    let child = start(place.fleetsweep(&["resume", "c", "--store=sqlite:s.db"]));
    until("running", async || kept(&place)["running"] == true).await;
    signal(&child, Signal::KILL);
    wait(child);
    let said = goes_on(&place, &[]);
    assert_eq!(said.code, 5, "{}", said.err);
    assert!(said.err.contains("until then no order leaves"), "{}", said.err);
    assert_as_begun(&kept(&place), &window);
}

#[test]
fn what_loosens_a_limit_opens_a_window_or_drops_a_rule_is_typed_told_and_kept() {
    let (place, _, window) = begun();
    let loose = ["--limit=50/1s", "--leave=0%", "--max-failures=none", "--window=none"];
    let loose = [&loose[..], &["--pace=fast"]].concat();
    let said = goes_on(&place, &loose);
    let told = flat(&said.err);
    for change in [
        "limit 50/1s instead of 20/1s",
        "leave 0% instead of 10%",
        &format!("window none instead of {window}"),
        "max failures none instead of 7%",
        "pace fast instead of even",
        "expire pending no instead of yes",
    ] {
        assert!(told.contains(change), "{change}: {}", said.err);
    }
    let status = kept(&place);
    assert_eq!(status["limits"], serde_json::json!(["50/1s", "1500/h"]), "{status}");
    assert_eq!((&status["windows"], &status["max_failures"]), (&[0; 0][..].into(), &().into()));
}

#[test]
fn a_time_to_stop_that_has_passed_is_told_and_another_one_is_typed() {
    let place = Place::new();
    place.list(5);
    let soon = fleetsweep::clock::wall_clock() + jiff::SignedDuration::from_secs(3);
    let until = format!("--until={soon}");
    let scan = ["scan", "list.txt", "--type=quick", "--comment=x", "--approve-max=5"];
    let more = ["--campaign=c", "--emulator", "--store=sqlite:s.db", &until];
    let more = [&more[..], &["--limit=1/1s", "--on-event=cat >>events.jsonl"]].concat();
    let said = run(place.fleetsweep(&[&scan[..], &more].concat()));
    assert_eq!(said.code, 5, "{}", said.err);
    // Each place that proposes to go on says what works now.
    let events = json_lines(&std::fs::read_to_string(place.path("events.jsonl")).unwrap());
    let last = events.last().unwrap();
    assert_eq!(last["event"], "window_closed");
    assert!(last["resume"].as_str().unwrap().ends_with(" --until none"), "{last}");
    assert!(said.err.contains(" --until none"), "{}", said.err);
    let said = goes_on(&place, &[]);
    assert_eq!(said.code, 6, "{}", said.err);
    assert!(said.err.contains("which has passed") && said.err.contains("--until none"));
    // The command that is proposed says another end, so that it works as it stands.
    let told = run(place.fleetsweep(&["status", "c", "--store=sqlite:s.db"]));
    let resume = "fleetsweep resume c --store sqlite:s.db --until none";
    let words: Vec<&str> = resume.split(' ').skip(1).collect();
    assert!(told.out.contains(resume), "{}", told.out);
    let said = run(place.fleetsweep(&[&words[..], &["--limit=1000/1s"]].concat()));
    assert_eq!(said.code, 0, "{}", said.err);
}

#[test]
fn a_time_of_day_to_stop_means_one_moment_however_late_somebody_goes_on() {
    let place = Place::new();
    place.list(5);
    let [until, later] = [120, 180].map(|minutes| format!("--until={}", from_now(minutes)));
    let scan = ["scan", "list.txt", "--type=quick", "--comment=x", "--approve-max=5"];
    let more = ["--campaign=c", "--emulator", "--store=sqlite:s.db", "--max-duration=1s"];
    let more = [&more[..], &["--tz=Etc/UTC", "--limit=1/60s", &until]].concat();
    let said = run(place.fleetsweep(&[&scan[..], &more].concat()));
    assert_eq!(said.code, 5, "{}", said.err);
    // The same time of day again is no change; another one is, and it is told as a moment.
    let said = goes_on(&place, &[&until]);
    assert!(said.code == 5 && !said.err.contains("Changed"), "{}", said.err);
    let said = goes_on(&place, &[&later]);
    let told = flat(&said.err);
    assert!(told.contains("Changed, from now on: until ") && told.contains(" instead of "));
    // Once it has passed it is over, and means no later day. A busy machine takes some seconds to
    // begin.
    let (window, zone) = super::windows::closes_in(12);
    let soon = window.rsplit_once('-').unwrap().1;
    let in_zone = |args: &[&str]| {
        let words = ["resume", "c", "--store=sqlite:s.db", "--max-duration=1s"];
        let mut command = place.fleetsweep(&[&words[..], args].concat());
        command.env("TZ", &zone);
        run(command)
    };
    let said = in_zone(&["--tz", &zone, &format!("--until={soon}")]);
    assert!(said.code == 5 && said.err.contains("Changed, from now on: until "), "{}", said.err);
    let over = fleetsweep::clock::wall_clock() + jiff::SignedDuration::from_secs(12);
    while fleetsweep::clock::wall_clock() < over {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let said = in_zone(&[]);
    assert_eq!(said.code, 6, "{}", said.err);
    assert!(flat(&said.err).contains("(--until), which has passed"), "{}", said.err);
}

#[test]
fn the_same_list_again_is_told_before_anybody_confirms_with_the_command_that_goes_on() {
    let (place, _, _) = begun();
    let scan = ["scan", "list.txt", "--type=quick", "--comment=y", "--emulator", "--dry-run"];
    let said = run(place.fleetsweep(&[&scan[..], &["--store=sqlite:s.db"]].concat()));
    assert_eq!(said.code, 0, "{}", said.err);
    let told = flat(&said.out);
    assert!(told.contains("the open campaign c, begun"), "{}", said.out);
    assert!(told.contains("`fleetsweep resume c --store sqlite:s.db` goes on with it"), "{told}");
    let full = ["scan", "list.txt", "--type=full", "--comment=y", "--emulator", "--dry-run"];
    let said = run(place.fleetsweep(&[&full[..], &["--store=sqlite:s.db"]].concat()));
    assert!(!said.out.contains("the open campaign c, begun"), "another type: {}", said.out);
}

#[tokio::test]
async fn a_campaign_that_runs_elsewhere_is_told_and_one_that_was_paused_there_needs_no_second_run()
{
    let (place, _, _) = begun();
    let mut command = place.fleetsweep(&["resume", "c", "--store=sqlite:s.db"]);
    command.env("LOGNAME", "carol");
    let child = start(command);
    until("running", async || kept(&place)["running"] == true).await;
    let said = goes_on(&place, &[]);
    assert_eq!(said.code, 5, "{}", said.err);
    let told = flat(&said.err);
    assert!(told.contains("A run of c is at work already (of carol on "), "{}", said.err);
    assert_eq!(run(place.fleetsweep(&["pause", "c", "--store=sqlite:s.db"])).code, 0);
    // The run that waits would never hear of what is typed here.
    let said = goes_on(&place, &["--limit=5/1s"]);
    assert_eq!((said.code, &kept(&place)["paused"]), (6, &true.into()), "{}", said.err);
    let told = flat(&said.err);
    assert!(told.contains("(of carol on ") && told.contains("would not reach"), "{}", said.err);
    let said = run(place.fleetsweep(&["resume", "c", "--store=sqlite:s.db"]));
    assert_eq!(said.code, 0, "{}", said.err);
    let told = flat(&said.err);
    assert!(told.contains("no second one is begun"), "{}", said.err);
    assert_eq!(kept(&place)["paused"], false);
    signal(&child, Signal::TERM);
    assert_eq!(wait(child).code, 5);
}

#[tokio::test]
async fn a_campaign_of_an_older_version_goes_on_by_what_is_typed_and_says_that_nothing_was_kept() {
    let (place, _, _) = begun();
    crate::store::sqlite::run(&place.path("s.db"), FIFTEENTH_SCHEMA).await;
    let said = run(place.fleetsweep(&["status", "c", "--store=sqlite:s.db"]));
    assert_eq!(said.code, 1, "reading alone brings nothing up to date: {}", said.err);
    let said = goes_on(&place, &[]);
    assert_eq!(said.code, 2, "nothing says that it ran against the emulator: {}", said.err);
    let said = goes_on(&place, &["--emulator", "--limit=1000/1s"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let told = flat(&said.err);
    assert!(told.contains("kept no windows and no rules of it"), "{}", said.err);
    let status = kept(&place);
    assert_eq!((&status["done"], &status["begun_by"]), (&5.into(), &().into()), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_knows_its_tenant_and_its_server_and_needs_but_the_secret() {
    let emulator = super::emulate("quiet", &[(50, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(20);
    let scan = ["scan", "list.txt", "--type=quick", "--comment=x", "--approve-max=20"];
    let more = ["--campaign=c", "--limit=2/1s", "--max-duration=2s", "--report=r.csv"];
    let command = place.towards(&emulator, &[&scan[..], &more].concat());
    let said = super::beside(move || run(command)).await;
    assert_eq!(said.code, 5, "{}", said.err);
    // A settings file with profiles, none of which is chosen, and another tenant around it.
    let profiles = "limit = \"3/1s\"\n[profiles.a]\ntenant = \"t\"\n[profiles.b]\ntenant = \"u\"\n";
    std::fs::write(place.path("c.toml"), profiles).unwrap();
    let alone = |args: &[&str]| {
        let mut command = place.fleetsweep(&[args, &["--config=c.toml"]].concat());
        command.env("AZURE_CLIENT_SECRET", fleetsweep::emulator::DEFAULT_SECRET);
        command.env("AZURE_TENANT_ID", "99999999-2222-3333-4444-555555555555");
        super::beside(move || run(command))
    };
    let said = alone(&["follow", "c", "--follow-for=1s", "--every=1s"]).await;
    assert!([0, 5].contains(&said.code), "{}", said.err);
    // Another address around it is not taken for its own, and that is said.
    let mut elsewhere = place.fleetsweep(&["resume", "c", "--limit=50/1s"]);
    elsewhere.env("AZURE_CLIENT_SECRET", fleetsweep::emulator::DEFAULT_SECRET);
    elsewhere.env("FLEETSWEEP_API_URL", "https://gone.example");
    let said = super::beside(move || run(elsewhere)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let told = flat(&said.err);
    assert!(
        told.contains("though the settings have the API at https://gone.example now"),
        "{told}"
    );
    assert!(said.err.contains("limit 50/1s instead of 2/1s"), "{}", said.err);
    assert_eq!(emulator.ledger().accepted, 20);
    // What cannot be undone is refused where another tenant is set up, until its own is typed.
    let cancel = ["cancel", "c", "--approve-max=20"];
    assert_eq!(alone(&cancel).await.code, 6);
    let its_own = "--tenant=11111111-2222-3333-4444-555555555555";
    let said = alone(&[&cancel[..], &[its_own]].concat()).await;
    assert_eq!(said.code, 0, "{}", said.err);
    // Another tenant is never taken for it: that has to be typed, and is refused.
    let other = ["follow", "c", "--tenant=99999999-2222-3333-4444-555555555555"];
    assert_eq!(alone(&other).await.code, 6);
}

#[test]
fn what_happened_in_a_campaign_is_told_in_its_order_with_who_did_it() {
    let (place, _, _) = begun();
    let mut pause = place.fleetsweep(&["pause", "c", "--store=sqlite:s.db"]);
    pause.env("LOGNAME", "carol");
    assert_eq!(run(pause).code, 0);
    let more = ["--window=none", "--limit=10/1s", "--pace=fast", "--follow", "--follow-for=1s"];
    let resume = ["resume", "c", "--store=sqlite:s.db"];
    let mut resume = place.fleetsweep(&[&resume[..], &more].concat());
    resume.env("LOGNAME", "bob");
    let said = run(resume);
    let (code, status) = (said.code, kept(&place));
    assert!([0, 3].contains(&code), "{}", said.err);
    let all = status["happenings"].as_array().unwrap();
    let told = |one: &serde_json::Value| {
        assert!(one["at"].is_string() && one["host"] == status["begun_on"], "{one}");
        [&one["what"], &one["by"]].map(|word| word.as_str().unwrap().to_owned())
    };
    let story: Vec<[String; 2]> = all.iter().map(told).collect();
    let expected = [
        ["begun", "alice"],
        ["run_begun", "alice"],
        ["run_ended", "alice"],
        ["paused", "carol"],
        ["went_on", "bob"],
        ["changed", "bob"],
        ["run_begun", "bob"],
        ["finished", "bob"],
        ["run_ended", "bob"],
    ];
    assert_eq!(story, expected.map(|words| words.map(str::to_owned)), "{status}");
    assert_eq!((&all[2]["exit_code"], &all[8]["exit_code"]), (&5.into(), &code.into()), "{status}");
    let text = run(place.fleetsweep(&["status", "c", "--store=sqlite:s.db"])).out;
    let last: Vec<&str> = text.lines().skip_while(|line| !line.contains("what happened")).collect();
    let first = |line: &&&str| line.starts_with("    ") && !line.starts_with("     ");
    assert_eq!(last.iter().filter(first).count(), 5, "{text}");
    let end = format!(": a run ended with exit code {code}: ");
    assert!(last.iter().rfind(first).is_some_and(|line| line.contains(&end)), "{text}");
    // Where many are told of, each stays short.
    let all = run(place.fleetsweep(&["status", "--store=sqlite:s.db"])).out;
    assert!(!all.contains("what happened"), "{all}");
}
