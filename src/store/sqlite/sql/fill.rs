//! SQL that fills a draft with the rows of a list, and queues them when it is confirmed.

use sqlx::query_builder::QueryBuilder;
use sqlx::{Sqlite, SqliteConnection};

use super::device::{STATES, detail_text, key, state_name};
use super::{Script, checksum};
use crate::domain::Detail;
use crate::store::sqlite::fault::{Fault, broken};
use crate::store::{CampaignId, NewRow};

/// Rows in one statement: nine values each, far below SQLite's 32,766.
const CHUNK: usize = 500;

/// Appends rows after the first `there` rows of a draft, and counts them.
pub(in super::super) async fn append(
    conn: &mut SqliteConnection,
    draft: CampaignId,
    there: i64,
    rows: &[NewRow],
) -> Result<(), Fault> {
    let all = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    if there.saturating_add(all) > i64::from(u32::MAX) {
        return Err(broken("a list has more rows than a campaign can hold"));
    }
    let mut seq = there;
    for chunk in rows.chunks(CHUNK) {
        insert(conn, draft, seq, chunk).await?;
        seq += i64::try_from(chunk.len()).unwrap_or(0);
    }
    let mut script = Script::default();
    let sql = "UPDATE campaign SET row_count = row_count + ? WHERE id = ? AND state = 'draft'";
    script.add(sql, 1).bind(all)?.bind(draft.0)?;
    for state in STATES {
        let some = rows.iter().filter(|row| state_name(row.life.state) == state).count();
        if some > 0 {
            let sql = "UPDATE tally SET rows = rows + ? WHERE campaign = ? AND state = ?";
            let some = i64::try_from(some).unwrap_or(i64::MAX);
            script.add(sql, 1).bind(some)?.bind(draft.0)?.bind(state)?;
        }
    }
    script.run(conn).await?;
    Ok(())
}

async fn insert(
    conn: &mut SqliteConnection,
    draft: CampaignId,
    there: i64,
    rows: &[NewRow],
) -> Result<(), Fault> {
    let head = "INSERT INTO device_row \
                (id, campaign, line, device, name, input_text, state, detail, sum) ";
    let mut query = QueryBuilder::<Sqlite>::new(head);
    query.push_values(rows.iter().zip(there + 1..), |mut values, (row, seq)| {
        let detail = row.reason.as_ref().map(|reason| {
            detail_text(&Detail { reason: Some(reason.clone()), ..Detail::default() })
        });
        values
            .push_bind(key(draft, seq))
            .push_bind(draft.0)
            .push_bind(i64::try_from(row.line).unwrap_or(i64::MAX))
            .push_bind(row.device.map(|device| device.as_bytes().to_vec()))
            .push_bind(row.name.clone())
            .push_bind(row.input_text.clone())
            .push_bind(state_name(row.life.state))
            .push_bind(detail.flatten())
            .push_bind(checksum::of_device(key(draft, seq), row.device, &row.life));
    });
    // Whole chunks share one prepared statement; the rest of a list is not worth keeping.
    query.build().persistent(rows.len() == CHUNK).execute(conn).await?;
    Ok(())
}

/// Queues all drafts of a campaign: `LifeEvent::Opened` for every one of them, in one statement.
pub(in super::super) async fn queue_drafts(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<(), Fault> {
    let (first, last) = (key(campaign, 0), key(campaign, i64::from(u32::MAX)));
    let sql = "UPDATE device_row SET state = 'queued', at = 0, ready = 1 \
               WHERE id BETWEEN ? AND ? AND state = 'draft'";
    let queued = sqlx::query(sql).bind(first).bind(last).execute(&mut *conn).await?;
    let queued = i64::try_from(queued.rows_affected()).unwrap_or(i64::MAX);
    let mut script = Script::default();
    for (state, more) in [("draft", -queued), ("queued", queued)] {
        let sql = "UPDATE tally SET rows = rows + ? WHERE campaign = ? AND state = ?";
        script.add(sql, 1).bind(more)?.bind(campaign.0)?.bind(state)?;
    }
    script.run(conn).await?;
    Ok(())
}
