//! Sign-in within this process, with every log line of every library kept: for the assertion, which
//! the command line cannot give yet, and for the libraries that log only while they sign in.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use fleetsweep::defender::{Credential, Origin, SignIn, SignInSettings, TokenSource};
use fleetsweep::domain::Timing;
use tracing::Dispatch;
use tracing_subscriber::fmt::MakeWriter;

use super::disguise::{ASSERTION, Canary, SECRET, SIGNATURE};
use crate::kit::canned::{Act, Canned, close};

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Log;

    fn make_writer(&self) -> Log {
        self.clone()
    }
}

/// Two subscribers that stay and are no thread's own. `tracing` remembers of each place in the code
/// whether anybody listens, and where it knows of one subscriber at most it asks the thread alone
/// that comes there first: a test beside this one, which listens to nothing, would silence it.
static LISTENERS: LazyLock<[Dispatch; 2]> = LazyLock::new(|| {
    let all = || tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
    [Dispatch::new(all().finish()), Dispatch::new(all().finish())]
});

/// Everything that is logged and told when this credential meets this answer.
async fn told(credential: Credential, act: Act) -> Vec<u8> {
    LazyLock::force(&LISTENERS);
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let server = Canned::always(act).await;
    let sign_in = SignIn::new(SignInSettings {
        login_origin: Origin::parse(&server.origin()).unwrap(),
        tenant: "11111111-2222-3333-4444-555555555555".into(),
        application: "66666666-7777-8888-9999-000000000000".into(),
        audience: "https://api.securitycenter.microsoft.com/.default".into(),
        credential,
        timing: Timing::default(),
        ca_file: None,
    })
    .unwrap();
    let token = sign_in.fetch().await;
    // As a careless line of code would log them.
    tracing::warn!(result = ?token.as_ref().map(|_| "a token"), "signed in");
    if let Err(error) = &token {
        tracing::warn!(%error, ?error, "not signed in");
    }
    let sent = server.seen().remove(0);
    assert!(sent.contains("client_secret=") || sent.contains("client_assertion="));
    let log = log.0.lock().unwrap().clone();
    assert!(log.len() > 500, "little was logged: {}", String::from_utf8_lossy(&log));
    log
}

fn assert_clean(log: &[u8]) {
    for text in [SECRET, ASSERTION, SIGNATURE] {
        let found = Canary::new(text).found_in(log);
        assert!(found.is_empty(), "{text} as {found:?} in {}", String::from_utf8_lossy(log));
    }
}

/// Answers of a service that repeats this proof of who we are, as it is and as it was sent.
fn answers(proof: &str) -> [Act; 4] {
    let sent: String = url::form_urlencoded::byte_serialize(proof.as_bytes()).collect();
    // Without a number of its own, so that its words are shown.
    let said = format!("{sent} or {} does not match", proof.replace('"', "\\\""));
    let token = format!(r#"{{"expires_in":3599,"access_token":"e30.e30.{SIGNATURE}"}}"#);
    let broken = format!(r#"{{"expires_in":-1,"access_token":"e30.e30.{SIGNATURE}"}}"#);
    [
        close(200, token),
        close(200, broken),
        close(401, format!(r#"{{"error":"invalid_client","error_description":"{said}"}}"#)),
        close(503, format!("<html>your form: {sent}, {proof}</html>")),
    ]
}

#[tokio::test]
async fn no_library_logs_the_assertion_the_secret_or_the_token_at_any_level() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("e30.e30.{ASSERTION}")).unwrap();
    for act in answers(&format!("e30.e30.{ASSERTION}")) {
        let federated = Credential::FederatedTokenFile(file.path().to_owned());
        assert_clean(&told(federated, act).await);
    }
    for act in answers(SECRET) {
        assert_clean(&told(Credential::ClientSecret(SECRET.into()), act).await);
    }
}

#[tokio::test]
async fn the_same_search_finds_an_answer_that_is_logged_as_it_came() {
    // The control: what a log at trace level would hold if a library wrote the body.
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let assertion = answers(&format!("e30.e30.{ASSERTION}"));
    for act in answers(SECRET).into_iter().chain(assertion) {
        let Act::Close(bytes) = act else { panic!("every answer here closes") };
        tracing::info!(body = %String::from_utf8_lossy(&bytes), "answered");
    }
    let log = log.0.lock().unwrap().clone();
    assert!(Canary::new(SIGNATURE).found_in(&log).contains("plain"));
    assert!(Canary::new(ASSERTION).found_in(&log).contains("plain"));
    assert!(Canary::new(SECRET).found_in(&log).contains("form"));
}
