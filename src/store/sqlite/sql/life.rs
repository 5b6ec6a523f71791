//! The life of a row in its columns: how it is read, checked and written.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::checksum;
use super::script::Script;
use super::values::unsigned;
use crate::domain::{CampaignId, Detail, DeviceId, Life, Seq, Stamp, State};
use crate::store::columns::{detail_of, detail_text, rank_of, state_name, state_of, stored};
use crate::store::sqlite::fault::{Fault, broken};
use crate::store::tables::{Device, RowChange};

const SEQ_BITS: u32 = 32;

/// The columns that `device_at` reads, of `device_row` or of what stands for it in a join.
macro_rules! life {
    () => {
        super::life::life!("")
    };
    ($of:literal) => {
        concat!(
            $of,
            "id AS id, ",
            $of,
            "device AS device, ",
            $of,
            "state AS state, ",
            $of,
            "at AS at, ",
            $of,
            "looks AS looks, ",
            $of,
            "busy_look AS busy_look, ",
            $of,
            "attempt AS attempt, ",
            $of,
            "tries AS tries, ",
            $of,
            "rank AS rank, ",
            $of,
            "doubted AS doubted, ",
            $of,
            "busy_asks AS busy_asks, ",
            $of,
            "unseen AS unseen, ",
            $of,
            "arrives_by AS arrives_by, ",
            $of,
            "sum AS sum"
        )
    };
}
pub(super) use life;

/// The key of a row.
pub(super) fn key(campaign: CampaignId, seq: Seq) -> i64 {
    (campaign.0 << SEQ_BITS) | seq
}

/// The keys between which all rows of a campaign lie.
pub(super) fn keys(campaign: CampaignId) -> (i64, i64) {
    (key(campaign, 0), key(campaign, i64::from(u32::MAX)))
}

/// The place of the row with this key.
pub(super) fn seq_of(key: i64) -> Seq {
    key & i64::from(u32::MAX)
}

/// A row, if it matches its checksum, without its details.
pub(super) fn device_at(row: &SqliteRow) -> Result<Device, Fault> {
    let key: i64 = row.try_get("id")?;
    let device = device_id(row)?;
    let life = life_at(row)?;
    let damaged = || format!("row {} of campaign {}", seq_of(key), key >> SEQ_BITS);
    checksum::check(row.try_get("sum")?, checksum::of_device(key, device, &life), damaged)?;
    Ok(Device { seq: seq_of(key), device, life, detail: Detail::default() })
}

/// A row, if it matches its checksum, with what is known beside.
pub(super) fn detailed_at(row: &SqliteRow) -> Result<Device, Fault> {
    Ok(Device { detail: detail_of(row.try_get("detail")?)?, ..device_at(row)? })
}

fn device_id(row: &SqliteRow) -> Result<Option<DeviceId>, Fault> {
    let Some(bytes) = row.try_get::<Option<&[u8]>, _>("device")? else { return Ok(None) };
    let bytes = bytes.try_into().map_err(|_| broken("a device id has not 20 bytes"))?;
    Ok(Some(DeviceId::from_bytes(bytes)))
}

fn life_at(row: &SqliteRow) -> Result<Life, Fault> {
    let (looks, busy) = (unsigned(row, "looks")?, row.try_get("busy_look")?);
    Ok(Life {
        state: state_of(row.try_get("state")?, row.try_get("at")?, looks, busy)?,
        attempt: unsigned(row, "attempt")?,
        tries: unsigned(row, "tries")?,
        rank: rank_of(row.try_get("rank")?)?,
        doubted: row.try_get("doubted")?,
        busy_asks: unsigned(row, "busy_asks")?,
        unseen: row.try_get("unseen")?,
        arrives_by: Stamp(row.try_get("arrives_by")?),
    })
}

/// Writes the life of a device, guarded by the state and the attempt that it had, with what is
/// known beside if that changed, and moves it from one count to the other.
pub(super) fn add_change(
    script: &mut Script,
    campaign: CampaignId,
    change: &RowChange,
) -> Result<(), Fault> {
    const LIFE: &str = "UPDATE device_row SET state = ?, at = ?, ready = ?, looks = ?, \
        busy_look = ?, attempt = ?, tries = ?, rank = ?, doubted = ?, busy_asks = ?, unseen = ?, \
        arrives_by = ?, sum = ? WHERE id = ? AND state = ? AND attempt = ?";
    const BOTH: &str = "UPDATE device_row SET detail = ?, state = ?, at = ?, ready = ?, \
        looks = ?, busy_look = ?, attempt = ?, tries = ?, rank = ?, doubted = ?, busy_asks = ?, \
        unseen = ?, arrives_by = ?, sum = ? WHERE id = ? AND state = ? AND attempt = ?";
    // An older program that made this campaign beside a newer one does not know every state.
    const ONE_MORE: &str = "INSERT INTO tally (campaign, state, rows) VALUES (?, ?, 1) \
        ON CONFLICT (campaign, state) DO UPDATE SET rows = rows + 1";
    let RowChange { seq, device, before, after, detail } = change;
    match detail {
        Some(detail) => script.add(BOTH, 1).bind(detail_text(detail))?,
        None => script.add(LIFE, 1),
    };
    let (at, looks, busy_look) = stored(after.state);
    let key = key(campaign, *seq);
    let ready = after.state == State::Queued(Stamp::ZERO);
    let (from, to) = (state_name(before.state), state_name(after.state));
    script.bind(to)?.bind(at.0)?.bind(ready)?.bind(looks)?.bind(busy_look)?;
    script.bind(after.attempt)?.bind(after.tries)?.bind(after.rank as u8)?;
    script.bind(after.doubted)?.bind(after.busy_asks)?.bind(after.unseen)?;
    script.bind(after.arrives_by.0)?.bind(checksum::of_device(key, *device, after))?;
    script.bind(key)?.bind(from)?.bind(before.attempt)?;
    if from != to {
        for (sql, state) in [
            ("UPDATE tally SET rows = rows - 1 WHERE campaign = ? AND state = ?", from),
            (ONE_MORE, to),
        ] {
            script.add(sql, 1).bind(campaign.0)?.bind(state)?;
        }
    }
    Ok(())
}

/// Adds so many rows to these counts of a campaign.
pub(super) fn add_counts<'s>(
    script: &mut Script,
    campaign: CampaignId,
    counts: impl IntoIterator<Item = (&'s str, i64)>,
) -> Result<(), Fault> {
    for (state, more) in counts {
        let sql = "UPDATE tally SET rows = rows + ? WHERE campaign = ? AND state = ?";
        script.add(sql, 1).bind(more)?.bind(campaign.0)?.bind(state)?;
    }
    Ok(())
}

/// Writes the checksums of rows that were written before there were any.
pub(super) async fn add_checksums(conn: &mut SqliteConnection) -> Result<(), Fault> {
    let sql = concat!("SELECT ", life!(), " FROM device_row WHERE id > ? LIMIT 10000");
    let mut last = i64::MIN;
    loop {
        let rows = sqlx::query(sql).bind(last).fetch_all(&mut *conn).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in &rows {
            last = row.try_get("id")?;
            // A device whose bytes are damaged has the sum of none, as long as it is not mended.
            let device = device_id(row).unwrap_or_default();
            let sum = checksum::of_device(last, device, &life_at(row)?);
            let update = sqlx::query("UPDATE device_row SET sum = ? WHERE id = ?");
            update.bind(sum).bind(last).execute(&mut *conn).await?;
        }
    }
}
