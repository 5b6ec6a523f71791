//! SQL of drafts and campaigns, their quotas and their counts.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::device::key;
use super::journal::quotas_of;
use super::state::{STATES, state_of};
use super::{Script, checksum, parsed, unsigned};
use crate::domain::{
    BudgetKey, BudgetState, BusyPolicy, Campaign, CampaignId, CampaignName, CampaignState, LastRun,
    Opening, Order, Quota, Rollout, ServerNotes, Stamp, Tally, Target, Ticket, Timing,
};
use crate::store::sqlite::fault::{Fault, broken};

/// A query for campaigns, with the columns of `read` in its order.
macro_rules! campaigns {
    ($tail:literal) => {
        concat!(
            "SELECT id, name, api_origin, tenant, application, cloud, scan_type, comment, \
             ids_hash, mark_bits, busy, emulated, state, opened_at, finished_at, first_contact, \
             comments_changed, scan_budget, read_budget, sum, notes_sum, \
             quota_sum, (SELECT json_group_array(json_array(calls, window_ns)) FROM quota \
              WHERE campaign = campaign.id), last_run, last_call_at, paused, wave, wave_sum, \
             ticket, called_off, priority, rollout, wave_over, wave_failed \
             FROM campaign WHERE state <> 'draft'",
            $tail
        )
    };
}
pub(super) use campaigns as select_campaigns;

/// Begins a draft.
pub(in super::super) async fn insert_draft(
    conn: &mut SqliteConnection,
    now: Timestamp,
) -> Result<CampaignId, Fault> {
    let sql = "INSERT INTO campaign (state, created_at) VALUES ('draft', ?)";
    let done = sqlx::query(sql).bind(now.to_string()).execute(&mut *conn).await?;
    let id = CampaignId(done.last_insert_rowid());
    let mut counts = Script::default();
    for state in STATES {
        let sql = "INSERT INTO tally (campaign, state) VALUES (?, ?)";
        counts.add(sql, 1).bind(id.0)?.bind(state)?;
    }
    counts.run(conn).await?;
    Ok(id)
}

/// How many rows a draft has; nothing if it is not a draft.
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
        if time(row.try_get(1)?)? < moment {
            old.push(CampaignId(row.try_get(0)?));
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
    let (first, last) = (key(draft, 0), key(draft, i64::from(u32::MAX)));
    let sql = "DELETE FROM device_row WHERE id BETWEEN ? AND ?; \
               DELETE FROM tally WHERE campaign = ?; \
               DELETE FROM campaign WHERE id = ? AND state = 'draft'";
    let query = sqlx::query(sql).bind(first).bind(last).bind(draft.0).bind(draft.0);
    query.execute(conn).await?;
    Ok(())
}

/// The key of a budget, made if it is new.
pub(in super::super) async fn budget_id(
    conn: &mut SqliteConnection,
    budget: &BudgetKey,
) -> Result<i64, Fault> {
    let sql = "INSERT INTO budget (api_origin, tenant, application, operation) \
               VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
    let insert = sqlx::query(sql).bind(&budget.api_origin).bind(&budget.tenant);
    let insert = insert.bind(&budget.application).bind(budget.operation.to_string());
    let done = insert.execute(&mut *conn).await?;
    if done.rows_affected() > 0 {
        let id = done.last_insert_rowid();
        let sum = checksum::of_budget(id, &BudgetState::default());
        let sql = "UPDATE budget SET sum = ? WHERE id = ?";
        sqlx::query(sql).bind(sum).bind(id).execute(&mut *conn).await?;
    }
    super::find_budget(conn, budget).await?.ok_or_else(|| broken("a budget vanished"))
}

