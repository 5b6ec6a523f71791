//! What each kind of answer does to a campaign: 401, 403, 404, 429, busy, unreachable, altered
//! comments.

use super::*;
use crate::kit::fake_server::{Existing, ListAct};

#[tokio::test(start_paused = true)]
async fn sixteen_401_for_one_old_token_are_one_sign_in_and_use_no_try() {
    let rule = |ask: Ask| if ask.token < 2 { Act::UNAUTHORIZED } else { Act::Serve };
    let mut world = World::new(Script { sign_in_takes: SECOND, ..Script::scan(rule) });
    world.settings.pace = None;
    let told = world.play(40).await;
    assert_eq!(told.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 40)].into());
    assert_eq!(world.calls(), 56);
    assert_eq!(world.server.ledger(|ledger| ledger.sign_ins), 2);
    assert!(world.rows("c").await.iter().all(|row| row.life.tries == 0));
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_again_after_a_fresh_sign_in_stops_with_the_queue_intact() {
    let world = World::new(Script { sign_in_takes: SECOND, ..Script::scan(|_| Act::UNAUTHORIZED) });
    let told = world.play(100).await;
    assert!(stopped_by_sign_in(&told), "{:?}", told.ran.ending);
    assert_eq!(world.tally().await.queued, 100);
    assert!(world.calls() <= 48, "{} calls", world.calls());
    // A third may have begun when the stop came; no call was made with it.
    assert!(world.server.ledger(|ledger| ledger.sign_ins) <= 3);
    assert!(world.rows("c").await.iter().all(|row| row.life.tries == 0));
}

#[tokio::test(start_paused = true)]
async fn a_single_403_is_rejected_and_403_for_all_stops_after_twenty() {
    let world = World::new(Script::scan(first_of(5, Act::FORBIDDEN)));
    assert_eq!(world.play(60).await.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 59), ("rejected", 1)].into());

    let world = World::new(Script::scan(|_| Act::FORBIDDEN));
    let told = world.play(100).await;
    assert!(stopped_by_sign_in(&told), "{:?}", told.ran.ending);
    assert!((20..=36).contains(&world.calls()), "{} calls", world.calls());
    assert_eq!(world.tally().await.queued, 100, "the fault is not the devices': nothing ended");

    // Also where those that were in flight are all that there are.
    let world = World::new(Script::scan(|_| Act::FORBIDDEN));
    let told = world.play(22).await;
    assert!(stopped_by_sign_in(&told), "{:?}", told.ran.ending);
    assert_eq!(world.tally().await.queued, 22);
}

#[tokio::test(start_paused = true)]
async fn one_answer_that_is_no_403_leaves_the_others_rejected() {
    let rule = |ask: Ask| if ask.device == 7 { Act::Serve } else { Act::FORBIDDEN };
    let world = World::new(Script::scan(rule));
    assert_eq!(world.play(60).await.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 1), ("rejected", 59)].into());
}

#[tokio::test(start_paused = true)]
async fn a_list_of_another_tenant_stops_after_twenty_404() {
    let world = World::new(Script::scan(|_| Act::MISSING));
    let told = world.play(100).await;
    assert!(stopped_by_safety(&told), "{:?}", told.ran.ending);
    assert!((20..=36).contains(&world.calls()), "{} calls", world.calls());
    assert_eq!(world.tally().await.queued, 100, "nothing is asked again, nothing ended");
}

#[tokio::test(start_paused = true)]
async fn a_stale_list_with_21_percent_of_404_stops() {
    let rule = |ask: Ask| if ask.device % 100 < 21 { Act::MISSING } else { Act::Serve };
    // Spread, so that the first twenty are not all missing.
    let spread = move |ask: Ask| rule(Ask { device: ask.device * 37 % 100, ..ask });
    let world = World::new(Script::scan(spread));
    let told = world.play(400).await;
    assert!(stopped_by_safety(&told), "{:?}", told.ran.ending);
    assert!(world.server.ledger(|ledger| ledger.asked.len()) <= 150);
}

