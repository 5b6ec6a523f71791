//! SQL of confirmed campaigns and their counts, as they are read; every checksum is compared.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::checksum;
use super::values::{time, unsigned};
use crate::domain::{
    Campaign, CampaignId, CampaignState, LastRun, Order, ServerNotes, Stamp, Tally, Target, Ticket,
};
use crate::store::columns::{busy_of, json_of, parsed, quotas_of, state_of};
use crate::store::sqlite::fault::Fault;
use crate::store::tables::{BudgetId, CampaignBudgets};

/// A query for campaigns, with the columns that `read` reads.
macro_rules! select_campaigns {
    ($tail:literal) => {
        concat!(
            "SELECT id, name, api_origin, tenant, application, cloud, scan_type, comment, \
             ids_hash, mark_bits, busy, emulated, state, opened_at, finished_at, first_contact, \
             comments_changed, scan_budget, read_budget, sum, notes_sum, quota_sum, \
             (SELECT json_group_array(json_array(calls, window_ns)) FROM quota \
              WHERE campaign = campaign.id) AS quotas, \
             last_run, last_call_at, paused, wave, wave_sum, ticket, called_off, priority, \
             rollout, wave_over, wave_failed, pruned_at FROM campaign WHERE state <> 'draft'",
            $tail
        )
    };
}
pub(super) use select_campaigns;

