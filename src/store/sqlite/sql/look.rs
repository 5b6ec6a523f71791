//! SQL of one look at many campaigns: how each stands, and what its moment has come for. What that
//! means is the runner's to know.

use sqlx::SqliteConnection;

use super::queue::ahead;
use crate::domain::{CampaignId, Look, Stamp};
use crate::store::columns::json_text;
use crate::store::sqlite::fault::{Fault, broken};

/// How these campaigns stand at a moment.
pub(in super::super) async fn looks(
    conn: &mut SqliteConnection,
    campaigns: &[CampaignId],
    now: Stamp,
) -> Result<Vec<Look>, Fault> {
    // Each row that comes from the thread of a connection costs more than what is found for it, so
    // all of them come as one.
    let sql = concat!(
        "SELECT json_group_array(json_array(id, stands || '', ahead, is_paused, is_high, \
             has_expired, looks_up, is_due)) AS looks \
         FROM (SELECT c.id AS id, c.priority = 'high' AS is_high, c.paused AS is_paused, ",
        ahead!(),
        " AS ahead, \
         json_array(c.state, c.paused, c.called_off, c.priority, c.wave, c.wave_over, \
             c.wave_failed IS NOT NULL, c.calls, c.epoch, b.not_before, \
             (SELECT json_group_object(state, rows) FROM tally WHERE campaign = c.id)) AS stands, \
         EXISTS (SELECT 1 FROM device_row r WHERE r.campaign = c.id AND r.state = 'claimed' \
                 AND r.at <= ?2) AS has_expired, \
         EXISTS (SELECT 1 FROM device_row r WHERE r.campaign = c.id AND r.state = 'doubtful' \
                 AND r.at <= ?2) \
         OR EXISTS (SELECT 1 FROM device_row r WHERE r.campaign = c.id AND r.unseen = 1) \
             AS looks_up, \
         EXISTS (SELECT 1 FROM device_row r WHERE r.campaign = c.id AND r.state = 'queued' \
                 AND r.ready = 0 AND r.at <= ?2) AS is_due \
         FROM json_each(?1) AS j JOIN campaign c ON c.id = j.value \
         JOIN budget b ON b.id = c.scan_budget)"
    );
    let ids: Vec<i64> = campaigns.iter().map(|campaign| campaign.0).collect();
    let query = sqlx::query_scalar(sql).bind(json_text(&ids)?).bind(now.0);
    let looks: String = query.fetch_one(conn).await?;
    type Found = (i64, String, Option<i64>, u8, u8, u8, u8, u8);
    let looks: Vec<Found> =
        serde_json::from_str(&looks).map_err(|error| broken(error.to_string()))?;
    let look = |found: Found| {
        let (id, stands, ahead, is_paused, is_high, has_expired, looks_up, is_due) = found;
        Look {
            campaign: CampaignId(id),
            stands: format!("{stands} {ahead:?}"),
            is_paused: is_paused != 0,
            is_behind: ahead.is_some(),
            is_high: is_high != 0,
            has_expired: has_expired != 0,
            looks_up: looks_up != 0,
            is_due: is_due != 0,
        }
    };
    Ok(looks.into_iter().map(look).collect())
}
