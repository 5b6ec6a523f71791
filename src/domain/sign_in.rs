//! The kinds of sign-in: their names for people and for `--auth`, and what each needs. What a kind
//! does is the client's (`defender::sign_in`).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::spelling::worded;

worded! {
    /// A way to get a token; the words are those of `--auth`.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    SignInKind {
        /// As an application, with a client secret.
        Secret = "secret",
        /// As an application, with a certificate and its key.
        Certificate = "certificate",
        /// As the identity that Azure gives the machine or container.
        ManagedIdentity = "managed-identity",
        /// As an application that trusts the identity that Azure gives the machine: no secret is
        /// kept anywhere, and the application may be in many tenants.
        FederatedIdentity = "federated-identity",
        /// As an application that trusts another issuer's tokens, such as Kubernetes.
        Workload = "workload",
        /// As whoever is signed in to the Azure CLI.
        AzureCli = "azure-cli",
        /// As a user, who types a code on any device.
        DeviceCode = "device-code",
        /// With a token that another program writes into a file.
        TokenFile = "token-file",
    }
}

impl SignInKind {
    /// Whether it signs in as an application, and never as a user.
    pub fn is_application(self) -> bool {
        use SignInKind::{Certificate, FederatedIdentity, ManagedIdentity, Secret, Workload};
        matches!(self, Secret | Certificate | ManagedIdentity | FederatedIdentity | Workload)
    }

    /// Whether the request for a token names the tenant and the application, so that both must be
    /// configured, and the service itself sees to it that the token is theirs.
    pub fn is_bound(self) -> bool {
        use SignInKind::{Certificate, DeviceCode, FederatedIdentity, Secret, Workload};
        matches!(self, Secret | Certificate | FederatedIdentity | Workload | DeviceCode)
    }
}

impl fmt::Display for SignInKind {
    /// The words of plans and messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SignInKind::Secret => "client secret",
            SignInKind::Certificate => "client certificate",
            SignInKind::ManagedIdentity => "managed identity",
            SignInKind::FederatedIdentity => "managed identity as federated credential",
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
