//! What every store does, as one suite: the store in memory, SQLite and PostgreSQL. Nothing
//! here knows how a store is made.

mod campaigns;
mod cancels;
mod inventory;
mod limits;
mod notes;
mod priority;
mod prune;
pub(crate) mod rollout;
mod waves;

use std::time::Duration;

use fleetsweep::clock::Clock;
use fleetsweep::domain::lifecycle::Found;
use fleetsweep::domain::{
    BusyPolicy, CallId, CampaignId, CampaignState, Finding, Life, NewRow, Opened, Opening,
    Operation, Outcome, Probe, Rank, Refusal, Stamp, State, Timing, Usage, Verdict,
};
use fleetsweep::store::{ClaimAnswer, Hold, NotYet, ReadAnswer, ReadSettlement, Store, StoreError};

use crate::kit::store::*;
use campaigns::*;
use cancels::*;
use inventory::*;
use limits::*;
use notes::*;
use priority::*;
use prune::*;
use rollout::*;
use waves::*;

/// Each behaviour as a test of each store.
macro_rules! every_store {
    ($($name:ident)*) => {
        mod memory { $(
            #[tokio::test]
            async fn $name() { super::$name(&super::InMemory::new().await).await; }
        )* }
        mod sqlite { $(
            #[tokio::test]
            async fn $name() { super::$name(&super::InSqlite::new().await).await; }
        )* }
        mod postgres { $(
            #[tokio::test]
            async fn $name() { super::$name(&super::InPostgres::new().await).await; }
        )* }
    };
}

