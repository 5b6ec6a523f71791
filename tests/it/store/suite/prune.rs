//! What is pruned and what stays, in every store. Whoever looks back at orders notices nothing.

use fleetsweep::domain::history::{Coverage, LOOKED_BACK, Past};
use fleetsweep::domain::{Campaign, CampaignFilter, ScanType};
use fleetsweep::engine::history::{Fleet, History, Whose, a_run};
use jiff::Timestamp;

use super::campaigns::over;
use super::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn ago(store: &impl Store, time: Duration) -> Timestamp {
    store.clock().utc().checked_sub(time).unwrap()
}

fn is_gone<T>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Gone { .. }))
}

pub(super) async fn the_rows_of_a_campaign_that_ended_long_ago_go_and_all_else_of_it_stays(
    subject: &impl Subject,
) {
    let store = subject.store();
    let old = over(subject, "old", 1).await;
    subject.advance(LOOKED_BACK + SECOND * 60).await;
    let young = campaign(store, 2..3, opening("young", &["100/1m"])).await;
    let kept = store.campaign(old).await.unwrap().unwrap();
    let budget = kept.order.target.budget(Operation::Scan);
    let told = async || {
        let usage = store.usage(&budget, 9).await.unwrap();
        (store.tally(old).await.unwrap(), store.calls(old).await.unwrap(), usage)
    };
    let before = told().await;
    assert_eq!(before.2.seen_by.len(), 1);
    assert_eq!(store.happenings(old, 0, 9).await.unwrap().len(), 1, "it began");

    let meant = CampaignFilter {
        with_rows_over_before: Some(ago(store, LOOKED_BACK)),
        ..CampaignFilter::default()
    };
    assert_eq!(store.select(&meant).await.unwrap(), std::slice::from_ref(&kept));
    assert_eq!(store.prune(old, ago(store, LOOKED_BACK)).await.unwrap(), Some(1));
    assert_eq!(store.prune(old, ago(store, LOOKED_BACK)).await.unwrap(), None, "they are gone");
    assert_eq!(store.select(&meant).await.unwrap(), []);

    assert_eq!(told().await, before);
    let pruned_at = Some(store.clock().utc());
    let there = store.campaign(old).await.unwrap().unwrap();
    assert_eq!(there, Campaign { pruned_at, ..kept.clone() });
    assert!(is_gone(store.rows(old, 0, 9).await) && is_gone(store.asked(old, 0, 9).await));
    assert!(is_gone(store.each_row(old, |_| Ok::<(), StoreError>(())).await));
    assert_eq!(store.rows(young, 0, 9).await.unwrap().len(), 1);
    assert_eq!(store.happenings(old, 0, 9).await.unwrap(), []);
    assert_eq!(store.happenings(young, 0, 9).await.unwrap().len(), 1);
    // A command line that is typed again after a year orders nothing twice.
    let draft = store.draft().await.unwrap();
    store.append(draft, rows(1..2)).await.unwrap();
    let again = opening("old", &["100/1m"]);
    assert_eq!(store.open(draft, again).await.unwrap(), Opened::Taken(Vec::new()));
}

pub(super) async fn what_is_open_in_doubt_or_looked_back_at_is_never_pruned(
    subject: &impl Subject,
) {
    let store = subject.store();
    let ended = over(subject, "ended", 1).await;
    let open = campaign(store, 2..4, opening("open", &["100/1m"])).await;
    let doubted = campaign(store, 4..5, opening("doubted", &["100/1m"])).await;
    let call = claim(store, doubted).await.call;
    settle(store, call, doubtful()).await;
    store.call_off(doubted).await.unwrap();
    subject.advance(DAY * 89).await;
    // Whatever is asked for, what is looked back at stays.
    for before in [store.clock().utc(), ago(store, DAY * 88), Timestamp::MAX] {
        assert_eq!(store.prune(ended, before).await.unwrap(), None);
    }
    subject.advance(DAY * 2).await;
    for id in [open, doubted] {
        assert_eq!(store.prune(id, Timestamp::MAX).await.unwrap(), None);
        assert!(!store.rows(id, 0, 9).await.unwrap().is_empty());
    }
    assert_eq!(store.prune(ended, ago(store, DAY * 92)).await.unwrap(), None, "it is younger");
    assert_eq!(store.prune(ended, ago(store, DAY * 91 - SECOND)).await.unwrap(), Some(1));
    let draft = store.draft().await.unwrap();
    assert!(matches!(store.prune(draft, Timestamp::MAX).await, Err(StoreError::Broken(_))));
}

/// All that is told of earlier orders: how much is covered, what is known of each device, and how
/// many a run orders.
async fn looked_back(store: &impl Store) -> (Coverage, Vec<Past>, Option<(u64, usize)>) {
    let now = store.clock().utc();
    let mut history = History::new(ScanType::Full, now);
    let whose = Whose { tenant: Some("Tenant-1".to_owned()), emulated: false };
    history.read_store(store, &whose).await.unwrap();
    let campaigns = store.campaigns().await.unwrap();
    let mut fleet = Fleet::default();
    for campaign in campaigns.iter().filter(|one| one.opened_at >= ago(store, LOOKED_BACK)) {
        fleet.read(store, campaign, &mut history).await.unwrap();
    }
    let known = (0..9).map(|number| history.of(device(number))).collect();
    let a_run = a_run(store, &campaigns, 7).await.unwrap();
    (history.coverage(fleet.devices), known, a_run)
}

pub(super) async fn coverage_and_earlier_orders_are_the_same_before_and_after_pruning(
    subject: &impl Subject,
) {
    let store = subject.store();
    // One device a night, some of them twice; the first nights are too long ago to count.
    for (night, number) in [1, 2, 1, 3, 4, 2, 5, 6].into_iter().enumerate() {
        over(subject, &format!("nightly-{night}"), number).await;
        subject.advance(DAY * 20).await;
    }
    campaign(store, 7..9, opening("open", &["100/1m"])).await;
    let before = looked_back(store).await;
    let mut pruned = 0;
    for campaign in store.campaigns().await.unwrap() {
        let gone = store.prune(campaign.id, Timestamp::MAX).await.unwrap();
        pruned += gone.unwrap_or_default();
    }
    assert_eq!(pruned, 4, "those of the nights before the last 90 days");
    assert_eq!(looked_back(store).await, before);
    assert!(before.1.iter().filter(|past| past.ordered.is_some()).count() == 4, "{before:?}");
}
