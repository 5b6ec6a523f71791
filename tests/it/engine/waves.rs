//! Waves: what is ordered before one is judged and after it failed, how long is waited, and what a
//! crash and a second runner change.

use std::collections::BTreeSet;
use std::ops::Range;

use fleetsweep::clock::Clock;
use fleetsweep::domain::forecast::Outlook;
use fleetsweep::domain::{Judged, Rollout, Stamp};
use fleetsweep::store::memory::Stamping;

use super::shown::watched;
use super::windows::{Night, hours, moment};
use fleetsweep::domain::event::HoldReason;

use super::*;
use crate::kit::fake_server::ListAct;
use crate::kit::mistake::Mistake;
use crate::kit::support::campaign_in_waves;

const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

/// A canary of 20, and the rest half an hour after it.
fn canary() -> Rollout {
    Rollout { sizes: vec![20], canary: true, canary_wait: HALF_AN_HOUR, ..Rollout::default() }
}

pub(super) async fn in_waves(world: &World, devices: Range<u64>, rollout: Rollout) -> Campaign {
    campaign_in_waves(&world.store, "c", devices, &world.settings.quotas, rollout).await
}

/// The numbers of the devices that were asked.
fn asked(world: &World) -> BTreeSet<u64> {
    let asked = world.server.ledger(|ledger| ledger.asked.clone());
    let number = |id: DeviceId| u64::from_be_bytes(id.as_bytes()[12..].try_into().unwrap());
    asked.into_iter().map(number).collect()
}

fn within(numbers: Range<u64>) -> BTreeSet<u64> {
    numbers.collect()
}

