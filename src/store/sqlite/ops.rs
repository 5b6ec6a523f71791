//! What each writing verb does inside the writer's transaction: rows are read, `domain` decides,
//! rows are written. It holds no SQL and no rule.

use sqlx::SqliteConnection;

use super::fault::{Fault, broken};
use super::sql::{self, Script};
use super::{Shared, boot};
use crate::clock::Clock;
use crate::domain::lifecycle::{self, LifeEvent};
use crate::domain::settle::{self, CallRecord, Rows, Settlement};
use crate::domain::{
    Action, BudgetKey, BudgetState, CallId, Campaign, CampaignId, CampaignState, Detail, Finding,
    Life, NewRow, Opened, Opening, Operation, Quota, Seq, Settled, Tally, Verdict,
};
use crate::store::{
    Claim, ClaimAnswer, NotYet, ReadAnswer, ReadSettlement, not_yet, paused, yields,
};

type Done<T> = std::result::Result<T, Fault>;

pub(super) async fn append(
    conn: &mut SqliteConnection,
    draft: CampaignId,
    rows: &[NewRow],
) -> Done<()> {
    let there = sql::draft_rows(conn, draft).await?.ok_or_else(unknown_campaign)?;
    sql::append(conn, draft, there, rows).await
}

pub(super) async fn open<C: Clock>(
    conn: &mut SqliteConnection,
    shared: &Shared<C>,
    draft: CampaignId,
    opening: &Opening,
) -> Done<Opened> {
    if let Some(there) = sql::find(conn, &opening.name).await? {
        let mut differs = there.order.differences(&opening.order);
        if there.emulated != opening.emulated {
            differs.push("the emulator".to_owned());
        }
        sql::delete_draft(conn, draft).await?;
        let goes_on = differs.is_empty() && there.state == CampaignState::Open;
        return Ok(if goes_on { Opened::Continues(there.id) } else { Opened::Taken(differs) });
    }
    sql::draft_rows(conn, draft).await?.ok_or_else(unknown_campaign)?;
    let target = &opening.order.target;
    let scan = sql::budget_id(conn, &target.budget(Operation::Scan)).await?;
    let read = sql::budget_id(conn, &target.budget(Operation::Read)).await?;
    sql::confirm(conn, draft, opening, (scan, read), shared.clock.utc()).await?;
    sql::set_quotas(conn, draft, &opening.quotas).await?;
    sql::queue_drafts(conn, draft).await?;
    Ok(Opened::New(draft))
}

pub(super) async fn join(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    quotas: &[Quota],
) -> Done<()> {
    known(conn, campaign).await?;
    sql::set_quotas(conn, campaign, quotas).await
}

/// What the limit says to one more call, and the budget that it says it for.
pub(super) async fn refusal<C: Clock>(
    conn: &mut SqliteConnection,
    shared: &Shared<C>,
    campaign: CampaignId,
    operation: Operation,
    pending: usize,
) -> Done<(sql::Budget, Option<NotYet>)> {
    let timing = &shared.timing;
    let now = shared.clock.now();
    let budget = sql::budget_of(conn, campaign, operation, now).await?;
    let budget = budget.ok_or_else(unknown_campaign)?;
    if budget.called_off && operation == Operation::Scan {
        // No slot is needed for a claim that only ends what waits.
        return Ok((budget, None));
    }
    if budget.paused && operation == Operation::Scan {
        return Ok((budget, Some(paused(now, timing))));
    }
    if let Some(ahead) = budget.ahead {
        return Ok((budget, Some(yields(ahead, now, timing))));
    }
    let nth = sql::nth_latest(conn, &budget, timing, now, pending).await?;
    let refusal = not_yet(&budget.quotas, timing, &nth, &budget.state, pending, now);
    Ok((budget, refusal))
}

