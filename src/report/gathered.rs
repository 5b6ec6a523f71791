//! What a report for people keeps of its rows: counts of all of them, and those that need
//! attention, of which no more than anybody would read.

use std::collections::BTreeSet;

use super::record::ReportHead;
use super::totals::Totals;
use crate::domain::{Row, State, Tally};

/// Rows that are kept at most.
const MOST: usize = 2_000;

/// What is kept.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) tally: Tally,
    pub(super) totals: Totals,
    /// Those that the next run of a series has: they need nobody here.
    pub(super) handed_on: u64,
    /// Those that somebody took back on purpose: nor do they.
    pub(super) taken_back: u64,
    /// The first of those that need attention, each with its tenant.
    pub(super) rows: Vec<(Row, String)>,
    /// The tenants of all rows.
    pub(super) tenants: BTreeSet<String>,
    /// How many of them are left out.
    pub(super) more: u64,
}

impl Gathered {
    /// Rows that need somebody's attention.
    pub(super) fn attention(&self) -> u64 {
        self.rows.len() as u64 + self.more
    }

    /// Takes the next row of a campaign in.
    pub(super) fn add(&mut self, row: &Row, head: &ReportHead) {
        self.tally.add(row.life.state, 1);
        if !self.tenants.contains(&head.tenant) {
            self.tenants.insert(head.tenant.clone());
        }
        let State::Done(outcome) = row.life.state else { return };
        if head.rest().is_handed_on(outcome) {
            self.handed_on += 1;
            return;
        }
        if head.rest().is_taken_back(outcome) {
            self.taken_back += 1;
            self.totals.add_action(row);
            return;
        }
        self.totals.add(row);
        if !outcome.leaves_uncovered() {
            return;
        }
        if self.rows.len() < MOST {
            self.rows.push((row.clone(), head.tenant.clone()));
        } else {
            self.more += 1;
        }
    }
}
