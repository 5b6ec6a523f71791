//! The identity of a server that Azure Arc manages ("Authenticate against Azure resources with
//! Azure Arc-enabled servers" page). Its agent answers 401 first and names a file that only the
//! rightful users of the machine can read; what the file holds opens the second request. An agent
//! that is none could name any file, so only those of the agent's own folder are read.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::SignInError;
use super::client::{SMALL_BODY, Whole, exchange};
use super::sign_in::SignIn;
use super::sign_in_errors::{Heard, explain};
use super::sign_in_wire::is_near;
use super::text::excerpt;
use super::token::Token;
use crate::domain::Reply;

/// Where the agent puts its challenges.
const CHALLENGES: &str = "/var/opt/azcmagent/tokens";

/// The longest challenge that is read.
const LONGEST: u64 = 4096;

/// The version of the end point, as Microsoft's own libraries ask for it.
const VERSION: &str = "2021-02-01";

impl SignIn {
    /// A token of the machine's own identity, in two requests.
    pub(super) async fn ask_arc(&self, endpoint: &Url) -> Result<Token, SignInError> {
        self.ask_arc_in(endpoint, Path::new(CHALLENGES)).await
    }

    async fn ask_arc_in(&self, endpoint: &Url, folder: &Path) -> Result<Token, SignInError> {
        if !is_near(endpoint) {
            return Err(SignInError::Refused(
                "IDENTITY_ENDPOINT is no address of this machine, so the Azure Arc agent is not \
                 asked there; check the variable"
                    .to_owned(),
            ));
        }
        let mut url = endpoint.clone();
        let audience = &self.settings.audience;
        let resource = audience.strip_suffix("/.default").unwrap_or(audience);
        url.query_pairs_mut().append_pair("api-version", VERSION).append_pair("resource", resource);
        let first = self.ask_agent(&url, None).await?;
        if first.status != 401 {
            return self.judge(&first, None);
        }
        let named = first.challenge.as_deref().and_then(realm);
        let path = named.ok_or_else(|| {
            let why = "the Azure Arc agent names no challenge file; check that \
                       IDENTITY_ENDPOINT is the agent's (`azcmagent show`)";
            SignInError::Refused(why.to_owned())
        })?;
        let key = challenge(Path::new(path), folder)?;
        let second = self.ask_agent(&url, Some(&key)).await?;
        self.judge(&second, Some(&key))
    }

