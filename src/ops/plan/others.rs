//! What other campaigns mean for a plan: those that go before it or hold it on its budget, and
//! those that have the same devices.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::domain::request::DueRequest;
use crate::domain::{
    BudgetKey, CameTo, Campaign, CampaignFilter, CampaignName, CampaignState, Operation, Order,
    Quota, Rest, SeriesName, Stamp, Usage,
};
use crate::ops::context::{Commands, Context};
use crate::ops::failure::Failure;
use crate::ops::happenings::followed;
use crate::ops::kept::{is_over, resume_now};
use crate::ops::limits::Speed;
use crate::report::human;
use crate::store::Store;

/// Which open campaigns go before this one on its budget, and which keep a stricter limit on it
/// than this run would; and that this one was cancelled, or stopped by a rule, if it was.
pub(crate) fn held_by(
    cx: &Context<'_>,
    all: &[Campaign],
    this: &CampaignName,
    budget: &BudgetKey,
    speed: &Speed,
) -> Vec<String> {
    let others = open_on(budget, all).filter(|one| one.name != *this);
    let others: Vec<&Campaign> = others.collect();
    let urgent = others.iter().filter(|one| one.priority > speed.priority && !one.paused);
    let before = urgent.map(|one| {
        format!(
            "the open campaign {} (priority high) goes before this one, which waits while a runner \
             is at work on it",
            one.name
        )
    });
    let holding = others.iter().filter(|one| !is_ended_by(this, one)).filter_map(|one| {
        let lower: Vec<String> = one.limits_below(&speed.quotas).iter().map(human::quota).collect();
        if lower.is_empty() {
            return None;
        }
        if one.called_off {
            return Some(format!(
                "campaign {}, which orders nothing more, keeps {} until it is known what became of \
                 its last orders; that holds this one too",
                one.name,
                lower.join(", ")
            ));
        }
        let command = |verb: &str| cx.commands.of_campaign(&format!("{verb} {}", one.name));
        Some(format!(
            "the open campaign {} keeps {}, which holds this one too until it is over: `{} --limit \
             ...` orders the rest of it within another limit, `{}` ends it",
            one.name,
            lower.join(", "),
            command("resume"),
            command("cancel")
        ))
    });
    let called_off = all.iter().filter(|one| one.name == *this && one.called_off);
    let called_off = called_off.map(|one| {
        format!(
            "campaign {} was cancelled: nothing more of it is ordered, only found out",
            one.name
        )
    });
    let stopped = all.iter().filter(|one| one.name == *this).filter_map(stopped_by_a_rule);
    called_off.chain(stopped).chain(before).chain(holding).collect()
}

/// The campaigns among these that are open on a budget.
fn open_on<'a>(budget: &BudgetKey, all: &'a [Campaign]) -> impl Iterator<Item = &'a Campaign> {
    all.iter().filter(move |one| {
        let same = one.order.target.budget(budget.operation) == *budget;
        same && one.state == CampaignState::Open
    })
}

/// Whether a campaign is the run before this one in its series, which this one ends.
fn is_ended_by(this: &CampaignName, one: &Campaign) -> bool {
    let series = SeriesName::of(this);
    series.is_some() && one.name != *this && SeriesName::of(&one.name) == series
}

/// What a budget says, with the quotas that hold once this campaign orders: those of the run before
/// it in its series end with that.
pub(crate) fn once_begun(
    usage: Usage,
    all: &[Campaign],
    this: &CampaignName,
    budget: &BudgetKey,
    now: Stamp,
) -> Usage {
    let holding = open_on(budget, all).filter(|one| !is_ended_by(this, one));
    let quotas = holding.flat_map(|one| one.quotas.iter().copied());
    let quotas: BTreeSet<Quota> = quotas.chain(usage.state.named.in_force(now)).collect();
    Usage { quotas: quotas.into_iter().collect(), ..usage }
}

/// That a rule stopped the last run of a campaign that is open still: who goes on by the same
/// command should have looked.
fn stopped_by_a_rule(one: &Campaign) -> Option<String> {
    let run = one.last_run.as_ref().filter(|_| one.state == CampaignState::Open)?;
    let end = run.ended.as_ref().filter(|_| CameTo::of_its_end(run) == CameTo::Rule)?;
    Some(format!("its last run stopped {}; go on only if that is cleared up", end.why))
}

/// How long ago an order of the same list is told.
const LATELY: SignedDuration = SignedDuration::from_hours(24);

/// A campaign that ended this lately was most likely meant by the same command.
const JUST_NOW: SignedDuration = SignedDuration::from_hours(1);

/// Another campaign of these very devices: whoever confirms the plan most likely wants to go on
/// with it, and not a second scan on each device.
pub(crate) struct SameList {
    name: CampaignName,
    /// It can be gone on with.
    open: bool,
    /// The time until which it was to order has passed.
    is_over: bool,
    /// It is open, or ended a moment ago.
    fresh: bool,
    opened_at: Timestamp,
    ago: String,
    /// As many other campaigns have these devices too.
    others: u64,
    /// What orders again what it left uncovered; `None` if it left nothing so.
    again: Option<String>,
}

