//! Assertions in place of a secret: a token that a certificate's key signed, or one of another
//! issuer. Their form and their claims are checked as the page "Microsoft identity platform
//! application authentication certificate credentials" and the one on workload identity federation
//! ask; signatures are not, since the emulator knows no keys.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

use super::aadsts::{SignInRefusal, refusal};
use super::clock::Moment;

/// The type that a request must name with its assertion.
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Whom a federated token is for.
const EXCHANGE: &str = "api://AzureADTokenExchange";

/// How far clocks may differ, in seconds.
const SKEW: i64 = 300;

/// Judges an assertion for an application of a tenant.
pub(super) fn check(
    assertion: &str,
    client_id: &str,
    tenant: &str,
    now: Moment,
) -> Result<(), SignInRefusal> {
    let refused = |code: u32, text: &str| Err(refusal(401, "invalid_client", code, text.into()));
    let Some((header, claims)) = parts(assertion) else {
        return refused(50_027, "JWT token is invalid or malformed.");
    };
    let text = |json: &Value, name: &str| json[name].as_str().unwrap_or_default().to_owned();
    let time = |name: &str| claims[name].as_i64();
    let now_s = now.utc_ms.div_euclid(1000);
    let begun = time("nbf").is_none_or(|from| from <= now_s + SKEW);
    if !begun || time("exp").is_none_or(|until| until + SKEW < now_s) {
        return refused(
            700_024,
            "Client assertion is not within its valid time range. Current time, assertion valid \
             from and expiry time of assertion do not fit.",
        );
    }
    let issuer = text(&claims, "iss");
    let own = !issuer.is_empty() && issuer == text(&claims, "sub") && issuer == client_id;
    if !own {
        return match claims["aud"].as_str() {
            Some(EXCHANGE) if !issuer.is_empty() && !text(&claims, "sub").is_empty() => Ok(()),
            Some(EXCHANGE) => refused(700_211, "No matching federated identity record found."),
            _ => refused(
                700_212,
                "No matching federated identity record found for presented assertion audience.",
            ),
        };
    }
    let signed = matches!(header["alg"].as_str(), Some("PS256" | "RS256"));
    let print = header["x5t#S256"].as_str().filter(|print| print.len() == 43);
    let to_us = text(&claims, "aud").ends_with(&format!("/{tenant}/oauth2/v2.0/token"));
    if signed && print.is_some() && to_us && !text(&claims, "jti").is_empty() {
        return Ok(());
    }
    refused(
        700_027,
        "The certificate used to sign the client assertion is not registered on application, or \
         the assertion is not as it should be.",
    )
}

/// Header and claims of a JSON web token that has a signature.
fn parts(token: &str) -> Option<(Value, Value)> {
    let mut parts = token.split('.');
    let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if signature.is_empty() || parts.next().is_some() {
        return None;
    }
    let object = |part: &str| {
        let json = BASE64_URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice(&json).ok().filter(Value::is_object)
    };
    Some((object(header)?, object(claims)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "t";
    const APP: &str = "app-1";

    fn judge(header: &str, claims: &str) -> Option<u32> {
        let token = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part)).join(".");
        let now = Moment { utc_ms: 1_000_000_000, ..Moment::default() };
        check(&format!("{token}.sig"), APP, TENANT, now).err().map(|refusal| refusal.code())
    }

    #[test]
    fn an_assertion_of_a_certificate_is_taken_with_its_right_form_alone() {
        let header = format!(r#"{{"alg":"PS256","x5t#S256":"{}"}}"#, "a".repeat(43));
        let claims = |change: (&str, &str)| {
            r#"{"iss":"app-1","sub":"app-1","aud":"https://l/t/oauth2/v2.0/token","jti":"1",
                "nbf":999990,"exp":1000600}"#
                .replace(change.0, change.1)
        };
        assert_eq!(judge(&header, &claims(("", ""))), None);
        for (change, code) in [
            ((r#""jti":"1""#, r#""x":"1""#), 700_027),
            (("/t/oauth2", "/other/oauth2"), 700_027),
            (("1000600", "900000"), 700_024),
            (("999990", "1010000"), 700_024),
            ((r#""sub":"app-1""#, r#""sub":"app-2""#), 700_212),
        ] {
            assert_eq!(judge(&header, &claims(change)), Some(code), "{change:?}");
        }
        for wrong in [r#"{"alg":"none"}"#, r#"{"alg":"PS256"}"#, r#"{"alg":"HS256"}"#] {
            assert_eq!(judge(wrong, &claims(("", ""))), Some(700_027), "{wrong}");
        }
        assert_eq!(judge("[]", &claims(("", ""))), Some(50_027));
    }

    #[test]
    fn a_federated_token_is_taken_for_the_exchange_alone() {
        let claims = |aud: &str| {
            format!(r#"{{"iss":"https://k8s","sub":"system:a","aud":"{aud}","exp":1000600}}"#)
        };
        assert_eq!(judge(r#"{"alg":"RS256"}"#, &claims(EXCHANGE)), None);
        assert_eq!(judge(r#"{"alg":"RS256"}"#, &claims("api://other")), Some(700_212));
    }
}
