//! What every store does when a campaign is called off and its actions are cancelled.

use fleetsweep::domain::cancel::Cause;
use fleetsweep::domain::{Action, CalledOff, Cancellation, Opening};

use super::*;

/// Opens a campaign in which one device is accepted, one doubtful, one claimed, one's call never
/// left, one is to be asked again after a 404, one was busy, and the others were never asked.
async fn mixed(subject: &impl Subject) -> CampaignId {
    let store = subject.store();
    let opening = Opening { busy: BusyPolicy::Retry, ..opening("c", &["100/1m", "1500/1h"]) };
    let id = campaign(store, 0..9, opening).await;
    let mut calls = Vec::new();
    for _ in 0..6 {
        calls.push(claim(store, id).await.call);
    }
    settle(store, calls[0], accepted(store.clock().utc())).await;
    settle(store, calls[1], doubtful()).await;
    settle(store, calls[3], never_left()).await;
    settle(store, calls[4], Verdict::NotFound(refusal(404, "ResourceNotFound"))).await;
    settle(store, calls[5], busy()).await;
    id
}

async fn reasons(store: &impl Store, campaign: CampaignId) -> Vec<String> {
    let rows = store.rows(campaign, 0, usize::MAX).await.unwrap();
    rows.into_iter().map(|row| row.detail.reason.unwrap_or_default()).collect()
}

pub(super) async fn a_campaign_that_is_called_off_orders_nothing_more_and_ends_what_waits(
    subject: &impl Subject,
) {
    let store = subject.store();
    let id = mixed(subject).await;
    let other = campaign(store, 20..21, opening("other", &["100/1m"])).await;
    let before = states(store, id).await;
    let called_off = store.call_off(id).await.unwrap();
    // Three were never asked, one never left, one met a 404, one is busy with somebody else's scan.
    assert_eq!(called_off, CalledOff { ended: 6, open: 2, finished: false });
    let after = states(store, id).await;
    assert_eq!(after[..3], before[..3], "accepted, doubtful and claimed stay as they are");
    let never = State::Done(Outcome::NotAttempted);
    let busy = State::Done(Outcome::AlreadyInProgress { covered: false });
    // The API said once that it does not know it, which is no device that was never asked.
    let missing = State::Done(Outcome::NotFound);
    assert_eq!(after[3..], [never, missing, busy, never, never, never]);
    let reasons = reasons(store, id).await;
    assert_eq!(reasons[8], "its campaign was ended before it was ordered");
    assert!(reasons[4].ends_with("the API did not know the device"), "{}", reasons[4]);
    assert!(reasons[5].ends_with("a scan was already in progress"), "{}", reasons[5]);
    assert_eq!(reasons[1], "");
    let rows = store.rows(id, 0, 99).await.unwrap();
    assert_eq!(rows[4].detail.error_code.as_deref(), Some("ResourceNotFound"), "it stays told");
    let tally = store.tally(id).await.unwrap();
    assert_eq!((tally.queued, tally.of(Outcome::NotAttempted)), (0, 4));
    assert!(store.named(&"c".parse().unwrap()).await.unwrap().remove(0).called_off);
    let idle = store.claim(id, true).await.unwrap();
    assert!(matches!(idle, ClaimAnswer::Idle { repeats_only: false, .. }), "{idle:?}");
    claim(store, other).await;
    assert!(!store.named(&"other".parse().unwrap()).await.unwrap().remove(0).called_off);
    let again = store.call_off(id).await.unwrap();
    assert_eq!(again, CalledOff { ended: 0, open: 2, finished: false });
    assert!(store.call_off(CampaignId(999_999)).await.is_err());
}

pub(super) async fn what_the_next_run_of_a_series_has_ends_as_never_ordered_whatever_was_answered(
    subject: &impl Subject,
) {
    let store = subject.store();
    let id = mixed(subject).await;
    let before = states(store, id).await;
    let handed_on = store.hand_on(id).await.unwrap();
    assert_eq!(handed_on, CalledOff { ended: 6, open: 2, finished: false });
    let after = states(store, id).await;
    assert_eq!(after[..3], before[..3], "accepted, doubtful and claimed stay as they are");
    let never = State::Done(Outcome::NotAttempted);
    assert_eq!(after[3..], [never; 6]);
    // What the server said stays told, and history goes by it.
    let reasons = reasons(store, id).await;
    assert!(reasons[4].ends_with("the API did not know the device"), "{}", reasons[4]);
    let rows = store.rows(id, 0, 99).await.unwrap();
    assert_eq!(rows[4].detail.http_status, Some(404));
    assert!(store.named(&"c".parse().unwrap()).await.unwrap().remove(0).called_off);
}

