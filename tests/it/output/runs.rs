//! One run of the real binary against a server that answers with hostile text in every field, and
//! with a list whose names are hostile too.

use crate::kit::canned::{Act, Canned, close, response};
use crate::kit::program::{Place, beside, report, run};
use crate::kit::support::device;

use super::{HOSTILE, steers};

async fn hostile_service() -> Canned {
    Canned::serve(|number, request| {
        let text = serde_json::to_string(HOSTILE).unwrap();
        if request.contains("/oauth2/") {
            let token = "e30.e30.signature";
            let body = format!(r#"{{"expires_in":3599,"access_token":"{token}","x":{text}}}"#);
            return close(200, body);
        }
        if request.starts_with("GET") {
            return close(403, format!(r#"{{"error":{{"code":{text},"message":{text}}}}}"#));
        }
        let error = format!(r#"{{"error":{{"code":{text},"message":{text},"target":{text}}}}}"#);
        let action = |id: &str, comment: &str| {
            let time = r#""creationDateTimeUtc":"2026-11-24T12:00:00Z""#;
            let fields = format!(r#""requestor":{text},"status":{text},{time}"#);
            format!(r#"{{"id":{id},{fields},"requestorComment":{comment}}}"#)
        };
        match number % 5 {
            0 => close(400, error),
            1 => Act::Close(response(503, "X-Hostile: \u{9b}31m\r\n", format!("<html>{HOSTILE}"))),
            2 => close(201, action(&text, "null")),
            3 => close(201, action(&text, &text)),
            _ => close(404, error),
        }
    })
    .await
}

/// A list with names that people did not choose.
fn write_list(place: &Place) {
    let name = HOSTILE.replace('"', "\"\"").replace(['\0', '\r', '\n'], " ");
    let rows = (0..30).map(|n| format!("{},\"{name}\"\n", device(n))).collect::<String>();
    let bad = format!("not-an-id{name},\"{name}\"\n");
    std::fs::write(place.path("list.csv"), format!("Device ID,Device Name\n{rows}{bad}")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_with_hostile_text_everywhere_shows_and_writes_none_of_it_raw() {
    let (place, server) = (Place::new(), hostile_service().await);
    write_list(&place);
    let args = [
        "scan",
        "list.csv",
        "--type=full",
        "--comment=a\u{202e}b\u{2028}=1",
        "--approve-max=1000",
        "--skip-bad-rows",
        "--campaign=hostile",
        "--time-scale=60",
        "--limit=1000/1s",
        "--report=r.csv",
        "--report=r.jsonl",
        "-vvv",
    ];
    let mut command = place.fleetsweep(&args);
    command
        .env("AZURE_TENANT_ID", "11111111-2222-3333-4444-555555555555")
        .env("AZURE_CLIENT_ID", "c\u{202e}")
        .env("AZURE_CLIENT_SECRET", "secret")
        .env("FLEETSWEEP_API_URL", server.origin())
        .env("FLEETSWEEP_LOGIN_URL", server.origin());
    let said = beside(move || run(command)).await;
    assert!(server.seen().len() > 10, "{}", said.err);
    assert_eq!(steers(&said.err), None);
    assert_eq!(steers(&said.out), None);
    let forged = |line: &&str| line.starts_with("error: forged") || line.starts_with("2026-11-24T");
    assert_eq!(said.err.lines().filter(forged).find(|line| line.contains("ERROR")), None);
    for name in ["r.csv", "r.jsonl"] {
        let written = std::fs::read_to_string(place.path(name)).unwrap();
        assert_eq!(steers(&written), None, "{name}");
        assert_eq!(written.lines().count(), 31 + usize::from(name == "r.csv"), "{name}");
        assert!(written.contains("forged"), "{name} holds no text of the server");
    }
    for row in report(&place.path("r.csv")) {
        for (column, field) in row {
            let runs = field.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r']);
            assert!(!runs, "{column}: {field}");
        }
    }
}
