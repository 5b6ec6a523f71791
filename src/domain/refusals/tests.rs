//! The table of refusals: which code is about what, and when a run stops for how many of them.

use super::*;
use crate::domain::refusal::Refusal;
use crate::domain::reply::Answer;

fn refusal(status: u16, code: &str, message: &str) -> Refusal {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Refusal { status, code: some(code), message: some(message), target: None }
}

fn answer(status: u16, body: Body) -> Reply {
    Reply::Answer(Answer { status, date: None, retry_after: None, body })
}

fn of(status: u16, code: &str) -> Refused {
    let refusal = refusal(status, code, "its words");
    let verdict = match status {
        404 => Verdict::NotFound(refusal),
        403 if means_the_right(refusal.code.as_deref()) => Verdict::Forbidden(refusal),
        _ => Verdict::Rejected(refusal),
    };
    refused(&answer(status, Body::Error(Default::default())), &verdict).unwrap()
}

fn page() -> Refused {
    let why = "HTTP 403 with an HTML page".to_owned();
    let verdict = Verdict::Doubtful { why, status: Some(403) };
    refused(&answer(403, Body::Other("an HTML page".to_owned())), &verdict).unwrap()
}

#[test]
fn a_403_can_mean_the_right_only_if_no_code_names_another_reason() {
    for code in ["", "Forbidden", "forbidden", " FORBIDDEN ", "Unauthorized", "403"] {
        assert_eq!(of(403, code).about, About::Right, "{code:?}");
    }
    for code in ["DisallowedOperation", "disabledfeature", "DISALLOWEDOPERATION "] {
        assert_eq!(of(403, code).about, About::Device, "{code:?}");
    }
    assert_eq!(of(403, "ConditionalAccess").about, About::Open);
}

#[test]
fn each_status_and_code_is_about_what_the_table_says() {
    assert_eq!(of(400, "OsPlatformNotSupported").about, About::Device);
    assert_eq!(of(400, "clientVersionNotSupported").about, About::Device);
    assert_eq!(of(404, "ResourceNotFound").about, About::Missing);
    for (status, code) in [
        (400, "InvalidRequestBody"),
        (400, ""),
        (404, ""),
        (405, ""),
        (409, "Conflict"),
        (410, "Gone"),
        (415, "UnsupportedMediaType"),
        (422, "X"),
        (410, "DisabledFeature"),
    ] {
        assert_eq!(of(status, code).about, About::Open, "{status} {code}");
    }
    assert_eq!(page().about, About::Page);
}

#[test]
fn faults_lost_answers_and_actions_are_no_refusals() {
    let doubt = |status| Verdict::Doubtful { why: "why".to_owned(), status };
    let other = |status| answer(status, Body::Other("text".to_owned()));
    assert_eq!(refused(&other(503), &doubt(Some(503))), None);
    assert_eq!(refused(&other(408), &doubt(Some(408))), None);
    assert_eq!(refused(&Reply::NoAnswer { why: String::new() }, &doubt(None)), None);
    let action = answer(201, Body::Action(Box::default()));
    assert_eq!(refused(&action, &doubt(Some(201))), None, "the list can tell whose it is");
    assert!(refused(&other(200), &doubt(Some(200))).is_some(), "a page that says 200");
}

/// The stop after so many of these, with another answer before them or not.
fn stop(kind: &Refused, some: u64, known: &[&Refused], fine: bool) -> Option<Stop> {
    let mut answers = Answers::after(known.iter().map(|one| one.kind.clone()).collect());
    if fine {
        answers.fine();
    }
    (0..some).for_each(|_| answers.refused(kind));
    answers.verdict()
}

/// Refusals, and the exit code of a run whose first twenty answers are all that.
fn table() -> Vec<(Refused, Option<u8>)> {
    vec![
        (of(400, "InvalidRequestBody"), Some(4)),
        (of(409, "Conflict"), Some(4)),
        (of(410, ""), Some(4)),
        (of(422, "x"), Some(4)),
        (of(403, "ConditionalAccess"), Some(4)),
        (of(403, "Forbidden"), Some(7)),
        (of(404, "ResourceNotFound"), Some(4)),
        (of(404, ""), Some(4)),
        (page(), Some(4)),
        (of(403, "DisallowedOperation"), None),
        (of(403, "DisabledFeature"), None),
        (of(400, "OsPlatformNotSupported"), None),
    ]
}

#[test]
fn a_rule_that_goes_by_the_status_alone_is_caught_by_the_table() {
    // The control: it takes every 403 for a missing right, and counts only 403 and 404.
    let by_status = |status: u16| match status {
        403 => Some(7),
        404 => Some(4),
        _ => None,
    };
    let wrong = table().into_iter().filter(|(kind, code)| by_status(kind.kind.0) != *code).count();
    assert!(wrong >= 7, "{wrong}");
}