/// Turns a draft into an open campaign. `row_count` and the rows are the draft's.
pub(in super::super) async fn confirm(
    conn: &mut SqliteConnection,
    draft: CampaignId,
    opening: &Opening,
    (scan_budget, read_budget): (i64, i64),
    opened_at: Timestamp,
) -> Result<(), Fault> {
    let confirmed = confirmed(draft, opening, opened_at);
    let rollout = Some(&opening.rollout).filter(|rollout| !rollout.is_plain());
    let rollout = rollout.map(serde_json::to_string).transpose();
    let rollout = rollout.map_err(|error| broken(error.to_string()))?;
    let budgets = (scan_budget, read_budget);
    let sum = checksum::of_campaign(&confirmed, budgets, rollout.as_deref());
    let notes_sum = checksum::of_notes(draft, &confirmed.notes);
    let Order { target, scan_type, comment, ticket, ids_hash } = &opening.order;
    let mut script = Script::default();
    let sql = "UPDATE campaign SET state = 'open', name = ?, api_origin = ?, tenant = ?, \
               application = ?, cloud = ?, scan_type = ?, comment = ?, ids_hash = ?, \
               mark_bits = ?, busy = ?, emulated = ?, scan_budget = ?, read_budget = ?, \
               opened_at = ?, priority = ?, sum = ?, notes_sum = ?, ticket = ?, \
               rollout = ? \
               WHERE id = ? AND state = 'draft'";
    script.add(sql, 1).bind(opening.name.as_str())?.bind(&target.api_origin)?;
    script.bind(&target.tenant)?.bind(&target.application)?.bind(&target.cloud)?;
    script.bind(scan_type.to_string())?.bind(comment)?.bind(ids_hash)?;
    script.bind(opening.mark_bits.cast_signed())?.bind(busy_name(opening.busy))?;
    script.bind(opening.emulated)?.bind(scan_budget)?.bind(read_budget)?;
    script.bind(opened_at.to_string())?.bind(opening.priority.name())?;
    script.bind(sum)?.bind(notes_sum)?;
    script.bind(ticket.as_ref().map(|ticket| ticket.as_str()))?.bind(rollout)?.bind(draft.0)?;
    script.run(conn).await?;
    Ok(())
}

/// The campaign that a draft becomes.
fn confirmed(id: CampaignId, opening: &Opening, opened_at: Timestamp) -> Campaign {
    Campaign {
        id,
        name: opening.name.clone(),
        order: opening.order.clone(),
        mark_bits: opening.mark_bits,
        busy: opening.busy,
        emulated: opening.emulated,
        state: CampaignState::Open,
        opened_at,
        finished_at: None,
        notes: ServerNotes::default(),
        quotas: opening.quotas.clone(),
        last_run: None,
        last_call_at: None,
        paused: false,
        wave: 0,
        called_off: false,
        priority: opening.priority,
        rollout: opening.rollout.clone(),
        wave_over: None,
        wave_failed: None,
    }
}

/// Replaces the quotas of a campaign's runner.
pub(in super::super) async fn set_quotas(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    quotas: &[Quota],
) -> Result<(), Fault> {
    let clear = sqlx::query("DELETE FROM quota WHERE campaign = ?").bind(campaign.0);
    clear.execute(&mut *conn).await?;
    let quotas: BTreeSet<Quota> = quotas.iter().copied().collect();
    for quota in &quotas {
        let window = i64::try_from(quota.window.as_nanos()).unwrap_or(i64::MAX);
        let sql = "INSERT INTO quota (campaign, calls, window_ns) VALUES (?, ?, ?)";
        let insert = sqlx::query(sql).bind(campaign.0).bind(quota.calls.get()).bind(window);
        insert.execute(&mut *conn).await?;
    }
    let sum = checksum::of_quotas(campaign, quotas.iter());
    let sql = "UPDATE campaign SET quota_sum = ? WHERE id = ?";
    sqlx::query(sql).bind(sum).bind(campaign.0).execute(conn).await?;
    Ok(())
}

/// Whether there is such a draft or campaign.
pub(in super::super) async fn exists(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<bool, Fault> {
    let query = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM campaign WHERE id = ?)");
    Ok(query.bind(campaign.0).fetch_one(conn).await?)
}

