//! The table of verdicts, written out: every kind of reply against what it is judged to mean. The
//! snapshot is the table to read; a change of it is a change of what the program promises.

use std::fmt::Write;
use std::time::Duration;

use fleetsweep::defender::wire;
use fleetsweep::domain::verdict::{Asked, cancel_verdict, verdict};
use fleetsweep::domain::{Action, Answer, Body, DeviceId, Mark, Reply, ScanType, Timing, Verdict};

const DEVICE: &str = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07";
const COMMENT: &str = "alert 3212, all hosts";

fn mark() -> Mark {
    Mark::new(&"night".parse().unwrap(), 7)
}

/// The verdict in one line.
fn judged(reply: &Reply, scan_type: ScanType) -> String {
    let mark = mark();
    let device: DeviceId = DEVICE.parse().unwrap();
    let took = Duration::from_secs(1);
    let asked = Asked { device, scan_type, mark: &mark, comment: COMMENT, took };
    in_a_line(&verdict(reply, &asked, &Timing::default()))
}

fn in_a_line(judged: &Verdict) -> String {
    let told = match judged {
        Verdict::Accepted { comment_changed: true, .. } => "comment changed".to_owned(),
        Verdict::Accepted { .. } => String::new(),
        Verdict::Busy { action, .. } => match action {
            Some(action) => format!("scope {}", action.scope.as_deref().unwrap_or("?")),
            None => "scope not told".to_owned(),
        },
        Verdict::Throttled { wait, .. } => format!("{wait:?}"),
        Verdict::Doubtful { why, .. } | Verdict::NeverLeft { why } => why.clone(),
        Verdict::Rejected(refusal)
        | Verdict::Forbidden(refusal)
        | Verdict::NotFound(refusal)
        | Verdict::Unauthorized(refusal) => refusal.code.clone().unwrap_or_default(),
    };
    format!("{:<13} {told}", judged.name()).trim_end().to_owned()
}

fn answer(status: u16, body: Body) -> Answer {
    Answer { status, date: "2026-11-24T12:00:00Z".parse().ok(), retry_after: None, body }
}

