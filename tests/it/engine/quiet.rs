//! Many engines of one process on one store: what they ask while they wait, and how soon they
//! notice what others did. `FLEETSWEEP_SWEEP=all` lets a thousand of them wait.

use fleetsweep::clock::Clock;
use fleetsweep::domain::{CampaignId, Hours, Priority, Quota, Stamp};
use fleetsweep::engine::AtWork;
use fleetsweep::store::memory::MemoryStore;
use fleetsweep::store::{ClaimAnswer, Hold, NotYet};
use tokio::task::JoinSet;

use super::*;
use crate::kit::store::{accepted, settle};
use crate::kit::support::campaign_at;

const HALF: Duration = Duration::from_millis(500);

/// How long it is counted what engines ask that wait.
const WAITED: Duration = Duration::from_secs(50 * 60);

/// A process that runs many campaigns.
struct Process {
    world: World,
    store: Arc<QuietStore<Watched>>,
    stop: watch::Sender<StopLevel>,
    runs: JoinSet<Ran>,
    /// Its engines ask the store themselves, each for itself alone: broken on purpose.
    asks_alone: bool,
}

impl Process {
    fn new(world: World) -> Self {
        let store = QuietStore::new(world.store.clone(), "p".to_owned(), Timing::default());
        let (stop, _) = watch::channel(StopLevel::Run);
        Self { world, store, stop, runs: JoinSet::new(), asks_alone: false }
    }

    /// A campaign on a budget of its own.
    async fn campaign(&self, n: u64, quotas: &[&str]) -> Campaign {
        let quotas: Vec<Quota> = quotas.iter().map(|quota| quota.parse().unwrap()).collect();
        let origin = format!("http://127.0.0.1:{n}");
        let (store, name) = (&self.world.store, format!("c{n}"));
        campaign_at(store, &origin, &name, n * 10..n * 10 + 3, &quotas).await
    }

    fn run(&mut self, campaign: Campaign, hours: Option<Hours>) {
        if self.asks_alone {
            self.runs.spawn(self.through(self.world.store.clone(), campaign, hours));
            return;
        }
        let (store, of) = (self.store.clone(), campaign.clone());
        let run = self.through(store.clone(), campaign, hours);
        self.runs.spawn(async move {
            let _at_work = store.at_work(&of);
            run.await
        });
    }

    /// One engine that asks through this store.
    fn through<S: Store>(
        &self,
        store: Arc<S>,
        campaign: Campaign,
        hours: Option<Hours>,
    ) -> impl Future<Output = Ran> + Send + use<S> {
        let (server, stop) = (self.world.server.clone(), self.stop.subscribe());
        let quotas = campaign.quotas.clone();
        let settings =
            Settings { quotas, hours, progress_every: SECOND * 10, ..self.world.settings.clone() };
        async move {
            let (events, mut watcher) = mpsc::channel(64);
            let run = engine::run(store, server, campaign, settings, stop, events);
            let watch = async { while watcher.recv().await.is_some() {} };
            tokio::join!(run, watch).0.unwrap()
        }
    }

    /// Lets so many of its engines wait, each for something else, and says how often they asked the
    /// store in `WAITED`, and how often they may.
    async fn questions_while_waiting(&mut self, many: u64) -> (u64, u64) {
        for n in 1..=many {
            let is = |kind| n % 3 == kind;
            let campaign = self.campaign(n, &["1/1h"]).await;
            if is(0) {
                self.world.store.set_paused(campaign.id, true).await.unwrap();
            }
            // The others have used their hour up after one call.
            self.run(campaign, if is(1) { Some(at_night()) } else { None });
        }
        tokio::time::sleep(MINUTE * 3).await;
        let store = self.world.store.clone();
        let before = store.every_question();
        tokio::time::sleep(WAITED).await;
        // One look, and what is asked anew once a minute.
        let most = WAITED.as_secs() / 10 * 2 + many * WAITED.as_secs() / 60 * 3;
        (store.every_question() - before, most)
    }

    async fn end(mut self) -> World {
        self.stop.send_replace(StopLevel::Soft);
        while let Some(ran) = self.runs.join_next().await {
            ran.unwrap();
        }
        self.world
    }
}

/// Opens an hour before midnight alone, on a clock that begins in the morning.
fn at_night() -> Hours {
    let window = "23:00-23:30".parse().unwrap();
    Hours::new(vec![window], None, jiff::tz::TimeZone::UTC).unwrap()
}

