//! What the lists of a run say of themselves beside their devices: which tenants their rows name,
//! and whether an export was cut off.

use std::collections::BTreeMap;

use crate::domain::export::cut_after;
use crate::domain::text::printable;
use crate::domain::{Facts, Target, TenantId};
use crate::intake::SourceSummary;
use crate::ops::failure::Failure;
use crate::report::human::{count, counted, first_of};

/// Tenants that are told apart.
const TENANTS: usize = 1_000;

/// Tenants that a warning names.
const SHOWN: usize = 3;

/// Rows that name their tenant so.
#[derive(Clone, Debug, Default)]
struct OfName {
    rows: u64,
    /// It is another one than the run's, as far as that is known.
    is_foreign: bool,
}

/// What the lists say of themselves.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListNotes {
    /// Rows of each tenant that is named.
    tenants: BTreeMap<TenantId, u64>,
    /// What the run's own tenant is called is known, so that a name tells whose a row is.
    pub(crate) own_is_named: bool,
    /// Rows of each that is named otherwise than by its id.
    names: BTreeMap<String, OfName>,
    /// Rows that name no tenant.
    unnamed: u64,
    /// Those of the list that is being read.
    here: BTreeMap<TenantId, u64>,
    /// Lists that look cut off, or whose ids may be something else.
    doubts: Vec<String>,
    /// That a list was cut off, if one was.
    pub(crate) cut_off: Option<String>,
}

impl ListNotes {
    /// Takes in the tenant that a row names, and whether that is another one than the run's.
    pub(crate) fn row(&mut self, facts: &Facts, is_foreign: bool) {
        let Some(tenant) = facts.tenancy.told() else {
            return self.name(facts.tenant_name.as_deref(), is_foreign);
        };
        for rows in [&mut self.tenants, &mut self.here] {
            if rows.len() < TENANTS || rows.contains_key(&tenant) {
                *rows.entry(tenant).or_default() += 1;
            }
        }
    }

    fn name(&mut self, name: Option<&str>, is_foreign: bool) {
        let Some(name) = name.map(str::to_lowercase) else {
            self.unnamed += 1;
            return;
        };
        if self.names.len() < TENANTS || self.names.contains_key(&name) {
            let told = self.names.entry(name).or_default();
            told.rows += 1;
            told.is_foreign |= is_foreign;
        }
    }

    /// Ends a list.
    pub(crate) fn end_of(&mut self, name: &str, summary: &SourceSummary) {
        let (rows, list) = (summary.rows, printable(name));
        if let Some(column) = &summary.guessed {
            self.doubts.push(format!(
                "the ids of {list} are those of its {column}, whose header does not say that they \
                 are ids of devices: make sure that they are, and no hashes of files; --column \
                 says so"
            ));
        }
        if let Some(line) = summary.cut_off {
            let why = format!(
                "{list} stops within line {line}, as a file does that was cut off while it was \
                 saved or copied: devices may be missing"
            );
            self.doubts.push(format!("{why}; export it once more"));
            self.cut_off.get_or_insert(why);
        }
        let by_tenant: Vec<u64> = std::mem::take(&mut self.here).into_values().collect();
        let Some(after) = cut_after(rows, &by_tenant) else { return };
        let of = if after == rows { "" } else { " of one tenant" };
        self.doubts.push(format!(
            "{list} has exactly {} rows{of}, and exports end at that number (advanced hunting, the \
             device list; 50,000 for all tenants of a query): devices may be missing; export it in \
             parts, or compare the count with the portal's",
            count(after)
        ));
    }

    /// What the plan warns of, for a run towards this tenant.
    pub(crate) fn warnings(&self, own: Option<TenantId>, emulated: bool) -> Vec<String> {
        let of_tenants = self.of_tenants(own, emulated).into_iter().chain(self.of_names(emulated));
        self.doubts.iter().cloned().chain(of_tenants).chain(self.of_nobody(own)).collect()
    }

    /// A list of several tenants, some rows of which do not say whose they are.
    fn of_nobody(&self, own: Option<TenantId>) -> Option<String> {
        let others = self.tenants.keys().any(|tenant| own.is_some_and(|own| own != *tenant));
        let is_mixed = others || self.names.values().any(|told| told.is_foreign);
        if self.unnamed == 0 || !is_mixed {
            return None;
        }
        let (rows, names) =
            (counted(self.unnamed, "row"), if self.unnamed == 1 { "names" } else { "name" });
        Some(format!(
            "{rows} of a list of several tenants {names} none, and are sent to this one: fill in \
             their tenant, or take them out"
        ))
    }

