//! How what is asked for now differs from what a plan was made of, field by field. Both say every
//! default.

use std::fmt::Display;

use jiff::Timestamp;

use crate::domain::campaign::Differences;
use crate::domain::request::{
    DueRequest, HoursRequest, OrderRequest, RunRequest, ScanRequest, SpeedRequest, WaveRequest,
};

/// Compares what decides what is ordered, how fast, and what stops it. `at` is when it would begin.
pub(super) fn compare(
    then: &ScanRequest,
    now: &ScanRequest,
    at: Timestamp,
    found: &mut Differences,
) {
    // Every field is named, so that none that is added can be forgotten here. Where the list comes
    // from, what it is called and who confirms it is nothing that differs in what is ordered.
    let ScanRequest {
        devices: _,
        ids: _,
        only_of: _,
        from_tenant: _,
        machines: _,
        column: _,
        names,
        strict_names,
        skip_bad_rows,
        max_rows: _,
        scan_type: _,
        comment: _,
        ticket: _,
        campaign: _,
        dry_run: _,
        approve_max: _,
        detach: _,
        keep,
        skip,
        check,
        no_check: _,
        busy,
        plan_file: _,
        waves,
        due: DueRequest { due, series: _ },
        order: OrderRequest { first: _, by },
        run: RunRequest { speed, max_failures, output: _, after: _, connect: _, emulator: _ },
    } = then;
    found.compare("busy devices", &said(*busy), &said(now.busy));
    let groups =
        |groups: &[crate::domain::preflight::Group]| all(groups.iter().map(|one| one.name()));
    found.compare("--keep", &groups(keep), &groups(&now.keep));
    found.compare("--skip", &groups(skip), &groups(&now.skip));
    let mut flag = |name: &str, then: bool, now: bool| {
        found.compare(name, yes_or_no(then), yes_or_no(now));
    };
    flag("bad rows are passed over", *skip_bad_rows, now.skip_bad_rows);
    flag("names are looked up", *names, now.names);
    flag("names that several share are refused", *strict_names, now.strict_names);
    flag("the tenant's inventory is asked", *check, now.check);
    found.compare("--due", &said(*due), &said(now.due.due));
    compare_speed(speed, &now.run.speed, at, found);
    found.compare("--order", by_name(*by), by_name(now.order.by));
    compare_waves(waves, &now.waves, found);
    found.compare("--max-failures", &said(*max_failures), &said(now.run.max_failures));
}

fn compare_speed(then: &SpeedRequest, now: &SpeedRequest, at: Timestamp, found: &mut Differences) {
    let SpeedRequest {
        limits,
        leave: _,
        pace,
        concurrency: _,
        time_scale,
        until,
        max_duration,
        max_wait: _,
        hours: HoursRequest { windows, tz, last_order, start_at: _, expire_pending },
        priority,
    } = then;
    let hours = &now.hours;
    let list = |windows: &Option<Vec<crate::domain::Window>>| all(windows.iter().flatten());
    found.compare("windows", &list(windows), &list(&hours.windows));
    let clock =
        |at: Option<i32>| at.map_or("none".into(), |at| format!("{:02}:{:02}", at / 60, at % 60));
    found.compare("last order", &clock(*last_order), &clock(hours.last_order));
    found.compare("until", &said(until.as_ref()), &said(now.until.as_ref()));
    // Where the times are other ones, their zone says nothing more.
    if *windows == hours.windows {
        found.compare("zone of the windows", &said(tz.as_ref()), &said(hours.tz.as_ref()));
    }
    found.compare("at most", &said(*max_duration), &said(now.max_duration));
    let list = |limits: &Option<Vec<crate::domain::Quota>>| all(limits.iter().flatten());
    found.compare("limits", &list(limits), &list(&now.limits));
    found.compare("pace", pace_name(*pace), pace_name(now.pace));
    found.compare("time scale", &time_scale.unwrap_or(1), &now.time_scale.unwrap_or(1));
    // Later than approved is a matter of time; earlier is not.
    let moment = |hours: &HoursRequest| hours.start().and_then(|text| text.parse().ok());
    let begins: Timestamp = moment(hours).unwrap_or(at);
    let planned: Option<Timestamp> = moment(&then.hours);
    if let Some(start) = planned
        && begins < start
    {
        found.compare("start", &start, &begins);
    }
    let name = |priority: Option<crate::domain::Priority>| priority.unwrap_or_default().name();
    found.compare("priority", name(*priority), name(now.priority));
    found.compare(
        "what waits is cancelled at the end",
        yes_or_no(*expire_pending),
        yes_or_no(hours.expire_pending),
    );
}

fn compare_waves(then: &WaveRequest, now: &WaveRequest, found: &mut Differences) {
    let WaveRequest {
        canary,
        canary_tag: _,
        canary_file: _,
        canary_random: _,
        canary_seed: _,
        canary_wait,
        waves,
        wave_wait,
    } = then;
    match (then.rule(), now.rule()) {
        (Some(rule), Some(rule_now)) => {
            found.compare("devices of the canary", &at_most(*canary), &at_most(now.canary));
            // A list may be elsewhere: what counts is what is in it.
            let lists = [&rule, &rule_now]
                .map(|one| matches!(one, crate::domain::canary::CanaryRule::Listed(_)));
            if lists != [true, true] {
                found.compare("who the canary is", &rule, &rule_now);
            }
            found.compare("wait after the canary", &said(*canary_wait), &said(now.canary_wait));
        }
        _ => found.compare("canary", &canary_text(then), &canary_text(now)),
    }
    found.compare("--waves", &all(waves), &all(&now.waves));
    let wait = |waves: &WaveRequest| {
        if waves.waves.is_empty() { "none".to_owned() } else { said(waves.wave_wait) }
    };
    debug_assert!(wave_wait.is_some() || waves.is_empty());
    found.compare("wait after each wave", &wait(then), &wait(now));
}

fn canary_text(waves: &WaveRequest) -> String {
    let Some(rule) = waves.rule() else { return "none".to_owned() };
    format!("{}: {rule}, wait {}", at_most(waves.canary), said(waves.canary_wait))
}

fn at_most(most: Option<u64>) -> String {
    most.map_or_else(|| "all".to_owned(), |most| most.to_string())
}

fn by_name(by: Option<crate::domain::OrderBy>) -> &'static str {
    by.unwrap_or_default().name()
}

fn pace_name(pace: Option<crate::domain::PaceKind>) -> &'static str {
    pace.unwrap_or_default().name()
}

/// What was said, as people read it.
fn said(value: Option<impl Display>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

/// Several values, as people read them.
pub(super) fn all(values: impl IntoIterator<Item = impl Display>) -> String {
    let texts: Vec<String> = values.into_iter().map(|one| one.to_string()).collect();
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}

/// A flag, as people read it.
pub(super) fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}
