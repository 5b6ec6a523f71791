//! The text of a secret, whatever wrote it: editors of other systems put a byte order mark before
//! it, PowerShell writes UTF-16, and what is copied out of a settings file has quotes around it.
//! Marks and line ends are taken off; what would be a guess is refused by name. No message repeats
//! a part of the text.

use secrecy::SecretString;

/// Why a text is not the value alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Nothing is left once the white space is taken off.
    #[error("it is empty")]
    Empty,
    /// A quotation mark at the beginning or the end.
    #[error("there are quotation marks around the value; take them off")]
    Quotes,
    /// More than one line.
    #[error("it holds {0} lines, and the value has one; leave the value alone in it")]
    Lines(usize),
    /// An object, as `az ad app credential reset` and `az account get-access-token` print it.
    #[error("it holds JSON; leave the value alone in it, without its name and braces")]
    Json,
    /// A line of a file of settings.
    #[error("it holds a setting, NAME=value; leave the value alone in it")]
    Setting,
    /// The word of the `Authorization` header.
    #[error("it begins with `Bearer`; leave the token alone in it")]
    Bearer,
    /// A character that no secret holds.
    #[error("it holds a control character; write it anew as plain text")]
    Control,
}

/// The text of some bytes: UTF-8, or UTF-16 where a mark or its zeros show that. Line ends become
/// plain ones; white space, marks and zeros around the text are taken off.
///
/// # Errors
/// What the bytes are instead.
pub(super) fn decode(bytes: &[u8]) -> Result<String, &'static str> {
    let text = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ if every_second_is_zero(bytes, 1) => utf16(bytes, u16::from_le_bytes),
        _ if every_second_is_zero(bytes, 0) => utf16(bytes, u16::from_be_bytes),
        _ => utf8(bytes),
    }?;
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    Ok(text.trim_matches(is_around).to_owned())
}

fn utf8(bytes: &[u8]) -> Result<String, &'static str> {
    let text = std::str::from_utf8(bytes);
    text.map(str::to_owned).map_err(|_| "it is no text, neither in UTF-8 nor in UTF-16")
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, &'static str> {
    let (units, rest) = bytes.as_chunks::<2>();
    let text = String::from_utf16(&units.iter().copied().map(unit).collect::<Vec<_>>());
    match text {
        Ok(text) if rest.is_empty() => Ok(text),
        _ => Err("it begins as UTF-16 and is broken"),
    }
}

/// Whether bytes without a mark can only be UTF-16 of plain letters. Half of a text that is UTF-8
/// never is zeros.
fn every_second_is_zero(bytes: &[u8], from: usize) -> bool {
    let whole = bytes.len() >= 4 && bytes.len().is_multiple_of(2);
    let zero = |at: usize| bytes.iter().skip(at).step_by(2).all(|byte| *byte == 0);
    whole && zero(from) && !zero(1 - from)
}

/// What stands around a text without being a part of it, seen or unseen.
fn is_around(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\0' | '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}')
}

/// The value of a secret or token that somebody wrote down, if the text is nothing else.
///
/// # Errors
/// `FormError` names what stands there besides.
pub fn bare_value(text: &str) -> Result<SecretString, FormError> {
    const QUOTES: [char; 9] = ['"', '\'', '`', '“', '”', '„', '‘', '’', '«'];
    let text = text.trim_matches(is_around);
    let lines = text.split(['\n', '\r']).filter(|line| !line.trim().is_empty()).count();
    let first_word = text.split_whitespace().next().unwrap_or_default();
    let wrong = if text.is_empty() {
        Some(FormError::Empty)
    } else if text.starts_with('{') {
        Some(FormError::Json)
    } else if first_word.eq_ignore_ascii_case("export") || is_setting(text) {
        Some(FormError::Setting)
    } else if lines > 1 {
        Some(FormError::Lines(lines))
    } else if text.starts_with(QUOTES) || text.ends_with(QUOTES) {
        Some(FormError::Quotes)
    } else if first_word.eq_ignore_ascii_case("bearer") && first_word != text {
        Some(FormError::Bearer)
    } else if text.contains(char::is_control) {
        Some(FormError::Control)
    } else {
        None
    };
    wrong.map_or_else(|| Ok(SecretString::from(text)), Err)
}

