//! One call: token in hand, slot, send, verdict, settle. Each step is durable before the next, and
//! one slot is one request. What the answer means for the rest is not judged here.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::counts::Counts;
use crate::clock::Clock;
use crate::defender::{ScanApi, SignInError};
use crate::domain::refusals::{self, Refused};
use crate::domain::settle::Settlement;
use crate::domain::{BudgetState, Operation, Reply, Stamp, Timing, Verdict};
use crate::store::{NotYet, Result, Store};

/// Makes calls of one kind. All tasks share it.
pub(crate) trait Caller: Send + Sync + Sized + 'static {
    /// The store whose journal the calls go into.
    type Store: Store;
    /// The client.
    type Api: ScanApi;
    /// What a call is to be made for.
    type Item: Send + 'static;
    /// A call that has its slot.
    type Claim: Send + Sync + 'static;
    /// What settling a call wrote.
    type Settled: Send + 'static;

    /// What is called.
    const OPERATION: Operation;

    /// How many calls may ask for a slot at once. It is one where the store cannot be asked before
    /// whether a slot is due.
    const CLAIMS: usize;

    /// The store.
    fn store(&self) -> &Self::Store;

    /// The client.
    fn api(&self) -> &Self::Api;

    /// Whether calls may leave at this moment.
    fn is_open(&self) -> bool {
        true
    }

    /// Takes a slot.
    fn claim(&self, item: Self::Item) -> impl Future<Output = Result<Claimed<Self>>> + Send;

    /// Sends one request.
    fn send(&self, claim: &Self::Claim) -> impl Future<Output = Reply> + Send;

    /// Judges what came of it.
    fn judge(&self, claim: &Self::Claim, reply: &Reply, took: Duration) -> Verdict;

    /// Writes what became of the call; the budget after it is part of that.
    fn settle(
        &self,
        claim: &Self::Claim,
        settlement: Settlement,
    ) -> impl Future<Output = Result<(BudgetState, Self::Settled)>> + Send;
}

/// The answer to a question for a slot.
pub(crate) enum Claimed<C: Caller> {
    /// A slot, taken at this moment.
    Call(Stamp, C::Claim),
    /// None for this item.
    No(C::Item, Unclaimed),
}

/// Why there is no slot.
#[derive(Debug)]
pub(crate) enum Unclaimed {
    /// There is no token; the store was not asked.
    SignIn(SignInError),
    /// The limit says no.
    NotYet(NotYet),
    /// There is nothing to call for now: as far as the store knows, until then, and whether all
    /// that is left are repeats that were not allowed.
    Idle { wake: Option<Stamp>, repeats_only: bool },
}

/// How a call ended.
pub(super) enum Called<C: Caller> {
    /// It got no slot.
    Unclaimed(C::Item, Unclaimed),
    /// It was made, or given up in time, and is settled.
    Done(Box<Done<C>>),
}

/// A call that is settled.
pub(crate) struct Done<C: Caller> {
    pub(crate) claim: C::Claim,
    pub(crate) settled: C::Settled,
    pub(crate) answer: Answer,
}

/// What became of one call, as far as it concerns all others.
#[derive(Debug)]
pub(crate) struct Answer {
    /// When its slot was taken.
    pub(crate) claimed_at: Stamp,
    /// What came of it.
    pub(crate) verdict: Verdict,
    /// What the answer refuses, if it does.
    pub(crate) refused: Option<Refused>,
    /// How long it took.
    pub(crate) took: Duration,
    /// The budget after it.
    pub(crate) budget: BudgetState,
    /// It was given up, since this machine was too slow or stopped between slot and send, or since
    /// calls may leave no more.
    pub(crate) late: bool,
}

/// Makes one call.
pub(super) async fn call<C: Caller>(
    caller: Arc<C>,
    counts: Arc<Counts>,
    timing: Timing,
    item: C::Item,
) -> Result<Called<C>> {
    let claimed = claim(&*caller, &counts, item).await;
    if counts.claiming.fetch_sub(1, Ordering::SeqCst) >= C::CLAIMS {
        counts.claim_ended.notify_one();
    }
    match claimed? {
        Claimed::No(item, why) => Ok(Called::Unclaimed(item, why)),
        Claimed::Call(claimed_at, claim) => {
            counts.sending.fetch_add(1, Ordering::SeqCst);
            let done = send(&*caller, &counts, &timing, claimed_at, claim).await;
            counts.sending.fetch_sub(1, Ordering::SeqCst);
            Ok(Called::Done(Box::new(done?)))
        }
    }
}

/// The token first, so that nothing comes between slot and send.
async fn claim<C: Caller>(caller: &C, counts: &Counts, item: C::Item) -> Result<Claimed<C>> {
    counts.signing_in.fetch_add(1, Ordering::SeqCst);
    // A sign-in that takes long holds up no stop.
    let ready = tokio::select! {
        biased;
        () = counts.halted() => Ok(()),
        ready = caller.api().ready() => ready,
    };
    counts.signing_in.fetch_sub(1, Ordering::SeqCst);
    if let Err(error) = ready {
        return Ok(Claimed::No(item, Unclaimed::SignIn(error)));
    }
    if counts.is_halted() || !caller.is_open() {
        // The stop came while a token was fetched, or the window closed.
        return Ok(Claimed::No(item, Unclaimed::Idle { wake: None, repeats_only: false }));
    }
    let claimed = caller.claim(item).await?;
    if let Claimed::Call(..) = claimed {
        counts.calls.fetch_add(1, Ordering::SeqCst);
    }
    Ok(claimed)
}

async fn send<C: Caller>(
    caller: &C,
    counts: &Counts,
    timing: &Timing,
    claimed_at: Stamp,
    claim: C::Claim,
) -> Result<Done<C>> {
    let clock = caller.store().clock();
    let (sent_at, start) = (clock.utc(), clock.now());
    let given_up = if timing.is_late(claimed_at, start) {
        Some(Reply::too_late())
    } else if caller.is_open() {
        None
    } else {
        Some(Reply::NeverLeft { why: "its hours ended after its slot was taken".to_owned() })
    };
    let late = given_up.is_some();
    let reply = match given_up {
        Some(reply) => reply,
        None => {
            counts.unanswered.fetch_add(1, Ordering::SeqCst);
            let reply = caller.send(&claim).await;
            counts.unanswered.fetch_sub(1, Ordering::SeqCst);
            reply
        }
    };
    let took = clock.now().since(start);
    let verdict = caller.judge(&claim, &reply, took);
    if let Verdict::Unauthorized(_) = verdict {
        caller.api().token_refused().await;
    }
    if let Verdict::NeverLeft { .. } = verdict {
        counts.calls.fetch_sub(1, Ordering::SeqCst);
    }
    let refused = refusals::refused(&reply, &verdict);
    let server_date = match &reply {
        Reply::Answer(answer) => answer.date,
        Reply::NoAnswer { .. } | Reply::NeverLeft { .. } => None,
    };
    let (settled_verdict, over_at) = (verdict.clone(), clock.utc());
    let settlement = Settlement { verdict: settled_verdict, server_date, took, sent_at, over_at };
    let (budget, settled) = caller.settle(&claim, settlement).await?;
    Ok(Done { claim, settled, answer: Answer { claimed_at, verdict, refused, took, budget, late } })
}
