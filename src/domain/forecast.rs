//! The forecast: it plays the rule, the pace and a constant latency for N calls on a virtual clock,
//! from the journal as it is. It is the dry run's duration and the ETA, not a promise: answers can
//! be slower, and others can use the same application.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use super::budget::BudgetState;
use super::hours::Hours;
use super::quota::{Pace, Quota};
use super::record::Usage;
use super::rollout::Pause;
use super::timing::{Stamp, Timing};
use super::window;

/// How long an answer takes, until a run has seen real ones.
pub const LATENCY: Duration = Duration::from_millis(200);

/// How fast one runner calls.
#[derive(Clone, Debug)]
pub struct CallRate {
    /// The quotas that it keeps.
    pub quotas: Vec<Quota>,
    /// The pace that spreads bursts.
    pub pace: Option<Pace>,
    /// Calls in flight at most.
    pub concurrency: usize,
    /// Every duration.
    pub timing: Timing,
}

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
    /// The hours in which calls leave, and now on the wall clock; `None` if they
    /// always may.
    pub hours: Option<(Hours, Timestamp)>,
    /// Where no call leaves for a while, in the order of calls.
    pub pauses: Vec<Pause>,
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
    /// In how many windows calls leave; one if they always may.
    pub windows: u64,
}

impl Outlook {
    /// For a runner that calls at this rate, on a budget of which a store knows this. Both keep
    /// their quotas. Calls may leave at any time, and an answer takes `LATENCY`.
    pub fn new(usage: Usage, rate: CallRate, now: Stamp) -> Self {
        let quotas: BTreeSet<Quota> = rate.quotas.into_iter().chain(usage.quotas).collect();
        Self {
            quotas: quotas.into_iter().collect(),
            timing: rate.timing,
            pace: rate.pace,
            concurrency: rate.concurrency,
            latency: LATENCY,
            seen_by: usage.seen_by,
            budget: usage.state,
            now,
            hours: None,
            pauses: Vec::new(),
        }
    }

    /// When the first and the last of this many calls leave; `None` for no calls.
    pub fn forecast(&self, calls: u64) -> Option<Forecast> {
        let mut play = Play::new(self);
        let first = if calls > 0 { play.next_call() } else { return None };
        let last = (1..calls).fold(first, |_, _| play.next_call());
        let last_call = last.since(self.now);
        Some(Forecast {
            first_call: first.since(self.now),
            last_call,
            last_answer: last_call + self.latency,
            windows: play.windows.max(1),
        })
    }

    /// How long from now each of this many calls leaves, in their order.
    pub fn leaves(&self, calls: u64) -> impl Iterator<Item = Duration> + '_ {
        let mut play = Play::new(self);
        (0..calls).map(move |_| play.next_call().since(self.now))
    }

    /// When the first call after each pause leaves, if there are so many calls.
    pub fn begins(&self, calls: u64) -> Vec<Duration> {
        let mut play = Play::new(self);
        let mut begins = Vec::with_capacity(self.pauses.len());
        for number in 0..calls {
            let call = play.next_call();
            let after = self.pauses.iter().filter(|pause| pause.after == number);
            begins.extend(after.map(|_| call.since(self.now)));
        }
        begins
    }

    /// How many of at most `calls` calls leave in the window that is open or opens next; `None`
    /// if calls may always leave.
    pub fn fits_window(&self, calls: u64) -> Option<u64> {
        let (hours, at) = self.hours.as_ref()?;
        let left = hours.opening(*at)?.closes.duration_since(*at);
        Some(self.fits(calls, Duration::try_from(left).unwrap_or_default()))
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
    /// When the window closes that the latest call left in.
    open: Option<Stamp>,
    /// Openings that calls left in.
    windows: u64,
    /// Calls that left.
    calls: u64,
    /// The latest answer.
    answered: Stamp,
    /// Until when the latest pause lasts.
    paused: Stamp,
}

impl<'a> Play<'a> {
    fn new(outlook: &'a Outlook) -> Self {
        let keep = outlook.quotas.iter().map(|q| q.calls.get() as usize).max().unwrap_or(0);
        let mut seen = outlook.seen_by.clone();
        seen.sort_unstable();
        let seen = seen.split_off(seen.len().saturating_sub(keep)).into();
        let answers = VecDeque::with_capacity(outlook.concurrency);
        let (now, budget) = (outlook.now, outlook.budget);
        Self {
            outlook,
            seen,
            answers,
            keep,
            now,
            paced: Stamp::ZERO,
            budget,
            open: None,
            windows: 0,
            calls: 0,
            answered: now,
            paused: Stamp::ZERO,
        }
    }

