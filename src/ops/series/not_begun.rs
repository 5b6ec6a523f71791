//! A night of a series on which no run could begin: kept in the story of the run before it, for who
//! asks later why that night is missing. Who is told of it at once is `messages`'.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::happening::HAPPENINGS_KEPT;
use crate::domain::request::ScanRequest;
use crate::domain::service::id_of;
use crate::domain::{Campaign, CampaignFilter, Happened, SeriesName, Timing};
use crate::ops::context::Context;
use crate::ops::destination::Planned;
use crate::ops::failure::{Failure, Reason};
use crate::ops::happenings::note;
use crate::ops::stores::{self, Place, with_tenant_id_of};
use crate::store::{Store, StoreError};

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

/// Whether this request begins a night that nobody watches, which this failure kept from beginning.
fn is_a_night<'a>(request: &'a ScanRequest, failure: &Failure) -> Option<&'a SeriesName> {
    let is_meant = !request.dry_run && request.approve_max.is_some();
    request.due.series.as_ref().filter(|_| is_meant && failure.reason != Reason::Finished)
}

/// Keeps that no run of a series began, and why, where there is a store and a run before it. Who
/// waits for the store's own failure is told of that.
pub(in crate::ops) async fn keep(cx: &Context<'_>, request: &ScanRequest, failure: &Failure) {
    if is_a_night(request, failure).is_none() || cx.channels.has_begun() {
        return;
    }
    let emulated = request.run.emulator.emulator;
    let Ok(Some(place)) = Place::planned(cx.store, emulated) else { return };
    if !place.exists() {
        return;
    }
    if let Ok(store) = stores::open(&place, Timing::default(), None).await {
        keep_in(cx, &store, request, failure).await;
        store.close().await.ok();
    }
}

/// Keeps that in this store, which is open.
pub(in crate::ops) async fn keep_in<S: Store>(
    cx: &Context<'_>,
    store: &S,
    request: &ScanRequest,
    failure: &Failure,
) {
    let Some(series) = is_a_night(request, failure) else { return };
    let Ok(planned) = Planned::new(cx, &request.run.connect, &request.run.emulator) else { return };
    let Ok(target) = with_tenant_id_of(store, planned.target).await else { return };
    let Ok(before) = run_before(store, series, &target.tenant).await else { return };
    if let Some(before) = before {
        let (why, exit_code) = (format!("{}: {}", failure.what, failure.why), failure.kind.code());
        note(cx, store, before.id, Happened::NextNotBegun { why, exit_code }).await;
    }
}

/// The latest run of a series in a tenant.
async fn run_before<S: Store>(
    store: &S,
    series: &SeriesName,
    tenant: &str,
) -> Result<Option<Campaign>, StoreError> {
    let own = id_of(tenant);
    let all = store.select(&CampaignFilter::default().of_series(series)).await?;
    let all = all.into_iter().filter(|one| series.has(&one.name));
    let all = all.filter(|one| id_of(&one.order.target.tenant) == own);
    Ok(all.max_by_key(|one| one.opened_at))
}

/// The days after this run on which the next one of its series could not begin, the earliest first:
/// of each day what kept the last try from beginning.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(crate) async fn refused_after<S: Store>(
    store: &S,
    run: &Campaign,
    zone: &TimeZone,
) -> Result<Vec<Refused>, Failure> {
    let mut all: Vec<Refused> = Vec::new();
    for one in store.happenings(run.id, 0, HAPPENINGS_KEPT).await? {
        let Happened::NextNotBegun { why, exit_code } = one.happening.what else { continue };
        let day = one.happening.at.to_zoned_datetime(zone.clone()).date();
        all.retain(|one| one.day != day);
        all.push(Refused { day, why, exit_code });
    }
    Ok(all)
}
