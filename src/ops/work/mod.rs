//! `work`: one process that runs whatever campaigns are open, of all tenants that it can sign in
//! to: those that were handed over, and those whose process or host died. Which those are is
//! `Campaign::may_be_taken`'s to say; how one is run is `run`'s. Claims need no lease, so two
//! workers on one campaign are safe, and only wasteful.

mod campaign;
mod face;
mod hand_over;
mod tenants;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{MissedTickBehavior, interval};

use super::context::Context;
use super::failure::Failure;
use super::stop::{Heard, Stop, Stopping};
use super::stores::{self, Place};
use super::ui::{Service, Ui};
use crate::clock::wall_clock;
use crate::domain::request::WorkRequest;
use crate::domain::{Campaign, CampaignId, Caught, Exit, Stamp, Timing};
use crate::engine::StopLevel;
use crate::store::Store;
use campaign::Worker;
use face::Named;
pub(super) use hand_over::hand_over;
use tenants::Tenants;

/// Time between two looks for campaigns to take. A run that died is known to be dead after
/// `Timing::alive_for`; with one look more it is taken within 20 s and a few.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long a campaign that failed, as by a sign-in, is left alone at first; twice as long each
/// time, up to `LEFT_MOST`.
const LEFT_FIRST: Duration = Duration::from_secs(60);

/// How long a campaign that failed is left alone at most.
const LEFT_MOST: Duration = Duration::from_secs(1_800);

/// Runs open campaigns until a signal, or until nothing is open that could be run here. The exit is
/// the worst of the campaigns'.
///
/// # Errors
/// `Failure` if the store cannot be used.
pub async fn work(cx: &Context<'_>, request: WorkRequest) -> Result<Exit, Failure> {
    let place = Place::durable(cx.store)?;
    let time_scale = request.time_scale.unwrap_or(1);
    let timing = Timing::default().scaled(time_scale);
    let mut stopping = cx.stop.listen()?;
    let store = Arc::new(stores::open(&place, timing, None).await?);
    let tenants = Tenants::known(&*store, request.tenants).await?;
    cx.ui.say(&format!("Working on the open campaigns of {tenants}, in the store {place}."));
    cx.ui.service(&Service::Ready);
    let worker = Worker::new(store.clone(), tenants, time_scale);
    let floor = Floor { cx, worker: &worker, timing, until_idle: request.until_idle };
    let ended = floor.run(&mut stopping).await;
    stores::close(&store, ended).await
}

/// A campaign's future, and what it ends with.
type AtWork<'a> = Pin<Box<dyn Future<Output = (Campaign, Result<Exit, Failure>)> + 'a>>;

/// A campaign that failed, and is left alone for a while.
struct Left {
    until: Stamp,
    wait: Duration,
}

/// Where campaigns are taken and run beside each other.
struct Floor<'a, S: Store> {
    cx: &'a Context<'a>,
    worker: &'a Worker<S>,
    timing: Timing,
    until_idle: bool,
}

