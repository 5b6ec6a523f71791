//! The store as all engines of one process see it: what they ask again and again while they wait is
//! answered from one look at all their campaigns, which also says that the process lives. It
//! decides nothing: an answer is given again only if nothing changed by which it was found.
//!
//! A look says of each campaign how it stands. What was answered between two looks that say the
//! same holds still, but for what may have come and gone between them, a pause and a campaign that
//! went before: that is answered again only if the last look says so too. Whatever a run of this
//! process writes makes its campaign's answers forgotten at once. Claims and settlements always go
//! to the store, but for a claim that found no device and would find none now. What others do to a
//! campaign is noticed with the next look, and what they do to its budget within
//! `QuietStore::longest`.

mod known;
mod verbs;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::task::JoinHandle;

use self::known::{Answers, Asked, Held, Known, Standing};
use crate::clock::Clock;
use crate::domain::{Campaign, CampaignId, Look, Operation, Stamp, Timing};
use crate::store::{Hold, NotYet, Result, Store};

/// A store that is asked by all engines of a process.
pub struct QuietStore<S> {
    store: Arc<S>,
    /// What tells this process from others; a run names it.
    process: String,
    timing: Timing,
    known: Mutex<Known>,
    /// Something was asked since the last look that a look does not answer.
    is_busy: AtomicBool,
    looks: Mutex<Option<JoinHandle<()>>>,
}

/// A campaign at work in this process, until this is dropped.
pub struct AtWork<'a, S: Store> {
    store: &'a QuietStore<S>,
    campaign: CampaignId,
}

impl<S: Store> QuietStore<S> {
    /// Over this store, for a process of this name, which lives from now on until this is dropped.
    pub fn new(store: Arc<S>, process: String, timing: Timing) -> Arc<Self> {
        let quiet = Arc::new(Self {
            store,
            process,
            timing,
            known: Mutex::default(),
            is_busy: AtomicBool::new(false),
            looks: Mutex::default(),
        });
        let (store, every) = (quiet.store.clone(), timing.sign_of_life());
        let looks = tokio::spawn(look_on(Arc::downgrade(&quiet), store, every));
        *quiet.looks.lock().unwrap_or_else(PoisonError::into_inner) = Some(looks);
        quiet
    }

    /// What tells this process from others.
    pub fn process(&self) -> &str {
        &self.process
    }

