//! The emulated service as a value, on a time that the test makes up: what it answers, what it
//! counts, and that a seed gives the same answers.

use std::time::Duration;

use fleetsweep::emulator::{
    Answer, Class, Config, Fault, Limit, Moment, Operation, Request, Scenario, Throttled, World,
};
use serde_json::Value;

use crate::kit::program::over_limit;

pub(crate) fn at(ms: u64) -> Moment {
    Moment { mono: Duration::from_millis(ms), utc_ms: 1_795_531_159_000 + ms as i64 }
}

pub(crate) fn config(toml: &str) -> Config {
    let scenario = Scenario::from_toml(toml).expect("the scenario is good");
    Config { scenario, ..Config::default() }
}

/// A world with a token for it.
pub(crate) fn world(toml: &str) -> (World, String) {
    let mut world = World::new(config(toml)).expect("the settings are good");
    let token = world.issue_token(at(0), "tenant", "app");
    (world, token)
}

pub(crate) fn device(number: u32) -> String {
    format!("{number:040x}")
}

pub(crate) fn scan(world: &mut World, token: &str, ms: u64, number: u32) -> Answer {
    world.answer(at(ms), &Request::scan(&device(number), "[mark] why", "Quick").bearer(token))
}

pub(crate) fn get(world: &mut World, token: &str, ms: u64, target: &str) -> Answer {
    world.answer(at(ms), &Request::get(target).bearer(token))
}

pub(crate) fn ids(answer: &Answer) -> Vec<String> {
    let json = answer.json();
    let rows = json["value"].as_array().expect("a list has a value");
    rows.iter().map(|row| row["id"].as_str().expect("rows have ids").to_owned()).collect()
}

#[test]
fn a_new_action_goes_through_its_states_and_keeps_the_device_busy() {
    let (mut world, token) = world("");
    let first = scan(&mut world, &token, 0, 1).json();
    assert_eq!(
        (first["status"].as_str(), first["scope"].as_str()),
        (Some("Pending"), Some("Quick"))
    );
    assert_eq!(first["requestorComment"], "[mark] why");
    assert_eq!(first["requestor"], "app");
    assert_eq!(scan(&mut world, &token, 1000, 1).status, 400);
    let path = format!("/api/machineactions/{}", first["id"].as_str().expect("it has an id"));
    let mut seen: Vec<Value> = Vec::new();
    for ms in (0..200_000).step_by(1000) {
        let action = get(&mut world, &token, ms, &path).json();
        if seen.last().is_none_or(|last| last["status"] != action["status"]) {
            seen.push(action);
        }
    }
    let states: Vec<_> = seen.iter().filter_map(|action| action["status"].as_str()).collect();
    assert_eq!(states, ["Pending", "InProgress", "Succeeded"]);
    assert!(seen[1]["lastUpdateDateTimeUtc"].as_str() > seen[0]["lastUpdateDateTimeUtc"].as_str());
    assert_eq!(scan(&mut world, &token, 200_000, 1).status, 201);
    assert_eq!(world.ledger().accepted_twice.get(&device(1)), Some(&2));
}

#[test]
fn the_hundred_and_first_call_of_a_minute_is_refused_and_the_ledger_says_why() {
    let (mut world, token) = world("");
    let statuses: Vec<u16> = (0..100).map(|i| scan(&mut world, &token, 10, i).status).collect();
    assert!(statuses.iter().all(|status| *status == 201));
    let refused = scan(&mut world, &token, 10, 100);
    assert_eq!((refused.status, refused.header("Retry-After")), (429, Some("60")));
    assert_eq!(
        refused.json()["error"]["message"],
        "API calls quota exceeded! Maximum allowed 100 per 00:01:00 for the key \
         Destination+TenantID+AppID. You can send requests again in 60 seconds."
    );
    let reads = get(&mut world, &token, 10, "/api/machineactions?$top=1");
    assert_eq!(reads.status, 200, "reads have limits of their own");
    assert_eq!(scan(&mut world, &token, 60_009, 101).status, 429);
    assert_eq!(scan(&mut world, &token, 60_010, 102).status, 201, "half-open: the edge is free");
    let ledger = world.ledger();
    assert_eq!((ledger.throttled_by_excess, ledger.throttled_by_scenario), (2, 0));
    assert_eq!(ledger.sliding_max(Operation::Scan, 100), 102);
    assert_eq!(ledger.sliding_max(Operation::Scan, 1500), 103);
    assert_eq!(over_limit(&ledger).len(), 1);
    assert_eq!(ledger.entries[100].throttled, Some(Throttled::Excess));
}

