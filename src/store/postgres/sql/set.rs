//! SQL of what is set of a campaign after it was confirmed.

use std::collections::BTreeSet;

use super::batch::{Batch, values};
use super::values::at;
use crate::domain::{CampaignId, Quota, ServerNotes};
use crate::store::columns::{json_text, window_ns};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::session::Session;
use crate::store::tables::{CampaignChange, Wave};

/// Sets one thing of a campaign; whether there is one to which that applies.
pub(in super::super) async fn set(
    conn: &Session,
    campaign: CampaignId,
    change: CampaignChange,
) -> Result<bool, Fault> {
    macro_rules! set {
        ($what:literal, $if:literal, $($value:expr),*) => {{
            let sql = concat!("UPDATE campaign SET ", $what, " WHERE id = $1 AND ", $if);
            conn.execute(sql, &[&campaign.0, $($value),*]).await?
        }};
    }
    let changed = match change {
        CampaignChange::Paused(paused) => set!("paused = $2", "state <> 'draft'", &paused),
        CampaignChange::Priority(priority) => {
            set!("priority = $2", "state <> 'draft'", &priority.name())
        }
        CampaignChange::EngagedUntil(until) => {
            set!("engaged_until = $2", "priority = 'high'", &until.0)
        }
        CampaignChange::CalledOff => set!("called_off = true", "state <> 'draft'",),
        CampaignChange::Recalled => {
            set!("epoch = (SELECT number FROM epoch)", "state <> 'draft'",)
        }
        CampaignChange::Finished(moment) => {
            set!("state = 'finished', finished_at = $2", "state = 'open'", &at(moment))
        }
        CampaignChange::PrunedAt(moment) => {
            set!("pruned_at = $2", "state = 'finished'", &at(moment))
        }
        CampaignChange::LastRun(run) => {
            set!("last_run = $2", "state <> 'draft'", &json_text(&run)?)
        }
        CampaignChange::Notes(ServerNotes { first_contact, comments_changed }) => {
            set!(
                "first_contact = $2, comments_changed = $3",
                "state <> 'draft'",
                &first_contact.map(at),
                &comments_changed
            )
        }
        CampaignChange::Wave(Wave { number, over, failed }) => {
            let failed = failed.as_ref().map(json_text).transpose()?;
            let (number, over) = (i64::from(number), over.map(|at| at.0));
            set!(
                "wave = $2, wave_over = $3, wave_failed = $4",
                "state = 'open'",
                &number,
                &over,
                &failed
            )
        }
    };
    Ok(changed > 0)
}

/// Replaces the quotas of a campaign's runner.
pub(in super::super) async fn set_quotas(
    conn: &Session,
    campaign: CampaignId,
    quotas: &[Quota],
) -> Result<(), Fault> {
    const INSERT: &str = "INSERT INTO quota (campaign, calls, window_ns) VALUES ($1, $2, $3)";
    conn.execute("DELETE FROM quota WHERE campaign = $1", &[&campaign.0]).await?;
    let quotas: BTreeSet<Quota> = quotas.iter().copied().collect();
    let mut batch = Batch::default();
    for quota in &quotas {
        let calls = i64::from(quota.calls.get());
        batch.add(INSERT, values![campaign.0, calls, window_ns(quota)]);
    }
    batch.run(conn).await
}

/// Writes what a campaign learnt about its server.
pub(super) fn add_notes(batch: &mut Batch, campaign: CampaignId, notes: &ServerNotes) {
    const SQL: &str = "UPDATE campaign SET first_contact = $2, comments_changed = $3 WHERE id = $1";
    let ServerNotes { first_contact, comments_changed } = *notes;
    batch.add(SQL, values![campaign.0, first_contact.map(at), comments_changed]);
}
