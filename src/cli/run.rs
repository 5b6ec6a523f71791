//! Running an open campaign: signals, progress, reports, and the summary at the end. What is
//! ordered and when is the engine's.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};

use super::expire::{Expiring, Left};
use super::failure::Failure;
use super::finish;
use super::follow::{self, Watch};
use super::hours;
use super::reports::Reports;
use super::say;
use super::settings::Speed;
use super::stopping::{Heard, Stopping};
use super::view::View;
use crate::clock::{Clock, wall_clock};
use crate::defender::CancelApi;
use crate::domain::{Ending, LastRun, RunEnd, Stop};
use crate::engine::{self, Ran, Settings, StopLevel};
use crate::report::human;
use crate::report::summary::{Summary, stop_text};
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
    /// In a series, how many devices the plan saw ordered before its time is over, if not all.
    pub foreseen: Option<u64>,
    /// Summary as JSON.
    pub json: bool,
    /// The command that is run when the reports are written.
    pub on_finish: Option<String>,
    /// How the ordered scans are followed after the last order, if they are.
    pub follow: Option<Watch>,
}

impl<S: Store, A: CancelApi> Run<S, A> {
    /// Runs the campaign, and returns the exit code.
    ///
    /// # Errors
    /// `Failure` if the store fails or a report cannot be written.
    pub(super) async fn run(self, campaign: Campaign) -> Result<u8, Failure> {
        self.expiring(wall_clock()).check_rights().await?;
        if let Some(priority) = self.speed.new_priority {
            self.store.set_priority(campaign.id, priority).await?;
        }
        self.tell_in_flight(&campaign).await?;
        if let Some(text) = hours::waits(self.speed.hours.as_ref(), wall_clock()) {
            say::note(&text);
        }
        let (started, began_at) = (self.store.clock().now(), self.store.clock().utc());
        let begun = self.last_run(began_at, None);
        if let Err(error) = self.store.note_run(campaign.id, begun).await {
            return Err(self.stopped_by_store(&campaign, began_at, error.into()).await);
        }
        let before = self.store.calls(campaign.id).await?;
        let mut stopping = Stopping::new()?;
        let expiring = self.expiring(began_at);
        let ran = match self.watch(&campaign, began_at, &mut stopping).await {
            Ok(ran) => ran,
            Err(failure) => return Err(self.stopped_by_store(&campaign, began_at, failure).await),
        };
        let took = self.store.clock().now().since(started);
        let campaign = self.store.find(&campaign.name).await?.unwrap_or(campaign);
        if self.speed.expire_pending {
            // What was ordered is told before a wait that can take hours.
            self.reports.write(&*self.store, &campaign).await.ok();
        }
        let left = expiring.expire(&campaign, &ran.ending, &mut stopping).await;
        let mut written = self.report(&ran.ending, &campaign, &mut stopping).await;
        if let Some(watch) = self.follow.filter(|_| written.is_ok() && is_over(&ran.ending)) {
            let Self { store, api, speed, json, .. } = &self;
            let stopping = &mut stopping;
            follow::after_run(watch, &**store, &**api, &campaign, speed, stopping, *json).await;
            written = self.report(&ran.ending, &campaign, stopping).await;
        }
        let summary = self.summarise(&campaign, &ran, &written, (before, left), took).await?;
        let exit_code = summary.exit_code;
        let (at, why) = (self.store.clock().utc(), ending_text(&ran.ending));
        let ended = RunEnd { at, why, exit_code, resume: self.resume.clone() };
        self.store.note_run(campaign.id, self.last_run(began_at, Some(ended))).await?;
        // Who left at once does not wait for a command either.
        let command = self.on_finish.as_ref().filter(|_| exit_code != 130);
        if let Some(command) = command {
            finish::run(command, &summary.json(), &mut stopping).await;
        }
        written.map(|_| exit_code)
    }