/// A confirmed campaign by its key.
pub(in super::super) async fn campaign(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<Option<Campaign>, Fault> {
    let query = sqlx::query(select_campaigns!(" AND id = ?")).bind(campaign.0);
    query.fetch_optional(conn).await?.map(|row| read(&row)).transpose()
}

/// Counts of a campaign or a draft; `None` if there is none.
pub(in super::super) async fn tally(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<Option<Tally>, Fault> {
    let query = sqlx::query("SELECT state, rows FROM tally WHERE campaign = ?").bind(campaign.0);
    let rows = query.fetch_all(conn).await?;
    let tally = counts(&rows)?;
    Ok(if rows.is_empty() { None } else { Some(tally) })
}

/// Counts of a campaign, counted from its rows: what `tally` must always equal.
#[cfg(feature = "testing")]
pub(in super::super) async fn counted(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<Tally, Fault> {
    let (first, last) = super::life::keys(campaign);
    let sql = "SELECT state, count(*) AS rows FROM device_row WHERE id BETWEEN ? AND ? \
               GROUP BY state";
    counts(&sqlx::query(sql).bind(first).bind(last).fetch_all(conn).await?)
}

fn counts(rows: &[SqliteRow]) -> Result<Tally, Fault> {
    let mut tally = Tally::default();
    for row in rows {
        tally.add(state_of(row.try_get("state")?, 0, 0, false)?, unsigned(row, "rows")?);
    }
    Ok(tally)
}

/// Scan calls of a campaign or a draft; `None` if there is none.
pub(in super::super) async fn calls(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<Option<u64>, Fault> {
    let query = sqlx::query("SELECT calls FROM campaign WHERE id = ?").bind(campaign.0);
    query.fetch_optional(conn).await?.map(|row| unsigned(&row, "calls")).transpose()
}

/// A campaign, if all of it matches its checksums.
pub(super) fn read(row: &SqliteRow) -> Result<Campaign, Fault> {
    let unchecked = unchecked(row)?;
    let id = unchecked.id;
    let sum = checksum::of_campaign(&unchecked, budgets(row)?, row.try_get("rollout")?);
    checksum::check(row.try_get("sum")?, sum, || format!("campaign {}", id.0))?;
    let sum = checksum::of_quotas(id, &unchecked.quotas);
    let what = || format!("the limits of campaign {}", id.0);
    checksum::check(row.try_get("quota_sum")?, sum, what)?;
    check_wave(id, row)?;
    Ok(Campaign { notes: notes(id, row)?, ..unchecked })
}

/// Refuses the wave of a campaign that does not match its checksum: a later wave would begin.
pub(super) fn check_wave(campaign: CampaignId, row: &SqliteRow) -> Result<(), Fault> {
    let over = row.try_get::<Option<i64>, _>("wave_over")?.map(Stamp);
    let wave = (unsigned(row, "wave")?, over, row.try_get("wave_failed")?);
    checksum::check_wave(campaign, wave, row.try_get("wave_sum")?)
}

/// The budgets that a campaign calls on.
pub(super) fn budgets(row: &SqliteRow) -> Result<CampaignBudgets, Fault> {
    let (scan, read) = (row.try_get("scan_budget")?, row.try_get("read_budget")?);
    Ok(CampaignBudgets { scan: BudgetId(scan), read: BudgetId(read) })
}

/// What a campaign learnt about its server.
pub(super) fn notes(campaign: CampaignId, row: &SqliteRow) -> Result<ServerNotes, Fault> {
    let notes = unchecked_notes(row)?;
    let what = || format!("what campaign {} learnt", campaign.0);
    checksum::check(row.try_get("notes_sum")?, checksum::of_notes(campaign, &notes), what)?;
    Ok(notes)
}

fn unchecked_notes(row: &SqliteRow) -> Result<ServerNotes, Fault> {
    let first_contact = row.try_get::<Option<&str>, _>("first_contact")?.map(time).transpose()?;
    Ok(ServerNotes { first_contact, comments_changed: row.try_get("comments_changed")? })
}

/// A campaign as it stands in the file, without its notes.
pub(super) fn unchecked(row: &SqliteRow) -> Result<Campaign, Fault> {
    let state = parsed(row.try_get("state")?, |name| match name {
        "open" => Some(CampaignState::Open),
        "finished" => Some(CampaignState::Finished),
        _ => None,
    })?;
    let optional = |column: &str| row.try_get::<Option<&str>, _>(column);
    Ok(Campaign {
        id: CampaignId(row.try_get("id")?),
        name: parsed(row.try_get("name")?, |name| name.parse().ok())?,
        order: order(row)?,
        mark_bits: row.try_get::<i64, _>("mark_bits")?.cast_unsigned(),
        busy: busy_of(row.try_get("busy")?)?,
        emulated: row.try_get("emulated")?,
        state,
        opened_at: time(row.try_get("opened_at")?)?,
        finished_at: optional("finished_at")?.map(time).transpose()?,
        notes: ServerNotes::default(),
        quotas: quotas_of(row.try_get("quotas")?)?,
        last_run: optional("last_run")?.and_then(last_run),
        last_call_at: optional("last_call_at")?.and_then(|at| at.parse().ok()),
        paused: row.try_get("paused")?,
        wave: unsigned(row, "wave")?,
        called_off: row.try_get("called_off")?,
        priority: parsed(row.try_get("priority")?, |name| name.parse().ok())?,
        rollout: json_of(optional("rollout")?)?.unwrap_or_default(),
        wave_over: row.try_get::<Option<i64>, _>("wave_over")?.map(Stamp),
        wave_failed: json_of(optional("wave_failed")?)?,
        pruned_at: optional("pruned_at")?.map(time).transpose()?,
    })
}

fn order(row: &SqliteRow) -> Result<Order, Fault> {
    let ticket = row.try_get::<Option<&str>, _>("ticket")?;
    let ticket_of = |text| parsed(text, |text| text.parse::<Ticket>().ok());
    Ok(Order {
        target: Target {
            api_origin: row.try_get("api_origin")?,
            tenant: row.try_get("tenant")?,
            application: row.try_get("application")?,
            cloud: row.try_get("cloud")?,
        },
        scan_type: parsed(row.try_get("scan_type")?, |name| name.parse().ok())?,
        comment: row.try_get("comment")?,
        ticket: ticket.map(ticket_of).transpose()?,
        ids_hash: row.try_get("ids_hash")?,
    })
}

/// How the latest run went. What is only told may be missing: it is no reason to refuse a store.
fn last_run(text: &str) -> Option<LastRun> {
    serde_json::from_str(text).ok()
}

/// Writes the checksums of campaigns that were confirmed before there were any.
pub(super) async fn add_checksums(conn: &mut SqliteConnection) -> Result<(), Fault> {
    for row in sqlx::query(select_campaigns!("")).fetch_all(&mut *conn).await? {
        let campaign = unchecked(&row)?;
        let id = campaign.id;
        let sum = checksum::of_campaign(&campaign, budgets(&row)?, row.try_get("rollout")?);
        let sql = "UPDATE campaign SET sum = ?, notes_sum = ?, quota_sum = ? WHERE id = ?";
        let notes = checksum::of_notes(id, &unchecked_notes(&row)?);
        let update = sqlx::query(sql).bind(sum).bind(notes);
        let update = update.bind(checksum::of_quotas(id, &campaign.quotas)).bind(id.0);
        update.execute(&mut *conn).await?;
    }
    Ok(())
}
