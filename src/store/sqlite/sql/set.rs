//! SQL of what is set of a campaign after it was confirmed.

use std::collections::BTreeSet;

use sqlx::SqliteConnection;

use super::checksum;
use super::epoch::present_epoch;
use super::script::Script;
use crate::domain::{CampaignId, Quota, ServerNotes};
use crate::store::columns::{json_text, window_ns};
use crate::store::sqlite::fault::Fault;
use crate::store::tables::{CampaignChange, Wave};

/// Sets one thing of a campaign; whether there is one to which that applies.
pub(in super::super) async fn set(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    change: CampaignChange,
) -> Result<bool, Fault> {
    macro_rules! set {
        ($what:literal, $if:literal) => {
            sqlx::query(concat!("UPDATE campaign SET ", $what, " WHERE ", $if, " AND id = ?"))
        };
    }
    let query = match change {
        CampaignChange::Paused(paused) => set!("paused = ?", "state <> 'draft'").bind(paused),
        CampaignChange::Priority(priority) => {
            set!("priority = ?", "state <> 'draft'").bind(priority.name())
        }
        CampaignChange::EngagedUntil(until) => {
            set!("engaged_until = ?", "priority = 'high'").bind(until.0)
        }
        CampaignChange::CalledOff => set!("called_off = 1", "state <> 'draft'"),
        CampaignChange::Recalled => {
            sqlx::query(concat!("UPDATE campaign SET epoch = ", present_epoch!(), " WHERE id = ?"))
        }
        CampaignChange::Finished(at) => {
            set!("state = 'finished', finished_at = ?", "state = 'open'").bind(at.to_string())
        }
        CampaignChange::PrunedAt(at) => {
            set!("pruned_at = ?", "state = 'finished'").bind(at.to_string())
        }
        CampaignChange::LastRun(run) => {
            set!("last_run = ?", "state <> 'draft'").bind(json_text(&run)?)
        }
        CampaignChange::Notes(notes) => {
            let sum = checksum::of_notes(campaign, &notes);
            let ServerNotes { first_contact, comments_changed } = notes;
            let what =
                set!("first_contact = ?, comments_changed = ?, notes_sum = ?", "state <> 'draft'");
            what.bind(first_contact.map(|at| at.to_string())).bind(comments_changed).bind(sum)
        }
        CampaignChange::Wave(Wave { number, over, failed }) => {
            let failed = failed.as_ref().map(json_text).transpose()?;
            let sum = checksum::of_wave(campaign, number, over, failed.as_deref());
            let what =
                set!("wave = ?, wave_over = ?, wave_failed = ?, wave_sum = ?", "state = 'open'");
            what.bind(number).bind(over.map(|at| at.0)).bind(failed).bind(sum)
        }
    };
    Ok(query.bind(campaign.0).execute(conn).await?.rows_affected() > 0)
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
        let sql = "INSERT INTO quota (campaign, calls, window_ns) VALUES (?, ?, ?)";
        let insert = sqlx::query(sql).bind(campaign.0).bind(quota.calls.get());
        insert.bind(window_ns(quota)).execute(&mut *conn).await?;
    }
    let sum = checksum::of_quotas(campaign, quotas.iter());
    let sql = "UPDATE campaign SET quota_sum = ? WHERE id = ?";
    sqlx::query(sql).bind(sum).bind(campaign.0).execute(conn).await?;
    Ok(())
}

/// Writes what a campaign learnt about its server.
pub(super) fn add_notes(
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
