//! Wrong uses: each gets one sentence what, one why, one what next, and its exit code; and the dry
//! run, which sends nothing and makes nothing.

use super::{Place, at_terminal, emulate, flat, json_lines, run};

const SCAN: [&str; 5] = ["--type", "full", "--comment", "test run", "--approve-max=1000"];

/// The arguments of a scan of `list.txt`, and more.
fn scan<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["scan", "list.txt"], &SCAN[..], more].concat()
}

const GUID: &str = "8769b673-6805-6789-8f27-9cdbfa90b6b3";

#[test]
fn each_wrong_use_says_what_why_and_what_next() {
    let place = Place::new();
    place.list(3);
    std::fs::write(place.path("guids.csv"), "Device ID\n82f42fca-e931-4f03-b54c-47af94bd394d\n")
        .unwrap();
    std::fs::write(place.path("names.csv"), "Device ID\nmsedgewin10\nsrv-01\n").unwrap();
    std::fs::write(place.path("empty.csv"), "Device ID\n").unwrap();
    std::fs::write(place.path("other.csv"), "city,country\nParis,France\n").unwrap();
    let cases: Vec<(&str, Vec<&str>)> = vec![
        ("no comment", vec!["scan", "list.txt", "--type", "full"]),
        ("no command's name", vec!["scna"]),
        ("a flag with a letter missing", scan(&["--emulater"])),
        ("a campaign's name by the option of another", scan(&["--emulator", "--name", "inc"])),
        ("a question that is to be left out", scan(&["--emulator", "--yes"])),
        ("the same where nothing is asked", vec!["status", "--yes"]),
        ("a type that there is not", vec!["scan", "x", "--type", "medium", "--comment", "x"]),
        ("blank comment", vec!["scan", "list.txt", "--type", "full", "--comment", " "]),
        ("no terminal", vec!["scan", "list.txt", "--type", "full", "--comment", "x", "--emulator"]),
        ("no tenant", scan(&[])),
        ("a tenant that is no id", scan(&["--tenant", "contoso", "--client-id", GUID])),
        ("a tenant that is no id, in a dry run", scan(&["--tenant", "contoso", "--dry-run"])),
        ("an application that is no id", scan(&["--tenant", GUID, "--client-id", "fleetsweep"])),
        ("no secret", scan(&["--tenant", GUID, "--client-id", GUID])),
        (
            "http to a remote host",
            scan(&["--tenant", "t", "--client-id", "c", "--api-url", "http://api.example.com"]),
        ),
        ("unknown cloud", scan(&["--tenant", "t", "--client-id", "c", "--cloud", "mars"])),
        ("emulator and tenant", scan(&["--emulator", "--tenant", "t"])),
        (
            "no such file",
            vec!["scan", "gone.csv", "--type", "full", "--comment", "x", "--emulator"],
        ),
        ("GUIDs", vec!["scan", "guids.csv", "--type", "full", "--comment", "x", "--emulator"]),
        ("names", vec!["scan", "names.csv", "--type", "full", "--comment", "x", "--emulator"]),
        ("empty list", vec!["scan", "empty.csv", "--type", "full", "--comment", "x", "--emulator"]),
        ("wrong list", vec!["scan", "other.csv", "--type", "full", "--comment", "x", "--emulator"]),
        ("limit of nothing", scan(&["--emulator", "--limit", "100"])),
        ("past time", scan(&["--emulator", "--until", "2020-01-01T00:00:00Z"])),
        ("report of no known ending", scan(&["--emulator", "--report", "report.docx"])),
        ("report in no folder", scan(&["--emulator", "--report", "gone/report.csv"])),
        ("dry run with a report in no folder", {
            scan(&["--emulator", "--dry-run", "--report", "gone/report.csv"])
        }),
        ("dry run with a report of no known ending", {
            scan(&["--emulator", "--dry-run", "--report", "report.docx"])
        }),
        ("a comment given twice", scan(&["--emulator", "--comment", "again"])),
        ("a window before its command", {
            vec!["schedule", "--systemd", "--window", "22:00-06:00", "--", "scan", "list.txt"]
        }),
        ("unknown scenario", scan(&["--emulator", "--scenario", "paradise"])),
        ("status without a store", vec!["status"]),
        ("resume without a store", vec!["resume"]),
        ("store of another kind", vec!["status", "--store", "mysql://x"]),
    ];
    refusals_are(&place, "each_wrong_use_says_what_why_and_what_next", cases);
}

