//! Waves, and runners that say that they are at work.

use super::known::{broken, known};
use crate::domain::{Campaign, CampaignId, CampaignState, Judged, Stamp, WaveStand};
use crate::store::tables::{CampaignChange, Done, Tables, Wave};

pub(super) async fn wave_open<T: Tables>(tables: &mut T, campaign: CampaignId) -> Done<T, u64> {
    let there = known(tables, campaign).await?;
    tables.open_in_wave(campaign, there.wave).await
}

pub(super) async fn open_wave<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    from: u32,
) -> Done<T, bool> {
    let Some(there) = standing_at(tables, campaign, from).await? else { return Ok(false) };
    let moves = there.wave_failed.is_none();
    if moves {
        begin_wave_after(tables, campaign, from).await?;
    }
    Ok(moves)
}

/// Where a campaign stands among its waves. Returns `None` if that has to be written first.
pub(super) async fn stand<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
) -> Done<T, Option<WaveStand>> {
    let there = known(tables, campaign).await?;
    let over = over(tables, &there).await?;
    let Campaign { wave, wave_failed: failed, .. } = there;
    Ok(if over == there.wave_over { Some(WaveStand { wave, over, failed }) } else { None })
}

/// Since when the present wave of a campaign is over; now, if that was not noticed before.
async fn over<T: Tables>(tables: &mut T, there: &Campaign) -> Done<T, Option<Stamp>> {
    let wave = there.wave;
    if wave >= there.rollout.last() || tables.is_wave_open(there.id, wave).await? {
        return Ok(None);
    }
    Ok(there.wave_over.or(Some(tables.now())))
}

pub(super) async fn end_wave<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
) -> Done<T, WaveStand> {
    let there = known(tables, campaign).await?;
    let over = over(tables, &there).await?;
    let Campaign { wave, wave_failed: failed, .. } = there;
    if over != there.wave_over {
        let wave = Wave { number: wave, over, failed: failed.clone() };
        set_wave(tables, campaign, wave).await?;
    }
    Ok(WaveStand { wave, over, failed })
}

pub(super) async fn judge_wave<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    wave: u32,
    judged: Judged,
) -> Done<T, bool> {
    let Some(there) = standing_at(tables, campaign, wave).await? else { return Ok(false) };
    match (judged, &there.wave_failed) {
        (Judged::Failed(failure), None) => {
            let wave = Wave { number: wave, over: there.wave_over, failed: Some(failure) };
            set_wave(tables, campaign, wave).await?;
        }
        (Judged::Allowed, Some(_)) => begin_wave_after(tables, campaign, wave).await?,
        _ => return Ok(false),
    }
    Ok(true)
}

pub(super) async fn engage<T: Tables>(tables: &mut T, campaign: CampaignId) -> Done<T, ()> {
    known(tables, campaign).await?;
    let until = tables.now().plus(tables.timing().engaged_for());
    // One of normal priority makes nobody wait.
    tables.set(campaign, CampaignChange::EngagedUntil(until)).await?;
    Ok(())
}

/// Writes where an open campaign stands among its waves.
pub(super) async fn set_wave<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    wave: Wave,
) -> Done<T, ()> {
    if tables.set(campaign, CampaignChange::Wave(wave)).await? {
        return Ok(());
    }
    Err(broken(format!("campaign {} is not open and comes to no wave", campaign.0)))
}

async fn begin_wave_after<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    wave: u32,
) -> Done<T, ()> {
    let next = Wave { number: wave.saturating_add(1), over: None, failed: None };
    set_wave(tables, campaign, next).await
}

/// The open campaign, if it stands at this wave and nothing of the wave is open.
async fn standing_at<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    wave: u32,
) -> Done<T, Option<Campaign>> {
    let there = known(tables, campaign).await?;
    if there.state != CampaignState::Open || there.wave != wave {
        return Ok(None);
    }
    let is_open = tables.is_wave_open(campaign, wave).await?;
    Ok(if is_open { None } else { Some(there) })
}