    fn of_tenants(&self, own: Option<TenantId>, emulated: bool) -> Option<String> {
        let others = self.tenants.iter().filter(|(tenant, _)| Some(**tenant) != own);
        let others: Vec<(&TenantId, &u64)> = others.collect();
        let of =
            |(tenant, rows): &(&TenantId, &u64)| format!("{} of {tenant}", counted(**rows, "row"));
        let named = first_of(&others.iter().map(of).collect::<Vec<_>>(), SHOWN, "tenant");
        match (own, others.len()) {
            (_, 0) => None,
            (Some(_), _) => Some(format!(
                "rows of other tenants are never sent to this one: {named}; scan each tenant by \
                 itself, with its own settings"
            )),
            (None, 1) if emulated => None,
            (None, _) if emulated => Some(format!(
                "the list is of several tenants ({named}): a run orders only what is of its own; \
                 the emulator takes all"
            )),
            (None, _) => Some(format!(
                "the list names its tenant ({named}), and this plan does not know which one it is \
                 for: a run skips the rows of every other one"
            )),
        }
    }

    fn of_names(&self, emulated: bool) -> Option<String> {
        let foreign: Vec<_> = self.names.iter().filter(|(_, told)| told.is_foreign).collect();
        if !foreign.is_empty() {
            return Some(format!(
                "rows of other tenants are never sent to this one: {}; scan each tenant with its \
                 own profile, or all of them with --all-profiles",
                by_name(&foreign)
            ));
        }
        let unsure: Vec<_> = self.names.iter().filter(|_| !self.own_is_named).collect();
        match unsure.len() {
            0 => None,
            1 if emulated => None,
            1 => Some(format!(
                "the list names its tenant ({}), and nothing says whether that is the one of this \
                 run",
                by_name(&unsure)
            )),
            _ => Some(format!(
                "the list is of several tenants ({}): a run orders only what is of its own{}",
                by_name(&unsure),
                if emulated { "; the emulator takes all" } else { "" }
            )),
        }
    }

    /// Refuses a list whose rows name tenants where it is not known which one the run is for.
    ///
    /// # Errors
    /// `Failure` says how to name it.
    pub(crate) fn check(&self, target: &Target, emulated: bool) -> Result<(), Failure> {
        if emulated {
            return Ok(());
        }
        let unsure: Vec<_> = self.names.iter().filter(|_| !self.own_is_named).collect();
        if unsure.len() > 1 {
            return Err(Failure::usage(
                "nothing was ordered: rows of another tenant could be sent to this one",
                format!("the list names several tenants: {}", by_name(&unsure)),
                "say with --profile whose devices are meant: rows that name another profile or \
                 domain are skipped then",
            ));
        }
        if self.tenants.is_empty() || target.tenant.parse::<TenantId>().is_ok() {
            return Ok(());
        }
        Err(Failure::usage(
            "nothing was ordered: rows of another tenant could be sent to this one",
            format!(
                "the rows of the list name their tenants by id, and of this one only `{}` is known",
                printable(&target.tenant)
            ),
            "name the tenant by its id (--tenant, or AZURE_TENANT_ID), then run the same command \
             again",
        ))
    }
}