#[test]
fn speed_shortens_windows_and_ages_but_not_stamps() {
    let mut config = config("");
    config.speed = 60.0;
    let mut world = World::new(config).expect("the settings are good");
    let token = world.issue_token(at(0), "tenant", "app");
    let action = scan(&mut world, &token, 0, 0).json();
    (1..100).for_each(|i| drop(scan(&mut world, &token, 0, i)));
    assert_eq!(scan(&mut world, &token, 999, 100).status, 429);
    assert_eq!(scan(&mut world, &token, 1000, 100).status, 201);
    let path = format!("/api/machineactions/{}", action["id"].as_str().expect("it has an id"));
    let later = get(&mut world, &token, 2000, &path).json();
    assert_eq!(later["status"], "Succeeded");
    let created = later["creationDateTimeUtc"].as_str().expect("a stamp");
    let updated = later["lastUpdateDateTimeUtc"].as_str().expect("a stamp");
    assert!(created.starts_with("2026-11-24T14:39:19.000000"), "{created}");
    assert!(created < updated && updated < "2026-11-24T14:39:21", "{updated}");
}

#[test]
fn fixed_windows_allow_a_burst_over_their_border_and_strangers_use_the_limit_up() {
    let (mut world, token) = world("[throttle]\nenforce = \"fixed\"");
    let all = (0..200).all(|i| {
        let ms = if i < 100 { 59_999 } else { 60_000 };
        scan(&mut world, &token, ms, i).status == 201
    });
    assert!(all);
    assert_eq!(world.ledger().sliding_max(Operation::Scan, 100), 200);

    let (mut world, token) = self::world("[throttle]\nothers_per_hour = 6000");
    assert_eq!(scan(&mut world, &token, 600_000, 1).status, 429, "100 a minute");
    let ledger = world.ledger();
    assert_eq!((ledger.throttled_by_excess, ledger.throttled_by_scenario), (0, 1));
    assert_eq!(ledger.sliding_max(Operation::Scan, 100), 1);
}

#[test]
fn every_way_of_telling_a_wait_is_played() {
    let cases = [
        ("seconds", Some("8"), "in 8 seconds"),
        ("date", Some("Tue, 24 Nov 2026 14:39:28 GMT"), "per 00:01:00"),
        ("message", None, "in 8 seconds"),
        ("none", None, "maximum allowed 100 per 00:01:00"),
        ("bare", None, ""),
    ];
    for (form, header, message) in cases {
        let toml =
            format!("[throttle]\nrandom_share = 1\nrandom_wait_s = 8\nretry_after = \"{form}\"");
        let (mut world, token) = world(&toml);
        let answer = scan(&mut world, &token, 0, 1);
        assert_eq!((answer.status, answer.header("retry-after")), (429, header), "{form}");
        let text = String::from_utf8(answer.body).expect("the body is text");
        assert!(text.contains(message), "{form}: {text}");
        assert_eq!(world.ledger().throttled_by_scenario, 1);
    }
}

#[test]
fn a_busy_device_is_told_in_each_form_and_its_action_can_be_looked_up() {
    let mut forms = std::collections::BTreeSet::new();
    let (mut world, token) = world("[devices]\nbusy_share = 1\nbusy_form = \"mixed\"");
    for i in 0..60 {
        let answer = scan(&mut world, &token, 0, i);
        let json = answer.json();
        forms.insert((
            answer.status,
            json["error"]["code"].as_str().unwrap_or_default().to_owned(),
            json["error"]["message"].as_str().unwrap_or_default().to_owned(),
        ));
    }
    let statuses: Vec<u16> = forms.iter().map(|(status, ..)| *status).collect();
    assert_eq!(statuses, [200, 201, 400, 400, 400]);
    assert_eq!(world.ledger().accepted, 0);
    let target = format!(
        "/api/machineactions?$filter=machineId eq '{}' and (status eq 'Pending' or status eq \
         'InProgress')&$orderby=creationDateTimeUtc desc&$top=1",
        device(3)
    );
    let found = get(&mut world, &token, 1, &target).json();
    assert_eq!(found["value"][0]["machineId"], device(3));
    assert_eq!(found["value"][0]["requestor"], "analyst@emulator.example");
}

