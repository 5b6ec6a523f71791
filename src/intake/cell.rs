//! The text of one cell: freed of what editors, spreadsheets and people put around an id, and read
//! as a device id, also out of a portal address, or as several of them. It does not know in which
//! column the cell stands.

use std::borrow::Cow;

use crate::domain::{DeviceId, NotADeviceId};

/// A number with an exponent from this on stands for an id that a spreadsheet took for a number.
const LEAST_EXPONENT: u32 = 20;

/// The id in a cell: bare, guarded, or the part after `/machines/` or `/machines/v2/` of a portal
/// or API address.
pub(super) fn parse(text: &str) -> Result<DeviceId, NotADeviceId> {
    // Nearly every cell of a list is a bare id.
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let text = bare(text);
    match in_address(&text) {
        Some(part) => part.parse(),
        None => text.parse(),
    }
}

/// The texts of a cell that holds several ids: nothing but ids between brackets, commas,
/// semicolons, bars or white space; or an array, which may hold other texts as well.
pub(super) fn several(text: &str) -> Option<Vec<String>> {
    let text = bare(text);
    let is_array = text.starts_with('[') && text.ends_with(']');
    let between = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|');
    let around = |c: char| is_guard(c) || matches!(c, '[' | ']' | '(' | ')' | '{' | '}');
    let parts = text.split(between).map(|part| part.trim_matches(around));
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let ids = parts.iter().filter(|part| parse(part).is_ok()).count();
    if ids > 0 && (is_array || ids == parts.len()) { Some(parts) } else { None }
}

/// Whether a cell holds an id, or several.
pub(super) fn holds_ids(text: &str) -> bool {
    parse(text).is_ok() || text.len() > DeviceId::DIGITS && several(text).is_some()
}

/// Whether a cell of a first row is an entry of the list and so no header: an id, a GUID, an
/// address with either, several ids, what is left of an id, or an id with characters missing or
/// too many.
pub(super) fn is_entry(text: &str) -> bool {
    match parse(text) {
        Ok(_) | Err(NotADeviceId::Guid) => true,
        Err(NotADeviceId::Length(length)) => length >= 32,
        Err(_) => is_excel_number(text) || is_cut_off(text) || several(text).is_some(),
    }
}

/// Whether the text is an id as a spreadsheet shows it once it took it for a number: `1.23E+39`,
/// also with a comma.
pub(super) fn is_excel_number(text: &str) -> bool {
    let text = bare(text);
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    let is_marked = mantissa != whole || exponent.starts_with('+');
    let exponent = exponent.trim_start_matches('+');
    is_marked
        && digits(whole)
        && digits(fraction)
        && exponent.parse::<u32>().is_ok_and(|exponent| exponent >= LEAST_EXPONENT)
}

/// Whether the text is the beginning of an id and the dots of whoever cut it off.
pub(super) fn is_cut_off(text: &str) -> bool {
    let text = bare(text);
    let Some(rest) = text.strip_suffix("...").or_else(|| text.strip_suffix('…')) else {
        return false;
    };
    rest.len() >= 4 && rest.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether an id stands among words that are none, and in no address.
pub(super) fn is_id_among_text(text: &str) -> bool {
    !text.contains(['/', '\\', '%', ':']) && ids_within(text).next().is_some()
}

/// Whether PowerShell wrote an object as a text: the name of its type, or its fields in `@{}`.
pub(super) fn is_object_as_text(text: &str) -> bool {
    let text = trim(text);
    ["@{", "System.", "Microsoft.Graph."].iter().any(|start| text.starts_with(start))
}

/// The text without white space and without marks that nobody sees around it.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c))
}

/// The text without marks that nobody sees, and without what guards it against a spreadsheet or a
/// parser: white space, quotes of any kind around it, and `="..."`.
///
/// Nothing that can be seen is taken from within, so that no other id can come of it.
pub(super) fn bare(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.contains(is_invisible) {
        return Cow::Borrowed(unguarded(text));
    }
    let seen: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    Cow::Owned(unguarded(&seen).to_owned())
}

fn unguarded(text: &str) -> &str {
    let text = text.trim_matches(is_guard);
    text.strip_prefix('=').map_or(text, |formula| formula.trim_matches(is_guard))
}

/// A name as it is shown: without quotes that stand around the whole of it, without the `=` of a
/// formula before them, and without the apostrophe that makes a text of a cell.
pub(super) fn name(text: &str) -> &str {
    let text = trim(text);
    if let Some(rest) = text.strip_prefix('\'') {
        return trim(rest.strip_suffix('\'').unwrap_or(rest));
    }
    let quoted = text.strip_prefix('=').unwrap_or(text);
    match quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(name) => trim(name),
        None => text,
    }
}

/// What may stand around an id and is none of it.
pub(super) fn is_guard(c: char) -> bool {
    c.is_whitespace() || "\"'`´“”„‟‘’‚‛«»".contains(c)
}

/// Characters that take no room and mean nothing here: joiners, breaks, directions, selectors.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The ids that stand anywhere in the text, each between characters that are no part of it.
pub(super) fn ids_within(text: &str) -> impl Iterator<Item = DeviceId> {
    text.split(|c: char| !c.is_alphanumeric()).filter_map(|word| word.parse().ok())
}

/// Whether 40 hexadecimal characters, no more and no fewer, stand anywhere in the text.
pub(super) fn holds_an_id(text: &[u8]) -> bool {
    text.split(|byte| !byte.is_ascii_alphanumeric())
        .any(|word| word.len() == DeviceId::DIGITS && word.iter().all(u8::is_ascii_hexdigit))
}

