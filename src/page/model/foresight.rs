//! What pictures are made of: the minutes of a campaign or of a budget so far, and what limits and
//! windows leave to come. Pure; campaigns are read by `campaign`, budgets by `limits`.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use crate::domain::forecast::Outlook;
use crate::domain::minute::minute_of;
use crate::domain::{Doing, Happening, Minute, Quota};
use crate::ops::status::CampaignStatus;
use crate::report::picture::burn::{BurnDown, Left, so_far};
use crate::report::picture::{CallsPicture, bands};

const MINUTE: i64 = 60;
/// Minutes that are looked ahead at most: two weeks.
const AHEAD: usize = 14 * 24 * 60;
/// Hours that are looked back and ahead in the picture of a budget.
const HOURS_BACK: i64 = 3;
const HOURS_AHEAD: i64 = 6;

/// The pictures of a campaign.
pub(crate) struct Pictures {
    pub(crate) calls: CallsPicture,
    pub(crate) left: BurnDown,
}

impl Pictures {
    /// The pictures of what is known of a campaign at this moment.
    pub(crate) fn of(status: &CampaignStatus, now: Timestamp, zone: &TimeZone) -> Self {
        let minutes = status.minutes.clone().unwrap_or_default();
        let happenings = status.happenings.clone().unwrap_or_default();
        let goes_on = matches!(status.doing, Doing::Running | Doing::Waiting);
        let (ahead, left_ahead) =
            if goes_on { ahead(status, now) } else { (Vec::new(), Vec::new()) };
        let by_limits = by_limits(status);
        let from = begin(status, &minutes);
        let end = if goes_on { now } else { last_sign(status, &minutes, &happenings) };
        let latest = |points: &[Left], end| points.last().map_or(end, |left| left.at.max(end));
        let to = latest(&left_ahead, end);
        // What another campaign keeps now says nothing of the past.
        let own = status.own_limits();
        let per_hour = limit(&own, 60 * MINUTE);
        let calls = CallsPicture {
            from,
            to,
            now: if goes_on { Some(now) } else { None },
            bands: bands(&happenings, &minutes, per_hour, (from, end)),
            per_minute: limit(&own, MINUTE),
            per_hour,
            ahead,
            zone: zone.clone(),
            minutes,
        };
        let devices = status.tally.devices();
        let left = BurnDown {
            from,
            to: latest(&by_limits, to),
            now: calls.now,
            devices,
            so_far: so_far(status.asked(), devices, &calls.minutes, from, end),
            ahead: left_ahead,
            by_limits,
            zone: zone.clone(),
        };
        Self { calls, left }
    }
}

/// The picture of a budget: when its latest calls were seen, and what leaves of so many calls that
/// wait for it. Returns `None` unless a limit of a minute and one of an hour hold it, and if there
/// is nothing to show.
pub(super) fn of_budget(
    seen: &[Timestamp],
    used: &[(Quota, u64)],
    (outlook, waiting): (&Outlook, u64),
    now: &ZonedDateTime,
) -> Option<CallsPicture> {
    let (per_minute, per_hour) = (limit(used, MINUTE)?, limit(used, 60 * MINUTE)?);
    let (zone, now) = (now.time_zone(), now.timestamp());
    let back = now.checked_sub(SignedDuration::from_hours(HOURS_BACK)).ok()?;
    let mut by_minute_of: BTreeMap<Timestamp, u64> = BTreeMap::new();
    for at in seen.iter().filter(|at| **at >= back && **at <= now) {
        *by_minute_of.entry(minute_of(*at)).or_default() += 1;
    }
    let minute = |(at, calls)| Minute { at, calls, accepted: 0, throttled: 0 };
    let minutes: Vec<Minute> = by_minute_of.into_iter().map(minute).collect();
    let most = usize::try_from(HOURS_AHEAD * 60).ok()?;
    let hours = HOURS_AHEAD.unsigned_abs() + 1;
    let mut ahead = by_minute(outlook, waiting.min(per_hour.saturating_mul(hours)), now);
    ahead.truncate(most);
    if minutes.is_empty() && ahead.is_empty() {
        return None;
    }
    let to = now.checked_add(SignedDuration::from_mins(ahead.len() as i64)).ok()?;
    Some(CallsPicture {
        from: minutes.first().map_or(now, |first| first.at),
        to,
        now: Some(now),
        bands: bands(&[], &minutes, Some(per_hour), (back, now)),
        per_minute: Some(per_minute),
        per_hour: Some(per_hour),
        ahead,
        zone: zone.clone(),
        minutes,
    })
}

