//! SQL of the journal of calls. Whether a call may be claimed is decided elsewhere.

use sqlx::query_builder::QueryBuilder;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, SqliteConnection};

use super::budget::{add_state, budget_columns, state_at};
use super::campaign::notes;
use super::life::{add_change, detailed_at, life};
use super::script::Script;
use super::set::add_notes;
use super::values::unsigned;
use crate::domain::settle::{CallRecord, Judging};
use crate::domain::{CallId, CampaignId, Stamp};
use crate::store::columns::{busy_of, parsed, signed};
use crate::store::sqlite::fault::Fault;
use crate::store::tables::{BudgetId, Call, Entry, NewCall, Nth, ReadCall, Settling};

/// What the trigger `call_schema` wants of who writes a call. A migration that changes what a slot,
/// a budget or the state of a row means makes the trigger anew with a higher number, and this
/// follows it.
const SCHEMA: i64 = 23;

/// When the calls at these places among the latest of a budget were seen.
pub(in super::super) async fn nth_latest(
    conn: &mut SqliteConnection,
    budget: BudgetId,
    places: &[Nth],
) -> Result<Vec<Option<Stamp>>, Fault> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
    let mut columns = query.separated(", ");
    for Nth { place, after } in places {
        columns.push("(SELECT seen_by FROM call WHERE budget = ").push_bind_unseparated(budget.0);
        columns.push_unseparated(" AND seen_by > ").push_bind_unseparated(after.0);
        columns.push_unseparated(" ORDER BY seen_by DESC LIMIT 1 OFFSET ");
        columns.push_bind_unseparated(signed::<u64>(place - 1)).push_unseparated(")");
    }
    let row = query.build().fetch_one(conn).await?;
    // These columns have no names: one for each place, in their order.
    let stamp = |at| Ok(row.try_get::<Option<i64>, usize>(at)?.map(Stamp));
    (0..places.len()).map(stamp).collect()
}

/// Writes a call into the journal, with what changes with it; it is the only insert of its script.
/// Where a start of the machine is named, it fails unless the store's clock is that one's.
pub(in super::super) async fn enter(
    conn: &mut SqliteConnection,
    call: &NewCall,
    clock_of: Option<&str>,
) -> Result<CallId, Fault> {
    let NewCall { budget, state, campaign, claimed, record, seen_by, utc } = call;
    let mut script = Script::default();
    if let (Some(campaign), Some(change)) = (campaign, claimed) {
        add_change(&mut script, *campaign, change)?;
    }
    let sql = "INSERT INTO call (budget, campaign, seq, attempt, claimed_at, seen_by, claimed_utc, \
               schema) SELECT ?, ?, ?, ?, ?, ?, ?, ? \
               WHERE ? IS NULL OR ? = (SELECT boot_id FROM clock)";
    let campaign = campaign.map(|campaign| campaign.0);
    let seq = claimed.as_ref().map(|change| change.seq);
    script.add(sql, 1).bind(budget.0)?.bind(campaign)?.bind(seq)?.bind(record.attempt)?;
    script.bind(record.claimed_at.0)?.bind(seen_by.0)?.bind(utc.to_string())?.bind(SCHEMA)?;
    script.bind(clock_of)?.bind(clock_of)?;
    script.add("UPDATE budget SET calls = calls + 1 WHERE id = ?", 1).bind(budget.0)?;
    if seq.is_some() {
        let sql = "UPDATE campaign SET calls = calls + 1, last_call_at = ?, \
                   last_call = last_insert_rowid(), \
                   first_call = coalesce(first_call, last_insert_rowid()) WHERE id = ?";
        script.add(sql, 1).bind(utc.to_string())?.bind(campaign)?;
    }
    add_state(&mut script, *budget, state)?;
    Ok(CallId(script.run(conn).await?))
}

