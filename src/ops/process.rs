//! Whether the processes of a campaign's runs still live: a run that was killed says nothing any
//! more, and its last sign of life is believed for a while. The system is asked, and where it tells
//! nothing, nothing is known.

use jiff::Timestamp;

use crate::domain::{Campaign, LastRun, Timing};
use crate::system::process::seen;

/// The campaign with what the processes of its runs do now, as far as that can be seen from here.
pub(crate) fn looked_at(mut campaign: Campaign) -> Campaign {
    if let Some(run) = &mut campaign.last_run {
        look_at(run);
        run.beside.iter_mut().for_each(look_at);
    }
    campaign
}

/// Who works on a campaign now, as a part of a sentence that is empty where that is not known;
/// `None` if nobody does, as far as can be told.
pub(crate) fn who_works(campaign: &Campaign, now: Timestamp, timing: &Timing) -> Option<String> {
    let run = looked_at(campaign.clone()).last_run?;
    (run.alive_but("", now, timing) > 0).then(|| run.at_work(now, timing))
}

fn look_at(run: &mut LastRun) {
    if let (Some(place), None) = (&run.found_at, &run.ended) {
        run.seen_now = seen(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ProcessPlace, Seen};

    #[test]
    fn of_a_run_of_another_machine_nothing_is_known() {
        let found_at = Some(ProcessPlace { machine: "another".to_owned(), pid: 1, started: 1 });
        let mut run = LastRun { found_at, ..LastRun::default() };
        look_at(&mut run);
        assert_eq!(run.seen_now, Seen::Unknown);
    }
}
