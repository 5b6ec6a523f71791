//! Sign-in: one kind of credential, asked anew at each fetch, and one rule for what it gives: a
//! token of another tenant or application than the configured one is refused before it is used.
//! Requests go through `sign_in_wire`; what a failure means is in `sign_in_errors`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{AccessToken, Secret, TokenCredential};
use azure_core::error::Error;
use azure_core::http::{ClientOptions, RetryOptions, Transport};
use azure_identity::{
    ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId,
};
use jiff::Timestamp;
use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};

use super::SignInError;
use super::claims;
use super::client::{ClientError, HttpClients};
use super::credential::Credential;
use super::hosts::Origin;
use super::sign_in_certificate::Assertions;
use super::sign_in_errors::{Who, explain};
use super::sign_in_proof::{Assertion, Files, Proof};
use super::sign_in_wire::{To, Wire};
use super::text::excerpt;
use super::token::{Fetch, Token, TokenSource};
use crate::domain::text::is_guid;
use crate::domain::{SignInKind, Timing};

/// What a sign-in needs.
#[derive(Clone)]
pub struct SignInSettings {
    /// Where to sign in, such as `https://login.microsoftonline.com`.
    pub login_origin: Origin,
    /// The tenant's id or domain; empty if the token is to say.
    pub tenant: String,
    /// The application's (client) id; empty if the token is to say.
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

/// A source of tokens.
pub struct SignIn {
    pub(super) settings: SignInSettings,
    pub(super) client: Client,
    /// What asks for this machine's own identity, where that only vouches for an application.
    pub(super) machine: Option<Client>,
    pub(super) files: Files,
    /// The token of a sign-in that a person took part in, until it is fetched.
    pub(super) first: Mutex<Option<Token>>,
}

impl SignIn {
    /// A source; nothing is sent before the first fetch.
    ///
    /// # Errors
    /// `ClientError` if the CA file or the system's certificates cannot be used.
    pub fn new(settings: SignInSettings) -> Result<Self, ClientError> {
        Self::sharing(settings, &HttpClients::default())
    }

    /// A source that shares connections with those that were made from these clients.
    ///
    /// # Errors
    /// As `new`.
    pub fn sharing(settings: SignInSettings, clients: &HttpClients) -> Result<Self, ClientError> {
        let SignInSettings { login_origin, timing, ca_file, .. } = &settings;
        let client = match settings.credential {
            Credential::ManagedIdentity { .. } | Credential::AzureArc { .. } => {
                clients.to_machine(timing)?
            }
            _ => clients.to(login_origin, timing, ca_file.as_deref())?,
        };
        let machine = match settings.credential {
            Credential::FederatedIdentity(_) => Some(clients.to_machine(timing)?),
            _ => None,
        };
        let (files, first) = (Files::default(), Mutex::new(None));
        Ok(Self { settings, client, machine, files, first })
    }

    async fn sign_in(&self) -> Result<Token, SignInError> {
        let token = match &self.settings.credential {
            Credential::AzureCli => self.ask_azure_cli().await,
            Credential::AzureArc { endpoint } => self.ask_arc(endpoint).await,
            Credential::TokenFile(path) => self.read_token(path).await,
            Credential::DeviceCode { refresh_file } => self.renew_user(refresh_file).await,
            Credential::FederatedIdentity(identity) => self.ask_federated(identity).await,
            credential => self.ask_library(credential).await,
        };
        token.and_then(|token| self.accept(token))
    }

    async fn ask_library(&self, credential: &Credential) -> Result<Token, SignInError> {
        let proof = self.files.proof(credential).await?;
        let refused = match self.ask_with(&proof).await {
            Err(SignInError::Refused(why)) => why,
            other => return other,
        };
        match self.files.renewed(credential, &proof) {
            Some(renewed) => self.ask_with(&renewed).await,
            None => Err(SignInError::Refused(refused + proof.hint())),
        }
    }

    pub(super) async fn ask_with(&self, proof: &Proof) -> Result<Token, SignInError> {
        let wire = Arc::new(self.wire());
        // A new credential each time: its cache would give back the token that is to be replaced.
        let fetched = match self.library(proof, &wire) {
            Ok(credential) => credential.get_token(&[&self.settings.audience], None).await,
            Err(error) => Err(error),
        };
        fetched
            .map_err(|error| explain(&self.who(), wire.heard(), &words_of(&error)))
            .and_then(|token| token_of(&token))
    }

