//! `doctor`: a sound set-up, and set-ups that are broken in one place each. Each finding must name
//! the cause and the remedy, and no check may order anything.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use fleetsweep::emulator::{self, App, Config, Emulator, Operation, Scenario};

use super::{Place, Said, beside, emulate, flat, json_lines, run};
use crate::kit::canned::{Act, Canned};

const TENANT: &str = "11111111-2222-3333-4444-555555555555";

/// An emulator whose applications are these.
async fn with_app(app: App) -> Emulator {
    let scenario = Scenario::named("calm").unwrap();
    let config = Config { scenario, apps: vec![app], ..Config::default() };
    emulator::start(config, "127.0.0.1:0".parse().unwrap()).await.unwrap()
}

fn app() -> App {
    App { tenant: None, client_id: None, secret: emulator::DEFAULT_SECRET.into(), roles: None }
}

/// Writes a token of this tenant for this audience into the file `token`.
pub(super) async fn token_file(place: &Place, emulator: &Emulator, tenant: &str, scope: &str) {
    let url = format!("{}/{tenant}/oauth2/v2.0/token", emulator.base_url());
    let form = format!(
        "grant_type=client_credentials&client_id=a&client_secret={}&scope={scope}",
        emulator::DEFAULT_SECRET
    );
    let answer = crate::kit::support::http().post(url).body(form).send().await.unwrap();
    let answer: serde_json::Value = answer.json().await.unwrap();
    let file = place.path("token");
    fs::write(&file, answer["access_token"].as_str().unwrap()).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
}

async fn doctor(command: Command) -> Said {
    beside(move || run(command)).await
}

