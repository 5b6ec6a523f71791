//! SQL of drafts: how one fills, and how it becomes a campaign or goes.

use jiff::Timestamp;
use sqlx::query_builder::QueryBuilder;
use sqlx::{Row as _, Sqlite, SqliteConnection};

use super::checksum;
use super::epoch::present_epoch;
use super::life::{add_counts, key, keys};
use super::script::Script;
use super::values::time;
use crate::domain::{Campaign, CampaignId, NewRow, Opening, Order, Seq};
use crate::store::columns::{detail_text, json_text, signed, state_name, state_names};
use crate::store::sqlite::fault::{Fault, broken};
use crate::store::tables::CampaignBudgets;

/// Rows in one statement: twelve values each, far below SQLite's 32,766.
const CHUNK: usize = 500;

/// Begins a draft.
pub(in super::super) async fn insert_draft(
    conn: &mut SqliteConnection,
    now: Timestamp,
) -> Result<CampaignId, Fault> {
    let sql = "INSERT INTO campaign (state, created_at) VALUES ('draft', ?)";
    let done = sqlx::query(sql).bind(now.to_string()).execute(&mut *conn).await?;
    let id = CampaignId(done.last_insert_rowid());
    let mut counts = Script::default();
    for state in state_names() {
        let sql = "INSERT INTO tally (campaign, state) VALUES (?, ?)";
        counts.add(sql, 1).bind(id.0)?.bind(state)?;
    }
    counts.run(conn).await?;
    Ok(id)
}

/// How many rows a draft has; `None` if it is not a draft.
pub(in super::super) async fn draft_rows(
    conn: &mut SqliteConnection,
    draft: CampaignId,
) -> Result<Option<i64>, Fault> {
    let sql = "SELECT row_count FROM campaign WHERE id = ? AND state = 'draft'";
    Ok(sqlx::query_scalar(sql).bind(draft.0).fetch_optional(conn).await?)
}

/// Drafts that were begun before this moment.
pub(in super::super) async fn drafts_before(
    conn: &mut SqliteConnection,
    moment: Timestamp,
) -> Result<Vec<CampaignId>, Fault> {
    let sql = "SELECT id, created_at FROM campaign WHERE state = 'draft'";
    let mut old = Vec::new();
    for row in sqlx::query(sql).fetch_all(conn).await? {
        if time(row.try_get("created_at")?)? < moment {
            old.push(CampaignId(row.try_get("id")?));
        }
    }
    Ok(old)
}

/// Removes a draft and its rows; a campaign is left as it is.
pub(in super::super) async fn delete_draft(
    conn: &mut SqliteConnection,
    draft: CampaignId,
) -> Result<(), Fault> {
    if draft_rows(conn, draft).await?.is_none() {
        return Ok(());
    }
    let (first, last) = keys(draft);
    let sql = "DELETE FROM device_row WHERE id BETWEEN ? AND ?; \
               DELETE FROM tally WHERE campaign = ?; \
               DELETE FROM campaign WHERE id = ? AND state = 'draft'";
    let query = sqlx::query(sql).bind(first).bind(last).bind(draft.0).bind(draft.0);
    query.execute(conn).await?;
    Ok(())
}

/// Appends rows after the first `there` rows of a draft, and counts them.
pub(in super::super) async fn append(
    conn: &mut SqliteConnection,
    draft: CampaignId,
    there: i64,
    rows: &[NewRow],
) -> Result<(), Fault> {
    let all: i64 = signed(rows.len());
    if there.saturating_add(all) > i64::from(u32::MAX) {
        return Err(broken("a list has more rows than a campaign can hold"));
    }
    let mut seq = there;
    for chunk in rows.chunks(CHUNK) {
        insert(conn, draft, seq, chunk).await?;
        seq += signed(chunk.len());
    }
    let mut script = Script::default();
    let sql = "UPDATE campaign SET row_count = row_count + ? WHERE id = ? AND state = 'draft'";
    script.add(sql, 1).bind(all)?.bind(draft.0)?;
    let count = |state: &'static str| {
        let some = rows.iter().filter(|row| state_name(row.life.state) == state).count();
        (state, signed(some))
    };
    let counts = state_names().map(count).filter(|(_, some)| *some > 0);
    add_counts(&mut script, draft, counts)?;
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
            .push_bind(signed(row.line))
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

