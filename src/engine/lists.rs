//! Reads whole lists outside of a campaign: the tenant's machines, and the scans there. Every page
//! is a call in the journal, on the budget for reading; it decides nothing about what it reads, and
//! nothing that it meets stops anybody.

use std::future::Future;
use std::time::Duration;

use crate::clock::Clock;
use crate::defender::{
    ActionQuery, Inventory, ListReply, MachineFilter, MachinesReply, NextPage, SignInError,
};
use crate::domain::verdict::list_verdict;
use crate::domain::{
    Action, Answer, Body, BudgetKey, Machine, Quota, Refusal, Reply, Stamp, Timing, Verdict,
};
use crate::store::{NotYet, ReadAnswer, ReadSettlement, Store, StoreError};

/// Pages of one list at most: two million machines. A server that repeats itself for ever must not
/// hold anybody.
const PAGES: u64 = 200;

/// How often one page is asked for at most. Reading twice does no harm.
const TRIES: u32 = 3;

/// Who reads, and within which limits.
#[derive(Debug)]
pub struct Lists<'a, S, A> {
    /// The store whose journal the calls go into.
    pub store: &'a S,
    /// The client.
    pub api: &'a A,
    /// The budget of these calls.
    pub budget: BudgetKey,
    /// The quotas that are kept on it.
    pub quotas: Vec<Quota>,
    /// Every duration.
    pub timing: Timing,
    /// What the lists are worth waiting for.
    pub patience: Patience,
}

/// How long a list may take, and what it may cost others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long the limit may hold a list up, all in all.
    limit: Duration,
    /// How often one page is asked for at most.
    tries: u32,
    /// When it is given up, and how long that is; none where a list is needed.
    bound: Option<(Stamp, Duration)>,
}

impl Patience {
    /// For a list that is needed: the limit may hold it up this long, and its faults pause the
    /// budget, so that a server that fails is spared.
    pub fn needed(limit: Duration) -> Self {
        Self { limit, tries: TRIES, bound: None }
    }

    /// For lists that are only nice to know: from `now` on they may take this long together, and
    /// their faults hold up nobody.
    pub fn optional(now: Stamp, length: Duration) -> Self {
        Self { limit: length, tries: 2, bound: Some((now.plus(length), length)) }
    }

    /// The same where not even the limit, its pauses or a second try are waited for.
    #[must_use]
    pub fn in_a_hurry(self) -> Self {
        Self { limit: Duration::ZERO, tries: 1, ..self }
    }

    fn is_over(&self, now: Stamp) -> bool {
        self.bound.is_some_and(|(ends, _)| now >= ends)
    }
}

/// How a list was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// How it ended.
    pub end: ListEnd,
    /// Calls that it took.
    pub calls: u64,
}

/// How reading a list ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListEnd {
    /// All of it was read.
    Whole,
    /// It may not be read; what the API said.
    Forbidden(String),
    /// The API does not take the question; what it said.
    Rejected(String),
    /// No token.
    SignIn(SignInError),
    /// It could not be read, or not to its end.
    Failed(String),
    /// It was not read to its end in the time that it may take.
    Late(String),
}

/// One page of any list.
type Page<T> = Result<(Vec<T>, Option<NextPage>), Reply>;

