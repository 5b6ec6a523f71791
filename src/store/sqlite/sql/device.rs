//! SQL of the rows of a list: appending, lives, look-ups, reports. In what order they are claimed
//! is `queue`'s.

use sqlx::query_builder::QueryBuilder;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, SqliteConnection};

use super::state::{STATES, detail_of, detail_text, state_name, state_of, stored};
use super::{Script, checksum, unsigned};
use crate::domain::{
    CampaignId, Detail, DeviceId, Life, LookUp, NewRow, Rank, Row, Seq, Stamp, State,
};
use crate::store::sqlite::fault::{Fault, broken};

/// Rows in one statement: twelve values each, far below SQLite's 32,766.
const CHUNK: usize = 500;

const SEQ_BITS: u32 = 32;

/// The columns of `life_at`, in its order, and the checksum over them.
macro_rules! life {
    () => {
        "state, at, looks, busy_look, attempt, tries, rank, doubted, busy_asks, unseen, \
         arrives_by, sum"
    };
}
pub(super) use life;

/// A row as claims, settles and look-ups need it.
#[derive(Clone, Debug)]
pub(in super::super) struct Device {
    /// Its place.
    pub(in super::super) seq: Seq,
    /// The device, unless the row is bad.
    pub(in super::super) device: Option<DeviceId>,
    /// Where it stands.
    pub(in super::super) life: Life,
    /// What is known beside.
    pub(in super::super) detail: Detail,
}

/// The key of a row.
pub(super) fn key(campaign: CampaignId, seq: Seq) -> i64 {
    (campaign.0 << SEQ_BITS) | seq
}

fn seq_of(key: i64) -> Seq {
    key & i64::from(u32::MAX)
}

/// Appends rows after the first `there` rows of a draft, and counts them.
pub(in super::super) async fn append(
    conn: &mut SqliteConnection,
    draft: CampaignId,
    there: i64,
    rows: &[NewRow],
) -> Result<(), Fault> {
    let all = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    if there.saturating_add(all) > i64::from(u32::MAX) {
        return Err(broken("a list has more rows than a campaign can hold"));
    }
    let mut seq = there;
    for chunk in rows.chunks(CHUNK) {
        insert(conn, draft, seq, chunk).await?;
        seq += i64::try_from(chunk.len()).unwrap_or(0);
    }
    let mut script = Script::default();
    let sql = "UPDATE campaign SET row_count = row_count + ? WHERE id = ? AND state = 'draft'";
    script.add(sql, 1).bind(all)?.bind(draft.0)?;
    for state in STATES {
        let some = rows.iter().filter(|row| state_name(row.life.state) == state).count();
        if some > 0 {
            let sql = "UPDATE tally SET rows = rows + ? WHERE campaign = ? AND state = ?";
            let some = i64::try_from(some).unwrap_or(i64::MAX);
            script.add(sql, 1).bind(some)?.bind(draft.0)?.bind(state)?;
        }
    }
    script.run(conn).await?;
    Ok(())
}

async fn insert(
    conn: &mut SqliteConnection,
    draft: CampaignId,
    there: i64,
    rows: &[NewRow],
) -> Result<(), Fault> {
    let head = "INSERT INTO device_row \
                (id, campaign, line, device, name, input_text, state, rank, detail, sum, turn, \
                 wave) ";
    let mut query = QueryBuilder::<Sqlite>::new(head);
    query.push_values(rows.iter().zip(there + 1..), |mut values, (row, seq)| {
        values
            .push_bind(key(draft, seq))
            .push_bind(draft.0)
            .push_bind(i64::try_from(row.line).unwrap_or(i64::MAX))
            .push_bind(row.device.map(|device| device.as_bytes().to_vec()))
            .push_bind(row.name.clone())
            .push_bind(row.input_text.clone())
            .push_bind(state_name(row.life.state))
            .push_bind(row.life.rank as u8)
            .push_bind(detail_text(&row.detail()))
            .push_bind(checksum::of_device(key(draft, seq), row.device, &row.life))
            .push_bind(row.turn)
            .push_bind(row.wave);
    });
    // Whole chunks share one prepared statement; the rest of a list is not worth keeping.
    query.build().persistent(rows.len() == CHUNK).execute(conn).await?;
    Ok(())
}

