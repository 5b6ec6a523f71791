//! Where the list of a scan comes from: files, names that are looked up, or the tenant itself. It
//! reads no format (`intake`) and asks no server (`tenant`).

use std::sync::Arc;

use super::args::ScanArgs;
use super::failure::Failure;
use super::listing::{self, Listing};
use super::preflight::Preflight;
use super::tenant::Wish;
use crate::intake::{NameAnswer, Names, Options};
use crate::store::{CampaignId, Store};

/// Reads the list, or takes the tenant's own devices for it.
///
/// # Errors
/// `Failure` if the list is refused, or if the store fails.
pub(super) async fn read<S: Store>(
    args: &ScanArgs,
    preflight: &Arc<Preflight>,
    draft: Option<(&S, CampaignId)>,
) -> Result<Listing, Failure> {
    if args.from_tenant {
        return listing::from_tenant(preflight, draft).await;
    }
    let names = args.names.then(|| {
        let preflight = preflight.clone();
        Names(Arc::new(move |name: &str| {
            let index = preflight.known().and_then(|known| known.names.as_ref());
            index.map_or(NameAnswer::Unknown, |index| index.find(name))
        }))
    });
    let options = Options { column: args.column.clone(), max_rows: args.max_rows, names };
    listing::read(&args.devices, options, preflight, draft).await
}

/// What the flags want of the tenant.
pub(super) fn wish(args: &ScanArgs) -> Wish<'_> {
    Wish {
        pick: args.from_tenant.then_some(&args.machines),
        names: args.names.then_some(args.strict_names),
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
    if args.dry_run && !args.check && wish(args).is_needed() {
        return Err(Failure::usage(
            "a dry run stays offline, and this one needs the tenant",
            "--from-tenant and --names read the tenant's inventory",
            "add --check: it reads, and orders nothing",
        ));
    }
    Ok(())
}