    fn next_call(&mut self) -> Stamp {
        let outlook = self.outlook;
        let nth: Vec<Option<Stamp>> = outlook.quotas.iter().map(|q| self.nth(q)).collect();
        let by_rule = window::earliest(&outlook.quotas, &outlook.timing, &nth);
        let mut in_flight = self.now;
        if self.answers.len() >= outlook.concurrency.max(1) {
            in_flight = self.answers.pop_front().unwrap_or(self.now);
        }
        for pause in self.outlook.pauses.iter().filter(|pause| pause.after == self.calls) {
            self.paused = self.paused.max(self.answered).plus(pause.wait);
        }
        let at = self.now.max(by_rule).max(in_flight).max(self.budget.earliest());
        let at = at.max(self.pace_allows()).max(self.paused);
        let at = self.window_allows(at);
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

    /// This moment, or the first one after it at which the hours let a call leave.
    fn window_allows(&mut self, at: Stamp) -> Stamp {
        let Some((hours, now)) = &self.outlook.hours else { return at };
        if self.open.is_some_and(|closes| at < closes) {
            return at;
        }
        let ahead = |by: Duration| now.checked_add(by).unwrap_or(Timestamp::MAX);
        let Some(opening) = hours.opening(ahead(at.since(self.outlook.now))) else { return at };
        let stamp = |then: Timestamp| {
            let left = Duration::try_from(then.duration_since(*now)).unwrap_or_default();
            self.outlook.now.plus(left)
        };
        self.open = Some(stamp(opening.closes));
        self.windows += 1;
        at.max(stamp(opening.opens))
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
        self.answered = self.answered.max(answer);
        self.calls += 1;
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
            hours: None,
            pauses: Vec::new(),
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
    fn calls_leave_in_windows_alone_and_each_night_takes_what_its_hours_allow() {
        let mut nights = outlook();
        let zone = jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let hours = Hours::new(vec!["22:00-06:00".parse().unwrap()], None, zone).unwrap();
        // Noon in Berlin before the night in which the clocks go back.
        nights.hours = Some((hours, "2026-10-24T10:00Z".parse().unwrap()));
        let hour = |hours: u64| Duration::from_secs(hours * 3600);
        let one = nights.forecast(1).unwrap();
        assert_eq!((one.first_call, one.windows), (hour(10), 1));
        // Nine hours, each of which begins with what the one before left open.
        assert_eq!(nights.fits_window(40_000), Some(13_500));
        let two = nights.forecast(13_501).unwrap();
        assert_eq!((two.last_call, two.windows), (hour(35), 2));
        let all = nights.forecast(40_000).unwrap();
        assert_eq!(all.windows, 4);
        assert_eq!(nights.fits(40_000, hour(11)), 1_500);
        assert_eq!(outlook().fits_window(5), None);
    }

    #[test]
    fn between_two_waves_no_call_leaves_and_what_the_limit_had_left_is_there_afterwards() {
        let minute = Duration::from_secs(60);
        let mut waves = outlook();
        let pause = |after, wait| Pause { after, wait };
        waves.pauses = vec![pause(20, minute * 30), pause(120, Duration::ZERO)];
        let begins = waves.begins(12_000);
        let second = waves.forecast(20).unwrap().last_answer + minute * 30;
        assert_eq!(begins[0], second);
        assert!(begins[1] > second + Duration::from_secs(9), "{:?}", begins[1] - second);
        assert_eq!(waves.forecast(21).unwrap().last_call, second);
        // The half hour is lost, less what the hour's limit left for after it.
        let last = waves.forecast(12_000).unwrap().last_call;
        let without = outlook().forecast(12_000).unwrap().last_call;
        assert!(last > without && last < without + minute * 31, "{last:?} {without:?}");
        assert_eq!(waves.fits(12_000, minute * 30), 20);
        // What is left of a wait that has begun holds the first call, and none where none follows.
        waves.pauses = vec![pause(0, minute)];
        assert_eq!(waves.forecast(1).unwrap().first_call, minute);
        waves.pauses = vec![pause(20, minute)];
        assert_eq!(waves.forecast(20), outlook().forecast(20));
        assert!(waves.begins(20).is_empty());
    }

    #[test]
    fn the_stricter_of_our_own_quotas_and_of_others_on_the_budget_sets_the_pace() {
        let [ours, theirs] = ["100/1m", "10/1m"].map(|text| text.parse::<Quota>().unwrap());
        let forecast = |own: Quota, others: &[Quota]| {
            let usage = Usage { quotas: others.to_vec(), ..Usage::default() };
            let timing = Timing::default();
            let rate = CallRate { quotas: vec![own], pace: None, concurrency: 16, timing };
            let outlook = Outlook::new(usage, rate, Stamp::ZERO);
            assert_eq!(outlook.latency, LATENCY);
            outlook.forecast(20).unwrap().last_call
        };
        assert!(forecast(ours, &[]) < Duration::from_secs(1));
        assert!(forecast(ours, &[theirs]) > Duration::from_secs(60));
        assert!(forecast(theirs, &[ours]) > Duration::from_secs(60));
    }

    #[test]
    fn what_fits_until_a_time_is_what_leaves_before_it() {
        let minute = Duration::from_secs(60);
        assert_eq!(outlook().fits(1000, minute), 100);
        assert_eq!(outlook().fits(50, minute), 50);
        assert_eq!(outlook().fits(1000, Duration::ZERO), 0);
    }
}
