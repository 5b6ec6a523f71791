//! The life of a device: every pair of state and event in a table, and what no sequence of events
//! can do.

use std::fmt::Write as _;
use std::time::Duration;

use fleetsweep::domain::lifecycle::{Answered, Found, LifeEvent, TRIES_MAX, next};
use fleetsweep::domain::{BusyPolicy, Life, Outcome, Rank, Stamp, State, Timing};
use proptest::prelude::*;

/// Now, in every test of this file that has only one moment.
pub(super) const NOW: Stamp = Stamp(1_000_000_000);

pub(super) fn after(seconds: u64) -> Stamp {
    NOW.plus(Duration::from_secs(seconds))
}

/// A moment as the table shows it.
fn moment(at: Stamp) -> String {
    match at {
        Stamp::ZERO => "now".to_owned(),
        at if at < NOW => "earlier".to_owned(),
        at => format!("+{}s", at.since(NOW).as_secs()),
    }
}

pub(super) fn show(life: &Life) -> String {
    let state = match life.state {
        State::Draft => "draft".to_owned(),
        State::Queued(at) => format!("queued({})", moment(at)),
        State::Claimed(until) => format!("claimed({})", moment(until)),
        State::Doubtful { looks, look_at, busy } => {
            let busy = if busy { " busy" } else { "" };
            format!("doubtful(look {looks} at {}{busy})", moment(look_at))
        }
        State::Done(Outcome::AlreadyInProgress { covered }) => {
            format!("already_in_progress(covered {covered})")
        }
        State::Done(Outcome::Cancelled { taken_back }) => {
            format!("cancelled(taken back {taken_back})")
        }
        State::Done(outcome) => outcome.name().to_owned(),
    };
    let mut shown = format!("{state} a{} t{}", life.attempt, life.tries);
    for (said, word) in [
        (life.rank == Rank::Late, "late"),
        (life.rank == Rank::Again, "again"),
        (life.rank == Rank::Last, "last"),
        (life.doubted, "doubted"),
        (life.busy_asks > 0, "busy-asked"),
        (life.unseen, "unseen"),
    ] {
        if said {
            write!(shown, " {word}").unwrap();
        }
    }
    shown
}

/// One life of each kind that matters.
fn lives() -> Vec<Life> {
    let life = |state, attempt, tries| Life { attempt, tries, ..Life::ended_as(state) };
    let claimed = State::Claimed(after(65));
    let doubt = |looks, look_at, busy| State::Doubtful { looks, look_at, busy };
    let second = |state| Life { doubted: true, rank: Rank::Again, ..life(state, 2, 1) };
    vec![
        life(State::Draft, 0, 0),
        life(State::Queued(Stamp::ZERO), 0, 0),
        second(State::Queued(Stamp::ZERO)),
        Life { busy_asks: 1, rank: Rank::Again, ..life(State::Queued(after(3600)), 1, 0) },
        Life { rank: Rank::Late, ..life(claimed, 1, 0) },
        life(claimed, 1, 0),
        second(claimed),
        Life { rank: Rank::Last, ..life(claimed, 2, 1) },
        Life { doubted: true, rank: Rank::Again, ..life(claimed, 3, 2) },
        Life { busy_asks: 3, rank: Rank::Again, ..life(claimed, 4, 0) },
        Life { doubted: true, ..life(doubt(0, NOW, false), 1, 1) },
        Life { doubted: true, ..life(doubt(1, after(30), false), 1, 1) },
        Life { doubted: true, ..life(doubt(2, NOW, false), 1, 1) },
        Life { doubted: true, ..life(doubt(2, NOW, false), 3, 3) },
        Life { doubted: true, rank: Rank::Last, ..life(doubt(2, NOW, false), 2, 2) },
        second(doubt(0, NOW, true)),
        life(State::Done(Outcome::Accepted), 1, 0),
        Life { unseen: true, ..life(busy_done(false), 1, 0) },
        life(State::Done(Outcome::Unknown), 1, 1),
    ]
}

fn busy_done(covered: bool) -> State {
    State::Done(Outcome::AlreadyInProgress { covered })
}

/// `Life::ended` for any state, since a life is a plain value.
trait InState {
    fn ended_as(state: State) -> Life;
}

