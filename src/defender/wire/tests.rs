//! A table of bodies and what each is read as, and what no body may do.

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::defender::shallow::TAGS;
use crate::domain::ErrorBody;

const DEVICE: &str = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07";

fn read(text: &str) -> Body {
    body(text.as_bytes())
}

fn action(text: &str) -> Action {
    match read(text) {
        Body::Action(action) => *action,
        other => panic!("{text} was read as {other:?}"),
    }
}

fn error(text: &str) -> (String, String, Option<String>) {
    match read(text) {
        Body::Error(ErrorBody { code, message, target }) => (code, message, target),
        other => panic!("{text} was read as {other:?}"),
    }
}

fn other(bytes: &[u8]) -> String {
    match body(bytes) {
        Body::Other(what) => what,
        wrong => panic!("{bytes:?} was read as {wrong:?}"),
    }
}

#[test]
fn a_whole_action_is_read_field_by_field() {
    let text = format!(
        r#"{{"@odata.context":"https://x/$metadata","id":"947a677a","type":"RunAntiVirusScan",
        "title":null,"requestor":"cbceb30b","requestorComment":"[fleetsweep c/7] alert",
        "status":"Pending","machineId":"{}","computerDnsName":null,"scope":"Full",
        "creationDateTimeUtc":"2026-11-24T14:39:19.6103056Z","commands":[],
        "cancellationComment":"not needed",
        "brandNew":{{"a":[1]}}}}"#,
        DEVICE.to_uppercase()
    );
    let expected = Action {
        id: "947a677a".into(),
        device: DEVICE.parse().ok(),
        odd_device: None,
        kind: Some("RunAntiVirusScan".into()),
        scope: Some("Full".into()),
        status: Some("Pending".into()),
        requestor: Some("cbceb30b".into()),
        comment: Some("[fleetsweep c/7] alert".into()),
        cancel_comment: Some("not needed".into()),
        created: "2026-11-24T14:39:19.6103056Z".parse().ok(),
    };
    assert_eq!(action(&text), expected);
    assert_eq!(action(&format!("\u{feff}{text}")), expected, "a byte order mark changes nothing");
}

