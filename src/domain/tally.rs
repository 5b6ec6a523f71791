//! Counts of a campaign: how many rows stand where, and what the safety rules say about them. The
//! sums agree at every moment: rows = open + ended.

use super::campaign::CampaignName;
use super::lifecycle::State;
use super::outcome::Outcome;
use super::rest::Rest;

/// Where the rows of a campaign stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Read and not confirmed.
    pub draft: u64,
    /// Waiting for their turn.
    pub queued: u64,
    /// Called, with the answer outstanding.
    pub claimed: u64,
    /// Called, with the answer not known.
    pub doubtful: u64,
    /// Ended, in the order of `Outcome::ALL`.
    pub ended: [u64; Outcome::ALL.len()],
}

/// How `retry` orders again what a finished campaign did not bring to a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Again {
    /// There is nothing to order again.
    Nothing,
    /// It orders something again where no outcome is named.
    ByItself,
    /// Perhaps somebody took all of it back: these outcomes it orders for sure where they are
    /// named.
    Named(Vec<Outcome>),
}

impl Again {
    /// The words of the command for a campaign of this name; `None` if there is nothing to order.
    pub fn command(&self, name: &CampaignName) -> Option<String> {
        let named = match self {
            Again::Nothing => return None,
            Again::ByItself => &[][..],
            Again::Named(outcomes) => outcomes,
        };
        let named: String =
            named.iter().map(|one| format!(" --outcome {}", one.distinct_name())).collect();
        Some(format!("retry {name}{named}"))
    }
}

impl Tally {
    /// Counts one more row, or several, in this state.
    pub fn add(&mut self, state: State, rows: u64) {
        *self.slot(state) += rows;
    }

    /// Moves one row from a state to another.
    pub fn shift(&mut self, from: State, to: State) {
        let slot = self.slot(from);
        *slot = slot.saturating_sub(1);
        *self.slot(to) += 1;
    }

    /// Rows with this outcome.
    pub fn of(&self, outcome: Outcome) -> u64 {
        Outcome::ALL.iter().position(|one| *one == outcome).map_or(0, |at| self.ended[at])
    }

    /// Devices on which a scan was ordered that nobody here took back, however it went there.
    pub fn ordered(&self) -> u64 {
        let all = Outcome::ALL.into_iter().zip(self.ended);
        all.filter(|(one, _)| one.is_ordered()).map(|(_, rows)| rows).sum()
    }

    /// How `retry` orders again what did not come to a scan.
    pub fn again(&self, rest: Rest) -> Again {
        let mut named = Vec::new();
        for outcome in Outcome::RETRIED.into_iter().filter(|one| self.of(*one) > 0) {
            match outcome {
                // The next run of its series has them.
                one if rest.is_handed_on(one) => {}
                one if rest.is_taken_back(one) => named.push(one),
                // Some are refused each time, and are left alone where nobody asks for them.
                Outcome::Rejected => named.push(Outcome::Rejected),
                _ => return Again::ByItself,
            }
        }
        if named.is_empty() { Again::Nothing } else { Again::Named(named) }
    }

    /// Rows that are still open.
    pub fn open(&self) -> u64 {
        self.draft + self.queued + self.claimed + self.doubtful
    }

    /// Rows that have ended.
    pub fn done(&self) -> u64 {
        self.ended.iter().sum()
    }

    /// All rows.
    pub fn rows(&self) -> u64 {
        self.open() + self.done()
    }

    /// Rows that are or were to be ordered: all but bad rows, duplicates and skipped ones.
    pub fn devices(&self) -> u64 {
        let aside = [Outcome::BadRow, Outcome::Duplicate, Outcome::Skipped];
        self.rows() - aside.into_iter().map(|outcome| self.of(outcome)).sum::<u64>()
    }

    /// Devices that have ended.
    pub fn devices_done(&self) -> u64 {
        self.devices() - self.open()
    }

    /// Devices that have, or are about to have, the scan that was asked for.
    pub fn covered(&self) -> u64 {
        let all = Outcome::ALL.iter().zip(self.ended);
        all.filter(|(one, _)| one.covers()).map(|(_, rows)| rows).sum()
    }

    /// Rows that are neither accepted nor covered, whoever wanted them so.
    pub fn uncovered(&self) -> u64 {
        let all = Outcome::ALL.into_iter().zip(self.ended);
        all.filter(|(one, _)| one.leaves_uncovered()).map(|(_, rows)| rows).sum()
    }

