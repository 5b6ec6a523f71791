//! Doubt: lost answers and server faults are looked up in the list before anything is repeated.

use super::*;
use crate::fake_server::{Existing, ListAct};

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_found_in_the_list_and_not_repeated() {
    let world = World::new(Script::scan(first_of(5, Act::NoAnswer { worked: true })));
    assert_eq!(world.play(60).await.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 60)].into());
    assert_eq!(world.calls(), 60);
    let rows = world.rows("c").await;
    assert!(rows[5].detail.action_id.is_some());
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_looked_up_after_10_30_and_90_seconds_and_then_repeated() {
    let world = World::new(Script::scan(first_of(0, Act::Fault { worked: false })));
    assert_eq!(world.play(1).await.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 1)].into());
    assert_eq!(world.asks_of(0), 2);
    let listed = world.listed();
    let fault = MS * 200;
    let mut due = fault;
    assert_eq!(listed.len(), 3, "{listed:?}");
    for (at, wait) in listed.iter().zip([10, 30, 90]) {
        due += SECOND * wait;
        let late = at.checked_sub(due).expect("not before its time");
        assert!(late <= SECOND * 6, "{late:?} late");
        due = *at;
    }
    assert!(world.sent()[1] >= listed[2]);
}

#[tokio::test(start_paused = true)]
async fn an_action_that_the_list_shows_late_is_still_found() {
    let rule = first_of(5, Act::Fault { worked: true });
    let world = World::new(Script { list_lag: SECOND * 100, ..Script::scan(rule) });
    assert_eq!(world.play(60).await.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 60)].into());
    assert_eq!(world.calls(), 60);
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_device_that_always_faults_fails_after_three_tries_and_no_action_of_it_exists() {
    let rule = |ask: Ask| if ask.device == 5 { Act::Fault { worked: false } } else { Act::Serve };
    let world = World::new(Script::scan(rule));
    assert_eq!(world.play(60).await.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 59), ("failed", 1)].into());
    assert_eq!(world.asks_of(5), 3);
}

