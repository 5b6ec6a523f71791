//! Cancelling what a campaign ordered, in virtual time: nothing but its own, the limit, and every
//! answer that a call can get.

use fleetsweep::clock::Clock;
use fleetsweep::domain::cancel::Cancelled;
use fleetsweep::domain::cancel::{Cause, Spared};
use fleetsweep::domain::forecast::CallRate;
use fleetsweep::engine::cancel::{Job, OpenAction, Survey, Told, run, survey};
use fleetsweep::engine::lists::{ListEnd, Lists, Patience, Slots};
use fleetsweep::store::memory::Stamping;

use super::*;
use crate::kit::fake_server::ListAct;
use crate::kit::mistake::Mistake;

mod answers;
mod pauses;

/// A world in which a campaign `c` of so many devices was ordered.
async fn ordered(script: Script, devices: u64) -> World {
    ordered_of(Behaviour::constant(MS * 200), script, devices).await
}

async fn ordered_of(behaviour: Behaviour, script: Script, devices: u64) -> World {
    let world = World::of(behaviour, 5, script);
    let told = world.play(devices).await;
    assert_eq!(told.ran.ending, Ending::Finished);
    world
}

impl World {
    fn lists(&self, campaign: &Campaign) -> Lists<'_, Watched, FakeServer<TokioClock>> {
        Lists {
            store: &*self.store,
            api: &*self.server,
            slots: Slots::Budget(
                campaign.order.target.budget(Operation::Read),
                self.settings.quotas.clone(),
            ),
            timing: self.settings.timing,
            patience: Patience::needed(MINUTE),
        }
    }

    async fn survey(&self) -> Result<Survey, ListEnd> {
        let campaign = self.find("c").await;
        survey(&self.lists(&campaign), &campaign).await.unwrap()
    }

    async fn job(&self) -> Job<Watched, FakeServer<TokioClock>> {
        Job {
            store: self.store.clone(),
            api: self.server.clone(),
            campaign: self.find("c").await,
            cause: Cause::Command,
            rate: CallRate {
                quotas: self.settings.quotas.clone(),
                pace: self.settings.pace,
                concurrency: self.settings.concurrency,
                timing: self.settings.timing,
            },
            progress_every: Duration::ZERO,
        }
    }

    async fn cancel(&self, targets: Vec<OpenAction>) -> Cancelled {
        let (_stop, stopped) = watch::channel(StopLevel::Run);
        self.cancel_until(targets, stopped).await
    }

    async fn cancel_until(
        &self,
        targets: Vec<OpenAction>,
        stop: watch::Receiver<StopLevel>,
    ) -> Cancelled {
        let (told, _keeps_it_open) = mpsc::channel(10_000);
        let run = run(self.job().await, targets, stop, told);
        tokio::time::timeout(STUCK, run).await.expect("it is stuck").unwrap()
    }

    /// Cancels, and what was told meanwhile.
    async fn cancel_telling(&self, targets: Vec<OpenAction>) -> (Cancelled, Vec<Note>) {
        let (_stop, stopped) = watch::channel(StopLevel::Run);
        let (told, mut heard) = mpsc::channel(10_000);
        let run = run(self.job().await, targets, stopped, told);
        let done = tokio::time::timeout(STUCK, run).await.expect("it is stuck").unwrap();
        let mut notes = Vec::new();
        while let Ok(one) = heard.try_recv() {
            if let Told::Note(note) = one {
                notes.push(note);
            }
        }
        (done, notes)
    }

    /// Looks, and cancels all that is open.
    async fn cancel_all(&self) -> Cancelled {
        let survey = self.survey().await.unwrap();
        survey.write(&*self.store, &self.find("c").await).await.unwrap();
        self.cancel([survey.pending, survey.in_progress].concat()).await
    }

    fn cancels(&self) -> usize {
        self.server.ledger(|ledger| ledger.cancels.sent.len())
    }

    /// Cancels all that is pending, by a process that dies after so many operations of its store,
    /// if it is not done before.
    async fn cancel_and_die_after(&self, operations: u64) {
        let pending = self.survey().await.unwrap().pending;
        self.store.dies_after(Some(operations), operations.is_multiple_of(2));
        tokio::select! {
            biased;
            () = self.store.died.notified() => {}
            done = self.cancel(pending) => assert!(done.cancelled > 0),
        }
        self.store.dies_after(None, false);
        // What was sent has its answer by then, whoever is there to hear it.
        tokio::time::sleep(MINUTE).await;
    }

    /// Actions that were cancelled and that the campaign had not ordered.
    fn strangers_cancelled(&self) -> usize {
        let mark = "[fleetsweep c/";
        let strange = |action: &&fleetsweep::domain::Action| {
            !action.comment.as_deref().is_some_and(|comment| comment.starts_with(mark))
        };
        self.server.ledger(|ledger| ledger.cancelled().into_iter().filter(strange).count())
    }
}

