//! The forms in which portals, hunting and spreadsheets write a moment. A time without a zone is
//! taken for UTC, as these exports are; which of two numbers is the day is not decided here.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

use crate::domain::moment::Readings;

/// What a text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// This moment.
    At(Timestamp),
    /// One of these.
    Numbers(Readings),
    /// A moment that was never set.
    Unset,
    /// Nothing that can be read.
    Unread,
}

/// Years before this one are a time that was never set.
const FIRST_YEAR: i16 = 1990;

/// Reads a moment.
pub(super) fn read(text: &str) -> When {
    let at = text.parse::<Timestamp>().ok().or_else(|| by_dot_net(text)).or_else(|| by_name(text));
    match at {
        Some(at) if at < first() => When::Unset,
        Some(at) => When::At(at),
        None => by_numbers(text),
    }
}

fn first() -> Timestamp {
    moment(FIRST_YEAR, 1, 1, (Time::midnight(), Offset::UTC)).unwrap_or(Timestamp::MIN)
}

/// `/Date(1764171912000)/`, as PowerShell writes a moment into JSON.
fn by_dot_net(text: &str) -> Option<Timestamp> {
    let ms = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    Timestamp::from_millisecond(ms.parse().ok()?).ok()
}

/// Words between white space and commas; a `T` between date and time is a space too.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text
        .split(|c: char| c.is_whitespace() || c == ',')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    if let Some((date, time)) = words.first().and_then(|word| word.split_once('t'))
        && is_digit(date.chars().last())
        && is_digit(time.chars().next())
    {
        let (date, time) = (date.to_owned(), time.to_owned());
        words.splice(..1, [date, time]);
    }
    words
}

/// `Nov 20, 2026 3:45:12 PM`, `20 November 2026`, `20-Nov-2026 15:45`, `Fri Nov 20 2026`.
fn by_name(text: &str) -> Option<Timestamp> {
    let words = words(text);
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let named = words.first().is_some_and(|word| days.iter().any(|day| word.starts_with(day)));
    let words = if named { &words[1..] } else { &words[..] };
    let parts: Vec<&str> = words.first()?.split('-').collect();
    let (date, rest) = match parts.as_slice() {
        [day, name, year] => ([*day, *name, *year], &words[1..]),
        _ => ([words.first()?, words.get(1)?, words.get(2)?].map(String::as_str), &words[3..]),
    };
    let [one, two, year] = date;
    let (month, day) = match month(one) {
        Some(month) => (month, two),
        None => (month(two)?, one),
    };
    let day = day.trim_end_matches(|c: char| c == '.' || c.is_ascii_alphabetic());
    moment(four_digits(year)?, month, day.parse().ok()?, time(rest)?)
}

fn month(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let word = word.trim_end_matches('.');
    let is = |name: &str| name.starts_with(word) && word.len() >= 3;
    let at = MONTHS.iter().position(|name| is(name) || (*name == "september" && word == "sept"))?;
    i8::try_from(at + 1).ok()
}

/// `2026-02-24 15:45`, `24.02.2026`, `2/24/2026 3:45 PM`, `24/02/2026 15:45:12`.
fn by_numbers(text: &str) -> When {
    let words = words(text);
    let Some((date, rest)) = words.split_first() else { return When::Unread };
    let Some(time) = time(rest) else { return When::Unread };
    let Some(between) = date.chars().find(|c| ['/', '-', '.'].contains(c)) else {
        return When::Unread;
    };
    let parts: Vec<&str> = date.split(between).collect();
    let [one, two, three] = parts.as_slice() else { return When::Unread };
    let number = |part: &str| -> Option<i8> {
        let is_short = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if is_short { part.parse().ok() } else { None }
    };
    let at = |moment: Option<Timestamp>| match moment {
        Some(at) if at < first() => When::Unset,
        Some(at) => When::At(at),
        None => When::Unread,
    };
    if let Some(year) = four_digits(one) {
        let (Some(month), Some(day)) = (number(two), number(three)) else { return When::Unread };
        return at(moment(year, month, day, time));
    }
    let (Some(one), Some(two), Some(year)) = (number(one), number(two), four_digits(three)) else {
        return When::Unread;
    };
    let day_first = moment(year, two, one, time);
    if between == '.' {
        // Nobody writes the month first between points.
        return at(day_first);
    }
    match (moment(year, one, two, time), day_first) {
        (None, None) => When::Unread,
        (Some(month_first), Some(day_first)) if month_first == day_first => at(Some(day_first)),
        (month_first, day_first) => When::Numbers(Readings { month_first, day_first }),
    }
}

fn four_digits(text: &str) -> Option<i16> {
    let is_year = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_year { text.parse().ok() } else { None }
}

fn moment(year: i16, month: i8, day: i8, (time, offset): (Time, Offset)) -> Option<Timestamp> {
    let date = Date::new(year, month, day).ok()?;
    offset.to_timestamp(DateTime::from_parts(date, time)).ok()
}

