//! Several runners on one store: two processes on one campaign, two campaigns on one budget.

use super::*;
use crate::kit::fake_server::ListAct;

#[tokio::test(start_paused = true)]
async fn two_runners_on_one_campaign_share_its_limit_and_order_nothing_twice() {
    let rule = |ask: Ask| match ask.call % 50 {
        7 => Act::NoAnswer { worked: true },
        _ => Act::Serve,
    };
    let world = World::of(Behaviour::rough(), 3, Script::scan(rule));
    let campaign = world.campaign("c", 0..2_000).await;
    let (one, two) = tokio::join!(world.run(&campaign), world.run(&campaign));
    assert_eq!([one.ran.ending, two.ran.ending], [Ending::Finished, Ending::Finished]);
    assert_eq!(world.outcomes().await, [("accepted", 2_000)].into());
    assert!(one.ran.calls > 500 && two.ran.calls > 500, "both work");
    assert_eq!(one.ran.calls + two.ran.calls, 2_000);
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn two_campaigns_on_one_budget_keep_its_limit_on_their_sum() {
    let world = World::of(Behaviour::rough(), 4, Script::scan(|_| Act::Serve));
    let one = world.campaign("c", 0..1_000).await;
    let two = world.campaign("d", 1_000..2_000).await;
    let (first, second) = tokio::join!(world.run(&one), world.run(&two));
    assert_eq!([first.ran.ending, second.ran.ending], [Ending::Finished, Ending::Finished]);
    for name in ["c", "d"] {
        assert!(world.rows(name).await.iter().all(accepted), "{name}");
    }
    assert_eq!(world.calls(), 2_000);
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn two_runners_that_look_for_one_device_do_not_shorten_the_wait_for_it() {
    // A lost call can arrive a minute late, so three looks at one moment must not count as three.
    let rule = first_of(0, Act::Fault { worked: false });
    let world = World::new(Script::scan(rule));
    let campaign = world.campaign("c", 0..1).await;
    let (one, two, three) =
        tokio::join!(world.run(&campaign), world.run(&campaign), world.run(&campaign));
    for told in [one, two, three] {
        assert_eq!(told.ran.ending, Ending::Finished);
    }
    let sent = world.sent();
    assert_eq!(sent.len(), 2);
    assert!(sent[1] >= SECOND * 130, "asked again after {:?}", sent[1]);
}

#[tokio::test(start_paused = true)]
async fn a_runner_that_waits_for_another_asks_the_store_only_now_and_then() {
    // The first runner's call hangs; the second has nothing to do, and the list is down.
    let rule = first_of(0, Act::NoAnswer { worked: true });
    let list = |at: Duration| if at < MINUTE * 20 { ListAct::Fail } else { ListAct::Serve };
    let world = World::new(Script { list: Box::new(list), ..Script::scan(rule) });
    let campaign = world.campaign("c", 0..1).await;
    let (one, two) = tokio::join!(world.run(&campaign), world.run(&campaign));
    assert_eq!([one.ran.ending, two.ran.ending], [Ending::Finished, Ending::Finished]);
    assert_eq!(world.calls(), 1);
    let busiest = world.store.busiest_minute();
    assert!(busiest < 300, "{busiest} questions in a minute");
}

#[tokio::test(start_paused = true)]
async fn one_runner_takes_over_what_another_left_in_flight() {
    let world = World::of(Behaviour::constant(SECOND * 10), 1, Script::scan(|_| Act::Serve));
    let campaign = world.campaign("c", 0..200).await;
    let (stop, stopped) = watch::channel(StopLevel::Run);
    let leaves = async {
        tokio::time::sleep(SECOND * 15).await;
        stop.send(StopLevel::Now).unwrap();
    };
    let (left, stays, ()) =
        tokio::join!(world.run_until(&campaign, stopped), world.run(&campaign), leaves);
    assert_eq!(left.ran.ending, Ending::Stopped(Stop::SecondSignal));
    assert_eq!(stays.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 200)].into());
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_its_horizon_still_settles_its_doubt() {
    let world = World::of(Behaviour::constant(SECOND * 70), 1, Script::scan(|_| Act::Serve));
    let campaign = world.campaign("c", 0..3).await;
    let doubt = async {
        tokio::time::sleep(SECOND * 69).await;
        assert_eq!(world.tally().await.doubtful, 3, "their horizon is over");
    };
    let (told, ()) = tokio::join!(world.run(&campaign), doubt);
    assert_eq!(told.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 3)].into());
    assert!(world.listed().is_empty(), "nothing was left to look up");
    assert!(world.rows("c").await.iter().all(|row| row.detail.reason.is_none()));
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn the_late_answer_of_an_attempt_that_was_given_up_changes_nothing() {
    // The first answer takes five minutes. The list shows nothing, so the device is asked again.
    let world = World::of(
        Behaviour::constant(SECOND * 300),
        1,
        Script {
            list_lag: HOUR,
            ..Script::scan(|ask| match ask.nth {
                1 => Act::Refuse(400, "OsPlatformNotSupported", "not this OS"),
                _ => Act::Serve,
            })
        },
    );
    let campaign = world.campaign("c", 0..1).await;
    let again = async {
        tokio::time::sleep(SECOND * 299).await;
        let row = world.rows("c").await.remove(0);
        assert_eq!(row.life.attempt, 2, "{row:?}");
        tokio::time::sleep(SECOND * 2).await;
        assert_eq!(world.rows("c").await.remove(0).life, row.life, "the first answer came");
    };
    tokio::select! {
        biased;
        () = again => {}
        told = world.run(&campaign) => panic!("it waits for its second attempt: {told:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn claims_of_a_dead_runner_are_doubtful_once_their_horizon_has_passed_and_not_before() {
    let world = World::new(Script::scan(|_| Act::Serve));
    let campaign = world.campaign("c", 0..1).await;
    world.store.claim(campaign.id, true).await.unwrap();
    let looks = async {
        tokio::time::sleep(SECOND * 64).await;
        assert_eq!(world.tally().await.claimed, 1);
        tokio::time::sleep(SECOND * 7).await;
        assert_eq!(world.tally().await.doubtful, 1);
    };
    let (told, ()) = tokio::join!(world.run(&campaign), looks);
    assert_eq!(told.ran.ending, Ending::Finished);
    assert!(world.sent()[0] >= SECOND * (65 + 130), "looked up three times before it is repeated");
}
