//! Claims: what the limit says to one more call, and what is written when it says yes.

use std::collections::BTreeSet;

use super::cancel::{doubt_waiting, end_waiting};
use super::known::{broken, unknown_campaign};
use crate::domain::hold::{BeforeTheLimit, Hold, NotYet, not_yet};
use crate::domain::lifecycle::{self, LifeEvent};
use crate::domain::settle::CallRecord;
use crate::domain::{
    BudgetKey, BudgetState, BusyPolicy, CallId, CampaignId, Operation, Quota, Stamp,
};
use crate::store::tables::{Budget, Claiming, Done, NewCall, Nth, RowChange, Tables, Wake};
use crate::store::{Claim, ClaimAnswer, ReadAnswer};

/// Whose call it is, and what it asks.
#[derive(Default)]
struct Asks {
    campaign: Option<CampaignId>,
    claimed: Option<RowChange>,
    attempt: u32,
}

/// What a claim of this campaign after `pending` others would be told.
pub(super) async fn peek<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    pending: usize,
) -> Done<T, Option<NotYet>> {
    Ok(claiming(tables, campaign, Operation::Scan, pending).await?.1)
}

pub(super) async fn claim<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    allow_repeat: bool,
) -> Done<T, ClaimAnswer> {
    let (claiming, no) = claiming(tables, campaign, Operation::Scan, 0).await?;
    if let Some(no) = no {
        return Ok(ClaimAnswer::NotYet(no));
    }
    let now = tables.now();
    let Claiming { budget, decided, wave, due } = claiming;
    if decided.called_off {
        end_waiting(tables, campaign).await?;
        let Wake { at, .. } = tables.wake(campaign, wave, now).await?;
        return Ok(ClaimAnswer::Idle { wake: at, repeats_only: false });
    }
    if decided.forgotten {
        doubt_waiting(tables, campaign, now).await?;
        let Wake { at, .. } = tables.wake(campaign, wave, now).await?;
        return Ok(ClaimAnswer::Idle { wake: at, repeats_only: false });
    }
    if due {
        tables.promote(campaign, now).await?;
    }
    let Some(next) = tables.next_device(campaign, wave, allow_repeat).await? else {
        let Wake { at, could_ask } = tables.wake(campaign, wave, now).await?;
        return Ok(ClaimAnswer::Idle { wake: at, repeats_only: could_ask });
    };
    let until = now.plus(tables.timing().horizon());
    // A claim goes the same way under every policy for busy devices.
    let claimed = LifeEvent::Claimed(until);
    let after = lifecycle::next(next.life, claimed, BusyPolicy::default(), tables.timing())
        .map_err(|illegal| broken(illegal.to_string()))?;
    let device = next.device.ok_or_else(|| broken("a queued row has no device"))?;
    let (seq, attempt) = (next.seq, after.attempt);
    let claimed = Some(next.moved(after, None));
    let asks = Asks { campaign: Some(campaign), claimed, attempt };
    let call = enter(tables, &budget, asks, now).await?;
    let repeat = after.is_repeat();
    Ok(ClaimAnswer::Call(Claim { call, seq, device, attempt, claimed_at: now, repeat }))
}

pub(super) async fn claim_read<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
) -> Done<T, ReadAnswer> {
    let (claiming, no) = claiming(tables, campaign, Operation::Read, 0).await?;
    if let Some(no) = no {
        return Ok(ReadAnswer::NotYet(no));
    }
    let now = tables.now();
    let asks = Asks { campaign: Some(campaign), ..Asks::default() };
    let call = enter(tables, &claiming.budget, asks, now).await?;
    Ok(ReadAnswer::Call(call, now))
}

pub(super) async fn claim_on<T: Tables>(
    tables: &mut T,
    key: &BudgetKey,
    quotas: &[Quota],
) -> Done<T, ReadAnswer> {
    tables.budget_id(key).await?;
    let budget = tables.budget(key).await?.ok_or_else(|| broken("a budget vanished"))?;
    let now = tables.now();
    let theirs = budget.quotas.iter().chain(quotas);
    let quotas = in_force(theirs.copied(), &budget.state, now);
    if let Some(no) = by_limit(tables, &budget, &quotas, 0).await? {
        return Ok(ReadAnswer::NotYet(no));
    }
    let call = enter(tables, &budget, Asks::default(), now).await?;
    Ok(ReadAnswer::Call(call, now))
}

/// These quotas and those that the server named, each once, in ascending order: together they are
/// the strictest setting.
pub(super) fn in_force(
    quotas: impl IntoIterator<Item = Quota>,
    state: &BudgetState,
    now: Stamp,
) -> Vec<Quota> {
    let all: BTreeSet<Quota> = quotas.into_iter().chain(state.named.in_force(now)).collect();
    all.into_iter().collect()
}

/// What a claim goes by, and what it is refused with.
async fn claiming<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    operation: Operation,
    pending: usize,
) -> Done<T, (Claiming, Option<NotYet>)> {
    let now = tables.now();
    let claiming = tables.claiming(campaign, operation, now).await?.ok_or_else(unknown_campaign)?;
    match claiming.decided.answer(operation, now, tables.timing()) {
        BeforeTheLimit::NeedsNoSlot => return Ok((claiming, None)),
        BeforeTheLimit::NotYet(no) => return Ok((claiming, Some(no))),
        BeforeTheLimit::AskTheLimit => {}
    }
    let budget = &claiming.budget;
    let quotas = in_force(budget.quotas.iter().copied(), &budget.state, now);
    let no = by_limit(tables, budget, &quotas, pending).await?;
    Ok((claiming, no))
}

/// What the limit says to one more call after `pending` others.
///
/// Only calls later than `now - reopens_after` are counted. That changes nothing: an L-th call that
/// is older would let the quota pass, and none lets it pass too; one that still refuses is within
/// the bound, and so are the L - 1 before it. It keeps a lifted quota such as 1000000/1s cheap.
async fn by_limit<T: Tables>(
    tables: &mut T,
    budget: &Budget,
    quotas: &[Quota],
    pending: usize,
) -> Done<T, Option<NotYet>> {
    let now = tables.now();
    if budget.free_at > now {
        return Ok(Some(NotYet { at: budget.free_at, hold: Hold::Forgotten }));
    }
    let nth = |quota: &Quota| {
        let taken = u64::try_from(pending).unwrap_or(u64::MAX);
        let place = u64::from(quota.calls.get()).saturating_sub(taken).max(1);
        let after = now.minus(quota.reopens_after(tables.timing())).max(Stamp::ZERO);
        Nth { place, after }
    };
    let places: Vec<Nth> = quotas.iter().map(nth).collect();
    // A journal with fewer calls than the smallest quota refuses nothing.
    let nth = if places.iter().all(|nth| nth.place > budget.calls) {
        vec![None; places.len()]
    } else {
        tables.nth_latest(budget.id, &places).await?
    };
    Ok(not_yet(quotas, tables.timing(), &nth, &budget.state, pending, now))
}

/// Writes a call into the journal, with its slot counted until the horizon.
async fn enter<T: Tables>(
    tables: &mut T,
    budget: &Budget,
    asks: Asks,
    now: Stamp,
) -> Done<T, CallId> {
    let mut state = budget.state;
    state.on_claim(now, tables.timing());
    let Asks { campaign, claimed, attempt } = asks;
    let record = CallRecord { attempt, claimed_at: now };
    let seen_by = now.plus(tables.timing().horizon());
    let utc = tables.utc();
    tables
        .enter(NewCall { budget: budget.id, state, campaign, claimed, record, seen_by, utc })
        .await
}
