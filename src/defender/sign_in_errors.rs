//! What a failed sign-in means and what to do about it, in words for people. The numbers are
//! Entra's ("Microsoft Entra authentication and authorization error codes" page); their meaning is
//! stable, their text is not.

use azure_core::error::Error;
use serde_json::Value;

use super::SignInError;
use super::hosts::Origin;
use super::sign_in::words_of;
use super::wire::excerpt;

/// Who signs in where, for messages.
pub(super) struct Who<'a> {
    pub(super) tenant: &'a str,
    pub(super) application: &'a str,
    pub(super) audience: &'a str,
    pub(super) login_origin: &'a Origin,
}

/// What came back from the sign-in service.
pub(super) enum Heard {
    /// Nothing was sent.
    Nothing,
    /// No whole answer.
    Trouble(String),
    /// An answer.
    Answer {
        /// Its status.
        status: u16,
        /// The number after AADSTS, if there is one.
        code: Option<u64>,
        /// OAuth's error word, such as `invalid_client`.
        error: Option<String>,
        /// The beginning of its text, safe to show.
        text: String,
    },
}

impl Heard {
    /// Reads an answer that may be an error. `scrub` takes the secret out of a text before it is
    /// shortened, so that no part of it stays.
    pub(super) fn answer(status: u16, body: &[u8], scrub: impl Fn(&str) -> String) -> Self {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let said = json.get("error_description").and_then(Value::as_str).unwrap_or_default();
        let numbered = json.get("error_codes").and_then(|codes| codes.get(0)?.as_u64());
        let error = json.get("error").and_then(Value::as_str).map(|word| excerpt(&scrub(word)));
        // Traces and times follow on further lines; they are for support, not for this message. The
        // text of a successful answer is never kept: it holds a token.
        let text = excerpt(&scrub(said.lines().next().unwrap_or_default()));
        Heard::Answer { status, code: numbered.or_else(|| code_in(said)), error, text }
    }
}

/// Codes that say "later" rather than "no".
const TRANSIENT: [u64; 4] = [50033, 90024, 90033, 90055];

/// The meaning of a failed sign-in.
pub(super) fn explain(who: &Who<'_>, heard: Heard, error: &Error) -> SignInError {
    match heard {
        Heard::Nothing => SignInError::Refused(format!(
            "cannot sign in: {}; check tenant, application and credential",
            words_of(error)
        )),
        Heard::Trouble(why) => SignInError::Unavailable(format!(
            "cannot reach the sign-in service {}: {why}",
            who.login_origin
        )),
        Heard::Answer { code: Some(code), text, .. } => coded(who, code, &text),
        Heard::Answer { status: 400 | 401, error: Some(word), text, .. } => {
            SignInError::Refused(format!(
                "the sign-in service refuses application {} in tenant {}: {word} {text}",
                excerpt(who.application),
                excerpt(who.tenant),
            ))
        }
        Heard::Answer { status, .. } => SignInError::Unavailable(format!(
            "the sign-in service {} answered HTTP {status} without a usable token; try again, and \
             if it stays so, check the address and whether a proxy or portal answers in its place",
            who.login_origin
        )),
    }
}

fn coded(who: &Who<'_>, code: u64, text: &str) -> SignInError {
    if TRANSIENT.contains(&code) {
        let why = format!("the sign-in service is busy (AADSTS{code}); try again: {text}");
        return SignInError::Unavailable(why);
    }
    const ELSE: &str = "look the number up at https://login.microsoftonline.com/error";
    let (what, next) = meaning(code).unwrap_or((text, ELSE));
    let what = what
        .replace("{application}", &excerpt(who.application))
        .replace("{tenant}", &excerpt(who.tenant))
        .replace("{audience}", &excerpt(who.audience));
    SignInError::Refused(format!("the sign-in service says no: {what} (AADSTS{code}); {next}"))
}

/// What the number means, and what to do next.
fn meaning(code: u64) -> Option<(&'static str, &'static str)> {
    const NEW_SECRET: &str = "make a new one under App registrations > Certificates & secrets, and \
                              set AZURE_CLIENT_SECRET to its value";
    Some(match code {
        7000215 => (
            "the client secret of application {application} is wrong",
            "set AZURE_CLIENT_SECRET to the secret's value, not to its id",
        ),
        7000222 => ("the client secret of application {application} has expired", NEW_SECRET),
        7000216 | 7000218 => (
            "no client secret was sent for application {application}",
            "set AZURE_CLIENT_SECRET, or AZURE_FEDERATED_TOKEN_FILE",
        ),
        700016 => (
            "application {application} does not exist in tenant {tenant}",
            "check AZURE_CLIENT_ID and AZURE_TENANT_ID; the wrong tenant is the usual reason",
        ),
        7000112 => (
            "application {application} is disabled in tenant {tenant}",
            "enable it under Enterprise applications > Properties",
        ),
        7000229 => (
            "application {application} has no service principal in tenant {tenant}",
            "let an administrator of that tenant consent to it",
        ),
        90002 | 90013 | 900021 | 900023 => (
            "there is no tenant {tenant} in this cloud",
            "check AZURE_TENANT_ID, and the cloud (government tenants sign in elsewhere)",
        ),
        900382 | 900432 | 90038 => (
            "tenant {tenant} belongs to another cloud",
            "choose the cloud of the tenant with --cloud",
        ),
        500011 | 500014 | 650052 | 650057 => (
            "tenant {tenant} has no service for {audience}",
            "check the cloud, and that Defender for Endpoint is licensed and set up in the tenant",
        ),
        70011 | 1002012 | 28002 => (
            "{audience} is no scope that can be asked for",
            "use the cloud's own audience, which ends with /.default",
        ),
        53003 | 53000 | 53001 | 53002 | 530031 | 530035 => (
            "a Conditional Access policy of tenant {tenant} blocks application {application}",
            "ask the tenant's administrator to exempt it, or run from an allowed network",
        ),
        50076 | 50079 => (
            "tenant {tenant} asks for a second factor, which an application cannot give",
            "sign in as an application, not as a user",
        ),
        700024 | 700027 | 50027 => (
            "the federated token of application {application} is not valid or has expired",
            "check the token file, its issuer, and this machine's clock",
        ),
        70021 | 700211 | 700212 | 700213 => (
            "no federated credential of application {application} fits the token",
            "compare issuer, subject and audience under Certificates & secrets > Federated \
             credentials",
        ),
        _ => return None,
    })
}

fn code_in(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("AADSTS")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