#[tokio::test(start_paused = true)]
async fn engines_that_wait_share_one_question_every_ten_seconds() {
    let mut process = Process::new(World::new(Script::scan(|_| Act::Serve)));
    let many = if std::env::var_os("FLEETSWEEP_SWEEP").is_some() { 1_000 } else { 45 };
    let (asked, most) = process.questions_while_waiting(many).await;
    assert!(asked < most, "{asked} questions of {many} engines, at most {most}");
    let each = asked as f64 / (many * WAITED.as_secs()) as f64;
    assert!(each < 0.1, "{each} questions of each a second");
    assert_eq!(process.world.calls() as u64, many - many / 3 - many.div_ceil(3));
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn engines_that_ask_each_for_itself_are_caught_by_the_same_count() {
    let process = Process::new(World::new(Script::scan(|_| Act::Serve)));
    let mut process = Process { asks_alone: true, ..process };
    let (asked, most) = process.questions_while_waiting(45).await;
    assert!(asked > most, "{asked} questions, which {most} would hide");
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_another_process_did_to_a_campaign_is_noticed_within_ten_seconds_and_a_breath() {
    let mut process = Process::new(World::new(Script::scan(|_| Act::Serve)));
    let store = process.world.store.clone();
    let mut all = Vec::new();
    for n in 1..=3 {
        let one = process.campaign(n, &["100/1m"]).await;
        store.set_paused(one.id, true).await.unwrap();
        process.run(one.clone(), None);
        all.push(one.id);
    }
    tokio::time::sleep(MINUTE * 5).await;
    assert_eq!(process.world.calls(), 0);
    store.set_paused(all[0], false).await.unwrap();
    tokio::time::sleep(SECOND * 12).await;
    assert_eq!(process.world.calls(), 3, "it goes on");
    assert!(process.runs.try_join_next().is_some(), "it is over");
    store.call_off(all[1]).await.unwrap();
    tokio::time::sleep(SECOND * 12).await;
    assert!(process.runs.try_join_next().is_some(), "it was called off");
    assert_eq!(process.runs.len(), 1);
    let world = process.end().await;
    assert_eq!(world.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_comes_and_goes_between_two_looks_holds_nobody_any_longer() {
    let mut process = Process::new(World::new(Script::scan(|_| Act::Serve)));
    let store = process.world.store.clone();
    let mut all = Vec::new();
    for n in 1..=10 {
        let one = process.campaign(n, &["1/20s"]).await;
        process.run(one.clone(), None);
        all.push(one.id);
    }
    // The second call is due after twenty seconds; each pause has another moment of a look within.
    let paused = all.iter().zip(0..).map(|(id, n)| {
        let store = store.clone();
        async move {
            tokio::time::sleep(SECOND * 18 + HALF * n).await;
            store.set_paused(*id, true).await.unwrap();
            tokio::time::sleep(SECOND * 3).await;
            store.set_paused(*id, false).await.unwrap();
        }
    });
    futures_util::future::join_all(paused).await;
    tokio::time::sleep(SECOND * 45).await;
    assert_eq!(process.world.calls(), 30, "somebody waits for a pause that is gone");
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_goes_before_and_ends_between_two_looks_holds_nobody_any_longer() {
    let mut process = Process::new(World::new(Script::scan(|_| Act::Serve)));
    for n in 1..=10 {
        let night = process.campaign(n, &["1/23s"]).await;
        process.run(night, None);
    }
    // Looks come every five seconds: all of it lies between two of them.
    tokio::time::sleep(SECOND * 20 + HALF).await;
    for n in 1..=10 {
        let store = process.world.store.clone();
        let (origin, quota) = (format!("http://127.0.0.1:{n}"), "1/23s".parse().unwrap());
        let at = 1_000 + n;
        let mut one = campaign_at(&store, &origin, &format!("i{n}"), at..at + 1, &[quota]).await;
        one.priority = Priority::High;
        store.set_priority(one.id, Priority::High).await.unwrap();
        process.run(one, None);
        tokio::time::sleep(HALF / 3).await;
    }
    tokio::time::sleep(SECOND * 75).await;
    assert_eq!(process.world.calls(), 40, "somebody waits for a campaign that is over");
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_process_says_that_it_lives_as_long_as_its_store_is_there_and_no_longer() {
    let clock = TokioClock::new();
    let timing = Timing::default();
    let store = Arc::new(MemoryStore::new(clock, timing));
    let one = campaign(&store, "c", 0..3, &api_quotas(), BusyPolicy::Report).await;
    let quiet = QuietStore::new(store.clone(), "p".to_owned(), timing);
    let begun = fleetsweep::domain::LastRun::begun(clock.utc());
    let run = fleetsweep::domain::LastRun { process: "p".to_owned(), ..begun };
    store.note_run(one.id, run).await.unwrap();
    let alive = async || {
        let now = clock.utc();
        store.campaign(one.id).await.unwrap().unwrap().last_run.unwrap().is_alive(now, &timing)
    };
    for _ in 0..600 {
        tokio::time::sleep(SECOND).await;
        assert!(alive().await);
    }
    drop(quiet);
    tokio::time::sleep(timing.alive_for()).await;
    assert!(!alive().await);
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_more_of_a_budgets_calls_gets_more_than_was_answered_before() {
    let store = Arc::new(MemoryStore::new(TokioClock::new(), Timing::default()));
    let one = campaign(&store, "c", 0..3, &api_quotas(), BusyPolicy::Report).await;
    let quiet = QuietStore::new(store.clone(), "p".to_owned(), Timing::default());
    let _at_work = quiet.at_work(&one);
    let budget = one.order.target.budget(Operation::Scan);
    for _ in 0..3 {
        quiet.claim(one.id, false).await.unwrap();
    }
    for latest in [1, 3, 2] {
        assert_eq!(quiet.usage(&budget, latest).await.unwrap().seen_by.len(), latest);
    }
}

/// One order of a campaign, answered at once.
async fn one_order(store: &impl Store, campaign: CampaignId) {
    let ClaimAnswer::Call(claim) = store.claim(campaign, true).await.unwrap() else {
        panic!("a slot is free")
    };
    settle(store, claim.call, accepted(store.clock().utc())).await;
}

/// A campaign whose one order in twenty seconds is used up, and until when the limit says no.
async fn used_up<'q>(
    world: &World,
    quiet: &'q QuietStore<Watched>,
) -> (AtWork<'q, Watched>, Campaign, Stamp) {
    let quotas = ["1/20s".parse().unwrap()];
    let one = campaign_at(&world.store, "http://127.0.0.1:1", "c", 0..3, &quotas).await;
    let at_work = quiet.at_work(&one);
    tokio::time::sleep(SECOND * 6).await;
    one_order(quiet, one.id).await;
    // The look that comes now takes in that it changed.
    tokio::time::sleep(SECOND * 6).await;
    let no = quiet.peek(one.id, 0).await.unwrap().unwrap_err();
    (at_work, one, no.at)
}

#[tokio::test(start_paused = true)]
async fn when_the_moment_has_come_that_the_limit_named_only_the_claim_asks_it() {
    let world = World::new(Script::scan(|_| Act::Serve));
    let store = world.store.clone();
    let quiet = QuietStore::new(store.clone(), "p".to_owned(), Timing::default());
    let (_at_work, one, at) = used_up(&world, &quiet).await;
    world.clock.sleep_until(at).await;
    let before = store.every_question();
    assert_eq!(quiet.peek(one.id, 0).await.unwrap(), Ok(()));
    assert_eq!(store.every_question(), before, "nobody asks before the claim");
    // Another process is faster, and the claim says until when that holds.
    one_order(&*store, one.id).await;
    let before = store.every_question();
    let claimed = quiet.claim(one.id, true).await.unwrap();
    let ClaimAnswer::NotYet(later) = claimed else { panic!("{claimed:?}") };
    assert!(later.at >= at.plus(SECOND * 20), "{later:?} after {at:?}");
    assert_eq!(quiet.peek(one.id, 0).await.unwrap(), Err(later));
    assert_eq!(store.every_question(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_came_before_the_moment_that_the_limit_named_is_told_to_the_claim() {
    let world = World::new(Script::scan(|_| Act::Serve));
    let store = world.store.clone();
    let quiet = QuietStore::new(store.clone(), "p".to_owned(), Timing::default());
    let (_at_work, one, at) = used_up(&world, &quiet).await;
    // A look takes it in, and what was answered before is forgotten.
    store.set_paused(one.id, true).await.unwrap();
    world.clock.sleep_until(at).await;
    let before = store.every_question();
    assert_eq!(quiet.peek(one.id, 0).await.unwrap(), Ok(()));
    assert_eq!(store.every_question(), before, "the claim asks all that may hold it");
    let claimed = quiet.claim(one.id, true).await.unwrap();
    assert!(matches!(claimed, ClaimAnswer::NotYet(NotYet { hold: Hold::User, .. })), "{claimed:?}");
    let held = quiet.peek(one.id, 0).await.unwrap();
    assert!(matches!(held, Err(NotYet { hold: Hold::User, .. })), "{held:?}");
}
