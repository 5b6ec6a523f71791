//! Signing in as a user by device code ("OAuth 2.0 device authorization grant" page): a person
//! types a code on any device, and a refresh token, kept in a file of its owner alone, renews the
//! sign-in from then on. The application is the user's own public client.

use std::io::Write;
use std::path::Path;
use std::sync::PoisonError;
use std::time::Duration;

use jiff::SignedDuration;
use oauth2::basic::{BasicClient, BasicTokenResponse};
use oauth2::{
    AuthType, ClientId, DeviceAuthorizationUrl, DeviceCodeErrorResponseType, EndpointNotSet,
    EndpointSet, RefreshToken, RequestTokenError, Scope, StandardDeviceAuthorizationResponse,
    TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};

use super::SignInError;
use super::credential::Credential;
use super::secret_file::read_secret;
use super::sign_in::SignIn;
use super::sign_in_errors::explain;
use super::text::excerpt;
use super::token::Token;
use crate::clock::wall_clock;

/// The longest that a person is waited for; the service's own codes end after 15 minutes.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// The scope that asks for a refresh token.
const OFFLINE: &str = "offline_access";

/// The longest life of a token that is believed.
const LIFE_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

type Client = BasicClient<EndpointNotSet, EndpointSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

impl SignIn {
    /// Has a person sign in where the kind needs one, unless an earlier sign-in still holds. `show`
    /// is given the sentence that the person must read.
    ///
    /// # Errors
    /// `SignInError` if the person does not sign in, or the service says no.
    pub async fn with_person(&self, show: &(dyn Fn(&str) + Sync)) -> Result<(), SignInError> {
        let Credential::DeviceCode { refresh_file } = &self.settings.credential else {
            return Ok(());
        };
        let token = match self.renew_user(refresh_file).await {
            Err(SignInError::Refused(why)) => {
                tracing::debug!(why, "no earlier sign-in can be used");
                self.ask_person(refresh_file, show).await?
            }
            renewed => renewed?,
        };
        *self.first.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
        Ok(())
    }

    /// A token without asking anybody.
    pub(super) async fn renew_user(&self, file: &Path) -> Result<Token, SignInError> {
        if let Some(first) = self.first.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Ok(first);
        }
        let refresh = read_secret(file).map_err(|error| {
            SignInError::Refused(format!(
                "no user is signed in ({error}); start the command again to sign in"
            ))
        })?;
        let (client, wire) = (self.oauth_client()?, self.wire());
        let asked_at = wall_clock();
        let refresh = RefreshToken::new(refresh.expose_secret().to_owned());
        let request = client.exchange_refresh_token(&refresh);
        let answer = request.add_scope(self.scope()).add_scope(offline()).request_async(&wire);
        match answer.await {
            Ok(answer) => keep(&answer, asked_at, file),
            Err(_) => Err(explain(&self.who(), wire.heard(), "the request cannot be made")),
        }
    }

    async fn ask_person(
        &self,
        file: &Path,
        show: &(dyn Fn(&str) + Sync),
    ) -> Result<Token, SignInError> {
        let (client, wire) = (self.oauth_client()?, self.wire());
        let said = |_| explain(&self.who(), wire.heard(), "the request cannot be made");
        let request = client.exchange_device_code().add_scope(self.scope()).add_scope(offline());
        let asked = request.request_async(&wire).await;
        let code: StandardDeviceAuthorizationResponse = asked.map_err(|_| said(()))?;
        let patience = code.expires_in().min(PATIENCE);
        show(&format!(
            "To sign in, open {} in a browser on any device and enter the code {} within {} \
             minutes. Check that the page names your own application: a code that somebody else \
             sent you would sign in them.",
            excerpt(code.verification_uri()),
            excerpt(code.user_code().secret()),
            patience.as_secs().div_ceil(60),
        ));
        let asked_at = wall_clock();
        let poll = client.exchange_device_access_token(&code);
        match poll.request_async(&wire, tokio::time::sleep, Some(patience)).await {
            Ok(answer) => keep(&answer, asked_at, file),
            Err(RequestTokenError::ServerResponse(error))
                if *error.error() == DeviceCodeErrorResponseType::ExpiredToken =>
            {
                let why = "nobody entered the code in time; run the command again for a new one";
                Err(SignInError::Refused(why.to_owned()))
            }
            Err(_) => Err(said(())),
        }
    }

    fn oauth_client(&self) -> Result<Client, SignInError> {
        let tenant = &self.settings.tenant;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        let refused = || {
            let why = "cannot sign in: check tenant and application";
            SignInError::Refused(format!("{why} ({})", excerpt(tenant)))
        };
        if tenant.is_empty() || !tenant.chars().all(plain) || self.settings.application.is_empty() {
            return Err(refused());
        }
        let at = |what: &str| format!("{}/{tenant}/oauth2/v2.0/{what}", self.settings.login_origin);
        let device = DeviceAuthorizationUrl::new(at("devicecode")).map_err(|_| refused())?;
        let token = TokenUrl::new(at("token")).map_err(|_| refused())?;
        Ok(BasicClient::new(ClientId::new(self.settings.application.clone()))
            .set_auth_type(AuthType::RequestBody)
            .set_device_authorization_url(device)
            .set_token_uri(token))
    }

    fn scope(&self) -> Scope {
        Scope::new(self.settings.audience.clone())
    }
}

fn offline() -> Scope {
    Scope::new(OFFLINE.to_owned())
}

/// The token of an answer, with what renews it put into its file.
fn keep(
    answer: &BasicTokenResponse,
    asked_at: jiff::Timestamp,
    file: &Path,
) -> Result<Token, SignInError> {
    let life = answer.expires_in().filter(|life| !life.is_zero() && *life <= LIFE_MAX);
    let life = life.and_then(|life| SignedDuration::try_from(life).ok());
    let expires = life.and_then(|life| asked_at.checked_add(life).ok()).ok_or_else(|| {
        let why = "the sign-in service's answer holds no token with a believable life; try again";
        SignInError::Unavailable(why.to_owned())
    })?;
    // The token at hand is good either way; only the next sign-in needs a person again.
    match answer.refresh_token().map(|refresh| write(file, refresh.secret())) {
        Some(Ok(())) => {}
        Some(Err(error)) => {
            let file = file.display();
            tracing::warn!(%error, "the sign-in ends with its token: it cannot be kept in {file}");
        }
        None => tracing::warn!("the service gave nothing that renews the sign-in"),
    }
    Ok(Token::new(SecretString::from(answer.access_token().secret().clone()), expires))
}

/// Replaces the file as a whole; it is its owner's alone from its first byte on.
fn write(file: &Path, refresh: &str) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(refresh.as_bytes())?;
    new.as_file().sync_all()?;
    new.persist(file)?;
    Ok(())
}
