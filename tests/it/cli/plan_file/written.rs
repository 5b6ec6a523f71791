//! Plans as files without a tenant: where one is written, what it must say, that a timer may start
//! it, and that the emulator is one place though its address changes.

use super::*;

#[test]
fn a_plan_is_written_only_where_nothing_is_lost_and_only_if_it_says_all() {
    let place = Place::new();
    place.list(5);
    fs::write(place.path("there.json"), "mine").unwrap();
    let tenant = ["--tenant=11111111-2222-3333-4444-555555555555"];
    let client = ["--client-id=66666666-7777-8888-9999-000000000000"];
    let both = [tenant, client].concat();
    let domain = ["--tenant=contoso.onmicrosoft.com", client[0]];
    let report = [&both[..], &["--report=r.csv"]].concat();
    let forced = [&both[..], &["--force"]].concat();
    let cases: Vec<(&str, &[&str], &str)> = vec![
        ("there.json", &both, "add --force"),
        ("list.txt", &both, "it is the list"),
        (".", &both, "no plain file"),
        ("gone/plan.json", &both, "No such file"),
        ("plan.json", &[], "let --check ask the tenant"),
        ("plan.json", &tenant, "let --check ask the tenant"),
        ("plan.json", &domain, "let --check ask the tenant"),
        ("r.csv", &report, "or a report"),
        ("list.txt", &forced, "it is the list"),
    ];
    for (path, more, why) in cases {
        let out = format!("--plan-out={path}");
        let said = run(place.fleetsweep(&[&SCAN[..], &["--dry-run", &out], more].concat()));
        assert!([1, 2].contains(&said.code), "{path} {more:?}: {}", said.err);
        let words = flat(&said.err);
        assert!(words.contains(why), "{path} {more:?}: {}", said.err);
        assert!(!place.path("plan.json").exists());
    }
    assert_eq!(fs::read_to_string(place.path("there.json")).unwrap(), "mine");
    assert!(fs::read_to_string(place.path("list.txt")).unwrap().starts_with("d0d0"));
    // A zone without a name cannot be approved.
    let mut unnamed = place.fleetsweep(&SCAN);
    unnamed.args(["--dry-run", "--plan-out=plan.json", "--window=22:00-06:00"]).args(&both);
    unnamed.env("TZ", "<XYZ>+3");
    let said = run(unnamed);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("--tz"), "{}", said.err);
}

#[test]
fn a_timer_may_start_an_approved_plan_and_says_what_it_reads() {
    let place = Place::new();
    place.list(5);
    let both = ["--tenant=11111111-2222-3333-4444-555555555555", "--auth=azure-cli"];
    let client = "--client-id=66666666-7777-8888-9999-000000000000";
    let window = ["--window=Mon-Fri 22:00-06:00", "--tz=Etc/UTC", client];
    let out = ["--dry-run", "--plan-out=plan.json"];
    let made = run(place.fleetsweep(&[&SCAN[..], &both, &window, &out].concat()));
    assert_eq!(made.code, 0, "{}", made.err);
    let approve = approve(&place);
    let timer = |more: &[&str]| {
        let scan = ["schedule", "--systemd", "--", "scan", "--plan=plan.json", "--auth=azure-cli"];
        run(place.fleetsweep(&[&scan[..], more].concat()))
    };
    let printed = timer(&[&approve]);
    assert_eq!(printed.code, 0, "{}", printed.err);
    // It starts when the window of the plan opens.
    assert!(printed.out.contains("OnCalendar=Mon..Fri *-*-* 22:00:00"), "{}", printed.out);
    assert!(printed.out.contains("/list.txt"), "{}", printed.out);
    assert!(printed.err.contains("a plan is one campaign"), "{}", printed.err);
    assert_eq!(timer(&[]).code, 2);
    let other = format!("--approve-plan={}", FileDigest::of(b""));
    assert_eq!(timer(&[&other]).code, 6);
    let scan = [&["schedule", "--cron", "--at=22:00", "--"], &SCAN[..]].concat();
    let written = run(place.fleetsweep(&[&scan[..], &["--approve-max=9", out[1]]].concat()));
    assert_eq!(written.code, 2, "{}", written.err);
}

#[test]
fn a_plan_for_the_embedded_emulator_runs_there_though_its_address_is_another_one() {
    let place = Place::new();
    place.list(5);
    let emulated = ["--emulator", "--scenario=quiet", "--store=sqlite:s.db", "--limit=1000/1s"];
    let until = format!("--until={}", crate::cli::windows::from_now(720));
    let hours = ["--window=00:00-24:00", "--max-duration=2h", &until];
    let out = ["--dry-run", "--plan-out=plan.json", "--json"];
    let made = run(place.fleetsweep(&[&SCAN[..], &emulated, &hours, &out].concat()));
    assert_eq!(made.code, 0, "{}", made.err);
    let written = &json_lines(&made.out)[1];
    assert_eq!(written["type"], "plan_written");
    assert_eq!(written["digest"], digest(&place, "plan.json"));
    // The command that is told is the one that runs it.
    let command = written["command"].as_str().unwrap();
    assert!(command.ends_with("--scenario quiet --emulator"), "{command}");
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let ran = run(place.fleetsweep(&words));
    assert_eq!(ran.code, 0, "{}", ran.err);
    // Not towards a tenant.
    let mut tenant = place.fleetsweep(&words[..words.len() - 3]);
    tenant.env("AZURE_TENANT_ID", "t").env("AZURE_CLIENT_ID", "c").env("AZURE_CLIENT_SECRET", "s");
    tenant.env("FLEETSWEEP_API_URL", "http://127.0.0.1:1");
    let refused = run(tenant);
    assert_eq!(refused.code, 6, "{}", refused.err);
    assert!(refused.err.contains("the emulator: `yes` planned, `no` now"), "{}", refused.err);
}

#[test]
fn a_planned_start_may_come_later_and_not_earlier() {
    let place = Place::new();
    place.list(5);
    let emulated = ["--emulator", "--scenario=quiet", "--limit=1000/1s"];
    let at = |minutes: i64| {
        let at = fleetsweep::clock::wall_clock() + jiff::SignedDuration::from_mins(minutes);
        format!("--start-at={at}")
    };
    let (planned, earlier, later) = (at(60), at(30), at(90));
    let out = ["--dry-run", "--plan-out=plan.json", &planned];
    let made = run(place.fleetsweep(&[&SCAN[..], &emulated, &out].concat()));
    assert_eq!(made.code, 0, "{}", made.err);
    let approve = approve(&place);
    let with = |more: &[&str]| {
        let typed = [&approved(&approve, &emulated)[..], &["--dry-run", "--json"], more].concat();
        run(place.fleetsweep(&typed))
    };
    let refused = with(&[&earlier]);
    assert_eq!(refused.code, 6, "{}", refused.err);
    assert!(refused.err.contains("start: `"), "{}", refused.err);
    assert_eq!(with(&[&later]).code, 0);
    let silent = with(&[]);
    let starts = json_lines(&silent.out)[0]["start_at"].as_str().unwrap().to_owned();
    assert_eq!((silent.code, format!("--start-at={starts}")), (0, planned));
}
