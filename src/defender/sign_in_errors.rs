//! What a failed sign-in means and what to do about it, in words for people. The numbers are
//! Entra's ("Microsoft Entra authentication and authorization error codes" page); their meaning is
//! stable, their text is not.

use serde_json::Value;

use super::SignInError;
use super::hosts::Origin;
use super::sign_in_kind::SignInKind;
use super::wire::excerpt;

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

/// Codes that say "later" rather than "no".
const TRANSIENT: [u64; 4] = [50033, 90024, 90033, 90055];

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
             AZURE_CLIENT_ID for a user-assigned one alone"
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
    let meaning = of_credential(who.kind, code)
        .or_else(|| of_application(code))
        .or_else(|| of_policy(code))
        .or_else(|| of_user(code));
    let (what, next) = meaning.unwrap_or((text, ELSE));
    let or_none = |text: &str| if text.is_empty() { "(none)".to_owned() } else { excerpt(text) };
    let what = what
        .replace("{application}", &or_none(who.application))
        .replace("{tenant}", &or_none(who.tenant))
        .replace("{audience}", &excerpt(who.audience));
    SignInError::Refused(format!("the sign-in service says no: {what} (AADSTS{code}); {next}"))
}

/// What happened, and what to do next.
type Meaning = Option<(&'static str, &'static str)>;

/// What is wrong with a secret, a certificate or a federated token.
fn of_credential(kind: SignInKind, code: u64) -> Meaning {
    const NEW_SECRET: &str = "make a new one under App registrations > Certificates & secrets, and \
                              put its value into AZURE_CLIENT_SECRET or the secret's file";
    Some(match (kind, code) {
        (_, 7000215) => (
            "the client secret of application {application} is wrong",
            "put the secret's value, not its id, into AZURE_CLIENT_SECRET or the secret's file",
        ),
        (_, 7000222) => ("the client secret of application {application} has expired", NEW_SECRET),
        (SignInKind::DeviceCode, 7000216 | 7000218) => (
            "application {application} is no public client, so no user can sign in to it",
            "set `Allow public client flows` to Yes under App registrations > Authentication",
        ),
        (_, 7000216 | 7000218) => (
            "no client secret was sent for application {application}",
            "set AZURE_CLIENT_SECRET, or choose another kind of --auth",
        ),
        (SignInKind::Certificate, 700027 | 5002723 | 50027 | 50012) => (
            "the certificate is not one of application {application}, or it has expired",
            "upload the certificate of this file under App registrations > Certificates & secrets \
             > Certificates, and check its dates",
        ),
        (SignInKind::Certificate, 700024) => (
            "the assertion of application {application} is not within its time",
            "check this machine's clock",
        ),
        (_, 700024 | 700027 | 50027 | 50013) => (
            "the federated token of application {application} is not valid or has expired",
            "check the token file, its issuer, and this machine's clock",
        ),
        (_, 70021 | 700211 | 700212 | 700213) => (
            "no federated credential of application {application} fits the token",
            "compare issuer, subject and audience under Certificates & secrets > Federated \
             credentials",
        ),
        _ => return None,
    })
}

/// What is wrong with the application, its tenant or what it asks for.
fn of_application(code: u64) -> Meaning {
    Some(match code {
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
        65001 | 65004 | 90094 | 90095 | 90008 => (
            "nobody has consented to what application {application} may do in tenant {tenant}",
            "let an administrator grant it under App registrations > API permissions > Grant \
             admin consent (WindowsDefenderATP: Machine.Scan)",
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
        _ => return None,
    })
}

/// What a policy of the tenant forbids.
fn of_policy(code: u64) -> Meaning {
    Some(match code {
        53000 | 53001 | 530003 | 53002 => (
            "a Conditional Access policy of tenant {tenant} asks for a managed device or app",
            "ask the tenant's administrator for an exemption, or sign in as an application",
        ),
        53003 | 530031 | 530035 | 50053 | 50097 => (
            "a Conditional Access policy of tenant {tenant} blocks application {application}",
            "ask the tenant's administrator to exempt it, or run from an allowed network",
        ),
        50105 => (
            "this account is not assigned to application {application}",
            "assign it under Enterprise applications > Users and groups",
        ),
        _ => return None,
    })
}

/// What is wrong with a user's sign-in.
fn of_user(code: u64) -> Meaning {
    Some(match code {
        50076 | 50078 | 50079 | 50158 => (
            "tenant {tenant} asks the user for a second factor again",
            "sign in again (device code: start the command again; Azure CLI: run `az login`), or \
             sign in as an application, which has none",
        ),
        70043 | 70044 | 70008 | 700082 | 700084 | 50173 | 50132 | 50133 | 50089 => (
            "the user's sign-in has ended or was revoked",
            "sign in again (device code: start the command again; Azure CLI: run `az login`)",
        ),
        50034 | 50057 | 50020 | 51004 => (
            "this user has no account, or a disabled one, in tenant {tenant}",
            "sign in with an account of that tenant",
        ),
        70018..=70020 => (
            "the code for the user's sign-in was refused or has ended",
            "start the command again, and enter the new code",
        ),
        _ => return None,
    })
}

fn code_in(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("AADSTS")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