impl InState for Life {
    fn ended_as(state: State) -> Life {
        Life { state, ..Life::draft() }
    }
}

fn answers() -> [Answered; 8] {
    [
        Answered::Accepted,
        Answered::Failed,
        Answered::Busy { covered: true },
        Answered::Busy { covered: false },
        Answered::Rejected,
        Answered::NotFound,
        Answered::NotNow(NOW),
        Answered::Doubtful,
    ]
}

fn findings() -> [Found; 5] {
    let not_ours = |covered| Found::NotOurs { covered };
    [Found::Ours, Found::OursFailed, not_ours(true), not_ours(false), Found::Forbidden]
}

fn events(attempt: u32) -> Vec<(String, LifeEvent)> {
    let mut all = vec![
        ("opened".to_owned(), LifeEvent::Opened),
        ("claimed".to_owned(), LifeEvent::Claimed(after(65))),
        ("expired".to_owned(), LifeEvent::Expired { now: after(65) }),
        ("expired too early".to_owned(), LifeEvent::Expired { now: after(64) }),
        ("called off".to_owned(), LifeEvent::CalledOff),
        ("handed on".to_owned(), LifeEvent::HandedOn),
        ("cancelled".to_owned(), LifeEvent::Cancelled { taken_back: true }),
        ("expired, ordered".to_owned(), LifeEvent::Cancelled { taken_back: false }),
        ("reopened".to_owned(), LifeEvent::Reopened { attempt }),
        ("seen".to_owned(), LifeEvent::Seen { covered: true }),
    ];
    for answer in answers() {
        let event = LifeEvent::Answered { attempt, answer, now: NOW };
        all.push((format!("{answer:?}"), event));
    }
    for found in findings() {
        let event = LifeEvent::LookedUp { attempt, found, now: NOW };
        all.push((format!("looked up: {found:?}"), event));
    }
    all
}