#[tokio::test(start_paused = true)]
async fn a_404_is_asked_again_at_the_end_and_can_be_accepted_then() {
    let rule = |ask: Ask| match (ask.device, ask.nth) {
        (3, 1) | (4, _) => Act::MISSING,
        _ => Act::Serve,
    };
    let world = World::new(Script::scan(rule));
    assert_eq!(world.play(60).await.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 59), ("not_found", 1)].into());
    assert_eq!((world.asks_of(3), world.asks_of(4), world.calls()), (2, 2, 62));
    let last = world.server.ledger(|ledger| ledger.asked[60..].to_vec());
    assert_eq!(last, [device(3), device(4)], "repeats after a 404 come last");
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_429_pauses_once_for_a_volley_and_one_call_probes() {
    let rule = |ask: Ask| match ask.at < SECOND * 2 {
        true => Act::Throttle(Some(SECOND * 40)),
        false => Act::Serve,
    };
    let mut world = World::new(Script::scan(rule));
    world.settings.pace = None;
    let told = world.play(60).await;
    assert_eq!(told.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 60)].into());
    assert_eq!(told.ran.throttled, 16);
    let sent = world.sent();
    assert!(sent[..16].iter().all(|at| *at < SECOND));
    assert!(sent[16] >= MS * 40_200, "Retry-After is honoured in full: {:?}", sent[16]);
    assert!(sent[17] >= sent[16] + MS * 200, "the probe's answer is waited for");
    assert!(sent[16] < MS * 46_000, "and not much more: {:?}", sent[16]);
    let paused =
        told.notes.iter().filter(|note| matches!(note, Note::Paused(Operation::Scan, _))).count();
    assert_eq!(paused, 1, "one volley is one pause to people too: {:?}", told.notes);
    assert_eq!(told.notes.iter().filter(|note| **note == Note::OthersCall).count(), 1);
    assert!(world.rows("c").await.iter().all(|row| row.life.tries == 0));
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_429_uses_no_try_and_makes_few_calls() {
    let rule = |ask: Ask| if ask.at < HOUR { Act::Throttle(None) } else { Act::Serve };
    let world = World::new(Script::scan(rule));
    assert_eq!(world.play(60).await.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 60)].into());
    let refused = world.sent().iter().filter(|at| **at < HOUR).count();
    assert!(refused < 90, "{refused} calls into a closed door");
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn repeats_that_are_throttled_or_never_leave_are_not_counted_as_repeats() {
    let rule = |ask: Ask| match ask.device {
        0..5 if ask.nth == 1 => Act::MISSING,
        0..5 if ask.at < MINUTE * 5 => Act::NeverLeft,
        0..5 if ask.at < MINUTE * 15 => Act::Throttle(None),
        _ => Act::Serve,
    };
    let world = World::new(Script::scan(rule));
    let told = world.play(60).await;
    assert_eq!(told.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 60)].into());
}

#[tokio::test(start_paused = true)]
async fn an_api_that_is_never_reached_stops_after_a_minute() {
    let world = World::new(Script::scan(|_| Act::NeverLeft));
    let told = world.play(100).await;
    assert!(matches!(told.ran.ending, Ending::Stopped(Stop::NeverReached(_))));
    let took = world.clock.elapsed();
    assert!(took >= MINUTE && took < MINUTE + SECOND * 35, "{took:?}");
    assert_eq!(world.tally().await.queued, 100);
    assert!(world.rows("c").await.iter().all(|row| row.life.tries == 0));
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_waited_for_and_the_campaign_goes_on() {
    let down = |at: Duration| at > SECOND * 5 && at < MINUTE * 50;
    let world =
        World::new(Script::scan(move |ask| if down(ask.at) { Act::NeverLeft } else { Act::Serve }));
    let told = world.play(200).await;
    assert_eq!(told.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 200)].into());
    assert!(world.clock.elapsed() < MINUTE * 53);
    let waiting = told.notes.iter().filter(|note| matches!(note, Note::Waiting(_))).count();
    assert_eq!((waiting, told.notes.contains(&Note::Reached)), (1, true));
    let tried = world.server.ledger(|ledger| ledger.asked.len());
    assert!(tried < 200 + 130, "{tried} tries to connect");
    // What never left is no call, in the run's count and in the store's.
    let left = world.calls() as u64;
    assert!(left < tried as u64, "the control: claims are more than calls");
    assert_eq!(told.ran.calls, left);
    assert_eq!(world.store.calls(world.find("c").await.id).await.unwrap(), left);
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn an_outage_without_end_stops_after_the_longest_wait_and_uses_no_try() {
    let rule = |ask: Ask| if ask.at > SECOND * 5 { Act::NeverLeft } else { Act::Serve };
    let world = World::new(Script::scan(rule));
    let told = world.play(200).await;
    assert!(matches!(told.ran.ending, Ending::Stopped(Stop::Unreachable(_))));
    let took = world.clock.elapsed();
    assert!(took >= HOUR && took < HOUR + MINUTE, "{took:?}");
    let tally = world.tally().await;
    assert_eq!(tally.queued + tally.of(Outcome::Accepted), 200);
    assert!(world.rows("c").await.iter().all(|row| row.life.tries == 0));
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_slow_probe_of_an_unreachable_api_keeps_nothing_busy() {
    // The probe hangs for half a minute while the time for the next one has long come.
    let rule = |ask: Ask| match ask.call {
        1..=10 => Act::NeverLeft,
        11 | 12 => Act::NoAnswer { worked: false },
        _ => Act::Serve,
    };
    let world = World::new(Script::scan(rule));
    assert_eq!(world.play(60).await.ran.ending, Ending::Finished);
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn busy_devices_get_the_scope_of_what_runs_from_the_list_in_one_reading() {
    let script = Script { existing: Existing::Busy, page: 7, ..Script::scan(|_| Act::Serve) };
    let world = World::new(script);
    for n in 0..30 {
        let scope = if n % 2 == 0 { "Full" } else { "Quick" };
        world.server.put_foreign(device(n), scope, "InProgress", HOUR * 50);
    }
    assert_eq!(world.play(60).await.ran.ending, Ending::Finished);
    let tally = world.tally().await;
    assert_eq!(tally.of(Outcome::AlreadyInProgress { covered: true }), 15);
    assert_eq!(tally.of(Outcome::AlreadyInProgress { covered: false }), 15);
    let rows = world.rows("c").await;
    assert_eq!(rows[1].detail.action_scope.as_deref(), Some("Quick"));
    assert_eq!(rows[1].detail.action_requestor.as_deref(), Some("helpdesk"));
    assert!(world.listed().len() <= 24, "{} calls to the list", world.listed().len());
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_action_in_a_201_is_not_called_ours() {
    let script = Script { existing: Existing::Returned, ..Script::scan(|_| Act::Serve) };
    let world = World::new(script);
    world.server.put_foreign(device(7), "Full", "Pending", MINUTE);
    assert_eq!(world.play(20).await.ran.ending, Ending::Finished);
    let rows = world.rows("c").await;
    let row = row_of(&rows, device(7));
    assert_eq!(row.life.state, State::Done(Outcome::AlreadyInProgress { covered: true }));
    assert_eq!(row.detail.action_requestor.as_deref(), Some("helpdesk"));
    assert!(world.listed().is_empty());
}

/// A device that is busy for the first `asks` asks, under `--busy retry`.
async fn busy_for(asks: usize) -> (World, Told) {
    let rule = move |ask: Ask| {
        if ask.device == 2 && ask.nth <= asks { Act::BUSY } else { Act::Serve }
    };
    let world = World::new(Script::scan(rule));
    let quotas = world.settings.quotas.clone();
    let campaign = campaign(&world.store, "c", 0..20, &quotas, BusyPolicy::Retry).await;
    let told = world.run(&campaign).await;
    (world, told)
}

#[tokio::test(start_paused = true)]
async fn busy_retry_asks_again_after_an_hour_and_at_most_three_times() {
    let (world, told) = busy_for(2).await;
    assert_eq!(told.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 20)].into());
    assert_eq!(world.asks_of(2), 3);
    assert!(world.clock.elapsed() >= HOUR * 2 && world.clock.elapsed() < HOUR * 2 + MINUTE);
    world.assert_sound();

    let (world, told) = busy_for(9).await;
    assert_eq!(told.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 19), ("already_in_progress", 1)].into());
    assert_eq!(world.asks_of(2), 4);
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn an_unsupported_device_is_rejected_with_its_code() {
    let world = World::new(Script::scan(first_of(1, Act::UNSUPPORTED)));
    assert_eq!(world.play(3).await.ran.ending, Ending::Finished);
    let rows = world.rows("c").await;
    assert_eq!(rows[1].life.state, State::Done(Outcome::Rejected));
    assert_eq!(rows[1].detail.error_code.as_deref(), Some("OsPlatformNotSupported"));
    assert_eq!(rows[1].detail.http_status, Some(400));
}

