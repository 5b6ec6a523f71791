//! What an access token says about itself, read without checking its signature: to tell the user
//! about missing rights before the first call, and to name the budget. Nothing is decided by it;
//! the server decides.

use jiff::Timestamp;
use serde_json::Value;

use super::text::{cut, text_of};
use crate::domain::cloud::DEFAULT_AUDIENCE;

/// The parts of a token that people and budgets need. Anything can be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// The tenant's id (`tid`).
    pub tenant: Option<String>,
    /// The application's id (`appid` or `azp`).
    pub application: Option<String>,
    /// The rights of an application (`roles`), such as `Machine.Scan`.
    pub roles: Vec<String>,
    /// The rights of a signed-in user (`scp`).
    pub scopes: Vec<String>,
    /// Whom the token is for (`aud`).
    pub audience: Option<String>,
    /// When it ends (`exp`), by the sign-in service's clock.
    pub expires: Option<Timestamp>,
}

/// Other names of the API of the worldwide cloud, whose tokens it takes: its application in Entra
/// by its id, and two addresses that it had before.
const OWN_NAMES: [&str; 3] = [
    "fc780465-2017-40d4-a0c5-307022471b92",
    "https://api.securitycenter.windows.com",
    "https://securitycenter.onmicrosoft.com/windowsatpservice",
];

/// Whether an audience is that of the worldwide cloud.
fn is_own(audience: &str) -> bool {
    audience == DEFAULT_AUDIENCE.trim_end_matches("/.default")
}

impl Claims {
    /// Whether the token allows ordering scans ("Run antivirus scan API" page: `Machine.Scan`).
    pub fn may_scan(&self) -> bool {
        self.roles.iter().chain(&self.scopes).any(|right| right == "Machine.Scan")
    }

    /// That ordering is not among its rights, and what is.
    pub fn lacks_scan(&self) -> String {
        let rights = if self.scopes.is_empty() { &self.roles } else { &self.scopes };
        let has = if rights.is_empty() { "none".to_owned() } else { rights.join(", ") };
        format!("Machine.Scan is missing; it has {has}")
    }

    /// What is wrong with whom the token is for, where it says that it is for another API than the
    /// one that takes this audience.
    pub fn other_audience(&self, audience: &str) -> Option<String> {
        let got = self.audience.as_deref().filter(|got| !got.is_empty())?;
        // What is asked for is every right of the audience, which is written behind it.
        let asked = audience.trim_end_matches("/.default");
        let bare = |text: &str| text.trim_end_matches('/').to_ascii_lowercase();
        let same = bare(got) == bare(asked);
        let other_name = OWN_NAMES.contains(&bare(got).as_str()) && is_own(&bare(asked));
        if same || other_name {
            return None;
        }
        Some(format!("it is for {got}, and this API takes tokens for {asked}"))
    }

    /// Whether it is an application's own and says that it may not order scans. What a user may do
    /// is also up to their role, so that only the server knows.
    pub fn forbids_scan(&self, of_application: bool) -> bool {
        let told = self.audience.is_some() && self.scopes.is_empty();
        told && (of_application || !self.roles.is_empty()) && !self.may_scan()
    }

    /// Whether the token allows reading machine actions ("List machine actions API" page).
    pub fn may_read(&self) -> bool {
        let reading =
            ["Machine.Read.All", "Machine.ReadWrite.All", "Machine.Read", "Machine.ReadWrite"];
        self.roles.iter().chain(&self.scopes).any(|right| reading.contains(&right.as_str()))
    }
}

/// Reads the payload of a JSON web token. `None` if it is none: tokens are opaque by contract.
pub(super) fn peek(token: &str) -> Option<Claims> {
    let payload = token.split('.').nth(1)?;
    let bytes = azure_core::base64::decode_url_safe(payload).ok()?;
    let claims: Value = serde_json::from_slice(&bytes).ok()?;
    let claims = claims.as_object()?;
    let text = |name: &str| claims.get(name).and_then(text_of);
    let seconds = claims.get("exp").and_then(Value::as_f64);
    Some(Claims {
        tenant: text("tid"),
        application: text("appid").or_else(|| text("azp")),
        roles: claims.get("roles").map(words).unwrap_or_default(),
        scopes: claims.get("scp").map(words).unwrap_or_default(),
        audience: claims.get("aud").and_then(|aud| words(aud).into_iter().next()),
        // The conversion saturates, and what is beyond every calendar is no time.
        expires: seconds.and_then(|at| Timestamp::from_second(at as i64).ok()),
    })
}