every_store! {
    a_draft_counts_its_rows_and_vanishes_when_it_is_discarded
    calls_are_counted_by_their_results_and_one_that_is_waited_for_is_not_yet
    a_confirmed_draft_is_a_campaign_with_all_that_was_said
    the_same_order_goes_on_and_another_one_is_told_what_differs
    campaigns_of_several_tenants_may_have_one_name_and_those_of_one_may_not
    rows_that_ended_when_they_were_read_are_kept_and_never_claimed
    letters_that_not_every_store_can_hold_are_replaced_in_every_store
    claims_come_in_input_order_until_nothing_is_left
    the_limit_refuses_and_says_when_and_why
    an_answer_counts_from_its_arrival_and_not_from_the_horizon
    a_call_that_never_left_gives_its_slot_back
    a_call_without_an_answer_keeps_its_slot_for_the_horizon
    a_429_pauses_every_campaign_on_the_budget_until_one_call_has_probed
    another_application_has_a_budget_of_its_own
    all_host_names_and_spellings_of_one_service_share_one_limit
    a_limit_that_the_server_named_is_kept_by_every_campaign_and_command
    the_id_of_a_tenant_that_a_sign_in_told_is_kept_for_its_domain
    two_campaigns_on_one_budget_keep_all_their_quotas
    a_runner_that_joins_brings_its_quotas
    an_answer_of_an_older_attempt_changes_the_journal_alone
    a_claim_whose_horizon_has_passed_is_doubtful_and_looked_up
    a_look_that_another_ones_overtook_counts_not
    repeats_come_last_and_only_where_they_are_allowed
    late_devices_come_after_the_others_and_before_every_repeat
    what_a_row_notes_about_its_device_outlives_every_answer
    a_busy_device_is_asked_again_after_its_time
    a_busy_device_whose_action_is_unknown_keeps_the_campaign_open
    reading_the_list_has_a_budget_of_its_own
    reads_that_are_begun_and_left_hold_up_no_other
    a_runner_of_a_finished_campaign_still_keeps_its_limit
    a_read_before_any_campaign_takes_its_slot_and_keeps_the_quotas_of_all
    a_429_on_a_read_before_any_campaign_pauses_the_budget
    a_fault_of_a_read_that_nobody_needed_pauses_nothing
    what_was_refused_in_its_last_attempt_waits_again
    the_servers_time_at_the_first_contact_is_kept_and_no_later_one
    an_answer_keeps_the_servers_time_of_the_oldest_call_without_one
    how_the_latest_run_went_is_kept
    a_process_says_for_all_its_runs_that_they_live_and_looks_at_their_campaigns
    a_campaign_that_was_called_off_is_not_noted_as_finished
    a_campaign_is_noted_as_finished_once_however_many_of_its_runs_say_so
    the_minutes_of_a_campaign_count_what_left_and_how_it_was_answered
    what_happened_is_kept_in_its_order_within_a_bound_and_its_beginning_stays
    nothing_is_claimed_of_a_campaign_that_is_paused
    a_campaign_that_is_called_off_orders_nothing_more_and_ends_what_waits
    what_the_next_run_of_a_series_has_ends_as_never_ordered_whatever_was_answered
    what_comes_to_wait_after_a_campaign_was_called_off_ends_without_a_slot
    a_campaign_with_nothing_but_waiting_devices_is_finished_by_calling_it_off
    an_action_that_was_cancelled_ends_its_row_as_that_and_no_other_row
    cancelling_has_a_budget_of_its_own_with_the_quotas_that_are_asked_for
    how_far_a_scan_is_is_kept_where_it_was_ordered_and_nowhere_else
    a_start_that_came_to_nothing_is_kept_once_a_day_and_of_each_tenant_apart
    a_scan_that_failed_on_its_device_is_counted_apart_until_the_api_says_otherwise
    a_campaign_of_normal_priority_yields_to_one_of_high_priority
    a_campaign_whose_runner_is_gone_makes_nobody_wait
    what_waits_or_may_not_be_asked_holds_nobody_back
    waves_that_have_not_come_yet_hold_nobody_back
    priority_counts_on_one_budget_and_among_others_of_high_priority_not_at_all
    turns_order_the_devices_of_a_rank_and_input_order_those_of_a_turn
    waves_are_dealt_only_until_a_draft_is_confirmed
    waves_are_dealt_in_the_order_of_claims_and_what_remains_is_the_last
    nothing_of_a_later_wave_is_claimed_before_the_present_one_is_over
    a_device_that_waits_keeps_its_wave_open
    a_device_that_is_asked_again_later_joins_the_wave_that_has_begun
    a_campaign_keeps_how_its_waves_go_and_one_of_one_wave_has_nothing_to_keep
    when_a_wave_was_over_is_said_by_the_first_to_ask_and_stays
    a_wave_that_opens_again_is_over_later
    a_wave_that_failed_opens_only_when_somebody_has_looked
    chosen_devices_are_dealt_before_all_others
    rows_are_paged_in_input_order
    only_devices_that_were_asked_are_among_the_asked_ones
    counts_agree_with_the_rows_whatever_happens
    what_is_not_there_is_an_error_and_changes_nothing
    only_the_campaigns_that_are_meant_are_handed_out_the_latest_first
    the_rows_of_a_campaign_that_ended_long_ago_go_and_all_else_of_it_stays
    what_is_open_in_doubt_or_looked_back_at_is_never_pruned
    coverage_and_earlier_orders_are_the_same_before_and_after_pruning
}

async fn states(store: &impl Store, campaign: CampaignId) -> Vec<State> {
    let rows = store.rows(campaign, 0, usize::MAX).await.unwrap();
    rows.into_iter().map(|row| row.life.state).collect()
}

async fn a_draft_counts_its_rows_and_vanishes_when_it_is_discarded(subject: &impl Subject) {
    let store = subject.store();
    let draft = store.draft().await.unwrap();
    store.append(draft, rows(0..3)).await.unwrap();
    store.append(draft, rows(3..1200)).await.unwrap();
    store.append(draft, Vec::new()).await.unwrap();
    let tally = store.tally(draft).await.unwrap();
    assert_eq!((tally.draft, tally.rows()), (1200, 1200));
    assert!(store.campaigns().await.unwrap().is_empty());
    store.discard(draft).await.unwrap();
    assert!(store.tally(draft).await.is_err());
    assert!(store.append(draft, rows(0..1)).await.is_err());
    store.discard(draft).await.unwrap();
}

