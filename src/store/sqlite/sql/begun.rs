//! SQL of what a campaign was begun with.

use sqlx::{Row as _, SqliteConnection};

use super::checksum;
use crate::domain::{Begun, CampaignId};
use crate::store::columns::{json_text, parsed};
use crate::store::sqlite::fault::Fault;

/// Keeps what a campaign is run with.
pub(in super::super) async fn set_begun(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    begun: &Begun,
) -> Result<(), Fault> {
    let Begun { request, by, host } = begun;
    let request = json_text(request)?;
    let sum = checksum::of_begun(campaign, &[&request, by, host]);
    let sql = "INSERT INTO begun (campaign, request, by, host, sum) VALUES (?, ?, ?, ?, ?) \
               ON CONFLICT (campaign) DO UPDATE SET request = excluded.request, \
               by = excluded.by, host = excluded.host, sum = excluded.sum";
    let query = sqlx::query(sql).bind(campaign.0).bind(request).bind(by).bind(host).bind(sum);
    query.execute(conn).await?;
    Ok(())
}

/// What a campaign was begun with; `None` if that was not kept.
pub(in super::super) async fn begun(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<Option<Begun>, Fault> {
    let sql = "SELECT request, by, host, sum FROM begun WHERE campaign = ?";
    let Some(row) = sqlx::query(sql).bind(campaign.0).fetch_optional(conn).await? else {
        return Ok(None);
    };
    let (request, by, host) =
        (row.try_get::<&str, _>("request")?, row.try_get("by")?, row.try_get("host")?);
    // A window or a limit that flipped would be another one.
    let what = || format!("what campaign {} was begun with", campaign.0);
    let sum = checksum::of_begun(campaign, &[request, by, host]);
    checksum::check(row.try_get("sum")?, sum, what)?;
    let request = parsed(request, |text| serde_json::from_str(text).ok())?;
    Ok(Some(Begun { request, by: by.to_owned(), host: host.to_owned() }))
}