/// The finding of a check that failed, whole.
fn failed<'a>(said: &'a Said, check: &str) -> &'a str {
    let start = said.out.find(&format!("failed      {check}:"));
    let rest = &said.out[start.unwrap_or_else(|| panic!("{check} did not fail: {}", said.out))..];
    let end = rest[1..].match_indices('\n').find(|(at, _)| !rest[at + 2..].starts_with(' '));
    end.map_or(rest, |(at, _)| &rest[..=at])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sound_set_up_is_told_so_and_nothing_is_ordered() {
    let emulator = emulate("calm", &[(100, 60.0), (1_500, 3_600.0)], 1.0).await;
    let place = Place::new();
    let said = doctor(place.towards(&emulator, &["doctor"])).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("All is well: a campaign can start."), "{}", said.out);
    for check in ["settings", "store", "network", "clock", "sign-in", "token", "rights"] {
        assert!(said.out.contains(&format!("ok          {check}:")), "{check}: {}", said.out);
    }
    assert!(said.out.contains("1 of 100/min, 1 of 1,500/h"), "{}", said.out);
    let ledger = emulator.ledger();
    assert_eq!((ledger.accepted, ledger.count(Operation::Scan)), (0, 1));
    let again = doctor(place.towards(&emulator, &["doctor", "--json"])).await;
    let lines = json_lines(&again.out);
    assert!(lines.iter().all(|line| line["v"] == 1));
    assert_eq!(lines.last().unwrap()["exit_code"], 0);
    assert!(again.out.contains("2 of 100/min"), "the journal forgot the first: {}", again.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_and_a_wrong_tenant_are_told_with_their_remedies() {
    let emulator = with_app(App { tenant: Some(TENANT.to_owned()), ..app() }).await;
    let place = Place::new();
    let mut command = place.towards(&emulator, &["doctor"]);
    command.env("AZURE_CLIENT_SECRET", "wrong-secret-canary");
    let said = doctor(command).await;
    assert_eq!(said.code, 7, "{}", said.out);
    let finding = failed(&said, "sign-in");
    assert!(finding.contains("AADSTS7000215") && finding.contains("next:"), "{finding}");
    let flat = flat(finding);
    assert!(flat.contains("used what is in AZURE_CLIENT_SECRET"), "{finding}");
    assert!(!said.out.contains("wrong-secret-canary") && !said.err.contains("canary"));
    let path = place.path("a secret");
    std::fs::write(&path, "wrong-secret-canary").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let file = format!("--client-secret-file={}", path.display());
    let said = doctor(place.towards(&emulator, &["doctor", "--json", &file])).await;
    let told = json_lines(&said.out);
    let finding = told.iter().find(|line| line["check"] == "sign-in").unwrap();
    let remedy = finding["remedy"].as_str().unwrap();
    assert!(remedy.ends_with(&format!("the file {}", path.display())), "{remedy}");
    let mut command = place.towards(&emulator, &["doctor"]);
    command.env("AZURE_TENANT_ID", "99999999-2222-3333-4444-555555555555");
    let said = doctor(command).await;
    assert_eq!(said.code, 7, "{}", said.out);
    let finding = failed(&said, "sign-in");
    assert!(finding.contains("AADSTS") && finding.contains("tenant"), "{finding}");
    assert_eq!(emulator.ledger().count(Operation::Scan), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_rights_and_too_many_rights_are_told() {
    let place = Place::new();
    let roles = |roles: &[&str]| Some(roles.iter().map(|&role| role.to_owned()).collect());
    let emulator = with_app(App { roles: roles(&["Machine.Read.All"]), ..app() }).await;
    let said = doctor(place.towards(&emulator, &["doctor"])).await;
    assert_eq!(said.code, 7, "{}", said.out);
    let finding = failed(&said, "rights");
    assert!(finding.contains("Machine.Scan is missing; it has Machine.Read.All"), "{finding}");
    assert!(finding.contains("admin consent"), "{finding}");
    assert!(failed(&said, "ordering").contains("not allowed (403)"), "{}", said.out);
    let emulator = with_app(App { roles: roles(&["Machine.Scan"]), ..app() }).await;
    let said = doctor(place.towards(&emulator, &["doctor"])).await;
    assert_eq!(said.code, 0, "a tenant that grants Machine.Scan alone works: {}", said.out);
    assert!(said.out.contains("warning     reading: the list of actions may not"), "{}", said.out);
    let more = ["Machine.Scan", "Machine.Read.All", "Machine.Isolate"];
    let emulator = with_app(App { roles: roles(&more), ..app() }).await;
    let said = doctor(place.towards(&emulator, &["doctor"])).await;
    assert_eq!(said.code, 0, "{}", said.out);
    let told = "warning     rights: more than fleetsweep needs: Machine.Isolate";
    assert!(said.out.contains(told), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_for_another_audience_is_told_with_both() {
    let emulator = emulate("calm", &[(100, 60.0)], 1.0).await;
    let place = Place::new();
    token_file(&place, &emulator, TENANT, "https://graph.microsoft.com/.default").await;
    let mut command = place.towards(&emulator, &["doctor", "--token-file", "token"]);
    for name in ["AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "AZURE_CLIENT_ID"] {
        command.env_remove(name);
    }
    let said = doctor(command).await;
    assert_eq!(said.code, 7, "{}", said.out);
    let finding = failed(&said, "token");
    assert!(finding.contains("it is for https://graph.microsoft.com"), "{finding}");
    assert!(finding.contains("--cloud"), "{finding}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_ten_minutes_off_is_told() {
    let emulator = emulate("calm", &[(100, 60.0)], 1.0).await;
    let date = fleetsweep::clock::wall_clock() - jiff::SignedDuration::from_mins(10);
    let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let head = format!("HTTP/1.1 404 Not Found\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n");
    let canned = Canned::always(Act::Close(head.into_bytes())).await;
    let place = Place::new();
    let mut command = place.towards(&emulator, &["doctor"]);
    command.env("FLEETSWEEP_API_URL", canned.origin());
    let said = doctor(command).await;
    assert_eq!(said.code, 1, "{}", said.out);
    let finding = failed(&said, "clock");
    // Until the program looks at the date, a second or more can have passed.
    assert!(finding.contains("clock is 10 min"), "{finding}");
    assert!(finding.contains("ahead of the API's"), "{finding}");
    assert!(finding.contains("set the clock"), "{finding}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_folder_that_may_not_be_written_is_told() {
    let emulator = emulate("calm", &[(100, 60.0)], 1.0).await;
    let place = Place::new();
    fs::create_dir(place.path("state")).unwrap();
    fs::set_permissions(place.path("state"), Permissions::from_mode(0o500)).unwrap();
    let mut command = place.towards(&emulator, &["doctor"]);
    command.env("STATE_DIRECTORY", place.path("state"));
    let said = doctor(crate::storage::faults::without_rights(&command)).await;
    assert_eq!(said.code, 1, "{}", said.out);
    let finding = failed(&said, "store");
    assert!(finding.contains("may not be written"), "{finding}");
    assert!(finding.contains("next:"), "{finding}");
    assert!(said.out.contains("not checked ordering:"), "{}", said.out);
    assert_eq!(emulator.ledger().count(Operation::Scan), 0, "a call that no journal holds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_that_answers_nothing_but_503_is_no_set_up_in_which_a_campaign_can_start() {
    let scenario = Scenario::from_toml("[faults]\nerror_503_share = 1.0\n").unwrap();
    let config = Config { scenario, ..Config::default() };
    let emulator = emulator::start(config, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let said = doctor(Place::new().towards(&emulator, &["doctor"])).await;
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(failed(&said, "ordering").contains("503"), "{}", said.out);
    // What is to be done is told once where it is the same twice in a row.
    let words = flat(&said.out);
    let next = words.split(" next: ").nth(1).unwrap().split(" failed ").next().unwrap();
    assert_eq!(words.matches(next).count(), 1, "{}", said.out);
    assert!(said.out.contains("next: the same"), "{}", said.out);
}

#[test]
fn an_address_that_nobody_answers_and_missing_settings_are_told() {
    let place = Place::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut command = place.fleetsweep(&["doctor"]);
    command.env("AZURE_TENANT_ID", TENANT).env("AZURE_CLIENT_ID", TENANT);
    command.env("AZURE_CLIENT_SECRET", "s").env("FLEETSWEEP_API_URL", &url);
    command.env("FLEETSWEEP_LOGIN_URL", &url);
    let said = run(command);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(failed(&said, "network").contains("HTTPS_PROXY"), "{}", said.out);
    let said = run(place.fleetsweep(&["doctor"]));
    assert_eq!(said.code, 2, "{}", said.out);
    assert!(failed(&said, "settings").contains("AZURE_TENANT_ID"), "{}", said.out);
}

#[test]
fn each_setting_is_shown_with_where_it_comes_from_and_no_secret() {
    let place = Place::new();
    let file =
        format!("leave = \"25%\"\n[profiles.prod]\ntenant = \"{TENANT}\"\ncloud = \"dod\"\n");
    fs::write(place.path("c.toml"), file).unwrap();
    let args = ["doctor", "--settings", "--config", "c.toml", "--profile", "prod", "--limit=50/1m"];
    let mut command = place.fleetsweep(&args);
    command.env("AZURE_CLIENT_SECRET", "canary-one").env("FLEETSWEEP_PACE", "even");
    command.env("HTTPS_PROXY", "http://user:canary-two@proxy:3128");
    let said = run(command);
    assert_eq!(said.code, 0, "{}", said.err);
    let line = |name: &str| said.out.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(line("tenant").contains(TENANT) && line("tenant").ends_with("(profile prod)"));
    assert!(line("cloud").contains("dod") && line("leave").ends_with("(the settings file)"));
    assert!(line("limit").contains("50/1m") && line("limit").ends_with("(a flag)"));
    assert!(line("pace").contains("even") && line("pace").ends_with("(FLEETSWEEP_PACE)"));
    assert!(line("store").ends_with("(default)"));
    assert!(line("HTTPS_PROXY").contains("http://***@proxy:3128"));
    assert!(line("AZURE_CLIENT_SECRET").contains("not shown"));
    assert!(!said.out.contains("canary"), "{}", said.out);
}
