//! Letting go of calls that no rule can ask for any more, so that a store that runs every night has
//! a bounded journal. What became of the devices stays: it is in their rows; how many calls there
//! were in each minute, and with which results, is kept.

use sqlx::{Row as _, SqliteConnection};

use super::minute::{Leaving, keep_minutes};
use super::result::keep_results;
use crate::domain::Stamp;
use crate::store::sqlite::fault::Fault;

/// The latest calls, which stay however old they are: the clock of a new start goes by them.
const KEPT: i64 = 100_000;

/// The oldest calls, of which one pass lets go at most, so that no start waits long for it.
const PASS: i64 = 20_000;

/// Removes old calls that were over before this moment; how many.
pub(in super::super) async fn prune(
    conn: &mut SqliteConnection,
    before: Stamp,
) -> Result<u64, Fault> {
    prune_beyond(conn, before, KEPT).await
}

async fn prune_beyond(conn: &mut SqliteConnection, before: Stamp, kept: i64) -> Result<u64, Fault> {
    let sql = "SELECT max(id) FROM (SELECT id FROM call ORDER BY id LIMIT ?1) \
               WHERE id <= (SELECT max(id) FROM call) - ?2";
    let last = sqlx::query_scalar(sql).bind(PASS).bind(kept).fetch_one(&mut *conn).await?;
    let Some(last) = last else { return Ok(0) };
    macro_rules! old {
        ($head:literal, $tail:literal) => {
            concat!($head, " FROM call WHERE id <= ?1 AND max(claimed_at, seen_by) < ?2", $tail)
        };
    }
    let sql = old!("SELECT budget, count(*) AS calls", " GROUP BY budget");
    let counted = sqlx::query(sql).bind::<i64>(last).bind(before.0);
    let mut pruned = 0;
    for row in counted.fetch_all(&mut *conn).await? {
        let (budget, calls): (i64, i64) = (row.try_get("budget")?, row.try_get("calls")?);
        let sql = "UPDATE budget SET calls = calls - ? WHERE id = ?";
        sqlx::query(sql).bind(calls).bind(budget).execute(&mut *conn).await?;
        pruned += calls.unsigned_abs();
    }
    if pruned > 0 {
        let leaving = Leaving { last, before };
        keep_minutes(conn, &leaving).await?;
        keep_results(conn, &leaving).await?;
        sqlx::query(old!("DELETE", "")).bind(last).bind(before.0).execute(conn).await?;
    }
    Ok(pruned)
}

#[cfg(test)]
mod tests {
    use sqlx::Connection;

    use super::super::minute::minutes;
    use super::super::result::results;
    use super::*;
    use crate::domain::{CampaignId, Minute};
    use crate::store::tables::BudgetId;

    #[tokio::test]
    async fn only_calls_that_are_old_and_not_among_the_latest_are_let_go() {
        let mut conn = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let schema = "CREATE TABLE budget (id INTEGER PRIMARY KEY, calls INTEGER);
             CREATE TABLE campaign (id INTEGER PRIMARY KEY, first_call INTEGER, last_call INTEGER);
             CREATE TABLE call (id INTEGER PRIMARY KEY, budget INTEGER, claimed_at INTEGER, \
                                seen_by INTEGER, campaign INTEGER DEFAULT 9, seq INTEGER, \
                                verdict TEXT, claimed_utc TEXT DEFAULT '2026-11-26T22:00:01Z');
             CREATE TABLE minute (campaign INTEGER, at TEXT, calls INTEGER, accepted INTEGER, \
                                  throttled INTEGER, PRIMARY KEY (campaign, at));
             CREATE TABLE result (budget INTEGER, result TEXT, calls INTEGER, \
                                  PRIMARY KEY (budget, result));
             INSERT INTO campaign VALUES (9, 1, 8);
             INSERT INTO budget VALUES (1, 6), (2, 2);
             INSERT INTO call (id, budget, claimed_at, seen_by) VALUES (1, 1, 10, 20), \
                 (2, 1, 11, 0), (3, 2, 12, 13), (4, 1, 13, 99), (5, 2, 14, 15), (6, 1, 15, 16), \
                 (7, 1, 16, 17), (8, 1, 17, 18);
             UPDATE call SET verdict = 'page';
             UPDATE call SET seq = id, verdict = 'accepted' WHERE id <> 3;
             UPDATE call SET verdict = 'never_left' WHERE id = 2;
             UPDATE call SET verdict = 'throttled', claimed_utc = '2026-11-26T22:01:59.9Z' \
                 WHERE id >= 6;
             UPDATE call SET verdict = NULL WHERE id IN (1, 8);";
        sqlx::raw_sql(schema).execute(&mut conn).await.unwrap();
        let minutes = minutes(&mut conn, CampaignId(9)).await.unwrap();
        let figures = |minute: &Minute| [minute.calls, minute.accepted, minute.throttled];
        // The second call never left, the third one only read.
        assert_eq!(minutes.iter().map(figures).collect::<Vec<_>>(), [[3, 2, 0], [3, 0, 2]]);
        assert_eq!(minutes[1].at.to_string(), "2026-11-26T22:01:00Z");
        let told = async |conn: &mut SqliteConnection, budget| {
            let results = results(conn, BudgetId(budget), Stamp(16)).await.unwrap().into_iter();
            results.map(|(result, calls)| format!("{result} {calls}")).collect::<Vec<_>>()
        };
        let before = [told(&mut conn, 1).await, told(&mut conn, 2).await];
        // The first had no answer for long, the last one may still get it.
        assert_eq!(before[0], ["accepted 1", "never_left 1", "not_known 1", "throttled 2"]);
        assert_eq!(before[1], ["accepted 1", "page 1"]);
        assert_eq!(prune_beyond(&mut conn, Stamp(17), 2).await.unwrap(), 4);
        assert_eq!([told(&mut conn, 1).await, told(&mut conn, 2).await], before);
        assert_eq!(super::super::minute::minutes(&mut conn, CampaignId(9)).await.unwrap(), minutes);
        let left: Vec<i64> =
            sqlx::query_scalar("SELECT id FROM call").fetch_all(&mut conn).await.unwrap();
        // 1 and 4 are seen too late, 7 and 8 are the latest.
        assert_eq!(left, [1, 4, 7, 8]);
        let calls: Vec<i64> =
            sqlx::query_scalar("SELECT calls FROM budget").fetch_all(&mut conn).await.unwrap();
        assert_eq!(calls, [4, 0]);
        assert_eq!(prune_beyond(&mut conn, Stamp(17), 2).await.unwrap(), 0);
    }
}
