//! Tokens that another program of this machine hands out: the Azure CLI, and whatever writes a
//! token file. Neither is asked over the network, so neither has an address here.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use azure_core::error::Error;
use azure_identity::{AzureCliCredential, AzureCliCredentialOptions, Executor};
use jiff::SignedDuration;
use secrecy::ExposeSecret;

use super::SignInError;
use super::claims;
use super::secret_file::read_value;
use super::sign_in::{SignIn, token_of, words_of};
use super::sign_in_errors::{coded_in, of_azure_cli};
use super::sign_in_proof::Unread;
use super::token::Token;
use crate::clock::wall_clock;

/// For so long after its end, a token file is waited for.
const PATIENCE: SignedDuration = SignedDuration::from_secs(5 * 60);

impl SignIn {
    /// The token of whoever is signed in to the Azure CLI, which keeps it until shortly before its
    /// end: the same one can come again.
    pub(super) async fn ask_azure_cli(&self) -> Result<Token, SignInError> {
        let tenant = Some(self.settings.tenant.clone()).filter(|tenant| !tenant.is_empty());
        let options = AzureCliCredentialOptions {
            tenant_id: tenant,
            executor: Some(Arc::new(Shell)),
            ..AzureCliCredentialOptions::default()
        };
        let told = |error: &Error| {
            let words = words_of(error);
            coded_in(&self.who(), &words).unwrap_or_else(|| of_azure_cli(&words))
        };
        let credential = AzureCliCredential::new(Some(options)).map_err(|error| told(&error))?;
        let scopes = [self.settings.audience.as_str()];
        let token = credential.get_token(&scopes, None);
        match tokio::time::timeout(self.settings.timing.request_timeout, token).await {
            Ok(Ok(token)) => token_of(&token),
            Ok(Err(error)) => Err(told(&error)),
            Err(_) => Err(SignInError::Unavailable(
                "the Azure CLI gave no token in time; run `az account get-access-token` to see \
                 what it waits for"
                    .to_owned(),
            )),
        }
    }

    /// The token that the file holds now.
    pub(super) async fn read_token(&self, path: &Path) -> Result<Token, SignInError> {
        let shown = path.display();
        let read = || read_value(path).map_err(|error| Unread::of("token", error));
        let bearer = self.files.patiently(read).await?;
        let claims = claims::peek(bearer.expose_secret()).unwrap_or_default();
        let Some(expires) = claims.expires else {
            return Err(SignInError::Refused(format!(
                "the token file {shown} holds no access token with an end (a JSON web token with \
                 `exp`); check what writes it"
            )));
        };
        let now = wall_clock();
        if expires <= now {
            let why = format!(
                "the token in {shown} ended at {expires}; have a new one written there, then go on"
            );
            // Whoever writes the file may be a little late.
            let late = now.duration_since(expires) < PATIENCE;
            return Err(if late {
                SignInError::Unavailable(why)
            } else {
                SignInError::Refused(why)
            });
        }
        Ok(Token::new(bearer, expires))
    }
}

/// Runs the Azure CLI: without our standard input, which may be the list of devices, and no longer
/// than we wait for it.
#[derive(Debug)]
struct Shell;

#[async_trait]
impl Executor for Shell {
    async fn run(&self, program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
        let mut command = tokio::process::Command::new(program);
        command.args(args).stdin(Stdio::null()).kill_on_drop(true).output().await
    }
}