/// Strangers' scans: one on a device that the campaign found busy, one on a device whose own scan
/// has ended since, and another campaign's.
async fn among_strangers() -> World {
    let rule = |ask: Ask| if ask.device == 3 { Act::BUSY } else { Act::Serve };
    let world = World::new(Script::scan(rule));
    world.server.put_foreign(device(3), "Full", "InProgress", HOUR);
    let told = world.play(20).await;
    assert_eq!(told.ran.ending, Ending::Finished);
    let other = world.campaign("d", 30..35).await;
    assert_eq!(world.run(&other).await.ran.ending, Ending::Finished);
    let ended = world.server.action_of(device(7)).id;
    world.server.set_status("Succeeded", |action| action.id == ended);
    world.server.put_foreign(device(7), "Full", "Pending", Duration::ZERO);
    let running = world.server.action_of(device(8)).id;
    world.server.set_status("InProgress", |action| action.id == running);
    world
}

#[tokio::test(start_paused = true)]
async fn only_the_campaigns_own_open_actions_are_cancelled() {
    let world = among_strangers().await;
    let survey = world.survey().await.unwrap();
    assert_eq!((survey.pending.len(), survey.in_progress.len()), (17, 1));
    assert_eq!((survey.ended, survey.not_touched()), (1, 0));
    let done = world.cancel_all().await;
    assert_eq!((done.cancelled, done.ended, done.calls, &done.stop), (18, 0, 18, &None));
    assert_eq!(world.strangers_cancelled(), 0);
    let expected: Vec<u64> = (0..20).filter(|n| ![3, 7].contains(n)).collect();
    let rows = world.rows("c").await;
    for (n, row) in (0..20).zip(&rows) {
        let cancelled = row.life.state == State::Done(Outcome::Cancelled { taken_back: true });
        assert_eq!(cancelled, expected.contains(&n), "{row:?}");
        if cancelled {
            assert_eq!(row.detail.action_status.as_deref(), Some("Cancelled"));
            assert_eq!(row.detail.reason.as_deref(), Some("cancelled by `fleetsweep cancel`"));
        }
    }
    assert_eq!(rows[7].detail.action_status.as_deref(), Some("Succeeded"));
    assert!(world.rows("d").await.iter().all(accepted));
    world.assert_sound();
}

/// The control: who goes by the devices of the campaign cancels what others ordered on them.
#[tokio::test(start_paused = true)]
async fn a_canceller_that_goes_by_device_is_caught() {
    let world = among_strangers().await;
    let devices: Vec<DeviceId> = (0..20).map(device).collect();
    let targets = world.server.ledger(|ledger| {
        let all = ledger.actions.values().flatten().filter(|action| action.is_open());
        let on_ours = all.filter(|action| devices.contains(&action.device.unwrap()));
        let target = |action: &fleetsweep::domain::Action| OpenAction {
            seq: 1,
            id: action.id.clone(),
            device: action.device.unwrap(),
        };
        on_ours.map(target).collect()
    });
    world.cancel(targets).await;
    assert_eq!(world.strangers_cancelled(), 2, "the judge sees it");
}

#[tokio::test(start_paused = true)]
async fn an_action_whose_comment_is_not_ours_is_not_touched_unless_the_server_drops_comments() {
    // The list tells another comment for one of them.
    let world = ordered(Script::scan(|_| Act::Serve), 5).await;
    let odd = world.server.action_of(device(2)).id;
    world.server.set_comment(&odd, Some("test run"));
    let survey = world.survey().await.unwrap();
    assert_eq!(survey.spared, [(Spared::OtherComment, 1)].into());
    assert_eq!(survey.pending.len(), 4);
    let world = ordered(Script { comment: |_| String::new(), ..Script::default() }, 5).await;
    assert!(world.find("c").await.notes.comments_changed);
    assert_eq!(world.cancel_all().await.cancelled, 5);
}

