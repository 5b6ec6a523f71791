//! SQL of the rows of a list, one by one and by where they stand. In what order they are claimed is
//! `queue`'s.

use std::collections::BTreeMap;

use tokio_postgres::Row as SqlRow;

use super::batch::Batch;
use super::life::{add_change, add_counts, detailed_at, device_at, life};
use super::values::{get, unsigned};
use crate::domain::text::storable;
use crate::domain::{CampaignId, LookUp, Row, RowFilter, Seq, Stamp};
use crate::store::columns::{detail_text, signed, state_name, states_that_stand, stored};
use crate::store::postgres::fault::{Fault, broken};
use crate::store::postgres::session::{Session, Values};
use crate::store::tables::{Device, Page, RowChange};

/// Waiting rows that end in one statement.
const CHUNK: i64 = 1_000;

/// One row by its place.
pub(in super::super) async fn device(
    conn: &Session,
    campaign: CampaignId,
    seq: Seq,
) -> Result<Option<Device>, Fault> {
    const SQL: &str = concat!(
        "SELECT ",
        life!(),
        ", d.detail FROM device_row d WHERE d.campaign = $1 AND d.seq = $2"
    );
    let row = conn.query_opt(SQL, &[&campaign.0, &seq]).await?;
    row.map(|row| detailed_at(&row)).transpose()
}

/// What reports need of a row.
macro_rules! select_rows {
    () => {
        concat!(
            "SELECT ",
            life!(),
            ", d.detail, d.line, d.name, d.input_text, d.turn, d.wave FROM device_row d \
             WHERE d.campaign = $1 AND d.seq > $2 AND d.attempt >= $3"
        )
    };
}

/// One page of the rows of a campaign or a draft as reports need them, in input order.
pub(in super::super) async fn rows(
    conn: &Session,
    campaign: CampaignId,
    page: Page,
) -> Result<Vec<Row>, Fault> {
    const SQL: &str = concat!(select_rows!(), " ORDER BY d.seq LIMIT $4");
    let (attempts, limit) = (i64::from(page.attempts), signed(page.limit));
    let rows = conn.query(SQL, &[&campaign.0, &page.after, &attempts, &limit]).await?;
    rows.iter().map(row_at).collect()
}

/// One page of those of them that are meant; what a filter does not ask is NULL in the statement.
pub(in super::super) async fn matching(
    conn: &Session,
    campaign: CampaignId,
    filter: &RowFilter,
    page: Page,
) -> Result<Vec<Row>, Fault> {
    const SQL: &str = concat!(
        select_rows!(),
        " AND ($5::text[] IS NULL OR d.state = ANY ($5)) \
          AND ($6::text IS NULL OR strpos(d.detail, $6) > 0) \
          AND ($7::text IS NULL OR strpos(lower(d.name COLLATE \"C\"), $7) > 0 \
               OR strpos(encode(d.device, 'hex'), $7) > 0) ORDER BY d.seq LIMIT $4"
    );
    let RowFilter { stands, code, text } = filter;
    let states = stands.map(states_that_stand);
    // As it stands in the text of the details, where a quote within a text has a sign before.
    let told = |code: &String| format!("\"error_code\":{}", serde_json::Value::from(code.as_str()));
    let (code, text) = (code.as_ref().map(told), text.clone().map(storable));
    let text = text.map(|text| text.to_ascii_lowercase());
    let (attempts, limit) = (i64::from(page.attempts), signed(page.limit));
    let values: Values<'_> = &[&campaign.0, &page.after, &attempts, &limit, &states, &code, &text];
    conn.query(SQL, values).await?.iter().map(row_at).collect()
}

fn row_at(row: &SqlRow) -> Result<Row, Fault> {
    let Device { seq, device, life, detail } = detailed_at(row)?;
    Ok(Row {
        seq,
        line: unsigned(row, "line")?,
        device,
        name: get(row, "name")?,
        input_text: get(row, "input_text")?,
        life,
        detail,
        turn: get(row, "turn")?,
        wave: unsigned(row, "wave")?,
    })
}

/// Claims whose horizon has passed.
pub(in super::super) async fn expired(
    conn: &Session,
    campaign: CampaignId,
    now: Stamp,
) -> Result<Vec<Device>, Fault> {
    const SQL: &str = concat!(
        "SELECT ",
        life!(),
        " FROM device_row d WHERE d.campaign = $1 AND d.at <= $2 AND d.state = 'claimed' \
         ORDER BY d.at, d.seq"
    );
    conn.query(SQL, &[&campaign.0, &now.0]).await?.iter().map(device_at).collect()
}

/// Devices that the list of actions is to be asked about: doubtful ones by their time, then busy
/// ones whose action is unknown.
pub(in super::super) async fn to_look_up(
    conn: &Session,
    campaign: CampaignId,
    now: Stamp,
    limit: usize,
) -> Result<Vec<LookUp>, Fault> {
    const SQL: &str = concat!(
        "SELECT * FROM ((SELECT ",
        life!(),
        " FROM device_row d WHERE d.campaign = $1 AND d.at <= $2 AND d.state = 'doubtful' \
           ORDER BY d.at, d.seq LIMIT $3) UNION ALL (SELECT ",
        life!(),
        " FROM device_row d WHERE d.campaign = $1 AND d.unseen ORDER BY d.seq LIMIT $3)) all_due \
         ORDER BY unseen, at, seq LIMIT $3"
    );
    let rows = conn.query(SQL, &[&campaign.0, &now.0, &signed(limit)]).await?;
    let look_up = |row: &SqlRow| {
        let Device { seq, device, life, .. } = device_at(row)?;
        let device = device.ok_or_else(|| broken("a row that was asked for has no device"))?;
        let (attempt, unseen, by_id) = (life.attempt, life.unseen, life.asks_by_id());
        let (looks, arrives_by) = (life.looks(), life.arrives_by);
        Ok(LookUp { seq, device, attempt, unseen, by_id, looks, arrives_by })
    };
    rows.iter().map(look_up).collect()
}

