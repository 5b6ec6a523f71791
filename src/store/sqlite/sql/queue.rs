//! SQL of the order in which devices are claimed: waves, turns, who is next, and which campaign
//! goes before another one.
//! Which order that is, is the caller's; rows and lives are `device`'s.

use sqlx::{Row as _, SqliteConnection};

use super::device::{Device, device_at, key, life};
use super::{Script, checksum, unsigned};
use crate::domain::rollout::WaveFailure;
use crate::domain::{CampaignId, Priority, Seq, Stamp};
use crate::store::sqlite::fault::{Fault, broken};

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
        "SELECT id, device, ",
        life!(),
        " FROM device_row \
         WHERE campaign = ?1 AND wave = ?2 AND state = 'queued' AND ready = 1 \
         ORDER BY rank, repeat, turn, id LIMIT 1"
    );
    // One probe a rank, so that a long row of repeats is not walked through on every claim.
    macro_rules! first_of {
        ($rank:literal) => {
            concat!(
                "SELECT * FROM (SELECT id, device, ",
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
    row.map(|row| device_at(&row, None)).transpose()
}

/// When something can happen next, and whether a device of this wave could be asked now if it were
/// allowed. What waits for a moment was claimed before, so it belongs to no later wave.
pub(in super::super) async fn wake(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    wave: u32,
    now: Stamp,
) -> Result<(Option<Stamp>, bool), Fault> {
    let sql = "SELECT \
        (SELECT min(at) FROM device_row WHERE campaign = ?1 AND state = 'queued' AND ready = 0), \
        (SELECT min(at) FROM device_row WHERE campaign = ?1 AND state = 'claimed'), \
        (SELECT min(at) FROM device_row WHERE campaign = ?1 AND state = 'doubtful'), \
        (SELECT ?2 WHERE EXISTS (SELECT 1 FROM device_row WHERE campaign = ?1 AND unseen = 1)), \
        EXISTS (SELECT 1 FROM device_row \
                WHERE campaign = ?1 AND wave = ?3 AND state = 'queued' AND ready = 1)";
    let row = sqlx::query(sql).bind(campaign.0).bind(now.0).bind(wave).fetch_one(conn).await?;
    let mut wake: Option<i64> = None;
    for at in 0..4 {
        let moment: Option<i64> = row.try_get(at)?;
        wake = [wake, moment].into_iter().flatten().min();
    }
    Ok((wake.map(Stamp), row.try_get(4)?))
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

/// Sets whether a campaign goes before others.
pub(in super::super) async fn set_priority(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    priority: Priority,
) -> Result<(), Fault> {
    let sql = "UPDATE campaign SET priority = ? WHERE id = ? AND state <> 'draft'";
    let update = sqlx::query(sql).bind(priority.name()).bind(campaign.0);
    if update.execute(conn).await?.rows_affected() == 0 {
        return Err(broken("a campaign vanished"));
    }
    Ok(())
}

/// Keeps until when a runner is at work on a campaign, if its priority is high.
pub(in super::super) async fn engage(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    until: Stamp,
) -> Result<(), Fault> {
    let sql = "UPDATE campaign SET engaged_until = ? WHERE id = ? AND priority = 'high'";
    sqlx::query(sql).bind(until.0).bind(campaign.0).execute(conn).await?;
    Ok(())
}

/// Deals the devices of a draft into waves: these first, the others in the order of claims.
pub(in super::super) async fn lay_waves(
    conn: &mut SqliteConnection,
    draft: CampaignId,
    chosen: &[Seq],
    sizes: &[u64],
) -> Result<(), Fault> {
    let chosen: Vec<i64> = chosen.iter().map(|seq| key(draft, *seq)).collect();
    let chosen = serde_json::to_string(&chosen).map_err(|error| broken(error.to_string()))?;
    let ends: Vec<i64> = sizes
        .iter()
        .scan(0_u64, |sum, size| {
            *sum = sum.saturating_add(*size);
            Some(i64::try_from(*sum).unwrap_or(i64::MAX))
        })
        .collect();
    let ends = serde_json::to_string(&ends).map_err(|error| broken(error.to_string()))?;
    // The wave of the n-th device is the number of waves that are full before it.
    let sql = "WITH ends AS MATERIALIZED (SELECT value AS last FROM json_each(?1)), \
               chosen AS MATERIALIZED (SELECT value AS id FROM json_each(?4)), \
               dealt AS (SELECT id, row_number() OVER \
                         (ORDER BY id NOT IN (SELECT id FROM chosen), rank, turn, id) AS n \
                         FROM device_row WHERE id BETWEEN ?2 AND ?3 AND state = 'draft') \
               UPDATE device_row SET wave = (SELECT count(*) FROM ends WHERE last < dealt.n) \
               FROM dealt WHERE device_row.id = dealt.id";
    let (first, last) = (key(draft, 0), key(draft, i64::from(u32::MAX)));
    let update = sqlx::query(sql).bind(ends).bind(first).bind(last).bind(chosen);
    update.execute(conn).await?;
    Ok(())
}

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
    unsigned(&sqlx::query(sql).bind(campaign.0).bind(wave).fetch_one(conn).await?, 0)
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

/// Makes this the wave of an open campaign, with since when it is over and how it failed.
pub(in super::super) async fn set_wave(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    wave: u32,
    over: Option<Stamp>,
    failed: Option<&WaveFailure>,
) -> Result<(), Fault> {
    let failed = failed.map(serde_json::to_string).transpose();
    let failed = failed.map_err(|error| broken(error.to_string()))?;
    let sum = checksum::of_wave(campaign, wave, over, failed.as_deref());
    let mut script = Script::default();
    let sql = "UPDATE campaign SET wave = ?, wave_over = ?, wave_failed = ?, wave_sum = ? \
               WHERE id = ? AND state = 'open'";
    script.add(sql, 1).bind(wave)?.bind(over.map(|at| at.0))?.bind(failed)?.bind(sum)?;
    script.bind(campaign.0)?;
    script.run(conn).await?;
    Ok(())
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
