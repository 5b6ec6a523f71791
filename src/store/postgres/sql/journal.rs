//! SQL of the journal of calls. Whether a call may be claimed is decided elsewhere.

use super::batch::{Batch, values};
use super::budget::{add_state, budget_columns, state_at};
use super::campaign::notes;
use super::life::{add_change, detailed_at, life};
use super::set::add_notes;
use super::values::{at, get, stamp, unsigned};
use crate::domain::settle::{CallRecord, Judging};
use crate::domain::{CallId, CampaignId, Stamp};
use crate::store::columns::{busy_of, parsed, signed};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::session::Session;
use crate::store::tables::{BudgetId, Call, Entry, NewCall, Nth, ReadCall, Settling};

/// What the constraint `call_schema` wants of who writes a call. A migration that changes what a
/// slot, a budget or the state of a row means makes the constraint anew with a higher number, and
/// this follows it.
const SCHEMA: i64 = 3;

/// When the calls at these places among the latest of a budget were seen.
pub(in super::super) async fn nth_latest(
    conn: &Session,
    budget: BudgetId,
    places: &[Nth],
) -> Result<Vec<Option<Stamp>>, Fault> {
    const SQL: &str = "SELECT (SELECT seen_by FROM call WHERE budget = $1 \
                               AND seen_by > nth.after ORDER BY seen_by DESC \
                               LIMIT 1 OFFSET nth.place - 1) AS seen_by \
        FROM unnest($2::bigint[], $3::bigint[]) WITH ORDINALITY AS nth (place, after, n) \
        ORDER BY nth.n";
    let place: Vec<i64> = places.iter().map(|nth| signed(nth.place)).collect();
    let after: Vec<i64> = places.iter().map(|nth| nth.after.0).collect();
    let rows = conn.query(SQL, &[&budget.0, &place, &after]).await?;
    rows.iter().map(|row| Ok(get::<Option<i64>>(row, "seen_by")?.map(Stamp))).collect()
}

/// Writes a call into the journal, with what changes with it.
pub(in super::super) async fn enter(
    conn: &Session,
    id: CallId,
    call: &NewCall,
) -> Result<(), Fault> {
    const INSERT: &str = "INSERT INTO call (id, budget, campaign, seq, attempt, claimed_at, \
        seen_by, claimed_utc, schema) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    const COUNT: &str = "UPDATE campaign SET calls = calls + 1, last_call_at = $2, \
        first_claim = coalesce(first_claim, $3) WHERE id = $1";
    let NewCall { budget, state, campaign, claimed, record, seen_by, utc } = call;
    let mut batch = Batch::default();
    if let (Some(campaign), Some(change)) = (campaign, claimed) {
        add_change(&mut batch, *campaign, change);
        batch.add(COUNT, values![campaign.0, at(*utc), record.claimed_at.0]);
    }
    let seq = claimed.as_ref().map(|change| change.seq);
    let (whose, attempt) = (campaign.map(|campaign| campaign.0), i64::from(record.attempt));
    let now = record.claimed_at;
    let call = values![id.0, budget.0, whose, seq, attempt, now.0, seen_by.0, at(*utc), SCHEMA];
    batch.add(INSERT, call);
    add_state(&mut batch, *budget, state, 1, now);
    batch.run(conn).await
}

/// A scan call; `None` if there is none with this key.
pub(in super::super) async fn call(conn: &Session, call: CallId) -> Result<Option<Call>, Fault> {
    const SQL: &str = concat!(
        "SELECT ",
        budget_columns!(),
        ", ",
        life!(),
        ", d.detail, k.campaign, k.attempt AS call_attempt, k.claimed_at, c.scan_type, c.busy, \
         c.first_contact, c.comments_changed \
         FROM call k JOIN budget b ON b.id = k.budget JOIN campaign c ON c.id = k.campaign \
         JOIN device_row d ON d.campaign = k.campaign AND d.seq = k.seq WHERE k.id = $1"
    );
    let Some(row) = conn.query_opt(SQL, &[&call.0]).await? else { return Ok(None) };
    let (budget, state) = state_at(&row)?;
    let attempt = unsigned(&row, "call_attempt")?;
    let scan_type = parsed(get(&row, "scan_type")?, |name| name.parse().ok())?;
    Ok(Some(Call {
        budget,
        state,
        campaign: CampaignId(get(&row, "campaign")?),
        row: detailed_at(&row)?,
        record: CallRecord { attempt, claimed_at: stamp(&row, "claimed_at")? },
        judging: Judging { scan_type, busy: busy_of(get(&row, "busy")?)? },
        notes: notes(&row)?,
    }))
}

