//! What every store does about turns and waves: in what order devices are claimed, and when the
//! next wave begins.

use super::*;

/// The numbers of the devices that are claimed now, one after the other, each answered.
async fn claimed(store: &impl Store, campaign: CampaignId) -> Vec<u32> {
    let mut numbers = Vec::new();
    loop {
        match store.claim(campaign, true).await.unwrap() {
            ClaimAnswer::Call(claim) => {
                settle(store, claim.call, accepted(store.clock().utc())).await;
                let known = (0..20).find(|number| device(*number) == claim.device);
                numbers.push(known.unwrap());
            }
            ClaimAnswer::Idle { wake: None, repeats_only: false } => return numbers,
            other => panic!("{other:?}"),
        }
    }
}

/// A draft of devices with these ranks and turns.
async fn draft(store: &impl Store, rows: &[(Life, i64)]) -> CampaignId {
    let draft = store.draft().await.unwrap();
    let rows = (0..).zip(rows).map(|(number, (life, turn))| NewRow {
        life: *life,
        turn: *turn,
        ..row(number)
    });
    store.append(draft, rows.collect()).await.unwrap();
    draft
}

fn asked() -> Life {
    Life::draft()
}

pub(super) async fn turns_order_the_devices_of_a_rank_and_input_order_those_of_a_turn(
    subject: &impl Subject,
) {
    let store = subject.store();
    let late = Life::late_draft();
    let rows = [(asked(), 5), (late, -9), (asked(), 0), (asked(), -1), (late, -10), (asked(), 0)];
    let id = draft(store, &rows).await;
    store.open(id, opening("c", &["100/1m"])).await.unwrap();
    assert_eq!(claimed(store, id).await, [3, 2, 5, 0, 4, 1]);
    let turns: Vec<i64> =
        store.rows(id, 0, 9).await.unwrap().into_iter().map(|row| row.turn).collect();
    assert_eq!(turns, [5, -9, 0, -1, -10, 0]);
}

pub(super) async fn waves_are_dealt_only_until_a_draft_is_confirmed(subject: &impl Subject) {
    let store = subject.store();
    let id = draft(store, &[(asked(), i64::MAX), (asked(), 0), (asked(), -1), (asked(), 0)]).await;
    store.open(id, opening("c", &["100/1m"])).await.unwrap();
    assert!(store.lay_waves(id, &[1]).await.is_err(), "it is no draft any more");
    assert_eq!(claimed(store, id).await, [2, 1, 3, 0]);
}

pub(super) async fn waves_are_dealt_in_the_order_of_claims_and_what_remains_is_the_last(
    subject: &impl Subject,
) {
    let store = subject.store();
    let aside = Life::ended(Outcome::Skipped);
    let rows = [
        (Life::late_draft(), 0),
        (asked(), 1),
        (aside, -1),
        (asked(), 0),
        (asked(), 1),
        (asked(), -1),
    ];
    let id = draft(store, &rows).await;
    let waves = async || -> Vec<u32> {
        store.rows(id, 0, 9).await.unwrap().into_iter().map(|row| row.wave).collect()
    };
    store.lay_waves(id, &[2, 1, 0, 1]).await.unwrap();
    // In the order of claims: 5, 3 | 1 | | 4 | 0.
    assert_eq!(waves().await, [4, 1, 0, 0, 3, 0]);
    store.lay_waves(id, &[u64::MAX, 3]).await.unwrap();
    assert_eq!(waves().await, [0; 6]);
    store.lay_waves(id, &[]).await.unwrap();
    assert_eq!(waves().await, [0; 6]);
    store.lay_waves(id, &[1]).await.unwrap();
    assert_eq!(waves().await, [1, 1, 0, 1, 1, 0]);
}

