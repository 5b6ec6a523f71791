//! Numbers, durations and moments as people read them, in one place. It rounds for the eye; what
//! programs read is written elsewhere, exactly.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::{Timestamp, ZonedDateTime};

use crate::domain::Quota;

/// A number with its thousands apart: `1,500`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with its noun: `1 device`, `1,500 devices`. Only for nouns whose plural takes an `s`.
pub fn counted(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number))
}

/// Words as a sentence lists them: `a, b and c`.
pub fn listed(words: &[impl AsRef<str>], last: &str) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.split_last() {
        Some((end, [])) => (*end).to_owned(),
        Some((end, before)) => format!("{} {last} {end}", before.join(", ")),
        None => String::new(),
    }
}

/// The first of them, and how many there are beside: `a, b and 3 more tenants`.
pub fn first_of(all: &[impl AsRef<str>], most: usize, noun: &str) -> String {
    let shown: Vec<&str> = all.iter().take(most).map(AsRef::as_ref).collect();
    let shown = shown.join(", ");
    match all.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {}", counted(more as u64, &format!("more {noun}"))),
    }
}

/// A duration in its two largest units: `45 s`, `12 min 30 s`, `6 h 10 min`, `3 d 2 h`. From an
/// hour on it is rounded to minutes, from three days on to hours.
pub fn duration(duration: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let rounded = |to: u64| (duration.as_secs().saturating_add(to / 2)) / to * to;
    let two = |seconds: u64, large: (u64, &str), small: (u64, &str)| {
        let (whole, rest) = (seconds / large.0, seconds % large.0 / small.0);
        let first = format!("{} {}", count(whole), large.1);
        if rest == 0 { first } else { format!("{first} {rest} {}", small.1) }
    };
    match duration.as_secs() {
        0 if duration.is_zero() => "0 s".to_owned(),
        0 => "less than 1 s".to_owned(),
        seconds if seconds < MINUTE => format!("{seconds} s"),
        seconds if seconds < HOUR => two(seconds, (MINUTE, "min"), (1, "s")),
        seconds if seconds < 3 * DAY => two(rounded(MINUTE), (HOUR, "h"), (MINUTE, "min")),
        _ => two(rounded(HOUR), (DAY, "d"), (HOUR, "h")),
    }
}

/// How long something takes that takes a moment at least.
pub fn takes(time: Duration) -> String {
    duration(time.max(Duration::from_millis(1)))
}

/// A quota with its thousands apart: `1,500/h`.
pub fn quota(quota: &Quota) -> String {
    let text = quota.to_string();
    let window = text.split_once('/').map_or("", |(_, window)| window);
    format!("{}/{window}", count(u64::from(quota.calls.get())))
}

/// A quota, marked if the server named it: `30/min (named by the server)`.
fn quota_of(limit: &Quota, named: &[Quota]) -> String {
    let mark = if named.contains(limit) { " (named by the server)" } else { "" };
    format!("{}{mark}", quota(limit))
}

/// The limits, each with how much of it is used, if anything is: `100/min, 1,500/h (12 used now)`.
pub fn limits(used: &[(Quota, u64)], named: &[Quota]) -> String {
    let limits = used.iter().map(|(limit, used)| match used {
        0 => quota_of(limit, named),
        used => format!("{} ({} used now)", quota_of(limit, named), count(*used)),
    });
    limits.collect::<Vec<_>>().join(", ")
}

/// How much of each limit is used: `0 of 100/min, 12 of 1,500/h`.
pub fn used_of(used: &[(Quota, u64)], named: &[Quota]) -> String {
    let used = used.iter();
    let used = used.map(|(limit, used)| format!("{} of {}", count(*used), quota_of(limit, named)));
    used.collect::<Vec<_>>().join(", ")
}

/// How long the answers to outstanding calls are waited for: `3 calls that are in flight, or whose
/// runner is gone, are waited for until 14:03:20 UTC (65 s at most)`.
pub fn in_flight(calls: u64, left: Duration, now: Timestamp) -> String {
    let [at, now] = [now.checked_add(left).unwrap_or(now), now]
        .map(|moment| moment.to_zoned_datetime(jiff::tz::TimeZone::UTC));
    let at = clock_exact(&at, &now);
    let left = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    let is = if calls == 1 { "is" } else { "are" };
    format!(
        "{} that {is} in flight elsewhere, or whose runner is gone, {is} waited for until {at} \
         ({left} s at most); then the list of actions is asked.",
        counted(calls, "call")
    )
}

