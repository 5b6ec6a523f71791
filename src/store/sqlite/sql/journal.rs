//! SQL of budgets and of the journal of calls. Whether a call may be claimed is decided elsewhere.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::query_builder::QueryBuilder;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, SqliteConnection};

use super::campaign::{busy_of, notes};
use super::device::{key, whole};
use super::named::{named_of, named_text, with_named};
use super::queue::ahead;
use super::state::detail_of;
use super::{Script, checksum, parsed, unsigned};
use crate::domain::settle::{CallRecord, Judging};
use crate::domain::{
    BudgetKey, BudgetState, CallId, CampaignId, Detail, DeviceId, Life, Operation, Probe, Quota,
    Seq, ServerNotes, Stamp, Timing,
};
use crate::store::sqlite::fault::{Fault, broken};

/// What the trigger `call_schema` wants of who writes a call. A migration that changes what a slot
/// or a budget means makes the trigger anew with a higher number, and this follows it.
const SCHEMA: i64 = 15;

/// The columns of `budget_at`, in its order, after the budget's key.
macro_rules! budget {
    () => {
        "b.id, b.not_before, b.paused_at, b.probe, b.probe_until, b.spacing_ns, b.last_claim, \
         b.streak, b.faults, b.named, b.sum"
    };
}
pub(super) use budget;

/// How many those are.
pub(super) const BUDGET_COLUMNS: usize = 11;

/// A budget as a claim finds it.
#[derive(Clone, Debug)]
pub(in super::super) struct Budget {
    /// Its key.
    pub(in super::super) id: i64,
    /// Its pauses.
    pub(in super::super) state: BudgetState,
    /// Calls in its journal.
    pub(in super::super) calls: u64,
    /// The quotas of all open campaigns on it.
    pub(in super::super) quotas: Vec<Quota>,
    /// A device of the campaign that waited for its moment may be asked now.
    pub(in super::super) due: bool,
    /// Somebody paused the campaign.
    pub(in super::super) paused: bool,
    /// The wave that the campaign has come to.
    pub(in super::super) wave: u32,
    /// Somebody called it off.
    pub(in super::super) called_off: bool,
    /// The campaign of high priority that the campaign yields to now.
    pub(in super::super) ahead: Option<CampaignId>,
}

/// A scan call with all that settling it reads.
#[derive(Clone, Debug)]
pub(in super::super) struct Call {
    /// Its budget.
    pub(in super::super) budget: i64,
    /// The budget's pauses.
    pub(in super::super) state: BudgetState,
    /// Its campaign.
    pub(in super::super) campaign: CampaignId,
    /// Its row.
    pub(in super::super) seq: Seq,
    /// Its device.
    pub(in super::super) device: Option<DeviceId>,
    /// What the journal holds.
    pub(in super::super) record: CallRecord,
    /// How the campaign judges.
    pub(in super::super) judging: Judging,
    /// What the campaign remembers about its server.
    pub(in super::super) notes: ServerNotes,
    /// The row's life.
    pub(in super::super) life: Life,
    /// What is known of the row beside.
    pub(in super::super) detail: Detail,
}

/// What settling writes into the journal.
#[derive(Clone, Debug)]
pub(in super::super) struct Entry<'a> {
    /// The new `seen_by`; nothing if it stays.
    pub(in super::super) seen_by: Option<Stamp>,
    /// Now.
    pub(in super::super) settled_at: Stamp,
    /// Now, for people.
    pub(in super::super) over: Timestamp,
    /// The verdict's name.
    pub(in super::super) verdict: &'a str,
    /// The HTTP status of a whole answer.
    pub(in super::super) status: Option<u16>,
    /// What the server said, or what happened.
    pub(in super::super) message: Option<&'a str>,
}

