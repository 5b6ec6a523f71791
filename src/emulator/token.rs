//! Sign-in: the token end point, the tokens that it gives, and who may do what with one. The tokens
//! look like JSON web tokens and are signed by nobody. Source: Microsoft's pages "Create an app to
//! access Microsoft Defender for Endpoint without a user" and "Microsoft Entra authentication and
//! authorization error codes".

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use url::form_urlencoded;

use super::clock::Moment;
use super::dice;
use super::reply::Reply;
use super::scenario::Tokens;

/// The secret that the emulator takes if it is not told another.
pub const DEFAULT_SECRET: &str = "emulator-secret";

/// The audience of Microsoft 365 Defender, whose tokens carry no Defender for Endpoint roles.
const XDR_AUDIENCE: &str = "https://api.security.microsoft.com";

/// An application that may sign in.
#[derive(Clone, Debug)]
pub struct App {
    /// Its tenant id; any, if none.
    pub tenant: Option<String>,
    /// Its application id; any, if none.
    pub client_id: Option<String>,
    /// Its secret.
    pub secret: SecretString,
    /// Its roles; those of the scenario, if none.
    pub roles: Option<Vec<String>>,
}

impl Default for App {
    fn default() -> App {
        App { tenant: None, client_id: None, secret: DEFAULT_SECRET.into(), roles: None }
    }
}

/// What a token stands for.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    /// Index into [`Desk::accounts`].
    pub(super) account: usize,
    pub(super) app: String,
    pub(super) roles: Vec<String>,
    pub(super) expires_us: i64,
}

/// Gives tokens and knows those that it gave.
#[derive(Debug)]
pub(super) struct Desk {
    apps: Vec<App>,
    grants: BTreeMap<String, Grant>,
    /// Tenant and application of every account that ever signed in; the first is nobody's.
    pub(super) accounts: Vec<String>,
}

/// A request that the end point refuses.
struct Refusal {
    status: u16,
    error: &'static str,
    code: u32,
    text: String,
}

impl Desk {
    pub(super) fn new(apps: Vec<App>) -> Desk {
        Desk { apps, grants: BTreeMap::new(), accounts: vec!["unknown".into()] }
    }

    /// Who sent this `Authorization` header, even if the token has expired.
    pub(super) fn grant(&self, authorization: Option<&str>) -> Option<&Grant> {
        let (scheme, token) = authorization?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        self.grants.get(token.trim())
    }

    /// Answers a call of the token end point.
    pub(super) fn answer(
        &mut self,
        now: Moment,
        tenant: &str,
        body: &[u8],
        rules: &Tokens,
        draw: u64,
    ) -> Reply {
        let salted = dice::unit(dice::mix(draw ^ 0x70c));
        if salted < rules.error_500_share {
            return Reply::empty(500);
        }
        let form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
        let checked = if salted < rules.error_500_share + rules.reject_share {
            Err(wrong_secret(form.get("client_id").map_or("", String::as_str)))
        } else {
            self.check(tenant, &form)
        };
        match checked {
            Ok((client_id, scope, roles)) => {
                let roles = roles.unwrap_or_else(|| rules.roles.clone());
                let audience = scope.trim_end_matches("/.default").to_owned();
                let token = self.issue(now, tenant, &client_id, &audience, roles, rules, draw);
                no_store(Reply::json(
                    200,
                    &serde_json::json!({
                        "token_type": "Bearer",
                        "expires_in": rules.lifetime_s as u64,
                        "ext_expires_in": rules.lifetime_s as u64,
                        "access_token": token,
                    }),
                ))
            }
            Err(refusal) => no_store(refused(&refusal, now, draw)),
        }
    }

    /// Finds out who asks: application id, scope and the application's own roles.
    fn check(
        &self,
        tenant: &str,
        form: &BTreeMap<String, String>,
    ) -> Result<(String, String, Option<Vec<String>>), Refusal> {
        let field = |name: &str| form.get(name).filter(|value| !value.is_empty()).cloned();
        let missing = |name: &str| {
            let text = format!("The request body must contain the following parameter: '{name}'.");
            refusal(400, "invalid_request", 900_144, text)
        };
        let grant_type = field("grant_type").ok_or_else(|| missing("grant_type"))?;
        if grant_type != "client_credentials" {
            let text = format!("The app requested an unsupported grant type '{grant_type}'.");
            return Err(refusal(400, "unsupported_grant_type", 70_003, text));
        }
        let client_id = field("client_id").ok_or_else(|| missing("client_id"))?;
        let scope = field("scope").ok_or_else(|| missing("scope"))?;
        if !scope.ends_with("/.default") {
            let text = format!(
                "The provided value for scope {scope} is not valid. Client credential flows must \
                 have a scope value with /.default suffixed to the resource identifier \
                 (application ID URI)."
            );
            return Err(refusal(400, "invalid_scope", 1_002_012, text));
        }
        let is = |known: &Option<String>, said: &str| {
            known.as_ref().is_none_or(|known| known.eq_ignore_ascii_case(said))
        };
        let app = self
            .apps
            .iter()
            .find(|app| is(&app.tenant, tenant) && is(&app.client_id, &client_id))
            .ok_or_else(|| unknown_app(&client_id, tenant))?;
        match (field("client_secret"), field("client_assertion")) {
            (Some(secret), _) if secret == app.secret.expose_secret() => {}
            (Some(_), _) => return Err(wrong_secret(&client_id)),
            // Signed assertions (certificates, federated tokens) are taken as they are.
            (None, Some(_)) => {}
            (None, None) => {
                let text = "The request body must contain the following parameter: \
                            'client_assertion' or 'client_secret'.";
                return Err(refusal(401, "invalid_client", 7_000_218, text.into()));
            }
        }
        Ok((client_id, scope, app.roles.clone()))
    }