async fn a_confirmed_draft_is_a_campaign_with_all_that_was_said(subject: &impl Subject) {
    let store = subject.store();
    let mut opening = opening("night-1", &["100/1m", "1500/1h"]);
    opening.order.ticket = "CHG 0031337".parse().ok();
    let id = campaign(store, 0..2, opening.clone()).await;
    let found = store.named(&opening.name).await.unwrap().remove(0);
    assert_eq!(found.id, id);
    assert_eq!((&found.name, &found.order), (&opening.name, &opening.order));
    assert_eq!((found.mark_bits, found.busy), (opening.mark_bits, opening.busy));
    assert_eq!((found.emulated, found.state), (false, CampaignState::Open));
    assert_eq!((found.opened_at, found.finished_at), (store.clock().utc(), None));
    assert_eq!(states(store, id).await, [State::Queued(Stamp::ZERO); 2]);
    let later = campaign(store, 0..1, self::opening("night-2", &["1/1m"])).await;
    let names: Vec<_> = store.campaigns().await.unwrap().into_iter().map(|c| c.id).collect();
    assert_eq!(names, [later, id]);
    store.discard(id).await.unwrap();
    assert_eq!(store.tally(id).await.unwrap().queued, 2, "a campaign is not discarded");
    assert_eq!(store.named(&"other".parse().unwrap()).await.unwrap(), []);
}

async fn the_same_order_goes_on_and_another_one_is_told_what_differs(subject: &impl Subject) {
    let store = subject.store();
    let same = opening("night-1", &["100/1m"]);
    let id = campaign(store, 0..1, same.clone()).await;
    let draft = store.draft().await.unwrap();
    assert_eq!(store.open(draft, same.clone()).await.unwrap(), Opened::Continues(id));
    assert!(store.tally(draft).await.is_err(), "the draft is gone");

    let mut other = same.clone();
    other.order.comment = "another".to_owned();
    other.order.ticket = "CHG1".parse().ok();
    other.emulated = true;
    let draft = store.draft().await.unwrap();
    let Opened::Taken(differs) = store.open(draft, other).await.unwrap() else { panic!() };
    assert_eq!(differs[1..], ["ticket: `none` there, `CHG1` now", "the emulator"]);
    assert!(differs[0].starts_with("comment"), "{differs:?}");
    assert!(store.tally(draft).await.is_err(), "the draft is gone");

    let call = claim(store, id).await.call;
    assert!(!store.finish(id).await.unwrap());
    settle(store, call, accepted(store.clock().utc())).await;
    assert!(store.finish(id).await.unwrap());
    assert!(store.finish(id).await.unwrap());
    let found = store.named(&same.name).await.unwrap().remove(0);
    assert_eq!(found.state, CampaignState::Finished);
    assert_eq!(found.finished_at, Some(store.clock().utc()));
    let draft = store.draft().await.unwrap();
    assert_eq!(store.open(draft, same).await.unwrap(), Opened::Taken(Vec::new()));
}

async fn rows_that_ended_when_they_were_read_are_kept_and_never_claimed(subject: &impl Subject) {
    let store = subject.store();
    let draft = store.draft().await.unwrap();
    let mut bad = ended_row(9, Outcome::BadRow, "not an id");
    bad.device = None;
    let input = vec![
        row(1),
        bad.clone(),
        ended_row(1, Outcome::Duplicate, "as in line 2"),
        ended_row(2, Outcome::Skipped, "inactive"),
        row(3),
    ];
    store.append(draft, input).await.unwrap();
    store.open(draft, opening("c", &["100/1m"])).await.unwrap();
    assert_eq!(claim(store, draft).await.device, device(1));
    assert_eq!(claim(store, draft).await.device, device(3));
    assert!(matches!(store.claim(draft, true).await.unwrap(), ClaimAnswer::Idle { .. }));
    let rows = store.rows(draft, 0, 10).await.unwrap();
    assert_eq!(rows[1].detail.reason.as_deref(), Some("not an id"));
    assert_eq!((rows[1].device, rows[1].input_text.as_deref()), (None, Some("=1+1")));
    assert_eq!((rows[0].line, rows[0].name.as_deref()), (2, Some("host-1")));
    let tally = store.tally(draft).await.unwrap();
    let aside = [Outcome::BadRow, Outcome::Duplicate, Outcome::Skipped];
    assert_eq!(aside.map(|outcome| tally.of(outcome)), [1, 1, 1]);
    assert_eq!((tally.claimed, tally.rows(), tally.devices()), (2, 5, 2));
}

