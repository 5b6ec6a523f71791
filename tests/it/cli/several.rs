//! One command for several tenants: a campaign and a report for each, one question and one table
//! for all; a tenant that cannot sign in stops alone, and no customer sees another one's devices.

use std::collections::BTreeMap;

use std::process::Command;

use fleetsweep::emulator::Operation;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::campaigns::accepted;
use super::{Place, Said, beside, flat, json_lines, report, run, start, wait};
use crate::kit::postgres::database;
use crate::kit::provider::{APPLICATION, Provider, secret, tenant};
use crate::kit::support::device;

const HERE: [&str; 3] = ["--limit=50/1s", "--limit=1000/60s", "--time-scale=20"];

pub(super) fn scan(provider: &Provider, more: &[&str]) -> Command {
    let words = ["scan", "list.csv", "--type=quick", "--comment=test", "--campaign=inc"];
    provider.command(&[&words[..], &HERE[..], more].concat())
}

/// The line of a type in what a program reads.
pub(super) fn line(said: &Said, kind: &str) -> Value {
    let lines = json_lines(&said.out);
    let found = lines.into_iter().find(|line| line["type"] == kind);
    found.unwrap_or_else(|| panic!("{}\n{}", said.out, said.err))
}

/// What a table tells of a tenant.
pub(super) fn of<'a>(table: &'a Value, profile: &str) -> &'a Value {
    let all = table["tenants"].as_array().unwrap();
    all.iter().find(|one| one["profile"] == profile).unwrap_or_else(|| panic!("{table}"))
}

/// One field of what a table tells of the first two tenants.
pub(super) fn both(table: &Value, field: &str) -> [Value; 2] {
    ["cust-0", "cust-1"].map(|profile| of(table, profile)[field].clone())
}

