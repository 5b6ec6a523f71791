//! SQL of the order in which devices are claimed: waves, turns, who is next, and which campaign
//! goes before another one. Which order that is, is the caller's; rows are `device`'s.

use super::life::{device_at, life};
use super::values::get;
use crate::domain::{CampaignId, Seq, Stamp};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::session::Session;
use crate::store::tables::{Device, Wake};

/// Lets waiting devices whose moment has come take their place among those that may be asked.
pub(in super::super) async fn promote(
    conn: &Session,
    campaign: CampaignId,
    now: Stamp,
) -> Result<(), Fault> {
    const SQL: &str = "UPDATE device_row SET ready = true \
        WHERE campaign = $1 AND at <= $2 AND state = 'queued' AND NOT ready";
    conn.execute(SQL, &[&campaign.0, &now.0]).await?;
    Ok(())
}

/// The next device of this wave to ask: by rank, first asks before repeats, by turn, in input
/// order. Devices of other waves lie elsewhere in the index and cost nothing.
pub(in super::super) async fn next_device(
    conn: &Session,
    campaign: CampaignId,
    wave: u32,
    allow_repeat: bool,
) -> Result<Option<Device>, Fault> {
    const ANY: &str = concat!(
        "SELECT ",
        life!(),
        " FROM device_row d WHERE d.campaign = $1 AND d.wave = $2 AND d.state = 'queued' \
         AND d.ready ORDER BY d.rank, d.repeat, d.turn, d.seq LIMIT 1"
    );
    // One probe a rank, so that a long row of repeats is not walked through on every claim.
    const FIRST: &str = concat!(
        "SELECT d.* FROM generate_series(0, 3) AS wanted (rank) CROSS JOIN LATERAL (SELECT ",
        life!(),
        " FROM device_row d WHERE d.campaign = $1 AND d.wave = $2 AND d.rank = wanted.rank \
           AND NOT d.repeat AND d.state = 'queued' AND d.ready ORDER BY d.turn, d.seq LIMIT 1) d \
         ORDER BY d.rank LIMIT 1"
    );
    let row = conn
        .query_opt(if allow_repeat { ANY } else { FIRST }, &[&campaign.0, &i64::from(wave)])
        .await?;
    row.map(|row| device_at(&row)).transpose()
}

/// When something can happen next, and whether a device of this wave could be asked now if it were
/// allowed. What waits for a moment was claimed before, so it belongs to no later wave.
pub(in super::super) async fn wake(
    conn: &Session,
    campaign: CampaignId,
    wave: u32,
    now: Stamp,
) -> Result<Wake, Fault> {
    const SQL: &str = "SELECT least( \
        (SELECT min(at) FROM device_row WHERE campaign = $1 AND state = 'queued' AND NOT ready), \
        (SELECT min(at) FROM device_row WHERE campaign = $1 AND state = 'claimed'), \
        (SELECT min(at) FROM device_row WHERE campaign = $1 AND state = 'doubtful'), \
        CASE WHEN EXISTS (SELECT 1 FROM device_row WHERE campaign = $1 AND unseen) \
             THEN $2::bigint END) AS at, \
        EXISTS (SELECT 1 FROM device_row WHERE campaign = $1 AND wave = $3 \
                AND state = 'queued' AND ready) AS could_ask";
    let row = conn.query_one(SQL, &[&campaign.0, &now.0, &i64::from(wave)]).await?;
    let at = get::<Option<i64>>(&row, "at")?.map(Stamp);
    Ok(Wake { at, could_ask: get(&row, "could_ask")? })
}

/// The campaign of high priority that the campaign `c` on the budget `b` yields to at the moment
/// $2: it is open, not paused, has a runner at work and a device that may be asked. Its devices are
/// found through indexes, so that a long list costs nothing.
macro_rules! ahead {
    () => {
        "(SELECT h.id FROM campaign h WHERE c.priority = 'normal' AND h.state = 'open' \
          AND h.scan_budget = b.id AND h.priority = 'high' AND h.id <> c.id AND NOT h.paused \
          AND h.engaged_until > $2 \
          AND (EXISTS (SELECT 1 FROM device_row r WHERE r.campaign = h.id AND r.wave = h.wave \
                       AND r.state = 'queued' AND r.ready) \
               OR EXISTS (SELECT 1 FROM device_row r WHERE r.campaign = h.id AND r.at <= $2 \
                          AND r.wave = h.wave AND r.state = 'queued' AND NOT r.ready)) \
          ORDER BY h.id LIMIT 1)"
    };
}
pub(super) use ahead;

/// The devices of a wave that have no outcome yet: $1 is the campaign, $2 the wave.
macro_rules! open_in_wave {
    ($what:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM device_row WHERE campaign = $1 AND wave = $2 \
             AND (state IN ('queued', 'claimed', 'doubtful') OR unseen)"
        )
    };
}

/// How many devices of a wave have no outcome yet.
pub(in super::super) async fn open_in_wave(
    conn: &Session,
    campaign: CampaignId,
    wave: u32,
) -> Result<u64, Fault> {
    let row =
        conn.query_one(open_in_wave!("count(*) AS open"), &[&campaign.0, &i64::from(wave)]).await?;
    super::values::unsigned(&row, "open")
}

/// Whether a device of a wave has no outcome yet.
pub(in super::super) async fn is_wave_open(
    conn: &Session,
    campaign: CampaignId,
    wave: u32,
) -> Result<bool, Fault> {
    let sql = concat!("SELECT EXISTS (", open_in_wave!("1"), ") AS open");
    get(&conn.query_one(sql, &[&campaign.0, &i64::from(wave)]).await?, "open")
}

/// Puts a device of a wave that is over into this one, so that it is not waited for in vain.
pub(in super::super) async fn bring_forward(
    conn: &Session,
    campaign: CampaignId,
    seq: Seq,
    wave: u32,
) -> Result<(), Fault> {
    const SQL: &str =
        "UPDATE device_row SET wave = $3 WHERE campaign = $1 AND seq = $2 AND wave < $3";
    conn.execute(SQL, &[&campaign.0, &seq, &i64::from(wave)]).await?;
    Ok(())
}