async fn claims_come_in_input_order_until_nothing_is_left(subject: &impl Subject) {
    let store = subject.store();
    let id = campaign(store, 0..3, opening("c", &["100/1m"])).await;
    for number in 0..3 {
        let claim = claim(store, id).await;
        assert_eq!((claim.device, claim.seq), (device(number), i64::from(number) + 1));
        assert_eq!((claim.attempt, claim.repeat), (1, false));
        assert_eq!(claim.claimed_at, store.clock().now());
        subject.advance(SECOND).await;
    }
    let first_horizon = Stamp(store.clock().now().0).minus(SECOND * 3).plus(horizon());
    let idle = ClaimAnswer::Idle { wake: Some(first_horizon), repeats_only: false };
    assert_eq!(store.claim(id, true).await.unwrap(), idle);
    assert_eq!(store.calls(id).await.unwrap(), 3);
}

async fn an_answer_of_an_older_attempt_changes_the_journal_alone(subject: &impl Subject) {
    let store = subject.store();
    let opening = opening("c", &["100/1m"]);
    let id = campaign(store, 0..1, opening.clone()).await;
    let first = claim(store, id).await;
    settle(store, first.call, doubtful()).await;
    for wait in Timing::default().look_up_after {
        subject.advance(wait).await;
        let due = store.to_look_up(id, 10).await.unwrap();
        assert_eq!(due.len(), 1);
        let finding =
            Finding { look_up: due[0], found: Found::NotOurs { covered: false }, action: None };
        store.looked_up(id, vec![finding]).await.unwrap();
    }
    let second = claim(store, id).await;
    assert_eq!((second.attempt, second.repeat), (2, true));
    let before = store.rows(id, 0, 1).await.unwrap();
    let late = settlement(accepted(store.clock().utc()), store.clock().utc());
    let settled = store.settle(first.call, late).await.unwrap();
    assert_eq!(settled.before, settled.after);
    assert_eq!(store.rows(id, 0, 1).await.unwrap(), before);
    let usage = store.usage(&opening.order.target.budget(Operation::Scan), 9).await.unwrap();
    assert_eq!(usage.seen_by, [second.claimed_at.plus(horizon()), store.clock().now()]);
}

