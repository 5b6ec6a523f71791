//! SQL of drafts: how one fills, and how it becomes a campaign or goes.

use jiff::Timestamp;

use super::batch::{Batch, values};
use super::life::add_counts;
use super::values::{at, get};
use crate::domain::{CampaignId, NewRow, Opening, Order, Seq};
use crate::store::columns::{detail_text, json_text, signed, state_name, state_names};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::session::Session;
use crate::store::tables::CampaignBudgets;

/// Begins a draft.
pub(in super::super) async fn insert_draft(
    conn: &Session,
    now: Timestamp,
) -> Result<CampaignId, Fault> {
    const DRAFT: &str =
        "INSERT INTO campaign (state, created_at) VALUES ('draft', $1) RETURNING id";
    const COUNTS: &str = "INSERT INTO tally (campaign, state) SELECT $1, unnest($2::text[])";
    let id = CampaignId(get(&conn.query_one(DRAFT, &[&at(now)]).await?, "id")?);
    let states: Vec<&str> = state_names().collect();
    conn.execute(COUNTS, &[&id.0, &states]).await?;
    Ok(id)
}

/// How many rows a draft has; `None` if it is not a draft.
pub(in super::super) async fn draft_rows(
    conn: &Session,
    draft: CampaignId,
) -> Result<Option<i64>, Fault> {
    const SQL: &str = "SELECT row_count FROM campaign WHERE id = $1 AND state = 'draft'";
    let row = conn.query_opt(SQL, &[&draft.0]).await?;
    row.map(|row| get(&row, "row_count")).transpose()
}

/// Drafts that were begun before this moment.
pub(in super::super) async fn drafts_before(
    conn: &Session,
    moment: Timestamp,
) -> Result<Vec<CampaignId>, Fault> {
    const SQL: &str = "SELECT id FROM campaign WHERE state = 'draft' AND created_at < $1";
    let rows = conn.query(SQL, &[&at(moment)]).await?;
    rows.iter().map(|row| Ok(CampaignId(get(row, "id")?))).collect()
}

/// Removes a draft and its rows; a campaign is left as it is.
pub(in super::super) async fn delete_draft(conn: &Session, draft: CampaignId) -> Result<(), Fault> {
    if draft_rows(conn, draft).await?.is_none() {
        return Ok(());
    }
    super::device::remove_rows(conn, draft).await?;
    conn.execute("DELETE FROM campaign WHERE id = $1", &[&draft.0]).await?;
    Ok(())
}

/// Appends rows after the first `there` rows of a draft, and counts them.
pub(in super::super) async fn append(
    conn: &Session,
    draft: CampaignId,
    there: i64,
    rows: &[NewRow],
) -> Result<(), Fault> {
    const INSERT: &str = "INSERT INTO device_row \
        (campaign, seq, line, device, name, input_text, state, rank, detail, turn, wave) \
        SELECT $1, $2 + new.n, new.line, new.device, new.name, new.input_text, new.state, \
               new.rank, new.detail, new.turn, new.wave \
        FROM unnest($3::bigint[], $4::bytea[], $5::text[], $6::text[], $7::text[], $8::bigint[], \
                    $9::text[], $10::bigint[], $11::bigint[]) WITH ORDINALITY \
        AS new (line, device, name, input_text, state, rank, detail, turn, wave, n)";
    const COUNT: &str =
        "UPDATE campaign SET row_count = row_count + $2 WHERE id = $1 AND state = 'draft'";
    let lines: Vec<i64> = rows.iter().map(|row| signed(row.line)).collect();
    let devices: Vec<Option<&[u8]>> =
        rows.iter().map(|row| row.device.as_ref().map(|id| id.as_bytes().as_slice())).collect();
    let names: Vec<Option<&str>> = rows.iter().map(|row| row.name.as_deref()).collect();
    let texts: Vec<Option<&str>> = rows.iter().map(|row| row.input_text.as_deref()).collect();
    let states: Vec<&str> = rows.iter().map(|row| state_name(row.life.state)).collect();
    let ranks: Vec<i64> = rows.iter().map(|row| row.life.rank as i64).collect();
    let details: Vec<Option<String>> = rows.iter().map(|row| detail_text(&row.detail())).collect();
    let turns: Vec<i64> = rows.iter().map(|row| row.turn).collect();
    let waves: Vec<i64> = rows.iter().map(|row| i64::from(row.wave)).collect();
    conn.execute(
        INSERT,
        &[
            &draft.0, &there, &lines, &devices, &names, &texts, &states, &ranks, &details, &turns,
            &waves,
        ],
    )
    .await?;
    let mut batch = Batch::default();
    batch.add(COUNT, values![draft.0, signed::<usize>(rows.len())]);
    let count = |state: &'static str| {
        let some = states.iter().filter(|one| **one == state).count();
        (state, signed(some))
    };
    let counts = state_names().map(count).filter(|(_, some)| *some > 0);
    add_counts(&mut batch, draft, counts);
    batch.run(conn).await
}

