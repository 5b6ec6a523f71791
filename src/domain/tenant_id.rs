//! The id of a tenant, as lists name it: rows of another tenant than the one of a run are never
//! sent to it.

use std::fmt;
use std::str::FromStr;

/// The id of a tenant: a GUID other than the one of nothing but zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(u128);

/// What a row, and what stands around it, says of its tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tenancy {
    /// What a column says that can mean nothing else.
    pub tenant: Option<TenantId>,
    /// What stands in a column `TenantId`.
    pub tenant_id: Option<TenantId>,
    /// The list is of a Log Analytics workspace, whose id stands in its column `TenantId`.
    pub of_workspace: bool,
}

impl Tenancy {
    /// The tenant that the list says it is of.
    pub fn told(self) -> Option<TenantId> {
        let tenant_id = if self.of_workspace { None } else { self.tenant_id };
        self.tenant.or(tenant_id)
    }

    /// What two columns say together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            tenant: self.tenant.or(other.tenant),
            tenant_id: self.tenant_id.or(other.tenant_id),
            of_workspace: self.of_workspace || other.of_workspace,
        }
    }

    /// What is said, inside of something that names the tenant of all that it holds.
    #[must_use]
    pub fn within(self, outer: Self) -> Self {
        if self.told().is_some() { self } else { Self { tenant: outer.told(), ..self } }
    }
}

/// The text is no id of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotATenantId;

impl FromStr for TenantId {
    type Err = NotATenantId;

    /// Reads a GUID in any case, in braces or not.
    fn from_str(text: &str) -> Result<Self, NotATenantId> {
        let text = text.trim();
        let bare = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        let text = bare.unwrap_or(text);
        let has_form = match text.len() {
            32 => text.bytes().all(|byte| byte.is_ascii_hexdigit()),
            36 => text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            }),
            _ => false,
        };
        if !has_form {
            return Err(NotATenantId);
        }
        match u128::from_str_radix(&text.replace('-', ""), 16) {
            Ok(id) if id != 0 => Ok(Self(id)),
            _ => Err(NotATenantId),
        }
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        let (a, b, c) = (&hex[..8], &hex[8..12], &hex[12..16]);
        write!(f, "{a}-{b}-{c}-{}-{}", &hex[16..20], &hex[20..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenant_of_a_row_is_told_by_its_column_unless_that_holds_a_workspace() {
        let id = |n: u8| format!("{n:08x}-2222-3333-4444-555555555555").parse().ok();
        let row = Tenancy { tenant_id: id(1), ..Tenancy::default() };
        assert_eq!(row.told(), id(1));
        let workspace = Tenancy { of_workspace: true, ..row };
        assert_eq!(workspace.told(), None);
        assert_eq!(Tenancy { tenant: id(2), ..workspace }.told(), id(2));
        assert_eq!(Tenancy { tenant: id(2), ..row }.told(), id(2), "it says so for sure");
        assert_eq!(Tenancy::default().told(), None);
        assert_eq!(Tenancy::default().within(row).told(), id(1));
        assert_eq!(workspace.within(row).told(), id(1));
        let other = Tenancy { tenant_id: id(3), ..Tenancy::default() };
        assert_eq!(other.within(row).told(), id(3), "what stands nearer counts");
    }

    #[test]
    fn a_tenant_is_the_same_in_every_way_to_write_its_id_and_other_words_are_none() {
        let id = "0a111111-2222-3333-4444-55555555555F";
        let parsed: TenantId = id.parse().unwrap();
        assert_eq!(parsed.to_string(), id.to_lowercase());
        for same in [id.to_lowercase(), format!(" {{{id}}} "), id.replace('-', "")] {
            assert_eq!(same.parse(), Ok(parsed), "{same}");
        }
        let zeros = "00000000-0000-0000-0000-000000000000";
        for none in ["", "Contoso", "contoso.onmicrosoft.com", "EMULATED", zeros, &id[1..], "é"] {
            assert_eq!(none.parse::<TenantId>(), Err(NotATenantId), "{none}");
        }
    }
}
