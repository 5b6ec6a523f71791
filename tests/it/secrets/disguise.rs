//! A canary, every disguise in which it could be written, and the search for them all.

use std::collections::BTreeSet;
use std::path::Path;

use azure_core::base64;
use url::form_urlencoded;

/// The client secret: with characters that every encoding changes.
pub(super) const SECRET: &str = "canary~Secret+91c7/\"x=&<y>";

/// What a token ends with. Its other parts are no secret, and some of them are shown.
pub(super) const SIGNATURE: &str = "canary-Token_signature-5e1f-0a7c-44d2";

/// What a federated token ends with.
pub(super) const ASSERTION: &str = "canary-Assertion_signature-77b3-19e0";

/// A canary in all its disguises.
pub(super) struct Canary {
    forms: Vec<(&'static str, String)>,
}

impl Canary {
    pub(super) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let percent: String = bytes.iter().map(|byte| percent(*byte)).collect();
        let form: String = form_urlencoded::byte_serialize(bytes).collect();
        let json = serde_json::to_string(text).unwrap();
        let html = text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        let mut forms = vec![
            ("plain", text.to_owned()),
            ("backwards", text.chars().rev().collect()),
            ("hex", hex.clone()),
            ("hex in capitals", hex.to_ascii_uppercase()),
            ("percent, with a plain tilde", percent.replace("%7E", "~")),
            ("percent in capitals", percent),
            ("form", form),
            ("JSON", json[1..json.len() - 1].to_owned()),
            ("debug", text.escape_debug().to_string()),
            ("HTML", html),
            ("UTF-16", text.chars().flat_map(|c| [c, '\0']).collect()),
            ("a list of numbers", list(bytes)),
        ];
        for shift in 0..3 {
            forms.push(("base64", within(bytes, shift, |bytes| base64::encode(bytes))));
            forms.push(("base64url", within(bytes, shift, |bytes| base64::encode_url_safe(bytes))));
        }
        Self { forms }
    }

    /// The names of the disguises in which it stands in some bytes.
    pub(super) fn found_in(&self, bytes: &[u8]) -> BTreeSet<&'static str> {
        // Every disguise is ASCII, which this leaves as it is.
        let text = String::from_utf8_lossy(bytes);
        let forms = self.forms.iter().filter(|(_, form)| text.contains(form));
        forms.map(|(name, _)| *name).collect()
    }

    /// Its disguises.
    pub(super) fn forms(&self) -> &[(&'static str, String)] {
        &self.forms
    }
}

fn percent(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).into(),
        _ => format!("%{byte:02X}"),
    }
}

/// As debug output of bytes shows them.
fn list(bytes: &[u8]) -> String {
    bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ")
}

/// What of an encoded text depends on these bytes alone, when `shift` bytes stand before them.
fn within(bytes: &[u8], shift: usize, encode: impl Fn(&[u8]) -> String) -> String {
    let shifted = [&vec![0; shift][..], bytes].concat();
    encode(&shifted)[(shift * 8).div_ceil(6)..shifted.len() * 8 / 6].to_owned()
}

/// Every file below a folder, by its name, with what stands in it now.
pub(super) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut all = Vec::new();
    // Files come and go while a campaign runs.
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            all.extend(files(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            all.push((path.file_name().unwrap().to_string_lossy().into_owned(), bytes));
        }
    }
    all
}

#[test]
fn the_search_finds_each_canary_in_each_disguise_at_any_place() {
    for text in [SECRET, SIGNATURE, ASSERTION] {
        let canary = Canary::new(text);
        assert_eq!(canary.found_in(b"nothing of the kind"), BTreeSet::new());
        for (name, form) in canary.forms() {
            let planted = [b"\xff INFO x=", form.as_bytes(), b"\xfe; more"].concat();
            assert!(canary.found_in(&planted).contains(name), "{text} as {name}");
        }
        for before in ["", "u", "us", "usr"] {
            let basic = format!("{before}:{text}:after");
            let planted = format!("Basic {}", base64::encode(&basic));
            assert!(canary.found_in(planted.as_bytes()).contains("base64"), "behind {before:?}");
        }
    }
}
