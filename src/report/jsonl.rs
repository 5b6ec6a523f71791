//! JSON lines: the form of a report that keeps every text as it came, and the form of everything
//! that the program prints for other programs. Raw means that parsing gives the text back
//! unchanged; in the file, whatever could steer a terminal is written as a JSON escape.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::Map;

use super::record::{COLUMNS, Record};
use crate::domain::text::printable;

/// Writes records as JSON lines.
pub(super) struct JsonRows<W: Write> {
    out: W,
}

impl<W: Write> JsonRows<W> {
    /// Writes nothing yet.
    pub(super) fn new(out: W) -> Self {
        Self { out }
    }

    /// Writes one row.
    pub(super) fn row(&mut self, record: &Record<'_>) -> io::Result<()> {
        writeln!(self.out, "{}", line(&Named(record)))
    }

    /// Flushes and gives the output back.
    pub(super) fn into_inner(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// A value as one line of JSON, without its line end and with no raw control character.
pub fn line(value: &impl Serialize) -> String {
    safe(serde_json::to_string(value).expect("a map with text keys can be written as JSON"))
}

/// A value as JSON over several lines for people, with the last line end.
pub fn lines(value: &impl Serialize) -> String {
    let json = serde_json::to_string_pretty(value);
    let json = json.expect("a map with text keys can be written as JSON");
    json.lines().map(|line| safe(line.to_owned()) + "\n").collect()
}

fn safe(json: String) -> String {
    if json.is_ascii() && !json.contains('\u{7f}') {
        return json;
    }
    // Outside of its strings JSON is printable ASCII, so all that is replaced stands in a string.
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        let mut bytes = [0; 4];
        if printable(character.encode_utf8(&mut bytes)).chars().eq([character]) {
            safe.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                write!(safe, "\\u{unit:04x}").expect("a String takes any text");
            }
        }
    }
    safe
}

/// Counts by name, as an object.
pub fn counts<'a>(
    counts: impl IntoIterator<Item = (&'a str, u64)>,
) -> Map<String, serde_json::Value> {
    counts.into_iter().map(|(name, some)| (name.to_owned(), some.into())).collect()
}

/// An object with these fields in this order, and not in that of their names as `json!` has them.
macro_rules! object {
    ($($(#[$meta:meta])* $name:ident: $value:expr,)*) => {{
        #[expect(non_camel_case_types, reason = "each type is named as its field")]
        let object = {
            #[derive(serde::Serialize)]
            struct Object<$($name),*> { $($(#[$meta])* $name: $name,)* }
            Object { $($name: $value,)* }
        };
        object
    }};
}
pub(super) use object;

/// Whether a field says nothing, for `skip_serializing_if`.
pub(super) fn is_null(value: &impl Serialize) -> bool {
    serde_json::to_value(value).is_ok_and(|value| value.is_null())
}

struct Named<'a, 'b>(&'a Record<'b>);

impl Serialize for Named<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(COLUMNS.iter().zip(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_a_json_escape_and_parses_back_unchanged() {
        let text = "a\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{feff}ü👩\"\\\n";
        let json = line(&text);
        assert_eq!(json, r#""a\u001b[2J\u007f\u009b\u202e\ufeffü👩\"\\\n""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        let several = lines(&[text]);
        assert_eq!(several, format!("[\n  {json}\n]\n"));
    }
}
