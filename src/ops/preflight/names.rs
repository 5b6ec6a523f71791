//! From a name to a device, by the tenant's inventory. Several records can share one name, as after
//! a reinstallation: the onboarded one that was seen last is taken, and the row says so.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;

use crate::domain::text::cut;
use crate::domain::{DeviceId, Machine};
use crate::intake::NameAnswer;

/// The names of a tenant.
#[derive(Debug, Default)]
pub(crate) struct NameIndex {
    /// A name that several records share is refused.
    strict: bool,
    whole: HashMap<String, NamedRecord>,
    /// The first part of each DNS name, with the name; `None` if several names begin so.
    short: HashMap<String, Option<String>>,
    /// For how many unknown names the most like was looked for.
    proposed: AtomicUsize,
}

/// For so many unknown names the most like is looked for; no more than these are shown.
const PROPOSALS: usize = 20;

/// How much a name must be like another to be proposed: 1 is the same.
const ALIKE: f64 = 0.85;

/// Characters of a proposed name.
const SHOWN: usize = 100;

#[derive(Debug)]
struct NamedRecord {
    id: DeviceId,
    onboarded: bool,
    last_seen: Option<Timestamp>,
    records: usize,
}

impl NameIndex {
    /// No names yet.
    pub(crate) fn new(strict: bool) -> Self {
        Self { strict, ..Self::default() }
    }

    /// Takes in one record.
    pub(crate) fn add(&mut self, machine: &Machine) {
        let Some(name) = machine.name.as_deref().map(str::trim).filter(|name| !name.is_empty())
        else {
            return;
        };
        let name = plain(name);
        let first = first_part(&name).to_owned();
        let short = self.short.entry(first).or_insert_with(|| Some(name.clone()));
        if short.as_deref().is_some_and(|known| known != name) {
            *short = None;
        }
        let (id, last_seen) = (machine.id, machine.facts.last_seen);
        let one = NamedRecord { id, onboarded: machine.is_onboarded(), last_seen, records: 1 };
        match self.whole.get_mut(&name) {
            None => {
                self.whole.insert(name, one);
            }
            Some(there) => {
                let records = there.records + 1;
                // The id decides between equals, so that the order of pages does not.
                let better = (one.onboarded, one.last_seen, one.id)
                    > (there.onboarded, there.last_seen, there.id);
                if better {
                    *there = one;
                }
                there.records = records;
            }
        }
    }

    /// What a name stands for: the whole DNS name, its first part where only one name begins so, or
    /// a name without a domain where the list has one. A domain before a backslash, the `$` of an
    /// account and the dot of the root are no part of a name.
    pub(crate) fn find(&self, name: &str) -> NameAnswer {
        let name = plain(name);
        if let Some(named) = self.whole.get(&name) {
            return self.answer(named, None);
        }
        match self.short.get(&name) {
            Some(Some(whole)) => {
                let named = self.whole.get(whole);
                return named.map_or(NameAnswer::Unknown(None), |named| self.answer(named, None));
            }
            Some(None) => {
                let begins = |whole: &&String| whole.split('.').next() == Some(&*name);
                let several = self.whole.keys().filter(begins).count();
                return NameAnswer::Ambiguous(several);
            }
            None => {}
        }
        // A record in a workgroup, or one that was never asked for its domain, has the first part.
        let first = first_part(&name);
        match self.whole.get(first) {
            Some(named) if first != name => {
                self.answer(named, Some(format!("the tenant knows it as {first}")))
            }
            _ => NameAnswer::Unknown(self.nearest(&name)),
        }
    }

    /// What is answered for a name that was found.
    fn answer(&self, named: &NamedRecord, found: Option<String>) -> NameAnswer {
        if named.records == 1 {
            return NameAnswer::Device(named.id, found);
        }
        if self.strict {
            return NameAnswer::Ambiguous(named.records);
        }
        let onboarded = if named.onboarded { "onboarded and " } else { "" };
        let seen = named.last_seen.map_or_else(String::new, |at| format!(" ({at:.0})"));
        let taken = format!(
            "{} records have this name; taken: the one that is {onboarded}seen last{seen}",
            named.records
        );
        let notes: Vec<String> = found.into_iter().chain([taken]).collect();
        NameAnswer::Device(named.id, Some(notes.join("; ")))
    }

    /// The name that is most like this one, if any is. It looks at all of them, and so only for the
    /// first that are not known.
    fn nearest(&self, name: &str) -> Option<String> {
        if name.is_empty() || self.proposed.fetch_add(1, Ordering::Relaxed) >= PROPOSALS {
            return None;
        }
        let alike = |known: &str| {
            let known = if name.contains('.') { known } else { first_part(known) };
            strsim::jaro_winkler(name, known)
        };
        // Of equals the first in the alphabet, whatever the order of a table.
        let better = |best: &(f64, &String), one: &(f64, &String)| {
            one.0 > best.0 || one.0 == best.0 && one.1 < best.1
        };
        let all = self.whole.keys().map(|known| (alike(known), known));
        let best = all.reduce(|best, one| if better(&best, &one) { one } else { best });
        best.filter(|(alike, _)| *alike >= ALIKE).map(|(_, known)| cut(known, SHOWN))
    }
}

