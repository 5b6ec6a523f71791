//! The real binary against a server that refuses, is gone, or is not the API: what the terminal
//! says of it, in whose words, and with which exit code. Only the sign-in is the emulator's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fleetsweep::clock::wall_clock;
use fleetsweep::emulator::Emulator;

use super::{Place, Said, beside, emulate, flat, report, run};
use crate::kit::canned::{Act, Canned, response};
use crate::kit::support::device;

const JSON: &str = "Content-Type: application/json\r\n";
const HTML: &str = "Content-Type: text/html\r\n";

/// What a block page of a proxy looks like.
const BLOCK_PAGE: &str = "<!DOCTYPE html><html><head><style>p{}</style><title>Access Denied</title>\
    </head><body><h1>Web filter</h1><p>Category: uncategorized</p></body></html>";

fn error(code: &str, message: &str) -> String {
    format!(r#"{{"error":{{"code":"{code}","message":"{message}","target":"t-1"}}}}"#)
}

/// The action that the API creates for an order, in this state.
fn ordered(request: &str, status: &str) -> Vec<u8> {
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let action = serde_json::json!({
        "id": format!("action-{}", asked(request)),
        "type": "RunAntiVirusScan",
        "scope": body["ScanType"],
        "status": status,
        "machineId": asked(request),
        "requestorComment": body["Comment"],
        "creationDateTimeUtc": "2026-11-24T11:59:59.5Z",
    });
    response(201, JSON, action.to_string())
}

/// The device that an order is for.
fn asked(request: &str) -> &str {
    request.split('/').nth(3).unwrap()
}

/// An API whose orders are answered so; its lists are empty.
async fn api(order: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Canned {
    Canned::serve(move |_, request| match request.starts_with("POST") {
        true => Act::Close(order(request)),
        false => Act::Close(response(200, JSON, r#"{"value":[]}"#)),
    })
    .await
}

/// The same response with the time of this machine, which `doctor` compares its own with.
fn dated_now(response: Vec<u8>) -> Vec<u8> {
    let now = wall_clock().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let text = String::from_utf8(response).unwrap();
    text.replacen("Tue, 24 Nov 2026 12:00:00 GMT", &now, 1).into_bytes()
}

fn orders(api: &Canned) -> usize {
    api.seen().iter().filter(|request| request.starts_with("POST")).count()
}

/// A place with a list of sixty devices, and its sign-in.
async fn sixty() -> (Place, Emulator) {
    let place = Place::new();
    place.list(60);
    (place, emulate("quiet", &[(1_000, 1.0)], 1.0).await)
}

async fn fleetsweep(place: &Place, login: &Emulator, api: &Canned, args: &[&str]) -> Said {
    let mut command = place.towards(login, args);
    command.env("FLEETSWEEP_API_URL", api.origin());
    beside(move || run(command)).await
}

async fn scan(place: &Place, login: &Emulator, api: &Canned) -> Said {
    const SCAN: [&str; 9] = [
        "scan",
        "list.txt",
        "--type=quick",
        "--comment=x",
        "--approve-max=100",
        "--campaign=c",
        "--report=r.csv",
        "--no-check",
        "--time-scale=60",
    ];
    fleetsweep(place, login, api, &SCAN).await
}

async fn resume(place: &Place, login: &Emulator, api: &Canned) -> Said {
    fleetsweep(place, login, api, &["resume", "c", "--report=r.csv", "--time-scale=60"]).await
}

/// How many rows of the report have this outcome.
fn rows_of(place: &Place, outcome: &str) -> usize {
    let rows = report(&place.path("r.csv"));
    assert_eq!(rows.len(), 60);
    rows.iter().filter(|row| row["outcome"] == outcome).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_that_may_not_be_scanned_end_as_rejected_in_the_servers_words() {
    let (place, login) = sixty().await;
    let refused: Vec<String> = (0..25).map(|n| device(n).to_string()).collect();
    let api = api(move |request| match refused.iter().any(|id| id == asked(request)) {
        true => response(403, JSON, error("DisallowedOperation", "not allowed on this device")),
        false => ordered(request, "Pending"),
    })
    .await;
    let said = scan(&place, &login, &api).await;
    assert_eq!(said.code, 3, "{}", said.err);
    assert_eq!([rows_of(&place, "rejected"), rows_of(&place, "accepted")], [25, 35]);
    let rows = report(&place.path("r.csv"));
    assert_eq!(rows[0]["error_code"], "DisallowedOperation");
    assert_eq!(rows[0]["message"], "not allowed on this device");
    assert!(said.err.contains("DisallowedOperation: not allowed on this device"), "{}", said.err);
    assert!(!said.err.contains("Machine.Scan"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_of_everything_stops_with_the_queue_intact_and_resume_orders_all() {
    let (place, login) = sixty().await;
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = mended.clone();
    let api = api(move |request| match is_mended.load(Ordering::SeqCst) {
        true => ordered(request, "Pending"),
        false => response(400, JSON, error("InvalidRequestBody", "Request body is incorrect")),
    })
    .await;
    let said = scan(&place, &login, &api).await;
    assert_eq!(said.code, 4, "{}", said.err);
    assert_eq!(rows_of(&place, "open"), 60);
    assert!((20..=36).contains(&orders(&api)), "{} orders", orders(&api));
    let words = "all of the first 20 answers are the same refusal: HTTP 400 InvalidRequestBody: \
                 Request body is incorrect";
    assert!(flat(&said.err).contains(words), "{}", said.err);
    mended.store(true, Ordering::SeqCst);
    let said = resume(&place, &login, &api).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(rows_of(&place, "accepted"), 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_page_of_a_proxy_is_told_in_its_words() {
    let (place, login) = sixty().await;
    // Also the list is behind it.
    let api = Canned::always(Act::Close(response(403, HTML, BLOCK_PAGE))).await;
    let said = scan(&place, &login, &api).await;
    assert_eq!(said.code, 4, "{}", said.err);
    let words = "HTTP 403 with an HTML page: a proxy answers in the API's place; it says: Access \
                 Denied Web filter Category: uncategorized";
    let first =
        said.err.lines().find(|line| line.contains("An answer that cannot be used")).unwrap();
    assert!(first.contains(words), "{}", said.err);
    assert!(flat(&said.err).contains(&format!("answers are the same: {words}")), "{}", said.err);
    assert!(!said.err.contains("paused by the server"), "{}", said.err);
    assert_eq!(rows_of(&place, "open"), 60, "nobody knows, and nothing is used up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_that_is_gone_is_told_in_its_words_whatever_form_they_have() {
    let (code, gone) = (error("Gone", "This API has been retired"), "This API has been retired");
    let bodies = [
        (410, JSON, code, gone),
        (410, HTML, format!("<html><title>Gone</title>{gone}</html>"), gone),
        (410, "", gone.to_owned(), gone),
        (410, "", String::new(), "HTTP 410 without a reason"),
        (404, JSON, r#"{"statusCode":404,"message":"Resource not found"}"#.to_owned(), "Resource"),
    ];
    for (status, headers, body, words) in bodies {
        let (place, login) = sixty().await;
        let api = Canned::always(Act::Close(response(status, headers, body))).await;
        let said = scan(&place, &login, &api).await;
        assert_eq!(said.code, 4, "{}", said.err);
        let told = flat(&said.err);
        assert!(told.contains(&format!("are the same: HTTP {status}")), "{}", said.err);
        assert!(told.contains(words) && told.contains("it is not there any more"), "{}", said.err);
        assert!(told.contains(&format!("Refused by the server: HTTP {status}")), "{}", said.err);
        assert!((20..=36).contains(&orders(&api)), "{} orders", orders(&api));
        assert_eq!(rows_of(&place, "open"), 60);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scans_that_failed_at_once_are_counted_as_failed_and_offered_again() {
    let (place, login) = sixty().await;
    let api = api(|request| ordered(request, "Failed")).await;
    let said = scan(&place, &login, &api).await;
    assert_eq!(said.code, 3, "{}", said.err);
    assert_eq!(rows_of(&place, "failed"), 60);
    assert!(said.err.contains("         60  failed"), "{}", said.err);
    assert!(!said.err.contains("60 ended") && !said.err.contains("accepted: "), "{}", said.err);
    let again = ["retry", "c", "--dry-run"];
    let said = fleetsweep(&place, &login, &api, &again).await;
    assert!(flat(&format!("{}{}", said.out, said.err)).contains("60 devices"), "{}", said.err);
    assert_eq!(orders(&api), 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_asks_for_a_permission_only_where_one_is_missing() {
    let cases = [
        (403, JSON, error("DisallowedOperation", "not allowed"), 0, "HTTP 403 DisallowedOperation"),
        (
            403,
            JSON,
            error("Forbidden", "Missing application roles"),
            7,
            "Missing application roles",
        ),
        (404, JSON, r#"{"statusCode":404,"message":"Resource not found"}"#.into(), 1, "--api-url"),
        (403, HTML, BLOCK_PAGE.to_owned(), 1, "HTTPS_PROXY"),
        (410, JSON, error("Gone", "retired"), 0, "HTTP 410 Gone: retired"),
    ];
    for (status, headers, body, code, words) in cases {
        let (place, login) = sixty().await;
        let api = Canned::serve(move |_, request| {
            Act::Close(dated_now(match request.starts_with("POST") {
                true => response(status, headers, &body),
                false => response(200, JSON, r#"{"value":[]}"#),
            }))
        });
        let api = api.await;
        let said = fleetsweep(&place, &login, &api, &["doctor"]).await;
        assert_eq!(said.code, code, "{status}: {}{}", said.out, said.err);
        let told = flat(&said.out);
        let ordering = &told[told.find("ordering").unwrap()..];
        assert!(ordering.contains(words), "{ordering}");
        assert_eq!(ordering.contains("grant Machine.Scan"), code == 7, "{ordering}");
        assert!(!ordering.contains("allowed: the API looked"), "{ordering}");
    }
}