pub(super) async fn claim<C: Clock>(
    conn: &mut SqliteConnection,
    shared: &Shared<C>,
    campaign: CampaignId,
    allow_repeat: bool,
) -> Done<ClaimAnswer> {
    let timing = &shared.timing;
    let (budget, refusal) = refusal(conn, shared, campaign, Operation::Scan, 0).await?;
    if let Some(not_yet) = refusal {
        return Ok(ClaimAnswer::NotYet(not_yet));
    }
    let now = shared.clock.now();
    if budget.called_off {
        super::cancel::end_waiting(conn, shared, campaign).await?;
        let (wake, _) = sql::wake(conn, campaign, budget.wave, now).await?;
        return Ok(ClaimAnswer::Idle { wake, repeats_only: false });
    }
    if budget.due {
        sql::promote(conn, campaign, now).await?;
    }
    let Some(next) = sql::next_device(conn, campaign, budget.wave, allow_repeat).await? else {
        let (wake, repeats_only) = sql::wake(conn, campaign, budget.wave, now).await?;
        return Ok(ClaimAnswer::Idle { wake, repeats_only });
    };
    let until = now.plus(timing.horizon());
    // A claim goes the same way under every policy for busy devices.
    let busy = Default::default();
    let after = lifecycle::next(next.life, LifeEvent::Claimed(until), busy, timing)
        .map_err(|illegal| broken(illegal.to_string()))?;
    let device = next.device.ok_or_else(|| broken("a queued row has no device"))?;
    let record = CallRecord { attempt: after.attempt, claimed_at: now };
    let mut script = Script::default();
    sql::add_life(&mut script, campaign, (next.seq, next.device), (next.life, after), None)?;
    let whose = (Some(campaign), Some(next.seq));
    let call = enter(conn, script, shared, &budget, whose, record).await?;
    Ok(ClaimAnswer::Call(Claim {
        call,
        seq: next.seq,
        device,
        attempt: after.attempt,
        claimed_at: now,
        repeat: after.is_repeat(),
    }))
}

pub(super) async fn claim_read<C: Clock>(
    conn: &mut SqliteConnection,
    shared: &Shared<C>,
    campaign: CampaignId,
) -> Done<ReadAnswer> {
    let (budget, refusal) = refusal(conn, shared, campaign, Operation::Read, 0).await?;
    if let Some(not_yet) = refusal {
        return Ok(ReadAnswer::NotYet(not_yet));
    }
    let now = shared.clock.now();
    let record = CallRecord { attempt: 0, claimed_at: now };
    let script = Script::default();
    let call = enter(conn, script, shared, &budget, (Some(campaign), None), record).await?;
    Ok(ReadAnswer::Call(call, now))
}

pub(super) async fn claim_on<C: Clock>(
    conn: &mut SqliteConnection,
    shared: &Shared<C>,
    budget: &BudgetKey,
    quotas: &[Quota],
) -> Done<ReadAnswer> {
    let now = shared.clock.now();
    let budget = sql::budget_on(conn, budget, quotas, now).await?;
    let nth = sql::nth_latest(conn, &budget, &shared.timing, now, 0).await?;
    if let Some(no) = not_yet(&budget.quotas, &shared.timing, &nth, &budget.state, 0, now) {
        return Ok(ReadAnswer::NotYet(no));
    }
    let record = CallRecord { attempt: 0, claimed_at: now };
    let call = enter(conn, Script::default(), shared, &budget, (None, None), record).await?;
    Ok(ReadAnswer::Call(call, now))
}

/// Writes a call into the journal together with what the script holds already.
async fn enter<C: Clock>(
    conn: &mut SqliteConnection,
    mut script: Script,
    shared: &Shared<C>,
    budget: &sql::Budget,
    whose: (Option<CampaignId>, Option<i64>),
    record: CallRecord,
) -> Done<CallId> {
    if let Some(own) = &shared.boot {
        boot::still_owns_the_clock(conn, own).await?;
    }
    let seen_by = record.claimed_at.plus(shared.timing.horizon());
    let mut state = budget.state;
    state.on_claim(record.claimed_at, &shared.timing);
    sql::add_call(&mut script, budget.id, whose, record, seen_by, shared.clock.utc())?;
    sql::add_state(&mut script, budget.id, &state)?;
    Ok(CallId(script.run(conn).await?))
}

