//! A command that begins the night of a series, and what it keeps where no run could begin, for who
//! asks later why that night is missing. Who is told of it at once is `messages`'.

use std::collections::BTreeMap;

use jiff::{SignedDuration, ZonedDateTime};

use crate::domain::request::{ConnectRequest, ScanRequest};
use crate::domain::service::id_of;
use crate::domain::{Campaign, CampaignFilter, FailedStart, Happened, SeriesName, StartOf, Timing};
use crate::ops::context::Context;
use crate::ops::destination::NOT_GIVEN;
use crate::ops::failed_starts::{self, keep};
use crate::ops::failure::{Failure, Reason};
use crate::ops::happenings::note;
use crate::ops::stores::{self, Place};
use crate::store::{Store, StoreError};

/// How long ago a run was at most that another one follows.
const WEEKS: i64 = 6;

/// A command that is to begin the night of a series, and before which nobody may sit.
#[derive(Clone, Copy)]
pub(in crate::ops) struct Night<'a> {
    series: &'a SeriesName,
    request: &'a ScanRequest,
    /// When the command began, in the zone whose days its runs are named by.
    began: &'a ZonedDateTime,
}

impl<'a> Night<'a> {
    /// Returns `None` for a command that begins no night, or before which somebody sits.
    pub(in crate::ops) fn of(request: &'a ScanRequest, began: &'a ZonedDateTime) -> Option<Self> {
        let is_unwatched = !request.dry_run && request.approve_max.is_some();
        let series = request.due.series.as_ref().filter(|_| is_unwatched)?;
        Some(Self { series, request, began })
    }

    /// Keeps that no run began in the tenant of this command, and why. Who set up a first night
    /// asks for it as well, so that a store is made where none is; one that fails, or that an
    /// older version wrote, keeps nothing.
    pub(in crate::ops) async fn refused(self, cx: &Context<'_>, failure: &Failure) {
        if cx.channels.has_begun() || failure.reason == Reason::Store {
            return;
        }
        let emulated = self.request.run.emulator.emulator;
        let Ok(Some(place)) = Place::planned(cx.store, emulated) else { return };
        // Nothing is brought up to date for a run that does not begin.
        if stores::open_if_there(Some(&place)).await.is_err() {
            return;
        }
        if let Ok(store) = stores::open(&place, Timing::default(), None).await {
            self.refused_in(cx, &store, &[(&self.request.run.connect, failure)]).await;
            store.close().await.ok();
        }
    }

    /// Keeps that in this store, of each tenant that is meant by these settings.
    pub(in crate::ops) async fn refused_in<S: Store>(
        self,
        cx: &Context<'_>,
        store: &S,
        all: &[(&ConnectRequest, &Failure)],
    ) {
        let Ok(runs) = self.runs_before(store).await else { return };
        let emulator = &self.request.run.emulator;
        let (mut starts, mut befores) = (Vec::new(), BTreeMap::new());
        for (connect, failure) in all {
            if failure.reason == Reason::Finished {
                continue;
            }
            let Ok(target) = failed_starts::target(cx, store, connect, emulator).await else {
                continue;
            };
            let before = latest_in(&runs, &target.tenant);
            let target = before.map_or(target, |one| one.order.target.clone());
            let of = StartOf::Series(self.series.clone());
            befores.extend(before.map(|one| (id_of(&target.tenant), one.id)));
            let day = self.began.date();
            starts.push(failed_starts::of(cx, store, of, day, target, failure));
        }
        for FailedStart { target, day, why, exit_code, .. } in keep(store, starts).await {
            if let Some(before) = befores.get(&target.tenant) {
                note(cx, store, *before, Happened::NextNotBegun { day, why, exit_code }).await;
            }
        }
    }

    /// The runs of the series of the last weeks, begun before this command.
    async fn runs_before<S: Store>(self, store: &S) -> Result<Vec<Campaign>, StoreError> {
        let Self { series, began, .. } = self;
        let now = began.timestamp();
        let not_over_before = now.checked_sub(SignedDuration::from_hours(24 * WEEKS * 7)).ok();
        let lately = CampaignFilter { not_over_before, ..CampaignFilter::default() };
        let mut all = store.select(&lately.of_series(series)).await?;
        all.retain(|one| series.has(&one.name) && one.opened_at < now);
        Ok(all)
    }
}

/// The latest of these runs in this tenant. Where only the token tells the tenant, that there may
/// be none is why no run began: then it is that of all runs, if they are of one.
fn latest_in<'r>(runs: &'r [Campaign], own: &str) -> Option<&'r Campaign> {
    let tenant = |one: &Campaign| id_of(&one.order.target.tenant);
    let is_of_one = runs.windows(2).all(|two| tenant(&two[0]) == tenant(&two[1]));
    let is_own = |one: &&Campaign| match own == NOT_GIVEN {
        true => is_of_one,
        false => tenant(one) == id_of(own),
    };
    runs.iter().filter(is_own).max_by_key(|one| one.opened_at)
}
