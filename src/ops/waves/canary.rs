//! Which devices are the canary: the first of the list, or those of a list, with a tag, or drawn by
//! lot. How long it is waited for and when it failed is not settled here.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::domain::campaign::hash_of_ids;
use crate::domain::canary::CanaryRule;
use crate::domain::request::WaveRequest;
use crate::domain::rollout::lot;
use crate::domain::text::printable;
use crate::domain::{CampaignId, DeviceId, Rank, Seq, State};
use crate::intake::Options;
use crate::ops::failure::Failure;
use crate::ops::plan::listing::Listing;
use crate::ops::plan::naming::random;
use crate::ops::plan::side_list;
use crate::ops::preflight::judge::{Marks, Preflight};
use crate::report::human::{count, counted};
use crate::report::waves;
use crate::store::Store;

/// Who is the canary.
#[derive(Clone, Debug)]
pub(crate) struct Canary {
    /// At most so many devices.
    most: Option<u64>,
    rule: CanaryRule,
    /// The devices of its list.
    listed: Option<Arc<BTreeSet<DeviceId>>>,
}

impl Canary {
    /// The first devices of the list.
    pub(crate) fn first(devices: u64) -> Self {
        Self { most: Some(devices), rule: CanaryRule::First, listed: None }
    }

    /// Who was asked for. Returns `None` if nobody was. A seed that nobody gave is drawn, and said.
    ///
    /// # Errors
    /// `Failure` if the list of ids is refused.
    pub(crate) async fn read(asked: &mut WaveRequest) -> Result<Option<Self>, Failure> {
        if asked.canary_random && asked.canary_seed.is_none() {
            // A number that people can copy without a slip.
            asked.canary_seed = Some(random()? % 1_000_000);
        }
        let Some(rule) = asked.rule() else { return Ok(None) };
        let listed = match &asked.canary_file {
            Some(path) => Some(ids(path).await?),
            None => None,
        };
        Ok(Some(Self { most: asked.canary, rule, listed }))
    }

    /// The seed with which it is drawn, if it is.
    pub(crate) fn seed(&self) -> Option<u64> {
        match self.rule {
            CanaryRule::Drawn(seed) => Some(seed),
            _ => None,
        }
    }

    /// The hash of the ids of its list, if it is one.
    pub(crate) fn listed_hash(&self) -> Option<String> {
        self.listed.as_ref().map(|ids| hash_of_ids(ids.iter().copied()))
    }

    /// The devices to set apart while the list is read.
    pub(crate) fn marks(&self) -> Marks {
        match (&self.rule, &self.listed) {
            (CanaryRule::Tagged(tag), _) => Marks::Tag(tag.clone()),
            (_, Some(ids)) => Marks::Ids(ids.clone()),
            (_, None) => Marks::None,
        }
    }

    /// What the plan tells of it.
    ///
    /// # Errors
    /// `Failure` if it would hold no device, or names one that is not in the list.
    pub(crate) fn found(
        &self,
        listing: &Listing,
        preflight: &Preflight,
    ) -> Result<waves::Canary, Failure> {
        let marked = listing.counts.marked.len() as u64;
        let found = match &self.rule {
            CanaryRule::First | CanaryRule::Drawn(_) => listing.devices(),
            CanaryRule::Tagged(tag) if marked == 0 => return Err(no_tag(tag, preflight)),
            CanaryRule::Tagged(_) => marked,
            CanaryRule::Listed(file) => {
                if let Some(ids) = &self.listed {
                    all_listed(file, ids, listing)?;
                }
                marked
            }
        };
        let devices = self.most.map_or(found, |most| most.min(found));
        Ok(waves::Canary { rule: self.rule.clone(), devices, wanted: self.most })
    }

