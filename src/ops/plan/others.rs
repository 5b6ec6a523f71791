//! What other campaigns mean for a plan: those that go before it or hold it on its budget, and
//! those that have the same devices.

use jiff::{SignedDuration, Timestamp};

use crate::domain::{
    BudgetKey, Campaign, CampaignFilter, CampaignName, CampaignState, Operation, Order, Quota,
};
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::limits::Speed;
use crate::report::human;
use crate::store::Store;

/// Which open campaigns go before this one on its budget, and which keep a stricter limit on it
/// than this run would; and that this one was cancelled, if it was.
pub(crate) fn held_by(
    cx: &Context<'_>,
    all: &[Campaign],
    this: &CampaignName,
    budget: &BudgetKey,
    speed: &Speed,
) -> Vec<String> {
    let kept = |quota: &Quota| {
        let as_strict = |ours: &Quota| ours.window == quota.window && ours.calls <= quota.calls;
        speed.quotas.iter().any(as_strict)
    };
    let others = all.iter().filter(|one| {
        let same = one.order.target.budget(budget.operation) == *budget;
        same && one.state == CampaignState::Open && one.name != *this
    });
    let others: Vec<&Campaign> = others.collect();
    let urgent = others.iter().filter(|one| one.priority > speed.priority && !one.paused);
    let before = urgent.map(|one| {
        format!(
            "the open campaign {} (priority high) goes before this one, which waits while a runner \
             is at work on it",
            one.name
        )
    });
    let holding = others.iter().filter_map(|one| {
        let stricter: Vec<String> =
            one.quotas.iter().filter(|quota| !kept(quota)).map(human::quota).collect();
        if stricter.is_empty() {
            return None;
        }
        Some(format!(
            "the open campaign {} keeps {}, which holds this one too; `{}` changes it",
            one.name,
            stricter.join(", "),
            cx.commands.of_campaign(&format!("resume {} --limit ...", one.name))
        ))
    });
    let called_off = all.iter().filter(|one| one.name == *this && one.called_off);
    let called_off = called_off.map(|one| {
        format!(
            "campaign {} was cancelled: nothing more of it is ordered, only found out",
            one.name
        )
    });
    called_off.chain(before).chain(holding).collect()
}

/// How long ago an order of the same list is told.
const LATELY: SignedDuration = SignedDuration::from_hours(24);

/// Campaigns that order these very devices already, or did lately: whoever confirms the plan most
/// likely wants to go on with one, and not a second scan on each device.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(crate) async fn same_list<S: Store>(
    cx: &Context<'_>,
    store: &S,
    order: &Order,
    now: Timestamp,
) -> Result<Vec<String>, Failure> {
    let filter = CampaignFilter {
        on_budget: Some(order.target.budget(Operation::Scan)),
        not_over_before: now.checked_sub(LATELY).ok(),
        ..CampaignFilter::default()
    };
    let lately = store.select(&filter).await?.into_iter().filter(|one| {
        one.order.ids_hash == order.ids_hash && one.order.scan_type == order.scan_type
    });
    let told = lately.map(|one| {
        let name = &one.name;
        let ago = human::duration(now.duration_since(one.opened_at).unsigned_abs());
        if one.state == CampaignState::Open && !one.called_off {
            let resume = cx.commands.going_on(name);
            return format!(
                "the open campaign {name}, begun {ago} ago, has these very devices; `{resume}` \
                 goes on with it, and this one would order a second scan on each"
            );
        }
        let retry = cx.commands.of_campaign(&format!("retry {name}"));
        format!(
            "these very devices were ordered {ago} ago by campaign {name}; `{retry}` orders those \
             again that it left uncovered, and this one a second scan on each"
        )
    });
    Ok(told.collect())
}
