//! Random faults, crashes and restarts by seed: whatever happens, nothing is lost, nothing is
//! ordered twice, the limit holds, and the report says what the server knows.

use std::sync::Mutex;

use super::*;
use crate::fake_server::{Existing, ListAct};

/// Plays a scenario for each seed: `FLEETSWEEP_SEED` plays one, `FLEETSWEEP_SEEDS` so many. A seed
/// that fails is named with the command that plays it again.
pub(super) fn for_each_seed<F: Future<Output = ()>>(
    usual: u64,
    test: &str,
    scenario: impl Fn(u64) -> F,
) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("FLEETSWEEP_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("FLEETSWEEP_SEEDS").unwrap_or(usual),
    };
    for seed in seeds {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let played = std::panic::AssertUnwindSafe(|| runtime.block_on(scenario(seed)));
        if let Err(panic) = std::panic::catch_unwind(played) {
            eprintln!("play it again: FLEETSWEEP_SEED={seed} cargo test --test it {test}");
            std::panic::resume_unwind(panic);
        }
    }
}

/// What a seed makes of a campaign.
struct Weather {
    /// Shares of faults of each kind, in percent.
    fault: u8,
    lost: u8,
    throttle: u8,
    never: u8,
    /// A span in which every scan call fails, and how.
    storm: (Duration, Duration, Act),
    list_down: (Duration, Duration),
    forbidden: bool,
    unauthorized: Duration,
}

impl Weather {
    fn new(rng: &mut fastrand::Rng) -> Self {
        let span = |rng: &mut fastrand::Rng| {
            let from = SECOND * rng.u32(0..120);
            (from, from + SECOND * rng.u32(0..900))
        };
        let (from, to) = span(rng);
        let storms = [
            Act::Serve,
            Act::Fault { worked: true },
            Act::Fault { worked: false },
            Act::NoAnswer { worked: true },
            Act::NeverLeft,
            Act::Throttle(None),
            Act::Throttle(Some(SECOND * 100)),
        ];
        Self {
            fault: rng.u8(0..6),
            lost: rng.u8(0..6),
            throttle: rng.u8(0..4),
            never: rng.u8(0..4),
            storm: (from, to, storms[rng.usize(0..storms.len())].clone()),
            list_down: span(rng),
            forbidden: rng.u8(0..10) == 0,
            unauthorized: SECOND * rng.u32(0..200),
        }
    }

    fn act(&self, ask: Ask, rng: &mut fastrand::Rng) -> Act {
        let (from, to, storm) = &self.storm;
        if (*from..*to).contains(&ask.at) && *storm != Act::Serve {
            return storm.clone();
        }
        if ask.at > self.unauthorized && ask.token < 2 {
            return Act::UNAUTHORIZED;
        }
        match ask.device % 40 {
            11 => return Act::UNSUPPORTED,
            12 => return Act::FORBIDDEN,
            13 => return Act::MISSING,
            14 if ask.nth == 1 => return Act::MISSING,
            _ => {}
        }
        let mut dice = rng.u8(0..100);
        let kinds = [
            (self.fault, Act::Fault { worked: rng.bool() }),
            (self.lost, Act::NoAnswer { worked: rng.bool() }),
            (self.throttle, Act::Throttle(rng.bool().then_some(SECOND * 7))),
            (self.never, Act::NeverLeft),
        ];
        for (share, act) in kinds {
            if dice < share {
                return act;
            }
            dice -= share;
        }
        Act::Serve
    }
}

fn stormy(seed: u64, rng: &mut fastrand::Rng) -> World {
    let weather = Arc::new(Weather::new(rng));
    let (down, forbidden) = (weather.list_down, weather.forbidden);
    let dice = Mutex::new(fastrand::Rng::with_seed(seed ^ 0x5eed));
    let list = move |at: Duration| match (down.0..down.1).contains(&at) {
        true => ListAct::Fail,
        false if forbidden => ListAct::Forbid,
        false => ListAct::Serve,
    };
    let script = Script {
        list: Box::new(list),
        sign_in_takes: MS * rng.u32(0..3_000),
        list_lag: SECOND * rng.u32(0..60),
        existing: [Existing::Returned, Existing::Busy, Existing::Doubled][rng.usize(0..3)],
        page: rng.usize(1..50),
        ..Script::scan(move |ask| weather.act(ask, &mut dice.lock().unwrap()))
    };
    World::of(Behaviour { time_out_share: 0.02, ..Behaviour::rough() }, seed, script)
}

