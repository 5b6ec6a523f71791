//! Outages that last: a storm of 429 over several runners, a sign-in that stops working while a
//! campaign runs, and a store that is out of reach. An hour of 5xx stands with the look-ups, which
//! it is made of.

use std::ops::Range;

use fleetsweep::clock::Clock;
use fleetsweep::defender::SignInError;
use fleetsweep::store::StoreError;

use super::*;

/// Ten minutes in which every call is answered with 429 and asks for 40 s.
fn stormy() -> World {
    let rule = |ask: Ask| match ask.at {
        at if (SECOND * 20..MINUTE * 10).contains(&at) => Act::Throttle(Some(SECOND * 40)),
        _ => Act::Serve,
    };
    let mut world = World::new(Script::scan(rule));
    world.settings.pace = None;
    world
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_429_is_probed_once_each_retry_after_by_all_runners_together() {
    let world = stormy();
    let campaign = world.campaign("c", 0..400).await;
    let (one, two) = tokio::join!(world.run(&campaign), world.run(&campaign));
    assert_eq!([one.ran.ending, two.ran.ending], [Ending::Finished, Ending::Finished]);
    assert_eq!(world.outcomes().await, [("accepted", 400)].into());
    assert!(world.rows("c").await.iter().all(|row| row.life.tries == 0), "a 429 is no try");
    let storm = SECOND * 20..MINUTE * 10;
    let within: Vec<Duration> = world.sent().into_iter().filter(|at| storm.contains(at)).collect();
    // Both runners may have their 16 calls on the way when the storm begins.
    let probes: Vec<Duration> =
        within.iter().copied().filter(|at| *at > within[0] + SECOND).collect();
    assert!(within.len() - probes.len() <= 32, "{within:?}");
    assert!((1..=15).contains(&probes.len()), "{} probes: {probes:?}", probes.len());
    let apart = probes.windows(2).all(|two| two[1] - two[0] >= SECOND * 40);
    assert!(apart, "two probes within one Retry-After: {probes:?}");
    world.assert_sound();
}

/// Three hundred devices; from the second minute on, for an hour, no sign-in succeeds.
fn without_sign_in(error: fn(String) -> SignInError) -> World {
    let down = |at: Duration| (MINUTE..HOUR).contains(&at);
    let rule = move |ask: Ask| match down(ask.at) && ask.token < 2 {
        true => Act::UNAUTHORIZED,
        false => Act::Serve,
    };
    let sign_in = move |at: Duration| match down(at) {
        true => Err(error("the client secret has expired (AADSTS7000222)".to_owned())),
        false => Ok(()),
    };
    World::new(Script { sign_in: Box::new(sign_in), ..Script::scan(rule) })
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_is_revoked_in_mid_run_stops_with_exit_7_and_the_queue_intact() {
    let world = without_sign_in(SignInError::Refused);
    let told = world.play(300).await;
    assert!(stopped_by_sign_in(&told), "{:?}", told.ran.ending);
    assert_eq!(told.ran.ending.exit(true).code(), 7);
    assert!(world.clock.elapsed() < MINUTE * 2, "after {:?}", world.clock.elapsed());
    let tally = world.tally().await;
    assert_eq!(tally.queued + tally.of(Outcome::Accepted), 300);
    assert!((100..300).contains(&tally.queued), "{} are queued", tally.queued);
    assert!(world.rows("c").await.iter().all(|row| row.life.tries == 0));
    // With a new secret the campaign goes on where it stopped.
    tokio::time::sleep(HOUR).await;
    world.resume("c").await;
    assert_eq!(world.outcomes().await, [("accepted", 300)].into());
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_service_that_is_down_for_an_hour_is_waited_for_and_uses_no_try() {
    let world = without_sign_in(SignInError::Unavailable);
    let told = world.play(300).await;
    assert_eq!(told.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 300)].into());
    assert!(world.rows("c").await.iter().all(|row| row.life.tries == 0));
    let waiting = told.notes.iter().filter(|note| matches!(note, Note::Waiting(_))).count();
    assert!(waiting >= 1, "{:?}", told.notes);
    world.assert_sound();
}

/// Two hundred devices whose answers take two seconds, on a store that is out of reach in the
/// meantime.
fn without_store(away: Range<Duration>) -> World {
    let world = World::of(Behaviour::constant(SECOND * 2), 1, Script::scan(|_| Act::Serve));
    world.store.is_away(away.start, away.end);
    world
}

fn told(notes: &[Note]) -> Vec<Note> {
    let of_store = |note: &&Note| matches!(note, Note::StoreAway(_) | Note::StoreBack);
    notes.iter().filter(of_store).cloned().collect()
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_out_of_reach_is_waited_for_and_no_answer_in_flight_is_lost() {
    // The last one is longer than a horizon, so that calls in flight come to be in doubt.
    for lasts in [SECOND * 7, SECOND * 50, MINUTE * 40] {
        let away = SECOND * 3..SECOND * 3 + lasts;
        let world = without_store(away.clone());
        let told_of = world.play(200).await;
        assert_eq!(told_of.ran.ending, Ending::Finished);
        let notes = told(&told_of.notes);
        assert_eq!(notes, [Note::StoreAway("the disk is full".into()), Note::StoreBack]);
        assert_eq!(world.outcomes().await, [("accepted", 200)].into());
        assert!((0..200).all(|n| world.asks_of(n) == 1), "asked twice");
        // An answer whose slot was taken before it went away is in flight meanwhile.
        let sent = world.sent();
        let before = sent.iter().filter(|at| **at < away.start).count();
        assert!((16..100).contains(&before), "{before} had left");
        assert!(!sent.iter().any(|at| away.contains(at)), "ordered without its store: {sent:?}");
        assert_eq!(world.listed().len(), 0, "what was answered needs no look-up");
        world.assert_sound();
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_away_for_longer_than_the_longest_wait_ends_the_run_and_nothing_is_lost()
{
    let mut world = without_store(SECOND * 3..HOUR * 3);
    world.settings.timing.max_wait = MINUTE * 10;
    let campaign = world.campaign("c", 0..200).await;
    let (_stop, stopped) = watch::channel(StopLevel::Run);
    let error = world.try_run(&campaign, stopped).await.0.unwrap_err();
    assert!(matches!(error, StoreError::OutOfReach { .. }), "{error}");
    let ended = world.clock.elapsed();
    assert!((MINUTE * 10..MINUTE * 11).contains(&ended), "after {ended:?}");
    tokio::time::sleep(HOUR * 3).await;
    world.resume("c").await;
    assert_eq!(world.outcomes().await, [("accepted", 200)].into());
    assert!((0..200).all(|n| world.asks_of(n) == 1), "asked twice");
    assert!(!world.listed().is_empty(), "answers that were lost are looked up");
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_signal_ends_the_wait_for_a_store_soon_and_orders_nothing_when_it_is_back() {
    for back in [SECOND * 40, HOUR * 2] {
        let world = without_store(SECOND * 3..back);
        let campaign = world.campaign("c", 0..200).await;
        let (stop, stopped) = watch::channel(StopLevel::Run);
        let signal = async {
            tokio::time::sleep(SECOND * 20).await;
            stop.send_replace(StopLevel::Soft);
        };
        let ((ran, _), ()) = tokio::join!(world.try_run(&campaign, stopped), signal);
        let ended = world.clock.elapsed();
        assert!(ended <= SECOND * 45, "after {ended:?}");
        // Half a minute is worth it, to write the answers that are there.
        assert!(ran.is_err() || back < MINUTE, "{ran:?}");
        assert!(!world.sent().iter().any(|at| *at > SECOND * 3), "{:?}", world.sent());
        tokio::time::sleep(HOUR * 3).await;
        world.resume("c").await;
        assert_eq!(world.outcomes().await, [("accepted", 200)].into());
        world.assert_sound();
    }
}

#[tokio::test(start_paused = true)]
async fn no_order_leaves_after_its_end_though_the_store_was_away_until_then() {
    let mut world = without_store(SECOND * 3..MINUTE * 20);
    let campaign = world.campaign("c", 0..200).await;
    world.settings.until = Some(world.store.clock().now().plus(MINUTE * 5));
    let told = world.run(&campaign).await;
    assert_eq!(told.ran.ending, Ending::Stopped(Stop::Time));
    assert!(!world.sent().iter().any(|at| *at > SECOND * 3), "{:?}", world.sent());
    let tally = world.tally().await;
    assert_eq!(tally.queued + tally.of(Outcome::Accepted), 200, "{tally:?}");
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn an_order_that_was_refused_by_a_locked_store_is_not_made_after_the_end_of_the_run() {
    let mut world = World::of(Behaviour::constant(SECOND * 2), 1, Script::scan(|_| Act::Serve));
    // There is room for more orders beside those whose answers wait to be written.
    world.settings.concurrency = 64;
    // It can be read, and says that a slot is due.
    world.store.is_locked(SECOND * 3, MINUTE * 20);
    let campaign = world.campaign("c", 0..200).await;
    world.settings.until = Some(world.store.clock().now().plus(MINUTE * 5));
    let told_of = world.run(&campaign).await;
    assert_eq!(told_of.ran.ending, Ending::Stopped(Stop::Time));
    assert_eq!(told(&told_of.notes)[0], Note::StoreAway("the disk is full".into()));
    assert!(!world.sent().iter().any(|at| *at > SECOND * 3), "{:?}", world.sent());
    let tally = world.tally().await;
    assert_eq!(tally.queued + tally.of(Outcome::Accepted), 200, "{tally:?}");
    world.assert_sound();
}
