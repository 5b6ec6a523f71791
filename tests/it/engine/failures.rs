//! `--max-failures`: when a run stops for failures, what goes beyond that, and what counts as one.

use fleetsweep::domain::Rollout;

use super::waves::{figures, in_waves};
use super::*;
use crate::fake_server::ListAct;

/// 12,000 devices of which from some call on one in ten is refused.
fn spoilt(from: usize) -> Script {
    Script::scan(move |ask| match ask.call {
        n if n > from && n % 10 == 0 => Act::UNSUPPORTED,
        _ => Act::Serve,
    })
}

#[tokio::test(start_paused = true)]
async fn too_many_failures_stop_the_run_and_only_calls_in_flight_go_beyond() {
    for (behaviour, most) in [
        (Behaviour::constant(MS * 200), "5%"),
        (Behaviour::constant(SECOND * 20), "5%"),
        (Behaviour::rough(), "100"),
    ] {
        let world = World::of(behaviour, 5, spoilt(3_000));
        let rollout = Rollout { max_failures: most.parse().ok(), ..Rollout::default() };
        let campaign = in_waves(&world, 0..12_000, rollout).await;
        let told = world.run(&campaign).await;
        let why = figures(&told.ran.ending).to_owned();
        let results: usize = why.split(' ').nth(2).unwrap().parse().unwrap();
        let beyond = world.calls() - results;
        println!("--max-failures {most}: {why}; {beyond} calls beyond it");
        assert!(beyond <= world.settings.concurrency, "{beyond} calls beyond");
        let failed: usize = why.split(' ').next().unwrap().parse().unwrap();
        let share = failed as f64 / results as f64;
        match most {
            "5%" => assert!((0.05..0.0501).contains(&share), "{share}"),
            _ => assert_eq!(failed, 100),
        }
        let tally = world.tally().await;
        assert!(tally.queued > 4_000, "{tally:?}");
        assert_eq!((tally.claimed, tally.doubtful), (0, 0), "what was in flight is known");
        // Who goes on counts anew.
        let before = world.calls();
        let told = world.run(&campaign).await;
        assert!(matches!(told.ran.ending, Ending::Stopped(Stop::Failures(_))), "{told:?}");
        assert!(world.calls() > before + 49);
        world.assert_sound();
    }
}

#[tokio::test(start_paused = true)]
async fn the_rule_of_failures_counts_doubt_that_stays_and_404_at_once_and_nothing_else() {
    let stops = async |script: Script, devices: u64| {
        let world = World::new(script);
        let rollout = Rollout { max_failures: "10%".parse().ok(), ..Rollout::default() };
        let campaign = in_waves(&world, 0..devices, rollout).await;
        (world.run(&campaign).await.ran.ending, world.calls())
    };
    // Busy devices are no failures, and neither are 429 and calls that never left.
    let busy = Script::scan(|ask| match ask.call % 5 {
        0 | 1 => Act::BUSY,
        2 if ask.nth == 1 => Act::NeverLeft,
        _ => Act::Serve,
    });
    assert_eq!(stops(busy, 200).await.0, Ending::Finished);
    // A list that may not be read leaves lost answers unknown.
    let lost = |ask: Ask| {
        if ask.call.is_multiple_of(8) { Act::NoAnswer { worked: true } } else { Act::Serve }
    };
    let unknown = Script { list: Box::new(|_| ListAct::Forbid), ..Script::scan(lost) };
    let (ending, calls) = stops(unknown, 2_000).await;
    assert!(figures(&ending).contains("unknown"), "{ending:?}");
    assert!(calls < 1_000, "{calls}");
    // A 404 is asked again at the end, which would be too late to stop for it.
    let missing = Script::scan(|ask| if ask.device % 9 == 0 { Act::MISSING } else { Act::Serve });
    let (ending, calls) = stops(missing, 2_000).await;
    assert!(figures(&ending).contains("not found"), "{ending:?}");
    assert!(calls < 100, "{calls}");
    // Without the option the rules are those that were there before.
    let world = World::new(spoilt(0));
    assert_eq!(world.play(300).await.ran.ending, Ending::Finished);
}
