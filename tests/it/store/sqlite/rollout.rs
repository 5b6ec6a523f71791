//! What lies between waves, in the file: it outlives the process, and damage to it opens no wave.

use fleetsweep::domain::Judged;

use super::*;
use crate::store::suite::rollout::{failure, found, in_waves, one, rollout};

/// A store whose canary is over, and may have failed.
async fn over(path: &Path, failed: bool) -> (CampaignId, Stamp) {
    let store = open(path, &ManualClock::default()).await;
    let id = in_waves(&store, rollout()).await;
    one(&store, id).await;
    one(&store, id).await;
    let over = store.end_wave(id).await.unwrap().over.unwrap();
    if failed {
        assert!(store.judge_wave(id, 0, Judged::Failed(failure())).await.unwrap());
    }
    store.close().await.unwrap();
    (id, over)
}

#[tokio::test]
async fn the_moment_at_which_a_wave_was_over_and_its_failure_outlive_the_process() {
    let (_folder, path) = place();
    let (id, at) = over(&path, true).await;
    let clock = ManualClock::default();
    clock.advance(Duration::from_secs(7_200));
    let store = open(&path, &clock).await;
    let there = found(&store).await;
    assert_eq!((there.wave_over, there.wave_failed), (Some(at), Some(failure())));
    assert_eq!(there.rollout, rollout());
    assert_eq!(store.end_wave(id).await.unwrap().over, Some(at));
    assert!(!store.open_wave(id, 0).await.unwrap());
}

#[tokio::test]
async fn damage_to_what_lies_between_waves_is_noticed_before_anything_is_ordered() {
    for (failed, damage) in [
        (false, "wave_over = wave_over - 1800000000"),
        (false, "wave_over = NULL"),
        (false, "wave = 1"),
        (true, "wave_failed = NULL"),
        (true, "wave_failed = replace(wave_failed, '20', '90')"),
        (false, "rollout = NULL"),
        (false, "rollout = replace(rollout, '1800', '1')"),
    ] {
        let (_folder, path) = place();
        let (id, _) = over(&path, failed).await;
        run(&path, &format!("UPDATE campaign SET {damage}")).await;
        let store = open(&path, &ManualClock::default()).await;
        let found = store.named(&"c".parse().unwrap()).await.unwrap_err().to_string();
        assert!(found.contains("does not match its checksum"), "{damage}: {found}");
        assert!(store.end_wave(id).await.is_err(), "{damage}");
        assert!(store.open_wave(id, 0).await.is_err(), "{damage}");
        if !damage.starts_with("rollout") {
            assert!(store.claim(id, true).await.is_err(), "{damage}");
        }
    }
}
