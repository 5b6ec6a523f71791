//! Whose a row is of a list of several tenants. What the row says of its tenant is read elsewhere.

use super::facts::Facts;
use super::tenant_id::TenantId;

/// Which rows are taken of a list of several tenants: those that name this one, and no other. The
/// rest is passed over without a word, since no customer is to see another one's devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnlyOf {
    /// Its id, if that is known.
    pub tenant: Option<TenantId>,
    /// What it is called: its profile, its domain.
    pub names: Vec<String>,
}

impl OnlyOf {
    /// Whether a row with these facts is one of its own. An id tells more than a name.
    pub fn has(&self, facts: &Facts) -> bool {
        match facts.tenancy.told() {
            Some(told) => self.tenant == Some(told),
            None => facts.tenant_name.as_ref().is_some_and(|name| self.is_called(name)),
        }
    }

    /// Whether a row with these facts names another tenant than this one. What says nothing names
    /// none, and so does a name where nothing says what this one is called.
    pub fn is_anothers(&self, facts: &Facts) -> bool {
        match (facts.tenancy.told(), &facts.tenant_name) {
            (Some(told), _) => self.tenant.is_some_and(|own| own != told),
            (None, Some(name)) => !self.names.is_empty() && !self.is_called(name),
            (None, None) => false,
        }
    }

    /// Whether it is called so, in any case.
    pub fn is_called(&self, name: &str) -> bool {
        self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Tenancy;

    fn id(n: u8) -> Option<TenantId> {
        format!("{n:08x}-2222-3333-4444-555555555555").parse().ok()
    }

    fn row(tenant: Option<TenantId>, name: Option<&str>) -> Facts {
        let tenancy = Tenancy { tenant, ..Tenancy::default() };
        Facts { tenancy, tenant_name: name.map(str::to_owned), ..Facts::default() }
    }

    #[test]
    fn a_row_is_the_tenants_that_it_names_by_id_or_by_name_and_of_nobody_else() {
        let own = OnlyOf { tenant: id(1), names: vec!["cust-a".into(), "a.example".into()] };
        for facts in [row(id(1), None), row(None, Some("Cust-A")), row(None, Some("a.example"))] {
            assert!(own.has(&facts), "{facts:?}");
        }
        for facts in [
            row(id(2), None),
            row(None, Some("cust-b")),
            row(None, None),
            row(id(2), Some("cust-a")),
        ] {
            assert!(!own.has(&facts), "{facts:?}");
        }
        let unknown = OnlyOf { tenant: None, names: Vec::new() };
        for (facts, is_anothers) in [
            (row(id(2), Some("cust-a")), true),
            (row(None, Some("cust-b")), true),
            (row(id(1), Some("cust-b")), false),
            (row(None, Some("Cust-A")), false),
            (row(None, None), false),
        ] {
            assert_eq!(own.is_anothers(&facts), is_anothers, "{facts:?}");
            assert!(!unknown.is_anothers(&facts), "nothing is known of it: {facts:?}");
        }
        assert!(!unknown.has(&row(None, None)), "what names nobody is nobody's");
    }
}
