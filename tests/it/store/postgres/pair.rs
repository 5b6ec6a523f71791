//! A real pair of servers: the primary is lost, and the standby takes over, which lags behind or
//! does not. The store is given both addresses, and goes on by itself.

use fleetsweep::clock::SystemClock;

use super::*;
use crate::kit::pair::Pair;

/// Claims until there is an answer: a server that is away for a while is waited for.
async fn answer(store: &impl Store, id: CampaignId) -> ClaimAnswer {
    loop {
        match store.claim(id, true).await {
            Ok(answer) => return answer,
            Err(error) => assert!(matches!(error, StoreError::OutOfReach { .. }), "{error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_lagged_behind_takes_over_and_the_limit_holds() {
    let pair = Pair::asynchronous();
    let store = process(&pair.url()).await;
    let id = campaign(&store, 0..60, opening("c", &["20/1h"])).await;
    for _ in 0..8 {
        claim(&store, id).await;
    }
    pair.cut_off().await;
    assert_eq!(use_up(&store, id).await, 12);
    pair.fail_over();
    // The same process goes on at the other address, and has forgotten twelve calls.
    let ClaimAnswer::NotYet(no) = answer(&store, id).await else { panic!() };
    assert_eq!(no.hold, fleetsweep::store::Hold::Forgotten);
    assert_eq!(store.calls(id).await.unwrap(), 8, "it knows of eight");
    // Negative control: as if nobody had noticed.
    let there = pair.standby.connect("postgres").await;
    there.batch_execute("UPDATE fleetsweep.epoch SET free_at = 0, number = 0").await.unwrap();
    let more = use_up(&store, id).await;
    println!("{} of 20 without the new epoch", 20 + more);
    assert_eq!(more, 12, "without the new epoch the limit is broken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_has_every_commit_takes_over_and_ordering_goes_on_at_once() {
    let pair = Pair::synchronous().await;
    let store = process(&format!("{}?durability=synchronous", pair.url())).await;
    let id = campaign(&store, 0..60, opening("c", &["20/1h"])).await;
    for _ in 0..8 {
        claim(&store, id).await;
    }
    pair.is_durable().await;
    for _ in 0..4 {
        claim(&store, id).await;
    }
    pair.fail_over();
    let since = SystemClock::boot_time_us();
    let ClaimAnswer::Call(next) = answer(&store, id).await else { panic!("it waits") };
    let took = Duration::from_micros((SystemClock::boot_time_us() - since) as u64);
    println!("the next claim {took:.1?} after the failover");
    assert!(took < Duration::from_secs(60), "{took:?}");
    assert_eq!(next.seq, 13, "nothing was forgotten");
    assert_eq!(use_up(&store, id).await, 7);
    assert_eq!(store.calls(id).await.unwrap(), 20);
    // Negative control: a store that was told nothing of its standby cannot know, and waits.
    store.close().await.unwrap();
    let there = pair.standby.connect("postgres").await;
    let unsure = "UPDATE fleetsweep.epoch SET durable = false, server = 'another/00000001'";
    there.batch_execute(unsure).await.unwrap();
    let after = process(&pair.url()).await;
    let ClaimAnswer::NotYet(no) = answer(&after, id).await else { panic!() };
    assert_eq!(no.hold, fleetsweep::store::Hold::Forgotten);
}
