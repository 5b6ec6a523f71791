//! Text from outside as the client keeps and shows it: fields cut to a length that memory can bear,
//! times, and excerpts for messages. What an answer means is read in `wire`.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::domain::text::printable;

/// The most characters that are kept of one field: four times what a comment may have.
pub const FIELD_MAX: usize = 4096;

/// The most characters of a foreign body that a message repeats.
const EXCERPT: usize = 200;

/// Foreign text for a message: in one line, safe to show, and short.
pub(super) fn excerpt(text: &str) -> String {
    let short: String = text.chars().take(EXCERPT + 1).collect();
    let safe = printable(short.trim());
    if safe.chars().count() <= EXCERPT {
        return safe;
    }
    safe.chars().take(EXCERPT - 1).chain(['…']).collect()
}

/// At most `FIELD_MAX` characters of a text.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(FIELD_MAX).collect()
}

/// A text, or a number where a text is due.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(cut(text)),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A time with or without fraction and zone; without a zone it is UTC, as the field's name says.
pub(super) fn time_of(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if !text.contains(['T', 't', ' ']) {
        return None;
    }
    let utc = |civil: DateTime| TimeZone::UTC.to_timestamp(civil);
    let time = match text.parse::<Timestamp>() {
        Ok(time) => time,
        Err(_) => text.parse::<DateTime>().and_then(utc).ok()?,
    };
    // The first year is what an unset time looks like on the server's platform.
    let year_two = "0002-01-01T00:00:00Z".parse().ok()?;
    if time >= year_two { Some(time) } else { None }
}

/// The beginning of a body, enough for an excerpt.
pub(super) fn head(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(4 * EXCERPT)]).into_owned()
}
