//! `--start-at`: the door is shut until then, whatever the wall clock does, and windows hold beside
//! it. The night of `windows` is played here too.

use std::sync::atomic::Ordering;

use fleetsweep::clock::Clock;
use fleetsweep::domain::Hours;
use fleetsweep::domain::event::HoldReason;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::windows::{Night, hours, moment};
use super::*;

/// What the run waits for.
const START: &str = "2026-11-24T21:00Z";

fn from_then() -> Hours {
    Hours::from_moment(moment(START), TimeZone::UTC)
}

fn holds(told: &[Event]) -> Vec<Option<HoldReason>> {
    let snapshots = told.iter().filter_map(|event| match event {
        Event::Progress(snapshot) => Some(snapshot.hold.clone()),
        Event::Note(_) => None,
    });
    snapshots.collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_with_a_start_waits_until_then_says_so_and_goes_on_to_the_end() {
    let night = Night::new("2026-11-24T18:30Z", &from_then(), "60/1m", Script::default());
    night.open(100).await;
    let (ending, told) = night.run().await;
    assert_eq!(ending, Ending::Finished);
    let sent = night.sent();
    assert_eq!((sent.len(), sent[0]), (100, moment(START)));
    assert_eq!(holds(&told)[1], Some(HoldReason::Start(moment(START))));
    // An hour after the begin, an hour and a half are left to the start; 100 calls take a minute.
    let snapshots = told.iter().filter_map(|event| match event {
        Event::Progress(snapshot) => snapshot.finish_in,
        Event::Note(_) => None,
    });
    let finish_in = snapshots.collect::<Vec<_>>()[1].as_secs();
    assert!((5_400..5_470).contains(&finish_in), "{finish_in}");
}

#[tokio::test(start_paused = true)]
async fn with_a_window_both_hold_and_the_window_still_ends_the_run() {
    let window = hours("22:00-23:00");
    // The window opens at 21:00 UTC; the start is half an hour later.
    let both = window.clone().not_before(moment("2026-11-24T21:30Z"));
    let night = Night::new("2026-11-24T20:00Z", &both, "60/1h", Script::default());
    night.open(100).await;
    let (ending, _) = night.run().await;
    assert_eq!(ending, Ending::Stopped(Stop::Window));
    let sent = night.sent();
    assert_eq!(sent.first(), Some(&moment("2026-11-24T21:30Z")));
    assert!(sent.last() < Some(&moment("2026-11-24T22:00Z")), "{sent:?}");
    // A start after the window of today waits for the one of tomorrow.
    let tomorrow = window.not_before(moment("2026-11-24T22:00Z"));
    let night = Night::new("2026-11-24T21:10Z", &tomorrow, "60/1h", Script::default());
    night.open(5).await;
    assert_eq!(night.run().await.0, Ending::Finished);
    assert_eq!(night.sent().first(), Some(&moment("2026-11-25T21:00Z")));
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_is_set_back_before_the_start_waits_for_it_again() {
    let night = Night::new("2026-11-24T20:59:55Z", &from_then(), "60/1m", Script::default());
    night.open(120).await;
    let wall = night.wall.clone();
    let stepper = tokio::spawn(async move {
        wall.sleep_until(wall.now().plus(SECOND * 6)).await;
        wall.step(SignedDuration::from_secs(-20));
    });
    let (ending, _) = night.run().await;
    stepper.await.unwrap();
    assert_eq!(ending, Ending::Finished);
    assert!(night.sent().iter().all(|at| *at >= moment(START)));
    assert_eq!(night.sent().len(), 120);
}

#[tokio::test(start_paused = true)]
async fn whenever_the_wall_clock_steps_back_no_order_leaves_before_the_start() {
    let mut waited = 0;
    for questions in 1..80 {
        let night = Night::new("2026-11-24T21:30Z", &from_then(), "60/1m", Script::default());
        night.open(4).await;
        let an_hour = SignedDuration::from_hours(-1).as_micros();
        night.wall.step.store(i64::try_from(an_hour).unwrap(), Ordering::SeqCst);
        night.wall.step_after.store(questions, Ordering::SeqCst);
        let (ending, _) = night.run().await;
        assert_eq!(ending, Ending::Finished, "after {questions} questions");
        let sent: Vec<Timestamp> = night.sent();
        assert!(sent.iter().all(|at| *at >= moment(START)), "after {questions}: {sent:?}");
        assert_eq!(sent.len(), 4);
        waited += usize::from(night.wall.time_passed() > MINUTE * 20);
    }
    assert!(waited > 5, "the step must have met runs on their way: {waited}");
}