#[tokio::test(start_paused = true)]
async fn without_the_permission_to_read_the_list_the_device_is_unknown() {
    let rule = first_of(5, Act::NoAnswer { worked: true });
    let world = World::new(Script { list: Box::new(|_| ListAct::Forbid), ..Script::scan(rule) });
    let told = world.play(60).await;
    assert_eq!(told.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 59), ("unknown", 1)].into());
    assert!(told.notes.contains(&Note::ListForbidden));
    assert_eq!((world.calls(), world.listed().len()), (60, 1));
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_down_is_waited_for_and_then_stops_the_campaign() {
    let rule = first_of(5, Act::NoAnswer { worked: true });
    let world = World::new(Script { list: Box::new(|_| ListAct::Fail), ..Script::scan(rule) });
    let told = world.play(60).await;
    assert!(matches!(told.ran.ending, Ending::Stopped(Stop::ListUnreadable(_))));
    assert!(world.clock.elapsed() >= HOUR && world.clock.elapsed() < HOUR + MINUTE * 12);
    let tally = world.tally().await;
    assert_eq!((tally.of(Outcome::Accepted), tally.doubtful), (59, 1));
    assert_eq!(told.notes.iter().filter(|n| matches!(n, Note::ListFailed(_))).count(), 1);
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_list_at_its_limit_is_asked_again_later() {
    let list = |at: Duration| if at < MINUTE * 5 { ListAct::Throttle } else { ListAct::Serve };
    let rule = first_of(5, Act::NoAnswer { worked: true });
    let world = World::new(Script { list: Box::new(list), ..Script::scan(rule) });
    assert_eq!(world.play(60).await.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 60)].into());
    assert!(world.listed().len() < 30, "{:?}", world.listed());
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn look_ups_take_no_slot_of_the_scans_and_ask_for_many_devices_at_once() {
    // Few enough not to look like a failing server. Faults are whole answers, so that their slots
    // open again like all others.
    let rule = |ask: Ask| match ask.device % 20 == 7 && ask.nth == 1 {
        true => Act::Fault { worked: true },
        false => Act::Serve,
    };
    let world = World::new(Script::scan(rule));
    assert_eq!(world.play(1_500).await.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 1_500)].into());
    assert_eq!(world.calls(), 1_500);
    let last = *world.sent().last().unwrap();
    assert!(last < SECOND * 870, "as fast as without look-ups: {last:?}");
    assert!(world.listed().len() <= 75, "{} calls to the list", world.listed().len());
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn sixty_doubtful_devices_of_a_crash_are_asked_in_six_calls() {
    let world = World::new(Script::scan(|_| Act::Serve));
    let campaign = world.campaign("c", 0..60).await;
    for _ in 0..60 {
        world.store.claim(campaign.id, true).await.unwrap();
        tokio::time::sleep(MS).await;
    }
    let (_stop, stopped) = watch::channel(StopLevel::Run);
    tokio::time::timeout(SECOND * 90, world.run_until(&campaign, stopped)).await.unwrap_err();
    assert_eq!(world.listed().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn busy_on_a_second_attempt_is_looked_up_and_found_to_be_ours() {
    // The first call is worked on, but the list shows it only after all three looks.
    let rule = |ask: Ask| match (ask.device, ask.nth) {
        (5, 1) => Act::Fault { worked: true },
        (5, _) => Act::BUSY,
        _ => Act::Serve,
    };
    let world = World::new(Script { list_lag: SECOND * 145, ..Script::scan(rule) });
    assert_eq!(world.play(60).await.ran.ending, Ending::Finished);
    assert_eq!(world.asks_of(5), 2);
    assert_eq!(world.outcomes().await, [("accepted", 60)].into());
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_action_does_not_settle_a_doubt_as_ours() {
    let rule = first_of(5, Act::Fault { worked: false });
    let world = World::new(Script { existing: Existing::Returned, ..Script::scan(rule) });
    world.server.put_foreign(device(5), "Full", "InProgress", HOUR);
    assert_eq!(world.play(60).await.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 59), ("already_in_progress", 1)].into());
    let rows = world.rows("c").await;
    assert_eq!(rows[5].life.state, State::Done(Outcome::AlreadyInProgress { covered: true }));
    assert_eq!(rows[5].detail.action_requestor.as_deref(), Some("helpdesk"));
}

#[tokio::test(start_paused = true)]
async fn repeats_beyond_a_tenth_stop_with_the_queue_intact() {
    // Every third device faults once: never five in a row, and far more than a tenth.
    let rule = |ask: Ask| match ask.device.is_multiple_of(3) && ask.nth == 1 {
        true => Act::Fault { worked: false },
        false => Act::Serve,
    };
    let world = World::new(Script::scan(rule));
    let told = world.play(90).await;
    assert!(stopped_by_safety(&told), "{:?}", told.ran.ending);
    let tally = world.tally().await;
    assert_eq!(tally.of(Outcome::Accepted), 70, "ten of the thirty were repeated");
    assert_eq!(tally.queued, 20);
    assert_eq!(tally.of(Outcome::Failed), 0);
    world.assert_sound();
}

/// How many calls an hour of faults makes, and how a campaign of this size ends.
async fn hour_of_faults(devices: u64) -> (World, Told, usize) {
    let rule = |ask: Ask| if ask.at < HOUR { Act::Fault { worked: false } } else { Act::Serve };
    let world = World::new(Script::scan(rule));
    let told = world.play(devices).await;
    let burnt = world.sent().iter().filter(|at| **at < HOUR).count();
    world.assert_sound();
    (world, told, burnt)
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_faults_does_not_burn_the_list() {
    let (world, told, burnt) = hour_of_faults(1_000).await;
    assert!(burnt <= 40, "{burnt} calls into a failing server");
    assert_eq!(told.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 1_000)].into());
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_faults_stops_a_small_campaign_by_the_rule_of_repeats_and_loses_nothing() {
    let (world, told, burnt) = hour_of_faults(60).await;
    assert!(burnt <= 40, "{burnt} calls into a failing server");
    assert!(stopped_by_safety(&told), "{:?}", told.ran.ending);
    let tally = world.tally().await;
    assert_eq!(tally.queued + tally.of(Outcome::Accepted), 60);
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_answers_for_the_api_does_not_burn_the_list() {
    let rule = |ask: Ask| match ask.at > SECOND && ask.at < HOUR {
        true => Act::Refuse(302, "", "sign in to the network"),
        false => Act::Serve,
    };
    let world = World::new(Script::scan(rule));
    assert_eq!(world.play(1_000).await.ran.ending, Ending::Finished);
    let burnt = world.sent().iter().filter(|at| **at > SECOND && **at < HOUR).count();
    assert!(burnt <= 40, "{burnt} calls into a proxy");
    assert_eq!(world.outcomes().await, [("accepted", 1_000)].into());
}
