//! What the program shows: whatever stands in a list, a comment or an answer, it steers no
//! terminal, forges no line and becomes no formula. Reports have their own properties beside their
//! formats; here are all other words, the logs, and one run of the real binary with hostile text
//! everywhere.

mod logs;
mod runs;

use std::path::PathBuf;

use fleetsweep::defender::Origin;
use fleetsweep::domain::event::Note;
use fleetsweep::domain::text::printable;
use fleetsweep::domain::{CampaignName, Ending, Exit, Outcome, Stop};
use fleetsweep::intake;
use fleetsweep::ops::failure::Failure;
use fleetsweep::report::plan::Plan;
use fleetsweep::report::progress::text;
use fleetsweep::report::summary::Summary;
use fleetsweep::report::totals::Group;
use fleetsweep::report::{Document, check_writable};
use proptest::prelude::*;

use crate::report::file::nasty;
use crate::report::plan::plan;
use crate::report::summary::{mixed, stopped};

/// Text that forges, steers and runs.
pub(crate) const HOSTILE: &str = "=cmd|' /C calc'!A0\t\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\r\n\
    error: forged\n2026-11-24T12:00:00Z ERROR forged\u{0}\u{8}\u{85}\u{2028}\u{202e}gnp.exe";

/// What is wrong with a text that is shown, if anything is.
fn steers(shown: &str) -> Option<String> {
    let raw = shown.lines().find(|line| printable(line) != *line);
    raw.map(|line| format!("{line:?}")).or_else(|| shown.contains('\r').then(|| "CR".to_owned()))
}

/// Lines that begin without a space, as every line of ours does that is no continuation.
fn heads(text: &str) -> usize {
    text.lines().filter(|line| !line.starts_with(' ')).count()
}

/// What the lines that begin without a space begin with.
fn first_words(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with(' ')).map(first_word).collect()
}

