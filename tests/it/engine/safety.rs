//! `--max-failures`: when a run stops for failures, what goes beyond that, and what counts as one.

use fleetsweep::domain::Rollout;

use super::waves::{figures, in_waves};
use super::*;
use crate::kit::fake_server::ListAct;

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
async fn a_rule_that_is_met_when_nothing_is_left_to_stop_is_told_all_the_same() {
    // Each of these is asked once more when all others have ended, all at once.
    let missing = Script::scan(|ask| if ask.device < 6 { Act::MISSING } else { Act::Serve });
    let world = World::new(missing);
    let rollout = Rollout { max_failures: "5%".parse().ok(), ..Rollout::default() };
    let campaign = in_waves(&world, 0..100, rollout).await;
    let told = world.run(&campaign).await;
    assert_eq!(told.ran.ending, Ending::Finished);
    let Some(Stop::Failures(figures)) = &told.ran.needless else { panic!("{:?}", told.ran) };
    assert!(figures.contains("of this run are failures"), "{figures}");
    let nothing = World::new(Script::scan(|_| Act::Serve));
    let rollout = Rollout { max_failures: "5%".parse().ok(), ..Rollout::default() };
    let campaign = in_waves(&nothing, 0..100, rollout).await;
    assert_eq!(nothing.run(&campaign).await.ran.needless, None);
}

#[tokio::test(start_paused = true)]
async fn the_rule_of_failures_counts_doubt_that_stays_and_404_that_is_final_and_nothing_else() {
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
    // A 404 is asked again at the end, and is no failure before that.
    let missing = Script::scan(|ask| if ask.device % 9 == 0 { Act::MISSING } else { Act::Serve });
    let (ending, calls) = stops(missing, 2_000).await;
    assert!(figures(&ending).contains("not found"), "{ending:?}");
    assert!(calls > 2_000, "{calls}");
    let passing = |ask: Ask| {
        if ask.device.is_multiple_of(12) && ask.nth == 1 { Act::MISSING } else { Act::Serve }
    };
    assert_eq!(stops(Script::scan(passing), 200).await.0, Ending::Finished);
    // Without the option the rules are those that were there before.
    let world = World::new(spoilt(0));
    assert_eq!(world.play(300).await.ran.ending, Ending::Finished);
}

#[tokio::test(start_paused = true)]
async fn what_a_stop_for_failures_counts_has_failed_in_the_report_too() {
    // Every third device is not known, and is there when it is asked once more.
    let rule = |ask: Ask| match (ask.device % 6, ask.nth) {
        (0, 1) => Act::MISSING,
        (3, _) => Act::UNSUPPORTED,
        _ => Act::Serve,
    };
    for most in ["1", "4", "10%"] {
        let world = World::new(Script::scan(rule));
        let rollout = Rollout { max_failures: most.parse().ok(), ..Rollout::default() };
        let campaign = in_waves(&world, 0..120, rollout).await;
        let ending = world.run(&campaign).await.ran.ending;
        let why = figures(&ending);
        assert!(!why.contains("not found"), "{why}");
        let failed: u64 = why.split(' ').next().unwrap().parse().unwrap();
        let tally = world.tally().await;
        // Answers that were in flight at the stop come on top.
        let in_report = tally.of(Outcome::Rejected) + tally.of(Outcome::NotFound);
        assert!((failed..=failed + 16).contains(&in_report), "{why}; the report has {in_report}");
        assert_eq!(tally.of(Outcome::NotFound), 0, "{tally:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_nobody_knows_is_judged_after_its_second_ask_and_stops_the_rest() {
    let of_size = |size: u64| {
        let rule = move |ask: Ask| if ask.device < size { Act::MISSING } else { Act::Serve };
        (
            World::new(Script::scan(rule)),
            Rollout { sizes: vec![size], canary: true, ..Rollout::default() },
        )
    };
    let (world, rollout) = of_size(8);
    let campaign = in_waves(&world, 0..300, rollout).await;
    let ending = world.run(&campaign).await.ran.ending;
    let Ending::Stopped(Stop::Wave(why)) = &ending else { panic!("{ending:?}") };
    assert!(why.starts_with("8 of 8 devices of the canary failed: 8 not found"), "{why}");
    assert_eq!(world.calls(), 16, "each is asked twice, and nobody else is");
    assert_eq!(world.outcomes().await["not_found"], 8);
    assert!(world.clock.elapsed() < MINUTE * 2, "{:?}", world.clock.elapsed());
    // More than the repeats that are allowed, and fewer than say that the list is stale.
    let (world, rollout) = of_size(15);
    let campaign = in_waves(&world, 0..300, rollout).await;
    let ending = world.run(&campaign).await.ran.ending;
    let Ending::Stopped(Stop::Safety(why)) = &ending else { panic!("{ending:?}") };
    assert!(why.starts_with("15 of 15 devices are unknown to this tenant: wrong"), "{why}");
    let ending = world.run(&campaign).await.ran.ending;
    assert!(matches!(ending, Ending::Stopped(Stop::Wave(_))), "{ending:?}");
    assert_eq!(world.calls(), 30, "nobody else is asked");
}