/// A scan call; `None` if there is none with this key.
pub(in super::super) async fn call(
    conn: &mut SqliteConnection,
    call: CallId,
) -> Result<Option<Call>, Fault> {
    let sql = concat!(
        "SELECT ",
        budget_columns!(),
        ", ",
        life!("d."),
        ", d.detail AS detail, k.campaign AS campaign, k.attempt AS call_attempt, \
         k.claimed_at AS claimed_at, c.scan_type AS scan_type, c.busy AS busy, \
         c.first_contact AS first_contact, c.comments_changed AS comments_changed, \
         c.notes_sum AS notes_sum \
         FROM call k JOIN budget b ON b.id = k.budget JOIN campaign c ON c.id = k.campaign \
         JOIN device_row d ON d.id = (k.campaign << 32) + k.seq WHERE k.id = ?"
    );
    let Some(row) = sqlx::query(sql).bind(call.0).fetch_optional(conn).await? else {
        return Ok(None);
    };
    let (budget, state) = state_at(&row)?;
    let campaign = CampaignId(row.try_get("campaign")?);
    let (attempt, claimed_at) = (unsigned(&row, "call_attempt")?, row.try_get("claimed_at")?);
    let scan_type = parsed(row.try_get("scan_type")?, |name| name.parse().ok())?;
    Ok(Some(Call {
        budget,
        state,
        campaign,
        row: detailed_at(&row)?,
        record: CallRecord { attempt, claimed_at: Stamp(claimed_at) },
        judging: Judging { scan_type, busy: busy_of(row.try_get("busy")?)? },
        notes: notes(campaign, &row)?,
    }))
}

/// A call of any operation: its budget, the budget's pauses, and when it was claimed.
pub(in super::super) async fn read_call(
    conn: &mut SqliteConnection,
    call: CallId,
) -> Result<Option<ReadCall>, Fault> {
    let sql = concat!(
        "SELECT ",
        budget_columns!(),
        ", k.claimed_at AS claimed_at FROM call k JOIN budget b ON b.id = k.budget \
         WHERE k.id = ?"
    );
    let row = sqlx::query(sql).bind(call.0).fetch_optional(conn).await?;
    let Some(row) = row else { return Ok(None) };
    let (budget, state) = state_at(&row)?;
    Ok(Some(ReadCall { budget, state, claimed_at: Stamp(row.try_get("claimed_at")?) }))
}

/// Writes what became of a call, with what changes with it.
pub(in super::super) async fn settle(
    conn: &mut SqliteConnection,
    settling: &Settling,
) -> Result<(), Fault> {
    let Settling { entry, row, budget, notes, taken_back } = settling;
    let mut script = Script::default();
    add_entry(&mut script, entry)?;
    if let Some((campaign, change)) = row {
        add_change(&mut script, *campaign, change)?;
    }
    if let Some((budget, state)) = budget {
        add_state(&mut script, *budget, state)?;
    }
    if let Some((campaign, notes)) = notes {
        add_notes(&mut script, *campaign, notes)?;
    }
    if let Some(campaign) = taken_back {
        let sql = "UPDATE campaign SET calls = max(0, calls - 1) WHERE id = ?";
        script.add(sql, 1).bind(campaign.0)?;
    }
    script.run(conn).await?;
    Ok(())
}

fn add_entry(script: &mut Script, entry: &Entry) -> Result<(), Fault> {
    let Entry { call, seen_by, settled_at, over, verdict, status, message } = entry;
    let sql = "UPDATE call SET seen_by = coalesce(?, seen_by), settled_at = ?, over_utc = ?, \
               verdict = ?, http_status = ?, message = ? WHERE id = ?";
    script.add(sql, 1).bind(seen_by.map(|at| at.0))?.bind(settled_at.0)?;
    script.bind(over.to_string())?.bind(*verdict)?.bind(*status)?;
    script.bind(message.as_deref())?.bind(call.0)?;
    Ok(())
}

/// `seen_by` of the latest calls of a budget, newest first, without those that never left.
pub(in super::super) async fn latest(
    conn: &mut SqliteConnection,
    budget: BudgetId,
    limit: usize,
) -> Result<Vec<Stamp>, Fault> {
    let sql = "SELECT seen_by FROM call WHERE budget = ? AND seen_by > 0 \
               ORDER BY seen_by DESC LIMIT ?";
    let query = sqlx::query_scalar(sql).bind(budget.0).bind(signed(limit));
    Ok(query.fetch_all(conn).await?.into_iter().map(Stamp).collect())
}

/// The budgets of a campaign: each with the calls in its journal, as it says and as counted.
pub(super) async fn counted_calls(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<Vec<(i64, i64, i64)>, Fault> {
    let sql = "SELECT b.id, b.calls, (SELECT count(*) FROM call WHERE budget = b.id) AS counted \
               FROM campaign c JOIN budget b ON b.id IN (c.scan_budget, c.read_budget) \
               WHERE c.id = ? ORDER BY b.id";
    let rows = sqlx::query(sql).bind(campaign.0).fetch_all(conn).await?;
    let counts =
        |row: &SqliteRow| Ok((row.try_get("id")?, row.try_get("calls")?, row.try_get("counted")?));
    rows.iter().map(counts).collect()
}
