//! Sign-in through azure_identity, with a transport of our own: one request a fetch, time-outs, a
//! bounded body, plain http towards loopback, and the service's own words kept for
//! `sign_in_errors`.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{AccessToken, Secret, TokenCredential};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::{
    AsyncRawResponse, Body, ClientOptions, HttpClient, Request, RetryOptions, Transport,
};
use azure_identity::{
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use jiff::Timestamp;
use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::form_urlencoded;

use super::SignInError;
use super::client::{ClientError, SMALL_BODY, client, exchange};
use super::hosts::Origin;
use super::sign_in_errors::{Heard, Who, explain};
use super::token::{Fetch, Token, TokenSource};
use super::wire::excerpt;
use crate::domain::{Reply, Timing};

/// The longest life of a token that is believed, in seconds: a year. Real ones last an hour or a
/// day.
const LIFE_MAX: i64 = 366 * 24 * 3600;

/// What proves who we are.
#[derive(Clone)]
pub enum Credential {
    /// A client secret's value.
    ClientSecret(SecretString),
    /// A file with a federated token, such as Kubernetes writes.
    FederatedTokenFile(PathBuf),
}

/// What a sign-in needs.
pub struct SignInSettings {
    /// Where to sign in, such as `https://login.microsoftonline.com`.
    pub login_origin: Origin,
    /// The tenant's id or domain.
    pub tenant: String,
    /// The application's (client) id.
    pub application: String,
    /// The scope to ask for: `Cloud::audience`, or the user's own.
    pub audience: String,
    /// What proves who we are.
    pub credential: Credential,
    /// Time-outs.
    pub timing: Timing,
    /// More certificate authorities than the system's, in PEM form.
    pub ca_file: Option<PathBuf>,
}

/// A source of tokens that signs in as an application.
pub struct SignIn {
    settings: SignInSettings,
    client: Client,
}

impl SignIn {
    /// A source; nothing is sent before the first fetch.
    ///
    /// # Errors
    /// `ClientError` if the CA file or the system's certificates cannot be used.
    pub fn new(settings: SignInSettings) -> Result<Self, ClientError> {
        let client = client(&settings.login_origin, &settings.timing, settings.ca_file.as_deref())?;
        Ok(Self { settings, client })
    }

    async fn sign_in(&self) -> Result<Token, SignInError> {
        let wire = Arc::new(LoginTransport::new(self));
        // A new credential each time: its cache would give back the token that is to be replaced.
        let fetched = match self.credential(&wire) {
            Ok(credential) => credential.get_token(&[&self.settings.audience], None).await,
            Err(error) => Err(error),
        };
        fetched
            .map_err(|error| explain(&self.who(), wire.heard(), &error))
            .and_then(|token| token_of(&token))
    }

    fn credential(&self, wire: &Arc<LoginTransport>) -> Result<Arc<dyn TokenCredential>, Error> {
        let SignInSettings { tenant, application, .. } = &self.settings;
        match &self.settings.credential {
            Credential::ClientSecret(secret) => {
                let secret = Secret::new(secret.expose_secret().to_owned());
                let client_options = self.options(wire);
                let options = Some(ClientSecretCredentialOptions { client_options });
                Ok(ClientSecretCredential::new(tenant, application.clone(), secret, options)?)
            }
            Credential::FederatedTokenFile(path) => {
                let client_options = self.options(wire);
                let options = WorkloadIdentityCredentialOptions {
                    credential_options: ClientAssertionCredentialOptions { client_options },
                    client_id: Some(application.clone()),
                    tenant_id: Some(tenant.clone()),
                    token_file_path: Some(path.clone()),
                };
                Ok(WorkloadIdentityCredential::new(Some(options))?)
            }
        }
    }

    fn options(&self, wire: &Arc<LoginTransport>) -> ClientOptions {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host = self.settings.login_origin.as_https();
        ClientOptions {
            retry: RetryOptions::none(),
            transport: Some(Transport::new(wire.clone())),
            cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
            ..ClientOptions::default()
        }
    }

    fn who(&self) -> Who<'_> {
        let SignInSettings { tenant, application, audience, login_origin, .. } = &self.settings;
        Who { tenant, application, audience, login_origin }
    }
}

