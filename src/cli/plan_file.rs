//! `--plan-out`, `--plan` and `--approve-plan`: a plan is written to a file, people approve the
//! file by its digest, and later exactly that is run. What would be ordered is computed afresh
//! then, from the list and the tenant as always; whatever differs is refused before the first
//! order.

mod course;
mod fill;
mod write;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use jiff::tz::TimeZone;

use super::args::ScanArgs;
use super::connect::{Destination, NOT_GIVEN};
use super::failure::Failure;
use super::listing::Listing;
use super::say;
use super::settings::Speed;
use super::waves::{Dealt, Wish};
use crate::clock::{local_now, wall_clock};
use crate::domain::campaign::hash_of_ids;
use crate::domain::hours::Window;
use crate::domain::plan_file::{
    Checked, FileDigest, Group, KIND, LeftOut, List, Options, PlanFile, Source, Times, VERSION,
};
use crate::domain::preflight::{self, Decision};
use crate::domain::quota::duration_text;
use crate::domain::text::printable;
use crate::domain::{
    BusyPolicy, Campaign, DeviceId, Hours, Order, Outcome, PaceKind, Priority, Quota, State, turn,
};
use crate::report::human::{moment, wrapped};
use crate::report::plan::Plan;
use crate::store::{Store, StoreError};

/// Bytes that a plan file may have: it holds no list.
const MOST_BYTES: u64 = 4 << 20;

/// A plan that was made before, as its file says it.
#[derive(Debug)]
pub struct Made {
    /// What was planned.
    file: PlanFile,
    /// The digest of the file's bytes.
    digest: FileDigest,
    /// That digest was approved.
    approved: bool,
}

/// What would be ordered now.
pub(super) struct Fresh<'a> {
    /// The plan for people.
    pub plan: &'a Plan,
    /// The order.
    pub order: &'a Order,
    /// What was read.
    pub listing: &'a Listing,
    /// Limits, pace and times.
    pub speed: &'a Speed,
    /// Which waves are wished for, and how the list was dealt into them.
    pub waves: (&'a Wish, &'a Dealt),
}

/// What a campaign that is open already fixed when it was confirmed.
pub(super) struct Held {
    left_out: LeftOut,
    busy: BusyPolicy,
    priority: Priority,
    /// Those that go first, in their order.
    first: Vec<DeviceId>,
}

/// Reads the plan that is to be run, and takes from it what was not typed.
///
/// # Errors
/// `Failure` if the file is not the approved one, or no plan; or if no plan can be written where it
/// is wanted.
pub(super) fn take(mut args: ScanArgs) -> Result<ScanArgs, Failure> {
    if let Some(path) = &args.change.plan {
        let made = Made::read(path, args.change.approve_plan.as_ref())?;
        fill::fill(&mut args, &made.file).map_err(|why| no_plan("the plan", why))?;
        args.change.made = Some(Box::new(made));
    }
    if let Some(path) = &args.change.plan_out {
        write::check(path, &args)?;
    }
    Ok(args)
}

/// Whether this is where the plan is to be run: asked before anything at all is sent there.
///
/// # Errors
/// `Failure` with exit code 6 says what differs.
pub(super) fn same_place(args: &ScanArgs, destination: &Destination) -> Result<(), Failure> {
    let Some(made) = &args.change.made else { return Ok(()) };
    let order = Order { target: destination.target(), ..made.file.order.clone() };
    let now = PlanFile { order, emulated: destination.emulated(), ..made.file.clone() };
    refuse(&made.file.differences(&now))
}

/// What an open campaign fixed, if a plan is to be compared with it or written of it.
///
/// # Errors
/// `Failure` if the store fails.
pub(super) async fn held<S: Store>(
    args: &ScanArgs,
    store: &S,
    there: Option<&Campaign>,
) -> Result<Option<Held>, Failure> {
    let Some(there) = there.filter(|_| is_wanted(args)) else { return Ok(None) };
    let (mut ids, mut first) = (Vec::new(), BTreeMap::new());
    let rows = store.each_row(there.id, |row| {
        // Rows of other tenants are none of its devices.
        let group = row.detail.reason.as_deref().and_then(preflight::Group::of_reason);
        let is_skipped = row.life.state == State::Done(Outcome::Skipped)
            && group != Some(preflight::Group::OtherTenant);
        ids.extend(row.device.filter(|_| is_skipped));
        let ahead = row.device.filter(|_| turn::is_ahead(row.turn));
        first.extend(ahead.map(|device| (row.turn, device)));
        Ok::<(), StoreError>(())
    });
    rows.await?;
    let devices = ids.len() as u64;
    let left_out = LeftOut { devices, ids_hash: hash_of_ids(ids), groups: Vec::new() };
    let first = first.into_values().collect();
    Ok(Some(Held { left_out, busy: there.busy, priority: there.priority, first }))
}

