//! A campaign that somebody calls off while it runs: nothing more of it is ordered, and what is in
//! doubt is still found out.

use fleetsweep::clock::Clock;
use fleetsweep::store::ClaimAnswer;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_runner_of_a_campaign_that_is_called_off_stops_ordering_at_once() {
    let world = World::of(Behaviour::constant(SECOND), 1, Script::scan(|_| Act::Serve));
    let campaign = world.campaign("c", 0..2_000).await;
    let off = async {
        tokio::time::sleep(MINUTE * 3 + MS * 500).await;
        let called_off = world.store.call_off(campaign.id).await.unwrap();
        (called_off, world.calls())
    };
    let (told, (called_off, calls)) = tokio::join!(world.run(&campaign), off);
    assert_eq!(told.ran.ending, Ending::Finished);
    assert!(world.calls() <= calls, "{} calls, {calls} before", world.calls());
    assert_eq!(called_off.ended + calls as u64, 2_000);
    let outcomes = world.outcomes().await;
    assert_eq!(outcomes["accepted"] as usize, calls);
    assert_eq!(outcomes["not_attempted"], called_off.ended);
    assert!(world.clock.elapsed() < MINUTE * 4, "nothing was waited for");
}

/// A campaign without a slot for an hour ends what comes to wait all the same.
#[tokio::test(start_paused = true)]
async fn what_is_in_doubt_when_a_campaign_is_called_off_is_found_out_and_not_ordered_again() {
    let rule = |ask: Ask| match ask.device {
        0 => Act::NoAnswer { worked: true },
        1 => Act::NoAnswer { worked: false },
        _ => Act::Serve,
    };
    let world = World::new(Script::scan(rule));
    let campaign = world.campaign("c", 0..2_000).await;
    let off = async {
        tokio::time::sleep(SECOND * 20).await;
        world.store.call_off(campaign.id).await.unwrap()
    };
    let (told, called_off) = tokio::join!(world.run(&campaign), off);
    assert!(!called_off.finished);
    assert_eq!(told.ran.ending, Ending::Finished);
    let rows = world.rows("c").await;
    assert!(accepted(&rows[0]), "{:?}", rows[0]);
    assert_eq!(rows[1].life.state, State::Done(Outcome::Failed));
    assert_eq!((world.asks_of(0), world.asks_of(1)), (1, 1));
    world.assert_sound();
}

/// Whether it is known what became of an order of a runner that was killed before it was sent,
/// where the next run of the series looks for this long, from the kill on.
async fn is_known_after(time: Duration) -> bool {
    let mut world = World::new(Script::scan(|_| Act::Serve));
    let campaign = world.campaign("c", 0..20).await;
    let ClaimAnswer::Call(_) = world.store.claim(campaign.id, true).await.unwrap() else {
        panic!("nothing was in its way");
    };
    world.store.call_off(campaign.id).await.unwrap();
    world.settings.until = Some(world.clock.now().plus(time));
    let ending = world.run(&campaign).await.ran.ending;
    let known = world.outcomes().await == [("failed", 1), ("not_attempted", 19)].into();
    assert_eq!(known, ending == Ending::Finished, "{ending:?}");
    assert_eq!(world.calls(), 0, "nothing of it is ordered");
    known
}

#[tokio::test(start_paused = true)]
async fn what_became_of_the_last_order_of_a_killed_runner_is_known_within_the_time_for_it() {
    let timing = Timing::default();
    assert!(is_known_after(timing.known_within()).await);
    // The looks alone, or the horizon alone, are not all of it.
    assert!(!is_known_after(timing.horizon() * 3).await);
    assert!(!is_known_after(timing.look_up_after.iter().sum()).await);
}
