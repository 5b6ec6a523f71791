//! SQL of what campaigns were begun with, and of what happened in them.

use super::values::{at, get, time};
use crate::domain::happening::{HAPPENINGS_KEPT, Happening, NotedHappening};
use crate::domain::{Begun, CampaignId};
use crate::store::columns::{json_text, parsed, signed};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::session::Session;

/// Keeps what a campaign was begun with, in the place of what was kept before.
pub(in super::super) async fn set_begun(
    conn: &Session,
    campaign: CampaignId,
    begun: &Begun,
) -> Result<(), Fault> {
    const SQL: &str = "INSERT INTO begun (campaign, request, by, host) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (campaign) DO UPDATE SET request = excluded.request, by = excluded.by, \
        host = excluded.host";
    let Begun { request, by, host } = begun;
    conn.execute(SQL, &[&campaign.0, &json_text(request)?, by, host]).await?;
    Ok(())
}

/// What a campaign was begun with; `None` if that was not kept.
pub(in super::super) async fn begun(
    conn: &Session,
    campaign: CampaignId,
) -> Result<Option<Begun>, Fault> {
    const SQL: &str = "SELECT request, by, host FROM begun WHERE campaign = $1";
    let Some(row) = conn.query_opt(SQL, &[&campaign.0]).await? else { return Ok(None) };
    let request = parsed(get(&row, "request")?, |text| serde_json::from_str(text).ok())?;
    Ok(Some(Begun { request, by: get(&row, "by")?, host: get(&row, "host")? }))
}

/// Keeps what happened. Where there is too much, the oldest but the first makes room.
pub(in super::super) async fn note_happening(
    conn: &Session,
    campaign: CampaignId,
    happening: &Happening,
) -> Result<(), Fault> {
    const INSERT: &str = "INSERT INTO happening (campaign, at, what, by, host) \
        VALUES ($1, $2, $3, $4, $5)";
    const MAKE_ROOM: &str = "DELETE FROM happening WHERE campaign = $1 \
        AND id > (SELECT min(id) FROM happening WHERE campaign = $1) \
        AND id <= (SELECT id FROM happening WHERE campaign = $1 \
                   ORDER BY id DESC LIMIT 1 OFFSET $2)";
    let Happening { at: moment, what, by, host } = happening;
    conn.execute(INSERT, &[&campaign.0, &at(*moment), &json_text(what)?, by, host]).await?;
    let beyond: i64 = signed(HAPPENINGS_KEPT - 1);
    conn.execute(MAKE_ROOM, &[&campaign.0, &beyond]).await?;
    Ok(())
}

/// What happened in a campaign after this one, in its order.
pub(in super::super) async fn happenings(
    conn: &Session,
    campaign: CampaignId,
    after: i64,
    limit: usize,
) -> Result<Vec<NotedHappening>, Fault> {
    const SQL: &str = "SELECT id, at, what, by, host FROM happening \
        WHERE campaign = $1 AND id > $2 ORDER BY id LIMIT $3";
    let mut all = Vec::new();
    for row in conn.query(SQL, &[&campaign.0, &after, &signed(limit)]).await? {
        let what = parsed(get(&row, "what")?, |text| serde_json::from_str(text).ok())?;
        let (by, host) = (get(&row, "by")?, get(&row, "host")?);
        let happening = Happening { at: time(&row, "at")?, what, by, host };
        all.push(NotedHappening { id: get(&row, "id")?, happening });
    }
    Ok(all)
}

/// Removes what happened in a campaign.
pub(in super::super) async fn remove_happenings(
    conn: &Session,
    campaign: CampaignId,
) -> Result<(), Fault> {
    conn.execute("DELETE FROM happening WHERE campaign = $1", &[&campaign.0]).await?;
    Ok(())
}
