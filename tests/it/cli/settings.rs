//! The settings file and its profiles, as the real binary reads them: what wins over what, and
//! what is refused so that one tenant's list is not sent to another.

use super::{Place, json_lines, run};

const FILE: &str = r#"leave = "25%"
limit = ["40/1m", "800/1h"]
store = "sqlite:there.db"

[profiles.prod]
tenant = "11111111-2222-3333-4444-555555555555"
client-id = "66666666-7777-8888-9999-000000000000"

[profiles.lab]
tenant = "lab.example"
client-id = "77777777-7777-8888-9999-000000000000"
cloud = "gcc"
"#;

const DRY: [&str; 7] =
    ["scan", "list.txt", "--type=full", "--comment=x", "--dry-run", "--json", "-v"];

fn place() -> Place {
    let place = Place::new();
    place.list(3);
    std::fs::create_dir_all(place.path(".config/fleetsweep")).unwrap();
    std::fs::write(place.path(".config/fleetsweep/config.toml"), FILE).unwrap();
    place
}

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    let place = place();
    let limits = |args: &[&str], variable: Option<&str>| {
        let mut command = place.fleetsweep(&[&DRY[..], &["--profile=lab"], args].concat());
        if let Some(value) = variable {
            command.env("FLEETSWEEP_LEAVE", value);
        }
        let said = run(command);
        assert_eq!(said.code, 0, "{}", said.err);
        let plan = &json_lines(&said.out)[0];
        assert_eq!((&plan["tenant"], &plan["cloud"]), (&"lab.example".into(), &"gcc".into()));
        assert!(plan["store"].as_str().unwrap().ends_with("there.db"), "{plan}");
        let used = plan["quota_used"].as_array().unwrap();
        used.iter().map(|quota| quota["limit"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(limits(&[], None), [30, 600]);
    assert_eq!(limits(&[], Some("50%")), [20, 400]);
    assert_eq!(limits(&["--leave=0%"], Some("50%")), [40, 800]);
    assert_eq!(limits(&["--leave=0%", "--limit=10/1m"], None), [10, 1500]);
}

#[test]
fn what_contradicts_a_profile_or_cannot_be_read_is_refused_with_both_names() {
    let place = place();
    let scan = ["scan", "list.txt", "--type=full", "--comment=x"];
    let mut table = String::new();
    let mut case = |name: &str, args: &[&str], variables: &[(&str, &str)], file: Option<&str>| {
        std::fs::write(place.path("own.toml"), file.unwrap_or(FILE)).unwrap();
        let mut command = place.fleetsweep(&[&scan[..], &["--config=own.toml"], args].concat());
        command.envs(variables.iter().copied());
        let said = run(command);
        table += &format!("## {name}: exit {}\n{}\n\n", said.code, said.err.trim_end());
    };
    let tenant = "11111111-2222-3333-4444-555555555555";
    case("no profile chosen", &[], &[], None);
    case("no such profile", &["--profile=prd"], &[], None);
    case("another tenant", &["--profile=prod"], &[("AZURE_TENANT_ID", "other")], None);
    case("the same tenant", &["--profile=prod"], &[("AZURE_TENANT_ID", tenant)], None);
    case("another cloud typed", &["--profile=prod", "--cloud=dod"], &[], None);
    case("by a variable", &[], &[("FLEETSWEEP_PROFILE", "lab"), ("FLEETSWEEP_CLOUD", "dod")], None);
    case("a wrong key", &[], &[], Some("[profiles.a]\ntennant = \"x\"\n"));
    case("a wrong value", &["--dry-run"], &[], Some("leave = \"300%\"\n"));
    case("a wrong variable", &["--dry-run"], &[("FLEETSWEEP_LIMIT", "50/1m,x")], Some(""));
    case("no TOML", &["--dry-run"], &[], Some("leave: 25%\n"));
    case("a profile and the emulator", &["--profile=lab", "--emulator"], &[], None);
    insta::assert_snapshot!(table);
}

#[test]
fn the_emulator_takes_nothing_from_the_file() {
    let place = place();
    let said = run(place.fleetsweep(&[&DRY[..], &["--emulator"]].concat()));
    assert_eq!(said.code, 0, "{}", said.err);
    let plan = &json_lines(&said.out)[0];
    assert_eq!((&plan["tenant"], &plan["store"]), (&"EMULATED".into(), &"none".into()));
    assert_eq!(plan["quota_used"][0]["limit"], 100);
}

#[test]
fn a_contradiction_about_the_address_keeps_no_queue_from_being_emptied() {
    let place = place();
    let scan = ["scan", "list.txt", "--type=full", "--comment=x", "--campaign=c", "--emulator"];
    let more = ["--approve-max=3", "--max-duration=1s", "--limit=1/1m", "--store=sqlite:there.db"];
    assert_eq!(run(place.fleetsweep(&[&scan[..], &more].concat())).code, 5);
    let cancel = |more: &[&str], variable: (&str, &str)| {
        let usual = ["cancel", "c", "--approve-max=3", "--profile=prod"];
        let mut command = place.fleetsweep(&[&usual[..], more].concat());
        command.env(variable.0, variable.1);
        run(command)
    };
    let address = ("FLEETSWEEP_API_URL", "http://127.0.0.1:9");
    // Where the API is called it is refused, and so is another tenant in any case.
    let said = cancel(&[], address);
    assert!(said.code == 2 && said.err.contains("FLEETSWEEP_API_URL contradicts"), "{}", said.err);
    let mut pause = place.fleetsweep(&["pause", "c", "--profile=prod"]);
    pause.env(address.0, address.1);
    let said = run(pause);
    assert!(!said.err.contains("contradicts"), "{}", said.err);
    let said = cancel(&["--queue-only"], ("AZURE_TENANT_ID", "other.example"));
    assert!(said.code == 2 && said.err.contains("AZURE_TENANT_ID contradicts"), "{}", said.err);
    let said = cancel(&["--queue-only"], address);
    assert_eq!(said.code, 0, "{}", said.err);
}
