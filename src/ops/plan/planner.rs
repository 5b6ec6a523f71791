//! What a scan is planned with, whether it is a dry run or the real one: what is known before the
//! first call, the list, and the plan that is shown. It opens no campaign.

use std::fs::File;
use std::sync::Arc;

use super::forecast::{self, About, Expiry, outlook};
use super::listing::Listing;
use super::naming::scan_type;
use super::source::{self, wish};
use crate::clock::local_now;
use crate::defender::Inventory;
use crate::domain::preflight::Rules;
use crate::domain::request::ScanRequest;
use crate::domain::{Campaign, CampaignId, CampaignName, Operation, Order, SignInKind, Target};
use crate::ops::campaigns::beside;
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::kept::GoingOn;
use crate::ops::limits::Speed;
use crate::ops::plan_file::fresh::Fresh;
use crate::ops::plan_file::made::Made;
use crate::ops::preflight::earlier::Question;
use crate::ops::preflight::judge::Preflight;
use crate::ops::preflight::tenant;
use crate::ops::stores::Place;
use crate::ops::waves::deal::{Dealt, Wish};
use crate::report::plan::Plan;
use crate::store::Store;

/// A scan that is planned.
pub(in crate::ops) struct Planner<'a> {
    /// What surrounds it.
    pub cx: &'a Context<'a>,
    /// What is asked for.
    pub request: &'a ScanRequest,
    /// The plan that was made before, if it is to be run.
    pub made: Option<&'a Made>,
    /// Where the scans are ordered.
    pub target: Target,
    /// It runs against the embedded emulator.
    pub emulated: bool,
    /// How a run signs in, if anything says how.
    pub sign_in: Option<SignInKind>,
    /// Limits, pace and times.
    pub speed: Speed,
    /// The campaign's name.
    pub name: CampaignName,
    /// Where its store is, if it has one.
    pub place: Option<&'a Place>,
    /// What is done with which group.
    pub rules: Rules,
    /// Its waves.
    pub wish: Wish,
    /// What people should know before.
    pub warnings: Vec<String>,
    /// How the campaign is run that is open already, if it is and that was kept.
    pub going_on: Option<GoingOn>,
}

/// What was read, and what is known of it.
pub(in crate::ops) struct Read {
    /// The list.
    pub listing: Listing,
    /// What is known of its devices.
    pub preflight: Arc<Preflight>,
}

