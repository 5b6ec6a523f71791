//! Which credential a run signs in with: by `--auth`, by the one flag that belongs to a kind, or by
//! the one kind that the environment is set up for. Two kinds at once are an error that names both:
//! whose permissions a run has must not be a matter of luck. It reads files and sends nothing.

use std::env;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use url::Url;

use super::env::variable;
use super::paths::private_folder;
use crate::cli::args::sign_in_kind;
use crate::defender::{
    Certificate, CertificateError, Credential, FederatedIdentity, Origin, SecretFileError,
    bare_value, read_kept, read_secret, read_value,
};
use crate::domain::request::ConnectRequest;
use crate::domain::text::printable;
use crate::domain::{SignInKind, Target};
use crate::ops::context::Credentials;
use crate::ops::failure::Failure;
use crate::system::hints;
use crate::system::secrets::NotKept;

/// The names of what signs in among the credentials of systemd; those of a profile end in its name.
pub(crate) const SECRET_CREDENTIAL: &str = "client-secret";
pub(crate) const CERTIFICATE_CREDENTIAL: &str = "client-certificate";

/// The program of the Azure Arc agent that hands tokens out, and where it does that if no variable
/// says so.
const ARC_AGENT: &str = "/opt/azcmagent/bin/himds";
const ARC_ENDPOINT: &str = "http://localhost:40342/metadata/identity/oauth2/token";

/// What names a secret that Windows keeps.
const KEPT: &str = "--client-secret-credential";
const KEPT_BY_VARIABLE: &str = "FLEETSWEEP_CLIENT_SECRET_CREDENTIAL";

/// What a certificate's file must be.
const PEM: &str = "give one PEM file with certificate and key; from a .pfx: openssl pkcs12 -in \
                   FILE -nodes -out FILE.pem";

/// A sign that a kind is meant.
struct Sign {
    kind: SignInKind,
    /// The flag or variable, as people know it.
    name: &'static str,
}

/// Credentials where this process finds them: files that were named, and the environment.
pub(crate) struct Surroundings;

impl Credentials for Surroundings {
    fn kind(&self, connect: &ConnectRequest) -> Result<Option<SignInKind>, Failure> {
        let flags = from_flags(connect);
        let word = variable("FLEETSWEEP_AUTH");
        let named = match (connect.auth, word) {
            (Some(kind), _) => Some(kind),
            (None, Some(word)) => Some(sign_in_kind(&word)?),
            (None, None) => None,
        };
        if let Some(kind) = named {
            return match flags.iter().find(|sign| sign.kind != kind) {
                Some(other) => Err(contradiction(&format!("--auth {}", kind.name()), other)),
                None => Ok(Some(kind)),
            };
        }
        only_one(&flags).or_else(|| only_one(&from_environment())).transpose()
    }

    fn credential(
        &self,
        kind: SignInKind,
        connect: &ConnectRequest,
        target: &Target,
    ) -> Result<Credential, Failure> {
        match kind {
            SignInKind::Secret => secret(connect),
            SignInKind::Certificate => {
                let path = certificate_file(connect)?;
                check_certificate(&path)?;
                Ok(Credential::CertificateFile(path))
            }
            SignInKind::Workload => {
                let path = variable("AZURE_FEDERATED_TOKEN_FILE").map(PathBuf::from);
                let name = "AZURE_FEDERATED_TOKEN_FILE";
                path.map(Credential::FederatedTokenFile).ok_or_else(|| no_file(kind, name, name))
            }
            SignInKind::TokenFile => {
                let variable = || variable("FLEETSWEEP_TOKEN_FILE").map(PathBuf::from);
                let path = connect.token_file.clone().or_else(variable);
                path.map(Credential::TokenFile)
                    .ok_or_else(|| no_file(kind, "--token-file", "FLEETSWEEP_TOKEN_FILE"))
            }
            SignInKind::ManagedIdentity => {
                if let Some(endpoint) = arc()? {
                    return Ok(Credential::AzureArc { endpoint });
                }
                Ok(Credential::ManagedIdentity { metadata: metadata()? })
            }
            SignInKind::FederatedIdentity => {
                if arc()?.is_some() {
                    return Err(arc_vouches_for_nobody());
                }
                let name = "FLEETSWEEP_IDENTITY_CLIENT_ID";
                let identity = connect.identity_client_id.clone().or_else(|| variable(name));
                let exchange = connect.cloud.unwrap_or_default().exchange_audience().to_owned();
                let metadata = metadata()?;
                Ok(Credential::FederatedIdentity(FederatedIdentity {
                    identity,
                    exchange,
                    metadata,
                }))
            }
            SignInKind::AzureCli => Ok(Credential::AzureCli),
            SignInKind::DeviceCode => {
                let plain = |text: &str| -> String {
                    let text = text.to_ascii_lowercase();
                    text.chars()
                        .filter(|c| c.is_ascii_alphanumeric() || "-.".contains(*c))
                        .collect()
                };
                let (tenant, application) = (plain(&target.tenant), plain(&target.application));
                let name = format!("sign-in-{tenant}-{application}");
                Ok(Credential::DeviceCode { refresh_file: private_folder()?.join(name) })
            }
        }
    }
}

