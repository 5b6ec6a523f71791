//! Files that hold what proves who we are: every form in which they are written signs in, and what
//! is renewed in them is used from the next sign-in on.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use url::form_urlencoded;

use super::*;

/// Writes a file that only its owner can read.
fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::write(path, bytes).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// A field of the form that a request carries.
fn field(request: &str, name: &str) -> String {
    let form = request.split_once("\r\n\r\n").unwrap().1;
    let mut fields = form_urlencoded::parse(form.as_bytes());
    fields.find(|(field, _)| field == name).unwrap().1.into_owned()
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

/// The forms in which Windows, PowerShell and editors write one line.
fn forms(text: &str) -> Vec<Vec<u8>> {
    vec![
        format!("{text}\n").into_bytes(),
        format!("{text}\r\n").into_bytes(),
        format!("\u{feff}{text}\n").into_bytes(),
        utf16(&format!("\u{feff}{text}\r\n"), u16::to_le_bytes),
        utf16(&format!("\u{feff}{text}\r\n"), u16::to_be_bytes),
        utf16(&format!("{text}\r\n"), u16::to_le_bytes),
    ]
}

#[tokio::test]
async fn a_secret_or_token_is_the_same_in_whatever_form_its_file_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    for name in ["client_secret", "client_assertion"] {
        for form in forms(SECRET) {
            write(&file, &form);
            let login = Canned::always(token(1, 3599)).await;
            let credential = match name {
                "client_secret" => Credential::ClientSecretFile(file.clone()),
                _ => Credential::FederatedTokenFile(file.clone()),
            };
            let sign_in = sign_in(&login.origin(), TENANT, credential, Timing::default());
            sign_in.fetch().await.map(drop).unwrap_or_else(|error| panic!("{form:?}: {error}"));
            assert_eq!(field(&login.seen()[0], name), SECRET, "{form:?}");
        }
    }
    let ends = fleetsweep::clock::wall_clock().as_second() + 3600;
    let claims = format!(r#"{{"tid":"{TENANT}","appid":"{APPLICATION}","exp":{ends}}}"#);
    let bearer = format!("e30.{}.c2ln", azure_core::base64::encode_url_safe(claims));
    for form in forms(&bearer) {
        write(&file, &form);
        let credential = Credential::TokenFile(file.clone());
        let sign_in = sign_in(NOWHERE, TENANT, credential, Timing::default());
        sign_in.fetch().await.map(drop).unwrap_or_else(|error| panic!("{form:?}: {error}"));
    }
}

#[tokio::test]
async fn a_certificate_signs_in_in_whatever_form_its_file_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cert.pem");
    let login = Canned::always(token(1, 3599)).await;
    let pem = client_certificate().replace('\n', "\r\n");
    for form in forms(&pem) {
        write(&file, &form);
        let credential = Credential::CertificateFile(file.clone());
        let sign_in = sign_in(&login.origin(), TENANT, credential, Timing::default());
        sign_in.fetch().await.map(drop).unwrap_or_else(|error| panic!("{error}"));
    }
    assert_eq!(login.seen().len(), 6);
}

#[tokio::test]
async fn what_is_renewed_in_its_file_is_sent_from_the_next_sign_in_on() {
    let folder = tempfile::tempdir().unwrap();
    let (file, pem) = (folder.path().join("now"), folder.path().join("cert.pem"));
    let login = Canned::serve(|number, _| token(number, 3599)).await;
    let timing = Timing::default();
    let sent = async |credential: Credential, renew: &dyn Fn(&str), name: &str| {
        renew("one");
        let sign_in = sign_in(&login.origin(), TENANT, credential, timing);
        sign_in.fetch().await.map(drop).unwrap();
        renew("two");
        sign_in.fetch().await.map(drop).unwrap();
        let seen = login.seen();
        [2, 1].map(|back| field(&seen[seen.len() - back], name))
    };
    let secret = Credential::ClientSecretFile(file.clone());
    let written = |text: &str| write(&file, text);
    assert_eq!(sent(secret.clone(), &written, "client_secret").await, ["one", "two"]);
    // As Kubernetes does: the name leads to a folder of the moment, and is moved as a whole.
    let moved = |text: &str| {
        write(&folder.path().join(text), text);
        symlink(text, folder.path().join("next")).unwrap();
        std::fs::rename(folder.path().join("next"), &file).unwrap();
    };
    assert_eq!(sent(secret, &moved, "client_secret").await, ["one", "two"]);
    let federated = Credential::FederatedTokenFile(file.clone());
    assert_eq!(sent(federated, &written, "client_assertion").await, ["one", "two"]);
    let pems = [client_certificate(), client_certificate()];
    let certified = |text: &str| write(&pem, &pems[usize::from(text == "two")]);
    let certificate = Credential::CertificateFile(pem.clone());
    let headers = sent(certificate, &certified, "client_assertion")
        .await
        .map(|assertion| assertion.split_once('.').unwrap().0.to_owned());
    assert_ne!(headers[0], headers[1], "the second assertion names the new certificate");
}