fn without_mark(comment: &str) -> String {
    comment.split_once("] ").map_or("", |(_, text)| text).to_owned()
}

fn cut(comment: &str) -> String {
    comment.chars().take(32).collect()
}

#[tokio::test(start_paused = true)]
async fn a_server_that_alters_comments_is_noticed_once_and_judged_by_time() {
    let rule = first_of(9, Act::NoAnswer { worked: true });
    let world = World::new(Script { comment: without_mark, ..Script::scan(rule) });
    let told = world.play(60).await;
    assert_eq!(told.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 60)].into());
    let told = told.notes.iter().filter(|note| **note == Note::CommentsChanged).count();
    assert_eq!(told, 1);
    assert_eq!(world.asks_of(9), 1, "the lost answer is found by its time");
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_comment_cut_at_its_end_is_ours_by_its_mark() {
    let rule = first_of(9, Act::NoAnswer { worked: true });
    let world = World::new(Script { comment: cut, ..Script::scan(rule) });
    let told = world.play(60).await;
    assert_eq!(world.outcomes().await, [("accepted", 60)].into());
    assert!(!told.notes.contains(&Note::CommentsChanged));
    assert_eq!(world.asks_of(9), 1);
}

#[tokio::test(start_paused = true)]
async fn the_gates_cells_are_spent_by_calls_alone() {
    let rule = |ask: Ask| match ask.call % 7 {
        3 => Act::Throttle(None),
        5 => Act::NoAnswer { worked: true },
        _ => Act::Serve,
    };
    // For half an hour the store has no device to give, since the list is down.
    let list = |at: Duration| if at < MINUTE * 30 { ListAct::Fail } else { ListAct::Serve };
    let world = World::new(Script { list: Box::new(list), ..Script::scan(rule) });
    let told = world.play(60).await;
    assert_eq!(told.ran.ending, Ending::Finished);
    // Three limiters: the pace and two quotas. Passes that wait unused may be a volley's worth.
    let passes = told.ran.cells / 3;
    let calls = told.ran.calls;
    assert!((calls..=calls + 16).contains(&passes), "{passes} passes for {calls} calls");
}
