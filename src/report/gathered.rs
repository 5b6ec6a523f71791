//! What a report for people keeps of its rows: counts of all of them, and those that need
//! attention, of which no more than anybody would read.

use super::record::ReportHead;
use super::totals::Totals;
use crate::domain::{Outcome, Row, State, Tally};

/// Rows that are kept at most.
const MOST: usize = 2_000;

/// What is kept.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) tally: Tally,
    pub(super) totals: Totals,
    /// Those that the next run of a series has: they need nobody here.
    pub(super) handed_on: u64,
    /// The first of those that need attention.
    pub(super) rows: Vec<Row>,
    /// How many of them are left out.
    pub(super) more: u64,
}

impl Gathered {
    /// Takes the next row of a campaign in.
    pub(super) fn add(&mut self, row: &Row, head: &ReportHead) {
        self.tally.add(row.life.state, 1);
        if head.handed_on && row.life.state == State::Done(Outcome::NotAttempted) {
            self.handed_on += 1;
            return;
        }
        self.totals.add(row);
        let State::Done(outcome) = row.life.state else { return };
        if !outcome.needs_attention() {
            return;
        }
        if self.rows.len() < MOST {
            self.rows.push(row.clone());
        } else {
            self.more += 1;
        }
    }
}