    /// Makes a token; every argument goes into it.
    #[expect(clippy::too_many_arguments, reason = "these are the claims of a token")]
    pub(super) fn issue(
        &mut self,
        now: Moment,
        tenant: &str,
        app: &str,
        audience: &str,
        roles: Vec<String>,
        rules: &Tokens,
        draw: u64,
    ) -> String {
        let roles = if audience == XDR_AUDIENCE { Vec::new() } else { roles };
        let from = now.utc_ms.div_euclid(1000);
        let claims = serde_json::json!({
            "aud": audience,
            "iss": format!("https://sts.windows.net/{tenant}/"),
            "iat": from,
            "nbf": from,
            "exp": from + rules.lifetime_s as i64,
            "appid": app,
            "idtyp": "app",
            "roles": roles,
            "tid": tenant,
            "uti": dice::guid(draw ^ 0x071),
            "ver": "1.0",
        });
        let header = serde_json::json!({ "alg": "none", "typ": "JWT" });
        let parts = [header, claims].map(|part| base64url(part.to_string().as_bytes()));
        let token = format!("{}.{}.{}", parts[0], parts[1], base64url(b"emulator"));
        let name = format!("{tenant}/{app}");
        let known = self.accounts.iter().position(|account| *account == name);
        let account = known.unwrap_or_else(|| {
            self.accounts.push(name);
            self.accounts.len() - 1
        });
        let expires_us = now.micros() + (rules.lifetime_s * 1e6) as i64;
        let grant = Grant { account, app: app.to_owned(), roles, expires_us };
        self.grants.insert(token.clone(), grant);
        token
    }
}

fn refusal(status: u16, error: &'static str, code: u32, text: String) -> Refusal {
    Refusal { status, error, code, text }
}

fn wrong_secret(client_id: &str) -> Refusal {
    let text = format!(
        "Invalid client secret provided. Ensure the secret being sent in the request is the \
         client secret value, not the client secret ID, for a secret added to app '{client_id}'."
    );
    refusal(401, "invalid_client", 7_000_215, text)
}

fn unknown_app(client_id: &str, tenant: &str) -> Refusal {
    let text = format!(
        "Application with identifier '{client_id}' was not found in the directory '{tenant}'. This \
         can happen if the application has not been installed by the administrator of the tenant \
         or consented to by any user in the tenant."
    );
    refusal(400, "unauthorized_client", 700_016, text)
}

fn refused(refusal: &Refusal, now: Moment, draw: u64) -> Reply {
    #[derive(Serialize)]
    struct Body<'a> {
        error: &'a str,
        error_description: String,
        error_codes: [u32; 1],
        timestamp: String,
        trace_id: &'a str,
        correlation_id: &'a str,
        error_uri: String,
    }
    let Refusal { status, error, code, text } = refusal;
    let (trace, correlation) = (dice::guid(draw ^ 1), dice::guid(draw ^ 2));
    let at = jiff::Timestamp::from_second(now.utc_ms.div_euclid(1000)).unwrap_or_default();
    let timestamp = at.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let description = format!(
        "AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} \
         Timestamp: {timestamp}"
    );
    Reply::json(
        *status,
        &Body {
            error,
            error_description: description,
            error_codes: [*code],
            timestamp,
            trace_id: &trace,
            correlation_id: &correlation,
            error_uri: format!("https://login.microsoftonline.com/error?code={code}"),
        },
    )
}

fn no_store(mut reply: Reply) -> Reply {
    reply.headers = vec![("content-type", "application/json; charset=utf-8".into())];
    reply.with("cache-control", "no-store, no-cache".into()).with("pragma", "no-cache".into())
}

/// Base64 with the alphabet for URLs and without padding (RFC 4648, section 5).
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * i) & 63) as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_is_that_of_the_rfc() {
        let cases = [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg")];
        for (plain, coded) in cases {
            assert_eq!(base64url(plain.as_bytes()), coded);
        }
        assert_eq!(base64url(&[0xff, 0xef]), "_-8");
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert!(!format!("{:?}", App::default()).contains(DEFAULT_SECRET));
    }
}
