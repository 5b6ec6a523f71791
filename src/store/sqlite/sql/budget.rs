//! SQL of budgets: their pauses, the quotas on them, and what a claim goes by. Their calls are
//! `journal`'s; whether one may be claimed is decided elsewhere.

use std::time::Duration;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::campaign::check_wave;
use super::checksum;
use super::epoch::{epoch_columns, free_at_of, present_epoch, with_epoch};
use super::queue::ahead;
use super::script::Script;
use super::values::unsigned;
use crate::domain::hold::Decided;
use crate::domain::{BudgetKey, BudgetState, CampaignId, Operation, Stamp};
use crate::store::columns::{named_of, named_text, probe_columns, probe_of, quotas_of, signed};
use crate::store::sqlite::fault::{Fault, broken};
use crate::store::tables::{Budget, BudgetId, Claiming};

/// The columns that `state_at` reads, of the budget `b`.
macro_rules! budget_columns {
    () => {
        "b.id AS budget, b.not_before AS not_before, b.paused_at AS paused_at, b.probe AS probe, \
         b.probe_until AS probe_until, b.spacing_ns AS spacing_ns, b.last_claim AS last_claim, \
         b.streak AS streak, b.faults AS faults, b.named AS named, b.sum AS budget_sum"
    };
}
pub(super) use budget_columns;

/// The quotas of the campaigns `o` on the budget `b` by this column for which that holds.
macro_rules! quotas_on {
    ($column:literal, $if:literal) => {
        concat!(
            "(SELECT json_group_array(json_array(q.calls, q.window_ns)) FROM campaign o \
              JOIN quota q ON q.campaign = o.id WHERE ",
            $if,
            " AND o.",
            $column,
            " = b.id) AS quotas"
        )
    };
}

/// The key of a budget, made if it is new.
pub(in super::super) async fn budget_id(
    conn: &mut SqliteConnection,
    budget: &BudgetKey,
) -> Result<BudgetId, Fault> {
    let sql = "INSERT INTO budget (api_origin, tenant, application, operation) \
               VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
    let insert = sqlx::query(sql).bind(&budget.api_origin).bind(&budget.tenant);
    let insert = insert.bind(&budget.application).bind(budget.operation.to_string());
    let done = insert.execute(&mut *conn).await?;
    if done.rows_affected() > 0 {
        let id = done.last_insert_rowid();
        let sum = checksum::of_budget(id, &BudgetState::default());
        let sql = "UPDATE budget SET sum = ? WHERE id = ?";
        sqlx::query(sql).bind(sum).bind(id).execute(&mut *conn).await?;
    }
    let sql = "SELECT id FROM budget \
               WHERE api_origin = ? AND tenant = ? AND application = ? AND operation = ?";
    let query = sqlx::query_scalar(sql).bind(&budget.api_origin).bind(&budget.tenant);
    let query = query.bind(&budget.application).bind(budget.operation.to_string());
    let id = query.fetch_optional(conn).await?;
    id.map(BudgetId).ok_or_else(|| broken("a budget vanished"))
}

/// A budget with the quotas of all open campaigns on it; none has any for cancelling.
pub(in super::super) async fn budget(
    conn: &mut SqliteConnection,
    budget: &BudgetKey,
) -> Result<Option<Budget>, Fault> {
    macro_rules! by {
        ($quotas:expr) => {
            concat!(
                "SELECT ",
                budget_columns!(),
                ", b.calls AS calls, ",
                $quotas,
                ", ",
                epoch_columns!(),
                " FROM budget b",
                with_epoch!(),
                "WHERE api_origin = ? AND tenant = ? AND application = ? AND operation = ?"
            )
        };
    }
    let sql = match budget.operation {
        Operation::Scan => by!(quotas_on!("scan_budget", "o.state = 'open'")),
        Operation::Read => by!(quotas_on!("read_budget", "o.state = 'open'")),
        Operation::Cancel => by!("'[]' AS quotas"),
    };
    let query = sqlx::query(sql).bind(&budget.api_origin).bind(&budget.tenant);
    let query = query.bind(&budget.application).bind(budget.operation.to_string());
    query.fetch_optional(conn).await?.map(|row| budget_at(&row)).transpose()
}

