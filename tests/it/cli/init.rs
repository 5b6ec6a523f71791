//! `init`: a tenant's settings, asked for or typed, written once and checked at once.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::kit::certificates::client_certificate;
use fleetsweep::emulator;

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const APPLICATION: &str = "66666666-7777-8888-9999-000000000000";

fn typed<'a>(profile: &'a str, secret: &'a str) -> Vec<&'a str> {
    let ids = ["--tenant", TENANT, "--client-id", APPLICATION];
    [
        &["init", "--config=c.toml", "--profile", profile][..],
        &ids,
        &["--client-secret-file", secret],
    ]
    .concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_is_written_and_checked_and_others_stay() {
    let emulator = emulate("calm", &[(100, 60.0), (1_500, 3_600.0)], 1.0).await;
    let place = Place::new();
    let secret = place.path("secret");
    fs::write(&secret, emulator::DEFAULT_SECRET).unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    // What all profiles share stands there already.
    let url = emulator.base_url();
    let shared = format!("[shared]\napi-url = \"{url}\"\nlogin-url = \"{url}\"\n");
    fs::write(place.path("c.toml"), &shared).unwrap();
    for profile in ["prod", "second"] {
        let command = place.fleetsweep(&typed(profile, secret.to_str().unwrap()));
        let said = beside(move || run(command)).await;
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        assert!(said.out.contains("All is well: a campaign can start."), "{}", said.out);
        assert!(said.err.contains(&format!("doctor --profile {profile}")), "{}", said.err);
    }
    let written = fs::read_to_string(place.path("c.toml")).unwrap();
    assert!(
        written.starts_with(&shared)
            && written.contains("[profiles.\"prod\"]")
            && written.contains("[profiles.\"second\"]")
    );
    assert!(!written.contains(emulator::DEFAULT_SECRET), "{written}");
    // Nothing is overwritten.
    let again = run(place.fleetsweep(&typed("prod", "elsewhere")));
    assert_eq!(again.code, 2, "{}", again.err);
    assert!(again.err.contains("has a profile `prod` already"), "{}", again.err);
    assert_eq!(fs::read_to_string(place.path("c.toml")).unwrap(), written);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_typed_is_written_and_used_and_one_that_cannot_be_is_not() {
    let emulator = emulate("calm", &[(100, 60.0), (1_500, 3_600.0)], 1.0).await;
    let place = Place::new();
    let secret = place.path("secret");
    fs::write(&secret, emulator::DEFAULT_SECRET).unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    let init = |api: &str| {
        let urls = [format!("--api-url={api}"), format!("--login-url={}", emulator.base_url())];
        let words = typed("prod", secret.to_str().unwrap());
        place.fleetsweep(&[&words[..], &[&urls[0], &urls[1]]].concat())
    };
    let wrong = run(init("http://api.example"));
    assert_eq!(wrong.code, 2, "{}", wrong.err);
    assert!(wrong.err.contains("--api-url") && !place.path("c.toml").exists(), "{}", wrong.err);
    let command = init(&emulator.base_url());
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let written = fs::read_to_string(place.path("c.toml")).unwrap();
    assert!(written.contains(&format!("api-url = \"{}\"", emulator.base_url())), "{written}");
}

#[test]
fn what_cannot_be_right_or_asked_for_is_refused_and_nothing_is_written() {
    let place = Place::new();
    let wrong = run(place.fleetsweep(&["init", "--tenant=not one", "--config=c.toml"]));
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("`not one` cannot be right"), "{}", wrong.err);
    let nobody = ["init", "--tenant", TENANT, "--auth=secret", "--config=c.toml"];
    let nobody = run(place.fleetsweep(&nobody));
    assert_eq!(nobody.code, 2);
    for part in ["--client-id is not given", "no terminal to ask on", "add --client-id"] {
        assert!(nobody.err.contains(part), "{part}: {}", nobody.err);
    }
    assert!(!place.path("c.toml").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_to_sign_in_can_be_written_and_only_what_it_needs_is_asked_for() {
    let place = Place::new();
    let init = |name: &str, more: &[&str]| {
        let first = ["init", "--config=c.toml", "--profile", name, "--tenant", TENANT];
        run(place.fleetsweep(&[&first[..], more].concat()))
    };
    // Whether they can sign in is doctor's to say; here nobody listens.
    let nobody = "[shared]\napi-url = \"http://127.0.0.1:9\"\nlogin-url = \"http://127.0.0.1:9\"\n";
    fs::write(place.path("c.toml"), nobody).unwrap();
    let application = ["--client-id", APPLICATION];
    let there = ["cert.pem", "token"].map(|name| place.path(name).to_str().unwrap().to_owned());
    let [certificate, token] = &there;
    fs::write(token, "x").unwrap();
    fs::write(certificate, "x").unwrap();
    // What cannot sign in is told before it stands in the settings.
    let pem = || {
        init("cert", &[&["--auth=certificate", "--file", certificate][..], &application].concat())
    };
    assert!(pem().err.contains("others on this machine can read"), "{}", pem().err);
    fs::set_permissions(certificate, Permissions::from_mode(0o600)).unwrap();
    assert!(pem().err.contains("cannot be right"), "{}", pem().err);
    fs::write(certificate, "").unwrap();
    assert!(pem().err.contains("write the certificate into it"), "{}", pem().err);
    assert!(!fs::read_to_string(place.path("c.toml")).unwrap().contains("profiles.cert"));
    fs::write(certificate, client_certificate()).unwrap();
    pem();
    init("device", &[&["--auth=device-code"][..], &application].concat());
    // As it is typed; no shell has seen it.
    init("token", &["--auth=token-file", "--file=~/token"]);
    let missing = init("none", &["--auth=token-file", "--file=~/gone"]);
    assert!(missing.err.contains("there is no such file"), "{}", missing.err);
    let written = fs::read_to_string(place.path("c.toml")).unwrap();
    for line in [
        format!("auth = \"certificate\"\nclient-certificate = \"{certificate}\""),
        "auth = \"device-code\"".to_owned(),
        format!("auth = \"token-file\"\ntoken-file = \"{token}\""),
    ] {
        assert!(written.contains(&line), "{line}: {written}");
    }
    let nobody = init("more", &["--auth=certificate", "--client-id", APPLICATION]);
    assert!(nobody.err.contains("--file is not given"), "{}", nobody.err);
    let nobody = init("more", &["--client-id", APPLICATION]);
    assert!(nobody.err.contains("--auth is not given"), "{}", nobody.err);
}

/// A settings file with a profile whose application is wrong, beside another one.
fn with_a_mistake(place: &Place) -> String {
    let secret = place.path("secret");
    fs::write(&secret, "s").unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    let text = format!(
        "# ours\nprofile = \"prod\"\n\n[shared]\napi-url = \"http://127.0.0.1:9\"\n\
         login-url = \"http://127.0.0.1:9\"\n\n[profiles.prod] # the first\n\
         tenant = \"{TENANT}\"\nclient-id = \"{TENANT}\" # a slip\n\
         client-secret-file = {secret:?}\n\n\
         # the second\n[profiles.b]\ntenant = \"b.example\"\nclient-id = \"{TENANT}\"\n"
    );
    fs::write(place.path("c.toml"), &text).unwrap();
    text
}

#[test]
fn a_profile_is_put_right_after_a_question_and_the_rest_of_the_file_stays() {
    let place = Place::new();
    let before = with_a_mistake(&place);
    let init = place.fleetsweep(&["init", "--config=c.toml"]);
    let kept = at_terminal(&init, &["yes"]);
    assert_eq!(kept.code, 2, "{}", kept.out);
    assert!(flat(&kept.out).contains("has a profile `prod` already"), "{}", kept.out);
    assert_eq!(fs::read_to_string(place.path("c.toml")).unwrap(), before);
    // Enter alone takes what is there.
    let said = at_terminal(&init, &["change", "", "", APPLICATION, ""]);
    assert!(said.out.contains("Checking"), "{}", said.out);
    let slip = format!("client-id = \"{TENANT}\" # a slip");
    let expected = before.replace(&slip, &format!("client-id = \"{APPLICATION}\" # a slip"));
    assert_eq!(fs::read_to_string(place.path("c.toml")).unwrap(), expected);
}

#[test]
fn the_file_of_a_secret_is_written_so_that_the_program_finds_it_from_any_folder() {
    let place = Place::new();
    with_a_mistake(&place);
    run(place.fleetsweep(&typed("third", "./secret")));
    let written = fs::read_to_string(place.path("c.toml")).unwrap();
    let path = fs::canonicalize(place.path("secret")).unwrap();
    let line = "[profiles.\"third\"]\n# Directory (tenant) ID";
    assert!(written.contains(line), "{written}");
    let third = written.split_once(line).unwrap().1;
    assert!(third.contains(&format!("client-secret-file = {path:?}\n")), "{third}");
}

#[test]
fn what_cannot_be_a_tenant_is_asked_for_again_and_no_question_is_wider_than_the_screen() {
    let place = Place::new();
    let init = place.fleetsweep(&["init", "--config=c.toml"]);
    let said = at_terminal(&init, &["", "./sec", "contoso.com", "sercet", "", "x"]);
    assert_eq!(said.code, 2, "{}", said.out);
    for part in [
        "Nothing was typed: a GUID or the name of a domain is needed.",
        "`./sec` cannot be right: it is no GUID and no name of a domain.",
        "`sercet` cannot be right: there is no such way to sign in.",
        "`x` cannot be right: it is no GUID.",
        "--client-id is not given",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    let widest = said.out.lines().map(|line| line.trim_end().chars().count()).max();
    assert!(widest.unwrap() <= 79, "{}", said.out);
    assert!(!place.path("c.toml").exists());
}

#[test]
fn what_the_emulator_says_to_use_is_taken_by_init() {
    let place = Place::new();
    let mut emulator = start(place.fleetsweep(&["emulate", "--listen=127.0.0.1:0"]));
    let mut lines = BufReader::new(emulator.stderr.take().unwrap()).lines().map(Result::unwrap);
    let told: Vec<String> = lines.by_ref().take_while(|line| !line.contains("Ctrl-C")).collect();
    let words: Vec<&str> = told.iter().flat_map(|line| line.split_whitespace()).collect();
    let of = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)).unwrap();
    let url = words.iter().position(|word| *word == "--api-url").map(|at| words[at + 1]).unwrap();
    fs::write(place.path("secret"), of("AZURE_CLIENT_SECRET=")).unwrap();
    fs::set_permissions(place.path("secret"), Permissions::from_mode(0o600)).unwrap();
    let ids = ["--tenant", of("AZURE_TENANT_ID="), "--client-id", of("AZURE_CLIENT_ID=")];
    let init = ["init", "--file=secret", "--api-url", url, "--login-url", url];
    let said = run(place.fleetsweep(&[&init[..], &ids].concat()));
    emulator.kill().unwrap();
    emulator.wait().unwrap();
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("All is well: a campaign can start."), "{}", said.out);
}

#[test]
fn the_schema_takes_what_the_program_takes_and_refuses_a_wrong_key() {
    let place = Place::new();
    let printed = run(place.fleetsweep(&["init", "--schema"]));
    assert_eq!(printed.code, 0, "{}", printed.err);
    let schema = serde_json::from_str(&printed.out).unwrap();
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("settings.json", schema).unwrap();
    let index = compiler.compile("settings.json", &mut schemas).unwrap();
    let is_taken = |text: &str| {
        let settings: serde_json::Value = toml::from_str(text).unwrap();
        schemas.validate(&settings, index).is_ok()
    };
    let topic = run(place.fleetsweep(&["help", "settings"])).out;
    let sample = topic.lines().skip_while(|line| !line.contains("leave ="));
    let sample = sample.take_while(|line| !line.contains("fleetsweep scan"));
    let sample = sample.map(str::trim).collect::<Vec<_>>().join("\n");
    assert!(sample.contains("[profiles.prod]") && is_taken(&sample), "{sample}");
    let good = "limit = [\"50/1m\", \"700/1h\"]\nconcurrency = 8\nprofile = \"a\"\n\
                [shared]\nclient-id = \"c\"\n[profiles.a]\ntenant = \"t\"\ncloud = \"gcc-high\"\n";
    assert!(is_taken(good));
    for wrong in [
        "limits = \"50/1m\"",
        "tenant = \"t\"",
        "[shared]\ntenant = \"t\"",
        "[profiles.a]\ntennant = \"t\"",
        "[profiles.a]\nstore = \"sqlite:x\"",
        "[profiles.a]\ncloud = \"moon\"",
        "pace = true",
    ] {
        assert!(!is_taken(wrong), "{wrong}");
    }
}

#[test]
fn a_first_user_is_told_all_that_is_missing_at_once() {
    let place = Place::new();
    place.list(3);
    let scan = ["scan", "list.txt", "--type=quick", "--comment=x", "--approve-max=3"];
    let told = run(place.fleetsweep(&scan));
    assert_eq!(told.code, 2);
    for part in ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "fleetsweep init"] {
        assert!(told.err.contains(part), "{part}: {}", told.err);
    }
}
