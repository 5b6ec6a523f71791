//! Where the list of a scan comes from: files, names that are looked up, or the tenant itself. It
//! reads no format (`intake`) and asks no server (`tenant`).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::ScanArgs;
use super::due::Question;
use super::failure::Failure;
use super::listing::{self, Listing};
use super::preflight::Preflight;
use super::queue::Queue;
use super::tenant::Wish;
use crate::domain::text::printable;
use crate::domain::{CampaignId, OrderBy, Target, TenantId};
use crate::intake::{NameAnswer, Names, Options};
use crate::store::Store;

/// Looks at the list before the tenant is asked anything, and gives standard input as it was kept.
///
/// # Errors
/// `Failure` if the list is refused.
pub(super) async fn rehearse(args: &ScanArgs) -> Result<Option<File>, Failure> {
    // What a name stands for is not known yet.
    if !args.names {
        Queue::rehearse(&args.order, options(args, None, None)).await?;
    }
    if args.from_tenant {
        return Ok(None);
    }
    // An unknown name refuses no list as a whole.
    let names = args.names.then(|| Names(Arc::new(|_: &str| NameAnswer::Unknown(None))));
    listing::rehearse(&args.devices, options(args, names, None)).await
}

/// Reads the list, or takes the tenant's own devices for it.
///
/// # Errors
/// `Failure` if the list is refused, or if the store fails.
pub(super) async fn read<S: Store>(
    args: &ScanArgs,
    kept: Option<File>,
    preflight: &Arc<Preflight>,
    draft: Option<(&S, CampaignId)>,
) -> Result<Listing, Failure> {
    let names = args.names.then(|| {
        let preflight = preflight.clone();
        Names(Arc::new(move |name: &str| {
            let index = preflight.known().and_then(|known| known.names.as_ref());
            index.map_or(NameAnswer::Unknown(None), |index| index.find(name))
        }))
    });
    let tenant = preflight.tenant;
    let queue = Queue::read(&args.order, options(args, names.clone(), tenant)).await?;
    if args.from_tenant {
        return listing::from_tenant((preflight, queue), draft).await;
    }
    let options = options(args, names, tenant);
    listing::read(&args.devices, kept, options, (preflight, queue), draft).await
}

/// Whether the list can be asked in the order that was wished for.
///
/// # Errors
/// `Failure` says what is missing.
pub(super) fn check_order(args: &ScanArgs, listing: &Listing) -> Result<(), Failure> {
    listing.queue.check(&listing.ids, &listing.placed, args.from_tenant)
}

fn options(args: &ScanArgs, names: Option<Names>, tenant: Option<TenantId>) -> Options {
    Options { column: args.column.clone(), max_rows: args.max_rows, names, tenant }
}

/// Whether nothing can be done without the tenant's inventory.
pub(super) fn needs_tenant(args: &ScanArgs) -> bool {
    args.from_tenant || args.names
}

/// What the flags want of this tenant.
pub(super) fn wish<'a>(args: &'a ScanArgs, target: &Target, emulated: bool) -> Wish<'a> {
    let by_facts = args.order.by != OrderBy::List;
    Wish {
        before: Question::of(args, target, emulated),
        pick: args.from_tenant.then_some(&args.machines),
        names: args.names.then_some(args.strict_names),
        tag: args.waves.canary_tag.as_ref(),
        asked_for: args.check || args.waves.canary_tag.is_some() || by_facts,
    }
}

/// Whether the flags agree on where the list comes from.
///
/// # Errors
/// `Failure` says which do not.
pub(super) fn check_source(args: &ScanArgs) -> Result<(), Failure> {
    if !args.from_tenant && !args.machines.is_empty() {
        return Err(Failure::usage(
            "the filters have nothing to choose from",
            "they choose among the tenant's devices, and a list of devices is given",
            "add --from-tenant and leave the list out, or leave the filters out",
        ));
    }
    // Also with --force: a list that its own report replaces is lost.
    let whole = |path: &Path| path.canonicalize().ok();
    let lists = args.devices.iter().chain(&args.order.first);
    let lists: Vec<PathBuf> = lists.filter_map(|path| whole(path)).collect();
    let over = |path: &&PathBuf| whole(path).is_some_and(|report| lists.contains(&report));
    if let Some(path) = args.run.output.reports.iter().find(over) {
        return Err(Failure::usage(
            "the report would replace the list",
            format!("{} is both", printable(&path.display().to_string())),
            "name another file with --report",
        ));
    }
    Ok(())
}
