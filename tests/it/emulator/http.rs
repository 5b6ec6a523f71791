//! The emulator behind real sockets on loopback: what a client of any kind gets to see.

use std::io;
use std::time::Duration;

use fleetsweep::emulator::{Config, Emulator, Operation, Scenario, start};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::kit::support::http;

const DEVICE: &str = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07";

async fn emulator(toml: &str) -> Emulator {
    let scenario = Scenario::from_toml(toml).expect("the scenario is good");
    let config = Config { scenario, ..Config::default() };
    start(config, ([127, 0, 0, 1], 0).into()).await.expect("loopback can be bound")
}

/// An emulator whose one scripted device meets these answers.
async fn scripted(answers: &str) -> Emulator {
    emulator(&format!("[[script]]\ndevice = \"{DEVICE}\"\nanswers = [{answers}]")).await
}

async fn token(emulator: &Emulator, secret: &str) -> (u16, Value) {
    let form = format!(
        "grant_type=client_credentials&client_id=app&client_secret={secret}\
         &scope=https%3A%2F%2Fapi.securitycenter.microsoft.com%2F.default"
    );
    let url = format!("{}/tenant/oauth2/v2.0/token", emulator.base_url());
    let request = http().post(url).body(form);
    let response = request.send().await.expect("the emulator answers");
    let status = response.status().as_u16();
    (status, response.json().await.expect("token answers are JSON"))
}

async fn good_token(emulator: &Emulator) -> String {
    let (_, body) = token(emulator, "emulator-secret").await;
    body["access_token"].as_str().expect("a token").to_owned()
}

