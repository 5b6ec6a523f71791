//! SQL of the rows of a list, one by one and by where they stand. In what order they are claimed is
//! `queue`'s, how they are reported `report`'s.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::life::{add_change, detailed_at, device_at, key, keys, life};
use super::script::Script;
use crate::domain::{CampaignId, LookUp, Seq, Stamp};
use crate::store::columns::signed;
use crate::store::sqlite::fault::{Fault, broken};
use crate::store::tables::{Device, RowChange};

/// One row by its place.
pub(in super::super) async fn device(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    seq: Seq,
) -> Result<Option<Device>, Fault> {
    let sql = concat!("SELECT ", life!(), ", detail FROM device_row WHERE id = ?");
    let row = sqlx::query(sql).bind(key(campaign, seq)).fetch_optional(conn).await?;
    row.map(|row| detailed_at(&row)).transpose()
}

/// Claims whose horizon has passed.
pub(in super::super) async fn expired(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    now: Stamp,
) -> Result<Vec<Device>, Fault> {
    let sql = concat!(
        "SELECT ",
        life!(),
        " FROM device_row \
         WHERE campaign = ? AND at <= ? AND state = 'claimed' ORDER BY at, id"
    );
    let rows = sqlx::query(sql).bind(campaign.0).bind(now.0).fetch_all(conn).await?;
    rows.iter().map(device_at).collect()
}

/// Devices that the list of actions is to be asked about: doubtful ones by their time, then busy
/// ones whose action is unknown.
pub(in super::super) async fn to_look_up(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    now: Stamp,
    limit: usize,
) -> Result<Vec<LookUp>, Fault> {
    let sql = concat!(
        "SELECT * FROM (SELECT ",
        life!(),
        " FROM device_row \
           WHERE campaign = ?1 AND at <= ?2 AND state = 'doubtful' ORDER BY at, id LIMIT ?3) \
         UNION ALL \
         SELECT * FROM (SELECT ",
        life!(),
        " FROM device_row \
           WHERE campaign = ?1 AND unseen = 1 ORDER BY id LIMIT ?3) \
         ORDER BY unseen, at, id LIMIT ?3"
    );
    let query = sqlx::query(sql).bind(campaign.0).bind(now.0).bind(signed(limit));
    let rows = query.fetch_all(conn).await?;
    let look_up = |row: &SqliteRow| {
        let Device { seq, device, life, .. } = device_at(row)?;
        let device = device.ok_or_else(|| broken("a row that was asked for has no device"))?;
        let (attempt, unseen, by_id) = (life.attempt, life.unseen, life.asks_by_id());
        let (looks, arrives_by) = (life.looks(), life.arrives_by);
        Ok(LookUp { seq, device, attempt, unseen, by_id, looks, arrives_by })
    };
    rows.iter().map(look_up).collect()
}

/// The rows as settling reads them, at most `limit` after `after`, in input order.
pub(super) async fn lives(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    after: Seq,
    limit: i64,
) -> Result<Vec<Device>, Fault> {
    let sql = concat!(
        "SELECT ",
        life!(),
        ", detail FROM device_row WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
    );
    let (_, last) = keys(campaign);
    let query = sqlx::query(sql).bind(key(campaign, after)).bind(last).bind(limit);
    query.fetch_all(conn).await?.iter().map(detailed_at).collect()
}

/// When the horizon of the last outstanding call ends; `None` if none is outstanding.
pub(in super::super) async fn last_claim_ends(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<Option<Stamp>, Fault> {
    let sql = "SELECT max(at) AS at FROM device_row WHERE campaign = ? AND state = 'claimed'";
    let row = sqlx::query(sql).bind(campaign.0).fetch_one(conn).await?;
    Ok(row.try_get::<Option<i64>, _>("at")?.map(Stamp))
}

/// When the horizon of its oldest call ends whose answer is not known; `None` if there is none.
pub(in super::super) async fn first_claim_ends(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<Option<Stamp>, Fault> {
    let sql = "SELECT min(ends) AS ends FROM (\
               SELECT min(at) AS ends FROM device_row \
               WHERE campaign = ?1 AND state = 'claimed' UNION ALL \
               SELECT min(arrives_by) AS ends FROM device_row \
               WHERE campaign = ?1 AND state = 'doubtful' AND arrives_by > 0)";
    let row = sqlx::query(sql).bind(campaign.0).fetch_one(conn).await?;
    Ok(row.try_get::<Option<i64>, _>("ends")?.map(Stamp))
}

/// Whether a busy device waits for the list of actions.
pub(in super::super) async fn has_unseen(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<bool, Fault> {
    let sql = "SELECT EXISTS (SELECT 1 FROM device_row WHERE campaign = ? AND unseen = 1)";
    Ok(sqlx::query_scalar(sql).bind(campaign.0).fetch_one(conn).await?)
}

/// Removes all rows of a campaign; how many.
pub(in super::super) async fn remove_rows(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<u64, Fault> {
    let (first, last) = keys(campaign);
    let delete = sqlx::query("DELETE FROM device_row WHERE id BETWEEN ? AND ?");
    Ok(delete.bind(first).bind(last).execute(conn).await?.rows_affected())
}

/// Moves one row on.
pub(in super::super) async fn change(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    change: &RowChange,
) -> Result<(), Fault> {
    let mut script = Script::default();
    add_change(&mut script, campaign, change)?;
    script.run(conn).await?;
    Ok(())
}