#[test]
fn a_script_is_played_in_order_and_then_the_device_is_as_any_other() {
    let id = device(7);
    let (mut world, token) = world(&format!(
        "[[script]]\ndevice = \"{id}\"\nanswers = [\"500\", \"cut_after\", \
         \"busy\", \"404\", \"429:-1\", \"other_device\"]"
    ));
    let request = Request::scan(&id, "c", "Full").bearer(&token);
    let first = world.answer(at(0), &request);
    assert_eq!((first.status, first.body.len(), first.fault), (500, 0, Fault::None));
    let cut = world.answer(at(1), &request);
    assert_eq!(cut.fault, Fault::CutAfterProcessing);
    assert!(world.entries()[1].accepted && !world.entries()[1].answered);
    let busy = world.answer(at(2), &request);
    assert_eq!(busy.json()["error"]["code"], "ActiveRequestAlreadyExists");
    assert_eq!(world.entries()[2].action_id, world.entries()[1].action_id, "its own action");
    assert_eq!(world.answer(at(3), &request).status, 404);
    let throttled = world.answer(at(4), &request);
    assert_eq!((throttled.status, throttled.header("retry-after")), (429, Some("-1")));
    let other = world.answer(at(5), &request);
    assert_eq!(other.status, 201);
    assert_ne!(other.json()["machineId"], id.as_str());
    assert_eq!(world.answer(at(6), &request).status, 400, "its own action is still open");
    assert_eq!(world.ledger().accepted, 1);
}

#[test]
fn what_was_lost_before_processing_is_counted_and_has_no_effect() {
    let id = device(7);
    let (mut world, token) = world(&format!(
        "[[script]]\ndevice = \"{id}\"\nanswers = [\"cut_before\", \"timeout_before\", \"timeout\"]"
    ));
    let request = Request::scan(&id, "c", "Full").bearer(&token);
    (0..3).for_each(|ms| drop(world.answer(at(ms), &request)));
    let seen: Vec<_> =
        world.entries().iter().map(|e| (e.processed, e.accepted, e.answered, e.status)).collect();
    assert_eq!(
        seen,
        [(false, false, false, None), (false, false, false, None), (true, true, false, Some(201))]
    );
    assert_eq!(world.ledger().sliding_max(Operation::Scan, 100), 3);
}

#[test]
fn a_transient_404_happens_once_and_a_class_stays() {
    let (mut world, token) = world("[devices]\ntransient_not_found_share = 1");
    assert_eq!(scan(&mut world, &token, 0, 1).status, 404);
    assert_eq!(scan(&mut world, &token, 1, 1).status, 201);
    assert_eq!(world.class_of(&device(1)), Class::TransientNotFound);
    let bogus = Request::scan("elastic-connector-test", "c", "Quick").bearer(&token);
    assert_eq!(world.answer(at(2), &bogus).json()["error"]["code"], "ResourceNotFound");
}

#[test]
fn roles_decide_and_an_expired_or_unknown_token_is_a_401() {
    let (mut world, token) = world("[token]\nroles = [\"Machine.Scan\"]\nlifetime_s = 10");
    assert_eq!(scan(&mut world, &token, 0, 1).status, 201);
    let refused = get(&mut world, &token, 0, "/api/machineactions");
    assert_eq!(refused.status, 403);
    let message = refused.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.starts_with("Missing application roles."), "{message}");
    assert_eq!(scan(&mut world, &token, 9_999, 2).status, 201);
    assert_eq!(scan(&mut world, &token, 10_000, 3).status, 401);
    assert_eq!(scan(&mut world, "made.up.token", 10_001, 3).status, 401);
    assert_eq!(world.answer(at(10_002), &Request::scan(&device(3), "c", "Quick")).status, 401);
    let own =
        world.ledger().peaks.iter().find(|p| p.account == "tenant/app").map(|p| p.sliding_max);
    assert_eq!(own, Some(3), "a call with an expired token is its application's call");
}