/// When a campaign would have been done by its limits and windows alone.
pub(crate) fn done_by_limits(status: &CampaignStatus) -> Option<Timestamp> {
    by_limits(status).last().map(|left| left.at)
}

/// The calls of a window, if there is a limit of it.
fn limit(used: &[(Quota, u64)], seconds: i64) -> Option<u64> {
    let of_window = used.iter().filter(|(quota, _)| quota.window.as_secs() as i64 == seconds);
    of_window.map(|(quota, _)| u64::from(quota.calls.get())).min()
}

fn begin(status: &CampaignStatus, minutes: &[Minute]) -> Timestamp {
    let opened = status.campaign.opened_at;
    minutes.first().map_or(opened, |first| first.at.min(opened))
}

/// The last moment of which anything is known.
fn last_sign(status: &CampaignStatus, minutes: &[Minute], happenings: &[Happening]) -> Timestamp {
    let campaign = &status.campaign;
    let ended = campaign.last_run.as_ref().and_then(|run| run.ended.as_ref()).map(|end| end.at);
    let minute = SignedDuration::from_secs(MINUTE);
    let called = minutes.last().and_then(|last| last.at.checked_add(minute).ok());
    let happened = happenings.last().map(|last| last.at);
    if status.followed {
        // When the next run took over what was left is no part of it.
        let over = campaign.last_run.as_ref().and_then(|run| run.over_at());
        return over.into_iter().chain(called).fold(campaign.opened_at, Timestamp::max);
    }
    let all = [campaign.finished_at, ended, called, happened];
    all.into_iter().flatten().fold(campaign.opened_at, Timestamp::max)
}

/// Calls of each minute from now on, and the devices that are left behind each.
fn ahead(status: &CampaignStatus, now: Timestamp) -> (Vec<u64>, Vec<Left>) {
    let calls = by_minute(&status.outlook, status.tally.queued, now);
    let left = left_behind(&calls, status.tally.open(), now);
    (calls, left)
}

/// What its limits and windows alone would have left behind each minute from its beginning on.
fn by_limits(status: &CampaignStatus) -> Vec<Left> {
    let (devices, begin) = (status.tally.devices(), status.campaign.opened_at);
    left_behind(&by_minute(&status.outlook_at_its_begin(), devices, begin), devices, begin)
}

/// How many calls leave in the rest of the minute of the clock in which `now` is, and in each
/// minute behind it.
fn by_minute(outlook: &Outlook, calls: u64, now: Timestamp) -> Vec<u64> {
    let into_minute = now.as_second().rem_euclid(MINUTE) as u64;
    let mut minutes = Vec::new();
    for leaves in outlook.leaves(calls) {
        let minute = (leaves.as_secs() + into_minute) / MINUTE.unsigned_abs();
        let at = usize::try_from(minute).unwrap_or(usize::MAX);
        if at >= AHEAD {
            break;
        }
        if at >= minutes.len() {
            minutes.resize(at + 1, 0);
        }
        minutes[at] += 1;
    }
    minutes
}

fn left_behind(calls: &[u64], all: u64, now: Timestamp) -> Vec<Left> {
    let first = now.as_second().div_euclid(MINUTE);
    let mut left = all;
    let mut points = vec![Left { at: now, devices: all }];
    for (number, calls) in (first..).zip(calls) {
        left = left.saturating_sub(*calls);
        let at = Timestamp::from_second((number + 1) * MINUTE).unwrap_or(Timestamp::MAX);
        points.push(Left { at, devices: left });
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(points: &[Left]) -> Vec<(String, u64)> {
        points.iter().map(|left| (left.at.strftime("%H:%M:%S").to_string(), left.devices)).collect()
    }

    #[test]
    fn what_is_to_come_is_told_by_whole_minutes_of_the_clock() {
        let now: Timestamp = "2026-11-24T22:00:30Z".parse().unwrap();
        let points = left_behind(&[2, 0, 3], 6, now);
        let told = left(&points);
        let told: Vec<_> = told.iter().map(|(at, left)| (at.as_str(), *left)).collect();
        assert_eq!(told, [("22:00:30", 6), ("22:01:00", 4), ("22:02:00", 4), ("22:03:00", 1)]);
    }
}
