//! The devices of a campaign, a page at a time, by what was asked for; one of them; and all of them
//! as a file for spreadsheets.

use std::sync::Arc;

use axum::body::Bytes;
use futures_util::stream::{Stream, try_unfold};
use jiff::ZonedDateTime;

use crate::domain::{Campaign, CampaignId, Rest, Row, RowFilter, Seq, Stands, Tally};
use crate::ops::failure::Failure;
use crate::ops::run::reports::head_of;
use crate::page::query::Query;
use crate::page::shared::Shared;
use crate::report::{ReportHead, csv};
use crate::store::{Store, StoreError};

/// Devices of one page.
const A_PAGE: usize = 100;
/// Rows of a file that are held at once.
const A_PIECE: usize = 1_000;

/// What was asked for of a campaign that was ended so.
pub(in crate::page) fn filter(query: &Query, rest: Rest) -> RowFilter {
    let stands = query.get("outcome").and_then(Stands::named);
    RowFilter {
        stands: stands.map(|stands| match stands {
            Stands::Attention(_) => Stands::Attention(rest),
            stands => stands,
        }),
        code: query.get("code").map(str::to_owned),
        text: query.get("q").map(str::to_owned),
    }
}

/// Devices of a campaign.
pub(in crate::page) struct DevicesView {
    pub(in crate::page) campaign: Campaign,
    pub(in crate::page) head: ReportHead,
    pub(in crate::page) tally: Tally,
    pub(in crate::page) filter: RowFilter,
    pub(in crate::page) rows: Vec<Row>,
    /// They begin behind this one.
    pub(in crate::page) after: Seq,
    /// There are more behind them.
    pub(in crate::page) more: bool,
    pub(in crate::page) now: ZonedDateTime,
}

impl DevicesView {
    /// Reads a page.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read, or if the rows were pruned.
    pub(in crate::page) async fn read<S: Store>(
        store: &S,
        campaign: Campaign,
        query: &Query,
        now: ZonedDateTime,
    ) -> Result<Self, Failure> {
        let head = head_of(store, &campaign).await?;
        let filter = filter(query, head.rest());
        let after = query.get("after").and_then(|seq| seq.parse().ok()).unwrap_or(0).max(0);
        let tally = store.tally(campaign.id).await?;
        let mut rows = match known(&filter, &tally) {
            Some(0) => Vec::new(),
            _ => store.matching(campaign.id, &filter, after, A_PAGE + 1).await?,
        };
        let more = rows.len() > A_PAGE;
        rows.truncate(A_PAGE);
        Ok(Self { head, campaign, tally, filter, rows, after, more, now })
    }

    /// How many rows are meant, if the counts of the campaign tell that.
    pub(in crate::page) fn matching(&self) -> Option<u64> {
        known(&self.filter, &self.tally)
    }
}

fn known(filter: &RowFilter, tally: &Tally) -> Option<u64> {
    if filter.code.is_some() || filter.text.is_some() {
        return None;
    }
    let Some(stands) = filter.stands else { return Some(tally.rows()) };
    Some(match stands {
        Stands::Open => tally.open(),
        Stands::Waiting => tally.queued + tally.draft,
        Stands::Sent => tally.claimed,
        Stands::NotKnown => tally.doubtful,
        Stands::Ended(outcome) => tally.of(outcome),
        Stands::Attention(rest) => tally.attention(rest),
    })
}

/// One device of a campaign.
pub(in crate::page) struct DeviceView {
    pub(in crate::page) campaign: Campaign,
    pub(in crate::page) head: ReportHead,
    pub(in crate::page) row: Row,
    pub(in crate::page) now: ZonedDateTime,
}

impl DeviceView {
    /// Reads it. Returns `None` if the campaign has no such row.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read, or if the rows were pruned.
    pub(in crate::page) async fn read<S: Store>(
        store: &S,
        campaign: Campaign,
        seq: Seq,
        now: ZonedDateTime,
    ) -> Result<Option<Self>, Failure> {
        let before = seq.checked_sub(1).filter(|before| *before >= 0);
        let Some(before) = before else { return Ok(None) };
        let row = store.rows(campaign.id, before, 1).await?.pop();
        let head = head_of(store, &campaign).await?;
        Ok(row.filter(|row| row.seq == seq).map(|row| Self { campaign, head, row, now }))
    }
}

/// All rows that are meant as a file, in pieces.
pub(in crate::page) fn rows_as_csv<S: Store>(
    shared: Arc<Shared<S>>,
    campaign: &Campaign,
    head: ReportHead,
    filter: RowFilter,
) -> impl Stream<Item = Result<Bytes, StoreError>> + Send + use<S> {
    let file = File { shared, campaign: campaign.id, head, filter };
    try_unfold((file, None), |(file, after)| async move {
        let (piece, last) = match after {
            None => (csv::header(), Some(0)),
            Some(after) => file.piece(after).await?,
        };
        Ok(last.map(|last| (Bytes::from(piece), (file, Some(last)))))
    })
}

/// What a file is made of.
struct File<S> {
    shared: Arc<Shared<S>>,
    campaign: CampaignId,
    head: ReportHead,
    filter: RowFilter,
}

impl<S: Store> File<S> {
    /// The rows behind this one, and the last of them. Returns `None` for it at the end.
    async fn piece(&self, after: Seq) -> Result<(Vec<u8>, Option<Seq>), StoreError> {
        let Self { shared, campaign, head, filter } = self;
        let rows = shared.store.matching(*campaign, filter, after, A_PIECE).await?;
        Ok((csv::lines(&rows, head), rows.last().map(|row| row.seq)))
    }
}
