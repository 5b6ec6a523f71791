//! Transactions and the operations in them, and writing the log back.

use sqlx::SqliteConnection;

/// Begins a transaction with the lock for writing.
pub(in super::super) async fn begin_immediate(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    execute(conn, "BEGIN IMMEDIATE").await
}

/// Begins a transaction with the lock for writing, and the first operation of a batch in it.
pub(in super::super) async fn begin_batch(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    execute(conn, "BEGIN IMMEDIATE; SAVEPOINT operation").await
}

/// Keeps an operation and begins the next.
pub(in super::super) async fn next_operation(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    execute(conn, "RELEASE operation; SAVEPOINT operation").await
}

/// Undoes an operation and nothing else; the next one may take its place.
pub(in super::super) async fn undo_operation(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    execute(conn, "ROLLBACK TO operation").await
}

/// Commits, the last operation included; with `synchronous=FULL` it returns after the fsync.
pub(in super::super) async fn commit(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    execute(conn, "COMMIT").await
}

/// Undoes the transaction.
pub(in super::super) async fn rollback(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    execute(conn, "ROLLBACK").await
}

/// Writes the log back into the file and empties it.
pub(in super::super) async fn checkpoint(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    execute(conn, "PRAGMA wal_checkpoint(TRUNCATE)").await
}

async fn execute(conn: &mut SqliteConnection, sql: &'static str) -> sqlx::Result<()> {
    sqlx::query(sql).execute(conn).await.map(drop)
}
