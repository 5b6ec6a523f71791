//! One order: token in hand, claim, send, settle. Each step is durable before the next, and one
//! claim is one request.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Shared;
use crate::clock::Clock;
use crate::defender::{ScanApi, ScanOrder, SignInError};
use crate::domain::refusals::{self, Refused};
use crate::domain::verdict::{Asked, verdict};
use crate::domain::{Reply, Settled, Stamp, Verdict, settle};
use crate::store::{Claim, ClaimAnswer, NotYet, Store, StoreError};

/// How an order ended.
pub(super) enum OrderEnd {
    /// No token; nothing was claimed.
    SignIn(SignInError),
    /// The limit said no after all.
    NotYet(NotYet),
    /// The store has no device to ask now.
    Idle { wake: Option<Stamp>, repeats_only: bool },
    /// A call was made, or given up in time, and is settled.
    Settled(Box<Settlement>),
}

/// A settled call.
pub(super) struct Settlement {
    pub(super) claim: Claim,
    pub(super) verdict: Verdict,
    pub(super) settled: Settled,
    pub(super) took: Duration,
    /// What the answer refuses, if it does.
    pub(super) refused: Option<Refused>,
    /// It was given up, since this machine was too slow or stopped between claim and send, or since
    /// the window closed.
    pub(super) late: bool,
}

/// Runs one order.
pub(super) async fn run<S: Store, A: ScanApi>(
    shared: Arc<Shared<S, A>>,
    allow_repeat: bool,
) -> Result<OrderEnd, StoreError> {
    let claimed = claim(&shared, allow_repeat).await;
    shared.counts.claiming.fetch_sub(1, Ordering::SeqCst);
    match claimed {
        Err(error) => Ok(OrderEnd::SignIn(error)),
        Ok(answer) => match answer? {
            ClaimAnswer::NotYet(not_yet) => Ok(OrderEnd::NotYet(not_yet)),
            ClaimAnswer::Idle { wake, repeats_only } => Ok(OrderEnd::Idle { wake, repeats_only }),
            ClaimAnswer::Call(claim) => {
                shared.counts.sending.fetch_add(1, Ordering::SeqCst);
                let sent = send(&shared, claim).await;
                shared.counts.sending.fetch_sub(1, Ordering::SeqCst);
                Ok(OrderEnd::Settled(Box::new(sent?)))
            }
        },
    }
}

async fn claim<S: Store, A: ScanApi>(
    shared: &Shared<S, A>,
    allow_repeat: bool,
) -> Result<Result<ClaimAnswer, StoreError>, SignInError> {
    shared.api.ready().await?;
    if shared.counts.halted.load(Ordering::SeqCst) || !shared.is_open() {
        // The stop came while a token was fetched, or the window closed.
        return Ok(Ok(ClaimAnswer::Idle { wake: None, repeats_only: false }));
    }
    let answer = shared.store.claim(shared.campaign.id, allow_repeat).await;
    if let Ok(ClaimAnswer::Call(claim)) = &answer {
        shared.counts.calls.fetch_add(1, Ordering::SeqCst);
        shared.counts.repeats.fetch_add(u64::from(claim.repeat), Ordering::SeqCst);
    }
    Ok(answer)
}

async fn send<S: Store, A: ScanApi>(
    shared: &Shared<S, A>,
    claim: Claim,
) -> Result<Settlement, StoreError> {
    let Shared { store, api, campaign, timing, .. } = shared;
    let (mark, text) = (campaign.mark(), campaign.order.text());
    let order = ScanOrder {
        device: claim.device,
        scan_type: campaign.order.scan_type,
        comment: mark.comment(&text),
    };
    let (sent_at, start) = (store.clock().utc(), store.clock().now());
    let refusal = if timing.is_late(claim.claimed_at, start) {
        Some(Reply::too_late())
    } else if shared.is_open() {
        None
    } else {
        Some(Reply::NeverLeft { why: "its hours ended after its slot was taken".to_owned() })
    };
    let late = refusal.is_some();
    let reply = match refusal {
        Some(refusal) => refusal,
        None => api.scan(&order).await,
    };
    let took = store.clock().now().since(start);
    let asked = Asked {
        device: claim.device,
        scan_type: campaign.order.scan_type,
        mark: &mark,
        comment: &text,
        took,
    };
    let verdict = verdict(&reply, &asked, timing);
    if let Verdict::Unauthorized(_) = verdict {
        api.token_refused().await;
    }
    if let Verdict::Accepted { comment_changed: false, .. } = verdict {
        shared.counts.comments_kept.store(true, Ordering::SeqCst);
    }
    let uses_nothing_up = matches!(
        verdict,
        Verdict::Unauthorized(_) | Verdict::Throttled { .. } | Verdict::NeverLeft { .. }
    );
    if matches!(verdict, Verdict::Doubtful { .. } | Verdict::NotFound(_)) {
        shared.counts.doubts.fetch_add(1, Ordering::SeqCst);
    }
    if let Verdict::NeverLeft { .. } = verdict {
        shared.counts.calls.fetch_sub(1, Ordering::SeqCst);
    }
    if claim.repeat && uses_nothing_up {
        shared.counts.repeats.fetch_sub(1, Ordering::SeqCst);
    }
    let refused = refusals::refused(&reply, &verdict);
    let server_date = match &reply {
        Reply::Answer(answer) => answer.date,
        Reply::NoAnswer { .. } | Reply::NeverLeft { .. } => None,
    };
    let over_at = store.clock().utc();
    let settlement =
        settle::Settlement { verdict: verdict.clone(), server_date, took, sent_at, over_at };
    let settled = store.settle(claim.call, settlement).await?;
    shared.note_result(settled.before, settled.after);
    Ok(Settlement { claim, verdict, settled, took, refused, late })
}
