//! The life of a row in its columns: how it is read and written.

use tokio_postgres::Row;

use super::batch::{Batch, values};
use super::values::{get, stamp, unsigned};
use crate::domain::{CampaignId, Detail, DeviceId, Life, Stamp, State};
use crate::store::columns::{detail_of, detail_text, rank_of, state_name, state_of, stored};
use crate::store::postgres::fault::{Fault, broken};
use crate::store::tables::{Device, RowChange};

/// The columns that `device_at` reads, of the row `d`.
macro_rules! life {
    () => {
        "d.seq, d.device, d.state, d.at, d.looks, d.busy_look, d.attempt, d.tries, d.rank, \
         d.doubted, d.busy_asks, d.unseen, d.arrives_by"
    };
}
pub(super) use life;

/// A row without its details.
pub(super) fn device_at(row: &Row) -> Result<Device, Fault> {
    let (looks, busy) = (unsigned(row, "looks")?, get(row, "busy_look")?);
    let life = Life {
        state: state_of(get(row, "state")?, get(row, "at")?, looks, busy)?,
        attempt: unsigned(row, "attempt")?,
        tries: unsigned(row, "tries")?,
        rank: rank_of(get(row, "rank")?)?,
        doubted: get(row, "doubted")?,
        busy_asks: unsigned(row, "busy_asks")?,
        unseen: get(row, "unseen")?,
        arrives_by: stamp(row, "arrives_by")?,
    };
    let device = device_id(row)?;
    Ok(Device { seq: get(row, "seq")?, device, life, detail: Detail::default() })
}

/// A row with what is known beside.
pub(super) fn detailed_at(row: &Row) -> Result<Device, Fault> {
    Ok(Device { detail: detail_of(get(row, "detail")?)?, ..device_at(row)? })
}

fn device_id(row: &Row) -> Result<Option<DeviceId>, Fault> {
    let Some(bytes) = get::<Option<&[u8]>>(row, "device")? else { return Ok(None) };
    let bytes = bytes.try_into().map_err(|_| broken("a device id has not 20 bytes"))?;
    Ok(Some(DeviceId::from_bytes(bytes)))
}

/// Writes the life of a device, guarded by the state and the attempt that it had, with what is
/// known beside if that changed, and moves it from one count to the other.
pub(super) fn add_change(batch: &mut Batch, campaign: CampaignId, change: &RowChange) {
    macro_rules! update {
        ($more:literal) => {
            concat!(
                "UPDATE device_row SET state = $5, at = $6, ready = $7, looks = $8, \
                 busy_look = $9, attempt = $10, tries = $11, rank = $12, doubted = $13, \
                 busy_asks = $14, unseen = $15, arrives_by = $16",
                $more,
                " WHERE campaign = $1 AND seq = $2 AND state = $3 AND attempt = $4"
            )
        };
    }
    let RowChange { seq, device: _, before, after, detail } = change;
    let (at, looks, busy_look) = stored(after.state);
    let ready = after.state == State::Queued(Stamp::ZERO);
    let (from, to) = (state_name(before.state), state_name(after.state));
    let mut values = values![
        campaign.0,
        *seq,
        from,
        i64::from(before.attempt),
        to,
        at.0,
        ready,
        i64::from(looks),
        busy_look,
        i64::from(after.attempt),
        i64::from(after.tries),
        after.rank as i64,
        after.doubted,
        i64::from(after.busy_asks),
        after.unseen,
        after.arrives_by.0,
    ];
    match detail {
        Some(detail) => {
            values.extend(values![detail_text(detail)]);
            batch.add(update!(", detail = $17"), values);
        }
        None => batch.add(update!(""), values),
    }
    if from != to {
        add_counts(batch, campaign, [(from, -1), (to, 1)]);
    }
}

/// Adds so many rows to these counts of a campaign.
pub(super) fn add_counts(
    batch: &mut Batch,
    campaign: CampaignId,
    counts: impl IntoIterator<Item = (&'static str, i64)>,
) {
    const FEWER: &str = "UPDATE tally SET rows = rows + $3 WHERE campaign = $1 AND state = $2";
    // An older program that made this campaign beside a newer one does not know every state.
    const MORE: &str = "INSERT INTO tally (campaign, state, rows) VALUES ($1, $2, $3) \
        ON CONFLICT (campaign, state) DO UPDATE SET rows = tally.rows + excluded.rows";
    for (state, more) in counts {
        let sql = if more > 0 { MORE } else { FEWER };
        batch.add(sql, values![campaign.0, state, more]);
    }
}
