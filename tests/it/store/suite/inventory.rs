//! What is known of devices before the first call, as stores keep it: who comes late, and notes.

use super::*;

pub(super) async fn late_devices_come_after_the_others_and_before_every_repeat(
    subject: &impl Subject,
) {
    let store = subject.store();
    let draft = store.draft().await.unwrap();
    let late = |number| NewRow { life: Life::late_draft(), ..row(number) };
    store.append(draft, vec![late(0), row(1), late(2), row(3)]).await.unwrap();
    store.open(draft, opening("c", &["100/1m"])).await.unwrap();
    let not_found = || Verdict::NotFound(refusal(404, "ResourceNotFound"));
    for number in [1, 3, 0] {
        let next = claim(store, draft).await;
        assert_eq!((next.device, next.repeat), (device(number), false));
        settle(store, next.call, not_found()).await;
    }
    // A call that never left uses no try up, so the device keeps its place.
    let asleep = claim(store, draft).await;
    settle(store, asleep.call, never_left()).await;
    subject.advance(Duration::from_secs(61)).await;
    let order = [2, 0, 1, 3].map(device);
    for (at, device) in order.into_iter().enumerate() {
        let next = claim(store, draft).await;
        assert_eq!((next.device, next.repeat), (device, at > 0));
        settle(store, next.call, accepted(store.clock().utc())).await;
    }
}

pub(super) async fn what_a_row_notes_about_its_device_outlives_every_answer(
    subject: &impl Subject,
) {
    let store = subject.store();
    let draft = store.draft().await.unwrap();
    let noted = NewRow { reason: Some("one of two records".to_owned()), ..row(0) };
    store.append(draft, vec![noted, ended_row(1, Outcome::Skipped, "a phone")]).await.unwrap();
    store.open(draft, opening("c", &["100/1m"])).await.unwrap();
    let first = claim(store, draft).await;
    settle(store, first.call, busy()).await;
    let rows = store.rows(draft, 0, 9).await.unwrap();
    assert_eq!(rows[0].detail.note.as_deref(), Some("one of two records"));
    assert_eq!(rows[0].detail.reason.as_deref(), Some("a scan was already in progress"));
    assert_eq!(rows[1].detail.reason.as_deref(), Some("a phone"));
    assert_eq!(rows[1].detail.note, None);
}

/// As where one task runs many campaigns and waits for one of them.
pub(super) async fn reads_that_are_begun_and_left_hold_up_no_other(subject: &impl Subject) {
    let store = subject.store();
    let id = campaign(store, 0..20, opening("c", &["3/1m"])).await;
    let mut left: Vec<_> = (0..20).map(|_| Box::pin(store.rows(id, 0, 9))).collect();
    for _ in 0..20 {
        for read in &mut left {
            // So far that it holds what it needs, and not to its end.
            let begun = tokio::time::timeout(Duration::from_micros(1), read.as_mut());
            if begun.await.is_ok() {
                *read = Box::pin(store.rows(id, 0, 9));
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let other = tokio::time::timeout(Duration::from_secs(10), store.tally(id)).await;
    assert_eq!(other.expect("it waits for those that nobody goes on with").unwrap().queued, 20);
}
