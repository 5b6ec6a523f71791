//! Telling where campaigns stand: how far, how fast, until when. It only reads, also while a runner
//! writes, or is dead.

mod budgets;
mod doing;
mod standing;
mod words;

use super::campaigns::named;
use super::context::Context;
use super::coverage::coverage;
use super::failure::Failure;
use super::stores::{self, Place};
use crate::domain::request::{ConnectRequest, Said, StatusRequest};
use crate::domain::{CampaignFilter, Exit};
use crate::report::Document;
use crate::store::Store;
use budgets::Budgets;
use standing::CampaignStatus;

/// Tells where campaigns stand.
///
/// # Errors
/// `Failure` of its kind.
pub async fn status(
    cx: &Context<'_>,
    request: StatusRequest,
    settings: ConnectRequest,
) -> Result<Exit, Failure> {
    let place = Place::durable(cx.store)?;
    let store = stores::open_to_read(&place).await?;
    if let Some(warning) = place.warning() {
        cx.say(&format!("Warning: {warning}"));
    }
    if request.coverage {
        coverage(cx, request.series.as_ref(), &store).await?;
        return Ok(Exit::Done);
    }
    let mut campaigns = match (&request.campaign, &request.series) {
        (Some(name), _) => {
            let whose = request.whose.clone().or(settings);
            vec![named(cx, &store, name, &whose).await?]
        }
        (None, Some(series)) => store.select(&CampaignFilter::default().of_series(series)).await?,
        (None, None) => store.campaigns().await?,
    };
    campaigns.retain(|one| request.series.as_ref().is_none_or(|series| series.has(&one.name)));
    if campaigns.is_empty() {
        cx.ui.show(&Nothing { store: store.place() })?;
    }
    let mut budgets = Budgets::default();
    for campaign in campaigns {
        let standing = CampaignStatus::read(&store, campaign, &mut budgets).await?;
        let standing = match request.campaign {
            Some(_) => standing.with_happenings(&store).await?,
            None => standing,
        };
        cx.ui.show(&standing)?;
    }
    Ok(Exit::Done)
}

/// There is no campaign to tell of, which programs see by themselves.
struct Nothing {
    store: String,
}

impl Document for Nothing {
    fn text(&self) -> String {
        format!("No campaigns in {}.", self.store)
    }

    fn json(&self) -> String {
        String::new()
    }
}
