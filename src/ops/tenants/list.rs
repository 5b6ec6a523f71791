//! Whose the rows of a list of several tenants are. It is read once before anybody signs in, so
//! that a row that names no tenant, or one without a profile, is told before anything is ordered.

use std::collections::BTreeMap;
use std::path::Path;

use super::Tenant;
use crate::domain::request::ScanRequest;
use crate::domain::service::is_domain;
use crate::domain::text::printable;
use crate::domain::{OnlyOf, TenantId};
use crate::intake::Row;
use crate::ops::failure::Failure;
use crate::ops::plan::{listing, source};
use crate::report::human::{count, counted, first_of};

/// Strangers that a message tells, and places of each.
const SHOWN: usize = 5;

/// Rows that name the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rows {
    count: u64,
    /// Where the first of them stand.
    first: Vec<String>,
}

impl Rows {
    fn add(&mut self, list: Option<&str>, line: u64) {
        self.count += 1;
        if self.first.len() < SHOWN {
            let list = list.map(|list| format!("{} ", printable(list))).unwrap_or_default();
            self.first.push(format!("{list}line {line}"));
        }
    }

    /// How many there are, whose, and where: `2 rows of cust-a (line 3, line 7)`.
    fn told(&self, whose: &str) -> String {
        let more = match self.count - self.first.len() as u64 {
            0 => String::new(),
            more => format!(" and {} more", count(more)),
        };
        format!("{} {whose} ({}{more})", counted(self.count, "row"), self.first.join(", "))
    }
}

/// What the rows of a list name, and which name it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Named {
    ids: BTreeMap<TenantId, Rows>,
    names: BTreeMap<String, Rows>,
    nobody: Rows,
}

impl Named {
    fn add(&mut self, list: Option<&str>, row: &Row) {
        let named = match (row.facts.tenancy.told(), &row.facts.tenant_name) {
            (Some(id), _) => self.ids.entry(id).or_default(),
            (None, Some(name)) => self.names.entry(name.to_lowercase()).or_default(),
            (None, None) => &mut self.nobody,
        };
        named.add(list, row.line);
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
/// `Failure` if the list is refused, if no row names a tenant, or if rows belong to no profile and
/// may not be passed over.
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

/// What is done about rows that belong to no profile.
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
    let ids =
        |own: &OnlyOf| own.tenant.and_then(|id| named.ids.get(&id)).map_or(0, |rows| rows.count);
    let called = |own: &OnlyOf| -> u64 {
        named.names.iter().filter(|(name, _)| own.is_called(name)).map(|(_, rows)| rows.count).sum()
    };
    let rows = owns.iter().map(|own| ids(own) + called(own)).collect();
    let is_known_id = |id: &TenantId| owns.iter().any(|own| own.tenant == Some(*id));
    let is_known_name = |name: &str| owns.iter().any(|own| own.is_called(name));
    let by_id = named.ids.iter().filter(|(id, _)| !is_known_id(id));
    let by_name = named.names.iter().filter(|(name, _)| !is_known_name(name));
    let strangers: Vec<(String, &Rows)> = by_id
        .map(|(id, rows)| (id.to_string(), rows))
        .chain(by_name.map(|(name, rows)| (printable(name), rows)))
        .collect();
    let nobody = &named.nobody;
    let refuses = Refused {
        strangers: rules.all && !rules.skips && !strangers.is_empty(),
        nobody: !rules.skips && nobody.count > 0,
    };
    if refuses.strangers || refuses.nobody {
        let told = told(
            if refuses.strangers { &strangers } else { &[] },
            if refuses.nobody { Some(nobody) } else { None },
        );
        return Err(refuses.failure(&told, tenants, owns));
    }
    let mut split = Split { rows, ..Split::default() };
    let nobody = Some(nobody).filter(|nobody| nobody.count > 0);
    if !strangers.is_empty() || nobody.is_some() {
        split.notes.push(format!("rows are passed over: {}", told(&strangers, nobody)));
    }
    if rules.all {
        split.lost += strangers.iter().map(|(_, rows)| rows.count).sum::<u64>();
    }
    split.lost += nobody.map_or(0, |nobody| nobody.count);
    Ok(split)
}

fn told(strangers: &[(String, &Rows)], nobody: Option<&Rows>) -> String {
    let of = |(name, rows): &(String, &Rows)| rows.told(&format!("of {name}"));
    let of: Vec<String> = strangers.iter().map(of).collect();
    let strangers = Some(first_of(&of, SHOWN, "tenant")).filter(|told| !told.is_empty());
    let nobody = nobody.map(|rows| rows.told("without a tenant"));
    strangers.into_iter().chain(nobody).collect::<Vec<_>>().join("; ")
}

/// Of which kinds the rows are for which a list is refused.
struct Refused {
    strangers: bool,
    nobody: bool,
}

impl Refused {
    fn failure(&self, told: &str, tenants: &[Tenant], owns: &[OnlyOf]) -> Failure {
        let unknown =
            |(tenant, own): &(&Tenant, &OnlyOf)| own.tenant.is_none() && is_domain(tenant.said());
        let by_domain = tenants.iter().zip(owns).find(unknown);
        let strangers = self.strangers.then(|| match by_domain {
            Some((tenant, _)) => format!(
                "write the tenant's id into the profile {}, which names its tenant by a domain \
                 whose id is not known yet, ",
                printable(&tenant.name)
            ),
            None => "add the missing profiles to the settings, ".to_owned(),
        });
        let nobody = if self.nobody { "fill in the missing tenants, " } else { "" };
        Failure::usage(
            "nothing was ordered: rows of the list belong to no profile",
            told,
            format!(
                "{}{nobody}take the rows out, or pass them over with --skip-bad-rows",
                strangers.unwrap_or_default()
            ),
        )
    }
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
        let (mut named, mut line) = (Named::default(), 1);
        for (name, rows) in rows {
            let of = match name.parse() {
                Ok(id) => named.ids.entry(id).or_default(),
                Err(_) if name.is_empty() => &mut named.nobody,
                Err(_) => named.names.entry((*name).to_owned()).or_default(),
            };
            for _ in 0..*rows {
                line += 1;
                of.add(None, line);
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
    fn rows_that_belong_to_no_profile_are_told_all_at_once_with_their_lines() {
        let rows = [(ID, 3), ("cust-c", 2), ("", 1), ("cust-d", 7)];
        let Failure { why, next, .. } = split(&rows, true, false).unwrap_err();
        assert_eq!(
            why,
            "2 rows of cust-c (line 5, line 6), 7 rows of cust-d (line 8, line 9, line 10, line \
             11, line 12 and 2 more); 1 row without a tenant (line 7)"
        );
        assert!(next.contains("the profile cust-b"), "{next}");
        assert!(next.contains("fill in the missing tenants"), "{next}");
        let passed = split(&rows, true, true).unwrap();
        assert_eq!(passed.notes, [format!("rows are passed over: {why}")]);
        // Of some profiles the rows of the others are no reason to refuse the list.
        let some = split(&rows, false, false).unwrap_err();
        assert_eq!(some.why, "1 row without a tenant (line 7)");
        assert!(!some.next.contains("profiles"), "{}", some.next);
    }

    #[test]
    fn a_row_that_belongs_to_no_profile_stops_the_plan_unless_it_may_be_passed_over() {
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