/// The budget of a campaign for one operation, with everything that a claim needs to know of it;
/// nothing if there is no such campaign. The campaign's own quotas count also when it is finished:
/// a runner may not have noticed yet.
pub(in super::super) async fn budget_of(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    operation: Operation,
    now: Stamp,
) -> Result<Option<Budget>, Fault> {
    macro_rules! of {
        ($column:literal) => {
            concat!(
                "SELECT ", budget!(), ", b.calls, \
                 (SELECT json_group_array(json_array(q.calls, q.window_ns)) FROM campaign o \
                  JOIN quota q ON q.campaign = o.id \
                  WHERE (o.state = 'open' OR o.id = ?1) AND o.", $column,
                " = b.id), \
                 EXISTS (SELECT 1 FROM device_row WHERE campaign = ?1 AND at <= ?2 \
                         AND state = 'queued' AND ready = 0), c.paused, c.wave, \
                 c.wave_sum, c.called_off, ", ahead!(), ", c.wave_over, c.wave_failed \
                 FROM campaign c JOIN budget b ON b.id = c.", $column, " WHERE c.id = ?1"
            )
        };
    }
    let sql = match operation {
        Operation::Scan => of!("scan_budget"),
        Operation::Read => of!("read_budget"),
        Operation::Cancel => return Err(broken("no campaign cancels through a claim")),
    };
    let row = sqlx::query(sql).bind(campaign.0).bind(now.0).fetch_optional(conn).await?;
    let Some(row) = row else { return Ok(None) };
    let (state, at) = (budget_at(&row, 0)?, BUDGET_COLUMNS);
    let budget = Budget {
        id: row.try_get(0)?,
        state,
        calls: unsigned(&row, at)?,
        quotas: with_named(quotas_of(row.try_get(at + 1)?)?, &state, now),
        due: row.try_get(at + 2)?,
        paused: row.try_get(at + 3)?,
        wave: unsigned(&row, at + 4)?,
        called_off: row.try_get(at + 6)?,
        ahead: row.try_get::<Option<i64>, _>(at + 7)?.map(CampaignId),
    };
    let over = row.try_get::<Option<i64>, _>(at + 8)?.map(Stamp);
    let wave = (budget.wave, over, row.try_get(at + 9)?);
    checksum::check_wave(campaign, wave, row.try_get(at + 5)?)?;
    Ok(Some(budget))
}

/// A budget as a claim finds it that belongs to no campaign: these quotas are kept, and those of
/// all open campaigns on it. It is made if it is new.
pub(in super::super) async fn budget_on(
    conn: &mut SqliteConnection,
    budget: &BudgetKey,
    quotas: &[Quota],
    now: Stamp,
) -> Result<Budget, Fault> {
    let id = super::budget_id(conn, budget).await?;
    let sql = "SELECT calls FROM budget WHERE id = ?";
    let calls = unsigned(&sqlx::query(sql).bind(id).fetch_one(&mut *conn).await?, 0)?;
    let state = budget_state(conn, id).await?;
    let theirs = quotas_on(conn, id, budget.operation).await?;
    let all: BTreeSet<Quota> = theirs.into_iter().chain(quotas.iter().copied()).collect();
    let quotas = with_named(all.into_iter().collect(), &state, now);
    let (due, paused, wave, called_off, ahead) = (false, false, 0, false, None);
    Ok(Budget { id, state, calls, quotas, due, paused, wave, called_off, ahead })
}

/// For each quota of a budget the L-th largest `seen_by` of its calls, when `pending` more calls
/// are thought to be on top.
///
/// Only calls later than `now - reopens_after` are counted. That changes nothing: an L-th call
/// that is older would let the quota pass, and none lets it pass too; one that still refuses is
/// within the bound, and so are the L - 1 before it. It keeps a lifted quota such as 1000000/1s
/// cheap.
pub(in super::super) async fn nth_latest(
    conn: &mut SqliteConnection,
    budget: &Budget,
    timing: &Timing,
    now: Stamp,
    pending: usize,
) -> Result<Vec<Option<Stamp>>, Fault> {
    let places: Vec<u64> = budget.quotas.iter().map(|quota| place(quota, pending)).collect();
    // A journal with fewer calls than the smallest quota refuses nothing.
    if places.iter().all(|place| *place > budget.calls) {
        return Ok(vec![None; places.len()]);
    }
    let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
    let mut columns = query.separated(", ");
    for (quota, place) in budget.quotas.iter().zip(&places) {
        let bound = now.minus(quota.reopens_after(timing)).max(Stamp::ZERO);
        let offset = i64::try_from(place - 1).unwrap_or(i64::MAX);
        columns.push("(SELECT seen_by FROM call WHERE budget = ").push_bind_unseparated(budget.id);
        columns.push_unseparated(" AND seen_by > ").push_bind_unseparated(bound.0);
        columns.push_unseparated(" ORDER BY seen_by DESC LIMIT 1 OFFSET ");
        columns.push_bind_unseparated(offset).push_unseparated(")");
    }
    let row = query.build().fetch_one(conn).await?;
    let stamp = |at| Ok(row.try_get::<Option<i64>, _>(at)?.map(Stamp));
    (0..places.len()).map(stamp).collect()
}

