//! From a list and its order to the plan, and from the plan to its confirmation. It reads no list
//! and opens no campaign.

use super::Scan;
use crate::cli::args::ScanArgs;
use crate::cli::confirm::{Answer, confirm, within};
use crate::cli::expire;
use crate::cli::failure::Failure;
use crate::cli::listing::Listing;
use crate::cli::plan_file::{self, Fresh};
use crate::cli::plans;
use crate::cli::preflight::Preflight;
use crate::cli::say;
use crate::cli::waves::{self, Dealt};
use crate::clock::{Clock, local_now};
use crate::domain::{Campaign, CampaignId, Operation, Order};
use crate::report::plan::Plan;
use crate::store::Store;

impl Scan<'_> {
    /// Plans and has it confirmed; a new campaign's draft is dealt into its waves.
    pub(super) async fn agree<S: Store>(
        &self,
        store: &S,
        draft: CampaignId,
        order: &Order,
        listing: &Listing,
        there: Option<&Campaign>,
        preflight: &Preflight,
    ) -> Result<(Dealt, Plan), Failure> {
        let mut waves = self.waves.clone();
        let (dealt, plan) = loop {
            let dealt = match there {
                Some(there) => Dealt::of(store, there, &waves).await?,
                None => waves.deal(listing, preflight)?,
            };
            let plan = self.plan(store, order, listing, there, preflight, &dealt);
            let plan = plan.await?;
            print_plan(&plan, self.args.run.output.json)?;
            if let Err(failure) = refuse_bad_rows(self.args, listing) {
                // The report of a campaign that is open already tells what was ordered in it.
                if there.is_none() {
                    let (name, reports) = (&self.name, &self.reports);
                    reports.write_refused(store, draft, name, order, self.emulated).await?;
                }
                return Err(failure);
            }
            let held = plan_file::held(self.args, store, there).await?;
            let dealing = (&waves, &dealt);
            let fresh = Fresh { plan: &plan, order, listing, speed: &self.speed, waves: dealing };
            let approved = plan_file::settle(self.args, &fresh, held.as_ref())?;
            if let Some(there) = there {
                waves::refuse_failed(there)?;
                // It was confirmed as a whole; what is left of it must still be what is meant.
                within(plan.open, self.args.approve_max)?;
                break (dealt, plan);
            }
            if approved {
                break (dealt, plan);
            }
            match self.confirmed(&plan, &waves, order, listing.devices()).await? {
                Answer::Go => break (dealt, plan),
                Answer::Canary => waves = waves.with_canary(),
            }
        };
        if there.is_none() {
            waves.lay(store, draft, &dealt, listing).await?;
        }
        Ok((dealt, plan))
    }

    /// Asks who confirms a new campaign. What a file of a plan says is not changed by an answer.
    async fn confirmed(
        &self,
        plan: &Plan,
        waves: &waves::Wish,
        order: &Order,
        devices: u64,
    ) -> Result<Answer, Failure> {
        let filed = self.args.change.plan_out.is_some() || self.args.change.plan.is_some();
        let proposed = !filed && waves.proposes(order, devices, self.emulated);
        let headline = plan.headline();
        let asked = confirm(&headline, devices, self.args.approve_max, proposed);
        asked.await.map_err(|failure| plan_file::unconfirmed(self.args, failure))
    }

    async fn plan<S: Store>(
        &self,
        store: &S,
        order: &Order,
        listing: &Listing,
        there: Option<&Campaign>,
        preflight: &Preflight,
        dealt: &Dealt,
    ) -> Result<Plan, Failure> {
        let (speed, continues) = match there {
            Some(there) => {
                let open = store.tally(there.id).await?.open();
                (self.speed.clone().going_on_with(there), Some(open))
            }
            None => (self.speed.clone(), None),
        };
        let budget = order.target.budget(Operation::Scan);
        let usage = store.usage(&budget, plans::most_calls(&speed)).await?;
        let outlook = plans::outlook(&speed, usage, store.clock().now());
        let outlook = dealt.outlook(outlook);
        let about = plans::About {
            name: &self.name,
            place: self.place.to_string(),
            emulated: self.emulated,
            sign_in: Some(self.sign_in),
            dry_run: false,
            continues,
            preflight,
            skip_bad_rows: self.args.skip_bad_rows,
            series: self.args.due.series.is_some(),
            expire: expire::Planned::of_store(store, &order.target, &speed, there).await?,
            waves: dealt,
            warnings: {
                let all = store.campaigns().await?;
                let held = plans::held_by(&all, &self.name, &budget, &speed);
                self.place.warning().into_iter().chain(held).collect()
            },
        };
        // Reading the list can have taken a while.
        Ok(plans::plan(order, listing, &speed, &outlook, &local_now(), about))
    }
}

/// Shows the plan.
///
/// # Errors
/// `Failure` if standard output cannot be written.
pub(super) fn print_plan(plan: &Plan, json: bool) -> Result<(), Failure> {
    say::note(&plan.text());
    if json { say::data(&plan.json()) } else { Ok(()) }
}

/// Stops the plan for bad rows, unless they are to be skipped.
///
/// # Errors
/// `Failure` says how many there are.
pub(super) fn refuse_bad_rows(args: &ScanArgs, listing: &Listing) -> Result<(), Failure> {
    if listing.bad == 0 || args.skip_bad_rows {
        return Ok(());
    }
    let rows = if listing.bad == 1 { "1 row holds" } else { "rows hold" };
    let rows = if listing.bad == 1 { rows.to_owned() } else { format!("{} {rows}", listing.bad) };
    let (what, next) = match args.names {
        true => ("no device that can be told", "mend the list, or add --skip-bad-rows"),
        false => (
            "no Defender machine id",
            "mend the list, or add --skip-bad-rows to leave them out; device names are looked up \
             with --names",
        ),
    };
    Err(Failure::usage(
        "the plan is stopped; nothing was ordered",
        format!("{rows} {what}; the first are shown above"),
        next,
    ))
}
