//! What answers, silence and delays do to cancelling beyond the action that was asked for: the
//! rules are those of scans.

use fleetsweep::engine::follow::look;

use super::*;

/// A campaign of so many devices, and a rule for its cancellations.
async fn ordered_with(
    devices: u64,
    rule: impl Fn((usize, usize)) -> Act + Send + Sync + 'static,
) -> World {
    ordered(Script { cancel: Box::new(rule), ..Script::default() }, devices).await
}

async fn cancel_all_telling(world: &World) -> (Cancelled, Vec<Note>) {
    let survey = world.survey().await.unwrap();
    world.cancel_telling([survey.pending, survey.in_progress].concat()).await
}

fn count(notes: &[Note], is: fn(&Note) -> bool) -> usize {
    notes.iter().filter(|note| is(note)).count()
}

fn useless(note: &Note) -> bool {
    matches!(note, Note::Useless(..))
}

#[tokio::test(start_paused = true)]
async fn one_lost_answer_is_nothing_to_tell_and_a_whole_one_without_sense_is() {
    let lost = |(call, _)| if call == 3 { Act::NoAnswer { worked: true } } else { Act::Serve };
    let (done, notes) = cancel_all_telling(&ordered_with(9, lost).await).await;
    assert_eq!((done.cancelled, count(&notes, useless)), (9, 0), "{notes:?}");
    let fault = |(call, _)| if call == 3 { Act::Fault { worked: true } } else { Act::Serve };
    let (done, notes) = cancel_all_telling(&ordered_with(9, fault).await).await;
    assert_eq!((done.cancelled, count(&notes, useless)), (9, 1), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_page_in_the_place_of_every_answer_stops_it_after_a_minute_where_few_are_asked_for_too() {
    let world = ordered_with(6, |_| Act::Page(403)).await;
    let start = world.clock.now();
    let (done, notes) = cancel_all_telling(&world).await;
    let Some(Stop::Refused(why)) = &done.stop else { panic!("{done:?}") };
    assert!(why.contains("HTML page"), "{why}");
    assert!(world.clock.now().since(start) >= MINUTE);
    assert!(world.cancels() < 18, "{} calls, three for each would be 18", world.cancels());
    assert_eq!(done.cancelled, 0);
    assert!(count(&notes, useless) >= 1, "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn refusals_of_two_kinds_in_turn_are_told_once_each() {
    let rule = |(call, _): (usize, usize)| match call % 2 {
        0 => Act::Refuse(403, "DisallowedOperation", "not allowed on this device"),
        _ => Act::Refuse(422, "OsPlatformNotSupported", "not this OS"),
    };
    let (done, notes) = cancel_all_telling(&ordered_with(12, rule).await).await;
    assert_eq!((done.refused(), done.stop), (12, None));
    assert_eq!(count(&notes, |note| matches!(note, Note::Refused { .. })), 2, "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_stays_refused_stops_it_also_where_an_answer_is_lost_in_between() {
    let rule = |(call, _): (usize, usize)| match call % 2 {
        1 => Act::UNAUTHORIZED,
        _ => Act::Fault { worked: false },
    };
    let mut world = ordered_with(9, rule).await;
    world.settings.concurrency = 1;
    let (done, notes) = cancel_all_telling(&world).await;
    assert!(matches!(done.stop, Some(Stop::SignIn(_))), "{done:?}");
    assert_eq!(world.cancels(), 3);
    let stops = |note: &Note| matches!(note, Note::Stopping(Operation::Cancel, 0, _));
    assert!(notes.iter().any(stops), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn calls_in_flight_are_told_when_it_stops_by_itself() {
    let world = ordered_with(60, |(call, _)| match call {
        1..=24 => Act::Refuse(403, "Forbidden", "missing role"),
        _ => Act::NoAnswer { worked: false },
    });
    let (done, notes) = cancel_all_telling(&world.await).await;
    assert!(matches!(done.stop, Some(Stop::SignIn(_))), "{done:?}");
    let in_flight = notes.iter().find_map(|note| match note {
        Note::Stopping(Operation::Cancel, calls, _) => Some(*calls),
        _ => None,
    });
    assert!(in_flight.is_some_and(|calls| (1..=15).contains(&calls)), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_network_that_is_gone_is_waited_for_and_stops_it_in_the_end() {
    let rule = |(call, nth): (usize, usize)| match call {
        1..5 => Act::Serve,
        _ if nth < 20 => Act::NeverLeft,
        _ => Act::Serve,
    };
    let world = ordered(Script { cancel: Box::new(rule), ..Script::default() }, 5).await;
    let done = world.cancel_all().await;
    assert_eq!((done.cancelled, done.calls, done.stop), (5, 5, None));
    let rule = |(call, _)| if call < 5 { Act::Serve } else { Act::NeverLeft };
    let world = ordered(Script { cancel: Box::new(rule), ..Script::default() }, 9).await;
    let start = world.clock.now();
    let done = world.cancel_all().await;
    assert!(matches!(done.stop, Some(Stop::Unreachable(_))), "{done:?}");
    assert_eq!((done.cancelled, done.left), (4, 5));
    assert!(world.clock.now().since(start) >= HOUR);
    assert!(world.store.busiest_minute() < 300, "{}", world.store.busiest_minute());
}

#[tokio::test(start_paused = true)]
async fn an_api_that_is_lost_between_list_and_first_call_is_waited_for_longer_than_a_minute() {
    let tries = std::sync::atomic::AtomicUsize::new(0);
    let rule = move |_| match tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0..9 => Act::NeverLeft,
        _ => Act::Serve,
    };
    let world = ordered_with(5, rule).await;
    let start = world.clock.now();
    let (done, notes) = cancel_all_telling(&world).await;
    assert_eq!((done.cancelled, done.stop), (5, None));
    assert!(world.clock.now().since(start) > MINUTE * 2);
    assert_eq!(count(&notes, |note| *note == Note::Reached), 1, "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_that_takes_long_holds_up_no_stop_and_nothing_is_sent_after_it() {
    let rule = |(call, _)| if call == 4 { Act::UNAUTHORIZED } else { Act::Serve };
    let script = Script { cancel: Box::new(rule), sign_in_takes: MINUTE * 5, ..Script::default() };
    let world = ordered(script, 60).await;
    let pending = world.survey().await.unwrap().pending;
    let (stop, stopped) = watch::channel(StopLevel::Run);
    let soft = async {
        tokio::time::sleep(SECOND * 30).await;
        let answered = world.outcomes().await["cancelled"];
        stop.send(StopLevel::Soft).unwrap();
        answered
    };
    let start = world.clock.now();
    let (done, answered) = tokio::join!(world.cancel_until(pending, stopped), soft);
    assert!(answered >= 3, "{answered} were written while the sign-in went on");
    assert!(world.clock.now().since(start) < SECOND * 40);
    assert_eq!((done.stop, done.cancelled), (Some(Stop::Signal), answered));
}

#[tokio::test(start_paused = true)]
async fn calls_that_take_long_are_in_flight_together_though_slots_are_asked_for_one_by_one() {
    let mut world = ordered_of(Behaviour::constant(SECOND * 20), Script::default(), 32).await;
    world.settings.pace = None;
    let start = world.clock.now();
    assert_eq!(world.cancel_all().await.cancelled, 32);
    let took = world.clock.now().since(start);
    assert!((SECOND * 40..SECOND * 70).contains(&took), "two volleys of 16, and a list: {took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_it_cancelled_and_could_not_write_down_is_no_failed_scan_to_who_looks_next() {
    let mut unwritten = 0;
    for operations in 0..40 {
        let world = ordered(Script::default(), 12).await;
        world.cancel_and_die_after(operations).await;
        let campaign = world.find("c").await;
        let cancelled = Outcome::Cancelled { taken_back: true };
        let written = world.store.tally(campaign.id).await.unwrap().of(cancelled);
        let looked = look(&world.lists(&campaign), &campaign).await.unwrap().unwrap();
        let done = world.server.ledger(|ledger| ledger.cancels.done.len()) as u64;
        unwritten += done - written;
        let tally = world.store.tally(campaign.id).await.unwrap();
        let told = [looked.failed, tally.of(Outcome::ScanFailed), tally.of(cancelled)];
        assert_eq!(told, [0, 0, done], "after {operations}");
    }
    assert!(unwritten > 0, "it never died in between");
}
