//! The real binary signs in by every kind, against the emulator or, where Azure insists on an
//! address of its own, against a fake of that end point: what the plan names, and that no secret
//! shows anywhere. What is refused is in `refusals`.

mod refusals;
mod written;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use fleetsweep::emulator::{self, Config, Emulator, Limit, Moment, Operation, Scenario};

use super::{Place, Said, beside, json_lines, report, run};
use crate::kit::canned::{Canned, close};
use crate::kit::certificates::client_certificate;
use crate::kit::support::device;

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const APPLICATION: &str = "66666666-7777-8888-9999-000000000000";
const IDENTITY_HEADER: &str = "canary-identity-header";

const SCAN: [&str; 9] = [
    "scan",
    "list.txt",
    "--type=quick",
    "--comment=sign-in test",
    "--approve-max=1000",
    "--json",
    "--report=out.csv",
    "--force",
    "-vvv",
];

async fn emulate_with(change: impl FnOnce(&mut Scenario)) -> Emulator {
    let mut scenario = Scenario::named("quiet").unwrap();
    change(&mut scenario);
    let limits = vec![Limit { calls: 1000, window: std::time::Duration::from_secs(60) }];
    let config = Config { scenario, limits, ..Config::default() };
    emulator::start(config, "127.0.0.1:0".parse().unwrap()).await.unwrap()
}

/// The program towards an emulator, with no tenant and no credential yet.
fn towards(place: &Place, emulator: &Emulator, more: &[&str]) -> Command {
    let url = emulator.base_url();
    let mut command = place.fleetsweep(&[&SCAN[..], more].concat());
    command.env("FLEETSWEEP_API_URL", &url).env("FLEETSWEEP_LOGIN_URL", &url);
    command
}

fn ids(command: &mut Command) -> &mut Command {
    command.env("AZURE_TENANT_ID", TENANT).env("AZURE_CLIENT_ID", APPLICATION)
}

/// Writes a file that only its owner can read.
fn private(place: &Place, name: &str, text: &str) -> String {
    write(place, name, text, 0o600)
}

fn write(place: &Place, name: &str, text: &str, mode: u32) -> String {
    let path = place.path(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path.display().to_string()
}

fn token(emulator: &Emulator, tenant: &str) -> String {
    emulator.with_world(|world| world.issue_token(now(), tenant, APPLICATION))
}

/// The emulator's start by its own clock, and now by the wall clock.
fn now() -> Moment {
    Moment { utc_ms: fleetsweep::clock::wall_clock().as_millisecond(), ..Moment::default() }
}

/// A program `az` that gives this token, and another environment's `PATH`.
fn azure_cli(place: &Place, command: &mut Command, token: &str) {
    let ends = fleetsweep::clock::wall_clock().as_second() + 3600;
    let json = format!(r#"{{"accessToken":"{token}","expires_on":{ends},"tokenType":"Bearer"}}"#);
    // It reads its standard input, which must not be the list.
    let script =
        format!("#!/bin/sh\ncat >/dev/null\necho \"$@\" >>\"$HOME/az.log\"\necho '{json}'\n");
    write(place, "az", &script, 0o700);
    command.env("PATH", format!("{}:/usr/bin:/bin", place.path("").display()));
    command.arg("--auth=azure-cli");
}

/// A federated token, as Kubernetes projects it.
fn federated() -> String {
    let ends = fleetsweep::clock::wall_clock().as_second() + 3600;
    let claims = format!(
        r#"{{"iss":"https://issuer.example","sub":"system:serviceaccount:a:b",
        "aud":"api://AzureADTokenExchange","exp":{ends}}}"#
    );
    let coded = [r#"{"alg":"RS256","kid":"1"}"#, &claims].map(azure_core::base64::encode_url_safe);
    format!(
        "{}.{}.canary-federated",
        coded[0].trim_end_matches('='),
        coded[1].trim_end_matches('=')
    )
}

/// The end point of a machine's identity, as Azure has it: the token and its end as text.
async fn identity(token: &str) -> Canned {
    let ends = fleetsweep::clock::wall_clock().as_second() + 3600;
    let body = format!(
        r#"{{"access_token":"{token}","expires_on":"{ends}","resource":"r","token_type":"Bearer"}}"#
    );
    Canned::always(close(200, body)).await
}

/// Lists two devices that no run before ordered, and forgets those runs.
fn next_list(place: &Place, number: u64) {
    let ids = [2 * number, 2 * number + 1].map(|n| device(n).to_string());
    std::fs::write(place.path("list.txt"), ids.join("\n")).unwrap();
}

/// Runs, and looks at what was ordered and what was said of the sign-in.
async fn ordered(place: &Place, command: Command, auth: &str) -> Said {
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 0, "{auth}: {}", said.err);
    let plan = &json_lines(&said.out)[0];
    assert_eq!(plan["auth"], auth);
    assert_eq!((&plan["tenant"], &plan["application"]), (&TENANT.into(), &APPLICATION.into()));
    assert!(said.err.contains("\n  sign-in      "), "{}", said.err);
    let rows = report(&place.path("out.csv"));
    assert!(rows.iter().all(|row| row["outcome"] == "accepted" && row["tenant"] == TENANT));
    println!("{auth}: exit {}, {} accepted", said.code, rows.len());
    said
}