pub(super) async fn settle<C: Clock>(
    conn: &mut SqliteConnection,
    shared: &Shared<C>,
    id: CallId,
    settlement: &Settlement,
) -> Done<Settled> {
    let call = sql::call(conn, id).await?.ok_or_else(|| unknown_call(id))?;
    let (mut life, mut detail) = (call.life, call.detail.clone());
    let (mut budget, mut notes) = (call.state, call.notes);
    let now = shared.clock.now();
    let rows =
        Rows { life: &mut life, detail: &mut detail, budget: &mut budget, notes: &mut notes };
    let timing = &shared.timing;
    let seen_by = settle::settle(call.record, settlement, call.judging, now, timing, rows);
    let verdict = &settlement.verdict;
    let entry = sql::Entry {
        seen_by,
        settled_at: now,
        over: settlement.over_at,
        verdict: verdict.name(),
        status: verdict.status(),
        message: message(verdict),
    };
    let mut script = Script::default();
    sql::add_entry(&mut script, id, &entry)?;
    if (life, &detail) != (call.life, &call.detail) {
        let lives = (call.life, life);
        let row = (call.seq, call.device);
        sql::add_life(&mut script, call.campaign, row, lives, Some(&detail))?;
    }
    if budget != call.state {
        sql::add_state(&mut script, call.budget, &budget)?;
    }
    if notes != call.notes {
        sql::add_notes(&mut script, call.campaign, &notes)?;
    }
    if let Verdict::NeverLeft { .. } = verdict {
        sql::take_back_call(&mut script, call.campaign)?;
    }
    script.run(conn).await?;
    Ok(Settled { before: call.life, after: life, budget })
}

pub(super) async fn settle_read<C: Clock>(
    conn: &mut SqliteConnection,
    shared: &Shared<C>,
    id: CallId,
    settlement: &ReadSettlement,
) -> Done<BudgetState> {
    let call = sql::read_call(conn, id).await?.ok_or_else(|| unknown_call(id))?;
    let (budget, before, claimed_at) = call;
    let mut state = before;
    let now = shared.clock.now();
    let verdict = settlement.verdict.as_ref();
    let seen_by = {
        let (timing, optional) = (&shared.timing, settlement.optional);
        settle::settle_read(&mut state, verdict, optional, claimed_at, now, timing)
    };
    let entry = sql::Entry {
        seen_by,
        settled_at: now,
        over: shared.clock.utc(),
        verdict: verdict.map_or("page", Verdict::name),
        status: verdict.map_or(Some(200), Verdict::status),
        message: verdict.and_then(message),
    };
    let mut script = Script::default();
    sql::add_entry(&mut script, id, &entry)?;
    if state != before {
        sql::add_state(&mut script, budget, &state)?;
    }
    script.run(conn).await?;
    Ok(state)
}

pub(super) async fn expire<C: Clock>(
    conn: &mut SqliteConnection,
    shared: &Shared<C>,
    campaign: CampaignId,
) -> Done<u64> {
    let (now, busy) = (shared.clock.now(), known(conn, campaign).await?.busy);
    let expired = sql::expired(conn, campaign, now).await?;
    for device in &expired {
        let event = LifeEvent::Expired { now };
        let after = lifecycle::next(device.life, event, busy, &shared.timing)
            .map_err(|illegal| broken(illegal.to_string()))?;
        change(conn, campaign, device, after, None).await?;
    }
    Ok(expired.len() as u64)
}

pub(super) async fn reopen<C: Clock>(
    conn: &mut SqliteConnection,
    shared: &Shared<C>,
    campaign: CampaignId,
    refused: &[(Seq, u32)],
) -> Done<u64> {
    let mut reopened = 0;
    let there = known(conn, campaign).await?;
    let Campaign { busy, wave, .. } = there;
    for (seq, attempt) in refused {
        let row = row_of(conn, campaign, *seq).await?;
        let event = LifeEvent::Reopened { attempt: *attempt };
        if let Ok(after) = lifecycle::next(row.life, event, busy, &shared.timing) {
            change(conn, campaign, &row, after, None).await?;
            sql::bring_forward(conn, campaign, *seq, wave).await?;
            reopened += 1;
        }
    }
    if reopened > 0 && there.wave_over.is_some() {
        sql::set_wave(conn, campaign, wave, None, there.wave_failed.as_ref()).await?;
    }
    Ok(reopened)
}

