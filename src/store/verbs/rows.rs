//! What becomes of devices beside the answers to their calls: horizons that pass, look-ups, and
//! what was refused and is asked again.

use jiff::Timestamp;

use super::known::{broken, known, row_of, set, tally, unknown_campaign};
use crate::domain::happening::HAPPENINGS_KEPT;
use crate::domain::lifecycle::{self, LifeEvent};
use crate::domain::settle;
use crate::domain::{
    Action, BudgetState, Campaign, CampaignId, CampaignState, FailedStart, Finding, Happened,
    Happening, Row, RowFilter, Seq, Settled, Stamp,
};
use crate::store::StoreError;
use crate::store::tables::{CampaignChange, Done, Page, Tables, Wave};

pub(super) async fn rows<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    page: Page,
) -> Done<T, Vec<Row>> {
    let rows = tables.rows(campaign, page).await?;
    if rows.is_empty() {
        are_there(tables, campaign).await?;
    }
    Ok(rows)
}

pub(super) async fn matching<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    filter: &RowFilter,
    page: Page,
) -> Done<T, Vec<Row>> {
    let rows = tables.matching(campaign, filter, page).await?;
    if rows.is_empty() {
        are_there(tables, campaign).await?;
    }
    Ok(rows)
}

/// Says why no row was found, where that is not because none is meant: there may be none at all any
/// more, or no such campaign or draft.
async fn are_there<T: Tables>(tables: &mut T, campaign: CampaignId) -> Done<T, ()> {
    tally(tables, campaign).await?;
    match tables.campaign(campaign).await? {
        Some(Campaign { name, pruned_at: Some(at), .. }) => {
            Err(StoreError::Gone { name, at }.into())
        }
        _ => Ok(()),
    }
}

pub(super) async fn has_expired<T: Tables>(tables: &mut T, campaign: CampaignId) -> Done<T, bool> {
    known(tables, campaign).await?;
    let now = tables.now();
    Ok(!tables.expired(campaign, now).await?.is_empty())
}

pub(super) async fn expire<T: Tables>(tables: &mut T, campaign: CampaignId) -> Done<T, u64> {
    let (now, busy) = (tables.now(), known(tables, campaign).await?.busy);
    let expired = tables.expired(campaign, now).await?;
    let count = expired.len() as u64;
    for device in expired {
        let event = LifeEvent::Expired { now };
        let after = lifecycle::next(device.life, event, busy, tables.timing())
            .map_err(|illegal| broken(illegal.to_string()))?;
        tables.change(campaign, device.moved(after, None)).await?;
    }
    Ok(count)
}

pub(super) async fn reopen<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    refused: &[(Seq, u32)],
) -> Done<T, u64> {
    let mut reopened = 0;
    let Campaign { busy, wave, wave_over, wave_failed: failed, .. } =
        known(tables, campaign).await?;
    for (seq, attempt) in refused {
        let row = row_of(tables, campaign, *seq).await?;
        let event = LifeEvent::Reopened { attempt: *attempt };
        if let Ok(after) = lifecycle::next(row.life, event, busy, tables.timing()) {
            tables.change(campaign, row.moved(after, None)).await?;
            tables.bring_forward(campaign, *seq, wave).await?;
            reopened += 1;
        }
    }
    if reopened > 0 && wave_over.is_some() {
        let wave = Wave { number: wave, over: None, failed };
        super::waves::set_wave(tables, campaign, wave).await?;
    }
    Ok(reopened)
}

pub(super) async fn note_actions<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    seen: &[(Seq, Action)],
) -> Done<T, u64> {
    let busy = known(tables, campaign).await?.busy;
    let (utc, mut noted) = (tables.utc(), 0);
    for (seq, action) in seen {
        let row = row_of(tables, campaign, *seq).await?;
        let mut detail = row.detail.clone();
        if settle::note_progress(&mut detail, action, utc) {
            let event = settle::told_event(&detail);
            let after = lifecycle::next(row.life, event, busy, tables.timing());
            let after = after.unwrap_or(row.life);
            tables.change(campaign, row.moved(after, Some(detail))).await?;
            noted += 1;
        }
    }
    Ok(noted)
}