/// Which of the latest calls decides for this quota, from 1.
fn place(quota: &Quota, pending: usize) -> u64 {
    let pending = u64::try_from(pending).unwrap_or(u64::MAX);
    u64::from(quota.calls.get()).saturating_sub(pending).max(1)
}

/// Writes a call into the journal, with its slot counted until the horizon; it is the only insert
/// of its script.
pub(in super::super) fn add_call(
    script: &mut Script,
    budget: i64,
    (campaign, seq): (Option<CampaignId>, Option<Seq>),
    record: CallRecord,
    seen_by: Stamp,
    utc: Timestamp,
) -> Result<(), Fault> {
    let sql = "INSERT INTO call (budget, campaign, seq, attempt, claimed_at, seen_by, claimed_utc, \
               schema) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let campaign = campaign.map(|campaign| campaign.0);
    script.add(sql, 1).bind(budget)?.bind(campaign)?.bind(seq)?.bind(record.attempt)?;
    script.bind(record.claimed_at.0)?.bind(seen_by.0)?.bind(utc.to_string())?.bind(SCHEMA)?;
    let sql = "UPDATE budget SET calls = calls + 1 WHERE id = ?";
    script.add(sql, 1).bind(budget)?;
    if seq.is_some() {
        let sql = "UPDATE campaign SET calls = calls + 1, last_call_at = ? WHERE id = ?";
        script.add(sql, 1).bind(utc.to_string())?.bind(campaign)?;
    }
    Ok(())
}

/// A scan call; nothing if there is none with this key.
pub(in super::super) async fn call(
    conn: &mut SqliteConnection,
    call: CallId,
) -> Result<Option<Call>, Fault> {
    let sql = concat!(
        "SELECT ",
        budget!(),
        ", k.campaign, k.seq, k.attempt, k.claimed_at, c.scan_type, c.busy, \
         c.first_contact, c.comments_changed, d.state, d.at, d.looks, d.busy_look, d.attempt, \
         d.tries, d.rank, d.doubted, d.busy_asks, d.unseen, d.arrives_by, d.sum, d.device, \
         d.detail, c.notes_sum \
         FROM call k JOIN budget b ON b.id = k.budget JOIN campaign c ON c.id = k.campaign \
         JOIN device_row d ON d.id = (k.campaign << 32) + k.seq WHERE k.id = ?"
    );
    let Some(row) = sqlx::query(sql).bind(call.0).fetch_optional(conn).await? else {
        return Ok(None);
    };
    let at = BUDGET_COLUMNS;
    let (campaign, seq) = (CampaignId(row.try_get(at)?), row.try_get(at + 1)?);
    let (attempt, claimed_at) = (unsigned(&row, at + 2)?, Stamp(row.try_get(at + 3)?));
    let record = CallRecord { attempt, claimed_at };
    let scan_type = parsed(row.try_get(at + 4)?, |name| name.parse().ok())?;
    let (device, life) = whole(&row, (key(campaign, seq), at + 20), at + 8)?;
    Ok(Some(Call {
        budget: row.try_get(0)?,
        state: budget_at(&row, 0)?,
        campaign,
        seq,
        device,
        record,
        judging: Judging { scan_type, busy: busy_of(row.try_get(at + 5)?)? },
        notes: notes(campaign, row.try_get(at + 6)?, row.try_get(at + 7)?, row.try_get(at + 22)?)?,
        life,
        detail: detail_of(row.try_get(at + 21)?)?,
    }))
}

/// A call of any operation: its budget, the budget's pauses, and when it was claimed.
pub(in super::super) async fn read_call(
    conn: &mut SqliteConnection,
    call: CallId,
) -> Result<Option<(i64, BudgetState, Stamp)>, Fault> {
    let sql = concat!(
        "SELECT ",
        budget!(),
        ", k.claimed_at FROM call k JOIN budget b ON b.id = k.budget \
         WHERE k.id = ?"
    );
    let row = sqlx::query(sql).bind(call.0).fetch_optional(conn).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some((row.try_get(0)?, budget_at(&row, 0)?, Stamp(row.try_get(BUDGET_COLUMNS)?))))
}

