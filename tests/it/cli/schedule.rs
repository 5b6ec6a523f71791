//! What `schedule` prints for each kind of timer: as it stands, as systemd itself reads and rates
//! it, as a shell runs it, and what it refuses.

use std::process::Command;

use super::{Place, Said, run};
use crate::kit::child::{child, tool};

const HARD: &str = r#"--comment=50% of "A&B" <$HOME> it's ü"#;

const SCAN: [&str; 6] = [
    "scan",
    "/srv/fleet list.csv",
    "--type=full",
    "--approve-max=15000",
    "--until=06:00",
    "--leave=25%",
];

pub(super) fn schedule(place: &Place, kind: &[&str], command: &[&str]) -> Command {
    place.fleetsweep(&[&["schedule"], kind, &["--"], command].concat())
}

pub(super) fn printed(place: &Place, kind: &[&str], command: &[&str]) -> Said {
    let said = run(schedule(place, kind, command));
    assert_eq!(said.code, 0, "{}", said.err);
    said
}

/// What differs from machine to machine under a name.
fn in_general(place: &Place, said: &Said) -> String {
    let folder = place.path("").display().to_string();
    let text = format!("{}{}", said.out, said.err);
    let text = text.replace(env!("CARGO_BIN_EXE_fleetsweep"), "PROGRAM");
    let text = text.replace(folder.trim_end_matches('/'), "FOLDER");
    let text = text.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    // Where the program itself lies in a home or a folder for temporary files.
    let text = text.replace("BindReadOnlyPaths=-PROGRAM\n", "");
    text.replace("ProtectHome=tmpfs", "ProtectHome=yes")
}

#[test]
fn each_kind_of_timer_is_printed_as_it_is_to_be_saved() {
    let place = Place::new();
    let command = [&SCAN[..], &[HARD, "--client-secret-file=/etc/fleetsweep/secret"]].concat();
    for kind in ["systemd", "cron", "kubernetes", "windows"] {
        let at = if kind == "cron" { "--at=Mon-Fri 22:00" } else { "--at=22:00" };
        let mut line = schedule(&place, &[&format!("--{kind}"), at], &command);
        line.env("AZURE_TENANT_ID", "11111111-2222-3333-4444-555555555555");
        line.env("AZURE_CLIENT_ID", "66666666-7777-8888-9999-000000000000");
        let said = run(line);
        assert_eq!(said.code, 0, "{kind}: {}", said.err);
        insta::assert_snapshot!(format!("schedule-{kind}"), in_general(&place, &said));
    }
}

#[test]
fn no_path_of_a_unit_leads_up_again_since_systemd_would_leave_it_out() {
    let place = Place::new();
    std::fs::create_dir(place.path("sub")).unwrap();
    std::os::unix::fs::symlink("/etc/systemd", place.path("link")).unwrap();
    std::fs::write(place.path("list.txt"), "").unwrap();
    let scan = ["scan", "sub/../list.txt", "./link/../os-release", "--type=full", "--comment=x"];
    let more = ["--approve-max=9", "--report={campaign}.csv"];
    let said = printed(&place, &["--systemd", "--at=22:00"], &[&scan[..], &more].concat());
    let folder = place.path("").canonicalize().unwrap();
    assert!(!said.out.contains("/../") && !said.out.contains("/./"), "{}", said.out);
    assert!(said.out.contains(&folder.join("list.txt").display().to_string()), "{}", said.out);
    // What is above a link is where that leads.
    assert!(said.out.contains("/etc/os-release"), "{}", said.out);
}

/// A provider's settings with two profiles.
fn provider(place: &Place) {
    let profile = |n: usize| {
        format!(
            "[profiles.cust-{n}]\ntenant = \"{n}1111111-2222-3333-4444-555555555555\"\n\
             client-secret-file = \"/etc/fleetsweep/cust-{n}\"\n"
        )
    };
    let shared = "[shared]\nclient-id = \"66666666-7777-8888-9999-000000000000\"\n";
    std::fs::write(place.path("c.toml"), shared.to_owned() + &profile(1) + &profile(2)).unwrap();
}

