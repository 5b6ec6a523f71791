//! Hours in which orders may leave: windows such as `Mon-Fri 22:00-06:00` in a time zone, a last
//! order in them, and a moment before which none leaves. It reads no clock and no zone from the
//! disk; both are handed in.
//!
//! What a time of day means in a night when the clocks change: a window begins, and ends, at the
//! first moment at which the clock on the wall shows that time or a later one. So one that begins
//! in the hour that is skipped begins where the clock goes on, and one that ends in the hour that
//! comes twice ends at the first of the two, and does not open again.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp};

use super::days::Days;

const DAY: i32 = 24 * 60;

/// How far ahead windows are looked for. A window comes every week; one that a change of the clocks
/// leaves out comes a week later.
const DAYS_AHEAD: i32 = 16;

/// A window that comes again on some days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The days on which it begins.
    days: Days,
    /// Minutes from midnight to its begin.
    begins: i32,
    /// Minutes from the midnight before its begin to its end.
    ends: i32,
}

impl Window {
    /// The days on which it begins.
    pub fn days(&self) -> Days {
        self.days
    }

    /// The time of day at which it begins.
    pub fn begins(&self) -> Time {
        time_of(self.begins)
    }

    /// A time of day within it, as minutes like those of its end.
    fn within(&self, time: Time) -> Option<i32> {
        let minutes = minutes_of(time);
        [minutes, minutes + DAY].into_iter().find(|at| self.begins < *at && *at <= self.ends)
    }
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // People write `22:00 - 06:00`, with a dash of any length.
        let parts: Vec<&str> = text.trim().split(['-', '–', '—']).map(str::trim).collect();
        let text = &parts.join("-");
        let (days, times) = text.rsplit_once(char::is_whitespace).unwrap_or(("", text));
        let days = match days.trim() {
            "" => Days::ALL,
            days => days.parse()?,
        };
        let form = || format!("`{times}` is no window: write two times of day, as 22:00-06:00");
        let (begins, ends) = times.split_once('-').ok_or_else(form)?;
        let begins = clock_time(begins).filter(|at| *at < DAY).ok_or_else(form)?;
        let ends = clock_time(ends).ok_or_else(form)?;
        if begins == ends {
            return Err("it begins and ends at the same time: for the whole day write 00:00-24:00"
                .to_owned());
        }
        // Midnight as an end is that of the next day, 00:00 as well as 24:00.
        let ends = if ends > begins { ends } else { ends + DAY };
        Ok(Self { days, begins, ends })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days != Days::ALL {
            write!(f, "{} ", self.days)?;
        }
        let end = if self.ends == DAY { DAY } else { self.ends % DAY };
        write!(f, "{}-{:02}:{:02}", self.begins().strftime("%H:%M"), end / 60, end % 60)
    }
}

/// From when to when orders may leave, without a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenSpan {
    /// The first moment.
    pub opens: Timestamp,
    /// The first moment after it at which none may leave; the end of time if that does not come.
    pub closes: Timestamp,
}

/// Windows in a time zone, or a moment from which on orders may leave, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// None only where there is a start.
    windows: Vec<Window>,
    last_order: Option<Time>,
    start: Option<Timestamp>,
    zone: TimeZone,
}

impl Hours {
    /// Windows in a zone, and the time of day after which none of those that hold it gives another
    /// order.
    ///
    /// # Errors
    /// Says why, if there is no window, or if no window holds the last order.
    pub fn new(
        windows: Vec<Window>,
        last_order: Option<Time>,
        zone: TimeZone,
    ) -> Result<Self, String> {
        if windows.is_empty() {
            return Err("there is no window".to_owned());
        }
        if let Some(time) = last_order
            && windows.iter().all(|window| window.within(time).is_none())
        {
            let windows: Vec<String> = windows.iter().map(Window::to_string).collect();
            return Err(format!("it lies outside of {}", windows.join(" and ")));
        }
        Ok(Self { windows, last_order, start: None, zone })
    }

    /// Any time from this moment on.
    pub fn from_moment(start: Timestamp, zone: TimeZone) -> Self {
        Self { windows: Vec::new(), last_order: None, start: Some(start), zone }
    }

    /// These hours, without those before this moment.
    #[must_use]
    pub fn not_before(self, start: Timestamp) -> Self {
        Self { start: Some(start), ..self }
    }

    /// The moment before which no order leaves, if there is one.
    pub fn start(&self) -> Option<Timestamp> {
        self.start
    }

    /// The time of day of the last order in a window.
    pub fn last_order(&self) -> Option<Time> {
        self.last_order
    }

    /// These windows to their ends, without a last order.
    #[must_use]
    pub fn to_their_ends(&self) -> Self {
        Self { last_order: None, ..self.clone() }
    }

