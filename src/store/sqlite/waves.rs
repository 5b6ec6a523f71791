//! What the verbs of turns, waves and priority do inside a transaction; the other verbs are in
//! `ops`. It holds no SQL.

use sqlx::SqliteConnection;

use super::fault::Fault;
use super::{Shared, ops, sql};
use crate::clock::Clock;
use crate::domain::{Campaign, CampaignId, CampaignState, Judged, Seq, WaveStand};

type Done<T> = std::result::Result<T, Fault>;

pub(super) async fn lay_waves(
    conn: &mut SqliteConnection,
    draft: CampaignId,
    chosen: &[Seq],
    sizes: &[u64],
) -> Done<()> {
    sql::draft_rows(conn, draft).await?.ok_or_else(ops::unknown_campaign)?;
    sql::lay_waves(conn, draft, chosen, sizes).await
}

pub(super) async fn wave_open(conn: &mut SqliteConnection, campaign: CampaignId) -> Done<u64> {
    let there = ops::known(conn, campaign).await?;
    sql::open_in_wave(conn, campaign, there.wave).await
}

pub(super) async fn open_wave(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    from: u32,
) -> Done<bool> {
    let Some(there) = standing_at(conn, campaign, from).await? else { return Ok(false) };
    let moves = there.wave_failed.is_none();
    if moves {
        sql::set_wave(conn, campaign, from.saturating_add(1), None, None).await?;
    }
    Ok(moves)
}

pub(super) async fn end_wave<C: Clock>(
    conn: &mut SqliteConnection,
    shared: &Shared<C>,
    campaign: CampaignId,
) -> Done<WaveStand> {
    let there = ops::known(conn, campaign).await?;
    let Campaign { wave, wave_failed: failed, .. } = there;
    let ends = wave < there.rollout.last() && !sql::is_wave_open(conn, campaign, wave).await?;
    let over = ends.then(|| there.wave_over.unwrap_or_else(|| shared.clock.now()));
    if over != there.wave_over {
        sql::set_wave(conn, campaign, wave, over, failed.as_ref()).await?;
    }
    Ok(WaveStand { wave, over, failed })
}

pub(super) async fn judge_wave(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    wave: u32,
    judged: &Judged,
) -> Done<bool> {
    let Some(there) = standing_at(conn, campaign, wave).await? else { return Ok(false) };
    match (judged, &there.wave_failed) {
        (Judged::Failed(failure), None) => {
            sql::set_wave(conn, campaign, wave, there.wave_over, Some(failure)).await?;
        }
        (Judged::Allowed, Some(_)) => {
            sql::set_wave(conn, campaign, wave.saturating_add(1), None, None).await?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

pub(super) async fn engage<C: Clock>(
    conn: &mut SqliteConnection,
    shared: &Shared<C>,
    campaign: CampaignId,
) -> Done<()> {
    ops::known(conn, campaign).await?;
    sql::engage(conn, campaign, shared.clock.now().plus(shared.timing.engaged_for())).await
}

/// The open campaign, if it stands at this wave and nothing of the wave is open.
async fn standing_at(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
    wave: u32,
) -> Done<Option<Campaign>> {
    let there = ops::known(conn, campaign).await?;
    let stands = there.state == CampaignState::Open && there.wave == wave;
    let stands = stands && !sql::is_wave_open(conn, campaign, wave).await?;
    Ok(Some(there).filter(|_| stands))
}
