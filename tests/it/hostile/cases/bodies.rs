//! Answers whose body is not what it should be: pages, portals, other encodings, other JSON, bombs.

use super::{Case, case, json, ours};
use crate::kit::canned::{Act, bomb, response, stored};

pub(super) fn cases() -> Vec<Case> {
    let mut all = no_json();
    all.extend(odd_json());
    all.extend(packed());
    all
}

/// ASCII as UTF-16.
fn utf16(text: &str, mark: bool, big: bool) -> Vec<u8> {
    let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
    units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

fn no_json() -> Vec<Case> {
    let page = |name: &str, status, body: &str| {
        case(name, Act::Close(response(status, "Content-Type: text/html\r\n", body)))
    };
    let portal = "<!DOCTYPE html><html><title>Guest Wi-Fi</title><form action=/login>";
    let hidden = format!("<html><script>var x = {}</script></html>", ours());
    let steering = "<html>\u{1b}]0;owned\u{7}\u{1b}[2J\r\n\u{202e}gnp.exe</html>";
    vec![
        json("an empty body", 201, ""),
        json("blanks", 201, "   \r\n\t "),
        json("a byte order mark and nothing", 201, "\u{feff}"),
        page("a captive portal", 200, portal),
        page("a captive portal, 511", 511, portal),
        page("a page that holds our action", 201, &hidden),
        page("a page that steers the terminal", 502, steering),
        page("a bad gateway", 502, "<html><h1>502 Bad Gateway</h1></html>"),
        json("UTF-16 with its mark, little end first", 201, utf16(&ours(), true, false)),
        json("UTF-16 with its mark, big end first", 201, utf16(&ours(), true, true)),
        json("UTF-16 without a mark", 201, utf16(&ours(), false, false)),
        json("bytes that are no UTF-8 in a text", 201, {
            let mut bytes = ours().into_bytes();
            let at = bytes.windows(3).position(|three| three == b"app").unwrap();
            bytes[at] = 0xff;
            bytes
        }),
        json("zeros", 201, vec![0; 4096]),
        json("XML", 201, "<?xml version=\"1.0\"?><action><id>a-1</id></action>"),
        json("a script call", 201, format!("callback({});", ours())),
        json("a prefix against scripts", 201, format!(")]}}',\n{}", ours())),
        json("ours, and a megabyte of blanks", 201, format!("{}{}", ours(), " ".repeat(1 << 20))),
    ]
}

fn odd_json() -> Vec<Case> {
    let nested = |open: &str, close: &str| {
        let inner = format!("{}{}", open.repeat(50_000), close.repeat(50_000));
        super::action(&[("related", &inner)])
    };
    let with = |value: &str| super::action(&[("related", value)]);
    let mut all: Vec<Case> = [
        "null",
        "true",
        "7",
        "-0",
        "\"a\"",
        "[]",
        "{}",
        "[[]]",
        "{\"id\":null}",
        "{\"id\":\"a-1\"",
        "{\"error\":null}",
        "{\"error\":\"no\"}",
        "{\"error\":[]}",
        "{\"error\":{}}",
        "{\"value\":null}",
        "NaN",
        "{'id':'a-1'}",
        "{\"a\":1}{\"id\":\"a-1\"}",
    ]
    .into_iter()
    .map(|body| json(format!("the JSON {body}"), 201, body))
    .collect();
    all.extend([
        json("another object", 201, "{\"machine\":{\"id\":\"1\"},\"ok\":true}"),
        json("ours and something behind it", 201, format!("{}x", ours())),
        json("ours twice", 201, ours().repeat(2)),
        json("an infinite number", 201, with("1e999999")),
        json("half a surrogate pair", 201, with("\"\\ud800\"")),
        json("a raw line break in a text", 201, with("\"a\nb\"")),
        json("arrays 50,000 deep", 201, nested("[", "]")),
        json("objects 50,000 deep", 201, nested("{\"a\":", "}").replace(":}", ":1}")),
        json("arrays without end", 201, "[".repeat(1 << 17)),
        json("an array of 120,000 numbers as the id", 201, {
            super::action(&[("id", &format!("[{}1]", "1,".repeat(120_000)))])
        }),
        json("80,000 empty objects beside our action", 201, {
            with(&format!("[{}{{}}]", "{},".repeat(80_000)))
        })
        .ours(),
        json("20,000 keys and no id", 201, {
            let keys: Vec<String> = (0..20_000).map(|n| format!("\"k{n}\":1")).collect();
            format!("{{{}}}", keys.join(","))
        }),
    ]);
    all
}

fn packed() -> Vec<Case> {
    let gzip = |name: &str, body: Vec<u8>| {
        case(name, Act::Close(response(201, "Content-Encoding: gzip\r\n", body)))
    };
    let ours_packed = stored(ours().as_bytes());
    let damaged = |at: usize| {
        let mut bytes = ours_packed.clone();
        bytes[at] ^= 0x55;
        bytes
    };
    let twice = response(201, "Content-Encoding: gzip, gzip\r\n", stored(&bomb(1 << 24)));
    let bomb_refusal = response(429, "Content-Encoding: gzip\r\n", bomb(1 << 28));
    vec![
        gzip("a bomb of 256 MiB", bomb(1 << 28)),
        gzip("a bomb behind our action", [ours_packed.clone(), bomb(1 << 28)].concat()),
        case("a bomb in a 429", Act::Close(bomb_refusal)),
        case("a bomb in a packed body", Act::Close(twice)),
        gzip("ours, said to be packed", ours().into_bytes()),
        gzip("ours, packed, with a wrong sum", damaged(ours_packed.len() - 6)),
        gzip("ours, packed, with a wrong length", damaged(ours_packed.len() - 1)),
        gzip("ours, packed, cut in the middle", ours_packed[..ours_packed.len() / 2].to_vec()),
        gzip("an empty body, said to be packed", Vec::new()),
    ]
}
