//! The identity of this machine in the place of an application's secret ("Configure an application
//! to trust a managed identity" page of Microsoft Entra): the machine's token for the exchange is
//! the assertion with which the application signs in, in whatever tenant it was let into. Two
//! requests, and nothing that could be stolen from a file.

use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId};
use secrecy::SecretString;

use super::SignInError;
use super::credential::FederatedIdentity;
use super::sign_in::{SignIn, words_of};
use super::sign_in_errors::{Who, explain};
use super::sign_in_proof::Proof;
use super::sign_in_wire::{To, Wire};
use super::token::Token;
use crate::domain::SignInKind;

impl SignIn {
    /// A token of the application, for which this machine's identity vouches.
    pub(super) async fn ask_federated(
        &self,
        identity: &FederatedIdentity,
    ) -> Result<Token, SignInError> {
        let vouched = self.assertion(identity).await?;
        self.ask_with(&Proof::Federated(vouched)).await
    }

    /// The machine's own token for the exchange.
    async fn assertion(&self, identity: &FederatedIdentity) -> Result<SecretString, SignInError> {
        let FederatedIdentity { identity, exchange, metadata } = identity;
        let client = self.machine.clone().unwrap_or_else(|| self.client.clone());
        let wire = Arc::new(Wire::new(client, To::Machine { metadata: metadata.clone() }));
        let options = ManagedIdentityCredentialOptions {
            user_assigned_id: identity.clone().map(UserAssignedId::ClientId),
            client_options: self.options(&wire),
        };
        let scope = format!("{exchange}/.default");
        let fetched = match ManagedIdentityCredential::new(Some(options)) {
            Ok(credential) => credential.get_token(&[&scope], None).await,
            Err(error) => Err(error),
        };
        let who = Who {
            kind: SignInKind::ManagedIdentity,
            application: identity.as_deref().unwrap_or_default(),
            audience: &scope,
            ..self.who()
        };
        let token = fetched.map_err(|error| explain(&who, wire.heard(), &words_of(&error)))?;
        Ok(SecretString::from(token.token.secret().to_owned()))
    }
}
