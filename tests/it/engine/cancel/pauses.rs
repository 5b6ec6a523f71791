//! What people are told of a 429 while scans are cancelled, and what is kept of it.

use super::*;

#[tokio::test(start_paused = true)]
async fn each_pause_is_told_once_with_or_without_a_time_and_the_gate_keeps_it() {
    for wait in [Some(SECOND * 40), None] {
        // A volley of refusals, and one more after the pause.
        let rule = move |(call, _)| match call {
            5..9 | 30 => Act::Throttle(wait),
            _ => Act::Serve,
        };
        let mut world = ordered(Script { cancel: Box::new(rule), ..Script::default() }, 40).await;
        world.settings.pace = None;
        let survey = world.survey().await.unwrap();
        let (done, told) = world.cancel_telling(survey.pending).await;
        assert_eq!((done.cancelled, done.throttled), (40, 5));
        let pauses = told.iter().filter(|note| matches!(note, Note::Paused(Operation::Cancel, _)));
        assert_eq!(pauses.count(), 2, "{told:?}");
        assert_eq!(told.iter().filter(|note| **note == Note::OthersCall).count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lower_limit_that_a_429_names_is_kept_for_cancelling_too() {
    const TWENTY: Act = Act::Refuse(429, "429", "maximum allowed 20 per 00:01:00");
    let rule = |(call, _)| if call == 20 { TWENTY } else { Act::Serve };
    let world = ordered(Script { cancel: Box::new(rule), ..Script::default() }, 90).await;
    let survey = world.survey().await.unwrap();
    let (done, told) = world.cancel_telling(survey.pending).await;
    assert_eq!((done.cancelled, done.throttled), (90, 1));
    assert_eq!(told.iter().filter(|note| matches!(note, Note::LimitNamed(_))).count(), 1);
    assert!(!told.contains(&Note::OthersCall));
    let sent = world.server.ledger(|ledger| ledger.cancels.sent.clone());
    let later: Vec<i64> = sent[36..].to_vec();
    assert!(most_in_any_window(&later, MINUTE) <= 20, "kept from then on");
}
