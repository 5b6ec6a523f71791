//! The API client against servers that answer byte by byte as a test wants: what every kind of
//! answer and every kind of silence is told as, and that one call is one request to one host.

use std::time::Duration;

use fleetsweep::defender::{
    CancelApi, Fetch, HttpApi, HttpSettings, Origin, ScanApi, ScanOrder, Token, TokenSource,
};
use fleetsweep::domain::verdict::EMPTY_BODY;
use fleetsweep::domain::{Answer, Body, DeviceId, Reply, ScanType, Timing};
use jiff::Timestamp;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::kit::canned::{Act, Canned, bomb, close, response, stored};

pub(crate) const DEVICE: &str = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07";
const TOKEN: &str = "canary-token-5e1f";
pub(crate) const CREATED: &str = r#"{"id":"a-1","type":"RunAntiVirusScan","machineId":null}"#;

/// A source whose tokens never end.
struct Fixed;

impl TokenSource for Fixed {
    fn fetch(&self) -> Fetch<'_> {
        Box::pin(async { Ok(Token::new(TOKEN.to_owned().into(), Timestamp::MAX)) })
    }
}

pub(crate) fn device() -> DeviceId {
    DEVICE.parse().unwrap()
}

fn order() -> ScanOrder {
    ScanOrder { device: device(), scan_type: ScanType::Full, comment: "[fleetsweep c/7] x".into() }
}

fn api_without_token(origin: &str, timing: Timing) -> HttpApi {
    HttpApi::new(HttpSettings {
        api_origin: Origin::parse(origin).unwrap(),
        timing,
        ca_file: None,
        tokens: Box::new(Fixed),
        now: Box::new(fleetsweep::clock::wall_clock),
    })
    .unwrap()
}

pub(crate) async fn api_at(origin: &str, timing: Timing) -> HttpApi {
    let api = api_without_token(origin, timing);
    api.ready().await.unwrap();
    api
}

async fn scan_of(act: Act) -> Reply {
    let server = Canned::always(act).await;
    let reply = api_at(&server.origin(), Timing::default()).await.scan(&order()).await;
    assert_eq!(server.seen().len(), 1, "one call is one request");
    reply
}

async fn answer_of(act: Act) -> Answer {
    match scan_of(act).await {
        Reply::Answer(answer) => answer,
        other => panic!("no answer: {other:?}"),
    }
}

fn no_answer(reply: Reply) -> String {
    match reply {
        Reply::NoAnswer { why } => why,
        other => panic!("not unanswered: {other:?}"),
    }
}

fn never_left(reply: Reply) -> String {
    match reply {
        Reply::NeverLeft { why } => why,
        other => panic!("not unsent: {other:?}"),
    }
}

#[tokio::test]
async fn a_scan_is_ordered_as_the_page_says() {
    let server = Canned::always(close(201, CREATED)).await;
    let reply = api_at(&server.origin(), Timing::default()).await.scan(&order()).await;
    let Reply::Answer(Answer { status: 201, date, retry_after: None, body: Body::Action(action) }) =
        reply
    else {
        panic!("{reply:?}")
    };
    assert_eq!(date, "2026-11-24T12:00:00Z".parse().ok());
    assert_eq!(action.id, "a-1");
    let request = server.seen().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with(&format!("POST /api/machines/{DEVICE}/runAntiVirusScan HTTP/1.1\r\n"))
    );
    let head = head.to_ascii_lowercase();
    assert!(head.contains(&format!("authorization: bearer {TOKEN}")));
    assert!(head.contains("content-type: application/json"));
    assert!(head.contains(concat!("user-agent: fleetsweep/", env!("CARGO_PKG_VERSION"))));
    assert!(!head.contains("cookie") && !head.contains("referer"));
    assert_eq!(body, r#"{"Comment":"[fleetsweep c/7] x","ScanType":"Full"}"#);
}

