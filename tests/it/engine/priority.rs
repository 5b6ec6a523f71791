//! A campaign of high priority beside one of normal priority on one budget: the night run yields,
//! the incident takes as long as it would alone, and a runner that dies holds nobody for long.

use fleetsweep::clock::Clock;
use fleetsweep::domain::Priority;
use fleetsweep::domain::event::HoldReason;
use fleetsweep::domain::forecast::Outlook;

use super::*;

const NIGHT: u64 = 5_000;
const INCIDENT: u64 = 500;

/// The devices of the incident begin here.
const HIT: u64 = 10_000;

/// What came of an incident that began while a night run was under way.
struct Met {
    /// From the incident's begin to its last call, and what the forecast said that it takes alone.
    took: Duration,
    alone: Duration,
    night: Told,
    /// From the incident's begin to the last call of the night run.
    night_took: Duration,
    world: World,
}

impl Met {
    fn ratio(&self) -> f64 {
        self.took.as_secs_f64() / self.alone.as_secs_f64()
    }
}

impl World {
    /// How long so many calls would take alone from now, given what the journal holds.
    async fn alone(&self, calls: u64) -> Duration {
        let budget = self.find("c").await.order.target.budget(Operation::Scan);
        let usage = self.store.usage(&budget, 1_500).await.unwrap();
        let outlook = Outlook {
            quotas: usage.quotas,
            timing: self.settings.timing,
            pace: self.settings.pace,
            concurrency: self.settings.concurrency,
            latency: MS * 200,
            seen_by: usage.seen_by,
            budget: usage.state,
            now: self.store.clock().now(),
            hours: None,
            pauses: Vec::new(),
        };
        outlook.forecast(calls).unwrap().last_call
    }

    /// When the calls for these devices left, since the beginning.
    fn sent_for(&self, devices: std::ops::Range<u64>) -> Vec<Duration> {
        let wanted: Vec<DeviceId> = devices.map(device).collect();
        let asked = self.server.ledger(|ledger| ledger.asked.clone());
        let sent = asked.into_iter().zip(self.sent());
        sent.filter(|(id, _)| wanted.binary_search(id).is_ok()).map(|(_, at)| at).collect()
    }

    async fn incident(&self, devices: u64, priority: Priority) -> Campaign {
        let campaign = self.campaign("incident", HIT..HIT + devices).await;
        self.store.set_priority(campaign.id, priority).await.unwrap();
        campaign
    }
}

/// An incident that begins when the night run has been under way for so long.
async fn met(after: Duration, priority: Priority) -> Met {
    let world = World::of(Behaviour::constant(MS * 200), 1, Script::scan(|_| Act::Serve));
    let night = world.campaign("c", 0..NIGHT).await;
    let incident = async {
        tokio::time::sleep(after).await;
        let alone = world.alone(INCIDENT).await;
        let campaign = world.incident(INCIDENT, priority).await;
        let told = world.run(&campaign).await;
        assert_eq!(told.ran.ending, Ending::Finished);
        alone
    };
    let (night, alone) = tokio::join!(world.run(&night), incident);
    assert_eq!(night.ran.ending, Ending::Finished);
    let last = |devices| world.sent_for(devices).last().unwrap().saturating_sub(after);
    let (took, night_took) = (last(HIT..HIT + INCIDENT), last(0..NIGHT));
    for name in ["c", "incident"] {
        assert!(world.rows(name).await.iter().all(accepted), "{name}");
    }
    world.assert_sound();
    let (minute, hour) = world.server.ledger(|ledger| {
        (most_in_any_window(&ledger.arrivals, MINUTE), most_in_any_window(&ledger.arrivals, HOUR))
    });
    let met = Met { took, alone, night, night_took, world };
    println!(
        "{priority} after {after:?}: last call of the incident after {took:?}, alone {alone:?}, \
         ratio {:.4}; of the night run after {night_took:?}; at most {minute} in 60 s and {hour} \
         in 3,600 s",
        met.ratio()
    );
    met
}