    /// Writes the reports, and looks once before it how far the ordered scans are, unless they are
    /// followed in any case.
    async fn report(
        &self,
        ending: &Ending,
        campaign: &Campaign,
        stopping: &mut Stopping,
    ) -> Result<Totals, Failure> {
        let work = async {
            if is_reachable(ending) && self.follow.is_none() {
                follow::once(&*self.store, &*self.api, campaign, &self.speed).await;
            }
            self.reports.write(&*self.store, campaign).await
        };
        match stopping.unless_left(work).await {
            Some(written) => written,
            None => Err(left_before_the_report(campaign)),
        }
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

    async fn watch(
        &self,
        campaign: &Campaign,
        began_at: Timestamp,
        stopping: &mut Stopping,
    ) -> Result<Ran, Failure> {
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
        // Tasks of their own, so that neither holds up the orders nor the signals.
        let mut engine = tokio::spawn(engine);
        let mut report = JoinSet::new();
        let mut next_report = tokio::time::interval(self.speed.timing.report_every);
        next_report.reset();
        loop {
            tokio::select! {
                biased;
                heard = stopping.heard() => match heard {
                    Heard::Level(level) => {
                        to_engine.send_replace(level);
                        view.stopping(level, self.resume.as_deref());
                    }
                    Heard::Overdue => {
                        // The store holds the engine up; what was sent is looked up later.
                        engine.abort();
                        view.end();
                        return Ok(Ran::left());
                    }
                },
                ran = &mut engine => {
                    while let Ok(event) = events.try_recv() {
                        view.show(&event);
                    }
                    view.end();
                    let ran = ran.map_err(|error| panicked(&error))?;
                    return ran.map_err(Failure::from);
                }
                Some(event) = events.recv() => view.show(&event),
                Some(done) = report.join_next() => self.told_meanwhile(done, &mut view),
                _ = next_report.tick(), if report.is_empty() => {
                    let (reports, store) = (self.reports.clone(), self.store.clone());
                    let campaign = campaign.clone();
                    let alive = self.last_run(began_at, None);
                    report.spawn(async move {
                        // Another process can see that somebody works on it.
                        store.note_run(campaign.id, alive).await?;
                        reports.write(&*store, &campaign).await
                    });
                }
            }
        }
    }

    /// A report that cannot be written now is told, and tried again; the campaign goes on.
    fn told_meanwhile(&self, done: Result<Result<Totals, Failure>, JoinError>, view: &mut View) {
        match done {
            Ok(Err(failure)) => {
                view.warn(&format!("the report could not be written: {}", failure.why));
            }
            Err(error) => view.warn(&format!("the report could not be written: {error}")),
            Ok(Ok(_)) => {}
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
            hours: self.speed.hours.clone(),
            progress_every,
        }
    }

    /// Tells how the run ended, also where its report could not be written.
    async fn summarise(
        &self,
        campaign: &Campaign,
        ran: &Ran,
        written: &Result<Totals, Failure>,
        (calls_before, left): (u64, Left),
        took: Duration,
    ) -> Result<Summary, Failure> {
        let tally = self.store.tally(campaign.id).await?;
        let calls = self.store.calls(campaign.id).await?.saturating_sub(calls_before);
        let planned = self.is_as_planned(&ran.ending, calls);
        // Without following, how scans end is nothing that a run waits for, or answers for.
        let ended_badly = |totals: &Totals| match self.follow {
            Some(_) => totals.ended_badly(),
            None => 0,
        };
        let (totals, reports, exit_code, ended_badly) = match written {
            Ok(totals) => {
                let bad = ended_badly(totals);
                let ending = if planned { &Ending::Finished } else { &ran.ending };
                let exit_code = ending.exit_code(tally.needs_attention() || bad > 0);
                let exit_code = match left {
                    Some(code) if *ending == Ending::Finished || code == 130 => code,
                    _ => exit_code,
                };
                (totals.clone(), self.reports.paths(), exit_code, bad)
            }
            Err(failure) => (Totals::default(), Vec::new(), failure.code, 0),
        };
        let summary = Summary {
            head: super::reports::head(campaign),
            ending: ran.ending.clone(),
            planned,
            tally,
            groups: totals.groups(),
            actions: totals.actions(),
            ended_badly,
            calls,
            throttled: ran.throttled,
            duration: took,
            resume: self.resume.clone(),
            reports,
            exit_code,
        };
        say::note(&summary.text());
        if self.json {
            say::data(&summary.json())?;
        }
        Ok(summary)
    }

    /// Whether a series stopped when its time was over, having done what the plan saw; the forecast
    /// knows the answers' time only roughly.
    fn is_as_planned(&self, ending: &Ending, calls: u64) -> bool {
        let over = matches!(ending, Ending::Stopped(Stop::Window | Stop::Time));
        let enough = |foreseen| calls.saturating_mul(100) >= foreseen * 95;
        over && self.foreseen.is_some_and(enough)
    }

    fn expiring(&self, began_at: Timestamp) -> Expiring<'_, S, A> {
        let Self { store, api, speed, json, .. } = self;
        Expiring { store, api, speed, began_at, json: *json }
    }

    fn last_run(&self, began_at: Timestamp, ended: Option<RunEnd>) -> LastRun {
        let seen_at = Some(wall_clock());
        LastRun { began_at, ended, seen_at, reports: self.reports.places() }
    }

    /// The store failed: what can still be read is told, and nothing more is sent.
    async fn stopped_by_store(
        &self,
        campaign: &Campaign,
        began_at: Timestamp,
        failure: Failure,
    ) -> Failure {
        let done = self.store.tally(campaign.id).await.ok();
        let failure = failure.of_campaign(&campaign.name, done.as_ref(), self.resume.as_deref());
        let (at, why) = (self.store.clock().utc(), format!("{}: {}", failure.what, failure.why));
        let ended = RunEnd { at, why, exit_code: failure.code, resume: self.resume.clone() };
        let run = self.last_run(began_at, Some(ended));
        // A store that failed may not take this either; `status` then tells no end of the run.
        self.store.note_run(campaign.id, run).await.ok();
        failure
    }
}

fn left_before_the_report(campaign: &Campaign) -> Failure {
    Failure::new(
        130,
        "left before the report was whole",
        "a second signal came while it was written",
        format!("run `fleetsweep report {}` to write it", campaign.name),
    )
}

/// Whether it makes sense to ask the API something more.
fn is_reachable(ending: &Ending) -> bool {
    !matches!(
        ending,
        Ending::Stopped(
            Stop::SecondSignal | Stop::Unreachable(_) | Stop::NeverReached(_) | Stop::SignIn(_)
        )
    )
}

/// Whether no order is to come: all are given, or time and window ended them. After a signal or a
/// failure nobody waits for scans.
fn is_over(ending: &Ending) -> bool {
    matches!(ending, Ending::Finished | Ending::Stopped(Stop::Time | Stop::Window))
}

fn ending_text(ending: &Ending) -> String {
    match ending {
        Ending::Finished => "every row has its outcome".to_owned(),
        Ending::Stopped(stop) => stop_text(stop),
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