/// Refuses what was not planned, and writes the plan if that is wanted. Whether the plan is an
/// approved one, which nobody need confirm again.
///
/// # Errors
/// `Failure` with exit code 6 says what differs; or why no plan can be written.
pub(super) fn settle(
    args: &ScanArgs,
    fresh: &Fresh<'_>,
    held: Option<&Held>,
) -> Result<bool, Failure> {
    if !is_wanted(args) {
        return Ok(false);
    }
    let now = fresh.file(args, held)?;
    if let Some(path) = &args.change.plan_out {
        write::write(path, &complete(now)?, args)?;
        return Ok(false);
    }
    let Some(made) = &args.change.made else { return Ok(false) };
    refuse(&made.file.differences(&now))?;
    let what = if made.approved { "as it was approved" } else { "which nobody has approved yet" };
    let made_at = made.file.times.made_at.to_zoned_datetime(local_now().time_zone().clone());
    let told = format!("It is the plan of {}, {what}: {}", moment(&made_at), made.digest);
    say::note(&wrapped(&told, 2));
    Ok(made.approved)
}

/// A plan that nobody confirmed, with how a plan of a file is.
pub(super) fn unconfirmed(args: &ScanArgs, failure: Failure) -> Failure {
    let Some(made) = &args.change.made else { return failure };
    let next = format!(
        "run it on a terminal, or have the file approved and add --approve-plan {}",
        made.digest
    );
    Failure { next, ..failure }
}

/// Why the tenant is not asked about the devices of this run.
pub(super) fn why_not(args: &ScanArgs) -> &'static str {
    match args.change.made {
        Some(_) => "the plan was made without them",
        None => "--no-check is given",
    }
}

fn is_wanted(args: &ScanArgs) -> bool {
    args.change.made.is_some() || args.change.plan_out.is_some()
}

fn refuse(differs: &[String]) -> Result<(), Failure> {
    if differs.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        6,
        "nothing was ordered: this is not what was planned",
        format!("what differs: {}", differs.join("; ")),
        "restore what was planned, or make a new plan with --plan-out and have it approved",
    ))
}

fn no_plan(what: &str, why: impl Into<String>) -> Failure {
    let next = "name a file that --plan-out of this version of the program wrote";
    Failure::usage(format!("nothing was ordered: {what} cannot be used"), why, next)
}

/// A plan that is approved says all of where and when; what is left to the next run's surroundings
/// would be approved by nobody.
fn complete(file: PlanFile) -> Result<PlanFile, Failure> {
    let target = &file.order.target;
    let unknown = |id: &str| id.is_empty() || id == NOT_GIVEN;
    // A domain is another name of a tenant; a run knows it by its id.
    let no_id = unknown(&target.tenant) || target.tenant.contains('.');
    if !file.emulated && (no_id || unknown(&target.application)) {
        return Err(Failure::usage(
            "no plan is written",
            "nothing says by their ids for which tenant and application it is",
            "name them with --tenant and --client-id, or let --check ask the tenant",
        ));
    }
    let Options { windows, zone, until, until_zone, .. } = &file.options;
    let time_of_day = until.as_deref().is_some_and(is_time_of_day);
    if (!windows.is_empty() && zone.is_none()) || (time_of_day && until_zone.is_none()) {
        return Err(Failure::usage(
            "no plan is written",
            "its times of day are in the system's time zone, which has no name",
            "name one with --tz for --window, and write --until as a moment (RFC 3339)",
        ));
    }
    Ok(file)
}

impl Made {
    fn read(path: &Path, approved: Option<&FileDigest>) -> Result<Self, Failure> {
        let shown = printable(&path.display().to_string());
        let what = format!("the plan file {shown}");
        let bytes = bytes(path).map_err(|why| no_plan(&what, why))?;
        // Before anything is made of its content.
        let digest = FileDigest::of(&bytes);
        if let Some(approved) = approved.filter(|approved| **approved != digest) {
            return Err(Failure::new(
                6,
                format!("nothing was ordered: {what} is not the approved one"),
                format!("approved is {approved}, and the file has {digest}"),
                "restore the approved file, or have this one approved",
            ));
        }
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| no_plan(&what, error.to_string()))?;
        if value["v"] != VERSION || value["type"] != KIND {
            let why = format!("it is no `{KIND}` of version {VERSION}");
            return Err(no_plan(&what, why));
        }
        let file: PlanFile =
            serde_json::from_slice(&bytes).map_err(|error| no_plan(&what, error.to_string()))?;
        Ok(Self { file, digest, approved: approved.is_some() })
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    match bytes.len() as u64 > MOST_BYTES {
        true => Err(format!("it has more than {MOST_BYTES} bytes")),
        false => Ok(bytes),
    }
}