#[test]
fn each_wrong_list_option_and_word_says_what_why_and_what_next() {
    let place = Place::new();
    place.list(3);
    std::fs::write(place.path("picture.png"), b"\x89PNG\r\n\x1a\n\0\0").unwrap();
    let entra = format!("Device Name,aadDeviceId\npc0,{GUID}\n");
    std::fs::write(place.path("entra.csv"), entra).unwrap();
    let both = format!("Device ID,aadDeviceId\n{},{GUID}\n", super::device(1));
    std::fs::write(place.path("both.csv"), both).unwrap();
    let kinds = format!("Device ID\nsrv-1\n{}\n1.23E+39\nsrv-2\n{GUID}\n", super::device(1));
    std::fs::write(place.path("kinds.csv"), kinds).unwrap();
    let cases: Vec<(&str, Vec<&str>)> = vec![
        ("a shell without completion", vec!["completions", "tcsh"]),
        (
            "a picture",
            vec!["scan", "picture.png", "--type", "full", "--comment", "x", "--emulator"],
        ),
        ("GUIDs under a name of their own", {
            vec!["scan", "entra.csv", "--type", "full", "--comment", "x", "--emulator"]
        }),
        ("GUIDs beside ids", {
            let list = ["scan", "both.csv", "--column", "aadDeviceId"];
            [&list[..], &["--type", "full", "--comment", "x", "--emulator"]].concat()
        }),
        ("bad rows of several kinds", {
            vec!["scan", "kinds.csv", "--type", "full", "--comment", "x", "--emulator"]
        }),
        ("an option without the one that it says more about", scan(&["--scenario", "calm"])),
        ("a column that is not there", scan(&["--emulator", "--column", "Machine"])),
        ("no command for the timer", vec!["schedule"]),
        ("no age", vec!["prune"]),
        ("a word too many", vec!["prune", "all"]),
        ("a store that is a list", vec!["status", "--store", "sqlite:list.txt"]),
    ];
    refusals_are(&place, "each_wrong_list_option_and_word_says_what_why_and_what_next", cases);
}

/// Runs each wrong use, and compares what is said with the snapshot of this name.
fn refusals_are(place: &Place, snapshot: &str, cases: Vec<(&str, Vec<&str>)>) {
    let mut table = String::new();
    for (name, args) in cases {
        let said = run(place.fleetsweep(&args));
        assert_ne!(said.code, 0, "{name}");
        assert_eq!(said.out, "", "{name}: nothing on standard output");
        assert_eq!(lacks(&said.err), None, "{name}: {}", said.err);
        table += &format!("## {name}: exit {}\n{}\n\n", said.code, said.err.trim_end());
    }
    let home = place.path("").display().to_string();
    insta::with_settings!({filters => vec![
        (regex_escape(home.trim_end_matches('/')).as_str(), "HOME"),
        (r"(quick|full)-\d{4}-\d\d-\d\d-[a-z]{6}", "CAMPAIGN"),
        (r"([A-Z][a-z]{2} )?\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? [A-Z]+", "TIME"),
        (r"\b\d\d:\d\d(:\d\d)? UTC", "TIME"),
        (r"[A-Z][a-z]{2} \d{1,2} [A-Z][a-z]{2}", "DAY"),
    ]}, { insta::assert_snapshot!(snapshot, table) });
}

/// What an error does not say of what it must: what happened, why, and what to do next.
fn lacks(error: &str) -> Option<&'static str> {
    ["error: ", "  why: ", " next: "].into_iter().find(|part| {
        let said = error.lines().find_map(|line| line.strip_prefix(part));
        said.is_none_or(|said| said.trim().is_empty())
    })
}

#[test]
fn an_error_without_its_reason_or_its_next_step_is_caught() {
    let whole = "error: the store is locked\n  why: another process holds it\n next: try again\n";
    assert_eq!(lacks(whole), None);
    for part in ["error: ", "  why: ", " next: "] {
        let without: String = whole
            .lines()
            .filter(|line| !line.starts_with(part))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(lacks(&without), Some(part));
        let empty = whole.lines().map(|line| if line.starts_with(part) { part } else { line });
        assert_eq!(lacks(&empty.collect::<Vec<_>>().join("\n")), Some(part));
    }
}

fn regex_escape(text: &str) -> String {
    text.replace('.', "\\.").replace('+', "\\+")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_is_exit_7_with_its_code_and_remedy_and_orders_nothing() {
    let emulator = emulate("quiet", &[(100, 60.0)], 1.0).await;
    let place = Place::new();
    place.list(3);
    let mut command = place.towards(&emulator, &scan(&[]));
    command.env("AZURE_CLIENT_SECRET", "wrong-secret-canary");
    let said = super::beside(move || run(command)).await;
    assert_eq!(said.code, 7, "{}", said.err);
    assert!(said.err.contains("AADSTS7000215"), "{}", said.err);
    assert!(!said.err.contains("wrong-secret-canary"), "{}", said.err);
    assert_eq!(emulator.ledger().accepted, 0);
}

#[test]
fn an_api_that_is_never_reached_is_exit_1_and_the_queue_is_intact() {
    let place = Place::new();
    place.list(3);
    // A port of this machine that nobody listens on, and a scale that makes the minute short.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut command = place.fleetsweep(&scan(&["--time-scale", "60", "--json"]));
    command
        .env("AZURE_TENANT_ID", "t")
        .env("AZURE_CLIENT_ID", "c")
        .env("AZURE_CLIENT_SECRET", "s")
        .env("FLEETSWEEP_API_URL", &url)
        .env("FLEETSWEEP_LOGIN_URL", &url);
    let said = run(command);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("fleetsweep resume"), "{}", said.err);
    let status = run(place.fleetsweep(&["status", "--json"]));
    let status = json_lines(&status.out);
    assert_eq!(status[0]["open"], 3, "{status:?}");
}

