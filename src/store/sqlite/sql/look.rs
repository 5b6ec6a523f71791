//! SQL of one look at many campaigns: how each stands, and what its moment has come for. What that
//! means is the runner's to know.

use sqlx::{Row as _, SqliteConnection};

use super::queue::ahead;
use crate::domain::{CampaignId, Look, Stamp};
use crate::store::columns::json_text;
use crate::store::sqlite::fault::Fault;

/// How these campaigns stand at a moment.
pub(in super::super) async fn looks(
    conn: &mut SqliteConnection,
    campaigns: &[CampaignId],
    now: Stamp,
) -> Result<Vec<Look>, Fault> {
    let sql = concat!(
        "SELECT c.id, c.priority = 'high' AS is_high, \
         json_array(c.state, c.paused, c.called_off, c.priority, c.wave, c.wave_over, \
             c.wave_failed IS NOT NULL, c.calls, c.epoch, b.not_before, ",
        ahead!(),
        ", (SELECT json_group_object(state, rows) FROM tally WHERE campaign = c.id)) AS stands, \
         EXISTS (SELECT 1 FROM device_row r WHERE r.campaign = c.id AND r.state = 'claimed' \
                 AND r.at <= ?2) AS has_expired, \
         EXISTS (SELECT 1 FROM device_row r WHERE r.campaign = c.id AND r.state = 'doubtful' \
                 AND r.at <= ?2) \
         OR EXISTS (SELECT 1 FROM device_row r WHERE r.campaign = c.id AND r.unseen = 1) \
             AS looks_up, \
         EXISTS (SELECT 1 FROM device_row r WHERE r.campaign = c.id AND r.state = 'queued' \
                 AND r.ready = 0 AND r.at <= ?2) AS is_due \
         FROM json_each(?1) AS j JOIN campaign c ON c.id = j.value \
         JOIN budget b ON b.id = c.scan_budget"
    );
    let ids: Vec<i64> = campaigns.iter().map(|campaign| campaign.0).collect();
    let rows = sqlx::query(sql).bind(json_text(&ids)?).bind(now.0).fetch_all(conn).await?;
    let look = |row: &sqlx::sqlite::SqliteRow| {
        Ok(Look {
            campaign: CampaignId(row.try_get("id")?),
            stands: row.try_get("stands")?,
            is_high: row.try_get("is_high")?,
            has_expired: row.try_get("has_expired")?,
            looks_up: row.try_get("looks_up")?,
            is_due: row.try_get("is_due")?,
        })
    };
    rows.iter().map(look).collect()
}