fn error(code: &str, message: &str) -> Body {
    wire::body(
        format!(r#"{{"error":{{"code":"{code}","message":"{message}","target":"t"}}}}"#).as_bytes(),
    )
}

/// An action as the API creates it for the order, a second before the answer's `Date`.
fn ours() -> Action {
    Action {
        id: "a-1".into(),
        device: DEVICE.parse().ok(),
        kind: Some("RunAntiVirusScan".into()),
        scope: Some("Full".into()),
        status: Some("Pending".into()),
        comment: Some(mark().comment(COMMENT)),
        created: "2026-11-24T11:59:59Z".parse().ok(),
        ..Action::default()
    }
}

fn with(change: impl FnOnce(&mut Action)) -> Body {
    let mut action = ours();
    change(&mut action);
    Body::Action(Box::new(action))
}

fn bodies() -> Vec<(&'static str, Body)> {
    vec![
        ("our new action", with(|_| ())),
        ("error, known code", error("ResourceNotFound", "Machine 1 was not found")),
        ("error, no code", wire::body(br#"{"statusCode":404,"message":"Resource not found"}"#)),
        ("error, busy code", error("ActiveRequestAlreadyExists", "no words")),
        ("error, busy words", error("BadRequest", "Action is already in progress")),
        ("empty", wire::body(b"")),
        ("HTML", wire::body(b"<html>Bad gateway</html>")),
        ("other JSON", wire::body(b"[]")),
    ]
}

/// Every status by the classes that behave alike: single ones where the table names them.
fn statuses() -> Vec<(String, Vec<u16>)> {
    const NAMED: [u16; 11] = [200, 201, 400, 401, 403, 404, 408, 409, 429, 499, 500];
    const REFUSED: [u16; 10] = [405, 407, 410, 411, 413, 414, 415, 417, 426, 431];
    let mut classes: Vec<(String, Vec<u16>)> = Vec::new();
    for status in NAMED {
        classes.push((status.to_string(), vec![status]));
    }
    classes.push(("405, 410…".to_owned(), REFUSED.to_vec()));
    for hundred in (200..600).step_by(100) {
        let named = |status: &u16| NAMED.contains(status) || REFUSED.contains(status);
        let rest = (hundred..hundred + 100).filter(|status| !named(status)).collect();
        classes.push((format!("other {}xx", hundred / 100), rest));
    }
    classes
}

#[test]
fn every_status_with_every_body_has_its_verdict() {
    let mut table = String::new();
    for (class, statuses) in statuses() {
        for (what, body) in bodies() {
            // Where a reason names the status, the class stands for it.
            let lines: Vec<String> = statuses
                .iter()
                .map(|status| {
                    let reply = Reply::Answer(answer(*status, body.clone()));
                    judged(&reply, ScanType::Full).replace(&format!("HTTP {status}"), "HTTP …")
                })
                .collect();
            assert!(
                lines.iter().all(|line| *line == lines[0]),
                "{class} is not one class: {lines:?}"
            );
            writeln!(table, "{class:<10} {what:<18} -> {}", lines[0]).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn every_answer_to_a_cancellation_has_its_verdict() {
    let cancelled = |status: &str| with(|action| action.status = Some(status.to_owned()));
    let with_id = |id: &str| {
        with(|action| {
            action.status = Some("Cancelled".to_owned());
            action.id = id.to_owned();
        })
    };
    let bodies = [
        ("cancelled", cancelled("Cancelled")),
        ("cancelled, spelled as the page does", cancelled("Canceled")),
        ("pending still", cancelled("Pending")),
        ("ended", cancelled("Succeeded")),
        ("no status", with(|action| action.status = None)),
        ("another action", with_id("a-2")),
        ("an error", error("BadRequest", "it cannot be cancelled")),
        ("no words", wire::body(b"")),
        ("HTML", wire::body(b"<html>Sign in</html>")),
    ];
    let mut table = String::new();
    for status in [200, 201, 204, 302, 400, 401, 403, 404, 409, 410, 422, 429, 500, 503] {
        for (what, body) in &bodies {
            let reply = Reply::Answer(answer(status, body.clone()));
            let told = in_a_line(&cancel_verdict(&reply, "a-1"));
            writeln!(table, "{status} {what:<36} -> {told}").unwrap();
        }
    }
    for reply in [Reply::NoAnswer { why: "cut".into() }, Reply::NeverLeft { why: "DNS".into() }] {
        writeln!(table, "{}", in_a_line(&cancel_verdict(&reply, "a-1"))).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn every_kind_of_success_has_its_verdict() {
    let text = |text: &str| Some(text.to_owned());
    let cases = [
        ("ours, new", with(|_| ())),
        ("machineId null", with(|a| a.device = None)),
        (
            "every optional field null",
            with(|a| {
                *a = Action { id: "a-1".into(), created: a.created, ..Action::default() };
            }),
        ),
        ("nothing but an id", with(|a| *a = Action { id: "a-1".into(), ..Action::default() })),
        ("status InProgress", with(|a| a.status = text("InProgress"))),
        ("status unknown to us", with(|a| a.status = text("Queued"))),
        ("our mark, but older", with(|a| a.created = "2026-11-24T09:00:00Z".parse().ok())),
        ("our mark, scope Quick", with(|a| a.scope = text("Quick"))),
        ("our mark, scope odd", with(|a| a.scope = text("Custom"))),
        ("our mark, scope null", with(|a| a.scope = None)),
        ("our comment, cut at the end", with(|a| a.comment = text(&mark().comment(COMMENT)[..32]))),
        ("comment without the mark, new", with(|a| a.comment = text(COMMENT))),
        (
            "comment without the mark, older",
            with(|a| {
                a.comment = text(COMMENT);
                a.created = "2026-11-24T09:00:00Z".parse().ok();
            }),
        ),
        ("no comment, new", with(|a| a.comment = None)),
        (
            "no comment, created 3 s before",
            with(|a| {
                a.comment = None;
                a.created = "2026-11-24T11:59:57Z".parse().ok();
            }),
        ),
        (
            "no comment, created 4 s before",
            with(|a| {
                a.comment = None;
                a.created = "2026-11-24T11:59:56Z".parse().ok();
            }),
        ),
        ("no comment, no time", with(|a| (a.comment, a.created) = (None, None))),
        ("somebody's comment, new", with(|a| a.comment = text("Weekly scan by the helpdesk"))),
        (
            "another campaign's mark",
            with(|a| a.comment = text("[fleetsweep other/0000000000000001] x")),
        ),
        ("another device", with(|a| a.device = Some(DeviceId::from_bytes([9; 20])))),
        ("a device of another form", with(|a| (a.device, a.odd_device) = (None, text("pc-1")))),
        ("another type of action", with(|a| a.kind = text("Isolate"))),
    ];
    let mut table = String::new();
    for (what, body) in cases {
        for status in [200, 201] {
            let told = judged(&Reply::Answer(answer(status, body.clone())), ScanType::Full);
            writeln!(table, "{status} {what:<32} -> {told}").unwrap();
        }
    }
    let undated = Answer { date: None, ..answer(201, with(|a| a.comment = None)) };
    let told = judged(&Reply::Answer(undated), ScanType::Full);
    writeln!(table, "201 {:<32} -> {told}", "no comment, no Date header").unwrap();
    let wider = judged(&Reply::Answer(answer(201, with(|_| ()))), ScanType::Quick);
    writeln!(table, "201 {:<32} -> {wider}", "ours, Full though Quick was asked").unwrap();
    insta::assert_snapshot!(table);
}

#[test]
fn every_refusal_of_the_notes_has_its_verdict() {
    let cases = [
        (400, "ActiveRequestAlreadyExists", "Action is already in progress"),
        (400, "activerequestalreadyexists", "x"),
        (400, "BadRequest", "There is a pending machine action on this device"),
        (400, "OsPlatformNotSupported", "OS Platform Linux isn't supported for this action"),
        (400, "ClientVersionNotSupported", "supported on client version 1 and above"),
        (400, "InvalidRequestBody", "Request body is incorrect"),
        (400, "", ""),
        (409, "Conflict", "Action is ALREADY in progress"),
        (409, "ActiveRequestAlreadyExists", "x"),
        (409, "Conflict", "x"),
        (401, "Unauthorized", "Account mode is inactive"),
        (403, "Forbidden", "Missing application roles"),
        (403, "DisabledFeature", "x"),
        (403, "disallowedOperation", "The operation is not allowed on this device"),
        (403, "forbidden", "x"),
        (403, "Unauthorized", "x"),
        (403, "", "x"),
        (403, "403", "x"),
        (410, "Gone", "This API has been retired"),
        (415, "UnsupportedMediaType", "x"),
        (422, "Unprocessable", "x"),
        (408, "RequestTimeout", "x"),
        (404, "ResourceNotFound", "Machine 1 was not found"),
        (404, "NotFound", "x"),
        (404, "", "Resource not found"),
        (500, "InternalServerError", ""),
    ];
    let mut table = String::new();
    for (status, code, message) in cases {
        let told = judged(&Reply::Answer(answer(status, error(code, message))), ScanType::Full);
        writeln!(table, "{status} {code:<27} {message:<50} -> {told}").unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn every_way_to_say_how_long_to_wait_is_heard() {
    let long = "API calls quota exceeded! Maximum allowed 30 per 00:01:00 for the key \
                Destination+TenantID+AppID. You can send requests again in 8 seconds.";
    let cases = [
        (None, long),
        (None, "API calls quota exceeded! maximum allowed 1500 per 01:00:00"),
        (None, "You can send requests again in 1 second."),
        (None, "Too many requests"),
        (None, "in 99999999999999999999999 seconds"),
        (None, "per 99999999999999:00:00"),
        (Some(3), long),
        (Some(0), "Too many requests"),
    ];
    let mut table = String::new();
    for (header, message) in cases {
        let retry_after = header.map(Duration::from_secs);
        let answer = Answer { retry_after, ..answer(429, error("429", message)) };
        let told = judged(&Reply::Answer(answer), ScanType::Full);
        writeln!(table, "Retry-After {header:?}, {message} -> {told}").unwrap();
    }
    let html =
        Answer { retry_after: Some(Duration::from_secs(5)), ..answer(429, wire::body(b"<p>")) };
    writeln!(
        table,
        "Retry-After Some(5), HTML -> {}",
        judged(&Reply::Answer(html), ScanType::Full)
    )
    .unwrap();
    insta::assert_snapshot!(table);
}

#[test]
fn silence_is_doubt_only_if_something_can_have_left() {
    let why = || "the reason".to_owned();
    assert_eq!(judged(&Reply::NoAnswer { why: why() }, ScanType::Full), "doubtful      the reason");
    assert_eq!(
        judged(&Reply::NeverLeft { why: why() }, ScanType::Full),
        "never_left    the reason"
    );
}
