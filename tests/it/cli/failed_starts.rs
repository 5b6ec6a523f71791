//! Starts that come to nothing where there is no run before: who asks later how the night or the
//! campaign stands is told of them until a run begins.

use super::{Place, Said, beside, emulate, flat, json_lines, run};
use crate::kit::provider::{Provider, secret, tenant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_night_that_could_not_begin_is_told_wherever_somebody_asks_until_one_begins() {
    let emulator = emulate("quiet", &[(1000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(10);
    let night = ["scan", "list.txt", "--type=full", "--comment=test", "--no-check", "--series=n"];
    let said = async |more: &[&str], secret: Option<&str>| {
        let mut command = place.towards(&emulator, &[&night[..], more].concat());
        if let Some(secret) = secret {
            command.env("AZURE_CLIENT_SECRET", secret);
        }
        beside(move || run(command)).await
    };
    let ask = |words: &[&str]| run(place.fleetsweep(words));
    // Neither a rehearsal is a start, for which nothing is made, nor what somebody sits before.
    assert_ne!(said(&["--dry-run", "--approve-max=3", "--until=nine"], None).await.code, 0);
    assert!(flat(&ask(&["status"]).err).contains("there are no campaigns yet"));
    assert_ne!(said(&[], Some("wrong")).await.code, 0);
    assert!(!flat(&ask(&["status"]).out).contains("No run of"));
    for _ in 0..2 {
        let refused = said(&["--approve-max=10"], Some("wrong")).await;
        assert_eq!(refused.code, 7, "{}", refused.err);
    }
    let told = ask(&["status"]);
    let plain = flat(&told.out);
    assert!(plain.contains("No campaigns in "), "{plain}");
    assert_eq!(plain.matches("! No run of n began on ").count(), 1, "{plain}");
    assert!(plain.contains("(exit code 7): cannot sign in"), "{plain}");
    let lines = json_lines(&ask(&["status", "--json"]).out);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0];
    assert_eq!((&line["type"], &line["series"]), (&"not_begun".into(), &"n".into()), "{line}");
    assert_eq!(line["tenant"], "11111111-2222-3333-4444-555555555555", "{line}");
    let nights = flat(&ask(&["status", "--nights"]).out);
    assert!(nights.contains("0 runs") && nights.contains("no run began: cannot sign"), "{nights}");
    assert_eq!(nights.matches("no run began").count(), 1, "{nights}");
    assert!(flat(&ask(&["status", "--series=n"]).out).contains("! No run of n began on "));
    assert!(!flat(&ask(&["status", "--series=m"]).out).contains("No run of"));
    // A run of the same day is that of the night, and tells of itself.
    let begun = said(&["--approve-max=10"], None).await;
    assert_eq!(begun.code, 0, "{}", begun.err);
    assert!(!flat(&ask(&["status"]).out).contains("No run of n"));
    let nights = flat(&ask(&["status", "--nights"]).out);
    assert!(nights.contains("1 run") && !nights.contains("no run began"), "{nights}");
    // After it, it is another one that does not begin.
    let again = said(&["--approve-max=10"], Some("wrong")).await;
    assert_eq!(again.code, 7, "{}", again.err);
    let plain = flat(&ask(&["status"]).out);
    assert!(plain.contains("! Another run of n did not begin on "), "{plain}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_in_which_a_campaign_of_several_could_not_begin_is_told_with_it_until_it_does() {
    let provider = Provider::of(2).await;
    provider.list(&[(0, "cust-0"), (1, "cust-1")]);
    secret(&provider.place, "wrong", "another secret");
    let settings = |secret| provider.profile(0, "secret") + &provider.profile(1, secret);
    let write = |secret| std::fs::write(provider.place.path("c.toml"), settings(secret)).unwrap();
    write("wrong");
    let scan = ["scan", "list.csv", "--type=full", "--comment=test", "--all-profiles"];
    let more = ["--campaign=inc", "--approve-max=10", "--detach"];
    let scan = || provider.run(provider.command(&[&scan[..], &more].concat()));
    assert_eq!(scan().await.code, 7);
    let asked = async |words: &[&str]| -> Said { provider.run(provider.command(words)).await };
    let line = "! No run of inc began for cust-1 on ";
    let all = ["status", "inc", "--all-profiles"];
    let one = ["status", "inc", "--profiles=cust-1"];
    let tenants = ["status", "--profiles=cust-1"];
    for words in [&["status"][..], &["status", "inc"], &tenants, &all, &one] {
        let told = flat(&asked(words).await.out);
        assert!(told.contains(line) && told.contains("cannot sign in"), "{words:?}: {told}");
    }
    let own = ["status", "inc", "--profile=cust-0"];
    for words in [&["status", "other"][..], &["status", "--profiles=cust-0"], &own] {
        assert!(!flat(&asked(words).await.out).contains("No run of inc"), "{words:?}");
    }
    let lines = json_lines(&asked(&["status", "inc", "--json"]).await.out);
    let not_begun: Vec<_> = lines.iter().filter(|one| one["type"] == "not_begun").collect();
    let [one] = &not_begun[..] else { panic!("{lines:?}") };
    assert_eq!((&one["campaign"], &one["tenant"]), (&"inc".into(), &tenant(1).into()), "{one}");
    write("secret");
    let well = scan().await;
    assert_eq!(well.code, 0, "{}", well.err);
    assert!(!flat(&asked(&["status"]).await.out).contains("No run of inc"));
    // One that somebody else began there since, under another name, makes up for it, too.
    write("wrong");
    let second = ["scan", "list.csv", "--type=full", "--comment=test", "--all-profiles"];
    let more = ["--campaign=inc-2", "--approve-max=10", "--detach"];
    let second = provider.run(provider.command(&[&second[..], &more].concat())).await;
    assert_eq!(second.code, 7, "{}", second.err);
    assert!(flat(&asked(&["status"]).await.out).contains("! No run of inc-2 began for cust-1"));
    write("secret");
    let third = ["scan", "list.csv", "--type=full", "--comment=test", "--profile=cust-1"];
    let more = ["--campaign=made-up-for", "--approve-max=10", "--detach"];
    let third = provider.run(provider.command(&[&third[..], &more].concat())).await;
    assert!([0, 3].contains(&third.code), "{}", third.err);
    assert!(!flat(&asked(&["status"]).await.out).contains("No run of inc-2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_whose_tenant_nobody_named_is_that_of_the_only_tenant_and_no_tenant_of_its_own() {
    let emulator = emulate("quiet", &[(1000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(10);
    let night = ["scan", "list.txt", "--type=full", "--comment=test", "--no-check", "--series=n"];
    let night = [&night[..], &["--approve-max=10"]].concat();
    let mut unnamed = place.towards(&emulator, &night);
    unnamed.env_remove("AZURE_TENANT_ID");
    assert_ne!(beside(move || run(unnamed)).await.code, 0);
    let nights = || flat(&run(place.fleetsweep(&["status", "--nights"])).out);
    let plain = || flat(&run(place.fleetsweep(&["status"])).out);
    assert!(plain().contains("! No run of n began on "), "{}", plain());
    assert!(nights().contains("no run began"), "{}", nights());
    let json = json_lines(&run(place.fleetsweep(&["status", "--json"])).out);
    assert!(json[0]["tenant"].is_null(), "{json:?}");
    let named = place.towards(&emulator, &night);
    assert_eq!(beside(move || run(named)).await.code, 0);
    assert!(!plain().contains("No run of"), "{}", plain());
    assert_eq!(nights().matches("n, tenant ").count(), 1, "{}", nights());
    assert!(!nights().contains("no run began"), "{}", nights());
}
