//! From the typed windows, their zone, the last order and the start to the hours of a run, and what
//! people are told before orders may leave.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use crate::clock::{unreadable_zone, zone_rule};
use crate::domain::hours::{reaches, time_of};
use crate::domain::request::HoursRequest;
use crate::domain::text::printable;
use crate::domain::{Hours, Window};
use crate::ops::failure::Failure;
use crate::report::human::moment;

/// A start that has passed no longer ago than this is now: a timer, or the sign-in before it, may
/// take some seconds.
const JUST_NOW: SignedDuration = SignedDuration::from_mins(1);

/// The hours that were asked for. Returns `None` if orders may always leave. `ends` says that
/// `--until` is a time for a zone, if nothing else is.
///
/// # Errors
/// `Failure` names the zone, the last order or the start that cannot be.
pub(super) fn hours(
    asked: &HoursRequest,
    now: &ZonedDateTime,
    ends: bool,
) -> Result<Option<Hours>, Failure> {
    let windows = asked.windows.as_deref().unwrap_or_default();
    let zone = match &asked.tz {
        Some(_) if windows.is_empty() && asked.start().is_none() && !ends => {
            return Err(zone_of_nothing());
        }
        Some(name) => zone(name)?,
        None => now.time_zone().clone(),
    };
    let start = asked.start();
    if zone.is_unknown() {
        let of_day = start.filter(|text| text.parse::<Timestamp>().is_err());
        let typed = windows.first().map(ToString::to_string);
        if let Some(typed) = typed.or_else(|| of_day.map(str::to_owned)) {
            return Err(unknown_zone(&typed, unreadable_zone()));
        }
    }
    if asked.tz.is_none()
        && !windows.is_empty()
        && zone.iana_name().is_none()
        && zone_rule().is_none()
    {
        return Err(nameless_zone());
    }
    let start = start.map(|text| start_at(text, &zone, now.timestamp())).transpose()?;
    let windows = of_windows(windows, asked.last_order, &zone)?;
    Ok(match (windows, start) {
        (Some(hours), Some(start)) => Some(hours.not_before(start)),
        (None, Some(start)) => Some(Hours::from_moment(start, zone)),
        (windows, None) => windows,
    })
}

fn of_windows(
    windows: &[Window],
    last_order: Option<i32>,
    zone: &TimeZone,
) -> Result<Option<Hours>, Failure> {
    if windows.is_empty() {
        return Ok(None);
    }
    let hours = Hours::new(windows.to_vec(), last_order.map(time_of), zone.clone());
    let hours = hours.map_err(|why| {
        let next = "give a time of day within the window, or leave --last-order out";
        Failure::usage("--last-order cannot be used", why, next)
    })?;
    Ok(Some(hours))
}

pub(super) fn zone(name: &str) -> Result<TimeZone, Failure> {
    let rule = |error| TimeZone::posix(name).map_err(|_| error);
    TimeZone::get(name).or_else(rule).map_err(|error: jiff::Error| {
        Failure::usage(
            format!("there is no time zone `{}`", printable(name)),
            error,
            "write one of the tz database such as Europe/Berlin or UTC; if none is found, install \
             the system's package tzdata",
        )
    })
}

/// A time of day was typed, and it is not known when that is.
pub(super) fn unknown_zone(typed: &str, named: Option<String>) -> Failure {
    let named = named.unwrap_or_else(|| "the system's time zone".to_owned());
    Failure::usage(
        format!("{} is a local time, and local time is not known here", printable(typed)),
        format!("{} cannot be read, so it would be taken for UTC", printable(&named)),
        "install the system's package tzdata; or set TZ to a zone that is there, to UTC, or to a \
         whole rule such as CET-1CEST,M3.5.0,M10.5.0/3",
    )
}

/// The windows are kept with the campaign, and another host must read them as the same hours.
fn nameless_zone() -> Failure {
    Failure::usage(
        "the windows have no zone that another machine would know",
        "the system's time zone has neither a name of the tz database nor a rule",
        "name it with --tz, such as --tz Europe/Berlin",
    )
}

fn zone_of_nothing() -> Failure {
    let next = "add --window, --start-at or --until, or leave --tz out";
    let why = "it is the zone of --window, --start-at and --until";
    Failure::usage("--tz has no times", why, next)
}

