//! SQL of how many calls of a budget had which result. As long as a call is in the journal it is
//! counted there, so that no claim and no answer costs anything for it.

use std::collections::BTreeMap;

use sqlx::{Row as _, SqliteConnection};

use super::minute::Leaving;
use super::values::unsigned;
use crate::domain::Stamp;
use crate::store::sqlite::fault::Fault;
use crate::store::tables::BudgetId;

/// The result of a call.
macro_rules! result {
    () => {
        "coalesce(verdict, 'not_known')"
    };
}

/// How many calls had which result. One whose answer is still waited for has none: it was claimed
/// after this moment and not settled.
pub(in super::super) async fn results(
    conn: &mut SqliteConnection,
    budget: BudgetId,
    waited_for_since: Stamp,
) -> Result<BTreeMap<String, u64>, Fault> {
    let sql = concat!(
        "SELECT result, sum(calls) AS calls FROM ( \
           SELECT result, calls FROM result WHERE budget = ?1 UNION ALL SELECT ",
        result!(),
        " AS result, 1 AS calls FROM call WHERE budget = ?1 \
             AND (verdict IS NOT NULL OR claimed_at < ?2)) GROUP BY result"
    );
    let query = sqlx::query(sql).bind(budget.0).bind(waited_for_since.0);
    let mut all = BTreeMap::new();
    for row in query.fetch_all(conn).await? {
        all.insert(row.try_get("result")?, unsigned(&row, "calls")?);
    }
    Ok(all)
}

/// Keeps the results of calls that leave the journal.
pub(super) async fn keep_results(
    conn: &mut SqliteConnection,
    leaving: &Leaving,
) -> Result<(), Fault> {
    let sql = concat!(
        "INSERT INTO result (budget, result, calls) SELECT budget, ",
        result!(),
        " AS had, count(*) FROM call WHERE id <= ?1 AND max(claimed_at, seen_by) < ?2 \
          GROUP BY budget, had \
          ON CONFLICT DO UPDATE SET calls = calls + excluded.calls"
    );
    let Leaving { last, before } = *leaving;
    sqlx::query(sql).bind(last).bind(before.0).execute(conn).await?;
    Ok(())
}
