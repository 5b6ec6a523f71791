//! Doubt: lost answers and server faults are looked up in the list before anything is repeated.

use std::sync::Mutex;

use fleetsweep::clock::Clock;
use fleetsweep::defender::{ScanApi, ScanOrder};
use fleetsweep::store::ClaimAnswer;
use fleetsweep::store::memory::Stamping;

use super::*;
use crate::kit::fake_server::{Existing, ListAct};
use crate::kit::mistake::Mistake;
use crate::kit::store::quota;

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
    assert!(told.notes.iter().any(|note| matches!(note, Note::ListForbidden(_))));
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

/// A runner that died with this many calls claimed, of which the server worked on every
/// `worked`-th; and as many devices more as wait.
async fn orphaned(script: Script, claimed: u64, worked: u64, waiting: u64) -> (World, Campaign) {
    let world = World::new(script);
    let campaign = world.campaign("c", 0..claimed + waiting).await;
    let mut calls = 0;
    while calls < claimed {
        match world.store.claim(campaign.id, true).await.unwrap() {
            ClaimAnswer::NotYet(not_yet) => world.store.clock().sleep_until(not_yet.at).await,
            ClaimAnswer::Idle { .. } => panic!("a device vanished"),
            ClaimAnswer::Call(claim) => {
                calls += 1;
                if calls % worked == 0 {
                    let comment = campaign.mark().comment(&campaign.order.comment);
                    let scan_type = campaign.order.scan_type;
                    let order = ScanOrder { device: claim.device, scan_type, comment };
                    // It dies while it waits for the answer.
                    tokio::time::timeout(MS, world.server.scan(&order)).await.unwrap_err();
                }
            }
        }
    }
    // Until its calls fill no window any more.
    tokio::time::sleep(world.settings.timing.horizon() + SECOND * 61).await;
    (world, campaign)
}

#[tokio::test(start_paused = true)]
async fn sixty_doubtful_devices_of_a_crash_are_asked_in_two_calls() {
    // The first ten by their ids, for the server's time; the others in one page of the whole list.
    let (world, campaign) = orphaned(Script::scan(|_| Act::Serve), 60, 100, 0).await;
    let (_stop, stopped) = watch::channel(StopLevel::Run);
    tokio::time::timeout(SECOND * 30, world.run_until(&campaign, stopped)).await.unwrap_err();
    assert_eq!(world.listed().len(), 2);
}