/// A moment as it is; or the next one at which the clock of this zone shows a time of day.
fn start_at(text: &str, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, Failure> {
    let wrong = |why: String, next: &str| {
        Failure::usage(format!("--start-at {} cannot be used", printable(text)), why, next)
    };
    let form = "write a time of day such as 22:00, or a moment such as 2026-11-25T22:00:00+01:00";
    let earliest = now.checked_sub(JUST_NOW).unwrap_or(now);
    if let Ok(moment) = text.parse::<Timestamp>() {
        if moment < earliest {
            let now = self::moment(&now.to_zoned_datetime(zone.clone()));
            let next = "write a later moment, or leave --start-at out to begin at once";
            return Err(wrong(format!("that moment has passed: it is {now}"), next));
        }
        return Ok(moment);
    }
    let time: Time = text.parse().map_err(|_| wrong("it is no time of day".to_owned(), form))?;
    let today = now.to_zoned_datetime(zone.clone()).date();
    // Just after midnight the time that was meant can be yesterday's, some seconds ago.
    let days = [today.yesterday(), Ok(today), today.tomorrow()].into_iter().flatten();
    let moments = days.filter_map(|date| reaches(zone, date.to_datetime(time)));
    let next = moments.filter(|moment| *moment >= earliest).min();
    next.ok_or_else(|| wrong("no clock shows that time tomorrow".to_owned(), form))
}

/// When orders may leave, if they may not now.
pub(super) fn opens_next(hours: Option<&Hours>, now: Timestamp) -> Option<ZonedDateTime> {
    let hours = hours.filter(|hours| !hours.is_open(now))?;
    Some(hours.opens_next(now)?.to_zoned_datetime(hours.zone().clone()))
}

/// What is told before a run that has to wait until orders may leave.
pub(super) fn waits(hours: Option<&Hours>, now: Timestamp) -> Option<String> {
    let opens = opens_next(hours, now)?;
    let at = moment(&opens);
    Some(if hours.and_then(Hours::start) == Some(opens.timestamp()) {
        format!(
            "It starts at {at}; until then no order leaves, and Ctrl-C ends the waiting. Who goes \
             on with the campaign waits for that too, unless --start-at says something else."
        )
    } else {
        format!(
            "The window opens at {at}; until then no order leaves, and Ctrl-C ends the waiting."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Exit;

    fn starts(text: &str, now: &str) -> Result<String, Failure> {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let start = start_at(text, &zone, now.parse().unwrap());
        start.map(|at| at.to_string())
    }

    #[test]
    fn a_time_of_day_is_the_next_one_on_the_wall_and_one_of_just_now_is_now() {
        for (text, now, starts_at) in [
            ("22:00", "2026-11-24T20:00:00Z", "2026-11-24T21:00:00Z"),
            ("22:00", "2026-11-24T21:00:59Z", "2026-11-24T21:00:00Z"),
            ("22:00", "2026-11-24T21:01:01Z", "2026-11-25T21:00:00Z"),
            ("23:59:50", "2026-11-24T23:00:20Z", "2026-11-24T22:59:50Z"),
            // The clock shows 01:59 and then 03:00.
            ("02:30", "2026-03-28T22:00:00Z", "2026-03-29T01:00:00Z"),
            // It shows 02:30 twice.
            ("02:30", "2026-10-24T22:00:00Z", "2026-10-25T00:30:00Z"),
        ] {
            assert_eq!(starts(text, now).unwrap(), starts_at, "{text} at {now}");
        }
    }

    #[test]
    fn a_time_of_day_in_a_zone_that_nobody_knows_is_refused_and_a_moment_is_taken() {
        let now: Timestamp = "2026-11-24T21:00:00Z".parse().unwrap();
        let read = |zone: TimeZone, windows: &[&str], start: Option<&str>| {
            let args = HoursRequest {
                windows: Some(windows.iter().map(|text| text.parse().unwrap()).collect()),
                start_at: start.map(|start| start.parse().unwrap()),
                ..HoursRequest::default()
            };
            hours(&args, &now.to_zoned_datetime(zone), false)
        };
        for (windows, start) in [(&["22:00-06:00"][..], None), (&[], Some("22:00"))] {
            let refused = read(TimeZone::unknown(), windows, start).unwrap_err();
            assert!(refused.kind == Exit::Usage && refused.next.contains("tzdata"), "{refused}");
            assert!(read(TimeZone::UTC, windows, start).is_ok());
        }
        assert!(read(TimeZone::unknown(), &[], Some("2026-11-25T22:00:00+01:00")).is_ok());
        assert!(read(TimeZone::unknown(), &[], None).is_ok());
    }

    #[test]
    fn a_moment_is_taken_as_it_is_unless_it_passed_more_than_a_minute_ago() {
        let now = "2026-11-24T21:00:00Z";
        let tomorrow = "2026-11-25T22:00:00+01:00";
        assert_eq!(starts(tomorrow, now).unwrap(), "2026-11-25T21:00:00Z");
        assert_eq!(starts("2026-11-24T20:59:00Z", now).unwrap(), "2026-11-24T20:59:00Z");
        for wrong in ["2026-11-24T20:58:59Z", "late", "25:00", ""] {
            let refused = starts(wrong, now).unwrap_err();
            assert_eq!(refused.kind, Exit::Usage, "{wrong}");
            assert!(!refused.next.is_empty());
        }
    }
}
