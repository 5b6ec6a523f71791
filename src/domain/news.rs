//! What is worth a message about a run, to people who do not watch it: its beginning, its end, and
//! what does not go as foreseen. Whom it is told to and how is not decided here.

use std::time::Duration;

use super::event::{HoldReason, Snapshot};
use super::spelling::worded;
use super::{Caught, Ending, Exit, Stamp, Stop};

worded! {
    /// Something that is worth a message.
    News {
        /// A run began.
        Started = "started",
        /// A wave was judged.
        WaveJudged = "wave_judged",
        /// No order leaves for long, for a reason that neither a limit nor somebody set.
        Stuck = "stuck",
        /// The end is foreseen much later than it was.
        Late = "late",
        /// The time for orders is over, and devices are left.
        WindowClosed = "window_closed",
        /// A run stopped before its end.
        Stopped = "stopped",
        /// Every device has its outcome.
        Finished = "finished",
        /// Somebody called it off: told by its run, which ends by that, and by `cancel` at its end.
        Cancelled = "cancelled",
        /// A run of a series ended without a word, and the next one tells it.
        Killed = "killed",
        /// A run that nobody watches ended before it began.
        NotBegun = "not_begun",
    }
}

impl News {
    /// What people read above the message.
    pub fn title(self) -> &'static str {
        match self {
            News::Started => "begun",
            News::WaveJudged => "a wave was judged",
            News::Stuck => "no order leaves",
            News::Late => "later than foreseen",
            News::WindowClosed => "its time is over",
            News::Stopped => "stopped",
            News::Finished => "finished",
            News::Cancelled => "cancelled",
            News::Killed => "killed",
            News::NotBegun => "not begun",
        }
    }

    /// Whether nothing follows it in its run.
    pub fn is_an_end(self) -> bool {
        use News::{Cancelled, Finished, Killed, NotBegun, Stopped, WindowClosed};
        matches!(self, WindowClosed | Stopped | Finished | Cancelled | Killed | NotBegun)
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug)]
pub struct EndOfRun<'a> {
    /// How its orders ended.
    pub ending: &'a Ending,
    /// The signal that was caught.
    pub caught: Option<Caught>,
    /// Its exit code.
    pub exit: Exit,
    /// A plan foresaw how far it would come.
    pub has_plan: bool,
    /// Somebody called the campaign off meanwhile.
    pub cancelled: bool,
    /// It is of a series and paused, so that the next run does not go on with it.
    pub paused: bool,
}

impl EndOfRun<'_> {
    /// The news of it, and whether somebody should look: not at devices that need attention, which
    /// the report tells in the morning, nor at an end that was planned or before which somebody
    /// sits.
    pub fn news(self) -> (News, bool) {
        let Self { ending, caught, exit, has_plan, cancelled, paused } = self;
        let went_well = [Exit::Done, Exit::Attention].contains(&exit);
        match ending {
            Ending::Finished if cancelled => (News::Cancelled, !went_well),
            Ending::Finished => (News::Finished, !went_well),
            Ending::Stopped(Stop::Window | Stop::Time) => {
                let fell_short = has_plan || paused || exit != Exit::Stopped;
                (News::WindowClosed, fell_short && !went_well)
            }
            Ending::Stopped(Stop::Signal | Stop::SecondSignal) => {
                (News::Stopped, caught != Some(Caught::Interrupt))
            }
            Ending::Stopped(_) => (News::Stopped, true),
        }
    }
}

/// Looks out for what does not go as foreseen; each is told once.
#[derive(Clone, Debug)]
pub struct Lookout {
    /// After how long it is.
    after: Duration,
    /// Since when no order leaves.
    blocked_since: Option<Stamp>,
    is_stuck: bool,
    /// When the end was foreseen at first.
    foreseen: Option<Stamp>,
    is_late: bool,
}

impl Lookout {
    /// What lasts longer than half an hour, on a clock that is so many times as fast, is news.
    pub fn new(time_scale: u32) -> Self {
        const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);
        let after = HALF_AN_HOUR / time_scale.max(1);
        Self { after, blocked_since: None, is_stuck: false, foreseen: None, is_late: false }
    }

    /// What this snapshot of this moment says.
    pub fn hear(&mut self, snapshot: &Snapshot, now: Stamp) -> Option<News> {
        let hold = snapshot.hold.as_ref();
        if !hold.is_some_and(is_trouble) || snapshot.tally.open() == 0 {
            (self.blocked_since, self.is_stuck) = (None, false);
        } else if now.since(*self.blocked_since.get_or_insert(now)) >= self.after && !self.is_stuck
        {
            self.is_stuck = true;
            return Some(News::Stuck);
        }
        let end = match snapshot.finish_in {
            // No end was foretold that could come later.
            Some(_) if snapshot.stops_in.is_some() && self.foreseen.is_none() => return None,
            Some(left) if !hold.is_some_and(HoldReason::is_open_ended) => now.plus(left),
            _ => return None,
        };
        let foreseen = *self.foreseen.get_or_insert(end);
        if end.since(foreseen) >= self.after && !self.is_late {
            self.is_late = true;
            return Some(News::Late);
        }
        None
    }
}