#[test]
fn every_pair_of_state_and_event_has_its_result() {
    let timing = Timing::default();
    let mut table = String::new();
    for life in lives() {
        for (name, event) in events(life.attempt) {
            let result = |policy| match next(life, event, policy, &timing) {
                Ok(life) => show(&life),
                Err(_) => "-".to_owned(),
            };
            let (reported, retried) = (result(BusyPolicy::Report), result(BusyPolicy::Retry));
            write!(table, "{} | {name} | {reported}", show(&life)).unwrap();
            if retried != reported {
                write!(table, " | busy retry: {retried}").unwrap();
            }
            table.push('\n');
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn the_answer_of_another_attempt_fits_no_state() {
    let timing = Timing::default();
    for life in lives() {
        for attempt in [life.attempt.wrapping_sub(1), life.attempt + 1] {
            for (name, event) in events(attempt) {
                if matches!(event, LifeEvent::Answered { .. } | LifeEvent::LookedUp { .. }) {
                    let result = next(life, event, BusyPolicy::Report, &timing);
                    assert!(result.is_err(), "{name} of {attempt} for {life:?}");
                }
            }
        }
    }
}

/// A step of a sequence as it is drawn: its wait, how many attempts back its event is, and which of
/// the events it is; mostly one that fits.
fn any_step() -> impl Strategy<Value = (u64, u32, bool, prop::sample::Index)> {
    let back = prop_oneof![12 => Just(0u32), 1 => 1u32..3];
    (0u64..100, back, prop::bool::weighted(0.8), any::<prop::sample::Index>())
}

/// The event of a step.
fn drawn(
    (wait, back, fits, which): (u64, u32, bool, prop::sample::Index),
    life: Life,
    now: &mut Stamp,
    policy: BusyPolicy,
) -> LifeEvent {
    *now = now.plus(Duration::from_secs(wait));
    let attempt = life.attempt.wrapping_sub(back);
    let all = events(0).into_iter().map(|(_, event)| place(event, attempt, *now));
    // What people do to a campaign as a whole is no part of how its devices fare by themselves.
    let by_people = |event: &LifeEvent| {
        let whole = matches!(event, LifeEvent::CalledOff | LifeEvent::HandedOn);
        whole || matches!(event, LifeEvent::Cancelled { .. })
    };
    let all: Vec<LifeEvent> = all.filter(|event| !by_people(event)).collect();
    let fitting: Vec<LifeEvent> = all
        .iter()
        .copied()
        .filter(|event| next(life, *event, policy, &Timing::default()).is_ok())
        .collect();
    if fits && !fitting.is_empty() { *which.get(&fitting) } else { *which.get(&all) }
}

/// The event at a time and for an attempt.
fn place(event: LifeEvent, attempt: u32, now: Stamp) -> LifeEvent {
    match event {
        LifeEvent::Claimed(_) => LifeEvent::Claimed(now.plus(Duration::from_secs(65))),
        LifeEvent::Answered { answer: Answered::NotNow(_), .. } => {
            LifeEvent::Answered { attempt, answer: Answered::NotNow(now), now }
        }
        LifeEvent::Answered { answer, .. } => LifeEvent::Answered { attempt, answer, now },
        LifeEvent::LookedUp { found, .. } => LifeEvent::LookedUp { attempt, found, now },
        LifeEvent::Expired { .. } => LifeEvent::Expired { now },
        other => other,
    }
}

fn certainly_not_sent(event: LifeEvent) -> bool {
    matches!(
        event,
        LifeEvent::Answered {
            answer: Answered::NotNow(_) | Answered::NotFound | Answered::Busy { .. },
            ..
        }
    )
}

fn says_failed(event: LifeEvent) -> bool {
    matches!(
        event,
        LifeEvent::Answered { answer: Answered::Failed, .. }
            | LifeEvent::LookedUp { found: Found::OursFailed, .. }
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn no_sequence_of_events_breaks_a_life(
        retry: bool,
        steps in prop::collection::vec(any_step(), 1..60),
    ) {
        let timing = Timing::default();
        let policy = if retry { BusyPolicy::Retry } else { BusyPolicy::Report };
        let mut life = Life::draft();
        let mut now = NOW;
        // When the present doubt began, and how often the list was asked since.
        let mut doubt: Option<(Stamp, u8)> = None;
        for step in steps {
            let event = drawn(step, life, &mut now, policy);
            let before = life;
            let Ok(after) = next(life, event, policy, &timing) else { continue };
            life = after;
            let stale = matches!(event, LifeEvent::Answered { attempt, .. }
                | LifeEvent::LookedUp { attempt, .. } if attempt != before.attempt);
            prop_assert!(!stale, "{event:?} changed {before:?}");
            prop_assert!(life.tries <= TRIES_MAX, "{life:?}");
            prop_assert!(life.busy_asks <= 3, "{life:?}");
            prop_assert!(life.attempt >= before.attempt);
            let claimed = matches!(event, LifeEvent::Claimed(_));
            prop_assert_eq!(life.attempt - before.attempt, u32::from(claimed));
            if let State::Done(_) = before.state {
                let seen = matches!(event, LifeEvent::Seen { .. });
                prop_assert!(seen && life.state.is_busy(), "{before:?} {event:?}");
            }
            if claimed {
                prop_assert!(life.tries < TRIES_MAX, "a call beyond the tries: {life:?}");
            }
            match (before.state, life.state) {
                (State::Doubtful { .. }, State::Doubtful { .. }) => {
                    if let LifeEvent::LookedUp { .. } = event {
                        doubt = doubt.map(|(since, looks)| (since, looks + 1));
                    }
                }
                (_, State::Doubtful { .. }) => doubt = Some((now, 0)),
                // A whole answer said that something else is in the way.
                (State::Doubtful { busy: true, .. }, State::Queued(at)) => {
                    prop_assert!(at > now || certainly_not_sent(event), "{before:?} {event:?}");
                }
                (State::Doubtful { .. }, State::Queued(_)) => {
                    let (since, looks) = doubt.take().unwrap();
                    let looked = looks == 2 && now.since(since) >= Duration::from_secs(130);
                    prop_assert!(looked || certainly_not_sent(event), "{before:?} {event:?}");
                }
                (State::Doubtful { .. }, State::Done(Outcome::Failed)) => {
                    prop_assert!(life.tries == TRIES_MAX || says_failed(event), "{life:?}");
                }
                _ => {}
            }
        }
    }
}
