//! Running an open campaign: signals, progress, reports, and the summary at the end. What is
//! ordered and when is the engine's.

mod alive;
pub(in crate::ops) mod begin;
mod ends;
mod expire;
mod in_vain;
mod over;
pub(in crate::ops) mod patience;
pub mod reports;
mod story;
mod summing_up;
mod telling;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::task::{JoinError, JoinSet};

use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::follow::{Following, Watch};
use crate::ops::happenings::note;
use crate::ops::hours::{opens_next, waits};
use crate::ops::limits::Speed;
use crate::ops::stop::{Heard, Stopping};
use crate::ops::ui::Progress;
use alive::SignOfLife;
use begin::{begun_here, random_id};
use ends::{coverage, is_over, is_reachable, left_before_the_report, panicked};
use expire::Expiring;
use over::{Ended, KeptEnd, Over};
use patience::Patience;
use reports::{Reports, Shows};
use story::Story;
use telling::{Telling, Told};

use crate::clock::{Clock, wall_clock};
use crate::defender::CancelApi;
use crate::domain::event::Event;
use crate::domain::{Campaign, Caught, Ending, Exit, Happened, LastRun, RunEnd, SeriesName, Stop};
use crate::engine::{self, QuietStore, Ran, Settings};
use crate::report::summary::Summary;
use crate::report::totals::Totals;
use crate::report::{Document, human};
use crate::store::Store;

/// Events that may wait for the watcher; it misses some rather than hold the campaign up.
const EVENTS: usize = 256;

/// What a run needs beside its campaign.
pub(crate) struct Run<'a, S, A> {
    /// What surrounds it.
    pub cx: &'a Context<'a>,
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
    /// It is a run of a series.
    pub series: bool,
    /// The command that is run when the reports are written.
    pub on_finish: Option<String>,
    /// The command that is run at each event that is worth a message.
    pub on_event: Option<String>,
    /// How the ordered scans are followed after the last order, if they are.
    pub follow: Option<Watch>,
    /// A worker runs it, and another one goes on where that can be done without asking anybody.
    pub worker: bool,
    /// What it shares with other runs of its process; `None` if it is the only one.
    pub beside: Option<Beside<S>>,
}

/// What a run shares with the other runs of its process.
pub(crate) struct Beside<S> {
    /// What all engines ask through.
    pub store: Arc<QuietStore<S>>,
    /// Its turn among those that begin, which it gives back when its engine is at work.
    pub turn: Mutex<Option<OwnedSemaphorePermit>>,
}

