//! Refusals of the sign-in service: their numbers, words and form. Source: Microsoft's page
//! "Microsoft Entra authentication and authorization error codes". Which request is refused is
//! decided elsewhere.

use serde_json::json;

use super::clock::Moment;
use super::dice;
use super::reply::{Object, Reply};

/// A request that the end point refuses.
pub(super) struct SignInRefusal {
    status: u16,
    error: &'static str,
    code: u32,
    text: String,
}

#[cfg(test)]
impl SignInRefusal {
    pub(super) fn code(&self) -> u32 {
        self.code
    }
}

pub(super) fn refusal(status: u16, error: &'static str, code: u32, text: String) -> SignInRefusal {
    SignInRefusal { status, error, code, text }
}

pub(super) fn missing(name: &str) -> SignInRefusal {
    let text = format!("The request body must contain the following parameter: '{name}'.");
    refusal(400, "invalid_request", 900_144, text)
}

pub(super) fn wrong_secret(client_id: &str) -> SignInRefusal {
    let text = format!(
        "Invalid client secret provided. Ensure the secret being sent in the request is the \
         client secret value, not the client secret ID, for a secret added to app '{client_id}'."
    );
    refusal(401, "invalid_client", 7_000_215, text)
}

pub(super) fn unknown_app(client_id: &str, tenant: &str) -> SignInRefusal {
    let text = format!(
        "Application with identifier '{client_id}' was not found in the directory '{tenant}'. This \
         can happen if the application has not been installed by the administrator of the tenant \
         or consented to by any user in the tenant."
    );
    refusal(400, "unauthorized_client", 700_016, text)
}

pub(super) fn unknown_audience(audience: &str, tenant: &str) -> SignInRefusal {
    let text = format!(
        "The resource principal named {audience} was not found in the tenant named {tenant}."
    );
    refusal(400, "invalid_resource", 500_011, text)
}

/// The refusal that a scenario names by its number.
pub(super) fn by_number(code: u32, client_id: &str, tenant: &str) -> SignInRefusal {
    let app = format!("'{client_id}'");
    let (status, error, text) = match code {
        7_000_215 => return wrong_secret(client_id),
        700_016 => return unknown_app(client_id, tenant),
        7_000_222 => (
            401,
            "invalid_client",
            format!("The provided client secret keys for app {app} are expired."),
        ),
        7_000_112 => (400, "unauthorized_client", format!("Application {app} is disabled.")),
        65_001 => (
            400,
            "invalid_grant",
            format!("The user or administrator has not consented to use the application {app}."),
        ),
        53_003 => (
            400,
            "invalid_grant",
            "Access has been blocked by Conditional Access policies. The access policy does not \
             allow token issuance."
                .into(),
        ),
        50_076 => (
            400,
            "interaction_required",
            "Due to a configuration change made by your administrator, or because you moved to a \
             new location, you must use multi-factor authentication."
                .into(),
        ),
        700_082 => {
            (400, "invalid_grant", "The refresh token has expired due to inactivity.".into())
        }
        90_002 => (400, "invalid_request", format!("Tenant '{tenant}' not found.")),
        90_033 => (
            503,
            "temporarily_unavailable",
            "A transient error has occurred. Please try again.".into(),
        ),
        _ => (401, "invalid_client", "The request is refused.".into()),
    };
    refusal(status, error, code, text)
}

/// The refusal as an answer.
pub(super) fn refused(refusal: &SignInRefusal, now: Moment, draw: u64) -> Reply {
    let SignInRefusal { status, error, code, text } = refusal;
    let (trace, correlation) = (dice::guid(draw ^ 1), dice::guid(draw ^ 2));
    let at = jiff::Timestamp::from_second(now.utc_ms.div_euclid(1000)).unwrap_or_default();
    let timestamp = at.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let description = format!(
        "AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} \
         Timestamp: {timestamp}"
    );
    let uri = format!("https://login.microsoftonline.com/error?code={code}");
    let fields = vec![
        ("error", json!(error)),
        ("error_description", json!(description)),
        ("error_codes", json!([code])),
        ("timestamp", json!(timestamp)),
        ("trace_id", json!(trace)),
        ("correlation_id", json!(correlation)),
        ("error_uri", json!(uri)),
    ];
    Reply::json(*status, &Object(fields))
}