/// What a claim of a campaign goes by; `None` if there is no such campaign.
pub(in super::super) async fn claiming(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    operation: Operation,
    now: Stamp,
) -> Result<Option<Claiming>, Fault> {
    macro_rules! on {
        ($column:literal) => {
            concat!(
                "SELECT ",
                budget_columns!(),
                ", b.calls AS calls, ",
                quotas_on!($column, "(o.state = 'open' OR o.id = ?1)"),
                ", \
                 EXISTS (SELECT 1 FROM device_row WHERE campaign = ?1 AND at <= ?2 \
                         AND state = 'queued' AND ready = 0) AS due, \
                 c.paused AS paused, c.called_off AS called_off, c.epoch < ",
                present_epoch!(),
                " AS forgotten, ",
                ahead!(),
                " AS ahead, \
                 c.wave AS wave, c.wave_sum AS wave_sum, c.wave_over AS wave_over, \
                 c.wave_failed AS wave_failed, ",
                epoch_columns!(),
                " FROM campaign c JOIN budget b ON b.id = c.",
                $column,
                with_epoch!(),
                "WHERE c.id = ?1"
            )
        };
    }
    let sql = match operation {
        Operation::Scan => on!("scan_budget"),
        Operation::Read => on!("read_budget"),
        Operation::Cancel => return Err(broken("no campaign cancels through a claim")),
    };
    let row = sqlx::query(sql).bind(campaign.0).bind(now.0).fetch_optional(conn).await?;
    let Some(row) = row else { return Ok(None) };
    let budget = budget_at(&row)?;
    check_wave(campaign, &row)?;
    let decided = Decided {
        called_off: row.try_get("called_off")?,
        paused: row.try_get("paused")?,
        ahead: row.try_get::<Option<i64>, _>("ahead")?.map(CampaignId),
        forgotten: row.try_get("forgotten")?,
    };
    let (wave, due) = (unsigned(&row, "wave")?, row.try_get("due")?);
    Ok(Some(Claiming { budget, decided, wave, due }))
}

fn budget_at(row: &SqliteRow) -> Result<Budget, Fault> {
    let ((id, state), free_at) = (state_at(row)?, free_at_of(row)?);
    let (calls, quotas) = (unsigned(row, "calls")?, quotas_of(row.try_get("quotas")?)?);
    Ok(Budget { id, state, calls, quotas, free_at })
}

/// A budget's key and its pauses, if these match their checksum.
pub(super) fn state_at(row: &SqliteRow) -> Result<(BudgetId, BudgetState), Fault> {
    let key: i64 = row.try_get("budget")?;
    let state = pauses(row)?;
    let sum = checksum::of_budget(key, &state);
    checksum::check(row.try_get("budget_sum")?, sum, || format!("budget {key}"))?;
    Ok((BudgetId(key), state))
}

/// The pauses of a budget, whatever their checksum says.
pub(super) fn pauses(row: &SqliteRow) -> Result<BudgetState, Fault> {
    let until = Stamp(row.try_get("probe_until")?);
    Ok(BudgetState {
        not_before: Stamp(row.try_get("not_before")?),
        paused_at: Stamp(row.try_get("paused_at")?),
        probe: probe_of(row.try_get("probe")?, until)?,
        spacing: Duration::from_nanos(unsigned(row, "spacing_ns")?),
        last_claim: Stamp(row.try_get("last_claim")?),
        streak: unsigned(row, "streak")?,
        faults: unsigned(row, "faults")?,
        named: named_of(row.try_get("named")?)?,
    })
}

/// Writes the pauses of a budget.
pub(super) fn add_state(
    script: &mut Script,
    budget: BudgetId,
    state: &BudgetState,
) -> Result<(), Fault> {
    let (probe, until) = probe_columns(state.probe);
    let sql = "UPDATE budget SET not_before = ?, paused_at = ?, probe = ?, probe_until = ?, \
               spacing_ns = ?, last_claim = ?, streak = ?, faults = ?, named = ?, sum = ? \
               WHERE id = ?";
    script.add(sql, 1).bind(state.not_before.0)?.bind(state.paused_at.0)?.bind(probe)?;
    script.bind(until.0)?.bind(signed(state.spacing.as_nanos()))?;
    script.bind(state.last_claim.0)?.bind(state.streak)?.bind(state.faults)?;
    script.bind(named_text(&state.named))?;
    script.bind(checksum::of_budget(budget.0, state))?.bind(budget.0)?;
    Ok(())
}

/// Gives a budget its one name; the pauses of those that it now stands for, or, if there is nothing
/// that may be believed, no checksum.
pub(super) async fn rewrite_budget(
    conn: &mut SqliteConnection,
    budget: BudgetId,
    key: &BudgetKey,
    state: Option<&BudgetState>,
) -> Result<(), Fault> {
    let mut script = Script::default();
    let sql = "UPDATE budget SET api_origin = ?, tenant = ?, application = ? WHERE id = ?";
    script.add(sql, 1).bind(&key.api_origin)?.bind(&key.tenant)?.bind(&key.application)?;
    script.bind(budget.0)?;
    match state {
        Some(state) => add_state(&mut script, budget, state)?,
        None => {
            script.add("UPDATE budget SET sum = NULL WHERE id = ?", 1).bind(budget.0)?;
        }
    }
    script.run(conn).await?;
    Ok(())
}

/// Writes the checksums of budgets that were made before there were any.
pub(super) async fn add_checksums(conn: &mut SqliteConnection) -> Result<(), Fault> {
    let sql = concat!("SELECT ", budget_columns!(), " FROM budget b");
    for row in sqlx::query(sql).fetch_all(&mut *conn).await? {
        let id: i64 = row.try_get("budget")?;
        let sum = checksum::of_budget(id, &pauses(&row)?);
        let update = sqlx::query("UPDATE budget SET sum = ? WHERE id = ?").bind(sum).bind(id);
        update.execute(&mut *conn).await?;
    }
    Ok(())
}