impl<S: Store, A: CancelApi> Run<'_, S, A> {
    /// Runs the campaign, and returns the exit code.
    ///
    /// # Errors
    /// `Failure` if the store fails or a report cannot be written.
    pub(crate) async fn run(self, campaign: Campaign) -> Result<Exit, Failure> {
        let mut stopping = self.cx.stop.listen()?;
        let began_at = self.store.clock().utc();
        let begun = begun_here(self.cx, &*self.store, began_at)?;
        let quiet = match &self.beside {
            Some(beside) => beside.store.clone(),
            None => QuietStore::new(self.store.clone(), random_id()?, self.speed.timing),
        };
        let process = quiet.process().to_owned();
        let run = LastRun { reports: self.reports.places(), process, ..begun };
        let note_run = || self.store.note_run(campaign.id, run.clone());
        if let Err(error) = self.patience().ask(&mut stopping, note_run).await {
            let failure = self.of_store(&campaign, error.into()).await;
            return Err(Box::pin(self.failed(&campaign, run, failure)).await);
        }
        note(self.cx, &*self.store, campaign.id, Happened::RunBegun).await;
        self.reports.write_metrics(&*self.store).await;
        let (store, timing) = (self.store.clone(), &self.speed.timing);
        let alive = SignOfLife::begin(store, campaign.id, run.clone(), timing);
        let mut telling = Telling::begin(self.cx, &self.told(&campaign, &run));
        if !telling.is_silent() {
            let opens = opens_next(self.speed.hours.as_ref(), wall_clock());
            telling.began(self.store.tally(campaign.id).await.ok(), opens.as_ref());
        }
        let here = Here { run: &run, alive: &alive, quiet: &quiet };
        let over = self.to_its_end(&campaign, here, &mut telling, &mut stopping).await;
        // What ended says so last.
        drop(alive);
        Box::pin(self.close(&campaign, run, over, telling, stopping)).await
    }

    /// Says in the store and in messages how the run ended; the exit code.
    async fn close(
        &self,
        campaign: &Campaign,
        run: LastRun,
        over: Result<Over, Failure>,
        telling: Telling,
        mut stopping: Stopping<'_>,
    ) -> Result<Exit, Failure> {
        let Over { summary, why, exit, for_workers } = match over {
            Ok(over) => over,
            Err(failure) => {
                let failure = self.failed(campaign, run, failure).await;
                stopping.unless_left(self.cx.ui, telling.failed(&failure)).await;
                return Err(failure);
            }
        };
        let end = KeptEnd { why, before: summary.before(), exit: summary.exit, for_workers };
        let run = match summary.exit {
            Exit::LeftAtOnce => run,
            _ if !self.series => run,
            _ => {
                let coverage = stopping.unless_stopped(coverage(&*self.store, campaign)).await;
                LastRun { coverage: coverage.flatten(), ..run }
            }
        };
        let noted = match summary.exit {
            // Who leaves at once waits for nothing.
            Exit::LeftAtOnce => self.note_end(campaign, run, end, None).await,
            _ => self.note_end(campaign, run, end, Some(&mut stopping)).await,
        };
        self.reports.write_metrics(&*self.store).await;
        // Who left at once does not wait for a command either.
        if summary.exit != Exit::LeftAtOnce {
            // A night is planned to its end, where no plan said how far it comes.
            let has_plan = self.series || self.foreseen.is_some();
            let told = telling.ended(&summary, has_plan);
            stopping.unless_left(self.cx.ui, told).await;
            if let Some(command) = &self.on_finish {
                self.hook(command, &summary, &mut stopping).await;
            }
        }
        exit.and_then(|exit| noted.map(|()| exit))
    }

    fn told<'a>(&'a self, campaign: &'a Campaign, run: &'a LastRun) -> Told<'a> {
        let (resume, on_event) = (self.resume.as_deref(), self.on_event.as_deref());
        Told { campaign, run, resume, on_event, time_scale: self.speed.time_scale }
    }

    async fn hook(&self, command: &str, summary: &Summary, stopping: &mut Stopping<'_>) {
        let (hooks, signal) = (self.cx.ui.hooks(), std::pin::pin!(stopping.signal()));
        if let Err(why) = hooks.run(command, &summary.json(), signal).await {
            self.cx.say(&format!(
                "Warning: the command of --on-finish {why}; the exit code stays as it is."
            ));
        }
    }

    /// All that is done between the two words about it in the store.
    async fn to_its_end(
        &self,
        campaign: &Campaign,
        here: Here<'_, S>,
        telling: &mut Telling,
        stopping: &mut Stopping<'_>,
    ) -> Result<Over, Failure> {
        let Self { cx, api, speed, .. } = self;
        let (patience, Here { run, alive, .. }) = (self.patience(), here);
        let store = &patience.store();
        let expiring = Expiring { cx, store, api, speed, began_at: run.began_at };
        // What is done before and after is not to take room while a thousand campaigns wait.
        let rights = Box::pin(expiring.check_rights());
        if let Some(rights) = stopping.unless_stopped(rights).await {
            rights?;
        }
        if let Some(priority) = self.speed.new_priority {
            let set = || self.store.set_priority(campaign.id, priority);
            patience.ask(stopping, set).await?;
        }
        self.tell_in_flight(campaign, stopping).await?;
        if let Some(text) = waits(self.speed.hours.as_ref(), wall_clock()) {
            self.cx.say(&text);
            let again = SeriesName::of(&campaign.name).filter(|_| !self.series && !self.worker);
            if let Some(series) = again {
                self.cx.say(&format!(
                    "Note: while this run waits or works, no run of the series {series} begins; \
                     without it the next one goes on with what is left here."
                ));
            }
        }
        let started = self.store.clock().now();
        let before = patience.ask(stopping, || self.store.calls(campaign.id)).await?;
        let timing = &self.speed.timing;
        let mut story = Story::begin(self.store.clone(), campaign.id, run, timing, telling);
        let ran = match self.watch(campaign, here, &mut story, stopping).await {
            Ok(ran) => ran,
            Err(failure) => return Err(self.of_store(campaign, failure).await),
        };
        let in_vain = story.in_vain();
        if ran.ending != Ending::Stopped(Stop::SecondSignal) {
            story.end(&ran.ending).await;
        }
        alive.show_nothing();
        let took = self.store.clock().now().since(started);
        let there = patience.ask(stopping, || self.store.campaign(campaign.id)).await?;
        let campaign = &there.unwrap_or(campaign.clone());
        if self.speed.expire_pending {
            // What was ordered is told before a wait that can take hours.
            self.reports.write(&**store, campaign).await.ok();
        }
        let left = Box::pin(expiring.expire(campaign, &ran.ending, stopping)).await;
        let mut written = Box::pin(self.report(&ran.ending, campaign, stopping)).await;
        if let Some(watch) = self.follow
            && written.is_ok()
            && is_over(&ran.ending)
        {
            let following = Following { cx, store: &**store, api: &**api, speed, beside: false };
            Box::pin(following.after_run(watch, campaign, stopping)).await;
            written = Box::pin(self.report(&ran.ending, campaign, stopping)).await;
        }
        let caught = stopping.caught();
        let ended = Ended { ran, written, calls_before: before, took, in_vain, left, caught };
        Box::pin(self.summarise(campaign, run, ended, stopping)).await
    }

    /// Writes the reports, and looks once before it how far the ordered scans are, unless they are
    /// followed in any case.
    async fn report(
        &self,
        ending: &Ending,
        campaign: &Campaign,
        stopping: &mut Stopping<'_>,
    ) -> Result<Totals, Failure> {
        let store = self.patience().store();
        let work = async {
            if is_reachable(ending) && self.follow.is_none() {
                let Self { cx, api, speed, .. } = self;
                Following { cx, store: &*store, api: &**api, speed, beside: false }
                    .once(campaign)
                    .await;
            }
            self.reports.write_at_end(&*store, campaign, Some(ending)).await
        };
        match stopping.unless_left(self.cx.ui, work).await {
            Some(written) => written,
            None => Err(left_before_the_report(self.cx, campaign)),
        }
    }

    /// Calls that another runner has in flight, or left behind when it went: how long their answers
    /// are waited for before the list of actions is asked.
    async fn tell_in_flight(
        &self,
        campaign: &Campaign,
        stopping: &mut Stopping<'_>,
    ) -> Result<(), Failure> {
        let (store, patience) = (&self.store, self.patience());
        let claimed = patience.ask(stopping, || store.tally(campaign.id)).await?.claimed;
        if claimed == 0 {
            return Ok(());
        }
        let until = patience.ask(stopping, || store.in_flight_until(campaign.id)).await?;
        let Some(until) = until else { return Ok(()) };
        let left = until.since(self.store.clock().now());
        self.cx.ui.say(&human::in_flight(claimed, left, self.store.clock().utc()));
        Ok(())
    }

    async fn watch(
        &self,
        campaign: &Campaign,
        here: Here<'_, S>,
        story: &mut Story<'_, S>,
        stopping: &mut Stopping<'_>,
    ) -> Result<Ran, Failure> {
        let (to_engine, stop) = watch::channel(stopping.level());
        let (to_view, mut events) = mpsc::channel(EVENTS);
        let mut view = self.cx.ui.progress();
        if let Some(caught) = stopping.caught() {
            view.stopping(stopping.level(), caught, self.resume.as_deref());
        }
        let settings = self.settings(view.every());
        let _at_work = here.quiet.at_work(campaign);
        let engine = engine::run(
            here.quiet.clone(),
            self.api.clone(),
            campaign.clone(),
            settings,
            stop,
            to_view,
        );
        // Tasks of their own, so that neither holds up the orders nor the signals.
        let mut engine = tokio::spawn(engine);
        let (mut report, mut written) = (JoinSet::new(), None);
        let mut next_report = tokio::time::interval(self.speed.timing.report_every);
        next_report.reset();
        // Most runs of a worker have none, and what it would show is read all the same.
        let reports = self.reports.has_files();
        loop {
            tokio::select! {
                biased;
                heard = stopping.heard() => match heard {
                    Heard::Level(level) => {
                        to_engine.send_replace(level);
                        let caught = stopping.caught().unwrap_or(Caught::Interrupt);
                        view.stopping(level, caught, self.resume.as_deref());
                    }
                    Heard::Overdue => {
                        // The store holds the engine up; what was sent is looked up later.
                        engine.abort();
                        view.end();
                        return Ok(Ran::left());
                    }
                },
                ran = &mut engine => {
                    self.give_turn_back();
                    while let Ok(event) = events.try_recv() {
                        story.hear(&event);
                        view.show(&event);
                    }
                    view.end();
                    let ran = ran.map_err(|error| panicked(&error))?;
                    return ran.map_err(Failure::from);
                }
                Some(event) = events.recv() => {
                    self.give_turn_back();
                    if let Event::Progress(snapshot) = &event {
                        here.alive.show(snapshot);
                    }
                    story.hear(&event);
                    view.show(&event);
                }
                Some(done) = report.join_next() => {
                    written = self.told_meanwhile(done, &mut *view).or(written);
                }
                _ = next_report.tick(), if reports && report.is_empty() => {
                    report.spawn(self.report_meanwhile(campaign, written.clone()));
                }
            }
        }
    }

    /// Writes the reports while the campaign runs, if there is anything new in them.
    fn report_meanwhile(
        &self,
        campaign: &Campaign,
        before: Option<Shows>,
    ) -> impl Future<Output = Result<Shows, Failure>> + use<S, A> {
        let (reports, store) = (self.reports.clone(), self.patience().store());
        let campaign = campaign.clone();
        async move { reports.write_if_changed(&*store, &campaign, before).await }
    }

    /// What a report shows that was written. One that cannot be written now is told, and tried
    /// again; the campaign goes on.
    fn told_meanwhile(
        &self,
        done: Result<Result<Shows, Failure>, JoinError>,
        view: &mut dyn Progress,
    ) -> Option<Shows> {
        let why = match done {
            Ok(Ok(shows)) => return Some(shows),
            Ok(Err(failure)) => failure.why,
            Err(error) => error.to_string(),
        };
        view.warn(&format!("the report could not be written: {why}"));
        None
    }

    fn settings(&self, progress_every: Duration) -> Settings {
        let now = self.store.clock().now();
        Settings {
            concurrency: self.speed.concurrency,
            quotas: self.speed.quotas.clone(),
            pace: self.speed.pace,
            timing: self.speed.timing,
            until: self.speed.stops_in(wall_clock()).map(|left| now.plus(left)),
            hours: self.speed.hours.clone(),
            progress_every,
        }
    }

    fn patience(&self) -> Patience<'_, S> {
        Patience { ui: self.cx.ui, store: &self.store, timing: &self.speed.timing }
    }

    /// Lets another run begin, now that this one is at work.
    fn give_turn_back(&self) {
        if let Some(beside) = &self.beside {
            drop(beside.turn.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }

    /// The last word about this run in the store, which is waited for if there is time for that.
    async fn note_end(
        &self,
        campaign: &Campaign,
        run: LastRun,
        end: KeptEnd,
        stopping: Option<&mut Stopping<'_>>,
    ) -> Result<(), Failure> {
        let KeptEnd { why, before, exit, for_workers } = end;
        let at = self.store.clock().utc();
        let what = Happened::RunEnded { why: why.clone(), exit_code: exit.code() };
        let (exit_code, resume) = (exit.code(), self.resume.clone());
        let ended = Some(RunEnd { at, why, exit_code, before, resume, for_workers });
        let run = LastRun { ended, seen_at: Some(self.store.clock().shared_utc()), ..run };
        let note_run = || self.store.note_run(campaign.id, run.clone());
        match stopping {
            Some(stopping) => self.patience().ask(stopping, note_run).await?,
            None => note_run().await?,
        }
        note(self.cx, &*self.store, campaign.id, what).await;
        Ok(())
    }

    /// Tells the end of a run that failed, where the store still takes it.
    async fn failed(&self, campaign: &Campaign, run: LastRun, failure: Failure) -> Failure {
        let why = format!("{}: {}", failure.what, failure.why);
        let (before, for_workers) = (None, self.worker);
        let end = KeptEnd { why, before, exit: failure.kind, for_workers };
        self.note_end(campaign, run, end, None).await.ok();
        failure
    }

    /// The store failed: what can still be read is told, and nothing more is sent.
    async fn of_store(&self, campaign: &Campaign, failure: Failure) -> Failure {
        let done = self.store.tally(campaign.id).await.ok();
        failure.of_campaign(&campaign.name, done.as_ref(), self.resume.as_deref())
    }
}

/// A run that is at work here.
struct Here<'a, S: Store> {
    run: &'a LastRun,
    alive: &'a SignOfLife,
    /// What its engine asks through.
    quiet: &'a Arc<QuietStore<S>>,
}

impl<S: Store> Clone for Here<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Store> Copy for Here<'_, S> {}
