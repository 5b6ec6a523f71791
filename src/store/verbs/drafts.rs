//! Drafts, and how one becomes a campaign or goes on with one that is there.

use super::known::{known, unknown_campaign};
use crate::domain::{CampaignFilter, CampaignId, NewRow, Opened, Opening, Operation, Quota, Seq};
use crate::store::tables::{CampaignBudgets, Done, Tables};

pub(super) async fn append<T: Tables>(
    tables: &mut T,
    draft: CampaignId,
    rows: &[NewRow],
) -> Done<T, ()> {
    let there = tables.draft_rows(draft).await?.ok_or_else(unknown_campaign)?;
    tables.append(draft, there, rows).await
}

pub(super) async fn lay_waves<T: Tables>(
    tables: &mut T,
    draft: CampaignId,
    chosen: &[Seq],
    sizes: &[u64],
) -> Done<T, ()> {
    tables.draft_rows(draft).await?.ok_or_else(unknown_campaign)?;
    tables.lay_waves(draft, chosen, sizes).await
}

pub(super) async fn open<T: Tables>(
    tables: &mut T,
    draft: CampaignId,
    opening: &Opening,
) -> Done<T, Opened> {
    let target = &opening.order.target;
    let budget = target.budget(Operation::Scan);
    let same = CampaignFilter::named_on(&opening.name, &budget);
    if let Some(there) = tables.campaigns(&same).await?.pop() {
        tables.delete_draft(draft).await?;
        return Ok(there.meets(opening));
    }
    tables.draft_rows(draft).await?.ok_or_else(unknown_campaign)?;
    let budgets = CampaignBudgets {
        scan: tables.budget_id(&budget).await?,
        read: tables.budget_id(&target.budget(Operation::Read)).await?,
    };
    tables.confirm(draft, opening, budgets).await?;
    tables.set_quotas(draft, &opening.quotas).await?;
    tables.set_begun(draft, &opening.begun).await?;
    tables.note_happening(draft, &opening.happening(tables.utc())).await?;
    tables.queue_drafts(draft).await?;
    Ok(Opened::New(draft))
}

pub(super) async fn join<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    quotas: &[Quota],
) -> Done<T, ()> {
    known(tables, campaign).await?;
    tables.set_quotas(campaign, quotas).await
}
