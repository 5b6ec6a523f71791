//! What a scan is planned with, whether it is a dry run or the real one: what is known before the
//! first call, the list, and the plan that is shown. It opens no campaign.

use std::fs::File;
use std::sync::Arc;

use super::listing::Listing;
use super::naming::scan_type;
use super::source::{self, wish};
use crate::clock::local_now;
use crate::defender::Inventory;
use crate::domain::campaign::hash_of_ids;
use crate::domain::preflight::Rules;
use crate::domain::request::ScanRequest;
use crate::domain::service::is_domain;
use crate::domain::{Campaign, CampaignId, CampaignName, OnlyOf, Order};
use crate::ops::context::Context;
use crate::ops::destination::Planned;
use crate::ops::failure::Failure;
use crate::ops::kept::GoingOn;
use crate::ops::limits::Speed;
use crate::ops::plan_file::made::Made;
use crate::ops::preflight::earlier::Question;
use crate::ops::preflight::judge::Preflight;
use crate::ops::preflight::tenant::Asking;
use crate::ops::stores::Place;
use crate::ops::waves::deal::{WavesAssigned, WavesWanted};
use crate::report::human::count;
use crate::store::Store;

/// A scan that is planned.
pub(crate) struct Planner<'a> {
    /// What surrounds it.
    pub cx: &'a Context<'a>,
    /// What is asked for.
    pub request: &'a ScanRequest,
    /// The plan that was made before, if it is to be run.
    pub made: Option<&'a Made>,
    /// Where the scans are ordered.
    pub planned: Planned,
    /// Limits, pace and times.
    pub speed: Speed,
    /// The campaign's name.
    pub name: CampaignName,
    /// Where its store is, if it has one.
    pub place: Option<&'a Place>,
    /// What is done with which group.
    pub rules: Rules,
    /// Its waves.
    pub wish: WavesWanted,
    /// How the campaign is run that is open already, if it is and that was kept.
    pub going_on: Option<GoingOn>,
}

/// What was read, and what is known of it.
pub(crate) struct Read {
    /// The list.
    pub listing: Listing,
    /// What is known of its devices.
    pub preflight: Arc<Preflight>,
    /// What would be ordered.
    pub order: Order,
}

/// What would be ordered, before anybody confirmed it.
pub(crate) struct Proposal<'a> {
    /// What it was planned with.
    pub planner: &'a Planner<'a>,
    /// What was read.
    pub read: &'a Read,
    /// The campaign, if it is open already.
    pub there: Option<&'a Campaign>,
    /// Which waves are wished for.
    pub wish: &'a WavesWanted,
    /// How the list was dealt into them.
    pub dealt: &'a WavesAssigned,
}

impl Planner<'_> {
    /// What is known before the first call without asking the tenant; `why` says what keeps it from
    /// being asked.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read.
    pub(crate) async fn offline<S: Store>(
        &self,
        store: Option<&S>,
        why: Option<&str>,
    ) -> Result<Preflight, Failure> {
        let mut preflight = Preflight::offline(self.rules, local_now().timestamp(), why);
        let Some(earlier) = Question::of(self.request, &self.planned) else {
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
    pub(crate) async fn online<S: Store, A: Inventory>(
        &self,
        store: &S,
        api: &A,
    ) -> Result<Preflight, Failure> {
        let Self { cx, request, planned, speed, rules, .. } = self;
        let asking = Asking { ui: cx.ui, store, api, planned, speed, rules: *rules };
        asking.ask(&wish(request, planned)).await
    }

    /// Why the tenant is not asked about the devices where nothing else keeps it from being asked.
    pub(crate) fn why_not_asked(&self) -> &'static str {
        match self.made {
            Some(_) => "the plan was made without them",
            None => "--no-check is given",
        }
    }

    /// Reads the list, writing its rows to the draft if there is one.
    ///
    /// # Errors
    /// `Failure` if the list is refused, if the store fails, or if nothing says the type of the
    /// scan.
    pub(crate) async fn read<S: Store>(
        &self,
        kept: Option<File>,
        mut preflight: Preflight,
        draft: Option<(&S, CampaignId)>,
    ) -> Result<Read, Failure> {
        preflight.marks = self.wish.marks();
        let tenant = self.planned.target.tenant.parse().ok();
        preflight.own = OnlyOf { tenant, names: self.called() };
        let preflight = Arc::new(preflight);
        let listing = source::read(self.request, kept, &preflight, draft).await?;
        let order = Order {
            target: self.planned.target.clone(),
            scan_type: scan_type(self.request)?,
            comment: self.request.comment.as_deref().unwrap_or_default().trim().to_owned(),
            ticket: self.request.ticket.clone(),
            ids_hash: hash_of_ids(listing.ids.iter().copied()),
        };
        Ok(Read { listing, preflight, order })
    }

    /// What the tenant is called: by its profile, and by its domain if that is how it was given.
    fn called(&self) -> Vec<String> {
        let connect = &self.request.run.connect;
        let domain = connect.tenant.as_ref().filter(|said| is_domain(said));
        if self.planned.emulated {
            return Vec::new();
        }
        connect.profile.iter().chain(domain).cloned().collect()
    }

    /// Stops the plan for bad rows, and for a list that lacks some, unless they are to be skipped.
    ///
    /// # Errors
    /// `Failure` says how many there are.
    pub(crate) fn refuse_bad_rows(&self, listing: &Listing) -> Result<(), Failure> {
        if self.request.skip_bad_rows {
            return Ok(());
        }
        if let Some(why) = &listing.notes.cut_off {
            return Err(Failure::usage(
                "the plan is stopped; nothing was ordered",
                why,
                "export the list once more, or add --skip-bad-rows to order what is left of it",
            ));
        }
        if listing.bad == 0 {
            return Ok(());
        }
        let (rows, shown) = if listing.bad == 1 {
            ("1 row holds".to_owned(), "it is shown above")
        } else {
            (format!("{} rows hold", count(listing.bad)), "examples are shown above")
        };
        let (what, next) = if self.request.names {
            ("no device id and no name that is known", "fix the list, or add --skip-bad-rows")
        } else {
            (
                "no Defender machine id",
                "fix the list, or add --skip-bad-rows to skip them; device names are looked up \
                 with --names",
            )
        };
        Err(Failure::usage(
            "the plan is stopped; nothing was ordered",
            format!("{rows} {what}; {shown}"),
            next,
        ))
    }
}
