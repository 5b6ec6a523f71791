//! Rows of a campaign, read and written in parts, so that memory does not grow with the list.

use crate::domain::cancel::Standing;
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

/// What a list showed of the actions that rows ordered, and that is not written yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SeenActions {
    /// How far they are.
    seen: Vec<(Seq, Action)>,
    /// Those that this program cancelled and could not write down. Among the others they would pass
    /// for cancelled by somebody else.
    cancelled: Vec<Cancellation>,
}

impl SeenActions {
    /// Takes in an action that stands so.
    pub(super) fn take(&mut self, seq: Seq, action: Action, standing: Option<Standing>) {
        match standing {
            Some(Standing::Cancelled(cause)) => {
                self.cancelled.push(Cancellation { seq, action, cause });
            }
            _ => self.seen.push((seq, action)),
        }
    }

    /// Writes all of it.
    pub(super) async fn write<S: Store>(&self, store: &S, campaign: CampaignId) -> Result<()> {
        for part in self.seen.chunks(ROWS) {
            store.note_actions(campaign, part.to_vec()).await?;
        }
        note_cancelled(store, campaign, &self.cancelled).await
    }
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