/// No secret stands in what was said or in any file but those that hold it on purpose.
fn assert_silent(place: &Place, said: &Said, emulator: &Emulator, own: &[&str]) {
    let token = token(emulator, TENANT);
    let payload = token.split('.').nth(1).unwrap().get(..40).unwrap().to_owned();
    let secrets = ["canary", "emulator-secret", "emulated-refresh-", "emulated-device-code-"];
    let secrets: Vec<&str> = secrets.into_iter().chain([payload.as_str(), "PRIVATE KEY"]).collect();
    let check = |text: &str, place: &str| {
        for secret in &secrets {
            assert!(!text.contains(secret), "{secret} shows in {place}:\n{text}");
        }
    };
    assert!(said.err.contains(" TRACE "), "the most talkative level is searched: {}", said.err);
    check(&said.err, "standard error");
    check(&said.out, "standard output");
    check_files(&place.path(""), own, &check);
}

fn check_files(folder: &Path, own: &[&str], check: &dyn Fn(&str, &str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            check_files(&entry.path(), own, check);
        } else if !own.iter().any(|own| name.starts_with(own)) {
            check(&String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()), &name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_signs_in_by_secret_certificate_or_federated_token() {
    let emulator = emulate_with(|_| {}).await;
    let place = Place::new();
    place.list(2);
    let secret = private(&place, "secret", "emulator-secret\n");
    let pem = private(&place, "cert.pem", &client_certificate());
    let federated = write(&place, "federated", &federated(), 0o644);
    // systemd gives a group's bit to the credentials of a service that is not root's.
    std::fs::create_dir(place.path("credentials")).unwrap();
    write(&place, "credentials/client-secret", "emulator-secret", 0o440);
    let folder = place.path("credentials").display().to_string();
    let cases = [
        ("secret", "AZURE_CLIENT_SECRET", "emulator-secret"),
        ("secret", "FLEETSWEEP_CLIENT_SECRET_FILE", secret.as_str()),
        ("secret", "CREDENTIALS_DIRECTORY", folder.as_str()),
        ("certificate", "AZURE_CLIENT_CERTIFICATE_PATH", pem.as_str()),
        ("workload", "AZURE_FEDERATED_TOKEN_FILE", federated.as_str()),
    ];
    for (number, (auth, name, value)) in cases.into_iter().enumerate() {
        next_list(&place, number as u64);
        let mut command = towards(&place, &emulator, &[]);
        ids(&mut command).env(name, value);
        let said = ordered(&place, command, auth).await;
        let own = ["secret", "cert.pem", "federated", "client-secret"];
        assert_silent(&place, &said, &emulator, &own);
    }
    assert_eq!(emulator.ledger().accepted, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_signs_in_by_the_identity_that_azure_gives_it() {
    let emulator = emulate_with(|_| {}).await;
    let place = Place::new();
    place.list(2);
    let identity = identity(&token(&emulator, TENANT)).await;
    // In an app service or container: the environment names the end point and a header.
    let endpoint = format!("{}/msi/token", identity.origin());
    let mut command = towards(&place, &emulator, &[]);
    command.env("IDENTITY_ENDPOINT", &endpoint).env("IDENTITY_HEADER", IDENTITY_HEADER);
    let said = ordered(&place, command, "managed-identity").await;
    assert_silent(&place, &said, &emulator, &[]);
    let seen = identity.seen().concat();
    assert!(seen.contains("GET /msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fapi"));
    assert!(seen.contains(IDENTITY_HEADER) && !seen.contains("client_id="), "{seen}");
    // On a virtual machine: the metadata service, here for a user-assigned identity.
    next_list(&place, 1);
    let mut command = towards(&place, &emulator, &["--auth=managed-identity"]);
    command.env("AZURE_POD_IDENTITY_AUTHORITY_HOST", identity.origin());
    command.env("AZURE_CLIENT_ID", APPLICATION);
    let said = ordered(&place, command, "managed-identity").await;
    assert_silent(&place, &said, &emulator, &[]);
    let seen = identity.seen().pop().unwrap();
    assert!(seen.contains("GET /metadata/identity/oauth2/token?"), "{seen}");
    assert!(seen.contains(&format!("client_id={APPLICATION}")), "{seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_managed_identity_vouches_for_an_application_that_has_no_secret_at_all() {
    const IDENTITY: &str = "77777777-0000-0000-0000-000000000001";
    let emulator = emulate_with(|_| {}).await;
    let place = Place::new();
    place.list(2);
    // The machine's token names the provider's tenant; the application's is the customer's.
    let machine = identity(&federated()).await;
    let with_identity = |words: &[&str]| {
        let mut command = towards(&place, &emulator, words);
        ids(&mut command).env("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine.origin());
        command
    };
    let command = with_identity(&["--identity-client-id", IDENTITY]);
    let said = ordered(&place, command, "federated-identity").await;
    assert_silent(&place, &said, &emulator, &[]);
    let seen = machine.seen().pop().unwrap();
    assert!(seen.contains("GET /metadata/identity/oauth2/token?"), "{seen}");
    assert!(seen.contains("resource=api%3A%2F%2FAzureADTokenExchange&"), "{seen}");
    assert!(seen.contains(&format!("client_id={IDENTITY}")), "{seen}");
    // The only identity of a machine need not be named.
    next_list(&place, 1);
    let command = with_identity(&["--auth=federated-identity"]);
    ordered(&place, command, "federated-identity").await;
    assert!(!machine.seen().pop().unwrap().contains("client_id="));
    // The doctor names it, and a token that the application does not trust is told.
    let url = emulator.base_url();
    let doctor = |machine: String| {
        let mut command = place.fleetsweep(&["doctor", "--auth=federated-identity", "--json"]);
        ids(&mut command).env("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine);
        command.env("FLEETSWEEP_API_URL", &url).env("FLEETSWEEP_LOGIN_URL", &url);
        command
    };
    let command = doctor(machine.origin());
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(said.out.contains("by managed identity as federated credential"), "{}", said.out);
    let stranger = identity(&token(&emulator, TENANT)).await;
    let command = doctor(stranger.origin());
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 7, "{}", said.out);
    assert!(said.out.contains("does not trust this machine's managed identity"), "{}", said.out);
    // An identity that the machine does not have.
    let none = Canned::always(close(400, r#"{"error":"invalid_request"}"#)).await;
    let command = doctor(none.origin());
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 7, "{}", said.out);
    assert!(said.out.contains("this machine has no identity"), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenant_and_application_come_from_the_token_of_the_azure_cli_or_of_a_file() {
    let emulator = emulate_with(|_| {}).await;
    let place = Place::new();
    place.list(2);
    let token = token(&emulator, TENANT);
    let mut command = towards(&place, &emulator, &[]);
    azure_cli(&place, &mut command, &token);
    let said = ordered(&place, command, "azure-cli").await;
    assert_silent(&place, &said, &emulator, &["az"]);
    let asked = std::fs::read_to_string(place.path("az.log")).unwrap();
    assert!(asked.contains("account get-access-token"), "{asked}");
    next_list(&place, 1);
    let file = private(&place, "token", &token);
    let mut command = towards(&place, &emulator, &[]);
    command.env("FLEETSWEEP_TOKEN_FILE", file);
    let said = ordered(&place, command, "token-file").await;
    assert_silent(&place, &said, &emulator, &["az", "token"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_enters_a_code_once_and_the_sign_in_is_kept_for_its_owner_alone() {
    let emulator = emulate_with(|_| {}).await;
    let place = Place::new();
    place.list(2);
    let own = ["sign-in-"];
    let with_code = || {
        let mut command = towards(&place, &emulator, &["--auth=device-code"]);
        ids(&mut command);
        command
    };
    let said = ordered(&place, with_code(), "device-code").await;
    assert!(said.err.contains("open https://microsoft.com/devicelogin in a browser"));
    assert_silent(&place, &said, &emulator, &own);
    let kept = place.path(&format!(".local/state/fleetsweep/sign-in-{TENANT}-{APPLICATION}"));
    let mode = std::fs::metadata(&kept).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    let first = std::fs::read_to_string(&kept).unwrap();
    // The second campaign asks nobody, and keeps the new one of each renewal.
    next_list(&place, 1);
    let said = ordered(&place, with_code(), "device-code").await;
    assert!(!said.err.contains("devicelogin"), "{}", said.err);
    assert_silent(&place, &said, &emulator, &own);
    assert_ne!(std::fs::read_to_string(&kept).unwrap(), first);
    // One that was revoked asks again.
    std::fs::write(&kept, "revoked").unwrap();
    next_list(&place, 2);
    let said = ordered(&place, with_code(), "device-code").await;
    assert!(said.err.contains("devicelogin"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_end_often_fail_no_device() {
    // In full size (`FLEETSWEEP_LONG=1`): tokens of 30 s through a campaign of 5 minutes, in real
    // time. Else the same at a fifteenth of it.
    let long = std::env::var_os("FLEETSWEEP_LONG").is_some();
    let (life, limit, devices) = if long { (30.0, "100/1m", 501) } else { (2.0, "10/1s", 100) };
    let emulator = emulate_with(|scenario| scenario.token.lifetime_s = life).await;
    let place = Place::new();
    place.list(devices);
    let mut command = towards(&place, &emulator, &["--limit", limit]);
    ids(&mut command).env("AZURE_CLIENT_SECRET", "emulator-secret");
    let said = ordered(&place, command, "secret").await;
    let ledger = emulator.ledger();
    let of = |operation| ledger.entries.iter().filter(move |entry| entry.operation == operation);
    let tokens = of(Operation::Token).count();
    let unauthorized = of(Operation::Scan).filter(|entry| entry.status == Some(401)).count();
    let took = (ledger.entries.last().unwrap().at_us - ledger.entries[0].at_us) / 1_000_000;
    println!(
        "{devices} devices in {took} s with tokens of {life} s: {} accepted, {tokens} tokens, \
         {unauthorized} answers with 401",
        ledger.accepted
    );
    assert_eq!(ledger.accepted, devices);
    assert!(tokens >= 4, "{tokens} tokens: {}", said.err);
}

#[test]
fn a_flag_wins_over_the_environment_and_the_plan_says_which_kind() {
    let place = Place::new();
    place.list(1);
    let kind_of = |args: &[&str], environment: &[(&str, &str)]| {
        let mut command = place.fleetsweep(&[&SCAN[..], &["--dry-run"], args].concat());
        command.envs(environment.iter().copied());
        let said = run(command);
        assert_eq!(said.code, 0, "{}", said.err);
        json_lines(&said.out)[0]["auth"].as_str().map(str::to_owned)
    };
    let secret = ("AZURE_CLIENT_SECRET", "s");
    assert_eq!(kind_of(&[], &[]), None);
    assert_eq!(kind_of(&[], &[secret]).as_deref(), Some("secret"));
    assert_eq!(kind_of(&["--auth=Workload"], &[secret]).as_deref(), Some("workload"));
    assert_eq!(kind_of(&["--client-certificate=c"], &[secret]).as_deref(), Some("certificate"));
    assert_eq!(kind_of(&[], &[secret, ("FLEETSWEEP_AUTH", "azure-cli")]).as_deref(), {
        Some("azure-cli")
    });
}