#[test]
fn the_comment_comes_back_as_the_scenario_says() {
    let cases = [
        ("keep", Some("[mark] why")),
        ("drop", None),
        ("cut:4", Some("[mar")),
        ("strip_brackets", Some("mark why")),
    ];
    for (change, expected) in cases {
        let (mut world, token) = world(&format!("comment = \"{change}\""));
        let answer = scan(&mut world, &token, 0, 1).json();
        assert_eq!(answer["requestorComment"].as_str(), expected, "{change}");
        assert_eq!(world.entries()[0].comment.as_deref(), Some("[mark] why"), "as sent");
    }
}

#[test]
fn a_cancelled_action_frees_the_device_and_cannot_be_cancelled_again() {
    let (mut world, token) = world("[token]\nroles = [\"Machine.Scan\"]");
    let id = scan(&mut world, &token, 0, 1).json()["id"].as_str().expect("an id").to_owned();
    let cancel = Request::post(&format!("/api/machineactions/{id}/cancel"), r#"{"Comment":"no"}"#);
    let cancel = cancel.bearer(&token);
    let answer = world.answer(at(1000), &cancel).json();
    assert_eq!(
        (answer["status"].as_str(), answer["cancellationComment"].as_str()),
        (Some("Cancelled"), Some("no"))
    );
    assert_eq!(answer["cancellationRequestor"], answer["requestor"]);
    assert_eq!(answer["cancellationDateTimeUtc"], answer["lastUpdateDateTimeUtc"]);
    assert_eq!(world.answer(at(2000), &cancel).status, 400);
    let seen: Vec<_> = world.entries()[1..]
        .iter()
        .map(|entry| (entry.cancelled, entry.action_id.as_deref(), entry.comment.as_deref()))
        .collect();
    let of_it = (Some(id.as_str()), Some("no"));
    assert_eq!(seen, [(true, of_it.0, of_it.1), (false, of_it.0, of_it.1)]);
    assert_eq!(world.ledger().cancelled(), [id.as_str()].into());
    let unknown = Request::post("/api/machineactions/none/cancel", "").bearer(&token);
    assert_eq!(world.answer(at(2000), &unknown).status, 404);
    assert_eq!(scan(&mut world, &token, 3000, 1).status, 201);
}

#[test]
fn cancelling_needs_its_right_has_a_limit_of_its_own_and_can_be_refused() {
    let cancel = |world: &mut World, token: &str, ms: u64, id: &str| {
        let path = format!("/api/machineactions/{id}/cancel");
        let request = Request::post(&path, r#"{"Comment":"no"}"#).bearer(token);
        world.answer(at(ms), &request).status
    };
    let (mut world, token) = world("[actions]\ncancel_forbidden = true");
    let id = scan(&mut world, &token, 0, 1).json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(cancel(&mut world, &token, 1, &id), 403);
    let (mut world, token) = self::world("[actions]\ncancel_refused_share = 1");
    let id = scan(&mut world, &token, 0, 1).json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(cancel(&mut world, &token, 1, &id), 400);
    assert!(world.ledger().cancelled().is_empty());
    let (mut world, token) = self::world("");
    let ids: Vec<String> = (0..100)
        .map(|n| scan(&mut world, &token, 0, n).json()["id"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(scan(&mut world, &token, 0, 101).status, 429, "the limit for scans is used up");
    for id in &ids {
        assert_eq!(cancel(&mut world, &token, 1, id), 200, "cancelling has one of its own");
    }
    assert_eq!(cancel(&mut world, &token, 2, &ids[0]), 429);
    assert_eq!(world.ledger().sliding_max(Operation::Cancel, 100), 101);
    assert_eq!(world.ledger().cancelled().len(), 100);
}

#[test]
fn an_outage_hits_every_call_of_the_api_while_it_lasts() {
    let (mut world, token) = world("[outage]\nfrom_s = 20\nfor_s = 60");
    let statuses =
        [19_999, 20_000, 79_999, 80_000].map(|ms| scan(&mut world, &token, ms, 1).status);
    assert_eq!(statuses, [201, 503, 503, 201]);
}

#[test]
fn a_seed_gives_the_same_answers_in_whatever_order_the_calls_come() {
    let run = |seed: u64, order: &mut dyn Iterator<Item = u32>| {
        let mut config = Config { seed, ..Config::named("faults").expect("it has a name") };
        config.scenario.throttle.enforce = fleetsweep::emulator::Enforce::None;
        let mut world = World::new(config).expect("the settings are good");
        let token = world.issue_token(at(0), "tenant", "app");
        let mut answers: Vec<_> = order
            .map(|i| {
                let request = Request::scan(&device(i), "c", "Full").bearer(&token);
                let plan = world.plan(at(0), &request);
                let answer = world.arrive(at(0), &request, &plan);
                (i, plan.before, answer.after, answer.fault, answer.status, answer.body)
            })
            .collect();
        answers.sort_by_key(|(i, ..)| *i);
        answers
    };
    let forward = run(5, &mut (0..400));
    assert_eq!(forward, run(5, &mut (0..400).rev()));
    assert_ne!(forward, run(6, &mut (0..400)));
    let faults: std::collections::BTreeSet<u16> = forward.iter().map(|(.., s, _)| *s).collect();
    assert!([0, 201, 400, 404, 500].iter().all(|s| faults.contains(s)), "{faults:?}");
}

#[test]
fn a_scan_call_without_its_parameters_is_refused() {
    let (mut world, token) = world("");
    let path = format!("/api/machines/{}/runAntiVirusScan", device(1));
    let cases = [
        (r#"{"comment":"c","ScanType":"Full"}"#, "MissingRequiredParameter"),
        (r#"{"Comment":"c","scanType":"Full"}"#, "MissingRequiredParameter"),
        (r#"{"Comment":"","ScanType":"Full"}"#, "MissingRequiredParameter"),
        (r#"{"Comment":1,"ScanType":"Full"}"#, "InvalidRequestBody"),
        (r#"{"Comment":"c","ScanType":"full"}"#, "InvalidInput"),
        ("[]", "InvalidRequestBody"),
        ("", "InvalidRequestBody"),
    ];
    for (body, code) in cases {
        let answer = world.answer(at(0), &Request::post(&path, body).bearer(&token));
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (400, Some(code)));
    }
    assert_eq!(world.ledger().accepted, 0);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let speed = Config { speed: 0.0, ..Config::default() };
    assert!(World::new(speed).unwrap_err().to_string().contains("speed is 0"));
    let limits = vec![Limit { calls: 0, window: Duration::from_secs(1) }];
    let limits = Config { limits, ..Config::default() };
    assert!(World::new(limits).unwrap_err().to_string().contains("0 calls in 1s"));
    let unknown = Scenario::open("no-such-scenario").unwrap_err().to_string();
    assert!(unknown.contains("calm, quiet, faults"), "{unknown}");
}

/// Pieces of query options in any order, and anything else.
const QUERY: &str = concat!(
    r"(\$filter=|\$top=|\$skip=|\$orderby=|id|status|type|creationDateTimeUtc| eq | ge | and ",
    r"| or |\(|\)|'|,|in|null|&|2026-01-01T00:00:00Z|99999999999999999999|.){0,12}"
);

proptest::proptest! {
    #[test]
    fn no_request_whatever_makes_the_service_panic(
        path in r"/(api|v1\.0|machines|machineactions|cancel|runAntiVirusScan|%[0-9a-f]?|.|/){0,7}",
        query in QUERY,
        body in proptest::collection::vec(proptest::num::u8::ANY, 0..40),
        post: bool,
    ) {
        let (mut world, token) = world("");
        let target = format!("{path}?{query}");
        let request = if post { Request::post(&target, body) } else { Request::get(&target) };
        let answer = world.answer(at(0), &request.bearer(&token));
        proptest::prop_assert!(answer.status >= 200);
    }
}
