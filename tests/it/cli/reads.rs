//! What is read before the first order and no order needs, towards a server of given answers: it is
//! bounded, told while it lasts, and holds up neither the next campaign nor an incident.

use std::process::Command;

use fleetsweep::domain::cloud::DEFAULT_AUDIENCE;
use serde_json::{Value, json};

use super::{Place, Said, beside, json_lines, run};
use crate::kit::canned::{Act, Canned, close};
use crate::kit::support::device;

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const APPLICATION: &str = "66666666-7777-8888-9999-000000000000";

/// A service that signs in and takes every order, and whose inventory does as it is told.
async fn service(inventory: impl Fn(&str) -> Act + Send + Sync + 'static) -> Canned {
    Canned::serve(move |_, request| {
        let line = request.lines().next().unwrap_or_default();
        match line {
            line if line.contains("/oauth2/") => token(),
            line if line.starts_with("POST") => close(201, accepted(request).to_string()),
            line if line.contains("/api/machineactions") => close(200, r#"{"value":[]}"#),
            line => inventory(line),
        }
    })
    .await
}

fn token() -> Act {
    let audience = DEFAULT_AUDIENCE.trim_end_matches("/.default");
    let claims = json!({ "tid": TENANT, "appid": APPLICATION, "aud": audience,
        "roles": ["Machine.Scan", "Machine.Read.All"] });
    let token = format!("e30.{}.c2ln", azure_core::base64::encode_url_safe(claims.to_string()));
    let answer = json!({ "token_type": "Bearer", "expires_in": 3599, "access_token": token });
    close(200, answer.to_string())
}

fn accepted(request: &str) -> Value {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let id = head.split('/').nth(3).unwrap();
    let asked: Value = serde_json::from_str(body).unwrap();
    json!({ "id": format!("action-{id}"), "type": "RunAntiVirusScan", "machineId": id,
        "scope": asked["ScanType"], "requestorComment": asked["Comment"], "status": "Pending",
        "creationDateTimeUtc": "2026-11-24T12:00:00Z" })
}

fn error(status: u16, code: &str) -> Act {
    close(status, json!({ "error": { "code": code, "message": "none" } }).to_string())
}

fn towards(place: &Place, server: &Canned, args: &[&str]) -> Command {
    let mut command = place.fleetsweep(args);
    command
        .env("AZURE_TENANT_ID", TENANT)
        .env("AZURE_CLIENT_ID", APPLICATION)
        .env("AZURE_CLIENT_SECRET", "secret")
        .env("FLEETSWEEP_API_URL", server.origin())
        .env("FLEETSWEEP_LOGIN_URL", server.origin());
    command
}

/// Orders two devices of a list of their own.
async fn campaign(place: &Place, server: &Canned, number: u64, more: &[&str]) -> Said {
    let ids = [number * 10, number * 10 + 1].map(|n| device(n).to_string());
    std::fs::write(place.path("list.txt"), ids.join("\n")).unwrap();
    let args = ["scan", "list.txt", "--type=quick", "--comment=x", "--approve-max=9", "--json"];
    let args = [&args[..], &["--time-scale=5"], more].concat();
    let command = towards(place, server, &args);
    beside(move || run(command)).await
}

fn asks(server: &Canned, line: &str) -> usize {
    server.seen().iter().filter(|request| request.starts_with(line)).count()
}

fn not_checked(said: &Said) -> String {
    let plan = &json_lines(&said.out)[0];
    assert_eq!(plan["type"], "plan", "{}", said.err);
    plan["checked"]["not_checked"].as_array().unwrap().iter().map(Value::to_string).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inventory_that_refuses_fails_or_hangs_holds_up_no_campaign_in_a_row() {
    // The answer, how often it is asked for by three campaigns and an incident, and what the plans
    // say of it.
    let cases: [(Act, usize, &str); 5] = [
        (error(404, "ResourceNotFound"), 4, ""),
        (close(404, ""), 4, "HTTP 404 with an empty body"),
        (error(403, "Forbidden"), 4, "Machine.Read.All is missing"),
        (error(500, "InternalServerError"), 7, "HTTP 500"),
        (Act::Hang(Vec::new()), 4, "it took more than"),
    ];
    for (answer, times, reason) in cases {
        let place = Place::new();
        let hangs = matches!(answer, Act::Hang(_));
        let act = answer.clone();
        let server = service(move |_| act.clone()).await;
        for number in 0..4 {
            let incident: &[&str] = if number == 3 { &["--priority=high"] } else { &[] };
            let said = campaign(&place, &server, number, incident).await;
            assert_eq!(said.code, 0, "{answer:?}: {}", said.err);
            let why = not_checked(&said);
            assert!(why.contains(reason), "{answer:?}: {why}");
            assert_eq!(why.is_empty(), reason.is_empty(), "{answer:?}: {why}");
            let told = said.err.contains("Reading the tenant's inventory (0 devices so far) ...");
            // An incident does not wait that long.
            assert!(told || !hangs || !incident.is_empty(), "{}", said.err);
            if hangs {
                let length = if incident.is_empty() { "2 s" } else { "0.6 s" };
                assert!(why.contains(&format!("more than {length}")), "{why}");
                let longer = if incident.is_empty() { "12 s" } else { "2 s" };
                assert!(why.contains(&format!("with --check it may take {longer}")), "{why}");
            }
        }
        assert_eq!(asks(&server, "GET /api/machines "), times, "{answer:?}");
        assert_eq!(asks(&server, "POST /api/machines/"), 8, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_of_an_inventory_counts_and_what_was_not_is_not_called_unlisted() {
    let phone = json!({ "id": device(0).to_string(), "osPlatform": "iOS",
        "onboardingStatus": "Onboarded", "healthStatus": "Active" });
    let page = json!({ "value": [phone], "@odata.nextLink": "/api/machines?rest=1" }).to_string();
    let server = service(move |line| match line.contains("rest=1") {
        true => Act::Hang(Vec::new()),
        false => close(200, &page),
    })
    .await;
    let place = Place::new();
    let said = campaign(&place, &server, 0, &["--skip=not-listed"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let why = not_checked(&said);
    assert!(why.contains("the rest of the tenant's inventory"), "{why}");
    let plan = &json_lines(&said.out)[0];
    assert_eq!((&plan["devices"], &plan["skipped"]), (&1.into(), &1.into()), "{}", said.err);
    let groups = plan["checked"]["groups"].to_string();
    assert!(groups.contains("mobile") && !groups.contains("not-listed"), "{groups}");
    assert_eq!(asks(&server, &format!("POST /api/machines/{}/", device(1))), 1);
    assert_eq!(asks(&server, "POST /api/machines/"), 1);
}
