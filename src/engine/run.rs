//! The run of a campaign: what it is told, the loop that is set up for it, and what it was.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::campaign::CampaignWork;
use super::patient::PatientStore;
use super::pump::{Counts, Pump, Watching};
use super::refusals::{Refusals, refused_before};
use super::shared::{Repeats, Shared};
use super::stop::StopLevel;
use crate::clock::Clock;
use crate::defender::ScanApi;
use crate::domain::event::Event;
use crate::domain::forecast::CallRate;
use crate::domain::{Campaign, Ending, Hours, Pace, Quota, Stamp, Stop, Timing};
use crate::store::{Result, Store};

/// How a campaign is run by this runner.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Calls in flight at most.
    pub concurrency: usize,
    /// The quotas that this runner keeps.
    pub quotas: Vec<Quota>,
    /// The pace that spreads bursts.
    pub pace: Option<Pace>,
    /// Every duration.
    pub timing: Timing,
    /// No order after this moment.
    pub until: Option<Stamp>,
    /// No order outside of these; asked again before each order, since the wall clock can step.
    pub hours: Option<Hours>,
    /// Time between two snapshots; zero for none.
    pub progress_every: Duration,
}

/// What a run was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// How it ended.
    pub ending: Ending,
    /// What would have stopped it, had anything been left to stop.
    pub needless: Option<Stop>,
    /// Scan calls that it made; those that certainly never left are none.
    pub calls: u64,
    /// How many of their answers were 429.
    pub throttled: u64,
    /// Cells that the gate gave out, over all its limiters: what refusals cost shows here.
    pub cells: u64,
}

impl Ran {
    /// A run that was left before it could tell more.
    pub fn left() -> Self {
        let ending = Ending::Stopped(Stop::SecondSignal);
        Self { ending, needless: None, calls: 0, throttled: 0, cells: 0 }
    }
}

/// Runs a campaign until every row has its outcome, or until something stops it. Its waits and its
/// rules about failures are those of `campaign.rollout`.
///
/// # Errors
/// `StoreError` if the store fails: nothing is sent that is not in it.
pub async fn run<S: Store, A: ScanApi>(
    store: Arc<S>,
    api: Arc<A>,
    campaign: Campaign,
    settings: Settings,
    stop: watch::Receiver<StopLevel>,
    events: mpsc::Sender<Event>,
) -> Result<Ran> {
    let pump = set_up(store, api, campaign, settings, stop, events).await?;
    play(pump).await
}

/// As `run`, without governor in front of the store: the limit must hold without it.
///
/// # Errors
/// As `run`.
#[cfg(feature = "testing")]
pub async fn run_without_gate<S: Store, A: ScanApi>(
    store: Arc<S>,
    api: Arc<A>,
    campaign: Campaign,
    settings: Settings,
    stop: watch::Receiver<StopLevel>,
    events: mpsc::Sender<Event>,
) -> Result<Ran> {
    let mut pump = set_up(store, api, campaign, settings, stop, events).await?;
    pump.flow.gate = None;
    play(pump).await
}

async fn set_up<S: Store, A: ScanApi>(
    store: Arc<S>,
    api: Arc<A>,
    campaign: Campaign,
    settings: Settings,
    stop: watch::Receiver<StopLevel>,
    events: mpsc::Sender<Event>,
) -> Result<Pump<CampaignWork<PatientStore<S>, A>>> {
    let Settings { concurrency, quotas, pace, timing, until, hours, progress_every } = settings;
    let to_watcher = events.clone();
    let tell = move |note| drop(to_watcher.try_send(Event::Note(note)));
    let store = Arc::new(PatientStore::new(store, timing, stop.clone(), tell));
    store.join(campaign.id, quotas.clone()).await?;
    let (started, counts) = (store.clock().now(), Arc::<Counts>::default());
    let before = Arc::new(refused_before(&*store, &campaign).await?);
    let refusals = Refusals::of(&*store, campaign.id, before.clone()).await?;
    let shared = Shared {
        store,
        api,
        campaign,
        timing,
        hours,
        started,
        counts: counts.clone(),
        repeats: Repeats::default(),
        refused_before: before,
        comments_kept: AtomicBool::new(false),
        results: Mutex::default(),
        unread: Mutex::default(),
    };
    let work = CampaignWork::new(Arc::new(shared), refusals, until);
    let rate = CallRate { quotas, pace, concurrency, timing };
    Ok(Pump::new(work, rate, counts, stop, Watching { events, progress_every }))
}

async fn play<S: Store, A: ScanApi>(
    mut pump: Pump<CampaignWork<PatientStore<S>, A>>,
) -> Result<Ran> {
    pump.run().await?;
    let Pump { work, flow, .. } = pump;
    let (calls, cells) = (flow.counts.calls(), flow.cells());
    let (ending, needless) = match flow.stop {
        Some(stop) if !work.is_finished() => (Ending::Stopped(stop), None),
        stop => (Ending::Finished, stop),
    };
    Ok(Ran { ending, needless, calls, throttled: flow.throttled, cells })
}
