//! How the planning of each of several tenants ended, and what that is worth. A campaign that has
//! finished already is no failure beside others.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::Tenant;
use super::list::Split;
use crate::domain::request::ScanRequest;
use crate::domain::{Campaign, Exit, StartOf};
use crate::ops::context::Context;
use crate::ops::failed_starts;
use crate::ops::failure::{Failure, Reason};
use crate::ops::messages::NotBegunThere;
use crate::ops::scan::OpenCampaign;
use crate::ops::series::Night;
use crate::ops::standings::Standing;
use crate::report::plan::Plan;
use crate::report::tenants::PlannedTenant;
use crate::store::Store;

/// How the planning of a tenant ended: with its open campaign, or in a dry run without.
pub(super) type Planned = Result<Option<OpenCampaign>, Failure>;

/// How a tenant stands that was not planned: its campaign `there` may have finished already.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(super) async fn unplanned<S: Store>(
    store: &S,
    tenant: &Tenant,
    failure: Failure,
    there: Option<&Campaign>,
) -> Result<Standing, Failure> {
    match there.filter(|_| has_finished(&failure)) {
        Some(there) => Standing::ended_before(store, tenant.name.clone(), there.clone()).await,
        None => Ok(Standing::failed(tenant.name.clone(), failure)),
    }
}

/// Whether there is nothing to do for a tenant, since its campaign is this one and has finished.
pub(super) fn has_finished(failure: &Failure) -> bool {
    failure.reason == Reason::Finished
}

/// Whether that is so of all of these.
pub(super) fn all_have_finished(planned: &BTreeMap<usize, Planned>) -> bool {
    planned.values().all(|planned| planned.as_ref().is_err_and(has_finished))
}

/// The worst of what kept tenants from being planned. A campaign that has finished is no failure
/// beside others, and refused where there is nothing else.
pub(super) fn worst(planned: &BTreeMap<usize, Planned>, split: &Split) -> Exit {
    let lost = if split.lost > 0 { Exit::Attention } else { Exit::Done };
    let refused = all_have_finished(planned);
    let failed = planned.values().filter_map(|planned| planned.as_ref().err());
    let failed = failed.filter(|failure| refused || !has_finished(failure));
    failed.fold(lost, |worst, failure| worst.worse_of(failure.kind))
}

pub(super) fn planned_of(plan: &Plan) -> PlannedTenant {
    PlannedTenant {
        devices: if plan.continues { plan.open } else { plan.devices },
        left_out: plan.skipped + plan.bad_rows + plan.duplicates,
        continues: plan.continues,
        finished: false,
        takes: plan.calls.as_ref().map(|calls| calls.duration).unwrap_or_default(),
        warnings: plan.warnings.clone(),
    }
}

/// Keeps that no run of a night begins in these tenants, and why: in those that could not be
/// planned, or in all.
pub(super) async fn refused<S: Store>(
    cx: &Context<'_>,
    night: Night<'_>,
    store: &S,
    tenants: &[Tenant],
    planned: &Result<BTreeMap<usize, Planned>, Failure>,
) {
    let planned = match planned {
        Ok(planned) => planned,
        Err(failure) => return refused_in_all(cx, night, store, tenants, failure).await,
    };
    let failed = |(at, one): (&usize, &'_ Planned)| Some((*at, one.as_ref().err()?.clone()));
    let failed: Vec<(usize, Failure)> = planned.iter().filter_map(failed).collect();
    let all = failed.iter().map(|(at, failure)| (&tenants[*at].connect, failure));
    night.refused_in(cx, store, &all.collect::<Vec<_>>()).await;
}

/// What is begun in several tenants.
pub(super) struct Start<'a> {
    pub(super) of: StartOf,
    /// The day on which it is.
    pub(super) day: Date,
    pub(super) request: &'a ScanRequest,
}

/// Keeps that a campaign which begins in other tenants does not in these, and why.
pub(super) async fn refused_beside<S: Store>(
    cx: &Context<'_>,
    start: Start<'_>,
    store: &S,
    tenants: &[Tenant],
    planned: &BTreeMap<usize, Planned>,
) {
    let Start { of, day, request } = start;
    if !begins(planned) {
        return;
    }
    let mut starts = Vec::new();
    for (at, failure) in planned.iter().filter_map(|(at, one)| Some((*at, one.as_ref().err()?))) {
        let (connect, emulator) = (&tenants[at].connect, &request.run.emulator);
        if has_finished(failure) {
            continue;
        }
        if let Ok(target) = failed_starts::target(cx, store, connect, emulator).await {
            starts.push(failed_starts::of(cx, store, of.clone(), day, target, failure));
        }
    }
    failed_starts::keep(store, starts).await;
}

fn begins(planned: &BTreeMap<usize, Planned>) -> bool {
    planned.values().any(|one| matches!(one, Ok(Some(_))))
}

/// Keeps that no run of a night begins in any of these tenants, and why.
pub(super) async fn refused_in_all<S: Store>(
    cx: &Context<'_>,
    night: Night<'_>,
    store: &S,
    tenants: &[Tenant],
    failure: &Failure,
) {
    let all = tenants.iter().map(|tenant| (&tenant.connect, failure));
    night.refused_in(cx, store, &all.collect::<Vec<_>>()).await;
}

/// The tenants in which no run begins though it does in others, where nobody may sit before it who
/// would see that.
pub(super) fn not_begun(
    request: &ScanRequest,
    tenants: &[Tenant],
    planned: &BTreeMap<usize, Planned>,
) -> Vec<NotBegunThere> {
    if request.approve_max.is_none() || !begins(planned) {
        return Vec::new();
    }
    let failed = |(at, one): (&usize, &Planned)| match one {
        Err(failure) if !has_finished(failure) => {
            let (profile, tenant) =
                (tenants[*at].name.clone(), tenants[*at].connect.tenant.clone());
            Some(NotBegunThere { profile, tenant, failure: failure.clone() })
        }
        _ => None,
    };
    planned.iter().filter_map(failed).collect()
}