pub(super) fn ids(path: &std::path::Path) -> Vec<String> {
    report(path).iter().map(|row| row["device_id"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_tenant_has_its_own_campaign_and_report_and_one_that_cannot_sign_in_stops_alone() {
    each_has_its_own(Provider::of(3).await).await;
}

async fn each_has_its_own(provider: Provider) {
    let place = &provider.place;
    secret(place, "wrong", "another secret");
    let settings = provider.profile(0, "secret")
        + &provider.profile(1, "secret")
        + &provider.profile(2, "wrong");
    std::fs::write(place.path("c.toml"), settings).unwrap();
    let by_id = tenant(1);
    provider.list(&[(1, "cust-0"), (2, &by_id), (3, "CUST-0"), (4, "cust-2"), (1, "cust-0")]);
    let command = scan(&provider, &["--all-profiles", "--approve-max=10", "--json"]);
    let said = provider.run(command).await;
    assert_eq!(said.code, 7, "{}", said.err);
    let plan = line(&said, "tenants_plan");
    assert_eq!(plan["devices"], 3, "{plan}");
    assert_eq!(both(&plan, "devices"), [2.into(), Value::from(1)]);
    assert_eq!(both(&plan, "left_out"), [1.into(), Value::from(0)]);
    assert!(of(&plan, "cust-2")["why"].as_str().unwrap().contains("cannot sign in"), "{plan}");
    let end = line(&said, "tenants");
    assert_eq!((&end["campaign"], &end["exit_code"]), (&"inc".into(), &7.into()));
    assert_eq!(both(&end, "accepted"), [2.into(), Value::from(1)]);
    assert_eq!(both(&end, "open"), [0.into(), Value::from(0)]);
    assert_eq!(both(&end, "why"), ["finished"; 2]);
    assert_eq!([0, 1, 2].map(|n| provider.ordered(n)), [2, 1, 0]);
    let device = |n| device(n).to_string();
    let own = |n: usize| place.path(&format!("fleetsweep-inc/cust-{n}.csv"));
    assert_eq!(ids(&own(0)), [device(1), device(3), device(1)]);
    assert_eq!(ids(&own(1)), [device(2)]);
    assert!(!own(2).exists());
    let all = report(&place.path("fleetsweep-inc.csv"));
    let told: Vec<_> = all.iter().map(|row| (row["tenant"].clone(), row["line"].clone())).collect();
    assert_eq!(
        told,
        [(tenant(0), "2".into()), (tenant(0), "4".into()), (tenant(0), "6".into()), {
            (tenant(1), "3".into())
        }]
    );
    // The rows of the one that cannot sign in are told too.
    assert_eq!(end["not_ordered"]["rows"], 1, "{end}");
    let rest = report(&place.path("fleetsweep-inc-not-ordered.csv"));
    assert_eq!((rest.len(), &rest[0]["device_id"]), (1, &device(4)));
    assert_eq!(rest[0]["outcome"], "not_attempted", "{rest:?}");
    assert!(rest[0]["reason"].contains("profile cust-2"), "{rest:?}");
    // The same command again, once that is mended: nobody's rows leave the report over all.
    secret(place, "wrong", fleetsweep::emulator::DEFAULT_SECRET);
    let again = scan(&provider, &["--all-profiles", "--approve-max=10", "--json"]);
    let again = provider.run(again).await;
    assert_eq!([0, 1, 2].map(|n| provider.ordered(n)), [2, 1, 1], "{}", again.err);
    // Those that have finished are no failure, and are counted as they ended.
    assert_eq!(again.code, 0, "{}", again.err);
    let plan = line(&again, "tenants_plan");
    assert_eq!(
        (both(&plan, "finished"), &plan["devices"]),
        ([true.into(), true.into()], &1.into())
    );
    let end = line(&again, "tenants");
    assert_eq!(both(&end, "why"), ["finished already"; 2]);
    assert_eq!(both(&end, "accepted"), [2.into(), Value::from(1)]);
    let all = report(&place.path("fleetsweep-inc.csv"));
    let outcome = |tenant: &String| {
        let own: Vec<_> = all.iter().filter(|row| row["tenant"] == *tenant).collect();
        own.iter().filter(|row| row["outcome"] == "accepted").count()
    };
    assert_eq!([0, 1, 2].map(|n| outcome(&tenant(n))), [2, 1, 1], "{all:?}");
    let rest = report(&place.path("fleetsweep-inc-not-ordered.csv"));
    assert_eq!(rest.len(), 1, "what is told there is that of the first command: {rest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_answer_is_for_all_tenants_and_without_it_nothing_is_ordered_or_left() {
    let provider = Provider::of(2).await;
    let place = &provider.place;
    provider.list(&[(1, "cust-0"), (2, "cust-1"), (3, "cust-1")]);
    // The number is the sum, however few there are of each tenant.
    let said = provider.run(scan(&provider, &["--all-profiles", "--approve-max=2"])).await;
    assert_eq!(said.code, 6, "{}", said.err);
    assert!(said.err.contains("3 devices of 2 tenants"), "{}", said.err);
    assert!(said.err.contains("the plan has 3 devices"), "{}", said.err);
    let said = provider.run(scan(&provider, &["--all-profiles", "--dry-run"])).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("This is a dry run"), "{}", said.out);
    assert_eq!([0, 1].map(|n| provider.ordered(n)), [0, 0]);
    assert!(!place.path("fleetsweep-inc").exists() && !place.path("fleetsweep-inc.csv").exists());
    let status = provider.run(provider.bare(&["status", "--json"])).await;
    assert_eq!(status.out, "", "no campaign is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_nobodys_and_a_list_that_names_no_tenant_order_nothing() {
    let provider = Provider::of(2).await;
    let all = ["--all-profiles", "--approve-max=9"];
    provider.list(&[(1, "cust-0"), (2, "stranger"), (3, "")]);
    let said = provider.run(scan(&provider, &all)).await;
    assert_eq!(said.code, 2, "{}", said.err);
    let told = "1 row of stranger (line 3); 1 row without a tenant (line 4)";
    assert!(said.err.contains(told), "{}", said.err);
    provider.list(&[(1, ""), (2, "")]);
    let said = provider.run(scan(&provider, &all)).await;
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("does not say whose"), "{}", said.err);
    assert_eq!([0, 1].map(|n| provider.ordered(n)), [0, 0]);
    // What is passed over counts in the exit code.
    provider.list(&[(1, "cust-0"), (2, "stranger"), (3, "")]);
    let said = provider.run(scan(&provider, &[&all[..], &["--skip-bad-rows"]].concat())).await;
    assert_eq!(said.code, 3, "{}", said.err);
    assert_eq!([0, 1].map(|n| provider.ordered(n)), [1, 0]);
    // They are in no customer's report, and lost all the same they are not.
    let path = provider.place.path("fleetsweep-inc-not-ordered.csv");
    assert!(said.err.contains("not ordered: 2 rows, in"), "{}", said.err);
    let told = |row: &BTreeMap<String, String>| {
        (row["line"].clone(), row["tenant"].clone(), row["outcome"].clone(), row["reason"].clone())
    };
    let all: Vec<_> = report(&path).iter().map(told).collect();
    let row = |line: &str, whose: &str, why: &str| {
        (line.to_owned(), whose.to_owned(), "bad_row".to_owned(), why.to_owned())
    };
    assert_eq!(
        all,
        [
            row("3", "stranger", "no profile is of the tenant stranger"),
            row("4", "", "the row names no tenant")
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_profiles_with_a_name_scan_their_own_devices_and_their_campaigns_go_on_by_one_name() {
    go_on_by_one_name(Provider::with_limits(3, &[(10, 1.0), (1000, 60.0)]).await).await;
}

async fn go_on_by_one_name(provider: Provider) {
    let words = ["scan", "--from-tenant", "--type=quick", "--comment=test", "--campaign=inc"];
    let slow = ["--limit=10/1s", "--time-scale=20", "--approve-max=5000", "--profiles=cust-[01]"];
    let command = provider.command(&[&words[..], &slow[..]].concat());
    let first = start(command);
    accepted(&provider.emulators[0], 5).await;
    accepted(&provider.emulators[1], 5).await;
    kill_process(Pid::from_child(&first), Signal::INT).unwrap();
    let said = beside(move || wait(first)).await;
    assert_eq!(said.code, 5, "{}", said.err);
    assert_eq!(provider.ordered(2), 0, "it was not named");
    // Both have one name, and each belongs to its tenant.
    let said = provider.run(provider.bare(&["status", "inc"])).await;
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("--all-profiles"), "{}", said.err);
    let named = ["--profiles=cust-0", "--profiles=cust-1"];
    let said = provider.run(provider.command(&[&["pause", "inc"], &named[..]].concat())).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let status = [&["status", "inc", "--json"], &named[..]].concat();
    let table = line(&provider.run(provider.command(&status)).await, "tenants");
    assert_eq!(both(&table, "why"), ["paused"; 2]);
    let faster = ["resume", "inc", "--json", "--limit=500/1s", "--all-profiles"];
    let said = provider.run(provider.command(&faster)).await;
    assert!(said.err.contains("1 tenant of these has no campaign inc"), "{}", said.err);
    let table = line(&said, "tenants");
    for n in [0, 1] {
        let one = of(&table, &format!("cust-{n}"));
        assert_eq!((&one["open"], &one["why"]), (&0.into(), &"finished".into()), "{table}");
        assert_eq!(provider.ordered(n), one["accepted"].as_u64().unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn campaigns_of_several_tenants_are_handed_over_by_one_command() {
    are_handed_over(Provider::of(2).await).await;
}

async fn are_handed_over(provider: Provider) {
    provider.list(&[(1, "cust-0"), (2, "cust-1")]);
    let command = scan(&provider, &["--all-profiles", "--approve-max=9", "--detach"]);
    let said = provider.run(command).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!([0, 1].map(|n| provider.ordered(n)), [0, 0]);
    let told = flat(&said.err);
    assert!(told.contains(&format!("status inc --watch --tenant {}", tenant(1))), "{told}");
    let status = |which: &[&str]| provider.command(&[&["status", "inc", "--json"], which].concat());
    let next = |said: &Said| line(said, "tenants")["work"].as_str().unwrap().to_owned();
    let all = next(&provider.run(status(&["--all-profiles"])).await);
    assert!(all.contains("work --all-profiles"), "{all}");
    let one = next(&provider.run(status(&["--profiles=cust-1"])).await);
    assert!(one.contains("--profiles cust-1") && !one.contains("all-profiles"), "{one}");
    let words = ["work", "--all-profiles", "--until-idle", "--time-scale=20"];
    let said = provider.run(provider.command(&words)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!([0, 1].map(|n| provider.ordered(n)), [1, 1]);
    // What a worker did is told at its end, a line for each tenant.
    let told = flat(&said.err);
    assert!(told.contains("Campaign inc of 2 tenants"), "{told}");
    assert!(told.contains("cust-0 1 0 0 0 finished"), "{told}");
    let own = provider.place.path("fleetsweep-inc/cust-1.csv");
    assert_eq!(ids(&own), [device(2).to_string()]);
    // Nothing is open any more, and without a name all of these tenants' campaigns are told of.
    let said = provider.run(provider.command(&["status", "--all-profiles"])).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("cust-0") && said.out.contains("cust-1"), "{}", said.out);
    let said = provider.run(provider.command(&["status", "--profiles=cust-1"])).await;
    assert!(said.out.contains("inc") && !said.out.contains("cust-0"), "{}", said.out);
    // Whose is meant of several is said in the words of the settings.
    let said = provider.run(provider.command(&["status", "inc"])).await;
    assert_eq!(said.code, 2, "{}", said.out);
    let told = flat(&said.err);
    assert!(told.contains("say whose is meant, such as --profile cust-"), "{told}");
    assert!(told.contains("one of profile cust-1, tenant "), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_several_tenants_ordered_is_taken_back_after_one_question() {
    are_taken_back(Provider::with_limits(2, &[(10, 1.0), (1000, 60.0)]).await).await;
}

async fn are_taken_back(provider: Provider) {
    let rows: Vec<(u64, &str)> =
        (0..80).map(|n| (n, if n % 2 == 0 { "cust-0" } else { "cust-1" })).collect();
    provider.list(&rows);
    let words = ["scan", "list.csv", "--type=full", "--comment=test", "--campaign=inc"];
    let slow = ["--limit=10/1s", "--time-scale=20", "--approve-max=80", "--all-profiles"];
    let first = start(provider.command(&[&words[..], &slow[..]].concat()));
    accepted(&provider.emulators[0], 5).await;
    accepted(&provider.emulators[1], 5).await;
    kill_process(Pid::from_child(&first), Signal::INT).unwrap();
    assert_eq!(beside(move || wait(first)).await.code, 5);
    let cancel = ["cancel", "inc", "--all-profiles", "--limit=500/1s", "--json"];
    let few = [&cancel[..], &["--approve-max=79"]].concat();
    let said = provider.run(provider.command(&few)).await;
    assert_eq!(said.code, 6, "{}", said.err);
    let plan = line(&said, "tenants_cancel_plan");
    assert_eq!(both(&plan, "devices"), [40.into(), Value::from(40)], "{plan}");
    let cancelled = |n: usize| provider.emulators[n].ledger().count(Operation::Cancel) as u64;
    assert_eq!([0, 1].map(cancelled), [0, 0]);
    let enough = [&cancel[..], &["--approve-max=80"]].concat();
    let said = provider.run(provider.command(&enough)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    for n in [0, 1] {
        assert_eq!(cancelled(n), provider.ordered(n), "{}", said.err);
    }
    let status = ["status", "inc", "--json", "--all-profiles"];
    let table = line(&provider.run(provider.command(&status)).await, "tenants");
    assert_eq!(both(&table, "why"), ["cancelled"; 2]);
    assert_eq!(both(&table, "open"), [0.into(), Value::from(0)], "{table}");
    assert_eq!(both(&table, "not_covered"), [40.into(), Value::from(40)], "{table}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_campaigns_of_a_name_left_is_ordered_again_in_each_tenant_by_one_command() {
    let provider = Provider::of(3).await;
    provider.list(&[(1, "cust-0"), (2, "cust-1"), (3, "cust-1"), (4, "cust-2")]);
    let words = ["scan", "list.csv", "--type=full", "--comment=test", "--campaign=inc"];
    let all = [&words[..], &HERE[..], &["--all-profiles", "--approve-max=4"]].concat();
    let said = provider.run(provider.command(&all)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let cancel = ["cancel", "inc", "--profiles=cust-[01]", "--approve-max=3", "--limit=50/1s"];
    let said = provider.run(provider.command(&cancel)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let retry = |more: &[&str]| {
        let words = ["retry", "inc", "--all-profiles", "--limit=50/1s", "--json"];
        provider.command(&[&words[..], more].concat())
    };
    let said = provider.run(retry(&["--approve-max=9"])).await;
    assert_eq!(said.code, 2, "what was taken back is left alone: {}", said.err);
    assert!(said.err.contains("nothing to order again"), "{}", said.err);
    let left = "3 devices were taken back; --outcome cancelled orders such devices again";
    assert!(said.err.contains(left), "{}", said.err);
    let said = provider.run(retry(&["--outcome=cancelled", "--dry-run"])).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let plan = line(&said, "tenants_plan");
    assert_eq!(plan["campaign"], "inc-retry1");
    assert_eq!(both(&plan, "devices"), [1.into(), Value::from(2)], "{plan}");
    assert!(said.err.contains("Nothing is ordered again of cust-2."), "{}", said.err);
    assert_eq!([0, 1, 2].map(|n| provider.ordered(n)), [1, 2, 1]);
    let said = provider.run(retry(&["--outcome=cancelled", "--approve-max=2"])).await;
    assert_eq!(said.code, 6, "one answer is for all: {}", said.err);
    let said = provider.run(retry(&["--outcome=cancelled", "--approve-max=3"])).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!([0, 1, 2].map(|n| provider.ordered(n)), [2, 4, 1]);
    let own = provider.place.path("fleetsweep-inc-retry1/cust-1.csv");
    assert_eq!(ids(&own), [2, 3].map(|n| device(n).to_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_tenants_share_a_store_in_postgresql_as_they_do_a_file() {
    each_has_its_own(Provider::of(3).await.over(database().await)).await;
    let slow = [(10, 1.0), (1000, 60.0)];
    go_on_by_one_name(Provider::with_limits(3, &slow).await.over(database().await)).await;
    are_handed_over(Provider::of(2).await.over(database().await)).await;
    are_taken_back(Provider::with_limits(2, &slow).await.over(database().await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_has_a_line_for_each_tenant_and_ends_with_the_worst() {
    let provider = Provider::of(2).await;
    let doctor = ["doctor", "--all-profiles", "--json"];
    let said = provider.run(provider.command(&doctor)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let table = line(&said, "tenants_checked");
    assert_eq!(both(&table, "may_scan"), [true, true]);
    assert!(of(&table, "cust-0")["machines"].as_u64().unwrap() > 0, "{table}");
    secret(&provider.place, "wrong", "another secret");
    let settings = provider.profile(0, "secret") + &provider.profile(1, "wrong");
    std::fs::write(provider.place.path("c.toml"), settings).unwrap();
    let said = provider.run(provider.command(&doctor)).await;
    assert_eq!(said.code, 7, "{}", said.err);
    let table = line(&said, "tenants_checked");
    assert_eq!(both(&table, "exit_code"), [Value::Null, 7.into()]);
    assert_eq!([0, 1].map(|n| provider.ordered(n)), [0, 0]);
}

#[test]
fn two_profiles_of_one_tenant_are_refused_since_its_devices_would_be_ordered_twice() {
    let place = Place::new();
    let profile = |name: &str| format!("[profiles.{name}]\ntenant = \"{}\"\n", tenant(1));
    std::fs::write(place.path("c.toml"), profile("day") + &profile("night")).unwrap();
    let words = ["scan", "--from-tenant", "--type=quick", "--comment=x", "--config=c.toml"];
    let said = run(place.fleetsweep(&[&words[..], &["--all-profiles"]].concat()));
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("the profiles day and night are of one tenant"), "{}", said.err);
}

#[test]
fn commands_that_sign_in_nowhere_need_no_profile_to_be_chosen_among_several() {
    let place = Place::new();
    let folder = place.path(".config/fleetsweep");
    std::fs::create_dir_all(&folder).unwrap();
    let profile = |n: usize| format!("[profiles.cust-{n}]\ntenant = \"{}\"\n", tenant(n));
    std::fs::write(folder.join("config.toml"), profile(1) + &profile(2)).unwrap();
    for words in [&["status"][..], &["pause", "c"], &["report", "c"], &["status", "c"]] {
        let said = run(place.fleetsweep(words));
        assert_eq!(said.code, 2, "{words:?}: {}", said.err);
        assert!(said.err.contains("there are no campaigns yet"), "{words:?}: {}", said.err);
    }
}

#[test]
fn the_link_of_each_customer_is_printed_without_asking_anybody() {
    let place = Place::new();
    let shared = format!("[shared]\nclient-id = \"{APPLICATION}\"\n");
    let profile = |n: usize| format!("[profiles.cust-{n}]\ntenant = \"{}\"\n", tenant(n));
    std::fs::write(place.path("c.toml"), shared + &profile(1) + &profile(2)).unwrap();
    let link = |n: usize| {
        let tenant = tenant(n);
        format!("https://login.microsoftonline.com/{tenant}/adminconsent?client_id={APPLICATION}\n")
    };
    let said = run(place.fleetsweep(&["consent-url", "--config=c.toml", "--profile=cust-2"]));
    assert_eq!((said.code, said.out, said.err), (0, link(2), String::new()));
    let said = run(place.fleetsweep(&["consent-url", "--config=c.toml", "--all-profiles"]));
    assert_eq!(said.out, format!("cust-1 {}cust-2 {}", link(1), link(2)), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_name_another_profile_are_never_sent_to_the_one_that_was_chosen() {
    let provider = Provider::of(2).await;
    let by_id = tenant(1);
    provider.list(&[(1, "Cust-0"), (2, "cust-1"), (3, &by_id), (4, "cust-7")]);
    let said = provider.run(scan(&provider, &["--profile=cust-0", "--approve-max=10"])).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!([0, 1].map(|n| provider.ordered(n)), [1, 0]);
    let told = flat(&said.err);
    let warned = "never sent to this one: 1 row of `cust-1`, 1 row of `cust-7`";
    assert!(told.contains(warned), "{told}");
    let path = std::fs::read_dir(provider.place.path("")).unwrap().flatten();
    let mut reports = path.filter(|file| file.path().extension().is_some_and(|end| end == "csv"));
    let is_report = |file: &std::fs::DirEntry| file.file_name() != "list.csv";
    let rows = report(&reports.find(is_report).unwrap().path());
    assert_eq!(
        rows.iter().map(|row| &row["outcome"]).collect::<Vec<_>>(),
        ["accepted", "skipped", "skipped", "skipped"]
    );
    assert!(rows[1]["reason"].contains("the list names tenant `cust-1`"), "{rows:?}");
}