/// The kind that all signs agree on. Returns `None` if there is no sign.
fn only_one(signs: &[Sign]) -> Option<Result<SignInKind, Failure>> {
    let first = signs.first()?;
    Some(match signs.iter().find(|sign| sign.kind != first.kind) {
        Some(other) => Err(contradiction(first.name, other)),
        None => Ok(first.kind),
    })
}

fn from_flags(args: &ConnectRequest) -> Vec<Sign> {
    let flags = [
        (SignInKind::Secret, "--client-secret-file", args.client_secret_file.is_some()),
        (SignInKind::Secret, KEPT, args.client_secret_credential.is_some()),
        (SignInKind::Certificate, "--client-certificate", args.client_certificate.is_some()),
        (SignInKind::TokenFile, "--token-file", args.token_file.is_some()),
        (SignInKind::FederatedIdentity, "--identity-client-id", args.identity_client_id.is_some()),
    ];
    present(flags)
}

fn from_environment() -> Vec<Sign> {
    let set = |name: &'static str| variable(name).is_some();
    present([
        (SignInKind::Secret, "FLEETSWEEP_CLIENT_SECRET_FILE", set("FLEETSWEEP_CLIENT_SECRET_FILE")),
        (SignInKind::Secret, KEPT_BY_VARIABLE, set(KEPT_BY_VARIABLE)),
        (
            SignInKind::Secret,
            "the systemd credential client-secret",
            credential(SECRET_CREDENTIAL).is_some(),
        ),
        (SignInKind::Secret, "AZURE_CLIENT_SECRET", set("AZURE_CLIENT_SECRET")),
        (
            SignInKind::Certificate,
            "AZURE_CLIENT_CERTIFICATE_PATH",
            set("AZURE_CLIENT_CERTIFICATE_PATH"),
        ),
        (SignInKind::Workload, "AZURE_FEDERATED_TOKEN_FILE", set("AZURE_FEDERATED_TOKEN_FILE")),
        (SignInKind::TokenFile, "FLEETSWEEP_TOKEN_FILE", set("FLEETSWEEP_TOKEN_FILE")),
        (SignInKind::ManagedIdentity, "IDENTITY_ENDPOINT", set("IDENTITY_ENDPOINT")),
        (
            SignInKind::FederatedIdentity,
            "FLEETSWEEP_IDENTITY_CLIENT_ID",
            set("FLEETSWEEP_IDENTITY_CLIENT_ID"),
        ),
    ])
}

