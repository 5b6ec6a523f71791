//! The kinds of sign-in: their names for people and for `--auth`, and what each needs. What a kind
//! does is the client's (`defender::sign_in`).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A way to get a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignInKind {
    /// As an application, with a client secret.
    Secret,
    /// As an application, with a certificate and its key.
    Certificate,
    /// As the identity that Azure gives the machine or container.
    ManagedIdentity,
    /// As an application that trusts another issuer's tokens, such as Kubernetes.
    Workload,
    /// As whoever is signed in to the Azure CLI.
    AzureCli,
    /// As a user, who types a code on any device.
    DeviceCode,
    /// With a token that another program writes into a file.
    TokenFile,
}

impl SignInKind {
    /// Every kind.
    pub const ALL: [SignInKind; 7] = [
        SignInKind::Secret,
        SignInKind::Certificate,
        SignInKind::ManagedIdentity,
        SignInKind::Workload,
        SignInKind::AzureCli,
        SignInKind::DeviceCode,
        SignInKind::TokenFile,
    ];

    /// The word of `--auth`.
    pub fn name(self) -> &'static str {
        match self {
            SignInKind::Secret => "secret",
            SignInKind::Certificate => "certificate",
            SignInKind::ManagedIdentity => "managed-identity",
            SignInKind::Workload => "workload",
            SignInKind::AzureCli => "azure-cli",
            SignInKind::DeviceCode => "device-code",
            SignInKind::TokenFile => "token-file",
        }
    }

    /// The kind of a word, whatever its case.
    pub fn named(name: &str) -> Option<SignInKind> {
        SignInKind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// Whether it signs in as an application, and never as a user.
    pub fn is_application(self) -> bool {
        match self {
            SignInKind::Secret
            | SignInKind::Certificate
            | SignInKind::ManagedIdentity
            | SignInKind::Workload => true,
            SignInKind::AzureCli | SignInKind::DeviceCode | SignInKind::TokenFile => false,
        }
    }

    /// Whether the request for a token names the tenant and the application, so that both must be
    /// configured, and the service itself sees to it that the token is theirs.
    pub fn is_bound(self) -> bool {
        match self {
            SignInKind::Secret
            | SignInKind::Certificate
            | SignInKind::Workload
            | SignInKind::DeviceCode => true,
            SignInKind::ManagedIdentity | SignInKind::AzureCli | SignInKind::TokenFile => false,
        }
    }
}

impl fmt::Display for SignInKind {
    /// The words of plans and messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SignInKind::Secret => "client secret",
            SignInKind::Certificate => "client certificate",
            SignInKind::ManagedIdentity => "managed identity",
            SignInKind::Workload => "workload identity",
            SignInKind::AzureCli => "Azure CLI",
            SignInKind::DeviceCode => "device code, as a user",
            SignInKind::TokenFile => "token file",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name_in_any_case() {
        for kind in SignInKind::ALL {
            assert_eq!(SignInKind::named(&kind.name().to_uppercase()), Some(kind));
        }
        assert_eq!(SignInKind::named("password"), None);
    }
}
