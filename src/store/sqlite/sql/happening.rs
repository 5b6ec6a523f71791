//! SQL of what happened in campaigns.

use sqlx::{Row as _, SqliteConnection};

use super::values::time;
use crate::domain::CampaignId;
use crate::domain::happening::{HAPPENINGS_KEPT, Happening, NotedHappening};
use crate::store::columns::{json_text, parsed, signed};
use crate::store::sqlite::fault::Fault;

/// Keeps what happened. Where there is too much, the oldest but the first makes room.
pub(in super::super) async fn note_happening(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    happening: &Happening,
) -> Result<(), Fault> {
    let Happening { at, what, by, host } = happening;
    let sql = "INSERT INTO happening (campaign, at, what, by, host) VALUES (?, ?, ?, ?, ?)";
    let insert = sqlx::query(sql).bind(campaign.0).bind(at.to_string()).bind(json_text(what)?);
    insert.bind(by).bind(host).execute(&mut *conn).await?;
    let sql = "DELETE FROM happening WHERE campaign = ?1 \
               AND id > (SELECT min(id) FROM happening WHERE campaign = ?1) \
               AND id <= (SELECT id FROM happening WHERE campaign = ?1 \
                          ORDER BY id DESC LIMIT 1 OFFSET ?2)";
    let beyond = signed(HAPPENINGS_KEPT - 1);
    sqlx::query(sql).bind(campaign.0).bind(beyond).execute(conn).await?;
    Ok(())
}

/// What happened in a campaign after this one, in its order.
pub(in super::super) async fn happenings(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    after: i64,
    limit: usize,
) -> Result<Vec<NotedHappening>, Fault> {
    let sql = "SELECT id, at, what, by, host FROM happening \
               WHERE campaign = ? AND id > ? ORDER BY id LIMIT ?";
    let rows = sqlx::query(sql).bind(campaign.0).bind(after).bind(signed(limit));
    let mut all = Vec::new();
    for row in rows.fetch_all(conn).await? {
        let what = parsed(row.try_get("what")?, |text| serde_json::from_str(text).ok())?;
        let (at, by, host) = (time(row.try_get("at")?)?, row.try_get("by")?, row.try_get("host")?);
        let happening = Happening { at, what, by, host };
        all.push(NotedHappening { id: row.try_get("id")?, happening });
    }
    Ok(all)
}

/// Removes what happened in a campaign.
pub(in super::super) async fn remove_happenings(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<(), Fault> {
    let delete = sqlx::query("DELETE FROM happening WHERE campaign = ?").bind(campaign.0);
    delete.execute(conn).await?;
    Ok(())
}