/// A name as the index keeps it.
fn plain(name: &str) -> String {
    let name = name.trim();
    let name = name.rsplit_once('\\').map_or(name, |(_, name)| name);
    name.trim_end_matches(['.', '$']).to_lowercase()
}

fn first_part(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Facts;

    fn machine(id: u8, name: &str, onboarding: &str, seen: &str) -> Machine {
        Machine {
            id: DeviceId::from_bytes([id; 20]),
            name: Some(name.to_owned()),
            facts: Facts {
                onboarding: Some(onboarding.to_owned()),
                last_seen: seen.parse().ok(),
                ..Facts::default()
            },
            tags: Vec::new(),
            risk: None,
            exposure: None,
        }
    }

    fn index(strict: bool) -> NameIndex {
        let mut index = NameIndex::new(strict);
        for one in [
            machine(1, "PC-1.a.example", "Onboarded", "2026-11-20T00:00:00Z"),
            machine(2, "pc-1.a.example", "CanBeOnboarded", "2026-11-24T00:00:00Z"),
            machine(3, "pc-1.a.example", "Onboarded", "2026-11-22T10:11:12.5Z"),
            machine(4, "pc-2.a.example", "Onboarded", ""),
            machine(5, "pc-3.a.example", "Onboarded", ""),
            machine(6, "pc-3.b.example", "Onboarded", ""),
            machine(7, "old", "InsufficientInfo", "2026-01-01T00:00:00Z"),
            machine(8, "old", "Unsupported", "2026-01-02T00:00:00Z"),
        ] {
            index.add(&one);
        }
        index
    }

    fn device(id: u8, note: Option<&str>) -> NameAnswer {
        NameAnswer::Device(DeviceId::from_bytes([id; 20]), note.map(str::to_owned))
    }

    #[test]
    fn of_several_records_the_onboarded_one_seen_last_is_taken_and_the_row_says_so() {
        let index = index(false);
        let note = "3 records have this name; taken: the one that is onboarded and seen last \
                    (2026-11-22T10:11:12Z)";
        assert_eq!(index.find("pc-1.a.example"), device(3, Some(note)));
        assert_eq!(index.find(" PC-1 "), device(3, Some(note)));
        let none = "2 records have this name; taken: the one that is seen last \
                    (2026-01-02T00:00:00Z)";
        assert_eq!(index.find("old"), device(8, Some(none)));
        assert_eq!(index.find("PC-2"), device(4, None));
    }

    #[test]
    fn a_short_name_that_several_computers_have_is_never_guessed() {
        assert_eq!(index(false).find("pc-3"), NameAnswer::Ambiguous(2));
        assert_eq!(index(false).find("pc-3.b.example"), device(6, None));
        assert_eq!(index(false).find("srv-9"), NameAnswer::Unknown(None));
        assert_eq!(index(false).find(""), NameAnswer::Unknown(None));
    }

    #[test]
    fn strictly_a_shared_name_is_refused() {
        assert_eq!(index(true).find("pc-1.a.example"), NameAnswer::Ambiguous(3));
        assert_eq!(index(true).find("pc-2.a.example"), device(4, None));
    }

    #[test]
    fn a_name_is_found_as_other_systems_write_it() {
        let index = index(false);
        for name in [
            "CORP\\pc-2",
            "corp.example\\PC-2$",
            "\\\\pc-2",
            "pc-2$",
            "PC-2.a.example.",
            "pc-2.",
            "CORP\\pc-2.a.example",
        ] {
            assert_eq!(index.find(name), device(4, None), "{name}");
        }
        assert_eq!(index.find("CORP\\pc-3"), NameAnswer::Ambiguous(2));
    }

    #[test]
    fn a_name_with_a_domain_finds_the_record_without_one_and_says_so_but_none_of_another_domain() {
        let mut index = index(false);
        index.add(&machine(9, "lab-1", "Onboarded", ""));
        let note = "the tenant knows it as lab-1";
        assert_eq!(index.find("LAB-1.corp.example"), device(9, Some(note)));
        assert!(matches!(index.find("pc-2.b.example"), NameAnswer::Unknown(_)));
        let both = "the tenant knows it as old; 2 records have this name; taken: the one that is \
                    seen last (2026-01-02T00:00:00Z)";
        assert_eq!(index.find("old.a.example"), device(8, Some(both)));
    }

    #[test]
    fn of_an_unknown_name_the_nearest_is_told_for_the_first_few() {
        let index = index(false);
        let near = |name: &str| NameAnswer::Unknown(Some(name.to_owned()));
        assert_eq!(index.find("pc-2.a.exmaple"), near("pc-2.a.example"));
        assert_eq!(index.find("pc2"), near("pc-2.a.example"));
        assert_eq!(index.find("printer-7"), NameAnswer::Unknown(None));
        for _ in 0..PROPOSALS {
            index.find("pc2");
        }
        assert_eq!(index.find("pc2"), NameAnswer::Unknown(None));
    }
}
