//! The link with which a customer's administrator lets the application of a provider into their
//! tenant. It asks nobody: whoever opens the link signs in there.

use url::Url;

use super::connection::{check_ids, origin, target_of};
use super::context::Context;
use super::failure::Failure;
use crate::domain::Exit;
use crate::domain::request::ConnectRequest;
use crate::domain::text::printable;
use crate::report::{Document, jsonl};

/// What stands for the tenant of whoever signs in.
const ANY_TENANT: &str = "organizations";

/// Prints the link of each of these tenants.
///
/// # Errors
/// `Failure` names the setting that is missing or wrong.
pub fn consent(cx: &Context<'_>, tenants: &[ConnectRequest]) -> Result<Exit, Failure> {
    for connect in tenants {
        let named = if tenants.len() > 1 { connect.profile.clone() } else { None };
        cx.ui.show(&Link { profile: named, url: link(connect)? })?;
    }
    Ok(Exit::Done)
}

/// The link of a tenant ("Grant tenant-wide admin consent to an application" page of Microsoft
/// Entra: the tenant can be given by its id, by a domain, or as `organizations`).
fn link(connect: &ConnectRequest) -> Result<Url, Failure> {
    let (target, api) = target_of(connect)?;
    check_ids(&target, &api)?;
    if target.application.is_empty() {
        return Err(Failure::usage(
            "no application is given",
            "the link lets one application in, and neither a profile nor --client-id names it",
            "name its Application (client) ID with --client-id, or a profile with --profile",
        ));
    }
    let cloud = connect.cloud.unwrap_or_default();
    let login = origin(connect.login_url.as_deref().unwrap_or(cloud.login_url()), "--login-url")?;
    let tenant = if target.tenant.is_empty() { ANY_TENANT } else { &target.tenant };
    let url = Url::parse(&login.to_string()).map_err(|error| Failure::defect("no link", error))?;
    let mut url = url;
    if let Ok(mut path) = url.path_segments_mut() {
        path.clear().extend([tenant, "adminconsent"]);
    }
    url.query_pairs_mut().append_pair("client_id", &target.application);
    Ok(url)
}

/// A link, with whose it is where there are several.
struct Link {
    profile: Option<String>,
    url: Url,
}

impl Document for Link {
    fn text(&self) -> String {
        match &self.profile {
            Some(profile) => format!("{} {}", printable(profile), self.url),
            None => self.url.to_string(),
        }
    }

    fn json(&self) -> String {
        jsonl::line(&serde_json::json!({
            "v": 1, "type": "consent", "profile": self.profile, "url": self.url.as_str(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Cloud;

    const TENANT: &str = "11111111-2222-3333-4444-555555555555";
    const APPLICATION: &str = "66666666-7777-8888-9999-000000000000";

    fn of(
        tenant: Option<&str>,
        application: Option<&str>,
        cloud: Cloud,
    ) -> Result<String, Failure> {
        let connect = ConnectRequest {
            tenant: tenant.map(str::to_owned),
            client_id: application.map(str::to_owned),
            cloud: Some(cloud),
            ..ConnectRequest::default()
        };
        link(&connect).map(|url| url.to_string())
    }

    #[test]
    fn the_link_names_tenant_and_application_at_the_sign_in_service_of_the_cloud() {
        let world = "https://login.microsoftonline.com";
        let query = format!("adminconsent?client_id={APPLICATION}");
        for (tenant, cloud, expected) in [
            (Some(TENANT), Cloud::Commercial, format!("{world}/{TENANT}/{query}")),
            (Some("contoso.example"), Cloud::Gcc, format!("{world}/contoso.example/{query}")),
            (None, Cloud::EuropeanUnion, format!("{world}/organizations/{query}")),
            (
                Some(TENANT),
                Cloud::GccHigh,
                format!("https://login.microsoftonline.us/{TENANT}/{query}"),
            ),
        ] {
            assert_eq!(of(tenant, Some(APPLICATION), cloud).unwrap(), expected);
        }
    }

    #[test]
    fn no_link_is_made_of_what_is_no_id() {
        assert_eq!(of(Some(TENANT), None, Cloud::Commercial).unwrap_err().kind.code(), 2);
        for (tenant, application) in [("contoso", APPLICATION), (TENANT, "app&scope=all")] {
            assert!(of(Some(tenant), Some(application), Cloud::Commercial).is_err());
        }
    }
}
