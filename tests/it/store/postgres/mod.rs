//! What only the store in PostgreSQL does: several processes on one limit, a server that goes away
//! or steps its clock, commits whose answers are lost, and a server that forgot calls. Beside each
//! rule stands what happens without it.
//!
//! `FLEETSWEEP_TEST_POSTGRES=FOLDER cargo test --locked --test it postgres` plays it with the
//! server whose programs (`initdb`, `pg_ctl`, `postgres`) are in that folder.

mod commits;
mod controls;
mod failover;
mod pair;
mod pooled;

use std::sync::Arc;
use std::time::Duration;

use fleetsweep::clock::Clock;
use fleetsweep::domain::cancel::Cause;
use fleetsweep::domain::{Action, CampaignId, Cancellation, Opened, Operation, Timing};
use fleetsweep::store::postgres::{Address, PostgresStore, ServerClock};
use fleetsweep::store::{AsksAgain, ClaimAnswer, Store, StoreError};

use crate::kit::older::ONE_STATE;
use crate::kit::postgres::{Server, database, server};
use crate::kit::store::*;
use crate::kit::wire::Wire;

/// A store on the server's own clock, as in a process of its own.
async fn process(url: &str) -> PostgresStore<ServerClock> {
    PostgresStore::open(Address::parse(url).unwrap(), Timing::default()).await.unwrap()
}

