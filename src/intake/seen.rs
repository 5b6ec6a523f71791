//! The ids that a run has read so far, and where it read each first. It is the only part of intake
//! whose memory grows with the list.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::domain::DeviceId;

/// Where a row stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The name of the source.
    pub source: Arc<str>,
    /// The line in it, counted from 1.
    pub line: u64,
}

/// The ids of one run over all of its sources.
///
/// An id costs 25 bytes of table: one number stands for source and line, as if the sources were one
/// text. A million ids take about 52 MB, half as much more while the table grows.
#[derive(Debug, Default)]
pub struct Seen {
    first: HashMap<DeviceId, u32>,
    sources: Vec<Source>,
    /// The highest line used so far, counted over all sources.
    last: u64,
    rows: u64,
}

#[derive(Debug)]
struct Source {
    name: Arc<str>,
    /// How many lines the sources before this one have.
    lines_before: u64,
}

impl Seen {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many different ids were seen.
    pub fn len(&self) -> usize {
        self.first.len()
    }

    /// Whether no id was seen.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    pub(super) fn begin(&mut self, source: &str) {
        self.sources.push(Source { name: source.into(), lines_before: self.last });
    }

    /// Counts a row of any kind and returns how many there are now in all sources.
    pub(super) fn count_row(&mut self) -> u64 {
        self.rows += 1;
        self.rows
    }

    /// Notes the id; where it was seen before, says where first.
    pub(super) fn insert(&mut self, id: DeviceId, line: u64) -> Option<Place> {
        let before = self.sources.last().map_or(0, |source| source.lines_before);
        self.last = self.last.max(before.saturating_add(line));
        // Lines past four billion can only blur where a duplicate was first, never what it is.
        let here = u32::try_from(self.last).unwrap_or(u32::MAX);
        match self.first.entry(id) {
            Entry::Vacant(entry) => {
                entry.insert(here);
                None
            }
            Entry::Occupied(entry) => {
                let first = u64::from(*entry.get());
                Some(self.place(first))
            }
        }
    }

    /// A source that had no id shares its start with the next one, which is then the right one.
    fn place(&self, line: u64) -> Place {
        let next = self.sources.partition_point(|source| source.lines_before < line);
        match next.checked_sub(1).and_then(|index| self.sources.get(index)) {
            Some(source) => Place { source: source.name.clone(), line: line - source.lines_before },
            None => Place { source: "".into(), line },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_names_the_source_and_line_of_its_first_sight() {
        let id = |byte| DeviceId::from_bytes([byte; 20]);
        let mut seen = Seen::new();
        seen.begin("a.csv");
        assert_eq!(seen.insert(id(1), 2), None);
        assert_eq!(seen.insert(id(2), 900), None);
        seen.begin("empty.csv");
        seen.begin("b.csv");
        assert_eq!(seen.insert(id(3), 1), None);
        seen.begin("c.csv");
        let place = |source: &str, line| Some(Place { source: source.into(), line });
        assert_eq!(seen.insert(id(1), 1), place("a.csv", 2));
        assert_eq!(seen.insert(id(2), 2), place("a.csv", 900));
        assert_eq!(seen.insert(id(3), 3), place("b.csv", 1));
        assert_eq!(seen.len(), 3);
    }
}