/// Deals the devices of a draft into waves: these first, the others in the order of claims.
pub(in super::super) async fn lay_waves(
    conn: &mut SqliteConnection,
    draft: CampaignId,
    chosen: &[Seq],
    sizes: &[u64],
) -> Result<(), Fault> {
    let chosen: Vec<i64> = chosen.iter().map(|seq| key(draft, *seq)).collect();
    let ends: Vec<i64> = sizes
        .iter()
        .scan(0_u64, |sum, size| {
            *sum = sum.saturating_add(*size);
            Some(signed(*sum))
        })
        .collect();
    // The wave of the n-th device is the number of waves that are full before it.
    let sql = "WITH ends AS MATERIALIZED (SELECT value AS last FROM json_each(?1)), \
               chosen AS MATERIALIZED (SELECT value AS id FROM json_each(?4)), \
               dealt AS (SELECT id, row_number() OVER \
                         (ORDER BY id NOT IN (SELECT id FROM chosen), rank, turn, id) AS n \
                         FROM device_row WHERE id BETWEEN ?2 AND ?3 AND state = 'draft') \
               UPDATE device_row SET wave = (SELECT count(*) FROM ends WHERE last < dealt.n) \
               FROM dealt WHERE device_row.id = dealt.id";
    let (first, last) = keys(draft);
    let update = sqlx::query(sql).bind(json_text(&ends)?).bind(first).bind(last);
    update.bind(json_text(&chosen)?).execute(conn).await?;
    Ok(())
}

/// Turns a draft into an open campaign. `row_count` and the rows are the draft's.
pub(in super::super) async fn confirm(
    conn: &mut SqliteConnection,
    draft: CampaignId,
    opening: &Opening,
    budgets: CampaignBudgets,
    opened_at: Timestamp,
) -> Result<(), Fault> {
    let confirmed = Campaign::opened(draft, opening.clone(), opened_at);
    let rollout =
        if opening.rollout.is_plain() { None } else { Some(json_text(&opening.rollout)?) };
    let sum = checksum::of_campaign(&confirmed, budgets, rollout.as_deref());
    let notes_sum = checksum::of_notes(draft, &confirmed.notes);
    let Order { target, scan_type, comment, ticket, ids_hash } = &opening.order;
    let mut script = Script::default();
    let sql = concat!(
        "UPDATE campaign SET state = 'open', name = ?, api_origin = ?, tenant = ?, \
               application = ?, cloud = ?, scan_type = ?, comment = ?, ids_hash = ?, \
               mark_bits = ?, busy = ?, emulated = ?, scan_budget = ?, read_budget = ?, \
               opened_at = ?, priority = ?, sum = ?, notes_sum = ?, ticket = ?, \
               rollout = ?, epoch = ",
        present_epoch!(),
        " WHERE id = ? AND state = 'draft'"
    );
    script.add(sql, 1).bind(opening.name.as_str())?.bind(&target.api_origin)?;
    script.bind(&target.tenant)?.bind(&target.application)?.bind(&target.cloud)?;
    script.bind(scan_type.to_string())?.bind(comment)?.bind(ids_hash)?;
    script.bind(opening.mark_bits.cast_signed())?.bind(opening.busy.name())?;
    script.bind(opening.emulated)?.bind(budgets.scan.0)?.bind(budgets.read.0)?;
    script.bind(opened_at.to_string())?.bind(opening.priority.name())?;
    script.bind(sum)?.bind(notes_sum)?;
    script.bind(ticket.as_ref().map(|ticket| ticket.as_str()))?.bind(rollout)?.bind(draft.0)?;
    script.run(conn).await?;
    Ok(())
}

/// Queues all drafts of a campaign: `LifeEvent::Opened` for every one of them, in one statement.
pub(in super::super) async fn queue_drafts(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<(), Fault> {
    let (first, last) = keys(campaign);
    let sql = "UPDATE device_row SET state = 'queued', at = 0, ready = 1 \
               WHERE id BETWEEN ? AND ? AND state = 'draft'";
    let queued = sqlx::query(sql).bind(first).bind(last).execute(&mut *conn).await?;
    let queued: i64 = signed(queued.rows_affected());
    let mut script = Script::default();
    add_counts(&mut script, campaign, [("draft", -queued), ("queued", queued)])?;
    script.run(conn).await?;
    Ok(())
}
