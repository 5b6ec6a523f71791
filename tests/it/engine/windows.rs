//! Windows: waiting for one, stopping when it closes, a night when the clocks change, and a wall
//! clock that steps. The clock of these tests shows a wall clock that they can set.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use fleetsweep::clock::Clock;
use fleetsweep::domain::event::HoldReason;
use fleetsweep::domain::{Hours, Quota, Stamp};
use fleetsweep::store::memory::MemoryStore;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::*;

const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

/// Time that passes as tests want, and a wall clock that steps.
#[derive(Clone, Debug)]
pub(super) struct Wall {
    time: TokioClock,
    /// The wall clock at the start, in microseconds since 1970, with all steps so far.
    start: Arc<AtomicI64>,
    /// Questions to the wall clock that are left before it steps by as many microseconds.
    pub(super) step_after: Arc<AtomicU64>,
    pub(super) step: Arc<AtomicI64>,
    /// The control: the run reads the wall clock at its start alone, and goes on from there by the
    /// time that passes.
    blind: bool,
}

impl Wall {
    pub(super) fn at(start: &str) -> Self {
        let start: Timestamp = start.parse().unwrap();
        Self {
            time: TokioClock::new(),
            start: Arc::new(AtomicI64::new(start.as_microsecond())),
            step_after: Arc::new(AtomicU64::new(u64::MAX)),
            step: Arc::default(),
            blind: false,
        }
    }

    pub(super) fn step(&self, by: SignedDuration) {
        self.start.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }

    /// Time since the start, whatever the wall clock shows.
    pub(super) fn time_passed(&self) -> Duration {
        self.time.elapsed()
    }

    pub(super) fn shows(&self) -> Timestamp {
        let passed = i64::try_from(self.time.elapsed().as_micros()).unwrap();
        Timestamp::from_microsecond(self.start.load(Ordering::SeqCst) + passed).unwrap()
    }
}

impl Clock for Wall {
    fn now(&self) -> Stamp {
        self.time.now()
    }

    fn utc(&self) -> Timestamp {
        if self.step_after.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.start.fetch_add(self.step.load(Ordering::SeqCst), Ordering::SeqCst);
        }
        let left = self.step_after.load(Ordering::SeqCst);
        let has_stepped = left == 0 || left > u64::MAX / 2;
        match SignedDuration::from_micros(self.step.load(Ordering::SeqCst)) {
            step if self.blind && has_stepped => self.shows() - step,
            _ => self.shows(),
        }
    }

    async fn sleep_until(&self, at: Stamp) {
        self.time.sleep_until(at).await;
    }
}

/// A night: one wall clock, one store, one server, one list of devices.
pub(super) struct Night {
    pub(super) wall: Wall,
    pub(super) store: Arc<MemoryStore<Wall>>,
    server: Arc<FakeServer<Wall>>,
    pub(super) settings: Settings,
    /// What the wall clock showed at each scan call.
    shown: Arc<Mutex<Vec<Timestamp>>>,
}

impl Night {
    pub(super) fn new(start: &str, hours: &Hours, quota: &str, script: Script) -> Self {
        Self::under(Wall::at(start), hours, quota, script)
    }

    /// One whose run does not see its wall clock step.
    fn blind(start: &str, hours: &Hours, quota: &str, script: Script) -> Self {
        Self::under(Wall { blind: true, ..Wall::at(start) }, hours, quota, script)
    }

    fn under(wall: Wall, hours: &Hours, quota: &str, script: Script) -> Self {
        let timing = Timing::default();
        let quotas: Vec<Quota> = vec![quota.parse().unwrap()];
        let shown: Arc<Mutex<Vec<Timestamp>>> = Arc::default();
        let (seen, clock, serve) = (shown.clone(), wall.clone(), script.scan);
        let scan = move |ask| {
            seen.lock().unwrap().push(clock.shows());
            serve(ask)
        };
        let script = Script { scan: Box::new(scan), ..script };
        let behaviour = Behaviour::constant(MS * 200);
        Self {
            store: Arc::new(MemoryStore::new(wall.clone(), timing)),
            server: Arc::new(FakeServer::scripted(wall.clone(), behaviour, 1, script)),
            settings: Settings {
                concurrency: 16,
                quotas,
                pace: None,
                timing,
                until: None,
                hours: Some(hours.clone()),
                progress_every: HOUR,
            },
            shown,
            wall,
        }
    }