/// Writes what became of a call.
pub(in super::super) fn add_entry(
    script: &mut Script,
    call: CallId,
    entry: &Entry<'_>,
) -> Result<(), Fault> {
    let sql = "UPDATE call SET seen_by = coalesce(?, seen_by), settled_at = ?, over_utc = ?, \
               verdict = ?, http_status = ?, message = ? WHERE id = ?";
    script.add(sql, 1).bind(entry.seen_by.map(|at| at.0))?.bind(entry.settled_at.0)?;
    script.bind(entry.over.to_string())?.bind(entry.verdict)?.bind(entry.status)?;
    script.bind(entry.message)?.bind(call.0)?;
    Ok(())
}

/// A scan call of this campaign never left: it was none.
pub(in super::super) fn take_back_call(
    script: &mut Script,
    campaign: CampaignId,
) -> Result<(), Fault> {
    let sql = "UPDATE campaign SET calls = max(0, calls - 1) WHERE id = ?";
    script.add(sql, 1).bind(campaign.0)?;
    Ok(())
}

/// Writes the pauses of a budget.
pub(in super::super) fn add_state(
    script: &mut Script,
    budget: i64,
    state: &BudgetState,
) -> Result<(), Fault> {
    let (probe, until) = match state.probe {
        Probe::Off => ("off", Stamp::ZERO),
        Probe::Due => ("due", Stamp::ZERO),
        Probe::InFlight(until) => ("in_flight", until),
    };
    let sql = "UPDATE budget SET not_before = ?, paused_at = ?, probe = ?, probe_until = ?, \
               spacing_ns = ?, last_claim = ?, streak = ?, faults = ?, named = ?, sum = ? \
               WHERE id = ?";
    script.add(sql, 1).bind(state.not_before.0)?.bind(state.paused_at.0)?.bind(probe)?;
    script.bind(until.0)?.bind(i64::try_from(state.spacing.as_nanos()).unwrap_or(i64::MAX))?;
    script.bind(state.last_claim.0)?.bind(state.streak)?.bind(state.faults)?;
    script.bind(named_text(&state.named))?;
    script.bind(checksum::of_budget(budget, state))?.bind(budget)?;
    Ok(())
}

/// The key of a budget, if it is known.
pub(in super::super) async fn find_budget(
    conn: &mut SqliteConnection,
    budget: &BudgetKey,
) -> Result<Option<i64>, Fault> {
    let sql = "SELECT id FROM budget \
               WHERE api_origin = ? AND tenant = ? AND application = ? AND operation = ?";
    let query = sqlx::query_scalar(sql).bind(&budget.api_origin).bind(&budget.tenant);
    let query = query.bind(&budget.application).bind(budget.operation.to_string());
    Ok(query.fetch_optional(conn).await?)
}

/// The pauses of a budget.
pub(in super::super) async fn budget_state(
    conn: &mut SqliteConnection,
    budget: i64,
) -> Result<BudgetState, Fault> {
    let sql = concat!("SELECT ", budget!(), " FROM budget b WHERE b.id = ?");
    budget_at(&sqlx::query(sql).bind(budget).fetch_one(conn).await?, 0)
}

/// The quotas of all open campaigns on a budget, in ascending order.
pub(in super::super) async fn quotas_on(
    conn: &mut SqliteConnection,
    budget: i64,
    operation: Operation,
) -> Result<Vec<Quota>, Fault> {
    macro_rules! on {
        ($column:literal) => {
            concat!(
                "SELECT json_group_array(json_array(q.calls, q.window_ns)) FROM campaign o \
                 JOIN quota q ON q.campaign = o.id WHERE o.state = 'open' AND o.",
                $column,
                " = ?"
            )
        };
    }
    let sql = match operation {
        Operation::Scan => on!("scan_budget"),
        Operation::Read => on!("read_budget"),
        Operation::Cancel => return Ok(Vec::new()),
    };
    let text: String = sqlx::query_scalar(sql).bind(budget).fetch_one(conn).await?;
    quotas_of(&text)
}