    /// Deals a draft into waves of these sizes, the canary first.
    ///
    /// # Errors
    /// `Failure` if the store fails.
    pub(crate) async fn lay<S: Store>(
        &self,
        store: &S,
        draft: CampaignId,
        sizes: &[u64],
        listing: &Listing,
    ) -> Result<(), Failure> {
        if self.rule == CanaryRule::First {
            return Ok(store.lay_waves(draft, sizes).await?);
        }
        let seed = self.seed();
        let most = sizes.first().copied().unwrap_or(0);
        let marked = &listing.counts.marked;
        let mut chosen: BTreeSet<(u64, Rank, i64, Seq)> = BTreeSet::new();
        let choose = store.each_row(draft, |row| {
            let (State::Draft, Some(device)) = (row.life.state, row.device) else {
                return Ok::<(), Failure>(());
            };
            let place = match seed {
                Some(seed) => lot(seed, device),
                None if marked.contains(&device) => 0,
                None => return Ok(()),
            };
            chosen.insert((place, row.life.rank, row.turn, row.seq));
            if chosen.len() as u64 > most {
                chosen.pop_last();
            }
            Ok(())
        });
        choose.await?;
        let chosen: Vec<Seq> = chosen.into_iter().map(|(.., seq)| seq).collect();
        Ok(store.lay_chosen(draft, &chosen, sizes).await?)
    }
}

/// The ids of a list, in any form that a list of devices may have.
async fn ids(path: &Path) -> Result<Arc<BTreeSet<DeviceId>>, Failure> {
    side_list::not_standard_input("--canary-file", path)?;
    let path = path.to_owned();
    let read = move || {
        let name = path.display().to_string();
        let fix = "fix that list, then run the same command again";
        let refused = |why: String, next| {
            Failure::usage("the list of --canary-file is refused; nothing was ordered", why, next)
        };
        let rows = side_list::rows(&path, &Options::default());
        let (devices, bad) =
            rows.map_err(|error| refused(error.to_string(), error.fault.remedy().unwrap_or(fix)))?;
        match bad.first() {
            None => Ok(Arc::new(devices.into_iter().map(|(device, _)| device).collect())),
            Some(first) => {
                let rows = counted(bad.len() as u64, "bad row");
                Err(refused(format!("{}: {rows}; the first: {first}", printable(&name)), fix))
            }
        }
    };
    side_list::apart(read).await
}

/// That a device was named as a canary and is not ordered at all must not go unnoticed.
fn all_listed(file: &str, ids: &BTreeSet<DeviceId>, listing: &Listing) -> Result<(), Failure> {
    let file = printable(file);
    let listed: BTreeSet<&DeviceId> = listing.ids.iter().collect();
    let mut missing = ids.iter().filter(|id| !listed.contains(id));
    if let Some(first) = missing.next() {
        let missing = missing.count() as u64 + 1;
        let is = if missing == 1 { "is" } else { "are" };
        return Err(Failure::usage(
            "devices of --canary-file are not in the list; nothing was ordered",
            format!(
                "{} of the {} of {file} {is} not among the devices to scan; the first: {first}",
                count(missing),
                counted(ids.len() as u64, "device")
            ),
            "take them out of that file, or add them to the list",
        ));
    }
    if listing.counts.marked.is_empty() {
        return Err(Failure::usage(
            "there is no canary; nothing was ordered",
            format!("every device of {file} is skipped, as the plan would tell"),
            "name devices that are ordered, or keep these with --keep",
        ));
    }
    Ok(())
}

fn no_tag(tag: &str, preflight: &Preflight) -> Failure {
    let (read, next) = if preflight.known.is_some() && preflight.whole {
        ("by the tenant's inventory and the list", "check how the portal writes the tag")
    } else {
        (
            "by the list's own column; the tenant's inventory was not read",
            "let it be read (--check in a dry run or with --emulator, no --no-check, and the \
             permission Machine.Read.All), or export the list with the column Tags",
        )
    };
    Failure::usage(
        "there is no canary; nothing was ordered",
        format!("no device that is ordered has the tag `{}`, {read}", printable(tag)),
        next,
    )
}
