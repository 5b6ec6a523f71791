//! A real PgBouncer between the store and the server: one that gives each transaction another
//! session is refused by name, one that keeps sessions apart is as good as none.

use std::path::PathBuf;
use std::process::{Child, Stdio};

use fleetsweep::domain::Timing;
use fleetsweep::store::StoreError;
use fleetsweep::store::postgres::{Address, PostgresStore, ServerClock};

use super::{process, use_up};
use crate::kit::postgres::Server;
use crate::kit::program::{beside, until};
use crate::kit::store::{campaign, opening};

/// A pooler in front of a server.
struct Pooler<'a> {
    server: &'a Server,
    runs: Child,
}

impl<'a> Pooler<'a> {
    async fn start(server: &'a Server, mode: &str) -> Self {
        let folder = server.folder.display();
        let settings = server.folder.join(format!("{mode}.ini"));
        let text = format!(
            "[databases]\n* = host={folder} port=5432 user=fleetsweep\n\
             [pgbouncer]\nlisten_port = 6432\nunix_socket_dir = {folder}\nauth_type = any\n\
             pool_mode = {mode}\ndefault_pool_size = 20\n"
        );
        std::fs::write(&settings, text).unwrap();
        let mut command = server.as_its_user(program());
        command.arg("-q").arg(&settings).stdout(Stdio::null()).stderr(Stdio::null());
        let runs = command.spawn().unwrap();
        let socket = server.folder.join(".s.PGSQL.6432");
        until("PgBouncer listens", async || socket.exists()).await;
        Self { server, runs }
    }

    fn url(&self) -> String {
        self.server.url("postgres").replace(":5432/", ":6432/")
    }
}

impl Drop for Pooler<'_> {
    fn drop(&mut self) {
        self.runs.kill().ok();
        self.runs.wait().ok();
        std::fs::remove_file(self.server.folder.join(".s.PGSQL.6432")).ok();
    }
}

/// Debian has it where only root looks.
fn program() -> PathBuf {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&on_path).chain([PathBuf::from("/usr/sbin")]);
    let mut all = folders.map(|folder| folder.join("pgbouncer"));
    all.find(|file| file.exists()).expect("there is no pgbouncer: apt-get install -y pgbouncer")
}

async fn refused(url: &str) -> StoreError {
    let address = Address::parse(url).unwrap();
    PostgresStore::<ServerClock>::open(address, Timing::default()).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_mixes_sessions_is_refused_by_name_and_one_that_keeps_them_is_none() {
    let server = beside(|| Server::start("-c fsync=off")).await;
    let pooler = Pooler::start(&server, "transaction").await;
    // Before there are tables, and when others use the pool as well.
    for _ in 0..2 {
        let told = refused(&pooler.url()).await.to_string();
        assert!(told.contains("PgBouncer with pool_mode=transaction"), "{told}");
        assert!(told.contains("name the server itself"), "{told}");
        process(&server.url("postgres")).await.close().await.unwrap();
    }
    let address = Address::parse(&pooler.url()).unwrap();
    let reader = PostgresStore::open_read_only(address, Timing::default()).await.unwrap_err();
    assert!(reader.to_string().contains("PgBouncer"), "{reader}");
    drop(pooler);
    let pooler = Pooler::start(&server, "session").await;
    let store = process(&pooler.url()).await;
    let id = campaign(&store, 0..5, opening("c", &["3/1h"])).await;
    assert_eq!(use_up(&store, id).await, 3);
    store.close().await.unwrap();
}