fn in_address(text: &str) -> Option<&str> {
    const FOLDER: &str = "/machines/";
    if !text.contains('/') {
        return None;
    }
    // ASCII lower case keeps every byte where it is, so the positions fit the text as read.
    let lower = text.to_ascii_lowercase();
    let after = lower.find(FOLDER)? + FOLDER.len();
    let after = after + if lower[after..].starts_with("v2/") { 3 } else { 0 };
    // Formulas and links of Markdown and HTML end an address as well.
    let ends = ['/', '?', '#', '&', '"', '\'', ')', '>', ']'];
    let part = text[after..].split(ends).next().unwrap_or_default();
    if part.is_empty() { None } else { Some(part) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07";

    #[test]
    fn an_id_is_found_in_portal_addresses() {
        let id = ID.parse::<DeviceId>();
        for address in [
            format!("https://security.microsoft.com/machines/v2/{ID}/overview?tid=1"),
            format!("https://security.microsoft.com/machines/v2/{ID}"),
            format!("https://securitycenter.windows.com/machines/{ID}#x"),
            format!("security.microsoft.com/Machines/V2/{ID}?a=b"),
            format!("https://api.security.microsoft.com/api/machines/{ID}/logonusers"),
            format!("\u{feff}\u{a0}{ID}\u{200b} "),
        ] {
            assert_eq!(parse(&address), id, "{address}");
        }
    }

    #[test]
    fn an_address_without_an_id_is_refused_for_what_it_holds() {
        let refused = |text: &str| parse(text).unwrap_err();
        assert_eq!(refused("https://security.microsoft.com/machines/v2/"), NotADeviceId::Other);
        assert_eq!(refused(&format!("https://example.com/{ID}")), NotADeviceId::Other);
        let guid = "/machines/82f42fca-e931-4f03-b54c-47af94bd394d";
        assert_eq!(refused(guid), NotADeviceId::Guid);
        assert_eq!(refused("/machines/é/"), NotADeviceId::Other);
    }

    #[test]
    fn what_guards_an_id_is_no_part_of_it() {
        let id = ID.parse::<DeviceId>();
        for text in [
            format!("=\"{ID}\""),
            format!("'{ID}"),
            format!(" \"{ID}\""),
            format!("“{ID}”"),
            format!("„{ID}‟"),
            format!("\t{ID}"),
            format!("\u{202a}{ID}\u{202c}"),
            format!("\u{2060}{ID}\u{200d}\u{fe0f}"),
            format!("{}\u{ad}{}", &ID[..20], &ID[20..]),
            format!("=HYPERLINK(\"https://security.microsoft.com/machines/{ID}\",\"pc\")"),
            format!("=HYPERLINK(\"https://security.microsoft.com/machines/v2/{ID}/x?a=b\";\"p\")"),
            format!("[pc](https://security.microsoft.com/machines/{ID})"),
        ] {
            assert_eq!(parse(&text), id, "{text}");
            assert!(is_entry(&text), "{text}");
        }
    }

    #[test]
    fn nothing_that_can_be_seen_is_taken_out_of_an_id() {
        for between in ["'", "\"", " ", "-", "=", "'='"] {
            let text = format!("{}{between}{}", &ID[..20], &ID[20..]);
            assert!(parse(&text).is_err(), "{text}");
            assert_eq!(several(&text), None, "{text}");
        }
        assert!(parse(&format!("=={ID}")).is_err());
    }

    #[test]
    fn several_ids_in_a_cell_are_told_from_an_id_among_text() {
        let other = "2e5bc9d7e413ddd7902c2932e418702b84d0cc07";
        for text in [
            format!("[\"{ID}\",\"{other}\"]"),
            format!("['{ID}', '{other}']"),
            format!("{ID};{other}"),
            format!("{ID}, {other}"),
            format!("{ID} | {other}"),
            format!("{ID}\n{other}\n"),
            format!("({ID} {other})"),
        ] {
            assert_eq!(several(&text), Some(vec![ID.to_owned(), other.to_owned()]), "{text}");
        }
        assert_eq!(several(&format!("[\"{ID}\"]")), Some(vec![ID.to_owned()]));
        assert_eq!(several(&format!("[\"{ID}\",\"pc\"]")).map(|parts| parts.len()), Some(2));
        assert_eq!(several(&format!("{ID};pc-7")), None);
        assert_eq!(several("[\"pc-7\",\"pc-8\"]"), None);
        assert_eq!(several(""), None);
    }

    #[test]
    fn a_number_of_a_spreadsheet_is_told_from_hexadecimal() {
        for text in ["1.23E+39", "1,23E+39", "1.23457e+39", "1E+39", "=\"1.2E+85\"", "1.23e39"] {
            assert!(is_excel_number(text) && is_entry(text), "{text}");
        }
        for text in ["1E39", "12e5", "1.5E+3", "E+39", "1.E+39", "1.23E+", "1.2.3E+39", ID, ""] {
            assert!(!is_excel_number(text), "{text}");
        }
    }

    #[test]
    fn an_id_that_was_cut_off_is_told_from_a_short_one() {
        assert!(is_cut_off("1e5bc9d7e413ddd7...") && is_cut_off("1e5bc9d7e413…"));
        assert!(!is_cut_off("pc-7...") && !is_cut_off("1e5bc9d7") && !is_cut_off("..."));
    }

    #[test]
    fn an_id_inside_text_counts_only_if_it_stands_alone() {
        assert!(holds_an_id(format!("x\n{ID},pc").as_bytes()));
        assert!(!holds_an_id(format!("x\n{ID}0,pc").as_bytes()));
        assert!(!holds_an_id(format!("x\nz{ID},pc").as_bytes()));
    }
}
