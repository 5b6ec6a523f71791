//! Refusals that are all the same: whose fault they are, when they stop a run, what a stop leaves
//! as it was, and that going on gets past them.

use super::*;
use crate::kit::fake_server::ListAct;

const BODY: Act = Act::Refuse(400, "InvalidRequestBody", "Request body is incorrect");
const NOT_ALLOWED: Act =
    Act::Refuse(403, "DisallowedOperation", "The operation is not allowed on this device");

/// Refuses the first `count` devices so, and serves the others.
fn first(count: u64, act: Act) -> Script {
    Script::scan(move |ask| if ask.device < count { act.clone() } else { Act::Serve })
}

/// The server's words in a stop of exit code 4 for refusals.
fn refused(told: &Told) -> &str {
    let Ending::Stopped(Stop::Refused(why)) = &told.ran.ending else {
        panic!("{:?}", told.ran.ending)
    };
    assert_eq!(told.ran.ending.exit(true).code(), 4);
    why
}

async fn go_on(world: &World) -> Told {
    let campaign = world.find("c").await;
    world.run(&campaign).await
}

#[tokio::test(start_paused = true)]
async fn devices_that_may_not_be_scanned_are_rejected_and_the_others_are_ordered() {
    for code in ["DisallowedOperation", "disabledfeature"] {
        let world = World::new(first(25, Act::Refuse(403, code, "not allowed on this device")));
        let told = world.play(60).await;
        assert_eq!(told.ran.ending, Ending::Finished, "{code}");
        assert_eq!(world.outcomes().await, [("accepted", 35), ("rejected", 25)].into());
        let rows = world.rows("c").await;
        assert_eq!(rows[0].detail.error_code.as_deref(), Some(code));
        assert_eq!(rows[0].detail.message.as_deref(), Some("not allowed on this device"));
        assert_eq!(rows[0].detail.reason, None, "nothing of a missing permission");
        let notes = told.notes.iter().filter(|note| matches!(note, Note::Refused { .. })).count();
        assert_eq!(notes, 1, "{:?}", told.notes);
        world.assert_sound();
    }
}

