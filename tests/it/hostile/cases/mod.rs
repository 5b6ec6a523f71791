//! The canned answers: each has a name, the bytes, and whether it may be believed. What the program
//! makes of them is judged in `answers`.

mod actions;
mod bodies;
mod framing;
mod statuses;

use std::time::Duration;

use super::entries::{DEVICE, mark};
use crate::kit::canned::{Act, response};

/// The user's comment in every order of these tests.
pub(crate) const COMMENT: &str = "alert 3212, all hosts";

/// One canned answer.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) act: Act,
    /// The server has a new action of ours, and the answer says so: it may be called accepted.
    pub(crate) ours: bool,
    /// The answer never ends, so the time-out is short.
    pub(crate) endless: bool,
}

impl Case {
    /// The answer is ours after all.
    fn ours(self) -> Self {
        Self { ours: true, ..self }
    }

    fn endless(self) -> Self {
        Self { endless: true, ..self }
    }
}

/// A case that must not be called accepted.
fn case(name: impl Into<String>, act: Act) -> Case {
    Case { name: name.into(), act, ours: false, endless: false }
}

/// A whole response with this status and body.
fn json(name: impl Into<String>, status: u16, body: impl AsRef<[u8]>) -> Case {
    case(name, Act::Close(response(status, "Content-Type: application/json\r\n", body)))
}

/// Bytes as they are.
fn raw(name: impl Into<String>, bytes: impl AsRef<[u8]>) -> Case {
    case(name, Act::Close(bytes.as_ref().to_vec()))
}

/// The answer that the API gives to our order, a second before the answer's `Date`, with some
/// fields replaced; the value `null` stands for itself, an empty text takes the field out.
pub(crate) fn action(changes: &[(&str, &str)]) -> String {
    let comment = format!("\"{}\"", mark().comment(COMMENT));
    let device = format!("\"{DEVICE}\"");
    let mut fields = vec![
        ("id", "\"a-1\""),
        ("type", "\"RunAntiVirusScan\""),
        ("scope", "\"Full\""),
        ("status", "\"Pending\""),
        ("machineId", device.as_str()),
        ("requestor", "\"app\""),
        ("requestorComment", comment.as_str()),
        ("creationDateTimeUtc", "\"2026-11-24T11:59:59.5Z\""),
    ];
    for (name, value) in changes {
        match fields.iter_mut().find(|(field, _)| field == name) {
            Some(field) => field.1 = value,
            None => fields.push((name, value)),
        }
    }
    let fields = fields.iter().filter(|(_, value)| !value.is_empty());
    let fields: Vec<String> = fields.map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// Our action as the server would answer it.
pub(crate) fn ours() -> String {
    action(&[])
}

/// Every case; `other` is the origin of a second server, which nobody may call.
pub(crate) fn all(other: &str) -> Vec<Case> {
    let mut all = actions::cases();
    all.extend(bodies::cases());
    all.extend(framing::cases());
    all.extend(statuses::redirects(other));
    all.extend(statuses::refusals());
    all.extend(statuses::throttles());
    all.extend(endless());
    all
}

/// Answers that never end; some would end after minutes.
fn endless() -> Vec<Case> {
    let whole = response(201, "", ours());
    let head = whole.len() - ours().len();
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
    let between = Duration::from_millis(20);
    let chunked = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let blank_chunks = [chunked, b"1\r\n \r\n".repeat(2_000)].concat();
    vec![
        case("no byte is answered", Act::Hang(Vec::new())).endless(),
        case("half a status line", Act::Hang(b"HTTP/1.1 2".to_vec())).endless(),
        case("the head, and no body", Act::Hang(whole[..head].to_vec())).endless(),
        case("all but the last byte", Act::Hang(whole[..whole.len() - 1].to_vec())).endless(),
        case("one byte each 20 ms", Act::Drip(whole, between)).endless(),
        case("100 Continue for ever", Act::Flood(interim)).endless(),
        case("one blank a chunk, slowly", Act::Drip(blank_chunks, between)).endless(),
    ]
}

/// Pages of the list of actions that would fill the memory.
pub(crate) fn lists() -> Vec<Case> {
    let size = 15 << 20;
    let filled = |start: &str, item: &str, end: &str| {
        format!("{start}{}{item}{end}", format!("{item},").repeat(size / (item.len() + 1)))
    };
    let page = |items: &str| filled("{\"value\":[", items, "]}");
    let large = "x".repeat(size);
    let bomb = crate::kit::canned::bomb(1 << 30);
    vec![
        json("a list of one action", 200, format!("{{\"value\":[{}]}}", ours())),
        json("a list of 15 MiB of actions", 200, page(&ours())),
        json("a list of empty objects", 200, page("{}")),
        json("a list of numbers", 200, page("1")),
        json("a list with an array of numbers in a known field", 200, {
            filled("{\"value\":[{\"id\":[", "1", "]}]}")
        }),
        json("a list with an unknown field of objects", 200, {
            filled("{\"x\":[", "{}", "],\"value\":[]}")
        }),
        json("a list with a comment of 15 MiB", 200, {
            format!("{{\"value\":[{{\"id\":\"a\",\"requestorComment\":\"{large}\"}}]}}")
        }),
        json("a list with a link of 15 MiB", 200, {
            format!("{{\"value\":[],\"@odata.nextLink\":\"{large}\"}}")
        }),
        json("a list that goes on at another host", 200, {
            "{\"value\":[],\"@odata.nextLink\":\"https://evil.example/api\"}"
        }),
        json("a list of 17 MiB", 200, format!("{{\"value\":[]}}{}", " ".repeat(17 << 20))),
        case("a bomb of 1 GiB for a list", {
            Act::Close(response(200, "Content-Encoding: gzip\r\n", bomb))
        }),
        json("a page of a proxy for a list", 200, "<html>Sign in</html>"),
    ]
}