impl SameList {
    /// The campaign of these devices that is open, or else the latest that ordered some of them
    /// within a day. Returns `None` for a series, which repeats its list and sees to its last run
    /// itself; what --due skips is ordered no second time by an order that came through.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read.
    pub(crate) async fn find<S: Store>(
        store: &S,
        order: &Order,
        due: &DueRequest,
        now: Timestamp,
    ) -> Result<Option<Self>, Failure> {
        if due.series.is_some() {
            return Ok(None);
        }
        let filter = CampaignFilter {
            on_budget: Some(order.target.budget(Operation::Scan)),
            not_over_before: now.checked_sub(LATELY).ok(),
            ..CampaignFilter::default()
        };
        let mut all = store.select(&filter).await?;
        all.retain(|one| {
            one.order.ids_hash == order.ids_hash && one.order.scan_type == order.scan_type
        });
        let mut with_orders = Vec::with_capacity(all.len());
        for one in all {
            if one.may_order() || (due.due.is_none() && store.tally(one.id).await?.ordered() > 0) {
                with_orders.push(one);
            }
        }
        with_orders.sort_by_key(|one| Reverse((one.may_order(), one.opened_at)));
        let others = with_orders.len().saturating_sub(1) as u64;
        let Some(one) = with_orders.first() else { return Ok(None) };
        let rest = Rest::of(one.called_off, followed(store, one).await?);
        Ok(Some(Self {
            again: store.tally(one.id).await?.again(rest).command(&one.name),
            name: one.name.clone(),
            open: one.may_order(),
            is_over: is_over(store, one).await?,
            fresh: one.finished_at.is_none_or(|at| now.duration_since(at) < JUST_NOW)
                && !one.called_off,
            opened_at: one.opened_at,
            ago: human::duration(now.duration_since(one.opened_at).unsigned_abs()),
            others,
        }))
    }

    /// Whether nobody should begin another campaign of these devices without having said so.
    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Whether it was begun after this moment.
    pub(crate) fn is_begun_after(&self, then: Timestamp) -> bool {
        self.opened_at > then
    }

    /// The warning of the plan of a campaign of this name.
    pub(crate) fn warning(&self, commands: &Commands, own: &CampaignName) -> String {
        let Self { name, ago, .. } = self;
        let others = match self.others {
            0 => String::new(),
            1 => "; another campaign has them too".to_owned(),
            some => format!("; {some} other campaigns have them too"),
        };
        let Some(command) = self.instead(commands) else {
            return format!(
                "these very devices were ordered {ago} ago by campaign {name}, which left none \
                 uncovered; this one orders a second scan on each{others}"
            );
        };
        if self.open && *name == *own {
            // Only a dry run counts from the beginning.
            return format!(
                "the campaign {name} is open, begun {ago} ago: the run goes on with what is left \
                 of it, as `{command}` does, and orders no device a second time{others}"
            );
        }
        if self.open {
            return format!(
                "the open campaign {name}, begun {ago} ago, has these very devices; `{command}` \
                 goes on with it, and this one would order a second scan on each{others}"
            );
        }
        format!(
            "these very devices were ordered {ago} ago by campaign {name}; `{command}` orders \
             those again that it left uncovered, and this one a second scan on each{others}"
        )
    }

    /// Why no campaign begins where nobody looks at the plan.
    pub(crate) fn refusal(&self, commands: &Commands) -> Failure {
        let Self { name, ago, .. } = self;
        let state = if self.open { "is open" } else { "ended a moment ago" };
        Failure::refused(
            format!("nothing was ordered: campaign {name} has these very devices"),
            format!("it was begun {ago} ago and {state}; another one would scan each device twice"),
            self.next(commands),
        )
    }

    /// Why a plan that was approved before this campaign began is not carried out.
    pub(crate) fn refusal_of_plan(&self, commands: &Commands) -> Failure {
        let Self { name, ago, .. } = self;
        Failure::refused(
            format!("nothing was ordered: campaign {name} has the devices of the approved plan"),
            format!("it was begun {ago} ago, after the plan was made; both would scan each twice"),
            format!(
                "{}to scan all of them again make a new plan and have it approved",
                self.first(commands)
            ),
        )
    }

    /// What to do instead, and what begins another campaign all the same.
    pub(crate) fn next(&self, commands: &Commands) -> String {
        format!(
            "{}to scan all of them again give the new campaign a name (--campaign NAME), or a \
             series (--series NAME) if a timer repeats it",
            self.first(commands)
        )
    }

    /// What to do instead, as the beginning of a sentence; empty if nothing is left to do.
    fn first(&self, commands: &Commands) -> String {
        let what = if self.open { "goes on with it" } else { "orders what it left uncovered" };
        let instead = self.instead(commands);
        instead.map_or_else(String::new, |command| format!("`{command}` {what}; "))
    }

    /// The command that orders what is left of it, if anything is.
    fn instead(&self, commands: &Commands) -> Option<String> {
        if self.open {
            return Some(resume_now(&commands.going_on(&self.name), self.is_over));
        }
        self.again.as_ref().map(|command| commands.of_campaign(command))
    }
}