impl TokenSource for SignIn {
    fn fetch(&self) -> Fetch<'_> {
        Box::pin(self.sign_in())
    }
}

fn token_of(token: &AccessToken) -> Result<Token, SignInError> {
    let expires = Timestamp::from_nanosecond(token.expires_on.unix_timestamp_nanos());
    let expires = expires.map_err(|error| {
        let why = format!("the sign-in service's answer holds no usable end of the token: {error}");
        SignInError::Unavailable(why)
    })?;
    Ok(Token::new(SecretString::from(token.token.secret().to_owned()), expires))
}

/// Carries the one request of one fetch, and keeps what came back of it.
struct LoginTransport {
    client: Client,
    origin: Origin,
    heard: Mutex<Heard>,
}

impl LoginTransport {
    fn new(sign_in: &SignIn) -> Self {
        let (client, origin) = (sign_in.client.clone(), sign_in.settings.login_origin.clone());
        Self { client, origin, heard: Mutex::new(Heard::Nothing) }
    }

    fn heard(&self) -> Heard {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut heard, Heard::Nothing)
    }

    fn keep(&self, heard: Heard) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = heard;
    }
}

impl fmt::Debug for LoginTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoginTransport({})", self.origin)
    }
}

#[async_trait]
impl HttpClient for LoginTransport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let Body::Bytes(form) = request.body() else {
            return Err(Error::with_message(ErrorKind::Other, "a token request is a form"));
        };
        // Only the path is taken over: wherever the library wants to go, this goes to our origin.
        let mut post = self.client.post(self.origin.at(request.url().path()));
        for (name, value) in request.headers().iter() {
            post = post.header(name.as_str(), value.as_str());
        }
        match exchange(post.body(form.clone()), |_| SMALL_BODY).await {
            Ok(whole) => {
                let body = whole.body.unwrap_or_default();
                let sane = whole.status != 200 || has_sane_life(&body);
                self.keep(Heard::answer(whole.status, &body, |text| scrub(text, form)));
                if !sane {
                    let why = "the answer holds no token with a believable life";
                    return Err(Error::with_message(ErrorKind::DataConversion, why));
                }
                Ok(AsyncRawResponse::from_bytes(whole.status.into(), Headers::new(), body))
            }
            Err(Reply::NeverLeft { why } | Reply::NoAnswer { why }) => {
                self.keep(Heard::Trouble(why));
                Err(Error::with_message(ErrorKind::Io, "no answer from the sign-in service"))
            }
            Err(Reply::Answer(_)) => {
                Err(Error::with_message(ErrorKind::Other, "an answer is never an error here"))
            }
        }
    }
}

/// The text without what proves who we are, should the service or a proxy repeat the form: neither
/// as it is nor as it was sent.
fn scrub(text: &str, form: &[u8]) -> String {
    let mut text = text.to_owned();
    for field in form.split(|byte| *byte == b'&') {
        let Some((name, value)) = form_urlencoded::parse(field).next() else { continue };
        if matches!(&*name, "client_secret" | "client_assertion") && !value.is_empty() {
            let sent = String::from_utf8_lossy(&field[name.len() + 1..]);
            text = text.replace(&*value, "[the secret]").replace(&*sent, "[the secret]");
        }
    }
    text
}

/// Whether `expires_in` lies in a range that the library can add to a time without overflow.
fn has_sane_life(body: &[u8]) -> bool {
    let answer: Option<Value> = serde_json::from_slice(body).ok();
    let life = answer.as_ref().and_then(|answer| answer.get("expires_in")?.as_i64());
    life.is_some_and(|seconds| (1..=LIFE_MAX).contains(&seconds))
}

/// The library's own words, for errors that happen before anything is sent.
pub(super) fn words_of(error: &Error) -> String {
    excerpt(&error.to_string())
}