/// A list of texts, or one text with spaces between the words.
fn words(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => text.split_whitespace().map(cut).collect(),
        Value::Array(items) => items.iter().filter_map(text_of).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> String {
        format!("e30.{}.c2ln", azure_core::base64::encode_url_safe(payload))
    }

    #[test]
    fn an_application_token_tells_tenant_application_and_roles() {
        let payload = r#"{"tid":"t-1","appid":"a-1","roles":["Machine.Scan",7,"Machine.Read.All"],
            "aud":"https://api.securitycenter.microsoft.com","exp":1795521600}"#;
        let claims = peek(&token(payload)).unwrap();
        assert_eq!(claims.tenant.as_deref(), Some("t-1"));
        assert_eq!(claims.application.as_deref(), Some("a-1"));
        assert_eq!(claims.roles, ["Machine.Scan", "7", "Machine.Read.All"]);
        assert_eq!(claims.audience.as_deref(), Some("https://api.securitycenter.microsoft.com"));
        assert_eq!(claims.expires, "2026-11-24T12:00:00Z".parse().ok());
        assert!(claims.may_scan() && claims.may_read());
    }

    #[test]
    fn a_user_token_tells_its_scopes() {
        let claims = peek(&token(r#"{"scp":"Machine.Scan offline_access","azp":"a"}"#)).unwrap();
        assert_eq!(claims.scopes, ["Machine.Scan", "offline_access"]);
        assert_eq!(claims.application.as_deref(), Some("a"));
        assert!(claims.may_scan() && !claims.may_read());
    }

    #[test]
    fn a_token_for_another_api_is_told_and_the_api_s_other_names_are_its_own() {
        let claims = |aud: &str| peek(&token(&format!(r#"{{"aud":"{aud}"}}"#))).unwrap();
        let own = [
            "https://api.securitycenter.microsoft.com",
            "https://api.securitycenter.microsoft.com/",
            "https://API.securitycenter.microsoft.com",
            "https://securitycenter.onmicrosoft.com/windowsatpservice",
            "https://api.securitycenter.windows.com",
            "fc780465-2017-40d4-a0c5-307022471b92",
            "",
        ];
        for aud in own {
            assert_eq!(claims(aud).other_audience(DEFAULT_AUDIENCE), None, "{aud}");
        }
        for aud in ["https://graph.microsoft.com", "https://api.security.microsoft.com"] {
            let told = claims(aud).other_audience(DEFAULT_AUDIENCE).unwrap();
            assert!(told.contains(aud) && told.contains(own[0]), "{told}");
        }
        let gov = "https://api-gov.securitycenter.microsoft.us/.default";
        assert!(claims(own[3]).other_audience(gov).is_some(), "another cloud has other names");
        assert_eq!(Claims::default().other_audience(DEFAULT_AUDIENCE), None);
    }

    #[test]
    fn only_an_application_is_told_that_it_may_not_scan() {
        let of = |payload: &str| peek(&token(payload)).unwrap();
        let reads = of(r#"{"aud":"a","roles":["Machine.Read.All"]}"#);
        assert!(reads.forbids_scan(true) && reads.forbids_scan(false));
        let nothing = of(r#"{"aud":"a"}"#);
        assert!(nothing.forbids_scan(true) && !nothing.forbids_scan(false));
        assert!(!of(r#"{"aud":"a","roles":["Machine.Scan"]}"#).forbids_scan(true));
        assert!(!of(r#"{"aud":"a","scp":"Machine.Read"}"#).forbids_scan(true));
        assert!(!Claims::default().forbids_scan(true), "a token that says nothing");
    }

    #[test]
    fn an_opaque_or_broken_token_tells_nothing() {
        for token in ["", "opaque", "a.b", "a.!!!!.c", &token("[]"), &token("{"), &token("7")] {
            assert_eq!(peek(token), None, "{token}");
        }
        let odd = peek(&token(r#"{"roles":{"a":1},"exp":1e300,"tid":null}"#));
        assert_eq!(odd, Some(Claims::default()));
    }
}
