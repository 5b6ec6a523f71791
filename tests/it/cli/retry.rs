//! `retry`: what a finished campaign left uncovered becomes a campaign of its own.

use fleetsweep::emulator::Emulator;

use super::campaigns::accepted;
use super::doctor::token_file;
use super::{Place, beside, emulate, flat, json_lines, quiet, report, run, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_left_uncovered_is_ordered_again_and_nothing_else() {
    let emulator = emulate("busy", &[(100, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(60);
    let args = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=60"];
    let more = ["--campaign=first", "--limit=100/1s", "--report=r.csv", "--no-check"];
    let command = place.towards(&emulator, &[&args[..], &more[..]].concat());
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 3, "{}", said.err);
    assert!(said.err.contains("retry first --outcome already_in_progress`"), "{}", said.err);
    let open = |row: &std::collections::BTreeMap<String, String>| row["outcome"] != "accepted";
    let mut left: Vec<String> = report(&place.path("r.csv"))
        .into_iter()
        .filter(|row| open(row) && row["reason"] != "a scan that is wide enough is in progress")
        .map(|row| row["device_id"].clone())
        .collect();
    let command = place.towards(&emulator, &["retry", "first", "--dry-run", "--json"]);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let plan = &json_lines(&said.out)[0];
    assert_eq!(plan["campaign"], "first-retry1", "{}", said.err);
    let again = ["retry", "first", "--approve-max=60", "--limit=100/1s", "--report=again.csv"];
    let command = place.towards(&emulator, &again);
    let said = beside(move || run(command)).await;
    assert!([0, 3].contains(&said.code), "{}", said.err);
    let mut asked: Vec<String> =
        report(&place.path("again.csv")).into_iter().map(|row| row["device_id"].clone()).collect();
    assert_eq!(plan["devices"], asked.len());
    left.retain(|id| asked.contains(id));
    left.sort();
    asked.sort();
    assert_eq!(asked, left, "only what was left");
    assert!(!asked.is_empty() && asked.len() < 60);
    assert!(emulator.ledger().accepted_twice.is_empty());
    tells_that_it_was_ordered_again(&place, &emulator).await;
    let said = run(place.fleetsweep(&["retry", "first", "--outcome", "accepted"]));
    assert_eq!(said.code, 2, "{}", said.err);
    let use_one = "use one of already_in_progress, cancelled, expired, failed";
    assert!(said.err.contains(use_one), "{}", said.err);
    assert!(said.err.contains("a scan of these devices was ordered"), "{}", said.err);
    for (outcome, why) in [
        ("skipped", "the plan skipped these rows"),
        ("bad-row", "these rows hold no device"),
        ("lost", "there is no such outcome"),
    ] {
        let said = run(place.fleetsweep(&["retry", "first", "--outcome", outcome]));
        assert_eq!(said.code, 2, "{}", said.err);
        assert!(said.err.contains(why), "{}", said.err);
    }
    let said = run(place.fleetsweep(&["retry", "first", "--outcome", "cancelled"]));
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("devices with --outcome already_in_progress"), "{}", said.err);
    tells_why_in_the_morning(&place);
    let mut command = place.towards(&emulator, &["retry", "first", "--dry-run"]);
    command.env("AZURE_TENANT_ID", "99999999-2222-3333-4444-555555555555");
    let said = run(command);
    assert_eq!(said.code, 6, "another tenant: {}", said.err);
    // Where only the token says of which tenant it is, it is asked before anything is ordered.
    let scope = "https://api.securitycenter.microsoft.com/.default";
    let (other, before) = ("99999999-2222-3333-4444-555555555555", emulator.ledger().accepted);
    token_file(&place, &emulator, other, scope).await;
    let again = ["retry", "first", "--approve-max=60", "--token-file=token", "--report=t.csv"];
    let mut command = place.towards(&emulator, &again);
    for name in ["AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "AZURE_CLIENT_ID"] {
        command.env_remove(name);
    }
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 7, "{}", said.err);
    assert!(said.err.contains("is for tenant 99999999-"), "{}", said.err);
    assert_eq!(emulator.ledger().accepted, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_whose_system_takes_no_order_are_ordered_again_only_where_that_is_asked_for() {
    let emulator = super::nights::refusing(0.3).await;
    let place = Place::new();
    place.list(60);
    let args = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=60"];
    let more = ["--campaign=first", "--limit=1000/1s", "--report=r.csv", "--no-check"];
    let command = place.towards(&emulator, &[&args[..], &more].concat());
    assert_eq!(beside(move || run(command)).await.code, 3);
    let rows = report(&place.path("r.csv"));
    let of = |code: &str| rows.iter().filter(|row| row["error_code"] == code).count();
    let unsupported = of("OsPlatformNotSupported");
    assert!(unsupported > 5, "{unsupported}");
    let retry = |more: &[&str]| place.towards(&emulator, &[&["retry", "first"], more].concat());
    let command = retry(&["--dry-run", "--json"]);
    let said = beside(move || run(command)).await;
    let told = flat(&said.err);
    let skipped = format!("{unsupported} devices were rejected as OsPlatformNotSupported");
    assert!(told.contains(&skipped) && told.contains("--outcome rejected"), "{told}");
    let others = rows.iter().filter(|row| row["outcome"] != "accepted").count() - unsupported;
    match others {
        0 => assert_eq!(said.code, 2, "{told}"),
        some => assert_eq!(json_lines(&said.out)[0]["devices"], some),
    }
    let command = retry(&["--dry-run", "--json", "--outcome=rejected"]);
    let said = beside(move || run(command)).await;
    assert_eq!(json_lines(&said.out)[0]["devices"], unsupported, "{}", said.err);
}

/// Who looks at the first campaign again is told of the second; who orders it once more, too.
async fn tells_that_it_was_ordered_again(place: &Place, emulator: &Emulator) {
    let status = run(place.fleetsweep(&["status", "first"])).out;
    assert!(flat(&status).contains("first-retry1 was begun to order these again"), "{status}");
    let command = place.towards(emulator, &["retry", "first", "--dry-run"]);
    let said = beside(move || run(command)).await;
    let told = flat(&said.err);
    assert!(told.contains("Note: first-retry1 was begun to order some of first again"), "{told}");
}

/// Who asks in the morning reads why, what orders them again, and where the report is.
fn tells_why_in_the_morning(place: &Place) {
    let told = run(place.fleetsweep(&["status", "first"])).out;
    let told = flat(&told);
    assert!(
        told.contains(
            " not covered: again later: `fleetsweep retry first --outcome already_in_progress`"
        ),
        "{told}"
    );
    assert!(told.contains("ActiveRequestAlreadyExists"), "{told}");
    assert!(told.contains("report: ") && told.contains("/r.csv"), "{told}");
    let said = run(place.fleetsweep(&["report", "first", "--report=nodir/x.csv"]));
    assert!(said.err.contains("there is no folder `nodir`"), "{}", said.err);
    let all = run(place.fleetsweep(&["status", "first", "--json"])).out;
    assert!(json_lines(&all)[0]["failures"].to_string().contains("ActiveRequestAlreadyExists"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_first_list_told_of_systems_is_known_when_its_devices_are_ordered_again() {
    let emulator = emulate("busy", &[(100, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(60);
    let ids = std::fs::read_to_string(place.path("list.txt")).unwrap();
    let told = |n: usize| ["Windows,Server", "Windows11,Workstation"][n % 2];
    let rows = ids.lines().enumerate().map(|(n, id)| format!("{id},{}\n", told(n)));
    let text = "Device ID,OS Platform,Device Type\n".to_owned() + &rows.collect::<String>();
    std::fs::write(place.path("list.csv"), text).unwrap();
    let args = ["scan", "list.csv", "--type=full", "--comment=test", "--approve-max=60"];
    let more = ["--campaign=first", "--limit=100/1s", "--no-check"];
    let command = place.towards(&emulator, &[&args[..], &more[..]].concat());
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 3, "{}", said.err);
    // Without a sign-in no inventory tells it instead.
    let said = run(place.fleetsweep(&["retry", "first", "--dry-run", "--json"]));
    assert_eq!(said.code, 0, "{}", said.err);
    let checked = &json_lines(&said.out)[0]["checked"];
    let devices = json_lines(&said.out)[0]["devices"].as_u64().unwrap();
    let systems = ["Windows", "Windows11"].map(|one| checked["systems"][one].as_u64().unwrap_or(0));
    assert_eq!(systems.iter().sum::<u64>(), devices, "each is of a system that is known");
    let of =
        |name: &str| checked["groups"].as_array().unwrap().iter().find(|one| one["name"] == name);
    assert!(of("unknown-os").is_none(), "{checked}");
    assert_eq!(of("server").unwrap()["devices"], systems[0], "their type alone tells servers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_campaign_is_not_ordered_again() {
    let emulator = emulate("calm", &[(20, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(100);
    let args = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=100"];
    let more = ["--campaign=open", "--limit=20/1s", "--report=r.csv"];
    let mut child = start(place.towards(&emulator, &[&args[..], &more[..]].concat()));
    accepted(&emulator, 5).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let said = run(place.towards(&emulator, &["retry", "open"]));
    assert_eq!(said.code, 6, "{}", said.err);
    assert!(said.err.contains("run `fleetsweep resume open` first"), "{}", said.err);
    // Its process is seen to be gone, long before its last sign of life is too old.
    let said = run(place.fleetsweep(&["status", "open"]));
    assert!(said.out.contains("open: killed, "), "{}", said.out);
    assert!(said.out.contains("its run was killed: its process is gone"), "{}", said.out);
    // What somebody has to do is said in the report too.
    let said = run(place.fleetsweep(&["report", "op", "--report=r.md"]));
    assert_eq!(said.code, 0, "{}", said.err);
    let told = std::fs::read_to_string(place.path("r.md")).unwrap();
    assert!(told.contains("`fleetsweep resume open`") && !told.contains("retry"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_is_ordered_again_in_its_own_tenant_whatever_profile_is_the_usual_one() {
    let emulator = emulate("busy", &[(100, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(40);
    std::fs::write(place.path("secret"), fleetsweep::emulator::DEFAULT_SECRET).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(place.path("secret"), mode).unwrap();
    let url = emulator.base_url();
    let profile = |name: &str, tenant: &str| {
        format!(
            "[profiles.{name}]\ntenant = \"{tenant}\"\nclient-id = \
             \"66666666-7777-8888-9999-000000000000\"\nclient-secret-file = \"{}\"\napi-url = \
             \"{url}\"\nlogin-url = \"{url}\"\n",
            place.path("secret").display()
        )
    };
    let settings = "profile = \"other\"\n".to_owned()
        + &profile("other", "99999999-2222-3333-4444-555555555555")
        + &profile("own", "11111111-2222-3333-4444-555555555555");
    std::fs::write(place.path("c.toml"), settings).unwrap();
    let with = |args: &[&str]| {
        let command = place.fleetsweep(&[args, &["--config=c.toml"]].concat());
        beside(move || run(command))
    };
    let scan = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=40"];
    let more = ["--campaign=first", "--limit=100/1s", "--no-check", "--profile=own"];
    let said = with(&[&scan[..], &more].concat()).await;
    assert_eq!(said.code, 3, "{}", said.err);
    for command in ["retry", "cancel"] {
        let said = with(&[command, "fir", "--dry-run"]).await;
        assert_eq!(said.code, 0, "{command}: {}", said.err);
        let told = said.out + &said.err;
        assert!(told.contains("11111111-2222-3333-4444-555555555555"), "{command}: {told}");
    }
    let typed = with(&["retry", "first", "--dry-run", "--profile=other"]).await;
    assert_eq!(typed.code, 6, "another tenant was typed: {}", typed.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_from_another_terminal_holds_every_order_until_resume() {
    let emulator = emulate("quiet", &[(20, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(150);
    let args = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=150"];
    let more = ["--campaign=held", "--limit=20/1s", "--report=r.csv", "--no-check"];
    let child = start(place.towards(&emulator, &[&args[..], &more[..]].concat()));
    accepted(&emulator, 20).await;
    let said = run(place.fleetsweep(&["pause"]));
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("fleetsweep resume held"), "{}", said.err);
    // What was claimed before the pause leaves; of what waits twenty would go in a second.
    let held = quiet(&emulator).await;
    assert_eq!((quiet(&emulator).await, held < 150), (held, true), "calls after the pause");
    assert!(
        run(place.fleetsweep(&["status"]))
            .out
            .contains("paused by `fleetsweep pause`: nothing is ordered; to go on")
    );
    let resumed = start(place.towards(&emulator, &["resume", "held", "--report=r.csv"]));
    let first = beside(move || super::wait(child)).await;
    let second = beside(move || super::wait(resumed)).await;
    assert!([0, 3].contains(&first.code), "{}", first.err);
    assert!([0, 3].contains(&second.code), "{}", second.err);
    let rows = report(&place.path("r.csv"));
    assert!(rows.iter().all(|row| row["outcome"] != "open"), "lost");
    super::campaigns::assert_honest(&rows, &emulator.ledger(), "held");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_and_the_limits_of_a_server_on_this_machine_are_those_of_the_first_round() {
    let emulator = emulate("busy", &[(100, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(30);
    let scan = ["scan", "list.txt", "--type=full", "--comment=x", "--approve-max=30"];
    for (name, more) in [("scaled", &["--time-scale=20"][..]), ("limited", &["--limit=90/1s"])] {
        let named = ["--campaign", name, "--no-check"];
        let command = place.towards(&emulator, &[&scan[..], &named, more].concat());
        let said = beside(move || run(command)).await;
        assert_eq!(said.code, 3, "{}", said.err);
    }
    let first_limit = async |campaign: &str, more: &[&str]| {
        let retry = [&["retry", campaign, "--dry-run", "--json"][..], more].concat();
        let command = place.towards(&emulator, &retry);
        let said = beside(move || run(command)).await;
        assert_eq!(said.code, 0, "{}", said.err);
        let told = format!("To be ordered again from {campaign}: ");
        assert!(said.err.contains(&told), "{}", said.err);
        let used = &json_lines(&said.out)[0]["quota_used"][0];
        (used["limit"].as_u64().unwrap(), used["window_s"].as_f64().unwrap())
    };
    assert_eq!(first_limit("scaled", &[]).await, (100, 3.0));
    assert_eq!(first_limit("limited", &[]).await, (90, 1.0));
    // What is typed wins.
    assert_eq!(first_limit("scaled", &["--time-scale=10"]).await, (100, 6.0));
    assert_eq!(first_limit("limited", &["--limit=50/1s"]).await, (50, 1.0));
    let command = place.towards(&emulator, &["retry", "scaled", "--approve-max=30"]);
    let said = beside(move || run(command)).await;
    assert!([0, 3].contains(&said.code), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_ordered_again_can_be_left_to_a_worker() {
    let emulator = emulate("busy", &[(100, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(30);
    let args = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=60"];
    let more = ["--campaign=first", "--limit=100/1s", "--no-check"];
    let command = place.towards(&emulator, &[&args[..], &more[..]].concat());
    assert_eq!(beside(move || run(command)).await.code, 3);
    let before = emulator.ledger().accepted;
    let command = place.towards(&emulator, &["retry", "first", "--detach", "--approve-max=60"]);
    let said = beside(move || run(command)).await;
    assert_eq!((said.code, emulator.ledger().accepted), (0, before), "{}", said.err);
    let status = run(place.fleetsweep(&["status", "first-retry1"])).out;
    assert!(flat(&status).contains("waits for a worker"), "{status}");
    // What that one has yet to order is ordered by no other one.
    let command = place.towards(&emulator, &["retry", "first", "--approve-max=60"]);
    let said = beside(move || run(command)).await;
    assert_eq!((said.code, emulator.ledger().accepted), (2, before), "{}", said.err);
    let told = "in first-retry1, which `resume first-retry1` goes on with";
    assert!(flat(&said.err).contains(told), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_retry_ordered_is_ordered_by_no_other_but_for_a_wider_scan() {
    let emulator = emulate("quiet", &[(100, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(20);
    let first = ["scan", "list.txt", "--type=quick", "--comment=test", "--approve-max=20"];
    let more = ["--campaign=first", "--limit=5/30s", "--max-duration=2s", "--no-check"];
    let first = place.towards(&emulator, &[&first[..], &more].concat());
    assert_eq!(beside(move || run(first)).await.code, 5);
    let cancel = ["cancel", "first", "--queue-only", "--approve-max=20"];
    let said = run(place.fleetsweep(&cancel));
    assert_eq!(said.code, 0, "{}", said.err);
    let retry = async |more: &[&str]| {
        let again = ["retry", "first", "--outcome=not_attempted", "--limit=100/1s"];
        let command = place.towards(&emulator, &[&again[..], more].concat());
        beside(move || run(command)).await
    };
    let left = 20 - emulator.ledger().accepted;
    let said = retry(&["--approve-max=20"]).await;
    assert_eq!((said.code, emulator.ledger().accepted), (0, 20), "{}", said.err);
    let said = retry(&["--approve-max=20"]).await;
    assert_eq!((said.code, emulator.ledger().accepted), (2, 20), "{}", said.err);
    let told = flat(&said.err);
    let of_first = format!("of first: {left} devices were ordered by first-retry1");
    assert!(told.contains("there is nothing to order again"), "{told}");
    assert!(told.contains(&of_first), "{told}");
    // A quick scan does not do what a full one would.
    let said = retry(&["--type=full", "--dry-run", "--json"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(json_lines(&said.out)[0]["devices"], left, "{}", said.out);
}