/// A confirmed campaign by its key.
pub(in super::super) async fn campaign(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<Option<Campaign>, Fault> {
    let query = sqlx::query(campaigns!(" AND id = ?")).bind(campaign.0);
    query.fetch_optional(conn).await?.map(|row| read(&row)).transpose()
}

/// A confirmed campaign by its name.
pub(in super::super) async fn find(
    conn: &mut SqliteConnection,
    name: &CampaignName,
) -> Result<Option<Campaign>, Fault> {
    let query = sqlx::query(campaigns!(" AND name = ?")).bind(name.as_str());
    query.fetch_optional(conn).await?.map(|row| read(&row)).transpose()
}

/// All confirmed campaigns, the latest first.
pub(in super::super) async fn campaigns(
    conn: &mut SqliteConnection,
) -> Result<Vec<Campaign>, Fault> {
    let rows = sqlx::query(campaigns!(" ORDER BY id DESC")).fetch_all(conn).await?;
    rows.iter().map(read).collect()
}

/// Counts of a campaign or a draft; nothing if there is none.
pub(in super::super) async fn tally(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<Option<Tally>, Fault> {
    let query = sqlx::query("SELECT state, rows FROM tally WHERE campaign = ?").bind(campaign.0);
    let rows = query.fetch_all(conn).await?;
    let mut tally = Tally::default();
    for row in &rows {
        tally.add(state_of(row.try_get(0)?, 0, 0, false)?, unsigned(row, 1)?);
    }
    Ok((!rows.is_empty()).then_some(tally))
}

/// Counts of a campaign, counted from its rows: what `tally` must always equal.
pub(in super::super) async fn counted(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<Tally, Fault> {
    let (first, last) = (key(campaign, 0), key(campaign, i64::from(u32::MAX)));
    let sql = "SELECT state, count(*) FROM device_row WHERE id BETWEEN ? AND ? GROUP BY state";
    let mut tally = Tally::default();
    for row in &sqlx::query(sql).bind(first).bind(last).fetch_all(conn).await? {
        tally.add(state_of(row.try_get(0)?, 0, 0, false)?, unsigned(row, 1)?);
    }
    Ok(tally)
}

/// Marks an open campaign finished.
pub(in super::super) async fn set_finished(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    at: Timestamp,
) -> Result<(), Fault> {
    let sql = "UPDATE campaign SET state = 'finished', finished_at = ? \
               WHERE id = ? AND state = 'open'";
    sqlx::query(sql).bind(at.to_string()).bind(campaign.0).execute(conn).await?;
    Ok(())
}

/// Pauses a campaign, or takes that back.
pub(in super::super) async fn set_paused(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    paused: bool,
) -> Result<(), Fault> {
    let sql = "UPDATE campaign SET paused = ? WHERE id = ? AND state <> 'draft'";
    let done = sqlx::query(sql).bind(paused).bind(campaign.0).execute(conn).await?;
    if done.rows_affected() == 0 {
        return Err(broken("a campaign vanished"));
    }
    Ok(())
}

/// Keeps how a run of a campaign goes, among the others that are at work on it.
pub(in super::super) async fn note_run(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    run: LastRun,
    timing: &Timing,
) -> Result<(), Fault> {
    let sql = "SELECT last_run FROM campaign WHERE id = ? AND state <> 'draft'";
    let before: Option<Option<String>> =
        sqlx::query_scalar(sql).bind(campaign.0).fetch_optional(&mut *conn).await?;
    let Some(before) = before else { return Err(broken("a campaign vanished")) };
    let run = run.noted_after(before.as_deref().and_then(last_run), timing);
    let text = serde_json::to_string(&run).expect("a value of texts and numbers is JSON");
    let sql = "UPDATE campaign SET last_run = ? WHERE id = ?";
    sqlx::query(sql).bind(text).bind(campaign.0).execute(conn).await?;
    Ok(())
}

/// What `note_run` wrote. What is only told may be missing: it is no reason to refuse a store.
fn last_run(text: &str) -> Option<LastRun> {
    serde_json::from_str(text).ok()
}

/// Scan calls of a campaign or a draft; nothing if there is none.
pub(in super::super) async fn calls(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<Option<u64>, Fault> {
    let query = sqlx::query("SELECT calls FROM campaign WHERE id = ?").bind(campaign.0);
    query.fetch_optional(conn).await?.map(|row| unsigned(&row, 0)).transpose()
}

/// Writes what a campaign learnt about its server.
pub(in super::super) fn add_notes(
    script: &mut Script,
    campaign: CampaignId,
    notes: &ServerNotes,
) -> Result<(), Fault> {
    let sql = "UPDATE campaign SET first_contact = ?, comments_changed = ?, notes_sum = ? \
               WHERE id = ?";
    script.add(sql, 1).bind(notes.first_contact.map(|at| at.to_string()))?;
    script.bind(notes.comments_changed)?.bind(checksum::of_notes(campaign, notes))?;
    script.bind(campaign.0)?;
    Ok(())
}

/// Reads what `add_notes` wrote.
pub(super) fn notes(
    campaign: CampaignId,
    first_contact: Option<&str>,
    comments_changed: bool,
    sum: Option<i64>,
) -> Result<ServerNotes, Fault> {
    let first_contact = first_contact.map(time).transpose()?;
    let notes = ServerNotes { first_contact, comments_changed };
    let what = || format!("what campaign {} learnt", campaign.0);
    checksum::check(sum, checksum::of_notes(campaign, &notes), what)?;
    Ok(notes)
}

/// Reads what is done with busy devices.
pub(super) fn busy_of(name: &str) -> Result<BusyPolicy, Fault> {
    parsed(name, |name| match name {
        "report" => Some(BusyPolicy::Report),
        "retry" => Some(BusyPolicy::Retry),
        _ => None,
    })
}

fn busy_name(busy: BusyPolicy) -> &'static str {
    match busy {
        BusyPolicy::Report => "report",
        BusyPolicy::Retry => "retry",
    }
}

fn read(row: &SqliteRow) -> Result<Campaign, Fault> {
    let unchecked = unchecked(row)?;
    let budgets = (row.try_get(17)?, row.try_get(18)?);
    let sum = checksum::of_campaign(&unchecked, budgets, row.try_get(31)?);
    checksum::check(row.try_get(19)?, sum, || format!("campaign {}", unchecked.id.0))?;
    let sum = checksum::of_quotas(unchecked.id, &unchecked.quotas);
    let what = || format!("the limits of campaign {}", unchecked.id.0);
    checksum::check(row.try_get(21)?, sum, what)?;
    let wave = (unchecked.wave, unchecked.wave_over, row.try_get(33)?);
    checksum::check_wave(unchecked.id, wave, row.try_get(27)?)?;
    let notes = notes(unchecked.id, row.try_get(15)?, row.try_get(16)?, row.try_get(20)?)?;
    Ok(Campaign { notes, ..unchecked })
}

/// A campaign as it stands in the file, without its notes.
pub(super) fn unchecked(row: &SqliteRow) -> Result<Campaign, Fault> {
    let state = parsed(row.try_get(12)?, |name| match name {
        "open" => Some(CampaignState::Open),
        "finished" => Some(CampaignState::Finished),
        _ => None,
    })?;
    let finished_at: Option<&str> = row.try_get(14)?;
    Ok(Campaign {
        id: CampaignId(row.try_get(0)?),
        name: parsed(row.try_get(1)?, |name| name.parse().ok())?,
        order: Order {
            target: Target {
                api_origin: row.try_get(2)?,
                tenant: row.try_get(3)?,
                application: row.try_get(4)?,
                cloud: row.try_get(5)?,
            },
            scan_type: parsed(row.try_get(6)?, |name| name.parse().ok())?,
            comment: row.try_get(7)?,
            ticket: ticket_of(row.try_get(28)?)?,
            ids_hash: row.try_get(8)?,
        },
        mark_bits: row.try_get::<i64, _>(9)?.cast_unsigned(),
        busy: busy_of(row.try_get(10)?)?,
        emulated: row.try_get(11)?,
        state,
        opened_at: time(row.try_get(13)?)?,
        finished_at: finished_at.map(time).transpose()?,
        notes: ServerNotes::default(),
        quotas: quotas_of(row.try_get(22)?)?,
        last_run: row.try_get::<Option<&str>, _>(23)?.and_then(last_run),
        last_call_at: row.try_get::<Option<&str>, _>(24)?.and_then(|at| at.parse().ok()),
        paused: row.try_get(25)?,
        wave: unsigned(row, 26)?,
        called_off: row.try_get(29)?,
        priority: parsed(row.try_get(30)?, |name| name.parse().ok())?,
        rollout: json_of::<Rollout>(row.try_get(31)?)?.unwrap_or_default(),
        wave_over: row.try_get::<Option<i64>, _>(32)?.map(Stamp),
        wave_failed: json_of(row.try_get(33)?)?,
    })
}

/// Writes the checksums of campaigns that were confirmed before there were any.
pub(super) async fn add_checksums(conn: &mut SqliteConnection) -> Result<(), Fault> {
    for row in sqlx::query(campaigns!("")).fetch_all(&mut *conn).await? {
        let campaign = unchecked(&row)?;
        let budgets = (row.try_get(17)?, row.try_get(18)?);
        let sum = checksum::of_campaign(&campaign, budgets, row.try_get(31)?);
        let first: Option<&str> = row.try_get(15)?;
        let notes = ServerNotes {
            first_contact: first.map(time).transpose()?,
            comments_changed: row.try_get(16)?,
        };
        let sql = "UPDATE campaign SET sum = ?, notes_sum = ?, quota_sum = ? WHERE id = ?";
        let update = sqlx::query(sql).bind(sum).bind(checksum::of_notes(campaign.id, &notes));
        let update = update.bind(checksum::of_quotas(campaign.id, &campaign.quotas));
        update.bind(campaign.id.0).execute(&mut *conn).await?;
    }
    Ok(())
}

fn json_of<T: serde::de::DeserializeOwned>(text: Option<&str>) -> Result<Option<T>, Fault> {
    text.map(|text| parsed(text, |text| serde_json::from_str(text).ok())).transpose()
}

fn ticket_of(text: Option<&str>) -> Result<Option<Ticket>, Fault> {
    text.map(|text| parsed(text, |text| text.parse().ok())).transpose()
}

fn time(text: &str) -> Result<Timestamp, Fault> {
    parsed(text, |text| text.parse().ok())
}