    /// Takes a campaign among those that are looked at.
    pub fn at_work(&self, campaign: &Campaign) -> AtWork<'_, S> {
        let budget = campaign.order.target.budget(Operation::Scan);
        let answers = Answers::default();
        let standing = Standing { budget, look: None, changes: 0, answers, reopens: None };
        self.known().campaigns.insert(campaign.id, standing);
        AtWork { store: self, campaign: campaign.id }
    }

    /// Whose looks there are to take, for a look that begins now.
    fn begin_look(&self) -> Vec<CampaignId> {
        self.is_busy.store(false, Ordering::SeqCst);
        self.known().campaigns.keys().copied().collect()
    }

    /// Takes in what a look said that began then.
    fn take_in(&self, began_at: Stamp, looks: Vec<Look>) {
        let mut known = self.known();
        known.looked_at = Some(began_at);
        for look in looks {
            let Some(standing) = known.campaigns.get_mut(&look.campaign) else { continue };
            if standing.look.as_ref().is_some_and(|before| before.stands != look.stands) {
                standing.changed();
            }
            standing.look = Some(look);
        }
    }

    /// How long an answer holds that others can change without a sign of it: what is left of a
    /// budget.
    fn longest(&self) -> Duration {
        self.timing.poll * 24
    }

    /// How long an answer about a campaign holds, whose every change a look tells: in case one does
    /// not.
    fn longest_of_campaign(&self) -> Duration {
        self.timing.poll * 120
    }

    fn now(&self) -> Stamp {
        self.store.clock().now()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The look at a campaign, if there was one lately.
    fn looked<T>(
        &self,
        campaign: CampaignId,
        read: impl FnOnce(&Standing, &Look) -> T,
    ) -> Option<T> {
        let now = self.now();
        let known = self.known();
        // Of three looks two may be late or fail.
        let believed = self.timing.sign_of_life() * 6;
        if known.looked_at.is_none_or(|at| now.since(at) > believed) {
            return None;
        }
        let standing = known.campaigns.get(&campaign)?;
        Some(read(standing, standing.look.as_ref()?))
    }

    /// An answer that holds still.
    fn again<T: Clone>(
        &self,
        campaign: CampaignId,
        of: impl FnOnce(&Answers) -> &Option<Asked<T>>,
    ) -> Option<T> {
        let (now, longest) = (self.now(), self.longest_of_campaign());
        self.looked(campaign, |standing, _| {
            let asked = of(&standing.answers).as_ref()?;
            if now.since(asked.at) < longest { Some(asked.answer.clone()) } else { None }
        })?
    }

    /// Asks, and keeps the answer if nothing changed meanwhile.
    async fn ask<T: Clone>(
        &self,
        campaign: CampaignId,
        question: impl Future<Output = Result<T>> + Send,
        keep: impl FnOnce(&mut Standing, Asked<T>) + Send,
    ) -> Result<T> {
        let (at, changes) = (self.now(), self.changes(campaign));
        let answer = question.await?;
        let mut known = self.known();
        if let Some(standing) = known.campaigns.get_mut(&campaign)
            && Some(standing.changes) == changes
        {
            keep(standing, Asked { answer: answer.clone(), at });
        }
        Ok(answer)
    }

    fn changes(&self, campaign: CampaignId) -> Option<u64> {
        self.known().campaigns.get(&campaign).map(|standing| standing.changes)
    }

    /// What changes a campaign: its answers are forgotten when this ends, however it does.
    fn change(&self, campaign: Option<CampaignId>) -> Change<'_, S> {
        self.is_busy.store(true, Ordering::SeqCst);
        Change { store: self, campaign }
    }

    /// An answer of the limit that holds still.
    fn not_yet(&self, campaign: CampaignId, pending: usize) -> Option<NotYet> {
        let (now, timing) = (self.now(), &self.timing);
        let (asked, is_paused, is_behind) = self.looked(campaign, |standing, look| {
            (standing.answers.not_yet.clone(), look.is_paused, look.is_behind)
        })?;
        let looked_at = self.known().looked_at?;
        let Asked { answer: (then, no), at } = asked?;
        if then != pending || now.since(at) >= self.longest() {
            return None;
        }
        let holds = match no.hold {
            // What the last look does not know came after it, and may be gone before the next.
            Hold::User if !is_paused => None,
            Hold::Priority(_) if !is_behind => None,
            // As long as people or a campaign that goes before say so, which the next look tells.
            Hold::User | Hold::Priority(_) => {
                let next = looked_at.plus(timing.sign_of_life() * 2);
                let at = next.max(now.plus(timing.poll / 5));
                Some(NotYet { at, hold: no.hold })
            }
            // The call that it waits for was answered, so that no answer makes it earlier.
            Hold::Quota(quota) if no.at.minus(quota.reopens_after(timing)) <= at => Some(no),
            Hold::Pause | Hold::Forgotten => Some(no),
            Hold::Quota(_) | Hold::Store => None,
        };
        holds.filter(|no| no.at > now)
    }

    /// Whether the moment has come that the limit named: a claim asks it again in any case, and all
    /// else that may hold one, so that nobody need ask before it.
    fn has_reopened(&self, campaign: CampaignId, pending: usize) -> bool {
        let now = self.now();
        let known = self.known();
        let reopens = known.campaigns.get(&campaign).and_then(|standing| standing.reopens);
        reopens.is_some_and(|(then, at)| then == pending && at <= now)
    }

    /// A claim that found no device and would find none now: when there may be one.
    fn idle(&self, campaign: CampaignId, allow_repeat: bool) -> Option<Option<Stamp>> {
        let (now, longest) = (self.now(), self.longest());
        self.looked(campaign, |standing, look| {
            let Asked { answer: (allowed, wake), at } = standing.answers.idle.clone()?;
            let has_come = wake.is_some_and(|wake| wake > at && wake <= now);
            let holds = allowed == allow_repeat && !look.is_due && !has_come;
            if holds && now.since(at) < longest { Some(wake) } else { None }
        })?
    }
}

impl<S> Drop for QuietStore<S> {
    fn drop(&mut self) {
        if let Some(looks) = self.looks.lock().unwrap_or_else(PoisonError::into_inner).take() {
            looks.abort();
        }
    }
}

impl<S: Store> Drop for AtWork<'_, S> {
    fn drop(&mut self) {
        self.store.known().campaigns.remove(&self.campaign);
    }
}

/// A verb that may change a campaign.
struct Change<'a, S: Store> {
    store: &'a QuietStore<S>,
    campaign: Option<CampaignId>,
}

impl<S: Store> Drop for Change<'_, S> {
    fn drop(&mut self) {
        let mut known = self.store.known();
        let Some(campaign) = self.campaign else { return };
        let Some(standing) = known.campaigns.get_mut(&campaign) else { return };
        standing.changed();
        standing.reopens = None;
        let budget = standing.budget.clone();
        let held = known.usages.entry(budget).or_default();
        *held = Held { changes: held.changes + 1, usage: None };
    }
}

/// Looks again and again for as long as somebody asks through it. Where all wait, it is enough to
/// do so half as often.
async fn look_on<S: Store>(quiet: Weak<QuietStore<S>>, store: Arc<S>, every: Duration) {
    let (clock, mut passed_over) = (store.clock(), false);
    loop {
        clock.sleep_until(clock.now().plus(every)).await;
        let Some(asking) = quiet.upgrade() else { return };
        passed_over = !asking.is_busy.load(Ordering::SeqCst) && !passed_over;
        if passed_over {
            continue;
        }
        let (campaigns, process) = (asking.begin_look(), asking.process.clone());
        drop(asking);
        let began_at = clock.now();
        match (store.pulse(&process, &campaigns).await, quiet.upgrade()) {
            (Ok(looks), Some(asking)) => asking.take_in(began_at, looks),
            (Ok(_), None) => return,
            // Whoever asks next is told what is the matter.
            (Err(error), _) => tracing::debug!(%error, "the campaigns at work are not looked at"),
        }
    }
}
