//! What can go wrong inside the SQLite store, and in which words it is told. Whether the writer
//! may go on after it is decided here too: only a fault that certainly changed nothing that counts
//! is survived.

use sqlx::migrate::MigrateError;

use crate::store::StoreError;

/// An error inside a transaction.
#[derive(Debug)]
pub enum Fault {
    /// An answer for the caller of this operation alone.
    Store(StoreError),
    /// SQLite or the disk failed.
    Sql(sqlx::Error),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            // A guard of the schema, or a value that no version of this program writes.
            sqlx::Error::Database(inner) if primary(&error) == Some(CONSTRAINT) => {
                broken(format!("a guard of its schema refused a change: {inner}"))
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => broken(error.to_string()),
            _ => Fault::Sql(error),
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Fault::Store(error)
    }
}

impl Fault {
    /// The error for the caller who was doing `what`.
    pub(super) fn into_store(self, what: &'static str) -> StoreError {
        match self {
            Fault::Store(error) => error,
            Fault::Sql(error) => explain(&error).into_store(what),
        }
    }
}

const BUSY: i32 = 5;
const READONLY: i32 = 8;
const READONLY_ROLLBACK: i32 = 776;
const IOERR: i32 = 10;
const IOERR_READ: i32 = 266;
const IOERR_WRITE: i32 = 778;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const CONSTRAINT: i32 = 19;
const NOTADB: i32 = 26;

/// What the store holds contradicts itself.
pub(super) fn broken(what: impl Into<String>) -> Fault {
    Fault::Store(StoreError::Broken(what.into()))
}

/// What went wrong with the database, in words, and whether it may pass.
#[derive(Clone, Debug)]
pub(super) struct Explained {
    /// What SQLite or the disk said, and what to do next.
    pub(super) why: String,
    /// What is the matter, if nothing was changed and asking again may succeed.
    pub(super) passes: Option<&'static str>,
}

impl Explained {
    /// One that does not pass.
    pub(super) fn for_good(why: impl Into<String>) -> Self {
        Self { why: why.into(), passes: None }
    }

    /// The error for the caller who was doing `what`.
    pub(super) fn into_store(self, what: &'static str) -> StoreError {
        let Self { why, passes } = self;
        match passes {
            Some(cause) => StoreError::OutOfReach { what, cause, why },
            None => StoreError::Failed { what, why },
        }
    }
}

/// What is the matter, if it may pass and a transaction that was rolled back after it has certainly
/// changed nothing. SQLite says "full" and "I/O error of a write" only where a write failed, and a
/// transaction counts from the write of its last frame on; what was written of it before is beyond
/// the end of the log, and the next transaction overwrites it. An fsync that failed is not among
/// these: nobody knows what is on the disk then, and a second one would not tell.
fn passes(error: &sqlx::Error) -> Option<&'static str> {
    match (primary(error), extended(error)) {
        (Some(BUSY), _) => Some("another program holds it"),
        (Some(FULL), _) => Some("the disk is full"),
        (_, Some(IOERR_READ | IOERR_WRITE)) => Some("the disk fails"),
        _ if matches!(error, sqlx::Error::PoolTimedOut) => Some("it does not answer"),
        _ => None,
    }
}

/// Whether another process held the lock for longer than the time that is waited.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    primary(error) == Some(BUSY)
}

/// Whether the disk failed or is full, so that nobody knows what of the last writes is on it.
pub(super) fn is_of_the_disk(error: &sqlx::Error) -> bool {
    matches!(primary(error), Some(IOERR | FULL))
}

/// Whether a transaction with a journal was cut off, which only a writer may undo.
pub(super) fn is_cut_off(error: &sqlx::Error) -> bool {
    extended(error) == Some(READONLY_ROLLBACK)
}

/// Whether the file is damaged, or not a database at all.
pub(super) fn is_damage(error: &sqlx::Error) -> bool {
    matches!(primary(error), Some(CORRUPT | NOTADB))
}

/// Whether the file is not a database at all.
pub(super) fn is_not_a_database(error: &sqlx::Error) -> bool {
    primary(error) == Some(NOTADB)
}

/// The error in words: what the disk or SQLite said, and what to do next.
pub(super) fn explain(error: &sqlx::Error) -> Explained {
    Explained { why: in_words(error), passes: passes(error) }
}

/// The error in words.
pub(super) fn in_words(error: &sqlx::Error) -> String {
    let advice = match primary(error) {
        Some(BUSY) => {
            "another process holds the store and keeps it; wait until it is \
                       done or stop it, then resume"
        }
        Some(FULL) => "the disk is full; free some space, then resume",
        Some(IOERR) => "the disk failed; nothing more is written; check it, then resume",
        Some(READONLY) => "the store may not be written; check the rights of its file and folder",
        Some(CANTOPEN) => "the store cannot be opened; check the rights of its file and folder",
        Some(CORRUPT | NOTADB) => {
            "the file is damaged; keep it, and use another store until it is repaired"
        }
        _ => return error.to_string(),
    };
    format!("{advice} ({error})")
}

/// What went wrong in a migration, as an ordinary error of the database.
pub(super) fn of_migration(error: MigrateError) -> Fault {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => Fault::Store(StoreError::Refused(format!(
            "the store's schema is not one that this version knows: {other}; use the version of \
             fleetsweep that wrote it, or another store"
        ))),
    }
}

/// SQLite's primary result code.
fn primary(error: &sqlx::Error) -> Option<i32> {
    extended(error).map(|code| code & 0xff)
}

/// SQLite's extended result code, which is what sqlx tells.
fn extended(error: &sqlx::Error) -> Option<i32> {
    let sqlx::Error::Database(error) = error else { return None };
    error.code()?.parse::<i32>().ok()
}
