//! A connection that is lost in the middle of a verb, at any round trip and at its COMMIT: the verb
//! is done once or not at all, and who asked knows; or nobody does, since the process was killed.

use std::collections::BTreeMap;

use fleetsweep::domain::DeviceId;

use super::*;
use crate::kit::wire::{Cut, Wire};

async fn through() -> (Wire, PostgresStore<ServerClock>, CampaignId) {
    let url = database().await;
    let wire = Wire::before(server()).await;
    let store = process(&wire.url(url.rsplit('/').next().unwrap())).await;
    let id = campaign(&store, 0..9, opening("c", &["3/1h"])).await;
    (wire, store, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_whose_commit_was_answered_to_nobody_is_found_and_counts_once() {
    let (wire, store, id) = through().await;
    wire.cut_next_commit(Cut::After);
    let first = claim(&store, id).await;
    assert!(!wire.was_not_cut());
    assert_eq!(first.seq, 1);
    assert_eq!(store.calls(id).await.unwrap(), 1);
    assert_eq!(claim(&store, id).await.seq, 2, "the first device is taken");
    settle(&store, first.call, accepted(store.clock().utc())).await;
    assert_eq!(use_up(&store, id).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_whose_commit_never_arrived_is_told_as_not_done_to_who_asks_again() {
    let (wire, store, id) = through().await;
    let store = Arc::new(store);
    let asks_again = AsksAgain::new(store.clone());
    wire.cut_next_commit(Cut::Before);
    match store.claim(id, true).await {
        Err(StoreError::OutOfReach { .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(store.calls(id).await.unwrap(), 0);
    drop(asks_again);
    // For who asks once it is done again.
    wire.cut_next_commit(Cut::Before);
    assert_eq!(claim(&*store, id).await.seq, 1);
    assert!(!wire.was_not_cut());
    assert_eq!(store.calls(id).await.unwrap(), 1);
    assert_eq!(use_up(&*store, id).await, 2, "no slot was lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_commit_was_answered_to_nobody_are_appended_once() {
    let (wire, store, _) = through().await;
    let draft = store.draft().await.unwrap();
    wire.cut_next_commit(Cut::After);
    store.append(draft, rows(0..7)).await.unwrap();
    assert_eq!(store.tally(draft).await.unwrap().draft, 7);
    assert_eq!(store.recount(draft).await.unwrap().draft, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_whose_commit_arrives_late_is_waited_for() {
    let (wire, store, id) = through().await;
    let store = Arc::new(store);
    let asking = store.clone();
    wire.cut_next_commit(Cut::Late);
    let first = tokio::spawn(async move { claim(&*asking, id).await });
    wire.cut().await;
    // The negative control: whoever asks without the lock is told that it did not take place.
    assert_eq!(store.calls(id).await.unwrap(), 0, "it is not there yet");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!first.is_finished(), "it was told too early");
    wire.late_arrives();
    assert_eq!(first.await.unwrap().seq, 1);
    assert_eq!(store.calls(id).await.unwrap(), 1);
    assert_eq!(use_up(&*store, id).await, 2);
}

/// How often each device of a list was ordered whose last page was committed with nobody told.
async fn ordered(is_mistaken: bool, is_guarded: bool) -> (BTreeMap<DeviceId, usize>, bool) {
    let url = database().await;
    let name = url.rsplit('/').next().unwrap();
    let wire = Wire::before(server()).await;
    let store = process(&wire.url(name)).await;
    if is_mistaken {
        store.take_unknown_commits_for_lost();
    }
    if !is_guarded {
        let client = server().connect(name).await;
        client.batch_execute("DROP INDEX fleetsweep.row_once").await.unwrap();
    }
    let draft = store.draft().await.unwrap();
    wire.cut_next_commit(Cut::After);
    store.append(draft, rows(0..4)).await.unwrap();
    assert!(!wire.was_not_cut());
    let Opened::New(id) = store.open(draft, opening("c", &["100/1h"])).await.unwrap() else {
        panic!()
    };
    let mut ordered = BTreeMap::new();
    loop {
        match store.claim(id, true).await {
            Ok(ClaimAnswer::Call(claim)) => *ordered.entry(claim.device).or_default() += 1,
            Ok(_) => return (ordered, true),
            Err(_) => return (ordered, false),
        }
    }
}

/// Negative control: the same store, with that one question left out.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_unknown_outcome_that_is_taken_for_lost_orders_a_device_twice() {
    let times = |ordered: &BTreeMap<DeviceId, usize>| ordered.values().copied().collect::<Vec<_>>();
    let (right, is_whole) = ordered(false, true).await;
    assert_eq!((times(&right), is_whole), (vec![1; 4], true));
    let (mistaken, _) = ordered(true, false).await;
    println!("taken for lost: {:?} orders for each device", times(&mistaken));
    assert_eq!(times(&mistaken), [2; 4], "it was not caught");
    // The last guard of the schema refuses the second order, and the campaign goes no further.
    let (guarded, is_whole) = ordered(true, true).await;
    assert_eq!((times(&guarded), is_whole), (vec![1; 4], false));
}

/// Negative control: a slot that nobody uses, and a device that waits for an answer to no call.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_of_unknown_outcome_that_is_taken_for_lost_takes_a_second_slot() {
    let (wire, store, id) = through().await;
    store.take_unknown_commits_for_lost();
    wire.cut_next_commit(Cut::After);
    assert_eq!(claim(&store, id).await.seq, 2, "it was not caught");
    assert_eq!(store.calls(id).await.unwrap(), 2);
    assert_eq!(use_up(&store, id).await, 1, "of three slots one orders nothing");
}

/// A verb that is cut.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verb {
    Claim,
    Settle,
}

/// Two processes on one campaign, one of them behind a wire.
struct Two {
    database: String,
    id: CampaignId,
    other: PostgresStore<ServerClock>,
}

impl Two {
    async fn new() -> Self {
        let url = database().await;
        let other = process(&url).await;
        let id = campaign(&other, 0..400, opening("c", &["10000/1h"])).await;
        let database = url.rsplit('/').next().unwrap().to_owned();
        Self { database, id, other }
    }

    /// A process behind a wire that has done everything once.
    async fn behind(&self) -> (Wire, Arc<PostgresStore<ServerClock>>) {
        let wire = Wire::before(server()).await;
        let store = Arc::new(process(&wire.url(&self.database)).await);
        let call = claim(&*store, self.id).await.call;
        settle(&*store, call, never_left()).await;
        (wire, store)
    }

    /// Calls that left, and devices that wait for an answer.
    async fn counts(&self) -> (u64, u64) {
        let tally = self.other.tally(self.id).await.unwrap();
        assert_eq!(tally, self.other.recount(self.id).await.unwrap());
        (self.other.calls(self.id).await.unwrap(), tally.claimed)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_that_is_cut_at_any_round_trip_is_done_once_or_not_at_all_and_says_which() {
    let two = Two::new().await;
    let (wire, store) = two.behind().await;
    let _asks_again = AsksAgain::new(store.clone());
    for (verb, cut) in [Verb::Claim, Verb::Settle]
        .into_iter()
        .flat_map(|verb| [Cut::Before, Cut::After].map(|cut| (verb, cut)))
    {
        for round_trip in 0.. {
            let call = match verb {
                Verb::Claim => None,
                Verb::Settle => Some(claim(&*store, two.id).await.call),
            };
            let before = two.counts().await;
            wire.cut_after(round_trip, cut);
            let done = match call {
                None => store.claim(two.id, true).await.map(drop),
                Some(call) => store
                    .settle(call, settlement(never_left(), store.clock().utc()))
                    .await
                    .map(drop),
            };
            let was_last = wire.was_not_cut();
            let after = two.counts().await;
            let place = format!("{verb:?} {cut:?} {round_trip}: {done:?}, {before:?}, {after:?}");
            let one = u64::from(done.is_ok());
            match verb {
                Verb::Claim => assert_eq!(after, (before.0 + one, before.1 + one), "{place}"),
                Verb::Settle => assert_eq!(after, (before.0 - one, before.1 - one), "{place}"),
            }
            if let Err(error) = done {
                assert!(matches!(error, StoreError::OutOfReach { .. }), "{place}");
            }
            if was_last {
                assert!(round_trip >= 4, "{place}");
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_at_any_round_trip_leaves_its_verb_done_or_not_and_locks_nothing()
{
    let two = Two::new().await;
    for verb in [Verb::Claim, Verb::Settle] {
        let mut done = Vec::new();
        for round_trip in 0.. {
            let (wire, store) = two.behind().await;
            let call = match verb {
                Verb::Claim => None,
                Verb::Settle => Some(claim(&*store, two.id).await.call),
            };
            let before = two.counts().await;
            let cut = if round_trip % 2 == 0 { Cut::Before } else { Cut::After };
            wire.kill_after(round_trip / 2, cut);
            let verb = async {
                match call {
                    None => store.claim(two.id, true).await.map(drop),
                    Some(call) => {
                        let answer = settlement(never_left(), store.clock().utc());
                        store.settle(call, answer).await.map(drop)
                    }
                }
            };
            tokio::select! {
                ended = verb => {
                    ended.unwrap();
                    break;
                }
                () = wire.killed() => {}
            }
            // Another process goes on at once: the lock of the dead one is gone with it.
            let next = claim(&two.other, two.id).await;
            settle(&two.other, next.call, never_left()).await;
            let after = two.counts().await;
            done.push(after != before);
            assert!(after.0.abs_diff(before.0) <= 1 && after.1.abs_diff(before.1) <= 1);
        }
        println!("{verb:?}: {done:?}");
        assert!(done.len() >= 8, "{done:?}");
        // Before its COMMIT nothing is done, after it everything is.
        assert_eq!(done.iter().position(|done| *done), Some(done.len() - 1), "{verb:?}: {done:?}");
    }
}
