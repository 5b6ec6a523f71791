//! Reads a list page by page: token, slot on the budget for reading, one request, settle; and again
//! where that can help. Every page is a call in the journal. It decides nothing about what it
//! reads, and nothing that it meets stops anybody.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;

use super::pump::ThrottledCall;
use crate::clock::Clock;
use crate::defender::{
    ActionQuery, Inventory, ListPage, ListReply, MachineFilter, NextPage, ScanApi, SignInError,
};
use crate::domain::verdict::list_verdict;
use crate::domain::{
    Action, Answer, Body, BudgetKey, BudgetState, CallId, CampaignId, Machine, Operation, Quota,
    Refusal, Reply, Stamp, Timing, Verdict,
};
use crate::store::{NotYet, ReadAnswer, ReadSettlement, Store, StoreError};

/// Pages of one list at most: two million machines or actions. A server that repeats itself for
/// ever must not hold anybody.
pub(super) const PAGES: u64 = 200;

/// Devices that one page is asked about by their ids; a longer filter would make a long URL.
pub(super) const BY_ID: usize = 10;

/// How much further back than the first contact a list is asked for: clocks of a service's machines
/// differ.
const MARGIN: Duration = Duration::from_secs(3600);

/// How often one page is asked for at most. Reading twice does no harm.
const TRIES: u32 = 3;

/// The question for a list that shows every action since a first contact.
pub(super) fn created_since(first_contact: Timestamp) -> ActionQuery {
    let since = first_contact.checked_sub(MARGIN).unwrap_or(Timestamp::UNIX_EPOCH);
    ActionQuery::CreatedSince(since)
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
    /// A 401 and a 429 end the list, since whoever reads it asks again by itself.
    one_try: bool,
}

impl Patience {
    /// For a list that is needed: the limit may hold it up this long, and its faults pause the
    /// budget, so that a server that fails is spared.
    pub fn needed(limit: Duration) -> Self {
        Self { limit, tries: TRIES, bound: None, one_try: false }
    }

    /// For lists that are only nice to know: from `now` on they may take this long together, and
    /// their faults hold up nobody.
    pub fn optional(now: Stamp, length: Duration) -> Self {
        let bound = Some((now.plus(length), length));
        Self { limit: length, tries: 2, bound, one_try: false }
    }

    /// As it is, but not even the limit, its pauses or a second try are waited for.
    #[must_use]
    pub fn in_a_hurry(self) -> Self {
        Self { limit: Duration::ZERO, tries: 1, ..self }
    }

    /// For a list that a run needs and asks for again later by itself: the limit is waited for, and
    /// nothing else.
    pub(super) fn once() -> Self {
        Self { limit: Duration::MAX, tries: 1, bound: None, one_try: true }
    }

    fn is_over(&self, now: Stamp) -> bool {
        self.bound.is_some_and(|(ends, _)| now >= ends)
    }
}

/// Whose slots the pages take.
#[derive(Clone, Debug)]
pub enum Slots {
    /// Those of a campaign, under the quotas of its runners.
    Campaign(CampaignId),
    /// Those of a budget under these quotas, for nobody in particular.
    Budget(BudgetKey, Vec<Quota>),
}

/// A list that has pages.
pub(super) trait List: Sync {
    /// What stands in it.
    type Item: Send;

    /// Asks for one page.
    fn page(&self, next: Option<&NextPage>) -> impl Future<Output = ListReply<Self::Item>> + Send;
}

/// The scans of the tenant that a question asks for, newest first.
pub(super) struct Actions<'a, A> {
    pub(super) api: &'a A,
    pub(super) query: &'a ActionQuery,
}

impl<A: ScanApi> List for Actions<'_, A> {
    type Item = Action;

    async fn page(&self, next: Option<&NextPage>) -> ListReply<Action> {
        self.api.actions(self.query, next).await
    }
}

/// The machines of the tenant that a filter lets through.
pub(super) struct Machines<'a, A> {
    pub(super) api: &'a A,
    pub(super) filter: &'a MachineFilter,
}

impl<A: Inventory> List for Machines<'_, A> {
    type Item = Machine;

    async fn page(&self, next: Option<&NextPage>) -> ListReply<Machine> {
        match self.api.machines(self.filter, next).await {
            // "If there are no recent machines, you see 404 Not Found" (List machines API page).
            Err(Reply::Answer(answer)) if next.is_none() && is_404(&answer) => {
                Ok(ListPage { items: Vec::new(), next: None, date: answer.date })
            }
            page => page,
        }
    }
}

/// How reading a list ended, and what it took.
pub(super) struct Read {
    pub(super) end: ReadEnd,
    /// Calls that it took.
    pub(super) calls: u64,
    /// The server's time, as the last page told it.
    pub(super) date: Option<Timestamp>,
    /// The answers with 429.
    pub(super) throttled: Vec<ThrottledCall>,
}