    fn library(&self, proof: &Proof, wire: &Arc<Wire>) -> Result<Arc<dyn TokenCredential>, Error> {
        let SignInSettings { tenant, application, .. } = &self.settings;
        let client_options = self.options(wire);
        let options = ClientAssertionCredentialOptions { client_options: client_options.clone() };
        let (tenant, application) = (tenant.clone(), application.clone());
        match proof {
            Proof::Secret(secret) => {
                let secret = Secret::new(secret.expose_secret().to_owned());
                let options = Some(ClientSecretCredentialOptions { client_options });
                Ok(ClientSecretCredential::new(&tenant, application, secret, options)?)
            }
            Proof::Certificate(certificate) => {
                let assertions = Assertions {
                    certificate: certificate.clone(),
                    application: application.clone(),
                    audience: format!("{}/{tenant}/oauth2/v2.0/token", self.settings.login_origin),
                };
                let options = Some(options);
                Ok(ClientAssertionCredential::new(tenant, application, assertions, options)?)
            }
            Proof::Federated(token) => {
                let (assertion, options) = (Assertion(token.clone()), Some(options));
                Ok(ClientAssertionCredential::new(tenant, application, assertion, options)?)
            }
            Proof::Machine => {
                let assigned = Some(application).filter(|id| !id.is_empty());
                let options = ManagedIdentityCredentialOptions {
                    user_assigned_id: assigned.map(UserAssignedId::ClientId),
                    client_options,
                };
                Ok(ManagedIdentityCredential::new(Some(options))?)
            }
        }
    }

    pub(super) fn options(&self, wire: &Arc<Wire>) -> ClientOptions {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host = self.settings.login_origin.as_https();
        ClientOptions {
            retry: RetryOptions::none(),
            transport: Some(Transport::new(wire.clone())),
            cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
            ..ClientOptions::default()
        }
    }

    pub(super) fn wire(&self) -> Wire {
        let to = match &self.settings.credential {
            Credential::ManagedIdentity { metadata } => To::Machine { metadata: metadata.clone() },
            _ => To::Login(self.settings.login_origin.clone()),
        };
        Wire::new(self.client.clone(), to)
    }

    pub(super) fn who(&self) -> Who<'_> {
        let SignInSettings { tenant, application, audience, login_origin, .. } = &self.settings;
        Who { kind: self.settings.credential.kind(), tenant, application, audience, login_origin }
    }

    /// Refuses a token of somebody else: what follows would go to another tenant, or be counted on
    /// another application's limit.
    fn accept(&self, token: Token) -> Result<Token, SignInError> {
        let kind = self.settings.credential.kind();
        let Some(claims) = claims::peek(token.bearer()) else {
            // Tokens are opaque by contract. Where the request named tenant and application, the
            // service answers for them.
            return if kind.is_bound() { Ok(token) } else { Err(opaque(kind)) };
        };
        let SignInSettings { tenant, application, .. } = &self.settings;
        // A domain is no id, but the request named it, and the token can only be its tenant's.
        let by_name = !is_guid(tenant) && (kind.is_bound() || kind == SignInKind::AzureCli);
        if !by_name {
            matches("tenant", "AZURE_TENANT_ID", tenant, claims.tenant.as_deref(), kind)?;
        }
        let theirs = claims.application.as_deref();
        matches("application", "AZURE_CLIENT_ID", application, theirs, kind)?;
        Ok(token)
    }
}

impl TokenSource for SignIn {
    fn fetch(&self) -> Fetch<'_> {
        Box::pin(self.sign_in())
    }
}

/// Whether what is configured is what the token says; what is not configured, the token decides.
fn matches(
    what: &str,
    variable: &str,
    ours: &str,
    theirs: Option<&str>,
    kind: SignInKind,
) -> Result<(), SignInError> {
    let shown = theirs.map(excerpt);
    match theirs {
        Some(theirs) if ours.is_empty() || ours.eq_ignore_ascii_case(theirs) => Ok(()),
        None if kind.is_bound() => Ok(()),
        None => Err(opaque(kind)),
        Some(_) => Err(SignInError::Refused(format!(
            "the token ({kind}) is for {what} {}, and {what} {} is configured; nothing was sent \
             with it. Sign in to the right one, or set {variable} to the one that is meant",
            shown.unwrap_or_default(),
            excerpt(ours),
        ))),
    }
}

fn opaque(kind: SignInKind) -> SignInError {
    SignInError::Refused(format!(
        "the token ({kind}) does not say of which tenant and application it is, so nothing is sent \
         with it; use a token for the Defender for Endpoint API, or another kind of --auth"
    ))
}

pub(super) fn token_of(token: &AccessToken) -> Result<Token, SignInError> {
    let expires = Timestamp::from_nanosecond(token.expires_on.unix_timestamp_nanos());
    let expires = expires.map_err(|error| {
        let why = format!("the sign-in service's answer holds no usable end of the token: {error}");
        SignInError::Unavailable(why)
    })?;
    Ok(Token::new(SecretString::from(token.token.secret().to_owned()), expires))
}

/// The library's own words, for errors that happen before anything is sent.
pub(super) fn words_of(error: &Error) -> String {
    excerpt(&error.to_string())
}
