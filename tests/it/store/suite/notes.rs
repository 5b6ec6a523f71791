//! What a store keeps for people and for a later run: how a run went, how far a scan is, and which
//! devices wait again. What it keeps for the limit is in `limits`.

use fleetsweep::domain::cancel::Cause;
use fleetsweep::domain::happening::{HAPPENINGS_KEPT, Needed, NotedHappening};
use fleetsweep::domain::minute::minute_of;
use fleetsweep::domain::{
    Action, Begun, Cancellation, Happened, Happening, LastRun, Minute, Opening, Operation,
    Priority, Rest, RowFilter, RunEnd, ServerNotes, Stands,
};

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

pub(super) async fn the_servers_time_at_the_first_contact_is_kept_and_no_later_one(
    subject: &impl Subject,
) {
    let store = subject.store();
    let id = campaign(store, 0..2, opening("c", &["100/1m"])).await;
    let notes = async || store.campaign(id).await.unwrap().unwrap().notes;
    assert_eq!(notes().await, ServerNotes::default());
    let date = store.clock().utc();
    let ago = |ago: Duration| date.checked_sub(ago + Timing::default().server_slack).unwrap();
    // The oldest call of which nothing is known began before the look that was answered.
    claim(store, id).await;
    subject.advance(Duration::from_secs(50)).await;
    let call = claim(store, id).await.call;
    subject.advance(Duration::from_secs(20)).await;
    assert_eq!(store.expire(id).await.unwrap(), 1);
    store.note_contact(id, date).await.unwrap();
    let first_contact = Some(ago(Duration::from_secs(70)));
    assert_eq!(notes().await, ServerNotes { first_contact, comments_changed: false });
    let later = date.checked_add(Duration::from_secs(60)).unwrap();
    store.note_contact(id, later).await.unwrap();
    assert_eq!(notes().await.first_contact, first_contact);
    let action = Box::new(action("Full", "Pending", date));
    let verdict = Verdict::Accepted { action, status: 201, comment_changed: true };
    settle(store, call, verdict).await;
    assert_eq!(notes().await, ServerNotes { first_contact, comments_changed: true });
    assert!(store.note_contact(CampaignId(999_999), date).await.is_err());
}

pub(super) async fn an_answer_keeps_the_servers_time_of_the_oldest_call_without_one(
    subject: &impl Subject,
) {
    let store = subject.store();
    let id = campaign(store, 0..2, opening("c", &["100/1m"])).await;
    claim(store, id).await;
    subject.advance(Duration::from_secs(50)).await;
    let call = claim(store, id).await.call;
    subject.advance(Duration::from_secs(1)).await;
    let date = store.clock().utc();
    settle(store, call, accepted(date)).await;
    let notes = store.campaign(id).await.unwrap().unwrap().notes;
    let ago = Duration::from_secs(51) + Timing::default().server_slack;
    assert_eq!(notes.first_contact, Some(date.checked_sub(ago).unwrap()));
}

pub(super) async fn how_the_latest_run_went_is_kept(subject: &impl Subject) {
    let store = subject.store();
    let id = campaign(store, 0..1, opening("c", &["100/1m"])).await;
    let last = async || {
        let campaign = store.named(&"c".parse().unwrap()).await.unwrap().remove(0);
        (campaign.last_run, campaign.last_call_at)
    };
    assert_eq!(last().await, (None, None));
    let at = store.clock().utc();
    let reports = vec!["/r.csv".to_owned()];
    let mut run = LastRun { seen_at: Some(at), reports, ..LastRun::begun(at) };
    store.note_run(id, run.clone()).await.unwrap();
    assert_eq!(last().await.0.as_ref(), Some(&run));
    let why = "by a signal".to_owned();
    run.ended =
        Some(RunEnd { at, why, exit_code: 5, before: None, resume: None, for_workers: false });
    store.note_run(id, run.clone()).await.unwrap();
    claim(store, id).await;
    assert_eq!(last().await, (Some(run.clone()), Some(at)));
    assert!(store.note_run(CampaignId(999_999), run).await.is_err());
}

