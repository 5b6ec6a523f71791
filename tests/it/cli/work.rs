//! Workers: what is handed over or left by a process that died is run by another one, for each
//! tenant that it can sign in to; what somebody stopped is not.

use std::process::Command;
use std::time::Duration;

use fleetsweep::emulator::{self, Emulator};
use rustix::process::{Pid, Signal, kill_process};

use super::campaigns::accepted;
use super::{Place, beside, emulate, flat, json_lines, report, run, start, wait};
use crate::kit::canned::{Canned, close};
use crate::kit::provider::secret;

const HERE: [&str; 3] = ["--limit=50/1s", "--limit=1000/60s", "--time-scale=20"];
const TENANTS: [&str; 2] =
    ["11111111-2222-3333-4444-555555555555", "21111111-2222-3333-4444-555555555555"];

fn scan(place: &Place, emulator: &Emulator, name: &str, more: &[&str]) -> Command {
    let campaign = format!("--campaign={name}");
    let words =
        ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=500", &campaign];
    place.towards(emulator, &[&words[..], &HERE[..], more].concat())
}

fn work(place: &Place, emulator: &Emulator, more: &[&str]) -> Command {
    place.towards(emulator, &[&["work", "--time-scale=20"], more].concat())
}

fn status(place: &Place, name: &str) -> serde_json::Value {
    json_lines(&run(place.fleetsweep(&["status", name, "--json"])).out).remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_handed_over_is_ordered_by_a_worker_and_by_nobody_before() {
    let emulator = emulate("quiet", &[(50, 1.0), (1000, 60.0)], 1.0).await;
    let place = Place::new();
    place.list(30);
    let command = scan(&place, &emulator, "c", &["--detach", "--report=r.csv", "--json"]);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("c is handed over"), "{}", said.err);
    let lines = json_lines(&said.out);
    assert_eq!(lines.last().unwrap()["type"], "handed_over", "{}", said.out);
    assert_eq!(emulator.ledger().accepted, 0);
    assert_eq!(status(&place, "c")["doing"], "handed_over");
    let wrong = run(work(&place, &emulator, &["--until-idle", "--metrics=w.txt"]));
    assert_eq!((wrong.code, emulator.ledger().accepted), (2, 0), "{}", wrong.err);
    assert!(wrong.err.contains("must end in .prom"), "{}", wrong.err);
    let command = work(&place, &emulator, &["--until-idle", "--metrics=w.prom"]);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(emulator.ledger().accepted, 30);
    let metrics = std::fs::read_to_string(place.path("w.prom")).unwrap();
    let devices = "fleetsweep_campaign_devices{campaign=\"c\",outcome=\"accepted\"";
    let mut lines = metrics.lines().filter(|line| line.starts_with(devices));
    assert!(lines.next().unwrap().ends_with(" 30"), "{metrics}");
    let rows = report(&place.path("r.csv"));
    assert_eq!(rows.iter().filter(|row| row["outcome"] == "accepted").count(), 30);
    let name = format!("c (tenant {}): ", TENANTS[0]);
    let of_campaign = said.err.lines().filter(|line| line.starts_with(&name)).count();
    assert_eq!(of_campaign + 1, said.err.lines().count(), "{}", said.err);
    assert_eq!(status(&place, "c")["state"], "finished");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_left_is_taken_and_what_somebody_stopped_is_not() {
    let emulator = emulate("calm", &[(50, 1.0), (1000, 60.0)], 1.0).await;
    let place = Place::new();
    place.list(120);
    let mut killed = start(scan(&place, &emulator, "killed", &[]));
    accepted(&emulator, 20).await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    let stopped = start(scan(&place, &emulator, "stopped", &[]));
    accepted(&emulator, 60).await;
    kill_process(Pid::from_child(&stopped), Signal::INT).unwrap();
    let said = beside(move || wait(stopped)).await;
    assert_eq!(said.code, 5, "{}", said.err);
    let left = status(&place, "stopped")["open"].clone();
    // A run that died is known to be dead a second later here, which is 20 s divided by 20.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let command = work(&place, &emulator, &["--until-idle"]);
    let said = beside(move || run(command)).await;
    assert!(said.code == 0 || said.code == 3, "{}", said.err);
    let (killed, stopped) = (status(&place, "killed"), status(&place, "stopped"));
    assert_eq!((&killed["state"], &killed["open"]), (&"finished".into(), &0.into()), "{killed}");
    assert_eq!((&stopped["state"], &stopped["open"]), (&"open".into(), &left), "{stopped}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_told_to_stop_finishes_its_calls_and_another_one_goes_on() {
    let emulator = emulate("calm", &[(50, 1.0), (1000, 60.0)], 1.0).await;
    let place = Place::new();
    place.list(150);
    let command = scan(&place, &emulator, "c", &["--detach"]);
    assert_eq!(beside(move || run(command)).await.code, 0);
    let first = start(work(&place, &emulator, &[]));
    accepted(&emulator, 30).await;
    kill_process(Pid::from_child(&first), Signal::TERM).unwrap();
    let said = beside(move || wait(first)).await;
    assert_eq!(said.code, 5, "{}", said.err);
    assert!(said.err.contains("Stopping: no more orders"), "{}", said.err);
    let between = status(&place, "c");
    assert_eq!((&between["doing"], &between["sent"]), (&"handed_over".into(), &0.into()));
    let command = work(&place, &emulator, &["--until-idle"]);
    let said = beside(move || run(command)).await;
    assert!(said.code == 0 || said.code == 3, "{}", said.err);
    assert_eq!(status(&place, "c")["open"], 0, "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_cannot_sign_in_stops_alone_and_is_told() {
    let emulator = emulate("quiet", &[(50, 1.0), (1000, 60.0)], 1.0).await;
    let place = Place::new();
    place.list(20);
    for (name, text) in [("right", emulator::DEFAULT_SECRET), ("wrong", "another secret")] {
        secret(&place, name, text);
    }
    // Both campaigns are planned with a secret that works; later one of them does not any more.
    for (n, tenant) in TENANTS.iter().enumerate() {
        let tenant = format!("--tenant={tenant}");
        let mut command = scan(&place, &emulator, &format!("c{n}"), &["--detach", &tenant]);
        command.env_remove("AZURE_TENANT_ID");
        let said = beside(move || run(command)).await;
        assert_eq!(said.code, 0, "{}", said.err);
    }
    let url = emulator.base_url();
    let profile = |name: &str, tenant: &str, secret: &str| {
        format!(
            "[profiles.{name}]\ntenant = \"{tenant}\"\napi-url = \"{url}\"\nlogin-url = \"{url}\"\n\
             client-id = \"66666666-7777-8888-9999-000000000000\"\n\
             client-secret-file = \"{secret}\"\n"
        )
    };
    let server = Canned::always(close(200, "ok")).await;
    secret(&place, "url", &server.origin());
    let notify = "[[notify]]\nkind = \"json\"\nurl-file = \"url\"\n";
    let text = profile("one", TENANTS[0], "right") + &profile("two", TENANTS[1], "wrong") + notify;
    std::fs::write(place.path("c.toml"), text).unwrap();
    let words = ["work", "--all-profiles", "--config=c.toml", "--until-idle", "--time-scale=20"];
    let command = place.fleetsweep(&words);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 7, "{}", said.err);
    assert!(said.err.contains("open campaigns of 2 profiles"), "{}", said.err);
    let told = "c1 (two): cannot sign in";
    assert!(said.err.contains(told), "{}", said.err);
    assert_eq!(status(&place, "c0")["state"], "finished");
    // So are those who are sent messages, once.
    let not_begun: Vec<String> =
        server.seen().into_iter().filter(|one| one.contains("\"not_begun\"")).collect();
    assert_eq!(not_begun.len(), 1, "{:?}", server.seen());
    for part in ["No run of c1 began: cannot sign in", "\"tenant_name\":\"two\"", "resume c1"] {
        assert!(not_begun[0].contains(part), "{part}: {not_begun:?}");
    }
    // Another terminal tells it too, and that it is no campaign that merely waits its turn.
    let stands = status(&place, "c1");
    assert_eq!(stands["doing"], "stopped", "{stands}");
    let shown = flat(&run(place.fleetsweep(&["status", "c1"])).out);
    assert!(shown.contains("no run of it could begin"), "{shown}");
    assert!(shown.contains("exit code 7): cannot sign in (client secret)"), "{shown}");
    assert!(shown.contains("fix that, and a worker goes on, or run"), "{shown}");
    assert!(!shown.contains("nothing was ordered"), "that is not known: {shown}");
    // How it was left stands beside it, so that a worker takes it once that is mended.
    let last = &stands["last_run"];
    assert_eq!(
        (&last["ended"]["for_workers"], &last["ended"]["exit_code"]),
        (&true.into(), &0.into())
    );
    std::fs::write(place.path("wrong"), emulator::DEFAULT_SECRET).unwrap();
    let again = beside({
        let command = place.fleetsweep(&words);
        move || run(command)
    });
    assert_eq!(again.await.code, 0);
    let stands = status(&place, "c1");
    assert_eq!(
        (&stands["state"], &stands["last_run"]["not_begun"]),
        (&"finished".into(), &().into())
    );
    // Its devices were being scanned for the other one.
    assert_eq!(emulator.ledger().accepted, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_of_another_user_in_the_store_is_run_by_no_worker() {
    let emulator = emulate("quiet", &[(50, 1.0), (1000, 60.0)], 1.0).await;
    let place = Place::new();
    place.list(5);
    for (name, user) in [("mine", "worker"), ("theirs", "somebody")] {
        let hook = format!("--on-finish=touch {name}.done");
        let mut command = scan(&place, &emulator, name, &["--detach", &hook]);
        command.env("LOGNAME", user);
        assert_eq!(beside(move || run(command)).await.code, 0);
    }
    let mut command = work(&place, &emulator, &["--until-idle"]);
    command.env("LOGNAME", "worker");
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(place.path("mine.done").exists());
    assert!(!place.path("theirs.done").exists());
    assert!(said.err.contains("the command of --on-finish is not run"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_run_that_nobody_can_sign_in_for_says_so_from_the_first_try_on() {
    let emulator = emulate("quiet", &[(20, 1.0), (1000, 60.0)], 1.0).await;
    let place = Place::new();
    place.list(100);
    let mut killed = start(scan(&place, &emulator, "c", &["--limit=20/1s"]));
    accepted(&emulator, 6).await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    let shown = || flat(&run(place.fleetsweep(&["status", "c"])).out);
    assert!(shown().contains("Its run was killed"), "{}", shown());
    // Its last sign of life is a moment old, which hides nothing.
    let mut resume = place.towards(&emulator, &["resume", "c"]);
    resume.env("AZURE_CLIENT_SECRET", "another secret");
    let said = beside(move || run(resume)).await;
    assert_eq!(said.code, 7, "{}", said.err);
    let told = shown();
    assert!(told.contains("no run of it could begin") && told.contains("exit code 7"), "{told}");
    assert!(told.contains("fix that, then run `fleetsweep resume c"), "{told}");
    let resume = place.towards(&emulator, &["resume", "c"]);
    let said = beside(move || run(resume)).await;
    assert!(said.code == 0 || said.code == 3, "{}", said.err);
    // It stays in the story, and is how it stands no more.
    let told = shown();
    assert!(!told.split("what happened last").next().unwrap().contains("could begin"), "{told}");
    assert!(emulator.ledger().accepted_twice.is_empty());
}
