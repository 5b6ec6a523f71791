//! What a failed sign-in means and what to do about it, in words for people. Entra tells it by a
//! number whose meaning, in `sign_in_codes`, is stable, and whose text is not.

use serde_json::Value;

use super::SignInError;
use super::hosts::Origin;
use super::sign_in_codes::{TRANSIENT, meaning};
use super::text::excerpt;
use crate::domain::SignInKind;

/// Who signs in where, for messages.
pub(super) struct Who<'a> {
    pub(super) kind: SignInKind,
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
        // The end points for the identity of a machine say `message`.
        let said = json.get("error_description").or_else(|| json.get("message"));
        let said = said.and_then(Value::as_str).unwrap_or_default();
        let numbered = json.get("error_codes").and_then(|codes| codes.get(0)?.as_u64());
        let error = json.get("error").and_then(Value::as_str).map(|word| excerpt(&scrub(word)));
        // Traces and times follow on further lines; they are for support, not for this message. The
        // text of a successful answer is never kept: it holds a token.
        let text = excerpt(&scrub(said.lines().next().unwrap_or_default()));
        Heard::Answer { status, code: numbered.or_else(|| code_in(said)), error, text }
    }
}

/// The meaning of a failed sign-in. `words` are those of a library that sent nothing.
pub(super) fn explain(who: &Who<'_>, heard: Heard, words: &str) -> SignInError {
    match heard {
        Heard::Nothing => SignInError::Refused(format!(
            "cannot sign in ({}): {words}; check tenant, application and credential",
            who.kind
        )),
        heard if who.kind == SignInKind::ManagedIdentity => of_machine(who, heard),
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

/// The end point of a machine's identity ("How to use managed identities on an Azure VM to acquire
/// an access token", error handling): 400 and 403 say no, everything else says later.
fn of_machine(who: &Who<'_>, heard: Heard) -> SignInError {
    let which = match who.application {
        "" => "identity of its own (system-assigned)".to_owned(),
        id => format!("identity {} (user-assigned)", excerpt(id)),
    };
    match heard {
        Heard::Answer { code: Some(code), text, .. } => coded(who, code, &text),
        Heard::Answer { status: 400 | 403, text, .. } => SignInError::Refused(format!(
            "this machine has no {which}: {text}; assign one under Identity, and set \
             AZURE_CLIENT_ID (or --identity-client-id for --auth federated-identity) for a \
             user-assigned one alone"
        )),
        Heard::Answer { status, .. } => SignInError::Unavailable(format!(
            "this machine's identity service answered HTTP {status} without a usable token; try \
             again"
        )),
        Heard::Trouble(why) => SignInError::Unavailable(format!(
            "cannot reach this machine's identity service: {why}; a managed identity is there on \
             Azure machines alone, so choose another --auth elsewhere"
        )),
        Heard::Nothing => SignInError::Unavailable("nothing was asked".to_owned()),
    }
}

/// What the Azure CLI says when it gives no token.
pub(super) fn of_azure_cli(words: &str) -> SignInError {
    const NETWORK: [&str; 5] =
        ["HTTPSConnection", "Max retries", "timed out", "name resolution", "Connection aborted"];
    if words.contains("not found on PATH") || words.contains("wasn't found") {
        let why = "the Azure CLI is not installed here, or `az` is not on PATH; install it, or \
                   choose another --auth";
        return SignInError::Refused(why.to_owned());
    }
    if NETWORK.iter().any(|sign| words.contains(sign)) {
        return SignInError::Unavailable(format!("the Azure CLI cannot sign in now: {words}"));
    }
    let next = "run `az login` (with --tenant for another tenant) and try again";
    SignInError::Refused(format!("the Azure CLI gives no token: {words}; {next}"))
}

/// The meaning of a number in words that another program passes on.
pub(super) fn coded_in(who: &Who<'_>, words: &str) -> Option<SignInError> {
    code_in(words).map(|code| coded(who, code, words))
}

fn coded(who: &Who<'_>, code: u64, text: &str) -> SignInError {
    if TRANSIENT.contains(&code) {
        let why = format!("the sign-in service is busy (AADSTS{code}); try again: {text}");
        return SignInError::Unavailable(why);
    }
    const ELSE: &str = "look the number up at https://login.microsoftonline.com/error";
    let (what, next) = meaning(who.kind, code).unwrap_or((text, ELSE));
    let or_none = |text: &str| if text.is_empty() { "(none)".to_owned() } else { excerpt(text) };
    let what = what
        .replace("{application}", &or_none(who.application))
        .replace("{tenant}", &or_none(who.tenant))
        .replace("{audience}", &excerpt(who.audience));
    SignInError::Refused(format!("the sign-in service says no: {what} (AADSTS{code}); {next}"))
}

fn code_in(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("AADSTS")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
