//! SQL of confirmed campaigns and their counts, as they are read.

use tokio_postgres::Row;

use super::values::{get, optional_time, time, unsigned};
use crate::domain::{
    Campaign, CampaignId, CampaignState, Order, ServerNotes, Stamp, Tally, Target, Ticket,
};
use crate::store::columns::{busy_of, json_of, parsed, quotas_of, state_of};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::session::Session;

/// A query for campaigns, with the columns that `read` reads.
macro_rules! select_campaigns {
    ($tail:literal) => {
        concat!(
            "SELECT c.id, c.name, c.api_origin, c.tenant, c.application, c.cloud, c.scan_type, \
             c.comment, c.ticket, c.ids_hash, c.mark_bits, c.busy, c.emulated, c.state, \
             c.opened_at, c.finished_at, c.pruned_at, c.last_call_at, c.first_contact, \
             c.comments_changed, c.last_run, c.paused, c.called_off, c.priority, c.wave, \
             c.wave_over, c.wave_failed, c.rollout, \
             (SELECT coalesce(json_agg(json_build_array(q.calls, q.window_ns)), '[]')::text \
              FROM quota q WHERE q.campaign = c.id) AS quotas \
             FROM campaign c WHERE c.state <> 'draft'",
            $tail
        )
    };
}
pub(super) use select_campaigns;

/// A confirmed campaign by its key.
pub(in super::super) async fn campaign(
    conn: &Session,
    campaign: CampaignId,
) -> Result<Option<Campaign>, Fault> {
    let row = conn.query_opt(select_campaigns!(" AND c.id = $1"), &[&campaign.0]).await?;
    row.map(|row| read(&row)).transpose()
}

/// Counts of a campaign or a draft; `None` if there is none.
pub(in super::super) async fn tally(
    conn: &Session,
    campaign: CampaignId,
) -> Result<Option<Tally>, Fault> {
    const SQL: &str = "SELECT state, rows FROM tally WHERE campaign = $1";
    let rows = conn.query(SQL, &[&campaign.0]).await?;
    let tally = counts(&rows)?;
    Ok(if rows.is_empty() { None } else { Some(tally) })
}

/// Counts of a campaign, counted from its rows: what `tally` must always equal.
#[cfg(feature = "testing")]
pub(in super::super) async fn counted(
    conn: &Session,
    campaign: CampaignId,
) -> Result<Tally, Fault> {
    const SQL: &str =
        "SELECT state, count(*) AS rows FROM device_row WHERE campaign = $1 GROUP BY state";
    counts(&conn.query(SQL, &[&campaign.0]).await?)
}

fn counts(rows: &[Row]) -> Result<Tally, Fault> {
    let mut tally = Tally::default();
    for row in rows {
        tally.add(state_of(get(row, "state")?, 0, 0, false)?, unsigned(row, "rows")?);
    }
    Ok(tally)
}

/// Scan calls of a campaign or a draft; `None` if there is none.
pub(in super::super) async fn calls(
    conn: &Session,
    campaign: CampaignId,
) -> Result<Option<u64>, Fault> {
    let row = conn.query_opt("SELECT calls FROM campaign WHERE id = $1", &[&campaign.0]).await?;
    row.map(|row| unsigned(&row, "calls")).transpose()
}

/// What a campaign learnt about its server.
pub(super) fn notes(row: &Row) -> Result<ServerNotes, Fault> {
    let first_contact = optional_time(row, "first_contact")?;
    Ok(ServerNotes { first_contact, comments_changed: get(row, "comments_changed")? })
}

/// A campaign.
pub(super) fn read(row: &Row) -> Result<Campaign, Fault> {
    let state = parsed(get(row, "state")?, |name| match name {
        "open" => Some(CampaignState::Open),
        "finished" => Some(CampaignState::Finished),
        _ => None,
    })?;
    // How the latest run went is only told: it is no reason to refuse a store.
    let last_run = get::<Option<&str>>(row, "last_run")?;
    Ok(Campaign {
        id: CampaignId(get(row, "id")?),
        name: parsed(get(row, "name")?, |name| name.parse().ok())?,
        order: order(row)?,
        mark_bits: get::<i64>(row, "mark_bits")?.cast_unsigned(),
        busy: busy_of(get(row, "busy")?)?,
        emulated: get(row, "emulated")?,
        state,
        opened_at: time(row, "opened_at")?,
        finished_at: optional_time(row, "finished_at")?,
        notes: notes(row)?,
        quotas: quotas_of(get(row, "quotas")?)?,
        last_run: last_run.and_then(|text| serde_json::from_str(text).ok()),
        last_call_at: optional_time(row, "last_call_at")?,
        paused: get(row, "paused")?,
        wave: unsigned(row, "wave")?,
        called_off: get(row, "called_off")?,
        priority: parsed(get(row, "priority")?, |name| name.parse().ok())?,
        rollout: json_of(get(row, "rollout")?)?.unwrap_or_default(),
        wave_over: get::<Option<i64>>(row, "wave_over")?.map(Stamp),
        wave_failed: json_of(get(row, "wave_failed")?)?,
        pruned_at: optional_time(row, "pruned_at")?,
    })
}

fn order(row: &Row) -> Result<Order, Fault> {
    let ticket = get::<Option<&str>>(row, "ticket")?;
    let ticket_of = |text| parsed(text, |text| text.parse::<Ticket>().ok());
    Ok(Order {
        target: Target {
            api_origin: get(row, "api_origin")?,
            tenant: get(row, "tenant")?,
            application: get(row, "application")?,
            cloud: get(row, "cloud")?,
        },
        scan_type: parsed(get(row, "scan_type")?, |name| name.parse().ok())?,
        comment: get(row, "comment")?,
        ticket: ticket.map(ticket_of).transpose()?,
        ids_hash: get(row, "ids_hash")?,
    })
}
