//! The one task that writes: it owns the only writing connection, takes all operations that wait
//! and commits them together. It knows nothing of what they do.
//!
//! One batch is one `BEGIN IMMEDIATE`, each operation in a savepoint of its own, one COMMIT; only
//! then does anybody get a reply, so what a reply says is durable. A lock, a full disk and a write
//! that failed leave nothing behind (`fault`), and the next batch may try again. After any other
//! fault, as of an fsync, the writer stays failed: pages whose fsync failed are marked clean, and a
//! second fsync would report a success that never happened. Closing the connection would call one,
//! since the last to close writes the log back, so a failed writer leaves its connection open until
//! the process ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::fault::{self, Explained, Fault};
use super::sql;
use crate::store::{Result, StoreError};

/// Operations that may wait before their callers do.
const QUEUE: usize = 1024;

/// Operations in one commit at most.
const BATCH: usize = 256;

/// How often a lock is waited for, five seconds each (`BUSY` in `open`).
const LOCK_WAITS: u32 = 6;

/// The same for who asks again after that, and tells meanwhile what is waited for.
const ASKED_AGAIN: u32 = 2;

/// A future on the writer's connection.
pub(super) type Work<'c, T> = crate::store::verbs::Work<'c, T, Fault>;

/// The way to the writing task.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    commits: Arc<AtomicU64>,
    asking_again: Arc<AtomicUsize>,
}

enum Message {
    Run(Box<dyn Operation>),
    Close(oneshot::Sender<Result<()>>),
}

/// An operation whose type of answer is hidden.
trait Operation: Send {
    fn run<'c>(&'c mut self, conn: &'c mut SqliteConnection) -> Work<'c, ()>;
    /// Sends the answer that `run` found, or the failure of the whole batch.
    fn reply(self: Box<Self>, batch: std::result::Result<(), &Explained>);
}

struct Op<F, T> {
    what: &'static str,
    work: Option<F>,
    answer: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl Writer {
    /// Starts the task on this connection.
    pub(super) fn start(conn: SqliteConnection) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let commits = Arc::new(AtomicU64::new(0));
        let asking_again = Arc::default();
        let task = Task {
            commits: Arc::clone(&commits),
            asking_again: Arc::clone(&asking_again),
            conn: Ok(conn),
        };
        tokio::spawn(task.serve(waiting));
        Self { queue, commits, asking_again }
    }

    /// Runs an operation in the next batch and returns its answer when that is durable. An
    /// operation whose caller stops waiting is run all the same.
    pub(super) async fn run<T, F>(&self, what: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let op = Op { what, work: Some(work), answer: None, reply };
        let sent = self.queue.send(Message::Run(Box::new(op))).await;
        sent.map_err(|_| closed(what))?;
        answer.await.map_err(|_| closed(what))?
    }

    /// Writes everything back into the file and ends the task.
    pub(super) async fn close(&self) -> Result<()> {
        let (reply, done) = oneshot::channel();
        if self.queue.send(Message::Close(reply)).await.is_err() {
            return Ok(());
        }
        done.await.map_err(|_| closed("closing the store"))?
    }