fn first_word(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

/// The first line of a plan that is none of its own. One that would not fit a screen leaves lines
/// out, and says how to see them; which those are depends on how many lines its texts take.
fn forged_in_a_plan(shown: &str) -> Option<String> {
    let plain = plan_with("x").details();
    let mut ours = [first_words(&plain), vec!["With"]].concat();
    let mut heads = shown.lines().filter(|line| !line.starts_with(' '));
    let forged = heads.find(|line| match ours.iter().position(|word| *word == first_word(line)) {
        Some(at) => {
            ours.remove(at);
            false
        }
        None => true,
    });
    forged.map(str::to_owned)
}

/// One line of JSON that steers nothing.
fn is_one_safe_line(json: &str) -> bool {
    steers(json).is_none() && json.lines().count() == 1
}

fn plan_with(text: &str) -> Plan {
    let mut plan = plan();
    let target = &mut plan.target;
    for field in [&mut target.tenant, &mut target.cloud, &mut target.api_origin] {
        *field = text.to_owned();
    }
    plan.target.application = text.to_owned();
    (plan.comment, plan.store) = (text.to_owned(), text.to_owned());
    (plan.first_bad, plan.warnings) = (vec![text.to_owned(); 3], vec![text.to_owned()]);
    plan
}

fn summary_with(text: &str, stop: Option<fn(String) -> Stop>) -> Summary {
    let mut summary = stop.map_or_else(mixed, |stop| stopped(stop(text.to_owned())));
    summary.head.tenant = text.to_owned();
    summary.reports = vec![PathBuf::from(text)];
    summary.actions = vec![(text.to_owned(), 7)];
    let some = Some(text.to_owned());
    let kinds = [(some.clone(), some.clone()), (some.clone(), None), (None, some)];
    summary.groups = kinds
        .into_iter()
        .map(|(code, message)| Group {
            outcome: Outcome::Rejected,
            code,
            rows: 3,
            message,
            differ: false,
        })
        .collect();
    summary
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_in_a_plan_steers_nothing_and_forges_no_line(text in nasty()) {
        let plan = plan_with(&text);
        prop_assert_eq!(steers(&plan.text()), None);
        prop_assert_eq!(forged_in_a_plan(&plan.text()), None);
        prop_assert_eq!(steers(&plan.details()), None);
        prop_assert_eq!(heads(&plan.details()), heads(&plan_with("x").details()));
        prop_assert!(is_one_safe_line(&plan.json()), "{}", plan.json());
        let json: serde_json::Value = serde_json::from_str(&plan.json()).unwrap();
        prop_assert_eq!(json["comment"].as_str(), Some(text.as_str()));
    }

    #[test]
    fn any_text_in_a_summary_steers_nothing_and_forges_no_line(text in nasty()) {
        let stops: [fn(String) -> Stop; 6] = [
            Stop::SignIn, Stop::Safety, Stop::Refused, Stop::Unreachable, Stop::NeverReached,
            Stop::ListUnreadable,
        ];
        for stop in stops.into_iter().map(Some).chain([None]) {
            let (summary, plain) = (summary_with(&text, stop), summary_with("x", stop));
            prop_assert_eq!(steers(&summary.text()), None);
            prop_assert_eq!(heads(&summary.text()), heads(&plain.text()));
            prop_assert!(is_one_safe_line(&summary.json()), "{}", summary.json());
            if let Ending::Stopped(_) = summary.ending {
                let json: serde_json::Value = serde_json::from_str(&summary.json()).unwrap();
                prop_assert_eq!(json["stop"]["why"].as_str(), Some(text.as_str()));
            }
        }
    }

    #[test]
    fn any_text_in_a_note_or_a_failure_steers_nothing_and_forges_no_line(text in nasty()) {
        let now = "2026-11-24T22:00[Europe/Berlin]".parse().unwrap();
        for note in [Note::Waiting(text.clone()), Note::ListFailed(text.clone())] {
            let shown = text::note(&note, &now);
            prop_assert_eq!(steers(&shown), None);
            prop_assert_eq!(shown.lines().count(), 1);
        }
        let failure = Failure::new(Exit::Failed, text.clone(), text.clone(), text.clone());
        let shown = failure.to_string();
        prop_assert_eq!(steers(&shown), None);
        let ours = ["error: ", "  why: ", " next: ", "       "];
        let forged = shown.lines().find(|line| !ours.iter().any(|head| line.starts_with(head)));
        prop_assert_eq!(forged, None);
        prop_assert_eq!(heads(&shown), 1);
        let json = failure.json();
        prop_assert!(is_one_safe_line(&json), "{}", json);
    }

    #[test]
    fn any_text_in_the_place_of_a_value_is_repeated_safely(text in nasty()) {
        let name: CampaignName = "night-1".parse().unwrap();
        let told = [
            intake::open(text.as_ref()).err().map(|error| error.to_string()),
            check_writable(format!("gone/{text}.csv").as_ref(), &name, false)
                .err().map(|error| error.to_string()),
            Origin::parse(&text).err().map(|error| error.to_string()),
            text.parse::<CampaignName>().err().map(|error| error.to_string()),
        ];
        for told in told.into_iter().flatten() {
            prop_assert_eq!(steers(&told), None);
            prop_assert_eq!(told.lines().count(), 1);
        }
    }
}

#[test]
fn a_plan_of_every_length_has_lines_of_ours_alone_and_a_forged_one_is_found() {
    for words in [1, 40, 80, 200, 800] {
        let plan = plan_with(&"a word ".repeat(words));
        assert_eq!(forged_in_a_plan(&plan.text()), None, "{words} words");
        for forged in ["error: forged", "Warning: forged", "This is forged"] {
            let shown = format!("{}\n{forged}", plan.text());
            assert_eq!(forged_in_a_plan(&shown).as_deref(), Some(forged), "{words} words");
        }
    }
}

#[test]
fn the_check_finds_each_kind_of_hostile_text_that_is_shown_as_it_came() {
    for character in HOSTILE.chars().filter(|c| printable(&c.to_string()) != c.to_string()) {
        let shown = format!("  comment      a{character}b");
        let forged = heads(&shown) + shown.lines().count() > 1;
        assert!(steers(&shown).is_some() || forged, "{character:?}");
    }
    assert!(!is_one_safe_line(&format!("{{\"why\":\"{}\"}}", '\u{9b}')));
}
