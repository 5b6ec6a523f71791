//! SQL of the minutes of campaigns. As long as a call is in the journal, its minute is counted
//! there, so that no claim and no answer costs anything for it.

use sqlx::{Row as _, SqliteConnection};

use super::values::{time, unsigned};
use crate::domain::minute::{MINUTES_KEPT, Minute};
use crate::domain::{CampaignId, Stamp};
use crate::store::columns::signed;
use crate::store::sqlite::fault::Fault;

/// The minute in which a call was claimed, and what counts of it.
macro_rules! counted {
    () => {
        "substr(claimed_utc, 1, 16) || ':00Z' AS at, 1 AS calls, \
         verdict IS 'accepted' AS accepted, verdict IS 'throttled' AS throttled"
    };
}

/// Sums over the calls of one minute; what certainly never left is no call.
macro_rules! sums {
    () => {
        "at, sum(calls) AS calls, sum(accepted) AS accepted, sum(throttled) AS throttled"
    };
}

/// The latest minutes of a campaign in which it called, in their order.
pub(in super::super) async fn minutes(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<Vec<Minute>, Fault> {
    let sql = concat!(
        "SELECT ",
        sums!(),
        " FROM (SELECT at, calls, accepted, throttled FROM minute WHERE campaign = ?1 \
                UNION ALL SELECT ",
        counted!(),
        " FROM call WHERE campaign = ?1 AND seq IS NOT NULL AND verdict IS NOT 'never_left' \
          AND id BETWEEN (SELECT first_call FROM campaign WHERE id = ?1) \
                     AND (SELECT last_call FROM campaign WHERE id = ?1)) \
          GROUP BY at ORDER BY at DESC LIMIT ?2"
    );
    let query = sqlx::query(sql).bind(campaign.0).bind(signed(MINUTES_KEPT));
    let mut all = Vec::new();
    for row in query.fetch_all(conn).await? {
        all.push(Minute {
            at: time(row.try_get("at")?)?,
            calls: unsigned(&row, "calls")?,
            accepted: unsigned(&row, "accepted")?,
            throttled: unsigned(&row, "throttled")?,
        });
    }
    all.reverse();
    Ok(all)
}

/// Keeps the minutes of calls that leave the journal: those of these keys that were seen before
/// this moment. Of too many minutes of a campaign, the oldest go.
pub(super) async fn keep_minutes(
    conn: &mut SqliteConnection,
    leaving: &Leaving,
) -> Result<(), Fault> {
    let sql = concat!(
        "INSERT INTO minute (campaign, at, calls, accepted, throttled) SELECT campaign, ",
        sums!(),
        " FROM (SELECT campaign, ",
        counted!(),
        " FROM call WHERE id <= ?1 AND max(claimed_at, seen_by) < ?2 AND seq IS NOT NULL \
          AND verdict IS NOT 'never_left') WHERE campaign IS NOT NULL GROUP BY campaign, at \
          ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, \
          accepted = accepted + excluded.accepted, throttled = throttled + excluded.throttled"
    );
    let Leaving { last, before } = *leaving;
    sqlx::query(sql).bind(last).bind(before.0).execute(&mut *conn).await?;
    let sql = "DELETE FROM minute WHERE (campaign, at) IN (SELECT campaign, at FROM ( \
                 SELECT campaign, at, row_number() OVER (PARTITION BY campaign ORDER BY at DESC) \
                 AS n FROM minute WHERE campaign IN ( \
                   SELECT campaign FROM minute GROUP BY campaign HAVING count(*) > ?1)) \
               WHERE n > ?1)";
    sqlx::query(sql).bind(signed::<usize>(MINUTES_KEPT)).execute(conn).await?;
    Ok(())
}

/// The calls that leave the journal.
pub(super) struct Leaving {
    /// The greatest of their keys.
    pub(super) last: i64,
    /// They were claimed and seen before this moment.
    pub(super) before: Stamp,
}