/// How a run stopped for a wave or for failures: the figures.
pub(super) fn figures(ending: &Ending) -> &str {
    match ending {
        Ending::Stopped(Stop::Wave(why) | Stop::Failures(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_fails_stops_the_campaign_and_nothing_beyond_it_is_ordered() {
    let world = World::new(Script::scan(|ask| match ask.device {
        7 => Act::UNSUPPORTED,
        _ => Act::Serve,
    }));
    let campaign = in_waves(&world, 0..500, canary()).await;
    let told = world.run(&campaign).await;
    let why = "1 of 20 devices of the canary failed: 1 rejected; 5% or more is too many";
    assert_eq!(figures(&told.ran.ending), why);
    assert_eq!(asked(&world), within(0..20));
    let ended = world.clock.elapsed();
    assert!(ended >= HALF_AN_HOUR && ended < HALF_AN_HOUR + SECOND * 10, "{ended:?}");
    let waits = Note::WaveOver("the canary".to_owned(), HALF_AN_HOUR);
    assert!(told.notes.contains(&waits), "{:?}", told.notes);
    // Who goes on without having looked is told the same at once, and two who do as well.
    let again = world.find("c").await;
    assert_eq!(again.wave_failed.as_ref().unwrap().to_string(), why);
    let (one, two) = tokio::join!(world.run(&again), world.run(&again));
    assert_eq!([figures(&one.ran.ending), figures(&two.ran.ending)], [why, why]);
    assert!(world.clock.elapsed() < ended + SECOND * 10);
    assert_eq!(world.calls(), 20);
    // Somebody has looked.
    assert!(world.store.judge_wave(campaign.id, 0, Judged::Allowed).await.unwrap());
    world.resume("c").await;
    assert_eq!(world.outcomes().await, [("accepted", 499), ("rejected", 1)].into());
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_does_well_is_waited_for_and_then_the_rest_is_ordered() {
    // One in twenty-one is below a twentieth.
    let world = World::new(Script::scan(|ask| match ask.device {
        7 => Act::UNSUPPORTED,
        _ => Act::Serve,
    }));
    let rollout = Rollout { sizes: vec![21], ..canary() };
    let campaign = in_waves(&world, 0..500, rollout).await;
    let told = world.run(&campaign).await;
    assert_eq!(told.ran.ending, Ending::Finished);
    let sent = world.sent();
    let over = sent[20] + MS * 200;
    assert!(sent[21] >= over + HALF_AN_HOUR, "{:?} after {over:?}", sent[21]);
    assert!(sent[21] < over + HALF_AN_HOUR + SECOND, "{:?} after {over:?}", sent[21]);
    assert_eq!(world.listed().len(), 1, "one look at how the scans stand");
    let passed = "1 of 21 devices of the canary failed: 1 rejected; 20 of their scans have not \
                  ended, so that nothing is known of those"
        .to_owned();
    assert!(told.notes.contains(&Note::WavePassed(passed)), "{:?}", told.notes);
    assert_eq!(sent.len(), 500);
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn scans_that_failed_meanwhile_count_and_scans_of_others_do_not() {
    for (bad, stops) in [("TimeOut", true), ("Failed", true), ("Cancelled", false)] {
        let world = World::new(Script::scan(|ask| match ask.device {
            3..12 => Act::BUSY,
            _ => Act::Serve,
        }));
        for n in 3..12 {
            world.server.put_foreign(device(n), "Quick", "Failed", HOUR * 30);
        }
        let campaign = in_waves(&world, 0..100, canary()).await;
        let status = |n, status| {
            world.server.set_status(status, |action| action.device == Some(device(n)));
        };
        let ends = async {
            tokio::time::sleep(MINUTE * 20).await;
            status(0, bad);
            status(1, "Succeeded");
            status(2, "InProgress");
        };
        let (told, ()) = tokio::join!(world.run(&campaign), ends);
        assert_eq!(asked(&world).len(), if stops { 20 } else { 100 }, "{bad}");
        if stops {
            let what = if bad == "TimeOut" { "scan timed out" } else { "scan failed" };
            let why = format!("1 of 20 devices of the canary failed: 1 {what}; 5% or more");
            assert!(figures(&told.ran.ending).starts_with(&why), "{:?}", told.ran.ending);
        }
        let status = world.rows("c").await[0].detail.action_status.clone();
        assert_eq!(status.as_deref(), Some(bad), "the report tells it");
    }
}

/// Runs with crashes at any moment, sometimes with a second runner, until one ends as a whole.
async fn crash_often(world: &World, campaign: &Campaign, seed: u64) -> Ending {
    let mut rng = fastrand::Rng::with_seed(seed);
    for _ in 0..rng.u8(1..5) {
        // Half of the crashes come in the middle of an operation of the store.
        let operations = rng.bool().then(|| rng.u64(0..1_000));
        world.store.dies_after(operations, rng.bool());
        let by_time = MS * rng.u32(0..40 * 60_000);
        let two = rng.bool();
        let runs = async {
            match two {
                true => drop(tokio::join!(world.run(campaign), world.run(campaign))),
                false => drop(world.run(campaign).await),
            }
        };
        tokio::select! {
            biased;
            () = world.store.died.notified() => {}
            () = runs => {}
            () = tokio::time::sleep(by_time) => {}
        }
        world.store.dies_after(None, false);
    }
    let (one, _) = tokio::join!(world.run(campaign), world.run(campaign));
    one.ran.ending
}

/// A fleet behind a canary with this many devices that are refused, with crashes.
async fn crashed(seed: u64, refused: u64, mistake: Mistake) -> (World, Ending) {
    let script = Script::scan(move |ask| match ask.device {
        n if n < refused => Act::UNSUPPORTED,
        _ => Act::Serve,
    });
    let mut world = World::of(Behaviour::rough(), seed, script);
    let timing = Timing::default();
    world.store = Arc::new(Watched::broken(world.clock, timing, Stamping::Proven, mistake));
    let campaign = in_waves(&world, 0..60, canary()).await;
    let ending = crash_often(&world, &campaign, seed).await;
    (world, ending)
}

#[test]
fn whatever_crashes_nothing_beyond_a_canary_that_fails_is_ever_ordered() {
    super::chaos::for_each_seed(100, "beyond_a_canary", |seed| async move {
        let (world, ending) = crashed(seed, 1, Mistake::None).await;
        assert!(figures(&ending).contains("5% or more is too many"), "seed {seed}: {ending:?}");
        assert_eq!(asked(&world), within(0..20), "seed {seed}");
        world.assert_sound();
    });
}

#[test]
fn whatever_crashes_the_rest_comes_after_the_wait_and_the_wait_is_no_longer() {
    super::chaos::for_each_seed(100, "after_the_wait", |seed| async move {
        let (world, ending) = crashed(seed, 0, Mistake::None).await;
        assert_eq!(ending, Ending::Finished, "seed {seed}");
        assert_eq!(asked(&world), within(0..60), "seed {seed}");
        let (asked, sent) = (world.server.ledger(|l| l.asked.clone()), world.sent());
        let first = asked.iter().position(|id| *id >= device(20)).unwrap();
        let wait = sent[first] - sent[first - 1];
        assert!(asked[..first].iter().all(|id| *id < device(20)), "seed {seed}");
        // What a dead runner left behind is known some minutes later at the latest.
        let most = HALF_AN_HOUR + MINUTE * 10;
        assert!(wait >= HALF_AN_HOUR && wait < most, "seed {seed}: {wait:?}");
        world.assert_sound();
    });
}

#[test]
fn a_store_that_claims_beyond_the_wave_and_one_that_opens_it_unjudged_are_caught() {
    for mistake in [Mistake::ClaimsBeyondTheWave, Mistake::OpensWithoutJudging] {
        let (world, ending) = super::chaos::in_virtual_time(crashed(3, 1, mistake));
        println!("{mistake:?}: {} devices were asked, {ending:?}", asked(&world).len());
        assert!(asked(&world).len() > 20, "{mistake:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_killed_wait_goes_on_where_it_was_and_a_signal_ends_it_at_once() {
    let world = World::new(Script::scan(|_| Act::Serve));
    let campaign = in_waves(&world, 0..50, canary()).await;
    let over = async |world: &World| world.find("c").await.wave_over;
    let waits = async {
        tokio::time::sleep(MINUTE * 2).await;
        let before = world.store.questions();
        tokio::time::sleep(MINUTE * 10).await;
        world.store.questions() - before
    };
    tokio::select! {
        biased;
        told = world.run(&campaign) => panic!("{told:?}"),
        questions = waits => assert!(questions < 15 * 60, "{questions} questions in 10 minutes"),
    }
    let noted = over(&world).await.expect("the canary is over");
    let (stop, stopped) = watch::channel(StopLevel::Run);
    let signal = async {
        tokio::time::sleep(MINUTE * 5).await;
        stop.send(StopLevel::Soft).unwrap();
    };
    let (told, ()) = tokio::join!(world.run_until(&campaign, stopped), signal);
    assert_eq!(told.ran.ending, Ending::Stopped(Stop::Signal));
    assert!(world.clock.elapsed() < MINUTE * 17 + SECOND);
    assert_eq!((over(&world).await, world.calls()), (Some(noted), 20));
    let told = world.run(&campaign).await;
    assert_eq!(told.ran.ending, Ending::Finished);
    let second = world.sent()[20];
    let first = world.sent()[19];
    assert!(second >= first + HALF_AN_HOUR, "{second:?}");
    assert!(second < first + HALF_AN_HOUR + SECOND * 2, "it was waited for anew: {second:?}");
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_device_in_doubt_keeps_its_wave_open_until_it_is_known() {
    let world = World::new(Script::scan(first_of(4, Act::NoAnswer { worked: true })));
    let campaign = in_waves(&world, 0..40, canary()).await;
    let told = world.run(&campaign).await;
    assert_eq!(told.ran.ending, Ending::Finished);
    // 30 s without an answer, and 10 s before the list is asked.
    let second = world.sent()[20];
    assert!(second >= SECOND * 40 + HALF_AN_HOUR, "{second:?}");
    assert_eq!(world.outcomes().await, [("accepted", 40)].into());
    world.assert_sound();
}

/// How three waves of this fleet go at the API's own limits, and what the forecast says.
async fn planned(devices: u64, rollout: Rollout) -> (Vec<Duration>, Vec<Duration>) {
    let world = World::new(Script::scan(|_| Act::Serve));
    let campaign = in_waves(&world, 0..devices, rollout.clone()).await;
    let budget = campaign.order.target.budget(Operation::Scan);
    let usage = world.store.usage(&budget, 1_500).await.unwrap();
    let outlook = Outlook {
        quotas: world.settings.quotas.clone(),
        timing: world.settings.timing,
        pace: world.settings.pace,
        concurrency: world.settings.concurrency,
        latency: MS * 200,
        seen_by: usage.seen_by,
        budget: usage.state,
        now: world.clock.now(),
        hours: None,
        pauses: rollout.pauses(0, rollout.sizes[0], None),
    };
    let mut forecast = outlook.begins(devices);
    forecast.push(outlook.forecast(devices).unwrap().last_call);
    let told = world.run(&campaign).await;
    assert_eq!(told.ran.ending, Ending::Finished);
    world.assert_sound();
    let sent = world.sent();
    let firsts = rollout.sizes.iter().scan(0, |sum, size| {
        *sum += usize::try_from(*size).unwrap();
        Some(sent[*sum])
    });
    let mut real: Vec<Duration> = firsts.collect();
    real.extend(sent.last());
    (forecast, real)
}

#[tokio::test(start_paused = true)]
async fn waits_and_waves_take_what_the_forecast_says() {
    let waves = Rollout { sizes: vec![20, 2_000], wave_wait: MINUTE * 10, ..canary() };
    for (devices, rollout) in [(12_000, canary()), (4_000, waves)] {
        let (forecast, real) = planned(devices, rollout).await;
        println!("{devices} devices: the forecast {forecast:?}, the run {real:?}");
        assert_eq!(forecast.len(), real.len());
        for (forecast, real) in forecast.into_iter().zip(real) {
            let off = forecast.abs_diff(real);
            assert!(off <= real / 200 + SECOND * 2, "forecast {forecast:?}, real {real:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_wave_is_judged_by_its_own_devices() {
    // Nothing is waited for: the answers alone are judged, and the list is not asked.
    let world = World::new(Script::scan(|ask| match ask.device {
        25 | 50 | 75 | 100 => Act::UNSUPPORTED,
        110..610 if ask.device % 15 == 0 => Act::UNSUPPORTED,
        _ => Act::Serve,
    }));
    let rollout = Rollout { sizes: vec![10, 100, 500], ..Rollout::default() };
    let campaign = in_waves(&world, 0..2_000, rollout).await;
    let told = world.run(&campaign).await;
    let why = "33 of 500 devices of wave 3 of 4 failed: 33 rejected; 5% or more is too many";
    assert_eq!(figures(&told.ran.ending), why);
    assert_eq!(asked(&world), within(0..610));
    assert!(world.listed().is_empty());
    let passed: Vec<_> = told.notes.iter().filter(|n| matches!(n, Note::WavePassed(_))).collect();
    let second = "4 of 100 devices of wave 2 of 4 failed: 4 rejected; 96 of their scans have not \
                  ended, so that nothing is known of those";
    assert_eq!(passed.last(), Some(&&Note::WavePassed(second.to_owned())));
    assert!(world.store.judge_wave(campaign.id, 2, Judged::Allowed).await.unwrap());
    assert_eq!(world.resume("c").await.ran.ending, Ending::Finished);
    assert_eq!(world.calls(), 2_000);
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_list_that_may_not_be_read_leaves_the_answers_and_one_that_fails_is_waited_for() {
    let with_list = |act: fn(Duration) -> ListAct| {
        World::new(Script { list: Box::new(act), ..Script::scan(|_| Act::Serve) })
    };
    let world = with_list(|_| ListAct::Forbid);
    let campaign = in_waves(&world, 0..50, canary()).await;
    let told = world.run(&campaign).await;
    assert_eq!(told.ran.ending, Ending::Finished);
    let forbidden = told.notes.iter().any(|note| matches!(note, Note::ListForbidden(_)));
    assert!(forbidden, "{:?}", told.notes);

    let world = with_list(|at| if at < MINUTE * 50 { ListAct::Fail } else { ListAct::Serve });
    let campaign = in_waves(&world, 0..50, canary()).await;
    assert_eq!(world.run(&campaign).await.ran.ending, Ending::Finished);
    let second = world.sent()[20];
    // Faults in a row make the looks rarer.
    assert!(second >= MINUTE * 50 && second < HOUR, "{second:?}");
    let looks = world.listed().len();
    assert!(looks < 30, "{looks} looks in half an hour");

    let world = with_list(|at| if at < HOUR * 5 { ListAct::Fail } else { ListAct::Serve });
    let campaign = in_waves(&world, 0..50, canary()).await;
    let told = world.run(&campaign).await;
    assert!(matches!(told.ran.ending, Ending::Stopped(Stop::ListUnreadable(_))), "{told:?}");
    assert_eq!(asked(&world), within(0..20));
    tokio::time::sleep(HOUR * 4).await;
    assert_eq!(world.resume("c").await.ran.ending, Ending::Finished);
    assert_eq!(world.calls(), 50);
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn the_wait_goes_on_outside_of_the_window_and_nothing_is_ordered_there() {
    // It closes twenty minutes after the canary, and the next one opens at 22:00.
    let night = Night::new("2026-11-24T04:40Z", &hours("22:00-06:00"), "60/1m", Script::default());
    let quotas = night.settings.quotas.clone();
    campaign_in_waves(&night.store, "c", 0..100, &quotas, canary()).await;
    let (ending, _) = night.run().await;
    assert_eq!(ending, Ending::Stopped(Stop::Window));
    assert_eq!(night.sent().len(), 20);
    // A run that waits for the window judges the canary before it, and orders in it.
    night.wall.sleep_until(Stamp(night.wall.now().0 + 3_600_000_000)).await;
    let (ending, _) = night.run().await;
    assert_eq!(ending, Ending::Finished);
    let sent = night.sent();
    assert_eq!(sent[20], moment("2026-11-24T21:00Z"));
    assert_eq!(sent.len(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_tells_the_wave_its_wait_and_what_follows() {
    let world = World::new(Script::scan(|_| Act::Serve));
    let campaign = in_waves(&world, 0..500, canary()).await;
    let (ended, snapshots) = watched(&world, campaign, MINUTE, HOUR * 24).await;
    assert_eq!(ended, Some(Ending::Finished));
    let first = snapshots[0].wave.clone().unwrap();
    assert_eq!((first.done, first.wait), (0, None));
    let tenth = &snapshots[10];
    let wave = tenth.wave.clone().unwrap();
    assert_eq!(
        (wave.name.as_str(), wave.devices, wave.done, wave.then),
        ("the canary", 20, 20, 480)
    );
    let wait = wave.wait.unwrap();
    assert!(wait > MINUTE * 20 && wait < MINUTE * 21, "{wait:?}");
    // What is left of the wait and the time of the other 480.
    let finish = tenth.finish_in.unwrap();
    assert!(finish > MINUTE * 24 && finish < MINUTE * 26, "{finish:?}");
    assert_eq!(tenth.hold, Some(HoldReason::Wave));
    assert_eq!(snapshots.last().unwrap().wave, None, "no wave follows the last");
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_said_while_a_wave_is_waited_for_too() {
    let world = World::new(Script::scan(|_| Act::Serve));
    let campaign = in_waves(&world, 0..500, canary()).await;
    let (store, id) = (world.store.clone(), campaign.id);
    let pause = async {
        tokio::time::sleep(MINUTE * 10).await;
        store.set_paused(id, true).await.unwrap();
        tokio::time::sleep(MINUTE * 5).await;
        store.set_paused(id, false).await.unwrap();
    };
    let run = watched(&world, campaign, MINUTE, HOUR * 24);
    let ((ended, snapshots), ()) = tokio::join!(run, pause);
    assert_eq!(ended, Some(Ending::Finished));
    let mut holds: Vec<_> = snapshots.into_iter().map(|snapshot| snapshot.hold).collect();
    holds.dedup();
    let of = |hold: HoldReason| holds.iter().filter(|one| **one == Some(hold.clone())).count();
    assert_eq!((of(HoldReason::User), of(HoldReason::Wave)), (1, 2), "{holds:?}");
}
