//! What calling a campaign off and cancelling its actions do inside the writer's transaction. It
//! holds no SQL and no rule.

use sqlx::SqliteConnection;

use super::Shared;
use super::fault::{Fault, broken};
use super::ops::{change, finish, known, row_of, tally};
use super::sql;
use crate::clock::Clock;
use crate::domain::lifecycle::{self, LifeEvent};
use crate::domain::settle;
use crate::domain::{CalledOff, CampaignId, Cancellation};

type Done<T> = std::result::Result<T, Fault>;

pub(super) async fn call_off<C: Clock>(
    conn: &mut SqliteConnection,
    shared: &Shared<C>,
    campaign: CampaignId,
) -> Done<CalledOff> {
    sql::set_called_off(conn, campaign).await?;
    let ended = end_waiting(conn, shared, campaign).await?;
    let finished = finish(conn, shared, campaign).await?;
    Ok(CalledOff { ended, open: tally(conn, campaign).await?.open(), finished })
}

/// Ends every device of a campaign that was called off and that waits; how many.
pub(super) async fn end_waiting<C>(
    conn: &mut SqliteConnection,
    shared: &Shared<C>,
    campaign: CampaignId,
) -> Done<u64> {
    let busy = known(conn, campaign).await?.busy;
    let (mut last, mut all) = (0, 0);
    loop {
        let waiting = sql::waiting(conn, campaign, last).await?;
        let Some(row) = waiting.last() else { return Ok(all) };
        last = row.seq;
        let mut ended = Vec::with_capacity(waiting.len());
        for row in waiting {
            let after = lifecycle::next(row.life, LifeEvent::CalledOff, busy, &shared.timing)
                .map_err(|illegal| broken(illegal.to_string()))?;
            let mut detail = row.detail.clone();
            settle::note_called_off(&mut detail, after.state);
            ended.push((row, after, detail));
        }
        all += ended.len() as u64;
        sql::end_waiting(conn, campaign, &ended).await?;
    }
}

pub(super) async fn note_cancelled<C: Clock>(
    conn: &mut SqliteConnection,
    shared: &Shared<C>,
    campaign: CampaignId,
    cancelled: &[Cancellation],
) -> Done<u64> {
    let busy = known(conn, campaign).await?.busy;
    let (utc, mut noted) = (shared.clock.utc(), 0);
    for Cancellation { seq, action, cause } in cancelled {
        let row = row_of(conn, campaign, *seq).await?;
        let mut detail = row.detail.clone();
        let after = lifecycle::next(row.life, LifeEvent::Cancelled, busy, &shared.timing);
        if let Ok(after) = after
            && settle::note_cancelled(&mut detail, action, *cause, utc)
        {
            change(conn, campaign, &row, after, Some(&detail)).await?;
            noted += 1;
        }
    }
    Ok(noted)
}
