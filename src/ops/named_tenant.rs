//! What people call a tenant. It reads no settings; they are handed in.

use crate::domain::service::{id_of, is_domain};
use crate::store::{Store, StoreError};

/// A tenant, and what people call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedTenant {
    /// Its id or a domain of it.
    pub tenant: String,
    /// Its profile.
    pub name: String,
}

/// What people call a tenant, if one of these says so.
pub fn name_of<'a>(names: &'a [NamedTenant], tenant: &str) -> Option<&'a str> {
    let found = names.iter().find(|one| id_of(&one.tenant) == id_of(tenant));
    found.map(|one| one.name.as_str())
}

/// The same tenants by their ids: who is named by a domain is known by the id that a sign-in at
/// this service told, if one did.
///
/// # Errors
/// `StoreError` if the store fails.
pub async fn by_ids<S: Store>(
    store: &S,
    names: &[NamedTenant],
    service: &str,
) -> Result<Vec<NamedTenant>, StoreError> {
    let mut known = names.to_vec();
    for one in known.iter_mut().filter(|one| is_domain(&one.tenant)) {
        if let Some(told) = store.tenant_named(service, &one.tenant).await? {
            one.tenant = told;
        }
    }
    Ok(known)
}
