//! SQL of campaigns that were called off: their waiting rows, and how many of them end together.

use std::collections::BTreeMap;

use sqlx::query_builder::QueryBuilder;
use sqlx::{Sqlite, SqliteConnection};

use super::checksum;
use super::life::{add_counts, detailed_at, key, keys, life};
use super::script::Script;
use crate::domain::{CampaignId, Seq};
use crate::store::columns::{detail_text, signed, state_name, stored};
use crate::store::sqlite::fault::{Fault, broken};
use crate::store::tables::{Device, RowChange};

/// Rows in one statement: six values each, far below SQLite's 32,766.
const CHUNK: usize = 1_000;

/// The next waiting rows after this one, in input order, at most `CHUNK`.
pub(in super::super) async fn waiting(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    after: Seq,
) -> Result<Vec<Device>, Fault> {
    let sql = concat!(
        "SELECT ",
        life!(),
        ", detail FROM device_row \
         WHERE id > ? AND id <= ? AND state = 'queued' ORDER BY id LIMIT ?"
    );
    let (_, last) = keys(campaign);
    let query = sqlx::query(sql).bind(key(campaign, after)).bind(last).bind(signed(CHUNK));
    query.fetch_all(conn).await?.iter().map(detailed_at).collect()
}

/// Writes how waiting rows ended, and moves them from one count to the others.
pub(in super::super) async fn change_waiting(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    changes: &[RowChange],
) -> Result<(), Fault> {
    let mut query =
        QueryBuilder::<Sqlite>::new("WITH new (id, state, at, arrives_by, detail, sum) AS (");
    query.push_values(changes, |mut values, change| {
        let key = key(campaign, change.seq);
        values
            .push_bind(key)
            .push_bind(state_name(change.after.state))
            .push_bind(stored(change.after.state).0.0)
            .push_bind(change.after.arrives_by.0)
            .push_bind(change.detail.as_ref().and_then(detail_text))
            .push_bind(checksum::of_device(key, change.device, &change.after));
    });
    query.push(
        ") UPDATE device_row SET state = new.state, at = new.at, ready = 0, \
         arrives_by = new.arrives_by, detail = new.detail, \
         sum = new.sum FROM new WHERE device_row.id = new.id AND device_row.state = 'queued'",
    );
    let done = query.build().persistent(changes.len() == CHUNK).execute(&mut *conn).await?;
    let (changed, wanted) = (done.rows_affected(), changes.len() as u64);
    if changed != wanted {
        return Err(broken(format!("{changed} rows changed instead of {wanted}")));
    }
    let mut moved: BTreeMap<&str, i64> = BTreeMap::new();
    for RowChange { before, after, .. } in changes {
        *moved.entry(state_name(before.state)).or_default() -= 1;
        *moved.entry(state_name(after.state)).or_default() += 1;
    }
    let mut counts = Script::default();
    add_counts(&mut counts, campaign, moved)?;
    counts.run(conn).await?;
    Ok(())
}
