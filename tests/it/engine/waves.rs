//! A campaign in waves: the engine orders what its wave holds, waits for the next one without
//! ending, and goes on when somebody opens it.

use super::*;
use crate::store_kit;

#[tokio::test(start_paused = true)]
async fn a_run_waits_for_the_next_wave_and_is_not_finished_before_the_last() {
    let world = World::new(Script::scan(|_| Act::Serve));
    let draft = world.store.draft().await.unwrap();
    world.store.append(draft, store_kit::rows(0..30)).await.unwrap();
    world.store.lay_waves(draft, &[10]).await.unwrap();
    let opening = store_kit::opening("c", &["100/1m", "1500/1h"]);
    world.store.open(draft, opening).await.unwrap();
    let campaign = world.find("c").await;
    let opens = async {
        tokio::time::sleep(MINUTE * 10).await;
        assert_eq!(world.calls(), 10, "the first wave alone");
        assert_eq!(world.store.wave_open(draft).await.unwrap(), 0);
        assert!(world.store.open_wave(draft, 0).await.unwrap());
    };
    let (told, ()) = tokio::join!(world.run(&campaign), opens);
    assert_eq!(told.ran.ending, Ending::Finished);
    assert_eq!(world.outcomes().await, [("accepted", 30)].into());
    let next = world.sent()[10];
    assert!((MINUTE * 10..MINUTE * 10 + SECOND * 6).contains(&next), "{next:?}");
    let busiest = world.store.busiest_minute();
    assert!(busiest < 300, "{busiest} questions in a minute");
}
