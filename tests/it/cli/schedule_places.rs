//! What a service has of the folders, variables and files that are around `schedule`: the store
//! above all, wherever it is named.

use super::schedule::{analyze, printed, schedule};
use super::{Place, Said, run};

const SCAN: [&str; 7] = [
    "scan",
    "/srv/fleet.csv",
    "--type=full",
    "--comment=nightly",
    "--series=nightly",
    "--approve-max=15000",
    "--until=06:00",
];

const AT: [&str; 2] = ["--systemd", "--at=22:00"];

fn with(place: &Place, kind: &[&str], more: &[&str], variables: &[(&str, &str)]) -> Said {
    let mut line = schedule(place, kind, &[&SCAN[..], more].concat());
    line.envs(variables.iter().copied());
    run(line)
}

fn has(said: &Said, line: &str) -> bool {
    said.out.lines().any(|one| one == line)
}

#[test]
fn the_folder_of_a_store_can_be_written_by_the_service_wherever_the_store_is_named() {
    let place = Place::new();
    let here = place.path("").display().to_string();
    let here = here.trim_end_matches('/');
    let store = |name: &str| format!("Environment=FLEETSWEEP_STORE=sqlite:{name}");
    let elsewhere = [("FLEETSWEEP_STORE", "sqlite:/srv/data/fs.db")];
    let said = with(&place, &AT, &[], &elsewhere);
    assert_eq!(said.code, 0, "{}", said.err);
    for line in [&store("/srv/data/fs.db"), "ReadWritePaths=-/srv/data"] {
        assert!(has(&said, line), "{line}: {}", said.out);
    }
    assert!(said.out.contains("status --store sqlite:/srv/data/fs.db\n"), "{}", said.out);
    // Relative to where `schedule` was run, which is in a folder for temporary files.
    let said = with(&place, &AT, &[], &[("FLEETSWEEP_STORE", "sqlite:fs.db")]);
    for line in [store(&format!("{here}/fs.db")), format!("BindPaths=-{here}")] {
        assert!(has(&said, &line), "{line}: {}", said.out);
    }
    for (named, line) in
        [("/srv/data/fs.db", None), ("fs.db", Some(store(&format!("{here}/fs.db"))))]
    {
        std::fs::write(place.path("c.toml"), format!("store = \"sqlite:{named}\"\n")).unwrap();
        let said = with(&place, &AT, &["--config=c.toml"], &[]);
        let stored = said.out.lines().find(|line| line.contains("FLEETSWEEP_STORE="));
        assert_eq!(stored, line.as_deref(), "{}", said.out);
        let writes = if line.is_none() { "/srv/data" } else { here };
        assert!(said.out.contains(&format!("Paths=-{writes}\n")), "{named}: {}", said.out);
    }
    // What is typed wins, and only its folder is opened.
    let said = with(&place, &AT, &["--store=sqlite:/opt/s/s.db"], &elsewhere);
    assert!(
        has(&said, "ReadWritePaths=-/opt/s") && !said.out.contains("/srv/data"),
        "{}",
        said.out
    );
    // In the service's own folder nothing more is needed.
    let own = [("FLEETSWEEP_STORE", "sqlite:/var/lib/fleetsweep/other.db")];
    let said = with(&place, &AT, &[], &own);
    assert!(!said.out.contains("ReadWritePaths"), "{}", said.out);
}

#[test]
fn systemd_finds_no_fault_with_a_service_whose_store_is_named_by_the_environment() {
    let place = Place::new();
    let kind = [&AT[..], &["--folder=."]].concat();
    let said = with(&place, &kind, &[], &[("FLEETSWEEP_STORE", "sqlite:/srv/my data/f%s.db")]);
    assert_eq!(said.code, 0, "{}", said.err);
    let unit = std::fs::read_to_string(place.path("fleetsweep.service")).unwrap();
    assert!(unit.contains("\nReadWritePaths=\"-/srv/my data\"\n"), "{unit}");
    let (fine, said) = analyze(&place, &["verify", "./fleetsweep.service"], "info");
    assert!(fine && said.trim().is_empty(), "{said}");
}

