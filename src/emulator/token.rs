//! Sign-in: the token end point, the tokens that it gives, and who may do what with one. The tokens
//! look like JSON web tokens and are signed by nobody. Source: Microsoft's pages "Create an app to
//! access Microsoft Defender for Endpoint without a user" and "Microsoft Entra authentication and
//! authorization error codes".

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded;

use super::aadsts::{
    SignInRefusal, by_number, missing, refusal, refused, unknown_app, unknown_audience,
    wrong_secret,
};
use super::assertion;
use super::clock::Moment;
use super::dice;
use super::reply::Reply;
use super::scenario::Tokens;

/// The secret that the emulator takes if it is not told another.
pub const DEFAULT_SECRET: &str = "emulator-secret";

/// The audiences whose tokens the API takes (page "Exposed APIs list", and what clients use).
const AUDIENCES: [&str; 5] = [
    "https://api.securitycenter.microsoft.com",
    "https://api.securitycenter.windows.com",
    "https://securitycenter.onmicrosoft.com/windowsatpservice",
    "https://api-gcc.securitycenter.microsoft.us",
    "https://api-gov.securitycenter.microsoft.us",
];

/// Audiences that every tenant knows and whose tokens carry no Defender for Endpoint roles:
/// Microsoft 365 Defender, Graph, and Azure's management.
const OTHER_AUDIENCES: [&str; 3] = [
    "https://api.security.microsoft.com",
    "https://graph.microsoft.com",
    "https://management.azure.com",
];

/// How long a code that a user enters is good for, in seconds.
const CODE_LIFE_S: i64 = 900;

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
    pub(super) rights: Rights,
    pub(super) expires_us: i64,
}

/// What a token allows.
#[derive(Clone, Debug)]
pub(super) enum Rights {
    /// An application's roles.
    Roles(Vec<String>),
    /// A user's scopes.
    Scopes(Vec<String>),
}

impl Rights {
    /// Their names.
    pub(super) fn names(&self) -> &[String] {
        match self {
            Rights::Roles(names) | Rights::Scopes(names) => names,
        }
    }
}

/// A request of a tenant's for a token, beside what is in it.
#[derive(Clone, Copy)]
pub(super) struct TokenCall<'a> {
    pub(super) now: Moment,
    pub(super) tenant: &'a str,
    pub(super) rules: &'a Tokens,
    pub(super) draw: u64,
}

/// A request for a token that is granted.
struct Granted {
    client_id: String,
    scope: String,
    rights: Rights,
    /// What renews it, for a user.
    refresh: Option<String>,
}

type Form = BTreeMap<String, String>;

/// Gives tokens and knows those that it gave.
#[derive(Debug)]
pub(super) struct Desk {
    apps: Vec<App>,
    grants: BTreeMap<String, Grant>,
    /// Codes that users enter, with their application and how often they were asked for.
    codes: BTreeMap<String, (String, u32)>,
    /// What renews a user's sign-in, with its application.
    refreshes: BTreeMap<String, String>,
    /// Tenant and application of every account that ever signed in; the first is nobody's.
    pub(super) accounts: Vec<String>,
}

impl Desk {
    pub(super) fn new(apps: Vec<App>) -> Desk {
        Desk {
            apps,
            grants: BTreeMap::new(),
            codes: BTreeMap::new(),
            refreshes: BTreeMap::new(),
            accounts: vec!["unknown".into()],
        }
    }

    /// Who sent this `Authorization` header, even if the token has expired.
    pub(super) fn grant(&self, authorization: Option<&str>) -> Option<&Grant> {
        let (scheme, token) = authorization?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        self.grants.get(token.trim())
    }

    /// Answers a call of the token end point. `failing` is the number with which every request is
    /// refused now, if there is one.
    pub(super) fn answer(
        &mut self,
        asked: TokenCall<'_>,
        body: &[u8],
        failing: Option<u32>,
    ) -> Reply {
        let TokenCall { tenant, rules, draw, .. } = asked;
        let salted = dice::unit(dice::mix(draw ^ 0x70c));
        if salted < rules.error_500_share {
            return Reply::empty(500);
        }
        let form: Form = form_urlencoded::parse(body).into_owned().collect();
        let client_id = form.get("client_id").map_or("", String::as_str);
        let checked = match failing {
            Some(code) => Err(by_number(code, client_id, tenant)),
            None if salted < rules.error_500_share + rules.reject_share => {
                Err(wrong_secret(client_id))
            }
            None => self.check(asked, &form),
        };
        match checked {
            Ok(Granted { client_id, scope, rights, refresh }) => {
                let token = self.issue(asked, &client_id, audience_of(&scope), rights);
                let life = rules.lifetime_s as u64;
                let mut body = serde_json::json!({
                    "token_type": "Bearer",
                    "expires_in": life,
                    "ext_expires_in": life,
                    "access_token": token,
                });
                if let Some(refresh) = refresh {
                    body["refresh_token"] = refresh.clone().into();
                    body["scope"] = scope.into();
                    self.refreshes.insert(refresh, client_id);
                }
                no_store(Reply::json(200, &body))
            }
            Err(refusal) => no_store(refused(&refusal, asked.now, draw)),
        }
    }