fn present<const N: usize>(settings: [(SignInKind, &'static str, bool); N]) -> Vec<Sign> {
    let there = settings.into_iter().filter(|(_, _, there)| *there);
    there.map(|(kind, name, _)| Sign { kind, name }).collect()
}

fn contradiction(first: &str, other: &Sign) -> Failure {
    Failure::usage(
        "two ways to sign in are given",
        format!("{first} and {} do not go together", other.name),
        format!("name the one that is meant with --auth, such as --auth {}", other.kind.name()),
    )
}

/// The file of the client secret, if one is named.
pub(crate) fn secret_file(args: &ConnectRequest) -> Option<PathBuf> {
    let file = args.client_secret_file.clone();
    file.or_else(|| variable("FLEETSWEEP_CLIENT_SECRET_FILE").map(PathBuf::from))
}

/// The file of the certificate and its key.
///
/// # Errors
/// `Failure` if none is named.
pub(crate) fn certificate_file(args: &ConnectRequest) -> Result<PathBuf, Failure> {
    if let Some(file) = credential_of_profile(args, CERTIFICATE_CREDENTIAL) {
        return Ok(file);
    }
    let (flag, name) = ("--client-certificate", "AZURE_CLIENT_CERTIFICATE_PATH");
    let file = args.client_certificate.clone().or_else(|| variable(name).map(PathBuf::from));
    file.ok_or_else(|| no_file(SignInKind::Certificate, flag, name))
}

/// Where the agent of Azure Arc hands tokens out, if this machine has one. It is known by the two
/// variables that it sets; processes that began before it was set up have neither.
fn arc() -> Result<Option<Url>, Failure> {
    let named = variable("IDENTITY_ENDPOINT");
    let of_arc = named.is_some() && variable("IMDS_ENDPOINT").is_some();
    let others = ["IDENTITY_HEADER", "MSI_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST"];
    let elsewhere = others.into_iter().any(|name| variable(name).is_some());
    let endpoint = match named {
        Some(endpoint) if of_arc && variable("IDENTITY_HEADER").is_none() => endpoint,
        None if !elsewhere && Path::new(ARC_AGENT).exists() => ARC_ENDPOINT.to_owned(),
        _ => return Ok(None),
    };
    Url::parse(&endpoint).map(Some).map_err(|error| {
        Failure::usage(
            "the address of IDENTITY_ENDPOINT cannot be used",
            error,
            "unset it and IMDS_ENDPOINT, or give the agent's, such as http://localhost:40342/...",
        )
    })
}

/// Identities of Azure Arc are the server's own, and an application can trust user-assigned ones
/// alone ("Configure an application to trust a managed identity" page).
fn arc_vouches_for_nobody() -> Failure {
    Failure::sign_in(
        "this server's identity cannot vouch for an application",
        "it is one of Azure Arc, and an application trusts user-assigned identities alone",
        "run it on an Azure machine with a user-assigned identity, or choose another --auth, such \
         as certificate",
    )
}

/// Where the metadata service is, if it is not where Azure has it.
fn metadata() -> Result<Option<Origin>, Failure> {
    let Some(url) = variable("AZURE_POD_IDENTITY_AUTHORITY_HOST") else { return Ok(None) };
    Origin::parse(&url).map(Some).map_err(|error| {
        Failure::usage(
            "the address of AZURE_POD_IDENTITY_AUTHORITY_HOST cannot be used",
            error,
            "unset it, or give scheme and host alone",
        )
    })
}

fn no_file(kind: SignInKind, flag: &str, name: &str) -> Failure {
    let why = if flag == name {
        format!("{name} is not set")
    } else {
        format!("neither {flag} nor {name} is set")
    };
    let what = format!("the file for the sign-in by {kind} is not given");
    Failure::sign_in(what, why, format!("set {name} to its path"))
}

/// The name under which the system keeps the client secret, if one is named.
///
/// # Errors
/// `Failure` if a file is named as well.
pub(crate) fn kept_name(args: &ConnectRequest) -> Result<Option<String>, Failure> {
    let typed = (args.client_secret_credential.clone(), args.client_secret_file.is_some());
    let (name, has_file) = match typed {
        (None, false) => {
            (variable(KEPT_BY_VARIABLE), variable("FLEETSWEEP_CLIENT_SECRET_FILE").is_some())
        }
        typed => typed,
    };
    if name.is_some() && has_file {
        return Err(Failure::usage(
            "two client secrets are named",
            format!("{KEPT} and --client-secret-file, or their variables, do not go together"),
            "leave one of them out",
        ));
    }
    Ok(name)
}

/// The client secret. Its file is looked at here, so that what cannot be used is told before
/// anything else, and read again for each sign-in.
fn secret(args: &ConnectRequest) -> Result<Credential, Failure> {
    if let Some(name) = kept_name(args)? {
        return match read_kept(&name) {
            Ok(_) => Ok(Credential::KeptClientSecret(name)),
            Err(NotKept { why, next }) => {
                let what = format!("the credential `{}` cannot be used", printable(&name));
                Err(Failure::sign_in(what, why, next))
            }
        };
    }
    let of_profile = credential_of_profile(args, SECRET_CREDENTIAL);
    let named = of_profile.or_else(|| secret_file(args));
    if let Some(path) = named.or_else(|| credential(SECRET_CREDENTIAL)) {
        read_value(&path).map_err(|error| unusable(&path, "secret", error))?;
        return Ok(Credential::ClientSecretFile(path));
    }
    let name = "AZURE_CLIENT_SECRET";
    let Some(secret) = variable(name) else {
        return Err(Failure::sign_in(
            "no client secret is given",
            "neither AZURE_CLIENT_SECRET nor --client-secret-file is set",
            format!(
                "write the secret into a file that only you can read ({}) and name it with \
                 --client-secret-file",
                hints::how_to_close()
            ),
        ));
    };
    bare_value(&secret).map(Credential::ClientSecret).map_err(|error| {
        let next = "set it to the secret's value, copied from Certificates & secrets";
        Failure::sign_in(format!("{name} is not the secret alone"), error, next)
    })
}

/// The file of systemd's credential of this name, if there is one.
fn credential(name: &str) -> Option<PathBuf> {
    let folder = env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty())?;
    Some(Path::new(&folder).join(name)).filter(|path| path.exists())
}

/// The file that a service manager hands to this profile, whose own file is somebody else's.
fn credential_of_profile(args: &ConnectRequest, of: &str) -> Option<PathBuf> {
    credential(&name_of_profile(args.profile.as_deref()?, of)?)
}

/// What such a file is called. Returns `None` for a profile whose name no file should have.
pub(crate) fn name_of_profile(profile: &str, of: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if profile.len() <= 100 && profile.chars().all(plain) {
        Some(format!("{of}-{profile}"))
    } else {
        None
    }
}

/// Why a file of a secret is not used, and what to do.
pub(in crate::cli) fn unusable(path: &Path, of: &str, error: SecretFileError) -> Failure {
    let shown = path.display();
    match error {
        SecretFileError::Open { next, .. } => Failure::sign_in(
            format!("the {of}'s file {shown} is refused"),
            "others on this machine can read or change it",
            format!("{next}, and renew the {of} if others may have read it"),
        ),
        SecretFileError::Unreadable { why, .. } => {
            let is_empty = path.metadata().is_ok_and(|file| file.len() == 0);
            let next = match is_empty {
                true => format!("write the {of} into it"),
                false => "check the path and who may read it".to_owned(),
            };
            Failure::sign_in(format!("the {of}'s file {shown} cannot be read"), why, next)
        }
        SecretFileError::NoText { why, .. } => {
            let next = match of {
                "certificate" => PEM,
                _ => "write it anew as plain text, one line and nothing else",
            };
            Failure::sign_in(format!("the {of}'s file {shown} cannot be read"), why, next)
        }
        SecretFileError::Form { why, .. } => {
            let next = format!("write the {of} anew into the file, as one line and nothing else");
            Failure::sign_in(format!("the {of}'s file {shown} is refused"), why.to_string(), next)
        }
    }
}

pub(in crate::cli) fn check_certificate(path: &Path) -> Result<(), Failure> {
    let pem = read_secret(path).map_err(|error| unusable(path, "certificate", error))?;
    let checked = Certificate::from_pem(pem.expose_secret());
    checked.map(drop).map_err(|error| {
        let next = match error {
            CertificateError::Encrypted => format!(
                "take the password off (openssl pkey -in FILE -out KEY), keep the file to yourself \
                 ({})",
                hints::how_to_close()
            ),
            CertificateError::NotRsa => "make a certificate with an RSA key".to_owned(),
            _ => PEM.to_owned(),
        };
        let what = format!("the certificate's file {} cannot sign in", path.display());
        Failure::sign_in(what, error, next)
    })
}
