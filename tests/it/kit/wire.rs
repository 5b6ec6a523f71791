//! Somebody who stands between a store and its PostgreSQL server: cuts the connection at any round
//! trip, as where a process is killed in it, or lets nothing through for a while. It tests nothing.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

use super::postgres::Server;

/// When a connection is cut in a round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Before the server has what was sent.
    Before,
    /// When the server has answered, and before its answer arrives.
    After,
    /// At once for who asked, and the server has what was sent when somebody says so.
    Late,
}

/// Which round trip is cut.
#[derive(Clone, Copy, Debug, Default)]
enum Next {
    #[default]
    None,
    /// The next COMMIT.
    Commit(Cut),
    /// So many go through before.
    After(usize, Cut),
    /// Nothing gets through after so many.
    Silence(usize),
}

/// Stands before a server, at a port of this machine.
pub(crate) struct Wire {
    port: u16,
    held: Arc<Held>,
}

struct Held {
    socket: PathBuf,
    next: Mutex<Next>,
    /// After a cut nothing gets through any more, as where a process was killed.
    kills: Mutex<bool>,
    dead: watch::Sender<bool>,
    silent: watch::Sender<bool>,
    late: watch::Sender<bool>,
}

impl Wire {
    pub(crate) async fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let held = Arc::new(Held {
            socket: server.folder.join(".s.PGSQL.5432"),
            next: Mutex::default(),
            kills: Mutex::default(),
            dead: watch::Sender::new(false),
            silent: watch::Sender::new(false),
            late: watch::Sender::new(false),
        });
        let accepting = held.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if !*accepting.dead.borrow() {
                    tokio::spawn(accepting.clone().serve(client));
                }
            }
        });
        Self { port, held }
    }

    /// The URL of a database on the server behind it.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://fleetsweep@127.0.0.1:{}/{database}", self.port)
    }

    /// Cuts the connection whose COMMIT comes next.
    pub(crate) fn cut_next_commit(&self, cut: Cut) {
        *self.held.next.lock().unwrap() = Next::Commit(cut);
    }

    /// Cuts the connection that makes a round trip after so many others.
    pub(crate) fn cut_after(&self, round_trips: usize, cut: Cut) {
        *self.held.next.lock().unwrap() = Next::After(round_trips, cut);
    }

    /// The same, and everything else of this process ends with it.
    pub(crate) fn kill_after(&self, round_trips: usize, cut: Cut) {
        *self.held.kills.lock().unwrap() = true;
        self.cut_after(round_trips, cut);
    }

    /// Waits until the cut that was asked for has come.
    pub(crate) async fn cut(&self) {
        while !matches!(*self.held.next.lock().unwrap(), Next::None) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Lets arrive what is late.
    pub(crate) fn late_arrives(&self) {
        self.held.late.send_replace(true);
    }

    /// Whether the cut that was asked for is still to come; it comes no more.
    pub(crate) fn was_not_cut(&self) -> bool {
        !matches!(std::mem::take(&mut *self.held.next.lock().unwrap()), Next::None)
    }

    /// Waits until the process is killed.
    pub(crate) async fn killed(&self) {
        is(&mut self.held.dead.subscribe(), true).await;
    }

    /// Lets nothing through after so many round trips, in no direction.
    pub(crate) fn falls_silent_after(&self, round_trips: usize) {
        *self.held.next.lock().unwrap() = Next::Silence(round_trips);
    }

    /// Lets nothing through from now on, in no direction. Who is gone meanwhile stays connected, as
    /// far as the server can tell.
    pub(crate) fn falls_silent(&self) {
        self.held.silent.send_replace(true);
    }

    /// Waits until nothing gets through.
    pub(crate) async fn fell_silent(&self) {
        is(&mut self.held.silent.subscribe(), true).await;
    }

    /// Lets go on what waited.
    pub(crate) fn speaks_again(&self) {
        self.held.silent.send_replace(false);
    }
}

impl Held {
    fn what_now(&self, sent: &[u8]) -> Option<Cut> {
        let mut next = self.next.lock().unwrap();
        let (cut, then) = match *next {
            Next::Commit(cut) if sent.windows(7).any(|word| word == b"COMMIT\0") => {
                (Some(cut), Next::None)
            }
            Next::After(0, cut) => (Some(cut), Next::None),
            Next::After(left, cut) => (None, Next::After(left - 1, cut)),
            Next::Silence(0) => {
                self.silent.send_replace(true);
                (None, Next::None)
            }
            Next::Silence(left) => (None, Next::Silence(left - 1)),
            stays => (None, stays),
        };
        *next = then;
        cut
    }

    fn cut(&self) {
        if *self.kills.lock().unwrap() {
            self.dead.send_replace(true);
        }
    }

    async fn serve(self: Arc<Self>, mut client: TcpStream) {
        let Ok(mut there) = UnixStream::connect(&self.socket).await else { return };
        let (mut sent, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        let (mut dead, mut silent) = (self.dead.subscribe(), self.silent.subscribe());
        loop {
            tokio::select! {
                () = is(&mut dead, true) => return,
                Ok(n) = client.read(&mut sent) => {
                    if n == 0 {
                        return;
                    }
                    let cut = self.what_now(&sent[..n]);
                    is(&mut silent, false).await;
                    if cut == Some(Cut::Before) {
                        return self.cut();
                    }
                    if cut == Some(Cut::Late) {
                        drop(client);
                        is(&mut self.late.subscribe(), true).await;
                        there.write_all(&sent[..n]).await.unwrap();
                        assert!(there.read(&mut answered).await.unwrap() > 0);
                        return;
                    }
                    if there.write_all(&sent[..n]).await.is_err() {
                        return;
                    }
                    if cut == Some(Cut::After) {
                        // It is over when the server answers.
                        assert!(there.read(&mut answered).await.unwrap() > 0);
                        return self.cut();
                    }
                }
                Ok(n) = there.read(&mut answered) => {
                    is(&mut silent, false).await;
                    if n == 0 || client.write_all(&answered[..n]).await.is_err() {
                        return;
                    }
                }
                else => return,
            }
        }
    }
}

async fn is(state: &mut watch::Receiver<bool>, wanted: bool) {
    state.wait_for(|state| *state == wanted).await.unwrap();
}