    /// Gives a code that a user enters ("OAuth 2.0 device authorization grant" page).
    pub(super) fn code(&mut self, now: Moment, tenant: &str, body: &[u8], draw: u64) -> Reply {
        let form: Form = form_urlencoded::parse(body).into_owned().collect();
        let checked = field(&form, "client_id").and_then(|client_id| {
            let scope = field(&form, "scope")?;
            self.app(tenant, &client_id)?;
            known_audience(&scope, tenant).map(|()| client_id)
        });
        let client_id = match checked {
            Ok(client_id) => client_id,
            Err(refusal) => return no_store(refused(&refusal, now, draw)),
        };
        let device_code = format!("emulated-device-code-{}", dice::guid(draw ^ 0xdc));
        self.codes.insert(device_code.clone(), (client_id, 0));
        no_store(Reply::json(
            200,
            &serde_json::json!({
                "user_code": format!("{:08X}", dice::mix(draw ^ 0xc0de) as u32),
                "device_code": device_code,
                "verification_uri": "https://microsoft.com/devicelogin",
                "expires_in": CODE_LIFE_S,
                "interval": 1,
                "message": "Enter the code to sign in.",
            }),
        ))
    }

    fn app(&self, tenant: &str, client_id: &str) -> Result<&App, SignInRefusal> {
        let is = |known: &Option<String>, said: &str| {
            known.as_ref().is_none_or(|known| known.eq_ignore_ascii_case(said))
        };
        self.apps
            .iter()
            .find(|app| is(&app.tenant, tenant) && is(&app.client_id, client_id))
            .ok_or_else(|| unknown_app(client_id, tenant))
    }

    /// Finds out who asks, and with what right.
    fn check(&mut self, asked: TokenCall<'_>, form: &Form) -> Result<Granted, SignInRefusal> {
        let TokenCall { tenant, rules, draw, .. } = asked;
        let grant_type = field(form, "grant_type")?;
        let client_id = || field(form, "client_id");
        let user = |client_id, scope| Granted {
            client_id,
            scope,
            rights: Rights::Scopes(rules.scopes.clone()),
            refresh: Some(format!("emulated-refresh-{}", dice::guid(draw ^ 0x4ef))),
        };
        match grant_type.as_str() {
            "client_credentials" => self.check_application(asked, form),
            "urn:ietf:params:oauth:grant-type:device_code" => {
                let client_id = client_id()?;
                self.poll(&field(form, "device_code")?, &client_id, rules.code_after_polls)?;
                Ok(user(client_id, format!("{}/.default", AUDIENCES[0])))
            }
            "refresh_token" => {
                let (client_id, scope) = (client_id()?, field(form, "scope")?);
                if self.refreshes.get(&field(form, "refresh_token")?) != Some(&client_id) {
                    let text = "The refresh token is not valid or was revoked.".into();
                    return Err(refusal(400, "invalid_grant", 70_008, text));
                }
                known_audience(&scope, tenant)?;
                Ok(user(client_id, scope))
            }
            other => {
                let text = format!("The app requested an unsupported grant type '{other}'.");
                Err(refusal(400, "unsupported_grant_type", 70_003, text))
            }
        }
    }

    /// A client asks whether the user has entered the code.
    fn poll(&mut self, code: &str, client_id: &str, polls: u32) -> Result<(), SignInRefusal> {
        let known = self.codes.get_mut(code).filter(|(app, _)| app == client_id);
        let Some((_, asked)) = known else {
            let text = "The provided device code is not valid.".into();
            return Err(refusal(400, "invalid_grant", 70_018, text));
        };
        *asked += 1;
        if *asked <= polls {
            let text = "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
            return Err(refusal(400, "authorization_pending", 70_016, text.into()));
        }
        self.codes.remove(code);
        Ok(())
    }