    async fn ask_agent(&self, url: &Url, key: Option<&SecretString>) -> Result<Whole, SignInError> {
        let mut request = self.client.get(url.clone()).header("Metadata", "true");
        if let Some(key) = key {
            let value = HeaderValue::from_str(&format!("Basic {}", key.expose_secret()));
            let mut value = value.map_err(|_| {
                let why = "the challenge file of the Azure Arc agent holds no header; try again";
                SignInError::Unavailable(why.to_owned())
            })?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        exchange(request, |_| SMALL_BODY).await.map_err(|reply| match reply {
            Reply::NeverLeft { why } | Reply::NoAnswer { why } => {
                SignInError::Unavailable(format!(
                    "cannot reach the Azure Arc agent of this machine: {why}; check that it runs \
                     (`azcmagent show`)"
                ))
            }
            Reply::Answer(_) => explain(&self.who(), Heard::Nothing, "no answer"),
        })
    }

    fn judge(&self, whole: &Whole, key: Option<&SecretString>) -> Result<Token, SignInError> {
        let body = whole.body.as_deref().unwrap_or_default();
        if whole.status == 200
            && let Some(token) = token(body)
        {
            return Ok(token);
        }
        let scrub = |text: &str| match key {
            Some(key) => text.replace(key.expose_secret(), "[the challenge]"),
            None => text.to_owned(),
        };
        match whole.status {
            401 => Err(SignInError::Refused(
                "the Azure Arc agent refuses its own challenge; check that it runs as it should \
                 (`azcmagent check`), then try again"
                    .to_owned(),
            )),
            status => Err(explain(&self.who(), Heard::answer(status, body, scrub), "")),
        }
    }
}

/// The file that a header such as `Basic realm=/var/opt/azcmagent/tokens/x.key` names.
fn realm(header: &str) -> Option<&str> {
    let (scheme, rest) = header.trim().split_once(' ')?;
    let (name, path) = rest.trim().split_once('=')?;
    let fits = scheme.eq_ignore_ascii_case("basic") && name.trim().eq_ignore_ascii_case("realm");
    let path = path.trim().trim_matches('"');
    if fits && !path.is_empty() { Some(path) } else { None }
}

/// What a challenge file holds, if it is one of the agent's.
fn challenge(path: &Path, folder: &Path) -> Result<SecretString, SignInError> {
    let shown = excerpt(&path.display().to_string());
    let refused =
        |why: &str| SignInError::Refused(format!("the challenge file {shown} is not read: {why}"));
    let strange = || {
        refused(&format!(
            "it is no .key file directly in {}, where the Azure Arc agent puts them, so what names \
             it may not be the agent; check IDENTITY_ENDPOINT",
            folder.display()
        ))
    };
    let unread = |error: std::io::Error| {
        refused(&format!(
            "{error}; the agent's challenges can be read by the group himds alone, so add the user \
             who runs this to it (`usermod -aG himds USER`) and start a new session"
        ))
    };
    if !is_key_in(path, folder) {
        return Err(strange());
    }
    // Neither the name nor a link in its place leads out of the folder.
    let real: PathBuf = fs::canonicalize(path).map_err(unread)?;
    let inside = fs::canonicalize(folder).map_err(unread)?;
    if !is_key_in(&real, &inside) {
        return Err(strange());
    }
    let file = File::open(&real).map_err(unread)?;
    let about = file.metadata().map_err(unread)?;
    if !about.is_file() || about.len() > LONGEST {
        return Err(refused("it is no file of at most 4,096 bytes, as the agent's are"));
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).map_err(unread)?;
    match text.trim() {
        "" => Err(refused("it is empty; try again")),
        key => Ok(SecretString::from(key)),
    }
}

fn is_key_in(path: &Path, folder: &Path) -> bool {
    path.parent() == Some(folder) && path.extension().is_some_and(|end| end == "key")
}

/// The token of an answer; its end stands there as text or as a number.
fn token(body: &[u8]) -> Option<Token> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let bearer = json.get("access_token")?.as_str()?;
    let number = |name: &str| {
        let value = json.get(name)?;
        value.as_i64().or_else(|| value.as_str()?.parse().ok())
    };
    let expires = Timestamp::from_second(number("expires_on")?).ok()?;
    Some(Token::new(SecretString::from(bearer), expires))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::defender::{Credential, Origin, SignInSettings, TokenSource};
    use crate::domain::Timing;