    /// The windows.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// The zone that their times are in.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Whether an order may leave at this moment.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.opening(at).is_some_and(|opening| opening.opens <= at)
    }

    /// The first moment from this one on at which an order may leave.
    pub fn opens_next(&self, at: Timestamp) -> Option<Timestamp> {
        self.opening(at).map(|opening| opening.opens.max(at))
    }

    /// When an order may not leave any more, if it may at this moment.
    pub fn closes(&self, at: Timestamp) -> Option<Timestamp> {
        self.opening(at).filter(|opening| opening.opens <= at).map(|opening| opening.closes)
    }

    /// The opening that holds this moment, or else the next one. Windows that overlap or touch are
    /// one opening, and what lies before the start belongs to none.
    pub fn opening(&self, at: Timestamp) -> Option<OpenSpan> {
        match self.start.filter(|start| *start > at) {
            None => self.opening_of_windows(at),
            Some(start) => {
                let opening = self.opening_of_windows(start)?;
                Some(OpenSpan { opens: opening.opens.max(start), ..opening })
            }
        }
    }

    fn opening_of_windows(&self, at: Timestamp) -> Option<OpenSpan> {
        if self.windows.is_empty() {
            let opens = self.start.unwrap_or(Timestamp::MIN);
            return Some(OpenSpan { opens, closes: Timestamp::MAX });
        }
        let today = self.zone.to_datetime(at).date();
        let mut found: Option<OpenSpan> = None;
        // A window of the day before can last into this one; a day more for the change of clocks.
        for ahead in -2..=DAYS_AHEAD {
            let date = today.checked_add(Span::new().days(ahead)).ok()?;
            let of_day = self.windows.iter().filter_map(|window| self.on(window, date));
            let mut of_day: Vec<OpenSpan> = of_day.filter(|opening| opening.closes > at).collect();
            of_day.sort_unstable_by_key(|opening| opening.opens);
            for next in of_day {
                match &mut found {
                    None => found = Some(next),
                    Some(first) if next.opens <= first.closes => {
                        first.closes = first.closes.max(next.closes);
                    }
                    Some(first) => return Some(*first),
                }
            }
        }
        let mut found = found?;
        let seen = today.checked_add(Span::new().days(DAYS_AHEAD)).ok()?;
        if reaches(&self.zone, moment_of(seen, 0)?)? <= found.closes {
            // All that there is to see is one opening: it does not end.
            found.closes = Timestamp::MAX;
        }
        Some(found)
    }

    /// The window that begins on this day, up to its last order. Returns `None` if none does, or
    /// if the clocks leave it out.
    fn on(&self, window: &Window, date: Date) -> Option<OpenSpan> {
        if !window.days.has(date.weekday()) {
            return None;
        }
        let last = self.last_order.and_then(|time| window.within(time)).unwrap_or(window.ends);
        let opens = reaches(&self.zone, moment_of(date, window.begins)?)?;
        let closes = reaches(&self.zone, moment_of(date, last)?)?;
        if opens < closes { Some(OpenSpan { opens, closes }) } else { None }
    }
}

/// The first moment at which the clock on the wall in this zone shows this time or a later one.
pub fn reaches(zone: &TimeZone, time: DateTime) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(time).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(time).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(time).ok(),
        AmbiguousOffset::Gap { after, .. } => {
            let before_it = after.to_timestamp(time).ok()?;
            zone.following(before_it).next().map(|change| change.timestamp())
        }
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let windows: Vec<String> = self.windows.iter().map(Window::to_string).collect();
        f.write_str(&windows.join(" and "))?;
        if let Some(time) = self.last_order {
            write!(f, ", last order {}", time.strftime("%H:%M"))?;
        }
        match self.zone.iana_name() {
            Some(name) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}

/// A time of day in whole minutes, such as `22:00`, as minutes from midnight; `24:00` is the end of
/// the day.
pub fn clock_time(text: &str) -> Option<i32> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let number = |text: &str| -> Option<i32> {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { text.parse().ok() } else { None }
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let at = hours * 60 + minutes;
    if minutes < 60 && at <= DAY { Some(at) } else { None }
}

/// The time of day so many minutes after a midnight.
pub fn time_of(minutes: i32) -> Time {
    let of_day = minutes.rem_euclid(DAY);
    let part = |number: i32| i8::try_from(number).unwrap_or(0);
    Time::new(part(of_day / 60), part(of_day % 60), 0, 0).unwrap_or(Time::MIN)
}

/// Minutes from midnight.
pub fn minutes_of(time: Time) -> i32 {
    i32::from(time.hour()) * 60 + i32::from(time.minute())
}

fn moment_of(date: Date, minutes: i32) -> Option<DateTime> {
    let date = date.checked_add(Span::new().days(minutes / DAY)).ok()?;
    Some(date.to_datetime(time_of(minutes)))
}

#[cfg(test)]
mod tests;
