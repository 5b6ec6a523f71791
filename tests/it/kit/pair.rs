//! A real pair of PostgreSQL servers, the second of which follows the first and can take over. It
//! tests nothing.

use std::time::Duration;

use tokio_postgres::Client;

use super::postgres::Server;

/// A primary and its standby.
pub(crate) struct Pair {
    pub(crate) primary: Server,
    pub(crate) standby: Server,
}

impl Pair {
    /// A pair whose standby has commits a little later than they are acknowledged.
    pub(crate) fn asynchronous() -> Self {
        let primary = Server::start("");
        let standby = primary.standby();
        Self { primary, standby }
    }

    /// A pair whose standby has each commit before it is acknowledged.
    pub(crate) async fn synchronous() -> Self {
        let pair = Self::asynchronous();
        let there = pair.primary.connect("postgres").await;
        for sql in ["ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"] {
            there.batch_execute(sql).await.unwrap();
        }
        until(&there, "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'")
            .await;
        pair
    }

    /// Both servers in one address.
    pub(crate) fn url(&self) -> String {
        let folder = |server: &Server| server.folder.display().to_string().replace('/', "%2F");
        let (one, other) = (folder(&self.primary), folder(&self.standby));
        format!("postgres://fleetsweep@{one},{other}/postgres")
    }

    /// Waits until the standby has what there is, and cuts it off: it gets nothing more.
    pub(crate) async fn cut_off(&self) {
        let followed = self.primary.connect("postgres").await;
        let has_all = "SELECT count(*) = 1 FROM pg_stat_replication WHERE replay_lsn >= \
                       pg_current_wal_flush_lsn()";
        until(&followed, has_all).await;
        let there = self.standby.connect("postgres").await;
        for sql in ["ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()"] {
            there.batch_execute(sql).await.unwrap();
        }
        until(&followed, "SELECT count(*) = 0 FROM pg_stat_replication").await;
    }

    /// Waits until the store has written down that a failover loses nothing.
    pub(crate) async fn is_durable(&self) {
        let there = self.primary.connect("postgres").await;
        until(&there, "SELECT durable FROM fleetsweep.epoch").await;
    }

    /// The primary is lost, and the standby takes over.
    pub(crate) fn fail_over(&self) {
        self.primary.stop();
        self.standby.promote();
    }
}

async fn until(client: &Client, sql: &str) {
    for _ in 0..600 {
        if client.query_one(sql, &[]).await.unwrap().get::<_, bool>(0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never came: {sql}");
}
