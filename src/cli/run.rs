//! Running an open campaign: signals, progress, reports, and the summary at the end. What is
//! ordered and when is the engine's.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

use super::failure::Failure;
use super::reports::Reports;
use super::say;
use super::settings::Speed;
use super::view::View;
use crate::clock::{Clock, wall_clock};
use crate::defender::ScanApi;

use crate::engine::{self, Ran, Settings, StopLevel};
use crate::report::human;
use crate::report::summary::Summary;
use crate::report::totals::Totals;
use crate::store::{Campaign, Store};

/// Events that may wait for the watcher; it misses some rather than hold the campaign up.
const EVENTS: usize = 256;

/// What a run needs beside its campaign.
pub(super) struct Run<S, A> {
    /// The store.
    pub store: Arc<S>,
    /// The client.
    pub api: Arc<A>,
    /// Limits, pace and times.
    pub speed: Speed,
    /// Where reports go.
    pub reports: Reports,
    /// The command that goes on with the campaign, if anything can.
    pub resume: Option<String>,
    /// Summary as JSON.
    pub json: bool,
}

impl<S: Store, A: ScanApi> Run<S, A> {
    /// Runs the campaign, and returns the exit code.
    ///
    /// # Errors
    /// `Failure` if the store fails or a report cannot be written.
    pub(super) async fn run(self, campaign: Campaign) -> Result<u8, Failure> {
        self.tell_in_flight(&campaign).await?;
        let started = self.store.clock().now();
        let before = self.store.calls(campaign.id).await?;
        let ran = self.watch(&campaign).await;
        let ran = match ran {
            Ok(ran) => ran,
            Err(failure) => return Err(self.stopped_by_store(&campaign, failure).await),
        };
        let took = self.store.clock().now().since(started);
        let campaign = self.store.find(&campaign.name).await?.unwrap_or(campaign);
        let totals = self.reports.write(&*self.store, &campaign).await?;
        self.summarise(&campaign, &ran, totals, before, took).await
    }

    /// Calls that another runner has in flight, or left behind when it went: how long their answers
    /// are waited for before the list of actions is asked.
    async fn tell_in_flight(&self, campaign: &Campaign) -> Result<(), Failure> {
        let claimed = self.store.tally(campaign.id).await?.claimed;
        let Some(until) = self.store.in_flight_until(campaign.id).await? else { return Ok(()) };
        let left = until.since(self.store.clock().now());
        say::note(&human::in_flight(claimed, left, self.store.clock().utc()));
        Ok(())
    }

    async fn watch(&self, campaign: &Campaign) -> Result<Ran, Failure> {
        let (to_engine, stop) = watch::channel(StopLevel::Run);
        let (to_view, mut events) = mpsc::channel(EVENTS);
        let mut view = View::new();
        let settings = self.settings(view.every());
        let engine = engine::run(
            self.store.clone(),
            self.api.clone(),
            campaign.clone(),
            settings,
            stop,
            to_view,
        );
        // A task of its own, so that writing a report does not hold the orders up.
        let mut engine = tokio::spawn(engine);
        let mut signals = Signals::new()?;
        let mut next_report = tokio::time::interval(self.speed.timing.report_every);
        next_report.reset();
        loop {
            tokio::select! {
                biased;
                () = signals.recv() => {
                    to_engine.send_modify(|level| *level = raised(*level));
                    view.stopping(*to_engine.borrow(), self.resume.as_deref());
                }
                ran = &mut engine => {
                    while let Ok(event) = events.try_recv() {
                        view.show(&event);
                    }
                    view.end();
                    let ran = ran.map_err(|error| panicked(&error))?;
                    return ran.map_err(Failure::from);
                }
                Some(event) = events.recv() => view.show(&event),
                _ = next_report.tick() => self.write_meanwhile(campaign, &mut view).await,
            }
        }
    }

    /// A report that cannot be written now is told, and tried again; the campaign goes on.
    async fn write_meanwhile(&self, campaign: &Campaign, view: &mut View) {
        if let Err(failure) = self.reports.write(&*self.store, campaign).await {
            view.warn(&format!("the report could not be written: {}", failure.why));
        }
    }

    fn settings(&self, progress_every: Duration) -> Settings {
        let now = self.store.clock().now();
        Settings {
            concurrency: self.speed.concurrency,
            quotas: self.speed.quotas.clone(),
            pace: self.speed.pace,
            gate: true,
            timing: self.speed.timing,
            until: self.speed.stops_in(wall_clock()).map(|left| now.plus(left)),
            progress_every,
        }
    }

    async fn summarise(
        &self,
        campaign: &Campaign,
        ran: &Ran,
        totals: Totals,
        calls_before: u64,
        took: Duration,
    ) -> Result<u8, Failure> {
        let tally = self.store.tally(campaign.id).await?;
        let exit_code = ran.ending.exit_code(tally.needs_attention());
        let calls = self.store.calls(campaign.id).await?.saturating_sub(calls_before);
        let summary = Summary {
            head: super::reports::head(campaign),
            ending: ran.ending.clone(),
            tally,
            groups: totals.groups(),
            actions: totals.actions(),
            calls,
            throttled: ran.throttled,
            duration: took,
            resume: self.resume.clone(),
            reports: self.reports.paths(),
            exit_code,
        };
        say::note(&summary.text());
        if self.json {
            say::data(&summary.json())?;
        }
        Ok(exit_code)
    }

    /// The store failed: what can still be read is told, and nothing more is sent.
    async fn stopped_by_store(&self, campaign: &Campaign, failure: Failure) -> Failure {
        let done = self.store.tally(campaign.id).await.ok();
        failure.of_campaign(&campaign.name, done.as_ref(), self.resume.as_deref())
    }
}

fn raised(level: StopLevel) -> StopLevel {
    match level {
        StopLevel::Run => StopLevel::Soft,
        StopLevel::Soft | StopLevel::Now => StopLevel::Now,
    }
}

fn panicked(error: &tokio::task::JoinError) -> Failure {
    Failure::new(
        1,
        "the program failed inside",
        error.to_string(),
        "run `fleetsweep resume`, and report this as a defect",
    )
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// The terminal went away, as when a remote session breaks.
    hangup: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                let next = "report this as a defect";
                Failure::new(1, "signals cannot be received", error.to_string(), next)
            })
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn recv(&mut self) {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
