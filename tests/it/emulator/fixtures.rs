//! The emulator against the recorded answers in `fixtures/api`: every one that it can be made to
//! give has the status, the keys, their order and their types of the recorded one.

use std::collections::BTreeMap;
use std::time::Duration;

use fleetsweep::emulator::{Answer, App, Config, Moment, Request, Scenario, World};
use serde_json::Value;

/// What the emulator is set to, so that it gives each recorded answer.
const SETTINGS: [(&str, &str); 31] = [
    ("scan_201_new", ""),
    ("scan_201_null_machine", "[devices]\nnull_machine_share = 1"),
    ("scan_201_older_action", "[devices]\nbusy_share = 1\nbusy_form = \"created\""),
    ("scan_200_older_action", "[devices]\nbusy_share = 1\nbusy_form = \"ok\""),
    ("scan_400_in_progress", "[devices]\nbusy_share = 1"),
    (
        "scan_400_in_progress_message_only",
        "[devices]\nbusy_share = 1\nbusy_form = \"message_only\"",
    ),
    ("scan_400_in_progress_code_only", "[devices]\nbusy_share = 1\nbusy_form = \"code_only\""),
    ("scan_400_os_not_supported", "[devices]\nunsupported_share = 1"),
    ("scan_400_client_version", "[devices]\nclient_version_share = 1"),
    ("scan_400_missing_parameter", ""),
    ("scan_401", "[token]\nunauthorized_share = 1"),
    ("scan_403_missing_roles", "[token]\nroles = [\"Machine.Read.All\"]"),
    ("scan_404_not_found", "[devices]\nnot_found_share = 1"),
    ("gateway_404", ""),
    ("scan_429_with_wait", "[throttle]\nrandom_share = 1\nrandom_wait_s = 8"),
    ("scan_429_window_only", "[throttle]\nrandom_share = 1\nretry_after = \"none\""),
    ("scan_500_empty", "[faults]\nerror_500_share = 1"),
    ("actions_200_page", "[list]\npage_size = 2\n[devices]\nfleet_size = 0"),
    ("actions_200_last_page", "[list]\npage_size = 2\n[devices]\nfleet_size = 0"),
    ("action_200_cancelled", ""),
    ("action_404", ""),
    ("cancel_400_ended", ""),
    ("cancel_403_missing_roles", "[token]\nroles = [\"Machine.Read.All\"]"),
    ("cancel_404", ""),
    ("actions_400_filter", ""),
    ("machine_200", ""),
    ("token_200", ""),
    ("token_401_wrong_secret", ""),
    ("token_400_unknown_app", ""),
    ("token_401_no_secret", ""),
    ("token_400_scope", ""),
];

fn now() -> Moment {
    Moment { mono: Duration::from_secs(5), utc_ms: 1_795_531_159_610 }
}

fn fixtures() -> BTreeMap<String, Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/api");
    let files = std::fs::read_dir(folder).expect("the folder is part of the project");
    files
        .map(|file| {
            let path = file.expect("the folder can be read").path();
            let text = std::fs::read_to_string(&path).expect("the file can be read");
            let fixture: Value = serde_json::from_str(&text).expect("a fixture is JSON");
            let name = path.file_stem().and_then(|name| name.to_str()).map(str::to_owned);
            (name.expect("names are ASCII"), fixture)
        })
        .collect()
}

