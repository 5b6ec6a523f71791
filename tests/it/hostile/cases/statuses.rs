//! Answers by their status: redirects, refusals that are none, and every form of Retry-After.

use super::{Case, case, json, ours};
use crate::kit::canned::{Act, response};

/// Redirects of every kind to another host, and other ways of naming one.
pub(super) fn redirects(other: &str) -> Vec<Case> {
    let to = |name: String, status, headers: &str, body: &str| {
        case(name, Act::Close(response(status, headers, body)))
    };
    let location = format!("Location: {other}/api/machines\r\n");
    let mut all: Vec<Case> = [300, 301, 302, 303, 304, 307, 308]
        .into_iter()
        .map(|status| to(format!("a redirect, {status}"), status, &location, ""))
        .collect();
    let port = other.rsplit(':').next().unwrap_or_default();
    let https = format!("Location: https://127.0.0.1:{port}/\r\n");
    let schemeless = format!("Location: //127.0.0.1:{port}/\r\n");
    let refresh = format!("Refresh: 0; url={other}/\r\nLink: <{other}/>; rel=preload\r\n");
    let service = format!("Alt-Svc: h2=\"127.0.0.1:{port}\"; persist=1\r\n");
    let page = format!(
        "<html><title>One moment, please: this page moves elsewhere, by itself</title>\
         <meta http-equiv=refresh content='0;url={other}/'><img src={other}/a>"
    );
    let challenge = format!("WWW-Authenticate: Bearer authorization_uri=\"{other}/\"\r\n");
    let proxy = format!("Proxy-Authenticate: Basic realm=\"{other}\"\r\n");
    all.extend([
        to("a redirect with our action as its body".into(), 307, &location, &ours()),
        to("a redirect to https".into(), 308, &https, ""),
        to("a redirect without a scheme".into(), 302, &schemeless, ""),
        to("a redirect to a file".into(), 302, "Location: file:///etc/passwd\r\n", ""),
        to("a page that refreshes elsewhere".into(), 200, &refresh, &page),
        to("a service elsewhere".into(), 503, &service, ""),
        to("a challenge that names another host".into(), 401, &challenge, ""),
        to("a proxy that wants a password".into(), 407, &proxy, ""),
    ]);
    all
}

pub(super) fn refusals() -> Vec<Case> {
    let error =
        |name: &str, status, error: &str| json(name, status, format!("{{\"error\":{error}}}"));
    let long = format!(r#"{{"code":"{}","message":"{}"}}"#, "C".repeat(50_000), "m".repeat(50_000));
    let steering = r#"{"code":"\u001b[2J","message":"a\r\nerror: forged\u202e\u0000"}"#;
    let mut all: Vec<Case> = [
        202, 203, 204, 205, 206, 226, 299, 302, 400, 401, 403, 404, 405, 408, 409, 410, 418, 422,
        451, 499, 500, 502, 503, 504, 599, 999,
    ]
    .into_iter()
    .map(|status| json(format!("{status} with our action"), status, ours()))
    .collect();
    all.extend([
        error("busy, by its code", 400, r#"{"code":"ActiveRequestAlreadyExists","message":""}"#),
        error("busy, by its words, 409", 409, r#"{"message":"Action is already in progress"}"#),
        error("a code that is a number", 400, r#"{"code":7,"message":null}"#),
        error("a code and a message of 50,000 letters", 400, &long),
        error("a message that steers the terminal", 400, steering),
        error("not found", 404, r#"{"code":"ResourceNotFound","message":"m"}"#),
        error("not found with the status of success", 201, r#"{"code":"ResourceNotFound"}"#),
        json("a proxy's 400", 400, "<html>Bad request</html>"),
        json("a proxy's 403", 403, "<html>Blocked by policy</html>"),
        json("a proxy's 404", 404, "<html>Not found</html>"),
        json("the gateway's 404", 404, r#"{"statusCode":404,"message":"Resource not found"}"#),
        json("a 401 without words", 401, ""),
        case("a 503 that asks to wait", Act::Close(response(503, "Retry-After: 5\r\n", ""))),
    ]);
    all
}

/// Every form of Retry-After, and what a 429 says instead.
pub(super) fn throttles() -> Vec<Case> {
    let headers = [
        "-1",
        "0",
        "1",
        "1e18",
        "9999999999",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999",
        "1e400",
        "-1e400",
        "1.5",
        "0x10",
        "abc",
        "",
        "inf",
        "NaN",
        "60 seconds",
        "5, 30",
        "30, abc",
        "Tue, 24 Nov 2026 12:00:30 GMT",
        "Tue, 24 Nov 2026 11:00:00 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Tuesday, 24-Nov-26 12:00:30 GMT",
        "Tue Nov 24 12:00:30 2026",
        "Tue, 32 Nov 2026 12:00:30 GMT",
        "2026-11-24T12:00:30Z",
    ];
    let one = |name: String, headers: &str, body: &str| {
        case(name, Act::Close(response(429, headers, body)))
    };
    let mut all: Vec<Case> = headers
        .into_iter()
        .map(|value| {
            one(format!("429, Retry-After: {value}"), &format!("Retry-After: {value}\r\n"), "")
        })
        .collect();
    let message =
        |text: &str| format!(r#"{{"error":{{"code":"TooManyRequests","message":"{text}"}}}}"#);
    all.extend([
        one("429, two headers, 5 and 60".into(), "Retry-After: 5\r\nRetry-After: 60\r\n", ""),
        one("429, two headers, abc and 7".into(), "Retry-After: abc\r\nRetry-After: 7\r\n", ""),
        one("429, no header".into(), "", ""),
        one("429, bytes that are no text".into(), "Retry-After: \u{fffd}\r\n", ""),
        one("429, in its words".into(), "", &message("Try again in 8 seconds.")),
        one(
            "429, in its words, for ever".into(),
            "",
            &message("Try again in 99999999999999999 seconds."),
        ),
        one("429, by its window".into(), "", &message("maximum allowed 1500 per 01:00:00")),
        one("429 with our action".into(), "Retry-After: 3\r\n", &ours()),
        one("429 with a page".into(), "Retry-After: 3\r\n", "<html>slow down</html>"),
    ]);
    all
}
