//! A night of a series on which no run could begin: kept in the story of the run before it, for who
//! asks later why that night is missing. Who is told of it at once is `messages`'.

use jiff::civil::Date;
use jiff::{SignedDuration, ZonedDateTime};

use crate::domain::happening::HAPPENINGS_KEPT;
use crate::domain::request::{ConnectRequest, ScanRequest};
use crate::domain::service::id_of;
use crate::domain::{Campaign, CampaignFilter, Happened, SeriesName, Timing};
use crate::ops::context::Context;
use crate::ops::destination::{NOT_GIVEN, Planned};
use crate::ops::failure::{Failure, Reason};
use crate::ops::happenings::note;
use crate::ops::stores::{self, Place, with_tenant_id_of};
use crate::store::{Store, StoreError};

/// How long ago a run is told of at most.
const WEEKS: i64 = 6;

/// A command that is to begin the night of a series, and before which nobody may sit.
#[derive(Clone, Copy)]
pub(in crate::ops) struct Night<'a> {
    series: &'a SeriesName,
    request: &'a ScanRequest,
    /// When the command began, in the zone whose days its runs are named by.
    began: &'a ZonedDateTime,
}

/// Why no run of a series began on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The day.
    pub(crate) day: Date,
    /// Why, as a part of a sentence.
    pub(crate) why: String,
    /// The exit code.
    pub(crate) exit_code: u8,
}

impl<'a> Night<'a> {
    /// Returns `None` for a command that begins no night, or before which somebody sits.
    pub(in crate::ops) fn of(request: &'a ScanRequest, began: &'a ZonedDateTime) -> Option<Self> {
        let is_unwatched = !request.dry_run && request.approve_max.is_some();
        let series = request.due.series.as_ref().filter(|_| is_unwatched)?;
        Some(Self { series, request, began })
    }

    /// Keeps that no run began in the tenant of this command, and why, where there is a store and a
    /// run before it. A store that fails keeps nothing.
    pub(in crate::ops) async fn refused(self, cx: &Context<'_>, failure: &Failure) {
        if cx.channels.has_begun() || failure.reason == Reason::Store {
            return;
        }
        let emulated = self.request.run.emulator.emulator;
        let Ok(Some(place)) = Place::planned(cx.store, emulated) else { return };
        // Nothing is made, nor brought up to date, for a run that does not begin.
        let Ok(Some(_)) = stores::open_if_there(Some(&place)).await else { return };
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
        for (connect, failure) in all {
            if failure.reason == Reason::Finished {
                continue;
            }
            let Ok(Some(before)) = self.latest_of(cx, store, &runs, connect).await else {
                continue;
            };
            let (day, exit_code) = (self.began.date(), failure.kind.code());
            let what = failure.what.strip_prefix("nothing was ordered: ").unwrap_or(&failure.what);
            let why = format!("{what}: {}", failure.why);
            let known = refused_after(store, before).await.unwrap_or_default();
            if !known.iter().any(|one| (one.day, &one.why) == (day, &why)) {
                note(cx, store, before.id, Happened::NextNotBegun { day, why, exit_code }).await;
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

    /// The latest of these runs in this tenant.
    async fn latest_of<'r, S: Store>(
        self,
        cx: &Context<'_>,
        store: &S,
        runs: &'r [Campaign],
        connect: &ConnectRequest,
    ) -> Result<Option<&'r Campaign>, Failure> {
        let planned = Planned::new(cx, connect, &self.request.run.emulator)?;
        let own = with_tenant_id_of(store, planned.target).await?.tenant;
        let tenant = |one: &Campaign| id_of(&one.order.target.tenant);
        let is_of_one = runs.windows(2).all(|two| tenant(&two[0]) == tenant(&two[1]));
        // Where only the token tells the tenant, that there may be none is why no run began.
        let is_own = |one: &&Campaign| match own == NOT_GIVEN {
            true => is_of_one,
            false => tenant(one) == id_of(&own),
        };
        Ok(runs.iter().filter(is_own).max_by_key(|one| one.opened_at))
    }
}

/// The days after this run on which the next one of its series could not begin, the earliest first:
/// of each day what kept the last try from beginning.
///
/// # Errors
/// `StoreError` if the store cannot be read.
pub(crate) async fn refused_after<S: Store>(
    store: &S,
    run: &Campaign,
) -> Result<Vec<Refused>, StoreError> {
    let mut all: Vec<Refused> = Vec::new();
    for one in store.happenings(run.id, 0, HAPPENINGS_KEPT).await? {
        let Happened::NextNotBegun { day, why, exit_code } = one.happening.what else { continue };
        all.retain(|one| one.day != day);
        all.push(Refused { day, why, exit_code });
    }
    Ok(all)
}