/// What a seed gave, to be compared with the same seed again.
type Trace = (Vec<i64>, Vec<(u64, State, u32)>, u64);

async fn storm(seed: u64) -> Trace {
    let mut rng = fastrand::Rng::with_seed(seed);
    let world = stormy(seed, &mut rng);
    let campaign = world.campaign("c", 0..60).await;
    let mut endings = Vec::new();
    loop {
        let tally = world.tally().await;
        assert_eq!(tally.rows(), 60, "rows are open and ended together");
        assert!(endings.len() < 40, "no end after {endings:?}");
        let crashes = endings.len() < 3 && rng.bool();
        let ending = if crashes {
            crash(&world, &campaign, &mut rng).await
        } else if rng.bool() {
            Some(world.run(&campaign).await.ran.ending)
        } else {
            let (one, two) = tokio::join!(world.run(&campaign), world.run(&campaign));
            Some(one.ran.ending).filter(|one| *one == Ending::Finished).or(Some(two.ran.ending))
        };
        assert_honest(&world).await;
        let finished = ending == Some(Ending::Finished);
        endings.push(ending);
        if finished {
            break;
        }
        tokio::time::sleep(SECOND * rng.u32(0..600)).await;
    }
    let tally = world.tally().await;
    assert_eq!((tally.open(), tally.done()), (0, 60));
    world.assert_sound();
    let rows = world.rows("c").await;
    let lives = rows.iter().map(|row| (row.line, row.life.state, row.life.attempt)).collect();
    (world.server.ledger(|ledger| ledger.sent.clone()), lives, world.store.questions())
}

/// A run that is dropped at some moment, or in the middle of an operation of its store.
async fn crash(world: &World, campaign: &Campaign, rng: &mut fastrand::Rng) -> Option<Ending> {
    let (_stop, stopped) = watch::channel(StopLevel::Run);
    let by_time = MS * rng.u32(0..300_000);
    let operations = rng.bool().then(|| rng.u64(0..300));
    world.store.dies_after(operations, rng.bool());
    let ending = tokio::select! {
        biased;
        () = world.store.died.notified() => None,
        told = world.run_until(campaign, stopped) => Some(told.ran.ending),
        () = tokio::time::sleep(by_time) => None,
    };
    world.store.dies_after(None, false);
    ending
}

/// Whether what the store says of each device is what the server did.
async fn assert_honest(world: &World) {
    let rows = world.rows("c").await;
    world.server.ledger(|ledger| {
        for row in &rows {
            let id = row.device.unwrap();
            let actions = ledger.actions.get(&id).map_or(&[][..], Vec::as_slice);
            assert!(row.life.tries <= 3, "{row:?}");
            let State::Done(outcome) = row.life.state else { continue };
            match outcome {
                Outcome::Accepted => {
                    assert_eq!(actions.len(), 1, "accepted without an action: {row:?}");
                    assert_eq!(row.detail.action_id.as_deref(), Some(&*actions[0].id));
                }
                // Only without the permission to look may an action of ours be unknown.
                Outcome::Unknown => assert!(ledger.lists > 0, "{row:?}"),
                _ => assert!(actions.is_empty(), "an action that the report denies: {row:?}"),
            }
        }
    });
}

#[test]
fn whatever_fails_and_crashes_nothing_is_lost_doubled_or_misreported() {
    for_each_seed(300, "whatever_fails", |seed| async move {
        storm(seed).await;
    });
}

#[test]
fn a_stormy_seed_gives_the_same_run_again() {
    let play = |seed| {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(storm(seed))
    };
    for seed in [1, 2, 3] {
        assert_eq!(play(seed), play(seed));
    }
}
