//! Finding the campaign that a command is about: by its name, or the only one that fits.

use super::context::Context;
use super::failure::Failure;
use super::stores::{self, Place};
use crate::domain::{
    Begun, BudgetKey, Campaign, CampaignFilter, CampaignName, CampaignState, Exit,
};
use crate::store::{Store, StoreError};

/// The campaign of this name, or the only one that is open.
///
/// # Errors
/// `Failure` if there is none, or if several fit; it lists them.
pub(super) async fn open_campaign<S: Store>(
    cx: &Context<'_>,
    store: &S,
    name: Option<&CampaignName>,
) -> Result<Campaign, Failure> {
    let campaign = match name {
        Some(name) => named(cx, store, name).await?,
        None => {
            let open = store.select(&CampaignFilter::open()).await?;
            let next = format!("`{}` lists all campaigns", cx.commands.of_store("status"));
            only(open, "open campaign", &next)?
        }
    };
    if campaign.state == CampaignState::Finished {
        let name = &campaign.name;
        return Err(Failure::new(
            Exit::Refused,
            format!("campaign {name} is finished"),
            "every row has its outcome, so there is nothing to go on with",
            format!(
                "see `{}`; a new `scan` asks again",
                cx.commands.of_store(&format!("report {name}"))
            ),
        ));
    }
    Ok(campaign)
}

/// The campaign of this name, or the only one that there is, with its rows.
///
/// # Errors
/// `Failure` if there is none, or if several fit, which it lists, or if its rows were pruned.
pub(super) async fn any_campaign<S: Store>(
    cx: &Context<'_>,
    store: &S,
    name: Option<&CampaignName>,
) -> Result<Campaign, Failure> {
    let campaign = match name {
        Some(name) => named(cx, store, name).await?,
        None => only(store.campaigns().await?, "campaign", "start one with `fleetsweep scan`")?,
    };
    match campaign.pruned_at {
        Some(at) => Err(StoreError::Gone { name: campaign.name, at }.into()),
        None => Ok(campaign),
    }
}

/// A campaign, and what it was begun with, if that was kept.
pub(super) struct Found {
    /// The campaign.
    pub campaign: Campaign,
    /// What it was begun with.
    pub begun: Option<Begun>,
}

/// The campaign of this name, or the only one, in a store that is opened for that alone and let go
/// of again: a command that will write opens it anew, and makes none where there is none.
///
/// # Errors
/// As `any_campaign`, or if the store cannot be read.
pub(super) async fn any_campaign_in(
    cx: &Context<'_>,
    place: &Place,
    name: Option<&CampaignName>,
) -> Result<Found, Failure> {
    let store = stores::open_to_go_on(place).await?;
    let campaign = any_campaign(cx, &store, name).await?;
    let begun = store.begun(campaign.id).await?;
    store.close().await?;
    Ok(Found { campaign, begun })
}

/// The campaigns that one of this name meets: the open ones on its budget, and its own.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(super) async fn beside<S: Store>(
    store: &S,
    budget: &BudgetKey,
    name: &CampaignName,
) -> Result<Vec<Campaign>, Failure> {
    let mut all = store.select(&CampaignFilter::open_on(budget)).await?;
    if let Some(own) = store.find(name).await?
        && all.iter().all(|one| one.id != own.id)
    {
        all.push(own);
    }
    Ok(all)
}

/// The campaign of this name.
///
/// # Errors
/// `Failure` if there is none.
pub(super) async fn named<S: Store>(
    cx: &Context<'_>,
    store: &S,
    name: &CampaignName,
) -> Result<Campaign, Failure> {
    store.find(name).await?.ok_or_else(|| {
        Failure::usage(
            format!("there is no campaign {name}"),
            format!("the store at {} does not know it", store.place()),
            format!(
                "`{}` lists the campaigns; another store is named with --store",
                cx.commands.of_store("status")
            ),
        )
    })
}

fn only(mut fit: Vec<Campaign>, what: &str, if_none: &str) -> Result<Campaign, Failure> {
    if fit.len() > 1 {
        let names: Vec<String> = fit.iter().map(|one| one.name.to_string()).collect();
        return Err(Failure::usage(
            format!("there are {} {what}s", fit.len()),
            format!("no name is given, and these fit: {}", names.join(", ")),
            "name one of them",
        ));
    }
    fit.pop().ok_or_else(|| {
        Failure::usage(format!("there is no {what}"), "the store holds none", if_none)
    })
}
