//! The engine against a server that fails as scripted, in virtual time on one thread. This file
//! holds what the subjects share: a world of one clock, one store and one server.

mod answers;
mod called_off;
mod cancel;
mod chaos;
mod look_ups;
mod named;
mod nights;
mod outages;
mod pages;
mod priority;
mod quiet;
mod refusals;
mod runners;
mod safety;
mod shown;
mod simulation;
mod start;
mod stops;
mod waves;
mod windows;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fleetsweep::clock::TokioClock;
use fleetsweep::domain::event::{Event, Note};
use fleetsweep::domain::quota::api_quotas;
use fleetsweep::domain::{
    BusyPolicy, Campaign, CampaignName, DeviceId, Ending, Operation, Outcome, PaceKind, Row, State,
    Stop, Tally, Timing,
};
use fleetsweep::engine::{self, QuietStore, Ran, Settings, StopLevel};
use fleetsweep::store::Store;
use fleetsweep::store::memory::MemoryStore;
use tokio::sync::{mpsc, watch};

use crate::kit::fake_server::{Act, Ask, Behaviour, FakeServer, Script};
use crate::kit::support::{campaign, device, most_in_any_window};
use crate::kit::watched_clock::WatchedClock;
use crate::kit::watched_store::{Beneath, Watched};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// No campaign of these tests takes this long, unless it is stuck.
const STUCK: Duration = Duration::from_secs(3 * 24 * 3600);

/// One clock, one store, one server.
struct World<S = MemoryStore<WatchedClock>> {
    clock: TokioClock,
    store: Arc<Watched<S>>,
    server: Arc<FakeServer<TokioClock>>,
    settings: Settings,
    /// Whether governor stands in front of the store, which only simulations take away.
    gate: bool,
}

/// A run that ended, and what it told.
#[derive(Debug)]
struct Told {
    ran: Ran,
    notes: Vec<Note>,
}

impl World {
    /// A server that answers in 200 ms as the script says.
    fn new(script: Script) -> Self {
        Self::of(Behaviour::constant(MS * 200), 1, script)
    }

    fn of(behaviour: Behaviour, seed: u64, script: Script) -> Self {
        let clock = TokioClock::new();
        let timing = Timing::default();
        let settings = at_the_apis_limits();
        Self {
            clock,
            store: Arc::new(Watched::new(clock, timing)),
            server: Arc::new(FakeServer::scripted(clock, behaviour, seed, script)),
            settings,
            gate: true,
        }
    }

    async fn campaign(&self, name: &str, devices: std::ops::Range<u64>) -> Campaign {
        campaign(&self.store, name, devices, &self.settings.quotas, BusyPolicy::Report).await
    }

    /// Opens a campaign of this many devices and runs it.
    async fn play(&self, devices: u64) -> Told {
        let campaign = self.campaign("c", 0..devices).await;
        self.run(&campaign).await
    }

    /// Runs a campaign to an end.
    async fn run(&self, campaign: &Campaign) -> Told {
        let (_stop, stopped) = watch::channel(StopLevel::Run);
        self.run_until(campaign, stopped).await
    }

    async fn run_until(&self, campaign: &Campaign, stop: watch::Receiver<StopLevel>) -> Told {
        let (ran, notes) = self.try_run(campaign, stop).await;
        Told { ran: ran.unwrap(), notes }
    }

    /// Runs a campaign on a store that may fail.
    async fn try_run(
        &self,
        campaign: &Campaign,
        stop: watch::Receiver<StopLevel>,
    ) -> (fleetsweep::store::Result<Ran>, Vec<Note>) {
        let (events, mut watcher) = mpsc::channel(10_000);
        let run = engine::run(
            self.store.clone(),
            self.server.clone(),
            campaign.clone(),
            self.settings.clone(),
            stop,
            events,
        );
        let ran = tokio::time::timeout(STUCK, run).await.expect("the campaign is stuck");
        let mut notes = Vec::new();
        while let Ok(event) = watcher.try_recv() {
            if let Event::Note(note) = event {
                notes.push(note);
            }
        }
        (ran, notes)
    }