/// When the horizon of the last outstanding call ends; `None` if none is outstanding.
pub(in super::super) async fn last_claim_ends(
    conn: &Session,
    campaign: CampaignId,
) -> Result<Option<Stamp>, Fault> {
    const SQL: &str =
        "SELECT max(at) AS at FROM device_row WHERE campaign = $1 AND state = 'claimed'";
    let row = conn.query_one(SQL, &[&campaign.0]).await?;
    Ok(get::<Option<i64>>(&row, "at")?.map(Stamp))
}

/// When the horizon of its oldest call ends whose answer is not known; `None` if there is none.
pub(in super::super) async fn first_claim_ends(
    conn: &Session,
    campaign: CampaignId,
) -> Result<Option<Stamp>, Fault> {
    const SQL: &str = "SELECT min(ends) AS ends FROM (\
         SELECT min(at) AS ends FROM device_row \
         WHERE campaign = $1 AND state = 'claimed' UNION ALL \
         SELECT min(arrives_by) AS ends FROM device_row \
         WHERE campaign = $1 AND state = 'doubtful' AND arrives_by > 0) of_each";
    let row = conn.query_one(SQL, &[&campaign.0]).await?;
    Ok(get::<Option<i64>>(&row, "ends")?.map(Stamp))
}

/// Whether a busy device waits for the list of actions.
pub(in super::super) async fn has_unseen(
    conn: &Session,
    campaign: CampaignId,
) -> Result<bool, Fault> {
    const SQL: &str =
        "SELECT EXISTS (SELECT 1 FROM device_row WHERE campaign = $1 AND unseen) AS unseen";
    get(&conn.query_one(SQL, &[&campaign.0]).await?, "unseen")
}

/// Removes all rows of a campaign; how many.
pub(in super::super) async fn remove_rows(
    conn: &Session,
    campaign: CampaignId,
) -> Result<u64, Fault> {
    conn.execute_long("DELETE FROM device_row WHERE campaign = $1", &[&campaign.0]).await
}

/// Moves one row on.
pub(in super::super) async fn change(
    conn: &Session,
    campaign: CampaignId,
    change: &RowChange,
) -> Result<(), Fault> {
    let mut batch = Batch::default();
    add_change(&mut batch, campaign, change);
    batch.run(conn).await
}

/// The next waiting rows after this one, in input order, at most `CHUNK`.
pub(in super::super) async fn waiting(
    conn: &Session,
    campaign: CampaignId,
    after: Seq,
) -> Result<Vec<Device>, Fault> {
    const SQL: &str = concat!(
        "SELECT ",
        life!(),
        ", d.detail FROM device_row d WHERE d.campaign = $1 AND d.seq > $2 \
         AND d.state = 'queued' ORDER BY d.seq LIMIT $3"
    );
    let rows = conn.query(SQL, &[&campaign.0, &after, &CHUNK]).await?;
    rows.iter().map(detailed_at).collect()
}

/// Writes how waiting rows ended, and moves them from one count to the others.
pub(in super::super) async fn change_waiting(
    conn: &Session,
    campaign: CampaignId,
    changes: &[RowChange],
) -> Result<(), Fault> {
    const SQL: &str = "UPDATE device_row d SET state = new.state, at = new.at, ready = false, \
        arrives_by = new.arrives_by, detail = new.detail \
        FROM unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[]) \
        AS new (seq, state, detail, at, arrives_by) \
        WHERE d.campaign = $1 AND d.seq = new.seq AND d.state = 'queued'";
    let seqs: Vec<i64> = changes.iter().map(|change| change.seq).collect();
    let states: Vec<&str> = changes.iter().map(|change| state_name(change.after.state)).collect();
    let detail = |change: &RowChange| change.detail.as_ref().and_then(detail_text);
    let details: Vec<Option<String>> = changes.iter().map(detail).collect();
    let moments: Vec<i64> = changes.iter().map(|change| stored(change.after.state).0.0).collect();
    let arrivals: Vec<i64> = changes.iter().map(|change| change.after.arrives_by.0).collect();
    let changed =
        conn.execute(SQL, &[&campaign.0, &seqs, &states, &details, &moments, &arrivals]).await?;
    if changed != changes.len() as u64 {
        return Err(broken(format!("{changed} rows changed instead of {}", changes.len())));
    }
    let mut moved: BTreeMap<&'static str, i64> = BTreeMap::new();
    for RowChange { before, after, .. } in changes {
        *moved.entry(state_name(before.state)).or_default() -= 1;
        *moved.entry(state_name(after.state)).or_default() += 1;
    }
    let mut counts = Batch::default();
    add_counts(&mut counts, campaign, moved);
    counts.run(conn).await
}