/// What a scan is told as when its answer is cut after 0, 1, 2, ... bytes, the whole one last.
#[tokio::test]
async fn an_action_is_cancelled_as_the_page_says_and_an_odd_id_leads_nowhere() {
    let body = r#"{"id":"a-1","status":"Cancelled"}"#;
    let server = Canned::always(close(200, body)).await;
    let api = api_at(&server.origin(), Timing::default()).await;
    let Reply::Answer(answer) = api.cancel("a-1", "[fleetsweep c/7] no").await else { panic!() };
    assert_eq!(answer.status, 200);
    let seen = server.seen();
    let request = &seen[0];
    assert!(request.starts_with("POST /api/machineactions/a-1/cancel HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with(r#"{"Comment":"[fleetsweep c/7] no"}"#), "{request}");
    for id in ["../machines/x/isolate?", "a/b", "a b", ""] {
        assert!(matches!(api.cancel(id, "x").await, Reply::NeverLeft { .. }), "{id:?}");
    }
    assert_eq!(server.seen().len(), 1);
}

async fn cut_at_every_byte(whole: Vec<u8>) -> Vec<Reply> {
    let count = whole.len();
    let server = Canned::serve(move |number, _| Act::Close(whole[..number].to_vec())).await;
    let api = api_at(&server.origin(), Timing::default()).await;
    let mut replies = Vec::new();
    for _ in 0..=count {
        replies.push(api.scan(&order()).await);
    }
    assert_eq!(server.seen().len(), count + 1, "one call is one request");
    replies
}

#[tokio::test]
async fn an_answer_cut_at_any_byte_is_no_answer() {
    let body = format!("{:x}\r\n{CREATED}\r\n0\r\n\r\n", CREATED.len());
    let chunked = format!("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
    for whole in [response(201, "", CREATED), chunked.into_bytes()] {
        let mut replies = cut_at_every_byte(whole).await;
        let last = replies.pop();
        assert!(matches!(last, Some(Reply::Answer(_))), "{last:?}");
        for (end, reply) in replies.into_iter().enumerate() {
            assert!(matches!(reply, Reply::NoAnswer { .. }), "cut at {end}: {reply:?}");
        }
    }
}

#[tokio::test]
async fn a_body_that_only_the_connection_ends_never_looks_like_an_empty_one_or_an_action() {
    let head = "HTTP/1.1 404 Not Found\r\nDate: Tue, 24 Nov 2026 12:00:00 GMT\r\n\r\n";
    let error = r#"{"error":{"code":"ResourceNotFound","message":"m"}}"#;
    let mut replies = cut_at_every_byte(format!("{head}{error}").into_bytes()).await;
    let last = replies.pop();
    assert!(matches!(last, Some(Reply::Answer(Answer { body: Body::Error(_), .. }))), "{last:?}");
    for (end, reply) in replies.into_iter().enumerate() {
        match reply {
            Reply::NoAnswer { .. } => {}
            Reply::Answer(Answer { body: Body::Other(what), .. }) if what != EMPTY_BODY => {}
            other => panic!("cut at {end}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_nobody_follows_it() {
    let other = Canned::always(close(201, CREATED)).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("Location: {}/api\r\n", other.origin());
        let answer = answer_of(Act::Close(response(status, &location, ""))).await;
        assert_eq!((answer.status, answer.body), (status, Body::Other(EMPTY_BODY.into())));
    }
    assert_eq!(other.seen().len(), 0, "the second host was called");
}

#[tokio::test]
async fn silence_is_no_answer_once_the_time_is_over() {
    let timing = Timing::default().scaled(100);
    let whole = response(201, "", CREATED);
    let (head, body) = whole.split_at(whole.len() - CREATED.len());
    for act in [
        Act::Hang(Vec::new()),
        Act::Hang(head.to_vec()),
        Act::Hang([head, &body[..5]].concat()),
        Act::Drip(whole.clone(), Duration::from_millis(20)),
    ] {
        let server = Canned::always(act).await;
        let reply = api_at(&server.origin(), timing).await.scan(&order()).await;
        let why = no_answer(reply);
        assert!(why.contains("in time"), "{why}");
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_connection_that_cannot_be_opened_means_that_nothing_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let refused = api_at(&format!("http://{address}"), Timing::default()).await;
    let why = never_left(refused.scan(&order()).await);
    assert!(why.contains("cannot connect") && why.contains("refused"), "{why}");
    // Names below .invalid never exist (RFC 2606).
    let unknown = api_at("https://no-such-host.invalid", Timing::default()).await;
    let why = never_left(unknown.scan(&order()).await);
    assert!(why.contains("cannot connect"), "{why}");
}

#[tokio::test]
async fn tls_that_fails_or_hangs_means_that_nothing_left() {
    // Only the time for the connection is short, so that it is what ends first on any machine.
    let timing = Timing { connect_timeout: Duration::from_millis(100), ..Timing::default() };
    for greeting in [Some("HTTP/1.1 400 plain http here\r\n\r\n"), None] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("https://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            if let Some(greeting) = greeting {
                stream.write_all(greeting.as_bytes()).await.unwrap();
            }
            std::future::pending::<()>().await;
        });
        let why = never_left(api_at(&origin, timing).await.scan(&order()).await);
        assert!(why.contains("cannot connect"), "{why}");
        server.abort();
    }
}

#[tokio::test]
async fn a_kept_connection_that_breaks_may_have_carried_the_request_and_is_not_tried_again() {
    let first = response(201, "", CREATED);
    let first = String::from_utf8(first).unwrap().replace("Connection: close\r\n", "").into_bytes();
    let server = Canned::serve(move |number, _| match number {
        0 => Act::Keep(first.clone()),
        _ => Act::Close(Vec::new()),
    })
    .await;
    let api = api_at(&server.origin(), Timing::default()).await;
    assert!(matches!(api.scan(&order()).await, Reply::Answer(_)));
    no_answer(api.scan(&order()).await);
    assert_eq!(server.seen().len(), 2, "the broken request was sent again");
}

#[tokio::test]
async fn a_server_error_is_answered_once_and_not_tried_again() {
    let error = r#"{"error":{"code":"InternalServerError","message":"","target":"t"}}"#;
    for status in [408, 429, 500, 502, 503, 504] {
        let act = Act::Close(response(status, "Retry-After: 7\r\n", error));
        let answer = answer_of(act).await;
        assert_eq!((answer.status, answer.retry_after), (status, Some(Duration::from_secs(7))));
    }
}

#[tokio::test]
async fn a_body_that_is_no_action_says_what_it_is() {
    let what = |answer: Answer| match answer.body {
        Body::Other(what) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(what(answer_of(close(201, "")).await), EMPTY_BODY);
    assert!(what(answer_of(close(200, "<html>Sign in</html>")).await).starts_with("an HTML page"));
    assert!(what(answer_of(close(201, r#"{"value":[]}"#)).await).contains("another shape"));
    assert!(what(answer_of(close(201, &CREATED[..9])).await).contains("not JSON"));
    let no_content = Act::Close(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec());
    assert_eq!(what(answer_of(no_content).await), EMPTY_BODY);
    let echo = format!("<html>Authorization: Bearer {TOKEN}</html>");
    let echoed = what(answer_of(close(502, echo)).await);
    assert!(echoed.contains("repeats the access token") && !echoed.contains(TOKEN), "{echoed}");
}

#[tokio::test]
async fn a_body_without_end_is_cut_and_the_status_kept() {
    let too_large = |answer: Answer| {
        assert_eq!(answer.status, 429);
        assert_eq!(answer.retry_after, Some(Duration::from_secs(9)));
        assert!(matches!(&answer.body, Body::Other(what) if what.contains("too large")));
    };
    too_large(
        answer_of(Act::Close(response(429, "Retry-After: 9\r\n", vec![b' '; 10 << 20]))).await,
    );
    let endless =
        b"HTTP/1.1 429 X\r\nRetry-After: 9\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 0x10000], b"\r\n"].concat();
    let server =
        Canned::serve(move |_, _| Act::Flood([endless.clone(), chunk.repeat(64)].concat())).await;
    match api_at(&server.origin(), Timing::default()).await.scan(&order()).await {
        Reply::Answer(answer) => too_large(answer),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_compressed_body_is_read_and_a_bomb_is_not() {
    let gzip = "Content-Encoding: gzip\r\n";
    let bomb = bomb(64 << 20);
    assert!(bomb.len() < 1 << 20, "the bomb must fit before it goes off: {}", bomb.len());
    let answer = answer_of(Act::Close(response(201, gzip, &bomb))).await;
    assert!(matches!(&answer.body, Body::Other(what) if what.contains("too large")), "{answer:?}");
    let answer = answer_of(Act::Close(response(201, gzip, stored(CREATED.as_bytes())))).await;
    assert!(matches!(answer.body, Body::Action(_)), "{answer:?}");
    no_answer(scan_of(Act::Close(response(201, gzip, "this is no gzip"))).await);
}

#[tokio::test]
async fn nothing_is_sent_without_a_token_and_scan_does_not_sign_in() {
    let server = Canned::always(close(201, CREATED)).await;
    let api = api_without_token(&server.origin(), Timing::default());
    assert!(never_left(api.scan(&order()).await).contains("no access token"));
    assert_eq!(api.claims(), None);
    assert_eq!(server.seen().len(), 0);
}

/// A certificate of nobody, whose key was never kept.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBkTCCATegAwIBAgIUORyW1RG6qnm3riHKGyi9u06RpfAwCgYIKoZIzj0EAwIw
HTEbMBkGA1UEAwwSZmxlZXRzd2VlcCB0ZXN0IENBMCAXDTI2MTEyNDA0NTIxNFoY
DzIxMjYxMDMxMDQ1MjE0WjAdMRswGQYDVQQDDBJmbGVldHN3ZWVwIHRlc3QgQ0Ew
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARjTqH9NKZGAwrCgTWQRFlY7WouSsm+
g9ap+B0/5axYWqjMyYwPGoeGmr19Ey4bbDxcrMKcFv6Fl/1haX7leqBSo1MwUTAd
BgNVHQ4EFgQUzaplUmrMWA6f68kbFi/G7r3KYHMwHwYDVR0jBBgwFoAUzaplUmrM
WA6f68kbFi/G7r3KYHMwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBF
AiBArD2bsJq2ip9ml1hqsc5tb5uL+2RG2Y+k/IvBHlNUowIhAOEnns9ISqpwLZBx
ujTqfz7laO2svs3vFuyMISWYkX7j
-----END CERTIFICATE-----
";

#[test]
fn a_ca_file_that_cannot_be_used_is_named_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let make = || {
        HttpApi::new(HttpSettings {
            api_origin: Origin::parse("https://api.example").unwrap(),
            timing: Timing::default(),
            ca_file: Some(path.clone()),
            tokens: Box::new(Fixed),
            now: Box::new(fleetsweep::clock::wall_clock),
        })
        .err()
        .map(|error| error.to_string())
    };
    assert!(make().is_some_and(|error| error.contains("cannot read") && error.contains("ca.pem")));
    for junk in ["", "no certificate", &CERTIFICATE.replace("MII", "???")] {
        std::fs::write(&path, junk).unwrap();
        assert!(make().is_some_and(|error| error.contains("ca.pem")), "{junk}");
    }
    std::fs::write(&path, CERTIFICATE.repeat(2)).unwrap();
    assert_eq!(make(), None);
}