    /// Rows that need somebody's attention.
    pub fn attention(&self, rest: Rest) -> u64 {
        let all = Outcome::ALL.into_iter().zip(self.ended);
        all.filter(|(one, _)| rest.needs_attention(*one)).map(|(_, rows)| rows).sum()
    }

    /// Devices that the next run of a series has.
    pub fn handed_on(&self, rest: Rest) -> u64 {
        let all = Outcome::ALL.into_iter().zip(self.ended);
        all.filter(|(one, _)| rest.is_handed_on(*one)).map(|(_, rows)| rows).sum()
    }

    /// Devices that were asked and are done: one that was never asked is not, nor is one that the
    /// next run of a series asks.
    pub fn asked(&self, rest: Rest) -> u64 {
        let apart = self.of(Outcome::NotAttempted).max(self.handed_on(rest));
        self.devices_done().saturating_sub(apart)
    }

    /// Rows that somebody took back on purpose.
    pub fn taken_back(&self, rest: Rest) -> u64 {
        let all = Outcome::ALL.into_iter().zip(self.ended);
        all.filter(|(one, _)| rest.is_taken_back(*one)).map(|(_, rows)| rows).sum()
    }

    /// Outcome names with their counts, in the order of reports, both kinds of
    /// `already_in_progress` together, and both of `accepted` and of `cancelled`.
    pub fn by_name(&self) -> Vec<(&'static str, u64)> {
        let mut named: Vec<(&'static str, u64)> = Vec::new();
        for (outcome, rows) in Outcome::ALL.iter().zip(self.ended) {
            match named.last_mut() {
                Some((name, sum)) if *name == outcome.name() => *sum += rows,
                _ => named.push((outcome.name(), rows)),
            }
        }
        named
    }

    fn slot(&mut self, state: State) -> &mut u64 {
        match state {
            State::Draft => &mut self.draft,
            State::Queued(_) => &mut self.queued,
            State::Claimed(_) => &mut self.claimed,
            State::Doubtful { .. } => &mut self.doubtful,
            State::Done(outcome) => {
                let at = Outcome::ALL.iter().position(|one| *one == outcome);
                &mut self.ended[at.expect("`ALL` holds every outcome")]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_open_and_ended_together_and_devices_leave_out_what_was_never_one() {
        let mut tally = Tally::default();
        tally.add(State::Draft, 3);
        tally.add(State::Done(Outcome::Duplicate), 2);
        tally.shift(State::Draft, State::Done(Outcome::Accepted));
        assert_eq!((tally.rows(), tally.open(), tally.done()), (5, 2, 3));
        assert_eq!((tally.devices(), tally.devices_done()), (3, 1));
        assert_eq!(tally.uncovered(), 0);
        tally.shift(State::Done(Outcome::Accepted), State::Done(Outcome::ScanFailed));
        assert_eq!((tally.ordered(), tally.covered(), tally.uncovered()), (1, 0, 1));
        assert_eq!(tally.by_name()[0], ("accepted", 1), "it was accepted all the same");
        let named = Again::Named(vec![Outcome::Cancelled { taken_back: false }]);
        assert_eq!(named.command(&"c".parse().unwrap()).unwrap(), "retry c --outcome expired");
    }

    #[test]
    fn what_was_taken_back_or_is_the_next_runs_needs_nobody() {
        let mut tally = Tally::default();
        let ended = [
            (Outcome::NotAttempted, 5),
            (Outcome::Cancelled { taken_back: true }, 3),
            (Outcome::NotFound, 2),
        ];
        ended.into_iter().for_each(|(outcome, rows)| tally.add(State::Done(outcome), rows));
        let told = |rest| (tally.attention(rest), tally.taken_back(rest));
        assert_eq!(told(Rest::of(false, false)), (7, 3));
        assert_eq!(told(Rest::of(true, false)), (2, 8));
        assert_eq!(told(Rest::of(true, true)), (2, 3), "the next run has the five");
        assert_eq!(tally.uncovered(), 10, "the exit code is that of rows that are not covered");
    }

    #[test]
    fn both_kinds_of_already_in_progress_are_one_name() {
        let mut tally = Tally::default();
        for covered in [true, false] {
            tally.add(State::Done(Outcome::AlreadyInProgress { covered }), 2);
        }
        assert!(tally.by_name().contains(&("already_in_progress", 4)));
        assert_eq!(tally.uncovered(), 2);
    }
}
