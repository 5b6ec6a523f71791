//! Commands about several tenants at once, each with its profile of the settings: one campaign for
//! each under one name, one plan and one answer for all, one table of how they ended. What is done
//! for one tenant is what the command does for one; how their campaigns run beside each other is
//! `work`'s.

mod agreement;
pub mod cancel;
pub mod doctor;
mod files;
mod list;
pub mod named;
mod parts;
mod planned;
mod rest;
pub mod retry;
pub mod scan;

use crate::domain::OnlyOf;
use crate::domain::request::ConnectRequest;
use crate::domain::service::{id_of, unbraced};
use crate::domain::text::printable;
use crate::ops::failure::Failure;

/// Which tenants are meant.
#[derive(Clone, Debug, Default)]
pub struct TenantsMeant {
    /// What is said of each of them.
    pub connects: Vec<ConnectRequest>,
    /// They are all that the settings know.
    pub all: bool,
}

/// One of several tenants.
#[derive(Clone, Debug)]
struct Tenant {
    /// What people call it: its profile.
    name: String,
    /// What its profile says.
    connect: ConnectRequest,
}

impl Tenant {
    /// Those of these settings.
    fn all(connects: Vec<ConnectRequest>) -> Vec<Self> {
        let tenant = |connect: ConnectRequest| {
            let name = connect.profile.clone().or_else(|| connect.tenant.clone());
            Self { name: name.unwrap_or_default(), connect }
        };
        connects.into_iter().map(tenant).collect()
    }

    /// Its id or domain, as its profile says it.
    fn said(&self) -> &str {
        unbraced(self.connect.tenant.as_deref().unwrap_or_default())
    }

    /// The rows that are its own of a list of several tenants.
    fn own_rows(&self, id: Option<&str>) -> OnlyOf {
        let names = [self.name.clone(), self.said().to_owned()].into_iter();
        OnlyOf {
            tenant: id.unwrap_or(self.said()).parse().ok(),
            names: names.filter(|name| !name.is_empty()).collect(),
        }
    }
}

/// Refuses two profiles of one tenant: its devices would be ordered twice.
fn refuse_twins(tenants: &[Tenant]) -> Result<(), Failure> {
    for (at, one) in tenants.iter().enumerate() {
        let same =
            |other: &&Tenant| !one.said().is_empty() && id_of(other.said()) == id_of(one.said());
        if let Some(other) = tenants[..at].iter().find(same) {
            return Err(Failure::usage(
                format!(
                    "the profiles {} and {} are of one tenant",
                    printable(&other.name),
                    printable(&one.name)
                ),
                "each device of it would be ordered twice",
                "name those that are meant with --profiles",
            ));
        }
    }
    Ok(())
}
