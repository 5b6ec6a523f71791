//! The corpus of the fuzz targets, replayed through the same functions: what fuzzing once reached
//! is reached by every test run. It finds nothing new; the targets in `tests/fuzz` do.

use std::path::Path;

use fleetsweep::domain::{Action, ScanType};

use super::cases::action;
use super::entries;

/// The function of a target, given one input.
type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 4] = [
    ("api_body", entries::api_body),
    ("configuration", entries::configuration),
    ("intake", entries::intake),
    ("retry_after", entries::retry_after_is_sound),
];

#[test]
fn every_input_of_the_fuzz_corpus_keeps_the_promises_of_its_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for (name, target) in TARGETS {
        let mut inputs: Vec<_> = std::fs::read_dir(folder.join(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        inputs.sort();
        assert!((20..=80).contains(&inputs.len()), "{name} has {} inputs", inputs.len());
        for input in inputs {
            let bytes = std::fs::read(&input).unwrap();
            assert!(bytes.len() <= 16 * 1024, "{} is large", input.display());
            let kept = std::panic::catch_unwind(|| target(&bytes));
            assert!(kept.is_ok(), "{} breaks a promise", input.display());
        }
    }
}

#[test]
fn a_target_notices_an_answer_that_is_wrongly_called_ours() {
    let foreign = action(&[
        ("requestorComment", "\"Weekly scan\""),
        ("creationDateTimeUtc", "\"2026-11-24T08:00:00Z\""),
    ]);
    let wrong = Action { id: "a-1".into(), ..Action::default() };
    let judged = |body: &str, scan_type| {
        let body = body.to_owned();
        let wrong = wrong.clone();
        std::panic::catch_unwind(move || {
            entries::is_ours(&wrong, 201, body.as_bytes(), scan_type);
        })
    };
    assert!(judged(&foreign, ScanType::Full).is_err(), "a foreign comment");
    assert!(judged(&action(&[]), ScanType::Quick).is_err(), "another scope");
    let other = action(&[("machineId", "\"82f42fca\"")]);
    assert!(judged(&other, ScanType::Full).is_err(), "another device");
    assert!(judged(&action(&[]), ScanType::Full).is_ok());
}
