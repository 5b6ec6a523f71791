//! Where campaigns are run beside each other in one process, under one face: each has its own end
//! and hears the signals that the process hears. What one of them does is `campaign`'s.

use std::collections::{BTreeSet, HashMap};
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::campaign::Worker;
use super::face::Named;
use crate::domain::{Campaign, CampaignId, Caught, Exit, Stamp, Timing};
use crate::engine::StopLevel;
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::stop::{Heard, Stop, Stopping};
use crate::ops::ui::{Service, Ui};
use crate::report::human::counted;
use crate::store::Store;

/// The longest time between two looks for campaigns to take.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Time between two sentences of how far all campaigns are, of those that somebody began together.
const SUM_EVERY: Duration = Duration::from_secs(60);

/// The same of a worker, whose lines a journal keeps.
const SUM_OF_WORKER_EVERY: Duration = Duration::from_secs(600);

/// How long after a run is known to be dead it is looked for, so that it is.
const AFTER: Duration = Duration::from_millis(10);

/// How long a campaign that failed, as by a sign-in, is left alone at first; twice as long each
/// time, up to `LEFT_MOST`.
const LEFT_FIRST: Duration = Duration::from_secs(60);

/// How long a campaign that failed is left alone at most.
const LEFT_MOST: Duration = Duration::from_secs(1_800);

/// Which campaigns are taken beside those that it begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Whatever is open, until a signal.
    Whatever,
    /// Whatever is open, until nothing is.
    UntilIdle,
    /// None.
    Nothing,
}

/// How one of several campaigns ended.
pub(in crate::ops) struct Ended {
    /// As it was when it was begun with.
    pub campaign: Campaign,
    /// How.
    pub exit: Result<Exit, Failure>,
}

/// How the campaigns ended.
pub(super) struct Ends {
    /// The worst of them.
    pub(super) worst: Exit,
    /// Each of those that were at work, in the order in which they ended; nothing of a worker that
    /// goes on until a signal, which would remember for weeks.
    pub(super) each: Vec<Ended>,
}

/// A campaign's future.
type AtWork<'a> = Pin<Box<dyn Future<Output = Ended> + 'a>>;

/// A campaign that failed, and is left alone for a while.
struct Left {
    until: Stamp,
    wait: Duration,
}

/// What a look for campaigns to take came to.
struct Taken {
    /// In what time another look is worth it.
    next_look: Duration,
    /// Nothing is at work here, and nothing elsewhere that would be taken if it died.
    is_idle: bool,
}

/// Where campaigns are taken and run beside each other.
pub(super) struct Floor<'a, S: Store> {
    pub(super) cx: &'a Context<'a>,
    pub(super) worker: &'a Worker<S>,
    pub(super) timing: Timing,
    pub(super) takes: Takes,
}

/// Those that are at work, and how each of them hears a signal.
#[derive(Default)]
struct AllAtWork<'a> {
    futures: FuturesUnordered<AtWork<'a>>,
    signals: HashMap<CampaignId, UnboundedSender<Caught>>,
}

impl AllAtWork<'_> {
    fn tell(&self, caught: Caught) {
        // One that ended meanwhile hears nothing any more.
        for signal in self.signals.values() {
            signal.send(caught).ok();
        }
    }
}

