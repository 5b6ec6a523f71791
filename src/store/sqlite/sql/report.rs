//! SQL of rows as reports need them, in pages.

use sqlx::query_builder::QueryBuilder;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, SqliteConnection};

use super::life::{detailed_at, key, keys, life};
use super::values::unsigned;
use crate::domain::{CampaignId, Row, RowFilter};
use crate::store::columns::{signed, states_that_stand};
use crate::store::sqlite::fault::Fault;
use crate::store::tables::{Device, Page};

/// All that a report tells of a row.
macro_rules! select {
    () => {
        concat!("SELECT ", life!(), ", detail, line, name, input_text, turn, wave FROM device_row")
    };
}

/// One page of the rows of a campaign or a draft, in input order.
pub(in super::super) async fn rows(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    page: Page,
) -> Result<Vec<Row>, Fault> {
    let sql = concat!(select!(), " WHERE id > ? AND id <= ? AND attempt >= ? ORDER BY id LIMIT ?");
    let (_, last) = keys(campaign);
    let after = key(campaign, page.after.clamp(0, i64::from(u32::MAX)));
    let query = sqlx::query(sql).bind(after).bind(last).bind(page.attempts);
    let rows = query.bind(signed(page.limit)).fetch_all(conn).await?;
    rows.iter().map(row_at).collect()
}

/// One page of those of them that are meant. Only these are read whole.
pub(in super::super) async fn matching(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    filter: &RowFilter,
    page: Page,
) -> Result<Vec<Row>, Fault> {
    let (_, last) = keys(campaign);
    let after = key(campaign, page.after.clamp(0, i64::from(u32::MAX)));
    let mut query = QueryBuilder::<Sqlite>::new(select!());
    query.push(" WHERE id > ").push_bind(after).push(" AND id <= ").push_bind(last);
    query.push(" AND attempt >= ").push_bind(page.attempts);
    let RowFilter { stands, code, text } = filter;
    if let Some(stands) = stands {
        let mut states = query.push(" AND state IN (").separated(", ");
        states_that_stand(*stands).into_iter().for_each(|state| {
            states.push_bind(state);
        });
        query.push(")");
    }
    if let Some(code) = code {
        // As it stands in the text of the details, where a quote within a text has a sign before.
        let code = serde_json::Value::from(code.as_str());
        query.push(" AND instr(detail, ").push_bind(format!("\"error_code\":{code}")).push(") > 0");
    }
    if let Some(text) = text {
        let text = text.to_ascii_lowercase();
        query.push(" AND (instr(lower(name), ").push_bind(text.clone());
        query.push(") > 0 OR instr(lower(hex(device)), ").push_bind(text).push(") > 0)");
    }
    query.push(" ORDER BY id LIMIT ").push_bind(signed::<usize>(page.limit));
    let rows = query.build().persistent(false).fetch_all(conn).await?;
    rows.iter().map(row_at).collect()
}

fn row_at(row: &SqliteRow) -> Result<Row, Fault> {
    let Device { seq, device, life, detail } = detailed_at(row)?;
    Ok(Row {
        seq,
        line: unsigned(row, "line")?,
        device,
        name: row.try_get("name")?,
        input_text: row.try_get("input_text")?,
        life,
        detail,
        turn: row.try_get("turn")?,
        wave: unsigned(row, "wave")?,
    })
}
