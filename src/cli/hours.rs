//! From the typed windows, their zone and the last order to the hours of a run, and what people are
//! told before a window opens.

use jiff::ZonedDateTime;
use jiff::tz::TimeZone;

use super::args::HoursArgs;
use super::failure::Failure;
use crate::domain::Hours;
use crate::domain::hours::time_of;
use crate::domain::text::printable;
use crate::report::human::{moment, wrapped};

/// The hours that were asked for; nothing if orders may always leave.
///
/// # Errors
/// `Failure` names the zone or the last order that cannot be.
pub(super) fn hours(args: &HoursArgs, now: &ZonedDateTime) -> Result<Option<Hours>, Failure> {
    if args.windows.is_empty() {
        return Ok(None);
    }
    let zone = match &args.tz {
        Some(name) => zone(name)?,
        None => now.time_zone().clone(),
    };
    let last_order = args.last_order.map(time_of);
    let hours = Hours::new(args.windows.clone(), last_order, zone).map_err(|why| {
        let next = "give a time of day within the window, or leave --last-order out";
        Failure::usage("--last-order cannot be used", why, next)
    })?;
    Ok(Some(hours))
}

fn zone(name: &str) -> Result<TimeZone, Failure> {
    TimeZone::get(name).map_err(|error| {
        Failure::usage(
            format!("there is no time zone `{}`", printable(name)),
            error.to_string(),
            "write one of the tz database such as Europe/Berlin or UTC; if none is found, install \
             the system's package tzdata",
        )
    })
}

/// What is told before a run that has to wait for its window.
pub(super) fn waits(hours: Option<&Hours>, now: jiff::Timestamp) -> Option<String> {
    let hours = hours.filter(|hours| !hours.is_open(now))?;
    let opens = hours.opens_next(now)?.to_zoned_datetime(hours.zone().clone());
    Some(wrapped(
        &format!(
            "The window opens at {}; until then no order leaves, and Ctrl-C ends the waiting.",
            moment(&opens)
        ),
        2,
    ))
}