impl<S: Store> Floor<'_, S> {
    /// Runs these campaigns, and those that it takes.
    pub(super) async fn run(
        &self,
        stopping: &mut Stopping<'_>,
        first: Vec<Campaign>,
    ) -> Result<Ends, Failure> {
        let mut all = AllAtWork::default();
        let mut left: HashMap<CampaignId, Left> = HashMap::new();
        let mut ends = Ends { worst: Exit::Done, each: Vec::new() };
        first.iter().for_each(|campaign| self.begin(&mut all, campaign));
        let looks = self.takes != Takes::Nothing;
        // A store that is slow holds up neither a signal nor a campaign.
        let mut look = pin!(self.look(self.worker.now(), BTreeSet::new()));
        let mut sum_due = pin!(self.worker.sleep_until(self.next_sum()));
        let mut sum_told = None;
        loop {
            let run = stopping.level() == StopLevel::Run;
            if all.futures.is_empty() && !(run && looks) {
                return Ok(ends);
            }
            tokio::select! {
                biased;
                heard = stopping.heard(), if stopping.level() != StopLevel::Now => {
                    if let Heard::Level(level) = heard {
                        self.tell_stop(level, all.futures.len());
                        all.tell(stopping.caught().unwrap_or(Caught::Terminate));
                    }
                }
                Some(ended) = all.futures.next(), if !all.futures.is_empty() => {
                    all.signals.remove(&ended.campaign.id);
                    ends.worst = ends.worst.worse_of(self.ended(&ended, &mut left));
                    if self.takes != Takes::Whatever {
                        ends.each.push(ended);
                    }
                    self.tell_count(all.futures.len());
                }
                found = &mut look, if run && looks => {
                    let taken = self.take(found, &mut all, &left);
                    let at_work = all.signals.keys().copied().collect();
                    look.set(self.look(self.worker.now().plus(taken.next_look), at_work));
                    if self.takes == Takes::UntilIdle && taken.is_idle {
                        return Ok(ends);
                    }
                }
                () = &mut sum_due, if run => {
                    self.tell_sum(all.futures.len(), &mut sum_told);
                    sum_due.set(self.worker.sleep_until(self.next_sum()));
                }
            }
        }
    }

    /// Takes those of the open campaigns that are to be taken now.
    fn take<'b>(
        &'b self,
        open: Result<Vec<Campaign>, Failure>,
        all: &mut AllAtWork<'b>,
        left: &HashMap<CampaignId, Left>,
    ) -> Taken {
        let longest = LOOK_EVERY / self.worker.time_scale();
        let open = match open {
            Ok(open) => open,
            Err(failure) => {
                self.cx.ui.say(&format!("Warning: {}: {}", failure.what, failure.why));
                return Taken { next_look: longest, is_idle: false };
            }
        };
        let next = next_look(&open, self.worker.shared_utc(), &self.timing).min(longest);
        let before = all.futures.len();
        for campaign in self.to_take(&open, all, left) {
            self.begin(all, campaign);
        }
        if all.futures.len() != before {
            self.tell_count(all.futures.len());
        }
        let is_idle = all.futures.is_empty() && !self.waits_for_others(&open);
        Taken { next_look: next, is_idle }
    }

    /// What is open but for these, when it is time to look.
    async fn look(
        &self,
        at: Stamp,
        at_work: BTreeSet<CampaignId>,
    ) -> Result<Vec<Campaign>, Failure> {
        self.worker.sleep_until(at).await;
        self.worker.open_but(at_work).await
    }

    fn begin<'b>(&'b self, all: &mut AllAtWork<'b>, campaign: &Campaign) {
        let (signal, heard) = unbounded_channel();
        all.signals.insert(campaign.id, signal);
        let stop = Stop::new(Box::new(move || Ok(heard)));
        all.futures.push(Box::pin(self.one(campaign.clone(), stop)));
    }

    /// Runs one campaign under its own name.
    async fn one(&self, campaign: Campaign, stop: Stop) -> Ended {
        let ui = Named::new(self.cx.ui, &campaign, self.worker.profile(&campaign))
            .counted_in(self.worker.sum(), campaign.id);
        let commands = self.worker.commands(self.cx, &campaign);
        let cx = Context { ui: &ui, stop: &stop, commands: &commands, ..*self.cx };
        let exit = self.worker.go_on(&cx, campaign.clone()).await;
        Ended { campaign, exit }
    }

    /// Those of the open campaigns that are to be taken now.
    fn to_take<'c>(
        &self,
        open: &'c [Campaign],
        all: &AllAtWork<'_>,
        left: &HashMap<CampaignId, Left>,
    ) -> Vec<&'c Campaign> {
        let now = (self.worker.shared_utc(), self.worker.now());
        let again = |left: &Left| self.takes == Takes::Whatever && left.until <= now.1;
        let may = |one: &&Campaign| {
            !all.signals.contains_key(&one.id)
                && one.may_be_taken(self.worker.process(), now.0, &self.timing)
                && self.worker.knows(one)
                && left.get(&one.id).is_none_or(again)
        };
        open.iter().filter(may).collect()
    }

    /// Whether others are at work on campaigns that would be taken if they died.
    fn waits_for_others(&self, open: &[Campaign]) -> bool {
        let now = self.worker.shared_utc();
        let process = self.worker.process();
        let runs = |one: &Campaign| {
            let last = one.last_run.as_ref();
            last.is_some_and(|run| run.alive_elsewhere(process, now, &self.timing) > 0)
        };
        open.iter().any(|one| self.worker.knows(one) && runs(one))
    }

    /// Takes in how a campaign ended here.
    fn ended(
        &self,
        Ended { campaign, exit }: &Ended,
        left: &mut HashMap<CampaignId, Left>,
    ) -> Exit {
        if self.takes == Takes::Whatever {
            // A worker would count what it did for weeks.
            self.worker.sum().forget(campaign.id);
        }
        let ui = Named::new(self.cx.ui, campaign, self.worker.profile(campaign));
        let exit = match exit {
            Ok(exit) => *exit,
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
        // What a terminal shows of Ctrl-C would push the sentence beyond its line.
        self.cx.ui.unanswered();
        self.cx.ui.say(&match level {
            StopLevel::Run => return,
            StopLevel::Soft => format!(
                "Stopping: no more orders; calls in flight of {} finish (35 s at most). Another \
                 signal leaves at once.",
                counted(at_work as u64, "campaign")
            ),
            StopLevel::Now => "Leaving at once.".to_owned(),
        });
    }

    fn tell_count(&self, at_work: usize) {
        let at_work = counted(at_work as u64, "campaign");
        self.cx.ui.service(&Service::Status(format!("{at_work} at work")));
    }

    fn next_sum(&self) -> Stamp {
        let every = if self.takes == Takes::Nothing { SUM_EVERY } else { SUM_OF_WORKER_EVERY };
        self.worker.now().plus(every / self.worker.time_scale())
    }

    /// Tells how far all of them are, if that changed.
    fn tell_sum(&self, at_work: usize, before: &mut Option<String>) {
        let now = self.worker.sum().told(at_work as u64);
        if let Some(text) = &now
            && now != *before
        {
            self.cx.ui.say(text);
        }
        *before = now;
    }
}

/// In what time it is worth another look: a run of another process that dies is known to be dead
/// `Timing::alive_for` after its last word, and is taken then.
fn next_look(open: &[Campaign], now: Timestamp, timing: &Timing) -> Duration {
    let runs = open.iter().filter_map(|one| one.last_run.as_ref());
    let dead_in = runs.filter_map(|run| run.known_dead_in(now, timing)).min();
    // What others say meanwhile is read with it, and a look too early is one more.
    dead_in.map_or(Duration::MAX, |left| left + AFTER)
}
