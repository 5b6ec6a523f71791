//! `pause`: holds a campaign from any terminal. It writes one word into the store, which every
//! runner asks before each order; `resume` takes it back.

use super::context::Context;
use super::failure::Failure;
use super::happenings::note;
use crate::domain::request::{ConnectRequest, PauseRequest, Said};
use crate::domain::{Campaign, Exit, Happened, SeriesName, Timing};
use crate::ops::campaigns::{Meant, open_campaign};
use crate::ops::stores::{self, Place};
use crate::report::human;
use crate::store::Store;

/// Pauses a campaign.
///
/// # Errors
/// `Failure` of its kind.
pub async fn pause(
    cx: &Context<'_>,
    request: PauseRequest,
    settings: ConnectRequest,
) -> Result<Exit, Failure> {
    let place = Place::durable(cx.store)?;
    let campaign = {
        let store = stores::open_to_go_on(&place).await?;
        let whose = request.whose.or(settings);
        let meant = Meant { name: request.campaign.as_ref(), whose, reads: false };
        let campaign = open_campaign(cx, &store, &meant).await?;
        store.close().await?;
        campaign
    };
    let store =
        stores::open(&place, Timing::default(), Some((&campaign.name, cx.commands))).await?;
    let held = hold(cx, &store, &campaign).await;
    stores::close(&store, held.map(|()| Exit::Done)).await
}

/// Holds an open campaign, and says so.
///
/// # Errors
/// `Failure` if the store fails.
pub(super) async fn hold<S: Store>(
    cx: &Context<'_>,
    store: &S,
    campaign: &Campaign,
) -> Result<(), Failure> {
    store.set_paused(campaign.id, true).await?;
    note(cx, store, campaign.id, Happened::Paused).await;
    let tally = store.tally(campaign.id).await?;
    let open = human::counted(tally.open(), "device");
    let series = SeriesName::of(&campaign.name);
    let series = series.map(|series| {
        format!(" No run of the series {series} begins until it goes on or is cancelled.")
    });
    cx.ui.say(&format!(
        "{} is paused: {open} open, and no more orders leave; calls in flight finish.{} To go \
         on: {}",
        campaign.name,
        series.unwrap_or_default(),
        cx.commands.going_on(&campaign.name)
    ));
    Ok(())
}
