//! Which devices are the canary: the first of the list, or those of a list, with a tag, or drawn by
//! lot. How long it is waited for and when it failed is not settled here.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::args::WaveArgs;
use super::failure::Failure;
use super::listing::Listing;
use super::naming::random;
use super::preflight::Preflight;
use super::side_list;
use crate::domain::campaign::hash_of_ids;
use crate::domain::plan_file::Who;
use crate::domain::rollout::lot;
use crate::domain::text::printable;
use crate::domain::{CampaignId, DeviceId, Facts, Rank, Seq, State};
use crate::intake::Options;
use crate::report::human::{count, counted};
use crate::report::waves::{self, Rule};
use crate::store::Store;

/// Who is the canary.
#[derive(Clone, Debug)]
pub(super) struct Canary {
    /// At most so many devices.
    most: Option<u64>,
    choice: Choice,
}

#[derive(Clone, Debug)]
enum Choice {
    First,
    Drawn(u64),
    Tagged(String),
    Listed(String, Arc<BTreeSet<DeviceId>>),
}

/// Devices that are set apart while a list is read.
#[derive(Clone, Debug, Default)]
pub(super) enum Marks {
    /// None.
    #[default]
    None,
    /// These.
    Ids(Arc<BTreeSet<DeviceId>>),
    /// Those with this tag.
    Tag(String),
}

impl Marks {
    /// Whether a device is set apart, by its row, or by the inventory if that was read.
    pub(super) fn has(&self, device: DeviceId, facts: &Facts, tagged_there: bool) -> bool {
        match self {
            Self::None => false,
            Self::Ids(ids) => ids.contains(&device),
            Self::Tag(tag) => tagged_there || facts.tags.iter().any(|one| one == tag),
        }
    }
}

impl Canary {
    /// The first devices of the list.
    pub(super) fn first(devices: u64) -> Self {
        Self { most: Some(devices), choice: Choice::First }
    }

    /// Who the options name; nothing if they name none.
    ///
    /// # Errors
    /// `Failure` if the list of ids is refused.
    pub(super) async fn read(args: &WaveArgs) -> Result<Option<Self>, Failure> {
        let choice = match (&args.canary_file, &args.canary_tag, args.canary_seed) {
            (Some(path), ..) => Choice::Listed(path.display().to_string(), ids(path).await?),
            (None, Some(tag), _) => Choice::Tagged(tag.clone()),
            (None, None, Some(seed)) => Choice::Drawn(seed),
            // A number that people can copy without a slip.
            (None, None, None) if args.canary_random => Choice::Drawn(random()? % 1_000_000),
            (None, None, None) if args.canary.is_some() => Choice::First,
            (None, None, None) => return Ok(None),
        };
        Ok(Some(Self { most: args.canary, choice }))
    }

    /// The same as a plan file says it.
    pub(super) fn course(&self) -> (Option<u64>, Who) {
        let who = match &self.choice {
            Choice::First => Who::First,
            Choice::Drawn(seed) => Who::Drawn { seed: *seed },
            Choice::Tagged(tag) => Who::Tagged { tag: tag.clone() },
            Choice::Listed(file, ids) => {
                Who::Listed { file: file.clone(), ids_hash: hash_of_ids(ids.iter().copied()) }
            }
        };
        (self.most, who)
    }

    /// The devices to set apart while the list is read.
    pub(super) fn marks(&self) -> Marks {
        match &self.choice {
            Choice::First | Choice::Drawn(_) => Marks::None,
            Choice::Tagged(tag) => Marks::Tag(tag.clone()),
            Choice::Listed(_, ids) => Marks::Ids(ids.clone()),
        }
    }

    /// What the plan tells of it.
    ///
    /// # Errors
    /// `Failure` if it would hold no device, or names one that is not in the list.
    pub(super) fn found(
        &self,
        listing: &Listing,
        preflight: &Preflight,
    ) -> Result<waves::Canary, Failure> {
        let marked = listing.counts.marked().len() as u64;
        let (rule, found) = match &self.choice {
            Choice::First => (Rule::First, listing.devices()),
            Choice::Drawn(seed) => (Rule::Drawn(*seed), listing.devices()),
            Choice::Tagged(tag) if marked == 0 => return Err(no_tag(tag, preflight)),
            Choice::Tagged(tag) => (Rule::Tagged(tag.clone()), marked),
            Choice::Listed(file, ids) => {
                all_listed(file, ids, listing)?;
                (Rule::Listed(file.clone()), marked)
            }
        };
        let devices = self.most.map_or(found, |most| most.min(found));
        Ok(waves::Canary { rule, devices, wanted: self.most })
    }

    /// Deals a draft into waves of these sizes, the canary first.
    ///
    /// # Errors
    /// `Failure` if the store fails.
    pub(super) async fn lay<S: Store>(
        &self,
        store: &S,
        draft: CampaignId,
        sizes: &[u64],
        listing: &Listing,
    ) -> Result<(), Failure> {
        let seed = match self.choice {
            Choice::First => return Ok(store.lay_waves(draft, sizes).await?),
            Choice::Drawn(seed) => Some(seed),
            Choice::Tagged(_) | Choice::Listed(..) => None,
        };
        let most = sizes.first().copied().unwrap_or(0);
        let marked = listing.counts.marked();
        let mut chosen: BTreeSet<(u64, Rank, i64, Seq)> = BTreeSet::new();
        let choose = store.each_row(draft, |row| {
            let Some(device) = row.device.filter(|_| row.life.state == State::Draft) else {
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
    let reading = tokio::task::spawn_blocking(move || {
        let name = path.display().to_string();
        let refused = |why: String| {
            let next = "mend that list, then run the same command again";
            Failure::usage("the list of --canary-file is refused; nothing was ordered", why, next)
        };
        let rows = side_list::rows(&path, &Options::default());
        let (devices, bad) = rows.map_err(|error| refused(error.to_string()))?;
        match bad.first() {
            None => Ok(Arc::new(devices.into_iter().map(|(device, _)| device).collect())),
            Some(first) => {
                let rows = counted(bad.len() as u64, "bad row");
                Err(refused(format!("{}: {rows}; the first: {first}", printable(&name))))
            }
        }
    });
    reading.await.map_err(|error| {
        Failure::new(1, "reading a list failed", error.to_string(), "report this as a defect")
    })?
}

/// A device that was named as a canary and is not ordered at all would be missed by nobody.
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
    if listing.counts.marked().is_empty() {
        return Err(Failure::usage(
            "there is no canary; nothing was ordered",
            format!("every device of {file} is skipped, as the plan would tell"),
            "name devices that are ordered, or keep these with --keep",
        ));
    }
    Ok(())
}

fn no_tag(tag: &str, preflight: &Preflight) -> Failure {
    let (read, next) = match preflight.inventory().filter(|_| preflight.is_whole()) {
        Some(_) => {
            ("by the tenant's inventory and the list", "check how the portal writes the tag")
        }
        None => (
            "by the list's own column; the tenant's inventory was not read",
            "let it be read (--check in a dry run or with --emulator, no --no-check, and the \
             permission Machine.Read.All), or export the list with the column Tags",
        ),
    };
    Failure::usage(
        "there is no canary; nothing was ordered",
        format!("no device that is ordered has the tag `{}`, {read}", printable(tag)),
        next,
    )
}
