//! Stopping: by signals, by the clock, by a crash; and going on afterwards.

use fleetsweep::clock::Clock;
use fleetsweep::defender::SignInError;

use super::*;
use crate::kit::fake_server::ListAct;

/// Runs and sends these signals at these times.
async fn signalled(world: &World, signals: &[(Duration, StopLevel)]) -> Told {
    let campaign = world.campaign("c", 0..60).await;
    let (stop, stopped) = watch::channel(StopLevel::Run);
    let signals = signals.to_vec();
    let clock = world.clock;
    let start = clock.now();
    let sender = tokio::spawn(async move {
        for (at, level) in signals {
            clock.sleep_until(start.plus(at)).await;
            if stop.send(level).is_err() {
                return;
            }
        }
        std::future::pending::<()>().await;
    });
    let told = world.run_until(&campaign, stopped).await;
    sender.abort();
    told
}

#[tokio::test(start_paused = true)]
async fn a_soft_stop_orders_no_more_and_lets_calls_in_flight_finish() {
    let world = World::new(Script::scan(|_| Act::Serve));
    let told = signalled(&world, &[(MS * 1_050, StopLevel::Soft)]).await;
    assert_eq!(told.ran.ending, Ending::Stopped(Stop::Signal));
    let stop = MS * 1_050;
    assert!(world.sent().iter().all(|at| *at <= stop));
    let tally = world.tally().await;
    assert_eq!(tally.of(Outcome::Accepted), world.calls() as u64);
    assert_eq!((tally.claimed, tally.doubtful), (0, 0));
    assert!(world.clock.elapsed() < stop + SECOND);
    world.resume("c").await;
    assert_eq!(world.outcomes().await, [("accepted", 60)].into());
    assert_eq!(world.calls(), 60);
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_soft_stop_while_a_token_is_fetched_sends_nothing_after_it() {
    let old_token = |ask: Ask| if ask.token < 2 { Act::UNAUTHORIZED } else { Act::Serve };
    let world = World::new(Script { sign_in_takes: SECOND * 10, ..Script::scan(old_token) });
    let told = signalled(&world, &[(SECOND * 5, StopLevel::Soft)]).await;
    assert_eq!(told.ran.ending, Ending::Stopped(Stop::Signal));
    assert_eq!(world.clock.elapsed(), SECOND * 5, "it does not wait for the token either");
    assert!(world.sent().iter().all(|at| *at <= SECOND * 5), "{:?}", world.sent());
    assert_eq!(world.tally().await.queued, 60);
}

#[tokio::test(start_paused = true)]
async fn a_second_stop_leaves_at_once_and_nothing_is_lost_or_doubled() {
    let world = World::of(Behaviour::constant(SECOND * 20), 1, Script::scan(|_| Act::Serve));
    let signals = [(SECOND * 2, StopLevel::Soft), (SECOND * 3, StopLevel::Now)];
    let told = signalled(&world, &signals).await;
    assert_eq!(told.ran.ending, Ending::Stopped(Stop::SecondSignal));
    assert_eq!(world.clock.elapsed(), SECOND * 3);
    let claimed = world.tally().await.claimed;
    assert_eq!(claimed, 16);
    world.resume("c").await;
    assert_eq!(world.outcomes().await, [("accepted", 60)].into());
    assert_eq!(world.calls(), 60, "what was in flight is found in the list");
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn calls_that_a_crash_kept_from_leaving_are_repeated_and_stop_no_small_campaign() {
    // 16 calls were claimed and never sent: more than ten repeats, and none the server's fault.
    let world = World::new(Script::scan(|_| Act::Serve));
    let campaign = world.campaign("c", 0..16).await;
    for _ in 0..16 {
        world.store.claim(campaign.id, true).await.unwrap();
    }
    world.resume("c").await;
    assert_eq!(world.outcomes().await, [("accepted", 16)].into());
    assert_eq!(world.calls(), 16);
    assert!(world.sent().iter().all(|at| *at >= SECOND * 65), "not before their horizon");
}

#[tokio::test(start_paused = true)]
async fn until_stops_ordering_and_leaves_the_rest_to_a_resume() {
    let mut world = World::new(Script::scan(|_| Act::Serve));
    let campaign = world.campaign("c", 0..300).await;
    let start = fleetsweep::clock::Clock::now(&world.clock);
    world.settings.until = Some(start.plus(SECOND * 90));
    let told = world.run(&campaign).await;
    assert_eq!(told.ran.ending, Ending::Stopped(Stop::Time));
    assert!(world.sent().iter().all(|at| *at < SECOND * 90));
    let tally = world.tally().await;
    assert_eq!(tally.of(Outcome::Accepted) + tally.queued, 300);
    assert_eq!(tally.of(Outcome::Accepted), 200);
    world.settings.until = None;
    world.resume("c").await;
    assert_eq!(world.outcomes().await, [("accepted", 300)].into());
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_the_list_is_asked_leaves_the_doubtful_to_a_resume() {
    let world = World::new(Script {
        list_takes: SECOND * 20,
        ..Script::scan(first_of(3, Act::NoAnswer { worked: true }))
    });
    let told = signalled(&world, &[(SECOND * 50, StopLevel::Soft)]).await;
    assert_eq!(told.ran.ending, Ending::Stopped(Stop::Signal));
    assert_eq!(world.tally().await.doubtful, 1);
    world.resume("c").await;
    assert_eq!(world.outcomes().await, [("accepted", 60)].into());
    assert_eq!(world.calls(), 60);
    world.assert_sound();
}

/// Drops the run at a random moment, again and again, and then goes on to the end.
async fn crash_often(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let script = Script::scan(|_| Act::Serve);
    let world = World::of(Behaviour { time_out_share: 0.03, ..Behaviour::rough() }, seed, script);
    let campaign = world.campaign("c", 0..60).await;
    for _ in 0..rng.u8(1..4) {
        let (_stop, stopped) = watch::channel(StopLevel::Run);
        let by_time = MS * rng.u32(0..60_000);
        // Half of the crashes come in the middle of an operation of the store.
        let operations = rng.bool().then(|| rng.u64(0..250));
        world.store.dies_after(operations, rng.bool());
        tokio::select! {
            biased;
            () = world.store.died.notified() => {}
            _ = world.run_until(&campaign, stopped) => {}
            () = tokio::time::sleep(by_time) => {}
        }
        world.store.dies_after(None, false);
    }
    world.resume("c").await;
    let outcomes = world.outcomes().await;
    assert_eq!(outcomes, [("accepted", 60)].into());
    world.assert_sound();
    world.server.ledger(|ledger| assert_eq!(ledger.actions.len(), 60));
}

#[test]
fn a_crash_at_any_moment_loses_nothing_and_orders_nothing_twice() {
    super::chaos::for_each_seed(200, "a_crash_at_any_moment", crash_often);
}

#[tokio::test(start_paused = true)]
async fn an_idle_engine_asks_its_store_only_now_and_then() {
    // The list is down: one doubtful device waits for it, and nothing else is to be done.
    let world = World::new(Script {
        list: Box::new(|at| if at < MINUTE * 30 { ListAct::Fail } else { ListAct::Serve }),
        ..Script::scan(first_of(0, Act::NoAnswer { worked: true }))
    });
    let told = world.play(1).await;
    assert_eq!(told.ran.ending, Ending::Finished);
    let minutes = world.clock.elapsed().as_secs() / 60;
    let questions = world.store.questions();
    assert!(questions < 100 * minutes, "{questions} questions in {minutes} minutes");
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_stop_tells_the_calls_in_flight_and_not_the_orders_that_wait_for_a_token() {
    let refuse = |_| Err(SignInError::Refused("the secret is wrong".to_owned()));
    let script = Script { sign_in: Box::new(refuse), ..Script::scan(|_| Act::Serve) };
    let world = World::new(script);
    let told = world.play(100).await;
    assert!(stopped_by_sign_in(&told), "{:?}", told.ran.ending);
    assert_eq!(world.calls(), 0);
    let stops = |note: &Note| matches!(note, Note::Stopping(Operation::Scan, 0, _));
    assert!(told.notes.iter().any(stops), "{:?}", told.notes);
}