/// A call of any operation: its budget, the budget's pauses, and when it was claimed.
pub(in super::super) async fn read_call(
    conn: &Session,
    call: CallId,
) -> Result<Option<ReadCall>, Fault> {
    const SQL: &str = concat!(
        "SELECT ",
        budget_columns!(),
        ", k.claimed_at FROM call k JOIN budget b ON b.id = k.budget WHERE k.id = $1"
    );
    let Some(row) = conn.query_opt(SQL, &[&call.0]).await? else { return Ok(None) };
    let (budget, state) = state_at(&row)?;
    Ok(Some(ReadCall { budget, state, claimed_at: stamp(&row, "claimed_at")? }))
}

/// Writes what became of a call, with what changes with it.
pub(in super::super) async fn settle(conn: &Session, settling: &Settling) -> Result<(), Fault> {
    const TAKE_BACK: &str = "UPDATE campaign SET calls = greatest(0, calls - 1) WHERE id = $1";
    let Settling { entry, row, budget, notes, taken_back } = settling;
    let mut batch = Batch::default();
    add_entry(&mut batch, entry);
    if let Some((campaign, change)) = row {
        add_change(&mut batch, *campaign, change);
    }
    if let Some((budget, state)) = budget {
        add_state(&mut batch, *budget, state, 0, entry.settled_at);
    }
    if let Some((campaign, notes)) = notes {
        add_notes(&mut batch, *campaign, notes);
    }
    if let Some(campaign) = taken_back {
        batch.add(TAKE_BACK, values![campaign.0]);
    }
    batch.run(conn).await
}

fn add_entry(batch: &mut Batch, entry: &Entry) {
    const SQL: &str = "UPDATE call SET seen_by = coalesce($2, seen_by), settled_at = $3, \
        over_utc = $4, verdict = $5, http_status = $6, message = $7 WHERE id = $1";
    let Entry { call, seen_by, settled_at, over, verdict, status, message } = entry;
    let (seen_by, status) = (seen_by.map(|at| at.0), status.map(i64::from));
    let message = message.clone();
    batch.add(SQL, values![call.0, seen_by, settled_at.0, at(*over), *verdict, status, message]);
}

/// `seen_by` of the latest calls of a budget, newest first, without those that never left.
pub(in super::super) async fn latest(
    conn: &Session,
    budget: BudgetId,
    limit: usize,
) -> Result<Vec<Stamp>, Fault> {
    const SQL: &str = "SELECT seen_by FROM call WHERE budget = $1 AND seen_by > 0 \
        ORDER BY seen_by DESC LIMIT $2";
    let rows = conn.query(SQL, &[&budget.0, &signed(limit)]).await?;
    rows.iter().map(|row| stamp(row, "seen_by")).collect()
}

/// The keys of all budgets.
pub(in super::super) async fn budgets(conn: &Session) -> Result<Vec<BudgetId>, Fault> {
    let rows = conn.query("SELECT id FROM budget ORDER BY id", &[]).await?;
    rows.iter().map(|row| Ok(BudgetId(get(row, "id")?))).collect()
}

/// Locks a budget by its key.
pub(in super::super) async fn lock_budget(conn: &Session, budget: BudgetId) -> Result<(), Fault> {
    const SQL: &str = "SELECT id FROM budget WHERE id = $1 FOR NO KEY UPDATE";
    conn.query_one(SQL, &[&budget.0]).await?;
    Ok(())
}
