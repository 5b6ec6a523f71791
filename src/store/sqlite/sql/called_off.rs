//! SQL of campaigns that were called off: their waiting rows, and how many of them end together.

use std::collections::BTreeMap;

use sqlx::query_builder::QueryBuilder;
use sqlx::{Sqlite, SqliteConnection};

use super::device::{Device, device_at, key};
use super::state::{detail_text, state_name};
use super::{Script, checksum};
use crate::domain::{CampaignId, Detail, Life, Seq};
use crate::store::sqlite::fault::{Fault, broken};

/// Rows in one statement: four values each, far below SQLite's 32,766.
const CHUNK: usize = 1_000;

/// Marks a campaign as called off; it stays so.
pub(in super::super) async fn set_called_off(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<(), Fault> {
    let sql = "UPDATE campaign SET called_off = 1 WHERE id = ? AND state <> 'draft'";
    let done = sqlx::query(sql).bind(campaign.0).execute(conn).await?;
    if done.rows_affected() == 0 {
        return Err(broken("a campaign vanished"));
    }
    Ok(())
}

/// The next waiting rows after this one, in input order, at most `CHUNK`.
pub(in super::super) async fn waiting(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    after: Seq,
) -> Result<Vec<Device>, Fault> {
    let sql = "SELECT id, device, state, at, looks, busy_look, attempt, tries, rank, doubted, \
               busy_asks, unseen, arrives_by, sum, detail FROM device_row \
               WHERE id > ? AND id <= ? AND state = 'queued' ORDER BY id LIMIT ?";
    let last = key(campaign, i64::from(u32::MAX));
    let query = sqlx::query(sql).bind(key(campaign, after)).bind(last);
    let rows = query.bind(i64::try_from(CHUNK).unwrap_or(i64::MAX)).fetch_all(conn).await?;
    rows.iter().map(|row| device_at(row, Some(14))).collect()
}

/// Writes how waiting rows ended, and moves them from one count to the others.
pub(in super::super) async fn end_waiting(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    ended: &[(Device, Life, Detail)],
) -> Result<(), Fault> {
    let mut query = QueryBuilder::<Sqlite>::new("WITH new (id, state, detail, sum) AS (");
    query.push_values(ended, |mut values, (row, life, detail)| {
        let key = key(campaign, row.seq);
        values
            .push_bind(key)
            .push_bind(state_name(life.state))
            .push_bind(detail_text(detail))
            .push_bind(checksum::of_device(key, row.device, life));
    });
    query.push(
        ") UPDATE device_row SET state = new.state, at = 0, ready = 0, detail = new.detail, \
         sum = new.sum FROM new WHERE device_row.id = new.id AND device_row.state = 'queued'",
    );
    let done = query.build().persistent(ended.len() == CHUNK).execute(&mut *conn).await?;
    if done.rows_affected() != ended.len() as u64 {
        return Err(broken(format!(
            "{} rows changed instead of {}",
            done.rows_affected(),
            ended.len()
        )));
    }
    let mut moved: BTreeMap<&str, i64> = BTreeMap::new();
    for (row, life, _) in ended {
        *moved.entry(state_name(row.life.state)).or_default() -= 1;
        *moved.entry(state_name(life.state)).or_default() += 1;
    }
    let mut counts = Script::default();
    for (state, more) in moved {
        let sql = "UPDATE tally SET rows = rows + ? WHERE campaign = ? AND state = ?";
        counts.add(sql, 1).bind(more)?.bind(campaign.0)?.bind(state)?;
    }
    counts.run(conn).await?;
    Ok(())
}