/// Deals the devices of a draft into waves: these first, the others in the order of claims.
pub(in super::super) async fn lay_waves(
    conn: &Session,
    draft: CampaignId,
    chosen: &[Seq],
    sizes: &[u64],
) -> Result<(), Fault> {
    // The wave of the n-th device is the number of waves that are full before it.
    const SQL: &str = "WITH dealt AS (SELECT seq, row_number() OVER \
            (ORDER BY NOT seq = ANY ($2::bigint[]), rank, turn, seq) AS n \
            FROM device_row WHERE campaign = $1 AND state = 'draft') \
        UPDATE device_row d SET wave = \
            (SELECT count(*) FROM unnest($3::bigint[]) AS full_at WHERE full_at < dealt.n) \
        FROM dealt WHERE d.campaign = $1 AND d.seq = dealt.seq";
    let ends: Vec<i64> = sizes
        .iter()
        .scan(0_u64, |sum, size| {
            *sum = sum.saturating_add(*size);
            Some(signed(*sum))
        })
        .collect();
    conn.execute_long(SQL, &[&draft.0, &chosen, &ends]).await?;
    Ok(())
}

/// Turns a draft into an open campaign. `row_count` and the rows are the draft's.
pub(in super::super) async fn confirm(
    conn: &Session,
    draft: CampaignId,
    opening: &Opening,
    budgets: CampaignBudgets,
    opened_at: Timestamp,
) -> Result<(), Fault> {
    const SQL: &str = "UPDATE campaign SET state = 'open', name = $2, api_origin = $3, \
        tenant = $4, application = $5, cloud = $6, scan_type = $7, comment = $8, ids_hash = $9, \
        mark_bits = $10, busy = $11, emulated = $12, scan_budget = $13, read_budget = $14, \
        opened_at = $15, priority = $16, ticket = $17, rollout = $18, \
        epoch = (SELECT number FROM epoch) WHERE id = $1 AND state = 'draft'";
    let rollout =
        if opening.rollout.is_plain() { None } else { Some(json_text(&opening.rollout)?) };
    let Order { target, scan_type, comment, ticket, ids_hash } = &opening.order;
    let mut batch = Batch::default();
    batch.add(
        SQL,
        values![
            draft.0,
            opening.name.as_str().to_owned(),
            target.api_origin.clone(),
            target.tenant.clone(),
            target.application.clone(),
            target.cloud.clone(),
            scan_type.to_string(),
            comment.clone(),
            ids_hash.clone(),
            opening.mark_bits.cast_signed(),
            opening.busy.name(),
            opening.emulated,
            budgets.scan.0,
            budgets.read.0,
            at(opened_at),
            opening.priority.name(),
            ticket.as_ref().map(|ticket| ticket.as_str().to_owned()),
            rollout,
        ],
    );
    batch.run(conn).await
}

/// Queues all drafts of a campaign: `LifeEvent::Opened` for every one of them, in one statement.
pub(in super::super) async fn queue_drafts(
    conn: &Session,
    campaign: CampaignId,
) -> Result<(), Fault> {
    const SQL: &str = "UPDATE device_row SET state = 'queued', at = 0, ready = true \
        WHERE campaign = $1 AND state = 'draft'";
    let queued: i64 = signed(conn.execute_long(SQL, &[&campaign.0]).await?);
    let mut batch = Batch::default();
    add_counts(&mut batch, campaign, [("draft", -queued), ("queued", queued)]);
    batch.run(conn).await
}
