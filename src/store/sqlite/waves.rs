//! What the verbs of turns, waves and priority do inside a transaction; the other verbs are in
//! `ops`. It holds no SQL.

use sqlx::SqliteConnection;

use super::fault::Fault;
use super::{Shared, ops, sql};
use crate::clock::Clock;
use crate::store::{CampaignId, CampaignState, Seq};

type Done<T> = std::result::Result<T, Fault>;

pub(super) async fn set_turns(
    conn: &mut SqliteConnection,
    draft: CampaignId,
    turns: &[(Seq, i64)],
) -> Done<()> {
    sql::draft_rows(conn, draft).await?.ok_or_else(ops::unknown_campaign)?;
    sql::set_turns(conn, draft, turns).await
}

pub(super) async fn lay_waves(
    conn: &mut SqliteConnection,
    draft: CampaignId,
    sizes: &[u64],
) -> Done<()> {
    sql::draft_rows(conn, draft).await?.ok_or_else(ops::unknown_campaign)?;
    sql::lay_waves(conn, draft, sizes).await
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
    let there = ops::known(conn, campaign).await?;
    let stands = there.state == CampaignState::Open && there.wave == from;
    if !stands || sql::is_wave_open(conn, campaign, from).await? {
        return Ok(false);
    }
    sql::set_wave(conn, campaign, from.saturating_add(1)).await?;
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