/// The answer that the emulator gives to the fixture's request.
fn answer(name: &str, fixture: &Value, toml: &str) -> Answer {
    let mut config = Config::named("quiet").expect("quiet comes with the program");
    config.scenario = Scenario::from_toml(toml).expect(name);
    if name == "token_400_unknown_app" {
        config.apps = vec![App { tenant: Some("another".into()), ..App::default() }];
    }
    let mut world = World::new(config).expect("the settings are good");
    let token = world.issue_token(now(), "tenant", "app");
    let request = &fixture["request"];
    let mut path = request["path"].as_str().expect("it has a path").to_owned();
    let mut action = String::new();
    if name.starts_with("action") {
        for device in ["a", "b", "c"] {
            let scan = Request::scan(&device.repeat(40), "before", "Quick").bearer(&token);
            action = world.answer(now(), &scan).json()["id"].as_str().expect("accepted").to_owned();
        }
    }
    if name == "cancel_400_ended" {
        let scan = Request::scan(&"a".repeat(40), "before", "Quick").bearer(&token);
        action = world.answer(now(), &scan).json()["id"].as_str().expect("accepted").to_owned();
        let cancel = Request::post(&format!("/api/machineactions/{action}/cancel"), "");
        assert_eq!(world.answer(now(), &cancel.bearer(&token)).status, 200);
    }
    if let Some((_, id)) = path
        .split_once("/api/machineactions/")
        .filter(|(_, id)| id.contains("/cancel") && !action.is_empty())
    {
        path = path.replace(id.trim_end_matches("/cancel"), &action);
    }
    let body = match &request["body"] {
        Value::Null => String::new(),
        Value::String(form) => form.clone(),
        json => json.to_string(),
    };
    let made = match request["method"].as_str() {
        Some("GET") => Request::get(&path),
        _ => Request::post(&path, body),
    };
    world.answer(now(), &made.bearer(&token))
}

/// A value with its leaves replaced by the names of their types.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), shape(value))).collect()
        }
        Value::Array(items) => Value::Array(items.iter().take(1).map(shape).collect()),
        Value::Null => Value::Null,
        Value::Bool(_) => "bool".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
    }
}

/// The keys of a JSON text in the order in which they stand there, at any depth.
fn keys_in_order(text: &str) -> Vec<String> {
    let quoted: Vec<&str> = text.split('"').collect();
    let key = |pair: &[&str]| pair[1].trim_start().starts_with(':').then(|| pair[0].to_owned());
    quoted[1..].windows(2).step_by(2).filter_map(key).collect()
}

#[test]
fn every_recorded_answer_is_given_in_its_shape() {
    let fixtures = fixtures();
    let settings = BTreeMap::from(SETTINGS);
    assert_eq!(
        fixtures.keys().map(String::as_str).collect::<Vec<_>>(),
        settings.keys().copied().collect::<Vec<_>>(),
        "every fixture has its settings"
    );
    for (name, fixture) in &fixtures {
        let answer = answer(name, fixture, settings[name.as_str()]);
        let recorded = &fixture["response"];
        assert_eq!(Value::from(answer.status), recorded["status"], "{name}");
        assert_eq!(shape(&answer.json()), shape(&recorded["body"]), "{name}");
        for (header, value) in recorded["headers"].as_object().expect("headers are an object") {
            let given = answer.header(header);
            assert!(given.is_some(), "{name} has no header {header}");
            if header != "date" {
                assert_eq!(given, value.as_str(), "{name}: {header}");
            }
        }
        let retry = recorded["headers"].get("retry-after").is_some();
        assert_eq!(answer.header("retry-after").is_some(), retry, "{name}");
    }
}

#[test]
fn error_codes_and_messages_are_the_recorded_ones() {
    let settings = BTreeMap::from(SETTINGS);
    for (name, fixture) in fixtures() {
        let recorded = &fixture["response"]["body"]["error"];
        let Some(code) = recorded.get("code") else { continue };
        let given = &answer(&name, &fixture, settings[name.as_str()]).json()["error"];
        assert_eq!(&given["code"], code, "{name}");
        // The recorded 401 and the hourly 429 have their own reason and figures.
        if !["scan_401", "scan_429_window_only"].contains(&name.as_str()) {
            assert_eq!(given["message"], recorded["message"], "{name}");
        }
    }
}

#[test]
fn the_fields_of_an_action_stand_in_the_recorded_order() {
    let fixture = &fixtures()["scan_201_new"];
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/api/scan_201_new.json"
    ));
    let recorded = keys_in_order(&text.expect("the file can be read"));
    let from = recorded.iter().position(|key| key == "@odata.context").expect("it has a context");
    let given = answer("scan_201_new", fixture, "");
    let given = keys_in_order(&String::from_utf8(given.body).expect("JSON is UTF-8"));
    assert_eq!(given.len(), 21);
    assert_eq!(given, recorded[from..]);
}