/// Claims for as long as the limit lets it; how many it got.
async fn use_up(store: &impl Store, campaign: CampaignId) -> usize {
    let mut claimed = 0;
    loop {
        match store.claim(campaign, true).await.unwrap() {
            ClaimAnswer::Call(_) => claimed += 1,
            ClaimAnswer::NotYet(_) => return claimed,
            idle => panic!("{idle:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_processes_on_one_campaign_keep_one_limit() {
    let url = database().await;
    // A role whose transactions have another level by default changes nothing.
    let name = url.rsplit('/').next().unwrap().to_owned();
    let client = server().connect("postgres").await;
    let set = format!("ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'");
    client.batch_execute(&set).await.unwrap();
    let first = process(&url).await;
    let id = campaign(&first, 0..200, opening("c", &["20/1h"])).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let url = url.clone();
        tasks.spawn(async move {
            let store = process(&url).await;
            let claimed = use_up(&store, id).await;
            store.close().await.unwrap();
            claimed
        });
    }
    let claimed: Vec<usize> = tasks.join_all().await;
    assert_eq!(claimed.iter().sum::<usize>(), 20, "{claimed:?}");
    let budget = opening("c", &[]).order.target.budget(Operation::Scan);
    assert_eq!(first.usage(&budget, 99).await.unwrap().seen_by.len(), 20);
    assert_eq!(first.tally(id).await.unwrap(), first.recount(id).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_and_settles_of_many_tasks_meet_in_no_deadlock() {
    let url = database().await;
    let one = Arc::new(process(&url).await);
    let other = Arc::new(process(&url).await);
    let id = campaign(&*one, 0..400, opening("c", &["1000000/1s"])).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let store = Arc::clone(if n % 2 == 0 { &one } else { &other });
        tasks.spawn(async move {
            for turn in 0..20 {
                let call = claim(&*store, id).await.call;
                let verdict = if turn % 2 == 0 { never_left() } else { busy() };
                settle(&*store, call, verdict).await;
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(one.tally(id).await.unwrap(), one.recount(id).await.unwrap());
    let client = server().connect(url.rsplit('/').next().unwrap()).await;
    let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    let row = client.query_one(sql, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>("deadlocks"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_started_again_is_waited_for_and_nothing_is_lost() {
    let server = Server::start("");
    let url = server.url("postgres");
    let store = Arc::new(process(&url).await);
    let _asks_again = AsksAgain::new(store.clone());
    let id = campaign(&*store, 0..9, opening("c", &["3/1h"])).await;
    let first = claim(&*store, id).await;
    server.crash_and_restart();
    // The first verb after it finds its connection dead and asks on another one.
    let second = claim(&*store, id).await;
    assert_eq!((first.seq, second.seq), (1, 2));
    settle(&*store, first.call, never_left()).await;
    assert_eq!(use_up(&*store, id).await, 2, "a call that never left gives its slot back");
    server.stop();
    let away = store.claim(id, true).await.unwrap_err();
    assert!(matches!(away, StoreError::OutOfReach { .. }), "{away:?}");
    server.resume();
    assert_eq!(store.tally(id).await.unwrap().claimed, 3);
    crashes_in_the_middle(&server, &url).await;
}

/// Four tasks of two processes claim and settle while the server crashes: what each was told is
/// what there is.
async fn crashes_in_the_middle(server: &Server, url: &str) {
    let stores = [Arc::new(process(url).await), Arc::new(process(url).await)];
    let _ask_again = stores.clone().map(AsksAgain::new);
    let mut order = opening("storm", &["1000000/1s"]);
    order.order.target.tenant = "another".to_owned();
    let id = campaign(&*stores[0], 0..400, order).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..4 {
        let store = stores[n % 2].clone();
        tasks.spawn(async move {
            let mut claimed = Vec::new();
            while claimed.len() < 60 {
                let claim = match store.claim(id, true).await {
                    Ok(ClaimAnswer::Call(claim)) => claim,
                    Err(StoreError::OutOfReach { .. }) => {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        continue;
                    }
                    other => panic!("{other:?}"),
                };
                claimed.push(claim.seq);
                let answer = settlement(accepted(store.clock().utc()), store.clock().utc());
                while let Err(error) = store.settle(claim.call, answer.clone()).await {
                    assert!(matches!(error, StoreError::OutOfReach { .. }), "{error:?}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            claimed
        });
    }
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.stop();
        server.resume();
    }
    let claimed: Vec<i64> = tasks.join_all().await.into_iter().flatten().collect();
    let devices: std::collections::BTreeSet<i64> = claimed.iter().copied().collect();
    assert_eq!((claimed.len(), devices.len()), (240, 240), "one was claimed twice");
    assert_eq!(stores[1].calls(id).await.unwrap(), 240);
    let tally = stores[0].tally(id).await.unwrap();
    assert_eq!((tally.of(fleetsweep::domain::Outcome::Accepted), tally.queued), (240, 160));
    assert_eq!(tally, stores[1].recount(id).await.unwrap());
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_a_reader_makes_nothing() {
    let url = database().await;
    let name = url.rsplit('/').next().unwrap();
    let client = server().connect(name).await;
    client.batch_execute("INSERT INTO fleetsweep.migration VALUES (99)").await.unwrap();
    let open = |url: &str| PostgresStore::open(Address::parse(url).unwrap(), Timing::default());
    let refused = open(&url).await.unwrap_err();
    assert!(refused.to_string().contains("version 99"), "{refused}");
    server().connect("postgres").await.batch_execute("CREATE DATABASE bare").await.unwrap();
    let bare = Address::parse(&server().url("bare")).unwrap();
    let none = PostgresStore::open_read_only(bare, Timing::default()).await.unwrap();
    assert!(none.is_none());
    let sql = "SELECT to_regnamespace('fleetsweep') IS NULL AS none";
    let row = server().connect("bare").await.query_one(sql, &[]).await.unwrap();
    assert!(row.get::<_, bool>("none"));
    let nobody = Address::parse("postgres://x@127.0.0.1:1/x").unwrap();
    let away = PostgresStore::open(nobody, Timing::default()).await.unwrap_err();
    assert!(matches!(away, StoreError::OutOfReach { .. }), "{away:?}");
}

#[tokio::test]
async fn a_store_of_before_tells_what_was_taken_back_from_what_expired() {
    let url = database().await;
    let store = process(&url).await;
    let id = taken_back_expired_and_failed(&store, "c").await;
    let of = async |store: &PostgresStore<ServerClock>| {
        (store.rows(id, 0, 9).await.unwrap(), store.tally(id).await.unwrap())
    };
    let before = of(&store).await;
    store.close().await.unwrap();
    let client = server().connect(url.rsplit('/').next().unwrap()).await;
    let back = format!(
        "SET search_path TO fleetsweep; {ONE_STATE} DELETE FROM migration WHERE version >= 4; \
         DROP TABLE failed_start; \
         ALTER TABLE call DROP CONSTRAINT call_schema; UPDATE call SET schema = 1; \
         ALTER TABLE call ADD CONSTRAINT call_schema CHECK (schema = 1)"
    );
    client.batch_execute(&back).await.unwrap();
    let sql = "SELECT count(*) FROM device_row WHERE state = 'cancelled'";
    assert_eq!(client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 3);
    let store = process(&url).await;
    assert_eq!(of(&store).await, before);
    assert_eq!(store.tally(id).await.unwrap(), store.recount(id).await.unwrap());
    // A campaign that a program of before made lacks a count.
    let delete = "DELETE FROM tally WHERE state = 'expired' AND campaign <> 1";
    let lacking = campaign(&store, 7..8, opening("lacking", &["100/1m"])).await;
    client.batch_execute(delete).await.unwrap();
    let call = claim(&store, lacking).await.call;
    settle(&store, call, accepted(store.clock().utc())).await;
    let row = store.rows(lacking, 0, 1).await.unwrap().remove(0);
    let action = action("Full", "Cancelled", store.clock().utc());
    let action = Action { id: row.detail.action_id.unwrap(), ..action };
    let expired = Cancellation { seq: row.seq, action, cause: Cause::WindowClosed };
    assert_eq!(store.note_cancelled(lacking, vec![expired]).await.unwrap(), 1);
    assert_eq!(store.tally(lacking).await.unwrap(), store.recount(lacking).await.unwrap());
    // Slots are taken by the new number, and a program of before takes none.
    let other = campaign(&store, 5..6, opening("other", &["100/1m"])).await;
    claim(&store, other).await;
    let sql = "SELECT min(schema), max(schema) FROM call";
    let row = client.query_one(sql, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (3, 3));
}

#[tokio::test]
async fn a_store_of_before_keeps_why_nights_did_not_begin() {
    let url = database().await;
    let store = process(&url).await;
    let copied = nights_refused_before(&store).await;
    store.close().await.unwrap();
    let client = server().connect(url.rsplit('/').next().unwrap()).await;
    let back = "SET search_path TO fleetsweep; DROP TABLE failed_start; \
                DELETE FROM migration WHERE version >= 6";
    client.batch_execute(back).await.unwrap();
    let store = process(&url).await;
    let mut kept = store.failed_starts(jiff::civil::Date::MIN).await.unwrap();
    kept.sort_by_key(|one| (one.day, one.of.name()));
    assert_eq!(kept, copied);
}

#[tokio::test]
async fn a_program_of_before_an_upgrade_takes_no_slot() {
    let url = database().await;
    let store = process(&url).await;
    let id = campaign(&store, 0..3, opening("c", &["3/1h"])).await;
    let client = server().connect(url.rsplit('/').next().unwrap()).await;
    let upgrade = "ALTER TABLE fleetsweep.call DROP CONSTRAINT call_schema; \
                   ALTER TABLE fleetsweep.call ADD CONSTRAINT call_schema CHECK (schema = 99)";
    client.batch_execute(upgrade).await.unwrap();
    let refused = store.claim(id, true).await.unwrap_err();
    assert!(refused.to_string().contains("newer version"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_of_the_servers_clock_frees_nothing_early_and_holds_nothing_longer() {
    let server = Server::with_own_clock();
    let url = server.url("postgres");
    let store = process(&url).await;
    let id = campaign(&store, 0..9, opening("c", &["3/1h"])).await;
    assert_eq!(use_up(&store, id).await, 3);
    server.set_clock(7_200);
    // Negative control: by the server's clock as it is, three more calls would pass.
    let client = server.connect("postgres").await;
    let plain = "SELECT count(*) FROM fleetsweep.call WHERE seen_by > \
                 greatest((SELECT max(last_now) FROM fleetsweep.budget), \
                          (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) - 3603700000";
    let counted: i64 = client.query_one(plain, &[]).await.unwrap().get(0);
    assert_eq!(counted, 0, "the clock has not stepped");
    assert_eq!(use_up(&store, id).await, 0, "the step frees nothing");
    // That transaction has corrected it, so that one who comes now reads the same.
    let newcomer = process(&url).await;
    assert_eq!(use_up(&newcomer, id).await, 0);
    let apart = newcomer.clock().now().since(store.clock().now());
    assert!(apart < Duration::from_secs(60), "{apart:?}");
    // Back again, which would make each call count for two hours longer.
    server.set_clock(0);
    let ClaimAnswer::NotYet(no) = store.claim(id, true).await.unwrap() else { panic!() };
    let wait = no.at.since(store.clock().now());
    assert!(wait < Duration::from_secs(3_700), "{wait:?}");
    let after = process(&url).await;
    let ClaimAnswer::NotYet(no) = after.claim(id, true).await.unwrap() else { panic!() };
    let wait = no.at.since(after.clock().now());
    assert!(wait < Duration::from_secs(3_700), "{wait:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_cut_for_a_while_holds_nobody_else_up_and_loses_nothing() {
    let url = database().await;
    let other = process(&url).await;
    let id = campaign(&other, 0..9, opening("c", &["5/1h"])).await;
    let wire = Wire::before(server()).await;
    let store = Arc::new(process(&wire.url(url.rsplit('/').next().unwrap())).await);
    let first = claim(&*store, id).await;
    // The transaction has begun, and locks the budget or is about to.
    wire.falls_silent_after(3);
    let asking = store.clone();
    let cut_off = tokio::spawn(async move { asking.claim(id, true).await });
    wire.fell_silent().await;
    // The server ends what says nothing any more, so another host goes on.
    let second = claim(&other, id).await;
    assert_ne!(first.seq, second.seq);
    // Longer by hand than anybody waits for an answer.
    if std::env::var_os("FLEETSWEEP_LONG").is_some() {
        tokio::time::sleep(Duration::from_secs(35)).await;
    }
    wire.speaks_again();
    let third = cut_off.await.unwrap();
    let ClaimAnswer::Call(third) = third.unwrap() else { panic!() };
    assert!(third.seq != first.seq && third.seq != second.seq);
    settle(&*store, first.call, accepted(store.clock().utc())).await;
    assert_eq!(use_up(&*store, id).await, 2);
    assert_eq!(store.calls(id).await.unwrap(), 5);
    assert_eq!(store.tally(id).await.unwrap(), other.recount(id).await.unwrap());
}
