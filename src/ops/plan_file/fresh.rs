//! What would be ordered now, as the file of a plan says it: to be written, or to be compared with
//! a plan that was made before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::made::refuse;
use super::write;
use crate::clock::{local_now, wall_clock};
use crate::domain::campaign::{hash_in_order, hash_of_ids};
use crate::domain::hours::minutes_of;
use crate::domain::plan_file::{
    Checked, FoundInList, KIND, PlanFile, PlannedGroup, PlannedList, SkippedDevices, Times, VERSION,
};
use crate::domain::preflight::{self, Decision};
use crate::domain::request::{
    ConnectRequest, EmulatorRequest, Length, OrNone, OutputRequest, PlanFileRequest, ScanRequest,
    SpeedRequest,
};
use crate::domain::text::printable;
use crate::domain::{
    BusyPolicy, Campaign, DeviceId, Hours, OrderBy, Outcome, Priority, State, turn,
};
use crate::ops::destination::NOT_GIVEN;
use crate::ops::failure::Failure;
use crate::ops::limits::Speed;
use crate::ops::plan::planner::{Planner, Proposal, Read};
use crate::report::human::moment;
use crate::report::plan::Plan;
use crate::store::{Store, StoreError};

/// What would be ordered now.
struct Fresh<'a> {
    proposal: &'a Proposal<'a>,
    /// The plan for people.
    plan: &'a Plan,
}

/// What a campaign that is open already fixed when it was confirmed.
pub(crate) struct Held {
    left_out: SkippedDevices,
    busy: BusyPolicy,
    priority: Priority,
    /// Those that go first, in their order.
    first: Vec<DeviceId>,
}

/// What an open campaign fixed, if a plan is to be compared with it or written of it.
///
/// # Errors
/// `Failure` if the store fails.
pub(crate) async fn held<S: Store>(
    wanted: bool,
    store: &S,
    there: Option<&Campaign>,
) -> Result<Option<Held>, Failure> {
    let (true, Some(there)) = (wanted, there) else { return Ok(None) };
    let (mut ids, mut first) = (Vec::new(), BTreeMap::new());
    let rows = store.each_row(there.id, |row| {
        // Rows of other tenants are none of its devices.
        let group = row.detail.reason.as_deref().and_then(preflight::Group::of_reason);
        let is_skipped = row.life.state == State::Done(Outcome::Skipped)
            && group != Some(preflight::Group::OtherTenant);
        if is_skipped {
            ids.extend(row.device);
        }
        if turn::is_ahead(row.turn) {
            first.extend(row.device.map(|device| (row.turn, device)));
        }
        Ok::<(), StoreError>(())
    });
    rows.await?;
    let devices = ids.len() as u64;
    let left_out = SkippedDevices { devices, ids_hash: hash_of_ids(ids), groups: Vec::new() };
    let first = first.into_values().collect();
    Ok(Some(Held { left_out, busy: there.busy, priority: there.priority, first }))
}

/// Refuses what was not planned, and writes the plan if that is wanted. Whether the plan is an
/// approved one, which need not be confirmed again.
///
/// # Errors
/// `Failure` of the kind `Refused` says what differs; or why no plan can be written.
pub(crate) fn settle(
    proposal: &Proposal<'_>,
    plan: &Plan,
    held: Option<&Held>,
) -> Result<bool, Failure> {
    let Planner { cx, request, made, .. } = proposal.planner;
    let fresh = Fresh { proposal, plan };
    if let Some(path) = &request.plan_file.write_to {
        write::write(cx, path, &complete(fresh.file(held)?)?, request)?;
        return Ok(false);
    }
    let Some(made) = made else { return Ok(false) };
    refuse(&made.file.differences(&fresh.file(held)?))?;
    let what = if made.approved { "as it was approved" } else { "which nobody has approved yet" };
    let made_at = made.file.times.made_at.to_zoned_datetime(local_now().time_zone().clone());
    cx.say(&format!("It is the plan of {}, {what}: {}", moment(&made_at), made.digest));
    Ok(made.approved)
}

