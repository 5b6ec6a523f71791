//! The kinds of credential that the program can sign in with. What one of them sends is read in
//! `sign_in_proof`; whom it signs in, and where, is `sign_in`'s.

use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use super::hosts::Origin;
use super::sign_in_certificate::Certificate;
use crate::domain::SignInKind;

/// What proves who we are.
#[derive(Clone)]
pub enum Credential {
    /// A client secret's value.
    ClientSecret(SecretString),
    /// A file with a client secret's value; read at each fetch.
    ClientSecretFile(PathBuf),
    /// The name under which the system keeps a client secret's value; read at each fetch.
    KeptClientSecret(String),
    /// A certificate and its key.
    Certificate(Certificate),
    /// A file with a certificate and its key in PEM form; read at each fetch.
    CertificateFile(PathBuf),
    /// A file with a federated token, such as Kubernetes writes; read at each fetch.
    FederatedTokenFile(PathBuf),
    /// The identity of this machine: that of the application id, or the system's own without one.
    ManagedIdentity {
        /// The metadata service, if it is not where Azure has it.
        metadata: Option<Origin>,
    },
    /// The identity of a server that Azure Arc manages.
    AzureArc {
        /// Where its agent hands tokens out.
        endpoint: Url,
    },
    /// An application that trusts the identity of this machine.
    FederatedIdentity(FederatedIdentity),
    /// Whoever is signed in to the Azure CLI.
    AzureCli,
    /// A user who signed in with a code; the file keeps what renews it.
    DeviceCode {
        /// The file of the refresh token.
        refresh_file: PathBuf,
    },
    /// A file with an access token that another program writes; read at each fetch.
    TokenFile(PathBuf),
}

/// The identity of this machine that an application trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FederatedIdentity {
    /// Its client id; the only one that the machine has if none is given.
    pub identity: Option<String>,
    /// For whom its token is, as `Cloud::exchange_audience` says.
    pub exchange: String,
    /// The metadata service, if it is not where Azure has it.
    pub metadata: Option<Origin>,
}

impl Credential {
    /// Which kind it is.
    pub fn kind(&self) -> SignInKind {
        match self {
            Credential::ClientSecret(_)
            | Credential::ClientSecretFile(_)
            | Credential::KeptClientSecret(_) => SignInKind::Secret,
            Credential::Certificate(_) | Credential::CertificateFile(_) => SignInKind::Certificate,
            Credential::FederatedTokenFile(_) => SignInKind::Workload,
            Credential::ManagedIdentity { .. } | Credential::AzureArc { .. } => {
                SignInKind::ManagedIdentity
            }
            Credential::FederatedIdentity(_) => SignInKind::FederatedIdentity,
            Credential::AzureCli => SignInKind::AzureCli,
            Credential::DeviceCode { .. } => SignInKind::DeviceCode,
            Credential::TokenFile(_) => SignInKind::TokenFile,
        }
    }

    /// Where it was taken from, as a part of a sentence. Returns `None` if it is nowhere to be
    /// mended.
    pub fn source(&self) -> Option<String> {
        let file = |path: &PathBuf| Some(format!("the file {}", path.display()));
        match self {
            Credential::ClientSecret(_) => Some("AZURE_CLIENT_SECRET".to_owned()),
            Credential::KeptClientSecret(name) => Some(format!("the credential {name}")),
            Credential::ClientSecretFile(path)
            | Credential::CertificateFile(path)
            | Credential::FederatedTokenFile(path)
            | Credential::TokenFile(path) => file(path),
            Credential::Certificate(_)
            | Credential::ManagedIdentity { .. }
            | Credential::AzureArc { .. }
            | Credential::FederatedIdentity(_)
            | Credential::AzureCli
            | Credential::DeviceCode { .. } => None,
        }
    }
}
