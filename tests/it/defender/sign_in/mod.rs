//! Sign-in against a token endpoint that answers as a test wants: what is asked for, what every
//! refusal is told as, and that no secret ever shows.

mod files;

use std::sync::Arc;

use fleetsweep::defender::{
    Certificate, Credential, Fetch, HttpApi, HttpSettings, Origin, ScanApi, ScanOrder, SignIn,
    SignInError, SignInSettings, Token, TokenSource,
};
use fleetsweep::domain::{DeviceId, Reply, ScanType, Timing};

use crate::kit::canned::{Act, Canned, close, response};
use crate::kit::certificates::client_certificate;

/// A port that nobody listens on.
const NOWHERE: &str = "http://127.0.0.1:9";
const SECRET: &str = "canary~secret.91c7";
const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const APPLICATION: &str = "99999999-8888-7777-6666-555555555555";
const AUDIENCE: &str = "https://api.securitycenter.microsoft.com/.default";

fn settings(
    login_origin: &str,
    tenant: &str,
    credential: Credential,
    timing: Timing,
) -> SignInSettings {
    SignInSettings {
        login_origin: Origin::parse(login_origin).unwrap(),
        tenant: tenant.into(),
        application: APPLICATION.into(),
        audience: AUDIENCE.into(),
        credential,
        timing,
        ca_file: None,
    }
}

fn sign_in(login_origin: &str, tenant: &str, credential: Credential, timing: Timing) -> SignIn {
    SignIn::new(settings(login_origin, tenant, credential, timing)).unwrap()
}

fn api(login_origin: &str, api_origin: &str) -> HttpApi {
    api_with(login_origin, api_origin, client_secret(), Timing::default())
}

fn client_secret() -> Credential {
    Credential::ClientSecret(SECRET.into())
}

fn api_with(
    login_origin: &str,
    api_origin: &str,
    credential: Credential,
    timing: Timing,
) -> HttpApi {
    HttpApi::new(HttpSettings {
        api_origin: Origin::parse(api_origin).unwrap(),
        timing,
        ca_file: None,
        tokens: Box::new(sign_in(login_origin, TENANT, credential, timing)),
        now: Box::new(fleetsweep::clock::wall_clock),
    })
    .unwrap()
}

fn order() -> ScanOrder {
    let device = DeviceId::from_bytes([7; 20]);
    ScanOrder { device, scan_type: ScanType::Quick, comment: "c".into() }
}

/// A token whose payload says which one it is.
fn jwt(number: usize) -> String {
    let payload = format!(
        r#"{{"tid":"{TENANT}","appid":"{APPLICATION}","roles":["Machine.Scan"],"jti":"{number}"}}"#
    );
    format!("e30.{}.canary-signature", azure_core::base64::encode_url_safe(payload))
}

fn token(number: usize, life_s: i64) -> Act {
    let jwt = jwt(number);
    close(200, format!(r#"{{"token_type":"Bearer","expires_in":{life_s},"access_token":"{jwt}"}}"#))
}

fn refusal(code: u64) -> String {
    format!(
        r#"{{"error":"invalid_client","error_codes":[{code}],"trace_id":"1",
        "error_description":"AADSTS{code}: Something about {SECRET}.\r\nTrace ID: 1"}}"#
    )
}

async fn error_of(act: Act) -> SignInError {
    // Only silence waits for the time-out, so only then it is short.
    let scale = if matches!(act, Act::Hang(_)) { 100 } else { 1 };
    let login = Canned::always(act).await;
    let timing = Timing::default().scaled(scale);
    let api = api_with(&login.origin(), NOWHERE, client_secret(), timing);
    let error = api.ready().await.unwrap_err();
    assert_eq!(login.seen().len(), 1, "a sign-in is one request, whatever comes back");
    error
}