    /// An agent that names this file, and answers 200 to whoever knows what it holds.
    async fn agent(names: PathBuf, key: &'static str) -> (Url, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url =
            format!("http://{}/metadata/identity/oauth2/token", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = seen.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = String::new();
                while !request.ends_with("\r\n\r\n") {
                    request.push(char::from(stream.read_u8().await.unwrap()));
                }
                let names = names.display();
                let (status, header, body) = if request.contains(&format!("Basic {key}\r\n")) {
                    (
                        "200 OK",
                        String::new(),
                        r#"{"access_token":"opaque","expires_on":"4000000000"}"#,
                    )
                } else {
                    ("401 No", format!("WWW-Authenticate: Basic realm={names}\r\n"), "{}")
                };
                kept.lock().unwrap().push(request);
                let length = body.len();
                let head = format!("HTTP/1.1 {status}\r\n{header}Connection: close\r\n");
                let answer = format!("{head}Content-Length: {length}\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (Url::parse(&url).unwrap(), seen)
    }

    fn sign_in(endpoint: &Url) -> SignIn {
        SignIn::new(SignInSettings {
            login_origin: Origin::parse("http://127.0.0.1:9").unwrap(),
            tenant: String::new(),
            application: String::new(),
            audience: "https://api.example/.default".to_owned(),
            credential: Credential::AzureArc { endpoint: endpoint.clone() },
            timing: Timing::default(),
            ca_file: None,
        })
        .unwrap()
    }

    #[tokio::test]
    async fn the_challenge_of_an_arc_agent_is_answered_with_what_its_file_holds() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("one.key");
        fs::write(&file, "canary-key").unwrap();
        let (endpoint, seen) = agent(file, "canary-key").await;
        let token = sign_in(&endpoint).ask_arc_in(&endpoint, folder.path()).await.unwrap();
        assert_eq!(token.bearer(), "opaque");
        let seen = seen.lock().unwrap().clone();
        assert_eq!(seen.len(), 2);
        let query = "api-version=2021-02-01&resource=https%3A%2F%2Fapi.example";
        let asked = format!("/metadata/identity/oauth2/token?{query}");
        for request in &seen {
            assert!(request.starts_with(&format!("GET {asked} HTTP/1.1\r\n")), "{request}");
            assert!(request.to_ascii_lowercase().contains("\r\nmetadata: true\r\n"), "{request}");
        }
        assert!(!seen[0].to_ascii_lowercase().contains("authorization"), "{}", seen[0]);
        // A key that has changed since is refused, and not shown.
        let old = folder.path().join("old.key");
        fs::write(&old, "canary-old").unwrap();
        let (endpoint, _) = agent(old, "canary-key").await;
        let refused = sign_in(&endpoint).ask_arc_in(&endpoint, folder.path()).await.err().unwrap();
        assert!(
            matches!(&refused, SignInError::Refused(why) if !why.contains("canary")),
            "{refused}"
        );
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn no_file_outside_of_the_agents_folder_is_read_whoever_names_it() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let inside = |name: &str| folder.path().join(name);
        fs::write(other.path().join("a.key"), "canary-key").unwrap();
        fs::write(inside("a.txt"), "canary-key").unwrap();
        fs::write(inside("long.key"), "x".repeat(5000)).unwrap();
        fs::create_dir(inside("folder.key")).unwrap();
        fs::create_dir(inside("deep")).unwrap();
        fs::write(inside("deep/a.key"), "canary-key").unwrap();
        std::os::unix::fs::symlink(other.path().join("a.key"), inside("link.key")).unwrap();
        let relative = PathBuf::from("a.key");
        for (path, word) in [
            (other.path().join("a.key"), "no .key file directly in"),
            (inside("a.txt"), "no .key file directly in"),
            (inside("deep/a.key"), "no .key file directly in"),
            (folder.path().join("deep/../../").join("a.key"), "no .key file directly in"),
            (inside("link.key"), "no .key file directly in"),
            (relative, "no .key file directly in"),
            (inside("long.key"), "at most 4,096 bytes"),
            (inside("folder.key"), "at most 4,096 bytes"),
            (inside("missing.key"), "usermod -aG himds"),
        ] {
            let (endpoint, seen) = agent(path.clone(), "canary-key").await;
            let refused =
                sign_in(&endpoint).ask_arc_in(&endpoint, folder.path()).await.err().unwrap();
            let SignInError::Refused(why) = &refused else { panic!("{path:?}: {refused}") };
            assert!(why.contains(word), "{path:?}: {why}");
            assert_eq!(seen.lock().unwrap().len(), 1, "nothing of the file was sent: {path:?}");
        }
    }

    #[tokio::test]
    async fn only_this_machine_is_asked_for_its_own_identity() {
        let far = Url::parse("http://identity.example/token").unwrap();
        let refused = sign_in(&far).fetch().await.err().unwrap();
        assert!(matches!(&refused, SignInError::Refused(why) if why.contains("IDENTITY_ENDPOINT")));
        let near = Url::parse("http://127.0.0.1:9/token").unwrap();
        let nobody = sign_in(&near).fetch().await.err().unwrap();
        assert!(matches!(&nobody, SignInError::Unavailable(why) if why.contains("azcmagent show")));
    }

    #[test]
    fn the_file_of_a_challenge_is_found_in_its_header() {
        for (header, path) in [
            ("Basic realm=/a/b.key", Some("/a/b.key")),
            ("basic Realm=\"/a/b.key\"", Some("/a/b.key")),
            ("Basic realm=", None),
            ("Bearer realm=/a/b.key", None),
            ("Basic", None),
        ] {
            assert_eq!(realm(header), path, "{header}");
        }
    }
}