async fn a_claim_whose_horizon_has_passed_is_doubtful_and_looked_up(subject: &impl Subject) {
    let store = subject.store();
    let id = campaign(store, 0..3, opening("c", &["100/1m"])).await;
    for _ in 0..3 {
        claim(store, id).await;
        subject.advance(SECOND).await;
    }
    assert_eq!(store.expire(id).await.unwrap(), 0);
    subject.advance(horizon() - SECOND * 2).await;
    assert_eq!(store.expire(id).await.unwrap(), 2);
    assert!(store.to_look_up(id, 10).await.unwrap().is_empty());
    subject.advance(Timing::default().look_up_after[0]).await;
    assert_eq!(store.expire(id).await.unwrap(), 1);
    let due = store.to_look_up(id, 10).await.unwrap();
    assert_eq!(due.iter().map(|one| (one.seq, one.attempt)).collect::<Vec<_>>(), [(1, 1), (2, 1)]);
    assert_eq!(store.to_look_up(id, 1).await.unwrap(), due[..1]);
    let action = action("Full", "Pending", store.clock().utc());
    let ours = Finding { look_up: due[0], found: Found::Ours, action: Some(action.clone()) };
    let none = Finding { look_up: due[1], found: Found::Forbidden, action: None };
    let settled = store.looked_up(id, vec![ours.clone(), none]).await.unwrap();
    let after: Vec<_> = settled.iter().map(|one| one.after.state).collect();
    assert_eq!(after, [State::Done(Outcome::Accepted), State::Done(Outcome::Unknown)]);
    let again = store.looked_up(id, vec![ours]).await.unwrap();
    assert_eq!(again[0].before, again[0].after, "a second finding changes nothing");
    let rows = store.rows(id, 0, 9).await.unwrap();
    assert_eq!(rows[0].detail.action_id, Some(action.id));
    assert!(rows[1].detail.reason.as_ref().unwrap().contains("may not read"));
}

async fn a_look_that_another_ones_overtook_counts_not(subject: &impl Subject) {
    let store = subject.store();
    let id = campaign(store, 0..1, opening("c", &["100/1m"])).await;
    store.claim(id, true).await.unwrap();
    subject.advance(horizon()).await;
    store.expire(id).await.unwrap();
    subject.advance(Timing::default().look_up_after[0]).await;
    let stale = store.to_look_up(id, 1).await.unwrap()[0];
    let nothing =
        |look_up| vec![Finding { look_up, found: Found::NotOurs { covered: false }, action: None }];
    store.looked_up(id, nothing(stale)).await.unwrap();
    // The wait for the second look is over, and the first one is told once more.
    subject.advance(Timing::default().look_up_after[1]).await;
    store.looked_up(id, nothing(stale)).await.unwrap();
    let due = store.to_look_up(id, 1).await.unwrap();
    assert_eq!((due.len(), due[0].looks), (1, 1), "the second look is still to be made");
}

async fn repeats_come_last_and_only_where_they_are_allowed(subject: &impl Subject) {
    let store = subject.store();
    let id = campaign(store, 0..3, opening("c", &["100/1m"])).await;
    let not_found = || Verdict::NotFound(refusal(404, "ResourceNotFound"));
    let first = claim(store, id).await;
    settle(store, first.call, not_found()).await;
    assert_eq!(store.rows(id, 0, 1).await.unwrap()[0].life.rank, Rank::Last);
    assert_eq!(claim(store, id).await.device, device(1));
    assert_eq!(claim(store, id).await.device, device(2));
    let answer = store.claim(id, false).await.unwrap();
    assert!(matches!(answer, ClaimAnswer::Idle { repeats_only: true, .. }), "{answer:?}");
    let again = claim(store, id).await;
    assert_eq!((again.device, again.attempt, again.repeat), (device(0), 2, true));
    settle(store, again.call, not_found()).await;
    assert_eq!(states(store, id).await[0], State::Done(Outcome::NotFound));
}

async fn a_busy_device_is_asked_again_after_its_time(subject: &impl Subject) {
    let store = subject.store();
    let mut retry = opening("c", &["100/1m"]);
    retry.busy = BusyPolicy::Retry;
    let id = campaign(store, 0..2, retry).await;
    let first = claim(store, id).await;
    settle(store, first.call, busy()).await;
    let at = store.clock().now().plus(Timing::default().busy_retry);
    assert_eq!(states(store, id).await[0], State::Queued(at));
    let call = claim(store, id).await.call;
    settle(store, call, accepted(store.clock().utc())).await;
    let idle = ClaimAnswer::Idle { wake: Some(at), repeats_only: false };
    assert_eq!(store.claim(id, true).await.unwrap(), idle);
    subject.advance(Timing::default().busy_retry).await;
    let again = claim(store, id).await;
    assert_eq!((again.device, again.repeat), (first.device, false));
}

