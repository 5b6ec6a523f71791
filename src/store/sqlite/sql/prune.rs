//! Letting go of calls that no rule can ask for any more, so that a store that runs every night has
//! a bounded journal. What became of the devices stays: it is in their rows.

use sqlx::{Row as _, SqliteConnection};

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
    macro_rules! old {
        ($what:literal, $tail:literal) => {
            concat!(
                "SELECT ",
                $what,
                " FROM (SELECT id, budget, claimed_at, seen_by FROM call ORDER BY id LIMIT ?1) \
                 WHERE id <= (SELECT max(id) FROM call) - ?2 AND max(claimed_at, seen_by) < ?3",
                $tail
            )
        };
    }
    let sql = old!("budget, count(*) AS calls", " GROUP BY budget");
    let counted = sqlx::query(sql).bind(PASS).bind(kept).bind(before.0);
    let mut pruned = 0;
    for row in counted.fetch_all(&mut *conn).await? {
        let (budget, calls): (i64, i64) = (row.try_get("budget")?, row.try_get("calls")?);
        let sql = "UPDATE budget SET calls = calls - ? WHERE id = ?";
        sqlx::query(sql).bind(calls).bind(budget).execute(&mut *conn).await?;
        pruned += calls.unsigned_abs();
    }
    if pruned > 0 {
        let sql = concat!("DELETE FROM call WHERE id IN (", old!("id", ""), ")");
        let delete = sqlx::query(sql).bind(PASS).bind(kept).bind(before.0);
        delete.execute(conn).await?;
    }
    Ok(pruned)
}

#[cfg(test)]
mod tests {
    use sqlx::Connection;

    use super::*;

    #[tokio::test]
    async fn only_calls_that_are_old_and_not_among_the_latest_are_let_go() {
        let mut conn = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let schema = "CREATE TABLE budget (id INTEGER PRIMARY KEY, calls INTEGER);
             CREATE TABLE call (id INTEGER PRIMARY KEY, budget INTEGER, claimed_at INTEGER, \
                                seen_by INTEGER);
             INSERT INTO budget VALUES (1, 6), (2, 2);
             INSERT INTO call VALUES (1, 1, 10, 20), (2, 1, 11, 0), (3, 2, 12, 13), \
                 (4, 1, 13, 99), (5, 2, 14, 15), (6, 1, 15, 16), (7, 1, 16, 17), (8, 1, 17, 18);";
        sqlx::raw_sql(schema).execute(&mut conn).await.unwrap();
        assert_eq!(prune_beyond(&mut conn, Stamp(17), 2).await.unwrap(), 4);
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