pub(super) async fn a_process_says_for_all_its_runs_that_they_live_and_looks_at_their_campaigns(
    subject: &impl Subject,
) {
    let (store, timing) = (subject.store(), Timing::default());
    let ids = [
        campaign(store, 0..2, opening("a", &["100/1m"])).await,
        campaign(store, 5..6, opening("b", &["100/1m"])).await,
    ];
    for id in ids {
        let begun = LastRun::begun(store.clock().shared_utc());
        let run = LastRun { id: "run".to_owned(), process: "p".to_owned(), ..begun };
        store.note_run(id, run).await.unwrap();
    }
    let looks = async || store.pulse("p", &ids).await.unwrap();
    let alive = async || {
        let now = store.clock().shared_utc();
        let last = store.campaign(ids[0]).await.unwrap().unwrap().last_run.unwrap();
        last.is_alive(now, &timing)
    };
    let stands = async |which: usize| {
        let looks = looks().await;
        looks.into_iter().find(|look| look.campaign == ids[which]).unwrap()
    };
    subject.advance(timing.alive_for()).await;
    assert!(!alive().await);
    let first = stands(0).await;
    assert!(alive().await);
    assert_eq!(first, stands(0).await, "nothing changed");
    assert!(!first.is_high && !first.has_expired && !first.looks_up && !first.is_due);
    let other = stands(1).await;
    let call = claim(store, ids[0]).await.call;
    let claimed = stands(0).await;
    assert_ne!(claimed.stands, first.stands);
    assert_eq!(stands(1).await, other, "what happens to one says nothing of the other");
    subject.advance(horizon()).await;
    assert!(stands(0).await.has_expired);
    settle(store, call, accepted(store.clock().utc())).await;
    let settled = stands(0).await;
    assert!(!settled.has_expired && settled.stands != claimed.stands);
    store.set_paused(ids[0], true).await.unwrap();
    let paused = stands(0).await;
    assert_ne!(paused.stands, settled.stands);
    assert!(paused.is_paused && !settled.is_paused);
    store.set_priority(ids[0], Priority::High).await.unwrap();
    assert!(stands(0).await.is_high);
    assert!(!stands(1).await.is_behind);
    store.set_paused(ids[0], false).await.unwrap();
    store.engage(ids[0]).await.unwrap();
    assert!(stands(1).await.is_behind && !stands(0).await.is_behind);
    let none = store.pulse("q", &[CampaignId(999_999)]).await.unwrap();
    assert!(none.is_empty());
    subject.advance(timing.alive_for()).await;
    assert!(!alive().await, "another process does not speak for it");
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
    // A look that began before that, and is told after it.
    let id_of_first = rows[0].detail.action_id.clone().unwrap();
    let late = Action { id: id_of_first, ..action("Full", "InProgress", utc) };
    assert_eq!(store.note_actions(id, vec![(1, late)]).await.unwrap(), 0);
    let rows = store.rows(id, 0, 1).await.unwrap();
    assert_eq!(rows[0].detail.action_status.as_deref(), Some("Succeeded"));
    assert!(store.note_actions(CampaignId(999_999), Vec::new()).await.is_err());
}

pub(super) async fn a_scan_that_failed_on_its_device_is_counted_apart_until_the_api_says_otherwise(
    subject: &impl Subject,
) {
    let store = subject.store();
    let id = campaign(store, 0..3, opening("c", &["100/1m"])).await;
    let utc = store.clock().utc();
    for _ in 0..3 {
        let call = claim(store, id).await.call;
        settle(store, call, accepted(utc)).await;
    }
    let rows = store.rows(id, 0, 10).await.unwrap();
    let told = |row: usize, status: &str| {
        let id = rows[row].detail.action_id.clone().unwrap();
        (rows[row].seq, Action { id, ..action("Full", status, utc) })
    };
    let counts = async || {
        let tally = store.tally(id).await.unwrap();
        assert_eq!(tally.rows(), 3);
        [Outcome::Accepted, Outcome::ScanFailed].map(|outcome| tally.of(outcome))
    };
    store.note_actions(id, vec![told(0, "Failed"), told(1, "InProgress")]).await.unwrap();
    assert_eq!(counts().await, [2, 1]);
    store.note_actions(id, vec![told(1, "cancelled"), told(2, "Succeeded")]).await.unwrap();
    assert_eq!(counts().await, [1, 2]);
    let attention = Stands::Attention(Rest::Own);
    let filter = RowFilter { stands: Some(attention), ..RowFilter::default() };
    let found = store.matching(id, &filter, 0, 10).await.unwrap();
    assert_eq!(found.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 2]);
    store.note_actions(id, vec![told(1, "Succeeded")]).await.unwrap();
    assert_eq!(counts().await, [2, 1]);
    // One that this program cancels did not fail.
    let (seq, action) = told(0, "Cancelled");
    let done = Cancellation { seq, action, cause: Cause::WindowClosed };
    assert_eq!(store.note_cancelled(id, vec![done]).await.unwrap(), 1);
    assert_eq!(counts().await, [2, 0]);
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
    assert!(store.named(&"c".parse().unwrap()).await.unwrap().remove(0).paused);
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

