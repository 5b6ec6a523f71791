//! What an access token says about itself, read without checking its signature: to tell the user
//! about missing rights before the first call, and to name the budget. Nothing is decided by it;
//! the server decides.

use jiff::Timestamp;
use serde_json::Value;

use super::wire::{cut, text_of};

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

impl Claims {
    /// Whether the token allows ordering scans ("Run antivirus scan API" page: `Machine.Scan`).
    pub fn may_scan(&self) -> bool {
        self.roles.iter().chain(&self.scopes).any(|right| right == "Machine.Scan")
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
    fn an_opaque_or_broken_token_tells_nothing() {
        for token in ["", "opaque", "a.b", "a.!!!!.c", &token("[]"), &token("{"), &token("7")] {
            assert_eq!(peek(token), None, "{token}");
        }
        let odd = peek(&token(r#"{"roles":{"a":1},"exp":1e300,"tid":null}"#));
        assert_eq!(odd, Some(Claims::default()));
    }
}
