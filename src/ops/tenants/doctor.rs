//! `doctor` over several tenants: who is let in, may order and may read, a line for each. It sends
//! no order; the whole check of one tenant is `doctor`'s own.

use std::time::Duration;

use futures_util::StreamExt;

use super::{Tenant, TenantsMeant};
use crate::clock::{Clock, local_now};
use crate::defender::{HttpApi, ScanApi};
use crate::domain::request::{DoctorRequest, EmulatorRequest};
use crate::domain::{Exit, Machine, Target, Timing};
use crate::engine::lists::{ListEnd, Patience};
use crate::ops::client::refused;
use crate::ops::context::Context;
use crate::ops::destination::{Destination, Planned};
use crate::ops::failure::Failure;
use crate::ops::limits::Speed;
use crate::ops::lists::{forbidden_by_token, lists, not_read};
use crate::ops::standings::not_done;
use crate::ops::stores::{self, Place};
use crate::ops::work::Named;
use crate::report::tenants::{CheckedTenant, OfTenant, TenantsChecked};
use crate::store::Store;

/// Tenants that are checked at the same time.
const AT_ONCE: usize = 8;

/// How long the inventory of one tenant may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Checks sign-in, permission and inventory of each tenant.
///
/// # Errors
/// `Failure` if the store cannot be used, or the findings cannot be told.
pub async fn doctor(
    cx: &Context<'_>,
    request: DoctorRequest,
    meant: TenantsMeant,
) -> Result<Exit, Failure> {
    let place = Place::durable(cx.store)?;
    let store = stores::open(&place, Timing::default(), None).await?;
    let check = |tenant: Tenant| async {
        let told = check(cx, &store, &request, &tenant).await;
        OfTenant { profile: tenant.name, told: told.map_err(|failure| not_done(&failure)) }
    };
    let all = futures_util::stream::iter(Tenant::all(meant.connects).into_iter().map(check));
    let tenants: Vec<OfTenant<CheckedTenant>> = all.buffered(AT_ONCE).collect().await;
    let checked = TenantsChecked { tenants };
    let shown = cx.ui.show(&checked);
    stores::close(&store, shown.map(|()| checked.exit())).await
}

async fn check<S: Store>(
    cx: &Context<'_>,
    store: &S,
    request: &DoctorRequest,
    tenant: &Tenant,
) -> Result<CheckedTenant, Failure> {
    let ui = Named::of_tenant(cx.ui, &tenant.name);
    let cx = Context { ui: &ui, ..*cx };
    let destination = Destination::new(&cx, &tenant.connect, &EmulatorRequest::default())?;
    let speed = destination.speed(&cx, &request.speed, &local_now())?;
    let destination = destination.identified(&cx, speed.timing).await?;
    let Planned { target, sign_in, .. } = destination.planned.clone();
    let terms = destination.terms();
    let (api, _) = destination.connect(&cx, &speed).await?;
    if let (Some(terms), Err(error)) = (terms, api.ready().await) {
        return Err(refused(terms.kind, &error));
    }
    let may_scan = api.claims().is_none_or(|claims| claims.may_scan());
    let (machines, unread) = machines(store, &api, &target, &speed).await?;
    Ok(CheckedTenant { sign_in, may_scan, machines, unread })
}

/// How many machines the inventory has, or why that is not known.
async fn machines<S: Store>(
    store: &S,
    api: &HttpApi,
    target: &Target,
    speed: &Speed,
) -> Result<(Option<u64>, Option<String>), Failure> {
    let mut machines = 0;
    let end = match forbidden_by_token(api).await {
        Some(end) => end,
        None => {
            let patience = Patience::optional(store.clock().now(), PATIENCE);
            let take = |_: Machine| machines += 1;
            let all = lists(store, api, target, speed, patience);
            all.machines(&Default::default(), take).await?.end
        }
    };
    Ok(match end {
        ListEnd::Whole => (Some(machines), None),
        end => (None, not_read(&end)),
    })
}
