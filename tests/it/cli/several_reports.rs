//! The reports of several tenants: each has its own, and the one over all never loses the rows of a
//! tenant that was not meant.

use super::several::{both, ids, line, scan};
use crate::kit::program::{flat, json_lines};
use crate::kit::provider::{Provider, tenant};
use crate::kit::support::device;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_of_some_tenants_never_takes_the_place_of_the_one_over_all() {
    let provider = Provider::of(2).await;
    provider.list(&[(1, "cust-0"), (2, "cust-1")]);
    let said = provider.run(scan(&provider, &["--all-profiles", "--approve-max=2"])).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let all = provider.place.path("fleetsweep-inc.csv");
    let device = |n| device(n).to_string();
    for words in [&["report", "inc"][..], &["resume", "inc"]] {
        let one = [words, &["--profiles=cust-1"]].concat();
        let said = provider.run(provider.command(&one)).await;
        assert_eq!(said.code, 0, "{}", said.err);
        assert_eq!(ids(&all), [device(1), device(2)], "{words:?}: {}", said.err);
        assert!(said.err.contains("Left as it is: "), "{}", said.err);
        assert!(said.err.contains("report inc --all-profiles"), "{}", said.err);
    }
    // A file that somebody named has the rows of those that are meant, and is called so.
    let named = ["report", "inc", "--profiles=cust-1", "--report=one.csv"];
    let said = provider.run(provider.command(&named)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("Written, of cust-1: "), "{}", said.err);
    assert!(!said.err.contains("of all tenants"), "{}", said.err);
    assert_eq!(ids(&provider.place.path("one.csv")), [device(2)]);
    std::fs::remove_file(&all).unwrap();
    let said = provider.run(provider.command(&["report", "inc", "--all-profiles"])).await;
    assert!(said.err.contains("Written, of all tenants: "), "{}", said.err);
    assert_eq!(ids(&all), [device(1), device(2)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_run_has_ordered_is_cancelled_with_a_report_for_each_tenant() {
    let provider = Provider::of(2).await;
    provider.list(&[(1, "cust-0"), (2, "cust-1"), (3, "cust-1")]);
    let command = scan(&provider, &["--all-profiles", "--approve-max=9", "--detach"]);
    assert_eq!(provider.run(command).await.code, 0);
    let cancel = ["cancel", "inc", "--all-profiles", "--approve-max=9", "--limit=50/1s"];
    let said = provider.run(provider.command(&cancel)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let told = "cust-1: Cancelling inc is done. 2 taken out of the queue: ordered no more. 0 calls";
    assert!(said.err.contains(told), "{}", said.err);
    let place = |name: &str| provider.place.path(name);
    assert!(!place("fleetsweep-inc.csv").exists(), "{}", said.err);
    let device = |n| device(n).to_string();
    assert_eq!(ids(&place("fleetsweep-inc/cust-0.csv")), [device(1)]);
    assert_eq!(ids(&place("fleetsweep-inc/cust-1.csv")), [device(2), device(3)]);
    let status = ["status", "inc", "--json", "--all-profiles"];
    let table = line(&provider.run(provider.command(&status)).await, "tenants");
    assert_eq!(both(&table, "why"), ["cancelled"; 2]);
    // The beginning of a name and a tenant that is typed mean one.
    let tenant = tenant(1);
    let one = ["status", "in", "--json", "--tenant", &tenant];
    let one = json_lines(&provider.run(provider.command(&one)).await.out);
    assert!(one.len() == 1 && one[0]["tenant"] == *tenant, "{one:?}");
    // What it proposes finds something, and the command without it says what is missing.
    let said = provider.run(provider.command(&["retry", "inc", "--all-profiles"])).await;
    assert_eq!(said.code, 2, "{}", said.err);
    let left = "3 devices were taken back; --outcome cancelled --outcome not_attempted orders such";
    assert!(said.err.contains(left), "{}", said.err);
    let shown = provider.run(provider.command(&["status", "inc", "--all-profiles"])).await;
    let words = flat(&shown.out);
    assert!(words.contains("retry inc --outcome not_attempted --all-profiles"), "{words}");
    let again = ["retry", "inc", "--all-profiles", "--outcome=not_attempted", "--dry-run"];
    let said = provider.run(provider.command(&again)).await;
    assert_eq!(said.code, 0, "{}", said.err);
}