impl<S: Store> Floor<'_, S> {
    async fn run(&self, stopping: &mut Stopping<'_>) -> Result<Exit, Failure> {
        let mut at_work: FuturesUnordered<AtWork<'_>> = FuturesUnordered::new();
        let mut signals: HashMap<CampaignId, UnboundedSender<Caught>> = HashMap::new();
        let mut left: HashMap<CampaignId, Left> = HashMap::new();
        let mut worst = Exit::Done;
        let mut look = interval(LOOK_EVERY / self.worker.time_scale());
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                heard = stopping.heard(), if stopping.level() != StopLevel::Now => {
                    if let Heard::Level(level) = heard {
                        self.tell_stop(level, at_work.len());
                        let caught = stopping.caught().unwrap_or(Caught::Terminate);
                        // One that ended meanwhile hears nothing any more.
                        for signal in signals.values() {
                            signal.send(caught).ok();
                        }
                    }
                }
                Some((campaign, exit)) = at_work.next(), if !at_work.is_empty() => {
                    signals.remove(&campaign.id);
                    worst = worst.worse_of(self.ended(&campaign, exit, &mut left));
                    self.tell_count(at_work.len());
                }
                _ = look.tick(), if stopping.level() == StopLevel::Run => {
                    let open = match self.worker.open().await {
                        Ok(open) => open,
                        Err(failure) => {
                            self.cx.ui.say(&format!("Warning: {}: {}", failure.what, failure.why));
                            continue;
                        }
                    };
                    let before = at_work.len();
                    for campaign in self.to_take(&open, &signals, &left) {
                        let (signal, heard) = unbounded_channel();
                        signals.insert(campaign.id, signal);
                        let stop = Stop::new(Box::new(move || Ok(heard)));
                        at_work.push(Box::pin(self.one(campaign.clone(), stop)));
                    }
                    if at_work.len() != before {
                        self.tell_count(at_work.len());
                    }
                    if self.until_idle && at_work.is_empty() && !self.waits_for_others(&open) {
                        return Ok(worst);
                    }
                }
            }
            if stopping.level() != StopLevel::Run && at_work.is_empty() {
                return Ok(worst);
            }
        }
    }

    /// Runs one campaign under its own name.
    async fn one(&self, campaign: Campaign, stop: Stop) -> (Campaign, Result<Exit, Failure>) {
        let ui = Named::new(self.cx.ui, &campaign);
        let cx = Context { ui: &ui, stop: &stop, ..*self.cx };
        let exit = self.worker.go_on(&cx, campaign.clone()).await;
        (campaign, exit)
    }

    /// Those of the open campaigns that are to be taken now.
    fn to_take<'c>(
        &self,
        open: &'c [Campaign],
        at_work: &HashMap<CampaignId, UnboundedSender<Caught>>,
        left: &HashMap<CampaignId, Left>,
    ) -> Vec<&'c Campaign> {
        let now = (wall_clock(), self.worker.now());
        let may = |one: &&Campaign| {
            !at_work.contains_key(&one.id)
                && one.may_be_taken(now.0, &self.timing)
                && self.worker.knows(one)
                && left.get(&one.id).is_none_or(|left| !self.until_idle && left.until <= now.1)
        };
        open.iter().filter(may).collect()
    }

    /// Whether others are at work on campaigns that would be taken if they died.
    fn waits_for_others(&self, open: &[Campaign]) -> bool {
        let now = wall_clock();
        let runs = |one: &Campaign| {
            one.last_run.as_ref().is_some_and(|run| run.alive_but("", now, &self.timing) > 0)
        };
        open.iter().any(|one| self.worker.knows(one) && runs(one))
    }

    /// Takes in how a campaign ended here.
    fn ended(
        &self,
        campaign: &Campaign,
        exit: Result<Exit, Failure>,
        left: &mut HashMap<CampaignId, Left>,
    ) -> Exit {
        let ui = Named::new(self.cx.ui, campaign);
        let exit = match exit {
            Ok(exit) => exit,
            Err(failure) => {
                ui.say(&format!("{}: {}; {}", failure.what, failure.why, failure.next));
                failure.kind
            }
        };
        let wait = left.get(&campaign.id).map_or(LEFT_FIRST, |left| left.wait * 2).min(LEFT_MOST);
        // A look meanwhile can find it open still, and must not take it at once.
        left.insert(campaign.id, Left { until: self.worker.now().plus(wait), wait });
        exit
    }

    fn tell_stop(&self, level: StopLevel, at_work: usize) {
        self.cx.ui.service(&Service::Stopping);
        self.cx.ui.say(&match level {
            StopLevel::Run => return,
            StopLevel::Soft => format!(
                "Stopping: no more orders; calls in flight of {at_work} campaigns finish (35 s at \
                 most). Another signal leaves at once."
            ),
            StopLevel::Now => "Leaving at once.".to_owned(),
        });
    }

    fn tell_count(&self, at_work: usize) {
        let noun = if at_work == 1 { "campaign" } else { "campaigns" };
        self.cx.ui.service(&Service::Status(format!("{at_work} {noun} at work")));
    }
}
