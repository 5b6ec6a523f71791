//! A server that allows less than its pages say, and says so in its 429: its limit is kept from
//! then on, told once, and blamed on nobody.

use std::collections::VecDeque;
use std::sync::Mutex;

use fleetsweep::clock::Clock;

use super::*;
use crate::kit::fake_server::ListAct;

const THIRTY: Act = Act::Refuse(
    429,
    "429",
    "API calls quota exceeded! Maximum allowed 30 per 00:01:00 for the key \
     Destination+TenantID+AppID.",
);

/// Serves this many calls a minute, refused ones included, and answers the others so.
fn allows(calls: usize, otherwise: Act) -> impl Fn(Duration) -> Act + Send {
    let seen = Mutex::new(VecDeque::new());
    move |at: Duration| {
        let mut seen = seen.lock().unwrap();
        while seen.front().is_some_and(|first| at - *first >= MINUTE) {
            seen.pop_front();
        }
        seen.push_back(at);
        if seen.len() > calls { otherwise.clone() } else { Act::Serve }
    }
}

fn told(notes: &[Note], wanted: impl Fn(&Note) -> bool) -> usize {
    notes.iter().filter(|note| wanted(note)).count()
}

#[tokio::test(start_paused = true)]
async fn a_lower_limit_that_a_429_names_is_kept_told_once_and_blamed_on_nobody() {
    let server = allows(30, THIRTY);
    let world = World::new(Script::scan(move |ask: Ask| server(ask.at)));
    let told_all = world.play(300).await;
    assert_eq!(told_all.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 300)].into());
    let limit = "30/1m".parse().unwrap();
    assert_eq!(told(&told_all.notes, |note| *note == Note::LimitNamed(limit)), 1);
    assert_eq!(told(&told_all.notes, |note| *note == Note::OthersCall), 0);
    assert_eq!(told(&told_all.notes, |note| matches!(note, Note::Paused(..))), 1);
    let throttled = told_all.ran.throttled;
    assert!((1..=16).contains(&throttled), "one volley, and no call after it: {throttled}");
    let campaign = world.find("c").await;
    let budget = campaign.order.target.budget(Operation::Scan);
    let usage = world.store.usage(&budget, 0).await.unwrap();
    assert_eq!(usage.state.named.lowering(&campaign.quotas, world.clock.now()), [limit]);
    // The next campaign meets no 429 at all.
    let next = world.campaign("d", 300..360).await;
    let next = world.run(&next).await;
    assert_eq!((next.ran.ending, next.ran.throttled), (Ending::Finished, 0));
}

/// Negative control: without the words nobody can keep to that limit, and there are as many
/// refusals as before.
#[tokio::test(start_paused = true)]
async fn a_lower_limit_that_nobody_names_is_met_again_and_again() {
    let server = allows(30, Act::Refuse(429, "429", "quota exceeded"));
    let world = World::new(Script::scan(move |ask: Ask| server(ask.at)));
    let told_all = world.play(300).await;
    assert_eq!(told_all.ran.ending, Ending::Finished);
    assert!(told_all.ran.throttled > 16, "{} refusals", told_all.ran.throttled);
    assert_eq!(told(&told_all.notes, |note| *note == Note::OthersCall), 1);
    assert_eq!(told(&told_all.notes, |note| matches!(note, Note::LimitNamed(_))), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_the_list_is_told_once_as_that_of_the_list() {
    let lost = |ask: Ask| match ask.nth {
        1 if ask.device < 3 => Act::NoAnswer { worked: true },
        _ => Act::Serve,
    };
    let list = |at: Duration| if at < MINUTE * 3 { ListAct::Throttle } else { ListAct::Serve };
    let script = Script { list: Box::new(list), ..Script::scan(lost) };
    let world = World::new(script);
    let told_all = world.play(10).await;
    assert_eq!(told_all.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 10)].into());
    let reads = |note: &Note| matches!(note, Note::Paused(Operation::Read, _));
    let pauses = told(&told_all.notes, reads);
    assert!(pauses > 0, "{:?}", told_all.notes);
    let refused = world.server.ledger(|ledger| ledger.lists) as usize;
    assert!(pauses <= refused, "{pauses} of {refused}");
    assert_eq!(told(&told_all.notes, |note| matches!(note, Note::ListFailed(_))), 0);
    assert_eq!(told(&told_all.notes, |note| matches!(note, Note::Paused(Operation::Scan, _))), 0);
}
