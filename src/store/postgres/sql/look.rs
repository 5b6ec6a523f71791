//! SQL of one look at many campaigns: how each stands, and what its moment has come for. What that
//! means is the runner's to know.

use super::queue::ahead;
use super::values::get;
use crate::domain::{CampaignId, Look, Stamp};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::session::Session;

/// How these campaigns stand at a moment.
pub(in super::super) async fn looks(
    conn: &Session,
    campaigns: &[CampaignId],
    now: Stamp,
) -> Result<Vec<Look>, Fault> {
    const SQL: &str = concat!(
        "SELECT c.id, c.priority = 'high' AS is_high, c.paused AS is_paused, ",
        ahead!(),
        " AS ahead, \
         json_build_array(c.state, c.paused, c.called_off, c.priority, c.wave, c.wave_over, \
             c.wave_failed IS NOT NULL, c.calls, c.epoch <> e.number, b.not_before, \
             (SELECT string_agg(state || rows, ',' ORDER BY state) FROM tally \
            WHERE campaign = c.id))::text AS stands, \
         EXISTS (SELECT 1 FROM device_row r WHERE r.campaign = c.id AND r.state = 'claimed' \
                 AND r.at <= $2) AS has_expired, \
         (EXISTS (SELECT 1 FROM device_row r WHERE r.campaign = c.id AND r.state = 'doubtful' \
                  AND r.at <= $2) \
          OR EXISTS (SELECT 1 FROM device_row r WHERE r.campaign = c.id AND r.unseen)) \
             AS looks_up, \
         EXISTS (SELECT 1 FROM device_row r WHERE r.campaign = c.id AND r.state = 'queued' \
                 AND NOT r.ready AND r.at <= $2) AS is_due \
         FROM campaign c CROSS JOIN epoch e JOIN budget b ON b.id = c.scan_budget \
         WHERE c.id = ANY($1::bigint[])"
    );
    let ids: Vec<i64> = campaigns.iter().map(|campaign| campaign.0).collect();
    let rows = conn.query(SQL, &[&ids, &now.0]).await?;
    rows.iter()
        .map(|row| {
            let (stands, ahead): (String, Option<i64>) = (get(row, "stands")?, get(row, "ahead")?);
            Ok(Look {
                campaign: CampaignId(get(row, "id")?),
                stands: format!("{stands} {ahead:?}"),
                is_paused: get(row, "is_paused")?,
                is_behind: ahead.is_some(),
                is_high: get(row, "is_high")?,
                has_expired: get(row, "has_expired")?,
                looks_up: get(row, "looks_up")?,
                is_due: get(row, "is_due")?,
            })
        })
        .collect()
}