/// How reading a list ended.
pub(super) enum ReadEnd {
    /// All of it was handed over.
    Whole,
    /// It has more pages than it may cost.
    TooLong,
    /// It may not be read; asking again does not help.
    Forbidden(Refusal),
    /// The API does not take the question.
    Rejected(Refusal),
    /// No token.
    SignIn(SignInError),
    /// It could not be read, or not to its end.
    Failed(String),
    /// It was not read to its end in the time that it may take.
    Late(String),
}

impl ReadEnd {
    /// Why the list was not read to its end.
    pub(super) fn why(self) -> String {
        match self {
            ReadEnd::Whole => String::new(),
            ReadEnd::TooLong => format!("the list did not end after {PAGES} pages"),
            ReadEnd::Forbidden(refusal) | ReadEnd::Rejected(refusal) => refusal.words(),
            ReadEnd::SignIn(error) => error.to_string(),
            ReadEnd::Failed(why) | ReadEnd::Late(why) => why,
        }
    }
}

/// Who reads, and within which limits.
#[derive(Debug)]
pub struct Lists<'a, S, A> {
    /// The store whose journal the calls go into.
    pub store: &'a S,
    /// The client.
    pub api: &'a A,
    /// Whose slots the calls take.
    pub slots: Slots,
    /// Every duration.
    pub timing: Timing,
    /// What the lists are worth waiting for.
    pub patience: Patience,
}