    /// Goes on with a stopped campaign until it is finished.
    async fn resume(&self, name: &str) -> Told {
        let campaign = self.find(name).await;
        let told = self.run(&campaign).await;
        assert_eq!(told.ran.ending, Ending::Finished);
        told
    }

    async fn rows(&self, name: &str) -> Vec<Row> {
        let campaign = self.find(name).await;
        self.store.rows(campaign.id, 0, usize::MAX).await.unwrap()
    }

    /// Outcomes by their names, without those that nobody has.
    async fn outcomes(&self) -> BTreeMap<&'static str, u64> {
        self.tally().await.by_name().into_iter().filter(|(_, rows)| *rows > 0).collect()
    }

    fn calls(&self) -> usize {
        self.server.ledger(|ledger| ledger.sent.len())
    }

    fn asks_of(&self, n: u64) -> usize {
        self.server.ledger(|ledger| ledger.asks_of(device(n)))
    }

    /// When each scan call left, since the beginning.
    fn sent(&self) -> Vec<Duration> {
        let sent = self.server.ledger(|ledger| ledger.sent.clone());
        sent.into_iter().map(|at| Duration::from_micros(at as u64)).collect()
    }

    /// When the list was asked.
    fn listed(&self) -> Vec<Duration> {
        let at = self.server.ledger(|ledger| ledger.list_calls.clone());
        at.into_iter().map(|at| Duration::from_micros(at as u64)).collect()
    }

    /// What must hold of every world at any time: no double, both limits, no busy loop.
    fn assert_sound(&self) {
        self.server.ledger(|ledger| {
            assert_eq!(ledger.accepted_twice(), 0, "a device was ordered twice");
            assert!(most_in_any_window(&ledger.arrivals, MINUTE) <= 100);
            assert!(most_in_any_window(&ledger.arrivals, HOUR) <= 1500);
        });
        let busiest = self.store.busiest_minute();
        assert!(busiest < 1_500, "{busiest} questions to the store in a minute");
    }
}

impl<S: Beneath> World<S> {
    async fn find(&self, name: &str) -> Campaign {
        let name: CampaignName = name.parse().unwrap();
        self.store.named(&name).await.unwrap().remove(0)
    }

    async fn tally(&self) -> Tally {
        let campaign = self.find("c").await;
        self.store.tally(campaign.id).await.unwrap()
    }
}

/// What a run keeps to that was asked for nothing.
pub(crate) fn at_the_apis_limits() -> Settings {
    let quotas = api_quotas();
    Settings {
        concurrency: 16,
        pace: PaceKind::Fast.pace(&quotas),
        quotas,
        timing: Timing::default(),
        until: None,
        hours: None,
        progress_every: Duration::ZERO,
    }
}

fn accepted(row: &Row) -> bool {
    row.life.state == State::Done(Outcome::Accepted)
}

fn stopped_by_safety(told: &Told) -> bool {
    matches!(told.ran.ending, Ending::Stopped(Stop::Safety(_)))
}

fn stopped_by_repeats(told: &Told) -> bool {
    matches!(told.ran.ending, Ending::Stopped(Stop::Repeats(_)))
}

fn stopped_by_sign_in(told: &Told) -> bool {
    matches!(told.ran.ending, Ending::Stopped(Stop::SignIn(_)))
}

/// A rule that fails this device's first call.
fn first_of(device: u64, act: Act) -> impl Fn(Ask) -> Act + Send + Sync {
    move |ask| if ask.device == device && ask.nth == 1 { act.clone() } else { Act::Serve }
}

fn row_of(rows: &[Row], id: DeviceId) -> &Row {
    rows.iter().find(|row| row.device == Some(id)).unwrap()
}
