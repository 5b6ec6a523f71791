//! What a verb takes for granted: rows that must be there, and the error where one is not.

use crate::domain::{CallId, Campaign, CampaignId, Seq, Tally};
use crate::store::StoreError;
use crate::store::tables::{CampaignChange, Device, Done, Tables};

/// A confirmed campaign.
pub(super) async fn known<T: Tables>(tables: &mut T, campaign: CampaignId) -> Done<T, Campaign> {
    tables.campaign(campaign).await?.ok_or_else(unknown_campaign)
}

/// The counts of a campaign or a draft.
pub(super) async fn tally<T: Tables>(tables: &mut T, campaign: CampaignId) -> Done<T, Tally> {
    tables.tally(campaign).await?.ok_or_else(unknown_campaign)
}

/// One row of a campaign.
pub(super) async fn row_of<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    seq: Seq,
) -> Done<T, Device> {
    tables.row(campaign, seq).await?.ok_or_else(|| broken(format!("row {seq} vanished")))
}

/// Sets one thing of a campaign that must be there.
pub(super) async fn set<T: Tables>(
    tables: &mut T,
    campaign: CampaignId,
    change: CampaignChange,
) -> Done<T, ()> {
    if tables.set(campaign, change).await? { Ok(()) } else { Err(unknown_campaign()) }
}

/// What the store holds contradicts itself.
pub(super) fn broken<F: From<StoreError>>(what: impl Into<String>) -> F {
    StoreError::Broken(what.into()).into()
}

/// There is no such campaign.
pub(super) fn unknown_campaign<F: From<StoreError>>() -> F {
    broken("a campaign vanished")
}

/// There is no such call.
pub(super) fn unknown_call<F: From<StoreError>>(call: CallId) -> F {
    broken(format!("call {} is not in the journal", call.0))
}
