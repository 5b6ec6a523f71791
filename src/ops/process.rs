//! Whether the processes of a campaign's runs still live: a run that was killed says nothing any
//! more, and its last sign of life is believed for a while. The system is asked, and where it tells
//! nothing, nothing is known.

use jiff::Timestamp;

use crate::domain::{Campaign, LastRun, Seen, Timing};
use crate::system::process::seen;

/// The campaign with what the processes of its runs do now, as far as that can be seen from here.
pub(crate) fn looked_at(mut campaign: Campaign) -> Campaign {
    if let Some(run) = &mut campaign.last_run {
        look_at(run);
        run.beside.iter_mut().for_each(look_at);
        put_later_first(run);
    }
    campaign
}

/// A run whose process is gone passed for one at work while it was not looked at: one that was seen
/// after it tells how the campaign's latest run went.
fn put_later_first(run: &mut LastRun) {
    if run.ended.is_some() || run.seen_now != Seen::Gone {
        return;
    }
    let over = |one: &LastRun| one.over_at().unwrap_or(one.began_at);
    let is_later = |one: &LastRun| !one.cancels && over(one) > over(run);
    let later = run.beside.iter().enumerate().filter(|(_, one)| is_later(one));
    let Some((latest, _)) = later.max_by_key(|(_, one)| over(one)) else { return };
    let mut beside = std::mem::take(&mut run.beside);
    *run = beside.remove(latest);
    run.beside = beside;
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
    use crate::domain::ProcessPlace;

    #[test]
    fn a_run_that_was_seen_after_one_that_is_gone_is_the_latest() {
        let at = |text: &str| text.parse().unwrap();
        let later = LastRun::begun(at("2026-11-28T21:42:54Z"));
        let cancel = LastRun { cancels: true, ..LastRun::begun(at("2026-11-28T21:43:00Z")) };
        let mut gone = LastRun::begun(at("2026-11-28T21:42:00Z"));
        (gone.seen_now, gone.beside) = (Seen::Gone, vec![cancel.clone(), later.clone()]);
        let mut known = LastRun { seen_now: Seen::Lives, ..gone.clone() };
        put_later_first(&mut gone);
        assert_eq!(gone, LastRun { beside: vec![cancel], ..later });
        let before = known.clone();
        put_later_first(&mut known);
        assert_eq!(known, before, "it is at work");
        // One that was begun and stopped beside it says nothing of how it went on.
        (known.seen_now, known.seen_at) = (Seen::Gone, Some(at("2026-11-28T23:00:00Z")));
        let killed = known.clone();
        put_later_first(&mut known);
        assert_eq!(known, killed);
    }

    #[test]
    fn of_a_run_of_another_machine_nothing_is_known() {
        let found_at = Some(ProcessPlace { machine: "another".to_owned(), pid: 1, started: 1 });
        let mut run = LastRun { found_at, ..LastRun::default() };
        look_at(&mut run);
        assert_eq!(run.seen_now, Seen::Unknown);
    }
}