    fn check_application(
        &self,
        asked: TokenCall<'_>,
        form: &Form,
    ) -> Result<Granted, SignInRefusal> {
        let TokenCall { now, tenant, rules, .. } = asked;
        let (client_id, scope) = (field(form, "client_id")?, field(form, "scope")?);
        if !scope.ends_with("/.default") {
            let text = format!(
                "The provided value for scope {scope} is not valid. Client credential flows must \
                 have a scope value with /.default suffixed to the resource identifier \
                 (application ID URI)."
            );
            return Err(refusal(400, "invalid_scope", 1_002_012, text));
        }
        let app = self.app(tenant, &client_id)?;
        match (field(form, "client_secret").ok(), field(form, "client_assertion").ok()) {
            (Some(secret), _) if secret == app.secret.expose_secret() => {}
            (Some(_), _) => return Err(wrong_secret(&client_id)),
            (None, Some(assertion)) => {
                if field(form, "client_assertion_type")? != assertion::TYPE {
                    return Err(missing("client_assertion_type"));
                }
                assertion::check(&assertion, &client_id, tenant, now)?;
            }
            (None, None) => {
                let text = "The request body must contain the following parameter: \
                            'client_assertion' or 'client_secret'.";
                return Err(refusal(401, "invalid_client", 7_000_218, text.into()));
            }
        }
        known_audience(&scope, tenant)?;
        let roles = app.roles.clone().unwrap_or_else(|| rules.roles.clone());
        Ok(Granted { client_id, scope, rights: Rights::Roles(roles), refresh: None })
    }

    /// Makes a token; everything that is handed in goes into it.
    pub(super) fn issue(
        &mut self,
        asked: TokenCall<'_>,
        app: &str,
        audience: &str,
        rights: Rights,
    ) -> String {
        let TokenCall { now, rules, draw, .. } = asked;
        // A token names a tenant by its id, in small letters, however it was asked for.
        let mut tenant = asked.tenant.to_ascii_lowercase();
        if tenant.contains('.') {
            tenant = dice::guid(dice::hash(0, &["tenant", &tenant]));
        }
        let rights = match rights {
            rights if AUDIENCES.contains(&audience) => rights,
            Rights::Roles(_) => Rights::Roles(Vec::new()),
            Rights::Scopes(_) => Rights::Scopes(Vec::new()),
        };
        let from = now.utc_ms.div_euclid(1000);
        let mut claims = serde_json::json!({
            "aud": audience,
            "iss": format!("https://sts.windows.net/{tenant}/"),
            "iat": from,
            "nbf": from,
            "exp": from + rules.lifetime_s as i64,
            "appid": app,
            "tid": tenant,
            "uti": dice::guid(draw ^ 0x071),
            "ver": "1.0",
        });
        match &rights {
            Rights::Roles(roles) => {
                claims["idtyp"] = "app".into();
                claims["roles"] = roles.clone().into();
            }
            Rights::Scopes(scopes) => {
                claims["scp"] = scopes.join(" ").into();
                claims["upn"] = "analyst@emulator.example".into();
            }
        }
        let header = serde_json::json!({ "alg": "none", "typ": "JWT" });
        let parts = [header.to_string(), claims.to_string(), "emulator".to_owned()];
        let token = parts.map(|part| BASE64_URL_SAFE_NO_PAD.encode(part)).join(".");
        let name = format!("{tenant}/{app}");
        let known = self.accounts.iter().position(|account| *account == name);
        let account = known.unwrap_or_else(|| {
            self.accounts.push(name);
            self.accounts.len() - 1
        });
        let expires_us = now.micros() + (rules.lifetime_s * 1e6) as i64;
        let grant = Grant { account, app: app.to_owned(), rights, expires_us };
        self.grants.insert(token.clone(), grant);
        token
    }
}

fn field(form: &Form, name: &str) -> Result<String, SignInRefusal> {
    form.get(name).filter(|value| !value.is_empty()).cloned().ok_or_else(|| missing(name))
}

/// The audience of the first scope that names one.
fn audience_of(scope: &str) -> &str {
    let first = scope.split(' ').find(|word| word.contains("://")).unwrap_or_default();
    first.strip_suffix("/.default").unwrap_or(first)
}

fn known_audience(scope: &str, tenant: &str) -> Result<(), SignInRefusal> {
    let audience = audience_of(scope);
    if AUDIENCES.contains(&audience) || OTHER_AUDIENCES.contains(&audience) {
        return Ok(());
    }
    Err(unknown_audience(audience, tenant))
}

fn no_store(mut reply: Reply) -> Reply {
    reply.headers = vec![("content-type", "application/json; charset=utf-8".into())];
    reply.with("cache-control", "no-store, no-cache".into()).with("pragma", "no-cache".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        assert!(!format!("{:?}", App::default()).contains(DEFAULT_SECRET));
    }
}
