//! What a run says of itself to those who watch it, while it goes on.

use fleetsweep::clock::Clock;
use fleetsweep::domain::event::{HoldReason, Snapshot};

use super::*;

/// What a run of so many devices says every second, for so long at most.
async fn said(world: &World, devices: u64, time: Duration) -> Vec<Snapshot> {
    let campaign = world.campaign("c", 0..devices).await;
    watched(world, campaign, SECOND, time).await.1
}

/// How a run ends, if it does in this time, and what it says this often.
pub(super) async fn watched(
    world: &World,
    campaign: Campaign,
    every: Duration,
    time: Duration,
) -> (Option<Ending>, Vec<Snapshot>) {
    let settings = Settings { progress_every: every, ..world.settings.clone() };
    let (_stop, stopped) = watch::channel(StopLevel::Run);
    let (events, mut watcher) = mpsc::channel(10_000);
    let (store, server) = (world.store.clone(), world.server.clone());
    let run = engine::run(store, server, campaign, settings, stopped, events);
    let ended = tokio::time::timeout(time, run).await.ok().map(|ran| ran.unwrap().ending);
    let mut said = Vec::new();
    while let Ok(event) = watcher.try_recv() {
        if let Event::Progress(snapshot) = event {
            said.push(*snapshot);
        }
    }
    (ended, said)
}

#[tokio::test(start_paused = true)]
async fn a_run_that_stops_before_all_are_ordered_says_so_and_another_one_does_not() {
    let stops_in = async |time: Duration| {
        let mut world = World::new(Script::scan(|_| Act::Serve));
        world.settings.until = Some(world.clock.now().plus(time));
        said(&world, 300, MINUTE).await[0].stops_in
    };
    // 300 devices take three minutes.
    let left = stops_in(SECOND * 90).await.unwrap();
    assert!(left <= SECOND * 90 && left > SECOND * 80, "{left:?}");
    assert_eq!(stops_in(HOUR).await, None);
}

/// Whether it is said at any moment within half a minute that this holds the orders.
async fn is_held_by(hold: HoldReason, script: Script) -> bool {
    let said = said(&World::new(script), 60, SECOND * 29).await;
    said.iter().any(|snapshot| snapshot.hold.as_ref() == Some(&hold))
}

#[tokio::test(start_paused = true)]
async fn silence_of_the_server_or_of_the_sign_in_service_is_said_and_usual_answers_are_not() {
    let silent = || Script::scan(|_| Act::NoAnswer { worked: false });
    assert!(is_held_by(HoldReason::Answers, silent()).await);
    let old_token = |ask: Ask| if ask.token < 2 { Act::UNAUTHORIZED } else { Act::Serve };
    let slow = || Script { sign_in_takes: SECOND * 20, ..Script::scan(old_token) };
    assert!(is_held_by(HoldReason::SignIn, slow()).await);
    assert!(!is_held_by(HoldReason::Answers, slow()).await);
    let usual = || Script::scan(|_| Act::Serve);
    for hold in [HoldReason::Answers, HoldReason::SignIn] {
        assert!(!is_held_by(hold, usual()).await);
    }
}
