//! SQL of rows as reports need them, in pages.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::life::{detailed_at, key, keys, life};
use super::values::{signed, unsigned};
use crate::domain::{CampaignId, Row};
use crate::store::sqlite::fault::Fault;
use crate::store::tables::{Device, Page};

/// One page of the rows of a campaign or a draft, in input order.
pub(in super::super) async fn rows(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    page: Page,
) -> Result<Vec<Row>, Fault> {
    let sql = concat!(
        "SELECT ",
        life!(),
        ", detail, line, name, input_text, turn, wave FROM device_row \
         WHERE id > ? AND id <= ? AND attempt >= ? ORDER BY id LIMIT ?"
    );
    let (_, last) = keys(campaign);
    let after = key(campaign, page.after.clamp(0, i64::from(u32::MAX)));
    let query = sqlx::query(sql).bind(after).bind(last).bind(page.attempts);
    let rows = query.bind(signed(page.limit)).fetch_all(conn).await?;
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