#[tokio::test]
async fn a_token_is_asked_for_with_the_secret_in_the_body_alone() {
    let login = Canned::always(token(1, 3599)).await;
    let api = api(&login.origin(), NOWHERE);
    assert_eq!(api.claims(), None);
    api.ready().await.unwrap();
    api.ready().await.unwrap();
    let claims = api.claims().unwrap();
    assert_eq!(claims.tenant.as_deref(), Some(TENANT));
    assert_eq!(claims.application.as_deref(), Some(APPLICATION));
    assert!(claims.may_scan() && !claims.may_read());
    let seen = login.seen();
    assert_eq!(seen.len(), 1, "the second call found the token at hand");
    let (head, form) = seen[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with(&format!("POST /{TENANT}/oauth2/v2.0/token HTTP/1.1\r\n")), "{head}");
    assert!(!head.contains("canary"));
    let pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    let expected = [
        ("client_id", APPLICATION),
        ("client_secret", SECRET),
        ("grant_type", "client_credentials"),
        ("scope", AUDIENCE),
    ];
    assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn a_federated_token_signs_in_as_an_assertion() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "federated-assertion").unwrap();
    let login = Canned::always(token(1, 3599)).await;
    let credential = Credential::FederatedTokenFile(file.path().to_owned());
    let api = api_with(&login.origin(), NOWHERE, credential, Timing::default());
    api.ready().await.unwrap();
    assert!(login.seen()[0].contains("client_assertion=federated-assertion"));
}

#[tokio::test]
async fn every_refusal_says_what_why_and_what_next_and_never_the_secret() {
    let mut told = Vec::new();
    for code in [
        7000215, 7000222, 7000218, 700016, 7000112, 7000229, 65001, 90002, 900382, 500011, 70011,
        53000, 53003, 50105, 50076, 700082, 50034, 700024, 700213, 90033, 424242, 50079, 530003,
        53011, 500212, 700025, 1000502,
    ] {
        let error = error_of(close(401, refusal(code))).await;
        let text = error.to_string();
        assert!(text.contains(&format!("AADSTS{code}")), "{text}");
        assert!(!text.contains(SECRET), "{text}");
        assert_eq!(matches!(error, SignInError::Unavailable(_)), code == 90033, "{text}");
        told.push(text);
    }
    insta::assert_snapshot!(told.join("\n"));
}

/// The error of a sign-in of this kind at a service that answers so; the application is none for
/// the identity of a machine.
async fn error_of_kind(credential: Credential, act: Act, application: &str) -> String {
    let login = Canned::always(act).await;
    let credential = match credential {
        Credential::ManagedIdentity { .. } => {
            Credential::ManagedIdentity { metadata: Origin::parse(&login.origin()).ok() }
        }
        other => other,
    };
    let mut settings = settings(&login.origin(), TENANT, credential, Timing::default());
    application.clone_into(&mut settings.application);
    let error = SignIn::new(settings).unwrap().fetch().await.err().unwrap();
    assert_eq!(login.seen().len(), 1, "a fetch is one request, whatever comes back: {error}");
    let text = error.to_string().replace(&login.origin(), "SERVICE");
    assert!(!text.contains("canary"), "{text}");
    match error {
        SignInError::Refused(_) => format!("refused: {text}"),
        SignInError::Unavailable(_) => format!("later: {text}"),
    }
}

