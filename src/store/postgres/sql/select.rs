//! SQL of campaigns by what is asked of them, in one statement for every filter: what a filter does
//! not ask is NULL in it.

use jiff::SignedDuration;

use super::campaign::{read, select_campaigns};
use super::values::at;
use crate::domain::{Campaign, CampaignFilter};
use crate::store::columns::signed;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::session::Session;

/// The confirmed campaigns that are meant, the latest first.
pub(in super::super) async fn campaigns(
    conn: &Session,
    filter: &CampaignFilter,
) -> Result<Vec<Campaign>, Fault> {
    const SQL: &str = select_campaigns!(
        " AND (NOT $1::boolean OR c.state = 'open') \
         AND ($2::text IS NULL OR c.scan_budget = (SELECT id FROM budget WHERE api_origin = $2 \
              AND tenant = $3 AND application = $4 AND operation = $5)) \
         AND ($11::text IS NULL OR c.name = $11) \
         AND ($6::text IS NULL OR c.name >= $6 AND c.name < $7) \
         AND ($8::timestamptz IS NULL OR c.finished_at IS NULL OR c.finished_at >= $8) \
         AND ($9::timestamptz IS NULL OR c.state = 'finished' AND c.pruned_at IS NULL \
              AND c.finished_at < $9) \
         AND c.id <> ALL($12::bigint[]) \
         ORDER BY c.id DESC LIMIT $10"
    );
    let CampaignFilter {
        open,
        on_budget,
        name,
        name_begins,
        not_over_before,
        with_rows_over_before,
        but,
        latest,
    } = filter;
    let budget = on_budget.as_ref();
    let operation = budget.map(|budget| budget.operation.to_string());
    // Behind every name that begins so, and before every other one that is greater.
    let name_ends = name_begins.as_ref().map(|begin| format!("{begin}{}", char::MAX));
    // PostgreSQL keeps microseconds; which of them are meant is the filter's to say.
    let slack = SignedDuration::from_micros(1);
    let since = not_over_before.map(|moment| at(moment.saturating_sub(slack).unwrap_or(moment)));
    let before =
        with_rows_over_before.map(|moment| at(moment.saturating_add(slack).unwrap_or(moment)));
    let limit = latest.map(|latest| signed::<usize>(latest).saturating_add(1));
    let but: Vec<i64> = but.iter().map(|campaign| campaign.0).collect();
    let rows = conn
        .query(
            SQL,
            &[
                open,
                &budget.map(|budget| &budget.api_origin),
                &budget.map(|budget| &budget.tenant),
                &budget.map(|budget| &budget.application),
                &operation,
                name_begins,
                &name_ends,
                &since,
                &before,
                &limit,
                &name.as_ref().map(|name| name.as_str()),
                &but,
            ],
        )
        .await?;
    let mut all: Vec<Campaign> = rows.iter().map(read).collect::<Result<_, Fault>>()?;
    all.retain(|campaign| filter.fits(campaign));
    all.truncate(latest.unwrap_or(usize::MAX));
    Ok(all)
}
