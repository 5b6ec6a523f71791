//! `pause`: holds a campaign from any terminal. It writes one word into the store, which every
//! runner asks before each order; `resume` takes it back.

use super::args::PauseArgs;
use super::failure::Failure;
use super::find::open_campaign;
use super::say;
use super::stores::{self, Place};
use crate::domain::Timing;
use crate::report::human;
use crate::store::Store;

/// Runs `pause` and returns the exit code.
///
/// # Errors
/// `Failure` with its exit code.
pub(super) async fn pause(args: PauseArgs) -> Result<u8, Failure> {
    let place = Place::durable(args.store.as_ref())?;
    let campaign = {
        let store = stores::open_to_read(&place).await?;
        let campaign = open_campaign(&store, args.campaign.as_ref()).await?;
        store.close().await?;
        campaign
    };
    let store = stores::open(&place, Timing::default(), Some(&campaign.name)).await?;
    let told = async {
        store.set_paused(campaign.id, true).await?;
        let tally = store.tally(campaign.id).await?;
        let open = human::counted(tally.open(), "device");
        say::note(&format!(
            "{} is paused: {open} open, and no more orders leave; calls in flight finish. To go \
             on: fleetsweep resume {}",
            campaign.name, campaign.name
        ));
        Ok(0)
    };
    let told = told.await;
    stores::close(&store, told).await
}
