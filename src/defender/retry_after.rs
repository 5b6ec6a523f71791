//! The two headers that hold times: `Date` and `Retry-After`. Pure, and safe against whatever
//! stands there. How long a pause becomes in the end is `domain::budget`'s.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::TimeZone;

/// A wait longer than every other: what a number of seconds that does not fit becomes.
pub const FOR_EVER: Duration = Duration::from_secs(u64::MAX);

/// What the `Retry-After` headers ask for, from the moment of the answer: seconds, or an HTTP date,
/// which is compared with the answer's own `Date`. Of several, the longest counts. What is negative
/// or no time at all is nothing; what is too large is the longest wait, never a short one.
pub fn retry_after<'a>(
    values: impl IntoIterator<Item = &'a [u8]>,
    date: Option<Timestamp>,
) -> Option<Duration> {
    values
        .into_iter()
        .filter_map(|value| std::str::from_utf8(value).ok())
        .flat_map(|value| one(value.trim(), date))
        .max()
}

/// Reads an HTTP date in any of its three forms (RFC 9110, section 5.6.7). The last days of the
/// year 9999, which lie beyond every timestamp, are the latest one.
pub fn http_date(text: &str) -> Option<Timestamp> {
    static FIXED: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);
    let text = text.trim();
    let civil = |form: &str, text: &str| {
        let civil = DateTime::strptime(form, text).ok()?;
        match TimeZone::UTC.to_timestamp(civil) {
            Err(_) if civil.year() == 9999 => Some(Timestamp::MAX),
            time => time.ok(),
        }
    };
    FIXED
        .parse_timestamp(text)
        .ok()
        .or_else(|| civil("%d %b %Y %H:%M:%S GMT", text.split_once(", ")?.1))
        .or_else(|| civil("%A, %d-%b-%y %H:%M:%S GMT", text))
        .or_else(|| civil("%a %b %e %H:%M:%S %Y", text))
}

fn one(value: &str, date: Option<Timestamp>) -> Option<Duration> {
    if let Some(at) = http_date(value) {
        // A date that has passed already asks for no wait at all.
        let wait = at.duration_since(date?);
        return Some(Duration::try_from(wait).unwrap_or(Duration::ZERO));
    }
    // Intermediaries join several headers with commas.
    value.split(',').filter_map(|part| seconds(part.trim())).max()
}

fn seconds(text: &str) -> Option<Duration> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().map_or(FOR_EVER, Duration::from_secs));
    }
    // No standard allows fractions or exponents; the longer reading is the safe one.
    let number: f64 = text.parse().ok()?;
    Some(Duration::try_from_secs_f64(number.ceil()).unwrap_or(FOR_EVER))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wait(values: &[&str]) -> Option<Duration> {
        let date = http_date("Tue, 24 Nov 2026 12:00:00 GMT");
        assert!(date.is_some());
        retry_after(values.iter().map(|value| value.as_bytes()), date)
    }

    #[test]
    fn seconds_and_dates_are_read_and_nonsense_is_nothing() {
        let secs = |n| Some(Duration::from_secs(n));
        let table = [
            ("8", secs(8)),
            (" 8 ", secs(8)),
            ("0", secs(0)),
            ("007", secs(7)),
            ("1.2", secs(2)),
            ("-1", None),
            ("+5", None),
            ("abc", None),
            ("", None),
            ("inf", None),
            ("NaN", None),
            ("8 seconds", None),
            ("9999999999", secs(9_999_999_999)),
            ("1000000000000000000", secs(1_000_000_000_000_000_000)),
            ("1e18", secs(1_000_000_000_000_000_000)),
            ("99999999999999999999999999", Some(FOR_EVER)),
            ("1e400", Some(FOR_EVER)),
            ("5, 30", secs(30)),
            ("Tue, 24 Nov 2026 12:01:00 GMT", secs(60)),
            ("Tuesday, 24-Nov-26 12:01:00 GMT", secs(60)),
            ("Tue Nov 24 12:01:00 2026", secs(60)),
            ("Tue, 24 Nov 2026 11:00:00 GMT", secs(0)),
            ("Tue, 99 Nov 2026 11:00:00 GMT", None),
        ];
        // "Never again", as some write it, is no date that a timestamp can hold.
        for text in ["Fri, 31 Dec 9999 23:59:59 GMT", "Fri Dec 31 23:59:59 9999"] {
            assert!(wait(&[text]) > secs(7_000 * 365 * 24 * 3600), "{text:?}");
        }
        for (text, expected) in table {
            assert_eq!(wait(&[text]), expected, "{text:?}");
        }
    }

    #[test]
    fn of_several_headers_the_longest_counts() {
        assert_eq!(wait(&["5", "60", "abc", "-7"]), Some(Duration::from_secs(60)));
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn a_date_is_not_compared_with_our_own_clock() {
        let later: &[u8] = b"Tue, 24 Nov 2026 12:01:00 GMT";
        assert_eq!(retry_after([later], None), None);
        assert_eq!(retry_after([b"\xff\xfe".as_slice()], None), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            retry_after([bytes.as_slice()], Some(Timestamp::MAX));
            retry_after([bytes.as_slice()], Some(Timestamp::MIN));
        }
    }
}
