//! What the journal says of a budget, for whoever only looks.

use sqlx::SqliteConnection;

use super::fault::Fault;
use super::sql;
use crate::domain::{BudgetKey, Stamp, Usage};

/// The latest calls of a budget, its pauses, and all quotas on it at this moment.
pub(super) async fn read(
    conn: &mut SqliteConnection,
    budget: &BudgetKey,
    latest: usize,
    now: Stamp,
) -> Result<Usage, Fault> {
    let Some(id) = sql::find_budget(conn, budget).await? else { return Ok(Usage::default()) };
    let seen_by = sql::latest(conn, id, latest).await?;
    let state = sql::budget_state(conn, id).await?;
    let quotas = sql::quotas_on(conn, id, budget.operation).await?;
    Ok(Usage { seen_by, state, quotas: sql::with_named(quotas, &state, now) })
}