pub(super) async fn what_happened_is_kept_in_its_order_within_a_bound_and_its_beginning_stays(
    subject: &impl Subject,
) {
    let store = subject.store();
    let begun = Begun { by: "ann".into(), host: "desk".into(), ..Begun::default() };
    let id = campaign(store, 0..1, Opening { begun, ..opening("c", &["100/1m"]) }).await;
    let other = campaign(store, 5..6, opening("other", &["100/1m"])).await;
    let at = store.clock().utc();
    let by = |what| Happening { at, what, by: "bob".into(), host: "ops1".into() };
    let told = async |after, limit| {
        let all = store.happenings(id, after, limit).await.unwrap();
        all.into_iter().map(|one| one.happening).collect::<Vec<_>>()
    };
    let first = Happening { by: "ann".into(), host: "desk".into(), ..by(Happened::Begun) };
    assert_eq!(told(0, 10).await, std::slice::from_ref(&first));
    let why = "DNS \u{1b}[31m \"error\"".to_owned();
    let all = [
        by(Happened::OutOfReach { needed: Needed::Api, why }),
        by(Happened::Reached { needed: Needed::Api }),
        by(Happened::ServerPaused { operation: Operation::Scan, until: at }),
        by(Happened::Changed { changes: vec!["limit".into(), "window".into()] }),
        by(Happened::RunEnded { why: "by a signal".into(), exit_code: 5 }),
    ];
    for happening in &all {
        store.note_happening(id, happening.clone()).await.unwrap();
        store.note_happening(other, by(Happened::Paused)).await.unwrap();
    }
    assert_eq!(told(0, 2).await, [first.clone(), all[0].clone()]);
    let second = store.happenings(id, 0, 2).await.unwrap()[1].id;
    assert_eq!(told(second, 10).await, all[1..]);
    for exit_code in 0..=255 {
        let what = Happened::RunEnded { why: String::new(), exit_code };
        store.note_happening(id, by(what.clone())).await.unwrap();
        store.note_happening(id, by(what)).await.unwrap();
    }
    let kept = told(0, 10_000).await;
    assert_eq!((kept.len(), &kept[0]), (HAPPENINGS_KEPT, &first));
    let last = Happened::RunEnded { why: String::new(), exit_code: 255 };
    assert_eq!(kept[HAPPENINGS_KEPT - 1].what, last);
    assert_eq!(store.happenings(other, 0, 10).await.unwrap().len(), 6);
    assert!(store.note_happening(CampaignId(999_999), by(Happened::Paused)).await.is_err());
    assert!(store.happenings(CampaignId(999_999), 0, 1).await.unwrap().is_empty());
}

pub(super) async fn a_campaign_that_was_called_off_is_not_noted_as_finished(
    subject: &impl Subject,
) {
    let store = subject.store();
    let id = campaign(store, 0..1, opening("c", &["100/1m"])).await;
    store.call_off(id).await.unwrap();
    let (at, by, host) = (store.clock().utc(), "ann".to_owned(), String::new());
    for what in [Happened::Finished, Happened::Cancelled { devices: 1, scans: 0 }] {
        let (by, host) = (by.clone(), host.clone());
        store.note_happening(id, Happening { at, what, by, host }).await.unwrap();
    }
    let all = store.happenings(id, 0, 10).await.unwrap();
    let finished = |one: &NotedHappening| one.happening.what == Happened::Finished;
    assert!(!all.iter().any(finished), "{all:?}");
    let last = &all.last().unwrap().happening.what;
    assert_eq!(*last, Happened::Cancelled { devices: 1, scans: 0 });
}

