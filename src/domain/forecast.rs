//! The forecast: it plays the rule, the pace and a constant latency for N calls on a virtual clock,
//! from the journal as it is. It is the dry run's duration and the ETA, not a promise: answers can
//! be slower, and others can use the same application.

use std::collections::VecDeque;
use std::time::Duration;

use super::budget::BudgetState;
use super::quota::{Pace, Quota};
use super::timing::{Stamp, Timing};
use super::window;

/// What a forecast starts from.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// The quotas that hold.
    pub quotas: Vec<Quota>,
    /// The durations of the program.
    pub timing: Timing,
    /// The pace of the gate.
    pub pace: Option<Pace>,
    /// Calls in flight at most.
    pub concurrency: usize,
    /// How long an answer takes.
    pub latency: Duration,
    /// `seen_by` of the calls in the journal, in any order.
    pub seen_by: Vec<Stamp>,
    /// The budget's pauses.
    pub budget: BudgetState,
    /// Now, on the store's clock.
    pub now: Stamp,
}

/// When the calls leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forecast {
    /// From now to the first call.
    pub first_call: Duration,
    /// From now to the last call.
    pub last_call: Duration,
    /// From now to the last answer.
    pub last_answer: Duration,
}

impl Outlook {
    /// When the first and the last of this many calls leave; nothing for no calls.
    pub fn forecast(&self, calls: u64) -> Option<Forecast> {
        let mut play = Play::new(self);
        let first = (calls > 0).then(|| play.next_call())?;
        let last = (1..calls).fold(first, |_, _| play.next_call());
        let last_call = last.since(self.now);
        Some(Forecast {
            first_call: first.since(self.now),
            last_call,
            last_answer: last_call + self.latency,
        })
    }

    /// How many of at most `calls` calls leave before `until`.
    pub fn fits(&self, calls: u64, until: Duration) -> u64 {
        let end = self.now.plus(until);
        let mut play = Play::new(self);
        (0..calls).take_while(|_| play.next_call() < end).count() as u64
    }
}

struct Play<'a> {
    outlook: &'a Outlook,
    /// `seen_by` of the latest calls in ascending order, as many as the largest quota needs.
    seen: VecDeque<Stamp>,
    /// Ends of the calls in flight.
    answers: VecDeque<Stamp>,
    keep: usize,
    now: Stamp,
    /// The pace's theoretical arrival time, as in GCRA.
    paced: Stamp,
    /// Spacing after a 429, which relaxes with each success.
    budget: BudgetState,
}

impl<'a> Play<'a> {
    fn new(outlook: &'a Outlook) -> Self {
        let keep = outlook.quotas.iter().map(|q| q.calls.get() as usize).max().unwrap_or(0);
        let mut seen = outlook.seen_by.clone();
        seen.sort_unstable();
        let seen = seen.split_off(seen.len().saturating_sub(keep)).into();
        let answers = VecDeque::with_capacity(outlook.concurrency);
        let (now, budget) = (outlook.now, outlook.budget);
        Self { outlook, seen, answers, keep, now, paced: Stamp::ZERO, budget }
    }

    fn next_call(&mut self) -> Stamp {
        let outlook = self.outlook;
        let nth: Vec<Option<Stamp>> = outlook.quotas.iter().map(|q| self.nth(q)).collect();
        let by_rule = window::earliest(&outlook.quotas, &outlook.timing, &nth);
        let in_flight = match self.answers.len() >= outlook.concurrency.max(1) {
            true => self.answers.pop_front().unwrap_or(self.now),
            false => self.now,
        };
        let at = self.now.max(by_rule).max(in_flight).max(self.budget.earliest());
        let at = at.max(self.pace_allows());
        self.leave(at);
        at
    }

    fn nth(&self, quota: &Quota) -> Option<Stamp> {
        let at = self.seen.len().checked_sub(quota.calls.get() as usize)?;
        self.seen.get(at).copied()
    }

    fn pace_allows(&self) -> Stamp {
        let Some(pace) = self.outlook.pace else { return Stamp::ZERO };
        self.paced.minus(pace.interval * (pace.burst.get() - 1))
    }

    fn leave(&mut self, at: Stamp) {
        let answer = at.plus(self.outlook.latency);
        if let Some(pace) = self.outlook.pace {
            self.paced = self.paced.max(at).plus(pace.interval);
        }
        self.budget.on_claim(at, &self.outlook.timing);
        self.budget.on_answered(at, &self.outlook.timing);
        // Nearly always the latest; only a call of somebody else still in flight can be later.
        let place = self.seen.iter().rposition(|seen| *seen <= answer).map_or(0, |i| i + 1);
        self.seen.insert(place, answer);
        if self.seen.len() > self.keep {
            self.seen.pop_front();
        }
        self.answers.push_back(answer);
        self.now = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PaceKind;
    use crate::domain::quota::api_quotas;

    fn outlook() -> Outlook {
        let quotas = api_quotas();
        Outlook {
            pace: PaceKind::Fast.pace(&quotas),
            quotas,
            timing: Timing::default(),
            concurrency: 16,
            latency: Duration::from_millis(200),
            seen_by: Vec::new(),
            budget: BudgetState::default(),
            now: Stamp(1_000_000_000_000),
        }
    }

    fn seconds(calls: u64) -> u64 {
        outlook().forecast(calls).unwrap().last_call.as_secs()
    }

    #[test]
    fn the_last_call_leaves_near_the_optimum_of_the_two_quotas() {
        assert_eq!(outlook().forecast(0), None);
        assert_eq!(seconds(1), 0);
        assert_eq!(seconds(100), 9);
        // One guard and one latency later than a minute.
        assert_eq!(seconds(101), 60);
        assert!((840..=855).contains(&seconds(1500)), "{}", seconds(1500));
        assert!((3600..=3605).contains(&seconds(1501)), "{}", seconds(1501));
        let optimum = 8 * 3600 + 4 * 60;
        assert!((optimum..optimum * 101 / 100).contains(&seconds(12_480)), "{}", seconds(12_480));
    }

    #[test]
    fn calls_of_the_last_hour_are_counted_and_a_pause_is_waited_for() {
        let mut used = outlook();
        used.seen_by = vec![used.now.minus(Duration::from_secs(1800)); 750];
        let last = |outlook: &Outlook| outlook.forecast(1500).unwrap().last_call.as_secs();
        assert!((1800..1800 + 500).contains(&last(&used)), "{}", last(&used));
        let mut paused = outlook();
        paused.budget.not_before = paused.now.plus(Duration::from_secs(600));
        assert_eq!(paused.forecast(1).unwrap().first_call, Duration::from_secs(600));
    }

    #[test]
    fn what_fits_until_a_time_is_what_leaves_before_it() {
        let minute = Duration::from_secs(60);
        assert_eq!(outlook().fits(1000, minute), 100);
        assert_eq!(outlook().fits(50, minute), 50);
        assert_eq!(outlook().fits(1000, Duration::ZERO), 0);
    }
}
