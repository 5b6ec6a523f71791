//! What every store does about campaigns that go before others on their budget.

use fleetsweep::domain::Priority;

use super::*;

const QUOTAS: [&str; 1] = ["100/1m"];

/// A campaign of high priority with a runner, and one of normal priority on the same budget.
async fn high_and_normal(store: &impl Store, devices: std::ops::Range<u32>) -> [CampaignId; 2] {
    let mut urgent = opening("incident", &QUOTAS);
    urgent.busy = BusyPolicy::Retry;
    urgent.priority = Priority::High;
    let high = campaign(store, devices, urgent).await;
    let normal = campaign(store, 50..60, opening("night", &QUOTAS)).await;
    store.engage(high).await.unwrap();
    [high, normal]
}

fn waits_for(store: &impl Store, high: CampaignId) -> NotYet {
    let at = store.clock().now().plus(Timing::default().poll);
    NotYet { at, hold: Hold::Priority(high) }
}

async fn is_held(store: &impl Store, [high, normal]: [CampaignId; 2]) -> bool {
    let peek = store.peek(normal, 0).await.unwrap();
    // Whoever asks for a repeat alone is told the same.
    let due = waits_for(store, high);
    match peek {
        Ok(()) => false,
        Err(no) => {
            assert_eq!(no, due);
            assert_eq!(store.claim(normal, false).await.unwrap(), ClaimAnswer::NotYet(due));
            true
        }
    }
}

pub(super) async fn a_campaign_of_normal_priority_yields_to_one_of_high_priority(
    subject: &impl Subject,
) {
    let store = subject.store();
    let pair @ [high, normal] = high_and_normal(store, 0..2).await;
    assert!(is_held(store, pair).await);
    let ReadAnswer::Call(..) = store.claim_read(normal).await.unwrap() else {
        panic!("looking has a budget of its own")
    };
    let one = claim(store, high).await;
    assert!(is_held(store, pair).await, "one is left to ask");
    claim(store, high).await;
    assert!(!is_held(store, pair).await, "nothing is left to ask");
    claim(store, normal).await;
    settle(store, one.call, throttled(Some(SECOND))).await;
    assert_eq!(store.calls(normal).await.unwrap(), 1);
    let all = store.campaigns().await.unwrap();
    let priorities: Vec<_> = all.iter().map(|one| (one.id, one.priority)).collect();
    assert_eq!(priorities, [(normal, Priority::Normal), (high, Priority::High)]);
    assert!(store.set_priority(CampaignId(999_999), Priority::High).await.is_err());
    assert!(store.engage(CampaignId(999_999)).await.is_err());
    let draft = store.draft().await.unwrap();
    assert!(store.set_priority(draft, Priority::High).await.is_err());
    assert!(store.engage(draft).await.is_err());
}

pub(super) async fn a_campaign_whose_runner_is_gone_makes_nobody_wait(subject: &impl Subject) {
    let store = subject.store();
    let pair @ [high, normal] = high_and_normal(store, 0..9).await;
    let holds = Timing::default().engaged_for();
    subject.advance(holds - Duration::from_micros(1)).await;
    assert!(is_held(store, pair).await);
    subject.advance(Duration::from_micros(1)).await;
    assert!(!is_held(store, pair).await);
    claim(store, normal).await;
    store.engage(high).await.unwrap();
    assert!(is_held(store, pair).await, "it is back");
    store.set_priority(high, Priority::Normal).await.unwrap();
    assert!(!is_held(store, pair).await);
    store.engage(high).await.unwrap();
    store.set_priority(high, Priority::High).await.unwrap();
    subject.advance(holds).await;
    assert!(!is_held(store, pair).await, "the word of a normal one is not kept");
}

pub(super) async fn what_waits_or_may_not_be_asked_holds_nobody_back(subject: &impl Subject) {
    let store = subject.store();
    let pair @ [high, _] = high_and_normal(store, 0..2).await;
    let (one, two) = (claim(store, high).await, claim(store, high).await);
    settle(store, one.call, busy()).await;
    settle(store, two.call, doubtful()).await;
    assert!(!is_held(store, pair).await, "one waits an hour, the other is looked up");
    subject.advance(Timing::default().busy_retry - SECOND).await;
    store.engage(high).await.unwrap();
    assert!(!is_held(store, pair).await);
    subject.advance(SECOND).await;
    assert!(is_held(store, pair).await, "its moment has come");
    store.set_paused(high, true).await.unwrap();
    assert!(!is_held(store, pair).await);
    store.set_paused(high, false).await.unwrap();
    assert!(is_held(store, pair).await);
}

pub(super) async fn waves_that_have_not_come_yet_hold_nobody_back(subject: &impl Subject) {
    let store = subject.store();
    let draft = store.draft().await.unwrap();
    store.append(draft, rows(0..3)).await.unwrap();
    store.lay_waves(draft, &[1]).await.unwrap();
    store.open(draft, opening("incident", &QUOTAS)).await.unwrap();
    let pair = [draft, campaign(store, 50..60, opening("night", &QUOTAS)).await];
    store.set_priority(draft, Priority::High).await.unwrap();
    store.engage(draft).await.unwrap();
    assert!(is_held(store, pair).await);
    let call = claim(store, draft).await.call;
    assert!(!is_held(store, pair).await);
    settle(store, call, accepted(store.clock().utc())).await;
    assert!(store.open_wave(draft, 0).await.unwrap());
    assert!(is_held(store, pair).await);
}

pub(super) async fn priority_counts_on_one_budget_and_among_others_of_high_priority_not_at_all(
    subject: &impl Subject,
) {
    let store = subject.store();
    let [high, normal] = high_and_normal(store, 0..2).await;
    let mut elsewhere = opening("elsewhere", &QUOTAS);
    elsewhere.order.target.application = "App-2".to_owned();
    let elsewhere = campaign(store, 70..71, elsewhere).await;
    claim(store, elsewhere).await;
    let second = campaign(store, 80..82, opening("second", &QUOTAS)).await;
    store.set_priority(second, Priority::High).await.unwrap();
    store.engage(second).await.unwrap();
    claim(store, high).await;
    claim(store, second).await;
    claim(store, high).await;
    let no = store.peek(normal, 0).await.unwrap().unwrap_err();
    assert_eq!(no.hold, Hold::Priority(second), "the first has nothing left to ask");
    claim(store, second).await;
    claim(store, normal).await;
}