fn scan_text(token: &str) -> String {
    let body = r#"{"Comment":"c","ScanType":"Quick"}"#;
    format!(
        "POST /api/machines/{DEVICE}/runAntiVirusScan HTTP/1.1\r\nhost: localhost\r\n\
         authorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends a scan call as plain bytes and reads until the connection ends.
async fn raw_scan(emulator: &Emulator, token: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(emulator.address()).await.expect("it listens");
    stream.write_all(scan_text(token).as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer).await {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
    }
    answer
}

#[tokio::test]
async fn a_scan_goes_through_with_a_token_of_the_end_point() {
    let emulator = emulator("").await;
    let token = good_token(&emulator).await;
    let url = format!("{}/api/machines/{DEVICE}/runAntiVirusScan", emulator.base_url());
    let body = serde_json::json!({ "Comment": "c", "ScanType": "Full" });
    let request = http().post(url).bearer_auth(&token).json(&body);
    let response = request.send().await.expect("the emulator answers");
    assert_eq!(response.status(), 201);
    let date = response.headers().get("date").and_then(|date| date.to_str().ok());
    assert!(date.is_some_and(|date| date.ends_with(" GMT")), "{date:?}");
    assert_eq!(response.headers().get_all("date").iter().count(), 1);
    let action: Value = response.json().await.expect("an action is JSON");
    assert_eq!(action["machineId"], DEVICE);
    let url = format!("{}/emulator/ledger", emulator.base_url());
    let ledger: Value = http().get(url).send().await.expect("answers").json().await.expect("JSON");
    assert_eq!(ledger["accepted"], 1);
    assert_eq!(ledger["entries"][1]["action_id"], action["id"]);
    assert_eq!(ledger["entries"][0]["operation"], "token");
    let sums = format!("{}/emulator/ledger?entries=0", emulator.base_url());
    let sums: Value = http().get(sums).send().await.expect("answers").json().await.expect("JSON");
    assert_eq!((&sums["accepted"], &sums["entries"]), (&ledger["accepted"], &Value::Array(vec![])));
    let url = format!("{}/emulator/ledger", emulator.base_url());
    emulator.shutdown().await;
    // Another test's server may have got the port since, but it knows nothing of this scan.
    if let Ok(answer) = http().get(url).send().await {
        let ledger: Value = answer.json().await.unwrap_or_default();
        assert_ne!(ledger["entries"][1]["action_id"], action["id"], "it listens still");
    }
}

#[tokio::test]
async fn a_wrong_secret_is_refused_as_entra_refuses_it() {
    let emulator = emulator("").await;
    let (status, body) = token(&emulator, "guessed").await;
    assert_eq!((status, &body["error_codes"][0]), (401, &Value::from(7_000_215)));
    assert!(body["error_description"].as_str().is_some_and(|d| d.starts_with("AADSTS7000215: ")));
    assert!(!body.to_string().contains("guessed"), "no secret comes back");
}

#[tokio::test]
async fn a_token_says_who_it_is_for_and_what_it_may_do() {
    let emulator = emulator("[token]\nlifetime_s = 30\nroles = [\"Machine.Scan\"]").await;
    let (_, body) = token(&emulator, "emulator-secret").await;
    assert_eq!(body["expires_in"], 30);
    let token = body["access_token"].as_str().expect("a token");
    let payload = token.split('.').nth(1).expect("a token has three parts");
    let claims: Value = serde_json::from_slice(&unbase64(payload)).expect("claims are JSON");
    assert_eq!((&claims["tid"], &claims["appid"]), (&"tenant".into(), &"app".into()));
    assert_eq!(claims["roles"], serde_json::json!(["Machine.Scan"]));
    assert_eq!(claims["aud"], "https://api.securitycenter.microsoft.com");
    let (from, to) = (claims["iat"].as_i64(), claims["exp"].as_i64());
    assert_eq!(from.zip(to).map(|(from, to)| to - from), Some(30));
}

fn unbase64(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for letter in text.bytes() {
        let value = alphabet.iter().position(|known| *known == letter).expect("base64url");
        bits = bits << 6 | value as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    bytes
}

#[tokio::test]
async fn a_cut_lets_exactly_so_many_bytes_through() {
    let emulator =
        scripted("\"cut_before\", \"cut_head:17\", \"cut_body:5\", \"cut_body:0\", \"cut_after\"")
            .await;
    let token = good_token(&emulator).await;
    assert_eq!(raw_scan(&emulator, &token).await, b"");
    assert_eq!(raw_scan(&emulator, &token).await, b"HTTP/1.1 201 Crea");
    for length in [5, 0] {
        let answer = String::from_utf8(raw_scan(&emulator, &token).await).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("the head is whole");
        assert!(head.contains("content-length: "), "{head}");
        assert_eq!(body.len(), length);
    }
    assert_eq!(raw_scan(&emulator, &token).await, b"");
    let ledger = emulator.ledger();
    assert_eq!(ledger.count(Operation::Scan), 5);
    assert_eq!(ledger.accepted, 1, "the first was lost, the second was processed");
    assert!(ledger.entries.iter().skip(1).all(|entry| !entry.answered));
}

#[tokio::test]
async fn a_time_out_keeps_the_connection_open_and_stopping_ends_it() {
    let emulator = scripted("\"timeout\"").await;
    let token = good_token(&emulator).await;
    let mut stream = TcpStream::connect(emulator.address()).await.expect("it listens");
    stream.write_all(scan_text(&token).as_bytes()).await.expect("it reads");
    while emulator.ledger().accepted == 0 {
        tokio::task::yield_now().await;
    }
    let mut byte = [0];
    let early = tokio::time::timeout(Duration::from_millis(50), stream.read(&mut byte)).await;
    assert!(early.is_err(), "neither an answer nor an end");
    emulator.shutdown().await;
    assert!(matches!(stream.read(&mut byte).await, Ok(0) | Err(_)), "no answer, an end");
}

#[tokio::test]
async fn a_call_arrives_even_if_its_client_goes_away() {
    let emulator = emulator("[latency]\nmedian_ms = 60\nspread = 0").await;
    let token = good_token(&emulator).await;
    let mut stream = TcpStream::connect(emulator.address()).await.expect("it listens");
    stream.write_all(scan_text(&token).as_bytes()).await.expect("it reads");
    // The token call and this one are planned: the whole request was read, and has not arrived yet.
    while emulator.with_world(|world| world.planned()) < 2 {
        tokio::task::yield_now().await;
    }
    drop(stream);
    while emulator.ledger().accepted == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let error = start(Config::default(), ([0, 0, 0, 0], 0).into()).await.expect_err("it is open");
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("loopback"), "{error}");
}