/// Queues all drafts of a campaign: `LifeEvent::Opened` for every one of them, in one statement.
pub(in super::super) async fn queue_drafts(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<(), Fault> {
    let (first, last) = (key(campaign, 0), key(campaign, i64::from(u32::MAX)));
    let sql = "UPDATE device_row SET state = 'queued', at = 0, ready = 1 \
               WHERE id BETWEEN ? AND ? AND state = 'draft'";
    let queued = sqlx::query(sql).bind(first).bind(last).execute(&mut *conn).await?;
    let queued = i64::try_from(queued.rows_affected()).unwrap_or(i64::MAX);
    let mut script = Script::default();
    for (state, more) in [("draft", -queued), ("queued", queued)] {
        let sql = "UPDATE tally SET rows = rows + ? WHERE campaign = ? AND state = ?";
        script.add(sql, 1).bind(more)?.bind(campaign.0)?.bind(state)?;
    }
    script.run(conn).await?;
    Ok(())
}

/// One row by its place.
pub(in super::super) async fn device(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    seq: Seq,
) -> Result<Option<Device>, Fault> {
    let sql = concat!("SELECT id, device, ", life!(), ", detail FROM device_row WHERE id = ?");
    let row = sqlx::query(sql).bind(key(campaign, seq)).fetch_optional(conn).await?;
    row.map(|row| device_at(&row, Some(14))).transpose()
}

/// Claims whose horizon has passed.
pub(in super::super) async fn expired(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    now: Stamp,
) -> Result<Vec<Device>, Fault> {
    let sql = concat!(
        "SELECT id, device, ",
        life!(),
        " FROM device_row \
         WHERE campaign = ? AND at <= ? AND state = 'claimed' ORDER BY at, id"
    );
    let rows = sqlx::query(sql).bind(campaign.0).bind(now.0).fetch_all(conn).await?;
    rows.iter().map(|row| device_at(row, None)).collect()
}

/// Devices that the list of actions is to be asked about: doubtful ones by their time, then busy
/// ones whose action is unknown.
pub(in super::super) async fn to_look_up(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    now: Stamp,
    limit: usize,
) -> Result<Vec<LookUp>, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sql = concat!(
        "SELECT * FROM (SELECT id, device, ",
        life!(),
        " FROM device_row \
           WHERE campaign = ?1 AND at <= ?2 AND state = 'doubtful' ORDER BY at, id LIMIT ?3) \
         UNION ALL \
         SELECT * FROM (SELECT id, device, ",
        life!(),
        " FROM device_row \
           WHERE campaign = ?1 AND unseen = 1 ORDER BY id LIMIT ?3) \
         ORDER BY unseen, at, id LIMIT ?3"
    );
    let query = sqlx::query(sql).bind(campaign.0).bind(now.0).bind(limit);
    let rows = query.fetch_all(conn).await?;
    let look_up = |row: &SqliteRow| {
        let Device { seq, device, life, .. } = device_at(row, None)?;
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
        "SELECT id, device, ",
        life!(),
        ", detail FROM device_row WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
    );
    let last = key(campaign, i64::from(u32::MAX));
    let query = sqlx::query(sql).bind(key(campaign, after)).bind(last).bind(limit);
    query.fetch_all(conn).await?.iter().map(|row| device_at(row, Some(14))).collect()
}

