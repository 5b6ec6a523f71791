//! What campaigns that were begun to order some of an earlier one again have of its devices, so
//! that another one orders none of them a second time.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::happening::HAPPENINGS_KEPT;
use crate::domain::{
    Campaign, CampaignFilter, CampaignName, DeviceId, Happened, Operation, ScanType, State,
};
use crate::ops::failure::Failure;
use crate::report::human::counted;
use crate::store::{Store, StoreError};

/// What a later campaign has done with a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Since {
    /// That campaign.
    pub(super) name: CampaignName,
    /// It has yet to order it.
    pub(super) waits: bool,
}

/// How many devices each later campaign has: those that wait in it, and those that it ordered.
#[derive(Default)]
pub(super) struct Counted(BTreeMap<CampaignName, [u64; 2]>);

impl Counted {
    /// Counts one more.
    pub(super) fn add(&mut self, Since { name, waits }: &Since) {
        self.0.entry(name.clone()).or_default()[usize::from(!waits)] += 1;
    }

    /// These and others.
    pub(super) fn and(mut self, other: Self) -> Self {
        for (name, [waiting, ordered]) in other.0 {
            let all = self.0.entry(name).or_default();
            (all[0], all[1]) = (all[0] + waiting, all[1] + ordered);
        }
        self
    }

    /// Where they are, and what goes on with them there.
    pub(super) fn words(&self) -> Vec<String> {
        let of = |(name, [waiting, ordered]): (&CampaignName, &[u64; 2])| {
            let verb = |some: u64, one: &str, many: &str| match some {
                0 => None,
                some => {
                    let verb = if some == 1 { one } else { many };
                    Some(format!("{} {verb}", counted(some, "device")))
                }
            };
            let waiting = verb(*waiting, "waits", "wait")
                .map(|some| format!("{some} in {name}, which `resume {name}` goes on with"));
            let ordered = verb(*ordered, "was", "were").map(|some| {
                format!(
                    "{some} ordered by {name}; `follow {name}` tells what came of that, and `retry \
                     {name}` orders again what failed"
                )
            });
            [waiting, ordered].into_iter().flatten()
        };
        self.0.iter().flat_map(of).collect()
    }
}

/// What later campaigns have of the devices of this one, that were begun to order some of it again:
/// what waits in them, and what they ordered or found covered, by a scan of this type or a wider
/// one, as far as it is not known to have failed.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(super) async fn ordered_since<S: Store>(
    store: &S,
    campaign: &Campaign,
    asked: ScanType,
) -> Result<BTreeMap<DeviceId, Since>, Failure> {
    let mut since = BTreeMap::new();
    for again in later(store, campaign).await? {
        if again.pruned_at.is_some() || !again.order.scan_type.includes(asked) {
            continue;
        }
        let may_order = again.may_order();
        let rows = store.each_row(again.id, |row| {
            let waits = !matches!(row.life.state, State::Done(_));
            let is_in_it = match row.life.state {
                State::Done(outcome) => outcome.covers(),
                _ => may_order,
            };
            if let Some(device) = row.device.filter(|_| is_in_it) {
                since.insert(device, Since { name: again.name.clone(), waits });
            }
            Ok::<(), StoreError>(())
        });
        rows.await?;
    }
    Ok(since)
}

/// The campaigns that were begun after this one to order some of it again, or some of what one of
/// them left: those that say so, and those whose names do.
async fn later<S: Store>(store: &S, campaign: &Campaign) -> Result<Vec<Campaign>, Failure> {
    let budget = campaign.order.target.budget(Operation::Scan);
    let begins = Some(format!("{}-retry", stem(campaign.name.as_str())));
    let named = CampaignFilter { name_begins: begins, ..CampaignFilter::default() };
    let mut left = store.select(&named).await?;
    left.push(campaign.clone());
    let (mut seen, mut all) = (BTreeSet::new(), Vec::new());
    while let Some(one) = left.pop() {
        let is_own = one.order.target.budget(Operation::Scan) == budget;
        if !is_own || one.opened_at < campaign.opened_at || !seen.insert(one.id) {
            continue;
        }
        for happened in store.happenings(one.id, 0, HAPPENINGS_KEPT).await? {
            if let Happened::OrderedAgain { campaign: name } = happened.happening.what {
                left.extend(store.find(&name, &budget).await?);
            }
        }
        all.push(one);
    }
    all.retain(|one| one.id != campaign.id);
    // What the latest one has of a device is what is told.
    all.sort_by_key(|one| one.opened_at);
    Ok(all)
}

/// A name without what round it is.
pub(super) fn stem(name: &str) -> &str {
    let stem = name.rsplit_once("-retry").filter(|(_, round)| round.parse::<u32>().is_ok());
    stem.map_or(name, |(stem, _)| stem)
}