const WORK: [&str; 3] = ["work", "--all-profiles", "--config=c.toml"];

#[test]
fn a_worker_is_printed_as_a_service_that_says_when_it_is_ready_and_has_no_timer() {
    let place = Place::new();
    provider(&place);
    let said = printed(&place, &["--systemd", "--name=fleetsweep-worker"], &WORK);
    insta::assert_snapshot!("schedule-systemd-work", in_general(&place, &said));
    for (kind, command) in [
        (vec!["--systemd", "--at=22:00"], WORK.to_vec()),
        (vec!["--cron"], WORK.to_vec()),
        (vec!["--systemd"], [&WORK[..], &["--until-idle"]].concat()),
    ] {
        let said = run(schedule(&place, &kind, &command));
        assert_eq!(said.code, 2, "{kind:?} {command:?}: {}", said.err);
    }
    // A night over all customers finds their secrets where their profiles say.
    let scan = ["scan", "--from-tenant", "--all-profiles", "--config=c.toml", "--type=quick"];
    let more = ["--comment=nightly", "--series=nightly", "--approve-max=9", "--until=06:00"];
    let said = printed(&place, &["--systemd", "--at=22:00"], &[&scan[..], &more].concat());
    let reads = said.out.lines().find(|line| line.contains("must be able to read")).unwrap();
    for file in ["/etc/fleetsweep/cust-1", "/etc/fleetsweep/cust-2", "c.toml"] {
        assert!(reads.contains(file), "{reads}");
    }
    assert!(!said.out.contains("LoadCredential"), "{}", said.out);
}