#[tokio::test(start_paused = true)]
async fn twenty_answers_that_are_the_same_refusal_stop_with_the_queue_intact() {
    for (status, code, message) in [
        (400, "InvalidRequestBody", "Request body is incorrect"),
        (400, "", "no code"),
        (403, "PolicyBlocked", "blocked by a policy"),
        (404, "", "Resource not found"),
        (405, "MethodNotAllowed", "GET only"),
        (409, "Conflict", "not now"),
        (410, "Gone", "This API has been retired"),
        (415, "UnsupportedMediaType", "text only"),
        (422, "Unprocessable", "cannot be processed"),
    ] {
        let world = World::new(Script::scan(move |_| Act::Refuse(status, code, message)));
        let told = world.play(60).await;
        let why = refused(&told);
        assert!(why.contains(&format!("HTTP {status}")), "{why}");
        assert!(why.contains(code) && why.contains(message), "{why}");
        assert!((20..=36).contains(&world.calls()), "{status}: {} calls", world.calls());
        assert_eq!(world.tally().await.queued, 60, "{status}: nothing is used up");
        let told_at_once = told.notes.iter().any(|note| match note {
            Note::Refused { words, .. } => words.contains(message),
            _ => false,
        });
        assert!(told_at_once, "{:?}", told.notes);
        world.assert_sound();
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_cause_is_mended_going_on_orders_every_device_once() {
    let rule = |ask: Ask| if ask.at < MINUTE * 5 { BODY } else { Act::Serve };
    let world = World::new(Script::scan(rule));
    refused(&world.play(60).await);
    tokio::time::sleep(MINUTE * 10).await;
    world.resume("c").await;
    assert_eq!(world.outcomes().await, [("accepted", 60)].into());
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn going_on_asks_the_others_first_and_gets_past_those_that_are_refused() {
    for (act, code) in [(Act::FORBIDDEN, 7), (Act::Refuse(403, "Odd", "not this one"), 4)] {
        let world = World::new(first(25, act));
        let told = world.play(60).await;
        assert_eq!(told.ran.ending.exit(true).code(), code);
        assert_eq!(world.tally().await.queued + world.tally().await.of(Outcome::Accepted), 60);
        let before = world.calls();
        world.resume("c").await;
        assert_eq!(world.outcomes().await, [("accepted", 35), ("rejected", 25)].into());
        let next = world.server.ledger(|ledger| ledger.asked[before]);
        assert!(next > device(19), "the same twenty are not asked again first: {next}");
        assert!((0..60).all(|n| world.asks_of(n) <= 2));
        world.assert_sound();
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_of_which_every_device_is_refused_comes_to_an_end_and_asks_none_three_times() {
    let world = World::new(Script::scan(|_| BODY));
    refused(&world.play(500).await);
    let mut runs = 1;
    while go_on(&world).await.ran.ending != Ending::Finished {
        let tally = world.tally().await;
        assert_eq!(tally.queued + tally.of(Outcome::Rejected), 500);
        runs += 1;
        assert!(runs < 10, "{tally:?}");
    }
    assert_eq!(world.outcomes().await, [("rejected", 500)].into());
    assert!((0..500).all(|n| world.asks_of(n) <= 2));
    // A missing right is different: no device ends by it, however often somebody goes on.
    let world = World::new(Script::scan(|_| Act::FORBIDDEN));
    assert!(stopped_by_sign_in(&world.play(30).await));
    for _ in 0..4 {
        assert!(stopped_by_sign_in(&go_on(&world).await));
        assert_eq!(world.tally().await.queued, 30);
    }
}

#[tokio::test(start_paused = true)]
async fn two_hundred_in_a_row_stop_a_run_that_went_well_before() {
    for act in [BODY, NOT_ALLOWED, Act::UNSUPPORTED] {
        let broken = act.clone();
        let rule = move |ask: Ask| match ask.device {
            300.. if ask.at < HOUR => broken.clone(),
            _ => Act::Serve,
        };
        let world = World::new(Script::scan(rule));
        let told = world.play(900).await;
        assert!(refused(&told).starts_with("the last 200 answers"), "{:?}", told.ran.ending);
        assert!((500..=516).contains(&world.calls()), "{} calls", world.calls());
        assert_eq!(world.tally().await.queued, 600);
        tokio::time::sleep(HOUR).await;
        world.resume("c").await;
        assert_eq!(world.outcomes().await, [("accepted", 900)].into());
        world.assert_sound();
    }
    // One other answer in between, and it is no row.
    let rule = |ask: Ask| if ask.device % 200 == 7 { Act::Serve } else { BODY };
    let world = World::new(Script::scan(rule));
    assert_eq!(world.play(600).await.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 3), ("rejected", 597)].into());
}

#[tokio::test(start_paused = true)]
async fn a_page_in_the_place_of_every_answer_is_told_at_once_and_stops_within_minutes() {
    for status in [200, 302, 403, 404, 451] {
        let script = Script {
            list: Box::new(|_| ListAct::Fail),
            ..Script::scan(move |_| Act::Page(status))
        };
        let world = World::new(script);
        let told = world.play(60).await;
        let why = refused(&told);
        assert!(why.contains("HTML page: a proxy answers in the API's place"), "{why}");
        assert!(world.clock.elapsed() < MINUTE * 5, "{:?}", world.clock.elapsed());
        // What says 200 is no fault of the server, so nothing pauses it before the twentieth.
        let most = if status == 200 { 36 } else { 20 };
        assert!(world.calls() <= most, "{} calls", world.calls());
        let tally = world.tally().await;
        assert_eq!(tally.queued + tally.doubtful, 60, "none has an outcome by it");
        let useless = told.notes.iter().filter(|note| match note {
            Note::Useless(Operation::Scan, why) => {
                why.contains(&format!("HTTP {status} with an HTML page"))
            }
            _ => false,
        });
        let minutes = world.clock.elapsed().as_secs() as usize / 60;
        let useless = useless.count();
        assert!((1..=minutes + 1).contains(&useless), "{useless} in {minutes} minutes");
        world.assert_sound();
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_passes_and_faults_of_the_server_are_waited_for() {
    for act in [Act::Page(503), Act::Fault { worked: false }] {
        let rule = move |ask: Ask| if ask.at < SECOND * 80 { act.clone() } else { Act::Serve };
        let mut world = World::new(Script::scan(rule));
        world.settings.concurrency = 1;
        let told = world.play(60).await;
        assert_eq!(told.ran.ending, Ending::Finished);
        assert_eq!(world.outcomes().await, [("accepted", 60)].into());
        let useless = told.notes.iter().filter(|note| matches!(note, Note::Useless(..))).count();
        assert!((1..=2).contains(&useless), "at once, and once a minute at most: {useless}");
        world.assert_sound();
    }
    // After other answers a page may pass as well, also one that is no fault of the server.
    let rule = |ask: Ask| match ask.at {
        at if (SECOND * 30..SECOND * 110).contains(&at) => Act::Page(403),
        _ => Act::Serve,
    };
    let mut world = World::new(Script::scan(rule));
    world.settings.concurrency = 1;
    assert_eq!(world.play(200).await.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 200)].into());
    world.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn an_action_that_is_over_at_once_is_failed_and_not_accepted() {
    for status in ["Failed", "failed", "TimeOut", "Cancelled"] {
        for answered in [true, false] {
            let world = World::new(first(3, Act::Over { status, answered }));
            assert_eq!(world.play(20).await.ran.ending, Ending::Finished);
            assert_eq!(world.outcomes().await, [("accepted", 17), ("failed", 3)].into());
            assert!(world.tally().await.uncovered() > 0, "exit code 3");
            let rows = world.rows("c").await;
            let row = row_of(&rows, device(1));
            assert_eq!(row.detail.action_status.as_deref(), Some(status));
            assert!(row.detail.reason.as_deref().unwrap().contains("over without"), "{row:?}");
            assert_eq!(world.asks_of(1), 1, "it was ordered, and is not ordered twice");
            world.assert_sound();
        }
    }
    let world = World::new(first(3, Act::Over { status: "Succeeded", answered: true }));
    assert_eq!(world.play(20).await.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 20)].into());
}
