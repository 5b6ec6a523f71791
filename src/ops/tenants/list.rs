//! Whose the rows of a list of several tenants are. It is read once before anybody signs in, so
//! that a row that names no tenant, or one that nobody knows, is told before anything is ordered.

use std::collections::BTreeMap;
use std::path::Path;

use super::Tenant;
use crate::domain::request::ScanRequest;
use crate::domain::service::is_domain;
use crate::domain::text::printable;
use crate::domain::{Facts, OnlyOf, TenantId};
use crate::ops::failure::Failure;
use crate::ops::plan::{listing, source};
use crate::report::human::{counted, first_of};

/// Names of strangers that a message tells.
const SHOWN: usize = 5;

/// What the rows of a list name, and how many name it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Named {
    ids: BTreeMap<TenantId, u64>,
    names: BTreeMap<String, u64>,
    nobody: u64,
}

impl Named {
    fn add(&mut self, facts: &Facts) {
        match (facts.tenancy.told(), &facts.tenant_name) {
            (Some(id), _) => *self.ids.entry(id).or_default() += 1,
            (None, Some(name)) => *self.names.entry(name.to_lowercase()).or_default() += 1,
            (None, None) => self.nobody += 1,
        }
    }
}

/// Whose the rows of a list are.
#[derive(Debug, Default)]
pub(super) struct Split {
    /// Rows of each tenant, in the order of the tenants.
    pub rows: Vec<u64>,
    /// What is to be known of the rest, for people.
    pub notes: Vec<String>,
    /// Rows that nobody is asked about and that should have been somebody's.
    pub lost: u64,
}

/// Reads the list for whose its rows are. `owns` says what is each tenant's own, in their order,
/// and `all` that these are all tenants that there are.
///
/// # Errors
/// `Failure` if the list is refused, if no row names a tenant, or if rows are nobody's and may not
/// be passed over.
pub(super) async fn split(
    request: &ScanRequest,
    tenants: &[Tenant],
    owns: &[OnlyOf],
    all: bool,
) -> Result<Split, Failure> {
    if request.devices.iter().any(|path| path == Path::new("-")) {
        return Err(Failure::usage(
            "a list of several tenants cannot come from standard input",
            "it is read once for each of them",
            "write it into a file and name that",
        ));
    }
    let options = source::options_of(request);
    let named: Named = listing::survey(&request.devices, options, Named::add).await?;
    judge(&named, tenants, owns, &Rules { all, skips: request.skip_bad_rows })
}

/// What is done about rows that are nobody's.
struct Rules {
    /// The tenants are all that there are.
    all: bool,
    /// Such rows are passed over.
    skips: bool,
}

fn judge(
    named: &Named,
    tenants: &[Tenant],
    owns: &[OnlyOf],
    rules: &Rules,
) -> Result<Split, Failure> {
    if named.ids.is_empty() && named.names.is_empty() {
        return Err(Failure::usage(
            "nothing was ordered: the list does not say whose its devices are",
            "no column names their tenants, and several tenants are meant",
            "add a column `Tenant` with the tenant's id or the profile's name, scan each tenant's \
             own devices with --from-tenant, or name one tenant with --profile",
        ));
    }
    let ids = |own: &OnlyOf| own.tenant.and_then(|id| named.ids.get(&id)).copied().unwrap_or(0);
    let called = |own: &OnlyOf| -> u64 {
        named.names.iter().filter(|(name, _)| own.is_called(name)).map(|(_, rows)| rows).sum()
    };
    let rows = owns.iter().map(|own| ids(own) + called(own)).collect();
    let is_known_id = |id: &TenantId| owns.iter().any(|own| own.tenant == Some(*id));
    let is_known_name = |name: &str| owns.iter().any(|own| own.is_called(name));
    let by_id = named.ids.iter().filter(|(id, _)| !is_known_id(id));
    let by_name = named.names.iter().filter(|(name, _)| !is_known_name(name));
    let strangers: Vec<(String, u64)> = by_id
        .map(|(id, rows)| (id.to_string(), *rows))
        .chain(by_name.map(|(name, rows)| (printable(name), *rows)))
        .collect();
    let lost: u64 = strangers.iter().map(|(_, rows)| rows).sum();
    let mut split = Split { rows, ..Split::default() };
    if !strangers.is_empty() {
        let told = told(&strangers);
        if rules.all && !rules.skips {
            return Err(nobodys(&told, tenants, owns));
        }
        split.notes.push(format!("rows of tenants that are not meant are passed over: {told}"));
        split.lost += if rules.all { lost } else { 0 };
    }
    if named.nobody > 0 {
        let rows = counted(named.nobody, "row");
        if !rules.skips {
            return Err(Failure::usage(
                "nothing was ordered: rows of the list are nobody's",
                format!("{rows} name no tenant"),
                "fill in their tenant, or pass them over with --skip-bad-rows",
            ));
        }
        split.notes.push(format!("{rows} name no tenant and are passed over"));
        split.lost += named.nobody;
    }
    Ok(split)
}