/// A moment in full, with its zone: `Tue 2026-11-24 14:20 CET`.
pub fn moment(at: &ZonedDateTime) -> String {
    at.strftime("%a %Y-%m-%d %H:%M %Z").to_string()
}

/// With a capital letter.
pub fn capital(text: &str) -> String {
    let mut signs = text.chars();
    let first = signs.next().map(|sign| sign.to_ascii_uppercase());
    first.into_iter().chain(signs).collect()
}

/// `1 row needs attention`, `118 rows need attention`.
pub fn needing_attention(rows: u64) -> String {
    let verb = if rows == 1 { "needs" } else { "need" };
    format!("{} {verb} attention", counted(rows, "row"))
}

/// The same beside something else: `; 118 rows need attention`, or nothing.
pub fn and_attention(rows: u64) -> String {
    if rows == 0 { String::new() } else { format!("; {}", needing_attention(rows)) }
}

/// `; 90 taken back`, or nothing.
pub fn and_taken_back(rows: u64) -> String {
    if rows == 0 { String::new() } else { format!("; {} taken back", count(rows)) }
}

/// A moment near `now`, as short as it can be understood: `14:20 CET` on the same day, `Wed 25 Nov
/// 14:20 CET` within half a year, else with its year.
pub fn clock(at: &ZonedDateTime, now: &ZonedDateTime) -> String {
    near(at, now, "%H:%M %Z")
}

/// As `clock`, but to the second on the same day.
pub fn clock_exact(at: &ZonedDateTime, now: &ZonedDateTime) -> String {
    near(at, now, "%H:%M:%S %Z")
}

fn near(at: &ZonedDateTime, now: &ZonedDateTime, today: &str) -> String {
    let is_today = at.with_time_zone(now.time_zone().clone()).date() == now.date();
    let days = at.duration_since(now).as_hours().abs() / 24;
    let form = match days {
        _ if is_today => today,
        ..180 => "%a %-d %b %H:%M %Z",
        _ => "%Y-%m-%d %H:%M %Z",
    };
    at.strftime(form).to_string()
}

/// The text in lines of at most `columns()` characters, broken at spaces; lines after the first
/// begin with `indent` spaces, or fewer where the lines are narrow. A longer word stays whole, and
/// so does what stands in backticks, so that a path or a command can be copied.
pub fn wrapped(text: &str, indent: usize) -> String {
    let columns = columns();
    let indent = if columns < NARROW { indent.min(4) } else { indent };
    wrapped_to(text, indent, columns)
}

/// `wrapped`, in lines of at most that many characters.
pub fn wrapped_to(text: &str, indent: usize, columns: usize) -> String {
    let begin = text.len() - text.trim_start_matches(' ').len();
    let mut lines = String::from(&text[..begin]);
    let (mut width, mut first) = (begin, true);
    let mut quoted = false;
    let breaks = |c: char| {
        quoted ^= c == '`';
        c == ' ' && !quoted
    };
    for word in text[begin..].split(breaks) {
        let length = word.chars().count();
        if !first && width + 1 + length > columns {
            lines.push('\n');
            lines.extend(std::iter::repeat_n(' ', indent));
            width = indent;
        } else if !first {
            lines.push(' ');
            width += 1;
        }
        lines.push_str(word);
        width += length;
        first = false;
    }
    lines
}

/// A line of a plan: a name in a column of its own, and beside it what is told.
pub fn field(name: &str, text: &str) -> String {
    wrapped(&format!("  {name:<12} {text}"), 15)
}

/// The width that texts are made for, in characters.
pub const WIDTH: usize = 80;

/// Below this width columns of a table stand below each other.
pub(super) const NARROW: usize = 60;

/// Narrower than this no text is made: most words would not fit.
const NARROWEST: usize = 30;

/// The width of lines. It is a fact about the place where the program's texts are shown, as its
/// time zone is, and stays as it is from the program's start on.
static COLUMNS: AtomicUsize = AtomicUsize::new(WIDTH);

