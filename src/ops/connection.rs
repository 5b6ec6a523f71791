//! Where the API is and who calls it: from what was asked for to addresses and a credential that
//! can be used. It connects to nothing.

use std::path::PathBuf;

use super::context::Credentials;
use super::failure::Failure;
use crate::defender::{Credential, Origin};
use crate::domain::request::ConnectRequest;
use crate::domain::service::{is_domain_name, unbraced};
use crate::domain::text::{is_guid, printable};
use crate::domain::{Cloud, SignInKind, Target};
use crate::report::human::listed;
use crate::system::hints;

/// A connection to a tenant.
#[derive(Clone)]
pub struct Connection {
    /// Who and where, as the campaign keeps it.
    pub target: Target,
    /// Where the API is.
    pub api: Origin,
    /// Where to sign in.
    pub login: Origin,
    /// Whom the token is for.
    pub audience: String,
    /// What proves who we are.
    pub credential: Credential,
    /// More certificate authorities.
    pub ca_file: Option<PathBuf>,
}

impl Connection {
    /// Resolves what was asked for. Tenant and application of the target are empty where the token
    /// is to say them.
    ///
    /// # Errors
    /// `Failure` names the setting that is missing or wrong.
    pub fn of(asked: &ConnectRequest, credentials: &dyn Credentials) -> Result<Self, Failure> {
        let (target, api) = target_of(asked)?;
        let kind = credentials.kind(asked)?;
        if kind.is_none_or(SignInKind::is_bound) {
            all_given(&target, kind)?;
        }
        check_ids(&target, &api)?;
        let kind = kind.ok_or_else(none_given)?;
        let credential = credentials.credential(kind, asked, &target)?;
        let cloud = asked.cloud.unwrap_or_default();
        let login = origin(asked.login_url.as_deref().unwrap_or(cloud.login_url()), "--login-url")?;
        let audience = cloud.audience().to_owned();
        let ca_file = asked.ca_file.clone();
        Ok(Self { target, audience, api, login, credential, ca_file })
    }
}

/// Who and where, as far as it was said; a tenant or an application that was not is empty.
///
/// # Errors
/// `Failure` names the setting that is wrong.
pub(super) fn target_of(asked: &ConnectRequest) -> Result<(Target, Origin), Failure> {
    let cloud: Cloud = asked.cloud.unwrap_or_default();
    let api = origin(asked.api_url.as_deref().unwrap_or(cloud.api_url()), "--api-url")?;
    // Some tools print an id in braces.
    let id = |said: &Option<String>| unbraced(said.as_deref().unwrap_or_default()).to_owned();
    let target = Target {
        api_origin: api.to_string(),
        tenant: id(&asked.tenant),
        application: id(&asked.client_id),
        cloud: cloud.name().to_owned(),
    };
    Ok((target, api))
}

/// Ids that cannot be right are told before anybody confirms a plan, not by the sign-in after it.
pub(super) fn check_ids(target: &Target, api: &Origin) -> Result<(), Failure> {
    if api.is_loopback() {
        return Ok(());
    }
    let (tenant, application) = (&target.tenant, &target.application);
    let wrong = |what: &str, id: &str, form: &str, next: &str| {
        let why = format!("`{}` is no {form}", printable(id));
        Failure::usage(format!("the {what} cannot be right"), why, next)
    };
    if !tenant.is_empty() && !is_guid(tenant) && !is_domain_name(tenant) {
        let next = "copy the Directory (tenant) ID from the application's overview page";
        return Err(wrong("tenant", tenant, "GUID and no domain name", next));
    }
    if !application.is_empty() && !is_guid(application) {
        let next = "copy the Application (client) ID from the application's overview page";
        return Err(wrong("application", application, "GUID", next));
    }
    Ok(())
}

/// Tells all that is missing at once.
///
/// # Errors
/// `Failure` if anything is.
pub(super) fn all_given(target: &Target, sign_in: Option<SignInKind>) -> Result<(), Failure> {
    let ids = [
        (&target.tenant, "tenant", "--tenant", "AZURE_TENANT_ID"),
        (&target.application, "application", "--client-id", "AZURE_CLIENT_ID"),
    ];
    let missing: Vec<_> = ids.into_iter().filter(|(id, ..)| id.is_empty()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut what: Vec<&str> = missing.iter().map(|(_, what, ..)| *what).collect();
    let mut why: Vec<String> = missing
        .iter()
        .map(|(_, _, flag, variable)| format!("neither {flag} nor {variable} is set"))
        .collect();
    if sign_in.is_none() {
        what.push("way to sign in");
        why.push(NO_SIGN_IN.to_owned());
    }
    Err(Failure::usage(
        format!("no {} is given", listed(&what, "or")),
        why.join("; "),
        "`fleetsweep init` asks for all of it; or try the program without a tenant: add \
         --emulator to a `scan` command",
    ))
}

const NO_SIGN_IN: &str = "neither AZURE_CLIENT_SECRET, --client-secret-file, a certificate nor \
                          another kind of --auth is set";

/// No kind of sign-in is there.
fn none_given() -> Failure {
    Failure::sign_in(
        "no way to sign in is given",
        NO_SIGN_IN,
        format!(
            "write the secret into a file that only you can read ({}) and name it with \
             --client-secret-file; or see --auth",
            hints::how_to_close()
        ),
    )
}

/// An address that was given.
///
/// # Errors
/// `Failure` names the flag of an address that cannot be used.
pub(crate) fn origin(url: &str, flag: &str) -> Result<Origin, Failure> {
    Origin::parse(url).map_err(|error| {
        Failure::usage(
            format!("the address of {flag} cannot be used"),
            error,
            "give scheme and host alone, such as https://api.security.microsoft.com",
        )
    })
}