    /// One more, or one less, asks again by himself what is out of reach.
    pub(super) fn is_asked_again(&self, again: bool) {
        if again {
            self.asking_again.fetch_add(1, Ordering::Relaxed);
        } else {
            self.asking_again.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Commits so far.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

struct Task {
    commits: Arc<AtomicU64>,
    /// How many ask again by themselves what is out of reach.
    asking_again: Arc<AtomicUsize>,
    /// The connection, or why nothing is written any more.
    conn: std::result::Result<SqliteConnection, Explained>,
}

impl Task {
    async fn serve(mut self, mut waiting: mpsc::Receiver<Message>) {
        let mut messages = Vec::with_capacity(BATCH);
        while waiting.recv_many(&mut messages, BATCH).await > 0 {
            let mut batch = Vec::with_capacity(messages.len());
            let mut close = None;
            for message in messages.drain(..) {
                match message {
                    Message::Run(op) => batch.push(op),
                    Message::Close(reply) => close = Some(reply),
                }
            }
            self.serve_batch(batch).await;
            if let Some(reply) = close {
                let closed = self.close().await;
                // The caller may have stopped waiting; the store is closed either way.
                reply.send(closed).ok();
                return;
            }
        }
    }

    async fn serve_batch(&mut self, mut batch: Vec<Box<dyn Operation>>) {
        if batch.is_empty() {
            return;
        }
        let outcome = self.commit(&mut batch).await;
        for op in batch {
            op.reply(outcome.as_ref().copied());
        }
    }

    async fn commit(
        &mut self,
        batch: &mut [Box<dyn Operation>],
    ) -> std::result::Result<(), Explained> {
        let conn = self.conn.as_mut().map_err(|why| why.clone())?;
        let waits = lock_waits(self.asking_again.load(Ordering::Relaxed));
        let error = match begin(conn, waits).await {
            Err(error) => error,
            Ok(()) => match run_all(conn, batch).await {
                Ok(()) => {
                    self.commits.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                Err(error) => {
                    // The transaction may be gone already; whatever is left of it must not be kept.
                    sql::rollback(conn).await.ok();
                    error
                }
            },
        };
        let explained = fault::explain(&error);
        match explained.passes {
            // A transaction that could not be rolled back makes the next one fail for good.
            // Who waits for the store tells people, once; who does not gets the error.
            Some(_) => tracing::debug!(%error, "the store cannot be written now"),
            None => self.fail(&explained.why, &error),
        }
        Err(explained)
    }

    fn fail(&mut self, why: &str, error: &sqlx::Error) {
        tracing::error!(%error, "the store failed and writes nothing more");
        let more = format!("{why}; the store failed before and writes nothing more");
        if let Ok(conn) = std::mem::replace(&mut self.conn, Err(Explained::for_good(more))) {
            std::mem::forget(conn);
        }
    }

    async fn close(self) -> Result<()> {
        let Ok(mut conn) = self.conn else { return Ok(()) };
        let closed = match sql::checkpoint(&mut conn).await {
            Ok(()) => conn.close().await,
            Err(error) => {
                std::mem::forget(conn);
                Err(error)
            }
        };
        closed.map_err(|error| Fault::Sql(error).into_store("closing the store"))
    }
}

/// Begins a batch. A lock that somebody else keeps is waited for: answers that wait to be written
/// are worth more than the time, and nothing is sent meanwhile.
async fn begin(conn: &mut SqliteConnection, waits: u32) -> sqlx::Result<()> {
    for waited in 1..waits {
        match sql::begin_batch(conn).await {
            Err(error) if fault::is_busy(&error) => {
                if waited == 1 {
                    tracing::warn!(%error, "the store is locked by another program; waiting");
                }
            }
            begun => return begun,
        }
    }
    sql::begin_batch(conn).await
}

/// How often a lock is waited for where so many ask again by themselves.
fn lock_waits(asking_again: usize) -> u32 {
    if asking_again > 0 { ASKED_AGAIN } else { LOCK_WAITS }
}

async fn run_all(
    conn: &mut SqliteConnection,
    batch: &mut [Box<dyn Operation>],
) -> sqlx::Result<()> {
    // Each round trip to the database costs as much as a statement, so the savepoint of one
    // operation is released and that of the next is set in one of them.
    let last = batch.len().saturating_sub(1);
    for (at, op) in batch.iter_mut().enumerate() {
        match op.run(conn).await {
            Ok(()) if at < last => sql::next_operation(conn).await?,
            Ok(()) => {}
            // The operation has its answer; its neighbours keep theirs.
            Err(Fault::Store(_)) => sql::undo_operation(conn).await?,
            Err(Fault::Sql(error)) => return Err(error),
        }
    }
    sql::commit(conn).await
}

impl<F, T> Operation for Op<F, T>
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
{
    fn run<'c>(&'c mut self, conn: &'c mut SqliteConnection) -> Work<'c, ()> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return Ok(()) };
            match work(conn).await {
                Ok(answer) => {
                    self.answer = Some(Ok(answer));
                    Ok(())
                }
                Err(Fault::Store(error)) => {
                    self.answer = Some(Err(error));
                    Err(fault::broken("answered"))
                }
                Err(fault) => Err(fault),
            }
        })
    }

    fn reply(self: Box<Self>, batch: std::result::Result<(), &Explained>) {
        let failed = |why: Explained| Err(why.into_store(self.what));
        let answer = match batch {
            Ok(()) => {
                self.answer.unwrap_or_else(|| failed(Explained::for_good("it was never run")))
            }
            Err(why) => failed(why.clone()),
        };
        // The caller may have stopped waiting; what was committed stands.
        self.reply.send(answer).ok();
    }
}

fn closed(what: &'static str) -> StoreError {
    StoreError::Failed { what, why: "the store is closed".to_owned() }
}

#[cfg(test)]
mod tests {
    use sqlx::Connection;

    use super::*;

    #[tokio::test]
    async fn a_lock_is_waited_for_half_a_minute_and_less_while_somebody_asks_again() {
        let conn = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let writer = Writer::start(conn);
        let waits = || lock_waits(writer.asking_again.load(Ordering::Relaxed));
        assert_eq!(waits() * 5, 30);
        writer.is_asked_again(true);
        writer.is_asked_again(true);
        writer.is_asked_again(false);
        assert_eq!(waits() * 5, 10);
        writer.is_asked_again(false);
        assert_eq!(waits() * 5, 30);
    }
}
