//! Where the list of a scan comes from: files, names that are looked up, or the tenant itself. It
//! reads no format (`intake`) and asks no server (`tenant`).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::request::{Said, ScanRequest};
use crate::domain::text::printable;
use crate::domain::{CampaignId, OrderBy};
use crate::intake::{DEFAULT_MAX_ROWS, NameAnswer, Names, Options};
use crate::ops::destination::Planned;
use crate::ops::failure::Failure;
use crate::ops::plan::listing::{self, Listing, Reading};
use crate::ops::plan::sequence::Sequence;
use crate::ops::preflight::earlier::Question;
use crate::ops::preflight::judge::Preflight;
use crate::ops::preflight::tenant::Needs;
use crate::store::Store;

/// Looks at the list before the tenant is asked anything, and gives standard input as it was kept.
///
/// # Errors
/// `Failure` if the list is refused.
pub(crate) async fn rehearse(request: &ScanRequest) -> Result<Option<File>, Failure> {
    // What a name stands for is not known yet.
    if !request.names {
        Sequence::rehearse(&request.order, options(request, None)).await?;
    }
    if request.from_tenant || !request.ids.is_empty() {
        return Ok(None);
    }
    listing::rehearse(&request.devices, options_of(request)).await
}

/// Reads the list, or takes the tenant's own devices for it.
///
/// # Errors
/// `Failure` if the list is refused, or if the store fails.
pub(crate) async fn read<S: Store>(
    request: &ScanRequest,
    kept: Option<File>,
    preflight: &Arc<Preflight>,
    draft: Option<(&S, CampaignId)>,
) -> Result<Listing, Failure> {
    let known = preflight.clone();
    let names = Names(Arc::new(move |name: &str| {
        let index = known.known.as_ref().and_then(|known| known.names.as_ref());
        index.map_or(NameAnswer::Unknown(None), |index| index.find(name))
    }));
    let names = if request.names { Some(names) } else { None };
    let options = Options { own: preflight.own.clone(), ..options(request, names) };
    let sequence = Sequence::read(&request.order, options.clone()).await?;
    let reading = Reading { preflight, sequence };
    if request.from_tenant {
        let picked = preflight.known.as_ref().map_or(&[][..], |known| &known.picked);
        return listing::known(picked, reading, draft).await;
    }
    if !request.ids.is_empty() {
        return listing::known(&request.ids, reading, draft).await;
    }
    listing::read(&request.devices, kept, options, reading, draft).await
}

/// Whether the list can be asked in the order that was wished for.
///
/// # Errors
/// `Failure` says what is missing.
pub(crate) fn check_order(request: &ScanRequest, listing: &Listing) -> Result<(), Failure> {
    listing.sequence.check(&listing.ids, &listing.placed, request.from_tenant)
}

/// How a list is read for what its rows say beside their devices.
pub(crate) fn options_of(request: &ScanRequest) -> Options {
    // What a name stands for is not known yet, and an unknown one refuses no list as a whole.
    options(request, if request.names { Some(unknown_names()) } else { None })
}

fn unknown_names() -> Names {
    Names(Arc::new(|_: &str| NameAnswer::Unknown(None)))
}

fn options(request: &ScanRequest, names: Option<Names>) -> Options {
    Options {
        column: request.column.clone(),
        max_rows: request.max_rows.unwrap_or(DEFAULT_MAX_ROWS),
        names,
        only_of: request.only_of.clone(),
        ..Options::default()
    }
}

/// Whether nothing can be done without the tenant's inventory.
pub(crate) fn needs_tenant(request: &ScanRequest) -> bool {
    request.from_tenant || request.names
}

/// What the flags want of this tenant.
pub(crate) fn wish<'a>(request: &'a ScanRequest, planned: &Planned) -> Needs<'a> {
    let by_facts = request.order.by.unwrap_or_default() != OrderBy::List;
    Needs {
        before: Question::of(request, planned),
        pick: if request.from_tenant { Some(&request.machines) } else { None },
        names: if request.names { Some(request.strict_names) } else { None },
        tag: request.waves.canary_tag.as_ref(),
        asked_for: request.check || request.waves.canary_tag.is_some() || by_facts,
    }
}

/// Whether the flags agree on where the list comes from.
///
/// # Errors
/// `Failure` says which do not.
pub fn check_source(request: &ScanRequest) -> Result<(), Failure> {
    if !request.from_tenant && !request.machines.is_unsaid() {
        // What other programs call --name is --campaign here.
        let named = if request.machines.dns_names.is_empty() {
            ""
        } else {
            "; --name chooses devices by their DNS name, and --campaign names the campaign"
        };
        return Err(Failure::usage(
            "the filters have nothing to choose from",
            "they choose among the tenant's devices, and a list of devices is given",
            format!("add --from-tenant and leave the list out, or leave the filters out{named}"),
        ));
    }
    // Also with --force: a list that its own report replaces is lost.
    let whole = |path: &Path| path.canonicalize().ok();
    let lists = request.devices.iter().chain(&request.order.first);
    let lists: Vec<PathBuf> = lists.filter_map(|path| whole(path)).collect();
    let over = |path: &&PathBuf| whole(path).is_some_and(|report| lists.contains(&report));
    if let Some(path) = request.run.output.reports.iter().find(over) {
        return Err(Failure::usage(
            "the report would replace the list",
            format!("{} is both", printable(&path.display().to_string())),
            "name another file with --report",
        ));
    }
    Ok(())
}
