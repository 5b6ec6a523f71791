//! The text of one cell: trimmed, and read as a device id, also out of a portal address. It does
//! not know in which column the cell stands.

use crate::domain::{DeviceId, NotADeviceId};

/// The id in a cell: bare, or the part after `/machines/` or `/machines/v2/` of a portal or API
/// address.
pub(super) fn parse(text: &str) -> Result<DeviceId, NotADeviceId> {
    let text = trim(text);
    match in_address(text) {
        Some(part) => part.parse(),
        None => text.parse(),
    }
}

/// Whether a cell of a first row is an entry of the list and so no header: an id, a GUID, an
/// address with either, or an id with characters missing or too many.
pub(super) fn is_entry(text: &str) -> bool {
    match parse(text) {
        Ok(_) | Err(NotADeviceId::Guid) => true,
        Err(NotADeviceId::Length(length)) => length >= 32,
        Err(_) => false,
    }
}

/// The text without white space around it, nor the marks that editors leave and nobody sees.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}'))
}

/// Whether 40 hexadecimal characters, no more and no fewer, stand anywhere in the text.
pub(super) fn holds_an_id(text: &[u8]) -> bool {
    text.split(|byte| !byte.is_ascii_alphanumeric())
        .any(|word| word.len() == 40 && word.iter().all(u8::is_ascii_hexdigit))
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
    let part = text[after..].split(['/', '?', '#', '&']).next().unwrap_or_default();
    (!part.is_empty()).then_some(part)
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
    fn an_id_inside_text_counts_only_if_it_stands_alone() {
        assert!(holds_an_id(format!("x\n{ID},pc").as_bytes()));
        assert!(!holds_an_id(format!("x\n{ID}0,pc").as_bytes()));
        assert!(!holds_an_id(format!("x\nz{ID},pc").as_bytes()));
    }
}
