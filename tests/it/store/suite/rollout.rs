//! What every store does about what lies between waves: who is chosen for the first one, when a
//! wave is over, and that one which failed opens only when somebody has looked.

use fleetsweep::domain::rollout::{Figures, MaxFailures, WaveFailure};
use fleetsweep::domain::{Campaign, Judged, Opening, Rollout, WaveStand};

use super::*;

/// Two waves and the rest, with all that can be asked for.
pub(crate) fn rollout() -> Rollout {
    Rollout {
        sizes: vec![2, 1],
        canary: true,
        canary_wait: Duration::from_secs(1_800),
        wave_wait: Duration::from_millis(1),
        max_failures: Some(MaxFailures::Share(550)),
    }
}

pub(crate) fn failure() -> WaveFailure {
    let failures = [("rejected".to_owned(), 2)].into();
    let figures = Figures { devices: 20, failures, under_way: 0, ordered: 20 };
    WaveFailure { name: "the canary".to_owned(), figures, most: MaxFailures::OF_A_WAVE }
}

/// A campaign of five devices in these waves.
pub(crate) async fn in_waves(store: &impl Store, rollout: Rollout) -> CampaignId {
    let draft = store.draft().await.unwrap();
    store.append(draft, rows(0..5)).await.unwrap();
    store.lay_waves(draft, &rollout.sizes).await.unwrap();
    let opening = Opening { rollout, ..opening("c", &["100/1m"]) };
    store.open(draft, opening).await.unwrap();
    draft
}

pub(crate) async fn found(store: &impl Store) -> Campaign {
    store.named(&"c".parse().unwrap()).await.unwrap().remove(0)
}

/// Claims the next device and has it accepted.
pub(crate) async fn one(store: &impl Store, campaign: CampaignId) {
    let call = claim(store, campaign).await.call;
    settle(store, call, accepted(store.clock().utc())).await;
}

fn stand(wave: u32, over: Option<Stamp>) -> WaveStand {
    WaveStand { wave, over, failed: None }
}

pub(super) async fn a_campaign_keeps_how_its_waves_go_and_one_of_one_wave_has_nothing_to_keep(
    subject: &impl Subject,
) {
    let store = subject.store();
    let id = in_waves(store, rollout()).await;
    let there = found(store).await;
    assert_eq!((there.rollout, there.wave_over, there.wave_failed), (rollout(), None, None));
    let draft = store.draft().await.unwrap();
    store.append(draft, rows(5..6)).await.unwrap();
    store.open(draft, opening("d", &["100/1m"])).await.unwrap();
    let there = store.named(&"d".parse().unwrap()).await.unwrap().remove(0);
    assert!(there.rollout.is_plain());
    one(store, draft).await;
    assert_eq!(store.end_wave(draft).await.unwrap(), stand(0, None), "nothing comes after it");
    assert_eq!(store.end_wave(id).await.unwrap(), stand(0, None));
}

pub(super) async fn when_a_wave_was_over_is_said_by_the_first_to_ask_and_stays(
    subject: &impl Subject,
) {
    let store = subject.store();
    let id = in_waves(store, rollout()).await;
    one(store, id).await;
    assert_eq!(store.end_wave(id).await.unwrap(), stand(0, None), "a device waits");
    one(store, id).await;
    let over = store.clock().now();
    assert_eq!(store.end_wave(id).await.unwrap(), stand(0, Some(over)));
    subject.advance(Duration::from_secs(60)).await;
    assert_eq!(store.end_wave(id).await.unwrap(), stand(0, Some(over)));
    assert_eq!(found(store).await.wave_over, Some(over));
    // The next wave has a moment of its own.
    assert!(store.open_wave(id, 0).await.unwrap());
    assert_eq!(found(store).await.wave_over, None);
    assert_eq!(store.end_wave(id).await.unwrap(), stand(1, None));
    one(store, id).await;
    let over = store.clock().now();
    assert_eq!(store.end_wave(id).await.unwrap(), stand(1, Some(over)));
    assert!(store.open_wave(id, 1).await.unwrap());
    one(store, id).await;
    one(store, id).await;
    assert_eq!(store.end_wave(id).await.unwrap(), stand(2, None), "the last one");
    let draft = store.draft().await.unwrap();
    assert!(store.end_wave(draft).await.is_err());
}