#[tokio::test(start_paused = true)]
async fn an_incident_takes_as_long_as_it_would_alone_and_the_night_run_goes_on_after_it() {
    // With room in the hour, with the hour used up, and much later.
    for minutes in [10, 20, 100] {
        let met = met(MINUTE * minutes, Priority::High).await;
        assert!(met.ratio() <= 1.05, "{:.4}", met.ratio());
        assert!(met.night_took > met.took, "the night run ends after it");
        assert_eq!(met.world.calls() as u64, NIGHT + INCIDENT, "refusals are no calls");
        // Three limiters: a refusal costs the night run's gate no cell.
        let (passes, calls) = (met.night.ran.cells / 3, met.night.ran.calls);
        assert!((calls..=calls + 16).contains(&passes), "{passes} passes for {calls} calls");
    }
}

#[tokio::test(start_paused = true)]
async fn without_priority_the_two_share_the_slots() {
    for minutes in [10, 20] {
        let met = met(MINUTE * minutes, Priority::Normal).await;
        assert!(met.ratio() > 1.05, "the test above could not fail: {:.4}", met.ratio());
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_runner_of_the_incident_dies_the_night_run_goes_on_soon() {
    let world = World::new(Script::scan(|_| Act::Serve));
    let night = world.campaign("c", 0..700).await;
    let (stop, stopped) = watch::channel(StopLevel::Run);
    let died = async {
        tokio::time::sleep(MINUTE * 2).await;
        let campaign = world.incident(INCIDENT, Priority::High).await;
        let dies = async {
            tokio::time::sleep(MINUTE * 2 + SECOND * 7).await;
            // It leaves at once, as a killed process does: it tells the store nothing.
            stop.send(StopLevel::Now).unwrap();
        };
        let (left, ()) = tokio::join!(world.run_until(&campaign, stopped), dies);
        assert_eq!(left.ran.ending, Ending::Stopped(Stop::SecondSignal));
        world.clock.elapsed()
    };
    let (told, died) = tokio::join!(world.run(&night), died);
    assert_eq!(told.ran.ending, Ending::Finished);
    let nightly = world.sent_for(0..700);
    let (begun, hit) = (MINUTE * 2, world.sent_for(HIT..HIT + INCIDENT));
    assert!((150..INCIDENT as usize).contains(&hit.len()), "{} were ordered", hit.len());
    let meanwhile = nightly.iter().filter(|at| (begun + SECOND..died).contains(*at)).count();
    assert_eq!(meanwhile, 0, "the night run yielded");
    let next = *nightly.iter().find(|at| **at >= died).unwrap();
    println!("the night run goes on {:?} after the death", next - died);
    let timing = world.settings.timing;
    // Its last word, and the next look of the night run; a slot is free long before.
    assert!(next - died <= timing.engaged_for() + timing.poll);
    world.assert_sound();
    let left = world.store.tally(world.find("incident").await.id).await.unwrap();
    assert!(left.open() > 0, "nobody has resumed it");
}

#[tokio::test(start_paused = true)]
async fn a_runner_that_waits_for_its_window_or_the_network_holds_nobody() {
    let out = |at: Duration| at < MINUTE * 30;
    let world = World::new(Script {
        scan: Box::new(move |ask: Ask| match ask.device >= HIT && out(ask.at) {
            true => Act::NeverLeft,
            false => Act::Serve,
        }),
        ..Script::default()
    });
    let night = world.campaign("c", 0..800).await;
    let incident = world.incident(20, Priority::High).await;
    let (night, incident) = tokio::join!(world.run(&night), world.run(&incident));
    assert_eq!(night.ran.ending, Ending::Finished);
    // Its probes fail for half an hour, and it has never reached the API.
    assert!(matches!(incident.ran.ending, Ending::Stopped(Stop::NeverReached(_))), "{incident:?}");
    // What never left is no call: all that arrived is the night run's.
    assert_eq!(world.calls(), 800);
    let first = world.sent()[0];
    println!("the night run begins after {first:?}");
    assert!(first <= world.settings.timing.engaged_for() + world.settings.timing.poll);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_that_waits_for_its_hour_lets_the_night_run_go_on() {
    let world = World::new(Script::scan(|ask| match (ask.device, ask.nth) {
        (HIT, 1) => Act::Refuse(400, "ActiveRequestAlreadyExists", "in progress already"),
        _ => Act::Serve,
    }));
    let night = world.campaign("c", 0..300).await;
    let devices = HIT..HIT + 50;
    let quotas = &world.settings.quotas;
    let incident = campaign(&world.store, "incident", devices, quotas, BusyPolicy::Retry).await;
    world.store.set_priority(incident.id, Priority::High).await.unwrap();
    let (night, incident) = tokio::join!(world.run(&night), world.run(&incident));
    assert_eq!([night.ran.ending, incident.ran.ending], [Ending::Finished, Ending::Finished]);
    let last = *world.sent_for(0..300).last().unwrap();
    println!("the last call of the night run after {last:?}");
    assert!(last < MINUTE * 10, "it did not wait for the device that is asked after an hour");
    assert!(*world.sent_for(HIT..HIT + 50).last().unwrap() >= HOUR);
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn people_are_told_which_campaign_the_night_run_waits_for() {
    let mut world = World::new(Script::scan(|_| Act::Serve));
    world.settings.progress_every = SECOND * 20;
    let night = world.campaign("c", 0..300).await;
    let incident = world.incident(400, Priority::High).await;
    let (events, mut watcher) = mpsc::channel(10_000);
    let (_stop, stopped) = watch::channel(StopLevel::Run);
    let (store, server) = (world.store.clone(), world.server.clone());
    let run = engine::run(store, server, night, world.settings.clone(), stopped, events);
    let (ran, _) = tokio::join!(run, world.run(&incident));
    assert_eq!(ran.unwrap().ending, Ending::Finished);
    let mut holds = Vec::new();
    while let Ok(event) = watcher.try_recv() {
        if let Event::Progress(snapshot) = event {
            holds.push(snapshot.hold.clone());
        }
    }
    let waits = Some(HoldReason::Priority("incident".parse().unwrap()));
    assert!(holds.iter().filter(|hold| **hold == waits).count() > 5, "{holds:?}");
    assert_ne!(holds.last().unwrap(), &waits);
}

/// A rough server, an incident whose runner dies and comes back, and priorities that change under
/// way: both campaigns end all the same, within the limit, and nothing is ordered twice.
#[test]
fn whatever_priorities_do_both_campaigns_end_and_the_limit_holds() {
    chaos::for_each_seed(40, "whatever_priorities_do", |seed| async move {
        let mut rng = fastrand::Rng::with_seed(seed);
        let world = World::of(Behaviour::rough(), seed, Script::scan(|_| Act::Serve));
        let night = world.campaign("c", 0..rng.u64(200..500)).await;
        let incident = world.incident(rng.u64(50..300), Priority::High).await;
        let [begins, dies, away] = [30_000, 240_000, 120_000].map(|most| MS * rng.u32(0..most));
        let died = async {
            tokio::time::sleep(begins).await;
            let (stop, stopped) = watch::channel(StopLevel::Run);
            let dies = async {
                tokio::time::sleep(dies).await;
                stop.send_replace(StopLevel::Now);
                std::future::pending().await
            };
            tokio::select! {
                biased;
                _ = world.run_until(&incident, stopped) => {}
                () = dies => unreachable!("the run ends first"),
            }
            tokio::time::sleep(away).await;
            world.run(&incident).await.ran.ending
        };
        let changes = async {
            loop {
                tokio::time::sleep(MS * rng.u32(1..60_000)).await;
                let priority = if rng.bool() { Priority::High } else { Priority::Normal };
                let which = if rng.bool() { &night } else { &incident };
                world.store.set_priority(which.id, priority).await.unwrap();
            }
        };
        let both = async { tokio::join!(world.run(&night), died) };
        let (night, incident) = tokio::select! {
            biased;
            both = both => both,
            () = changes => unreachable!("they change for ever"),
        };
        assert_eq!([night.ran.ending, incident], [Ending::Finished, Ending::Finished]);
        world.assert_sound();
    });
}