#[tokio::test(start_paused = true)]
async fn three_thousand_cancellations_keep_both_limits_near_the_optimum() {
    let world = ordered_of(Behaviour::rough(), Script::default(), 3_000).await;
    let survey = world.survey().await.unwrap();
    let start = world.clock.now();
    let done = world.cancel(survey.pending).await;
    let took = world.clock.now().since(start);
    let (minute, hour) = world.server.ledger(|ledger| {
        let arrivals = &ledger.cancels.arrivals;
        (most_in_any_window(arrivals, MINUTE), most_in_any_window(arrivals, HOUR))
    });
    println!(
        "3,000 cancelled in {} s by {} calls; at most {minute} in a minute and {hour} in an hour",
        took.as_secs(),
        done.calls
    );
    assert_eq!((done.cancelled, done.stop), (3_000, None));
    assert!(minute <= 100 && hour <= 1_500, "{minute} in a minute, {hour} in an hour");
    assert!(took < Duration::from_secs(4_440 * 102 / 100), "{took:?}");
    assert_eq!(world.outcomes().await, [("cancelled", 3_000)].into());
    assert!(world.store.busiest_minute() < 1_500, "{}", world.store.busiest_minute());
}

/// The control: with a journal that counts no call, the gate alone lets too many through.
#[tokio::test(start_paused = true)]
async fn without_the_journal_the_limit_of_cancelling_does_not_hold() {
    let mut world = World::new(Script::default());
    let timing = Timing::default();
    let store = Watched::broken(world.clock, timing, Stamping::Never, Mistake::None);
    world.store = Arc::new(store);
    assert_eq!(world.play(300).await.ran.ending, Ending::Finished);
    world.cancel_all().await;
    let arrivals = world.server.ledger(|ledger| ledger.cancels.arrivals.clone());
    let most = most_in_any_window(&arrivals, MINUTE);
    assert!(most > 100, "{most}");
}

#[tokio::test(start_paused = true)]
async fn calls_of_an_earlier_command_count_and_two_at_once_share_the_limit() {
    let world = ordered(Script::default(), 400).await;
    let pending = world.survey().await.unwrap().pending;
    world.cancel(pending[..150].to_vec()).await;
    let (one, two) = tokio::join!(
        world.cancel(pending[150..300].to_vec()),
        world.cancel(pending[250..].to_vec())
    );
    // Those that both asked for were cancelled by one of them, and had ended for the other.
    assert_eq!(one.cancelled + two.cancelled + one.ended + two.ended, 300);
    assert_eq!(world.outcomes().await, [("cancelled", 400)].into());
    let arrivals = world.server.ledger(|ledger| ledger.cancels.arrivals.clone());
    assert!(most_in_any_window(&arrivals, MINUTE) <= 100);
}