fn told(strangers: &[(String, u64)]) -> String {
    let of = |(name, rows): &(String, u64)| format!("{} of {name}", counted(*rows, "row"));
    first_of(&strangers.iter().map(of).collect::<Vec<_>>(), SHOWN, "tenant")
}

fn nobodys(told: &str, tenants: &[Tenant], owns: &[OnlyOf]) -> Failure {
    let unknown =
        |(tenant, own): &(&Tenant, &OnlyOf)| own.tenant.is_none() && is_domain(tenant.said());
    let by_domain = tenants.iter().zip(owns).find(unknown);
    let next = match by_domain {
        Some((tenant, _)) => format!(
            "the id of the profile {}, which names its tenant by a domain, is not known yet: write \
             the id into the settings; or pass such rows over with --skip-bad-rows",
            printable(&tenant.name)
        ),
        None => "add their profiles to the settings, take the rows out, or pass them over with \
                 --skip-bad-rows"
            .to_owned(),
    };
    let what = "nothing was ordered: no profile is of some tenants of the list";
    Failure::usage(what, told, next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::ConnectRequest;

    const ID: &str = "11111111-2222-3333-4444-555555555555";

    fn tenants() -> Vec<Tenant> {
        let tenant = |name: &str, tenant: &str| ConnectRequest {
            profile: Some(name.to_owned()),
            tenant: Some(tenant.to_owned()),
            ..ConnectRequest::default()
        };
        Tenant::all(vec![tenant("cust-a", ID), tenant("cust-b", "b.example")])
    }

    fn split(rows: &[(&str, u64)], all: bool, skips: bool) -> Result<Split, Failure> {
        let mut named = Named::default();
        for (name, rows) in rows {
            match name.parse() {
                Ok(id) => *named.ids.entry(id).or_default() += rows,
                Err(_) if name.is_empty() => named.nobody += rows,
                Err(_) => *named.names.entry((*name).to_owned()).or_default() += rows,
            }
        }
        let tenants = tenants();
        let owns: Vec<OnlyOf> = tenants.iter().map(|one| one.own_rows(None)).collect();
        judge(&named, &tenants, &owns, &Rules { all, skips })
    }

    #[test]
    fn rows_are_the_tenants_that_they_name_by_id_by_profile_or_by_domain() {
        let rows = [(ID, 3), ("cust-a", 2), ("cust-b", 1), ("b.example", 4)];
        let split = split(&rows, true, false).unwrap();
        assert_eq!((split.rows, split.notes.len(), split.lost), (vec![5, 5], 0, 0));
    }

    #[test]
    fn a_row_that_is_nobodys_stops_the_plan_unless_it_may_be_passed_over() {
        let other = "31111111-2222-3333-4444-555555555555";
        for stranger in [other, "cust-c", ""] {
            let rows = [(ID, 3), (stranger, 2)];
            assert_eq!(split(&rows, true, false).unwrap_err().kind.code(), 2, "{stranger}");
            let passed = split(&rows, true, true).unwrap();
            assert_eq!((passed.lost, passed.notes.len()), (2, 1), "{stranger}");
        }
        // Who names some profiles leaves the others out on purpose.
        let some = split(&[(ID, 3), ("cust-c", 2)], false, false).unwrap();
        assert_eq!((some.rows, some.lost, some.notes.len()), (vec![3, 0], 0, 1));
        let none = split(&[("", 5)], true, true).unwrap_err();
        assert!(none.why.contains("no column names their tenants"), "{none}");
    }
}