/// When the horizon of the last outstanding call ends; nothing if none is outstanding.
pub(in super::super) async fn last_claim_ends(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<Option<Stamp>, Fault> {
    let sql = "SELECT max(at) FROM device_row WHERE campaign = ? AND state = 'claimed'";
    let at: Option<i64> = sqlx::query_scalar(sql).bind(campaign.0).fetch_one(conn).await?;
    Ok(at.map(Stamp))
}

/// Whether a busy device waits for the list of actions.
pub(in super::super) async fn has_unseen(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<bool, Fault> {
    let sql = "SELECT EXISTS (SELECT 1 FROM device_row WHERE campaign = ? AND unseen = 1)";
    Ok(sqlx::query_scalar(sql).bind(campaign.0).fetch_one(conn).await?)
}

/// At most `limit` rows after `after` whose attempt is at least this one, in input order.
pub(in super::super) async fn rows(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    attempt: u32,
    after: Seq,
    limit: usize,
) -> Result<Vec<Row>, Fault> {
    let after = key(campaign, after.clamp(0, i64::from(u32::MAX)));
    let last = key(campaign, i64::from(u32::MAX));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sql = concat!(
        "SELECT id, device, ",
        life!(),
        ", detail, line, name, input_text, turn, wave FROM device_row \
         WHERE id > ? AND id <= ? AND attempt >= ? ORDER BY id LIMIT ?"
    );
    let query = sqlx::query(sql).bind(after).bind(last).bind(attempt).bind(limit);
    let all = |row: &SqliteRow| {
        let Device { seq, device, life, detail } = device_at(row, Some(14))?;
        let (line, name, input_text) = (unsigned(row, 15)?, row.try_get(16)?, row.try_get(17)?);
        let (turn, wave) = (row.try_get(18)?, unsigned(row, 19)?);
        Ok(Row { seq, line, device, name, input_text, life, detail, turn, wave })
    };
    query.fetch_all(conn).await?.iter().map(all).collect()
}

/// Writes the life of a device, guarded by the state and the attempt that it had, with what is told
/// beside if that changed, and moves it from one count to the other.
pub(in super::super) fn add_life(
    script: &mut Script,
    campaign: CampaignId,
    (seq, device): (Seq, Option<DeviceId>),
    (before, after): (Life, Life),
    detail: Option<&Detail>,
) -> Result<(), Fault> {
    const LIFE: &str = "UPDATE device_row SET state = ?, at = ?, ready = ?, looks = ?, \
        busy_look = ?, attempt = ?, tries = ?, rank = ?, doubted = ?, busy_asks = ?, unseen = ?, \
        arrives_by = ?, sum = ? WHERE id = ? AND state = ? AND attempt = ?";
    const BOTH: &str = "UPDATE device_row SET detail = ?, state = ?, at = ?, ready = ?, \
        looks = ?, busy_look = ?, attempt = ?, tries = ?, rank = ?, doubted = ?, busy_asks = ?, \
        unseen = ?, arrives_by = ?, sum = ? WHERE id = ? AND state = ? AND attempt = ?";
    match detail {
        Some(detail) => script.add(BOTH, 1).bind(detail_text(detail))?,
        None => script.add(LIFE, 1),
    };
    let (at, looks, busy_look) = stored(after.state);
    let key = key(campaign, seq);
    let ready = after.state == State::Queued(Stamp::ZERO);
    let (from, to) = (state_name(before.state), state_name(after.state));
    script.bind(to)?.bind(at.0)?.bind(ready)?.bind(looks)?.bind(busy_look)?;
    script.bind(after.attempt)?.bind(after.tries)?.bind(after.rank as u8)?;
    script.bind(after.doubted)?.bind(after.busy_asks)?.bind(after.unseen)?;
    script.bind(after.arrives_by.0)?.bind(checksum::of_device(key, device, &after))?;
    script.bind(key)?.bind(from)?.bind(before.attempt)?;
    if from != to {
        for (sql, state) in [
            ("UPDATE tally SET rows = rows - 1 WHERE campaign = ? AND state = ?", from),
            ("UPDATE tally SET rows = rows + 1 WHERE campaign = ? AND state = ?", to),
        ] {
            script.add(sql, 1).bind(campaign.0)?.bind(state)?;
        }
    }
    Ok(())
}

pub(super) fn device_at(row: &SqliteRow, detail: Option<usize>) -> Result<Device, Fault> {
    let key: i64 = row.try_get(0)?;
    let (device, life) = whole(row, (key, 1), 2)?;
    let detail = match detail {
        Some(at) => detail_of(row.try_get(at)?)?,
        None => Detail::default(),
    };
    Ok(Device { seq: seq_of(key), device, life, detail })
}

/// The device in one column and its life in twelve others, in the order of `life!`, of the row with
/// this key, if they match their checksum.
pub(super) fn whole(
    row: &SqliteRow,
    (key, device): (i64, usize),
    life: usize,
) -> Result<(Option<DeviceId>, Life), Fault> {
    let bytes: Option<&[u8]> = row.try_get(device)?;
    let bytes: Option<[u8; 20]> = bytes
        .map(|bytes| bytes.try_into().map_err(|_| broken("a device id has not 20 bytes")))
        .transpose()?;
    let device = bytes.map(DeviceId::from_bytes);
    let sum = row.try_get(life + 11)?;
    let life = life_at(row, life)?;
    let damaged = || format!("row {} of campaign {}", seq_of(key), key >> SEQ_BITS);
    checksum::check(sum, checksum::of_device(key, device, &life), damaged)?;
    Ok((device, life))
}

/// Writes the checksums of rows that were written before there were any.
pub(super) async fn add_checksums(conn: &mut SqliteConnection) -> Result<(), Fault> {
    let sql = concat!("SELECT id, device, ", life!(), " FROM device_row WHERE id > ? LIMIT 10000");
    let mut last = i64::MIN;
    loop {
        let rows = sqlx::query(sql).bind(last).fetch_all(&mut *conn).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in &rows {
            last = row.try_get(0)?;
            let device = row.try_get::<Option<&[u8]>, _>(1)?.and_then(|id| id.try_into().ok());
            let device = device.map(DeviceId::from_bytes);
            let sum = checksum::of_device(last, device, &life_at(row, 2)?);
            let update = sqlx::query("UPDATE device_row SET sum = ? WHERE id = ?");
            update.bind(sum).bind(last).execute(&mut *conn).await?;
        }
    }
}

/// The life in eleven columns from this one on, in the order of `life!`.
fn life_at(row: &SqliteRow, first: usize) -> Result<Life, Fault> {
    let rank: i64 = row.try_get(first + 6)?;
    let rank = [Rank::First, Rank::Late, Rank::Again, Rank::Last]
        .into_iter()
        .find(|one| *one as i64 == rank)
        .ok_or_else(|| broken(format!("there is no rank {rank}")))?;
    Ok(Life {
        state: state_of(
            row.try_get(first)?,
            row.try_get(first + 1)?,
            unsigned(row, first + 2)?,
            row.try_get(first + 3)?,
        )?,
        attempt: unsigned(row, first + 4)?,
        tries: unsigned(row, first + 5)?,
        rank,
        doubted: row.try_get(first + 7)?,
        busy_asks: unsigned(row, first + 8)?,
        unseen: row.try_get(first + 9)?,
        arrives_by: Stamp(row.try_get(first + 10)?),
    })
}