pub(super) async fn looked_up<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    findings: &[Finding],
) -> Done<T, Vec<Settled>> {
    let busy = known(tables, campaign).await?.busy;
    let (now, utc) = (tables.now(), tables.utc());
    let mut all = Vec::with_capacity(findings.len());
    for Finding { look_up, found, action } in findings {
        let row = row_of(tables, campaign, look_up.seq).await?;
        let before = row.life;
        let event = settle::look_up_event(look_up.unseen, look_up.attempt, *found, now);
        let current = settle::is_current(before, look_up.looks, *found);
        let after = match lifecycle::next(before, event, busy, tables.timing()) {
            Ok(after) if current => {
                let mut detail = row.detail.clone();
                // Of a device that was not ordered there is nothing to tell.
                if after.has_ended() || !before.may_be_forgotten() {
                    settle::note_look_up(&mut detail, before, *found, action.as_ref(), utc);
                }
                tables.change(campaign, row.moved(after, Some(detail))).await?;
                after
            }
            Ok(_) | Err(_) => before,
        };
        all.push(Settled { before, after, budget: BudgetState::default() });
    }
    Ok(all)
}

pub(super) async fn note_contact<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    date: Timestamp,
) -> Done<T, ()> {
    let mut notes = known(tables, campaign).await?.notes;
    if notes.first_contact.is_some() {
        return Ok(());
    }
    let now = tables.now();
    let since = first_claim(tables, campaign).await?.unwrap_or(now);
    settle::note_contact(&mut notes, date, now.since(since), tables.timing());
    set(tables, campaign, CampaignChange::Notes(notes)).await
}

/// When the oldest call of a campaign was claimed whose answer is not known.
pub(super) async fn first_claim<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
) -> Done<T, Option<Stamp>> {
    let ends = tables.first_claim_ends(campaign).await?;
    Ok(ends.map(|ends| ends.minus(tables.timing().horizon())))
}

/// Whether a device of a campaign has no outcome yet, or one that the list of actions may change.
pub(super) async fn is_open<T: Tables>(tables: &mut T, campaign: CampaignId) -> Done<T, bool> {
    let open = tally(tables, campaign).await?.open() > 0;
    Ok(open || tables.has_unseen(campaign).await?)
}

pub(super) async fn note_happening<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    happening: &Happening,
) -> Done<T, ()> {
    let there = known(tables, campaign).await?;
    if happening.what == Happened::Finished {
        if there.called_off {
            // Who called it off says so.
            return Ok(());
        }
        // Each of its runs finds that out by itself.
        let all = tables.happenings(campaign, 0, HAPPENINGS_KEPT).await?;
        if all.iter().any(|one| one.happening.what == Happened::Finished) {
            return Ok(());
        }
    }
    tables.note_happening(campaign, happening).await
}

pub(super) async fn note_failed_starts<T: Tables>(
    tables: &mut T,
    starts: &[FailedStart],
) -> Done<T, ()> {
    if let Some(since) = starts.iter().map(FailedStart::kept_since).max() {
        tables.remove_failed_starts(since).await?;
    }
    for start in starts {
        tables.set_failed_start(start).await?;
    }
    Ok(())
}

pub(super) async fn finish<T: Tables>(tables: &mut T, campaign: CampaignId) -> Done<T, bool> {
    let there = known(tables, campaign).await?;
    if is_open(tables, campaign).await? {
        return Ok(false);
    }
    if there.state == CampaignState::Open {
        let finished = CampaignChange::Finished(tables.utc());
        super::known::set(tables, campaign, finished).await?;
    }
    Ok(true)
}

pub(super) async fn calls<T: Tables>(tables: &mut T, campaign: CampaignId) -> Done<T, u64> {
    tables.calls(campaign).await?.ok_or_else(unknown_campaign)
}
