//! The tenants that a worker can sign in to, as its settings say them, and which of them a campaign
//! belongs to.

use std::fmt;

use crate::domain::Target;
use crate::domain::request::ConnectRequest;
use crate::domain::service::id_of;
use crate::domain::text::printable;
use crate::ops::connection::target_of;
use crate::ops::failure::Failure;
use crate::ops::stores::with_tenant_id_of;
use crate::store::Store;

/// The tenants that a worker can sign in to.
pub(super) struct Tenants(Vec<Known>);

struct Known {
    connect: ConnectRequest,
    /// Whose campaigns they are for; empty where only the token says it.
    said: Target,
    /// The one spelling of that; `None` where it is empty.
    tenant: Option<String>,
    application: Option<String>,
}

impl Tenants {
    /// Those of these settings; the id of one that is given by its domain is looked for in the
    /// store.
    ///
    /// # Errors
    /// `Failure` names the setting that is wrong, or says that the store cannot be read.
    pub(super) async fn known<S: Store>(
        store: &S,
        all: Vec<ConnectRequest>,
    ) -> Result<Self, Failure> {
        let mut known = Vec::with_capacity(all.len());
        for connect in all {
            let (said, _) = target_of(&connect)?;
            let said = with_tenant_id_of(store, said).await?;
            let one = |text: &String| if text.is_empty() { None } else { Some(id_of(text)) };
            let (tenant, application) = (one(&said.tenant), one(&said.application));
            known.push(Known { connect, said, tenant, application });
        }
        Ok(Self(known))
    }

    /// Whether a campaign's name alone does not say whose it is.
    pub(super) fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// The settings of the tenant and the application that this target names. Settings that name
    /// them are preferred to those that leave it to the token.
    pub(super) fn of(&self, target: &Target) -> Option<&ConnectRequest> {
        // Spelled once, since each campaign is compared with the settings of all tenants.
        let (tenant, application) = (id_of(&target.tenant), id_of(&target.application));
        let is = |said: &Option<String>, there: &String| said.as_ref().is_none_or(|id| id == there);
        let fits = |one: &&Known| is(&one.tenant, &tenant) && is(&one.application, &application);
        let fitting = self.0.iter().filter(fits);
        fitting.max_by_key(|one| one.tenant.is_some()).map(|one| &one.connect)
    }
}

impl fmt::Display for Tenants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => f.write_str("no tenant"),
            [one] => match (&one.connect.profile, one.said.tenant.as_str()) {
                (Some(profile), _) => write!(f, "the profile {}", printable(profile)),
                (None, "") => f.write_str("the tenant of its token"),
                (None, tenant) => write!(f, "the tenant {}", printable(tenant)),
            },
            all => write!(f, "{} profiles", all.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::domain::Timing;
    use crate::store::memory::MemoryStore;

    const TENANT: &str = "11111111-2222-3333-4444-555555555555";

    fn settings(profile: &str, tenant: Option<&str>, application: Option<&str>) -> ConnectRequest {
        ConnectRequest {
            profile: Some(profile.to_owned()),
            tenant: tenant.map(str::to_owned),
            client_id: application.map(str::to_owned),
            ..ConnectRequest::default()
        }
    }

    fn target(tenant: &str, application: &str) -> Target {
        Target {
            api_origin: "https://api.security.microsoft.com".to_owned(),
            tenant: tenant.to_owned(),
            application: application.to_owned(),
            cloud: "commercial".to_owned(),
        }
    }

    async fn of(all: Vec<ConnectRequest>, target: &Target) -> Option<String> {
        let store = MemoryStore::new(SystemClock::with_offset(0), Timing::default());
        let origin = &target.api_origin;
        store.note_tenant(origin, "contoso.example", TENANT).await.unwrap();
        let known = Tenants::known(&store, all).await.unwrap();
        known.of(target).and_then(|connect| connect.profile.clone())
    }

    #[tokio::test]
    async fn settings_are_a_campaigns_if_they_name_its_tenant_and_application_or_leave_them_out() {
        let target = target(TENANT, "app");
        let upper = TENANT.to_uppercase();
        let named = settings("named", Some(&upper), Some("APP"));
        let open = settings("open", None, None);
        assert_eq!(of(vec![open.clone(), named], &target).await.as_deref(), Some("named"));
        assert_eq!(of(vec![open], &target).await.as_deref(), Some("open"));
        let domain = settings("domain", Some("contoso.example"), Some("app"));
        assert_eq!(of(vec![domain], &target).await.as_deref(), Some("domain"));
    }

    #[tokio::test]
    async fn settings_of_another_tenant_or_application_are_never_taken() {
        let target = target(TENANT, "app");
        let other = "21111111-2222-3333-4444-555555555555";
        for wrong in [
            settings("tenant", Some(other), Some("app")),
            settings("application", Some(TENANT), Some("other")),
            settings("domain", Some("fabrikam.example"), Some("app")),
        ] {
            assert_eq!(of(vec![wrong.clone()], &target).await, None, "{wrong:?}");
        }
    }
}
