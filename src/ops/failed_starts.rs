//! Starts that came to nothing: keeping them where no campaign may be that could, and asking for
//! them. What is said of them where somebody asks is `status`' and the page's.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::connection::target_of;
use super::context::Context;
use super::destination::{NOT_GIVEN, Planned, or_not_given};
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
    Ok(with_tenant_id_of(store, or_not_given(target)).await?)
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

/// Keeps them; returns those that are news. Keeping fails nothing: what cannot be kept is missing
/// where somebody asks, and nothing else.
pub(super) async fn keep<S: Store>(store: &S, starts: Vec<FailedStart>) -> Vec<FailedStart> {
    let starts: Vec<FailedStart> = starts.into_iter().map(FailedStart::storable).collect();
    let Some(since) = starts.iter().map(|one| one.day).min() else { return starts };
    let known = store.failed_starts(since).await.unwrap_or_default();
    if let Err(error) = store.note_failed_starts(starts.clone()).await {
        tracing::warn!(%error, "that no run began could not be kept");
        return Vec::new();
    }
    let is_news =
        |start: &FailedStart| !known.iter().any(|one| start.replaces(one) && one.why == start.why);
    starts.into_iter().filter(is_news).collect()
}

/// The starts that came to nothing, the earliest first, and of each day the last one.
pub(crate) struct FailedStarts(Vec<FailedStart>);

impl FailedStarts {
    /// Those from this day on; of a tenant that was given by its domain with its id, if a sign-in
    /// told it since.
    ///
    /// # Errors
    /// `StoreError` if the store cannot be read.
    pub(crate) async fn since<S: Store>(store: &S, day: Date) -> Result<Self, StoreError> {
        let mut known: BTreeMap<Target, Target> = BTreeMap::new();
        let mut all: BTreeMap<(Date, StartOf, String), FailedStart> = BTreeMap::new();
        for mut one in store.failed_starts(day).await? {
            if is_domain(&one.target.tenant) {
                let told = match known.entry(one.target.clone()) {
                    Entry::Occupied(told) => told.into_mut(),
                    Entry::Vacant(place) => {
                        place.insert(with_tenant_id_of(store, one.target.clone()).await?)
                    }
                };
                one.target.clone_from(told);
            }
            all.insert((one.day, one.of.clone(), id_of(&one.target.tenant)), one);
        }
        let mut all: Vec<FailedStart> = all.into_values().collect();
        all.sort_by_key(|one| (one.day, one.at));
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
        self.0.iter().filter(move |one| one.series() == Some(series) && is_in(one, tenant))
    }

    /// Those of a series up to today on whose days it had no run in their tenant; these are its
    /// runs, each with its tenant. One of which only a token would have told the tenant counts on
    /// days without any run, and as one of the only tenant that the series has, if that is so.
    pub(crate) fn without_run(
        &self,
        series: &SeriesName,
        runs: &[(String, Date)],
        today: Date,
    ) -> Vec<FailedStart> {
        let runs: BTreeSet<(String, Date)> =
            runs.iter().map(|(tenant, day)| (id_of(tenant), *day)).collect();
        let days: BTreeSet<Date> = runs.iter().map(|(_, day)| *day).collect();
        let own = || self.0.iter().filter(|one| one.series() == Some(series));
        let with_starts = own().filter_map(tenant_of).map(id_of);
        let with_runs = runs.iter().map(|(tenant, _)| tenant.clone());
        let tenants: BTreeSet<String> = with_runs.chain(with_starts).collect();
        let only = tenants.first().filter(|_| tenants.len() == 1);
        let counts = |one: &FailedStart| match tenant_of(one) {
            _ if one.day > today => None,
            Some(tenant) => (!runs.contains(&(id_of(tenant), one.day))).then(|| one.clone()),
            None if days.contains(&one.day) => None,
            None => {
                let mut one = one.clone();
                if let Some(only) = only {
                    one.target.tenant.clone_from(only);
                }
                Some(one)
            }
        };
        let told = own().filter_map(counts);
        // The last one of a day and a tenant, whether it was named or not.
        let all: BTreeMap<_, FailedStart> =
            told.map(|one| ((one.day, id_of(&one.target.tenant)), one)).collect();
        all.into_values().collect()
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
