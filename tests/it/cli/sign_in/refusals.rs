//! What a sign-in or the API refuses, and what the user reads: another tenant's token, AADSTS
//! numbers, missing rights, two kinds at once, files that cannot be used.

use super::*;
use crate::kit::canned::response;

/// A name, variables of the environment, and arguments.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

const OTHER_TENANT: &str = "aaaaaaaa-2222-3333-4444-555555555555";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_another_tenant_or_application_is_never_sent() {
    let emulator = emulate_with(|_| {}).await;
    let place = Place::new();
    place.list(2);
    let other = token(&emulator, OTHER_TENANT);
    let file = private(&place, "token", &other);
    let by_file = || {
        let mut command = towards(&place, &emulator, &["--token-file", &file]);
        command.env("AZURE_TENANT_ID", TENANT);
        command
    };
    let mut by_cli = towards(&place, &emulator, &[]);
    by_cli.env("AZURE_TENANT_ID", TENANT);
    azure_cli(&place, &mut by_cli, &other);
    let mut by_application = towards(&place, &emulator, &["--token-file", &file]);
    by_application.env("AZURE_TENANT_ID", OTHER_TENANT).env("AZURE_CLIENT_ID", TENANT);
    for (mut command, ours, theirs) in [
        (by_file(), TENANT, OTHER_TENANT),
        (by_cli, TENANT, OTHER_TENANT),
        (by_application, TENANT, APPLICATION),
    ] {
        command.arg("--campaign=c1");
        let said = beside(move || run(command)).await;
        assert_eq!(said.code, 7, "{}", said.err);
        let why = said.err.lines().find(|line| line.contains("  why: ")).unwrap();
        assert!(why.contains(ours) && why.contains(theirs), "{}", said.err);
    }
    assert_eq!(emulator.ledger().entries.len(), 0, "nothing reached the API");
    // Negative control: where no tenant is configured there is nothing to compare with, and the
    // same token and list do reach the other tenant.
    let mut command = by_file();
    command.env_remove("AZURE_TENANT_ID");
    let said = beside(move || run(command)).await;
    assert_eq!((said.code, emulator.ledger().accepted), (0, 2), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_service_refuses_is_told_with_its_remedy_and_nothing_is_ordered() {
    let mut told = String::new();
    for code in [7_000_215, 7_000_222, 700_016, 65_001, 53_003, 7_000_112, 90_002] {
        let emulator = emulate_with(|scenario| scenario.token.error = code).await;
        let place = Place::new();
        place.list(2);
        let mut command = towards(&place, &emulator, &["--campaign=c1"]);
        ids(&mut command).env("AZURE_CLIENT_SECRET", "emulator-secret");
        let said = beside(move || run(command)).await;
        assert_eq!(said.code, 7, "{code}: {}", said.err);
        assert_eq!(emulator.ledger().entries.len(), emulator.ledger().count(Operation::Token));
        assert_silent(&place, &said, &emulator, &[]);
        assert_no_campaign(&place);
        let error = json_lines(&said.out).pop().unwrap();
        assert_eq!((&error["type"], json_lines(&said.out).len()), (&"error".into(), 1));
        told += &format!("{}\n", error["why"].as_str().unwrap());
    }
    insta::assert_snapshot!(told);
}

/// Nothing is left over that `resume` or `status` would take for a campaign.
fn assert_no_campaign(place: &Place) {
    let status = run(place.fleetsweep(&["status"]));
    let told = format!("{}{}", status.out, status.err);
    assert!(told.contains("No campaigns in") || told.contains("no campaigns yet"), "{told}");
}

/// Calls to the API, whatever they ask.
fn api_calls(emulator: &Emulator) -> usize {
    let entries = emulator.ledger().entries;
    entries.iter().filter(|entry| entry.operation != Operation::Token).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_asked_to_confirm_what_no_sign_in_can_order() {
    let emulator = emulate_with(|_| {}).await;
    let place = Place::new();
    place.list(2);
    let scan = ["scan", "list.txt", "--type=quick", "--comment=x"];
    let ways: [&[&str]; 5] = [
        &[],
        &["--approve-max=9"],
        &["--no-check"],
        &["--no-check", "--approve-max=9", "--priority=high"],
        &["--dry-run", "--check"],
    ];
    for more in ways {
        let mut command = place.towards(&emulator, &[&scan[..], more].concat());
        command.env("AZURE_CLIENT_SECRET", "wrong");
        let said = beside(move || run(command)).await;
        assert_eq!(said.code, 7, "{more:?}: {}", said.err);
        assert!(said.err.contains("AADSTS7000215"), "{more:?}: {}", said.err);
        assert!(!said.err.contains("to start"), "{more:?}: {}", said.err);
        assert_no_campaign(&place);
    }
    // Without the tenant a dry run needs no sign-in, and the control shows the question.
    let mut offline = place.towards(&emulator, &[&scan[..], &["--dry-run"]].concat());
    offline.env("AZURE_CLIENT_SECRET", "wrong");
    assert_eq!(beside(move || run(offline)).await.code, 0);
    let asked = place.towards(&emulator, &scan);
    let asked = beside(move || run(asked)).await;
    assert_eq!(asked.code, 6, "{}", asked.err);
    assert_eq!(emulator.ledger().accepted, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_without_the_right_to_scan_is_told_before_its_first_order() {
    let emulator =
        emulate_with(|scenario| scenario.token.roles = vec!["Machine.Read.All".into()]).await;
    let place = Place::new();
    place.list(2);
    let scan = ["scan", "list.txt", "--type=quick", "--comment=x", "--approve-max=9", "--json"];
    let command = place.towards(&emulator, &scan);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 7, "{}", said.err);
    assert!(said.err.contains("Machine.Scan is missing; it has Machine.Read.All"), "{}", said.err);
    assert!(said.err.contains("admin consent"), "{}", said.err);
    assert_eq!(emulator.ledger().count(Operation::Scan), 0);
    assert_no_campaign(&place);
    // Who plans need not be who orders, but is told what a run would come to.
    let command = place.towards(&emulator, &[&scan[..], &["--dry-run", "--check"]].concat());
    let planned = beside(move || run(command)).await;
    assert_eq!(planned.code, 0, "{}", planned.err);
    let warnings = json_lines(&planned.out)[0]["warnings"].to_string();
    assert!(warnings.contains("exit code 7") && warnings.contains("Machine.Scan"), "{warnings}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_for_another_audience_is_sent_to_the_api_by_no_command() {
    let emulator = emulate_with(|_| {}).await;
    let place = Place::new();
    place.list(2);
    let graph = "https://graph.microsoft.com/.default";
    crate::cli::doctor::token_file(&place, &emulator, TENANT, graph).await;
    let scan = ["scan", "list.txt", "--type=quick", "--comment=x", "--approve-max=9"];
    let commands: [&[&str]; 4] = [
        &scan,
        &[&scan[..], &["--no-check"]].concat(),
        &[&scan[..], &["--dry-run", "--check"]].concat(),
        &["devices"],
    ];
    let towards = |args: &[&str]| {
        let mut command = place.towards(&emulator, args);
        command.env_remove("AZURE_CLIENT_SECRET").env_remove("AZURE_CLIENT_ID");
        command.args(["--token-file", "token"]);
        command
    };
    for args in commands {
        let command = towards(args);
        let said = beside(move || run(command)).await;
        assert_eq!(said.code, 7, "{args:?}: {}", said.err);
        let why =
            "it is for https://graph.microsoft.com, and this API takes tokens for https://api";
        assert!(said.err.contains(why) && said.err.contains("--cloud"), "{}", said.err);
        assert_no_campaign(&place);
    }
    assert_eq!(api_calls(&emulator), 0);
    // The control: another name of the same API is its own.
    let same = "https://securitycenter.onmicrosoft.com/windowsatpservice/.default";
    crate::cli::doctor::token_file(&place, &emulator, TENANT, same).await;
    let command = towards(&scan);
    let said = beside(move || run(command)).await;
    assert_eq!((said.code, emulator.ledger().accepted), (0, 2), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_fails_in_passing_is_waited_for_before_anybody_is_asked() {
    let emulator = emulate_with(|_| {}).await;
    let place = Place::new();
    place.list(2);
    let good = token(&emulator, TENANT);
    let answer = format!(r#"{{"token_type":"Bearer","expires_in":3599,"access_token":"{good}"}}"#);
    let login = Canned::serve(move |number, _| match number {
        0..3 => close(503, "later"),
        _ => close(200, &answer),
    })
    .await;
    let scan = ["scan", "list.txt", "--type=quick", "--comment=x", "--time-scale=60", "--json"];
    let towards = |login: &Canned, more: &[&str]| {
        let mut command = place.towards(&emulator, &[&scan[..], more].concat());
        command.env("FLEETSWEEP_LOGIN_URL", login.origin());
        command
    };
    // Nobody is there to be asked here, but that comes after the sign-in.
    let command = towards(&login, &[]);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 6, "{}", said.err);
    assert!(said.err.contains("at most: nobody can sign in now"), "{}", said.err);
    assert_eq!(json_lines(&said.out)[0]["warnings"], serde_json::json!([]));
    // It never comes back: the same time as a run would wait that never reached the API, but
    // nobody confirmed anything, and nothing is left over.
    let place = Place::new();
    place.list(2);
    let gone = Canned::always(close(503, "later")).await;
    let mut command = place.towards(&emulator, &scan);
    command.env("FLEETSWEEP_LOGIN_URL", gone.origin());
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("no campaign was begun") && said.err.contains("doctor"));
    assert_no_campaign(&place);
    // Where no order is due yet, it is no reason to refuse, but told.
    let later = fleetsweep::clock::wall_clock() + jiff::SignedDuration::from_hours(2);
    let later = format!("--start-at={later}");
    let mut command = place.towards(&emulator, &[&scan[..], &[later.as_str()]].concat());
    command.env("FLEETSWEEP_LOGIN_URL", gone.origin());
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 6, "{}", said.err);
    let warnings = json_lines(&said.out)[0]["warnings"].to_string();
    assert!(warnings.contains("when its first order is due"), "{warnings}");
    // Where nobody is asked, the run waits with its queue intact, and the plan says so.
    let mut command = place.towards(&emulator, &[&scan[..], &["--approve-max=9"]].concat());
    command.env("FLEETSWEEP_LOGIN_URL", gone.origin());
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 1, "{}", said.err);
    let warnings = json_lines(&said.out)[0]["warnings"].to_string();
    assert!(warnings.contains("the run waits 1 s at most"), "{warnings}");
    let status = run(place.fleetsweep(&["status", "--json"]));
    assert_eq!(json_lines(&status.out)[0]["open"], 2, "the queue is intact");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_that_is_refused_later_stops_the_campaign_and_leaves_the_queue() {
    // The secret ends in the middle: the token lives 6 s, and from 5 s on no other is given. By
    // then the first one is there, on a busy machine too.
    let emulator = emulate_with(|scenario| {
        scenario.token.lifetime_s = 6.0;
        scenario.token.error = 7_000_222;
        scenario.token.error_from_s = 5.0;
    })
    .await;
    let place = Place::new();
    place.list(300);
    let mut command = towards(&place, &emulator, &["--limit=10/1s", "--campaign=c1"]);
    ids(&mut command).env("AZURE_CLIENT_SECRET", "emulator-secret");
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 7, "{}", said.err);
    assert!(said.err.contains("AADSTS7000222") && said.err.contains("fleetsweep resume c1"));
    let rows = report(&place.path("out.csv"));
    let of = |outcome: &str| rows.iter().filter(|row| row["outcome"] == outcome).count() as u64;
    let accepted = emulator.ledger().accepted;
    println!("{accepted} accepted before the end of the secret");
    assert!(accepted > 0 && accepted < 300);
    assert_eq!((of("accepted"), of("failed"), of("rejected")), (accepted, 0, 0));
    let status = run(place.fleetsweep(&["status", "--json"]));
    assert_eq!(json_lines(&status.out)[0]["open"], 300 - accepted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_is_refused_the_devices_of_other_groups_and_goes_on_with_the_rest() {
    let emulator = emulate_with(|scenario| scenario.devices.forbidden_share = 0.2).await;
    let place = Place::new();
    place.list(60);
    let token = emulator.with_world(|world| world.issue_user_token(now(), TENANT, APPLICATION));
    let mut command = towards(&place, &emulator, &[]);
    azure_cli(&place, &mut command, &token);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 3, "{}", said.err);
    let rows = report(&place.path("out.csv"));
    let (refused, rest): (Vec<_>, Vec<_>) =
        rows.iter().partition(|row| row["outcome"] == "rejected");
    assert!(!refused.is_empty() && rest.iter().all(|row| row["outcome"] == "accepted"));
    for row in refused {
        assert!(row["reason"].contains("device groups"), "{row:?}");
        assert_eq!(row["http_status"], "403");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_without_the_right_stops_after_twenty_answers() {
    let emulator =
        emulate_with(|scenario| scenario.token.scopes = vec!["Machine.Read".into()]).await;
    let place = Place::new();
    place.list(60);
    let token = emulator.with_world(|world| world.issue_user_token(now(), TENANT, APPLICATION));
    let mut command = towards(&place, &emulator, &["--concurrency=1"]);
    azure_cli(&place, &mut command, &token);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 7, "{}", said.err);
    assert!(said.err.contains("Active remediation actions"), "{}", said.err);
    let scans = emulator.ledger().count(emulator::Operation::Scan);
    assert_eq!(scans, 20, "the first 20 answers were all 403");
}

/// Several audiences: the API's own, one of another cloud, and the one of another product, whose
/// tokens carry no rights here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_for_another_audience_meets_403() {
    let emulator = emulate_with(|_| {}).await;
    let ask = |scope: &str| {
        let form = format!(
            "grant_type=client_credentials&client_id=a&client_secret=emulator-secret&scope={scope}"
        );
        let request = emulator::Request::post("/t/oauth2/v2.0/token", form);
        emulator.with_world(|world| world.answer(now(), &request).json())
    };
    let cases = [
        ("https://api.securitycenter.microsoft.com/.default", 201),
        ("https://securitycenter.onmicrosoft.com/windowsatpservice/.default", 201),
        ("https://api-gov.securitycenter.microsoft.us/.default", 201),
        ("https://api.security.microsoft.com/.default", 403),
        ("https://graph.microsoft.com/.default", 403),
    ];
    for (number, (scope, status)) in cases.into_iter().enumerate() {
        let answer = ask(scope);
        let token = answer["access_token"].as_str().unwrap();
        let device = device(number as u64).to_string();
        let order = emulator::Request::scan(&device, "why", "Quick").bearer(token);
        let got = emulator.with_world(|world| world.answer(now(), &order).status);
        assert_eq!(got, status, "{scope}");
    }
    assert_eq!(ask("https://example.com/.default")["error_codes"][0], 500_011);
    let tokens = |entry: &&emulator::Entry| entry.operation == Operation::Token;
    assert_eq!(emulator.ledger().entries.iter().filter(tokens).count(), 6);
}

#[test]
fn two_ways_to_sign_in_and_unusable_files_are_told_by_name() {
    let place = Place::new();
    place.list(1);
    let pem = client_certificate();
    let open = write(&place, "open", "s3cret", 0o644);
    let (certificate, key) = pem.split_at(pem.find("-----BEGIN PRIVATE").unwrap());
    let other = client_certificate();
    let other_key = &other[other.find("-----BEGIN PRIVATE").unwrap()..];
    let half = private(&place, "half.pem", certificate);
    let only_key = private(&place, "key.pem", key);
    let mixed = private(&place, "mixed.pem", &format!("{certificate}{other_key}"));
    let locked = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let locked = private(&place, "locked.pem", &format!("{certificate}{locked}"));
    let claims = azure_core::base64::encode_url_safe(r#"{"tid":"t","appid":"a","exp":1000}"#);
    let ended = private(&place, "ended", &format!("e30.{claims}.c2ln"));
    let opaque = private(&place, "opaque", "no-web-token");
    let cases: [Case<'_>; 15] = [
        (
            "two in the environment",
            &[("AZURE_CLIENT_SECRET", "s"), ("IDENTITY_ENDPOINT", "u")],
            &[],
        ),
        (
            "two others",
            &[("AZURE_CLIENT_CERTIFICATE_PATH", "c"), ("AZURE_FEDERATED_TOKEN_FILE", "f")],
            &[],
        ),
        ("two flags", &[], &["--client-secret-file=a", "--client-certificate=b"]),
        ("a flag of another kind", &[], &["--auth=azure-cli", "--token-file=t"]),
        ("an unknown kind", &[], &["--auth=password"]),
        ("a kind without its file", &[], &["--auth=certificate"]),
        ("a file that others can read", &[], &["--client-secret-file", &open]),
        ("a certificate without its key", &[], &["--client-certificate", &half]),
        ("a key without its certificate", &[], &["--client-certificate", &only_key]),
        ("the key of another certificate", &[], &["--client-certificate", &mixed]),
        ("a key with a password", &[], &["--client-certificate", &locked]),
        ("a token that ended", &[], &["--token-file", &ended]),
        ("a file without a token", &[], &["--token-file", &opaque]),
        ("a secret that Windows keeps", &[], &["--client-secret-credential=fleet"]),
        (
            "two client secrets",
            &[],
            &["--client-secret-credential=fleet", "--client-secret-file=a"],
        ),
    ];
    let mut told = String::new();
    for (name, environment, args) in cases {
        let mut command = place.fleetsweep(&[&SCAN[..], args].concat());
        ids(&mut command).envs(environment.iter().copied());
        let said = run(command);
        let error = said.err.find("error: ").map_or("", |at| &said.err[at..]);
        told += &format!("## {name}: exit {}\n{}\n\n", said.code, error.trim_end());
    }
    let home = place.path("").display().to_string();
    let told = told.replace(home.trim_end_matches('/'), "HOME");
    insta::assert_snapshot!(told);
}

/// The agent's folder is a fixed place of the machine; what is read in it, its unit tests show.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_azure_arc_agent_is_known_by_its_variables_and_opens_no_file_but_its_own() {
    let place = Place::new();
    place.list(2);
    let key = private(&place, "passwords.key", "canary-of-somebody");
    let challenge = format!("WWW-Authenticate: Basic realm={key}\r\n");
    let agent = Canned::always(crate::kit::canned::Act::Close(response(401, &challenge, ""))).await;
    let endpoint = format!("{}/metadata/identity/oauth2/token", agent.origin());
    let mut command = place.fleetsweep(&SCAN);
    command.env("IDENTITY_ENDPOINT", endpoint).env("IMDS_ENDPOINT", agent.origin());
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 7, "{}", said.err);
    assert!(said.err.contains("directly in /var/opt/azcmagent/tokens"), "{}", said.err);
    assert!(!said.err.contains("canary"), "{}", said.err);
    let seen = agent.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(seen[0].starts_with("GET /metadata/identity/oauth2/token?api-version=2021-02-01&"));
}