#[test]
fn a_file_of_metrics_is_written_and_files_of_the_settings_are_read() {
    let place = Place::new();
    // The homes, which the service does not see.
    let it = format!("{}/it", "/home");
    std::fs::write(
        place.path("c.toml"),
        format!(
            "[shared]\nca-file = \"{it}/ca.pem\"\n[profiles.p]\ntenant = \"t.example\"\n\
         [[notify]]\nkind = \"slack\"\nurl-file = \"{it}/slack\"\n\
         [[notify]]\nkind = \"slack\"\nurl-env = \"SLACK\"\n"
        ),
    )
    .unwrap();
    let hook = format!(
        "--on-event='{it}/hook.sh' | /usr/bin/logger 2>/dev/null >> '/var/log/x' || echo >/tmp/x"
    );
    let more = ["--config=c.toml", "--profile=p", "--metrics=/var/lib/node/f.prom", &hook];
    let said = printed(&place, &AT, &[&SCAN[..], &more].concat());
    for line in [
        "ReadWritePaths=-/var/lib/node",
        "# User fleetsweep must be able to write to /var/lib/node, /var/log",
        &format!("BindReadOnlyPaths=-{it}/ca.pem"),
        &format!("BindReadOnlyPaths=-{it}/slack"),
        &format!("BindReadOnlyPaths=-{it}/hook.sh"),
        "# User fleetsweep must be able to run what --on-event names. In home",
        "ReadWritePaths=-/var/log",
        "ProtectHome=tmpfs",
    ] {
        assert!(has(&said, line), "{line}: {}", said.out);
    }
    assert!(said.err.contains("messages whose address is in SLACK"), "{}", said.err);
}

#[test]
fn no_schedule_holds_a_password_of_the_store_or_of_a_proxy_and_its_file_is_handed_over() {
    let place = Place::new();
    let server = "postgres://fleet@db1/fleet";
    let kinds = ["--systemd", "--cron", "--kubernetes", "--windows"];
    for kind in kinds.map(|kind| [kind, "--at=22:00"]) {
        let password = "postgres://fleet:canary@db1/fleet";
        let said = with(&place, &kind, &[], &[("FLEETSWEEP_STORE", password)]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{kind:?}: {}", said.err);
        assert!(said.err.contains("PGPASSFILE") && !said.err.contains("canary"), "{}", said.err);
        let variables = [
            ("FLEETSWEEP_STORE", server),
            ("PGPASSFILE", "/etc/fleetsweep/passwords"),
            ("HTTPS_PROXY", "http://proxy:3128"),
            ("ALL_PROXY", "http://u:canary@proxy:3128"),
        ];
        let said = with(&place, &kind, &[], &variables);
        for part in [server, "http://proxy:3128", "pgpass"] {
            let is_told = said.out.to_lowercase().contains(part);
            assert!(is_told, "{kind:?} {part}: {}{}", said.out, said.err);
        }
        assert!(!(said.out.clone() + &said.err).contains("canary"), "{kind:?}");
        assert!(said.err.contains("ALL_PROXY is not handed on"), "{kind:?}: {}", said.err);
        if kind[0] == "--systemd" {
            assert!(has(&said, "LoadCredential=pgpass:/etc/fleetsweep/passwords"), "{}", said.out);
            assert!(has(&said, "Environment=PGPASSFILE=%d/pgpass"), "{}", said.out);
            assert!(!said.out.contains("ReadWritePaths"), "{}", said.out);
        }
    }
}

#[test]
fn a_container_is_told_what_it_cannot_write() {
    let place = Place::new();
    let kind = ["--kubernetes", "--at=22:00"];
    let warned = |store: &str| {
        let said = with(&place, &kind, &[], &[("FLEETSWEEP_STORE", store)]);
        said.err.replace("\n  ", " ").contains("cannot be written in the container")
    };
    assert!(warned("sqlite:/srv/data/fs.db"));
    assert!(!warned("sqlite:/var/lib/fleetsweep/fs.db") && !warned("sqlite:fs.db"));
}