pub(super) async fn note_actions<C: Clock>(
    conn: &mut SqliteConnection,
    shared: &Shared<C>,
    campaign: CampaignId,
    seen: &[(Seq, Action)],
) -> Done<u64> {
    known(conn, campaign).await?;
    let (utc, mut noted) = (shared.clock.utc(), 0);
    for (seq, action) in seen {
        let row = row_of(conn, campaign, *seq).await?;
        let mut detail = row.detail.clone();
        if settle::note_progress(&mut detail, action, utc) {
            change(conn, campaign, &row, row.life, Some(&detail)).await?;
            noted += 1;
        }
    }
    Ok(noted)
}

pub(super) async fn looked_up<C: Clock>(
    conn: &mut SqliteConnection,
    shared: &Shared<C>,
    campaign: CampaignId,
    findings: &[Finding],
) -> Done<Vec<Settled>> {
    let busy = known(conn, campaign).await?.busy;
    let (now, utc) = (shared.clock.now(), shared.clock.utc());
    let mut all = Vec::with_capacity(findings.len());
    for Finding { look_up, found, action } in findings {
        let row = row_of(conn, campaign, look_up.seq).await?;
        let before = row.life;
        let event = settle::look_up_event(look_up.unseen, look_up.attempt, *found, now);
        let current = settle::is_current(before, look_up.looks, *found);
        let after = match lifecycle::next(before, event, busy, &shared.timing) {
            Ok(after) if current => {
                let mut detail = row.detail.clone();
                settle::note_look_up(&mut detail, look_up.unseen, *found, action.as_ref(), utc);
                change(conn, campaign, &row, after, Some(&detail)).await?;
                after
            }
            Ok(_) | Err(_) => before,
        };
        all.push(Settled { before, after, budget: BudgetState::default() });
    }
    Ok(all)
}

pub(super) async fn finish<C: Clock>(
    conn: &mut SqliteConnection,
    shared: &Shared<C>,
    campaign: CampaignId,
) -> Done<bool> {
    let there = known(conn, campaign).await?;
    let tally = tally(conn, campaign).await?;
    if tally.open() > 0 || sql::has_unseen(conn, campaign).await? {
        return Ok(false);
    }
    if there.state == CampaignState::Open {
        sql::set_finished(conn, campaign, shared.clock.utc()).await?;
    }
    Ok(true)
}

pub(super) async fn tally(conn: &mut SqliteConnection, campaign: CampaignId) -> Done<Tally> {
    sql::tally(conn, campaign).await?.ok_or_else(unknown_campaign)
}

pub(super) async fn row_of(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    seq: Seq,
) -> Done<sql::Device> {
    let row = sql::device(conn, campaign, seq).await?;
    row.ok_or_else(|| broken(format!("row {seq} vanished")))
}

/// Writes the new life of a row, and what is known beside if that is told.
pub(super) async fn change(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    row: &sql::Device,
    after: Life,
    detail: Option<&Detail>,
) -> Done<()> {
    let mut script = Script::default();
    sql::add_life(&mut script, campaign, (row.seq, row.device), (row.life, after), detail)?;
    script.run(conn).await?;
    Ok(())
}

pub(super) async fn known(conn: &mut SqliteConnection, campaign: CampaignId) -> Done<Campaign> {
    sql::campaign(conn, campaign).await?.ok_or_else(unknown_campaign)
}

/// What the server said, or what happened to the call.
fn message(verdict: &Verdict) -> Option<&str> {
    match verdict {
        Verdict::Accepted { .. } => None,
        Verdict::Busy { refusal, .. }
        | Verdict::Throttled { refusal, .. }
        | Verdict::Rejected(refusal)
        | Verdict::Forbidden(refusal)
        | Verdict::NotFound(refusal)
        | Verdict::Unauthorized(refusal) => refusal.message.as_deref(),
        Verdict::Doubtful { why, .. } | Verdict::NeverLeft { why } => Some(why),
    }
}

fn unknown_call(call: CallId) -> Fault {
    broken(format!("call {} is not in the journal", call.0))
}

pub(super) fn unknown_campaign() -> Fault {
    broken("a campaign vanished")
}
