//! `init`: a tenant's settings, asked for or typed, written once and checked at once.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::*;
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

#[test]
fn what_cannot_be_right_or_asked_for_is_refused_and_nothing_is_written() {
    let place = Place::new();
    let wrong = run(place.fleetsweep(&["init", "--tenant=not one", "--config=c.toml"]));
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("`not one` cannot be right"), "{}", wrong.err);
    let nobody = run(place.fleetsweep(&["init", "--tenant", TENANT, "--config=c.toml"]));
    assert_eq!(nobody.code, 2);
    for part in ["--client-id is not given", "no terminal to ask on", "add --client-id"] {
        assert!(nobody.err.contains(part), "{part}: {}", nobody.err);
    }
    assert!(!place.path("c.toml").exists());
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