#[tokio::test]
async fn a_secret_that_was_renewed_while_the_old_one_was_refused_is_sent_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    write(&file, "old");
    let renewed = file.clone();
    let login = Canned::serve(move |number, request| {
        if field(request, "client_secret") == "new" {
            return token(number, 3599);
        }
        write(&renewed, "new");
        close(401, refusal(7_000_215))
    })
    .await;
    let credential = Credential::ClientSecretFile(file.clone());
    let sign_in = sign_in(&login.origin(), TENANT, credential, Timing::default());
    sign_in.fetch().await.map(drop).unwrap();
    assert_eq!(login.seen().len(), 2);
    // Negative control: one that stays as it was is refused after one request.
    write(&file, "old");
    let login = Canned::always(close(401, refusal(7_000_215))).await;
    let credential = Credential::ClientSecretFile(file);
    let sign_in = super::sign_in(&login.origin(), TENANT, credential, Timing::default());
    assert!(matches!(sign_in.fetch().await.err(), Some(SignInError::Refused(_))));
    assert_eq!(login.seen().len(), 1);
}

#[tokio::test]
async fn a_file_that_is_gone_while_another_takes_its_place_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let login = Canned::serve(|number, _| token(number, 3599)).await;
    let credential = Credential::ClientSecretFile(file.clone());
    let sign_in = sign_in(&login.origin(), TENANT, credential, Timing::default());
    // One that never was there is told at once.
    assert!(matches!(sign_in.fetch().await.err(), Some(SignInError::Refused(_))));
    write(&file, "one");
    sign_in.fetch().await.map(drop).unwrap();
    for gap in [None, Some("")] {
        std::fs::remove_file(&file).unwrap();
        gap.inspect(|text| write(&file, text));
        let (late, put) = (file.clone(), Arc::new(AtomicUsize::new(0)));
        let counted = put.clone();
        tokio::spawn(async move {
            tokio::time::sleep(std::time::Duration::from_millis(400)).await;
            write(&late, "two");
            counted.fetch_add(1, Ordering::SeqCst);
        });
        sign_in.fetch().await.map(drop).unwrap();
        assert_eq!(put.load(Ordering::SeqCst), 1);
        assert_eq!(field(login.seen().last().unwrap(), "client_secret"), "two");
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_stays_away_is_worth_another_try_later() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let ends = fleetsweep::clock::wall_clock().as_second() + 3600;
    let claims = format!(r#"{{"tid":"{TENANT}","appid":"{APPLICATION}","exp":{ends}}}"#);
    write(&file, format!("e30.{}.c2ln", azure_core::base64::encode_url_safe(claims)));
    let credential = Credential::TokenFile(file.clone());
    let sign_in = sign_in(NOWHERE, TENANT, credential, Timing::default());
    sign_in.fetch().await.map(drop).unwrap();
    std::fs::remove_file(&file).unwrap();
    let error = sign_in.fetch().await.err();
    assert!(
        matches!(&error, Some(SignInError::Unavailable(why)) if why.contains("cannot be read"))
    );
    // What is there and wrong is a refusal.
    write(&file, "Bearer a.b.c");
    let error = sign_in.fetch().await.err();
    assert!(matches!(&error, Some(SignInError::Refused(why)) if why.contains("`Bearer`")));
}

#[tokio::test]
async fn the_id_of_a_secret_in_its_place_is_named() {
    let login = Canned::always(close(401, refusal(7_000_215))).await;
    let text = async |secret: &str| {
        let credential = Credential::ClientSecret(secret.into());
        let sign_in = sign_in(&login.origin(), TENANT, credential, Timing::default());
        sign_in.fetch().await.err().unwrap().to_string()
    };
    let told = text(APPLICATION).await;
    assert!(
        told.ends_with("what was sent is a GUID, as the id of a secret is and its value never")
    );
    assert!(!told.contains(SECRET) && !text(SECRET).await.contains("GUID"));
}