fn by_name(named: &[(&String, &OfName)]) -> String {
    let of = |(name, told): &(&String, &OfName)| {
        format!("{} of `{}`", counted(told.rows, "row"), printable(name))
    };
    first_of(&named.iter().map(of).collect::<Vec<_>>(), SHOWN, "tenant")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Tenancy;

    fn tenant(n: u64) -> TenantId {
        format!("{n:08x}-2222-3333-4444-555555555555").parse().unwrap()
    }

    fn rows(rows: u64) -> SourceSummary {
        SourceSummary { rows, ..SourceSummary::default() }
    }

    fn of(tenant: Option<TenantId>) -> Facts {
        Facts { tenancy: Tenancy { tenant, ..Tenancy::default() }, ..Facts::default() }
    }

    #[test]
    fn rows_that_name_nobody_in_a_list_of_several_tenants_are_warned_of() {
        let own = Some(tenant(1));
        let of_nobody = |rows: &[u64]| told(rows).of_nobody(own);
        assert_eq!(of_nobody(&[1, 1]), None, "all others are its own");
        let warning = of_nobody(&[1, 2]).unwrap();
        assert!(warning.starts_with("1 row of a list of several tenants names none"), "{warning}");
        let mut by_name = named(&[("else", true)], true);
        by_name.row(&of(None), false);
        assert!(by_name.of_nobody(None).is_some());
    }

    fn told(rows: &[u64]) -> ListNotes {
        let mut told = ListNotes::default();
        rows.iter().for_each(|n| told.row(&of(Some(tenant(*n))), false));
        told.row(&of(None), false);
        told
    }

    fn named(rows: &[(&str, bool)], own_is_named: bool) -> ListNotes {
        let mut told = ListNotes { own_is_named, ..ListNotes::default() };
        for (name, is_foreign) in rows {
            let facts = Facts { tenant_name: Some((*name).to_owned()), ..Facts::default() };
            told.row(&facts, *is_foreign);
        }
        told
    }

    #[test]
    fn tenants_that_are_named_by_profile_are_told_and_several_are_refused_where_none_is_known() {
        let target = Target { tenant: tenant(1).to_string(), ..target("") };
        let all = named(&[("cust-a", false), ("cust-b", true), ("CUST-B", true)], true);
        let warned = all.warnings(Some(tenant(1)), false).remove(0);
        assert!(warned.contains("never sent to this one: 2 rows of `cust-b`"), "{warned}");
        assert!(all.check(&target, false).is_ok(), "they are skipped");
        assert_eq!(named(&[("cust-a", false)], true).warnings(None, false), [""; 0]);
        let one = named(&[("contoso", false)], false);
        assert!(one.warnings(None, false)[0].contains("nothing says whether"));
        assert!(one.check(&target, false).is_ok());
        let two = named(&[("cust-a", false), ("cust-b", false)], false);
        let refused = two.check(&target, false).unwrap_err();
        assert!(refused.why.contains("1 row of `cust-a`, 1 row of `cust-b`"), "{refused:?}");
        assert!(two.check(&target, true).is_ok(), "an emulator has no tenants");
    }

    fn target(tenant: &str) -> Target {
        Target {
            api_origin: "https://api.security.microsoft.com".to_owned(),
            tenant: tenant.to_owned(),
            application: "a".to_owned(),
            cloud: "public".to_owned(),
        }
    }

    #[test]
    fn other_tenants_are_warned_of_by_their_ids_and_the_own_one_is_not() {
        let own = Some(tenant(1));
        assert_eq!(told(&[]).warnings(own, false), [""; 0]);
        assert_eq!(told(&[1, 1]).warnings(own, false), [""; 0]);
        let warned = told(&[1, 2, 2]).warnings(own, false).remove(0);
        assert!(warned.contains("2 rows of 00000002-2222-3333-4444-555555555555"), "{warned}");
        assert!(!warned.contains("00000001"), "{warned}");
        let many = told(&[2, 3, 4, 5, 6]).warnings(own, false).remove(0);
        assert!(many.contains("and 2 more tenants"), "{many}");
        let unknown = told(&[2]).warnings(None, false).remove(0);
        assert!(unknown.contains("does not know which one"), "{unknown}");
        assert_eq!(told(&[2, 2]).warnings(None, true), [""; 0]);
        assert!(told(&[2, 3]).warnings(None, true)[0].contains("several tenants"));
    }

    #[test]
    fn a_list_that_names_tenants_is_refused_where_the_own_one_has_no_id() {
        let named = told(&[1]);
        assert!(named.check(&target("contoso.example"), false).is_err());
        assert!(named.check(&target("organizations"), false).is_err());
        assert!(named.check(&target("EMULATED"), true).is_ok());
        assert!(named.check(&target(&tenant(2).to_string().to_uppercase()), false).is_ok());
        assert!(told(&[]).check(&target("contoso.example"), false).is_ok());
    }

    #[test]
    fn a_list_that_was_cut_off_is_told_by_its_name_and_number() {
        let mut told = ListNotes::default();
        told.end_of("a\u{1b}.csv", &rows(9_999));
        told.end_of("b\u{1b}.csv", &rows(10_000));
        let warned = told.warnings(None, false);
        assert_eq!(warned.len(), 1);
        assert!(warned[0].starts_with("b\\u{1b}.csv has exactly 10,000 rows, "), "{warned:?}");
        (0..25_000).for_each(|_| told.row(&of(Some(tenant(1))), false));
        told.row(&of(Some(tenant(2))), false);
        told.end_of("c.csv", &rows(25_001));
        assert!(told.warnings(Some(tenant(1)), false)[1].contains("25,000 rows of one tenant"));
    }
}