impl Fresh<'_> {
    /// The plan as its file says it.
    fn file(&self, args: &ScanArgs, held: Option<&Held>) -> Result<PlanFile, Failure> {
        let Self { plan, order, listing, speed, waves: _ } = self;
        let left_out = held.map_or_else(|| self.left_out(), |held| held.left_out.clone());
        let options = options(args, speed, plan.emulated);
        let busy = held.map_or(options.busy, |held| held.busy);
        let call = plan.calls.as_ref();
        Ok(PlanFile {
            v: VERSION,
            kind: KIND.to_owned(),
            campaign: plan.campaign.clone(),
            emulated: plan.emulated,
            order: (*order).clone(),
            list: List {
                rows: listing.rows,
                devices: (listing.ids.len() as u64).saturating_sub(left_out.devices),
                duplicates: listing.duplicates,
                bad_rows: listing.bad,
            },
            left_out,
            source: source(args)?,
            options: Options { busy, ..options },
            course: self.course(args, held)?,
            checked: Checked {
                inventory: plan.checked.inventory.map(|(machines, _)| machines),
                not_checked: plan.checked.not_checked.clone(),
                systems: plan.checked.systems.iter().cloned().collect(),
                device_groups: plan.checked.device_groups.iter().cloned().collect(),
            },
            times: Times {
                made_at: wall_clock(),
                starts_at: call.map(|call| call.starts_at.timestamp()),
                last_call_at: call.map(|call| call.last_call_at.timestamp()),
                duration_s: call.map(|call| call.duration.as_secs_f64()),
            },
        })
    }

    fn left_out(&self) -> LeftOut {
        let groups = self.plan.checked.groups.iter().map(|found| Group {
            group: found.group.name().to_owned(),
            devices: found.devices,
            decision: match found.decision {
                Decision::Skip(_) => "skip",
                Decision::Last => "last",
                Decision::Send => "send",
            }
            .to_owned(),
        });
        LeftOut {
            devices: self.listing.left_out.len() as u64,
            ids_hash: hash_of_ids(self.listing.left_out.iter().copied()),
            groups: groups.collect(),
        }
    }
}

fn source(args: &ScanArgs) -> Result<Source, Failure> {
    let lists: Result<Vec<String>, Failure> = args.devices.iter().map(|path| list(path)).collect();
    Ok(Source {
        lists: lists?,
        from_tenant: args.from_tenant,
        filters: args.machines.flags(),
        column: args.column.clone(),
    })
}

/// A list as a process in any folder finds it.
fn list(path: &Path) -> Result<String, Failure> {
    let whole = match path.as_os_str() == "-" {
        true => path.to_owned(),
        false => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
    };
    whole.to_str().map(str::to_owned).ok_or_else(|| {
        let why = format!("the path {} is no text", printable(&whole.display().to_string()));
        Failure::usage("no plan is written", why, "give the list another name")
    })
}

fn options(args: &ScanArgs, speed: &Speed, emulated: bool) -> Options {
    let names = |groups: &[preflight::Group]| {
        let mut names: Vec<String> = groups.iter().map(|one| one.name().to_owned()).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    let mut limits = speed.quotas.clone();
    limits.sort_unstable();
    let hours = speed.hours.as_ref();
    let windows = hours.map_or(&[][..], Hours::windows);
    let until = args.run.speed.until.clone();
    let of_day = until.as_deref().is_some_and(is_time_of_day);
    Options {
        busy: args.busy_policy(),
        keep: names(&args.keep),
        skip: names(&args.skip),
        skip_bad_rows: args.skip_bad_rows,
        names: args.names,
        strict_names: args.strict_names,
        check: asks(args, emulated),
        windows: windows.iter().map(Window::to_string).collect(),
        last_order: hours.and_then(Hours::last_order).map(|at| at.strftime("%H:%M").to_string()),
        zone: hours.filter(|_| !windows.is_empty()).and_then(|hours| name_of(hours.zone())),
        start_at: hours.and_then(Hours::start),
        until_zone: speed.until.as_ref().filter(|_| of_day).and_then(|at| name_of(at.time_zone())),
        until,
        max_duration: speed.max_duration.map(duration_text),
        limits: limits.iter().map(Quota::to_string).collect(),
        pace: match speed.pace_kind {
            PaceKind::Fast => "fast",
            PaceKind::Even => "even",
        }
        .to_owned(),
        time_scale: speed.time_scale,
        due: args.due.due.map(duration_text),
    }
}

fn is_time_of_day(until: &str) -> bool {
    until.parse::<jiff::Timestamp>().is_err()
}

/// The name of a zone; one that the system could not tell has none.
fn name_of(zone: &TimeZone) -> Option<String> {
    let known = zone.iana_name().filter(|_| !zone.is_unknown());
    known.map(str::to_owned)
}

/// Whether the tenant is asked about the devices before the first order.
fn asks(args: &ScanArgs, emulated: bool) -> bool {
    let needed = args.from_tenant || args.names || args.check;
    needed || !(args.no_check || args.dry_run || emulated)
}