/// `seen_by` of the latest calls of a budget, newest first, without those that never left.
pub(in super::super) async fn latest(
    conn: &mut SqliteConnection,
    budget: i64,
    limit: usize,
) -> Result<Vec<Stamp>, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sql = "SELECT seen_by FROM call WHERE budget = ? AND seen_by > 0 \
               ORDER BY seen_by DESC LIMIT ?";
    let query = sqlx::query_scalar(sql).bind(budget).bind(limit);
    Ok(query.fetch_all(conn).await?.into_iter().map(Stamp).collect())
}

/// Calls in a budget's journal, counted one by one.
pub(super) async fn counted_calls(
    conn: &mut SqliteConnection,
    budget: i64,
) -> Result<(i64, i64), Fault> {
    let sql = "SELECT calls, (SELECT count(*) FROM call WHERE budget = ?1) FROM budget \
               WHERE id = ?1";
    let row = sqlx::query(sql).bind(budget).fetch_one(conn).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

fn budget_at(row: &SqliteRow, id: usize) -> Result<BudgetState, Fault> {
    let key: i64 = row.try_get(id)?;
    let state = pauses(row, id)?;
    let sum = checksum::of_budget(key, &state);
    checksum::check(row.try_get(id + 10)?, sum, || format!("budget {key}"))?;
    Ok(state)
}

/// Writes the checksums of budgets that were made before there were any.
pub(super) async fn add_checksums(conn: &mut SqliteConnection) -> Result<(), Fault> {
    for row in
        sqlx::query(concat!("SELECT ", budget!(), " FROM budget b")).fetch_all(&mut *conn).await?
    {
        let id: i64 = row.try_get(0)?;
        let sum = checksum::of_budget(id, &pauses(&row, 0)?);
        let update = sqlx::query("UPDATE budget SET sum = ? WHERE id = ?").bind(sum).bind(id);
        update.execute(&mut *conn).await?;
    }
    Ok(())
}

/// Gives a budget its one name; the pauses of those that it now stands for, or, if there is
/// nothing that may be believed, no checksum.
pub(super) async fn rewrite_budget(
    conn: &mut SqliteConnection,
    budget: i64,
    key: &BudgetKey,
    state: Option<&BudgetState>,
) -> Result<(), Fault> {
    let mut script = Script::default();
    let sql = "UPDATE budget SET api_origin = ?, tenant = ?, application = ? WHERE id = ?";
    script.add(sql, 1).bind(&key.api_origin)?.bind(&key.tenant)?.bind(&key.application)?;
    script.bind(budget)?;
    match state {
        Some(state) => add_state(&mut script, budget, state)?,
        None => {
            script.add("UPDATE budget SET sum = NULL WHERE id = ?", 1).bind(budget)?;
        }
    }
    script.run(conn).await?;
    Ok(())
}

/// The pauses in the columns of `budget!`, whatever their checksum says.
pub(super) fn pauses(row: &SqliteRow, id: usize) -> Result<BudgetState, Fault> {
    let until = Stamp(row.try_get(id + 4)?);
    Ok(BudgetState {
        not_before: Stamp(row.try_get(id + 1)?),
        paused_at: Stamp(row.try_get(id + 2)?),
        probe: parsed(row.try_get(id + 3)?, |name| match name {
            "off" => Some(Probe::Off),
            "due" => Some(Probe::Due),
            "in_flight" => Some(Probe::InFlight(until)),
            _ => None,
        })?,
        spacing: Duration::from_nanos(unsigned(row, id + 5)?),
        last_claim: Stamp(row.try_get(id + 6)?),
        streak: unsigned(row, id + 7)?,
        faults: unsigned(row, id + 8)?,
        named: named_of(row.try_get(id + 9)?)?,
    })
}

/// Quotas as the database lists them, each once and in the order that both stores use.
pub(super) fn quotas_of(text: &str) -> Result<Vec<Quota>, Fault> {
    let pairs: Vec<(u32, u64)> = serde_json::from_str(text)
        .map_err(|error| broken(format!("the quotas cannot be read: {error}")))?;
    let quota = |(calls, window): (u32, u64)| {
        let calls = NonZeroU32::new(calls).ok_or_else(|| broken("a quota of no calls"))?;
        Ok(Quota { calls, window: Duration::from_nanos(window) })
    };
    let all: BTreeSet<Quota> = pairs.into_iter().map(quota).collect::<Result<_, Fault>>()?;
    Ok(all.into_iter().collect())
}