#[test]
fn a_dry_run_tells_the_plan_and_makes_nothing() {
    let place = Place::new();
    place.list(1501);
    let said = run(place.fleetsweep(&scan(&["--emulator", "--dry-run", "--json"])));
    assert_eq!(said.code, 0, "{}", said.err);
    let plan = &json_lines(&said.out)[0];
    assert_eq!(plan["type"], "plan");
    assert_eq!(plan["v"], 1);
    assert_eq!((&plan["rows"], &plan["devices"]), (&1501.into(), &1501.into()));
    assert_eq!((&plan["duplicates"], &plan["bad_rows"]), (&0.into(), &0.into()));
    let seconds = plan["duration_s"].as_f64().unwrap();
    assert!((3600.0..3640.0).contains(&seconds), "{seconds}");
    let mut left: Vec<_> =
        std::fs::read_dir(place.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["list.txt"], "no store, no report");
}

#[test]
fn a_dry_run_needs_neither_tenant_nor_secret_and_says_what_it_cannot_know() {
    let place = Place::new();
    place.list(100);
    let said = run(place.fleetsweep(&scan(&["--dry-run"])));
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("100 devices"), "{}", said.out);
    assert!(said.out.contains("Warning: tenant or application is not given"), "{}", said.out);
    let tenant = ["--dry-run", "--tenant", GUID, "--client-id", GUID];
    let said = run(place.fleetsweep(&scan(&tenant)));
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(!said.out.contains("Warning"), "{}", said.out);
}

#[test]
fn output_that_nobody_reads_ends_nothing_and_data_that_cannot_be_written_is_told() {
    let place = Place::new();
    place.list(3);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let args = scan(&["--emulator", "--scenario=quiet", "--json", "--report=r.csv"]);
    let mut command = place.fleetsweep(&args);
    command.stdout(writer.try_clone().unwrap()).stderr(writer);
    assert_eq!(command.status().unwrap().code(), Some(0));
    assert_eq!(super::report(&place.path("r.csv")).len(), 3);
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = place.fleetsweep(&scan(&["--emulator", "--dry-run", "--json"]));
    command.stdout(full());
    let said = run(command);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("standard output cannot be written"), "{}", said.err);
    let mut command = place.fleetsweep(&scan(&["--emulator", "--dry-run"]));
    command.stderr(full());
    assert_eq!(command.status().unwrap().code(), Some(0));
}

#[test]
fn bad_rows_beside_a_campaign_that_is_open_leave_its_report_alone() {
    let place = Place::new();
    let list = |devices: u64| {
        let ids: String = (0..devices).map(|n| format!("{}\n", super::device(n))).collect();
        std::fs::write(place.path("list.txt"), format!("Device ID\n{ids}srv-01\n")).unwrap();
    };
    list(20);
    let open =
        ["--emulator", "--scenario=quiet", "--campaign=c", "--report=r.csv", "--store=sqlite:s.db"];
    let slow = ["--skip-bad-rows", "--limit=2/1h", "--max-duration=1s"];
    let said = run(place.fleetsweep(&scan(&[&open[..], &slow[..]].concat())));
    assert_eq!(said.code, 5, "{}", said.err);
    let before = std::fs::read(place.path("r.csv")).unwrap();
    let said = run(place.fleetsweep(&scan(&open)));
    assert_eq!(said.code, 2, "{}", said.err);
    assert_eq!(std::fs::read(place.path("r.csv")).unwrap(), before);
}

