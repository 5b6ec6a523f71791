//! An answer that refuses what was asked: its status and the API's words. What it means for a
//! device is `verdict`'s, and what many of them mean for a run is `refusals`'.

use super::text::{cut, printable};

/// Characters that are shown of each part of a server's words.
pub(super) const WORDS_MAX: usize = 200;

/// An answer that is no action, for the report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The API's error code, if there was one.
    pub code: Option<String>,
    /// The API's message, if there was one.
    pub message: Option<String>,
    /// The id that support asks for.
    pub target: Option<String>,
}

impl Refusal {
    /// A refusal in the server's own words: `HTTP 403 DisallowedOperation: Antivirus scan is not
    /// allowed on this device`, cut and safe to show.
    pub fn words(&self) -> String {
        let status = self.status;
        match (&self.code, &self.message) {
            // Where the answer had no words, ours name the status already.
            (None, Some(said)) if said.starts_with(&format!("HTTP {status}")) => self.reason(),
            (Some(_), _) => format!("HTTP {status} {}", self.reason()),
            (None, Some(_)) => format!("HTTP {status}: {}", self.reason()),
            (None, None) => format!("HTTP {status} without a reason"),
        }
    }

    /// What `words` says, without the status.
    pub fn reason(&self) -> String {
        let parts = [&self.code, &self.message].into_iter().flatten();
        let shown = parts.map(|text| printable(&cut(text.trim(), WORDS_MAX)));
        let shown = shown.collect::<Vec<_>>().join(": ");
        if shown.is_empty() { "no reason given".to_owned() } else { shown }
    }
}

/// Whether a 403 with this code can mean that the application or its user lacks the right. Any
/// other code names another reason.
pub fn means_the_right(code: Option<&str>) -> bool {
    let code = code.unwrap_or_default().trim();
    // Some gateways write the status where the code is due.
    code.bytes().all(|byte| byte.is_ascii_digit())
        || code.eq_ignore_ascii_case("Forbidden")
        || code.eq_ignore_ascii_case("Unauthorized")
}
