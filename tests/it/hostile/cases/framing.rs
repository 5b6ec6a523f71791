//! Answers that break HTTP itself: lengths, chunks, heads, other protocols.

use super::{Case, case, ours, raw};
use crate::kit::canned::Act;

pub(super) fn cases() -> Vec<Case> {
    let mut all = lengths();
    all.extend(chunks());
    all.extend(heads());
    all.extend(other_protocols());
    all.extend(floods());
    all
}

/// A 201 with these header lines and this body.
fn with(name: &str, headers: &str, body: &str) -> Case {
    let date = "Date: Tue, 24 Nov 2026 12:00:00 GMT\r\n";
    raw(name, format!("HTTP/1.1 201 Created\r\n{date}{headers}\r\n{body}"))
}

fn lengths() -> Vec<Case> {
    let body = ours();
    let exact = format!("Content-Length: {}\r\n", body.len());
    let length =
        |name: &str, value: String| with(name, &format!("Content-Length: {value}\r\n"), &body);
    let two = format!("{exact}Content-Length: 9\r\n");
    let both = format!("{exact}Transfer-Encoding: chunked\r\n");
    vec![
        length("a length that is one too many", (body.len() + 1).to_string()),
        length("a length of a quintillion", "1000000000000000000".to_owned()),
        length("a length beyond all numbers", "99999999999999999999999".to_owned()),
        length("a negative length", "-1".to_owned()),
        length("a length in words", "many".to_owned()),
        length("a length that cuts our action", "40".to_owned()),
        with("two lengths that differ", &two, &body),
        with("a length and chunks", &both, &body),
        with("no length, cut in the middle", "", &body[..body.len() / 2]),
        with("no length and no body", "", ""),
    ]
}

fn chunks() -> Vec<Case> {
    let body = ours();
    let chunked = |name: &str, rest: String| with(name, "Transfer-Encoding: chunked\r\n", &rest);
    let size = body.len();
    vec![
        chunked("chunks without their end", format!("{size:x}\r\n{body}\r\n")),
        chunked("a chunk size of 2^68", format!("fffffffffffffffff\r\n{body}\r\n0\r\n\r\n")),
        chunked("a chunk size that is no number", format!("zz\r\n{body}\r\n0\r\n\r\n")),
        chunked("a negative chunk size", format!("-1\r\n{body}\r\n0\r\n\r\n")),
        chunked("a chunk that is too short", format!("{:x}\r\n{body}\r\n0\r\n\r\n", size + 9)),
        chunked("a chunk extension of 64 KiB", {
            format!("{size:x};{}\r\n{body}\r\n0\r\n\r\n", "x".repeat(1 << 16))
        }),
        with("ours, under a foreign transfer encoding", "Transfer-Encoding: rot13\r\n", &body)
            .ours(),
    ]
}

fn heads() -> Vec<Case> {
    let body = ours();
    let many = |count: usize| "X-Filler: y\r\n".repeat(count);
    vec![
        with("a header of a megabyte", &format!("X-Filler: {}\r\n", "y".repeat(1 << 20)), &body),
        with("a thousand headers", &many(1_000), &body),
        with("a header without a colon", "this is no header\r\n", &body),
        with("a header with a zero in it", "X-Filler: a\0b\r\n", &body),
        with("a header name with a blank", "X Filler: a\r\n", &body),
        raw("a status line and nothing", "HTTP/1.1 201 Created\r\n"),
        raw("a status of four digits", format!("HTTP/1.1 2010 Created\r\n\r\n{body}")),
        raw("a status of letters", format!("HTTP/1.1 abc Created\r\n\r\n{body}")),
        raw("HTTP/7.3", format!("HTTP/7.3 201 Created\r\n\r\n{body}")),
        raw("blank lines for a megabyte", "\r\n".repeat(1 << 19)),
    ]
}

fn other_protocols() -> Vec<Case> {
    vec![
        raw("the body alone, as HTTP/0.9", ours()),
        raw("an HTTP/2 settings frame", b"\0\0\0\x04\0\0\0\0\0"),
        raw("a TLS alert", b"\x15\x03\x03\0\x02\x02\x28"),
        raw("a banner of SSH", "SSH-2.0-OpenSSH_9.9\r\n"),
        raw("a banner of SMTP", "220 mail.example ESMTP\r\n"),
        raw("an echo of a request", "POST / HTTP/1.1\r\nHost: x\r\n\r\n"),
        raw("switching protocols", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"),
        raw("nothing", ""),
    ]
}

fn floods() -> Vec<Case> {
    let head = "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let endless = |rest: &str| format!("{head}{}", rest.repeat(64)).into_bytes();
    vec![
        case("headers without end", {
            let headers = "X-Filler: yyyyyyyyyyyyyyyyyyyyyyyyyy\r\n".repeat(40_000);
            Act::Flood(format!("HTTP/1.1 201 Created\r\n{headers}").into_bytes())
        }),
        case("a status line without end", Act::Flood(b"HTTP/1.1".to_vec())),
        case("a body without end, in chunks", Act::Flood(endless(&chunk))),
        case("a body without end, to the close", {
            Act::Flood(format!("HTTP/1.1 201 Created\r\n\r\n{}", "x".repeat(1 << 20)).into_bytes())
        }),
        case("answers without end", {
            let many = crate::kit::canned::response(500, "", "no").repeat(1_000);
            Act::Flood(many)
        }),
    ]
}