impl<S: Store, A: Inventory> Lists<'_, S, A> {
    /// Reads the tenant's machines. What was taken before it failed is only a part.
    ///
    /// # Errors
    /// `StoreError` if the journal cannot be kept: nothing is sent that is not in it.
    pub async fn machines(
        &self,
        filter: &MachineFilter,
        take: impl FnMut(Machine),
    ) -> Result<Listed, StoreError> {
        let ask = async |next: Option<&NextPage>| match self.api.machines(filter, next).await {
            MachinesReply::Page { machines, next } => Ok((machines, next)),
            // "If there are no recent machines, you see 404 Not Found" (List machines API page).
            MachinesReply::Refused(Reply::Answer(answer)) if next.is_none() && is_404(&answer) => {
                Ok((Vec::new(), None))
            }
            MachinesReply::Refused(reply) => Err(reply),
        };
        self.read(ask, take).await
    }

    /// Reads the scans of the tenant that a question asks for, newest first.
    ///
    /// # Errors
    /// As `machines`.
    pub async fn scans(
        &self,
        query: &ActionQuery,
        take: impl FnMut(Action),
    ) -> Result<Listed, StoreError> {
        let ask = async |next: Option<&NextPage>| match self.api.actions(query, next).await {
            ListReply::Page { actions, next, .. } => Ok((actions, next)),
            ListReply::Refused(reply) => Err(reply),
        };
        self.read(ask, take).await
    }

    async fn read<T>(
        &self,
        ask: impl AsyncFn(Option<&NextPage>) -> Page<T>,
        mut take: impl FnMut(T),
    ) -> Result<Listed, StoreError> {
        let mut left = self.patience.limit;
        let mut next: Option<NextPage> = None;
        let mut calls = 0;
        for _ in 0..PAGES {
            let (items, rest) = match self.page(&ask, next.as_ref(), &mut calls, &mut left).await? {
                Ok(page) => page,
                Err(end) => return Ok(Listed { end, calls }),
            };
            items.into_iter().for_each(&mut take);
            if rest.is_none() || rest == next {
                return Ok(Listed { end: ListEnd::Whole, calls });
            }
            next = rest;
        }
        let why = format!("the list did not end after {PAGES} pages");
        Ok(Listed { end: ListEnd::Failed(why), calls })
    }

    /// One page, asked for again where that can help.
    async fn page<T>(
        &self,
        ask: &impl AsyncFn(Option<&NextPage>) -> Page<T>,
        next: Option<&NextPage>,
        calls: &mut u64,
        left: &mut Duration,
    ) -> Result<Result<(Vec<T>, Option<NextPage>), ListEnd>, StoreError> {
        let mut tries = 0;
        loop {
            if self.patience.is_over(self.store.clock().now()) {
                return Ok(Err(self.late()));
            }
            match self.in_time(self.api.ready()).await {
                Some(Ok(())) => {}
                Some(Err(error)) => return Ok(Err(ListEnd::SignIn(error))),
                None => return Ok(Err(self.late())),
            }
            let (call, claimed_at) = match self.store.claim_on(&self.budget, self.quotas()).await? {
                ReadAnswer::Call(call, at) => (call, at),
                ReadAnswer::NotYet(no) => match self.wait(no, left).await {
                    Ok(()) => continue,
                    Err(end) => return Ok(Err(end)),
                },
            };
            let now = self.store.clock().now();
            let page = if self.timing.is_late(claimed_at, now) {
                Err(Reply::too_late())
            } else {
                *calls += 1;
                let given_up = || Err(Reply::NoAnswer { why: "it was not waited for".to_owned() });
                self.in_time(ask(next)).await.unwrap_or_else(given_up)
            };
            let verdict = page.as_ref().err().map(list_verdict);
            let optional = self.patience.bound.is_some();
            let settlement = ReadSettlement { verdict: verdict.clone(), optional };
            self.store.settle_read(call, settlement).await?;
            if let Some(Verdict::NeverLeft { .. }) = verdict {
                *calls = calls.saturating_sub(1);
            }
            tries += 1;
            let (verdict, page) = match (verdict, page) {
                (None, Ok(page)) => return Ok(Ok(page)),
                (verdict, page) => (verdict, page),
            };
            drop(page);
            match self.refused(verdict, &mut tries).await {
                Some(end) => return Ok(Err(end)),
                None => self.pause(tries).await,
            }
        }
    }

    /// What comes while the list may still take time; nothing if it takes longer.
    async fn in_time<T>(&self, what: impl Future<Output = T>) -> Option<T> {
        let Some((ends, _)) = self.patience.bound else { return Some(what.await) };
        tokio::select! {
            biased;
            done = what => Some(done),
            () = self.store.clock().sleep_until(ends) => None,
        }
    }

    fn late(&self) -> ListEnd {
        let length = self.patience.bound.map_or(Duration::ZERO, |(_, length)| length);
        ListEnd::Late(format!("it took more than {} s", length.as_secs_f64()))
    }

    fn quotas(&self) -> Vec<Quota> {
        self.quotas.clone()
    }

    /// Waits for the limit, or says that it would take too long.
    async fn wait(&self, no: NotYet, left: &mut Duration) -> Result<(), ListEnd> {
        let clock = self.store.clock();
        let now = clock.now();
        let whole = no.at.since(now);
        if whole > *left || self.patience.is_over(no.at) {
            let why = format!(
                "the limit for reading is used up for {} s ({})",
                whole.as_secs() + 1,
                no.hold
            );
            return Err(match self.patience.bound {
                Some(_) => ListEnd::Late(why),
                None => ListEnd::Failed(why),
            });
        }
        // Another process's answer can open a slot earlier.
        let wait = whole.min(self.timing.poll).max(Duration::from_millis(1));
        clock.sleep_until(now.plus(wait)).await;
        *left = left.saturating_sub(wait);
        Ok(())
    }

    /// What a refusal means for the list: nothing if asking again can help.
    async fn refused(&self, verdict: Option<Verdict>, tries: &mut u32) -> Option<ListEnd> {
        let now = self.store.clock().now();
        let again = now.plus(self.breath(*tries));
        let spent = *tries >= self.patience.tries || self.patience.is_over(again);
        match verdict? {
            Verdict::Forbidden(refusal) => Some(ListEnd::Forbidden(said(refusal))),
            Verdict::Rejected(refusal) if refusal.status == 400 && refusal.code.is_some() => {
                Some(ListEnd::Rejected(said(refusal)))
            }
            Verdict::Rejected(refusal) | Verdict::NotFound(refusal) => {
                Some(ListEnd::Failed(refusal.words()))
            }
            Verdict::Unauthorized(refusal) => {
                self.api.token_refused().await;
                let why = format!("the API refused the token (401): {}", said(refusal));
                (*tries > 1).then_some(ListEnd::Failed(why))
            }
            Verdict::Throttled { refusal, .. } if self.patience.limit.is_zero() => {
                Some(ListEnd::Late(refusal.words()))
            }
            // The pause is the budget's, and so is the patience with it.
            Verdict::Throttled { .. } => {
                *tries -= 1;
                None
            }
            Verdict::Doubtful { .. } if self.patience.is_over(now) => Some(self.late()),
            Verdict::Doubtful { why, .. } | Verdict::NeverLeft { why } => {
                spent.then_some(ListEnd::Failed(why))
            }
            other => Some(ListEnd::Failed(format!("an answer of no use ({})", other.name()))),
        }
    }

    /// A breath before a page is asked for again.
    async fn pause(&self, tries: u32) {
        let clock = self.store.clock();
        clock.sleep_until(clock.now().plus(self.breath(tries))).await;
    }

    fn breath(&self, tries: u32) -> Duration {
        match self.patience.bound {
            Some(_) => self.timing.reconnect_floor,
            None => self.timing.poll * tries,
        }
    }
}

fn is_404(answer: &Answer) -> bool {
    answer.status == 404 && is_said(answer)
}

/// Whether the API itself said it, and not a gateway before it.
fn is_said(answer: &Answer) -> bool {
    matches!(&answer.body, Body::Error(error) if !error.code.is_empty())
}

fn said(refusal: Refusal) -> String {
    let code = refusal.code.unwrap_or_default();
    match refusal.message.filter(|message| !message.is_empty()) {
        Some(message) => message,
        None if code.is_empty() => format!("status {}", refusal.status),
        None => code,
    }
}
