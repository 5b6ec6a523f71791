//! SQL of the minutes of campaigns and the results of calls, and of the journal's end. As long as a
//! call is in the journal, it is counted there, so that no claim and no answer costs anything for
//! it.

use std::collections::BTreeMap;

use super::values::{time, unsigned};
use crate::domain::minute::{MINUTES_KEPT, Minute};
use crate::domain::{CampaignId, Stamp};
use crate::store::columns::signed;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::session::Session;
use crate::store::tables::BudgetId;

/// The minute of a call, and what counts of all calls of one minute.
macro_rules! counted {
    () => {
        "date_trunc('minute', claimed_utc) AS at, count(*) AS calls, \
         count(*) FILTER (WHERE verdict = 'accepted') AS accepted, \
         count(*) FILTER (WHERE verdict = 'throttled') AS throttled"
    };
}

/// The result of a call.
macro_rules! result {
    () => {
        "coalesce(verdict, 'not_known')"
    };
}

/// How many calls of a budget had which result. One whose answer is still waited for has none: it
/// was claimed after this moment and not settled.
pub(in super::super) async fn results(
    conn: &Session,
    budget: BudgetId,
    waited_for_since: Stamp,
) -> Result<BTreeMap<String, u64>, Fault> {
    const SQL: &str = concat!(
        "SELECT had, sum(calls)::bigint AS calls FROM ( \
           SELECT result AS had, calls FROM result WHERE budget = $1 UNION ALL SELECT ",
        result!(),
        " AS had, count(*) AS calls FROM call WHERE budget = $1 \
             AND (verdict IS NOT NULL OR claimed_at < $2) GROUP BY 1) of_all GROUP BY had"
    );
    let rows = conn.query(SQL, &[&budget.0, &waited_for_since.0]).await?;
    rows.iter().map(|row| Ok((row.try_get("had")?, unsigned(row, "calls")?))).collect()
}

/// The latest minutes of a campaign in which it called, in their order.
pub(in super::super) async fn minutes(
    conn: &Session,
    campaign: CampaignId,
) -> Result<Vec<Minute>, Fault> {
    // The journal is found by its budget and by when a call was seen, which is never before it was
    // claimed; what certainly never left is no call.
    const SQL: &str = concat!(
        "SELECT at, sum(calls)::bigint AS calls, sum(accepted)::bigint AS accepted, \
                sum(throttled)::bigint AS throttled \
         FROM (SELECT at, calls, accepted, throttled FROM minute WHERE campaign = $1 \
               UNION ALL SELECT ",
        counted!(),
        " FROM call WHERE budget = (SELECT scan_budget FROM campaign WHERE id = $1) \
          AND seen_by >= (SELECT first_claim FROM campaign WHERE id = $1) \
          AND campaign = $1 AND seq IS NOT NULL AND verdict IS DISTINCT FROM 'never_left' \
          GROUP BY 1) of_all GROUP BY at ORDER BY at DESC LIMIT $2"
    );
    let rows = conn.query(SQL, &[&campaign.0, &signed::<usize>(MINUTES_KEPT)]).await?;
    let minute = |row| {
        Ok(Minute {
            at: time(row, "at")?,
            calls: unsigned(row, "calls")?,
            accepted: unsigned(row, "accepted")?,
            throttled: unsigned(row, "throttled")?,
        })
    };
    rows.iter().rev().map(minute).collect()
}

/// Removes calls of this budget that were over before this moment, at most some thousands, and
/// keeps their minutes and results; how many. The row of the budget is locked.
pub(in super::super) async fn prune_calls(
    conn: &Session,
    budget: BudgetId,
    before: Stamp,
) -> Result<u64, Fault> {
    const SQL: &str = concat!(
        "WITH gone AS (DELETE FROM call WHERE id IN (SELECT id FROM call \
            WHERE budget = $1 AND seen_by < $2 AND claimed_at < $2 LIMIT 5000) \
            RETURNING campaign, seq, claimed_utc, verdict), \
         kept AS (INSERT INTO minute (campaign, at, calls, accepted, throttled) SELECT campaign, ",
        counted!(),
        " FROM gone WHERE campaign IS NOT NULL AND seq IS NOT NULL \
            AND verdict IS DISTINCT FROM 'never_left' GROUP BY campaign, 2 \
            ON CONFLICT (campaign, at) DO UPDATE SET calls = minute.calls + excluded.calls, \
            accepted = minute.accepted + excluded.accepted, \
            throttled = minute.throttled + excluded.throttled), \
         had AS (INSERT INTO result (budget, result, calls) SELECT $1, ",
        result!(),
        ", count(*) FROM gone GROUP BY 2 \
            ON CONFLICT (budget, result) DO UPDATE SET calls = result.calls + excluded.calls) \
         UPDATE budget SET calls = calls - (SELECT count(*) FROM gone) WHERE id = $1 \
         RETURNING (SELECT count(*) FROM gone) AS gone"
    );
    // Of too many minutes of a campaign, the oldest go.
    const OLDEST: &str = "DELETE FROM minute USING (SELECT campaign, at, \
            row_number() OVER (PARTITION BY campaign ORDER BY at DESC) AS n FROM minute \
            WHERE campaign IN (SELECT id FROM campaign WHERE scan_budget = $1)) AS one \
        WHERE minute.campaign = one.campaign AND minute.at = one.at AND one.n > $2";
    let gone = unsigned(&conn.query_one(SQL, &[&budget.0, &before.0]).await?, "gone")?;
    if gone > 0 {
        conn.execute(OLDEST, &[&budget.0, &signed::<usize>(MINUTES_KEPT)]).await?;
    }
    Ok(gone)
}
