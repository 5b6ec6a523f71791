//! Answers that are well-formed actions: ours in all its forms, and somebody else's in every dress.

use super::{Case, action, json, ours, raw};
use crate::kit::canned::{Act, response, stored};

pub(super) fn cases() -> Vec<Case> {
    let mut all = ours_in_all_forms();
    all.extend(somebody_elses());
    all.extend(contradictions());
    all
}

fn ours_in_all_forms() -> Vec<Case> {
    let marked = format!("\"{}\"", super::mark().as_str());
    let chunked = |body: String| {
        let head = "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n";
        format!("{head}{:x};ext=1\r\n{body}\r\n0\r\nX-Trailer: 1\r\n\r\n", body.len())
    };
    let gzip = response(201, "Content-Encoding: gzip\r\n", stored(ours().as_bytes()));
    let no_machine = [("machineId", "null"), ("requestorComment", "null")];
    let cut = [("requestorComment", marked.as_str())];
    let rewritten = [("requestorComment", "\"alert 3212, all hosts\"")];
    let interim =
        [b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec(), response(201, "", ours())].concat();
    vec![
        json("ours", 201, ours()).ours(),
        json("ours, 200", 200, ours()).ours(),
        json("ours, without machine and comment", 201, action(&no_machine)).ours(),
        json("ours, the comment cut after its mark", 201, action(&cut)).ours(),
        json("ours, the mark taken out of the comment", 201, action(&rewritten)).ours(),
        json("ours, with a field of 200,000 letters", 201, {
            let large = format!("\"{}\"", "x".repeat(200_000));
            action(&[("troubleshootInfo", &large)])
        })
        .ours(),
        json("ours, behind a byte order mark", 201, format!("\u{feff}{}", ours())).ours(),
        raw("ours, in chunks with a trailer", chunked(ours())).ours(),
        super::case("ours, packed", Act::Close(gzip)).ours(),
        raw("ours, after an interim answer", interim).ours(),
    ]
}

fn somebody_elses() -> Vec<Case> {
    let one = |name: &str, changes: &[(&str, &str)]| json(name, 201, action(changes));
    let other_device = "\"00000000000000000000000000000000000000ff\"";
    let guid = "\"82f42fca-e931-4f03-b54c-47af94bd394d\"";
    let (old, null) = ("\"2026-11-24T08:00:00Z\"", "null");
    let foreign = ("requestorComment", "\"Weekly scan\"");
    let other_campaign = "\"[fleetsweep night/0000000000000008] alert 3212, all hosts\"";
    let half_mark = "\"[fleetsweep night/00000000\"";
    vec![
        one("another device", &[("machineId", other_device)]),
        one("another kind of id", &[("machineId", guid)]),
        one("a number as the device", &[("machineId", "7")]),
        one("another kind of action", &[("type", "\"Isolate\"")]),
        one("a quick scan with our mark", &[("scope", "\"Quick\"")]),
        one("a quick scan with blanks", &[("scope", "\" quick \"")]),
        one("an older action with another comment", &[("creationDateTimeUtc", old), foreign]),
        one("a new action with another comment", &[foreign]),
        one(
            "an older action without a comment",
            &[("creationDateTimeUtc", old), ("requestorComment", null)],
        ),
        one(
            "no comment and no time",
            &[("creationDateTimeUtc", null), ("requestorComment", "\"\"")],
        ),
        one(
            "no comment, and the year one",
            &[("creationDateTimeUtc", "\"0001-01-01T00:00:00\""), ("requestorComment", null)],
        ),
        one(
            "no comment, and a number as the time",
            &[("creationDateTimeUtc", "1795521599"), ("requestorComment", null)],
        ),
        one("another campaign's mark", &[("requestorComment", other_campaign)]),
        one(
            "half of our mark, older",
            &[("creationDateTimeUtc", old), ("requestorComment", half_mark)],
        ),
        one(
            "our mark in the wrong field",
            &[
                ("creationDateTimeUtc", old),
                ("requestorComment", "\"x\""),
                ("requestor", other_campaign),
            ],
        ),
        one("an empty id", &[("id", "\"\"")]),
        one("no id", &[("id", "")]),
        one("an object as the id", &[("id", "{\"a\":1}")]),
    ]
}

fn contradictions() -> Vec<Case> {
    let twice = |name: &str, more: &str| {
        let body = ours();
        json(name, 201, format!("{},{more}}}", &body[..body.len() - 1]))
    };
    let both = |error: &str| format!("{{\"error\":{error},{}", &ours()[1..]);
    let busy = r#"{"code":"ActiveRequestAlreadyExists","message":"m"}"#;
    let mark = super::mark().comment(super::COMMENT);
    let foreign_first = format!("{{\"machineId\":\"{}\",{}", "0".repeat(40), &ours()[1..]);
    vec![
        twice("the device twice, last another", r#""machineId":"82f42fca""#),
        json("the device twice, first another", 201, foreign_first),
        twice("the comment twice, last another", r#""requestorComment":"Weekly scan""#),
        twice("the id twice, last empty", r#""id":"""#),
        json(
            "the type twice, first another",
            201,
            format!("{{\"type\":\"Isolate\",{}", &ours()[1..]),
        ),
        twice("a field twice, both times alike", r#""id":"a-1""#).ours(),
        json("an error and our action in one", 201, both(busy)),
        json("our action within a list", 201, format!("{{\"value\":[{}]}}", ours())),
        json("our action within an array", 201, format!("[{}]", ours())),
        json("our action as a text", 201, serde_json::to_string(&ours()).unwrap()),
        json("our comment and nothing else", 201, format!("{{\"requestorComment\":\"{mark}\"}}")),
        json("keys in capitals", 201, ours().replace("\"id\"", "\"ID\"")),
    ]
}
