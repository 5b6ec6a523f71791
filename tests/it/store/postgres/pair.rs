//! A real pair of servers: the standby lags behind, the primary is lost, the standby takes over.
//! The store is given both addresses, and goes on by itself.

use super::*;

/// Both servers in one address.
fn both(primary: &Server, standby: &Server) -> String {
    let folder = |server: &Server| server.folder.display().to_string().replace('/', "%2F");
    let (one, other) = (folder(primary), folder(standby));
    format!("postgres://fleetsweep@{one},{other}/postgres")
}

async fn until(client: &tokio_postgres::Client, sql: &str) {
    for _ in 0..600 {
        if client.query_one(sql, &[]).await.unwrap().get::<_, bool>(0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never came: {sql}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_lagged_behind_takes_over_and_the_limit_holds() {
    let primary = Server::start("");
    let standby = primary.standby();
    let store = process(&both(&primary, &standby)).await;
    let id = campaign(&store, 0..60, opening("c", &["20/1h"])).await;
    for _ in 0..8 {
        claim(&store, id).await;
    }
    let followed = primary.connect("postgres").await;
    until(
        &followed,
        "SELECT count(*) = 1 FROM pg_stat_replication WHERE replay_lsn >= \
                      pg_current_wal_flush_lsn()",
    )
    .await;
    // From now on the standby gets nothing more.
    let cut = standby.connect("postgres").await;
    cut.batch_execute("ALTER SYSTEM SET primary_conninfo = ''").await.unwrap();
    cut.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    until(&followed, "SELECT count(*) = 0 FROM pg_stat_replication").await;
    assert_eq!(use_up(&store, id).await, 12);
    primary.stop();
    standby.promote();
    // The same process goes on at the other address, and has forgotten twelve calls.
    let no = loop {
        match store.claim(id, true).await {
            Ok(ClaimAnswer::NotYet(no)) => break no,
            Err(StoreError::OutOfReach { .. }) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(no.hold, fleetsweep::store::Hold::Forgotten);
    assert_eq!(store.calls(id).await.unwrap(), 8, "it knows of eight");
    // Negative control: as if nobody had noticed.
    let there = standby.connect("postgres").await;
    there.batch_execute("UPDATE fleetsweep.epoch SET free_at = 0, number = 0").await.unwrap();
    let more = use_up(&store, id).await;
    println!("{} of 20 without the new epoch", 20 + more);
    assert_eq!(more, 12, "without the new epoch the limit is broken");
}