/// Runs a campaign that a crash left with this many doubtful devices; the calls to the list.
async fn cost_of_doubt(claimed: u64, worked: u64) -> usize {
    let waiting = 200;
    let (world, campaign) = orphaned(Script::scan(|_| Act::Serve), claimed, worked, waiting).await;
    let start = world.clock.elapsed();
    assert_eq!(world.run(&campaign).await.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", claimed + waiting)].into());
    world.assert_sound();
    let listed = world.listed();
    let micros: Vec<_> = listed.iter().map(|at| at.as_micros() as i64).collect();
    let busiest = most_in_any_window(&micros, MINUTE);
    let waited = world.server.ledger(|ledger| ledger.asked.clone());
    let last = waited.iter().zip(world.sent()).rfind(|(id, _)| **id == device(claimed + 199));
    let took = last.unwrap().1 - start;
    println!(
        "{claimed} doubtful, every {worked}. worked on: {} calls to the list, at most {busiest} a \
         minute; the {waiting} that waited were ordered in {took:.1?}",
        listed.len()
    );
    assert!(busiest <= 100, "{busiest} calls to the list in a minute");
    assert!(took < SECOND * 70, "scans go on meanwhile: {took:?}");
    listed.len()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_doubtful_devices_cost_few_calls_to_the_list_and_starve_no_scan() {
    // Two looks at the whole list; only before a repeat are ten devices asked for by their ids.
    assert_eq!(cost_of_doubt(1_000, 2_000).await, 2 + 100);
    assert_eq!(cost_of_doubt(1_000, 1).await, 1);
    assert!(cost_of_doubt(1_000, 2).await <= 2 + 50);
    // More than the list's own minute holds.
    assert!(cost_of_doubt(1_200, 2_000).await <= 4 + 120);
}

#[tokio::test(start_paused = true)]
async fn a_whole_list_that_is_too_long_is_given_up_and_devices_are_asked_for_by_their_ids() {
    // One action a page, as in a tenant with a hundred thousand scans of others since then.
    let script = Script { page: 1, ..Script::scan(|_| Act::Serve) };
    let (world, campaign) = orphaned(script, 40, 1, 20).await;
    assert_eq!(world.run(&campaign).await.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 60)].into());
    assert_eq!(world.calls(), 60);
    // Four pages of the whole list, as many as by ids; then ten for each ten ids.
    assert_eq!(world.listed().len(), 4 + 40);
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_slot_of_the_list_that_a_slow_store_gives_too_late_is_given_back() {
    let rule = |ask: Ask| match ask.device.is_multiple_of(9) && ask.nth == 1 {
        true => Act::Fault { worked: false },
        false => Act::Serve,
    };
    let world = World::new(Script::scan(rule));
    let claims = Arc::new(Mutex::new(Vec::new()));
    let (clock, noted) = (world.clock, claims.clone());
    world.store.observe(Box::new(move |name, _| {
        if name == "claim_read" {
            noted.lock().unwrap().push(clock.elapsed());
        }
    }));
    world.store.slows(500, SECOND * 90, fastrand::Rng::with_seed(4));
    assert_eq!(world.play(60).await.ran.ending, Ending::Finished);
    let (claims, listed) = (claims.lock().unwrap().clone(), world.listed());
    let late =
        |at: &&Duration| !claims.iter().any(|claim| claim <= *at && **at - *claim <= SECOND * 5);
    assert_eq!(listed.iter().find(late), None);
    assert!(claims.len() > listed.len(), "no slot was late: another seed is needed");
}

/// A server that drops comments, and a first call whose answer is lost before any other came.
#[tokio::test(start_paused = true)]
async fn a_lost_first_answer_is_found_by_its_time_though_the_server_drops_comments() {
    let rule = |ask: Ask| if ask.call == 1 { Act::NoAnswer { worked: true } } else { Act::Serve };
    for devices in [1, 2, 60] {
        let mut world = World::new(Script { comment: |_| String::new(), ..Script::scan(rule) });
        // One after the other, so that no answer comes before the first is given up.
        world.settings.concurrency = 1;
        world.server.put_foreign(device(0), "Full", "Succeeded", MINUTE);
        assert_eq!(world.play(devices).await.ran.ending, Ending::Finished);
        assert_eq!(world.outcomes().await, [("accepted", devices)].into());
        assert_eq!(world.calls() as u64, devices, "the lost one was ordered again");
        world.assert_sound();
    }
}

/// How often one of two devices is ordered where a run with this limit is killed so long after the
/// second call arrived, on a machine that loses ten minutes until it is started anew. The server
/// drops comments, and these first answers are lost.
async fn orders_after_a_restart_that_loses_time(
    (lost, device): (&'static [u64], u64),
    (limit, after): (&str, Duration),
    mistake: Mistake,
) -> usize {
    let rule = |ask: Ask| match ask.nth == 1 && lost.contains(&ask.device) {
        true => Act::NoAnswer { worked: true },
        false => Act::Serve,
    };
    let mut world = World::new(Script { comment: |_| String::new(), ..Script::scan(rule) });
    let timing = world.settings.timing;
    world.store = Arc::new(Watched::broken(world.clock, timing, Stamping::default(), mistake));
    world.settings.quotas = vec![quota(limit)];
    world.settings.pace = PaceKind::Even.pace(&world.settings.quotas);
    let campaign = world.campaign("c", 0..2).await;
    let killed = async {
        while world.asks_of(1) == 0 {
            tokio::time::sleep(MS * 100).await;
        }
        tokio::time::sleep(after).await;
    };
    tokio::select! {
        told = world.run(&campaign) => panic!("{told:?}"),
        () = killed => {}
    }
    assert_eq!(world.tally().await.of(Outcome::Accepted), 1, "something told the server's time");
    tokio::time::sleep(MINUTE * 10).await;
    world.store.inside().clock().lose(MINUTE * 10);
    world.resume("c").await;
    world.asks_of(device)
}

#[tokio::test(start_paused = true)]
async fn the_servers_time_that_a_look_told_outlives_a_restart_that_loses_time() {
    // A look finds the first one before the second one leaves.
    let orders =
        |mistake| orders_after_a_restart_that_loses_time((&[0, 1], 1), ("1/5m", MS), mistake);
    assert_eq!(orders(Mistake::None).await, 1);
    assert_eq!(orders(Mistake::ForgetsContact).await, 2, "its own is taken for somebody else's");
}

#[tokio::test(start_paused = true)]
async fn the_servers_time_that_an_answer_told_bounds_what_was_ordered_before_it_too() {
    // The second one is answered while the first one, which left before it, still waits.
    let orders =
        |mistake| orders_after_a_restart_that_loses_time((&[0], 0), ("2/20s", SECOND), mistake);
    assert_eq!(orders(Mistake::None).await, 1);
    assert_eq!(orders(Mistake::ForgetsContact).await, 2, "its own is taken for somebody else's");
}

#[tokio::test(start_paused = true)]
async fn an_action_of_another_scope_is_not_ours_where_comments_are_dropped() {
    // Somebody starts a quick scan while our full scan is in doubt.
    let rule = first_of(0, Act::Fault { worked: false });
    let world = World::new(Script { comment: |_| String::new(), ..Script::scan(rule) });
    world.server.put_foreign(device(0), "Quick", "Pending", Duration::ZERO);
    assert_eq!(world.play(1).await.ran.ending, Ending::Finished);
    assert_eq!(world.asks_of(0), 2, "ours was never worked on");
}

#[tokio::test(start_paused = true)]
async fn busy_on_a_second_attempt_is_looked_up_and_found_to_be_ours() {
    // The first call is worked on, but the list shows it only after all three looks.
    let rule = |ask: Ask| match (ask.device, ask.nth) {
        (5, 1) => Act::Fault { worked: true },
        (5, _) => Act::BUSY,
        _ => Act::Serve,
    };
    let world = World::new(Script { list_lag: SECOND * 150, ..Script::scan(rule) });
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
    assert!(stopped_by_repeats(&told), "{:?}", told.ran.ending);
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
    assert!(stopped_by_repeats(&told), "{:?}", told.ran.ending);
    let tally = world.tally().await;
    assert_eq!(tally.queued + tally.of(Outcome::Accepted), 60);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_only_fails_stops_the_campaign_after_an_hour_with_the_queue_intact() {
    let world = World::new(Script::scan(|_| Act::Fault { worked: false }));
    let told = world.play(10_000).await;
    let Ending::Stopped(Stop::Unreachable(why)) = &told.ran.ending else { panic!("{told:?}") };
    assert!(why.contains("no answer was of use for 6"), "{why}");
    assert!(world.clock.elapsed() < HOUR + MINUTE * 12, "{:?}", world.clock.elapsed());
    let tally = world.tally().await;
    assert_eq!(tally.open(), 10_000);
    world.assert_sound();
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

/// Somebody's scan without a comment, started hours after a runner died with a call in flight: what
/// was sent had arrived long before, so it is not ours, though the server drops comments.
#[tokio::test(start_paused = true)]
async fn a_strangers_scan_long_after_a_crash_is_not_called_ours() {
    let script = Script { comment: |_| String::new(), ..Script::scan(|_| Act::Serve) };
    let script = Script { existing: Existing::Returned, ..script };
    let (world, campaign) = orphaned(script, 1, 2, 0).await;
    tokio::time::sleep(HOUR * 5).await;
    world.server.put_foreign(device(0), "Full", "Pending", Duration::ZERO);
    assert_eq!(world.run(&campaign).await.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("already_in_progress", 1)].into());
}