impl<S: Store, A: ScanApi> Lists<'_, S, A> {
    /// Reads at most so many pages. What was taken before it failed is only a part.
    ///
    /// # Errors
    /// `StoreError` if the journal cannot be kept: nothing is sent that is not in it.
    pub(super) async fn read<L: List>(
        &self,
        list: &L,
        most: u64,
        mut take: impl FnMut(L::Item),
    ) -> Result<Read, StoreError> {
        let mut left = self.patience.limit;
        let mut next: Option<NextPage> = None;
        let mut read = Read { end: ReadEnd::TooLong, calls: 0, date: None, throttled: Vec::new() };
        for _ in 0..most {
            let page = match self.page(list, next.as_ref(), &mut read, &mut left).await? {
                Ok(page) => page,
                Err(end) => return Ok(Read { end, ..read }),
            };
            page.items.into_iter().for_each(&mut take);
            read.date = page.date;
            if page.next.is_none() || page.next == next {
                return Ok(Read { end: ReadEnd::Whole, ..read });
            }
            next = page.next;
        }
        Ok(read)
    }

    /// One page, asked for again where that can help.
    async fn page<L: List>(
        &self,
        list: &L,
        next: Option<&NextPage>,
        read: &mut Read,
        left: &mut Duration,
    ) -> Result<Result<ListPage<L::Item>, ReadEnd>, StoreError> {
        let mut tries = 0;
        loop {
            let (call, claimed_at) = match self.slot(left).await? {
                Ok(slot) => slot,
                Err(end) => return Ok(Err(end)),
            };
            read.calls += 1;
            let given_up = || Err(Reply::NoAnswer { why: "it was not waited for".to_owned() });
            let verdict = match self.in_time(list.page(next)).await.unwrap_or_else(given_up) {
                Ok(page) => {
                    self.settle(call, None).await?;
                    return Ok(Ok(page));
                }
                Err(reply) => list_verdict(&reply),
            };
            let budget = self.settle(call, Some(verdict.clone())).await?;
            read.calls -= u64::from(matches!(verdict, Verdict::NeverLeft { .. }));
            read.throttled.extend(ThrottledCall::of(Operation::Read, claimed_at, &verdict, budget));
            tries += 1;
            match self.refused(verdict, &mut tries).await {
                Some(end) => return Ok(Err(end)),
                None => self.pause(tries).await,
            }
        }
    }

    /// A token, and then a slot that may be used at once. One that a slow store gave too late could
    /// be counted by the server after its horizon, so it is given back.
    async fn slot(
        &self,
        left: &mut Duration,
    ) -> Result<Result<(CallId, Stamp), ReadEnd>, StoreError> {
        let clock = self.store.clock();
        loop {
            if self.patience.is_over(clock.now()) {
                return Ok(Err(self.late()));
            }
            match self.in_time(self.api.ready()).await {
                Some(Ok(())) => {}
                Some(Err(error)) => return Ok(Err(ReadEnd::SignIn(error))),
                None => return Ok(Err(self.late())),
            }
            let waited = match self.claim().await? {
                ReadAnswer::NotYet(no) => self.wait(no, left).await,
                ReadAnswer::Call(call, claimed_at) => {
                    let now = clock.now();
                    if !self.timing.is_late(claimed_at, now) {
                        return Ok(Ok((call, claimed_at)));
                    }
                    let too_late = Reply::too_late();
                    self.settle(call, Some(list_verdict(&too_late))).await?;
                    self.spend(now.since(claimed_at), left)
                }
            };
            if let Err(end) = waited {
                return Ok(Err(end));
            }
        }
    }

    async fn claim(&self) -> Result<ReadAnswer, StoreError> {
        match &self.slots {
            Slots::Campaign(campaign) => self.store.claim_read(*campaign).await,
            Slots::Budget(budget, quotas) => self.store.claim_on(budget, quotas.clone()).await,
        }
    }

    async fn settle(
        &self,
        call: CallId,
        verdict: Option<Verdict>,
    ) -> Result<BudgetState, StoreError> {
        let optional = self.patience.bound.is_some();
        self.store.settle_read(call, ReadSettlement { verdict, optional }).await
    }

    /// What comes while the list may still take time; `None` if it takes longer.
    async fn in_time<T>(&self, what: impl Future<Output = T> + Send) -> Option<T> {
        let Some((ends, _)) = self.patience.bound else { return Some(what.await) };
        tokio::select! {
            biased;
            done = what => Some(done),
            () = self.store.clock().sleep_until(ends) => None,
        }
    }

    fn late(&self) -> ReadEnd {
        let length = self.patience.bound.map_or(Duration::ZERO, |(_, length)| length);
        let tenths = (length.as_secs_f64() * 10.0).round() / 10.0;
        ReadEnd::Late(format!("it took more than {tenths} s"))
    }

    /// Waits for the limit, or says that it would take too long.
    async fn wait(&self, no: NotYet, left: &mut Duration) -> Result<(), ReadEnd> {
        let clock = self.store.clock();
        let now = clock.now();
        let whole = no.at.since(now);
        if whole > *left || self.patience.is_over(no.at) {
            let why = format!(
                "the limit for reading is used up for {} s ({})",
                whole.as_secs() + 1,
                no.hold
            );
            return Err(self.gave_up(why));
        }
        // Another process's answer can open a slot earlier.
        let wait = whole.min(self.timing.poll).max(Duration::from_millis(1));
        clock.sleep_until(now.plus(wait)).await;
        *left = left.saturating_sub(wait);
        Ok(())
    }

    /// Counts time that this machine lost, or says that it was too much.
    fn spend(&self, lost: Duration, left: &mut Duration) -> Result<(), ReadEnd> {
        if lost > *left {
            return Err(self.gave_up("this machine was too slow to use its slots".to_owned()));
        }
        *left -= lost;
        Ok(())
    }

    fn gave_up(&self, why: String) -> ReadEnd {
        if self.patience.bound.is_some() { ReadEnd::Late(why) } else { ReadEnd::Failed(why) }
    }

    /// What a refusal means for the list; `None` if asking again can help.
    async fn refused(&self, verdict: Verdict, tries: &mut u32) -> Option<ReadEnd> {
        let patience = &self.patience;
        let now = self.store.clock().now();
        let again = now.plus(self.breath(*tries));
        let spent = *tries >= patience.tries || patience.is_over(again);
        let end = match verdict {
            Verdict::Forbidden(refusal) => ReadEnd::Forbidden(refusal),
            Verdict::Rejected(refusal) if refusal.code.is_some() && refusal.status == 403 => {
                ReadEnd::Forbidden(refusal)
            }
            Verdict::Rejected(refusal) if refusal.code.is_some() && refusal.status == 400 => {
                ReadEnd::Rejected(refusal)
            }
            Verdict::Rejected(refusal) | Verdict::NotFound(refusal) => {
                ReadEnd::Failed(refusal.words())
            }
            Verdict::Unauthorized(refusal) => {
                self.api.token_refused().await;
                if !patience.one_try && *tries <= 1 {
                    return None;
                }
                ReadEnd::Failed(format!("the API refused the token (401): {}", said(refusal)))
            }
            Verdict::Throttled { .. } if patience.one_try => {
                ReadEnd::Failed("the API's limit for the list (429)".to_owned())
            }
            Verdict::Throttled { refusal, .. } if patience.limit.is_zero() => {
                ReadEnd::Late(refusal.words())
            }
            // The pause is the budget's, and so is the patience with it.
            Verdict::Throttled { .. } => {
                *tries -= 1;
                return None;
            }
            Verdict::Doubtful { .. } if patience.is_over(now) => self.late(),
            Verdict::Doubtful { why, .. } | Verdict::NeverLeft { why } => {
                if !spent {
                    return None;
                }
                ReadEnd::Failed(why)
            }
            other => ReadEnd::Failed(format!("an answer that cannot be used ({})", other.name())),
        };
        Some(end)
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

/// Whether the API itself said 404, and not a gateway before it.
fn is_404(answer: &Answer) -> bool {
    answer.status == 404 && matches!(&answer.body, Body::Error(error) if !error.code.is_empty())
}

/// A refusal in the API's own words.
pub(super) fn said(refusal: Refusal) -> String {
    let code = refusal.code.unwrap_or_default();
    match refusal.message {
        Some(message) if !message.is_empty() => message,
        _ if code.is_empty() => format!("status {}", refusal.status),
        _ => code,
    }
}
