//! The loop: one owner of all state, tasks that call, and one place that waits. It decides when a
//! call is begun, and leaves what it is for to the work.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};

use super::call::{Called, Caller, Unclaimed, call};
use super::counts::Counts;
use super::flow::Flow;
use super::work::{FlowOf, Work};
use crate::clock::Clock;
use crate::domain::event::Event;
use crate::domain::forecast::CallRate;
use crate::domain::{Stamp, Stop};
use crate::engine::stop::StopLevel;
use crate::store::{Result, Store, StoreError};

/// Some work, and the flow of its calls.
pub(crate) struct Pump<W: Work> {
    /// What calls are made for.
    pub(crate) work: W,
    /// How they flow.
    pub(crate) flow: FlowOf<W>,
    tasks: JoinSet<Result<Called<W::Caller>>>,
    stop: watch::Receiver<StopLevel>,
    watching: Watching<W::Progress>,
    next_progress: Stamp,
}

/// Who watches, and how often.
pub(crate) struct Watching<P> {
    /// Where to tell.
    pub(crate) events: mpsc::Sender<Event<P>>,
    /// Time between two snapshots; zero for none.
    pub(crate) progress_every: Duration,
}

impl<W: Work> Pump<W> {
    /// A loop that has not begun.
    pub(crate) fn new(
        work: W,
        rate: CallRate,
        counts: Arc<Counts>,
        stop: watch::Receiver<StopLevel>,
        watching: Watching<W::Progress>,
    ) -> Self {
        let now = work.caller().store().clock().now();
        let flow = Flow::new::<W::Caller>(rate, counts, watching.events.clone(), now);
        Self { work, flow, tasks: JoinSet::new(), stop, watching, next_progress: now }
    }

    /// Makes calls until the work is over, or until something stops it.
    ///
    /// # Errors
    /// `StoreError` if the store fails: nothing is sent that is not in it.
    pub(crate) async fn run(&mut self) -> Result<()> {
        let ran = self.turns().await;
        self.tasks.shutdown().await;
        self.work.asides().shutdown().await;
        ran
    }

    async fn turns(&mut self) -> Result<()> {
        let (caller, counts) = (self.work.caller().clone(), self.flow.counts.clone());
        loop {
            self.check_stop();
            if self.flow.stop == Some(Stop::SecondSignal) {
                return self.work.leave(&self.flow).await;
            }
            self.tick().await?;
            // A store that was waited for can have taken long.
            self.check_stop();
            self.call().await?;
            self.look_at_clock();
            if self.flow.in_flight == 0 && self.work.is_over(&mut self.flow).await? {
                return self.progress().await;
            }
            let wake = self.wake();
            tokio::select! {
                biased;
                Ok(()) = self.stop.changed() => {}
                Some(done) = self.tasks.join_next() => self.called(done)?,
                Some(done) = self.work.asides().join_next() => self.aside_ended(done).await?,
                () = counts.claim_ended.notified() => {}
                () = caller.store().clock().sleep_until(wake) => {}
            }
        }
    }

    fn look_at_clock(&mut self) {
        self.flow.now = self.work.caller().store().clock().now();
    }

    fn check_stop(&mut self) {
        self.look_at_clock();
        let level = *self.stop.borrow_and_update();
        self.work.check_stop(&mut self.flow, level);
        match level {
            StopLevel::Run => {}
            StopLevel::Soft => self.flow.halt(Stop::Signal),
            StopLevel::Now => self.flow.stop = Some(Stop::SecondSignal),
        }
        if self.flow.stop.is_some() {
            self.work.stopped();
        }
    }

    /// What happens every few seconds.
    async fn tick(&mut self) -> Result<()> {
        let (now, every) = (self.flow.now, self.watching.progress_every);
        if !every.is_zero() && self.next_progress <= now {
            // With the looks of all runs, so that the process wakes up once for both.
            let beat = every.min(self.flow.rate.timing.poll);
            self.next_progress = now.plus(every).minus(beat).next_beat(beat);
            self.progress().await?;
        }
        if self.flow.next_tick > now || self.flow.stop.is_some() {
            return Ok(());
        }
        self.flow.next_tick = now.next_beat(self.flow.rate.timing.poll);
        self.work.tick(&mut self.flow).await
    }

    /// Begins as many calls as work, gate and concurrency allow now.
    async fn call(&mut self) -> Result<()> {
        loop {
            self.look_at_clock();
            let flow = &mut self.flow;
            if !flow.may_call() || !self.work.is_due(flow).await? || !flow.passes_gate() {
                return Ok(());
            }
            let Some(item) = self.work.take(flow) else { return Ok(()) };
            flow.counts.claiming.fetch_add(1, Ordering::SeqCst);
            flow.in_flight += 1;
            flow.moved_at = flow.now;
            let (caller, counts) = (self.work.caller().clone(), flow.counts.clone());
            self.tasks.spawn(call(caller, counts, flow.rate.timing, item));
        }
    }

    fn called(
        &mut self,
        done: std::result::Result<Result<Called<W::Caller>>, JoinError>,
    ) -> Result<()> {
        let Some(called) = unless_aborted(done)? else { return Ok(()) };
        self.look_at_clock();
        self.flow.in_flight -= 1;
        if !matches!(called, Called::Unclaimed(_, Unclaimed::NotYet(_))) {
            self.flow.moved_at = self.flow.now;
        }
        match called {
            Called::Unclaimed(item, why) => {
                self.flow.unclaimed(&why);
                self.work.unclaimed(item, why, &mut self.flow);
            }
            Called::Done(done) => {
                self.flow.answered(&done.answer);
                self.work.judge(*done, &mut self.flow);
            }
        }
        Ok(())
    }

    async fn aside_ended(
        &mut self,
        done: std::result::Result<Result<W::Aside>, JoinError>,
    ) -> Result<()> {
        self.look_at_clock();
        match unless_aborted(done)? {
            Some(aside) => self.work.aside_ended(aside, &mut self.flow).await,
            None => Ok(()),
        }
    }

    fn wake(&self) -> Stamp {
        let flow = &self.flow;
        let mut wake = flow.next_tick;
        if flow.stop.is_some() {
            wake = flow.now.plus(flow.rate.timing.poll);
        } else if let Some(due) = self.work.due_at(flow.now)
            && flow.has_room()
        {
            wake = wake.min(due.max(flow.next_call));
        }
        if !self.watching.progress_every.is_zero() {
            wake = wake.min(self.next_progress);
        }
        self.work.wake_by(flow).map_or(wake, |by| wake.min(by))
    }

    async fn progress(&mut self) -> Result<()> {
        if !self.watching.progress_every.is_zero() {
            let progress = self.work.progress(&self.flow).await?;
            self.flow.tell(Event::Progress(Box::new(progress)));
        }
        Ok(())
    }
}

/// What a task came back with; `None` if it was aborted.
fn unless_aborted<T>(done: std::result::Result<Result<T>, JoinError>) -> Result<Option<T>> {
    match done {
        Ok(done) => done.map(Some),
        Err(error) if error.is_cancelled() => Ok(None),
        Err(error) => Err(StoreError::Broken(format!("a task panicked: {error}"))),
    }
}
