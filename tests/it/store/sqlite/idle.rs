//! What a run that waits costs its store.

use super::*;

#[tokio::test]
async fn what_an_idle_run_asks_every_few_seconds_is_no_write() {
    let (_folder, path) = place();
    let clock = ManualClock::default();
    let store = open(&path, &clock).await;
    let id = campaign(&store, 0..3, opening("c", &["100/1m"])).await;
    let call = claim(&store, id).await.call;
    let before = store.commits();
    let idle = async || {
        assert_eq!(store.expire(id).await.unwrap(), 0);
        store.engage(id).await.unwrap();
        assert_eq!(store.end_wave(id).await.unwrap().over, None);
        assert!(!store.finish(id).await.unwrap());
    };
    idle().await;
    assert_eq!(store.commits(), before);
    // What there is to write is written all the same.
    clock.advance(horizon() + SECOND);
    assert_eq!(store.expire(id).await.unwrap(), 1);
    assert_eq!(store.commits(), before + 1);
    idle().await;
    assert_eq!(store.commits(), before + 1);
    settle(&store, call, accepted(store.clock().utc())).await;
    store.set_priority(id, fleetsweep::domain::Priority::High).await.unwrap();
    let before = store.commits();
    store.engage(id).await.unwrap();
    assert_eq!(store.commits(), before + 1, "one of high priority makes others wait");
}