#[test]
fn who_types_something_else_than_the_number_is_asked_again_and_the_third_time_ends_it() {
    let place = Place::new();
    place.list(3);
    let scan = ["scan", "list.txt", "--type=quick", "--comment=x", "--emulator"];
    let with = |answers: &[&str]| {
        let asked = [&scan[..], &["--scenario=quiet", "--store=sqlite:s.db"]].concat();
        at_terminal(&place.fleetsweep(&asked), answers)
    };
    let slips = [
        (&["y", "3"][..], 0, 2, "Not confirmed: `y` alone is not enough."),
        (&["4", "", "3"], 0, 3, "Not confirmed: nothing was typed."),
        (&["y", "yes", "no", "3"], 6, 3, "`no` is not the number of devices, and it was asked 3"),
        (&["", "4", "5", "3"], 6, 3, "`4` is not the number of devices. Ctrl-C ends it."),
        // The end of the input is no slip.
        (&["4"], 6, 2, "the input ended before it was answered"),
        (&[], 6, 1, "the input ended before it was answered"),
    ];
    for (answers, code, asked, told) in slips {
        let said = with(answers);
        assert_eq!(said.code, code, "{answers:?}: {}", said.out);
        assert_eq!(said.out.matches(" to start: ").count(), asked, "{answers:?}: {}", said.out);
        assert!(flat(&said.out).contains(told), "{answers:?}: {}", said.out);
    }
}

#[test]
fn devices_are_a_table_on_a_terminal_and_lines_for_whatever_else_reads() {
    let place = Place::new();
    let devices = place.fleetsweep(&["devices", "--emulator"]);
    let shown = at_terminal(&devices, &[]);
    assert!(shown.out.starts_with("NAME  ") && shown.out.contains("  ID\r\n"), "{}", shown.out);
    let read = run(devices);
    assert!(read.out.starts_with("id,computerDnsName,"), "{}", read.out);
    let machines = shown.out.lines().filter(|line| line.len() > 60).count();
    assert_eq!(machines + 1, read.out.lines().count(), "each below its header: {}", shown.out);
    // Behind a hundred devices the head of the columns is read again, and a few need it once.
    let heads = |shown: &str| shown.matches("NAME  ").count();
    assert_eq!(heads(&shown.out), 2, "{}", shown.out);
    let few = place.fleetsweep(&["devices", "--emulator", "--os=windows-server"]);
    let few = at_terminal(&few, &[]);
    assert_eq!(heads(&few.out), 1, "{}", few.out);
}

#[test]
fn every_help_says_what_it_is_for_gives_examples_and_fits_80_columns() {
    let place = Place::new();
    let all = run(place.fleetsweep(&["--help"])).out;
    let listed = all.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let names: Vec<&str> =
        listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"scan") && names.len() >= 5, "{names:?}");
    for name in names.iter().map(|name| vec![*name, "--help"]).chain([vec!["--help"]]) {
        let help = run(place.fleetsweep(&name)).out;
        let begins = help.split("\nUsage:").next().unwrap();
        assert!(begins.len() > 20 && begins.len() < 200, "{name:?} says what it is for: {help}");
        assert!(help.contains("\nExamples:\n"), "{name:?}: {help}");
        let wide: Vec<&str> = help.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{name:?}: {wide:?}");
    }
}

#[test]
fn manual_pages_name_the_options() {
    let place = Place::new();
    assert_eq!(run(place.fleetsweep(&["man", "."])).code, 0);
    let page = std::fs::read_to_string(place.path("fleetsweep-scan.1")).unwrap();
    assert!(page.contains(r"approve\-max"), "{page}");
    let (examples, codes) =
        (".SH EXAMPLES\n.nf\n", ".SH \"EXIT STATUS\"\n.nf\n  0    every device");
    assert!(page.contains(examples) && page.contains(codes), "{page}");
    assert!(page.contains("\n  3    finished, but some devices were rejected"), "{page}");
    assert!(place.path("fleetsweep.1").exists() && place.path("fleetsweep-man.1").exists());
    assert_eq!(run(place.fleetsweep(&["man", "made/man1"])).code, 0);
    assert!(place.path("made/man1/fleetsweep.1").exists());
    std::fs::write(place.path("gone"), "no folder").unwrap();
    let gone = run(place.fleetsweep(&["man", "gone"]));
    assert_eq!(gone.code, 1, "{}", gone.err);
}

#[test]
fn bad_rows_stop_the_plan_and_stand_in_the_report_unless_they_are_skipped() {
    let place = Place::new();
    let list = format!("Device ID\n{}\nsrv-01\n{}\n", super::device(1), super::device(2));
    std::fs::write(place.path("list.txt"), list).unwrap();
    let said = run(place.fleetsweep(&scan(&["--emulator", "--report", "r.csv"])));
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("line 3"), "{}", said.err);
    let rows = super::report(&place.path("r.csv"));
    let outcomes: Vec<_> = rows.iter().map(|row| row["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["not_attempted", "bad_row", "not_attempted"]);
    let more = ["--emulator", "--scenario=quiet", "--report=s.csv", "--skip-bad-rows"];
    let said = run(place.fleetsweep(&scan(&more)));
    assert_eq!(said.code, 3, "{}", said.err);
    let rows = super::report(&place.path("s.csv"));
    let outcomes: Vec<_> = rows.iter().map(|row| row["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["accepted", "bad_row", "accepted"]);
}
