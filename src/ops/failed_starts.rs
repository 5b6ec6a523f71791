//! Starts that came to nothing: keeping them where no campaign may be that could, and asking for
//! them. What is said of them where somebody asks is `status`' and the page's.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jiff::civil::Date;

use super::connection::target_of;
use super::context::Context;
use super::destination::{NOT_GIVEN, Planned};
use super::failure::Failure;
use super::stores::with_tenant_id_of;
use crate::clock::Clock;
use crate::domain::request::{ConnectRequest, EmulatorRequest};
use crate::domain::service::{id_of, is_domain};
use crate::domain::{FailedStart, SeriesName, StartOf, Target};
use crate::store::{Store, StoreError};

/// Where a run with these settings would have ordered, as far as that is known without a sign-in.
///
/// # Errors
/// `Failure` if a setting is wrong, or if the store cannot be read.
pub(super) async fn target<S: Store>(
    cx: &Context<'_>,
    store: &S,
    connect: &ConnectRequest,
    emulator: &EmulatorRequest,
) -> Result<Target, Failure> {
    // Without a credential as well: that there is none may be why no run began.
    let target = match emulator.emulator {
        true => Planned::new(cx, connect, emulator)?.target,
        false => target_of(connect)?.0,
    };
    let or_none = |text: String| if text.is_empty() { NOT_GIVEN.to_owned() } else { text };
    let (tenant, application) = (or_none(target.tenant), or_none(target.application));
    Ok(with_tenant_id_of(store, Target { tenant, application, ..target }).await?)
}

/// A start that came to nothing now, by the doing of who started this process.
pub(super) fn of<S: Store>(
    cx: &Context<'_>,
    store: &S,
    of: StartOf,
    day: Date,
    target: Target,
    failure: &Failure,
) -> FailedStart {
    let what = failure.what.strip_prefix("nothing was ordered: ").unwrap_or(&failure.what);
    FailedStart {
        of,
        target,
        day,
        at: store.clock().utc(),
        why: format!("{what}: {}", failure.why),
        exit_code: failure.kind.code(),
        by: cx.host.user.clone(),
        host: cx.host.name.clone(),
    }
}

/// Keeps it; whether that is news. Keeping holds nothing up: what cannot be kept is missing where
/// somebody asks, and nothing else.
pub(super) async fn keep<S: Store>(store: &S, start: FailedStart) -> bool {
    let start = start.storable();
    let known = store.failed_starts(start.day).await.unwrap_or_default();
    let is_known = known.iter().any(|one| start.replaces(one) && one.why == start.why);
    match store.note_failed_start(start).await {
        Ok(()) => !is_known,
        Err(error) => {
            tracing::warn!(%error, "that no run began could not be kept");
            false
        }
    }
}

/// The starts that came to nothing, the earliest first.
pub(crate) struct FailedStarts(Vec<FailedStart>);

impl FailedStarts {
    /// Those from this day on; of a tenant that was given by its domain with its id, if a sign-in
    /// told it since.
    ///
    /// # Errors
    /// `StoreError` if the store cannot be read.
    pub(crate) async fn since<S: Store>(store: &S, day: Date) -> Result<Self, StoreError> {
        let mut all = store.failed_starts(day).await?;
        let mut known: BTreeMap<Target, Target> = BTreeMap::new();
        for one in all.iter_mut().filter(|one| is_domain(&one.target.tenant)) {
            let told = match known.entry(one.target.clone()) {
                Entry::Occupied(told) => told.into_mut(),
                Entry::Vacant(place) => {
                    place.insert(with_tenant_id_of(store, one.target.clone()).await?)
                }
            };
            one.target.clone_from(told);
        }
        Ok(Self(all))
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[FailedStart] {
        &self.0
    }

    /// Those of a series in a tenant.
    pub(crate) fn of_series<'a>(
        &'a self,
        series: &'a SeriesName,
        tenant: &'a str,
    ) -> impl Iterator<Item = &'a FailedStart> {
        let is_of =
            move |one: &FailedStart| matches!(&one.of, StartOf::Series(own) if own == series);
        self.0.iter().filter(move |one| is_of(one) && is_in(one, tenant))
    }
}

/// Whether a start was one in this tenant.
pub(crate) fn is_in(start: &FailedStart, tenant: &str) -> bool {
    id_of(&start.target.tenant) == id_of(tenant)
}

/// Its tenant, if that is known.
pub(crate) fn tenant_of(start: &FailedStart) -> Option<&str> {
    Some(start.target.tenant.as_str()).filter(|tenant| *tenant != NOT_GIVEN)
}
