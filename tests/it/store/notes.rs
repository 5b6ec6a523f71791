//! What a store keeps for people and for a later run: how a run went, how far a scan is, and which
//! devices wait again. What it keeps for the limit is in `limits`.

use fleetsweep::domain::{Action, LastRun, RunEnd};

use super::*;

pub(super) async fn what_was_refused_in_its_last_attempt_waits_again(subject: &impl Subject) {
    let store = subject.store();
    let id = campaign(store, 0..3, opening("c", &["100/1m"])).await;
    let refused = Verdict::Forbidden(refusal(403, "Forbidden"));
    for verdict in [refused.clone(), refused, accepted(store.clock().utc())] {
        let call = claim(store, id).await.call;
        settle(store, call, verdict).await;
    }
    let rejected = State::Done(Outcome::Rejected);
    let done = State::Done(Outcome::Accepted);
    assert_eq!(states(store, id).await, [rejected, rejected, done]);
    // Another attempt of the second one, and one that was not refused, stay as they are.
    assert_eq!(store.reopen(id, vec![(1, 1), (2, 2), (3, 1)]).await.unwrap(), 1);
    assert_eq!(states(store, id).await, [State::Queued(Stamp::ZERO), rejected, done]);
    assert_eq!(store.tally(id).await.unwrap().queued, 1);
    assert_eq!(claim(store, id).await.attempt, 2);
}

pub(super) async fn how_the_latest_run_went_is_kept(subject: &impl Subject) {
    let store = subject.store();
    let id = campaign(store, 0..1, opening("c", &["100/1m"])).await;
    let last = async || {
        let campaign = store.find(&"c".parse().unwrap()).await.unwrap().unwrap();
        (campaign.last_run, campaign.last_call_at)
    };
    assert_eq!(last().await, (None, None));
    let at = store.clock().utc();
    let reports = vec!["/r.csv".to_owned()];
    let mut run = LastRun { seen_at: Some(at), reports, ..LastRun::begun(at) };
    store.note_run(id, run.clone()).await.unwrap();
    assert_eq!(last().await.0.as_ref(), Some(&run));
    let why = "by a signal".to_owned();
    run.ended = Some(RunEnd { at, why, exit_code: 5, resume: None });
    store.note_run(id, run.clone()).await.unwrap();
    claim(store, id).await;
    assert_eq!(last().await, (Some(run.clone()), Some(at)));
    assert!(store.note_run(CampaignId(999_999), run).await.is_err());
}

pub(super) async fn how_far_a_scan_is_is_kept_where_it_was_ordered_and_nowhere_else(
    subject: &impl Subject,
) {
    let store = subject.store();
    let id = campaign(store, 0..2, opening("c", &["100/1m"])).await;
    let utc = store.clock().utc();
    for _ in 0..2 {
        let call = claim(store, id).await.call;
        settle(store, call, accepted(utc)).await;
    }
    let rows = store.rows(id, 0, 10).await.unwrap();
    let ordered = rows[0].detail.action_id.clone().unwrap();
    let ended = Action { id: ordered, ..action("Full", "Succeeded", utc) };
    let other = Action { id: "somebody else's".to_owned(), ..ended.clone() };
    assert_eq!(store.note_actions(id, vec![(1, ended), (2, other)]).await.unwrap(), 1);
    let rows = store.rows(id, 0, 10).await.unwrap();
    let status = |row: usize| rows[row].detail.action_status.as_deref();
    assert_eq!(status(0), Some("Succeeded"));
    assert_ne!(status(1), Some("Succeeded"));
    assert!(store.note_actions(CampaignId(999_999), Vec::new()).await.is_err());
}

pub(super) async fn nothing_is_claimed_of_a_campaign_that_is_paused(subject: &impl Subject) {
    let store = subject.store();
    let id = campaign(store, 0..2, opening("c", &["100/1m"])).await;
    let other = campaign(store, 5..6, opening("other", &["100/1m"])).await;
    store.set_paused(id, true).await.unwrap();
    let at = store.clock().now().plus(Timing::default().poll);
    let no = NotYet { at, hold: Hold::User };
    assert_eq!(store.peek(id, 0).await.unwrap(), Err(no));
    assert_eq!(store.claim(id, true).await.unwrap(), ClaimAnswer::NotYet(no));
    assert!(matches!(store.claim_read(id).await.unwrap(), ReadAnswer::Call(..)));
    claim(store, other).await;
    assert!(store.find(&"c".parse().unwrap()).await.unwrap().unwrap().paused);
    store.set_paused(id, false).await.unwrap();
    claim(store, id).await;
    assert!(store.set_paused(CampaignId(999_999), true).await.is_err());
}

pub(super) async fn only_devices_that_were_asked_are_among_the_asked_ones(subject: &impl Subject) {
    let store = subject.store();
    let id = campaign(store, 0..5, opening("c", &["100/1m"])).await;
    let utc = store.clock().utc();
    for _ in 0..3 {
        let call = claim(store, id).await.call;
        settle(store, call, accepted(utc)).await;
    }
    let asked = async |after, limit| {
        let rows = store.asked(id, after, limit).await.unwrap();
        rows.into_iter().map(|row| row.seq).collect::<Vec<_>>()
    };
    assert_eq!(asked(0, 10).await, [1, 2, 3]);
    assert_eq!(asked(0, 2).await, [1, 2]);
    assert_eq!(asked(2, 2).await, [3]);
    assert!(asked(3, 2).await.is_empty());
    assert!(store.asked(CampaignId(999_999), 0, 1).await.is_err());
}
