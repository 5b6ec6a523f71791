//! Handing a campaign over to the workers: its process plans and asks, and a worker runs it.

use crate::clock::wall_clock;
use crate::domain::{Campaign, Exit};
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::run::begin::begun_here;
use crate::report::{Document, human, jsonl};
use crate::store::Store;

/// Hands an open campaign over. A run of it that is at work stays at work.
///
/// # Errors
/// `Failure` if the store fails.
pub(in crate::ops) async fn hand_over<S: Store>(
    cx: &Context<'_>,
    store: &S,
    campaign: &Campaign,
) -> Result<Exit, Failure> {
    let name = &campaign.name;
    let resume = cx.commands.of_campaign(&format!("resume {name}"));
    let run = begun_here(cx, store, wall_clock())?.handed_over(resume);
    store.note_run(campaign.id, run).await?;
    cx.channels.run_began();
    cx.ui.show(&HandedOver {
        campaign: name.to_string(),
        lifts: campaign.paused.then(|| cx.commands.of_campaign(&format!("resume {name}"))),
        open: store.tally(campaign.id).await?.open(),
        status: cx.commands.of_store(&format!("status {name} --watch")),
    })?;
    Ok(Exit::Done)
}

/// A campaign that waits for a worker.
struct HandedOver {
    campaign: String,
    /// Devices that are still to be ordered.
    open: u64,
    /// The command that lifts its pause, if it is paused.
    lifts: Option<String>,
    /// The command that tells how far it is.
    status: String,
}

impl Document for HandedOver {
    fn text(&self) -> String {
        let Self { campaign, lifts, open, status } = self;
        let open = human::counted(*open, "device");
        let what = match lifts {
            Some(lifts) => format!(
                "{campaign} is paused, and stays so: a worker (`fleetsweep work`) orders its \
                 {open} once `{lifts}` has lifted that"
            ),
            None => format!(
                "{campaign} is handed over: a worker (`fleetsweep work`) orders its {open}; until \
                 one does, nothing is ordered"
            ),
        };
        human::wrapped(&format!("{what}. To watch it: `{status}`"), 2)
    }

    fn json(&self) -> String {
        let Self { campaign, open, .. } = self;
        jsonl::line(&serde_json::json!({
            "v": 1, "type": "handed_over", "campaign": campaign, "open": open,
        }))
    }
}