#[tokio::test(start_paused = true)]
async fn a_429_pauses_for_as_long_as_it_says_and_uses_nothing_up() {
    let rule = |(call, _)| if call == 5 { Act::Throttle(Some(MINUTE * 3)) } else { Act::Serve };
    let world = ordered(Script { cancel: Box::new(rule), ..Script::default() }, 40).await;
    let start = world.clock.now();
    let done = world.cancel_all().await;
    assert_eq!((done.cancelled, done.throttled, done.calls), (40, 1, 41));
    assert!(world.clock.now().since(start) >= MINUTE * 3);
    let sent = world.server.ledger(|ledger| ledger.cancels.sent.clone());
    let gap = sent.windows(2).map(|two| two[1] - two[0]).max().unwrap();
    assert!(gap >= 170_000_000, "one pause of three minutes: {gap}");
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_answer_said_the_list_tells_and_what_is_open_is_asked_again_at_most_twice() {
    // Worked on and lost; lost before it was worked on, once; never worked on.
    let world = ordered(Script::default(), 6).await;
    let ids: Vec<String> = (0..6).map(|n| world.server.action_of(device(n)).id).collect();
    let named = ids.clone();
    let rule = move |id: &str, nth: usize| match named.iter().position(|one| one == id) {
        Some(0) => Act::NoAnswer { worked: true },
        Some(1) if nth == 1 => Act::NoAnswer { worked: false },
        Some(2) => Act::Fault { worked: false },
        Some(3) if nth == 1 => Act::Fault { worked: true },
        _ => Act::Serve,
    };
    world.server.cancels_by_id(Box::new(rule));
    let done = world.cancel_all().await;
    assert_eq!((done.cancelled, done.unknown, done.refused()), (5, 1, 0));
    let asks: Vec<usize> = world.server.ledger(|ledger| {
        ids.iter().map(|id| ledger.cancels.asked.iter().filter(|one| *one == id).count()).collect()
    });
    assert_eq!(asks, [1, 2, 3, 1, 1, 1]);
    assert_eq!(world.outcomes().await, [("accepted", 1), ("cancelled", 5)].into());
}

#[tokio::test(start_paused = true)]
async fn an_action_that_ended_before_its_turn_and_one_that_is_refused_are_told_apart() {
    let world = ordered(Script::default(), 5).await;
    let ids: Vec<String> = (0..5).map(|n| world.server.action_of(device(n)).id).collect();
    let pending = world.survey().await.unwrap().pending;
    let ended = ids[0].clone();
    world.server.set_status("Succeeded", |action| action.id == ended);
    let by_hand = ids[1].clone();
    world.server.set_status("Cancelled", |action| action.id == by_hand);
    let refused = ids[2].clone();
    world.server.cancels_by_id(Box::new(move |id, _| {
        if id == refused { Act::Refuse(400, "BadRequest", "not now") } else { Act::Serve }
    }));
    let done = world.cancel(pending).await;
    assert_eq!((done.cancelled, done.ended, done.unknown), (2, 2, 0));
    let kind = (400, Some("BadRequest".to_owned()));
    assert_eq!(done.refused, [(kind, (1, Some("not now".to_owned())))].into());
    let rows = world.rows("c").await;
    let told: Vec<_> = rows.iter().map(|row| row.detail.action_status.as_deref()).collect();
    assert_eq!(told[..2], [Some("Succeeded"), Some("Cancelled")]);
    // What somebody else cancelled is no work of ours: its row only says so.
    assert_eq!(rows[1].life.state, State::Done(Outcome::ScanFailed));
}

#[tokio::test(start_paused = true)]
async fn a_missing_right_stops_it_and_so_does_a_token_that_stays_refused() {
    let rule = |_| Act::Refuse(403, "Forbidden", "missing role");
    for (devices, most) in [(3, 3), (60, 36)] {
        let world = ordered(Script { cancel: Box::new(rule), ..Script::default() }, devices).await;
        let done = world.cancel_all().await;
        assert!(matches!(done.stop, Some(Stop::SignIn(_))), "{done:?}");
        assert!(world.cancels() <= most, "{} calls", world.cancels());
        assert_eq!(done.cancelled + done.refused() + done.left, devices);
    }
    let rule = |(call, _)| if call < 3 { Act::UNAUTHORIZED } else { Act::Serve };
    let world = ordered(Script { cancel: Box::new(rule), ..Script::default() }, 9).await;
    let done = world.cancel_all().await;
    assert_eq!((done.cancelled, done.stop), (9, None), "a fresh token does");
    let rule = |_| Act::UNAUTHORIZED;
    let world = ordered(Script { cancel: Box::new(rule), ..Script::default() }, 9).await;
    let done = world.cancel_all().await;
    assert!(matches!(done.stop, Some(Stop::SignIn(_))), "{done:?}");
    assert_eq!((done.cancelled, done.left), (0, 9));
}

#[tokio::test(start_paused = true)]
async fn a_403_with_a_reason_of_its_own_is_refused_in_its_words_and_no_missing_right() {
    let rule = |_| Act::Refuse(403, "DisallowedOperation", "not allowed on this device");
    for devices in [3, 60] {
        let world = ordered(Script { cancel: Box::new(rule), ..Script::default() }, devices).await;
        let done = world.cancel_all().await;
        assert_eq!(done.stop, None);
        let kind = (403, Some("DisallowedOperation".to_owned()));
        let words = Some("not allowed on this device".to_owned());
        assert_eq!(done.refused, [(kind, (devices, words))].into());
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_that_is_gone_and_a_page_in_its_place_stop_it_in_their_words() {
    let gone = Act::Refuse(410, "Gone", "This API has been retired");
    for (act, words, most) in [(gone, "retired", 36), (Act::Page(403), "HTML page", 60)] {
        let rule = move |_| act.clone();
        let world = ordered(Script { cancel: Box::new(rule), ..Script::default() }, 60).await;
        let done = world.cancel_all().await;
        let Some(Stop::Refused(why)) = &done.stop else { panic!("{done:?}") };
        assert!(why.contains(words), "{why}");
        assert!(world.cancels() <= most, "{} calls", world.cancels());
        assert_eq!(done.cancelled, 0);
    }
    // That an action is over already is about that action, however many of them there are.
    let rule = |_| Act::Refuse(400, "BadRequest", "the action is over");
    let world = ordered(Script { cancel: Box::new(rule), ..Script::default() }, 60).await;
    let done = world.cancel_all().await;
    assert_eq!((done.stop, world.cancels()), (None, 60));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_read_afterwards_leaves_what_was_lost_unknown() {
    let failing = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let list = failing.clone();
    let script = Script {
        cancel: Box::new(|_| Act::Fault { worked: false }),
        list: Box::new(move |_| match list.load(std::sync::atomic::Ordering::SeqCst) {
            true => ListAct::Forbid,
            false => ListAct::Serve,
        }),
        ..Script::default()
    };
    let world = ordered(script, 2).await;
    let pending = world.survey().await.unwrap().pending;
    failing.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(matches!(world.survey().await, Err(ListEnd::Forbidden(_))));
    let done = world.cancel(pending).await;
    assert_eq!((done.cancelled, done.unknown), (0, 2));
    assert_eq!(world.cancels(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_soft_stop_lets_calls_in_flight_finish_and_the_next_command_does_the_rest() {
    let world = ordered_of(Behaviour::constant(SECOND * 3), Script::default(), 60).await;
    let pending = world.survey().await.unwrap().pending;
    let (stop, stopped) = watch::channel(StopLevel::Run);
    let soft = async {
        tokio::time::sleep(SECOND * 4).await;
        stop.send(StopLevel::Soft).unwrap();
    };
    let (done, ()) = tokio::join!(world.cancel_until(pending.clone(), stopped), soft);
    assert_eq!(done.stop, Some(Stop::Signal));
    assert_eq!(done.cancelled + done.left, 60);
    assert_eq!(done.cancelled as usize, world.cancels());
    assert!(done.left > 0 && done.cancelled > 0, "{done:?}");
    let rest = world.cancel_all().await;
    assert_eq!(rest.cancelled, done.left);
    assert_eq!(world.cancels(), 60, "none was asked for twice");
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_moment_the_next_command_goes_on_and_every_row_says_what_is_true() {
    for operations in 0..60 {
        let world = ordered(Script::default(), 12).await;
        world.cancel_and_die_after(operations).await;
        world.cancel_all().await;
        assert_eq!(world.outcomes().await, [("cancelled", 12)].into(), "after {operations}");
        let done = world.server.ledger(|ledger| ledger.cancels.done.len());
        assert_eq!(done, 12);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_a_slow_store_gives_too_late_is_not_used() {
    let world = ordered(Script::default(), 60).await;
    let claims = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (clock, noted) = (world.clock, claims.clone());
    world.store.observe(Box::new(move |name, _| {
        if name == "claim_on" {
            noted.lock().unwrap().push(clock.elapsed());
        }
    }));
    let pending = world.survey().await.unwrap().pending;
    world.store.slows(300, SECOND * 60, fastrand::Rng::with_seed(3));
    let done = world.cancel(pending).await;
    assert_eq!((done.cancelled, done.stop), (60, None));
    let claims = claims.lock().unwrap().clone();
    let sent = world.server.ledger(|ledger| ledger.cancels.sent.clone());
    let sent = sent.into_iter().map(|at| Duration::from_micros(at as u64));
    let in_time =
        |at: Duration| claims.iter().any(|claim| *claim <= at && at - *claim <= SECOND * 5);
    assert!(sent.clone().all(in_time));
    assert!(claims.len() > sent.len() + 5, "no slot was late: another seed is needed");
}
