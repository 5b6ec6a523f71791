//! Outages that last: a storm of 429 over several runners, and a sign-in that stops working while a
//! campaign runs. An hour of 5xx stands with the look-ups, which it is made of.

use fleetsweep::defender::SignInError;

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