#[test]
fn the_first_twenty_that_are_alike_stop_a_run_unless_they_are_about_their_devices() {
    let exit = |stop: Option<Stop>| {
        stop.map(|stop| crate::domain::Ending::Stopped(stop).exit(false).code())
    };
    for (kind, code) in table() {
        assert_eq!(stop(&kind, 19, &[], false), None, "{kind:?}");
        assert_eq!(exit(stop(&kind, 20, &[], false)), code, "{kind:?}");
        if kind.kind.0 != 404 {
            assert_eq!(stop(&kind, 199, &[], true), None, "one other answer first: {kind:?}");
        }
        let row = Some(code.unwrap_or(4));
        assert_eq!(exit(stop(&kind, 200, &[], true)), row, "200 in a row: {kind:?}");
    }
}

#[test]
fn a_refusal_that_somebody_read_and_went_on_with_stops_only_after_two_hundred() {
    let known = of(400, "InvalidRequestBody");
    assert_eq!(stop(&known, 199, &[&known], false), None);
    assert!(stop(&known, 200, &[&known], false).is_some());
    let other_case = of(400, "INVALIDREQUESTBODY");
    assert_eq!(stop(&other_case, 20, &[&known], false), None);
    assert!(stop(&of(400, "BadRequest"), 20, &[&known], false).is_some());
    // A missing right and a list of another tenant are no matter of having read it.
    for kind in [of(403, "Forbidden"), of(404, "ResourceNotFound"), page()] {
        assert!(stop(&kind, 20, &[&kind], false).is_some(), "{kind:?}");
    }
}

#[test]
fn different_refusals_are_no_row() {
    let mut answers = Answers::default();
    for n in 0..1_000 {
        answers.refused(&of(400, if n % 199 == 0 { "One" } else { "Other" }));
        assert_eq!(answers.verdict(), None, "after {n}");
    }
    // The message and the case of the code make no difference.
    let mut answers = Answers::default();
    for n in 0..20 {
        answers.refused(&Refused {
            words: format!("device {n}"),
            ..of(400, if n % 2 == 0 { "badrequest" } else { "BadRequest" })
        });
    }
    assert!(answers.verdict().is_some());
}

#[test]
fn more_than_a_fifth_of_fifty_that_are_missing_stop() {
    let stop = |missing: u64, fine: u64| {
        let mut answers = Answers::default();
        (0..missing).for_each(|_| answers.refused(&of(404, "ResourceNotFound")));
        (0..fine).for_each(|_| answers.fine());
        answers.verdict()
    };
    assert_eq!(stop(10, 40), None);
    assert!(matches!(stop(11, 39), Some(Stop::Safety(_))));
}

#[test]
fn a_stop_holds_the_servers_words_safe_and_short() {
    let nasty = refusal(403, "Odd\u{1b}[2J", &format!("\u{202e}no\n{}", "x".repeat(9_000)));
    let words = nasty.words();
    assert!(words.starts_with("HTTP 403 Odd\\u{1b}[2J: \\u{202e}no\\u{a}xxx"), "{words}");
    assert!(words.chars().count() < 500 && !words.contains('\u{1b}'), "{words}");
    assert_eq!(refusal(403, "", "").words(), "HTTP 403 without a reason");
    let text = |kind: &Refused| match stop(kind, 20, &[], false) {
        Some(Stop::Refused(why) | Stop::SignIn(why) | Stop::Safety(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        text(&of(400, "InvalidRequestBody")),
        "all of the first 20 answers are the same refusal: HTTP 400 InvalidRequestBody: its words"
    );
    assert!(text(&of(403, "Forbidden")).contains("words: HTTP 403 Forbidden: its words. This"));
    assert!(text(&of(404, "ResourceNotFound")).contains("HTTP 404 ResourceNotFound: its words"));
    assert!(text(&of(410, "")).ends_with("or it is not there any more"));
}

#[test]
fn a_refusal_of_devices_that_somebody_has_seen_stops_no_second_run() {
    let old = of(400, "OsPlatformNotSupported");
    let stops = |mut answers: Answers| {
        (0..3 * IN_A_ROW).any(|_| {
            answers.refused(&old);
            answers.verdict().is_some()
        })
    };
    assert!(stops(Answers::default()));
    assert!(!stops(Answers::after([old.kind.clone()].into())));
}

#[test]
fn a_limit_is_believed_in_the_words_of_the_api_alone() {
    let words = "API calls quota exceeded! maximum allowed 5 per 24:00:00";
    let named = |code: &str| {
        let refusal = refusal(429, code, words);
        Verdict::Throttled { wait: None, refusal }.named_limit()
    };
    assert!(named("TooManyRequests").is_some());
    assert!(named("").is_none(), "a page of something in between");
}