/// Whether neither a limit, a moment nor a person holds the orders.
fn is_trouble(hold: &HoldReason) -> bool {
    matches!(
        hold,
        HoldReason::Network
            | HoldReason::SignIn
            | HoldReason::Answers
            | HoldReason::Store
            | HoldReason::Faults
            | HoldReason::Pause
            | HoldReason::Forgotten
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Quota, State, Tally};

    fn snapshot(hold: Option<HoldReason>, finish_in: Option<u64>) -> Snapshot {
        let mut tally = Tally::default();
        tally.add(State::Draft, 5);
        let finish_in = finish_in.map(Duration::from_secs);
        Snapshot { tally, finish_in, ..Snapshot::held(hold) }
    }

    fn at(minutes: u64) -> Stamp {
        Stamp(1 << 50).plus(Duration::from_secs(60 * minutes))
    }

    #[test]
    fn a_hold_that_nobody_set_is_told_once_after_half_an_hour_and_again_after_it_was_over() {
        let mut lookout = Lookout::new(1);
        let network = || snapshot(Some(HoldReason::Network), None);
        assert_eq!(lookout.hear(&network(), at(0)), None);
        assert_eq!(lookout.hear(&network(), at(29)), None);
        assert_eq!(lookout.hear(&network(), at(30)), Some(News::Stuck));
        assert_eq!(lookout.hear(&network(), at(90)), None);
        assert_eq!(lookout.hear(&snapshot(None, None), at(91)), None);
        assert_eq!(lookout.hear(&network(), at(100)), None);
        assert_eq!(lookout.hear(&network(), at(130)), Some(News::Stuck));
    }

    #[test]
    fn a_limit_a_window_and_a_person_are_no_trouble_however_long_they_hold() {
        let quota: Quota = "1500/1h".parse().unwrap();
        let reasons = [
            HoldReason::Quota(quota),
            HoldReason::Pace,
            HoldReason::Window,
            HoldReason::Wave,
            HoldReason::User,
            HoldReason::Priority("a".parse().unwrap()),
        ];
        for hold in reasons {
            let mut lookout = Lookout::new(1);
            for hour in 0..10 {
                let heard = lookout.hear(&snapshot(Some(hold.clone()), None), at(60 * hour));
                assert_eq!(heard, None, "{hold:?}");
            }
        }
    }

    #[test]
    fn an_end_that_slips_by_half_an_hour_is_told_once() {
        let mut lookout = Lookout::new(60);
        let ends_in = |seconds| snapshot(None, Some(seconds));
        assert_eq!(lookout.hear(&ends_in(3_600), at(0)), None);
        assert_eq!(lookout.hear(&ends_in(3_540), at(1)), None, "it is as it was");
        assert_eq!(lookout.hear(&ends_in(3_569), at(1)), None);
        assert_eq!(lookout.hear(&ends_in(3_570), at(1)), Some(News::Late));
        assert_eq!(lookout.hear(&ends_in(9_000), at(1)), None);
    }

    #[test]
    fn devices_that_need_attention_and_planned_ends_are_no_alarm() {
        let news = |ending: Ending, caught, exit, has_plan| {
            EndOfRun { ending: &ending, caught, exit, has_plan, cancelled: false, paused: false }
                .news()
        };
        let stopped = Ending::Stopped;
        assert_eq!(news(Ending::Finished, None, Exit::Done, false), (News::Finished, false));
        assert_eq!(news(Ending::Finished, None, Exit::Attention, true), (News::Finished, false));
        assert_eq!(news(Ending::Finished, None, Exit::Failed, false), (News::Finished, true));
        let closed = |exit, has_plan| news(stopped(Stop::Window), None, exit, has_plan);
        assert_eq!(closed(Exit::Done, true), (News::WindowClosed, false));
        assert_eq!(closed(Exit::Stopped, false), (News::WindowClosed, false));
        assert_eq!(closed(Exit::Stopped, true), (News::WindowClosed, true), "it fell short");
        let signal = |caught| news(stopped(Stop::Signal), Some(caught), Exit::Stopped, false);
        assert_eq!(signal(Caught::Interrupt), (News::Stopped, false), "somebody sits there");
        assert_eq!(signal(Caught::Terminate), (News::Stopped, true));
        let safety = stopped(Stop::Safety("404".to_owned()));
        assert_eq!(news(safety, None, Exit::Safety, true), (News::Stopped, true));
        let (ending, exit) = (&Ending::Finished, Exit::Attention);
        let end = EndOfRun {
            ending,
            caught: None,
            exit,
            has_plan: false,
            cancelled: true,
            paused: false,
        };
        assert_eq!(end.news(), (News::Cancelled, false), "whoever cancelled it knows");
        let (ending, exit) = (&stopped(Stop::Window), Exit::Stopped);
        let end = EndOfRun { ending, exit, cancelled: false, paused: true, ..end };
        assert_eq!(end.news(), (News::WindowClosed, true), "no next night begins");
    }
}
