//! What each application may call in each tenant: how much of it is used, when the next call may
//! leave, and which campaigns use it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use super::foresight::of_budget;
use crate::clock::Clock;
use crate::domain::budget::FAULTS_MAX;
use crate::domain::forecast::{CallRate, Outlook};
use crate::domain::quota::{api_quotas, used};
use crate::domain::{BudgetKey, Campaign, CampaignState, Doing, Operation, Quota, Stamp, Timing};
use crate::ops::failure::Failure;
use crate::ops::status::open_and_latest;
use crate::report::human::{clock_exact, count, counted};
use crate::report::picture::CallsPicture;
use crate::report::standing::Tone;
use crate::store::Store;

/// The latest calls that are looked at: more than any quota of the API holds.
const LATEST: usize = 10_000;
/// Budgets that are shown, those of open campaigns first: each is a read of the store.
const MOST: usize = 60;

/// The limits.
pub(in crate::page) struct LimitsView {
    pub(in crate::page) first: String,
    pub(in crate::page) tone: Tone,
    pub(in crate::page) budgets: Vec<BudgetView>,
    /// How many there are, with those that are not shown.
    pub(in crate::page) all: usize,
}

/// One budget.
pub(in crate::page) struct BudgetView {
    pub(in crate::page) key: BudgetKey,
    pub(in crate::page) used: Vec<(Quota, u64)>,
    /// Limits that the server named.
    pub(in crate::page) named: Vec<Quota>,
    /// What holds the next call, and until when; `None` if nothing does.
    pub(in crate::page) held: Option<String>,
    /// The open campaigns that use it.
    pub(in crate::page) campaigns: Vec<Campaign>,
    /// Its calls against both of its limits, if it has both, and if any were made or are to come.
    pub(in crate::page) picture: Option<CallsPicture>,
}

impl LimitsView {
    /// Reads them.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read.
    pub(in crate::page) async fn read<S: Store>(
        store: &S,
        now: ZonedDateTime,
    ) -> Result<Self, Failure> {
        let mut keys: BTreeMap<BudgetKey, Vec<Campaign>> = BTreeMap::new();
        for campaign in open_and_latest(store).await? {
            for operation in Operation::ALL {
                let of = keys.entry(campaign.order.target.budget(operation)).or_default();
                if operation == Operation::Scan && campaign.state == CampaignState::Open {
                    of.push(campaign.clone());
                }
            }
        }
        let all = keys.len();
        let mut keys: Vec<_> = keys.into_iter().collect();
        keys.sort_by_key(|(_, campaigns)| campaigns.is_empty());
        keys.truncate(MOST);
        let mut budgets = Vec::new();
        for (key, campaigns) in keys {
            budgets.push(BudgetView::read(store, key, campaigns, &now).await?);
        }
        let (first, tone) = first(&budgets, all);
        Ok(Self { first, tone, budgets, all })
    }
}

impl BudgetView {
    async fn read<S: Store>(
        store: &S,
        key: BudgetKey,
        campaigns: Vec<Campaign>,
        now: &ZonedDateTime,
    ) -> Result<Self, Failure> {
        let usage = store.usage(&key, LATEST).await?;
        let stamp = store.clock().now();
        let own = campaigns.iter().flat_map(|campaign| campaign.quotas.clone());
        let mut own: Vec<Quota> = own.chain(usage.quotas.clone()).collect();
        if own.is_empty() {
            own = api_quotas();
        }
        own.sort_unstable();
        own.dedup();
        let named = usage.state.named.lowering(&own, stamp);
        let used = used(&own, &usage.seen_by, stamp);
        let (pause, in_vain) = (usage.state.earliest(), usage.state.faults >= FAULTS_MAX);
        let rate = CallRate { quotas: own, pace: None, concurrency: 1, timing: Timing::default() };
        let at = |seen: &Stamp| now.timestamp().checked_sub(signed(stamp.since(*seen))).ok();
        let seen: Vec<Timestamp> = usage.seen_by.iter().filter_map(at).collect();
        let outlook = Outlook::new(usage, rate, stamp);
        let next = outlook.forecast(1).map(|one| one.first_call);
        let mut waiting = 0;
        // Nobody knows when those leave that wait for a window, for somebody, or for a run.
        let runs = |one: &&Campaign| Doing::of(one, now.timestamp()) == Doing::Running;
        for campaign in campaigns.iter().filter(runs) {
            waiting += store.tally(campaign.id).await?.queued;
        }
        let picture = of_budget(&seen, &used, (&outlook, waiting), now);
        let held = next.filter(|wait| !wait.is_zero()).map(|wait| {
            let at = after(now, wait);
            let why = match (pause > stamp, in_vain) {
                (true, true) => "waiting, since the last calls got no answer of use",
                (true, false) => "paused by the server",
                (false, _) => "limit used up",
            };
            format!("{why}; the next call may leave at {at}")
        });
        Ok(Self { key, used, named, held, campaigns, picture })
    }
}

fn signed(time: Duration) -> SignedDuration {
    SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX)
}

fn after(now: &ZonedDateTime, wait: Duration) -> String {
    let at = now.timestamp().checked_add(signed(wait)).unwrap_or(Timestamp::MAX);
    clock_exact(&at.to_zoned_datetime(now.time_zone().clone()), now)
}

fn first(budgets: &[BudgetView], all: usize) -> (String, Tone) {
    let held: Vec<&BudgetView> = budgets.iter().filter(|one| one.held.is_some()).collect();
    let shown = if all > budgets.len() { " that are shown" } else { "" };
    match held[..] {
        _ if budgets.is_empty() => ("Nothing was called yet.".to_owned(), Tone::Idle),
        [] => {
            let of = counted(budgets.len() as u64, "limit");
            (format!("A call may leave now in each of {of}{shown}."), Tone::Good)
        }
        [one] => {
            let (operation, held) = (one.key.operation, one.held.as_deref().unwrap_or_default());
            (format!("No call to {operation} leaves now: {held}."), Tone::Runs)
        }
        ref several => {
            let of = count(budgets.len() as u64);
            let held = count(several.len() as u64);
            (format!("{held} of {of} limits{shown} hold the next call."), Tone::Runs)
        }
    }
}
