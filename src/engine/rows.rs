//! Rows of a campaign, read and written in parts, so that memory does not grow with the list.

use crate::domain::{Action, CampaignId, Cancellation, Row, Seq};
use crate::store::{Result, Store};

/// Rows that are read or written together.
const ROWS: usize = 1_000;

/// Hands over every row whose device was asked at least once, in input order.
pub(super) async fn each_asked<S: Store>(
    store: &S,
    campaign: CampaignId,
    mut take: impl FnMut(Row),
) -> Result<()> {
    let mut after = 0;
    loop {
        let rows = store.asked(campaign, after, ROWS).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.seq;
        rows.into_iter().for_each(&mut take);
    }
}

/// Writes what a list showed of ordered actions.
pub(super) async fn note_actions<S: Store>(
    store: &S,
    campaign: CampaignId,
    seen: &[(Seq, Action)],
) -> Result<()> {
    for part in seen.chunks(ROWS) {
        store.note_actions(campaign, part.to_vec()).await?;
    }
    Ok(())
}

/// Writes which actions this program cancelled.
pub(super) async fn note_cancelled<S: Store>(
    store: &S,
    campaign: CampaignId,
    cancelled: &[Cancellation],
) -> Result<()> {
    for part in cancelled.chunks(ROWS) {
        store.note_cancelled(campaign, part.to_vec()).await?;
    }
    Ok(())
}
