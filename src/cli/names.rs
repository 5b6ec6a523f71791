//! From a name to a device, by the tenant's inventory. Several records can share one name, as after
//! a reinstallation: the onboarded one that was seen last is taken, and the row says so.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::domain::{DeviceId, Machine};
use crate::intake::NameAnswer;

/// The names of a tenant.
#[derive(Debug, Default)]
pub(super) struct NameIndex {
    /// A name that several records share is refused.
    strict: bool,
    whole: HashMap<String, Named>,
    /// The first part of each DNS name, with the name; nothing if several names begin so.
    short: HashMap<String, Option<String>>,
}

#[derive(Debug)]
struct Named {
    id: DeviceId,
    onboarded: bool,
    last_seen: Option<Timestamp>,
    records: usize,
}

impl NameIndex {
    /// No names yet.
    pub(super) fn new(strict: bool) -> Self {
        Self { strict, ..Self::default() }
    }

    /// Takes in one record.
    pub(super) fn add(&mut self, machine: &Machine) {
        let Some(name) = machine.name.as_deref().map(str::trim).filter(|name| !name.is_empty())
        else {
            return;
        };
        let name = name.to_lowercase();
        let first = name.split('.').next().unwrap_or_default().to_owned();
        let short = self.short.entry(first).or_insert_with(|| Some(name.clone()));
        if short.as_deref().is_some_and(|known| known != name) {
            *short = None;
        }
        let (id, last_seen) = (machine.id, machine.facts.last_seen);
        let one = Named { id, onboarded: machine.is_onboarded(), last_seen, records: 1 };
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

    /// What a name stands for: the whole DNS name, or its first part where only one name begins so.
    pub(super) fn find(&self, name: &str) -> NameAnswer {
        let name = name.trim().to_lowercase();
        let named = match self.whole.get(&name) {
            Some(named) => named,
            None => match self.short.get(&name) {
                None => return NameAnswer::Unknown,
                Some(None) => {
                    let begins = |whole: &&String| whole.split('.').next() == Some(&*name);
                    let several = self.whole.keys().filter(begins).count();
                    return NameAnswer::Ambiguous(several);
                }
                Some(Some(whole)) => match self.whole.get(whole) {
                    Some(named) => named,
                    None => return NameAnswer::Unknown,
                },
            },
        };
        if named.records == 1 {
            return NameAnswer::Device(named.id, None);
        }
        if self.strict {
            return NameAnswer::Ambiguous(named.records);
        }
        let onboarded = if named.onboarded { "onboarded and " } else { "" };
        let seen = named.last_seen.map_or_else(String::new, |at| format!(" ({at:.0})"));
        let note = format!(
            "{} records have this name; taken: the one that is {onboarded}seen last{seen}",
            named.records
        );
        NameAnswer::Device(named.id, Some(note))
    }
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
        assert_eq!(index(false).find("pc-9"), NameAnswer::Unknown);
        assert_eq!(index(false).find(""), NameAnswer::Unknown);
    }

    #[test]
    fn strictly_a_shared_name_is_refused() {
        assert_eq!(index(true).find("pc-1.a.example"), NameAnswer::Ambiguous(3));
        assert_eq!(index(true).find("pc-2.a.example"), device(4, None));
    }
}