#[test]
fn missing_null_and_wrongly_typed_fields_are_missing() {
    let bare = Action { id: "a".into(), ..Action::default() };
    for text in [
        r#"{"id":"a"}"#,
        r#"{"id":"a","machineId":null,"type":null,"scope":null,"status":null,"error":"None"}"#,
        r#"{"id":"a","machineId":"","type":[],"scope":{},"status":true,"requestor":false}"#,
        r#"{"id":" a ","creationDateTimeUtc":"yesterday","requestorComment":["x"]}"#,
        r#"{"id":"a","creationDateTimeUtc":"0001-01-01T00:00:00Z"}"#,
        r#"{"id":"a","creationDateTimeUtc":"2026-11-24"}"#,
        r#"{"id":"a","id":"a"}"#,
    ] {
        assert_eq!(action(text), bare, "{text}");
    }
    // Nobody can say which of the two the server means.
    assert!(other(br#"{"id":"b","id":"a"}"#).starts_with("JSON that contradicts itself"));
    let numbers = action(r#"{"id":7,"requestor":12,"scope":1.5}"#);
    assert_eq!((numbers.id.as_str(), numbers.requestor.as_deref()), ("7", Some("12")));
}

#[test]
fn a_machine_id_of_another_form_is_kept_as_odd() {
    let odd = action(r#"{"id":"a","machineId":"82f42fca-e931-4f03-b54c-47af94bd394d"}"#);
    assert_eq!(odd.device, None);
    assert_eq!(odd.odd_device.as_deref(), Some("82f42fca-e931-4f03-b54c-47af94bd394d"));
}

#[test]
fn times_are_read_with_any_fraction_and_with_or_without_zone() {
    let time =
        |text: &str| action(&format!(r#"{{"id":"a","creationDateTimeUtc":"{text}"}}"#)).created;
    let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    for (text, expected) in [
        ("2026-11-24T14:39:19Z", "2026-11-24T14:39:19Z"),
        ("2026-11-24T14:39:19.6Z", "2026-11-24T14:39:19.6Z"),
        ("2026-11-24T14:39:19.610309Z", "2026-11-24T14:39:19.610309Z"),
        ("2026-11-24T14:39:19.123456789Z", "2026-11-24T14:39:19.123456789Z"),
        ("2026-11-24T14:39:19.6103056", "2026-11-24T14:39:19.6103056Z"),
        ("2026-11-24T14:39:19", "2026-11-24T14:39:19Z"),
        ("2026-11-24T15:39:19+01:00", "2026-11-24T14:39:19Z"),
        ("2026-11-24T14:39:19.61+00:00", "2026-11-24T14:39:19.61Z"),
        ("2026-11-24t14:39:19z", "2026-11-24T14:39:19Z"),
    ] {
        assert_eq!(time(text), at(expected), "{text}");
    }
    for text in ["", "T", "2026-13-01T00:00:00Z", "14:39:19", "1795521600"] {
        assert_eq!(time(text), None, "{text}");
    }
}

#[test]
fn both_forms_of_errors_are_read() {
    let text = |s: &str| s.to_owned();
    assert_eq!(
        error(r#"{"error":{"code":"ResourceNotFound","message":"no 1","target":"43f4"}}"#),
        (text("ResourceNotFound"), text("no 1"), Some(text("43f4")))
    );
    assert_eq!(
        error(r#"{"error":{"code":429,"message":null,"target":""}}"#),
        (text("429"), text(""), None)
    );
    assert_eq!(error(r#"{"error":{},"id":"a"}"#), (text(""), text(""), None));
    assert_eq!(
        error(r#"{"statusCode":404,"message":"Resource not found"}"#),
        (text(""), text("Resource not found"), None)
    );
}

#[test]
fn what_is_neither_says_what_it_is() {
    assert_eq!(other(b""), EMPTY_BODY);
    assert_eq!(other(b" \r\n"), EMPTY_BODY);
    assert_eq!(other(b"\xef\xbb\xbf"), EMPTY_BODY);
    assert_eq!(
        other(b"<html>\n<title>Sign in</title>"),
        "an HTML page: a proxy answers in the API's place; it says: Sign in"
    );
    assert_eq!(other(b"Bad Gateway"), "text that is not JSON: Bad Gateway");
    for text in [
        "[]",
        "7",
        "null",
        "\"text\"",
        "{}",
        r#"{"id":""}"#,
        r#"{"id":null}"#,
        r#"{"value":[]}"#,
        r#"{"error":"invalid_client"}"#,
        r#"{"statusCode":404}"#,
        r#"{"message":"x"}"#,
    ] {
        assert_eq!(other(text.as_bytes()), format!("JSON of another shape: {text}"));
    }
    assert_eq!(other("[".repeat(100_000).as_bytes()), "JSON that is nested too deeply");
    assert_eq!(other(r#"{"a":"#.repeat(100_000).as_bytes()), "JSON that is nested too deeply");
    assert!(other(br#"{"id":"a""#).starts_with("text that is not JSON"), "a cut body is no action");
    assert!(other(br#"{"id":"a"} trailing"#).starts_with("text that is not JSON"));
    assert!(other(b"\xff\xfe{\x00}\x00").starts_with("text that is not JSON"), "UTF-16");
    assert!(other(b"\x1b[2J\xe2\x80\xae").contains("\\u{1b}[2J\\u{202e}"), "escapes are harmless");
    let long = other("é".repeat(10_000).as_bytes());
    assert!(long.chars().count() < 250 && long.ends_with('…'), "{long}");
}

#[test]
fn long_fields_are_cut() {
    let comment = "x".repeat(100_000);
    let action = action(&format!(r#"{{"id":"a","requestorComment":"{comment}"}}"#));
    assert_eq!(action.comment.map(|kept| kept.len()), Some(FIELD_MAX));
}

#[test]
fn a_page_is_read_with_its_next_link() {
    let page = page(
        br#"{"@odata.context":"x","@odata.count":9,"value":[{"id":"a"},null,7,
            {"requestorComment":"c"}],
            "@odata.nextLink":"https://x/y?$skip=1"}"#,
    )
    .unwrap();
    assert_eq!(page.next.as_deref(), Some("https://x/y?$skip=1"));
    let seen: Vec<_> = page.items.iter().map(|a| (a.id.as_str(), a.comment.as_deref())).collect();
    assert_eq!(seen, [("a", None), ("", Some("c"))]);
}

#[test]
fn a_list_that_may_be_cut_short_is_no_page() {
    let refused = |text: &str| page(text.as_bytes()).unwrap_err();
    assert_eq!(refused(""), EMPTY_BODY);
    assert!(refused(r#"{"value":[{"id":"a"}"#).starts_with("text that is not JSON"));
    assert!(refused(r#"{"value":{}}"#).starts_with("JSON of another shape"));
    assert!(refused(r#"{"value":null}"#).starts_with("JSON of another shape"));
    assert!(refused("[]").starts_with("JSON of another shape"));
    assert!(refused(r#"{"error":{"code":"x"}}"#).starts_with("JSON of another shape"));
    assert!(refused("<html>").starts_with("an HTML page"));
    assert!(refused(r#"{"value":[],"@odata.nextLink":7}"#).contains("next link"));
    let deep = |end: &str| format!(r#"{{"value":[{}{end}"#, "[".repeat(99_999));
    assert!(refused(&deep("")).starts_with("text that is not JSON"));
    // What is no action is read past, however deep it is.
    let closed = deep(&format!("{}}}", "]".repeat(100_000)));
    assert_eq!(page(closed.as_bytes()), Ok(Page { items: Vec::new(), listed: 1, next: None }));
    let last_wins = br#"{"value":7,"value":[]}"#;
    assert!(page(last_wins).is_err(), "a first value of the wrong type is not skipped");
    assert_eq!(
        page(br#"{"value":[{"id":"a"}],"value":[],"@odata.nextLink":null}"#),
        Ok(Page { items: Vec::new(), listed: 0, next: None })
    );
}

#[test]
fn an_item_that_contradicts_itself_spoils_its_page() {
    let list = |item: &str| format!(r#"{{"value":[{{"id":"a"}},{item}]}}"#);
    let why = page(list(r#"{"id":"b","id":"c"}"#).as_bytes()).unwrap_err();
    assert!(why.starts_with("JSON that contradicts itself"), "{why}");
    let other = "2".repeat(40);
    let why = machine_page(list(&format!(r#"{{"id":"{DEVICE}","id":"{other}"}}"#)).as_bytes());
    assert!(why.unwrap_err().starts_with("JSON that contradicts itself"));
    let same = list(&format!(r#"{{"id":"{DEVICE}","id":"{DEVICE}","x":1,"x":2}}"#));
    assert_eq!(machine_page(same.as_bytes()).unwrap().items.len(), 1);
}

#[test]
fn a_page_of_machines_is_held_to_the_same_bounds() {
    let refused = |text: &str| machine_page(text.as_bytes()).unwrap_err();
    let most = "7,".repeat(ITEMS_MAX);
    let full = format!(r#"{{"value":[{}]}}"#, most.trim_end_matches(','));
    assert_eq!(machine_page(full.as_bytes()).unwrap().listed, ITEMS_MAX);
    assert!(refused(&format!(r#"{{"value":[{most}7]}}"#)).starts_with("JSON of another shape"));
    let link = |length| format!(r#"{{"value":[],"@odata.nextLink":"{}"}}"#, "x".repeat(length));
    assert!(machine_page(link(LINK_MAX).as_bytes()).is_ok());
    assert!(refused(&link(LINK_MAX + 1)).contains("next link"));
    // What is no machine is read past, however deep it is.
    let deep = format!(r#"{{"value":[{}{}]}}"#, "[".repeat(99_999), "]".repeat(99_999));
    assert_eq!(machine_page(deep.as_bytes()).unwrap().listed, 1);
    let tags = r#"["t"],"#.repeat(50) + &r#""t","#.repeat(200) + r#""t""#;
    let long = "x".repeat(100_000);
    let one = format!(
        r#"{{"value":[{{"id":"{DEVICE}","machineTags":[{tags}],"computerDnsName":"{long}"}}]}}"#
    );
    let machine = machine_page(one.as_bytes()).unwrap().items.remove(0);
    assert_eq!(machine.tags.len(), TAGS - 50, "only the first elements are looked at");
    assert_eq!(machine.name.map(|kept| kept.len()), Some(FIELD_MAX));
}

/// Every field that `machine_of` reads must be among those that are kept.
#[test]
fn a_whole_machine_is_read_field_by_field() {
    let text = format!(
        r#"{{"value":[{{"id":"{DEVICE}","computerDnsName":"pc1","osPlatform":"Windows11",
        "version":"23H2","osBuild":22631,"agentVersion":"10.8","onboardingStatus":"Onboarded",
        "healthStatus":"Active","lastSeen":"2026-11-24T14:39:19Z","rbacGroupName":"g",
        "deviceValue":"High","mergedIntoMachineId":"m","isExcluded":true,"riskScore":"Low",
        "exposureLevel":"Medium","machineTags":["a","b"],"ipAddresses":[{{"id":1}}]}}]}}"#
    );
    let machine = machine_page(text.as_bytes()).unwrap().items.remove(0);
    let facts = crate::domain::Facts {
        platform: Some("Windows11".into()),
        version: Some("23H2".into()),
        build: Some(22631),
        client: Some("10.8".into()),
        onboarding: Some("Onboarded".into()),
        health: Some("Active".into()),
        last_seen: "2026-11-24T14:39:19Z".parse().ok(),
        group: Some("g".into()),
        value: Some("High".into()),
        merged_into: Some("m".into()),
        exclusion: Some("true".to_owned()),
        ..crate::domain::Facts::default()
    };
    assert_eq!(machine.id.to_string(), DEVICE);
    assert_eq!((machine.name.as_deref(), machine.facts), (Some("pc1"), facts));
    assert_eq!(machine.tags, ["a", "b"]);
    assert_eq!(
        (machine.risk.as_deref(), machine.exposure.as_deref()),
        (Some("Low"), Some("Medium"))
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        body(&bytes);
        drop(page(&bytes));
        drop(machine_page(&bytes));
    }

    #[test]
    fn no_value_of_a_field_makes_it_panic(field in 0usize..6, text in "\\PC{0,40}") {
        const NAMES: [&str; 6] =
            ["id", "machineId", "creationDateTimeUtc", "requestorComment", "scope", "error"];
        let name = NAMES[field];
        let mut fields = Map::new();
        fields.insert("id".into(), "a".into());
        fields.insert(name.into(), text.into());
        body(Value::Object(fields).to_string().as_bytes());
    }
}
