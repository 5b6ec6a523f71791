//! What those who watch a campaign's run are told of where it stands, with a forecast. It decides
//! nothing.

use std::time::Duration;

use super::hours::SendingHours;
use super::pump::{Caller, Flow};
use super::shared::Shared;
use super::waves::shown;
use crate::clock::Clock;
use crate::defender::ScanApi;
use crate::domain::event::{HoldReason, Snapshot};
use crate::domain::forecast::Outlook;
use crate::domain::quota::used;
use crate::domain::{BudgetKey, Operation, Stamp};
use crate::store::{Result, Store};

/// What the next calls on a budget are forecast from: what all runners on it keep, which the store
/// has together, and how this flow goes.
pub(super) async fn outlook<S: Store, P>(
    store: &S,
    budget: &BudgetKey,
    flow: &Flow<P>,
) -> Result<Outlook> {
    let most = flow.rate.quotas.iter().map(|quota| quota.calls.get() as usize).max();
    let usage = store.usage(budget, most.unwrap_or(0)).await?;
    let outlook = Outlook::new(usage, flow.rate.clone(), store.clock().now());
    Ok(Outlook { latency: flow.latency, ..outlook })
}

/// Where a campaign stands whose run stops by then.
pub(super) async fn snapshot<S: Store, A: ScanApi>(
    shared: &Shared<S, A>,
    flow: &Flow<Snapshot>,
    until: Option<Stamp>,
) -> Result<Snapshot> {
    let store = shared.store();
    let tally = store.tally(shared.campaign.id).await?;
    let sending = shared.sending_hours();
    let is_shut = matches!(sending, SendingHours::Shut(_));
    // No order is asked for while these hold it, so that nobody hears of a pause.
    let there = match is_shut || shared.campaign.rollout.last() > 0 {
        true => store.campaign(shared.campaign.id).await?,
        false => None,
    };
    let (wave, pauses) = match &there {
        Some(there) => shown(store, there, &tally).await?.unzip(),
        None => (None, None),
    };
    let pauses = pauses.unwrap_or_default();
    let budget = shared.campaign.order.target.budget(Operation::Scan);
    let outlook = outlook(store, &budget, flow).await?;
    let hours = shared.hours.clone().map(|hours| (hours, store.clock().utc()));
    let outlook = Outlook { hours, pauses, ..outlook };
    let now = store.clock().now();
    // At first nobody has asked yet whether an order may leave; a window is known to be shut.
    let (hold, held_until) = match (flow.held_by(now), sending) {
        _ if there.is_some_and(|there| there.paused) => (Some(HoldReason::User), None),
        (None, SendingHours::Shut(left)) => {
            let until = if left < Duration::MAX { Some(now.plus(left)) } else { None };
            (Some(shared.shut_by()), until)
        }
        (hold @ Some(HoldReason::Answers | HoldReason::SignIn), _) => (hold, None),
        (hold, _) => (hold, flow.held_until),
    };
    let forecast = outlook.forecast(tally.queued);
    let until = until.map(|until| until.since(now));
    let stops = until.into_iter().chain(shared.window_closes_in()).min();
    let last_call = forecast.as_ref().map(|forecast| forecast.last_call);
    let is_first = |left: &Duration| last_call.is_some_and(|last_call| *left < last_call);
    Ok(Snapshot {
        next_order: held_until.filter(|until| *until > now).map(|until| until.since(now)),
        stops_in: stops.filter(|left| tally.queued > 0 && is_first(left)),
        finish_in: forecast.map(|forecast| forecast.last_answer),
        used: used(&outlook.quotas, &outlook.seen_by, outlook.now),
        tally,
        calls: flow.counts.calls(),
        throttled: flow.throttled,
        in_flight: flow.in_flight,
        hold,
        wave,
    })
}