async fn a_busy_device_whose_action_is_unknown_keeps_the_campaign_open(subject: &impl Subject) {
    let store = subject.store();
    let id = campaign(store, 0..1, opening("c", &["100/1m"])).await;
    let call = claim(store, id).await.call;
    settle(store, call, busy()).await;
    assert_eq!(store.tally(id).await.unwrap().open(), 0);
    assert!(!store.finish(id).await.unwrap());
    let now = store.clock().now();
    let idle = ClaimAnswer::Idle { wake: Some(now), repeats_only: false };
    assert_eq!(store.claim(id, true).await.unwrap(), idle);
    let due = store.to_look_up(id, 10).await.unwrap();
    assert!(due.len() == 1 && due[0].unseen);
    let action = Some(action("Full", "InProgress", store.clock().utc()));
    let found = Found::NotOurs { covered: true };
    store.looked_up(id, vec![Finding { look_up: due[0], found, action }]).await.unwrap();
    let covered = State::Done(Outcome::AlreadyInProgress { covered: true });
    assert_eq!(states(store, id).await, [covered]);
    assert!(store.to_look_up(id, 10).await.unwrap().is_empty());
    assert!(store.finish(id).await.unwrap());
}

async fn counts_agree_with_the_rows_whatever_happens(subject: &impl Subject) {
    let store = subject.store();
    let id = campaign(store, 0..9, opening("c", &["100/1m"])).await;
    let utc = store.clock().utc();
    let verdicts = [
        accepted(utc),
        busy(),
        Verdict::Rejected(refusal(400, "OsPlatformNotSupported")),
        Verdict::NotFound(refusal(404, "ResourceNotFound")),
        never_left(),
        doubtful(),
        Verdict::Busy {
            action: Some(Box::new(action("Full", "InProgress", utc))),
            refusal: refusal(200, ""),
        },
    ];
    for verdict in verdicts {
        let call = claim(store, id).await.call;
        settle(store, call, verdict).await;
        let tally = store.tally(id).await.unwrap();
        let mut counted = fleetsweep::domain::Tally::default();
        states(store, id).await.into_iter().for_each(|state| counted.add(state, 1));
        assert_eq!(tally, counted);
        assert_eq!(tally.rows(), 9);
    }
    let covered = Outcome::AlreadyInProgress { covered: true };
    assert_eq!(store.tally(id).await.unwrap().of(covered), 1);
    let notes = store.named(&"c".parse().unwrap()).await.unwrap().remove(0).notes;
    assert_eq!(notes.first_contact, utc.checked_sub(SECOND * 2).ok());
}

async fn what_is_not_there_is_an_error_and_changes_nothing(subject: &impl Subject) {
    let store = subject.store();
    let none = CampaignId(999_999);
    let lost = settlement(never_left(), store.clock().utc());
    let settled = store.settle(CallId(999_999), lost.clone()).await;
    assert!(matches!(settled, Err(StoreError::Broken(_))), "{settled:?}");
    let read = ReadSettlement::needed(None);
    assert!(store.settle_read(CallId(999_999), read).await.is_err());
    assert!(store.claim(none, true).await.is_err());
    assert!(store.claim_read(none).await.is_err());
    assert!(store.peek(none, 0).await.is_err());
    assert!(store.tally(none).await.is_err());
    assert!(store.rows(none, 0, 1).await.is_err());
    assert!(store.calls(none).await.is_err());
    assert!(store.expire(none).await.is_err());
    assert!(store.finish(none).await.is_err());
    assert!(store.open(none, opening("c", &[])).await.is_err());
    let draft = store.draft().await.unwrap();
    assert!(store.claim(draft, true).await.is_err(), "a draft is not claimed from");
    let id = campaign(store, 0..1, opening("c", &["1/1m"])).await;
    let ReadAnswer::Call(call, _) = store.claim_read(id).await.unwrap() else { panic!() };
    assert!(store.settle(call, lost).await.is_err(), "a look at the list has no device");
}