/// What follows a date: nothing, or a time of 12 or 24 hours with or without a zone.
fn time(words: &[String]) -> Option<(Time, Offset)> {
    let mut text = words.concat();
    let mut offset = Offset::UTC;
    for utc in ["(utc)", "utc", "gmt", "z"] {
        if let Some(rest) = text.strip_suffix(utc) {
            text = rest.to_owned();
            break;
        }
    }
    if let Some(at) = text.rfind(['+', '-']) {
        offset = offset_of(&text[at..])?;
        text.truncate(at);
    }
    if text.is_empty() {
        return Some((Time::midnight(), offset));
    }
    let text = text.replace("a.m.", "am").replace("p.m.", "pm");
    let (clock, half) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(clock), _) => (clock, Some(0)),
        (_, Some(clock)) => (clock, Some(12)),
        _ => (text.as_str(), None),
    };
    let mut parts = clock.split(':');
    let hour: i8 = parts.next()?.parse().ok()?;
    let minute: i8 = parts.next()?.parse().ok()?;
    let seconds = parts.next().unwrap_or("0");
    let second: i8 = seconds.split('.').next()?.parse().ok()?;
    let hour = match half {
        None => hour,
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
    };
    if parts.next().is_some() {
        return None;
    }
    Some((Time::new(hour, minute, second, 0).ok()?, offset))
}

fn offset_of(text: &str) -> Option<Offset> {
    let (sign, digits) = (if text.starts_with('-') { -1 } else { 1 }, text[1..].replace(':', ""));
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
    Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> When {
        When::At(text.parse().unwrap())
    }

    #[test]
    fn each_form_of_portal_hunting_and_spreadsheets_is_the_moment_that_it_says() {
        for text in [
            "2026-11-20T15:45:12Z",
            "2026-11-20T15:45:12.0000000Z",
            "2026-11-20T16:45:12+01:00",
            "2026-11-20 15:45:12",
            "2026-11-20T15:45:12",
            "2026/11/20 15:45:12",
            "2026-11-20 16:45:12 +0100",
            "Nov 20, 2026 3:45:12 PM",
            "Nov 20, 2026, 3:45:12\u{202f}PM",
            "November 20, 2026 3:45:12 p.m.",
            "Friday, November 20, 2026 3:45:12 PM",
            "Fri Nov 20 2026 15:45:12 UTC",
            "20 Nov 2026 15:45:12",
            "20-Nov-2026 15:45:12",
            "20.11.2026 15:45:12",
            "20.11.2026, 15:45:12",
            "/Date(1795189512000)/",
        ] {
            assert_eq!(read(text), at("2026-11-20T15:45:12Z"), "{text}");
        }
        assert_eq!(read("2026-11-20"), at("2026-11-20T00:00:00Z"));
        assert_eq!(read("Sept 3, 2026 12:05 AM"), at("2026-09-03T00:05:00Z"));
        assert_eq!(read("May 3, 2026 12:05 PM"), at("2026-05-03T12:05:00Z"));
        assert_eq!(read("4/4/2026 1:00"), at("2026-04-04T01:00:00Z"), "both numbers are the same");
        for never in ["0001-01-01T00:00:00Z", "1/1/1601", "01.01.1970"] {
            assert_eq!(read(never), When::Unset, "{never}");
        }
    }

    #[test]
    fn dates_of_numbers_mean_what_they_can_mean_and_no_more() {
        let numbers = |text: &str| match read(text) {
            When::Numbers(Readings { month_first, day_first }) => {
                let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
                (text(month_first), text(day_first))
            }
            other => panic!("{text}: {other:?}"),
        };
        let some = |text: &str| Some(text.to_owned());
        let seen = some("2026-02-24T15:45:00Z");
        assert_eq!(numbers("2/24/2026 3:45 PM"), (seen.clone(), None));
        assert_eq!(numbers("24/02/2026 15:45"), (None, seen.clone()));
        assert_eq!(numbers("24-02-2026 15:45"), (None, seen));
        assert_eq!(
            numbers("3/4/2026, 3:45:12 PM"),
            (some("2026-03-04T15:45:12Z"), some("2026-04-03T15:45:12Z"))
        );
    }

    #[test]
    fn what_is_no_moment_is_not_read_as_one() {
        for text in [
            "",
            "-",
            "yesterday",
            "45981.65",
            "2/24/26 3:45 PM",
            "13/13/2026",
            "31/2/2026",
            "2.24.2026",
            "2026-13-01",
            "24 Okt. 2026",
            "20.11.2026 25:00",
            "20.11.2026 13:00 PM",
            "20.11.2026 10:00:00:00",
            "20.11.2026 10",
            "20.11.2026 at 10:00",
            "20.11.2026 10:00 +1",
            "Nov 2026",
            "Nov 31, 2026",
            "é/é/é",
        ] {
            assert_eq!(read(text), When::Unread, "{text:?}");
        }
    }
}
