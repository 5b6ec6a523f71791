//! A server that forgot calls which were made: a standby that lagged behind takes over, or a backup
//! is restored. The limit holds all the same, and nothing is ordered twice.

use fleetsweep::domain::lifecycle::Found;
use fleetsweep::domain::{Finding, Outcome, State};

use super::*;

/// Takes back what was written since, as a standby that never got it would know nothing of it.
async fn forget(client: &tokio_postgres::Client, id: CampaignId, kept: i64) {
    let sql = format!(
        "SET search_path = fleetsweep; DELETE FROM call WHERE id & 4294967295 > {kept}; \
         UPDATE budget SET calls = (SELECT count(*) FROM call WHERE budget = budget.id), \
         last_now = 0; \
         UPDATE device_row SET state = 'queued', at = 0, ready = true, attempt = 0 \
         WHERE campaign = {0} AND seq > {kept}; \
         UPDATE tally SET rows = (SELECT count(*) FROM device_row d \
         WHERE d.campaign = tally.campaign AND d.state = tally.state) WHERE campaign = {0}; \
         UPDATE campaign SET calls = {kept} WHERE id = {0}; \
         UPDATE epoch SET server = 'another/00000001'",
        id.0
    );
    client.batch_execute(&sql).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failover_that_forgot_calls_nothing_is_ordered_until_they_are_over() {
    let url = database().await;
    let store = process(&url).await;
    let id = campaign(&store, 0..9, opening("c", &["4/2s"])).await;
    assert_eq!(use_up(&store, id).await, 4);
    store.close().await.unwrap();
    let client = server().connect(url.rsplit('/').next().unwrap()).await;
    forget(&client, id, 1).await;
    let after = process(&url).await;
    let ClaimAnswer::NotYet(no) = after.claim(id, true).await.unwrap() else { panic!() };
    assert_eq!(no.hold, fleetsweep::store::Hold::Forgotten);
    let wait = no.at.since(after.clock().now());
    let whole = horizon() + reopens("4/2s");
    assert!(wait > whole - SECOND * 5 && wait <= whole, "{wait:?}");
    // Negative control: without the new epoch three more calls would fall into the window.
    client.batch_execute("UPDATE fleetsweep.epoch SET free_at = 0, number = 0").await.unwrap();
    assert!(use_up(&after, id).await > 0, "without it the limit is broken");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_been_ordered_is_looked_up_before_it_is_ordered() {
    let url = database().await;
    let store = process(&url).await;
    let id = campaign(&store, 0..4, opening("c", &["100/1m"])).await;
    for _ in 0..2 {
        claim(&store, id).await;
    }
    store.close().await.unwrap();
    let client = server().connect(url.rsplit('/').next().unwrap()).await;
    forget(&client, id, 1).await;
    let after = process(&url).await;
    // What may have been forgotten is over.
    client.batch_execute("UPDATE fleetsweep.epoch SET free_at = 1").await.unwrap();
    let first = after.claim(id, true).await.unwrap();
    assert!(matches!(first, ClaimAnswer::Idle { wake: Some(_), .. }), "{first:?}");
    let due = after.to_look_up(id, 9).await.unwrap();
    assert_eq!(due.iter().map(|one| one.seq).collect::<Vec<_>>(), [2, 3, 4]);
    let utc = after.clock().utc();
    let found = |n: usize, found| Finding { look_up: due[n], found, action: None };
    let ours = Some(action("Full", "Pending", utc));
    let findings = vec![
        Finding { action: ours, ..found(0, Found::Ours) },
        found(1, Found::NotOurs { covered: false }),
        found(2, Found::Forbidden),
    ];
    after.looked_up(id, findings).await.unwrap();
    let rows = after.rows(id, 1, 9).await.unwrap();
    let states: Vec<State> = rows.iter().map(|row| row.life.state).collect();
    let queued = State::Queued(fleetsweep::domain::Stamp::ZERO);
    assert_eq!(states, [State::Done(Outcome::Accepted), queued, queued]);
    assert_eq!(rows[1].detail.reason, None, "nothing is told of one that was not ordered");
    let next = claim(&after, id).await;
    assert_eq!((next.seq, next.attempt, next.repeat), (3, 1, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_a_call_that_was_forgotten_changes_nothing_and_ends_no_run() {
    let url = database().await;
    let store = process(&url).await;
    let id = campaign(&store, 0..4, opening("c", &["100/1m"])).await;
    let call = claim(&store, id).await.call;
    let answer = settlement(accepted(store.clock().utc()), store.clock().utc());
    let client = server().connect(url.rsplit('/').next().unwrap()).await;
    forget(&client, id, 0).await;
    // Negative control: a journal that lost a call, and no failover that explains it.
    let broken = store.settle(call, answer.clone()).await.unwrap_err();
    assert!(matches!(broken, StoreError::Broken(_)), "{broken:?}");
    // A process that makes a new connection notices what happened.
    let after = process(&url).await;
    let settled = store.settle(call, answer).await.unwrap();
    assert_eq!(settled.before, settled.after);
    assert_eq!(after.tally(id).await.unwrap().queued, 4, "it is looked up before it is ordered");
    assert_eq!(after.tally(id).await.unwrap(), after.recount(id).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_notices_that_its_own_commits_are_gone_whatever_the_server_says() {
    let url = database().await;
    let store = process(&url).await;
    let id = campaign(&store, 0..9, opening("c", &["4/1h"])).await;
    claim(&store, id).await;
    let client = server().connect(url.rsplit('/').next().unwrap()).await;
    client.batch_execute("UPDATE fleetsweep.writer SET done = done - 1").await.unwrap();
    // Its connections end, as they do where a server is replaced.
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    client.batch_execute(end).await.unwrap();
    let ClaimAnswer::NotYet(no) = store.claim(id, true).await.unwrap() else { panic!() };
    assert_eq!(no.hold, fleetsweep::store::Hold::Forgotten);
}