pub(super) async fn nothing_of_a_later_wave_is_claimed_before_the_present_one_is_over(
    subject: &impl Subject,
) {
    let store = subject.store();
    let id = draft(store, &[(asked(), 0); 5]).await;
    store.lay_waves(id, &[2, 2]).await.unwrap();
    store.open(id, opening("c", &["100/1m"])).await.unwrap();
    let name = "c".parse().unwrap();
    assert_eq!(store.named(&name).await.unwrap().remove(0).wave, 0);
    assert_eq!(store.wave_open(id).await.unwrap(), 2);
    let (first, second) = (claim(store, id).await, claim(store, id).await);
    assert_eq!((first.device, second.device), (device(0), device(1)));
    let horizon = first.claimed_at.plus(horizon());
    let idle = ClaimAnswer::Idle { wake: Some(horizon), repeats_only: false };
    assert_eq!(store.claim(id, true).await.unwrap(), idle, "the others are of later waves");
    assert_eq!(store.claim(id, false).await.unwrap(), idle);
    settle(store, first.call, accepted(store.clock().utc())).await;
    assert_eq!(store.wave_open(id).await.unwrap(), 1);
    assert!(!store.open_wave(id, 0).await.unwrap(), "a call is outstanding");
    // A busy device whose action is unknown has no outcome yet either.
    settle(store, second.call, busy()).await;
    assert_eq!(store.wave_open(id).await.unwrap(), 1);
    assert!(!store.open_wave(id, 0).await.unwrap());
    let due = store.to_look_up(id, 10).await.unwrap();
    let found = Found::NotOurs { covered: true };
    store.looked_up(id, vec![Finding { look_up: due[0], found, action: None }]).await.unwrap();
    assert_eq!(store.wave_open(id).await.unwrap(), 0);
    assert!(!store.finish(id).await.unwrap(), "later waves are still to come");
    let nothing = ClaimAnswer::Idle { wake: None, repeats_only: false };
    assert_eq!(store.claim(id, true).await.unwrap(), nothing);

    assert!(!store.open_wave(id, 1).await.unwrap(), "it does not stand there");
    assert!(store.open_wave(id, 0).await.unwrap());
    assert!(!store.open_wave(id, 0).await.unwrap(), "another runner was faster");
    assert_eq!(store.named(&name).await.unwrap().remove(0).wave, 1);
    assert_eq!(claimed(store, id).await, [2, 3]);
    assert!(store.open_wave(id, 1).await.unwrap());
    assert_eq!(claimed(store, id).await, [4]);
    assert!(store.finish(id).await.unwrap());
    assert!(!store.open_wave(id, 2).await.unwrap(), "it is finished");
    let draft = store.draft().await.unwrap();
    assert!(store.wave_open(draft).await.is_err());
    assert!(store.open_wave(draft, 0).await.is_err());
}

pub(super) async fn a_device_that_waits_keeps_its_wave_open(subject: &impl Subject) {
    let store = subject.store();
    let id = draft(store, &[(asked(), 0); 3]).await;
    store.lay_waves(id, &[2]).await.unwrap();
    let mut retry = opening("c", &["100/1m"]);
    retry.busy = BusyPolicy::Retry;
    store.open(id, retry).await.unwrap();
    let first = claim(store, id).await;
    settle(store, first.call, busy()).await;
    let second = claim(store, id).await;
    settle(store, second.call, doubtful()).await;
    assert_eq!(store.wave_open(id).await.unwrap(), 2);
    assert!(!store.open_wave(id, 0).await.unwrap());
    let answer = store.claim(id, true).await.unwrap();
    assert!(matches!(answer, ClaimAnswer::Idle { wake: Some(_), .. }), "{answer:?}");
    subject.advance(Timing::default().busy_retry).await;
    assert_eq!(claim(store, id).await.device, device(0));
}

pub(super) async fn a_device_that_is_asked_again_later_joins_the_wave_that_has_begun(
    subject: &impl Subject,
) {
    let store = subject.store();
    let id = draft(store, &[(asked(), 0); 2]).await;
    store.lay_waves(id, &[1]).await.unwrap();
    store.open(id, opening("c", &["100/1m"])).await.unwrap();
    let first = claim(store, id).await;
    settle(store, first.call, Verdict::Forbidden(refusal(403, "Forbidden"))).await;
    assert!(store.open_wave(id, 0).await.unwrap());
    assert_eq!(store.reopen(id, vec![(first.seq, first.attempt)]).await.unwrap(), 1);
    assert_eq!(store.wave_open(id).await.unwrap(), 2);
    // Behind the one that was not asked yet.
    assert_eq!(claimed(store, id).await, [1, 0]);
    assert!(store.finish(id).await.unwrap());
}
