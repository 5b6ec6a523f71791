//! What is told of several tenants together: while they are at work, where one cannot go on, and
//! how much of each fleet is covered.

use std::collections::BTreeMap;

use serde_json::Value;

use super::json_lines;
use super::several::{line, of, scan};
use crate::kit::canned::{Canned, close};
use crate::kit::provider::{Provider, secret, tenant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_far_all_tenants_are_is_told_in_one_line_now_and_then() {
    let provider = Provider::with_limits(2, &[(10, 1.0), (1000, 60.0)]).await;
    let whose = |n| if n % 2 == 0 { "cust-0" } else { "cust-1" };
    provider.list(&(0..280).map(|n| (n, whose(n))).collect::<Vec<_>>());
    let words = ["scan", "list.csv", "--type=quick", "--comment=test", "--campaign=inc"];
    // A minute is three seconds here; each campaign says all ten seconds how far it is.
    let slow = ["--limit=10/1s", "--time-scale=20", "--approve-max=280", "--all-profiles"];
    let said = provider.run(provider.command(&[&words[..], &slow[..]].concat())).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let done = |line: &str| {
        let told = line.strip_prefix("2 campaigns at work: ")?;
        told.strip_suffix(" of 280 devices done.")?.parse::<u64>().ok()
    };
    let told: Vec<u64> = said.err.lines().filter_map(done).collect();
    assert!(told.iter().any(|done| (1..280).contains(done)), "{told:?}: {}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_whose_campaign_cannot_go_on_stays_in_the_sums_with_what_it_had_ordered() {
    let provider = Provider::with_limits(2, &[(10, 1.0), (1000, 60.0)]).await;
    let rows: Vec<_> = (0..60).map(|n| (n, if n % 2 == 0 { "cust-0" } else { "cust-1" })).collect();
    provider.list(&rows);
    let words = ["scan", "list.csv", "--type=quick", "--comment=test", "--campaign=inc"];
    let slow = ["--limit=5/1s", "--max-duration=2s", "--approve-max=60", "--all-profiles"];
    let said = provider.run(provider.command(&[&words[..], &slow[..]].concat())).await;
    assert_eq!(said.code, 5, "{}", said.err);
    let done = [0, 1].map(|n| provider.ordered(n));
    assert!(done.iter().all(|done| (1..30).contains(done)), "{done:?}");
    let settings = provider.profile(0, "wrong") + &provider.profile(1, "secret");
    secret(&provider.place, "wrong", "another secret");
    std::fs::write(provider.place.path("c.toml"), settings).unwrap();
    let resume = ["resume", "inc", "--json", "--limit=500/1s", "--all-profiles"];
    let said = provider.run(provider.command(&resume)).await;
    assert_eq!((said.code, provider.ordered(0)), (7, done[0]), "{}", said.err);
    let table = line(&said, "tenants");
    let one = of(&table, "cust-0");
    assert_eq!(one["accepted"].as_u64(), Some(done[0]), "{table}");
    assert_eq!(one["open"].as_u64(), Some(30 - done[0]), "{table}");
    assert!(one["why"].as_str().unwrap().starts_with("cannot sign in"), "{table}");
    assert_eq!((&of(&table, "cust-1")["why"], provider.ordered(1)), (&"finished".into(), 30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coverage_is_told_of_each_tenant_or_of_the_one_that_is_named() {
    let provider = Provider::of(2).await;
    provider.list(&[(1, "cust-0"), (2, "cust-1"), (3, "cust-1")]);
    let list = provider.place.path("list.csv");
    let text = std::fs::read_to_string(&list).unwrap() + "no-id,cust-1\n";
    std::fs::write(&list, text).unwrap();
    let how = ["--all-profiles", "--approve-max=10", "--skip-bad-rows"];
    let said = provider.run(scan(&provider, &how)).await;
    assert_eq!(said.code, 3, "{}", said.err);
    let again = provider.run(provider.command(&["resume", "inc", "--all-profiles"])).await;
    assert_eq!(again.code, 3, "a row is bad still: {} {}", again.out, again.err);
    let coverage = async |more: &[&str]| {
        let words = [&["status", "--coverage", "--json"], more].concat();
        let said = provider.run(provider.command(&words)).await;
        assert_eq!(said.code, 0, "{}", said.err);
        let lines = json_lines(&said.out);
        let of =
            |line: &Value| (line["tenant"].as_str().unwrap().to_owned(), line["devices"].clone());
        lines.iter().map(of).collect::<BTreeMap<_, _>>()
    };
    let (one, other) = ((tenant(0), Value::from(1)), (tenant(1), Value::from(2)));
    assert_eq!(coverage(&[]).await, [one.clone(), other.clone()].into());
    assert_eq!(coverage(&["--all-profiles"]).await, [one, other.clone()].into());
    assert_eq!(coverage(&[&format!("--tenant={}", tenant(1))]).await, [other.clone()].into());
    assert_eq!(coverage(&["--profiles=cust-1"]).await, [other].into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_in_which_no_run_began_is_a_message_after_those_of_the_others() {
    let provider = Provider::of(2).await;
    provider.list(&(0..8).map(|n| (n, ["cust-0", "cust-1"][n as usize % 2])).collect::<Vec<_>>());
    let server = Canned::always(close(200, "ok")).await;
    secret(&provider.place, "wrong", "another secret");
    secret(&provider.place, "url", &server.origin());
    let notify = "[[notify]]\nkind = \"json\"\nurl-file = \"url\"\non = \"all\"\n";
    let settings = provider.profile(0, "secret") + &provider.profile(1, "wrong") + notify;
    std::fs::write(provider.place.path("c.toml"), settings).unwrap();
    let told = || -> Vec<(Value, String)> {
        let bodies = server.seen().into_iter().filter_map(|request| {
            let one: Value = serde_json::from_str(request.split_once("\r\n\r\n")?.1).ok()?;
            Some((one["event"].clone(), one["say"].as_str()?.to_owned()))
        });
        bodies.collect()
    };
    let how = ["--all-profiles", "--approve-max=10"];
    let said = provider.run(scan(&provider, &how)).await;
    assert_eq!(said.code, 7, "{}", said.err);
    let events: Vec<Value> = told().into_iter().map(|(event, _)| event).collect();
    assert_eq!(events, ["started", "finished", "not_begun"], "{:?}", told());
    assert!(server.seen()[0].contains("\"tenant_name\":\"cust-0\""), "{:?}", server.seen());
    let say = told().pop().unwrap().1;
    assert!(say.contains("profile cust-1 began: cannot sign in"), "{say}");
    // What is left to a worker has no end here that could be told.
    let before = told().len();
    let detached = ["--all-profiles", "--approve-max=10", "--detach", "--campaign=later"];
    let words = ["scan", "list.csv", "--type=full", "--comment=test"];
    let said = provider.run(provider.command(&[&words[..], &detached].concat())).await;
    assert_eq!(said.code, 7, "{}", said.err);
    let after: Vec<_> = told().split_off(before);
    assert!(matches!(&after[..], [(event, _)] if *event == "not_begun"), "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_night_that_did_not_begin_in_one_of_several_tenants_is_kept_there_and_told_of_it() {
    let provider = Provider::of(2).await;
    provider.list(&[(0, "cust-0"), (1, "cust-1")]);
    let night = ["scan", "list.csv", "--type=full", "--comment=test", "--series=n"];
    let how = ["--all-profiles", "--approve-max=10", "--on-event=cat >>events.jsonl"];
    let said = provider.run(provider.command(&[&night[..], &how].concat())).await;
    assert_eq!(said.code, 0, "{}", said.err);
    secret(&provider.place, "wrong", "another secret");
    let settings = provider.profile(0, "secret") + &provider.profile(1, "wrong");
    std::fs::write(provider.place.path("c.toml"), settings).unwrap();
    let said = provider.run(provider.command(&[&night[..], &how].concat())).await;
    assert_eq!(said.code, 7, "{}", said.err);
    let events = std::fs::read_to_string(provider.place.path("events.jsonl")).unwrap();
    let last = json_lines(&events).pop().unwrap();
    assert_eq!(last["event"], "not_begun", "{events}");
    assert_eq!((&last["tenant_name"], &last["series"]), (&"cust-1".into(), &"n".into()), "{last}");
    let story = async |n: usize| {
        let own = format!("--tenant={}", tenant(n));
        let all = ["status", "--series=n", "--json"];
        let all = json_lines(&provider.run(provider.command(&all)).await.out);
        let name = all.last().unwrap()["campaign"].as_str().unwrap();
        provider.run(provider.command(&["status", name, &own, "--json"])).await.out
    };
    let (well, wrong) = (story(0).await, story(1).await);
    assert!(wrong.contains("next_not_begun") && wrong.contains("cannot sign in"), "{wrong}");
    assert!(!well.contains("next_not_begun"), "{well}");
    let nights = ["status", "--nights", "--json", "--profiles=cust-1"];
    let nights = provider.run(provider.command(&nights)).await;
    let names: Vec<_> =
        json_lines(&nights.out).iter().map(|one| one["tenant_name"].clone()).collect();
    assert_eq!(names, ["cust-1"], "{}", nights.out);
}