/// Makes texts for a terminal with so many columns: at most `WIDTH`, since longer lines are hard to
/// read.
pub fn show_on(columns: usize) {
    COLUMNS.store(columns.clamp(NARROWEST, WIDTH), Ordering::Relaxed);
}

/// The width of lines, in characters.
pub fn columns() -> usize {
    COLUMNS.load(Ordering::Relaxed)
}

/// Whether tables have to do without columns.
pub fn is_narrow() -> bool {
    columns() < NARROW
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_broken_at_spaces_and_a_long_word_stays_whole() {
        let word = "x".repeat(90);
        assert_eq!(wrapped(&format!("  a {word} b"), 4), format!("  a\n    {word}\n    b"));
        let text = wrapped(&"word ".repeat(40), 2);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert_eq!(wrapped("short", 2), "short");
        let command = format!("{} `fleetsweep resume name` on", "x".repeat(60));
        assert!(wrapped(&command, 2).ends_with("\n  `fleetsweep resume name` on"));
    }

    #[test]
    fn thousands_stand_apart_and_nouns_agree() {
        let shown: Vec<_> = [0, 999, 1_000, 12_345, 1_234_567].into_iter().map(count).collect();
        assert_eq!(shown, ["0", "999", "1,000", "12,345", "1,234,567"]);
        assert_eq!(counted(1, "device"), "1 device");
        assert_eq!(counted(0, "device"), "0 devices");
        assert_eq!(quota(&"1500/1h".parse().unwrap()), "1,500/h");
        assert_eq!(quota(&"100/1m".parse().unwrap()), "100/min");
    }

    #[test]
    fn a_duration_shows_its_two_largest_units() {
        let shown = |seconds: u64| duration(Duration::from_secs(seconds));
        assert_eq!(shown(0), "0 s");
        assert_eq!(duration(Duration::from_millis(20)), "less than 1 s");
        assert_eq!(shown(59), "59 s");
        assert_eq!(shown(750), "12 min 30 s");
        assert_eq!(shown(3_599), "59 min 59 s");
        assert_eq!(shown(22_210), "6 h 10 min");
        assert_eq!(shown(7_199), "2 h");
        assert_eq!(shown(41 * 3_600), "41 h");
        assert_eq!(shown(74 * 3_600 + 1_800), "3 d 3 h");
        assert_eq!(duration(Duration::MAX), "213,503,982,334,601 d 7 h");
    }

    #[test]
    fn a_near_moment_is_short_and_always_names_its_zone() {
        let at = |text: &str| text.parse::<ZonedDateTime>().unwrap();
        let now = at("2026-11-24T22:00[Europe/Berlin]");
        assert_eq!(clock(&at("2026-11-24T23:30[Europe/Berlin]"), &now), "23:30 CET");
        assert_eq!(clock(&at("2026-11-25T06:00[Europe/Berlin]"), &now), "Wed 25 Nov 06:00 CET");
        assert_eq!(clock(&at("2026-12-03T06:00[Europe/Berlin]"), &now), "Thu 3 Dec 06:00 CET");
        assert_eq!(clock(&at("2026-11-23T22:00[Europe/Berlin]"), &now), "Mon 23 Nov 22:00 CET");
        assert_eq!(clock(&at("2027-12-24T06:00[Europe/Berlin]"), &now), "2027-12-24 06:00 CET");
        assert_eq!(clock_exact(&at("2026-11-24T23:59:59[Europe/Berlin]"), &now), "23:59:59 CET");
        let day_later = at("2026-11-25T22:00:01[Europe/Berlin]");
        assert_eq!(clock_exact(&day_later, &now), "Wed 25 Nov 22:00 CET");
        assert_eq!(moment(&now), "Tue 2026-11-24 22:00 CET");
    }

    #[test]
    fn a_wait_over_midnight_ends_on_a_day_that_is_named() {
        let now: Timestamp = "2026-11-24T23:59:30Z".parse().unwrap();
        let told = in_flight(2, Duration::from_secs(65), now);
        assert!(told.contains("until Wed 25 Nov 00:00 UTC (65 s at most)"), "{told}");
        let told = in_flight(2, Duration::from_secs(20), now);
        assert!(told.contains("until 23:59:50 UTC (20 s at most)"), "{told}");
    }
}