#[tokio::test]
async fn every_kind_tells_its_own_remedy_after_one_request() {
    let pem = client_certificate();
    let certificate = || Credential::Certificate(Certificate::from_pem(&pem).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let refresh_file = folder.path().join("refresh");
    let user = || {
        std::fs::write(&refresh_file, "canary-refresh").unwrap();
        let owner = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&refresh_file, owner).unwrap();
        Credential::DeviceCode { refresh_file: refresh_file.clone() }
    };
    let machine = || Credential::ManagedIdentity { metadata: None };
    let aadsts = |code| close(401, refusal(code));
    let said = |status, text: &str| {
        close(status, format!(r#"{{"error":"invalid_request","error_description":"{text}"}}"#))
    };
    let message = r#"{"statusCode":400,"message":"No User Assigned Managed Identity found"}"#;
    let told = [
        error_of_kind(certificate(), aadsts(700027), APPLICATION).await,
        error_of_kind(certificate(), aadsts(700024), APPLICATION).await,
        error_of_kind(user(), aadsts(7000218), APPLICATION).await,
        error_of_kind(user(), aadsts(700082), APPLICATION).await,
        error_of_kind(user(), close(503, ""), APPLICATION).await,
        error_of_kind(machine(), said(400, "Identity not found"), "").await,
        error_of_kind(machine(), close(400, message), APPLICATION).await,
        error_of_kind(machine(), said(500, "Internal"), "").await,
        error_of_kind(machine(), close(429, ""), "").await,
        error_of_kind(machine(), Act::Close(Vec::new()), "").await,
        error_of_kind(machine(), close(200, "{}"), "").await,
    ];
    insta::assert_snapshot!(told.join("\n"));
}

/// Negative control of the check of tenants: a source without it hands the other tenant's token
/// out, and the call does leave.
#[tokio::test]
async fn without_the_check_another_tenants_token_would_be_sent() {
    let other = TENANT.replace('1', "2");
    let login = Canned::always(token(1, 3599)).await;
    let server = Canned::always(close(201, r#"{"id":"a"}"#)).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let claims = format!(r#"{{"tid":"{other}","appid":"{APPLICATION}","exp":4000000000}}"#);
    let theirs = format!("e30.{}.c2ln", azure_core::base64::encode_url_safe(claims));
    std::fs::write(file.path(), &theirs).unwrap();
    let credential = Credential::TokenFile(file.path().to_owned());
    let checked = api_with(&login.origin(), &server.origin(), credential, Timing::default());
    let refused = checked.ready().await.unwrap_err();
    assert!(matches!(&refused, SignInError::Refused(text) if text.contains(&other)), "{refused}");
    assert!(matches!(checked.scan(&order()).await, Reply::NeverLeft { .. }));
    assert_eq!(server.seen().len(), 0);
    let unchecked = HttpApi::new(HttpSettings {
        api_origin: Origin::parse(&server.origin()).unwrap(),
        timing: Timing::default(),
        ca_file: None,
        tokens: Box::new(Unchecked(theirs)),
        now: Box::new(fleetsweep::clock::wall_clock),
    })
    .unwrap();
    unchecked.ready().await.unwrap();
    assert!(matches!(unchecked.scan(&order()).await, Reply::Answer(_)));
    assert_eq!(server.seen().len(), 1, "the control must be able to fail");
}

/// A source that looks at nothing.
struct Unchecked(String);

impl TokenSource for Unchecked {
    fn fetch(&self) -> Fetch<'_> {
        let ends = jiff::Timestamp::from_second(4_000_000_000).unwrap();
        Box::pin(std::future::ready(Ok(Token::new(self.0.clone().into(), ends))))
    }
}

#[tokio::test]
async fn what_is_no_answer_of_the_service_is_worth_another_try() {
    let empty_token = r#"{"token_type":"Bearer","expires_in":3599,"access_token":""}"#;
    for act in [
        close(200, "<html>Welcome to the hotel</html>"),
        close(200, "{}"),
        close(200, empty_token),
        token(1, 0),
        token(1, i64::MAX),
        token(1, -5),
        close(200, vec![b' '; 2 << 20]),
        close(404, "not here"),
        close(500, ""),
        close(503, r#"{"error":"temporarily_unavailable"}"#),
        Act::Close(response(302, "Location: http://127.0.0.1:9/\r\n", "")),
        Act::Close(Vec::new()),
        Act::Close(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{".to_vec()),
        Act::Hang(Vec::new()),
    ] {
        let shown = format!("{act:.40?}");
        let error = error_of(act).await;
        let SignInError::Unavailable(text) = &error else { panic!("{shown}: {error:?}") };
        assert!(!text.contains("canary"), "{text}");
    }
    let nobody = api(NOWHERE, NOWHERE).ready().await.unwrap_err();
    assert!(matches!(nobody, SignInError::Unavailable(text) if text.contains("cannot reach")));
}

#[tokio::test]
async fn a_refusal_without_a_number_and_a_bad_tenant_are_refusals() {
    let error = error_of(close(400, r#"{"error":"unauthorized_client"}"#)).await;
    assert!(matches!(error, SignInError::Refused(text) if text.contains("unauthorized_client")));
    let login = Canned::always(token(1, 3599)).await;
    let timing = Timing::default();
    for (tenant, secret) in [("../../evil", SECRET), ("", SECRET), (TENANT, "")] {
        let credential = Credential::ClientSecret(secret.into());
        let error = sign_in(&login.origin(), tenant, credential, timing).fetch().await.err();
        assert!(matches!(error, Some(SignInError::Refused(_))), "{error:?}");
    }
    assert_eq!(login.seen().len(), 0, "nothing is sent with settings that cannot work");
}

#[tokio::test]
async fn a_secret_that_the_service_repeats_is_not_shown_in_part_either() {
    for before in 150..200 {
        let said = "x".repeat(before);
        let body =
            format!(r#"{{"error":"e","error_description":"{said}{SECRET}","error_codes":[1]}}"#);
        let text = error_of(close(400, body)).await.to_string();
        assert!(!text.contains("xcan"), "{text}");
    }
}

#[tokio::test]
async fn sixteen_answers_with_401_make_one_sign_in() {
    let login = Canned::serve(|number, _| token(number, 3599)).await;
    let old = jwt(0);
    let server = Canned::serve(move |_, request| {
        let refused = request.contains(&old);
        close(if refused { 401 } else { 201 }, if refused { "" } else { r#"{"id":"a"}"# })
    })
    .await;
    let api = Arc::new(api(&login.origin(), &server.origin()));
    api.ready().await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let api = api.clone();
        tasks.spawn(async move {
            let first = api.scan(&order()).await;
            if matches!(&first, Reply::Answer(answer) if answer.status == 401) {
                api.token_refused().await;
            }
            api.ready().await.unwrap();
            api.scan(&order()).await
        });
    }
    for reply in tasks.join_all().await {
        assert!(matches!(&reply, Reply::Answer(answer) if answer.status == 201), "{reply:?}");
    }
    assert_eq!(login.seen().len(), 2);
}

#[tokio::test]
async fn a_renewed_token_is_really_another_one() {
    let login = Canned::serve(|number, _| token(number, 30)).await;
    let server = Canned::always(close(401, "")).await;
    let api = api(&login.origin(), &server.origin());
    for number in 0..3 {
        api.ready().await.unwrap();
        assert!(matches!(api.scan(&order()).await, Reply::Answer(_)));
        assert!(server.seen()[number].contains(&jwt(number)), "the same token was used again");
        api.token_refused().await;
    }
}

/// Set in the process whose whole output is searched.
const TALKS: &str = "FLEETSWEEP_TEST_TALKS";

/// Signs in, is refused, and says everything that can be said about it.
async fn talk() {
    let login = Canned::serve(|number, _| match number {
        2 => close(401, refusal(7000215)),
        _ => token(number, 3599),
    })
    .await;
    let server = Canned::serve(|_, _| close(401, r#"{"error":{"code":"Unauthorized"}}"#)).await;
    let api = api(&login.origin(), &server.origin());
    for _ in 0..3 {
        println!("{:?} {:?}", api.ready().await, api.claims());
        println!("{:?}", api.scan(&order()).await);
        api.token_refused().await;
    }
    assert_eq!((login.seen().len(), server.seen().len()), (3, 2));
}

#[tokio::test]
async fn no_secret_and_no_token_shows_at_the_most_talkative_level() {
    if std::env::var_os(TALKS).is_some() {
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).init();
        return talk().await;
    }
    // Loggers belong to a whole process, so this test runs itself in one of its own.
    let name = "defender::sign_in::no_secret_and_no_token_shows_at_the_most_talkative_level";
    let output = tokio::task::spawn_blocking(move || {
        crate::kit::child::again(name).env(TALKS, "1").output().unwrap()
    });
    let output = output.await.unwrap();
    let all = [output.stdout, output.stderr].concat();
    let all = String::from_utf8_lossy(&all);
    assert!(output.status.success() && all.contains("1 passed"), "{all}");
    for target in
        ["azure_identity", "hyper_util", "reqwest", "fleetsweep::defender", "AADSTS7000215"]
    {
        assert!(all.contains(target), "nothing of {target} was said:\n{all}");
    }
    let payload = jwt(0).split('.').nth(1).unwrap().to_owned();
    for secret in ["canary", payload.as_str()] {
        assert!(!all.contains(secret), "{secret} shows in:\n{all}");
    }
}
