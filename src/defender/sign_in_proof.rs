//! What proves who we are, read anew for each fetch, so that a secret, certificate or token that is
//! renewed in its file is used from the next fetch on. A file that is gone for a moment while
//! another takes its place is waited for.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use secrecy::{ExposeSecret, SecretString};

use super::SignInError;
use super::credential::Credential;
use super::kept_secret::read_kept;
use super::secret_file::{SecretFileError, read_secret, read_shared, read_value};
use super::sign_in_certificate::Certificate;
use crate::domain::text::is_guid;
use crate::system::secrets::NotKept;

/// How often a file that could be read before is looked for before its absence is told.
const LOOKS: u32 = 12;

/// The time between two looks.
const BETWEEN: Duration = Duration::from_millis(250);

/// What one fetch sends.
#[derive(Clone)]
pub(super) enum Proof {
    Secret(SecretString),
    Certificate(Certificate),
    /// Another issuer's token.
    Federated(SecretString),
    /// Whatever the machine itself knows.
    Machine,
}

impl Proof {
    /// Whether another fetch would send the same.
    fn equals(&self, other: &Proof) -> bool {
        match (self, other) {
            (Proof::Secret(one), Proof::Secret(two))
            | (Proof::Federated(one), Proof::Federated(two)) => {
                one.expose_secret() == two.expose_secret()
            }
            (Proof::Certificate(one), Proof::Certificate(two)) => one.is(two),
            (Proof::Machine, Proof::Machine) => true,
            _ => false,
        }
    }

    /// What the proof itself tells about its refusal.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Proof::Secret(secret) if is_guid(secret.expose_secret()) => {
                "; what was sent is a GUID, as the id of a secret is and its value never"
            }
            _ => "",
        }
    }
}

/// The files of a sign-in.
#[derive(Default)]
pub(super) struct Files {
    /// They could be read once, so they are in the right place.
    known: AtomicBool,
}

impl Files {
    /// What proves who we are, as it is now.
    pub(super) async fn proof(&self, credential: &Credential) -> Result<Proof, SignInError> {
        match credential {
            Credential::ClientSecret(_) | Credential::Certificate(_) => self.now(credential),
            _ => self.patiently(|| self.read(credential)).await,
        }
    }

    /// What proves who we are if that is something else by now: a refusal of the old one is no
    /// refusal of the new one.
    pub(super) fn renewed(&self, credential: &Credential, sent: &Proof) -> Option<Proof> {
        self.now(credential).ok().filter(|now| !now.equals(sent))
    }

    /// Reads a file, and looks again for a while if it could be read before.
    pub(super) async fn patiently<T>(
        &self,
        read: impl Fn() -> Result<T, Unread>,
    ) -> Result<T, SignInError> {
        for _ in 1..LOOKS {
            match read() {
                Err(_) if self.known.load(Ordering::Relaxed) => tokio::time::sleep(BETWEEN).await,
                done => return self.judged(done),
            }
        }
        self.judged(read())
    }

    fn now(&self, credential: &Credential) -> Result<Proof, SignInError> {
        self.judged(self.read(credential))
    }

    fn judged<T>(&self, read: Result<T, Unread>) -> Result<T, SignInError> {
        match read {
            Ok(it) => {
                self.known.store(true, Ordering::Relaxed);
                Ok(it)
            }
            // Whoever renews it may be about to write it.
            Err(Unread { why, gone: true }) if self.known.load(Ordering::Relaxed) => {
                Err(SignInError::Unavailable(why))
            }
            Err(Unread { why, .. }) => Err(SignInError::Refused(why)),
        }
    }

    fn read(&self, credential: &Credential) -> Result<Proof, Unread> {
        match credential {
            Credential::ClientSecret(secret) => Ok(Proof::Secret(secret.clone())),
            Credential::ClientSecretFile(path) => {
                read_value(path).map(Proof::Secret).map_err(|error| Unread::of("secret", error))
            }
            Credential::KeptClientSecret(name) => {
                let unread = |NotKept { why, next }| Unread {
                    why: format!("the credential `{name}` cannot be used: {why}; {next}"),
                    gone: false,
                };
                read_kept(name).map(Proof::Secret).map_err(unread)
            }
            Credential::Certificate(certificate) => Ok(Proof::Certificate(certificate.clone())),
            Credential::CertificateFile(path) => certificate(path).map(Proof::Certificate),
            Credential::FederatedTokenFile(path) => read_shared(path)
                .map(Proof::Federated)
                .map_err(|error| Unread::of("federated token", error)),
            _ => Ok(Proof::Machine),
        }
    }
}

fn certificate(path: &Path) -> Result<Certificate, Unread> {
    let pem = read_secret(path).map_err(|error| Unread::of("certificate", error))?;
    Certificate::from_pem(pem.expose_secret()).map_err(|error| Unread {
        why: format!("the certificate's file {} cannot sign in: {error}", path.display()),
        gone: false,
    })
}

/// Why a file is not used.
pub(super) struct Unread {
    why: String,
    gone: bool,
}

impl Unread {
    pub(super) fn of(what: &str, error: SecretFileError) -> Self {
        let gone = matches!(error, SecretFileError::Unreadable { gone: true, .. });
        let next = match &error {
            SecretFileError::Open { next, .. } => format!("; {next}"),
            SecretFileError::Unreadable { .. } | SecretFileError::NoText { .. } => {
                "; check its path, who may read it, and what writes it".to_owned()
            }
            // It says so itself.
            SecretFileError::Form { .. } => String::new(),
        };
        Self { why: format!("the {what}'s file cannot be used: {error}{next}"), gone }
    }
}

/// Hands another issuer's token to the library.
pub(super) struct Assertion(pub(super) SecretString);

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Assertion")
    }
}

#[async_trait]
impl ClientAssertion for Assertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(self.0.expose_secret().to_owned())
    }
}
