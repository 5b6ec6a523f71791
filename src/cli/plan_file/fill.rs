//! What a plan says and nobody typed. What was typed stays, and is compared with the plan like
//! everything else when all is known.

use std::time::Duration;

use super::{asks, course};
use crate::cli::args::{BusyArg, PaceArg, ScanArgs, SpeedArgs};
use crate::cli::machine_args::MachineArgs;
use crate::clock::wall_clock;
use crate::domain::hours::clock_time;
use crate::domain::plan_file::{Options, PlanFile, Source};
use crate::domain::preflight::Group;
use crate::domain::quota::parse_duration;
use crate::domain::{BusyPolicy, Order};
use crate::intake::DEFAULT_MAX_ROWS;

/// Takes from the plan what was not typed.
///
/// # Errors
/// What of the plan this version does not understand.
pub(super) fn fill(args: &mut ScanArgs, plan: &PlanFile) -> Result<(), String> {
    let Order { scan_type, comment, ticket, target: _, ids_hash: _ } = &plan.order;
    args.scan_type = args.scan_type.or(Some(*scan_type));
    args.comment.get_or_insert_with(|| comment.clone());
    args.change.ticket = args.change.ticket.take().or_else(|| ticket.clone());
    args.campaign.get_or_insert_with(|| plan.campaign.clone());
    if args.max_rows == DEFAULT_MAX_ROWS {
        // A list that is as long as planned is not too long.
        args.max_rows = DEFAULT_MAX_ROWS.max(plan.list.rows);
    }
    list(args, &plan.source)?;
    devices(args, &plan.options)?;
    speed(&mut args.run.speed, &plan.options)?;
    course::fill(args, &plan.course)?;
    check(args, plan);
    Ok(())
}

fn list(args: &mut ScanArgs, source: &Source) -> Result<(), String> {
    let Source { lists, from_tenant, filters, column } = source;
    if !args.devices.is_empty() || args.from_tenant {
        return Ok(());
    }
    args.devices = lists.iter().map(Into::into).collect();
    args.from_tenant = *from_tenant;
    args.column = args.column.take().or_else(|| column.clone());
    if args.machines.is_empty() {
        args.machines = MachineArgs::of_flags(filters)?;
    }
    Ok(())
}

fn devices(args: &mut ScanArgs, options: &Options) -> Result<(), String> {
    let groups = |names: &[String]| -> Result<Vec<Group>, String> {
        let group =
            |name: &String| Group::named(name).ok_or_else(|| format!("there is no group `{name}`"));
        names.iter().map(group).collect()
    };
    if args.keep.is_empty() {
        args.keep = groups(&options.keep)?;
    }
    if args.skip.is_empty() {
        args.skip = groups(&options.skip)?;
    }
    if let (None, Some(text)) = (args.due.due, &options.due) {
        args.due.due = Some(duration(text)?);
    }
    args.skip_bad_rows |= options.skip_bad_rows;
    args.names |= options.names;
    args.strict_names |= options.strict_names;
    args.busy.get_or_insert(match options.busy {
        BusyPolicy::Report => BusyArg::Report,
        BusyPolicy::Retry => BusyArg::Retry,
    });
    Ok(())
}

fn speed(args: &mut SpeedArgs, options: &Options) -> Result<(), String> {
    let hours = &mut args.hours;
    if hours.windows.is_empty() {
        let windows: Result<_, String> = options.windows.iter().map(|text| text.parse()).collect();
        hours.windows = windows?;
    }
    if let (None, Some(text)) = (hours.last_order, &options.last_order) {
        let at = clock_time(text).ok_or_else(|| format!("`{text}` is no time of day"))?;
        hours.last_order = Some(at);
    }
    if hours.tz.is_none() && !hours.windows.is_empty() {
        hours.tz = options.zone.clone();
    }
    // A start that has come holds nothing back any more.
    let start = options.start_at.filter(|start| *start > wall_clock());
    if let (None, Some(start)) = (&hours.start_at, start) {
        hours.start_at = Some(start.to_string());
    }
    args.until = args.until.take().or_else(|| options.until.clone());
    if let (None, Some(text)) = (args.max_duration, &options.max_duration) {
        args.max_duration = Some(duration(text)?);
    }
    if args.limits.is_empty() && args.leave.is_none() {
        let limits = options.limits.iter().map(|text| text.parse());
        let limits: Result<_, _> = limits.collect();
        args.limits = limits.map_err(|error: crate::domain::quota::NotAQuota| error.to_string())?;
    }
    args.pace.get_or_insert(match options.pace.as_str() {
        "fast" => PaceArg::Fast,
        "even" => PaceArg::Even,
        other => return Err(format!("there is no pace `{other}`")),
    });
    if args.time_scale == 1 {
        args.time_scale = options.time_scale;
    }
    Ok(())
}

/// A duration of the plan.
///
/// # Errors
/// Which text is none.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| format!("`{text}` is no duration"))
}

/// The devices are judged by what they were judged by when the plan was made: by the tenant's
/// inventory too, or by the list alone.
fn check(args: &mut ScanArgs, plan: &PlanFile) {
    if args.check || args.no_check {
        return;
    }
    match plan.options.check {
        true => args.check = !asks(args, plan.emulated),
        false => args.no_check = true,
    }
}