pub(super) async fn what_comes_to_wait_after_a_campaign_was_called_off_ends_without_a_slot(
    subject: &impl Subject,
) {
    let store = subject.store();
    let id = campaign(store, 0..3, opening("c", &["2/1h"])).await;
    let first = claim(store, id).await.call;
    let second = claim(store, id).await.call;
    store.set_paused(id, true).await.unwrap();
    assert_eq!(store.call_off(id).await.unwrap().ended, 1);
    settle(store, first, throttled(Some(SECOND * 600))).await;
    settle(store, second, doubtful()).await;
    assert_eq!(store.tally(id).await.unwrap().queued, 1);
    // Neither the full quota nor the pause nor the user's own pause holds what sends nothing.
    assert_eq!(store.peek(id, 0).await.unwrap(), Ok(()));
    let calls = store.calls(id).await.unwrap();
    assert!(matches!(store.claim(id, true).await.unwrap(), ClaimAnswer::Idle { .. }));
    assert_eq!(store.calls(id).await.unwrap(), calls);
    assert_eq!(store.tally(id).await.unwrap().queued, 0);
    // What is found out of the doubtful one still counts; that it is not there does not order it.
    for _ in 0..Timing::default().look_up_after.len() {
        subject.advance(SECOND * 200).await;
        let due = store.to_look_up(id, 9).await.unwrap();
        let found = Found::NotOurs { covered: false };
        let finding = |look_up| Finding { look_up, found, action: None };
        store.looked_up(id, due.into_iter().map(finding).collect()).await.unwrap();
    }
    assert!(matches!(store.claim(id, true).await.unwrap(), ClaimAnswer::Idle { .. }));
    let never = State::Done(Outcome::NotAttempted);
    assert_eq!(states(store, id).await, [never, State::Done(Outcome::Failed), never]);
    assert!(reasons(store, id).await[1].contains("the answer was lost"));
    assert!(store.finish(id).await.unwrap());
}

pub(super) async fn a_campaign_with_nothing_but_waiting_devices_is_finished_by_calling_it_off(
    subject: &impl Subject,
) {
    let store = subject.store();
    let id = campaign(store, 0..2_500, opening("c", &["100/1m"])).await;
    let called_off = store.call_off(id).await.unwrap();
    assert_eq!(called_off, CalledOff { ended: 2_500, open: 0, finished: true });
    let found = store.named(&"c".parse().unwrap()).await.unwrap().remove(0);
    assert_eq!(found.state, CampaignState::Finished);
    let never = State::Done(Outcome::NotAttempted);
    assert!(states(store, id).await.iter().all(|state| *state == never));
    assert_eq!(store.tally(id).await.unwrap().of(Outcome::NotAttempted), 2_500);
}

pub(super) async fn an_action_that_was_cancelled_ends_its_row_as_that_and_no_other_row(
    subject: &impl Subject,
) {
    let store = subject.store();
    let id = campaign(store, 0..3, opening("c", &["100/1m"])).await;
    let utc = store.clock().utc();
    for _ in 0..2 {
        let call = claim(store, id).await.call;
        settle(store, call, accepted(utc)).await;
    }
    let rows = store.rows(id, 0, 10).await.unwrap();
    let ours = rows[0].detail.action_id.clone().unwrap();
    let cancelled = Action { id: ours, ..action("Full", "Cancelled", utc) };
    let another = Action { id: "another".to_owned(), ..cancelled.clone() };
    let done = |seq, action: &Action| Cancellation {
        seq,
        action: action.clone(),
        cause: Cause::WindowClosed,
    };
    let all = vec![done(1, &cancelled), done(2, &another), done(3, &cancelled)];
    assert_eq!(store.note_cancelled(id, all).await.unwrap(), 1);
    let states = states(store, id).await;
    let expired = Outcome::Cancelled { taken_back: false };
    assert_eq!(states[..2], [State::Done(expired), State::Done(Outcome::Accepted)]);
    let rows = store.rows(id, 0, 10).await.unwrap();
    assert_eq!(rows[0].detail.action_status.as_deref(), Some("Cancelled"));
    assert_eq!(rows[0].detail.reason.as_deref(), Some(Cause::WindowClosed.reason()));
    let tally = store.tally(id).await.unwrap();
    assert_eq!((tally.of(expired), tally.of(Outcome::Accepted)), (1, 1));
    assert_eq!(store.note_cancelled(id, vec![done(1, &cancelled)]).await.unwrap(), 0, "once");
    let id = taken_back_expired_and_failed(store, "taken-back").await;
    let states = self::states(store, id).await;
    let cancelled = |taken_back| State::Done(Outcome::Cancelled { taken_back });
    let failed = State::Done(Outcome::ScanFailed);
    assert_eq!(states, [cancelled(true), cancelled(false), cancelled(false), failed]);
    assert!(store.note_cancelled(CampaignId(999_999), Vec::new()).await.is_err());
}

pub(super) async fn cancelling_has_a_budget_of_its_own_with_the_quotas_that_are_asked_for(
    subject: &impl Subject,
) {
    let store = subject.store();
    let opening = opening("c", &["1/1h"]);
    let id = campaign(store, 0..2, opening.clone()).await;
    claim(store, id).await;
    let budget = opening.order.target.budget(Operation::Cancel);
    let claim = async || store.claim_on(&budget, vec![quota("2/1m")]).await.unwrap();
    let ReadAnswer::Call(first, at) = claim().await else { panic!("scans use nothing up") };
    let ReadAnswer::Call(..) = claim().await else { panic!("the campaign's 1/1h is for scans") };
    let ReadAnswer::NotYet(no) = claim().await else { panic!("both slots are taken") };
    assert_eq!(no.hold, Hold::Quota(quota("2/1m")));
    assert_eq!(no.at, at.plus(horizon()).plus(reopens("2/1m")));
    let usage = store.usage(&budget, 9).await.unwrap();
    assert_eq!((usage.seen_by.len(), usage.quotas), (2, Vec::new()));
    let verdict = Some(throttled(Some(SECOND * 45)));
    store.settle_read(first, ReadSettlement::needed(verdict)).await.unwrap();
    assert_eq!(store.usage(&budget, 9).await.unwrap().state.probe, Probe::Due);
    let scan = store.usage(&opening.order.target.budget(Operation::Scan), 9).await.unwrap();
    assert_eq!((scan.seen_by.len(), scan.state.probe), (1, Probe::Off));
    assert_eq!(store.calls(id).await.unwrap(), 1, "a cancellation is no order");
}