/// Refuses a place for the plan before anything is read.
///
/// # Errors
/// `Failure` if something else would be lost there.
pub fn check_place(request: &ScanRequest) -> Result<(), Failure> {
    match &request.plan_file.write_to {
        Some(path) => write::check(path, request),
        None => Ok(()),
    }
}

/// A plan that is approved says all of where and when; what is left to the next run's surroundings
/// would not have been approved.
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
    let SpeedRequest { hours, until, .. } = &file.request.run.speed;
    let no_zone = hours.windows.is_some() && hours.tz.is_none();
    if no_zone || (is_time_of_day(until.as_ref()) && file.until_zone.is_none()) {
        return Err(Failure::usage(
            "no plan is written",
            "its times of day are in the system's time zone, which has no name",
            "name one with --tz for --window, and write --until as a moment (RFC 3339)",
        ));
    }
    Ok(file)
}

impl Fresh<'_> {
    /// The plan as its file says it.
    fn file(&self, held: Option<&Held>) -> Result<PlanFile, Failure> {
        let Self { plan, proposal: Proposal { planner, read, .. } } = self;
        let Read { listing, order, .. } = read;
        let left_out = held.map_or_else(|| self.left_out(), |held| held.left_out.clone());
        let until = &planner.speed.until;
        let of_day = is_time_of_day(planner.request.run.speed.until.as_ref());
        let call = plan.calls.as_ref();
        let request = self.resolved(held)?;
        Ok(PlanFile {
            v: VERSION,
            kind: KIND.to_owned(),
            campaign: plan.campaign.clone(),
            emulated: plan.emulated,
            order: order.clone(),
            list: PlannedList {
                rows: listing.rows,
                devices: (listing.ids.len() as u64).saturating_sub(left_out.devices),
                duplicates: listing.duplicates,
                bad_rows: listing.bad,
            },
            left_out,
            until_zone: match until {
                Some(until) if of_day => name_of(until.time_zone()),
                _ => None,
            },
            found: self.found(held),
            request,
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

    /// What is asked for, with every default said; of a campaign that is open already as far as
    /// that fixed it. What is this run's alone, or the machine's, is left out.
    fn resolved(&self, held: Option<&Held>) -> Result<ScanRequest, Failure> {
        let Proposal { planner, wish, dealt, .. } = self.proposal;
        let mut said = planner.request.clone();
        said.devices = lists(&said.devices)?;
        said.order.first = lists(&said.order.first)?;
        said.waves = wish.request(dealt);
        if let Some(file) = said.waves.canary_file.take() {
            said.waves.canary_file = Some(list(&file)?);
        }
        (said.scan_type, said.comment, said.ticket, said.campaign) = (None, None, None, None);
        (said.dry_run, said.approve_max, said.max_rows) = (false, None, None);
        said.check = asks(&said, self.plan.emulated, self.plan.dry_run);
        said.no_check = false;
        said.plan_file = PlanFileRequest::default();
        sorted(&mut said.keep);
        sorted(&mut said.skip);
        said.busy = Some(held.map_or(said.busy.unwrap_or_default(), |held| held.busy));
        said.order.by.get_or_insert_default();
        said.run.connect = ConnectRequest::default();
        said.run.emulator = EmulatorRequest::default();
        said.run.output = OutputRequest::default();
        said.run.after = Default::default();
        said.run.max_failures = dealt.rollout.max_failures.map(OrNone::Is);
        said.run.speed = resolved_speed(&planner.request.run.speed, &planner.speed, held);
        Ok(said)
    }

    fn found(&self, held: Option<&Held>) -> FoundInList {
        let Proposal { planner, read, wish, dealt, .. } = self.proposal;
        let (request, listing) = (planner.request, &read.listing);
        let named = held.map_or_else(|| listing.sequence.named(), |held| held.first.clone());
        let first = named.len() as u64;
        let some = first > 0 || !request.order.first.is_empty();
        let rollout = &dealt.rollout;
        // A tenant tells its devices in no order of their own, and another order goes by facts.
        let by_rows = request.order.by.unwrap_or_default() == OrderBy::List && !request.from_tenant;
        let by_rows = by_rows && rollout.sizes.len() > usize::from(wish.is_chosen());
        FoundInList {
            first,
            first_hash: if some { Some(hash_in_order(named)) } else { None },
            canary_hash: wish.listed_hash(),
            dealt: rollout.sizes.clone(),
            begins_with_canary: rollout.canary,
            rows_hash: if by_rows {
                Some(hash_in_order(listing.ids.iter().copied()))
            } else {
                None
            },
        }
    }

    fn left_out(&self) -> SkippedDevices {
        let groups = self.plan.checked.groups.iter().map(|found| PlannedGroup {
            group: found.group.name().to_owned(),
            devices: found.devices,
            decision: match found.decision {
                Decision::Skip(_) => "skip",
                Decision::Last => "last",
                Decision::Send => "send",
            }
            .to_owned(),
        });
        let left_out = &self.proposal.read.listing.left_out;
        SkippedDevices {
            devices: left_out.len() as u64,
            ids_hash: hash_of_ids(left_out.iter().copied()),
            groups: groups.collect(),
        }
    }
}

/// The limits, the pace and the times that were asked for, with every default said.
fn resolved_speed(asked: &SpeedRequest, speed: &Speed, held: Option<&Held>) -> SpeedRequest {
    let mut said = asked.clone();
    let mut limits = speed.quotas.clone();
    limits.sort_unstable();
    (said.limits, said.leave) = (Some(limits), None);
    said.pace = Some(speed.pace_kind);
    said.concurrency = None;
    said.time_scale = Some(speed.time_scale);
    said.max_wait = None;
    said.max_duration = speed.max_duration.map(|length| OrNone::Is(Length(length)));
    let hours = speed.hours.as_ref();
    let windows = hours.map(Hours::windows).filter(|windows| !windows.is_empty());
    said.hours.windows = windows.map(<[_]>::to_vec);
    said.hours.tz =
        if windows.is_some() { hours.and_then(|hours| name_of(hours.zone())) } else { None };
    said.hours.last_order = hours.and_then(Hours::last_order).map(minutes_of);
    said.hours.start_at = hours.and_then(Hours::start).map(|start| OrNone::Is(start.to_string()));
    said.priority = Some(match held {
        Some(held) => speed.new_priority.unwrap_or(held.priority),
        None => speed.priority,
    });
    said
}

/// Whether the tenant is asked about the devices before the first order.
fn asks(request: &ScanRequest, emulated: bool, dry_run: bool) -> bool {
    let needed = request.from_tenant || request.names || request.check;
    needed || !(request.no_check || dry_run || emulated)
}

fn sorted(groups: &mut Vec<preflight::Group>) {
    groups.sort_unstable_by_key(|group| group.name());
    groups.dedup();
}

fn lists(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    paths.iter().map(|path| list(path)).collect()
}

/// A list as a process in any folder finds it.
fn list(path: &Path) -> Result<PathBuf, Failure> {
    let whole = if path.as_os_str() == "-" {
        path.to_owned()
    } else {
        std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
    };
    if whole.to_str().is_none() {
        let why = format!("the path {} is no text", printable(&whole.display().to_string()));
        return Err(Failure::usage("no plan is written", why, "give the list another name"));
    }
    Ok(whole)
}

fn is_time_of_day(until: Option<&OrNone<String>>) -> bool {
    let text = until.and_then(|until| until.as_ref());
    text.is_some_and(|text| text.parse::<jiff::Timestamp>().is_err())
}

/// The name of a zone; one that the system could not tell has none.
fn name_of(zone: &TimeZone) -> Option<String> {
    if zone.is_unknown() { None } else { zone.iana_name().map(str::to_owned) }
}