    pub(super) async fn open(&self, devices: u64) -> Campaign {
        campaign(&self.store, "c", 0..devices, &self.settings.quotas, BusyPolicy::Report).await
    }

    pub(super) async fn run(&self) -> (Ending, Vec<Event>) {
        let name: CampaignName = "c".parse().unwrap();
        let campaign = self.store.named(&name).await.unwrap().remove(0);
        let (_stop, stopped) = watch::channel(StopLevel::Run);
        let (events, mut watcher) = mpsc::channel(10_000);
        let (store, server) = (self.store.clone(), self.server.clone());
        let run = engine::run(store, server, campaign, self.settings.clone(), stopped, events);
        let ran = tokio::time::timeout(STUCK, run).await.expect("the campaign is stuck").unwrap();
        let mut told = Vec::new();
        while let Ok(event) = watcher.try_recv() {
            told.push(event);
        }
        (ran.ending, told)
    }

    pub(super) fn sent(&self) -> Vec<Timestamp> {
        self.shown.lock().unwrap().clone()
    }
}

pub(super) fn hours(window: &str) -> Hours {
    let zone = TimeZone::posix(BERLIN).unwrap();
    Hours::new(vec![window.parse().unwrap()], None, zone).unwrap()
}

pub(super) fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn nights_over_the_change_of_clocks_order_in_their_hours_alone_and_each_goes_on() {
    // The clocks go back in this night, which has nine hours.
    let night = Night::new("2026-10-24T18:00Z", &hours("22:00-06:00"), "100/1h", Script::default());
    night.open(1_000).await;
    let (ending, told) = night.run().await;
    assert_eq!(ending, Ending::Stopped(Stop::Window));
    let snapshots = told.iter().filter_map(|event| match event {
        Event::Progress(snapshot) => Some(snapshot),
        Event::Note(_) => None,
    });
    let first = snapshots.clone().next().unwrap();
    assert_eq!(first.hold, Some(HoldReason::Window), "also before anything was tried");
    let waiting = snapshots.clone().nth(1).unwrap();
    assert_eq!(waiting.hold, Some(HoldReason::Window));
    // An hour has passed. One more to the opening; nine hours take 900; sixteen to the next one.
    let finish_in = waiting.finish_in.unwrap().as_secs_f64() / 3600.0;
    assert!((26.0..26.01).contains(&finish_in), "{finish_in}");
    let sent = night.sent();
    assert_eq!(sent.first(), Some(&moment("2026-10-24T20:00Z")));
    assert!(sent.iter().all(|at| *at < moment("2026-10-25T05:00Z")), "{:?}", sent.last());
    assert_eq!(sent.len(), 900);
    assert_eq!(night.wall.shows(), moment("2026-10-25T05:00Z"));
    let (ending, _) = night.run().await;
    assert_eq!(ending, Ending::Finished);
    let sent = night.sent();
    assert_eq!(sent[900], moment("2026-10-25T21:00Z"));
    assert_eq!(sent.len(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_steps_past_the_end_of_the_window_ends_the_orders_at_once() {
    let night = Night::new("2026-11-24T21:30Z", &hours("22:00-06:00"), "60/1m", Script::default());
    night.open(10_000).await;
    let wall = night.wall.clone();
    let stepper = tokio::spawn(async move {
        wall.sleep_until(wall.now().plus(MINUTE * 10 + MS * 50)).await;
        wall.step(SignedDuration::from_hours(9));
    });
    let (ending, _) = night.run().await;
    stepper.await.unwrap();
    assert_eq!(ending, Ending::Stopped(Stop::Window));
    assert!(night.sent().iter().all(|at| *at < moment("2026-11-25T05:00Z")));
    assert!(night.sent().len() >= 600, "{}", night.sent().len());
    assert!(night.wall.time.elapsed() < MINUTE * 11);
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_is_set_back_before_the_same_window_waits_for_it_again() {
    let night =
        Night::new("2026-11-24T20:59:55Z", &hours("22:00-06:00"), "60/1m", Script::default());
    night.open(120).await;
    let wall = night.wall.clone();
    let stepper = tokio::spawn(async move {
        wall.sleep_until(wall.now().plus(SECOND * 6)).await;
        wall.step(SignedDuration::from_secs(-20));
    });
    let (ending, _) = night.run().await;
    stepper.await.unwrap();
    assert_eq!(ending, Ending::Finished);
    assert!(night.sent().iter().all(|at| *at >= moment("2026-11-24T21:00Z")));
}

/// Orders in a night whose wall clock steps over the end of the window after so many questions; how
/// the run ended, and the first order that left outside of the window, if one did.
async fn stepped(night: &Night, questions: u64) -> (Ending, Option<Timestamp>) {
    night.open(4).await;
    let nine_hours = SignedDuration::from_hours(9).as_micros();
    night.wall.step.store(i64::try_from(nine_hours).unwrap(), Ordering::SeqCst);
    night.wall.step_after.store(questions, Ordering::SeqCst);
    let (ending, _) = night.run().await;
    let shut = moment("2026-11-25T05:00Z");
    // A run that finds the window shut at its start waits for the next night.
    let wrong = |at: &Timestamp| *at >= shut && *at < moment("2026-11-25T21:00Z");
    (ending, night.sent().into_iter().find(wrong))
}

#[tokio::test(start_paused = true)]
async fn whenever_the_wall_clock_steps_no_order_leaves_outside_of_the_window() {
    let mut held = 0;
    for questions in 1..80 {
        let night =
            Night::new("2026-11-24T21:30Z", &hours("22:00-06:00"), "60/1m", Script::default());
        let (ending, wrong) = stepped(&night, questions).await;
        assert_eq!(wrong, None, "after {questions} questions");
        held += usize::from(ending == Ending::Stopped(Stop::Window));
        let name: CampaignName = "c".parse().unwrap();
        let campaign = night.store.named(&name).await.unwrap().remove(0);
        let tally = night.store.tally(campaign.id).await.unwrap();
        assert_eq!(tally.of(Outcome::Accepted) as usize, night.sent().len());
        assert_eq!((tally.claimed, tally.doubtful), (0, 0));
    }
    assert!(held > 5, "the step must have met orders on their way: {held}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_reads_the_wall_clock_once_is_caught_outside_of_the_window() {
    let mut caught = 0;
    for questions in 1..80 {
        let night =
            Night::blind("2026-11-24T21:30Z", &hours("22:00-06:00"), "60/1m", Script::default());
        caught += usize::from(stepped(&night, questions).await.1.is_some());
    }
    assert!(caught > 5, "{caught}");
}

#[tokio::test(start_paused = true)]
async fn an_order_whose_token_comes_after_the_end_of_the_window_is_not_sent() {
    let old_token = |ask: Ask| if ask.token < 2 { Act::UNAUTHORIZED } else { Act::Serve };
    let script = Script { sign_in_takes: SECOND * 10, ..Script::scan(old_token) };
    let night = Night::new("2026-11-25T04:59:55Z", &hours("22:00-06:00"), "60/1m", script);
    night.open(5).await;
    let (ending, _) = night.run().await;
    assert_eq!(ending, Ending::Stopped(Stop::Window));
    assert!(night.sent().iter().all(|at| *at < moment("2026-11-25T05:00Z")));
    assert!(!night.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_run_left_behind_is_looked_up_before_the_window_opens() {
    let night = Night::new("2026-11-24T20:00Z", &hours("22:00-06:00"), "60/1m", Script::default());
    let campaign = night.open(5).await;
    for _ in 0..3 {
        night.store.claim(campaign.id, true).await.unwrap();
    }
    let (ending, _) = night.run().await;
    assert_eq!(ending, Ending::Finished);
    let listed = night.server.ledger(|ledger| ledger.list_calls.clone());
    let hour = i64::try_from(HOUR.as_micros()).unwrap();
    assert!(listed.first().is_some_and(|at| *at < hour), "{listed:?}");
    assert!(night.sent().iter().all(|at| *at >= moment("2026-11-24T21:00Z")));
    assert_eq!(night.sent().len(), 5);
}
