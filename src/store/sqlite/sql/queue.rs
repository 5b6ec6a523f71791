//! SQL of the order in which devices are claimed: waves, turns, who is next, and which campaign
//! goes before another one. Which order that is, is the caller's; rows are `device`'s.

use sqlx::{Row as _, SqliteConnection};

use super::life::{device_at, key, life};
use crate::domain::{CampaignId, Seq, Stamp};
use crate::store::sqlite::fault::Fault;
use crate::store::tables::{Device, Wake};

/// Lets waiting devices whose moment has come take their place among those that may be asked.
pub(in super::super) async fn promote(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    now: Stamp,
) -> Result<(), Fault> {
    let sql = "UPDATE device_row SET ready = 1 \
               WHERE campaign = ? AND at <= ? AND state = 'queued' AND ready = 0";
    sqlx::query(sql).bind(campaign.0).bind(now.0).execute(conn).await?;
    Ok(())
}

/// The next device of this wave to ask: by rank, first asks before repeats, by turn, in input
/// order. Devices of other waves lie elsewhere in the index and cost nothing.
pub(in super::super) async fn next_device(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    wave: u32,
    allow_repeat: bool,
) -> Result<Option<Device>, Fault> {
    let any = concat!(
        "SELECT ",
        life!(),
        " FROM device_row \
         WHERE campaign = ?1 AND wave = ?2 AND state = 'queued' AND ready = 1 \
         ORDER BY rank, repeat, turn, id LIMIT 1"
    );
    // One probe a rank, so that a long row of repeats is not walked through on every claim.
    macro_rules! first_of {
        ($rank:literal) => {
            concat!(
                "SELECT * FROM (SELECT ",
                life!(),
                " FROM device_row \
                 WHERE campaign = ?1 AND wave = ?2 AND rank = ",
                $rank,
                " AND repeat = 0 \
                 AND state = 'queued' AND ready = 1 ORDER BY turn, id LIMIT 1)"
            )
        };
    }
    let first = concat!(
        first_of!(0),
        " UNION ALL ",
        first_of!(1),
        " UNION ALL ",
        first_of!(2),
        " UNION ALL ",
        first_of!(3),
        " ORDER BY rank LIMIT 1"
    );
    let sql = if allow_repeat { any } else { first };
    let row = sqlx::query(sql).bind(campaign.0).bind(wave).fetch_optional(conn).await?;
    row.map(|row| device_at(&row)).transpose()
}

/// When something can happen next, and whether a device of this wave could be asked now if it were
/// allowed. What waits for a moment was claimed before, so it belongs to no later wave.
pub(in super::super) async fn wake(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    wave: u32,
    now: Stamp,
) -> Result<Wake, Fault> {
    let sql = "SELECT (SELECT min(at) FROM ( \
        SELECT min(at) AS at FROM device_row \
          WHERE campaign = ?1 AND state = 'queued' AND ready = 0 UNION ALL \
        SELECT min(at) FROM device_row WHERE campaign = ?1 AND state = 'claimed' UNION ALL \
        SELECT min(at) FROM device_row WHERE campaign = ?1 AND state = 'doubtful' UNION ALL \
        SELECT ?2 WHERE EXISTS (SELECT 1 FROM device_row WHERE campaign = ?1 AND unseen = 1) \
        )) AS at, \
        EXISTS (SELECT 1 FROM device_row WHERE campaign = ?1 AND wave = ?3 \
                AND state = 'queued' AND ready = 1) AS could_ask";
    let row = sqlx::query(sql).bind(campaign.0).bind(now.0).bind(wave).fetch_one(conn).await?;
    let at = row.try_get::<Option<i64>, _>("at")?.map(Stamp);
    Ok(Wake { at, could_ask: row.try_get("could_ask")? })
}

/// The campaign of high priority that the campaign `c` on the budget `b` yields to at the moment
/// ?2: it is open, not paused, has a runner at work and a device that may be asked. Its devices are
/// found through indexes, so that a long list costs nothing.
macro_rules! ahead {
    () => {
        "(SELECT h.id FROM campaign h WHERE c.priority = 'normal' AND h.state = 'open' \
          AND h.scan_budget = b.id AND h.priority = 'high' AND h.id <> c.id AND h.paused = 0 \
          AND h.engaged_until > ?2 \
          AND (EXISTS (SELECT 1 FROM device_row r WHERE r.campaign = h.id AND r.wave = h.wave \
                       AND r.state = 'queued' AND r.ready = 1) \
               OR EXISTS (SELECT 1 FROM device_row r WHERE r.campaign = h.id AND r.at <= ?2 \
                          AND r.wave = h.wave AND r.state = 'queued' AND r.ready = 0)) \
          ORDER BY h.id LIMIT 1)"
    };
}
pub(super) use ahead;

/// The devices of a wave that have no outcome yet: ?1 is the campaign, ?2 the wave.
macro_rules! open_in_wave {
    ($head:literal) => {
        concat!(
            $head,
            " (SELECT id FROM device_row \
               WHERE campaign = ?1 AND wave = ?2 AND state = 'queued' AND ready = 1 \
               UNION ALL SELECT id FROM device_row \
               WHERE campaign = ?1 AND wave = ?2 AND state = 'queued' AND ready = 0 \
               UNION ALL SELECT id FROM device_row \
               WHERE campaign = ?1 AND wave = ?2 AND state = 'claimed' \
               UNION ALL SELECT id FROM device_row \
               WHERE campaign = ?1 AND wave = ?2 AND state = 'doubtful' \
               UNION ALL SELECT id FROM device_row \
               WHERE campaign = ?1 AND wave = ?2 AND unseen = 1)"
        )
    };
}

/// How many devices of a wave have no outcome yet.
pub(in super::super) async fn open_in_wave(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    wave: u32,
) -> Result<u64, Fault> {
    let sql = open_in_wave!("SELECT count(*) FROM");
    let open: i64 = sqlx::query_scalar(sql).bind(campaign.0).bind(wave).fetch_one(conn).await?;
    Ok(open.unsigned_abs())
}

/// Whether a device of a wave has no outcome yet.
pub(in super::super) async fn is_wave_open(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    wave: u32,
) -> Result<bool, Fault> {
    let sql = open_in_wave!("SELECT EXISTS");
    Ok(sqlx::query_scalar(sql).bind(campaign.0).bind(wave).fetch_one(conn).await?)
}

/// Puts a device of a wave that is over into this one, so that it is not waited for in vain.
pub(in super::super) async fn bring_forward(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    seq: Seq,
    wave: u32,
) -> Result<(), Fault> {
    let sql = "UPDATE device_row SET wave = ?1 WHERE id = ?2 AND wave < ?1";
    sqlx::query(sql).bind(wave).bind(key(campaign, seq)).execute(conn).await?;
    Ok(())
}