#[test]
fn exit_code_5_is_no_success_in_a_series_where_it_means_that_nothing_was_ordered() {
    let place = Place::new();
    let codes = |more: &[&str]| {
        let said = printed(&place, &["--systemd", "--at=22:00"], &[&SCAN[..], more].concat());
        let lines = said.out.lines().filter(|line| line.starts_with("SuccessExitStatus="));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(codes(&["--comment=x"]), ["SuccessExitStatus=3 5"]);
    assert_eq!(codes(&["--comment=x", "--series=nightly"]), ["SuccessExitStatus=3"]);
    // A series without an end is told what that means for it.
    let endless = ["scan", "gone.csv", "--type=full", "--comment=x", "--approve-max=9"];
    let told = |more: &[&str]| {
        printed(&place, &["--systemd", "--at=22:00"], &[&endless[..], more].concat()).err
    };
    assert!(told(&[]).contains("starts is refused (exit 6)"), "{}", told(&[]));
    let series = told(&["--series=nightly"]).replace("\n  ", " ");
    assert!(series.contains("(exit 5)") && !series.contains("the same devices"), "{series}");
    assert!(series.contains("the list gone.csv is not on this machine now"), "{series}");
}

#[test]
fn the_hardened_service_still_sees_what_the_clock_of_the_limit_goes_by() {
    let place = Place::new();
    let command = [&SCAN[..], &[HARD]].concat();
    let unit = printed(&place, &["--systemd", "--at=22:00"], &command).out;
    // With it there is no /proc/sys, so no boot id, and every start of the service would fail.
    assert!(!unit.contains("ProcSubset"), "{unit}");
    assert!(std::fs::metadata("/proc/sys/kernel/random/boot_id").is_ok());
}

/// Runs systemd-analyze on the units that were written into the place.
pub(super) fn analyze(place: &Place, args: &[&str], log: &str) -> (bool, String) {
    let mut command = tool("systemd-analyze");
    command.args(args).current_dir(place.path("")).env("SYSTEMD_LOG_LEVEL", log);
    let output = command.output().unwrap_or_else(|error| {
        panic!("systemd-analyze cannot be started, and it is what judges the units: {error}")
    });
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

fn exposure(place: &Place, unit: &str) -> f64 {
    let (_, text) = analyze(place, &["security", "--offline=true", "--no-pager", unit], "info");
    let rated = text.split("Overall exposure level for ").nth(1).expect(&text);
    rated.split_whitespace().nth(1).unwrap().parse().expect(&text)
}

#[test]
fn systemd_finds_no_fault_with_the_units_and_rates_their_exposure_at_most_1_5() {
    let report = format!("--report={}/x/reports/r.csv", "/home");
    let files = [
        ("secret", vec![]),
        ("certificate", vec!["--client-certificate=/etc/fleetsweep/it.pem"]),
        ("homes", vec![report.as_str(), "--force", "--store=sqlite:s/s.db"]),
        ("emulator", vec!["--emulator"]),
    ];
    for (name, more) in files {
        let place = Place::new();
        let command = [&SCAN[..], &["--comment=nightly"], &more].concat();
        let kind = ["--systemd", "--at=Mon-Fri 22:00", "--at=Sat 20:30", "--folder=."];
        printed(&place, &kind, &command);
        let units = ["verify", "./fleetsweep.service", "./fleetsweep.timer"];
        let (fine, said) = analyze(&place, &units, "info");
        assert!(fine && said.trim().is_empty(), "{name}: {said}");
        let rated = exposure(&place, "./fleetsweep.service");
        assert!(rated <= 1.5, "{name}: {rated}");
    }
    let place = Place::new();
    provider(&place);
    printed(&place, &["--systemd", "--folder=."], &WORK);
    let (fine, said) = analyze(&place, &["verify", "./fleetsweep.service"], "info");
    assert!(fine && said.trim().is_empty(), "work: {said}");
    let rated = exposure(&place, "./fleetsweep.service");
    assert!(rated <= 1.5, "work: {rated}");
    let open = "[Service]\nExecStart=/bin/true\nUnknown=yes\n";
    std::fs::write(place.path("open.service"), open).unwrap();
    assert!(exposure(&place, "./open.service") > 5.0);
    let (_, said) = analyze(&place, &["verify", "./open.service"], "info");
    assert!(said.contains("Unknown"), "{said}");
}

#[test]
fn the_service_in_the_package_is_the_one_that_is_printed_for_a_worker() {
    let place = Place::new();
    provider(&place);
    let said = printed(&place, &["--systemd", "--name=fleetsweep-worker"], &WORK);
    let printed = in_general(&place, &said).replace("BindReadOnlyPaths=-FOLDER/c.toml\n", "");
    let printed = printed.replace("FOLDER/c.toml", "/etc/fleetsweep/config.toml");
    let printed = printed.replace("PROGRAM", "/usr/bin/fleetsweep");
    let packaged = std::fs::read_to_string(".ci/packaging/debian/fleetsweep-worker.service");
    let packaged = packaged.unwrap();
    // Both begin with remarks.
    let [printed, packaged] = [&printed, &packaged].map(|unit| unit.split_once("\n\n").unwrap().1);
    assert_eq!(packaged, printed);
}

/// The words that systemd dumps, which it quotes as a shell takes them, after the step that it
/// makes when it starts them: two dollar signs are one.
fn words_of_systemd(line: &str) -> Vec<String> {
    let script = format!("for word in {line}; do printf '%s\\n' \"$word\"; done");
    let output = tool("bash").args(["-c", &script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|word| word.replace("$$", "$")).collect()
}

#[test]
fn systemd_reads_every_word_back_as_it_was_given() {
    let lists = [
        r#"/srv/a "b" c.csv"#,
        "/srv/$HOME ${HOME} $$.csv",
        "/srv/%h 100%%.csv",
        r"/srv/back\slash\n.csv",
        "/srv/it's ; rm.csv",
        "/srv/#hash=@x.csv",
        "/srv/ümlaut/{a,b}*?.csv",
        "/srv/ends with \\",
    ];
    let comment = ["--comment", "; $x %i 'a' \"b\""];
    let rest = ["--type=full", "--approve-max=1"];
    let command = [&["scan"], &lists[..], &comment, &rest].concat();
    let place = Place::new();
    printed(&place, &["--systemd", "--at=22:00", "--folder=."], &command);
    let (_, dump) = analyze(&place, &["verify", "./fleetsweep.service"], "debug");
    let line = dump.split("Command Line: ").nth(1).expect(&dump).lines().next().unwrap();
    let words = words_of_systemd(line);
    assert_eq!(words[0], env!("CARGO_BIN_EXE_fleetsweep"));
    assert_eq!(words[1..], command);
}

#[test]
fn a_line_of_a_crontab_runs_in_a_shell_and_orders_the_scans() {
    let place = Place::new();
    let list = place.list(3);
    std::fs::rename(place.path(&list), place.path("my 100% list.txt")).unwrap();
    let command = [
        "scan",
        "my 100% list.txt",
        "--type=quick",
        "--comment=it's 50% \"x\" $HOME",
        "--approve-max=3",
        "--emulator",
        "--scenario=quiet",
        "--report=r.csv",
        "--force",
    ];
    let said = printed(&place, &["--cron", "--at=22:00"], &command);
    let line = said.out.lines().find(|line| !line.starts_with('#')).unwrap();
    let line = line.strip_prefix("0 22 * * * ").unwrap().replace("\\%", "%");
    let mut shell = child("sh");
    shell.args(["-c", &line]).env("HOME", place.path("")).current_dir("/");
    let said = run(shell);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("it's 50% \"x\" $HOME"), "{}", said.err);
    assert_eq!(super::report(&place.path("r.csv")).len(), 3);
}

#[test]
fn what_a_timer_cannot_start_is_refused_with_what_to_do() {
    let place = Place::new();
    let comment = "--comment=x";
    let at = ["--systemd", "--at=22:00"];
    let scan = |more: &[&'static str]| [&SCAN[..], &[comment], more].concat();
    let cases: Vec<(&str, Vec<&str>, Vec<&str>)> = vec![
        ("no kind", vec!["--at=22:00"], scan(&[])),
        ("two kinds", vec!["--systemd", "--cron", "--at=22:00"], scan(&[])),
        ("no time", vec!["--cron"], scan(&[])),
        ("a time that is none", vec!["--cron", "--at=noon"], scan(&[])),
        ("a name with a slash", vec!["--cron", "--at=22:00", "--name=a/b"], scan(&[])),
        ("a slip in the command", at.to_vec(), scan(&["--aprove-max=3"])),
        ("no comment", at.to_vec(), SCAN.to_vec()),
        ("a blank comment", at.to_vec(), [&SCAN[..], &["--comment= "]].concat()),
        (
            "no approval",
            at.to_vec(),
            vec!["scan", "x.csv", "--type=full", comment, "--until=06:00"],
        ),
        ("a dry run", at.to_vec(), scan(&["--dry-run"])),
        (
            "standard input",
            at.to_vec(),
            vec!["scan", "-", "--type=full", comment, "--approve-max=3"],
        ),
        ("a report that the second run finds", at.to_vec(), scan(&["--report=r.csv"])),
        (
            "a moment",
            at.to_vec(),
            vec![
                "scan",
                "x.csv",
                "--type=full",
                comment,
                "--approve-max=3",
                "--until=2099-01-01T00:00:00Z",
            ],
        ),
        ("a limit above the API's", at.to_vec(), scan(&["--limit=200/1m"])),
        ("a device code", at.to_vec(), scan(&["--auth=device-code"])),
        ("help", at.to_vec(), scan(&["--help"])),
        ("another command", at.to_vec(), vec!["status"]),
        ("a line break", at.to_vec(), scan(&["--column=a\nb"])),
        ("a variable of Windows", vec!["--windows", "--at=22:00"], scan(&["--column=%PATH%"])),
    ];
    let mut table = String::new();
    for (name, kind, command) in cases {
        let said = run(schedule(&place, &kind, &command));
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{name}: {}", said.err);
        table += &format!("## {name}\n{}\n\n", said.err.trim_end());
    }
    insta::assert_snapshot!(table);
}

#[test]
fn no_secret_of_the_environment_is_printed_and_what_a_timer_lacks_is_told() {
    let place = Place::new();
    let command = [&SCAN[..], &["--comment=x"]].concat();
    for kind in ["--systemd", "--cron", "--kubernetes", "--windows"] {
        let mut line = schedule(&place, &[kind, "--at=22:00"], &command);
        line.env("AZURE_CLIENT_SECRET", "canary-secret")
            .env("AZURE_TENANT_ID", "some-tenant.example");
        let said = run(line);
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(!format!("{}{}", said.out, said.err).contains("canary-secret"), "{kind}");
        assert!(said.out.contains("some-tenant"), "{kind}: {}", said.out);
        let told = said.out.contains("client-secret") || said.err.contains("--client-secret-file");
        assert!(told, "{kind}: {}", said.err);
    }
}

#[test]
fn files_are_written_into_a_folder_and_none_is_overwritten() {
    let place = Place::new();
    let command = [&SCAN[..], &["--comment=x"]].concat();
    let kind = ["--systemd", "--at=22:00", "--folder=.", "--name=weekly"];
    assert_eq!(printed(&place, &kind, &command).out, "");
    let timer = std::fs::read_to_string(place.path("weekly.timer")).unwrap();
    assert!(timer.contains("OnCalendar=*-*-* 22:00:00\n"), "{timer}");
    let again = run(schedule(&place, &kind, &command));
    assert_eq!(again.code, 1, "{}", again.err);
    assert!(again.err.contains("is kept"), "{}", again.err);
}

#[test]
fn a_settings_file_of_this_user_is_named_to_the_service() {
    let place = Place::new();
    std::fs::create_dir_all(place.path(".config/fleetsweep")).unwrap();
    let file = place.path(".config/fleetsweep/config.toml");
    let text = "leave = \"10%\"\n[profiles.prod]\ntenant = \"t.example\"\n\
                client-secret-file = \"/etc/fleetsweep/prod\"\n";
    std::fs::write(&file, text).unwrap();
    let command = [&SCAN[..], &["--comment=x", "--profile=prod"]].concat();
    let said = printed(&place, &["--systemd", "--at=22:00"], &command);
    let named = format!("scan --config {} ", file.display());
    assert!(said.out.contains(&named), "{}", said.out);
    // The service's user cannot read the profile's own file, so it is handed over.
    let load = "\nLoadCredential=client-secret-prod:/etc/fleetsweep/prod\n";
    assert!(said.out.contains(load), "{}", said.out);
    let reads = format!("read {}, /srv/fleet list.csv\n", file.display());
    assert!(said.out.contains(&reads), "{}", said.out);
    // A pod has neither the file nor the settings, unless they are mounted.
    let pod = printed(&place, &["--kubernetes", "--at=22:00"], &command).out;
    for line in [
        &format!("create configmap fleetsweep --from-file=config.toml={}", file.display()),
        "create secret generic fleetsweep --from-file=client-secret-prod=/etc/fleetsweep/prod",
        "- \"/etc/fleetsweep/config.toml\"\n",
        "mountPath: /etc/fleetsweep\n",
        "mountPath: /run/credentials/fleetsweep\n",
        "configMap:\n                name: fleetsweep\n",
    ] {
        assert!(pod.contains(line), "{line}: {pod}");
    }
}

#[test]
fn what_a_service_manager_hands_to_a_profile_is_read_in_the_place_of_its_own_file() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("handed")).unwrap();
    std::fs::write(
        place.path("c.toml"),
        "[profiles.prod]\ntenant = \"11111111-2222-3333-4444-555555555555\"\nclient-id = \
         \"66666666-7777-8888-9999-000000000000\"\nclient-secret-file = \"/not/there\"\n\
         api-url = \"http://127.0.0.1:9\"\nlogin-url = \"http://127.0.0.1:9\"\n",
    )
    .unwrap();
    let told = |folder: &str| {
        let args = ["doctor", "--profile=prod", "--config=c.toml", "--max-wait=1s"];
        let mut command = place.fleetsweep(&args);
        command.env("CREDENTIALS_DIRECTORY", place.path(folder));
        let said = run(command);
        said.out + &said.err
    };
    assert!(told("handed").contains("/not/there"), "{}", told("handed"));
    let secret = place.path("handed/client-secret-prod");
    std::fs::write(&secret, "s").unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
    assert!(!told("handed").contains("/not/there"), "{}", told("handed"));
}
