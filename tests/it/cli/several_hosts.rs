//! The program on a store in PostgreSQL: a host dies in the middle, and another one goes on.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::cli::campaigns::assert_within_limits;
use crate::kit::child::through;
use crate::kit::postgres::database;
use crate::kit::program::{Place, beside, emulate, flat, json_lines, report, run, start, wait};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_dies_is_followed_by_another_and_nothing_is_lost_or_ordered_twice() {
    let url = database().await;
    let emulator = emulate("quiet", &[(100, 60.0), (1_500, 3_600.0)], 60.0).await;
    let (emulator, seen) = beside(move || {
        let (one, other) = (Place::new(), Place::new());
        one.list(250);
        let scale = ["--time-scale=60", "--limit=100/1s", "--limit=1500/60s"];
        let scan = ["scan", "list.txt", "--type=full", "--comment=x", "--campaign=c"];
        let args = [&scan[..], &["--approve-max=250"], &scale].concat();
        let mut command = one.towards(&emulator, &args);
        command.env("FLEETSWEEP_STORE", &url);
        let mut first = start(command);
        while emulator.ledger().accepted < 60 {
            std::thread::sleep(Duration::from_millis(10));
            assert!(first.try_wait().unwrap().is_none(), "it ended before it was killed");
        }
        first.kill().unwrap();
        first.wait().unwrap();
        let args = [&["resume", "c", "--report=r.csv"][..], &scale].concat();
        let mut command = other.towards(&emulator, &args);
        command.env("FLEETSWEEP_STORE", &url);
        let said = run(command);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        let rows = report(&other.path("r.csv"));
        assert_eq!(rows.len(), 250);
        assert!(rows.iter().all(|row| row["outcome"] == "accepted"));
        let mut doctor = other.towards(&emulator, &["doctor"]);
        doctor.env("FLEETSWEEP_STORE", &url);
        let told = run(doctor);
        let told = told.out + &told.err;
        (emulator, flat(&told))
    })
    .await;
    let ledger = emulator.ledger();
    assert!(ledger.accepted_twice.is_empty(), "{:?}", ledger.accepted_twice);
    assert_eq!(ledger.accepted, 250);
    assert_within_limits(&emulator);
    assert!(seen.contains("fsync is off") && seen.contains("PostgreSQL 1"), "{seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_of_two_hosts_run_what_a_third_handed_over_and_one_may_die() {
    let url = database().await;
    let emulator = emulate("quiet", &[(100, 60.0), (1_500, 3_600.0)], 60.0).await;
    let emulator = beside(move || {
        let (desk, hosts) = (Place::new(), [Place::new(), Place::new()]);
        desk.list(250);
        let there = |place: &Place, args: &[&str]| {
            let mut command = place.towards(&emulator, args);
            command.env("FLEETSWEEP_STORE", &url);
            command
        };
        let scan = ["scan", "list.txt", "--type=full", "--comment=x", "--campaign=c", "--detach"];
        let scale = ["--time-scale=60", "--limit=100/1s", "--limit=1500/60s", "--approve-max=250"];
        let said = run(there(&desk, &[&scan[..], &scale].concat()));
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        assert_eq!(emulator.ledger().accepted, 0, "nobody orders before a worker is there");
        let work = |place| start(there(place, &["work", "--time-scale=60"]));
        let mut first = work(&hosts[0]);
        while emulator.ledger().accepted < 60 {
            std::thread::sleep(Duration::from_millis(10));
            assert!(first.try_wait().unwrap().is_none(), "it ended before it was killed");
        }
        let mut second = work(&hosts[1]);
        first.kill().unwrap();
        first.wait().unwrap();
        let status = || json_lines(&run(there(&desk, &["status", "c", "--json"])).out).remove(0);
        for _ in 0..1_200 {
            if status()["state"] == "finished" {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(status()["state"], "finished");
        assert!(second.try_wait().unwrap().is_none(), "a worker waits for more");
        kill_process(Pid::from_child(&second), Signal::TERM).unwrap();
        let said = wait(second);
        assert!(said.err.contains("c (tenant "), "{}", said.err);
        let said = run(there(&desk, &["report", "c", "--report=r.csv"]));
        assert_eq!(said.code, 0, "{}", said.err);
        let rows = report(&desk.path("r.csv"));
        assert_eq!(rows.len(), 250);
        assert!(rows.iter().all(|row| row["outcome"] == "accepted"));
        emulator
    })
    .await;
    let ledger = emulator.ledger();
    assert!(ledger.accepted_twice.is_empty(), "{:?}", ledger.accepted_twice);
    assert_eq!(ledger.accepted, 250);
    assert_within_limits(&emulator);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_hosts_clock_is_wrong_takes_no_campaign_of_a_host_that_lives() {
    let url = database().await;
    let emulator = emulate("quiet", &[(10, 60.0), (1_500, 3_600.0)], 60.0).await;
    let told = beside(move || {
        let (one, ahead) = (Place::new(), Place::new());
        one.list(60);
        let scan = ["scan", "list.txt", "--type=full", "--comment=x", "--campaign=c"];
        let scale = ["--time-scale=60", "--limit=10/1s", "--limit=1500/60s", "--approve-max=60"];
        let mut command = one.towards(&emulator, &[&scan[..], &scale].concat());
        command.env("FLEETSWEEP_STORE", &url);
        let scan = start(command);
        while emulator.ledger().accepted < 5 {
            std::thread::sleep(Duration::from_millis(10));
        }
        let there = |words: &[&str]| {
            let mut command = ahead.towards(&emulator, words);
            command.env("FLEETSWEEP_STORE", &url);
            let clock = ["-m", "--exclude-monotonic", "-f", "+300s"];
            run(through("faketime", &clock, &command))
        };
        let status = there(&["status", "c"]).out;
        let told = there(&["work", "--time-scale=60", "--until-idle"]).err;
        let said = wait(scan);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        (status, told)
    })
    .await;
    let (status, told) = told;
    assert!(status.contains("runs now") && !status.contains("killed"), "{status}");
    assert!(told.contains("Working on the open campaigns"), "{told}");
    assert!(!told.contains("c (tenant"), "it took what another host was at work on: {told}");
}

#[test]
fn a_password_in_an_argument_is_refused_and_not_repeated() {
    let place = Place::new();
    let url = "--store=postgres://fleet:s3cret@db.example/fleetsweep";
    let said = run(place.fleetsweep(&["status", url]));
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(said.err.contains("holds a password") && said.err.contains("PGPASSFILE"));
    assert!(!said.err.contains("s3cret"), "{}", said.err);
}

#[test]
fn a_server_that_is_not_there_is_told_with_what_to_do() {
    let place = Place::new();
    let said = run(place.fleetsweep(&["status", "--store=postgres://fleet@127.0.0.1:1/x"]));
    assert_ne!(said.code, 0);
    assert!(said.err.contains("127.0.0.1:1"), "{}", said.err);
}
