//! What became of calls, and what the journal says of a budget to who only looks.

use std::collections::BTreeMap;
use std::time::Duration;

use super::claims::in_force;
use super::known::unknown_call;
use super::rows::first_claim;
use crate::domain::settle::{self, Rows};
use crate::domain::text::storable;
use crate::domain::{BudgetKey, BudgetState, CallId, Life, Settled, Settlement, Usage, Verdict};
use crate::store::ReadSettlement;
use crate::store::tables::{Call, Done, Entry, ReadCall, Settling, Tables};

pub(super) async fn settle<T: Tables>(
    tables: &mut T,
    id: CallId,
    settlement: &Settlement,
) -> Done<T, Settled> {
    let Some(call) = tables.call(id).await? else {
        missing(tables, id).await?;
        let life = Life::default();
        return Ok(Settled { before: life, after: life, budget: BudgetState::default() });
    };
    let Call { budget, state: paused, campaign, row, record, judging, notes: known } = call;
    let (mut life, mut detail) = (row.life, row.detail.clone());
    let (mut state, mut notes) = (paused, known);
    let now = tables.now();
    let first = match (known.first_contact, settlement.server_date) {
        (None, Some(_)) => first_claim(tables, campaign).await?,
        _ => None,
    };
    let ago = now.since(first.unwrap_or(now).min(record.claimed_at));
    settle::note_server(&mut notes, settlement, ago, tables.timing());
    let rows = Rows { life: &mut life, detail: &mut detail, budget: &mut state };
    let seen_by = settle::settle(record, settlement, judging, now, tables.timing(), rows);
    let verdict = &settlement.verdict;
    let before = row.life;
    let changed = (life, &detail) != (before, &row.detail);
    let never_left = matches!(verdict, Verdict::NeverLeft { .. });
    let settling = Settling {
        entry: Entry {
            call: id,
            seen_by,
            settled_at: now,
            over: settlement.over_at,
            verdict: verdict.name(),
            status: verdict.status(),
            message: message(verdict),
        },
        row: if changed { Some((campaign, row.moved(life, Some(detail)))) } else { None },
        budget: if state == paused { None } else { Some((budget, state)) },
        notes: if notes == known { None } else { Some((campaign, notes)) },
        taken_back: if never_left { Some(campaign) } else { None },
    };
    tables.settle(settling).await?;
    Ok(Settled { before, after: life, budget: state })
}

pub(super) async fn settle_read<T: Tables>(
    tables: &mut T,
    id: CallId,
    settlement: &ReadSettlement,
) -> Done<T, BudgetState> {
    let Some(call) = tables.read_call(id).await? else {
        missing(tables, id).await?;
        return Ok(BudgetState::default());
    };
    let ReadCall { budget, state: before, claimed_at } = call;
    let mut state = before;
    let now = tables.now();
    let (verdict, optional) = (settlement.verdict.as_ref(), settlement.optional);
    let timing = tables.timing();
    let seen_by = settle::settle_read(&mut state, verdict, optional, claimed_at, now, timing);
    let entry = Entry {
        call: id,
        seen_by,
        settled_at: now,
        over: tables.utc(),
        verdict: verdict.map_or("page", Verdict::name),
        status: verdict.map_or(Some(200), Verdict::status),
        message: verdict.and_then(message),
    };
    let budget = if state == before { None } else { Some((budget, state)) };
    tables.settle(Settling { entry, row: None, budget, notes: None, taken_back: None }).await?;
    Ok(state)
}

/// A call that is not in the journal. One that was forgotten has nothing to write its answer to:
/// its device waits again, and the list of actions tells what became of it before it is ordered.
async fn missing<T: Tables>(tables: &mut T, id: CallId) -> Done<T, ()> {
    if tables.may_lack_calls().await? { Ok(()) } else { Err(unknown_call(id)) }
}

/// The latest calls of a budget, its pauses, and all quotas on it at this moment.
pub(super) async fn usage<T: Tables>(
    tables: &mut T,
    key: &BudgetKey,
    latest: usize,
) -> Done<T, Usage> {
    let Some(budget) = tables.budget(key).await? else { return Ok(Usage::default()) };
    let seen_by = tables.latest(budget.id, latest).await?;
    let quotas = in_force(budget.quotas, &budget.state, tables.now());
    Ok(Usage { seen_by, state: budget.state, quotas })
}

/// How many calls of a budget had which result.
pub(super) async fn results<T: Tables>(
    tables: &mut T,
    key: &BudgetKey,
) -> Done<T, BTreeMap<String, u64>> {
    /// Longer than any answer is waited for.
    const ANSWER: Duration = Duration::from_secs(600);
    let Some(budget) = tables.budget(key).await? else { return Ok(BTreeMap::new()) };
    let since = tables.now().minus(ANSWER);
    tables.results(budget.id, since).await
}

/// What the server said, or what happened to the call.
fn message(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::Accepted { .. } => None,
        Verdict::Busy { refusal, .. }
        | Verdict::Throttled { refusal, .. }
        | Verdict::Rejected(refusal)
        | Verdict::Forbidden(refusal)
        | Verdict::NotFound(refusal)
        | Verdict::Unauthorized(refusal) => refusal.message.clone(),
        Verdict::Doubtful { why, .. } | Verdict::NeverLeft { why } => Some(why.clone()),
    }
    .map(storable)
}