pub(super) async fn a_wave_that_opens_again_is_over_later(subject: &impl Subject) {
    let store = subject.store();
    let id = in_waves(store, rollout()).await;
    one(store, id).await;
    let second = claim(store, id).await;
    settle(store, second.call, Verdict::Forbidden(refusal(403, "Forbidden"))).await;
    let first_over = store.clock().now();
    assert_eq!(store.end_wave(id).await.unwrap(), stand(0, Some(first_over)));
    assert_eq!(store.reopen(id, vec![(second.seq, second.attempt)]).await.unwrap(), 1);
    assert_eq!(found(store).await.wave_over, None);
    subject.advance(Duration::from_secs(600)).await;
    assert_eq!(store.end_wave(id).await.unwrap(), stand(0, None));
    one(store, id).await;
    let over = store.clock().now();
    assert!(over > first_over);
    assert_eq!(store.end_wave(id).await.unwrap(), stand(0, Some(over)));
}

pub(super) async fn a_wave_that_failed_opens_only_when_somebody_has_looked(subject: &impl Subject) {
    let store = subject.store();
    let id = in_waves(store, rollout()).await;
    let failed = || Judged::Failed(failure());
    one(store, id).await;
    assert!(!store.judge_wave(id, 0, failed()).await.unwrap(), "it is not over");
    one(store, id).await;
    assert!(!store.judge_wave(id, 1, failed()).await.unwrap(), "it does not stand there");
    assert!(!store.judge_wave(id, 0, Judged::Allowed).await.unwrap(), "it has not failed");
    let over = store.end_wave(id).await.unwrap().over;
    assert!(store.judge_wave(id, 0, failed()).await.unwrap());
    assert!(!store.judge_wave(id, 0, failed()).await.unwrap(), "another runner was faster");
    assert!(!store.open_wave(id, 0).await.unwrap(), "nobody has looked");
    let nothing = ClaimAnswer::Idle { wake: None, repeats_only: false };
    assert_eq!(store.claim(id, true).await.unwrap(), nothing);
    assert!(!store.finish(id).await.unwrap());
    let there = found(store).await;
    assert_eq!((there.wave, there.wave_over, there.wave_failed), (0, over, Some(failure())));
    assert_eq!(store.end_wave(id).await.unwrap().failed, Some(failure()));
    assert!(store.judge_wave(id, 0, Judged::Allowed).await.unwrap());
    let there = found(store).await;
    assert_eq!((there.wave, there.wave_over, there.wave_failed), (1, None, None));
    assert!(!store.judge_wave(id, 0, failed()).await.unwrap(), "it has gone on");
    one(store, id).await;
    assert!(store.open_wave(id, 1).await.unwrap());
}

pub(super) async fn chosen_devices_are_dealt_before_all_others(subject: &impl Subject) {
    let store = subject.store();
    let draft = store.draft().await.unwrap();
    let mut all = rows(0..6);
    all[4].life = Life::late_draft();
    all[1].life = Life::ended(Outcome::Skipped);
    all[0].turn = 9;
    store.append(draft, all).await.unwrap();
    let waves = async || -> Vec<u32> {
        store.rows(draft, 0, 9).await.unwrap().into_iter().map(|row| row.wave).collect()
    };
    // Row 5 comes late, and row 2 ended when it was read.
    store.lay_chosen(draft, &[5, 2, 6, 5], &[2, 1]).await.unwrap();
    assert_eq!(waves().await, [2, 0, 1, 2, 0, 0]);
    store.lay_chosen(draft, &[], &[2, 1]).await.unwrap();
    assert_eq!(waves().await, [2, 0, 0, 0, 2, 1]);
    store.open(draft, opening("c", &["100/1m"])).await.unwrap();
    assert!(store.lay_chosen(draft, &[1], &[1]).await.is_err(), "it is no draft any more");
}