/// Whether a text is a line such as `AZURE_CLIENT_SECRET=...`. Secrets may hold `=`, but not after
/// one of these names.
fn is_setting(text: &str) -> bool {
    let Some((name, _)) = text.split_once('=') else { return false };
    let name = name.trim().trim_start_matches(['$', '"', '\'']).to_ascii_uppercase();
    ["AZURE_CLIENT_SECRET", "CLIENT_SECRET", "ENV:AZURE_CLIENT_SECRET"].contains(&&*name)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn utf16_of(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn marks_encodings_and_line_ends_are_taken_off() {
        let marked = "\u{feff}s3cret~VALUE\r\n";
        let bare = "s3cret~VALUE\r\n";
        for (name, bytes) in [
            ("plain", b"s3cret~VALUE".to_vec()),
            ("UTF-8 with a mark", marked.as_bytes().to_vec()),
            ("two marks", format!("\u{feff}{marked}").into_bytes()),
            ("UTF-16 LE with a mark", utf16_of(marked, u16::to_le_bytes)),
            ("UTF-16 BE with a mark", utf16_of(marked, u16::to_be_bytes)),
            ("UTF-16 LE without", utf16_of(bare, u16::to_le_bytes)),
            ("UTF-16 BE without", utf16_of(bare, u16::to_be_bytes)),
            ("a CR alone", b"s3cret~VALUE\r".to_vec()),
            ("two lines' ends", b"\r\n s3cret~VALUE \t\r\n\r\n".to_vec()),
            ("a zero at the end", b"s3cret~VALUE\0\n\0".to_vec()),
            ("unseen marks", "\u{200b}s3cret~VALUE\u{a0}\u{2060}".as_bytes().to_vec()),
        ] {
            let text = decode(&bytes).unwrap();
            assert_eq!(text, "s3cret~VALUE", "{name}");
            assert_eq!(bare_value(&text).unwrap().expose_secret(), "s3cret~VALUE", "{name}");
        }
        assert_eq!(decode(b"-----BEGIN A-----\r\nx\r\n").unwrap(), "-----BEGIN A-----\nx");
    }

    #[test]
    fn what_is_no_text_is_told() {
        for bytes in [&b"\xff\xfea"[..], b"\xfe\xff\xd8\0", b"\x30\x82\x0a\xff\xfe", b"caf\xe9"] {
            assert!(decode(bytes).is_err(), "{bytes:?}");
        }
        assert_eq!(decode(b"\0\0\0\0"), Ok(String::new()), "zeros alone are nothing");
    }

    #[test]
    fn what_stands_there_besides_the_value_is_named_and_not_shown() {
        for (text, wrong) in [
            ("", FormError::Empty),
            (" \n", FormError::Empty),
            ("\"s3cret\"", FormError::Quotes),
            ("'s3cret'", FormError::Quotes),
            ("“s3cret”", FormError::Quotes),
            ("\"s3cret", FormError::Quotes),
            ("s3cret\nother", FormError::Lines(2)),
            ("s3cret\r\rother\n\nthird", FormError::Lines(3)),
            (r#"{"password": "s3cret"}"#, FormError::Json),
            ("AZURE_CLIENT_SECRET=s3cret", FormError::Setting),
            ("client_secret = \"s3cret\"", FormError::Setting),
            ("export AZURE_CLIENT_SECRET=s3cret", FormError::Setting),
            ("# a note\nAZURE_CLIENT_SECRET=s3cret", FormError::Lines(2)),
            ("$env:AZURE_CLIENT_SECRET='s3cret'", FormError::Setting),
            ("Bearer s3cret", FormError::Bearer),
            ("s3\0cret", FormError::Control),
            ("s3\u{1b}cret", FormError::Control),
        ] {
            let refused = bare_value(text).unwrap_err();
            assert_eq!(refused, wrong, "{text}");
            assert!(!refused.to_string().contains("s3"), "{refused}");
        }
    }

    /// Negative control: values that only look like one of those.
    #[test]
    fn what_a_secret_may_hold_stays_as_it_is() {
        for text in ["Ab8Q~x.y-z_1=", "a=b", "abc'def", "[x]:?@", "bearer", "pass word", "ключ"]
        {
            assert_eq!(bare_value(text).unwrap().expose_secret(), text);
        }
    }
}
