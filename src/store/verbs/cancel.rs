//! Taking back: campaigns that are called off, actions that were cancelled, and devices that wait
//! and may have been ordered all the same.

use super::known::{broken, known, row_of, set, tally};
use super::rows::finish;
use crate::domain::lifecycle::{self, LifeEvent};
use crate::domain::settle;
use crate::domain::{CalledOff, CampaignId, Cancellation, Stamp};
use crate::store::tables::{CampaignChange, Done, Tables};

pub(super) async fn call_off<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
) -> Done<T, CalledOff> {
    end_with(tables, campaign, LifeEvent::CalledOff).await
}

/// The same where the next run of the series asks what waits.
pub(super) async fn hand_on<T: Tables>(tables: &mut T, campaign: CampaignId) -> Done<T, CalledOff> {
    end_with(tables, campaign, LifeEvent::HandedOn).await
}

async fn end_with<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    event: LifeEvent,
) -> Done<T, CalledOff> {
    set(tables, campaign, CampaignChange::CalledOff).await?;
    let ended = move_waiting(tables, campaign, event).await?;
    let finished = finish(tables, campaign).await?;
    Ok(CalledOff { ended, open: tally(tables, campaign).await?.open(), finished })
}

/// Ends every device of a campaign that was called off and that waits; how many.
pub(super) async fn end_waiting<T: Tables>(tables: &mut T, campaign: CampaignId) -> Done<T, u64> {
    move_waiting(tables, campaign, LifeEvent::CalledOff).await
}

/// Puts every device of a campaign that waits in doubt, since the store may have forgotten that it
/// was ordered: the list of actions is asked about it before it is ordered.
pub(super) async fn doubt_waiting<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    now: Stamp,
) -> Done<T, u64> {
    set(tables, campaign, CampaignChange::Recalled).await?;
    move_waiting(tables, campaign, LifeEvent::Forgotten { now }).await
}

async fn move_waiting<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    event: LifeEvent,
) -> Done<T, u64> {
    let busy = known(tables, campaign).await?.busy;
    let (mut last, mut all) = (0, 0);
    loop {
        let waiting = tables.waiting(campaign, last).await?;
        let Some(row) = waiting.last() else { return Ok(all) };
        last = row.seq;
        let mut ended = Vec::with_capacity(waiting.len());
        for row in waiting {
            let after = lifecycle::next(row.life, event, busy, tables.timing())
                .map_err(|illegal| broken(illegal.to_string()))?;
            let mut detail = row.detail.clone();
            if after.has_ended() {
                settle::note_called_off(&mut detail, &after);
            }
            ended.push(row.moved(after, Some(detail)));
        }
        all += ended.len() as u64;
        tables.change_waiting(campaign, &ended).await?;
    }
}

pub(super) async fn note_cancelled<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    cancelled: &[Cancellation],
) -> Done<T, u64> {
    let busy = known(tables, campaign).await?.busy;
    let (utc, mut noted) = (tables.utc(), 0);
    for Cancellation { seq, action, cause } in cancelled {
        let row = row_of(tables, campaign, *seq).await?;
        let mut detail = row.detail.clone();
        let event = LifeEvent::Cancelled { taken_back: cause.takes_back() };
        let after = lifecycle::next(row.life, event, busy, tables.timing());
        if let Ok(after) = after
            && settle::note_cancelled(&mut detail, action, *cause, utc)
        {
            tables.change(campaign, row.moved(after, Some(detail))).await?;
            noted += 1;
        }
    }
    Ok(noted)
}
