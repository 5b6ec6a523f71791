//! How long a run had no answer of use, all in all, as its events tell. It looks at no clock.

use std::time::Duration;

use crate::domain::Stamp;
use crate::domain::event::{Event, HoldReason, Note};

/// Time without an answer of use.
#[derive(Debug, Default)]
pub(super) struct InVain {
    since: Option<Stamp>,
    before: Duration,
}

impl InVain {
    /// Takes in what the run tells at this moment.
    pub(super) fn hear(&mut self, event: &Event, now: Stamp) {
        match event {
            Event::Progress(snapshot) => {
                let hold = snapshot.hold.as_ref();
                self.turn(hold.is_some_and(HoldReason::is_for_want_of_answers), now);
            }
            Event::Note(Note::Waiting(_)) => self.turn(true, now),
            Event::Note(Note::Reached) => self.turn(false, now),
            Event::Note(_) => {}
        }
    }

    /// How long it was up to this moment.
    pub(super) fn until(&self, now: Stamp) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| now.since(since))
    }

    fn turn(&mut self, in_vain: bool, now: Stamp) {
        self.before = self.until(now);
        self.since = in_vain.then_some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Snapshot;

    fn held(hold: Option<HoldReason>) -> Event {
        Event::Progress(Box::new(Snapshot::held(hold)))
    }

    #[test]
    fn only_time_without_answers_counts_whoever_tells_of_it() {
        let mut in_vain = InVain::default();
        for (event, second) in [
            (held(Some(HoldReason::Pace)), 0),
            (held(Some(HoldReason::Faults)), 10),
            (held(Some(HoldReason::Answers)), 20),
            (held(None), 30),
            (Event::Note(Note::Waiting("refused".into())), 100),
            (Event::Note(Note::OthersCall), 105),
            (Event::Note(Note::Reached), 110),
            (held(Some(HoldReason::Pause)), 120),
            (held(Some(HoldReason::SignIn)), 200),
        ] {
            in_vain.hear(&event, Stamp(second * 1_000_000));
        }
        assert_eq!(in_vain.until(Stamp(205_000_000)), Duration::from_secs(20 + 10 + 5));
    }
}