pub(super) async fn a_campaign_is_noted_as_finished_once_however_many_of_its_runs_say_so(
    subject: &impl Subject,
) {
    let store = subject.store();
    let id = campaign(store, 0..1, opening("c", &["100/1m"])).await;
    let at = store.clock().utc();
    for by in ["ann", "bob"] {
        for what in [Happened::Finished, Happened::Paused] {
            let (by, host) = (by.to_owned(), String::new());
            store.note_happening(id, Happening { at, what, by, host }).await.unwrap();
        }
    }
    let all = store.happenings(id, 0, 10).await.unwrap();
    let told: Vec<_> = all[1..].iter().map(|one| one.happening.by.as_str()).collect();
    assert_eq!(all[1].happening.what, Happened::Finished);
    assert_eq!(told, ["ann", "ann", "bob"], "the pause of each is told");
}

pub(super) async fn the_minutes_of_a_campaign_count_what_left_and_how_it_was_answered(
    subject: &impl Subject,
) {
    let store = subject.store();
    let id = campaign(store, 0..9, opening("c", &["100/1m"])).await;
    let other = campaign(store, 20..22, opening("other", &["100/1m"])).await;
    assert_eq!(store.minutes(id).await.unwrap(), []);
    let first = store.clock().utc();
    claim(store, other).await;
    for verdict in [accepted(first), doubtful(), never_left(), throttled(Some(SECOND))] {
        let call = claim(store, id).await.call;
        settle(store, call, verdict).await;
    }
    store.claim_read(id).await.unwrap();
    subject.advance(SECOND * 120).await;
    let second = store.clock().utc();
    claim(store, id).await;
    let kept =
        |at, calls, accepted, throttled| Minute { at: minute_of(at), calls, accepted, throttled };
    let all = [kept(first, 3, 1, 1), kept(second, 1, 0, 0)];
    assert_eq!(store.minutes(id).await.unwrap(), all);
    assert_eq!(store.minutes(other).await.unwrap(), [kept(first, 1, 0, 0)]);
    assert_eq!(store.minutes(CampaignId(999_999)).await.unwrap(), []);
}

pub(super) async fn letters_that_not_every_store_can_hold_are_replaced_in_every_store(
    subject: &impl Subject,
) {
    let store = subject.store();
    let draft = store.draft().await.unwrap();
    let nul = |text: &str| Some(text.to_owned());
    let bad = ended_row(2, Outcome::BadRow, "a \0 in it");
    let bad = NewRow { device: None, input_text: nul("\0id\0"), ..bad };
    let named = NewRow { name: nul("pc\0-1"), ..row(1) };
    store.append(draft, vec![named, bad]).await.unwrap();
    store.open(draft, opening("c", &["100/1m"])).await.unwrap();
    let call = claim(store, draft).await.call;
    let message = nul("the server\0said");
    let refused = Verdict::Rejected(Refusal { message, ..refusal(400, "Bad\0Request") });
    settle(store, call, refused).await;
    let rows = store.rows(draft, 0, 9).await.unwrap();
    assert_eq!(rows[0].name.as_deref(), Some("pc\u{fffd}-1"));
    assert_eq!(rows[1].input_text.as_deref(), Some("\u{fffd}id\u{fffd}"));
    assert_eq!(rows[0].detail.message.as_deref(), Some("the server\0said"), "it is kept escaped");
    assert_eq!(rows[1].detail.reason.as_deref(), Some("a \0 in it"));
}

pub(super) async fn rows_are_paged_in_input_order(subject: &impl Subject) {
    let store = subject.store();
    let id = campaign(store, 0..10, opening("c", &["100/1m"])).await;
    campaign(store, 20..30, opening("next", &["100/1m"])).await;
    let mut seen = Vec::new();
    loop {
        let after = i64::try_from(seen.len()).unwrap();
        let page = store.rows(id, after, 4).await.unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page.into_iter().map(|row| (row.seq, row.device.unwrap())));
    }
    let all: Vec<_> = (0..10).map(|number| (i64::from(number) + 1, device(number))).collect();
    assert_eq!(seen, all);
    assert_eq!(store.rows(id, -5, 1).await.unwrap()[0].seq, 1);
    assert!(store.rows(id, 0, 0).await.unwrap().is_empty());
}
