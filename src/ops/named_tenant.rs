//! What people call a tenant. It reads no settings; they are handed in.

/// A tenant, and what people call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedTenant {
    /// Its id or a domain of it.
    pub tenant: String,
    /// Its profile.
    pub name: String,
}