impl Planner<'_> {
    /// What is known before the first call without asking the tenant; `why` says what keeps it from
    /// being asked.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read.
    pub(in crate::ops) async fn offline<S: Store>(
        &self,
        store: Option<&S>,
        why: Option<&str>,
    ) -> Result<Preflight, Failure> {
        let mut preflight = Preflight::offline(self.rules, local_now().timestamp(), why);
        let Some(earlier) = Question::of(self.request, &self.target, self.emulated) else {
            return Ok(preflight);
        };
        match store {
            Some(store) => earlier.offline(store, why, &mut preflight).await?,
            None => earlier.without_store(why.unwrap_or_default(), &mut preflight),
        }
        Ok(preflight)
    }

    /// What is known before the first call, by the tenant too.
    ///
    /// # Errors
    /// `Failure` if the store fails, or if the inventory is needed and cannot be read.
    pub(in crate::ops) async fn online<S: Store, A: Inventory>(
        &self,
        store: &S,
        api: &A,
    ) -> Result<Preflight, Failure> {
        let wish = wish(self.request, &self.target, self.emulated);
        let Self { cx, target, speed, rules, .. } = self;
        tenant::ask(cx.ui, store, api, target, speed, *rules, &wish).await
    }

    /// Why the tenant is not asked about the devices where nothing else keeps it from being asked.
    pub(in crate::ops) fn why_not_asked(&self) -> &'static str {
        match self.made {
            Some(_) => "the plan was made without them",
            None => "--no-check is given",
        }
    }

    /// Reads the list, writing its rows to the draft if there is one.
    ///
    /// # Errors
    /// `Failure` if the list is refused, or if the store fails.
    pub(in crate::ops) async fn read<S: Store>(
        &self,
        kept: Option<File>,
        mut preflight: Preflight,
        draft: Option<(&S, CampaignId)>,
    ) -> Result<Read, Failure> {
        preflight.marks = self.wish.marks();
        preflight.tenant = self.target.tenant.parse().ok();
        let preflight = Arc::new(preflight);
        let listing = source::read(self.request, kept, &preflight, draft).await?;
        Ok(Read { listing, preflight })
    }

    /// What would be ordered.
    ///
    /// # Errors
    /// `Failure` if nothing says the type of the scan.
    pub(in crate::ops) fn order(&self, listing: &Listing) -> Result<Order, Failure> {
        Ok(Order {
            target: self.target.clone(),
            scan_type: scan_type(self.request)?,
            comment: self.request.comment.as_deref().unwrap_or_default().trim().to_owned(),
            ticket: self.request.ticket.clone(),
            ids_hash: listing.hash(),
        })
    }

    /// The plan, by what the store says of the limits, if there is one.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read.
    pub(in crate::ops) async fn plan<S: Store>(
        &self,
        store: Option<&S>,
        read: &Read,
        order: &Order,
        there: Option<&Campaign>,
        dealt: &Dealt,
    ) -> Result<Plan, Failure> {
        let speed = match there {
            Some(there) if self.going_on.is_none() => self.speed.clone().going_on_with(there),
            _ => self.speed.clone(),
        };
        let budget = order.target.budget(Operation::Scan);
        let (continues, others) = match store {
            Some(store) => {
                let open = match there {
                    Some(there) => Some(store.tally(there.id).await?.open()),
                    None => None,
                };
                (open, beside(store, &budget, &self.name).await?)
            }
            None => (None, Vec::new()),
        };
        let (usage, now) = forecast::usage(store, &speed, &budget).await?;
        let outlook = dealt.outlook(outlook(&speed, usage, now));
        let held = forecast::held_by(self.cx, &others, &self.name, &budget, &speed);
        // A series has the same list night after night, and sees to its last run itself.
        let again = match (store, there) {
            (Some(store), None) if self.request.due.series.is_none() => {
                forecast::same_list(self.cx, store, order, local_now().timestamp()).await?
            }
            _ => Vec::new(),
        };
        let changes = self.going_on.as_ref().map(GoingOn::changes).unwrap_or_default();
        let changed = changes.into_iter().map(|change| format!("changed from now on: {change}"));
        let other_store = self.place.and_then(Place::warning);
        let about = About {
            name: &self.name,
            place: self.place.map_or_else(|| "none".to_owned(), ToString::to_string),
            emulated: self.emulated,
            sign_in: self.sign_in,
            dry_run: self.request.dry_run,
            continues,
            preflight: &read.preflight,
            skip_bad_rows: self.request.skip_bad_rows,
            series: self.request.due.series.is_some(),
            expire: Expiry::of(store, &order.target, &speed, there).await?,
            waves: dealt,
            warnings: self
                .warnings
                .iter()
                .cloned()
                .chain(other_store)
                .chain(changed)
                .chain(again)
                .chain(held)
                .collect(),
        };
        // Reading the list, and the inventory before it, can have taken a while.
        Ok(forecast::plan(order, &read.listing, &speed, &outlook, &local_now(), about))
    }

    /// What would be ordered, to be compared with a plan that was made before, or written as one.
    pub(in crate::ops) fn fresh<'a>(
        &'a self,
        plan: &'a Plan,
        order: &'a Order,
        read: &'a Read,
        wish: &'a Wish,
        dealt: &'a Dealt,
    ) -> Fresh<'a> {
        let Self { request, speed, .. } = self;
        Fresh { request, plan, order, listing: &read.listing, speed, wish, dealt }
    }

    /// Stops the plan for bad rows, unless they are to be skipped.
    ///
    /// # Errors
    /// `Failure` says how many there are.
    pub(in crate::ops) fn refuse_bad_rows(&self, listing: &Listing) -> Result<(), Failure> {
        if listing.bad == 0 || self.request.skip_bad_rows {
            return Ok(());
        }
        let rows = if listing.bad == 1 {
            "1 row holds".to_owned()
        } else {
            format!("{} rows hold", listing.bad)
        };
        let (what, next) = if self.request.names {
            ("no device that can be told", "mend the list, or add --skip-bad-rows")
        } else {
            (
                "no Defender machine id",
                "mend the list, or add --skip-bad-rows to leave them out; device names are looked \
                 up with --names",
            )
        };
        Err(Failure::usage(
            "the plan is stopped; nothing was ordered",
            format!("{rows} {what}; the first are shown above"),
            next,
        ))
    }
}
